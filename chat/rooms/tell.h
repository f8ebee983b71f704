/* What clients hear: the one place that knows how a room is named inside, and how an error looks. */
#ifndef CHAT_ROOMS_TELL_H
#define CHAT_ROOMS_TELL_H

#include "chat/rooms/rooms_private.h"

/* An event `error` with {message: text} to one socket. The text needs no escapes in JSON. */
void chat_tell_error(sio_socket *socket, const char *text);

/* Everybody in the room, each once.  */
void chat_tell_room(chat_rooms *rooms, eio_slice room, eio_slice event, sio_args args);

/* As chat_tell_room, and this socket too if it is not in there. */
void chat_tell_room_and(chat_rooms *rooms, eio_slice room, sio_socket *socket, eio_slice event,
                        sio_args args);

/* remove:member:success for a name that nobody asked to remove. */
void chat_tell_gone(chat_rooms *rooms, eio_slice room, eio_slice username);

/* What servers tell each other of a name, by its room and user. */
typedef enum chat_servers_news {
    CHAT_SERVERS_REMOVED, /* it was removed: who holds it leaves the room; the room has been told */
    CHAT_SERVERS_GONE,    /* its server stops: who is in the room here is to be told */
} chat_servers_news;
void chat_tell_servers(chat_rooms *rooms, chat_servers_news news, eio_slice room,
                       eio_slice username);
/* Hear of it. EIO_OK or EIO_E_NOMEM. */
int chat_hear_servers(chat_rooms *rooms);

/* list:chat:success, oldest first; entries that are not UTF-8 are left out. EIO_OK or EIO_E_NOMEM. */
int chat_tell_chats(sio_socket *socket, eio_slice room_json, const chat_entry *entries,
                    size_t count);

int chat_room_join(sio_socket *socket, eio_slice room);
void chat_room_leave(sio_socket *socket, eio_slice room);
bool chat_room_has(const sio_socket *socket, eio_slice room);

#endif
