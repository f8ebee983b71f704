/* A decoded packet, or why there is none, as one line of text; and lines of text as frames. */
#ifndef TESTS_UNIT_SOCKETIO_DESCRIBE_PACKET_H
#define TESTS_UNIT_SOCKETIO_DESCRIBE_PACKET_H

#include <stdio.h>
#include <stdlib.h>

#include "socketio/packet.h"

static inline void describe_bytes(FILE *out, eio_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.base[i];
        if (c < ' ' || c == '\\' || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            putc(c, out);
    }
}

static inline void describe_packet(FILE *out, const sio_packet *packet)
{
    static const char *const types[] = { "CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR" };

    fprintf(out, "%s nsp=", types[packet->type]);
    describe_bytes(out, packet->nsp);
    if (packet->has_id)
        fprintf(out, " id=%llu", (unsigned long long)packet->id);
    if (packet->name.base != NULL) {
        fputs(" name=", out);
        describe_bytes(out, packet->name);
    }
    if (packet->payload.base == NULL)
        fputs(" no payload", out);
    else if (packet->args.json == NULL) {
        fputs(" payload=", out);
        describe_bytes(out, packet->payload);
    }
    for (size_t i = 0; i < packet->args.count; i++) {
        fputs(" arg=", out);
        describe_bytes(out, packet->args.json[i]);
    }
    for (size_t i = 0; i < packet->args.attachment_count; i++) {
        eio_slice bytes = eio_buffer_slice(packet->args.attachments[i]);
        fputs(" attachment=", out);
        for (size_t n = 0; n < bytes.len; n++)
            fprintf(out, "%02x", (unsigned char)bytes.base[n]);
    }
}

/* Undo \xNN, in place. The new length. */
static inline size_t unescape_frame(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0';) {
        unsigned c;
        if (at[0] == '\\' && at[1] == 'x' && sscanf(at + 2, "%2x", &c) == 1) {
            *to++ = (char)c;
            at += 4;
        } else {
            *to++ = *at++;
        }
    }
    return (size_t)(to - text);
}

/*
 * Feed frames, with ␞ between them: text as it is, bytes after a ␀. What each gave, as new text; the
 * frames are changed.
 */
static inline char *describe_frames(sio_decoder *decoder, char *frames)
{
    static const char separator[] = "\xe2\x90\x9e", binary[] = "\xe2\x90\x80";
    sio_reassembly *pending = NULL;
    sio_decode_result result = SIO_DECODE_FAULT;
    char *text = NULL;
    size_t text_len;
    FILE *out = open_memstream(&text, &text_len);

    for (char *next; frames != NULL; frames = next) {
        sio_packet packet;
        next = strstr(frames, separator);
        if (next != NULL) {
            *next = '\0';
            next += 3;
        }
        bool bytes = strncmp(frames, binary, 3) == 0;
        if (bytes)
            frames += 3;
        eio_slice frame = { frames, unescape_frame(frames) };
        result = bytes ? sio_decode_binary(&packet, decoder, &pending, frame)
                       : sio_decode_text(&packet, decoder, &pending, frame);
        if (result == SIO_DECODE_FAULT) {
            fprintf(out, "fault: %s", decoder->fault);
            break;
        }
        if (result == SIO_DECODE_PACKET) {
            describe_packet(out, &packet);
            sio_packet_fini(&packet);
        }
        if (next != NULL)
            fputs(result == SIO_DECODE_PENDING ? "" : "; ", out);
    }
    if (result == SIO_DECODE_PENDING)
        fputs("pending", out);
    sio_reassembly_free(pending);
    fclose(out);
    return text;
}

#endif
