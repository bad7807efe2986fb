/* DTLS handshakes between two of our associations over a network in memory: what they cost without
 * loss, and how long they take with it, by a virtual clock. */
#ifndef BENCH_BENCH_DTLS_H
#define BENCH_BENCH_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_dtls_options {
    unsigned handshakes;
    double loss, duplicate, reorder; /* shares of the datagrams, 0..1 */
    unsigned delay_ms;               /* one way */
    uint64_t seed;
    bool is_resumed; /* all but the first handshake are abbreviated */
};

struct bench_dtls_result {
    unsigned completed; /* both ends established with equal keys */
    unsigned resumed;
    uint32_t p50_ms, p99_ms, max_ms;   /* virtual: first flight to both established */
    double handshakes_per_s;           /* of processor time, both ends together */
    double client_per_s, server_per_s; /* the same of one end alone: what a core of a shard does */
    double datagrams;                  /* sent, a handshake, both ends together */
    size_t heap_bytes;                 /* of an established association */
    size_t parked_bytes;
};

/* ERR_NOMEM, ERR_CRYPTO. */
int bench_dtls_run(const struct bench_dtls_options *options, struct bench_dtls_result *out);

#endif
