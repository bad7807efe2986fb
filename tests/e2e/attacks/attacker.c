/* An attacker on the media network of a test: reads the signalling, which is in the clear, and
 * sends forged DTLS to the server's media ports, under the right address and under others.
 *
 *   attacker race   the kinds of --kinds in turn, --rate a second in all: to each call as soon as
 * its addresses are signalled, at the moment that a datagram of its handshake passes, and on while
 * media flow attacker flood  ClientHellos as fast as --rate says, and what is answered to them
 *
 * Prints "ready", and at SIGTERM or after --seconds one line of JSON. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "tests/e2e/attacks/attack_dtls.h"
#include "tests/e2e/attacks/attack_frame.h"
#include "tests/e2e/attacks/attack_target.h"

#define FRESH_MS  20000u /* a call is attacked for so long at least */
#define FRESH_MAX 48u    /* and so many at a time */
#define BATCH     32u
#define HELLOS    64u /* different ones in a flood */
#define STRANGERS 126u

enum phase { BEFORE, DURING, AFTER, PHASES };

static const char *const phase_names[PHASES] = {"before", "during", "after"};

enum spray {
    SPRAY_REPLAYED,
    SPRAY_ELSEWHERE,
    SPRAY_TRUNCATED,
    SPRAY_FORGED,
    SPRAY_GARBAGE,
    SPRAYS
};

static const char *const spray_names[SPRAYS] = {"replayed", "elsewhere", "truncated", "forged",
                                                "garbage"};

struct attacker {
    int media, signalling; /* packet sockets */
    uint8_t right_mac[6];  /* of the endpoints */
    uint8_t own_mac[6];
    uint8_t server_mac[6];
    uint32_t kinds;
    bool may_right, may_other, is_spray;
    unsigned strangers, ports; /* how many of them are used */
    unsigned rate, seconds, hello_size;
    uint32_t stranger_base; /* addresses of nobody: this and those behind it */
    struct targets targets;
    unsigned turn;
    uint64_t sent[FORGE_COUNT][PHASES];
    uint64_t sent_right, sent_other, sent_bytes, send_failed;
    uint64_t answers, answer_bytes, answer_max, stranger_answers;
    uint64_t sprayed[SPRAYS];
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

static struct end stranger(const struct attacker *a)
{
    return (struct end){a->stranger_base + (uint32_t)random() % a->strangers,
                        (uint16_t)(1024 + random() % 60000)};
}

static void send_frame(struct attacker *a, const uint8_t *frame, size_t len)
{
    if (send(a->media, frame, len, 0) == (ssize_t)len)
        a->sent_bytes += len - FRAME_HEADERS;
    else
        a->send_failed++;
}

static enum phase phase_of(const struct target *t)
{
    return t->media_ms != 0 ? AFTER : t->record_ms != 0 ? DURING : BEFORE;
}

/* One forged datagram to that call: the kinds in turn, by the right address and by another one. */
static void strike(struct attacker *a, struct target *t)
{
    uint8_t data[FORGE_MAX], frame[FRAME_MAX];
    struct end to = {a->targets.media_ip, t->port};
    bool is_right = a->may_right && (!a->may_other || t->turn % 4 != 3);
    unsigned kind;
    size_t len;

    do
        kind = a->turn++ % FORGE_COUNT;
    while ((a->kinds & 1u << kind) == 0);
    /* Not in step with the kinds: each comes in all its variants. */
    len = forge_make((enum forge)kind, a->turn / FORGE_COUNT + (unsigned)random() % 3, data);
    len = frame_udp(frame, is_right ? a->right_mac : a->own_mac, a->server_mac,
                    is_right ? t->peer : stranger(a), to, data, len);
    send_frame(a, frame, len);
    a->sent[kind][phase_of(t)]++;
    if (is_right)
        a->sent_right++;
    else
        a->sent_other++;
    t->turn++;
}

/* A packet of a peer's, once more: each in one of these ways in turn. */
static void spray_packet(struct attacker *a, const struct seen *s)
{
    uint8_t data[FRAME_MAX], frame[FRAME_MAX];
    enum spray how = (enum spray)(a->turn++ % SPRAYS);
    struct end from = how == SPRAY_ELSEWHERE ? stranger(a) : s->from, to = s->to;
    size_t len = s->len;

    if (len > FRAME_MAX - FRAME_HEADERS)
        return;
    memcpy(data, s->data, len);
    if (how == SPRAY_TRUNCATED) {
        len = (size_t)random() % len;
    } else if (how == SPRAY_FORGED) {
        data[(size_t)random() % len] ^= (uint8_t)(1 + random() % 255);
        data[3]++; /* not as a replay */
    } else if (how == SPRAY_GARBAGE) {
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)random();
        data[0] = (uint8_t)(a->turn / SPRAYS);
        to.port = (uint16_t)(a->targets.port_first + (uint32_t)random() % a->ports);
        if (a->turn % 3 > 0)
            to.port = s->to.port;
    }
    len = frame_udp(frame, how == SPRAY_ELSEWHERE ? a->own_mac : a->right_mac, a->server_mac, from,
                    to, data, len);
    send_frame(a, frame, len);
    a->sprayed[how]++;
}

