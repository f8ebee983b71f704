/* Numbers as JavaScript prints them (ECMAScript, Number::toString): so the original server named its rooms. Pure. */
#ifndef CHAT_NUMBER_H
#define CHAT_NUMBER_H

#include <stddef.h>

enum { CHAT_NUMBER_BYTES = 40 };

/* Print a finite number; returns its length, no NUL counts. */
size_t chat_number_print(char out[CHAT_NUMBER_BYTES], double number);

#endif
