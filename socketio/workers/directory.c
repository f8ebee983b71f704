#include "socketio/workers/directory.h"

#include <stdlib.h>

enum { MOST_KEY_BYTES = 512 };

typedef struct entry {
    unsigned worker;
    size_t len;
    char key[]; /* the sid, then the path */
} entry;

static eio_slice key_of(const void *item)
{
    const entry *one = item;

    return (eio_slice){ one->key, one->len };
}

static void write_key(char *out, eio_slice path, eio_slice sid)
{
    memcpy(out, sid.base, sid.len);
    memcpy(out + sid.len, path.base, path.len);
}

static entry *find(const sio_directory *directory, eio_slice path, eio_slice sid)
{
    char key[MOST_KEY_BYTES];

    if (sid.len + path.len > sizeof(key))
        return NULL;
    write_key(key, path, sid);
    return eio_table_find(&directory->entries, (eio_slice){ key, sid.len + path.len });
}

int sio_directory_init(sio_directory *directory)
{
    eio_table_init(&directory->entries, key_of);
    return uv_mutex_init(&directory->lock);
}

void sio_directory_fini(sio_directory *directory)
{
    size_t at = 0;
    entry *one;

    while ((one = eio_table_next(&directory->entries, &at)) != NULL)
        free(one);
    eio_table_fini(&directory->entries);
    uv_mutex_destroy(&directory->lock);
}

int sio_directory_add(sio_directory *directory, eio_slice path, eio_slice sid, unsigned worker)
{
    if (sid.len + path.len > MOST_KEY_BYTES)
        return EIO_E_INVALID;
    entry *one = malloc(sizeof(*one) + sid.len + path.len);
    if (one == NULL)
        return EIO_E_NOMEM;
    one->worker = worker;
    one->len = sid.len + path.len;
    write_key(one->key, path, sid);
    uv_mutex_lock(&directory->lock);
    int rc = eio_table_add(&directory->entries, one);
    uv_mutex_unlock(&directory->lock);
    if (rc != EIO_OK)
        free(one);
    return rc;
}

void sio_directory_remove(sio_directory *directory, eio_slice path, eio_slice sid)
{
    uv_mutex_lock(&directory->lock);
    entry *one = find(directory, path, sid);
    if (one != NULL)
        eio_table_remove(&directory->entries, one);
    uv_mutex_unlock(&directory->lock);
    free(one);
}

bool sio_directory_find(sio_directory *directory, eio_slice path, eio_slice sid, unsigned *worker)
{
    uv_mutex_lock(&directory->lock);
    const entry *one = find(directory, path, sid);
    if (one != NULL)
        *worker = one->worker;
    uv_mutex_unlock(&directory->lock);
    return one != NULL;
}
