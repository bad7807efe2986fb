/* The registration with the gatekeeper: the RAS engine's socket, timer and settings, and what the
 * operator hears of it. */
#include "server/h323/gatekeeper_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/sha1.h"

/* How often the server's use is looked at for ResourcesAvailableIndicate: a gatekeeper that hears
 * it a second late sends a few calls too many, which are refused as congested. */
#define WATCH_MS 1000
/* How far a GatekeeperRequest to a group may travel: routers of one site. */
#define GROUP_HOPS 8

static const struct ras_crypto crypto = {sha1_digest, sha1_hmac};

void gatekeeper_arm(struct gatekeeper *g)
{
    /* The engine sets deadlines, the loop has timers: after each call of the engine the one is made
     * of the other. */
    uint64_t next = ras_next_deadline(g->ras);

    if (next == RAS_NEVER)
        timer_cancel(g->config.timers, &g->timer);
    else
        timer_start(g->config.timers, &g->timer, next);
}

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct gatekeeper *g = ctx;

    (void)timer;
    ras_on_timer(g->ras, now);
    gatekeeper_arm(g);
}

/* Told when use crosses one threshold upwards or the other downwards: between them it stays as it
 * was, so that a full server does not talk to its gatekeeper with every call. */
static void on_watch(struct timer *timer, void *ctx, uint64_t now)
{
    struct gatekeeper *g = ctx;
    unsigned load = g->config.load(g->config.user);

    timer_start(g->config.timers, timer, now + WATCH_MS);
    if (load >= g->settings->almost_out_percent)
        g->is_almost_out = true;
    else if (load <= g->settings->available_percent)
        g->is_almost_out = false;
    (void)ras_set_resources(g->ras, g->is_almost_out, now);
    gatekeeper_arm(g);
}

/* ---- what the engine asks and tells ---- */

/* A datagram that cannot go out now is lost like any other: the engine asks again. */
static void on_send(void *arg, const struct addr *to, const uint8_t *data, size_t len)
{
    struct gatekeeper *g = arg;
    struct sockaddr_storage sa;
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
    int err;

    addr_to_sockaddr(to, &sa);
    err = uv_udp_try_send(&g->socket, &buf, 1, (const struct sockaddr *)&sa);
    if (err < 0)
        log_debug(LOG_AREA_H225, 0, "RAS message not sent", LOG_ADDR("to", to),
                  LOG_S("error", uv_strerror(err)));
}

static uint32_t on_random(void *arg)
{
    struct gatekeeper *g = arg;

    return g->config.random(g->config.user);
}

static uint32_t on_unix_time(void *arg)
{
    (void)arg;
    return (uint32_t)time(NULL);
}

static json_t *registration_data(const struct ras_registration *r)
{
    char text[ADDR_TEXT_MAX];

    return json_pack("{s:s,s:s,s:s,s:I,s:I}", "address", addr_format(&r->gatekeeper, text),
                     "identifier", r->gatekeeper_id, "endpoint", r->endpoint_id, "ttl_s",
                     (json_int_t)r->ttl_s, "alternates", (json_int_t)r->alternates);
}

/* Another gatekeeper than before serves us, with or without a new registration. */
static void tell_switched(struct gatekeeper *g, const struct ras_registration *r)
{
    char text[ADDR_TEXT_MAX];
    json_t *data = registration_data(r);

    json_object_set_new(data, "from", json_string(addr_format(&g->last, text)));
    log_warn(LOG_AREA_H225, 0, "another gatekeeper serves us", LOG_ADDR("from", &g->last),
             LOG_ADDR("to", &r->gatekeeper));
    g->config.publish(g->config.user, "gatekeeper.switched", data);
}

static void on_registered(void *arg, const struct ras_registration *r)
{
    struct gatekeeper *g = arg;

    g->last_loss[0] = '\0';
    log_info(LOG_AREA_H225, 0, "registered with the gatekeeper",
             LOG_ADDR("gatekeeper", &r->gatekeeper), LOG_S("identifier", r->gatekeeper_id),
             LOG_S("endpoint", r->endpoint_id), LOG_U("ttl_s", r->ttl_s));
    g->config.publish(g->config.user, "gatekeeper.registered", registration_data(r));
    /* By a registration that ended: on_switched is for one that goes on. */
    if (g->last.family != ADDR_NONE && !addr_is_equal(&g->last, &r->gatekeeper))
        tell_switched(g, r);
    g->last = r->gatekeeper;
}

static void on_switched(void *arg, const struct ras_registration *r)
{
    struct gatekeeper *g = arg;

    tell_switched(g, r);
    g->last = r->gatekeeper;
}

