#include "socketio/handlers.h"

#include <stdlib.h>

enum { FIRST_CALLBACKS = 2, FIRST_SLOTS = 8 };

typedef struct sio_named_list {
    sio_callbacks callbacks;
    uint64_t first_word;
    size_t name_len;
    char name[];
} named_list;

int sio_callbacks_add(sio_callbacks *list, sio_callback callback)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? FIRST_CALLBACKS : list->capacity * 2;
        sio_callback *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL)
            return EIO_E_NOMEM;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = callback;
    return EIO_OK;
}

int sio_callbacks_prepend(sio_callbacks *list, sio_callback callback)
{
    int rc = sio_callbacks_add(list, callback);

    if (rc != EIO_OK)
        return rc;
    memmove(list->items + 1, list->items, (list->count - 1) * sizeof(*list->items));
    list->items[0] = callback;
    list->first--;
    return EIO_OK;
}

static bool is_same(const sio_callback *one, const sio_callback *other)
{
    return memcmp(&one->call, &other->call, sizeof(one->call)) == 0 && one->data == other->data;
}

static bool is_gap(const sio_callback *item)
{
    return item->call.on_event == NULL;
}

static void close_gaps(sio_callbacks *list)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < list->count; i++)
        if (!is_gap(&list->items[i]))
            list->items[kept++] = list->items[i];
    list->count = kept;
    list->has_gaps = false;
}

void sio_callbacks_remove(sio_callbacks *list, sio_callback callback)
{
    uint32_t at = list->count;

    do {
        if (at == 0)
            return;
    } while (!is_same(&list->items[--at], &callback));
    list->items[at].call.on_event = NULL;
    list->has_gaps = true;
    if (list->walks == 0)
        close_gaps(list);
}

void sio_walk_begin(sio_walk *walk, sio_callbacks *list)
{
    *walk = (sio_walk){ list, list->first };
    list->walks++;
}

bool sio_walk_next(sio_walk *walk, sio_callback *out)
{
    const sio_callbacks *list = walk->list;

    while ((uint32_t)(walk->next - list->first) < list->count) {
        const sio_callback *item = &list->items[walk->next++ - list->first];
        if (!is_gap(item)) {
            *out = *item;
            return true;
        }
    }
    return false;
}

void sio_walk_end(sio_walk *walk)
{
    sio_callbacks *list = walk->list;

    if (--list->walks == 0 && list->has_gaps)
        close_gaps(list);
}

int sio_callbacks_copy(sio_callbacks *to, const sio_callbacks *from)
{
    int rc = EIO_OK;

    for (uint32_t i = 0; i < from->count && rc == EIO_OK; i++)
        if (!is_gap(&from->items[i]))
            rc = sio_callbacks_add(to, from->items[i]);
    return rc;
}

void sio_callbacks_fini(sio_callbacks *list)
{
    free(list->items);
    *list = (sio_callbacks){ 0 };
}

/* ---- by name ---- */

