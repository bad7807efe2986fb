/* A peer for DTLS over SCTP (RFC 6083) that shares no code with Sluice: usrsctp as it is installed,
 * with its own UDP encapsulation (RFC 6951), threads and blocking calls, and OpenSSL. It echoes
 * what it gets on the stream that it came on, until close_notify.
 *
 *   sctp_dtls client|server OWN_UDP_PORT UDP_PORT OWN_SCTP_PORT SCTP_PORT
 *
 * Prints the SHA-256 fingerprint of its certificate, and what happens on stderr. Exit
 * status 0: the other side has said goodbye, and all that it sent was authenticated. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <usrsctp.h>

#define MESSAGE_MAX 20000
#define LABEL       "EXPORTER_DTLS_OVER_SCTP"
#define HEADER      13

static struct socket *sock;
static SSL *ssl;
static bool has_key, uses_key;

static void die(const char *what)
{
    fprintf(stderr, "sctp_dtls: %s\n", what);
    _Exit(1);
}

/* ---- certificate ---- */

static int any_certificate(int ok, X509_STORE_CTX *store)
{
    (void)ok, (void)store;
    return 1; /* whose it is the other side is asked: its fingerprint is not signalled to us */
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    unsigned char digest[32];
    unsigned n = 0;

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"peer", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    if (X509_sign(x, key, EVP_sha256()) == 0 || SSL_CTX_use_certificate(ctx, x) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1 || X509_digest(x, EVP_sha256(), digest, &n) != 1)
        die("certificate");
    for (unsigned i = 0; i < n; i++)
        printf(i + 1 < n ? "%02X:" : "%02X\n", digest[i]);
    fflush(stdout);
    SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
    X509_free(x);
    EVP_PKEY_free(key);
    return ctx;
}

/* ---- SCTP ---- */

