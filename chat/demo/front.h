/* The front end's files, at every path that is no call: `--static DIR`, else a page of our own. */
#ifndef CHAT_DEMO_FRONT_H
#define CHAT_DEMO_FRONT_H

#include "chat/demo/demo.h"

void chat_demo_front_open(chat_demo *demo);

/* The JSON of /links, of a file or empty, into demo->links. EIO_OK; EIO_E_INVALID: no JSON object; EIO_E_NOMEM. */
int chat_demo_links_open(chat_demo *demo, eio_error *why);

#endif
