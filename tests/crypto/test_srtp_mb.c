/* The back end `mb`: vectors of RFC 3711 and RFC 7714 on every code path of this CPU, packets
 * between guard pages, bursts, life of keys. Its agreement with libsrtp is test_srtp_mb_diff.c. */
#include "base/err.h"
#include "base/log.h"
#include "crypto/srtp_mb.h"
#include "tests/crypto/srtp_judge.h"
#include "tests/crypto/srtp_possible.h"
#include "tests/suite.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SSRC     0x01020304u
#define PAGE     4096
#define RTP_HEAD 12

static const struct srtp_limits limits = {.keys = 40, .streams = 80};
static const char *const path_names[] = {
#define PATH_NAME(id, name, init, flags, needs) name,
    MB_PATH_LIST(PATH_NAME)
#undef PATH_NAME
};

/* Runs a test on an engine of each code path that this CPU has, then with the paths it chooses. */
static void on_every_path(void (*run)(struct srtp_engine *engine))
{
    unsigned ran = 0;

    log_set_level_all(LOG_LEVEL_OFF);
    for (size_t i = 0; i <= MB_PATH_COUNT; i++) {
        struct srtp_engine *engine = NULL;
        int rc;

        setenv("SLUICE_SRTP_PATH", i < MB_PATH_COUNT ? path_names[i] : "", 1);
        rc = srtp_engine_create("mb", &limits, &engine);
        if (rc == ERR_UNSUPPORTED)
            continue;
        CU_ASSERT_EQUAL_FATAL(rc, 0);
        run(engine);
        CU_ASSERT_EQUAL(srtp_engine_destroy(engine), 0);
        ran++;
    }
    CU_ASSERT_TRUE(ran >= 2);
}

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;

    while (sscanf(text, " %2x", &byte) == 1) {
        out[n++] = (uint8_t)byte;
        text += strspn(text, " ") + 2;
    }
    return n;
}

static void check_bytes(const uint8_t *got, const char *want)
{
    uint8_t bytes[256];
    size_t n = unhex(want, bytes);

    CU_ASSERT_EQUAL(memcmp(got, bytes, n), 0);
}

static struct srtp_master make_master(enum srtp_profile profile)
{
    struct srtp_master master = {.profile = profile};

    for (size_t i = 0; i < sizeof(master.key); i++)
        master.key[i] = (uint8_t)(i * 7 + profile);
    for (size_t i = 0; i < sizeof(master.salt); i++)
        master.salt[i] = (uint8_t)(i * 13 + 5);
    return master;
}

struct ends {
    struct srtp_key *key;
    struct srtp_stream *out;
    struct srtp_stream *in;
};

static struct ends open_ends(struct srtp_engine *engine, enum srtp_profile profile, uint32_t ssrc)
{
    struct srtp_master master = make_master(profile);
    struct ends ends = {0};

    CU_ASSERT_EQUAL_FATAL(srtp_key_create(engine, &master, &ends.key), 0);
    CU_ASSERT_EQUAL_FATAL(srtp_stream_create(ends.key, SRTP_OUTBOUND, ssrc, &ends.out), 0);
    CU_ASSERT_EQUAL_FATAL(srtp_stream_create(ends.key, SRTP_INBOUND, ssrc, &ends.in), 0);
    return ends;
}

static void close_ends(struct ends *ends)
{
    srtp_stream_destroy(ends->out);
    srtp_stream_destroy(ends->in);
    srtp_key_destroy(ends->key);
}

static void rtp_packet(uint8_t *data, size_t len, uint16_t seq, uint32_t ssrc)
{
    memset(data, 0x5a, len);
    data[0] = 0x80;
    data[2] = (uint8_t)(seq >> 8);
    data[3] = (uint8_t)seq;
    mb_write_u32(data + 8, ssrc);
}

static struct srtp_job make_job(struct srtp_stream *stream, const uint8_t *src, size_t len,
                                uint8_t *dst, size_t cap)
{
    return (struct srtp_job){
        .stream = stream, .src = src, .len = (uint16_t)len, .dst = dst, .dst_cap = (uint16_t)cap};
}

/* ---- vectors ---- */

