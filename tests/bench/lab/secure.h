/*
 * TLS for sioload's clients: mbedTLS over a socket that does not block, certificates not checked.
 *
 * What is to be sent always counts as sent: the caller's `send` keeps what the kernel does not take. What came has to
 * be read until nothing is left, since all connections share one buffer.
 */
#ifndef SECURE_H
#define SECURE_H
#include <stddef.h>

typedef struct secure secure;

/* New; NULL when out of memory. `owner` is handed to `send`. */
secure *secure_new(int fd, void *owner, void (*send)(void *owner, const char *bytes, size_t len));
void secure_free(secure *s);
/* 1: done; 0: waits for more; -1: refused. */
int secure_shake(secure *s);
/* Bytes read; 0: nothing is left for now; -1: the end. */
long secure_read(secure *s, char *out, size_t size);
/* 0, or -1. */
int secure_write(secure *s, const char *bytes, size_t len);
#endif
