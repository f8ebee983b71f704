#include "chat/pubsub/pubsub.h"

#include <stdio.h>
#include <stdlib.h>

#include "socketio/socketio.h"

/* One that waits for the store. */
typedef struct waiting {
    eio_http_request *request; /* NULL: who asked is gone */
    pubsub *owner;
    const char *name; /* of the list in the answer */
} waiting;

static void handle_abort(eio_http_request *request, void *data)
{
    waiting *asked = data;

    (void)request;
    asked->request = NULL;
}

static void respond_json(eio_http_request *request, int status, eio_slice json)
{
    (void)eio_http_respond_text(request, status, "application/json; charset=utf-8", json);
}

static void respond_unhealthy(eio_http_request *request, int error)
{
    char json[200];

    (void)snprintf(json, sizeof(json), "{\"status\":\"unhealthy\",\"error\":\"%s\"}",
                   eio_strerror(error));
    respond_json(request, 500, eio_slice_of(json));
}

static void respond_healthy(eio_http_request *request, const pubsub *owner)
{
    char json[200];

    (void)snprintf(json, sizeof(json),
                   "{\"status\":\"healthy\",\"connections\":%zu,\"rooms\":%zu,\"serverId\":\"%s\"}",
                   owner->clients.count, owner->rooms.count, owner->store->server_id);
    respond_json(request, 200, eio_slice_of(json));
}

static eio_buffer *print_list(const char *name, const eio_slice *texts, size_t count)
{
    eio_buffer *json = eio_buffer_new(256);
    char end[40];
    bool whole = json != NULL && eio_buffer_append(&json, EIO_STR("{\"")) == EIO_OK &&
                 eio_buffer_append(&json, eio_slice_of(name)) == EIO_OK &&
                 eio_buffer_append(&json, EIO_STR("\":[")) == EIO_OK;

    for (size_t i = 0; i < count && whole; i++)
        whole = (i == 0 || eio_buffer_append(&json, EIO_STR(",")) == EIO_OK) &&
                sio_json_append_string(&json, texts[i]) == EIO_OK;
    (void)snprintf(end, sizeof(end), "],\"count\":%zu}", count);
    if (whole && eio_buffer_append(&json, eio_slice_of(end)) == EIO_OK)
        return json;
    eio_buffer_unref(json);
    return NULL;
}

static void respond_list(eio_http_request *request, const char *name, const pubsub_answer *answer)
{
    eio_buffer *json = print_list(name, answer->texts, answer->count);

    if (json != NULL)
        respond_json(request, 200, eio_buffer_slice(json));
    else
        respond_unhealthy(request, EIO_E_NOMEM);
    eio_buffer_unref(json);
}

static void finish(const pubsub_answer *answer, void *data)
{
    waiting *asked = data;
    eio_http_request *request = asked->request;

    if (request != NULL) {
        eio_http_on_abort(request, NULL, NULL);
        if (answer->status != EIO_OK)
            respond_unhealthy(request, answer->status);
        else if (asked->name == NULL)
            respond_healthy(request, asked->owner);
        else
            respond_list(request, asked->name, answer);
    }
    free(asked);
}

/* Any path may be upgraded. True: it has been answered. */
static bool answer_first(pubsub *owner, eio_http_request *request)
{
    if (eio_http_is_upgrade(request)) {
        pubsub_accept(owner, request);
        return true;
    }
    return owner->host->cors != NULL && eio_http_cors(request, owner->host->cors);
}

static void ask(pubsub *owner, eio_http_request *request, const pubsub_query *query,
                const char *name)
{
    waiting *asked;

    if (answer_first(owner, request))
        return;
    asked = calloc(1, sizeof(*asked));
    if (asked == NULL) {
        eio_http_destroy(request);
        return;
    }
    *asked = (waiting){ request, owner, name };
    int rc = pubsub_store_ask(owner->store, query, finish, asked);
    if (rc == EIO_OK) {
        eio_http_on_abort(request, handle_abort, asked);
        return;
    }
    free(asked);
    respond_unhealthy(request, rc);
}

static void serve_health(eio_http_request *request, void *data)
{
    ask(data, request, &(pubsub_query){ .op = PUBSUB_PING }, NULL);
}

static void serve_users(eio_http_request *request, void *data)
{
    ask(data, request, &(pubsub_query){ .op = PUBSUB_USERS }, "users");
}

static void serve_members(eio_http_request *request, void *data)
{
    const pubsub_query query = { .op = PUBSUB_MEMBERS, .room = eio_http_param(request, "roomId") };

    ask(data, request, &query, "members");
}

static void serve_nothing(eio_http_request *request, void *data)
{
    if (!answer_first(data, request))
        (void)eio_http_respond_text(request, 404, "text/plain; charset=utf-8",
                                    EIO_STR("Not Found"));
}

int pubsub_mount_rest(pubsub *owner)
{
    eio_http_server *http = owner->host->http;
    int rc = eio_http_server_route(http, "GET", "/health", serve_health, owner);

    if (rc == EIO_OK)
        rc = eio_http_server_route(http, "GET", "/api/online-users", serve_users, owner);
    if (rc == EIO_OK)
        rc = eio_http_server_route(http, "GET", "/api/rooms/:roomId/members", serve_members, owner);
    eio_http_server_set_fallback(http, serve_nothing, owner);
    return rc;
}
