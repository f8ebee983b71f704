/* Error codes and their texts, for every function of libengineio and libsocketio. */
#ifndef ENGINEIO_ERROR_H
#define ENGINEIO_ERROR_H

#if defined(__GNUC__)
#define EIO_API __attribute__((visibility("default")))
#define EIO_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define EIO_API
#define EIO_PRINTF(format_index, first)
#endif
/* Exported for libsocketio only, which is built from the same tree: no promise to anybody else. */
#define EIO_PRIVATE EIO_API

/* clang-format off */
#define EIO_ERRORS(X)                                                                  \
    X(CLOSED,      -10001, "already closed, or closing")                               \
    X(BACKLOG,     -10002, "the peer does not read: output limit reached, closing")    \
    X(NOMEM,       -10003, "out of memory")                                            \
    X(TOO_BIG,     -10004, "larger than the limit")                                    \
    X(STATE,       -10005, "not possible in this state")                               \
    X(INVALID,     -10006, "invalid argument")                                         \
    X(LIMIT,       -10007, "limit on their number reached")                            \
    X(TIMEOUT,     -10008, "operation has timed out")                                  \
    X(NOT_FOUND,   -10009, "not found")                                                \
    X(EXISTS,      -10010, "exists already")                                           \
    X(PROTOCOL,    -10011, "the peer breaks the protocol")                             \
    X(UTF8,        -10012, "text that is not UTF-8")                                   \
    X(RESERVED,    -10013, "a reserved event name")                                    \
    X(UNAVAILABLE, -10014, "the service is not connected")                             \
    X(AUTH,        -10015, "authentication refused")                                   \
    X(REPLY,       -10016, "the server answered with an error")                        \
    X(RANDOM,      -10017, "the system's random source failed")                        \
    X(UNSUPPORTED, -10018, "not supported by this build")                              \
    X(TLS,         -10019, "the TLS connection failed")                                \
    X(CERTIFICATE, -10020, "certificate not accepted")
/* clang-format on */

typedef enum eio_code {
    EIO_OK = 0,
#define EIO_ERROR_MEMBER(name, value, text) EIO_E_##name = (value),
    EIO_ERRORS(EIO_ERROR_MEMBER)
#undef EIO_ERROR_MEMBER
} eio_code;

/** Filled by set-up calls that fail: one line that names the file, host or option, and its limit. */
typedef struct eio_error {
    int code;       /**< what the call returned */
    char text[256]; /**< NUL-terminated, no line end */
} eio_error;

/**
 * The text of an error: one of ours, or libuv's.
 *
 * @param code  any return value of this library
 * @return a text that lives for ever
 * @note Any thread.
 */
EIO_API const char *eio_strerror(int code);

/**
 * Fill an error and return its code, so that a failing set-up call ends in one line.
 *
 * @param error   may be NULL
 * @param code    the code to keep and return
 * @param format  as printf's; the text is cut at 255 bytes
 * @return code
 * @note Any thread.
 */
EIO_API int eio_error_set(eio_error *error, int code, const char *format, ...) EIO_PRINTF(3, 4);

#endif
