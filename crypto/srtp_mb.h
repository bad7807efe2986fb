/* Inside of the SRTP back end `mb` (intel-ipsec-mb called directly, x86-64). Private to crypto/.
 *
 * What a packet touches, in cache lines of 64 bytes: RTP one of the stream; of the key 4 under
 * AES-CM (round keys, HMAC pads), under GCM 3 of round keys and as many of hash keys as the code
 * path takes; all of them are fetched ahead while earlier packets of the burst are worked on. */
#ifndef CRYPTO_SRTP_MB_H
#define CRYPTO_SRTP_MB_H

#include "crypto/srtp_index.h"
#include "crypto/srtp_kdf.h"
#include "crypto/srtp_mb_select.h"
#include "crypto/srtp_packet.h"

#include <intel-ipsec-mb.h>
#include <stddef.h>

#define MB_BATCH           64 /* AES-CM packets that are worked on side by side */
#define MB_STREAM_AHEAD    8  /* distance of prefetches, packets: streams first, */
#define MB_KEY_AHEAD       4  /* then the keys that they name */
#define MB_CM_TAG          12 /* the library writes 12 or 20 bytes of HMAC-SHA1, nothing shorter */
#define MB_LEASE           65536
#define MB_SRTCP_INDEX_MAX 0x7fffffffu
#define MB_RTP_LIFETIME    SRTP_INDEX_END /* packets under one key, RFC 3711 §9.2 */
#define MB_RTCP_LIFETIME   (UINT64_C(1) << 31)

enum mb_suite { MB_CM_80, MB_CM_32, MB_GCM_128, MB_GCM_256 };

/* Private part of a stream. The RTP half shares its cache line with the head of srtp_stream. */
struct mb_stream {
    uint8_t iv[16]; /* salt xor SSRC; the packet index comes on top */
    struct packet_index rtp;
    uint32_t lease;    /* packets that it may still handle before it asks the key for more */
    uint16_t inflight; /* RTP packets of the batch under way */
    uint8_t suite;     /* enum mb_suite */
    bool has_far;      /* one of those is far from the highest index: guesses must wait for it */
    /* second cache line: SRTCP */
    uint8_t rtcp_iv[16];
    struct packet_index rtcp;
    uint32_t rtcp_next;     /* index of the next SRTCP packet that we write */
    uint16_t rtcp_inflight; /* SRTCP packets of the batch under way */
};

/* What one direction's RTP or RTCP needs under AES-CM. */
struct mb_cm_keys {
    _Alignas(64) uint8_t round[11][16];
    uint8_t ipad[20]; /* SHA-1 state after the padded key's first block, RFC 2104 */
    uint8_t opad[20];
};

struct mb_gcm_keys {
    _Alignas(64) struct gcm_key_data data;
};

union mb_keys {
    struct mb_cm_keys cm;
    struct mb_gcm_keys gcm;
};

/* Private part of a key. SRTCP's half lies elsewhere, so that those of RTP lie close together. */
struct mb_key {
    union mb_keys rtp;
    union mb_keys *rtcp;
    uint8_t salt[2][SRTP_MASTER_SALT_MAX]; /* session salts: RTP, RTCP */
    uint64_t rtp_left;                     /* packets before the key is used up */
    uint64_t rtcp_left;
};

_Static_assert(sizeof(struct srtp_job) <= 64, "a job is one cache line");
_Static_assert(offsetof(struct srtp_stream, priv) == 16, "RTP state fits the first cache line");
_Static_assert(16 + offsetof(struct mb_stream, rtcp_iv) == 64, "RTCP state begins the second");
_Static_assert(16 + sizeof(struct mb_stream) <= 128, "a stream is two cache lines");
_Static_assert(offsetof(struct srtp_key, priv) % 64 == 0, "keys begin a cache line");

/* One packet of the AES-CM batch, beside its IMB_JOB. */
struct mb_flight {
    struct srtp_job *job;
    uint64_t index;
    uint8_t *tag; /* where the tag goes when protecting */
    uint8_t tag_len;
    uint8_t received[SRTP_RTP_OVERHEAD_MAX]; /* tag that came with the packet */
};

typedef void (*mb_gcm_fn)(const struct gcm_key_data *, struct gcm_context_data *, uint8_t *,
                          const uint8_t *, uint64_t, const uint8_t *, const uint8_t *, uint64_t,
                          uint8_t *, uint64_t);

/* State of an engine. */
struct mb_state {
    struct mb_select select;
    mb_gcm_fn gcm_encrypt[2]; /* 128, 256 */
    mb_gcm_fn gcm_decrypt[2];
    bool has_late_hash_keys; /* GCM keys as AVX-512 with VAES lays them out */
    struct gcm_context_data gcm_context;
    uint32_t batched;
    struct mb_flight flights[MB_BATCH];
    _Alignas(16) uint8_t ivs[MB_BATCH][16];
    uint8_t tags[MB_BATCH][16];
    uint8_t nothing[16]; /* stands in for empty payloads */
    IMB_JOB jobs[MB_BATCH];
    union mb_keys *rtcp_keys; /* one a slot of the engine's pool of keys */
    size_t rtcp_keys_bytes;
};

