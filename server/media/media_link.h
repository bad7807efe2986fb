/* The real media ports: sluice-dp over the link, DTLS on the shards.
 *
 * Owns the link client, the shards and the pool of media port numbers. Main thread. */
#ifndef SERVER_MEDIA_LINK_H
#define SERVER_MEDIA_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/timer.h"
#include "link/link.h"
#include "server/dtls/shard_core.h"
#include "server/media/media.h"
#include "server/media/wires.h"

struct media_link;
struct settings;
struct cert;

/* The data plane came or went. On going, every port was told by on_gone before. */
typedef void (*media_link_on_state_fn)(void *user, bool is_attached, const char *text);

struct media_link_config {
    uv_loop_t *loop;
    struct timer_set *timers;
    const struct settings *settings; /* link, dtls, media; outlives this */
    const struct cert *cert;
    struct key_log *key_log; /* NULL: none; outlives this */
    bool close_orphans; /* at attach: close what an earlier sluiced left; else leave it to sluice-dp
                         */
    media_link_on_state_fn on_state;
    void *user;
};

/* Operations for sessions; their `media` is the struct media_link. */
extern const struct media_ops media_link_ops;

int media_link_create(const struct media_link_config *config, struct media_link **out);

/* Close alerts for all associations, transports closed, shards ended; `on_stopped` follows, within
 * `limit_ms` at the latest. */
void media_link_stop(struct media_link *m, uint32_t limit_ms, void (*on_stopped)(void *user),
                     void *user);

/* At once and without a word to the peers: ends the shards, closes libuv's handles. */
void media_link_abort(struct media_link *m);

/* After on_stopped or media_link_abort, with the loop run once more in between (libuv handles).
 * NULL is allowed. */
void media_link_destroy(struct media_link *m);

/* Is there a data plane that takes commands? */
bool media_link_is_attached(const struct media_link *m);
const struct link_info *media_link_info(const struct media_link *m); /* NULL when not attached */
struct link_client *media_link_client(struct media_link *m);

/* Acts upon what the shards have reported so far, as the loop does when it gets there. For who is
 * about to hear from a peer: what the peer says may be its answer to what a shard sent it, and then
 * the shard's report of that is older. NULL is allowed. */
void media_link_take_reports(struct media_link *m);

/* Does anybody want to see what is received on data channels? */
void media_link_watch_data(struct media_link *m, bool is_watched);

struct media_link_stats {
    uint64_t ports_open; /* struct media_port, now */
    uint64_t numbers_in_use, numbers_capacity;
    uint64_t opened, open_failed, orphans; /* orphans: of an earlier sluiced, now */
    struct shard_stats shards;             /* sum, as of their last turns */
    unsigned shard_count;
    struct data_hub_stats data;
    struct wires_stats wires;
};
void media_link_stats_of(struct media_link *m, struct media_link_stats *out);

#endif
