#include "socketio/placeholder.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "socketio/json_plain.h"
#include "socketio/json_scan.h"
#include "socketio/json_string.h"
#include "socketio/usual_placeholder.h"

/* An array or object that is open. */
typedef struct level {
    const char *start;
    size_t found;     /* in the list when it was opened */
    eio_slice digits; /* of the last num; {NULL, 0}: none, or not a number */
    bool marked;      /* the last _placeholder is true */
} level;

typedef struct finder {
    sio_placeholders *list;
    size_t text;
    const char *end;
    size_t depth;
    level levels[SIO_JSON_DEPTH_MAX];
} finder;

/* A plain integer of at most 9 digits: more attachments there will never be. */
static unsigned parse_num(eio_slice digits)
{
    unsigned num = 0;

    if (digits.len == 0 || digits.len > 9 || (digits.base[0] == '0' && digits.len > 1))
        return SIO_PLACEHOLDER_BAD;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.base[i] < '0' || digits.base[i] > '9')
            return SIO_PLACEHOLDER_BAD;
        num = num * 10 + (unsigned)(digits.base[i] - '0');
    }
    return num;
}

void sio_placeholders_init(sio_placeholders *list)
{
    list->items = list->few;
    list->count = 0;
    list->capacity = SIO_PLACEHOLDERS_FEW;
}

static int grow(sio_placeholders *list)
{
    size_t capacity = list->capacity * 2;
    bool is_few = list->items == list->few;
    sio_placeholder *items = realloc(is_few ? NULL : list->items, capacity * sizeof(*items));

    if (items == NULL)
        return EIO_E_NOMEM;
    if (is_few)
        memcpy(items, list->few, sizeof(list->few));
    list->items = items;
    list->capacity = capacity;
    return EIO_OK;
}

static int append(sio_placeholders *list, eio_slice whole, eio_slice digits, size_t text)
{
    if (list->count == list->capacity && grow(list) != EIO_OK)
        return EIO_E_NOMEM;
    sio_placeholder *item = &list->items[list->count++];
    item->whole = whole;
    item->digits = digits;
    item->text = text;
    item->num = parse_num(digits);
    return EIO_OK;
}

/* Keys may be written with escapes, as any string. */
static bool key_is(eio_slice key, eio_slice name)
{
    char decoded[6 * sizeof("_placeholder")];

    if (!sio_json_string_has_escapes(key))
        return eio_slice_equal((eio_slice){ key.base + 1, key.len - 2 }, name);
    if (key.len > sizeof(decoded))
        return false;
    return eio_slice_equal((eio_slice){ decoded, sio_json_string_decode(decoded, key) }, name);
}

static const char *skip_string(const char *at, const char *end)
{
    at = sio_json_skip_plain(at + 1, end);
    while (*at == '\\')
        at = sio_json_skip_plain(at + 2, end);
    return at + 1;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static eio_slice number_at(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && ((*at >= '0' && *at <= '9') || strchr("+-.eE", *at) != NULL))
        at++;
    return at == start ? (eio_slice){ NULL, 0 } : (eio_slice){ start, (size_t)(at - start) };
}

/* In checked JSON a string before a colon is a key. Of repeated keys the last one counts. */
static const char *read_string(finder *find, const char *start)
{
    const char *at = skip_string(start, find->end);
    eio_slice key = { start, (size_t)(at - start) };

    at = skip_blanks(at, find->end);
    if (at == find->end || *at != ':')
        return at;
    at = skip_blanks(at + 1, find->end);
    level *top = &find->levels[find->depth - 1];
    if (key_is(key, EIO_STR("_placeholder")))
        top->marked = *at == 't';
    else if (key_is(key, EIO_STR("num")))
        top->digits = number_at(at, find->end);
    return at;
}

static int close_level(finder *find, const char *end)
{
    assert(find->depth > 0);
    level *top = &find->levels[--find->depth];

    if (!top->marked)
        return EIO_OK;
    find->list->count = top->found;
    eio_slice whole = { top->start, (size_t)(end - top->start) };
    return append(find->list, whole, top->digits, find->text);
}

/* An array or object begins: on to what stands in it, or behind it where it is a placeholder. */
static int open_level(finder *find, const char **at)
{
    eio_slice digits;
    const char *end = sio_usual_placeholder_end(*at, find->end, &digits);

    if (end != NULL) {
        eio_slice whole = { *at, (size_t)(end - *at) };
        *at = end;
        return append(find->list, whole, digits, find->text);
    }
    level *top = &find->levels[find->depth++];
    top->start = (*at)++;
    top->found = find->list->count;
    top->digits = (eio_slice){ NULL, 0 };
    top->marked = false;
    return EIO_OK;
}

static int find_in_text(finder *find, const char *at)
{
    int rc = EIO_OK;

    while (at < find->end && rc == EIO_OK) {
        switch (*at) {
        case '"': at = read_string(find, at); break;
        case '[':
        case '{': rc = open_level(find, &at); break;
        case ']':
        case '}': rc = close_level(find, ++at); break;
        default: at++;
        }
    }
    return rc;
}

int sio_placeholders_find(sio_placeholders *list, const eio_slice *texts, size_t count)
{
    finder find;
    int rc = EIO_OK;

    find.list = list;
    for (size_t i = 0; i < count && rc == EIO_OK; i++) {
        find.text = i;
        find.end = texts[i].base + texts[i].len;
        find.depth = 0;
        rc = find_in_text(&find, texts[i].base);
    }
    return rc;
}

void sio_placeholders_fini(sio_placeholders *list)
{
    if (list->items != list->few)
        free(list->items);
}
