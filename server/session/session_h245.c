/* H.245 side of a session: capabilities and master-slave determination at once when the connection
 * is up, then the channels (session_incoming.c, session_outgoing.c). */
#include "server/session/session_priv.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_control.h"
#include "server/session/session_data.h"
#include "server/session/session_mix.h"
#include "signalling/schema/h245.h"

/* Round-trip requests in a row without an answer: the peer is gone (H.323 8.6). */
#define ROUND_TRIPS_LOST 3

static void on_send(void *arg, const uint8_t *pdu, size_t len)
{
    struct session *s = arg;

    /* The tunnel may still be waiting for its carrier: the call keeps the message. */
    if (s->is_tunnelled)
        (void)h225_call_send_h245(s->call, pdu, len);
    else if (s->is_h245_up)
        (void)s->env->ops->h245_send(s->env->user, s, pdu, len);
}

static const char *role_of(const struct session *s)
{
    if (!h245_msd_is_done(s->h245))
        return "none"; /* fast connect needs none */
    return h245_msd_is_master(s->h245) ? "master" : "slave";
}

void session_active(struct session *s)
{
    s->state = SESSION_ACTIVE;
    s->env->stats.active++;
    log_info(LOG_AREA_SESSION, s->id, "session active", LOG_S("role", role_of(s)),
             LOG_B("dtls", h23510_is_usable(&s->dtls)), LOG_B("fast", s->is_fast),
             LOG_U("h245_version", s->h245_version));
    if (session_wants_events(s))
        session_event(s, "session.active",
                      json_pack("{s:s,s:b,s:b}", "role", role_of(s), "dtls",
                                h23510_is_usable(&s->dtls), "signalling_secured",
                                session_is_secured(s)));
}

/* Both sides know each other: channels may be opened. */
void session_check_active(struct session *s)
{
    /* A callee may speak H.245 before it has answered fast connect; the channels wait for that. In
     * whichever order the three come. */
    if (s->proposed != NULL || s->state != SESSION_NEGOTIATING || !s->has_peer_caps ||
        !s->is_capable || !h245_msd_is_done(s->h245))
        return;
    session_active(s);
    session_media_on_active(s);
}

static void on_msd_done(void *arg, bool is_master)
{
    struct session *s = arg;

    (void)is_master;
    /* The timeline is for operators: which step took how long. */
    session_step_now(s, SESSION_STEP_MSD);
    session_check_active(s);
}

static void on_capabilities_acked(void *arg)
{
    struct session *s = arg;

    s->is_capable = true;
    session_step_now(s, SESSION_STEP_TCS_ACK);
    session_check_active(s);
    session_pass_changed(s);
    /* What changed while our set was out goes now. */
    if (s->is_offer_stale)
        session_refresh_capabilities(s);
}

static void on_capabilities_rejected(void *arg)
{
    session_end(arg, SESSION_END_NEGOTIATION, "peer rejected our capabilities");
}

void session_downgrade(struct session *s, const char *why)
{
    /* Once a session: the operator cannot do more than read it. */
    if (s->is_downgraded)
        return;
    s->is_downgraded = true;
    s->env->stats.downgraded++;
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "media will not be protected: %s", why);
    if (session_wants_events(s))
        session_event(s, "session.downgraded", json_pack("{s:s}", "reason", why));
}

/* The policy meets what the peer can do; false: the session ends. */
static bool judge_security(struct session *s)
{
    const char *text = h23510_verdict_to_str(s->tcs_verdict);

    if (session_is_passed(s) && !h23510_is_usable(&s->dtls)) {
        if (session_mode(s) == H23510_MODE_OFF)
            text = "media protection is switched off here";
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "nothing to pass through: %s", text);
        session_end(s, SESSION_END_DTLS_REQUIRED, text);
        return false;
    }
    /* Usable or not wanted: nothing to judge. */
    if (h23510_is_usable(&s->dtls) || session_mode(s) == H23510_MODE_OFF)
        return true;
    /* C-ROLE: not refused, only not yet. Nothing is sent in the clear meanwhile, and a call that
     * never gets a channel ends by its timer. */
    if (h23510_is_held(&s->dtls)) {
        session_note(s, LOG_LEVEL_INFO, LOG_AREA_H23510, "DTLS is held back by holdconn");
        return true;
    }
    /* Media are protected already: a set that says otherwise does not take that away (D-ONCE). */
    if (session_fast_is_protected(s)) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510,
                     "capabilities do not fit fast connect's DTLS: %s", text);
        return true;
    }
    if (session_mode(s) == H23510_MODE_REQUIRED) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "DTLS is required: %s", text);
        session_end(s, SESSION_END_DTLS_REQUIRED, text);
        return false;
    }
    session_downgrade(s, text);
    return true;
}

