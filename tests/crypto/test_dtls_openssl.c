/* Our associations against OpenSSL 3, both roles, with and without loss. */
#include "tests/crypto/dtls_openssl.h"
#include "tests/suite.h"

#include <malloc.h>

#define ALL \
    "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"

static struct cert *cert;
static struct dtls_config config;

static int setup(void)
{
    if (cert_generate(30, &cert) != 0)
        return 1;
    dtls_config_init(&config, cert);
    return 0;
}

static int teardown(void)
{
    cert_destroy(cert);
    return 0;
}

struct duel {
    struct link link;
    struct end ours;
    struct ossl theirs;
};

static void duel_start(struct duel *d, enum dtls_role our_role, enum ossl_cert kind,
                       const char *profiles, unsigned loss, unsigned seed)
{
    memset(d, 0, sizeof(*d));
    link_init(&d->link, loss, seed);
    ossl_init(&d->theirs, &d->link, 1, our_role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT, kind,
              profiles);
    end_init(&d->ours, &d->link, 0, our_role, &config, kind == OSSL_NONE ? NULL : &d->theirs.fp);
    CU_ASSERT_EQUAL(dtls_assoc_start(d->ours.assoc, d->link.now), 0);
    if (our_role == DTLS_SERVER)
        ossl_start(&d->theirs);
}

static void duel_fini(struct duel *d)
{
    link_fini(&d->link);
    end_fini(&d->ours);
    ossl_fini(&d->theirs);
}

static bool decided(void *user)
{
    struct duel *d = user;

    return (d->ours.established || d->ours.failed) && (d->theirs.done || d->theirs.failed);
}

static bool same_keys(const struct duel *d)
{
    const struct srtp_profile_info *info = srtp_profile_find(d->ours.info.profile);
    const struct srtp_master *client, *server;
    const uint8_t *p = d->theirs.material;

    if (!info || d->theirs.profile != info->id)
        return false;
    client = d->ours.role == DTLS_CLIENT ? &d->ours.info.local : &d->ours.info.remote;
    server = d->ours.role == DTLS_CLIENT ? &d->ours.info.remote : &d->ours.info.local;
    return memcmp(p, client->key, info->key_len) == 0 &&
           memcmp(p + info->key_len, server->key, info->key_len) == 0 &&
           memcmp(p + 2 * info->key_len, client->salt, info->salt_len) == 0 &&
           memcmp(p + 2 * info->key_len + info->salt_len, server->salt, info->salt_len) == 0;
}

static void check_good(enum dtls_role role, enum ossl_cert kind, const char *profiles,
                       enum srtp_profile want)
{
    struct duel d;

    duel_start(&d, role, kind, profiles, 0, 1);
    link_run(&d.link, d.link.now + 40000, decided, &d);
    if (!d.ours.established)
        printf("\n    role %d kind %d: %s %s ", role, kind, dtls_failure_to_str(d.ours.reason),
               d.ours.text);
    CU_ASSERT_EQUAL(d.ours.established, 1);
    CU_ASSERT_EQUAL(d.ours.info.profile, want);
    CU_ASSERT_TRUE(same_keys(&d));
    /* RFC 5746 §3.4, §3.6: as client we show that we know the extension, as server we answer it. */
    CU_ASSERT_EQUAL(SSL_get_secure_renegotiation_support(d.theirs.ssl), 1);
    duel_fini(&d);
}

static void every_profile_both_roles_same_keys(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        enum srtp_profile profile = srtp_profile_preference[i];

        check_good(DTLS_CLIENT, OSSL_EC, srtp_profile_to_str(profile), profile);
        check_good(DTLS_SERVER, OSSL_EC, srtp_profile_to_str(profile), profile);
    }
}

/* OpenSSL offers all in the opposite order; as the server we take our own first. */
static void server_own_preference_wins(void)
{
    check_good(DTLS_SERVER, OSSL_EC, ALL, SRTP_PROFILE_AEAD_AES_128_GCM);
}

static void certificates_of_all_kinds_both_roles_trusted_by_fingerprint(void)
{
    for (int kind = OSSL_RSA; kind <= OSSL_ED25519; kind++) {
        /* OpenSSL 3.0 has no Ed25519 certificate for a DTLS server: it asks for TLS 1.2 by number.
         */
        if (kind != OSSL_ED25519)
            check_good(DTLS_CLIENT, (enum ossl_cert)kind, "SRTP_AEAD_AES_128_GCM",
                       SRTP_PROFILE_AEAD_AES_128_GCM);
        check_good(DTLS_SERVER, (enum ossl_cert)kind, "SRTP_AEAD_AES_128_GCM",
                   SRTP_PROFILE_AEAD_AES_128_GCM);
    }
}

