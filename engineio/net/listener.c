#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engineio/limits.h"
#include "engineio/net/handover.h"
#include "engineio/net/tls.h"

struct eio_listener {
    eio_loop *loop;
    eio_stream_group group; /* the streams it accepted, and itself */
    void (*on_stream)(eio_listener *, eio_stream *, void *);
    void (*on_closed)(void *data);
    void *data;
    void *closed_data;
    eio_tls *tls; /* shared; NULL: plain */
    eio_tls_gate gate;
    eio_late accept_late; /* a connection that was kept waiting */
    bool keeps_waiting;
    eio_deadline_queue retries; /* of one: itself, when there was no memory for a connection */
    eio_deadline retry;
    int port;
    bool stopped;  /* its handle is closing or closed */
    bool deaf;     /* its handle is closed */
    bool released; /* the owner closed it */
    char *path;    /* own; of a unix socket that we made, and take away again */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
        uv_timer_t
            timer; /* never started: a stopped listener's way to be called back from the loop */
    } uv;
};

void eio_listen_options_init(eio_listen_options *options)
{
    *options = (eio_listen_options){ .size = sizeof(*options), .fd = -1, .backlog = EIO_BACKLOG };
}

/* ---- sockets ---- */

/* Settled by the first listener of a port: another server on it is refused, its own siblings are not. */
static int share_port(int fd)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static int bind_address(const struct sockaddr *address, socklen_t len,
                        const eio_listen_options *options)
{
    int on = 1;
    int off = 0;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    /* A restart must not wait for the connections of the one before. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        goto fail;
    if (address->sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
        goto fail;
    if (options->shared && share_port(fd) != 0)
        goto fail;
    if (bind(fd, address, len) != 0)
        goto fail;
    if (options->shareable && address->sa_family != AF_UNIX && share_port(fd) != 0)
        goto fail;
    return fd;
fail:;
    int error = -errno;
    close(fd);
    return error;
}

static int bind_any(const eio_listen_options *options)
{
    const int port = options->port;
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = bind_address((const struct sockaddr *)&six, sizeof(six), options);

    if (fd == UV_EAFNOSUPPORT || fd == UV_EADDRNOTAVAIL) /* a machine without IPv6 */
        fd = bind_address((const struct sockaddr *)&four, sizeof(four), options);
    return fd;
}

static int bind_host(uv_loop_t *loop, const eio_listen_options *options)
{
    const int port = options->port;
    uv_getaddrinfo_t request;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };

    int rc =
        uv_getaddrinfo(loop, &request, NULL, options->host, NULL, &hints); /* set-up: may block */
    if (rc != 0)
        return rc;
    struct sockaddr *address = request.addrinfo->ai_addr;
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
    int fd = bind_address(address, request.addrinfo->ai_addrlen, options);
    uv_freeaddrinfo(request.addrinfo);
    return fd;
}

static bool is_dead_socket(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool dead = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                errno == ECONNREFUSED;
    close(fd);
    return dead;
}

static int bind_path(const eio_listen_options *options)
{
    const char *path = options->path;
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path))
        return UV_ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    int fd = bind_address((const struct sockaddr *)&address, sizeof(address), options);
    if (fd == UV_EADDRINUSE && is_dead_socket(&address) && unlink(path) == 0)
        fd = bind_address((const struct sockaddr *)&address, sizeof(address), options);
    return fd;
}

static int bind_options(uv_loop_t *loop, const eio_listen_options *options)
{
    if (options->fd >= 0)
        return options->fd;
    if (options->path != NULL)
        return bind_path(options);
    if (options->port < 0 || options->port > UINT16_MAX)
        return EIO_E_INVALID;
    return options->host != NULL ? bind_host(loop, options) : bind_any(options);
}

/* ---- the listener ---- */

static void listener_free(eio_listener *listener)
{
    if (listener->loop != NULL)
        eio_loop_release(listener->loop);
    eio_tls_unref(listener->tls);
    free(listener->path);
    free(listener);
}

