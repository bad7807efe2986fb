/* Peers that lie, mumble or flood: each is refused alone, counted, told in the session's JSON, and
 * the next call is served (H-H245, T-BAD, T-NOFP). */
#include "fake_world.h"

#include <stdlib.h>
#include <string.h>

#include "signalling/schema/h245.h"
#include "tests/suite.h"

static struct world *w;

static struct peer *new_peer(void)
{
    return world_peer(w);
}

static struct peer *call(struct peer *p)
{
    peer_call(p, "demo");
    world_run(w);
    return p;
}

/* Whatever happened: a well-behaved peer gets its call. */
static void next_call_is_served(void)
{
    struct peer *p = new_peer();

    peer_call(p, "room-next");
    world_run(w);
    CU_ASSERT(p->is_connected && p->in_open && p->out_open);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
}

static bool json_says(const struct peer *p, const char *part)
{
    json_t *j = session_to_json(p->session, w->now);
    char *text = json_dumps(json_object_get(j, "errors"), JSON_COMPACT);
    bool says = text != NULL && strstr(text, part) != NULL;

    if (!says)
        printf("\n    errors are %s, not \"%s\"", text, part);
    free(text);
    json_decref(j);
    return says;
}

static void end(void)
{
    next_call_is_served();
    world_destroy(w);
}

/* ---- OLC and Ack with a bad dtlsSecurityCapability ---- */

static void set_string(struct per_string *s, const char *text)
{
    s->p = (char *)(uintptr_t)text; /* encoded before the test goes on; nobody writes to it */
    s->len = strlen(text);
}

static void without_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
}

static void with_short_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    set_string(&cap->fingerprint, "AB:CD:EF");
}

static void with_garbage_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    set_string(&cap->fingerprint, "not a fingerprint at all");
}

static void with_two_hashes(struct h245_DTLSSecurityCapability *cap)
{
    static struct per_string two[2];

    set_string(&two[0], "sha-256");
    set_string(&two[1], "sha-384");
    cap->hashFunction.n = 2;
    cap->hashFunction.v = two;
}

static void with_hash(struct h245_DTLSSecurityCapability *cap, const char *name)
{
    static struct per_string one;

    set_string(&one, name);
    cap->hashFunction.n = 1;
    cap->hashFunction.v = &one;
}

static void with_sha1(struct h245_DTLSSecurityCapability *cap)
{
    with_hash(cap, "sha-1"); /* we never offered it */
}

static void with_md5(struct h245_DTLSSecurityCapability *cap)
{
    with_hash(cap, "md5");
}

static void with_unknown_hash(struct h245_DTLSSecurityCapability *cap)
{
    with_hash(cap, "sha-3");
}

static void with_bad_role(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_setupInformation = true;
    set_string(&cap->setupInformation, "leader");
}

static void with_bad_connection(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_connectionInformation = true;
    set_string(&cap->connectionInformation, "maybe");
}

static void T_BAD_each_bad_olc_is_denied_alone(void)
{
    const struct {
        peer_tamper_fn tamper;
        const char *says;
    } row[] = {
        {without_fingerprint, "fingerprint is missing"},
        {with_short_fingerprint, "fingerprint"},
        {with_garbage_fingerprint, "fingerprint is malformed"},
        {with_two_hashes, "more than one hashFunction"},
        {with_sha1, "hashFunction"},
        {with_md5, "hashFunction md2 or md5 is forbidden"},
        {with_unknown_hash, "hashFunction is not one that we know"},
        {with_bad_role, "setupInformation is not"},
        {with_bad_connection, "connectionInformation is not"},
    };

    PROVES("T-BAD");
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct peer *p;

        w = world_create(SETTINGS_DTLS_REQUIRED);
        p = new_peer();
        p->tamper_olc = row[i].tamper;
        call(p);
        CU_ASSERT(p->was_refused);
        CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_SECURITY_DENIED);
        CU_ASSERT(json_says(p, row[i].says));
        CU_ASSERT_EQUAL(w->env.stats.h235_refused, 1);
        CU_ASSERT_EQUAL(w->env.stats.channels_rejected, 1);
        CU_ASSERT_EQUAL(w->port_count, 0);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        /* The session lives on: an honest channel is taken. */
        p->tamper_olc = NULL;
        peer_open(p, H245_CODEC_PCMA);
        world_run(w);
        CU_ASSERT(p->out_open);
        end();
    }
}

