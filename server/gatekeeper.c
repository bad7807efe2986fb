#include "server/gatekeeper.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/sha1.h"
#include "signalling/h225/ras.h"

/* One A-law stream each way, in 100 bit/s: what a session of this server carries. */
#define BANDWIDTH    1280
#define DATAGRAM_MAX 4096

struct gatekeeper {
    struct gatekeeper_config config;
    const struct settings_gatekeeper *settings;
    struct ras *ras;
    uv_udp_t socket;
    struct timer timer;
    struct addr local;
    bool is_stopped;
    uint8_t in[DATAGRAM_MAX];
    char last_loss[96];
    uint64_t asked, admitted, refused, unasked;
};

static const struct ras_crypto crypto = {sha1_digest, sha1_hmac};

/* The engine's deadline becomes the loop's. */
static void arm(struct gatekeeper *g)
{
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
    arm(g);
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

static void on_registered(void *arg, const struct ras_registration *r)
{
    struct gatekeeper *g = arg;
    char text[ADDR_TEXT_MAX];

    g->last_loss[0] = '\0';
    log_info(LOG_AREA_H225, 0, "registered with the gatekeeper",
             LOG_ADDR("gatekeeper", &r->gatekeeper), LOG_S("identifier", r->gatekeeper_id),
             LOG_S("endpoint", r->endpoint_id), LOG_U("ttl_s", r->ttl_s));
    g->config.publish(g->config.user, "gatekeeper.registered",
                      json_pack("{s:s,s:s,s:s,s:I}", "address", addr_format(&r->gatekeeper, text),
                                "identifier", r->gatekeeper_id, "endpoint", r->endpoint_id, "ttl_s",
                                (json_int_t)r->ttl_s));
}

static void on_lost(void *arg, bool was_registered, const char *why)
{
    struct gatekeeper *g = arg;

    snprintf(g->last_loss, sizeof(g->last_loss), "%s", why);
    log_warn(LOG_AREA_H225, 0,
             was_registered ? "gatekeeper lost" : "not registered with a gatekeeper",
             LOG_S("reason", why));
    g->config.publish(g->config.user, "gatekeeper.lost",
                      json_pack("{s:b,s:s}", "was_registered", was_registered, "reason", why));
}

static void on_stopped(void *arg)
{
    ((struct gatekeeper *)arg)->is_stopped = true;
}

static void on_admission(void *arg, const struct ras_admitted *a)
{
    struct gatekeeper *g = arg;
    struct session *s = g->config.find(g->config.user, a->key);
    enum session_end verdict = SESSION_END_NONE;
    struct session_admitted told = {.text = a->reason,
                                    .bandwidth = a->bandwidth,
                                    .destination = a->destination,
                                    .is_routed = a->is_routed,
                                    .destination_info = &a->destination_info,
                                    .extra = &a->extra,
                                    .extension = &a->extension,
                                    .source_info = &a->source_info,
                                    .tokens = a->tokens,
                                    .token_count = a->token_count};

    if (a->err == ERR_REFUSED)
        verdict = SESSION_END_NOT_ADMITTED;
    else if (a->err != 0 && g->settings->required)
        verdict = SESSION_END_NO_GATEKEEPER;
    g->admitted += a->err == 0;
    g->refused += verdict != SESSION_END_NONE;
    g->unasked += a->err != 0 && verdict == SESSION_END_NONE;
    told.verdict = verdict;
    if (s != NULL)
        session_on_admitted(s, &told, clock_mono_ms());
}

static void on_disengage(void *arg, uint64_t key)
{
    struct gatekeeper *g = arg;
    struct session *s = g->config.find(g->config.user, key);

    if (s != NULL)
        session_close(s, SESSION_END_DISENGAGED, clock_mono_ms());
}

static const struct ras_ops ops = {
    .send = on_send,
    .random = on_random,
    .unix_time = on_unix_time,
    .on_registered = on_registered,
    .on_lost = on_lost,
    .on_stopped = on_stopped,
    .on_admission = on_admission,
    .on_disengage = on_disengage,
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

    if (n <= 0 || sa == NULL || (flags & UV_UDP_PARTIAL) != 0 ||
        addr_from_sockaddr(sa, sizeof(struct sockaddr_in6), &from) != 0)
        return;
    (void)ras_input(g->ras, &from, (const uint8_t *)buf->base, (size_t)n, clock_mono_ms());
    arm(g);
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

static int open_socket(struct gatekeeper *g, const struct addr *to)
{
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    int err = find_local(to, &g->local);

    if (err != 0)
        return err;
    g->local = addr_with_port(g->local, 0);
    addr_to_sockaddr(&g->local, &sa);
    if (uv_udp_bind(&g->socket, (const struct sockaddr *)&sa, 0) != 0 ||
        uv_udp_getsockname(&g->socket, (struct sockaddr *)&sa, &len) != 0 ||
        uv_udp_recv_start(&g->socket, on_alloc, on_datagram) != 0)
        return ERR_IO;
    return addr_from_sockaddr((const struct sockaddr *)&sa, (socklen_t)len, &g->local);
}

/* ---- life ---- */

static struct h225_alias alias_of(const char *text)
{
    bool is_number = text[strspn(text, "0123456789*#,")] == '\0';

    return (struct h225_alias){is_number ? H225_ALIAS_DIGITS : H225_ALIAS_H323_ID, text};
}

/* Listeners of the gatekeeper's family; "any" becomes the address on the way to it. */
static size_t listener_addresses(const struct gatekeeper *g, bool is_tls, struct addr *out)
{
    const struct settings_signalling *s = &g->config.settings->signalling;
    size_t n = 0;

    for (uint32_t i = 0; i < s->listener_count && n < RAS_ADDRESSES_MAX; i++) {
        struct addr at = s->listeners[i].address;

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
                           .ttl_s = s->ttl_s};

    for (uint32_t i = 0; i < s->alias_count; i++)
        aliases[i] = alias_of(s->aliases[i]);
    if (c.alias_count == 0)
        aliases[c.alias_count++] = alias_of(g->config.settings->node.name);
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
    ras_destroy(g->ras);
    g->ras = NULL;
    uv_close((uv_handle_t *)&g->socket, on_closed);
}

int gatekeeper_create(const struct gatekeeper_config *config, struct gatekeeper **out)
{
    const struct settings_gatekeeper *s = &config->settings->gatekeeper;
    struct addr to = s->address;
    struct gatekeeper *g;
    int err;

    *out = NULL;
    if (to.family == ADDR_NONE)
        return 0;
    g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ERR_NOMEM;
    g->config = *config;
    g->settings = s;
    timer_init(&g->timer, on_timer, g);
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
    (void)ras_start(g->ras, clock_mono_ms());
    arm(g);
    *out = g;
    return 0;
}

void gatekeeper_stop(struct gatekeeper *g)
{
    if (g == NULL || g->is_stopped)
        return;
    if (ras_stop(g->ras, clock_mono_ms()) != 0)
        g->is_stopped = true;
    arm(g);
}

bool gatekeeper_is_stopped(const struct gatekeeper *g)
{
    return g == NULL || g->is_stopped;
}

/* ---- calls ---- */

int gatekeeper_admit(struct gatekeeper *g, struct session *s,
                     const struct session_admission *admission)
{
    struct ras_admission a = {.key = session_id(s),
                              .call_ref = admission->call_ref,
                              .is_answer = !admission->is_outgoing,
                              .bandwidth = admission->bandwidth,
                              .source = admission->source,
                              .source_count = admission->source_count,
                              .destination = admission->destination,
                              .destination_count = admission->destination_count,
                              .source_address = admission->peer,
                              .destination_address = admission->local};
    int err;

    if (g == NULL)
        return ERR_NOTFOUND;
    if (a.bandwidth == 0)
        a.bandwidth = BANDWIDTH;
    if (admission->is_outgoing) {
        a.source_address = admission->local;
        a.destination_address = admission->peer;
    }
    memcpy(a.call_id, admission->call_id, H225_GUID_LEN);
    memcpy(a.conference_id, admission->conference_id, H225_GUID_LEN);
    err = ras_admit(g->ras, &a, clock_mono_ms());
    arm(g);
    if (err == 0) {
        g->asked++;
        return 0;
    }
    if (g->settings->required) {
        g->refused++;
        return err;
    }
    g->unasked++;
    return ERR_NOTFOUND;
}

void gatekeeper_disengage(struct gatekeeper *g, struct session *s, unsigned cause)
{
    if (g == NULL)
        return;
    (void)ras_disengage(g->ras, session_id(s), cause, clock_mono_ms());
    arm(g);
}

/* ---- looking ---- */

json_t *gatekeeper_to_json(const struct gatekeeper *g)
{
    struct ras_registration r;
    char text[ADDR_TEXT_MAX];
    json_t *j;

    if (g == NULL)
        return json_null();
    j = json_pack("{s:s,s:s,s:b,s:I,s:I,s:I,s:I}", "state", ras_state_to_str(ras_state(g->ras)),
                  "last_loss", g->last_loss, "required", g->settings->required, "asked",
                  (json_int_t)g->asked, "admitted", (json_int_t)g->admitted, "refused",
                  (json_int_t)g->refused, "unasked", (json_int_t)g->unasked);
    if (j == NULL || ras_registration(g->ras, &r) != 0)
        return j;
    json_object_set_new(j, "address", json_string(addr_format(&r.gatekeeper, text)));
    json_object_set_new(j, "identifier", json_string(r.gatekeeper_id));
    json_object_set_new(j, "endpoint", json_string(r.endpoint_id));
    json_object_set_new(j, "ttl_s", json_integer(r.ttl_s));
    return j;
}
