#include "engineio/net/table.h"

#include <stdlib.h>

#include "engineio/net/siphash.h"

enum { SMALLEST_CAPACITY = 8 };

void eio_table_init(eio_table *table, eio_slice (*key_of)(const void *item))
{
    *table = (eio_table){ .key_of = key_of };
}

void eio_table_fini(eio_table *table)
{
    free(table->slots);
    *table = (eio_table){ .key_of = table->key_of };
}

static uint32_t hash_of(eio_slice key)
{
    return (uint32_t)eio_siphash(key.base, key.len);
}

/* Of each slot, the hash of its item's key. */
static uint32_t *hashes_of(const eio_table *table)
{
    return (uint32_t *)(table->slots + table->capacity);
}

/* The slot of the key, or the free one where it would go. The table has a free slot always. */
static size_t slot_of(const eio_table *table, eio_slice key, uint32_t hash)
{
    const uint32_t *hashes = hashes_of(table);
    size_t mask = table->capacity - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        const void *item = table->slots[i];
        if (item == NULL || (hashes[i] == hash && eio_slice_equal(table->key_of(item), key)))
            return i;
    }
}

void *eio_table_find(const eio_table *table, eio_slice key)
{
    if (table->count == 0)
        return NULL;
    return table->slots[slot_of(table, key, hash_of(key))];
}

static int resize(eio_table *table, size_t capacity)
{
    eio_table resized = *table;

    resized.capacity = capacity;
    resized.slots = calloc(capacity, sizeof(*table->slots) + sizeof(uint32_t));
    if (resized.slots == NULL)
        return EIO_E_NOMEM;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i] == NULL)
            continue;
        uint32_t hash = hashes_of(table)[i];
        size_t to = hash & (capacity - 1);
        while (resized.slots[to] != NULL)
            to = (to + 1) & (capacity - 1);
        resized.slots[to] = table->slots[i];
        hashes_of(&resized)[to] = hash;
    }
    free(table->slots);
    *table = resized;
    return EIO_OK;
}

int eio_table_add(eio_table *table, void *item)
{
    eio_slice key = table->key_of(item);
    uint32_t hash = hash_of(key);

    if (table->count + 1 > table->capacity / 4 * 3) {
        int rc = resize(table, table->capacity == 0 ? SMALLEST_CAPACITY : table->capacity * 2);
        if (rc != EIO_OK)
            return rc;
    }
    size_t slot = slot_of(table, key, hash);
    if (table->slots[slot] != NULL)
        return EIO_E_EXISTS;
    table->slots[slot] = item;
    hashes_of(table)[slot] = hash;
    table->count++;
    return EIO_OK;
}

/* Close the gap: move back what would not be found past a free slot (no tombstones, so no slow decay). */
static void close_gap(eio_table *table, size_t gap)
{
    uint32_t *hashes = hashes_of(table);
    size_t mask = table->capacity - 1;

    for (size_t i = (gap + 1) & mask; table->slots[i] != NULL; i = (i + 1) & mask) {
        size_t home = hashes[i] & mask;
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        table->slots[gap] = table->slots[i];
        hashes[gap] = hashes[i];
        gap = i;
    }
    table->slots[gap] = NULL;
}

bool eio_table_remove(eio_table *table, const void *item)
{
    if (table->count == 0)
        return false;
    eio_slice key = table->key_of(item);
    size_t slot = slot_of(table, key, hash_of(key));
    if (table->slots[slot] != item)
        return false;
    close_gap(table, slot);
    table->count--;
    if (table->count == 0)
        eio_table_fini(table);
    else if (table->capacity > SMALLEST_CAPACITY && table->count < table->capacity / 8)
        (void)resize(table, table->capacity / 2); /* no memory: it stays large */
    return true;
}

void *eio_table_next(const eio_table *table, size_t *at)
{
    while (*at < table->capacity) {
        void *item = table->slots[(*at)++];
        if (item != NULL)
            return item;
    }
    return NULL;
}
