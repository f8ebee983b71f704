/* Who belongs together, and requests that came to the wrong worker. */
#include "engineio/family.h"

#include <stdlib.h>

#include "engineio/http/handover.h"
#include "socketio/workers/group.h"
#include "socketio/workers/relay.h"

/* ---- a request goes to another worker ---- */

typedef struct passage {
    sio_mail mail;
    sio_family *family;
    unsigned to;
    eio_http_traveller *traveller; /* own */
} passage;

static void arrive(sio_mail *mail, void *owner)
{
    passage *way = (passage *)mail;
    const sio_worker *worker = owner;
    const sio_sibling *member = &way->family->members[worker->index];

    if (member->engine != NULL)
        eio_http_arrive(eio_server_http(member->engine), way->traveller);
    else
        eio_http_traveller_free(way->traveller);
    free(way);
}

static void drop_passage(sio_mail *mail)
{
    passage *way = (passage *)mail;

    eio_http_traveller_free(way->traveller);
    free(way);
}

static void handle_gone(eio_http_traveller *traveller, void *data)
{
    passage *way = data;

    way->traveller = traveller;
    if (traveller == NULL)
        free(way);
    else
        (void)sio_mailbox_post(&way->family->group->workers[way->to].mailbox, &way->mail, false);
}

static eio_slice path_of(const sio_family *family)
{
    return eio_slice_of(family->path);
}

static bool handle_stray(eio_server *engine, eio_http_request *request, eio_slice sid, void *data)
{
    const sio_sibling *member = data;
    sio_workers *group = member->worker->group;
    unsigned to;

    (void)engine;
    if (!sio_directory_find(&group->directory, path_of(member->family), sid, &to) ||
        to == member->worker->index)
        return false;
    passage *way = calloc(1, sizeof(*way));
    if (way == NULL)
        return false;
    way->mail = (sio_mail){ NULL, sizeof(*way), arrive, drop_passage };
    way->family = member->family;
    way->to = to;
    if (eio_http_depart(request, handle_gone, way) == EIO_OK)
        return true;
    free(way);
    return false;
}

/* ---- sessions come and go ---- */

static int handle_opened(eio_server *engine, eio_slice sid, void *data)
{
    const sio_sibling *member = data;

    (void)engine;
    return sio_directory_add(&member->worker->group->directory, path_of(member->family), sid,
                             member->worker->index);
}

static void handle_closed(eio_server *engine, eio_slice sid, void *data)
{
    const sio_sibling *member = data;

    (void)engine;
    sio_directory_remove(&member->worker->group->directory, path_of(member->family), sid);
}

/* ---- families ---- */

static void free_family(sio_family *family)
{
    free(family->path);
    free(family);
}

static sio_family *new_family(sio_workers *group, const char *path)
{
    unsigned count = group->options.count;
    sio_family *family = calloc(1, sizeof(*family) + count * sizeof(sio_sibling));

    if (family == NULL)
        return NULL;
    family->group = group;
    family->path = strdup(path);
    if (family->path == NULL) {
        free(family);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        family->members[i].family = family;
        family->members[i].worker = &group->workers[i];
        sio_relay_init(&family->members[i]);
    }
    return family;
}

static sio_family *need_family(sio_workers *group, const char *path)
{
    sio_family *family;

    uv_mutex_lock(&group->lock);
    SLIST_FOREACH(family, &group->families, link)
        if (strcmp(family->path, path) == 0)
            break;
    if (family == NULL) {
        family = new_family(group, path);
        if (family != NULL)
            SLIST_INSERT_HEAD(&group->families, family, link);
    }
    uv_mutex_unlock(&group->lock);
    return family;
}

void sio_families_free(sio_workers *group)
{
    while (!SLIST_EMPTY(&group->families)) {
        sio_family *family = SLIST_FIRST(&group->families);
        SLIST_REMOVE_HEAD(&group->families, link);
        free_family(family);
    }
}

int sio_family_join(sio_sibling **out, sio_worker *worker, const char *path)
{
    sio_family *family = need_family(worker->group, path);

    if (family == NULL)
        return EIO_E_NOMEM;
    if (family->members[worker->index].engine != NULL)
        return EIO_E_EXISTS;
    *out = &family->members[worker->index];
    return EIO_OK;
}

void sio_sibling_attach(sio_sibling *member, eio_server *engine, sio_server *server)
{
    static const eio_family callbacks = {
        .opened = handle_opened,
        .closed = handle_closed,
        .stray = handle_stray,
    };

    member->engine = engine;
    member->server = server;
    eio_server_set_family(engine, &callbacks, member);
}

void sio_sibling_detach(sio_sibling *member)
{
    sio_relay_end_all(member);
    member->engine = NULL;
    member->server = NULL;
}

int sio_worker_add_engine(sio_worker *worker, eio_server *engine)
{
    sio_sibling *member;
    int rc = sio_family_join(&member, worker, eio_server_path(engine));

    if (rc == EIO_OK)
        sio_sibling_attach(member, engine, NULL);
    return rc;
}

void sio_worker_remove_engine(sio_worker *worker, const eio_server *engine)
{
    sio_family *family;

    uv_mutex_lock(&worker->group->lock);
    SLIST_FOREACH(family, &worker->group->families, link)
        if (family->members[worker->index].engine == engine)
            break;
    uv_mutex_unlock(&worker->group->lock);
    if (family != NULL)
        sio_sibling_detach(&family->members[worker->index]);
}
