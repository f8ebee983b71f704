#include "tests/support/notes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static char notes[65536];
static size_t notes_len;

void note(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int len = vsnprintf(notes + notes_len, sizeof(notes) - notes_len, format, values);
    va_end(values);
    notes_len += (size_t)len;
    assert(notes_len + 1 < sizeof(notes));
    notes[notes_len++] = '|';
    notes[notes_len] = '\0';
}

const char *notes_taken(void)
{
    static char taken[sizeof(notes)];

    notes[notes_len] = '\0';
    memcpy(taken, notes, notes_len + 1);
    notes_len = 0;
    return taken;
}
