/* RTCP that ends here (LINK_FLAG_REPORTS): reports of our own on what a transport receives and
 * sends, the peer's taken in, feedback passed back to the source that it means.
 *
 * Towards a peer we are one participant with an SSRC of our own for what only receives and one
 * SSRC for each stream that we send (RFC 3550 7.3: what a mixer is to those around it). None of
 * this lies on the packet path: it touches cold lines, a few packets a second and transport. */
#ifndef DPDK_APP_REPORT_H
#define DPDK_APP_REPORT_H

#include "dpdk-app/rtcp.h"
#include "dpdk-app/worker.h"

#define REPORT_DEFAULT_MS  5000u  /* RFC 3550 6.2: the least, for sessions of two */
#define REPORT_KEYFRAME_MS 300u   /* a source is asked for a key frame so often at most */
#define REPORT_MAP_MS      60000u /* a source's clock is believed so long after its report */

/* What reports need of a stream besides struct stream: at the same index. */
struct stream_report {
    union {
        struct {
            uint32_t expected, received; /* at our last report */
            uint32_t lsr;                /* middle of the NTP time in the source's last SR */
            uint8_t start;               /* stream.started then: a restart begins the counts anew */
            uint8_t fir;                 /* command sequence number, RFC 5104 4.3.1.1 */
            uint64_t lsr_us;             /* when that came */
            uint64_t keyframe_ms;        /* asked for last; 0 = never */
        } in;
        struct {
            uint32_t from;       /* link_id.index of the source's transport */
            uint32_t sr[2];      /* middle of the NTP times of our last SRs, newest first */
            uint32_t map_source; /* the SSRC that this is about: the source's SR said that */
            uint32_t map_order;  /* its clock showed map_rtp (translated) at map_us */
            uint32_t map_rtp;
            uint64_t map_us;
            int32_t peer_lost;
            uint32_t peer_jitter;
            uint8_t peer_fraction;
        } out;
    };
    uint8_t pad[16];
};

_Static_assert(sizeof(struct stream_report) == 64, "one cache line");

/* A transport's reporting; on the heap, because those that pass RTCP on have none. */
struct reporter {
    struct timer timer;
    struct worker *worker;
    struct transport *t;
    uint32_t ssrc; /* ours as one that only receives */
    bool is_begun; /* a report was sent: leaving says BYE */
    char cname[RTCP_CNAME_SIZE];
};

/* Begin and end with the transport. ERR_NOMEM. */
int report_open(struct worker *worker, struct transport *t);
void report_close(struct worker *worker, struct transport *t);
/* Say BYE for all that we were on it. */
void report_leave(struct worker *worker, struct transport *t);

/* Plain compound packets, sound and accounted; takes them. */
void report_take(struct worker *worker, struct packet **p, unsigned n);

/* What is due. */
void report_run(struct worker *worker);

/* Ask the source behind a stream that we send for a key frame, after this burst. */
void report_want_keyframe(struct worker *worker, uint32_t from, uint32_t ssrc);

/* ---- inside ---- */

/* A feedback message that arrived on `t` (feedback.c). */
void feedback_take(struct worker *worker, struct transport *t, const struct rtcp_packet *packet);
/* Send a PLI to the source `ssrc` that sends to transport `from`, unless one was asked of it just
 * before. */
void feedback_ask(struct worker *worker, uint32_t from, uint32_t ssrc);

/* An RTCP packet being made for a transport. */
struct report_out {
    struct packet *p;
    struct rtcp_writer w;
};

/* False: no buffer or nowhere to go (counted). */
bool report_begin(struct worker *worker, struct transport *t, struct report_out *out);
/* Protect under the SSRC that the packet begins with, and send. */
void report_send(struct worker *worker, struct transport *t, struct report_out *out);

static inline struct stream_report *report_of(struct worker *worker, const struct stream *s)
{
    return &worker->report[s - worker->stream];
}

/* The transport's stream of an SSRC, NULL when there is none. */
static inline struct stream *report_stream(struct worker *worker, struct stream_slot *slots,
                                           uint32_t ssrc)
{
    struct stream_slot *slot = transport_find(slots, ssrc);

    return slot != NULL ? &worker->stream[slot->stream] : NULL;
}

/* Monotonic microseconds; in steps of a turn where the plane has no finer clock. */
static inline uint64_t report_now_us(const struct worker *worker)
{
    return worker->plane->clock_us != NULL ? worker->plane->clock_us() : worker->now_ms * 1000;
}

static inline uint64_t report_ntp(const struct worker *worker, uint64_t now_us)
{
    return rtcp_ntp(now_us + worker->plane->wall_offset_us);
}

#endif
