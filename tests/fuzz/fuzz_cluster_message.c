/*
 * What comes from other servers, as a message and as the data of an entry: what could be read is
 * written and read again, and then it is the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "socketio/adapter/cluster_message.h"
#include "socketio/json_member.h"
#include "socketio/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_parts(const sio_cluster_message *message)
{
    sio_wire_event event;
    sio_opts opts;

    if (sio_opts_read(&opts, sio_json_member(message->data, EIO_STR("opts"))) == EIO_OK)
        sio_opts_fini(&opts);
    if (sio_wire_event_read(&event, &message->wire,
                            sio_json_member(message->data, EIO_STR("packet"))) == EIO_OK)
        sio_wire_event_fini(&event);
}

static void check_again(const sio_cluster_message *message)
{
    sio_writer data = { .json = NULL };
    const sio_cluster_outgoing outgoing = {
        .type = SIO_CLUSTER_BROADCAST,
        .data = &data,
        .attachments = message->wire.attachments,
        .attachment_count = message->wire.attachment_count,
    };
    sio_cluster_message again;
    eio_buffer *bytes;

    sio_write(&data, message->data);
    int rc = sio_cluster_encode(&bytes, &outgoing, EIO_STR("u"), EIO_STR("/"));
    assert(rc == EIO_OK || (rc == EIO_E_INVALID && outgoing.attachment_count > 0) ||
           rc == EIO_E_TOO_BIG);
    if (rc == EIO_OK) {
        rc = sio_cluster_read(&again, eio_buffer_slice(bytes));
        assert(rc == EIO_OK || rc == EIO_E_TOO_BIG || outgoing.attachment_count > 0);
        if (rc == EIO_OK) {
            assert(again.type == SIO_CLUSTER_BROADCAST);
            if (outgoing.attachment_count == 0)
                assert(eio_slice_equal(again.data, message->data));
            sio_cluster_message_fini(&again);
        }
        eio_buffer_unref(bytes);
    }
    sio_writer_fini(&data);
}

static void check(int rc, sio_cluster_message *message)
{
    if (rc != EIO_OK)
        return;
    assert(sio_json_check(sio_wire_text(&message->wire)) == EIO_OK);
    check_parts(message);
    check_again(message);
    sio_cluster_message_fini(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    const eio_slice all = { copy, len };
    const sio_cluster_fields fields = { EIO_STR("u"), EIO_STR("/"), EIO_STR("3"), all };
    sio_cluster_message message;

    if (copy == NULL)
        return 0;
    if (len > 0)
        memcpy(copy, bytes, len);
    check(sio_cluster_read(&message, all), &message);
    check(sio_cluster_read_entry(&message, &fields), &message);
    free(copy);
    return 0;
}
