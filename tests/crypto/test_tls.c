/* TLS over memory: our client and server with each other, OpenSSL's client against our server, and
 * peers that do it wrong (RFC 5246, RFC 8446, H.323 by TLS). Certificates are made by openssl(1).
 */
#include "crypto/tls.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/crypto/tls_foreign.h"
#include "tests/suite.h"

#define PIPE_ROOM 262144

/* Octets on their way, one direction. */
struct wire {
    uint8_t data[PIPE_ROOM];
    size_t len;
};

struct side {
    struct tls_conn *conn;
    struct wire out;
    uint8_t got[PIPE_ROOM];
    size_t got_len;
    unsigned opens;
    const char *greeting; /* sent from within on_open */
    bool echo;
    int last; /* of tls_conn_input */
};

static char dir[] = "/tmp/sluice-tls-XXXXXX";
static struct side client, server;

static void on_send(void *user, const uint8_t *data, size_t len)
{
    struct side *s = user;

    CU_ASSERT_FATAL(s->out.len + len <= PIPE_ROOM);
    memcpy(s->out.data + s->out.len, data, len);
    s->out.len += len;
}

static void on_open(void *user)
{
    struct side *s = user;

    s->opens++;
    if (s->greeting != NULL)
        CU_ASSERT_EQUAL(tls_conn_send(s->conn, (const uint8_t *)s->greeting, strlen(s->greeting)),
                        0);
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct side *s = user;

    CU_ASSERT_FATAL(s->got_len + len <= PIPE_ROOM);
    memcpy(s->got + s->got_len, data, len);
    s->got_len += len;
    if (s->echo)
        CU_ASSERT_EQUAL(tls_conn_send(s->conn, data, len), 0);
}

static const struct tls_callbacks callbacks = {on_send, on_open, on_data};

static int make_files(void)
{
    static const char script[] =
        "cd %s && exec 2>/dev/null >/dev/null && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=ca "
        "-keyout ca.key -out ca.crt && "
        "echo basicConstraints=CA:FALSE >ext && "
        "for n in server client; do "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$n.example "
        "-keyout $n.key -out $n.csr && "
        "openssl x509 -req -in $n.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3 "
        "-extfile ext -out $n.crt || exit 1; done; "
        "openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=rsa -keyout rsa.key "
        "-out rsa.crt && "
        "openssl req -x509 -newkey ed25519 -nodes -days 3 -subj /CN=ed -keyout ed.key -out ed.crt";
    char command[2048];

    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(command, sizeof(command), script, dir);
    return system(command);
}

