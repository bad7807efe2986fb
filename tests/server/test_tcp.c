/* TPKT over real TCP on the loopback: bad lengths, dribble, limits; each connection is refused
 * alone and counted, the next one is served (H-H245). Timers run on the test's clock. */
#include "server/h323/tcp.h"

#include <malloc.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/loop.h"
#include "tests/suite.h"

#define PATIENCE 10000

static struct loop loop;
static struct tcp *tcp;
static struct tcp_listener *listener;
static struct tcp_conn *last;
static unsigned accepted, packets, closed;
static size_t packet_len;
static int closed_err;
static bool echo;
static unsigned looks; /* before input */
static bool close_first;

static void on_packet(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    packets++;
    packet_len = len;
    if (echo && last != NULL)
        CU_ASSERT_EQUAL(tcp_conn_send(last, data, len), 0);
}

static void on_closed(void *user, int err, const char *why)
{
    (void)user;
    CU_ASSERT(why != NULL && why[0] != '\0');
    closed++;
    closed_err = err;
    last = NULL;
}

static const struct tcp_callbacks callbacks = {.on_packet = on_packet, .on_closed = on_closed};

static bool on_accept(void *user, struct tcp_conn *conn)
{
    (void)user;
    accepted++;
    last = conn;
    tcp_conn_attach(conn, &callbacks, NULL);
    return true;
}

/* What is older than the input may be that the connection is to go. */
static void before_input(void *user)
{
    CU_ASSERT_PTR_EQUAL(user, &loop);
    looks++;
    if (close_first) {
        tcp_conn_close(last, looks % 2 == 0);
        last = NULL;
    }
}

#define WAIT(condition)                                    \
    do {                                                   \
        uint64_t wait_end = clock_mono_ms() + PATIENCE;    \
        while (!(condition) && clock_mono_ms() < wait_end) \
            uv_run(&loop.uv, UV_RUN_ONCE);                 \
        CU_ASSERT_FATAL(condition);                        \
    } while (0)

static void begin(size_t connections_max, size_t per_address, uint32_t packet_ms)
{
    const uint8_t ip[4] = {127, 0, 0, 1};
    const struct addr at = addr_from_ip4(ip, 0);
    struct tcp_config config = {
        .connections_max = connections_max,
        .per_address_max = per_address,
        .packet_max = 1000,
        .backlog_max = 4000,
        .packet_ms = packet_ms,
        .flush_ms = 200,
        .before_input = before_input,
        .user = &loop,
    };

    close_first = false;
    looks = 0;
    accepted = packets = closed = 0;
    echo = false;
    last = NULL;
    CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
    config.loop = &loop.uv;
    config.timers = &loop.timers;
    CU_ASSERT_EQUAL_FATAL(tcp_create(&config, &tcp), 0);
    CU_ASSERT_EQUAL_FATAL(tcp_listen(tcp, &at, on_accept, NULL, &listener), 0);
}

static void end(void)
{
    tcp_stop(tcp);
    loop_fini(&loop);
    CU_ASSERT(tcp_is_idle(tcp));
    tcp_destroy(tcp);
}

static int client(void)
{
    struct addr to = tcp_listener_addr(listener);
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&to, &ss);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&ss, len), 0);
    return fd;
}

static void say(int fd, const void *data, size_t len)
{
    CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
}

/* A right packet is taken and answered. */
static void is_served(void)
{
    const uint8_t hello[] = {3, 0, 0, 6, 1, 2};
    uint8_t answer[6] = {0};
    unsigned before = packets;
    int fd = client();

    echo = true;
    say(fd, hello, sizeof(hello));
    WAIT(packets == before + 1);
    CU_ASSERT_EQUAL(packet_len, 2);
    for (int i = 0; i < 3; i++)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    CU_ASSERT_EQUAL(read(fd, answer, sizeof(answer)), 6);
    CU_ASSERT_EQUAL(memcmp(answer, hello, 6), 0);
    close(fd);
    echo = false;
}

static void bad_lengths_close_the_connection_alone(void)
{
    const struct {
        uint8_t octets[8];
        size_t len;
        bool is_long;
    } row[] = {
        {{3, 0, 0, 0}, 4, false},      /* length 0 */
        {{3, 0, 0, 3}, 4, false},      /* below its own header */
        {{3, 0, 0xff, 0xff}, 4, true}, /* 65535 */
        {{2, 0, 0, 8}, 4, false},      /* version */
        {{'G', 'E', 'T', ' '}, 4, false},
    };

    begin(10, 10, 60000);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct tcp_stats before = *tcp_stats_of(tcp);
        unsigned was = closed;
        int fd = client();

        say(fd, row[i].octets, row[i].len);
        WAIT(closed == was + 1);
        CU_ASSERT_EQUAL(tcp_stats_of(tcp)->tpkt_too_long, before.tpkt_too_long + row[i].is_long);
        CU_ASSERT_EQUAL(tcp_stats_of(tcp)->tpkt_malformed, before.tpkt_malformed + !row[i].is_long);
        close(fd);
    }
    CU_ASSERT_EQUAL(packets, 0);
    is_served();
    end();
}

