/* What a shard does, without a thread or a socket: commands, records and time in; messages and
 * reports out. Life of an association here: OPEN, established and keyed, CLOSE; it may die before
 * its CLOSE comes, and then waits for it as a transport without DTLS. */
#include "server/dtls/shard_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/timer.h"
#include "server/media/link_addr.h"

/* An active peer may start its handshake before our main thread has read the message that tells us
 * to expect it: UDP overtakes TCP. The last few such records are kept so long. Bounded over all
 * transports together: a flood of records for ports that are none only pushes out other such
 * records. */
#define EARLY_SLOTS 64
#define EARLY_MS    2000
/* A third address is reported at most so often for one association. */
#define STRANGER_MS 1000
/* No room for a TRANSPORT_CLOSE on the link: tried again after so long. */
#define CLOSE_RETRY_MS 50

struct association {
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
    struct association *by_id;
    struct association *by_transport;
    struct timer_set timers;
    struct shard_stats stats;
    size_t early_next;
    struct early_record early[EARLY_SLOTS];
};

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

static void report(struct shard_core *core, struct shard_report *r)
{
    core->io.report(core->user, r);
    /* Keys may be in it. */
    secret_wipe(r, sizeof(*r));
}

static struct shard_report report_of(enum shard_report_kind kind, const struct association *a)
{
    struct shard_report r;

    memset(&r, 0, sizeof(r));
    r.kind = kind;
    if (a != NULL) {
        r.id = a->id;
        r.transport = a->transport;
    }
    return r;
}

static struct association *find_transport(struct shard_core *core, struct link_id id)
{
    struct association *a = NULL;

    HASH_FIND(by_transport, core->by_transport, &id, sizeof(id), a);
    return a;
}

static struct association *find_id(struct shard_core *core, uint64_t id)
{
    struct association *a = NULL;

    HASH_FIND(by_id, core->by_id, &id, sizeof(id), a);
    return a;
}

static void drop_dtls(struct association *a)
{
    timer_cancel(&a->core->timers, &a->timer);
    dtls_assoc_destroy(a->dtls); /* from inside a callback too: the engine frees itself later */
    a->dtls = NULL;
}

static void free_association(struct association *a)
{
    struct shard_core *core = a->core;

    drop_dtls(a);
    HASH_DELETE(by_id, core->by_id, a);
    /* The engine's object first: its last words still find the transport. */
    HASH_DELETE(by_transport, core->by_transport, a);
    core->stats.associations--;
    free(a);
}

/* After every call into the DTLS engine: bury what died inside, follow its deadline otherwise. */
static void settle(struct association *a)
{
    uint64_t deadline;

    /* Not while TRANSPORT_CLOSE is out: its answer is looked up by this entry. */
    if (a->is_dead && !a->is_closing) {
        free_association(a);
        return;
    }
    if (a->dtls == NULL)
        return;
    deadline = dtls_assoc_next_deadline(a->dtls);
    if (deadline == DTLS_NO_DEADLINE)
        timer_cancel(&a->core->timers, &a->timer);
    else
        timer_start(&a->core->timers, &a->timer, deadline);
}

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct association *a = user;
    struct shard_core *core = a->core;
    struct link_msg msg;

    /* Cannot be with the configured MTU; the ring's message has no more room. */
    if (len > LINK_DTLS_MAX) {
        core->stats.records_lost++;
        return;
    }
    memset(&msg, 0, offsetof(struct link_msg, u) + offsetof(struct link_dtls, data));
    msg.type = LINK_DTLS_TX;
    msg.transport = a->transport.index;
    msg.generation = a->transport.generation;
    if (to != NULL)
        msg.u.dtls.peer = link_of_addr(to);
    msg.u.dtls.length = (uint16_t)len;
    memcpy(msg.u.dtls.data, data, len);
    if (core->io.send(core->user, &msg) == 0)
        core->stats.records_out++;
    /* ERR_AGAIN: the ring is full. DTLS repeats its flight by itself. */
    else
        core->stats.records_lost++;
}

