#include "engineio/http/conditional.h"

#include "engineio/http/date.h"

static eio_slice without_weak(eio_slice tag)
{
    if (tag.len >= 2 && memcmp(tag.base, "W/", 2) == 0)
        return (eio_slice){ tag.base + 2, tag.len - 2 };
    return tag;
}

/* The bytes of the entity tag that begins here, its mark of weakness and its quotes included; 0: there is none. */
static size_t tag_len(eio_slice text)
{
    size_t start = text.len >= 2 && memcmp(text.base, "W/", 2) == 0 ? 2 : 0;

    if (text.len <= start || text.base[start] != '"')
        return 0;
    const char *end = memchr(text.base + start + 1, '"', text.len - start - 1);
    return end == NULL ? 0 : (size_t)(end - text.base) + 1;
}

bool eio_etag_matches(eio_slice list, eio_slice etag)
{
    if (eio_slice_equal(list, EIO_STR("*")))
        return true;
    while (list.len > 0) {
        size_t used = tag_len(list);
        if (used > 0 &&
            eio_slice_equal(without_weak((eio_slice){ list.base, used }), without_weak(etag)))
            return true;
        if (used == 0)
            used = 1; /* a comma, a blank, or what is no tag at all */
        list.base += used;
        list.len -= used;
    }
    return false;
}

bool eio_is_fresh(eio_slice if_none_match, eio_slice if_modified_since, eio_slice etag,
                  time_t modified)
{
    time_t since;

    if (if_none_match.base != NULL)
        return eio_etag_matches(if_none_match, etag);
    return if_modified_since.base != NULL && eio_http_parse_date(&since, if_modified_since) &&
           modified <= since;
}

/* Digits from *at on. False: none, or too many for 64 bits. */
static bool read_number(eio_slice text, size_t *at, uint64_t *out)
{
    size_t begin = *at;

    *out = 0;
    for (; *at < text.len && text.base[*at] >= '0' && text.base[*at] <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(text.base[*at] - '0');
        if (*out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return *at > begin;
}

static eio_range_result part(uint64_t size, uint64_t begin, uint64_t last, uint64_t *first,
                             uint64_t *len)
{
    if (begin >= size)
        return EIO_RANGE_UNSATISFIABLE;
    *first = begin;
    *len = (last < size ? last : size - 1) - begin + 1;
    return EIO_RANGE_PART;
}

/* bytes=-N: the last N. */
static eio_range_result parse_suffix(eio_slice range, size_t at, uint64_t size, uint64_t *first,
                                     uint64_t *len)
{
    uint64_t count;

    if (!read_number(range, &at, &count) || at != range.len)
        return EIO_RANGE_WHOLE;
    if (count == 0)
        return EIO_RANGE_UNSATISFIABLE;
    return part(size, count < size ? size - count : 0, UINT64_MAX, first, len);
}

eio_range_result eio_range_parse(eio_slice range, uint64_t size, uint64_t *first, uint64_t *len)
{
    static const char unit[] = "bytes=";
    size_t at = sizeof(unit) - 1;
    uint64_t begin;
    uint64_t last = UINT64_MAX;

    if (range.len <= at || memcmp(range.base, unit, at) != 0)
        return EIO_RANGE_WHOLE;
    if (range.base[at] == '-')
        return parse_suffix(range, at + 1, size, first, len);
    if (!read_number(range, &at, &begin) || at == range.len || range.base[at] != '-')
        return EIO_RANGE_WHOLE;
    at++;
    if (at < range.len && !read_number(range, &at, &last))
        return EIO_RANGE_WHOLE;
    if (at != range.len || last < begin)
        return EIO_RANGE_WHOLE;
    return part(size, begin, last, first, len);
}
