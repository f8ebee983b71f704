#include "socketio/json_number.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    INTEGER_DIGITS = 15,  /* any number of so many is exact in a double */
    SHORTEST_DIGITS = 17, /* that always read back equal */
    READ_DIGITS = 800,    /* more than any double has; what follows only says "and a bit" */
    EXPONENT_MAX = 100000 /* beyond any double's, with all its digits */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number without point: its digits and their exponent. So strtod asks for no locale. */
typedef struct decimal {
    char digits[READ_DIGITS + 2]; /* one that sums up the rest, and a NUL */
    size_t count;
    long exponent;
} decimal;

static void add_digit(decimal *number, char digit, bool behind_point)
{
    if (number->count == 0 && digit == '0') {
        number->exponent -= behind_point; /* leading zeros are none */
        return;
    }
    if (number->count < READ_DIGITS) {
        number->digits[number->count++] = digit;
        number->exponent -= behind_point;
        return;
    }
    number->exponent += !behind_point;
    if (digit != '0')
        number->digits[READ_DIGITS - 1] |= 1; /* no tie any more */
}

static long read_exponent(const char *at, const char *end)
{
    bool negative = *at == '-';
    long exponent = 0;

    if (*at == '-' || *at == '+')
        at++;
    for (; at < end; at++) {
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*at - '0');
    }
    return negative ? -exponent : exponent;
}

static double decimal_value(const decimal *number)
{
    char text[READ_DIGITS + 32];

    if (number->count == 0)
        return 0;
    (void)snprintf(text, sizeof(text), "%.*se%ld", (int)number->count, number->digits,
                   number->exponent);
    return strtod(text, NULL);
}

static double read_decimal(const char *at, const char *end)
{
    decimal number = { .count = 0 };
    bool behind_point = false;

    number.count = 0;
    number.exponent = 0;
    for (; at < end; at++) {
        if (*at == '.')
            behind_point = true;
        else if (is_digit(*at))
            add_digit(&number, *at, behind_point);
        else
            break;
    }
    if (at < end)
        number.exponent += read_exponent(at + 1, end);
    return decimal_value(&number);
}

double sio_json_number_read(eio_slice token)
{
    const char *end = token.base + token.len;
    const char *start = token.base + (*token.base == '-' ? 1 : 0);
    const char *at = start;
    int64_t integer = 0;

    while (at < end && is_digit(*at) && at - start < INTEGER_DIGITS)
        integer = integer * 10 + (*at++ - '0');
    double value = at == end ? (double)integer : read_decimal(start, end);
    return start == token.base ? value : -value;
}

/* value's nearest decimal of so many digits. */
static void round_to_digits(decimal *number, double value, int digits)
{
    char text[SHORTEST_DIGITS + 16];

    (void)snprintf(text, sizeof(text), "%.*e", digits - 1, value);
    number->count = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (is_digit(*at)) /* and not the locale's point */
            number->digits[number->count++] = *at;
    }
    number->exponent = read_exponent(at + 1, at + strlen(at)) - (digits - 1);
}

static bool is_value(const decimal *number, double value)
{
    double back = decimal_value(number);

    return !(back < value || back > value);
}

/*
 * The fewest digits that read back equal. Above a power of two doubles stand twice as far apart as
 * below it: there the next decimal may do where the nearest, below, does not.
 */
static void find_shortest(decimal *number, double value)
{
    int digits = value < 1e-300 ? 1 : INTEGER_DIGITS; /* the smallest doubles have fewer */

    for (;; digits++) {
        round_to_digits(number, value, digits);
        assert(number->count > 0);
        if (digits == SHORTEST_DIGITS || is_value(number, value))
            break;
        if (number->digits[number->count - 1] == '9')
            continue; /* one more would be shorter, and was tried */
        number->digits[number->count - 1]++;
        if (is_value(number, value))
            break;
    }
    while (number->count > 1 && number->digits[number->count - 1] == '0') {
        number->count--;
        number->exponent++;
    }
}

static char *write_zeros(char *out, int count)
{
    for (; count > 0; count--)
        *out++ = '0';
    return out;
}

static char *write_digits(char *out, const char *digits, size_t count)
{
    memcpy(out, digits, count);
    return out + count;
}

/* d.ddde+NN */
static char *write_scientific(char *out, const char *digits, size_t count, int power)
{
    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        out = write_digits(out, digits + 1, count - 1);
    }
    return out + snprintf(out, 8, "e%+d", power);
}

/* ECMAScript, Number::toString: value is positive and finite. */
static char *write_positive(char *out, double value)
{
    decimal number = { .count = 0 };

    find_shortest(&number, value);
    const char *digits = number.digits;
    size_t count = number.count;
    int power = (int)number.exponent + (int)count - 1; /* of ten, for the first digit */
    int point = power + 1;                             /* digits before it */

    if (point > 21 || point < -5)
        return write_scientific(out, digits, count, power);
    if (point <= 0) {
        out = write_zeros(write_digits(out, "0.", 2), -point);
        return write_digits(out, digits, count);
    }
    if ((size_t)point >= count)
        return write_zeros(write_digits(out, digits, count), point - (int)count);
    out = write_digits(out, digits, (size_t)point);
    *out++ = '.';
    return write_digits(out, digits + point, count - (size_t)point);
}

size_t sio_json_number_write(char *out, double value)
{
    char *start = out;

    if (!isfinite(value))
        return (size_t)(write_digits(out, "null", 4) - out);
    if (value < 0) {
        *out++ = '-';
        value = -value;
    }
    if (value < 1e15 && value == (double)(uint64_t)value) /* 0 and -0, too */
        return (size_t)(out + snprintf(out, 20, "%llu", (unsigned long long)value) - start);
    return (size_t)(write_positive(out, value) - start);
}
