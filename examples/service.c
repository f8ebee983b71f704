/*
 * Socket.IO inside a service that has work of its own: its loop also runs a timer, a UDP socket and
 * the signals that end it. Each datagram goes to all clients as "datagram"; "uptime" comes ten
 * times a second. SIGTERM and SIGINT close everything in order, and the loop ends by itself.
 *
 *     service [PORT [UDP_PORT]]
 */
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

/* All that is closed in the end. */
typedef struct service {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_udp_t udp;
    uv_signal_t signals[2];
    eio_http_server *http;
    sio_server *io;
    char datagram[2048];
} service;

static void on_timer(uv_timer_t *timer)
{
    service *self = timer->data;
    char text[32];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)uv_now(&self->loop));
    sio_broadcast(sio_server_of(self->io, SIO_STR("/")), NULL, SIO_STR("uptime"),
                  SIO_ARGS(eio_slice_of(text)));
}

static void lend_memory(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    service *self = handle->data;

    (void)wanted;
    *out = uv_buf_init(self->datagram, sizeof(self->datagram));
}

/* Bytes travel beside the JSON: a placeholder says where in the arguments they belong. */
static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *bytes,
                        const struct sockaddr *from, unsigned flags)
{
    service *self = udp->data;

    (void)flags;
    if (len < 0 || from == NULL)
        return; /* nothing more to read */
    eio_buffer *copy = eio_buffer_copy((eio_slice){ bytes->base, (size_t)len });
    if (copy == NULL)
        return;
    sio_broadcast(sio_server_of(self->io, SIO_STR("/")), NULL, SIO_STR("datagram"),
                  (sio_args){ .json = &SIO_JSON("{\"_placeholder\":true,\"num\":0}"),
                              .count = 1,
                              .attachments = &copy,
                              .attachment_count = 1 });
    eio_buffer_unref(copy);
}

static void on_io_closed(void *data)
{
    eio_http_server_close(data, NULL, NULL);
}

/* Socket.IO first, then the HTTP server below it; our own handles need not wait for either. */
static void on_signal(uv_signal_t *signal, int number)
{
    service *self = signal->data;

    (void)number;
    if (uv_is_closing((uv_handle_t *)&self->timer))
        return; /* it came twice */
    uv_close((uv_handle_t *)&self->timer, NULL);
    uv_close((uv_handle_t *)&self->udp, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&self->signals[i], NULL);
    eio_http_server_stop(self->http);
    sio_server_close(self->io, on_io_closed, self->http);
}

static int start_datagrams(service *self, int port, eio_error *why)
{
    struct sockaddr_in address;
    int len = sizeof(address);

    self->udp.data = self;
    int rc = uv_ip4_addr("127.0.0.1", port, &address);
    if (rc == 0)
        rc = uv_udp_init(&self->loop, &self->udp);
    if (rc == 0)
        rc = uv_udp_bind(&self->udp, (struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_udp_recv_start(&self->udp, lend_memory, on_datagram);
    if (rc != 0)
        return eio_error_set(why, rc, "UDP port %d: %s", port, uv_strerror(rc));
    uv_udp_getsockname(&self->udp, (struct sockaddr *)&address, &len);
    printf("datagrams on %d\n", ntohs(address.sin_port));
    return 0;
}

static void start_timer_and_signals(service *self)
{
    static const int numbers[] = { SIGTERM, SIGINT };

    self->timer.data = self;
    uv_timer_init(&self->loop, &self->timer);
    uv_timer_start(&self->timer, on_timer, 100, 100);
    for (int i = 0; i < 2; i++) {
        self->signals[i].data = self;
        uv_signal_init(&self->loop, &self->signals[i]);
        uv_signal_start(&self->signals[i], on_signal, numbers[i]);
    }
}

static int start_serving(service *self, int port, eio_error *why)
{
    eio_listen_options where;

    eio_listen_options_init(&where);
    where.port = port;
    int rc = eio_http_server_new(&self->http, &self->loop, NULL);
    if (rc == EIO_OK)
        rc = sio_server_new(&self->io, self->http, NULL, why);
    if (rc == EIO_OK)
        rc = eio_http_server_listen(self->http, &where, why);
    return rc;
}

int main(int argc, char **argv)
{
    static service self;
    eio_error why = { .text = "out of memory" };
    int port = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 3000;
    int udp_port = argc > 2 ? (int)strtoul(argv[2], NULL, 10) : 3001;
    signal(SIGPIPE, SIG_IGN); /* who is gone is found out by the write */
    uv_loop_init(&self.loop);
    if (start_serving(&self, port, &why) != EIO_OK || start_datagrams(&self, udp_port, &why) != 0) {
        fprintf(stderr, "service: %s\n", why.text);
        return 1;
    }
    start_timer_and_signals(&self);
    printf("listening on %d\n", eio_http_server_port(self.http));
    fflush(stdout);
    uv_run(&self.loop, UV_RUN_DEFAULT); /* until all handles are closed */
    printf("nothing is left open: %s\n", uv_loop_close(&self.loop) == 0 ? "yes" : "no");
    return 0;
}
