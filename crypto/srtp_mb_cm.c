/* AES-CM with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1) in batches: the hashes of many packets run side
 * by side in the lanes of one vector unit. One IMB_JOB a packet serves both the cipher and the
 * hash: the hash's place is an offset from the cipher's source that may wrap, the library adds
 * modulo 2^64. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/srtp_kdf.h"
#include "crypto/srtp_mb.h"

#include <emmintrin.h>

#define AUTH_KEY_SIZE 20 /* RFC 3711 §5.2: 160 bits */
#define ROC_SIZE      4
#define SRTCP_TAG     10 /* 80 bits under both suites, RFC 5764 §4.1.2 */
#define E_BIT         0x80000000u

_Static_assert(ROC_SIZE <= 4, "the roll-over counter is hashed where the shortest tag goes");

/* One job through the batch's first slot, for key derivation; no batch is under way then. Before
 * the state is in use by packets: slot 0 is free. */
static void kdf_ctr(void *ctx, const uint8_t *key, size_t key_len, const uint8_t iv[16],
                    uint8_t *data, size_t len)
{
    struct mb_state *state = ctx;
    IMB_MGR *manager = mb_select_ctr(&state->select);
    struct {
        _Alignas(16) uint8_t round[15][16];
        uint8_t unused[15][16]; /* the library expands for decryption too */
    } keys;
    IMB_JOB job = {.enc_keys = keys.round,
                   .src = data,
                   .dst = data,
                   .msg_len_to_cipher_in_bytes = len,
                   .iv = iv,
                   .iv_len_in_bytes = 16};

    if (key_len == IMB_KEY_128_BYTES)
        IMB_AES_KEYEXP_128(manager, key, keys.round, keys.unused);
    else
        IMB_AES_KEYEXP_256(manager, key, keys.round, keys.unused);
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                    key_len == IMB_KEY_128_BYTES ? IMB_KEY_128_BYTES
                                                                 : IMB_KEY_256_BYTES);
    secret_wipe(&keys, sizeof(keys));
}

void mb_derive(struct mb_state *state, const struct srtp_master *master, enum srtp_kdf_label label,
               uint8_t *out, size_t len)
{
    srtp_kdf(master, label, out, len, kdf_ctr, state);
}

/* SHA-1 state after the block key xor fill (RFC 2104). */
static void hmac_pad(IMB_MGR *manager, const uint8_t *key, uint8_t fill, uint8_t out[20])
{
    uint8_t block[IMB_SHA1_BLOCK_SIZE];

    memset(block, fill, sizeof(block));
    for (size_t i = 0; i < AUTH_KEY_SIZE; i++)
        block[i] ^= key[i];
    /* An HMAC over the pads once a key instead of twice a packet. */
    IMB_SHA1_ONE_BLOCK(manager, block, out);
    secret_wipe(block, sizeof(block));
}

/* is_rtcp also counts the labels: those of SRTCP follow those of SRTP in the same order. */
static void derive_half(struct mb_state *state, struct srtp_key *key, unsigned is_rtcp)
{
    IMB_MGR *manager = mb_select_ctr(&state->select);
    struct mb_key *keys = mb_key(key);
    struct mb_cm_keys *cm = &mb_keys(key, is_rtcp)->cm;
    const enum srtp_kdf_label first = is_rtcp ? SRTP_KDF_RTCP_CIPHER : SRTP_KDF_RTP_CIPHER;
    struct {
        uint8_t cipher[16];
        uint8_t auth[AUTH_KEY_SIZE];
        _Alignas(16) uint8_t unused[11][16];
    } tmp;

    mb_derive(state, &key->master, first, tmp.cipher, sizeof(tmp.cipher));
    mb_derive(state, &key->master, first + 1, tmp.auth, sizeof(tmp.auth));
    mb_derive(state, &key->master, first + 2, keys->salt[is_rtcp], key->info->salt_len);
    IMB_AES_KEYEXP_128(manager, tmp.cipher, cm->round, tmp.unused);
    hmac_pad(manager, tmp.auth, 0x36, cm->ipad);
    hmac_pad(manager, tmp.auth, 0x5c, cm->opad);
    secret_wipe(&tmp, sizeof(tmp));
}

