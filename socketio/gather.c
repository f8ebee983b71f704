#include "socketio/gather.h"

#include <stdlib.h>

#include "socketio/event.h"
#include "socketio/namespace.h"
#include "socketio/server.h"

enum { FIRST_ITEMS = 8 };

/* ---- life ---- */

sio_gather *sio_gather_ref(sio_gather *gather)
{
    gather->refs++;
    return gather;
}

void sio_gather_unref(sio_gather *gather)
{
    if (gather == NULL || --gather->refs > 0)
        return;
    for (size_t i = 0; i < gather->count && gather->items != NULL; i++)
        gather->free_item(gather->items[i]);
    free(gather->items);
    free(gather);
}

static void detach(sio_gather *gather)
{
    sio_server *server = gather->nsp->server;

    gather->is_ended = true;
    sio_timeout_stop(&server->timeouts, &gather->timeout);
    sio_acks_cancel_siblings(&gather->siblings);
    TAILQ_REMOVE(&server->gathers, gather, link);
}

static void end(sio_gather *gather, int status)
{
    sio_server *server = gather->nsp->server;

    detach(gather);
    gather->status = status;
    TAILQ_INSERT_TAIL(&server->ended_gathers, gather, link);
    sio_server_wake(server);
}

void sio_gather_cancel(sio_gather *gather)
{
    if (gather->is_ended)
        TAILQ_REMOVE(&gather->nsp->server->ended_gathers, gather, link);
    else
        detach(gather);
    sio_gather_unref(gather);
}

int sio_gather_asked(sio_gather *gather, int rc)
{
    if (rc != EIO_OK)
        sio_gather_cancel(gather);
    else
        sio_gather_release(gather);
    return rc;
}

static void handle_timeout(sio_timeout *timeout)
{
    sio_gather *gather = (sio_gather *)((char *)timeout - offsetof(sio_gather, timeout));

    gather->nsp->server->counters.acks_timed_out++;
    end(gather, EIO_E_TIMEOUT);
}

static int start(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms)
{
    sio_gather *gather = calloc(1, sizeof(*gather));

    if (gather == NULL)
        return EIO_E_NOMEM;
    gather->nsp = nsp;
    gather->refs = 1;
    gather->holds = 1;
    LIST_INIT(&gather->siblings);
    if (sio_timeout_start(&nsp->server->timeouts, &gather->timeout, timeout_ms, handle_timeout) !=
        EIO_OK) {
        free(gather);
        return EIO_E_NOMEM;
    }
    TAILQ_INSERT_TAIL(&nsp->server->gathers, gather, link);
    *out = gather;
    return EIO_OK;
}

uint64_t sio_gather_default_ms(const sio_namespace *nsp)
{
    uint64_t asked = nsp->adapter->request_timeout_ms;

    return asked == 0 ? SIO_GATHER_DEFAULT_MS : asked;
}

/* ---- counting ---- */

static void end_if_complete(sio_gather *gather)
{
    if (!gather->is_ended && gather->holds == 0 && gather->count >= gather->expected)
        end(gather, EIO_OK);
}

void sio_gather_hold(sio_gather *gather)
{
    gather->holds++;
}

void sio_gather_release(sio_gather *gather)
{
    if (gather->is_ended)
        return;
    if (--gather->holds == 0 && gather->is_relay)
        gather->call.relay->on_count(gather->expected, gather->data);
    end_if_complete(gather);
}

void sio_gather_expect(sio_gather *gather, size_t count)
{
    gather->expected += count;
}

/* item: taken. */
static void add_item(sio_gather *gather, void *item)
{
    if (item != NULL && gather->count == gather->capacity) {
        size_t capacity = gather->capacity == 0 ? FIRST_ITEMS : gather->capacity * 2;
        void **items = realloc(gather->items, capacity * sizeof(void *));
        if (items == NULL) {
            gather->free_item(item);
            item = NULL;
        } else {
            gather->items = items;
            gather->capacity = capacity;
        }
    }
    if (item == NULL) {
        end(gather, EIO_E_NOMEM);
        return;
    }
    gather->items[gather->count++] = item;
    if (gather->pass != NULL)
        gather->pass(gather, item);
    end_if_complete(gather);
}

/* ---- responses ---- */

static void free_response(void *item)
{
    sio_event_unref(item);
}

static void finish_responses(sio_gather *gather)
{
    sio_args *responses = calloc(gather->count + 1, sizeof(*responses));
    size_t count = responses == NULL ? 0 : gather->count;

    for (size_t i = 0; i < count; i++)
        responses[i] = sio_event_args(gather->items[i]);
    gather->call.on_responses(gather->nsp, responses == NULL ? EIO_E_NOMEM : gather->status,
                              responses, count, gather->data);
    free(responses);
}

int sio_gather_new_responses(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                             sio_responses_cb *callback, void *data)
{
    int rc = start(out, nsp, timeout_ms);

    if (rc != EIO_OK)
        return rc;
    (*out)->finish = finish_responses;
    (*out)->free_item = free_response;
    (*out)->call.on_responses = callback;
    (*out)->data = data;
    return EIO_OK;
}

