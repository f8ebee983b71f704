#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engineio/http/compress.h"
#include "engineio/http/conditional.h"
#include "engineio/http/date.h"
#include "engineio/http/file_name.h"
#include "engineio/http/response.h"
#include "engineio/http/server.h"
#include "engineio/limits.h"

/* One piece in memory per file that is being sent; what is queued besides is bounded by the soft limit. */
enum { PIECE_BYTES = 64 * 1024 };

/* A file on its way. It outlives the request if that is aborted while the pool is at work. */
typedef struct file_job {
    uv_work_t work;
    eio_http_request *request; /* borrowed; NULL once it is gone */
    eio_http_server *server;   /* held */
    char *root;                /* own */
    char *cache;               /* own */
    const char *name;          /* the last segment */
    int fd;                    /* -1: not open */
    int error;                 /* of the pool's work, 0 or an errno */
    struct stat stat;
    uint64_t at;       /* of the next byte to send */
    uint64_t left;     /* bytes to send */
    eio_buffer *piece; /* own */
    bool working;      /* the pool has it */
    eio_encoding encoding;
    char segments[]; /* see eio_file_segments */
} file_job;

static void free_job(file_job *job)
{
    if (job->fd >= 0)
        close(job->fd);
    eio_buffer_unref(job->piece);
    eio_http_server_release(job->server);
    free(job->root);
    free(job->cache);
    free(job);
}

static void handle_abort(eio_http_request *request, void *data)
{
    file_job *job = data;

    (void)request;
    job->request = NULL;
    if (!job->working)
        free_job(job);
}

/* Its response goes its own way from here on: the job has nothing more to do with it. */
static eio_http_request *let_go(file_job *job)
{
    eio_http_request *request = job->request;

    eio_http_on_abort(request, NULL, NULL);
    request->on_drain = NULL;
    free_job(job);
    return request;
}

static void start_work(file_job *job, uv_work_cb work, uv_after_work_cb after)
{
    job->working = true;
    job->work.data = job;
    int rc = uv_queue_work(job->server->loop->uv, &job->work, work, after);
    assert(rc == 0); /* only without a callback does it fail */
    (void)rc;
}

/* ---- sending, piece by piece ---- */

static void read_piece(uv_work_t *work)
{
    file_job *job = work->data;
    size_t wanted = job->left < PIECE_BYTES ? (size_t)job->left : PIECE_BYTES;
    ssize_t len = -1;

    job->piece = eio_buffer_new(wanted);
    if (job->piece != NULL)
        len = pread(job->fd, eio_buffer_reserve(&job->piece, wanted), wanted, (off_t)job->at);
    if (len > 0)
        eio_buffer_commit(job->piece, (size_t)len);
    else
        job->error = EIO; /* also when it became shorter: what was announced cannot be sent */
}

static void send_on(file_job *job);

static void handle_piece(uv_work_t *work, int status)
{
    file_job *job = work->data;
    int rc = status;

    job->working = false;
    if (job->request == NULL) {
        free_job(job);
        return;
    }
    if (rc == 0 && job->error == 0) {
        eio_slice bytes = eio_buffer_slice(job->piece);
        job->at += bytes.len;
        job->left -= bytes.len;
        rc = eio_http_respond_write(job->request, job->piece, bytes);
    }
    eio_buffer_unref(job->piece);
    job->piece = NULL;
    if (rc != 0 || job->error != 0)
        eio_http_destroy(let_go(job));
    else
        send_on(job);
}

/* Read ahead no more than a reader at its own speed can be said to want. */
static void send_on(file_job *job)
{
    const eio_stream *stream = eio_http_connection_stream(job->request->connection);

    if (job->left == 0)
        (void)eio_http_respond_end(let_go(job));
    else if (eio_stream_queued(stream) < EIO_SOFT_BUFFERED_BYTES / 2)
        start_work(job, read_piece, handle_piece);
}

static void handle_drain(eio_http_request *request)
{
    file_job *job = request->abort_data;

    if (!job->working)
        send_on(job);
}

/* ---- the head ---- */

static void add(eio_http_request *request, const char *name, const char *value)
{
    (void)eio_http_add_header(request, eio_slice_of(name), eio_slice_of(value));
}

static void add_validators(const file_job *job, const char *etag)
{
    char date[EIO_HTTP_DATE_LEN + 1];

    eio_http_format_date(date, job->stat.st_mtime);
    add(job->request, "Cache-Control", job->cache);
    add(job->request, "ETag", etag);
    add(job->request, "Last-Modified", date);
}

/* Weak, for a file may change twice within what its clock can tell apart. */
static void format_etag(const file_job *job, char *out, size_t size)
{
    (void)snprintf(out, size, "W/\"%" PRIx64 "-%" PRIx64 "%09lx\"", (uint64_t)job->stat.st_size,
                   (uint64_t)job->stat.st_mtim.tv_sec, (unsigned long)job->stat.st_mtim.tv_nsec);
}

