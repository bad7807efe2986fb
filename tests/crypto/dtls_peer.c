/* A UDP socket around crypto/dtls.h, for end-to-end tests against other implementations.
 *
 *   dtls_peer --role client|server --port N [--address IP] [--fingerprint HEX] [--profile NAME]...
 *             [--cert FILE --key FILE] [--seconds N] [--no-srtp]
 *
 * The client connects to address:port, the server waits there. Prints one line each:
 *   fingerprint OUR-SHA-256          before anything else
 *   listening PORT                   server, once the socket is bound
 *   established PROFILE CIPHER       then
 *   material HEX                     RFC 5764 §4.2: client key, server key, client salt, server
 * salt data TEXT                        a record; it is sent back closed | failed REASON TEXT
 * Without --fingerprint it is read from standard input (one line) once the peer is there, as a late
 * signalling would tell it. SIGTERM closes it. Exit status 0 when established and closed in order.
 */
#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "crypto/cert.h"
#include "crypto/dtls.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
    enum dtls_role role;
    struct addr remote;
    const char *fingerprint;
    const char *cert_path, *key_path;
    enum srtp_profile profiles[SRTP_PROFILE_COUNT];
    uint8_t profile_count;
    bool without_srtp;
    int port;
    long seconds;
    const char *address;
    int fd;
    struct dtls_assoc *assoc;
    bool is_established, is_over, is_good;
};

static volatile sig_atomic_t is_terminated;

static void on_signal(int number)
{
    (void)number;
    is_terminated = 1;
}

static void print_hex(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02X", data[i]);
}

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct peer *peer = user;
    struct sockaddr_storage sa;
    socklen_t size = addr_to_sockaddr(to, &sa);

    (void)sendto(peer->fd, data, len, 0, (struct sockaddr *)&sa, size);
}

static void on_established(void *user, const struct dtls_established *info)
{
    struct peer *peer = user;
    const struct srtp_profile_info *p = srtp_profile_find(info->profile);
    const struct srtp_master *client = peer->role == DTLS_CLIENT ? &info->local : &info->remote;
    const struct srtp_master *server = peer->role == DTLS_CLIENT ? &info->remote : &info->local;

    peer->is_established = true;
    printf("established %s %s\n", srtp_profile_to_str(info->profile), info->cipher);
    if (p) {
        printf("material ");
        print_hex(client->key, p->key_len);
        print_hex(server->key, p->key_len);
        print_hex(client->salt, p->salt_len);
        print_hex(server->salt, p->salt_len);
        printf("\n");
    }
    fflush(stdout);
}

static void on_failed(void *user, enum dtls_failure reason, const char *text)
{
    struct peer *peer = user;

    printf("failed %s %s\n", dtls_failure_to_str(reason), text);
    peer->is_over = true;
}

static void on_closed(void *user)
{
    struct peer *peer = user;

    printf("closed\n");
    peer->is_over = true;
    peer->is_good = peer->is_established;
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct peer *peer = user;

    printf("data %.*s\n", (int)len, (const char *)data);
    fflush(stdout);
    (void)dtls_assoc_send(peer->assoc, clock_mono_ms(), data, len);
}

static const struct dtls_callbacks callbacks = {.on_send = on_send,
                                                .on_established = on_established,
                                                .on_failed = on_failed,
                                                .on_closed = on_closed,
                                                .on_data = on_data};

static int usage(void)
{
    fprintf(stderr, "usage: dtls_peer --role client|server --port N [--address IP] "
                    "[--fingerprint HEX] [--profile NAME]... [--cert FILE --key FILE] "
                    "[--seconds N] [--no-srtp]\n");
    return 2;
}

static int parse_options(struct peer *peer, int argc, char **argv)
{
    static const struct option options[] = {
        {"role", required_argument, NULL, 'r'},    {"port", required_argument, NULL, 'p'},
        {"address", required_argument, NULL, 'a'}, {"fingerprint", required_argument, NULL, 'f'},
        {"profile", required_argument, NULL, 's'}, {"cert", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},     {"seconds", required_argument, NULL, 't'},
        {"no-srtp", no_argument, NULL, 'n'},       {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r':
            peer->role = strcmp(optarg, "client") == 0 ? DTLS_CLIENT : DTLS_SERVER;
            break;
        case 'p':
            peer->port = atoi(optarg);
            break;
        case 'a':
            peer->address = optarg;
            break;
        case 'f':
            peer->fingerprint = optarg;
            break;
        case 's':
            if (peer->profile_count == SRTP_PROFILE_COUNT ||
                srtp_profile_parse(optarg, &peer->profiles[peer->profile_count++]) != 0)
                return usage();
            break;
        case 'c':
            peer->cert_path = optarg;
            break;
        case 'k':
            peer->key_path = optarg;
            break;
        case 't':
            peer->seconds = atol(optarg);
            break;
        case 'n':
            peer->without_srtp = true;
            break;
        default:
            return usage();
        }
    }
    return peer->port > 0 && peer->port < 65536 ? 0 : usage();
}

