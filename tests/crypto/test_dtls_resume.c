/* X-RESUME: abbreviated handshakes, and when they must not be. Against ourselves and OpenSSL, both
 * roles. */
#include "base/secret.h"
#include "crypto/dtls_sessions.h"
#include "tests/crypto/dtls_openssl.h"
#include "tests/suite.h"

#include <stdlib.h>

#define LIFETIME_MS 600000
#define ALL_PROFILES \
    "SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM"

static struct cert *cert_a, *cert_b;
static struct fingerprint fp_a, fp_b;

static int setup(void)
{
    if (cert_generate(30, &cert_a) != 0 || cert_generate(30, &cert_b) != 0)
        return 1;
    return cert_fingerprint(cert_a, FINGERPRINT_SHA256, &fp_a) ||
           cert_fingerprint(cert_b, FINGERPRINT_SHA256, &fp_b);
}

static int teardown(void)
{
    cert_destroy(cert_a);
    cert_destroy(cert_b);
    return 0;
}

/* Contexts that live on from call to call; index 0 is the client. */
struct world {
    struct dtls_sessions *sessions[2];
    struct dtls_config config[2];
    struct dtls_ctx *ctx[2];
    struct link link;
    struct end ends[2];
    unsigned loss, seed;
    const struct fingerprint *expected[2];
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    for (int i = 0; i < 2; i++) {
        dtls_config_init(&w->config[i], i == 0 ? cert_a : cert_b);
        w->sessions[i] = dtls_sessions_create(64, LIFETIME_MS);
        CU_ASSERT_PTR_NOT_NULL_FATAL(w->sessions[i]);
        w->config[i].sessions = w->sessions[i];
    }
    w->expected[0] = &fp_b;
    w->expected[1] = &fp_a;
    link_init(&w->link, 0, 1);
}

static void world_fini(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        dtls_ctx_destroy(w->ctx[i]);
        dtls_sessions_destroy(w->sessions[i]);
    }
}

static bool both_decided(void *user)
{
    struct world *w = user;

    return (w->ends[0].established || w->ends[0].failed) &&
           (w->ends[1].established || w->ends[1].failed);
}

/* One handshake; the ends' associations are gone afterwards, what they saw is not. */
static void call(struct world *w)
{
    uint64_t now = w->link.now;

    link_init(&w->link, w->loss, w->seed++);
    w->link.now = now;
    for (int i = 0; i < 2; i++) {
        if (w->ctx[i] == NULL)
            CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&w->config[i], &w->ctx[i]), 0);
        end_init_on(&w->ends[i], &w->link, i, i == 0 ? DTLS_CLIENT : DTLS_SERVER, w->ctx[i],
                    w->expected[i]);
    }
    dtls_assoc_start(w->ends[1].assoc, w->link.now);
    dtls_assoc_start(w->ends[0].assoc, w->link.now);
    link_run(&w->link, w->link.now + 60000, both_decided, w);
    for (int i = 0; i < 2; i++)
        end_fini(&w->ends[i]); /* ctx of the end is NULL: ours lives on */
    link_fini(&w->link);
}

static bool same_keys(const struct world *w)
{
    const struct dtls_established *c = &w->ends[0].info, *s = &w->ends[1].info;

    return w->ends[0].established && w->ends[1].established && c->profile == s->profile &&
           memcmp(c->local.key, s->remote.key, 16) == 0 &&
           memcmp(c->remote.key, s->local.key, 16) == 0 &&
           memcmp(c->local.salt, s->remote.salt, 12) == 0;
}

static bool resumed(const struct world *w)
{
    CU_ASSERT_EQUAL(w->ends[0].info.is_resumed, w->ends[1].info.is_resumed);
    return w->ends[0].info.is_resumed;
}

static void x_resume_second_call_is_abbreviated_with_fresh_keys(void)
{
    struct srtp_master first;
    const struct dtls_stats *stats;
    struct world w;

    world_init(&w);
    call(&w);
    CU_ASSERT_TRUE(same_keys(&w));
    CU_ASSERT_FALSE(resumed(&w));
    first = w.ends[0].info.local;
    for (int i = 0; i < 3; i++) {
        call(&w);
        CU_ASSERT_TRUE(same_keys(&w));
        CU_ASSERT_TRUE(resumed(&w));
        CU_ASSERT_NOT_EQUAL(memcmp(first.key, w.ends[0].info.local.key, 16), 0);
        CU_ASSERT_TRUE(fingerprint_equal(w.expected[0], &fp_b));
        first = w.ends[0].info.local;
    }
    for (int i = 0; i < 2; i++) {
        stats = dtls_ctx_stats(w.ctx[i]);
        CU_ASSERT_EQUAL(stats->handshakes_full, 1);
        CU_ASSERT_EQUAL(stats->handshakes_resumed, 3);
        CU_ASSERT_EQUAL(stats->established, 4);
        CU_ASSERT_EQUAL(stats->sessions_kept, 1);
    }
    /* X-6347: the cookie exchange comes first, resumed or not. */
    CU_ASSERT_EQUAL(dtls_ctx_stats(w.ctx[1])->hello_verify_sent, 4);
    CU_ASSERT_EQUAL(dtls_ctx_stats(w.ctx[1])->cookie_good, 4);
    world_fini(&w);
}