static void copy_master(uint8_t key[32], uint8_t salt[16], const struct srtp_profile_info *info,
                        const struct srtp_master *m)
{
    memcpy(key, m->key, info->key_len);
    memcpy(salt, m->salt, info->salt_len);
}

/* ---- data channels ---- */

/* SCTP has its own timers: what cannot be sent on is dropped and counted, never kept. */
static void send_data(struct association *a, const uint8_t *packet, size_t len)
{
    struct shard_core *core = a->core;

    if (a->dtls != NULL && !a->is_dead && dtls_assoc_send(a->dtls, core->now, packet, len) == 0)
        core->stats.data_out++;
    else
        core->stats.data_lost++;
}

static void relay_data(struct association *a, const uint8_t *packet, size_t len)
{
    struct shard_core *core = a->core;
    struct association *to;

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
    to = find_id(core, a->data.to);
    /* A relay onto itself would call the engine that is calling us. */
    if (to != NULL && to != a) /* never back into the engine that we are called from */
        send_data(to, packet, len);
    else
        core->stats.data_lost++;
}

static void on_data(void *user, const uint8_t *packet, size_t len)
{
    struct association *a = user;
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
    struct association *a = find_id(core, id);

    core->now = now;
    if (a != NULL && a->data.mode != SHARD_DATA_NONE)
        send_data(a, packet, len);
    else
        core->stats.data_lost++;
}

static int send_keys(struct association *a, const struct dtls_established *e)
{
    const struct srtp_profile_info *info = srtp_profile_find((unsigned)e->profile);
    struct link_msg msg;
    int err;

    /* Both directions in one message: the data plane never has half of the keys. */
    if (e->profile == SRTP_PROFILE_NONE)
        return 0; /* data alone (D-RECORD): there is nothing that the data plane could use */
    if (info == NULL)
        return ERR_UNSUPPORTED;
    memset(&msg, 0, sizeof(msg));
    msg.type = LINK_KEYS_SET;
    msg.transport = a->transport.index;
    msg.generation = a->transport.generation;
    msg.cookie = a->id;
    msg.u.keys.profile = (uint16_t)info->id;
    msg.u.keys.key_length = info->key_len;
    msg.u.keys.salt_length = info->salt_len;
    copy_master(msg.u.keys.rx_key, msg.u.keys.rx_salt, info, &e->remote);
    copy_master(msg.u.keys.tx_key, msg.u.keys.tx_salt, info, &e->local);
    /* May be refused for want of room: reported as a failure, since media could never flow. */
    err = a->core->io.send(a->core->user, &msg);
    secret_wipe(&msg, sizeof(msg));
    return err;
}

static void report_failed(struct association *a, enum dtls_failure why, const char *text)
{
    struct shard_report r = report_of(SHARD_FAILED, a);

    /* Freed by settle(), after the engine's callback has returned. */
    a->is_dead = true;
    r.failure = why;
    snprintf(r.text, sizeof(r.text), "%s", text != NULL ? text : dtls_failure_to_str(why));
    report(a->core, &r);
}

static void on_established(void *user, const struct dtls_established *e)
{
    struct association *a = user;
    struct shard_report r = report_of(SHARD_ESTABLISHED, a);
    /* Keys go down before the main thread hears of it: media that the report releases find them
     * installed, as both take the same way in order. */
    int err = send_keys(a, e);

    r.profile = e->profile;
    r.handshake_ms = e->handshake_ms;
    r.is_resumed = e->is_resumed;
    r.peer = *e->peer;
    snprintf(r.text, sizeof(r.text), "%s", e->cipher != NULL ? e->cipher : "");
    /* Keys go up for lab methods only (see server/control/lab.c). */
    if (a->is_lab) {
        r.has_keys = true;
        r.u.keys.local = e->local;
        r.u.keys.remote = e->remote;
    }
    report(a->core, &r);
    if (err != 0) {
        a->core->stats.keys_refused++;
        report_failed(a, DTLS_FAIL_INTERNAL, "keys not taken by the data plane");
    }
}

static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    report_failed(user, why, text);
}

static void on_closed(void *user)
{
    struct association *a = user;
    struct shard_report r = report_of(SHARD_PEER_CLOSED, a);

    a->is_dead = true;
    report(a->core, &r);
}

