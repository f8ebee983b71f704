#include "socketio/redis/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "socketio/redis/client.h"
#include "socketio/redis/handshake.h"
#include "socketio/redis/slot.h"

typedef struct entry {
    TAILQ_ENTRY(entry) link;
    sio_outbox *outbox;
    eio_buffer *command; /* own */
    uint64_t number;     /* in the order of the calls */
    uint64_t since_ms;
    sio_outbox_cb *callback;
    void *data;
    int slot;
    sio_outbox_lane *lane; /* NULL: none; borrowed */
    bool is_in_doubt;
    sio_outbox_verdict verdict;
} entry;

TAILQ_HEAD(entry_list, entry);

struct sio_outbox {
    uv_loop_t *loop;
    uint64_t max_wait_ms;
    size_t max_bytes;
    const sio_outbox_way *way;
    void *data;
    struct entry_list waiting; /* by number */
    size_t waiting_bytes;
    uint64_t last_number;
    size_t sent; /* commands without an answer */
    bool is_closing;
};

static void end(entry *one, int status, const sio_redis_reply *reply)
{
    if (one->is_in_doubt)
        one->lane->in_doubt--;
    one->callback(status, reply, one->data);
    eio_buffer_unref(one->command);
    free(one);
}

/* ---- waiting ---- */

/* Behind all that was given before it; one that comes back has few behind it. */
static void put(sio_outbox *outbox, entry *one)
{
    entry *before = TAILQ_LAST(&outbox->waiting, entry_list);

    while (before != NULL && before->number > one->number)
        before = TAILQ_PREV(before, entry_list, link);
    if (before == NULL)
        TAILQ_INSERT_HEAD(&outbox->waiting, one, link);
    else
        TAILQ_INSERT_AFTER(&outbox->waiting, before, one, link);
    outbox->waiting_bytes += eio_buffer_slice(one->command).len;
    if (one->lane != NULL)
        one->lane->waiting++;
}

static void take(sio_outbox *outbox, entry *one)
{
    TAILQ_REMOVE(&outbox->waiting, one, link);
    outbox->waiting_bytes -= eio_buffer_slice(one->command).len;
    if (one->lane != NULL)
        one->lane->waiting--;
}

static void drop_old(sio_outbox *outbox)
{
    uint64_t now = uv_now(outbox->loop);
    entry *one, *next;

    for (one = TAILQ_FIRST(&outbox->waiting); one != NULL; one = next) {
        next = TAILQ_NEXT(one, link);
        if (one->lane == NULL && now - one->since_ms > outbox->max_wait_ms) {
            take(outbox, one);
            end(one, EIO_E_UNAVAILABLE, NULL);
        }
    }
}

static void wait_for_node(sio_outbox *outbox, entry *one)
{
    size_t len = eio_buffer_slice(one->command).len;

    if (outbox->waiting_bytes > 0 && (outbox->waiting_bytes >= outbox->max_bytes ||
                                      len > outbox->max_bytes - outbox->waiting_bytes))
        end(one, EIO_E_BACKLOG, NULL);
    else
        put(outbox, one);
}

/* ---- sending ---- */

/* The whole link is of no use for it, and this one is told so: see link.c. */
static bool is_refused_for_now(const sio_redis_reply *reply)
{
    return sio_redis_error_is(reply, "LOADING") || sio_redis_error_is(reply, "READONLY");
}

/* Whether it goes back to those that wait: it was not carried out, or that will be found out. */
static bool comes_back(entry *one, sio_redis *redis, int status, const sio_redis_reply *reply)
{
    sio_outbox *outbox = one->outbox;

    if (outbox->is_closing)
        return false;
    if (status == EIO_E_REPLY && one->slot != SIO_OUTBOX_ANY_NODE &&
        sio_redis_is_redirection(reply)) {
        outbox->way->on_refused(redis, reply, outbox->data);
        return true;
    }
    if (one->lane == NULL)
        return false;
    if (status == EIO_E_REPLY)
        return is_refused_for_now(reply);
    if (status != EIO_E_UNAVAILABLE)
        return false;
    one->is_in_doubt = true;
    one->lane->in_doubt++;
    return true;
}

