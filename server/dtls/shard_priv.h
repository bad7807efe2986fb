/* Inside of a shard: shard_core.c (commands, the link, time), shard_assoc.c (one association),
 * shard_data.c (records of data channels). One thread runs all of it. */
#ifndef SERVER_SHARD_PRIV_H
#define SERVER_SHARD_PRIV_H

#include <uthash.h>

#include "base/timer.h"
#include "server/dtls/shard_core.h"

#define SHARD_EARLY_SLOTS 64 /* records that came before their association */

struct shard_assoc {
    uint64_t id;
    struct link_id transport;
    struct shard_core *core;
    struct dtls_assoc *dtls; /* NULL: dead, only the transport's close is waited for */
    struct timer timer;
    bool is_lab;
    struct shard_data data;
    bool is_dead;    /* failed or closed by the peer inside a callback; freed after it */
    bool is_closing; /* TRANSPORT_CLOSE is on its way */
    uint64_t strangers;
    uint64_t stranger_reported_at;
    UT_hash_handle by_id;
    UT_hash_handle by_transport;
};

struct early_record { /* LINK_DTLS_MAX each: 100 KB a shard */
    uint64_t at;
    struct link_id transport; /* generation 0: empty */
    struct addr from;
    uint16_t len;
    uint8_t data[LINK_DTLS_MAX];
};

struct shard_core {
    struct dtls_ctx *ctx;
    struct shard_io io;
    void *user;
    size_t limit;
    bool is_stopping;
    bool is_stopped;
    uint64_t stop_id; /* of the STOP command, for its answer */
    uint64_t now;     /* of the call that runs */
    struct shard_assoc *by_id;
    struct shard_assoc *by_transport;
    struct timer_set timers;
    struct shard_stats stats;
    size_t early_next;
    struct early_record early[SHARD_EARLY_SLOTS];
};

/* shard_assoc.c */
/* Passes the report on and wipes it: keys may be in it. */
void shard_report(struct shard_core *core, struct shard_report *r);
/* An empty report of the kind; `a`: about this association, or NULL. */
struct shard_report shard_report_of(enum shard_report_kind kind, const struct shard_assoc *a);
/* `final`: the transport's last counters, NULL: nobody has them. */
void shard_report_closed(struct shard_core *core, uint64_t id, struct link_id transport,
                         const struct link_transport_stats *final);
/* NULL: none. */
struct shard_assoc *shard_find(struct shard_core *core, uint64_t id);
struct shard_assoc *shard_find_transport(struct shard_core *core, struct link_id id);
/* As SHARD_OPEN says, not started yet. ERR_CLOSED: the shard stops; ERR_LIMIT, ERR_EXISTS,
 * ERR_NOMEM. */
int shard_assoc_open(struct shard_core *core, const struct shard_command *cmd,
                     struct shard_assoc **out);
/* Only a place for the answer to the close of its transport; NULL: it cannot be. */
struct shard_assoc *shard_assoc_open_dead(struct shard_core *core, const struct shard_command *cmd);
/* Reports the failure; freed by the next shard_assoc_settle. `text` NULL: the failure's own. */
void shard_assoc_fail(struct shard_assoc *a, enum dtls_failure why, const char *text);
/* Due after every call into the DTLS engine; `a` may be gone behind it. */
void shard_assoc_settle(struct shard_assoc *a);
/* A record of the peer; `a` may be gone behind it. */
void shard_assoc_input(struct shard_assoc *a, const struct addr *from, const uint8_t *data,
                       size_t len);
/* Close alert, then TRANSPORT_CLOSE; its answer ends the association. Harmless to repeat. */
void shard_assoc_close(struct shard_assoc *a);
void shard_assoc_free(struct shard_assoc *a);

/* shard_data.c: dtls_callbacks.on_data of an association */
void shard_assoc_on_data(void *user, const uint8_t *packet, size_t len);

#endif
