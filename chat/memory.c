#include "chat/memory.h"

#include <malloc.h>

enum {
    LOOK_EVERY_MS = 10 * 1000,
    WORTH_BYTES = 1024 * 1024,
    KEPT_BYTES = 16 * 1024 * 1024,  /* free at the heap's top, between two looks */
    MAPPED_BYTES = 4 * 1024 * 1024, /* a message of this size is worth a mapping of its own */
};

/* More is free than in use: many have left. Trimming walks all that is free, so it is not done for little. */
static void handle_look(uv_timer_t *timer)
{
    const struct mallinfo2 info = mallinfo2();

    (void)timer;
    if (info.fordblks > WORTH_BYTES && info.fordblks > info.uordblks)
        malloc_trim(0);
}

int chat_memory_watch(uv_loop_t *loop, uv_timer_t *timer)
{
    int rc = uv_timer_init(loop, timer);

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's takes a lock */
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    if (rc == 0)
        rc = uv_timer_start(timer, handle_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
    uv_unref((uv_handle_t *)timer);
    return rc;
}
