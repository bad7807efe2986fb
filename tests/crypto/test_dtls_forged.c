/* H-RACE: somebody who is not on the path, but knows addresses and ports and can send in the peer's
 * name. Every kind of message before keys, in every quantity, at both ends of a handshake: the
 * honest one still completes, without losing time, and nothing else does. */
#include "base/bytes.h"
#include "crypto/dtls_record.h"
#include "tests/crypto/dtls_openssl.h"
#include "tests/suite.h"

#include <stdlib.h>

#define FORGED_MAX 2048
#define LIES_MAX   48
/* Round trips of the honest handshake: hello, cookie, flights 4, 5, 6, LINK_DELAY_MS each. */
#define HONEST_MS (6 * LINK_DELAY_MS)

static struct cert *cert_a, *cert_b, *cert_evil;
static struct fingerprint fp_a, fp_b;
static struct dtls_config config_a, config_b, config_evil;

struct lie {
    uint8_t data[FORGED_MAX];
    size_t len;
};

/* What is injected, at every datagram of the honest peers. */
struct forger {
    struct lie lies[LIES_MAX];
    size_t count;
    int target;      /* index of the end, -1: both */
    unsigned repeat; /* of each lie, before each honest datagram and as often after it */
    unsigned seed;
    bool is_busy;
    uint64_t injected;
};

static int setup(void)
{
    if (cert_generate(30, &cert_a) != 0 || cert_generate(30, &cert_b) != 0 ||
        cert_generate(30, &cert_evil) != 0)
        return 1;
    dtls_config_init(&config_a, cert_a);
    dtls_config_init(&config_b, cert_b);
    dtls_config_init(&config_evil, cert_evil);
    return cert_fingerprint(cert_a, FINGERPRINT_SHA256, &fp_a) ||
           cert_fingerprint(cert_b, FINGERPRINT_SHA256, &fp_b);
}

static int teardown(void)
{
    cert_destroy(cert_a);
    cert_destroy(cert_b);
    cert_destroy(cert_evil);
    return 0;
}

/* --- Lies ---------------------------------------------------------------------------------- */

static struct lie *add_record(struct forger *f, uint8_t type, uint16_t epoch, uint64_t number,
                              const uint8_t *body, size_t len)
{
    struct lie *lie = &f->lies[f->count++];
    struct bytes_writer w = bytes_writer(lie->data, sizeof(lie->data));

    CU_ASSERT_TRUE_FATAL(f->count <= LIES_MAX);
    bytes_write_u8(&w, type);
    bytes_write_u16(&w, 0xfefd);
    bytes_write_u16(&w, epoch);
    bytes_write_u48(&w, number);
    bytes_write_u16(&w, (uint16_t)len);
    bytes_write_copy(&w, body, len);
    CU_ASSERT_EQUAL_FATAL(w.err, 0);
    lie->len = w.pos;
    return lie;
}

static void add_message(struct forger *f, uint8_t type, uint16_t seq, const uint8_t *body,
                        size_t len)
{
    uint8_t message[FORGED_MAX];
    struct bytes_writer w = bytes_writer(message, sizeof(message));

    bytes_write_u8(&w, type);
    bytes_write_u24(&w, (uint32_t)len);
    bytes_write_u16(&w, seq);
    bytes_write_u24(&w, 0);
    bytes_write_u24(&w, (uint32_t)len);
    bytes_write_copy(&w, body, len);
    add_record(f, DTLS_HANDSHAKE_RECORD, 0, seq, message, w.pos);
}

static const uint8_t noise[64] = {0x5a, 0xa5, 1, 2, 3};

static void lie_alerts(struct forger *f)
{
    static const uint8_t fatal[] = {2, 40}, closing[] = {1, 0}, unknown[] = {2, 46};

    add_record(f, DTLS_ALERT, 0, 3, fatal, 2);
    add_record(f, DTLS_ALERT, 0, 4, closing, 2);
    add_record(f, DTLS_ALERT, 0, 5, unknown, 2);
    add_record(f, DTLS_ALERT, 1, 0, noise, 26);
}

static void lie_hellos(struct forger *f)
{
    uint8_t hello[64] = {0xfe, 0xfd};

    memset(hello + 2, 0x77, 32);
    hello[34] = hello[35] = 0; /* session id, cookie */
    memcpy(hello + 36, (const uint8_t[]){0, 2, 0xc0, 0x2b, 1, 0}, 6);
    add_message(f, 1, 0, hello, 42);
    add_message(f, 1, 1, hello, 42);
    /* A number after which the listener of all associations would take no lower one. */
    memset(f->lies[f->count - 1].data + 5, 0xff, 6);
    hello[35] = 20; /* a cookie that nobody gave */
    memcpy(hello + 36 + 20, (const uint8_t[]){0, 2, 0xc0, 0x2b, 1, 0}, 6);
    add_message(f, 1, 1, hello, 62);
}