static void derive_b3(struct srtp_engine *engine)
{
    struct srtp_master master = {.profile = SRTP_PROFILE_AES128_CM_SHA1_80};
    uint8_t cipher[16], salt[14], auth[20];

    unhex("E1F97A0D3E018BE0D64FA32C06DE4139", master.key);
    unhex("0EC675AD498AFEEBB6960B3AABE6", master.salt);
    mb_derive(engine->state, &master, SRTP_KDF_RTP_CIPHER, cipher, sizeof(cipher));
    mb_derive(engine->state, &master, SRTP_KDF_RTP_SALT, salt, sizeof(salt));
    mb_derive(engine->state, &master, SRTP_KDF_RTP_AUTH, auth, sizeof(auth));
    check_bytes(cipher, "C61E7A93744F39EE10734AFE3FF7A087");
    check_bytes(salt, "30CBBC08863D8C85D49DB34A9AE1");
    check_bytes(auth, "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA4");
}

static void key_derivation_rfc3711_b3_gives_session_keys(void)
{
    on_every_path(derive_b3);
}

static void session_keys(struct srtp_engine *engine)
{
    static const enum srtp_kdf_label labels[] = {SRTP_KDF_RTP_CIPHER, SRTP_KDF_RTP_AUTH,
                                                 SRTP_KDF_RTP_SALT,   SRTP_KDF_RTCP_CIPHER,
                                                 SRTP_KDF_RTCP_AUTH,  SRTP_KDF_RTCP_SALT};

    for (size_t p = 0; p < SRTP_PROFILE_COUNT; p++) {
        struct srtp_master master = make_master(srtp_profile_preference[p]);
        uint8_t got[32], want[32];

        for (unsigned l = 0; l < 6; l++)
            for (size_t len = 1; len <= sizeof(got); len++) {
                mb_derive(engine->state, &master, labels[l], got, len);
                judge_derive(&master, (enum judge_label)l, want, len);
                CU_ASSERT_EQUAL(memcmp(got, want, len), 0);
            }
    }
}

static void key_derivation_all_profiles_agrees_with_judge(void)
{
    on_every_path(session_keys);
}

/* RFC 3711 §B.2: session key, salt, SSRC 0 and index 0 give this key stream. */
static void keystream_b2(struct srtp_engine *engine)
{
    struct ends ends = open_ends(engine, SRTP_PROFILE_AES128_CM_SHA1_80, 0);
    struct mb_state *state = engine->state;
    uint8_t key[16], packet[RTP_HEAD + 48], out[sizeof(packet) + 10];
    _Alignas(16) uint8_t unused[11][16];
    struct srtp_job job = make_job(ends.out, packet, sizeof(packet), out, sizeof(out));

    unhex("2B7E151628AED2A6ABF7158809CF4F3C", key);
    IMB_AES_KEYEXP_128(mb_select_ctr(&state->select), key, mb_keys(ends.key, false)->cm.round,
                       unused);
    unhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD", mb_stream(ends.out)->iv);
    memset(packet, 0, sizeof(packet));
    packet[0] = 0x80;
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
    check_bytes(out + RTP_HEAD, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"
                                "41E95B3BB0A2E8DD477901E4FCA894C0");
    close_ends(&ends);
}

static void aes_cm_rfc3711_b2_gives_keystream(void)
{
    on_every_path(keystream_b2);
}

static const char rtp_7714[] = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973"
                               "20646976 69736120 696e2070 61727465 73207472 6573";

/* Session keys 00 01 02 ... and the salt of RFC 7714 §16 in a key and both its streams. */
static void set_gcm_keys(struct srtp_engine *engine, struct ends *ends, bool is_wide, int is_rtcp)
{
    struct mb_state *state = engine->state;
    IMB_MGR *manager = state->select.managers[state->select.gcm[is_wide]];
    struct gcm_key_data *data = &mb_keys(ends->key, is_rtcp)->gcm.data;
    struct srtp_stream *streams[] = {ends->out, ends->in};
    uint8_t key[32], salt[12];

    for (uint8_t i = 0; i < sizeof(key); i++)
        key[i] = i;
    unhex("51756964 2070726f 2071756f", salt);
    if (is_wide)
        IMB_AES256_GCM_PRE(manager, key, data);
    else
        IMB_AES128_GCM_PRE(manager, key, data);
    for (size_t i = 0; i < 2; i++) {
        struct mb_stream *m = mb_stream(streams[i]);
        uint8_t *iv = is_rtcp ? m->rtcp_iv : m->iv;

        memcpy(iv, salt, sizeof(salt));
        for (int k = 0; k < 4; k++)
            iv[2 + k] ^= (uint8_t)(streams[i]->ssrc >> (24 - 8 * k));
    }
}

