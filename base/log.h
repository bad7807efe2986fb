/* Structured log: one event, one line, one write(2).
 *
 *     log_info(LOG_AREA_H245, session->id, "channel opened",
 *              LOG_U("channel", number), LOG_ADDR("remote", &remote), LOG_S("codec", name));
 *
 * Text (format LOG_TEXT) or one JSON object a line (LOG_JSON), to standard error unless another
 * sink is set. Messages are constant text, what varies goes into fields. Everything that a peer can
 * choose is escaped: a value can neither start a new line nor forge a field. A line is at most
 * LOG_LINE_MAX bytes; fields that do not fit are left out and the line says "truncated". Any
 * thread; the packet loop of the data plane logs nothing at all. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;

#define LOG_LEVEL_LIST(X)        \
    X(LOG_LEVEL_TRACE, "trace")  \
    X(LOG_LEVEL_DEBUG, "debug")  \
    X(LOG_LEVEL_INFO, "info")    \
    X(LOG_LEVEL_WARN, "warning") \
    X(LOG_LEVEL_ERROR, "error")  \
    X(LOG_LEVEL_OFF, "off")

/* Areas of the program, each with a level of its own. A new area is a new row. */
#define LOG_AREA_LIST(X)                 \
    X(LOG_AREA_MAIN, "main")             \
    X(LOG_AREA_SETTINGS, "settings")     \
    X(LOG_AREA_LINK, "link")             \
    X(LOG_AREA_CRYPTO, "crypto")         \
    X(LOG_AREA_DTLS, "dtls")             \
    X(LOG_AREA_PER, "per")               \
    X(LOG_AREA_H225, "h225")             \
    X(LOG_AREA_H245, "h245")             \
    X(LOG_AREA_H23510, "h23510")         \
    X(LOG_AREA_RAS, "ras")               \
    X(LOG_AREA_SESSION, "session")       \
    X(LOG_AREA_CONFERENCE, "conference") \
    X(LOG_AREA_CONTROL, "control")       \
    X(LOG_AREA_MEDIA, "media")           \
    X(LOG_AREA_DATAPLANE, "dataplane")   \
    X(LOG_AREA_ENDPOINT, "endpoint")     \
    X(LOG_AREA_TEST, "test")

enum log_level {
#define LOG_ENUM(name, text) name,
    LOG_LEVEL_LIST(LOG_ENUM) LOG_LEVEL_COUNT
};

enum log_area {
    LOG_AREA_LIST(LOG_ENUM) LOG_AREA_COUNT
#undef LOG_ENUM
};

enum log_format {
    LOG_TEXT,
    LOG_JSON,
};

#define LOG_LINE_MAX                                                                              \
    4096                   /* = PIPE_BUF: a write of this size to a pipe is not mixed with others \
                            */
#define LOG_VALUE_MAX 1024 /* escaped bytes of one value; what is longer ends with "..." */

enum log_kind {
    LOG_KIND_NONE,
    LOG_KIND_STRING,
    LOG_KIND_BYTES,
    LOG_KIND_HEX,
    LOG_KIND_UINT,
    LOG_KIND_INT,
    LOG_KIND_BOOL,
    LOG_KIND_ADDR,
    LOG_KIND_ERR,
};

struct log_field {
    const char *key; /* constant: lower case letters, digits and "_" */
    enum log_kind kind;
    union {
        struct {
            const void *data;
            size_t size;
        } bytes;
        uint64_t u;
        int64_t i;
        const struct addr *addr;
    } value;
};

/* Fields. Strings are zero-terminated; NULL is written as "" by LOG_S and LOG_N and as "none" by
 * LOG_ADDR. LOG_N: text of known length, LOG_HEX: bytes as hexadecimal, LOG_E: text of an enum err.
 */
#define LOG_S(k, v) \
    ((struct log_field){.key = (k), .kind = LOG_KIND_STRING, .value.bytes.data = (v)})
#define LOG_N(k, v, n) \
    ((struct log_field){.key = (k), .kind = LOG_KIND_BYTES, .value.bytes = {(v), (n)}})
#define LOG_HEX(k, v, n) \
    ((struct log_field){.key = (k), .kind = LOG_KIND_HEX, .value.bytes = {(v), (n)}})
#define LOG_U(k, v) \
    ((struct log_field){.key = (k), .kind = LOG_KIND_UINT, .value.u = (uint64_t)(v)})
#define LOG_I(k, v)    ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .value.i = (int64_t)(v)})
#define LOG_B(k, v)    ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .value.u = (v) ? 1 : 0})
#define LOG_ADDR(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_ADDR, .value.addr = (v)})
#define LOG_E(k, v)    ((struct log_field){.key = (k), .kind = LOG_KIND_ERR, .value.i = (v)})

