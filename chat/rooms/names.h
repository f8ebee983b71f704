/*
 * What happens to names: taken, claimed from a holder who is gone, let go, released after their grace, adopted from a
 * server that died.
 */
#ifndef CHAT_ROOMS_NAMES_H
#define CHAT_ROOMS_NAMES_H

#include "chat/rooms/connection.h"

/* If the name's holder is gone it becomes this connection's, provisionally: true. */
bool chat_name_claim(chat_connection *connection, eio_slice room, eio_slice username);
/* The store did not agree, or did not answer. Nothing if it was not claimed. */
void chat_name_unclaim(chat_connection *connection, eio_slice room, eio_slice username);
/* The store has given the name to this connection. False if another one holds it, or out of memory. */
bool chat_name_take(chat_connection *connection, eio_slice room, eio_slice username);
/* Nobody knows whether the store has given it: after the grace it is released, unless somebody takes it before. */
void chat_name_doubt(chat_connection *connection, eio_slice room, eio_slice username);
/* The connection has ended: its names go into their grace, or at once if the server stops. */
void chat_names_let_go(chat_connection *connection);

/* Ask the store for the names that dead servers have left. */
void chat_names_adopt(chat_rooms *rooms);
/* Release those whose grace is over, and wait for the next. When stopping: all. */
void chat_names_release(chat_rooms *rooms);

#endif