static void input_comes_after_what_is_older(void)
{
    const uint8_t hello[] = {3, 0, 0, 6, 1, 2};
    struct tcp_config other;
    int fd[4];

    begin(10, 10, 60000);
    other = (struct tcp_config){
        .connections_max = 10, .packet_max = 1000, .backlog_max = 4000, .packet_ms = 60000};
    tcp_set_limits(tcp, &other); /* the hook is none of the limits */
    close_first = true;
    for (unsigned i = 0; i < 4; i++) {
        fd[i] = client();
        WAIT(accepted == i + 1);
        if (i < 2)
            say(fd[i], hello, sizeof(hello));
        else
            shutdown(fd[i], SHUT_WR);
        WAIT(looks >= i + 1);
        looks = i + 1; /* who is flushed is heard of once more */
        WAIT(last == NULL);
    }
    CU_ASSERT_EQUAL(packets + closed, 0);
    for (unsigned i = 0; i < 4; i++)
        close(fd[i]);
    WAIT(tcp_stats_of(tcp)->connections == 0);
    close_first = false;
    is_served();
    end();
}

static void keepalive_is_counted_and_nothing_else(void)
{
    const uint8_t two[] = {3, 0, 0, 4, 3, 0, 0, 4};
    int fd;

    begin(10, 10, 60000);
    fd = client();
    say(fd, two, sizeof(two));
    WAIT(tcp_stats_of(tcp)->keepalives == 2);
    CU_ASSERT_EQUAL(packets + closed, 0);
    close(fd);
    end();
}

static void packets_come_whole_however_they_are_cut(void)
{
    const uint8_t two[] = {3, 0, 0, 6, 1, 2, 3, 0, 0, 7, 3, 4, 5};
    int fd;

    begin(10, 10, 60000);
    fd = client();
    for (size_t i = 0; i < sizeof(two); i++) {
        say(fd, &two[i], 1);
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    }
    WAIT(packets == 2);
    CU_ASSERT_EQUAL(packet_len, 3);
    close(fd);
    end();
}

static void dribbling_peer_is_closed_in_time(void)
{
    const uint8_t half[] = {3, 0, 0, 100, 1};
    int fd;

    PROVES_FOR("H-H245", "part=dribble");
    begin(10, 10, 50);
    fd = client();
    say(fd, half, sizeof(half));
    WAIT(closed == 1);
    CU_ASSERT_EQUAL(closed_err, ERR_TIMEOUT);
    CU_ASSERT_EQUAL(tcp_stats_of(tcp)->packet_timeout, 1);
    close(fd);
    is_served();
    end();
}

static void too_many_connections_are_refused_and_counted(void)
{
    int fd[5];

    begin(3, 0, 60000);
    for (int i = 0; i < 5; i++)
        fd[i] = client();
    WAIT(tcp_stats_of(tcp)->refused_limit == 2);
    CU_ASSERT_EQUAL(accepted, 3);
    for (int i = 0; i < 5; i++)
        close(fd[i]);
    WAIT(tcp_stats_of(tcp)->connections == 0);
    is_served();
    end();
}

static void one_address_cannot_take_all_connections(void)
{
    int fd[4];

    begin(100, 2, 60000);
    for (int i = 0; i < 4; i++)
        fd[i] = client();
    WAIT(tcp_stats_of(tcp)->refused_address == 2);
    CU_ASSERT_EQUAL(accepted, 2);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    WAIT(tcp_stats_of(tcp)->connections == 0);
    is_served();
    end();
}

static void peer_that_does_not_read_is_closed(void)
{
    uint8_t block[900] = {0};
    int err = 0;
    int fd;

    begin(10, 10, 60000);
    fd = client();
    WAIT(last != NULL);
    /* The system's buffers take a few megabytes before anything waits here. */
    for (int i = 0; i < 200000 && err == 0; i++)
        err = tcp_conn_send(last, block, sizeof(block));
    CU_ASSERT_EQUAL(err, ERR_LIMIT);
    CU_ASSERT_EQUAL(closed, 0); /* never from inside a send */
    WAIT(closed == 1);
    CU_ASSERT_EQUAL(tcp_stats_of(tcp)->backlog_exceeded, 1);
    close(fd);
    is_served();
    end();
}

