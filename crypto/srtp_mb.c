/* Back end `mb`: RFC 3711 and RFC 7714 over intel-ipsec-mb. This file: keys, streams, and the walk
 * over a burst; the suites are in srtp_mb_cm.c and srtp_mb_gcm.c. */
#include "crypto/srtp_mb.h"

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdlib.h>

static void free_state(struct mb_state *state)
{
    mb_select_fini(&state->select);
    secret_free(state->rtcp_keys, state->rtcp_keys_bytes);
    secret_free(state, sizeof(*state));
}

static int mb_start(struct srtp_engine *engine)
{
    /* Managers and batches hold keys and plain text: the state lives in memory that is not
     * dumped. */
    struct mb_state *state = secret_alloc(sizeof(*state));
    /* For tests and support: pins one code path, since calibration may choose another on each
     * start. */
    const char *pin = getenv("SLUICE_SRTP_PATH");
    int rc;

    if (!state)
        return ERR_NOMEM;
    /* A key's SRTCP half lies apart: it is touched once in seconds and would only push RTP keys out
     * of the cache. */
    state->rtcp_keys_bytes = engine->keys_bytes / engine->key_slot * sizeof(union mb_keys);
    state->rtcp_keys = secret_alloc(state->rtcp_keys_bytes);
    rc = state->rtcp_keys ? mb_select_init(&state->select, pin && pin[0] ? pin : NULL) : ERR_NOMEM;
    if (rc != 0) {
        free_state(state);
        return rc;
    }
    mb_cm_start(state);
    mb_gcm_start(state);
    engine->state = state;
    log_debug(LOG_AREA_CRYPTO, 0, "SRTP code paths chosen", LOG_S("paths", state->select.text));
    return 0;
}

static void mb_stop(struct srtp_engine *engine)
{
    struct mb_state *state = engine->state;

    if (!state)
        return;
    free_state(state);
    engine->state = NULL;
}

static const char *mb_describe(const struct srtp_engine *engine)
{
    const struct mb_state *state = engine->state;

    return state->select.text;
}

static enum mb_suite suite_of(enum srtp_profile profile)
{
    switch (profile) {
    case SRTP_PROFILE_AES128_CM_SHA1_80:
        return MB_CM_80;
    case SRTP_PROFILE_AES128_CM_SHA1_32:
        return MB_CM_32;
    case SRTP_PROFILE_AEAD_AES_128_GCM:
        return MB_GCM_128;
    case SRTP_PROFILE_AEAD_AES_256_GCM:
    case SRTP_PROFILE_NONE: /* srtp_key_create let no other through */
        break;
    }
    return MB_GCM_256;
}

static void wipe_keys(struct mb_key *keys)
{
    secret_wipe(keys->rtcp, sizeof(*keys->rtcp));
    secret_wipe(keys, sizeof(*keys));
}

static int mb_key_init(struct srtp_key *key)
{
    struct mb_state *state = key->engine->state;
    struct mb_key *keys = mb_key(key);
    int rc;

    memset(keys, 0, sizeof(*keys));
    keys->rtcp =
        /* The n-th key of the pool has the n-th place there: no pointer to manage beyond this
         * one. */
        &state->rtcp_keys[((uintptr_t)key - (uintptr_t)key->engine->keys) / key->engine->key_slot];
    /* RFC 3711 §9.2: packets under one master key are counted over all its streams */
    keys->rtp_left = MB_RTP_LIFETIME;
    keys->rtcp_left = MB_RTCP_LIFETIME;
    if (suite_of(key->master.profile) >= MB_GCM_128)
        rc = mb_gcm_key_init(state, key);
    else
        rc = mb_cm_key_init(state, key);
    if (rc != 0) {
        wipe_keys(keys);
        return rc;
    }
    /* Not needed again: all that is used is derived. A dump or a fault later can reveal session
     * keys only: not those of other calls derived of the same handshake. */
    secret_wipe(key->master.key, sizeof(key->master.key));
    secret_wipe(key->master.salt, sizeof(key->master.salt));
    return 0;
}

static void mb_key_fini(struct srtp_key *key)
{
    wipe_keys(mb_key(key));
}