static void handle_answer(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    entry *one = data;
    sio_outbox *outbox = one->outbox;

    outbox->sent--;
    if (comes_back(one, redis, status, reply)) {
        wait_for_node(outbox, one);
        return;
    }
    end(one, status, reply);
    if (outbox->is_closing && outbox->sent == 0)
        free(outbox);
}

static void leave(entry *one, sio_redis *redis)
{
    int rc = sio_redis_send(redis, one->command, handle_answer, one);

    if (rc == EIO_OK)
        one->outbox->sent++;
    else
        end(one, rc, NULL);
}

void sio_outbox_flush(sio_outbox *outbox)
{
    entry *one, *next;

    drop_old(outbox);
    for (one = TAILQ_FIRST(&outbox->waiting); one != NULL; one = next) {
        sio_redis *redis = outbox->way->find(one->slot, outbox->data);
        next = TAILQ_NEXT(one, link);
        if (redis == NULL)
            continue;
        if (one->lane != NULL && one->lane->in_doubt > 0) {
            if (one->is_in_doubt)
                one->lane->on_doubt(one->lane);
            continue;
        }
        take(outbox, one);
        leave(one, redis);
    }
}

void sio_outbox_send(sio_outbox *outbox, const sio_parcel *parcel)
{
    entry *one = calloc(1, sizeof(*one));

    if (one == NULL) {
        parcel->callback(EIO_E_NOMEM, NULL, parcel->data);
        return;
    }
    one->command = eio_buffer_ref(parcel->command);
    one->outbox = outbox;
    one->number = ++outbox->last_number;
    one->since_ms = uv_now(outbox->loop);
    one->callback = parcel->callback;
    one->data = parcel->data;
    one->slot = parcel->slot;
    one->lane = parcel->lane;
    sio_redis *redis = outbox->way->find(one->slot, outbox->data);
    if (redis != NULL && (one->lane == NULL || one->lane->waiting == 0)) {
        leave(one, redis);
        return;
    }
    drop_old(outbox);
    wait_for_node(outbox, one);
}

void sio_outbox_settle(sio_outbox *outbox, sio_outbox_lane *lane,
                       sio_outbox_verdict (*judge)(const void *data))
{
    struct entry_list ended = TAILQ_HEAD_INITIALIZER(ended);
    entry *one, *next;

    for (one = TAILQ_FIRST(&outbox->waiting); one != NULL && lane->in_doubt > 0; one = next) {
        next = TAILQ_NEXT(one, link);
        if (one->lane != lane || !one->is_in_doubt)
            continue;
        one->is_in_doubt = false;
        lane->in_doubt--;
        one->verdict = judge(one->data);
        if (one->verdict == SIO_OUTBOX_AGAIN)
            continue;
        take(outbox, one);
        TAILQ_INSERT_TAIL(&ended, one, link);
    }
    sio_outbox_flush(outbox);
    while ((one = TAILQ_FIRST(&ended)) != NULL) {
        TAILQ_REMOVE(&ended, one, link);
        end(one, one->verdict == SIO_OUTBOX_DONE ? EIO_OK : EIO_E_UNAVAILABLE, NULL);
    }
}

/* ---- life ---- */

int sio_outbox_new(sio_outbox **out, uv_loop_t *loop, uint64_t max_wait_ms, size_t max_bytes,
                   const sio_outbox_way *way, void *data)
{
    sio_outbox *outbox = calloc(1, sizeof(*outbox));

    if (outbox == NULL)
        return EIO_E_NOMEM;
    outbox->loop = loop;
    outbox->max_wait_ms = max_wait_ms;
    outbox->max_bytes = max_bytes;
    outbox->way = way;
    outbox->data = data;
    TAILQ_INIT(&outbox->waiting);
    *out = outbox;
    return EIO_OK;
}

void sio_outbox_close(sio_outbox *outbox)
{
    entry *one;

    if (outbox == NULL)
        return;
    while ((one = TAILQ_FIRST(&outbox->waiting)) != NULL) {
        take(outbox, one);
        assert(one != TAILQ_FIRST(&outbox->waiting));
        end(one, EIO_E_CLOSED, NULL);
    }
    outbox->is_closing = true;
    if (outbox->sent == 0)
        free(outbox);
}
