/* Contract `api`: what the tests of the server API look at through clients. */
#include <string.h>

#include "tests/testbed/testbed.h"

enum { MAX_NAME_BYTES = 1024, MOST_ARGS = 8 };

/* ---- lists that a client may ask for: what happened since it asked last ---- */

static eio_buffer *rooms_seen;
static eio_buffer *names_seen;
static eio_buffer *refusals_seen;
static eio_buffer *sessions_seen;

/* Add one entry, a list of strings. Without memory it is not told. */
static void see(eio_buffer **list, const eio_slice *texts, size_t count)
{
    if (*list == NULL)
        *list = eio_buffer_new(0);
    if (*list == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        (void)eio_buffer_append(list, i == 0 ? EIO_STR(",[") : EIO_STR(","));
        (void)sio_json_append_string(list, texts[i]);
    }
    (void)eio_buffer_append(list, EIO_STR("]"));
}

static void on_list(sio_socket *socket, sio_event *event, void *data)
{
    eio_buffer **list = data;
    eio_buffer *json = eio_buffer_copy(EIO_STR("["));
    eio_slice seen = *list == NULL ? EIO_STR("") : eio_buffer_slice(*list);

    (void)socket;
    if (seen.len > 0) /* but its first comma */
        (void)eio_buffer_append(&json, (eio_slice){ seen.base + 1, seen.len - 1 });
    (void)eio_buffer_append(&json, EIO_STR("]"));
    (void)sio_event_ack(event, SIO_ARGS(eio_buffer_slice(json)));
    eio_buffer_unref(json);
    eio_buffer_unref(*list);
    *list = NULL;
}

static void on_room_change(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id,
                           void *data)
{
    static const char *const names[] = {
        [SIO_ROOM_CREATED] = "create-room",
        [SIO_ROOM_JOINED] = "join-room",
        [SIO_ROOM_LEFT] = "leave-room",
        [SIO_ROOM_DELETED] = "delete-room",
    };
    const eio_slice texts[] = { eio_slice_of(names[change]), room, id };

    (void)nsp;
    (void)data;
    see(&rooms_seen, texts, id.base == NULL ? 2 : 3);
}

static void on_new_namespace(sio_namespace *nsp, void *data)
{
    const eio_slice name = sio_namespace_name(nsp);

    (void)data;
    see(&names_seen, &name, 1);
}

static void on_connection_error(eio_server *server, const eio_http_request *request,
                                eio_refusal code, const char *context, void *data)
{
    char text[24];
    const eio_slice texts[] = { testbed_print(text, (uint64_t)code), eio_slice_of(context) };

    (void)server;
    (void)request;
    (void)data;
    see(&refusals_seen, texts, 2);
}

/* ---- rooms and events of the main namespace ---- */

static void on_join(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];

    (void)data;
    (void)sio_join(socket, testbed_text(testbed_argument(event, 0), name, sizeof(name)));
    (void)sio_event_ack(event, SIO_NO_ARGS);
}

static void on_leave(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];

    (void)data;
    sio_leave(socket, testbed_text(testbed_argument(event, 0), name, sizeof(name)));
    (void)sio_event_ack(event, SIO_NO_ARGS);
}

static void on_said(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    (void)sio_emit(socket, sio_event_name(event), sio_event_args(event));
}

static void on_error(sio_socket *socket, const char *text, void *data)
{
    eio_buffer *json = eio_buffer_new(0);

    (void)data;
    if (json != NULL && sio_json_append_string(&json, eio_slice_of(text)) == EIO_OK)
        (void)sio_emit(socket, SIO_STR("refusal"), SIO_ARGS(eio_buffer_slice(json)));
    eio_buffer_unref(json);
}

static void pass(void *event)
{
    (void)sio_event_next(event, NULL);
}

static void refuse_late(void *event)
{
    (void)sio_event_next(event, "refused later");
}

