#include "chat/broadcast/link.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <unistd.h>

/* Debian 13 has them in a folder, and warns at the old names. */
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

#include "chat/log.h"

/*
 * rabbitmq-c blocks, so it has a thread of its own: what is to be sent and what has come pass between it and the loop
 * in two lists under one lock. Both are bounded: what does not fit is lost to the other servers, or from them.
 */
enum {
    CHANNEL = 1,
    HEARTBEAT_S = 10,
    CONNECT_S = 3,
    FIRST_PAUSE_MS = 300,
    LAST_PAUSE_MS = 5000,
    LOOK_MS = 2000, /* rabbitmq-c sends heartbeats when it is called */
    MOST_BYTES = 8 * 1024 * 1024,
};

static const char exchange[] = "chat.fanout";
static const char text_type[] = "text/plain; charset=utf-8";
static const char binary_type[] = "application/octet-stream";

typedef struct amqp_message {
    STAILQ_ENTRY(amqp_message) link;
    size_t len;
    bool binary;
    char bytes[];
} amqp_message;

typedef struct message_list {
    STAILQ_HEAD(, amqp_message) messages;
    size_t bytes;
} message_list;

typedef struct amqp_link {
    broadcast_link link; /* first */
    char url_text[1024]; /* what `address` points into */
    struct amqp_connection_info address;
    uv_thread_t thread;
    uv_async_t signal; /* to the loop */
    int wake;          /* eventfd, to the thread */
    uv_mutex_t mutex;  /* guards the lists and `note` */
    message_list outgoing, incoming;
    char note[200]; /* for the log; "": nothing new */
    atomic_bool is_up, stopping, ended;
    bool joined;
    void (*on_closed)(void *data);
    void *closed_data;
} amqp_link;

/* ---- lists ---- */

static bool list_add(message_list *list, eio_slice payload, bool binary)
{
    amqp_message *message =
        list->bytes + payload.len > MOST_BYTES ? NULL : malloc(sizeof(*message) + payload.len);

    if (message == NULL)
        return false;
    message->len = payload.len;
    message->binary = binary;
    if (payload.len > 0)
        memcpy(message->bytes, payload.base, payload.len);
    list->bytes += payload.len;
    STAILQ_INSERT_TAIL(&list->messages, message, link);
    return true;
}

static void list_take(message_list *out, message_list *list)
{
    STAILQ_INIT(&out->messages);
    STAILQ_CONCAT(&out->messages, &list->messages);
    out->bytes = list->bytes;
    list->bytes = 0;
}

static amqp_message *list_first(message_list *list)
{
    amqp_message *message = STAILQ_FIRST(&list->messages);

    if (message != NULL)
        STAILQ_REMOVE_HEAD(&list->messages, link);
    return message;
}

static void list_clear(message_list *list)
{
    amqp_message *message;

    while ((message = list_first(list)) != NULL)
        free(message);
    list->bytes = 0;
}

/* ---- the thread ---- */

static void tell(amqp_link *link, const char *note)
{
    uv_mutex_lock(&link->mutex);
    (void)snprintf(link->note, sizeof(link->note), "%s", note);
    uv_mutex_unlock(&link->mutex);
    uv_async_send(&link->signal);
}

static bool is_good(amqp_rpc_reply_t reply)
{
    return reply.reply_type == AMQP_RESPONSE_NORMAL;
}

