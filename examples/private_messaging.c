/*
 * Private messages between named users. A client names itself in its handshake, as in
 * io(url, { auth: { username: "ann" } }); whoever does not is refused. Each hears who is there, who
 * comes and who goes, and writes to one other with
 * socket.emit("private message", { to: userID, content: "psst" }).
 *
 * Values are taken out of JSON with jansson here: the library itself never builds a tree.
 */
#include <jansson.h>
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

/* { userID, username }: a new reference, or NULL. */
static json_t *describe(sio_socket *socket)
{
    eio_slice id = sio_socket_id(socket);

    return json_pack("{s:s%, s:s}", "userID", id.base, id.len, "username", sio_socket_data(socket));
}

/* The text of a value as an argument. The caller frees the text; the value is taken. */
static char *to_text(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(value);
    return text;
}

/* A middleware: it ends in sio_next, with a reason if the client may not come in. */
static void check_username(sio_socket *socket, void *data)
{
    static const sio_refusal refusal = { .message = { "invalid username", 16 } };
    eio_slice auth = sio_socket_auth(socket);
    json_t *object = json_loadb(auth.base, auth.len, 0, NULL);
    const char *name = NULL;
    char *copy = NULL;

    (void)data;
    if (json_unpack(object, "{s:s}", "username", &name) == 0 && name[0] != '\0')
        copy = strdup(name);
    json_decref(object);
    sio_socket_set_data(socket, copy, free); /* the socket frees it with itself */
    sio_next(socket, copy == NULL ? &refusal : NULL);
}

static bool add_user(sio_socket *socket, void *users)
{
    return json_array_append_new(users, describe(socket)) == 0;
}

static void on_connection(sio_socket *socket, void *data)
{
    json_t *users = json_array();

    (void)data;
    sio_each_socket(sio_socket_namespace(socket), NULL, add_user, users);
    char *all = to_text(users);
    char *self = to_text(describe(socket));
    if (all != NULL && self != NULL) {
        sio_emit(socket, SIO_STR("users"), SIO_ARGS(eio_slice_of(all)));
        sio_broadcast_from(socket, NULL, SIO_STR("user connected"), SIO_ARGS(eio_slice_of(self)));
    }
    free(all);
    free(self);
}

/* io.to(to).emit("private message", { content, from }): a socket's id is a room with it alone. */
static void send_to(sio_socket *sender, eio_slice to, json_t *content)
{
    eio_slice from = sio_socket_id(sender);
    char *text = to_text(json_pack("{s:O, s:s%}", "content", content, "from", from.base, from.len));

    if (text != NULL)
        sio_broadcast(sio_socket_namespace(sender), &(sio_target){ .rooms = SIO_ROOMS(to) },
                      SIO_STR("private message"), SIO_ARGS(eio_slice_of(text)));
    free(text);
}

static void on_private_message(sio_socket *socket, sio_event *event, void *data)
{
    sio_args args = sio_event_args(event);
    json_t *message = NULL;
    json_t *content = NULL;
    const char *to = NULL;
    size_t len = 0;

    (void)data;
    if (args.count > 0)
        message = json_loadb(args.json[0].base, args.json[0].len, 0, NULL);
    /* What a client sends may be anything: check it, and ignore what makes no sense. */
    if (json_unpack(message, "{s:s%, s:o}", "to", &to, &len, "content", &content) == 0)
        send_to(socket, (eio_slice){ to, len }, content);
    json_decref(message);
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    char *self = to_text(describe(socket));

    (void)reason;
    (void)details;
    (void)data;
    if (self != NULL)
        sio_broadcast(sio_socket_namespace(socket), NULL, SIO_STR("user disconnected"),
                      SIO_ARGS(eio_slice_of(self)));
    free(self);
}

static int add_handlers(sio_namespace *nsp)
{
    int rc = sio_use(nsp, check_username, NULL);

    if (rc == EIO_OK)
        rc = sio_on_connection(nsp, on_connection, NULL);
    if (rc == EIO_OK)
        rc = sio_on_disconnect(nsp, on_disconnect, NULL);
    if (rc == EIO_OK)
        rc = sio_on(nsp, SIO_STR("private message"), on_private_message, NULL);
    return rc;
}

int main(int argc, char **argv)
{
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
        add_handlers(sio_server_of(io, SIO_STR("/"))) != EIO_OK ||
        eio_http_server_listen(http, &where, &why) != EIO_OK) {
        fprintf(stderr, "private_messaging: %s\n", why.text);
        return 1;
    }
    printf("listening on %d\n", eio_http_server_port(http));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
