/* Call signalling on its connections: lines (TCP, one or more calls on each), legs (a session with
 * its line) and doors (listeners). Which call a message belongs to, and how much one peer may ask
 * for; what is in a message is the session's. */
#include "server/h323/h323_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/media/ports.h"

/* Messages of no use that one connection may send before it is closed, without and with calls. */
#define USELESS_MAX       50
#define USELESS_CALLS_MAX 1000
/* Addresses whose rate of calls is watched at a time. */
#define RATES_MAX 65536
/* H.245 port numbers rest before reuse, so that a late connection does not reach another call. */
#define H245_REST_MS 1000

/* ---- lines ---- */

/* A line is held by its connection or by legs: whichever ends last frees it. */
void line_free_if_idle(struct line *l)
{
    if (l->conn != NULL || l->leg_count != 0)
        return;
    timer_cancel(l->h->env->timers, &l->timer);
    list_remove(&l->link);
    free(l);
}

static void line_close(struct line *l, bool flush)
{
    if (l->conn != NULL)
        tcp_conn_close(l->conn, flush);
    l->conn = NULL;
    timer_cancel(l->h->env->timers, &l->timer);
}

/* The last call has gone. H.323 7.3: the connection goes with it, unless both sides have said that
 * it shall be maintained; and then not for ever. */
static void line_rest(struct line *l)
{
    struct h323 *h = l->h;

    if (l->conn == NULL || !l->is_up || !l->is_kept || h->is_stopping) {
        line_close(l, true);
        return;
    }
    l->useless = 0;
    timer_start(h->env->timers, &l->timer,
                clock_mono_ms() + h->settings->signalling.timers.idle_connection_ms);
}

static void on_silent(struct timer *timer, void *ctx, uint64_t now)
{
    struct line *l = ctx;

    (void)timer;
    (void)now;
    /* A call was here: no reproach. */
    if (l->was_used) {
        l->h->stats.idle_closed++;
    } else {
        l->h->stats.silent++;
        log_limited(&l->h->limit, now, LOG_AREA_H225, LOG_LEVEL_WARN, 0,
                    "connection closed: no Setup came", LOG_ADDR("peer", tcp_conn_peer(l->conn)));
    }
    line_close(l, false);
    line_free_if_idle(l);
}

struct line *line_new(struct h323 *h, struct door *door)
{
    struct line *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->h = h;
    l->door = door;
    list_init(&l->legs);
    list_push_back(&h->lines, &l->link);
    timer_init(&l->timer, on_silent, l);
    return l;
}

static bool on_accept(void *user, struct tcp_conn *conn)
{
    struct door *d = user;
    struct h323 *h = d->h;
    struct line *l = h->is_stopping ? NULL : line_new(h, d);

    if (l == NULL)
        return false;
    l->conn = conn;
    l->is_up = true;
    /* The first message has to come soon: a connection costs a descriptor, and has no call to show
     * for it. */
    timer_start(h->env->timers, &l->timer,
                clock_mono_ms() + h->settings->signalling.timers.setup_ms);
    tcp_conn_attach(conn, &h323_line_callbacks, l);
    return true;
}

/* ---- limits ---- */

static void forget_rates(struct h323 *h)
{
    struct rate *r, *next;

    HASH_ITER(hh, h->rates, r, next)
    {
        HASH_DEL(h->rates, r);
        free(r);
    }
}

static bool rate_passes(struct h323 *h, const struct addr *peer, uint64_t now)
{
    uint32_t limit = h->settings->signalling.limits.setups_per_second;
    /* By host: another port is the same caller. */
    struct addr key = addr_with_port(*peer, 0);
    struct rate *r = NULL;

    if (limit == 0)
        return true;
    HASH_FIND(hh, h->rates, &key, sizeof(key), r);
    if (r == NULL) {
        /* Forgotten all at once: an attacker with many addresses costs memory to this bound, and
         * honest callers a fresh second. */
        if (HASH_COUNT(h->rates) >= RATES_MAX)
            forget_rates(h);
        r = calloc(1, sizeof(*r));
        if (r == NULL)
            return false;
        r->key = key;
        HASH_ADD(hh, h->rates, key, sizeof(r->key), r);
    }
    /* A window of a second: up to twice the limit may fall on a border, which is no harm. */
    if (r->second != now / 1000) {
        r->second = now / 1000;
        r->count = 0;
    }
    return ++r->count <= limit;
}

