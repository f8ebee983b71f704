#include <assert.h>
#include <stdlib.h>

#include "engineio/net/buffer_private.h"
#include "socketio/json_string.h"
#include "socketio/packet.h"
#include "socketio/placeholder.h"

enum { DIGITS_MAX = 20 }; /* of a uint64_t */

/* Compilers think these too large to be worth it. */
#define INLINE __attribute__((always_inline)) static inline

/* Which attachments of the arguments are sent, and where they are named. */
typedef struct send_plan {
    sio_placeholders found;
    unsigned used[SIO_ATTACHMENTS_MAX]; /* old number by new number */
    size_t used_count;
} send_plan;

/* What stands before the payload. */
typedef struct packet_head {
    sio_packet_type type;
    size_t attachments;
    eio_slice nsp; /* empty: the main one, which is not named */
    bool has_id;
    uint64_t id;
} packet_head;

static char *write_bytes(char *out, eio_slice bytes)
{
    if (bytes.len > 0)
        memcpy(out, bytes.base, bytes.len);
    return out + bytes.len;
}

static char *write_number(char *out, uint64_t number)
{
    char digits[DIGITS_MAX];
    char *at = digits + sizeof(digits);

    if (number < 10) { /* as attachments are counted */
        *out = (char)('0' + number);
        return out + 1;
    }
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return write_bytes(out, (eio_slice){ at, (size_t)(digits + sizeof(digits) - at) });
}

static inline packet_head head_of(sio_packet_type type, eio_slice nsp, bool has_id, uint64_t id)
{
    bool is_main = nsp.len == 1 && *nsp.base == '/';

    return (packet_head){ type, 0, { nsp.base, is_main ? 0 : nsp.len }, has_id, id };
}

/* What the head takes at most. */
static size_t head_max(const packet_head *head)
{
    const size_t type = 1;
    const size_t attachments = sizeof("10-") - 1;

    return type + attachments + head->nsp.len + sizeof(",") - 1 + DIGITS_MAX;
}

INLINE char *write_head(char *out, const packet_head *head)
{
    *out++ = (char)('0' + (int)head->type);
    if (head->attachments > 0) {
        out = write_number(out, head->attachments);
        *out++ = '-';
    }
    if (head->nsp.len > 0) {
        out = write_bytes(out, head->nsp);
        *out++ = ',';
    }
    return head->has_id ? write_number(out, head->id) : out;
}

/* The new number of an attachment, which may have one already. */
static int renumber(send_plan *plan, unsigned old, unsigned *new)
{
    for (size_t i = 0; i < plan->used_count; i++) {
        if (plan->used[i] == old) {
            *new = (unsigned)i;
            return EIO_OK;
        }
    }
    if (plan->used_count == SIO_ATTACHMENTS_MAX)
        return EIO_E_LIMIT;
    *new = (unsigned)plan->used_count;
    plan->used[plan->used_count++] = old;
    return EIO_OK;
}

/* Replace each placeholder's number by the one it gets. */
static int plan_attachments(send_plan *plan, sio_args args)
{
    int rc = sio_placeholders_find(&plan->found, args.json, args.count);

    for (size_t i = 0; i < plan->found.count && rc == EIO_OK; i++) {
        sio_placeholder *item = &plan->found.items[i];
        if (item->num >= args.attachment_count)
            return EIO_E_INVALID;
        rc = renumber(plan, item->num, &item->num);
    }
    return rc;
}

/* One argument, with its placeholders renumbered; *next is the first that may be in it. */
static char *write_arg(char *out, eio_slice arg, size_t index, const send_plan *plan, size_t *next)
{
    const char *end = arg.base + arg.len;
    const char *at = arg.base;

    for (; *next < plan->found.count && plan->found.items[*next].text == index; (*next)++) {
        const sio_placeholder *item = &plan->found.items[*next];
        out = write_bytes(out, (eio_slice){ at, (size_t)(item->digits.base - at) });
        out = write_number(out, item->num);
        at = item->digits.base + item->digits.len;
    }
    return write_bytes(out, (eio_slice){ at, (size_t)(end - at) });
}

/* plan: NULL when there are no attachments. */
INLINE char *write_args(char *out, const sio_args *args, const send_plan *plan, bool comma)
{
    size_t next = 0;

    for (size_t i = 0; i < args->count; i++) {
        if (comma || i > 0)
            *out++ = ',';
        if (plan == NULL)
            out = write_bytes(out, args->json[i]);
        else
            out = write_arg(out, args->json[i], i, plan, &next);
    }
    return out;
}

/* Brackets, commas and arguments. Numbers never grow: new ones have one digit. */
static size_t args_max(const sio_args *args)
{
    size_t len = 2 + args->count;

    for (size_t i = 0; i < args->count; i++)
        len += args->json[i].len;
    return len;
}
static_assert(SIO_ATTACHMENTS_MAX <= 10, "a new number is never longer than the old one");

