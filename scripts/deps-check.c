/* Is this the wolfSSL and libsrtp2 that Sluice needs? Run by scripts/setup after it has built them
 * and by meson before it uses them. Prints one line a check; exits 0 only if all hold.
 *
 * Two DTLS sessions in this process shake hands over memory, so that what is checked is behaviour
 * and not a macro that somebody may have set. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/cpuid.h>
#include <wolfssl/wolfcrypt/ecc.h>

#include <srtp2/srtp.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#if !defined(WOLFSSL_TLS13) || defined(WOLFSSL_DTLS13)
#error "this wolfSSL lacks TLS 1.3 for signalling, or has its broken DTLS 1.3: run scripts/setup"
#endif
#if !defined(WOLFSSL_SRTP) || !defined(WOLFSSL_SESSION_EXPORT) || !defined(WOLFSSL_DTLS_MTU) || \
    !defined(HAVE_KEYING_MATERIAL) || !defined(KEEP_PEER_CERT) || !defined(WOLFSSL_CERT_GEN)
#error "this wolfSSL was built without what Sluice needs: run scripts/setup"
#endif
#if defined(WOLFSSL_EXTRA_ALERTS) || defined(OPENSSL_EXTRA)
#error "this wolfSSL was built with opensslextra, which breaks DTLS under loss: run scripts/setup"
#endif

#define ALL_PROFILES \
    "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32"
#define BOX_DATAGRAMS 64
#define BOX_BYTES     2048

/* One direction of the wire. */
struct box {
    unsigned char data[BOX_DATAGRAMS][BOX_BYTES];
    int len[BOX_DATAGRAMS];
    unsigned head, tail;
};

struct side {
    WOLFSSL_CTX *ctx;
    WOLFSSL *ssl;
    struct box *in, *out;
};

static int failures;

static void report(const char *what, bool good)
{
    printf("  %-34s %s\n", what, good ? "yes" : "NO");
    if (!good)
        failures++;
}

static int box_send(WOLFSSL *ssl, char *buf, int len, void *user)
{
    struct box *out = ((struct side *)user)->out;
    unsigned slot = out->tail % BOX_DATAGRAMS;

    (void)ssl;
    if (len > BOX_BYTES || out->tail - out->head == BOX_DATAGRAMS)
        return WOLFSSL_CBIO_ERR_GENERAL;
    memcpy(out->data[slot], buf, (size_t)len);
    out->len[slot] = len;
    out->tail++;
    return len;
}

static int box_receive(WOLFSSL *ssl, char *buf, int len, void *user)
{
    struct box *in = ((struct side *)user)->in;
    unsigned slot = in->head % BOX_DATAGRAMS;

    (void)ssl;
    if (in->head == in->tail)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    if (in->len[slot] < len)
        len = in->len[slot];
    memcpy(buf, in->data[slot], (size_t)len);
    in->head++;
    return len;
}

static int take_any_certificate(int preverify, WOLFSSL_X509_STORE_CTX *store)
{
    (void)preverify;
    (void)store;
    return 1;
}

/* A certificate of our own, as the server makes one at start. */
static int make_certificate(unsigned char *cert_der, int *cert_len, unsigned char *key_der,
                            int *key_len)
{
    WC_RNG rng;
    ecc_key key;
    Cert cert;
    int rc = -1;

    if (wc_InitRng(&rng) != 0)
        return -1;
    if (wc_ecc_init(&key) == 0 && wc_ecc_make_key(&rng, 32, &key) == 0 && wc_InitCert(&cert) == 0) {
        snprintf(cert.subject.commonName, sizeof(cert.subject.commonName), "check");
        cert.sigType = CTC_SHA256wECDSA;
        cert.isCA = 0;
        if (wc_MakeCert(&cert, cert_der, 1024, NULL, &key, &rng) > 0) {
            *cert_len = wc_SignCert(cert.bodySz, cert.sigType, cert_der, 1024, NULL, &key, &rng);
            *key_len = wc_EccKeyToDer(&key, key_der, 512);
            rc = *cert_len > 0 && *key_len > 0 ? 0 : -1;
        }
    }
    wc_ecc_free(&key);
    wc_FreeRng(&rng);
    return rc;
}

static int make_side(struct side *side, WOLFSSL_METHOD *method)
{
    unsigned char cert[1024], key[512];
    int cert_len, key_len;

    if (make_certificate(cert, &cert_len, key, &key_len) != 0)
        return -1;
    side->ctx = wolfSSL_CTX_new(method);
    if (!side->ctx ||
        wolfSSL_CTX_use_certificate_buffer(side->ctx, cert, cert_len, WOLFSSL_FILETYPE_ASN1) != 1 ||
        wolfSSL_CTX_use_PrivateKey_buffer(side->ctx, key, key_len, WOLFSSL_FILETYPE_ASN1) != 1 ||
        wolfSSL_CTX_set_tlsext_use_srtp(side->ctx, ALL_PROFILES) != 1)
        return -1;
    wolfSSL_CTX_set_verify(side->ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           take_any_certificate);
    wolfSSL_CTX_SetIOSend(side->ctx, box_send);
    wolfSSL_CTX_SetIORecv(side->ctx, box_receive);
    side->ssl = wolfSSL_new(side->ctx);
    if (!side->ssl)
        return -1;
    wolfSSL_SetIOReadCtx(side->ssl, side);
    wolfSSL_SetIOWriteCtx(side->ssl, side);
    wolfSSL_dtls_set_using_nonblock(side->ssl, 1);
    return 0;
}