static void handle_group_empty(eio_stream_group *group)
{
    eio_listener *listener = (eio_listener *)((char *)group - offsetof(eio_listener, group));
    void (*on_closed)(void *) = listener->on_closed;
    void *data = listener->closed_data;

    if (listener->tls != NULL)
        eio_tls_gate_fini(&listener->gate);
    eio_deadline_queue_fini(&listener->retries);
    listener_free(listener);
    if (on_closed != NULL)
        on_closed(data);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    eio_listener *listener = handle->data;

    listener->deaf = true;
    if (listener->released && --listener->group.open == 0)
        handle_group_empty(&listener->group);
}

static void handle_connection(uv_stream_t *handle, int status)
{
    eio_listener *listener = handle->data;

    if (status != 0)
        return; /* it was gone before we got to it; libuv itself deals with exhausted descriptors */
    if (listener->tls != NULL && listener->gate.open >= listener->gate.most) {
        listener->keeps_waiting = true; /* libuv takes no more until this one is accepted */
        return;
    }
    eio_stream *stream =
        eio_stream_new(listener->loop, &listener->group, uv_handle_size(handle->type));
    if (stream == NULL) {
        /* libuv takes no more until this one is accepted, and memory may come back. */
        eio_deadline_start(&listener->retries, &listener->retry);
        return;
    }
    if (handle->type == UV_TCP)
        uv_tcp_init(listener->loop->uv, &stream->uv.tcp);
    else
        uv_pipe_init(listener->loop->uv, &stream->uv.pipe, 0);
    stream->uv.handle.data = stream;
    int rc = uv_accept(handle, &stream->uv.stream);
    if (rc == 0 && handle->type == UV_TCP)
        uv_tcp_nodelay(&stream->uv.tcp, 1);
    if (rc == 0 && listener->tls != NULL)
        rc = eio_tls_accept(stream, listener->tls, &listener->gate);
    eio_stream_opened(stream);
    if (rc == 0)
        listener->on_stream(listener, stream, listener->data);
    else
        eio_stream_abort(stream);
}

int eio_listener_adopt(eio_stream **out, eio_listener *listener, eio_detached *detached)
{
    eio_stream *stream = eio_stream_new(listener->loop, &listener->group,
                                        uv_handle_size(detached->is_pipe ? UV_NAMED_PIPE : UV_TCP));

    if (stream == NULL) {
        eio_detached_close(detached);
        return EIO_E_NOMEM;
    }
    int rc = eio_stream_attach(stream, detached);
    if (rc == EIO_OK)
        *out = stream;
    return rc;
}

static void accept_late(eio_late *late)
{
    eio_listener *listener = (eio_listener *)((char *)late - offsetof(eio_listener, accept_late));

    listener->keeps_waiting = false;
    if (!listener->stopped)
        handle_connection(&listener->uv.stream, 0);
}

static void handle_retry(eio_deadline *deadline)
{
    eio_listener *listener = (eio_listener *)((char *)deadline - offsetof(eio_listener, retry));

    handle_connection(&listener->uv.stream, 0);
}

/* Late, because a call of the application may have made room, which it does not want to be called back by. */
static void handle_room(eio_tls_gate *gate)
{
    eio_listener *listener = (eio_listener *)((char *)gate - offsetof(eio_listener, gate));

    if (listener->keeps_waiting && !listener->stopped)
        eio_late_add(listener->loop, &listener->accept_late);
}

/* Give the descriptor to libuv, or close it. */
static int open_handle(eio_listener *listener, int fd, int backlog)
{
    struct sockaddr_storage name = { 0 };
    socklen_t len = sizeof(name);
    int rc;

    (void)getsockname(fd, (struct sockaddr *)&name,
                      &len); /* no socket at all: uv_tcp_open will say so */
    if (name.ss_family == AF_UNIX) {
        uv_pipe_init(listener->loop->uv, &listener->uv.pipe, 0);
        rc = uv_pipe_open(&listener->uv.pipe, fd);
    } else {
        uv_tcp_init(listener->loop->uv, &listener->uv.tcp);
        rc = uv_tcp_open(&listener->uv.tcp, fd);
    }
    listener->uv.handle.data = listener;
    if (name.ss_family == AF_INET)
        listener->port = ntohs(((struct sockaddr_in *)(void *)&name)->sin_port);
    else if (name.ss_family == AF_INET6)
        listener->port = ntohs(((struct sockaddr_in6 *)(void *)&name)->sin6_port);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return uv_listen(&listener->uv.stream, backlog, handle_connection);
}

