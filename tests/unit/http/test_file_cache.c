#include "engineio/http/file_cache.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct stat file_of(ino_t inode)
{
    return (struct stat){ .st_ino = inode, .st_size = 100, .st_mtim = { .tv_sec = 5 } };
}

static void add(eio_file_cache *cache, ino_t inode, size_t len)
{
    struct stat file = file_of(inode);
    eio_buffer *body = eio_buffer_new(len);

    assert_non_null(body);
    eio_buffer_commit(body, len); /* of no matter what */
    eio_file_cache_add(cache, &file, EIO_ENCODING_GZIP, body);
    eio_buffer_unref(body);
}

static bool has(eio_file_cache *cache, ino_t inode)
{
    struct stat file = file_of(inode);

    return eio_file_cache_find(cache, &file, EIO_ENCODING_GZIP) != NULL;
}

static void a_file_is_found_as_long_as_it_is_the_same(void **state)
{
    eio_file_cache cache = { .count = 0 };
    struct stat file = file_of(1);
    struct stat other;
    (void)state;

    add(&cache, 1, 10);
    assert_true(has(&cache, 1));
    assert_false(has(&cache, 2));
    assert_null(eio_file_cache_find(&cache, &file, EIO_ENCODING_DEFLATE));
    other = file;
    other.st_dev = 9;
    assert_null(eio_file_cache_find(&cache, &other, EIO_ENCODING_GZIP));
    other = file;
    other.st_size++;
    assert_null(eio_file_cache_find(&cache, &other, EIO_ENCODING_GZIP));
    other = file;
    other.st_mtim.tv_sec++;
    assert_null(eio_file_cache_find(&cache, &other, EIO_ENCODING_GZIP));
    other = file;
    other.st_mtim.tv_nsec++;
    assert_null(eio_file_cache_find(&cache, &other, EIO_ENCODING_GZIP));
    add(&cache, 1, 10);
    assert_int_equal(cache.count, 1);
    eio_file_cache_fini(&cache);
    assert_int_equal(cache.bytes, 0);
}

static void what_was_not_asked_for_the_longest_goes_first(void **state)
{
    eio_file_cache cache = { .count = 0 };
    (void)state;

    for (ino_t i = 1; i <= EIO_FILE_CACHE_FILES; i++)
        add(&cache, i, 10);
    assert_true(has(&cache, 1)); /* asked for again */
    add(&cache, 1000, 10);
    assert_int_equal(cache.count, EIO_FILE_CACHE_FILES);
    assert_true(has(&cache, 1) && has(&cache, 1000) && has(&cache, 3));
    assert_false(has(&cache, 2));
    eio_file_cache_fini(&cache);
}

static void its_bytes_are_bounded(void **state)
{
    eio_file_cache cache = { .count = 0 };
    (void)state;

    add(&cache, 1, EIO_FILE_CACHE_BYTES / 2);
    add(&cache, 2, EIO_FILE_CACHE_BYTES / 2);
    assert_true(has(&cache, 1) && has(&cache, 2));
    add(&cache, 3, 1);
    assert_false(has(&cache, 1));
    add(&cache, 4, EIO_FILE_CACHE_BYTES + 1);
    assert_false(has(&cache, 4));
    assert_true(has(&cache, 2) && has(&cache, 3));
    assert_int_equal(cache.bytes, EIO_FILE_CACHE_BYTES / 2 + 1);
    eio_file_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_found_as_long_as_it_is_the_same),
        cmocka_unit_test(what_was_not_asked_for_the_longest_goes_first),
        cmocka_unit_test(its_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
