#include "socketio/event_log.h"

#include <stdlib.h>

enum { FIRST_EVENTS = 16 };

/* ---- one event ---- */

void sio_logged_event_free(sio_logged_event *event)
{
    eio_buffer_unref(event->text);
    for (size_t i = 0; i < event->attachment_count; i++)
        eio_buffer_unref(event->attachments[i]);
    free(event);
}

static size_t bytes_of_names(sio_rooms rooms)
{
    size_t bytes = 0;

    for (size_t i = 0; i < rooms.count; i++)
        bytes += rooms.names[i].len;
    return bytes;
}

static sio_rooms copy_rooms(eio_slice *names, char **text, sio_rooms rooms)
{
    for (size_t i = 0; i < rooms.count; i++) {
        names[i] = (eio_slice){ *text, rooms.names[i].len };
        if (rooms.names[i].len > 0)
            memcpy(*text, rooms.names[i].base, rooms.names[i].len);
        *text += rooms.names[i].len;
    }
    return (sio_rooms){ names, rooms.count };
}

/* One block: the event, its attachments, the slices of all names, the names. */
sio_logged_event *sio_logged_event_new(const sio_encoded *packet, const sio_target *target)
{
    size_t names = target->rooms.count + target->except.count;
    size_t size = sizeof(sio_logged_event) + packet->attachment_count * sizeof(eio_buffer *) +
                  names * sizeof(eio_slice) + bytes_of_names(target->rooms) +
                  bytes_of_names(target->except);
    sio_logged_event *event = calloc(1, size);

    if (event == NULL)
        return NULL;
    event->text = eio_buffer_ref(packet->text);
    event->bytes = size + eio_buffer_slice(packet->text).len;
    event->attachment_count = packet->attachment_count;
    for (size_t i = 0; i < packet->attachment_count; i++) {
        event->attachments[i] = eio_buffer_ref(packet->attachments[i]);
        event->bytes += eio_buffer_slice(packet->attachments[i]).len;
    }
    eio_slice *slices = (eio_slice *)(event->attachments + packet->attachment_count);
    char *text = (char *)(slices + names);
    event->rooms = copy_rooms(slices, &text, target->rooms);
    event->except = copy_rooms(slices + target->rooms.count, &text, target->except);
    return event;
}

sio_logged_event *sio_logged_event_copy(const sio_logged_event *event)
{
    sio_logged_event *copy =
        calloc(1, sizeof(*copy) + event->attachment_count * sizeof(eio_buffer *));

    if (copy == NULL)
        return NULL;
    copy->text = eio_buffer_copy(eio_buffer_slice(event->text));
    bool whole = copy->text != NULL;
    for (size_t i = 0; i < event->attachment_count && whole; i++) {
        copy->attachments[i] = eio_buffer_copy(eio_buffer_slice(event->attachments[i]));
        copy->attachment_count++;
        whole = copy->attachments[i] != NULL;
    }
    if (whole)
        return copy;
    sio_logged_event_free(copy);
    return NULL;
}

/* ---- the ring ---- */

static sio_logged_event **place(const sio_event_log *log, uint64_t number)
{
    return &log->ring[number & (log->capacity - 1)];
}

const sio_logged_event *sio_event_log_at(const sio_event_log *log, uint64_t number)
{
    return *place(log, number);
}

static void drop_first(sio_event_log *log)
{
    sio_logged_event *event = *place(log, sio_event_log_first(log));

    log->count--;
    log->bytes -= event->bytes;
    sio_logged_event_free(event);
}

static void resize(sio_event_log *log, size_t capacity)
{
    sio_event_log larger = *log;

    larger.capacity = capacity;
    larger.ring = calloc(capacity, sizeof(sio_logged_event *));
    if (larger.ring == NULL)
        return; /* the ring stays as it is, and the oldest give way */
    for (uint64_t n = sio_event_log_first(log); n <= log->last; n++)
        *place(&larger, n) = *place(log, n);
    free(log->ring);
    *log = larger;
}

static void make_room(sio_event_log *log)
{
    while (log->count > 0 && (log->count >= log->max_events || log->bytes > log->max_bytes))
        drop_first(log);
    if (log->count == log->capacity)
        resize(log, log->capacity == 0 ? FIRST_EVENTS : log->capacity * 2);
    if (log->count > 0 && log->count == log->capacity)
        drop_first(log);
}

static void clear(sio_event_log *log)
{
    while (log->count > 0)
        drop_first(log);
    free(log->ring);
    log->ring = NULL;
    log->capacity = 0;
}

void sio_event_log_add(sio_event_log *log, const sio_encoded *packet, const sio_target *target,
                       sio_event_origin origin, uint64_t now_ms)
{
    sio_logged_event *event = sio_logged_event_new(packet, target);

    sio_event_log_expire(log, now_ms);
    make_room(log);
    if (event == NULL || log->capacity == 0) {
        clear(log); /* a log with a gap would lie */
        log->last++;
        if (event != NULL)
            sio_logged_event_free(event);
        return;
    }
    event->sent_ms = now_ms;
    event->worker = origin.worker;
    event->serial = origin.serial;
    log->last++;
    log->count++;
    log->bytes += event->bytes;
    *place(log, log->last) = event;
}

void sio_event_log_expire(sio_event_log *log, uint64_t now_ms)
{
    while (log->count > 0 &&
           now_ms - sio_event_log_at(log, sio_event_log_first(log))->sent_ms > log->max_age_ms)
        drop_first(log);
    if (log->count == 0)
        clear(log);
}

void sio_event_log_fini(sio_event_log *log)
{
    clear(log);
}
