/*
 * Events that were sent, numbered from 1 without gaps, the latest of them kept with their targets.
 * Bounded in number, bytes and age.
 */
#ifndef SOCKETIO_EVENT_LOG_H
#define SOCKETIO_EVENT_LOG_H

#include "socketio/packet.h"
#include "socketio/socketio.h"

typedef struct sio_logged_event {
    eio_buffer *text; /* shared */
    sio_rooms rooms;  /* of these and the names there is one block: own heap */
    sio_rooms except;
    uint64_t sent_ms;
    unsigned worker; /* that sent it */
    uint64_t serial; /* among those of that worker */
    size_t bytes;
    size_t attachment_count;
    eio_buffer *attachments[]; /* shared */
} sio_logged_event;

typedef struct sio_event_log {
    sio_logged_event **ring; /* own heap */
    size_t capacity;         /* 0, or a power of two */
    size_t count;
    size_t bytes;
    uint64_t last; /* the number of the latest event; its place is that modulo capacity */
    size_t max_events;
    size_t max_bytes;
    uint64_t max_age_ms;
} sio_event_log;

/* The number of the oldest event that is kept; last + 1: none is. */
static inline uint64_t sio_event_log_first(const sio_event_log *log)
{
    return log->last + 1 - log->count;
}

/* Borrowed. number: from the first to the last. */
const sio_logged_event *sio_event_log_at(const sio_event_log *log, uint64_t number);

/* Which worker has sent an event, and its number among those. */
typedef struct sio_event_origin {
    unsigned worker;
    uint64_t serial;
} sio_event_origin;

/* Add the next event, which gets number last + 1. Without memory the log is emptied. */
void sio_event_log_add(sio_event_log *log, const sio_encoded *packet, const sio_target *target,
                       sio_event_origin origin, uint64_t now_ms);
/* One block: the event with its targets, its packet shared. New; NULL: no memory. */
sio_logged_event *sio_logged_event_new(const sio_encoded *packet, const sio_target *target);
/* What is sent of an event, without its targets and with bytes of its own, for another thread. New; NULL: no memory. */
sio_logged_event *sio_logged_event_copy(const sio_logged_event *event);
void sio_logged_event_free(sio_logged_event *event);
/* Drop what is too old. */
void sio_event_log_expire(sio_event_log *log, uint64_t now_ms);
void sio_event_log_fini(sio_event_log *log);

#endif
