/* Contract `protocol`: what the protocol suites, the interop tests and the abuse tests talk to. */
#include <stdlib.h>
#include <string.h>

#include "tests/testbed/testbed.h"

enum { BURST_A_TURN = 8, BURST_MAX_BYTES = 1000000 };

static void emit_auth(sio_socket *socket, void *data)
{
    (void)data;
    (void)sio_emit(socket, SIO_STR("auth"), SIO_ARGS(sio_socket_auth(socket)));
}

static void on_message(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    (void)sio_emit(socket, SIO_STR("message-back"), sio_event_args(event));
}

static void on_message_with_ack(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    (void)sio_event_ack(event, sio_event_args(event));
}

static void on_echo(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    if (sio_event_has_ack(event))
        (void)sio_event_ack(event, sio_event_args(event));
    else
        (void)sio_emit(socket, SIO_STR("echo"), sio_event_args(event));
}

static void on_clients(sio_socket *socket, sio_event *event, void *data)
{
    const testbed *bed = data;
    char text[24];
    size_t count = eio_server_clients_count(sio_server_engine(bed->io)) +
                   eio_server_clients_count(bed->engine);

    (void)socket;
    (void)sio_event_ack(event, SIO_ARGS(testbed_print(text, count)));
}

/* ---- volatile ---- */

/* One event a letter, all at once: `r`egular, `v`olatile, or volatile with `b`ytes. */
static void on_volatile(sio_socket *socket, sio_event *event, void *data)
{
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("bytes"));
    const eio_slice letters = testbed_argument(event, 0); /* in quotes */
    eio_slice json[] = { { NULL, 0 }, SIO_JSON("{\"_placeholder\":true,\"num\":0}") };
    char index[24];

    (void)data;
    for (size_t i = 1; bytes != NULL && i + 1 < letters.len; i++) {
        bool is_binary = letters.base[i] == 'b';
        const sio_args args = { json, is_binary ? 2 : 1, &bytes, 1 };
        json[0] = testbed_print(index, i - 1);
        (void)sio_emit_with(socket, SIO_STR("told"), args,
                            letters.base[i] == 'r' ? 0 : (unsigned)SIO_VOLATILE);
    }
    eio_buffer_unref(bytes);
}

/* ---- burst ---- */

typedef struct burst {
    uv_idle_t idle;   /* turns the loop until all is sent */
    sio_ack *ack;     /* NULL: nobody waits */
    eio_buffer *blob; /* the JSON string */
    size_t next;
    size_t count;
    size_t size;
} burst;

static void free_burst(uv_handle_t *handle)
{
    burst *job = handle->data;

    sio_ack_drop(job->ack);
    eio_buffer_unref(job->blob);
    free(job);
}

static void end_burst(burst *job)
{
    char count[24];
    char size[24];

    if (job->ack != NULL)
        (void)sio_ack_send(
            job->ack, SIO_ARGS(testbed_print(count, job->count), testbed_print(size, job->size)));
    job->ack = NULL;
    uv_close((uv_handle_t *)&job->idle, free_burst);
}

static void handle_turn(uv_idle_t *idle)
{
    burst *job = idle->data;
    sio_socket *socket = sio_ack_socket(job->ack);
    char index[24];

    if (!sio_socket_is_connected(socket)) {
        uv_close((uv_handle_t *)&job->idle, free_burst);
        return;
    }
    for (int i = 0; i < BURST_A_TURN && job->next < job->count; i++, job->next++)
        (void)sio_broadcast(sio_socket_namespace(socket), NULL, SIO_STR("blob"),
                            SIO_ARGS(testbed_print(index, job->next), eio_buffer_slice(job->blob)));
    if (job->next == job->count)
        end_burst(job);
}

static eio_buffer *make_blob(size_t size)
{
    eio_buffer *blob = eio_buffer_new(size + 2);

    if (blob == NULL)
        return NULL;
    char *text = eio_buffer_reserve(&blob, size + 2);
    memset(text, 'x', size + 2);
    text[0] = text[size + 1] = '"';
    eio_buffer_commit(blob, size + 2);
    return blob;
}

static void on_burst(sio_socket *socket, sio_event *event, void *data)
{
    const testbed *bed = data;
    size_t size = testbed_number(testbed_argument(event, 1));
    burst *job = sio_event_has_ack(event) ? calloc(1, sizeof(*job)) : NULL;

    (void)socket;
    if (job == NULL)
        return;
    job->count = testbed_number(testbed_argument(event, 0));
    job->size = size > BURST_MAX_BYTES ? BURST_MAX_BYTES : size;
    job->blob = make_blob(job->size);
    job->ack = sio_event_take_ack(event);
    job->idle.data = job;
    (void)uv_idle_init(bed->loop, &job->idle);
    if (job->blob == NULL || job->ack == NULL)
        uv_close((uv_handle_t *)&job->idle, free_burst);
    else
        (void)uv_idle_start(&job->idle, handle_turn);
}

/* ---- contract ---- */

static int set_up(testbed *bed)
{
    static const testbed_event events[] = {
        { "message", on_message },
        { "message-with-ack", on_message_with_ack },
        { "echo", on_echo },
        { "clients", on_clients },
        { "burst", on_burst },
        { "volatile", on_volatile },
        { NULL, NULL },
    };
    sio_namespace *custom = sio_server_of(bed->io, SIO_STR("/custom"));

    if (custom == NULL || sio_on_connection(custom, emit_auth, bed) != EIO_OK ||
        sio_on_connection(sio_server_of(bed->io, SIO_STR("/")), emit_auth, bed) != EIO_OK)
        return EIO_E_NOMEM;
    int rc = testbed_note_reasons(bed);
    return rc != EIO_OK ? rc : testbed_on(bed, events);
}

const testbed_contract contract_protocol = {
    .name = "protocol",
    .defaults = { .cors = "*",
                  .ping_interval_ms = 300,
                  .ping_timeout_ms = 200,
                  .connect_timeout_ms = 1000,
                  .max_payload_bytes = 1000000,
                  .grace_ms = 8000 },
    .adjust_engine = testbed_send_back,
    .set_up = set_up,
};
