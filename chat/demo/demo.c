#include "chat/demo/demo.h"

#include <stdio.h>
#include <stdlib.h>

eio_slice chat_demo_room(char out[CHAT_ROOM_NAME_BYTES], char kind, eio_slice id)
{
    int len = snprintf(out, CHAT_ROOM_NAME_BYTES, "%c:%.*s", kind, (int)id.len, id.base);

    return (eio_slice){ out, (size_t)len < CHAT_ROOM_NAME_BYTES ? (size_t)len
                                                                : CHAT_ROOM_NAME_BYTES - 1 };
}

eio_slice chat_demo_number(char out[CHAT_ID_BYTES], uint64_t number)
{
    int len = snprintf(out, CHAT_ID_BYTES, "%llu", (unsigned long long)number);

    return (eio_slice){ out, (size_t)len };
}

typedef struct demo_question {
    chat_demo *demo;
    chat_demo_cb *callback;
    void *data;
} demo_question;

void chat_demo_answered(chat_demo *demo)
{
    if (--demo->asked == 0 && demo->stopping && demo->on_idle != NULL)
        demo->on_idle(demo->idle_data);
}

static void handle_answer(const chat_demo_answer *answer, void *data)
{
    demo_question question = *(demo_question *)data;

    free(data);
    question.callback(answer, question.data);
    chat_demo_answered(question.demo);
}

void chat_demo_ask(chat_demo *demo, chat_demo_verb verb, const eio_slice *texts, size_t count,
                   chat_demo_cb *callback, void *data)
{
    static const chat_demo_answer failed = { CHAT_FAILED, NULL, 0 };
    demo_question *question = calloc(1, sizeof(*question));

    if (question == NULL) {
        callback(&failed, data);
        return;
    }
    *question = (demo_question){ demo, callback, data };
    demo->asked++;
    if (chat_demo_store_ask(demo->store, verb, texts, count, handle_answer, question) != EIO_OK) {
        demo->asked--;
        free(question);
        callback(&failed, data);
    }
}

uint64_t chat_demo_stamp(chat_demo *demo)
{
    uv_timeval64_t now;
    uint64_t stamp = demo->stamp_ms + 1;

    if (uv_gettimeofday(&now) == 0) {
        uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
        if (ms > stamp)
            stamp = ms;
    }
    demo->stamp_ms = stamp;
    return stamp;
}
