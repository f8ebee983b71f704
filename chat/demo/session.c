#include "chat/demo/session.h"

const char chat_session_empty[] =
    "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}}";

static json_t *load(eio_slice text)
{
    json_t *json = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if (json_is_object(json) && json_is_object(json_object_get(json, "cookie")))
        return json;
    json_decref(json);
    return NULL;
}

/* Ids are numbers in the session of who has just registered, and texts in that of who has logged in. */
static uint64_t read_id(const json_t *id)
{
    if (json_is_integer(id))
        return json_integer_value(id) > 0 ? (uint64_t)json_integer_value(id) : 0;
    return json_is_string(id)
               ? chat_user_id((eio_slice){ json_string_value(id), json_string_length(id) })
               : 0;
}

static void read_user(chat_user *out, json_t *user)
{
    const json_t *name = json_object_get(user, "username");
    uint64_t id = read_id(json_object_get(user, "id"));

    if (id == 0 || !json_is_string(name))
        return;
    *out = (chat_user){ id, json_incref(user), json_string_value(name), json_string_length(name) };
}

bool chat_session_read(chat_user *out, eio_slice text)
{
    json_t *json = load(text);

    if (out != NULL) {
        *out = (chat_user){ 0 };
        if (json != NULL)
            read_user(out, json_object_get(json, "user"));
    }
    json_decref(json);
    return json != NULL;
}

char *chat_session_with(eio_slice text, json_t *user)
{
    json_t *json = load(text);
    char *out = NULL;

    if (json != NULL && json_object_set(json, "user", user) == 0)
        out = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return out;
}

void chat_user_fini(chat_user *user)
{
    json_decref(user->shown);
    *user = (chat_user){ 0 };
}
