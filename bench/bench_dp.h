/* A real sluice-dp under a benchmark: started with a configuration of its own, told its calls over
 * the link as sluiced does it, watched, and ended on every path.
 *
 * The program is killed with its parent (PR_SET_PDEATHSIG) and leads a process group of its own, so
 * that a Ctrl-C reaches it only through us, after the traffic has stopped. */
#ifndef BENCH_BENCH_DP_H
#define BENCH_BENCH_DP_H

#include "bench/bench_load.h"
#include "bench/bench_pipeline.h"
#include "link/link.h"

#include <stdbool.h>
#include <stdio.h>

#define BENCH_DP_WORKERS_MAX 32u

/* Ethernet addresses of the two ends of the wire. */
extern const uint8_t bench_dp_near_mac[6], bench_dp_far_mac[6];

struct bench_dp_config {
    const char *program;   /* NULL: $SLUICE_DP, beside this program, in the build, or in PATH */
    const char *interface; /* NULL: memif; otherwise af_packet on it (with bench_dp_far_mac) */
    const char *netns;     /* file of the network namespace that it runs in; NULL: ours */
    const char *engine;    /* data_plane.srtp_engine */
    const char *idle;      /* data_plane.idle */
    unsigned workers;
    uint16_t cpus[BENCH_DP_WORKERS_MAX];
    uint32_t transports; /* a worker */
    unsigned producers;  /* on the link; 0: one, ours */
    bool huge_pages;
};

struct bench_dp;

/* Start it and attach the link. A failure is told on standard error, with the last lines of its
 * log. ERR_NOTFOUND: no program; ERR_CLOSED: it ended; ERR_TIMEOUT; ERR_IO, ERR_NOMEM. */
int bench_dp_start(const struct bench_dp_config *config, struct bench_dp **dp);

/* SIGTERM, a bounded wait, SIGKILL; removes its files. NULL is allowed. */
void bench_dp_stop(struct bench_dp *dp);

/* The wire to it: memif alone, frames of at most `frame_max` bytes. As bench_memif_connect. */
int bench_dp_wire(struct bench_dp *dp, unsigned frame_max, struct bench_wire **wire);

/* Still running? */
bool bench_dp_alive(struct bench_dp *dp);

/* Reads what the link brought for us, waiting for it at most `ms`. ERR_CLOSED: the process ended,
 * or somebody asked us to stop. */
int bench_dp_idle(struct bench_dp *dp, int ms);

/* A producer's port (1...: for who takes records, a shard). NULL: there are not so many. */
struct link_port *bench_dp_port(struct bench_dp *dp, unsigned producer);

/* CPU time of its workers since they started, nanoseconds. */
uint64_t bench_dp_busy_ns(const struct bench_dp *dp);

/* Resident memory, bytes; its processor path for SRTP as it logged it ("" if not yet). */
uint64_t bench_dp_memory(const struct bench_dp *dp);
const char *bench_dp_engine(struct bench_dp *dp);

/* A counter over all workers. */
uint64_t bench_dp_counter(struct bench_dp *dp, enum link_counter counter);

/* Every counter that is not zero, for a message of what went wrong. */
void bench_dp_print_counters(struct bench_dp *dp, FILE *to);

/* ---- calls (bench_dp_calls.c) ---- */

struct bench_calls {
    enum bench_pipeline_path path;
    enum srtp_profile profile; /* not used by rtp-rtp */
    enum srtp_profile other;   /* of each call's second leg; NONE: the same */
    uint32_t calls;
    uint32_t receivers; /* 0: calls of two legs, media both ways; otherwise each call is a source
                         * and so many receivers, with an SSRC of their own (translated) */
    uint8_t records_to; /* not 0: no media. The legs' DTLS is that producer's, who gets and gives
                         * records of data channels */
};

/* Legs that the calls have. */
uint32_t bench_calls_legs(const struct bench_calls *calls);

/* Open them: legs 2i and 2i+1 are a call; with receivers the first leg of each group is the source.
 * Keys are drawn at random. *legs is an array of bench_calls_legs for bench_load_create; free it
 * with bench_calls_free. ERR_REFUSED: sluice-dp did not want a command (told on standard error).
 * ERR_CLOSED, ERR_TIMEOUT, ERR_NOMEM. */
int bench_calls_open(struct bench_dp *dp, const struct bench_calls *calls, struct bench_leg **legs);
/* The transport of a leg, after bench_calls_open. */
struct link_id bench_dp_leg(const struct bench_dp *dp, uint32_t leg);
void bench_calls_free(struct bench_leg *legs, uint32_t count);

#endif
