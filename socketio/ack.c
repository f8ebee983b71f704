#include "socketio/ack.h"

#include <assert.h>
#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

enum { FIRST_TIMEOUTS = 16 };

/* ---- the heap of time-outs: the next one due is at the top ---- */

static void put(sio_ack_clock *clock, size_t at, sio_pending_ack *ack)
{
    clock->heap[at] = ack;
    ack->heap_at = at + 1;
}

static void sift_up(sio_ack_clock *clock, size_t at, sio_pending_ack *ack)
{
    while (at > 0 && clock->heap[(at - 1) / 2]->due_ms > ack->due_ms) {
        put(clock, at, clock->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(clock, at, ack);
}

static void sift_down(sio_ack_clock *clock, size_t at, sio_pending_ack *ack)
{
    size_t child;

    while ((child = 2 * at + 1) < clock->count) {
        if (child + 1 < clock->count && clock->heap[child + 1]->due_ms < clock->heap[child]->due_ms)
            child++;
        if (clock->heap[child]->due_ms >= ack->due_ms)
            break;
        put(clock, at, clock->heap[child]);
        at = child;
    }
    put(clock, at, ack);
}

static int reserve(sio_ack_clock *clock)
{
    if (clock->count < clock->capacity)
        return EIO_OK;
    size_t capacity = clock->capacity == 0 ? FIRST_TIMEOUTS : clock->capacity * 2;
    sio_pending_ack **heap = realloc(clock->heap, capacity * sizeof(sio_pending_ack *));
    if (heap == NULL)
        return EIO_E_NOMEM;
    clock->heap = heap;
    clock->capacity = capacity;
    return EIO_OK;
}

static void stop_timeout(sio_ack_clock *clock, sio_pending_ack *ack)
{
    if (ack->heap_at == 0)
        return;
    size_t at = ack->heap_at - 1;
    ack->heap_at = 0;
    sio_pending_ack *last = clock->heap[--clock->count];
    if (last == ack)
        return;
    if (at > 0 && clock->heap[(at - 1) / 2]->due_ms > last->due_ms)
        sift_up(clock, at, last);
    else
        sift_down(clock, at, last);
    /* The timer is left armed: firing once in vain is cheaper than arming it anew for each ack. */
}

/* ---- ends ---- */

static eio_slice key_of_ack(const void *item)
{
    const sio_pending_ack *ack = item;

    return (eio_slice){ (const char *)&ack->id, sizeof(ack->id) };
}

void sio_acks_init(eio_table *acks)
{
    eio_table_init(acks, key_of_ack);
}

/* Nobody finds it any more; whoever holds it ends it. */
static void detach(sio_pending_ack *ack)
{
    sio_client *client = ack->socket->client;

    stop_timeout(&client->server->acks, ack);
    eio_table_remove(&ack->socket->nsp->acks, ack);
    TAILQ_REMOVE(&client->acks.list, ack, link);
    client->acks.count--;
}

static void free_ack(sio_pending_ack *ack)
{
    sio_socket_unref(ack->socket);
    free(ack);
}

/* ack: detached, taken. */
static void end(sio_pending_ack *ack, int status, sio_args args)
{
    ack->callback(ack->socket, status, args, ack->data);
    free_ack(ack);
}

static void handle_timer(uv_timer_t *timer);

static void arm(sio_ack_clock *clock)
{
    uint64_t now = uv_now(clock->timer.loop);
    uint64_t due = clock->heap[0]->due_ms;

    (void)uv_timer_start(&clock->timer, handle_timer, due > now ? due - now : 0, 0);
}

static void handle_timer(uv_timer_t *timer)
{
    sio_server *server = timer->data;
    sio_ack_clock *clock = &server->acks;
    uint64_t now = uv_now(timer->loop);

    while (clock->count > 0 && clock->heap[0]->due_ms <= now) {
        sio_pending_ack *ack = clock->heap[0];
        detach(ack);
        server->counters.acks_timed_out++;
        end(ack, EIO_E_TIMEOUT, SIO_NO_ARGS);
    }
    if (clock->count > 0)
        arm(clock);
    sio_server_run_due(server);
}

void sio_ack_clock_init(sio_ack_clock *clock, uv_loop_t *loop, sio_server *server)
{
    TAILQ_INIT(&clock->ended);
    (void)uv_timer_init(loop, &clock->timer);
    clock->timer.data = server;
}

void sio_ack_clock_fini(sio_ack_clock *clock)
{
    assert(clock->count == 0 && TAILQ_EMPTY(&clock->ended));
    free(clock->heap);
}

/* ---- beginnings ---- */

static int start_timeout(sio_server *server, sio_pending_ack *ack, uint64_t timeout_ms)
{
    sio_ack_clock *clock = &server->acks;

    if (timeout_ms == 0)
        return EIO_OK;
    if (reserve(clock) != EIO_OK)
        return EIO_E_NOMEM;
    uint64_t now = uv_now(server->loop->uv);
    ack->due_ms = timeout_ms > UINT64_MAX - now ? UINT64_MAX : now + timeout_ms;
    sift_up(clock, clock->count++, ack);
    if (ack->heap_at == 1)
        arm(clock);
    return EIO_OK;
}

/*
 * The application asks for more than it may: its oldest gives way. It is called back from the loop.
 */
static void end_oldest(sio_server *server, sio_client *client)
{
    sio_pending_ack *oldest = TAILQ_FIRST(&client->acks.list);

    detach(oldest);
    oldest->status = EIO_E_LIMIT;
    TAILQ_INSERT_TAIL(&server->acks.ended, oldest, link);
    sio_server_wake(server);
}

int sio_acks_add(sio_socket *socket, uint64_t id, uint64_t timeout_ms, sio_ack_cb *callback,
                 void *data)
{
    sio_client *client = socket->client;
    sio_server *server = client->server;
    sio_pending_ack *ack = calloc(1, sizeof(*ack));

    if (ack == NULL)
        return EIO_E_NOMEM;
    ack->id = id;
    ack->callback = callback;
    ack->data = data;
    int rc = start_timeout(server, ack, timeout_ms);
    if (rc == EIO_OK)
        rc = eio_table_add(&socket->nsp->acks, ack);
    if (rc != EIO_OK) {
        stop_timeout(&server->acks, ack);
        free(ack);
        return rc;
    }
    ack->socket = sio_socket_ref(socket);
    TAILQ_INSERT_TAIL(&client->acks.list, ack, link);
    client->acks.count++;
    if (client->acks.count > server->max_pending_acks)
        end_oldest(server, client);
    return EIO_OK;
}

static sio_pending_ack *find(const sio_socket *socket, uint64_t id)
{
    sio_pending_ack *ack =
        eio_table_find(&socket->nsp->acks, (eio_slice){ (const char *)&id, sizeof(id) });

    /* Ids can be guessed: another client's answer counts for nothing. */
    return ack != NULL && ack->socket == socket ? ack : NULL;
}

void sio_acks_cancel(sio_socket *socket, uint64_t id)
{
    sio_pending_ack *ack = find(socket, id);

    if (ack == NULL)
        return;
    detach(ack);
    free_ack(ack);
}

void sio_acks_answer(sio_socket *socket, uint64_t id, sio_args args)
{
    sio_pending_ack *ack = find(socket, id);

    if (ack == NULL)
        return;
    detach(ack);
    end(ack, EIO_OK, args);
}

/* All of the socket's acks, detached. */
static void take_all(sio_socket *socket, sio_ack_list *taken)
{
    sio_pending_ack *next = TAILQ_FIRST(&socket->client->acks.list);

    TAILQ_INIT(taken);
    while (next != NULL) {
        sio_pending_ack *ack = next;
        next = TAILQ_NEXT(ack, link);
        if (ack->socket != socket)
            continue;
        detach(ack);
        TAILQ_INSERT_TAIL(taken, ack, link);
    }
}

void sio_acks_end(sio_socket *socket)
{
    sio_ack_list taken;
    sio_pending_ack *ack;

    take_all(socket, &taken);
    while ((ack = TAILQ_FIRST(&taken)) != NULL) {
        TAILQ_REMOVE(&taken, ack, link);
        end(ack, EIO_E_CLOSED, SIO_NO_ARGS);
    }
}

void sio_acks_run_ended(sio_server *server)
{
    sio_pending_ack *ack;

    while ((ack = TAILQ_FIRST(&server->acks.ended)) != NULL) {
        TAILQ_REMOVE(&server->acks.ended, ack, link);
        end(ack, ack->status, SIO_NO_ARGS);
    }
}