static void on_lost(void *arg, bool was_registered, const char *why)
{
    /* Kept for gatekeeper.get: the event may have had no listener. */
    struct gatekeeper *g = arg;

    snprintf(g->last_loss, sizeof(g->last_loss), "%s", why);
    log_warn(LOG_AREA_H225, 0,
             was_registered ? "gatekeeper lost" : "not registered with a gatekeeper",
             LOG_S("reason", why));
    g->config.publish(g->config.user,
                      was_registered ? "gatekeeper.unregistered" : "gatekeeper.unreachable",
                      json_pack("{s:s}", "reason", why));
}

static void on_stopped(void *arg)
{
    struct gatekeeper *g = arg;

    g->is_stopped = true;
    log_info(LOG_AREA_H225, 0, "unregistered");
    g->config.publish(g->config.user, "gatekeeper.unregistered",
                      json_pack("{s:s}", "reason", "operator"));
}

static const struct ras_ops ops = {
    .send = on_send,
    .random = on_random,
    .unix_time = on_unix_time,
    .on_registered = on_registered,
    .on_lost = on_lost,
    .on_stopped = on_stopped,
    .on_switched = on_switched,
    .on_admission = gatekeeper_on_admission,
    .on_disengage = gatekeeper_on_disengage,
    .on_bandwidth = gatekeeper_on_bandwidth,
    .on_bandwidth_wanted = gatekeeper_on_bandwidth_wanted,
};

/* ---- socket ---- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct gatekeeper *g = handle->data;

    (void)size;
    *buf = uv_buf_init((char *)g->in, sizeof(g->in));
}

static void on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *sa,
                        unsigned flags)
{
    struct gatekeeper *g = socket->data;
    struct addr from;

    /* Longer than any RAS message: cut off by the system, it could only be misread. */
    if (n <= 0 || sa == NULL || (flags & UV_UDP_PARTIAL) != 0 ||
        addr_from_sockaddr(sa, sizeof(struct sockaddr_in6), &from) != 0)
        return;
    /* What is wrong with it is in the engine's counters. */
    (void)ras_input(g->ras, &from, (const uint8_t *)buf->base, (size_t)n, clock_mono_ms());
    gatekeeper_arm(g);
}

/* Our address on the way to the gatekeeper: what a connected socket says. */
static int find_local(const struct addr *to, struct addr *local)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(to, &sa);
    int s = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int err = ERR_IO;

    if (s < 0)
        return ERR_IO;
    if (connect(s, (const struct sockaddr *)&sa, len) == 0) {
        len = sizeof(sa);
        if (getsockname(s, (struct sockaddr *)&sa, &len) == 0)
            err = addr_from_sockaddr((const struct sockaddr *)&sa, len, local);
    }
    close(s);
    return err;
}

/* A request to the group leaves by the interface of our address, whatever route there is. */
static int prepare_group(struct gatekeeper *g)
{
    struct addr host = addr_with_port(g->local, 0);
    char text[ADDR_TEXT_MAX];

    addr_format_ip(&host, text);
    if (uv_udp_set_multicast_interface(&g->socket, text) != 0 ||
        uv_udp_set_multicast_ttl(&g->socket, GROUP_HOPS) != 0)
        return ERR_IO;
    return 0;
}

static int open_socket(struct gatekeeper *g, const struct addr *to)
{
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    int err = 0;

    g->local = g->settings->local;
    /* An address has to be told in the RRQ, and "any" is none. */
    if (g->local.family == ADDR_NONE || addr_is_unspecified(&g->local)) {
        err = find_local(to, &g->local);
        /* The configured port, with the address that was found. */
        g->local = addr_with_port(g->local, g->settings->local.port);
    }
    if (err != 0)
        return err;
    addr_to_sockaddr(&g->local, &sa);
    if (uv_udp_bind(&g->socket, (const struct sockaddr *)&sa, 0) != 0 ||
        uv_udp_getsockname(&g->socket, (struct sockaddr *)&sa, &len) != 0 ||
        uv_udp_recv_start(&g->socket, on_alloc, on_datagram) != 0)
        return ERR_IO;
    err = addr_from_sockaddr((const struct sockaddr *)&sa, (socklen_t)len, &g->local);
    return err == 0 && addr_is_multicast(to) ? prepare_group(g) : err;
}

/* ---- life ---- */

/* Listeners of the gatekeeper's family; "any" becomes the address on the way to it. */
static size_t listener_addresses(const struct gatekeeper *g, bool is_tls, struct addr *out)
{
    const struct settings_signalling *s = &g->config.settings->signalling;
    size_t n = 0;

    for (uint32_t i = 0; i < s->listener_count && n < RAS_ADDRESSES_MAX; i++) {
        struct addr at = s->listeners[i].address;

        /* One family: the gatekeeper gives these addresses to callers, who reach it by this one. */
        if (at.family != g->local.family || s->listeners[i].tls != is_tls)
            continue;
        out[n++] = addr_is_unspecified(&at) ? addr_with_port(g->local, at.port) : at;
    }
    return n;
}

