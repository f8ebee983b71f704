#include <stdio.h>

#include "tests/testbed/testbed.h"

enum { MAX_HEADER_NAME = 256 };

int testbed_on(testbed *bed, const testbed_event *events)
{
    sio_namespace *nsp = sio_server_of(bed->io, SIO_STR("/"));
    int rc = EIO_OK;

    for (size_t i = 0; events[i].handler != NULL && rc == EIO_OK; i++)
        rc = sio_on(nsp, eio_slice_of(events[i].name), events[i].handler, bed);
    return rc;
}

eio_slice testbed_argument(sio_event *event, size_t index)
{
    sio_args args = sio_event_args(event);

    return index < args.count ? args.json[index] : (eio_slice){ "", 0 };
}

sio_args testbed_arguments_from(sio_event *event, size_t index)
{
    sio_args args = sio_event_args(event);

    if (index >= args.count)
        return SIO_NO_ARGS;
    args.json += index;
    args.count -= index;
    return args;
}

eio_slice testbed_text(eio_slice json, char *out, size_t size)
{
    eio_slice text = sio_json_string(json, out, size);

    return text.base != NULL ? text : json;
}

size_t testbed_number(eio_slice json)
{
    size_t value = 0;

    if (json.len > 9)
        return 0;
    for (size_t i = 0; i < json.len; i++) {
        if (json.base[i] < '0' || json.base[i] > '9')
            return 0;
        value = value * 10 + (size_t)(json.base[i] - '0');
    }
    return value;
}

eio_slice testbed_print(char out[24], uint64_t value)
{
    int len = snprintf(out, 24, "%llu", (unsigned long long)value);

    return (eio_slice){ out, (size_t)len };
}

int testbed_append_member(eio_buffer **json, eio_slice name, eio_slice value)
{
    eio_slice so_far = eio_buffer_slice(*json);
    int rc = EIO_OK;

    if (so_far.len > 0 && so_far.base[so_far.len - 1] != '{')
        rc = eio_buffer_append(json, EIO_STR(","));
    if (rc == EIO_OK)
        rc = sio_json_append_string(json, name);
    if (rc == EIO_OK)
        rc = eio_buffer_append(json, EIO_STR(":"));
    return rc == EIO_OK ? eio_buffer_append(json, value) : rc;
}

static int append_header(eio_buffer **json, eio_slice name, eio_slice value)
{
    char lower[MAX_HEADER_NAME];
    size_t len = name.len < sizeof(lower) ? name.len : sizeof(lower);

    for (size_t i = 0; i < len; i++)
        lower[i] =
            (char)(name.base[i] >= 'A' && name.base[i] <= 'Z' ? name.base[i] + 32 : name.base[i]);
    int rc = testbed_append_member(json, (eio_slice){ lower, len }, EIO_STR(""));
    return rc == EIO_OK ? sio_json_append_string(json, value) : rc;
}

int testbed_append_headers(eio_buffer **json,
                           bool (*at)(const void *from, size_t index, eio_slice *name,
                                      eio_slice *value),
                           const void *from)
{
    eio_slice name;
    eio_slice value;
    int rc = eio_buffer_append(json, EIO_STR("{"));

    for (size_t i = 0; rc == EIO_OK && at(from, i, &name, &value); i++)
        rc = append_header(json, name, value);
    return rc == EIO_OK ? eio_buffer_append(json, EIO_STR("}")) : rc;
}
