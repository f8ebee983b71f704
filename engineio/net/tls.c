#include "engineio/net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <mbedtls/ssl.h>
#include <stdlib.h>

#include "engineio/limits.h"
#include "engineio/net/stream_private.h"
#include "engineio/net/tls_config.h"
#include "engineio/net/tls_failure.h"
#include "engineio/net/tls_identity.h"
#include "engineio/net/tls_library.h"
#include "engineio/net/write_queue.h"

enum { RECORD_BYTES = 16 * 1024, TURN_MS = 1 };

/* Far below what any suite allows under one key (RFC 8446 §5.5: 2^24.5 records): then the peer has to come anew. */
static const uint64_t most_bytes_a_key = (uint64_t)64 << 30;

struct eio_tls_stage {
    eio_stream *stream;     /* borrowed: owns this */
    eio_tls *tls;           /* shared */
    eio_tls_config *config; /* shared */
    eio_tls_gate *gate;     /* borrowed; NULL: a client, or its handshake is over */
    char *server_name;      /* own; of a client */
    mbedtls_ssl_context ssl;
    eio_deadline timeout, turn; /* in the gate's queues */
    const char *at, *end; /* what came and is not decrypted: in the loop's buffer, or in `kept` */
    char *kept;           /* own */
    size_t writing;       /* bytes of a write that has to be repeated with the same; 0: none */
    uint64_t carried;     /* bytes, both ways */
    int failure;          /* mbedTLS's code */
    int lost;             /* the socket's error, which mbedTLS cannot tell */
    int reason; /* the end of the connection, which the owner hears of when it reads again; 0: none */
    bool said_goodbye;
};

/* ---- the gate ---- */

static eio_tls_stage *stage_of_timeout(eio_deadline *deadline)
{
    return (eio_tls_stage *)((char *)deadline - offsetof(eio_tls_stage, timeout));
}

static eio_tls_stage *stage_of_turn(eio_deadline *deadline)
{
    return (eio_tls_stage *)((char *)deadline - offsetof(eio_tls_stage, turn));
}

static void handle_timeout(eio_deadline *deadline)
{
    eio_stream_fail(stage_of_timeout(deadline)->stream, EIO_E_TIMEOUT);
}

static void shake_in_turn(eio_tls_stage *stage);

static void handle_turn(eio_deadline *deadline)
{
    shake_in_turn(stage_of_turn(deadline));
}

void eio_tls_gate_init(eio_tls_gate *gate, eio_loop *loop, const eio_tls *tls,
                       void (*on_room)(eio_tls_gate *))
{
    const eio_tls_options *options = eio_tls_get_options(tls);

    *gate = (eio_tls_gate){ .loop = loop, .most = options->max_handshakes, .on_room = on_room };
    eio_deadline_queue_init(&gate->timeouts, loop, options->handshake_timeout_ms, handle_timeout);
    eio_deadline_queue_init(&gate->turns, loop, TURN_MS, handle_turn);
}

void eio_tls_gate_fini(eio_tls_gate *gate)
{
    assert(gate->open == 0);
    eio_deadline_queue_fini(&gate->timeouts);
    eio_deadline_queue_fini(&gate->turns);
}

static void enter(eio_tls_stage *stage, eio_tls_gate *gate)
{
    stage->gate = gate;
    gate->open++;
    eio_deadline_start(&gate->timeouts, &stage->timeout);
}

static void leave(eio_tls_stage *stage)
{
    eio_tls_gate *gate = stage->gate;

    if (gate == NULL)
        return;
    stage->gate = NULL;
    eio_deadline_stop(&gate->timeouts, &stage->timeout);
    eio_deadline_stop(&gate->turns, &stage->turn);
    if (gate->open-- == gate->most)
        gate->on_room(gate);
}

/* Whether there is time left in this turn for one more step. A client's handshakes are its own doing. */
static bool take_step(eio_tls_stage *stage)
{
    eio_tls_gate *gate = stage->gate;

    if (gate == NULL)
        return true;
    uint64_t now = uv_now(gate->loop->uv);
    if (now != gate->turn_ms)
        gate->steps = 0;
    gate->turn_ms = now;
    if (gate->steps >= EIO_TLS_STEPS_A_TURN)
        return false;
    gate->steps++;
    return true;
}

/* ---- what mbedTLS calls ---- */

