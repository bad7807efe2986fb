/* Inside of the wires: wires.c (the table, reports, the loop), wire_tcp.c (connections and frames).
 */
#ifndef SERVER_WIRES_PRIV_H
#define SERVER_WIRES_PRIV_H

#include <uthash.h>

#include "base/list.h"
#include "base/timer.h"
#include "sctp/frames.h"
#include "sctp/kept.h"
#include "server/media/wires.h"

struct wire;

/* What epoll knows of a socket. */
struct wire_fd {
    int fd; /* -1: none */
    uint32_t events;
    void (*on_ready)(struct wire_fd *f, uint32_t events);
    struct wire *wire;
};

/* One TCP connection. */
struct wire_link {
    struct wire_fd socket; /* first: a link is found by it */
    struct wire *wire;
    struct addr peer;
    bool is_connecting;
    bool has_spoken; /* a whole frame of DTLS has come */
    bool is_dead;    /* found out inside of a callback; buried behind it */
    uint64_t since;
    struct dtls_assoc *dtls;
    struct timer timer;
    struct frames frames;
    uint8_t *out; /* what the connection has not taken yet */
    size_t out_len, out_room;
};

/* SCTP, and the DTLS above it. */
struct wire_sctp {
    struct sctp *sctp;
    struct dtls_assoc *dtls;
    struct timer timer; /* of DTLS */
    bool is_up, is_dead;
    bool waits_dry;     /* the first of `out` goes when all before it has arrived */
    bool is_dry;        /* it has */
    bool has_key;       /* 1 is known to SCTP */
    bool uses_key;      /* ... and what we send bears it */
    bool is_attached;   /* somebody takes the messages */
    uint64_t attach_at; /* ... from then on; 0: nobody has said so */
    bool is_leaving;    /* the command CLOSE has come: only the end is waited for */
    bool is_shut;       /* ... of SCTP */
    struct list out;    /* records of the handshake and alerts, in order */
    struct list held;   /* data for later */
    size_t held_octets, held_count;
    const struct sctp_message *in, *going; /* whose record DTLS has in hand */
    int going_err;
};

struct wire {
    struct wires *wires;
    uint64_t id;
    enum wire_kind kind;
    struct wire_fd socket; /* listens, or UDP */
    struct addr local, remote;
    struct fingerprint fingerprint;
    bool is_started, is_active;
    bool is_established;
    bool is_over;      /* failed, or closed by the peer: waits for WIRE_CLOSE */
    uint64_t deadline; /* of the handshake */
    struct timer timer;
    struct wire_link *link[WIRE_LINKS_MAX]; /* NULL: free */
    struct wire_link *chosen;               /* whose peer is verified; NULL: none yet */
    enum dtls_failure failure;              /* of a link that was given up; for the report */
    char failure_text[96];
    uint64_t strangers;
    uint16_t sctp_local, sctp_remote;
    struct wire_sctp *s; /* NULL: a WIRE_TCP, or not started */
    UT_hash_handle hh;
};

struct wires {
    struct wires_io io;
    void *user;
    struct dtls_config config[2]; /* by enum wire_kind */
    struct dtls_ctx *dtls[2];
    int epoll;
    size_t limit;
    uint64_t now; /* of the call that runs */
    struct wire *all;
    struct timer_set timers;
    struct wires_stats stats;
    size_t associations; /* of SCTP */
};

/* Watch the socket for these events from now on; 0: for none. */
int wires_watch(struct wires *w, struct wire_fd *f, uint32_t events);
void wires_close_fd(struct wires *w, struct wire_fd *f);

/* Reports; a wire reports its end once. */
void wire_report_established(struct wire *wire, const struct dtls_established *e);
void wire_fail(struct wire *wire, enum dtls_failure why, const char *text);
void wire_report_peer_closed(struct wire *wire);
void wire_report_stranger(struct wire *wire, const struct addr *from);

/* wire_tcp.c */
void wire_tcp_start(struct wire *wire);
void wire_tcp_on_timer(struct wire *wire);
int wire_tcp_send(struct wire *wire, const uint8_t *packet, size_t len);
/* All connections, with a close alert. */
void wire_tcp_close(struct wire *wire);

/* wire_sctp.c */
void wire_sctp_start(struct wire *wire);
void wire_sctp_on_timer(struct wire *wire);
/* CLOSE: true when it has begun to say goodbye, and frees itself behind that. */
bool wire_sctp_leave(struct wire *wire);
void wire_sctp_close(struct wire *wire);
void wire_sctp_attach(struct wire *wire);
int wire_sctp_send(struct wire *wire, const struct sctp_message *message);

void wire_free(struct wire *wire);

#endif
