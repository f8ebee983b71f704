#include "engineio/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <uv.h>

const char *eio_strerror(int code)
{
    switch (code) {
    case EIO_OK: return "no error";
#define EIO_ERROR_TEXT(name, value, text)                                                          \
    case EIO_E_##name: return text;
        EIO_ERRORS(EIO_ERROR_TEXT)
#undef EIO_ERROR_TEXT
    default: return code < 0 ? uv_strerror(code) : "not an error";
    }
}

int eio_error_set(eio_error *error, int code, const char *format, ...)
{
    if (error == NULL)
        return code;
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return code;
}
