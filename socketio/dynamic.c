#include "socketio/dynamic.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/server.h"

typedef enum match_verdict { MATCH_ASK, MATCH_AWAITED, MATCH_ALLOWED, MATCH_REFUSED } match_verdict;

struct sio_match {
    TAILQ_ENTRY(sio_match) link;
    sio_server *server; /* NULL once it is closed */
    sio_client *client; /* counted */
    eio_buffer *name;
    eio_buffer *auth;
    size_t at; /* which parent is asked */
    match_verdict verdict;
    bool in_call; /* its matcher is being called right now */
};

/* ---- patterns ---- */

bool sio_pattern_fits(eio_slice pattern, eio_slice text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX; /* the last one that was met, and what it has taken so far */
    size_t taken = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.base[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.len && (pattern.base[p] == '?' || pattern.base[p] == text.base[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.base[p] == '*')
        p++;
    return p == pattern.len;
}

/* ---- parents ---- */

static sio_namespace *add_parent(sio_server *server)
{
    sio_dynamic *dynamic = &server->dynamic;
    char name[32];
    sio_namespace **parents =
        realloc(dynamic->parents, (dynamic->count + 1) * sizeof(sio_namespace *));

    if (parents == NULL)
        return NULL;
    dynamic->parents = parents;
    int len = snprintf(name, sizeof(name), "/_%zu", dynamic->count);
    sio_namespace *parent;
    if (sio_namespace_new(&parent, server, &sio_adapter_memory, (eio_slice){ name, (size_t)len }) !=
        EIO_OK)
        return NULL;
    parent->is_parent = true;
    return parent;
}

sio_namespace *sio_server_of_matching(sio_server *server, sio_matcher_cb *matcher, void *data)
{
    sio_namespace *parent = add_parent(server);

    if (parent == NULL)
        return NULL;
    parent->matcher = matcher;
    parent->matcher_data = data;
    server->dynamic.parents[server->dynamic.count++] = parent;
    return parent;
}

sio_namespace *sio_server_of_pattern(sio_server *server, eio_slice pattern)
{
    sio_namespace *parent = add_parent(server);

    if (parent == NULL)
        return NULL;
    parent->pattern = eio_buffer_copy(pattern);
    if (parent->pattern == NULL) {
        sio_namespace_free(parent);
        return NULL;
    }
    server->dynamic.parents[server->dynamic.count++] = parent;
    return parent;
}

sio_namespace *sio_dynamic_find_parent(const sio_dynamic *dynamic, eio_slice name)
{
    for (size_t i = 0; i < dynamic->count; i++) {
        const eio_buffer *pattern = dynamic->parents[i]->pattern;
        if (pattern != NULL && sio_pattern_fits(eio_buffer_slice(pattern), name))
            return dynamic->parents[i];
    }
    return NULL;
}

void sio_dynamic_init(sio_dynamic *dynamic)
{
    TAILQ_INIT(&dynamic->waiting);
    TAILQ_INIT(&dynamic->due);
}

/* ---- clients that ask ---- */

static void free_match(sio_match *match)
{
    if (match->client != NULL) {
        match->client->matches--;
        sio_client_unref(match->client);
    }
    eio_buffer_unref(match->name);
    eio_buffer_unref(match->auth);
    free(match);
}

static void abandon(sio_match *match)
{
    assert(match->client != NULL);
    match->server = NULL; /* it is freed when the application answers */
    match->client->matches--;
    sio_client_unref(match->client);
    match->client = NULL;
}

void sio_dynamic_fini(sio_dynamic *dynamic)
{
    sio_match *match;

    while ((match = TAILQ_FIRST(&dynamic->due)) != NULL) {
        TAILQ_REMOVE(&dynamic->due, match, link);
        free_match(match);
    }
    while ((match = TAILQ_FIRST(&dynamic->waiting)) != NULL) {
        TAILQ_REMOVE(&dynamic->waiting, match, link);
        abandon(match);
    }
    for (size_t i = 0; i < dynamic->count; i++)
        sio_namespace_free(dynamic->parents[i]);
    free(dynamic->parents);
}

static match_verdict ask(sio_match *match, sio_namespace *parent)
{
    if (parent->pattern != NULL)
        return sio_pattern_fits(eio_buffer_slice(parent->pattern), eio_buffer_slice(match->name))
                   ? MATCH_ALLOWED
                   : MATCH_REFUSED;
    match->verdict = MATCH_AWAITED;
    match->in_call = true;
    parent->matcher(match, parent->matcher_data);
    match->in_call = false;
    return match->verdict;
}

static void finish(sio_match *match, bool allowed)
{
    if (allowed)
        sio_client_join(match->client, eio_buffer_slice(match->name),
                        eio_buffer_slice(match->auth));
    else
        sio_client_refuse_namespace(match->client, eio_buffer_slice(match->name));
    free_match(match);
}

/* match: in no list; taken. */
static void run(sio_match *match)
{
    sio_server *server = match->server;
    const eio_slice name = eio_buffer_slice(match->name);

    while (match->client->state == CLIENT_OPEN && !server->is_closing) {
        if (sio_server_find_namespace(server, name) != NULL) { /* another client was faster */
            finish(match, true);
            return;
        }
        if (match->at == server->dynamic.count) {
            finish(match, false);
            return;
        }
        sio_namespace *parent = server->dynamic.parents[match->at];
        if (match->verdict == MATCH_ASK)
            match->verdict = ask(match, parent);
        if (match->verdict == MATCH_AWAITED) {
            TAILQ_INSERT_TAIL(&server->dynamic.waiting, match, link);
            return;
        }
        if (match->verdict == MATCH_ALLOWED) {
            finish(match, sio_server_add_child(server, parent, name) != NULL);
            return;
        }
        match->at++;
        match->verdict = MATCH_ASK;
    }
    free_match(match);
}

void sio_dynamic_connect(sio_client *client, eio_slice name, eio_slice auth)
{
    sio_match *match = NULL;

    if (client->server->dynamic.count == 0 || name.len > SIO_NSP_MAX_BYTES) {
        sio_client_refuse_namespace(client, name);
        return;
    }
    match = calloc(1, sizeof(*match));
    if (match == NULL) {
        sio_client_close(client);
        return;
    }
    match->server = client->server;
    match->client = client;
    sio_client_ref(client);
    client->matches++;
    match->name = eio_buffer_copy(name);
    match->auth = eio_buffer_copy(auth);
    if (match->name == NULL || match->auth == NULL) {
        sio_client_close(client);
        free_match(match);
        return;
    }
    run(match);
}

void sio_dynamic_run_due(sio_server *server)
{
    sio_match *match;

    while ((match = TAILQ_FIRST(&server->dynamic.due)) != NULL) {
        TAILQ_REMOVE(&server->dynamic.due, match, link);
        run(match);
    }
}

/* ---- what a matcher does ---- */

eio_slice sio_match_name(const sio_match *match)
{
    return eio_buffer_slice(match->name);
}

eio_slice sio_match_auth(const sio_match *match)
{
    eio_slice auth = eio_buffer_slice(match->auth);

    return auth.len == 0 ? SIO_JSON("{}") : auth;
}

eio_session *sio_match_session(const sio_match *match)
{
    return match->client == NULL || match->client->state == CLIENT_CLOSED ? NULL
                                                                          : match->client->session;
}

static void answer(sio_match *match, match_verdict verdict)
{
    if (match->server == NULL) {
        free_match(match);
        return;
    }
    match->verdict = verdict;
    if (match->in_call)
        return;
    TAILQ_REMOVE(&match->server->dynamic.waiting, match, link);
    TAILQ_INSERT_TAIL(&match->server->dynamic.due, match, link);
    sio_server_wake(match->server);
}

void sio_match_allow(sio_match *match)
{
    answer(match, MATCH_ALLOWED);
}

void sio_match_refuse(sio_match *match)
{
    answer(match, MATCH_REFUSED);
}
