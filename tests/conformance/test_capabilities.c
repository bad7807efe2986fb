/* H.235.10 7.2, 7.3.1, 8.1: what stands in capability sets and what comes of it, for both
 * directions of a call and both H.245 roles. The messages are those of the wire, decoded. */
#include <string.h>

#include "base/log.h"
#include "signalling/per/per.h"
#include "tests/conformance/calls.h"
#include "tests/suite.h"

static struct world *w;

static bool is_protectable(const struct h245_Capability *c)
{
    switch (c->kind) {
    case h245_Capability_receiveAudioCapability:
    case h245_Capability_receiveAndTransmitAudioCapability:
    case h245_Capability_receiveVideoCapability:
    case h245_Capability_receiveAndTransmitVideoCapability:
    case h245_Capability_receiveDataApplicationCapability:
    case h245_Capability_receiveAndTransmitDataApplicationCapability:
        return true;
    default:
        return false;
    }
}

/* The one security entry that names `entry`; NULL: none, or more than one. */
static const struct h245_DTLSSecurityCapability *
protection_of(const struct h245_TerminalCapabilitySet *tcs, uint16_t entry)
{
    const struct h245_DTLSSecurityCapability *found = NULL;
    unsigned n = 0;

    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++) {
        const struct h245_Capability *c = tcs->capabilityTable.v[i].capability;

        if (c->kind != h245_Capability_h235SecurityCapability ||
            c->u.h235SecurityCapability->mediaCapability != entry)
            continue;
        found = c->u.h235SecurityCapability->encryptionAuthenticationAndIntegrity
                    .dtlsSecurityCapability;
        n++;
    }
    return n == 1 ? found : NULL;
}

static bool is_same(const struct h245_DTLSSecurityCapability *a,
                    const struct h245_DTLSSecurityCapability *b)
{
    uint8_t one[512], two[512];
    size_t one_len = 0, two_len = 0;

    return per_encode(&h245_DTLSSecurityCapability_type, a, one, sizeof(one), &one_len, NULL) ==
               0 &&
           per_encode(&h245_DTLSSecurityCapability_type, b, two, sizeof(two), &two_len, NULL) ==
               0 &&
           one_len == two_len && memcmp(one, two, one_len) == 0;
}

/* What the first entry says, for the others to be the same. */
static void check_values(const struct h245_DTLSSecurityCapability *cap)
{
    CU_ASSERT_EQUAL_FATAL(cap->hashFunction.n, 3);
    CU_ASSERT(string_is(&cap->hashFunction.v[0], "sha-256"));
    CU_ASSERT(string_is(&cap->hashFunction.v[1], "sha-384"));
    CU_ASSERT(string_is(&cap->hashFunction.v[2], "sha-512"));
    CU_ASSERT(cap->has_setupInformation && string_is(&cap->setupInformation, "actpass"));
    CU_ASSERT(cap->has_connectionInformation && string_is(&cap->connectionInformation, "new"));
    CU_ASSERT_FALSE(cap->has_fingerprint);
    CU_ASSERT(cap->has_extensionsType && cap->extensionsType.n == 1 &&
              cap->extensionsType.v[0] == 14);
}

/* Returns how many kinds of media the set protects. */
static unsigned check_set(const struct h245_TerminalCapabilitySet *tcs)
{
    const struct h245_DTLSSecurityCapability *first = NULL;
    unsigned kinds = 0;

    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++) {
        const struct h245_CapabilityTableEntry *e = &tcs->capabilityTable.v[i];
        const struct h245_DTLSSecurityCapability *cap;

        if (!is_protectable(e->capability))
            continue;
        cap = protection_of(tcs, e->capabilityTableEntryNumber);
        CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
        if (first == NULL)
            check_values(cap);
        first = first == NULL ? cap : first;
        CU_ASSERT_TRUE(is_same(first, cap));
        kinds |= 1u << e->capability->kind;
    }
    return (unsigned)__builtin_popcount(kinds);
}

