/* The engine's own rules: replay, roll-over, out of place, limits, statuses, bad input. They hold
 * for every back end: SRTP_TEST_ENGINE names the one to test (default libsrtp). */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/srtp.h"
#include "tests/crypto/srtp_possible.h"
#include "tests/suite.h"

#include <stdlib.h>

#define SSRC 0xdeadbeefu

static const struct srtp_limits limits = {.keys = 4, .streams = 8};
static struct srtp_engine *engine;

struct pair {
    struct srtp_key *key;
    struct srtp_stream *out, *in;
};

static int setup(void)
{
    return srtp_engine_create(srtp_test_engine(), &limits, &engine);
}

static int teardown(void)
{
    return srtp_engine_destroy(engine);
}

static void pair_init(struct pair *p, enum srtp_profile profile)
{
    struct srtp_master master = {.profile = profile, .key = {1, 2, 3}, .salt = {4, 5}};

    CU_ASSERT_EQUAL_FATAL(srtp_key_create(engine, &master, &p->key), 0);
    CU_ASSERT_EQUAL_FATAL(srtp_stream_create(p->key, SRTP_OUTBOUND, SSRC, &p->out), 0);
    CU_ASSERT_EQUAL_FATAL(srtp_stream_create(p->key, SRTP_INBOUND, SSRC, &p->in), 0);
}

static void pair_fini(struct pair *p)
{
    srtp_stream_destroy(p->out);
    srtp_stream_destroy(p->in);
    srtp_key_destroy(p->key);
}

static uint16_t make_rtp(uint8_t *packet, uint16_t seq, size_t payload)
{
    static const uint8_t head[12] = {0x80, 8, 0, 0, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef};

    memcpy(packet, head, sizeof(head));
    packet[2] = (uint8_t)(seq >> 8);
    packet[3] = (uint8_t)seq;
    for (size_t i = 0; i < payload; i++)
        packet[12 + i] = (uint8_t)(seq + i);
    return (uint16_t)(12 + payload);
}

static uint16_t make_rtcp(uint8_t *packet)
{
    static const uint8_t report[28] = {0x80, 200, 0, 6, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3};

    memcpy(packet, report, sizeof(report));
    return sizeof(report);
}

/* Protects a packet with this sequence number; returns its length on the wire. */
static uint16_t protect_seq(struct pair *p, uint16_t seq, uint8_t *wire, size_t room)
{
    uint8_t plain[64];
    struct srtp_job job = {.stream = p->out,
                           .src = plain,
                           .dst = wire,
                           .len = make_rtp(plain, seq, 20),
                           .dst_cap = (uint16_t)room};

    CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
    return job.out_len;
}

static enum srtp_status unprotect(struct pair *p, const uint8_t *wire, uint16_t len)
{
    uint8_t back[128];
    struct srtp_job job = {
        .stream = p->in, .src = wire, .dst = back, .len = len, .dst_cap = sizeof(back)};

    (void)srtp_unprotect_burst(engine, &job, 1);
    return (enum srtp_status)job.status;
}

