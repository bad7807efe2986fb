/* Two of our associations on a link: handshake, verification, loss, close, parking. */
#include "base/err.h"
#include "tests/crypto/dtls_link.h"
#include "tests/suite.h"

#include <stdlib.h>

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

/* A client with certificate a and a server with certificate b. */
struct pair {
    struct link link;
    struct end client, server;
    struct dtls_config client_config, server_config;
};

static void pair_config(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    dtls_config_init(&p->client_config, cert_a);
    dtls_config_init(&p->server_config, cert_b);
}

static void pair_start(struct pair *p, unsigned loss, unsigned seed,
                       const struct fingerprint *client_expects,
                       const struct fingerprint *server_expects)
{
    link_init(&p->link, loss, seed);
    end_init(&p->client, &p->link, 0, DTLS_CLIENT, &p->client_config, client_expects);
    end_init(&p->server, &p->link, 1, DTLS_SERVER, &p->server_config, server_expects);
    CU_ASSERT_EQUAL(dtls_assoc_start(p->server.assoc, p->link.now), 0);
    CU_ASSERT_EQUAL(dtls_assoc_start(p->client.assoc, p->link.now), 0);
}

static void pair_fini(struct pair *p)
{
    link_fini(&p->link);
    end_fini(&p->client);
    end_fini(&p->server);
}

static bool both_decided(void *user)
{
    struct pair *p = user;

    return (p->client.established || p->client.failed) &&
           (p->server.established || p->server.failed);
}

static bool same_keys(const struct pair *p)
{
    const struct srtp_profile_info *info = srtp_profile_find(p->client.info.profile);
    const struct dtls_established *c = &p->client.info, *s = &p->server.info;

    return info && c->profile == s->profile &&
           memcmp(c->local.key, s->remote.key, info->key_len) == 0 &&
           memcmp(c->remote.key, s->local.key, info->key_len) == 0 &&
           memcmp(c->local.salt, s->remote.salt, info->salt_len) == 0 &&
           memcmp(c->remote.salt, s->local.salt, info->salt_len) == 0 &&
           memcmp(c->local.key, c->remote.key, info->key_len) != 0;
}

static void run_to_end(struct pair *p)
{
    link_run(&p->link, p->link.now + 60000, both_decided, p);
}

static void handshake_fingerprints_known_gives_same_keys(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.client.established, 1);
    CU_ASSERT_EQUAL(p.server.established, 1);
    CU_ASSERT_TRUE(same_keys(&p));
    CU_ASSERT_EQUAL(p.server.info.profile, SRTP_PROFILE_AEAD_AES_128_GCM);
    CU_ASSERT_STRING_EQUAL(p.server.info.cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    CU_ASSERT_EQUAL(dtls_assoc_state(p.server.assoc), DTLS_ESTABLISHED);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->hello_verify_sent, 1);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->cookie_good, 1);
    pair_fini(&p);
}

static void handshakes_20_percent_loss_all_complete(void)
{
    uint64_t worst = 0, sum = 0;
    int good = 0;

    for (unsigned i = 0; i < 300; i++) {
        struct pair p;

        pair_config(&p);
        pair_start(&p, 20, i * 7919 + 1, &fp_b, &fp_a);
        run_to_end(&p);
        if (p.client.established == 1 && p.server.established == 1 && same_keys(&p))
            good++;
        sum += p.link.now - 1000;
        if (p.link.now - 1000 > worst)
            worst = p.link.now - 1000;
        pair_fini(&p);
    }
    printf("\n    20 %% loss: %d of 300, mean %llu ms, worst %llu ms ", good,
           (unsigned long long)(sum / 300), (unsigned long long)worst);
    CU_ASSERT_EQUAL(good, 300);
}

SUITE_SETUP("crypto/dtls", setup, teardown, TEST(handshake_fingerprints_known_gives_same_keys),
            TEST(handshakes_20_percent_loss_all_complete))