static void lie_verify_requests(struct forger *f)
{
    uint8_t body[3 + 20] = {0xfe, 0xff, 20};

    for (int i = 0; i < 6; i++) {
        memset(body + 3, i, 20);
        add_message(f, 3, (uint16_t)(i % 2), body, sizeof(body));
    }
}

static void lie_server_hellos(struct forger *f)
{
    uint8_t body[2 + 32 + 1 + 2 + 1] = {0xfe, 0xfd};

    memset(body + 2, 0x99, 32);
    body[35] = 0xc0;
    body[36] = 0x2b;
    add_message(f, 2, 0, body, sizeof(body));
    add_message(f, 2, 1, body, sizeof(body));
    body[1] = 0xff; /* DTLS 1.0 */
    add_message(f, 2, 1, body, sizeof(body));
    add_message(f, 2, 1, body, 10); /* cut */
}

/* The forger's own, an empty one, and noise, at the places of both roles. */
static void lie_certificates(struct forger *f)
{
    static const uint8_t none[3];
    uint8_t body[6 + 64] = {0, 0, 67, 0, 0, 64};

    memcpy(body + 6, noise, sizeof(noise));
    for (uint16_t seq = 1; seq <= 3; seq++) {
        add_message(f, 11, seq, none, 3);
        add_message(f, 11, seq, body, sizeof(body));
    }
}

static void lie_key_exchanges(struct forger *f)
{
    uint8_t server[4 + 65 + 4 + 64] = {3, 0, 23, 65, 4}, client[66] = {65, 4}, proof[4 + 64];

    memcpy(server + 69, (const uint8_t[]){4, 3, 0, 64}, 4);
    memcpy(proof, (const uint8_t[]){4, 3, 0, 64}, 4);
    memcpy(proof + 4, noise, 64);
    for (uint16_t seq = 1; seq <= 4; seq++) {
        add_message(f, 12, seq, server, sizeof(server));
        add_message(f, 16, seq, client, sizeof(client));
        add_message(f, 15, seq, proof, sizeof(proof));
    }
}

static void lie_rest(struct forger *f)
{
    static const uint8_t request[] = {1, 64, 0, 2, 4, 3, 0, 0}, one[] = {1};

    add_message(f, 0, 0, NULL, 0);  /* HelloRequest */
    add_message(f, 4, 5, noise, 9); /* NewSessionTicket */
    add_message(f, 14, 4, NULL, 0); /* ServerHelloDone, too early */
    add_message(f, 13, 9, request, sizeof(request));
    add_message(f, 20, 6, noise, 12); /* Finished in the clear */
    add_record(f, DTLS_CHANGE_CIPHER_SPEC, 0, 6, one, 1);
    add_record(f, DTLS_HANDSHAKE_RECORD, 1, 0, noise, 40); /* Finished without the key */
    add_record(f, DTLS_APPLICATION_DATA, 0, 7, noise, 30);
    add_record(f, DTLS_APPLICATION_DATA, 1, 1, noise, 30);
    /* A record number that would close every replay window behind it. */
    add_record(f, DTLS_HANDSHAKE_RECORD, 0, 0xfffffffffff0, noise, 20);
    add_record(f, DTLS_HANDSHAKE_RECORD, 1, 0xfffffffffff0, noise, 40);
}

/* Pieces of a true flight, with other octets in them. */
static void lie_fragments(struct forger *f)
{
    static const uint32_t lengths[] = {70, 379, 400, 76};
    static const uint8_t types[] = {16, 11, 11, 12};

    for (size_t i = 0; i < 4; i++) {
        for (uint16_t seq = 1; seq <= 3; seq++) {
            uint8_t part[12 + 20];
            struct bytes_writer w = bytes_writer(part, sizeof(part));

            bytes_write_u8(&w, types[i]);
            bytes_write_u24(&w, lengths[i]);
            bytes_write_u16(&w, seq);
            bytes_write_u24(&w, 7);
            bytes_write_u24(&w, 20);
            bytes_write_copy(&w, noise, 20);
            add_record(f, DTLS_HANDSHAKE_RECORD, 0, seq, part, w.pos);
        }
    }
}

