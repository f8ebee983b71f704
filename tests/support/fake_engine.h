/*
 * In place of Engine.IO: sessions without connections, so that what is above can be tested packet
 * by packet. It defines the eio_server_ and eio_session_ functions, so that the linker leaves the
 * real ones out.
 */
#ifndef TESTS_SUPPORT_FAKE_ENGINE_H
#define TESTS_SUPPORT_FAKE_ENGINE_H

#include "socketio/socketio.h"

/*
 * A server on a loop of its own; all options may be changed by `adjust` (may be NULL), which is
 * called right before the server is made. NULL if it cannot be.
 */
sio_server *fake_server_new(void (*adjust)(sio_options *options));
/* Close it and see that everything is gone. */
void fake_server_end(sio_server *io);
/* Let the loop run what is due now. */
void fake_turn(void);
/* Let the loop run for some time of its clock. */
void fake_wait(uint64_t ms);

/* A client comes over websocket. Borrowed until fake_leave. */
eio_session *fake_come(sio_server *io);
/* It sends a text or binary message; nothing happens once it is gone. */
void fake_say(eio_session *session, const char *text);
void fake_say_binary(eio_session *session, const char *bytes, size_t len);
/* It is gone. */
void fake_leave(eio_session *session, eio_reason reason, const char *detail);

/* What was sent to it since the last call, a '|' behind each; ids as `*`, binary as `<bytes>`. */
const char *fake_heard(eio_session *session);
/* Packets that were sent to anybody, this server's sessions that are gone included. */
size_t fake_sent_count(void);
/* Whether the server asked to close it. */
bool fake_is_closed(const eio_session *session);
/* What the transport says when it is asked; open and writable, websocket at first. */
void fake_set_writable(eio_session *session, bool writable);
void fake_set_polling(eio_session *session);

#endif