static enum h245_tcs_answer on_peer_capabilities(void *arg,
                                                 const struct h245_TerminalCapabilitySet *tcs)
{
    struct session *s = arg;
    /* Fingerprints without a hash of ours are ignored and counted: the difference is this
     * message's. */
    unsigned ignored = s->dtls.stats.tcs_fingerprints_ignored;
    bool was_held = h23510_is_held(&s->dtls);
    struct h245_peer_caps caps;

    memset(&caps, 0, sizeof(caps));
    /* Answered all the same: the peer may be about to say good-bye. */
    if (!session_is_alive(s))
        return H245_TCS_ACK;
    if (h245_read_tcs(tcs, &caps) != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "peer's capabilities make no sense");
        return H245_TCS_UNSPECIFIED;
    }
    /* The peer speaks: from here on its channels are waited for. */
    session_stop_timer(s, SESSION_TIMER_TCS);
    session_step_now(s, SESSION_STEP_TCS_IN);
    if (tcs->protocolIdentifier.n > 0)
        s->h245_version = tcs->protocolIdentifier.arc[tcs->protocolIdentifier.n - 1];
    /* Descriptors or multiplex parameters alone: the table that was sent before holds on. */
    if (!caps.is_empty && !caps.has_table && s->has_peer_caps)
        return H245_TCS_ACK;
    /* An empty set only pauses: what was agreed before stays (H.323 8.4.6). */
    if (caps.is_empty) {
        session_pause(s);
        return H245_TCS_ACK;
    }
    s->peer_caps = caps;
    s->has_peer_caps = true;
    /* Into a copy of their own: what the peer said before stays if this makes no sense. */
    s->tcs_verdict = h23510_on_peer_tcs(&s->dtls, tcs, NULL, 0, NULL);
    s->env->stats.tcs_fingerprints_ignored += s->dtls.stats.tcs_fingerprints_ignored - ignored;
    session_fast_learn(s);
    session_control_on_caps(s, tcs);
    if (judge_security(s)) {
        session_note_cleartext(s);
        session_check_active(s);
        /* holdconn is over: what waited for it goes on. */
        if (was_held && h23510_is_usable(&s->dtls))
            session_release(s);
        session_on_capabilities(s);
    }
    return H245_TCS_ACK;
}

static void on_open_request(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    session_on_open_request(arg, lcn, olc);
}

static void on_opened(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    session_on_opened(arg, lcn, ack);
}

static void on_rejected(void *arg, uint16_t lcn, enum h245_olc_cause cause)
{
    session_on_refused(arg, lcn, cause);
}

static void on_channel_closed(void *arg, uint16_t lcn, enum h245_direction direction,
                              enum h245_closer by)
{
    session_on_channel_gone(arg, lcn, direction, by);
}

/* Always granted: what the peer does not want is not kept. */
static bool on_close_request(void *arg, uint16_t lcn)
{
    session_data_on_close_request(arg, lcn);
    return true;
}

static void on_round_trip_lost(void *arg, unsigned in_a_row)
{
    /* One may be lost with a busy peer; three in a row are a dead one. */
    if (in_a_row >= ROUND_TRIPS_LOST)
        session_end(arg, SESSION_END_ROUND_TRIP, "round-trip requests are not answered");
}

static void tell_user_input(struct session *s, const char *text, uint32_t duration_ms,
                            const char *via)
{
    if (session_wants_events(s))
        session_event(s, "session.user_input",
                      json_pack("{s:o,s:I,s:s}", "text", session_text_json(text), "duration_ms",
                                (json_int_t)duration_ms, "via", via));
}

