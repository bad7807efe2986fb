/* X-6347: what RFC 6347 asks of each end of a DTLS 1.2 connection, in both roles, against OpenSSL:
 * cookies before state, retransmission with back-off, fragments under the path's MTU, the replay
 * window. And RFC 4572 §6.2 of a wrong certificate (D-MISMATCH). On a link with a clock of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/crypto/dtls_openssl.h"
#include "tests/suite.h"

#define PROFILES     "SRTP_AEAD_AES_128_GCM"
#define HELLO_VERIFY 3
#define CLIENT_HELLO 1
#define SERVER_HELLO 2
#define ALERT        21
#define HANDSHAKE    22
#define DATA         23
#define SEEN_MAX     256
#define MTU          300

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

static const char *role_text(enum dtls_role role, const char *part)
{
    static char text[64];

    snprintf(text, sizeof(text), "dtls=%s part=%s", role == DTLS_CLIENT ? "client" : "server",
             part);
    return text;
}

/* Ours is end 0, OpenSSL is end 1; every datagram is kept in the order of its sending. */
struct duel {
    struct link link;
    struct end ours;
    struct ossl theirs;
    struct {
        uint64_t at;
        int to;
        size_t len;
        uint8_t data[1600];
    } seen[SEEN_MAX];
    size_t count;
    bool is_deaf;        /* nothing of ours arrives from now on ... */
    unsigned deaf_after; /* ... once so many datagrams of ours have passed; 0: never */
};

static bool see(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct duel *d = link->filter_user;

    if (d->count < SEEN_MAX && len <= sizeof(d->seen[0].data)) {
        d->seen[d->count].at = link->now;
        d->seen[d->count].to = to;
        d->seen[d->count].len = len;
        memcpy(d->seen[d->count++].data, data, len);
    }
    if (to != 1 || d->deaf_after == 0)
        return true;
    d->is_deaf = d->is_deaf || --d->deaf_after == 0;
    if (d->is_deaf)
        d->deaf_after = 1;
    return !d->is_deaf;
}

static struct duel *duel_start(enum dtls_role role, enum ossl_cert kind, bool peer_has_cookies)
{
    struct duel *d = calloc(1, sizeof(*d));

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    link_init(&d->link, 0, 1);
    d->link.filter = see;
    d->link.filter_user = d;
    ossl_init(&d->theirs, &d->link, 1, role == DTLS_CLIENT ? DTLS_SERVER : DTLS_CLIENT, kind,
              PROFILES);
    if (peer_has_cookies)
        SSL_set_options(d->theirs.ssl, SSL_OP_COOKIE_EXCHANGE);
    end_init(&d->ours, &d->link, 0, role, &config, &d->theirs.fp);
    return d;
}

static void duel_begin(struct duel *d)
{
    CU_ASSERT_EQUAL(dtls_assoc_start(d->ours.assoc, d->link.now), 0);
    if (d->ours.role == DTLS_SERVER)
        ossl_start(&d->theirs);
}

static bool decided(void *user)
{
    struct duel *d = user;

    return (d->ours.established || d->ours.failed) && (d->theirs.done || d->theirs.failed);
}

static void duel_run(struct duel *d, uint64_t ms)
{
    link_run(&d->link, d->link.now + ms, decided, d);
}

static void duel_end(struct duel *d)
{
    link_fini(&d->link);
    end_fini(&d->ours);
    ossl_fini(&d->theirs);
    free(d);
}

static bool is_handshake(const struct duel *d, size_t i, int to, uint8_t type)
{
    return d->seen[i].to == to && d->seen[i].len > 13 && d->seen[i].data[0] == HANDSHAKE &&
           d->seen[i].data[13] == type;
}

/* ---- cookies (RFC 6347 §4.2.1) ---- */

static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
    (void)ssl;
    memcpy(cookie, "sluice tests OpenSSL", 20);
    *len = 20;
    return 1;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
    (void)ssl;
    return len == 20 && memcmp(cookie, "sluice tests OpenSSL", 20) == 0;
}

/* As a client we say the second hello with the cookie; as the server we have asked for one, in an
 * answer that is no larger than its question, before anything is kept of the client. */
