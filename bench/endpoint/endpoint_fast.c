#include "bench/endpoint/endpoint_fast.h"

#include <string.h>

#include "base/err.h"
#include "bench/endpoint/endpoint_h245.h"
#include "signalling/schema/h245.h"

#define SESSION_AUDIO 1
#define FIRST_LCN     101 /* of our channels, as the engine begins to count too */

const char *fast_state_to_str(enum fast_state state)
{
    static const char *const text[] = {"none", "offered", "taken", "refused"};
    return (size_t)state < sizeof(text) / sizeof(text[0]) ? text[state] : "unknown";
}

/* An OLC that was encoded, with the faults of the command line in it. */
static int spoil(struct leg *l, const uint8_t **data, size_t *len)
{
    struct h245_fast_olc found;
    struct h245_OpenLogicalChannel *olc;
    if (!l->options->faults)
        return 0;
    if (FAULT_IS_SET(l->options->faults, FAULT_BROKEN_FAST_START)) {
        *len /= 2;
        return 0;
    }
    int rc = h245_read_fast_olc(&l->arena, *data, *len, &found);
    if (rc)
        return rc;
    olc = arena_copy(&l->arena, found.olc, sizeof(*olc));
    if (!olc)
        return ERR_NOMEM;
    if (found.is_reverse)
        olc->reverseLogicalChannelParameters = NULL; /* its encoder turns it again */
    rc = endpoint_fault_spoil_olc(l->options->faults, &l->arena, l->identity, olc);
    return rc ? rc : h245_encode_fast_olc(&l->arena, olc, found.is_reverse, data, len);
}

/* Both directions are agreed: the media run, and H.245, if it comes, finds its channels open. */
static void open_both(struct leg *l, const struct h23510_fast_offer *tx,
                      const struct h23510_fast_offer *rx, uint16_t tx_lcn, uint16_t rx_lcn)
{
    bool is_protected = tx->verdict == H23510_OK;
    const struct addr *remote = &tx->channel.media;
    const struct addr *control = is_protected ? remote : &tx->channel.media_control;
    char text[ADDR_TEXT_MAX];
    enum voice_codec voice;
    l->fast.state = FAST_TAKEN;
    l->channel_asked = true;
    l->is_protected = is_protected;
    l->lcn = tx_lcn;
    l->tx_codec = tx->channel.audio.codec;
    h245_channel_adopt(l->engine, tx_lcn, H245_OUTGOING);
    h245_channel_adopt(l->engine, rx_lcn, H245_INCOMING);
    report_event(l->report, EV_FAST_START, "%s, %s, media at %s",
                 h245_codec_to_str(tx->channel.audio.codec),
                 is_protected ? "h235Media" : "in the clear", addr_format(remote, text));
    media_set_remote(l->media, remote, control);
    leg_follow_agreement(l, &l->security.agreement);
    leg_open_tx(l, tx->channel.payload_type);
    if (leg_voice_of(rx->channel.audio.codec, &voice))
        media_open_rx(l->media, voice, rx->channel.payload_type);
}

/* --- caller -------------------------------------------------------------------------------- */

int fast_offer(struct leg *l, struct h225_octets *out, size_t *count)
{
    uint16_t lcn = FIRST_LCN;
    int rc = leg_bind_media(l);
    struct h23510_fast_medium medium = {.session_id = SESSION_AUDIO,
                                        .audio = l->options->codecs,
                                        .audio_count = l->options->codec_count,
                                        .media = l->media->rtp.local,
                                        .media_control = l->media->rtcp.local};
    arena_reset(&l->arena);
    if (rc == 0)
        rc = h23510_fast_propose(&l->security, &l->arena, &medium, &lcn, l->fast.list,
                                 H23510_FAST_MAX, &l->fast.count);
    for (size_t i = 0; i < l->fast.count && rc == 0; i++) {
        out[i] = (struct h225_octets){l->fast.list[i].data, l->fast.list[i].len};
        rc = spoil(l, &out[i].data, &out[i].len);
    }
    if (rc)
        return rc;
    *count = l->fast.count;
    l->fast.state = FAST_OFFERED;
    return 0;
}

static void fail(struct leg *l, const char *why)
{
    report_event(l->report, EV_OLC_REFUSED, "fastStart: %s", why);
    leg_fail(l, why);
}