static const struct dtls_callbacks callbacks = {
    .on_send = on_send,
    .on_established = on_established,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .on_data = on_data,
};

static void send_close(struct association *a);

static void on_expiry(struct timer *timer, void *ctx, uint64_t now)
{
    struct association *a = ctx;

    (void)timer;
    /* The timer serves two purposes, one after the other: DTLS deadlines, then the retries of the
     * close. */
    if (a->is_closing) {
        send_close(a);
        return;
    }
    dtls_assoc_on_timer(a->dtls, now);
    settle(a);
}

static void input(struct association *a, const struct addr *from, const uint8_t *data, size_t len)
{
    struct shard_core *core = a->core;
    struct shard_report r;

    /* ERR_REFUSED: from an address other than the association's. Told at most once a second, and
     * the first at once. */
    if (dtls_assoc_input(a->dtls, core->now, from, data, len) == ERR_REFUSED) {
        core->stats.strangers++;
        a->strangers++;
        if (core->now - a->stranger_reported_at >= STRANGER_MS || a->strangers == 1) {
            a->stranger_reported_at = core->now;
            r = report_of(SHARD_STRANGER, a);
            r.from = *from;
            r.count = a->strangers;
            report(core, &r);
        }
    }
    settle(a);
}

static void keep_early(struct shard_core *core, struct link_id transport, const struct link_dtls *d)
{
    struct early_record *slot = &core->early[core->early_next];

    core->early_next = (core->early_next + 1) % EARLY_SLOTS;
    core->stats.records_early++;
    slot->at = core->now;
    slot->transport = transport;
    slot->from = addr_of_link(&d->peer);
    slot->len = d->length;
    memcpy(slot->data, d->data, d->length);
}

static void replay_early(struct shard_core *core, uint64_t id)
{
    for (size_t i = 0; i < EARLY_SLOTS; i++) {
        struct early_record *slot = &core->early[(core->early_next + i) % EARLY_SLOTS];
        /* Asked anew for each: the one before may have ended the association. */
        struct association *a = find_id(core, id);

        if (a == NULL || a->dtls == NULL)
            return;
        if (memcmp(&slot->transport, &a->transport, sizeof(slot->transport)) != 0)
            continue;
        /* Taken once, whatever becomes of it. */
        slot->transport.generation = 0;
        if (core->now - slot->at <= EARLY_MS)
            input(a, &slot->from, slot->data, slot->len);
    }
}

static int add_association(struct shard_core *core, const struct shard_command *cmd,
                           struct association **out)
{
    struct association *a;
    struct dtls_options options = {
        .role = cmd->is_active ? DTLS_CLIENT : DTLS_SERVER,
        .remote = cmd->remote.family == ADDR_NONE ? NULL : &cmd->remote,
        .fingerprint = cmd->has_fingerprint ? &cmd->fingerprint : NULL,
        .others = cmd->others,
        .other_count = cmd->other_count,
        /* With data SRTP may be missing: a peer that only has channels of data needs none. */
        .may_lack_srtp = cmd->has_data,
        .callbacks = &callbacks,
    };
    int err;

    if (core->is_stopping)
        return ERR_CLOSED;
    /* The bound of memory: sixteen to twenty kilobytes each while shaking hands. */
    if (core->stats.associations >= core->limit)
        return ERR_LIMIT;
    /* A number that is in use would be a fault of the main thread: refused, not overwritten. */
    if (find_id(core, cmd->id) != NULL || find_transport(core, cmd->transport) != NULL)
        return ERR_EXISTS;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    options.user = a;
    err = dtls_assoc_create(core->ctx, &options, &a->dtls);
    if (err != 0) {
        free(a);
        return err;
    }
    a->id = cmd->id;
    a->transport = cmd->transport;
    a->core = core;
    a->is_lab = cmd->is_lab;
    a->data = cmd->data;
    if (cmd->has_data)
        /* Before the handshake begins: its records may already carry SCTP. */
        dtls_assoc_carry_data(a->dtls, core->now);
    timer_init(&a->timer, on_expiry, a);
    HASH_ADD(by_id, core->by_id, id, sizeof(a->id), a);
    HASH_ADD(by_transport, core->by_transport, transport, sizeof(a->transport), a);
    core->stats.associations++;
    *out = a;
    return 0;
}

