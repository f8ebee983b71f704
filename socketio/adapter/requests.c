#include "socketio/adapter/requests.h"

#include <assert.h>
#include <stdlib.h>

#include "socketio/gather.h"

/* A question to Redis: how many members there are. */
struct sio_member_count {
    TAILQ_ENTRY(sio_member_count) link;
    sio_requests *requests; /* NULL: they are gone */
    char id[SIO_REQUEST_ID_MAX];
    size_t id_len;
};

typedef struct sio_member_count member_count;

/* ---- the list ---- */

void sio_requests_init(sio_requests *requests)
{
    TAILQ_INIT(&requests->list);
    TAILQ_INIT(&requests->counts);
}

static void forget(sio_requests *requests, sio_request *request)
{
    TAILQ_REMOVE(&requests->list, request, link);
    assert(request != TAILQ_FIRST(&requests->list));
    sio_gather_unref(request->gather);
    eio_buffer_unref(request->message);
    free(request);
}

static void sweep(sio_requests *requests)
{
    sio_request *request = TAILQ_FIRST(&requests->list);

    while (request != NULL) {
        sio_request *next = TAILQ_NEXT(request, link);
        if (request->gather->is_ended)
            forget(requests, request);
        request = next;
    }
}

void sio_requests_fini(sio_requests *requests)
{
    sio_request *request;
    member_count *count;

    while ((request = TAILQ_FIRST(&requests->list)) != NULL)
        forget(requests, request);
    while ((count = TAILQ_FIRST(&requests->counts)) != NULL) {
        TAILQ_REMOVE(&requests->counts, count, link);
        count->requests = NULL; /* its answer frees it */
    }
}

static sio_request *find(const sio_requests *requests, eio_slice id)
{
    sio_request *request;

    TAILQ_FOREACH(request, &requests->list, link) {
        if (eio_slice_equal((eio_slice){ request->id, request->id_len }, id))
            return request->gather->is_ended ? NULL : request;
    }
    return NULL;
}

sio_request *sio_request_find(const sio_requests *requests, eio_slice id, sio_request_kind kind)
{
    sio_request *request = find(requests, id);

    return request != NULL && request->kind == kind ? request : NULL;
}

/* ---- reports ---- */

static void release_if_complete(sio_request *request)
{
    if (!request->is_counted || request->is_released || request->reported < request->expected)
        return;
    request->is_released = true;
    sio_gather_release(request->gather);
}

void sio_request_report(sio_request *request)
{
    request->reported++;
    release_if_complete(request);
}

/* ---- asking ---- */

static void send_message(const sio_requests *requests, sio_request *request)
{
    if (request->message == NULL)
        return;
    sio_redis_bus_publish(requests->way.bus, requests->way.command, requests->way.channel,
                          eio_buffer_slice(request->message));
    eio_buffer_unref(request->message);
    request->message = NULL;
}

/* With this server among them. */
static void handle_count(int status, size_t members, void *data)
{
    member_count *count = data;
    sio_request *request = NULL;

    if (count->requests != NULL) {
        TAILQ_REMOVE(&count->requests->counts, count, link);
        request = find(count->requests, (eio_slice){ count->id, count->id_len });
    }
    /* Otherwise its time passes: nobody knows who else there is. */
    if (request != NULL && status == EIO_OK) {
        request->expected = members > 1 ? members - 1 : 0;
        request->is_counted = true;
        if (request->expected > 0)
            send_message(count->requests, request);
        release_if_complete(request);
    }
    free(count);
}

static int count_members(sio_requests *requests, eio_slice id)
{
    member_count *count = calloc(1, sizeof(*count));

    if (count == NULL)
        return EIO_E_NOMEM;
    count->requests = requests;
    memcpy(count->id, id.base, id.len);
    count->id_len = id.len;
    TAILQ_INSERT_TAIL(&requests->counts, count, link);
    int rc = sio_redis_bus_count_listeners(requests->way.bus, requests->way.is_sharded,
                                           requests->way.counted, handle_count, count);
    if (rc != EIO_OK) {
        TAILQ_REMOVE(&requests->counts, count, link);
        free(count);
    }
    return rc;
}

int sio_request_ask(sio_requests *requests, sio_request_kind kind, eio_slice id, sio_gather *gather,
                    eio_buffer *message, bool at_once)
{
    assert(id.len <= SIO_REQUEST_ID_MAX);
    sweep(requests);
    sio_request *request = calloc(1, sizeof(*request));
    int rc = EIO_E_NOMEM;
    if (sio_redis_bus_trouble(requests->way.bus) != NULL)
        rc = EIO_E_UNAVAILABLE;
    else if (request != NULL)
        rc = count_members(requests, id);
    if (rc != EIO_OK) {
        free(request);
        eio_buffer_unref(message);
        return rc;
    }
    request->kind = kind;
    memcpy(request->id, id.base, id.len);
    request->id_len = id.len;
    request->message = message;
    request->gather = sio_gather_ref(gather);
    sio_gather_hold(gather);
    TAILQ_INSERT_TAIL(&requests->list, request, link);
    if (at_once)
        send_message(requests, request);
    return EIO_OK;
}