/* What of the counter block (AES-CM, RFC 3711 §4.1.1) or of the nonce (GCM, RFC 7714 §8.1, §9.1)
 * does not change from packet to packet. */
static void set_iv(uint8_t iv[16], const uint8_t *salt, size_t salt_len, uint32_t ssrc,
                   size_t ssrc_at)
{
    /* RFC 3711 §4.1.1: salt * 2^16, XOR SSRC * 2^64; the packet index is XORed in for each
     * packet. */
    memset(iv, 0, 16);
    memcpy(iv, salt, salt_len);
    for (size_t i = 0; i < 4; i++)
        iv[ssrc_at + i] ^= (uint8_t)(ssrc >> (24 - 8 * i));
}

static int mb_stream_init(struct srtp_stream *stream)
{
    const struct srtp_profile_info *info = stream->key->info;
    const struct mb_key *keys = mb_key(stream->key);
    struct mb_stream *m = mb_stream(stream);
    size_t ssrc_at;

    memset(m, 0, sizeof(*m));
    m->suite = (uint8_t)suite_of(info->id);
    /* The nonce of GCM begins with two zero octets (RFC 7714 §8.1), the block of AES-CM with the
     * salt. */
    ssrc_at = mb_is_gcm(m) ? 2 : 4;
    set_iv(m->iv, keys->salt[0], info->salt_len, stream->ssrc, ssrc_at);
    set_iv(m->rtcp_iv, keys->salt[1], info->salt_len, stream->ssrc, ssrc_at);
    packet_index_init(&m->rtp, 0);
    packet_index_init(&m->rtcp, 0);
    /* RFC 3711 §3.4 starts at 0, libsrtp at 1; receivers take what comes. We write what it does. */
    m->rtcp_next = 1;
    return 0;
}

static void mb_stream_fini(struct srtp_stream *stream)
{
    struct mb_stream *m = mb_stream(stream);

    /* What was leased and not used goes back: short streams must not use up the key's 2^48 by
     * leases. */
    mb_key(stream->key)->rtp_left += m->lease;
    secret_wipe(m, sizeof(*m));
}

static int mb_get_roc(const struct srtp_stream *stream, uint32_t *out)
{
    *out = packet_index_roc(&((const struct mb_stream *)(const void *)stream->priv)->rtp);
    return 0;
}

static int mb_set_roc(struct srtp_stream *stream, uint32_t roc)
{
    /* Bits of the window go too: they belong to the old ROC. */
    packet_index_init(&mb_stream(stream)->rtp, roc);
    return 0;
}

/* Lifetime is drawn in portions, so that the packet path counts down in the stream's own line and
 * touches the key's count once in MB_LEASE packets. */
bool mb_renew_lease(struct srtp_stream *stream)
{
    struct mb_key *keys = mb_key(stream->key);
    uint64_t lease = keys->rtp_left < MB_LEASE ? keys->rtp_left : MB_LEASE;

    keys->rtp_left -= lease;
    mb_stream(stream)->lease = (uint32_t)lease;
    return lease != 0;
}

enum srtp_status mb_next_rtcp_index(struct srtp_stream *stream, uint32_t *out)
{
    struct mb_stream *m = mb_stream(stream);

    /* RFC 3711 §3.4: 31 bits, and never again the same one under one key. */
    if (m->rtcp_next > MB_SRTCP_INDEX_MAX || mb_key(stream->key)->rtcp_left == 0)
        return SRTP_KEY_EXPIRED;
    mb_key(stream->key)->rtcp_left--;
    *out = m->rtcp_next++;
    return SRTP_OK;
}

void mb_accept_rtcp(struct srtp_stream *stream, uint32_t index)
{
    packet_index_accept(&mb_stream(stream)->rtcp, index);
    mb_key(stream->key)->rtcp_left--;
}

static inline void prefetch_lines(const uint8_t *p, size_t lines)
{
    /* 64: the cache line of every CPU this back end runs on. */
    for (size_t i = 0; i < lines; i++)
        mb_prefetch(p + i * 64);
}