bool session_on_pin(struct session *s, const char *digits)
{
    /* No PIN is asked for: the keys are for whoever listens. */
    enum conference_pin pin = CONFERENCE_PIN_NOT_TAKEN;

    if (s->conference != NULL)
        pin = conference_on_digits(s->conference, s, digits);
    if (pin == CONFERENCE_PIN_FAILED)
        session_end(s, SESSION_END_WRONG_PIN, "the PIN was wrong too often");
    return pin != CONFERENCE_PIN_NOT_TAKEN;
}

/* Keys of a PIN are nobody else's: no event tells them. */
void session_user_input(struct session *s, const char *text, uint32_t duration_ms, const char *via)
{
    s->env->stats.user_inputs++;
    if (!session_on_pin(s, text))
        tell_user_input(s, text, duration_ms, via);
}

static void on_user_input(void *arg, const struct h245_user_input *input)
{
    /* What is in the RTP stream too is relayed there; a longer press adds no key. */
    if (input->kind != H245_INPUT_SIGNAL_UPDATE)
        session_user_input(arg, input->text, input->duration_ms, "h245");
}

static void on_end_session(void *arg)
{
    struct session *s = arg;
    bool had_channel =
        s->step[SESSION_STEP_OLC_ACK_OUT] != 0 || s->step[SESSION_STEP_OLC_ACK_IN] != 0;

    s->is_h245_ended = true;
    /* Whoever finds first that there is nothing to talk in ends it: the reason is the same. */
    if (!had_channel && s->has_peer_caps && s->conference != NULL && !session_has_common_codec(s))
        session_end(s, SESSION_END_NO_CODEC, "no audio codec in common: the peer gave up");
    else
        session_end(s, SESSION_END_PEER_SESSION, "peer ended the H.245 session");
}

static void on_failed(void *arg, enum h245_procedure procedure, enum h245_error error, uint16_t lcn)
{
    struct session *s = arg;

    /* Many endpoints know nothing of H.243: a question of ours without an answer is no fault. */
    session_note(s, procedure == H245_PROC_CONFERENCE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                 LOG_AREA_H245, "%s failed: %s%s", h245_procedure_to_str(procedure),
                 h245_error_to_str(error), lcn != 0 ? " (channel)" : "");
    session_control_on_failed(s, procedure);
    if (procedure == H245_PROC_MODE_OUT)
        session_close_outdated(s);
    /* Who had its media by fast connect may leave H.245 unanswered. Its media run without H.245. */
    if (s->is_fast)
        return;
    if (procedure == H245_PROC_MSD || procedure == H245_PROC_CES_OUT)
        session_end(s, SESSION_END_NEGOTIATION, h245_error_to_str(error));
}

static const struct h245_engine_ops ops = {
    .send = on_send,
    .on_msd_done = on_msd_done,
    .on_peer_capabilities = on_peer_capabilities,
    .on_capabilities_acked = on_capabilities_acked,
    .on_capabilities_rejected = on_capabilities_rejected,
    .on_channel_open_request = on_open_request,
    .on_channel_opened = on_opened,
    .on_channel_rejected = on_rejected,
    .on_channel_closed = on_channel_closed,
    .on_channel_close_request = on_close_request,
    .on_round_trip_lost = on_round_trip_lost,
    .on_user_input = on_user_input,
    .on_channel_conflict = session_control_on_conflict,
    .on_channel_confirmed = session_data_on_confirmed,
    .on_ready = session_control_on_ready,
    .on_conference_request = session_control_on_conference_request,
    .on_conference_command = session_control_on_conference_command,
    .on_conference_response = session_control_on_conference_response,
    .on_generic = session_control_on_generic,
    .on_indication = session_control_on_indication,
    .on_mode_request = session_control_on_mode_request,
    .on_mode_answer = session_control_on_mode_answer,
    .on_flow_control = session_control_on_flow_control,
    .on_misc_command = session_control_on_misc_command,
    .on_end_session = on_end_session,
    .on_failed = on_failed,
};

/* Read where it is needed, not stored: the policy may have been changed by what the peer could
 * do. */
enum h23510_mode session_mode(const struct session *s)
{
    /* Fingerprints that anybody on the way can replace prove nothing where the policy says so
     * (L-CERT): DTLS is then not offered, and `required` ends the call. */
    if (s->dtls.policy.mode != H23510_MODE_OFF)
        return s->dtls.policy.mode;
    return s->config.listener->dtls == SETTINGS_DTLS_REQUIRED ? H23510_MODE_REQUIRED
                                                              : H23510_MODE_OFF;
}

