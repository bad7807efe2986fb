/* AES-GCM (RFC 7714), one packet after the other: the library's one-shot calls already keep the
 * vector units busy with the blocks of a single packet. They decrypt before the tag is known; dst
 * is undefined then, as srtp.h says. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/srtp_kdf.h"
#include "crypto/srtp_mb.h"

#include <emmintrin.h>

#define GCM_TAG  16
#define GCM_IV   12
#define E_BIT    0x80000000u
#define AAD_RTCP (RTCP_HEADER_MIN + SRTCP_INDEX_SIZE)

/* The paths differ between 128 and 256 bits: each is calibrated alone. */
static IMB_MGR *manager_of(const struct mb_state *state, unsigned wide)
{
    return state->select.managers[state->select.gcm[wide]];
}

static void schedule(struct mb_state *state, struct srtp_key *key, unsigned is_rtcp)
{
    const enum srtp_kdf_label first = is_rtcp ? SRTP_KDF_RTCP_CIPHER : SRTP_KDF_RTP_CIPHER;
    struct mb_key *keys = mb_key(key);
    uint8_t cipher[SRTP_KDF_MAX];

    /* RFC 7714 §12: keys are derived with AES-CM of the same key length. */
    mb_derive(state, &key->master, first, cipher, key->info->key_len);
    mb_derive(state, &key->master, first + 2, keys->salt[is_rtcp], key->info->salt_len);
    if (key->info->key_len == IMB_KEY_128_BYTES)
        IMB_AES128_GCM_PRE(manager_of(state, 0), cipher, &mb_keys(key, is_rtcp)->gcm.data);
    else
        IMB_AES256_GCM_PRE(manager_of(state, 1), cipher, &mb_keys(key, is_rtcp)->gcm.data);
    secret_wipe(cipher, sizeof(cipher));
}

int mb_gcm_key_init(struct mb_state *state, struct srtp_key *key)
{
    schedule(state, key, 0);
    schedule(state, key, 1);
    return imb_get_errno(manager_of(state, key->info->key_len != IMB_KEY_128_BYTES)) == 0
               ? 0
               : ERR_CRYPTO;
}

/* AVX-512 with VAES keeps 48 powers of the hash key in falling order, so that a short packet takes
 * the last of them; the others keep 8 in rising order. */
