/*
 * A real redis-server for a test: on a unix socket in a folder of its own, without persistence. It is valkey-server
 * where that alone is installed; REDIS_SERVER names another program.
 */
#ifndef TESTS_SUPPORT_REDIS_SERVER_H
#define TESTS_SUPPORT_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct redis_server {
    char folder[64];
    char socket[96]; /* path of the unix socket */
    pid_t pid;       /* 0: not running */
} redis_server;

/* Whether there is a redis-server to start on this machine. */
bool redis_server_exists(void);
/* Make the folder; nothing is started yet. */
void redis_server_init(redis_server *server);
/* Start; NULL or one more setting: its name ("--requirepass") and value. Returns before it listens. */
void redis_server_start(redis_server *server, const char *setting, const char *value);
/* Send a signal; after SIGKILL it is waited for. */
void redis_server_signal(redis_server *server, int number);
/* Kill it if it runs, and remove the folder. */
void redis_server_fini(redis_server *server);

#endif
