/* Conditional requests and ranges (RFC 9110 §13, §14). Pure. Expected load: requests for files. */
#ifndef ENGINEIO_HTTP_CONDITIONAL_H
#define ENGINEIO_HTTP_CONDITIONAL_H

#include <stdint.h>
#include <time.h>

#include "engineio/buffer.h"

/* Whether a list of entity tags, or `*`, holds a tag; weak ones count as their strong likes. */
bool eio_etag_matches(eio_slice list, eio_slice etag);

/*
 * Whether the caller has it: If-None-Match decides if there is one, else If-Modified-Since. Absent
 * ones are {NULL, 0}.
 */
bool eio_is_fresh(eio_slice if_none_match, eio_slice if_modified_since, eio_slice etag,
                  time_t modified);

typedef enum eio_range_result {
    EIO_RANGE_WHOLE, /* no range, several, or none that we understand: all of it */
    EIO_RANGE_PART,
    EIO_RANGE_UNSATISFIABLE,
} eio_range_result;

/* Read a Range header. first and len are set for a part only. */
eio_range_result eio_range_parse(eio_slice range, uint64_t size, uint64_t *first, uint64_t *len);

#endif
