/* What a data channel costs: SCTP by usrsctp in the records of our DTLS, both ends on one core and
 * in one process, beside the same SCTP alone (the ceiling); and what a relay of records costs, as a
 * shard does it. No network: the data plane and the link are not in it. */
#ifndef BENCH_BENCH_DATA_H
#define BENCH_BENCH_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_data_config {
    unsigned associations;
    size_t size; /* octets of a message */
    bool has_dtls;
    unsigned ms; /* of measuring */
};

struct bench_data_result {
    double mbit_s, messages_s; /* a second of the thread's CPU time */
    double p99_ms; /* by the clock, from send to receipt, with `window` messages of each on their
                      way */
    unsigned window;
    unsigned up;     /* associations that came up */
    double kib_each; /* of heap for one, both ends */
};

/* ERR_NOMEM, ERR_CRYPTO; ERR_STATE: not all of them came up. */
int bench_data_run(const struct bench_data_config *config, struct bench_data_result *out);

/* Records of `size` octets that one core takes out of one connection and puts into another, a
 * second. */
int bench_data_relay(size_t size, unsigned ms, double *records_s);

#endif
