#include "socketio/msgpack.h"

/* A form's byte and a number of `bytes` bytes, the highest first. */
static int put_form(eio_buffer **out, unsigned char form, uint64_t value, size_t bytes)
{
    char *at = eio_buffer_reserve(out, 1 + bytes);

    if (at == NULL)
        return EIO_E_NOMEM;
    *at++ = (char)form;
    for (size_t i = bytes; i-- > 0;)
        *at++ = (char)(unsigned char)(value >> 8 * i);
    eio_buffer_commit(*out, 1 + bytes);
    return EIO_OK;
}

/* A length in as few bytes as it can have: one (if `form` has one), two, or four. */
static int put_length(eio_buffer **out, size_t len, unsigned char form, bool has_8)
{
    if (has_8 && len <= UINT8_MAX)
        return put_form(out, form, len, 1);
    form = (unsigned char)(form + has_8);
    if (len <= UINT16_MAX)
        return put_form(out, form, len, 2);
    return put_form(out, (unsigned char)(form + 1), len, 4);
}

int sio_msgpack_put_nil(eio_buffer **out)
{
    return put_form(out, 0xc0, 0, 0);
}

int sio_msgpack_put_bool(eio_buffer **out, bool value)
{
    return put_form(out, value ? 0xc3 : 0xc2, 0, 0);
}

static int put_unsigned(eio_buffer **out, uint64_t value)
{
    if (value < 0x80)
        return put_form(out, (unsigned char)value, 0, 0);
    if (value <= UINT8_MAX)
        return put_form(out, 0xcc, value, 1);
    if (value <= UINT16_MAX)
        return put_form(out, 0xcd, value, 2);
    if (value <= UINT32_MAX)
        return put_form(out, 0xce, value, 4);
    return put_form(out, 0xcf, value, 8);
}

int sio_msgpack_put_integer(eio_buffer **out, int64_t value)
{
    uint64_t bits = (uint64_t)value;

    if (value >= 0)
        return put_unsigned(out, bits);
    if (value >= -0x20)
        return put_form(out, (unsigned char)bits, 0, 0);
    if (value >= INT8_MIN)
        return put_form(out, 0xd0, bits, 1);
    if (value >= INT16_MIN)
        return put_form(out, 0xd1, bits, 2);
    if (value >= INT32_MIN)
        return put_form(out, 0xd2, bits, 4);
    return put_form(out, 0xd3, bits, 8);
}

int sio_msgpack_put_number(eio_buffer **out, double value)
{
    uint64_t bits;

    if (value >= 0 && value < 0x1p64 && value == (double)(uint64_t)value)
        return put_unsigned(out, (uint64_t)value);
    if (value < 0 && value >= -0x1p63 && value == (double)(int64_t)value)
        return sio_msgpack_put_integer(out, (int64_t)value);
    memcpy(&bits, &value, sizeof(bits));
    return put_form(out, 0xcb, bits, 8);
}

int sio_msgpack_put_string(eio_buffer **out, eio_slice text)
{
    int rc = text.len < 0x20 ? put_form(out, (unsigned char)(0xa0 | text.len), 0, 0)
                             : put_length(out, text.len, 0xd9, true);

    return rc == EIO_OK ? eio_buffer_append(out, text) : rc;
}

int sio_msgpack_put_binary(eio_buffer **out, eio_slice bytes)
{
    int rc = put_length(out, bytes.len, 0xc4, true);

    return rc == EIO_OK ? eio_buffer_append(out, bytes) : rc;
}

int sio_msgpack_put_array(eio_buffer **out, size_t count)
{
    if (count < 0x10)
        return put_form(out, (unsigned char)(0x90 | count), 0, 0);
    return put_length(out, count, 0xdc, false);
}

int sio_msgpack_put_map(eio_buffer **out, size_t count)
{
    if (count < 0x10)
        return put_form(out, (unsigned char)(0x80 | count), 0, 0);
    return put_length(out, count, 0xde, false);
}
