/*
 * The inside of the workers of a process. A family is the servers of one path on all workers, a
 * sibling one of them: each worker looks into its own only. They live as long as the group.
 */
#ifndef SOCKETIO_WORKERS_GROUP_H
#define SOCKETIO_WORKERS_GROUP_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "engineio/net/table.h"
#include "socketio/workers.h"
#include "socketio/workers/directory.h"
#include "socketio/workers/mailbox.h"

typedef struct sio_family sio_family;

/* One server of a family, of one worker. */
typedef struct sio_sibling {
    sio_family *family;
    sio_worker *worker;
    eio_server *engine;  /* borrowed; NULL once it is gone */
    sio_server *server;  /* the same; NULL: an engine by itself */
    eio_table pending;   /* what siblings have to answer, see relay.c */
    eio_table returning; /* sockets whose session they have, see comeback.c */
    uint64_t last_id;    /* of both */
} sio_sibling;

struct sio_family {
    SLIST_ENTRY(sio_family) link;
    sio_workers *group;
    char *path;            /* own */
    sio_sibling members[]; /* one for each worker */
};

/* Where worker 0 listens. */
typedef struct sio_shared_listener {
    int fd; /* own; -1: each worker binds to the port */
    int port;
} sio_shared_listener;

enum { SIO_MAX_LISTENERS = 16 };

struct sio_worker {
    sio_workers *group;
    unsigned index;
    uv_thread_t thread;
    uv_loop_t loop;
    sio_mailbox mailbox;
    unsigned listeners;          /* that it has made */
    struct sio_metrics *metrics; /* its own thread's; NULL: none */
    int rc;                      /* of its start */
    eio_error why;
};

struct sio_workers {
    sio_workers_options options;
    unsigned started;
    uv_sem_t ready;
    uv_async_t ended;                    /* of the owner's loop */
    atomic_uint running, others_running; /* the latter without worker 0 */
    bool first_is_told;                  /* to tear down */
    sio_directory directory;
    uv_mutex_t lock; /* of the families */
    SLIST_HEAD(, sio_family) families;
    sio_shared_listener listeners[SIO_MAX_LISTENERS]; /* worker 0's, set before the others start */
    unsigned listener_count;
    bool is_closing;
    void (*on_closed)(void *data);
    void *closed_data;
    sio_worker workers[];
};

/* The member of a worker on a path; made with its family if need be. NULL: taken, or out of memory, see rc. */
int sio_family_join(sio_sibling **out, sio_worker *worker, const char *path);
/* Its engine is there: share its sessions. server: may be NULL. */
void sio_sibling_attach(sio_sibling *member, eio_server *engine, sio_server *server);
/* Its engine is about to go. */
void sio_sibling_detach(sio_sibling *member);
/* All of them. */
void sio_families_free(sio_workers *group);

/* How many others there are. */
static inline unsigned sio_sibling_others(const sio_sibling *member)
{
    return member->worker->group->options.count - 1;
}

#endif
