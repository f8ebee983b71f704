#include "chat/rooms/rooms.h"

#include <search.h>
#include <stdlib.h>

#include "chat/log.h"
#include "chat/rooms/events.h"
#include "chat/rooms/names.h"
#include "chat/rooms/tell.h"

enum { LOOKS_A_LEASE = 5 }; /* with a lease of 15 s: a dead server's names are free within 20 s */

static void log_socket(const char *event, sio_socket *socket, const char *reason)
{
    char peer[CHAT_LOG_VALUE_BYTES], why[CHAT_LOG_VALUE_BYTES];
    eio_slice id = sio_socket_id(socket);

    chat_log(CHAT_LOG_INFO, event, "id=%.*s peer=%s%s%s", (int)id.len, id.base,
             chat_log_value(peer, sio_socket_address(socket)), reason == NULL ? "" : " reason=",
             reason == NULL ? "" : chat_log_value(why, eio_slice_of(reason)));
}

static void handle_connection(sio_socket *socket, void *data)
{
    chat_connection *connection = chat_connection_new(data, socket);

    if (connection == NULL) {
        sio_disconnect(socket, true);
        return;
    }
    sio_socket_set_data(socket, connection, NULL);
    log_socket("connect", socket, NULL);
}

static void handle_disconnect(sio_socket *socket, const char *reason, const char *details,
                              void *data)
{
    chat_connection *connection = sio_socket_data(socket);

    (void)details;
    (void)data;
    if (connection == NULL)
        return;
    log_socket("disconnect", socket, reason);
    sio_socket_set_data(socket, NULL, NULL);
    chat_connection_leave(connection, &chat_disconnection);
}

static void handle_event(sio_socket *socket, sio_event *event, void *data)
{
    chat_connection *connection = sio_socket_data(socket);

    if (connection != NULL)
        chat_connection_add(connection, data, event);
}

static int register_all(chat_rooms *rooms)
{
    int rc = sio_on_connection(rooms->nsp, handle_connection, rooms);

    if (rc == EIO_OK)
        rc = sio_on_disconnect(rooms->nsp, handle_disconnect, rooms);
    if (rc == EIO_OK && rooms->clustered)
        rc = chat_hear_servers(rooms);
    for (size_t i = 0; chat_events[i].name != NULL && rc == EIO_OK; i++) {
        void *kind =
            (void *)(uintptr_t)&chat_events[i]; /* handed back as it is: nobody writes there */
        rc = sio_on(rooms->nsp, eio_slice_of(chat_events[i].name), handle_event, kind);
    }
    return rc;
}

static void handle_adoption(uv_timer_t *timer)
{
    chat_names_adopt(timer->data);
}

int chat_rooms_new(chat_rooms **out, uv_loop_t *loop, sio_server *io, chat_store *store,
                   const chat_rooms_options *options)
{
    chat_rooms *rooms = calloc(1, sizeof(*rooms));

    if (rooms == NULL)
        return EIO_E_NOMEM;
    rooms->loop = loop;
    rooms->nsp = sio_server_of(io, EIO_STR("/"));
    rooms->store = store;
    rooms->options = *options;
    rooms->clustered = options->clustered;
    rooms->started_ms = uv_now(loop);
    chat_members_init(&rooms->members);
    int rc = register_all(rooms);
    if (rc != EIO_OK) {
        free(rooms);
        return rc;
    }
    uv_timer_init(loop, &rooms->grace);
    uv_timer_init(loop, &rooms->adoption);
    rooms->grace.data = rooms->adoption.data = rooms;
    uv_timer_start(&rooms->adoption, handle_adoption, 0, options->lease_ms / LOOKS_A_LEASE);
    *out = rooms;
    return EIO_OK;
}

void chat_rooms_store_connected(chat_rooms *rooms)
{
    if (!rooms->stopping)
        chat_names_adopt(rooms);
}

bool chat_rooms_is_ready(const chat_rooms *rooms)
{
    return rooms->adopted && !rooms->stopping;
}

static void tell_stopped(uv_timer_t *timer)
{
    chat_rooms *rooms = timer->data;

    rooms->on_stopped(rooms->stopped_data);
}

void chat_rooms_check_stopped(chat_rooms *rooms)
{
    if (rooms->stopping && rooms->connections == 0 && rooms->asked == 0 &&
        rooms->members.count == 0)
        uv_timer_start(&rooms->adoption, tell_stopped, 0,
                       0); /* what calls this still has work with us */
}

/* The clients of this server go; those of others are told of their names now, while they can be reached. */
static void tell_servers_gone(const void *node, VISIT visit, void *data)
{
    const chat_member *member = *(const chat_member *const *)node;

    if ((visit == postorder || visit == leaf) && member->announced)
        chat_tell_servers(data, CHAT_SERVERS_GONE, member->room, member->username);
}

void chat_rooms_stop(chat_rooms *rooms, void (*on_stopped)(void *data), void *data)
{
    rooms->stopping = true;
    twalk_r(rooms->members.tree, tell_servers_gone, rooms);
    rooms->nsp = NULL;
    rooms->on_stopped = on_stopped;
    rooms->stopped_data = data;
    uv_timer_stop(&rooms->adoption);
    chat_names_release(rooms);
    chat_rooms_check_stopped(rooms);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    chat_rooms *rooms = handle->data;

    if (--rooms->open_handles > 0)
        return;
    void (*on_freed)(void *) = rooms->on_freed;
    void *data = rooms->freed_data;
    chat_members_fini(&rooms->members);
    free(rooms);
    if (on_freed != NULL)
        on_freed(data);
}

void chat_rooms_free(chat_rooms *rooms, void (*on_freed)(void *data), void *data)
{
    rooms->on_freed = on_freed;
    rooms->freed_data = data;
    rooms->open_handles = 2;
    uv_close((uv_handle_t *)&rooms->grace, handle_uv_closed);
    uv_close((uv_handle_t *)&rooms->adoption, handle_uv_closed);
}
