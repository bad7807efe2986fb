#include "bench/endpoint/endpoint_call.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "bench/endpoint/endpoint_cross.h"
#include "bench/endpoint/endpoint_sdp.h"

#define PEER_RELEASE_MS 1000 /* from its endSession to its ReleaseComplete */
#define HANG_UP_MS      3000 /* for the peer's answers; then the connections are closed */

static void arm(struct call *c);

static bool has_fault(const struct call *c, enum endpoint_fault fault)
{
    return FAULT_IS_SET(c->options->faults, fault);
}

/* Everything is closed; the loop ends when the handles have gone. */
static void finish(struct call *c)
{
    if (c->is_over)
        return;
    c->is_over = true;
    commands_stop(&c->commands);
    media_close(&c->media);
    leg_close(&c->leg);
    wire_close(&c->wire);
    wire_listener_close(&c->listener);
    uv_close((uv_handle_t *)&c->timer, NULL);
    uv_close((uv_handle_t *)&c->limit, NULL);
    uv_close((uv_handle_t *)&c->second, NULL);
    uv_close((uv_handle_t *)&c->data_until, NULL);
}

static void release(struct call *c)
{
    enum h225_reason reason = c->report->failure[0] ? H225_REASON_UNDEFINED : H225_REASON_NORMAL;
    if (c->is_over)
        return;
    if (c->options->sdp) { /* whoever carried the description says that it is over */
        finish(c);
        return;
    }
    if (h225_call_release(c->h225, reason, clock_mono_ms()) != 0)
        finish(c); /* there is no call to release */
}

static void on_hang_up_limit(uv_timer_t *timer)
{
    struct call *c = timer->data;
    report_event(c->report, EV_PROTOCOL, "%s", "no answer while hanging up");
    release(c);
    finish(c);
}

void call_hang_up(struct call *c, const char *why)
{
    if (c->is_over)
        return;
    if (c->is_hanging_up) {
        finish(c);
        return;
    }
    c->is_hanging_up = true;
    report_event(c->report, EV_HANG_UP, "%s", why);
    uv_timer_start(&c->limit, on_hang_up_limit, HANG_UP_MS, 0);
    if (c->leg.is_started || c->leg.fast.state == FAST_TAKEN)
        leg_end(&c->leg); /* release follows in on_leg_ended */
    else
        release(c);
}

/* --- from below ---------------------------------------------------------------------------- */

static void on_leg_ended(void *arg, bool peer_releases)
{
    struct call *c = arg;
    if (c->is_over || h225_call_state(c->h225) == H225_STATE_RELEASED)
        return;
    if (c->wire.is_closing) { /* nobody left to say it to */
        finish(c);
        return;
    }
    /* Who said endSession first says ReleaseComplete too, and with it why. */
    if (peer_releases && !c->is_hanging_up) {
        c->is_hanging_up = true;
        uv_timer_start(&c->limit, on_hang_up_limit, PEER_RELEASE_MS, 0);
        return;
    }
    release(c);
}

/* The connection goes without a word. */
static void call_hang_up_rudely(struct call *c)
{
    report_event(c->report, EV_HANG_UP, "%s", "gone while ringing");
    h225_call_lost(c->h225, clock_mono_ms());
    finish(c);
}

static void on_leg_failed(void *arg, const char *why)
{
    call_hang_up(arg, why);
}

static void on_leg_send(void *arg, const uint8_t *pdu, size_t len)
{
    struct call *c = arg;
    h225_call_send_h245(c->h225, pdu, len);
}

static const struct leg_ops leg_callbacks = {on_leg_ended, on_leg_failed, on_leg_send};

static void on_media_done(void *arg)
{
    struct call *c = arg;
    c->was_done = true;
    if (!c->options->stay)
        call_hang_up(c, "played and heard");
}

static void on_media_failed(void *arg, const char *what)
{
    struct call *c = arg;
    report_fail(c->report, "DTLS: %s", what);
    call_hang_up(c, what);
}

static void on_media_flowing(void *arg)
{
    struct call *c = arg;
    if (has_fault(c, FAULT_DROP_H245)) {
        leg_drop(&c->leg);
    } else if (has_fault(c, FAULT_DROP_H225)) {
        report_event(c->report, EV_FAULT, "%s", endpoint_fault_to_str(FAULT_DROP_H225));
        wire_close(&c->wire);
    }
}