static void cookies_come_before_state(void)
{
    for (enum dtls_role role = DTLS_CLIENT; role <= DTLS_SERVER; role++) {
        int client = role == DTLS_CLIENT ? 0 : 1, server = 1 - client;
        struct duel *d = duel_start(role, OSSL_EC, role == DTLS_CLIENT);
        size_t hello = 0;

        SSL_CTX_set_cookie_generate_cb(d->theirs.ctx, make_cookie);
        SSL_CTX_set_cookie_verify_cb(d->theirs.ctx, check_cookie);
        duel_begin(d);
        duel_run(d, 40000);
        CU_ASSERT(d->ours.established == 1 && d->theirs.done);
        CU_ASSERT_TRUE_FATAL(d->count > 3);
        CU_ASSERT(is_handshake(d, 0, server, CLIENT_HELLO));
        CU_ASSERT(is_handshake(d, 1, client, HELLO_VERIFY));
        /* The hello that is answered with more than the question for a cookie is longer by it. (One
         * without may come again before: OpenSSL's question does not mirror our record number.) */
        for (size_t i = 2; i < d->count && !is_handshake(d, i, client, SERVER_HELLO); i++)
            hello = is_handshake(d, i, server, CLIENT_HELLO) ? d->seen[i].len : hello;
        CU_ASSERT(hello > d->seen[0].len);
        if (role == DTLS_SERVER) {
            CU_ASSERT(d->seen[1].len <= d->seen[0].len);
            CU_ASSERT_EQUAL(dtls_ctx_stats(d->ours.ctx)->hello_verify_sent, 1);
            CU_ASSERT_EQUAL(dtls_ctx_stats(d->ours.ctx)->cookie_good, 1);
        }
        duel_end(d);
        PROVES_FOR("X-6347", role_text(role, "cookie"));
    }
}

/* ---- retransmission (§4.2.4.1) ---- */

/* A flight of ours that never arrives: when is it sent, and for how long? Its last datagrams would
 * never be answered either. */
static void lost_flights_come_again_with_back_off(void)
{
    for (enum dtls_role role = DTLS_CLIENT; role <= DTLS_SERVER; role++) {
        struct duel *d = duel_start(role, OSSL_EC, false);
        uint64_t began, last = 0, gap = 0, longest = 0;
        unsigned flights = 0;

        /* The server's first datagram asks for a cookie and is not kept: the second flight is. */
        d->deaf_after = role == DTLS_CLIENT ? 1 : 2;
        duel_begin(d);
        began = d->link.now;
        link_run(&d->link, d->link.now + 60000, NULL, NULL);
        CU_ASSERT_EQUAL(d->ours.reason, DTLS_FAIL_TIMEOUT);
        for (size_t i = 0; i < d->count; i++) {
            if (d->seen[i].to != 1 || d->seen[i].at == last || is_handshake(d, i, 1, HELLO_VERIFY))
                continue; /* datagrams of one flight leave together */
            if (flights++ > 0) {
                uint64_t pause = d->seen[i].at - last;

                /* OpenSSL's own hello, said again, may bring ours forward; never back. */
                if (role == DTLS_CLIENT) {
                    CU_ASSERT(gap == 0 || pause == 2 * gap || pause == config.retransmit_max_ms);
                    CU_ASSERT(gap != 0 || pause == config.retransmit_initial_ms);
                }
                gap = pause;
                longest = pause > longest ? pause : longest;
            }
            last = d->seen[i].at;
        }
        CU_ASSERT(flights >= 6);
        CU_ASSERT(longest >= config.retransmit_max_ms / 2 && longest <= config.retransmit_max_ms);
        CU_ASSERT(last - began < 30000 + 1000);
        CU_ASSERT(dtls_ctx_stats(d->ours.ctx)->retransmits >= 5);
        duel_end(d);
        PROVES_FOR("X-6347", role_text(role, "retransmission"));
    }
}

/* ---- fragments (§4.1.1, §4.2.3) ---- */