static void T_BAD_each_bad_ack_closes_the_channel(void)
{
    const struct {
        peer_tamper_fn tamper;
        const char *says;
    } row[] = {
        {without_fingerprint, "fingerprint is missing"},
        {with_garbage_fingerprint, "fingerprint is malformed"},
        {with_two_hashes, "more than one hashFunction"},
        {with_sha1, "hashFunction"},
        {with_bad_role, "setupInformation is not"},
    };

    PROVES("T-BAD");
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct peer *p;

        w = world_create(SETTINGS_DTLS_REQUIRED);
        p = new_peer();
        p->tamper_ack = row[i].tamper;
        p->opens = false;
        call(p);
        world_pass(w, w->settings->signalling.timers.mirror_ms);
        CU_ASSERT_EQUAL(p->closed_in, 1);
        CU_ASSERT(json_says(p, row[i].says));
        CU_ASSERT_EQUAL(w->env.stats.h235_refused, 1);
        CU_ASSERT_EQUAL(world_open_ports(w), 0);
        CU_ASSERT_FALSE(w->ports[0].is_associated);
        end();
    }
}

static void L_SHARE_ack_with_another_address_is_refused(void)
{
    struct peer *p;

    PROVES("L-SHARE");
    w = world_create(SETTINGS_DTLS_REQUIRED);
    p = new_peer();
    p->ack_other_address = true;
    call(p);
    CU_ASSERT(p->out_open); /* its own channel is in order */
    CU_ASSERT_EQUAL(p->closed_in, 1);
    CU_ASSERT_EQUAL(world_port(w, p)->remote.port, 6000);
    CU_ASSERT(json_says(p, "transport differs"));
    end();
}

static void both_roles_passive_end_the_call_under_required(void)
{
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->settings->dtls.setup = SETTINGS_SETUP_PASSIVE;
    p = new_peer();
    p->setup = H23510_SETUP_PASSIVE;
    call(p);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT(json_says(p, "setup roles"));
    world_pass(w, 10000);
    end();
}

static void D_VERIFY_failed_certificate_opens_nothing(void)
{
    const enum dtls_failure why[] = {DTLS_FAIL_FINGERPRINT, DTLS_FAIL_NO_CERTIFICATE};

    PROVES("D-VERIFY");
    for (int i = 0; i < 2; i++) {
        struct peer *p;

        w = world_create(SETTINGS_DTLS_REQUIRED);
        p = call(new_peer());
        world_dtls_failed(w, p, why[i]);
        CU_ASSERT(p->closed_in == 1 && p->closed_out == 1);
        CU_ASSERT(json_says(p, dtls_failure_to_str(why[i])));
        CU_ASSERT_EQUAL(w->env.stats.dtls_failures[why[i]], 1);
        CU_ASSERT_EQUAL(world_open_ports(w), 0);
        end();
    }
}

/* ---- octets ---- */

static uint8_t captured[4096];
static size_t captured_len;

static void keep(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    captured_len = len <= sizeof(captured) ? len : 0;
    memcpy(captured, data, captured_len);
}

/* A whole Setup as octets. */
static void capture_setup(void)
{
    static const struct h225_call_ops ops = {.send = keep};
    const struct h225_call_config config = {.product = "x", .version = "1"};
    const struct h225_alias to = {H225_ALIAS_H323_ID, "demo"};
    const struct h225_outgoing out = {.call_id = {1}, .destination = &to, .destination_count = 1};
    struct h225_call *c = h225_call_create(&config, &ops, NULL, 9);

    captured_len = 0;
    CU_ASSERT_EQUAL(h225_call_start(c, &out, 0), 0);
    CU_ASSERT(captured_len > 20);
    h225_call_destroy(c);
}

static void truncated_setup_is_refused_at_every_octet(void)
{
    capture_setup();
    for (size_t len = 1; len < captured_len; len++) {
        struct peer *p;

        w = world_create(SETTINGS_DTLS_REQUIRED);
        p = new_peer();
        peer_send_h225(p, captured, len);
        world_run(w);
        CU_ASSERT_FALSE(p->is_connected);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
        CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_PROTOCOL);
        CU_ASSERT_EQUAL(w->port_count, 0);
        if (len % 16 == 0)
            next_call_is_served();
        world_destroy(w);
    }
}

/* What the world holds for the server from this peer, as octets. */
static void truncated_h245_is_refused_at_every_octet(void)
{
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    p = new_peer();
    p->opens = false;
    call(p);
    /* The OLC is taken off the wire before the server reads it. */
    peer_open(p, H245_CODEC_PCMA);
    captured_len = world_take(w, captured, sizeof(captured));
    CU_ASSERT_FATAL(captured_len > 40);
    for (size_t len = 1; len < captured_len; len++) {
        uint64_t refused = w->env.stats.h245_undecodable;

        peer_send_h245(p, captured, len);
        world_run(w);
        CU_ASSERT_EQUAL(w->env.stats.h245_undecodable, refused + 1);
        CU_ASSERT_EQUAL(w->port_count, 0);
    }
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT(json_says(p, "H.245 message refused"));
    peer_send_h245(p, captured, captured_len);
    world_run(w);
    CU_ASSERT(p->out_open);
    end();
}

