/* One association of a shard: what its DTLS engine says, its keys on their way to the data plane,
 * and its end, which is the transport's too. */
#include "server/dtls/shard_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "server/media/link_addr.h"

/* A third address is reported at most so often for one association. */
#define STRANGER_MS 1000
/* No room for a TRANSPORT_CLOSE on the link: tried again after so long. */
#define CLOSE_RETRY_MS 50

/* ---- what the main thread is told ---- */

void shard_report(struct shard_core *core, struct shard_report *r)
{
    core->io.report(core->user, r);
    /* Keys may be in it. */
    secret_wipe(r, sizeof(*r));
}

struct shard_report shard_report_of(enum shard_report_kind kind, const struct shard_assoc *a)
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

void shard_report_closed(struct shard_core *core, uint64_t id, struct link_id transport,
                         const struct link_transport_stats *final)
{
    struct shard_report r = shard_report_of(SHARD_CLOSED, NULL);

    r.id = id;
    r.transport = transport;
    if (final != NULL)
        r.u.final = *final;
    shard_report(core, &r);
}

void shard_assoc_fail(struct shard_assoc *a, enum dtls_failure why, const char *text)
{
    struct shard_report r = shard_report_of(SHARD_FAILED, a);

    /* Freed by shard_assoc_settle(), after the engine's callback has returned. */
    a->is_dead = true;
    r.failure = why;
    snprintf(r.text, sizeof(r.text), "%s", text != NULL ? text : dtls_failure_to_str(why));
    shard_report(a->core, &r);
}

/* ---- the table ---- */

struct shard_assoc *shard_find_transport(struct shard_core *core, struct link_id id)
{
    struct shard_assoc *a = NULL;

    HASH_FIND(by_transport, core->by_transport, &id, sizeof(id), a);
    return a;
}

struct shard_assoc *shard_find(struct shard_core *core, uint64_t id)
{
    struct shard_assoc *a = NULL;

    HASH_FIND(by_id, core->by_id, &id, sizeof(id), a);
    return a;
}

static void drop_dtls(struct shard_assoc *a)
{
    timer_cancel(&a->core->timers, &a->timer);
    dtls_assoc_destroy(a->dtls); /* from inside a callback too: the engine frees itself later */
    a->dtls = NULL;
}

void shard_assoc_free(struct shard_assoc *a)
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
void shard_assoc_settle(struct shard_assoc *a)
{
    uint64_t deadline;

    /* Not while TRANSPORT_CLOSE is out: its answer is looked up by this entry. */
    if (a->is_dead && !a->is_closing) {
        shard_assoc_free(a);
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

/* ---- what the engine says ---- */

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct shard_assoc *a = user;
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

static int send_keys(struct shard_assoc *a, const struct dtls_established *e)
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

static void on_established(void *user, const struct dtls_established *e)
{
    struct shard_assoc *a = user;
    struct shard_report r = shard_report_of(SHARD_ESTABLISHED, a);
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
    shard_report(a->core, &r);
    if (err != 0) {
        a->core->stats.keys_refused++;
        shard_assoc_fail(a, DTLS_FAIL_INTERNAL, "keys not taken by the data plane");
    }
}

static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    shard_assoc_fail(user, why, text);
}

static void on_closed(void *user)
{
    struct shard_assoc *a = user;
    struct shard_report r = shard_report_of(SHARD_PEER_CLOSED, a);

    a->is_dead = true;
    shard_report(a->core, &r);
}

static const struct dtls_callbacks callbacks = {
    .on_send = on_send,
    .on_established = on_established,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .on_data = shard_assoc_on_data,
};

/* ---- its end ---- */

static void send_close(struct shard_assoc *a)
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
        shard_report_closed(core, a->id, a->transport, NULL);
        shard_assoc_free(a);
    }
}

/* Alert first, then the transport, on one ring: the data plane keeps that order. */
void shard_assoc_close(struct shard_assoc *a)
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

static void on_expiry(struct timer *timer, void *ctx, uint64_t now)
{
    struct shard_assoc *a = ctx;

    (void)timer;
    /* The timer serves two purposes, one after the other: DTLS deadlines, then the retries of the
     * close. */
    if (a->is_closing) {
        send_close(a);
        return;
    }
    dtls_assoc_on_timer(a->dtls, now);
    shard_assoc_settle(a);
}

/* ---- its beginning, and its records ---- */

static void enter(struct shard_core *core, const struct shard_command *cmd, struct shard_assoc *a)
{
    a->id = cmd->id;
    a->transport = cmd->transport;
    a->core = core;
    timer_init(&a->timer, on_expiry, a);
    HASH_ADD(by_id, core->by_id, id, sizeof(a->id), a);
    HASH_ADD(by_transport, core->by_transport, transport, sizeof(a->transport), a);
    core->stats.associations++;
}

int shard_assoc_open(struct shard_core *core, const struct shard_command *cmd,
                     struct shard_assoc **out)
{
    struct shard_assoc *a;
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
    if (shard_find(core, cmd->id) != NULL || shard_find_transport(core, cmd->transport) != NULL)
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
    a->is_lab = cmd->is_lab;
    a->data = cmd->data;
    if (cmd->has_data)
        /* Before the handshake begins: its records may already carry SCTP. */
        dtls_assoc_carry_data(a->dtls, core->now);
    enter(core, cmd, a);
    *out = a;
    return 0;
}

struct shard_assoc *shard_assoc_open_dead(struct shard_core *core, const struct shard_command *cmd)
{
    struct shard_assoc *a;

    if (shard_find_transport(core, cmd->transport) != NULL)
        return NULL;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->is_dead = true;
    enter(core, cmd, a);
    return a;
}

void shard_assoc_input(struct shard_assoc *a, const struct addr *from, const uint8_t *data,
                       size_t len)
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
            r = shard_report_of(SHARD_STRANGER, a);
            r.from = *from;
            r.count = a->strangers;
            shard_report(core, &r);
        }
    }
    shard_assoc_settle(a);
}