static int receive(void *data, unsigned char *out, size_t len)
{
    eio_tls_stage *stage = data;
    size_t there = (size_t)(stage->end - stage->at);

    if (there == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (len > there)
        len = there;
    memcpy(out, stage->at, len);
    stage->at += len;
    return (int)len;
}

static int transmit(void *data, const unsigned char *bytes, size_t len)
{
    eio_tls_stage *stage = data;

    ssize_t sent = eio_stream_send_now(stage->stream, (const char *)bytes, len);
    if (sent == UV_EAGAIN)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    if (sent >= 0)
        return (int)sent;
    stage->lost = (int)sent;
    return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* mbedTLS 2.28 knows no addresses in certificates. */
static int check_address(void *data, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    const eio_tls_stage *stage = data;

    if (depth == 0 && eio_certificate_has_address(certificate, stage->server_name))
        *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
}

static bool waits(int rc)
{
    return rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* Any result but success and waiting is the end (CVE-2025-27810). */
static int note_failure(eio_tls_stage *stage, int rc)
{
    stage->failure = rc;
    if (stage->lost != 0)
        return stage->lost;
    return eio_tls_failure_reason(rc);
}

/* ---- input that waits ---- */

static void drop_input(eio_tls_stage *stage)
{
    free(stage->kept);
    stage->kept = NULL;
    stage->at = stage->end = NULL;
}

/* Before the read buffer is used again: what is left of it is copied, and nothing more is read until that is gone. */
static void keep_input(eio_tls_stage *stage)
{
    eio_stream *stream = stage->stream;
    size_t left = (size_t)(stage->end - stage->at);

    if (left == 0 || stream->state > STREAM_OPEN) {
        drop_input(stage);
    } else if (stage->kept == NULL) {
        stage->kept = malloc(left);
        if (stage->kept == NULL) {
            drop_input(stage);
            eio_stream_fail(stream, EIO_E_NOMEM);
            return;
        }
        memcpy(stage->kept, stage->at, left);
        stage->at = stage->kept;
        stage->end = stage->kept + left;
    }
    stream->resting = stage->kept != NULL || stage->reason != 0;
    eio_stream_update_watch(stream);
}

/* ---- handshake ---- */

static void shake(eio_tls_stage *stage)
{
    int rc = mbedtls_ssl_handshake(&stage->ssl);

    if (waits(rc))
        return;
    if (rc != 0) {
        eio_stream_fail(stage->stream, note_failure(stage, rc));
        return;
    }
    leave(stage);
    eio_stream_shaken(stage->stream);
}

/* ---- reading ---- */

/* The owner hears of the end only when it has got all that came before. */
static void tell_end(eio_tls_stage *stage)
{
    eio_stream *stream = stage->stream;

    if (stage->reason != 0 && stream->state == STREAM_OPEN && !stream->paused &&
        stream->unread == NULL)
        eio_stream_fail(stream, stage->reason);
}

/* Decrypt all that came, to the start of the read buffer, which the input begins behind. */
static size_t decrypt(eio_tls_stage *stage)
{
    unsigned char *out = (unsigned char *)stage->stream->loop->read_buffer;
    size_t len = 0;
    int rc;

    do {
        rc = mbedtls_ssl_read(&stage->ssl, out + len, EIO_READ_BUFFER_BYTES - len);
        if (rc > 0)
            len += (size_t)rc;
    } while (rc > 0 || eio_tls_library_is_notice(rc));
    if (rc == 0 || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        stage->reason = UV_EOF;
    else if (!waits(rc))
        stage->reason = note_failure(stage, rc);
    if (stage->reason != 0)
        stage->at = stage->end; /* nothing counts behind the end */
    return len;
}

static void pump(eio_tls_stage *stage)
{
    eio_stream *stream = stage->stream;
    size_t len = decrypt(stage);

    stage->carried += len;
    if (stage->carried > most_bytes_a_key && stage->reason == 0)
        stage->reason = EIO_E_LIMIT;
    keep_input(stage);
    if (len > 0 && stream->handler != NULL)
        stream->handler->on_read(stream, stream->loop->read_buffer, len, stream->data);
    tell_end(stage);
    if (stage->writing > 0 && stream->state <= STREAM_CLOSING)
        eio_late_add(stream->loop, &stream->late); /* it may have waited for what came */
}

/* Everything that can be done with the input. Each step leaves the stage usable, if only to be freed. */
static void work(eio_tls_stage *stage)
{
    eio_stream *stream = stage->stream;

    if (stream->state == STREAM_SHAKING)
        shake(stage);
    if (stream->state == STREAM_OPEN && stage->at != stage->end && !stream->paused &&
        stream->unread == NULL)
        pump(stage);
    else
        keep_input(stage);
}

static void shake_in_turn(eio_tls_stage *stage)
{
    if (take_step(stage)) {
        work(stage);
        return;
    }
    eio_deadline_start(&stage->gate->turns, &stage->turn);
    keep_input(stage);
}

void eio_tls_take(eio_tls_stage *stage, const char *bytes, size_t len)
{
    assert(stage->kept == NULL); /* reading rests until it is gone */
    stage->at = bytes;
    stage->end = bytes + len;
    if (stage->stream->state == STREAM_SHAKING)
        shake_in_turn(stage);
    else
        work(stage);
}

/* ---- writing ---- */

static int encrypt_queued(eio_tls_stage *stage)
{
    char scratch[RECORD_BYTES];
    eio_stream *stream = stage->stream;

    while (!eio_write_queue_is_empty(stream)) {
        size_t len = stream->queued < RECORD_BYTES ? stream->queued : RECORD_BYTES;
        if (stage->writing > 0)
            len = stage->writing;
        const char *bytes = eio_write_queue_peek(stream, scratch, len);
        int rc = mbedtls_ssl_write(&stage->ssl, (const unsigned char *)bytes, len);
        stage->writing = waits(rc) ? len : 0;
        if (waits(rc))
            return UV_EAGAIN;
        if (rc < 0)
            return note_failure(stage, rc);
        eio_write_queue_consume(stream, (size_t)rc);
        stage->carried += (size_t)rc;
    }
    return EIO_OK;
}

int eio_tls_flush(eio_tls_stage *stage)
{
    const eio_stream *stream = stage->stream;

    if (stream->state <= STREAM_OPEN && !eio_deadline_is_waiting(&stage->turn) &&
        (stream->state == STREAM_SHAKING || stage->kept != NULL))
        work(stage);
    tell_end(stage);
    if (stream->state != STREAM_OPEN && stream->state != STREAM_CLOSING)
        return UV_EAGAIN;
    return encrypt_queued(stage);
}

bool eio_tls_end(eio_tls_stage *stage)
{
    if (!stage->said_goodbye)
        stage->said_goodbye = mbedtls_ssl_close_notify(&stage->ssl) != MBEDTLS_ERR_SSL_WANT_WRITE;
    return stage->said_goodbye;
}

/* ---- the stage ---- */

static int stage_new(eio_tls_stage **out, eio_stream *stream, eio_tls *tls)
{
    eio_tls_stage *stage = calloc(1, sizeof(*stage));
    if (stage == NULL)
        return EIO_E_NOMEM;
    stage->stream = stream;
    stage->tls = eio_tls_ref(tls);
    stage->config = eio_tls_take_config(tls);
    mbedtls_ssl_init(&stage->ssl);
    if (mbedtls_ssl_setup(&stage->ssl, eio_tls_config_get(stage->config)) != 0) {
        eio_tls_free(stage);
        return EIO_E_NOMEM;
    }
    mbedtls_ssl_set_bio(&stage->ssl, stage, transmit, receive, NULL);
    *out = stage;
    return EIO_OK;
}

int eio_tls_accept(eio_stream *stream, eio_tls *tls, eio_tls_gate *gate)
{
    int rc = stage_new(&stream->tls, stream, tls);
    if (rc == EIO_OK)
        enter(stream->tls, gate);
    return rc;
}

int eio_tls_connect(eio_stream *stream, eio_tls *tls, const char *server_name)
{
    eio_tls_stage *stage;

    int rc = stage_new(&stage, stream, tls);
    if (rc != EIO_OK)
        return rc;
    stage->server_name = strdup(server_name);
    if (stage->server_name == NULL || mbedtls_ssl_set_hostname(&stage->ssl, server_name) != 0) {
        eio_tls_free(stage);
        return EIO_E_NOMEM;
    }
    mbedtls_ssl_set_verify(&stage->ssl, check_address, stage);
    stream->tls = stage;
    eio_late_add(stream->loop, &stream->late); /* it is the client that begins */
    return EIO_OK;
}

void eio_tls_adopt(eio_tls_stage *stage, eio_stream *stream)
{
    assert(stage->gate == NULL);
    stage->stream = stream;
}

void eio_tls_stop(eio_tls_stage *stage)
{
    leave(stage);
    drop_input(stage);
}

void eio_tls_free(eio_tls_stage *stage)
{
    if (stage == NULL)
        return;
    leave(stage);
    drop_input(stage);
    mbedtls_ssl_free(&stage->ssl);
    eio_tls_config_unref(stage->config);
    eio_tls_unref(stage->tls);
    free(stage->server_name);
    free(stage);
}

/* ---- for the stream's owner ---- */

bool eio_stream_is_secure(const eio_stream *stream)
{
    return stream->tls != NULL;
}

size_t eio_stream_tls_failure(const eio_stream *stream, char *out, size_t size)
{
    const eio_tls_stage *stage = stream->tls;

    out[0] = '\0';
    if (stage == NULL || stage->failure == 0 || stage->lost != 0)
        return 0;
    return eio_tls_failure_text(out, size, stage->failure,
                                mbedtls_ssl_get_verify_result(&stage->ssl), stage->server_name);
}
