#include "chat/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

/* Silent until the program serves: a start that fails says one line, and that on stderr. */
static atomic_int lowest = CHAT_LOG_ERROR;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void chat_log_set_level(chat_log_level level)
{
    atomic_store_explicit(&lowest, (int)level, memory_order_relaxed);
}

bool chat_log_is_on(chat_log_level level)
{
    return (int)level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

chat_log_level chat_log_level_of(char letter)
{
    switch (letter) {
    case 'e': return CHAT_LOG_ERROR;
    case 'w': return CHAT_LOG_WARN;
    case 'i': return CHAT_LOG_INFO;
    default: return CHAT_LOG_DEBUG;
    }
}

static void print_time(char *out, size_t size)
{
    struct timeval now;
    struct tm parts;

    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &parts);
    size_t at = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out + at, size - at, ".%03dZ", (int)(now.tv_usec / 1000));
}

void chat_log(chat_log_level level, const char *event, const char *format, ...)
{
    char line[1024], when[64];
    va_list arguments;

    if (!chat_log_is_on(level))
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    print_time(when, sizeof(when));
    printf("%s %s %s%s%s\n", when, level_names[level], event, line[0] == '\0' ? "" : " ", line);
}

static bool needs_quotes(eio_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] <= ' ' || strchr("\"\\=", text.base[i]) != NULL)
            return true;
    return text.len == 0;
}

const char *chat_log_value(char out[CHAT_LOG_VALUE_BYTES], eio_slice text)
{
    bool quotes = needs_quotes(text);
    size_t at = 0;

    if (quotes)
        out[at++] = '"';
    for (size_t i = 0; i < text.len && at + 4 < CHAT_LOG_VALUE_BYTES; i++) {
        if (text.base[i] == '"' || text.base[i] == '\\')
            out[at++] = '\\';
        out[at++] = (char)(text.base[i] == '\0' ? '?' : text.base[i]);
    }
    if (quotes)
        out[at++] = '"';
    out[at] = '\0';
    return out;
}