/* --- The stage ----------------------------------------------------------------------------- */

static void inject_all(struct link *link, struct forger *f)
{
    for (int end = 0; end < 2; end++) {
        if (f->target >= 0 && f->target != end)
            continue;
        for (unsigned n = 0; n < f->repeat; n++) {
            for (size_t i = 0; i < f->count; i++) {
                const struct lie *lie = &f->lies[i];

                link->peer[end].input(link->peer[end].self, link->now, lie->data, lie->len);
                f->injected++;
            }
        }
    }
}

/* At every datagram of the honest: it is on its way, the forger's are there already. */
static bool forge(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct forger *f = link->filter_user;

    (void)to;
    (void)data;
    (void)len;
    f->is_busy = true; /* injected when the peers are not in a call */
    return true;
}

struct stage {
    struct link link;
    struct end client, server;
    struct forger forger;
};

static bool both_decided(void *user)
{
    struct stage *s = user;

    if (s->forger.is_busy) {
        s->forger.is_busy = false;
        inject_all(&s->link, &s->forger);
    }
    return (s->client.established || s->client.failed) &&
           (s->server.established || s->server.failed);
}

static void stage_init(struct stage *s)
{
    memset(s, 0, sizeof(*s));
    s->forger.target = -1;
    s->forger.repeat = 3;
}

static void stage_run(struct stage *s, unsigned loss, unsigned seed)
{
    link_init(&s->link, loss, seed);
    s->link.filter = forge;
    s->link.filter_user = &s->forger;
    end_init(&s->client, &s->link, 0, DTLS_CLIENT, &config_a, &fp_b);
    end_init(&s->server, &s->link, 1, DTLS_SERVER, &config_b, &fp_a);
    dtls_assoc_start(s->server.assoc, s->link.now);
    dtls_assoc_start(s->client.assoc, s->link.now);
    link_run(&s->link, s->link.now + 60000, both_decided, s);
}

static void stage_fini(struct stage *s)
{
    link_fini(&s->link);
    end_fini(&s->client);
    end_fini(&s->server);
}

static void check_honest(struct stage *s, uint64_t within)
{
    CU_ASSERT_EQUAL(s->client.established, 1);
    CU_ASSERT_EQUAL(s->server.established, 1);
    CU_ASSERT_EQUAL(s->client.failed + s->server.failed, 0);
    CU_ASSERT_EQUAL(
        memcmp(s->client.info.local.key, s->server.info.remote.key, SRTP_MASTER_KEY_MAX), 0);
    CU_ASSERT_TRUE(s->link.now - 1000 <= within);
    CU_ASSERT_TRUE(s->forger.injected > 0);
}

typedef void (*lies_fn)(struct forger *f);

static const struct {
    const char *name;
    lies_fn lies;
} catalogue[] = {
    {"alerts", lie_alerts},
    {"ClientHello", lie_hellos},
    {"HelloVerifyRequest", lie_verify_requests},
    {"ServerHello", lie_server_hellos},
    {"Certificate", lie_certificates},
    {"key exchanges", lie_key_exchanges},
    {"the rest", lie_rest},
    {"fragments", lie_fragments},
};

#define KINDS (sizeof(catalogue) / sizeof(catalogue[0]))

static void h_race_every_message_forged_at_both_ends_handshake_completes(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct stage s;

        stage_init(&s);
        catalogue[i].lies(&s.forger);
        stage_run(&s, 0, 1);
        check_honest(&s, HONEST_MS);
        if (s.link.now - 1000 > HONEST_MS || !s.client.established)
            printf("\n    %s: %llu ms, %s/%s ", catalogue[i].name,
                   (unsigned long long)(s.link.now - 1000), s.client.text, s.server.text);
        stage_fini(&s);
    }
}

static void h_race_everything_forged_under_loss_all_complete(void)
{
    int good = 0;

    for (unsigned round = 0; round < 100; round++) {
        struct stage s;

        stage_init(&s);
        s.forger.repeat = 1;
        catalogue[round % KINDS].lies(&s.forger);
        catalogue[(round + 1 + round / KINDS) % KINDS].lies(&s.forger);
        stage_run(&s, 20, round * 7919 + 3);
        good += s.client.established && s.server.established;
        stage_fini(&s);
    }
    CU_ASSERT_EQUAL(good, 100);
}

/* --- Replays of another handshake ---------------------------------------------------------- */