/* If-Range: a part only of what the caller has already. A weak tag never says that (RFC 9110 §13.1.5). */
static bool may_send_part(const file_job *job)
{
    eio_slice condition = eio_http_header(job->request, "If-Range");
    time_t at;

    return condition.base == NULL ||
           (eio_http_parse_date(&at, condition) && at == job->stat.st_mtime);
}

static eio_range_result choose_range(file_job *job)
{
    uint64_t size = (uint64_t)job->stat.st_size;
    eio_slice range = eio_http_header(job->request, "Range");
    eio_range_result result = EIO_RANGE_WHOLE;
    bool is_get = eio_slice_equal(eio_http_method(job->request), EIO_STR("GET"));

    if (range.base != NULL && is_get && may_send_part(job))
        result = eio_range_parse(range, size, &job->at, &job->left);
    if (result == EIO_RANGE_WHOLE) {
        job->at = 0;
        job->left = size;
    }
    return result;
}

static void refuse_range(file_job *job)
{
    char text[48];

    (void)snprintf(text, sizeof(text), "bytes */%" PRIu64, (uint64_t)job->stat.st_size);
    add(job->request, "Accept-Ranges", "bytes");
    add(job->request, "Content-Range", text);
    (void)eio_http_respond(let_go(job), 416, NULL);
}

static void begin_body(file_job *job, bool part)
{
    char text[96];

    if (part) {
        (void)snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, job->at,
                       job->at + job->left - 1, (uint64_t)job->stat.st_size);
        add(job->request, "Content-Range", text);
    }
    add(job->request, "Accept-Ranges", "bytes");
    add(job->request, "Content-Type", eio_file_type(job->name));
    job->request->on_drain = handle_drain;
    if (eio_http_respond_start_sized(job->request, part ? 206 : 200, (int64_t)job->left) !=
        EIO_OK) {
        eio_http_destroy(let_go(job));
        return;
    }
    if (job->request->head_only)
        job->left = 0;
    send_on(job);
}

static void send_plain(file_job *job)
{
    eio_range_result range = choose_range(job);

    if (range == EIO_RANGE_UNSATISFIABLE)
        refuse_range(job);
    else
        begin_body(job, range == EIO_RANGE_PART);
}

/* ---- compressed, as a whole: what a range means there is nobody's guess, so there are none ---- */

static bool may_compress(const file_job *job)
{
    return job->stat.st_size >= EIO_HTTP_COMPRESSION_THRESHOLD_BYTES &&
           job->stat.st_size <= EIO_FILE_COMPRESSED_MAX_BYTES &&
           eio_type_is_text(eio_file_type(job->name));
}

static void respond_compressed(file_job *job, eio_buffer *body)
{
    eio_buffer *kept = eio_buffer_ref(body); /* it may be the job's own */
    eio_slice encoding = eio_encoding_name(job->encoding);

    (void)eio_http_add_header(job->request, EIO_STR("Content-Encoding"), encoding);
    add(job->request, "Content-Type", eio_file_type(job->name));
    (void)eio_http_respond(let_go(job), 200, kept);
    eio_buffer_unref(kept);
}

/* The file as it was when it was opened, or NULL. */
static eio_buffer *read_whole(const file_job *job)
{
    size_t size = (size_t)job->stat.st_size;
    eio_buffer *body = eio_buffer_new(size);
    size_t len = 0;
    ssize_t got = 1;

    while (body != NULL && got > 0 && len < size) {
        got = pread(job->fd, eio_buffer_reserve(&body, size - len), size - len, (off_t)len);
        if (got > 0) {
            eio_buffer_commit(body, (size_t)got);
            len += (size_t)got;
        }
    }
    if (len == size)
        return body;
    eio_buffer_unref(body);
    return NULL;
}

/* A compressor for each, as it is not the loop's thread; the result is kept for long. */
static void compress_file(uv_work_t *work)
{
    file_job *job = work->data;
    eio_compressor compressor = { { NULL } };
    eio_buffer *body = read_whole(job);

    if (body != NULL)
        job->piece = eio_compress(&compressor, job->encoding, eio_buffer_slice(body));
    eio_buffer_unref(body);
    eio_compressor_fini(&compressor);
}

static void handle_compressed(uv_work_t *work, int status)
{
    file_job *job = work->data;

    (void)status; /* without a result, it was not compressed */
    job->working = false;
    if (job->piece != NULL)
        eio_file_cache_add(&job->server->files, &job->stat, job->encoding, job->piece);
    if (job->request == NULL)
        free_job(job);
    else if (job->piece != NULL)
        respond_compressed(job, job->piece);
    else
        send_plain(job);
}

static void send_compressed(file_job *job)
{
    eio_buffer *kept = eio_file_cache_find(&job->server->files, &job->stat, job->encoding);

    if (kept != NULL)
        respond_compressed(job, kept);
    else
        start_work(job, compress_file, handle_compressed);
}

