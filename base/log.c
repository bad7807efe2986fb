/* The log: lines are built on the caller's stack without a lock, only the write is serialised.
 * Nothing here allocates, so that "out of memory" can still be said. */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"

/* Read by every log macro of every thread before it evaluates its fields: an atomic byte without a
 * lock is all that a switched-off line costs. */
_Atomic uint8_t log_levels[LOG_AREA_COUNT] = {[0 ... LOG_AREA_COUNT - 1] = LOG_LEVEL_INFO};

static _Atomic int log_format_now = LOG_TEXT;
/* neither standard error nor the log could say so: a metric does */
static _Atomic uint64_t lines_lost;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static log_sink_fn sink_now;
static void *sink_ctx;

static const char *const level_names[] = {
#define LOG_NAME(name, text) [name] = (text),
    LOG_LEVEL_LIST(LOG_NAME)};
static const char *const area_names[] = {LOG_AREA_LIST(LOG_NAME)};
#undef LOG_NAME

/* A line under construction. `size` leaves room for the tail, so that closing never fails. */
struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    size_t size; /* room for text; the tail fits behind it always */
    bool is_json;
    bool is_full; /* something was left out */
};

/* Long enough for a reader that is busy, short enough that no timer of a call notices. */
#define STUCK_MS  20 /* longest wait for standard error */
#define TAIL_JSON ",\"truncated\":true}\n"
#define TAIL_TEXT " truncated=true\n"

static void put(struct line *l, const char *text, size_t n)
{
    if (l->is_full || n > l->size - l->len) {
        /* Sticky: had a shorter later field fitted, the line would look complete in the wrong
         * place. */
        l->is_full = true;
        return;
    }
    memcpy(l->text + l->len, text, n);
    l->len += n;
}

static void put_str(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* A length of UTF-8 that is whole, shortest form, no surrogate; 0 when it is not. */
static size_t utf8_length(const uint8_t *p, size_t left, uint32_t *code)
{
    /* Overlong forms ("/" as C0 AF) pass filters that look at bytes: only the shortest counts. */
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    /* 0xf8 and beyond: five and six bytes are no UTF-8 since RFC 3629 */
    if (n == 4 && (p[0] & 0xf8) != 0xf0)
        return 0;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return n;
}

/* Characters that move the cursor, end a line for some viewer, or reorder what people read. */
static bool is_deceptive(uint32_t c)
{
    /* C0, DEL and C1 (terminals obey them), line and paragraph separators, the embedding, override
     * and isolate marks of bidirectional text, the byte-order mark: with any of them a peer's alias
     * could show an operator another line than was logged. */
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0xfeff;
}

static size_t escape_code(uint32_t c, char out[8])
{
    switch (c) {
    case '"':
        return (size_t)sprintf(out, "\\\"");
    case '\\':
        return (size_t)sprintf(out, "\\\\");
    case '\n':
        return (size_t)sprintf(out, "\\n");
    case '\r':
        return (size_t)sprintf(out, "\\r");
    case '\t':
        return (size_t)sprintf(out, "\\t");
    default:
        /* All that get here lie in the basic plane (see is_deceptive), so that four digits are
         * enough. */
        return (size_t)snprintf(out, 8, "\\u%04x", c & 0xffff);
    }
}

size_t log_escape(const void *data, size_t size, char *out, size_t room, size_t *used)
{
    const uint8_t *p = data;
    size_t len = 0, at = 0;
    while (at < size) {
        char unit[8];
        uint32_t c = 0;
        size_t in = utf8_length(p + at, size - at, &c), n;
        if (in == 0) {
            /* One byte at a time: after a broken sequence the next byte may begin a good character,
             * and swallowing it would hide what the peer sent. */
            in = 1;
            n = (size_t)sprintf(unit, "\\ufffd");
        } else if (c == '"' || c == '\\' || is_deceptive(c)) {
            n = escape_code(c, unit);
        } else {
            memcpy(unit, p + at, in);
            n = in;
        }
        if (n > room - len) /* whole characters only: a cut one would be broken UTF-8 */
            break;
        memcpy(out + len, unit, n);
        len += n;
        at += in;
    }
    *used = at;
    return len;
}

/* Text needs no quotes around words of this kind. */
static bool is_plain_word(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '"' || p[i] == '=' || p[i] == '\\')
            return false; /* '=' and blanks end a field for those who split lines */
    return n > 0 && n <= LOG_VALUE_MAX;
}

