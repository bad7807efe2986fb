#include "bench/bench_demux.h"

#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_pipeline_priv.h"
#include "bench/bench_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES (4u * BENCH_PIPELINE_BATCH) /* of a pass */
#define BYTES  172u
#define MINUTE 60000u /* between passes: idle streams and rate limits start anew */

struct kind {
    const char *text;
    enum link_counter counter;
    unsigned share;
};

static const struct kind kinds[] = {
#define KIND_ROW(name, text, counter, share) {text, LINK_COUNTER_##counter, share},
    BENCH_DEMUX_LIST(KIND_ROW)
#undef KIND_ROW
};

struct demux {
    struct bench_pipeline_lane *lane;
    uint8_t *slots;
    size_t stride;
    struct frame frame[FRAMES];
    uint8_t kind[FRAMES]; /* enum bench_demux_kind of each */
    uint32_t turn;        /* transports take turns */
};

/* ---- frames of each kind ---- */

/* Even transports of a rtp-srtp lane are plain, odd ones secure. */
static struct far *next_far(struct demux *d, bool secure)
{
    uint32_t pairs = d->lane->transports / 2;

    return &d->lane->far[2 * (d->turn++ % pairs) + (secure ? 1 : 0)];
}

/* A UDP payload from the far end of a transport. */
static void put_payload(struct far *far, const void *payload, uint16_t length, uint8_t *slot,
                        struct frame *frame)
{
    struct packet p = {.data = slot + far->header.size, .length = length, .head = far->header.size};

    memcpy(p.data, payload, length);
    header_stamp(&far->header, &p);
    *frame = (struct frame){p.data, p.length};
}

static int put_srtcp(struct demux *d, uint8_t *slot, struct frame *frame)
{
    struct far *far = next_far(d, true);
    /* A sender report without report blocks, then a SDES of an empty CNAME (RFC 3550 6.1). */
    uint8_t rtcp[40 + SRTP_RTCP_OVERHEAD_MAX] = {0x80, 200, 0, 6, [28] = 0x81, 202, 0, 2, [36] = 1};
    struct srtp_job job = {.stream = far->stream,
                           .src = rtcp,
                           .dst = rtcp,
                           .len = 40,
                           .dst_cap = sizeof(rtcp),
                           .is_rtcp = true};

    wire_put32(rtcp + 4, far->ssrc);
    wire_put32(rtcp + 32, far->ssrc);
    if (srtp_protect_burst(d->lane->far_engine, &job, 1) != 1)
        return ERR_CRYPTO;
    put_payload(far, rtcp, job.out_len, slot, frame);
    return 0;
}

static void put_dtls(struct demux *d, uint8_t *slot, struct frame *frame)
{
    uint8_t record[120] = {22, 0xfe, 0xfd, [11] = 0, 107}; /* a handshake record of 107 bytes */

    put_payload(next_far(d, true), record, sizeof(record), slot, frame);
}

static void put_stun(struct demux *d, uint8_t *slot, struct frame *frame)
{
    static const uint8_t binding[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3};

    put_payload(next_far(d, true), binding, sizeof(binding), slot, frame);
}

static void put_bytes(struct demux *d, bool secure, uint8_t first, uint16_t length, uint8_t *slot,
                      struct frame *frame)
{
    uint8_t bytes[64];

    memset(bytes, 0x5a, sizeof(bytes));
    bytes[0] = first;
    bytes[1] = 8;
    put_payload(next_far(d, secure), bytes, length, slot, frame);
}

/* RTP with one thing wrong in its UDP or IP header. */
static int put_spoilt(struct demux *d, enum bench_demux_kind kind, uint8_t *slot,
                      struct frame *frame)
{
    struct far far = *next_far(d, false);
    struct link_addr us = {.family = 4, .ip = {192, 0, 2, 1}};
    struct locals locals = {.count = 1, .devices = 1};
    int rc;

    locals.local[0].family = 4;
    memcpy(locals.local[0].ip, far.header.bytes + ETH_SIZE + 12, 4);
    memcpy(locals.device[0].mac, far.header.bytes + 6, 6);
    us.port = wire_get16(far.header.bytes + ETH_SIZE + IP4_SIZE + 2);
    if (kind == BENCH_DEMUX_NO_PORT)
        us.port = 65000;
    if (kind == BENCH_DEMUX_NO_PORT || kind == BENCH_DEMUX_STRANGER)
        header_build(&far.header, &locals, 0, 999, &us, d->lane->plane.locals.device[0].mac, 0);
    rc = bench_pipeline_make_frame(d->lane, &far, frame, slot);
    if (kind == BENCH_DEMUX_CHECKSUM)
        frame->bytes[frame->length - 1] ^= 1;
    return rc;
}

static int put_frame(struct demux *d, enum bench_demux_kind kind, uint8_t *slot,
                     struct frame *frame)
{
    switch (kind) {
    case BENCH_DEMUX_RTP:
    case BENCH_DEMUX_SRTP:
        return bench_pipeline_make_frame(d->lane, next_far(d, kind == BENCH_DEMUX_SRTP), frame,
                                         slot);
    case BENCH_DEMUX_SRTCP:
        return put_srtcp(d, slot, frame);
    case BENCH_DEMUX_DTLS:
        put_dtls(d, slot, frame);
        return 0;
    case BENCH_DEMUX_STUN:
        put_stun(d, slot, frame);
        return 0;
    case BENCH_DEMUX_GARBAGE:
        put_bytes(d, true, 10, 60, slot, frame); /* nobody has it in RFC 7983 */
        return 0;
    case BENCH_DEMUX_TRUNCATED:
        put_bytes(d, false, 0x8f, 40, slot, frame); /* 15 CSRCs do not fit 40 bytes */
        return 0;
    default:
        return put_spoilt(d, kind, slot, frame);
    }
}

