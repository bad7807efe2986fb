/* The inside of a lane of sluice-bench pipeline, for demux and scale, which put other frames on it.
 */
#ifndef BENCH_BENCH_PIPELINE_PRIV_H
#define BENCH_BENCH_PIPELINE_PRIV_H

#include "bench/bench_pipeline.h"
#include "dpdk-app/wire.h"

#define BENCH_PIPELINE_BATCH 512u /* packets between two looks at the clock */

struct lane_io {
    struct io io;
    struct bench_pipeline_lane *lane;
};

/* A transport of the worker as its far end knows it. */
struct far {
    struct link_id id;
    struct srtp_key *key;
    struct srtp_stream *stream; /* NULL: plain */
    uint32_t ssrc;
    uint16_t sequence;
    struct header header;
};

struct frame {
    uint8_t *bytes;
    uint16_t length;
};

struct bench_pipeline_lane {
    struct bench_pipeline_case c;
    struct plane plane;
    struct link_server *server;
    struct srtp_engine *engine, *far_engine;
    struct worker *worker;
    struct lane_io io;
    struct far *far;
    uint32_t transports;
    uint32_t pass_packets;
    uint32_t *order; /* transports of a pass as they are visited */
    uint32_t sent;   /* in this batch */
    uint64_t now_ms;
    struct frame *frame; /* [pass][place in the order] */
    uint8_t *frames;
    uint32_t slot;
    /* What a device's ring would be. */
    struct packet *packet;
    uint8_t *buffer;
};

/* The next packet of a transport's far end, protected if it is secure, as a frame in `slot`
 * (lane->slot bytes). ERR_CRYPTO. */
int bench_pipeline_make_frame(struct bench_pipeline_lane *lane, struct far *far,
                              struct frame *frame, uint8_t *slot);

/* Put at most BENCH_PIPELINE_BATCH frames into buffers, then let them through the worker in bursts
 * of 32; lane->sent tells how many came out. Nanoseconds a frame, the copying not counted. */
double bench_pipeline_batch(struct bench_pipeline_lane *lane, const struct frame *frame, uint32_t n,
                            struct worker_watch *watch);

#endif
