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

enum { ACCEPTS_A_TURN = 64 }; /* then others have theirs */

struct eio_listener {
    eio_loop *loop;
    eio_stream_group group; /* the streams it accepted, and itself */
    void (*on_stream)(eio_listener *, eio_stream *, void *);
    void (*on_closed)(void *data);
    void *data;
    void *closed_data;
    eio_tls *tls; /* shared; NULL: plain */
    eio_tls_gate gate;
    eio_deadline_queue retries; /* of one: itself, when there was no room for a connection */
    eio_deadline retry;
    int fd;    /* own */
    int spare; /* own: a descriptor to let go of when there are no others */
    int port;
    bool stopped;  /* its handle is closing or closed */
    bool deaf;     /* its handle is closed */
    bool released; /* the owner closed it */
    char *path;    /* own; of a unix socket that we made, and take away again */
    union {
        uv_handle_t handle;
        uv_poll_t poll;
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

static void close_socket(eio_listener *listener)
{
    if (listener->fd >= 0 && listener->path != NULL)
        unlink(listener->path);
    if (listener->fd >= 0)
        (void)close(listener->fd);
    if (listener->spare >= 0)
        (void)close(listener->spare);
    listener->fd = listener->spare = -1;
}

static void listener_free(eio_listener *listener)
{
    if (listener == NULL)
        return;
    close_socket(listener);
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

static void handle_connections(uv_poll_t *poll, int status, int events);

static void go_on_accepting(eio_listener *listener)
{
    uv_poll_start(&listener->uv.poll, UV_READABLE, handle_connections);
}

static int accept_socket(const eio_listener *listener)
{
    int fd;

    do {
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? uv_translate_sys_error(errno) : fd;
}

static int open_spare(void)
{
    return open("/", O_RDONLY | O_CLOEXEC);
}

/* Out of descriptors: who comes is told at once, with the one that is spared, and not left to wait. */
static int refuse_one(eio_listener *listener)
{
    if (listener->spare < 0)
        return UV_EMFILE;
    (void)close(listener->spare);
    int fd = accept_socket(listener);
    if (fd >= 0)
        (void)close(fd);
    listener->spare = open_spare();
    return fd < 0 ? fd : EIO_OK;
}

static void open_stream(eio_listener *listener, eio_stream *stream)
{
    int rc = EIO_OK;

    if (listener->tls != NULL)
        rc = eio_tls_accept(stream, listener->tls, &listener->gate);
    eio_stream_opened(stream);
    if (rc == EIO_OK)
        listener->on_stream(listener, stream, listener->data);
    else
        eio_stream_abort(stream);
}

static int accept_one(eio_listener *listener)
{
    eio_stream *stream = eio_stream_new(listener->loop, &listener->group);
    if (stream == NULL)
        return UV_ENOMEM;
    int rc = accept_socket(listener);
    if (rc >= 0)
        rc = eio_stream_set_socket(stream, rc);
    if (rc == EIO_OK)
        open_stream(listener, stream);
    else
        eio_stream_free(stream);
    return rc;
}

/* Whether the next one can be tried at once. */
static bool take_next(eio_listener *listener)
{
    if (listener->tls != NULL && listener->gate.open >= listener->gate.most) {
        uv_poll_stop(&listener->uv.poll); /* until handle_room */
        return false;
    }
    int rc = accept_one(listener);
    if (rc == UV_EMFILE || rc == UV_ENFILE)
        rc = refuse_one(listener);
    if (rc == UV_EMFILE || rc == UV_ENFILE || rc == UV_ENOMEM || rc == UV_ENOBUFS) {
        uv_poll_stop(&listener->uv.poll); /* it would be woken all the time */
        eio_deadline_start(&listener->retries, &listener->retry);
        return false;
    }
    return rc != UV_EAGAIN; /* else it was gone before we got to it */
}

static void handle_connections(uv_poll_t *poll, int status, int events)
{
    eio_listener *listener = poll->data;

    (void)events;
    if (status != 0)
        go_on_accepting(listener); /* accept tells the error, and libuv has stopped the handle */
    for (int i = 0; i < ACCEPTS_A_TURN && !listener->stopped; i++)
        if (!take_next(listener))
            return;
}

int eio_listener_adopt(eio_stream **out, eio_listener *listener, eio_detached *detached)
{
    eio_stream *stream = eio_stream_new(listener->loop, &listener->group);

    if (stream == NULL) {
        eio_detached_close(detached);
        return EIO_E_NOMEM;
    }
    int rc = eio_stream_attach(stream, detached);
    if (rc == EIO_OK)
        *out = stream;
    return rc;
}

static void handle_retry(eio_deadline *deadline)
{
    go_on_accepting((eio_listener *)((char *)deadline - offsetof(eio_listener, retry)));
}

static void handle_room(eio_tls_gate *gate)
{
    eio_listener *listener = (eio_listener *)((char *)gate - offsetof(eio_listener, gate));

    if (!listener->stopped)
        go_on_accepting(listener);
}

static int port_of(int fd)
{
    struct sockaddr_storage name = { 0 };
    socklen_t len = sizeof(name);

    (void)getsockname(fd, (struct sockaddr *)&name, &len);
    if (name.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&name)->sin_port);
    if (name.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&name)->sin6_port);
    return 0;
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
    eio_deadline_stop(&listener->retries, &listener->retry);
    uv_close(&listener->uv.handle, handle_uv_closed);
    close_socket(listener);
}

/* Bind, listen, and let libuv watch. */
static int open_socket(eio_listener *listener, const eio_listen_options *options)
{
    uv_loop_t *uv = listener->loop->uv;
    int fd = bind_options(uv, options);
    int rc = fd < 0 ? fd : EIO_OK;

    if (rc == EIO_OK && listen(fd, options->backlog) != 0)
        rc = uv_translate_sys_error(errno);
    if (rc == EIO_OK)
        rc = uv_poll_init(uv, &listener->uv.poll, fd);
    listener->fd = fd;
    return rc;
}

static eio_listener *listener_new(uv_loop_t *uv, const char *path)
{
    eio_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return NULL;
    listener->group = (eio_stream_group){ .open = 1, .on_empty = handle_group_empty };
    listener->fd = listener->spare = -1;
    listener->loop = eio_loop_acquire(uv);
    listener->path = path == NULL ? NULL : strdup(path);
    if (listener->loop != NULL && (path == NULL || listener->path != NULL))
        return listener;
    listener_free(listener);
    return NULL;
}

int eio_listener_new(eio_listener **out, uv_loop_t *uv, const eio_listen_options *options,
                     void (*on_stream)(eio_listener *, eio_stream *, void *), void *data,
                     eio_error *why)
{
    if (options->tls != NULL && eio_tls_get_options(options->tls)->role != EIO_TLS_SERVER)
        return eio_error_set(why, EIO_E_INVALID, "TLS: a listener needs the role of a server");
    eio_listener *listener = listener_new(uv, options->fd < 0 ? options->path : NULL);
    int rc = listener == NULL ? EIO_E_NOMEM : open_socket(listener, options);
    if (rc != EIO_OK) {
        listener_free(listener);
        return report(why, rc, options);
    }
    listener->on_stream = on_stream;
    listener->data = data;
    listener->uv.handle.data = listener;
    listener->spare = open_spare();
    listener->port = port_of(listener->fd);
    eio_deadline_queue_init(&listener->retries, listener->loop, EIO_ACCEPT_RETRY_MS, handle_retry);
    if (options->tls != NULL) {
        listener->tls = eio_tls_ref(options->tls);
        eio_tls_gate_init(&listener->gate, listener->loop, listener->tls, handle_room);
    }
    go_on_accepting(listener);
    *out = listener;
    return EIO_OK;
}

int eio_listener_port(const eio_listener *listener)
{
    return listener->port;
}

int eio_listener_duplicate(const eio_listener *listener)
{
    int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);

    return fd < 0 ? uv_translate_sys_error(errno) : fd;
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
    socklen_t len = sizeof(name);

    out[0] = '\0';
    if (getpeername(stream->fd, (struct sockaddr *)&name, &len) != 0 ||
        uv_ip_name((const struct sockaddr *)&name, out, size) != 0)
        out[0] = '\0';
    return strlen(out);
}
