/* TLS under TPKT on the loopback, our own client against our own listener, and peers that leave,
 * say nothing or speak something else: each is refused alone and counted, and the owner of the
 * listener hears of whole connections only. */
#include "server/h323/tcp.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/h323/tls_keys.h"
#include "server/loop.h"
#include "tests/suite.h"

#define PATIENCE 10000

static struct loop loop;
static struct tcp *tcp;
static struct tls_keys *keys;
static struct tcp_listener *listener;
static struct tcp_conn *server, *client;
static unsigned accepted, connected, closed;
static int closed_err;
static char closed_why[128];
static uint8_t heard[2000];
static size_t heard_len;
static bool is_wanted, is_echoing;

static void on_server_packet(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    if (server != NULL && is_echoing)
        CU_ASSERT_EQUAL(tcp_conn_send(server, data, len), 0);
}

static void on_server_closed(void *user, int err, const char *why)
{
    (void)user;
    (void)err;
    (void)why;
    server = NULL;
}

static const struct tcp_callbacks server_callbacks = {.on_packet = on_server_packet,
                                                      .on_closed = on_server_closed};

static bool on_accept(void *user, struct tcp_conn *conn)
{
    (void)user;
    accepted++;
    if (!is_wanted)
        return false;
    server = conn;
    tcp_conn_attach(conn, &server_callbacks, NULL);
    return true;
}

static void on_client_packet(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    CU_ASSERT_FATAL(len <= sizeof(heard));
    memcpy(heard, data, len);
    heard_len = len;
}

static void on_client_closed(void *user, int err, const char *why)
{
    (void)user;
    closed++;
    closed_err = err;
    snprintf(closed_why, sizeof(closed_why), "%s", why);
    client = NULL;
}

static void on_client_connected(void *user)
{
    (void)user;
    connected++;
}

static const struct tcp_callbacks client_callbacks = {.on_packet = on_client_packet,
                                                      .on_closed = on_client_closed,
                                                      .on_connected = on_client_connected};

#define WAIT(condition)                                    \
    do {                                                   \
        uint64_t wait_end = clock_mono_ms() + PATIENCE;    \
        while (!(condition) && clock_mono_ms() < wait_end) \
            uv_run(&loop.uv, UV_RUN_ONCE);                 \
        CU_ASSERT_FATAL(condition);                        \
    } while (0)

static const struct tcp_stats *stats(void)
{
    return tcp_stats_of(tcp);
}

static void begin(uint32_t tls_ms, uint32_t packet_ms)
{
    const uint8_t ip[4] = {127, 0, 0, 1};
    const struct addr at = addr_from_ip4(ip, 0);
    struct tcp_config config = {.connections_max = 20,
                                .packet_max = 1500,
                                .backlog_max = 4000,
                                .packet_ms = packet_ms,
                                .flush_ms = 200,
                                .tls_ms = tls_ms};
    struct settings_tls *settings = calloc(1, sizeof(*settings));
    char text[TLS_KEYS_TEXT_MAX] = "";

    log_set_level_all(LOG_LEVEL_OFF);
    (void)signal(SIGPIPE, SIG_IGN); /* as sluiced does */
    is_echoing = true;
    accepted = connected = closed = 0;
    heard_len = 0;
    is_wanted = true;
    server = client = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(settings);
    CU_ASSERT_EQUAL_FATAL(tls_keys_create(settings, &keys, text), 0);
    free(settings);
    CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
    config.loop = &loop.uv;
    config.timers = &loop.timers;
    CU_ASSERT_EQUAL_FATAL(tcp_create(&config, &tcp), 0);
    CU_ASSERT_EQUAL_FATAL(tcp_listen_tls(tcp, &at, keys, on_accept, NULL, &listener), 0);
}

static void end(void)
{
    tcp_stop(tcp);
    loop_fini(&loop);
    CU_ASSERT(tcp_is_idle(tcp));
    CU_ASSERT_EQUAL(stats()->connections, 0);
    tcp_destroy(tcp);
    tls_keys_destroy(keys);
}

static void connect_tls(void)
{
    struct addr to = tcp_listener_addr(listener);

    CU_ASSERT_EQUAL_FATAL(tcp_connect_tls(tcp, &to, NULL, keys, &client_callbacks, NULL, &client),
                          0);
}

static int plain_client(void)
{
    struct addr to = tcp_listener_addr(listener);
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&to, &ss);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&ss, len), 0);
    return fd;
}

static void packets_pass_both_ways(void)
{
    static uint8_t text[1500];

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 3);
    begin(5000, 5000);
    connect_tls();
    WAIT(connected == 1 && accepted == 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tcp_conn_tls(server));
    CU_ASSERT_PTR_NOT_NULL(tcp_conn_tls(server)->cipher);
    CU_ASSERT_EQUAL(stats()->tls_established, 2); /* both ends are ours */
    for (size_t len = 1; len <= sizeof(text); len += 499) {
        heard_len = 0;
        CU_ASSERT_EQUAL(tcp_conn_send(client, text, len), 0);
        WAIT(heard_len == len);
        CU_ASSERT_EQUAL(memcmp(heard, text, len), 0);
    }
    tcp_conn_close(client, true);
    WAIT(server == NULL);
    CU_ASSERT_EQUAL(stats()->peer_closed, 1);
    CU_ASSERT_EQUAL(stats()->tls_failed, 0);
    end();
}

