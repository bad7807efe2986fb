/* What bench_load.c and bench_load_verify.c share. */
#ifndef BENCH_BENCH_LOAD_PRIV_H
#define BENCH_BENCH_LOAD_PRIV_H

#include "bench/bench_load.h"
#include "crypto/srtp.h"
#include "dpdk-app/header.h"

#define BENCH_STAMPS  65536u /* packets under way that a time of sending is kept of */
#define BENCH_SAMPLES 512u   /* frames kept for the judge between two verdicts */

#define BENCH_LOAD_KINDS 4u

struct sender {
    struct srtp_key *key;
    struct srtp_stream *stream; /* NULL: plain */
    uint32_t place;             /* in the order of sending */
    uint16_t length;            /* of a protected packet */
    uint16_t first;             /* sequence number of its first packet */
    struct header header;
};

/* What comes out at a leg. */
struct receiver {
    bool heard;
    uint16_t delta; /* sequence number that comes out minus the one that went in */
    uint32_t ssrc;
};

struct sample {
    uint32_t leg;   /* where it came out */
    uint64_t visit; /* which packet of its sender */
    uint16_t length;
    uint8_t rtp[BENCH_FRAME_MAX];
};

struct bench_load {
    struct bench_load_config c;
    struct bench_leg *leg;
    struct sender *sender;
    struct receiver *receiver;
    uint32_t *order;       /* legs that send, shuffled */
    uint32_t senders;      /* how many */
    uint32_t copies;       /* that come back of a packet: legs that listen to one that sends */
    uint32_t *leg_of_port; /* by our UDP port; count = none */
    struct srtp_engine *engine;
    uint32_t lengths[BENCH_LOAD_KINDS]; /* of frames that come back: plain, and by tag */
    unsigned kinds;
    /* Frames made ahead. Packet k is the (k / senders)th of leg order[k % senders]. */
    uint8_t *store;
    size_t stride;
    uint64_t slots, made, used;
    /* Of the trial under way. */
    uint64_t base_ns, touched;
    struct bench_timeline *timeline;
    struct bench_histogram *delay;
    uint32_t stamp[BENCH_STAMPS]; /* ns since base_ns, by k */
    struct sample *sample;
    uint32_t samples;
};

/* What packet k carries behind its RTP header. */
void bench_load_payload(uint8_t *payload, size_t length, uint64_t k);

static inline uint64_t bench_load_number(const struct bench_load *load, uint32_t leg,
                                         uint64_t visit)
{
    return visit * load->senders + load->sender[leg].place;
}

#endif
