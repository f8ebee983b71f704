#include "socketio/redis/reader.h"

#include <stdlib.h>

#include <hiredis.h>

struct sio_redis_reader {
    redisReader *hiredis;
    size_t max_bytes;
    size_t bytes;    /* of the texts in the reply that is being read */
    size_t elements; /* in it, counted when announced */
    int failure;     /* why a create function refused, or what the reader failed with */
};

/* The number of elements of an array: its type grew with hiredis 1.0. */
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

/* NOLINTNEXTLINE(misc-no-recursion): depth is bounded by SIO_REDIS_MAX_DEPTH */
static void free_items(sio_redis_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++)
        free_items(&reply->items[i]);
    free(reply->items);
    if (reply->text.base != NULL)
        free((char *)(uintptr_t)reply->text.base);
}

void sio_redis_reply_free(sio_redis_reply *reply)
{
    if (reply == NULL)
        return;
    free_items(reply);
    free(reply);
}

static void free_object(void *object)
{
    sio_redis_reply_free(object);
}

static void *fail(sio_redis_reader *reader, int code)
{
    reader->failure = code;
    return NULL;
}

/* Where the object of a task goes: into its parent's array, or a place of its own at the top. */
static sio_redis_reply *place_of(const redisReadTask *task)
{
    sio_redis_reply *parent = task->parent == NULL ? NULL : task->parent->obj;

    if (parent == NULL)
        return calloc(1, sizeof(sio_redis_reply));
    return task->idx >= 0 && (size_t)task->idx < parent->count ? &parent->items[task->idx] : NULL;
}

/* Make the object of a task; what hangs on it is the caller's to attach. */
static sio_redis_reply *create(const redisReadTask *task, sio_redis_type type)
{
    sio_redis_reply *reply = place_of(task);

    if (reply == NULL)
        return fail(task->privdata, EIO_E_NOMEM);
    reply->type = type;
    return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    sio_redis_reader *reader = task->privdata;
    sio_redis_type type = SIO_REDIS_STRING;

    if (task->type == REDIS_REPLY_STATUS)
        type = SIO_REDIS_STATUS;
    else if (task->type == REDIS_REPLY_ERROR)
        type = SIO_REDIS_ERROR;
    else if (task->type != REDIS_REPLY_STRING)
        return fail(reader, EIO_E_PROTOCOL); /* RESP3 */
    if (len > reader->max_bytes - reader->bytes)
        return fail(reader, EIO_E_TOO_BIG);
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return fail(reader, EIO_E_NOMEM);
    memcpy(copy, text, len);
    sio_redis_reply *reply = create(task, type);
    if (reply == NULL) {
        free(copy);
        return NULL;
    }
    reader->bytes += len;
    reply->text = (eio_slice){ copy, len };
    return reply;
}

static size_t depth_of(const redisReadTask *task)
{
    size_t depth = 1;

    while ((task = task->parent) != NULL)
        depth++;
    return depth;
}

static void *create_array(const redisReadTask *task, element_count elements)
{
    sio_redis_reader *reader = task->privdata;
    size_t count = (size_t)elements; /* a negative one becomes huge: refused */

    if (task->type != REDIS_REPLY_ARRAY)
        return fail(reader, EIO_E_PROTOCOL); /* RESP3: map, set, push */
    if (count > SIO_REDIS_MAX_ELEMENTS - reader->elements || depth_of(task) > SIO_REDIS_MAX_DEPTH)
        return fail(reader, EIO_E_TOO_BIG);
    sio_redis_reply *items = count == 0 ? NULL : calloc(count, sizeof(*items));
    if (count > 0 && items == NULL)
        return fail(reader, EIO_E_NOMEM);
    sio_redis_reply *reply = create(task, SIO_REDIS_ARRAY);
    if (reply == NULL) {
        free(items);
        return NULL;
    }
    reader->elements += count;
    reply->items = items;
    reply->count = count;
    return reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    sio_redis_reply *reply = create(task, SIO_REDIS_INTEGER);

    if (reply != NULL)
        reply->integer = value;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    return create(task, SIO_REDIS_NIL);
}

#if HIREDIS_MAJOR >= 1
static void *refuse_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void)value, (void)text, (void)len;
    return fail(task->privdata, EIO_E_PROTOCOL);
}

static void *refuse_bool(const redisReadTask *task, int value)
{
    (void)value;
    return fail(task->privdata, EIO_E_PROTOCOL);
}
#endif

static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
    .freeObject = free_object,
#if HIREDIS_MAJOR >= 1
    .createDouble = refuse_double,
    .createBool = refuse_bool,
#endif
};

int sio_redis_reader_new(sio_redis_reader **out, size_t max_reply_bytes)
{
    sio_redis_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL)
        return EIO_E_NOMEM;
    reader->hiredis = redisReaderCreateWithFunctions(&functions);
    if (reader->hiredis == NULL) {
        free(reader);
        return EIO_E_NOMEM;
    }
    reader->hiredis->privdata = reader;
    reader->max_bytes = max_reply_bytes;
    *out = reader;
    return EIO_OK;
}

void sio_redis_reader_free(sio_redis_reader *reader)
{
    if (reader == NULL)
        return;
    redisReaderFree(reader->hiredis);
    free(reader);
}

int sio_redis_reader_feed(sio_redis_reader *reader, eio_slice bytes)
{
    if (reader->failure == EIO_OK && bytes.len > 0 &&
        redisReaderFeed(reader->hiredis, bytes.base, bytes.len) != REDIS_OK)
        reader->failure = EIO_E_NOMEM;
    return reader->failure;
}

int sio_redis_reader_next(sio_redis_reader *reader, sio_redis_reply **out)
{
    void *reply = NULL;

    if (reader->failure != EIO_OK)
        return reader->failure;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
        if (reader->failure == EIO_OK)
            reader->failure = reader->hiredis->err == REDIS_ERR_OOM ? EIO_E_NOMEM : EIO_E_PROTOCOL;
        return reader->failure;
    }
    if (reply != NULL) {
        reader->bytes = 0;
        reader->elements = 0;
    } else if (reader->hiredis->len - reader->hiredis->pos > reader->max_bytes) {
        reader->failure = EIO_E_TOO_BIG; /* one text, announced longer than we take */
        return reader->failure;
    }
    *out = reply;
    return EIO_OK;
}
