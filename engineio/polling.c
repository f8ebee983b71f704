#include "engineio/polling.h"

#include <stdlib.h>

#include "engineio/http_reply.h"
#include "engineio/server.h"

struct eio_polling {
    eio_session *session; /* borrowed: it owns this */
    eio_dialect dialect;
    eio_http_request *get, *post; /* pending; NULL if none */
    eio_late late;                /* answers the GET at the end of the loop pass */
    eio_deadline close_wait;      /* in the server's queue of that name */
    eio_buffer **queue;           /* own heap, and a reference each */
    size_t count, capacity;
    size_t bytes;
};

static eio_polling *polling_of_late(eio_late *late)
{
    return (eio_polling *)((char *)late - offsetof(eio_polling, late));
}

/* ---- the queue ---- */

static void clear_queue(eio_polling *polling)
{
    for (size_t i = 0; i < polling->count; i++)
        eio_buffer_unref(polling->queue[i]);
    free(polling->queue);
    polling->queue = NULL;
    polling->count = polling->capacity = polling->bytes = 0;
}

static int grow_queue(eio_polling *polling)
{
    size_t capacity = polling->capacity == 0 ? 4 : polling->capacity * 2;
    eio_buffer **queue = realloc(polling->queue, capacity * sizeof(eio_buffer *));

    if (queue == NULL)
        return EIO_E_NOMEM;
    polling->queue = queue;
    polling->capacity = capacity;
    return EIO_OK;
}

/* Memory counts, not only text: a flood of empty packets must reach the limit as well. */
static size_t cost_of(const eio_buffer *packet)
{
    return eio_buffer_slice(packet).len + sizeof(eio_buffer *) + 1;
}

static void flush_later(eio_polling *polling)
{
    if (polling->get != NULL && polling->count > 0)
        eio_late_add(polling->session->server->loop, &polling->late);
}

int eio_polling_queue(eio_polling *polling, eio_buffer *packet)
{
    size_t limit = polling->session->server->options.max_buffered_bytes;

    if (polling->count > 0 && (polling->bytes >= limit || cost_of(packet) > limit - polling->bytes))
        return EIO_E_BACKLOG;
    if (polling->count == polling->capacity && grow_queue(polling) != EIO_OK)
        return EIO_E_NOMEM;
    polling->queue[polling->count++] = eio_buffer_ref(packet);
    polling->bytes += cost_of(packet);
    flush_later(polling);
    return EIO_OK;
}

size_t eio_polling_queued(const eio_polling *polling)
{
    return polling->bytes;
}

bool eio_polling_is_waiting(const eio_polling *polling)
{
    return polling->get != NULL && polling->count == 0;
}

/* ---- answering the GET ---- */

static eio_http_request *take_get(eio_polling *polling)
{
    eio_http_request *request = polling->get;

    polling->get = NULL;
    eio_http_on_abort(request, NULL, NULL);
    return request;
}

static void answer_get(eio_polling *polling, const eio_buffer *packet)
{
    eio_reply_packets(polling->session->server, take_get(polling), &polling->dialect, &packet, 1);
}

/* Everything that is queued, in one payload. */
static void flush_queue(eio_polling *polling)
{
    eio_reply_packets(polling->session->server, take_get(polling), &polling->dialect,
                      (const eio_buffer *const *)polling->queue, polling->count);
    clear_queue(polling);
    eio_session_drained(polling->session);
}

static void run_late(eio_late *late)
{
    eio_polling *polling = polling_of_late(late);

    if (polling->get != NULL && polling->count > 0)
        flush_queue(polling);
}

int eio_polling_open(eio_polling *polling, eio_http_request *request, eio_buffer *open)
{
    eio_server *server = polling->session->server;
    const eio_buffer *packets[2] = { open, server->packets.initial };

    return eio_reply_packets(server, request, &polling->dialect, packets,
                             server->packets.initial == NULL ? 1 : 2);
}

void eio_polling_release(eio_polling *polling)
{
    if (eio_polling_is_waiting(polling))
        answer_get(polling, polling->session->server->packets.noop);
}

/* ---- requests ---- */

static void handle_get_abort(eio_http_request *request, void *data)
{
    eio_polling *polling = data;

    (void)request;
    polling->get = NULL;
    eio_session_end(polling->session, EIO_REASON_TRANSPORT_ERROR,
                    "poll connection closed prematurely");
}

/* The last poll of a session that closes in order, once all else is fetched: a no-op joined to the close packet. */
static void answer_last_get(eio_polling *polling)
{
    const eio_server *server = polling->session->server;
    const eio_buffer *packets[2] = { server->packets.noop, server->packets.close };

    eio_reply_packets(polling->session->server, take_get(polling), &polling->dialect, packets, 2);
    eio_session_end(polling->session, EIO_REASON_FORCED_CLOSE, "closed by the server");
}

void eio_polling_handle_get(eio_polling *polling, eio_http_request *request)
{
    eio_session *session = polling->session;

    if (polling->get != NULL) {
        session->server->counters.overlaps++;
        eio_http_respond(request, 400, NULL);
        eio_session_end(session, EIO_REASON_TRANSPORT_ERROR, "overlap from client");
        return;
    }
    polling->get = request;
    eio_http_on_abort(request, handle_get_abort, polling);
    if (session->state == SESSION_CLOSING && polling->count == 0)
        answer_last_get(polling);
    else
        flush_later(polling);
}

