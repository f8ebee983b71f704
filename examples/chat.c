/*
 * The chat of Socket.IO's "get started": what one says, everybody reads. The page is served beside
 * it; the browser's client comes from CLIENT_DIR, the folder client-dist of npm's socket.io.
 *
 *     chat [PORT [CLIENT_DIR]]
 */
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

static const char page[] =
    "<!DOCTYPE html>\n"
    "<meta charset=\"utf-8\">\n"
    "<title>Chat</title>\n"
    "<ul id=\"messages\"></ul>\n"
    "<form id=\"form\"><input id=\"input\" autocomplete=\"off\"><button>Send</button></form>\n"
    "<script src=\"/socket.io/socket.io.js\"></script>\n"
    "<script>\n"
    "const socket = io();\n"
    "form.addEventListener('submit', (event) => {\n"
    "    event.preventDefault();\n"
    "    if (input.value) socket.emit('chat message', input.value);\n"
    "    input.value = '';\n"
    "});\n"
    "socket.on('chat message', (text) => {\n"
    "    const item = document.createElement('li');\n"
    "    item.textContent = text;\n"
    "    messages.append(item);\n"
    "});\n"
    "</script>\n";

/* The page is whole and never changes: one response, made from the constant. */
static void serve_page(eio_http_request *request, void *data)
{
    (void)data;
    eio_http_respond_text(request, 200, "text/html; charset=utf-8", eio_slice_of(page));
}

/* socket.on("chat message", (text) => io.emit("chat message", text)) */
static void on_chat_message(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    sio_broadcast(sio_socket_namespace(socket), NULL, sio_event_name(event), sio_event_args(event));
}

static void on_connection(sio_socket *socket, void *data)
{
    eio_slice id = sio_socket_id(socket);

    (void)data;
    printf("%.*s connected\n", (int)id.len, id.base);
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    eio_slice id = sio_socket_id(socket);

    (void)details;
    (void)data;
    printf("%.*s disconnected: %s\n", (int)id.len, id.base, reason);
}

static int add_handlers(sio_namespace *nsp)
{
    int rc = sio_on_connection(nsp, on_connection, NULL);

    if (rc == EIO_OK)
        rc = sio_on_disconnect(nsp, on_disconnect, NULL);
    if (rc == EIO_OK)
        rc = sio_on(nsp, SIO_STR("chat message"), on_chat_message, NULL);
    return rc;
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    eio_http_server *http;
    sio_server *io;
    sio_options options;
    eio_listen_options where;
    eio_error why = { .text = "out of memory" };

    signal(SIGPIPE, SIG_IGN); /* who is gone is found out by the write */
    sio_options_init(&options);
    options.client_dir = argc > 2 ? argv[2] : "node_modules/socket.io/client-dist";
    eio_listen_options_init(&where);
    where.port = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 3000;
    if (eio_http_server_new(&http, loop, NULL) != EIO_OK ||
        eio_http_server_route(http, "GET", "/", serve_page, NULL) != EIO_OK ||
        sio_server_new(&io, http, &options, &why) != EIO_OK ||
        add_handlers(sio_server_of(io, SIO_STR("/"))) != EIO_OK ||
        eio_http_server_listen(http, &where, &why) != EIO_OK) {
        fprintf(stderr, "chat: %s\n", why.text);
        return 1;
    }
    printf("listening on %d\n", eio_http_server_port(http));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
