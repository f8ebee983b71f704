#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "engineio/net/buffer_private.h"

#include "engineio/buffer.h"

static void buffer_grows_and_keeps_its_bytes(void **state)
{
    eio_buffer *buffer = eio_buffer_new(0);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(eio_buffer_append(&buffer, EIO_STR("abc")), EIO_OK);
    eio_slice bytes = eio_buffer_slice(buffer);
    assert_int_equal(bytes.len, 3000);
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(bytes.base[i], "abc"[i % 3]);
    eio_buffer_unref(buffer);
}

static void buffer_lives_until_its_last_reference(void **state)
{
    eio_buffer *buffer = eio_buffer_copy(EIO_STR("hello"));

    (void)state;
    assert_ptr_equal(eio_buffer_ref(buffer), buffer);
    eio_buffer_unref(buffer);
    assert_memory_equal(eio_buffer_slice(buffer).base, "hello", 5);
    eio_buffer_unref(buffer);
    eio_buffer_unref(NULL);
}

/* Without the address sanitizer it is made of one that went. */
static void buffer_is_new_whatever_went_before(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 5000; capacity += capacity < 300 ? 1 : 37) {
        for (int i = 0; i < 3; i++) {
            eio_buffer *buffer = eio_buffer_new(capacity);
            assert_non_null(buffer);
            assert_int_equal(buffer->len + buffer->head + buffer->seal, 0);
            assert_true(buffer->capacity >= capacity);
            assert_false(eio_buffer_is_plain(buffer));
            assert_null(eio_buffer_companion(buffer, 0));
            memset(eio_buffer_reserve(&buffer, capacity), 'x', capacity);
            eio_buffer_commit(buffer, capacity);
            eio_buffer_set_plain(buffer);
            (void)eio_buffer_add_companion(buffer, eio_buffer_new(capacity));
            buffer->seal = buffer->head = 1;
            eio_buffer_unref(buffer);
        }
    }
}

static void buffer_of_absurd_size_is_refused(void **state)
{
    eio_buffer *buffer = eio_buffer_new(8);

    (void)state;
    assert_null(eio_buffer_new(SIZE_MAX - 8));
    assert_null(eio_buffer_reserve(&buffer, SIZE_MAX - 8));
    assert_int_equal(eio_buffer_slice(buffer).len, 0);
    eio_buffer_unref(buffer);
}

static eio_buffer *companion_of(eio_buffer *buffer, uint8_t form)
{
    eio_buffer *companion = eio_buffer_new(1);

    assert_non_null(companion);
    companion->form = form;
    return eio_buffer_add_companion(buffer, companion);
}

static void companions_are_found_by_their_form_and_freed_with_the_buffer(void **state)
{
    eio_buffer *buffer = eio_buffer_new(1);
    eio_buffer *forms[5];
    (void)state;

    assert_null(eio_buffer_companion(buffer, 0));
    for (uint8_t form = 0; form < 5; form++) {
        forms[form] = companion_of(buffer, form);
        assert_ptr_equal(eio_buffer_companion(buffer, form), forms[form]);
        assert_null(eio_buffer_companion(buffer, (uint8_t)(form + 1)));
    }
    for (uint8_t form = 0; form < 5; form++)
        assert_ptr_equal(companion_of(buffer, form), forms[form]); /* the second is not taken */
    eio_buffer *kept = eio_buffer_ref(forms[2]);
    eio_buffer_unref(buffer);
    assert_int_equal(kept->form, 2);
    eio_buffer_unref(kept);
}

enum { THREADS = 4, FORMS = 7, ROUNDS = 200 };

static void add_companions(void *data)
{
    eio_buffer *buffer = data;

    for (uint8_t form = 0; form < FORMS; form++)
        if (eio_buffer_companion(buffer, form) == NULL)
            (void)companion_of(buffer, form);
    eio_buffer_unref(buffer);
}

static void threads_agree_on_one_companion_of_a_form(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        eio_buffer *buffer = eio_buffer_new(1);
        uv_thread_t threads[THREADS];
        size_t count = 0;
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(uv_thread_create(&threads[i], add_companions, eio_buffer_ref(buffer)),
                             0);
        for (int i = 0; i < THREADS; i++)
            uv_thread_join(&threads[i]);
        for (const eio_buffer *at = atomic_load(&buffer->companions); at != NULL; count++)
            at = atomic_load(&at->companions);
        assert_int_equal(count, FORMS);
        eio_buffer_unref(buffer);
    }
}

static void slices_compare_by_their_bytes(void **state)
{
    (void)state;
    assert_true(eio_slice_equal(EIO_STR("a\0b"), (eio_slice){ "a\0b", 3 }));
    assert_false(eio_slice_equal(EIO_STR("a"), EIO_STR("ab")));
    assert_true(eio_slice_equal(EIO_STR(""), (eio_slice){ NULL, 0 }));
    assert_null(eio_slice_of(NULL).base);
}

static void every_error_has_a_text(void **state)
{
    eio_error error;

    (void)state;
    assert_string_equal(eio_strerror(EIO_E_TIMEOUT), "operation has timed out");
    assert_string_equal(eio_strerror(EIO_OK), "no error");
    assert_string_equal(eio_strerror(1), "not an error");
    assert_int_equal(eio_error_set(&error, EIO_E_INVALID, "port is %d", 70000), EIO_E_INVALID);
    assert_string_equal(error.text, "port is 70000");
    assert_int_equal(eio_error_set(NULL, EIO_E_INVALID, "unheard"), EIO_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_grows_and_keeps_its_bytes),
        cmocka_unit_test(buffer_lives_until_its_last_reference),
        cmocka_unit_test(buffer_is_new_whatever_went_before),
        cmocka_unit_test(buffer_of_absurd_size_is_refused),
        cmocka_unit_test(companions_are_found_by_their_form_and_freed_with_the_buffer),
        cmocka_unit_test(threads_agree_on_one_companion_of_a_form),
        cmocka_unit_test(slices_compare_by_their_bytes),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
