#include "socketio/ack.h"

#include <assert.h>
#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/* ---- ends ---- */

static eio_slice key_of_ack(const void *item)
{
    const sio_pending_ack *ack = item;

    return (eio_slice){ (const char *)&ack->key, sizeof(ack->key) };
}

void sio_acks_init(eio_table *acks)
{
    eio_table_init(acks, key_of_ack);
}

/* Nobody finds it any more; whoever holds it ends it. */
static void detach(sio_pending_ack *ack)
{
    sio_client *client = ack->key.socket->client;

    sio_timeout_stop(&client->server->timeouts, &ack->timeout);
    eio_table_remove(&ack->key.socket->nsp->acks, ack);
    if (ack->sibling.le_prev != NULL)
        LIST_REMOVE(ack, sibling);
    TAILQ_REMOVE(&client->acks.list, ack, link);
    client->acks.count--;
}

static void free_ack(sio_pending_ack *ack)
{
    sio_socket_unref(ack->key.socket);
    free(ack);
}

/* ack: detached, taken. */
static void end(sio_pending_ack *ack, int status, sio_args args)
{
    ack->callback(ack->key.socket, status, args, ack->data);
    free_ack(ack);
}

static void handle_timeout(sio_timeout *timeout)
{
    sio_pending_ack *ack =
        (sio_pending_ack *)((char *)timeout - offsetof(sio_pending_ack, timeout));

    ack->key.socket->client->server->counters.acks_timed_out++;
    detach(ack);
    end(ack, EIO_E_TIMEOUT, SIO_NO_ARGS);
}

/* ---- beginnings ---- */

/*
 * The application asks for more than it may: its oldest gives way. It is called back from the loop.
 */
static void end_oldest(sio_server *server, sio_client *client)
{
    sio_pending_ack *oldest = TAILQ_FIRST(&client->acks.list);
    bool is_sibling = oldest->sibling.le_prev != NULL;

    detach(oldest);
    if (is_sibling) { /* what gathers may be gone by then: to it, this one is silent */
        free_ack(oldest);
        return;
    }
    oldest->status = EIO_E_LIMIT;
    TAILQ_INSERT_TAIL(&server->ended_acks, oldest, link);
    sio_server_wake(server);
}

static sio_pending_ack *add(sio_socket *socket, uint64_t id, sio_ack_cb *callback, void *data)
{
    sio_client *client = socket->client;
    sio_pending_ack *ack = calloc(1, sizeof(*ack));

    if (ack == NULL)
        return NULL;
    ack->key = (sio_ack_key){ id, socket };
    ack->callback = callback;
    ack->data = data;
    if (eio_table_add(&socket->nsp->acks, ack) != EIO_OK) {
        free(ack);
        return NULL;
    }
    sio_socket_ref(socket);
    TAILQ_INSERT_TAIL(&client->acks.list, ack, link);
    client->acks.count++;
    if (client->acks.count > client->server->max_pending_acks)
        end_oldest(client->server, client);
    return ack;
}

int sio_acks_add(sio_socket *socket, uint64_t id, uint64_t timeout_ms, sio_ack_cb *callback,
                 void *data)
{
    sio_pending_ack *ack = add(socket, id, callback, data);

    if (ack == NULL)
        return EIO_E_NOMEM;
    if (timeout_ms == 0)
        return EIO_OK;
    int rc = sio_timeout_start(&socket->client->server->timeouts, &ack->timeout, timeout_ms,
                               handle_timeout);
    if (rc != EIO_OK)
        sio_acks_cancel(socket, id);
    return rc;
}

int sio_acks_add_sibling(sio_socket *socket, uint64_t id, sio_ack_siblings *siblings,
                         sio_ack_cb *callback, void *data)
{
    sio_pending_ack *ack = add(socket, id, callback, data);

    if (ack == NULL)
        return EIO_E_NOMEM;
    LIST_INSERT_HEAD(siblings, ack, sibling);
    return EIO_OK;
}

void sio_acks_cancel_siblings(sio_ack_siblings *siblings)
{
    sio_pending_ack *ack;

    while ((ack = LIST_FIRST(siblings)) != NULL) {
        detach(ack);
        assert(ack != LIST_FIRST(siblings));
        free_ack(ack);
    }
}

/*
 * Ids can be guessed: another client's answer finds nothing, since the socket is part of the key.
 */
static sio_pending_ack *find(sio_socket *socket, uint64_t id)
{
    const sio_ack_key key = { id, socket };

    return eio_table_find(&socket->nsp->acks, (eio_slice){ (const char *)&key, sizeof(key) });
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
        if (ack->key.socket != socket)
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

    while ((ack = TAILQ_FIRST(&server->ended_acks)) != NULL) {
        TAILQ_REMOVE(&server->ended_acks, ack, link);
        end(ack, ack->status, SIO_NO_ARGS);
    }
}
