#include "engineio/net/flush.h"

#include "engineio/net/loop.h"

void eio_late_add(eio_loop *loop, eio_late *late)
{
    if (late->link.tqe_prev != NULL)
        return;
    TAILQ_INSERT_TAIL(&loop->late, late, link);
}

void eio_late_cancel(eio_loop *loop, eio_late *late)
{
    if (late->link.tqe_prev == NULL)
        return;
    TAILQ_REMOVE(&loop->late, late, link);
    late->link.tqe_prev = NULL;
}

void eio_late_run(eio_loop *loop)
{
    eio_late *late;

    while ((late = TAILQ_FIRST(&loop->late)) != NULL) {
        eio_late_cancel(loop, late);
        late->run(late);
    }
}
