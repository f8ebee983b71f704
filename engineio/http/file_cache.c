#include "engineio/http/file_cache.h"

#include <stdlib.h>

#include "engineio/limits.h"

typedef struct eio_cached_file {
    TAILQ_ENTRY(eio_cached_file) link;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
    eio_encoding encoding;
    eio_buffer *body; /* a reference */
} cached_file;

void eio_file_cache_init(eio_file_cache *cache)
{
    TAILQ_INIT(&cache->files);
    cache->count = cache->bytes = 0;
}

static void drop(eio_file_cache *cache, cached_file *file)
{
    TAILQ_REMOVE(&cache->files, file, link);
    cache->count--;
    cache->bytes -= eio_buffer_slice(file->body).len;
    eio_buffer_unref(file->body);
    free(file);
}

void eio_file_cache_fini(eio_file_cache *cache)
{
    while (!TAILQ_EMPTY(&cache->files))
        drop(cache, TAILQ_FIRST(&cache->files));
}

static bool is_it(const cached_file *file, const struct stat *now, eio_encoding encoding)
{
    return file->inode == now->st_ino && file->device == now->st_dev &&
           file->size == now->st_size && file->changed.tv_sec == now->st_mtim.tv_sec &&
           file->changed.tv_nsec == now->st_mtim.tv_nsec && file->encoding == encoding;
}

static cached_file *find(eio_file_cache *cache, const struct stat *file, eio_encoding encoding)
{
    cached_file *found;

    TAILQ_FOREACH(found, &cache->files, link)
        if (is_it(found, file, encoding))
            return found;
    return NULL;
}

eio_buffer *eio_file_cache_find(eio_file_cache *cache, const struct stat *file,
                                eio_encoding encoding)
{
    cached_file *found = find(cache, file, encoding);

    if (found == NULL)
        return NULL;
    TAILQ_REMOVE(&cache->files, found, link);
    TAILQ_INSERT_HEAD(&cache->files, found, link);
    return found->body;
}

void eio_file_cache_add(eio_file_cache *cache, const struct stat *file, eio_encoding encoding,
                        eio_buffer *body)
{
    size_t len = eio_buffer_slice(body).len;

    if (len > EIO_FILE_CACHE_BYTES || find(cache, file, encoding) != NULL)
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
    TAILQ_INSERT_HEAD(&cache->files, added, link);
    cache->count++;
    cache->bytes += len;
    while (cache->count > EIO_FILE_CACHE_FILES || cache->bytes > EIO_FILE_CACHE_BYTES)
        drop(cache, TAILQ_LAST(&cache->files, eio_cached_files));
}