static void check_suite(enum dtls_role role, enum ossl_cert kind, const char *suite)
{
    struct duel d;

    memset(&d, 0, sizeof(d));
    link_init(&d.link, 0, 1);
    ossl_init(&d.theirs, &d.link, 1, role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT, kind, ALL);
    CU_ASSERT_EQUAL(SSL_set_cipher_list(d.theirs.ssl, suite), 1);
    end_init(&d.ours, &d.link, 0, role, &config, &d.theirs.fp);
    CU_ASSERT_EQUAL(dtls_assoc_start(d.ours.assoc, d.link.now), 0);
    if (role == DTLS_SERVER)
        ossl_start(&d.theirs);
    link_run(&d.link, d.link.now + 40000, decided, &d);
    if (!d.ours.established)
        printf("\n    %s: %s %s ", suite, dtls_failure_to_str(d.ours.reason), d.ours.text);
    CU_ASSERT_TRUE(d.ours.established && same_keys(&d));
    CU_ASSERT_STRING_EQUAL(SSL_get_cipher_name(d.theirs.ssl), suite);
    CU_ASSERT_EQUAL(SSL_get_extms_support(d.theirs.ssl), 1); /* RFC 7627 */
    duel_fini(&d);
}

/* Ours is a P-256 certificate: as the server we have ECDSA suites alone. */
static void suites_aes_gcm_and_chacha_both_roles_with_extended_master_secret(void)
{
    check_suite(DTLS_SERVER, OSSL_EC, "ECDHE-ECDSA-AES128-GCM-SHA256");
    check_suite(DTLS_SERVER, OSSL_RSA, "ECDHE-ECDSA-AES256-GCM-SHA384");
    check_suite(DTLS_SERVER, OSSL_EC, "ECDHE-ECDSA-CHACHA20-POLY1305");
    check_suite(DTLS_CLIENT, OSSL_EC, "ECDHE-ECDSA-AES128-GCM-SHA256");
    check_suite(DTLS_CLIENT, OSSL_P384, "ECDHE-ECDSA-AES256-GCM-SHA384");
    check_suite(DTLS_CLIENT, OSSL_EC, "ECDHE-ECDSA-CHACHA20-POLY1305");
    check_suite(DTLS_CLIENT, OSSL_RSA, "ECDHE-RSA-AES128-GCM-SHA256");
    check_suite(DTLS_CLIENT, OSSL_RSA3072, "ECDHE-RSA-AES256-GCM-SHA384");
    check_suite(DTLS_CLIENT, OSSL_RSA, "ECDHE-RSA-CHACHA20-POLY1305");
}

/* OpenSSL waits 1, 2, 4, 8, 16 s for a lost flight, so some runs need more than the 30 s that we
 * give a peer; the time-out is set apart to see that none hangs for good. */
static void check_loss(enum dtls_role role)
{
    uint64_t sum = 0, worst = 0;
    int good = 0;

    config.handshake_timeout_ms = 300000;

    for (unsigned i = 0; i < 300; i++) {
        struct duel d;

        duel_start(&d, role, OSSL_EC, ALL, 20, i * 104729 + 3);
        link_run(&d.link, d.link.now + 300000, decided, &d);
        if (d.ours.established == 1 && same_keys(&d))
            good++;
        else
            printf("\n    seed %u: ours %s %s, theirs done %d failed %d ", i,
                   dtls_failure_to_str(d.ours.reason), d.ours.text, d.theirs.done, d.theirs.failed);
        sum += d.link.now - 1000;
        if (d.link.now - 1000 > worst)
            worst = d.link.now - 1000;
        duel_fini(&d);
    }
    dtls_config_init(&config, cert);
    printf("\n    20 %% loss, we are %s: %d of 300, mean %llu ms, worst %llu ms ",
           role == DTLS_CLIENT ? "client" : "server", good, (unsigned long long)(sum / 300),
           (unsigned long long)worst);
    CU_ASSERT_EQUAL(good, 300);
}

static void loss_20_percent_as_client_all_complete(void)
{
    check_loss(DTLS_CLIENT);
}

static void loss_20_percent_as_server_all_complete(void)
{
    check_loss(DTLS_SERVER);
}

