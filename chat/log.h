/*
 * The log of the program: one line an event on stdout, `time level event key=value …`, made to be searched. Never chat
 * texts, passwords, cookies or session ids. Any thread: a line is whole.
 */
#ifndef CHAT_LOG_H
#define CHAT_LOG_H

#include "engineio/buffer.h"

typedef enum chat_log_level {
    CHAT_LOG_DEBUG,
    CHAT_LOG_INFO,
    CHAT_LOG_WARN,
    CHAT_LOG_ERROR
} chat_log_level;

/* What is below is left out. At first that is all but errors. */
void chat_log_set_level(chat_log_level level);
bool chat_log_is_on(chat_log_level level);

/* The level of a library's letter: 'd', 'i', 'w', 'e'. */
chat_log_level chat_log_level_of(char letter);

/* `format` is the part behind the event's name: "id=%s". Control characters are shown as '?'. */
void chat_log(chat_log_level level, const char *event, const char *format, ...) EIO_PRINTF(3, 4);

enum { CHAT_LOG_VALUE_BYTES = 300 };

/* A value that others chose, in a form that cannot be taken for something else: in quotes when it has blanks. */
const char *chat_log_value(char out[CHAT_LOG_VALUE_BYTES], eio_slice text);

#endif
