/* The least that a Socket.IO server needs: what a client says as `echo` is sent back to it. */
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

static void on_echo(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    sio_emit(socket, SIO_STR("echo"), sio_event_args(event));
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    eio_http_server *http;
    sio_server *io;
    eio_listen_options options;
    eio_error why = { 0 };

    signal(SIGPIPE, SIG_IGN); /* who is gone is found out by the write */
    eio_listen_options_init(&options);
    options.port = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 3000;
    if (eio_http_server_new(&http, loop, NULL) != EIO_OK ||
        sio_server_new(&io, http, NULL, &why) != EIO_OK ||
        sio_on(sio_server_of(io, SIO_STR("/")), SIO_STR("echo"), on_echo, NULL) != EIO_OK ||
        eio_http_server_listen(http, &options, &why) != EIO_OK) {
        fprintf(stderr, "echo: %s\n", why.text);
        return 1;
    }
    printf("listening on %d\n", eio_http_server_port(http));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
