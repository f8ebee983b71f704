#include <stdio.h>
#include <stdlib.h>

#include "chat/demo/routes.h"
#include "chat/demo/sockets.h"

enum {
    DEFAULT_SIZE = 50,
    MOST_SIZE = 200,
    PRELOADED = 20,
    MOST_OFFSET = 1000000000,
};

static json_t *text_json(eio_slice text)
{
    return json_stringn(text.base, text.len);
}

/* ---- making a room ---- */

/* A number, or a text that begins with one, as parseInt reads it. 0: none. */
static uint64_t read_user(const json_t *json)
{
    size_t len = 0;

    if (json_is_integer(json))
        return json_integer_value(json) > 0 ? (uint64_t)json_integer_value(json) : 0;
    if (!json_is_string(json))
        return 0;
    const char *text = json_string_value(json);
    while (text[len] >= '0' && text[len] <= '9')
        len++;
    return text[len] == '\0' ? chat_user_id((eio_slice){ text, len }) : 0;
}

static void answer_made(chat_visit *visit, const chat_demo_answer *answer)
{
    chat_room_id room = chat_room_id_read(eio_slice_of(visit->text));

    if (answer->outcome != CHAT_FOUND || answer->count != 2) {
        chat_visit_text(visit, 400, "Bad Request");
        return;
    }
    /* In the order of the request. */
    bool turned = read_user(json_object_get(visit->body, "user1")) == room.high;
    eio_slice first = answer->texts[turned ? 1 : 0], second = answer->texts[turned ? 0 : 1];
    chat_demo_join_pair(visit->demo, &room);
    chat_visit_json(visit, 201,
                    json_pack("{s:s, s:[[o], [o]]}", "id", visit->text, "names", text_json(first),
                              text_json(second)));
}

void chat_serve_make_room(chat_visit *visit)
{
    uint64_t a = read_user(json_object_get(visit->body, "user1"));
    uint64_t b = read_user(json_object_get(visit->body, "user2"));
    char low[CHAT_ID_BYTES], high[CHAT_ID_BYTES], id[2 * CHAT_ID_BYTES];

    if (a == 0 || b == 0 || a == b) {
        chat_visit_text(visit, 400, "Bad Request");
        return;
    }
    if (a != visit->user.id && b != visit->user.id) {
        chat_visit_text(visit, 403, "Forbidden");
        return;
    }
    eio_slice low_text = chat_demo_number(low, a < b ? a : b);
    eio_slice high_text = chat_demo_number(high, a < b ? b : a);
    (void)snprintf(id, sizeof(id), "%s:%s", low, high);
    visit->text = strdup(id);
    if (visit->text == NULL)
        chat_visit_text(visit, 500, "Internal Server Error");
    else
        chat_visit_ask(visit, CHAT_MAKE_ROOM, CHAT_TEXTS(low_text, high_text), answer_made);
}

/* ---- history ---- */

static int append(eio_buffer **out, eio_slice text)
{
    return eio_buffer_append(out, text);
}

/* What stands in a room as JSON is passed on as it is; what is none is left out. */
static int append_messages(eio_buffer **out, const chat_demo_answer *answer)
{
    int rc = append(out, EIO_STR("["));
    bool first = true;

    for (size_t i = 0; i < answer->count && rc == EIO_OK; i++) {
        eio_slice json = answer->texts[i];
        if (json.len == 0 || json.base[0] != '{' || !sio_json_is_valid(json))
            continue;
        if (!first)
            rc = append(out, EIO_STR(","));
        if (rc == EIO_OK)
            rc = append(out, json);
        first = false;
    }
    return rc == EIO_OK ? append(out, EIO_STR("]")) : rc;
}

static void answer_with(chat_visit *visit, eio_slice before, const chat_demo_answer *answer,
                        eio_slice after)
{
    eio_buffer *out = eio_buffer_new(4096);
    int rc = out == NULL ? EIO_E_NOMEM : append(&out, before);

    if (rc == EIO_OK)
        rc = append_messages(&out, answer);
    if (rc == EIO_OK)
        rc = append(&out, after);
    if (rc == EIO_OK)
        chat_visit_json_text(visit, 200, eio_buffer_slice(out));
    else
        chat_visit_text(visit, 500, "Internal Server Error");
    eio_buffer_unref(out);
}

