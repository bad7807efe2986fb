/* GnuGk's own answers, octet for octet: the engine starts with the recorded endpoint's sequence
 * number and clock, so that numbers and H.235.1 tokens fit. And the tokens themselves: what the
 * engine would compute over the recorded messages is what h323plus and GnuGk computed. */
#include "base/err.h"
#include "crypto/sha1.h"
#include "signalling/h225/ras_internal.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

#include <stdio.h>
#include <stdlib.h>

static const struct ras_crypto crypto = {sha1_digest, sha1_hmac};

struct said {
    bool by_gatekeeper;
    char what[40];
    uint8_t data[1024];
    size_t len;
};

struct talk {
    struct said said[32];
    size_t count;
};

static size_t read_hex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = 0;
    unsigned octet;

    while (n < cap && sscanf(hex + 2 * n, "%2x", &octet) == 1)
        out[n++] = (uint8_t)octet;
    return n;
}

static void load(const char *capture, struct talk *t)
{
    FILE *f = fopen(RAS_MESSAGES, "r");
    static char line[4096], hex[4096];
    char name[64], who[16];

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    t->count = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        struct said *s = &t->said[t->count];

        if (sscanf(line, "%63s %15s %39s %4095s", name, who, s->what, hex) != 4 ||
            strcmp(name, capture) != 0)
            continue;
        s->by_gatekeeper = strcmp(who, "gatekeeper") == 0;
        s->len = read_hex(hex, s->data, sizeof(s->data));
        t->count++;
    }
    fclose(f);
    CU_ASSERT_TRUE_FATAL(t->count >= 8);
}

static uint32_t first_seq(const struct talk *t)
{
    return ((uint32_t)t->said[0].data[2] << 8 | t->said[0].data[3]) + 1;
}

/* `n`th message of the gatekeeper into the engine. */
static int replay(struct gk *g, const struct talk *t, size_t n)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->said[i].by_gatekeeper && n-- == 0)
            return ras_input(g->ras, &g->address, t->said[i].data, t->said[i].len, g->now);
    CU_FAIL_FATAL("not that many");
    return ERR_NOTFOUND;
}

static void call_through(const char *capture, const char *password, bool is_routed)
{
    struct ras_admission call = gk_call(7);
    struct ras_registration r;
    struct talk t;
    struct gk g;

    load(capture, &t);
    gk_init(&g, first_seq(&t) - 1, password);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gk_expect(&g, h225_RasMessage_gatekeeperRequest);
    CU_ASSERT_EQUAL(replay(&g, &t, 0), 0);
    gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_EQUAL(replay(&g, &t, 1), 0);
    CU_ASSERT_EQUAL_FATAL(ras_registration(g.ras, &r), 0);
    CU_ASSERT_STRING_EQUAL(r.gatekeeper_id, "labgk");
    CU_ASSERT_PTR_NOT_NULL(strstr(r.endpoint_id, "_endp"));
    CU_ASSERT_EQUAL(r.ttl_s, 60);
    CU_ASSERT_EQUAL(g.seen.registered, 1);
    call.is_answer = false;
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    gk_expect(&g, h225_RasMessage_admissionRequest);
    CU_ASSERT_EQUAL(replay(&g, &t, 2), 0);
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(g.seen.admitted.err, 0);
    CU_ASSERT_EQUAL(g.seen.admitted.is_routed, is_routed);
    CU_ASSERT_EQUAL(g.seen.admitted.bandwidth, 100000);
    CU_ASSERT_EQUAL(g.seen.admitted.destination.port, 1720);
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 7, 16, g.now), 0);
    gk_expect(&g, h225_RasMessage_disengageRequest);
    CU_ASSERT_EQUAL(replay(&g, &t, 3), 0);
    CU_ASSERT_EQUAL(ras_stop(g.ras, g.now), 0);
    gk_expect(&g, h225_RasMessage_unregistrationRequest);
    CU_ASSERT_EQUAL(replay(&g, &t, 4), 0);
    CU_ASSERT_EQUAL(g.seen.stopped, 1);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_OFF);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->unmatched + ras_stats(g.ras)->unauthentic, 0);
    CU_ASSERT_EQUAL(ras_next_deadline(g.ras), RAS_NEVER);
    gk_fini(&g);
}

static void routed_call_goes_through(void)
{
    call_through("e1_gkRouted_noFS_noTun", NULL, true);
}

static void direct_call_goes_through(void)
{
    call_through("e3_gkDirect_noFS_noTun", NULL, false);
}

static void authenticated_call_goes_through(void)
{
    call_through("e5_gkRouted_auth", "alicepw", true);
}

static void unknown_alias_is_refused(void)
{
    struct ras_admission call = gk_call(9);
    struct talk t;
    struct gk g;

    load("e7_gkRouted_noSuchAlias", &t);
    gk_init(&g, first_seq(&t) - 1, NULL);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 0), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 1), 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 2), 0);
    CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_REFUSED);
    CU_ASSERT_STRING_EQUAL(g.seen.reason, "calledPartyNotRegistered");
    CU_ASSERT_EQUAL(ras_call_count(g.ras), 0);
    gk_fini(&g);
}

static void other_password_does_not_register(void)
{
    struct talk t;
    struct gk g;

    load("e5_gkRouted_auth", &t);
    gk_init(&g, first_seq(&t) - 1, "bobpw");
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 0), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 1), ERR_AUTH);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->unauthentic, 1);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERING);
    gk_fini(&g);
}

