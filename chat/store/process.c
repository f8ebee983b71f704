#include "chat/store/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { MOST_PID_DIGITS = 9 };

/* The first bytes of a small file, with NUL. False if there is none. */
static bool read_file(char *out, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t len = read(fd, out, size - 1);
    close(fd);
    if (len <= 0)
        return false;
    out[len] = '\0';
    return true;
}

/* State letter and start time: fields 3 and 22 of proc(5)'s stat. The name before them may hold anything. */
static bool read_stat(long pid, char *state, char start[32])
{
    char path[64], text[1024];

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    if (!read_file(text, sizeof(text), path))
        return false;
    char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ')
        return false;
    at += 2;
    *state = *at;
    for (int field = 3; field < 22 && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL)
        return false;
    (void)snprintf(start, 32, "%.*s", (int)strcspn(at, " \n"), at);
    return true;
}

void chat_process_identify(char out[CHAT_PROCESS_BYTES])
{
    char boot[64], space[64], start[32], state;

    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
    if (len <= 0 || !read_file(boot, sizeof(boot), "/proc/sys/kernel/random/boot_id") ||
        !read_stat(getpid(), &state, start)) {
        (void)snprintf(out, CHAT_PROCESS_BYTES, "?");
        return;
    }
    space[len] = '\0';
    (void)snprintf(out, CHAT_PROCESS_BYTES, "%.*s/%s/%ld/%s", (int)strcspn(boot, "\n"), boot, space,
                   (long)getpid(), start);
}

/* Bytes of `boot/namespace/`; 0 if it is no identity. */
static size_t place_length(eio_slice identity)
{
    size_t slashes = 0;

    for (size_t i = 0; i < identity.len; i++)
        if (identity.base[i] == '/' && ++slashes == 2)
            return i + 1;
    return 0;
}

static bool read_pid(eio_slice *rest, long *pid)
{
    size_t digits = 0;

    *pid = 0;
    while (digits < rest->len && digits <= MOST_PID_DIGITS && rest->base[digits] >= '0' &&
           rest->base[digits] <= '9')
        *pid = *pid * 10 + (rest->base[digits++] - '0');
    if (digits == 0 || digits > MOST_PID_DIGITS || digits == rest->len ||
        rest->base[digits] != '/' || *pid == 0)
        return false;
    *rest = (eio_slice){ rest->base + digits + 1, rest->len - digits - 1 };
    return true;
}

bool chat_process_is_dead(const char *own, eio_slice identity)
{
    size_t place = place_length(eio_slice_of(own));
    char start[32], state;
    long pid;

    if (place == 0 || place_length(identity) != place || memcmp(own, identity.base, place) != 0)
        return false;
    eio_slice rest = { identity.base + place, identity.len - place };
    if (!read_pid(&rest, &pid))
        return false;
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return true;
    /* There is a process of this number; it may be another one by now, or wait for its parent's last look. */
    if (!read_stat(pid, &state, start))
        return false;
    return state == 'Z' || state == 'X' || !eio_slice_equal(rest, eio_slice_of(start));
}