static void x_resume_another_fingerprint_or_hash_forces_a_full_handshake(void)
{
    struct fingerprint b384, a384, wrong = fp_a;
    struct world w;

    CU_ASSERT_EQUAL(cert_fingerprint(cert_b, FINGERPRINT_SHA384, &b384), 0);
    CU_ASSERT_EQUAL(cert_fingerprint(cert_a, FINGERPRINT_SHA384, &a384), 0);
    wrong.digest[5] ^= 1;
    world_init(&w);
    call(&w);
    /* The same certificate by another hash: the client looks under another name, ... */
    w.expected[0] = &b384;
    call(&w);
    CU_ASSERT_TRUE(same_keys(&w));
    CU_ASSERT_FALSE(resumed(&w));
    w.expected[0] = &fp_b;
    call(&w);
    CU_ASSERT_TRUE(resumed(&w));
    /* ... the server does not take what it was asked for. */
    w.expected[1] = &a384;
    call(&w);
    CU_ASSERT_TRUE(same_keys(&w));
    CU_ASSERT_FALSE(resumed(&w));
    CU_ASSERT_EQUAL(dtls_ctx_stats(w.ctx[1])->sessions_refused, 1);
    call(&w);
    CU_ASSERT_TRUE(resumed(&w));
    /* D-VERIFY: another peer is signalled, the old one's session is worth nothing, and its
     * certificate is the wrong one. */
    w.expected[1] = &wrong;
    call(&w);
    CU_ASSERT_EQUAL(w.ends[1].established, 0);
    CU_ASSERT_EQUAL(w.ends[1].reason, DTLS_FAIL_FINGERPRINT);
    /* Not signalled yet: only a certificate can be held against what will be. */
    w.expected[1] = NULL;
    call(&w);
    CU_ASSERT_EQUAL(w.ends[1].established, 0);
    CU_ASSERT_EQUAL(dtls_ctx_stats(w.ctx[1])->handshakes_resumed, 2);
    world_fini(&w);
}

static void x_resume_other_profiles_force_a_full_handshake(void)
{
    struct world w;

    world_init(&w);
    call(&w);
    /* The server's policy has changed, as after a reload: the table lives on. */
    dtls_ctx_destroy(w.ctx[1]);
    w.ctx[1] = NULL;
    w.config[1].profiles[0] = SRTP_PROFILE_AES128_CM_SHA1_80;
    w.config[1].profile_count = 1;
    call(&w);
    CU_ASSERT_TRUE(same_keys(&w));
    CU_ASSERT_FALSE(resumed(&w));
    CU_ASSERT_EQUAL(w.ends[1].info.profile, SRTP_PROFILE_AES128_CM_SHA1_80);
    call(&w);
    CU_ASSERT_TRUE(resumed(&w));
    /* The client's. */
    dtls_ctx_destroy(w.ctx[0]);
    w.ctx[0] = NULL;
    w.config[0].profiles[0] = SRTP_PROFILE_AES128_CM_SHA1_80;
    w.config[0].profile_count = 1;
    call(&w);
    CU_ASSERT_FALSE(resumed(&w));
    CU_ASSERT_TRUE(same_keys(&w));
    world_fini(&w);
}

static void x_resume_sessions_end_with_their_lifetime_and_the_table_is_bounded(void)
{
    struct dtls_session_bond bond;
    uint8_t key[33] = {'s'}, blob[DTLS_SESSION_BLOB_MAX] = {7};
    struct world w;
    size_t len;

    world_init(&w);
    call(&w);
    w.link.now += LIFETIME_MS;
    call(&w);
    CU_ASSERT_TRUE(same_keys(&w));
    CU_ASSERT_FALSE(resumed(&w));
    CU_ASSERT_EQUAL(dtls_sessions_count(w.sessions[1]), 2); /* the new one has another id */
    memset(&bond, 0, sizeof(bond));
    for (unsigned i = 0; i < 5000; i++) {
        memcpy(key + 1, &i, sizeof(i));
        dtls_sessions_put(w.sessions[1], 1000 + i, key, sizeof(key), &bond, blob, 100);
    }
    CU_ASSERT_TRUE(dtls_sessions_count(w.sessions[1]) <= 64);
    CU_ASSERT_TRUE(dtls_sessions_get(w.sessions[1], 7000, key, sizeof(key), &bond, blob, &len));
    CU_ASSERT_EQUAL(len, 100);
    bond.srtp = 1;
    CU_ASSERT_FALSE(dtls_sessions_get(w.sessions[1], 7000, key, sizeof(key), &bond, blob, &len));
    bond.srtp = 0; /* a wrong bond has made it forgotten */
    CU_ASSERT_FALSE(dtls_sessions_get(w.sessions[1], 7000, key, sizeof(key), &bond, blob, &len));
    world_fini(&w);
}

