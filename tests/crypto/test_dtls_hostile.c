/* What strangers and broken peers may send: garbage, truncation, floods of ClientHellos. */
#include "base/err.h"
#include "crypto/dtls_record.h"
#include "tests/crypto/dtls_link.h"
#include "tests/suite.h"

#include <malloc.h>
#include <stdlib.h>

static struct cert *cert_a, *cert_b;
static struct fingerprint fp_a, fp_b;
static struct dtls_config config_a, config_b;

#define CAPTURED_MAX   16
#define SMALLEST_HELLO 69

/* What crossed the link in one handshake. */
struct capture {
    uint8_t data[CAPTURED_MAX][2048];
    size_t len[CAPTURED_MAX];
    int to[CAPTURED_MAX];
    size_t count;
};

static struct capture captured;

static bool capture_all(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct capture *c = link->filter_user;

    if (c->count < CAPTURED_MAX && len <= sizeof(c->data[0])) {
        memcpy(c->data[c->count], data, len);
        c->len[c->count] = len;
        c->to[c->count++] = to;
    }
    return true;
}

static bool both_established(void *user)
{
    struct end *ends = user;

    return ends[0].established && ends[1].established;
}

static int setup(void)
{
    if (cert_generate(30, &cert_a) != 0 || cert_generate(30, &cert_b) != 0)
        return 1;
    dtls_config_init(&config_a, cert_a);
    dtls_config_init(&config_b, cert_b);
    return cert_fingerprint(cert_a, FINGERPRINT_SHA256, &fp_a) ||
           cert_fingerprint(cert_b, FINGERPRINT_SHA256, &fp_b);
}

static int teardown(void)
{
    cert_destroy(cert_a);
    cert_destroy(cert_b);
    return 0;
}

/* A whole handshake, its datagrams in `captured`. */
static void capture_handshake(void)
{
    struct end ends[2];
    struct link link;

    memset(&captured, 0, sizeof(captured));
    link_init(&link, 0, 1);
    link.filter = capture_all;
    link.filter_user = &captured;
    end_init(&ends[0], &link, 0, DTLS_CLIENT, &config_a, &fp_b);
    end_init(&ends[1], &link, 1, DTLS_SERVER, &config_b, &fp_a);
    dtls_assoc_start(ends[0].assoc, link.now);
    link_run(&link, link.now + 5000, both_established, ends);
    CU_ASSERT_TRUE_FATAL(both_established(ends));
    link_fini(&link);
    end_fini(&ends[0]);
    end_fini(&ends[1]);
}

/* A copy that ends where its memory ends, so that ASan sees a byte too far. */
static void input_exact(struct dtls_assoc *assoc, uint64_t now, const struct addr *from,
                        const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);

    memcpy(exact, data, len);
    (void)dtls_assoc_input(assoc, now, from, exact, len);
    free(exact);
}

static void hello_of_every_length_is_parsed_or_refused(void)
{
    struct dtls_hello hello;

    capture_handshake();
    for (size_t len = 0; len <= captured.len[0]; len++) {
        uint8_t *exact = malloc(len ? len : 1);

        memcpy(exact, captured.data[0], len);
        CU_ASSERT_EQUAL(dtls_hello_parse(exact, len, &hello),
                        len == captured.len[0] ? 0 : ERR_MALFORMED);
        free(exact);
    }
    CU_ASSERT_TRUE(hello.has_use_srtp);
    CU_ASSERT_EQUAL(hello.profile_count, 4);
}

/* RFC 5764 §4.1.1: each byte of the ClientHello changed; nothing crashes, and nothing but a
 * well-formed list is taken. */
static void hello_every_byte_changed_is_survived(void)
{
    struct dtls_hello hello;

    capture_handshake();
    for (size_t i = 0; i < captured.len[0]; i++) {
        for (unsigned value = 0; value < 256; value += 15) {
            uint8_t copy[2048];

            memcpy(copy, captured.data[0], captured.len[0]);
            copy[i] = (uint8_t)value;
            if (dtls_hello_parse(copy, captured.len[0], &hello) == 0)
                CU_ASSERT_TRUE(hello.profile_count <= DTLS_HELLO_PROFILES_MAX);
        }
    }
}