static int open_socket(struct peer *peer)
{
    struct addr at;
    struct sockaddr_storage sa;
    socklen_t len;

    if (addr_parse(peer->address, &at) != 0)
        return usage();
    at.port = (uint16_t)peer->port;
    peer->remote = at;
    len = addr_to_sockaddr(&at, &sa);
    peer->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0 ||
        (peer->role == DTLS_SERVER && bind(peer->fd, (struct sockaddr *)&sa, len) != 0)) {
        perror("socket");
        return 1;
    }
    if (peer->role == DTLS_SERVER)
        printf("listening %d\n", peer->port);
    fflush(stdout);
    return 0;
}

static int set_fingerprint(struct peer *peer, const char *text)
{
    struct fingerprint fp;
    int rc = fingerprint_parse(FINGERPRINT_SHA256, text, strcspn(text, "\r\n"), &fp);

    if (rc == 0)
        rc = dtls_assoc_set_fingerprint(peer->assoc, clock_mono_ms(), &fp);
    if (rc != 0)
        fprintf(stderr, "fingerprint: %s\n", err_to_str(rc));
    return rc;
}

static void receive(struct peer *peer)
{
    uint8_t data[DTLS_DATAGRAM_MAX];
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct addr from;
    ssize_t n = recvfrom(peer->fd, data, sizeof(data), 0, (struct sockaddr *)&sa, &len);

    if (n > 0 && addr_from_sockaddr((struct sockaddr *)&sa, len, &from) == 0)
        (void)dtls_assoc_input(peer->assoc, clock_mono_ms(), &from, data, (size_t)n);
}

/* Until the end of the association, or of the time: then we close it ourselves. */
static void run(struct peer *peer)
{
    uint64_t end = clock_mono_ms() + (uint64_t)peer->seconds * 1000;
    struct pollfd fds[2] = {{.fd = peer->fd, .events = POLLIN},
                            {.fd = peer->fingerprint ? -1 : STDIN_FILENO, .events = POLLIN}};
    char line[512];

    while (!peer->is_over) {
        uint64_t now = clock_mono_ms(), next = dtls_assoc_next_deadline(peer->assoc);

        if (now >= end || is_terminated) {
            dtls_assoc_close(peer->assoc, now);
            peer->is_good = peer->is_established;
            return;
        }
        if (next > end)
            next = end;
        /* A signal between the test above and poll is seen half a second later. */
        if (next > now + 500)
            next = now + 500;
        if (poll(fds, 2, next > now ? (int)(next - now) : 0) > 0) {
            if (fds[0].revents)
                receive(peer);
            if (fds[1].revents) {
                fds[1].fd = -1;
                if (fgets(line, sizeof(line), stdin) && set_fingerprint(peer, line) != 0)
                    return;
            }
        }
        if (!peer->is_over && clock_mono_ms() >= dtls_assoc_next_deadline(peer->assoc))
            dtls_assoc_on_timer(peer->assoc, clock_mono_ms());
    }
}

static int make_association(struct peer *peer, const struct cert *cert, struct dtls_ctx **ctx)
{
    struct dtls_config config;
    struct dtls_options options = {.role = peer->role,
                                   .callbacks = &callbacks,
                                   .user = peer,
                                   .without_srtp = peer->without_srtp};

    dtls_config_init(&config, cert);
    if (peer->profile_count) {
        memcpy(config.profiles, peer->profiles, sizeof(config.profiles));
        config.profile_count = peer->profile_count;
    }
    options.remote = peer->role == DTLS_CLIENT ? &peer->remote : NULL;
    if (dtls_ctx_create(&config, ctx) != 0 || dtls_assoc_create(*ctx, &options, &peer->assoc) != 0)
        return 1;
    if (peer->fingerprint && set_fingerprint(peer, peer->fingerprint) != 0)
        return 1;
    return dtls_assoc_start(peer->assoc, clock_mono_ms()) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct peer peer = {.role = DTLS_SERVER, .address = "127.0.0.1", .seconds = 10};
    struct dtls_ctx *ctx = NULL;
    struct cert *cert = NULL;
    struct fingerprint fp;
    char text[FINGERPRINT_TEXT_MAX];
    int rc = parse_options(&peer, argc, argv);

    if (rc != 0)
        return rc;
    (void)signal(SIGTERM, on_signal);
    rc = peer.cert_path ? cert_load(peer.cert_path, peer.key_path, &cert, NULL)
                        : cert_generate(CERT_VALIDITY_DAYS_DEFAULT, &cert);
    if (rc != 0 || cert_fingerprint(cert, FINGERPRINT_SHA256, &fp) != 0 ||
        fingerprint_format(&fp, text, sizeof(text)) != 0) {
        fprintf(stderr, "certificate: %s\n", err_to_str(rc));
        return 1;
    }
    printf("fingerprint %s\n", text);
    rc = open_socket(&peer);
    if (rc == 0)
        rc = make_association(&peer, cert, &ctx);
    if (rc == 0)
        run(&peer);
    dtls_assoc_destroy(peer.assoc);
    dtls_ctx_destroy(ctx);
    cert_destroy(cert);
    return rc == 0 && peer.is_good ? 0 : 1;
}
