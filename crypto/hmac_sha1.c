/* FIPS 180-4 and RFC 2104 in a hundred lines, so that the data plane needs no TLS library for the
 * one HMAC that STUN wants. Not for keys or signatures of anything else. */
#include "crypto/hmac_sha1.h"

#include <string.h>

#include "base/secret.h"

#define BLOCK 64u

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* FIPS 180-4 section 6.1.2 */
static void compress(uint32_t state[5], const uint8_t block[BLOCK])
{
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

    for (unsigned i = 0; i < 16; i++)
        w[i] = get32(block + 4 * i);
    for (unsigned i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f, k, next;

        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5a827999u;
        } else if (i < 40) {
            f = b ^ c ^ d;
            k = 0x6ed9eba1u;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8f1bbcdcu;
        } else {
            f = b ^ c ^ d;
            k = 0xca62c1d6u;
        }
        next = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static void begin(struct hmac_sha1 *h)
{
    static const uint32_t first[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u,
                                      0xc3d2e1f0u};

    memcpy(h->state, first, sizeof(first));
    h->length = 0;
}

static void end(struct hmac_sha1 *h, uint8_t out[HMAC_SHA1_LEN])
{
    uint64_t bits = h->length * 8;
    size_t used = h->length % BLOCK;

    h->block[used++] = 0x80; /* the bit that ends the message */
    /* No room for the length in this block: it goes into one more (FIPS 180-4 §5.1.1). */
    if (used > BLOCK - 8) {
        memset(h->block + used, 0, BLOCK - used);
        compress(h->state, h->block);
        used = 0;
    }
    memset(h->block + used, 0, BLOCK - 8 - used);
    put32(h->block + BLOCK - 8, (uint32_t)(bits >> 32));
    put32(h->block + BLOCK - 4, (uint32_t)bits);
    compress(h->state, h->block);
    for (unsigned i = 0; i < 5; i++)
        put32(out + 4 * i, h->state[i]);
}

void hmac_sha1_update(struct hmac_sha1 *h, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        size_t used = h->length % BLOCK, n = len < BLOCK - used ? len : BLOCK - used;

        memcpy(h->block + used, p, n);
        h->length += n;
        p += n;
        len -= n;
        if (used + n == BLOCK)
            compress(h->state, h->block);
    }
}

void hmac_sha1_init(struct hmac_sha1 *h, const void *key, size_t key_len)
{
    uint8_t pad[BLOCK] = {0};

    begin(h);
    /* RFC 2104 §2: a longer key is replaced by its hash. */
    if (key_len > BLOCK) {
        hmac_sha1_update(h, key, key_len);
        end(h, pad);
        begin(h);
    } else if (key_len > 0) {
        memcpy(pad, key, key_len);
    }
    /* The outer pad is kept, the inner one is hashed at once and gone. */
    for (unsigned i = 0; i < BLOCK; i++)
        h->outer[i] = pad[i] ^ 0x5c;
    for (unsigned i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    hmac_sha1_update(h, pad, BLOCK);
    secret_wipe(pad, sizeof(pad));
}

void hmac_sha1_final(struct hmac_sha1 *h, uint8_t out[HMAC_SHA1_LEN])
{
    uint8_t inner[HMAC_SHA1_LEN];

    end(h, inner);
    begin(h);
    hmac_sha1_update(h, h->outer, BLOCK);
    hmac_sha1_update(h, inner, sizeof(inner));
    end(h, out);
    secret_wipe(inner, sizeof(inner));
    secret_wipe(h, sizeof(*h));
}
