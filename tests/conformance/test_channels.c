/* H.235.10 7.2, 7.3.2, 8.2: what stands in OpenLogicalChannel and its Ack, and what a wrong one
 * costs, for both directions of a call and both H.245 roles. */
#include <ctype.h>
#include <string.h>

#include "signalling/per/per.h"
#include "tests/conformance/calls.h"
#include "tests/suite.h"

static struct world *w;

/* P-FP: 2UHEX *(":" 2UHEX), 32 octets of SHA-256, and nothing before it. */
static bool is_bare_fingerprint(const struct per_string *s)
{
    if (s->len != 32 * 3 - 1)
        return false;
    for (size_t i = 0; i < s->len; i++) {
        char c = s->p[i];
        bool is_hex = isdigit((unsigned char)c) || (c >= 'A' && c <= 'F');

        if (i % 3 == 2 ? c != ':' : !is_hex)
            return false;
    }
    return true;
}

/* One hash of those in common, our fingerprint with it, a concrete role. */
static void check_binding(const struct h245_DTLSSecurityCapability *cap, const char *setup)
{
    char text[FINGERPRINT_TEXT_MAX];

    CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
    CU_ASSERT_EQUAL_FATAL(cap->hashFunction.n, 1);
    CU_ASSERT(string_is(&cap->hashFunction.v[0], "sha-256"));
    CU_ASSERT_EQUAL(
        fingerprint_format(&w->server_id.fingerprints[FINGERPRINT_SHA256], text, sizeof(text)), 0);
    CU_ASSERT(cap->has_fingerprint && is_bare_fingerprint(&cap->fingerprint));
    CU_ASSERT(string_is(&cap->fingerprint, text));
    CU_ASSERT(cap->has_setupInformation && string_is(&cap->setupInformation, setup));
    CU_ASSERT(cap->has_connectionInformation && string_is(&cap->connectionInformation, "new"));
}

static void our_channels_carry_one_hash_and_one_fingerprint(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        const struct h245_OpenLogicalChannel *olc;
        const struct h245_OpenLogicalChannelAck *ack;
        struct h245_channel_ack fields = {0};
        struct h245_channel c = {0};
        struct addr port;
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, &sides[i]);
        p->setup = H23510_SETUP_ACTIVE;
        calls_start(w, &sides[i], p);
        port = world_port(w, p)->local;
        olc = wire_olc(p, true, 0);
        ack = wire_ack(p, true, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(olc);
        CU_ASSERT_PTR_NOT_NULL_FATAL(ack);
        check_binding(olc_dtls(olc), "passive");
        check_binding(ack->dtlsSecurityCapability, "passive");
        /* L-UNI: one each way, and none of them has a reverse part. */
        CU_ASSERT_PTR_NULL(wire_olc(p, true, 1));
        CU_ASSERT_PTR_NULL(wire_olc(p, false, 1));
        CU_ASSERT_PTR_NULL(olc->reverseLogicalChannelParameters);
        CU_ASSERT_PTR_NULL(wire_olc(p, false, 0)->reverseLogicalChannelParameters);
        /* M-RTCPMUX, L-SHARE: one address and one label in both. */
        CU_ASSERT_EQUAL(h245_read_olc(olc, &c), 0);
        CU_ASSERT_EQUAL(h245_read_olc_ack(ack, &fields), 0);
        CU_ASSERT(addr_is_equal(&c.media_control, &port));
        CU_ASSERT(addr_is_equal(&fields.media, &port) &&
                  addr_is_equal(&fields.media_control, &port));
        CU_ASSERT(c.has_port_number && fields.has_port_number &&
                  c.port_number == fields.port_number);
        CU_ASSERT_EQUAL(w->port_count, 1);
        calls_end(w);
        PROVES_FOR("T-OLC T-ACK P-FP P-CONN L-UNI L-SHARE M-RTCPMUX", side_text(&sides[i], ""));
    }
}

/* ---- what a peer may write ---- */

static char rewritten[256];

