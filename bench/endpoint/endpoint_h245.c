#include "bench/endpoint/endpoint_h245.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "signalling/schema/h245.h"

#define SESSION_AUDIO 1 /* H.245 default session of the primary audio */

static bool has_fault(const struct leg *l, enum endpoint_fault fault)
{
    return FAULT_IS_SET(l->options->faults, fault);
}

bool leg_voice_of(enum h245_codec codec, enum voice_codec *out)
{
    switch (codec) {
    case H245_CODEC_PCMA:
        *out = VOICE_PCMA;
        return true;
    case H245_CODEC_PCMU:
        *out = VOICE_PCMU;
        return true;
    case H245_CODEC_G722:
        *out = VOICE_G722;
        return true;
    case H245_CODEC_OPUS:
        *out = VOICE_OPUS;
        return true;
    default:
        return false;
    }
}

void leg_open_tx(struct leg *l, uint8_t payload_type)
{
    enum voice_codec voice;

    if (leg_voice_of(l->tx_codec, &voice))
        media_open_tx(l->media, voice, payload_type);
}

void leg_fail(struct leg *l, const char *why)
{
    report_fail(l->report, "%s", why);
    l->ops->on_failed(l->arg, why);
}

/* --- media --------------------------------------------------------------------------------- */

/* The first message of the handshake may have to be sent while the peer still waits for our Ack:
 * DTLS sends it again then, as on any lost datagram. */
void leg_follow_agreement(struct leg *l, const struct h23510_agreement *agreement)
{
    char text[FINGERPRINT_TEXT_MAX];
    if (!agreement->is_set || l->media->dtls)
        return;
    if (agreement->role != H23510_ROLE_ACTIVE && agreement->role != H23510_ROLE_PASSIVE) {
        report_event(l->report, EV_PROTOCOL, "DTLS role %s", h23510_role_to_str(agreement->role));
        return;
    }
    if (fingerprint_format(&agreement->peer_fingerprint, text, sizeof(text)) == 0)
        media_start_dtls(l->media, agreement->role == H23510_ROLE_ACTIVE,
                         fingerprint_hash_to_str(agreement->peer_fingerprint.hash), text);
}

int leg_bind_media(struct leg *l)
{
    struct addr local;
    if (l->media->rtp.is_used)
        return 0;
    if (l->media_address.family != ADDR_NONE)
        local = l->media_address;
    else if (wire_local(&l->wire, &local) != 0)
        return ERR_IO;
    return media_bind(l->media, &local);
}

/* --- our channel --------------------------------------------------------------------------- */

static int build_olc(struct leg *l, const struct h245_audio *audio,
                     struct h245_OpenLogicalChannel **olc)
{
    bool protect = l->options->policy.mode != H23510_MODE_OFF && h23510_is_usable(&l->security);
    struct h245_channel channel = {.lcn = l->lcn,
                                   .session_id = SESSION_AUDIO,
                                   .audio = *audio,
                                   .media_control =
                                       protect ? l->media->rtp.local : l->media->rtcp.local};
    if (h245_codec_payload_type(audio->codec) == H245_PT_DYNAMIC)
        channel.payload_type = LEG_DYNAMIC_TYPE;
    int rc = h245_build_olc(&l->arena, &channel, olc);
    if (rc == 0 && protect)
        rc = h23510_fill_olc(&l->security, &l->arena, *olc);
    if (rc == 0)
        rc = endpoint_fault_spoil_olc(l->options->faults, &l->arena, l->identity, *olc);
    l->is_protected = l->is_protected || protect;
    return rc;
}

