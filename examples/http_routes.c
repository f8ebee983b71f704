/*
 * HTTP routes beside Socket.IO, on one listener: a program posts a text to a topic, and every
 * browser that watches the topic has it.
 *
 *     curl -d 'built in 31 s' http://localhost:3000/topics/builds
 *     socket.emit("watch", "builds"); socket.on("news", (topic, text) => …)
 */
#include <signal.h>
#include <socketio/socketio.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_NEWS_BYTES = 4096, MAX_TOPIC_BYTES = 100 };

static void respond(eio_http_request *request, int status, const char *text)
{
    eio_http_respond_text(request, status, "text/plain; charset=utf-8", eio_slice_of(text));
}

/* socket.on("watch", (topic, done) => { socket.join(topic); done(); }) */
static void on_watch(sio_socket *socket, sio_event *event, void *data)
{
    sio_args args = sio_event_args(event);
    char text[MAX_TOPIC_BYTES];

    (void)data;
    if (args.count == 0)
        return;
    eio_slice topic = sio_json_string(args.json[0], text, sizeof(text));
    if (topic.base != NULL && sio_join(socket, topic) == EIO_OK)
        sio_event_ack(event, SIO_NO_ARGS);
}

/* A text becomes JSON with its quotes and escapes. */
static eio_buffer *quote(eio_slice text)
{
    eio_buffer *json = eio_buffer_new(text.len + 2);

    if (json != NULL && sio_json_append_string(&json, text) == EIO_OK)
        return json;
    eio_buffer_unref(json);
    return NULL;
}

/* io.to(topic).emit("news", topic, text) */
static int tell(sio_server *io, eio_slice topic, eio_slice text)
{
    eio_buffer *topic_json = quote(topic);
    eio_buffer *text_json = quote(text);
    int rc = EIO_E_NOMEM;

    if (topic_json != NULL && text_json != NULL)
        rc = sio_broadcast(sio_server_of(io, SIO_STR("/")),
                           &(sio_target){ .rooms = SIO_ROOMS(topic) }, SIO_STR("news"),
                           SIO_ARGS(eio_buffer_slice(topic_json), eio_buffer_slice(text_json)));
    eio_buffer_unref(topic_json);
    eio_buffer_unref(text_json);
    return rc;
}

/* Every way through a handler ends in one response; the request is gone behind it. */
static void on_news(eio_http_request *request, int status, eio_slice body, void *data)
{
    if (status == EIO_E_TOO_BIG)
        respond(request, 413, "too long\n");
    else if (status == EIO_OK && tell(data, eio_http_param(request, "topic"), body) == EIO_OK)
        respond(request, 202, "told\n");
    else
        respond(request, 500, "something is wrong here\n");
}

static void post_news(eio_http_request *request, void *data)
{
    eio_http_read_body(request, MAX_NEWS_BYTES, on_news, data);
}

static void get_status(eio_http_request *request, void *data)
{
    sio_server *io = data;
    char text[100];

    snprintf(text, sizeof(text), "sockets %zu\nbroadcasts %llu\n",
             sio_namespace_count(sio_server_of(io, SIO_STR("/"))),
             (unsigned long long)sio_server_counters(io).broadcasts);
    respond(request, 200, text);
}

static int add_routes(eio_http_server *http, sio_server *io)
{
    int rc = eio_http_server_route(http, "POST", "/topics/:topic", post_news, io);

    if (rc == EIO_OK)
        rc = eio_http_server_route(http, "GET", "/status", get_status, io);
    if (rc == EIO_OK)
        rc = sio_on(sio_server_of(io, SIO_STR("/")), SIO_STR("watch"), on_watch, NULL);
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
        sio_server_new(&io, http, NULL, &why) != EIO_OK || add_routes(http, io) != EIO_OK ||
        eio_http_server_listen(http, &where, &why) != EIO_OK) {
        fprintf(stderr, "http_routes: %s\n", why.text);
        return 1;
    }
    printf("listening on %d\n", eio_http_server_port(http));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