static int remove_files(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[2][128];
    static unsigned turn;
    char *p = path[turn++ % 2];

    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

static struct cert *load(const char *name)
{
    char cert_name[32], key_name[32];
    struct cert *cert = NULL;

    snprintf(cert_name, sizeof(cert_name), "%s.crt", name);
    snprintf(key_name, sizeof(key_name), "%s.key", name);
    CU_ASSERT_EQUAL_FATAL(cert_load(path_of(cert_name), path_of(key_name), &cert, NULL), 0);
    return cert;
}

/* `name`: of the certificate, NULL: none. `check`: with our CA. */
static void begin_with(struct side *s, enum tls_role role, const char *name, enum tls_check check,
                       const enum tls_cipher *only)
{
    struct cert *cert = name != NULL ? load(name) : NULL;
    struct tls_config config = {.role = role, .cert = cert, .check = check};
    struct tls_ctx *ctx = NULL;

    memset(s, 0, sizeof(*s));
    if (check != TLS_CHECK_NONE)
        config.authorities = path_of("ca.crt");
    if (only != NULL) {
        config.ciphers[0] = *only;
        config.cipher_count = 1;
    }
    CU_ASSERT_EQUAL_FATAL(tls_ctx_create(&config, &ctx, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(tls_conn_create(ctx, &callbacks, s, &s->conn), 0);
    tls_ctx_destroy(ctx); /* connections outlive it */
    cert_destroy(cert);
}

static void begin(struct side *s, enum tls_role role, const char *name, enum tls_check check)
{
    begin_with(s, role, name, check, NULL);
}

static void end(void)
{
    tls_conn_destroy(client.conn);
    tls_conn_destroy(server.conn);
    client.conn = server.conn = NULL;
}

/* Everything that waits, in pieces of so many octets. */
static void deliver(struct side *from, struct side *to, size_t piece)
{
    static uint8_t data[PIPE_ROOM];
    size_t len = from->out.len;

    memcpy(data, from->out.data, len);
    from->out.len = 0;
    for (size_t at = 0; at < len; at += piece)
        to->last = tls_conn_input(to->conn, data + at, len - at < piece ? len - at : piece);
}

static void exchange(size_t piece)
{
    for (int i = 0; i < 20 && (client.out.len > 0 || server.out.len > 0); i++) {
        deliver(&client, &server, piece);
        deliver(&server, &client, piece);
    }
}

static void shake(size_t piece)
{
    (void)tls_conn_start(client.conn);
    exchange(piece);
}

static void talks(size_t piece)
{
    static const char text[] = "packet in a stream";

    server.echo = true;
    client.got_len = 0;
    CU_ASSERT_EQUAL(tls_conn_send(client.conn, (const uint8_t *)text, sizeof(text)), 0);
    exchange(piece);
    CU_ASSERT_EQUAL(client.got_len, sizeof(text));
    CU_ASSERT_EQUAL(memcmp(client.got, text, sizeof(text)), 0);
    CU_ASSERT_FALSE(tls_conn_is_partial(server.conn));
}

static void pair_of_ours_talks_with_every_kind_of_key(void)
{
    static const char *const names[] = {"server", "rsa", "ed"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
        begin(&server, TLS_SERVER, names[i], TLS_CHECK_NONE);
        CU_ASSERT_EQUAL(tls_conn_send(client.conn, (const uint8_t *)"x", 1), ERR_STATE);
        shake(PIPE_ROOM);
        CU_ASSERT_EQUAL(client.opens, 1);
        CU_ASSERT_EQUAL(server.opens, 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(tls_conn_info(server.conn)->cipher);
        CU_ASSERT_STRING_EQUAL(tls_conn_info(server.conn)->cipher,
                               tls_conn_info(client.conn)->cipher);
        CU_ASSERT_EQUAL(tls_conn_info(server.conn)->version,
                        tls_has_version(TLS_VERSION_1_3) ? TLS_VERSION_1_3 : TLS_VERSION_1_2);
        CU_ASSERT_FALSE(tls_conn_info(client.conn)->is_peer_verified);
        talks(PIPE_ROOM);
        end();
    }
}

static void octet_by_octet_is_the_same(void)
{
    begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    shake(1);
    CU_ASSERT_EQUAL(client.opens, 1);
    CU_ASSERT_EQUAL(server.opens, 1);
    talks(1);
    end();
}

/* The server's first packet may come in the segment that ends the handshake. */
static void data_behind_the_handshake_is_handed_out(void)
{
    begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    server.greeting = "hello";
    shake(PIPE_ROOM);
    CU_ASSERT_EQUAL(client.opens, 1);
    CU_ASSERT_EQUAL(client.got_len, 5);
    end();
}

static void long_stream_passes_whole(void)
{
    static uint8_t text[100000];

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 7 + i / 251);
    begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    shake(PIPE_ROOM);
    CU_ASSERT_EQUAL(tls_conn_send(client.conn, text, sizeof(text)), 0);
    exchange(1447);
    CU_ASSERT_EQUAL(server.got_len, sizeof(text));
    CU_ASSERT_EQUAL(memcmp(server.got, text, sizeof(text)), 0);
    end();
}

static enum tls_failure failure_of(const struct side *s)
{
    const char *text = NULL;
    enum tls_failure why = tls_conn_failure(s->conn, &text);

    CU_ASSERT(why == TLS_FAIL_NONE || text[0] != '\0');
    return why;
}

static void certificates_are_checked_as_configured(void)
{
    static const struct {
        const char *client, *server;
        enum tls_check client_check, server_check;
        bool opens;
        enum tls_failure client_failure, server_failure;
    } row[] = {
        {"client", "server", TLS_CHECK_REQUIRED, TLS_CHECK_REQUIRED, true, 0, 0},
        {NULL, "server", TLS_CHECK_REQUIRED, TLS_CHECK_IF_SENT, true, 0, 0},
        {NULL, "server", TLS_CHECK_NONE, TLS_CHECK_REQUIRED, false, TLS_FAIL_PEER_ALERT,
         TLS_FAIL_NO_CERTIFICATE},
        {"rsa", "server", TLS_CHECK_NONE, TLS_CHECK_IF_SENT, false, TLS_FAIL_PEER_ALERT,
         TLS_FAIL_CERTIFICATE},
        {NULL, "rsa", TLS_CHECK_REQUIRED, TLS_CHECK_NONE, false, TLS_FAIL_CERTIFICATE,
         TLS_FAIL_PEER_ALERT},
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        begin(&client, TLS_CLIENT, row[i].client, row[i].client_check);
        begin(&server, TLS_SERVER, row[i].server, row[i].server_check);
        shake(PIPE_ROOM);
        CU_ASSERT_EQUAL(server.opens, row[i].opens);
        if (row[i].opens) {
            const struct tls_info *seen = tls_conn_info(server.conn);

            CU_ASSERT_TRUE(tls_conn_info(client.conn)->is_peer_verified);
            CU_ASSERT_STRING_EQUAL(tls_conn_info(client.conn)->peer, "server.example");
            CU_ASSERT_EQUAL(seen->is_peer_verified, row[i].client != NULL);
            CU_ASSERT_STRING_EQUAL(seen->peer, row[i].client != NULL ? "client.example" : "");
            talks(PIPE_ROOM);
        } else {
            CU_ASSERT_EQUAL(failure_of(&server), row[i].server_failure);
            CU_ASSERT_EQUAL(tls_conn_input(server.conn, (const uint8_t *)"x", 1), ERR_REFUSED);
            /* The library says nothing to a client without a certificate; its TCP ends. */
            if (row[i].server_failure != TLS_FAIL_NO_CERTIFICATE)
                CU_ASSERT_EQUAL(failure_of(&client), row[i].client_failure);
        }
        end();
    }
}

static void stream_without_tls_is_told_by_its_first_octet(void)
{
    static const uint8_t first[] = {3, 'G', 0x80, 21, 23, 0};

    for (size_t i = 0; i < sizeof(first); i++) {
        begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
        CU_ASSERT_EQUAL(tls_conn_input(server.conn, &first[i], 1), ERR_REFUSED);
        CU_ASSERT_EQUAL(failure_of(&server), TLS_FAIL_NOT_TLS);
        CU_ASSERT_EQUAL(server.out.len, 0);
        end();
    }
}

static void record_longer_than_records_can_be_is_refused(void)
{
    const uint8_t header[] = {22, 3, 1, 0x48, 0x01};

    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    CU_ASSERT_EQUAL(tls_conn_input(server.conn, header, sizeof(header)), ERR_REFUSED);
    CU_ASSERT_EQUAL(failure_of(&server), TLS_FAIL_PROTOCOL);
    end();
}

/* Every octet of the client's first flight and of its second, changed: never a crash, never an open
 * connection whose peers disagree. */
static void changed_octets_end_the_handshake(void)
{
    size_t flight = 0;

    for (size_t at = 0; at == 0 || at < flight; at += 3) {
        begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
        begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
        (void)tls_conn_start(client.conn);
        flight = client.out.len;
        client.out.data[at] ^= 0x41;
        exchange(PIPE_ROOM);
        if (client.opens + server.opens != 0) {
            CU_ASSERT_EQUAL(client.opens, 0); /* the server may have been first to be content */
        }
        end();
    }
}

static void close_is_heard_and_ends_the_stream(void)
{
    begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    shake(PIPE_ROOM);
    tls_conn_close(client.conn);
    tls_conn_close(client.conn);
    CU_ASSERT_EQUAL(tls_conn_send(client.conn, (const uint8_t *)"x", 1), ERR_CLOSED);
    deliver(&client, &server, PIPE_ROOM);
    CU_ASSERT_EQUAL(server.last, ERR_CLOSED);
    CU_ASSERT_EQUAL(failure_of(&server), TLS_FAIL_NONE);
    CU_ASSERT_FALSE(tls_conn_is_open(server.conn));
    CU_ASSERT(server.out.len > 0); /* its own close_notify */
    end();
}

static void half_a_record_is_partial(void)
{
    uint8_t kept[256];
    size_t len;

    begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    shake(PIPE_ROOM);
    CU_ASSERT_EQUAL(tls_conn_send(client.conn, (const uint8_t *)"abcdef", 6), 0);
    len = client.out.len;
    CU_ASSERT_FATAL(len < sizeof(kept));
    memcpy(kept, client.out.data, len);
    CU_ASSERT_EQUAL(tls_conn_input(server.conn, kept, len - 1), 0);
    CU_ASSERT_TRUE(tls_conn_is_partial(server.conn));
    CU_ASSERT_EQUAL(server.got_len, 0);
    CU_ASSERT_EQUAL(tls_conn_input(server.conn, kept + len - 1, 1), 0);
    CU_ASSERT_FALSE(tls_conn_is_partial(server.conn));
    CU_ASSERT_EQUAL(server.got_len, 6);
    end();
}

static void contexts_refuse_what_cannot_work(void)
{
    struct cert *cert = load("server");
    struct tls_config config = {.role = TLS_SERVER, .cert = cert, .check = TLS_CHECK_REQUIRED};
    struct cert_problem problem = {NULL, ""};
    const char *missing = path_of("missing.crt");
    struct tls_ctx *ctx = NULL;

    CU_ASSERT_EQUAL(tls_ctx_create(&config, &ctx, &problem), ERR_INVAL); /* no authorities */
    config.authorities = missing;
    CU_ASSERT_EQUAL(tls_ctx_create(&config, &ctx, &problem), ERR_IO);
    CU_ASSERT_PTR_EQUAL(problem.path, missing);
    CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "No such file"));
    config.authorities = path_of("server.key");
    CU_ASSERT_EQUAL(tls_ctx_create(&config, &ctx, &problem), ERR_MALFORMED);
    config = (struct tls_config){.role = TLS_SERVER};
    CU_ASSERT_EQUAL(tls_ctx_create(&config, &ctx, NULL), ERR_INVAL); /* no certificate */
    config.cert = cert;
    config.min_version = TLS_VERSION_1_3;
    if (!tls_has_version(TLS_VERSION_1_3))
        CU_ASSERT_EQUAL(tls_ctx_create(&config, &ctx, NULL), ERR_UNSUPPORTED);
    config.min_version = TLS_VERSION_1_2;
    config.ciphers[0] = TLS_CIPHER_COUNT;
    config.cipher_count = 1;
    CU_ASSERT_EQUAL(tls_ctx_create(&config, &ctx, NULL), ERR_INVAL);
    CU_ASSERT_PTR_NULL(ctx);
    cert_destroy(cert);
}

/* ---- OpenSSL as the client ---- */

static void foreign_turn(struct tls_foreign *f)
{
    uint8_t data[4096];
    size_t n;

    while ((n = tls_foreign_take(f, data, sizeof(data))) > 0)
        server.last = tls_conn_input(server.conn, data, n);
    tls_foreign_give(f, server.out.data, server.out.len);
    server.out.len = 0;
}

static struct tls_foreign *foreign_begin(int minor)
{
    struct tls_foreign *f = tls_foreign_create(minor);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    begin(&server, TLS_SERVER, "server", TLS_CHECK_NONE);
    server.echo = true;
    return f;
}

static bool foreign_shake(struct tls_foreign *f)
{
    for (int i = 0; i < 10; i++) {
        bool is_done = tls_foreign_shake(f);

        foreign_turn(f);
        if (is_done)
            return true;
    }
    return false;
}

static void foreign_end(struct tls_foreign *f)
{
    tls_foreign_destroy(f);
    end();
}

static void openssl_talks_in_every_version_we_have(void)
{
    for (int minor = 2; minor <= 3; minor++) {
        enum tls_version ours = minor == 2 ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
        struct tls_foreign *f = foreign_begin(minor);
        char answer[16] = "";

        CU_ASSERT_EQUAL(foreign_shake(f), tls_has_version(ours));
        if (tls_has_version(ours)) {
            CU_ASSERT_STRING_EQUAL(tls_foreign_version(f), minor == 2 ? "TLSv1.2" : "TLSv1.3");
            CU_ASSERT_EQUAL(tls_conn_info(server.conn)->version, ours);
            CU_ASSERT_TRUE(tls_foreign_write(f, "tunnel", 6));
            foreign_turn(f);
            CU_ASSERT_EQUAL(tls_foreign_read(f, answer, sizeof(answer)), 6);
            CU_ASSERT_STRING_EQUAL(answer, "tunnel");
        }
        foreign_end(f);
    }
}

static void old_versions_and_ciphers_are_refused(void)
{
    struct tls_foreign *f = foreign_begin(1);

    CU_ASSERT_FALSE(foreign_shake(f));
    CU_ASSERT_EQUAL(failure_of(&server), TLS_FAIL_VERSION);
    foreign_end(f);

    f = foreign_begin(2);
    CU_ASSERT_TRUE(tls_foreign_set_ciphers(f, "AES128-SHA:ECDHE-ECDSA-AES128-SHA"));
    CU_ASSERT_FALSE(foreign_shake(f));
    CU_ASSERT_EQUAL(failure_of(&server), TLS_FAIL_CIPHER);
    foreign_end(f);
}

/* A second ClientHello inside the connection (CVE-2009-3555, and CPU for free). */
static void renegotiation_is_refused(void)
{
    struct tls_foreign *f = foreign_begin(2);

    CU_ASSERT_TRUE(foreign_shake(f));
    CU_ASSERT_EQUAL(server.opens, 1);
    CU_ASSERT_TRUE(tls_foreign_renegotiate(f));
    (void)tls_foreign_shake(f);
    foreign_turn(f);
    CU_ASSERT_EQUAL(server.last, ERR_REFUSED);
    CU_ASSERT_FALSE(tls_conn_is_open(server.conn));
    CU_ASSERT_EQUAL(server.opens, 1);
    foreign_end(f);
}

/* What is offered for resumption is answered with a whole handshake. */
static void resumption_is_not_done(void)
{
    struct tls_foreign *first = foreign_begin(2);
    struct tls_foreign *second;

    CU_ASSERT_TRUE(foreign_shake(first));
    CU_ASSERT_FALSE(tls_foreign_has_ticket(first));
    end();
    second = foreign_begin(2);
    CU_ASSERT_TRUE(tls_foreign_resume(second, first));
    CU_ASSERT_TRUE(foreign_shake(second));
    CU_ASSERT_FALSE(tls_foreign_is_resumed(second));
    tls_foreign_destroy(first);
    foreign_end(second);
}

static void chosen_cipher_alone_is_used(void)
{
    static const struct {
        enum tls_cipher cipher;
        const char *part;
    } row[] = {{TLS_CIPHER_AES_128_GCM, "AES_128_GCM"},
               {TLS_CIPHER_AES_256_GCM, "AES_256_GCM"},
               {TLS_CIPHER_CHACHA20, "CHACHA20"}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
        begin_with(&server, TLS_SERVER, "server", TLS_CHECK_NONE, &row[i].cipher);
        shake(PIPE_ROOM);
        CU_ASSERT_PTR_NOT_NULL_FATAL(tls_conn_info(server.conn)->cipher);
        CU_ASSERT_PTR_NOT_NULL(strstr(tls_conn_info(server.conn)->cipher, row[i].part));
        end();
    }
}

#define PAIRS 40

static size_t heap(void)
{
    return mallinfo2().uordblks;
}

/* PAIRS connections take the client's hello, and go. */
static void greet(struct tls_ctx *ctx, struct tls_conn **conns)
{
    size_t before = heap(), quiet, greeted;

    for (int i = 0; i < PAIRS; i++)
        CU_ASSERT_EQUAL_FATAL(tls_conn_create(ctx, &callbacks, &server, &conns[i]), 0);
    quiet = heap();
    for (int i = 0; i < PAIRS; i++) {
        server.out.len = 0;
        CU_ASSERT_EQUAL(tls_conn_input(conns[i], client.out.data, client.out.len), 0);
    }
    greeted = heap();
    printf("\n    heap per connection: %zu before its first octet, %zu in its handshake ",
           (quiet - before) / PAIRS, (greeted - before) / PAIRS);
    CU_ASSERT((quiet - before) / PAIRS < 1024);
    CU_ASSERT((greeted - before) / PAIRS < 65536);
    for (int i = 0; i < PAIRS; i++)
        tls_conn_destroy(conns[i]);
}

/* What a stranger can make us hold: next to nothing before its first octet, one handshake after. */
static void memory_of_a_connection_is_bounded(void)
{
    struct tls_config config = {.role = TLS_SERVER};
    struct cert *cert = load("server");
    struct tls_conn *conns[PAIRS];
    struct tls_ctx *ctx = NULL;
    size_t left[3];

    config.cert = cert;
    CU_ASSERT_EQUAL_FATAL(tls_ctx_create(&config, &ctx, NULL), 0);
    memset(&server, 0, sizeof(server));
    begin(&client, TLS_CLIENT, NULL, TLS_CHECK_NONE);
    (void)tls_conn_start(client.conn);
    /* The allocator keeps some of what is freed, nearly the same in every round. */
    for (int round = 0; round < 3; round++) {
        left[round] = heap();
        greet(ctx, conns);
    }
    CU_ASSERT(left[2] <= left[1] + PAIRS * 200); /* less than the smallest part of one each */
    tls_conn_destroy(client.conn);
    client.conn = server.conn = NULL;
    tls_ctx_destroy(ctx);
    cert_destroy(cert);
}

static void names_are_as_in_the_configuration(void)
{
    CU_ASSERT_STRING_EQUAL(tls_cipher_to_str(TLS_CIPHER_CHACHA20), "chacha20-poly1305");
    CU_ASSERT_STRING_EQUAL(tls_cipher_to_str(TLS_CIPHER_COUNT), "unknown");
    CU_ASSERT_STRING_EQUAL(tls_version_to_str(TLS_VERSION_1_3), "1.3");
    CU_ASSERT_STRING_EQUAL(tls_failure_to_str(TLS_FAIL_NOT_TLS), "not_tls");
    CU_ASSERT_STRING_EQUAL(tls_failure_to_str(TLS_FAILURE_COUNT), "unknown");
}

SUITE_SETUP("crypto/tls", make_files, remove_files, TEST(pair_of_ours_talks_with_every_kind_of_key),
            TEST(octet_by_octet_is_the_same), TEST(data_behind_the_handshake_is_handed_out),
            TEST(long_stream_passes_whole), TEST(certificates_are_checked_as_configured),
            TEST(stream_without_tls_is_told_by_its_first_octet),
            TEST(record_longer_than_records_can_be_is_refused),
            TEST(changed_octets_end_the_handshake), TEST(close_is_heard_and_ends_the_stream),
            TEST(half_a_record_is_partial), TEST(contexts_refuse_what_cannot_work),
            TEST(openssl_talks_in_every_version_we_have),
            TEST(old_versions_and_ciphers_are_refused), TEST(renegotiation_is_refused),
            TEST(resumption_is_not_done), TEST(chosen_cipher_alone_is_used),
            TEST(memory_of_a_connection_is_bounded), TEST(names_are_as_in_the_configuration))
