/*
 * Compressed files, so that one is compressed once and not for every caller. Keyed by what the file is (device, inode)
 * and by what it was when it was read (size, time of its change), so a changed file is another one. Bounded; what was
 * not asked for the longest goes first. Loop thread. Expected load: the dozen files of a page.
 */
#ifndef ENGINEIO_HTTP_FILE_CACHE_H
#define ENGINEIO_HTTP_FILE_CACHE_H

#include <sys/stat.h>

#include "engineio/http/encoding.h"
#include "engineio/limits.h"

/* Zeroed before its first use. */
typedef struct eio_file_cache {
    struct eio_cached_file *files[EIO_FILE_CACHE_FILES]; /* own; the latest first */
    size_t count, bytes;
} eio_file_cache;

void eio_file_cache_fini(eio_file_cache *cache);

/* Borrowed until the next call; NULL if it is not there. */
eio_buffer *eio_file_cache_find(eio_file_cache *cache, const struct stat *file,
                                eio_encoding encoding);

/* body: shared. Without memory, or if it is too large, it is not kept. */
void eio_file_cache_add(eio_file_cache *cache, const struct stat *file, eio_encoding encoding,
                        eio_buffer *body);

#endif
