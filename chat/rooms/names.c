#include "chat/rooms/names.h"

#include <search.h>
#include <stdlib.h>

#include "chat/log.h"
#include "chat/rooms/tell.h"

enum { RETRY_MS = 2000 }; /* of a release that the store could not do */

static uint64_t end_of_grace(const chat_rooms *rooms)
{
    return uv_now(rooms->loop) + (rooms->stopping ? 0 : rooms->options.grace_ms);
}

/* ---- a connection's own ---- */

bool chat_name_claim(chat_connection *connection, eio_slice room, eio_slice username)
{
    chat_members *members = &connection->rooms->members;
    chat_member *member = chat_members_find(members, room, username);

    if (member == NULL || member->holder != NULL)
        return false;
    chat_member_claim(members, member, connection, &connection->names);
    return true;
}

void chat_name_unclaim(chat_connection *connection, eio_slice room, eio_slice username)
{
    chat_rooms *rooms = connection->rooms;
    chat_member *member = chat_members_find(&rooms->members, room, username);

    if (member == NULL || member->state != CHAT_MEMBER_CLAIMED || member->holder != connection)
        return;
    chat_member_let_go(&rooms->members, member, end_of_grace(rooms));
    chat_names_release(rooms);
}

bool chat_name_take(chat_connection *connection, eio_slice room, eio_slice username)
{
    chat_members *members = &connection->rooms->members;
    chat_member *member = chat_members_find(members, room, username);

    if (member == NULL)
        member = chat_members_add(members, room, username, end_of_grace(connection->rooms));
    if (member == NULL || (member->holder != NULL && member->holder != connection))
        return false;
    chat_member_hold(members, member, connection, &connection->names);
    member->announced = true;
    return true;
}

void chat_name_doubt(chat_connection *connection, eio_slice room, eio_slice username)
{
    chat_rooms *rooms = connection->rooms;

    if (chat_members_find(&rooms->members, room, username) != NULL)
        return;
    (void)chat_members_add(&rooms->members, room, username, end_of_grace(rooms));
    chat_names_release(rooms);
}

static void finish_freeing(const chat_answer *answer, void *data)
{
    chat_rooms *rooms = data;

    (void)answer;
    rooms->asked--;
    chat_rooms_check_stopped(rooms);
}

/* Whoever comes back, to whichever server, may have it. */
static void set_free(chat_rooms *rooms, const chat_member *member)
{
    const chat_query query = { .op = CHAT_FREE_MEMBER,
                               .room = member->room,
                               .username = member->username };

    if (!rooms->stopping && chat_store_ask(rooms->store, &query, finish_freeing, rooms) == EIO_OK)
        rooms->asked++;
}

void chat_names_let_go(chat_connection *connection)
{
    chat_rooms *rooms = connection->rooms;
    chat_member *member;

    while ((member = LIST_FIRST(&connection->names)) != NULL) {
        set_free(rooms, member);
        chat_member_let_go(&rooms->members, member, end_of_grace(rooms));
    }
    chat_names_release(rooms);
}

/* ---- release ---- */

/* Which name was asked for: it may have changed hands, or be gone, when the answer comes. */
typedef struct name_question {
    chat_rooms *rooms;
    eio_slice room, username; /* behind the struct */
    bool announced;
    char texts[];
} name_question;

static name_question *question_new(chat_rooms *rooms, const chat_member *member)
{
    name_question *question =
        calloc(1, sizeof(*question) + member->room.len + member->username.len);

    if (question == NULL)
        return NULL;
    question->rooms = rooms;
    question->announced = member->announced;
    memcpy(question->texts, member->room.base, member->room.len);
    memcpy(question->texts + member->room.len, member->username.base, member->username.len);
    question->room = (eio_slice){ question->texts, member->room.len };
    question->username = (eio_slice){ question->texts + member->room.len, member->username.len };
    return question;
}

