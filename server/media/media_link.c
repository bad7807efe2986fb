/* Where sluiced's main thread meets the link and the shards: attach and detach, what comes from
 * both, and the order of starting and stopping. media_port.c and media_mix.c have what the messages
 * are about. */
#include "server/media/media_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/cert.h"
#include "crypto/dtls_sessions.h"
#include "server/dtls/key_log.h"
#include "server/media/link_addr.h"
#include "settings/settings.h"

/* A released port number is not given out again before late packets of its call have died. */
#define NUMBER_REST_MS 2000
#define TICK_MS        1000
#define REPORTS_MAX    8192
/* Packets of data channels that wait for a shard: some milliseconds of its work. */
#define DATA_QUEUE_OCTETS (512u << 10)
/* Reports and messages handled before the loop looks at anything else. */
#define BUDGET 256

/* ---- what comes from the data plane ---- */

static void on_link_event(struct media_link *m, unsigned type, struct link_id id,
                          const struct link_event *event)
{
    struct port_leg *leg = media_leg_of_transport(m, id);
    struct media_port *p;

    /* Events of the past: the transport is being closed already. */
    if (leg == NULL || leg->port->state != PORT_OPEN)
        return;
    p = leg->port;
    if (type == LINK_TRANSPORT_GONE) {
        p->callbacks->on_gone(p->owner, "transport closed by the data plane");
        return;
    }
    /* "First packet" and "no packets" mean media: RTCP alone is none. RTCP's transport of a plain
     * port: its first packet is no media. */
    if (leg == &p->leg[0] || type == LINK_REMOTE_MISMATCH)
        p->callbacks->on_event(p->owner, type, event);
}

static void on_link_msg(void *ctx, const struct link_msg *msg)
{
    struct media_link *m = ctx;
    struct port_leg *leg;

    /* Mixes have names of their own kind; what is not theirs is a transport's. */
    if (media_mix_on_msg(m, msg))
        return;
    if (msg->type != LINK_REPLY) {
        if (msg->type != LINK_DTLS_RX)
            on_link_event(m, msg->type, (struct link_id){msg->transport, msg->generation},
                          &msg->u.event);
        return;
    }
    /* Not found: the port was freed after its close (an answer came twice, or late). */
    leg = media_leg_find(m, msg->cookie);
    if (leg == NULL)
        return;
    if (msg->u.reply.command == LINK_TRANSPORT_OPEN)
        media_leg_on_open_reply(leg, msg);
    else if (msg->u.reply.command == LINK_TRANSPORT_CLOSE)
        media_leg_on_close_reply(leg, &msg->u.reply.stats);
    /* The port is what it was: whoever asked goes on without it, and the log has the reason. */
    else if (msg->error != 0)
        log_warn(LOG_AREA_LINK, 0, "command refused by the data plane",
                 LOG_S("command", link_type_to_str(msg->u.reply.command)),
                 LOG_E("error", msg->error), LOG_U("port", leg->port->number));
}

/* ---- what comes from the shards ---- */

static void on_established(struct media_port *p, const struct shard_report *r)
{
    struct media_established e = {
        .profile = r->profile,
        .cipher = r->text,
        .peer = &r->peer,
        .handshake_ms = r->handshake_ms,
        .is_resumed = r->is_resumed,
        .local = r->has_keys ? &r->u.keys.local : NULL,
        .remote = r->has_keys ? &r->u.keys.remote : NULL,
    };

    /* Before the owner: data that arrive in the same breath find their way. */
    media_data_on_established(p);
    p->callbacks->on_established(p->owner, &e);
}

static void on_port_report(struct port_leg *leg, const struct shard_report *r)
{
    struct media_port *p = leg->port;

    /* In any state: closing waits for it. */
    if (r->kind == SHARD_CLOSED) {
        media_leg_on_close_reply(leg, &r->u.final);
        return;
    }
    if (p->state != PORT_OPEN)
        return;
    if (r->kind == SHARD_FAILED || r->kind == SHARD_PEER_CLOSED)
        /* SCTP's association is dead with its DTLS. */
        media_data_on_lost(p);
    if (r->kind == SHARD_ESTABLISHED)
        on_established(p, r);
    else if (r->kind == SHARD_KEYED)
        p->callbacks->on_keyed(p->owner);
    else if (r->kind == SHARD_FAILED)
        p->callbacks->on_failed(p->owner, r->failure, r->text);
    else if (r->kind == SHARD_PEER_CLOSED)
        p->callbacks->on_peer_closed(p->owner);
    else if (r->kind == SHARD_STRANGER)
        p->callbacks->on_stranger(p->owner, &r->from, r->count);
}

