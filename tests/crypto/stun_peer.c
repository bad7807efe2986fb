#include "tests/crypto/stun_peer.h"

#include <string.h>

#include "crypto/hmac_sha1.h"

static void put16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static size_t get16(const uint8_t *p)
{
    return (size_t)(p[0] << 8 | p[1]);
}

static size_t add(uint8_t *out, size_t at, unsigned type, const void *value, size_t len)
{
    size_t room = (len + 3) & ~(size_t)3;

    put16(out + at, type);
    put16(out + at + 2, len);
    memset(out + at + 4, 0, room);
    if (len > 0)
        memcpy(out + at + 4, value, len);
    put16(out + 2, at + 4 + room - 20);
    return at + 4 + room;
}

/* Bit by bit from the polynomial's other end: not the code that is tested. */
static uint32_t crc(const uint8_t *p, size_t len)
{
    uint32_t r = 0xffffffffu, out = 0;

    for (size_t i = 0; i < len * 8; i++) {
        uint32_t bit = (uint32_t)(p[i / 8] >> (i % 8) & 1);

        r = r << 1 ^ (((r >> 31) ^ bit) != 0 ? 0x04c11db7u : 0);
    }
    for (unsigned i = 0; i < 32; i++)
        out |= (r >> i & 1) << (31 - i);
    return ~out;
}

static void hash(const uint8_t *data, size_t at, const char *password, uint8_t out[20])
{
    uint8_t copy[512];
    struct hmac_sha1 h;

    memcpy(copy, data, at);
    put16(copy + 2, at + 24 - 20);
    hmac_sha1_init(&h, password, strlen(password));
    hmac_sha1_update(&h, copy, at);
    hmac_sha1_final(&h, out);
}

size_t stun_peer_request(const struct stun_peer_check *c, uint8_t out[256])
{
    static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};
    uint8_t tie[8] = {1, 2, 3, 4, 5, 6, 7, 8}, number[4], mac[20];
    size_t at = 20;
    uint32_t sum;

    put16(out, 1);
    put16(out + 2, 0);
    memcpy(out + 4, cookie, 4);
    memset(out + 8, 7, 12);
    out[8] = c->transaction;
    if (c->username != NULL)
        at = add(out, at, 0x0006, c->username, strlen(c->username));
    put16(number, c->priority >> 16);
    put16(number + 2, c->priority & 0xffff);
    if (!c->no_priority)
        at = add(out, at, 0x0024, number, 4);
    at = add(out, at, c->is_controlled ? 0x8029 : 0x802a, tie, 8);
    if (c->use_candidate)
        at = add(out, at, 0x0025, NULL, 0);
    if (c->attribute != 0)
        at = add(out, at, c->attribute, NULL, 0);
    if (!c->no_integrity) {
        hash(out, at, c->password, mac);
        at = add(out, at, 0x0008, mac, sizeof(mac));
    }
    put16(out + 2, at + 8 - 20);
    sum = crc(out, at) ^ 0x5354554eu;
    put16(number, sum >> 16);
    put16(number + 2, sum & 0xffff);
    return add(out, at, 0x8028, number, 4);
}

int stun_peer_answer(const uint8_t *data, size_t len, const char *password, uint8_t transaction,
                     struct addr *mapped)
{
    bool is_error = len >= 20 && get16(data) == 0x0111, is_whole = false, is_signed = false;
    size_t at = 20;
    uint8_t mac[20];
    int code = 0;

    if (len < 20 || (!is_error && get16(data) != 0x0101) || get16(data + 2) + 20 != len ||
        data[8] != transaction)
        return -1;
    while (at + 4 <= len) {
        size_t type = get16(data + at), n = get16(data + at + 2);
        const uint8_t *value = data + at + 4;

        if (type == 0x0020) {
            memset(mapped, 0, sizeof(*mapped));
            mapped->family = value[1] == 1 ? ADDR_IP4 : ADDR_IP6;
            mapped->port = (uint16_t)(get16(value + 2) ^ 0x2112);
            for (size_t i = 0; i + 4 < n; i++)
                mapped->ip[i] = value[4 + i] ^ data[4 + i];
        } else if (type == 0x0009) {
            code = value[2] * 100 + value[3];
        } else if (type == 0x0008) {
            hash(data, at, password, mac);
            is_signed = n == 20 && memcmp(mac, value, 20) == 0;
        } else if (type == 0x8028) {
            uint32_t sum = crc(data, at) ^ 0x5354554eu;

            is_whole =
                at + 8 == len && get16(value) == sum >> 16 && get16(value + 2) == (sum & 0xffff);
        }
        at += 4 + ((n + 3) & ~(size_t)3);
    }
    if (!is_signed || !is_whole || at != len || (is_error && code == 0))
        return -1;
    return code;
}
