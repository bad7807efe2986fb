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

static void fingerprint_set_after_handshake_holds_keys_until_told(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, NULL);
    link_run(&p.link, p.link.now + 2000, NULL, NULL);
    CU_ASSERT_EQUAL(dtls_assoc_state(p.server.assoc), DTLS_UNVERIFIED);
    CU_ASSERT_EQUAL(p.client.established, 1);
    CU_ASSERT_EQUAL(p.server.established, 0);
    /* Records that come before verification are dropped. */
    CU_ASSERT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, (const uint8_t *)"early", 5), 0);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.data_count, 0);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->data_dropped, 1);
    CU_ASSERT_EQUAL(dtls_assoc_send(p.server.assoc, p.link.now, (const uint8_t *)"x", 1),
                    ERR_STATE);
    CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(p.server.assoc, p.link.now, &fp_a), 0);
    CU_ASSERT_EQUAL(p.server.established, 1);
    CU_ASSERT_TRUE(same_keys(&p));
    pair_fini(&p);
}

static void fingerprint_wrong_after_handshake_fails_with_alert(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, NULL);
    link_run(&p.link, p.link.now + 2000, NULL, NULL);
    CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(p.server.assoc, p.link.now, &fp_b), 0);
    CU_ASSERT_EQUAL(p.server.established, 0);
    CU_ASSERT_EQUAL(p.server.failed, 1);
    CU_ASSERT_EQUAL(p.server.reason, DTLS_FAIL_FINGERPRINT);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.client.closed, 1);
    pair_fini(&p);
}

static void fingerprint_never_set_fails_in_time(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, NULL);
    link_run(&p.link, p.link.now + 60000, both_decided, &p);
    CU_ASSERT_EQUAL(p.server.reason, DTLS_FAIL_NO_FINGERPRINT);
    CU_ASSERT_EQUAL(p.server.established, 0);
    pair_fini(&p);
}

static void check_mismatch(const struct fingerprint *client_expects,
                           const struct fingerprint *server_expects, bool client_finds)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, client_expects, server_expects);
    run_to_end(&p);
    CU_ASSERT_EQUAL(client_finds ? p.client.reason : p.server.reason, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT_EQUAL(client_finds ? p.server.reason : p.client.reason, DTLS_FAIL_PEER_ALERT);
    CU_ASSERT_EQUAL(p.client.established + p.server.established, 0);
    pair_fini(&p);
}

static void fingerprint_mismatch_fails_on_both_sides(void)
{
    check_mismatch(&fp_a, &fp_a, true);  /* server's certificate is b */
    check_mismatch(&fp_b, &fp_b, false); /* client's certificate is a */
}

/* An end that would be content with any of several certificates (RFC 8122 5.1). */
static void expect_any(struct end *end, const struct fingerprint *first,
                       const struct fingerprint *others, size_t count)
{
    struct dtls_options options = {.role = end->role,
                                   .remote = end->role == DTLS_CLIENT ? &end->other : NULL,
                                   .fingerprint = first,
                                   .others = others,
                                   .other_count = count,
                                   .callbacks = &end_callbacks,
                                   .user = end};

    dtls_assoc_destroy(end->assoc);
    CU_ASSERT_EQUAL_FATAL(dtls_assoc_create(end->ctx, &options, &end->assoc), 0);
}

static void pair_start_any(struct pair *p, const struct fingerprint *client_expects[3],
                           const struct fingerprint *server_expects[3])
{
    struct fingerprint c[2] = {*client_expects[1], *client_expects[2]},
                       s[2] = {*server_expects[1], *server_expects[2]};

    pair_config(p);
    link_init(&p->link, 0, 1);
    end_init(&p->client, &p->link, 0, DTLS_CLIENT, &p->client_config, NULL);
    end_init(&p->server, &p->link, 1, DTLS_SERVER, &p->server_config, NULL);
    expect_any(&p->client, client_expects[0], c, 2);
    expect_any(&p->server, server_expects[0], s, 2);
    CU_ASSERT_EQUAL(dtls_assoc_start(p->server.assoc, p->link.now), 0);
    CU_ASSERT_EQUAL(dtls_assoc_start(p->client.assoc, p->link.now), 0);
    run_to_end(p);
}

