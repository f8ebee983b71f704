/*
 * sioload - a load generator for Socket.IO v4 servers (Engine.IO v4).
 *
 * One thread, epoll; TLS by mbedTLS, permessage-deflate by zlib. Loopback only: it refuses other addresses.
 * Every run is bounded in time and stops by itself. Prints one JSON object.
 * See README.md for modes, options and the server contract.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "inflated.h"
#include "secure.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { CAP = 224, RBUF = 1 << 18, MAXPIDS = 64, MAXPORTS = 8, RING = 1 << 16 };
#define NS 1000000000ull

static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "sioload: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static void *xalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p)
        die("out of memory");
    return p;
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

/* ---------------------------------------------------------------- options */

enum mode { M_CONNECT, M_ECHO, M_BCAST, M_ROOMS, M_POLL, M_IDLE, M_DEMO, N_MODES };
enum kind { K_STRING, K_OBJECT, K_BINARY };

static const char *mode_names[] = {
    "connect", "echo", "bcast", "rooms", "polling", "idle", "demo"
};

static struct {
    enum mode mode;
    enum kind kind;
    const char *host;
    int ports[MAXPORTS], nports, n, window, size, conc, roomsize;
    double dur, warm, rate, settle, hold;
    bool ack, verify, churn, first, tls, deflate;
    int pids[MAXPIDS], npids, beside[MAXPIDS], nbeside, cpu;
    double deadline;
    const char *label, *cookie_file;
} o = { .host = "127.0.0.1",
        .ports = { 3000 },
        .nports = 1,
        .n = 100,
        .window = 1,
        .size = 32,
        .conc = 64,
        .roomsize = 10,
        .dur = 3,
        .warm = 1,
        .settle = 1,
        .cpu = -1,
        .deadline = 120,
        .label = "" };

/* ---------------------------------------------------------------- histogram */

enum { HSUB = 5, HB = 64 << HSUB };
static uint64_t hist[HB], hist_n, hist_max;
static double hist_sum;

static inline void hist_add(uint64_t v)
{
    hist_n++;
    hist_sum += (double)v;
    if (v > hist_max)
        hist_max = v;
    unsigned idx;
    if (v < (1u << HSUB)) {
        idx = (unsigned)v;
    } else {
        unsigned e = 63u - (unsigned)__builtin_clzll(v);
        idx = ((e - HSUB + 1) << HSUB) + (unsigned)((v >> (e - HSUB)) & ((1u << HSUB) - 1));
    }
    hist[idx]++;
}

static void hist_reset(void)
{
    memset(hist, 0, sizeof hist);
    hist_n = hist_max = 0;
    hist_sum = 0;
}

static double hist_us(double q)
{
    if (!hist_n)
        return 0;
    uint64_t want = (uint64_t)(q * (double)hist_n + 0.5), seen = 0;
    if (want < 1)
        want = 1;
    for (unsigned i = 0; i < HB; i++) {
        seen += hist[i];
        if (seen >= want) {
            if (i < (1u << HSUB))
                return i / 1e3;
            unsigned e = (i >> HSUB) + HSUB - 1;
            uint64_t lo = (1ull << e) + ((uint64_t)(i & ((1u << HSUB) - 1)) << (e - HSUB));
            uint64_t v = lo + (1ull << (e - HSUB)) / 2;
            return (double)(v > hist_max ? hist_max : v) / 1e3;
        }
    }
    return (double)hist_max / 1e3;
}

/* ---------------------------------------------------------------- server process figures */

struct usage {
    uint64_t t, cpu_ns, utime_ms, stime_ms, self_ns, ksoft_ns, beside_ns;
    uint64_t steal, cpu_busy; /* ticks, of the server's cpu (or all) */
    uint64_t vol, invol;
    long rss_kb, pss_kb, priv_kb, peak_kb;
    int threads;
    long tcp_mem_pages, tcp_inuse;
    struct thread_ns {
        int id;
        uint64_t ns;
    } thread[MAXPIDS]; /* of the server, as many as there is room for */
    int nthread;
};

static bool slurp(const char *path, char *buf, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t n = 0;
    ssize_t r;
    while (n + 1 < cap && (r = read(fd, buf + n, cap - 1 - n)) > 0)
        n += (size_t)r;
    close(fd);
    buf[n] = 0;
    return n > 0;
}

static int ksoft_pid = -2;

static void find_ksoft(void)
{
    ksoft_pid = -1;
    if (o.cpu < 0)
        return;
    char want[32], path[300], buf[64];
    snprintf(want, sizeof want, "ksoftirqd/%d\n", o.cpu);
    DIR *d = opendir("/proc");
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        if (slurp(path, buf, sizeof buf) && !strcmp(buf, want))
            ksoft_pid = atoi(e->d_name);
    }
    if (d)
        closedir(d);
}

static long field_kb(const char *buf, const char *key)
{
    const char *p = strstr(buf, key);
    return p ? strtol(p + strlen(key), NULL, 10) : 0;
}

/* Nanoseconds of all its threads: the first field of their schedstat. `u`, if not NULL, keeps those of each. */
static uint64_t threads_ns(int pid, struct usage *u)
{
    char path[300], buf[4096];
    uint64_t sum = 0;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        uint64_t ns = slurp(path, buf, sizeof buf) ? strtoull(buf, NULL, 10) : 0;
        sum += ns;
        if (!u)
            continue;
        if (u->nthread < MAXPIDS)
            u->thread[u->nthread++] = (struct thread_ns){ atoi(e->d_name), ns };
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, e->d_name);
        if (slurp(path, buf, sizeof buf)) {
            u->vol += (uint64_t)field_kb(buf, "\nvoluntary_ctxt_switches:");
            u->invol += (uint64_t)field_kb(buf, "nonvoluntary_ctxt_switches:");
        }
    }
    if (d)
        closedir(d);
    return sum;
}

