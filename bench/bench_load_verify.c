/* The judge of what the generator got back: libsrtp2 opens it, the payload must be what was sent.
 * sluice-dp wrote it with another engine (mb), so that one bug cannot hide on both sides. */
#include "base/err.h"
#include "bench/bench_load_priv.h"

#include <string.h>

#define ROOM (BENCH_FRAME_MAX + SRTP_RTP_OVERHEAD_MAX)

/* The roll-over counter is not on the wire: it follows from how many packets came before. */
static uint32_t roll_over(const struct bench_load *load, const struct sample *s)
{
    uint16_t first =
        (uint16_t)(load->sender[load->leg[s->leg].peer].first + load->receiver[s->leg].delta);

    return (uint32_t)((first + s->visit) >> 16);
}

static int open_sample(struct srtp_engine *judge, const struct bench_load *load,
                       const struct sample *s, uint8_t *out, uint16_t *length)
{
    struct srtp_key *key = NULL;
    struct srtp_stream *stream = NULL;
    struct srtp_job job = {.src = s->rtp, .len = s->length, .dst = out, .dst_cap = ROOM};
    int rc = srtp_key_create(judge, &load->leg[s->leg].receive, &key);

    if (rc == 0)
        rc = srtp_stream_create(key, SRTP_INBOUND, load->receiver[s->leg].ssrc, &stream);
    if (rc == 0)
        rc = srtp_stream_set_roc(stream, roll_over(load, s));
    if (rc == 0) {
        job.stream = stream;
        *length = srtp_unprotect_burst(judge, &job, 1) == 1 ? job.out_len : 0;
    }
    srtp_stream_destroy(stream);
    srtp_key_destroy(key);
    return rc;
}

static int judge_sample(struct srtp_engine *judge, const struct bench_load *load,
                        const struct sample *s, bool *good)
{
    uint8_t out[ROOM], expected[BENCH_LOAD_BYTES_MAX];
    uint16_t length = s->length;
    int rc = 0;

    if (load->leg[s->leg].receive.profile != SRTP_PROFILE_NONE)
        rc = open_sample(judge, load, s, out, &length);
    else
        memcpy(out, s->rtp, s->length);
    bench_load_payload(expected, load->c.bytes - 12u,
                       bench_load_number(load, load->leg[s->leg].peer, s->visit));
    *good = length == load->c.bytes && out[0] == 0x80 &&
            wire_get32(out + 8) == load->receiver[s->leg].ssrc &&
            memcmp(out + 12, expected, load->c.bytes - 12u) == 0;
    return rc;
}

int bench_load_verify(struct bench_load *load, struct bench_verdict *verdict)
{
    struct srtp_limits limits = {.keys = 1, .streams = 2};
    struct srtp_engine *judge;
    int rc = srtp_engine_create("libsrtp", &limits, &judge);

    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < load->samples && rc == 0; i++) {
        bool good = false;

        rc = judge_sample(judge, load, &load->sample[i], &good);
        verdict->checked++;
        verdict->wrong += !good;
    }
    load->samples = 0;
    srtp_engine_destroy(judge);
    return rc;
}
