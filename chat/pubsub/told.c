#include "chat/pubsub/told.h"

#include <stdarg.h>
#include <stdio.h>

#include "chat/json.h"
#include "socketio/socketio.h"

long long pubsub_now_ms(void)
{
    uv_timeval64_t now;

    uv_gettimeofday(&now);
    return (long long)now.tv_sec * 1000 + now.tv_usec / 1000;
}

void pubsub_make_id(char out[PUBSUB_ID_BYTES])
{
    unsigned char b[16] = { 0 };

    (void)uv_random(NULL, NULL, b, sizeof(b), 0, NULL);
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f)); /* RFC 9562 §5.4 */
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    (void)snprintf(out, PUBSUB_ID_BYTES,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}

/* A small language: %s is a C text, %j a slice that is JSON, %t a slice that becomes a JSON string. */
static bool append_part(eio_buffer **out, char kind, va_list *arguments)
{
    switch (kind) {
    case 's': return eio_buffer_append(out, eio_slice_of(va_arg(*arguments, const char *))) == 0;
    case 'j': return eio_buffer_append(out, va_arg(*arguments, eio_slice)) == 0;
    default: return sio_json_append_string(out, va_arg(*arguments, eio_slice)) == 0;
    }
}

static eio_buffer *print(const char *format, ...)
{
    eio_buffer *out = eio_buffer_new(256);
    va_list arguments;
    bool whole = out != NULL;

    va_start(arguments, format);
    while (whole && *format != '\0') {
        size_t plain = strcspn(format, "%");
        whole = eio_buffer_append(&out, (eio_slice){ format, plain }) == EIO_OK;
        format += plain;
        if (*format == '%' && whole) {
            whole = append_part(&out, format[1], &arguments);
            format += 2;
        }
    }
    va_end(arguments);
    if (whole)
        return out;
    eio_buffer_unref(out);
    return NULL;
}

static const char *print_ms(char out[24], long long ms)
{
    (void)snprintf(out, 24, "%lld", ms);
    return out;
}

eio_buffer *pubsub_told_connected(const char *connection, const char *server)
{
    return print("{\"type\":\"connected\",\"connectionId\":\"%s\",\"serverId\":\"%s\"}", connection,
                 server);
}

eio_buffer *pubsub_told_authenticated(eio_slice user_json)
{
    return print("{\"type\":\"authenticated\",\"userId\":%j}", user_json);
}

eio_buffer *pubsub_told_presence(const char *type, eio_slice room_json, eio_slice user_json,
                                 const char *server)
{
    char now[24];

    return print(
        "{\"type\":\"%s\",\"roomId\":%j,\"userId\":%j,\"timestamp\":%s,\"serverId\":\"%s\"}", type,
        room_json, user_json, print_ms(now, pubsub_now_ms()), server);
}

eio_buffer *pubsub_told_departure(eio_slice room, eio_slice user, const char *server)
{
    char now[24];

    return print("{\"type\":\"user_left\",\"roomId\":%t,\"userId\":%t,\"timestamp\":%s,"
                 "\"serverId\":\"%s\"}",
                 room, user, print_ms(now, pubsub_now_ms()), server);
}

eio_buffer *pubsub_told_message(eio_slice room_json, eio_slice user_json, eio_slice content,
                                long long now_ms, const char *server)
{
    char id[PUBSUB_ID_BYTES], now[24];

    pubsub_make_id(id);
    return print("{\"type\":\"message\",\"id\":\"%s\",\"roomId\":%j,\"userId\":%j,\"content\":%j,"
                 "\"timestamp\":%s,\"serverId\":\"%s\"}",
                 id, room_json, user_json, content, print_ms(now, now_ms), server);
}

eio_buffer *pubsub_told_typing(eio_slice room_json, eio_slice user_json, eio_slice is_typing,
                               const char *server)
{
    return print("{\"type\":\"typing\",\"roomId\":%j,\"userId\":%j%s%j,\"serverId\":\"%s\"}",
                 room_json, user_json, is_typing.len == 0 ? "" : ",\"isTyping\":", is_typing,
                 server);
}

bool pubsub_is_object(eio_slice json)
{
    bool is = json.len > 0 && chat_json_is_utf8(json) && sio_json_is_valid(json);
    size_t at = 0;

    while (is && at < json.len && strchr(" \t\r\n", json.base[at]) != NULL)
        at++;
    return is && json.base[at] == '{';
}

eio_buffer *pubsub_told_history(eio_slice room_json, const eio_slice *messages, size_t count)
{
    eio_buffer *out = print("{\"type\":\"room_history\",\"roomId\":%j,\"messages\":[", room_json);
    bool whole = out != NULL, first = true;

    for (size_t i = 0; i < count && whole; i++) {
        if (!pubsub_is_object(messages[i]))
            continue;
        whole = (first || eio_buffer_append(&out, EIO_STR(",")) == EIO_OK) &&
                eio_buffer_append(&out, messages[i]) == EIO_OK;
        first = false;
    }
    if (whole && eio_buffer_append(&out, EIO_STR("]}")) == EIO_OK)
        return out;
    eio_buffer_unref(out);
    return NULL;
}

eio_buffer *pubsub_told_error(const char *text)
{
    return print("{\"type\":\"error\",\"error\":\"%s\"}", text);
}
