#include "engineio/upgrade.h"

#include <stdlib.h>

#include "engineio/polling.h"
#include "engineio/server.h"
#include "engineio/websocket/websocket.h"
#include "engineio/ws_transport.h"

struct eio_upgrade {
    eio_session *session; /* borrowed: it owns this */
    eio_websocket *ws;    /* the probe */
    eio_deadline timeout;
    eio_deadline release;
};

/* Forget the probe; the socket is the caller's. */
static eio_websocket *upgrade_free(eio_upgrade *upgrade)
{
    eio_server *server = upgrade->session->server;
    eio_websocket *ws = upgrade->ws;

    eio_deadline_stop(&server->upgrade_timeouts, &upgrade->timeout);
    eio_deadline_stop(&server->upgrade_releases, &upgrade->release);
    upgrade->session->upgrade = NULL;
    free(upgrade);
    return ws;
}

void eio_upgrade_cancel(eio_session *session)
{
    eio_ws_orphan(upgrade_free(session->upgrade));
}

static void answer_probe(eio_upgrade *upgrade)
{
    eio_server *server = upgrade->session->server;

    (void)eio_websocket_send_sealed(upgrade->ws, server->packets.probe_answer);
    eio_deadline_start(&server->upgrade_releases, &upgrade->release);
}

static void handle_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    eio_upgrade *upgrade = data;
    eio_session *session = upgrade->session;

    (void)ws;
    if (!binary && eio_slice_equal(payload, EIO_STR("2probe")))
        answer_probe(upgrade);
    else if (!binary && eio_slice_equal(payload, EIO_STR("5")))
        eio_session_switch(session, upgrade_free(upgrade));
    else
        eio_upgrade_cancel(session);
}

static void handle_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    (void)ws;
    (void)code;
    (void)reason;
    (void)failed;
    upgrade_free(data);
}

static const eio_websocket_handler probe_handler = {
    .on_message = handle_message,
    .on_close = handle_close,
};

void eio_upgrade_handle_timeout(eio_deadline *deadline)
{
    eio_upgrade *upgrade = (eio_upgrade *)((char *)deadline - offsetof(eio_upgrade, timeout));

    eio_server_log(upgrade->session->server, 'd',
                   "upgrade timed out: the session stays on polling");
    eio_upgrade_cancel(upgrade->session);
}

void eio_upgrade_handle_release(eio_deadline *deadline)
{
    eio_upgrade *upgrade = (eio_upgrade *)((char *)deadline - offsetof(eio_upgrade, release));

    eio_polling_release(upgrade->session->polling);
    eio_deadline_start(&upgrade->session->server->upgrade_releases, &upgrade->release);
}

void eio_upgrade_start(eio_session *session, eio_http_request *request)
{
    eio_server *server = session->server;
    eio_upgrade *upgrade = calloc(1, sizeof(*upgrade));

    if (upgrade == NULL) {
        eio_http_destroy(request);
        return;
    }
    upgrade->session = session;
    if (eio_ws_accept(server, request, &upgrade->ws) != EIO_OK) {
        free(upgrade);
        return;
    }
    eio_websocket_set_handler(upgrade->ws, &probe_handler, upgrade);
    session->upgrade = upgrade;
    eio_deadline_start(&server->upgrade_timeouts, &upgrade->timeout);
}
