/* One call from Setup to ReleaseComplete: H.225.0 on its connection, and the order of things. */
#ifndef BENCH_ENDPOINT_CALL_H
#define BENCH_ENDPOINT_CALL_H

#include <stdbool.h>
#include <uv.h>

#include "bench/endpoint/endpoint_commands.h"
#include "bench/endpoint/endpoint_h245.h"
#include "bench/endpoint/endpoint_media.h"
#include "bench/endpoint/endpoint_options.h"
#include "bench/endpoint/endpoint_report.h"
#include "bench/endpoint/endpoint_wire.h"
#include "signalling/h225/call.h"

/* Caller's storage; alive until the loop has run to its end. Members may be read. */
struct call {
    const struct endpoint_options *options;
    struct report *report;
    uv_loop_t *loop;
    struct dtls_identity *identity, *other_identity;
    struct endpoint_tls *tls; /* NULL: in the clear */
    struct wire wire;
    struct wire_listener listener;
    struct h225_call *h225;
    struct leg leg;
    struct commands commands;
    struct addr h245_at; /* told in a Facility behind Connect; ADDR_NONE: not so */
    struct media media;
    uv_timer_t timer, limit, second, data_until;
    bool is_caller, is_connected, is_hanging_up, is_over, was_done;
    bool by_peer; /* the peer released */
    unsigned cause;
    enum h225_reason reason;
};

/* Prepares everything and starts: calls, or listens. */
int call_start(struct call *c, uv_loop_t *loop, const struct endpoint_options *options,
               struct report *report);
/* The answer to the offer of --sdp, a JSON string. ERR_INVAL, ERR_STATE; ERR_MALFORMED with an
 * event that says why. */
int call_take_answer(struct call *c, const char *json);
/* Theirs, in the place of our own; the event sdp_answer has our answer. */
int call_take_offer(struct call *c, const char *json);
/* Ends the call in order; a second time without waiting for answers. */
void call_hang_up(struct call *c, const char *why);
/* After the loop has ended. */
void call_fini(struct call *c);
/* Did it do what was asked for? Otherwise the report has the reason. */
bool call_is_ok(struct call *c);
/* The whole report, new reference. */
json_t *call_report(struct call *c);

#endif
