/* Calls of another server, set up by somebody else: a file that tells the generator of them.
 *
 * JSON, an array; elements 2i and 2i + 1 are the two ends of a call:
 *   {"near": "198.18.1.10", "near_port": 2000, "far": "198.18.0.2", "far_port": 30000,
 *    "ssrc": 1592590336, "suite": "AES_CM_128_HMAC_SHA1_80",
 *    "send": "KEY AND SALT, HEXADECIMAL", "receive": "..."}
 * Without suite: plain RTP. "send" is what the endpoint writes with. */
#ifndef BENCH_BENCH_LEGS_H
#define BENCH_BENCH_LEGS_H

#include "bench/bench_load.h"

/* *legs as of bench_calls_open, *count of them. A fault is told on standard error. ERR_IO,
 * ERR_MALFORMED, ERR_NOMEM. */
int bench_legs_load(const char *path, struct bench_leg **legs, uint32_t *count);

#endif
