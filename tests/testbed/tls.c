#include <string.h>

#include "tests/testbed/testbed.h"

int testbed_tls_new(eio_tls **out, const testbed_options *options, eio_error *why)
{
    eio_tls_options tls;
    const eio_tls_identity more = { options->tls_more_cert, options->tls_more_key };

    *out = NULL;
    if (options->tls_cert == NULL && options->tls_key == NULL)
        return EIO_OK;
    eio_tls_options_init(&tls);
    tls.cert_file = options->tls_cert;
    tls.key_file = options->tls_key;
    tls.client_ca_file = options->tls_client_ca;
    tls.more = &more;
    tls.more_count = options->tls_more_cert != NULL ? 1 : 0;
    if (options->tls_min != NULL && strcmp(options->tls_min, "1.3") == 0)
        tls.min_version = EIO_TLS_1_3;
    if (options->tls_timeout_ms > 0)
        tls.handshake_timeout_ms = options->tls_timeout_ms;
    return eio_tls_new(out, &tls, why);
}
