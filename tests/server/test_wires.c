/* DTLS over SCTP against a peer that is not ours: tests/peers/sctp_dtls.c, a process of its own
 * with usrsctp's UDP encapsulation and OpenSSL. On loopback. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "crypto/cert.h"
#include "server/media/wires.h"
#include "tests/suite.h"

#define WAIT_MS   15000 /* of anything: a machine may be busy */
#define MESSAGES  60
#define OWN_PORT  5000
#define PEER_PORT 5001
#define ID        42

static struct {
    struct wires *wires;
    struct cert *cert;
    unsigned established, failed, peer_closed, closed;
    char text[96];
    unsigned messages, wrong;
    unsigned gone; /* no wire is left */
    uint64_t ticked;
} seen;

static void on_report(void *user, const struct shard_report *r)
{
    (void)user;
    seen.established += r->kind == SHARD_ESTABLISHED;
    seen.failed += r->kind == SHARD_FAILED;
    seen.peer_closed += r->kind == SHARD_PEER_CLOSED;
    seen.closed += r->kind == SHARD_CLOSED;
    if (r->kind == SHARD_FAILED)
        snprintf(seen.text, sizeof(seen.text), "%s", r->text);
}

static size_t length_of(unsigned number)
{
    return number % 10 == 9 ? DTLS_SCTP_RECORD_MAX : 20 + number;
}

/* Streams may overtake each other: number and stream stand in the message. */
static void on_message(void *user, uint64_t now, uint64_t id, const struct sctp_message *m)
{
    unsigned number = m->len >= 2 ? m->data[0] : MESSAGES;

    (void)user, (void)now;
    seen.messages++;
    if (id != ID || number >= MESSAGES || m->len != length_of(number) || m->stream != m->data[1] ||
        m->ppid != 53 || m->data[m->len - 1] != (uint8_t)(number * 7))
        seen.wrong++;
}

static void on_reset(void *user, uint64_t now, uint64_t id, uint16_t stream)
{
    (void)user, (void)now, (void)id, (void)stream;
}

static void on_room(void *user, uint64_t now, uint64_t id)
{
    (void)user, (void)now, (void)id;
}

static bool is_held(void *user, uint64_t id, const uint8_t *packet, size_t len)
{
    (void)user, (void)id, (void)packet, (void)len;
    return false;
}

static const struct wires_io io = {.report = on_report,
                                   .message = on_message,
                                   .stream_reset = on_reset,
                                   .room = on_room,
                                   .is_held = is_held};

/* Runs until the counter is there, or too long. */
static bool run_until(const unsigned *counter, unsigned wanted)
{
    uint64_t end = clock_mono_ms() + WAIT_MS;
    struct wires_stats stats;

    while (*counter < wanted && clock_mono_ms() < end) {
        struct pollfd p = {.fd = wires_fd(seen.wires), .events = POLLIN};
        uint64_t now;

        (void)poll(&p, 1, SCTP_TICK_MS);
        now = clock_mono_ms();
        wires_on_ready(seen.wires, now);
        wires_on_timer(seen.wires, now);
        if (now > seen.ticked)
            sctp_on_timer((uint32_t)(now - seen.ticked));
        seen.ticked = now;
        wires_on_tick(seen.wires, now);
        wires_stats(seen.wires, &stats);
        seen.gone = stats.wires == 0;
    }
    return *counter >= wanted;
}

/* ERR_AGAIN: the port is taken. */
static int udp_socket(uint16_t port, struct addr *local, int *out)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(sa);

    *out = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(*out >= 0);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(*out, (struct sockaddr *)&sa, len) != 0) {
        close(*out);
        return ERR_AGAIN;
    }
    CU_ASSERT_EQUAL_FATAL(getsockname(*out, (struct sockaddr *)&sa, &len), 0);
    return addr_from_sockaddr((struct sockaddr *)&sa, len, local);
}

/* For the peer, whose library has to be told one: below those that systems give out, so that nobody
 * gets it meanwhile. */
static struct addr free_port(void)
{
    static unsigned tried;
    struct addr a = {.family = ADDR_NONE};
    int fd;

    for (int i = 0; i < 100 && a.family == ADDR_NONE; i++) {
        uint16_t port = (uint16_t)(11000 + ((unsigned)getpid() * 7 + tried++) % 9000);

        if (udp_socket(port, &a, &fd) == 0)
            close(fd);
    }
    CU_ASSERT_NOT_EQUAL_FATAL(a.family, ADDR_NONE);
    return a;
}

static pid_t start_peer(const char *role, const struct addr *own, const struct addr *to,
                        struct fingerprint *fp)
{
    char text[4][8], line[128] = "";
    int out[2];
    pid_t pid;
    FILE *f;