static void fingerprint_any_of_several_verifies(void)
{
    struct fingerprint x = fp_a, y = fp_b;
    struct pair p;

    x.digest[5] ^= 1;
    y.digest[7] ^= 1;
    for (unsigned at = 0; at < 3; at++) {
        const struct fingerprint *client[3] = {&x, &y, &x}, *server[3] = {&y, &x, &y};

        client[at] = &fp_b;
        server[(at + 1) % 3] = &fp_a;
        pair_start_any(&p, client, server);
        CU_ASSERT_TRUE(same_keys(&p));
        /* Told is the one that it was, and from then on no other will do. */
        CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(p.client.assoc, p.link.now, &fp_b), 0);
        CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(p.client.assoc, p.link.now, &x), ERR_STATE);
        CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(p.server.assoc, p.link.now, &fp_a), 0);
        pair_fini(&p);
    }
}

static void fingerprint_none_of_several_fails(void)
{
    struct fingerprint x = fp_a, y = fp_b;
    const struct fingerprint *none[3] = {&x, &y, &x}, *good[3] = {&x, &y, &fp_a};
    struct pair p;

    x.digest[5] ^= 1;
    y.digest[7] ^= 1;
    pair_start_any(&p, none, good);
    CU_ASSERT_EQUAL(p.client.reason, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT_EQUAL(p.server.reason, DTLS_FAIL_PEER_ALERT);
    CU_ASSERT_EQUAL(p.client.established + p.server.established, 0);
    pair_fini(&p);
}

/* One digest is made of a certificate: all have to be by the same hash, and there is a bound. */
static void fingerprint_others_out_of_range_are_refused(void)
{
    struct fingerprint others[FINGERPRINT_OTHERS_MAX + 1];
    struct dtls_options options = {
        .role = DTLS_SERVER, .callbacks = &end_callbacks, .others = others, .other_count = 1};
    struct dtls_assoc *a = NULL;
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    for (size_t i = 0; i < FINGERPRINT_OTHERS_MAX + 1; i++)
        others[i] = fp_b;
    CU_ASSERT_EQUAL(dtls_assoc_create(p.server.ctx, &options, &a), ERR_INVAL);
    options.fingerprint = &fp_a;
    options.other_count = FINGERPRINT_OTHERS_MAX + 1;
    CU_ASSERT_EQUAL(dtls_assoc_create(p.server.ctx, &options, &a), ERR_INVAL);
    options.other_count = 2;
    CU_ASSERT_EQUAL(cert_fingerprint(cert_b, FINGERPRINT_SHA512, &others[1]), 0);
    CU_ASSERT_EQUAL(dtls_assoc_create(p.server.ctx, &options, &a), ERR_INVAL);
    CU_ASSERT_PTR_NULL(a);
    pair_fini(&p);
}

static void fingerprint_every_hash_verifies(void)
{
    for (unsigned hash = 0; hash < FINGERPRINT_HASH_COUNT; hash++) {
        struct fingerprint of_a, of_b;
        struct pair p;

        CU_ASSERT_EQUAL(cert_fingerprint(cert_a, (enum fingerprint_hash)hash, &of_a), 0);
        CU_ASSERT_EQUAL(cert_fingerprint(cert_b, (enum fingerprint_hash)hash, &of_b), 0);
        pair_config(&p);
        p.client_config.allow_sha1 = p.server_config.allow_sha1 = true;
        pair_start(&p, 0, 1, &of_b, &of_a);
        run_to_end(&p);
        CU_ASSERT_TRUE(same_keys(&p));
        pair_fini(&p);
    }
}

static void fingerprint_sha1_without_permission_refused(void)
{
    struct fingerprint sha1;
    struct pair p;

    CU_ASSERT_EQUAL(cert_fingerprint(cert_a, FINGERPRINT_SHA1, &sha1), 0);
    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, NULL);
    CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(p.server.assoc, 1000, &sha1), ERR_REFUSED);
    pair_fini(&p);
}

