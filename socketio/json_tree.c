#include "socketio/json.h"

#include <stdlib.h>

#include "engineio/buffer.h"
#include "socketio/json_scan.h"

enum { ARGUMENT_DEPTH_MAX = SIO_JSON_DEPTH_MAX - 1 }; /* they are in an array themselves */

struct sio_json_args {
    eio_buffer *text; /* of all arguments, one behind the other */
    sio_args args;
    eio_slice json[];
};

/* ---- from texts to a tree ---- */

static json_t *load(eio_slice text, size_t index, eio_error *why)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *value = json_loadb(text.base, text.len, flags, &error);

    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow)
        value = json_loadb(text.base, text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (value == NULL)
        (void)eio_error_set(why, EIO_E_INVALID, "argument %zu: %s", index, error.text);
    return value;
}

json_t *sio_json_of_args(sio_args args, eio_error *why)
{
    json_t *array = json_array();

    if (array == NULL) {
        (void)eio_error_set(why, EIO_E_NOMEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < args.count; i++) {
        json_t *value = load(args.json[i], i, why);
        if (value == NULL)
            goto fail;
        if (json_array_append_new(array, value) != 0) {
            (void)eio_error_set(why, EIO_E_NOMEM, "out of memory");
            goto fail;
        }
    }
    return array;
fail:
    json_decref(array);
    return NULL;
}

eio_buffer *sio_json_attachment(const json_t *value, sio_args args)
{
    const json_t *number = json_object_get(value, "num");

    if (!json_is_true(json_object_get(value, "_placeholder")) || !json_is_integer(number))
        return NULL;
    json_int_t index = json_integer_value(number);
    if (index < 0 || (uint64_t)index >= args.attachment_count)
        return NULL;
    return args.attachments[index];
}

json_t *sio_json_placeholder(size_t index)
{
    return json_pack("{s:b, s:I}", "_placeholder", 1, "num", (json_int_t)index);
}

/* ---- from a tree to texts ---- */

static int append(const char *text, size_t len, void *data)
{
    return eio_buffer_append(data, (eio_slice){ text, len }) == EIO_OK ? 0 : -1;
}

/* An array or object on the way down, and how far it was walked. */
typedef struct level {
    json_t *value;
    void *member; /* of an object */
    size_t index;
} level;

/* NULL: there is no more, or a value that holds none. */
static json_t *next_child(level *at)
{
    if (!json_is_object(at->value))
        return json_array_get(at->value, at->index++);
    at->member = at->index++ == 0 ? json_object_iter(at->value)
                                  : json_object_iter_next(at->value, at->member);
    return json_object_iter_value(at->member);
}

/* What is within itself is, too: jansson would not come back from it. */
static bool is_too_deep(json_t *value)
{
    level levels[ARGUMENT_DEPTH_MAX];
    size_t depth = 1;

    levels[0] = (level){ .value = value };
    while (depth > 0) {
        json_t *child = next_child(&levels[depth - 1]);
        if (child == NULL)
            depth--;
        else if ((json_is_array(child) || json_is_object(child)) && depth == ARGUMENT_DEPTH_MAX)
            return true;
        else if (json_is_array(child) || json_is_object(child))
            levels[depth++] = (level){ .value = child };
    }
    return false;
}

/* The buffer moves while it grows: only when all is in it, the texts have a place. */
static int dump_all(sio_json_args *out, const json_t *array)
{
    size_t count = json_array_size(array);
    size_t start = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_too_deep(json_array_get(array, i)))
            return EIO_E_TOO_BIG;
        if (json_dump_callback(json_array_get(array, i), append, &out->text,
                               JSON_COMPACT | JSON_ENCODE_ANY) != 0)
            return EIO_E_NOMEM;
        out->json[i].len = eio_buffer_slice(out->text).len - start;
        start += out->json[i].len;
    }
    const char *at = eio_buffer_slice(out->text).base;
    for (size_t i = 0; i < count; i++) {
        out->json[i].base = at;
        at += out->json[i].len;
    }
    return EIO_OK;
}

int sio_json_args_new(sio_json_args **out, const json_t *array, eio_buffer *const *attachments,
                      size_t count)
{
    size_t values = json_array_size(array); /* 0 if it is none */

    if (!json_is_array(array))
        return EIO_E_INVALID;
    sio_json_args *made = calloc(1, sizeof(*made) + values * sizeof(*made->json));
    if (made == NULL)
        return EIO_E_NOMEM;
    made->args = (sio_args){ made->json, values, attachments, count };
    made->text = eio_buffer_new(16 * values);
    int rc = made->text == NULL ? EIO_E_NOMEM : dump_all(made, array);
    if (rc == EIO_OK)
        *out = made;
    else
        sio_json_args_free(made);
    return rc;
}

sio_args sio_json_args_get(const sio_json_args *args)
{
    return args->args;
}

void sio_json_args_free(sio_json_args *args)
{
    if (args == NULL)
        return;
    eio_buffer_unref(args->text);
    free(args);
}

/* ---- the calls that send ---- */

/* Who is sent to, and how. */
typedef struct sending {
    sio_socket *socket; /* one of these three */
    sio_namespace *nsp;
    sio_event *event;
    const sio_target *target;
    eio_slice name;
} sending;

static int send_args(const sending *to, sio_args args)
{
    if (to->socket != NULL)
        return sio_emit(to->socket, to->name, args);
    if (to->nsp != NULL)
        return sio_broadcast(to->nsp, to->target, to->name, args);
    return sio_event_ack(to->event, args);
}

static int send_tree(const sending *to, const json_t *array)
{
    sio_json_args *args;
    int rc = sio_json_args_new(&args, array, NULL, 0);

    if (rc != EIO_OK)
        return rc;
    rc = send_args(to, sio_json_args_get(args));
    sio_json_args_free(args);
    return rc;
}

static int send_packed(const sending *to, const char *format, va_list values)
{
    json_t *array = json_vpack_ex(NULL, 0, format, values);
    int rc = send_tree(to, array);

    json_decref(array);
    return rc;
}

int sio_emit_json(sio_socket *socket, eio_slice name, const json_t *args)
{
    return send_tree(&(sending){ .socket = socket, .name = name }, args);
}

int sio_emit_pack(sio_socket *socket, eio_slice name, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int rc = send_packed(&(sending){ .socket = socket, .name = name }, format, values);
    va_end(values);
    return rc;
}

int sio_broadcast_json(sio_namespace *nsp, const sio_target *target, eio_slice name,
                       const json_t *args)
{
    return send_tree(&(sending){ .nsp = nsp, .target = target, .name = name }, args);
}

int sio_broadcast_pack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                       const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int rc = send_packed(&(sending){ .nsp = nsp, .target = target, .name = name }, format, values);
    va_end(values);
    return rc;
}

int sio_event_ack_json(sio_event *event, const json_t *args)
{
    return send_tree(&(sending){ .event = event }, args);
}

int sio_event_ack_pack(sio_event *event, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int rc = send_packed(&(sending){ .event = event }, format, values);
    va_end(values);
    return rc;
}
