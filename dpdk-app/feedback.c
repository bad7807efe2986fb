/* RTCP that came for a stream of ours belongs to the source behind it: what receivers ask for is
 * translated to what the source knows (its SSRC, its numbers) and merged where many ask for the
 * same. */
/* Feedback messages (RFC 4585, RFC 5104) of a receiver, back to the source that they mean. */
#include <string.h>

#include "dpdk-app/report.h"
#include "dpdk-app/route.h"
#include "dpdk-app/translate.h"

#define NACKS_MAX     256u /* sequence numbers taken of one message */
#define FIR_ENTRY     8u
#define REMB_HEAD     8u /* identifier, number of SSRCs, rate */
#define REMB_SSRC_MAX 16u

/* A stream that we send, and where it comes from. */
struct origin {
    const struct stream *sent;
    struct transport *t; /* the source's */
    uint32_t ssrc;       /* as the source knows it */
    uint32_t rows;       /* receivers of that transport */
};

static const struct receiver *row_of(const struct transport *from, const struct transport *to,
                                     uint32_t ssrc_out)
{
    for (uint32_t i = 0; from->fan != NULL && i < from->fan->count; i++) {
        const struct receiver *row = &from->fan->row[i];

        /* ssrc_out 0: passes under its own number. */
        if (row->to == to->index && row->generation == to->generation &&
            (row->ssrc_out == ssrc_out || row->ssrc_out == 0))
            return row;
    }
    return NULL;
}

/* Who is behind the stream `ssrc` that `t` sends? False: counted. */
static bool find_origin(struct worker *worker, struct transport *t, uint32_t ssrc,
                        struct origin *out)
{
    const struct stream *s = report_stream(worker, t->tx, ssrc);
    struct transport *from;

    /* A stream that never sent, or SSRC of nobody: stale feedback after a switch is normal. */
    if (s == NULL || !s->started) {
        worker_count(worker, LINK_COUNTER_feedback_stray, 1);
        return false;
    }
    /* The row must still be there: after a switch the old source owes this receiver nothing. */
    from = worker_transport(worker, report_of(worker, s)->out.from, 0);
    if (from == NULL || row_of(from, t, ssrc) == NULL) {
        worker_count(worker, LINK_COUNTER_feedback_gone, 1);
        return false;
    }
    if (from->reporter == NULL) { /* its RTCP is others' business */
        worker_count(worker, LINK_COUNTER_feedback_unserved, 1);
        return false;
    }
    *out = (struct origin){s, from, s->out.source, from->fan->count};
    return true;
}

/* A compound packet with the message in it: a report and our name come first (RFC 4585 3.1). */
static bool send_to_source(struct worker *worker, struct transport *t,
                           struct rtcp_feedback *feedback)
{
    struct reporter *r = t->reporter;
    struct report_out out;

    if (!report_begin(worker, t, &out))
        return false;
    /* The reporter's own SSRC asks: the receiver's means nothing to the source. */
    feedback->sender = r->ssrc;
    rtcp_put_rr(&out.w, r->ssrc, NULL, 0);
    rtcp_put_sdes(&out.w, &r->ssrc, 1, r->cname);
    rtcp_put_feedback(&out.w, feedback);
    if (out.w.is_full) {
        worker_drop(worker, out.p, LINK_COUNTER_mtu_exceeded);
        return false;
    }
    r->is_begun = true; /* from now on regular reports follow (RFC 3550 §6.2) */
    report_send(worker, t, &out);
    return true;
}

static void pass(struct worker *worker, const struct origin *o, struct rtcp_feedback *feedback)
{
    if (send_to_source(worker, o->t, feedback))
        worker_count(worker, LINK_COUNTER_feedback_passed, 1);
}

/* ---- key frames ---- */

/* Many receivers lose the same picture: one request serves them all. NULL: asked just before. */
static struct stream_report *may_ask(struct worker *worker, struct transport *t, uint32_t ssrc)
{
    const struct stream *s = report_stream(worker, t->rx, ssrc);
    struct stream_report *r;