/* Server's preference counts, whatever order the client has. */
static void profile_each_alone_is_chosen(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        struct pair p;

        pair_config(&p);
        p.client_config.profiles[0] = srtp_profile_preference[i];
        p.client_config.profile_count = 1;
        pair_start(&p, 0, 1, &fp_b, &fp_a);
        run_to_end(&p);
        CU_ASSERT_EQUAL(p.server.info.profile, srtp_profile_preference[i]);
        CU_ASSERT_TRUE(same_keys(&p));
        pair_fini(&p);
    }
}

static void profile_server_preference_wins(void)
{
    for (size_t i = 0; i < SRTP_PROFILE_COUNT; i++) {
        struct pair p;

        pair_config(&p);
        /* Rotate the server's list: its first is taken although the client offers all. */
        for (size_t k = 0; k < SRTP_PROFILE_COUNT; k++)
            p.server_config.profiles[k] = srtp_profile_preference[(i + k) % SRTP_PROFILE_COUNT];
        pair_start(&p, 0, 1, &fp_b, &fp_a);
        run_to_end(&p);
        CU_ASSERT_EQUAL(p.server.info.profile, srtp_profile_preference[i]);
        pair_fini(&p);
    }
}

static void profile_none_in_common_fails_on_both_sides(void)
{
    struct pair p;

    pair_config(&p);
    p.client_config.profiles[0] = SRTP_PROFILE_AES128_CM_SHA1_32;
    p.client_config.profile_count = 1;
    p.server_config.profile_count = 2;
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.server.reason, DTLS_FAIL_NO_PROFILE);
    CU_ASSERT_EQUAL(p.client.reason, DTLS_FAIL_PEER_ALERT);
    pair_fini(&p);
}

static void profile_client_without_use_srtp_refused(void)
{
    struct pair p;

    pair_config(&p);
    p.client_config.profile_count = 0;
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.server.reason, DTLS_FAIL_NO_PROFILE);
    pair_fini(&p);
}

static void profile_server_without_use_srtp_client_fails(void)
{
    struct pair p;

    pair_config(&p);
    p.server_config.profile_count = 0;
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.client.reason, DTLS_FAIL_NO_PROFILE);
    pair_fini(&p);
}

static void records_without_srtp_go_both_ways(void)
{
    struct pair p;

    pair_config(&p);
    p.client_config.profile_count = p.server_config.profile_count = 0;
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.server.info.profile, SRTP_PROFILE_NONE);
    CU_ASSERT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, (const uint8_t *)"one", 3), 0);
    CU_ASSERT_EQUAL(dtls_assoc_send(p.server.assoc, p.link.now, (const uint8_t *)"two!", 4), 0);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.data_len, 3);
    CU_ASSERT_EQUAL(p.client.data_len, 4);
    CU_ASSERT_EQUAL(memcmp(p.client.data, "two!", 4), 0);
    pair_fini(&p);
}

static void records_coalesced_in_a_datagram_all_arrive(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    p.link.is_coalescing = true;
    run_to_end(&p);
    CU_ASSERT_TRUE(same_keys(&p));
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, (const uint8_t *)"abc", 3), 0);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.data_count, 3);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->data_in, 3);
    pair_fini(&p);
}

static void close_sends_alert_and_peer_is_told(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    dtls_assoc_close(p.client.assoc, p.link.now);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.closed, 1);
    CU_ASSERT_EQUAL(p.client.closed, 0);
    CU_ASSERT_EQUAL(dtls_assoc_state(p.server.assoc), DTLS_CLOSED);
    /* It is answered in kind (RFC 5246 7.2.1): who closed first gets one more datagram. */
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.client.ctx)->dropped_dead, 1);
    pair_fini(&p);
}

