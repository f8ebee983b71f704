/* One port, path or descriptor for all workers. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "socketio/workers/group.h"

static int fail(eio_error *why, int code)
{
    return eio_error_set(why, code, "cannot share a listener: %s", eio_strerror(code));
}

/* The others bind for themselves, to what worker 0 got. */
static void become_port(sio_shared_listener *shared)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } name = { .six = { .sin6_port = 0 } };
    socklen_t len = sizeof(name);

    (void)getsockname(shared->fd, &name.any, &len);
    shared->port = ntohs(name.any.sa_family == AF_INET ? name.four.sin_port : name.six.sin6_port);
    (void)close(shared->fd);
    shared->fd = -1;
}

static int listen_first(sio_workers *group, eio_http_server *http,
                        const eio_listen_options *options, eio_error *why)
{
    sio_shared_listener *shared = &group->listeners[group->listener_count];
    eio_listen_options own = *options;

    own.shareable = true;
    int rc = eio_http_server_listen(http, &own, why);
    if (rc != EIO_OK)
        return rc;
    shared->fd = eio_http_server_duplicate(http);
    if (shared->fd < 0)
        return fail(why, shared->fd);
    if (options->path == NULL && options->fd < 0)
        become_port(shared);
    group->listener_count++;
    return EIO_OK;
}

static int listen_with(const sio_shared_listener *shared, eio_http_server *http,
                       const eio_listen_options *options, eio_error *why)
{
    eio_listen_options own = *options;

    if (shared->fd < 0) {
        own.port = shared->port;
        own.shared = true;
        return eio_http_server_listen(http, &own, why);
    }
    own.path = NULL;
    own.fd = fcntl(shared->fd, F_DUPFD_CLOEXEC, 0);
    if (own.fd < 0)
        return fail(why, -errno);
    return eio_http_server_listen(http, &own, why);
}

int sio_worker_listen(sio_worker *worker, eio_http_server *http, const eio_listen_options *options,
                      eio_error *why)
{
    sio_workers *group = worker->group;
    unsigned at = worker->listeners++;

    if (worker->index == 0 && at < SIO_MAX_LISTENERS)
        return listen_first(group, http, options, why);
    if (at >= group->listener_count)
        return eio_error_set(why, EIO_E_STATE, "worker %u listens more often than worker 0",
                             worker->index);
    return listen_with(&group->listeners[at], http, options, why);
}