static void usage_read(struct usage *u, bool mem)
{
    static char buf[65536];
    char path[300];
    memset(u, 0, sizeof *u);
    if (ksoft_pid == -2)
        find_ksoft();
    long hz = sysconf(_SC_CLK_TCK);
    for (int i = 0; i < o.npids; i++) {
        snprintf(path, sizeof path, "/proc/%d/stat", o.pids[i]);
        if (slurp(path, buf, sizeof buf)) {
            char *p = strrchr(buf, ')');
            unsigned long ut = 0, st = 0;
            long th = 0;
            if (p &&
                sscanf(p + 2,
                       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld",
                       &ut, &st, &th) >= 2) {
                u->utime_ms += ut * 1000 / (unsigned long)hz;
                u->stime_ms += st * 1000 / (unsigned long)hz;
                u->threads += (int)th;
            }
        }
        u->cpu_ns += threads_ns(o.pids[i], u);
        if (mem) {
            snprintf(path, sizeof path, "/proc/%d/smaps_rollup", o.pids[i]);
            if (slurp(path, buf, sizeof buf)) {
                u->rss_kb += field_kb(buf, "Rss:");
                u->pss_kb += field_kb(buf, "\nPss:");
                u->priv_kb += field_kb(buf, "Private_Clean:") + field_kb(buf, "Private_Dirty:");
            }
            snprintf(path, sizeof path, "/proc/%d/status", o.pids[i]);
            if (slurp(path, buf, sizeof buf))
                u->peak_kb += field_kb(buf, "VmHWM:");
        }
    }
    for (int i = 0; i < o.nbeside; i++)
        u->beside_ns += threads_ns(o.beside[i], NULL);
    if (ksoft_pid > 0) {
        snprintf(path, sizeof path, "/proc/%d/schedstat", ksoft_pid);
        if (slurp(path, buf, sizeof buf))
            u->ksoft_ns = strtoull(buf, NULL, 10);
    }
    if (slurp("/proc/stat", buf, sizeof buf)) {
        char key[16];
        snprintf(key, sizeof key, o.cpu >= 0 ? "cpu%d " : "cpu ", o.cpu);
        char *p = strstr(buf, key);
        unsigned long v[8] = { 0 };
        if (p && sscanf(p + strlen(key), "%lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3,
                        v + 4, v + 5, v + 6, v + 7) == 8) {
            u->cpu_busy = (v[0] + v[1] + v[2] + v[5] + v[6]) * 1000 / (unsigned long)hz;
            u->steal = v[7] * 1000 / (unsigned long)hz;
        }
    }
    if (mem && slurp("/proc/net/sockstat", buf, sizeof buf)) {
        char *p = strstr(buf, "TCP: inuse ");
        if (p)
            sscanf(p, "TCP: inuse %ld orphan %*d tw %*d alloc %*d mem %ld", &u->tcp_inuse,
                   &u->tcp_mem_pages);
    }
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    u->self_ns = (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
    u->t = now_ns();
}

/* ---------------------------------------------------------------- connections */

enum st { S_DEAD, S_TCP, S_TLS, S_HTTP, S_OPEN, S_SIO, S_JOIN, S_READY };
enum role { R_WS, R_GET, R_POST, R_TIMER };

typedef struct client client;

typedef struct {
    uint8_t role;
} head;

typedef struct conn {
    head h;
    uint8_t st, hlen, opcode, attach, want_out, deflate,
        squeezed; /* deflate: agreed; squeezed: this message */
    int fd;
    uint32_t id, inflight, ackid, got;
    uint8_t hdr[14];
    uint64_t need, flen, t0, nrecv;
    char cap[CAP];
    char *vbuf; /* the whole frame: to verify or to inflate */
    char *out;  /* unsent bytes */
    size_t outlen, outcap;
    secure *tls;        /* NULL: plain */
    inflated *own_flow; /* of a server that goes on with its window */
} conn;

static int ep;
static conn *cs;
static int n_live, n_ready, n_err, n_started, n_closed;
static uint64_t n_deliv, n_sent, n_bytes, n_bad, n_recv_calls, n_pings;
static bool measuring, stopping;
static struct in_addr src_base;
static uint64_t total_deliv; /* since start, warm-up included */

static char *rbuf;

static void conn_fail(conn *c, const char *why)
{
    if (c->st == S_DEAD)
        return;
    if (n_err < 5 && !stopping)
        fprintf(stderr, "sioload: client %u: %s (%s)\n", c->id, why, strerror(errno));
    if (!stopping)
        n_err++;
    if (c->st == S_READY)
        n_ready--;
    c->st = S_DEAD;
    close(c->fd);
    n_live--;
}

static int tcp_open(uint32_t id, void *ptr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    /*
   * A new source address each 20,000 connections; the base differs by run, so
   * ports left in TIME_WAIT by the run before do not matter.
   */
    struct sockaddr_in a = { .sin_family = AF_INET };
    a.sin_addr.s_addr = htonl(ntohl(src_base.s_addr) + id / 20000);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        close(fd);
        return -1;
    }
    a.sin_port = htons((uint16_t)o.ports[id % (uint32_t)o.nports]);
    inet_pton(AF_INET, o.host, &a.sin_addr);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.ptr = ptr };
    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void arm(conn *c, bool out)
{
    if (c->want_out == out)
        return;
    c->want_out = out;
    struct epoll_event ev = { .events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = c };
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}

static void out_keep(conn *c, const char *p, size_t n)
{
    if (c->outlen + n > c->outcap) {
        c->outcap = (c->outlen + n) * 2;
        c->out = realloc(c->out, c->outcap);
        if (!c->out)
            die("out of memory");
    }
    memcpy(c->out + c->outlen, p, n);
    c->outlen += n;
}

static void net_send(void *owner, const char *p, size_t n)
{
    conn *c = owner;
    if (c->st == S_DEAD)
        return;
    if (c->outlen) {
        out_keep(c, p, n);
        return;
    }
    ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);
    if (w < 0) {
        if (errno != EAGAIN) {
            conn_fail(c, "send");
            return;
        }
        w = 0;
    }
    if ((size_t)w < n) {
        out_keep(c, p + w, n - (size_t)w);
        arm(c, true);
    }
}

static void raw_send(conn *c, const char *p, size_t n)
{
    if (!c->tls)
        net_send(c, p, n);
    else if (c->st != S_DEAD && secure_write(c->tls, p, n) < 0)
        conn_fail(c, "TLS");
}

static void flush_out(conn *c)
{
    if (c->outlen) {
        ssize_t w = send(c->fd, c->out, c->outlen, MSG_NOSIGNAL);
        if (w < 0) {
            if (errno != EAGAIN)
                conn_fail(c, "send");
            return;
        }
        memmove(c->out, c->out + w, c->outlen - (size_t)w);
        c->outlen -= (size_t)w;
    }
    if (!c->outlen)
        arm(c, false);
}

/* Staging: what one read event makes one connection send goes out in one call. */
static char *stage;
static size_t stage_n;
static conn *stage_c;
enum { STAGE = 1 << 18 };

static void stage_flush(void)
{
    if (stage_n) {
        size_t n = stage_n;
        stage_n = 0;
        raw_send(stage_c, stage, n);
    }
}

static void put(conn *c, const char *p, size_t n)
{
    if (stage_c != c || stage_n + n > STAGE)
        stage_flush();
    stage_c = c;
    if (n > STAGE / 8) {
        stage_flush();
        raw_send(c, p, n);
        return;
    }
    memcpy(stage + stage_n, p, n);
    stage_n += n;
}

/* ---------------------------------------------------------------- frames */

static const uint8_t MASK[4] = { 0x37, 0xfa, 0x21, 0x3d };

/* A client frame, its payload masked. Returns the offset of the payload. */
static size_t frame_build(char *dst, int opcode, const char *pay, size_t n)
{
    size_t h = 0;
    dst[h++] = (char)(0x80 | opcode);
    if (n < 126) {
        dst[h++] = (char)(0x80 | n);
    } else if (n < 65536) {
        dst[h++] = (char)(0x80 | 126);
        dst[h++] = (char)(n >> 8);
        dst[h++] = (char)n;
    } else {
        dst[h++] = (char)(0x80 | 127);
        for (int i = 7; i >= 0; i--)
            dst[h++] = (char)((uint64_t)n >> (8 * i));
    }
    memcpy(dst + h, MASK, 4);
    h += 4;
    for (size_t i = 0; i < n; i++)
        dst[h + i] = (char)(pay[i] ^ (char)MASK[i & 3]);
    return h;
}

static void send_text(conn *c, const char *s)
{
    char f[256];
    size_t n = strlen(s), h = frame_build(f, 1, s, n);
    put(c, f, h + n);
}

/*
 * The message every client sends: one frame (or two, with a binary part), as a
 * template in which the send time, sequence number, ack id and room are patched.
 */
static struct {
    char *buf, *plain;
    size_t len;                             /* whole template */
    size_t pay;                             /* payload start of the first frame */
    long ack, room;                         /* offsets in the template, or -1 */
    size_t ts;                              /* offset of the 24 stamped characters */
    size_t ts_phase, ack_phase, room_phase; /* mask phases */
    uint64_t expect;                        /* length of the text (or binary) that comes back */
    char mine[32];                          /* how an event that comes back begins */
    size_t mine_len;
} T;

static const char hexd[] = "0123456789abcdef";

static inline void stamp(char *p, size_t phase, uint64_t ts, uint32_t seq)
{
    for (int i = 0; i < 16; i++)
        p[i] = (char)(hexd[(ts >> (60 - 4 * i)) & 15] ^ (char)MASK[(phase + (size_t)i) & 3]);
    for (int i = 0; i < 8; i++)
        p[16 + i] =
            (char)(hexd[(seq >> (28 - 4 * i)) & 15] ^ (char)MASK[(phase + 16 + (size_t)i) & 3]);
}

static inline int unhex(char ch)
{
    return ch <= '9' ? ch - '0' : ch - 'a' + 10;
}

/* What a payload is filled with: one letter, or text that is as worth to compress as text is. */
static char filler(size_t at)
{
    static const char text[] = "The ferry leaves at ten past nine, so bring the blue folder and "
                               "both of the keys; if nobody is "
                               "at the pier by then, ask for Martha in the yellow house behind the "
                               "mill. Rain is likely until "
                               "noon. We have room for six more, and perhaps a dog, but not for "
                               "the piano that Jo wrote about. ";

    return o.deflate ? text[at % (sizeof text - 1)] : 'x';
}

static const char *event_name(void)
{
    switch (o.mode) {
    case M_DEMO: return "message";
    case M_BCAST: return "bcast";
    case M_ROOMS: return "room";
    default: return o.ack ? "ack" : "echo";
    }
}

