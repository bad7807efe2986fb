#include "tests/e2e/attacks/attack_dtls.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define DTLS12           0xfefd
#define DTLS10           0xfeff
#define RECORD_HEADER    13
#define HANDSHAKE_HEADER 12
#define CCS              20
#define ALERT            21
#define HANDSHAKE        22
#define DATA             23

const char *const forge_names[FORGE_COUNT] = {
#define FORGE_NAME(name, text) [name] = (text),
    FORGE_LIST(FORGE_NAME)
#undef FORGE_NAME
};

uint32_t forge_kinds(const char *list)
{
    uint32_t found = 0;

    if (strcmp(list, "all") == 0)
        return (1u << FORGE_COUNT) - 1;
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        int kind;

        for (kind = 0; kind < FORGE_COUNT; kind++)
            if (strlen(forge_names[kind]) == len && memcmp(list, forge_names[kind], len) == 0)
                break;
        if (kind == FORGE_COUNT)
            return 0;
        found |= 1u << kind;
        list += len + (list[len] == ',');
    }
    return found;
}

static void random_bytes(struct bytes_writer *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes_write_u8(w, (uint8_t)random());
}

/* A record around what is already behind its header. */
static size_t record(uint8_t *out, uint8_t type, uint16_t epoch, uint64_t number, size_t body)
{
    struct bytes_writer w = bytes_writer(out, RECORD_HEADER);

    bytes_write_u8(&w, type);
    bytes_write_u16(&w, DTLS12);
    bytes_write_u16(&w, epoch);
    bytes_write_u48(&w, number);
    bytes_write_u16(&w, (uint16_t)body);
    return RECORD_HEADER + body;
}

static size_t message(uint8_t *out, uint8_t type, uint16_t number, size_t body)
{
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER, HANDSHAKE_HEADER);

    bytes_write_u8(&w, type);
    bytes_write_u24(&w, (uint32_t)body);
    bytes_write_u16(&w, number);
    bytes_write_u24(&w, 0);
    bytes_write_u24(&w, (uint32_t)body);
    return record(out, HANDSHAKE, 0, number, HANDSHAKE_HEADER + body);
}

struct hello {
    uint16_t version;
    uint16_t suites[3];
    uint16_t profile;
    uint8_t cookie;       /* bytes */
    uint16_t extra_bytes; /* of an extension that nobody knows */
    bool is_long;         /* lengths inside say more than there is */
};

static const struct hello good = {
    .version = DTLS12, .suites = {0xc02b, 0xc02f, 0xc02c}, .profile = 7};

static void write_extensions(struct bytes_writer *w, const struct hello *h)
{
    static const uint8_t groups[] = {0, 10, 0, 6, 0, 4, 0, 23, 0, 29};
    static const uint8_t formats[] = {0, 11, 0, 2, 1, 0};
    static const uint8_t signatures[] = {0, 13, 0, 6, 0, 4, 4, 3, 4, 1};
    static const uint8_t extended_secret[] = {0, 23, 0, 0};

    bytes_write_copy(w, groups, sizeof(groups));
    bytes_write_copy(w, formats, sizeof(formats));
    bytes_write_copy(w, signatures, sizeof(signatures));
    bytes_write_copy(w, extended_secret, sizeof(extended_secret));
    bytes_write_u16(w, 14);
    bytes_write_u16(w, 5);
    bytes_write_u16(w, h->is_long ? 200 : 2);
    bytes_write_u16(w, h->profile);
    bytes_write_u8(w, 0);
    if (h->extra_bytes > 0) {
        bytes_write_u16(w, 0xfafa);
        bytes_write_u16(w, h->extra_bytes);
        for (unsigned i = 0; i < h->extra_bytes; i++)
            bytes_write_u8(w, 0);
    }
}

static size_t write_hello(uint8_t *out, const struct hello *h)
{
    uint8_t body[FORGE_MAX], extensions[FORGE_MAX];
    struct bytes_writer x = bytes_writer(extensions, sizeof(extensions));
    struct bytes_writer w = bytes_writer(body, sizeof(body));

    write_extensions(&x, h);
    bytes_write_u16(&w, h->version);
    random_bytes(&w, 32);
    bytes_write_u8(&w, 0);
    bytes_write_u8(&w, h->cookie);
    random_bytes(&w, h->cookie);
    bytes_write_u16(&w, sizeof(h->suites));
    for (unsigned i = 0; i < 3; i++)
        bytes_write_u16(&w, h->suites[i]);
    bytes_write_u8(&w, 1);
    bytes_write_u8(&w, 0);
    bytes_write_u16(&w, (uint16_t)x.pos);
    bytes_write_copy(&w, extensions, x.pos);
    memcpy(out + RECORD_HEADER + HANDSHAKE_HEADER, body, w.pos);
    return message(out, 1, h->cookie > 0, w.pos);
}

size_t forge_hello(uint8_t out[FORGE_MAX], size_t size)
{
    struct hello h = good;
    size_t len = write_hello(out, &h);

    if (size > len + 4) {
        h.extra_bytes = (uint16_t)(size - len - 4);
        len = write_hello(out, &h);
    }
    return len;
}

static size_t bad_hello(unsigned turn, uint8_t *out)
{
    struct hello h = good;
    size_t len;

    switch (turn % 6) {
    case 0:
        h.version = DTLS10;
        break;
    case 1:
        memset(h.suites, 0, sizeof(h.suites)); /* TLS_NULL_WITH_NULL_NULL */
        break;
    case 2:
        h.profile = 0x7777;
        break;
    case 3:
        h.is_long = true;
        break;
    case 4:
        h.version = 0x0303;
        break;
    default:
        len = write_hello(out, &h);
        out[RECORD_HEADER + HANDSHAKE_HEADER + 34] = 255; /* session id: longer than the message */
        return len;
    }
    return write_hello(out, &h);
}