static void gcm_vector(struct srtp_engine *engine, enum srtp_profile profile, const char *plain_hex,
                       const char *want, bool is_rtcp)
{
    uint8_t plain[128], out[160], back[160];
    size_t len = unhex(plain_hex, plain);
    struct ends ends = open_ends(engine, profile, srtp_read_u32(plain + (is_rtcp ? 4 : 8)));
    struct srtp_job job = make_job(ends.out, plain, len, out, sizeof(out));

    set_gcm_keys(engine, &ends, profile == SRTP_PROFILE_AEAD_AES_256_GCM, is_rtcp);
    mb_stream(ends.out)->rtcp_next = 0x5d4;
    job.is_rtcp = is_rtcp;
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
    CU_ASSERT_EQUAL(job.out_len, len + (is_rtcp ? 20 : 16));
    check_bytes(out, want);
    job = make_job(ends.in, out, job.out_len, back, sizeof(back));
    job.is_rtcp = is_rtcp;
    CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 1);
    CU_ASSERT_EQUAL(job.out_len, len);
    CU_ASSERT_EQUAL(memcmp(back, plain, len), 0);
    close_ends(&ends);
}

static void vectors_7714(struct srtp_engine *engine)
{
    /* §16.1.1, §16.2.1, §17.1 */
    gcm_vector(engine, SRTP_PROFILE_AEAD_AES_128_GCM, rtp_7714,
               "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5"
               "0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
               false);
    gcm_vector(engine, SRTP_PROFILE_AEAD_AES_256_GCM, rtp_7714,
               "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238"
               "9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
               false);
    gcm_vector(engine, SRTP_PROFILE_AEAD_AES_128_GCM,
               "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61"
               "deadbeef deadbeef deadbeef deadbeef deadbeef",
               "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d"
               "c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872"
               "45d9eade 800005d4",
               true);
}

static void gcm_rfc7714_16_17_gives_packets(void)
{
    on_every_path(vectors_7714);
}

/* ---- memory ---- */

/* One writable page between two that must not be touched. */
static uint8_t *guarded_page(void)
{
    uint8_t *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CU_ASSERT_FATAL(p != MAP_FAILED);
    CU_ASSERT_EQUAL_FATAL(mprotect(p, PAGE, PROT_NONE), 0);
    CU_ASSERT_EQUAL_FATAL(mprotect(p + 2 * PAGE, PAGE, PROT_NONE), 0);
    return p + PAGE;
}

struct guarded {
    uint8_t *src;
    uint8_t *dst;
    uint8_t plain[PAGE];
    uint16_t seq;
};

/* A packet of len bytes there and back with source and result flush with the end of their pages,
 * or with the start. */
static void guard_one(struct srtp_engine *engine, struct ends *ends, struct guarded *g, size_t len,
                      bool at_end, bool is_rtcp)
{
    const struct srtp_profile_info *info = ends->key->info;
    size_t added = is_rtcp ? info->rtcp_tag_len + 4u : info->rtp_tag_len;
    uint8_t *src = g->src + (at_end ? PAGE - len : 0);
    uint8_t *dst = g->dst + (at_end ? PAGE - len - added : 0);
    struct srtp_job job = make_job(ends->out, src, len, dst, len + added);

    rtp_packet(g->plain, len, ++g->seq, SSRC);
    if (is_rtcp)
        mb_write_u32(g->plain + 4, SSRC);
    memcpy(src, g->plain, len);
    job.is_rtcp = is_rtcp;
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
    CU_ASSERT_EQUAL(job.out_len, len + added);
    src = g->src + (at_end ? PAGE - len - added : 0);
    job = make_job(ends->in, dst, len + added, src, len + added);
    job.is_rtcp = is_rtcp;
    CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 1);
    CU_ASSERT_EQUAL(job.out_len, len);
    CU_ASSERT_EQUAL(memcmp(src, g->plain, len), 0);
    /* Once more in place, refused as a replay or for its tag, at the same edge. */
    job = make_job(ends->in, dst, len + added, dst, len + added);
    job.is_rtcp = is_rtcp;
    CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 0);
    CU_ASSERT_EQUAL(job.status, SRTP_REPLAY);
}

