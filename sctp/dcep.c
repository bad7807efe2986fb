/* DCEP (RFC 8832): the two messages that open a data channel inside SCTP. Reads and writes, decides
 * nothing; input is a peer's. */
#include "sctp/dcep.h"

#include <string.h>

#include "base/err.h"

#define TYPE_ACK  0x02
#define TYPE_OPEN 0x03

/* Channel types, RFC 8832 5.1: the top bit is "unordered". */
#define CHANNEL_RELIABLE  0x00
#define CHANNEL_REXMIT    0x01
#define CHANNEL_TIMED     0x02
#define CHANNEL_UNORDERED 0x80

#define OPEN_FIXED 12 /* octets before the label */

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* A zero inside would make two labels one. Labels and protocols are UTF-8 by the RFC and text here:
 * JSON and logs escape them where they go out. */
static int copy_text(char *to, size_t max, const uint8_t *from, size_t len)
{
    if (len > max)
        return ERR_LIMIT;
    if (memchr(from, 0, len) != NULL)
        return ERR_MALFORMED;
    memcpy(to, from, len);
    to[len] = '\0';
    return 0;
}

static int parse_type(uint8_t type, uint32_t parameter, struct dcep_open *open)
{
    open->is_unordered = (type & CHANNEL_UNORDERED) != 0;
    switch (type & ~CHANNEL_UNORDERED) {
    case CHANNEL_RELIABLE:
        return 0;
    case CHANNEL_REXMIT:
        /* 0 retransmissions is a valid wish, hence the flag beside the number. */
        open->has_retransmits = true;
        open->retransmits = parameter;
        return 0;
    case CHANNEL_TIMED:
        open->has_lifetime = true;
        open->lifetime_ms = parameter;
        return 0;
    default:
        return ERR_UNSUPPORTED;
    }
}

static int parse_open(const uint8_t *data, size_t len, struct dcep_open *out)
{
    struct dcep_open open;
    size_t label, protocol;
    int err;

    if (len < OPEN_FIXED)
        return ERR_MALFORMED;
    memset(&open, 0, sizeof(open));
    label = get16(data + 8);
    protocol = get16(data + 10);
    /* The two lengths must use up the message: a rest would be somebody's private extension, and a
     * label cut short another label. */
    if (label + protocol != len - OPEN_FIXED)
        return ERR_MALFORMED;
    open.priority = get16(data + 2);
    err = parse_type(data[1], get32(data + 4), &open);
    if (err == 0)
        err = copy_text(open.label, DCEP_LABEL_MAX, data + OPEN_FIXED, label);
    if (err == 0)
        err = copy_text(open.protocol, DCEP_PROTOCOL_MAX, data + OPEN_FIXED + label, protocol);
    /* Only a whole message is handed out: half of one could open a channel with the wrong
     * reliability. */
    if (err == 0)
        *out = open;
    return err;
}

int dcep_parse(const uint8_t *data, size_t len, enum dcep_kind *kind, struct dcep_open *open)
{
    int err;

    if (len == 0)
        return ERR_MALFORMED;
    /* RFC 8832 §5.2: one octet; whatever stands behind it is ignored, as the RFC says of unknown
     * fields. */
    if (data[0] == TYPE_ACK) {
        *kind = DCEP_ACK;
        return 0;
    }
    if (data[0] != TYPE_OPEN)
        return ERR_UNSUPPORTED;
    err = parse_open(data, len, open);
    if (err == 0)
        *kind = DCEP_OPEN;
    return err;
}

size_t dcep_build_open(const struct dcep_open *open, uint8_t *out, size_t cap)
{
    size_t label = strlen(open->label), protocol = strlen(open->protocol);
    uint32_t parameter = 0;
    uint8_t type = open->is_unordered ? CHANNEL_UNORDERED : CHANNEL_RELIABLE;

    if (cap < OPEN_FIXED + label + protocol)
        return 0;
    /* Both at once cannot be said (RFC 8832 §5.1): the number of retransmissions goes first. */
    if (open->has_retransmits) {
        type |= CHANNEL_REXMIT;
        parameter = open->retransmits;
    } else if (open->has_lifetime) {
        type |= CHANNEL_TIMED;
        parameter = open->lifetime_ms;
    }
    out[0] = TYPE_OPEN;
    out[1] = type;
    put16(out + 2, open->priority);
    put16(out + 4, (uint16_t)(parameter >> 16));
    put16(out + 6, (uint16_t)parameter);
    put16(out + 8, (uint16_t)label);
    put16(out + 10, (uint16_t)protocol);
    memcpy(out + OPEN_FIXED, open->label, label);
    memcpy(out + OPEN_FIXED + label, open->protocol, protocol);
    return OPEN_FIXED + label + protocol;
}

size_t dcep_build_ack(uint8_t *out, size_t cap)
{
    if (cap == 0)
        return 0;
    out[0] = TYPE_ACK;
    return 1;
}
