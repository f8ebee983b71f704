/* Messages of the sharded and the streams adapter, as Node's servers were seen to write them. */
#include "socketio/adapter/cluster_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/net/base64.h"

/* A vector: the columns of vectors/cluster.tsv. */
typedef enum column {
    NAME,
    HOW,
    EXPECT,
    NSP,
    UID,
    TYPE,
    PAYLOAD,
    DATA,
    ATTACHMENTS,
    N_COLUMNS
} column;

static char line[65536];

static void split(eio_slice out[N_COLUMNS])
{
    const char *at = line;

    for (int i = 0; i < N_COLUMNS; i++) {
        size_t len = strcspn(at, "\t\n");
        out[i] = (eio_slice){ at, len };
        at += len + (at[len] != '\0');
    }
}

static bool begins(eio_slice text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.base, with, strlen(with)) == 0;
}

static eio_slice decode_payload(eio_slice base64, char *bytes)
{
    size_t len = 0;

    assert_int_equal(eio_base64_decode(bytes, &len, base64), EIO_OK);
    return (eio_slice){ bytes, len };
}

static int read_vector(sio_cluster_message *out, const eio_slice columns[N_COLUMNS],
                       eio_slice payload)
{
    const sio_cluster_fields fields = {
        .uid = columns[UID],
        .nsp = columns[NSP].len == 0 ? (eio_slice){ NULL, 0 } : columns[NSP],
        .type = columns[TYPE],
        .data = payload,
    };

    if (begins(columns[HOW], "entry"))
        return sio_cluster_read_entry(out, &fields);
    if (begins(columns[HOW], "pubsub"))
        return sio_cluster_read_msgpack(out, payload);
    return sio_cluster_read(out, payload);
}

static void assert_slices_equal(eio_slice a, eio_slice b)
{
    if (!eio_slice_equal(a, b))
        print_error("%.*s: %.*s, not %.*s\n", (int)strcspn(line, "\t"), line, (int)a.len, a.base,
                    (int)b.len, b.base);
    assert_true(eio_slice_equal(a, b));
}

static void assert_attachments(const sio_wire *wire, eio_slice hex)
{
    char text[256] = "";
    size_t at = 0;

    for (size_t i = 0; i < wire->attachment_count; i++) {
        eio_slice bytes = eio_buffer_slice(wire->attachments[i]);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", i > 0 ? "," : "");
        for (size_t k = 0; k < bytes.len; k++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%02x",
                                   (unsigned char)bytes.base[k]);
    }
    assert_slices_equal((eio_slice){ text, at }, hex);
}

/* Where values are written differently: dates and undefined beside binary, JSON first of all. */
static bool is_written_otherwise(eio_slice name)
{
    return begins(name, "sharded-broadcast-binary") || begins(name, "streams-broadcast-binary") ||
           begins(name, "sharded-fetch-response-binary") || begins(name, "streams-types") ||
           begins(name, "streams-emitter-broadcast-room-binary");
}

static void assert_written_alike(const eio_slice columns[N_COLUMNS],
                                 const sio_cluster_message *message, eio_slice payload)
{
    sio_writer data = { .json = NULL };
    const sio_cluster_outgoing outgoing = {
        .type = (sio_cluster_type)message->type,
        .data = &data,
        .attachments = message->wire.attachments,
        .attachment_count = message->wire.attachment_count,
    };
    eio_buffer *bytes = NULL;
    int rc;

    sio_write(&data, message->data);
    if (begins(columns[HOW], "entry"))
        rc = sio_cluster_encode_entry(&bytes, &outgoing, false);
    else if (begins(columns[HOW], "pubsub"))
        rc = sio_cluster_encode_msgpack(&bytes, &outgoing, columns[UID], columns[NSP]);
    else
        rc = sio_cluster_encode(&bytes, &outgoing, columns[UID], columns[NSP]);
    assert_int_equal(rc, EIO_OK);
    assert_slices_equal(eio_buffer_slice(bytes), payload);
    eio_buffer_unref(bytes);
    sio_writer_fini(&data);
}

