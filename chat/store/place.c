#include "chat/store/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/paths.h"
#include "chat/profile.h"

int chat_place_find(chat_place *out, const chat_options *options, eio_error *why)
{
    out->kind = options->store;
    if (options->store != CHAT_STORE_SQLITE)
        return EIO_OK;
    if (options->file == NULL)
        return chat_paths_database(out->file, sizeof(out->file), options->profile->name, getenv,
                                   why);
    if ((size_t)snprintf(out->file, sizeof(out->file), "%s", options->file) >= sizeof(out->file))
        return eio_error_set(why, EIO_E_INVALID, "--store: the path is too long");
    return EIO_OK;
}

const char *chat_place_file(const chat_place *place)
{
    return place->kind == CHAT_STORE_SQLITE ? place->file : NULL;
}

const char *chat_place_label(const chat_place *place)
{
    switch (place->kind) {
    case CHAT_STORE_MEMORY: return "memory";
    case CHAT_STORE_REDIS: return "Redis";
    case CHAT_STORE_SQLITE: break;
    }
    return place->file;
}

void chat_place_announce(const chat_place *place, const chat_options *options, const char *what,
                         const char *variable)
{
    if (place->kind == CHAT_STORE_REDIS)
        return;
    if (options->redis_url == NULL)
        (void)printf("%s env variable is not set: keeping %s in %s\n", variable, what,
                     chat_place_label(place));
    else
        (void)printf("Keeping %s in %s\n", what, chat_place_label(place));
}

const char *chat_place_database(const chat_options *options)
{
    const char *url = options->redis_url;
    size_t len = strlen(url), digits = 0;

    while (digits < len && digits < 5 && url[len - 1 - digits] >= '0' &&
           url[len - 1 - digits] <= '9')
        digits++;
    bool is_number = digits > 0 && digits < len && strchr("/=", url[len - 1 - digits]) != NULL;
    return is_number ? url + len - digits : "0";
}