static void rewrite(struct h245_DTLSSecurityCapability *cap, const char *prefix)
{
    size_t at = strlen(prefix);

    memcpy(rewritten, prefix, at);
    for (size_t i = 0; i < cap->fingerprint.len && at < sizeof(rewritten); i++)
        rewritten[at++] = (char)tolower((unsigned char)cap->fingerprint.p[i]);
    cap->fingerprint = (struct per_string){at, rewritten};
}

static void lower_case(struct h245_DTLSSecurityCapability *cap)
{
    rewrite(cap, "");
}

/* As the whole attribute of RFC 4572 §5 has it. */
static void with_its_hash(struct h245_DTLSSecurityCapability *cap)
{
    rewrite(cap, "SHA-256 ");
}

static void fingerprint_in_any_spelling_is_the_same(void)
{
    const peer_tamper_fn spelling[] = {lower_case, with_its_hash};

    for (size_t i = 0; i < SIDES * 2; i++) {
        const struct side *side = &sides[i / 2];
        struct peer *p;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, side);
        p->tamper_olc = p->tamper_ack = spelling[i % 2];
        calls_start(w, side, p);
        CU_ASSERT(p->in_open && p->out_open);
        CU_ASSERT_TRUE_FATAL(world_port(w, p)->is_associated);
        CU_ASSERT(fingerprint_equal(&world_port(w, p)->fingerprint,
                                    &w->peer_id.fingerprints[FINGERPRINT_SHA256]));
        calls_end(w);
        PROVES_FOR("P-FP", side_text(side, ""));
    }
}

/* ---- T-BAD ---- */

static void set_hash(struct h245_DTLSSecurityCapability *cap, const char *first, const char *second)
{
    static struct per_string two[2];

    string_set(&two[0], first);
    if (second != NULL)
        string_set(&two[1], second);
    cap->hashFunction = (struct per_string_list){second != NULL ? 2 : 1, two};
}

static void two_hashes(struct h245_DTLSSecurityCapability *cap)
{
    set_hash(cap, "sha-256", "sha-384");
}

static void no_hash(struct h245_DTLSSecurityCapability *cap)
{
    cap->hashFunction.n = 0;
}

static void foreign_hash(struct h245_DTLSSecurityCapability *cap)
{
    set_hash(cap, "sha-1", NULL);
}

static void forbidden_hash(struct h245_DTLSSecurityCapability *cap)
{
    set_hash(cap, "MD5", NULL);
}

static void no_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
}

static void malformed_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    string_set(&cap->fingerprint, "AB:CD:XY");
}

static void short_fingerprint(struct h245_DTLSSecurityCapability *cap)
{
    cap->fingerprint.len -= 3;
}

static void other_prefix(struct h245_DTLSSecurityCapability *cap)
{
    rewrite(cap, "sha-384 ");
}

static void bad_role(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_setupInformation = true;
    string_set(&cap->setupInformation, "both");
}

static void bad_connection(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_connectionInformation = true;
    string_set(&cap->connectionInformation, "old");
}

static const struct {
    peer_tamper_fn tamper;
    const char *ids;
    enum h23510_verdict verdict;
} faults[] = {
    {two_hashes, "T-BAD T-OLC", H23510_MANY_HASHES},
    {no_hash, "T-BAD", H23510_NO_HASH},
    {foreign_hash, "T-BAD P-HASH", H23510_HASH_NOT_COMMON},
    {forbidden_hash, "T-BAD P-HASH", H23510_HASH_FORBIDDEN},
    {no_fingerprint, "T-BAD", H23510_NO_FINGERPRINT},
    {malformed_fingerprint, "T-BAD P-FP", H23510_BAD_FINGERPRINT},
    {short_fingerprint, "T-BAD P-FP", H23510_FINGERPRINT_LENGTH},
    {other_prefix, "T-BAD P-FP", H23510_BAD_FINGERPRINT},
    {bad_role, "T-BAD P-SETUP", H23510_BAD_SETUP},
    {bad_connection, "T-BAD P-CONN", H23510_BAD_CONNECTION},
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* Counted, told, nothing opened, and the session is as good as before. */
static void check_refusal(struct peer *p, size_t fault)
{
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.h235_refused, 1);
    CU_ASSERT_EQUAL(w->env.stats.refused[faults[fault].verdict], 1);
    CU_ASSERT(errors_say(p, h23510_verdict_to_str(faults[fault].verdict)));
    for (size_t i = 0; i < w->port_count; i++)
        CU_ASSERT_EQUAL(w->ports[i].associations, 0);
}