static void finish_stop(struct media_link *m)
{
    if (!m->is_stopping || m->is_stopped)
        return;
    /* All of them, or the ones that live could still report into freed memory. */
    for (unsigned i = 0; i < m->shard_count; i++)
        if (!m->is_shard_stopped[i])
            return;
    m->is_stopped = true;
    /* By timer: on_stopped frees what we are standing on. */
    timer_start(m->config.timers, &m->stop_timer, clock_mono_ms());
}

static void on_report(struct media_link *m, const struct shard_report *r)
{
    struct port_leg *leg;

    switch (r->kind) {
    case SHARD_STOPPED:
        if (r->id < m->shard_count)
            m->is_shard_stopped[r->id] = true;
        finish_stop(m);
        break;
    case SHARD_EVENT:
        on_link_event(m, r->u.event.type, r->transport, &r->u.event.event);
        break;
    /* By the number of the association, which is that of its leg. */
    default:
        leg = media_leg_find(m, r->id);
        if (leg != NULL)
            on_port_report(leg, r);
        break;
    }
}

void media_link_take_reports(struct media_link *m)
{
    struct shard_report r;

    while (m != NULL && shard_queue_take(m->reports, &r) == 0) {
        on_report(m, &r);
        secret_wipe(&r, sizeof(r));
    }
}

static void on_reports_ready(uv_poll_t *handle, int status, int events)
{
    struct media_link *m = handle->data;

    (void)status;
    (void)events;
    shard_queue_clear(m->reports);
    media_link_take_reports(m);
}

static void on_data_ready(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    media_data_take_reports(handle->data);
}

/* ---- attach and detach ---- */

static int on_orphan(void *ctx, const struct link_transport_info *info,
                     const struct link_transport_stats *stats)
{
    struct media_link *m = ctx;
    struct link_msg msg;
    /* Even: RTP's port names the pair. */
    uint16_t number = (uint16_t)(info->local.port & ~1u);
    uint16_t *more;

    (void)stats;
    if (m->config.close_orphans) {
        link_msg_init(&msg, LINK_TRANSPORT_CLOSE, info->id, 0);
        (void)link_port_send(m->port, &msg);
    }
    /* Also orphans that stay: their port must not be given to a new call. */
    if (ports_claim(m->numbers, number) != 0)
        return 0;
    more = realloc(m->orphans, (m->orphan_count + 1) * sizeof(*more));
    if (more == NULL) /* stop the walk; the port rests in the pool as taken */
        return 1;
    m->orphans = more;
    m->orphans[m->orphan_count++] = number;
    return 0;
}

static int on_orphan_mix(void *ctx, const struct link_mix_info *info,
                         const struct link_mix_stats *stats)
{
    struct media_link *m = ctx;
    struct link_msg msg;

    (void)stats;
    link_msg_init(&msg, LINK_MIX_CLOSE, info->id, 0);
    (void)link_port_send(m->port, &msg);
    return 0;
}

static int on_held(void *ctx, const struct link_transport_info *info,
                   const struct link_transport_stats *stats)
{
    bool *held = ctx;

    (void)stats;
    held[(info->local.port & ~1u) / 2] = true;
    return 0;
}

/* Numbers of orphans come back to the pool when the data plane has closed them. */
static void review_orphans(struct media_link *m)
{
    bool *held;
    size_t kept = 0;

    if (m->orphan_count == 0 || !m->is_attached)
        return;
    /* By pairs: a bit map of all ports is simpler than a search, once a second and only while there
     * are orphans. */
    held = calloc(32768, sizeof(*held));
    if (held == NULL)
        return;
    if (link_client_transports(m->client, on_held, held) >= 0) {
        for (size_t i = 0; i < m->orphan_count; i++) {
            if (held[m->orphans[i] / 2])
                m->orphans[kept++] = m->orphans[i];
            else
                ports_release(m->numbers, m->orphans[i], clock_mono_ms());
        }
        m->orphan_count = kept;
    }
    free(held);
}