/* 0 where a sanitizer has another heap. */
static size_t heap(void)
{
    return mallinfo2().uordblks;
}

static void what_waits_is_counted_with_its_memory(void)
{
    uint8_t block[900] = {0};
    size_t before;
    int err = 0;
    int fd;

    begin(10, 10, 60000);
    fd = client();
    WAIT(last != NULL);
    before = heap();
    for (int i = 0; i < 200000 && err == 0 && heap() == before; i++)
        err = tcp_conn_send(last, block, sizeof(block));
    for (int i = 0; i < 200000 && err == 0; i++)
        err = tcp_conn_send(last, block, 1);
    CU_ASSERT_EQUAL(err, ERR_LIMIT);
    CU_ASSERT(heap() - before < 4000 + 1000); /* backlog_max, and what malloc adds */
    WAIT(closed == 1);
    close(fd);
    end();
}

static void small_answers_of_one_round_are_no_backlog(void)
{
    enum { COUNT = 2000 };
    static uint8_t out[COUNT][6], in[sizeof(out)];
    size_t have = 0;
    ssize_t n = 1;
    int fd;

    for (size_t i = 0; i < COUNT; i++)
        memcpy(out[i], (const uint8_t[]){3, 0, 0, 6, 1, 2}, 6);
    begin(10, 10, 60000);
    echo = true;
    fd = client();
    say(fd, out, sizeof(out));
    WAIT(packets == COUNT || closed != 0);
    for (; have < sizeof(in) && n > 0; have += n > 0 ? (size_t)n : 0)
        n = read(fd, in + have, sizeof(in) - have);
    CU_ASSERT_EQUAL(memcmp(in, out, sizeof(out)), 0);
    CU_ASSERT_EQUAL(closed, 0);
    CU_ASSERT_EQUAL(tcp_stats_of(tcp)->backlog_exceeded, 0);
    close(fd);
    end();
}

static void polite_close_lets_the_last_packet_out(void)
{
    const uint8_t bye[] = {9, 9, 9};
    uint8_t got[16] = {0};
    int fd;

    begin(10, 10, 60000);
    fd = client();
    WAIT(last != NULL);
    CU_ASSERT_EQUAL(tcp_conn_send(last, bye, sizeof(bye)), 0);
    tcp_conn_close(last, true);
    CU_ASSERT_EQUAL(tcp_conn_send(last, bye, sizeof(bye)), ERR_CLOSED);
    WAIT(tcp_stats_of(tcp)->connections == 0); /* though the peer closes not: flush_ms */
    CU_ASSERT_EQUAL(read(fd, got, sizeof(got)), 7);
    CU_ASSERT_EQUAL(memcmp(got + 4, bye, 3), 0);
    CU_ASSERT_EQUAL(closed, 0);
    close(fd);
    end();
}

static void listener_of_a_used_address_is_refused(void)
{
    struct addr at;
    struct tcp_listener *second = NULL;

    begin(10, 10, 60000);
    at = tcp_listener_addr(listener);
    CU_ASSERT_EQUAL(tcp_listen(tcp, &at, on_accept, NULL, &second), ERR_EXISTS);
    CU_ASSERT_PTR_NULL(second);
    CU_ASSERT_EQUAL(tcp_stats_of(tcp)->listeners, 1);
    end();
}

static void outgoing_connection_is_made_or_refused(void)
{
    struct addr to;
    struct tcp_conn *conn = NULL;
    unsigned was;

    begin(10, 10, 60000);
    to = tcp_listener_addr(listener);
    CU_ASSERT_EQUAL(tcp_connect(tcp, &to, NULL, &callbacks, NULL, &conn), 0);
    WAIT(tcp_stats_of(tcp)->connected == 1 && accepted == 1);
    tcp_listener_close(listener);
    for (int i = 0; i < 5; i++)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    was = closed;
    CU_ASSERT_EQUAL(tcp_connect(tcp, &to, NULL, &callbacks, NULL, &conn), 0);
    WAIT(closed == was + 1);
    end();
}

SUITE("server/tcp", TEST(input_comes_after_what_is_older),
      TEST(bad_lengths_close_the_connection_alone), TEST(keepalive_is_counted_and_nothing_else),
      TEST(packets_come_whole_however_they_are_cut), TEST(dribbling_peer_is_closed_in_time),
      TEST(too_many_connections_are_refused_and_counted),
      TEST(one_address_cannot_take_all_connections), TEST(peer_that_does_not_read_is_closed),
      TEST(what_waits_is_counted_with_its_memory), TEST(small_answers_of_one_round_are_no_backlog),
      TEST(polite_close_lets_the_last_packet_out), TEST(listener_of_a_used_address_is_refused),
      TEST(outgoing_connection_is_made_or_refused))
