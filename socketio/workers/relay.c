#include "socketio/workers/relay.h"

#include <stdlib.h>

#include "socketio/event.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/workers/comeback.h"

/* ---- the asking side ---- */

typedef struct pending {
    uint64_t id;
    sio_gather *gather; /* a reference */
    unsigned left;      /* answers */
} pending;

static eio_slice key_of(const void *item)
{
    const pending *one = item;

    return (eio_slice){ (const char *)&one->id, sizeof(one->id) };
}

static void free_pending(sio_sibling *member, pending *one)
{
    eio_table_remove(&member->pending, one);
    sio_gather_unref(one->gather);
    free(one);
}

void sio_relay_init(sio_sibling *member)
{
    eio_table_init(&member->pending, key_of);
    eio_table_init(&member->returning, key_of); /* whose items begin with an id as well */
}

void sio_relay_end_all(sio_sibling *member)
{
    pending *one;
    size_t at = 0;

    while ((one = eio_table_next(&member->pending, &at)) != NULL) {
        free_pending(member, one);
        at = 0;
    }
    sio_comeback_end_all(member);
    eio_table_fini(&member->pending);
    eio_table_fini(&member->returning);
    sio_relay_init(member);
}

uint64_t sio_relay_expect(sio_sibling *member, sio_gather *gather, unsigned answers)
{
    pending *one = malloc(sizeof(*one));

    if (one == NULL)
        return 0;
    *one = (pending){ ++member->last_id, gather, answers };
    if (eio_table_add(&member->pending, one) != EIO_OK) {
        free(one);
        return 0;
    }
    sio_gather_ref(gather);
    for (unsigned i = 0; i < answers; i++)
        sio_gather_hold(gather);
    return one->id;
}

uint64_t sio_relay_left_ms(const sio_gather *gather)
{
    uint64_t now = uv_now(gather->nsp->server->loop->uv);
    uint64_t due = gather->timeout.due_ms;

    return due > now ? due - now : 1;
}

/* ---- what travels ---- */

typedef struct reply {
    sio_mail mail;
    sio_family *family;
    uint64_t id;
    sio_event *response;     /* own; NULL: no response */
    sio_found_socket *found; /* own; NULL: no socket */
    size_t number;           /* of the end, of sockets that were counted */
    int status;              /* of the end, which is none of these */
} reply;

static void free_reply(sio_mail *mail)
{
    reply *what = (reply *)mail;

    sio_event_unref(what->response);
    free(what->found);
    free(what);
}

static void end_one(sio_sibling *member, pending *one, int status)
{
    if (status == EIO_OK)
        sio_gather_release(one->gather);
    if (--one->left == 0)
        free_pending(member, one);
}

static void read_reply(sio_mail *mail, void *owner)
{
    reply *what = (reply *)mail;
    const sio_worker *worker = owner;
    sio_sibling *member = &what->family->members[worker->index];
    pending *one =
        eio_table_find(&member->pending, (eio_slice){ (const char *)&what->id, sizeof(what->id) });

    if (one != NULL && what->response != NULL) {
        sio_gather_expect(one->gather, 1);
        sio_gather_add_response(one->gather, sio_event_args(what->response));
    } else if (one != NULL && what->found != NULL) {
        sio_gather_add_socket(one->gather, what->found);
    } else if (one != NULL) {
        sio_gather_add_count(one->gather, what->number);
        end_one(member, one, what->status);
    }
    free_reply(mail);
}

/* content: its response or socket is taken. */
static void post(const sio_letter *letter, reply content)
{
    reply *what = malloc(sizeof(*what));

    if (what == NULL) {
        sio_event_unref(content.response);
        free(content.found);
        return; /* the asking side times out */
    }
    *what = content;
    what->mail = (sio_mail){ NULL, sizeof(*what), read_reply, free_reply };
    what->family = letter->family;
    what->id = letter->pending_id;
    (void)sio_mailbox_post(&letter->family->group->workers[letter->from].mailbox, &what->mail,
                           false);
}

void sio_relay_respond(const sio_letter *letter, sio_args args)
{
    sio_event first = { .args = args };
    sio_event *copy = sio_event_ref(&first);

    if (copy != NULL)
        post(letter, (reply){ .response = copy });
}

void sio_relay_end(const sio_letter *letter, int status)
{
    if (letter->pending_id != 0)
        post(letter, (reply){ .status = status });
}

void sio_relay_end_count(const sio_letter *letter, int status, size_t number)
{
    if (letter->pending_id != 0)
        post(letter, (reply){ .number = number, .status = status });
}

/* ---- the answering side ---- */

static void pass_response(sio_gather *gather, const void *item)
{
    sio_relay_respond(gather->data, ((const sio_event *)item)->args);
}

static void pass_found(sio_gather *gather, const void *item)
{
    sio_found_socket *copy = sio_found_copy(item);

    if (copy == NULL)
        return;
    sio_socket_unref(copy->socket);
    copy->socket = NULL; /* it is of another loop */
    post(gather->data, (reply){ .found = copy });
}

static void end_relay(sio_letter *letter, int status)
{
    sio_relay_end(letter, status);
    sio_letter_unref(letter);
}

static void end_responses(sio_namespace *nsp, int status, const sio_args *responses, size_t count,
                          void *data)
{
    (void)nsp;
    (void)responses;
    (void)count;
    end_relay(data, status);
}

static void end_found(sio_namespace *nsp, int status, const sio_found_socket *sockets, size_t count,
                      void *data)
{
    (void)nsp;
    (void)sockets;
    (void)count;
    end_relay(data, status);
}

static void *hold(const sio_letter *letter)
{
    sio_letter *held = (sio_letter *)(uintptr_t)letter;

    atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
    return held;
}

int sio_relay_gather_responses(sio_gather **out, sio_namespace *nsp, const sio_letter *letter)
{
    int rc = sio_gather_new_responses(out, nsp, letter->timeout_ms, end_responses, NULL);

    if (rc != EIO_OK)
        return rc;
    (*out)->data = hold(letter);
    (*out)->pass = pass_response;
    return EIO_OK;
}

int sio_relay_gather_found(sio_gather **out, sio_namespace *nsp, const sio_letter *letter)
{
    int rc = sio_gather_new_found(out, nsp, letter->timeout_ms, end_found, NULL);

    if (rc != EIO_OK)
        return rc;
    (*out)->data = hold(letter);
    (*out)->pass = pass_found;
    return EIO_OK;
}

static void end_count(sio_namespace *nsp, int status, size_t number, void *data)
{
    sio_letter *letter = data;

    (void)nsp;
    sio_relay_end_count(letter, status, number);
    sio_letter_unref(letter);
}

int sio_relay_gather_count(sio_gather **out, sio_namespace *nsp, const sio_letter *letter)
{
    int rc = sio_gather_new_count(out, nsp, letter->timeout_ms, end_count, NULL);

    if (rc == EIO_OK)
        (*out)->data = hold(letter);
    return rc;
}