static void on_attached(void *ctx, const struct link_info *info)
{
    struct media_link *m = ctx;
    char text[160];
    int err;

    /* New data plane, new ports: the old pool spoke of another machine. */
    ports_destroy(m->numbers);
    m->numbers = NULL;
    m->orphan_count = 0;
    err = ports_create(info->port_min, info->port_max, 2, NUMBER_REST_MS, &m->numbers);
    if (err != 0) {
        log_error(LOG_AREA_LINK, 0, "data plane has no usable media ports",
                  LOG_U("first", info->port_min), LOG_U("last", info->port_max));
        return;
    }
    /* A copy: the client's own is gone at the next detach. */
    m->info = *info;
    m->is_attached = true;
    if (info->orphans != 0)
        (void)link_client_transports(m->client, on_orphan, m);
    if (m->config.close_orphans)
        (void)link_client_mixes(m->client, on_orphan_mix, m);
    snprintf(text, sizeof(text), "%s", info->program);
    log_info(LOG_AREA_LINK, 0, "data plane attached", LOG_S("program", info->program),
             LOG_I("pid", info->pid), LOG_U("workers", info->workers),
             LOG_U("addresses", info->locals), LOG_U("first_port", info->port_min),
             LOG_U("last_port", info->port_max), LOG_U("orphans", info->orphans),
             LOG_S("orphans_are", m->config.close_orphans ? "closed" : "left"));
    m->config.on_state(m->config.user, true, text);
}

static void on_detached(void *ctx, int error, const char *text)
{
    struct media_link *m = ctx;
    bool was_attached = m->is_attached;

    log_warn(LOG_AREA_LINK, 0, "no data plane", LOG_S("reason", text), LOG_E("error", error));
    m->is_attached = false;
    /* Attempts that fail are told once by the client, to the log only. */
    if (!was_attached)
        return;
    /* First our ports, then the server: it finds everything closed that it asks about. */
    media_port_lose_all(m);
    m->config.on_state(m->config.user, false, text);
}

/* ---- the loop's side ---- */

static void poll_client(struct media_link *m)
{
    uint64_t next = link_client_poll(m->client, clock_mono_ms());

    /* UINT64_MAX: attached; only the fd has news. */
    if (next == UINT64_MAX)
        timer_cancel(m->config.timers, &m->client_timer);
    else
        timer_start(m->config.timers, &m->client_timer, next);
}

static void on_client_ready(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    poll_client(handle->data);
}

static void on_client_timer(struct timer *timer, void *ctx, uint64_t now)
{
    (void)timer;
    (void)now;
    poll_client(ctx);
}

static void on_port_ready(uv_poll_t *handle, int status, int events)
{
    struct media_link *m = handle->data;

    (void)status;
    (void)events;
    /* BUDGET: one busy data plane must not starve signalling. */
    (void)link_port_poll(m->port, BUDGET);
}

static void on_tick(struct timer *timer, void *ctx, uint64_t now)
{
    struct media_link *m = ctx;

    review_orphans(m);
    timer_start(m->config.timers, timer, now + TICK_MS);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct media_link *m = handle->data;

    m->handles--;
}

static void close_polls(struct media_link *m)
{
    uv_poll_t *polls[] = {&m->poll_client, &m->poll_port, &m->poll_reports, &m->poll_data};

    /* data NULL: never initialised. */
    for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++)
        if (polls[i]->data != NULL && !uv_is_closing((uv_handle_t *)polls[i]))
            uv_close((uv_handle_t *)polls[i], on_handle_closed);
}

static void end_shards(struct media_link *m)
{
    for (unsigned i = 0; i < m->shard_count; i++) {
        /* Joins: after this no thread of ours knows the link or the queues. */
        shard_destroy(m->shards[i]);
        m->shards[i] = NULL;
    }
    m->shard_count = 0;
    media_data_stop(m); /* what shards and hub send each other lies in queues that live on */
    dtls_sessions_destroy(m->sessions);
    m->sessions = NULL;
}

void media_link_abort(struct media_link *m)
{
    timer_cancel(m->config.timers, &m->tick);
    timer_cancel(m->config.timers, &m->client_timer);
    timer_cancel(m->config.timers, &m->stop_timer);
    end_shards(m);
    close_polls(m);
}

static void on_stop_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct media_link *m = ctx;

    (void)timer;
    (void)now;
    /* The limit has passed: end by force what does not end by itself. */
    if (!m->is_stopped)
        log_warn(LOG_AREA_MAIN, 0, "a shard did not stop in time");
    m->is_stopped = true;
    media_link_abort(m);
    m->on_stopped(m->stop_user);
}

