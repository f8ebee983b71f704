#include "engineio/net/connect.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "engineio/limits.h"
#include "engineio/net/stream_private.h"
#include "engineio/net/tls.h"

/* The one thing that an attempt waits for. */
typedef enum attempt_state {
    ATTEMPT_RESOLVING, /* a name look-up on libuv's pool */
    ATTEMPT_CONNECTING,
    ATTEMPT_RETRYING, /* an address failed: its handle is being closed, the next one follows */
    ATTEMPT_SHAKING,  /* connected: TLS */
} attempt_state;

typedef struct connect_attempt {
    eio_stream *stream; /* owns this attempt, and outlives it */
    attempt_state state;
    bool abandoned;
    union {
        uv_getaddrinfo_t look_up;
        uv_connect_t connect;
    } request;
    struct addrinfo *addresses, *next; /* of a name; own */
    int last_error;
    eio_deadline_queue queue; /* the time-out is the caller's choice: a queue of one */
    eio_deadline deadline;
    eio_tls *tls;      /* shared; NULL: plain */
    char *server_name; /* own */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
} connect_attempt;

void eio_connect_options_init(eio_connect_options *options)
{
    *options = (eio_connect_options){ .size = sizeof(*options), .timeout_ms = 10 * 1000 };
}

static void attempt_free(connect_attempt *attempt)
{
    eio_deadline_stop(&attempt->queue, &attempt->deadline);
    eio_deadline_queue_fini(&attempt->queue);
    uv_freeaddrinfo(attempt->addresses);
    attempt->stream->attempt = NULL;
    eio_tls_unref(attempt->tls);
    free(attempt->server_name);
    free(attempt);
}

static void handle_abandoned(uv_handle_t *handle)
{
    eio_stream *stream = handle->data;

    if (stream->attempt != NULL)
        attempt_free(stream->attempt);
    eio_stream_free(stream);
}

void eio_connect_abandon(connect_attempt *attempt)
{
    attempt->abandoned = true;
    eio_deadline_stop(&attempt->queue, &attempt->deadline);
    switch (attempt->state) {
    case ATTEMPT_RESOLVING: uv_cancel((uv_req_t *)&attempt->request.look_up); break;
    case ATTEMPT_CONNECTING:
    case ATTEMPT_SHAKING: uv_close(&attempt->stream->uv.handle, handle_abandoned); break;
    case ATTEMPT_RETRYING: break;
    }
}

/* Over without success. Not from within eio_stream_connect. */
static void give_up(connect_attempt *attempt, int reason)
{
    eio_stream_fail(attempt->stream, reason);
}

static void try_next(connect_attempt *attempt);

static void handle_retry_closed(uv_handle_t *handle)
{
    eio_stream *stream = handle->data;

    if (stream->attempt->abandoned)
        handle_abandoned(handle);
    else
        try_next(stream->attempt);
}

static void retry(connect_attempt *attempt, int status)
{
    attempt->last_error = status;
    attempt->state = ATTEMPT_RETRYING;
    uv_close(&attempt->stream->uv.handle, handle_retry_closed);
}

void eio_connect_finish(connect_attempt *attempt)
{
    eio_stream *stream = attempt->stream;

    attempt_free(attempt);
    if (stream->handler->on_connect != NULL)
        stream->handler->on_connect(stream, stream->data);
}

static void handle_connected(uv_connect_t *request, int status)
{
    connect_attempt *attempt = request->data;
    eio_stream *stream = attempt->stream;

    if (attempt->abandoned)
        return; /* the handle's close callback frees */
    if (status != 0 && attempt->next != NULL) {
        retry(attempt, status);
        return;
    }
    if (status != 0) {
        give_up(attempt, status);
        return;
    }
    if (stream->uv.handle.type == UV_TCP)
        uv_tcp_nodelay(&stream->uv.tcp, 1);
    if (attempt->tls == NULL) {
        eio_stream_opened(stream);
        eio_connect_finish(attempt);
        return;
    }
    attempt->state = ATTEMPT_SHAKING;
    if (eio_tls_connect(stream, attempt->tls, attempt->server_name) == EIO_OK)
        eio_stream_opened(stream);
    else
        give_up(attempt, EIO_E_NOMEM);
}

/* A look-up has at least one address, and each is tried once. */
static void try_next(connect_attempt *attempt)
{
    eio_stream *stream = attempt->stream;
    struct addrinfo *address = attempt->next;

    attempt->next = address->ai_next;
    attempt->state = ATTEMPT_CONNECTING;
    uv_tcp_init(stream->loop->uv, &stream->uv.tcp);
    stream->uv.handle.data = stream;
    attempt->request.connect.data = attempt;
    int rc = uv_tcp_connect(&attempt->request.connect, &stream->uv.tcp, address->ai_addr,
                            handle_connected);
    if (rc != 0 && attempt->next != NULL)
        retry(attempt, rc);
    else if (rc != 0)
        give_up(attempt, rc);
}