/* Would a line of this level be written? One relaxed load: cheap enough for any path but packets.
 */
extern _Atomic uint8_t log_levels[LOG_AREA_COUNT];
static inline bool log_is_enabled(enum log_area area, enum log_level level)
{
    return level >= (enum log_level)atomic_load_explicit(&log_levels[area], memory_order_relaxed);
}

/* Writes one line; use the macros below. `session` 0 = no session. The first field is skipped (the
 * macros need it for an empty list). */
void log_write(enum log_area area, enum log_level level, uint64_t session, const char *message,
               const struct log_field *fields, size_t n);

#define log_at(area, level, session, message, ...)                                 \
    do {                                                                           \
        if (log_is_enabled(area, level)) {                                         \
            const struct log_field log_fields_[] = {{.key = NULL}, ##__VA_ARGS__}; \
            log_write(area, level, session, message, log_fields_,                  \
                      sizeof(log_fields_) / sizeof(log_fields_[0]));               \
        }                                                                          \
    } while (0)

/* area, session (0 = none), message, fields ... */
#define log_trace(area, session, ...) log_at(area, LOG_LEVEL_TRACE, session, __VA_ARGS__)
#define log_debug(area, session, ...) log_at(area, LOG_LEVEL_DEBUG, session, __VA_ARGS__)
#define log_info(area, session, ...)  log_at(area, LOG_LEVEL_INFO, session, __VA_ARGS__)
#define log_warn(area, session, ...)  log_at(area, LOG_LEVEL_WARN, session, __VA_ARGS__)
#define log_error(area, session, ...) log_at(area, LOG_LEVEL_ERROR, session, __VA_ARGS__)

/* Rate limit for lines that a peer can cause at will: at most `burst` in every `interval_ms`. Place
 * one per cause (static or per peer); any thread. */
struct log_limit {
    uint32_t burst;
    uint32_t interval_ms;
    _Atomic uint64_t window; /* start of the interval under way, ms + 1; 0 = none yet */
    _Atomic uint32_t used;
    _Atomic uint64_t suppressed; /* since the last line that passed */
};
#define LOG_LIMIT_INIT(burst_, interval_ms_)             \
    {                                                    \
        .burst = (burst_), .interval_ms = (interval_ms_) \
    }

/* May a line pass at `now_ms`? On true *suppressed tells how many did not since the last that did.
 */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint64_t *suppressed);

/* log_at under a limit; a line that follows suppressed ones carries "suppressed": how many. */
#define log_limited(limit, now_ms, area, level, session, message, ...)                        \
    do {                                                                                      \
        uint64_t log_suppressed_;                                                             \
        if (log_is_enabled(area, level) && log_limit_pass(limit, now_ms, &log_suppressed_)) { \
            if (log_suppressed_ != 0)                                                         \
                log_at(area, level, session, message, LOG_U("suppressed", log_suppressed_),   \
                       ##__VA_ARGS__);                                                        \
            else                                                                              \
                log_at(area, level, session, message, ##__VA_ARGS__);                         \
        }                                                                                     \
    } while (0)

/* Configuration; may be changed while others log. Levels start at "info" everywhere. */
void log_set_format(enum log_format format);
void log_set_level(enum log_area area, enum log_level level);
void log_set_level_all(enum log_level level);
enum log_level log_get_level(enum log_area area);

/* Receives each finished line with its "\n"; called under a lock, one line at a time. NULL sets
 * standard error back. The sink must not log. */
typedef void (*log_sink_fn)(void *ctx, const char *line, size_t len);
void log_set_sink(log_sink_fn sink, void *ctx);

/* Lines that standard error did not take: it failed, or its reader is stuck (a line waits 20 ms at
 * most). */
uint64_t log_lost(void);

/* Names; from_str returns ERR_NOTFOUND for an unknown one. */
const char *log_level_to_str(enum log_level level);
const char *log_area_to_str(enum log_area area);
int log_level_from_str(const char *text, enum log_level *out);
int log_area_from_str(const char *text, enum log_area *out);

/* Writes `data` as the inside of a JSON string that is also safe in a terminal: quotes, backslash,
 * control characters (C0, DEL, C1), line separators and direction overrides escaped, bytes that are
 * not UTF-8 replaced by U+FFFD. At most `room` bytes, never a part of an escape; *used = bytes of
 * `data` consumed. Returns the bytes written (no terminating zero). */
size_t log_escape(const void *data, size_t size, char *out, size_t room, size_t *used);

#endif
