#include "engineio/http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The captures as "name=value " each; NULL when the pattern does not match. */
static const char *describe(const char *pattern, const char *path, char *out, size_t size)
{
    eio_capture captures[EIO_HTTP_MAX_PARAMS];
    size_t count;
    size_t len = 0;

    if (!eio_pattern_match(pattern, eio_slice_of(path), captures, &count))
        return NULL;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, size - len, "%.*s=%.*s ", (int)captures[i].name.len,
                                captures[i].name.base, (int)captures[i].value.len,
                                captures[i].value.base);
    return out;
}

static void pattern_takes_the_paths_that_the_table_says(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        const char *captures; /* NULL: does not match */
    } table[] = {
        { "/", "/", "" },
        { "/", "/a", NULL },
        { "/a", "/a", "" },
        { "/a", "/a/", NULL },
        { "/a", "/ab", NULL },
        { "/a/b", "/a", NULL },
        { "/a/:id", "/a/1", "id=1 " },
        { "/a/:id", "/a/%2F", "id=%2F " },
        { "/a/:id", "/a/", NULL },
        { "/a/:id", "/a/1/2", NULL },
        { "/a/:id/b/:other", "/a/1/b/2", "id=1 other=2 " },
        { "/*", "/", "*= " },
        { "/*", "/a/b", "*=a/b " },
        { "/a/*", "/a", NULL },
        { "/a/*", "/a/", "*= " },
        { "/a/:id/*", "/a/1//2", "id=1 *=/2 " },
        { "/a/*/b", "/a/*/b", "" }, /* only the last segment stands for the rest */
        { "/a/*/b", "/a/x/b", NULL },
        { "/a", "a", NULL },
        { "/a", "*", NULL },
        { "/a", "http://host/a", NULL },
    };
    char out[128];
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        const char *found = describe(table[i].pattern, table[i].path, out, sizeof(out));
        if (table[i].captures == NULL)
            assert_null(found);
        else
            assert_string_equal(found, table[i].captures);
    }
}

static void handle(eio_http_request *request, void *data)
{
    (void)request;
    (void)data;
}

static const char *route_of(const eio_router *router, const char *method, const char *path)
{
    eio_capture captures[EIO_HTTP_MAX_PARAMS];
    size_t count;
    const eio_route *route =
        eio_router_find(router, eio_slice_of(method), eio_slice_of(path), captures, &count);

    return route == NULL ? "none" : route->data;
}

static char first[] = "first";
static char second[] = "second";
static char third[] = "third";

static void router_gives_a_request_to_the_earliest_route(void **state)
{
    eio_router router;
    (void)state;

    eio_router_init(&router);
    assert_int_equal(eio_router_add(&router, "GET", "/a", handle, first), EIO_OK);
    assert_int_equal(eio_router_add(&router, NULL, "/:any", handle, second), EIO_OK);
    assert_int_equal(eio_router_add(&router, "POST", "/a", handle, third), EIO_OK);
    assert_string_equal(route_of(&router, "GET", "/a"), "first");
    assert_string_equal(route_of(&router, "HEAD", "/a"), "first");
    assert_string_equal(route_of(&router, "POST", "/a"), "second");
    assert_string_equal(route_of(&router, "GET", "/b"), "second");
    assert_string_equal(route_of(&router, "GET", "/b/c"), "none");
    eio_router_fini(&router);
}

static void router_refuses_patterns_that_it_cannot_serve(void **state)
{
    eio_router router;
    (void)state;

    eio_router_init(&router);
    assert_int_equal(eio_router_add(&router, NULL, "a", handle, NULL), EIO_E_INVALID);
    assert_int_equal(eio_router_add(&router, NULL, "", handle, NULL), EIO_E_INVALID);
    assert_int_equal(eio_router_add(&router, NULL, "/:a/:b/:c/:d/:e/:f/:g/:h/:i", handle, NULL),
                     EIO_E_INVALID);
    assert_int_equal(eio_router_add(&router, NULL, "/:a/:b/:c/:d/:e/:f/:g/*", handle, NULL),
                     EIO_OK);
    eio_router_fini(&router);
}

static const char *mount_of(const eio_router *router, const char *target)
{
    const eio_mounted *mounted = eio_router_find_mount(router, eio_slice_of(target));

    return mounted == NULL ? "none" : mounted->data;
}

static void router_gives_a_target_to_the_longest_prefix(void **state)
{
    const eio_http_mount mount = { .on_request = handle };
    eio_router router;
    (void)state;

    eio_router_init(&router);
    assert_int_equal(eio_router_mount(&router, EIO_STR("/a/"), &mount, first), EIO_OK);
    assert_int_equal(eio_router_mount(&router, EIO_STR("/a/b"), &mount, second), EIO_OK);
    assert_int_equal(eio_router_mount(&router, EIO_STR("/"), &mount, third), EIO_OK);
    assert_int_equal(eio_router_mount(&router, EIO_STR("/a/"), &mount, third), EIO_E_EXISTS);
    assert_string_equal(mount_of(&router, "/a/?x"), "first");
    assert_string_equal(mount_of(&router, "/a/bc"), "second");
    assert_string_equal(mount_of(&router, "/a"), "third");
    assert_string_equal(mount_of(&router, "*"), "none");
    eio_router_unmount(&router, EIO_STR("/a/b"));
    eio_router_unmount(&router, EIO_STR("/nowhere"));
    assert_string_equal(mount_of(&router, "/a/bc"), "first");
    eio_router_fini(&router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_takes_the_paths_that_the_table_says),
        cmocka_unit_test(router_gives_a_request_to_the_earliest_route),
        cmocka_unit_test(router_refuses_patterns_that_it_cannot_serve),
        cmocka_unit_test(router_gives_a_target_to_the_longest_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
