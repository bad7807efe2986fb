/* The part of STUN (RFC 8489) that an ICE-lite agent needs: reads Binding requests, answers them.
 * No state, no allocation: it runs in the packet loop, on input from anybody. */
#include "crypto/stun.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/hmac_sha1.h"

#define COOKIE           0x2112a442u
#define BINDING_REQUEST  0x0001u
#define BINDING_SUCCESS  0x0101u
#define BINDING_ERROR    0x0111u
#define FINGERPRINT_MASK 0x5354554eu

enum attribute {
    USERNAME = 0x0006,
    MESSAGE_INTEGRITY = 0x0008,
    ERROR_CODE = 0x0009,
    UNKNOWN_ATTRIBUTES = 0x000a,
    XOR_MAPPED_ADDRESS = 0x0020,
    PRIORITY = 0x0024,
    USE_CANDIDATE = 0x0025,
    FINGERPRINT = 0x8028,
    ICE_CONTROLLED = 0x8029,
    ICE_CONTROLLING = 0x802a,
};

/* Byte by byte: a datagram has no alignment. */
static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

/* ITU-T V.42, as RFC 8489 section 14.7 wants; messages are short and few, a table would not pay. */
static uint32_t crc32(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (unsigned k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

/* One attribute before MESSAGE-INTEGRITY. The sizes of those that we read are fixed. */
static int take(struct stun_request *out, unsigned type, const uint8_t *value, unsigned length)
{
    switch (type) {
    case USERNAME:
        if (out->username == NULL) { /* of several the first counts (section 14) */
            /* A pointer into the datagram: valid as long as that is. */
            out->username = value;
            out->username_length = (uint16_t)length;
        }
        return 0;
    case PRIORITY:
        out->has_priority = true;
        out->priority = length == 4 ? get32(value) : 0;
        return length == 4 ? 0 : ERR_MALFORMED;
    case USE_CANDIDATE:
        out->use_candidate = true;
        return length == 0 ? 0 : ERR_MALFORMED;
    case ICE_CONTROLLED:
        out->is_controlled = true;
        return length == 8 ? 0 : ERR_MALFORMED;
    case ICE_CONTROLLING:
        out->is_controlling = true;
        return length == 8 ? 0 : ERR_MALFORMED;
    default:
        /* Comprehension-required (below 0x8000) and unknown: the answer names it (RFC 8489 §5.4).
         * One is enough, the peer asks again without it. */
        if (type < 0x8000 && out->unknown == 0)
            out->unknown = (uint16_t)type;
        return 0;
    }
}

static int attributes(const uint8_t *data, size_t len, struct stun_request *out)
{
    size_t at = STUN_HEADER;

    while (at < len) {
        unsigned type, length;
        int err = 0;

        /* At the end of the attributes exactly: a rest of one to three octets is malformed, not
         * padding. */
        if (len - at < 4)
            return ERR_MALFORMED;
        type = get16(data + at);
        length = get16(data + at + 2);
        if (len - at - 4 < ((length + 3u) & ~3u))
            return ERR_MALFORMED;
        /* Its CRC tells STUN from other things on the port; wrong here means that it is none. */
        if (type == FINGERPRINT) { /* the last, always */
            out->has_fingerprint = true;
            return length == 4 && at + 8 == len &&
                           get32(data + at + 4) == (crc32(data, at) ^ FINGERPRINT_MASK)
                       ? 0
                       : ERR_MALFORMED;
        }
        if (out->integrity_at == 0 && type == MESSAGE_INTEGRITY) {
            out->integrity_at = (uint16_t)at;
            err = length == HMAC_SHA1_LEN ? 0 : ERR_MALFORMED;
            /* What stands behind MESSAGE-INTEGRITY is not covered by it and must be ignored (RFC
             * 8489 §14.5). */
        } else if (out->integrity_at == 0) {
            err = take(out, type, data + at + 4, length);
        }
        if (err != 0)
            return err;
        at += 4 + ((length + 3u) & ~3u);
    }
    return 0;
}

int stun_read(const uint8_t *data, size_t len, struct stun_request *out)
{
    memset(out, 0, sizeof(*out));
    /* data[0] > 3: RFC 7983 gives these values to other protocols on the same port. Length and
     * datagram must agree, or a parser behind could be led beyond the end. */
    if (len < STUN_HEADER || len > UINT16_MAX || data[0] > 3 || get32(data + 4) != COOKIE ||
        get16(data + 2) % 4 != 0 || get16(data + 2) + STUN_HEADER != len)
        return ERR_MALFORMED;
    if (get16(data) != BINDING_REQUEST)
        return ERR_UNSUPPORTED;
    memcpy(out->transaction, data + 8, STUN_TRANSACTION);
    return attributes(data, len, out);
}

/* Section 14.5: the hash is over what stands before the attribute, with a length in the header that
 * ends behind it. */
static void integrity(const uint8_t *data, size_t at, const void *password, size_t password_len,
                      uint8_t out[HMAC_SHA1_LEN])
{
    struct hmac_sha1 h;
    uint8_t head[4];

    /* The length field is not the one that was sent: it is hashed as if the message ended here. */
    memcpy(head, data, 2);
    put16(head + 2, (unsigned)(at + 4 + HMAC_SHA1_LEN - STUN_HEADER));
    hmac_sha1_init(&h, password, password_len);
    hmac_sha1_update(&h, head, sizeof(head));
    hmac_sha1_update(&h, data + 4, at - 4);
    hmac_sha1_final(&h, out);
}

bool stun_is_authentic(const uint8_t *data, const struct stun_request *request,
                       const void *password, size_t password_len)
{
    uint8_t hash[HMAC_SHA1_LEN];

    /* No credentials, no check: a STUN request without them proves nothing (RFC 8445 §7.3). */
    if (request->integrity_at == 0)
        return false;
    integrity(data, request->integrity_at, password, password_len, hash);
    /* Constant time: an attacker may send as many guesses as he likes. */
    return secret_equal(hash, data + request->integrity_at + 4, sizeof(hash));
}

/* RFC 8445 §7.2.2: "ours:theirs". Only our half is compared, the other is told late or never. */
bool stun_is_for(const struct stun_request *request, const char *ufrag, size_t ufrag_len)
{
    return request->username != NULL && request->username_length > ufrag_len &&
           request->username[ufrag_len] == ':' && memcmp(request->username, ufrag, ufrag_len) == 0;
}

/* ---- answers ---- */

static size_t put_head(uint8_t *out, size_t at, enum attribute type, size_t length)
{
    put16(out + at, type);
    put16(out + at + 2, (unsigned)length);
    return at + 4;
}

static size_t put_address(uint8_t *out, size_t at, const struct addr *from)
{
    size_t size = addr_ip_size(from);

    at = put_head(out, at, XOR_MAPPED_ADDRESS, 4 + size);
    out[at] = 0;
    out[at + 1] = size == 4 ? 1 : 2;
    /* The mask keeps address rewriting middleboxes from "helping" (RFC 8489 §14.2). */
    put16(out + at + 2, from->port ^ (COOKIE >> 16));
    /* The cookie and the transaction id stand together in the header, which is the mask. */
    for (size_t i = 0; i < size; i++)
        out[at + 4 + i] = from->ip[i] ^ out[4 + i];
    return at + 4 + size;
}

static size_t put_error(uint8_t *out, size_t at, unsigned error, uint16_t unknown)
{
    at = put_head(out, at, ERROR_CODE, 4);
    /* Class and number apart, RFC 8489 §14.8; without a reason phrase, that is optional text for
     * nobody. */
    put16(out + at, 0);
    out[at + 2] = (uint8_t)(error / 100);
    out[at + 3] = (uint8_t)(error % 100);
    at += 4;
    if (error != STUN_BAD_ATTRIBUTE)
        return at;
    at = put_head(out, at, UNKNOWN_ATTRIBUTES, 2);
    put16(out + at, unknown);
    put16(out + at + 2, 0);
    return at + 4;
}

size_t stun_answer(const struct stun_request *request, unsigned error, const struct addr *from,
                   const void *password, size_t password_len, uint8_t out[STUN_ANSWER_MAX])
{
    size_t at = STUN_HEADER, hash;

    put16(out, error == 0 ? BINDING_SUCCESS : BINDING_ERROR);
    /* Cookie and transaction before the address: its mask is read back from here. */
    put32(out + 4, COOKIE);
    memcpy(out + 8, request->transaction, STUN_TRANSACTION);
    at = error == 0 ? put_address(out, at, from) : put_error(out, at, error, request->unknown);
    hash = at;
    at = put_head(out, at, MESSAGE_INTEGRITY, HMAC_SHA1_LEN);
    /* The length in the header is set after this: integrity() hashes one of its own. */
    integrity(out, hash, password, password_len, out + at);
    at += HMAC_SHA1_LEN;
    put16(out + 2, (unsigned)(at + 8 - STUN_HEADER));
    hash = at;
    at = put_head(out, at, FINGERPRINT, 4);
    put32(out + at, crc32(out, hash) ^ FINGERPRINT_MASK);
    return at + 4;
}
