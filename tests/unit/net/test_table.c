#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engineio/net/table.h"

enum { MANY = 5000 };

typedef struct thing {
    char name[8];
    bool inside;
} thing;

static eio_slice name_of(const void *item)
{
    return eio_slice_of(((const thing *)item)->name);
}

static void make_things(thing *things)
{
    for (int i = 0; i < MANY; i++) {
        snprintf(things[i].name, sizeof(things[i].name), "n%d", i);
        things[i].inside = false;
    }
}

static void check_all(const eio_table *table, thing *things)
{
    size_t count = 0;

    for (int i = 0; i < MANY; i++) {
        void *found = eio_table_find(table, name_of(&things[i]));
        assert_ptr_equal(found, things[i].inside ? &things[i] : NULL);
        count += things[i].inside ? 1 : 0;
    }
    assert_int_equal(table->count, count);
}

static void table_finds_what_is_inside_and_nothing_else(void **state)
{
    static thing things[MANY];
    eio_table table;

    (void)state;
    make_things(things);
    eio_table_init(&table, name_of);
    assert_null(eio_table_find(&table, EIO_STR("n0")));
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(eio_table_add(&table, &things[i]), EIO_OK);
        things[i].inside = true;
    }
    check_all(&table, things);
    /* Removing in another order than adding closes gaps in the middle of runs. */
    for (int i = 0; i < MANY; i++) {
        thing *out = &things[(i * 2741) % MANY];
        assert_true(eio_table_remove(&table, out));
        assert_false(eio_table_remove(&table, out));
        out->inside = false;
        if (i % 500 == 0)
            check_all(&table, things);
    }
    assert_null(table.slots); /* an empty table owns nothing */
    eio_table_fini(&table);
}

static void table_refuses_a_second_item_of_one_name(void **state)
{
    thing first = { .name = "same" };
    thing second = { .name = "same" };
    eio_table table;

    (void)state;
    eio_table_init(&table, name_of);
    assert_int_equal(eio_table_add(&table, &first), EIO_OK);
    assert_int_equal(eio_table_add(&table, &second), EIO_E_EXISTS);
    assert_false(eio_table_remove(&table, &second));
    assert_ptr_equal(eio_table_find(&table, EIO_STR("same")), &first);
    eio_table_fini(&table);
}

static void walk_meets_each_item_once(void **state)
{
    static thing things[MANY];
    eio_table table;
    size_t at = 0;
    size_t met = 0;
    thing *item;

    (void)state;
    make_things(things);
    eio_table_init(&table, name_of);
    for (int i = 0; i < 100; i++)
        eio_table_add(&table, &things[i]);
    while ((item = eio_table_next(&table, &at)) != NULL) {
        assert_false(item->inside);
        item->inside = true;
        met++;
    }
    assert_int_equal(met, 100);
    eio_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_finds_what_is_inside_and_nothing_else),
        cmocka_unit_test(table_refuses_a_second_item_of_one_name),
        cmocka_unit_test(walk_meets_each_item_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
