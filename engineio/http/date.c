#include "engineio/http/date.h"

#include <stdio.h>
#include <stdlib.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void eio_http_format_date(char out[EIO_HTTP_DATE_LEN + 1], time_t at)
{
    struct tm tm;

    if (gmtime_r(&at, &tm) == NULL || tm.tm_year < -900 || tm.tm_year > 8099) {
        at = 0;
        (void)gmtime_r(&at, &tm);
    }
    (void)snprintf(out, EIO_HTTP_DATE_LEN + 1, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                   days + (size_t)tm.tm_wday * 3, (unsigned)tm.tm_mday % 100u,
                   months + (size_t)tm.tm_mon * 3, ((unsigned)tm.tm_year + 1900u) % 10000u,
                   (unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
                   (unsigned)tm.tm_sec % 100u);
}

/* Digits at an offset; -1: not all are. */
static int read_digits(const char *text, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int read_month(const char *text)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(months + (size_t)i * 3, text, 3) == 0)
            return i;
    return -1;
}

bool eio_http_parse_date(time_t *out, eio_slice text)
{
    char again[EIO_HTTP_DATE_LEN + 1];

    if (text.len != EIO_HTTP_DATE_LEN)
        return false;
    int month = read_month(text.base + 8);
    int day = read_digits(text.base + 5, 2);
    int year = read_digits(text.base + 12, 4);
    int hour = read_digits(text.base + 17, 2);
    int minute = read_digits(text.base + 20, 2);
    int second = read_digits(text.base + 23, 2);
    if (month < 0 || day < 1 || year < 1000 || hour < 0 || minute < 0 || second < 0)
        return false;
    struct tm tm = { .tm_year = year - 1900,
                     .tm_mon = month,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second };
    time_t at = timegm(&tm);
    /* What is not written as we would write it (30 Feb, a wrong weekday, other blanks) is no date. */
    eio_http_format_date(again, at);
    if (memcmp(again, text.base, EIO_HTTP_DATE_LEN) != 0)
        return false;
    *out = at;
    return true;
}
