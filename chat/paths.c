#include "chat/paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

/* Make a folder and those above it. */
static int make_folders(char *path)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char end = *at;
        *at = '\0';
        int rc = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : uv_translate_sys_error(errno);
        *at = end;
        if (rc != 0 || end == '\0')
            return rc;
    }
}

static const char *value_of(char *(*get_env)(const char *), const char *name)
{
    const char *value = get_env(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* The folder. systemd may name several, with colons between: the first is meant. */
static int print_folder(char *out, size_t size, char *(*get_env)(const char *))
{
    const char *state = value_of(get_env, "STATE_DIRECTORY");
    const char *xdg = value_of(get_env, "XDG_STATE_HOME");
    const char *home = value_of(get_env, "HOME");

    if (state != NULL)
        return snprintf(out, size, "%.*s", (int)strcspn(state, ":"), state);
    if (xdg != NULL)
        return snprintf(out, size, "%s/chatd", xdg);
    return home == NULL ? -1 : snprintf(out, size, "%s/.local/state/chatd", home);
}

int chat_paths_database(char *out, size_t size, const char *profile, char *(*get_env)(const char *),
                        eio_error *why)
{
    int len = print_folder(out, size, get_env);

    if (len < 0)
        return eio_error_set(why, EIO_E_INVALID,
                             "no place to keep rooms: set STATE_DIRECTORY or HOME, or name one "
                             "with --store sqlite:FILE");
    if ((size_t)len + strlen(profile) + 8 > size)
        return eio_error_set(why, UV_ENAMETOOLONG,
                             "the folder to keep rooms in has too long a name");
    int rc = make_folders(out);
    if (rc != 0)
        return eio_error_set(why, rc, "cannot make the folder %s: %s", out, uv_strerror(rc));
    (void)snprintf(out + len, size - (size_t)len, "/%s.db", profile);
    return EIO_OK;
}

const char *chat_paths_choose(const char *installed, const char *source)
{
    return access(installed, R_OK | X_OK) == 0 ? installed : source;
}
