#include "engineio/middleware.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/http_reply.h"
#include "engineio/request.h"
#include "engineio/server.h"

typedef enum step_state { STEP_AWAITED, STEP_PASSED, STEP_FAILED, STEP_TAKEN } step_state;

struct eio_step {
    TAILQ_ENTRY(eio_step) link;
    eio_late late;             /* to go on from the loop */
    eio_server *server;        /* NULL once it is closed */
    eio_http_request *request; /* NULL once its connection is gone, or it was taken */
    size_t at;                 /* the middleware that comes next */
    step_state state;
    bool in_call; /* a middleware is being called right now */
    bool is_upgrade;
};

static void free_step(eio_step *step)
{
    if (step->server != NULL)
        TAILQ_REMOVE(&step->server->steps, step, link);
    free(step);
}

static void handle_abort(eio_http_request *request, void *data)
{
    eio_step *step = data;

    (void)request;
    step->request = NULL;
}

static void call_next(eio_step *step)
{
    const eio_middleware next = step->server->middlewares[step->at++];

    step->state = STEP_AWAITED;
    step->in_call = true;
    next.callback(step->server, step, next.data);
    step->in_call = false;
}

static void finish(eio_step *step)
{
    eio_server *server = step->server;
    eio_http_request *request = step->request;
    bool has_failed = step->state == STEP_FAILED;
    bool is_upgrade = step->is_upgrade;

    eio_http_on_abort(request, NULL, NULL);
    free_step(step);
    if (has_failed)
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: MIDDLEWARE_FAILURE");
    else
        eio_request_verify(server, request, is_upgrade);
}

/* Without a server there is no request either. */
static void run(eio_step *step)
{
    while (step->request != NULL && step->state == STEP_PASSED &&
           step->at < step->server->middleware_count)
        call_next(step);
    if (step->state == STEP_AWAITED)
        return;
    if (step->request != NULL)
        finish(step);
    else
        free_step(step);
}

static void run_late(eio_late *late)
{
    run((eio_step *)((char *)late - offsetof(eio_step, late)));
}

void eio_middlewares_begin(eio_server *server, eio_http_request *request, bool is_upgrade)
{
    if (server->middleware_count == 0) {
        eio_request_verify(server, request, is_upgrade);
        return;
    }
    eio_step *step = calloc(1, sizeof(*step));
    if (step == NULL) {
        eio_http_destroy(request);
        return;
    }
    step->late.run = run_late;
    step->server = server;
    step->request = request;
    step->state = STEP_PASSED;
    step->is_upgrade = is_upgrade;
    TAILQ_INSERT_TAIL(&server->steps, step, link);
    eio_http_on_abort(request, handle_abort, step);
    run(step);
}

void eio_middlewares_drop(eio_server *server)
{
    eio_step *step;

    while ((step = TAILQ_FIRST(&server->steps)) != NULL) {
        TAILQ_REMOVE(&server->steps, step, link);
        eio_late_cancel(server->loop, &step->late);
        step->server = NULL;
        if (step->request != NULL)
            eio_http_destroy(step->request);
        step->request = NULL;
        if (step->state != STEP_AWAITED && !step->in_call)
            free(step); /* it was answered, and waited for the loop */
    }
}

/* ---- the application's ---- */

int eio_server_use(eio_server *server, eio_middleware_cb *callback, void *data)
{
    size_t count = server->middleware_count + 1;
    eio_middleware *middlewares = realloc(server->middlewares, count * sizeof(*middlewares));

    if (middlewares == NULL)
        return EIO_E_NOMEM;
    middlewares[count - 1] = (eio_middleware){ callback, data };
    server->middlewares = middlewares;
    server->middleware_count = count;
    return EIO_OK;
}

eio_http_request *eio_step_request(const eio_step *step)
{
    return step->request;
}

static void answer(eio_step *step, step_state state)
{
    assert(step->state == STEP_AWAITED);
    step->state = state;
    if (step->in_call)
        return;
    if (step->request != NULL)
        eio_late_add(step->server->loop, &step->late);
    else
        free_step(step);
}

void eio_step_next(eio_step *step)
{
    answer(step, STEP_PASSED);
}

void eio_step_fail(eio_step *step)
{
    answer(step, STEP_FAILED);
}

eio_http_request *eio_step_take(eio_step *step)
{
    eio_http_request *request = step->request;

    if (request != NULL)
        eio_http_on_abort(request, NULL, NULL);
    step->request = NULL;
    answer(step, STEP_TAKEN);
    return request;
}