static void engine_unknown_name_not_found(void)
{
    struct srtp_limits none = {0, 0};
    struct srtp_engine *other = NULL;

    CU_ASSERT_EQUAL(srtp_engine_create("nosuch", &limits, &other), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(srtp_engine_create(srtp_test_engine(), &none, &other), ERR_INVAL);
    CU_ASSERT_STRING_EQUAL(srtp_engine_name(engine), srtp_test_engine());
}

static void pools_exhausted_give_limit(void)
{
    struct srtp_master master = {.profile = SRTP_PROFILE_AEAD_AES_128_GCM};
    struct srtp_stream *streams[8] = {0}, *extra;
    struct srtp_key *keys[4] = {0}, *extra_key;

    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(srtp_key_create(engine, &master, &keys[i]), 0);
    CU_ASSERT_EQUAL(srtp_key_create(engine, &master, &extra_key), ERR_LIMIT);
    for (uint32_t i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(srtp_stream_create(keys[0], SRTP_INBOUND, i, &streams[i]), 0);
    CU_ASSERT_EQUAL(srtp_stream_create(keys[0], SRTP_INBOUND, 9, &extra), ERR_LIMIT);
    CU_ASSERT_EQUAL(srtp_engine_destroy(engine), ERR_STATE);
    /* The key lives until its last stream has gone. */
    for (int i = 0; i < 4; i++)
        srtp_key_destroy(keys[i]);
    CU_ASSERT_EQUAL(srtp_key_create(engine, &master, &keys[1]), 0);
    srtp_key_destroy(keys[1]);
    for (int i = 0; i < 8; i++)
        srtp_stream_destroy(streams[i]);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(srtp_key_create(engine, &master, &keys[i]), 0);
    for (int i = 0; i < 4; i++)
        srtp_key_destroy(keys[i]);
}

static void key_unknown_profile_unsupported(void)
{
    struct srtp_master master = {.profile = SRTP_PROFILE_NONE};
    struct srtp_key *key;

    CU_ASSERT_EQUAL(srtp_key_create(engine, &master, &key), ERR_UNSUPPORTED);
}

/* RFC 3711 §3.3.2: inside the window once, never again; behind it never. */
static void replay_window_is_kept(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        uint8_t old[80], wire[300][80];
        uint16_t old_len, len = 0;
        struct pair p;

        pair_init(&p, srtp_profile_preference[i]);
        old_len = protect_seq(&p, 100, old, sizeof(old));
        for (uint16_t k = 0; k < 300; k++)
            len = protect_seq(&p, (uint16_t)(101 + k), wire[k], sizeof(wire[k]));
        CU_ASSERT_EQUAL(unprotect(&p, wire[0], len), SRTP_OK);
        CU_ASSERT_EQUAL(unprotect(&p, wire[0], len), SRTP_REPLAY);
        CU_ASSERT_EQUAL(unprotect(&p, wire[299], len), SRTP_OK);
        CU_ASSERT_EQUAL(unprotect(&p, wire[200], len), SRTP_OK); /* late, inside */
        CU_ASSERT_EQUAL(unprotect(&p, wire[200], len), SRTP_REPLAY);
        CU_ASSERT_EQUAL(unprotect(&p, wire[150], len), SRTP_TOO_OLD);
        CU_ASSERT_EQUAL(unprotect(&p, old, old_len), SRTP_TOO_OLD);
        pair_fini(&p);
    }
}

static void rollover_sequence_wraps_counter_grows(void)
{
    uint8_t wire[80], before[80];
    uint16_t len, before_len = 0;
    uint32_t roc = 9;
    struct pair p;

    pair_init(&p, SRTP_PROFILE_AES128_CM_SHA1_80);
    for (uint32_t seq = 65000; seq < 65536 + 65536 + 10; seq++) {
        len = protect_seq(&p, (uint16_t)seq, wire, sizeof(wire));
        if (seq == 65530) { /* comes late, after the wrap */
            memcpy(before, wire, len);
            before_len = len;
            continue;
        }
        CU_ASSERT_EQUAL(unprotect(&p, wire, len), SRTP_OK);
        if (seq == 65540)
            CU_ASSERT_EQUAL(unprotect(&p, before, before_len), SRTP_OK);
    }
    CU_ASSERT_EQUAL(srtp_stream_get_roc(p.in, &roc), 0);
    CU_ASSERT_EQUAL(roc, 2);
    pair_fini(&p);
}

static void roc_set_lets_late_joiner_in(void)
{
    uint8_t wire[80];
    uint32_t roc = 0;
    uint16_t len;
    struct pair p;

    pair_init(&p, SRTP_PROFILE_AEAD_AES_128_GCM);
    CU_ASSERT_EQUAL(srtp_stream_set_roc(p.out, 5), 0);
    CU_ASSERT_EQUAL(srtp_stream_get_roc(p.out, &roc), 0);
    CU_ASSERT_EQUAL(roc, 5);
    len = protect_seq(&p, 1000, wire, sizeof(wire));
    CU_ASSERT_EQUAL(unprotect(&p, wire, len), SRTP_AUTH_FAIL);
    CU_ASSERT_EQUAL(srtp_stream_set_roc(p.in, 5), 0);
    CU_ASSERT_EQUAL(unprotect(&p, wire, len), SRTP_OK);
    CU_ASSERT_EQUAL(srtp_stream_get_roc(p.in, &roc), 0);
    CU_ASSERT_EQUAL(roc, 5);
    pair_fini(&p);
}

/* One payload, three headers, three protections; the payload is left alone. */
static void out_of_place_one_payload_feeds_many(void)
{
    struct srtp_master master = {.profile = SRTP_PROFILE_AEAD_AES_128_GCM, .key = {7}};
    uint8_t payload[160], copy[160], head[3][12], wire[3][200];
    struct srtp_job jobs[3] = {0};
    struct srtp_stream *out[3], *in[3];
    struct srtp_key *key;

    memset(payload, 0x5a, sizeof(payload));
    memcpy(copy, payload, sizeof(copy));
    CU_ASSERT_EQUAL_FATAL(srtp_key_create(engine, &master, &key), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(srtp_stream_create(key, SRTP_OUTBOUND, i, &out[i]), 0);
        CU_ASSERT_EQUAL_FATAL(srtp_stream_create(key, SRTP_INBOUND, i, &in[i]), 0);
        make_rtp(head[i], (uint16_t)(i * 100), 0);
        memset(head[i] + 8, 0, 4);
        head[i][11] = (uint8_t)i;
        jobs[i] = (struct srtp_job){.stream = out[i],
                                    .hdr = head[i],
                                    .hdr_len = 12,
                                    .src = payload,
                                    .len = sizeof(payload),
                                    .dst = wire[i],
                                    .dst_cap = sizeof(wire[i])};
    }
    /* The second's header is in place already. */
    memcpy(wire[1], head[1], 12);
    jobs[1].hdr = wire[1];
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, jobs, 3), 3);
    CU_ASSERT_EQUAL(memcmp(payload, copy, sizeof(copy)), 0);
    for (int i = 0; i < 3; i++) {
        struct srtp_job back = {.stream = in[i],
                                .src = wire[i],
                                .dst = wire[i],
                                .len = jobs[i].out_len,
                                .dst_cap = sizeof(wire[i])};

        CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &back, 1), 1);
        CU_ASSERT_EQUAL(back.out_len, 172);
        CU_ASSERT_EQUAL(memcmp(wire[i] + 12, payload, sizeof(payload)), 0);
        CU_ASSERT_EQUAL(memcmp(wire[i], head[i], 12), 0);
        srtp_stream_destroy(out[i]);
        srtp_stream_destroy(in[i]);
    }
    srtp_key_destroy(key);
}

