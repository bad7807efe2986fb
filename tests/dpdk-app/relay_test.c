/* End-to-end test of sluice-dp: relay_test LINK-SOCKET [bench SECONDS]. Run by
 * tests/e2e/dp_relay.sh beside a running sluice-dp. Prints one line a step. */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/dpdk-app/relay_fan.h"

#define DP4 "198.18.0.2"
#define DP6 "2001:db8:18::2"

static void step(const char *text)
{
    printf("ok: %s\n", text);
    fflush(stdout);
}

/* `n` RTP packets from a to b, and each arrives as it was sent save for the payload type. */
static void relay_rtp(struct peer *a, struct peer *b, unsigned pt_in, unsigned pt_out, int n)
{
    for (int i = 0; i < n; i++) {
        uint8_t sent[300], wire[300], got[300];
        int length = peer_rtp(a, pt_in, sent), received;

        memcpy(wire, sent, (size_t)length);
        peer_send(a, wire, peer_protect(a, false, wire, length));
        received = peer_receive(b, false, got, sizeof(got));
        sent[1] = (uint8_t)pt_out;
        NEED(received == length && memcmp(sent, got, (size_t)length) == 0,
             "packet %d from port %u to %u differs (%d bytes, %d sent)", i, a->us.port, b->us.port,
             received, length);
    }
}

static void relay_rtcp(struct peer *a, struct peer *b)
{
    uint8_t sent[300], wire[300], got[300];
    int length = peer_rtcp(a, sent), received;

    memcpy(wire, sent, (size_t)length);
    peer_send(a, wire, peer_protect(a, true, wire, length));
    received = peer_receive(b, true, got, sizeof(got));
    NEED(received == length && memcmp(sent, got, (size_t)length) == 0, "RTCP differs");
}

/* ---- control dies, media flow, control comes back ---- */

static void child_sets_up(const char *path, struct peer *a, struct peer *b, int done)
{
    struct control control;
    struct link_id id[2];

    control_start(&control, path);
    id[0] = control_open(&control, 0, LINK_MODE_DTLS_SRTP, a->them.port, &a->us, "left");
    id[1] = control_open(&control, 0, LINK_MODE_DTLS_SRTP, b->them.port, &b->us, "right");
    peer_keys(&control, a, id[0]);
    peer_keys(&control, b, id[1]);
    control_route(&control, id[0], id[1], id[1], LINK_PT_ANY, LINK_PT_ANY);
    control_route(&control, id[1], id[0], id[0], LINK_PT_ANY, LINK_PT_ANY);
    NEED(write(done, id, sizeof(id)) == sizeof(id), "pipe");
    for (;;)
        pause(); /* until it is killed */
}

struct seen {
    unsigned n;
    struct link_transport_info info[8];
    struct link_transport_stats stats[8];
};

static int on_transport(void *context, const struct link_transport_info *info,
                        const struct link_transport_stats *stats)
{
    struct seen *seen = context;

    NEED(seen->n < 8, "too many transports");
    seen->info[seen->n] = *info;
    seen->stats[seen->n++] = *stats;
    return 0;
}

static void claim_and_orphan(struct control *control, const struct seen *seen)
{
    unsigned left = strcmp(seen->info[0].session, "left") == 0 ? 0 : 1;
    struct link_msg msg;

    link_msg_init(&msg, LINK_TRANSPORT_CLAIM, seen->info[left].id, 0);
    NEED(control_call(control, &msg) == 0, "claim");
    control_wait(control, &control->event_n[LINK_TRANSPORT_GONE], 0, "");
    while (link_client_transport(control->client, seen->info[1 - left].id, NULL, NULL) == 0)
        control_wait(control, &control->event_n[LINK_TRANSPORT_GONE], 1, "orphan is closed");
    NEED(link_client_transport(control->client, seen->info[left].id, NULL, NULL) == 0,
         "the claimed transport is gone too");
    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, seen->info[left].id, 0);
    NEED(control_call(control, &msg) == 0, "close");
    NEED(control->reply.u.reply.stats.rtp_in == 60, "final statistics: %llu in",
         (unsigned long long)control->reply.u.reply.stats.rtp_in);
    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, seen->info[left].id, 0);
    NEED(control_call(control, &msg) == ERR_NOTFOUND, "closed twice");
}

