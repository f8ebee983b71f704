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

/* The slot of the key, or the free one where it would go. The table has a free slot always. */
static eio_table_slot *slot_of(const eio_table *table, eio_slice key, uint64_t hash)
{
    size_t mask = table->capacity - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        eio_table_slot *slot = &table->slots[i];
        if (slot->item == NULL)
            return slot;
        if (slot->hash == hash && eio_slice_equal(table->key_of(slot->item), key))
            return slot;
    }
}

void *eio_table_find(const eio_table *table, eio_slice key)
{
    if (table->count == 0)
        return NULL;
    return slot_of(table, key, eio_siphash(key.base, key.len))->item;
}

static int resize(eio_table *table, size_t capacity)
{
    eio_table_slot *slots = calloc(capacity, sizeof(*slots));
    if (slots == NULL)
        return EIO_E_NOMEM;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].item == NULL)
            continue;
        size_t to = table->slots[i].hash & (capacity - 1);
        while (slots[to].item != NULL)
            to = (to + 1) & (capacity - 1);
        slots[to] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return EIO_OK;
}

int eio_table_add(eio_table *table, void *item)
{
    eio_slice key = table->key_of(item);
    uint64_t hash = eio_siphash(key.base, key.len);

    if (table->count + 1 > table->capacity / 4 * 3) {
        int rc = resize(table, table->capacity == 0 ? SMALLEST_CAPACITY : table->capacity * 2);
        if (rc != EIO_OK)
            return rc;
    }
    eio_table_slot *slot = slot_of(table, key, hash);
    if (slot->item != NULL)
        return EIO_E_EXISTS;
    *slot = (eio_table_slot){ item, hash };
    table->count++;
    return EIO_OK;
}

/* Close the gap: move back what would not be found past a free slot (no tombstones, so no slow decay). */
static void close_gap(eio_table *table, size_t gap)
{
    size_t mask = table->capacity - 1;

    for (size_t i = (gap + 1) & mask; table->slots[i].item != NULL; i = (i + 1) & mask) {
        size_t home = table->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        table->slots[gap] = table->slots[i];
        gap = i;
    }
    table->slots[gap].item = NULL;
}

bool eio_table_remove(eio_table *table, const void *item)
{
    if (table->count == 0)
        return false;
    eio_slice key = table->key_of(item);
    eio_table_slot *slot = slot_of(table, key, eio_siphash(key.base, key.len));
    if (slot->item != item)
        return false;
    close_gap(table, (size_t)(slot - table->slots));
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
        void *item = table->slots[(*at)++].item;
        if (item != NULL)
            return item;
    }
    return NULL;
}