static void open_channel(struct leg *l)
{
    struct h245_OpenLogicalChannel *olc;
    struct h245_audio audio;
    if (l->channel_asked || !l->have_msd || !l->have_peer_caps || !l->have_caps_ack)
        return;
    l->channel_asked = true;
    int rc = leg_bind_media(l);
    if (rc == 0 && l->options->video_first)
        leg_video_open(l);
    leg_data_open(l);
    if (rc == 0 && l->options->data_only)
        return;
    if (rc == 0 && l->mode.is_audio_new)
        audio = (struct h245_audio){.codec = l->mode.codec, .frames = 20};
    else if (rc == 0)
        rc = h245_choose_audio(&l->peer_caps, l->options->codecs, l->options->codec_count, &audio);
    if (rc == 0)
        rc = h245_channel_number(l->engine, &l->lcn);
    arena_reset(&l->arena);
    if (rc == 0)
        rc = build_olc(l, &audio, &olc);
    if (rc == ERR_NOTFOUND && l->options->patient) {
        l->channel_asked = false;
        return;
    }
    if (rc) {
        report_event(l->report, EV_PROTOCOL, "no channel to open: %s", err_to_str(rc));
        leg_fail(l, "no channel can be opened");
        return;
    }
    l->tx_codec = audio.codec;
    report_event(l->report, EV_OLC_OUT, "%s, %s", h245_codec_to_str(audio.codec),
                 l->is_protected ? "h235Media" : "in the clear");
    rc = h245_channel_open(l->engine, olc, clock_mono_ms());
    if (rc)
        leg_fail(l, err_to_str(rc));
}

static void on_channel_opened(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct leg *l = arg;
    struct h245_channel_ack read;
    struct h23510_agreement agreement = {0};
    char text[ADDR_TEXT_MAX];
    if (leg_video_opened(l, lcn, ack) || leg_camera_opened(l, lcn, ack) ||
        leg_data_opened(l, lcn, ack))
        return;
    if (h245_read_olc_ack(ack, &read) != 0 || read.media.family == ADDR_NONE) {
        leg_fail(l, "Ack without a usable media address");
        return;
    }
    if (l->is_protected) {
        l->refused = h23510_check_ack(&l->security, ack, &agreement);
        if (l->refused != H23510_OK) {
            report_event(l->report, EV_OLC_REFUSED, "Ack: %s", h23510_verdict_to_str(l->refused));
            h245_channel_close(l->engine, lcn, H245_OUTGOING, clock_mono_ms());
            leg_fail(l, h23510_verdict_to_str(l->refused));
            return;
        }
    }
    report_event(l->report, EV_OLC_ACKED, "channel %u, media at %s", lcn,
                 addr_format(&read.media, text));
    media_set_remote(l->media, &read.media, &read.media_control);
    leg_follow_agreement(l, &agreement);
    leg_open_tx(l, LEG_DYNAMIC_TYPE);
}

static void on_channel_rejected(void *arg, uint16_t lcn, enum h245_olc_cause cause)
{
    struct leg *l = arg;
    if (leg_video_rejected(l, lcn, cause) || leg_camera_gone(l, lcn) ||
        leg_data_rejected(l, lcn, cause))
        return;
    l->is_rejected = true;
    l->reject_cause = cause;
    report_event(l->report, EV_OLC_REJECTED, "channel %u: %s", lcn, h245_olc_cause_to_str(cause));
    leg_fail(l, "channel rejected");
}

/* --- the peer's channel -------------------------------------------------------------------- */

static void refuse_channel(struct leg *l, uint16_t lcn, enum h245_olc_cause cause, const char *why)
{
    report_event(l->report, EV_OLC_REFUSED, "channel %u: %s", lcn, why);
    h245_channel_reject(l->engine, lcn, cause);
}

/* Faults: a terminal with one decoder, which cannot have two channels for a moment. */
static bool refuse_replacement(struct leg *l, uint16_t lcn)
{
    bool is_busy = FAULT_IS_SET(l->options->faults, FAULT_BUSY_DECODER) && !l->has_refused;

    if (l->in_lcn == 0 || !(is_busy || FAULT_IS_SET(l->options->faults, FAULT_ONE_CHANNEL)))
        return false;
    l->has_refused = true;
    refuse_channel(l, lcn, is_busy ? H245_OLC_CONFLICT : H245_OLC_REPLACEMENT, "one at a time");
    return true;
}

/* H.235.10's part of an incoming OLC: true when the channel may be opened. */
static bool judge_security(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc,
                           struct h23510_agreement *agreement)
{
    enum h23510_verdict verdict = h23510_check_olc(&l->security, olc, agreement);
    if (verdict == H23510_OK) {
        l->is_protected = true;
        return true;
    }
    if (verdict == H23510_NOT_PROTECTED && l->options->policy.mode != H23510_MODE_REQUIRED)
        return true;
    l->refused = verdict;
    refuse_channel(l, lcn, H245_OLC_SECURITY_DENIED, h23510_verdict_to_str(verdict));
    leg_fail(l, h23510_verdict_to_str(verdict));
    return false;
}

