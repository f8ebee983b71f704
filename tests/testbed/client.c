/* Contract `client`: what the suite of socket.io-client talks to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/testbed/testbed.h"

enum { ALLOW_AFTER_MS = 10, DATE_BYTES = 64 };

/* ---- handshakes are allowed, but not at once ---- */

typedef struct pending_handshake {
    uv_timer_t timer; /* first */
    eio_handshake *handshake;
} pending_handshake;

static void free_pending(uv_handle_t *handle)
{
    free(handle);
}

static void allow(uv_timer_t *timer)
{
    pending_handshake *pending = (pending_handshake *)(void *)timer;

    eio_handshake_allow(pending->handshake);
    uv_close((uv_handle_t *)timer, free_pending);
}

static void on_handshake(eio_server *server, eio_handshake *handshake, void *data)
{
    const testbed *bed = data;
    pending_handshake *pending = calloc(1, sizeof(*pending));

    (void)server;
    if (pending == NULL || uv_timer_init(bed->loop, &pending->timer) != 0) {
        free(pending);
        eio_handshake_refuse(handshake, NULL);
        return;
    }
    pending->handshake = handshake;
    (void)uv_timer_start(&pending->timer, allow, ALLOW_AFTER_MS, 0);
}

/* ---- JSON ---- */

/* Milliseconds since 1970 as JSON.stringify prints a date. */
static eio_slice print_date(char out[DATE_BYTES], uint64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL)
        return SIO_JSON("null");
    size_t len = strftime(out, DATE_BYTES, "\"%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(out + len, DATE_BYTES - len, ".%03uZ\"", (unsigned)(ms % 1000));
    return (eio_slice){ out, len };
}

static eio_slice print_now(char out[DATE_BYTES])
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return print_date(out, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static int append_text(eio_buffer **json, eio_slice name, eio_slice text)
{
    int rc = testbed_append_member(json, name, EIO_STR(""));

    return rc == EIO_OK ? sio_json_append_string(json, text) : rc;
}

static int append_query(eio_buffer **json, eio_slice query)
{
    eio_slice name;
    eio_slice value;
    char text[2][1024];
    int rc = eio_buffer_append(json, EIO_STR("{"));

    while (rc == EIO_OK && eio_query_next(&query, &name, &value)) {
        if (name.len > sizeof(text[0]) || value.len > sizeof(text[1]))
            continue;
        const eio_slice key = { text[0], eio_query_decode(name, text[0]) };
        const eio_slice decoded = { text[1], eio_query_decode(value, text[1]) };
        rc = append_text(json, key, decoded);
    }
    return rc == EIO_OK ? eio_buffer_append(json, EIO_STR("}")) : rc;
}

static bool header_at(const void *socket, size_t index, eio_slice *name, eio_slice *value)
{
    return sio_socket_header_at(socket, index, name, value);
}

static int append_handshake(eio_buffer **json, const sio_socket *socket)
{
    char issued[24];
    char date[DATE_BYTES];
    int rc = eio_buffer_append(json, EIO_STR("{\"headers\":"));

    if (rc == EIO_OK)
        rc = testbed_append_headers(json, header_at, socket);
    if (rc == EIO_OK)
        rc = testbed_append_member(json, EIO_STR("time"),
                                   print_date(date, sio_socket_issued_ms(socket)));
    if (rc == EIO_OK)
        rc = append_text(json, EIO_STR("address"), sio_socket_address(socket));
    if (rc == EIO_OK)
        rc = testbed_append_member(json, EIO_STR("xdomain"),
                                   sio_socket_is_xdomain(socket) ? SIO_JSON("true")
                                                                 : SIO_JSON("false"));
    if (rc == EIO_OK)
        rc = testbed_append_member(json, EIO_STR("secure"),
                                   sio_socket_is_secure(socket) ? SIO_JSON("true")
                                                                : SIO_JSON("false"));
    if (rc == EIO_OK)
        rc = testbed_append_member(json, EIO_STR("issued"),
                                   testbed_print(issued, sio_socket_issued_ms(socket)));
    if (rc == EIO_OK)
        rc = append_text(json, EIO_STR("url"), sio_socket_url(socket));
    if (rc == EIO_OK)
        rc = testbed_append_member(json, EIO_STR("query"), EIO_STR(""));
    if (rc == EIO_OK)
        rc = append_query(json, sio_socket_query(socket));
    if (rc == EIO_OK)
        rc = testbed_append_member(json, EIO_STR("auth"), sio_socket_auth(socket));
    return rc == EIO_OK ? eio_buffer_append(json, EIO_STR("}")) : rc;
}

/* New; NULL when out of memory. */
static eio_buffer *make_handshake(const sio_socket *socket)
{
    eio_buffer *json = eio_buffer_new(0);

    if (json != NULL && append_handshake(&json, socket) != EIO_OK) {
        eio_buffer_unref(json);
        return NULL;
    }
    return json;
}

/* ---- acknowledgements ---- */

static void on_echo(sio_socket *socket, sio_event *event, void *data)
{
    sio_args args = sio_event_args(event);

    (void)socket;
    (void)data;
    args.count = args.count > 1 ? 1 : args.count;
    (void)sio_event_ack(event, args);
}

static void on_id(sio_socket *socket, sio_event *event, void *data)
{
    char text[128];
    const eio_slice id = sio_socket_id(socket);
    int len = snprintf(text, sizeof(text), "\"%.*s\"", (int)id.len, id.base);

    (void)data;
    (void)sio_event_ack(event, SIO_ARGS((eio_slice){ text, (size_t)len }));
}

static void on_ack_date(sio_socket *socket, sio_event *event, void *data)
{
    char date[DATE_BYTES];

    (void)socket;
    (void)data;
    (void)sio_event_ack(event, SIO_ARGS(print_now(date)));
}

static void on_handshake_wanted(sio_socket *socket, sio_event *event, void *data)
{
    eio_buffer *json = make_handshake(socket);

    (void)data;
    if (json != NULL)
        (void)sio_event_ack(event, SIO_ARGS(eio_buffer_slice(json)));
    eio_buffer_unref(json);
}

static void handle_answer(sio_socket *socket, int status, sio_args args, void *data)
{
    (void)data;
    if (status == EIO_OK && args.count == 2 && eio_slice_equal(args.json[0], SIO_JSON("5")) &&
        eio_slice_equal(args.json[1], SIO_JSON("{\"test\":true}")))
        (void)sio_emit(socket, SIO_STR("got it"), SIO_NO_ARGS);
}

static void on_ack(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)sio_emit_with_ack(socket, SIO_STR("ack"), SIO_NO_ARGS, 0, handle_answer, data);
}

