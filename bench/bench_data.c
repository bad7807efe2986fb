#include "bench/bench_data.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_histogram.h"
#include "crypto/cert.h"
#include "crypto/dtls.h"
#include "sctp/sctp.h"

#define PACKETS      65536u /* on their way; a power of two */
#define PACKET_MAX   1500u
#define STREAMS      8
#define SCTP_MTU     1160
#define UP_MS        20000u
#define WINDOW_SMALL 256u
#define WINDOW_LARGE 16u
#define WARM_SHARE   4 /* a fourth of the time before it counts */

struct end {
    struct run *run;
    struct end *peer;
    struct sctp *sctp;
    struct dtls_assoc *dtls;
    bool is_up, is_established, is_right;
    unsigned sent, received; /* of the left end: messages on their way */
};

struct packet {
    struct end *to;
    uint16_t len;
    uint8_t data[PACKET_MAX];
};

struct run {
    struct bench_data_config config;
    struct cert *cert;
    struct fingerprint fp;
    struct dtls_ctx *ctx;
    struct end *ends; /* left, right, left, … */
    struct packet *queue;
    uint32_t head, tail;
    uint64_t now;
    uint8_t *message;
    unsigned window, up;
    bool is_counting;
    uint64_t messages;
    struct bench_histogram latency;
};

static void post(struct end *to, const uint8_t *data, size_t len)
{
    struct run *r = to->run;
    struct packet *p = &r->queue[r->tail % PACKETS];

    if (len > PACKET_MAX || r->tail - r->head == PACKETS)
        return; /* SCTP and DTLS send it again */
    p->to = to;
    p->len = (uint16_t)len;
    memcpy(p->data, data, len);
    r->tail++;
}

static struct addr address_of(const struct end *e)
{
    const uint8_t ip[4] = {192, 0, 2, e->is_right ? 2 : 1};

    return addr_from_ip4(ip, 5000);
}

/* ---- DTLS ---- */

static void on_datagram(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct end *e = user;

    (void)to;
    post(e->peer, data, len);
}

static void on_established(void *user, const struct dtls_established *result)
{
    struct end *e = user;

    (void)result;
    e->is_established = true;
}

static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    (void)user;
    (void)why;
    (void)text;
}

static void on_closed(void *user)
{
    (void)user;
}

static void on_record(void *user, const uint8_t *data, size_t len)
{
    struct end *e = user;

    if (e->sctp != NULL)
        sctp_input(e->sctp, data, len);
}

static const struct dtls_callbacks dtls_callbacks = {.on_send = on_datagram,
                                                     .on_established = on_established,
                                                     .on_failed = on_failed,
                                                     .on_closed = on_closed,
                                                     .on_data = on_record};

static int open_dtls(struct end *e, const struct dtls_callbacks *callbacks, void *user)
{
    struct run *r = e->run;
    const struct addr remote = address_of(e->peer);
    const struct dtls_options options = {.role = e->is_right ? DTLS_SERVER : DTLS_CLIENT,
                                         .remote = &remote,
                                         .fingerprint = &r->fp,
                                         .without_srtp = true,
                                         .callbacks = callbacks,
                                         .user = user};
    int err = dtls_assoc_create(r->ctx, &options, &e->dtls);

    if (err == 0)
        dtls_assoc_carry_data(e->dtls, r->now);
    return err;
}

/* ---- SCTP ---- */

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    struct end *e = user;

    if (e->dtls != NULL)
        (void)dtls_assoc_send(e->dtls, e->run->now, packet, len);
    else
        post(e->peer, packet, len);
}

static void on_up(void *user, uint16_t out, uint16_t in)
{
    struct end *e = user;

    (void)out;
    (void)in;
    e->is_up = true;
    e->run->up++;
}

static void on_down(void *user, const char *why)
{
    (void)user;
    (void)why;
}

static void on_message(void *user, const struct sctp_message *m)
{
    struct end *e = user;
    struct run *r = e->run;
    uint64_t then, ns;

    e->peer->sent--;
    if (!r->is_counting)
        return;
    memcpy(&then, m->data, sizeof(then));
    ns = clock_mono_ns() - then;
    bench_histogram_add(&r->latency, ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX);
    r->messages++;
}

static void on_reset(void *user, uint16_t stream)
{
    (void)user;
    (void)stream;
}

static const struct sctp_callbacks sctp_callbacks = {.on_packet = on_packet,
                                                     .on_up = on_up,
                                                     .on_down = on_down,
                                                     .on_message = on_message,
                                                     .on_stream_reset = on_reset};

static int open_sctp(struct end *e)
{
    const struct sctp_options options = {.local_port = 5000,
                                         .remote_port = 5000,
                                         .streams = STREAMS,
                                         .mtu = SCTP_MTU,
                                         .send_octets = 262144,
                                         .receive_octets = 262144,
                                         .message_max = 262144,
                                         .callbacks = &sctp_callbacks,
                                         .user = e};

    return sctp_create(&options, &e->sctp);
}