static void parked_close_reaches_peer_and_back(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    link_run(&p.link, p.link.now + 20000, NULL, NULL);
    CU_ASSERT_TRUE(dtls_assoc_is_parked(p.server.assoc));
    CU_ASSERT_TRUE(dtls_assoc_is_parked(p.client.assoc));
    CU_ASSERT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, (const uint8_t *)"hi", 2), 0);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.data_count, 1);
    CU_ASSERT_FALSE(dtls_assoc_is_parked(p.server.assoc));
    link_run(&p.link, p.link.now + 20000, NULL, NULL);
    CU_ASSERT_TRUE(dtls_assoc_is_parked(p.server.assoc));
    dtls_assoc_close(p.server.assoc, p.link.now);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.client.closed, 1);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->parked, 2);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->unparked, 2);
    pair_fini(&p);
}

static bool drop_first_server_finished(struct link *link, int to, const uint8_t *data, size_t len)
{
    int *left = link->filter_user;

    /* The server's last flight begins with ChangeCipherSpec. */
    if (to == 0 && len > 0 && data[0] == 20 && *left > 0) {
        (*left)--;
        return false;
    }
    return true;
}

static void last_flight_lost_is_sent_again(void)
{
    struct pair p;
    int left = 3;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    p.link.filter = drop_first_server_finished;
    p.link.filter_user = &left;
    run_to_end(&p);
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_TRUE(same_keys(&p));
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->last_flight_resent, 3);
    pair_fini(&p);
}

static void last_flight_lost_until_parked_is_sent_again(void)
{
    struct pair p;
    int left = 2;

    pair_config(&p);
    p.server_config.park_after_ms = 100;
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    p.link.filter = drop_first_server_finished;
    p.link.filter_user = &left;
    run_to_end(&p);
    CU_ASSERT_TRUE(same_keys(&p));
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->parked, 1);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->unparked, 0);
    pair_fini(&p);
}

static bool drop_all(struct link *link, int to, const uint8_t *data, size_t len)
{
    (void)link;
    (void)to;
    (void)data;
    (void)len;
    return false;
}

static void peer_silent_times_out_on_both_sides(void)
{
    struct pair p;
    uint64_t start;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    link_fini(&p.link);
    p.link.filter = drop_all;
    start = p.link.now;
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.client.reason, DTLS_FAIL_TIMEOUT);
    CU_ASSERT_EQUAL(p.server.reason, DTLS_FAIL_TIMEOUT);
    CU_ASSERT_EQUAL(p.link.now - start, 30000);
    CU_ASSERT_TRUE(dtls_ctx_stats(p.client.ctx)->retransmits >= 8);
    pair_fini(&p);
}

static void first_retransmission_comes_after_200_ms(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    CU_ASSERT_EQUAL(dtls_assoc_next_deadline(p.client.assoc), p.link.now + 200);
    dtls_assoc_on_timer(p.client.assoc, p.link.now + 200);
    CU_ASSERT_EQUAL(p.link.sent, 2);
    CU_ASSERT_EQUAL(dtls_assoc_next_deadline(p.client.assoc), p.link.now + 200 + 400);
    pair_fini(&p);
}

static void mtu_small_no_datagram_larger(void)
{
    struct pair p;

    pair_config(&p);
    p.client_config.mtu = p.server_config.mtu = 300;
    pair_start(&p, 20, 5, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_TRUE(same_keys(&p));
    CU_ASSERT_TRUE(p.link.largest <= 300);
    pair_fini(&p);
}

static void address_third_is_refused(void)
{
    struct addr third;
    struct pair p;
    uint8_t record[14] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 1, 0};

    CU_ASSERT_EQUAL(addr_parse("127.0.0.3:5003", &third), 0);
    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    CU_ASSERT_EQUAL(dtls_assoc_input(p.server.assoc, p.link.now, &third, record, sizeof(record)),
                    ERR_REFUSED);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->dropped_address, 1);
    pair_fini(&p);
}

