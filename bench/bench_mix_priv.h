/* The inside of sluice-bench mix's worker: a load of rooms and calls, and memory for its network.
 */
#ifndef BENCH_BENCH_MIX_PRIV_H
#define BENCH_BENCH_MIX_PRIV_H

#include "bench/bench_mix_worker.h"
#include "dpdk-app/mix.h"

#include <stdbool.h>

#define BENCH_MIX_FRAME   160u
#define BENCH_MIX_TICK_NS 20000000ull
#define BENCH_MIX_WARM_UP 50u         /* ticks */
#define BENCH_MIX_OURS    0x80000000u /* SSRCs of what leaves and of what comes */
#define BENCH_MIX_THEIRS  0x10000000u

struct bench_mix_port {
    struct link_id id;
    struct srtp_key *key;
    struct srtp_stream *stream; /* NULL: plain */
    struct header header;
    uint16_t sequence;
};

struct bench_mix_load;

struct bench_mix_io {
    struct io io;
    struct bench_mix_load *load;
};

struct bench_mix_load {
    unsigned ports, members, loudest, calls;
    unsigned sources; /* ports and the transports of calls: all that send */
    enum srtp_profile profile;
    const char *engine_name;
    struct plane plane;
    struct link_server *server;
    struct srtp_engine *engine, *far_engine;
    struct worker *worker;
    struct bench_mix_io io;
    struct bench_mix_port *port;
    uint8_t talk[BENCH_MIX_FRAME], quiet[BENCH_MIX_FRAME], ping[BENCH_MIX_FRAME];
    /* Buffers. */
    struct packet *packet;
    uint8_t *buffer;
    struct packet **free_packet;
    unsigned free_packets;
    /* The device's two ends; NULL: nothing comes, nobody looks. */
    unsigned (*on_receive)(struct bench_mix_load *load, struct packet **p, unsigned n);
    void (*on_send)(struct bench_mix_load *load, uint32_t ssrc, const uint8_t *payload);
    uint64_t (*clock_us)(void);
    uint64_t sent; /* packets of mixes */
    void *user;
};

/* Fill in what is asked for, then open; close in any case. */
int bench_mix_load_open(struct bench_mix_load *load);
void bench_mix_load_close(struct bench_mix_load *load);

/* An empty buffer, NULL: none left. */
struct packet *bench_mix_take(struct bench_mix_load *load);
/* The next frame of source `i`, protected if it is secure. ERR_CRYPTO. */
int bench_mix_make_frame(struct bench_mix_load *load, unsigned i, const uint8_t *payload,
                         struct packet *p);

#endif
