/* A packet on its way through a worker.
 *
 * It describes a buffer that the I/O layer owns (with DPDK: it lies in the mbuf's private area),
 * so that parsing, routing and protecting know nothing of DPDK and run in a unit test. One cache
 * line, read and written by every stage. */
#ifndef DPDK_APP_PACKET_H
#define DPDK_APP_PACKET_H

#include <stdint.h>

enum packet_kind {
    PACKET_RAW,  /* not looked at yet */
    PACKET_DTLS, /* to sluiced, or from it */
    PACKET_RTP,
    PACKET_RTCP,
    PACKET_STUN, /* an answer of ours */
};

enum packet_bits {
    PACKET_LATCH = 1,     /* from a stranger: accept it only to learn the remote (H-LATCH) */
    PACKET_TRANSLATE = 2, /* SSRC, sequence number and timestamp are the receiver's own */
    PACKET_VIDEO = 4,     /* a switch of source leaves the marker alone */
    PACKET_SHARED = 8,    /* data is the header; the payload belongs to many (fan-out) */
    PACKET_ROW = 32,      /* a row of a list of receivers sent it here: `from` is set */
    PACKET_CHAINED = 16,  /* and is held by a reference that leaves with the packet */
    PACKET_PASSED = 64,   /* between transports of LINK_MODE_PASS: nobody here can read it */
    PACKET_BLIND = 128,   /* PACKET_TRANSLATE: begins no key frame, though its row waits for one */
};

/* Where a packet that another worker handed over goes on. */
enum packet_stage {
    PACKET_STAGE_RECEIVED, /* parsed; its transport is ours */
    PACKET_STAGE_ROUTED,   /* plain media for a transport of ours */
};

struct packet {
    uint8_t *data;   /* frame when received and when sent, UDP payload in between */
    uint16_t length; /* bytes at data */
    uint16_t head;   /* free bytes in front of data */
    uint16_t tail;   /* free bytes behind data + length */
    uint8_t kind;    /* enum packet_kind */
    uint8_t stage;   /* enum packet_stage */
    uint8_t device;  /* it came from, or goes to */
    uint8_t local;   /* local address it came to */
    uint8_t family;  /* 4 or 6, of the source */
    uint8_t bits;    /* enum packet_bits */
    /* Where it came from matters until it is accounted; then the place is routing's. */
    union {
        struct {
            uint16_t source_port;
            uint16_t dest_port;
        };
        uint32_t from; /* link_id.index of the transport that it came in by */
    };
    union {
        uint8_t source_ip[16];
        struct {
            const uint8_t *shared; /* PACKET_SHARED: the payload that follows data, `more` bytes */
            uint32_t order;        /* PACKET_TRANSLATE: of the row that routed it */
            uint16_t more;
            uint16_t clock; /* PACKET_TRANSLATE: of its timestamps, PACKET_CLOCK, 0 = unknown */
        };
    };
    uint32_t transport;  /* link_id.index: receiver, after routing the destination */
    uint32_t generation; /* of the destination */
    uint32_t ssrc;
    uint32_t timestamp;
    uint16_t sequence;
    uint8_t payload_type;
    uint8_t summed; /* sum is that of data while it is the UDP payload */
    uint32_t sum;   /* one's complement, not folded (wire_sum) */
};

_Static_assert(sizeof(struct packet) == 64, "one cache line");

#define PACKET_BURST 32u

/* Clock rates as ticks a millisecond in 1/256, so that time becomes ticks by a multiplication and a
 * shift. Exact for all multiples of 125 Hz; 44.1 kHz is off by 1 in 20,000, less than clocks are.
 */
#define PACKET_CLOCK(hz)    ((uint16_t)(((hz)*256u + 500u) / 1000u))
#define PACKET_CLOCK_MAX_HZ 255000u

/* Ticks of a clock in `ms`. */
static inline uint32_t packet_ticks(uint64_t ms, uint16_t clock)
{
    return (uint32_t)(ms * clock >> 8);
}

/* Move the beginning: +n drops n bytes in front, -n takes n bytes of head room. */
static inline void packet_shift(struct packet *p, int n)
{
    p->data += n;
    p->length = (uint16_t)(p->length - n);
    p->head = (uint16_t)(p->head + n);
}

/* Set the length; the caller knows that it fits. */
static inline void packet_resize(struct packet *p, uint16_t length)
{
    p->tail = (uint16_t)(p->tail + p->length - length);
    p->length = length;
}

#endif
