/* A lane of sluice-bench srtp: an SRTP engine through its public interface. */
#include "base/err.h"
#include "bench/bench_srtp_lane.h"
#include "crypto/srtp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RTP_HEADER 12

struct session {
    struct srtp_key *key[2]; /* outbound, inbound: the same master key, twice in memory */
    struct srtp_stream *stream[2];
    uint16_t seq;
};

struct lane {
    struct srtp_engine *engine;
    struct session *sessions;
    uint32_t session_count;
    uint16_t bytes;
    struct srtp_job out[BENCH_SRTP_BURST];
    struct srtp_job in[BENCH_SRTP_BURST];
    _Alignas(64) uint8_t plain[BENCH_SRTP_BURST][BENCH_SRTP_SLOT];
    uint8_t wire[BENCH_SRTP_BURST][BENCH_SRTP_SLOT];
};

static void write_header(uint8_t *p, uint16_t seq, uint32_t ssrc)
{
    memset(p, 0, RTP_HEADER);
    p[0] = 0x80;
    p[2] = (uint8_t)(seq >> 8);
    p[3] = (uint8_t)seq;
    for (int i = 0; i < 4; i++)
        p[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
}

static void prepare(void *state, const uint32_t *sessions, size_t n)
{
    struct lane *lane = state;

    for (size_t i = 0; i < n; i++) {
        struct session *s = &lane->sessions[sessions[i]];

        write_header(lane->plain[i], s->seq++, sessions[i]);
        lane->out[i] = (struct srtp_job){.stream = s->stream[SRTP_OUTBOUND],
                                         .src = lane->plain[i],
                                         .dst = lane->wire[i],
                                         .len = lane->bytes,
                                         .dst_cap = BENCH_SRTP_SLOT};
        lane->in[i] = (struct srtp_job){.stream = s->stream[SRTP_INBOUND],
                                        .src = lane->wire[i],
                                        .dst = lane->wire[i],
                                        .dst_cap = BENCH_SRTP_SLOT};
    }
}

static bool protect(void *state, size_t n)
{
    struct lane *lane = state;

    return srtp_protect_burst(lane->engine, lane->out, n) == n;
}

static bool unprotect(void *state, size_t n)
{
    struct lane *lane = state;

    for (size_t i = 0; i < n; i++)
        lane->in[i].len = lane->out[i].out_len;
    return srtp_unprotect_burst(lane->engine, lane->in, n) == n &&
           memcmp(lane->plain[0], lane->wire[0], lane->bytes) == 0;
}

static void close_lane(void *state)
{
    struct lane *lane = state;

    for (uint32_t i = 0; lane->sessions && i < lane->session_count; i++)
        for (int dir = 0; dir < 2; dir++) {
            srtp_stream_destroy(lane->sessions[i].stream[dir]);
            srtp_key_destroy(lane->sessions[i].key[dir]);
        }
    free(lane->sessions);
    (void)srtp_engine_destroy(lane->engine);
    free(lane);
}

static int open_session(struct lane *lane, uint32_t number, enum srtp_profile profile)
{
    struct session *s = &lane->sessions[number];
    struct srtp_master master = {.profile = profile};
    int rc = 0;

    for (size_t i = 0; i < sizeof(master.key); i++)
        master.key[i] = (uint8_t)(number >> (i % 4 * 8));
    for (int dir = 0; dir < 2 && rc == 0; dir++) {
        rc = srtp_key_create(lane->engine, &master, &s->key[dir]);
        if (rc == 0)
            rc = srtp_stream_create(s->key[dir], dir == 0 ? SRTP_OUTBOUND : SRTP_INBOUND, number,
                                    &s->stream[dir]);
    }
    return rc;
}

_Static_assert(SRTP_OUTBOUND == 0 && SRTP_INBOUND == 1, "directions index the session's arrays");

int bench_srtp_open_engine(const char *name, const struct bench_srtp_case *c, char *paths,
                           size_t paths_size, struct bench_srtp_lane *out)
{
    const struct srtp_limits limits = {.keys = 2 * c->sessions + 1, .streams = 2 * c->sessions + 2};
    struct lane *lane = aligned_alloc(64, (sizeof(*lane) + 63) / 64 * 64);
    int rc;

    if (!lane)
        return ERR_NOMEM;
    memset(lane, 0, sizeof(*lane));
    lane->bytes = c->bytes;
    lane->session_count = c->sessions;
    lane->sessions = calloc(c->sessions, sizeof(*lane->sessions));
    rc = lane->sessions ? srtp_engine_create(name, &limits, &lane->engine) : ERR_NOMEM;
    for (uint32_t i = 0; i < c->sessions && rc == 0; i++)
        rc = open_session(lane, i, c->profile);
    if (rc != 0) {
        close_lane(lane);
        return rc == ERR_NOTFOUND ? ERR_UNSUPPORTED : rc;
    }
    if (paths)
        snprintf(paths, paths_size, "%s", srtp_engine_describe(lane->engine));
    *out = (struct bench_srtp_lane){lane, prepare, protect, unprotect, close_lane};
    return 0;
}