static bool is_dtls(const struct seen *s)
{
    return s->len > 13 && s->data[0] >= 20 && s->data[0] <= 63;
}

static void count_answer(struct attacker *a, const struct seen *s)
{
    bool is_strangers = s->to.ip - a->stranger_base < STRANGERS;

    /* HelloVerifyRequest: the only answer to who has shown nothing. */
    if (!is_strangers && !(is_dtls(s) && s->data[0] == 22 && s->data[13] == 3))
        return;
    a->answers++;
    a->stranger_answers += is_strangers;
    a->answer_bytes += s->len;
    if (s->len > a->answer_max)
        a->answer_max = s->len;
}

/* What passes on the media wire. Returns the call whose handshake it belongs to. */
static struct target *look_media(struct attacker *a, const struct seen *s, uint64_t now)
{
    struct end peer = s->is_outgoing ? s->from : s->to;
    struct end server = s->is_outgoing ? s->to : s->from;
    struct target *t;

    if (s->is_tcp || server.ip != a->targets.media_ip || s->len == 0)
        return NULL;
    if (!s->is_outgoing)
        count_answer(a, s);
    t = target_find(&a->targets, peer, server.port);
    if (t == NULL && s->is_outgoing && is_dtls(s))
        t = target_add(&a->targets, peer, server.port, now);
    if (t == NULL)
        return NULL;
    if (is_dtls(s) && t->record_ms == 0)
        t->record_ms = now;
    if (s->is_outgoing && s->data[0] >= 128 && t->media_ms == 0)
        t->media_ms = now;
    return is_dtls(s) ? t : NULL;
}

static struct target *fresh(struct attacker *a, uint64_t now)
{
    size_t n = a->targets.count < FRESH_MAX ? a->targets.count : FRESH_MAX;
    struct target *t;

    if (n == 0)
        return NULL;
    t = &a->targets.all[(a->targets.count - 1 - (size_t)random() % n) % TARGETS_MAX];
    return now - t->seen_ms < FRESH_MS ? t : NULL;
}

/* Datagrams that may be sent by now. */
struct budget {
    uint64_t since_us, spent, rate;
};

static uint64_t budget_left(struct budget *b)
{
    uint64_t allowed = (clock_mono_us() - b->since_us) * b->rate / 1000000;

    /* What was not used is not saved up: the rate is one of every moment. */
    if (allowed > b->spent + b->rate / 20 + 1)
        b->spent = allowed - b->rate / 20 - 1;
    return allowed > b->spent ? allowed - b->spent : 0;
}

static void strike_within(struct attacker *a, struct target *t, struct budget *b, unsigned times)
{
    for (unsigned i = 0; i < times && t != NULL && budget_left(b) > 0; i++) {
        strike(a, t);
        b->spent++;
    }
}

static void race_turn(struct attacker *a, struct budget *b)
{
    uint8_t buffer[FRAME_MAX];
    struct seen s;
    uint64_t now = clock_mono_ms();

    while (frame_receive(a->media, buffer, &s)) {
        struct target *t = look_media(a, &s, now);

        for (unsigned i = 0; a->is_spray && i < 8 && s.is_outgoing && !s.is_tcp && s.len > 0 &&
                             s.to.ip == a->targets.media_ip && budget_left(b) > 0;
             i++) {
            spray_packet(a, &s);
            b->spent++;
        }
        strike_within(a, a->is_spray ? NULL : t, b, 4);
    }
    while (frame_receive(a->signalling, buffer, &s))
        if (s.is_tcp) {
            struct target *t = target_of_segment(&a->targets, &s, now);

            strike_within(a, a->is_spray ? NULL : t, b, 8);
        }
    strike_within(a, a->is_spray ? NULL : fresh(a, now), b, 4);
}