/* X-6347: OpenSSL that believes in a path of 256 octets cuts its ClientHello in two datagrams
 * (GStreamer does so always). */
static void small_mtu_client_hello_in_fragments_completes(void)
{
    for (unsigned seed = 0; seed < 60; seed++) {
        struct duel d = {0};

        link_init(&d.link, seed == 0 ? 0 : 15, seed * 7919 + 1);
        ossl_init(&d.theirs, &d.link, 1, DTLS_CLIENT, OSSL_RSA, ALL);
        end_init(&d.ours, &d.link, 0, DTLS_SERVER, &config, &d.theirs.fp);
        SSL_set_options(d.theirs.ssl, SSL_OP_NO_QUERY_MTU);
        CU_ASSERT_TRUE(SSL_set_mtu(d.theirs.ssl, 256) > 0);
        ossl_start(&d.theirs);
        link_run(&d.link, d.link.now + 300000, decided, &d);
        CU_ASSERT_TRUE(d.ours.established || d.ours.reason == DTLS_FAIL_TIMEOUT);
        if (seed == 0)
            CU_ASSERT_TRUE(d.ours.established && same_keys(&d));
        duel_fini(&d);
    }
}

#define RECORD_HEADER    13
#define HANDSHAKE_HEADER 12
#define OCTETS_AT_ONCE   8 /* fragments in a datagram */

/* Cuts each plain handshake message on its way to us into fragments of one octet, last one first.
 */
static bool cut_to_octets(struct link *link, int to, const uint8_t *data, size_t len)
{
    uint8_t out[OCTETS_AT_ONCE * (RECORD_HEADER + HANDSHAKE_HEADER + 1)];
    uint64_t *number = link->filter_user;
    size_t body = len - RECORD_HEADER - HANDSHAKE_HEADER, used = 0;

    if (to != 0 || len <= RECORD_HEADER + HANDSHAKE_HEADER || data[0] != 22 || data[4] != 0 ||
        RECORD_HEADER + ((size_t)data[11] << 8 | data[12]) != len)
        return true; /* ours, or several records, or encrypted */
    for (size_t i = body; i-- > 0;) {
        uint8_t *r = out + used;

        memcpy(r, data, RECORD_HEADER + HANDSHAKE_HEADER);
        ++*number;
        for (int k = 0; k < 6; k++)
            r[10 - k] = (uint8_t)(*number >> 8 * k);
        r[11] = 0;
        r[12] = HANDSHAKE_HEADER + 1;
        r[RECORD_HEADER + 6] = 0;
        r[RECORD_HEADER + 7] = (uint8_t)(i >> 8);
        r[RECORD_HEADER + 8] = (uint8_t)i;
        r[RECORD_HEADER + 9] = r[RECORD_HEADER + 10] = 0;
        r[RECORD_HEADER + 11] = 1;
        r[RECORD_HEADER + HANDSHAKE_HEADER] = data[RECORD_HEADER + HANDSHAKE_HEADER + i];
        used += RECORD_HEADER + HANDSHAKE_HEADER + 1;
        if (used == sizeof(out) || i == 0) {
            link->filter = NULL;
            link_send(link, to, out, used);
            link->filter = cut_to_octets;
            used = 0;
        }
    }
    return false;
}

/* X-6347: RFC 6347 §4.2.3 sets no least size. */
static void hello_in_fragments_of_one_octet_completes(void)
{
    uint64_t number = 100;
    struct duel d = {0};

    link_init(&d.link, 0, 1);
    d.link.filter = cut_to_octets;
    d.link.filter_user = &number;
    ossl_init(&d.theirs, &d.link, 1, DTLS_CLIENT, OSSL_EC, ALL);
    end_init(&d.ours, &d.link, 0, DTLS_SERVER, &config, &d.theirs.fp);
    ossl_start(&d.theirs);
    link_run(&d.link, d.link.now + 60000, decided, &d);
    CU_ASSERT_TRUE(number > 400); /* both hellos were cut */
    CU_ASSERT_TRUE(d.ours.established && same_keys(&d));
    duel_fini(&d);
}

static int add_unknown(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                       size_t *len, X509 *x509, size_t chain, int *alert, void *user)
{
    static const unsigned char octets[700];

    (void)ssl, (void)type, (void)context, (void)x509, (void)chain, (void)alert, (void)user;
    *out = octets;
    *len = type % 2 == 0 ? sizeof(octets) : 0;
    return 1;
}

