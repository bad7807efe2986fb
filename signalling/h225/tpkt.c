/* TPKT (RFC 1006 section 6): packets out of a stream, as it comes. */
#include "signalling/h225/tpkt.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

void tpkt_init(struct tpkt *t, size_t limit)
{
    memset(t, 0, sizeof(*t));
    /* 0: as much as the header can say. */
    t->limit = limit == 0 || limit > TPKT_PAYLOAD_MAX ? TPKT_PAYLOAD_MAX : limit;
}

void tpkt_fini(struct tpkt *t)
{
    free(t->body);
    tpkt_init(t, t->limit);
}

static void next_packet(struct tpkt *t)
{
    free(t->body);
    t->body = NULL;
    t->body_len = t->body_have = t->header_have = 0;
    t->given = 0;
}

static int error_of(enum tpkt_reason reason)
{
    if (reason == TPKT_REASON_LONG)
        return ERR_LIMIT;
    return reason == TPKT_REASON_NOMEM ? ERR_NOMEM : ERR_MALFORMED;
}

/* Judged octet by octet, so that a stream that is no TPKT at all is refused on its first. */
static enum tpkt_reason check_header(const struct tpkt *t)
{
    size_t len;

    if (t->header_have >= 1 && t->header[0] != 3)
        return TPKT_REASON_VERSION;
    if (t->header_have >= 2 && t->header[1] != 0)
        return TPKT_REASON_RESERVED;
    if (t->header_have < TPKT_HEADER_LEN)
        return TPKT_REASON_NONE;
    len = (size_t)t->header[2] << 8 | t->header[3];
    if (len < TPKT_HEADER_LEN)
        /* The length counts the header. */
        return TPKT_REASON_SHORT;
    return len - TPKT_HEADER_LEN > t->limit ? TPKT_REASON_LONG : TPKT_REASON_NONE;
}

/* Octets taken, or the stream's error in t->reason. */
static size_t take_header(struct tpkt *t, const uint8_t *data, size_t len)
{
    size_t at = 0;

    while (at < len && t->header_have < TPKT_HEADER_LEN) {
        t->header[t->header_have++] = data[at++];
        t->reason = check_header(t);
        if (t->reason != TPKT_REASON_NONE)
            break;
    }
    if (t->header_have == TPKT_HEADER_LEN)
        t->body_len = ((size_t)t->header[2] << 8 | t->header[3]) - TPKT_HEADER_LEN;
    return at;
}

static void give(struct tpkt *t, const uint8_t *data, struct tpkt_packet *packet)
{
    packet->data = data;
    packet->len = t->body_len;
    /* Stays until the next call: the caller may still look at it. */
    t->given = 1;
    if (t->body_len == 0)
        t->keepalives++;
    else
        t->packets++;
}

static size_t take_body(struct tpkt *t, const uint8_t *data, size_t len, struct tpkt_packet *packet)
{
    size_t want = t->body_len - t->body_have;

    if (t->body_have == 0 && len >= want) { /* whole in the caller's buffer: no copy */
        give(t, data, packet);
        return want;
    }
    if (len == 0)
        return 0;
    if (t->body == NULL)
        /* By the length that the header promised: it was compared with the limit. */
        t->body = malloc(t->body_len);
    if (t->body == NULL) {
        t->reason = TPKT_REASON_NOMEM;
        return 0;
    }
    if (want > len)
        want = len;
    memcpy(t->body + t->body_have, data, want);
    t->body_have += want;
    if (t->body_have == t->body_len)
        give(t, t->body, packet);
    return want;
}

int tpkt_push(struct tpkt *t, const uint8_t *data, size_t len, size_t *used,
              struct tpkt_packet *packet)
{
    struct tpkt_packet found = {NULL, 0};
    size_t at = 0;

    /* A stream that was wrong stays wrong: nobody knows where the next packet begins. */
    if (t->reason != TPKT_REASON_NONE)
        return error_of(t->reason);
    if (t->given)
        next_packet(t);
    if (t->header_have < TPKT_HEADER_LEN)
        at = take_header(t, data, len);
    /* Both may come in one push; at most one packet is given out. */
    if (t->reason == TPKT_REASON_NONE && t->header_have == TPKT_HEADER_LEN)
        at += take_body(t, data + at, len - at, &found);
    if (t->reason != TPKT_REASON_NONE)
        return error_of(t->reason);
    *used = at;
    *packet = found;
    return 0;
}

int tpkt_write_header(size_t payload_len, uint8_t header[static TPKT_HEADER_LEN])
{
    size_t len = payload_len + TPKT_HEADER_LEN;

    if (payload_len > TPKT_PAYLOAD_MAX)
        return ERR_RANGE;
    header[0] = 3;
    header[1] = 0;
    header[2] = (uint8_t)(len >> 8);
    header[3] = (uint8_t)len;
    return 0;
}

const char *tpkt_reason_to_str(enum tpkt_reason reason)
{
    static const char *const text[] = {
#define TPKT_REASON_TEXT(name, words) [name] = words,
        TPKT_REASON_LIST(TPKT_REASON_TEXT)
#undef TPKT_REASON_TEXT
    };

    return (size_t)reason < sizeof(text) / sizeof(text[0]) ? text[reason] : "unknown reason";
}
