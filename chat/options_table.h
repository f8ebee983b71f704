/* The table of common options, and the walk over all options of a profile: its own come after the common ones. */
#ifndef CHAT_OPTIONS_TABLE_H
#define CHAT_OPTIONS_TABLE_H

#include "chat/options.h"

/* One of a profile's options. */
typedef struct chat_option_place {
    const chat_option *option;
    void *value;          /* in `options`, or in its own struct */
    const char *fallback; /* with the profile's own defaults; NULL: none */
} chat_option_place;

/* The option number `index` of the profile in options->profile. False past the last. */
bool chat_options_at(const chat_options *options, size_t index, chat_option_place *out);

#endif