static void race(struct attacker *a, uint64_t until)
{
    struct pollfd fds[2] = {{.fd = a->media, .events = POLLIN},
                            {.fd = a->signalling, .events = POLLIN}};
    struct budget b = {.since_us = clock_mono_us(), .rate = a->rate};

    while (!is_over && clock_mono_ms() < until) {
        race_turn(a, &b);
        (void)poll(fds, 2, 1);
    }
}

struct flood {
    uint8_t hello[HELLOS][FORGE_MAX];
    size_t len[HELLOS];
    uint8_t frame[BATCH][FRAME_MAX];
    struct iovec iov[BATCH];
    struct mmsghdr message[BATCH];
};

static void fill_flood(struct attacker *a, struct flood *f, unsigned n)
{
    uint64_t now = clock_mono_ms();

    for (unsigned i = 0; i < n; i++) {
        struct target *t = a->may_right && (!a->may_other || i % 2 == 0) ? fresh(a, now) : NULL;
        uint16_t port = (uint16_t)(a->targets.port_first + random() % a->ports);
        struct end to = {a->targets.media_ip, port};
        unsigned k = a->turn++ % HELLOS;

        if (t != NULL)
            to.port = t->port;
        f->iov[i].iov_base = f->frame[i];
        f->iov[i].iov_len =
            frame_udp(f->frame[i], t != NULL ? a->right_mac : a->own_mac, a->server_mac,
                      t != NULL ? t->peer : stranger(a), to, f->hello[k], f->len[k]);
        f->message[i].msg_hdr = (struct msghdr){.msg_iov = &f->iov[i], .msg_iovlen = 1};
        if (t != NULL)
            a->sent_right++;
        else
            a->sent_other++;
        a->sent[FORGE_HELLO][t != NULL ? phase_of(t) : BEFORE]++;
        a->sent_bytes += f->len[k];
    }
}

static void flood(struct attacker *a, uint64_t until)
{
    struct pollfd fds[2] = {{.fd = a->media, .events = POLLIN},
                            {.fd = a->signalling, .events = POLLIN}};
    struct budget b = {.since_us = clock_mono_us(), .rate = a->rate}, none = {.rate = 0};
    struct flood *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return;
    for (unsigned i = 0; i < HELLOS; i++)
        f->len[i] = forge_hello(f->hello[i], a->hello_size);
    while (!is_over && clock_mono_ms() < until) {
        uint64_t left = budget_left(&b);
        unsigned n = left < BATCH ? (unsigned)left : BATCH;
        int done;

        race_turn(a, &none); /* looks, and strikes no more than a flood does */
        if (n == 0) {
            (void)poll(fds, 2, 1);
            continue;
        }
        fill_flood(a, f, n);
        done = sendmmsg(a->media, f->message, n, 0);
        a->send_failed += n - (unsigned)(done > 0 ? done : 0);
        b.spent += n;
    }
    free(f);
}

static void print_sent(const struct attacker *a)
{
    for (unsigned phase = 0; phase < PHASES; phase++) {
        printf("\"%s\":{", phase_names[phase]);
        for (unsigned kind = 0; kind < FORGE_COUNT; kind++)
            printf("%s\"%s\":%llu", kind > 0 ? "," : "", forge_names[kind],
                   (unsigned long long)a->sent[kind][phase]);
        printf("},");
    }
}

static void print_report(const struct attacker *a, uint64_t spent_ms)
{
    uint64_t sent = a->sent_right + a->sent_other - a->send_failed;

    printf("{");
    print_sent(a);
    for (unsigned how = 0; how < SPRAYS; how++)
        printf("\"%s\":%llu,", spray_names[how], (unsigned long long)a->sprayed[how]);
    printf(
        "\"sent\":%llu,\"right_address\":%llu,\"other_address\":%llu,\"send_failed\":%llu,"
        "\"sent_bytes\":%llu,\"seconds\":%.3f,\"rate\":%.1f,\"targets\":%zu,"
        "\"answers\":%llu,\"answer_bytes\":%llu,\"answer_max\":%llu,\"stranger_answers\":%llu}\n",
        (unsigned long long)sent, (unsigned long long)a->sent_right,
        (unsigned long long)a->sent_other, (unsigned long long)a->send_failed,
        (unsigned long long)a->sent_bytes, (double)spent_ms / 1000,
        spent_ms > 0 ? (double)sent * 1000 / (double)spent_ms : 0.0, a->targets.count,
        (unsigned long long)a->answers, (unsigned long long)a->answer_bytes,
        (unsigned long long)a->answer_max, (unsigned long long)a->stranger_answers);
}

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "usage: attacker race|flood|spray --media-interface IF --signalling-interface IF "
            "--server-mac MAC --right-mac MAC --media-ip IP --ports FIRST-LAST\n"
            "  [--rate N] [--seconds S] [--kinds LIST|all] [--from right,other] "
            "[--strangers IP] [--one-stranger] [--one-port] [--hello-size BYTES] [--seed N]\n");
    exit(2);
}

