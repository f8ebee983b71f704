#include "socketio/event.h"

#include <stdlib.h>

#include "socketio/emit.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/* ---- in ---- */

/* In line: each event comes through here, and mostly to one handler. */
__attribute__((always_inline)) static inline void
call_handlers(sio_socket *socket, sio_event *event, sio_callbacks *list)
{
    sio_callback handler;
    sio_walk walk;

    if (list == NULL || list->count == 0)
        return;
    sio_walk_begin(&walk, list);
    while (socket->state == SOCKET_CONNECTED && sio_walk_next(&walk, &handler))
        handler.call.on_event(socket, event, handler.data);
    sio_walk_end(&walk);
}

void sio_event_call_named(sio_event *event)
{
    sio_socket *socket = event->socket;

    call_handlers(socket, event, sio_handlers_find(&socket->nsp->events, event->name));
    if (socket->extra != NULL)
        call_handlers(socket, event, sio_handlers_find(&socket->extra->events, event->name));
}

static bool has_middlewares(const sio_socket *socket)
{
    return socket->nsp->filters.count > 0 ||
           (socket->extra != NULL && socket->extra->filters.count > 0);
}

void sio_event_dispatch(sio_socket *socket, const sio_packet *packet)
{
    sio_namespace *nsp = socket->nsp;
    sio_event event = {
        .socket = socket,
        .name = packet->name,
        .args = packet->args,
        .ack_id = packet->id,
        .has_ack = packet->has_id,
    };

    if (packet->name.base == NULL)
        return; /* no payload: accepted, and means nothing (protocol.md D.2) */
    nsp->server->counters.events_in++;
    sio_socket_ref(socket);
    call_handlers(socket, &event, &nsp->any);
    if (has_middlewares(socket))
        sio_event_chain_begin(&event);
    else
        sio_event_call_named(&event);
    sio_socket_unref(socket);
}

eio_slice sio_event_name(const sio_event *event)
{
    return event->name;
}

sio_args sio_event_args(const sio_event *event)
{
    return event->args;
}

bool sio_event_has_ack(const sio_event *event)
{
    return event->has_ack;
}

/* ---- kept ---- */

static size_t bytes_of(const sio_event *event)
{
    size_t bytes = event->name.len;

    for (size_t i = 0; i < event->args.count; i++)
        bytes += event->args.json[i].len;
    return bytes;
}

static eio_slice copy_slice(char **to, eio_slice from)
{
    const eio_slice copy = { *to, from.len };

    if (from.len > 0)
        memcpy(*to, from.base, from.len);
    *to += from.len;
    return copy;
}

/* One block: the slices of its arguments, its attachments, then the texts. */
int sio_event_copy_parts(sio_event *event)
{
    const sio_args from = event->args;
    size_t tables = from.count * sizeof(*from.json) + from.attachment_count * sizeof(eio_buffer *);
    void *parts = malloc(tables + bytes_of(event) + 1);

    if (parts == NULL)
        return EIO_E_NOMEM;
    eio_slice *json = parts;
    eio_buffer **attachments = (eio_buffer **)(json + from.count);
    char *text = (char *)(attachments + from.attachment_count);
    for (size_t i = 0; i < from.count; i++)
        json[i] = copy_slice(&text, from.json[i]);
    for (size_t i = 0; i < from.attachment_count; i++)
        attachments[i] = eio_buffer_ref(from.attachments[i]);
    event->name = copy_slice(&text, event->name);
    event->args = (sio_args){ json, from.count, attachments, from.attachment_count };
    event->parts = parts;
    return EIO_OK;
}

void sio_event_free_parts(sio_event *event)
{
    if (event->parts == NULL)
        return;
    for (size_t i = 0; i < event->args.attachment_count; i++)
        eio_buffer_unref(event->args.attachments[i]);
    free(event->parts);
    event->parts = NULL;
}

static sio_event *copy_event(const sio_event *event)
{
    sio_event *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return NULL;
    *copy = (sio_event){ .refs = 1, .name = event->name, .args = event->args };
    if (sio_event_copy_parts(copy) == EIO_OK)
        return copy;
    free(copy);
    return NULL;
}

sio_event *sio_event_ref(sio_event *event)
{
    if (event->refs == 0)
        return copy_event(event);
    event->refs++;
    return event;
}

void sio_event_unref(sio_event *event)
{
    if (event == NULL || --event->refs > 0)
        return;
    sio_event_free_parts(event);
    free(event);
}

/* ---- acknowledgements ---- */

struct sio_ack {
    sio_socket *socket; /* counted */
    uint64_t id;
};

int sio_event_ack(sio_event *event, sio_args args)
{
    if (!event->has_ack)
        return EIO_E_STATE;
    int rc = sio_socket_send_ack(event->socket, event->ack_id, args);
    if (rc != EIO_E_LIMIT && rc != EIO_E_INVALID)
        event->has_ack = false; /* else nothing was sent, and another answer still can be */
    return rc;
}

sio_ack *sio_event_take_ack(sio_event *event)
{
    if (!event->has_ack)
        return NULL;
    sio_ack *ack = malloc(sizeof(*ack));
    if (ack == NULL)
        return NULL;
    *ack = (sio_ack){ sio_socket_ref(event->socket), event->ack_id };
    event->has_ack = false;
    return ack;
}

int sio_ack_send(sio_ack *ack, sio_args args)
{
    int rc = sio_socket_send_ack(ack->socket, ack->id, args);

    sio_ack_drop(ack);
    return rc;
}

void sio_ack_drop(sio_ack *ack)
{
    if (ack == NULL)
        return;
    sio_socket_unref(ack->socket);
    free(ack);
}

sio_socket *sio_ack_socket(const sio_ack *ack)
{
    return ack->socket;
}