static void test_restart(const char *path)
{
    struct peer a, b;
    struct control control;
    struct link_id id[2];
    struct seen seen = {0};
    int pipes[2], status;
    pid_t child;

    peer_start(&a, "198.18.0.3", 4100, DP4, 20100, 7, 0x1001);
    peer_start(&b, "198.18.0.4", 4102, DP4, 20102, 1, 0x1002);
    NEED(pipe(pipes) == 0, "pipe");
    child = fork();
    if (child == 0)
        child_sets_up(path, &a, &b, pipes[1]);
    close(pipes[1]);
    NEED(read(pipes[0], id, sizeof(id)) == sizeof(id), "the first control failed");
    relay_rtp(&a, &b, 8, 8, 20);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    relay_rtp(&a, &b, 8, 8, 20);
    relay_rtp(&b, &a, 8, 8, 20);
    step("media flow on when control is killed");

    control_start(&control, path);
    NEED(control.info.orphans == 2, "%u orphans", control.info.orphans);
    relay_rtp(&a, &b, 8, 8, 20);
    NEED(link_client_transports(control.client, on_transport, &seen) == 2, "transports");
    NEED(strcmp(seen.info[0].conference, "demo") == 0 && seen.info[0].claimed == 0, "tags");
    claim_and_orphan(&control, &seen);
    step("control comes back, reads, claims; the orphan is closed");
    control_stop(&control);
    close(pipes[0]);
    peer_stop(&a);
    peer_stop(&b);
}

/* ---- one control from here ---- */

struct legs {
    struct peer a, b;      /* SRTP, IPv4 */
    struct peer c, c_rtcp; /* plain, IPv4, port pair */
    struct peer d;         /* SRTP, IPv6 */
    struct link_id ia, ib, ic, ic_rtcp, id;
};

static void test_before_keys(struct control *control, struct legs *l)
{
    uint64_t since = control_counter(control, LINK_COUNTER_no_keys_in);
    struct link_id none = {0, 0};
    uint8_t wire[300];
    struct link_msg msg;
    int length;

    peer_start(&l->a, "198.18.0.3", 4000, DP4, 20000, 7, 0xa);
    peer_start(&l->b, "198.18.0.4", 4002, DP4, 20002, 1, 0xb);
    l->ia = control_open(control, 0, LINK_MODE_DTLS_SRTP, 20000, &l->a.us, "a");
    l->ib = control_open(control, 0, LINK_MODE_DTLS_SRTP, 20002, &l->b.us, "b");
    control_route(control, l->ia, l->ib, l->ib, 8, 0);
    control_route(control, l->ib, l->ia, l->ia, 0, 8);
    length = peer_rtp(&l->a, 8, wire);
    peer_send(&l->a, wire, peer_protect(&l->a, false, wire, length));
    control_count(control, LINK_COUNTER_no_keys_in, 1, &since);
    peer_keys(control, &l->a, l->ia);
    since = control_counter(control, LINK_COUNTER_no_keys_out);
    length = peer_rtp(&l->a, 8, wire);
    peer_send(&l->a, wire, peer_protect(&l->a, false, wire, length));
    control_count(control, LINK_COUNTER_no_keys_out, 1, &since);
    peer_keys(control, &l->b, l->ib);
    link_msg_init(&msg, LINK_KEYS_SET, none, 0);
    step("no media before the keys, in and out");
}

