#include "engineio/polling_body.h"

#include "engineio/jsonp.h"
#include "engineio/sealed.h"

/* ---- responses ---- */

static eio_buffer *encode4(const eio_buffer *const *packets, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        const eio_packet packet = eio_packet_of(packets[i]);
        len += eio_payload_packet_len(&packet);
    }
    eio_buffer *body = eio_buffer_new(len);
    for (size_t i = 0; body != NULL && i < count; i++) {
        const eio_packet packet = eio_packet_of(packets[i]);
        (void)eio_payload_append(&body, &packet); /* there is room for all */
    }
    return body;
}

static bool has_binary(const eio_buffer *const *packets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (eio_packet_of(packets[i]).binary)
            return true;
    return false;
}

static eio_buffer *encode3(const eio_buffer *const *packets, size_t count, bool bytes)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        const eio_packet packet = eio_packet_of(packets[i]);
        len += eio_payload3_packet_len(&packet);
    }
    eio_buffer *body = eio_buffer_new(len);
    for (size_t i = 0; body != NULL && i < count; i++) {
        const eio_packet packet = eio_packet_of(packets[i]);
        (void)eio_payload3_append(&body, &packet, bytes); /* there is room for all */
    }
    return body;
}

static eio_buffer *wrap_for_jsonp(const eio_dialect *dialect, eio_buffer *payload)
{
    eio_buffer *script = NULL;
    const eio_slice index = { dialect->jsonp_index, dialect->jsonp_len };

    if (payload != NULL && eio_jsonp_encode(&script, index, eio_buffer_slice(payload)) != EIO_OK)
        script = NULL;
    eio_buffer_unref(payload);
    return script;
}

eio_buffer *eio_polling_body_encode(const eio_dialect *dialect, const eio_buffer *const *packets,
                                    size_t count, eio_slice *content_type)
{
    bool bytes =
        dialect->protocol == 3 && !dialect->base64 && !dialect->jsonp && has_binary(packets, count);
    eio_buffer *body =
        dialect->protocol == 3 ? encode3(packets, count, bytes) : encode4(packets, count);

    *content_type =
        bytes ? EIO_STR("application/octet-stream") : EIO_STR("text/plain; charset=UTF-8");
    return dialect->jsonp ? wrap_for_jsonp(dialect, body) : body;
}

/* ---- POSTs ---- */

int eio_polling_body_init(eio_polling_body *out, const eio_dialect *dialect, char *body, size_t len,
                          bool bytes)
{
    int rc = EIO_OK;

    out->protocol = dialect->protocol;
    out->repaired = NULL;
    if (dialect->jsonp)
        rc = eio_jsonp_decode(body, &len);
    if (rc == EIO_OK && !bytes)
        rc = eio_payload_repair(&out->repaired, (eio_slice){ body, len });
    if (rc != EIO_OK)
        return rc;
    if (out->repaired != NULL) {
        eio_slice text = eio_buffer_slice(out->repaired);
        body = (char *)(uintptr_t)text.base; /* nobody else has it */
        len = text.len;
    }
    if (dialect->protocol == 3)
        eio_payload3_init(&out->v3, body, len, bytes);
    else
        eio_payload_init(&out->v4, body, len);
    return EIO_OK;
}

int eio_polling_body_next(eio_polling_body *body, eio_packet *out)
{
    return body->protocol == 3 ? eio_payload3_next(&body->v3, out)
                               : eio_payload_next(&body->v4, out);
}

void eio_polling_body_fini(eio_polling_body *body)
{
    eio_buffer_unref(body->repaired);
}
