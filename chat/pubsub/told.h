/* The objects that clients are told, as JSON. New, to be unref'd; NULL when out of memory. No loop, no connection. */
#ifndef CHAT_PUBSUB_TOLD_H
#define CHAT_PUBSUB_TOLD_H

#include "chat/pubsub/store.h"

/* Whole milliseconds since 1970. */
long long pubsub_now_ms(void);
/* A UUID. */
void pubsub_make_id(char out[PUBSUB_ID_BYTES]);

eio_buffer *pubsub_told_connected(const char *connection, const char *server);
eio_buffer *pubsub_told_authenticated(eio_slice user_json);
/* `type` is user_joined or user_left. */
eio_buffer *pubsub_told_presence(const char *type, eio_slice room_json, eio_slice user_json,
                                 const char *server);
/* The same of texts that are no JSON yet. */
eio_buffer *pubsub_told_departure(eio_slice room, eio_slice user, const char *server);
eio_buffer *pubsub_told_message(eio_slice room_json, eio_slice user_json, eio_slice content,
                                long long now_ms, const char *server);
eio_buffer *pubsub_told_typing(eio_slice room_json, eio_slice user_json, eio_slice is_typing,
                               const char *server);
/* Entries that are no objects are left out: somebody else has written them. */
eio_buffer *pubsub_told_history(eio_slice room_json, const eio_slice *messages, size_t count);
eio_buffer *pubsub_told_error(const char *text);

/* Whether a text from outside is JSON, an object, and UTF-8. */
bool pubsub_is_object(eio_slice json);

#endif