void media_link_stop(struct media_link *m, uint32_t limit_ms, void (*on_stopped)(void *user),
                     void *user)
{
    struct shard_command command;

    /* A second SIGTERM means the same. */
    if (m->is_stopping)
        return;
    m->is_stopping = true;
    m->on_stopped = on_stopped;
    m->stop_user = user;
    timer_start(m->config.timers, &m->stop_timer, clock_mono_ms() + limit_ms);
    /* Mixes first: their members' ports follow. */
    LIST_FOREACH_SAFE (it, &m->mixes)
        media_mix_close(LIST_ENTRY(it, struct media_mix, link));
    /* Also a port whose association is dead already has a transport to be closed. Close, not free:
     * each ends with its answer, which the shards wait for as well. */
    LIST_FOREACH_SAFE (it, &m->all)
        media_link_ops.close(LIST_ENTRY(it, struct media_port, link));
    memset(&command, 0, sizeof(command));
    command.kind = SHARD_STOP;
    for (unsigned i = 0; i < m->shard_count; i++) {
        command.id = i;
        if (shard_command(m->shards[i], &command) != 0)
            m->is_shard_stopped[i] = true; /* ended by force below */
    }
    finish_stop(m);
}

static int watch(struct media_link *m, uv_poll_t *poll, int fd, uv_poll_cb cb)
{
    if (uv_poll_init(m->config.loop, poll, fd) != 0)
        /* libuv watches a copy of the fd's number: it must be stopped before the fd closes. */
        return ERR_IO;
    poll->data = m;
    m->handles++;
    return uv_poll_start(poll, UV_READABLE, cb) == 0 ? 0 : ERR_IO;
}

static void fill_dtls(const struct settings *s, const struct cert *cert, struct dtls_config *d)
{
    dtls_config_init(d, cert);
    d->profile_count = 0;
    for (uint32_t i = 0; i < s->dtls.profile_count && i < SRTP_PROFILE_COUNT; i++)
        /* The order of the configuration is our preference. */
        d->profiles[d->profile_count++] = (enum srtp_profile)s->dtls.profiles[i];
    d->allow_sha1 = s->dtls.allow_sha1;
    d->park = s->dtls.park;
    d->mtu = s->dtls.mtu;
    d->retransmit_initial_ms = s->dtls.retransmit_initial_ms;
    d->retransmit_max_ms = s->dtls.retransmit_max_ms;
    d->handshake_timeout_ms = s->dtls.handshake_timeout_ms;
    d->park_after_ms = s->dtls.park_after_ms;
}

static int start_shards(struct media_link *m)
{
    const struct settings *s = m->config.settings;
    struct shard_config config = {.reports = m->reports};
    int err = 0;

    fill_dtls(s, m->config.cert, &config.dtls);
    if (m->config.key_log != NULL) {
        config.dtls.on_secret = key_log_write;
        config.dtls.secret_user = m->config.key_log;
    }
    /* One table for all shards: a peer's next call may land on another. A session is the secret of
     * a past handshake: kept in memory only if the operator wants it. */
    if (s->dtls.resumption)
        m->sessions = dtls_sessions_create(s->dtls.resumption_sessions,
                                           (uint64_t)s->dtls.resumption_lifetime_s * 1000);
    config.dtls.sessions = m->sessions;
    for (unsigned i = 0; i < s->dtls.shards && err == 0; i++)
        err = data_queue_create(DATA_QUEUE_OCTETS, &m->ways.shard[i]);
    if (err == 0)
        err = media_data_start(m, &config.dtls);
    /* Two for each session (audio and video on their own ports), and room for those that are
     * closing. */
    config.associations_max = (size_t)s->signalling.limits.max_sessions * 2 + 64;
    for (unsigned i = 0; i < s->dtls.shards && err == 0; i++) {
        config.number = i + 1;
        /* Port 0 of the link is the main thread's. */
        config.port = link_client_port(m->client, i + 1);
        if (config.port == NULL)
            return ERR_RANGE;
        config.ways = &m->ways;
        err = shard_start(&config, &m->shards[i]);
        if (err == 0)
            m->shard_count++;
    }
    return err;
}

/* Made before the shards, which get their ports from it. */
static int make_client(struct media_link *m)
{
    const struct settings *s = m->config.settings;
    const struct link_client_config config = {
        .path = s->link.path,
        .program = "sluiced " SLUICE_VERSION,
        .producers = 1 + s->dtls.shards,
        .ring_slots = s->link.ring_slots,
        .retry_ms = s->link.retry_ms,
        .on_attached = on_attached,
        .on_detached = on_detached,
        .context = m,
    };
    int err = link_client_create(&config, &m->client);

    if (err != 0)
        return err;
    m->port = link_client_port(m->client, 0);
    link_port_listen(m->port, on_link_msg, NULL, m);
    return 0;
}

