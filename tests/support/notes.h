/* What callbacks were called, as one text: a '|' behind each note. */
#ifndef TESTS_SUPPORT_NOTES_H
#define TESTS_SUPPORT_NOTES_H

#include "engineio/buffer.h"

void note(const char *format, ...) EIO_PRINTF(1, 2);
/* All notes since the last call. */
const char *notes_taken(void);

#endif