/* name: {NULL, 0} for an acknowledgement. */
INLINE int encode_array(sio_encoded *out, const packet_head *head, eio_slice name,
                        const send_plan *plan, const sio_args *args)
{
    size_t name_max = name.base == NULL ? 0 : sio_json_string_encoded_max(name);
    eio_buffer *text = eio_buffer_new(head_max(head) + name_max + args_max(args));
    if (text == NULL)
        return EIO_E_NOMEM;
    char *at = write_head(text->payload, head);
    *at++ = '[';
    if (name.base != NULL)
        at = sio_json_string_encode(at, name);
    at = write_args(at, args, plan, name.base != NULL);
    *at++ = ']';
    text->len = (size_t)(at - text->payload);
    assert(text->len <= text->capacity);
    out->text = text;
    return EIO_OK;
}

/*
 * Arguments with attachments; a packet that names none of them is no binary one. Never inline: it
 * would take registers and copies from all without.
 */
__attribute__((noinline)) static int encode_binary(sio_encoded *out, packet_head head,
                                                   eio_slice name, const sio_args *args)
{
    send_plan plan;

    sio_placeholders_init(&plan.found);
    plan.used_count = 0;
    int rc = plan_attachments(&plan, *args);
    head.attachments = plan.used_count;
    if (plan.used_count == 0)
        head.type = head.type == SIO_BINARY_EVENT ? SIO_EVENT : SIO_ACK;
    if (rc == EIO_OK)
        rc = encode_array(out, &head, name, &plan, args);
    if (rc == EIO_OK) {
        out->attachment_count = plan.used_count;
        for (size_t i = 0; i < plan.used_count; i++)
            out->attachments[i] = args->attachments[plan.used[i]];
    }
    sio_placeholders_fini(&plan.found);
    return rc;
}

int sio_packet_encode_event(sio_encoded *out, eio_slice nsp, bool has_id, uint64_t id,
                            eio_slice name, sio_args args)
{
    packet_head head = head_of(SIO_EVENT, nsp, has_id, id);

    if (name.base == NULL)
        name = EIO_STR(""); /* an empty name is a name */
    if (sio_event_name_is_reserved(name))
        return EIO_E_RESERVED;
    if (args.attachment_count > 0)
        return encode_binary(out, head_of(SIO_BINARY_EVENT, nsp, has_id, id), name, &args);
    out->attachment_count = 0;
    return encode_array(out, &head, name, NULL, &args);
}

int sio_packet_encode_ack(sio_encoded *out, eio_slice nsp, uint64_t id, sio_args args)
{
    packet_head head = head_of(SIO_ACK, nsp, true, id);
    const eio_slice no_name = { NULL, 0 };

    if (args.attachment_count > 0)
        return encode_binary(out, head_of(SIO_BINARY_ACK, nsp, true, id), no_name, &args);
    out->attachment_count = 0;
    return encode_array(out, &head, no_name, NULL, &args);
}

int sio_packet_encode_connect(eio_buffer **out, eio_slice nsp, eio_slice payload)
{
    packet_head head = head_of(SIO_CONNECT, nsp, false, 0);
    eio_buffer *text = eio_buffer_new(head_max(&head) + payload.len);
    if (text == NULL)
        return EIO_E_NOMEM;
    char *start = eio_buffer_reserve(&text, head_max(&head) + payload.len);
    char *at = write_bytes(write_head(start, &head), payload);

    eio_buffer_commit(text, (size_t)(at - start));
    *out = text;
    return EIO_OK;
}

int sio_packet_encode_connect_error(eio_buffer **out, eio_slice nsp, eio_slice message,
                                    eio_slice data)
{
    static const char around[] = "{\"message\":,\"data\":}";
    packet_head head = head_of(SIO_CONNECT_ERROR, nsp, false, 0);
    size_t max = head_max(&head) + sizeof(around) + sio_json_string_encoded_len(message) + data.len;
    eio_buffer *text = eio_buffer_new(max);
    if (text == NULL)
        return EIO_E_NOMEM;
    char *start = eio_buffer_reserve(&text, max);
    char *at = write_head(start, &head);

    *at++ = '{';
    if (message.base != NULL)
        at = sio_json_string_encode(write_bytes(at, EIO_STR("\"message\":")), message);
    if (data.base != NULL) {
        at = write_bytes(at, message.base != NULL ? EIO_STR(",\"data\":") : EIO_STR("\"data\":"));
        at = write_bytes(at, data);
    }
    *at++ = '}';
    eio_buffer_commit(text, (size_t)(at - start));
    *out = text;
    return EIO_OK;
}

int sio_packet_encode_disconnect(eio_buffer **out, eio_slice nsp)
{
    packet_head head = head_of(SIO_DISCONNECT, nsp, false, 0);
    eio_buffer *text = eio_buffer_new(head_max(&head));
    if (text == NULL)
        return EIO_E_NOMEM;
    char *start = eio_buffer_reserve(&text, head_max(&head));
    char *at = write_head(start, &head);

    eio_buffer_commit(text, (size_t)(at - start));
    *out = text;
    return EIO_OK;
}
