/* The REST calls of the demo. */
#ifndef CHAT_DEMO_ROUTES_H
#define CHAT_DEMO_ROUTES_H

#include "chat/demo/visit.h"

/* All of them, ended by a NULL method. */
extern const chat_route chat_demo_routes[];

/* Who somebody is: account.c */
void chat_serve_links(chat_visit *visit);
void chat_serve_random_name(chat_visit *visit);
void chat_serve_me(chat_visit *visit);
void chat_serve_login(chat_visit *visit);
void chat_serve_logout(chat_visit *visit);

/* Rooms and what was said in them: rooms.c */
void chat_serve_make_room(chat_visit *visit);
void chat_serve_preload(chat_visit *visit);
void chat_serve_messages(chat_visit *visit);
void chat_serve_rooms(chat_visit *visit);

/* Who else is there: people.c */
void chat_serve_users(chat_visit *visit);
void chat_serve_online(chat_visit *visit);

#endif
