#include "chat/inherited.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MOST_INHERITED = 64 };

static long number_of(const char *text)
{
    long value = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return -1;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int chat_inherited_count(char *(*get_env)(const char *), eio_error *why)
{
    const char *process = get_env("LISTEN_PID");
    const char *sockets = get_env("LISTEN_FDS");

    if (process == NULL || sockets == NULL || number_of(process) != getpid())
        return 0;
    long count = number_of(sockets);
    if (count < 0 || count > MOST_INHERITED)
        return eio_error_set(why, EIO_E_INVALID,
                             "LISTEN_FDS: \"%.20s\" is not a number from 0 to %d", sockets,
                             MOST_INHERITED);
    for (int fd = CHAT_FIRST_INHERITED; fd < CHAT_FIRST_INHERITED + count; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return eio_error_set(why, EIO_E_INVALID, "LISTEN_FDS: descriptor %d is not open", fd);
    return (int)count;
}