static int accept_channel(struct leg *l, uint16_t lcn, bool is_protected)
{
    struct h245_OpenLogicalChannelAck *ack;
    struct media *m = l->media;
    struct h245_channel_ack build = {.lcn = lcn,
                                     .session_id = SESSION_AUDIO,
                                     .media = m->rtp.local,
                                     .media_control = is_protected ? m->rtp.local : m->rtcp.local};
    arena_reset(&l->arena);
    int rc = h245_build_olc_ack(&l->arena, &build, &ack);
    if (rc == 0 && is_protected)
        rc = h23510_fill_ack(&l->security, &l->arena, ack);
    if (rc == 0)
        rc = endpoint_fault_spoil_ack(l->options->faults, &l->arena, l->identity, ack);
    return rc ? rc : h245_channel_accept(l->engine, lcn, ack, clock_mono_ms());
}

static void on_channel_open_request(void *arg, uint16_t lcn,
                                    const struct h245_OpenLogicalChannel *olc)
{
    struct leg *l = arg;
    struct h245_channel channel;
    struct h23510_agreement agreement = {0};
    enum voice_codec voice;
    if (leg_video_requested(l, lcn, olc) || leg_camera_requested(l, lcn, olc) ||
        leg_data_requested(l, lcn, olc))
        return;
    if (h245_read_olc(olc, &channel) != 0 || !leg_voice_of(channel.audio.codec, &voice)) {
        refuse_channel(l, lcn, H245_OLC_TYPE_NOT_SUPPORTED, "not audio that we know");
        return;
    }
    report_event(l->report, EV_OLC_IN, "%s, %s", h245_codec_to_str(channel.audio.codec),
                 channel.is_protected ? "h235Media" : "in the clear");
    if (refuse_replacement(l, lcn) || !judge_security(l, lcn, olc, &agreement))
        return;
    int rc = leg_bind_media(l);
    if (rc == 0)
        rc = accept_channel(l, lcn, agreement.is_set);
    if (rc) {
        refuse_channel(l, lcn, H245_OLC_UNSPECIFIED, err_to_str(rc));
        leg_fail(l, err_to_str(rc));
        return;
    }
    l->in_lcn = lcn;
    /* With H.235.10 the peer's RTCP address is its media address too (M-RTCPMUX). */
    if (agreement.is_set)
        media_set_remote(l->media, &channel.media_control, &channel.media_control);
    else
        media_set_remote(l->media, &(struct addr){0}, &channel.media_control);
    leg_follow_agreement(l, &agreement);
    media_open_rx(l->media, voice, channel.payload_type);
}

static void on_channel_closed(void *arg, uint16_t lcn, enum h245_direction direction,
                              enum h245_closer by)
{
    struct leg *l = arg;
    if (leg_video_closed(l, lcn, direction) ||
        (direction == H245_OUTGOING && leg_camera_gone(l, lcn)) ||
        leg_data_closed(l, lcn, direction))
        return;
    report_event(l->report, EV_CHANNEL_CLOSED, "%s channel %u by %s",
                 direction == H245_OUTGOING ? "our" : "peer's", lcn,
                 by == H245_CLOSED_BY_US     ? "us"
                 : by == H245_CLOSED_BY_PEER ? "the peer"
                                             : "time-out");
    if (direction == H245_INCOMING && lcn == l->in_lcn)
        l->in_lcn = 0;
    if (direction == H245_OUTGOING)
        media_close_tx(l->media);
    if (direction == H245_OUTGOING && l->mode.is_audio_new && !l->is_ending) {
        l->channel_asked = false;
        open_channel(l);
        l->mode.is_audio_new = false;
    }
    if (l->is_ending && direction == H245_OUTGOING && !h245_is_ended(l->engine)) {
        media_stop(l->media);
        h245_end_session(l->engine, clock_mono_ms());
    }
}

static bool on_channel_close_request(void *arg, uint16_t lcn)
{
    (void)arg, (void)lcn;
    return true;
}

