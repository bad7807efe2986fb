/* Self-calibration of the back end `mb`. Every candidate does the same work in turn, several
 * rounds, and its best round counts: what else the machine does can only make a round slower. */
#include "base/clock.h"
#include "base/secret.h"
#include "crypto/srtp_mb_select.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS    4 /* a disturbance longer than three of them spoils the choice, not the result */
#define PACKETS   64
#define SLOT      1280
#define KEY_BYTES 32

/* An audio and a video packet, in bytes; each weighs as much as the other in the choice. G.711 with
 * 20 ms, and a packet of video: what this server carries. */
static const uint16_t sizes[] = {172, 1212};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

/* The keys are zeros and the packets too: the time of none of these depends on them. */
struct bench {
    _Alignas(64) uint8_t packets[PACKETS][SLOT];
    _Alignas(64) uint8_t round_keys[15][16];
    _Alignas(64) struct gcm_key_data gcm_key;
    struct gcm_context_data gcm_context;
    uint8_t iv[16];
    uint8_t pad[20];
    uint8_t tags[PACKETS][20];
    IMB_JOB jobs[PACKETS];
};

/* Work of one round: `n` packets at once until 64 (or 16 where they come singly) are done. */
typedef void (*work_fn)(struct bench *bench, IMB_MGR *manager, uint32_t n, uint16_t size);

static void fill_job(struct bench *bench, uint32_t i, uint16_t size)
{
    IMB_JOB *job = &bench->jobs[i];

    job->enc_keys = bench->round_keys;
    job->src = bench->packets[i];
    job->dst = bench->packets[i];
    job->msg_len_to_cipher_in_bytes = size;
    job->iv = bench->iv;
    job->iv_len_in_bytes = sizeof(bench->iv);
    job->key_len_in_bytes = IMB_KEY_128_BYTES;
    job->msg_len_to_hash_in_bytes = size;
    job->auth_tag_output = bench->tags[i];
    job->auth_tag_output_len_in_bytes = 12;
    job->u.HMAC._hashed_auth_key_xor_ipad = bench->pad;
    job->u.HMAC._hashed_auth_key_xor_opad = bench->pad;
}

/* CTR is batched as the packet path does it: all 64. */
static void work_ctr(struct bench *bench, IMB_MGR *manager, uint32_t n, uint16_t size)
{
    for (uint32_t i = 0; i < n; i++)
        fill_job(bench, i, size);
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, bench->jobs, n, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                    IMB_KEY_128_BYTES);
}

/* HMAC depends on how many lanes are filled: each class of batch sizes gets its own measurement. */
static void work_hmac(struct bench *bench, IMB_MGR *manager, uint32_t n, uint16_t size)
{
    for (uint32_t done = 0; done < PACKETS / 4; done += n) {
        for (uint32_t i = 0; i < n; i++)
            fill_job(bench, i, size);
        IMB_SUBMIT_HASH_BURST_NOCHECK(manager, bench->jobs, n, IMB_AUTH_HMAC_SHA_1);
    }
}

static void work_gcm128(struct bench *bench, IMB_MGR *manager, uint32_t n, uint16_t size)
{
    for (uint32_t i = 0; i < n; i++)
        IMB_AES128_GCM_ENC(manager, &bench->gcm_key, &bench->gcm_context, bench->packets[i],
                           bench->packets[i], size, bench->iv, bench->iv, 12, bench->tags[i], 16);
}

static void work_gcm256(struct bench *bench, IMB_MGR *manager, uint32_t n, uint16_t size)
{
    for (uint32_t i = 0; i < n; i++)
        IMB_AES256_GCM_ENC(manager, &bench->gcm_key, &bench->gcm_context, bench->packets[i],
                           bench->packets[i], size, bench->iv, bench->iv, 12, bench->tags[i], 16);
}

/* GCM keys have another layout in each path. */
static void prepare(struct bench *bench, IMB_MGR *manager, work_fn work)
{
    uint8_t key[KEY_BYTES] = {0};

    if (work == work_gcm128)
        /* Not timed: keys are made once a call. */
        IMB_AES128_GCM_PRE(manager, key, &bench->gcm_key);
    else if (work == work_gcm256)
        IMB_AES256_GCM_PRE(manager, key, &bench->gcm_key);
}

