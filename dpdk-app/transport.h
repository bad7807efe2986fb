/* Transports and streams of one worker: pools of fixed size, laid out for the packet path.
 *
 * Lines of 64 bytes that a relayed packet touches (SRTP to SRTP, first SSRC of a transport, first
 * route): packet 1, port table 1, source transport 1, its stream 1, its statistics 1, destination
 * 2, its stream 1, its statistics 1, its neighbour's version 1; plus the frame and what the SRTP
 * back end reads. With thousands of calls each of them comes from the third-level cache: the
 * stages fetch them ahead. */
#ifndef DPDK_APP_TRANSPORT_H
#define DPDK_APP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/srtp.h"
#include "dpdk-app/dtls_gate.h"
#include "dpdk-app/header.h"
#include "link/link_msg.h"

#define TRANSPORT_STREAMS 16u    /* SSRCs of a transport in one direction */
#define TRANSPORT_RETIRED 64u    /* sent SSRCs that gave their place up and may not come back */
#define STREAM_IDLE_MS    30000u /* a stream that rests longer may give its place up */

enum transport_bits {
    TRANSPORT_FIRST_IN = 1, /* first packet was reported */
    TRANSPORT_SILENT = 4,   /* media timeout was reported */
    TRANSPORT_LATCH = 8,    /* learn the remote from the next packet that authenticates */
    TRANSPORT_FAN = 16,     /* has a list of receivers (route.h) */
    TRANSPORT_MIX = 2,      /* is a member of a mix (mix.h) */
    TRANSPORT_CAPTURE = 32, /* what arrives is captured */
};

/* transport.is_sending */
enum transport_sending {
    TRANSPORT_FIRST_OUT = 1,    /* the first packet was reported */
    TRANSPORT_SEND_CAPTURE = 2, /* what leaves is captured */
};

/* One SSRC in one direction. */
struct stream {
    struct srtp_stream *srtp; /* NULL: plain RTP */
    uint64_t last_ms;
    uint32_t ssrc;
    union {
        uint32_t next_free; /* while it is in the pool */
        /* 0x10000 | sequence number that, if it comes next, proves a restart (RFC 3550 A.1). */
        uint32_t probe;
    };
    uint16_t clock;  /* of the timestamps, PACKET_CLOCK; 0 = not known */
    uint8_t started; /* RTP was counted or translated: what follows is set */
    uint8_t proven;  /* a packet authenticated: the stream may stay */
    union {
        struct {
            /* Received: RFC 3550 A.1, A.3, A.8. */
            uint32_t base, highest, received, transit, jitter;
            int32_t lost;
        };
        /* Sent, translated (translate.h). */
        struct {
            uint32_t order;     /* of the row that feeds it */
            uint32_t source;    /* SSRC behind it */
            uint32_t timestamp; /* last sent */
            uint32_t sent_ms;   /* when; low half */
            uint32_t add_timestamp;
            uint32_t packets, octets; /* sent, for sender reports */
            uint16_t sequence;        /* highest sent */
            uint16_t source_sequence; /* the source's number of that */
            uint16_t add_sequence;
            uint16_t span; /* how far behind source_sequence the present source reaches */
        } out;
    };
};

struct stream_slot {
    uint32_t ssrc;
    uint32_t stream; /* index into the pool, 0 = free */
};

struct route {
    uint32_t index, generation;
    uint8_t pt_in, pt_out;
    uint16_t reserved;
};

struct transport {
    /* Line 0: receive. All of it for a packet of the first SSRC on the first route. */
    _Alignas(64) uint8_t remote_ip[16];
    uint16_t remote_port;
    uint8_t remote_family; /* 0 = not told yet */
    uint8_t mode;          /* enum link_mode, 0 = free place */
    uint8_t bits;          /* enum transport_bits */
    uint8_t route_count;
    uint8_t local;
    uint8_t producer;
    uint32_t generation;
    struct route first_route;
    struct srtp_key *rx_key;
    struct link_transport_stats *stats;
    struct stream_slot rx[TRANSPORT_STREAMS]; /* the others: lines 1–2 */
    /* Lines 2–4: what fewer packets need. */
    struct route more_routes[LINK_ROUTES_MAX - 1];
    struct route rtcp;
    uint32_t index; /* link_id.index */
    uint32_t epoch; /* attachment that opened or claimed it */
    uint16_t port;
    uint8_t dscp;
    uint8_t flags;   /* LINK_FLAG_… */
    uint32_t pair;   /* the plain RTP transport's RTCP one, and the reverse; index + 1, 0 = none */
    struct fan *fan; /* NULL: no receivers */
    struct reporter *reporter; /* NULL: RTCP does not end here, or at the pair */
    uint16_t clock; /* of what arrives, if its payload type does not tell; PACKET_CLOCK */
    uint8_t pad[6];
    /* Lines 5–6: send. Headers of what is sent, and all else for a packet of the first SSRC. */
    struct header header;
    int32_t hop; /* neighbour, -1 = none */
    uint32_t hop_version;
    uint32_t send_generation; /* as generation, mode, stats above: they never change while it is */
    uint8_t send_mode;        /* open, and line 0 is left to the other direction */
    uint8_t is_sending;       /* enum transport_sending */
    uint16_t room;            /* longest plain RTP packet that fits the path's MTU when protected */
    struct srtp_key *tx_key;
    struct link_transport_stats *send_stats;
    struct stream_slot tx[TRANSPORT_STREAMS]; /* the others: lines 7–8 */
    uint8_t pad2[16];
    /* Cold. */
    uint32_t next_free;
    struct dtls_gate dtls; /* datagrams that went up in this moment */
    uint64_t mismatch_ms;  /* last LINK_REMOTE_MISMATCH */
    uint64_t opened_ms;
    struct mix_member *member; /* NULL: in no mix */
    struct mix_file *capture;  /* NULL: none */
    struct ice *ice;           /* NULL: its remote is what signalling named (ice.h) */
    uint32_t retired_count;
    uint32_t retired[TRANSPORT_RETIRED]; /* SSRCs sent under tx_key */
    struct srtp_master tx_used;          /* may not be installed again: indices would repeat */
    char session[LINK_TAG_SIZE];
    char conference[LINK_TAG_SIZE];
};

_Static_assert(sizeof(struct stream) == 64, "one cache line");
_Static_assert(offsetof(struct transport, rx) == 56, "first SSRC in line 0");
_Static_assert(offsetof(struct transport, more_routes) == 184, "line 2 on");
_Static_assert(offsetof(struct transport, header) == 320, "line 5");
_Static_assert(offsetof(struct transport, tx) == 432, "first SSRCs in line 6");
_Static_assert(offsetof(struct transport, next_free) == 576, "cold part from line 9");
/* With 1,024 bytes line 0 of all transports would share a sixteenth of the caches' sets. */
_Static_assert(sizeof(struct transport) / 64 % 2 == 1, "an odd number of lines");

static inline struct route *transport_route(struct transport *t, uint32_t i)
{
    return i == 0 ? &t->first_route : &t->more_routes[i - 1];
}

static inline struct stream_slot *transport_find(struct stream_slot *slot, uint32_t ssrc)
{
    for (unsigned i = 0; i < TRANSPORT_STREAMS && slot[i].stream != 0; i++)
        if (slot[i].ssrc == ssrc)
            return &slot[i];
    return NULL;
}

#endif