/*
 * The payload proper: `size` bytes of JSON string content, JSON object or binary.
 * It starts (somewhere) with '~' and 24 stamped characters.
 */
static char *payload_make(size_t *len, size_t *tilde)
{
    size_t s = (size_t)o.size;
    char *p = xalloc(s + 256);
    if (o.kind == K_OBJECT) {
        size_t n = (size_t)sprintf(p,
                                   "{\"t\":\"~%024d\",\"n\":12345,\"ok\":true,\"list\":[1,2.5,"
                                   "\"three\",null],\"user\":{\"id\":7,\"name\":\"ann\"},\"s\":\"",
                                   0);
        *tilde = 6;
        for (; n + 2 < s; n++)
            p[n] = filler(n - *tilde);
        p[n++] = '"';
        p[n++] = '}';
        *len = n;
    } else {
        size_t n = 0;
        p[n++] = '~';
        memset(p + n, '0', 24);
        n += 24;
        for (; n < s; n++)
            p[n] = filler(n);
        *tilde = 0;
        *len = n;
    }
    return p;
}

static void template_make(void)
{
    size_t pl, tilde;
    char *pay = payload_make(&pl, &tilde);
    char *txt = xalloc(pl + 256);
    size_t n = 0;
    T.mine_len = (size_t)snprintf(T.mine, sizeof T.mine, "42[\"%s\"", event_name());
    long ack = -1, room = -1;
    const char *q = o.kind == K_STRING ? "\"" : "";
    if (o.kind == K_BINARY) {
        n += (size_t)sprintf(txt + n, "451-");
    } else {
        n += (size_t)sprintf(txt + n, "42");
    }
    if (o.ack && o.mode == M_ECHO) {
        ack = (long)n;
        n += (size_t)sprintf(txt + n, "100000");
    }
    n += (size_t)sprintf(txt + n, "[\"%s\",", event_name());
    if (o.mode == M_ROOMS) {
        room = (long)n + 2;
        n += (size_t)sprintf(txt + n, "\"r000000\",");
    }
    if (o.mode == M_DEMO) {
        n += (size_t)sprintf(txt + n, "{\"roomId\":\"0\",\"from\":\"1\",\"date\":%lld,\"message\":",
                             (long long)time(NULL));
    }
    T.buf = xalloc(2 * pl + 1024);
    if (o.kind == K_BINARY) {
        n += (size_t)sprintf(txt + n, "{\"_placeholder\":true,\"num\":0}]");
        T.pay = frame_build(T.buf, 1, txt, n);
        T.len = T.pay + n;
        size_t h = frame_build(T.buf + T.len, 2, pay, pl);
        T.ts = T.len + h + tilde + 1;
        T.ts_phase = tilde + 1;
        T.len += h + pl;
        T.expect = pl;
    } else {
        n += (size_t)sprintf(txt + n, "%s", q);
        size_t at = n;
        memcpy(txt + n, pay, pl);
        n += pl;
        n += (size_t)sprintf(txt + n, "%s%s]", q, o.mode == M_DEMO ? "}" : "");
        T.pay = frame_build(T.buf, 1, txt, n);
        T.len = T.pay + n;
        T.ts = T.pay + at + tilde + 1;
        T.ts_phase = at + tilde + 1;
    }
    T.ack = ack < 0 ? -1 : ack + (long)T.pay;
    T.room = room < 0 ? -1 : room + (long)T.pay;
    T.ack_phase = (size_t)ack;
    T.room_phase = (size_t)room;
    T.plain = txt;
    free(pay);
}

static inline void patch_dec(char *p, size_t phase, uint32_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        p[i] = (char)(('0' + (char)(v % 10)) ^ (char)MASK[(phase + (size_t)i) & 3]);
}

static void msg_send(conn *c, uint64_t ts, uint32_t seq)
{
    stamp(T.buf + T.ts, T.ts_phase, ts, seq);
    if (T.ack >= 0) {
        patch_dec(T.buf + T.ack, T.ack_phase, 100000 + c->ackid, 6);
        c->ackid = (c->ackid + 1) % 800000;
    }
    if (T.room >= 0)
        patch_dec(T.buf + T.room, T.room_phase,
                  c->id % (uint32_t)(o.n / o.roomsize ? o.n / o.roomsize : 1), 6);
    put(c, T.buf, T.len);
    n_sent++;
}

/* ---------------------------------------------------------------- modes' reactions */

static uint64_t bc_next, bc_done; /* broadcast: next number to send, first not complete */
static uint32_t *bc_count;        /* deliveries of message k, k mod RING */
static uint32_t *bc_seen;         /* per client, next number awaited */
static uint64_t bc_whole_n, bc_whole_sum,
    bc_whole_max;           /* ns until a broadcast was with everybody */
static uint64_t t_now;      /* time of the current read */
static uint64_t first_left; /* idle: clients still to answer */
static uint64_t sent_at_start;

static void bcast_pump(void)
{
    conn *c = &cs[0];
    if (c->st != S_READY || o.rate > 0 || stopping)
        return;
    while (bc_next - bc_done < (uint64_t)o.window) {
        bc_count[bc_next % RING] = 0;
        msg_send(c, now_ns(), (uint32_t)bc_next);
        bc_next++;
    }
    stage_flush();
}

static void deliver(conn *c, const char *p, size_t n, uint64_t flen, bool bin)
{
    /* Find the stamp. */
    const char *t = bin ? (n && *p == '~' ? p : NULL) : memchr(p, '~', n);
    if (!t || (size_t)(p + n - t) < 25) {
        n_bad++;
        return;
    }
    uint64_t ts = 0;
    uint32_t seq = 0;
    for (int i = 1; i <= 16; i++)
        ts = ts << 4 | (uint64_t)unhex(t[i]);
    for (int i = 17; i <= 24; i++)
        seq = seq << 4 | (uint32_t)unhex(t[i]);
    if (!T.expect)
        T.expect = flen;
    if (flen != T.expect && o.mode != M_DEMO) /* which puts its own time and user in */
        n_bad++;
    if (o.verify) {
        /* Everything between the stamp and the closing characters is filler. */
        size_t tail = bin ? 0 : o.kind == K_OBJECT ? 3 : 2, from = 25;
        if (o.kind == K_OBJECT && !bin)
            from = (size_t)o.size > 140 ? 120 : flen;
        for (size_t i = (size_t)(t - p) + from; i + tail < flen; i++)
            if (p[i] != filler(i - (size_t)(t - p))) {
                n_bad++;
                break;
            }
    }
    total_deliv++;
    c->nrecv++;
    if (measuring) {
        n_deliv++;
        n_bytes += flen;
        hist_add(t_now > ts ? t_now - ts : 0);
    }
    switch (o.mode) {
    case M_ECHO:
        if (!stopping)
            msg_send(c, t_now, c->id);
        break;
    case M_BCAST:
        if (seq != bc_seen[c->id]) {
            n_bad++;
            bc_seen[c->id] = seq;
        }
        bc_seen[c->id]++;
        if (++bc_count[seq % RING] == (uint32_t)o.n) {
            if (measuring) {
                uint64_t whole = now_ns() - ts;
                bc_whole_n++;
                bc_whole_sum += whole;
                bc_whole_max = whole > bc_whole_max ? whole : bc_whole_max;
            }
            while (bc_done < bc_next && bc_count[bc_done % RING] >= (uint32_t)o.n)
                bc_done++;
            if (o.rate <= 0)
                bcast_pump();
        }
        break;
    case M_ROOMS:
    case M_DEMO:
        if (seq == c->id && !stopping)
            msg_send(c, t_now, c->id);
        break;
    case M_IDLE:
        if (first_left)
            first_left--;
        break;
    default: break;
    }
}

static void ready(conn *c)
{
    c->st = S_READY;
    n_ready++;
    if (o.mode == M_CONNECT) {
        if (measuring) {
            hist_add(t_now - c->t0);
            n_deliv++;
        }
        if (o.churn) {
            stage_n = 0;
            c->st = S_DEAD;
            close(c->fd);
            n_live--;
            n_ready--;
            n_closed++;
        }
    }
}

