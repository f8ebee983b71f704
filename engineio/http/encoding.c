#include "engineio/http/encoding.h"

#include <strings.h>

#include "engineio/http/text.h"

enum { FULL_WEIGHT = 1000 };

static const eio_slice names[EIO_ENCODINGS + 1] = {
    [EIO_ENCODING_GZIP] = { "gzip", 4 },
    [EIO_ENCODING_DEFLATE] = { "deflate", 7 },
    [EIO_ENCODING_IDENTITY] = { "identity", 8 },
};

eio_slice eio_encoding_name(eio_encoding encoding)
{
    return names[encoding];
}

static bool is_word(eio_slice text, eio_slice word)
{
    return text.len == word.len && strncasecmp(text.base, word.base, word.len) == 0;
}

/* Cut off what stands before the next separator, or all; false when nothing was left. */
static bool next_part(eio_slice *rest, char separator, eio_slice *part)
{
    if (rest->base == NULL)
        return false;
    const char *end = rest->len == 0 ? NULL : memchr(rest->base, separator, rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->base);
    *part = eio_trim((eio_slice){ rest->base, len });
    *rest = end == NULL ? (eio_slice){ NULL, 0 }
                        : (eio_slice){ rest->base + len + 1, rest->len - len - 1 };
    return true;
}

/* 0 to 1 with at most three decimals, as thousandths; -1: it is none. RFC 9110 §12.4.2 */
static int read_weight(eio_slice text)
{
    if (text.len == 0 || text.len > 5 || (text.base[0] != '0' && text.base[0] != '1') ||
        (text.len > 1 && text.base[1] != '.'))
        return -1;
    int weight = text.base[0] == '1' ? FULL_WEIGHT : 0;
    int unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return -1;
        weight += (text.base[i] - '0') * unit;
    }
    return weight <= FULL_WEIGHT ? weight : -1;
}

/* Of the parameters behind a coding; -1 for a weight that is none. */
static int weight_of(eio_slice parameters)
{
    eio_slice part;

    while (next_part(&parameters, ';', &part))
        if (part.len >= 2 && (part.base[0] == 'q' || part.base[0] == 'Q') && part.base[1] == '=')
            return read_weight((eio_slice){ part.base + 2, part.len - 2 });
    return FULL_WEIGHT;
}

static void note_weight(eio_accepted *accepted, eio_slice coding, int weight)
{
    if (is_word(coding, EIO_STR("*"))) {
        accepted->star_weight = weight;
        return;
    }
    /* RFC 9110 §8.4.1.3: the same thing under an older name. */
    if (is_word(coding, EIO_STR("x-gzip")))
        coding = names[EIO_ENCODING_GZIP];
    for (unsigned i = 0; i < EIO_ENCODINGS; i++) {
        if (is_word(coding, names[i])) {
            accepted->is_named[i] = true;
            accepted->weight[i] = weight;
        }
    }
}

void eio_accepted_feed(eio_accepted *accepted, eio_slice value)
{
    eio_slice rest = value;
    eio_slice element;
    eio_slice coding;

    while (next_part(&rest, ',', &element)) {
        if (!next_part(&element, ';', &coding))
            continue;
        int weight = weight_of(element);
        if (weight >= 0)
            note_weight(accepted, coding, weight);
    }
}

eio_encoding eio_accepted_best(const eio_accepted *accepted)
{
    eio_encoding best = EIO_ENCODING_IDENTITY;
    int most = 0;

    for (unsigned i = 0; i < EIO_ENCODINGS; i++) {
        int weight = accepted->is_named[i] ? accepted->weight[i] : accepted->star_weight;
        if (weight > most) {
            best = (eio_encoding)i;
            most = weight;
        }
    }
    return best;
}

eio_encoding eio_http_choose_encoding(const eio_http_request *request)
{
    eio_accepted accepted = { .star_weight = 0 };
    eio_slice name;
    eio_slice value;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++)
        if (is_word(name, EIO_STR("accept-encoding")))
            eio_accepted_feed(&accepted, value);
    return eio_accepted_best(&accepted);
}
