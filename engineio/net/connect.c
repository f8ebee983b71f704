#include "engineio/net/connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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
    uv_getaddrinfo_t look_up;
    struct addrinfo *addresses, *next; /* of a name; own */
    int failure;                       /* why there is no socket to wait for, but a timer */
    eio_deadline_queue queue;          /* the time-out is the caller's choice: a queue of one */
    eio_deadline deadline;
    eio_tls *tls;      /* shared; NULL: plain */
    char *server_name; /* own */
} connect_attempt;

void eio_connect_options_init(eio_connect_options *options)
{
    *options = (eio_connect_options){ .size = sizeof(*options), .timeout_ms = UINT64_C(10) * 1000 };
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
    case ATTEMPT_RESOLVING: uv_cancel((uv_req_t *)&attempt->look_up); break;
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

static void retry(connect_attempt *attempt)
{
    attempt->state = ATTEMPT_RETRYING;
    uv_close(&attempt->stream->uv.handle, handle_retry_closed);
    eio_stream_close_socket(attempt->stream);
}

void eio_connect_finish(connect_attempt *attempt)
{
    eio_stream *stream = attempt->stream;

    attempt_free(attempt);
    if (stream->handler->on_connect != NULL)
        stream->handler->on_connect(stream, stream->data);
}

static void handle_success(connect_attempt *attempt)
{
    eio_stream *stream = attempt->stream;

    uv_poll_stop(&stream->uv.poll);
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

static void handle_outcome(connect_attempt *attempt, int status)
{
    if (status == 0)
        handle_success(attempt);
    else if (attempt->next != NULL)
        retry(attempt);
    else
        give_up(attempt, status);
}

static void handle_writable(uv_poll_t *poll, int status, int events)
{
    const eio_stream *stream = poll->data;
    int error = 0;
    socklen_t len = sizeof(error);

    (void)status; /* the socket knows better */
    (void)events;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    handle_outcome(stream->attempt, uv_translate_sys_error(error));
}

static void handle_failure(uv_timer_t *timer)
{
    const eio_stream *stream = timer->data;

    handle_outcome(stream->attempt, stream->attempt->failure);
}

/* There is no socket: a timer tells so from the loop, and is what the common way out has to close. */
static void fail_later(connect_attempt *attempt, int reason)
{
    eio_stream *stream = attempt->stream;

    attempt->state = ATTEMPT_CONNECTING;
    attempt->failure = reason;
    uv_timer_init(stream->loop->uv, &stream->uv.timer);
    stream->uv.handle.data = stream;
    uv_timer_start(&stream->uv.timer, handle_failure, 0, 0);
}

/* A socket that is connecting, or libuv's code. */
static int start_socket(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return uv_translate_sys_error(errno);
    if (connect(fd, address, len) == 0 || errno == EINPROGRESS || errno == EINTR)
        return fd;
    int rc = uv_translate_sys_error(errno);
    (void)close(fd);
    return rc;
}

static void try_address(connect_attempt *attempt, const struct sockaddr *address, socklen_t len)
{
    eio_stream *stream = attempt->stream;

    attempt->state = ATTEMPT_CONNECTING;
    int rc = start_socket(address, len);
    if (rc >= 0)
        rc = eio_stream_set_socket(stream, rc);
    if (rc == EIO_OK)
        uv_poll_start(&stream->uv.poll, UV_WRITABLE, handle_writable);
    else
        fail_later(attempt, rc);
}

/* A look-up has at least one address, and each is tried once. */
static void try_next(connect_attempt *attempt)
{
    const struct addrinfo *address = attempt->next;

    attempt->next = address->ai_next;
    try_address(attempt, address->ai_addr, address->ai_addrlen);
}

static void handle_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    connect_attempt *attempt = request->data;
    eio_stream *stream = attempt->stream;

    attempt->addresses = attempt->next = addresses;
    if (attempt->abandoned) {
        attempt_free(attempt);
        eio_stream_free(stream);
    } else if (status == 0) {
        try_next(attempt);
    } else {
        fail_later(attempt, status);
    }
}

static void handle_timeout(eio_deadline *deadline)
{
    connect_attempt *attempt =
        (connect_attempt *)((char *)deadline - offsetof(connect_attempt, deadline));

    give_up(attempt, EIO_E_TIMEOUT);
}

static int start_path(connect_attempt *attempt, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, path, strlen(path) + 1);
    try_address(attempt, (const struct sockaddr *)&address, sizeof(address));
    return EIO_OK;
}

static int start_host(connect_attempt *attempt, const eio_connect_options *options)
{
    char service[8];
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };

    (void)snprintf(service, sizeof(service), "%d", options->port);
    attempt->state = ATTEMPT_RESOLVING;
    attempt->look_up.data = attempt;
    return uv_getaddrinfo(attempt->stream->loop->uv, &attempt->look_up, handle_resolved,
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
        return strlen(options->path) < sizeof(((struct sockaddr_un *)0)->sun_path);
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
    eio_stream *stream = eio_stream_new(loop, NULL);
    eio_loop_release(loop); /* the stream holds its own reference */
    if (stream == NULL)
        return EIO_E_NOMEM;
    connect_attempt *attempt = attempt_new(stream, options);
    if (attempt == NULL) {
        eio_stream_free(stream);
        return EIO_E_NOMEM;
    }
    eio_stream_set_handler(stream, handler, data);
    int rc =
        options->path != NULL ? start_path(attempt, options->path) : start_host(attempt, options);
    if (rc != 0) {
        attempt_free(attempt);
        eio_stream_free(stream);
        return rc;
    }
    eio_deadline_start(&attempt->queue, &attempt->deadline);
    *out = stream;
    return EIO_OK;
}
