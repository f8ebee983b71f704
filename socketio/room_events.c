#include "socketio/room_events.h"

#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/server.h"

typedef struct sio_room_note {
    TAILQ_ENTRY(sio_room_note) link;
    sio_namespace *nsp;
    sio_room_change change;
    size_t room_len;
    size_t id_len; /* SIZE_MAX: none */
    char text[];   /* room, then id */
} sio_room_note;

static void note(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id)
{
    sio_room_note *one = malloc(sizeof(*one) + room.len + id.len);

    if (one == NULL) {
        sio_server_log(nsp->server, 'e', "event of a room lost: out of memory");
        return;
    }
    *one = (sio_room_note){ .nsp = nsp,
                            .change = change,
                            .room_len = room.len,
                            .id_len = id.base == NULL ? SIZE_MAX : id.len };
    if (room.len > 0)
        memcpy(one->text, room.base, room.len);
    if (id.base != NULL)
        memcpy(one->text + room.len, id.base, id.len);
    TAILQ_INSERT_TAIL(&nsp->server->room_notes, one, link);
    sio_server_wake(nsp->server);
}

void sio_room_tell(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id)
{
    if (nsp->adapter->type->on_room != NULL)
        nsp->adapter->type->on_room(nsp->adapter, change, room, id);
    if (nsp->room.count > 0)
        note(nsp, change, room, id);
}

static void tell(const sio_room_note *one)
{
    const sio_callbacks *list = &one->nsp->room;
    const eio_slice room = { one->text, one->room_len };
    eio_slice id = { NULL, 0 };

    if (one->id_len != SIZE_MAX)
        id = (eio_slice){ one->text + one->room_len, one->id_len };
    for (uint32_t i = 0; i < list->count; i++)
        list->items[i].call.on_room(one->nsp, one->change, room, id, list->items[i].data);
}

void sio_room_notes_run(sio_server *server)
{
    sio_room_note *one;

    while ((one = TAILQ_FIRST(&server->room_notes)) != NULL) {
        TAILQ_REMOVE(&server->room_notes, one, link);
        tell(one);
        free(one);
    }
}

void sio_room_notes_forget(sio_namespace *nsp)
{
    sio_room_note *one = TAILQ_FIRST(&nsp->server->room_notes);

    while (one != NULL) {
        sio_room_note *next = TAILQ_NEXT(one, link);
        if (one->nsp == nsp) {
            TAILQ_REMOVE(&nsp->server->room_notes, one, link);
            free(one);
        }
        one = next;
    }
}

int sio_on_room(sio_namespace *nsp, sio_room_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->room, (sio_callback){ .call.on_room = callback, .data = data });
}