static void guard_all(struct srtp_engine *engine)
{
    struct guarded g = {.src = guarded_page(), .dst = guarded_page()};

    for (size_t p = 0; p < SRTP_PROFILE_COUNT; p++) {
        struct ends ends = open_ends(engine, srtp_profile_preference[p], SSRC);

        for (size_t len = RTP_HEAD; len < 1600; len += len < 400 ? 1 : 61)
            for (int k = 0; k < 4; k++)
                guard_one(engine, &ends, &g, len, (k & 1) == 0, (k & 2) == 0);
        close_ends(&ends);
    }
    munmap(g.src - PAGE, 3 * PAGE);
    munmap(g.dst - PAGE, 3 * PAGE);
}

static void guard_pages_all_sizes_touch_nothing_outside(void)
{
    on_every_path(guard_all);
}

/* Truncated at every byte, at the end of a page: refused, nothing read behind it. */
static void truncated_all(struct srtp_engine *engine)
{
    uint8_t *page = guarded_page();
    uint8_t plain[200], whole[256], out[256];

    for (size_t p = 0; p < 2 * SRTP_PROFILE_COUNT; p++) {
        struct ends ends = open_ends(engine, srtp_profile_preference[p / 2], SSRC);
        struct srtp_job job = make_job(ends.out, plain, sizeof(plain), whole, sizeof(whole));

        rtp_packet(plain, sizeof(plain), 7, SSRC);
        plain[0] = p & 1 ? 0x80 : 0x93; /* three CSRCs and an extension of four words */
        if (p & 1)
            mb_write_u32(plain + 4, SSRC);
        plain[26] = 0;
        plain[27] = 4;
        job.is_rtcp = p & 1;
        CU_ASSERT_EQUAL(srtp_protect_burst(engine, &job, 1), 1);
        for (uint16_t len = 0; len < job.out_len; len++) {
            uint8_t *at = page + PAGE - len;
            struct srtp_job cut = make_job(ends.in, at, len, out, sizeof(out));

            memcpy(at, whole, len);
            cut.is_rtcp = job.is_rtcp;
            CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &cut, 1), 0);
            CU_ASSERT_TRUE(cut.status == SRTP_MALFORMED || cut.status == SRTP_AUTH_FAIL);
            CU_ASSERT_EQUAL(cut.out_len, 0);
        }
        close_ends(&ends);
    }
    munmap(page - PAGE, 3 * PAGE);
}

static void truncated_every_length_is_refused(void)
{
    on_every_path(truncated_all);
}

static void destroyed_key_and_stream_leave_zeros(void)
{
    struct srtp_engine *engine = NULL;
    static const uint8_t zeros[sizeof(struct mb_key)];

    unsetenv("SLUICE_SRTP_PATH");
    CU_ASSERT_EQUAL_FATAL(srtp_engine_create("mb", &limits, &engine), 0);
    for (size_t p = 0; p < SRTP_PROFILE_COUNT; p++) {
        struct ends ends = open_ends(engine, srtp_profile_preference[p], SSRC);
        union mb_keys *rtcp = mb_keys(ends.key, true);

        CU_ASSERT_NOT_EQUAL(memcmp(rtcp, zeros, sizeof(*rtcp)), 0);
        CU_ASSERT_EQUAL(memcmp(ends.key->master.key, zeros, sizeof(ends.key->master.key)), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(ends.key->priv, zeros, sizeof(struct mb_key)), 0);
        close_ends(&ends);
        CU_ASSERT_EQUAL(memcmp(ends.key->priv, zeros, sizeof(struct mb_key)), 0);
        CU_ASSERT_EQUAL(memcmp(rtcp, zeros, sizeof(*rtcp)), 0);
        CU_ASSERT_EQUAL(memcmp(ends.in->priv, zeros, sizeof(struct mb_stream)), 0);
    }
    CU_ASSERT_EQUAL(srtp_engine_destroy(engine), 0);
}

/* ---- bursts ---- */

/* One plaintext, read-only, to 70 receivers under mixed suites; each gets what it would get alone.
 */
