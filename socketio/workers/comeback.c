#include "socketio/workers/comeback.h"

#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/recovery.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/* ---- who has it ---- */

/* No path of a server: those begin with a slash. */
static const eio_slice lost = { "lost", 4 };

static sio_directory *directory_of(const sio_namespace *nsp)
{
    const sio_sibling *member = nsp->server->member;

    return member == NULL ? NULL : &member->worker->group->directory;
}

void sio_comeback_announce(sio_namespace *nsp, eio_slice pid)
{
    sio_directory *directory = directory_of(nsp);

    if (directory != NULL)
        (void)sio_directory_add(directory, lost, pid, nsp->server->member->worker->index);
}

void sio_comeback_forget(sio_namespace *nsp, eio_slice pid)
{
    sio_directory *directory = directory_of(nsp);

    if (directory != NULL)
        sio_directory_remove(directory, lost, pid);
}

/* ---- who waits ---- */

typedef struct waiting {
    uint64_t id;
    sio_socket *socket; /* a reference */
} waiting;

static waiting *find_waiting(const sio_sibling *member, uint64_t id)
{
    return eio_table_find(&member->returning, (eio_slice){ (const char *)&id, sizeof(id) });
}

static void free_waiting(sio_sibling *member, waiting *one)
{
    eio_table_remove(&member->returning, one);
    sio_socket_unref(one->socket);
    free(one);
}

static waiting *wait_for(sio_sibling *member, sio_socket *socket)
{
    waiting *one = malloc(sizeof(*one));

    if (one == NULL)
        return NULL;
    *one = (waiting){ ++member->last_id, socket };
    if (eio_table_add(&member->returning, one) != EIO_OK) {
        free(one);
        return NULL;
    }
    sio_socket_ref(socket);
    return one;
}

void sio_comeback_end_all(sio_sibling *member)
{
    waiting *one;
    size_t at = 0;

    while ((one = eio_table_next(&member->returning, &at)) != NULL) {
        free_waiting(member, one);
        at = 0;
    }
}

/* ---- what travels: a question, which becomes its answer ---- */

typedef struct passage {
    sio_mail mail;
    sio_family *family;
    unsigned from, to;  /* who asks, who is asked */
    uint64_t id;        /* of who waits */
    sio_comeback *what; /* own; NULL: nothing */
    size_t nsp_len, auth_len;
    char texts[]; /* the namespace's name, the auth */
} passage;

static sio_recovery *recovery_of(const passage *way, const sio_sibling *member)
{
    sio_server *server = member->server;
    const sio_namespace *nsp =
        server == NULL || server->is_closing
            ? NULL
            : sio_server_find_namespace(server, (eio_slice){ way->texts, way->nsp_len });

    return nsp == NULL ? NULL : nsp->recovery;
}

static void drop_answer(sio_mail *mail)
{
    passage *way = (passage *)mail;

    sio_comeback_free(way->what);
    free(way);
}

static void read_answer(sio_mail *mail, void *owner)
{
    passage *way = (passage *)mail;
    const sio_worker *worker = owner;
    sio_sibling *member = &way->family->members[worker->index];
    sio_recovery *recovery = recovery_of(way, member);
    waiting *one = find_waiting(member, way->id);

    if (one != NULL && recovery != NULL) {
        sio_recovery_arrive(recovery, one->socket, way->what, way->to);
        sio_server_wake(member->server);
        way->what = NULL;
    }
    if (one != NULL)
        free_waiting(member, one);
    drop_answer(mail);
}

static void post(passage *way, unsigned to)
{
    (void)sio_mailbox_post(&way->family->group->workers[to].mailbox, &way->mail, false);
}

/* Also with nothing, when nobody is there any more: who asks waits for it. */
static void drop_question(sio_mail *mail)
{
    passage *way = (passage *)mail;

    way->mail = (sio_mail){ NULL, sizeof(*way), read_answer, drop_answer };
    post(way, way->from);
}

static void read_question(sio_mail *mail, void *owner)
{
    passage *way = (passage *)mail;
    const sio_worker *worker = owner;
    sio_recovery *recovery = recovery_of(way, &way->family->members[worker->index]);

    if (recovery != NULL)
        way->what =
            sio_recovery_give(recovery, (eio_slice){ way->texts + way->nsp_len, way->auth_len });
    drop_question(mail);
}

bool sio_comeback_ask(sio_socket *socket, eio_slice pid, eio_slice auth)
{
    const sio_namespace *nsp = socket->nsp;
    sio_sibling *member = nsp->server->member;
    eio_slice name = sio_namespace_name(nsp);
    unsigned to;

    if (member == NULL || pid.len != EIO_RANDOM_ID_LEN + 2 ||
        !sio_directory_find(&member->worker->group->directory, lost,
                            (eio_slice){ pid.base + 1, (size_t)EIO_RANDOM_ID_LEN }, &to) ||
        to == member->worker->index)
        return false;
    passage *way = calloc(1, sizeof(*way) + name.len + auth.len);
    waiting *one = way == NULL ? NULL : wait_for(member, socket);
    if (one == NULL) {
        free(way);
        return false;
    }
    way->mail = (sio_mail){ NULL, sizeof(*way), read_question, drop_question };
    way->family = member->family;
    way->from = member->worker->index;
    way->to = to;
    way->id = one->id;
    way->nsp_len = name.len;
    way->auth_len = auth.len;
    memcpy(way->texts, name.base, name.len);
    memcpy(way->texts + name.len, auth.base, auth.len);
    post(way, to);
    return true;
}
