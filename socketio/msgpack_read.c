#include "socketio/msgpack.h"

enum {
    EXT_TIMESTAMP = -1,
    EXT_OLD = 0, /* undefined, a date or an ArrayBuffer, by its length and form */
};

/* The next `len` bytes; NULL: there are not so many. */
static const unsigned char *take(eio_slice *in, size_t len)
{
    const unsigned char *at = (const unsigned char *)in->base;

    if (len > in->len)
        return NULL;
    if (len > 0) {
        in->base += len;
        in->len -= len;
    }
    return at;
}

static uint64_t big_endian(const unsigned char *at, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

static int read_length(size_t *out, eio_slice *in, size_t bytes)
{
    const unsigned char *at = take(in, bytes);

    if (at == NULL)
        return EIO_E_PROTOCOL;
    *out = (size_t)big_endian(at, bytes);
    return EIO_OK;
}

static int read_bytes(sio_msgpack_item *out, eio_slice *in, sio_msgpack_kind kind, size_t len)
{
    const char *at = in->base;

    if (take(in, len) == NULL)
        return EIO_E_PROTOCOL;
    *out = (sio_msgpack_item){ .kind = kind, .bytes = { at, len } };
    return EIO_OK;
}

/* Each item takes a byte at least: so nobody can promise more than he sends. */
static int read_container(sio_msgpack_item *out, const eio_slice *in, sio_msgpack_kind kind,
                          size_t count)
{
    if (count > (kind == SIO_MSGPACK_MAP ? in->len / 2 : in->len))
        return EIO_E_PROTOCOL;
    *out = (sio_msgpack_item){ .kind = kind, .count = count };
    return EIO_OK;
}

static int give_integer(sio_msgpack_item *out, int64_t value)
{
    *out = (sio_msgpack_item){ .kind = SIO_MSGPACK_INTEGER,
                               .integer = value,
                               .number = (double)value };
    return EIO_OK;
}

static int read_unsigned(sio_msgpack_item *out, eio_slice *in, size_t bytes)
{
    const unsigned char *at = take(in, bytes);

    if (at == NULL)
        return EIO_E_PROTOCOL;
    uint64_t value = big_endian(at, bytes);
    if (value <= INT64_MAX)
        return give_integer(out, (int64_t)value);
    *out = (sio_msgpack_item){ .kind = SIO_MSGPACK_NUMBER, .number = (double)value };
    return EIO_OK;
}

/* Two's complement of so many bytes. */
static int64_t signed_of(uint64_t value, size_t bytes)
{
    uint64_t sign = UINT64_C(1) << (8 * bytes - 1);

    return value & sign ? -(int64_t)(sign - 1 - (value & (sign - 1))) - 1 : (int64_t)value;
}

static int read_signed(sio_msgpack_item *out, eio_slice *in, size_t bytes)
{
    const unsigned char *at = take(in, bytes);

    return at == NULL ? EIO_E_PROTOCOL : give_integer(out, signed_of(big_endian(at, bytes), bytes));
}

static int read_float(sio_msgpack_item *out, eio_slice *in, size_t bytes)
{
    const unsigned char *at = take(in, bytes);

    if (at == NULL)
        return EIO_E_PROTOCOL;
    uint64_t wide = big_endian(at, bytes);
    uint32_t narrow = (uint32_t)wide;
    float single;
    *out = (sio_msgpack_item){ .kind = SIO_MSGPACK_NUMBER };
    memcpy(&single, &narrow, sizeof(single));
    memcpy(&out->number, &wide, sizeof(out->number));
    if (bytes == sizeof(single))
        out->number = (double)single;
    return EIO_OK;
}

static void give_date(sio_msgpack_item *out, double seconds, uint64_t nanoseconds)
{
    double ms = seconds * 1e3 + (double)nanoseconds / 1e6;

    *out = (sio_msgpack_item){ .kind = SIO_MSGPACK_DATE, .number = ms };
    if (ms > -0x1p53 && ms < 0x1p53)
        out->number = (double)(int64_t)ms; /* whole, towards 1970 */
}

/* Whether the ext is a timestamp; it is *out then. */
static bool read_timestamp(sio_msgpack_item *out, const unsigned char *at, size_t len)
{
    switch (len) {
    case 4: give_date(out, (double)big_endian(at, 4), 0); return true;
    case 8: {
        uint64_t both = big_endian(at, 8);
        give_date(out, (double)(both & ((UINT64_C(1) << 34) - 1)), both >> 34);
        return true;
    }
    case 12:
        give_date(out, (double)signed_of(big_endian(at + 4, 8), 8), big_endian(at, 4));
        return true;
    }
    return false;
}

/* fixed: by a form whose length is in its first byte. */
static int read_ext(sio_msgpack_item *out, eio_slice *in, size_t len, bool fixed)
{
    const unsigned char *type = take(in, 1);

    if (type == NULL)
        return EIO_E_PROTOCOL;
    int rc = read_bytes(out, in, SIO_MSGPACK_EXT, len);
    if (rc != EIO_OK)
        return rc;
    const unsigned char *data = (const unsigned char *)out->bytes.base;
    out->integer = signed_of(*type, 1);
    if (out->integer == EXT_TIMESTAMP) {
        (void)read_timestamp(out, data, len);
    } else if (out->integer == EXT_OLD && !fixed) {
        out->kind = SIO_MSGPACK_BINARY;
    } else if (out->integer == EXT_OLD && len == 1) {
        out->kind = SIO_MSGPACK_UNDEFINED;
    } else if (out->integer == EXT_OLD && len == 8) {
        out->kind = SIO_MSGPACK_DATE;
        out->number = (double)signed_of(big_endian(data, 8), 8);
    }
    return EIO_OK;
}

/* An item whose length, of 1 to 4 bytes, stands before it. */
static int read_sized(sio_msgpack_item *out, eio_slice *in, sio_msgpack_kind kind, size_t bytes)
{
    size_t len = 0;

    int rc = read_length(&len, in, bytes);
    if (rc != EIO_OK)
        return rc;
    if (kind == SIO_MSGPACK_ARRAY || kind == SIO_MSGPACK_MAP)
        return read_container(out, in, kind, len);
    if (kind == SIO_MSGPACK_EXT)
        return read_ext(out, in, len, false);
    return read_bytes(out, in, kind, len);
}

/* The forms from c0 to df. */
static int read_long_form(sio_msgpack_item *out, eio_slice *in, unsigned char form)
{
    switch (form) {
    case 0xc0: *out = (sio_msgpack_item){ .kind = SIO_MSGPACK_NIL }; return EIO_OK;
    case 0xc2:
    case 0xc3:
        *out = (sio_msgpack_item){ .kind = SIO_MSGPACK_BOOL, .integer = form & 1 };
        return EIO_OK;
    case 0xc4:
    case 0xc5:
    case 0xc6: return read_sized(out, in, SIO_MSGPACK_BINARY, (size_t)1 << (form - 0xc4));
    case 0xc7:
    case 0xc8:
    case 0xc9: return read_sized(out, in, SIO_MSGPACK_EXT, (size_t)1 << (form - 0xc7));
    case 0xca:
    case 0xcb: return read_float(out, in, (size_t)4 << (form - 0xca));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: return read_unsigned(out, in, (size_t)1 << (form - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: return read_signed(out, in, (size_t)1 << (form - 0xd0));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return read_ext(out, in, (size_t)1 << (form - 0xd4), true);
    case 0xd9:
    case 0xda:
    case 0xdb: return read_sized(out, in, SIO_MSGPACK_STRING, (size_t)1 << (form - 0xd9));
    case 0xdc:
    case 0xdd: return read_sized(out, in, SIO_MSGPACK_ARRAY, (size_t)2 << (form - 0xdc));
    case 0xde:
    case 0xdf: return read_sized(out, in, SIO_MSGPACK_MAP, (size_t)2 << (form - 0xde));
    }
    return EIO_E_PROTOCOL;
}

int sio_msgpack_read(sio_msgpack_item *out, eio_slice *in)
{
    const unsigned char *first = take(in, 1);

    if (first == NULL)
        return EIO_E_PROTOCOL;
    unsigned char form = *first;
    if (form < 0x80)
        return give_integer(out, form);
    if (form < 0x90)
        return read_container(out, in, SIO_MSGPACK_MAP, form & 0x0f);
    if (form < 0xa0)
        return read_container(out, in, SIO_MSGPACK_ARRAY, form & 0x0f);
    if (form < 0xc0)
        return read_bytes(out, in, SIO_MSGPACK_STRING, form & 0x1f);
    if (form >= 0xe0)
        return give_integer(out, (int64_t)form - 0x100);
    return read_long_form(out, in, form);
}

int sio_msgpack_skip(eio_slice *in)
{
    size_t left[SIO_MSGPACK_DEPTH_MAX]; /* items in what is open */
    size_t depth = 0;

    do {
        sio_msgpack_item item;
        int rc = sio_msgpack_read(&item, in);
        if (rc != EIO_OK)
            return rc;
        if (item.kind == SIO_MSGPACK_ARRAY || item.kind == SIO_MSGPACK_MAP) {
            if (depth == SIO_MSGPACK_DEPTH_MAX)
                return EIO_E_TOO_BIG;
            left[depth++] = item.count * (item.kind == SIO_MSGPACK_MAP ? 2 : 1) + 1;
        }
        while (depth > 0 && --left[depth - 1] == 0)
            depth--;
    } while (depth > 0);
    return EIO_OK;
}

bool sio_msgpack_is(const sio_msgpack_item *item, eio_slice text)
{
    return item->kind == SIO_MSGPACK_STRING && eio_slice_equal(item->bytes, text);
}
