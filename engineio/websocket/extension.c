#include "engineio/websocket/extension.h"

static const eio_slice deflate_name = { "permessage-deflate", 18 };

static const eio_slice names[EIO_DEFLATE_PARAMETERS] = {
    [EIO_SERVER_NO_CONTEXT_TAKEOVER] = { "server_no_context_takeover", 26 },
    [EIO_CLIENT_NO_CONTEXT_TAKEOVER] = { "client_no_context_takeover", 26 },
    [EIO_SERVER_MAX_WINDOW_BITS] = { "server_max_window_bits", 22 },
    [EIO_CLIENT_MAX_WINDOW_BITS] = { "client_max_window_bits", 22 },
};

/* ---- the grammar (RFC 6455 §9.1): each reader moves behind what it took ---- */

static bool is_token_char(char c)
{
    static const char separators[] = "()<>@,;:\\\"/[]?={} \t";

    return c > ' ' && c < 0x7f && strchr(separators, c) == NULL;
}

static void skip_blanks(eio_slice *rest)
{
    while (rest->len > 0 && (*rest->base == ' ' || *rest->base == '\t')) {
        rest->base++;
        rest->len--;
    }
}

static bool skip_char(eio_slice *rest, char c)
{
    if (rest->len == 0 || *rest->base != c)
        return false;
    rest->base++;
    rest->len--;
    return true;
}

/* False if there is none. */
static bool read_token(eio_slice *rest, eio_slice *token)
{
    *token = (eio_slice){ rest->base, 0 };
    while (rest->len > 0 && is_token_char(*rest->base)) {
        token->len++;
        rest->base++;
        rest->len--;
    }
    return token->len > 0;
}

/* A token, or one in quotes. Escapes stay: no value that means something to us has any. */
static bool read_value(eio_slice *rest, eio_slice *value)
{
    eio_slice piece;

    if (!skip_char(rest, '"'))
        return read_token(rest, value);
    *value = (eio_slice){ rest->base, 0 };
    while (read_token(rest, &piece) || skip_char(rest, '\\')) {
    }
    value->len = (size_t)(rest->base - value->base);
    return value->len > 0 && rest->base[-1] != '\\' && skip_char(rest, '"');
}

/* ---- parameters ---- */

/* 8 to 15, without a sign or leading zeros; else 0. */
static uint8_t read_bits(eio_slice text)
{
    if (text.len == 1 && (text.base[0] == '8' || text.base[0] == '9'))
        return (uint8_t)(text.base[0] - '0');
    if (text.len == 2 && text.base[0] == '1' && text.base[1] >= '0' && text.base[1] <= '5')
        return (uint8_t)(10 + text.base[1] - '0');
    return 0;
}

/* What a value says, {NULL, 0} being none; 0: it is not one for this parameter. RFC 7692 §7.1 */
static uint8_t read_parameter(eio_deflate_parameter parameter, eio_slice value)
{
    bool is_bare = value.base == NULL;

    switch (parameter) {
    case EIO_SERVER_NO_CONTEXT_TAKEOVER:
    case EIO_CLIENT_NO_CONTEXT_TAKEOVER: return is_bare;
    case EIO_SERVER_MAX_WINDOW_BITS: return is_bare ? 0 : read_bits(value);
    case EIO_CLIENT_MAX_WINDOW_BITS: return is_bare ? 1 : read_bits(value);
    case EIO_DEFLATE_PARAMETERS: break;
    }
    return 0;
}

static void set_term(eio_deflate_terms *terms, eio_deflate_parameter parameter, uint8_t value)
{
    if (terms->value[parameter] == 0)
        terms->order[terms->count++] = (uint8_t)parameter;
    terms->value[parameter] = value;
}

/* False for an unknown name, a bad value, and for a name that comes twice. */
static bool add_term(eio_deflate_terms *terms, eio_slice name, eio_slice value)
{
    for (unsigned i = 0; i < EIO_DEFLATE_PARAMETERS; i++) {
        if (!eio_slice_equal(names[i], name))
            continue;
        uint8_t read = read_parameter((eio_deflate_parameter)i, value);
        if (read == 0 || terms->value[i] != 0)
            return false;
        set_term(terms, (eio_deflate_parameter)i, read);
        return true;
    }
    return false;
}

/* ---- offers ---- */

/* One extension with its parameters; terms is filled if it is permessage-deflate. */
static bool read_extension(eio_slice *rest, bool *is_deflate, eio_deflate_terms *terms)
{
    eio_slice name;

    if (!read_token(rest, &name))
        return false;
    *is_deflate = eio_slice_equal(name, deflate_name);
    *terms = (eio_deflate_terms){ .count = 0 };
    for (skip_blanks(rest); skip_char(rest, ';'); skip_blanks(rest)) {
        eio_slice value = { NULL, 0 };
        skip_blanks(rest);
        if (!read_token(rest, &name) || (skip_char(rest, '=') && !read_value(rest, &value)))
            return false;
        if (*is_deflate && !add_term(terms, name, value))
            return false;
    }
    return true;
}

