#include "chat/demo/visit.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

enum { MOST_BODY_BYTES = 100 * 1024 };

/* What a request finds behind its path. */
struct chat_bound_route {
    chat_demo *demo;
    const chat_route *route;
};

static void visit_free(chat_visit *visit)
{
    json_decref(visit->body);
    json_decref(visit->pending);
    chat_user_fini(&visit->user);
    free(visit->session);
    free(visit->text);
    free(visit);
}

/* ---- answers ---- */

static eio_http_request *end(chat_visit *visit)
{
    eio_http_request *request = visit->request;
    char value[CHAT_COOKIE_BYTES], header[CHAT_COOKIE_BYTES + 100];
    const eio_cookie_options options = {
        .name = "connect.sid",
        .secure = visit->demo->own->secure_cookie,
    };

    eio_http_on_abort(request, NULL, NULL);
    (void)eio_http_set_header(request, EIO_STR("Cache-Control"), EIO_STR("no-store"));
    (void)eio_http_set_header(request, EIO_STR("X-Content-Type-Options"), EIO_STR("nosniff"));
    if (visit->sets_cookie) {
        size_t len = chat_cookie_seal(value, eio_slice_of(visit->sid),
                                      eio_slice_of(visit->demo->own->secret));
        len = eio_cookie_format(header, sizeof(header), &options, (eio_slice){ value, len });
        (void)eio_http_add_header(request, EIO_STR("Set-Cookie"), (eio_slice){ header, len });
    }
    visit_free(visit);
    return request;
}

void chat_visit_answer(chat_visit *visit, int status, const char *type, eio_slice body)
{
    (void)eio_http_respond_text(end(visit), status, type, body);
}

void chat_visit_text(chat_visit *visit, int status, const char *text)
{
    chat_visit_answer(visit, status, "text/plain; charset=utf-8", eio_slice_of(text));
}

void chat_visit_json_text(chat_visit *visit, int status, eio_slice json)
{
    chat_visit_answer(visit, status, "application/json; charset=utf-8", json);
}

void chat_visit_json(chat_visit *visit, int status, json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(json);
    if (text == NULL) {
        chat_visit_text(visit, 500, "Internal Server Error");
        return;
    }
    chat_visit_json_text(visit, status, eio_slice_of(text));
    free(text);
}

void chat_visit_refuse(chat_visit *visit, int status, const char *text)
{
    chat_visit_json(visit, status, json_pack("{s:s}", "message", text));
}

/* ---- steps ---- */

bool chat_visit_is_over(chat_visit *visit)
{
    if (visit->request != NULL)
        return false;
    visit_free(visit);
    return true;
}

static void handle_abort(eio_http_request *request, void *data)
{
    chat_visit *visit = data;

    (void)request;
    visit->request = NULL;
    if (visit->reading)
        visit_free(visit); /* nobody else will */
}

static void handle_answer(const chat_demo_answer *answer, void *data)
{
    chat_visit *visit = data;

    if (chat_visit_is_over(visit))
        return;
    if (answer->outcome == CHAT_FAILED)
        chat_visit_refuse(visit, 503, "Service unavailable");
    else
        visit->next(visit, answer);
}

void chat_visit_ask(chat_visit *visit, chat_demo_verb verb, const eio_slice *texts, size_t count,
                    chat_visit_step *next)
{
    visit->next = next;
    chat_demo_ask(visit->demo, verb, texts, count, handle_answer, visit);
}

/* ---- the session ---- */

static void serve(chat_visit *visit)
{
    if (visit->route->needs_login && visit->user.id == 0)
        chat_visit_text(visit, 403, "Forbidden");
    else
        visit->route->serve(visit);
}

static void take_begun(chat_visit *visit, const chat_demo_answer *answer)
{
    (void)answer;
    visit->sets_cookie = true;
    serve(visit);
}

static void begin_session(chat_visit *visit)
{
    visit->session = strdup(chat_session_empty);
    if (visit->session == NULL || chat_sid_new(visit->sid) != EIO_OK) {
        chat_visit_text(visit, 500, "Internal Server Error");
        return;
    }
    chat_visit_ask(visit, CHAT_SAVE_SESSION,
                   CHAT_TEXTS(eio_slice_of(visit->sid), eio_slice_of(visit->session), EIO_STR("")),
                   take_begun);
}

static void take_session(chat_visit *visit, const chat_demo_answer *answer)
{
    if (answer->outcome != CHAT_FOUND || answer->count != 1 ||
        !chat_session_read(&visit->user, answer->texts[0])) {
        begin_session(visit);
        return;
    }
    visit->session = strndup(answer->texts[0].base, answer->texts[0].len);
    if (visit->session == NULL)
        chat_visit_text(visit, 500, "Internal Server Error");
    else
        serve(visit);
}

static void find_session(chat_visit *visit)
{
    eio_slice cookie = eio_http_cookie(visit->request, "connect.sid");

    if (cookie.base != NULL &&
        chat_cookie_open(visit->sid, cookie, eio_slice_of(visit->demo->own->secret)))
        chat_visit_ask(visit, CHAT_LOAD_SESSION, CHAT_TEXTS(eio_slice_of(visit->sid)),
                       take_session);
    else
        begin_session(visit);
}

/* ---- the body ---- */

/* `application/json`, whatever stands behind it; any other type counts as an empty body. */
static bool is_json(const eio_http_request *request)
{
    static const char wanted[] = "application/json";
    eio_slice type = eio_http_header(request, "content-type");
    size_t len = sizeof(wanted) - 1;

    return type.len >= len && strncasecmp(type.base, wanted, len) == 0 &&
           (type.len == len || type.base[len] == ';' || type.base[len] == ' ');
}

static void handle_body(eio_http_request *request, int status, eio_slice body, void *data)
{
    chat_visit *visit = data;

    visit->reading = false;
    if (status == EIO_E_TOO_BIG) {
        chat_visit_text(visit, 413, "Payload Too Large");
        return;
    }
    if (status != EIO_OK) {
        chat_visit_text(visit, 400, "Bad Request");
        return;
    }
    if (body.len > 0 && is_json(request)) {
        visit->body = json_loadb(body.base, body.len, JSON_ALLOW_NUL, NULL);
        if (visit->body == NULL) {
            chat_visit_text(visit, 400, "Bad Request");
            return;
        }
    }
    find_session(visit);
}

static void handle_request(eio_http_request *request, void *data)
{
    const chat_bound_route *bound = data;
    chat_visit *visit = calloc(1, sizeof(*visit));

    if (visit == NULL) {
        eio_http_destroy(request);
        return;
    }
    visit->demo = bound->demo;
    visit->route = bound->route;
    visit->request = request;
    eio_http_on_abort(request, handle_abort, visit);
    if (strcmp(visit->route->method, "POST") != 0) {
        find_session(visit);
        return;
    }
    visit->reading = true;
    eio_http_read_body(request, MOST_BODY_BYTES, handle_body, visit);
}

int chat_visit_routes(chat_demo *demo, const chat_route *routes)
{
    size_t count = 0;
    int rc = EIO_OK;

    while (routes[count].method != NULL)
        count++;
    assert(count > 0);
    demo->routes = calloc(count, sizeof(*demo->routes));
    if (demo->routes == NULL)
        return EIO_E_NOMEM;
    for (size_t i = 0; i < count && rc == EIO_OK; i++) {
        demo->routes[i] = (chat_bound_route){ demo, &routes[i] };
        rc = eio_http_server_route(demo->host->http, routes[i].method, routes[i].pattern,
                                   handle_request, &demo->routes[i]);
    }
    return rc;
}
