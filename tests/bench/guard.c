/*
 * A server and its clients in one process, for figures that come out the same on every run: what an idle client takes
 * of the heap, and, under callgrind, how many instructions a delivery takes inside uv_run.
 *
 *   guard idle CLIENTS                  prints heap bytes per idle client, and those that stay when all have left
 *   guard bcast|echo CLIENTS ROUNDS     prints how many messages were delivered
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socketio/socketio.h"

enum {
    MOST_CLIENTS = 4000,
    ECHOES_UNDER_WAY = 4,
    MOST_PASSES = 1000, /* of the loop, to wait for something */
    MASK = 0x21,        /* of every byte */
};

typedef struct guard {
    uv_loop_t loop;
    eio_http_server *http;
    sio_server *io;
    int clients[MOST_CLIENTS];
    int count;
} guard;

static void fail(const char *what)
{
    fprintf(stderr, "guard: %s\n", what);
    exit(EXIT_FAILURE);
}

static void on_echo(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    (void)sio_emit(socket, SIO_STR("echo"), sio_event_args(event));
}

static void on_bcast(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    (void)sio_broadcast(sio_socket_namespace(socket), NULL, SIO_STR("bcast"),
                        sio_event_args(event));
}

static void start(guard *all)
{
    eio_listen_options options;
    sio_namespace *nsp;

    signal(SIGPIPE, SIG_IGN);
    eio_listen_options_init(&options);
    options.host = "127.0.0.1";
    options.port = 0;
    if (uv_loop_init(&all->loop) != 0 ||
        eio_http_server_new(&all->http, &all->loop, NULL) != EIO_OK ||
        sio_server_new(&all->io, all->http, NULL, NULL) != EIO_OK)
        fail("no server");
    nsp = sio_server_of(all->io, SIO_STR("/"));
    if (sio_on(nsp, SIO_STR("echo"), on_echo, NULL) != EIO_OK ||
        sio_on(nsp, SIO_STR("bcast"), on_bcast, NULL) != EIO_OK ||
        eio_http_server_listen(all->http, &options, NULL) != EIO_OK)
        fail("no server");
}

/* ---- clients ---- */

static void put(int fd, const char *bytes, size_t len)
{
    if (send(fd, bytes, len, 0) != (ssize_t)len)
        fail("a client cannot send");
}

/* A masked text frame of less than 126 bytes, `times` times in one write. */
static void put_text(int fd, const char *text, int times)
{
    char frames[ECHOES_UNDER_WAY * 132];
    size_t at = 0;

    for (int i = 0; i < times; i++) {
        size_t len = strlen(text);
        frames[at++] = (char)0x81;
        frames[at++] = (char)(0x80 | len);
        memset(frames + at, MASK, 4);
        at += 4;
        for (size_t j = 0; j < len; j++)
            frames[at++] = (char)(text[j] ^ MASK);
    }
    put(fd, frames, at);
}

/* Run the loop until so many bytes are there, and take them. */
static void take(guard *all, int fd, size_t len)
{
    char bytes[512];

    for (int i = 0; len > 0; i++) {
        ssize_t got = recv(fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes), MSG_DONTWAIT);
        if (got > 0)
            len -= (size_t)got;
        else if (i < MOST_PASSES)
            uv_run(&all->loop, UV_RUN_NOWAIT);
        else
            fail("a client waits in vain");
    }
}

/* Run the loop until text comes that ends like that. */
static void await(guard *all, int fd, const char *end)
{
    char bytes[1024];
    size_t have = 0;

    for (int i = 0; i < MOST_PASSES; i++) {
        ssize_t got = recv(fd, bytes + have, sizeof(bytes) - have, MSG_DONTWAIT);
        have += got > 0 ? (size_t)got : 0;
        if (have >= strlen(end) && memcmp(bytes + have - strlen(end), end, strlen(end)) == 0)
            return;
        uv_run(&all->loop, UV_RUN_NOWAIT);
    }
    fail("a client waits in vain for its handshake");
}

static void connect_one(guard *all)
{
    static const char request[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                                  "Host: 127.0.0.1\r\nConnection: Upgrade\r\n"
                                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)eio_http_server_port(all->http)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        fail("a client cannot connect: are enough open files allowed?");
    all->clients[all->count++] = fd;
    put(fd, request, sizeof(request) - 1);
    await(all, fd, "}"); /* of the open packet */
    put_text(fd, "40", 1);
    await(all, fd, "}"); /* of the answer */
}

static void leave_all(guard *all)
{
    while (all->count > 0)
        close(all->clients[--all->count]);
    for (int i = 0; i < MOST_PASSES; i++)
        uv_run(&all->loop, UV_RUN_NOWAIT);
}

/* ---- what is measured ---- */

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* The first client pays for what is made once; the second measures from there. */
static void measure_idle(guard *all, int clients)
{
    connect_one(all);
    const size_t before = heap_bytes();
    for (int i = 0; i < clients; i++)
        connect_one(all);
    const size_t with_all = heap_bytes();
    while (all->count > 1)
        close(all->clients[--all->count]);
    for (int i = 0; i < MOST_PASSES; i++)
        uv_run(&all->loop, UV_RUN_NOWAIT);
    const size_t after = heap_bytes();
    const double each = (double)(with_all - before) / clients;
    const double kept = after > before ? (double)(after - before) / clients : 0;
    printf("{\"heap_per_client\": %.1f, \"heap_kept_per_client\": %.1f}\n", each, kept);
}

static void measure_bcast(guard *all, int rounds)
{
    /* header, then 42["bcast","..."] */
    const char *const packet = "42[\"bcast\",\"01234567890123456789012345678901\"]";

    for (int i = 0; i < rounds; i++) {
        put_text(all->clients[0], packet, 1);
        for (int j = 0; j < all->count; j++)
            take(all, all->clients[j], 2 + strlen(packet));
    }
    printf("{\"deliveries\": %d}\n", rounds * all->count);
}

static void measure_echo(guard *all, int rounds)
{
    const char *const packet = "42[\"echo\",\"01234567890123456789012345678901\"]";

    for (int i = 0; i < rounds; i++) {
        for (int j = 0; j < all->count; j++)
            put_text(all->clients[j], packet, ECHOES_UNDER_WAY);
        for (int j = 0; j < all->count; j++)
            take(all, all->clients[j], ECHOES_UNDER_WAY * (2 + strlen(packet)));
    }
    printf("{\"deliveries\": %d}\n", rounds * all->count * ECHOES_UNDER_WAY);
}

int main(int argc, char **argv)
{
    static guard all;
    int clients = argc > 2 ? (int)strtoul(argv[2], NULL, 10) : 0;
    int rounds = argc > 3 ? (int)strtoul(argv[3], NULL, 10) : 0;

    if (clients < 1 || clients >= MOST_CLIENTS)
        fail("guard idle|bcast|echo CLIENTS [ROUNDS]");
    start(&all);
    if (strcmp(argv[1], "idle") == 0) {
        measure_idle(&all, clients);
    } else {
        for (int i = 0; i < clients; i++)
            connect_one(&all);
        if (strcmp(argv[1], "bcast") == 0)
            measure_bcast(&all, rounds);
        else
            measure_echo(&all, rounds);
    }
    leave_all(&all);
    return EXIT_SUCCESS;
}