static uint32_t rnd = 1;

static uint8_t next_octet(void)
{
    rnd = rnd * 1664525u + 1013904223u;
    return (uint8_t)(rnd >> 24);
}

static void garbage_on_h245_loses_its_own_session_at_most(void)
{
    struct peer *a, *b;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    a = call(new_peer());
    b = call(new_peer());
    for (int i = 0; i < 400; i++) {
        uint8_t noise[64];

        for (size_t k = 0; k < sizeof(noise); k++)
            noise[k] = next_octet();
        peer_send_h245(a, noise, 1 + (size_t)(next_octet() % 64));
        if (i % 50 == 0)
            world_run(w);
    }
    world_run(w);
    world_pass(w, 10000);
    CU_ASSERT(w->env.stats.h245_undecodable > 100);
    CU_ASSERT_NOT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT(b->in_open && b->out_open);
    end();
}

static void garbage_on_call_signalling_loses_its_own_session_at_most(void)
{
    struct peer *a, *b;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    a = call(new_peer());
    b = call(new_peer());
    for (int i = 0; i < 300; i++) {
        uint8_t noise[64] = {8, 2, 0, 7};

        for (size_t k = 4; k < sizeof(noise); k++)
            noise[k] = next_octet();
        peer_send_h225(a, noise, sizeof(noise));
    }
    world_run(w);
    world_pass(w, 10000);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(world_open_ports(w), 1);
    end();
}

static void flood_of_channels_is_bounded(void)
{
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    p = call(new_peer());
    for (int i = 0; i < 20; i++) {
        uint16_t out = p->out_lcn;

        peer_open(p, H245_CODEC_PCMA);
        p->out_lcn = out;
        world_run(w);
        p->out_lcn = out;
    }
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_TYPE_NOT_AVAILABLE);
    CU_ASSERT_EQUAL(w->port_count, 1);
    CU_ASSERT_EQUAL(w->env.stats.channels_rejected, 20);
    end();
}

static void stranger_is_counted_and_changes_nothing(void)
{
    const uint8_t ip[4] = {203, 0, 113, 5};
    const struct addr from = addr_from_ip4(ip, 1234);
    struct media_port *port;
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    p = call(new_peer());
    port = world_port(w, p);
    port->callbacks->on_stranger(port->owner, &from, 1);
    port->callbacks->on_stranger(port->owner, &from, 500);
    CU_ASSERT_EQUAL(w->env.stats.dtls_strangers, 500);
    CU_ASSERT_EQUAL(port->associations, 1);
    world_keyed(w, p);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    end();
}

static void long_alias_cut_in_a_character_is_no_harm(void)
{
    char alias[241];
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    alias[0] = 'x'; /* two octets a character: the cut at 127 falls into one */
    for (size_t i = 1; i + 2 < sizeof(alias); i += 2)
        memcpy(alias + i, "\xc3\xa9", 3);
    p = new_peer();
    peer_call(p, alias);
    world_run(w);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_UNKNOWN_ALIAS);
    CU_ASSERT_EQUAL(world_events(w, "session.closed"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "\"cause\":\"unknown_alias\""));
    end();
}

static void h245_from_another_host_is_not_expected(void)
{
    const uint8_t ip[4] = {203, 0, 113, 5};
    const struct addr stranger = addr_from_ip4(ip, 1234);
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    p = call(new_peer());
    CU_ASSERT_FALSE(session_expects(p->session, &stranger));
    CU_ASSERT_TRUE(session_expects(p->session, &p->signalling));
    end();
}

SUITE("server/session_hostile", TEST(T_BAD_each_bad_olc_is_denied_alone),
      TEST(T_BAD_each_bad_ack_closes_the_channel),
      TEST(L_SHARE_ack_with_another_address_is_refused),
      TEST(both_roles_passive_end_the_call_under_required),
      TEST(D_VERIFY_failed_certificate_opens_nothing),
      TEST(truncated_setup_is_refused_at_every_octet),
      TEST(truncated_h245_is_refused_at_every_octet),
      TEST(garbage_on_h245_loses_its_own_session_at_most),
      TEST(garbage_on_call_signalling_loses_its_own_session_at_most),
      TEST(flood_of_channels_is_bounded), TEST(stranger_is_counted_and_changes_nothing),
      TEST(long_alias_cut_in_a_character_is_no_harm), TEST(h245_from_another_host_is_not_expected))
