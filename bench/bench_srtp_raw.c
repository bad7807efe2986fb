/* A lane of sluice-bench srtp: intel-ipsec-mb called as directly as can be, on the code paths that
 * the engine would choose, with keys fetched ahead and IVs ready. What it leaves out is SRTP: no
 * headers, indices, replay windows, no tag put in place or compared. */
#include "base/err.h"
#include "bench/bench_srtp_lane.h"

#ifndef SLUICE_SRTP_MB

int bench_srtp_open_raw(const struct bench_srtp_case *c, struct bench_srtp_lane *out)
{
    (void)c;
    (void)out;
    return ERR_UNSUPPORTED;
}

#else

#include "base/secret.h"
#include "crypto/srtp_mb_select.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER    12
#define KEY_AHEAD 4
#define ROC_SIZE  4

struct cm_key {
    _Alignas(64) uint8_t round[11][16];
    uint8_t ipad[20], opad[20];
};

struct gcm_key {
    _Alignas(64) struct gcm_key_data data;
};

struct lane {
    struct mb_select select;
    size_t keys_size;
    uint8_t *keys[2]; /* outbound, inbound: an array of cm_key or gcm_key each */
    bool is_gcm, is_wide, has_late_hash_keys;
    uint16_t bytes;
    uint32_t sessions[BENCH_SRTP_BURST];
    IMB_JOB jobs[BENCH_SRTP_BURST];
    struct gcm_context_data context;
    _Alignas(16) uint8_t ivs[BENCH_SRTP_BURST][16];
    uint8_t tags[BENCH_SRTP_BURST][16];
    _Alignas(64) uint8_t plain[BENCH_SRTP_BURST][BENCH_SRTP_SLOT];
    uint8_t wire[BENCH_SRTP_BURST][BENCH_SRTP_SLOT];
};

static void prepare(void *state, const uint32_t *sessions, size_t n)
{
    struct lane *lane = state;

    memcpy(lane->sessions, sessions, n * sizeof(*sessions));
    for (size_t i = 0; i < n; i++)
        memset(lane->plain[i], 0x80, HEADER);
}

static inline void prefetch(const uint8_t *key, size_t size)
{
    for (size_t i = 0; i < size; i += 64)
        mb_prefetch(key + i);
}

static void fill_cm(struct lane *lane, size_t n, const uint8_t *keys, bool is_inbound)
{
    const struct cm_key *all = (const struct cm_key *)(const void *)keys;

    for (size_t i = 0; i < n; i++) {
        const struct cm_key *key = &all[lane->sessions[i]];
        IMB_JOB *job = &lane->jobs[i];

        if (i + KEY_AHEAD < n)
            prefetch((const uint8_t *)&all[lane->sessions[i + KEY_AHEAD]], sizeof(*key));
        job->enc_keys = key->round;
        job->src = is_inbound ? lane->wire[i] : lane->plain[i];
        job->cipher_start_src_offset_in_bytes = HEADER;
        job->dst = lane->wire[i] + HEADER;
        job->msg_len_to_cipher_in_bytes = (uint64_t)lane->bytes - HEADER;
        job->iv = lane->ivs[i];
        job->iv_len_in_bytes = 16;
        job->hash_start_src_offset_in_bytes =
            (uint64_t)(uintptr_t)lane->wire[i] - (uint64_t)(uintptr_t)job->src;
        job->msg_len_to_hash_in_bytes = (uint64_t)lane->bytes + ROC_SIZE;
        job->auth_tag_output = lane->tags[i];
        job->auth_tag_output_len_in_bytes = 12;
        job->u.HMAC._hashed_auth_key_xor_ipad = key->ipad;
        job->u.HMAC._hashed_auth_key_xor_opad = key->opad;
    }
}

static bool cipher_cm(struct lane *lane, size_t n)
{
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(mb_select_ctr(&lane->select), lane->jobs, (uint32_t)n,
                                           IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                           IMB_KEY_128_BYTES) == n;
}

static bool hash_cm(struct lane *lane, size_t n)
{
    return IMB_SUBMIT_HASH_BURST_NOCHECK(mb_select_hmac(&lane->select, (uint32_t)n), lane->jobs,
                                         (uint32_t)n, IMB_AUTH_HMAC_SHA_1) == n;
}

/* Round keys, and those powers of the hash key that the packet takes: in falling order at the end
 * with VAES, in rising order elsewhere. */
static inline void prefetch_gcm(const struct gcm_key *key, size_t len, bool has_late_hash_keys)
{
    size_t late = len < 640 ? len / 64 * 64 + 128 : 768;

    prefetch((const uint8_t *)key, has_late_hash_keys ? 256 : 512);
    if (has_late_hash_keys)
        prefetch((const uint8_t *)(key + 1) - late, late);
}