/* False: the answer cannot be lived with. */
static bool read_one(struct leg *l, const struct h225_octets *o, struct h23510_fast_offer *tx,
                     struct h23510_fast_offer *rx)
{
    struct h23510_fast_offer found;
    size_t index;
    arena_reset(&l->arena);
    int rc = h23510_fast_read_answer(&l->security, &l->arena, o->data, o->len, l->fast.list,
                                     l->fast.count, &found, &index);
    if (rc) {
        fail(l, rc == ERR_NOTFOUND ? "answer accepts nothing that was proposed"
                                   : "answer makes no sense");
        return false;
    }
    if (found.verdict != H23510_OK && found.verdict != H23510_NOT_PROTECTED) {
        l->refused = found.verdict;
        fail(l, h23510_verdict_to_str(found.verdict));
        return false;
    }
    *(found.is_reverse ? rx : tx) = found;
    if (found.is_reverse)
        l->fast.has_reverse = true;
    else
        l->fast.has_forward = true;
    return true;
}

static void take(struct leg *l, const struct h225_answer *answer)
{
    struct h23510_fast_offer tx, rx;
    memset(&tx, 0, sizeof(tx));
    memset(&rx, 0, sizeof(rx));
    for (size_t i = 0; i < answer->fast_start_count; i++)
        if (!read_one(l, &answer->fast_start[i], &tx, &rx))
            return;
    if (!l->fast.has_forward || !l->fast.has_reverse || tx.verdict != rx.verdict ||
        tx.channel.media.family == ADDR_NONE) {
        fail(l, "answer does not open a channel each way");
        return;
    }
    open_both(l, &tx, &rx, tx.channel.lcn, rx.channel.lcn);
}

void fast_on_answer(struct leg *l, const struct h225_answer *answer)
{
    if (l->fast.state != FAST_OFFERED)
        return;
    if (answer->fast_start_count > 0) {
        take(l, answer);
    } else if (answer->fast_connect_refused || answer->type == Q931_CONNECT) {
        l->fast.state = FAST_REFUSED;
        report_event(l->report, EV_FAST_REFUSED, "%s",
                     answer->fast_connect_refused ? "fastConnectRefused" : "not answered");
    }
}

/* --- callee -------------------------------------------------------------------------------- */

static bool accepts(void *arg, const struct h245_channel *channel)
{
    const struct leg *l = arg;
    for (size_t i = 0; i < l->options->codec_count; i++)
        if (l->options->codecs[i].codec == channel->audio.codec)
            return true;
    return false;
}

static int write_answers(struct leg *l, const struct h23510_fast_offer *from,
                         const struct h23510_fast_offer *to, uint16_t lcn,
                         struct h225_octets out[2])
{
    const struct media *m = l->media;
    const struct addr *control = from->verdict == H23510_OK ? &m->rtp.local : &m->rtcp.local;
    arena_reset(&l->arena);
    int rc = h23510_fast_answer(&l->security, &l->arena, to, lcn, &m->rtp.local, control,
                                &out[0].data, &out[0].len);
    if (rc == 0)
        rc = h23510_fast_answer(&l->security, &l->arena, from, 0, &m->rtp.local, control,
                                &out[1].data, &out[1].len);
    for (unsigned i = 0; i < 2 && rc == 0; i++)
        rc = spoil(l, &out[i].data, &out[i].len);
    return rc;
}

static size_t read_offers(struct leg *l, const struct h225_setup *setup,
                          struct h23510_fast_offer *offers)
{
    size_t n = 0;
    for (size_t i = 0; i < setup->fast_start_count && n < H23510_FAST_MAX; i++) {
        arena_reset(&l->arena);
        if (h23510_fast_read(&l->security, &l->arena, setup->fast_start[i].data,
                             setup->fast_start[i].len, &offers[n]) == 0)
            n++;
    }
    return n;
}

bool fast_accept(struct leg *l, const struct h225_setup *setup, struct h225_octets out[2])
{
    struct h23510_fast_offer offers[H23510_FAST_MAX];
    struct h23510_fast_choice choice;
    enum h23510_verdict why = H23510_OK;
    uint16_t lcn = 0;
    size_t n = read_offers(l, setup, offers);
    l->fast.state = FAST_REFUSED;
    if (!h23510_fast_choose(&l->security, offers, n, SESSION_AUDIO, accepts, l, &choice, &why)) {
        l->refused = why;
        report_event(l->report, EV_FAST_REFUSED, "%s", h23510_verdict_to_str(why));
        return false;
    }
    struct h23510_fast_offer *from = &offers[choice.forward], *to = &offers[choice.reverse];
    int rc = leg_bind_media(l);
    if (rc == 0 && choice.is_protected)
        rc = h23510_fast_take(&l->security, from);
    if (rc == 0)
        rc = h245_channel_number(l->engine, &lcn);
    if (rc == 0)
        rc = write_answers(l, from, to, lcn, out);
    if (rc) {
        report_event(l->report, EV_FAST_REFUSED, "%s", err_to_str(rc));
        return false;
    }
    open_both(l, to, from, lcn, from->channel.lcn);
    return true;
}