/* Fresh server, each datagram of the client cut at each byte (RFC 6347 §4.1.2.7). */
static void server_truncated_datagrams_are_dropped(void)
{
    struct dtls_ctx *ctx = NULL;

    capture_handshake();
    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, &ctx), 0);
    for (size_t k = 0; k < captured.count; k++) {
        struct end end;
        struct link link;

        if (captured.to[k] != 1)
            continue;
        link_init(&link, 100, 1);
        end_init_on(&end, &link, 1, DTLS_SERVER, ctx, &fp_a);
        for (size_t len = 0; len < captured.len[k]; len++)
            input_exact(end.assoc, link.now, &end.other, captured.data[k], len);
        CU_ASSERT_EQUAL(dtls_assoc_state(end.assoc), DTLS_IDLE);
        dtls_assoc_destroy(end.assoc);
    }
    CU_ASSERT_TRUE(dtls_ctx_stats(ctx)->dropped_not_dtls > 100);
    dtls_ctx_destroy(ctx);
}

/* After every half of a handshake: random bytes, cut and flipped copies of true datagrams. Whatever
 * becomes of the association, nothing crashes and no key comes out. */
static void handshake_garbage_at_every_stage_is_survived(void)
{
    unsigned seed = 42;

    capture_handshake();
    for (unsigned round = 0; round < 400; round++) {
        struct end ends[2];
        struct link link;

        link_init(&link, 0, round);
        end_init(&ends[0], &link, 0, DTLS_CLIENT, &config_a, &fp_b);
        end_init(&ends[1], &link, 1, DTLS_SERVER, &config_b, &fp_a);
        dtls_assoc_start(ends[0].assoc, link.now);
        link_run(&link, link.now + 10 * (round % 8), NULL, NULL);
        for (int i = 0; i < 20; i++) {
            const struct end *end = &ends[rand_r(&seed) % 2];
            size_t k = (size_t)rand_r(&seed) % captured.count;
            size_t len = captured.len[k];
            uint8_t copy[2048];

            memcpy(copy, captured.data[k], len);
            for (int flips = rand_r(&seed) % 4; flips > 0; flips--)
                copy[(size_t)rand_r(&seed) % len] = (uint8_t)rand_r(&seed);
            if (rand_r(&seed) % 3 == 0)
                len = (size_t)rand_r(&seed) % len;
            input_exact(end->assoc, link.now, &end->other, copy, len);
        }
        /* Only the true peer can have come through. */
        link_run(&link, link.now + 40000, NULL, NULL);
        CU_ASSERT_TRUE(ends[0].established <= 1 && ends[1].established <= 1);
        if (ends[0].established && ends[1].established)
            CU_ASSERT_EQUAL(memcmp(ends[0].info.local.key, ends[1].info.remote.key, 16), 0);
        link_fini(&link);
        end_fini(&ends[0]);
        end_fini(&ends[1]);
    }
}

static void garbage_random_bytes_are_counted_and_dropped(void)
{
    struct dtls_ctx *ctx = NULL;
    struct end end;
    struct link link;
    unsigned seed = 7;

    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, &ctx), 0);
    link_init(&link, 0, 1);
    end_init_on(&end, &link, 1, DTLS_SERVER, ctx, &fp_a);
    for (int i = 0; i < 20000; i++) {
        uint8_t data[256];
        size_t len = (size_t)rand_r(&seed) % sizeof(data);

        for (size_t k = 0; k < len; k++)
            data[k] = (uint8_t)rand_r(&seed);
        if (len > 2 && i % 2) {
            data[0] = (uint8_t)(20 + i % 4);
            data[1] = 0xfe;
            data[2] = 0xfd;
        }
        input_exact(end.assoc, link.now, &end.other, data, len);
    }
    CU_ASSERT_EQUAL(link.sent, 0);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->datagrams_in, 20000);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->dropped_not_dtls + dtls_ctx_stats(ctx)->dropped_hello,
                    20000);
    dtls_assoc_destroy(end.assoc);
    dtls_ctx_destroy(ctx);
}

/* The smallest ClientHello that is answered: no session, one suite, an empty list of extensions. */
static size_t smallest_hello(uint8_t *out, uint32_t random)
{
    uint8_t hello[] = {22,   0xfe, 0xfd, 0,  0, 0, 0, 0, 0, 0, 0, 0,  56, /* record */
                       1,    0,    0,    44, 0, 0, 0, 0, 0, 0, 0, 44,     /* handshake */
                       0xfe, 0xfd};

    memset(out, 0, SMALLEST_HELLO);
    memcpy(out, hello, sizeof(hello));
    memcpy(out + 27, &random, sizeof(random));
    out[62] = 2; /* no session id, no cookie, two bytes of suites */
    out[63] = 0xc0;
    out[64] = 0x2b;
    out[65] = 1;
    return SMALLEST_HELLO;
}

