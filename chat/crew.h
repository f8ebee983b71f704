/*
 * Threads for what blocks (SQLite, password hashes), so that neither a loop nor libuv's pool waits for it. A crew is
 * the process'; each loop that wants something of it has a desk of its own, where it adds jobs and gets them back.
 * Jobs of one thread are done in the order in which they were added, and come back to a desk in that order; in between
 * comes what jobs of other desks are news of. Expected load: thousands a second.
 */
#ifndef CHAT_CREW_H
#define CHAT_CREW_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "engineio/error.h"

typedef struct chat_crew chat_crew;
typedef struct chat_desk chat_desk;

/* The head of a caller's own job. */
typedef struct chat_work {
    STAILQ_ENTRY(chat_work) link;
    chat_desk *desk; /* where it was added, or comes to as news */
    size_t bytes;    /* that it keeps in memory while it waits */
    bool is_news;
} chat_work;

STAILQ_HEAD(chat_work_list, chat_work);

typedef struct chat_crew_options {
    size_t threads;
    size_t batch;                 /* jobs that are handed to `work` at once, at most */
    size_t most_jobs, most_bytes; /* of one desk */
    /* On a thread; no job may be added or taken away. */
    void (*work)(struct chat_work_list *jobs, void *data);
    /*
     * On that thread, once for each other desk: a job of its own for that desk to finish; NULL: it need not know. May
     * be NULL, and has to be with more than one thread.
     */
    chat_work *(*tell)(const chat_work *done, void *data);
    void *data;
} chat_crew_options;

enum { CHAT_MOST_CREW = 16 };

/* EIO_OK; EIO_E_NOMEM; libuv's codes when there are no more threads. */
int chat_crew_new(chat_crew **out, const chat_crew_options *options);
/* All its desks are closed; may be NULL. Any thread. */
void chat_crew_free(chat_crew *crew);

/* finish: on the loop; the job is the caller's again. EIO_OK, EIO_E_NOMEM, libuv's codes. */
int chat_desk_open(chat_desk **out, chat_crew *crew, uv_loop_t *loop,
                   void (*finish)(chat_work *job, void *data), void *data);

/* EIO_OK: the job is taken until `finish`. EIO_E_CLOSED; EIO_E_LIMIT: too many wait. */
int chat_desk_add(chat_desk *desk, chat_work *job);
/* Whether one more job would be taken. */
bool chat_desk_has_room(const chat_desk *desk);

/* What was added is done and finished, then on_closed comes from the loop. The desk is taken. */
void chat_desk_close(chat_desk *desk, void (*on_closed)(void *data), void *data);

#endif
