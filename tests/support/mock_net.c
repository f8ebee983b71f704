#include "tests/support/mock_net.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NS_A_CALL = 1000, MOST_TURNS = 200, STEPS_OF_TIME = 32 };

typedef struct peer {
    int fd; /* -1: not connected */
    int ended;
} peer;

static peer peers[MOCK_NET_PEERS] = {
    { .fd = -1 }, { .fd = -1 }, { .fd = -1 }, { .fd = -1 },
    { .fd = -1 }, { .fd = -1 }, { .fd = -1 }, { .fd = -1 },
};
static struct sockaddr_un address;
static socklen_t address_len;
static unsigned faults[MOCK_NET_FAULTS];
static uint64_t now_ns = 1000000000;
static uint64_t transfers; /* that the server has made */

/* ---- what the loop and the streams call ---- */

int clock_gettime(clockid_t id, struct timespec *out)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
        return (int)syscall(SYS_clock_gettime, id, out);
    now_ns += NS_A_CALL; /* so that who waits for time to pass gets through */
    out->tv_sec = (time_t)(now_ns / 1000000000);
    out->tv_nsec = (long)(now_ns % 1000000000);
    return 0;
}

/* The loop's own descriptors never fail. */
static int is_connection(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);

    return syscall(SYS_getsockname, fd, &name, &len) == 0 && name.ss_family == AF_UNIX;
}

static int take_fault(mock_net_fault fault, int fd)
{
    if (faults[fault] == 0 || !is_connection(fd))
        return 0;
    faults[fault]--;
    return 1;
}

static ssize_t fail_with(int error)
{
    errno = error;
    return -1;
}

static ssize_t count_transfer(long result)
{
    transfers += result >= 0;
    return result;
}

ssize_t read(int fd, void *bytes, size_t len)
{
    if (take_fault(MOCK_NET_READ_RESET, fd))
        return fail_with(ECONNRESET);
    if (len > 1 && take_fault(MOCK_NET_SHORT, fd))
        len = 1;
    return count_transfer(syscall(SYS_read, fd, bytes, len));
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    if (take_fault(MOCK_NET_READ_RESET, fd))
        return fail_with(ECONNRESET);
    if (len > 1 && take_fault(MOCK_NET_SHORT, fd))
        len = 1;
    return count_transfer(syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL));
}

/* Whether this write fails, and as what. */
static int write_error(int fd)
{
    if (take_fault(MOCK_NET_WRITE_RESET, fd))
        return ECONNRESET;
    return take_fault(MOCK_NET_FULL, fd) ? EAGAIN : 0;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    int error = write_error(fd);

    if (error != 0)
        return fail_with(error);
    if (len > 1 && take_fault(MOCK_NET_SHORT, fd))
        len = 1;
    return count_transfer(syscall(SYS_write, fd, bytes, len));
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    int error = write_error(fd);

    if (error != 0)
        return fail_with(error);
    if (count > 0 && vectors[0].iov_len > 1 && take_fault(MOCK_NET_SHORT, fd))
        return count_transfer(syscall(SYS_write, fd, vectors[0].iov_base, 1));
    return count_transfer(syscall(SYS_writev, fd, vectors, count));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    int error = write_error(fd);
    struct iovec first;
    struct msghdr little = *message;

    if (error != 0)
        return fail_with(error);
    if (message->msg_iovlen > 0 && message->msg_iov[0].iov_len > 1 &&
        take_fault(MOCK_NET_SHORT, fd)) {
        first = (struct iovec){ message->msg_iov[0].iov_base, 1 };
        little.msg_iov = &first;
        little.msg_iovlen = 1;
        message = &little;
    }
    return count_transfer(syscall(SYS_sendmsg, fd, message, flags));
}

int accept4(int fd, __SOCKADDR_ARG from, socklen_t *len, int flags)
{
    if (take_fault(MOCK_NET_NO_DESCRIPTOR, fd))
        return (int)fail_with(EMFILE);
    return (int)count_transfer(syscall(SYS_accept4, fd, from.__sockaddr__, len, flags));
}

/* ---- the whole ---- */

int mock_net_begin(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert(fd >= 0);
    memset(faults, 0, sizeof(faults));
    address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    address_len = sizeof(address);
    /* An address without a name: the kernel gives one that is nobody's. */
    int rc = bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t));
    assert(rc == 0);
    rc = getsockname(fd, (struct sockaddr *)&address, &address_len);
    assert(rc == 0);
    return fd;
}

void mock_net_end(void)
{
    for (unsigned i = 0; i < MOCK_NET_PEERS; i++)
        mock_net_leave(i);
}

void mock_net_fail(mock_net_fault fault, unsigned count)
{
    faults[fault] = count;
}

void mock_net_settle(uv_loop_t *loop)
{
    int quiet = 0;

    for (int turns = 0; quiet < 3 && turns < MOST_TURNS; turns++) {
        uint64_t before = transfers;
        uv_run(loop, UV_RUN_NOWAIT);
        quiet = transfers == before ? quiet + 1 : 0;
    }
}

void mock_net_wait(uv_loop_t *loop, uint64_t ms)
{
    for (uint64_t i = 0; i < STEPS_OF_TIME; i++) {
        now_ns += ms * 1000000 / STEPS_OF_TIME;
        uv_run(loop, UV_RUN_NOWAIT);
    }
    mock_net_settle(loop);
}

/* ---- peers: past the functions above, so that nothing of theirs fails ---- */

void mock_net_connect(unsigned i)
{
    if (peers[i].fd >= 0)
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, address_len) != 0) {
        close(fd); /* the server does not listen any more, or too many wait */
        return;
    }
    peers[i] = (peer){ .fd = fd };
}

int mock_net_has_peers(void)
{
    for (unsigned i = 0; i < MOCK_NET_PEERS; i++)
        if (peers[i].fd >= 0 && !peers[i].ended)
            return 1;
    return 0;
}

void mock_net_send(unsigned i, const void *bytes, size_t len)
{
    if (peers[i].fd >= 0)
        (void)syscall(SYS_sendto, peers[i].fd, bytes, len, MSG_NOSIGNAL, NULL, 0);
}

int mock_net_receive(unsigned i)
{
    char bytes[4096];
    long got;

    if (peers[i].fd < 0)
        return 1;
    while ((got = syscall(SYS_recvfrom, peers[i].fd, bytes, sizeof(bytes), 0, NULL, NULL)) > 0)
        continue;
    if (got == 0 || errno != EAGAIN)
        peers[i].ended = 1;
    return peers[i].ended;
}

size_t mock_net_take(unsigned i, char *out, size_t size)
{
    size_t len = 0;
    long got = 1;

    while (peers[i].fd >= 0 && len + 1 < size && got > 0) {
        got = syscall(SYS_recvfrom, peers[i].fd, out + len, size - 1 - len, 0, NULL, NULL);
        len += got > 0 ? (size_t)got : 0;
    }
    out[len] = '\0';
    return len;
}

void mock_net_finish(unsigned i)
{
    if (peers[i].fd >= 0)
        (void)shutdown(peers[i].fd, SHUT_WR);
}

void mock_net_leave(unsigned i)
{
    if (peers[i].fd >= 0)
        close(peers[i].fd);
    peers[i].fd = -1;
}
