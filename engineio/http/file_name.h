/* Names of files in requests: what may be looked for on a disk, and what it is called in Content-Type. Pure. */
#ifndef ENGINEIO_HTTP_FILE_NAME_H
#define ENGINEIO_HTTP_FILE_NAME_H

#include "engineio/buffer.h"

/*
 * Decode a path into segments that can be opened one below the other, each ended by a NUL; a second NUL ends the list.
 * A path that ends in a slash, or is empty, names a folder: its last segment is index.html.
 *
 * out: path.len + 13 bytes. False: it is not the plain name of a file or folder: it goes up, hides, has empty segments,
 * or a byte that has a meaning of its own ('/', '\\', controls), in whatever spelling.
 */
bool eio_file_segments(char *out, eio_slice path);

/* A literal, by the name's extension. */
const char *eio_file_type(const char *name);

/* Whether files of a type are text at heart, and so become much shorter when compressed. */
bool eio_type_is_text(const char *type);

#endif
