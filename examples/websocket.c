/*
 * A plain WebSocket end point beside Socket.IO. Sensors that know nothing of Socket.IO connect to
 * ws://localhost:3000/sensors/NAME and send texts; browsers get each as socket.on("reading",
 * (name, text) => …). The sensor is told how many browsers saw it.
 */
#include <engineio/websocket.h>
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

/* What hangs on a connection: made when it is accepted, freed when it is closed. */
typedef struct sensor {
    sio_namespace *nsp;
    eio_buffer *name; /* as JSON, ready to be emitted */
} sensor;

static eio_buffer *quote(eio_slice text)
{
    eio_buffer *json = eio_buffer_new(text.len + 2);

    if (json != NULL && sio_json_append_string(&json, text) == EIO_OK)
        return json;
    eio_buffer_unref(json);
    return NULL;
}

static void sensor_free(sensor *self)
{
    if (self != NULL)
        eio_buffer_unref(self->name);
    free(self);
}

static sensor *sensor_new(sio_namespace *nsp, eio_slice name)
{
    sensor *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return NULL;
    self->nsp = nsp;
    self->name = quote(name);
    if (self->name != NULL)
        return self;
    sensor_free(self);
    return NULL;
}

static void on_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    sensor *self = data;
    char answer[32];

    if (binary) {
        eio_websocket_close(ws, EIO_WS_POLICY, EIO_STR("texts only")); /* on_close follows */
        return;
    }
    eio_buffer *text = quote(payload);
    if (text != NULL)
        sio_broadcast(self->nsp, NULL, SIO_STR("reading"),
                      SIO_ARGS(eio_buffer_slice(self->name), eio_buffer_slice(text)));
    eio_buffer_unref(text);
    snprintf(answer, sizeof(answer), "seen by %zu", sio_namespace_count(self->nsp));
    eio_websocket_send_text(ws, eio_slice_of(answer));
}

/* The last callback, exactly once: the place to free what belongs to the connection. */
static void on_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    (void)ws;
    (void)failed;
    printf("a sensor left: %d %.*s\n", code, (int)reason.len,
           reason.base == NULL ? "" : reason.base);
    sensor_free(data);
}

static const eio_websocket_handler handler = { .on_message = on_message, .on_close = on_close };

/* A route like any other; a request that is no WebSocket handshake is answered with 400. */
static void accept_sensor(eio_http_request *request, void *data)
{
    sensor *self = sensor_new(data, eio_http_param(request, "name"));
    eio_websocket_options options;
    eio_websocket *ws;

    if (self == NULL) {
        eio_http_respond(request, 503, NULL);
        return;
    }
    eio_websocket_options_init(&options);
    options.max_message_bytes = 4096;
    options.ping_interval_ms = 30000; /* so that sensors that vanish are noticed */
    if (eio_websocket_accept(&ws, request, &options, &handler, self) != EIO_OK)
        sensor_free(self);
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
        eio_http_server_route(http, "GET", "/sensors/:name", accept_sensor,
                              sio_server_of(io, SIO_STR("/"))) != EIO_OK ||
        eio_http_server_listen(http, &where, &why) != EIO_OK) {
        fprintf(stderr, "websocket: %s\n", why.text);
        return 1;
    }
    printf("listening on %d\n", eio_http_server_port(http));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