static bool option(struct attacker *a, int letter, const char *value)
{
    switch (letter) {
    case 'm':
        a->media = frame_open(value);
        return true;
    case 's':
        a->signalling = frame_open(value);
        return true;
    case 'M':
        return frame_parse_mac(value, a->server_mac);
    case 'R':
        return frame_parse_mac(value, a->right_mac);
    case 'i':
        return frame_parse_ip(value, &a->targets.media_ip);
    case 'o':
        return frame_parse_ip(value, &a->stranger_base);
    case 'p':
        return sscanf(value, "%hu-%hu", &a->targets.port_first, &a->targets.port_last) == 2 &&
               a->targets.port_first <= a->targets.port_last;
    case 'k':
        return (a->kinds = forge_kinds(value)) != 0;
    case 'f':
        a->may_right = strstr(value, "right") != NULL;
        a->may_other = strstr(value, "other") != NULL;
        return a->may_right || a->may_other;
    case 'r':
        return (a->rate = (unsigned)strtoul(value, NULL, 10)) > 0;
    case 't':
        return (a->seconds = (unsigned)strtoul(value, NULL, 10)) > 0;
    case 'l':
        return (a->hello_size = (unsigned)strtoul(value, NULL, 10)) <= FORGE_MAX;
    case '1':
        a->strangers = 1;
        return true;
    case '2':
        a->ports = 1;
        return true;
    case 'x':
        srandom((unsigned)strtoul(value, NULL, 10));
        return true;
    default:
        return false;
    }
}

static void read_options(struct attacker *a, int argc, char **argv)
{
    static const struct option table[] = {{"media-interface", 1, NULL, 'm'},
                                          {"signalling-interface", 1, NULL, 's'},
                                          {"server-mac", 1, NULL, 'M'},
                                          {"right-mac", 1, NULL, 'R'},
                                          {"media-ip", 1, NULL, 'i'},
                                          {"strangers", 1, NULL, 'o'},
                                          {"ports", 1, NULL, 'p'},
                                          {"kinds", 1, NULL, 'k'},
                                          {"from", 1, NULL, 'f'},
                                          {"rate", 1, NULL, 'r'},
                                          {"seconds", 1, NULL, 't'},
                                          {"hello-size", 1, NULL, 'l'},
                                          {"seed", 1, NULL, 'x'},
                                          {"one-stranger", 0, NULL, '1'},
                                          {"one-port", 0, NULL, '2'},
                                          {NULL, 0, NULL, 0}};
    int letter;

    a->media = a->signalling = -1;
    a->kinds = forge_kinds("all");
    a->may_right = a->may_other = true;
    a->strangers = STRANGERS;
    a->rate = 1000;
    a->seconds = 600;
    while ((letter = getopt_long(argc, argv, "", table, NULL)) != -1)
        if (!option(a, letter, optarg))
            usage();
    if (optind + 1 != argc || a->media < 0 || a->signalling < 0 || a->targets.media_ip == 0 ||
        a->targets.port_first == 0)
        usage();
    if (a->ports == 0)
        a->ports = a->targets.port_last - a->targets.port_first + 1u;
    if (a->stranger_base == 0)
        a->stranger_base = (a->targets.media_ip & 0xffffff00u) + 128;
    memcpy(a->own_mac, "\x02\x00\x00\x66\x66\x66", 6);
}

int main(int argc, char **argv)
{
    static struct attacker a;
    struct sigaction action = {.sa_handler = on_signal};
    uint64_t start;

    read_options(&a, argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    printf("ready\n");
    fflush(stdout);
    start = clock_mono_ms();
    if (strcmp(argv[optind], "race") == 0)
        race(&a, start + a.seconds * 1000ull);
    else if ((a.is_spray = strcmp(argv[optind], "spray") == 0))
        race(&a, start + a.seconds * 1000ull);
    else if (strcmp(argv[optind], "flood") == 0)
        flood(&a, start + a.seconds * 1000ull);
    else
        usage();
    print_report(&a, clock_mono_ms() - start);
    return 0;
}