/* By shares of a hundred, spread evenly: 37 has no factor in common with 100. */
static enum bench_demux_kind kind_of_mix(uint32_t i)
{
    uint32_t at = i * 37 % 100;

    for (unsigned k = 0; k < BENCH_DEMUX_MIX; k++) {
        if (at < kinds[k].share)
            return (enum bench_demux_kind)k;
        at -= kinds[k].share;
    }
    return BENCH_DEMUX_RTP;
}

static int make_frames(struct demux *d, enum bench_demux_kind kind)
{
    int rc = 0;

    for (uint32_t i = 0; i < FRAMES && rc == 0; i++) {
        d->kind[i] = (uint8_t)(kind == BENCH_DEMUX_MIX ? kind_of_mix(i) : kind);
        rc = put_frame(d, d->kind[i], d->slots + i * d->stride, &d->frame[i]);
    }
    return rc;
}

/* ---- a pass ---- */

static int check(const struct demux *d, enum bench_demux_kind kind, const uint64_t *before)
{
    uint64_t wanted[LINK_COUNTERS] = {0};

    for (uint32_t i = 0; i < FRAMES; i++)
        wanted[kinds[d->kind[i]].counter]++;
    for (unsigned k = 0; k < BENCH_DEMUX_MIX; k++) {
        enum link_counter c = kinds[k].counter;

        if (wanted[c] == 0 || d->lane->worker->count[c] - before[c] == wanted[c])
            continue;
        fprintf(stderr, "sluice-bench demux: %s: counter %s rose by %llu instead of %llu\n",
                bench_demux_kind_to_str(kind), link_counter_name(c),
                (unsigned long long)(d->lane->worker->count[c] - before[c]),
                (unsigned long long)wanted[c]);
        return ERR_STATE;
    }
    return 0;
}

/* Of n batches' times the median goes to *ns, or the stages' to *classify. */
static int pass(struct demux *d, enum bench_demux_kind kind, double *ns, double *classify)
{
    double batch[FRAMES / BENCH_PIPELINE_BATCH];
    uint64_t before[LINK_COUNTERS];
    struct worker_watch watch = {.now = bench_ticks};
    int rc = make_frames(d, kind);

    d->lane->now_ms += MINUTE;
    d->lane->worker->now_ms = d->lane->now_ms;
    memcpy(before, d->lane->worker->count, sizeof(before));
    for (uint32_t i = 0; i < FRAMES / BENCH_PIPELINE_BATCH && rc == 0; i++)
        batch[i] = bench_pipeline_batch(d->lane, &d->frame[i * BENCH_PIPELINE_BATCH],
                                        BENCH_PIPELINE_BATCH, classify ? &watch : NULL);
    if (rc == 0)
        rc = check(d, kind, before);
    if (rc == 0 && classify)
        *classify = bench_tick_ns() *
                    (double)(watch.spent[WORKER_PARSE] + watch.spent[WORKER_LOOK_UP] +
                             watch.spent[WORKER_ADMIT]) /
                    FRAMES;
    else if (rc == 0)
        *ns = bench_median(batch, FRAMES / BENCH_PIPELINE_BATCH);
    return rc;
}

static int run_rounds(struct demux *d, enum bench_demux_kind kind, unsigned rounds, double *ns,
                      double *classify, struct bench_demux_result *result)
{
    int rc = 0;

    /* One pass more fills the caches. */
    for (unsigned r = 0; r < rounds + 1 && rc == 0; r++) {
        rc = pass(d, kind, &ns[r > 0 ? r - 1 : 0], NULL);
        if (rc == 0)
            rc = pass(d, kind, NULL, &classify[r > 0 ? r - 1 : 0]);
    }
    if (rc == 0) {
        result->ns_per_frame = bench_median(ns, rounds);
        result->classify_ns = bench_median(classify, rounds);
    }
    return rc;
}

int bench_demux_run(uint32_t calls, unsigned rounds,
                    struct bench_demux_result results[BENCH_DEMUX_KINDS])
{
    struct bench_pipeline_case c = {BENCH_PIPELINE_RTP_SRTP, SRTP_PROFILE_AEAD_AES_128_GCM, "auto",
                                    calls, BYTES};
    struct demux *d = calloc(1, sizeof(*d));
    double *ns = calloc(rounds, sizeof(*ns)), *classify = calloc(rounds, sizeof(*classify));
    int rc = !d || !ns || !classify ? ERR_NOMEM : rounds == 0 ? ERR_INVAL : 0;

    if (rc == 0)
        rc = bench_pipeline_open(&c, &d->lane);
    if (rc == 0) {
        d->stride = d->lane->slot;
        d->slots = aligned_alloc(64, FRAMES * d->stride);
        rc = d->slots ? 0 : ERR_NOMEM;
    }
    for (unsigned k = 0; k < BENCH_DEMUX_KINDS && rc == 0; k++)
        rc = run_rounds(d, (enum bench_demux_kind)k, rounds, ns, classify, &results[k]);
    if (d) {
        bench_pipeline_close(d->lane);
        free(d->slots);
    }
    free(d);
    free(ns);
    free(classify);
    return rc;
}

const char *bench_demux_kind_to_str(enum bench_demux_kind kind)
{
    return kind < BENCH_DEMUX_MIX    ? kinds[kind].text
           : kind == BENCH_DEMUX_MIX ? "mixed"
                                     : "unknown";
}