static void hello_without_cookie_answer_is_not_larger(void)
{
    struct dtls_ctx *ctx = NULL;
    struct end end;
    struct link link;
    uint8_t hello[SMALLEST_HELLO];
    size_t len = smallest_hello(hello, 1);

    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, &ctx), 0);
    link_init(&link, 0, 1);
    end_init_on(&end, &link, 1, DTLS_SERVER, ctx, &fp_a);
    CU_ASSERT_EQUAL(dtls_assoc_input(end.assoc, link.now, &end.other, hello, len), 0);
    CU_ASSERT_EQUAL(link.sent, 1);
    CU_ASSERT_EQUAL(link.queue[0].data[13], 3); /* HelloVerifyRequest */
    CU_ASSERT_TRUE(link.largest <= len);
    CU_ASSERT_EQUAL(dtls_assoc_state(end.assoc), DTLS_IDLE);
    CU_ASSERT_EQUAL(dtls_assoc_next_deadline(end.assoc), DTLS_NO_DEADLINE);
    link_fini(&link);
    dtls_assoc_destroy(end.assoc);
    dtls_ctx_destroy(ctx);
}

/* RFC 9147 §5.3: a client that prefers DTLS 1.3 says so in supported_versions (43) of a hello that
 * bears 1.2 otherwise. Neither OpenSSL 3.0 nor GnuTLS 3.7 has such a hello, so that ours gets the
 * extension on its way. */
struct versions {
    const uint8_t *list; /* behind its length */
    uint8_t size;
    uint16_t chosen; /* of the ServerHello, 0: none came */
    bool has_extension;
};

static void add_u16(uint8_t *at, size_t by)
{
    size_t value = ((size_t)at[0] << 8 | at[1]) + by;

    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Record, message and fragment have the length of a ClientHello each, its extensions theirs. */
static size_t with_versions(uint8_t *hello, size_t len, const struct versions *v)
{
    size_t more = 5 + (size_t)v->size, at = 25 + 2 + 32;

    add_u16(hello + 11, more);
    add_u16(hello + 15, more);
    add_u16(hello + 23, more);
    at += 1 + (size_t)hello[at];
    at += 1 + (size_t)hello[at]; /* cookie */
    at += 2 + ((size_t)hello[at] << 8 | hello[at + 1]);
    at += 1 + (size_t)hello[at];
    add_u16(hello + at, more);
    hello[len] = 0;
    hello[len + 1] = 43;
    hello[len + 2] = 0;
    hello[len + 3] = (uint8_t)(v->size + 1);
    hello[len + 4] = v->size;
    memcpy(hello + len + 5, v->list, v->size);
    return len + more;
}

static bool offer_versions(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct versions *v = link->filter_user;
    uint8_t hello[2048];

    if (to == 1 && data[13] == 1) {
        memcpy(hello, data, len);
        len = with_versions(hello, len, v);
        link->filter = NULL; /* this one as it is */
        link_send(link, to, hello, len);
        link->filter = offer_versions;
        return false;
    }
    if (to == 0 && data[13] == 2 && v->chosen == 0) {
        size_t at = 25 + 2 + 32;

        v->chosen = (uint16_t)(data[25] << 8 | data[26]);
        at += 1 + (size_t)data[at] + 2 + 1 + 2;
        for (; at + 4 <= len && at < 25 + ((size_t)data[23] << 8 | data[24]);
             at += 4 + ((size_t)data[at + 2] << 8 | data[at + 3]))
            v->has_extension |= data[at] == 0 && data[at + 1] == 43;
    }
    return true;
}

static void check_versions(const uint8_t *list, uint8_t size)
{
    struct versions v = {.list = list, .size = size};
    struct end ends[2];
    struct link link;

    link_init(&link, 0, 1);
    link.filter = offer_versions;
    link.filter_user = &v;
    end_init(&ends[0], &link, 0, DTLS_CLIENT, &config_a, &fp_b);
    end_init(&ends[1], &link, 1, DTLS_SERVER, &config_b, &fp_a);
    dtls_assoc_start(ends[0].assoc, link.now);
    link_run(&link, link.now + 150, NULL, NULL);
    CU_ASSERT_EQUAL(v.chosen, 0xfefd);
    CU_ASSERT_FALSE(v.has_extension);
    CU_ASSERT_EQUAL(dtls_assoc_state(ends[1].assoc), DTLS_HANDSHAKE);
    link_fini(&link);
    end_fini(&ends[0]);
    end_fini(&ends[1]);
}

static void x_6347_client_that_prefers_dtls_1_3_gets_1_2(void)
{
    static const uint8_t both[] = {0xfe, 0xfc, 0xfe, 0xfd}, only[] = {0xfe, 0xfc};

    check_versions(both, sizeof(both));
    /* RFC 8446 §4.2.1: who does not know the extension goes by the version of old. It is for the
     * client to end what it does not want. */
    check_versions(only, sizeof(only));
}

static bool swallow(struct link *link, int to, const uint8_t *data, size_t len)
{
    (void)link;
    (void)to;
    (void)data;
    (void)len;
    return false;
}

static void hellos_10000_without_cookie_keep_no_memory(void)
{
    struct dtls_ctx *ctx = NULL;
    struct end end;
    struct link link;
    size_t before = 0;

    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, &ctx), 0);
    link_init(&link, 0, 1);
    link.filter = swallow;
    end_init_on(&end, &link, 1, DTLS_SERVER, ctx, &fp_a);
    for (uint32_t i = 0; i < 10100; i++) {
        uint8_t hello[SMALLEST_HELLO];
        size_t len = smallest_hello(hello, i);

        if (i == 100) /* the listener's buffers have their size by now */
            before = mallinfo2().uordblks;
        end.other.port = (uint16_t)(1024 + i);
        (void)dtls_assoc_input(end.assoc, link.now, &end.other, hello, len);
    }
    CU_ASSERT_EQUAL(link.sent, 10100);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->hello_verify_sent, 10100);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->cookie_good, 0);
    CU_ASSERT_TRUE(mallinfo2().uordblks <= before + 256);
    dtls_assoc_destroy(end.assoc);
    dtls_ctx_destroy(ctx);
}

