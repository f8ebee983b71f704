/*
 * A whiteboard: what one draws, all others see. Strokes are passed on as they came, without a look
 * inside; the last ones are kept for those who come later. Cursors move all the time and only the
 * newest place counts, so they are volatile: a client that cannot take one at once gets none.
 */
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_STROKES = 1000 };

/* The newest strokes: a ring. What clients can make grow needs an end. */
typedef struct whiteboard {
    sio_event *strokes[MOST_STROKES];
    size_t next;
} whiteboard;

/* An event is borrowed until its callback returns; a reference keeps it, arguments and all. */
static void keep(whiteboard *board, sio_event *event)
{
    size_t at = board->next++ % MOST_STROKES;

    sio_event_unref(board->strokes[at]);
    board->strokes[at] = sio_event_ref(event); /* NULL when out of memory: then it is not kept */
}

static void on_connection(sio_socket *socket, void *data)
{
    whiteboard *board = data;

    for (size_t i = 0; i < MOST_STROKES; i++) {
        sio_event *stroke = board->strokes[(board->next + i) % MOST_STROKES];

        if (stroke != NULL)
            sio_emit(socket, SIO_STR("drawing"), sio_event_args(stroke));
    }
}

/* socket.broadcast.emit("drawing", …) */
static void on_drawing(sio_socket *socket, sio_event *event, void *data)
{
    keep(data, event);
    sio_broadcast_from(socket, NULL, SIO_STR("drawing"), sio_event_args(event));
}

/* socket.volatile.broadcast.emit("cursor", …) */
static void on_cursor(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    sio_broadcast_from(socket, &(sio_target){ .flags = SIO_VOLATILE }, SIO_STR("cursor"),
                       sio_event_args(event));
}

/* Everybody starts anew; who asked for it is told how many strokes went. */
static void on_clear(sio_socket *socket, sio_event *event, void *data)
{
    whiteboard *board = data;
    unsigned count = 0;
    char text[16];

    for (size_t i = 0; i < MOST_STROKES; i++) {
        count += board->strokes[i] != NULL;
        sio_event_unref(board->strokes[i]);
        board->strokes[i] = NULL;
    }
    sio_broadcast(sio_socket_namespace(socket), NULL, SIO_STR("clear"), SIO_NO_ARGS);
    snprintf(text, sizeof(text), "%u", count);
    sio_event_ack(event, SIO_ARGS(eio_slice_of(text))); /* nothing happens if none is wanted */
}

static int add_handlers(sio_namespace *nsp, whiteboard *board)
{
    int rc = sio_on_connection(nsp, on_connection, board);

    if (rc == EIO_OK)
        rc = sio_on(nsp, SIO_STR("drawing"), on_drawing, board);
    if (rc == EIO_OK)
        rc = sio_on(nsp, SIO_STR("cursor"), on_cursor, board);
    if (rc == EIO_OK)
        rc = sio_on(nsp, SIO_STR("clear"), on_clear, board);
    return rc;
}

int main(int argc, char **argv)
{
    static whiteboard board;
    uv_loop_t *loop = uv_default_loop();
    eio_http_server *http;
    sio_server *io;
    eio_listen_options where;
    eio_error why = { .text = "out of memory" };

    signal(SIGPIPE, SIG_IGN); /* who is gone is found out by the write */
    eio_listen_options_init(&where);
    where.port = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 3000;
    if (eio_http_server_new(&http, loop, NULL) != EIO_OK ||
        sio_server_new(&io, http, NULL, &why) != EIO_OK ||
        add_handlers(sio_server_of(io, SIO_STR("/")), &board) != EIO_OK ||
        eio_http_server_listen(http, &where, &why) != EIO_OK) {
        fprintf(stderr, "whiteboard: %s\n", why.text);
        return 1;
    }
    printf("listening on %d\n", eio_http_server_port(http));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
