#include "tests/h225/gatekeeper.h"

#include "base/err.h"
#include "crypto/sha1.h"
#include "signalling/per/per.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

static const struct ras_crypto crypto = {sha1_digest, sha1_hmac};

static void on_send(void *arg, const struct addr *to, const uint8_t *data, size_t len)
{
    struct gk *g = arg;
    struct gk_datagram *d = &g->queue[g->tail++ % GK_QUEUE];

    CU_ASSERT_FATAL(g->tail - g->head <= GK_QUEUE && len <= sizeof(d->data));
    d->to = *to;
    d->len = len;
    memcpy(d->data, data, len);
}

static uint32_t on_random(void *arg)
{
    struct gk *g = arg;
    uint32_t r = g->random;

    g->random = g->random * 1664525u + 1013904223u;
    return r;
}

static uint32_t on_unix_time(void *arg)
{
    return ((struct gk *)arg)->unix_time;
}

static void on_registered(void *arg, const struct ras_registration *registration)
{
    struct gk *g = arg;

    g->seen.registered++;
    g->seen.registration = *registration;
    CU_ASSERT_NOT_EQUAL(strlen(registration->endpoint_id), 0);
}

static void on_lost(void *arg, bool was_registered, const char *why)
{
    struct gk *g = arg;

    g->seen.lost++;
    g->seen.was_registered = was_registered;
    snprintf(g->seen.why, sizeof(g->seen.why), "%s", why);
}

static void on_switched(void *arg, const struct ras_registration *registration)
{
    struct gk *g = arg;

    g->seen.switched++;
    g->seen.registration = *registration;
}

static void on_stopped(void *arg)
{
    ((struct gk *)arg)->seen.stopped++;
}

static void on_admission(void *arg, const struct ras_admitted *admitted)
{
    struct gk *g = arg;

    g->seen.admissions++;
    g->seen.admitted = *admitted;
    snprintf(g->seen.reason, sizeof(g->seen.reason), "%s",
             admitted->reason != NULL ? admitted->reason : "");
}

static void on_bandwidth(void *arg, uint64_t key, int err, uint32_t bandwidth)
{
    struct gk *g = arg;

    g->seen.bandwidths++;
    g->seen.key = key;
    g->seen.err = err;
    g->seen.bandwidth = bandwidth;
}

static bool on_bandwidth_wanted(void *arg, uint64_t key, uint32_t bandwidth)
{
    struct gk *g = arg;

    g->seen.wanted++;
    g->seen.key = key;
    g->seen.bandwidth = bandwidth;
    return !g->refuse_bandwidth;
}

static void on_disengage(void *arg, uint64_t key)
{
    struct gk *g = arg;

    g->seen.disengaged++;
    g->seen.key = key;
}

static const struct ras_ops ops = {
    .send = on_send,
    .random = on_random,
    .unix_time = on_unix_time,
    .on_registered = on_registered,
    .on_lost = on_lost,
    .on_switched = on_switched,
    .on_stopped = on_stopped,
    .on_admission = on_admission,
    .on_bandwidth = on_bandwidth,
    .on_bandwidth_wanted = on_bandwidth_wanted,
    .on_disengage = on_disengage,
};

void gk_init_with(struct gk *g, uint32_t random, struct ras_config config)
{
    static const struct h225_alias alias = {H225_ALIAS_H323_ID, "alice"};
    static const char *const prefixes[] = {"77"};
    struct addr signalling;

    memset(g, 0, sizeof(*g));
    g->random = random;
    g->unix_time = 1795402636; /* when the captures were made */
    g->now = 1000;
    CU_ASSERT_EQUAL_FATAL(addr_parse("198.18.0.3:1719", &g->address), 0);
    CU_ASSERT_EQUAL_FATAL(addr_parse("198.18.0.1:1720", &signalling), 0);
    if (config.gatekeeper.family == ADDR_NONE)
        config.gatekeeper = g->address;
    config.ras_address = addr_with_port(signalling, 39636);
    config.signalling = &signalling;
    config.signalling_count = 1;
    config.aliases = &alias;
    config.alias_count = 1;
    config.prefixes = prefixes;
    config.prefix_count = 1;
    config.crypto = &crypto;
    arena_init(&g->arena, 0, 0);
    CU_ASSERT_EQUAL_FATAL(ras_create(&config, &ops, g, &g->ras), 0);
}