static void on_media_clock(void *arg, unsigned ms)
{
    struct call *c = arg;
    leg_on_clock(&c->leg, ms);
}

static void on_data_until(uv_timer_t *timer)
{
    struct call *c = timer->data;
    leg_data_close(&c->leg);
}

static void on_media_data_up(void *arg)
{
    struct call *c = arg;
    if (c->options->data.until_ms && !c->is_over)
        uv_timer_start(&c->data_until, on_data_until, c->options->data.until_ms, 0);
}

static void on_media_key(void *arg, char key)
{
    struct call *c = arg;
    leg_press(&c->leg, key);
}

static const struct media_ops media_callbacks = {on_media_done,  on_media_failed,  on_media_flowing,
                                                 on_media_clock, on_media_data_up, on_media_key};

/* --- H.225.0 ------------------------------------------------------------------------------- */

static void on_call_send(void *arg, const uint8_t *message, size_t len)
{
    struct call *c = arg;
    wire_send(&c->wire, message, len);
}

static void tunnel(struct call *c)
{
    struct addr local;
    if (wire_local(&c->wire, &local) == 0)
        leg_tunnel(&c->leg, &local);
    else
        call_hang_up(c, "no local address");
}

static void on_h245_pdu(void *arg, const uint8_t *pdu, size_t len)
{
    struct call *c = arg;
    if (!c->leg.is_started)
        tunnel(c); /* the peer begins with H.245 after fast connect: we say ours first */
    leg_input(&c->leg, pdu, len);
}

/* The peer listens, and is asked to connect to us as well. */
static void cross(struct call *c, const struct h225_answer *answer)
{
    struct addr at, local;
    if (c->leg.is_started || answer->type != Q931_CONNECT)
        return;
    int rc = wire_local(&c->wire, &local);
    if (rc == 0)
        rc = cross_begin(&c->leg, &local, &answer->h245_address, &at);
    if (rc == 0)
        rc = h225_call_start_h245(c->h225, &at, clock_mono_ms());
    if (rc)
        call_hang_up(c, err_to_str(rc));
}

/* While the answer to fast connect is open, H.245 waits: begun by us it would take the proposals
 * back (H.323 8.1.7). */
static void use_h245_address(struct call *c, const struct h225_answer *answer)
{
    fast_on_answer(&c->leg, answer);
    if (c->leg.fast.state == FAST_OFFERED ||
        (c->leg.fast.state == FAST_TAKEN && c->options->no_h245) || c->is_over)
        return;
    c->leg.tls = answer->h245_tls ? c->tls : NULL;
    if (answer->h245_address.family == ADDR_NONE)
        return;
    if (c->options->h245 == ENDPOINT_H245_CROSS)
        cross(c, answer);
    else
        leg_connect(&c->leg, &answer->h245_address);
}

static void on_proceeding(void *arg, const struct h225_answer *answer)
{
    struct call *c = arg;
    report_event(c->report, EV_PROCEEDING, "%s", "");
    use_h245_address(c, answer);
}

static void on_alerting(void *arg, const struct h225_answer *answer)
{
    struct call *c = arg;
    report_event(c->report, EV_ALERTING, "%s", "");
    use_h245_address(c, answer);
}

static void on_duration(uv_timer_t *timer)
{
    call_hang_up(timer->data, "duration is over");
}

static void on_second(uv_timer_t *timer)
{
    struct call *c = timer->data;
    json_t *stats = media_stats(&c->media);
    if (c->options->json) {
        report_print(stats);
        return;
    }
    printf("            statistics: %llu packets out, %llu in, %llu lost\n",
           (unsigned long long)c->media.counters.packets_out,
           (unsigned long long)c->media.counters.packets_in,
           (unsigned long long)rtp_lost(&c->media.reception));
    fflush(stdout);
    json_decref(stats);
}

static void connected(struct call *c, const char *with)
{
    report_event(c->report, EV_CONNECT, "%.80s", with);
    c->is_connected = true;
    if (c->options->duration_s)
        uv_timer_start(&c->limit, on_duration, c->options->duration_s * 1000ull, 0);
    if (c->options->stats)
        uv_timer_start(&c->second, on_second, 1000, 1000);
}

