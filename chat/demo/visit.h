/*
 * One HTTP request with its session: the body is read, the session found or begun, then its route goes on. It ends in
 * one answer, or with its connection; whatever it still waits for then finds nobody.
 */
#ifndef CHAT_DEMO_VISIT_H
#define CHAT_DEMO_VISIT_H

#include "chat/demo/demo.h"
#include "chat/demo/session.h"
#include "chat/demo/signature.h"

typedef struct chat_visit chat_visit;

typedef struct chat_route {
    const char *method, *pattern;
    void (*serve)(chat_visit *visit);
    bool needs_login; /* else 403 */
} chat_route;

typedef void chat_visit_step(chat_visit *visit, const chat_demo_answer *answer);

struct chat_visit {
    chat_demo *demo;
    const chat_route *route;
    eio_http_request *request; /* NULL once it is gone */
    json_t *body;              /* an object or a list, own; NULL: none */
    char sid[CHAT_MOST_SID_BYTES + 1];
    bool reading; /* its body */
    bool sets_cookie;
    char *session; /* JSON text, own */
    chat_user user;
    chat_visit_step *next;
    json_t *pending; /* what a step hands to the next one, own */
    char *text;      /* the same, own */
};

/* Take all routes of a table that ends with a NULL method. EIO_OK or EIO_E_NOMEM. */
int chat_visit_routes(chat_demo *demo, const chat_route *routes);

/* Ask the store, then go on; a store that fails has answered 503. */
void chat_visit_ask(chat_visit *visit, chat_demo_verb verb, const eio_slice *texts, size_t count,
                    chat_visit_step *next);
/* Whether its request is gone; then the visit is, too. */
bool chat_visit_is_over(chat_visit *visit);

/* The answers: each is the end of the visit. The JSON is taken; NULL: out of memory. */
void chat_visit_json(chat_visit *visit, int status, json_t *json);
void chat_visit_json_text(chat_visit *visit, int status, eio_slice json);
void chat_visit_answer(chat_visit *visit, int status, const char *type, eio_slice body);
void chat_visit_text(chat_visit *visit, int status, const char *text);
/* `{"message": text}` */
void chat_visit_refuse(chat_visit *visit, int status, const char *text);

#endif
