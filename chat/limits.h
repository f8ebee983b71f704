/* Limits that several files rely on for the size of their buffers: what the options may be set to. */
#ifndef CHAT_LIMITS_H
#define CHAT_LIMITS_H

enum { CHAT_MOST_NAME_BYTES = 1024 }; /* of a room id or user name */

#endif