/* Extensions that nobody knows, 3.5 KB of them and some empty: skipped, those behind them read. */
static void hello_with_many_unknown_extensions_completes(void)
{
    struct duel d = {0};

    link_init(&d.link, 0, 1);
    ossl_init(&d.theirs, &d.link, 1, DTLS_CLIENT, OSSL_EC, ALL);
    for (unsigned type = 0; type < 10; type++)
        CU_ASSERT_EQUAL(SSL_CTX_add_custom_ext(d.theirs.ctx, 60000 + type, SSL_EXT_CLIENT_HELLO,
                                               add_unknown, NULL, NULL, NULL, NULL),
                        1);
    ossl_again(&d.theirs, DTLS_CLIENT, NULL);
    end_init(&d.ours, &d.link, 0, DTLS_SERVER, &config, &d.theirs.fp);
    ossl_start(&d.theirs);
    link_run(&d.link, d.link.now + 60000, decided, &d);
    CU_ASSERT_TRUE(d.ours.established && same_keys(&d));
    duel_fini(&d);
}

static void check_bad(enum dtls_role role, enum ossl_cert kind, const char *profiles,
                      const struct fingerprint *expect, enum dtls_failure want)
{
    struct duel d;

    duel_start(&d, role, kind, profiles, 0, 1);
    if (expect)
        CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(d.ours.assoc, d.link.now, expect), 0);
    link_run(&d.link, d.link.now + 40000, decided, &d);
    if (d.ours.reason != want)
        printf("\n    %s: %s ", dtls_failure_to_str(d.ours.reason), d.ours.text);
    CU_ASSERT_EQUAL(d.ours.established, 0);
    CU_ASSERT_EQUAL(d.ours.failed, 1);
    CU_ASSERT_EQUAL(d.ours.reason, want);
    duel_fini(&d);
}

static void client_without_certificate_fails_with_that_reason(void)
{
    struct fingerprint any = {.hash = FINGERPRINT_SHA256};

    check_bad(DTLS_SERVER, OSSL_NONE, ALL, &any, DTLS_FAIL_NO_CERTIFICATE);
}

static void fingerprint_mismatch_both_roles_fails(void)
{
    struct fingerprint other = {.hash = FINGERPRINT_SHA256, .digest = {1}};

    check_bad(DTLS_SERVER, OSSL_EC, ALL, &other, DTLS_FAIL_FINGERPRINT);
    check_bad(DTLS_CLIENT, OSSL_EC, ALL, &other, DTLS_FAIL_FINGERPRINT);
    check_bad(DTLS_SERVER, OSSL_CHAIN, ALL, &other, DTLS_FAIL_FINGERPRINT);
    check_bad(DTLS_CLIENT, OSSL_CHAIN, ALL, &other, DTLS_FAIL_FINGERPRINT);
}

static void no_use_srtp_both_roles_fails(void)
{
    check_bad(DTLS_SERVER, OSSL_EC, NULL, NULL, DTLS_FAIL_NO_PROFILE);
    check_bad(DTLS_CLIENT, OSSL_EC, NULL, NULL, DTLS_FAIL_NO_PROFILE);
}

/* The authorities that peers send do not stay in the context. */
static void chains_many_keep_no_memory(void)
{
    struct dtls_ctx *ctx = NULL;
    size_t before;

    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config, &ctx), 0);
    for (int i = 0; i < 60; i++) {
        struct duel d = {0};

        link_init(&d.link, 0, 1);
        ossl_init(&d.theirs, &d.link, 1, DTLS_CLIENT, OSSL_CHAIN, ALL);
        end_init_on(&d.ours, &d.link, 0, DTLS_SERVER, ctx, &d.theirs.fp);
        ossl_start(&d.theirs);
        link_run(&d.link, d.link.now + 40000, decided, &d);
        CU_ASSERT_EQUAL(d.ours.established, 1);
        duel_fini(&d);
    }
    /* What the context gives back: an authority takes some 700 bytes, 60 of them would show. (How
     * the heap grows meanwhile is OpenSSL's doing as well.) */
    before = mallinfo2().uordblks;
    dtls_ctx_destroy(ctx);
    CU_ASSERT_TRUE(before - mallinfo2().uordblks < 20000);
}

