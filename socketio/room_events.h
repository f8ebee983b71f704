/*
 * Room events for the application: noted when a room changes, told from the loop. Costs nothing
 * when nobody listens.
 */
#ifndef SOCKETIO_ROOM_EVENTS_H
#define SOCKETIO_ROOM_EVENTS_H

#include <sys/queue.h>

#include "socketio/socketio.h"

typedef TAILQ_HEAD(sio_room_notes, sio_room_note) sio_room_notes;

/* Tell the adapter of a change, and note it for sio_on_room. */
void sio_room_tell(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id);
/* Call sio_on_room for all that is noted. From the loop. */
void sio_room_notes_run(sio_server *server);
/* Forget what is noted: of a namespace that goes. */
void sio_room_notes_forget(sio_namespace *nsp);

#endif