static void finish_release(const chat_answer *answer, void *data)
{
    name_question *question = data;
    chat_rooms *rooms = question->rooms;
    chat_member *member = chat_members_find(&rooms->members, question->room, question->username);
    bool failed = answer->outcome == CHAT_UNAVAILABLE || answer->outcome == CHAT_UNKNOWN;

    rooms->asked--;
    if (answer->outcome == CHAT_DONE && question->announced)
        chat_tell_gone(rooms, question->room, question->username);
    if (member != NULL && member->state == CHAT_MEMBER_RELEASING) {
        if (!failed || rooms->stopping)
            chat_members_remove(&rooms->members,
                                member); /* else somebody has claimed it meanwhile */
        else
            chat_member_let_go(&rooms->members, member, uv_now(rooms->loop) + RETRY_MS);
    }
    free(question);
    chat_names_release(rooms);
    chat_rooms_check_stopped(rooms);
}

static void release(chat_rooms *rooms, chat_member *member)
{
    name_question *question = question_new(rooms, member);
    const chat_query query = { .op = CHAT_RELEASE_MEMBER,
                               .room = member->room,
                               .username = member->username };

    chat_member_release(&rooms->members, member);
    if (question != NULL &&
        chat_store_ask(rooms->store, &query, finish_release, question) == EIO_OK) {
        rooms->asked++;
        return;
    }
    free(question);
    if (rooms->stopping)
        chat_members_remove(&rooms->members, member);
    else
        chat_member_let_go(&rooms->members, member, uv_now(rooms->loop) + RETRY_MS);
}

static void handle_grace(uv_timer_t *timer)
{
    chat_names_release(timer->data);
}

void chat_names_release(chat_rooms *rooms)
{
    uint64_t now = uv_now(rooms->loop);
    chat_member *member;

    while ((member = TAILQ_FIRST(&rooms->members.grace)) != NULL &&
           (member->due_ms <= now || rooms->stopping))
        release(rooms, member);
    if (member != NULL)
        uv_timer_start(&rooms->grace, handle_grace, member->due_ms - now, 0);
    else
        uv_timer_stop(&rooms->grace);
}

/* ---- adoption ---- */

/* Nobody may still come back to a name at once after the start: give them their grace. */
static void adopt(chat_rooms *rooms, const chat_entry *entry)
{
    uint64_t now = uv_now(rooms->loop);
    uint64_t first = rooms->started_ms + rooms->options.grace_ms;

    if (!chat_is_name(entry->room, CHAT_MOST_NAME_BYTES) ||
        !chat_is_name(entry->username, CHAT_MOST_NAME_BYTES) ||
        chat_members_find(&rooms->members, entry->room, entry->username) != NULL)
        return;
    chat_member *member =
        chat_members_add(&rooms->members, entry->room, entry->username, first > now ? first : now);
    if (member != NULL)
        member->announced = true;
}

static void hold_again(const void *node, VISIT visit, void *data)
{
    const chat_member *member = *(const chat_member *const *)node;
    chat_rooms *rooms = data;
    const chat_query query = {
        .op = CHAT_ADD_MEMBER, .room = member->room, .username = member->username, .take_over = true
    };

    if ((visit == postorder || visit == leaf) && member->state == CHAT_MEMBER_HELD &&
        chat_store_ask(rooms->store, &query, finish_freeing, rooms) == EIO_OK)
        rooms->asked++;
}

static void finish_adoption(const chat_answer *answer, void *data)
{
    chat_rooms *rooms = data;

    if (answer->lost && !rooms->stopping) {
        chat_log(CHAT_LOG_WARN, "lease", "note=\"it was lost: registering all again\"");
        twalk_r(rooms->members.tree, hold_again, rooms);
    }

    rooms->asked--;
    rooms->adopted |= answer->outcome == CHAT_DONE;
    for (size_t i = 0; i < answer->count; i++)
        adopt(rooms, &answer->entries[i]);
    if (answer->count > 0)
        chat_log(CHAT_LOG_INFO, "adopted", "names=%zu", answer->count);
    chat_names_release(rooms);
    chat_rooms_check_stopped(rooms);
}

void chat_names_adopt(chat_rooms *rooms)
{
    const chat_query query = { .op = CHAT_ADOPT_MEMBERS };

    if (chat_store_ask(rooms->store, &query, finish_adoption, rooms) == EIO_OK)
        rooms->asked++;
}