static void on_text(conn *c, const char *p, size_t n, uint64_t flen)
{
    if (!n)
        return;
    switch (p[0]) {
    case '0':
        send_text(c, "40");
        c->st = S_SIO;
        return;
    case '2':
        n_pings++;
        send_text(c, "3");
        return;
    case '4': break;
    case '6': return;
    default: n_bad++; return;
    }
    if (n < 2) {
        n_bad++;
        return;
    }
    switch (p[1]) {
    case '0':
        if (o.mode == M_ROOMS) {
            char b[64];
            snprintf(b, sizeof b, "420[\"join\",\"r%06u\"]",
                     c->id % (uint32_t)(o.n / o.roomsize ? o.n / o.roomsize : 1));
            send_text(c, b);
            c->st = S_JOIN;
        } else {
            ready(c);
        }
        return;
    case '3':
        if (c->st == S_JOIN)
            ready(c);
        else
            deliver(c, p, n, flen, false);
        return;
    case '2':
        /* Servers tell other things, too: who comes and goes, or what other clients broadcast. */
        if (n > T.mine_len && !memcmp(p, T.mine, T.mine_len))
            deliver(c, p, n, flen, false);
        return;
    case '5':
    case '6':
        c->attach = 0;
        for (size_t i = 2; i < n && p[i] >= '0' && p[i] <= '9'; i++)
            c->attach = (uint8_t)(c->attach * 10 + (p[i] - '0'));
        return;
    default: n_bad++; return;
    }
}

static void on_frame(conn *c, const char *p, size_t n, uint64_t flen)
{
    switch (c->opcode) {
    case 1: on_text(c, p, n, flen); return;
    case 2:
        if (c->attach && --c->attach == 0)
            deliver(c, p, n, flen, true);
        return;
    case 8:
        errno = 0;
        conn_fail(c, "the server closed the websocket");
        return;
    case 9: {
        char f[256];
        size_t h = frame_build(f, 10, p, n > 125 ? 125 : n);
        put(c, f, h + (n > 125 ? 125 : n));
        return;
    }
    case 10: return;
    default: n_bad++; return;
    }
}

/* A frame is whole, or as much of it as is kept. */
static void whole_frame(conn *c, const char *p, size_t n)
{
    if (!c->squeezed) {
        on_frame(c, p, n, c->flen);
        return;
    }
    p = inflated_message(c->deflate == 2 ? &c->own_flow : &inflated_shared, p, n, &n);
    if (p)
        on_frame(c, p, n, n);
    else
        conn_fail(c, "a message that cannot be inflated");
}

static size_t hdr_size(const uint8_t *h, size_t have)
{
    if (have < 2)
        return 2;
    unsigned l = h[1] & 127;
    return l == 126 ? 4 : l == 127 ? 10 : 2;
}

static void ws_data(conn *c, const char *p, size_t len)
{
    const char *end = p + len;
    while (p < end && c->st != S_DEAD) {
        if (!c->need) {
            while (p < end && c->hlen < hdr_size(c->hdr, c->hlen))
                c->hdr[c->hlen++] = (uint8_t)*p++;
            if (c->hlen < hdr_size(c->hdr, c->hlen))
                return;
            unsigned l = c->hdr[1] & 127;
            uint64_t fl = l;
            if (l == 126)
                fl = (uint64_t)c->hdr[2] << 8 | c->hdr[3];
            if (l == 127) {
                fl = 0;
                for (int i = 2; i < 10; i++)
                    fl = fl << 8 | c->hdr[i];
            }
            if (c->hdr[1] & 128 || c->hdr[0] & (c->deflate ? 0x30 : 0x70) || !(c->hdr[0] & 0x80)) {
                errno = 0;
                conn_fail(c, "a frame that is masked, fragmented, or compressed out of turn");
                return;
            }
            c->opcode = c->hdr[0] & 15;
            c->squeezed = c->hdr[0] & 0x40;
            c->hlen = 0;
            c->flen = c->need = fl;
            c->got = 0;
            if (!fl) {
                on_frame(c, "", 0, 0);
                continue;
            }
            if ((o.verify || c->squeezed) && fl > CAP)
                c->vbuf = xalloc(fl);
        }
        uint64_t avail = (uint64_t)(end - p);
        if (avail > c->need)
            avail = c->need;
        if (!c->got && avail == c->flen) {
            c->need = 0;
            whole_frame(c, p, avail);
        } else {
            uint64_t at = c->flen - c->need, lim = c->vbuf ? c->flen : CAP;
            if (at < lim) {
                uint64_t k = lim - at < avail ? lim - at : avail;
                memcpy((c->vbuf ? c->vbuf : c->cap) + at, p, k);
                c->got = (uint32_t)(at + k);
            }
            c->need -= avail;
            if (!c->need)
                whole_frame(c, c->vbuf ? c->vbuf : c->cap, c->got);
        }
        if (!c->need && c->vbuf) {
            free(c->vbuf);
            c->vbuf = NULL;
        }
        p += avail;
    }
}

static const char *REQ_FMT =
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\n"
    "Pragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36\r\n"
    "Upgrade: websocket\r\nOrigin: http://%s:%d\r\nSec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n"
    "Sec-WebSocket-Key: %s\r\n%s%s\r\n";

static char **cookies; /* lines, each for a client in turn */
static int ncookies;

static void ask_upgrade(conn *c)
{
    char req[2048], cookie[512] = "", key[25] = "dGhlIHNhbXBsZSBub25jZQ==";
    for (int i = 0; i < 8; i++)
        key[i] = (char)('A' + ((c->id >> (4 * i)) & 15));
    if (ncookies)
        snprintf(cookie, sizeof cookie, "Cookie: %s\r\n", cookies[c->id % (uint32_t)ncookies]);
    int port = o.ports[c->id % (uint32_t)o.nports];
    int n = snprintf(
        req, sizeof req, REQ_FMT, o.host, port, o.host, port, key,
        o.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "",
        cookie);
    c->st = S_HTTP;
    raw_send(c, req, (size_t)n);
}

static void tcp_is_there(conn *c)
{
    int e = 0;
    socklen_t l = sizeof e;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
    if (e) {
        errno = e;
        conn_fail(c, "connect");
        return;
    }
    arm(c, false);
    if (!o.tls) {
        ask_upgrade(c);
        return;
    }
    c->st = S_TLS;
    c->tls = secure_new(c->fd, c, net_send);
    if (!c->tls)
        die("out of memory");
    (void)secure_shake(c->tls);
}

static void shake(conn *c)
{
    int rc = secure_shake(c->tls);
    if (rc < 0)
        conn_fail(c, "TLS handshake");
    else if (rc > 0)
        ask_upgrade(c);
}

/* The answer to the upgrade, which may be split. Returns how much of rbuf is left behind it; -1: not yet, or refused. */
static ssize_t upgrade_answer(conn *c, ssize_t n, char **rest)
{
    size_t have = c->got;
    if (have + (size_t)n > sizeof c->cap + 8192)
        die("upgrade answer too long");
    if (have) {
        memmove(rbuf + have, rbuf, (size_t)n);
        memcpy(rbuf, c->out, have);
        n += (ssize_t)have;
    }
    rbuf[n] = 0;
    char *e = memmem(rbuf, (size_t)n, "\r\n\r\n", 4);
    if (!e) {
        free(c->out);
        c->out = xalloc((size_t)n);
        memcpy(c->out, rbuf, (size_t)n);
        c->got = (uint32_t)n;
        return -1;
    }
    if (strncmp(rbuf, "HTTP/1.1 101", 12)) {
        errno = 0;
        fprintf(stderr, "sioload: upgrade refused: %.60s\n", rbuf);
        conn_fail(c, "upgrade refused");
        return -1;
    }
    *e = 0;
    if (strstr(rbuf, "permessage-deflate"))
        c->deflate = strstr(rbuf, "server_no_context_takeover") ? 1 : 2;
    free(c->out);
    c->out = NULL;
    c->outcap = c->outlen = 0;
    c->got = 0;
    c->st = S_OPEN;
    *rest = e + 4;
    return n - (e + 4 - rbuf);
}

/* Read once into rbuf; 0: there is nothing, or the connection is over. */
static ssize_t conn_read(conn *c)
{
    ssize_t n = c->tls ? secure_read(c->tls, rbuf, RBUF) : recv(c->fd, rbuf, RBUF, 0);
    n_recv_calls++;
    if (n > 0 || (c->tls && n == 0))
        return n;
    if (c->tls || n == 0 || (errno != EAGAIN && errno != EINTR))
        conn_fail(c, n ? "recv" : "closed by the server");
    return 0;
}

