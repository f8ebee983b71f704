#include "engineio/websocket/frame.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/websocket/mask.h"
#include "engineio/websocket/utf8.h"

enum {
    FIN = 0x80,
    RSV = 0x70,
    RSV1 = 0x40,
    OPCODE = 0x0f,
    IS_CONTROL = 0x08,
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK_BYTES = 4,
    USUAL_HEAD = 2 + MASK_BYTES,
    LARGEST_HEAD = 14,
    LARGEST_CONTROL = 125,
    TEXT_BLOCK = 4096, /* unmasked and checked at a time; a multiple of MASK_BYTES */
};

typedef enum decoder_state {
    DECODER_HEAD, /* at a frame's start, or in its header */
    DECODER_DATA,
    DECODER_CONTROL,
    DECODER_DONE, /* closed or failed: whatever comes is dropped */
} decoder_state;

/* All that an idle client does not need. */
typedef struct eio_frame_partial {
    size_t len;      /* of the message so far */
    size_t capacity; /* of bytes */
    size_t frames;   /* of the message so far */
    size_t left;     /* payload bytes of the frame in hand that are still to come */
    eio_utf8 utf8;
    uint8_t mask[MASK_BYTES];
    uint8_t head_len;
    uint8_t control_len;
    char head[LARGEST_HEAD]; /* a header that is split */
    char control[LARGEST_CONTROL];
    char bytes[];
} eio_frame_partial;

typedef struct frame_head {
    uint64_t len;
    size_t size; /* of the header itself */
    uint8_t first;
    uint8_t mask[MASK_BYTES];
} frame_head;

/* One step of the decoder: an event, or on to the next step. */
typedef enum step { STEP_MORE, STEP_EVENT, STEP_ON } step;

size_t eio_frame_heap_bytes(const eio_frame_decoder *decoder)
{
    return decoder->partial == NULL ? 0 : sizeof(*decoder->partial) + decoder->partial->capacity;
}

static void forget_partial(eio_frame_decoder *decoder)
{
    free(decoder->partial);
    decoder->partial = NULL;
}

void eio_frame_fini(eio_frame_decoder *decoder)
{
    forget_partial(decoder);
    decoder->state = DECODER_DONE;
}

static step fail(eio_frame_decoder *decoder, eio_frame_event *event, int code, const char *why)
{
    forget_partial(decoder);
    decoder->state = DECODER_DONE;
    decoder->message = 0;
    *event = (eio_frame_event){ .code = code, .payload = eio_slice_of(why) };
    return STEP_EVENT;
}

static step fail_nomem(eio_frame_decoder *decoder, eio_frame_event *event)
{
    return fail(decoder, event, EIO_E_NOMEM, "out of memory");
}

/* The partial, made if need be; NULL when out of memory. */
static eio_frame_partial *partial_of(eio_frame_decoder *decoder)
{
    if (decoder->partial == NULL)
        decoder->partial = calloc(1, sizeof(*decoder->partial));
    return decoder->partial;
}

/* RFC 7692 §6: RSV1 says that a message is compressed, in its first frame. */
static bool may_have_rsv(const eio_frame_decoder *decoder, uint8_t first)
{
    uint8_t opcode = first & OPCODE;

    return (first & RSV) == RSV1 && decoder->has_deflate &&
           (opcode == EIO_OPCODE_TEXT || opcode == EIO_OPCODE_BINARY);
}

/* What is wrong with a header's first byte, by itself and in this place; NULL if nothing is. RFC 6455 §5.2, §5.4 */
static const char *fault_of_first(const eio_frame_decoder *decoder, uint8_t first)
{
    uint8_t opcode = first & OPCODE;

    if ((first & RSV) != 0 && !may_have_rsv(decoder, first))
        return "a reserved bit is set";
    if (opcode > EIO_OPCODE_PONG || (opcode > EIO_OPCODE_BINARY && opcode < EIO_OPCODE_CLOSE))
        return "a reserved opcode";
    if ((opcode & IS_CONTROL) != 0)
        return (first & FIN) == 0 ? "a fragmented control frame" : NULL;
    if (opcode == EIO_OPCODE_CONTINUATION)
        return decoder->message == 0 ? "a continuation of no message" : NULL;
    return decoder->message != 0 ? "a new message inside a fragmented one" : NULL;
}

