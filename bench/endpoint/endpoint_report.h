/* What the endpoint tells: the ladder of a call while it happens, and one report at the end. */
#ifndef BENCH_ENDPOINT_REPORT_H
#define BENCH_ENDPOINT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ENDPOINT_EVENT_LIST(X)                   \
    X(EV_LISTENING, "listening")                 \
    X(EV_SIGNALLING_OPEN, "signalling_open")     \
    X(EV_SETUP, "setup")                         \
    X(EV_PROCEEDING, "proceeding")               \
    X(EV_ALERTING, "alerting")                   \
    X(EV_CONNECT, "connect")                     \
    X(EV_FAST_START, "fast_start")               \
    X(EV_FAST_REFUSED, "fast_refused")           \
    X(EV_H245_OPEN, "h245_open")                 \
    X(EV_CROSSED, "h245_crossed")                \
    X(EV_MSD, "msd")                             \
    X(EV_TCS_IN, "tcs_in")                       \
    X(EV_TCS_ACKED, "tcs_acked")                 \
    X(EV_OLC_OUT, "olc_out")                     \
    X(EV_OLC_IN, "olc_in")                       \
    X(EV_OLC_ACKED, "olc_acked")                 \
    X(EV_OLC_REJECTED, "olc_rejected")           \
    X(EV_OLC_REFUSED, "olc_refused")             \
    X(EV_DTLS_START, "dtls_start")               \
    X(EV_DTLS_DONE, "dtls_done")                 \
    X(EV_DTLS_FAILED, "dtls_failed")             \
    X(EV_DTLS_CLOSED, "dtls_closed")             \
    X(EV_KEYS, "srtp_keys")                      \
    X(EV_FIRST_SENT, "first_packet_sent")        \
    X(EV_FIRST_PACKET, "first_packet")           \
    X(EV_PLAY, "play")                           \
    X(EV_PLAYED, "played")                       \
    X(EV_HEARD, "heard")                         \
    X(EV_KEY, "key")                             \
    X(EV_MODE, "mode")                           \
    X(EV_STREAM, "stream")                       \
    X(EV_VIDEO_OPEN, "video_open")               \
    X(EV_PRESENTATION_OPEN, "presentation_open") \
    X(EV_PRESENTATION, "presentation_source")    \
    X(EV_CAMERA_OPEN, "camera_open")             \
    X(EV_CAMERA, "camera")                       \
    X(EV_TOKEN, "token")                         \
    X(EV_RATE, "rate_limit")                     \
    X(EV_VIDEO_SOURCE, "video_source")           \
    X(EV_DATA_UP, "data_up")                     \
    X(EV_DATA_DONE, "data_done")                 \
    X(EV_DATA_DOWN, "data_down")                 \
    X(EV_FAULT, "fault")                         \
    X(EV_CHANNEL_CLOSED, "channel_closed")       \
    X(EV_HANG_UP, "hang_up")                     \
    X(EV_END_SESSION, "end_session")             \
    X(EV_RELEASED, "released")                   \
    X(EV_CONNECTION_LOST, "connection_lost")     \
    X(EV_PROTOCOL, "protocol_error")

enum endpoint_event {
#define ENDPOINT_EVENT_ENUM(name, text) name,
    ENDPOINT_EVENT_LIST(ENDPOINT_EVENT_ENUM)
#undef ENDPOINT_EVENT_ENUM
        EV_COUNT
};

#define REPORT_EVENTS_MAX 256 /* kept for the report; more are printed only */

struct report_entry {
    enum endpoint_event event;
    uint64_t at_us; /* monotonic, comparable between processes of one machine */
    char detail[96];
};

struct report {
    bool json;
    const char *alias;
    uint64_t start_us;
    struct report_entry entries[REPORT_EVENTS_MAX];
    unsigned count;
    uint64_t first_us[EV_COUNT]; /* 0: never happened */
    char failure[200];           /* first reason why the run is not ok; "" = none */
};

void report_init(struct report *r, bool json, const char *alias);
/* Prints at once and keeps it. `format` may be "". */
void report_event(struct report *r, enum endpoint_event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Keeps the first reason only. */
void report_fail(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool report_has(const struct report *r, enum endpoint_event event);
/* Milliseconds between the first of each, -1 when one of them never happened. */
double report_span_ms(const struct report *r, enum endpoint_event from, enum endpoint_event to);
/* The ladder as an array, new reference. */
json_t *report_ladder(const struct report *r);
/* One line of JSON to stdout; takes over the reference. */
void report_print(json_t *object);
const char *endpoint_event_to_str(enum endpoint_event event);

#endif