/* ---- legs ---- */

/* Each side numbers the calls that it makes: with the flag, the message says whose number it is. */
struct leg *line_leg_of_ref(struct line *l, uint16_t call_ref, bool from_destination)
{
    LIST_FOREACH (it, &l->legs) {
        struct leg *leg = LIST_ENTRY(it, struct leg, in_line);

        if (session_call_ref(leg->session) == call_ref &&
            session_is_caller(leg->session) == from_destination)
            return leg;
    }
    return NULL;
}

void leg_leave_line(struct leg *leg)
{
    struct line *l = leg->line;

    if (l == NULL)
        return;
    leg->line = NULL;
    list_remove(&leg->in_line);
    l->leg_count--;
    /* Before it is freed: the last call's word about the connection is what counts. */
    l->is_kept = session_keeps_connection(leg->session);
    if (l->leg_count == 0)
        line_rest(l);
    line_free_if_idle(l);
}

void leg_free(struct leg *leg)
{
    struct h323 *h = leg->h;

    /* H.245 first: its connection is the session's, too. */
    h323_h245_close(h, leg->session);
    leg_leave_line(leg);
    session_destroy(leg->session);
    HASH_DEL(h->by_id, leg);
    list_remove(&leg->in_all);
    h->stats.sessions--;
    free(leg->own);
    free(leg);
}

static void on_reap(struct timer *timer, void *ctx, uint64_t now)
{
    struct h323 *h = ctx;
    struct list *it;

    (void)timer;
    (void)now;
    /* From the timer: sessions close in the middle of their own callbacks. */
    while ((it = list_first(&h->dead)) != NULL)
        leg_free(LIST_ENTRY(it, struct leg, in_all));
}

void line_add_leg(struct line *l, struct leg *leg)
{
    leg->line = l;
    l->was_used = true;
    list_push_back(&l->legs, &leg->in_line);
    l->leg_count++;
    /* It has a call: the session's own timers are what counts. */
    timer_cancel(l->h->env->timers, &l->timer);
}

int leg_create(struct h323 *h, struct door *door, const struct session_config *config, uint64_t now,
               struct leg **out)
{
    struct session_config mine = *config;
    struct leg *leg = calloc(1, sizeof(*leg));
    int err;

    if (leg == NULL)
        return ERR_NOMEM;
    mine.owner = leg;
    err = session_create(h->env, &mine, now, &leg->session);
    if (err != 0) {
        free(leg);
        return err;
    }
    leg->h = h;
    leg->door = door;
    leg->id = session_id(leg->session);
    list_push_back(&h->legs, &leg->in_all);
    HASH_ADD(hh, h->by_id, id, sizeof(leg->id), leg);
    h->stats.sessions++;
    *out = leg;
    return 0;
}

int leg_create_own(struct h323 *h, struct door *door, const struct session_config *config,
                   const enum settings_dtls *policy, struct leg **out)
{
    struct settings_listener *own = malloc(sizeof(*own));
    struct session_config mine = *config;
    int err;

    if (own == NULL)
        return ERR_NOMEM;
    *own = *door->settings;
    if (policy != NULL)
        own->dtls = *policy;
    mine.listener = own;
    err = leg_create(h, door, &mine, clock_mono_ms(), out);
    if (err != 0)
        free(own);
    else
        (*out)->own = own; /* freed with it */
    return err;
}

/* ---- signalling messages ---- */

static void on_line_closed(void *user, int err, const char *why);

static void useless(struct line *l, const char *why, int err)
{
    log_limited(&l->h->limit, clock_mono_ms(), LOG_AREA_H225, LOG_LEVEL_WARN, 0,
                "call signalling message refused", LOG_ADDR("peer", tcp_conn_peer(l->conn)),
                LOG_S("reason", why), LOG_E("error", err));
    /* More of them with calls: a gateway with many has a right to some. */
    l->useless++;
    if (l->useless < (l->leg_count == 0 ? USELESS_MAX : USELESS_CALLS_MAX))
        return;
    l->h->stats.noisy++;
    if (l->leg_count == 0) {
        line_close(l, true);
        line_free_if_idle(l);
    } else {
        /* With calls: they learn it, and each has its own end. */
        tcp_conn_close(l->conn, true);
        on_line_closed(l, ERR_LIMIT, "too many messages of no use");
    }
}

