#include "socketio/adapter/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/websocket/utf8.h"
#include "socketio/json_scan.h"
#include "socketio/json_string.h"
#include "socketio/msgpack.h"
#include "socketio/placeholder.h"

enum {
    FIRST_BINARIES = 8,
    MOST_BINARIES = 65536, /* the data of many sockets in one answer; of a packet it is 10 */
};

/* ---- reading ---- */

void sio_wire_fini(sio_wire *wire)
{
    for (size_t i = 0; i < wire->attachment_count; i++)
        eio_buffer_unref(wire->attachments[i]);
    free(wire->attachments);
    eio_buffer_unref(wire->json);
    *wire = (sio_wire){ .json = NULL };
}

static int keep_attachments(sio_wire *wire, const sio_msgpack_binaries *binaries)
{
    if (binaries->count == 0)
        return EIO_OK;
    wire->attachments = calloc(binaries->count, sizeof(eio_buffer *));
    if (wire->attachments == NULL)
        return EIO_E_NOMEM;
    for (size_t i = 0; i < binaries->count; i++) {
        wire->attachments[i] = eio_buffer_copy(binaries->items[i]);
        if (wire->attachments[i] == NULL)
            return EIO_E_NOMEM;
        wire->attachment_count++;
    }
    return EIO_OK;
}

/* One try, with room for so many binaries. */
static int convert(sio_wire *out, eio_slice bytes, size_t max)
{
    sio_wire wire = { .json = eio_buffer_new(bytes.len + bytes.len / 2 + 16) };
    sio_msgpack_binaries binaries = { calloc(max, sizeof(eio_slice)), max, 0 };
    int rc = wire.json == NULL || binaries.items == NULL ? EIO_E_NOMEM : EIO_OK;

    if (rc == EIO_OK)
        rc = sio_msgpack_to_json(&wire.json, &binaries, &bytes);
    if (rc == EIO_OK && bytes.len > 0)
        rc = EIO_E_PROTOCOL;
    if (rc == EIO_OK)
        rc = keep_attachments(&wire, &binaries);
    free(binaries.items);
    if (rc == EIO_OK)
        *out = wire;
    else
        sio_wire_fini(&wire);
    return rc;
}

int sio_wire_read_msgpack(sio_wire *out, eio_slice bytes)
{
    size_t max = FIRST_BINARIES;
    int rc = convert(out, bytes, max);

    while (rc == EIO_E_LIMIT && max < MOST_BINARIES) {
        max *= 8;
        rc = convert(out, bytes, max);
    }
    return rc;
}

/* The bytes of the next character; *good: whether they are one, else so many are to be replaced. */
static size_t measure(eio_slice text, bool *good)
{
    eio_utf8 state = { 0 };
    size_t len = 0;

    *good = false;
    do {
        if (len == text.len || eio_utf8_feed(&state, (eio_slice){ text.base + len, 1 }) == 0)
            return len == 0 ? 1 : len;
        len++;
    } while (!eio_utf8_is_whole(&state));
    *good = true;
    return len;
}

static int copy_repaired(eio_buffer **out, eio_slice text)
{
    int rc = EIO_OK;

    *out = eio_buffer_new(text.len + 64);
    if (*out == NULL)
        return EIO_E_NOMEM;
    while (text.len > 0 && rc == EIO_OK) {
        bool good;
        size_t len = measure(text, &good);
        rc = eio_buffer_append(out, good ? (eio_slice){ text.base, len } : EIO_STR("\xef\xbf\xbd"));
        text = (eio_slice){ text.base + len, text.len - len };
    }
    return rc;
}

int sio_wire_read_json(sio_wire *out, eio_slice bytes)
{
    sio_wire wire = { .json = NULL };
    int rc = EIO_OK;

    if (eio_utf8_is_valid(bytes)) {
        wire.json = eio_buffer_copy(bytes);
        if (wire.json == NULL)
            return EIO_E_NOMEM;
    } else {
        rc = copy_repaired(&wire.json, bytes);
    }
    if (rc == EIO_OK)
        rc = sio_json_check(sio_wire_text(&wire));
    if (rc == EIO_OK)
        *out = wire;
    else
        sio_wire_fini(&wire);
    return rc;
}

int sio_wire_read(sio_wire *out, eio_slice bytes)
{
    if (bytes.len > 0 && bytes.base[0] == '{')
        return sio_wire_read_json(out, bytes);
    return sio_wire_read_msgpack(out, bytes);
}