/* One exclusive queue of ours on the exchange, without acknowledgements: nothing is ever repeated. */
static bool subscribe(amqp_connection_state_t connection)
{
    amqp_channel_open(connection, CHANNEL);
    if (!is_good(amqp_get_rpc_reply(connection)))
        return false;
    amqp_exchange_declare(connection, CHANNEL, amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes("fanout"), 0, 0, 0, 0, amqp_empty_table);
    if (!is_good(amqp_get_rpc_reply(connection)))
        return false;
    amqp_queue_declare_ok_t *queue =
        amqp_queue_declare(connection, CHANNEL, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
    if (queue == NULL || !is_good(amqp_get_rpc_reply(connection)))
        return false;
    amqp_bytes_t name = amqp_bytes_malloc_dup(queue->queue);
    amqp_queue_bind(connection, CHANNEL, name, amqp_cstring_bytes(exchange), amqp_empty_bytes,
                    amqp_empty_table);
    bool bound = is_good(amqp_get_rpc_reply(connection));
    if (bound)
        amqp_basic_consume(connection, CHANNEL, name, amqp_empty_bytes, 0, 1, 1, amqp_empty_table);
    amqp_bytes_free(name);
    return bound && is_good(amqp_get_rpc_reply(connection));
}

static amqp_connection_state_t connect_to(amqp_link *link)
{
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = connection == NULL ? NULL : amqp_tcp_socket_new(connection);
    struct timeval patience = { CONNECT_S, 0 };

    if (socket == NULL)
        goto fail;
    (void)amqp_set_handshake_timeout(connection, &patience);
    (void)amqp_set_rpc_timeout(connection, &patience);
    if (amqp_socket_open_noblock(socket, link->address.host, link->address.port, &patience) !=
        AMQP_STATUS_OK)
        goto fail;
    if (!is_good(amqp_login(connection, link->address.vhost, 0, 131072, HEARTBEAT_S,
                            AMQP_SASL_METHOD_PLAIN, link->address.user, link->address.password)))
        goto fail;
    if (subscribe(connection))
        return connection;
fail:
    if (connection != NULL)
        amqp_destroy_connection(connection);
    return NULL;
}

static bool publish(amqp_link *link, amqp_connection_state_t connection,
                    const amqp_message *message)
{
    amqp_basic_properties_t properties = { 0 };

    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG;
    properties.content_type = amqp_cstring_bytes(message->binary ? binary_type : text_type);
    properties.app_id = amqp_cstring_bytes(link->link.id);
    return amqp_basic_publish(connection, CHANNEL, amqp_cstring_bytes(exchange), amqp_empty_bytes,
                              0, 0, &properties,
                              (amqp_bytes_t){ message->len, (void *)(uintptr_t)message->bytes }) ==
           AMQP_STATUS_OK;
}

static bool publish_all(amqp_link *link, amqp_connection_state_t connection)
{
    amqp_message *message;
    message_list list;
    bool good = true;

    uv_mutex_lock(&link->mutex);
    list_take(&list, &link->outgoing);
    uv_mutex_unlock(&link->mutex);
    while (good && (message = list_first(&list)) != NULL) {
        good = publish(link, connection, message);
        free(message);
    }
    list_clear(&list);
    return good;
}

static bool equals(amqp_bytes_t bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.bytes, text, bytes.len) == 0;
}

/* Ours have had it already, and what is neither text nor binary is none of our servers'. */
static void take_in(amqp_link *link, const amqp_message_t *message)
{
    const amqp_basic_properties_t *properties = &message->properties;
    bool binary = (properties->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0 &&
                  equals(properties->content_type, binary_type);

    if ((properties->_flags & AMQP_BASIC_APP_ID_FLAG) == 0 ||
        equals(properties->app_id, link->link.id))
        return;
    uv_mutex_lock(&link->mutex);
    (void)list_add(&link->incoming, (eio_slice){ message->body.bytes, message->body.len }, binary);
    uv_mutex_unlock(&link->mutex);
    uv_async_send(&link->signal);
}

/* All that has come; false when the connection is broken. */
static bool consume(amqp_link *link, amqp_connection_state_t connection)
{
    struct timeval now = { 0, 0 };

    for (;;) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(connection);
        amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &now, 0);
        if (!is_good(reply))
            return reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
                   reply.library_error == AMQP_STATUS_TIMEOUT;
        take_in(link, &envelope.message);
        amqp_destroy_envelope(&envelope);
    }
}

/* Until there is something to read, something to send, or time for a heartbeat. `fd` -1: only the second. */
static void wait_for(amqp_link *link, int fd, int ms)
{
    struct pollfd fds[] = { { .fd = link->wake, .events = POLLIN },
                            { .fd = fd, .events = POLLIN } };
    uint64_t count;

    if (poll(fds, 2, ms) > 0 && fds[0].revents != 0)
        (void)!read(link->wake, &count, sizeof(count));
}

static void serve(amqp_link *link, amqp_connection_state_t connection)
{
    bool good = true;

    while (good && !atomic_load(&link->stopping)) {
        good = publish_all(link, connection) && consume(link, connection);
        if (good)
            wait_for(link, amqp_get_sockfd(connection), LOOK_MS);
    }
}

/* What was asked to be sent meanwhile is lost: nothing queues without an end. */
static void drop_outgoing(amqp_link *link)
{
    uv_mutex_lock(&link->mutex);
    list_clear(&link->outgoing);
    uv_mutex_unlock(&link->mutex);
}

static void run_thread(void *data)
{
    amqp_link *link = data;
    int pause = FIRST_PAUSE_MS;

    while (!atomic_load(&link->stopping)) {
        amqp_connection_state_t connection = connect_to(link);
        if (connection != NULL) {
            drop_outgoing(link);
            atomic_store(&link->is_up, true);
            tell(link, "connected");
            serve(link, connection);
            atomic_store(&link->is_up, false);
            if (!atomic_load(&link->stopping))
                tell(link, "connection lost");
            (void)publish_all(link, connection);
            amqp_destroy_connection(connection);
            pause = FIRST_PAUSE_MS;
        }
        if (!atomic_load(&link->stopping))
            wait_for(link, -1, pause);
        pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
    }
    atomic_store(&link->ended, true);
    uv_async_send(&link->signal);
}

