#include "socketio/rooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "socketio/socketio.h"

enum { N_OCCUPANTS = 40, N_ROOMS = 12, N_STEPS = 20000 };

static eio_table rooms;
static sio_occupant people[N_OCCUPANTS];

static int set_up(void **state)
{
    (void)state;
    sio_rooms_init(&rooms);
    memset(people, 0, sizeof(people));
    return 0;
}

static void leave_all(sio_occupant *who)
{
    while (who->count > 0) {
        sio_room *room = sio_occupant_places(who)[0].room;
        sio_rooms_leave(who, 0);
        (void)sio_rooms_drop_empty(&rooms, room);
    }
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OCCUPANTS; i++)
        leave_all(&people[i]);
    sio_rooms_fini(&rooms);
    return 0;
}

static int join(sio_occupant *who, eio_slice name)
{
    sio_room *room = NULL;
    bool created = false;

    return sio_rooms_join(&rooms, who, name, &room, &created);
}

static void a_room_exists_while_somebody_is_inside(void **state)
{
    sio_room *room = NULL;
    bool created = false;

    (void)state;
    assert_int_equal(sio_rooms_join(&rooms, &people[0], SIO_STR("a"), &room, &created), EIO_OK);
    assert_true(created);
    assert_ptr_equal(sio_rooms_find(&rooms, SIO_STR("a")), room);
    assert_int_equal(sio_rooms_join(&rooms, &people[1], SIO_STR("a"), &room, &created), EIO_OK);
    assert_false(created);
    sio_rooms_leave(&people[0], 0);
    assert_false(sio_rooms_drop_empty(&rooms, room));
    sio_rooms_leave(&people[1], 0);
    assert_true(sio_rooms_drop_empty(&rooms, room));
    assert_null(sio_rooms_find(&rooms, SIO_STR("a")));
}

static void joining_a_second_time_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(join(&people[0], SIO_STR("a")), EIO_OK);
    assert_int_equal(join(&people[0], SIO_STR("a")), EIO_E_EXISTS);
    assert_int_equal(people[0].count, 1);
    assert_int_equal(sio_rooms_find(&rooms, SIO_STR("a"))->count, 1);
}

static void names_are_any_bytes(void **state)
{
    (void)state;
    assert_int_equal(join(&people[0], SIO_STR("")), EIO_OK);
    assert_int_equal(join(&people[0], SIO_STR("a\0b")), EIO_OK);
    assert_int_equal(join(&people[0], SIO_STR("a\0c")), EIO_OK);
    assert_int_equal(people[0].count, 3);
    assert_null(sio_rooms_find(&rooms, SIO_STR("a")));
    assert_non_null(sio_rooms_find(&rooms, SIO_STR("")));
}

static void many_rooms_of_one_occupant_are_given_back(void **state)
{
    char name[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "room %d", i);
        assert_int_equal(join(&people[0], eio_slice_of(name)), EIO_OK);
    }
    assert_true(people[0].capacity >= 1000);
    leave_all(&people[0]);
    assert_int_equal(people[0].capacity, 0);
    assert_int_equal(rooms.count, 0);
}

/* ---- a long walk beside a table of booleans ---- */

static eio_slice name_of(size_t room)
{
    static const char names[] = "abcdefghijklmnop";

    return (eio_slice){ names + room, 1 };
}

/* The next number of a fixed sequence below n. */
static size_t draw(uint32_t *seed, size_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static void check_places(const sio_occupant *who)
{
    const sio_place *places = sio_occupant_places(who);

    for (uint32_t slot = 0; slot < who->count; slot++) {
        const sio_room *room = places[slot].room;
        assert_true(places[slot].index < room->count);
        assert_ptr_equal(room->members[places[slot].index].who, who);
        assert_int_equal(room->members[places[slot].index].slot, slot);
    }
}

static uint32_t slot_of(const sio_occupant *who, const sio_room *room)
{
    uint32_t slot = 0;

    while (sio_occupant_places(who)[slot].room != room)
        slot++;
    return slot;
}

static void members_and_places_agree_after_any_joins_and_leaves(void **state)
{
    static bool inside[N_OCCUPANTS][N_ROOMS];
    uint32_t seed = 42;

    (void)state;
    for (int step = 0; step < N_STEPS; step++) {
        size_t who = draw(&seed, N_OCCUPANTS);
        size_t which = draw(&seed, N_ROOMS);
        sio_room *room = sio_rooms_find(&rooms, name_of(which));
        assert_true(!inside[who][which] || room != NULL);
        if (inside[who][which]) {
            sio_rooms_leave(&people[who], slot_of(&people[who], room));
            (void)sio_rooms_drop_empty(&rooms, room);
        } else {
            assert_int_equal(join(&people[who], name_of(which)), EIO_OK);
        }
        inside[who][which] = !inside[who][which];
        check_places(&people[who]);
    }
    for (size_t i = 0; i < N_OCCUPANTS; i++) {
        check_places(&people[i]);
        for (size_t j = 0; j < N_ROOMS; j++) {
            const sio_room *room = sio_rooms_find(&rooms, name_of(j));
            assert_int_equal(room != NULL && sio_occupant_is_in(&people[i], room), inside[i][j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_room_exists_while_somebody_is_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joining_a_second_time_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_any_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_rooms_of_one_occupant_are_given_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(members_and_places_agree_after_any_joins_and_leaves, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
