/* The generator: calls on a wire, sent at a rate, received and judged.
 *
 * It stands for all endpoints at once. What it sends is protected ahead, into memory, with our SRTP
 * engine: real packets with running sequence numbers and roll-over counters, each sent once. So the
 * core of the generator has only to copy while the clock runs. What comes back is counted; every
 * eighth frame is looked at for its delay, and some of them are kept and opened with libsrtp2
 * afterwards, payload compared (bench_load_verify).
 *
 * Order of calls: create; warm_up; any number of trial, each followed by verify if wanted. One
 * thread. */
#ifndef BENCH_BENCH_LOAD_H
#define BENCH_BENCH_LOAD_H

#include "bench/bench_histogram.h"
#include "bench/bench_wire.h"
#include "crypto/srtp_profile.h"
#include "link/link_msg.h"

#include <stdbool.h>
#include <stddef.h>

#define BENCH_LOAD_BYTES_MIN   32u /* longer than ARP: a frame's length tells what it is */
#define BENCH_LOAD_BYTES_MAX   1440u
#define BENCH_LOAD_LEGS_MAX    60000u
#define BENCH_LOAD_TIMELINE_MS 4096u

/* One end of a call: an endpoint's transport as the endpoint sees it. */
struct bench_leg {
    struct link_addr near, far; /* the endpoint's address, the server's; IPv4, near ports differ */
    struct srtp_master send;    /* profile NONE: plain RTP */
    struct srtp_master receive; /* what the server writes with */
    uint32_t ssrc;              /* of what is sent here */
    uint32_t peer;              /* whose packets come out here */
    bool sends;                 /* false: a receiver of a fan-out, which only listens */
};

struct bench_load_config {
    const struct bench_leg *legs; /* copied */
    uint32_t count;
    uint16_t bytes; /* of an RTP packet with its header, before protection */
    uint8_t near_mac[6], far_mac[6];
    const char *engine;  /* protects ahead: "auto", "mb", "libsrtp" */
    size_t memory_bytes; /* for packets protected ahead: bounds how long a trial can be */
    struct bench_wire *wire;
    uint64_t (*busy_ns)(void *context); /* CPU time of the server so far; NULL: not asked */
    void *context;
};

struct bench_load;

/* ERR_INVAL, ERR_NOMEM, ERR_UNSUPPORTED, ERR_CRYPTO. */
int bench_load_create(const struct bench_load_config *config, struct bench_load **load);
void bench_load_destroy(struct bench_load *load);

/* A few packets of every leg, slowly (`pps` in all), until each came out at its peer; learns what
 * SSRC and sequence numbers the server gives them. ERR_TIMEOUT: `*silent` legs heard nothing. */
int bench_load_warm_up(struct bench_load *load, double pps, uint32_t *silent);

/* What happened in each millisecond, by the time of sending. */
struct bench_timeline {
    uint32_t offered[BENCH_LOAD_TIMELINE_MS];
    uint32_t received[BENCH_LOAD_TIMELINE_MS];
};

struct bench_trial {
    double pps;                      /* 0: as fast as the wire takes them */
    double seconds;                  /* cut to what the memory holds */
    double after_pps, after_seconds; /* a second phase with a rate of its own; 0: none */
    double taken_pps; /* what the server will take of pps, if less: so much is made ahead */
    struct bench_timeline *timeline; /* NULL, or every frame is looked at (which costs speed) */
};

struct bench_trial_result {
    double seconds;    /* that packets were offered */
    uint64_t offered;  /* accepted and refused by the wire */
    uint64_t refused;  /* the server's receive ring was full: lost */
    uint64_t received; /* media that came back, copies of a fan-out one by one */
    uint64_t late;     /* media that came 20 ms after the last packet or later: lost */
    uint64_t foreign;  /* frames of another kind */
    double pps;        /* received a second */
    double offered_pps;
    double loss;       /* share of the offered */
    uint32_t after_ms; /* when the second phase began */
    uint64_t busy_ns;  /* CPU time of the server in these seconds */
    double full;       /* share of the bursts that met a full ring: the server was the limit */
    struct bench_histogram delay;
};

/* ERR_CLOSED: interrupted. ERR_CRYPTO. */
int bench_load_trial(struct bench_load *load, const struct bench_trial *trial,
                     struct bench_trial_result *result);

struct bench_verdict {
    uint64_t checked; /* packets opened with libsrtp2 (plain ones: compared) */
    uint64_t wrong;
};

/* Judge what was kept since the last call; adds to *verdict. ERR_CRYPTO, ERR_NOMEM. */
int bench_load_verify(struct bench_load *load, struct bench_verdict *verdict);

#endif
