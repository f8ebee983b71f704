#include "chat/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <uv.h>

/* Not a lock of the guarded file itself: SQLite's own ones there end when any descriptor of it is closed. */
int chat_lock_take(int *out, const char *file, eio_error *why)
{
    char path[4096];

    if ((size_t)snprintf(path, sizeof(path), "%s.lock", file) >= sizeof(path))
        return eio_error_set(why, UV_ENAMETOOLONG, "the path of %.100s... is too long", file);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return eio_error_set(why, uv_translate_sys_error(errno), "cannot open %s: %s", path,
                             eio_strerror(uv_translate_sys_error(errno)));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *out = fd;
        return EIO_OK;
    }
    int error = errno;
    close(fd);
    if (error == EWOULDBLOCK)
        return eio_error_set(why, EIO_E_EXISTS, "%s is in use by another chatd", file);
    return eio_error_set(why, uv_translate_sys_error(error), "cannot lock %s: %s", path,
                         eio_strerror(uv_translate_sys_error(error)));
}