static bool record_all(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct forger *f = link->filter_user;

    (void)to;
    if (f->count < LIES_MAX && len <= FORGED_MAX) {
        memcpy(f->lies[f->count].data, data, len);
        f->lies[f->count++].len = len;
    }
    return true;
}

/* All that crossed the wire in a handshake of these two. */
static void record(struct forger *f, const struct dtls_config *client,
                   const struct dtls_config *server)
{
    struct stage s;

    stage_init(&s);
    link_init(&s.link, 0, 9);
    s.link.filter = record_all;
    s.link.filter_user = f;
    end_init(&s.client, &s.link, 0, DTLS_CLIENT, client, NULL);
    end_init(&s.server, &s.link, 1, DTLS_SERVER, server, NULL);
    dtls_assoc_start(s.client.assoc, s.link.now);
    link_run(&s.link, s.link.now + 200, NULL, NULL);
    CU_ASSERT_TRUE(f->count >= 6);
    stage_fini(&s);
}

/* True certificates, true signatures, but of another time: they do not cover our randoms. */
static void h_race_earlier_handshake_replayed_handshake_completes(void)
{
    const struct dtls_config *configs[][2] = {
        {&config_a, &config_b}, {&config_evil, &config_b}, {&config_evil, &config_evil}};

    for (size_t i = 0; i < 3; i++) {
        struct stage s;

        stage_init(&s);
        record(&s.forger, configs[i][0], configs[i][1]);
        stage_run(&s, 0, 1);
        check_honest(&s, HONEST_MS);
        CU_ASSERT_TRUE(dtls_ctx_stats(s.server.ctx)->proofs_failed > 0);
        CU_ASSERT_TRUE(dtls_ctx_stats(s.server.ctx)->proofs_left_out == 0 || i > 0);
        stage_fini(&s);
    }
}

/* --- Against OpenSSL ----------------------------------------------------------------------- */

struct duel {
    struct link link;
    struct end us;
    struct ossl them;
    struct forger forger;
};

static bool duel_decided(void *user)
{
    struct duel *d = user;

    if (d->forger.is_busy) {
        d->forger.is_busy = false;
        inject_all(&d->link, &d->forger);
    }
    return (d->us.established || d->us.failed) && (d->them.done || d->them.failed);
}

static void check_duel(enum dtls_role role, lies_fn lies, enum ossl_cert kind)
{
    enum dtls_role theirs = role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT;
    struct duel *d = calloc(1, sizeof(*d));

    d->forger.repeat = 2;
    d->forger.target = 0; /* OpenSSL has its own weaknesses */
    lies(&d->forger);
    link_init(&d->link, 0, 5);
    d->link.filter = forge;
    d->link.filter_user = &d->forger;
    ossl_init(&d->them, &d->link, 1, theirs, kind, "SRTP_AES128_CM_SHA1_80");
    end_init(&d->us, &d->link, 0, role, &config_a, &d->them.fp);
    CU_ASSERT_EQUAL(dtls_assoc_start(d->us.assoc, d->link.now), 0);
    ossl_start(&d->them);
    link_run(&d->link, d->link.now + 60000, duel_decided, d);
    CU_ASSERT_EQUAL(d->us.established, 1);
    CU_ASSERT_EQUAL(d->them.done, 1);
    CU_ASSERT_TRUE(d->link.now - 1000 < 1000);
    link_fini(&d->link);
    end_fini(&d->us);
    ossl_fini(&d->them);
    free(d);
}

static void h_race_openssl_honest_peer_both_roles_handshake_completes(void)
{
    static const enum ossl_cert kinds[] = {OSSL_EC, OSSL_RSA, OSSL_CHAIN};

    for (size_t i = 0; i < KINDS; i++)
        for (int role = DTLS_CLIENT; role <= DTLS_SERVER; role++)
            check_duel((enum dtls_role)role, catalogue[i].lies, kinds[i % 3]);
}

/* --- Particular cases ---------------------------------------------------------------------- */

/* RFC 6347 §4.1.2.7: an alert in the clear is not believed, yet the honest refusal of a peer is the
 * cause that comes out when the time is over. */
