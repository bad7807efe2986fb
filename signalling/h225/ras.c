/* The engine's life, and where datagrams and time come in. */
#include "signalling/h225/ras_internal.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT(value, otherwise) ((value) != 0 ? (value) : (otherwise))

/* ---- making ---- */

static void take_defaults(struct ras_config *c)
{
    c->product = c->product != NULL ? c->product : "Sluice";
    c->version = c->version != NULL ? c->version : SLUICE_VERSION;
    c->user = c->user != NULL ? c->user : c->aliases[0].text;
    /* Seconds; a gatekeeper may shorten it. */
    c->ttl_s = DEFAULT(c->ttl_s, 60);
    c->request_ms = DEFAULT(c->request_ms, 3000);
    c->discovery_ms = DEFAULT(c->discovery_ms, 5000);
    c->tries = DEFAULT(c->tries, 3);
    c->retry_ms = DEFAULT(c->retry_ms, 30000);
    /* Two hours: clocks of endpoints without NTP. */
    c->clock_skew_s = DEFAULT(c->clock_skew_s, 7200);
    c->max_requests = DEFAULT(c->max_requests, 8192);
    c->memory_limit = DEFAULT(c->memory_limit, 65536);
    /* Groups are asked at another port (1718) than gatekeepers (1719). */
    if (c->gatekeeper.port == 0)
        c->gatekeeper.port = addr_is_multicast(&c->gatekeeper) ? RAS_DISCOVERY_PORT : RAS_PORT;
}

/* What cannot work is refused before anything is sent. */
static int check(const struct ras_config *c, const struct ras_ops *ops)
{
    if (c->gatekeeper.family == ADDR_NONE || c->ras_address.family == ADDR_NONE ||
        c->alias_count == 0 || c->signalling_count == 0 || ops->send == NULL || ops->random == NULL)
        return ERR_INVAL;
    /* Without the tools for it a password would be sent to nobody. */
    if (c->password != NULL && (c->crypto == NULL || ops->unix_time == NULL))
        return ERR_INVAL;
    if (c->signalling_count > RAS_ADDRESSES_MAX || c->alias_count > RAS_NAMES_MAX ||
        c->prefix_count > RAS_NAMES_MAX - c->alias_count)
        return ERR_RANGE;
    return 0;
}

static const char *copy_text(struct ras *ras, const char *text, bool *failed)
{
    char *copy = text != NULL ? arena_strdup(&ras->own, text) : NULL;

    /* NULL in, NULL out is no failure. */
    *failed |= text != NULL && copy == NULL;
    return copy;
}

static int copy_config(struct ras *ras, const struct ras_config *from)
{
    struct ras_config *c = &ras->config;
    bool failed = false;
    int err;

    *c = *from;
    take_defaults(c);
    /* Copies: the caller's lists may be on its stack. */
    c->signalling =
        arena_copy(&ras->own, from->signalling, c->signalling_count * sizeof(*c->signalling));
    c->product = copy_text(ras, c->product, &failed);
    c->version = copy_text(ras, c->version, &failed);
    c->user = copy_text(ras, c->user, &failed);
    c->gatekeeper_id = copy_text(ras, c->gatekeeper_id, &failed);
    if (c->signalling == NULL || failed)
        return ERR_NOMEM;
    err = ras_names_add(ras, from->aliases, from->alias_count, from->prefixes, from->prefix_count);
    c->aliases = NULL; /* the user's */
    c->prefixes = NULL;
    /* The password itself is not kept: its SHA-1 is the key (H.235.1). */
    if (err == 0 && c->password != NULL) {
        err = c->crypto->sha1(c->password, strlen(c->password), ras->key);
        c->password = ""; /* only whether there is one; the key does the work */
    }
    return err;
}

static int set_first_gatekeeper(struct ras *ras)
{
    struct per_bmp id;
    int err;

    ras->gatekeepers[0].address = ras->address = ras->config.gatekeeper;
    /* The configured one is asked again whenever all others fail. */
    ras->gatekeepers[0].need_register = true;
    ras->gatekeeper_count = 1;
    if (ras->config.gatekeeper_id == NULL || ras->config.gatekeeper_id[0] == '\0')
        return 0;
    err = h225_build_unicode(&ras->own, ras->config.gatekeeper_id, &id);
    if (err == 0)
        ras_id_set(&ras->gatekeepers[0].id, true, &id);
    return err;
}

static void on_keep_alive(struct timer *timer, void *ctx, uint64_t now)
{
    (void)timer;
    (void)now;
    ras_run(ctx, RAS_ON_KEEP_ALIVE, NULL);
}

static void on_retry(struct timer *timer, void *ctx, uint64_t now)
{
    (void)timer;
    (void)now;
    ras_run(ctx, RAS_ON_RETRY, NULL);
}

/* All that does not depend on the configuration. */
static void init(struct ras *ras, const struct ras_ops *ops, void *arg)
{
    ras->ops = ops;
    ras->arg = arg;
    /* Four arenas of different lives: for ever, one message in, one out, one User-user. */
    arena_init(&ras->own, 1024, 65536);
    arena_init(&ras->in, 8192, 0);
    arena_init(&ras->out, 8192, 262144);
    arena_init(&ras->uuie, 8192, 0);
    list_init(&ras->by_age);
    timer_set_init(&ras->timers);
    timer_init(&ras->keep_alive, on_keep_alive, ras);
    timer_init(&ras->retry, on_retry, ras);
    for (size_t i = 0; i < FSM_COUNT(ras->pending); i++)
        list_init(&ras->pending[i]);
    for (size_t i = 0; i < RAS_BUCKETS; i++)
        list_init(&ras->calls[i]);
    /* Random: an answer to a former life of this process should not match. */
    ras->seq = (uint16_t)ops->random(arg);
    ras->token_random = ops->random(arg);
}

