/*
 * bcrypt in threads of its own, behind a bounded queue: a login neither delays another client nor the files that
 * libuv's pool serves. Expected load: some a second; one takes 50 ms and more.
 */
#ifndef CHAT_DEMO_PASSWORD_H
#define CHAT_DEMO_PASSWORD_H

#include "chat/crew.h"
#include "engineio/buffer.h"

enum { CHAT_HASH_BYTES = 128 };

/* `hash` is NUL-terminated and borrowed. EIO_OK: made, or the password is right; EIO_E_AUTH: it is wrong. */
typedef void chat_password_cb(int status, const char *hash, void *data);

/* The threads. As chat_crew_new. */
int chat_password_crew(chat_crew **out);
/* A loop's place at theirs. As chat_desk_open. */
int chat_password_desk(chat_desk **out, chat_crew *crew, uv_loop_t *loop);

/*
 * Hash a password ($2b$10$). It is copied, and holds no NUL. EIO_OK: the callback comes from the loop; EIO_E_LIMIT:
 * too many wait; EIO_E_NOMEM; EIO_E_CLOSED.
 */
int chat_password_hash(chat_desk *desk, eio_slice password, chat_password_cb *callback, void *data);

/* Compare with a hash ($2a$, $2b$, $2y$ of any cost). Only the first 72 bytes of a password count. */
int chat_password_check(chat_desk *desk, eio_slice password, eio_slice hash,
                        chat_password_cb *callback, void *data);

#endif
