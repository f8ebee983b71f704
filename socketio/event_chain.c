/* The middlewares of an event, which may answer late: then it waits with a copy of what it says. */
#include <stdlib.h>
#include <string.h>

#include "socketio/event.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/* What the middleware that was called last has said. */
typedef enum event_verdict {
    EVENT_AWAITED,
    EVENT_PASSED,
    EVENT_REFUSED,
} event_verdict;

typedef struct sio_chained_event {
    sio_event event;                     /* first: who has it has all of this */
    TAILQ_ENTRY(sio_chained_event) link; /* of the server's list, when it was answered late */
    uint32_t step;                       /* middlewares of the namespace that were called */
    uint32_t own_step;                   /* those of the socket */
    event_verdict verdict;
    bool in_call;  /* one is being called right now */
    char *refusal; /* own heap; NULL if there was no memory for it */
} chained_event;

static void free_event(chained_event *chained)
{
    sio_event_free_parts(&chained->event);
    sio_socket_unref(chained->event.socket);
    free(chained->refusal);
    free(chained);
}

/* NULL: all were called. The namespace's come first, also those that are added meanwhile. */
static const sio_callback *next_middleware(chained_event *chained)
{
    const sio_socket *socket = chained->event.socket;
    const sio_callbacks *shared = &socket->nsp->filters;

    if (chained->own_step == 0 && chained->step < shared->count)
        return &shared->items[chained->step++];
    if (socket->extra != NULL && chained->own_step < socket->extra->filters.count)
        return &socket->extra->filters.items[chained->own_step++];
    return NULL;
}

static void call(chained_event *chained, sio_callback middleware)
{
    chained->verdict = EVENT_AWAITED;
    chained->in_call = true;
    middleware.call.filter(chained->event.socket, &chained->event, middleware.data);
    chained->in_call = false;
}

/* What it says stands in the packet's memory, which goes. */
static void hold(sio_event *event)
{
    event->socket->held_events++;
    if (event->parts != NULL || sio_event_copy_parts(event) == EIO_OK)
        return;
    event->name = (eio_slice){ NULL, 0 };
    event->args = SIO_NO_ARGS;
    event->has_ack = false;
}

static void finish(chained_event *chained)
{
    const char *refusal = chained->refusal != NULL ? chained->refusal : "refused by a middleware";

    if (chained->verdict == EVENT_REFUSED)
        sio_socket_tell_error(chained->event.socket, refusal);
    else
        sio_event_call_named(&chained->event);
}

static void run(chained_event *chained)
{
    const sio_socket *socket = chained->event.socket;
    const sio_callback *next;

    while (chained->verdict == EVENT_PASSED && socket->state == SOCKET_CONNECTED &&
           (next = next_middleware(chained)) != NULL)
        call(chained, *next);
    if (chained->verdict == EVENT_AWAITED) {
        hold(&chained->event);
        return;
    }
    if (socket->state == SOCKET_CONNECTED) {
        chained->in_call = true; /* nobody can answer any more */
        finish(chained);
    }
    free_event(chained);
}

void sio_event_chain_begin(const sio_event *event)
{
    sio_socket *socket = event->socket;
    sio_server *server = socket->nsp->server;

    if (socket->state != SOCKET_CONNECTED)
        return;
    if (socket->held_events >= server->max_held_events) {
        sio_socket_tell_error(socket, "too many events wait for a middleware");
        return;
    }
    chained_event *chained = malloc(sizeof(*chained));
    if (chained == NULL) {
        sio_server_log(server, 'e', "event dropped: out of memory");
        return;
    }
    *chained = (chained_event){ .event = *event, .verdict = EVENT_PASSED };
    chained->event.socket = sio_socket_ref(socket);
    chained->event.in_chain = true;
    run(chained);
}

void sio_event_chain_run_ready(sio_server *server)
{
    chained_event *chained;

    while ((chained = TAILQ_FIRST(&server->ready_events)) != NULL) {
        TAILQ_REMOVE(&server->ready_events, chained, link);
        run(chained);
    }
}

/* ---- the application's ---- */

int sio_use_event(sio_namespace *nsp, sio_event_middleware_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->filters,
                             (sio_callback){ .call.filter = callback, .data = data });
}

int sio_socket_use_event(sio_socket *socket, sio_event_middleware_cb *callback, void *data)
{
    sio_socket_extra *extra = sio_socket_need_extra(socket);

    if (extra == NULL)
        return EIO_E_NOMEM;
    return sio_callbacks_add(&extra->filters,
                             (sio_callback){ .call.filter = callback, .data = data });
}

/* NULL: it is not for a middleware to say something now. */
static chained_event *awaited(sio_event *event)
{
    chained_event *chained = event->in_chain ? (chained_event *)event : NULL;

    return chained != NULL && chained->verdict == EVENT_AWAITED ? chained : NULL;
}

int sio_event_next(sio_event *event, const char *refusal)
{
    chained_event *chained = awaited(event);
    sio_socket *socket = event->socket;

    if (chained == NULL)
        return EIO_E_STATE;
    chained->verdict = refusal == NULL ? EVENT_PASSED : EVENT_REFUSED;
    if (refusal != NULL)
        chained->refusal = strdup(refusal);
    if (chained->in_call)
        return EIO_OK; /* run goes on */
    socket->held_events--;
    if (socket->state != SOCKET_CONNECTED || event->parts == NULL) {
        int rc = event->parts == NULL ? EIO_E_NOMEM : EIO_E_STATE;
        free_event(chained);
        return rc;
    }
    TAILQ_INSERT_TAIL(&socket->nsp->server->ready_events, chained, link);
    sio_server_wake(socket->nsp->server);
    return EIO_OK;
}

int sio_event_set_args(sio_event *event, sio_args args)
{
    sio_event changed = { .name = event->name, .args = args };

    if (awaited(event) == NULL)
        return EIO_E_STATE;
    if (sio_event_copy_parts(&changed) != EIO_OK)
        return EIO_E_NOMEM;
    sio_event_free_parts(event);
    event->name = changed.name;
    event->args = changed.args;
    event->parts = changed.parts;
    return EIO_OK;
}
