/*
 * Accept-Encoding (RFC 9110 §12.5.3): which of the codings that we have the caller likes best. Pure, one pass. Expected
 * load: every reply to a poll that is long enough to be compressed.
 */
#ifndef ENGINEIO_HTTP_ENCODING_H
#define ENGINEIO_HTTP_ENCODING_H

#include "engineio/http.h"

typedef enum eio_encoding {
    EIO_ENCODING_GZIP,
    EIO_ENCODING_DEFLATE,
    EIO_ENCODINGS,
    EIO_ENCODING_IDENTITY = EIO_ENCODINGS, /* as it is */
} eio_encoding;

/* What the headers of a request say. Zeroed before its first use. */
typedef struct eio_accepted {
    bool is_named[EIO_ENCODINGS];
    int weight[EIO_ENCODINGS]; /* in thousandths */
    int star_weight;           /* of what is not named; 0 where nothing is said */
} eio_accepted;

/* Read one header's value. What is not as it should be is passed over. */
EIO_PRIVATE void eio_accepted_feed(eio_accepted *accepted, eio_slice value);

/* The best that is accepted; gzip, if both are alike. */
EIO_PRIVATE eio_encoding eio_accepted_best(const eio_accepted *accepted);

/* For Content-Encoding. */
EIO_PRIVATE eio_slice eio_encoding_name(eio_encoding encoding);

/* The best that a request accepts. */
EIO_PRIVATE eio_encoding eio_http_choose_encoding(const eio_http_request *request);

#endif