/* --- capabilities -------------------------------------------------------------------------- */

static int send_capabilities(struct leg *l)
{
    struct h245_TerminalCapabilitySet *tcs;
    struct h245_data data;
    struct h245_relayed relayed[4];
    size_t relayed_count = 0;

    if (l->options->video.len > 0)
        relayed[relayed_count++] = l->options->video;
    if (l->options->video_second.len > 0)
        relayed[relayed_count++] = l->options->video_second;
    if (l->options->video.len > 0 && l->options->h239)
        relayed[relayed_count++] = l->presented;
    if (l->options->camera)
        relayed[relayed_count++] = l->camera_cap;
    struct h245_caps_offer offer = {.audio = l->options->codecs,
                                    .audio_count =
                                        l->options->data_only ? 0 : l->options->codec_count,
                                    .user_input = true,
                                    .has_h239 = l->options->h239,
                                    .relayed = relayed,
                                    .relayed_count = relayed_count,
                                    .data = &data,
                                    .data_count = leg_data_offer(l, &data)};
    arena_reset(&l->arena);
    int rc = h245_build_tcs(&l->arena, &offer, &tcs);
    if (rc == 0)
        rc = h23510_offer(&l->security, &l->arena, tcs);
    return rc ? rc : h245_ces_send(l->engine, tcs, clock_mono_ms());
}

static void on_msd_done(void *arg, bool is_master)
{
    struct leg *l = arg;
    report_event(l->report, EV_MSD, "%s", is_master ? "master" : "slave");
    l->have_msd = true;
    open_channel(l);
}

static enum h245_tcs_answer on_peer_capabilities(void *arg,
                                                 const struct h245_TerminalCapabilitySet *tcs)
{
    struct leg *l = arg;
    size_t count = 0;
    if (h245_read_tcs(tcs, &l->peer_caps) != 0)
        return H245_TCS_UNSPECIFIED;
    if (l->peer_caps.is_empty) { /* H.323 8.4.6: wait for another set */
        report_event(l->report, EV_TCS_IN, "%s", "empty");
        l->have_peer_caps = false;
        return H245_TCS_ACK;
    }
    enum h23510_verdict verdict = h23510_on_peer_tcs(&l->security, tcs, NULL, 0, &count);
    report_event(l->report, EV_TCS_IN, "%zu audio capabilities; DTLS: %s", l->peer_caps.audio_count,
                 h23510_verdict_to_str(verdict));
    if (verdict != H23510_OK && l->options->policy.mode == H23510_MODE_REQUIRED) {
        l->refused = verdict;
        leg_fail(l, h23510_verdict_to_str(verdict));
        return H245_TCS_ACK;
    }
    l->have_peer_caps = true;
    l->media->event_type = l->peer_caps.telephone_event_pt;
    open_channel(l); /* after an empty set nothing else will */
    return H245_TCS_ACK;
}

static void on_capabilities_acked(void *arg)
{
    struct leg *l = arg;
    report_event(l->report, EV_TCS_ACKED, "%s", "");
    l->have_caps_ack = true;
    open_channel(l);
}

static void on_capabilities_rejected(void *arg)
{
    leg_fail(arg, "capabilities rejected");
}

static void on_procedure_failed(void *arg, enum h245_procedure procedure, enum h245_error error,
                                uint16_t lcn)
{
    struct leg *l = arg;
    report_event(l->report, EV_PROTOCOL, "%s: %s (channel %u)", h245_procedure_to_str(procedure),
                 h245_error_to_str(error), lcn);
}

/* --- the connection ------------------------------------------------------------------------ */

static void on_engine_send(void *arg, const uint8_t *pdu, size_t len)
{
    struct leg *l = arg;
    if (l->is_tunnelled)
        l->ops->send(l->arg, pdu, len);
    else
        wire_send(l->carrier, pdu, len);
}

static uint32_t on_random(void *arg)
{
    uint32_t v = 0;
    (void)arg;
    if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
        abort(); /* no entropy: not a peer's doing, and nothing here may go on without */
    return v & 0xffffff;
}

static void leg_finish(struct leg *l, bool peer_releases)
{
    if (l->is_ended)
        return;
    l->is_ended = true;
    media_stop(l->media);
    l->ops->on_ended(l->arg, peer_releases);
}

