/* Bytes: borrowed slices, and counted buffers that many streams can send at once. */
#ifndef ENGINEIO_BUFFER_H
#define ENGINEIO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "engineio/error.h"

/** A borrowed view of bytes, never NUL-terminated. Passed by value; {NULL, 0} is "absent". */
typedef struct eio_slice {
    const char *base;
    size_t len;
} eio_slice;

/** The slice of a string literal (which may hold NULs). */
#define EIO_STR(literal) ((eio_slice){ ("" literal), sizeof(literal) - 1 })

/** @return the slice of a NUL-terminated text; {NULL, 0} for NULL */
static inline eio_slice eio_slice_of(const char *text)
{
    return (eio_slice){ text, text == NULL ? 0 : strlen(text) };
}

/** @return whether both hold the same bytes */
static inline bool eio_slice_equal(eio_slice a, eio_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

/**
 * Counted bytes with head room for a frame header. Written by their maker while there is one reference, immutable
 * from then on: any number of streams may hold them, on any thread.
 */
typedef struct eio_buffer eio_buffer;

/**
 * Make an empty buffer.
 *
 * @param capacity  bytes that fit before it has to grow
 * @return new, or NULL when out of memory
 * @note Any thread.
 */
EIO_API eio_buffer *eio_buffer_new(size_t capacity);

/**
 * Make a buffer that holds a copy.
 *
 * @param bytes  copied
 * @return new, or NULL when out of memory
 * @note Any thread.
 */
EIO_API eio_buffer *eio_buffer_copy(eio_slice bytes);

/** Take one more reference. @param buffer not NULL @return buffer. @note Any thread. */
EIO_API eio_buffer *eio_buffer_ref(eio_buffer *buffer);

/** Give a reference back; the last one frees. @param buffer may be NULL. @note Any thread. */
EIO_API void eio_buffer_unref(eio_buffer *buffer);

/** @return the bytes, borrowed for as long as a reference is held and nothing is appended. @note Any thread. */
EIO_API eio_slice eio_buffer_slice(const eio_buffer *buffer);

/**
 * Room for the next bytes at the end, to be written and then counted with eio_buffer_commit.
 *
 * @param buffer  in and out: it may move; not shared yet
 * @param len     bytes wanted
 * @return where to write, borrowed until the next call; NULL when out of memory (the buffer stays as it was)
 */
EIO_API char *eio_buffer_reserve(eio_buffer **buffer, size_t len);

/** Count bytes written after eio_buffer_reserve. @param len at most what was reserved. */
EIO_API void eio_buffer_commit(eio_buffer *buffer, size_t len);

/**
 * Append a copy of bytes.
 *
 * @param buffer  in and out: it may move; not shared yet
 * @param bytes   copied
 * @return EIO_OK or EIO_E_NOMEM (the buffer stays as it was)
 */
EIO_API int eio_buffer_append(eio_buffer **buffer, eio_slice bytes);

#endif
