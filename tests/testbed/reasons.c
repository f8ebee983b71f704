/* Event `reasons`: why sockets left the main namespace, as the application was told. */
#include "tests/testbed/testbed.h"

enum { MAX_REASONS_BYTES = 256 * 1024 }; /* who never asks loses the later ones */

static int append_row(eio_buffer **list, eio_slice id, eio_slice reason)
{
    const eio_slice separator = eio_buffer_slice(*list).len == 0 ? EIO_STR("[[") : EIO_STR(",[");
    int rc = eio_buffer_append(list, separator);

    if (rc == EIO_OK)
        rc = sio_json_append_string(list, id);
    if (rc == EIO_OK)
        rc = eio_buffer_append(list, EIO_STR(","));
    if (rc == EIO_OK)
        rc = sio_json_append_string(list, reason);
    if (rc == EIO_OK)
        rc = eio_buffer_append(list, EIO_STR("]"));
    return rc;
}

static void drop_list(testbed *bed)
{
    eio_buffer_unref(bed->reasons);
    bed->reasons = NULL;
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    testbed *bed = data;

    (void)details;
    if (bed->reasons == NULL)
        bed->reasons = eio_buffer_new(0);
    if (bed->reasons == NULL || eio_buffer_slice(bed->reasons).len > MAX_REASONS_BYTES)
        return;
    if (append_row(&bed->reasons, sio_socket_id(socket), eio_slice_of(reason)) != EIO_OK)
        drop_list(bed);
}

static void on_reasons(sio_socket *socket, sio_event *event, void *data)
{
    testbed *bed = data;

    (void)socket;
    if (bed->reasons == NULL) {
        (void)sio_event_ack(event, SIO_ARGS(SIO_JSON("[]")));
        return;
    }
    if (eio_buffer_append(&bed->reasons, EIO_STR("]")) == EIO_OK)
        (void)sio_event_ack(event, SIO_ARGS(eio_buffer_slice(bed->reasons)));
    drop_list(bed);
}

int testbed_note_reasons(testbed *bed)
{
    sio_namespace *nsp = sio_server_of(bed->io, SIO_STR("/"));
    int rc = sio_on_disconnect(nsp, on_disconnect, bed);

    return rc != EIO_OK ? rc : sio_on(nsp, SIO_STR("reasons"), on_reasons, bed);
}