static void records_and_close_go_both_ways(void)
{
    struct duel d;

    duel_start(&d, DTLS_SERVER, OSSL_EC, ALL, 0, 1);
    link_run(&d.link, d.link.now + 40000, decided, &d);
    CU_ASSERT_EQUAL(dtls_assoc_send(d.ours.assoc, d.link.now, (const uint8_t *)"ping", 4), 0);
    link_run(&d.link, d.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(d.theirs.echoed, 1);
    CU_ASSERT_EQUAL(d.ours.data_len, 4);
    /* Parked, then closed: the alert still comes from the right state. */
    link_run(&d.link, d.link.now + 15000, NULL, NULL);
    CU_ASSERT_TRUE(dtls_assoc_is_parked(d.ours.assoc));
    dtls_assoc_close(d.ours.assoc, d.link.now);
    link_run(&d.link, d.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(d.theirs.closed, 1);
    duel_fini(&d);
}

/* The client's first hello is kept from us, for others to come before it. */
struct kept {
    uint8_t hello[1024];
    size_t len;
};

static bool keep_hello(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct kept *kept = link->filter_user;

    if (to != 0 || kept->len > 0 || len > sizeof(kept->hello))
        return true;
    memcpy(kept->hello, data, len);
    kept->len = len;
    return false;
}

static void hello_by_the_clients_address(struct duel *d, const struct kept *kept, uint64_t number,
                                         uint8_t random)
{
    uint8_t forged[sizeof(kept->hello)];

    memcpy(forged, kept->hello, kept->len);
    for (int i = 0; i < 6; i++)
        forged[5 + i] = (uint8_t)(number >> 8 * (5 - i));
    forged[30] ^= random;
    if (random % 2 == 1)
        forged[26] = 0xff; /* DTLS 1.0: another version is another cookie */
    (void)dtls_assoc_input(d->ours.assoc, d->link.now, &d->ours.other, forged, kept->len);
}

/* H-RACE: what we answer to hellos that others send by the client's address is what the client
 * sees, and takes, before it has our answer to its own. Their cookie must do, and their record
 * numbers must not have closed its window for what follows. */
static void h_race_hellos_forged_before_the_clients_own_it_completes(void)
{
    static const uint64_t numbers[] = {
        0, 1, 2, 31, 64, 70, 5000, UINT64_C(1) << 40, UINT64_C(0xffffffffffff)};
    const size_t n = sizeof(numbers) / sizeof(numbers[0]);

    for (size_t first = 0; first < 2 * n; first++) {
        struct kept kept = {.len = 0};
        struct duel d;

        memset(&d, 0, sizeof(d));
        link_init(&d.link, 0, 1);
        d.link.filter = keep_hello;
        d.link.filter_user = &kept;
        ossl_init(&d.theirs, &d.link, 1, DTLS_CLIENT, OSSL_EC, ALL);
        end_init(&d.ours, &d.link, 0, DTLS_SERVER, &config, &d.theirs.fp);
        CU_ASSERT_EQUAL(dtls_assoc_start(d.ours.assoc, d.link.now), 0);
        ossl_start(&d.theirs);
        CU_ASSERT_FATAL(kept.len > 0);
        /* One alone, then from one of them on all. */
        for (size_t i = first % n; i < (first < n ? first + 1 : n); i++)
            hello_by_the_clients_address(&d, &kept, numbers[i], (uint8_t)(i + 1));
        hello_by_the_clients_address(&d, &kept, 0, 0); /* its own, at last */
        link_run(&d.link, d.link.now + 900, decided, &d);
        CU_ASSERT_TRUE(d.ours.established && same_keys(&d));
        if (!d.ours.established)
            printf("\n    from %zu on: %s ", first, d.ours.text);
        duel_fini(&d);
    }
}

SUITE_SETUP("crypto/dtls_openssl", setup, teardown, TEST(every_profile_both_roles_same_keys),
            TEST(server_own_preference_wins), TEST(small_mtu_client_hello_in_fragments_completes),
            TEST(hello_in_fragments_of_one_octet_completes),
            TEST(hello_with_many_unknown_extensions_completes),
            TEST(certificates_of_all_kinds_both_roles_trusted_by_fingerprint),
            TEST(suites_aes_gcm_and_chacha_both_roles_with_extended_master_secret),
            TEST(loss_20_percent_as_client_all_complete),
            TEST(loss_20_percent_as_server_all_complete),
            TEST(client_without_certificate_fails_with_that_reason),
            TEST(fingerprint_mismatch_both_roles_fails), TEST(no_use_srtp_both_roles_fails),
            TEST(chains_many_keep_no_memory),
            TEST(h_race_hellos_forged_before_the_clients_own_it_completes),
            TEST(records_and_close_go_both_ways))