/* ---- texts ---- */

static void on_hi(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)data;
    (void)sio_emit(socket, SIO_STR("hi"), SIO_NO_ARGS);
}

static void on_false(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)data;
    (void)sio_emit(socket, SIO_STR("false"), SIO_ARGS(SIO_JSON("false")));
}

static void on_date(sio_socket *socket, sio_event *event, void *data)
{
    char date[DATE_BYTES];

    (void)event;
    (void)data;
    (void)sio_emit(socket, SIO_STR("takeDate"), SIO_ARGS(print_now(date)));
}

static void on_date_object(sio_socket *socket, sio_event *event, void *data)
{
    char date[DATE_BYTES];
    char text[2 * DATE_BYTES];
    const eio_slice now = print_now(date);
    int len = snprintf(text, sizeof(text), "{\"date\":%.*s}", (int)now.len, now.base);

    (void)event;
    (void)data;
    (void)sio_emit(socket, SIO_STR("takeDateObj"), SIO_ARGS((eio_slice){ text, (size_t)len }));
}

static void on_utf8(sio_socket *socket, sio_event *event, void *data)
{
    static const char *const texts[] = { "\"てすと\"", "\"Я Б Г Д Ж Й\"", "\"Ä ä Ü ü ß\"",
                                         "\"utf8 — string\"", "\"utf8 — string\"" };

    (void)event;
    (void)data;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        (void)sio_emit(socket, SIO_STR("takeUtf8"), SIO_ARGS(eio_slice_of(texts[i])));
}

/* ---- binary ---- */

static void emit_bytes(sio_socket *socket, eio_slice name)
{
    const eio_slice placeholder = SIO_JSON("{\"_placeholder\":true,\"num\":0}");
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("asdfasdf"));

    if (bytes != NULL)
        (void)sio_emit(socket, name, (sio_args){ &placeholder, 1, &bytes, 1 });
    eio_buffer_unref(bytes);
}

static void on_doge(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)data;
    emit_bytes(socket, SIO_STR("doge"));
}

static void on_bytes_wanted(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)data;
    emit_bytes(socket, SIO_STR("takebin"));
}

/* What a client sends in order, and what it gets when the last of it has come: data is the row. */
typedef struct binary_row {
    const char *name;
    const char *json; /* the argument as it must come; NULL: whatever it is */
    const char *after;
    const char *reply; /* NULL: it goes on */
} binary_row;

#define BYTES "{\"_placeholder\":true,\"num\":0}"
#define MIXED "{\"hello\":\"lol\",\"message\":" BYTES ",\"goodbye\":\"gotcha\"}"