static inline void prefetch_four(const uint8_t *p)
{
    mb_prefetch(p);
    mb_prefetch(p + 64);
    mb_prefetch(p + 128);
    mb_prefetch(p + 192);
}

_Static_assert(sizeof(struct mb_cm_keys) == 4 * 64, "AES-CM keys are four cache lines");

/* AES-CM: all of them. GCM: round keys first, then as many powers of the hash key as the packet has
 * blocks, four a line; compare struct gcm_key_data. */
static inline void prefetch_key(const struct mb_state *state, const struct srtp_job *job)
{
    const uint8_t *keys = job->stream->key->priv;

    prefetch_four(keys);
    /* GCM continues below, CM is complete with four lines. */
    if (!mb_is_gcm(mb_stream(job->stream)))
        return;
    if (!state->has_late_hash_keys) {
        prefetch_four(keys + 4 * 64);
        return;
    }
    prefetch_four(keys + 12 * 64);
    /* Below 192 octets no path touches more powers than the lines fetched already (compare
     * has_late_hash_keys). */
    if (job->len >= 192)
        prefetch_lines(keys + 4 * 64, 8);
}

/* Fetches what the packets ahead of number i will touch. */
static inline void prefetch(const struct srtp_engine *engine, const struct srtp_job *jobs, size_t n,
                            size_t i)
{
    /* Streams first, their keys later: the pointer to the key must have arrived before it can be
     * followed. */
    if (i + MB_STREAM_AHEAD < n)
        mb_prefetch(jobs[i + MB_STREAM_AHEAD].stream);
    if (i + MB_KEY_AHEAD < n && srtp_engine_owns(engine, jobs[i + MB_KEY_AHEAD].stream))
        prefetch_key(engine->state, &jobs[i + MB_KEY_AHEAD]);
}

static inline void prefetch_first(const struct srtp_engine *engine, const struct srtp_job *jobs,
                                  size_t n)
{
    for (size_t i = 0; i < n && i < MB_STREAM_AHEAD; i++)
        mb_prefetch(jobs[i].stream);
    for (size_t i = 0; i < n && i < MB_KEY_AHEAD; i++)
        if (srtp_engine_owns(engine, jobs[i].stream))
            prefetch_key(engine->state, &jobs[i]);
}

static void mb_protect(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    prefetch_first(engine, jobs, n);
    for (size_t i = 0; i < n; i++) {
        prefetch(engine, jobs, n, i);
        /* GCM works at once, CM collects a batch: the flush behind the loop ends what was
         * collected. */
        if (!srtp_engine_owns(engine, jobs[i].stream))
            mb_finish(&jobs[i], SRTP_FAILED, 0);
        else if (mb_is_gcm(mb_stream(jobs[i].stream)))
            mb_gcm_protect(engine, &jobs[i]);
        else
            mb_cm_protect(engine, &jobs[i]);
    }
    mb_cm_protect_flush(engine->state);
}

static void mb_unprotect(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    prefetch_first(engine, jobs, n);
    for (size_t i = 0; i < n; i++) {
        prefetch(engine, jobs, n, i);
        if (!srtp_engine_owns(engine, jobs[i].stream))
            mb_finish(&jobs[i], SRTP_FAILED, 0);
        else if (mb_is_gcm(mb_stream(jobs[i].stream)))
            mb_gcm_unprotect(engine, &jobs[i]);
        else
            mb_cm_unprotect(engine, &jobs[i]);
    }
    mb_cm_unprotect_flush(engine->state);
}

const struct srtp_backend srtp_backend_mb = {
    .name = "mb",
    .key_size = sizeof(struct mb_key),
    .stream_size = sizeof(struct mb_stream),
    .checks_jobs = true,
    .start = mb_start,
    .stop = mb_stop,
    .key_init = mb_key_init,
    .key_fini = mb_key_fini,
    .stream_init = mb_stream_init,
    .stream_fini = mb_stream_fini,
    .get_roc = mb_get_roc,
    .set_roc = mb_set_roc,
    .protect = mb_protect,
    .unprotect = mb_unprotect,
    .describe = mb_describe,
};
