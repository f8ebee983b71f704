/* How fast one connection may ask: a bucket of tokens that fills up steadily. Pure; the clock is the caller's. */
#ifndef CHAT_RATE_H
#define CHAT_RATE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct chat_rate {
    uint64_t per_second; /* tokens that come back */
    uint64_t burst;      /* tokens in a full bucket */
    uint64_t thousandths;
    uint64_t filled_ms;
} chat_rate;

static inline void chat_rate_init(chat_rate *rate, uint64_t per_second, uint64_t burst,
                                  uint64_t now_ms)
{
    *rate = (chat_rate){ per_second, burst, burst * 1000, now_ms };
}

/* Take one token; false if there is none. */
static inline bool chat_rate_take(chat_rate *rate, uint64_t now_ms)
{
    uint64_t passed = now_ms - rate->filled_ms;
    uint64_t full = rate->burst * 1000;

    rate->filled_ms = now_ms;
    if (passed >= full / (rate->per_second == 0 ? 1 : rate->per_second))
        rate->thousandths = full;
    else
        rate->thousandths += passed * rate->per_second;
    if (rate->thousandths > full)
        rate->thousandths = full;
    if (rate->thousandths < 1000)
        return false;
    rate->thousandths -= 1000;
    return true;
}

#endif