static enum h23510_mode mode_of(const struct session *s)
{
    const struct settings_listener *listener = s->config.listener;

    /* First: without protected signalling nothing that stands in it can be trusted. */
    if (!session_is_secured(s) &&
        s->env->settings->dtls.cleartext_signalling == SETTINGS_CLEARTEXT_REFUSE)
        return H23510_MODE_OFF;
    if (listener->dtls == SETTINGS_DTLS_REQUIRED)
        return H23510_MODE_REQUIRED;
    return listener->dtls == SETTINGS_DTLS_PREFERRED ? H23510_MODE_PREFERRED : H23510_MODE_OFF;
}

static enum h23510_setup setup_of(enum settings_setup setup)
{
    if (setup == SETTINGS_SETUP_ACTIVE)
        return H23510_SETUP_ACTIVE;
    if (setup == SETTINGS_SETUP_HOLDCONN)
        return H23510_SETUP_HOLDCONN;
    return setup == SETTINGS_SETUP_PASSIVE ? H23510_SETUP_PASSIVE : H23510_SETUP_ACTPASS;
}

int session_policy_init(struct session *s)
{
    const struct settings *settings = s->env->settings;
    struct h23510_policy policy;

    memset(&policy, 0, sizeof(policy));
    policy.mode = mode_of(s);
    for (uint32_t i = 0; i < settings->dtls.hash_count && i < FINGERPRINT_HASH_COUNT; i++)
        policy.hashes[policy.hash_count++] = (enum fingerprint_hash)settings->dtls.hashes[i];
    policy.allow_sha1 = settings->dtls.allow_sha1;
    /* Last of all (see settings). */
    if (policy.allow_sha1 && policy.hash_count < FINGERPRINT_HASH_COUNT)
        policy.hashes[policy.hash_count++] = FINGERPRINT_SHA1;
    policy.setup = setup_of(settings->dtls.setup);
    /* A server behind nobody's NAT waits; the peer, who may be behind one, opens it by asking. */
    policy.open_role =
        settings->dtls.setup == SETTINGS_SETUP_ACTIVE ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE;
    /* Some stacks refuse an extension they do not know. */
    policy.no_extensions_type = !settings->dtls.send_extensions_type;
    return h23510_init(&s->dtls, &policy, s->env->identity);
}

static uint32_t random_of(void *arg)
{
    struct session *s = arg;

    return s->env->random(s->env->user);
}

/* The setting is for what a peer may want; what a forwarding conference opens to it, two media of
 * each other member, is bounded by itself. */
static unsigned channels_max(const struct session *s)
{
    unsigned max = s->env->settings->signalling.limits.max_channels;
    bool is_fanout = s->conference != NULL && conference_is_fanout(s->conference);

    return is_fanout && max < SESSION_CHANNELS_MAX ? SESSION_CHANNELS_MAX : max;
}

int session_h245_create(struct session *s)
{
    const struct settings_timers *t = &s->env->settings->signalling.timers;
    const struct h245_engine_config config = {
        .terminal_type = s->env->settings->node.terminal_type,
        .random = random_of,
        .msd_timeout_ms = t->msd_ms,
        .ces_timeout_ms = t->tcs_ms,
        .channel_timeout_ms = t->olc_ms,
        .close_request_timeout_ms = t->clc_ms,
        .rtd_timeout_ms = t->round_trip_timeout_ms,
        .rtd_interval_ms = t->round_trip_interval_ms,
        .end_session_timeout_ms = t->end_session_ms,
        .channels_max = channels_max(s),
        .max_depth = s->env->settings->signalling.limits.decoder_depth,
        .max_elements = s->env->settings->signalling.limits.decoder_elements,
        .memory_limit = s->env->settings->signalling.limits.decoder_bytes,
    };
    /* The policy first: capabilities are built from it. */
    int err = session_policy_init(s);

    if (err != 0)
        return err;
    s->h245 = h245_engine_create(&config, &ops, s);
    return s->h245 != NULL ? 0 : ERR_NOMEM;
}