    snprintf(text[0], sizeof(text[0]), "%u", own->port);
    snprintf(text[1], sizeof(text[1]), "%u", to->port);
    snprintf(text[2], sizeof(text[2]), "%d", PEER_PORT);
    snprintf(text[3], sizeof(text[3]), "%d", OWN_PORT);
    CU_ASSERT_EQUAL_FATAL(pipe2(out, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl(PEER, PEER, role, text[0], text[1], text[2], text[3], (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    f = fdopen(out[0], "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof(line), f));
    line[strcspn(line, "\n")] = '\0';
    CU_ASSERT_EQUAL_FATAL(fingerprint_parse(FINGERPRINT_SHA256, line, strlen(line), fp), 0);
    /* The rest of what it says goes nowhere: its end says enough. Kept open, lest it dies of it. */
    return pid;
}

static int end_of(pid_t pid)
{
    int status = -1;

    for (int i = 0; i < WAIT_MS && waitpid(pid, &status, WNOHANG) == 0; i++) {
        poll(NULL, 0, 1);
        if (i == WAIT_MS - 1)
            kill(pid, SIGKILL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void send_messages(void)
{
    static uint8_t data[DTLS_SCTP_RECORD_MAX];

    for (unsigned i = 0; i < MESSAGES; i++) {
        struct sctp_message m = {.stream = (uint16_t)(2 + i % 7),
                                 .ppid = 53,
                                 .is_unordered = false,
                                 .data = data,
                                 .len = length_of(i)};

        memset(data, (int)(uint8_t)(i * 7), m.len);
        data[0] = (uint8_t)i;
        data[1] = (uint8_t)m.stream;
        CU_ASSERT_EQUAL(wires_send_message(seen.wires, clock_mono_ms(), ID, &m), 0);
    }
}

static void begin(struct addr *local)
{
    struct dtls_config config;
    struct wire_command open = {.kind = WIRE_OPEN, .id = ID, .wire = WIRE_SCTP};

    memset(&seen, 0, sizeof(seen));
    CU_ASSERT_EQUAL_FATAL(cert_generate(1, &seen.cert), 0);
    dtls_config_init(&config, seen.cert);
    CU_ASSERT_EQUAL_FATAL(sctp_start(), 0);
    CU_ASSERT_EQUAL_FATAL(wires_create(&config, 4, &io, NULL, &seen.wires), 0);
    seen.ticked = clock_mono_ms();
    CU_ASSERT_EQUAL_FATAL(udp_socket(0, local, &open.fd), 0);
    open.local = *local;
    wires_on_command(seen.wires, seen.ticked, &open);
}

static void end(void)
{
    wires_destroy(seen.wires);
    for (int i = 0; i < 200 && sctp_stop() != 0; i++)
        sctp_on_timer(SCTP_TICK_MS);
    cert_destroy(seen.cert);
}

static void talk(bool is_active)
{
    struct wire_command start = {.kind = WIRE_START,
                                 .id = ID,
                                 .is_active = is_active,
                                 .sctp_local = OWN_PORT,
                                 .sctp_remote = PEER_PORT};
    struct wire_command bye = {.kind = WIRE_CLOSE, .id = ID};
    struct wires_stats stats;
    struct addr local;
    pid_t pid;

    begin(&local);
    start.remote = free_port();
    pid = start_peer(is_active ? "server" : "client", &start.remote, &local, &start.fingerprint);
    wires_on_command(seen.wires, clock_mono_ms(), &start);
    CU_ASSERT_TRUE(run_until(&seen.established, 1));
    CU_ASSERT_EQUAL(seen.failed, 0);
    if (seen.failed > 0)
        printf("%s\n", seen.text);
    wires_attach(seen.wires, clock_mono_ms(), ID);
    send_messages();
    CU_ASSERT_TRUE(run_until(&seen.messages, MESSAGES));
    CU_ASSERT_EQUAL(seen.wrong, 0);
    wires_on_command(seen.wires, clock_mono_ms(), &bye);
    CU_ASSERT_EQUAL(seen.closed, 1);
    CU_ASSERT_TRUE(run_until(&seen.gone, 1)); /* close_notify, its echo, SCTP's own end */
    CU_ASSERT_EQUAL(seen.failed, 0);
    wires_stats(seen.wires, &stats);
    CU_ASSERT_EQUAL(stats.wires, 0);
    CU_ASSERT_EQUAL(stats.records_bad, 0);
    CU_ASSERT_EQUAL(end_of(pid), 0);
    end();
}

static void usrsctp_and_openssl_as_client_echo_all_messages(void)
{
    talk(false);
}

static void usrsctp_and_openssl_as_server_echo_all_messages(void)
{
    talk(true);
}

SUITE("server/wires", TEST(usrsctp_and_openssl_as_client_echo_all_messages),
      TEST(usrsctp_and_openssl_as_server_echo_all_messages))