/* Audio and video, as the other member of the conference can do both. */
static void our_set_names_and_protects_every_medium(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, &sides[i]);
        peer_add_video(p, "H264");
        calls_start(w, &sides[i], p);
        CU_ASSERT_PTR_NOT_NULL_FATAL(wire_tcs(p, true, 0));
        CU_ASSERT(check_set(wire_tcs(p, true, 0)) >= 2);
        calls_end(w);
        PROVES_FOR("T-TCS T-NOFP T-SAME P-HASH P-SETUP P-CONN P-EXT C-EXT",
                   side_text(&sides[i], ""));
    }
}

/* ---- what a peer may say ---- */

static struct h245_DTLSSecurityCapability *dtls_of(struct h245_TerminalCapabilitySet *tcs)
{
    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++) {
        struct h245_Capability *c = tcs->capabilityTable.v[i].capability;

        /* One value serves all entries: h23510_offer. */
        if (c->kind == h245_Capability_h235SecurityCapability)
            return c->u.h235SecurityCapability->encryptionAuthenticationAndIntegrity
                .dtlsSecurityCapability;
    }
    CU_FAIL_FATAL("no DTLS in the peer's set");
    return NULL;
}

static void set_hashes(struct h245_TerminalCapabilitySet *tcs, const char *const *names, uint32_t n)
{
    static struct per_string list[8];

    for (uint32_t i = 0; i < n; i++)
        string_set(&list[i], names[i]);
    dtls_of(tcs)->hashFunction = (struct per_string_list){n, list};
}

/* Legal, and nothing like ours: order, case, unknown tokens and numbers, a fingerprint that has no
 * business there. */
static void odd_but_legal(struct h245_TerminalCapabilitySet *tcs)
{
    static const char *const names[] = {"whirlpool", "SHA-512", "md5", "Sha-384"};
    static uint16_t numbers[] = {0, 23, 4711, 14, 65535};
    struct h245_DTLSSecurityCapability *cap = dtls_of(tcs);

    set_hashes(tcs, names, 4);
    cap->has_setupInformation = cap->has_connectionInformation = cap->has_fingerprint = true;
    string_set(&cap->setupInformation, "ActPass");
    string_set(&cap->connectionInformation, "NEW");
    string_set(&cap->fingerprint, "no fingerprint at all");
    cap->has_extensionsType = true;
    cap->extensionsType = (struct per_u16_list){5, numbers};
}

static void odd_set_of_a_peer_is_understood(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        const struct h245_DTLSSecurityCapability *ours;
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, &sides[i]);
        p->tamper_tcs = odd_but_legal;
        peer_init_dtls(p);
        p->dtls.policy.hashes[0] = FINGERPRINT_SHA512; /* it acts by what it says */
        p->dtls.policy.hashes[1] = FINGERPRINT_SHA384;
        p->dtls.policy.hash_count = 2;
        calls_start(w, &sides[i], p);
        CU_ASSERT(p->in_open && p->out_open && world_port(w, p)->associations == 1);
        /* The first of ours that it knows: its own order does not count (C-HASH). */
        CU_ASSERT_PTR_NOT_NULL_FATAL(wire_olc(p, true, 0));
        ours = olc_dtls(wire_olc(p, true, 0));
        CU_ASSERT(ours->hashFunction.n == 1 && string_is(&ours->hashFunction.v[0], "sha-384"));
        CU_ASSERT(w->env.stats.tcs_fingerprints_ignored >= 1);
        calls_end(w);
        PROVES_FOR("P-HASH P-SETUP P-CONN P-EXT T-NOFP C-HASH", side_text(&sides[i], ""));
    }
}

static void bad_setup(struct h245_TerminalCapabilitySet *tcs)
{
    string_set(&dtls_of(tcs)->setupInformation, "leader");
}