static void test_secure(struct control *control, struct legs *l)
{
    struct link_transport_stats stats;

    relay_rtp(&l->a, &l->b, 8, 0, 100); /* wraps the sequence number */
    relay_rtp(&l->b, &l->a, 0, 8, 100);
    relay_rtcp(&l->a, &l->b);
    relay_rtcp(&l->b, &l->a);
    control_wait(control, &control->event_n[LINK_FIRST_PACKET], 4, "first packet events");
    NEED(link_client_transport(control->client, l->ia, NULL, &stats) == 0, "statistics");
    NEED(stats.rtp_in == 101 && stats.rtp_out == 100 && stats.rtcp_in == 1 && stats.rtcp_out == 1,
         "in %llu out %llu", (unsigned long long)stats.rtp_in, (unsigned long long)stats.rtp_out);
    NEED(stats.lost == 0 && stats.first_in_ms != 0 && stats.ssrc_in == 0xa && stats.drop_keys == 1,
         "lost %llu", (unsigned long long)stats.lost);
    step("SRTP (GCM) <-> SRTP (CM-SHA1-80), RTP and RTCP, payload types mapped, ROC wraps");
}

static void test_bridge(struct control *control, struct legs *l)
{
    peer_start(&l->c, "198.18.0.5", 4010, DP4, 20010, 0, 0xc);
    peer_start(&l->c_rtcp, "198.18.0.5", 4011, DP4, 20011, 0, 0xc);
    peer_start(&l->d, "2001:db8:18::3", 4012, DP6, 20012, 8, 0xd);
    l->ic = control_open(control, 0, LINK_MODE_RTP, 20010, &l->c.us, "c");
    l->ic_rtcp = control_open(control, 0, LINK_MODE_RTCP, 20011, &l->c_rtcp.us, "c");
    l->id = control_open(control, 1, LINK_MODE_DTLS_SRTP, 20012, &l->d.us, "d");
    peer_keys(control, &l->d, l->id);
    control_route(control, l->ic, l->id, (struct link_id){0, 0}, LINK_PT_ANY, LINK_PT_ANY);
    control_route(control, l->ic_rtcp, l->id, l->id, LINK_PT_ANY, LINK_PT_ANY);
    control_route(control, l->id, l->ic, l->ic_rtcp, LINK_PT_ANY, LINK_PT_ANY);
    relay_rtp(&l->c, &l->d, 0, 0, 100);
    relay_rtp(&l->d, &l->c, 0, 0, 100);
    relay_rtcp(&l->c_rtcp, &l->d);
    relay_rtcp(&l->d, &l->c_rtcp);
    step("plain RTP on IPv4 <-> SRTP (AES-256-GCM) on IPv6, RTCP on its own port and muxed");
}

static void test_dtls(struct control *control, struct legs *l)
{
    uint8_t record[200] = {22, 0xfe, 0xfd}, got[300];
    struct peer third;
    struct pollfd pfd = {.events = POLLIN};

    peer_send(&l->a, record, sizeof(record));
    control_wait(control, &control->dtls_n, 1, "DTLS goes up");
    NEED(control->dtls.transport == l->ia.index && control->dtls.u.dtls.length == sizeof(record) &&
             memcmp(&control->dtls.u.dtls.peer, &l->a.us, sizeof(l->a.us)) == 0,
         "DTLS record or source differs");
    peer_start(&third, "198.18.0.6", 4999, DP4, 20000, 0, 0);
    peer_send(&third, record, 60);
    control_wait(control, &control->dtls_n, 2, "a stranger's DTLS goes up");
    NEED(memcmp(&control->dtls.u.dtls.peer, &third.us, sizeof(third.us)) == 0, "its source");
    NEED(link_port_dtls(control->port, l->ia, &third.us, record, 150) == 0, "send");
    NEED(peer_receive(&third, false, got, sizeof(got)) == 150, "DTLS to the stranger");
    NEED(link_port_dtls(control->port, l->ia, NULL, record, 170) == 0, "send");
    pfd.fd = l->a.sock;
    NEED(poll(&pfd, 1, WAIT_MS) == 1 && recv(l->a.sock, got, sizeof(got), 0) == 170 &&
             memcmp(got, record, 170) == 0,
         "DTLS to the remote");
    peer_stop(&third);
    step("DTLS up with its source, down to remote and stranger");
}