    if (s == NULL)
        return NULL;
    r = report_of(worker, s);
    /* A picture takes a round trip and an encoder's time: asking again before it could have come
     * makes encoders send key frames only. */
    if (r->in.keyframe_ms != 0 && worker->now_ms - r->in.keyframe_ms < REPORT_KEYFRAME_MS)
        return NULL;
    r->in.keyframe_ms = worker->now_ms != 0 ? worker->now_ms : 1;
    return r;
}

void feedback_ask(struct worker *worker, uint32_t from, uint32_t ssrc)
{
    struct transport *t = worker_transport(worker, from, 0);
    struct rtcp_feedback pli = {.type = RTCP_PSFB, .format = RTCP_PLI, .media = ssrc};

    /* Asked by ourselves, hence nobody to be told when it was too soon. */
    if (t == NULL || t->reporter == NULL || may_ask(worker, t, ssrc) == NULL)
        return;
    if (send_to_source(worker, t, &pli))
        worker_count(worker, LINK_COUNTER_keyframes_asked, 1);
}

static void take_pli(struct worker *worker, struct transport *t,
                     const struct rtcp_feedback *feedback)
{
    struct rtcp_feedback pli = {.type = RTCP_PSFB, .format = RTCP_PLI};
    struct origin o;

    if (!find_origin(worker, t, feedback->media, &o))
        return;
    if (may_ask(worker, o.t, o.ssrc) == NULL) {
        worker_count(worker, LINK_COUNTER_feedback_merged, 1);
        return;
    }
    /* The numbers of commands are per sender (RFC 5104 §4.3.1.1): ours count on, whichever receiver
     * asked. */
    pli.media = o.ssrc;
    pass(worker, &o, &pli);
}

/* RFC 5104 4.3.1: each entry names a sender; the receivers' command numbers become one row. */
static void take_fir(struct worker *worker, struct transport *t,
                     const struct rtcp_feedback *feedback)
{
    for (size_t at = 0; at + FIR_ENTRY <= feedback->fci_length; at += FIR_ENTRY) {
        uint8_t fci[FIR_ENTRY] = {0};
        struct rtcp_feedback fir = {
            .type = RTCP_PSFB, .format = RTCP_FIR, .fci = fci, .fci_length = FIR_ENTRY};
        struct stream_report *r;
        struct origin o;

        if (!find_origin(worker, t, wire_get32(feedback->fci + at), &o))
            continue;
        r = may_ask(worker, o.t, o.ssrc);
        if (r == NULL) {
            worker_count(worker, LINK_COUNTER_feedback_merged, 1);
            continue;
        }
        wire_put32(fci, o.ssrc);
        /* One more than the last that we sent: a repeated number would be taken for a
         * repetition. */
        fci[4] = r->in.fir++;
        pass(worker, &o, &fir);
    }
}

/* ---- losses ---- */

static void take_nack(struct worker *worker, struct transport *t,
                      const struct rtcp_feedback *feedback)
{
    /* 17: one entry may expand to so many beyond the limit. */
    uint16_t lost[NACKS_MAX + 17];
    uint8_t fci[4 * NACKS_MAX];
    struct rtcp_feedback nack = {.type = RTCP_RTPFB, .format = RTCP_NACK, .fci = fci};
    struct origin o;
    unsigned n = 0, gone = 0;

    if (!find_origin(worker, t, feedback->media, &o))
        return;
    for (size_t at = 0; at + 4 <= feedback->fci_length && n < NACKS_MAX; at += 4) {
        uint16_t sequence[17];
        unsigned entries = rtcp_nack_expand(feedback->fci + at, sequence);

        for (unsigned i = 0; i < entries; i++) {
            /* No packet was translated: the receiver has the source's own numbers. */
            if (o.sent->out.packets == 0)
                lost[n++] = sequence[i]; /* numbers pass unchanged */
            /* Back through the same difference that translate.c added. */
            else if (translate_back(o.sent, sequence[i], &lost[n]))
                n++;
            else
                gone++;
        }
    }
    /* What the source before sent, nobody has any more. */
    if (gone > 0)
        worker_count(worker, LINK_COUNTER_feedback_gone, gone);
    if (n == 0)
        return;
    nack.media = o.ssrc;
    nack.fci_length = rtcp_nack_pack(lost, n, fci, sizeof(fci));
    pass(worker, &o, &nack);
}