int mb_cm_key_init(struct mb_state *state, struct srtp_key *key)
{
    derive_half(state, key, 0);
    derive_half(state, key, 1);
    /* The library keeps the error of its last call: none of the calls above returns one. */
    return imb_get_errno(mb_select_ctr(&state->select)) == 0 ? 0 : ERR_CRYPTO;
}

/* What is the same in every job. */
void mb_cm_start(struct mb_state *state)
{
    for (size_t i = 0; i < MB_BATCH; i++) {
        /* These fields never change: the packet path writes only what does. */
        IMB_JOB *job = &state->jobs[i];

        job->key_len_in_bytes = IMB_KEY_128_BYTES;
        job->iv = state->ivs[i];
        job->iv_len_in_bytes = sizeof(state->ivs[i]);
        job->auth_tag_output = state->tags[i];
        job->auth_tag_output_len_in_bytes = MB_CM_TAG;
    }
}

static inline void write_iv(uint8_t *iv, const uint8_t *base, uint64_t index)
{
    /* RFC 3711 §4.1.1: index * 2^16, into the 64 bits behind the SSRC. */
    __m128i x = _mm_load_si128((const __m128i *)(const void *)base);
    __m128i i = _mm_set_epi64x((long long)__builtin_bswap64(index << 16), 0);

    /* One store of 16 bytes: the library loads all of it at once. */
    _mm_store_si128((__m128i *)(void *)iv, _mm_xor_si128(x, i));
}

/* Cipher half of a job: len bytes from src to dst. */
static inline void set_cipher(struct mb_state *state, uint32_t slot, const uint8_t *src,
                              uint8_t *dst, size_t len)
{
    IMB_JOB *job = &state->jobs[slot];

    job->src = src;
    job->dst = dst;
    job->msg_len_to_cipher_in_bytes = len;
    if (__builtin_expect(len == 0, 0)) {
        /* The library calls a length of 0 invalid. */
        job->src = job->dst = state->nothing;
        job->msg_len_to_cipher_in_bytes = sizeof(state->nothing);
    }
}

/* Hash half: len bytes from `from`; after set_cipher, whose source it counts from. */
static inline void set_hash(struct mb_state *state, uint32_t slot, const uint8_t *from, size_t len)
{
    IMB_JOB *job = &state->jobs[slot];

    /* May be negative: the hash begins at the header, before the payload that is the cipher's
     * source. As an unsigned 64-bit number it wraps, and the library's sum wraps back. */
    job->hash_start_src_offset_in_bytes = (uint64_t)(uintptr_t)from - (uint64_t)(uintptr_t)job->src;
    job->msg_len_to_hash_in_bytes = len;
}

static inline void set_keys(struct mb_state *state, uint32_t slot, struct srtp_stream *stream,
                            bool is_rtcp, uint64_t index)
{
    const struct mb_cm_keys *keys = &mb_keys(stream->key, is_rtcp)->cm;
    const struct mb_stream *m = mb_stream(stream);
    IMB_JOB *job = &state->jobs[slot];

    job->enc_keys = keys->round;
    job->u.HMAC._hashed_auth_key_xor_ipad = keys->ipad;
    job->u.HMAC._hashed_auth_key_xor_opad = keys->opad;
    write_iv(state->ivs[slot], is_rtcp ? m->rtcp_iv : m->iv, index);
}

static inline size_t rtp_tag(const struct mb_stream *m)
{
    return m->suite == MB_CM_80 ? 10 : 4;
}

static inline size_t overhead(const struct mb_stream *m, bool is_rtcp)
{
    return is_rtcp ? SRTCP_INDEX_SIZE + SRTCP_TAG : rtp_tag(m);
}