/* Each of these is refused for its own reason and nothing comes out at the other side. */
static void test_garbage(struct control *control, struct legs *l)
{
    static const struct {
        unsigned counter;
        int length;
        uint8_t data[16];
    } bad[] = {
        {LINK_COUNTER_first_byte, 20, {19}},
        {LINK_COUNTER_rtp_version, 20, {80}},
        {LINK_COUNTER_rtp_version, 20, {255}},
        {LINK_COUNTER_rtp_version, 40, {0x40 + 64 - 64 + 4}}, /* version 1 */
        {LINK_COUNTER_stun_in, 20, {0, 1}},
        {LINK_COUNTER_rtp_malformed, 11, {0x80, 8}},
        {LINK_COUNTER_rtp_csrc, 40, {0x8f, 8}}, /* 15 CSRCs */
        {LINK_COUNTER_rtp_extension, 40, {0x90, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}},
        {LINK_COUNTER_rtcp_malformed, 7, {0x80, 200}},
        {LINK_COUNTER_auth_failed, 100, {0x80, 8}},
        {LINK_COUNTER_auth_failed, 60, {0x80, 200, 0, 6}},
    };
    uint8_t data[300];
    uint64_t out = control_counter(control, LINK_COUNTER_rtp_out), since;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(data, 0, sizeof(data));
        memcpy(data, bad[i].data, sizeof(bad[i].data));
        since = control_counter(control, bad[i].counter);
        peer_send(&l->a, data, bad[i].length);
        control_count(control, bad[i].counter, 1, &since);
    }
    NEED(control_counter(control, LINK_COUNTER_rtp_out) == out, "garbage was sent on");
    step("garbage is counted by reason");
}

static void test_forged(struct control *control, struct legs *l)
{
    uint8_t wire[300], copy[300];
    uint64_t since;
    struct peer third;
    int length;

    length = peer_protect(&l->a, false, wire, peer_rtp(&l->a, 8, wire));
    memcpy(copy, wire, sizeof(copy));
    copy[20] ^= 1;
    since = control_counter(control, LINK_COUNTER_auth_failed);
    peer_send(&l->a, copy, length);
    control_count(control, LINK_COUNTER_auth_failed, 1, &since);
    since = control_counter(control, LINK_COUNTER_remote_mismatch);
    peer_start(&third, "198.18.0.6", 4998, DP4, 20000, 0, 0);
    peer_send(&third, wire, length);
    control_count(control, LINK_COUNTER_remote_mismatch, 1, &since);
    control_wait(control, &control->event_n[LINK_REMOTE_MISMATCH], 1, "mismatch event");
    peer_send(&l->a, wire, length);
    NEED(peer_receive(&l->b, false, copy, sizeof(copy)) == 172, "the right one passes");
    since = control_counter(control, LINK_COUNTER_replayed);
    peer_send(&l->a, wire, length);
    control_count(control, LINK_COUNTER_replayed, 1, &since);
    third.them.port = 20900;
    since = control_counter(control, LINK_COUNTER_no_transport);
    peer_send(&third, wire, length);
    control_count(control, LINK_COUNTER_no_transport, 1, &since);
    peer_stop(&third);
    step("forged, replayed, from a third address, to a closed port: refused and counted");
}

static void test_close(struct control *control, struct legs *l)
{
    struct link_id all[] = {l->ia, l->ib, l->ic, l->ic_rtcp, l->id};
    uint64_t since = control_counter(control, LINK_COUNTER_no_destination);
    struct link_msg msg;
    uint8_t wire[300];
    int length = peer_rtp(&l->a, 8, wire);

    link_msg_init(&msg, LINK_TRANSPORT_CLOSE, l->ib, 0);
    NEED(control_call(control, &msg) == 0, "close");
    peer_send(&l->a, wire, peer_protect(&l->a, false, wire, length));
    control_count(control, LINK_COUNTER_no_destination, 1, &since);
    for (unsigned i = 0; i < 5; i++) {
        link_msg_init(&msg, LINK_TRANSPORT_CLOSE, all[i], 0);
        NEED(control_call(control, &msg) == (i == 1 ? ERR_NOTFOUND : 0), "close %u", i);
    }
    NEED(control_counter(control, LINK_COUNTER_transports) == 0, "transports are left");
    NEED(control_counter(control, LINK_COUNTER_streams) == 0, "streams are left");
    step("closed: nothing left, stale routes lead nowhere");
}