int ras_create(const struct ras_config *config, const struct ras_ops *ops, void *arg,
               struct ras **out)
{
    struct ras *ras;
    int err = check(config, ops);

    if (err != 0)
        return err;
    ras = calloc(1, sizeof(*ras));
    if (ras == NULL)
        return ERR_NOMEM;
    init(ras, ops, arg);
    err = copy_config(ras, config);
    if (err == 0)
        err = set_first_gatekeeper(ras);
    if (err != 0) {
        ras_destroy(ras);
        return err;
    }
    *out = ras;
    return 0;
}

void ras_destroy(struct ras *ras)
{
    if (ras == NULL)
        return;
    /* Requests wait in buckets by number, calls by key. */
    for (size_t i = 0; i < FSM_COUNT(ras->pending); i++)
        LIST_FOREACH_SAFE (it, &ras->pending[i])
            ras_pending_free(LIST_ENTRY(it, struct ras_pending, link));
    for (size_t i = 0; i < RAS_BUCKETS; i++)
        LIST_FOREACH_SAFE (it, &ras->calls[i])
            ras_call_free(LIST_ENTRY(it, struct ras_call, link));
    for (size_t i = 0; i < RAS_REPLIES_MAX; i++)
        free(ras->replies[i].data);
    arena_fini(&ras->own);
    arena_fini(&ras->in);
    arena_fini(&ras->out);
    arena_fini(&ras->uuie);
    secret_wipe(ras->key, sizeof(ras->key));
    free(ras);
}

/* ---- actions ---- */

int ras_start(struct ras *ras, uint64_t now)
{
    ras->now = now;
    return ras_run(ras, RAS_DO_START, NULL) ? 0 : ERR_STATE;
}

int ras_stop(struct ras *ras, uint64_t now)
{
    ras->now = now;
    return ras_run(ras, RAS_DO_STOP, NULL) ? 0 : ERR_STATE;
}

int ras_add_names(struct ras *ras, const struct h225_alias *aliases, size_t alias_count,
                  const char *const *prefixes, size_t prefix_count, uint64_t now)
{
    int err;

    ras->now = now;
    err = ras_names_add(ras, aliases, alias_count, prefixes, prefix_count);
    if (err != 0)
        return err;
    ras->is_names_refused = false; /* the new ones are worth another try */
    return ras_names_tell(ras);
}

/* RAI once for each change; the gatekeeper's confirmation is enough. */
int ras_set_resources(struct ras *ras, bool is_almost_out, uint64_t now)
{
    /* Without a purpose: any answer will do. */
    static const struct ras_pending what;
    struct h225_RasMessage m;
    int err;

    ras->now = now;
    /* Remembered in any state: the next registration tells it. */
    ras->almost_out = is_almost_out;
    if (ras->state != RAS_STATE_REGISTERED)
        return ERR_STATE;
    if (ras->almost_out == ras->almost_out_told)
        return 0;
    err = ras_build_rai(ras, &m);
    if (err == 0)
        err = ras_send_request(ras, &m, &what);
    /* Only what was sent is told: it is asked again with the next change. */
    if (err == 0)
        ras->almost_out_told = is_almost_out;
    return err;
}

/* ---- input ---- */

int ras_input(struct ras *ras, const struct addr *from, const uint8_t *data, size_t len,
              uint64_t now)
{
    struct per_limits limits = {.max_depth = ras->config.max_depth,
                                .max_elements = ras->config.max_elements,
                                .max_memory = ras->config.memory_limit};
    const struct h225_RasMessage *m;
    void *message = NULL;
    int err;

    ras->now = now;
    ras->stats.messages_in++;
    arena_reset(&ras->in);
    err = per_decode(&h225_RasMessage_type, data, len, &limits, &ras->in, &message, NULL);
    if (err != 0) {
        ras->stats.undecodable++;
        /* No answer to what cannot be read: RAS has none that could name it. */
        return err;
    }
    m = message;
    /* Answers are looked up by number, requests by who sends them. */
    if (ras_is_answer(m->kind))
        return ras_on_answer(ras, from, m, data, len);
    return ras_on_request(ras, from, m, data, len);
}

uint64_t ras_next_deadline(const struct ras *ras)
{
    return timer_set_next(&ras->timers);
}

void ras_on_timer(struct ras *ras, uint64_t now)
{
    ras->now = now;
    timer_set_run(&ras->timers, now);
}

/* ---- looking ---- */

enum ras_state ras_state(const struct ras *ras)
{
    return (enum ras_state)ras->state;
}

const struct ras_stats *ras_stats(const struct ras *ras)
{
    return &ras->stats;
}

int ras_registration(const struct ras *ras, struct ras_registration *out)
{
    struct ras *texts = (struct ras *)ras; /* the texts are made when somebody asks */

    if (ras->state != RAS_STATE_REGISTERED || ras->endpoint_id.len == 0)
        return ERR_STATE;
    /* Text of BMP strings: made here, as messages compare the strings themselves. */
    ras_id_text(&ras->gatekeeper_id, texts->gatekeeper_text, sizeof(texts->gatekeeper_text));
    ras_id_text(&ras->endpoint_id, texts->endpoint_text, sizeof(texts->endpoint_text));
    *out = (struct ras_registration){.gatekeeper = ras->address,
                                     .gatekeeper_id = texts->gatekeeper_text,
                                     .endpoint_id = texts->endpoint_text,
                                     .ttl_s = ras->ttl_s,
                                     .alternates = ras->gatekeeper_count - 1,
                                     .names = ras->name_count,
                                     .names_told = ras->names_told - ras->names_refused};
    return 0;
}