static void on_connect(void *arg, const struct h225_answer *answer)
{
    struct call *c = arg;
    connected(c, answer->product);
    if (!answer->tunnelling) {
        use_h245_address(c, answer);
        return;
    }
    fast_on_answer(&c->leg, answer);
    if (c->leg.fast.state != FAST_TAKEN || !c->options->no_h245)
        tunnel(c);
}

static void on_start_h245(void *arg, const struct addr *address)
{
    struct call *c = arg;
    leg_connect(&c->leg, address);
}

/* Fast connect's answer stands in the message that the options name and in those behind it. */
static int answer_fast_start(struct call *c, const struct h225_setup *setup)
{
    struct h225_octets list[2];
    struct addr local;
    if (setup->fast_start_count == 0)
        return 0;
    if (wire_local(&c->wire, &local) == 0)
        leg_use_address(&c->leg, &local);
    if (!c->options->fast_start || !fast_accept(&c->leg, setup, list)) {
        h225_call_refuse_fast_connect(c->h225, true);
        return 0;
    }
    h225_call_fast_start_from(c->h225, c->options->fast_answer);
    return h225_call_set_fast_start(c->h225, list, 2);
}

/* What a caller may meet instead of an answer. True: that was it. */
static bool refuse(struct call *c)
{
    uint64_t now = clock_mono_ms();
    switch (c->options->answer) {
    case ENDPOINT_ANSWER_BUSY:
        h225_call_release(c->h225, H225_REASON_BUSY, now);
        return true;
    case ENDPOINT_ANSWER_REJECT:
        h225_call_release(c->h225, H225_REASON_REJECTED, now);
        return true;
    case ENDPOINT_ANSWER_SILENT:
        return true;
    case ENDPOINT_ANSWER_RING:
    case ENDPOINT_ANSWER_DROP:
        h225_call_proceeding(c->h225, now);
        h225_call_alerting(c->h225, now);
        if (c->options->answer == ENDPOINT_ANSWER_DROP)
            call_hang_up_rudely(c);
        return true;
    default:
        return false;
    }
}

/* Where H.245 will be; *told is what goes into Connect. */
static int prepare_h245(struct call *c, const struct h225_setup *setup, struct addr *told)
{
    struct addr at;
    *told = (struct addr){0};
    if (c->tls && setup->h245_tls) {
        h225_call_secure_h245(c->h225);
        c->leg.tls = c->tls;
    }
    if (h225_call_is_tunnelling(c->h225) || c->options->h245 == ENDPOINT_H245_NEVER)
        return 0;
    if (c->options->h245 == ENDPOINT_H245_SETUP) {
        if (setup->h245_address.family == ADDR_NONE)
            return ERR_NOTFOUND;
        leg_connect(&c->leg, &setup->h245_address);
        return 0;
    }
    if (c->options->h245 == ENDPOINT_H245_CROSS && setup->h245_address.family != ADDR_NONE)
        return cross_begin(&c->leg, &c->options->local, &setup->h245_address, told);
    int rc = leg_listen(&c->leg, &c->options->local, &at);
    if (c->options->h245 == ENDPOINT_H245_EARLY)
        h225_call_announce_h245(c->h225, &at);
    if (c->options->h245 == ENDPOINT_H245_FACILITY)
        c->h245_at = at;
    else
        *told = at;
    return rc;
}

static int answer(struct call *c, const struct h225_setup *setup)
{
    struct addr told;
    uint64_t now = clock_mono_ms();
    int rc = prepare_h245(c, setup, &told);
    if (rc == 0)
        rc = answer_fast_start(c, setup);
    if (rc == 0)
        rc = h225_call_proceeding(c->h225, now);
    if (rc == 0)
        rc = h225_call_alerting(c->h225, now);
    if (rc == 0 && h225_call_is_tunnelling(c->h225) && c->leg.fast.state != FAST_TAKEN)
        tunnel(c); /* capabilities ride in the Connect */
    if (rc == 0)
        rc = h225_call_connect(c->h225, &told, now);
    if (rc == 0 && c->h245_at.family != ADDR_NONE)
        rc = h225_call_start_h245(c->h225, &c->h245_at, now);
    return rc;
}