static bool run_gcm(struct lane *lane, size_t n, bool is_inbound)
{
    IMB_MGR *m = lane->select.managers[lane->select.gcm[lane->is_wide]];
    const struct gcm_key *all = (const struct gcm_key *)(const void *)lane->keys[is_inbound];
    const size_t len = (size_t)lane->bytes - HEADER;

    for (size_t i = 0; i < n; i++) {
        const struct gcm_key_data *key = &all[lane->sessions[i]].data;
        const uint8_t *src = is_inbound ? lane->wire[i] : lane->plain[i];

        if (i + KEY_AHEAD < n)
            prefetch_gcm(&all[lane->sessions[i + KEY_AHEAD]], len, lane->has_late_hash_keys);
        (is_inbound ? (lane->is_wide ? m->gcm256_dec : m->gcm128_dec)
                    : (lane->is_wide ? m->gcm256_enc : m->gcm128_enc))(
            key, &lane->context, lane->wire[i] + HEADER, src + HEADER, len, lane->ivs[i], src,
            HEADER, lane->tags[i], 16);
    }
    return true;
}

static bool protect(void *state, size_t n)
{
    struct lane *lane = state;

    if (lane->is_gcm)
        return run_gcm(lane, n, false);
    fill_cm(lane, n, lane->keys[0], false);
    return cipher_cm(lane, n) && hash_cm(lane, n);
}

static bool unprotect(void *state, size_t n)
{
    struct lane *lane = state;

    if (lane->is_gcm)
        return run_gcm(lane, n, true);
    fill_cm(lane, n, lane->keys[1], true);
    return hash_cm(lane, n) && cipher_cm(lane, n);
}

static void close_lane(void *state)
{
    struct lane *lane = state;

    mb_select_fini(&lane->select);
    secret_free(lane->keys[0], lane->keys_size);
    secret_free(lane->keys[1], lane->keys_size);
    free(lane);
}

static void make_cm_key(struct lane *lane, struct cm_key *key, const uint8_t bytes[32])
{
    IMB_MGR *m = mb_select_ctr(&lane->select);
    _Alignas(16) uint8_t unused[11][16];
    uint8_t block[64] = {0};

    IMB_AES_KEYEXP_128(m, bytes, key->round, unused);
    memcpy(block, bytes, 20);
    IMB_SHA1_ONE_BLOCK(m, block, key->ipad);
    block[20] = 1;
    IMB_SHA1_ONE_BLOCK(m, block, key->opad);
}

static void make_keys(struct lane *lane, uint32_t sessions)
{
    IMB_MGR *m = lane->select.managers[lane->select.gcm[lane->is_wide]];
    uint8_t bytes[32];

    for (uint32_t i = 0; i < 2 * sessions; i++) {
        uint8_t *keys = lane->keys[i % 2];

        for (size_t b = 0; b < sizeof(bytes); b++)
            bytes[b] = (uint8_t)(i / 2 >> (b % 4 * 8));
        if (!lane->is_gcm)
            make_cm_key(lane, &((struct cm_key *)(void *)keys)[i / 2], bytes);
        else if (lane->is_wide)
            IMB_AES256_GCM_PRE(m, bytes, &((struct gcm_key *)(void *)keys)[i / 2].data);
        else
            IMB_AES128_GCM_PRE(m, bytes, &((struct gcm_key *)(void *)keys)[i / 2].data);
    }
}

int bench_srtp_open_raw(const struct bench_srtp_case *c, struct bench_srtp_lane *out)
{
    const struct srtp_profile_info *info = srtp_profile_find(c->profile);
    struct lane *lane = aligned_alloc(64, (sizeof(*lane) + 63) / 64 * 64);
    const char *pin = getenv("SLUICE_SRTP_PATH");
    int rc;

    if (!lane)
        return ERR_NOMEM;
    memset(lane, 0, sizeof(*lane));
    lane->bytes = c->bytes;
    lane->is_gcm = info->salt_len == 12;
    lane->is_wide = info->key_len == 32;
    lane->keys_size = c->sessions * (lane->is_gcm ? sizeof(struct gcm_key) : sizeof(struct cm_key));
    lane->keys[0] = secret_alloc(lane->keys_size);
    lane->keys[1] = secret_alloc(lane->keys_size);
    rc = lane->keys[0] && lane->keys[1] ? mb_select_init(&lane->select, pin && pin[0] ? pin : NULL)
                                        : ERR_NOMEM;
    if (rc != 0) {
        close_lane(lane);
        return rc;
    }
    lane->has_late_hash_keys =
        lane->select.gcm[lane->is_wide] == MB_PATH_AVX512 &&
        (imb_get_feature_flags() & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2;
    make_keys(lane, c->sessions);
    *out = (struct bench_srtp_lane){lane, prepare, protect, unprotect, close_lane};
    return 0;
}

#endif