static bool run_cipher(struct mb_state *state)
{
    /* NOCHECK: everything that its checks would find is made here and bounded in srtp_check_*; they
     * cost 10 ns a packet. */
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(mb_select_ctr(&state->select), state->jobs,
                                           state->batched, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                           IMB_KEY_128_BYTES) == state->batched;
}

static bool run_hash(struct mb_state *state)
{
    /* Which manager is best depends on the number of lanes that are filled: chosen by
     * calibration. */
    return IMB_SUBMIT_HASH_BURST_NOCHECK(mb_select_hmac(&state->select, state->batched),
                                         state->jobs, state->batched,
                                         IMB_AUTH_HMAC_SHA_1) == state->batched;
}

/* ---- protect ---- */

static inline void add_protect(struct mb_state *state, struct srtp_job *job, uint64_t index,
                               size_t size)
{
    struct mb_stream *m = mb_stream(job->stream);
    uint32_t slot = state->batched++;
    struct mb_flight *flight = &state->flights[slot];
    const uint8_t *payload;
    /* mb_place may move the payload (in place, other header length): its new place counts. */
    size_t len = mb_place(job, size, &payload);
    uint8_t *end = job->dst + size + len;

    /* Behind the ciphertext: for SRTP the roll-over counter, which is hashed and then gives way to
     * the tag; for SRTCP the word that goes out (RFC 3711 §4.2, §3.4). */
    mb_write_u32(end, job->is_rtcp ? E_BIT | (uint32_t)index : (uint32_t)(index >> 16));
    set_cipher(state, slot, payload, job->dst + size, len);
    set_hash(state, slot, job->dst, size + len + ROC_SIZE);
    set_keys(state, slot, job->stream, job->is_rtcp, index);
    flight->job = job;
    flight->tag = job->is_rtcp ? end + SRTCP_INDEX_SIZE : end;
    flight->tag_len = (uint8_t)(job->is_rtcp ? SRTCP_TAG : rtp_tag(m));
}

void mb_cm_protect(struct srtp_engine *engine, struct srtp_job *job)
{
    struct mb_state *state = engine->state;
    const struct mb_stream *m = mb_stream(job->stream);
    enum srtp_status status;
    uint64_t index = 0;
    uint32_t rtcp_index;
    size_t size;

    status = srtp_check_protect(engine, job, overhead(m, job->is_rtcp), &size);
    if (status == SRTP_OK && !job->is_rtcp) {
        /* The index is taken here, before the batch runs: the next packet of the stream in the same
         * batch must get the next one. */
        status = mb_take_rtp_index(job->stream, job->hdr ? job->hdr : job->src, &index);
    } else if (status == SRTP_OK) {
        status = mb_next_rtcp_index(job->stream, &rtcp_index);
        index = status == SRTP_OK ? rtcp_index : 0;
    }
    if (status != SRTP_OK) {
        mb_finish(job, status, 0);
        return;
    }
    add_protect(state, job, index, size);
    if (state->batched == MB_BATCH)
        mb_cm_protect_flush(state);
}

/* two constant lengths: each a pair of moves */
static inline void write_tag(uint8_t *dst, const uint8_t *tag, size_t len)
{
    if (len == 10)
        memcpy(dst, tag, 10);
    else
        memcpy(dst, tag, 4);
}

void mb_cm_protect_flush(struct mb_state *state)
{
    uint32_t n = state->batched;
    bool is_done;

    if (n == 0)
        return;
    /* Cipher before hash: RFC 3711 §3.1 authenticates the ciphertext. */
    is_done = run_cipher(state) && run_hash(state);
    for (uint32_t i = 0; i < n; i++) {
        struct mb_flight *flight = &state->flights[i];

        if (!is_done) {
            /* The slots must not be sent: without a tag they would be plain text with a header. */
            mb_finish(flight->job, SRTP_FAILED, 0);
            continue;
        }
        write_tag(flight->tag, state->tags[i], flight->tag_len);
        mb_finish(flight->job, SRTP_OK, (size_t)(flight->tag - flight->job->dst) + flight->tag_len);
    }
    state->batched = 0;
}