static void on_setup(void *arg, const struct h225_setup *setup)
{
    struct call *c = arg;
    report_event(c->report, EV_SETUP, "from %.60s",
                 setup->source.count ? setup->source.list[0].text : "nobody");
    if (refuse(c))
        return;
    int rc = answer(c, setup);
    if (rc) {
        report_fail(c->report, "cannot answer: %s", err_to_str(rc));
        release(c);
        return;
    }
    connected(c, setup->product);
}

static void on_released(void *arg, const struct h225_release *release)
{
    struct call *c = arg;
    c->by_peer = release->by_peer;
    c->cause = release->cause;
    c->reason = release->reason;
    report_event(c->report, EV_RELEASED, "by %s, cause %u, %s", release->by_peer ? "peer" : "us",
                 release->cause, h225_reason_to_str(release->reason));
    finish(c);
}

static const struct h225_call_ops call_ops = {
    .send = on_call_send,
    .on_setup = on_setup,
    .on_proceeding = on_proceeding,
    .on_alerting = on_alerting,
    .on_connect = on_connect,
    .on_start_h245 = on_start_h245,
    .on_h245_pdu = on_h245_pdu,
    .on_released = on_released,
};

static void on_call_timer(uv_timer_t *timer)
{
    struct call *c = timer->data;
    h225_call_on_timer(c->h225, clock_mono_ms());
    arm(c);
}

static void arm(struct call *c)
{
    if (c->is_over)
        return;
    uint64_t at = h225_call_next_deadline(c->h225), now = clock_mono_ms();
    if (at == H225_NEVER)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_call_timer, at > now ? at - now : 0, 0);
}

/* --- the connection ------------------------------------------------------------------------ */

static int add_fast_start(struct call *c, struct h225_outgoing *out, struct h225_octets *list)
{
    if (!c->options->fast_start)
        return 0;
    leg_use_address(&c->leg, &out->source_address);
    out->fast_start = list;
    return fast_offer(&c->leg, list, &out->fast_start_count);
}

static void send_setup(struct call *c)
{
    struct h225_octets fast_start[H23510_FAST_MAX];
    struct h225_alias called = {H225_ALIAS_H323_ID, c->options->called};
    struct h225_alias own = {H225_ALIAS_H323_ID, c->options->alias};
    struct h225_outgoing out = {.destination = &called,
                                .destination_count = 1,
                                .source = &own,
                                .source_count = 1,
                                .destination_address = c->options->target};
    int rc = ERR_IO;
    if (getrandom(out.call_id, sizeof(out.call_id), 0) == sizeof(out.call_id) &&
        getrandom(out.conference_id, sizeof(out.conference_id), 0) == sizeof(out.conference_id) &&
        wire_local(&c->wire, &out.source_address) == 0)
        rc = add_fast_start(c, &out, fast_start);
    if (rc == 0)
        rc = h225_call_start(c->h225, &out, clock_mono_ms());
    if (rc) {
        report_fail(c->report, "Setup: %s", err_to_str(rc));
        finish(c);
    }
}

static void on_wire_open(void *arg)
{
    struct call *c = arg;
    report_event(c->report, EV_SIGNALLING_OPEN, "%s", c->wire.tls_version);
    if (c->is_caller) {
        report_event(c->report, EV_SETUP, "to %.60s", c->options->called);
        send_setup(c);
    }
    arm(c);
}

static void on_wire_message(void *arg, const uint8_t *data, size_t len)
{
    struct call *c = arg;
    if (c->is_over)
        return;
    int rc = h225_call_input(c->h225, data, len, clock_mono_ms());
    if (rc)
        report_event(c->report, EV_PROTOCOL, "H.225.0 message refused: %s", err_to_str(rc));
    arm(c);
}

static void on_wire_lost(void *arg, const char *why)
{
    struct call *c = arg;
    if (c->is_over)
        return;
    report_event(c->report, EV_CONNECTION_LOST, "H.225.0: %s", why);
    if (c->options->survive && !c->is_hanging_up)
        return;
    if (!c->is_hanging_up)
        report_fail(c->report, "call signalling connection: %s", why);
    h225_call_lost(c->h225, clock_mono_ms());
    finish(c);
}

static const struct wire_ops call_wire_ops = {on_wire_open, on_wire_message, on_wire_lost};