static const binary_row binary_rows[] = {
    { "buffa", BYTES, NULL, "buffack" },      { "jsonbuff", MIXED, NULL, "jsonbuff-ack" },
    { "abuff1", BYTES, NULL, NULL },          { "abuff2", NULL, "abuff1", "abuff2-ack" },
    { "blob", BYTES, NULL, "back" },          { "jsonblob", MIXED, NULL, "jsonblob-ack" },
    { "blob1", BYTES, NULL, NULL },           { "blob2", "\"second\"", "blob1", NULL },
    { "blob3", BYTES, "blob2", "blob3-ack" }, { NULL, NULL, NULL, NULL },
};

static void on_binary(sio_socket *socket, sio_event *event, void *data)
{
    const binary_row *row = data;
    const binary_row *last = sio_socket_data(socket);
    const sio_args args = sio_event_args(event);

    if (row->json != NULL &&
        (args.count != 1 || !eio_slice_equal(args.json[0], eio_slice_of(row->json))))
        return;
    if (row->after != NULL && (last == NULL || strcmp(row->after, last->name) != 0))
        return;
    sio_socket_set_data(socket, data, NULL);
    if (row->reply != NULL)
        (void)sio_emit(socket, eio_slice_of(row->reply), SIO_NO_ARGS);
}

static int add_binary(sio_namespace *nsp)
{
    int rc = EIO_OK;

    for (const binary_row *row = binary_rows; row->name != NULL && rc == EIO_OK; row++)
        rc = sio_on(nsp, eio_slice_of(row->name), on_binary, (void *)(uintptr_t)row);
    return rc;
}

/* ---- namespaces ---- */

static void emit_handshake(sio_socket *socket, void *data)
{
    eio_buffer *json = make_handshake(socket);

    (void)data;
    if (json != NULL)
        (void)sio_emit(socket, SIO_STR("handshake"), SIO_ARGS(eio_buffer_slice(json)));
    eio_buffer_unref(json);
}

static void refuse_if_asked(sio_socket *socket, void *data)
{
    char value[64];
    eio_slice fail = eio_query_get(sio_socket_query(socket), "fail", value, sizeof(value));

    (void)data;
    (void)sio_next(
        socket,
        fail.len > 0 ? &(sio_refusal){ .message = SIO_STR("Auth failed (main namespace)") } : NULL);
}

static void refuse(sio_socket *socket, void *data)
{
    (void)data;
    (void)sio_next(socket, &(sio_refusal){ .message = SIO_STR("Auth failed (custom namespace)") });
}

static int add_namespaces(testbed *bed)
{
    static const char *const names[] = {
        "/foo", "/timeout_socket", "/valid", "/asd", "/abc", "/no"
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (sio_server_of(bed->io, eio_slice_of(names[i])) == NULL)
            return EIO_E_NOMEM;
    }
    int rc = sio_on(sio_server_of(bed->io, SIO_STR("/foo")), SIO_STR("getId"), on_id, bed);
    if (rc == EIO_OK)
        rc = sio_on_connection(sio_server_of(bed->io, SIO_STR("/abc")), emit_handshake, bed);
    if (rc == EIO_OK)
        rc = sio_use(sio_server_of(bed->io, SIO_STR("/no")), refuse, bed);
    return rc == EIO_OK ? sio_use(sio_server_of(bed->io, SIO_STR("/")), refuse_if_asked, bed) : rc;
}

/* ---- contract ---- */

static int set_up(testbed *bed)
{
    static const testbed_event events[] = {
        { "hi", on_hi },
        { "echo", on_echo },
        { "ack", on_ack },
        { "getAckDate", on_ack_date },
        { "getDate", on_date },
        { "getDateObj", on_date_object },
        { "getUtf8", on_utf8 },
        { "false", on_false },
        { "doge", on_doge },
        { "getbin", on_bytes_wanted },
        { "getHandshake", on_handshake_wanted },
        { "getId", on_id },
        { NULL, NULL },
    };
    int rc = add_namespaces(bed);

    if (rc == EIO_OK)
        rc = add_binary(sio_server_of(bed->io, SIO_STR("/")));
    return rc == EIO_OK ? testbed_on(bed, events) : rc;
}

static void adjust(sio_options *options)
{
    static const sio_recovery_options recovery = { .max_disconnection_ms = 0 };

    if (options->recovery == NULL)
        options->recovery = &recovery;
    options->engine.on_handshake = on_handshake;
}

const testbed_contract contract_client = {
    .name = "client",
    .defaults = { .port = 3210, .ping_interval_ms = 2000, .grace_ms = 8000 },
    .adjust = adjust,
    .set_up = set_up,
};
