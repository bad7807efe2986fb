/* Connections of data channels that do not go through the data plane: DTLS over TCP
 * (`tcp-dtls-sctp`: records framed as in RFC 4571, RFC 8841) and DTLS over SCTP (`sctp-dtls`,
 * RFC 6083, with SCTP in UDP as in RFC 6951). They are few and carry no media, so that sockets of
 * the kernel do for them.
 *
 * A wire is to the main thread what an association of a shard is: it is opened with its socket,
 * started when the signalling has told who the peer is, and says by the same reports what became of
 * it. It lives on the hub's thread, where the SCTP is that ends here.
 *
 *   wires_open → WIRE_START → SHARD_ESTABLISHED | SHARD_FAILED … → WIRE_CLOSE → SHARD_CLOSED
 *
 * What strangers may cost: connections are taken from the peer's address alone, WIRE_LINKS_MAX at a
 * time, each with a bounded buffer; one that has not sent its first record after WIRE_HELLO_MS
 * makes room for the next. The first whose peer is verified is the one; the others are closed, and
 * so is the ear. One thread. */
#ifndef SERVER_WIRES_H
#define SERVER_WIRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "crypto/dtls.h"
#include "sctp/sctp.h"
#include "server/dtls/shard_core.h"

struct wires;

/* In the place of a shard's number: the association is a wire. */
#define WIRES_SHARD UINT32_MAX

/* TCP connections of one wire whose peer is not verified yet. */
#define WIRE_LINKS_MAX 4
#define WIRE_HELLO_MS  3000
/* A TCP connection that could not be made is tried again after so long. */
#define WIRE_RETRY_MS 250

enum wire_kind {
    WIRE_TCP,  /* the socket listens */
    WIRE_SCTP, /* the socket is UDP, and bound */
};

enum wire_command_kind { WIRE_OPEN, WIRE_START, WIRE_CLOSE };

/* Main thread to the wires; `id` is that of the association. */
struct wire_command {
    enum wire_command_kind kind;
    uint64_t id;
    enum wire_kind wire;              /* OPEN */
    int fd;                           /* OPEN: theirs from then on */
    struct addr local;                /* OPEN: of the socket */
    bool is_active;                   /* START: we connect, and send the ClientHello */
    struct addr remote;               /* START */
    struct fingerprint fingerprint;   /* START */
    uint16_t sctp_local, sctp_remote; /* START of WIRE_SCTP: its ports */
};

#define WIRE_STAT_LIST(X)                                                              \
    X(wires) /* now */                                                                 \
    X(links) /* now: TCP connections */                                                \
    X(started)                                                                         \
    X(connects) /* TCP connections that we began */                                    \
    X(connect_failed)                                                                  \
    X(accepted)                                                                        \
    X(refused_address) /* TCP connections, packets from another address */             \
    X(refused_full)    /* TCP connections beyond WIRE_LINKS_MAX */                     \
    X(no_hello)        /* ... that made room, without a first record in time */        \
    X(frames_in)                                                                       \
    X(frames_out)                                                                      \
    X(frames_bad)  /* too long, or not DTLS */                                         \
    X(frames_lost) /* of ours: the connection takes no more */                         \
    X(packets_in)  /* of SCTP below DTLS */                                            \
    X(packets_out)                                                                     \
    X(packets_lost)                                                                    \
    X(records_bad)       /* messages that are not one record (RFC 6083 section 4.1) */ \
    X(not_authenticated) /* peers whose SCTP has no AUTH for data (section 4.5) */     \
    X(io_errors)

struct wires_stats {
#define WIRE_STAT_FIELD(name) uint64_t name;
    WIRE_STAT_LIST(WIRE_STAT_FIELD)
#undef WIRE_STAT_FIELD
};

struct wires_io {
    void (*report)(void *user, const struct shard_report *report);
    /* Of a WIRE_SCTP, from wires_attach on: as the callbacks of sctp.h, with what is in the
     * records; is_held: shall a packet be left for SCTP to come again? */
    void (*message)(void *user, uint64_t now, uint64_t id, const struct sctp_message *message);
    void (*stream_reset)(void *user, uint64_t now, uint64_t id, uint16_t stream);
    void (*room)(void *user, uint64_t now, uint64_t id);
    bool (*is_held)(void *user, uint64_t id, const uint8_t *packet, size_t len);
    /* Of a WIRE_TCP: a packet of SCTP out of a verified connection. */
    void (*input)(void *user, uint64_t now, uint64_t id, const uint8_t *packet, size_t len);
};

/* `dtls`: as of the shards; what holds for datagrams alone is left out here. */
int wires_create(const struct dtls_config *dtls, size_t limit, const struct wires_io *io,
                 void *user, struct wires **out);
/* Closes all, with close alerts. NULL is allowed. */
void wires_destroy(struct wires *w);

void wires_on_command(struct wires *w, uint64_t now, const struct wire_command *command);

/* A packet of SCTP for the peer. ERR_NOTFOUND; ERR_STATE: not established; ERR_AGAIN: no room. */
int wires_send(struct wires *w, uint64_t now, uint64_t id, const uint8_t *packet, size_t len);

/* Is it one with SCTP below its DTLS? Then: somebody takes its messages from now on, those that
 * wait too; nobody does any more. As sctp_send and sctp_reset_stream. */
bool wires_is_pipe(const struct wires *w, uint64_t id);
void wires_attach(struct wires *w, uint64_t now, uint64_t id);
void wires_detach(struct wires *w, uint64_t id);
void wires_on_tick(struct wires *w, uint64_t now); /* every SCTP_TICK_MS */
int wires_send_message(struct wires *w, uint64_t now, uint64_t id,
                       const struct sctp_message *message);
int wires_reset_stream(struct wires *w, uint64_t id, uint16_t stream);
/* Has any of them an association of SCTP, so that sctp_on_timer has to be called? */
bool wires_need_ticks(const struct wires *w);

/* Readable when wires_on_ready has something to do. */
int wires_fd(const struct wires *w);
void wires_on_ready(struct wires *w, uint64_t now);
uint64_t wires_next_deadline(const struct wires *w);
void wires_on_timer(struct wires *w, uint64_t now);

void wires_stats(const struct wires *w, struct wires_stats *out);
/* Of their DTLS, all kinds together. */
void wires_dtls_stats(const struct wires *w, struct dtls_stats *out);

#endif