/* ---- rates ---- */

/* draft-alvestrand-rmcat-remb: the rate stays, each SSRC goes to its source. */
static void take_remb(struct worker *worker, struct transport *t,
                      const struct rtcp_feedback *feedback)
{
    const uint8_t *from = feedback->fci;
    uint8_t fci[REMB_HEAD + 4];
    struct rtcp_feedback remb = {
        .type = RTCP_PSFB, .format = RTCP_APP_LAYER, .fci = fci, .fci_length = sizeof(fci)};

    if (feedback->fci_length < REMB_HEAD || memcmp(from, "REMB", 4) != 0) {
        worker_count(worker, LINK_COUNTER_feedback_unserved, 1);
        return;
    }
    /* The rate is the receiver's word for its path: it holds for each of its sources. */
    memcpy(fci, from, REMB_HEAD);
    fci[4] = 1;
    for (unsigned i = 0;
         i < from[4] && i < REMB_SSRC_MAX && REMB_HEAD + 4 * (i + 1) <= feedback->fci_length; i++) {
        struct origin o;

        if (!find_origin(worker, t, wire_get32(from + REMB_HEAD + (size_t)4 * i), &o))
            continue;
        wire_put32(fci + REMB_HEAD, o.ssrc);
        pass(worker, &o, &remb);
    }
}

/* Its numbers are the source's own, counted over all that it sends: true for a single receiver,
 * a riddle with several. */
static void take_transport_cc(struct worker *worker, struct transport *t,
                              const struct rtcp_feedback *feedback)
{
    struct rtcp_feedback cc = *feedback;
    struct origin o;

    if (!find_origin(worker, t, feedback->media, &o))
        return;
    /* With several receivers the numbers that one of them acknowledges are not those of its
     * copy. */
    if (o.rows != 1) {
        worker_count(worker, LINK_COUNTER_feedback_unserved, 1);
        return;
    }
    cc.media = o.ssrc;
    pass(worker, &o, &cc);
}

void feedback_take(struct worker *worker, struct transport *t, const struct rtcp_packet *packet)
{
    struct rtcp_feedback feedback;

    worker_count(worker, LINK_COUNTER_feedback_in, 1);
    link_stat_add(&t->stats->feedback_in, 1);
    if (!rtcp_read_feedback(packet, &feedback))
        worker_count(worker, LINK_COUNTER_feedback_unserved, 1);
    else if (feedback.type == RTCP_RTPFB && feedback.format == RTCP_NACK)
        take_nack(worker, t, &feedback);
    else if (feedback.type == RTCP_RTPFB && feedback.format == RTCP_TRANSPORT_CC)
        take_transport_cc(worker, t, &feedback);
    else if (feedback.type == RTCP_PSFB && feedback.format == RTCP_PLI)
        take_pli(worker, t, &feedback);
    else if (feedback.type == RTCP_PSFB && feedback.format == RTCP_FIR)
        take_fir(worker, t, &feedback);
    else if (feedback.type == RTCP_PSFB && feedback.format == RTCP_APP_LAYER)
        take_remb(worker, t, &feedback);
    /* Counted and dropped: passing on what nobody here understands would carry SSRCs that mean
     * others. */
    else
        worker_count(worker, LINK_COUNTER_feedback_unserved, 1);
    worker_empty_trash(worker);
}
