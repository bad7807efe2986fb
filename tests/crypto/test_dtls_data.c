/* Associations that carry data: their records are ours, not the library's (dtls_data.c). With each
 * other, with the library's own record layer at the far end, and with OpenSSL. */
#include "tests/crypto/dtls_openssl.h"
#include "tests/suite.h"

#define PROFILE  "SRTP_AEAD_AES_128_GCM"
#define KEPT_MAX 32

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

struct pair {
    struct link link;
    struct end client, server;
};

static bool both_up(void *user)
{
    struct pair *p = user;

    return p->client.established && p->server.established;
}

static void pair_start(struct pair *p, bool client_carries, bool server_carries)
{
    struct dtls_config config;

    memset(p, 0, sizeof(*p));
    link_init(&p->link, 0, 1);
    dtls_config_init(&config, cert_a);
    end_init(&p->client, &p->link, 0, DTLS_CLIENT, &config, &fp_b);
    dtls_config_init(&config, cert_b);
    end_init(&p->server, &p->link, 1, DTLS_SERVER, &config, &fp_a);
    if (client_carries)
        dtls_assoc_carry_data(p->client.assoc, p->link.now);
    if (server_carries)
        dtls_assoc_carry_data(p->server.assoc, p->link.now);
    CU_ASSERT_EQUAL(dtls_assoc_start(p->server.assoc, p->link.now), 0);
    CU_ASSERT_EQUAL(dtls_assoc_start(p->client.assoc, p->link.now), 0);
    link_run(&p->link, p->link.now + 60000, both_up, p);
    CU_ASSERT_TRUE_FATAL(both_up(p));
}

static void pair_fini(struct pair *p)
{
    link_fini(&p->link);
    end_fini(&p->client);
    end_fini(&p->server);
}

static void run(struct pair *p)
{
    link_run(&p->link, p->link.now + 100, NULL, NULL);
}

static void send_some(struct pair *p, struct end *from, struct end *to, int count, size_t len)
{
    int before = to->data_count;
    uint8_t data[DTLS_RECORD_MAX];

    memset(data, 0x5a, sizeof(data));
    for (int i = 0; i < count; i++) {
        data[0] = (uint8_t)i;
        CU_ASSERT_EQUAL(dtls_assoc_send(from->assoc, p->link.now, data, len), 0);
        run(p);
        CU_ASSERT_EQUAL(to->data_count, before + i + 1);
        CU_ASSERT_EQUAL(to->data_len, len);
        CU_ASSERT_EQUAL(memcmp(to->data, data, len), 0);
    }
}

static void talk(struct pair *p)
{
    send_some(p, &p->client, &p->server, 10, 100);
    send_some(p, &p->server, &p->client, 10, 100);
    send_some(p, &p->client, &p->server, 3, 1);
}

static void records_both_carry_go_both_ways_whole_packets_too(void)
{
    struct pair p;
    uint8_t data[DTLS_RECORD_MAX + 1] = {0};

    pair_start(&p, true, true);
    talk(&p);
    send_some(&p, &p.client, &p.server, 3, DTLS_RECORD_MAX);
    CU_ASSERT_NOT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, data, sizeof(data)), 0);
    CU_ASSERT_TRUE(p.link.largest <= 1500 - 48);
    pair_fini(&p);
}

static void records_with_the_library_at_one_end_go_both_ways(void)
{
    struct pair p;

    pair_start(&p, true, false);
    talk(&p);
    pair_fini(&p);
    pair_start(&p, false, true);
    talk(&p);
    pair_fini(&p);
}

static void records_begun_by_the_library_go_on_with_us(void)
{
    struct pair p;

    pair_start(&p, false, false);
    talk(&p);
    dtls_assoc_carry_data(p.server.assoc, p.link.now);
    talk(&p);
    dtls_assoc_carry_data(p.client.assoc, p.link.now);
    talk(&p);
    pair_fini(&p);
}

static void records_after_parking_go_on_with_us(void)
{
    struct pair p;

    pair_start(&p, false, false);
    talk(&p);
    link_run(&p.link, p.link.now + 20000, NULL, NULL);
    CU_ASSERT_TRUE_FATAL(dtls_assoc_is_parked(p.server.assoc));
    dtls_assoc_carry_data(p.server.assoc, p.link.now);
    dtls_assoc_carry_data(p.client.assoc, p.link.now);
    CU_ASSERT_FALSE(dtls_assoc_is_parked(p.server.assoc));
    talk(&p);
    link_run(&p.link, p.link.now + 60000, NULL, NULL);
    CU_ASSERT_FALSE(dtls_assoc_is_parked(p.server.assoc));
    talk(&p);
    pair_fini(&p);
}

static void coalesced_records_all_arrive(void)
{
    struct pair p;

    pair_start(&p, true, true);
    p.link.is_coalescing = true;
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(dtls_assoc_send(p.client.assoc, p.link.now, (const uint8_t *)"abc", 3), 0);
    run(&p);
    CU_ASSERT_EQUAL(p.server.data_count, 3);
    pair_fini(&p);
}

