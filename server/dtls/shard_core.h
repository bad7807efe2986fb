/* What a shard does, without its thread: the table of associations of one shard, driven by
 * commands from the main thread, DTLS records from the data plane, and the time.
 *
 * A shard owns its associations outright (crypto/dtls.h). Keys go from here to the data plane on
 * the shard's own producer and nowhere else; only a lab transport reports them. A transport with
 * an association is closed from here too, so that the close alert leaves before the port shuts.
 * Sans-I/O: messages and reports leave through `struct shard_io`. One thread. */
#ifndef SERVER_SHARD_CORE_H
#define SERVER_SHARD_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "crypto/dtls.h"
#include "link/link_msg.h"

struct shard_core;

#define SHARD_COMMAND_LIST(X)                                                             \
    X(SHARD_OPEN, "open")               /* make an association and start it */            \
    X(SHARD_FINGERPRINT, "fingerprint") /* tell (or tell again) what to verify against */ \
    X(SHARD_DATA, "data")               /* what becomes of records of data */             \
    X(SHARD_CLOSE, "close")             /* close alert, wipe, close the transport */      \
    X(SHARD_STATS, "stats")             /* answered by STATS */                           \
    X(SHARD_STOP, "stop")               /* CLOSE all, then STOPPED; the thread ends */

enum shard_command_kind {
#define SHARD_COMMAND_ENUM(name, text) name,
    SHARD_COMMAND_LIST(SHARD_COMMAND_ENUM)
#undef SHARD_COMMAND_ENUM
};

/* Where the SCTP packets in an association's records go. */
enum shard_data_mode {
    SHARD_DATA_NONE,  /* no data channel: counted and dropped */
    SHARD_DATA_RELAY, /* unchanged to the association `to`, which lives on shard `shard` */
    SHARD_DATA_UP,    /* to who terminates SCTP */
};

struct shard_data {
    enum shard_data_mode mode;
    uint64_t to; /* RELAY; 0: nobody is there yet, the packets wait for SCTP to send them again */
    unsigned shard;
};

/* Main thread to shard. `id` is the main thread's number of the association, never used twice; of
 * STATS and STOP it is repeated in the answer. */
struct shard_command {
    enum shard_command_kind kind;
    uint64_t id;
    struct link_id transport;       /* OPEN, CLOSE: the data plane's name of it */
    bool is_active;                 /* OPEN: we send the ClientHello */
    bool is_lab;                    /* OPEN: report the keys too */
    bool has_fingerprint;           /* OPEN: false = told later */
    struct fingerprint fingerprint; /* OPEN, FINGERPRINT */
    struct fingerprint others[FINGERPRINT_OTHERS_MAX]; /* OPEN: that will do, too */
    uint8_t other_count;
    struct addr remote;     /* OPEN: the only address that is listened to */
    bool has_data;          /* OPEN: DATA is known already, use_srtp may be missing */
    struct shard_data data; /* OPEN, DATA */
};

#define SHARD_REPORT_LIST(X)                                                           \
    X(SHARD_ESTABLISHED, "established") /* verified; keys are on their way */          \
    X(SHARD_KEYED, "keyed")             /* the data plane has the keys */              \
    X(SHARD_FAILED, "failed")           /* association is gone, transport is not */    \
    X(SHARD_PEER_CLOSED, "peer_closed") /* peer's close_notify; association is gone */ \
    X(SHARD_CLOSED, "closed")           /* answer to CLOSE: transport is closed */     \
    X(SHARD_STRANGER, "stranger")       /* records from a third address, dropped */    \
    X(SHARD_EVENT, "event")             /* an event of the data plane, passed on */    \
    X(SHARD_STATS_REPORT, "stats")                                                     \
    X(SHARD_STOPPED, "stopped")

enum shard_report_kind {
#define SHARD_REPORT_ENUM(name, text) name,
    SHARD_REPORT_LIST(SHARD_REPORT_ENUM)
#undef SHARD_REPORT_ENUM
};