static int report(eio_error *why, int code, const eio_listen_options *options)
{
    if (options->fd >= 0)
        return eio_error_set(why, code, "cannot listen on descriptor %d: %s", options->fd,
                             eio_strerror(code));
    if (options->path != NULL)
        return eio_error_set(why, code, "cannot listen on %s: %s", options->path,
                             eio_strerror(code));
    return eio_error_set(why, code, "cannot listen on %s port %d: %s",
                         options->host == NULL ? "*" : options->host, options->port,
                         eio_strerror(code));
}

static void start_closing(eio_listener *listener)
{
    listener->stopped = true;
    eio_late_cancel(listener->loop, &listener->accept_late);
    eio_deadline_stop(&listener->retries, &listener->retry);
    if (listener->path != NULL)
        unlink(listener->path);
    uv_close(&listener->uv.handle, handle_uv_closed);
}

int eio_listener_new(eio_listener **out, uv_loop_t *uv, const eio_listen_options *options,
                     void (*on_stream)(eio_listener *, eio_stream *, void *), void *data,
                     eio_error *why)
{
    if (options->tls != NULL && eio_tls_get_options(options->tls)->role != EIO_TLS_SERVER)
        return eio_error_set(why, EIO_E_INVALID, "TLS: a listener needs the role of a server");
    eio_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "%s", eio_strerror(EIO_E_NOMEM));
    listener->loop = eio_loop_acquire(uv);
    if (options->path != NULL && options->fd < 0)
        listener->path = strdup(options->path);
    int fd = bind_options(uv, options);
    int rc = fd < 0 ? fd : EIO_OK;
    if (rc == EIO_OK &&
        (listener->loop == NULL || (options->path != NULL && listener->path == NULL))) {
        close(fd);
        rc = EIO_E_NOMEM;
    }
    if (rc != EIO_OK)
        goto fail;
    *listener = (eio_listener){ .loop = listener->loop,
                                .group = { .open = 1, .on_empty = handle_group_empty },
                                .on_stream = on_stream,
                                .data = data,
                                .accept_late = { .run = accept_late },
                                .path = listener->path };
    eio_deadline_queue_init(&listener->retries, listener->loop, EIO_ACCEPT_RETRY_MS, handle_retry);
    if (options->tls != NULL) {
        listener->tls = eio_tls_ref(options->tls);
        eio_tls_gate_init(&listener->gate, listener->loop, listener->tls, handle_room);
    }
    rc = open_handle(listener, fd, options->backlog);
    if (rc != 0) {
        report(why, rc, options);
        eio_listener_close(listener, NULL, NULL); /* asynchronous, as libuv wants it */
        return rc;
    }
    *out = listener;
    return EIO_OK;
fail:
    report(why, rc, options);
    listener_free(listener);
    return rc;
}

int eio_listener_port(const eio_listener *listener)
{
    return listener->port;
}

int eio_listener_duplicate(const eio_listener *listener)
{
    uv_os_fd_t fd;
    int rc = uv_fileno(&listener->uv.handle, &fd);

    if (rc != 0)
        return rc;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

size_t eio_listener_streams(const eio_listener *listener)
{
    return listener->group.open - 1;
}

void eio_listener_stop(eio_listener *listener)
{
    if (!listener->stopped)
        start_closing(listener);
}

void eio_listener_close(eio_listener *listener, void (*on_closed)(void *data), void *data)
{
    if (listener == NULL)
        return;
    listener->on_closed = on_closed;
    listener->closed_data = data;
    listener->released = true;
    if (!listener->stopped) {
        start_closing(listener);
    } else if (listener->deaf) {
        uv_timer_init(listener->loop->uv, &listener->uv.timer);
        uv_close(&listener->uv.handle, handle_uv_closed);
    }
}

/* ---- addresses ---- */

size_t eio_stream_remote_address(const eio_stream *stream, char *out, size_t size)
{
    struct sockaddr_storage name = { 0 };
    int len = sizeof(name);

    out[0] = '\0';
    if (stream->uv.handle.type != UV_TCP ||
        uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&name, &len) != 0)
        return 0;
    if (uv_ip_name((const struct sockaddr *)&name, out, size) != 0)
        out[0] = '\0';
    return strlen(out);
}
