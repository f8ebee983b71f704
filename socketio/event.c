#include "socketio/event.h"

#include <stdlib.h>

#include "socketio/emit.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/* ---- in ---- */

static void call_handlers(sio_socket *socket, sio_event *event, const sio_callbacks *list)
{
    if (list == NULL)
        return;
    for (uint32_t i = 0; i < list->count && socket->state == SOCKET_CONNECTED; i++)
        list->items[i].call.on_event(socket, event, list->items[i].data);
}

static bool is_let_through(sio_socket *socket, sio_event *event)
{
    const sio_callbacks *filters = &socket->nsp->filters;

    for (uint32_t i = 0; i < filters->count && socket->state == SOCKET_CONNECTED; i++) {
        const char *refusal = filters->items[i].call.filter(socket, event, filters->items[i].data);
        if (refusal == NULL)
            continue;
        sio_socket_tell_error(socket, refusal);
        return false;
    }
    return true;
}

static void call_named(sio_socket *socket, sio_event *event)
{
    call_handlers(socket, event, sio_handlers_find(&socket->nsp->events, event->name));
    if (socket->extra != NULL)
        call_handlers(socket, event, sio_handlers_find(&socket->extra->events, event->name));
}

void sio_event_dispatch(sio_socket *socket, const sio_packet *packet)
{
    const sio_namespace *nsp = socket->nsp;
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
    if (is_let_through(socket, &event))
        call_named(socket, &event);
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

/* One block: the event, the slices of its arguments, its attachments, then the texts. */
static sio_event *copy_event(const sio_event *event)
{
    const sio_args *from = &event->args;
    size_t tables =
        from->count * sizeof(*from->json) + from->attachment_count * sizeof(eio_buffer *);
    sio_event *copy = malloc(sizeof(*copy) + tables + bytes_of(event));

    if (copy == NULL)
        return NULL;
    eio_slice *json = (eio_slice *)(copy + 1);
    eio_buffer **attachments = (eio_buffer **)(json + from->count);
    char *text = (char *)(attachments + from->attachment_count);
    *copy = (sio_event){
        .refs = 1,
        .name = copy_slice(&text, event->name),
        .args = { json, from->count, attachments, from->attachment_count },
    };
    for (size_t i = 0; i < from->count; i++)
        json[i] = copy_slice(&text, from->json[i]);
    for (size_t i = 0; i < from->attachment_count; i++)
        attachments[i] = eio_buffer_ref(from->attachments[i]);
    return copy;
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
    for (size_t i = 0; i < event->args.attachment_count; i++)
        eio_buffer_unref(event->args.attachments[i]);
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