static void handle_post_abort(eio_http_request *request, void *data)
{
    eio_polling *polling = data;

    (void)request;
    polling->post = NULL;
    eio_session_end(polling->session, EIO_REASON_TRANSPORT_ERROR,
                    "data request connection closed prematurely");
}

/* Protocol 3 has payloads of bytes, and says so in exactly these words; in protocol 4 they are an error. */
static bool is_bytes(const eio_http_request *request)
{
    return eio_slice_equal(eio_http_header(request, "content-type"),
                           EIO_STR("application/octet-stream"));
}

static void receive_packets(eio_session *session, eio_polling_body *body)
{
    eio_packet packet;
    int rc = 1;

    while (rc > 0 && session->state == SESSION_OPEN) {
        rc = eio_polling_body_next(body, &packet);
        if (rc > 0)
            eio_session_receive(session, &packet);
        else if (rc < 0)
            eio_session_receive_garbage(session);
    }
}

static int receive_body(eio_session *session, const eio_http_request *request, eio_slice bytes)
{
    eio_polling_body body;
    char *text = (char *)(uintptr_t)bytes.base; /* ours to change */
    const eio_polling *polling = session->polling;

    int rc = polling == NULL ? EIO_E_CLOSED
                             : eio_polling_body_init(&body, &polling->dialect, text, bytes.len,
                                                     is_bytes(request));
    if (rc == EIO_E_CLOSED)
        return EIO_OK; /* it came over the other transport's head: nobody hears it */
    if (rc == EIO_OK) {
        session->server->receiving = session;
        session->server->post = request;
        receive_packets(session, &body);
        session->server->receiving = NULL;
    } else if (rc == EIO_E_PROTOCOL)
        eio_session_receive_garbage(session);
    eio_polling_body_fini(&body);
    return rc == EIO_E_PROTOCOL ? EIO_OK : rc;
}

static void handle_post_body(eio_http_request *request, int status, eio_slice body, void *data)
{
    eio_session *session = data;
    eio_polling *polling = session->polling;

    eio_http_on_abort(request, NULL, NULL);
    if (polling != NULL)
        polling->post = NULL;
    if (status == EIO_E_TOO_BIG) {
        session->server->counters.too_big++;
        eio_http_respond(request, 413, NULL);
    } else if (status == EIO_OK && receive_body(session, request, body) == EIO_OK) {
        eio_reply_ok(session->server, request);
    } else {
        eio_http_destroy(request);
    }
}

void eio_polling_handle_post(eio_polling *polling, eio_http_request *request)
{
    eio_session *session = polling->session;

    if (session->protocol == 4 && is_bytes(request)) {
        eio_http_respond(request, 400, NULL);
        eio_session_end(session, EIO_REASON_TRANSPORT_ERROR, "invalid content");
        return;
    }
    if (polling->post != NULL) {
        session->server->counters.overlaps++;
        eio_http_respond(request, 400, NULL);
        eio_session_end(session, EIO_REASON_TRANSPORT_ERROR, "data request overlap from client");
        return;
    }
    polling->post = request;
    eio_http_on_abort(request, handle_post_abort, polling);
    eio_http_read_body(request, session->server->options.max_payload_bytes, handle_post_body,
                       session);
}

/* ---- the end ---- */

void eio_polling_start_close_wait(eio_polling *polling)
{
    eio_deadline_start(&polling->session->server->close_waits, &polling->close_wait);
}

void eio_polling_handle_close_wait(eio_deadline *deadline)
{
    eio_polling *polling = (eio_polling *)((char *)deadline - offsetof(eio_polling, close_wait));

    eio_session_end(polling->session, EIO_REASON_FORCED_CLOSE,
                    "the client did not poll for the close");
}

static void drop_post(eio_polling *polling)
{
    eio_http_request *post = polling->post;

    polling->post = NULL;
    if (post != NULL)
        eio_http_destroy(post);
}

void eio_polling_drop(eio_polling *polling, eio_reason reason)
{
    eio_server *server = polling->session->server;

    eio_deadline_stop(&server->close_waits, &polling->close_wait);
    eio_late_cancel(server->loop, &polling->late);
    clear_queue(polling);
    drop_post(polling);
    if (polling->get != NULL)
        answer_get(polling, reason == EIO_REASON_TRANSPORT_CLOSE ? server->packets.noop
                                                                 : server->packets.close);
}

void eio_polling_leave(eio_polling *polling, eio_session *session)
{
    eio_server *server = session->server;
    int rc = EIO_OK;

    eio_deadline_stop(&server->close_waits, &polling->close_wait);
    eio_late_cancel(server->loop, &polling->late);
    if (polling->get != NULL)
        answer_get(polling, server->packets.noop);
    drop_post(polling);
    for (size_t i = 0; i < polling->count && rc == EIO_OK; i++)
        rc = eio_session_queue(session, polling->queue[i]);
    eio_polling_free(polling);
}

eio_polling *eio_polling_new(eio_session *session, const eio_dialect *dialect)
{
    eio_polling *polling = calloc(1, sizeof(*polling));
    if (polling == NULL)
        return NULL;
    polling->session = session;
    polling->dialect = *dialect;
    polling->late.run = run_late;
    return polling;
}

void eio_polling_free(eio_polling *polling)
{
    if (polling == NULL)
        return;
    clear_queue(polling);
    free(polling);
}