static void fan_out(struct srtp_engine *engine)
{
    enum { N = 70, LEN = 173 };
    static uint8_t headers[N][RTP_HEAD], out[N][256], back[256];
    uint8_t *payload = guarded_page();
    struct srtp_job jobs[N];
    struct ends ends[4];

    memset(payload, 0x77, PAGE);
    CU_ASSERT_EQUAL_FATAL(mprotect(payload, PAGE, PROT_READ), 0);
    for (uint32_t i = 0; i < 4; i++)
        ends[i] = open_ends(engine, srtp_profile_preference[i], SSRC + i);
    for (uint32_t i = 0; i < N; i++) {
        rtp_packet(headers[i], RTP_HEAD, (uint16_t)(100 + i), SSRC + i % 4);
        jobs[i] = make_job(ends[i % 4].out, payload + PAGE - LEN, LEN, out[i], sizeof(out[i]));
        jobs[i].hdr = headers[i];
        jobs[i].hdr_len = RTP_HEAD;
    }
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, jobs, N), N);
    for (uint32_t i = 0; i < N; i++) {
        struct srtp_job job = make_job(ends[i % 4].in, out[i], jobs[i].out_len, back, sizeof(back));

        CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 1);
        CU_ASSERT_EQUAL(job.out_len, RTP_HEAD + LEN);
        CU_ASSERT_EQUAL(memcmp(back, headers[i], RTP_HEAD), 0);
        CU_ASSERT_EQUAL(memcmp(back + RTP_HEAD, payload + PAGE - LEN, LEN), 0);
    }
    for (uint32_t i = 0; i < 4; i++)
        close_ends(&ends[i]);
    munmap(payload - PAGE, 3 * PAGE);
}

static void one_plaintext_many_receivers_is_not_copied(void)
{
    on_every_path(fan_out);
}

struct script {
    uint16_t seq;
    bool is_forged;
    enum srtp_status want;
};

/* Runs scripted packets of one sender, whose ROC the judge knows, as one burst. */
static void run_script(struct srtp_engine *engine, enum srtp_profile profile,
                       const struct script *script, const uint32_t *rocs, size_t n)
{
    struct ends ends = open_ends(engine, profile, SSRC);
    struct srtp_master master = make_master(profile);
    static uint8_t packets[32][128];
    struct srtp_job jobs[32];
    struct judge_keys keys;

    judge_session(&master, false, &keys);
    for (size_t i = 0; i < n; i++) {
        size_t len;

        rtp_packet(packets[i], 60, script[i].seq, SSRC);
        len = judge_rtp(&keys, rocs[i], packets[i], 60);
        packets[i][20] ^= script[i].is_forged;
        jobs[i] = make_job(ends.in, packets[i], len, packets[i], sizeof(packets[i]));
    }
    srtp_unprotect_burst(engine, jobs, n);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(jobs[i].status, script[i].want);
    close_ends(&ends);
}

/* What later packets of a burst mean depends on earlier ones: first packet, wrap, jumps of half the
 * number space, forgeries that must move nothing, the same packet twice. */
static void burst_order(struct srtp_engine *engine)
{
    static const struct script script[] = {
        {100, true, SRTP_AUTH_FAIL}, {30000, false, SRTP_OK},       {30000, false, SRTP_REPLAY},
        {30000, true, SRTP_REPLAY},  {60000, true, SRTP_AUTH_FAIL}, {29990, false, SRTP_OK},
        {60000, false, SRTP_OK},     {2000, false, SRTP_OK},        {65535, false, SRTP_TOO_OLD},
        {2001, false, SRTP_OK},      {2001, false, SRTP_REPLAY},    {2200, false, SRTP_OK},
        {2001, false, SRTP_TOO_OLD}, {2199, false, SRTP_OK},        {34000, false, SRTP_OK},
        {1, false, SRTP_OK}};
    static const uint32_t rocs[] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 2};

    /* 101 follows 100 and yet means another packet once 60000 has been accepted. */
    static const struct script far[] = {
        {100, false, SRTP_OK}, {60000, false, SRTP_OK}, {101, false, SRTP_OK}};
    static const uint32_t far_rocs[] = {0, 0, 1};

    for (size_t p = 0; p < SRTP_PROFILE_COUNT; p++) {
        run_script(engine, srtp_profile_preference[p], script, rocs,
                   sizeof(script) / sizeof(script[0]));
        run_script(engine, srtp_profile_preference[p], far, far_rocs, sizeof(far) / sizeof(far[0]));
    }
}

static void burst_of_one_stream_is_as_one_by_one(void)
{
    on_every_path(burst_order);
}

