/*
 * Form and percent encoding (WHATWG URL §5). Pure. A malformed escape stays as it is, as URLSearchParams has it; the
 * decoded bytes need not be UTF-8. Expected load: several look-ups per polling request.
 */
#ifndef ENGINEIO_HTTP_QUERY_H
#define ENGINEIO_HTTP_QUERY_H

#include "engineio/buffer.h"

/* Percent-decode a part of a path into out, at least text.len bytes; may be where the text stands. The new length. */
EIO_PRIVATE size_t eio_percent_decode(eio_slice text, char *out);

#endif