static void each_bad_olc_is_denied_alone(void)
{
    for (size_t i = 0; i < SIDES * FAULTS; i++) {
        const struct side *side = &sides[i / FAULTS];
        const struct h245_OpenLogicalChannelReject *reject;
        struct peer *p;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, side);
        p->tamper_olc = faults[i % FAULTS].tamper;
        calls_start(w, side, p);
        reject = wire_reject(p, true, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(reject);
        CU_ASSERT_EQUAL(reject->cause.kind, h245_OpenLogicalChannelReject_cause_securityDenied);
        CU_ASSERT(world_has_event(w, "channel.rejected"));
        check_refusal(p, i % FAULTS);
        p->tamper_olc = NULL;
        peer_open(p, H245_CODEC_PCMA);
        calls_settle(w);
        CU_ASSERT(p->out_open && world_port(w, p)->associations == 1);
        calls_end(w);
        PROVES_FOR(faults[i % FAULTS].ids, side_text(side, ""));
    }
}

/* The server opens, the peer acknowledges wrongly: its channel goes again. */
static void each_bad_ack_closes_its_channel(void)
{
    for (size_t i = 0; i < SIDES * FAULTS; i++) {
        const struct side *side = &sides[i / FAULTS];
        struct peer *p;

        w = calls_begin(side, SETTINGS_DTLS_REQUIRED);
        p = calls_peer(w, side);
        p->opens = false;
        p->tamper_ack = faults[i % FAULTS].tamper;
        calls_start(w, side, p);
        world_pass(w, w->settings->signalling.timers.mirror_ms);
        CU_ASSERT_PTR_NOT_NULL_FATAL(wire_olc(p, true, 0));
        CU_ASSERT_PTR_NOT_NULL(wire_close(p, true, 0));
        CU_ASSERT_FALSE(p->in_open);
        check_refusal(p, i % FAULTS);
        p->tamper_ack = NULL;
        peer_open(p, H245_CODEC_PCMA);
        calls_settle(w);
        CU_ASSERT(p->out_open && world_port(w, p)->associations == 1);
        calls_end(w);
        PROVES_FOR(faults[i % FAULTS].ids, side_text(side, ""));
        PROVES_FOR("T-ACK", side_text(side, ""));
    }
}

/* T-BAD says also: an answer without the capability at all. */
static void without_dtls(struct h245_DTLSSecurityCapability *cap)
{
    cap->has_fingerprint = false;
    cap->hashFunction.n = 0;
    cap->has_setupInformation = false;
}

static void clear_channel_is_denied_where_both_can_do_better(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *p;

        w = calls_begin(&sides[i], SETTINGS_DTLS_PREFERRED);
        p = calls_peer(w, &sides[i]);
        p->opens_plain = true;
        calls_start(w, &sides[i], p);
        CU_ASSERT(p->was_refused && p->refused_cause == H245_OLC_SECURITY_DENIED);
        CU_ASSERT_EQUAL(world_port(w, p) == NULL ? 0 : world_port(w, p)->request.kind,
                        MEDIA_DTLS_SRTP);
        p->opens_plain = false;
        p->tamper_olc = without_dtls;
        peer_open(p, H245_CODEC_PCMA);
        calls_settle(w);
        CU_ASSERT_EQUAL(w->env.stats.refused[H23510_NO_HASH], 1);
        calls_end(w);
        PROVES_FOR("T-BAD", side_text(&sides[i], ""));
    }
}

SUITE("conformance/channels", TEST(our_channels_carry_one_hash_and_one_fingerprint),
      TEST(fingerprint_in_any_spelling_is_the_same), TEST(each_bad_olc_is_denied_alone),
      TEST(each_bad_ack_closes_its_channel), TEST(clear_channel_is_denied_where_both_can_do_better))
