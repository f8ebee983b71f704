/*
 * The same traffic as limit.c, through libuv. `limit-uv PORT [--write] [--batch]`
 * default   uv_try_write, and uv_write for what it could not send
 * --write   always uv_write, with a request per message and socket
 * --batch   as in limit.c, at the end of each loop pass (uv_check)
 */
#include "wire.h"
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <uv.h>

struct peer {
    wire w;
    uv_tcp_t tcp;
    int slot;
    bool dirty, closing;
    char *out;
    size_t outlen, outcap;
};

/* A message that several writes share. */
typedef struct {
    int refs;
    size_t n;
    char b[];
} msg;

typedef struct wreq {
    uv_write_t req;
    msg *m;
    struct wreq *next;
} wreq;

enum { RBUF = 1 << 18 };
static char rbuf[RBUF + 64];
static uv_loop_t *loop;
static peer **all;
static int n_all, cap_all;
static bool always_write, batch;
static wreq *free_reqs;
static peer **dirty;
static int n_dirty, cap_dirty;
static char *shared;
static size_t shared_n, shared_cap;

static wire *wire_of(peer *p)
{
    return &p->w;
}

static msg *msg_new(const char *b, size_t n)
{
    msg *m = malloc(sizeof *m + n);
    if (!m)
        abort();
    m->refs = 1;
    m->n = n;
    memcpy(m->b, b, n);
    return m;
}

static void msg_free(msg *m)
{
    if (!--m->refs)
        free(m);
}

static void written(uv_write_t *r, int status)
{
    (void)status;
    wreq *q = (wreq *)r;
    msg_free(q->m);
    q->next = free_reqs;
    free_reqs = q;
}

static void put_msg(peer *p, msg *m, size_t from)
{
    wreq *q = free_reqs;
    if (q)
        free_reqs = q->next;
    else
        q = malloc(sizeof *q);
    m->refs++;
    q->m = m;
    uv_buf_t b = uv_buf_init(m->b + from, (unsigned)(m->n - from));
    if (uv_write(&q->req, (uv_stream_t *)&p->tcp, &b, 1, written) < 0)
        written(&q->req, -1);
}

static void put(peer *p, const char *b, size_t n, msg **m)
{
    if (p->closing)
        return;
    size_t k = 0;
    if (!always_write) {
        uv_buf_t u = uv_buf_init((char *)b, (unsigned)n);
        int r = uv_try_write((uv_stream_t *)&p->tcp, &u, 1);
        if (r > 0)
            k = (size_t)r;
        if (k == n)
            return;
    }
    if (!*m)
        *m = msg_new(b, n);
    put_msg(p, *m, k);
}

static void wire_send(peer *p, const char *b, size_t n)
{
    if (!batch) {
        msg *m = NULL;
        put(p, b, n, &m);
        if (m)
            msg_free(m);
        return;
    }
    if (p->outlen + n > p->outcap) {
        p->outcap = (p->outlen + n) * 2;
        p->out = realloc(p->out, p->outcap);
    }
    memcpy(p->out + p->outlen, b, n);
    p->outlen += n;
    if (!p->dirty) {
        p->dirty = true;
        if (n_dirty == cap_dirty) {
            cap_dirty = cap_dirty ? cap_dirty * 2 : 64;
            dirty = realloc(dirty, sizeof *dirty * (size_t)cap_dirty);
        }
        dirty[n_dirty++] = p;
    }
}

static void wire_all(const char *b, size_t n)
{
    if (!batch) {
        msg *m = NULL;
        for (int i = 0; i < n_all; i++)
            if (all[i]->w.open)
                put(all[i], b, n, &m);
        if (m)
            msg_free(m);
        return;
    }
    if (shared_n + n > shared_cap) {
        shared_cap = (shared_n + n) * 2;
        shared = realloc(shared, shared_cap);
    }
    memcpy(shared + shared_n, b, n);
    shared_n += n;
}

static void end_of_pass(uv_check_t *h)
{
    (void)h;
    if (shared_n) {
        msg *m = NULL;
        for (int i = 0; i < n_all; i++)
            if (all[i]->w.open)
                put(all[i], shared, shared_n, &m);
        if (m)
            msg_free(m);
        shared_n = 0;
    }
    for (int i = 0; i < n_dirty; i++) {
        peer *p = dirty[i];
        p->dirty = false;
        msg *m = NULL;
        put(p, p->out, p->outlen, &m);
        if (m)
            msg_free(m);
        p->outlen = 0;
        free(p->out);
        p->out = NULL;
        p->outcap = 0;
    }
    n_dirty = 0;
}

static void closed(uv_handle_t *h)
{
    peer *p = h->data;
    free(p->out);
    free(p);
}

static void drop(peer *p)
{
    if (p->closing)
        return;
    p->closing = true;
    if (p->dirty)
        for (int i = 0; i < n_dirty; i++)
            if (dirty[i] == p) {
                dirty[i] = dirty[--n_dirty];
                break;
            }
    wire_leave(p);
    all[p->slot] = all[--n_all];
    all[p->slot]->slot = p->slot;
    uv_close((uv_handle_t *)&p->tcp, closed);
}

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *b)
{
    (void)h;
    (void)want;
    *b = uv_buf_init(rbuf + 16, RBUF);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    peer *p = s->data;
    if (n == 0)
        return;
    if (n < 0 || !wire_data(p, b->base, (size_t)n))
        drop(p);
}

static void on_conn(uv_stream_t *s, int status)
{
    if (status < 0)
        return;
    peer *p = calloc(1, sizeof *p);
    uv_tcp_init(loop, &p->tcp);
    p->tcp.data = p;
    p->w.room = -1;
    if (n_all == cap_all) {
        cap_all = cap_all ? cap_all * 2 : 256;
        all = realloc(all, sizeof *all * (size_t)cap_all);
    }
    p->slot = n_all;
    all[n_all++] = p;
    if (uv_accept(s, (uv_stream_t *)&p->tcp) < 0) {
        drop(p);
        return;
    }
    uv_tcp_nodelay(&p->tcp, 1);
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 3000;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--write"))
            always_write = true;
        if (!strcmp(argv[i], "--batch"))
            batch = true;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    rooms = calloc(ROOMS, sizeof *rooms);
    loop = uv_default_loop();
    uv_tcp_t ls;
    uv_tcp_init(loop, &ls);
    struct sockaddr_in a;
    uv_ip4_addr("127.0.0.1", port, &a);
    uv_tcp_bind(&ls, (struct sockaddr *)&a, 0);
    int e = uv_listen((uv_stream_t *)&ls, 4096, on_conn);
    if (e < 0) {
        fprintf(stderr, "listen: %s\n", uv_strerror(e));
        return 1;
    }
    uv_check_t ck;
    if (batch) {
        uv_check_init(loop, &ck);
        uv_check_start(&ck, end_of_pass);
    }
    fprintf(stderr, "libuv %s\n", uv_version_string());
    return uv_run(loop, UV_RUN_DEFAULT);
}