static void put_text(struct line *l, const void *data, size_t n)
{
    char buf[LOG_VALUE_MAX];
    size_t used, len;
    if (!l->is_json && is_plain_word(data, n)) {
        put(l, data, n);
        return;
    }
    len = log_escape(data, n, buf, sizeof(buf), &used);
    put(l, "\"", 1);
    put(l, buf, len);
    if (used < n)
        put_str(l, "...");
    put(l, "\"", 1);
}

static void put_hex(struct line *l, const uint8_t *data, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    /* two digits a byte; what a peer sends has no say in the length */
    size_t shown = n < LOG_VALUE_MAX / 2 ? n : LOG_VALUE_MAX / 2;
    char buf[LOG_VALUE_MAX + 3];
    size_t len = 0;
    for (size_t i = 0; i < shown; i++) {
        buf[len++] = digits[data[i] >> 4];
        buf[len++] = digits[data[i] & 15];
    }
    if (shown < n) {
        memcpy(buf + len, "...", 3);
        len += 3;
    }
    put_text(l, buf, len);
}

static void put_value(struct line *l, const struct log_field *f)
{
    char buf[ADDR_TEXT_MAX];
    const char *text = buf;
    switch (f->kind) {
    case LOG_KIND_STRING:
        text = f->value.bytes.data != NULL ? f->value.bytes.data : "";
        put_text(l, text, strlen(text));
        return;
    case LOG_KIND_BYTES:
        put_text(l, f->value.bytes.data != NULL ? f->value.bytes.data : "",
                 f->value.bytes.data != NULL ? f->value.bytes.size : 0);
        return;
    case LOG_KIND_HEX:
        put_hex(l, f->value.bytes.data, f->value.bytes.data != NULL ? f->value.bytes.size : 0);
        return;
    case LOG_KIND_ADDR:
        text = f->value.addr != NULL ? addr_format(f->value.addr, buf) : "none";
        put_text(l, text, strlen(text));
        return;
    case LOG_KIND_ERR:
        text = err_to_str((int)f->value.i);
        put_text(l, text, strlen(text));
        return;
    case LOG_KIND_UINT:
        snprintf(buf, sizeof(buf), "%" PRIu64, f->value.u);
        break;
    case LOG_KIND_INT:
        snprintf(buf, sizeof(buf), "%" PRId64, f->value.i);
        break;
    case LOG_KIND_BOOL:
        text = f->value.u != 0 ? "true" : "false";
        break;
    default: /* a kind from a newer header: still valid JSON */
        text = "null";
        break;
    }
    put_str(l, text);
}

/* A field is written whole or not at all: half of one would break the JSON. */
static void put_field(struct line *l, const struct log_field *f)
{
    size_t start = l->len;
    if (l->is_json) {
        put_str(l, ",\"");
        put_str(l, f->key);
        put_str(l, "\":");
    } else {
        put(l, " ", 1);
        put_str(l, f->key);
        put(l, "=", 1);
    }
    put_value(l, f);
    /* Back to before the key; the tail then says that something is missing. */
    if (l->is_full)
        l->len = start;
}

static void put_head(struct line *l, enum log_area area, enum log_level level, uint64_t session,
                     const char *message)
{
    char time[CLOCK_TEXT_MAX], head[128];
    /* The wall clock, not the monotonic one: lines are compared with those of other machines. */
    clock_wall_format(clock_wall_us(), time);
    if (l->is_json) {
        snprintf(head, sizeof(head), "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\"", time,
                 log_level_to_str(level), log_area_to_str(area));
        put_str(l, head);
        if (session != 0)
            put_field(l, &LOG_U("session", session));
        put_field(l, &LOG_S("message", message));
        return;
    }
    snprintf(head, sizeof(head), "%s %-7s %-10s ", time, log_level_to_str(level),
             log_area_to_str(area));
    put_str(l, head);
    if (session != 0) {
        snprintf(head, sizeof(head), "session=%" PRIu64 " ", session);
        put_str(l, head);
    }
    put_str(l, message);
}

/* A reader that is stuck must not stop calls: a line waits for room for a moment, and once one was
 * lost the next ones do not wait at all until there is room again. Called under the lock. */
