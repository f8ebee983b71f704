/*
 * Failed logins, counted by name together with address, and by address alone: who guesses passwords has to wait. A
 * name's owner who comes from elsewhere does not. Bounded: when the table is full, the oldest of a few gives way.
 * The clock is the caller's. All loops of the process share one: any thread. Expected load: a few a second.
 */
#ifndef CHAT_DEMO_ATTEMPTS_H
#define CHAT_DEMO_ATTEMPTS_H

#include <stdint.h>
#include <uv.h>

#include "engineio/buffer.h"

enum {
    CHAT_ATTEMPT_WINDOW_MS = 10 * 60 * 1000, /* after which a count begins again */
    CHAT_ATTEMPTS_PER_ADDRESS = 20,          /* times what one name allows */
    CHAT_ATTEMPT_WAYS = 8,
    CHAT_ATTEMPT_ROWS = 1024,
};

typedef struct chat_attempt {
    uint64_t who; /* 0: free */
    uint64_t since_ms;
    uint32_t failures;
} chat_attempt;

typedef struct chat_attempts {
    unsigned char key[32]; /* of the hash, so that nobody can choose whose place he takes */
    uint32_t most;         /* failures of one name from one address */
    uv_mutex_t lock;       /* of the table */
    chat_attempt table[CHAT_ATTEMPT_ROWS][CHAT_ATTEMPT_WAYS];
} chat_attempts;

/* EIO_OK, EIO_E_RANDOM or libuv's code: then there is nothing to end. */
int chat_attempts_init(chat_attempts *attempts, uint32_t most);
void chat_attempts_fini(chat_attempts *attempts);

/*
 * Count an attempt as failed, before it is made, so that many at once are counted as well. False: too many have failed,
 * do not even try.
 */
bool chat_attempts_begin(chat_attempts *attempts, eio_slice name, eio_slice address,
                         uint64_t now_ms);
/* It was right after all. */
void chat_attempts_succeed(chat_attempts *attempts, eio_slice name, eio_slice address);

#endif