static void command_open(struct shard_core *core, const struct shard_command *cmd)
{
    struct association *a = NULL;
    struct shard_report r;
    int err = add_association(core, cmd, &a);

    /* Reported as a failure of an association that never was: the caller has one way to hear of
     * both. */
    if (err != 0) {
        r = report_of(SHARD_FAILED, NULL);
        r.id = cmd->id;
        r.transport = cmd->transport;
        r.failure = DTLS_FAIL_INTERNAL;
        snprintf(r.text, sizeof(r.text), "association not made: %s", err_to_str(err));
        report(core, &r);
        return;
    }
    err = dtls_assoc_start(a->dtls, core->now);
    if (err != 0 && !a->is_dead)
        report_failed(a, DTLS_FAIL_INTERNAL, err_to_str(err));
    settle(a);
    replay_early(core, cmd->id);
}

/* What a data channel begins stays with the association: it may come again, and its peer may have
 * gone without SRTP by then. */
static void command_data(struct shard_core *core, const struct shard_command *cmd)
{
    struct association *a = find_id(core, cmd->id);

    if (a == NULL || a->dtls == NULL)
        return;
    a->data = cmd->data; /* also back to nothing: a channel may close while the association stays */
    if (cmd->data.mode != SHARD_DATA_NONE)
        dtls_assoc_carry_data(a->dtls, core->now);
    settle(a);
}

static void command_fingerprint(struct shard_core *core, const struct shard_command *cmd)
{
    struct association *a = find_id(core, cmd->id);
    int err;

    if (a == NULL || a->dtls == NULL)
        return;
    err = dtls_assoc_set_fingerprint(a->dtls, core->now, &cmd->fingerprint);
    /* Too late for this fingerprint, or another than was accepted: the call must not go on. */
    if (err != 0 && !a->is_dead)
        report_failed(a, DTLS_FAIL_FINGERPRINT, err_to_str(err));
    settle(a);
}

static void report_closed(struct shard_core *core, uint64_t id, struct link_id transport,
                          const struct link_transport_stats *final)
{
    struct shard_report r = report_of(SHARD_CLOSED, NULL);

    r.id = id;
    r.transport = transport;
    if (final != NULL)
        r.u.final = *final;
    report(core, &r);
}

static void send_close(struct association *a)
{
    struct shard_core *core = a->core;
    struct link_msg msg;
    int err;

    memset(&msg, 0, sizeof(msg));
    msg.type = LINK_TRANSPORT_CLOSE;
    msg.transport = a->transport.index;
    msg.generation = a->transport.generation;
    msg.cookie = a->id;
    err = core->io.send(core->user, &msg);
    /* No room: retried, because a transport that is not closed is a port that is lost. */
    if (err == ERR_AGAIN) {
        timer_start(&core->timers, &a->timer, core->now + CLOSE_RETRY_MS);
    } else if (err != 0) {
        /* Not attached: the data plane and its transports are gone, which is as good as closed. */
        report_closed(core, a->id, a->transport, NULL);
        free_association(a);
    }
}

/* Alert first, then the transport, on one ring: the data plane keeps that order. */
static void close_association(struct association *a)
{
    struct shard_core *core = a->core;

    if (a->is_closing)
        return;
    a->is_closing = true;
    /* A dead one has sent its alert when it died. */
    if (a->dtls != NULL && !a->is_dead)
        dtls_assoc_close(a->dtls, core->now);
    drop_dtls(a);
    send_close(a);
}

