/* The middlewares of an event, which may answer late: then it waits with a copy of what it says. */
#include <stdlib.h>
#include <string.h>

#include "socketio/event.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

static void free_event(sio_event *event)
{
    sio_event_free_parts(event);
    sio_socket_unref(event->socket);
    free(event->refusal);
    free(event);
}

/* NULL: all were called. The namespace's come first, also those that are added meanwhile. */
static const sio_callback *next_middleware(sio_event *event)
{
    const sio_callbacks *shared = &event->socket->nsp->filters;
    const sio_socket_extra *extra = event->socket->extra;

    if (event->own_step == 0 && event->step < shared->count)
        return &shared->items[event->step++];
    if (extra != NULL && event->own_step < extra->filters.count)
        return &extra->filters.items[event->own_step++];
    return NULL;
}

static void call(sio_event *event, sio_callback middleware)
{
    event->verdict = EVENT_AWAITED;
    event->in_call = true;
    middleware.call.filter(event->socket, event, middleware.data);
    event->in_call = false;
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

static void finish(sio_event *event)
{
    const char *refusal = event->refusal != NULL ? event->refusal : "refused by a middleware";

    if (event->verdict == EVENT_REFUSED)
        sio_socket_tell_error(event->socket, refusal);
    else
        sio_event_call_named(event);
}

static void run(sio_event *event)
{
    const sio_socket *socket = event->socket;
    const sio_callback *next;

    while (event->verdict == EVENT_PASSED && socket->state == SOCKET_CONNECTED &&
           (next = next_middleware(event)) != NULL)
        call(event, *next);
    if (event->verdict == EVENT_AWAITED) {
        hold(event);
        return;
    }
    if (socket->state == SOCKET_CONNECTED) {
        event->in_call = true; /* nobody can answer any more */
        finish(event);
    }
    free_event(event);
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
    sio_event *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        sio_server_log(server, 'e', "event dropped: out of memory");
        return;
    }
    *copy = *event;
    copy->socket = sio_socket_ref(socket);
    copy->verdict = EVENT_PASSED;
    run(copy);
}

void sio_event_chain_run_ready(sio_server *server)
{
    sio_event *event;

    while ((event = TAILQ_FIRST(&server->ready_events)) != NULL) {
        TAILQ_REMOVE(&server->ready_events, event, link);
        run(event);
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

int sio_event_next(sio_event *event, const char *refusal)
{
    sio_socket *socket = event->socket;

    if (event->verdict != EVENT_AWAITED)
        return EIO_E_STATE;
    event->verdict = refusal == NULL ? EVENT_PASSED : EVENT_REFUSED;
    if (refusal != NULL)
        event->refusal = strdup(refusal);
    if (event->in_call)
        return EIO_OK; /* run goes on */
    socket->held_events--;
    if (socket->state != SOCKET_CONNECTED || event->parts == NULL) {
        int rc = event->parts == NULL ? EIO_E_NOMEM : EIO_E_STATE;
        free_event(event);
        return rc;
    }
    TAILQ_INSERT_TAIL(&socket->nsp->server->ready_events, event, link);
    sio_server_wake(socket->nsp->server);
    return EIO_OK;
}

int sio_event_set_args(sio_event *event, sio_args args)
{
    sio_event changed = { .name = event->name, .args = args };

    if (event->verdict != EVENT_AWAITED)
        return EIO_E_STATE;
    if (sio_event_copy_parts(&changed) != EIO_OK)
        return EIO_E_NOMEM;
    sio_event_free_parts(event);
    event->name = changed.name;
    event->args = changed.args;
    event->parts = changed.parts;
    return EIO_OK;
}