static void handle_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    connect_attempt *attempt = request->data;
    eio_stream *stream = attempt->stream;

    attempt->addresses = attempt->next = addresses;
    if (attempt->abandoned) {
        attempt_free(attempt);
        eio_stream_free(stream);
        return;
    }
    if (status == 0) {
        try_next(attempt);
        return;
    }
    /* There is no libuv handle yet; give the common way out one to close. */
    attempt->state = ATTEMPT_CONNECTING;
    uv_tcp_init(stream->loop->uv, &stream->uv.tcp);
    stream->uv.handle.data = stream;
    give_up(attempt, status);
}

static void handle_timeout(eio_deadline *deadline)
{
    connect_attempt *attempt =
        (connect_attempt *)((char *)deadline - offsetof(connect_attempt, deadline));

    give_up(attempt, EIO_E_TIMEOUT);
}

static int start_path(connect_attempt *attempt)
{
    eio_stream *stream = attempt->stream;

    attempt->state = ATTEMPT_CONNECTING;
    uv_pipe_init(stream->loop->uv, &stream->uv.pipe, 0);
    stream->uv.handle.data = stream;
    attempt->request.connect.data = attempt;
    /* Failures come by the callback, with this call too. */
    uv_pipe_connect(&attempt->request.connect, &stream->uv.pipe, attempt->path, handle_connected);
    return EIO_OK;
}

static int start_host(connect_attempt *attempt, const eio_connect_options *options)
{
    char service[8];
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };

    snprintf(service, sizeof(service), "%d", options->port);
    attempt->state = ATTEMPT_RESOLVING;
    attempt->request.look_up.data = attempt;
    return uv_getaddrinfo(attempt->stream->loop->uv, &attempt->request.look_up, handle_resolved,
                          options->host, service, &hints);
}

static const char *server_name_of(const eio_connect_options *options)
{
    return options->server_name != NULL ? options->server_name : options->host;
}

static bool is_sound(const eio_connect_options *options)
{
    const char *name = server_name_of(options);

    if (options->tls != NULL && (eio_tls_get_options(options->tls)->role != EIO_TLS_CLIENT ||
                                 name == NULL || strlen(name) > EIO_MAX_HOST_BYTES))
        return false;
    if (options->path != NULL)
        return strlen(options->path) < sizeof(((connect_attempt *)0)->path);
    return options->host != NULL && strlen(options->host) <= EIO_MAX_HOST_BYTES &&
           options->port > 0 && options->port <= UINT16_MAX;
}

static connect_attempt *attempt_new(eio_stream *stream, const eio_connect_options *options)
{
    connect_attempt *attempt = calloc(1, sizeof(*attempt));

    if (attempt == NULL)
        return NULL;
    attempt->stream = stream;
    stream->attempt = attempt;
    eio_deadline_queue_init(&attempt->queue, stream->loop, options->timeout_ms, handle_timeout);
    if (options->path != NULL)
        memcpy(attempt->path, options->path, strlen(options->path) + 1);
    if (options->tls == NULL)
        return attempt;
    attempt->tls = eio_tls_ref(options->tls);
    attempt->server_name = strdup(server_name_of(options));
    if (attempt->server_name == NULL) {
        attempt_free(attempt);
        return NULL;
    }
    return attempt;
}

int eio_stream_connect(eio_stream **out, uv_loop_t *uv, const eio_connect_options *options,
                       const eio_stream_handler *handler, void *data)
{
    if (!is_sound(options))
        return EIO_E_INVALID;
    eio_loop *loop = eio_loop_acquire(uv);
    if (loop == NULL)
        return EIO_E_NOMEM;
    eio_stream *stream =
        eio_stream_new(loop, NULL, uv_handle_size(options->path != NULL ? UV_NAMED_PIPE : UV_TCP));
    eio_loop_release(loop); /* the stream holds its own reference */
    if (stream == NULL)
        return EIO_E_NOMEM;
    connect_attempt *attempt = attempt_new(stream, options);
    if (attempt == NULL) {
        eio_stream_free(stream);
        return EIO_E_NOMEM;
    }
    eio_stream_set_handler(stream, handler, data);
    int rc = options->path != NULL ? start_path(attempt) : start_host(attempt, options);
    if (rc != 0) {
        attempt_free(attempt);
        eio_stream_free(stream);
        return rc;
    }
    eio_deadline_start(&attempt->queue, &attempt->deadline);
    *out = stream;
    return EIO_OK;
}