static inline struct mb_stream *mb_stream(struct srtp_stream *stream)
{
    return (struct mb_stream *)(void *)stream->priv;
}

static inline struct mb_key *mb_key(struct srtp_key *key)
{
    return (struct mb_key *)(void *)key->priv;
}

static inline union mb_keys *mb_keys(struct srtp_key *key, bool is_rtcp)
{
    return is_rtcp ? mb_key(key)->rtcp : &mb_key(key)->rtp;
}

static inline bool mb_is_gcm(const struct mb_stream *m)
{
    return m->suite >= MB_GCM_128;
}

static inline void mb_finish(struct srtp_job *job, enum srtp_status status, size_t len)
{
    job->status = (uint8_t)status;
    job->out_len = status == SRTP_OK ? (uint16_t)len : 0;
}

/* Big-endian SRTCP word: E bit and index (RFC 3711 §3.4). */
static inline void mb_write_u32(uint8_t *p, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(p, &value, sizeof(value));
}

static inline uint16_t mb_read_seq(const uint8_t *header)
{
    return (uint16_t)(header[2] << 8 | header[3]);
}

/* Another lease from the key's lifetime; false: it is used up. */
bool mb_renew_lease(struct srtp_stream *stream);

static inline bool mb_has_lease(struct srtp_stream *stream)
{
    return __builtin_expect(mb_stream(stream)->lease != 0, 1) || mb_renew_lease(stream);
}

/* Index of the packet to be written, noted as used: what is checked here cannot fail later. */
enum srtp_status mb_next_rtcp_index(struct srtp_stream *stream, uint32_t *out);

static inline enum srtp_status mb_take_rtp_index(struct srtp_stream *stream, const uint8_t *header,
                                                 uint64_t *out)
{
    struct mb_stream *m = mb_stream(stream);
    uint64_t index = packet_index_guess(&m->rtp, mb_read_seq(header));
    enum srtp_status status;

    if (index >= SRTP_INDEX_END || !mb_has_lease(stream))
        return SRTP_KEY_EXPIRED;
    /* An index twice under one key would be the same key stream twice. */
    status = packet_index_check(&m->rtp, index);
    if (status != SRTP_OK)
        return status;
    packet_index_accept(&m->rtp, index);
    m->lease--;
    *out = index;
    return SRTP_OK;
}

/* What arrived in an SRTCP packet, noted as seen. */
void mb_accept_rtcp(struct srtp_stream *stream, uint32_t index);

/* Lays a packet out for protection: its first `size` bytes, which stay in the clear, are copied to
 * dst, and *payload tells where the rest comes from (it goes to dst + size). Returns its length. */
static inline size_t mb_place(const struct srtp_job *job, size_t size, const uint8_t **payload)
{
    const uint8_t *head = job->hdr ? job->hdr : job->src;
    size_t head_len = job->hdr ? job->hdr_len : 0;

    if (__builtin_expect(job->hdr && (size != head_len || job->src == job->dst), 0)) {
        /* Part of the payload came with the header, or lies where the header goes. */
        memmove(job->dst + head_len, job->src, job->len);
        if (job->hdr != job->dst)
            memcpy(job->dst, job->hdr, head_len);
        *payload = job->dst + size;
        return head_len + job->len - size;
    }
    *payload = job->hdr ? job->src : job->src + size;
    if (head == job->dst)
        return head_len + job->len - size;
    if (__builtin_expect(size == RTP_HEADER_MIN, 1))
        memcpy(job->dst, head, RTP_HEADER_MIN);
    else
        memcpy(job->dst, head, size);
    return head_len + job->len - size;
}

/* Derives a session key with the library's AES. */
void mb_derive(struct mb_state *state, const struct srtp_master *master, enum srtp_kdf_label label,
               uint8_t *out, size_t len);

/* srtp_mb_cm.c: AES-CM with HMAC-SHA1. The batch is empty when the burst functions return. */
int mb_cm_key_init(struct mb_state *state, struct srtp_key *key);
void mb_cm_start(struct mb_state *state);
void mb_cm_protect(struct srtp_engine *engine, struct srtp_job *job);
void mb_cm_protect_flush(struct mb_state *state);
void mb_cm_unprotect(struct srtp_engine *engine, struct srtp_job *job);
void mb_cm_unprotect_flush(struct mb_state *state);

/* srtp_mb_gcm.c: AES-GCM, one packet after the other. */
int mb_gcm_key_init(struct mb_state *state, struct srtp_key *key);
void mb_gcm_start(struct mb_state *state);
void mb_gcm_protect(struct srtp_engine *engine, struct srtp_job *job);
void mb_gcm_unprotect(struct srtp_engine *engine, struct srtp_job *job);

#endif
