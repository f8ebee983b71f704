/* HTTP dates (RFC 9110 §5.6.7). Pure; no locale has a say in them. */
#ifndef ENGINEIO_HTTP_DATE_H
#define ENGINEIO_HTTP_DATE_H

#include <stdbool.h>
#include <time.h>

#include "engineio/buffer.h"

enum { EIO_HTTP_DATE_LEN = 29 };

/* Write "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. A year that does not have four digits is taken as 1970. */
void eio_http_format_date(char out[EIO_HTTP_DATE_LEN + 1], time_t at);
/* Read that same form; the two obsolete ones count as no date at all. */
bool eio_http_parse_date(time_t *out, eio_slice text);

#endif
