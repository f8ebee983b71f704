#include <stdlib.h>

#include "chat/demo/routes.h"
#include "chat/demo/sockets.h"
#include "chat/log.h"

static const char wrong[] = "Invalid username or password";

void chat_serve_links(chat_visit *visit)
{
    chat_visit_json_text(visit, 200, eio_slice_of(visit->demo->links));
}

void chat_serve_random_name(chat_visit *visit)
{
    static const char *const names[] = { "Ada",   "Ben",  "Clara", "David", "Emma",  "Felix",
                                         "Grace", "Hugo", "Ines",  "Jonas", "Klara", "Leo",
                                         "Maya",  "Noah", "Olga",  "Paul",  "Rosa",  "Theo" };
    unsigned char byte = 0;

    (void)uv_random(NULL, NULL, &byte, 1, 0, NULL);
    chat_visit_answer(visit, 200, "text/html; charset=utf-8",
                      eio_slice_of(names[byte % (sizeof(names) / sizeof(names[0]))]));
}

void chat_serve_me(chat_visit *visit)
{
    chat_visit_json(visit, 200, visit->user.id == 0 ? json_null() : json_incref(visit->user.shown));
}

/* ---- login: what was sent, the name, the password, a new session ---- */

static eio_slice text_of(const json_t *json)
{
    return json_is_string(json) ? (eio_slice){ json_string_value(json), json_string_length(json) }
                                : (eio_slice){ NULL, 0 };
}

static eio_slice given_name(const chat_visit *visit)
{
    return text_of(json_object_get(visit->body, "username"));
}

static eio_slice given_password(const chat_visit *visit)
{
    return text_of(json_object_get(visit->body, "password"));
}

static eio_slice peer_of(const chat_visit *visit, char *out, size_t size)
{
    size_t len = eio_http_remote_address(visit->request, out, size);

    return (eio_slice){ out, len < size ? len : size - 1 };
}

static void answer_login(chat_visit *visit, const chat_demo_answer *answer)
{
    int status = json_is_integer(json_object_get(visit->pending, "id")) ? 201 : 200;

    (void)answer;
    visit->sets_cookie = true;
    chat_visit_json(visit, status, json_incref(visit->pending));
}

/* A session that was there before somebody logged in ends: its id may be known to others. */
static void log_in(chat_visit *visit, json_t *user)
{
    char old[CHAT_MOST_SID_BYTES + 1];
    char *json = user == NULL ? NULL : chat_session_with(eio_slice_of(visit->session), user);

    visit->pending = user;
    memcpy(old, visit->sid, sizeof(old));
    if (json == NULL || chat_sid_new(visit->sid) != EIO_OK) {
        free(json);
        chat_visit_text(visit, 500, "Internal Server Error");
        return;
    }
    chat_demo_end_session(visit->demo, eio_slice_of(old));
    chat_visit_ask(visit, CHAT_SAVE_SESSION,
                   CHAT_TEXTS(eio_slice_of(visit->sid), eio_slice_of(json), eio_slice_of(old)),
                   answer_login);
    free(json);
}

/* A password's thread has answered. */
static void handle_checked(int status, const char *hash, void *data)
{
    chat_visit *visit = data;
    chat_demo *demo = visit->demo;
    char peer[64];

    (void)hash;
    if (!chat_visit_is_over(visit)) {
        eio_slice name = given_name(visit);
        if (status == EIO_OK) {
            chat_attempts_succeed(demo->attempts, name, peer_of(visit, peer, sizeof(peer)));
            log_in(visit,
                   json_pack("{s:s, s:s%}", "id", visit->text, "username", name.base, name.len));
        } else {
            chat_visit_refuse(visit, 404, wrong);
        }
    }
    chat_demo_answered(demo);
}

static void take_asked(chat_visit *visit, int rc)
{
    if (rc == EIO_OK)
        visit->demo->asked++;
    else
        chat_visit_refuse(visit, 503, "Too many logins at once, please try again");
}