static void refuse(struct line *l, uint16_t call_ref, bool to_caller, enum q931_cause cause)
{
    uint8_t out[64];
    size_t len = 0;

    if (h225_build_refusal(call_ref, to_caller, cause, out, sizeof(out), &len) == 0)
        (void)tcp_conn_send(l->conn, out, len);
}

/* One call a connection: the caller may try again on another one. */
static void refuse_here(struct line *l, uint16_t call_ref)
{
    uint8_t out[128];
    size_t len = 0;

    if (h225_build_refusal_reason(call_ref, H225_REASON_NEW_CONNECTION, out, sizeof(out), &len) ==
        0)
        (void)tcp_conn_send(l->conn, out, len);
}

const char *h323_admit_locally(struct h323 *h)
{
    if (h->is_stopping)
        return "server is stopping";
    if (!h->is_ready)
        return "no data plane";
    if (h->stats.sessions >= h->settings->signalling.limits.max_sessions)
        return "as many sessions as are allowed";
    return NULL;
}

/* May another call begin? Otherwise it is refused here, at the price of one small message. */
static bool admit(struct line *l, uint16_t call_ref, uint64_t now)
{
    struct h323 *h = l->h;
    enum q931_cause cause = Q931_CAUSE_CONGESTION;
    const char *why = NULL;

    /* Before the limits, so that what was refused is seen against what came. */
    h->stats.setups++;
    if (h->stats.sessions >= h->settings->signalling.limits.max_sessions ||
        l->leg_count >= LINE_CALLS_MAX) {
        h->stats.refused_sessions++;
        why = "as many sessions as are allowed";
    } else if (l->leg_count > 0 && !h->settings->signalling.multiple_calls) {
        h->stats.refused_shared++;
        refuse_here(l, call_ref);
        return false;
    } else if (!rate_passes(h, tcp_conn_peer(l->conn), now)) {
        h->stats.refused_rate++;
        why = "too many calls of this address in a second";
    } else if (!h->is_ready || h->is_stopping) {
        h->stats.refused_sessions++;
        cause = Q931_CAUSE_NO_RESOURCE;
        why = h->is_stopping ? "server is stopping" : "no data plane";
    }
    if (why == NULL)
        return true;
    log_limited(&h->limit, now, LOG_AREA_H225, LOG_LEVEL_WARN, 0, "call refused",
                LOG_ADDR("peer", tcp_conn_peer(l->conn)), LOG_S("reason", why));
    refuse(l, call_ref, true, cause);
    return false;
}

static void on_setup(struct line *l, uint16_t call_ref, const uint8_t *data, size_t len,
                     uint64_t now)
{
    struct session_config config = {.listener = l->door->settings,
                                    .peer = *tcp_conn_peer(l->conn),
                                    .local = *tcp_conn_local(l->conn)};
    struct leg *leg = NULL;

    if (!admit(l, call_ref, now))
        return;
    /* The session has to know before its first message: what may go in the clear is decided by
     * it. */
    if (tcp_conn_tls(l->conn) != NULL) {
        config.is_tls = true;
        config.tls = *tcp_conn_tls(l->conn);
    }
    if (leg_create(l->h, l->door, &config, now, &leg) != 0) {
        refuse(l, call_ref, true, Q931_CAUSE_NO_RESOURCE);
        return;
    }
    line_add_leg(l, leg);
    session_on_h225(leg->session, data, len, now);
}

/* A connection that we asked for is there. */
static void on_line_connected(void *user)
{
    struct line *l = user;
    uint64_t now = clock_mono_ms();

    l->is_up = true;
    l->leg_count++; /* the line outlives the loop */
    LIST_FOREACH_SAFE (it, &l->legs) {
        struct session *s = LIST_ENTRY(it, struct leg, in_line)->session;

        /* Before "up", which sends the Setup. */
        session_set_signalling_tls(s, tcp_conn_tls(l->conn));
        session_on_h225_up(s, tcp_conn_local(l->conn), now);
    }
    l->leg_count--;
    if (l->leg_count == 0)
        line_close(l, true);
    line_free_if_idle(l);
}