/* ---- the loop ---- */

static void wake_thread(amqp_link *link)
{
    const uint64_t one = 1;

    (void)!write(link->wake, &one, sizeof(one));
}

static void send_message(broadcast_link *base, eio_slice payload, bool binary)
{
    amqp_link *link = (amqp_link *)base;

    if (!atomic_load(&link->is_up))
        return;
    uv_mutex_lock(&link->mutex);
    bool added = list_add(&link->outgoing, payload, binary);
    uv_mutex_unlock(&link->mutex);
    if (added)
        wake_thread(link);
    else
        chat_log(CHAT_LOG_WARN, "amqp", "note=\"the broker is too slow: a message was lost\"");
}

static bool is_ready(const broadcast_link *base)
{
    return atomic_load(&((const amqp_link *)base)->is_up);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    amqp_link *link = handle->data;
    void (*on_closed)(void *) = link->on_closed;
    void *data = link->closed_data;

    list_clear(&link->outgoing);
    list_clear(&link->incoming);
    close(link->wake);
    uv_mutex_destroy(&link->mutex);
    free(link);
    on_closed(data);
}

static void handle_signal(uv_async_t *async)
{
    amqp_link *link = async->data;
    amqp_message *message;
    message_list list;
    char note[sizeof(link->note)];

    uv_mutex_lock(&link->mutex);
    list_take(&list, &link->incoming);
    memcpy(note, link->note, sizeof(note));
    link->note[0] = '\0';
    uv_mutex_unlock(&link->mutex);
    if (note[0] != '\0')
        chat_log(CHAT_LOG_INFO, "amqp", "note=\"%s\"", note);
    while ((message = list_first(&list)) != NULL) {
        if (link->on_closed == NULL)
            link->link.on_message((eio_slice){ message->bytes, message->len }, message->binary,
                                  link->link.data);
        free(message);
    }
    if (atomic_load(&link->ended) && !link->joined) {
        link->joined = true;
        uv_thread_join(&link->thread); /* it has nothing left to do: this does not wait */
        uv_close((uv_handle_t *)async, handle_uv_closed);
    }
}

static void close_link(broadcast_link *base, void (*on_closed)(void *data), void *data)
{
    amqp_link *link = (amqp_link *)base;

    link->on_closed = on_closed;
    link->closed_data = data;
    atomic_store(&link->stopping, true);
    wake_thread(link);
}

static int read_url(amqp_link *link, const char *url, eio_error *why)
{
    if ((size_t)snprintf(link->url_text, sizeof(link->url_text), "%s", url) >=
        sizeof(link->url_text))
        return eio_error_set(why, EIO_E_INVALID, "AMQP_URL is too long");
    amqp_default_connection_info(&link->address);
    if (amqp_parse_url(link->url_text, &link->address) != AMQP_STATUS_OK || link->address.ssl)
        return eio_error_set(why, EIO_E_INVALID,
                             "AMQP_URL is not amqp://[user:password@]host[:port][/vhost]");
    return EIO_OK;
}

int broadcast_amqp_open(broadcast_link **out, uv_loop_t *loop, const char *url,
                        broadcast_link_cb *on_message, void *data, eio_error *why)
{
    static const broadcast_link_type type = { send_message, is_ready, close_link };
    amqp_link *link = calloc(1, sizeof(*link));

    if (link == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "AMQP: out of memory");
    STAILQ_INIT(&link->outgoing.messages);
    STAILQ_INIT(&link->incoming.messages);
    int rc = read_url(link, url, why);
    if (rc != EIO_OK) {
        free(link);
        return rc;
    }
    *out = &link->link; /* also if it fails from here on: it ends with the process */
    rc = broadcast_link_init(&link->link, &type, on_message, data);
    link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (rc != EIO_OK || link->wake < 0 || uv_mutex_init(&link->mutex) != 0 ||
        uv_async_init(loop, &link->signal, handle_signal) != 0)
        return eio_error_set(why, EIO_E_NOMEM, "AMQP: cannot start");
    link->signal.data = link;
    if (uv_thread_create(&link->thread, run_thread, link) != 0)
        return eio_error_set(why, EIO_E_NOMEM, "AMQP: cannot start its thread");
    return EIO_OK;
}
