/* TPKT (RFC 1006 §6): packets on a TCP stream, version 3, 0, and a 16-bit length that counts its
 * own four octets. H.225.0 call signalling and H.245 both travel in it.
 *
 * The reassembler takes the stream in any pieces (a byte at a time, many packets at once) and
 * gives packets back in order. Memory is taken only while a packet is incomplete, and never more
 * than that packet's length, so an idle connection costs this struct alone. */
#ifndef SIGNALLING_H225_TPKT_H
#define SIGNALLING_H225_TPKT_H

#include <stddef.h>
#include <stdint.h>

#define TPKT_HEADER_LEN  4u
#define TPKT_PAYLOAD_MAX (65535u - TPKT_HEADER_LEN)

/* Why a stream was refused; afterwards it is out of step and of no further use. */
#define TPKT_REASON_LIST(X)                                            \
    X(TPKT_REASON_NONE, "none")                                        \
    X(TPKT_REASON_VERSION, "first octet is not TPKT version 3")        \
    X(TPKT_REASON_RESERVED, "second octet is not 0")                   \
    X(TPKT_REASON_SHORT, "length is below 4, its own header")          \
    X(TPKT_REASON_LONG, "length is above the configured packet limit") \
    X(TPKT_REASON_NOMEM, "no memory for the packet that was announced")

enum tpkt_reason {
#define TPKT_REASON_ENUM(name, text) name,
    TPKT_REASON_LIST(TPKT_REASON_ENUM)
#undef TPKT_REASON_ENUM
};

/* One packet without its header. `len` 0 is a keep-alive (H.225.0 uses the bare header so). */
struct tpkt_packet {
    const uint8_t *data; /* NULL: no packet complete yet */
    size_t len;          /* octets behind the header */
};

/* Caller's storage. The counters may be read; the rest is the reassembler's own business. */
struct tpkt {
    uint8_t header[TPKT_HEADER_LEN];
    size_t header_have; /* octets of `header` seen */
    uint8_t *body;      /* the incomplete packet, or the one given out last */
    size_t body_len;    /* octets that it shall have */
    size_t body_have;   /* octets that are there */
    size_t limit;       /* most payload octets a packet may have */
    int given;          /* `body` was given out: free it on the next call */
    enum tpkt_reason reason;
    uint64_t packets;    /* given out, keep-alives not counted */
    uint64_t keepalives; /* packets of length 4 */
};

/* `limit`: the largest payload accepted, 0 or anything above TPKT_PAYLOAD_MAX means that. */
void tpkt_init(struct tpkt *t, size_t limit);
void tpkt_fini(struct tpkt *t);

/* Takes octets from `data` until a packet is complete or they are used up. `*used` says how many
 * were taken; call again with the rest until `packet->data` is NULL. `packet` is valid until the
 * next call; it may point into `data`. ERR_MALFORMED, ERR_LIMIT, ERR_NOMEM: see t->reason; every
 * later call fails the same way. */
int tpkt_push(struct tpkt *t, const uint8_t *data, size_t len, size_t *used,
              struct tpkt_packet *packet);

/* Writes the header of a packet with `payload_len` octets behind it. ERR_RANGE: too long. */
int tpkt_write_header(size_t payload_len, uint8_t header[static TPKT_HEADER_LEN]);

const char *tpkt_reason_to_str(enum tpkt_reason reason);

#endif
