/*
 * Threads for what blocks (SQLite, password hashes), so that neither the loop nor libuv's pool waits for it: jobs go
 * there through a bounded queue and come back to the loop. Jobs of one thread are done and finished in the order in
 * which they were added. Expected load: thousands a second. Loop thread only, but for `work`.
 */
#ifndef CHAT_WORKERS_H
#define CHAT_WORKERS_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "engineio/error.h"

/* The head of a caller's own job. */
typedef struct chat_work {
    STAILQ_ENTRY(chat_work) link;
    size_t bytes; /* that it keeps in memory while it waits */
} chat_work;

STAILQ_HEAD(chat_work_list, chat_work);

typedef struct chat_workers chat_workers;

typedef struct chat_workers_options {
    size_t threads, most_jobs, most_bytes;
    size_t batch; /* jobs that are handed to `work` at once, at most */
    void (*work)(struct chat_work_list *jobs,
                 void *data);                   /* on a thread; no job may be added or taken away */
    void (*finish)(chat_work *job, void *data); /* on the loop; the job is the caller's again */
    void *data;
} chat_workers_options;

enum { CHAT_MOST_WORKERS = 16 };

/* EIO_OK; EIO_E_NOMEM; libuv's codes when there are no more threads. */
int chat_workers_new(chat_workers **out, uv_loop_t *loop, const chat_workers_options *options);

/* EIO_OK: the job is taken until `finish`. EIO_E_CLOSED; EIO_E_LIMIT: too many wait. */
int chat_workers_add(chat_workers *workers, chat_work *job);

/* Whether one more job would be taken. */
bool chat_workers_have_room(const chat_workers *workers);

/* What was added is done and finished, then on_closed comes from the loop. The workers are taken. */
void chat_workers_close(chat_workers *workers, void (*on_closed)(void *data), void *data);

#endif