static const char *fault_of_second(uint8_t first, uint8_t second)
{
    if ((second & MASKED) == 0)
        return "a frame that is not masked";
    if ((first & IS_CONTROL) != 0 && (second & LENGTH) > LARGEST_CONTROL)
        return "a control frame of more than 125 bytes";
    return NULL;
}

static uint64_t read_length(const uint8_t *bytes, size_t count)
{
    uint64_t length = 0;

    for (size_t i = 0; i < count; i++)
        length = length << 8 | bytes[i];
    return length;
}

/* The length in its extended form. RFC 6455 §5.2: the shortest form, and no top bit. */
static const char *fault_of_length(uint64_t len, size_t bytes)
{
    if (bytes == 2 && len < LENGTH_16)
        return "a length that is not in its shortest form";
    if (bytes == 8 && len <= UINT16_MAX)
        return "a length that is not in its shortest form";
    if (len > INT64_MAX)
        return "a length of 2^63 or more";
    return NULL;
}

/* The limits, from the header alone, before anything is allocated. False: one is passed, and event says which. */
static bool is_within(eio_frame_decoder *decoder, const eio_frame_limits *limits,
                      const frame_head *head, eio_frame_event *event)
{
    const eio_frame_partial *partial = decoder->partial;
    bool continues = (head->first & OPCODE) == EIO_OPCODE_CONTINUATION;

    assert(!continues || partial != NULL); /* it has the message's beginning */
    size_t have = continues ? partial->len : 0;
    size_t frames = continues ? partial->frames : 0;

    if ((head->first & IS_CONTROL) != 0)
        return true;
    if (head->len > limits->max_message_bytes - have) {
        fail(decoder, event, EIO_E_TOO_BIG, "message too big");
        return false;
    }
    if (frames >= limits->max_fragments) {
        fail(decoder, event, EIO_E_LIMIT, "too many fragments");
        return false;
    }
    return true;
}

/* Read a header. STEP_MORE: it is not whole yet; what there is of it is right. */
static step parse_head(eio_frame_decoder *decoder, const eio_frame_limits *limits,
                       const char *start, size_t count, frame_head *head, eio_frame_event *event)
{
    const uint8_t *bytes = (const uint8_t *)start;

    if (count < 1)
        return STEP_MORE;
    const char *fault = fault_of_first(decoder, bytes[0]);
    if (fault != NULL)
        return fail(decoder, event, EIO_E_PROTOCOL, fault);
    if (count < 2)
        return STEP_MORE;
    fault = fault_of_second(bytes[0], bytes[1]);
    if (fault != NULL)
        return fail(decoder, event, EIO_E_PROTOCOL, fault);

    uint8_t length = bytes[1] & LENGTH;
    size_t extended = length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0;
    if (count < 2 + extended)
        return STEP_MORE;
    head->first = bytes[0];
    head->len = extended == 0 ? length : read_length(bytes + 2, extended);
    head->size = 2 + extended + MASK_BYTES;
    fault = fault_of_length(head->len, extended);
    if (fault != NULL)
        return fail(decoder, event, EIO_E_PROTOCOL, fault);
    if (!is_within(decoder, limits, head, event))
        return STEP_EVENT;
    if (count < head->size)
        return STEP_MORE;
    memcpy(head->mask, bytes + 2 + extended, MASK_BYTES);
    return STEP_ON;
}

/* A header that is split across reads: gathered in the partial. */
static step gather_head(eio_frame_decoder *decoder, const eio_frame_limits *limits, char **at,
                        const char *end, frame_head *head, eio_frame_event *event)
{
    eio_frame_partial *partial = partial_of(decoder);
    if (partial == NULL)
        return fail_nomem(decoder, event);
    size_t had = partial->head_len;
    size_t room = sizeof(partial->head) - had;
    size_t taken = (size_t)(end - *at) < room ? (size_t)(end - *at) : room;

    memcpy(partial->head + had, *at, taken);
    step next = parse_head(decoder, limits, partial->head, had + taken, head, event);
    if (next == STEP_MORE) {
        partial->head_len = (uint8_t)(had + taken);
        *at += taken;
    }
    if (next == STEP_ON) {
        partial->head_len = 0;
        *at += head->size - had;
    }
    return next;
}

