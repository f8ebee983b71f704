#include "socketio/handlers.h"

#include <stdlib.h>

#include "socketio/packet.h"

enum { FIRST_CALLBACKS = 2 };

typedef struct named_list {
    sio_callbacks callbacks;
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

int sio_callbacks_copy(sio_callbacks *to, const sio_callbacks *from)
{
    int rc = EIO_OK;

    for (uint32_t i = 0; i < from->count && rc == EIO_OK; i++)
        rc = sio_callbacks_add(to, from->items[i]);
    return rc;
}

void sio_callbacks_fini(sio_callbacks *list)
{
    free(list->items);
    *list = (sio_callbacks){ 0 };
}

static eio_slice key_of_list(const void *item)
{
    const named_list *list = item;

    return (eio_slice){ list->name, list->name_len };
}

void sio_handlers_init(eio_table *handlers)
{
    eio_table_init_trusted(handlers, key_of_list);
}

void sio_handlers_fini(eio_table *handlers)
{
    size_t at = 0;
    named_list *list;

    while ((list = eio_table_next(handlers, &at)) != NULL) {
        sio_callbacks_fini(&list->callbacks);
        free(list);
    }
    eio_table_fini(handlers);
}

static named_list *add_list(eio_table *handlers, eio_slice name)
{
    named_list *list = malloc(sizeof(*list) + name.len);

    if (list == NULL)
        return NULL;
    *list = (named_list){ .name_len = name.len };
    if (name.len > 0)
        memcpy(list->name, name.base, name.len);
    if (eio_table_add(handlers, list) != EIO_OK) {
        free(list);
        return NULL;
    }
    return list;
}

int sio_handlers_add(eio_table *handlers, eio_slice name, sio_callback callback)
{
    if (sio_event_name_is_reserved(name))
        return EIO_E_RESERVED;
    named_list *list = eio_table_find(handlers, name);
    if (list == NULL)
        list = add_list(handlers, name);
    /* An empty list that stays behind when there is no memory does no harm. */
    return list == NULL ? EIO_E_NOMEM : sio_callbacks_add(&list->callbacks, callback);
}

int sio_handlers_copy(eio_table *to, const eio_table *from)
{
    size_t at = 0;
    const named_list *list;
    int rc = EIO_OK;

    while (rc == EIO_OK && (list = eio_table_next(from, &at)) != NULL) {
        const eio_slice name = { list->name, list->name_len };
        for (uint32_t i = 0; i < list->callbacks.count && rc == EIO_OK; i++)
            rc = sio_handlers_add(to, name, list->callbacks.items[i]);
    }
    return rc;
}

const sio_callbacks *sio_handlers_find(const eio_table *handlers, eio_slice name)
{
    const named_list *list = eio_table_find(handlers, name);

    return list == NULL ? NULL : &list->callbacks;
}
