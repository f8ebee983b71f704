/* Demo data for an empty database: four users, their rooms, and a few words. */
#ifndef CHAT_DEMO_SEED_H
#define CHAT_DEMO_SEED_H

#include "chat/demo/demo.h"

/* Look whether there is anybody, and if not make somebody; demo->seeded says when that is done. Several servers may. */
void chat_demo_seed(chat_demo *demo);

#endif
