/* What permessage-deflate made smaller, as sioload's clients read it. */
#ifndef INFLATED_H
#define INFLATED_H
#include <stddef.h>

typedef struct inflated inflated;

/*
 * One message. Each connection whose server goes on with its window (context takeover) has a stream of its own:
 * `*stream` is made when it is NULL. All others share one, which begins anew each time.
 * Borrowed until the next call; NULL: these bytes are no such message.
 */
const char *inflated_message(inflated **stream, const char *bytes, size_t len, size_t *out_len);
/* The one for all. */
extern inflated *inflated_shared;
#endif
