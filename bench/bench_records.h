/* What becomes of the records of data channels in the whole way through Sluice: from the wire into
 * a real sluice-dp, by the link to a real shard (server/dtls/shard.h), out of one association's
 * protection and into another's, and back by the link to the wire. Peers and wire are this program.
 */
#ifndef BENCH_BENCH_RECORDS_H
#define BENCH_BENCH_RECORDS_H

#include <stddef.h>
#include <stdint.h>

struct bench_records_config {
    unsigned relays;     /* pairs of associations; records go both ways */
    size_t size;         /* octets of data in a record */
    unsigned window;     /* records on their way at a time */
    unsigned ms;         /* of measuring */
    const char *program; /* sluice-dp; NULL: found */
};

struct bench_records_result {
    double
        records_s;   /* that came back, by the clock: worker, shard and peers share what there is */
    double shard_ns; /* CPU time of the shard's thread a record: in, opened, protected, out */
    double worker_ns; /* ... of sluice-dp's worker: both crossings of the link, and the wire */
    double lost;      /* share that did not come back */
    uint64_t records, checked; /* checked: opened by the peer, text compared */
};

/* ERR_IO: nothing came back; ERR_MALFORMED: a record came back as another; otherwise as
 * bench_dp_start. */
int bench_records_run(const struct bench_records_config *config,
                      struct bench_records_result *result);

#endif
