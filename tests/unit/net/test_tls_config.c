#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "engineio/stream.h"

static void a_set_up_that_cannot_be_is_refused_with_a_line(void **state)
{
    static const eio_tls_identity keyless = { "x", NULL };
    static const struct {
        eio_tls_options options;
        int code;
        const char *why;
    } cases[] = {
        { { .role = EIO_TLS_SERVER }, EIO_E_INVALID, "needs a certificate file" },
        { { .cert_file = "x" }, EIO_E_INVALID, "needs a key file" },
        { { .cert_file = "x", .key_file = "y", .more_count = 1, .more = &keyless },
          EIO_E_INVALID,
          "needs a key file" },
        { { .cert_file = "/nowhere", .key_file = "y" },
          UV_ENOENT,
          "certificate /nowhere: no such" },
        { { .cert_file = TLS_FILES "server.pem", .key_file = TLS_FILES "other.key" },
          EIO_E_CERTIFICATE,
          "does not belong" },
        { { .role = EIO_TLS_CLIENT, .ca_file = TLS_FILES "server.key" },
          EIO_E_CERTIFICATE,
          "CA file " TLS_FILES "server.key: " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        eio_tls_options options = cases[i].options;
        eio_tls *tls = NULL;
        eio_error why = { 0 };
        options.handshake_timeout_ms = options.max_handshakes = 1;
        assert_int_equal(eio_tls_new(&tls, &options, &why), cases[i].code);
        assert_int_equal(why.code, cases[i].code);
        assert_non_null(strstr(why.text, cases[i].why));
        assert_null(tls);
    }
}

static void the_systems_authorities_are_found(void **state)
{
    eio_tls_options options;
    eio_tls *tls;
    eio_error why = { 0 };

    (void)state;
    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0)
        skip();
    eio_tls_options_init(&options);
    options.role = EIO_TLS_CLIENT;
    assert_int_equal(eio_tls_new(&tls, &options, &why), EIO_OK);
    assert_int_equal(eio_tls_reload(tls, &why), EIO_OK);
    eio_tls_unref(eio_tls_ref(tls));
    eio_tls_unref(tls);
    eio_tls_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_up_that_cannot_be_is_refused_with_a_line),
        cmocka_unit_test(the_systems_authorities_are_found),
    };

    return cmocka_run_group_tests_name("tls config", tests, NULL, NULL);
}