/* A cookie is worth nothing from another address. */
static void cookie_from_another_address_is_not_good(void)
{
    struct dtls_ctx *ctx = NULL;
    struct end client, server;
    struct link link;
    struct addr elsewhere;

    CU_ASSERT_EQUAL(addr_parse("127.0.0.9:9", &elsewhere), 0);
    link_init(&link, 0, 1);
    memset(&captured, 0, sizeof(captured));
    link.filter = capture_all;
    link.filter_user = &captured;
    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, &ctx), 0);
    end_init(&client, &link, 0, DTLS_CLIENT, &config_a, &fp_b);
    end_init_on(&server, &link, 1, DTLS_SERVER, ctx, &fp_a);
    dtls_assoc_start(client.assoc, link.now);
    link_run(&link, link.now + 25, NULL, NULL); /* hello, verify; the second hello is under way */
    CU_ASSERT_EQUAL_FATAL(captured.count, 3);
    server.other = elsewhere;
    CU_ASSERT_EQUAL(
        dtls_assoc_input(server.assoc, link.now, &elsewhere, captured.data[2], captured.len[2]), 0);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->cookie_good, 0);
    CU_ASSERT_EQUAL(dtls_assoc_state(server.assoc), DTLS_IDLE);
    link_fini(&link);
    dtls_assoc_destroy(server.assoc);
    dtls_ctx_destroy(ctx);
    end_fini(&client);
}

/* Bytes on the heap for an association that keyed SRTP, before and after parking. */
static void memory_parked_is_small(void)
{
    enum { N = 50 };
    struct dtls_ctx *ctx_a = NULL, *ctx_b = NULL;
    static struct end clients[N], servers[N];
    struct link link;
    size_t start, established, parked;

    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_a, &ctx_a), 0);
    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, &ctx_b), 0);
    start = mallinfo2().uordblks;
    for (int i = 0; i < N; i++) {
        link_init(&link, 0, 1);
        end_init_on(&clients[i], &link, 0, DTLS_CLIENT, ctx_a, &fp_b);
        end_init_on(&servers[i], &link, 1, DTLS_SERVER, ctx_b, &fp_a);
        dtls_assoc_start(clients[i].assoc, link.now);
        link_run(&link, link.now + 1000, NULL, NULL);
        CU_ASSERT_TRUE(servers[i].established && clients[i].established);
    }
    established = mallinfo2().uordblks;
    for (int i = 0; i < N; i++) {
        dtls_assoc_on_timer(clients[i].assoc, 1000000);
        dtls_assoc_on_timer(servers[i].assoc, 1000000);
        CU_ASSERT_TRUE(dtls_assoc_is_parked(clients[i].assoc));
        CU_ASSERT_TRUE(dtls_assoc_is_parked(servers[i].assoc));
    }
    parked = mallinfo2().uordblks;
    printf("\n    heap per association: established %zu, parked %zu bytes ",
           (established - start) / (2 * N), (parked - start) / (2 * N));
    CU_ASSERT_TRUE(parked - start < 2048 * 2 * N);
    for (int i = 0; i < N; i++) {
        dtls_assoc_destroy(clients[i].assoc);
        dtls_assoc_destroy(servers[i].assoc);
    }
    dtls_ctx_destroy(ctx_a);
    dtls_ctx_destroy(ctx_b);
}