static void x_resume_off_every_handshake_is_full(void)
{
    struct world w;

    world_init(&w);
    w.config[1].sessions = NULL;
    for (int i = 0; i < 3; i++) {
        call(&w);
        CU_ASSERT_TRUE(same_keys(&w));
        CU_ASSERT_FALSE(resumed(&w));
    }
    world_fini(&w);
}

static void x_resume_30_percent_loss_all_complete(void)
{
    unsigned good = 0, abbreviated = 0;
    struct world w;

    world_init(&w);
    call(&w);
    w.loss = 30;
    for (int i = 0; i < 300; i++) {
        call(&w);
        good += same_keys(&w);
        abbreviated += w.ends[0].info.is_resumed;
    }
    CU_ASSERT_EQUAL(good, 300);
    CU_ASSERT_TRUE(abbreviated >= 295); /* some came after the lifetime */
    world_fini(&w);
}

/* H-KEYS: what seals sessions and parked associations, cookies' secrets and the keys of SRTP lie in
 * memory from secret_alloc, which the kernel leaves out of core dumps (flag `dd`). */
static void h_keys_memory_of_secrets_is_not_dumped(void)
{
    uint8_t *secret = secret_alloc(4096), *plain = malloc(4096);
    bool is_in = false, is_left_out = false, is_plain_left_out = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    unsigned long start = 0, end = 0;
    char line[512];

    CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
    CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strncmp(line, "VmFlags:", 8) != 0) {
            unsigned long from, to; /* "Anonymous:" begins like a number as well */

            if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
                start = from;
                end = to;
            }
            continue;
        }
        if ((uintptr_t)secret >= start && (uintptr_t)secret < end) {
            is_in = true;
            is_left_out = strstr(line, " dd") != NULL;
        }
        if ((uintptr_t)plain >= start && (uintptr_t)plain < end)
            is_plain_left_out = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    CU_ASSERT_TRUE(is_in);
    CU_ASSERT_TRUE(is_left_out);
    CU_ASSERT_FALSE(is_plain_left_out); /* the test can fail */
    free(plain);
    secret_free(secret, 4096);
}

/* What is forgotten cannot be taken out again. */
static void h_keys_forgotten_session_is_gone(void)
{
    struct dtls_session_bond bond;
    struct dtls_sessions *s = dtls_sessions_create(8, LIFETIME_MS);
    const uint8_t key[33] = {'s', 1};
    uint8_t blob[100], out[DTLS_SESSION_BLOB_MAX];
    size_t len;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    memset(&bond, 0, sizeof(bond));
    memset(blob, 0x5c, sizeof(blob));
    dtls_sessions_put(s, 1000, key, sizeof(key), &bond, blob, sizeof(blob));
    CU_ASSERT_EQUAL(dtls_sessions_count(s), 1);
    CU_ASSERT_TRUE(dtls_sessions_get(s, 2000, key, sizeof(key), &bond, out, &len));
    CU_ASSERT_TRUE(len == sizeof(blob) && memcmp(out, blob, len) == 0);
    dtls_sessions_forget(s, key, sizeof(key));
    CU_ASSERT_EQUAL(dtls_sessions_count(s), 0);
    CU_ASSERT_FALSE(dtls_sessions_get(s, 2000, key, sizeof(key), &bond, out, &len));
    dtls_sessions_destroy(s);
}

/* --- OpenSSL ------------------------------------------------------------------------------- */

struct duel {
    struct link link;
    struct end us;
    struct ossl them;
};

static bool duel_decided(void *user)
{
    struct duel *d = user;

    return (d->us.established || d->us.failed) && (d->them.done || d->them.failed);
}

static bool exporters_agree(const struct duel *d)
{
    const struct dtls_established *e = &d->us.info;
    const struct srtp_profile_info *p = srtp_profile_find(e->profile);
    const struct srtp_master *client = d->us.role == DTLS_CLIENT ? &e->local : &e->remote;

    return p && memcmp(client->key, d->them.material, p->key_len) == 0;
}