/* RFC 6455 §7.4, and the codes that IANA registered since. */
static bool is_close_code(int code)
{
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}

static step finish_close(eio_frame_decoder *decoder, eio_slice payload, eio_frame_event *event)
{
    *event = (eio_frame_event){ .opcode = EIO_OPCODE_CLOSE };
    decoder->state = DECODER_DONE;
    decoder->message = 0;
    if (payload.len == 0)
        return STEP_EVENT;
    if (payload.len == 1)
        return fail(decoder, event, EIO_E_PROTOCOL, "a close frame with half a code");
    event->code = (int)read_length((const uint8_t *)payload.base, 2);
    event->payload = (eio_slice){ payload.base + 2, payload.len - 2 };
    if (!is_close_code(event->code))
        return fail(decoder, event, EIO_E_PROTOCOL, "a close code that may not be sent");
    if (!eio_utf8_is_valid(event->payload))
        return fail(decoder, event, EIO_E_UTF8, "a close reason that is not UTF-8");
    return STEP_EVENT;
}

static step finish_control(eio_frame_decoder *decoder, uint8_t first, eio_slice payload,
                           eio_frame_event *event)
{
    decoder->state = DECODER_HEAD;
    if ((first & OPCODE) == EIO_OPCODE_CLOSE)
        return finish_close(decoder, payload, event);
    *event = (eio_frame_event){ .opcode = (eio_opcode)(first & OPCODE), .payload = payload };
    return STEP_EVENT;
}

static step fail_utf8(eio_frame_decoder *decoder, eio_frame_event *event)
{
    return fail(decoder, event, EIO_E_UTF8, "a text that is not UTF-8");
}

/* Unmask the next bytes of a text, and check them block by block, while they are in the cache. */
static bool unmask_text(char *to, const char *from, size_t len, const uint8_t mask[MASK_BYTES],
                        eio_utf8 *utf8)
{
    for (size_t at = 0; at < len; at += TEXT_BLOCK) {
        size_t count = len - at < TEXT_BLOCK ? len - at : TEXT_BLOCK;
        bool ascii = eio_unmask(to + at, from + at, count, mask);
        if (ascii && eio_utf8_is_whole(utf8))
            continue;
        if (eio_utf8_feed(utf8, (eio_slice){ to + at, count }) < count)
            return false;
    }
    return true;
}

/* A frame that is a message of its own, or a control frame, and stands in the input as a whole. */
static step finish_whole(eio_frame_decoder *decoder, const frame_head *head, char *payload,
                         eio_frame_event *event)
{
    eio_slice bytes = { payload, (size_t)head->len };
    eio_utf8 utf8 = { 0 };

    if ((head->first & ~FIN) == EIO_OPCODE_TEXT) {
        if (!unmask_text(payload, payload, bytes.len, head->mask, &utf8) ||
            !eio_utf8_is_whole(&utf8))
            return fail_utf8(decoder, event);
    } else {
        (void)eio_unmask(payload, payload, bytes.len, head->mask);
    }
    if ((head->first & IS_CONTROL) != 0)
        return finish_control(decoder, head->first, bytes, event);
    *event = (eio_frame_event){ .opcode = (eio_opcode)(head->first & OPCODE),
                                .compressed = (head->first & RSV1) != 0,
                                .payload = bytes };
    return STEP_EVENT;
}

/*
 * What nearly all frames are: short messages of their own, not compressed, that stand in the input as a
 * whole. A look at two bytes, or four, tells them, and that the header is right. EIO_FRAME_MORE: it is something else.
 */
