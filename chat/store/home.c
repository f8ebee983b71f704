#include "chat/store/home.h"

#include <stdlib.h>

int chat_home_init(chat_home *out, const chat_options *options, chat_home_open *open,
                   eio_error *why)
{
    int rc = chat_place_find(&out->place, options, why);

    out->database = NULL;
    if (rc != EIO_OK || options->store == CHAT_STORE_REDIS)
        return rc;
    return open(&out->database, chat_place_file(&out->place), why);
}

void chat_home_fini(chat_home *home)
{
    chat_database_close(home->database);
}

int chat_home_new(void **out, const chat_options *options, chat_home_open *open, eio_error *why)
{
    chat_home *home = calloc(1, sizeof(*home));

    if (home == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    int rc = chat_home_init(home, options, open, why);
    if (rc == EIO_OK)
        *out = home;
    else
        free(home);
    return rc;
}

void chat_home_free(void *data)
{
    chat_home_fini(data);
    free(data);
}