static void old_token_does_not_register(void)
{
    struct talk t;
    struct gk g;

    load("e5_gkRouted_auth", &t);
    gk_init(&g, first_seq(&t) - 1, "alicepw");
    g.unix_time += 7300;
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 0), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 1), ERR_REPLAY);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERING);
    gk_fini(&g);
}

static const struct h225_CryptoH323Token_list *tokens_of(const struct h225_RasMessage *m)
{
    const struct ras_kind *kind = ras_kind_of(m->kind);
    const char *body = ras_body(m);

    return *(const bool *)(body + kind->has_tokens) ? (const void *)(body + kind->tokens) : NULL;
}

/* Every token of the capture, of both sides: its hash taken out, the message encoded again with a
 * mark, sealed with alice's password: the recorded octets come back. */
static void tokens_are_reproduced_octet_for_octet(void)
{
    static const uint8_t mark[RAS_HASH_LEN] = "tokenhashmrk";
    uint8_t key[RAS_SHA1_LEN], data[RAS_DATAGRAM_MAX];
    struct arena a;
    struct talk t;
    int sealed = 0;

    load("e5_gkRouted_auth", &t);
    CU_ASSERT_EQUAL(sha1_digest("alicepw", 7, key), 0);
    arena_init(&a, 0, 0);
    for (size_t i = 0; i < t.count; i++) {
        const struct h225_CryptoH323Token_list *tokens;
        struct h235_CryptoToken_cryptoHashedToken *hashed;
        void *m = NULL;
        size_t len = 0;

        CU_ASSERT_EQUAL_FATAL(
            per_decode(&h225_RasMessage_type, t.said[i].data, t.said[i].len, NULL, &a, &m, NULL),
            0);
        tokens = tokens_of(m);
        if (tokens == NULL)
            continue;
        hashed = tokens->v[0].u.nestedcryptoToken->u.cryptoHashedToken;
        memcpy(hashed->token.hash.p, mark, RAS_HASH_LEN);
        CU_ASSERT_EQUAL(per_encode(&h225_RasMessage_type, m, data, sizeof(data), &len, NULL), 0);
        CU_ASSERT_EQUAL(ras_auth_seal(&crypto, key, data, len, mark), 0);
        CU_ASSERT_EQUAL(len, t.said[i].len);
        CU_ASSERT_EQUAL(memcmp(data, t.said[i].data, t.said[i].len), 0);
        sealed++;
    }
    CU_ASSERT_EQUAL(sealed, 8); /* all but GRQ and GCF */
    arena_fini(&a);
}

/* Our own RRQ carries the token that the recorded endpoint would make: same identifiers, same
 * places, and a hash that holds over what we sent. */
static void own_tokens_hold(void)
{
    const struct h235_CryptoToken_cryptoHashedToken *hashed;
    const struct h225_RegistrationRequest *rrq;
    uint8_t key[RAS_SHA1_LEN], hash[RAS_SHA1_LEN], said[RAS_HASH_LEN], *at;
    struct gk_datagram *d;
    struct talk t;
    struct gk g;

    load("e5_gkRouted_auth", &t);
    gk_init(&g, first_seq(&t) - 1, "alicepw");
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 0), 0);
    gk_expect(&g, h225_RasMessage_gatekeeperRequest);
    d = &g.queue[g.head];
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE_FATAL(rrq->has_cryptoTokens && rrq->cryptoTokens.n == 1);
    hashed = rrq->cryptoTokens.v[0].u.nestedcryptoToken->u.cryptoHashedToken;
    CU_ASSERT_EQUAL(hashed->hashedVals.timeStamp, g.unix_time);
    CU_ASSERT_EQUAL(hashed->hashedVals.generalID.len, 5);
    CU_ASSERT_EQUAL(hashed->hashedVals.sendersID.len, 5);
    memcpy(said, hashed->token.hash.p, RAS_HASH_LEN);
    at = memmem(d->data, d->len, said, RAS_HASH_LEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    memset(at, 0, RAS_HASH_LEN);
    CU_ASSERT_EQUAL(sha1_digest("alicepw", 7, key), 0);
    CU_ASSERT_EQUAL(sha1_hmac(key, sizeof(key), d->data, d->len, hash), 0);
    CU_ASSERT_EQUAL(memcmp(hash, said, RAS_HASH_LEN), 0);
    gk_fini(&g);
}

/* A recorded DisengageConfirm twice, and one with a bit turned over. */
static void replayed_and_garbled_are_refused(void)
{
    struct ras_admission call = gk_call(7);
    struct talk t;
    struct gk g;

    load("e5_gkRouted_auth", &t);
    gk_init(&g, first_seq(&t) - 1, "alicepw");
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 0), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 1), 0);
    CU_ASSERT_EQUAL(replay(&g, &t, 1), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    for (size_t i = 0; i < t.count; i++)
        if (strcmp(t.said[i].what, "admissionConfirm") == 0)
            t.said[i].data[6] ^= 1; /* bandWidth */
    CU_ASSERT_EQUAL(replay(&g, &t, 2), ERR_AUTH);
    CU_ASSERT_EQUAL(g.seen.admissions, 0);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->unauthentic, 1);
    gk_fini(&g);
}

SUITE("h225/ras_captures", TEST(routed_call_goes_through), TEST(direct_call_goes_through),
      TEST(authenticated_call_goes_through), TEST(unknown_alias_is_refused),
      TEST(other_password_does_not_register), TEST(old_token_does_not_register),
      TEST(tokens_are_reproduced_octet_for_octet), TEST(own_tokens_hold),
      TEST(replayed_and_garbled_are_refused))
