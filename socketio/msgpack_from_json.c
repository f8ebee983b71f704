#include <assert.h>
#include <stdlib.h>

#include "socketio/json_number.h"
#include "socketio/json_plain.h"
#include "socketio/json_scan.h"
#include "socketio/json_string.h"
#include "socketio/msgpack.h"
#include "socketio/placeholder.h"

/* How many members each array and object has, in the order in which they open. */
typedef struct member_counts {
    uint32_t *items;
    size_t count;
    size_t capacity;
    size_t next; /* to be written */
} member_counts;

/* Text that was checked, and the placeholders that are not passed yet. */
typedef struct input {
    const char *at;
    const char *end;
    const sio_placeholder *next;
    const sio_placeholder *last; /* behind it */
} input;

static bool is_placeholder(const input *in)
{
    return in->next < in->last && in->at == in->next->whole.base;
}

static void pass_placeholder(input *in)
{
    in->at += in->next->whole.len;
    in->next++;
}

static const char *skip_string(const char *at, const char *end)
{
    at = sio_json_skip_plain(at + 1, end);
    while (*at == '\\')
        at = sio_json_skip_plain(at + 2, end);
    return at + 1;
}

/* ---- Counting ---- */

static int add_count(member_counts *counts)
{
    if (counts->count == counts->capacity) {
        size_t capacity = counts->capacity == 0 ? 16 : counts->capacity * 2;
        uint32_t *items = realloc(counts->items, capacity * sizeof(*items));
        if (items == NULL)
            return EIO_E_NOMEM;
        counts->items = items;
        counts->capacity = capacity;
    }
    counts->items[counts->count++] = 0;
    return EIO_OK;
}

/* Whether what opens here has members. */
static bool has_members(const input *in)
{
    const char *at = in->at + 1;

    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return *at != ']' && *at != '}';
}

static int count_members(member_counts *counts, input in)
{
    size_t open[SIO_JSON_DEPTH_MAX] = { 0 };
    size_t depth = 0;

    while (in.at < in.end) {
        switch (*in.at) {
        case '"': in.at = skip_string(in.at, in.end); continue;
        case '{':
        case '[':
            if (is_placeholder(&in)) {
                pass_placeholder(&in);
                continue;
            }
            open[depth++] = counts->count;
            if (add_count(counts) != EIO_OK)
                return EIO_E_NOMEM;
            counts->items[counts->count - 1] = has_members(&in) ? 1 : 0;
            break;
        case ',':
            assert(depth > 0);
            counts->items[open[depth - 1]]++;
            break;
        case '}':
        case ']':
            assert(depth > 0);
            depth--;
            break;
        }
        in.at++;
    }
    return EIO_OK;
}

/* ---- Writing ---- */

static int put_string(eio_buffer **out, eio_slice json)
{
    if (!sio_json_string_has_escapes(json))
        return sio_msgpack_put_string(out, (eio_slice){ json.base + 1, json.len - 2 });
    char *value = malloc(json.len - 2);
    if (value == NULL)
        return EIO_E_NOMEM;
    size_t len = sio_json_string_decode(value, json);
    int rc = sio_msgpack_put_string(out, (eio_slice){ value, len });
    free(value);
    return rc;
}

static int convert_string(eio_buffer **out, input *in)
{
    const char *start = in->at;

    in->at = skip_string(start, in->end);
    return put_string(out, (eio_slice){ start, (size_t)(in->at - start) });
}

static int convert_number(eio_buffer **out, input *in)
{
    const char *start = in->at;

    while (in->at < in->end && ((*in->at >= '0' && *in->at <= '9') || *in->at == '-' ||
                                *in->at == '+' || *in->at == '.' || (*in->at | 0x20) == 'e'))
        in->at++;
    eio_slice token = { start, (size_t)(in->at - start) };
    return sio_msgpack_put_number(out, sio_json_number_read(token));
}

/* What begins at in->at. Commas, colons and closers say nothing: the counts said it before. */
static int convert_token(eio_buffer **out, input *in, member_counts *counts)
{
    assert(counts->items != NULL || (*in->at != '{' && *in->at != '['));
    switch (*in->at) {
    case '"': return convert_string(out, in);
    case '{': in->at++; return sio_msgpack_put_map(out, counts->items[counts->next++]);
    case '[': in->at++; return sio_msgpack_put_array(out, counts->items[counts->next++]);
    case 't': in->at += 4; return sio_msgpack_put_bool(out, true);
    case 'f': in->at += 5; return sio_msgpack_put_bool(out, false);
    case 'n': in->at += 4; return sio_msgpack_put_nil(out);
    }
    if (*in->at == '-' || (*in->at >= '0' && *in->at <= '9'))
        return convert_number(out, in);
    in->at++;
    return EIO_OK;
}

static int convert(eio_buffer **out, input in, eio_buffer *const *attachments)
{
    member_counts counts = { NULL, 0, 0, 0 };

    int rc = count_members(&counts, in);
    while (in.at < in.end && rc == EIO_OK) {
        if (is_placeholder(&in)) {
            rc = sio_msgpack_put_binary(out, eio_buffer_slice(attachments[in.next->num]));
            pass_placeholder(&in);
        } else {
            rc = convert_token(out, &in, &counts);
        }
    }
    free(counts.items);
    return rc;
}

/* The placeholders of a text, each of which names an attachment. */
static int find_placeholders(sio_placeholders *list, eio_slice json, size_t attachments)
{
    int rc = attachments == 0 ? EIO_OK : sio_placeholders_find(list, &json, 1);

    for (size_t i = 0; i < list->count && rc == EIO_OK; i++) {
        if (list->items[i].num >= attachments)
            rc = EIO_E_INVALID;
    }
    return rc;
}

int sio_msgpack_put_json(eio_buffer **out, eio_slice json, eio_buffer *const *attachments,
                         size_t count)
{
    sio_placeholders list;

    if (json.len > UINT32_MAX)
        return EIO_E_TOO_BIG;
    int rc = sio_json_check(json);
    if (rc != EIO_OK)
        return rc == EIO_E_PROTOCOL ? EIO_E_INVALID : rc;
    sio_placeholders_init(&list);
    rc = find_placeholders(&list, json, count);
    if (rc == EIO_OK)
        rc = convert(
            out, (input){ json.base, json.base + json.len, list.items, list.items + list.count },
            attachments);
    sio_placeholders_fini(&list);
    return rc;
}