/* The first middleware for events: what it does is the event's name. */
static void do_what_is_said(sio_socket *socket, sio_event *event, void *data)
{
    const eio_slice name = sio_event_name(event);

    (void)socket;
    if (eio_slice_equal(name, EIO_STR("later")))
        testbed_later(data, pass, event);
    else if (eio_slice_equal(name, EIO_STR("refused-later")))
        testbed_later(data, refuse_late, event);
    else
        (void)sio_event_next(event, eio_slice_equal(name, EIO_STR("refused")) ? "refused" : NULL);
}

/* The second one, of the socket alone: it adds an argument. */
static void sign(sio_socket *socket, sio_event *event, void *data)
{
    const sio_args args = sio_event_args(event);
    eio_slice more[MOST_ARGS + 1];

    (void)socket;
    (void)data;
    if (args.count <= MOST_ARGS && eio_slice_equal(sio_event_name(event), EIO_STR("signed"))) {
        for (size_t i = 0; i < args.count; i++)
            more[i] = args.json[i];
        more[args.count] = SIO_JSON("\"signed\"");
        (void)sio_event_set_args(
            event, (sio_args){ more, args.count + 1, args.attachments, args.attachment_count });
    }
    (void)sio_event_next(event, NULL);
}

static void on_connection(sio_socket *socket, void *data)
{
    (void)sio_socket_use_event(socket, sign, data);
}

/* ---- dynamic namespaces ---- */

static void allow(void *match)
{
    sio_match_allow(match);
}

static void match_asked(sio_match *match, void *data)
{
    static const char prefix[] = "/asked-";
    const eio_slice name = sio_match_name(match);

    if (name.len > sizeof(prefix) - 1 && memcmp(name.base, prefix, sizeof(prefix) - 1) == 0 &&
        eio_slice_equal(sio_match_auth(match), EIO_STR("{\"token\":\"let me in\"}")))
        testbed_later(data, allow, match);
    else
        sio_match_refuse(match);
}

static void check_auth(sio_socket *socket, void *data)
{
    bool is_enemy = eio_slice_equal(sio_socket_auth(socket), EIO_STR("{\"enemy\":true}"));

    (void)data;
    (void)sio_next(socket, is_enemy ? &(sio_refusal){ .message = SIO_STR("no enemies") } : NULL);
}

static void greet(sio_socket *socket, void *data)
{
    eio_buffer *json = eio_buffer_new(0);

    (void)data;
    if (json != NULL &&
        sio_json_append_string(&json, sio_namespace_name(sio_socket_namespace(socket))) == EIO_OK)
        (void)sio_emit(socket, SIO_STR("hello"), SIO_ARGS(eio_buffer_slice(json)));
    eio_buffer_unref(json);
}

static void on_tell(sio_socket *socket, sio_event *event, void *parent)
{
    (void)socket;
    (void)sio_broadcast(parent, NULL, SIO_STR("told"), sio_event_args(event));
}

/* To those who are in a room of that name in any child. */
static void on_tell_room(sio_socket *socket, sio_event *event, void *parent)
{
    char name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), name, sizeof(name));

    (void)socket;
    (void)sio_broadcast(parent, &(sio_target){ .rooms = SIO_ROOMS(room) }, SIO_STR("told"),
                        testbed_arguments_from(event, 1));
}

static int add_parents(testbed *bed, sio_namespace *root)
{
    sio_namespace *pattern = sio_server_of_pattern(bed->io, SIO_STR("/room-*"));
    sio_namespace *function = sio_server_of_matching(bed->io, match_asked, bed);

    if (pattern == NULL || function == NULL || sio_use(pattern, check_auth, NULL) != EIO_OK ||
        sio_on_connection(pattern, greet, NULL) != EIO_OK ||
        sio_on(pattern, SIO_STR("join"), on_join, NULL) != EIO_OK ||
        sio_on(pattern, SIO_STR("said"), on_said, NULL) != EIO_OK ||
        sio_on_connection(function, greet, NULL) != EIO_OK ||
        sio_on(root, SIO_STR("tell"), on_tell, pattern) != EIO_OK ||
        sio_on(root, SIO_STR("tell-room"), on_tell_room, pattern) != EIO_OK)
        return EIO_E_NOMEM;
    return sio_server_on_new_namespace(bed->io, on_new_namespace, NULL);
}

