/* A data plane in the test's own thread: workers with arrays for devices, commands called
 * directly or sent over a real link. Two local addresses: 192.0.2.1/24 (gateway 192.0.2.254) and
 * 2001:db8::1/64, both on device 0 whose Ethernet address is 02:00:00:00:00:01. */
#ifndef TESTS_DPDK_APP_RIG_H
#define TESTS_DPDK_APP_RIG_H

#include "dpdk-app/worker.h"
#include "link/link.h"

#define RIG_SENT    1024u
#define RIG_FRAME   1600u
#define RIG_PORT    20000u
#define RIG_WORKERS 2u
#define RIG_MIXES   8u  /* a worker */
#define RIG_HEARD   64u /* newest events that are kept */

struct rig_io {
    struct io io;
    struct rig *rig;
    unsigned number;
    struct packet *over[RIG_SENT]; /* handed to this worker */
    unsigned over_n;
};

struct rig {
    struct plane plane;
    struct link_server *server;
    struct srtp_engine *engine[RIG_WORKERS];
    struct rig_io io[RIG_WORKERS];
    struct writer *writer;
    struct worker *worker[RIG_WORKERS];
    /* Frames that left, in order. */
    uint8_t sent[RIG_SENT][RIG_FRAME];
    unsigned sent_length[RIG_SENT];
    unsigned sent_n;
    int buffers; /* alive: 0 when nothing leaks */
    bool no_buffers;
    bool no_chains;
    unsigned chained; /* packets that left with another's payload */
    uint64_t now;
    /* A control that listens, if rig_attach was called. */
    struct link_client *client;
    struct link_msg reply, event;
    struct link_msg heard[RIG_HEARD]; /* event n at n % RIG_HEARD */
    unsigned replies, events;
};

/* 0 or an error. */
int rig_start(struct rig *rig, unsigned workers); /* 32 transports a worker */
int rig_start_sized(struct rig *rig, unsigned workers, unsigned transports);
void rig_stop(struct rig *rig);
/* Directories for recordings and announcements ("" = none), before rig_start; kept until changed.
 * The writer's thread is a real one. */
void rig_directories(const char *recordings, const char *announcements);
/* The newest event of this type since `since` (a value of rig.events); NULL: none. */
const struct link_msg *rig_heard(const struct rig *rig, unsigned type, unsigned since);
/* A control in the same thread. */
void rig_attach(struct rig *rig);
void rig_detach(struct rig *rig);
/* One turn of everybody. */
void rig_turn(struct rig *rig);

/* Feed a frame to a worker and let it through all stages. */
void rig_frame(struct rig *rig, unsigned worker, const uint8_t *frame, unsigned length);

/* Ethernet address 02:…:02 for every on-link neighbour that was asked for. */
void rig_resolve(struct rig *rig, struct link_id id);

/* Open with worker_on_command; {0, 0} when refused. */
struct link_id rig_open(struct rig *rig, unsigned worker, const struct link_open *open);
/* A usual one: remote 192.0.2.(10 + i) port 4000 + i, local port RIG_PORT + 2i, resolved. */
struct link_id rig_open_usual(struct rig *rig, unsigned worker, unsigned i, unsigned mode);
void rig_command(struct rig *rig, const struct link_msg *msg);
/* Keys of both directions made of one byte each; profile CM-SHA1-80. */
void rig_keys(struct rig *rig, struct link_id id, uint8_t rx, uint8_t tx);
void rig_route(struct rig *rig, struct link_id from, struct link_id to);
/* Add a row; `to`, ssrc_out, PCMA's clock, any payload type. */
void rig_receiver(struct rig *rig, struct link_id from, struct link_id to, uint32_t ssrc_out);
void rig_unreceive(struct rig *rig, struct link_id from, struct link_id to, uint32_t ssrc_out);
/* Payload of sent frame `i` after the checks of a receiver; its length, 0 when they fail. */
unsigned rig_payload(const struct rig *rig, unsigned i, uint8_t *out);
/* UDP port that it was sent to. */
uint16_t rig_sent_to(const struct rig *rig, unsigned i);

/* A frame with this UDP payload from 192.0.2.(10 + i):4000 + i to our port. Its length. */
unsigned rig_udp(uint8_t *frame, unsigned i, uint16_t to_port, const void *payload,
                 unsigned length);
/* Likewise with any addresses (family of both alike). */
unsigned rig_udp_from(uint8_t *frame, const struct link_addr *from, const struct link_addr *to,
                      const void *payload, unsigned length);

uint64_t rig_count(const struct rig *rig, unsigned worker, unsigned counter);

/* A key and stream of the engine for the far end: protects or unprotects what the rig gets. */
struct rig_far {
    struct srtp_engine *engine;
    struct srtp_key *key[2];
    struct srtp_stream *stream[2]; /* SRTP_OUTBOUND, SRTP_INBOUND */
};
/* `rx` and `tx` as the data plane's rig_keys. */
int rig_far_start(struct rig_far *far, uint8_t rx, uint8_t tx, uint32_t ssrc);
void rig_far_stop(struct rig_far *far);
unsigned rig_far_protect(struct rig_far *far, uint8_t *data, unsigned length);
/* Length of the plain packet, 0 when it does not authenticate. */
unsigned rig_far_unprotect(struct rig_far *far, uint8_t *data, unsigned length);
/* Likewise RTCP. */
unsigned rig_far_protect_rtcp(struct rig_far *far, uint8_t *data, unsigned length);
unsigned rig_far_unprotect_rtcp(struct rig_far *far, uint8_t *data, unsigned length);

/* A plain RTP packet of 172 bytes. */
unsigned rig_rtp(uint8_t *data, uint32_t ssrc, uint16_t sequence, uint8_t payload_type);

#endif