static void on_end_session(void *arg)
{
    struct leg *l = arg;
    report_event(l->report, EV_END_SESSION, "%s", l->is_ending ? "answered" : "from the peer");
    leg_finish(l, !l->is_ending);
}

static void on_misc_command(void *arg, const struct h245_MiscellaneousCommand *command)
{
    leg_on_misc_command(arg, command);
}

static const struct h245_engine_ops engine_ops = {
    .send = on_engine_send,
    .on_pdu = leg_on_pdu,
    .on_conference_request = leg_on_conference_request,
    .on_msd_done = on_msd_done,
    .on_peer_capabilities = on_peer_capabilities,
    .on_capabilities_acked = on_capabilities_acked,
    .on_capabilities_rejected = on_capabilities_rejected,
    .on_channel_open_request = on_channel_open_request,
    .on_channel_opened = on_channel_opened,
    .on_channel_rejected = on_channel_rejected,
    .on_channel_closed = on_channel_closed,
    .on_channel_close_request = on_channel_close_request,
    .on_channel_confirmed = leg_data_confirmed,
    .on_misc_command = on_misc_command,
    .on_mode_request = leg_on_mode_request,
    .on_flow_control = leg_on_flow_control,
    .on_generic = leg_on_generic,
    .on_end_session = on_end_session,
    .on_failed = on_procedure_failed,
};

static void on_timer(uv_timer_t *timer)
{
    struct leg *l = timer->data;
    if (l->engine && !l->is_closed) {
        h245_engine_on_timer(l->engine, clock_mono_ms());
        leg_arm(l);
    }
}

void leg_arm(struct leg *l)
{
    uint64_t at = h245_engine_next_deadline(l->engine), now = clock_mono_ms();
    if (l->is_closed)
        return;
    if (at == H245_NEVER)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, on_timer, at > now ? at - now : 0, 0);
}

void leg_begin(struct leg *l, const char *how)
{
    report_event(l->report, EV_H245_OPEN, "%s", how);
    if (has_fault(l, FAULT_SILENT)) {
        report_event(l->report, EV_FAULT, "%s", endpoint_fault_to_str(FAULT_SILENT));
        return;
    }
    int rc = h245_msd_start(l->engine, clock_mono_ms());
    if (rc == 0)
        rc = send_capabilities(l);
    if (rc)
        leg_fail(l, err_to_str(rc));
    leg_arm(l);
}

static void on_wire_open(void *arg)
{
    leg_begin(arg, "");
}

void leg_input(struct leg *l, const uint8_t *pdu, size_t len)
{
    if (has_fault(l, FAULT_SILENT))
        return;
    int rc = h245_engine_input(l->engine, pdu, len, clock_mono_ms());
    if (rc)
        report_event(l->report, EV_PROTOCOL, "H.245 message refused: %s", err_to_str(rc));
    /* Capabilities are answered after our callback returned; the channel must come after that. */
    open_channel(l);
    leg_arm(l);
}

static void on_wire_message(void *arg, const uint8_t *data, size_t len)
{
    leg_input(arg, data, len);
}

void leg_lost(struct leg *l, const char *why)
{
    if (!l->is_ended)
        report_event(l->report, EV_CONNECTION_LOST, "H.245: %s", why);
    if (l->options->survive && !l->is_ending)
        return;
    leg_finish(l, false);
}

static void on_wire_lost(void *arg, const char *why)
{
    leg_lost(arg, why);
}

static const struct wire_ops leg_wire_ops = {on_wire_open, on_wire_message, on_wire_lost};

/* --- life ---------------------------------------------------------------------------------- */

static int fill_identity(const struct dtls_identity *id, struct h23510_identity *out)
{
    for (unsigned h = 0; h < FINGERPRINT_HASH_COUNT; h++) {
        char text[DTLS_FINGERPRINT_TEXT];
        int rc =
            dtls_identity_fingerprint(id, fingerprint_hash_to_str((enum fingerprint_hash)h), text);
        if (rc == 0)
            rc = fingerprint_parse((enum fingerprint_hash)h, text, strlen(text),
                                   &out->fingerprints[h]);
        if (rc)
            return rc;
    }
    return 0;
}