/* A registration cannot say which address wants TLS: such ones are told where there are no others
 * (then the gatekeeper has to know). */
static size_t signalling_addresses(const struct gatekeeper *g, struct addr *out)
{
    size_t n = listener_addresses(g, false, out);

    return n != 0 ? n : listener_addresses(g, true, out);
}

static int make_engine(struct gatekeeper *g)
{
    const struct settings_limits *limits = &g->config.settings->signalling.limits;
    const struct settings_gatekeeper *s = g->settings;
    struct h225_alias aliases[SETTINGS_RAS_NAMES_MAX];
    const char *prefixes[SETTINGS_RAS_NAMES_MAX];
    struct addr signalling[RAS_ADDRESSES_MAX];
    struct ras_config c = {.gatekeeper = s->address,
                           .gatekeeper_id = s->identifier[0] != '\0' ? s->identifier : NULL,
                           .ras_address = g->local,
                           .signalling = signalling,
                           .aliases = aliases,
                           .alias_count = s->alias_count,
                           .prefixes = prefixes,
                           .prefix_count = s->prefix_count,
                           .product = g->config.settings->node.product,
                           .version = g->config.settings->node.version,
                           .user = s->user[0] != '\0' ? s->user : NULL,
                           .password = s->password[0] != '\0' ? s->password : NULL,
                           .crypto = &crypto,
                           .ttl_s = s->ttl_s,
                           .skip_discovery = !s->discovery,
                           .request_ms = s->request_ms,
                           .discovery_ms = s->request_ms * 5 / 3, /* 5 s to 3 s, H.225.0 7.19 */
                           .tries = s->tries,
                           .retry_ms = s->retry_ms,
                           .clock_skew_s = s->clock_skew_s,
                           .max_depth = limits->decoder_depth,
                           .max_elements = limits->decoder_elements,
                           .memory_limit = limits->decoder_bytes};

    for (uint32_t i = 0; i < s->alias_count; i++)
        aliases[i] = h225_alias_from_text(s->aliases[i]);
    /* A registration needs a name. */
    if (c.alias_count == 0)
        aliases[c.alias_count++] = h225_alias_from_text(g->config.settings->node.name);
    for (uint32_t i = 0; i < s->prefix_count; i++)
        prefixes[i] = s->prefixes[i];
    c.signalling_count = signalling_addresses(g, signalling);
    return ras_create(&c, &ops, g, &g->ras);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void gatekeeper_destroy(struct gatekeeper *g)
{
    if (g == NULL)
        return;
    timer_cancel(g->config.timers, &g->timer);
    timer_cancel(g->config.timers, &g->watch);
    /* Before its socket, through which it sends. */
    ras_destroy(g->ras);
    g->ras = NULL;
    /* Memory goes when libuv is done with it. */
    uv_close((uv_handle_t *)&g->socket, on_closed);
}

int gatekeeper_create(const struct gatekeeper_config *config, struct gatekeeper **out)
{
    const struct settings_gatekeeper *s = &config->settings->gatekeeper;
    struct addr to = s->address;
    struct gatekeeper *g;
    int err;

    *out = NULL;
    /* Not configured: there is no gatekeeper, which every function here takes as NULL. */
    if (to.family == ADDR_NONE)
        return 0;
    g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ERR_NOMEM;
    g->config = *config;
    g->settings = s;
    timer_init(&g->timer, on_timer, g);
    timer_init(&g->watch, on_watch, g);
    if (uv_udp_init(config->loop, &g->socket) != 0) {
        free(g);
        return ERR_IO;
    }
    g->socket.data = g;
    if (to.port == 0)
        to.port = RAS_PORT;
    err = open_socket(g, &to);
    if (err == 0)
        err = make_engine(g);
    if (err != 0) {
        gatekeeper_destroy(g);
        return err;
    }
    /* Runs on by itself, whatever comes of it. */
    (void)ras_start(g->ras, clock_mono_ms());
    gatekeeper_arm(g);
    if (s->almost_out_percent > 0)
        timer_start(config->timers, &g->watch, clock_mono_ms() + WATCH_MS);
    *out = g;
    return 0;
}

void gatekeeper_stop(struct gatekeeper *g)
{
    if (g == NULL || g->is_stopped)
        return;
    /* Nothing to be taken back: it never was registered. */
    if (ras_stop(g->ras, clock_mono_ms()) != 0)
        g->is_stopped = true;
    gatekeeper_arm(g);
}

bool gatekeeper_is_stopped(const struct gatekeeper *g)
{
    return g == NULL || g->is_stopped;
}
