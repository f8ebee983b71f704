/* The options of a server: defaults, checks, and copies of what they point to. */
#ifndef ENGINEIO_OPTIONS_H
#define ENGINEIO_OPTIONS_H

#include "engineio/engineio.h"

/*
 * Copy options with all they point to, and fill defaults in for zeros. EIO_OK, EIO_E_INVALID with the option's name,
 * value and range in why, EIO_E_NOMEM. After a failure there is nothing to free.
 */
EIO_PRIVATE int eio_options_copy(eio_options *out, const eio_options *options, eio_error *why);
EIO_PRIVATE void eio_options_fini(eio_options *options);

#endif