static int init_security(struct leg *l)
{
    struct h23510_policy policy = l->options->policy;
    struct h23510_identity signalled;
    const struct dtls_identity *id =
        has_fault(l, FAULT_WRONG_FINGERPRINT) ? l->other_identity : l->identity;
    if (has_fault(l, FAULT_FOREIGN_HASH)) {
        policy.hashes[0] = FINGERPRINT_SHA256;
        policy.hash_count = 1;
    }
    int rc = fill_identity(id, &signalled);
    return rc ? rc : h23510_init(&l->security, &policy, &signalled);
}

int leg_init(struct leg *l, uv_loop_t *loop, const struct endpoint_options *options,
             struct report *report, struct media *media, const struct dtls_identity *identity,
             const struct dtls_identity *other_identity, const struct leg_ops *ops, void *arg)
{
    struct h245_engine_config config = {.random = on_random,
                                        .terminal_type = (uint8_t)options->terminal_type};
    memset(l, 0, sizeof(*l));
    l->carrier = &l->wire;
    l->options = options;
    l->presented = options->video;
    l->presented.media = H245_MEDIA_PRESENTATION;
    if (leg_camera_capability(&l->camera_cap) != 0)
        return ERR_INVAL;
    l->report = report;
    l->media = media;
    l->identity = identity;
    l->other_identity = other_identity;
    l->ops = ops;
    l->arg = arg;
    l->media_address = options->media;
    arena_init(&l->arena, 0, 1u << 20);
    int rc = init_security(l);
    if (rc)
        return rc;
    l->engine = h245_engine_create(&config, &engine_ops, l);
    if (!l->engine)
        return ERR_NOMEM;
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    return 0;
}

void leg_connect(struct leg *l, const struct addr *remote)
{
    if (l->is_started || l->is_closed)
        return;
    l->is_started = true;
    if (wire_connect(&l->wire, l->timer.loop, &l->options->local, remote,
                     has_fault(l, FAULT_PLAIN_H245) ? NULL : l->tls, &leg_wire_ops, l) != 0)
        leg_fail(l, "cannot connect to the H.245 address");
}

void leg_use_address(struct leg *l, const struct addr *local)
{
    if (l->media_address.family == ADDR_NONE)
        l->media_address = addr_with_port(*local, 0);
}

void leg_tunnel(struct leg *l, const struct addr *local)
{
    if (l->is_started || l->is_closed)
        return;
    l->is_started = l->is_tunnelled = true;
    leg_use_address(l, local);
    leg_begin(l, "tunnelled");
}

int leg_listen(struct leg *l, const struct addr *address, struct addr *bound)
{
    struct addr any_port = addr_with_port(*address, 0);
    l->is_started = true;
    return wire_listen(&l->listener, l->timer.loop, &any_port, l->tls, &l->wire, &leg_wire_ops, l,
                       bound);
}

void leg_end(struct leg *l)
{
    if (l->is_ending || l->is_ended)
        return;
    l->is_ending = true;
    media_pause(l->media);
    uint64_t now = clock_mono_ms();
    bool is_up = l->is_tunnelled || (l->carrier && l->carrier->is_open && !l->carrier->is_closing);
    if (!is_up || has_fault(l, FAULT_SILENT)) {
        leg_finish(l, false);
        return;
    }
    /* R-CLOSE: the channel first; when that is answered, the close alert and the session. */
    if (!l->lcn || h245_channel_close(l->engine, l->lcn, H245_OUTGOING, now) != 0) {
        media_stop(l->media);
        h245_end_session(l->engine, now);
    }
    leg_arm(l);
}

void leg_drop(struct leg *l)
{
    report_event(l->report, EV_FAULT, "%s", endpoint_fault_to_str(FAULT_DROP_H245));
    wire_close(l->carrier);
}

void leg_close(struct leg *l)
{
    if (l->is_closed)
        return;
    l->is_closed = true;
    wire_close(&l->wire);
    wire_close(&l->second);
    wire_listener_close(&l->listener);
    uv_close((uv_handle_t *)&l->timer, NULL);
}

void leg_fini(struct leg *l)
{
    h245_engine_destroy(l->engine);
    l->engine = NULL;
    arena_fini(&l->arena);
}