/* Whether an offer leaves us the windows that the options want. */
static bool suits(const eio_deflate_terms *offer, const eio_deflate_options *options)
{
    uint8_t server_bits = offer->value[EIO_SERVER_MAX_WINDOW_BITS];
    uint8_t client_bits = offer->value[EIO_CLIENT_MAX_WINDOW_BITS];

    if (options->refuse_server_no_context_takeover &&
        offer->value[EIO_SERVER_NO_CONTEXT_TAKEOVER] > 0)
        return false;
    if (server_bits > 0 && (options->server_max_window_bits == EIO_DEFLATE_NEVER ||
                            options->server_max_window_bits > server_bits))
        return false;
    /* A client that does not name the parameter does not know it. */
    return options->client_max_window_bits <= 0 || client_bits == 1 ||
           (client_bits > 0 && options->client_max_window_bits <= client_bits);
}

/* The offer becomes the answer: what we want is added to it. */
static void settle(eio_deflate_terms *terms, const eio_deflate_options *options)
{
    if (options->server_no_context_takeover)
        set_term(terms, EIO_SERVER_NO_CONTEXT_TAKEOVER, 1);
    if (options->client_no_context_takeover)
        set_term(terms, EIO_CLIENT_NO_CONTEXT_TAKEOVER, 1);
    if (options->server_max_window_bits > 0)
        set_term(terms, EIO_SERVER_MAX_WINDOW_BITS, (uint8_t)options->server_max_window_bits);
    if (options->client_max_window_bits > 0)
        set_term(terms, EIO_CLIENT_MAX_WINDOW_BITS, (uint8_t)options->client_max_window_bits);
    if (options->client_max_window_bits == EIO_DEFLATE_NEVER &&
        terms->value[EIO_CLIENT_MAX_WINDOW_BITS] > 0)
        terms->value[EIO_CLIENT_MAX_WINDOW_BITS] = 1; /* as if it had only been named: no answer */
}

static void consider(eio_extensions *extensions, const eio_deflate_terms *offer,
                     const eio_deflate_options *options)
{
    extensions->is_offered = true;
    if (extensions->is_agreed || !suits(offer, options))
        return;
    extensions->is_agreed = true;
    extensions->terms = *offer;
    settle(&extensions->terms, options);
}

void eio_extensions_feed(eio_extensions *extensions, eio_slice value,
                         const eio_deflate_options *options)
{
    eio_slice rest = value;
    eio_deflate_terms offer;
    bool is_deflate = false;

    do {
        skip_blanks(&rest);
        if (!read_extension(&rest, &is_deflate, &offer)) {
            extensions->is_bad = true;
            return;
        }
        if (is_deflate)
            consider(extensions, &offer, options);
    } while (skip_char(&rest, ','));
    if (rest.len > 0)
        extensions->is_bad = true;
}

bool eio_extensions_are_good(const eio_extensions *extensions)
{
    return !extensions->is_bad && extensions->is_agreed == extensions->is_offered;
}

/* ---- the answer ---- */

static size_t append(char *out, size_t len, eio_slice text)
{
    memcpy(out + len, text.base, text.len);
    return len + text.len;
}

static size_t append_bits(char *out, size_t len, unsigned bits)
{
    len = append(out, len, EIO_STR("="));
    if (bits >= 10)
        out[len++] = '1';
    out[len++] = (char)('0' + bits % 10);
    return len;
}

size_t eio_extensions_answer(const eio_extensions *extensions,
                             char out[EIO_DEFLATE_ANSWER_MAX_BYTES])
{
    const eio_deflate_terms *terms = &extensions->terms;

    if (!extensions->is_agreed)
        return 0;
    size_t len = append(out, 0, deflate_name);
    for (size_t i = 0; i < terms->count; i++) {
        uint8_t parameter = terms->order[i];
        unsigned value = terms->value[parameter];
        /* A client that only says that it knows the parameter leaves it to us. */
        if (parameter == EIO_CLIENT_MAX_WINDOW_BITS && value == 1)
            continue;
        len = append(out, append(out, len, EIO_STR("; ")), names[parameter]);
        if (value >= EIO_WINDOW_BITS_MIN)
            len = append_bits(out, len, value);
    }
    return len;
}

unsigned eio_extensions_bits(const eio_extensions *extensions, eio_deflate_parameter direction)
{
    unsigned bits = extensions->terms.value[direction];

    return bits >= EIO_WINDOW_BITS_MIN ? bits : EIO_WINDOW_BITS_MAX;
}
