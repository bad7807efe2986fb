/* What the relay's end-to-end test is made of: a control that waits for its replies, and media
 * endpoints with libsrtp contexts of their own (not the data plane's engine). */
#ifndef TESTS_DPDK_APP_RELAY_PEER_H
#define TESTS_DPDK_APP_RELAY_PEER_H

#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"

#define WAIT_MS 10000 /* bound of every wait */

/* Ends the test with a message unless `ok`. */
#define NEED(ok, ...) need((ok), __FILE__, __LINE__, __VA_ARGS__)
void need(bool ok, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct control {
    struct link_client *client;
    struct link_port *port;
    struct link_info info;
    bool attached;
    uint64_t cookie;
    struct link_msg reply;        /* last */
    struct link_msg dtls;         /* last LINK_DTLS_RX */
    unsigned dtls_n, event_n[80]; /* by type */
    struct link_id last_event;
};

/* Attach within the bound. */
void control_start(struct control *control, const char *path);
void control_stop(struct control *control);
/* Serve the link until *what reaches `n`. */
void control_wait(struct control *control, const unsigned *what, unsigned n, const char *name);
/* Send a command, wait for its reply, return its error. */
int control_call(struct control *control, struct link_msg *msg);
struct link_id control_open(struct control *control, unsigned local, unsigned mode, uint16_t port,
                            const struct link_addr *remote, const char *session);
void control_route(struct control *control, struct link_id from, struct link_id to,
                   struct link_id rtcp_to, unsigned pt_in, unsigned pt_out);
/* Wait until a counter has grown by n since *since, then set *since to it. */
void control_count(struct control *control, unsigned counter, uint64_t n, uint64_t *since);
uint64_t control_counter(struct control *control, unsigned counter);

/* One end of a media path: a socket towards a transport. */
struct peer {
    int sock;
    struct link_addr us, them;
    unsigned profile;   /* 0 = plain */
    uint8_t key[2][48]; /* master key and salt: [0] peer → server, [1] server → peer */
    unsigned key_length, salt_length;
    srtp_t out, in;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
};

/* Socket bound to `us`, connected to nothing; sends to `them`. */
void peer_start(struct peer *peer, const char *us, uint16_t port, const char *them,
                uint16_t their_port, unsigned profile, uint32_t ssrc);
void peer_stop(struct peer *peer);
/* Install the peer's keys on its transport. */
void peer_keys(struct control *control, struct peer *peer, struct link_id id);
/* The next RTP packet, plain, into `out` (at least 200 bytes); its length. */
int peer_rtp(struct peer *peer, unsigned payload_type, uint8_t *out);
int peer_rtcp(struct peer *peer, uint8_t *out);
/* Protect if secure; length on the wire. */
int peer_protect(struct peer *peer, bool rtcp, uint8_t *data, int length);
void peer_send(struct peer *peer, const void *data, int length);
/* One datagram within the bound; its length. Plain after unprotect when secure. */
int peer_receive(struct peer *peer, bool rtcp, uint8_t *data, int size);

#endif