/* ---- the run ---- */

static void take(struct packet *p, uint64_t now)
{
    struct end *e = p->to;
    struct addr from;

    if (e->dtls != NULL) {
        from = address_of(e->peer);
        (void)dtls_assoc_input(e->dtls, now, &from, p->data, p->len);
    } else if (e->sctp != NULL) {
        sctp_input(e->sctp, p->data, p->len);
    }
}

/* Carries what was there at the beginning: what answers that waits for the next turn. */
static void carry(struct run *r)
{
    uint32_t end = r->tail;

    for (; r->head != end; r->head++) /* its place is not given away before it is taken */
        take(&r->queue[r->head % PACKETS], r->now);
}

static void tick(struct run *r)
{
    uint64_t now = clock_mono_ms();

    if (now - r->now < SCTP_TICK_MS)
        return;
    sctp_on_timer((uint32_t)(now - r->now));
    r->now = now;
    for (unsigned i = 0; r->config.has_dtls && i < 2 * r->config.associations; i++)
        if (r->ends[i].dtls != NULL && dtls_assoc_next_deadline(r->ends[i].dtls) <= now)
            dtls_assoc_on_timer(r->ends[i].dtls, now);
}

static void speak(struct run *r)
{
    struct sctp_message m = {.stream = 1, .ppid = 53, .data = r->message, .len = r->config.size};

    for (unsigned i = 0; i < 2 * r->config.associations; i += 2) {
        struct end *e = &r->ends[i];

        while (e->sent < r->window) {
            uint64_t now = clock_mono_ns();

            memcpy(r->message, &now, sizeof(now));
            if (sctp_send(e->sctp, &m) != 0)
                break;
            e->sent++;
        }
    }
}

/* CPU time of this thread: what others take of the core meanwhile says nothing about the work. */
static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void measure(struct run *r, struct bench_data_result *out)
{
    uint64_t begin = cpu_ns(), warm = begin + r->config.ms * 1000000ull / WARM_SHARE;
    uint64_t end = warm + r->config.ms * 1000000ull, now = begin;

    for (; now < end; now = cpu_ns()) {
        if (!r->is_counting && now >= warm) {
            r->is_counting = true;
            begin = now;
        }
        speak(r);
        carry(r);
        tick(r);
    }
    out->messages_s = (double)r->messages * 1e9 / (double)(now - begin);
    out->mbit_s = out->messages_s * (double)r->config.size * 8 / 1e6;
    out->p99_ms = bench_histogram_us(&r->latency, 0.99) / 1000;
    out->window = r->window;
    out->up = r->up / 2;
}

static bool all_up(struct run *r, bool (*is_up)(const struct end *))
{
    uint64_t until = clock_mono_ms() + UP_MS;
    unsigned n;

    do {
        carry(r);
        tick(r);
        n = 0;
        for (unsigned i = 0; i < 2 * r->config.associations; i++)
            n += is_up(&r->ends[i]);
    } while (n < 2 * r->config.associations && clock_mono_ms() < until);
    return n == 2 * r->config.associations;
}

static bool has_dtls(const struct end *e)
{
    return e->is_established;
}

static bool has_sctp(const struct end *e)
{
    return e->is_up;
}

static int open_all(struct run *r)
{
    unsigned n = 2 * r->config.associations;
    int err = 0;

    for (unsigned i = 0; i < n; i++)
        r->ends[i] = (struct end){.run = r, .peer = &r->ends[i ^ 1u], .is_right = i % 2 == 1};
    for (unsigned i = 0; r->config.has_dtls && i < n && err == 0; i++)
        err = open_dtls(&r->ends[i], &dtls_callbacks, &r->ends[i]);
    for (unsigned i = n; r->config.has_dtls && i > 0 && err == 0; i--)
        err = dtls_assoc_start(r->ends[i - 1].dtls, r->now);
    if (err == 0 && r->config.has_dtls && !all_up(r, has_dtls))
        err = ERR_STATE;
    for (unsigned i = 0; i < n && err == 0; i++)
        err = open_sctp(&r->ends[i]);
    return err == 0 && !all_up(r, has_sctp) ? ERR_STATE : err;
}

static int begin_run(struct run *r, const struct bench_data_config *config)
{
    struct dtls_config dtls;
    int err;

    memset(r, 0, sizeof(*r));
    r->config = *config;
    r->now = clock_mono_ms();
    r->window = config->size > 1024 ? WINDOW_LARGE : WINDOW_SMALL;
    if (config->associations > 16)
        r->window = r->window / 8 + 1;
    r->ends = calloc(2 * (size_t)config->associations, sizeof(*r->ends));
    r->queue = malloc(PACKETS * sizeof(*r->queue));
    r->message = calloc(1, config->size);
    if (r->ends == NULL || r->queue == NULL || r->message == NULL)
        return ERR_NOMEM;
    err = cert_generate(1, &r->cert);
    if (err == 0)
        err = cert_fingerprint(r->cert, FINGERPRINT_SHA256, &r->fp);
    if (err != 0)
        return err;
    dtls_config_init(&dtls, r->cert);
    return dtls_ctx_create(&dtls, &r->ctx);
}

