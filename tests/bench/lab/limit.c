/*
 * The physical limit: one thread, epoll, and only the system calls that the
 * traffic needs. `limit PORT [--batch] [--cc NAME] [--zerocopy] [--busy-poll US]`
 * default    one write per message and socket
 * --batch    what one loop pass makes a socket send goes out in one write
 * --cc       TCP congestion control of the accepted sockets
 * --zerocopy MSG_ZEROCOPY for frames of 16 KiB and more
 */
#include "wire.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
    wire w;
    int fd, slot;
    bool want_out, dirty;
    char *out;
    size_t outlen, outcap;
};

enum { RBUF = 1 << 18 };
static int ep;
static peer **all;
static int n_all, cap_all;
static bool batch, zerocopy;
static int busy_us;
static peer **dirty;
static int n_dirty, cap_dirty;
static char *shared; /* frames for everybody, of this pass */
static size_t shared_n, shared_cap;

static wire *wire_of(peer *p)
{
    return &p->w;
}

static void keep(peer *p, const char *b, size_t n)
{
    if (p->outlen + n > p->outcap) {
        p->outcap = (p->outlen + n) * 2;
        p->out = realloc(p->out, p->outcap);
        if (!p->out)
            abort();
    }
    memcpy(p->out + p->outlen, b, n);
    p->outlen += n;
}

static void arm(peer *p, bool out)
{
    if (p->want_out == out)
        return;
    p->want_out = out;
    struct epoll_event ev = { .events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = p };
    epoll_ctl(ep, EPOLL_CTL_MOD, p->fd, &ev);
}

static void put(peer *p, const char *b, size_t n)
{
    if (p->outlen) {
        keep(p, b, n);
        return;
    }
    ssize_t k = zerocopy && n >= 16384 ? send(p->fd, b, n, MSG_NOSIGNAL | MSG_ZEROCOPY)
                                       : write(p->fd, b, n);
    if (k < 0)
        k = 0; /* EAGAIN; a broken socket shows on its next read */
    if ((size_t)k < n) {
        keep(p, b + k, n - (size_t)k);
        arm(p, true);
    }
}

static void wire_send(peer *p, const char *b, size_t n)
{
    if (!batch) {
        put(p, b, n);
        return;
    }
    keep(p, b, n);
    if (!p->dirty && !p->want_out) {
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
        for (int i = 0; i < n_all; i++)
            if (all[i]->w.open)
                put(all[i], b, n);
        return;
    }
    if (shared_n + n > shared_cap) {
        shared_cap = (shared_n + n) * 2;
        shared = realloc(shared, shared_cap);
    }
    memcpy(shared + shared_n, b, n);
    shared_n += n;
}

static void flush(peer *p)
{
    if (p->outlen) {
        ssize_t k = write(p->fd, p->out, p->outlen);
        if (k < 0)
            k = 0;
        p->outlen -= (size_t)k;
        if (p->outlen)
            memmove(p->out, p->out + k, p->outlen);
    }
    if (!p->outlen && p->outcap) {
        free(p->out);
        p->out = NULL;
        p->outcap = 0;
    }
    arm(p, p->outlen > 0);
}

static void end_of_pass(void)
{
    if (shared_n) {
        for (int i = 0; i < n_all; i++) {
            peer *p = all[i];
            if (!p->w.open)
                continue;
            if (p->outlen)
                keep(p, shared, shared_n);
            else
                put(p, shared, shared_n);
        }
        shared_n = 0;
    }
    for (int i = 0; i < n_dirty; i++) {
        dirty[i]->dirty = false;
        flush(dirty[i]);
    }
    n_dirty = 0;
}

static void drop(peer *p)
{
    if (p->dirty)
        for (int i = 0; i < n_dirty; i++)
            if (dirty[i] == p) {
                dirty[i] = dirty[--n_dirty];
                break;
            }
    wire_leave(p);
    all[p->slot] = all[--n_all];
    all[p->slot]->slot = p->slot;
    close(p->fd);
    free(p->out);
    free(p);
}

int main(int argc, char **argv)
{
    const char *cc = NULL;
    int port = argc > 1 ? atoi(argv[1]) : 3000;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--batch"))
            batch = true;
        else if (!strcmp(argv[i], "--zerocopy"))
            zerocopy = true;
        else if (!strcmp(argv[i], "--cc") && i + 1 < argc)
            cc = argv[++i];
        else if (!strcmp(argv[i], "--busy-poll") && i + 1 < argc)
            busy_us = atoi(argv[++i]);
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    rooms = calloc(ROOMS, sizeof *rooms);
    int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(ls, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* inherited */
    if (cc && setsockopt(ls, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) < 0)
        perror("TCP_CONGESTION");
    if (zerocopy && setsockopt(ls, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) < 0)
        perror("SO_ZEROCOPY");
    if (busy_us && setsockopt(ls, SOL_SOCKET, SO_BUSY_POLL, &busy_us, sizeof busy_us) < 0)
        perror("SO_BUSY_POLL");
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (bind(ls, (struct sockaddr *)&a, sizeof a) < 0 || listen(ls, 4096) < 0) {
        perror("listen");
        return 1;
    }
    ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(ep, EPOLL_CTL_ADD, ls, &ev);
    static char rbuf[RBUF + 64];
    static struct epoll_event evs[512];
    for (;;) {
        int k = epoll_wait(ep, evs, 512, -1);
        for (int i = 0; i < k; i++) {
            peer *p = evs[i].data.ptr;
            if (!p) {
                for (int j = 0; j < 64; j++) {
                    int fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                    if (fd < 0)
                        break;
                    peer *q = calloc(1, sizeof *q);
                    q->fd = fd;
                    q->w.room = -1;
                    if (n_all == cap_all) {
                        cap_all = cap_all ? cap_all * 2 : 256;
                        all = realloc(all, sizeof *all * (size_t)cap_all);
                    }
                    q->slot = n_all;
                    all[n_all++] = q;
                    struct epoll_event e = { .events = EPOLLIN, .data.ptr = q };
                    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
                }
                continue;
            }
            if (evs[i].events & EPOLLOUT)
                flush(p);
            if (evs[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                if (zerocopy && evs[i].events & EPOLLERR) {
                    char ctl[256];
                    struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof ctl };
                    while (recvmsg(p->fd, &m, MSG_ERRQUEUE) >= 0)
                        m.msg_controllen = sizeof ctl;
                }
                ssize_t n = read(p->fd, rbuf + 16, RBUF);
                if (n < 0 && errno == EAGAIN)
                    continue;
                if (n <= 0 || !wire_data(p, rbuf + 16, (size_t)n))
                    drop(p);
            }
        }
        end_of_pass();
    }
}
