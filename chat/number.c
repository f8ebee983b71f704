#include "chat/number.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest digits that read back as the same number, d.ddde±x. The locale's point is the C one here. */
static void shortest(char *out, size_t size, double number)
{
    for (int digits = 0; digits < 17; digits++) {
        (void)snprintf(out, size, "%.*e", digits, number);
        double back = strtod(out, NULL);
        if (!(back < number) && !(back > number))
            return;
    }
}

/* Take d.ddde±x apart: the digits alone, and the place of the point behind the first `*point` of them. */
static size_t take_apart(const char *text, char digits[20], int *point)
{
    size_t count = 1;
    bool negative;
    int exponent = 0;

    digits[0] = text[0];
    for (text++; *text != 'e'; text++)
        if (*text != '.')
            digits[count++] = *text;
    negative = *++text == '-';
    for (text++; *text != '\0'; text++)
        exponent = exponent * 10 + (*text - '0');
    *point = (negative ? -exponent : exponent) + 1;
    return count;
}

static size_t print_plain(char *out, const char *digits, size_t count, int point)
{
    size_t at = 0;

    if (point <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int i = point; i < 0; i++)
            out[at++] = '0';
    }
    for (size_t i = 0; i < count; i++) {
        if (point > 0 && i == (size_t)point)
            out[at++] = '.';
        out[at++] = digits[i];
    }
    for (size_t i = count; point > 0 && i < (size_t)point; i++)
        out[at++] = '0';
    return at;
}

static size_t print_with_exponent(char *out, const char *digits, size_t count, int point)
{
    size_t at = 0;
    int exponent = point - 1;

    out[at++] = digits[0];
    if (count > 1) {
        out[at++] = '.';
        memcpy(out + at, digits + 1, count - 1);
        at += count - 1;
    }
    return at + (size_t)snprintf(out + at, 8, "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
}

size_t chat_number_print(char out[CHAT_NUMBER_BYTES], double number)
{
    char text[CHAT_NUMBER_BYTES];
    char digits[20];
    int point;
    size_t sign = 0;

    if (!(number < 0) && !(number > 0)) {
        out[0] = '0'; /* -0 as well */
        return 1;
    }
    if (number < 0) {
        out[sign++] = '-';
        number = -number;
    }
    shortest(text, sizeof(text), number);
    size_t count = take_apart(text, digits, &point);
    if (point > -6 && point <= 21)
        return sign + print_plain(out + sign, digits, count, point);
    return sign + print_with_exponent(out + sign, digits, count, point);
}