void gk_init(struct gk *g, uint32_t random, const char *password)
{
    gk_init_with(g, random, (struct ras_config){.password = password});
}

void gk_fini(struct gk *g)
{
    ras_destroy(g->ras);
    arena_fini(&g->arena);
}

bool gk_is_quiet(const struct gk *g)
{
    return g->head == g->tail;
}

struct h225_RasMessage *gk_take(struct gk *g, struct addr *to)
{
    const struct gk_datagram *d = &g->queue[g->head % GK_QUEUE];
    void *message = NULL;

    if (gk_is_quiet(g))
        return NULL;
    g->head++;
    if (to != NULL)
        *to = d->to;
    CU_ASSERT_EQUAL_FATAL(
        per_decode(&h225_RasMessage_type, d->data, d->len, NULL, &g->arena, &message, NULL), 0);
    return message;
}

void *gk_expect(struct gk *g, enum h225_RasMessage_kind kind)
{
    struct h225_RasMessage *m = gk_take(g, NULL);
    void *body;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL_FATAL(m->kind, kind);
    memcpy(&body, &m->u, sizeof(body));
    return body;
}

int gk_say_from(struct gk *g, struct addr from, enum h225_RasMessage_kind kind, void *body)
{
    struct h225_RasMessage m = {.kind = kind};
    uint8_t data[RAS_DATAGRAM_MAX];
    size_t len = 0;

    memcpy(&m.u, &body, sizeof(body));
    CU_ASSERT_EQUAL_FATAL(per_encode(&h225_RasMessage_type, &m, data, sizeof(data), &len, NULL), 0);
    return ras_input(g->ras, &from, data, len, g->now);
}

int gk_say(struct gk *g, enum h225_RasMessage_kind kind, void *body)
{
    return gk_say_from(g, g->address, kind, body);
}

void gk_wait(struct gk *g, uint64_t ms)
{
    uint64_t until = g->now + ms;

    for (int i = 0; i < 10000 && ras_next_deadline(g->ras) <= until; i++) {
        g->now = ras_next_deadline(g->ras);
        ras_on_timer(g->ras, g->now);
    }
    g->now = until;
}

struct per_bmp gk_text(struct gk *g, const char *text)
{
    size_t len = strlen(text);
    struct per_bmp bmp = {len, arena_array(&g->arena, len + 1, sizeof(uint16_t))};

    for (size_t i = 0; i < len; i++)
        bmp.p[i] = (uint16_t)text[i];
    return bmp;
}

static const uint32_t protocol_arcs[] = {0, 0, 8, 2250, 0, 7};
static const struct per_oid protocol = {6, protocol_arcs};

static struct h225_TransportAddress transport(struct gk *g, const struct addr *a)
{
    struct h225_TransportAddress t = {.kind = h225_TransportAddress_ipAddress};

    t.u.ipAddress = arena_zalloc(&g->arena, sizeof(*t.u.ipAddress));
    memcpy(t.u.ipAddress->ip, a->ip, 4);
    t.u.ipAddress->port = a->port;
    return t;
}

void gk_confirm_discovery(struct gk *g)
{
    const struct h225_GatekeeperRequest *grq = gk_expect(g, h225_RasMessage_gatekeeperRequest);
    struct h225_GatekeeperConfirm gcf = {.requestSeqNum = grq->requestSeqNum,
                                         .protocolIdentifier = protocol,
                                         .has_gatekeeperIdentifier = true,
                                         .gatekeeperIdentifier = gk_text(g, "labgk")};

    gcf.rasAddress = transport(g, &g->address);
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_gatekeeperConfirm, &gcf), 0);
}

