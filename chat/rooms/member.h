/*
 * Who holds which name: the pairs (room, user name) that this server is responsible for, and for how long after their
 * holder has gone. A pair that another server holds is not here. Expected load: one per user and room; found once an
 * event.
 *
 * States: held by a connection -> in grace when that has ended -> being released in the store, unless somebody claims
 * it before: then it is claimed until the store has agreed, and held again.
 */
#ifndef CHAT_ROOMS_MEMBER_H
#define CHAT_ROOMS_MEMBER_H

#include <stdint.h>
#include <sys/queue.h>

#include "engineio/buffer.h"

struct chat_connection;

typedef enum chat_member_state {
    CHAT_MEMBER_HELD,
    CHAT_MEMBER_CLAIMED,   /* a connection is about to take it over */
    CHAT_MEMBER_GRACE,     /* nobody holds it; it stays until due_ms */
    CHAT_MEMBER_RELEASING, /* the store was asked to let it go */
} chat_member_state;

typedef struct chat_member {
    eio_slice room, username; /* own memory, behind the struct */
    chat_member_state state;
    bool announced;                 /* the room was told of it, so it will be told of its end */
    struct chat_connection *holder; /* held and claimed; else NULL */
    uint64_t due_ms;                /* in grace */
    LIST_ENTRY(chat_member) holder_link; /* of the holder's names */
    TAILQ_ENTRY(chat_member) grace_link;
    char texts[];
} chat_member;

LIST_HEAD(chat_member_list, chat_member);

typedef struct chat_members {
    void *tree; /* tsearch: ordered, so no choice of names can make it slow */
    size_t count;
    TAILQ_HEAD(chat_grace_list, chat_member) grace; /* due first stands first */
} chat_members;

void chat_members_init(chat_members *members);
/* Every member must be gone. */
void chat_members_fini(chat_members *members);

/* Borrowed; NULL if it is not one of ours. */
chat_member *chat_members_find(const chat_members *members, eio_slice room, eio_slice username);
/* A new one in grace, due at due_ms; it must not be there yet. NULL when out of memory. */
chat_member *chat_members_add(chat_members *members, eio_slice room, eio_slice username,
                              uint64_t due_ms);
/* Forget it, in any state. */
void chat_members_remove(chat_members *members, chat_member *member);

/* The only functions that change a state. */
void chat_member_hold(chat_members *members, chat_member *member, struct chat_connection *holder,
                      struct chat_member_list *names);
void chat_member_claim(chat_members *members, chat_member *member, struct chat_connection *holder,
                       struct chat_member_list *names);
/* Let go of a holder, if there is one; in grace until due_ms. */
void chat_member_let_go(chat_members *members, chat_member *member, uint64_t due_ms);
/* From grace only. */
void chat_member_release(chat_members *members, chat_member *member);

#endif