/* ---- unprotect ---- */

/* Guess and replay check of an RTP packet. *is_near: later guesses of the stream do not depend on
 * whether this packet is accepted. */
static inline enum srtp_status look_up_rtp(const struct mb_stream *m, const uint8_t *header,
                                           uint64_t *index, bool *is_near)
{
    *index = packet_index_guess(&m->rtp, mb_read_seq(header));
    *is_near = packet_index_is_near(&m->rtp, *index);
    /* 2^48 packets: the key is used up, a wrapped index would repeat the keystream. */
    if (*index >= SRTP_INDEX_END)
        return SRTP_KEY_EXPIRED;
    return packet_index_check(&m->rtp, *index);
}

/* The index that this packet has and whether it may go on. Where that depends on packets of the
 * stream that are still in the batch, the batch is finished first: every job gets what it would
 * have got alone. */
static enum srtp_status rtp_index(struct mb_state *state, const struct srtp_job *job,
                                  uint64_t *index)
{
    struct mb_stream *m = mb_stream(job->stream);
    enum srtp_status status;
    bool is_near;

    status = look_up_rtp(m, job->src, index, &is_near);
    /* Far: the guess moved the ROC, or would. Packets behind it in the batch would be judged by a
     * state that may not come to be. */
    if (__builtin_expect(m->inflight && (status != SRTP_OK || !is_near || m->has_far), 0)) {
        mb_cm_unprotect_flush(state);
        status = look_up_rtp(m, job->src, index, &is_near);
    }
    if (status == SRTP_OK) {
        m->inflight++;
        m->has_far = !is_near;
    }
    return status;
}

static enum srtp_status rtcp_index(struct mb_state *state, const struct srtp_job *job,
                                   bool *is_encrypted, uint64_t *index)
{
    struct mb_stream *m = mb_stream(job->stream);
    enum srtp_status status;
    uint32_t word = srtp_read_u32(job->src + job->len - SRTCP_TAG - SRTCP_INDEX_SIZE);

    *is_encrypted = (word & E_BIT) != 0;
    *index = word & ~E_BIT;
    /* RTCP counts at unprotect as well: both directions draw on the key */
    if (mb_key(job->stream->key)->rtcp_left == 0)
        return SRTP_KEY_EXPIRED;
    status = packet_index_check(&m->rtcp, *index);
    /* Maybe a packet in flight is the reason, and it may fail its tag: ask again when it is
     * settled. */
    if (status != SRTP_OK && m->rtcp_inflight) {
        mb_cm_unprotect_flush(state);
        status = packet_index_check(&m->rtcp, *index);
    }
    if (status == SRTP_OK)
        m->rtcp_inflight++;
    return status;
}

static inline void add_unprotect(struct mb_state *state, struct srtp_job *job, uint64_t index,
                                 size_t size, bool is_encrypted)
{
    const struct mb_stream *m = mb_stream(job->stream);
    uint32_t slot = state->batched++;
    struct mb_flight *flight = &state->flights[slot];
    size_t tag_len = job->is_rtcp ? SRTCP_TAG : rtp_tag(m);
    size_t authentic = job->len - tag_len;
    size_t len = authentic - size - (job->is_rtcp ? SRTCP_INDEX_SIZE : 0);

    /* At dst all of what is hashed lies in one piece; the tag's place takes the roll-over counter.
     * Before the copy and the ROC overwrite it (in place both are the same memory). */
    memcpy(flight->received, job->src + authentic, tag_len);
    if (job->dst != job->src)
        memcpy(job->dst, job->src, authentic);
    if (!job->is_rtcp) {
        mb_write_u32(job->dst + authentic, (uint32_t)(index >> 16));
        authentic += ROC_SIZE;
    }
    /* Not encrypted (E bit 0): hashed like any other, nothing to decipher. */
    set_cipher(state, slot, job->dst + size, job->dst + size, is_encrypted ? len : 0);
    set_hash(state, slot, job->dst, authentic);
    set_keys(state, slot, job->stream, job->is_rtcp, index);
    /* out_len carries the plain length to the flush; until then the job is not finished. */
    job->out_len = (uint16_t)(size + len);
    flight->job = job;
    flight->index = index;
    flight->tag_len = (uint8_t)tag_len;
}

