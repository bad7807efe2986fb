/* sluice-bench demux: what it costs a worker to tell DTLS, RTP, RTCP, STUN and rubbish apart.
 *
 * A worker alone, frames in memory, as in sluice-bench pipeline: each kind by itself, then all in a
 * mixture as a port on the Internet sees it. After every pass the worker's counters must say that
 * each frame was taken for what it is. */
#ifndef BENCH_BENCH_DEMUX_H
#define BENCH_BENCH_DEMUX_H

#include <stdint.h>

/* X(name, text, counter that a frame of this kind must raise, share of the mixture in 1/100) */
#define BENCH_DEMUX_LIST(X)                                     \
    X(BENCH_DEMUX_RTP, "rtp", rtp_out, 40)                      \
    X(BENCH_DEMUX_SRTP, "srtp", rtp_out, 40)                    \
    X(BENCH_DEMUX_SRTCP, "srtcp", rtcp_in, 4)                   \
    X(BENCH_DEMUX_DTLS, "dtls", dtls_in, 4)                     \
    X(BENCH_DEMUX_STUN, "stun", stun_in, 4)                     \
    X(BENCH_DEMUX_GARBAGE, "garbage", first_byte, 2)            \
    X(BENCH_DEMUX_TRUNCATED, "truncated rtp", rtp_csrc, 2)      \
    X(BENCH_DEMUX_STRANGER, "other source", remote_mismatch, 2) \
    X(BENCH_DEMUX_NO_PORT, "no transport", no_transport, 1)     \
    X(BENCH_DEMUX_CHECKSUM, "wrong checksum", udp_checksum, 1)

enum bench_demux_kind {
#define BENCH_DEMUX_ENUM(name, text, counter, share) name,
    BENCH_DEMUX_LIST(BENCH_DEMUX_ENUM)
#undef BENCH_DEMUX_ENUM
        BENCH_DEMUX_MIX,
    BENCH_DEMUX_KINDS
};

struct bench_demux_result {
    double ns_per_frame; /* median of batches of 512: all that the worker does with such a frame */
    double classify_ns;  /* of that: parse, look-up and admit, as a stop-watch sees them */
};

/* Measures all kinds with `calls` calls (of one plain and one secure transport, AEAD_AES_128_GCM);
 * results[] by kind. ERR_STATE: a frame was taken for something else (told on standard error);
 * ERR_NOMEM, ERR_CRYPTO, ERR_INVAL. */
int bench_demux_run(uint32_t calls, unsigned rounds,
                    struct bench_demux_result results[BENCH_DEMUX_KINDS]);

const char *bench_demux_kind_to_str(enum bench_demux_kind kind);

#endif