static uint64_t time_ns(struct bench *bench, IMB_MGR *manager, work_fn work, uint32_t n,
                        uint16_t size)
{
    uint64_t start = clock_mono_ns();

    work(bench, manager, n, size);
    return clock_mono_ns() - start;
}

/* best[path][size]: nanoseconds of the fastest round. */
static void measure(const struct mb_select *select, struct bench *bench, work_fn work, uint32_t n,
                    uint64_t best[MB_PATH_COUNT][SIZE_COUNT])
{
    /* 0xff..: slower than anything */
    memset(best, 0xff, sizeof(uint64_t) * MB_PATH_COUNT * SIZE_COUNT);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned path = 0; path < MB_PATH_COUNT; path++) {
            if (!select->managers[path])
                continue;
            prepare(bench, select->managers[path], work);
            for (unsigned s = 0; s < SIZE_COUNT; s++) {
                uint64_t ns = time_ns(bench, select->managers[path], work, n, sizes[s]);

                if (ns < best[path][s])
                    best[path][s] = ns;
            }
        }
}

/* The path with the smallest sum over the sizes of its time against the fastest at that size. Sums
 * of ratios, not of times: the long packet would otherwise outweigh the short one seven times. */
static uint8_t choose(const struct mb_select *select, struct bench *bench, work_fn work, uint32_t n)
{
    uint64_t best[MB_PATH_COUNT][SIZE_COUNT], lowest[SIZE_COUNT];
    double best_score = 0;
    uint8_t chosen = MB_PATH_COUNT;

    measure(select, bench, work, n, best);
    for (unsigned s = 0; s < SIZE_COUNT; s++) {
        lowest[s] = UINT64_MAX;
        for (unsigned path = 0; path < MB_PATH_COUNT; path++)
            if (best[path][s] < lowest[s])
                lowest[s] = best[path][s];
    }
    for (uint8_t path = 0; path < MB_PATH_COUNT; path++) {
        double score = 0;

        if (!select->managers[path])
            continue;
        for (unsigned s = 0; s < SIZE_COUNT; s++)
            /* +1: a clock too coarse to see the round must not divide by zero. */
            score += (double)best[path][s] / (double)(lowest[s] + 1);
        if (chosen == MB_PATH_COUNT || score < best_score) {
            chosen = path;
            best_score = score;
        }
    }
    return chosen;
}

/* More than one: MB_PATH_COUNT + 1 stays below no count and ends the search. */
static uint8_t only_path(const struct mb_select *select)
{
    uint8_t only = MB_PATH_COUNT;

    for (uint8_t path = 0; path < MB_PATH_COUNT; path++)
        if (select->managers[path])
            only = only == MB_PATH_COUNT ? path : MB_PATH_COUNT + 1;
    return only;
}

void mb_calibrate(struct mb_select *select)
{
    struct bench *bench = aligned_alloc(64, (sizeof(*bench) + 63) / 64 * 64);
    uint8_t path = only_path(select);

    /* Pinned, or a CPU with a single path: 40 ms of start-up saved. */
    if (path < MB_PATH_COUNT || !bench) {
        /* Nothing to choose, or nothing to measure with: any path is right. */
        for (path = 0; !select->managers[path];)
            path++;
        select->ctr = select->gcm[0] = select->gcm[1] = path;
        memset(select->hmac, path, sizeof(select->hmac));
        free(bench);
        return;
    }
    memset(bench, 0, sizeof(*bench));
    select->ctr = choose(select, bench, work_ctr, PACKETS);
    select->gcm[0] = choose(select, bench, work_gcm128, PACKETS);
    select->gcm[1] = choose(select, bench, work_gcm256, PACKETS);
    for (unsigned i = 0; i < MB_CLASS_COUNT; i++)
        select->hmac[i] = choose(select, bench, work_hmac, 1u << i);
    free(bench);
}
