/*
 * Events of this server with connection state recovery: clients are told the id of the entry, so all wait for Redis. In
 * the order of the calls, whatever becomes of the entries; while Redis is known to be away nobody waits, and no id is
 * told.
 */
#include <stdlib.h>

#include "socketio/adapter/streams.h"

/* One block: the event, the slices of its arguments and rooms, their texts and its name. */
struct sio_late_event {
    TAILQ_ENTRY(sio_late_event) link;
    sio_streams_adapter *adapter; /* a reference */
    bool is_over;                 /* it has been delivered, and is on no list */
    sio_target target;
    eio_slice name;
    sio_args args;
    eio_buffer *attachments[]; /* shared */
};

/* ---- memory ---- */

static size_t bytes_of(const eio_slice *texts, size_t count)
{
    size_t bytes = count * sizeof(eio_slice);

    for (size_t i = 0; i < count; i++)
        bytes += texts[i].len;
    return bytes;
}

static eio_slice copy_text(char **to, eio_slice text)
{
    const eio_slice copy = { *to, text.len };

    if (text.len > 0)
        memcpy(*to, text.base, text.len);
    *to += text.len;
    return copy;
}

static const eio_slice *copy_texts(eio_slice **slices, char **to, const eio_slice *texts,
                                   size_t count)
{
    eio_slice *copies = *slices;

    for (size_t i = 0; i < count; i++)
        copies[i] = copy_text(to, texts[i]);
    *slices += count;
    return copies;
}

static sio_late_event *new_late(sio_streams_adapter *adapter, const sio_message *message,
                                const sio_target *target)
{
    const sio_args *args = &message->args;
    size_t slices = args->count + target->rooms.count + target->except.count;
    sio_late_event *event =
        calloc(1, sizeof(*event) + args->attachment_count * sizeof(eio_buffer *) +
                      bytes_of(args->json, args->count) +
                      bytes_of(target->rooms.names, target->rooms.count) +
                      bytes_of(target->except.names, target->except.count) + message->name.len);

    if (event == NULL)
        return NULL;
    eio_slice *at = (eio_slice *)(event->attachments + args->attachment_count);
    char *text = (char *)(at + slices);
    event->adapter = adapter;
    adapter->cluster.refs++;
    event->target.flags = target->flags;
    event->target.rooms.names = copy_texts(&at, &text, target->rooms.names, target->rooms.count);
    event->target.rooms.count = target->rooms.count;
    event->target.except.names = copy_texts(&at, &text, target->except.names, target->except.count);
    event->target.except.count = target->except.count;
    event->args.json = copy_texts(&at, &text, args->json, args->count);
    event->args.count = args->count;
    event->name = copy_text(&text, message->name);
    for (size_t i = 0; i < args->attachment_count; i++)
        event->attachments[i] = eio_buffer_ref(args->attachments[i]);
    event->args.attachments = event->attachments;
    event->args.attachment_count = args->attachment_count;
    return event;
}

static void free_late(sio_late_event *event)
{
    for (size_t i = 0; i < event->args.attachment_count; i++)
        eio_buffer_unref(event->attachments[i]);
    sio_cluster_unref(&event->adapter->cluster);
    free(event);
}

/* ---- delivery ---- */

static void end(sio_late_event *event)
{
    TAILQ_REMOVE(&event->adapter->late, event, link);
    event->is_over = true;
}

static void deliver(sio_late_event *event, eio_slice id)
{
    if ((event->target.flags & SIO_VOLATILE) != 0)
        id = (eio_slice){ NULL, 0 };
    end(event);
    (void)sio_local_emit_with_offset(event->adapter->cluster.base.nsp, &event->target, event->name,
                                     event->args, id);
}

static void handle_added(eio_slice id, void *data)
{
    sio_late_event *event = data;

    if (!event->is_over) {
        deliver(event, id);
        if (id.base != NULL)
            sio_streams_adapter_pass(event->adapter, id);
    }
    free_late(event);
}

/* It may take long until they are told their ids. */
static void deliver_all(sio_streams_adapter *adapter)
{
    sio_late_event *event;

    while ((event = TAILQ_FIRST(&adapter->late)) != NULL)
        deliver(event, (eio_slice){ NULL, 0 });
}

void sio_streams_drop_late(sio_streams_adapter *adapter)
{
    sio_late_event *event;

    while ((event = TAILQ_FIRST(&adapter->late)) != NULL)
        end(event);
}

static int add(sio_streams_adapter *adapter, const sio_message *message, const sio_target *target,
               sio_stream_added_cb *callback, void *data)
{
    static const sio_cluster_question none = { .timeout_ms = 0 };
    sio_writer text = { .json = NULL };

    sio_cluster_write_broadcast(&text, target, message->name, message->args, &none);
    const sio_cluster_outgoing outgoing = {
        .type = SIO_CLUSTER_BROADCAST,
        .target = target,
        .data = &text,
        .attachments = message->args.attachments,
        .attachment_count = message->args.attachment_count,
    };
    int rc = sio_streams_adapter_add(adapter, &outgoing, callback, data);
    sio_writer_fini(&text);
    return rc;
}

int sio_streams_broadcast_late(sio_streams_adapter *adapter, const sio_message *message,
                               const sio_target *target)
{
    if (sio_redis_bus_trouble(adapter->cluster.bus) != NULL) {
        deliver_all(adapter);
        int rc = sio_local_broadcast(adapter->cluster.base.nsp, message, target);
        return rc != EIO_OK ? rc : add(adapter, message, target, NULL, NULL);
    }
    sio_late_event *event = new_late(adapter, message, target);
    if (event == NULL)
        return EIO_E_NOMEM;
    TAILQ_INSERT_TAIL(&adapter->late, event, link);
    int rc = add(adapter, message, target, handle_added, event);
    if (rc != EIO_OK) {
        end(event);
        free_late(event);
    }
    return rc;
}