/* ---- contract ---- */

static int set_up(testbed *bed)
{
    static const testbed_event events[] = {
        { "join", on_join },          { "leave", on_leave },  { "said", on_said },
        { "later", on_said },         { "refused", on_said }, { "signed", on_said },
        { "refused-later", on_said }, { NULL, NULL },
    };
    sio_namespace *root = sio_server_of(bed->io, SIO_STR("/"));

    if (sio_on_room(root, on_room_change, NULL) != EIO_OK ||
        sio_on_connection(root, on_connection, NULL) != EIO_OK ||
        sio_on_error(root, on_error, NULL) != EIO_OK ||
        sio_use_event(root, do_what_is_said, bed) != EIO_OK ||
        sio_on(root, SIO_STR("rooms"), on_list, &rooms_seen) != EIO_OK ||
        sio_on(root, SIO_STR("namespaces"), on_list, &names_seen) != EIO_OK ||
        sio_on(root, SIO_STR("refusals"), on_list, &refusals_seen) != EIO_OK ||
        sio_on(root, SIO_STR("sessions"), on_list, &sessions_seen) != EIO_OK)
        return EIO_E_NOMEM;
    int rc = add_parents(bed, root);
    if (rc == EIO_OK)
        rc = testbed_use_steps(bed);
    return rc == EIO_OK ? testbed_on(bed, events) : rc;
}

/* The second server: its events are its own. */
static int set_up_other(testbed *bed)
{
    sio_namespace *root = sio_server_of(bed->other, SIO_STR("/"));

    return sio_on(root, SIO_STR("join"), on_join, NULL) == EIO_OK &&
                   sio_on(root, SIO_STR("other"), on_tell_room, root) == EIO_OK
               ? EIO_OK
               : EIO_E_NOMEM;
}

static bool is_friend(const eio_http_request *request, eio_slice origin, void *data)
{
    static const char ending[] = ".friend.example";
    const size_t len = sizeof(ending) - 1;

    (void)request;
    (void)data;
    return origin.len > len && memcmp(origin.base + origin.len - len, ending, len) == 0;
}

static void adjust_engine(eio_options *options)
{
    static const eio_cookie_options cookie = { .name = "c",
                                               .path = "/p",
                                               .domain = "d.example",
                                               .secure = true,
                                               .same_site = "strict",
                                               .max_age_s = 60,
                                               .expires_s = 784111777,
                                               .partitioned = true,
                                               .priority = "high" };
    static const eio_cors_options cors = { .credentials = true,
                                           .methods = "GET,POST",
                                           .allowed_headers = "x-one",
                                           .exposed_headers = "x-two",
                                           .max_age_s = 5,
                                           .success_status = 200,
                                           .on_origin = is_friend };

    testbed_send_back(options);
    options->on_connection_error = on_connection_error;
    options->cookie = &cookie;
    options->cors = &cors;
}

static void see_session(const char *what, const eio_session *session)
{
    const eio_slice texts[] = { eio_slice_of(what),
                                eio_session_transport(session) == EIO_TRANSPORT_POLLING
                                    ? EIO_STR("polling")
                                    : EIO_STR("websocket") };

    see(&sessions_seen, texts, 2);
}

static void on_drain(eio_server *server, eio_session *session, void *data)
{
    (void)server;
    (void)data;
    see_session("drain", session);
}

static void on_upgrade(eio_server *server, eio_session *session, void *data)
{
    (void)server;
    (void)data;
    see_session("upgrade", session);
}

static void adjust(sio_options *options)
{
    options->engine.on_drain = on_drain;
    options->engine.on_upgrade = on_upgrade;
    options->cleanup_empty_child_namespaces = true;
}

const testbed_contract contract_api = {
    .name = "api",
    .defaults = { .grace_ms = 8000 },
    .adjust_engine = adjust_engine,
    .adjust = adjust,
    .set_up = set_up,
    .set_up_other = set_up_other,
};