static void h_race_alert_of_a_refusing_peer_is_the_cause_in_the_end(void)
{
    struct stage s;
    uint64_t begun;

    stage_init(&s);
    lie_alerts(&s.forger);
    s.forger.target = 0;
    link_init(&s.link, 100, 1);
    begun = s.link.now;
    end_init(&s.client, &s.link, 0, DTLS_CLIENT, &config_a, &fp_b);
    dtls_assoc_start(s.client.assoc, s.link.now);
    s.link.now += 50;
    inject_all(&s.link, &s.forger);
    CU_ASSERT_EQUAL(dtls_assoc_state(s.client.assoc), DTLS_HANDSHAKE);
    CU_ASSERT_EQUAL(dtls_ctx_stats(s.client.ctx)->alerts_ignored, 9);
    link_run(&s.link, s.link.now + 60000, NULL, NULL);
    CU_ASSERT_EQUAL(s.client.reason, DTLS_FAIL_PEER_ALERT);
    CU_ASSERT_STRING_EQUAL(s.client.text, "peer sent alert 46 before any keys");
    CU_ASSERT_EQUAL(s.link.now - begun, config_a.handshake_timeout_ms);
    end_fini(&s.client);
    link_fini(&s.link);
}

/* The true HelloVerifyRequest is late: the forger's cookie is taken for lack of a better one, the
 * server asks again, and the client begins anew. */
static bool delay_first_answer(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct forger *f = link->filter_user;

    (void)len;
    if (to == 0 && data[13] == 3 && f->seed++ < 3)
        return false; /* lost, and those to our first two retransmissions as well */
    return true;
}

static void h_race_forged_cookie_taken_client_begins_anew(void)
{
    struct stage s;

    stage_init(&s);
    s.forger.target = 0;
    s.forger.repeat = 1;
    lie_verify_requests(&s.forger);
    link_init(&s.link, 0, 1);
    s.link.filter = delay_first_answer;
    s.link.filter_user = &s.forger;
    end_init(&s.client, &s.link, 0, DTLS_CLIENT, &config_a, &fp_b);
    end_init(&s.server, &s.link, 1, DTLS_SERVER, &config_b, &fp_a);
    dtls_assoc_start(s.server.assoc, s.link.now);
    dtls_assoc_start(s.client.assoc, s.link.now);
    inject_all(&s.link, &s.forger);
    link_run(&s.link, s.link.now + 60000, both_decided, &s);
    check_honest(&s, 2500);
    CU_ASSERT_EQUAL(dtls_ctx_stats(s.client.ctx)->restarts, 1);
    CU_ASSERT_EQUAL(dtls_ctx_stats(s.client.ctx)->verify_unmirrored, 6);
    stage_fini(&s);
}

/* A forger at any rate buys a bounded number of signature checks. */
static void h_race_flood_of_key_exchanges_costs_bounded_proofs(void)
{
    const struct dtls_stats *stats;
    struct stage s;

    stage_init(&s);
    record(&s.forger, &config_a, &config_b);
    s.forger.target = 1;
    s.forger.repeat = 50;
    stage_run(&s, 0, 1);
    check_honest(&s, HONEST_MS);
    stats = dtls_ctx_stats(s.server.ctx);
    CU_ASSERT_TRUE(stats->proofs_failed <= 64 + 500 * HONEST_MS / 1000 + 1);
    stage_fini(&s);
}

/* D-MISMATCH stays at once: who signs our hello with another certificate has read it. */
static void d_mismatch_proven_by_the_peers_signature_fails_at_once(void)
{
    for (int who = 0; who < 2; who++) {
        struct stage s;

        stage_init(&s);
        link_init(&s.link, 0, 1);
        end_init(&s.client, &s.link, 0, DTLS_CLIENT, &config_a, who == 0 ? &fp_a : &fp_b);
        end_init(&s.server, &s.link, 1, DTLS_SERVER, &config_b, who == 0 ? &fp_a : &fp_b);
        dtls_assoc_start(s.server.assoc, s.link.now);
        dtls_assoc_start(s.client.assoc, s.link.now);
        link_run(&s.link, s.link.now + 500, NULL, NULL);
        CU_ASSERT_EQUAL(who == 0 ? s.client.reason : s.server.reason, DTLS_FAIL_FINGERPRINT);
        stage_fini(&s);
    }
}

SUITE_SETUP("crypto/dtls_forged", setup, teardown,
            TEST(h_race_every_message_forged_at_both_ends_handshake_completes),
            TEST(h_race_everything_forged_under_loss_all_complete),
            TEST(h_race_earlier_handshake_replayed_handshake_completes),
            TEST(h_race_openssl_honest_peer_both_roles_handshake_completes),
            TEST(h_race_alert_of_a_refusing_peer_is_the_cause_in_the_end),
            TEST(h_race_forged_cookie_taken_client_begins_anew),
            TEST(h_race_flood_of_key_exchanges_costs_bounded_proofs),
            TEST(d_mismatch_proven_by_the_peers_signature_fails_at_once))
