#include "engineio/net/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_hex(const unsigned char *bytes, size_t len, const char *hex)
{
    static const char digits[] = "0123456789abcdef";

    assert_int_equal(strlen(hex), len * 2);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(hex[2 * i], digits[bytes[i] >> 4]);
        assert_int_equal(hex[2 * i + 1], digits[bytes[i] & 15]);
    }
}

static void sha1_equals_the_published_vectors(void **state)
{
    static const struct {
        const char *text;
        const char *hex;
    } vectors[] = {
        { "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
        { "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unsigned char digest[EIO_SHA1_BYTES];
        assert_int_equal(eio_sha1(digest, eio_slice_of(vectors[i].text)), EIO_OK);
        assert_hex(digest, sizeof(digest), vectors[i].hex);
    }
}

static void hmac_equals_rfc_4231(void **state)
{
    unsigned char digest[EIO_SHA256_BYTES];
    (void)state;

    assert_int_equal(
        eio_hmac_sha256(digest, EIO_STR("Jefe"), EIO_STR("what do ya want for nothing?")), EIO_OK);
    assert_hex(digest, sizeof(digest),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void random_fills_all_of_a_large_block(void **state)
{
    static unsigned char bytes[100000];
    size_t zeros = 0;
    (void)state;

    assert_int_equal(eio_random(bytes, sizeof(bytes)), EIO_OK);
    for (size_t i = 0; i < sizeof(bytes); i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 1000); /* 391 are expected, and 1000 are 30 deviations away */
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, EIO_RANDOM_ID_LEN);
}

static void ids_are_distinct_and_of_the_alphabet(void **state)
{
    static char ids[1000][EIO_RANDOM_ID_LEN];
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (void)state;

    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(eio_random_id(ids[i]), EIO_OK);
        for (size_t j = 0; j < EIO_RANDOM_ID_LEN; j++)
            assert_non_null(memchr(alphabet, ids[i][j], sizeof(alphabet) - 1));
    }
    qsort(ids, 1000, EIO_RANDOM_ID_LEN, compare_ids);
    for (size_t i = 1; i < 1000; i++)
        assert_true(compare_ids(ids[i - 1], ids[i]) < 0);
}

static void a_forked_child_draws_other_ids(void **state)
{
    char ours[EIO_RANDOM_ID_LEN];
    char theirs[EIO_RANDOM_ID_LEN];
    int ends[2];
    (void)state;

    assert_int_equal(eio_random_id(ours), EIO_OK); /* the pool has more */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool ok = eio_random_id(theirs) == EIO_OK &&
                  write(ends[1], theirs, sizeof(theirs)) == sizeof(theirs);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(eio_random_id(ours), EIO_OK);
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(ours, theirs, sizeof(ours));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_equals_the_published_vectors),
        cmocka_unit_test(hmac_equals_rfc_4231),
        cmocka_unit_test(random_fills_all_of_a_large_block),
        cmocka_unit_test(ids_are_distinct_and_of_the_alphabet),
        cmocka_unit_test(a_forked_child_draws_other_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