static eio_frame_result decode_usual(eio_frame_decoder *decoder, const eio_frame_limits *limits,
                                     char **at, const char *end, eio_frame_event *event)
{
    const uint8_t *head = (const uint8_t *)*at;
    size_t count = (size_t)(end - *at);

    if (count < USUAL_HEAD ||
        (head[0] != (FIN | EIO_OPCODE_TEXT) && head[0] != (FIN | EIO_OPCODE_BINARY)))
        return EIO_FRAME_MORE;
    const uint8_t *mask = head + 2;
    size_t len = (size_t)head[1] - MASKED; /* of what is not masked, huge */
    if (len >= LENGTH_16) {
        if (len != LENGTH_16 || count < USUAL_HEAD + 2)
            return EIO_FRAME_MORE;
        len = (size_t)read_length(mask, 2);
        if (len < LENGTH_16 || len >= TEXT_BLOCK)
            return EIO_FRAME_MORE;
        mask += 2;
        count -= 2;
    }
    if (len > count - USUAL_HEAD || len > limits->max_message_bytes)
        return EIO_FRAME_MORE;
    char *payload = (char *)(uintptr_t)mask + MASK_BYTES;
    bool ascii = eio_unmask(payload, payload, len, mask);
    *at = payload + len;
    *event =
        (eio_frame_event){ .opcode = (eio_opcode)(head[0] & OPCODE), .payload = { payload, len } };
    if (ascii || event->opcode == EIO_OPCODE_BINARY || eio_utf8_is_valid(event->payload))
        return EIO_FRAME_MESSAGE;
    (void)fail_utf8(decoder, event);
    return EIO_FRAME_FAILED;
}

/* Any other frame: from now on its payload goes to the heap as it comes. */
static step begin_partial(eio_frame_decoder *decoder, const frame_head *head,
                          eio_frame_event *event)
{
    eio_frame_partial *partial = partial_of(decoder);
    if (partial == NULL)
        return fail_nomem(decoder, event);
    decoder->frame = head->first;
    partial->left = (size_t)head->len;
    memcpy(partial->mask, head->mask, MASK_BYTES);
    if ((head->first & IS_CONTROL) != 0) {
        partial->control_len = 0;
        decoder->state = DECODER_CONTROL;
        return STEP_ON;
    }
    partial->frames++;
    if ((head->first & OPCODE) != EIO_OPCODE_CONTINUATION) {
        decoder->message = head->first & OPCODE;
        decoder->compressed = (head->first & RSV1) != 0;
    }
    decoder->state = DECODER_DATA;
    return STEP_ON;
}

static step decode_head(eio_frame_decoder *decoder, const eio_frame_limits *limits, char **at,
                        char *end, eio_frame_event *event)
{
    size_t count = (size_t)(end - *at);
    frame_head head;
    step next = STEP_MORE;

    if (count == 0)
        return STEP_MORE;
    if (decoder->partial == NULL || decoder->partial->head_len == 0) {
        next = parse_head(decoder, limits, *at, count, &head, event);
        if (next == STEP_ON)
            *at += head.size;
    }
    if (next == STEP_MORE)
        next = gather_head(decoder, limits, at, end, &head, event);
    if (next != STEP_ON)
        return next;

    bool alone =
        (head.first & IS_CONTROL) != 0 || ((head.first & FIN) != 0 && decoder->message == 0);
    if (!alone || head.len > (size_t)(end - *at))
        return begin_partial(decoder, &head, event);
    char *payload = *at;
    *at += head.len;
    return finish_whole(decoder, &head, payload, event);
}

/*
 * Room for the next bytes of the message. Capacity runs ahead of what has arrived by a factor of four at most, and only
 * up to what the header has announced (or, in a fragmented message, in steps of two).
 */
static bool reserve(eio_frame_decoder *decoder, const eio_frame_limits *limits, size_t count)
{
    eio_frame_partial *partial = decoder->partial;
    size_t needed = partial->len + count;

    if (needed <= partial->capacity)
        return true;
    size_t wanted = partial->len + partial->left;
    if ((decoder->frame & ~RSV1) != (FIN | decoder->message) && wanted < partial->capacity * 2)
        wanted = partial->capacity * 2;
    if (wanted > limits->max_message_bytes)
        wanted = limits->max_message_bytes;
    if (wanted / 4 > needed)
        wanted = needed * 4;
    partial = realloc(partial, sizeof(*partial) + wanted);
    if (partial == NULL)
        return false;
    partial->capacity = wanted;
    decoder->partial = partial;
    return true;
}

