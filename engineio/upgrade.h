/*
 * From polling to WebSocket (Engine.IO protocol v4, "Upgrade"): a probe socket beside the session's polls. While it is
 * under way the session stays on polling; every 100 ms a waiting GET is released, so that the client can stop polling.
 * A probe that fails, or takes too long, harms nothing.
 */
#ifndef ENGINEIO_UPGRADE_H
#define ENGINEIO_UPGRADE_H

#include "engineio/session.h"

typedef struct eio_upgrade eio_upgrade;

/* Take an upgrade request for a session on polling without a probe. The request is gone. */
void eio_upgrade_start(eio_session *session, eio_http_request *request);
/* The session ends: close the probe. */
void eio_upgrade_cancel(eio_session *session);

/* The two queues' callbacks. */
void eio_upgrade_handle_timeout(eio_deadline *deadline);
void eio_upgrade_handle_release(eio_deadline *deadline);

#endif
