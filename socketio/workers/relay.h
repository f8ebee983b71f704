/*
 * Answers that come from other workers: the asking one keeps its gathering under a number, the
 * others mail each answer as it comes, and at last that there are no more. A gathering that has
 * ended meanwhile ignores them.
 */
#ifndef SOCKETIO_WORKERS_RELAY_H
#define SOCKETIO_WORKERS_RELAY_H

#include "socketio/gather.h"
#include "socketio/workers/letter.h"

void sio_relay_init(sio_sibling *member);
/* The server is closed: nobody waits any more. */
void sio_relay_end_all(sio_sibling *member);

/* The asking side: so many letters will be answered. The number for them, 0 when out of memory. */
uint64_t sio_relay_expect(sio_sibling *member, sio_gather *gather, unsigned answers);
/* How long a gathering still waits. */
uint64_t sio_relay_left_ms(const sio_gather *gather);

/* The answering side: a gathering whose answers go to who wrote the letter. EIO_OK or EIO_E_NOMEM. */
int sio_relay_gather_responses(sio_gather **out, sio_namespace *nsp, const sio_letter *letter);
int sio_relay_gather_found(sio_gather **out, sio_namespace *nsp, const sio_letter *letter);
int sio_relay_gather_count(sio_gather **out, sio_namespace *nsp, const sio_letter *letter);
/* One answer. args: copied. */
void sio_relay_respond(const sio_letter *letter, sio_args args);
/* There are no more. status: EIO_OK, or the asking side is to wait for its time-out. Any thread. */
void sio_relay_end(const sio_letter *letter, int status);
/* The same, and the answer is a number. */
void sio_relay_end_count(const sio_letter *letter, int status, size_t number);

#endif