static int offer(struct call *c)
{
    char text[SDP_TEXT_MAX];
    int rc = media_bind(&c->media, &c->options->local);

    if (rc == 0)
        rc = sdp_write_offer(&c->media, text, sizeof(text));
    if (rc == 0)
        report_print(json_pack("{s:s,s:s,s:s}", "event", "sdp_offer", "alias", c->options->alias,
                               "sdp", text));
    return rc;
}

int call_take_answer(struct call *c, const char *json)
{
    json_t *text = json_loads(json, JSON_DECODE_ANY, NULL);
    const char *why = NULL;
    int rc = !c->options->sdp || c->is_connected || c->is_over ? ERR_STATE
             : json_is_string(text)                            ? 0
                                                               : ERR_INVAL;

    if (rc == 0)
        rc = sdp_take_answer(&c->media, json_string_value(text), &why);
    if (why)
        report_event(c->report, EV_PROTOCOL, "answer: %s", why);
    if (rc == 0)
        connected(c, "by SDP");
    json_decref(text);
    return rc;
}

int call_take_offer(struct call *c, const char *json)
{
    json_t *text = json_loads(json, JSON_DECODE_ANY, NULL);
    char answer[SDP_TEXT_MAX];
    const char *why = NULL;
    int rc = !c->options->sdp || c->is_connected || c->is_over ? ERR_STATE
             : json_is_string(text)                            ? 0
                                                               : ERR_INVAL;

    if (rc == 0)
        rc = sdp_take_offer(&c->media, json_string_value(text), answer, sizeof(answer), &why);
    if (why)
        report_event(c->report, EV_PROTOCOL, "offer: %s", why);
    if (rc == 0) {
        report_print(json_pack("{s:s,s:s,s:s}", "event", "sdp_answer", "alias", c->options->alias,
                               "sdp", answer));
        connected(c, "by SDP");
    }
    json_decref(text);
    return rc;
}

static int open_wire(struct call *c)
{
    struct addr bound;
    char text[ADDR_TEXT_MAX];
    if (c->is_caller)
        return wire_connect(&c->wire, c->loop, &c->options->local, &c->options->target, c->tls,
                            &call_wire_ops, c);
    int rc = wire_listen(&c->listener, c->loop, &c->options->local, c->tls, &c->wire,
                         &call_wire_ops, c, &bound);
    if (rc == 0)
        report_event(c->report, EV_LISTENING, "%s", addr_format(&bound, text));
    return rc;
}

static int make_tls(struct call *c)
{
    const struct endpoint_options *o = c->options;
    const struct endpoint_tls_config config = {.certificate = o->tls_cert,
                                               .key = o->tls_key,
                                               .authorities = o->tls_ca,
                                               .version = o->tls_version,
                                               .is_listening = o->listen};
    const char *why = "";
    int rc = o->tls ? endpoint_tls_create(&config, &c->tls, &why) : 0;
    if (rc)
        report_fail(c->report, "%s", why);
    return rc;
}

int call_start(struct call *c, uv_loop_t *loop, const struct endpoint_options *options,
               struct report *report)
{
    struct h225_call_config config = {.product = "sluice-endpoint",
                                      .display = options->alias,
                                      .tunnelling = options->tunnel,
                                      .h245_tls =
                                          options->tls && !options->listen &&
                                          !FAULT_IS_SET(options->faults, FAULT_NO_H245_TLS)};
    memset(c, 0, sizeof(*c));
    c->loop = loop;
    c->options = options;
    c->report = report;
    c->is_caller = !options->listen;
    c->commands.fd = -1;
    uv_timer_init(loop, &c->timer);
    uv_timer_init(loop, &c->limit);
    uv_timer_init(loop, &c->second);
    uv_timer_init(loop, &c->data_until);
    c->timer.data = c->limit.data = c->second.data = c->data_until.data = c;
    int rc = make_tls(c);
    if (rc == 0)
        rc = srtp_pair_prepare();
    if (rc == 0)
        rc = dtls_identity_create(&c->identity);
    if (rc == 0)
        rc = dtls_identity_create(&c->other_identity);
    if (rc == 0)
        rc = media_init(&c->media, loop, options, c->identity, report, &media_callbacks, c);
    if (rc == 0)
        rc = leg_init(&c->leg, loop, options, report, &c->media, c->identity, c->other_identity,
                      &leg_callbacks, c);
    c->h225 = rc ? NULL : h225_call_create(&config, &call_ops, c, c->is_caller ? 1 : 0);
    if (rc == 0 && !c->h225)
        rc = ERR_NOMEM;
    if (rc == 0)
        rc = commands_start(&c->commands, loop, options->commands, c);
    if (rc == 0)
        rc = options->sdp ? offer(c) : open_wire(c);
    return rc;
}

