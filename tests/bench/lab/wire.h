/*
 * What the limit servers share: the least parsing with which sioload can drive
 * them. No Socket.IO library: packets are recognised by their first bytes, rooms
 * are "rNNNNNN", replies are the bytes that came, with a server frame header.
 *
 * The includer defines, before including this file, nothing; after it:
 * static void wire_send(peer *p, const char *b, size_t n);   one socket
 * static void wire_all(const char *b, size_t n);             every socket
 * static void wire_drop(peer *p);                            close it
 */
#ifndef WIRE_H
#define WIRE_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct peer peer;

typedef struct {
    char *in; /* an incomplete frame or request, kept until the rest comes */
    uint32_t inlen, incap;
    int room;     /* -1: none */
    uint8_t open; /* the upgrade is done */
    uint32_t id;
} wire;

struct room {
    peer **who;
    int n, cap;
};

enum { ROOMS = 1 << 16 };
static struct room *rooms;
static uint32_t next_id;

static void wire_send(peer *p, const char *b, size_t n);
static void wire_all(const char *b, size_t n);
static wire *wire_of(peer *p);

static inline size_t ws_head(char *h, int opcode, uint64_t n)
{
    h[0] = (char)(0x80 | opcode);
    if (n < 126) {
        h[1] = (char)n;
        return 2;
    }
    if (n < 65536) {
        h[1] = 126;
        h[2] = (char)(n >> 8);
        h[3] = (char)n;
        return 4;
    }
    h[1] = 127;
    for (int i = 0; i < 8; i++)
        h[2 + i] = (char)(n >> (56 - 8 * i));
    return 10;
}

static void wire_reply(peer *p, const char *text)
{
    char f[256];
    size_t n = strlen(text), h = ws_head(f, 1, n);
    memcpy(f + h, text, n);
    wire_send(p, f, h + n);
}

static void wire_join(peer *p, int r)
{
    if (r < 0 || r >= ROOMS)
        return;
    struct room *m = &rooms[r];
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 4;
        m->who = realloc(m->who, sizeof *m->who * (size_t)m->cap);
    }
    m->who[m->n++] = p;
    wire_of(p)->room = r;
}

static void wire_leave(peer *p)
{
    wire *w = wire_of(p);
    if (w->room >= 0) {
        struct room *m = &rooms[w->room];
        for (int i = 0; i < m->n; i++)
            if (m->who[i] == p) {
                m->who[i] = m->who[--m->n];
                break;
            }
        w->room = -1;
    }
    free(w->in);
    w->in = NULL;
    w->inlen = w->incap = 0;
}

static inline void unmask(char *d, size_t n, uint32_t key)
{
    uint64_t k2 = (uint64_t)key << 32 | key;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, d + i, 8);
        v ^= k2;
        memcpy(d + i, &v, 8);
    }
    for (; i < n; i++)
        d[i] ^= (char)(key >> (8 * (i & 3)));
}

/*
 * One packet. `b` has at least 16 writable bytes in front, so that a frame header
 * can be put there and the payload sent from where it lies.
 */
