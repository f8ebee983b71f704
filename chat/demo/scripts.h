/* The questions in Lua: one script each, on the keys of the original. */
#ifndef CHAT_DEMO_SCRIPTS_H
#define CHAT_DEMO_SCRIPTS_H

#include "chat/demo/store.h"

enum {
    CHAT_SCRIPT_HEAD = 4
}; /* arguments before those of the question: key prefix, own id, key of what is held, own channel */

/* By verb. Each answers a list: the outcome as a number, then the texts. */
extern const char *const chat_demo_scripts[CHAT_N_VERBS];

#endif
