#include <stdlib.h>

#include "chat/demo/routes.h"

enum { MOST_IDS = 200 };

static void answer_users(chat_visit *visit, const chat_demo_answer *answer)
{
    json_t *users = json_object();

    for (size_t i = 0; i + 2 < answer->count; i += 3) {
        const eio_slice *at = answer->texts + i;
        char id[CHAT_ID_BYTES];
        if (chat_user_id(at[0]) == 0)
            continue;
        (void)chat_demo_number(id, chat_user_id(at[0]));
        (void)json_object_set_new(users, id,
                                  json_pack("{s:s, s:o, s:b}", "id", id, "username",
                                            json_stringn(at[1].base, at[1].len), "online",
                                            eio_slice_equal(at[2], EIO_STR("1"))));
    }
    chat_visit_json(visit, 200, users);
}

void chat_serve_online(chat_visit *visit)
{
    char id[CHAT_ID_BYTES];

    chat_visit_ask(visit, CHAT_LIST_ONLINE, CHAT_TEXTS(chat_demo_number(id, visit->user.id)),
                   answer_users);
}

/* `ids[]`, `ids[0]`, or a repeated `ids`. */
static bool is_ids(eio_slice name, bool *bare)
{
    *bare = eio_slice_equal(name, EIO_STR("ids"));
    return *bare ||
           (name.len > 4 && memcmp(name.base, "ids[", 4) == 0 && name.base[name.len - 1] == ']');
}

/* The ids of the query, each once, inside of `texts`. How many; *listed: whether they were a list. */
static size_t read_ids(eio_slice query, eio_slice ids[MOST_IDS],
                       char texts[MOST_IDS][CHAT_ID_BYTES], bool *listed)
{
    eio_slice rest = query, name, value;
    size_t count = 0, seen = 0;
    char decoded[64];
    bool bare;

    *listed = false;
    while (eio_query_next(&rest, &name, &value)) {
        if (name.len > sizeof(decoded) ||
            !is_ids((eio_slice){ decoded, eio_query_decode(name, decoded) }, &bare))
            continue;
        seen++;
        *listed |= !bare || seen > 1;
        if (count == MOST_IDS || value.len > sizeof(decoded))
            continue;
        uint64_t id = chat_user_id((eio_slice){ decoded, eio_query_decode(value, decoded) });
        if (id != 0) {
            ids[count] = chat_demo_number(texts[count], id);
            count++;
        }
    }
    return count;
}

void chat_serve_users(chat_visit *visit)
{
    eio_slice ids[MOST_IDS];
    char texts[MOST_IDS][CHAT_ID_BYTES];
    bool listed;
    size_t count = read_ids(eio_http_query(visit->request), ids, texts, &listed);

    if (!listed)
        chat_visit_text(visit, 404, "Not Found");
    else
        chat_visit_ask(visit, CHAT_LIST_USERS, ids, count, answer_users);
}