static bool has_late_hash_keys(const struct mb_state *state)
{
    return state->select.gcm[0] == MB_PATH_AVX512 &&
           (manager_of(state, 0)->features & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2;
}

void mb_gcm_start(struct mb_state *state)
{
    /* Function pointers out of the manager once: a call through its table per packet is one more
     * miss. */
    state->gcm_encrypt[0] = manager_of(state, 0)->gcm128_enc;
    state->gcm_decrypt[0] = manager_of(state, 0)->gcm128_dec;
    state->gcm_encrypt[1] = manager_of(state, 1)->gcm256_enc;
    state->gcm_decrypt[1] = manager_of(state, 1)->gcm256_dec;
    state->has_late_hash_keys = has_late_hash_keys(state);
}

/* RFC 7714 §8.1, §9.1: two zero octets, SSRC, 48 bits of index (SRTCP: zeros and 31 bits), xor
 * salt. */
static inline void write_iv(uint8_t iv[16], const uint8_t *base, uint64_t index)
{
    __m128i x = _mm_load_si128((const __m128i *)(const void *)base);
    __m128i i = _mm_srli_si128(_mm_set_epi64x((long long)__builtin_bswap64(index << 16), 0), 2);

    _mm_store_si128((__m128i *)(void *)iv, _mm_xor_si128(x, i));
}

static inline unsigned is_wide(const struct mb_stream *m)
{
    return m->suite == MB_GCM_256;
}

static inline bool equal_tag(const uint8_t *a, const uint8_t *b)
{
    uint64_t x[2], y[2];

    memcpy(x, a, GCM_TAG);
    memcpy(y, b, GCM_TAG);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* ---- protect ---- */

static void protect_rtcp(struct mb_state *state, struct srtp_job *job, size_t size)
{
    struct mb_stream *m = mb_stream(job->stream);
    const struct gcm_key_data *key = &mb_keys(job->stream->key, true)->gcm.data;
    _Alignas(16) uint8_t iv[16];
    const uint8_t *payload;
    uint8_t aad[AAD_RTCP];
    enum srtp_status status;
    uint32_t index = 0;
    size_t len;

    /* Before anything is written: a refused packet leaves dst alone. */
    status = mb_next_rtcp_index(job->stream, &index);
    if (status != SRTP_OK) {
        mb_finish(job, status, 0);
        return;
    }
    len = mb_place(job, size, &payload);
    /* RFC 7714 §9.2: header, then the word with E bit and index, though that word goes out behind
     * the tag. */
    memcpy(aad, job->dst, RTCP_HEADER_MIN);
    mb_write_u32(aad + RTCP_HEADER_MIN, E_BIT | index);
    write_iv(iv, m->rtcp_iv, index);
    state->gcm_encrypt[is_wide(m)](key, &state->gcm_context, job->dst + size, payload, len, iv, aad,
                                   sizeof(aad), job->dst + size + len, GCM_TAG);
    mb_write_u32(job->dst + size + len + GCM_TAG, E_BIT | index);
    mb_finish(job, SRTP_OK, size + len + GCM_TAG + SRTCP_INDEX_SIZE);
}

void mb_gcm_protect(struct srtp_engine *engine, struct srtp_job *job)
{
    struct mb_state *state = engine->state;
    struct mb_stream *m = mb_stream(job->stream);
    const struct gcm_key_data *key = &mb_keys(job->stream->key, false)->gcm.data;
    _Alignas(16) uint8_t iv[16];
    const uint8_t *payload;
    enum srtp_status status;
    uint64_t index;
    size_t size, len;

    status =
        srtp_check_protect(engine, job, GCM_TAG + (job->is_rtcp ? SRTCP_INDEX_SIZE : 0), &size);
    if (status == SRTP_OK && job->is_rtcp) {
        protect_rtcp(state, job, size);
        return;
    }
    if (status == SRTP_OK)
        status = mb_take_rtp_index(job->stream, job->hdr ? job->hdr : job->src, &index);
    if (status != SRTP_OK) {
        mb_finish(job, status, 0);
        return;
    }
    len = mb_place(job, size, &payload);
    write_iv(iv, m->iv, index);
    /* The header from where it came, not from dst: what was just stored in pieces is slow to load.
     * Store forwarding fails when a wide load follows narrow stores: 10 to 15 cycles a packet. */
    state->gcm_encrypt[is_wide(m)](key, &state->gcm_context, job->dst + size, payload, len, iv,
                                   job->hdr ? job->hdr : job->src, size, job->dst + size + len,
                                   GCM_TAG);
    mb_finish(job, SRTP_OK, size + len + GCM_TAG);
}

/* ---- unprotect ---- */

/* Header, payload and tag of a received packet. */
struct received {
    const struct gcm_key_data *key;
    const uint8_t *iv;
    const uint8_t *aad;
    size_t aad_len;
    size_t size; /* of the header */
    size_t len;  /* of the payload */
    const uint8_t *tag;
};

static inline bool open_packet(struct mb_state *state, struct srtp_job *job,
                               const struct received *r)
{
    const struct mb_stream *m = mb_stream(job->stream);
    uint8_t tag[GCM_TAG], got[GCM_TAG];

    /* In place the tag's memory is not overwritten, but out of place src may be shared: a copy is
     * cheap. */
    memcpy(got, r->tag, GCM_TAG);
    state->gcm_decrypt[is_wide(m)](r->key, &state->gcm_context, job->dst + r->size,
                                   job->src + r->size, r->len, r->iv, r->aad, r->aad_len, tag,
                                   GCM_TAG);
    if (!equal_tag(tag, got))
        return false;
    /* The header last: for a packet that fails nothing of it may look like a result. */
    if (job->dst != job->src) {
        if (r->size == RTP_HEADER_MIN) /* a constant length, and nearly every packet's */
            memcpy(job->dst, job->src, RTP_HEADER_MIN);
        else
            memcpy(job->dst, job->src, r->size);
    }
    return true;
}

/* E bit 0: nothing is encrypted, header, payload and the index word are all authenticated
 * (RFC 7714 §9.3). They must lie in one piece, which they do at dst, over the tag. */
static bool open_clear_rtcp(struct mb_state *state, struct srtp_job *job, uint32_t index,
                            const struct received *r)
{
    const struct mb_stream *m = mb_stream(job->stream);
    uint8_t tag[GCM_TAG], got[GCM_TAG];
    size_t len = r->size + r->len;

    memcpy(got, r->tag, GCM_TAG);
    if (job->dst != job->src)
        memcpy(job->dst, job->src, len);
    mb_write_u32(job->dst + len, index);
    state->gcm_decrypt[is_wide(m)](r->key, &state->gcm_context, state->nothing, state->nothing, 0,
                                   r->iv, job->dst, len + SRTCP_INDEX_SIZE, tag, GCM_TAG);
    return equal_tag(tag, got);
}

static void unprotect_rtcp(struct mb_state *state, struct srtp_job *job, size_t size)
{
    struct mb_stream *m = mb_stream(job->stream);
    size_t word_at = (size_t)job->len - SRTCP_INDEX_SIZE;
    uint32_t word = srtp_read_u32(job->src + word_at);
    uint32_t index = word & ~E_BIT;
    _Alignas(16) uint8_t iv[16];
    uint8_t aad[AAD_RTCP];
    struct received r = {.key = &mb_keys(job->stream->key, true)->gcm.data,
                         .iv = iv,
                         .aad = aad,
                         .aad_len = sizeof(aad),
                         .size = size,
                         .len = word_at - GCM_TAG - size,
                         .tag = job->src + word_at - GCM_TAG};
    enum srtp_status status = packet_index_check(&m->rtcp, index);

    /* In this order as with CM: an expired key is the answer whatever else is wrong. */
    if (mb_key(job->stream->key)->rtcp_left == 0)
        status = SRTP_KEY_EXPIRED;
    if (status == SRTP_OK) {
        memcpy(aad, job->src, RTCP_HEADER_MIN);
        mb_write_u32(aad + RTCP_HEADER_MIN, word);
        write_iv(iv, m->rtcp_iv, index);
        if (!(word & E_BIT ? open_packet(state, job, &r) : open_clear_rtcp(state, job, word, &r)))
            status = SRTP_AUTH_FAIL;
    }
    if (status == SRTP_OK)
        mb_accept_rtcp(job->stream, index);
    mb_finish(job, status, size + r.len);
}

static inline enum srtp_status unprotect_rtp(struct mb_state *state, struct srtp_job *job,
                                             size_t size, size_t *out)
{
    struct mb_stream *m = mb_stream(job->stream);
    uint64_t index = packet_index_guess(&m->rtp, mb_read_seq(job->src));
    _Alignas(16) uint8_t iv[16];
    struct received r = {.key = &mb_keys(job->stream->key, false)->gcm.data,
                         .iv = iv,
                         .aad = job->src,
                         .aad_len = size,
                         .size = size,
                         .len = job->len - size - GCM_TAG,
                         .tag = job->src + job->len - GCM_TAG};
    enum srtp_status status;

    /* See srtp_mb_cm.c: beyond the end the nonce would repeat, and with GCM that reveals the hash
     * key. */
    if (index >= SRTP_INDEX_END)
        return SRTP_KEY_EXPIRED;
    status = packet_index_check(&m->rtp, index);
    if (status != SRTP_OK)
        return status;
    write_iv(iv, m->iv, index);
    if (!open_packet(state, job, &r))
        return SRTP_AUTH_FAIL;
    if (!mb_has_lease(job->stream))
        return SRTP_KEY_EXPIRED;
    m->lease--;
    /* Accepted only now: a forged packet must not move the window (RFC 3711 §3.3 step 8). */
    packet_index_accept(&m->rtp, index);
    *out = size + r.len;
    return SRTP_OK;
}

void mb_gcm_unprotect(struct srtp_engine *engine, struct srtp_job *job)
{
    enum srtp_status status;
    size_t size, out = 0;

    status =
        srtp_check_unprotect(engine, job, GCM_TAG + (job->is_rtcp ? SRTCP_INDEX_SIZE : 0), &size);
    if (status == SRTP_OK && job->is_rtcp) {
        unprotect_rtcp(engine->state, job, size);
        return;
    }
    if (status == SRTP_OK)
        status = unprotect_rtp(engine->state, job, size, &out);
    mb_finish(job, status, out);
}
