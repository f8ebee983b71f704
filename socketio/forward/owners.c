#include "socketio/forward/owners.h"

#include <stdlib.h>

static eio_slice sid_of(const void *item)
{
    const sio_owner *owner = item;

    return (eio_slice){ owner->sid, owner->sid_len };
}

static sio_owner *owner_of(eio_deadline *deadline)
{
    return (sio_owner *)((char *)deadline - offsetof(sio_owner, deadline));
}

static void free_owner(sio_owner *owner)
{
    sio_forwarder *forwarder = owner->forwarder;

    eio_deadline_stop(owner->is_known ? &forwarder->known : &forwarder->finds, &owner->deadline);
    if (!owner->is_known)
        forwarder->asked--;
    eio_table_remove(&forwarder->owners, owner);
    free(owner);
}

/* Nobody has it. */
static void handle_find_due(eio_deadline *deadline)
{
    sio_owner *owner = owner_of(deadline);
    sio_exchange *exchange;

    while ((exchange = LIST_FIRST(&owner->waiting)) != NULL) {
        owner->forwarder->counters.unknown++;
        sio_near_refuse(exchange);
    }
    free_owner(owner);
}

static void handle_known_due(eio_deadline *deadline)
{
    sio_owner *owner = owner_of(deadline);

    if (LIST_EMPTY(&owner->waiting))
        free_owner(owner);
    else /* a very late loop: they are about to go on */
        eio_deadline_start(&owner->forwarder->known, &owner->deadline);
}

void sio_owners_init(sio_forwarder *forwarder)
{
    eio_table_init(&forwarder->owners, sid_of);
    eio_deadline_queue_init(&forwarder->finds, forwarder->loop, forwarder->find_timeout_ms,
                            handle_find_due);
    eio_deadline_queue_init(&forwarder->known, forwarder->loop, SIO_FORWARD_REMEMBER_MS,
                            handle_known_due);
}

void sio_owners_clear(sio_forwarder *forwarder)
{
    sio_owner *owner;
    size_t at = 0;

    while ((owner = eio_table_next(&forwarder->owners, &at)) != NULL) {
        free_owner(owner);
        at = 0;
    }
}

sio_owner *sio_owners_find(const sio_forwarder *forwarder, eio_slice sid)
{
    return eio_table_find(&forwarder->owners, sid);
}

/* Room for one more: the one goes that has been of no use for longest. */
static void make_room(sio_forwarder *forwarder)
{
    eio_deadline *oldest = TAILQ_FIRST(&forwarder->known.waiting);

    if (forwarder->owners.count - forwarder->asked >= forwarder->max_remembered && oldest != NULL &&
        LIST_EMPTY(&owner_of(oldest)->waiting))
        free_owner(owner_of(oldest));
}

static sio_owner *ask(sio_forwarder *forwarder, eio_slice sid)
{
    if (forwarder->asked >= SIO_FORWARD_MAX_ASKED)
        return NULL;
    sio_owner *owner = calloc(1, sizeof(*owner) + sid.len);
    if (owner == NULL)
        return NULL;
    owner->forwarder = forwarder;
    owner->sid_len = sid.len;
    memcpy(owner->sid, sid.base, sid.len);
    if (eio_table_add(&forwarder->owners, owner) != EIO_OK) {
        free(owner);
        return NULL;
    }
    forwarder->asked++;
    eio_deadline_start(&forwarder->finds, &owner->deadline);
    sio_forwarder_post(forwarder, (eio_slice){ NULL, 0 },
                       (sio_forward_message){ .kind = SIO_FORWARD_FIND, .bytes = sid });
    return owner;
}

sio_owner *sio_owners_need(sio_forwarder *forwarder, eio_slice sid)
{
    sio_owner *owner = sio_owners_find(forwarder, sid);

    if (owner == NULL)
        return ask(forwarder, sid);
    if (owner->is_known)
        eio_deadline_start(&forwarder->known, &owner->deadline);
    return owner;
}

void sio_owners_hear(sio_forwarder *forwarder, eio_slice sid, eio_slice name)
{
    sio_owner *owner = sio_owners_find(forwarder, sid);
    sio_exchange *exchange;

    if (owner == NULL || owner->is_known)
        return; /* too late, or one too many */
    make_room(forwarder);
    eio_deadline_stop(&forwarder->finds, &owner->deadline);
    forwarder->asked--;
    owner->is_known = true;
    memcpy(owner->name, name.base, sizeof(owner->name));
    eio_deadline_start(&forwarder->known, &owner->deadline);
    LIST_FOREACH(exchange, &owner->waiting, link)
        sio_near_go_on(exchange);
}

void sio_owners_forget(sio_forwarder *forwarder, eio_slice sid)
{
    sio_owner *owner = sio_owners_find(forwarder, sid);

    if (owner != NULL && owner->is_known && LIST_EMPTY(&owner->waiting))
        free_owner(owner);
}
