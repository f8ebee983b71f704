#include "chat/demo/seed.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/log.h"

enum {
    N_USERS = 4,
    N_PAIRS = 6,
    N_SENTENCES = 5,
    N_MESSAGES = 2 * N_PAIRS + N_SENTENCES,
    SENTENCE_SECONDS = 200,
    GREETING_MS = 222 * 1000, /* within which they greeted each other */
    JSON_BYTES = 200,
};

static const char *const sentences[N_SENTENCES] = {
    "Good morning!",          "Morning, did you see the agenda for this week?",
    "Yes, looks good to me.", "Then we meet tomorrow at ten.",
    "Great, see you there.",
};

/* Texts of the question, and what they point to. */
typedef struct demo_data {
    eio_slice texts[1 + N_USERS + 3 * N_MESSAGES];
    char rooms[N_MESSAGES][8], dates[N_MESSAGES][32], json[N_MESSAGES][JSON_BYTES];
    size_t messages;
} demo_data;

static unsigned random_below(unsigned most)
{
    unsigned number = 0;

    (void)uv_random(NULL, NULL, &number, sizeof(number), 0, NULL);
    return number % most;
}

static void add_message(demo_data *data, const char *room, unsigned from, uint64_t date_ms,
                        const char *text)
{
    size_t i = data->messages++;
    eio_slice *texts = data->texts + 1 + N_USERS + 3 * i;

    char date[32];

    (void)snprintf(date, sizeof(date), "%llu.%03u", (unsigned long long)(date_ms / 1000),
                   (unsigned)(date_ms % 1000));
    memcpy(data->dates[i], date, sizeof(date));
    (void)snprintf(data->rooms[i], sizeof(data->rooms[i]), "%s", room);
    (void)snprintf(data->json[i], JSON_BYTES,
                   "{\"from\":%u,\"date\":%s,\"message\":\"%s\",\"roomId\":\"%s\"}", from, date,
                   text, room);
    texts[0] = eio_slice_of(data->rooms[i]);
    texts[1] = eio_slice_of(data->dates[i]);
    texts[2] = eio_slice_of(data->json[i]);
}

static void fill(demo_data *data, uint64_t now_ms)
{
    static const char *const greetings[] = { "Hello", "Hi", "Hey", "Good day" };
    char room[8];

    for (unsigned low = 1; low < N_USERS; low++)
        for (unsigned high = low + 1; high <= N_USERS; high++) {
            (void)snprintf(room, sizeof(room), "%u:%u", low, high);
            add_message(data, room, low, now_ms - random_below(GREETING_MS),
                        greetings[random_below(4)]);
            add_message(data, room, high, now_ms - random_below(GREETING_MS),
                        greetings[random_below(4)]);
        }
    for (unsigned i = 0; i < N_SENTENCES; i++)
        add_message(data, "0", 1 + random_below(N_USERS),
                    now_ms - (uint64_t)(N_SENTENCES - i) * SENTENCE_SECONDS * 1000, sentences[i]);
}

static void handle_added(const chat_demo_answer *answer, void *data)
{
    chat_demo *demo = data;

    demo->seeding = false;
    demo->seeded = answer->outcome == CHAT_FOUND || answer->outcome == CHAT_EXISTS;
    if (answer->outcome == CHAT_FOUND)
        chat_log(CHAT_LOG_INFO, "demo_data", "users=%d messages=%d", N_USERS, N_MESSAGES);
}

static void add_data(chat_demo *demo, const char *hash)
{
    static const char *const names[N_USERS] = { "Pablo", "Joe", "Mary", "Alex" };
    demo_data *data = calloc(1, sizeof(*data));

    demo->seeding = data != NULL;
    if (data == NULL)
        return;
    data->texts[0] = eio_slice_of(hash);
    for (size_t i = 0; i < N_USERS; i++)
        data->texts[1 + i] = eio_slice_of(names[i]);
    fill(data, chat_demo_stamp(demo));
    chat_demo_ask(demo, CHAT_ADD_DEMO, data->texts, sizeof(data->texts) / sizeof(data->texts[0]),
                  handle_added, demo);
    free(data);
}

static void handle_hash(int status, const char *hash, void *data)
{
    chat_demo *demo = data;

    demo->seeding = false;
    if (status == EIO_OK && !demo->stopping)
        add_data(demo, hash);
    chat_demo_answered(demo);
}

static void handle_looked(const chat_demo_answer *answer, void *data)
{
    chat_demo *demo = data;

    demo->seeding = false;
    if (answer->outcome == CHAT_EXISTS)
        demo->seeded = true;
    if (answer->outcome != CHAT_FOUND || demo->stopping ||
        chat_password_hash(demo->passwords, EIO_STR("password123"), handle_hash, demo) != EIO_OK)
        return;
    demo->seeding = true;
    demo->asked++;
}

void chat_demo_seed(chat_demo *demo)
{
    if (demo->seeded || demo->seeding || demo->stopping)
        return;
    demo->seeding = true;
    chat_demo_ask(demo, CHAT_LOOK_EMPTY, NULL, 0, handle_looked, demo);
}
