/*
 * A message from another server, JSON or msgpack: what all adapters read of it. Whatever it is, the text is JSON, and
 * what was read can be written and read again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "socketio/adapter/opts.h"
#include "socketio/json_member.h"
#include "socketio/json_scan.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void read_target(eio_slice json)
{
    sio_opts opts, again;
    sio_writer text = { .json = NULL };

    if (sio_opts_read(&opts, json) != EIO_OK)
        return;
    sio_write_opts(&text, &opts.target, opts.timeout_ms);
    check(text.rc == EIO_OK && sio_opts_read(&again, eio_buffer_slice(text.json)) == EIO_OK);
    check(again.target.rooms.count == opts.target.rooms.count);
    check(again.target.except.count == opts.target.except.count);
    check(again.target.flags == opts.target.flags && again.timeout_ms == opts.timeout_ms);
    sio_opts_fini(&again);
    sio_opts_fini(&opts);
    sio_writer_fini(&text);
}

static void read_event(const sio_wire *wire, eio_slice json)
{
    sio_wire_event event;
    sio_writer text = { .json = NULL };
    eio_buffer *bytes = NULL;

    if (sio_wire_event_read(&event, wire, json) != EIO_OK)
        return;
    sio_write_event(&text, event.name, event.args);
    check(text.rc == EIO_OK && sio_json_check(eio_buffer_slice(text.json)) == EIO_OK);
    if (sio_writer_to_msgpack(&bytes, &text, wire->attachments, wire->attachment_count) == EIO_OK) {
        sio_wire again;
        check(sio_wire_read_msgpack(&again, eio_buffer_slice(bytes)) == EIO_OK);
        sio_wire_fini(&again);
    }
    eio_buffer_unref(bytes);
    sio_writer_fini(&text);
    sio_wire_event_fini(&event);
}

static void read_parts(const sio_wire *wire)
{
    const eio_slice text = sio_wire_text(wire);
    const eio_slice packet = sio_json_member(text, EIO_STR("packet"));
    eio_slice parts[8];
    size_t count = 0;
    sio_wire_string id;

    check(sio_json_check(text) == EIO_OK);
    check(sio_wire_string_read(&id, sio_json_member(text, EIO_STR("requestId"))) == EIO_OK);
    sio_wire_string_fini(&id);
    read_target(sio_json_member(text, EIO_STR("opts")));
    read_event(wire, sio_json_member(packet, EIO_STR("data")));
    read_event(wire, sio_json_member(text, EIO_STR("data")));
    if (sio_json_split(&count, parts, 8, text) != EIO_OK || count < 3)
        return;
    read_event(wire, sio_json_member(parts[1], EIO_STR("data")));
    read_target(parts[2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sio_wire wire;

    if (sio_wire_read(&wire, (eio_slice){ (const char *)data, size }) != EIO_OK)
        return 0;
    read_parts(&wire);
    sio_wire_fini(&wire);
    return 0;
}