/* Alerts and data in the clear, as anybody could forge them, change nothing once keys are there. */
static void forged_records_after_handshake_change_nothing(void)
{
    struct pair p;
    uint8_t alert[15] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 2, 40};
    uint8_t sealed[64] = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, 0, 0, 51};

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    run_to_end(&p);
    for (int i = 0; i < 50; i++) {
        p.link.now += 500;
        (void)dtls_assoc_input(p.server.assoc, p.link.now, &p.server.other, alert, sizeof(alert));
        (void)dtls_assoc_input(p.server.assoc, p.link.now, &p.server.other, sealed, sizeof(sealed));
    }
    CU_ASSERT_EQUAL(dtls_assoc_state(p.server.assoc), DTLS_ESTABLISHED);
    CU_ASSERT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, (const uint8_t *)"ok", 2), 0);
    link_run(&p.link, p.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.data_count, 1);
    pair_fini(&p);
}

static void destroy_in_callback_is_safe(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    p.client.destroy_when_established = p.server.destroy_when_established = true;
    run_to_end(&p);
    CU_ASSERT_EQUAL(p.client.established, 1);
    CU_ASSERT_PTR_NULL(p.client.assoc);
    pair_fini(&p);
}

static void start_twice_sends_one_hello(void)
{
    struct pair p;

    pair_config(&p);
    pair_start(&p, 0, 1, &fp_b, &fp_a);
    CU_ASSERT_EQUAL(dtls_assoc_start(p.client.assoc, p.link.now), 0);
    CU_ASSERT_EQUAL(p.link.sent, 1);
    run_to_end(&p);
    CU_ASSERT_EQUAL(dtls_assoc_start(p.client.assoc, p.link.now), 0);
    CU_ASSERT_EQUAL(p.client.established, 1);
    pair_fini(&p);
}

static void enums_every_value_has_a_name(void)
{
    for (int i = 0; i < DTLS_FAILURE_COUNT; i++)
        CU_ASSERT_STRING_NOT_EQUAL(dtls_failure_to_str((enum dtls_failure)i), "unknown");
    for (int i = 0; i <= DTLS_FAILED; i++)
        CU_ASSERT_STRING_NOT_EQUAL(dtls_state_to_str((enum dtls_state)i), "unknown");
    CU_ASSERT_STRING_EQUAL(dtls_failure_to_str(DTLS_FAILURE_COUNT), "unknown");
}

SUITE_SETUP(
    "crypto/dtls", setup, teardown, TEST(handshake_fingerprints_known_gives_same_keys),
    TEST(handshakes_20_percent_loss_all_complete),
    TEST(fingerprint_set_after_handshake_holds_keys_until_told),
    TEST(fingerprint_wrong_after_handshake_fails_with_alert),
    TEST(fingerprint_never_set_fails_in_time), TEST(fingerprint_mismatch_fails_on_both_sides),
    TEST(fingerprint_any_of_several_verifies), TEST(fingerprint_none_of_several_fails),
    TEST(fingerprint_others_out_of_range_are_refused), TEST(fingerprint_every_hash_verifies),
    TEST(fingerprint_sha1_without_permission_refused), TEST(profile_each_alone_is_chosen),
    TEST(profile_server_preference_wins), TEST(profile_none_in_common_fails_on_both_sides),
    TEST(profile_client_without_use_srtp_refused),
    TEST(profile_server_without_use_srtp_client_fails), TEST(records_without_srtp_go_both_ways),
    TEST(records_coalesced_in_a_datagram_all_arrive), TEST(close_sends_alert_and_peer_is_told),
    TEST(parked_close_reaches_peer_and_back), TEST(last_flight_lost_is_sent_again),
    TEST(last_flight_lost_until_parked_is_sent_again), TEST(peer_silent_times_out_on_both_sides),
    TEST(first_retransmission_comes_after_200_ms), TEST(mtu_small_no_datagram_larger),
    TEST(address_third_is_refused), TEST(forged_records_after_handshake_change_nothing),
    TEST(destroy_in_callback_is_safe), TEST(start_twice_sends_one_hello),
    TEST(enums_every_value_has_a_name))