/* A bad job among good ones touches nobody else. */
static void burst_mixed_each_has_its_own_status(void)
{
    uint8_t wire[4][80], back[4][80];
    struct srtp_job jobs[4];
    struct pair p;

    pair_init(&p, SRTP_PROFILE_AES128_CM_SHA1_32);
    for (uint16_t i = 0; i < 4; i++)
        jobs[i] = (struct srtp_job){.stream = p.in,
                                    .src = wire[i],
                                    .dst = back[i],
                                    .len = protect_seq(&p, (uint16_t)(10 + i), wire[i], 80),
                                    .dst_cap = 80};
    wire[1][20] ^= 1;
    jobs[2].dst_cap = 10;
    wire[3][11] ^= 1;
    CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, jobs, 4), 1);
    CU_ASSERT_EQUAL(jobs[0].status, SRTP_OK);
    CU_ASSERT_EQUAL(jobs[1].status, SRTP_AUTH_FAIL);
    CU_ASSERT_EQUAL(jobs[1].out_len, 0);
    CU_ASSERT_EQUAL(jobs[2].status, SRTP_NO_ROOM);
    CU_ASSERT_EQUAL(jobs[3].status, SRTP_WRONG_SSRC);
    pair_fini(&p);
}

static void rtcp_replay_and_tamper_refused(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        uint8_t plain[64], wire[80], back[80];
        struct srtp_job job = {.src = plain, .dst = wire, .dst_cap = sizeof(wire), .is_rtcp = true};
        struct pair p;

        pair_init(&p, srtp_profile_preference[i]);
        job.stream = p.out;
        job.len = make_rtcp(plain);
        CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
        /* 80 bits of tag for both CM profiles, RFC 5764 §4.1.2. */
        CU_ASSERT_EQUAL(job.out_len, 28 + 4 + (i < 2 ? 16 : 10));
        job.stream = p.in;
        job.src = wire;
        job.dst = back;
        job.len = job.out_len;
        wire[12] ^= 1;
        CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 0);
        CU_ASSERT_EQUAL(job.status, SRTP_AUTH_FAIL);
        wire[12] ^= 1;
        CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 1);
        CU_ASSERT_EQUAL(memcmp(back, plain, 28), 0);
        CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 0);
        CU_ASSERT_EQUAL(job.status, SRTP_REPLAY);
        pair_fini(&p);
    }
}

/* Every prefix of a packet, and random bytes: refused, and no byte outside is touched (ASan). */
static void truncated_at_every_byte_is_refused(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        uint8_t wire[80];
        uint16_t full;
        struct pair p;

        pair_init(&p, srtp_profile_preference[i]);
        full = protect_seq(&p, 7, wire, sizeof(wire));
        for (uint16_t len = 0; len < full; len++) {
            uint8_t *exact = malloc(len ? len : 1);

            memcpy(exact, wire, len);
            CU_ASSERT_NOT_EQUAL(unprotect(&p, exact, len), SRTP_OK);
            free(exact);
        }
        CU_ASSERT_EQUAL(unprotect(&p, wire, full), SRTP_OK);
        pair_fini(&p);
    }
}

