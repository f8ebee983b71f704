/*
 * JSONP, the polling of Engine.IO v3 in browsers without XHR: a response is a script that calls
 * back with a text payload, a POST a form that has one in its field `d`. Pure. Expected load: next
 * to none.
 */
#ifndef ENGINEIO_JSONP_H
#define ENGINEIO_JSONP_H

#include "engineio/buffer.h"

/*
 * Take the payload out of a form. It need not be UTF-8: repair it as any body.
 *
 * body, len: in and out; changed: the payload stands where the form stood. EIO_OK, or
 * EIO_E_PROTOCOL: there is no field `d`.
 */
int eio_jsonp_decode(char *body, size_t *len);

/*
 * Write `___eio[INDEX]("PAYLOAD");`.
 *
 * out: new. index: of the query's `j` the digits count, and nothing else of it goes out.
 * payload: UTF-8. EIO_OK or EIO_E_NOMEM.
 */
int eio_jsonp_encode(eio_buffer **out, eio_slice index, eio_slice payload);

#endif