static void bad_connection(struct h245_TerminalCapabilitySet *tcs)
{
    string_set(&dtls_of(tcs)->connectionInformation, "perhaps");
}

/* A capability that says nothing that we understand is none: with `preferred` the session lives on
 * without it, and says so. */
static void set_with_wrong_tokens_is_no_offer(void)
{
    const struct {
        peer_tamper_tcs_fn tamper;
        const char *id, *says;
    } row[] = {{bad_setup, "P-SETUP", "setupInformation is not"},
               {bad_connection, "P-CONN", "connectionInformation is not"}};

    for (size_t i = 0; i < SIDES * 2; i++) {
        const struct side *side = &sides[i / 2];
        struct peer *p;

        w = calls_begin(side, SETTINGS_DTLS_PREFERRED);
        p = calls_peer(w, side);
        p->opens_plain = true; /* it has seen that we offer, and cannot */
        p->tamper_tcs = row[i % 2].tamper;
        calls_start(w, side, p);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        CU_ASSERT(errors_say(p, row[i % 2].says));
        CU_ASSERT(world_has_event(w, "session.downgraded"));
        CU_ASSERT_EQUAL(w->env.stats.downgraded, 1);
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 0);
        calls_end(w);
        PROVES_FOR(row[i % 2].id, side_text(side, ""));
    }
}

static void only_forbidden(struct h245_TerminalCapabilitySet *tcs)
{
    static const char *const names[] = {"md5", "MD2", "sha-1"};

    set_hashes(tcs, names, 3);
}

/* C-HASH: nothing in common. */
static void no_common_hash_ends_the_call_where_dtls_is_required(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, &sides[i]);
        p->tamper_tcs = only_forbidden;
        calls_try(w, &sides[i], p);
        world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
        CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
        CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
        CU_ASSERT(errors_say(p, "no hashFunction in common"));
        CU_ASSERT_EQUAL(w->port_count, 0);
        calls_end(w);
        PROVES_FOR("C-HASH P-HASH", side_text(&sides[i], ""));
    }
}

/* ... and where it is not, the capability is not offered to a peer that we knew before, and the
 * session says that it is not what was wished for. */
static void no_common_hash_without_insisting_is_a_downgrade(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_PREFERRED);
        p = calls_peer(w, &sides[i]);
        p->tamper_tcs = only_forbidden;
        p->opens_plain = true;
        calls_start(w, &sides[i], p);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        CU_ASSERT(world_has_event(w, "session.downgraded"));
        for (size_t n = 0; wire_olc(p, true, n) != NULL; n++)
            CU_ASSERT_PTR_NULL(olc_dtls(wire_olc(p, true, n)));
        calls_end(w);
        PROVES_FOR("C-HASH", side_text(&sides[i], ""));
    }
}

/* ---- C-EXT ---- */

static void without_extensions(struct h245_TerminalCapabilitySet *tcs)
{
    dtls_of(tcs)->has_extensionsType = false;
}

/* Announced or not: the handshake decides. One that negotiates use_srtp carries media; one that
 * does not takes its channels along, whatever was announced. */
static void the_handshake_decides_on_extensions(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, &sides[i]);
        p->tamper_tcs = without_extensions;
        calls_start(w, &sides[i], p);
        CU_ASSERT_FALSE(world_has_event(w, "media.keyed"));
        world_keyed(w, p);
        CU_ASSERT(p->in_open && p->out_open && world_has_event(w, "media.keyed"));
        calls_end(w);

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_make(w, &sides[i]);
        world_dtls_failed(w, p, DTLS_FAIL_NO_PROFILE);
        calls_settle(w);
        CU_ASSERT(!p->in_open && !p->out_open && !world_has_event(w, "media.keyed"));
        CU_ASSERT(errors_say(p, "no_common_profile"));
        calls_end(w);
        PROVES_FOR("C-EXT", side_text(&sides[i], ""));
    }
}

/* ---- L-CERT ---- */

static unsigned warnings;

