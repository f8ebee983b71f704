#include "engineio/http/admission.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/net/stream_private.h"

typedef struct address_record {
    eio_stream_group group; /* the streams from it */
    eio_http_server *server;
    size_t len;
    char address[];
} address_record;

static eio_slice key_of(const void *item)
{
    const address_record *record = item;
    return (eio_slice){ record->address, record->len };
}

void eio_http_admission_init(eio_http_server *server)
{
    eio_table_init(&server->addresses, key_of);
}

void eio_http_admission_fini(eio_http_server *server)
{
    assert(server->addresses.count == 0); /* its streams are gone */
    eio_table_fini(&server->addresses);
}

static void handle_empty(eio_stream_group *group)
{
    address_record *record = (address_record *)((char *)group - offsetof(address_record, group));

    eio_table_remove(&record->server->addresses, record);
    free(record);
}

static address_record *record_new(eio_http_server *server, eio_slice address)
{
    address_record *record = malloc(sizeof(*record) + address.len);
    if (record == NULL)
        return NULL;
    record->group = (eio_stream_group){ .on_empty = handle_empty };
    record->server = server;
    record->len = address.len;
    memcpy(record->address, address.base, address.len);
    if (eio_table_add(&server->addresses, record) == EIO_OK)
        return record;
    free(record);
    return NULL;
}

/* What comes over a unix socket or from a trusted proxy is many clients': no such limit can hold. */
static bool admit_address(eio_http_server *server, eio_stream *stream)
{
    char text[64];
    eio_slice address = { text, eio_stream_remote_address(stream, text, sizeof(text)) };

    if (address.len == 0 || eio_proxies_trust(&server->proxies, address))
        return true;
    address_record *record = eio_table_find(&server->addresses, address);
    if (record == NULL)
        record = record_new(server, address);
    if (record == NULL || record->group.open >= server->options.max_connections_per_address)
        return false;
    eio_stream_join(stream, &record->group);
    return true;
}

bool eio_http_admit(eio_http_server *server, eio_stream *stream, size_t open)
{
    const eio_http_options *options = &server->options;

    if (options->max_connections > 0 && open > options->max_connections) {
        eio_http_server_log(server, "http: closed a connection: %zu are open (max_connections)",
                            options->max_connections);
        return false;
    }
    if (options->max_connections_per_address > 0 && !admit_address(server, stream)) {
        eio_http_server_log(
            server, "http: closed a connection: %zu from its address (max_connections_per_address)",
            options->max_connections_per_address);
        return false;
    }
    return true;
}