void mb_cm_unprotect(struct srtp_engine *engine, struct srtp_job *job)
{
    struct mb_state *state = engine->state;
    const struct mb_stream *m = mb_stream(job->stream);
    bool is_encrypted = true;
    enum srtp_status status;
    uint64_t index = 0;
    size_t size;

    status = srtp_check_unprotect(engine, job, overhead(m, job->is_rtcp), &size);
    if (status == SRTP_OK)
        status = job->is_rtcp ? rtcp_index(state, job, &is_encrypted, &index)
                              : rtp_index(state, job, &index);
    if (status != SRTP_OK) {
        mb_finish(job, status, 0);
        return;
    }
    add_unprotect(state, job, index, size, is_encrypted);
    if (state->batched == MB_BATCH)
        mb_cm_unprotect_flush(state);
}

/* Time depends on the length alone; 4 and 10 bytes as words, because this runs for every packet. */
static inline bool equal_tag(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint64_t x = 0, y = 0;
    uint32_t u, v;
    uint16_t s, t;

    if (len == 4) {
        memcpy(&u, a, 4);
        memcpy(&v, b, 4);
        return (u ^ v) == 0;
    }
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    memcpy(&s, a + 8, 2);
    memcpy(&t, b + 8, 2);
    return ((x ^ y) | (uint64_t)(s ^ t)) == 0;
}

/* The order is that of a packet alone: replay, then the tag, then the key's lifetime. */
static enum srtp_status verdict(struct mb_flight *flight, const uint8_t *tag)
{
    struct srtp_job *job = flight->job;
    struct mb_stream *m = mb_stream(job->stream);
    struct packet_index *seen = job->is_rtcp ? &m->rtcp : &m->rtp;
    enum srtp_status status = packet_index_check(seen, flight->index);

    /* Two copies of one packet in a batch: the first to be accepted makes the second a replay. */
    if (status != SRTP_OK)
        return status;
    if (!equal_tag(flight->received, tag, flight->tag_len))
        return SRTP_AUTH_FAIL;
    if (job->is_rtcp) {
        if (mb_key(job->stream->key)->rtcp_left == 0)
            return SRTP_KEY_EXPIRED;
        mb_accept_rtcp(job->stream, (uint32_t)flight->index);
        return SRTP_OK;
    }
    if (!mb_has_lease(job->stream))
        return SRTP_KEY_EXPIRED;
    m->lease--;
    packet_index_accept(&m->rtp, flight->index);
    return SRTP_OK;
}

void mb_cm_unprotect_flush(struct mb_state *state)
{
    uint32_t n = state->batched;
    bool is_done;

    if (n == 0)
        return;
    /* Hash first: RFC 3711 §3.3 step 6; only what is authentic is deciphered. */
    is_done = run_hash(state);
    for (uint32_t i = 0; i < n; i++) {
        struct srtp_job *job = state->flights[i].job;
        struct mb_stream *m = mb_stream(job->stream);
        /* SRTP_FAILED and not "auth": the library broke, the packet may be good. */
        enum srtp_status status =
            is_done ? verdict(&state->flights[i], state->tags[i]) : SRTP_FAILED;

        if (job->is_rtcp)
            m->rtcp_inflight = 0;
        else
            m->inflight = 0;
        mb_finish(job, status, job->out_len);
        if (__builtin_expect(status != SRTP_OK, 0))
            /* Its slot stays in the burst with nothing to do: closing the gap would cost more. */
            set_cipher(state, i, NULL, NULL, 0); /* what is not authentic is not decrypted */
    }
    if (!run_cipher(state))
        for (uint32_t i = 0; i < n; i++)
            mb_finish(state->flights[i].job, SRTP_FAILED, 0);
    state->batched = 0;
}