static void send_file(file_job *job)
{
    char etag[64];
    eio_http_request *request = job->request;

    job->encoding = EIO_ENCODING_IDENTITY;
    format_etag(job, etag, sizeof(etag));
    add_validators(job, etag);
    if (may_compress(job)) {
        add(request, "Vary", "Accept-Encoding");
        job->encoding = eio_http_choose_encoding(request);
    }
    if (eio_is_fresh(eio_http_header(request, "If-None-Match"),
                     eio_http_header(request, "If-Modified-Since"), eio_slice_of(etag),
                     job->stat.st_mtime)) {
        (void)eio_http_respond(let_go(job), 304, NULL);
        return;
    }
    if (job->encoding == EIO_ENCODING_IDENTITY)
        send_plain(job);
    else
        send_compressed(job);
}

/* ---- finding it ---- */

/*
 * Segment by segment, without following a symbolic link, so that nobody can exchange a part of the way between a check
 * and its use. O_NONBLOCK: the open of a pipe would wait for its other end.
 */
static int open_below(const char *root, const char *segments)
{
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (const char *segment = segments; fd >= 0 && *segment != '\0';
         segment += strlen(segment) + 1) {
        bool last = segment[strlen(segment) + 1] == '\0';
        int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
        int next = openat(fd, segment, flags | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        close(fd);
        errno = error;
        fd = next;
    }
    return fd;
}

static void open_file(uv_work_t *work)
{
    file_job *job = work->data;

    job->fd = open_below(job->root, job->segments);
    if (job->fd < 0 || fstat(job->fd, &job->stat) != 0)
        job->error = errno;
}

/* A folder asked for without its slash: relative links in its page would lead astray. */
static void redirect(eio_http_request *request)
{
    eio_slice path = eio_http_path(request);
    eio_slice query = eio_http_query(request);
    eio_buffer *location = eio_buffer_new(path.len + query.len + 2);

    /* A target that begins with two slashes would name another host. */
    bool is_ours = path.len > 0 && path.base[0] == '/' &&
                   (path.len == 1 || (path.base[1] != '/' && path.base[1] != '\\'));
    if (location == NULL || !is_ours) {
        eio_buffer_unref(location);
        (void)eio_http_respond(request, 404, NULL);
        return;
    }
    /* There is room for all. */
    (void)eio_buffer_append(&location, path);
    (void)eio_buffer_append(&location, EIO_STR("/"));
    if (query.base != NULL) {
        (void)eio_buffer_append(&location, EIO_STR("?"));
        (void)eio_buffer_append(&location, query);
    }
    (void)eio_http_add_header(request, EIO_STR("Location"), eio_buffer_slice(location));
    eio_buffer_unref(location);
    (void)eio_http_respond(request, 301, NULL);
}

static int status_of(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    case EIO: return 500;
    default:
        return 404; /* also for what we may not read: whether it is there is nobody's business */
    }
}

static void handle_opened(uv_work_t *work, int status)
{
    file_job *job = work->data;

    int error = job->error;

    job->working = false;
    if (job->request == NULL)
        free_job(job);
    else if (status != 0 || error != 0)
        (void)eio_http_respond(let_go(job), status_of(error), NULL);
    else if (S_ISDIR(job->stat.st_mode))
        redirect(let_go(job));
    else if (!S_ISREG(job->stat.st_mode))
        (void)eio_http_respond(let_go(job), 404, NULL);
    else
        send_file(job);
}

static file_job *job_new(eio_http_request *request, const char *root, size_t path_len,
                         const char *cache)
{
    file_job *job = calloc(1, sizeof(*job) + path_len + sizeof("index.html\0") + 1);
    if (job == NULL)
        return NULL;
    job->root = strdup(root);
    job->cache = strdup(cache == NULL ? "public, max-age=0" : cache);
    job->request = request;
    job->server = request->server;
    job->fd = -1;
    eio_http_server_hold(job->server);
    if (job->root != NULL && job->cache != NULL)
        return job;
    free_job(job);
    return NULL;
}

static const char *last_segment(const char *segments)
{
    const char *last = segments;

    for (const char *segment = segments; *segment != '\0'; segment += strlen(segment) + 1)
        last = segment;
    return last;
}

void eio_http_serve_file(eio_http_request *request, const char *root, eio_slice path,
                         const char *cache)
{
    eio_slice method = eio_http_method(request);

    if (!eio_slice_equal(method, EIO_STR("GET")) && !eio_slice_equal(method, EIO_STR("HEAD"))) {
        add(request, "Allow", "GET, HEAD");
        (void)eio_http_respond(request, 405, NULL);
        return;
    }
    file_job *job = job_new(request, root, path.len, cache);
    if (job == NULL) {
        (void)eio_http_respond(request, 503, NULL);
        return;
    }
    if (!eio_file_segments(job->segments, path)) {
        free_job(job);
        (void)eio_http_respond(request, 404, NULL);
        return;
    }
    job->name = last_segment(job->segments);
    eio_http_on_abort(request, handle_abort, job);
    start_work(job, open_file, handle_opened);
}
