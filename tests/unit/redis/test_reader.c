#include "socketio/redis/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_BYTES = 1000 };

/* Replies as text, so that a vector is one line: +OK -ERR :1 "text" nil [..]. */
static void print(const sio_redis_reply *reply, char *out, size_t size)
{
    size_t at = strlen(out);

    switch (reply->type) {
    case SIO_REDIS_NIL: snprintf(out + at, size - at, "nil "); return;
    case SIO_REDIS_INTEGER:
        snprintf(out + at, size - at, ":%lld ", (long long)reply->integer);
        return;
    case SIO_REDIS_STRING:
    case SIO_REDIS_STATUS:
    case SIO_REDIS_ERROR:
        snprintf(out + at, size - at, "%c%.*s ", "?\"+-"[reply->type], (int)reply -> text.len,
                 reply->text.base);
        return;
    case SIO_REDIS_ARRAY: break;
    }
    snprintf(out + at, size - at, "[ ");
    for (size_t i = 0; i < reply->count; i++)
        print(&reply->items[i], out, size);
    at = strlen(out);
    snprintf(out + at, size - at, "] ");
}

static int drain(sio_redis_reader *reader, char *out, size_t size)
{
    sio_redis_reply *reply = NULL;
    int rc;

    while ((rc = sio_redis_reader_next(reader, &reply)) == EIO_OK && reply != NULL) {
        print(reply, out, size);
        sio_redis_reply_free(reply);
    }
    return rc;
}

/* Feed in two pieces (or byte by byte: first is 0) and return what came out. */
static int read_text(eio_slice bytes, size_t first, char *out, size_t size)
{
    sio_redis_reader *reader;
    int rc = EIO_OK;

    assert_int_equal(sio_redis_reader_new(&reader, MAX_BYTES), EIO_OK);
    for (size_t at = 0; at < bytes.len && rc == EIO_OK;) {
        size_t len = first == 0 ? 1 : at == 0 ? first : bytes.len - first;
        rc = sio_redis_reader_feed(reader, (eio_slice){ bytes.base + at, len });
        if (rc == EIO_OK)
            rc = drain(reader, out, size);
        at += len;
    }
    sio_redis_reader_free(reader);
    return rc;
}

#define NESTED_6 "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"
#define NESTED_7 "*1\r\n" NESTED_6

static const struct {
    const char *bytes, *replies;
    int rc;
} vectors[] = {
    { "+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n", "+OK -ERR no :-7 \"a\r\n nil nil ",
      EIO_OK },
    { "$0\r\n\r\n*0\r\n", "\" [ ] ", EIO_OK },
    { "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n", "[ \"message \"c \"hi ] ", EIO_OK },
    { "*2\r\n*2\r\n:1\r\n$-1\r\n+x\r\n:9223372036854775807\r\n",
      "[ [ :1 nil ] +x ] :9223372036854775807 ", EIO_OK },
    { NESTED_6, "[ [ [ [ [ [ :1 ] ] ] ] ] ] ", EIO_OK },
    { NESTED_7, "", EIO_E_TOO_BIG },
    { "*1000001\r\n", "", EIO_E_TOO_BIG },
    { "*2\r\n*1000000\r\n", "", EIO_E_TOO_BIG },
    { "HTTP/1.1 200 OK\r\n", "", EIO_E_PROTOCOL },
    { "+OK\r\n\x16\x03\x01", "+OK ", EIO_E_PROTOCOL },
};

static void replies_are_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        eio_slice bytes = eio_slice_of(vectors[i].bytes);
        for (size_t first = 0; first <= bytes.len; first++) {
            char out[300] = "";
            assert_int_equal(read_text(bytes, first, out, sizeof(out)), vectors[i].rc);
            assert_string_equal(out, vectors[i].replies);
        }
    }
}

/* A text of `len` bytes inside an array of `count` such texts. */
static int read_texts(size_t len, size_t count)
{
    sio_redis_reader *reader;
    sio_redis_reply *reply = NULL;
    char head[32], text[MAX_BYTES + 3];
    int rc;

    assert_int_equal(sio_redis_reader_new(&reader, MAX_BYTES), EIO_OK);
    memset(text, 'x', len);
    memcpy(text + len, "\r\n", 2);
    snprintf(head, sizeof(head), "*%zu\r\n", count);
    rc = sio_redis_reader_feed(reader, eio_slice_of(head));
    for (size_t i = 0; i < count && rc == EIO_OK; i++) {
        snprintf(head, sizeof(head), "$%zu\r\n", len);
        rc = sio_redis_reader_feed(reader, eio_slice_of(head));
        if (rc == EIO_OK)
            rc = sio_redis_reader_feed(reader, (eio_slice){ text, len + 2 });
        if (rc == EIO_OK)
            rc = sio_redis_reader_next(reader, &reply);
    }
    sio_redis_reply_free(reply);
    sio_redis_reader_free(reader);
    return rc;
}

static void the_texts_of_a_reply_are_bounded_as_a_sum(void **state)
{
    (void)state;
    assert_int_equal(read_texts(MAX_BYTES - 10, 1), EIO_OK);
    assert_int_equal(read_texts(MAX_BYTES, 1), EIO_OK);
    assert_int_equal(read_texts(MAX_BYTES / 4, 4), EIO_OK);
    assert_int_equal(read_texts(MAX_BYTES / 4, 5), EIO_E_TOO_BIG);
}

static void an_endless_text_is_refused_before_it_ends(void **state)
{
    char piece[500];
    sio_redis_reader *reader;
    sio_redis_reply *reply = NULL;
    int rc = EIO_OK;
    size_t pieces = 0;

    (void)state;
    memset(piece, 'x', sizeof(piece));
    assert_int_equal(sio_redis_reader_new(&reader, MAX_BYTES), EIO_OK);
    assert_int_equal(sio_redis_reader_feed(reader, EIO_STR("$999999999\r\n")), EIO_OK);
    while (rc == EIO_OK && pieces++ < 10) {
        rc = sio_redis_reader_feed(reader, (eio_slice){ piece, sizeof(piece) });
        if (rc == EIO_OK)
            rc = sio_redis_reader_next(reader, &reply);
    }
    assert_int_equal(rc, EIO_E_TOO_BIG);
    assert_true(pieces <= 3);
    assert_int_equal(sio_redis_reader_feed(reader, EIO_STR("+OK\r\n")), EIO_E_TOO_BIG);
    sio_redis_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_the_same_at_every_split),
        cmocka_unit_test(the_texts_of_a_reply_are_bounded_as_a_sum),
        cmocka_unit_test(an_endless_text_is_refused_before_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
