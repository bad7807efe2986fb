/* What a shard does, without a thread or a socket: commands, records and time in; messages and
 * reports out. Life of an association here: OPEN, established and keyed, CLOSE; it may die before
 * its CLOSE comes, and then waits for it as a transport without DTLS. */
#include "server/dtls/shard_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/media/link_addr.h"

const char *shard_command_to_str(enum shard_command_kind kind)
{
    static const char *const text[] = {
#define SHARD_COMMAND_TEXT(name, string) [name] = (string),
        SHARD_COMMAND_LIST(SHARD_COMMAND_TEXT)
#undef SHARD_COMMAND_TEXT
    };

    return (size_t)kind < sizeof(text) / sizeof(text[0]) ? text[kind] : "unknown";
}

const char *shard_report_to_str(enum shard_report_kind kind)
{
    static const char *const text[] = {
#define SHARD_REPORT_TEXT(name, string) [name] = (string),
        SHARD_REPORT_LIST(SHARD_REPORT_TEXT)
#undef SHARD_REPORT_TEXT
    };

    return (size_t)kind < sizeof(text) / sizeof(text[0]) ? text[kind] : "unknown";
}

/* ---- records that come before their association ---- */

/* An active peer may start its handshake before our main thread has read the message that tells us
 * to expect it: UDP overtakes TCP. The last few such records are kept so long. Bounded over all
 * transports together: a flood of records for ports that are none only pushes out other such
 * records. */
#define EARLY_MS 2000

static void keep_early(struct shard_core *core, struct link_id transport, const struct link_dtls *d)
{
    struct early_record *slot = &core->early[core->early_next];

    core->early_next = (core->early_next + 1) % SHARD_EARLY_SLOTS;
    core->stats.records_early++;
    slot->at = core->now;
    slot->transport = transport;
    slot->from = addr_of_link(&d->peer);
    slot->len = d->length;
    memcpy(slot->data, d->data, d->length);
}

static void replay_early(struct shard_core *core, uint64_t id)
{
    for (size_t i = 0; i < SHARD_EARLY_SLOTS; i++) {
        struct early_record *slot = &core->early[(core->early_next + i) % SHARD_EARLY_SLOTS];
        /* Asked anew for each: the one before may have ended the association. */
        struct shard_assoc *a = shard_find(core, id);

        if (a == NULL || a->dtls == NULL)
            return;
        if (memcmp(&slot->transport, &a->transport, sizeof(slot->transport)) != 0)
            continue;
        /* Taken once, whatever becomes of it. */
        slot->transport.generation = 0;
        if (core->now - slot->at <= EARLY_MS)
            shard_assoc_input(a, &slot->from, slot->data, slot->len);
    }
}

/* ---- commands ---- */

static void command_open(struct shard_core *core, const struct shard_command *cmd)
{
    struct shard_assoc *a = NULL;
    struct shard_report r;
    int err = shard_assoc_open(core, cmd, &a);

    /* Reported as a failure of an association that never was: the caller has one way to hear of
     * both. */
    if (err != 0) {
        r = shard_report_of(SHARD_FAILED, NULL);
        r.id = cmd->id;
        r.transport = cmd->transport;
        r.failure = DTLS_FAIL_INTERNAL;
        snprintf(r.text, sizeof(r.text), "association not made: %s", err_to_str(err));
        shard_report(core, &r);
        return;
    }
    err = dtls_assoc_start(a->dtls, core->now);
    if (err != 0 && !a->is_dead)
        shard_assoc_fail(a, DTLS_FAIL_INTERNAL, err_to_str(err));
    shard_assoc_settle(a);
    replay_early(core, cmd->id);
}

/* What a data channel begins stays with the association: it may come again, and its peer may have
 * gone without SRTP by then. */
static void command_data(struct shard_core *core, const struct shard_command *cmd)
{
    struct shard_assoc *a = shard_find(core, cmd->id);

    if (a == NULL || a->dtls == NULL)
        return;
    a->data = cmd->data; /* also back to nothing: a channel may close while the association stays */
    if (cmd->data.mode != SHARD_DATA_NONE)
        dtls_assoc_carry_data(a->dtls, core->now);
    shard_assoc_settle(a);
}

static void command_fingerprint(struct shard_core *core, const struct shard_command *cmd)
{
    struct shard_assoc *a = shard_find(core, cmd->id);
    int err;

    if (a == NULL || a->dtls == NULL)
        return;
    err = dtls_assoc_set_fingerprint(a->dtls, core->now, &cmd->fingerprint);
    /* Too late for this fingerprint, or another than was accepted: the call must not go on. */
    if (err != 0 && !a->is_dead)
        shard_assoc_fail(a, DTLS_FAIL_FINGERPRINT, err_to_str(err));
    shard_assoc_settle(a);
}

/* An association that failed is not here any more, but its transport waits for its close. */
static void command_close(struct shard_core *core, const struct shard_command *cmd)
{
    struct shard_assoc *a = shard_find(core, cmd->id);

    /* It failed and was freed; only its transport has to be closed. It gets an entry, so that the
     * answer finds somebody. */
    if (a == NULL) {
        a = shard_assoc_open_dead(core, cmd);
        if (a == NULL) {
            shard_report_closed(core, cmd->id, cmd->transport, NULL);
            return;
        }
    }
    shard_assoc_close(a);
}

void shard_core_stats(const struct shard_core *core, struct shard_stats *out)
{
    *out = core->stats;
    out->dtls = *dtls_ctx_stats(core->ctx);
}

static void command_stats(struct shard_core *core, uint64_t id)
{
    struct shard_report r = shard_report_of(SHARD_STATS_REPORT, NULL);

    r.id = id;
    shard_core_stats(core, &r.u.stats);
    shard_report(core, &r);
}

