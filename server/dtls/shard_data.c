/* Records of data channels: SCTP packets between an association and whoever they are for. */
#include "server/dtls/shard_priv.h"

/* SCTP has its own timers: what cannot be sent on is dropped and counted, never kept. */
static void send_data(struct shard_assoc *a, const uint8_t *packet, size_t len)
{
    struct shard_core *core = a->core;

    if (a->dtls != NULL && !a->is_dead && dtls_assoc_send(a->dtls, core->now, packet, len) == 0)
        core->stats.data_out++;
    else
        core->stats.data_lost++;
}

static void relay_data(struct shard_assoc *a, const uint8_t *packet, size_t len)
{
    struct shard_core *core = a->core;
    struct shard_assoc *to;

    if (a->data.to == 0) {
        /* The other side of the relay has no association yet: SCTP repeats, a buffer here would
         * only be older. */
        core->stats.data_waiting++;
        return;
    }
    if (a->data.shard != core->io.number) {
        if (core->io.data_across == NULL ||
            core->io.data_across(core->user, a->data.shard, a->data.to, packet, len) != 0)
            core->stats.data_lost++;
        return;
    }
    to = shard_find(core, a->data.to);
    /* A relay onto itself would call the engine that is calling us. */
    if (to != NULL && to != a)
        send_data(to, packet, len);
    else
        core->stats.data_lost++;
}

void shard_assoc_on_data(void *user, const uint8_t *packet, size_t len)
{
    struct shard_assoc *a = user;
    struct shard_core *core = a->core;

    switch (a->data.mode) {
    case SHARD_DATA_NONE:
        /* The peer sends data that no signalling has opened. */
        core->stats.data_refused++;
        return;
    case SHARD_DATA_RELAY:
        relay_data(a, packet, len);
        break;
    case SHARD_DATA_UP:
        if (core->io.data_up == NULL || core->io.data_up(core->user, a->id, packet, len) != 0)
            core->stats.data_lost++;
        break;
    }
    core->stats.data_in++;
}

void shard_core_on_data(struct shard_core *core, uint64_t now, uint64_t id, const uint8_t *packet,
                        size_t len)
{
    struct shard_assoc *a = shard_find(core, id);

    core->now = now;
    if (a != NULL && a->data.mode != SHARD_DATA_NONE)
        send_data(a, packet, len);
    else
        core->stats.data_lost++;
}