static void set(int option, const void *value, socklen_t len, const char *what)
{
    if (usrsctp_setsockopt(sock, IPPROTO_SCTP, option, value, len) != 0)
        die(what);
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void prepare(bool is_client, uint16_t own_udp, uint16_t udp, uint16_t own_port)
{
    const uint8_t chunks[] = {0, 192};
    struct sctp_udpencaps encaps = {.sue_port = htons(udp)};
    struct sctp_initmsg init = {.sinit_num_ostreams = 64, .sinit_max_instreams = 64};
    struct sockaddr_in own = loopback(own_port);
    const int on = 1;

    usrsctp_init(own_udp, NULL, NULL);
    usrsctp_sysctl_set_sctp_auth_enable(1);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    sock = usrsctp_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (sock == NULL)
        die("socket");
    for (size_t i = 0; i < sizeof(chunks); i++)
        set(SCTP_AUTH_CHUNK, &chunks[i], 1, "SCTP_AUTH_CHUNK");
    encaps.sue_address.ss_family = AF_INET;
    set(SCTP_REMOTE_UDP_ENCAPS_PORT, &encaps, sizeof(encaps), "encapsulation");
    set(SCTP_INITMSG, &init, sizeof(init), "SCTP_INITMSG");
    set(SCTP_NODELAY, &on, sizeof(on), "SCTP_NODELAY");
    set(SCTP_RECVRCVINFO, &on, sizeof(on), "SCTP_RECVRCVINFO");
    if (usrsctp_bind(sock, (struct sockaddr *)&own, sizeof(own)) != 0)
        die("bind");
    if (!is_client && usrsctp_listen(sock, 1) != 0)
        die("listen");
}

static void associate(bool is_client, uint16_t port)
{
    struct sockaddr_in to = loopback(port);

    if (is_client && usrsctp_connect(sock, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
    if (!is_client && (sock = usrsctp_accept(sock, NULL, NULL)) == NULL)
        die("accept");
    fprintf(stderr, "sctp_dtls: associated\n");
}

/* All that was sent has been acknowledged (4.7, 4.9). */
static void wait_dry(void)
{
    for (int i = 0; i < 5000; i++) {
        struct sctp_status status;
        socklen_t len = sizeof(status);

        memset(&status, 0, sizeof(status));
        if (usrsctp_getsockopt(sock, IPPROTO_SCTP, SCTP_STATUS, &status, &len) == 0 &&
            status.sstat_unackdata == 0)
            return;
        poll(NULL, 0, 1);
    }
    die("not acknowledged");
}

static void learn_key(void)
{
    struct {
        struct sctp_authkey head;
        uint8_t key[64];
    } k;

    if (has_key || SSL_get_session(ssl) == NULL ||
        SSL_SESSION_get_master_key(SSL_get_session(ssl), NULL, 0) == 0)
        return;
    memset(&k, 0, sizeof(k));
    k.head.sca_keynumber = 1;
    k.head.sca_keylength = sizeof(k.key);
    if (SSL_export_keying_material(ssl, (uint8_t *)&k + sizeof(k.head), sizeof(k.key), LABEL,
                                   strlen(LABEL), NULL, 0, 0) != 1)
        die("exporter");
    set(SCTP_AUTH_KEY, &k, sizeof(k), "SCTP_AUTH_KEY");
    has_key = true;
}

static void send_record(const uint8_t *record, size_t len, uint16_t stream, uint32_t ppid)
{
    struct sctp_sndinfo info = {.snd_sid = stream, .snd_ppid = htonl(ppid)};
    struct sctp_authkeyid id = {.scact_keynumber = 1};

    if (record[0] == 20)
        wait_dry();
    if (record[0] == 22 && record[4] > 0 && !uses_key) {
        set(SCTP_AUTH_ACTIVE_KEY, &id, sizeof(id), "SCTP_AUTH_ACTIVE_KEY");
        uses_key = true;
    }
    if (usrsctp_sendv(sock, record, len, NULL, 0, &info, sizeof(info), SCTP_SENDV_SNDINFO, 0) < 0)
        die("send");
}

/* Each record a message (4.1). */
static void flush_records(uint16_t stream, uint32_t ppid)
{
    uint8_t *all;
    long len = BIO_get_mem_data(SSL_get_wbio(ssl), &all);

    learn_key();
    for (long at = 0; at + HEADER <= len;) {
        size_t n = HEADER + ((size_t)all[at + 11] << 8 | all[at + 12]);

        send_record(all + at, n, stream, ppid);
        at += (long)n;
    }
    (void)BIO_reset(SSL_get_wbio(ssl));
}

/* ---- the other side ---- */

static void echo(const struct sctp_rcvinfo *info)
{
    static uint8_t plain[MESSAGE_MAX];
    int n = SSL_read(ssl, plain, sizeof(plain));

    if (n > 0 && SSL_write(ssl, plain, n) == n)
        flush_records(info->rcv_sid, ntohl(info->rcv_ppid));
}

static void say_goodbye(void)
{
    struct sctpstat stat;

    wait_dry();
    SSL_shutdown(ssl);
    flush_records(0, 0);
    wait_dry();
    usrsctp_get_stat(&stat);
    fprintf(stderr, "sctp_dtls: closed, %u authenticated chunks in, %u without, %u wrong\n",
            stat.sctps_recvauth, stat.sctps_recvauthmissing, stat.sctps_recvauthfailed);
    _Exit(stat.sctps_recvauth > 0 && stat.sctps_recvauthmissing == 0 ? 0 : 1);
}

static void take(const uint8_t *message, size_t len, const struct sctp_rcvinfo *info)
{
    if (len < HEADER || len != HEADER + ((size_t)message[11] << 8 | message[12]))
        die("a message is not one record");
    BIO_write(SSL_get_rbio(ssl), message, (int)len);
    if (SSL_is_init_finished(ssl)) {
        echo(info);
    } else {
        int rc = SSL_do_handshake(ssl), error = SSL_get_error(ssl, rc);

        flush_records(0, 0);
        if (rc == 1)
            fprintf(stderr, "sctp_dtls: established\n");
        else if (error != SSL_ERROR_WANT_READ)
            die("handshake");
    }
    if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0)
        say_goodbye();
}

int main(int argc, char **argv)
{
    static uint8_t message[MESSAGE_MAX];
    size_t used = 0;
    bool is_client;

    if (argc != 6)
        return 2;
    is_client = strcmp(argv[1], "client") == 0;
    /* Before the other side hears of us: who listens does so by then. */
    prepare(is_client, (uint16_t)atoi(argv[2]), (uint16_t)atoi(argv[3]), (uint16_t)atoi(argv[4]));
    ssl = SSL_new(make_context());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
    DTLS_set_link_mtu(ssl, 1400);
    if (is_client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    associate(is_client, (uint16_t)atoi(argv[5]));
    (void)SSL_do_handshake(ssl); /* a client's hello; a server wants to read */
    flush_records(0, 0);
    for (;;) {
        struct sctp_rcvinfo info;
        socklen_t from_len = 0, info_len = sizeof(info);
        unsigned type = 0;
        int flags = 0;
        ssize_t n = usrsctp_recvv(sock, message + used, sizeof(message) - used, NULL, &from_len,
                                  &info, &info_len, &type, &flags);

        if (n <= 0)
            die("association is over");
        used += (size_t)n;
        if ((flags & MSG_NOTIFICATION) != 0) {
            used = 0;
        } else if ((flags & MSG_EOR) != 0) {
            take(message, used, &info);
            used = 0;
        }
    }
}