static void wire_packet(peer *p, char *b, size_t n, int opcode)
{
    wire *w = wire_of(p);
    char h[16];
    if (opcode == 2) { /* a binary attachment: its placeholder was echoed already */
        size_t k = ws_head(h, 2, n);
        memcpy(b - k, h, k);
        wire_send(p, b - k, n + k);
        return;
    }
    if (n < 2)
        return; /* pong */
    if (b[1] == '0') {
        char t[64];
        snprintf(t, sizeof t, "40{\"sid\":\"%020u\"}", w->id);
        wire_reply(p, t);
        return;
    }
    char *q = b + 2;
    while (q < b + n && *q != '[')
        q++;
    if (q + 2 >= b + n)
        return;
    size_t k = ws_head(h, 1, n);
    switch (q[2]) {
    case 'e': /* echo: the same bytes back */
        memcpy(b - k, h, k);
        wire_send(p, b - k, n + k);
        return;
    case 'a': { /* ack: 42ID["ack",X] -> 43ID[X]: the digits are moved up to the payload */
        size_t idn = (size_t)(q - b - 2), cut = 6;
        char *s = q + cut - idn - 2;
        memmove(s + 2, b + 2, idn);
        s[0] = '4';
        s[1] = '3';
        q[cut] = '[';
        s[2 + idn] = '[';
        size_t m = (size_t)(b + n - s);
        k = ws_head(h, 1, m);
        memcpy(s - k, h, k);
        wire_send(p, s - k, m + k);
        return;
    }
    case 'b':
        memcpy(b - k, h, k);
        wire_all(b - k, n + k);
        return;
    case 'j': {
        wire_join(p, atoi(q + 10));
        char t[64];
        snprintf(t, sizeof t, "43%.*s[]", (int)(q - b - 2), b + 2);
        wire_reply(p, t);
        return;
    }
    case 'r': { /* 42["room","rNNNNNN",X] -> 42["room",X] */
        int r = atoi(q + 10);
        char *x = memchr(q + 8, ',', (size_t)(b + n - q - 8));
        if (!x || r < 0 || r >= ROOMS)
            return;
        char *s = x - 8;
        memcpy(s - 1, "42[\"room\"", 9);
        s--;
        size_t m = (size_t)(b + n - s);
        k = ws_head(h, 1, m);
        memcpy(s - k, h, k);
        for (int i = 0; i < rooms[r].n; i++)
            wire_send(rooms[r].who[i], s - k, m + k);
        return;
    }
    default: return;
    }
}

/* Bytes read from a socket. `b` has 16 writable bytes in front. False: drop the peer. */
static bool wire_data(peer *p, char *b, size_t n)
{
    wire *w = wire_of(p);
    if (w->inlen) {
        if (w->inlen + n + 16 > w->incap) {
            w->incap = (uint32_t)(w->inlen + n + 16) * 2;
            w->in = realloc(w->in, w->incap);
            if (!w->in)
                return false;
        }
        memcpy(w->in + 16 + w->inlen, b, n);
        w->inlen += (uint32_t)n;
        b = w->in + 16;
        n = w->inlen;
    }
    char *at = b, *end = b + n;
    if (!w->open) {
        char *e = memmem(b, n, "\r\n\r\n", 4);
        if (e) {
            static const char ok[] =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            char t[512];
            size_t k = sizeof ok - 1;
            memcpy(t, ok, k);
            w->id = ++next_id;
            w->open = 1;
            char o[160];
            int m = snprintf(o, sizeof o,
                             "0{\"sid\":\"%020u\",\"upgrades\":[],\"pingInterval\":25000,"
                             "\"pingTimeout\":20000,\"maxPayload\":1000000}",
                             w->id);
            k += ws_head(t + k, 1, (uint64_t)m);
            memcpy(t + k, o, (size_t)m);
            wire_send(p, t, k + (size_t)m);
            at = e + 4;
        }
    }
    while (w->open && end - at >= 6) {
        uint64_t len = (uint8_t)at[1] & 127;
        size_t h = 6;
        if (len == 126) {
            if (end - at < 8)
                break;
            len = (uint64_t)(uint8_t)at[2] << 8 | (uint8_t)at[3];
            h = 8;
        } else if (len == 127) {
            if (end - at < 14)
                break;
            len = 0;
            for (int i = 0; i < 8; i++)
                len = len << 8 | (uint8_t)at[2 + i];
            h = 14;
        }
        if ((uint64_t)(end - at) < h + len)
            break;
        uint32_t key;
        memcpy(&key, at + h - 4, 4);
        int op = at[0] & 15;
        if (op == 8)
            return false;
        unmask(at + h, len, key);
        if (op < 3)
            wire_packet(p, at + h, len, op);
        at += h + len;
    }
    size_t left = (size_t)(end - at);
    if (!left) {
        if (w->inlen) {
            w->inlen = 0;
            if (w->incap > 4096) {
                free(w->in);
                w->in = NULL;
                w->incap = 0;
            }
        }
        return true;
    }
    if (w->inlen) {
        memmove(w->in + 16, at, left);
    } else {
        if (left + 16 > w->incap) {
            w->incap = (uint32_t)left + 512;
            w->in = realloc(w->in, w->incap);
            if (!w->in)
                return false;
        }
        memcpy(w->in + 16, at, left);
    }
    w->inlen = (uint32_t)left;
    return true;
}
#endif