/* ---- measurement, not a test ---- */

#define BENCH_WINDOW 256
#define BENCH_BATCH  32

static unsigned bench_receive(int sock, struct mmsghdr *msgs)
{
    int n = recvmmsg(sock, msgs, BENCH_BATCH, MSG_DONTWAIT, NULL);

    return n > 0 ? (unsigned)n : 0;
}

static void bench(struct control *control, struct legs *l, unsigned seconds)
{
    enum { PACKETS = 200000 };
    uint8_t(*wire)[200] = calloc(PACKETS, 200);
    static uint8_t sink[BENCH_BATCH][256];
    struct mmsghdr out[BENCH_BATCH], in[BENCH_BATCH];
    struct iovec out_iov[BENCH_BATCH], in_iov[BENCH_BATCH];
    struct sockaddr_storage ss;
    struct addr them = link_addr_to(&l->a.them);
    socklen_t ss_size = addr_to_sockaddr(&them, &ss);
    uint64_t sent = 0, got = 0, last, start, end;
    int length = 0;

    NEED(wire != NULL, "memory");
    for (int i = 0; i < PACKETS; i++)
        length = peer_protect(&l->a, false, wire[i], peer_rtp(&l->a, 8, wire[i]));
    memset(out, 0, sizeof(out));
    memset(in, 0, sizeof(in));
    for (int i = 0; i < BENCH_BATCH; i++) {
        out[i].msg_hdr = (struct msghdr){
            .msg_name = &ss, .msg_namelen = ss_size, .msg_iov = &out_iov[i], .msg_iovlen = 1};
        in_iov[i] = (struct iovec){sink[i], sizeof(sink[i])};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
    start = last = clock_mono_us();
    end = start + seconds * UINT64_C(1000000);
    while (clock_mono_us() < end && sent + BENCH_BATCH <= PACKETS) {
        unsigned n = bench_receive(l->b.sock, in);

        got += n;
        if (n > 0)
            last = clock_mono_us();
        if (sent - got + BENCH_BATCH > BENCH_WINDOW) {
            if (clock_mono_us() - last > 20000)
                got = sent; /* lost for good */
            continue;
        }
        for (int i = 0; i < BENCH_BATCH; i++)
            out_iov[i] = (struct iovec){wire[sent + (unsigned)i], (size_t)length};
        n = (unsigned)sendmmsg(l->a.sock, out, BENCH_BATCH, 0);
        sent += n <= BENCH_BATCH ? n : 0;
    }
    end = clock_mono_us();
    printf("bench: %llu sent in %.2f s, %llu frames out, %.0f packets/s\n",
           (unsigned long long)sent, (double)(end - start) / 1e6,
           (unsigned long long)control_counter(control, LINK_COUNTER_rtp_out),
           (double)control_counter(control, LINK_COUNTER_rtp_out) * 1e6 / (double)(end - start));
    free(wire);
}

static void stop_legs(struct legs *l)
{
    peer_stop(&l->a);
    peer_stop(&l->b);
    peer_stop(&l->c);
    peer_stop(&l->c_rtcp);
    peer_stop(&l->d);
}

int main(int argc, char **argv)
{
    struct control control;
    struct legs legs;

    NEED(argc >= 2, "relay_test LINK-SOCKET [bench SECONDS]");
    NEED(srtp_init() == srtp_err_status_ok, "libsrtp");
    memset(&legs, 0, sizeof(legs));
    if (argc > 3) {
        control_start(&control, argv[1]);
        test_before_keys(&control, &legs);
        bench(&control, &legs, (unsigned)atoi(argv[3]));
        return 0;
    }
    test_restart(argv[1]);
    control_start(&control, argv[1]);
    test_before_keys(&control, &legs);
    test_secure(&control, &legs);
    test_bridge(&control, &legs);
    test_dtls(&control, &legs);
    test_garbage(&control, &legs);
    test_forged(&control, &legs);
    test_close(&control, &legs);
    test_fan_out(&control);
    control_stop(&control);
    stop_legs(&legs);
    srtp_shutdown();
    printf("ok: all\n");
    return 0;
}
