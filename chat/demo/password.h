/*
 * bcrypt in threads of its own, behind a bounded queue: a login neither delays another client nor the files that
 * libuv's pool serves. Expected load: some a second; one takes 50 ms and more.
 */
#ifndef CHAT_DEMO_PASSWORD_H
#define CHAT_DEMO_PASSWORD_H

#include <uv.h>

#include "engineio/buffer.h"

typedef struct chat_passwords chat_passwords;

enum { CHAT_HASH_BYTES = 128 };

/* `hash` is NUL-terminated and borrowed. EIO_OK: made, or the password is right; EIO_E_AUTH: it is wrong. */
typedef void chat_password_cb(int status, const char *hash, void *data);

/* EIO_OK, or as chat_workers_new. */
int chat_passwords_new(chat_passwords **out, uv_loop_t *loop);

/*
 * Hash a password ($2b$10$). It is copied, and holds no NUL. EIO_OK: the callback comes from the loop; EIO_E_LIMIT:
 * too many wait; EIO_E_NOMEM; EIO_E_CLOSED.
 */
int chat_password_hash(chat_passwords *passwords, eio_slice password, chat_password_cb *callback,
                       void *data);

/* Compare with a hash ($2a$, $2b$, $2y$ of any cost). Only the first 72 bytes of a password count. */
int chat_password_check(chat_passwords *passwords, eio_slice password, eio_slice hash,
                        chat_password_cb *callback, void *data);

/* What was asked for is answered, then on_closed is called. */
void chat_passwords_close(chat_passwords *passwords, void (*on_closed)(void *data), void *data);

#endif
