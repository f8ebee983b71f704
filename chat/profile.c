#include "chat/profile.h"

#include "chat/broadcast/broadcast.h"
#include "chat/demo/profile.h"
#include "chat/pubsub/profile.h"
#include "chat/rooms/profile.h"
#include "socketio/workers.h"

const chat_profile *const chat_profiles[] = { &chat_rooms_profile, &chat_demo_profile,
                                              &chat_broadcast_profile, &chat_pubsub_profile, NULL };

unsigned chat_host_number(const chat_host *host)
{
    return host->worker == NULL ? 1 : sio_worker_index(host->worker) + 1;
}
