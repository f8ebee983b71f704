#include "engineio/net/base64.h"

#include <stdint.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A character's value plus 1, so that 0 is what stands in no alphabet; URL is set in the two of the URL's alone. */
enum { URL = 0x80 };
/* clang-format off */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    ['-'] = 63 | URL, ['_'] = 64 | URL,
};
/* clang-format on */

/* The length is written with the rest: 1 byte as 2 characters, 2 as 3. */
static char *encode(char *out, eio_slice bytes, const char *alphabet)
{
    const unsigned char *at = (const unsigned char *)bytes.base;
    size_t len = bytes.len;

    for (; len >= 3; len -= 3, at += 3, out += 4) {
        out[0] = alphabet[at[0] >> 2];
        out[1] = alphabet[(at[0] & 3) << 4 | at[1] >> 4];
        out[2] = alphabet[(at[1] & 15) << 2 | at[2] >> 6];
        out[3] = alphabet[at[2] & 63];
    }
    if (len > 0) {
        unsigned second = len == 2 ? at[1] : 0u;
        *out++ = alphabet[at[0] >> 2];
        *out++ = alphabet[(at[0] & 3u) << 4 | second >> 4];
        if (len == 2)
            *out++ = alphabet[(second & 15) << 2];
    }
    return out;
}

void eio_base64_encode(char *out, eio_slice bytes)
{
    char *padding = encode(out, bytes, standard);

    for (size_t len = bytes.len; len % 3 != 0; len++)
        *padding++ = '=';
}

void eio_base64url_encode(char *out, eio_slice bytes)
{
    (void)encode(out, bytes, for_urls);
}

static uint8_t value_of(char c)
{
    return values[(unsigned char)c];
}

bool eio_is_base64(char c)
{
    return value_of(c) != 0 && (value_of(c) & URL) == 0;
}

/* Four characters of an alphabet to three bytes. */
static void write_group(char *out, const uint8_t group[4])
{
    uint32_t bits = ((group[0] - 1u) & 63) << 18 | ((group[1] - 1u) & 63) << 12 |
                    ((group[2] - 1u) & 63) << 6 | ((group[3] - 1u) & 63);

    out[0] = (char)(bits >> 16);
    out[1] = (char)(bits >> 8);
    out[2] = (char)bits;
}

/* As many whole groups as come without any other character, none of the alphabet's that is refused. */
static size_t decode_groups(char *out, eio_slice text, uint8_t refused)
{
    const char *at = text.base;
    size_t groups = 0;

    for (; groups < text.len / 4; groups++, at += 4, out += 3) {
        const uint8_t group[4] = { value_of(at[0]), value_of(at[1]), value_of(at[2]),
                                   value_of(at[3]) };
        if (group[0] == 0 || group[1] == 0 || group[2] == 0 || group[3] == 0)
            break;
        if (((group[0] | group[1] | group[2] | group[3]) & refused) != 0)
            break;
        write_group(out, group);
    }
    return groups;
}

int eio_base64_decode(char *out, size_t *len, eio_slice text)
{
    size_t groups = decode_groups(out, text, URL);
    const char *rest = text.base + groups * 4;

    if (groups * 4 == text.len) {
        *len = groups * 3;
        return EIO_OK;
    }
    if (text.len - groups * 4 != 4 || rest[3] != '=')
        return EIO_E_INVALID;
    bool one_byte = rest[2] == '=';
    uint8_t group[4] = { value_of(rest[0]), value_of(rest[1]), one_byte ? 1 : value_of(rest[2]),
                         1 };
    if (group[0] == 0 || group[1] == 0 || group[2] == 0 ||
        ((group[0] | group[1] | group[2]) & URL) != 0)
        return EIO_E_INVALID;
    char bytes[3];
    write_group(bytes, group);
    if (bytes[2] != 0 || (one_byte && bytes[1] != 0))
        return EIO_E_INVALID; /* bits that say nothing must be zero (RFC 4648 §3.5) */
    out[groups * 3] = bytes[0];
    if (!one_byte)
        out[groups * 3 + 1] = bytes[1];
    *len = groups * 3 + (one_byte ? 1 : 2);
    return EIO_OK;
}

/* The next group, character by character. How many there were before the end, or an `=`. */
static size_t gather_group(uint8_t group[4], eio_slice *text)
{
    size_t have = 0;

    while (have < 4 && text->len > 0) {
        char c = *text->base;
        if (c == '=') {
            text->len = 0;
            break;
        }
        text->base++;
        text->len--;
        if (value_of(c) != 0)
            group[have++] = value_of(c);
    }
    return have;
}

size_t eio_base64_decode_lenient(char *out, eio_slice text)
{
    size_t written = 0;

    while (text.len > 0) {
        size_t groups = decode_groups(out + written, text, 0);
        written += groups * 3;
        text.base += groups * 4;
        text.len -= groups * 4;

        uint8_t group[4] = { 1, 1, 1, 1 };
        size_t have = gather_group(group, &text);
        if (have < 2)
            continue; /* at the end */
        char bytes[3];
        write_group(bytes, group);
        memcpy(out + written, bytes, have - 1);
        written += have - 1;
    }
    return written;
}