static void finish_stop(struct shard_core *core)
{
    struct shard_report r;

    /* Stopped means that each close has been answered or given up. */
    if (!core->is_stopping || core->is_stopped || core->by_id != NULL)
        return;
    core->is_stopped = true;
    r = shard_report_of(SHARD_STOPPED, NULL);
    r.id = core->stop_id;
    shard_report(core, &r);
}

static void command_stop(struct shard_core *core)
{
    struct shard_assoc *a, *next;

    core->is_stopping = true;
    /* Also those whose commands of close are in the queue behind us: closing twice is harmless. */
    HASH_ITER(by_id, core->by_id, a, next) shard_assoc_close(a);
}

void shard_core_on_command(struct shard_core *core, uint64_t now, const struct shard_command *cmd)
{
    core->now = now;
    core->stats.commands++;
    switch (cmd->kind) {
    case SHARD_OPEN:
        command_open(core, cmd);
        break;
    case SHARD_FINGERPRINT:
        command_fingerprint(core, cmd);
        break;
    case SHARD_DATA:
        command_data(core, cmd);
        break;
    case SHARD_CLOSE:
        command_close(core, cmd);
        break;
    case SHARD_STATS:
        command_stats(core, cmd->id);
        break;
    case SHARD_STOP:
        core->stop_id = cmd->id;
        command_stop(core);
        break;
    }
    finish_stop(core);
}

bool shard_core_is_stopped(const struct shard_core *core)
{
    return core->is_stopped;
}

/* ---- the data plane, and time ---- */

static void on_reply(struct shard_core *core, struct shard_assoc *a, const struct link_msg *msg)
{
    struct shard_report r;

    /* Final statistics come with the answer; the place is free after it. */
    if (msg->u.reply.command == LINK_TRANSPORT_CLOSE && a->is_closing) {
        shard_report_closed(core, a->id, a->transport, &msg->u.reply.stats);
        shard_assoc_free(a);
        return;
    }
    if (msg->u.reply.command != LINK_KEYS_SET || a->is_dead || a->is_closing)
        return;
    if (msg->error != 0) {
        core->stats.keys_refused++;
        /* The association is established and useless: its SRTP could never start. */
        shard_assoc_fail(a, DTLS_FAIL_INTERNAL, "keys refused by the data plane");
        shard_assoc_settle(a);
        return;
    }
    core->stats.keys_installed++;
    r = shard_report_of(SHARD_KEYED, a);
    shard_report(core, &r);
}

static void on_event(struct shard_core *core, const struct shard_assoc *a,
                     const struct link_msg *msg)
{
    struct shard_report r = shard_report_of(SHARD_EVENT, a);

    r.transport.index = msg->transport;
    r.transport.generation = msg->generation;
    r.u.event.type = msg->type;
    r.u.event.event = msg->u.event;
    /* With or without an association here: events of plain transports go to the main thread's own
     * port. */
    shard_report(core, &r);
}

void shard_core_on_link(struct shard_core *core, uint64_t now, const struct link_msg *msg)
{
    struct link_id id = {msg->transport, msg->generation};
    struct shard_assoc *a = shard_find_transport(core, id);
    struct addr from;

    core->now = now;
    if (msg->type == LINK_DTLS_RX) {
        core->stats.records_in++;
        if (msg->u.dtls.length > LINK_DTLS_MAX)
            return;
        /* Nobody yet: perhaps the OPEN is on its way to us. */
        if (a == NULL) {
            keep_early(core, id, &msg->u.dtls);
        } else if (a->dtls != NULL) {
            from = addr_of_link(&msg->u.dtls.peer);
            shard_assoc_input(a, &from, msg->u.dtls.data, msg->u.dtls.length);
        }
    } else if (msg->type == LINK_REPLY) {
        /* The cookie is the association's number: a reply may name a transport that has been given
         * anew. */
        if (a == NULL || a->id != msg->cookie)
            a = shard_find(core, msg->cookie);
        if (a != NULL)
            on_reply(core, a, msg);
    } else {
        on_event(core, a, msg);
    }
    finish_stop(core);
}

void shard_core_on_detached(struct shard_core *core)
{
    struct shard_assoc *a, *next;

    HASH_ITER(by_id, core->by_id, a, next)
    {
        /* The others are told as lost by the main thread, which hears of the detach itself. */
        if (a->is_closing)
            shard_report_closed(core, a->id, a->transport, NULL);
        shard_assoc_free(a);
    }
    /* Records of transports that died with the data plane. */
    memset(core->early, 0, sizeof(core->early));
    finish_stop(core);
}

uint64_t shard_core_next_deadline(const struct shard_core *core)
{
    return timer_set_next(&core->timers);
}

void shard_core_on_timer(struct shard_core *core, uint64_t now)
{
    core->now = now;
    timer_set_run(&core->timers, now);
    finish_stop(core);
}

/* ---- life ---- */

int shard_core_create(const struct dtls_config *config, size_t limit, const struct shard_io *io,
                      void *user, struct shard_core **out)
{
    struct shard_core *core = calloc(1, sizeof(*core));
    int err;

    if (core == NULL)
        return ERR_NOMEM;
    /* A context for each shard: its cookies and seals belong to one thread. */
    err = dtls_ctx_create(config, &core->ctx);
    if (err != 0) {
        free(core);
        return err;
    }
    core->io = *io;
    core->user = user;
    core->limit = limit;
    timer_set_init(&core->timers);
    *out = core;
    return 0;
}

void shard_core_destroy(struct shard_core *core)
{
    struct shard_assoc *a, *next;

    if (core == NULL)
        return;
    HASH_ITER(by_id, core->by_id, a, next) shard_assoc_free(a);
    dtls_ctx_destroy(core->ctx);
    free(core);
}
