#include "socketio/namespaces.h"

#include "socketio/namespace.h"
#include "socketio/recovery.h"
#include "socketio/server.h"

sio_namespace *sio_server_find_namespace(const sio_server *server, eio_slice name)
{
    if (name.len == 1 && name.base[0] == '/')
        return server->main;
    return eio_table_find(&server->namespaces, name);
}

/* parent: may be NULL. */
static sio_namespace *add(sio_server *server, sio_namespace *parent, eio_slice name)
{
    sio_namespace *nsp;

    if (sio_namespace_new(&nsp, server, server->adapter, name) != EIO_OK)
        return NULL;
    if ((parent != NULL && sio_namespace_inherit(nsp, parent) != EIO_OK) ||
        eio_table_add(&server->namespaces, nsp) != EIO_OK) {
        sio_namespace_free(nsp);
        return NULL;
    }
    return nsp;
}

static void note_new(sio_server *server, sio_namespace *nsp)
{
    *server->new_end = nsp;
    server->new_end = &nsp->next_new;
    sio_server_wake(server);
}

sio_namespace *sio_namespaces_add(sio_server *server, eio_slice name)
{
    sio_namespace *parent = sio_dynamic_find_parent(&server->dynamic, name);
    sio_namespace *nsp = add(server, parent, name);

    if (nsp != NULL && name.len > 1) /* of "/" everybody knows */
        note_new(server, nsp);
    return nsp;
}

sio_namespace *sio_server_add_child(sio_server *server, sio_namespace *parent, eio_slice name)
{
    sio_namespace *nsp = add(server, parent, name);

    if (nsp == NULL)
        return NULL;
    nsp->is_dynamic = true;
    note_new(server, nsp);
    sio_namespaces_announce(server);
    return nsp;
}

void sio_namespaces_announce(sio_server *server)
{
    sio_namespace *nsp;

    while ((nsp = server->new_head) != NULL) {
        server->new_head = nsp->next_new;
        if (server->new_head == NULL)
            server->new_end = &server->new_head;
        for (uint32_t i = 0; i < server->new_namespace.count; i++)
            server->new_namespace.items[i].call.on_namespace(nsp,
                                                             server->new_namespace.items[i].data);
    }
}

int sio_server_on_new_namespace(sio_server *server, sio_namespace_cb *callback, void *data)
{
    return sio_callbacks_add(&server->new_namespace,
                             (sio_callback){ .call.on_namespace = callback, .data = data });
}

/* ---- cleaning up ---- */

static bool is_needed(const sio_namespace *nsp)
{
    return nsp->linked > 0 || sio_recovery_is_waiting(nsp->recovery) ||
           sio_gathers_has(nsp->server, nsp);
}

void sio_server_check_empty(sio_namespace *nsp)
{
    sio_server *server = nsp->server;

    if (!nsp->is_dynamic || !server->cleanup_children || nsp->is_doomed || is_needed(nsp))
        return;
    nsp->is_doomed = true;
    server->has_doomed = true;
    sio_server_wake(server);
}

/* One that is doomed; the walk begins anew after each, since it changes the table. */
static sio_namespace *find_doomed(const sio_server *server)
{
    size_t at = 0;
    sio_namespace *nsp;

    while ((nsp = eio_table_next(&server->namespaces, &at)) != NULL) {
        if (nsp->is_doomed)
            return nsp;
    }
    return NULL;
}

void sio_namespaces_clean(sio_server *server)
{
    sio_namespace *nsp;

    if (!server->has_doomed)
        return;
    while ((nsp = find_doomed(server)) != NULL) {
        nsp->is_doomed = false;
        if (is_needed(nsp))
            continue; /* somebody came in between */
        eio_table_remove(&server->namespaces, nsp);
        sio_room_notes_forget(nsp);
        sio_namespace_free(nsp);
    }
    server->has_doomed = false;
}

/* ---- the application's ---- */

sio_namespace *sio_server_of(sio_server *server, eio_slice name)
{
    char whole[SIO_NSP_MAX_BYTES];
    bool needs_slash = name.len == 0 || name.base[0] != '/';

    if (name.len + needs_slash > sizeof(whole) ||
        (name.len > 0 && memchr(name.base, ',', name.len) != NULL))
        return NULL;
    whole[0] = '/';
    if (name.len > 0)
        memcpy(whole + needs_slash, name.base, name.len);
    const eio_slice key = { whole, name.len + needs_slash };
    sio_namespace *nsp = sio_server_find_namespace(server, key);
    return nsp != NULL ? nsp : sio_namespaces_add(server, key);
}
