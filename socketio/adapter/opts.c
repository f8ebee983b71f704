#include "socketio/adapter/opts.h"

#include <stdlib.h>

#include "socketio/json_member.h"
#include "socketio/json_scan.h"
#include "socketio/json_string.h"

/* No more than that, and known before the array is split. */
static size_t count_elements_at_most(eio_slice json)
{
    size_t count = 1;

    for (size_t i = 0; i < json.len; i++)
        count += json.base[i] == ',';
    return count;
}

static bool is_absent(eio_slice json)
{
    return json.base == NULL || eio_slice_equal(json, EIO_STR("null"));
}

/* A string or number as a name, decoded to *to; false: neither. */
static bool take_name(eio_slice *out, char **to, eio_slice json)
{
    char first = json.base[0];

    if (first == '"') {
        size_t len = sio_json_string_decode(*to, json);
        *out = (eio_slice){ *to, len };
        *to += len;
        return true;
    }
    *out = json;
    return first == '-' || (first >= '0' && first <= '9');
}

/* ---- names of rooms ---- */

int sio_names_read(sio_names *out, eio_slice json)
{
    *out = (sio_names){ .memory = NULL };
    if (is_absent(json))
        return EIO_OK;
    if (json.base[0] != '[')
        return EIO_E_PROTOCOL;
    size_t max = count_elements_at_most(json);
    eio_slice *elements = malloc(max * sizeof(*elements) + json.len);
    if (elements == NULL)
        return EIO_E_NOMEM;
    size_t count = 0, kept = 0;
    int rc = sio_json_split(&count, elements, max, json);
    if (rc != EIO_OK) {
        free(elements);
        return rc;
    }
    char *text = (char *)(elements + max);
    for (size_t i = 0; i < count; i++)
        kept += take_name(&elements[kept], &text, elements[i]);
    *out = (sio_names){ { elements, kept }, elements };
    return EIO_OK;
}

void sio_names_fini(sio_names *names)
{
    free(names->memory);
    names->memory = NULL;
}

void sio_write_rooms(sio_writer *to, sio_rooms rooms)
{
    sio_write(to, EIO_STR("["));
    for (size_t i = 0; i < rooms.count; i++) {
        if (i > 0)
            sio_write(to, EIO_STR(","));
        sio_write_string(to, rooms.names[i]);
    }
    sio_write(to, EIO_STR("]"));
}

/* ---- {rooms, except, flags} ---- */

static void read_flags(sio_opts *opts, eio_slice flags)
{
    if (eio_slice_equal(sio_json_member(flags, EIO_STR("volatile")), EIO_STR("true")))
        opts->target.flags |= SIO_VOLATILE;
    if (eio_slice_equal(sio_json_member(flags, EIO_STR("compress")), EIO_STR("false")))
        opts->target.flags |= SIO_NO_COMPRESS;
    if (!sio_wire_read_number(&opts->timeout_ms, sio_json_member(flags, EIO_STR("timeout"))))
        opts->timeout_ms = 0;
}

int sio_opts_read(sio_opts *out, eio_slice json)
{
    sio_opts opts = { .timeout_ms = 0 };

    if (json.len == 0 || json.base[0] != '{')
        return EIO_E_PROTOCOL;
    int rc = sio_names_read(&opts.rooms, sio_json_member(json, EIO_STR("rooms")));
    if (rc == EIO_OK)
        rc = sio_names_read(&opts.except, sio_json_member(json, EIO_STR("except")));
    if (rc != EIO_OK) {
        sio_opts_fini(&opts);
        return rc;
    }
    opts.target.rooms = opts.rooms.rooms;
    opts.target.except = opts.except.rooms;
    read_flags(&opts, sio_json_member(json, EIO_STR("flags")));
    *out = opts;
    return EIO_OK;
}

void sio_opts_fini(sio_opts *opts)
{
    sio_names_fini(&opts->rooms);
    sio_names_fini(&opts->except);
}

static void write_who(sio_writer *to, const sio_target *target)
{
    sio_write(to, EIO_STR("{\"rooms\":"));
    sio_write_rooms(to, target->rooms);
    sio_write(to, EIO_STR(",\"except\":"));
    sio_write_rooms(to, target->except);
}

static void write_flags(sio_writer *to, unsigned flags, uint64_t timeout_ms)
{
    sio_write(to, EIO_STR(",\"flags\":{"));
    if ((flags & SIO_VOLATILE) != 0)
        sio_write(to, EIO_STR("\"volatile\":true"));
    if ((flags & SIO_NO_COMPRESS) != 0) {
        if ((flags & SIO_VOLATILE) != 0)
            sio_write(to, EIO_STR(","));
        sio_write(to, EIO_STR("\"compress\":false"));
    }
    if (timeout_ms > 0) {
        if ((flags & (SIO_VOLATILE | SIO_NO_COMPRESS)) != 0)
            sio_write(to, EIO_STR(","));
        sio_write(to, EIO_STR("\"timeout\":"));
        sio_write_number(to, timeout_ms);
    }
    sio_write(to, EIO_STR("}"));
}

void sio_write_opts(sio_writer *to, const sio_target *target, uint64_t timeout_ms)
{
    write_who(to, target);
    write_flags(to, target->flags, timeout_ms);
    sio_write(to, EIO_STR("}"));
}

void sio_write_short_opts(sio_writer *to, const sio_target *target)
{
    write_who(to, target);
    sio_write(to, EIO_STR("}"));
}

/* ---- [event, …args] ---- */

int sio_wire_event_read(sio_wire_event *out, const sio_wire *wire, eio_slice json)
{
    size_t count = 0;

    if (json.len == 0 || json.base[0] != '[')
        return EIO_E_PROTOCOL;
    size_t max = count_elements_at_most(json);
    eio_slice *elements = malloc(max * sizeof(*elements) + json.len);
    if (elements == NULL)
        return EIO_E_NOMEM;
    char *text = (char *)(elements + max);
    int rc = sio_json_split(&count, elements, max, json);
    if (rc == EIO_OK && (count == 0 || !take_name(&elements[0], &text, elements[0])))
        rc = EIO_E_PROTOCOL;
    if (rc != EIO_OK) {
        free(elements);
        return rc;
    }
    *out = (sio_wire_event){
        .name = elements[0],
        .args = { elements + 1, count - 1, wire->attachments, wire->attachment_count },
        .memory = elements,
    };
    return EIO_OK;
}

void sio_wire_event_fini(sio_wire_event *event)
{
    free(event->memory);
    event->memory = NULL;
}

void sio_write_event(sio_writer *to, eio_slice name, sio_args args)
{
    sio_write(to, EIO_STR("["));
    sio_write_string(to, name);
    for (size_t i = 0; i < args.count; i++) {
        sio_write(to, EIO_STR(","));
        sio_write(to, args.json[i]);
    }
    sio_write(to, EIO_STR("]"));
}

void sio_write_plain_event(sio_writer *to, eio_slice name, sio_args args)
{
    sio_write(to, EIO_STR("["));
    sio_write_string(to, name);
    for (size_t i = 0; i < args.count; i++) {
        sio_write(to, EIO_STR(","));
        sio_write_plain(to, args.json[i], args.attachments, args.attachment_count);
    }
    sio_write(to, EIO_STR("]"));
}
