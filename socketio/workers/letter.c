#include "socketio/workers/letter.h"

#include <stdlib.h>

#include "engineio/net/buffer_private.h"
#include "engineio/sealed.h"

/* ---- copying: the same walk measures first, then writes ---- */

typedef struct packer {
    char *tables; /* NULL: measure */
    char *texts;
    size_t table_bytes;
    size_t text_bytes;
} packer;

static eio_slice pack_text(packer *to, eio_slice from)
{
    eio_slice copy = { to->texts, from.len };

    if (from.base == NULL)
        return from;
    if (to->tables == NULL) {
        to->text_bytes += from.len;
        return from;
    }
    if (from.len > 0)
        memcpy(to->texts, from.base, from.len);
    to->texts += from.len;
    return copy;
}

static const eio_slice *pack_texts(packer *to, const eio_slice *from, size_t count)
{
    eio_slice *copy = (eio_slice *)(void *)to->tables;

    if (to->tables == NULL) {
        to->table_bytes += count * sizeof(eio_slice);
        for (size_t i = 0; i < count; i++)
            (void)pack_text(to, from[i]);
        return from;
    }
    to->tables += count * sizeof(*from);
    for (size_t i = 0; i < count; i++)
        copy[i] = pack_text(to, from[i]);
    return copy;
}

static eio_buffer *const *pack_buffers(packer *to, eio_buffer *const *from, size_t count,
                                       size_t *bytes)
{
    eio_buffer **copy = (eio_buffer **)(void *)to->tables;

    if (to->tables == NULL) {
        to->table_bytes += count * sizeof(eio_buffer *);
        for (size_t i = 0; i < count; i++)
            *bytes += eio_buffer_slice(from[i]).len;
        return from;
    }
    to->tables += count * sizeof(eio_buffer *);
    for (size_t i = 0; i < count; i++) {
        copy[i] = eio_buffer_ref(from[i]);
        eio_packet_seal(copy[i], 0);
    }
    return copy;
}

static void pack(packer *to, sio_letter *letter)
{
    size_t *bytes = &letter->bytes;

    letter->target.rooms.names =
        pack_texts(to, letter->target.rooms.names, letter->target.rooms.count);
    letter->target.except.names =
        pack_texts(to, letter->target.except.names, letter->target.except.count);
    letter->rooms.names = pack_texts(to, letter->rooms.names, letter->rooms.count);
    letter->args.json = pack_texts(to, letter->args.json, letter->args.count);
    letter->args.attachments =
        pack_buffers(to, letter->args.attachments, letter->args.attachment_count, bytes);
    letter->packets.attachments =
        pack_buffers(to, letter->packets.attachments, letter->packets.attachment_count, bytes);
    letter->nsp = pack_text(to, letter->nsp);
    letter->name = pack_text(to, letter->name);
}

sio_letter *sio_letter_new(const sio_letter *draft)
{
    packer measure = { .tables = NULL };
    sio_letter sized = *draft;

    pack(&measure, &sized);
    sio_letter *letter = malloc(sizeof(*letter) + measure.table_bytes + measure.text_bytes);
    if (letter == NULL)
        return NULL;
    packer write = { .tables = (char *)(letter + 1) };
    write.texts = write.tables + measure.table_bytes;
    memcpy(letter, draft, sizeof(*letter));
    pack(&write, letter);
    atomic_init(&letter->refs, 1);
    letter->bytes = sizeof(*letter) + measure.table_bytes + measure.text_bytes + sized.bytes;
    if (draft->packet != NULL) {
        /* Sealed here: that is not for two threads at once. */
        letter->packet = eio_buffer_ref(draft->packet);
        eio_packet_seal(letter->packet, draft->is_binary ? 0 : '4');
        letter->bytes += eio_buffer_slice(letter->packet).len;
    }
    return letter;
}

void sio_letter_unref(sio_letter *letter)
{
    if (atomic_fetch_sub_explicit(&letter->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < letter->args.attachment_count; i++)
        eio_buffer_unref(letter->args.attachments[i]);
    for (size_t i = 0; i < letter->packets.attachment_count; i++)
        eio_buffer_unref(letter->packets.attachments[i]);
    eio_buffer_unref(letter->packet);
    free(letter);
}

/* ---- posting ---- */

typedef struct envelope {
    sio_mail mail;
    sio_letter *letter; /* a reference */
} envelope;

static void read_envelope(sio_mail *mail, void *owner)
{
    envelope *one = (envelope *)mail;
    const sio_worker *worker = owner;

    sio_letter_read(one->letter, &one->letter->family->members[worker->index]);
    sio_letter_unref(one->letter);
    free(one);
}

static void drop_envelope(sio_mail *mail)
{
    envelope *one = (envelope *)mail;

    sio_letter_refuse(one->letter);
    sio_letter_unref(one->letter);
    free(one);
}

int sio_letter_post(sio_letter *letter, unsigned to)
{
    envelope *one = malloc(sizeof(*one));

    if (one == NULL) {
        sio_letter_refuse(letter);
        return EIO_E_NOMEM;
    }
    atomic_fetch_add_explicit(&letter->refs, 1, memory_order_relaxed);
    *one = (envelope){ { NULL, letter->bytes, read_envelope, drop_envelope }, letter };
    return sio_mailbox_post(&letter->family->group->workers[to].mailbox, &one->mail,
                            letter->kind == SIO_LETTER_DELIVER);
}