static void write_stderr(const char *text, size_t len)
{
    static bool is_stuck; /* under the lock: no atomic needed */
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n = -1;
    /* A pipe that is full would block write() for as long as its reader pleases, with the lock
     * held: all threads would stop at their next line. */
    if (poll(&fd, 1, is_stuck ? 0 : STUCK_MS) != 0) {
        /* A line of at most LOG_LINE_MAX is written in one piece by the kernel up to PIPE_BUF; a
         * part of one that came through is counted as lost, not completed: a second write could
         * interleave. */
        do {
            n = write(STDERR_FILENO, text, len);
        } while (n < 0 && errno == EINTR);
    }
    is_stuck = n < 0;
    if (n < 0 || (size_t)n != len)
        atomic_fetch_add_explicit(&lines_lost, 1, memory_order_relaxed);
}

void log_write(enum log_area area, enum log_level level, uint64_t session, const char *message,
               const struct log_field *fields, size_t n)
{
    struct line l;
    l.len = 0;
    l.size = sizeof(l.text) - sizeof(TAIL_JSON);
    /* Read once: a format that changes under way must not give half a line of each. */
    l.is_json = atomic_load_explicit(&log_format_now, memory_order_relaxed) == LOG_JSON;
    l.is_full = false;
    put_head(&l, area, level, session, message);
    /* field 0 is the macro's filler for an empty list */
    for (size_t i = 1; i < n && !l.is_full; i++)
        put_field(&l, &fields[i]);

    const char *tail = l.is_json ? "}\n" : "\n";
    if (l.is_full)
        tail = l.is_json ? TAIL_JSON : TAIL_TEXT;
    memcpy(l.text + l.len, tail, strlen(tail));
    l.len += strlen(tail);

    pthread_mutex_lock(&sink_lock);
    if (sink_now != NULL)
        sink_now(sink_ctx, l.text, l.len);
    else
        write_stderr(l.text, l.len);
    pthread_mutex_unlock(&sink_lock);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint64_t *suppressed)
{
    uint64_t window = atomic_load_explicit(&limit->window, memory_order_relaxed);
    /* 0 marks a limit that was never used; hence windows are kept as their start plus one. */
    if (window == 0 || now_ms + 1 - window >= limit->interval_ms) {
        /* whoever loses this race counts against the winner's new window */
        if (atomic_compare_exchange_strong(&limit->window, &window, now_ms + 1))
            atomic_store(&limit->used, 0);
    }
    if (atomic_fetch_add(&limit->used, 1) >= limit->burst) {
        /* Taken back, or a flood of more than 2^32 lines in a window would wrap around to
         * permission. */
        atomic_fetch_sub(&limit->used, 1);
        atomic_fetch_add(&limit->suppressed, 1);
        return false;
    }
    /* The count goes to the line that passes, so that what was left out is said once. */
    *suppressed = atomic_exchange(&limit->suppressed, 0);
    return true;
}

void log_set_format(enum log_format format)
{
    atomic_store(&log_format_now, (int)format);
}

void log_set_level(enum log_area area, enum log_level level)
{
    atomic_store(&log_levels[area], (uint8_t)level);
}

void log_set_level_all(enum log_level level)
{
    for (int area = 0; area < LOG_AREA_COUNT; area++)
        log_set_level((enum log_area)area, level);
}

enum log_level log_get_level(enum log_area area)
{
    return (enum log_level)atomic_load(&log_levels[area]);
}

/* Under the lock that writers hold across the call: when this returns, nobody is inside the old
 * sink any more and its ctx may be freed. */
void log_set_sink(log_sink_fn sink, void *ctx)
{
    pthread_mutex_lock(&sink_lock);
    sink_now = sink;
    sink_ctx = ctx;
    pthread_mutex_unlock(&sink_lock);
}

uint64_t log_lost(void)
{
    return atomic_load(&lines_lost);
}

const char *log_level_to_str(enum log_level level)
{
    return (unsigned)level < LOG_LEVEL_COUNT ? level_names[level] : "unknown";
}

const char *log_area_to_str(enum log_area area)
{
    return (unsigned)area < LOG_AREA_COUNT ? area_names[area] : "unknown";
}

int log_level_from_str(const char *text, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(level_names[i], text) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

int log_area_from_str(const char *text, enum log_area *out)
{
    for (int i = 0; i < LOG_AREA_COUNT; i++) {
        if (strcmp(area_names[i], text) == 0) {
            *out = (enum log_area)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}
