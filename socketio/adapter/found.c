#include "socketio/adapter/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engineio/http.h"
#include "socketio/adapter/opts.h"
#include "socketio/gather.h"
#include "socketio/json_member.h"
#include "socketio/json_scan.h"

/* ---- out ---- */

static void write_headers(sio_writer *to, const sio_socket *socket)
{
    eio_slice name, value;

    sio_write(to, EIO_STR("{"));
    for (size_t i = 0; sio_socket_header_at(socket, i, &name, &value); i++) {
        if (i > 0)
            sio_write(to, EIO_STR(","));
        sio_write_string(to, name);
        sio_write(to, EIO_STR(":"));
        sio_write_string(to, value);
    }
    sio_write(to, EIO_STR("}"));
}

/* As Date's toString() has it where the time zone is UTC. */
static void write_time(sio_writer *to, uint64_t ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[100];

    gmtime_r(&seconds, &tm);
    (void)snprintf(text, sizeof(text),
                   "%.3s %.3s %02d %04d %02d:%02d:%02d GMT+0000 (Coordinated Universal Time)",
                   days + (size_t)tm.tm_wday * 3, months + (size_t)tm.tm_mon * 3, tm.tm_mday,
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    sio_write_string(to, eio_slice_of(text));
}

static void write_decoded(sio_writer *to, eio_slice text)
{
    char *value = malloc(text.len + 1);

    if (value == NULL) {
        to->rc = EIO_E_NOMEM;
        return;
    }
    sio_write_string(to, (eio_slice){ value, eio_query_decode(text, value) });
    free(value);
}

static void write_query(sio_writer *to, eio_slice query)
{
    eio_slice name, value;
    bool is_first = true;

    sio_write(to, EIO_STR("{"));
    while (eio_query_next(&query, &name, &value)) {
        if (!is_first)
            sio_write(to, EIO_STR(","));
        is_first = false;
        write_decoded(to, name);
        sio_write(to, EIO_STR(":"));
        write_decoded(to, value);
    }
    sio_write(to, EIO_STR("}"));
}

static void write_bool(sio_writer *to, bool value)
{
    sio_write(to, value ? EIO_STR("true") : EIO_STR("false"));
}

static void write_handshake(sio_writer *to, const sio_socket *socket)
{
    sio_write(to, EIO_STR("{\"headers\":"));
    write_headers(to, socket);
    sio_write(to, EIO_STR(",\"time\":"));
    write_time(to, sio_socket_issued_ms(socket));
    sio_write(to, EIO_STR(",\"address\":"));
    sio_write_string(to, sio_socket_address(socket));
    sio_write(to, EIO_STR(",\"xdomain\":"));
    write_bool(to, sio_socket_is_xdomain(socket));
    sio_write(to, EIO_STR(",\"secure\":"));
    write_bool(to, sio_socket_is_secure(socket));
    sio_write(to, EIO_STR(",\"issued\":"));
    sio_write_number(to, sio_socket_issued_ms(socket));
    sio_write(to, EIO_STR(",\"url\":"));
    sio_write_string(to, sio_socket_url(socket));
    sio_write(to, EIO_STR(",\"query\":"));
    write_query(to, sio_socket_query(socket));
    sio_write(to, EIO_STR(",\"auth\":"));
    sio_write(to, sio_socket_auth(socket));
    sio_write(to, EIO_STR("}"));
}

void sio_write_found(sio_writer *to, const sio_found_socket *found)
{
    sio_write(to, EIO_STR("{\"id\":"));
    sio_write_string(to, found->id);
    sio_write(to, EIO_STR(",\"handshake\":"));
    if (found->socket != NULL)
        write_handshake(to, found->socket);
    else
        sio_write(to, found->handshake.base == NULL ? EIO_STR("{}") : found->handshake);
    sio_write(to, EIO_STR(",\"rooms\":"));
    sio_write_rooms(to, found->rooms);
    sio_write(to, EIO_STR(",\"data\":"));
    sio_write(to, found->data.base == NULL ? EIO_STR("{}") : found->data);
    sio_write(to, EIO_STR("}"));
}

void sio_write_all_found(sio_writer *to, const sio_found_socket *sockets, size_t count)
{
    sio_write(to, EIO_STR("["));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            sio_write(to, EIO_STR(","));
        sio_write_found(to, &sockets[i]);
    }
    sio_write(to, EIO_STR("]"));
}

/* ---- in ---- */

static int add_one(sio_gather *gather, const sio_wire *wire, eio_slice json)
{
    sio_wire_string id;
    sio_names rooms = { .memory = NULL };
    sio_writer data = { .json = NULL };

    int rc = sio_wire_string_read(&id, sio_json_member(json, EIO_STR("id")));
    if (rc != EIO_OK || id.value.base == NULL)
        return rc;
    rc = sio_names_read(&rooms, sio_json_member(json, EIO_STR("rooms")));
    const eio_slice text = sio_json_member(json, EIO_STR("data"));
    if (text.base != NULL)
        sio_write_plain(&data, text, wire->attachments, wire->attachment_count);
    if (rc == EIO_OK)
        rc = data.rc;
    if (rc == EIO_OK)
        sio_gather_add_socket(
            gather, &(sio_found_socket){ .id = id.value,
                                         .rooms = rooms.rooms,
                                         .handshake = sio_json_member(json, EIO_STR("handshake")),
                                         .data = data.json == NULL ? (eio_slice){ NULL, 0 }
                                                                   : eio_buffer_slice(data.json) });
    sio_writer_fini(&data);
    sio_names_fini(&rooms);
    sio_wire_string_fini(&id);
    return rc;
}

void sio_write_count_wish(sio_writer *to)
{
    sio_write(to, EIO_STR(",\"count\":true"));
}

bool sio_wants_count(eio_slice question)
{
    return eio_slice_equal(sio_json_member(question, EIO_STR("count")), EIO_STR("true"));
}

void sio_write_found_count(sio_writer *to, size_t number)
{
    sio_write(to, EIO_STR(",\"sockets\":[],\"count\":"));
    sio_write_number(to, number);
}

int sio_gather_add_found(sio_gather *gather, const sio_wire *wire, eio_slice answer)
{
    const eio_slice json = sio_json_member(answer, EIO_STR("sockets"));
    uint32_t number;
    size_t max = 1, count = 0;

    if (json.len == 0 || json.base[0] != '[')
        return EIO_E_PROTOCOL;
    if (sio_wire_read_number(&number, sio_json_member(answer, EIO_STR("count"))))
        sio_gather_add_count(gather, number);
    /* Each socket has one brace at least; where they are counted it may be an id alone. */
    for (size_t i = 0; i < json.len; i++)
        max += json.base[i] == '{' || (gather->is_counting && json.base[i] == ',');
    eio_slice *elements = calloc(max, sizeof(*elements));
    if (elements == NULL)
        return EIO_E_NOMEM;
    int rc = sio_json_split(&count, elements, max, json);
    if (rc == EIO_E_LIMIT)
        rc = EIO_E_PROTOCOL;
    if (rc == EIO_OK && gather->is_counting)
        sio_gather_add_count(gather, count);
    for (size_t i = 0; i < count && rc == EIO_OK && !gather->is_counting; i++)
        rc = add_one(gather, wire, elements[i]);
    free(elements);
    return rc;
}
