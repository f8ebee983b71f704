/* Redis URLs: any text is refused or understood, and what describes it names no secret and parses to the same place. */
#include <assert.h>
#include <stdint.h>

#include "socketio/redis/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_description(const sio_redis_url *url)
{
    char text[2 * SIO_REDIS_MAX_URL_BYTES];
    int len = sio_redis_url_describe(url, text, sizeof(text));
    sio_redis_url again;

    assert(len > 0 && (size_t)len < sizeof(text));
    if (url->path != NULL || strchr(text, '%') != NULL)
        return;
    assert(sio_redis_url_parse(&again, eio_slice_of(text), NULL) == EIO_OK);
    assert(again.tls == url->tls && again.is_cluster == url->is_cluster);
    assert(again.place_count == url->place_count && again.database == url->database);
    assert(again.password == NULL && again.sentinel_password == NULL);
    for (size_t i = 0; i < url->place_count; i++)
        assert(strcmp(again.places[i].host, url->places[i].host) == 0 &&
               again.places[i].port == url->places[i].port);
    assert((again.master == NULL) == (url->master == NULL));
    assert(url->master == NULL || strcmp(again.master, url->master) == 0);
    sio_redis_url_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    sio_redis_url url;
    eio_error why;

    if (sio_redis_url_parse(&url, (eio_slice){ (const char *)bytes, len }, &why) != EIO_OK)
        return 0;
    check_description(&url);
    sio_redis_url_fini(&url);
    return 0;
}
