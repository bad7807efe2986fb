/* The data channel of a leg in H.245: one OLC for both ways, by the master (H.235.10 8.2). */
#include "bench/endpoint/endpoint_h245.h"

#include "base/clock.h"
#include "base/err.h"
#include "signalling/schema/h245.h"

#define SESSION_DATA 3
#define MESSAGE_MAX  65536
#define RATE         10000 /* 1 Mbit/s */

static bool wants_data(const struct leg *l)
{
    return l->options->data.mode != DATA_OFF;
}

size_t leg_data_offer(const struct leg *l, struct h245_data *offer)
{
    if (!wants_data(l))
        return 0;
    *offer = (struct h245_data){.use = l->options->data_use,
                                .stack = l->options->data_stack,
                                .sctp_port = l->options->data_port,
                                .max_message_size = MESSAGE_MAX,
                                .max_rate = RATE};
    return 1;
}

static bool peer_is_able(const struct leg *l)
{
    for (size_t i = 0; i < l->peer_caps.data_count; i++)
        if (l->peer_caps.data[i].stack == l->options->data_stack)
            return true;
    return false;
}

static struct h245_data_channel ours(const struct leg *l, uint16_t lcn)
{
    const struct addr local =
        media_has_data_transport(l->media) ? media_data_local(l->media) : l->media->rtp.local;
    struct h245_data_channel c = {.lcn = lcn,
                                  .session_id = SESSION_DATA,
                                  .media = local,
                                  .has_port_number = true,
                                  .port_number = local.port};
    (void)leg_data_offer(l, &c.data);
    return c;
}

/* On a connection of their own data have an agreement of their own, from the same capabilities. */
static struct h23510 *security_of(struct leg *l)
{
    return media_has_data_transport(l->media) ? &l->data.security : &l->security;
}

static int bind_data(struct leg *l)
{
    int rc = leg_bind_media(l);
    if (rc != 0 || !media_has_data_transport(l->media))
        return rc;
    return media_bind_data(l->media, &l->media->rtp.local);
}

/* The capabilities' part of it is common to all connections; what came of them is not. */
static void begin_security(struct leg *l)
{
    if (l->data.has_security)
        return;
    l->data.has_security = true;
    l->data.security = l->security;
    l->data.security.agreement.is_set = false;
    l->data.security.olc_sent = false;
}

static int send_olc(struct leg *l)
{
    struct h245_OpenLogicalChannel *olc;
    struct h245_data_channel c;
    int rc = h245_channel_number(l->engine, &l->data.lcn);
    arena_reset(&l->arena);
    c = ours(l, l->data.lcn);
    if (rc == 0)
        rc = h245_build_data_olc(&l->arena, &c, &olc);
    if (rc == 0)
        rc = h23510_fill_olc(security_of(l), &l->arena, olc);
    if (rc == 0) {
        h245_data_seal_olc(olc);
        rc = h245_channel_open(l->engine, olc, clock_mono_ms());
    }
    return rc;
}

void leg_data_open(struct leg *l)
{
    int rc;
    bool is_ours = h245_msd_is_master(l->engine) || l->options->data_by_slave;
    if (!wants_data(l) || l->data.is_asked || !is_ours || !peer_is_able(l) ||
        !h23510_is_usable(&l->security))
        return;
    l->data.is_asked = true;
    report_event(l->report, EV_OLC_OUT, "%s", "data, both ways");
    begin_security(l);
    rc = bind_data(l);
    if (rc == 0)
        rc = send_olc(l);
    if (rc)
        leg_fail(l, err_to_str(rc));
}

/* Their connection begins, beside that of the media or as the only one. */
static void start_own(struct leg *l, const struct addr *remote,
                      const struct h23510_agreement *agreement)
{
    char text[FINGERPRINT_TEXT_MAX];
    if (!agreement->is_set ||
        fingerprint_format(&agreement->peer_fingerprint, text, sizeof(text)) != 0)
        leg_fail(l, "data without an agreement on DTLS");
    else
        media_start_data(l->media, remote, agreement->role == H23510_ROLE_ACTIVE,
                         fingerprint_hash_to_str(agreement->peer_fingerprint.hash), text);
}

static void is_open(struct leg *l, const struct h245_data_channel *c)
{
    l->data.is_open = true;
    media_open_data(l->media, l->options->data_port, c->data.sctp_port);
}