/* All that goes to one end, to be played again. */
struct tape {
    uint8_t data[KEPT_MAX][2048];
    size_t len[KEPT_MAX];
    unsigned count;
    int to;
};

static bool keep(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct tape *tape = link->filter_user;

    if (to == tape->to && data[0] == 23 && tape->count < KEPT_MAX && len <= sizeof(tape->data[0])) {
        memcpy(tape->data[tape->count], data, len);
        tape->len[tape->count++] = len;
    }
    return true;
}

static void replay(struct pair *p, const struct tape *tape, struct end *to)
{
    for (unsigned i = 0; i < tape->count; i++)
        (void)dtls_assoc_input(to->assoc, p->link.now, &to->other, tape->data[i], tape->len[i]);
}

static void replays_are_dropped_across_the_taking_over_too(void)
{
    static struct tape tape;
    struct pair p;

    pair_start(&p, false, true);
    tape = (struct tape){.to = 0};
    p.link.filter = keep;
    p.link.filter_user = &tape;
    send_some(&p, &p.server, &p.client, 5, 40); /* taken by the library */
    dtls_assoc_carry_data(p.client.assoc, p.link.now);
    replay(&p, &tape, &p.client);
    CU_ASSERT_EQUAL(p.client.data_count, 5);
    send_some(&p, &p.server, &p.client, 5, 40);
    CU_ASSERT_EQUAL(tape.count, 10);
    replay(&p, &tape, &p.client);
    CU_ASSERT_EQUAL(p.client.data_count, 10);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.client.ctx)->data_dropped, 15);
    pair_fini(&p);
}

static void forged_records_change_nothing(void)
{
    uint8_t clear[15] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 0, 0, 2, 2, 40};
    uint8_t sealed[64] = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 0, 0, 51};
    uint8_t other[64] = {23, 0xfe, 0xfd, 0, 2, 0, 0, 0, 0, 9, 0, 0, 51};
    uint8_t far_ahead[64] = {23, 0xfe, 0xfd, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 51};
    uint8_t tiny[14] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 0, 0, 1, 7};
    struct pair p;

    pair_start(&p, true, true);
    talk(&p);
    for (int i = 0; i < 10; i++) {
        struct end *s = &p.server;

        (void)dtls_assoc_input(s->assoc, p.link.now, &s->other, clear, sizeof(clear));
        (void)dtls_assoc_input(s->assoc, p.link.now, &s->other, sealed, sizeof(sealed));
        (void)dtls_assoc_input(s->assoc, p.link.now, &s->other, other, sizeof(other));
        (void)dtls_assoc_input(s->assoc, p.link.now, &s->other, far_ahead, sizeof(far_ahead));
        (void)dtls_assoc_input(s->assoc, p.link.now, &s->other, tiny, sizeof(tiny));
    }
    CU_ASSERT_EQUAL(dtls_assoc_state(p.server.assoc), DTLS_ESTABLISHED);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.server.ctx)->data_dropped, 50);
    talk(&p);
    pair_fini(&p);
}

static void close_is_told_and_answered_in_kind(void)
{
    struct pair p;

    pair_start(&p, true, true);
    talk(&p);
    dtls_assoc_close(p.client.assoc, p.link.now);
    run(&p);
    CU_ASSERT_EQUAL(p.server.closed, 1);
    CU_ASSERT_EQUAL(p.client.closed, 0);
    CU_ASSERT_EQUAL(dtls_assoc_state(p.server.assoc), DTLS_CLOSED);
    CU_ASSERT_EQUAL(dtls_ctx_stats(p.client.ctx)->dropped_dead, 1);
    CU_ASSERT_NOT_EQUAL(dtls_assoc_send(p.server.assoc, p.link.now, (const uint8_t *)"x", 1), 0);
    pair_fini(&p);
    pair_start(&p, false, true); /* the library understands it too, and is understood */
    talk(&p);
    dtls_assoc_close(p.server.assoc, p.link.now);
    run(&p);
    CU_ASSERT_EQUAL(p.client.closed, 1);
    pair_fini(&p);
    pair_start(&p, true, false);
    talk(&p);
    dtls_assoc_close(p.server.assoc, p.link.now);
    run(&p);
    CU_ASSERT_EQUAL(p.client.closed, 1);
    pair_fini(&p);
}

static bool drop_first_server_finished(struct link *link, int to, const uint8_t *data, size_t len)
{
    int *left = link->filter_user;

    if (to == 0 && len > 0 && data[0] == 20 && *left > 0) {
        (*left)--;
        return false;
    }
    return true;
}

/* Our last flight is still repeated when the library that made it has gone, and a peer that gets
 * data before it takes them once it is complete, or not at all. */