static void on_line_packet(void *user, const uint8_t *data, size_t len)
{
    struct line *l = user;
    uint64_t now = clock_mono_ms();
    bool from_destination = false;
    uint16_t call_ref = 0;
    uint8_t type = 0;
    struct leg *leg;
    int err = h225_call_peek(data, len, &call_ref, &from_destination, &type);

    if (err != 0) {
        l->h->stats.undecodable++;
        useless(l, "no Q.931 message", err);
        return;
    }
    leg = line_leg_of_ref(l, call_ref, from_destination);
    /* Before all else: most messages belong to a call. */
    if (leg != NULL) {
        session_on_h225(leg->session, data, len, now);
    } else if (type == Q931_SETUP && !from_destination) {
        /* From the caller's side: a Setup that claims to be an answer is no Setup. */
        on_setup(l, call_ref, data, len, now);
    } else {
        l->h->stats.unknown_call++;
        if (type == Q931_RELEASE_COMPLETE)
            return; /* the answer to ours, which did not wait for it */
        /* H.225.0 wants an answer to what has no call, with the cause that says so. */
        refuse(l, call_ref, !from_destination, Q931_CAUSE_INVALID_CALL_REFERENCE);
        useless(l, "no such call", ERR_NOTFOUND);
    }
}

static void on_line_closed(void *user, int err, const char *why)
{
    struct line *l = user;
    uint64_t now = clock_mono_ms();

    /* An idle connection that ends is no news. */
    if (l->leg_count == 0 && err != ERR_CLOSED)
        log_limited(&l->h->limit, now, LOG_AREA_H225, LOG_LEVEL_WARN, 0, "connection closed",
                    LOG_ADDR("peer", tcp_conn_peer(l->conn)), LOG_S("reason", why));
    l->conn = NULL;
    timer_cancel(l->h->env->timers, &l->timer);
    l->leg_count++; /* the line outlives the loop */
    LIST_FOREACH_SAFE (it, &l->legs) {
        struct leg *leg = LIST_ENTRY(it, struct leg, in_line);

        /* Off the line first: the session's end may look for its line. */
        leg->line = NULL;
        list_remove(&leg->in_line);
        l->leg_count--;
        session_on_h225_lost(leg->session, why, now);
    }
    l->leg_count--;
    line_free_if_idle(l);
}

const struct tcp_callbacks h323_line_callbacks = {
    .on_packet = on_line_packet,
    .on_closed = on_line_closed,
    .on_connected = on_line_connected,
};

int h323_h225_send(struct h323 *h, struct session *s, const uint8_t *message, size_t len)
{
    struct leg *leg = session_owner(s);

    (void)h;
    if (leg->line == NULL || leg->line->conn == NULL)
        return ERR_CLOSED;
    return tcp_conn_send(leg->line->conn, message, len);
}

void h323_h225_close(struct h323 *h, struct session *s)
{
    struct leg *leg = session_owner(s);

    (void)h;
    leg_leave_line(leg);
}

void h323_closed(struct h323 *h, struct session *s)
{
    struct leg *leg = session_owner(s);

    /* On to the dead: nothing finds it any more, and it is freed when the stack is empty. */
    list_remove(&leg->in_all);
    list_push_back(&h->dead, &leg->in_all);
    timer_start(h->env->timers, &h->reaper, clock_mono_ms());
}

/* ---- the whole ---- */

int h323_create(struct session_env *env, struct tcp *tcp, struct h323 **out)
{
    struct h323 *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return ERR_NOMEM;
    h->env = env;
    h->settings = env->settings;
    h->tcp = tcp;
    h->limit = (struct log_limit)LOG_LIMIT_INIT(20, 10000);
    list_init(&h->lines);
    list_init(&h->legs);
    list_init(&h->dead);
    timer_init(&h->reaper, on_reap, h);
    *out = h;
    return 0;
}

