/* What the parsers of header values share. Pure. */
#ifndef ENGINEIO_HTTP_TEXT_H
#define ENGINEIO_HTTP_TEXT_H

#include "engineio/buffer.h"

/* Without the optional white space around it (RFC 9110 §5.6.3). */
static inline eio_slice eio_trim(eio_slice text)
{
    while (text.len > 0 && (text.base[0] == ' ' || text.base[0] == '\t')) {
        text.base++;
        text.len--;
    }
    while (text.len > 0 && (text.base[text.len - 1] == ' ' || text.base[text.len - 1] == '\t'))
        text.len--;
    return text;
}

#endif
