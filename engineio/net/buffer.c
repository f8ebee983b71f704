#include "engineio/net/buffer_private.h"

#include <assert.h>
#include <stdlib.h>

eio_buffer *eio_buffer_new(size_t capacity)
{
    if (capacity > SIZE_MAX / 2)
        return NULL;
    eio_buffer *buffer = malloc(sizeof(*buffer) + capacity);
    if (buffer == NULL)
        return NULL;
    atomic_init(&buffer->refs, 1);
    buffer->head = 0;
    buffer->seal = 0;
    buffer->form = 0;
    atomic_init(&buffer->plain, false);
    atomic_init(&buffer->companions, NULL);
    buffer->len = 0;
    buffer->capacity = capacity;
    return buffer;
}

eio_buffer *eio_buffer_copy(eio_slice bytes)
{
    eio_buffer *buffer = eio_buffer_new(bytes.len);
    if (buffer == NULL)
        return NULL;
    if (bytes.len > 0)
        memcpy(buffer->payload, bytes.base, bytes.len);
    buffer->len = bytes.len;
    return buffer;
}

eio_buffer *eio_buffer_ref(eio_buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    return buffer;
}

void eio_buffer_unref(eio_buffer *buffer)
{
    /* A companion holds the next one, as the buffer holds the first. */
    while (buffer != NULL &&
           atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel) == 1) {
        eio_buffer *next = atomic_load_explicit(&buffer->companions, memory_order_relaxed);
        free(buffer);
        buffer = next;
    }
}

eio_buffer *eio_buffer_companion(const eio_buffer *buffer, uint8_t form)
{
    eio_buffer *companion = atomic_load_explicit(&buffer->companions, memory_order_acquire);

    while (companion != NULL && companion->form != form)
        companion = atomic_load_explicit(&companion->companions, memory_order_relaxed);
    return companion;
}

eio_buffer *eio_buffer_add_companion(eio_buffer *buffer, eio_buffer *companion)
{
    eio_buffer *first = atomic_load_explicit(&buffer->companions, memory_order_acquire);

    do {
        eio_buffer *other = eio_buffer_companion(buffer, companion->form);
        if (other != NULL) {
            atomic_store_explicit(&companion->companions, NULL, memory_order_relaxed);
            eio_buffer_unref(companion);
            return other;
        }
        atomic_store_explicit(&companion->companions, first, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&buffer->companions, &first, companion,
                                                    memory_order_acq_rel, memory_order_acquire));
    return companion;
}

eio_slice eio_buffer_slice(const eio_buffer *buffer)
{
    return (eio_slice){ buffer->payload, buffer->len };
}

char *eio_buffer_reserve(eio_buffer **buffer, size_t len)
{
    eio_buffer *old = *buffer;

    assert(atomic_load_explicit(&old->refs, memory_order_relaxed) == 1 && old->seal == 0);
    if (len <= old->capacity - old->len)
        return old->payload + old->len;
    if (len > SIZE_MAX / 4 - old->len)
        return NULL;
    size_t wanted = old->len + len;
    size_t capacity = old->capacity * 2 > wanted ? old->capacity * 2 : wanted;
    eio_buffer *grown = realloc(old, sizeof(*grown) + capacity);
    if (grown == NULL)
        return NULL;
    grown->capacity = capacity;
    *buffer = grown;
    return grown->payload + grown->len;
}

void eio_buffer_commit(eio_buffer *buffer, size_t len)
{
    assert(len <= buffer->capacity - buffer->len);
    buffer->len += len;
}

int eio_buffer_append(eio_buffer **buffer, eio_slice bytes)
{
    char *to = eio_buffer_reserve(buffer, bytes.len);
    if (to == NULL)
        return EIO_E_NOMEM;
    if (bytes.len > 0)
        memcpy(to, bytes.base, bytes.len);
    eio_buffer_commit(*buffer, bytes.len);
    return EIO_OK;
}
