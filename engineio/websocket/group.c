#include "engineio/websocket/group.h"

#include <pthread.h>
#include <stdlib.h>

#include "engineio/limits.h"
#include "engineio/websocket/seal.h"

static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, eio_websocket_group) groups = LIST_HEAD_INITIALIZER(groups);

void eio_websocket_options_init(eio_websocket_options *options)
{
    *options = (eio_websocket_options){
        .size = sizeof(*options),
        .max_message_bytes = EIO_WS_MAX_MESSAGE_BYTES,
        .max_fragments = EIO_WS_MAX_FRAGMENTS,
        .close_timeout_ms = EIO_WS_CLOSE_TIMEOUT_MS,
    };
}

/* 0 is the default: nothing is unlimited. */
static eio_websocket_options complete(const eio_websocket_options *options)
{
    eio_websocket_options all;

    eio_websocket_options_init(&all);
    if (options == NULL)
        return all;
    if (options->max_message_bytes > 0)
        all.max_message_bytes = options->max_message_bytes;
    if (options->max_fragments > 0)
        all.max_fragments = options->max_fragments;
    if (options->close_timeout_ms > 0)
        all.close_timeout_ms = options->close_timeout_ms;
    all.ping_interval_ms = options->ping_interval_ms;
    all.deflate = options->deflate;
    return all;
}

static bool has_deflate(const eio_websocket_group *group, const eio_deflate_options *options)
{
    const eio_deflate_options *own = &group->deflate.options;

    if (options == NULL || !group->deflate.is_on)
        return (options != NULL) == group->deflate.is_on;
    eio_deflate_options other = eio_deflate_complete(options);
    return own->threshold == other.threshold &&
           own->server_no_context_takeover == other.server_no_context_takeover &&
           own->client_no_context_takeover == other.client_no_context_takeover &&
           own->server_max_window_bits == other.server_max_window_bits &&
           own->client_max_window_bits == other.client_max_window_bits &&
           own->refuse_server_no_context_takeover == other.refuse_server_no_context_takeover &&
           own->level == other.level && own->memory_level == other.memory_level;
}

static bool matches(const eio_websocket_group *group, const uv_loop_t *loop,
                    const eio_websocket_options *options)
{
    return group->loop->uv == loop &&
           group->limits.max_message_bytes == options->max_message_bytes &&
           group->limits.max_fragments == options->max_fragments &&
           group->closing.after_ms == options->close_timeout_ms &&
           group->ping_interval_ms == options->ping_interval_ms &&
           has_deflate(group, options->deflate);
}

static eio_buffer *ping_new(void)
{
    eio_buffer *ping = eio_buffer_new(0);
    if (ping != NULL)
        (void)eio_frame_seal(ping, 0, EIO_OPCODE_PING); /* a new buffer is not sealed otherwise */
    return ping;
}

static eio_websocket_group *group_new(uv_loop_t *loop, const eio_websocket_options *options,
                                      const eio_websocket_due *due)
{
    eio_websocket_group *group = calloc(1, sizeof(*group));
    if (group == NULL)
        return NULL;
    group->ping = ping_new();
    group->loop = group->ping == NULL ? NULL : eio_loop_acquire(loop);
    if (group->loop == NULL) {
        eio_buffer_unref(group->ping);
        free(group);
        return NULL;
    }
    group->limits = (eio_frame_limits){ options->max_message_bytes, options->max_fragments };
    group->ping_interval_ms = options->ping_interval_ms;
    eio_deflate_init(&group->deflate, options->deflate);
    eio_deadline_queue_init(&group->pinging, group->loop, options->ping_interval_ms, due->ping);
    eio_deadline_queue_init(&group->closing, group->loop, options->close_timeout_ms, due->close);
    eio_deadline_queue_init(&group->failing, group->loop, 0, due->fail);
    return group;
}

eio_websocket_group *eio_websocket_group_acquire(uv_loop_t *loop,
                                                 const eio_websocket_options *options,
                                                 const eio_websocket_due *due)
{
    eio_websocket_options all = complete(options);
    eio_websocket_group *group;

    pthread_mutex_lock(&groups_lock);
    LIST_FOREACH(group, &groups, link)
        if (matches(group, loop, &all))
            break;
    if (group == NULL) {
        group = group_new(loop, &all, due);
        if (group != NULL)
            LIST_INSERT_HEAD(&groups, group, link);
    }
    if (group != NULL)
        group->refs++;
    pthread_mutex_unlock(&groups_lock);
    return group;
}

void eio_websocket_group_release(eio_websocket_group *group)
{
    pthread_mutex_lock(&groups_lock);
    bool last = --group->refs == 0;
    if (last)
        LIST_REMOVE(group, link);
    pthread_mutex_unlock(&groups_lock);
    if (!last)
        return;
    eio_deadline_queue_fini(&group->pinging);
    eio_deadline_queue_fini(&group->closing);
    eio_deadline_queue_fini(&group->failing);
    eio_buffer_unref(group->ping);
    eio_deflate_fini(&group->deflate);
    eio_loop_release(group->loop);
    free(group);
}