void call_fini(struct call *c)
{
    h225_call_destroy(c->h225);
    leg_fini(&c->leg);
    media_fini(&c->media);
    dtls_identity_destroy(c->identity);
    dtls_identity_destroy(c->other_identity);
    endpoint_tls_destroy(c->tls);
}

/* --- what came of it ----------------------------------------------------------------------- */

bool call_is_ok(struct call *c)
{
    const struct media *m = &c->media;
    const struct endpoint_options *o = c->options;
    if (!c->is_connected)
        report_fail(c->report, "the call was not connected");
    if (m->data && data_end_failure(m->data))
        report_fail(c->report, "data: %s", data_end_failure(m->data));
    if (o->policy.mode == H23510_MODE_REQUIRED && !media_is_verified(m))
        report_fail(c->report, "media were not secured");
    if (m->expect_samples && !m->recorder.complete)
        report_fail(c->report, "the expected audio was not heard whole");
    if (m->expect_samples && m->recorder.complete && !m->recorder.match)
        report_fail(c->report, "the audio differs at sample %zu", m->recorder.first_difference);
    if (keys_waiting(&m->keypad) > 0 && !c->by_peer)
        report_fail(c->report, "not all keys were pressed");
    if (m->play_samples && !o->loop && m->player.state != PLAYER_DONE)
        report_fail(c->report, "the file was not played to its end");
    return c->report->failure[0] == '\0';
}

static json_t *faults_json(unsigned faults)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < ENDPOINT_FAULT_COUNT; i++)
        if (FAULT_IS_SET(faults, i))
            json_array_append_new(list, json_string(endpoint_fault_to_str((enum endpoint_fault)i)));
    return list;
}

static json_t *release_json(const struct call *c)
{
    return json_pack("{s:b,s:b,s:I,s:s}", "released", report_has(c->report, EV_RELEASED), "by_peer",
                     c->by_peer, "cause", (json_int_t)c->cause, "reason",
                     report_has(c->report, EV_RELEASED) ? h225_reason_to_str(c->reason) : "");
}

json_t *call_report(struct call *c)
{
    const struct leg *l = &c->leg;
    struct report *r = c->report;
    bool ok = call_is_ok(c);
    json_t *o = json_pack("{s:s,s:b,s:s,s:s,s:b}", "event", "report", "ok", ok, "failure",
                          r->failure, "alias", c->options->alias, "connected", c->is_connected);
    json_object_update_new(o, media_report(&c->media));
    json_object_set_new(o, "setup_ms", json_real(report_span_ms(r, EV_SETUP, EV_CONNECT)));
    json_object_set_new(o, "media_ms", json_real(report_span_ms(r, EV_SETUP, EV_FIRST_PACKET)));
    json_object_set_new(o, "keys_ms", json_real(report_span_ms(r, EV_SETUP, EV_KEYS)));
    json_object_set_new(o, "fast_start", json_string(fast_state_to_str(l->fast.state)));
    json_object_set_new(o, "signalling_tls", json_string(c->wire.tls_version));
    json_object_set_new(o, "h245_tls", json_string(l->wire.tls_version));
    json_object_set_new(o, "h245_open", json_boolean(report_has(r, EV_H245_OPEN)));
    json_object_set_new(o, "h245_master", json_boolean(h245_msd_is_master(l->engine)));
    json_object_set_new(o, "olc_reject",
                        json_string(l->is_rejected ? h245_olc_cause_to_str(l->reject_cause) : ""));
    json_object_set_new(o, "refused", json_string(h23510_verdict_to_str(l->refused)));
    json_object_set_new(o, "end_session", json_boolean(report_has(r, EV_END_SESSION)));
    json_object_set_new(o, "dtls_close_seen", json_boolean(report_has(r, EV_DTLS_CLOSED)));
    json_object_set_new(o, "release", release_json(c));
    json_object_set_new(o, "faults", faults_json(c->options->faults));
    json_object_set_new(o, "ladder", report_ladder(r));
    return o;
}