static void ws_event(conn *c, uint32_t ev)
{
    if (c->st == S_DEAD)
        return;
    if (c->st == S_TCP) {
        if (ev & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            tcp_is_there(c);
        return;
    }
    if (ev & EPOLLOUT)
        flush_out(c);
    if (!(ev & (EPOLLIN | EPOLLERR | EPOLLHUP)) || c->st == S_DEAD)
        return;
    if (c->st == S_TLS)
        shake(c);
    if (c->st == S_TLS)
        return;
    do {
        ssize_t n = conn_read(c);
        char *p = rbuf;
        if (n <= 0)
            break;
        t_now = now_ns();
        if (c->st == S_HTTP)
            n = upgrade_answer(c, n, &p);
        if (n > 0)
            ws_data(c, p, (size_t)n);
    } while (c->tls && c->st != S_DEAD); /* what TLS has decrypted no event tells of */
    stage_flush();
}

/* ---------------------------------------------------------------- polling clients */

typedef struct http {
    head h;
    uint8_t up, busy;
    int fd;
    client *cl;
    char *in, *out;
    size_t inlen, incap, outlen;
} http;

struct client {
    http get, post;
    uint32_t id;
    uint8_t st; /* 0 opening, 1 posting 40, 2 waiting for 40, 3 ready */
    char sid[64];
    uint32_t outstanding;
    bool pong, posted, postready;
};

static client *pcs;

static void http_write(http *h)
{
    while (h->outlen) {
        ssize_t w = send(h->fd, h->out, h->outlen, MSG_NOSIGNAL);
        if (w < 0) {
            if (errno != EAGAIN) {
                if (!stopping)
                    n_err++;
                h->outlen = 0;
                return;
            }
            struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.ptr = h };
            epoll_ctl(ep, EPOLL_CTL_MOD, h->fd, &ev);
            return;
        }
        memmove(h->out, h->out + w, h->outlen - (size_t)w);
        h->outlen -= (size_t)w;
    }
}

static void http_req(http *h, const char *method, const char *sid, const char *body, size_t blen)
{
    h->out = realloc(h->out, blen + 1024);
    int n =
        sprintf(h->out,
                "%s /socket.io/?EIO=4&transport=polling&t=%08llx%s%s HTTP/1.1\r\nHost: "
                "%s:%d\r\nConnection: keep-alive\r\n"
                "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
                "Gecko) Chrome/126.0.0.0 Safari/537.36\r\n"
                "Accept: */*\r\nOrigin: http://localhost\r\nAccept-Language: en-US,en;q=0.9\r\n",
                method, (unsigned long long)(now_ns() & 0xffffffff), *sid ? "&sid=" : "", sid,
                o.host, o.ports[0]);
    if (body)
        n += sprintf(h->out + n,
                     "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n", blen);
    n += sprintf(h->out + n, "\r\n");
    if (body)
        memcpy(h->out + n, body, blen);
    h->outlen = (size_t)n + blen;
    h->busy = 1;
    if (h->up)
        http_write(h);
}

static char *pbody;
static size_t plen1, pts; /* plain text of one message, offset of its stamp */

static void poll_batch(client *c)
{
    if (stopping || c->post.busy || c->outstanding || c->st != 3)
        return;
    if (c->pong) {
        c->pong = false;
        http_req(&c->post, "POST", c->sid, "3", 1);
        return;
    }
    size_t n = 0;
    uint64_t ts = now_ns();
    for (int i = 0; i < o.window; i++) {
        if (i)
            pbody[n++] = 0x1e;
        memcpy(pbody + n, T.plain, plen1);
        char *p = pbody + n + pts;
        for (int k = 0; k < 16; k++)
            p[k] = hexd[(ts >> (60 - 4 * k)) & 15];
        n += plen1;
    }
    c->outstanding = (uint32_t)o.window;
    n_sent += (uint64_t)o.window;
    http_req(&c->post, "POST", c->sid, pbody, n);
}

static void poll_packet(client *c, char *p, size_t n)
{
    if (!n)
        return;
    if (p[0] == '0') {
        char *s = memmem(p, n, "\"sid\":\"", 7);
        if (!s)
            die("no sid in the open packet");
        s += 7;
        size_t k = 0;
        while (k < sizeof c->sid - 1 && s[k] != '"')
            k++;
        memcpy(c->sid, s, k);
        c->sid[k] = 0;
        c->st = 1;
        http_req(&c->post, "POST", c->sid, "40", 2);
    } else if (p[0] == '2') {
        n_pings++;
        c->pong = true;
        if (!c->post.busy) {
            c->pong = false;
            http_req(&c->post, "POST", c->sid, "3", 1);
        }
    } else if (n > 1 && p[0] == '4' && p[1] == '0') {
        c->st = 3;
        n_ready++;
    } else if (n > 1 && p[0] == '4' && (p[1] == '2' || p[1] == '3')) {
        char *t = memchr(p, '~', n);
        if (!t || p + n - t < 25) {
            n_bad++;
            return;
        }
        uint64_t ts = 0;
        for (int i = 1; i <= 16; i++)
            ts = ts << 4 | (uint64_t)unhex(t[i]);
        if (!T.expect)
            T.expect = n;
        if (n != T.expect)
            n_bad++;
        total_deliv++;
        if (measuring) {
            n_deliv++;
            n_bytes += n;
            hist_add(t_now > ts ? t_now - ts : 0);
        }
        if (c->outstanding)
            c->outstanding--;
    } else if (p[0] != '6') {
        n_bad++;
    }
}

static void http_body(http *h, int status, char *b, size_t n)
{
    client *c = h->cl;
    h->busy = 0;
    if (status != 200) {
        if (n_err++ < 5)
            fprintf(stderr, "sioload: client %u: HTTP %d %.*s\n", c->id, status,
                    (int)(n < 80 ? n : 80), b);
        return;
    }
    if (h == &c->get) {
        size_t from = 0;
        for (size_t i = 0; i <= n; i++)
            if (i == n || b[i] == 0x1e) {
                poll_packet(c, b + from, i - from);
                from = i + 1;
            }
        if (c->st >= 2)
            http_req(&c->get, "GET", c->sid, NULL, 0);
    } else if (c->st == 1) {
        c->st = 2;
        http_req(&c->get, "GET", c->sid, NULL, 0);
    }
    if (total_deliv || sent_at_start)
        poll_batch(c);
}

static size_t ci_find(const char *b, size_t n, const char *key)
{
    size_t k = strlen(key);
    for (size_t i = 0; i + k <= n; i++)
        if (!strncasecmp(b + i, key, k))
            return i + k;
    return 0;
}