static step finish_message(eio_frame_decoder *decoder, eio_frame_event *event)
{
    const eio_frame_partial *partial = decoder->partial;

    *event = (eio_frame_event){ .opcode = (eio_opcode)decoder->message,
                                .compressed = decoder->compressed,
                                .payload = { partial->bytes, partial->len } };
    if (event->opcode == EIO_OPCODE_TEXT && !eio_utf8_is_whole(&partial->utf8))
        return fail_utf8(decoder, event);
    decoder->message = 0;
    return STEP_EVENT;
}

/* The part of the frame's payload that is in the input. */
static size_t available(const eio_frame_partial *partial, const char *at, const char *end)
{
    return partial->left < (size_t)(end - at) ? partial->left : (size_t)(end - at);
}

/* Behind what was unmasked. */
static void advance(eio_frame_partial *partial, char **at, size_t count)
{
    eio_mask_advance(partial->mask, count);
    partial->left -= count;
    *at += count;
}

static step decode_data(eio_frame_decoder *decoder, const eio_frame_limits *limits, char **at,
                        const char *end, eio_frame_event *event)
{
    assert(decoder->partial != NULL);
    size_t count = available(decoder->partial, *at, end);

    if (!reserve(decoder, limits, count))
        return fail_nomem(decoder, event);
    eio_frame_partial *partial = decoder->partial;
    char *to = partial->bytes + partial->len;
    if (decoder->message != EIO_OPCODE_TEXT || decoder->compressed)
        (void)eio_unmask(to, *at, count, partial->mask);
    else if (!unmask_text(to, *at, count, partial->mask, &partial->utf8))
        return fail_utf8(decoder, event);
    partial->len += count;
    advance(partial, at, count);
    if (partial->left > 0)
        return STEP_MORE;
    decoder->state = DECODER_HEAD;
    return (decoder->frame & FIN) != 0 ? finish_message(decoder, event) : STEP_ON;
}

static step decode_control(eio_frame_decoder *decoder, char **at, const char *end,
                           eio_frame_event *event)
{
    eio_frame_partial *partial = decoder->partial;

    assert(partial != NULL);
    size_t count = available(partial, *at, end);

    (void)eio_unmask(partial->control + partial->control_len, *at, count, partial->mask);
    advance(partial, at, count);
    partial->control_len = (uint8_t)(partial->control_len + count);
    if (partial->left > 0)
        return STEP_MORE;
    return finish_control(decoder, decoder->frame,
                          (eio_slice){ partial->control, partial->control_len }, event);
}

static eio_frame_result result_of(const eio_frame_event *event)
{
    if (event->opcode == EIO_OPCODE_CONTINUATION)
        return EIO_FRAME_FAILED;
    return (event->opcode & IS_CONTROL) != 0 ? EIO_FRAME_CONTROL : EIO_FRAME_MESSAGE;
}

eio_frame_result eio_frame_next(eio_frame_decoder *decoder, const eio_frame_limits *limits,
                                char **at, char *end, eio_frame_event *event)
{
    step next = STEP_ON;

    if (decoder->partial == NULL && decoder->state == DECODER_HEAD) {
        eio_frame_result result = decode_usual(decoder, limits, at, end, event);
        if (result != EIO_FRAME_MORE || *at == end)
            return result;
    }
    /* Between frames, with no message open, the partial only holds what was handed out before, or half a header. */
    if (decoder->partial != NULL && decoder->message == 0 && decoder->state != DECODER_CONTROL &&
        decoder->partial->head_len == 0)
        forget_partial(decoder);
    while (next == STEP_ON) {
        switch ((decoder_state)decoder->state) {
        case DECODER_HEAD: next = decode_head(decoder, limits, at, end, event); break;
        case DECODER_DATA: next = decode_data(decoder, limits, at, end, event); break;
        case DECODER_CONTROL: next = decode_control(decoder, at, end, event); break;
        case DECODER_DONE:
            *at = end;
            next = STEP_MORE;
            break;
        }
    }
    return next == STEP_MORE ? EIO_FRAME_MORE : result_of(event);
}