/* Is the use_srtp list of the ClientHello in `data` four profiles long, each once? */
static bool hello_lists_four_profiles(const unsigned char *data, int len)
{
    static const unsigned char want[] = {0, 14, 0, 11, 0, 8, 0, 1, 0, 2, 0, 7, 0, 8, 0};

    for (int i = 0; i + (int)sizeof(want) <= len; i++)
        if (memcmp(data + i, want, sizeof(want)) == 0)
            return true;
    return false;
}

/* What dtls.key_log writes: the same on both sides. */
static bool has_same_keys(const struct side *a, const struct side *b)
{
    unsigned char *master[2], *server[2], *client[2];
    unsigned len[3];

    return wolfSSL_get_keys(a->ssl, &master[0], &len[0], &server[0], &len[1], &client[0],
                            &len[2]) == 1 &&
           wolfSSL_get_keys(b->ssl, &master[1], &len[0], &server[1], &len[1], &client[1],
                            &len[2]) == 1 &&
           len[0] == 48 && len[2] == 32 && memcmp(master[0], master[1], 48) == 0 &&
           memcmp(client[0], client[1], 32) == 0;
}

/* Another hello from the client's address gets the same cookie: what answers a forged one is then
 * no worse than what answers the client's own. */
static bool is_cookie_of_address(struct side *server)
{
    struct box *in = server->in, *out = server->out;
    unsigned char *hello = in->data[1];
    unsigned at = out->tail;
    bool is_same;

    memcpy(hello, in->data[0], (size_t)in->len[0]);
    in->len[1] = in->len[0];
    hello[10]++;    /* the record's number */
    hello[30] ^= 1; /* of the random */
    in->tail = 2;
    (void)wolfSSL_accept(server->ssl);
    is_same = out->tail == at + 1 && out->len[at] == out->len[0] &&
              memcmp(out->data[at] + 25, out->data[0] + 25, (size_t)out->len[0] - 25) == 0;
    out->tail = at; /* the client is not told */
    return is_same;
}

static void check_dtls(void)
{
    static struct box to_server, to_client;
    struct side client = {.in = &to_client, .out = &to_server};
    struct side server = {.in = &to_server, .out = &to_client};
    unsigned char key_a[128], key_b[128];
    size_t len_a = sizeof(key_a), len_b = sizeof(key_b);
    int done = 0;

    if (make_side(&client, wolfDTLSv1_2_client_method()) != 0 ||
        make_side(&server, wolfDTLSv1_2_server_method()) != 0) {
        report("DTLS 1.2 with a certificate made here", false);
        return;
    }
    (void)wolfSSL_connect(client.ssl);
    report("four profiles of a client",
           to_server.tail > 0 && hello_lists_four_profiles(to_server.data[0], to_server.len[0]));
    (void)wolfSSL_accept(server.ssl);
    report("cookie in SRTP mode", to_client.tail == 1 && to_client.data[0][13] == 3);
    report("cookie of the address", to_client.tail == 1 && is_cookie_of_address(&server));
    for (int i = 0; i < 20 && done != 3; i++) {
        done = wolfSSL_connect(client.ssl) == 1 ? 1 : 0;
        done |= wolfSSL_accept(server.ssl) == 1 ? 2 : 0;
    }
    report("handshake", done == 3);
    report("use_srtp", wolfSSL_get_selected_srtp_profile(server.ssl) != NULL);
    report("exporter",
           done == 3 && wolfSSL_export_dtls_srtp_keying_material(client.ssl, key_a, &len_a) == 1 &&
               wolfSSL_export_dtls_srtp_keying_material(server.ssl, key_b, &len_b) == 1 &&
               len_a == len_b && memcmp(key_a, key_b, len_a) == 0);
    report("secrets for a key log", done == 3 && has_same_keys(&client, &server));
    wolfSSL_free(client.ssl);
    wolfSSL_free(server.ssl);
    wolfSSL_CTX_free(client.ctx);
    wolfSSL_CTX_free(server.ctx);
}

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* The tables of plain C reach some 150 MB/s; AES-NI is ten times faster. The best of many short
 * runs counts, so that a busy machine does not fail the check. */
static void check_aesni(void)
{
    static unsigned char data[65536], out[65536];
    unsigned char key[16] = {1}, iv[12] = {2}, tag[16];
    double best = 1e9;
    Aes aes;

    if (!__builtin_cpu_supports("aes")) {
        printf("  %-34s %s\n", "AES-NI", "not in this CPU");
        return;
    }
    wc_AesInit(&aes, NULL, INVALID_DEVID);
    wc_AesGcmSetKey(&aes, key, sizeof(key));
    for (int i = 0; i < 200; i++) {
        double start = seconds();

        wc_AesGcmEncrypt(&aes, out, data, sizeof(data), iv, sizeof(iv), tag, sizeof(tag), NULL, 0);
        if (seconds() - start < best)
            best = seconds() - start;
    }
    wc_AesFree(&aes);
    report("AES-NI", (double)sizeof(data) / best > 500e6);
}

static void check_srtp(void)
{
    srtp_policy_t policy;
    unsigned char key[46] = {0};
    srtp_t session = NULL;
    bool gcm;

    memset(&policy, 0, sizeof(policy));
    report("libsrtp2", srtp_init() == srtp_err_status_ok);
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = 1;
    policy.key = key;
    gcm = srtp_create(&session, &policy) == srtp_err_status_ok;
    report("libsrtp2 with AES-GCM", gcm);
    if (gcm)
        srtp_dealloc(session);
    srtp_shutdown();
}

int main(void)
{
    wolfSSL_Init();
    check_dtls();
    check_aesni();
    wolfSSL_Cleanup();
    check_srtp();
    return failures ? 1 : 0;
}
