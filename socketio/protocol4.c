#include "socketio/protocol4.h"

#include "engineio/http.h"
#include "engineio/payload.h"
#include "socketio/socketio.h"

void sio_protocol4_split(eio_slice whole, eio_slice *name, eio_slice *query)
{
    const char *mark = whole.len == 0 ? NULL : memchr(whole.base, '?', whole.len);

    *name = whole;
    *query = (eio_slice){ NULL, 0 };
    if (mark == NULL)
        return;
    name->len = (size_t)(mark - whole.base);
    *query = (eio_slice){ mark + 1, whole.len - name->len - 1 };
}

/* Decode one name or value, and append it as a JSON string. */
static int append_decoded(eio_buffer **json, eio_slice text)
{
    eio_buffer *plain = eio_buffer_new(text.len + 1);
    if (plain == NULL)
        return EIO_E_NOMEM;
    eio_buffer_commit(plain, eio_query_decode(text, eio_buffer_reserve(&plain, text.len + 1)));
    eio_buffer *repaired = NULL; /* percent-encoding can spell what is not UTF-8 */
    int rc = eio_payload_repair(&repaired, eio_buffer_slice(plain));
    if (rc == EIO_OK)
        rc = sio_json_append_string(json, eio_buffer_slice(repaired == NULL ? plain : repaired));
    eio_buffer_unref(repaired);
    eio_buffer_unref(plain);
    return rc;
}

eio_buffer *sio_protocol4_auth(eio_slice query)
{
    eio_buffer *json = eio_buffer_new(query.len * 2 + 2);
    eio_slice separator = EIO_STR("{");
    eio_slice name;
    eio_slice value;
    int rc = json == NULL ? EIO_E_NOMEM : EIO_OK;

    while (rc == EIO_OK && eio_query_next(&query, &name, &value)) {
        rc = eio_buffer_append(&json, separator);
        if (rc == EIO_OK)
            rc = append_decoded(&json, name);
        if (rc == EIO_OK)
            rc = eio_buffer_append(&json, EIO_STR(":"));
        if (rc == EIO_OK)
            rc = append_decoded(&json, value);
        separator = EIO_STR(",");
    }
    if (rc == EIO_OK)
        rc = eio_buffer_append(&json,
                               eio_buffer_slice(json).len == 0 ? EIO_STR("{}") : EIO_STR("}"));
    if (rc == EIO_OK)
        return json;
    eio_buffer_unref(json);
    return NULL;
}

static eio_buffer *join(eio_slice a, eio_slice b, eio_slice c)
{
    eio_buffer *all = eio_buffer_new(a.len + b.len + c.len);

    if (all == NULL)
        return NULL;
    (void)eio_buffer_append(&all, a); /* there is room for all three */
    (void)eio_buffer_append(&all, b);
    (void)eio_buffer_append(&all, c);
    return all;
}

eio_buffer *sio_protocol4_id(eio_slice sid, eio_slice nsp)
{
    if (eio_slice_equal(nsp, EIO_STR("/")))
        return eio_buffer_copy(sid);
    return join(nsp, EIO_STR("#"), sid);
}

int sio_protocol4_encode_error(eio_buffer **out, eio_slice nsp, eio_slice message, eio_slice data)
{
    bool is_main = eio_slice_equal(nsp, EIO_STR("/"));
    eio_buffer *packet =
        join(EIO_STR("4"), is_main ? EIO_STR("") : nsp, is_main ? EIO_STR("") : EIO_STR(","));

    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = data.base != NULL ? eio_buffer_append(&packet, data)
                               : sio_json_append_string(&packet, message);
    if (rc == EIO_OK)
        *out = packet;
    else
        eio_buffer_unref(packet);
    return rc;
}