static void http_event(http *h, uint32_t ev)
{
    if (h->fd < 0)
        return;
    if (!h->up && ev & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        int e = 0;
        socklen_t l = sizeof e;
        getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &e, &l);
        if (e) {
            n_err++;
            close(h->fd);
            h->fd = -1;
            return;
        }
        h->up = 1;
    }
    if (ev & EPOLLOUT) {
        http_write(h);
        if (!h->outlen) {
            struct epoll_event m = { .events = EPOLLIN, .data.ptr = h };
            epoll_ctl(ep, EPOLL_CTL_MOD, h->fd, &m);
        }
    }
    if (!(ev & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        return;
    if (h->incap - h->inlen < 65536) {
        h->incap = h->inlen + 131072;
        h->in = realloc(h->in, h->incap);
        if (!h->in)
            die("out of memory");
    }
    ssize_t r = recv(h->fd, h->in + h->inlen, h->incap - h->inlen - 1, 0);
    n_recv_calls++;
    if (r <= 0) {
        if (r < 0 && errno == EAGAIN)
            return;
        if (!stopping && n_err++ < 5)
            fprintf(stderr, "sioload: client %u: the server closed an HTTP connection\n",
                    h->cl->id);
        close(h->fd);
        h->fd = -1;
        return;
    }
    t_now = now_ns();
    h->inlen += (size_t)r;
    for (;;) {
        char *e = memmem(h->in, h->inlen, "\r\n\r\n", 4);
        if (!e)
            break;
        size_t hl = (size_t)(e - h->in) + 4;
        int status = h->inlen > 12 ? atoi(h->in + 9) : 0;
        size_t v = ci_find(h->in, hl, "\r\ncontent-length:");
        char *body;
        size_t blen, used;
        char *joined = NULL;
        if (v) {
            blen = strtoul(h->in + v, NULL, 10);
            if (h->inlen < hl + blen)
                break;
            body = h->in + hl;
            used = hl + blen;
        } else if (ci_find(h->in, hl, "\r\ntransfer-encoding: chunked")) {
            size_t at = hl, tot = 0;
            bool done = false;
            joined = xalloc(h->inlen);
            for (;;) {
                char *x = memmem(h->in + at, h->inlen - at, "\r\n", 2);
                if (!x)
                    break;
                size_t k = strtoul(h->in + at, NULL, 16), s = (size_t)(x - h->in) + 2;
                if (h->inlen < s + k + 2)
                    break;
                memcpy(joined + tot, h->in + s, k);
                tot += k;
                at = s + k + 2;
                if (!k) {
                    done = true;
                    break;
                }
            }
            if (!done) {
                free(joined);
                break;
            }
            body = joined;
            blen = tot;
            used = at;
        } else {
            body = h->in + hl;
            blen = 0;
            used = hl;
        }
        http_body(h, status, body, blen);
        free(joined);
        memmove(h->in, h->in + used, h->inlen - used);
        h->inlen -= used;
    }
}

/* ---------------------------------------------------------------- driving */

static int tfd = -1;
static head timer_head = { R_TIMER };
static uint64_t tick_due, tick_step;

static void spawn_ws(int want_inflight)
{
    while (n_started < o.n && (n_started - n_ready - n_err - n_closed) < want_inflight) {
        conn *c = &cs[n_started];
        c->h.role = R_WS;
        c->id = (uint32_t)n_started;
        c->t0 = now_ns();
        c->st = S_TCP;
        c->want_out = 1;
        c->fd = tcp_open(c->id, c);
        n_started++;
        if (c->fd < 0) {
            c->st = S_DEAD;
            if (n_err++ < 3)
                fprintf(stderr, "sioload: client %u: socket: %s\n", c->id, strerror(errno));
        } else {
            n_live++;
        }
    }
}

static void rate_tick(void)
{
    uint64_t v, t = now_ns();
    if (read(tfd, &v, sizeof v) < 0)
        return;
    while (tick_due <= t && !stopping) {
        if (bc_next - bc_done < RING / 2) {
            bc_count[bc_next % RING] = 0;
            msg_send(&cs[0], tick_due, (uint32_t)bc_next); /* stamped with the due time */
            bc_next++;
        } else {
            n_bad++;
        }
        tick_due += tick_step;
    }
    stage_flush();
}

/* Runs the loop until the time is up or until *counter reaches goal. */
static void loop_until(uint64_t until, const int *counter, int goal)
{
    static struct epoll_event evs[512];
    for (;;) {
        uint64_t t = now_ns();
        if (t >= until || (counter && *counter + n_err >= goal))
            return;
        uint64_t left = (until - t) / 1000000 + 1;
        if (o.mode == M_CONNECT || o.mode == M_IDLE || n_started < o.n) {
            if (o.mode != M_POLL)
                spawn_ws(o.conc);
        }
        int k = epoll_wait(ep, evs, 512, left > 50 ? 50 : (int)left);
        for (int i = 0; i < k; i++) {
            head *h = evs[i].data.ptr;
            switch (h->role) {
            case R_WS: ws_event((conn *)h, evs[i].events); break;
            case R_TIMER: rate_tick(); break;
            default: http_event((http *)h, evs[i].events); break;
            }
        }
    }
}

static void j_usage(const char *name, const struct usage *a, const struct usage *b, uint64_t per)
{
    double wall = (double)(b->t - a->t) / 1e9, cpu = (double)(b->cpu_ns - a->cpu_ns) / 1e3;
    double ks = (double)(b->ksoft_ns - a->ksoft_ns) / 1e3;
    printf("\"%s\":{\"cpu_us\":%.0f,\"utime_ms\":%llu,\"stime_ms\":%llu,\"ksoftirqd_us\":%.0f,"
           "\"cpu_util\":%.4f,"
           "\"cpu_us_per_delivery\":%.4f,\"cpu_busy_ms\":%llu,\"steal_ms\":%llu,\"threads\":%d,"
           "\"vol_switches\":%llu,\"invol_switches\":%llu}",
           name, cpu, (unsigned long long)(b->utime_ms - a->utime_ms),
           (unsigned long long)(b->stime_ms - a->stime_ms), ks, cpu / 1e6 / wall,
           per ? (cpu + ks) / (double)per : 0.0, (unsigned long long)(b->cpu_busy - a->cpu_busy),
           (unsigned long long)(b->steal - a->steal), b->threads,
           (unsigned long long)(b->vol - a->vol), (unsigned long long)(b->invol - a->invol));
}

/* What the thread that worked most has used, and how many worked at all (a hundredth of it). */
static void j_threads(const struct usage *a, const struct usage *b)
{
    uint64_t used[MAXPIDS], most = 0;
    int busy = 0;
    for (int i = 0; i < b->nthread; i++) {
        used[i] = b->thread[i].ns;
        for (int k = 0; k < a->nthread; k++)
            if (a->thread[k].id == b->thread[i].id)
                used[i] -= a->thread[k].ns;
        most = used[i] > most ? used[i] : most;
    }
    for (int i = 0; i < b->nthread; i++)
        busy += used[i] * 100 > most;
    printf("\"busiest_thread_us\":%.0f,\"busy_threads\":%d,\"beside_us\":%.0f,", (double)most / 1e3,
           busy, (double)(b->beside_ns - a->beside_ns) / 1e3);
}

static void j_mem(const char *name, const struct usage *u)
{
    printf("\"%s\":{\"rss_kb\":%ld,\"pss_kb\":%ld,\"private_kb\":%ld,\"peak_kb\":%ld,\"tcp_mem_"
           "pages\":%ld,\"tcp_inuse\":%ld}",
           name, u->rss_kb, u->pss_kb, u->priv_kb, u->peak_kb, u->tcp_mem_pages, u->tcp_inuse);
}

static void j_lat(void)
{
    printf("\"latency_us\":{\"n\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,"
           "\"p999\":%.1f,\"max\":%.1f}",
           (unsigned long long)hist_n, hist_n ? hist_sum / (double)hist_n / 1e3 : 0, hist_us(.5),
           hist_us(.9), hist_us(.99), hist_us(.999), (double)hist_max / 1e3);
}

static void usage_text(void)
{
    fputs(
        "sioload MODE [options]   (MODE: connect echo bcast rooms polling idle demo)\n"
        "  --host A --port P[,P...]   server, on loopback (127.0.0.0/8); the clients in turn to "
        "each port\n"
        "  --tls                 over TLS, certificates not checked\n"
        "  --deflate             offer permessage-deflate; payloads are text\n"
        "  --cookies FILE        lines, each for a client in turn\n"
        "  --clients N           clients (default 100)\n"
        "  --window W            messages in flight: per client (echo, rooms), per POST (polling), "
        "in all (bcast)\n"
        "  --size S              payload bytes, 32 or more (default 32)\n"
        "  --kind K              string, object or binary\n"
        "  --ack                 echo: event 'ack' with a callback in place of 'echo'\n"
        "  --rate R              bcast: R broadcasts a second in place of as fast as possible\n"
        "  --room-size K         rooms: clients per room (default 10)\n"
        "  --duration T --warmup T --settle T   seconds\n"
        "  --hold T              seconds between the last connection and the first message\n"
        "  --concurrency C       handshakes in flight (default 64)\n"
        "  --churn               connect: close each connection once connected, and go on until N\n"
        "  --first               idle: also measure after one message of each client\n"
        "  --verify              check every byte that comes back\n"
        "  --pid P[,P...]        server processes to measure;  --cpu C: the cpu they are pinned "
        "to\n"
        "  --beside P[,P...]     processes to measure apart from the server\n"
        "  --label TEXT          copied into the output\n",
        stderr);
    exit(2);
}

/* Numbers with commas between, at most `cap`. Returns how many there are. */
static int parse_list(int *out, int cap, const char *text)
{
    int n = 0;
    for (const char *p = text; *p && n < cap; p += strcspn(p, ","), p += *p == ',')
        out[n++] = atoi(p);
    return n;
}

static void parse_args(int argc, char **argv)
{
    if (argc < 2)
        usage_text();
    int m = -1;
    for (int i = 0; i < N_MODES; i++)
        if (!strcmp(argv[1], mode_names[i]))
            m = i;
    if (m < 0)
        usage_text();
    o.mode = (enum mode)m;
    for (int i = 2; i < argc; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "--ack")) {
            o.ack = true;
            continue;
        }
        if (!strcmp(a, "--verify")) {
            o.verify = true;
            continue;
        }
        if (!strcmp(a, "--tls")) {
            o.tls = true;
            continue;
        }
        if (!strcmp(a, "--deflate")) {
            o.deflate = true;
            continue;
        }
        if (!strcmp(a, "--churn")) {
            o.churn = true;
            continue;
        }
        if (!strcmp(a, "--first")) {
            o.first = true;
            continue;
        }
        if (i + 1 >= argc)
            usage_text();
        const char *v = argv[++i];
        if (!strcmp(a, "--host"))
            o.host = v;
        else if (!strcmp(a, "--port"))
            o.nports = parse_list(o.ports, MAXPORTS, v);
        else if (!strcmp(a, "--cookies"))
            o.cookie_file = v;
        else if (!strcmp(a, "--hold"))
            o.hold = atof(v);
        else if (!strcmp(a, "--beside"))
            o.nbeside = parse_list(o.beside, MAXPIDS, v);
        else if (!strcmp(a, "--clients"))
            o.n = atoi(v);
        else if (!strcmp(a, "--window"))
            o.window = atoi(v);
        else if (!strcmp(a, "--size"))
            o.size = atoi(v);
        else if (!strcmp(a, "--rate"))
            o.rate = atof(v);
        else if (!strcmp(a, "--room-size"))
            o.roomsize = atoi(v);
        else if (!strcmp(a, "--duration"))
            o.dur = atof(v);
        else if (!strcmp(a, "--warmup"))
            o.warm = atof(v);
        else if (!strcmp(a, "--settle"))
            o.settle = atof(v);
        else if (!strcmp(a, "--concurrency"))
            o.conc = atoi(v);
        else if (!strcmp(a, "--cpu"))
            o.cpu = atoi(v);
        else if (!strcmp(a, "--label"))
            o.label = v;
        else if (!strcmp(a, "--deadline"))
            o.deadline = atof(v);
        else if (!strcmp(a, "--kind"))
            o.kind = !strcmp(v, "object") ? K_OBJECT : !strcmp(v, "binary") ? K_BINARY : K_STRING;
        else if (!strcmp(a, "--pid"))
            o.npids = parse_list(o.pids, MAXPIDS, v);
        else
            usage_text();
    }
    if (o.size < 32)
        o.size = 32;
    if (o.window < 1)
        o.window = 1;
    if (o.roomsize < 1)
        o.roomsize = 1;
    if (o.dur > 600)
        o.dur = 600;
    if (!o.nports || (o.mode == M_POLL && (o.tls || o.nports > 1)))
        usage_text();
    struct in_addr a;
    if (inet_pton(AF_INET, o.host, &a) != 1 || ntohl(a.s_addr) >> 24 != 127)
        die("loopback addresses only");
}