static void last_flight_lost_is_sent_again_after_taking_over(void)
{
    struct dtls_config config;
    struct pair p;
    int left = 2;

    memset(&p, 0, sizeof(p));
    link_init(&p.link, 0, 1);
    p.link.filter = drop_first_server_finished;
    p.link.filter_user = &left;
    dtls_config_init(&config, cert_a);
    end_init(&p.client, &p.link, 0, DTLS_CLIENT, &config, &fp_b);
    dtls_config_init(&config, cert_b);
    end_init(&p.server, &p.link, 1, DTLS_SERVER, &config, &fp_a);
    dtls_assoc_carry_data(p.client.assoc, p.link.now);
    dtls_assoc_carry_data(p.server.assoc, p.link.now);
    CU_ASSERT_EQUAL(dtls_assoc_start(p.server.assoc, p.link.now), 0);
    CU_ASSERT_EQUAL(dtls_assoc_start(p.client.assoc, p.link.now), 0);
    link_run(&p.link, p.link.now + 150, NULL, NULL);
    CU_ASSERT_EQUAL(p.server.established, 1);
    CU_ASSERT_EQUAL(p.client.established, 0);
    CU_ASSERT_EQUAL(dtls_assoc_send(p.server.assoc, p.link.now, (const uint8_t *)"early", 5), 0);
    link_run(&p.link, p.link.now + 60000, both_up, &p);
    CU_ASSERT_EQUAL(p.client.established, 1);
    CU_ASSERT_EQUAL(left, 0);
    talk(&p);
    pair_fini(&p);
}

/* ---- OpenSSL ---- */

struct duel {
    struct link link;
    struct end ours;
    struct ossl theirs;
};

static bool decided(void *user)
{
    struct duel *d = user;

    return (d->ours.established || d->ours.failed) && (d->theirs.done || d->theirs.failed);
}

/* It echoes what we send. */
static void check_suite(enum dtls_role role, const char *suite)
{
    struct dtls_config config;
    struct duel d;
    uint8_t data[DTLS_RECORD_MAX];

    memset(&d, 0, sizeof(d));
    memset(data, 0x33, sizeof(data));
    link_init(&d.link, 0, 1);
    ossl_init(&d.theirs, &d.link, 1, role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT, OSSL_EC,
              PROFILE);
    CU_ASSERT_EQUAL(SSL_set_cipher_list(d.theirs.ssl, suite), 1);
    dtls_config_init(&config, cert_a);
    end_init(&d.ours, &d.link, 0, role, &config, &d.theirs.fp);
    dtls_assoc_carry_data(d.ours.assoc, d.link.now);
    CU_ASSERT_EQUAL(dtls_assoc_start(d.ours.assoc, d.link.now), 0);
    if (role == DTLS_SERVER)
        ossl_start(&d.theirs);
    link_run(&d.link, d.link.now + 40000, decided, &d);
    CU_ASSERT_EQUAL_FATAL(d.ours.established, 1);
    for (size_t len = 1; len <= 1150; len += 50) {
        int before = d.ours.data_count;

        CU_ASSERT_EQUAL(dtls_assoc_send(d.ours.assoc, d.link.now, data, len), 0);
        link_run(&d.link, d.link.now + 100, NULL, NULL);
        CU_ASSERT_EQUAL(d.ours.data_count, before + 1);
        CU_ASSERT_EQUAL(d.ours.data_len, len);
        CU_ASSERT_EQUAL(memcmp(d.ours.data, data, len), 0);
    }
    CU_ASSERT_EQUAL(d.theirs.echoed, 23);
    CU_ASSERT_EQUAL(d.theirs.closed, 0);
    dtls_assoc_close(d.ours.assoc, d.link.now);
    link_run(&d.link, d.link.now + 100, NULL, NULL);
    CU_ASSERT_EQUAL(d.theirs.closed, 1);
    link_fini(&d.link);
    end_fini(&d.ours);
    ossl_fini(&d.theirs);
}

static void openssl_every_suite_both_roles_echoes_and_hears_the_end(void)
{
    static const char *const suites[] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                         "ECDHE-ECDSA-AES256-GCM-SHA384",
                                         "ECDHE-ECDSA-CHACHA20-POLY1305"};

    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        check_suite(DTLS_SERVER, suites[i]);
        check_suite(DTLS_CLIENT, suites[i]);
    }
}

SUITE_SETUP("crypto/dtls_data", setup, teardown,
            TEST(records_both_carry_go_both_ways_whole_packets_too),
            TEST(records_with_the_library_at_one_end_go_both_ways),
            TEST(records_begun_by_the_library_go_on_with_us),
            TEST(records_after_parking_go_on_with_us), TEST(coalesced_records_all_arrive),
            TEST(replays_are_dropped_across_the_taking_over_too),
            TEST(forged_records_change_nothing), TEST(close_is_told_and_answered_in_kind),
            TEST(last_flight_lost_is_sent_again_after_taking_over),
            TEST(openssl_every_suite_both_roles_echoes_and_hears_the_end))