int media_link_create(const struct media_link_config *config, struct media_link **out)
{
    struct media_link *m = calloc(1, sizeof(*m));
    int err;

    if (m == NULL)
        return ERR_NOMEM;
    m->config = *config;
    list_init(&m->all);
    list_init(&m->mixes);
    timer_init(&m->client_timer, on_client_timer, m);
    timer_init(&m->tick, on_tick, m);
    timer_init(&m->stop_timer, on_stop_timer, m);
    err = shard_queue_create(sizeof(struct shard_report), REPORTS_MAX, &m->reports);
    if (err == 0)
        err = make_client(m);
    if (err == 0)
        err = start_shards(m);
    if (err == 0)
        err = watch(m, &m->poll_client, link_client_fd(m->client), on_client_ready);
    if (err == 0)
        err = watch(m, &m->poll_port, link_port_fd(m->port), on_port_ready);
    if (err == 0)
        err = watch(m, &m->poll_reports, shard_queue_fd(m->reports), on_reports_ready);
    if (err == 0)
        err = watch(m, &m->poll_data, shard_queue_fd(m->data_reports), on_data_ready);
    if (err != 0) {
        log_error(LOG_AREA_LINK, 0, "link and shards not made",
                  LOG_U("shards", config->settings->dtls.shards),
                  LOG_S("path", config->settings->link.path), LOG_E("error", err));
        /* Polls that libuv has begun to watch stay in the loop until it ends, and so does this.
         * Parts of it may be missing: each of these takes NULL. */
        media_link_abort(m);
        if (m->handles == 0)
            media_link_destroy(m);
        return err;
    }
    /* The first attempt at once, from the loop. */
    timer_start(config->timers, &m->client_timer, clock_mono_ms());
    timer_start(config->timers, &m->tick, clock_mono_ms() + TICK_MS);
    *out = m;
    return 0;
}

void media_link_destroy(struct media_link *m)
{
    if (m == NULL)
        return;
    end_shards(m);
    LIST_FOREACH_SAFE (it, &m->mixes)
        media_mix_free(LIST_ENTRY(it, struct media_mix, link));
    LIST_FOREACH_SAFE (it, &m->all) {
        struct media_port *p = LIST_ENTRY(it, struct media_port, link);

        /* Void: nobody to ask, only to free. */
        p->is_void = true;
        media_port_free(p);
    }
    timer_cancel(m->config.timers, &m->client_timer);
    timer_cancel(m->config.timers, &m->tick);
    timer_cancel(m->config.timers, &m->stop_timer);
    link_client_destroy(m->client);
    shard_queue_destroy(m->reports);
    media_data_free(m);
    ports_destroy(m->numbers);
    free(m->orphans);
    free(m);
}

bool media_link_is_attached(const struct media_link *m)
{
    return m->is_attached;
}

const struct link_info *media_link_info(const struct media_link *m)
{
    return m->is_attached ? &m->info : NULL;
}

struct link_client *media_link_client(struct media_link *m)
{
    return m->client;
}

static void sum_words(void *sum, const void *one, size_t size)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)sum)[i] += ((const uint64_t *)one)[i];
}

/* The wires' DTLS counts as the shards' does. */
static void add_data_stats(const struct media_link *m, struct media_link_stats *out)
{
    struct data_thread_stats data;

    if (m->data == NULL)
        return;
    data_thread_stats(m->data, &data);
    out->data = data.hub;
    out->wires = data.wires;
    sum_words(&out->shards.dtls, &data.dtls, sizeof(data.dtls));
}

void media_link_stats_of(struct media_link *m, struct media_link_stats *out)
{
    _Static_assert(sizeof(struct shard_stats) % sizeof(uint64_t) == 0, "all members are counters");

    *out = m->stats;
    memset(&out->shards, 0, sizeof(out->shards));
    for (unsigned i = 0; i < m->shard_count; i++) {
        struct shard_stats one;

        if (m->shards[i] == NULL)
            continue; /* ended already */
        shard_stats_of(m->shards[i], &one);
        sum_words(&out->shards, &one, sizeof(out->shards));
    }
    out->shard_count = m->shard_count;
    add_data_stats(m, out);
    out->orphans = m->orphan_count;
    out->numbers_in_use = m->numbers != NULL ? ports_in_use(m->numbers) : 0;
    out->numbers_capacity = m->numbers != NULL ? ports_capacity(m->numbers) : 0;
}