/* RSA certificates are larger than the path: both ends have to cut and to join. */
static void messages_are_cut_to_the_path(void)
{
    for (enum dtls_role role = DTLS_CLIENT; role <= DTLS_SERVER; role++) {
        struct duel *d;
        size_t largest = 0, fragments = 0;

        config.mtu = MTU;
        d = duel_start(role, OSSL_RSA, false);
        SSL_set_options(d->theirs.ssl, SSL_OP_NO_QUERY_MTU);
        CU_ASSERT_TRUE(SSL_set_mtu(d->theirs.ssl, 256) > 0);
        duel_begin(d);
        duel_run(d, 40000);
        CU_ASSERT(d->ours.established == 1 && d->theirs.done);
        for (size_t i = 0; i < d->count; i++) {
            const uint8_t *m = d->seen[i].data + 13; /* type, length 3, seq 2, offset 3, length 3 */

            if (d->seen[i].to == 1 && d->seen[i].len > largest)
                largest = d->seen[i].len;
            if (d->seen[i].data[0] == HANDSHAKE && d->seen[i].data[4] == 0 && d->seen[i].len > 25)
                fragments += memcmp(m + 1, m + 9, 3) != 0;
        }
        CU_ASSERT(largest > 0 && largest <= MTU);
        CU_ASSERT(fragments >= 2);
        duel_end(d);
        dtls_config_init(&config, cert);
        PROVES_FOR("X-6347", role_text(role, "fragments"));
    }
}

/* ---- the replay window (§4.1.2.6) ---- */

/* What OpenSSL has sent comes once more, each record and in any order, and then once again behind a
 * newer one: nothing is taken twice, and nothing of it harms. */
static void records_are_taken_once(void)
{
    for (enum dtls_role role = DTLS_CLIENT; role <= DTLS_SERVER; role++) {
        struct duel *d = duel_start(role, OSSL_EC, false);
        size_t n;
        int before;

        duel_begin(d);
        duel_run(d, 40000);
        CU_ASSERT(d->ours.established == 1 && d->theirs.done);
        for (int i = 0; i < 3; i++) { /* each is echoed */
            CU_ASSERT_EQUAL(dtls_assoc_send(d->ours.assoc, d->link.now, (const uint8_t *)"ping", 4),
                            0);
            link_run(&d->link, d->link.now + 100, NULL, NULL);
        }
        before = d->ours.data_count;
        CU_ASSERT_EQUAL(before, 3);
        n = d->count;
        for (size_t k = 0; k < 2 * n; k++) {
            size_t i = k < n ? k : 2 * n - 1 - k;

            if (d->seen[i].to == 0 && d->seen[i].data[0] == DATA)
                (void)dtls_assoc_input(d->ours.assoc, d->link.now, &d->ours.other, d->seen[i].data,
                                       d->seen[i].len);
        }
        CU_ASSERT_EQUAL(d->ours.data_count, before);
        CU_ASSERT_EQUAL(dtls_assoc_state(d->ours.assoc), DTLS_ESTABLISHED);
        CU_ASSERT_EQUAL(dtls_assoc_send(d->ours.assoc, d->link.now, (const uint8_t *)"pong", 4), 0);
        link_run(&d->link, d->link.now + 100, NULL, NULL);
        CU_ASSERT_EQUAL(d->ours.data_count, before + 1);
        duel_end(d);
        PROVES_FOR("X-6347", role_text(role, "replay"));
    }
}

/* ---- RFC 4572 §6.2 ---- */

static void wrong_certificate_ends_with_bad_certificate(void)
{
    const struct fingerprint other = {.hash = FINGERPRINT_SHA256, .digest = {1}};

    for (enum dtls_role role = DTLS_CLIENT; role <= DTLS_SERVER; role++) {
        struct duel *d = duel_start(role, OSSL_EC, false);
        const uint8_t *alert = NULL;

        CU_ASSERT_EQUAL(dtls_assoc_set_fingerprint(d->ours.assoc, d->link.now, &other), 0);
        duel_begin(d);
        duel_run(d, 40000);
        CU_ASSERT_EQUAL(d->ours.reason, DTLS_FAIL_FINGERPRINT);
        CU_ASSERT(d->ours.established == 0 && d->theirs.failed && !d->theirs.done);
        for (size_t i = 0; i < d->count; i++)
            if (d->seen[i].to == 1 && d->seen[i].data[0] == ALERT)
                alert = d->seen[i].data;
        CU_ASSERT_PTR_NOT_NULL_FATAL(alert);
        CU_ASSERT(alert[13] == SSL3_AL_FATAL && alert[14] == SSL_AD_BAD_CERTIFICATE);
        duel_end(d);
    }
}

SUITE_SETUP("conformance/dtls", setup, teardown, TEST(cookies_come_before_state),
            TEST(lost_flights_come_again_with_back_off), TEST(messages_are_cut_to_the_path),
            TEST(records_are_taken_once), TEST(wrong_certificate_ends_with_bad_certificate))