static void read_cookies(const char *path)
{
    static char buf[1 << 20];
    if (!slurp(path, buf, sizeof buf))
        die("%s: %s", path, strerror(errno));
    for (char *p = strtok(buf, "\n"); p; p = strtok(NULL, "\n")) {
        cookies = realloc(cookies, sizeof *cookies * (size_t)(ncookies + 1));
        if (!cookies)
            die("out of memory");
        cookies[ncookies++] = p;
    }
}

/* The demo's page joins when it knows its rooms, some time after it has connected. */
static void join_general(void)
{
    loop_until(now_ns() + NS, NULL, 0);
    for (int i = 0; i < o.n; i++) {
        if (cs[i].st == S_READY)
            send_text(&cs[i], "42[\"room.join\",\"0\"]");
        stage_flush();
    }
    loop_until(now_ns() + NS, NULL, 0);
}

int main(int argc, char **argv)
{
    parse_args(argc, argv);
    if (o.cookie_file)
        read_cookies(o.cookie_file);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_max = rl.rlim_max < 1048576 ? 1048576 : rl.rlim_max;
    rl.rlim_cur = rl.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &rl) < 0) {
        getrlimit(RLIMIT_NOFILE, &rl);
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
    getrlimit(RLIMIT_NOFILE, &rl);
    int per = o.mode == M_POLL ? 2 : 1;
    if (!o.churn && (uint64_t)o.n * (uint64_t)per + 16 > rl.rlim_cur) {
        o.n = (int)((rl.rlim_cur - 16) / (uint64_t)per);
        fprintf(stderr, "sioload: only %d clients fit the file limit of %llu\n", o.n,
                (unsigned long long)rl.rlim_cur);
    }
    ep = epoll_create1(EPOLL_CLOEXEC);
    rbuf = xalloc(RBUF + 16384);
    stage = xalloc(STAGE);
    uint64_t start = now_ns(), hard = start + (uint64_t)(o.deadline * 1e9);
    srandom((unsigned)(start ^ (uint64_t)getpid() << 20));
    src_base.s_addr = htonl(0x7f000000u | (uint32_t)(1 + random() % 254) << 16 |
                            (uint32_t)(random() % 256) << 8 | 1);
    template_make();
    struct usage u0, u1, u2, u3, u4;
    double cwall = 0;
    bool timeout = false;

    if (o.mode == M_POLL) {
        pcs = xalloc(sizeof *pcs * (size_t)o.n);
        plen1 = strlen(T.plain);
        pts = (size_t)(strchr(T.plain, '~') - T.plain) + 1;
        pbody = xalloc((plen1 + 1) * (size_t)o.window + 16);
        usage_read(&u0, true);
        for (int i = 0; i < o.n; i++) {
            client *c = &pcs[i];
            c->id = (uint32_t)i;
            c->get.h.role = R_GET;
            c->post.h.role = R_POST;
            c->get.cl = c->post.cl = c;
            http_req(&c->get, "GET", "", NULL, 0);
            c->get.fd = tcp_open(c->id, &c->get);
            c->post.fd = tcp_open(c->id, &c->post);
            if (c->get.fd < 0 || c->post.fd < 0)
                die("socket: %s", strerror(errno));
            if (i % 50 == 49)
                loop_until(now_ns() + 200 * 1000000ull, &n_ready, i - 20);
        }
        loop_until(hard, &n_ready, o.n);
        usage_read(&u1, true);
        cwall = (double)(u1.t - u0.t) / 1e9;
        sent_at_start = 1;
        for (int i = 0; i < o.n; i++)
            poll_batch(&pcs[i]);
    } else {
        cs = xalloc(sizeof *cs * (size_t)(o.n + 1));
        bc_count = xalloc(sizeof *bc_count * RING);
        bc_seen = xalloc(sizeof *bc_seen * (size_t)(o.n + 1));
        usage_read(&u0, true);
        if (o.mode == M_CONNECT) {
            measuring = true;
            static int done;
            (void)done;
            loop_until(hard, o.churn ? &n_closed : &n_ready, o.n);
            usage_read(&u1, false);
            measuring = false;
            struct usage m;
            if (!o.churn)
                loop_until(now_ns() + (uint64_t)(o.settle * 1e9), NULL, 0);
            usage_read(&m, true);
            timeout = now_ns() >= hard;
            double wall = (double)(u1.t - u0.t) / 1e9;
            printf("{\"mode\":\"connect\",\"label\":\"%s\",\"clients\":%d,\"concurrency\":%d,"
                   "\"churn\":%s,\"connected\":%llu,\"errors\":%d,\"bad\":%llu,"
                   "\"timeout\":%s,\"wall_s\":%.4f,\"conn_per_s\":%.1f,",
                   o.label, o.n, o.conc, o.churn ? "true" : "false", (unsigned long long)n_deliv,
                   n_err, (unsigned long long)n_bad, timeout ? "true" : "false", wall,
                   (double)n_deliv / wall);
            j_lat();
            putchar(',');
            j_usage("server", &u0, &u1, n_deliv);
            printf(",\"load_util\":%.4f,", (double)(u1.self_ns - u0.self_ns) / 1e9 / wall);
            j_mem("mem_before", &u0);
            putchar(',');
            j_mem("mem_after", &m);
            printf(",\"rss_per_conn_bytes\":%.0f}\n",
                   n_ready ? (double)(m.rss_kb - u0.rss_kb) * 1024 / n_ready : 0.0);
            stopping = true;
            return 0;
        }
        loop_until(hard, &n_ready, o.n);
        usage_read(&u1, true);
        cwall = (double)(u1.t - u0.t) / 1e9;
    }
    if (n_ready < o.n)
        fprintf(stderr, "sioload: only %d of %d clients connected\n", n_ready, o.n);

    if (o.mode == M_IDLE) {
        loop_until(now_ns() + (uint64_t)(o.settle * 1e9), NULL, 0);
        usage_read(&u1, true);
        loop_until(now_ns() + (uint64_t)(o.dur * 1e9), NULL, 0);
        usage_read(&u2, true);
        u3 = u4 = u2;
        if (o.first) {
            first_left = (uint64_t)n_ready;
            for (int i = 0; i < o.n; i++) {
                if (cs[i].st == S_READY)
                    msg_send(&cs[i], now_ns(), cs[i].id);
                stage_flush();
                if (i % 256 == 255)
                    loop_until(now_ns() + 1000000, NULL, 0);
            }
            uint64_t lim = now_ns() + 20 * NS;
            while (first_left && now_ns() < lim)
                loop_until(now_ns() + 5000000, NULL, 0);
            loop_until(now_ns() + (uint64_t)(o.settle * 1e9), NULL, 0);
            usage_read(&u3, true);
            u4 = u3;
        }
        int live = n_live;
        stopping = true;
        for (int i = 0; i < o.n; i++)
            if (cs[i].st != S_DEAD)
                close(cs[i].fd), cs[i].st = S_DEAD;
        loop_until(now_ns() + (uint64_t)(o.settle * 1e9), NULL, 0);
        usage_read(&u4, true);
        double iw = (double)(u2.t - u1.t) / 1e9;
        printf("{\"mode\":\"idle\",\"label\":\"%s\",\"clients\":%d,\"connected\":%d,\"errors\":%d,"
               "\"bad\":%llu,\"pings\":%llu,\"connect_wall_s\":%.3f,\"idle_s\":%.2f,"
               "\"rss_per_conn_bytes\":%.0f,\"pss_per_conn_bytes\":%.0f,\"private_per_conn_bytes\":"
               "%.0f,"
               "\"rss_per_conn_after_first_bytes\":%.0f,\"idle_cpu_us_per_conn_s\":%.4f,\"first_"
               "missing\":%llu,",
               o.label, o.n, live, n_err, (unsigned long long)n_bad, (unsigned long long)n_pings,
               cwall, iw, (double)(u2.rss_kb - u0.rss_kb) * 1024 / (live ? live : 1),
               (double)(u2.pss_kb - u0.pss_kb) * 1024 / (live ? live : 1),
               (double)(u2.priv_kb - u0.priv_kb) * 1024 / (live ? live : 1),
               (double)(u3.rss_kb - u0.rss_kb) * 1024 / (live ? live : 1),
               (double)(u2.cpu_ns - u1.cpu_ns) / 1e3 / iw / (live ? live : 1),
               (unsigned long long)first_left);
        j_usage("server", &u1, &u2, 0);
        putchar(',');
        j_mem("mem_before", &u0);
        putchar(',');
        j_mem("mem_connected", &u1);
        putchar(',');
        j_mem("mem_idle", &u2);
        putchar(',');
        j_mem("mem_first", &u3);
        putchar(',');
        j_mem("mem_closed", &u4);
        puts("}");
        return 0;
    }

    /* Message modes: warm up, then measure. */
    loop_until(now_ns() + (uint64_t)(o.hold * 1e9), NULL, 0);
    if (o.mode == M_DEMO)
        join_general();
    uint64_t t = now_ns();
    if (o.mode == M_BCAST && o.rate > 0) {
        tick_step = (uint64_t)(1e9 / o.rate);
        tick_due = t + tick_step;
        tfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        struct itimerspec its = {
            .it_value = { .tv_sec = (time_t)(tick_due / NS), .tv_nsec = (long)(tick_due % NS) },
            .it_interval = { .tv_sec = (time_t)(tick_step / NS), .tv_nsec = (long)(tick_step % NS) }
        };
        timerfd_settime(tfd, TFD_TIMER_ABSTIME, &its, NULL);
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &timer_head };
        epoll_ctl(ep, EPOLL_CTL_ADD, tfd, &ev);
    } else if (o.mode == M_BCAST) {
        bcast_pump();
    } else if (o.mode != M_POLL) {
        for (int i = 0; i < o.n; i++) {
            if (cs[i].st != S_READY)
                continue;
            for (int w = 0; w < o.window; w++)
                msg_send(&cs[i], now_ns(), cs[i].id);
            stage_flush();
        }
    }
    loop_until(now_ns() + (uint64_t)(o.warm * 1e9), NULL, 0);
    hist_reset();
    uint64_t warm_deliv = total_deliv, sent0 = n_sent;
    usage_read(&u2, false);
    uint64_t recv0 = n_recv_calls;
    measuring = true;
    loop_until(now_ns() + (uint64_t)(o.dur * 1e9), NULL, 0);
    measuring = false;
    usage_read(&u3, false);
    uint64_t recvs = n_recv_calls - recv0, sent = n_sent - sent0;
    stopping = true;
    uint64_t drained = 0;
    if (o.mode == M_BCAST) {
        /* Let what is in flight arrive, so that a lost message shows. */
        uint64_t lim = now_ns() + 3 * NS;
        while (bc_done < bc_next && now_ns() < lim)
            loop_until(now_ns() + 2000000, NULL, 0);
        drained = bc_next - bc_done;
    }
    usage_read(&u4, true);
    double wall = (double)(u3.t - u2.t) / 1e9;
    static const char *kinds[] = { "string", "object", "binary" };
    printf("{\"mode\":\"%s\",\"label\":\"%s\",\"clients\":%d,\"connected\":%d,\"window\":%d,"
           "\"size\":%d,\"kind\":\"%s\",\"ack\":%s,\"rate\":%.1f,"
           "\"room_size\":%d,\"errors\":%d,\"bad\":%llu,\"undelivered_broadcasts\":%llu,\"pings\":%"
           "llu,\"connect_wall_s\":%.3f,\"wall_s\":%.4f,"
           "\"sent\":%llu,\"deliveries\":%llu,\"warmup_deliveries\":%llu,\"deliveries_per_s\":%.1f,"
           "\"mbytes_per_s\":%.2f,\"deliveries_per_recv\":%.3f,",
           mode_names[o.mode], o.label, o.n, n_ready, o.window, o.size, kinds[o.kind],
           o.ack ? "true" : "false", o.rate, o.mode == M_ROOMS ? o.roomsize : 0, n_err,
           (unsigned long long)n_bad, (unsigned long long)drained, (unsigned long long)n_pings,
           cwall, wall, (unsigned long long)sent, (unsigned long long)n_deliv,
           (unsigned long long)warm_deliv, (double)n_deliv / wall, (double)n_bytes / wall / 1e6,
           recvs ? (double)n_deliv / (double)recvs : 0);
    j_lat();
    putchar(',');
    j_usage("server", &u2, &u3, n_deliv);
    putchar(',');
    j_threads(&u2, &u3);
    if (bc_whole_n)
        printf("\"broadcasts\":%llu,\"broadcast_ms\":%.3f,\"broadcast_max_ms\":%.3f,",
               (unsigned long long)bc_whole_n, (double)bc_whole_sum / 1e6 / (double)bc_whole_n,
               (double)bc_whole_max / 1e6);
    printf("\"load_util\":%.4f,", (double)(u3.self_ns - u2.self_ns) / 1e9 / wall);
    j_mem("mem_before", &u0);
    putchar(',');
    j_mem("mem_connected", &u1);
    putchar(',');
    j_mem("mem_after", &u4);
    puts("}");
    return 0;
}
