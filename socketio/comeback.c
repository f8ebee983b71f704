#include "socketio/comeback.h"

#include <stdlib.h>

#include "socketio/adapter.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

sio_comeback *sio_comeback_new(const sio_session *session)
{
    const sio_rooms rooms = session->rooms;
    size_t bytes = 0;

    for (size_t i = 0; i < rooms.count; i++)
        bytes += rooms.names[i].len;
    sio_comeback *what = calloc(1, sizeof(*what) + rooms.count * sizeof(eio_slice) + bytes);
    if (what == NULL)
        return NULL;
    memcpy(what->pid, session->pid.base, sizeof(what->pid));
    memcpy(what->id, session->id.base, sizeof(what->id));
    what->room_count = rooms.count;
    char *text = (char *)(what->rooms + rooms.count);
    for (size_t i = 0; i < rooms.count; i++) {
        what->rooms[i] = (eio_slice){ text, rooms.names[i].len };
        if (rooms.names[i].len > 0)
            memcpy(text, rooms.names[i].base, rooms.names[i].len);
        text += rooms.names[i].len;
    }
    return what;
}

void sio_comeback_free(sio_comeback *what)
{
    if (what == NULL)
        return;
    for (size_t i = 0; i < what->event_count; i++)
        sio_logged_event_free(what->events[i]);
    free(what->events);
    free(what->seen);
    free(what);
}

bool sio_comeback_add_event(sio_comeback *to, sio_logged_event *event)
{
    if (event == NULL)
        return false;
    if (to->event_count == to->capacity) {
        size_t capacity = to->capacity == 0 ? 16 : 2 * to->capacity;
        sio_logged_event **events = realloc(to->events, capacity * sizeof(sio_logged_event *));
        if (events == NULL) {
            sio_logged_event_free(event);
            return false;
        }
        to->events = events;
        to->capacity = capacity;
    }
    to->events[to->event_count++] = event;
    return true;
}

size_t sio_comeback_add(sio_comeback *to, const sio_encoded *packet)
{
    static const sio_target nobody = { .flags = 0 }; /* it is known whom it is for */
    sio_logged_event *event = sio_logged_event_new(packet, &nobody);
    size_t bytes = event == NULL ? 0 : event->bytes;

    return sio_comeback_add_event(to, event) ? bytes : 0;
}

void sio_comeback_take(sio_socket *socket, sio_comeback *what)
{
    sio_socket_recovery *state = &socket->extra->recovery;

    memcpy(socket->id, what->id, sizeof(socket->id));
    memcpy(state->pid, what->pid, sizeof(state->pid));
    for (size_t i = 0; i < what->room_count; i++)
        (void)sio_join(socket, what->rooms[i]);
    state->is_recovered = true;
    state->brought = what;
    if (!socket->nsp->server->recovery.run_middlewares)
        socket->step = socket->nsp->middlewares.count;
}
