#include "chat/demo/routes.h"

const chat_route chat_demo_routes[] = {
    { "GET", "/links", chat_serve_links, false },
    { "GET", "/randomname", chat_serve_random_name, false },
    { "GET", "/me", chat_serve_me, false },
    { "POST", "/login", chat_serve_login, false },
    { "POST", "/logout", chat_serve_logout, true },
    { "POST", "/room", chat_serve_make_room, true },
    { "GET", "/room/0/preload", chat_serve_preload, false },
    { "GET", "/room/:id/messages", chat_serve_messages, true },
    { "GET", "/users/online", chat_serve_online, true },
    { "GET", "/users", chat_serve_users, true },
    { "GET", "/rooms/:id", chat_serve_rooms, true },
    { NULL, NULL, NULL, false },
};