/* Counters of a shard beyond those of its DTLS context. */
#define SHARD_STAT_LIST(X)                                                           \
    X(commands)                                                                      \
    X(records_in)                                                                    \
    X(records_out)                                                                   \
    X(records_lost)  /* the ring to the data plane was full */                       \
    X(records_early) /* came before the association was opened, kept for a moment */ \
    X(strangers)     /* records from a third address */                              \
    X(data_in)       /* packets of data channels, from peers */                      \
    X(data_out)      /* ... to peers */                                              \
    X(data_refused)  /* ... on an association without a data channel */              \
    X(data_waiting)  /* ... of a relay whose other side is not there */              \
    X(data_lost)     /* ... that found no way on: queue full, other side gone */     \
    X(keys_installed)                                                                \
    X(keys_refused)                                                                  \
    X(associations) /* now */

struct shard_stats {
#define SHARD_STAT_FIELD(name) uint64_t name;
    SHARD_STAT_LIST(SHARD_STAT_FIELD)
#undef SHARD_STAT_FIELD
    struct dtls_stats dtls;
};

/* Shard to main thread. */
struct shard_report {
    enum shard_report_kind kind;
    uint64_t id;
    struct link_id transport;
    enum dtls_failure failure; /* FAILED */
    enum srtp_profile profile; /* ESTABLISHED */
    uint32_t handshake_ms;     /* ESTABLISHED */
    bool is_resumed;           /* ESTABLISHED */
    struct fingerprint peer;   /* ESTABLISHED: the one that matched */
    char text[96];             /* ESTABLISHED: cipher suite; FAILED: what was seen */
    bool has_keys;             /* ESTABLISHED of a lab transport: local and remote are set */
    uint64_t count;            /* STRANGER: dropped on this association so far */
    struct addr from;          /* STRANGER: the last one's address */
    union {
        struct {
            struct srtp_master local, remote;
        } keys;
        struct shard_stats stats; /* STATS_REPORT */
        struct {
            uint16_t type; /* enum link_type */
            struct link_event event;
        } event;                           /* EVENT */
        struct link_transport_stats final; /* CLOSED: all zero when the data plane is away */
    } u;
};

struct shard_io {
    /* A message to the data plane; answers as link_port_send. */
    int (*send)(void *user, const struct link_msg *msg);
    void (*report)(void *user, const struct shard_report *report);
    /* A packet of a data channel that leaves this shard: up to who terminates SCTP, as of `id`; or
     * to the association `id` of another shard. ERR_AGAIN: no room. May be NULL: ERR_AGAIN. */
    int (*data_up)(void *user, uint64_t id, const uint8_t *packet, size_t len);
    int (*data_across)(void *user, unsigned shard, uint64_t id, const uint8_t *packet, size_t len);
    unsigned number; /* of this shard, as in struct shard_data */
};

/* `config` is copied (its certificate is not). `limit`: associations at a time. */
int shard_core_create(const struct dtls_config *config, size_t limit, const struct shard_io *io,
                      void *user, struct shard_core **out);

/* Frees all associations without a word to the peers (SHARD_STOP is the polite way). */
void shard_core_destroy(struct shard_core *core);

/* One command. STOP makes shard_core_is_stopped true. */
void shard_core_on_command(struct shard_core *core, uint64_t now, const struct shard_command *cmd);
bool shard_core_is_stopped(const struct shard_core *core);

/* One message from the data plane: DTLS records, replies, events. */
void shard_core_on_link(struct shard_core *core, uint64_t now, const struct link_msg *msg);

/* A packet for a peer, from another shard or from who terminates SCTP. */
void shard_core_on_data(struct shard_core *core, uint64_t now, uint64_t id, const uint8_t *packet,
                        size_t len);

/* The data plane is gone and all transports with it: associations are freed without a word (their
 * names may mean others when it comes back), those that wait for their close are reported. */
void shard_core_on_detached(struct shard_core *core);

/* Counters now, those of its DTLS context with them. */
void shard_core_stats(const struct shard_core *core, struct shard_stats *out);

/* When shard_core_on_timer is due, in ms; TIMER_NEVER: at no time. */
uint64_t shard_core_next_deadline(const struct shard_core *core);
void shard_core_on_timer(struct shard_core *core, uint64_t now);

const char *shard_command_to_str(enum shard_command_kind kind);
const char *shard_report_to_str(enum shard_report_kind kind);

#endif