bool leg_data_opened(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct h23510_agreement agreement = {0};
    struct h245_data_channel c;
    char text[ADDR_TEXT_MAX];
    if (lcn == 0 || lcn != l->data.lcn)
        return false;
    if (h245_read_data_ack(ack, &c) != 0) {
        leg_fail(l, "Ack of data without a usable address");
        return true;
    }
    l->refused = h23510_check_ack(security_of(l), ack, &agreement);
    if (l->refused != H23510_OK) {
        leg_fail(l, h23510_verdict_to_str(l->refused));
        return true;
    }
    report_event(l->report, EV_OLC_ACKED, "data channel %u, at %s", lcn,
                 addr_format(&c.media, text));
    if (media_has_data_transport(l->media)) {
        is_open(l, &c);
        start_own(l, &c.media, &agreement);
        return true;
    }
    if (l->media->rtp.remote.family == ADDR_NONE)
        media_set_remote(l->media, &c.media, &c.media);
    else if (!addr_is_equal(&c.media, &l->media->rtp.remote))
        leg_fail(l, "data's connection is at another address"); /* L-SHARE */
    is_open(l, &c);
    leg_follow_agreement(l, &agreement);
    return true;
}

bool leg_data_rejected(struct leg *l, uint16_t lcn, enum h245_olc_cause cause)
{
    if (lcn == 0 || lcn != l->data.lcn)
        return false;
    report_event(l->report, EV_OLC_REJECTED, "data: %s", h245_olc_cause_to_str(cause));
    l->data.lcn = 0;
    l->is_rejected = true;
    l->reject_cause = cause;
    return true;
}

static int accept_data(struct leg *l, uint16_t lcn)
{
    struct h245_data_channel c = ours(l, lcn);
    struct h245_OpenLogicalChannelAck *ack;
    int rc;
    arena_reset(&l->arena);
    rc = h245_build_data_ack(&l->arena, &c, &ack);
    if (rc == 0)
        rc = h23510_fill_ack(security_of(l), &l->arena, ack);
    return rc ? rc : h245_channel_accept(l->engine, lcn, ack, clock_mono_ms());
}

bool leg_data_requested(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct h23510_agreement agreement = {0};
    struct h245_data_channel c;
    int rc;
    if (h245_read_data_olc(olc, &c) != 0)
        return false;
    report_event(l->report, EV_OLC_IN, "data (%s over %s), both ways",
                 h245_data_use_to_str(c.data.use), h245_data_stack_to_str(c.data.stack));
    if (!wants_data(l) || c.data.stack != l->options->data_stack || !c.has_reverse) {
        h245_channel_reject(l->engine, lcn, H245_OLC_TYPE_NOT_SUPPORTED);
        return true;
    }
    begin_security(l);
    if (h23510_check_olc(security_of(l), olc, &agreement) != H23510_OK) {
        h245_channel_reject(l->engine, lcn, H245_OLC_SECURITY_DENIED);
        return true;
    }
    rc = bind_data(l);
    if (rc == 0)
        rc = accept_data(l, lcn);
    if (rc) {
        leg_fail(l, err_to_str(rc));
        return true;
    }
    l->data.in_lcn = lcn;
    if (media_has_data_transport(l->media)) {
        is_open(l, &c);
        start_own(l, &c.media, &agreement);
        return true;
    }
    if (l->media->rtp.remote.family == ADDR_NONE)
        media_set_remote(l->media, &c.media, &c.media);
    is_open(l, &c);
    leg_follow_agreement(l, &agreement);
    return true;
}

void leg_data_confirmed(void *arg, uint16_t lcn)
{
    struct leg *l = arg;
    report_event(l->report, EV_OLC_ACKED, "data channel %u confirmed", lcn);
}

bool leg_data_closed(struct leg *l, uint16_t lcn, enum h245_direction direction)
{
    if (lcn == 0 || lcn != (direction == H245_INCOMING ? l->data.in_lcn : l->data.lcn))
        return false;
    report_event(l->report, EV_CHANNEL_CLOSED, "%s data channel %u",
                 direction == H245_INCOMING ? "peer's" : "our", lcn);
    l->data.is_open = false;
    l->data.lcn = l->data.in_lcn = 0;
    media_close_data(l->media);
    return true;
}

void leg_data_close(struct leg *l)
{
    uint64_t now = clock_mono_ms();
    if (!l->data.is_open)
        return;
    if (l->data.lcn != 0)
        (void)h245_channel_close(l->engine, l->data.lcn, H245_OUTGOING, now);
    else
        (void)h245_channel_close(l->engine, l->data.in_lcn, H245_INCOMING, now);
}