/* FNV-1a: two offers of one mark say the same. */
static uint64_t mark_of(const struct h245_relayed *relayed, size_t count)
{
    uint64_t mark = 14695981039346656037u;

    /* Octets and lengths: two sets may be the same octets in other pieces. */
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < relayed[i].len; k++)
            mark = (mark ^ relayed[i].octets[k]) * 1099511628211u;
        mark = (mark ^ relayed[i].len) * 1099511628211u;
    }
    return mark;
}

/* Wait, says an empty set (H.323 8.4.6): who is at the other end is not known yet. */
static int send_empty(struct session *s)
{
    struct h245_TerminalCapabilitySet *tcs = NULL;
    int err;

    arena_reset(&s->env->scratch);
    /* The arena is for one message at a time. */
    err = h245_build_empty_tcs(&s->env->scratch, &tcs);
    if (err == 0)
        err = h245_ces_send(s->h245, tcs, s->now);
    arena_reset(&s->env->scratch);
    return err;
}

int session_send_capabilities(struct session *s)
{
    struct arena *a = &s->env->scratch;
    struct h245_audio audio[SETTINGS_CODECS_MAX];
    struct h245_relayed relayed[H245_RELAYED_CAPS_MAX];
    struct h245_data data[H245_DATA_CAPS_MAX];
    struct h245_TerminalCapabilitySet *tcs = NULL;
    struct h245_caps_offer offer = {.audio = audio,
                                    .relayed = relayed,
                                    .data = data,
                                    .is_mcu = true,
                                    .has_chair_control = true,
                                    .has_h239 = true};
    int err;

    /* Keys of a mix come either way; where packets are passed on as they are, nobody reads them. */
    offer.user_input = conference_takes_keys(s->conference);
    offer.telephone_event_pt = conference_has_mix(s->conference) ? SESSION_EVENT_PT : 0;

    if (!session_pass_may_present(s)) {
        s->pass.has_sent = true;
        return send_empty(s);
    }
    offer.audio_count = conference_offer(s->conference, s, audio, SETTINGS_CODECS_MAX);
    /* Nothing in common at all with the others of the conference. */
    if (offer.audio_count == 0 && !session_data_is_all(s))
        return ERR_UNSUPPORTED;
    offer.relayed_count =
        conference_offer_relayed(s->conference, s, relayed, H245_RELAYED_CAPS_MAX);
    offer.data_count = session_data_offer(s, data, H245_DATA_CAPS_MAX);
    arena_reset(a);
    err = h245_build_tcs(a, &offer, &tcs);
    if (err == 0)
        err = h23510_offer(&s->dtls, a, tcs);
    if (err == 0)
        err = h245_ces_send(s->h245, tcs, s->now);
    arena_reset(a);
    /* Remembered when it is out: the refresh compares with it. */
    if (err == 0) {
        s->offered = mark_of(relayed, offer.relayed_count);
        s->is_offer_forced = false;
    }
    return err;
}

void session_refresh_capabilities(struct session *s)
{
    struct h245_relayed relayed[H245_RELAYED_CAPS_MAX];
    size_t n = conference_offer_relayed(s->conference, s, relayed, H245_RELAYED_CAPS_MAX);
    int err = 0;

    s->is_offer_stale = false;
    if (s->is_h245_up && session_pass_may_present(s) &&
        (s->is_offer_forced || mark_of(relayed, n) != s->offered))
        err = session_send_capabilities(s);
    /* One set at a time (H.245 C.2): the other waits for its answer. */
    if (err == ERR_STATE)
        s->is_offer_stale = true; /* goes out when the earlier set is acknowledged */
    else if (err != 0)
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "capabilities not changed: %s",
                     err_to_str(err));
}

void session_h245_begin(struct session *s)
{
    int err;

    session_step_now(s, SESSION_STEP_H245);
    if (!s->is_fast) {
        s->state = SESSION_NEGOTIATING;
        session_set_timer(s, SESSION_TIMER_TCS, s->env->settings->signalling.timers.tcs_ms);
    }
    /* A passthrough speaks when the other side is there. */
    err = session_pass_holds(s) ? 0 : session_send_capabilities(s);
    if (err == 0)
        err = h245_msd_start(s->h245, s->now);
    if (err == ERR_UNSUPPORTED)
        session_end(s, SESSION_END_NO_CODEC, "the other session can receive no codec of ours");
    else if (err != 0)
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
}
