#include "socketio/handlers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { LONGEST = 20 };

static void handle(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)event;
    (void)data;
}

/* A name of that length, all x but for one place. */
static eio_slice name_of(char *bytes, size_t len, size_t odd)
{
    memset(bytes, 'x', LONGEST);
    if (odd < len)
        bytes[odd] = 'y';
    return (eio_slice){ bytes, len };
}

static void names_that_differ_in_one_place_are_told_apart(void **state)
{
    static char marks[LONGEST + 1][LONGEST + 1];
    sio_handlers handlers = { 0 };
    char bytes[LONGEST];
    (void)state;

    for (size_t len = 0; len <= LONGEST; len++) {
        for (size_t odd = 0; odd <= len; odd++) {
            const eio_slice name = name_of(bytes, len, odd);
            assert_null(sio_handlers_find(&handlers, name));
            sio_callback callback = { .call.on_event = handle, .data = &marks[len][odd] };
            assert_int_equal(sio_handlers_add(&handlers, name, callback), EIO_OK);
        }
    }
    for (size_t len = 0; len <= LONGEST; len++) {
        for (size_t odd = 0; odd <= len; odd++) {
            const sio_callbacks *list = sio_handlers_find(&handlers, name_of(bytes, len, odd));
            assert_non_null(list);
            assert_int_equal(list->count, 1);
            assert_ptr_equal(list->items[0].data, &marks[len][odd]);
        }
    }
    sio_handlers_fini(&handlers);
    assert_null(sio_handlers_find(&handlers, name_of(bytes, 4, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_differ_in_one_place_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
