#include "engineio/http/file_cache.h"

#include <stdlib.h>

typedef struct eio_cached_file {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
    eio_encoding encoding;
    eio_buffer *body; /* a reference */
} cached_file;

static void drop_last(eio_file_cache *cache)
{
    cached_file *file = cache->files[--cache->count];

    cache->bytes -= eio_buffer_slice(file->body).len;
    eio_buffer_unref(file->body);
    free(file);
}

void eio_file_cache_fini(eio_file_cache *cache)
{
    while (cache->count > 0)
        drop_last(cache);
}

static bool is_it(const cached_file *file, const struct stat *now, eio_encoding encoding)
{
    return file->inode == now->st_ino && file->device == now->st_dev &&
           file->size == now->st_size && file->changed.tv_sec == now->st_mtim.tv_sec &&
           file->changed.tv_nsec == now->st_mtim.tv_nsec && file->encoding == encoding;
}

/* Its place; count if there is none. */
static size_t find(const eio_file_cache *cache, const struct stat *file, eio_encoding encoding)
{
    size_t at = 0;

    while (at < cache->count && !is_it(cache->files[at], file, encoding))
        at++;
    return at;
}

/* Put one at the front; those up to its place make room. */
static void put_first(eio_file_cache *cache, cached_file *file, size_t place)
{
    memmove(cache->files + 1, cache->files, place * sizeof(cached_file *));
    cache->files[0] = file;
}

eio_buffer *eio_file_cache_find(eio_file_cache *cache, const struct stat *file,
                                eio_encoding encoding)
{
    size_t at = find(cache, file, encoding);

    if (at == cache->count)
        return NULL;
    put_first(cache, cache->files[at], at);
    return cache->files[0]->body;
}

void eio_file_cache_add(eio_file_cache *cache, const struct stat *file, eio_encoding encoding,
                        eio_buffer *body)
{
    size_t len = eio_buffer_slice(body).len;

    if (len > EIO_FILE_CACHE_BYTES || find(cache, file, encoding) < cache->count)
        return;
    cached_file *added = malloc(sizeof(*added));
    if (added == NULL)
        return;
    *added = (cached_file){ .device = file->st_dev,
                            .inode = file->st_ino,
                            .size = file->st_size,
                            .changed = file->st_mtim,
                            .encoding = encoding,
                            .body = eio_buffer_ref(body) };
    while (cache->count == EIO_FILE_CACHE_FILES ||
           (cache->count > 0 && cache->bytes > EIO_FILE_CACHE_BYTES - len))
        drop_last(cache);
    put_first(cache, added, cache->count++);
    cache->bytes += len;
}