static void owner_may_refuse_after_the_handshake(void)
{
    begin(5000, 5000);
    is_wanted = false;
    connect_tls();
    WAIT(closed == 1);
    CU_ASSERT_EQUAL(accepted, 1);
    CU_ASSERT_EQUAL(stats()->refused_owner, 1);
    end();
}

static void handshake_that_does_not_end_is_ended(void)
{
    char octet;
    int fd;

    begin(50, 5000);
    fd = plain_client();
    CU_ASSERT_EQUAL(write(fd, "\x16\x03\x01", 3), 3);
    WAIT(stats()->tls_timeout == 1);
    WAIT(recv(fd, &octet, 1, MSG_DONTWAIT) == 0);
    close(fd);
    WAIT(stats()->connections == 0);
    CU_ASSERT_EQUAL(accepted, 0);
    end();
}

static void silence_is_ended_too(void)
{
    int fd;

    begin(50, 5000);
    fd = plain_client();
    WAIT(stats()->tls_timeout == 1);
    close(fd);
    WAIT(stats()->connections == 0);
    CU_ASSERT_EQUAL(accepted, 0);
    end();
}

static void clear_packet_is_no_tls(void)
{
    const uint8_t packet[] = {3, 0, 0, 6, 1, 2};
    int fd;

    begin(5000, 5000);
    fd = plain_client();
    CU_ASSERT_EQUAL(write(fd, packet, sizeof(packet)), (ssize_t)sizeof(packet));
    WAIT(stats()->tls_failures[TLS_FAIL_NOT_TLS] == 1);
    close(fd);
    WAIT(stats()->connections == 0);
    CU_ASSERT_EQUAL(accepted, 0);
    end();
}

static void tls_on_a_clear_port_is_told(void)
{
    const uint8_t ip[4] = {127, 0, 0, 1};
    const struct addr at = addr_from_ip4(ip, 0);
    struct tcp_listener *clear = NULL;
    struct addr to;

    begin(5000, 5000);
    CU_ASSERT_EQUAL_FATAL(tcp_listen(tcp, &at, on_accept, NULL, &clear), 0);
    to = tcp_listener_addr(clear);
    CU_ASSERT_EQUAL_FATAL(tcp_connect_tls(tcp, &to, NULL, keys, &client_callbacks, NULL, &client),
                          0);
    WAIT(closed == 1 && server == NULL);
    CU_ASSERT_EQUAL(stats()->tls_on_plain, 1);
    CU_ASSERT_EQUAL(connected, 0);
    end();
}

/* The H.245 listener of a call is closed at the first good connection: others that are still
 * shaking hands go with it. */
static void closing_the_listener_ends_its_handshakes(void)
{
    int first, second;

    begin(5000, 5000);
    first = plain_client();
    second = plain_client();
    CU_ASSERT_EQUAL(write(first, "\x16", 1), 1);
    WAIT(stats()->connections == 2);
    tcp_listener_close(listener);
    WAIT(stats()->connections == 0);
    CU_ASSERT_EQUAL(accepted, 0);
    close(first);
    close(second);
    end();
}

/* A reader that does not read is cut off, and told apart from one that dribbles. */
static void peer_that_does_not_read_is_cut_off(void)
{
    static uint8_t text[1500];
    int err = 0;

    begin(5000, 5000);
    connect_tls();
    WAIT(connected == 1 && accepted == 1);
    is_echoing = false;
    for (int i = 0; i < 100000 && err == 0; i++)
        err = tcp_conn_send(client, text, sizeof(text)); /* the loop does not run */
    CU_ASSERT_EQUAL(err, ERR_LIMIT);
    WAIT(closed == 1);
    CU_ASSERT_EQUAL(closed_err, ERR_LIMIT);
    CU_ASSERT_STRING_EQUAL(closed_why, "peer does not read what it is sent");
    CU_ASSERT_EQUAL(stats()->packet_timeout, 0);
    CU_ASSERT_EQUAL(stats()->backlog_exceeded, 1);
    end();
}

static void new_keys_are_for_new_connections(void)
{
    struct settings_tls *settings = calloc(1, sizeof(*settings));
    char text[TLS_KEYS_TEXT_MAX] = "";

    CU_ASSERT_PTR_NOT_NULL_FATAL(settings);
    begin(5000, 5000);
    connect_tls();
    WAIT(connected == 1 && accepted == 1);
    CU_ASSERT_EQUAL(tls_keys_reload(keys, settings, text), 0);
    CU_ASSERT_EQUAL(tcp_conn_send(client, (const uint8_t *)"still", 5), 0);
    WAIT(heard_len == 5);
    snprintf(settings->certificate, sizeof(settings->certificate), "/nowhere/c.pem");
    snprintf(settings->key, sizeof(settings->key), "/nowhere/k.pem");
    CU_ASSERT_EQUAL(tls_keys_reload(keys, settings, text), ERR_IO);
    CU_ASSERT_STRING_EQUAL(
        text, "tls.certificate: /nowhere/c.pem: cannot be read: No such file or directory");
    tcp_conn_close(client, true);
    WAIT(server == NULL);
    connect_tls();
    WAIT(connected == 2 && accepted == 2);
    free(settings);
    end();
}

SUITE("server/tcp_tls", TEST(packets_pass_both_ways), TEST(owner_may_refuse_after_the_handshake),
      TEST(handshake_that_does_not_end_is_ended), TEST(silence_is_ended_too),
      TEST(clear_packet_is_no_tls), TEST(tls_on_a_clear_port_is_told),
      TEST(closing_the_listener_ends_its_handshakes), TEST(peer_that_does_not_read_is_cut_off),
      TEST(new_keys_are_for_new_connections))