static void check_vector(const eio_slice columns[N_COLUMNS])
{
    static char bytes[65536];
    eio_slice payload = decode_payload(columns[PAYLOAD], bytes);
    sio_cluster_message message;
    int rc = read_vector(&message, columns, payload);

    /* An unknown namespace is the adapter's to drop. */
    if (payload.len == 0 ||
        (begins(columns[EXPECT], "drop") && !begins(columns[NAME], "streams-drop-unknown-nsp") &&
         !begins(columns[NAME], "streams-poison"))) {
        assert_int_not_equal(rc, EIO_OK);
        return;
    }
    assert_int_equal(rc, EIO_OK);
    assert_slices_equal(message.nsp.value, columns[NSP]);
    assert_slices_equal(message.uid.value, columns[UID]);
    if (columns[DATA].len > 0) {
        assert_slices_equal(message.data, columns[DATA]);
        assert_attachments(&message.wire, columns[ATTACHMENTS]);
    }
    if (begins(columns[EXPECT], "captured") && !is_written_otherwise(columns[NAME]))
        assert_written_alike(columns, &message, payload);
    sio_cluster_message_fini(&message);
}

static void vectors_are_read_and_written_as_node_does(void **state)
{
    FILE *file = fopen("tests/unit/adapter/vectors/cluster.tsv", "r");
    int count = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        eio_slice columns[N_COLUMNS];
        if (line[0] == '#')
            continue;
        split(columns);
        check_vector(columns);
        count++;
    }
    fclose(file);
    assert_true(count > 90);
}

static void assert_text(sio_writer *writer, const char *text)
{
    assert_int_equal(writer->rc, EIO_OK);
    assert_slices_equal(eio_buffer_slice(writer->json), eio_slice_of(text));
    sio_writer_fini(writer);
}

static void data_is_written_in_the_order_of_node(void **state)
{
    const sio_target target = { .rooms = SIO_ROOMS(SIO_STR("a")),
                                .except = SIO_ROOMS(SIO_STR("b")) };
    const sio_args args = { (const eio_slice[]){ SIO_JSON("1"), SIO_JSON("{}") }, 2, NULL, 0 };
    const sio_cluster_question question = { EIO_STR("id"), 9 }, none = { .timeout_ms = 0 };
    sio_writer to = { .json = NULL };

    (void)state;
    sio_cluster_write_broadcast(&to, &target, EIO_STR("e"), args, &none);
    assert_text(&to, "{\"packet\":{\"type\":2,\"data\":[\"e\",1,{}]},"
                     "\"opts\":{\"rooms\":[\"a\"],\"except\":[\"b\"],\"flags\":{}}}");
    sio_cluster_write_broadcast(&to, &target, EIO_STR("e"), SIO_NO_ARGS, &question);
    assert_text(&to, "{\"packet\":{\"type\":2,\"data\":[\"e\"]},\"requestId\":\"id\",\"opts\":{"
                     "\"rooms\":[\"a\"],\"except\":[\"b\"],\"flags\":{\"timeout\":9}}}");
    sio_cluster_write_rooms(&to, &target, SIO_ROOMS(SIO_STR("c")));
    assert_text(&to, "{\"opts\":{\"rooms\":[\"a\"],\"except\":[\"b\"],\"flags\":{}},"
                     "\"rooms\":[\"c\"]}");
    sio_cluster_write_disconnect(&to, &target, true);
    assert_text(&to, "{\"opts\":{\"rooms\":[\"a\"],\"except\":[\"b\"],\"flags\":{}},"
                     "\"close\":true}");
    sio_cluster_write_fetch(&to, &target, EIO_STR("id"), false);
    assert_text(&to, "{\"opts\":{\"rooms\":[\"a\"],\"except\":[\"b\"],\"flags\":{}},"
                     "\"requestId\":\"id\"}");
    sio_cluster_write_server_side(&to, EIO_STR("e"), args, EIO_STR("id"));
    assert_text(&to, "{\"requestId\":\"id\",\"packet\":[\"e\",1,{}]}");
    sio_cluster_write_count(&to, EIO_STR("id"), 0);
    assert_text(&to, "{\"requestId\":\"id\",\"clientCount\":0}");
    sio_cluster_write_answer(&to, EIO_STR("id"), args);
    assert_text(&to, "{\"requestId\":\"id\",\"packet\":1}");
    sio_cluster_write_answer(&to, EIO_STR("id"), SIO_NO_ARGS);
    assert_text(&to, "{\"requestId\":\"id\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_read_and_written_as_node_does),
        cmocka_unit_test(data_is_written_in_the_order_of_node),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