void h323_use_tls(struct h323 *h, const struct tls_keys *keys)
{
    h->keys = keys;
}

static int door_open(struct h323 *h, const struct settings_listener *settings)
{
    struct door *d = &h->doors[h->door_count];
    int err;

    memset(d, 0, sizeof(*d));
    d->settings = settings;
    d->h = h;
    /* Without a range the system chooses: firewalls are what ranges are for. */
    if (settings->h245_ports.last != 0) {
        err = ports_create(settings->h245_ports.first, settings->h245_ports.last, 1, H245_REST_MS,
                           &d->h245_ports);
        if (err != 0)
            return err;
    }
    /* Counted before it listens: close_doors then finds what there is. */
    h->door_count++;
    return tcp_listen_tls(h->tcp, &settings->address, settings->tls ? h->keys : NULL, on_accept, d,
                          &d->listener);
}

static void close_doors(struct h323 *h)
{
    /* The H.245 listeners of calls under way are their legs'. */
    for (size_t i = 0; i < h->door_count; i++) {
        tcp_listener_close(h->doors[i].listener);
        h->doors[i].listener = NULL;
    }
}

int h323_listen(struct h323 *h)
{
    const struct settings_signalling *s = &h->settings->signalling;

    for (uint32_t i = 0; i < s->listener_count; i++) {
        int err = door_open(h, &s->listeners[i]);

        if (err != 0) {
            log_error(LOG_AREA_H225, 0, "listener not opened",
                      LOG_S("listener", s->listeners[i].name),
                      LOG_ADDR("address", &s->listeners[i].address),
                      LOG_S("reason", tcp_last_error(h->tcp)), LOG_E("error", err));
            close_doors(h);
            return err;
        }
        log_info(LOG_AREA_H225, 0, "listening", LOG_S("listener", s->listeners[i].name),
                 LOG_ADDR("address", &s->listeners[i].address),
                 LOG_S("dtls", settings_dtls_to_str(s->listeners[i].dtls)),
                 LOG_B("tls", s->listeners[i].tls));
    }
    return 0;
}

void h323_set_ready(struct h323 *h, bool is_ready)
{
    h->is_ready = is_ready;
}

void h323_stop(struct h323 *h, enum session_end why)
{
    uint64_t now = clock_mono_ms();

    /* First: a call that closes must not be followed by the next one on its connection. */
    h->is_stopping = true;
    close_doors(h);
    LIST_FOREACH_SAFE (it, &h->legs)
        session_close(LIST_ENTRY(it, struct leg, in_all)->session, why, now);
    LIST_FOREACH_SAFE (it, &h->lines) {
        struct line *l = LIST_ENTRY(it, struct line, link);

        if (l->leg_count == 0) {
            line_close(l, false);
            line_free_if_idle(l);
        }
    }
}

void h323_destroy(struct h323 *h)
{
    if (h == NULL)
        return;
    /* The dead first: they are on no other list. */
    on_reap(NULL, h, 0);
    /* Safe: what is done with a session may end it. */
    LIST_FOREACH_SAFE (it, &h->legs)
        leg_free(LIST_ENTRY(it, struct leg, in_all));
    LIST_FOREACH_SAFE (it, &h->lines) {
        struct line *l = LIST_ENTRY(it, struct line, link);

        line_close(l, false);
        line_free_if_idle(l);
    }
    close_doors(h);
    /* After the legs, which give their numbers back. */
    for (size_t i = 0; i < h->door_count; i++)
        ports_destroy(h->doors[i].h245_ports);
    timer_cancel(h->env->timers, &h->reaper);
    forget_rates(h);
    free(h);
}

struct session *h323_find(struct h323 *h, uint64_t id)
{
    struct leg *leg = NULL;

    HASH_FIND(hh, h->by_id, &id, sizeof(id), leg);
    return leg != NULL ? leg->session : NULL;
}

void h323_each(struct h323 *h, h323_on_session_fn fn, void *ctx)
{
    LIST_FOREACH_SAFE (it, &h->legs)
        if (fn(ctx, LIST_ENTRY(it, struct leg, in_all)->session) != 0)
            return;
}

const struct h323_stats *h323_stats_of(const struct h323 *h)
{
    return &h->stats;
}
