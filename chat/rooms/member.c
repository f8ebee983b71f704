#include "chat/rooms/member.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>

void chat_members_init(chat_members *members)
{
    *members = (chat_members){ 0 };
    TAILQ_INIT(&members->grace);
}

void chat_members_fini(chat_members *members)
{
    assert(members->count == 0);
    (void)members;
}

static int compare_slices(eio_slice a, eio_slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.base, b.base, shorter);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare(const void *a, const void *b)
{
    const chat_member *left = a;
    const chat_member *right = b;
    int order = compare_slices(left->room, right->room);

    return order != 0 ? order : compare_slices(left->username, right->username);
}

chat_member *chat_members_find(const chat_members *members, eio_slice room, eio_slice username)
{
    const chat_member key = { .room = room, .username = username };
    chat_member *const *node = tfind(&key, &members->tree, compare);

    return node == NULL ? NULL : *node;
}

/* Grace is one constant, so that the list is in order by itself, but for names that were left over at the start. */
static void insert_in_order(chat_members *members, chat_member *member)
{
    chat_member *before = TAILQ_LAST(&members->grace, chat_grace_list);

    while (before != NULL && before->due_ms > member->due_ms)
        before = TAILQ_PREV(before, chat_grace_list, grace_link);
    if (before == NULL)
        TAILQ_INSERT_HEAD(&members->grace, member, grace_link);
    else
        TAILQ_INSERT_AFTER(&members->grace, before, member, grace_link);
}

chat_member *chat_members_add(chat_members *members, eio_slice room, eio_slice username,
                              uint64_t due_ms)
{
    chat_member *member = calloc(1, sizeof(*member) + room.len + username.len);

    if (member == NULL)
        return NULL;
    memcpy(member->texts, room.base, room.len);
    memcpy(member->texts + room.len, username.base, username.len);
    member->room = (eio_slice){ member->texts, room.len };
    member->username = (eio_slice){ member->texts + room.len, username.len };
    member->state = CHAT_MEMBER_GRACE;
    member->due_ms = due_ms;
    if (tsearch(member, &members->tree, compare) == NULL) {
        free(member);
        return NULL;
    }
    members->count++;
    insert_in_order(members, member);
    return member;
}

/* Out of whatever list its state keeps it in. */
static void detach(chat_members *members, chat_member *member)
{
    switch (member->state) {
    case CHAT_MEMBER_HELD:
    case CHAT_MEMBER_CLAIMED:
        LIST_REMOVE(member, holder_link);
        member->holder = NULL;
        break;
    case CHAT_MEMBER_GRACE: TAILQ_REMOVE(&members->grace, member, grace_link); break;
    case CHAT_MEMBER_RELEASING: break;
    }
}

void chat_members_remove(chat_members *members, chat_member *member)
{
    detach(members, member);
    tdelete(member, &members->tree, compare);
    members->count--;
    free(member);
}

static void give(chat_members *members, chat_member *member, chat_member_state state,
                 struct chat_connection *holder, struct chat_member_list *names)
{
    detach(members, member);
    member->state = state;
    member->holder = holder;
    LIST_INSERT_HEAD(names, member, holder_link);
}

void chat_member_hold(chat_members *members, chat_member *member, struct chat_connection *holder,
                      struct chat_member_list *names)
{
    give(members, member, CHAT_MEMBER_HELD, holder, names);
}

void chat_member_claim(chat_members *members, chat_member *member, struct chat_connection *holder,
                       struct chat_member_list *names)
{
    give(members, member, CHAT_MEMBER_CLAIMED, holder, names);
}

void chat_member_let_go(chat_members *members, chat_member *member, uint64_t due_ms)
{
    detach(members, member);
    member->state = CHAT_MEMBER_GRACE;
    member->due_ms = due_ms;
    insert_in_order(members, member);
}

void chat_member_release(chat_members *members, chat_member *member)
{
    assert(member->state == CHAT_MEMBER_GRACE);
    detach(members, member);
    member->state = CHAT_MEMBER_RELEASING;
}
