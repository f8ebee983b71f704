#include "engineio/net/buffer_private.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "engineio/net/spares.h"

/* ---- spares ---- */

/*
 * What a thread has given back is there for its next packets: malloc and free would be a tenth of what a short echo
 * costs, and more where glibc has no list of its own for the size.
 */
enum {
    CLASS_BYTES = 64,
    CLASSES = 64, /* capacities of 64, 128 and so on to 4 096 bytes */
    /* of a thread: what a hundred clients answer in one pass of the loop */
    MOST_SPARE_BYTES = EIO_SPARES_ARE_KEPT ? 256 * 1024 : 0,
};

typedef struct spare_buffers {
    eio_buffer *first[CLASSES]; /* linked by their companions */
    size_t room; /* so many more bytes may be kept; none before it is known who frees them */
    bool is_set_up;
} spare_buffers;

/* Initial-exec: found without a call in a shared library, too. */
static _Thread_local spare_buffers spares __attribute__((tls_model("initial-exec")));
static pthread_once_t spares_once = PTHREAD_ONCE_INIT;
static pthread_key_t spares_key;
static bool has_spares_key;

static void handle_thread_end(void *of_thread)
{
    spare_buffers *all = of_thread;

    all->room = 0;
    for (size_t i = 0; i < CLASSES; i++) {
        while (all->first[i] != NULL) {
            eio_buffer *buffer = all->first[i];
            all->first[i] = atomic_load_explicit(&buffer->companions, memory_order_relaxed);
            free(buffer);
        }
    }
}

static void make_spares_key(void)
{
    has_spares_key = pthread_key_create(&spares_key, handle_thread_end) == 0;
}

static void set_up_spares(void)
{
    spares.is_set_up = true;
    pthread_once(&spares_once, make_spares_key);
    if (has_spares_key && pthread_setspecific(spares_key, &spares) == 0)
        spares.room = MOST_SPARE_BYTES;
}

/* The list for buffers of that capacity, or of the next one that has a list. None for large ones, and for 0. */
static inline size_t class_of(size_t capacity)
{
    return (capacity - 1) / CLASS_BYTES;
}

static inline size_t size_of(size_t capacity)
{
    return sizeof(eio_buffer) + capacity;
}

/* buffer: taken; its last reference is gone. */
static void keep_or_free(eio_buffer *buffer)
{
    size_t class = class_of(buffer->capacity);

    if (class >= CLASSES || buffer->capacity % CLASS_BYTES != 0 ||
        spares.room < size_of(buffer->capacity)) {
        free(buffer);
        return;
    }
    atomic_store_explicit(&buffer->companions, spares.first[class], memory_order_relaxed);
    spares.first[class] = buffer;
    spares.room -= size_of(buffer->capacity);
}

/* ---- buffers ---- */

static inline eio_buffer *buffer_init(eio_buffer *buffer, size_t capacity)
{
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

static eio_buffer *allocate(size_t capacity)
{
    eio_buffer *buffer = capacity > SIZE_MAX / 2 ? NULL : malloc(size_of(capacity));

    return buffer == NULL ? NULL : buffer_init(buffer, capacity);
}

/* When there is no spare one: seldom, so it is kept out of the short way. */
__attribute__((noinline)) static eio_buffer *allocate_for_class(size_t capacity)
{
    if (!spares.is_set_up)
        set_up_spares();
    return allocate(capacity);
}

eio_buffer *eio_buffer_new(size_t capacity)
{
    size_t class = class_of(capacity);

    if (class >= CLASSES)
        return allocate(capacity);
    capacity = (class + 1) * CLASS_BYTES;
    eio_buffer *spare = spares.first[class];
    if (spare == NULL)
        return allocate_for_class(capacity);
    spares.first[class] = atomic_load_explicit(&spare->companions, memory_order_relaxed);
    spares.room += size_of(capacity);
    return buffer_init(spare, capacity);
}

/* buffer: new, with room for them; or NULL, which it gives. */
static eio_buffer *fill(eio_buffer *buffer, eio_slice bytes)
{
    if (buffer == NULL)
        return NULL;
    if (bytes.len > 0)
        memcpy(buffer->payload, bytes.base, bytes.len);
    buffer->len = bytes.len;
    return buffer;
}

/* Of exactly that size: many of those are kept. */
eio_buffer *eio_buffer_copy(eio_slice bytes)
{
    return fill(allocate(bytes.len), bytes);
}

eio_buffer *eio_buffer_copy_for_now(eio_slice bytes)
{
    return fill(eio_buffer_new(bytes.len), bytes);
}

eio_buffer *eio_buffer_ref(eio_buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    return buffer;
}

/* A sole owner need not count down atomically, which costs more than all the rest here. */
static inline bool was_last(eio_buffer *buffer)
{
    return atomic_load_explicit(&buffer->refs, memory_order_acquire) == 1 ||
           atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel) == 1;
}

/* A companion holds the next one, as the buffer holds the first. */
__attribute__((noinline)) static void unref_companions(eio_buffer *companion)
{
    while (companion != NULL && was_last(companion)) {
        eio_buffer *next = atomic_load_explicit(&companion->companions, memory_order_relaxed);
        keep_or_free(companion);
        companion = next;
    }
}

void eio_buffer_unref(eio_buffer *buffer)
{
    if (buffer == NULL || !was_last(buffer))
        return;
    eio_buffer *companion = atomic_load_explicit(&buffer->companions, memory_order_relaxed);
    if (companion != NULL)
        unref_companions(companion);
    keep_or_free(buffer);
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
