#include "socketio/workers/mailbox.h"

#include <assert.h>

enum { MAILS_A_TURN = 512 };

/* ---- reading ---- */

static void take_all(sio_mailbox *mailbox)
{
    uv_mutex_lock(&mailbox->lock);
    mailbox->taken = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    mailbox->is_woken = false;
    uv_mutex_unlock(&mailbox->lock);
}

/* Until they are handled they count. */
static void give_back(sio_mailbox *mailbox, size_t bytes)
{
    uv_mutex_lock(&mailbox->lock);
    mailbox->bytes -= bytes;
    uv_mutex_unlock(&mailbox->lock);
}

static void handle_wake(uv_async_t *async)
{
    sio_mailbox *mailbox = async->data;
    size_t bytes = 0;

    if (mailbox->taken == NULL)
        take_all(mailbox);
    for (int i = 0; i < MAILS_A_TURN && mailbox->taken != NULL; i++) {
        sio_mail *mail = mailbox->taken;
        mailbox->taken = mail->next;
        bytes += mail->bytes;
        mail->run(mail, mailbox->owner);
    }
    give_back(mailbox, bytes);
    if (mailbox->taken != NULL)
        (void)uv_async_send(async);
}

/* ---- life ---- */

int sio_mailbox_init(sio_mailbox *mailbox, size_t max_bytes, void *owner)
{
    *mailbox = (sio_mailbox){ .max_bytes = max_bytes, .owner = owner };
    mailbox->last = &mailbox->first;
    return uv_mutex_init(&mailbox->lock);
}

int sio_mailbox_open(sio_mailbox *mailbox, uv_loop_t *loop)
{
    int rc = uv_async_init(loop, &mailbox->async, handle_wake);

    if (rc != 0)
        return rc;
    mailbox->async.data = mailbox;
    uv_mutex_lock(&mailbox->lock);
    mailbox->is_open = true;
    uv_mutex_unlock(&mailbox->lock);
    return EIO_OK;
}

void sio_mailbox_set_busy(sio_mailbox *mailbox, bool busy)
{
    if (busy)
        uv_ref((uv_handle_t *)&mailbox->async);
    else
        uv_unref((uv_handle_t *)&mailbox->async);
}

static void drop_list(sio_mail *mail)
{
    while (mail != NULL) {
        sio_mail *next = mail->next;
        mail->drop(mail);
        mail = next;
    }
}

void sio_mailbox_close(sio_mailbox *mailbox)
{
    sio_mail *rest = mailbox->taken;

    mailbox->taken = NULL;
    drop_list(rest);
    uv_mutex_lock(&mailbox->lock);
    mailbox->is_open = false; /* nobody wakes it from here on */
    uv_mutex_unlock(&mailbox->lock);
    take_all(mailbox);
    rest = mailbox->taken;
    mailbox->taken = NULL;
    drop_list(rest);
    uv_close((uv_handle_t *)&mailbox->async, NULL);
}

void sio_mailbox_fini(sio_mailbox *mailbox)
{
    assert(mailbox->first == NULL && mailbox->taken == NULL);
    uv_mutex_destroy(&mailbox->lock);
}

/* ---- sending ---- */

int sio_mailbox_post(sio_mailbox *mailbox, sio_mail *mail, bool may_be_lost)
{
    int rc = EIO_OK;

    mail->next = NULL;
    uv_mutex_lock(&mailbox->lock);
    if (!mailbox->is_open) {
        rc = EIO_E_CLOSED;
    } else if (may_be_lost && mailbox->bytes > 0 &&
               (mailbox->bytes >= mailbox->max_bytes ||
                mail->bytes > mailbox->max_bytes - mailbox->bytes)) {
        rc = EIO_E_BACKLOG;
        mailbox->dropped_bytes += mail->bytes;
    } else {
        *mailbox->last = mail;
        mailbox->last = &mail->next;
        mailbox->bytes += mail->bytes;
        if (!mailbox->is_woken)
            (void)uv_async_send(&mailbox->async); /* under the lock: it must not race uv_close */
        mailbox->is_woken = true;
    }
    uv_mutex_unlock(&mailbox->lock);
    if (rc != EIO_OK)
        mail->drop(mail);
    return rc;
}

uint64_t sio_mailbox_dropped(sio_mailbox *mailbox)
{
    uv_mutex_lock(&mailbox->lock);
    uint64_t bytes = mailbox->dropped_bytes;
    uv_mutex_unlock(&mailbox->lock);
    return bytes;
}
