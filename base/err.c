/* Texts of the error codes, made from the list that makes the enum: none can lack its text. */
#include "base/err.h"

const char *err_to_str(int code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
#define ERR_TEXT(name, value, text) \
    case name:                      \
        return text;
        ERR_LIST(ERR_TEXT)
#undef ERR_TEXT
    default:
        return "unknown error";
    }
}