static void foreign_jobs(struct srtp_engine *engine)
{
    struct ends mine = open_ends(engine, SRTP_PROFILE_AES128_CM_SHA1_80, SSRC);
    struct srtp_engine *other = NULL;
    struct ends theirs;
    uint8_t plain[64], out[96];
    struct srtp_job jobs[4];

    CU_ASSERT_EQUAL_FATAL(srtp_engine_create("mb", &limits, &other), 0);
    theirs = open_ends(other, SRTP_PROFILE_AEAD_AES_128_GCM, SSRC);
    rtp_packet(plain, sizeof(plain), 1, SSRC);
    jobs[0] = make_job(theirs.out, plain, sizeof(plain), out, sizeof(out));
    jobs[1] = make_job(mine.in, plain, sizeof(plain), out, sizeof(out));
    jobs[2] = make_job(mine.out, plain, sizeof(plain), out, sizeof(plain) + 9);
    jobs[3] = make_job(mine.out, plain, sizeof(plain), out, sizeof(plain) + 10);
    CU_ASSERT_EQUAL(srtp_protect_burst(engine, jobs, 4), 1);
    CU_ASSERT_EQUAL(jobs[0].status, SRTP_FAILED);
    CU_ASSERT_EQUAL(jobs[1].status, SRTP_FAILED);
    CU_ASSERT_EQUAL(jobs[2].status, SRTP_NO_ROOM);
    CU_ASSERT_EQUAL(jobs[3].status, SRTP_OK);
    close_ends(&theirs);
    close_ends(&mine);
    CU_ASSERT_EQUAL(srtp_engine_destroy(other), 0);
}

static void foreign_stream_or_direction_or_no_room_fails_alone(void)
{
    on_every_path(foreign_jobs);
}

/* ---- clear SRTCP ---- */

static void open_clear_rtcp(struct srtp_engine *engine)
{
    for (size_t p = 0; p < SRTP_PROFILE_COUNT; p++)
        for (int in_place = 0; in_place < 2; in_place++) {
            struct ends ends = open_ends(engine, srtp_profile_preference[p], SSRC);
            uint8_t plain[128], packet[128], out[128];
            struct srtp_master master;
            struct judge_keys keys;
            struct srtp_job job;
            size_t len;

            rtp_packet(plain, 61, 9, 0);
            mb_write_u32(plain + 4, SSRC);
            memcpy(packet, plain, sizeof(packet));
            master = make_master(srtp_profile_preference[p]);
            judge_session(&master, true, &keys);
            len = judge_rtcp_clear(&keys, 77, packet, 61);
            packet[30] ^= 1;
            job = make_job(ends.in, packet, len, out, sizeof(out));
            job.is_rtcp = true;
            CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 0);
            CU_ASSERT_EQUAL(job.status, SRTP_AUTH_FAIL);
            packet[30] ^= 1;
            job.dst = in_place ? packet : out;
            CU_ASSERT_EQUAL(srtp_unprotect_burst(engine, &job, 1), 1);
            CU_ASSERT_EQUAL(job.out_len, 61);
            CU_ASSERT_EQUAL(memcmp(job.dst, plain, 61), 0);
            close_ends(&ends);
        }
}

static void rtcp_with_e_bit_0_is_authenticated_only(void)
{
    on_every_path(open_clear_rtcp);
}

/* ---- life of keys ---- */

static enum srtp_status protect_seq(struct srtp_engine *engine, struct srtp_stream *stream,
                                    uint16_t seq, bool is_rtcp)
{
    uint8_t plain[40], out[64];
    struct srtp_job job = make_job(stream, plain, sizeof(plain), out, sizeof(out));

    rtp_packet(plain, sizeof(plain), seq, SSRC);
    if (is_rtcp)
        mb_write_u32(plain + 4, SSRC);
    job.is_rtcp = is_rtcp;
    srtp_protect_burst(engine, &job, 1);
    return (enum srtp_status)job.status;
}

static void lifetimes(struct srtp_engine *engine)
{
    for (size_t p = 0; p < SRTP_PROFILE_COUNT; p++) {
        struct ends ends = open_ends(engine, srtp_profile_preference[p], SSRC);

        CU_ASSERT_EQUAL(srtp_stream_set_roc(ends.out, 0xffffffffu), 0);
        CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 65535, false), SRTP_OK);
        CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 0, false), SRTP_KEY_EXPIRED);
        CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 65535, false), SRTP_REPLAY);
        mb_stream(ends.out)->rtcp_next = MB_SRTCP_INDEX_MAX;
        CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 0, true), SRTP_OK);
        CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 0, true), SRTP_KEY_EXPIRED);
        close_ends(&ends);
    }
}