/* A hello with a cookie of ours (captured.data[2]), and the server that it was asked by. */
static void ask_for_cookie(struct link *link, struct end *client, struct end *server,
                           struct dtls_ctx **ctx)
{
    link_init(link, 0, 1);
    memset(&captured, 0, sizeof(captured));
    link->filter = capture_all;
    link->filter_user = &captured;
    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(&config_b, ctx), 0);
    end_init(client, link, 0, DTLS_CLIENT, &config_a, &fp_b);
    end_init_on(server, link, 1, DTLS_SERVER, *ctx, &fp_a);
    dtls_assoc_start(client->assoc, link->now);
    link_run(link, link->now + 25, NULL, NULL); /* hello, verify; the second hello is under way */
    CU_ASSERT_EQUAL_FATAL(captured.count, 3);
}

static void end_cookies(struct link *link, struct end *client, struct end *server,
                        struct dtls_ctx *ctx)
{
    link_fini(link);
    dtls_assoc_destroy(server->assoc);
    dtls_ctx_destroy(ctx);
    end_fini(client);
}

/* The secret is a new one when the answer comes: it was asked for with the one before. */
static void cookie_of_the_secret_before_is_good(void)
{
    struct end client, server;
    struct dtls_ctx *ctx = NULL;
    struct link link;

    ask_for_cookie(&link, &client, &server, &ctx);
    CU_ASSERT_EQUAL(dtls_assoc_input(server.assoc, link.now + DTLS_COOKIE_MS, &client.addr,
                                     captured.data[2], captured.len[2]),
                    0);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->cookie_secrets, 1);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->cookie_old, 1);
    CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->cookie_good, 1);
    CU_ASSERT_EQUAL(dtls_assoc_state(server.assoc), DTLS_HANDSHAKE);
    end_cookies(&link, &client, &server, ctx);
}

/* Spent too late, or kept for two generations: asked again, with one question. */
static void cookie_that_is_too_old_is_asked_for_again(void)
{
    static const uint64_t ages[] = {DTLS_COOKIE_MS + DTLS_COOKIE_OVERLAP_MS, 3 * DTLS_COOKIE_MS};

    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        struct end client, server;
        struct dtls_ctx *ctx = NULL;
        struct link link;
        uint64_t asked;

        ask_for_cookie(&link, &client, &server, &ctx);
        asked = dtls_ctx_stats(ctx)->hello_verify_sent;
        CU_ASSERT_EQUAL(dtls_assoc_input(server.assoc, link.now + ages[i], &client.addr,
                                         captured.data[2], captured.len[2]),
                        0);
        CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->cookie_good, 0);
        CU_ASSERT_EQUAL(dtls_ctx_stats(ctx)->hello_verify_sent, asked + 1);
        CU_ASSERT_EQUAL(dtls_assoc_state(server.assoc), DTLS_IDLE);
        end_cookies(&link, &client, &server, ctx);
    }
}

SUITE_SETUP("crypto/dtls_hostile", setup, teardown,
            TEST(hello_of_every_length_is_parsed_or_refused),
            TEST(hello_every_byte_changed_is_survived),
            TEST(server_truncated_datagrams_are_dropped),
            TEST(handshake_garbage_at_every_stage_is_survived),
            TEST(garbage_random_bytes_are_counted_and_dropped),
            TEST(x_6347_client_that_prefers_dtls_1_3_gets_1_2),
            TEST(hello_without_cookie_answer_is_not_larger),
            TEST(hellos_10000_without_cookie_keep_no_memory),
            TEST(cookie_from_another_address_is_not_good),
            TEST(cookie_of_the_secret_before_is_good),
            TEST(cookie_that_is_too_old_is_asked_for_again), TEST(memory_parked_is_small))
