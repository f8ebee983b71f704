/*
 * JSON trees of jansson for those who want values: a thin layer on arguments, which are texts
 * (args.h). There where the library was built with jansson (Meson option `json`).
 *
 *     json_t *args = sio_json_of_args(sio_event_args(event), NULL);
 *     if (args != NULL && json_unpack(args, "[s, {s:i}]", &name, "age", &age) == 0)
 *         sio_emit_pack(socket, SIO_STR("hello"), "[s, i]", name, age + 1);
 *     json_decref(args);
 *
 * Bytes stay beside the tree: where they belong stands {"_placeholder": true, "num": N}, which
 * sio_json_attachment finds and sio_json_placeholder makes. A tree costs an allocation a value, so
 * what is only passed on is better left as the text it came as. Loop thread only, but for the
 * functions that take no socket, namespace or event: those may be called on any.
 */
#ifndef SOCKETIO_JSON_H
#define SOCKETIO_JSON_H

#include <jansson.h>

#include "socketio/socketio.h"

/**
 * Arguments as an array. Whole numbers beyond 64 bits make all numbers of their argument reals.
 *
 * @param args  borrowed
 * @param why   says what jansson cannot hold: half a surrogate pair, a key with a NUL, a number
 *              beyond a double; may be NULL
 * @return a new reference, or NULL
 */
EIO_API json_t *sio_json_of_args(sio_args args, eio_error *why);

/**
 * The bytes that a value stands for.
 *
 * @param value  of these arguments' tree; borrowed
 * @param args   as given to sio_json_of_args
 * @return borrowed from args; NULL: the value is no placeholder of theirs
 */
EIO_API eio_buffer *sio_json_attachment(const json_t *value, sio_args args);

/** A value that stands for attachments[index]. @return a new reference, or NULL: no memory */
EIO_API json_t *sio_json_placeholder(size_t index);

/** The texts of a tree, for calls that take arguments. */
typedef struct sio_json_args sio_json_args;

/**
 * Make arguments of an array.
 *
 * @param out    new: sio_json_args_free it; written on success only
 * @param array  borrowed until the call returns
 * @param attachments  what its placeholders stand for; NULL when count is 0; borrowed until freed
 * @param count  of the attachments
 * @return EIO_OK, EIO_E_INVALID (no array), EIO_E_TOO_BIG (arrays and objects are more than 128
 *         deep within each other, or within themselves), EIO_E_NOMEM
 */
EIO_API int sio_json_args_new(sio_json_args **out, const json_t *array,
                              eio_buffer *const *attachments, size_t count);
/** @return the arguments, as long as `args` */
EIO_API sio_args sio_json_args_get(const sio_json_args *args);
/** @param args may be NULL */
EIO_API void sio_json_args_free(sio_json_args *args);

/**
 * sio_emit with the values of an array.
 *
 * @param args  borrowed; without placeholders
 * @return as sio_emit; EIO_E_INVALID: no array; EIO_E_TOO_BIG: as sio_json_args_new
 */
EIO_API int sio_emit_json(sio_socket *socket, eio_slice name, const json_t *args);
/**
 * sio_emit with the array that json_pack makes of a format and what follows: "[s, {s:i}]".
 *
 * @return as sio_emit_json; EIO_E_INVALID: the format is wrong, a text is no UTF-8, or no memory
 */
EIO_API int sio_emit_pack(sio_socket *socket, eio_slice name, const char *format, ...);

/** sio_broadcast with the values of an array. @return as sio_emit_json */
EIO_API int sio_broadcast_json(sio_namespace *nsp, const sio_target *target, eio_slice name,
                               const json_t *args);
/** sio_broadcast with what json_pack makes. @return as sio_emit_pack */
EIO_API int sio_broadcast_pack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                               const char *format, ...);

/** sio_event_ack with the values of an array. @return as sio_event_ack and sio_emit_json */
EIO_API int sio_event_ack_json(sio_event *event, const json_t *args);
/** sio_event_ack with what json_pack makes. @return as sio_emit_pack, or EIO_E_STATE */
EIO_API int sio_event_ack_pack(sio_event *event, const char *format, ...);

#endif