/* An association that failed is not here any more, but its transport waits for its close. */
static void command_close(struct shard_core *core, const struct shard_command *cmd)
{
    struct association *a = find_id(core, cmd->id);

    /* It failed and was freed; only its transport has to be closed. It gets an entry, so that the
     * answer finds somebody. */
    if (a == NULL) {
        a = calloc(1, sizeof(*a));
        if (a == NULL || find_transport(core, cmd->transport) != NULL) {
            free(a);
            report_closed(core, cmd->id, cmd->transport, NULL);
            return;
        }
        a->id = cmd->id;
        a->transport = cmd->transport;
        a->core = core;
        a->is_dead = true;
        timer_init(&a->timer, on_expiry, a);
        HASH_ADD(by_id, core->by_id, id, sizeof(a->id), a);
        HASH_ADD(by_transport, core->by_transport, transport, sizeof(a->transport), a);
        core->stats.associations++;
    }
    close_association(a);
}

void shard_core_stats(const struct shard_core *core, struct shard_stats *out)
{
    *out = core->stats;
    out->dtls = *dtls_ctx_stats(core->ctx);
}

static void command_stats(struct shard_core *core, uint64_t id)
{
    struct shard_report r = report_of(SHARD_STATS_REPORT, NULL);

    r.id = id;
    shard_core_stats(core, &r.u.stats);
    report(core, &r);
}

static void finish_stop(struct shard_core *core)
{
    struct shard_report r;

    /* Stopped means that each close has been answered or given up. */
    if (!core->is_stopping || core->is_stopped || core->by_id != NULL)
        return;
    core->is_stopped = true;
    r = report_of(SHARD_STOPPED, NULL);
    r.id = core->stop_id;
    report(core, &r);
}

static void command_stop(struct shard_core *core)
{
    struct association *a, *next;

    core->is_stopping = true;
    /* Also those whose commands of close are in the queue behind us: closing twice is harmless. */
    HASH_ITER(by_id, core->by_id, a, next) close_association(a);
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

static void on_reply(struct shard_core *core, struct association *a, const struct link_msg *msg)
{
    struct shard_report r;

    /* Final statistics come with the answer; the place is free after it. */
    if (msg->u.reply.command == LINK_TRANSPORT_CLOSE && a->is_closing) {
        report_closed(core, a->id, a->transport, &msg->u.reply.stats);
        free_association(a);
        return;
    }
    if (msg->u.reply.command != LINK_KEYS_SET || a->is_dead || a->is_closing)
        return;
    if (msg->error != 0) {
        core->stats.keys_refused++;
        /* The association is established and useless: its SRTP could never start. */
        report_failed(a, DTLS_FAIL_INTERNAL, "keys refused by the data plane");
        settle(a);
        return;
    }
    core->stats.keys_installed++;
    r = report_of(SHARD_KEYED, a);
    report(core, &r);
}

static void on_event(struct shard_core *core, const struct association *a,
                     const struct link_msg *msg)
{
    struct shard_report r = report_of(SHARD_EVENT, a);

    r.transport.index = msg->transport;
    r.transport.generation = msg->generation;
    r.u.event.type = msg->type;
    r.u.event.event = msg->u.event;
    /* With or without an association here: events of plain transports go to the main thread's own
     * port. */
    report(core, &r);
}

void shard_core_on_link(struct shard_core *core, uint64_t now, const struct link_msg *msg)
{
    struct link_id id = {msg->transport, msg->generation};
    struct association *a = find_transport(core, id);
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
            input(a, &from, msg->u.dtls.data, msg->u.dtls.length);
        }
    } else if (msg->type == LINK_REPLY) {
        /* The cookie is the association's number: a reply may name a transport that has been given
         * anew. */
        if (a == NULL || a->id != msg->cookie)
            a = find_id(core, msg->cookie);
        if (a != NULL)
            on_reply(core, a, msg);
    } else {
        on_event(core, a, msg);
    }
    finish_stop(core);
}

void shard_core_on_detached(struct shard_core *core)
{
    struct association *a, *next;

    HASH_ITER(by_id, core->by_id, a, next)
    {
        /* The others are told as lost by the main thread, which hears of the detach itself. */
        if (a->is_closing)
            report_closed(core, a->id, a->transport, NULL);
        free_association(a);
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
    struct association *a, *next;

    if (core == NULL)
        return;
    HASH_ITER(by_id, core->by_id, a, next) free_association(a);
    dtls_ctx_destroy(core->ctx);
    free(core);
}
