#include "tests/support/redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_there(const char *name)
{
    static const char *const folders[] = { "/usr/bin", "/usr/local/bin" };
    char path[64];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static const char *find_program(void)
{
    const char *named = getenv("REDIS_SERVER");

    if (named != NULL)
        return named;
    return is_there("redis-server") ? "redis-server" : "valkey-server";
}

bool redis_server_exists(void)
{
    return getenv("REDIS_SERVER") != NULL || is_there(find_program());
}

void redis_server_init(redis_server *server)
{
    snprintf(server->folder, sizeof(server->folder), "/tmp/redis-test-XXXXXX");
    if (mkdtemp(server->folder) == NULL)
        abort();
    snprintf(server->socket, sizeof(server->socket), "%s/socket", server->folder);
    server->pid = 0;
}

static void run(const redis_server *server, const char *setting, const char *value)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not longer than the test, however that ends */
    const char *program = find_program();
    execlp(program, program, "--port", "0", "--unixsocket", server->socket, "--save", "",
           "--appendonly", "no", "--dir", server->folder, setting, value, (char *)NULL);
    _exit(127);
}

void redis_server_start(redis_server *server, const char *setting, const char *value)
{
    server->pid = fork();
    if (server->pid == 0)
        run(server, setting, value);
    if (server->pid < 0)
        abort();
}

void redis_server_signal(redis_server *server, int number)
{
    if (server->pid == 0)
        return;
    kill(server->pid, number);
    if (number != SIGKILL)
        return;
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
    unlink(server->socket);
}

void redis_server_fini(redis_server *server)
{
    redis_server_signal(server, SIGKILL);
    unlink(server->socket);
    rmdir(server->folder);
}