void sio_gather_add_response(sio_gather *gather, sio_args args)
{
    sio_event first = { .args = args };

    if (gather->is_ended)
        return;
    if (first.args.count > 1)
        first.args.count = 1;
    if (gather->is_relay) {
        gather->count++;
        gather->call.relay->on_response(first.args, gather->data);
        end_if_complete(gather);
        return;
    }
    add_item(gather, sio_event_ref(&first));
}

static void finish_relay(sio_gather *gather)
{
    gather->call.relay->on_end(gather->data);
}

int sio_gather_new_relay(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                         const sio_gather_relay *relay, void *data)
{
    int rc = start(out, nsp, timeout_ms);

    if (rc != EIO_OK)
        return rc;
    (*out)->finish = finish_relay;
    (*out)->is_relay = true;
    (*out)->call.relay = relay;
    (*out)->data = data;
    return EIO_OK;
}

/* ---- sockets ---- */

static void free_found(void *item)
{
    sio_found_socket *found = item;

    sio_socket_unref(found->socket);
    free(found);
}

static void finish_found(sio_gather *gather)
{
    sio_found_socket *sockets = calloc(gather->count + 1, sizeof(*sockets));
    size_t count = sockets == NULL ? 0 : gather->count;

    for (size_t i = 0; i < count; i++)
        sockets[i] = *(const sio_found_socket *)gather->items[i];
    gather->call.on_found(gather->nsp, sockets == NULL ? EIO_E_NOMEM : gather->status, sockets,
                          count, gather->data);
    free(sockets);
}

int sio_gather_new_found(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                         sio_found_cb *callback, void *data)
{
    int rc = start(out, nsp, timeout_ms);

    if (rc != EIO_OK)
        return rc;
    (*out)->finish = finish_found;
    (*out)->free_item = free_found;
    (*out)->call.on_found = callback;
    (*out)->data = data;
    return EIO_OK;
}

static eio_slice copy_slice(char **to, eio_slice from)
{
    const eio_slice copy = { from.base == NULL ? NULL : *to, from.len };

    if (from.base != NULL)
        memcpy(*to, from.base, from.len);
    *to += from.len;
    return copy;
}

/* One block: the description, the names of its rooms, then all texts. */
sio_found_socket *sio_found_copy(const sio_found_socket *from)
{
    size_t bytes = from->id.len + from->handshake.len + from->data.len;

    for (size_t i = 0; i < from->rooms.count; i++)
        bytes += from->rooms.names[i].len;
    sio_found_socket *copy = malloc(sizeof(*copy) + from->rooms.count * sizeof(eio_slice) + bytes);
    if (copy == NULL)
        return NULL;
    eio_slice *names = (eio_slice *)(copy + 1);
    char *text = (char *)(names + from->rooms.count);
    *copy = *from;
    copy->id = copy_slice(&text, from->id);
    copy->handshake = copy_slice(&text, from->handshake);
    copy->data = copy_slice(&text, from->data);
    copy->rooms.names = names;
    for (size_t i = 0; i < from->rooms.count; i++)
        names[i] = copy_slice(&text, from->rooms.names[i]);
    if (copy->socket != NULL)
        sio_socket_ref(copy->socket);
    return copy;
}

void sio_gather_add_socket(sio_gather *gather, const sio_found_socket *socket)
{
    if (gather->is_counting)
        sio_gather_add_count(gather, 1);
    else if (!gather->is_ended)
        add_item(gather, sio_found_copy(socket));
}

/* ---- how many there are ---- */

static void finish_count(sio_gather *gather)
{
    gather->call.on_count(gather->nsp, gather->status, gather->number, gather->data);
}

int sio_gather_new_count(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                         sio_count_cb *callback, void *data)
{
    int rc = start(out, nsp, timeout_ms);

    if (rc != EIO_OK)
        return rc;
    (*out)->finish = finish_count;
    (*out)->is_counting = true;
    (*out)->call.on_count = callback;
    (*out)->data = data;
    return EIO_OK;
}

void sio_gather_add_count(sio_gather *gather, size_t number)
{
    if (!gather->is_ended)
        gather->number += number;
}

/* ---- ends ---- */

void sio_gathers_run_ended(sio_server *server)
{
    sio_gather *gather;

    while ((gather = TAILQ_FIRST(&server->ended_gathers)) != NULL) {
        TAILQ_REMOVE(&server->ended_gathers, gather, link);
        gather->finish(gather);
        sio_server_check_empty(gather->nsp);
        sio_gather_unref(gather);
    }
}

bool sio_gathers_has(const sio_server *server, const sio_namespace *nsp)
{
    const sio_gather *gather;

    TAILQ_FOREACH(gather, &server->gathers, link) {
        if (gather->nsp == nsp)
            return true;
    }
    return false;
}

void sio_gathers_end_all(sio_server *server)
{
    sio_gather *gather;

    while ((gather = TAILQ_FIRST(&server->gathers)) != NULL)
        end(gather, EIO_E_CLOSED);
}
