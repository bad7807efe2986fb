/* Error codes of the control path.
 *
 * Every function that can fail returns 0 or one of these (all negative); results go through the
 * last out-parameter and are written only on success. The data path counts instead (see habits:
 * a drop is a named counter, never a code that somebody may forget to look at). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_LIST(X)                                    \
    X(ERR_NOMEM, -1, "out of memory")                  \
    X(ERR_INVAL, -2, "invalid argument")               \
    X(ERR_STATE, -3, "not allowed in this state")      \
    X(ERR_TRUNCATED, -4, "input ends too early")       \
    X(ERR_MALFORMED, -5, "malformed input")            \
    X(ERR_RANGE, -6, "value out of range")             \
    X(ERR_LIMIT, -7, "configured limit reached")       \
    X(ERR_NOTFOUND, -8, "not found")                   \
    X(ERR_EXISTS, -9, "exists already")                \
    X(ERR_UNSUPPORTED, -10, "not supported")           \
    X(ERR_REFUSED, -11, "refused by policy or peer")   \
    X(ERR_TIMEOUT, -12, "timed out")                   \
    X(ERR_CLOSED, -13, "closed")                       \
    X(ERR_IO, -14, "input/output error")               \
    X(ERR_AGAIN, -15, "no room now, try again")        \
    X(ERR_CRYPTO, -16, "cryptographic library failed") \
    X(ERR_AUTH, -17, "authentication failed")          \
    X(ERR_REPLAY, -18, "replayed or too old")          \
    X(ERR_VERSION, -19, "version mismatch")

enum err {
    ERR_OK = 0,
#define ERR_ENUM(name, value, text) name = (value),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* Text of a code for people ("unknown error" for a foreign one). Static storage, any thread. */
const char *err_to_str(int code);

#endif