static uint64_t load_word(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* The first eight bytes; of a name that is shorter all of them, in an order that its length tells. */
static inline uint64_t first_word_of(eio_slice name)
{
    uint32_t halves[2];

    if (name.len >= sizeof(uint64_t))
        return load_word(name.base);
    if (name.len >= sizeof(halves[0])) {
        memcpy(&halves[0], name.base, sizeof(halves[0]));
        memcpy(&halves[1], name.base + name.len - sizeof(halves[1]), sizeof(halves[1]));
        return (uint64_t)halves[1] << 32 | halves[0];
    }
    if (name.len == 0)
        return 0;
    return (uint64_t)(uint8_t)name.base[0] | (uint64_t)(uint8_t)name.base[name.len / 2] << 8 |
           (uint64_t)(uint8_t)name.base[name.len - 1] << 16;
}

/* Of the first and the last bytes and the length; names that have all of that in common are few. */
static inline size_t hash_of(eio_slice name, uint64_t first_word)
{
    uint64_t hash = first_word + name.len;

    if (name.len > sizeof(uint64_t))
        hash = hash * 31 + load_word(name.base + name.len - sizeof(uint64_t));
    return (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32); /* Knuth's: the golden ratio */
}

/* Apart, since its call of memcmp would make the short way save registers. */
__attribute__((noinline)) static named_list *find_long(const sio_handlers *handlers, eio_slice name)
{
    for (size_t i = hash_of(name, first_word_of(name));; i++) {
        named_list *list = handlers->slots[i & (handlers->capacity - 1)];
        if (list == NULL || eio_slice_equal((eio_slice){ list->name, list->name_len }, name))
            return list;
    }
}

static named_list *find_list(const sio_handlers *handlers, eio_slice name)
{
    if (handlers->count == 0)
        return NULL;
    if (name.len > sizeof(uint64_t))
        return find_long(handlers, name);
    uint64_t first_word = first_word_of(name);
    for (size_t i = hash_of(name, first_word);; i++) {
        named_list *list = handlers->slots[i & (handlers->capacity - 1)];
        if (list == NULL || (list->first_word == first_word && list->name_len == name.len))
            return list;
    }
}

/* There is a free slot. */
static void put_list(sio_handlers *handlers, named_list *list)
{
    size_t mask = handlers->capacity - 1;
    size_t at = hash_of((eio_slice){ list->name, list->name_len }, list->first_word) & mask;

    while (handlers->slots[at] != NULL)
        at = (at + 1) & mask;
    handlers->slots[at] = list;
    handlers->count++;
}

static int reserve_slot(sio_handlers *handlers)
{
    sio_handlers grown = { .capacity = handlers->capacity * 2 };

    if (handlers->count < handlers->capacity / 2)
        return EIO_OK;
    if (grown.capacity == 0)
        grown.capacity = FIRST_SLOTS;
    grown.slots = calloc(grown.capacity, sizeof(named_list *));
    if (grown.slots == NULL)
        return EIO_E_NOMEM;
    for (uint32_t i = 0; i < handlers->capacity; i++) {
        if (handlers->slots[i] != NULL)
            put_list(&grown, handlers->slots[i]);
    }
    free(handlers->slots);
    *handlers = grown;
    return EIO_OK;
}

void sio_handlers_fini(sio_handlers *handlers)
{
    for (uint32_t i = 0; i < handlers->capacity; i++) {
        named_list *list = handlers->slots[i];
        if (list == NULL)
            continue;
        sio_callbacks_fini(&list->callbacks);
        free(list);
    }
    free(handlers->slots);
    *handlers = (sio_handlers){ 0 };
}

static named_list *add_list(sio_handlers *handlers, eio_slice name)
{
    if (reserve_slot(handlers) != EIO_OK)
        return NULL;
    named_list *list = malloc(sizeof(*list) + name.len);
    if (list == NULL)
        return NULL;
    *list = (named_list){ .first_word = first_word_of(name), .name_len = name.len };
    if (name.len > 0)
        memcpy(list->name, name.base, name.len);
    put_list(handlers, list);
    return list;
}

int sio_handlers_add(sio_handlers *handlers, eio_slice name, sio_callback callback)
{
    named_list *list = find_list(handlers, name);
    if (list == NULL)
        list = add_list(handlers, name);
    /* An empty list that stays behind when there is no memory does no harm. */
    return list == NULL ? EIO_E_NOMEM : sio_callbacks_add(&list->callbacks, callback);
}

int sio_handlers_copy(sio_handlers *to, const sio_handlers *from)
{
    int rc = EIO_OK;

    for (uint32_t i = 0; i < from->capacity; i++) {
        const named_list *list = from->slots[i];
        for (uint32_t j = 0; list != NULL && j < list->callbacks.count && rc == EIO_OK; j++)
            if (!is_gap(&list->callbacks.items[j]))
                rc = sio_handlers_add(to, (eio_slice){ list->name, list->name_len },
                                      list->callbacks.items[j]);
    }
    return rc;
}

sio_callbacks *sio_handlers_find(const sio_handlers *handlers, eio_slice name)
{
    named_list *list = find_list(handlers, name);

    return list == NULL ? NULL : &list->callbacks;
}