static void end_run(struct run *r)
{
    for (unsigned i = 0; r->ends != NULL && i < 2 * r->config.associations; i++) {
        sctp_destroy(r->ends[i].sctp);
        dtls_assoc_destroy(r->ends[i].dtls);
    }
    dtls_ctx_destroy(r->ctx);
    cert_destroy(r->cert);
    free(r->ends);
    free(r->queue);
    free(r->message);
}

#define STOP_TRIES 1000

int bench_data_run(const struct bench_data_config *config, struct bench_data_result *out)
{
    struct run *r = calloc(1, sizeof(*r));
    size_t before;
    int err = r != NULL ? sctp_start() : ERR_NOMEM;

    if (err == 0)
        err = begin_run(r, config);
    before = mallinfo2().uordblks;
    if (err == 0)
        err = open_all(r);
    if (err == 0) {
        out->kib_each =
            (double)(mallinfo2().uordblks - before) / 1024 / (double)config->associations;
        measure(r, out);
    }
    if (r != NULL)
        end_run(r);
    for (int i = 0; i < STOP_TRIES && sctp_stop() == ERR_STATE; i++)
        sctp_on_timer(SCTP_TICK_MS);
    free(r);
    return err;
}

/* ---- a relay of records ---- */

struct relay {
    struct run run;
    uint64_t out;
};

/* The middle's other connection: what the first brings leaves there. */
static void on_relayed(void *user, const uint8_t *data, size_t len)
{
    struct relay *relay = user;

    relay->out += dtls_assoc_send(relay->run.ends[3].dtls, relay->run.now, data, len) == 0;
}

static void relay_datagram(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct relay *relay = user;

    (void)to;
    post(relay->run.ends[1].peer, data, len);
}

static void relay_established(void *user, const struct dtls_established *result)
{
    struct relay *relay = user;

    (void)result;
    relay->run.ends[1].is_established = true;
}

static const struct dtls_callbacks relay_callbacks = {.on_send = relay_datagram,
                                                      .on_established = relay_established,
                                                      .on_failed = on_failed,
                                                      .on_closed = on_closed,
                                                      .on_data = on_relayed};

/* Two connections: a peer at each outer end (0, 2), the middle at the inner ones (1, 3). */
static int open_relay(struct relay *relay)
{
    struct run *r = &relay->run;
    int err = 0;

    for (unsigned i = 0; i < 4; i++)
        r->ends[i] = (struct end){.run = r, .peer = &r->ends[i ^ 1u], .is_right = i % 2 == 1};
    for (unsigned i = 0; i < 4 && err == 0; i++)
        err = i == 1 ? open_dtls(&r->ends[i], &relay_callbacks, relay)
                     : open_dtls(&r->ends[i], &dtls_callbacks, &r->ends[i]);
    for (unsigned i = 4; i > 0 && err == 0; i--)
        err = dtls_assoc_start(r->ends[i - 1].dtls, r->now);
    return err == 0 && !all_up(r, has_dtls) ? ERR_STATE : err;
}

#define BURST 256u

/* The peer's own part, making the records, does not count. */
static double relay_bursts(struct relay *relay, size_t size, unsigned ms)
{
    struct run *r = &relay->run;
    uint64_t spent = 0, before;
    struct addr from = address_of(&r->ends[0]);

    relay->out = 0;
    while (spent < ms * 1000000ull) {
        uint32_t end;

        for (unsigned i = 0; i < BURST; i++)
            (void)dtls_assoc_send(r->ends[0].dtls, r->now, r->message, size);
        end = r->tail;
        before = cpu_ns();
        while (r->head != end) {
            const struct packet *p = &r->queue[r->head++ % PACKETS];

            (void)dtls_assoc_input(r->ends[1].dtls, r->now, &from, p->data, p->len);
        }
        spent += cpu_ns() - before;
        r->head = r->tail; /* what left is the other peer's business */
    }
    return spent > 0 ? (double)relay->out * 1e9 / (double)spent : 0;
}

int bench_data_relay(size_t size, unsigned ms, double *records_s)
{
    const struct bench_data_config config = {.associations = 2, .size = size, .has_dtls = true};
    struct relay *relay = calloc(1, sizeof(*relay));
    int err = relay != NULL ? begin_run(&relay->run, &config) : ERR_NOMEM;

    if (err == 0)
        err = open_relay(relay);
    if (err == 0)
        *records_s = relay_bursts(relay, size, ms);
    if (relay != NULL)
        end_run(&relay->run);
    free(relay);
    return err;
}
