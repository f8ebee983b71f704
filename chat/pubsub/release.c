#include "chat/pubsub/release.h"

#include <stdlib.h>

#include "chat/pubsub/pubsub.h"

typedef struct pubsub_release {
    STAILQ_ENTRY(pubsub_release) link;
    pubsub *owner;
    pubsub_connection *connection;             /* that waits for it; NULL */
    pubsub_op op;                              /* PUBSUB_LEAVE, PUBSUB_OFFLINE */
    eio_slice id, user, room, json, from_held; /* behind the struct */
    char texts[];
} pubsub_release;

static eio_slice copy_text(char **at, eio_slice text)
{
    char *copy = *at;

    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    *at += text.len;
    return (eio_slice){ copy, text.len };
}

static void finish_release(const pubsub_answer *answer, void *data)
{
    pubsub_release *release = data;
    pubsub *owner = release->owner;
    pubsub_connection *connection = release->connection;

    owner->asked--;
    release->connection = NULL;
    if (answer->status != EIO_OK && !owner->stopping) {
        STAILQ_INSERT_TAIL(&owner->failed, release, link);
    } else {
        if (answer->status == EIO_OK && answer->changed && release->op == PUBSUB_LEAVE)
            pubsub_rooms_tell(&owner->rooms, release->room, release->json, NULL);
        free(release);
    }
    if (connection != NULL)
        pubsub_connection_go_on(connection);
    pubsub_check_stopped(owner);
}

static bool ask_release(pubsub_release *release)
{
    const pubsub_query query = { .op = release->op,
                                 .connection = release->id,
                                 .user = release->user,
                                 .room = release->room,
                                 .json = release->json,
                                 .from_held = release->from_held };

    if (pubsub_store_ask(release->owner->store, &query, finish_release, release) != EIO_OK)
        return false;
    release->owner->asked++;
    return true;
}

void pubsub_let_go(pubsub *owner, pubsub_connection *connection, pubsub_op op,
                   const pubsub_query *query)
{
    pubsub_release *release =
        calloc(1, sizeof(*release) + query->connection.len + query->user.len + query->room.len +
                      query->json.len + query->from_held.len);

    if (release == NULL)
        return; /* the lease will see to it when this server ends */
    char *at = release->texts;
    release->owner = owner;
    release->op = op;
    release->connection = connection;
    release->id = copy_text(&at, query->connection);
    release->user = copy_text(&at, query->user);
    release->room = copy_text(&at, query->room);
    release->json = copy_text(&at, query->json);
    release->from_held = copy_text(&at, query->from_held);
    if (connection != NULL)
        connection->waiting++;
    if (ask_release(release))
        return;
    release->connection = NULL;
    STAILQ_INSERT_TAIL(&owner->failed, release, link);
    if (connection != NULL)
        connection->waiting--;
}

void pubsub_retry_failed(pubsub *owner)
{
    struct pubsub_release_list list = STAILQ_HEAD_INITIALIZER(list);
    pubsub_release *release;

    STAILQ_CONCAT(&list, &owner->failed);
    while ((release = STAILQ_FIRST(&list)) != NULL) {
        STAILQ_REMOVE_HEAD(&list, link);
        if (!ask_release(release))
            STAILQ_INSERT_TAIL(&owner->failed, release, link);
    }
}

void pubsub_forget_failed(pubsub *owner)
{
    pubsub_release *release;

    while ((release = STAILQ_FIRST(&owner->failed)) != NULL) {
        STAILQ_REMOVE_HEAD(&owner->failed, link);
        free(release);
    }
}