int sio_wire_string_read(sio_wire_string *out, eio_slice json)
{
    *out = (sio_wire_string){ .memory = NULL };
    if (json.len == 0)
        return EIO_OK;
    if (json.base[0] == '-' || (json.base[0] >= '0' && json.base[0] <= '9')) {
        out->value = json;
        return EIO_OK;
    }
    if (json.base[0] != '"')
        return EIO_OK;
    if (!sio_json_string_has_escapes(json)) {
        out->value = (eio_slice){ json.base + 1, json.len - 2 };
        return EIO_OK;
    }
    out->memory = malloc(json.len);
    if (out->memory == NULL)
        return EIO_E_NOMEM;
    out->value = (eio_slice){ out->memory, sio_json_string_decode(out->memory, json) };
    return EIO_OK;
}

void sio_wire_string_fini(sio_wire_string *string)
{
    free(string->memory);
    string->memory = NULL;
}

bool sio_wire_read_number(uint32_t *out, eio_slice json)
{
    uint64_t value = 0;

    if (json.len == 0 || json.len > 10)
        return false;
    for (size_t i = 0; i < json.len; i++) {
        if (json.base[i] < '0' || json.base[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(json.base[i] - '0');
    }
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* ---- writing ---- */

static bool is_open(sio_writer *to)
{
    if (to->rc == EIO_OK && to->json == NULL) {
        to->json = eio_buffer_new(256);
        if (to->json == NULL)
            to->rc = EIO_E_NOMEM;
    }
    return to->rc == EIO_OK;
}

void sio_write(sio_writer *to, eio_slice text)
{
    if (is_open(to))
        to->rc = eio_buffer_append(&to->json, text);
}

void sio_write_string(sio_writer *to, eio_slice value)
{
    eio_buffer *repaired = NULL;

    if (!is_open(to))
        return;
    if (!eio_utf8_is_valid(value)) {
        to->rc = copy_repaired(&repaired, value);
        value = to->rc == EIO_OK ? eio_buffer_slice(repaired) : (eio_slice){ NULL, 0 };
    }
    if (to->rc == EIO_OK)
        to->rc = sio_json_append_string(&to->json, value);
    eio_buffer_unref(repaired);
}

void sio_write_number(sio_writer *to, uint64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);

    sio_write(to, (eio_slice){ digits, (size_t)len });
}

static void write_bytes(sio_writer *to, eio_slice bytes)
{
    sio_write(to, EIO_STR("{\"type\":\"Buffer\",\"data\":["));
    for (size_t i = 0; i < bytes.len; i++) {
        if (i > 0)
            sio_write(to, EIO_STR(","));
        sio_write_number(to, (unsigned char)bytes.base[i]);
    }
    sio_write(to, EIO_STR("]}"));
}

void sio_write_plain(sio_writer *to, eio_slice json, eio_buffer *const *attachments, size_t count)
{
    sio_placeholders found;
    const char *at = json.base;

    sio_placeholders_init(&found);
    if (count > 0 && to->rc == EIO_OK)
        to->rc = sio_placeholders_find(&found, &json, 1);
    for (size_t i = 0; i < found.count; i++) {
        const sio_placeholder *holder = &found.items[i];
        if (holder->num >= count) {
            to->rc = EIO_E_INVALID;
            break;
        }
        sio_write(to, (eio_slice){ at, (size_t)(holder->whole.base - at) });
        write_bytes(to, eio_buffer_slice(attachments[holder->num]));
        at = holder->whole.base + holder->whole.len;
    }
    sio_write(to, (eio_slice){ at, (size_t)(json.base + json.len - at) });
    sio_placeholders_fini(&found);
}

void sio_writer_fini(sio_writer *writer)
{
    eio_buffer_unref(writer->json);
    writer->json = NULL;
}

int sio_writer_to_msgpack(eio_buffer **out, const sio_writer *writer,
                          eio_buffer *const *attachments, size_t count)
{
    if (writer->rc != EIO_OK)
        return writer->rc;
    eio_slice json = eio_buffer_slice(writer->json);
    eio_buffer *bytes = eio_buffer_new(json.len + 64);
    if (bytes == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_json(&bytes, json, attachments, count);
    if (rc == EIO_OK)
        *out = bytes;
    else
        eio_buffer_unref(bytes);
    return rc;
}