/* Two calls with one OpenSSL context: its session of the first is offered, or known, in the
 * second. */
static void check_openssl(enum dtls_role role)
{
    enum dtls_role theirs = role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT;
    struct duel *d = calloc(1, sizeof(*d));
    struct dtls_sessions *sessions = dtls_sessions_create(16, LIFETIME_MS);
    uint8_t before[16] = {0};
    SSL_SESSION *kept = NULL;
    struct dtls_ctx *ctx = NULL;
    struct dtls_config config;

    dtls_config_init(&config, cert_a);
    config.sessions = sessions;
    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config, &ctx), 0);
    link_init(&d->link, 0, 5);
    ossl_init(&d->them, &d->link, 1, theirs, OSSL_EC, ALL_PROFILES);
    for (int i = 0; i < 3; i++) {
        end_init_on(&d->us, &d->link, 0, role, ctx, &d->them.fp);
        if (i > 0)
            ossl_again(&d->them, theirs, kept);
        CU_ASSERT_EQUAL(dtls_assoc_start(d->us.assoc, d->link.now), 0);
        ossl_start(&d->them);
        link_run(&d->link, d->link.now + 60000, duel_decided, d);
        CU_ASSERT_EQUAL(d->us.established, 1);
        CU_ASSERT_TRUE(exporters_agree(d));
        CU_ASSERT_EQUAL(d->us.info.is_resumed, i > 0);
        CU_ASSERT_EQUAL(SSL_session_reused(d->them.ssl), i > 0);
        CU_ASSERT_NOT_EQUAL(memcmp(before, d->them.material, 16), 0);
        memcpy(before, d->them.material, 16);
        if (kept == NULL)
            kept = SSL_get1_session(d->them.ssl);
        end_fini(&d->us);
    }
    SSL_SESSION_free(kept);
    ossl_fini(&d->them);
    link_fini(&d->link);
    dtls_ctx_destroy(ctx);
    dtls_sessions_destroy(sessions);
    free(d);
}

/* RFC 7627: a peer without extended_master_secret is taken and counted, its session is not kept. */
static void x_resume_session_without_extended_master_secret_is_not_kept(void)
{
    for (int role = DTLS_CLIENT; role <= DTLS_SERVER; role++) {
        enum dtls_role theirs = role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT;
        struct duel *d = calloc(1, sizeof(*d));
        struct dtls_sessions *sessions = dtls_sessions_create(16, LIFETIME_MS);
        struct dtls_ctx *ctx = NULL;
        struct dtls_config config;

        dtls_config_init(&config, cert_a);
        config.sessions = sessions;
        CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config, &ctx), 0);
        link_init(&d->link, 0, 5);
        ossl_init(&d->them, &d->link, 1, theirs, OSSL_EC, ALL_PROFILES);
        SSL_set_options(d->them.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
        end_init_on(&d->us, &d->link, 0, (enum dtls_role)role, ctx, &d->them.fp);
        dtls_assoc_start(d->us.assoc, d->link.now);
        ossl_start(&d->them);
        link_run(&d->link, d->link.now + 60000, duel_decided, d);
        CU_ASSERT_TRUE(d->us.established && exporters_agree(d));
        CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->without_master_secret, 1);
        CU_ASSERT_EQUAL(dtls_sessions_count(sessions), 0);
        end_fini(&d->us);
        ossl_fini(&d->them);
        link_fini(&d->link);
        dtls_ctx_destroy(ctx);
        dtls_sessions_destroy(sessions);
        free(d);
    }
}

static void x_resume_openssl_client_is_taken_up_again(void)
{
    PROVES_FOR("X-RESUME", "dtls=server");
    check_openssl(DTLS_SERVER);
}

static void x_resume_openssl_server_takes_us_up_again(void)
{
    PROVES_FOR("X-RESUME", "dtls=client");
    check_openssl(DTLS_CLIENT);
}

SUITE_SETUP("crypto/dtls_resume", setup, teardown,
            TEST(x_resume_second_call_is_abbreviated_with_fresh_keys),
            TEST(x_resume_another_fingerprint_or_hash_forces_a_full_handshake),
            TEST(x_resume_other_profiles_force_a_full_handshake),
            TEST(x_resume_sessions_end_with_their_lifetime_and_the_table_is_bounded),
            TEST(h_keys_memory_of_secrets_is_not_dumped), TEST(h_keys_forgotten_session_is_gone),
            TEST(x_resume_off_every_handshake_is_full), TEST(x_resume_30_percent_loss_all_complete),
            TEST(x_resume_session_without_extended_master_secret_is_not_kept),
            TEST(x_resume_openssl_client_is_taken_up_again),
            TEST(x_resume_openssl_server_takes_us_up_again))