static void answer_messages(chat_visit *visit, const chat_demo_answer *answer)
{
    if (answer->outcome == CHAT_DENIED)
        chat_visit_text(visit, 403, "Forbidden");
    else
        answer_with(visit, EIO_STR(""), answer, EIO_STR(""));
}

static void answer_preload(chat_visit *visit, const chat_demo_answer *answer)
{
    if (answer->outcome == CHAT_DENIED)
        chat_visit_text(visit, 404, "Not Found");
    else
        answer_with(visit, EIO_STR("{\"id\":\"0\",\"name\":\"General\",\"messages\":"), answer,
                    EIO_STR("}"));
}

void chat_serve_preload(chat_visit *visit)
{
    char last[CHAT_ID_BYTES];

    chat_visit_ask(
        visit, CHAT_LIST_MESSAGES,
        CHAT_TEXTS(EIO_STR("0"), EIO_STR("0"), EIO_STR("0"), chat_demo_number(last, PRELOADED)),
        answer_preload);
}

/* A number of the query: not one, or negative, is `fallback`; too large a one is `most`. */
static uint64_t read_number(const chat_visit *visit, const char *name, uint64_t fallback,
                            uint64_t most)
{
    char text[32];
    eio_slice value = eio_query_get(eio_http_query(visit->request), name, text, sizeof(text));
    uint64_t number = 0;

    if (value.len == 0)
        return fallback;
    for (size_t i = 0; i < value.len; i++) {
        if (value.base[i] < '0' || value.base[i] > '9')
            return fallback;
        if (number <= most)
            number = number * 10 + (uint64_t)(value.base[i] - '0');
    }
    return number < most ? number : most;
}

void chat_serve_messages(chat_visit *visit)
{
    eio_slice id = eio_http_param(visit->request, "id");
    chat_room_id room = chat_room_id_read(id);
    uint64_t offset = read_number(visit, "offset", 0, MOST_OFFSET);
    uint64_t size = read_number(visit, "size", DEFAULT_SIZE, MOST_SIZE);
    char first[CHAT_ID_BYTES], last[CHAT_ID_BYTES];
    bool own = chat_room_id_has(&room, visit->user.id);

    if (room.kind == CHAT_ROOM_NONE || (room.kind == CHAT_ROOM_PRIVATE && !own)) {
        chat_visit_text(visit, 403, "Forbidden");
        return;
    }
    chat_visit_ask(visit, CHAT_LIST_MESSAGES,
                   CHAT_TEXTS(id, own ? EIO_STR("1") : EIO_STR("0"),
                              chat_demo_number(first, offset),
                              chat_demo_number(last, offset + size)),
                   answer_messages);
}

/* ---- the rooms of a user ---- */

static void answer_rooms(chat_visit *visit, const chat_demo_answer *answer)
{
    json_t *rooms = json_array();

    for (size_t i = 0; i + 3 < answer->count; i += 4) {
        const eio_slice *at = answer->texts + i;
        chat_room_id room = chat_room_id_read(at[0]);
        json_t *names = NULL;
        if (at[1].len > 0)
            names = json_pack("[o]", text_json(at[1]));
        else if (room.kind == CHAT_ROOM_PRIVATE)
            names = json_pack("[[o], [o]]", text_json(at[2]), text_json(at[3]));
        if (names != NULL)
            (void)json_array_append_new(
                rooms, json_pack("{s:o, s:o}", "id", text_json(at[0]), "names", names));
    }
    chat_visit_json(visit, 200, rooms);
}

void chat_serve_rooms(chat_visit *visit)
{
    char id[CHAT_ID_BYTES];

    if (chat_user_id(eio_http_param(visit->request, "id")) != visit->user.id)
        chat_visit_text(visit, 403, "Forbidden");
    else
        chat_visit_ask(visit, CHAT_LIST_ROOMS, CHAT_TEXTS(chat_demo_number(id, visit->user.id)),
                       answer_rooms);
}