/* The first, a middle or the last part of a ClientHello of 600 bytes, of which no more comes. */
static size_t half_hello(unsigned turn, uint8_t *out)
{
    static const struct {
        uint32_t offset, size, total;
    } parts[] = {{0, 60, 600},   {60, 60, 600}, {540, 60, 600},
                 {0, 60, 16000}, {0, 0, 600},   {500, 200, 600}};
    uint32_t total = parts[turn % 6].total, offset = parts[turn % 6].offset;
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER, HANDSHAKE_HEADER + 200);

    bytes_write_u8(&w, 1);
    bytes_write_u24(&w, total);
    bytes_write_u16(&w, (uint16_t)(turn / 6 % 2));
    bytes_write_u24(&w, offset);
    bytes_write_u24(&w, parts[turn % 6].size);
    random_bytes(&w, parts[turn % 6].size);
    return record(out, HANDSHAKE, 0, turn % 4, w.pos);
}

static size_t alert(unsigned turn, uint8_t *out, bool is_sealed)
{
    static const uint8_t descriptions[] = {40, 0, 10, 20, 90, 70, 80};
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER, 64);

    if (is_sealed) {
        random_bytes(&w, 26); /* nonce, two bytes, tag */
        return record(out, ALERT, 1, turn % 50, w.pos);
    }
    bytes_write_u8(&w, turn % 2 ? 1 : 2);
    bytes_write_u8(&w, descriptions[turn % sizeof(descriptions)]);
    return record(out, ALERT, 0, turn % 50, w.pos);
}

static size_t server_hello(unsigned turn, uint8_t *out)
{
    static const uint8_t extensions[] = {0, 23, 0, 0, 0,  14, 0, 5, 0, 2,
                                         0, 7,  0, 0, 11, 0,  2, 1, 0};
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER + HANDSHAKE_HEADER, FORGE_MAX / 2);

    bytes_write_u16(&w, DTLS12);
    random_bytes(&w, 32);
    bytes_write_u8(&w, 0);
    bytes_write_u16(&w, turn / 3 % 2 ? 0xc02f : 0xc02b);
    bytes_write_u8(&w, 0);
    bytes_write_u16(&w, sizeof(extensions));
    bytes_write_copy(&w, extensions, sizeof(extensions));
    return message(out, 2, (uint16_t)(turn % 3), w.pos);
}

static size_t hello_verify(unsigned turn, uint8_t *out)
{
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER + HANDSHAKE_HEADER, 64);

    bytes_write_u16(&w, turn % 2 ? DTLS12 : DTLS10);
    bytes_write_u8(&w, 20);
    random_bytes(&w, 20);
    return message(out, 3, (uint16_t)(turn / 2 % 2), w.pos);
}

static size_t other_message(unsigned turn, uint8_t *out)
{
    static const uint8_t types[] = {11, 12, 13, 14, 15, 16, 20, 0, 4, 99};
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER + HANDSHAKE_HEADER, FORGE_MAX / 2);
    uint8_t type = types[turn % sizeof(types)];

    random_bytes(&w, type == 14 || type == 0 ? 0 : 70);
    return message(out, type, (uint16_t)(turn / sizeof(types) % 7), w.pos);
}

/* What moves a replay window that believes in the clear: a number far ahead on something harmless.
 */
static size_t far_number(unsigned turn, uint8_t *out)
{
    struct hello h = good;
    size_t len = turn % 2 ? write_hello(out, &h) : alert(1, out, false);
    struct bytes_writer w = bytes_writer(out + 5, 6);

    bytes_write_u48(&w, turn % 3 == 0 ? 0xffffffffffffull : 5000 + turn % 1000);
    return len;
}

size_t forge_make(enum forge kind, unsigned turn, uint8_t out[FORGE_MAX])
{
    struct hello with_cookie = good;
    struct bytes_writer w = bytes_writer(out + RECORD_HEADER, FORGE_MAX / 2);

    with_cookie.cookie = 32;
    switch (kind) {
    case FORGE_HELLO:
        return forge_hello(out, 0);
    case FORGE_HELLO_COOKIE:
        return write_hello(out, &with_cookie);
    case FORGE_HELLO_BAD:
        return bad_hello(turn, out);
    case FORGE_HELLO_HALF:
        return half_hello(turn, out);
    case FORGE_HELLO_CUT:
        return forge_hello(out, 0) * (turn % 9 + 1) / 10;
    case FORGE_ALERT:
        return alert(turn, out, false);
    case FORGE_ALERT_SEALED:
        return alert(turn, out, true);
    case FORGE_SERVER_HELLO:
        return server_hello(turn, out);
    case FORGE_VERIFY:
        return hello_verify(turn, out);
    case FORGE_CCS:
        bytes_write_u8(&w, 1);
        return record(out, CCS, 0, turn % 20, w.pos);
    case FORGE_FINISHED:
        random_bytes(&w, 48);
        return record(out, HANDSHAKE, 1, turn % 4, w.pos);
    case FORGE_MESSAGE:
        return other_message(turn, out);
    case FORGE_NUMBER:
        return far_number(turn, out);
    case FORGE_DATA:
        random_bytes(&w, 40);
        return record(out, DATA, (uint16_t)(turn % 2), turn % 50, w.pos);
    case FORGE_COUNT:
        break;
    }
    return 0;
}