/* A name that is there: id and hash. */
static void check_password(chat_visit *visit, const chat_demo_answer *answer)
{
    eio_slice password = given_password(visit);
    char peer[64];

    if (answer->count < 2 || password.len == 0 || memchr(password.base, 0, password.len) != NULL) {
        chat_visit_refuse(visit, 404, wrong);
        return;
    }
    if (!chat_attempts_begin(visit->demo->attempts, given_name(visit),
                             peer_of(visit, peer, sizeof(peer)), uv_now(visit->demo->host->loop))) {
        chat_log(CHAT_LOG_WARN, "login", "refused=too_many peer=%s", peer);
        chat_visit_refuse(visit, 429, "Too many failed logins, please try again later");
        return;
    }
    free(visit->text);
    visit->text = strndup(answer->texts[0].base, answer->texts[0].len);
    if (visit->text == NULL)
        chat_visit_text(visit, 500, "Internal Server Error");
    else
        take_asked(visit, chat_password_check(visit->demo->passwords, password, answer->texts[1],
                                              handle_checked, visit));
}

static void take_added(chat_visit *visit, const chat_demo_answer *answer)
{
    if (answer->outcome == CHAT_EXISTS) {
        check_password(visit, answer); /* somebody was faster: this is a login */
        return;
    }
    uint64_t id =
        answer->outcome == CHAT_FOUND && answer->count == 1 ? chat_user_id(answer->texts[0]) : 0;
    eio_slice name = given_name(visit);
    if (id == 0)
        chat_visit_refuse(visit, 404, wrong);
    else
        log_in(visit,
               json_pack("{s:I, s:s%}", "id", (json_int_t)id, "username", name.base, name.len));
}

static void handle_hashed(int status, const char *hash, void *data)
{
    chat_visit *visit = data;
    chat_demo *demo = visit->demo;

    if (!chat_visit_is_over(visit)) {
        if (status == EIO_OK)
            chat_visit_ask(visit, CHAT_ADD_USER, CHAT_TEXTS(given_name(visit), eio_slice_of(hash)),
                           take_added);
        else
            chat_visit_text(visit, 500, "Internal Server Error");
    }
    chat_demo_answered(demo);
}

static void take_login(chat_visit *visit, const chat_demo_answer *answer)
{
    eio_slice password = given_password(visit);

    if (answer->outcome == CHAT_FOUND) {
        check_password(visit, answer);
    } else if (answer->outcome != CHAT_ABSENT) {
        chat_visit_refuse(visit, 404, wrong); /* the name leads nowhere */
    } else if (password.len > CHAT_MOST_PASSWORD) {
        chat_visit_refuse(visit, 400, "A password has up to 72 bytes");
    } else {
        take_asked(visit,
                   chat_password_hash(visit->demo->passwords, password, handle_hashed, visit));
    }
}

void chat_serve_login(chat_visit *visit)
{
    eio_slice name = given_name(visit), password = given_password(visit);

    if (!chat_is_user_name(name))
        chat_visit_refuse(visit, 400, "A name has 1 to 64 characters");
    else if (password.len == 0 || memchr(password.base, 0, password.len) != NULL)
        chat_visit_refuse(visit, 400, "A password has 1 to 72 bytes");
    else
        chat_visit_ask(visit, CHAT_FIND_LOGIN, CHAT_TEXTS(name), take_login);
}

static void answer_logout(chat_visit *visit, const chat_demo_answer *answer)
{
    (void)answer;
    chat_demo_end_session(visit->demo, eio_slice_of(visit->sid));
    chat_visit_text(visit, 200, "OK");
}

void chat_serve_logout(chat_visit *visit)
{
    chat_visit_ask(visit, CHAT_DROP_SESSION, CHAT_TEXTS(eio_slice_of(visit->sid)), answer_logout);
}