static void last_index_then_key_is_expired(void)
{
    on_every_path(lifetimes);
}

/* The lifetime counts the packets of all streams under a key; what a stream leased and did not use
 * comes back. */
static void shared_lifetime(struct srtp_engine *engine)
{
    struct ends ends = open_ends(engine, SRTP_PROFILE_AES128_CM_SHA1_80, SSRC);
    struct srtp_stream *second = NULL;
    uint64_t *left = &mb_key(ends.key)->rtp_left;

    CU_ASSERT_EQUAL_FATAL(srtp_stream_create(ends.key, SRTP_OUTBOUND, SSRC, &second), 0);
    *left = MB_LEASE + 2;
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 1, false), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, second, 1, false), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, second, 2, false), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, second, 3, false), SRTP_KEY_EXPIRED);
    srtp_stream_destroy(ends.out);
    ends.out = second;
    CU_ASSERT_EQUAL(*left, MB_LEASE - 1);
    CU_ASSERT_EQUAL(protect_seq(engine, second, 3, false), SRTP_OK);
    mb_key(ends.key)->rtcp_left = 1;
    CU_ASSERT_EQUAL(protect_seq(engine, second, 0, true), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, second, 0, true), SRTP_KEY_EXPIRED);
    close_ends(&ends);
}

static void key_lifetime_is_shared_by_streams(void)
{
    on_every_path(shared_lifetime);
}

static void replayed_index_is_never_written_again(void)
{
    struct srtp_engine *engine = NULL;
    struct ends ends;

    unsetenv("SLUICE_SRTP_PATH");
    CU_ASSERT_EQUAL_FATAL(srtp_engine_create("mb", &limits, &engine), 0);
    ends = open_ends(engine, SRTP_PROFILE_AEAD_AES_128_GCM, SSRC);
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 5, false), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 5, false), SRTP_REPLAY);
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 4, false), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 300, false), SRTP_OK);
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 172, false), SRTP_TOO_OLD);
    CU_ASSERT_EQUAL(protect_seq(engine, ends.out, 173, false), SRTP_OK);
    close_ends(&ends);
    CU_ASSERT_EQUAL(srtp_engine_destroy(engine), 0);
}

/* ---- choice of code path ---- */

static void unknown_path_is_refused(void)
{
    struct srtp_engine *engine = NULL;

    setenv("SLUICE_SRTP_PATH", "neon", 1);
    CU_ASSERT_EQUAL(srtp_engine_create("mb", &limits, &engine), ERR_INVAL);
    unsetenv("SLUICE_SRTP_PATH");
    CU_ASSERT_PTR_NULL(engine);
}

static void auto_takes_mb_and_tells_its_paths(void)
{
    struct srtp_engine *engine = NULL;

    unsetenv("SLUICE_SRTP_PATH");
    CU_ASSERT_EQUAL_FATAL(srtp_engine_create("auto", &limits, &engine), 0);
    CU_ASSERT_STRING_EQUAL(srtp_engine_name(engine), "mb");
    CU_ASSERT_PTR_NOT_NULL(strstr(srtp_engine_describe(engine), "hmac-sha1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(srtp_engine_describe(engine), "gcm-256"));
    CU_ASSERT_EQUAL(srtp_engine_destroy(engine), 0);
}

SUITE_IF("crypto/srtp_mb", srtp_mb_is_possible, NULL, NULL,
         TEST(key_derivation_rfc3711_b3_gives_session_keys),
         TEST(key_derivation_all_profiles_agrees_with_judge),
         TEST(aes_cm_rfc3711_b2_gives_keystream), TEST(gcm_rfc7714_16_17_gives_packets),
         TEST(guard_pages_all_sizes_touch_nothing_outside), TEST(truncated_every_length_is_refused),
         TEST(destroyed_key_and_stream_leave_zeros),
         TEST(one_plaintext_many_receivers_is_not_copied),
         TEST(burst_of_one_stream_is_as_one_by_one),
         TEST(foreign_stream_or_direction_or_no_room_fails_alone),
         TEST(rtcp_with_e_bit_0_is_authenticated_only), TEST(last_index_then_key_is_expired),
         TEST(key_lifetime_is_shared_by_streams), TEST(replayed_index_is_never_written_again),
         TEST(unknown_path_is_refused), TEST(auto_takes_mb_and_tells_its_paths))