static void header_lying_about_its_length_is_malformed(void)
{
    uint8_t wire[64] = {0};
    struct pair p;

    pair_init(&p, SRTP_PROFILE_AEAD_AES_128_GCM);
    make_rtp(wire, 1, 40);
    wire[0] = 0x8f; /* 15 CSRCs do not fit */
    CU_ASSERT_EQUAL(unprotect(&p, wire, 52), SRTP_MALFORMED);
    wire[0] = 0x90; /* extension of 65535 words */
    wire[14] = wire[15] = 0xff;
    CU_ASSERT_EQUAL(unprotect(&p, wire, 52), SRTP_MALFORMED);
    wire[0] = 0x40; /* version 1 */
    CU_ASSERT_EQUAL(unprotect(&p, wire, 52), SRTP_MALFORMED);
    pair_fini(&p);
}

static void direction_wrong_fails(void)
{
    uint8_t wire[80];
    uint16_t len;
    struct pair p;
    struct srtp_job job = {.src = wire, .dst = wire, .dst_cap = sizeof(wire)};

    pair_init(&p, SRTP_PROFILE_AEAD_AES_128_GCM);
    len = protect_seq(&p, 7, wire, sizeof(wire));
    job.stream = p.out;
    job.len = len;
    CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 0);
    CU_ASSERT_EQUAL(job.status, SRTP_FAILED);
    pair_fini(&p);
}

static void protect_same_sequence_twice_is_refused(void)
{
    uint8_t plain[64], wire[80];
    struct pair p;
    struct srtp_job job = {.src = plain, .dst = wire, .dst_cap = sizeof(wire)};

    /* The same index twice would be the same keystream twice. */
    pair_init(&p, SRTP_PROFILE_AEAD_AES_128_GCM);
    job.stream = p.out;
    job.len = make_rtp(plain, 5, 20);
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 0);
    CU_ASSERT_EQUAL(job.status, SRTP_REPLAY);
    pair_fini(&p);
}

static void names_round_trip(void)
{
    enum srtp_profile profile;

    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        const char *name = srtp_profile_to_str(srtp_profile_preference[i]);

        CU_ASSERT_EQUAL(srtp_profile_parse(name, &profile), 0);
        CU_ASSERT_EQUAL(profile, srtp_profile_preference[i]);
        CU_ASSERT_EQUAL(srtp_profile_parse(name + 5, &profile), 0);
    }
    CU_ASSERT_EQUAL(srtp_profile_parse("SRTP_NULL_SHA1_80", &profile), ERR_NOTFOUND);
    CU_ASSERT_PTR_NULL(srtp_profile_find(5));
    CU_ASSERT_STRING_EQUAL(srtp_profile_to_str(SRTP_PROFILE_NONE), "none");
    for (int i = 0; i < SRTP_STATUS_COUNT; i++)
        CU_ASSERT_STRING_NOT_EQUAL(srtp_status_to_str((enum srtp_status)i), "unknown");
    CU_ASSERT_STRING_EQUAL(srtp_status_to_str(SRTP_STATUS_COUNT), "unknown");
}

static void secret_memory_is_zeroed_and_compared(void)
{
    uint8_t a[16] = {1, 2, 3}, b[16] = {1, 2, 3};
    uint8_t *p = secret_alloc(10000);

    CU_ASSERT_TRUE(secret_equal(a, b, sizeof(a)));
    b[15] = 1;
    CU_ASSERT_FALSE(secret_equal(a, b, sizeof(a)));
    secret_wipe(b, sizeof(b));
    for (size_t i = 0; i < sizeof(b); i++)
        CU_ASSERT_EQUAL(b[i], 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(p[9999], 0);
    secret_free(p, 10000);
    CU_ASSERT_PTR_NULL(secret_alloc(0));
    secret_free(NULL, 0);
}

SUITE_IF("crypto/srtp", srtp_test_engine_is_possible, setup, teardown,
         TEST(engine_unknown_name_not_found), TEST(pools_exhausted_give_limit),
         TEST(key_unknown_profile_unsupported), TEST(replay_window_is_kept),
         TEST(rollover_sequence_wraps_counter_grows), TEST(roc_set_lets_late_joiner_in),
         TEST(out_of_place_one_payload_feeds_many), TEST(burst_mixed_each_has_its_own_status),
         TEST(rtcp_replay_and_tamper_refused), TEST(truncated_at_every_byte_is_refused),
         TEST(header_lying_about_its_length_is_malformed), TEST(direction_wrong_fails),
         TEST(protect_same_sequence_twice_is_refused), TEST(names_round_trip),
         TEST(secret_memory_is_zeroed_and_compared))