static void count_warnings(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    warnings += memmem(line, len, "not secured", strlen("not secured")) != NULL;
}

static bool says_secured(const struct peer *p)
{
    json_t *j = session_to_json(p->session, w->now);
    bool is_secured = json_is_true(json_object_get(j, "signalling_secured"));

    CU_ASSERT(json_is_boolean(json_object_get(j, "signalling_secured")));
    json_decref(j);
    return is_secured;
}

static void check_clear(const struct side *side, enum settings_cleartext policy, unsigned warned)
{
    struct peer *p;

    w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
    w->settings->dtls.cleartext_signalling = policy;
    log_set_level_all(LOG_LEVEL_WARN);
    log_set_sink(count_warnings, NULL);
    warnings = 0;
    p = calls_make(w, side);
    log_set_sink(NULL, NULL);
    log_set_level_all(LOG_LEVEL_OFF);
    CU_ASSERT(p->in_open && p->out_open && world_port(w, p)->is_associated);
    CU_ASSERT_FALSE(says_secured(p));
    CU_ASSERT_EQUAL(warnings, warned);
    calls_end(w);
}

static void fingerprints_in_the_clear_are_for_the_policy(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        check_clear(&sides[i], SETTINGS_CLEARTEXT_ALLOW, 0);
        PROVES_FOR("L-CERT", side_text(&sides[i], "part=allow"));
        check_clear(&sides[i], SETTINGS_CLEARTEXT_WARN, 1);
        PROVES_FOR("L-CERT", side_text(&sides[i], "part=warn"));
    }
}

static void refused_in_the_clear_nothing_is_offered(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_PREFERRED);
        w->settings->dtls.cleartext_signalling = SETTINGS_CLEARTEXT_REFUSE;
        p = calls_make(w, &sides[i]);
        CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
        for (uint32_t k = 0; k < wire_tcs(p, true, 0)->capabilityTable.n; k++)
            CU_ASSERT_NOT_EQUAL(wire_tcs(p, true, 0)->capabilityTable.v[k].capability->kind,
                                h245_Capability_h235SecurityCapability);
        CU_ASSERT_EQUAL(world_port(w, p)->associations, 0);
        calls_end(w);

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        w->settings->dtls.cleartext_signalling = SETTINGS_CLEARTEXT_REFUSE;
        p = calls_peer(w, &sides[i]);
        calls_try(w, &sides[i], p);
        world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
        CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_DTLS_REQUIRED);
        CU_ASSERT_EQUAL(w->port_count, 0);
        calls_end(w);
        PROVES_FOR("L-CERT", side_text(&sides[i], "part=refuse"));
    }
}

/* Secured, any certificate will do: the peer's identity is made up, and believed by its
 * fingerprint, even by a policy that believes nothing in the clear. */
static void secured_signalling_is_believed(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        w->settings->dtls.cleartext_signalling = SETTINGS_CLEARTEXT_REFUSE;
        w->is_tls = true;
        p = calls_peer(w, &sides[i]);
        p->has_h245_tls = true;
        calls_start(w, &sides[i], p);
        CU_ASSERT(p->in_open && p->out_open && world_port(w, p)->is_associated);
        CU_ASSERT_TRUE(says_secured(p));
        calls_end(w);
        PROVES_FOR("L-CERT", side_text(&sides[i], "part=secured"));
    }
}

SUITE("conformance/capabilities", TEST(our_set_names_and_protects_every_medium),
      TEST(odd_set_of_a_peer_is_understood), TEST(set_with_wrong_tokens_is_no_offer),
      TEST(no_common_hash_ends_the_call_where_dtls_is_required),
      TEST(no_common_hash_without_insisting_is_a_downgrade),
      TEST(the_handshake_decides_on_extensions), TEST(fingerprints_in_the_clear_are_for_the_policy),
      TEST(refused_in_the_clear_nothing_is_offered), TEST(secured_signalling_is_believed))