void gk_confirm_with(struct gk *g, const char *endpoint_id, struct h225_RegistrationConfirm rcf)
{
    const struct h225_RegistrationRequest *rrq = gk_expect(g, h225_RasMessage_registrationRequest);
    struct h225_TransportAddress signalling = transport(g, &g->address);

    rcf.requestSeqNum = rrq->requestSeqNum;
    rcf.protocolIdentifier = protocol;
    rcf.endpointIdentifier = gk_text(g, endpoint_id);
    rcf.callSignalAddress.n = 1;
    rcf.callSignalAddress.v = &signalling;
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_registrationConfirm, &rcf), 0);
}

void gk_confirm_registration(struct gk *g, uint32_t ttl_s, const char *endpoint_id)
{
    gk_confirm_with(g, endpoint_id,
                    (struct h225_RegistrationConfirm){.has_supportsAdditiveRegistration = true,
                                                      .has_timeToLive = ttl_s > 0,
                                                      .timeToLive = ttl_s});
}

void gk_register_with(struct gk *g, struct h225_RegistrationConfirm rcf)
{
    CU_ASSERT_EQUAL(ras_start(g->ras, g->now), 0);
    gk_confirm_discovery(g);
    gk_confirm_with(g, "ep1", rcf);
    CU_ASSERT_EQUAL_FATAL(ras_state(g->ras), RAS_STATE_REGISTERED);
}

void gk_register(struct gk *g)
{
    CU_ASSERT_EQUAL(ras_start(g->ras, g->now), 0);
    gk_confirm_discovery(g);
    gk_confirm_registration(g, 60, "ep1");
    CU_ASSERT_EQUAL_FATAL(ras_state(g->ras), RAS_STATE_REGISTERED);
    CU_ASSERT_TRUE(gk_is_quiet(g));
}

void gk_admit(struct gk *g, uint64_t key, struct h225_AdmissionConfirm acf)
{
    struct ras_admission call = gk_call(key);
    const struct h225_AdmissionRequest *arq;

    CU_ASSERT_EQUAL(ras_admit(g->ras, &call, g->now), 0);
    arq = gk_expect(g, h225_RasMessage_admissionRequest);
    acf.requestSeqNum = arq->requestSeqNum;
    acf.bandWidth = arq->bandWidth;
    acf.callModel.kind = h225_CallModel_direct;
    acf.destCallSignalAddress = gk_transport(g, "198.18.0.1:1720");
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL_FATAL(g->seen.admitted.err, 0);
}

struct h225_TransportAddress gk_transport(struct gk *g, const char *address)
{
    struct addr at;

    CU_ASSERT_EQUAL_FATAL(addr_parse(address, &at), 0);
    return transport(g, &at);
}

struct h225_AlternateGK gk_alternate(struct gk *g, const char *address, bool need_register,
                                     uint8_t priority)
{
    return (struct h225_AlternateGK){.rasAddress = gk_transport(g, address),
                                     .needToRegister = need_register,
                                     .priority = priority};
}

struct ras_admission gk_call(uint64_t key)
{
    static const struct h225_alias source = {H225_ALIAS_H323_ID, "bob"};
    static const struct h225_alias destination = {H225_ALIAS_DIGITS, "771234"};
    struct ras_admission a = {.key = key,
                              .is_answer = true,
                              .call_ref = (uint16_t)(100 + key),
                              .bandwidth = 1280,
                              .source = &source,
                              .source_count = 1,
                              .destination = &destination,
                              .destination_count = 1};

    a.call_id[0] = a.conference_id[1] = (uint8_t)key;
    CU_ASSERT_EQUAL(addr_parse("198.18.0.2:1720", &a.source_address), 0);
    return a;
}
