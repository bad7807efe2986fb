#include "bench/bench_dtls.h"

#include "base/addr.h"
#include "base/err.h"
#include "crypto/cert.h"
#include "crypto/dtls.h"
#include "crypto/dtls_sessions.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUEUE_MAX     256
#define DATAGRAM_MAX  2048
#define STEPS_MAX     20000
#define TIME_LIMIT_MS 600000
#define JITTER_MS     30 /* of a datagram that is overtaken */
#define MEMORY_PAIRS  200

struct packet {
    uint64_t at;
    int to;
    size_t len;
    uint8_t data[DATAGRAM_MAX];
};

struct world;

struct side {
    struct world *world;
    int index;
    struct cert *cert;
    struct fingerprint fp;
    struct dtls_sessions *sessions;
    struct dtls_ctx *ctx;
    struct dtls_assoc *assoc;
    struct dtls_established info;
    bool is_established;
    double seconds; /* of processor time in its own calls */
};

struct world {
    const struct bench_dtls_options *options;
    struct side side[2]; /* client, server */
    struct addr addr[2];
    struct packet *queue; /* sorted by time */
    size_t queued;
    uint64_t now, seed, sent;
};

/* splitmix64 */
static double dice(struct world *w)
{
    uint64_t z = w->seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void put(struct world *w, int to, const uint8_t *data, size_t len)
{
    uint64_t at = w->now + w->options->delay_ms;
    size_t i = w->queued;

    if (dice(w) < w->options->reorder)
        at += 1 + (uint64_t)(dice(w) * JITTER_MS);
    if (dice(w) < w->options->loss || w->queued == QUEUE_MAX || len > DATAGRAM_MAX)
        return;
    while (i > 0 && w->queue[i - 1].at > at) {
        w->queue[i] = w->queue[i - 1];
        i--;
    }
    w->queue[i].at = at;
    w->queue[i].to = to;
    w->queue[i].len = len;
    memcpy(w->queue[i].data, data, len);
    w->queued++;
}

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct side *s = user;

    (void)to;
    s->world->sent++;
    put(s->world, 1 - s->index, data, len);
    if (dice(s->world) < s->world->options->duplicate)
        put(s->world, 1 - s->index, data, len);
}

static void on_established(void *user, const struct dtls_established *info)
{
    struct side *s = user;

    s->info = *info;
    s->is_established = true;
}

static void on_failed(void *user, enum dtls_failure reason, const char *text)
{
    (void)user; /* seen by not being established */
    (void)reason;
    (void)text;
}

static void on_closed(void *user)
{
    (void)user;
}

static const struct dtls_callbacks callbacks = {.on_send = on_send,
                                                .on_established = on_established,
                                                .on_failed = on_failed,
                                                .on_closed = on_closed};

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_pair(struct world *w)
{
    for (int i = 1; i >= 0; i--) {
        struct side *s = &w->side[i];
        const struct dtls_options options = {.role = i == 0 ? DTLS_CLIENT : DTLS_SERVER,
                                             .remote = &w->addr[1 - i],
                                             .fingerprint = &w->side[1 - i].fp,
                                             .callbacks = &callbacks,
                                             .user = s};
        double begun = cpu_seconds();
        int rc = dtls_assoc_create(s->ctx, &options, &s->assoc);

        if (rc == 0)
            rc = dtls_assoc_start(s->assoc, w->now);
        s->seconds += cpu_seconds() - begun;
        if (rc != 0)
            return rc;
        s->is_established = false;
    }
    return 0;
}

static uint64_t next_event(const struct world *w)
{
    uint64_t next = w->queued > 0 ? w->queue[0].at : DTLS_NO_DEADLINE;

    for (int i = 0; i < 2; i++) {
        uint64_t deadline = dtls_assoc_next_deadline(w->side[i].assoc);

        next = deadline < next ? deadline : next;
    }
    return next;
}

static void deliver(struct world *w)
{
    struct packet p = w->queue[0];
    double begun;

    w->queued--;
    memmove(&w->queue[0], &w->queue[1], w->queued * sizeof(w->queue[0]));
    begun = cpu_seconds();
    (void)dtls_assoc_input(w->side[p.to].assoc, w->now, &w->addr[1 - p.to], p.data, p.len);
    w->side[p.to].seconds += cpu_seconds() - begun;
}

/* Until both are established, or all hope is gone. */
static bool run_pair(struct world *w)
{
    uint64_t limit = w->now + TIME_LIMIT_MS;

    for (int step = 0; step < STEPS_MAX; step++) {
        uint64_t next = next_event(w);

        if (w->side[0].is_established && w->side[1].is_established)
            return memcmp(&w->side[0].info.local, &w->side[1].info.remote,
                          sizeof(struct srtp_master)) == 0;
        if (next > limit)
            return false;
        w->now = next > w->now ? next : w->now;
        if (w->queued > 0 && w->queue[0].at <= w->now) {
            deliver(w);
            continue;
        }
        for (int i = 0; i < 2; i++)
            if (dtls_assoc_next_deadline(w->side[i].assoc) <= w->now)
                dtls_assoc_on_timer(w->side[i].assoc, w->now);
    }
    return false;
}

static void close_pair(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        double begun = cpu_seconds();

        dtls_assoc_destroy(w->side[i].assoc);
        w->side[i].assoc = NULL;
        w->side[i].seconds += cpu_seconds() - begun;
    }
    w->queued = 0;
}

static void free_world(struct world *w)
{
    close_pair(w);
    for (int i = 0; i < 2; i++) {
        dtls_ctx_destroy(w->side[i].ctx);
        dtls_sessions_destroy(w->side[i].sessions);
        cert_destroy(w->side[i].cert);
    }
    free(w->queue);
}

static int make_side(struct world *w, int index)
{
    struct side *s = &w->side[index];
    struct dtls_config config;
    int rc = cert_generate(1, &s->cert);

    s->world = w;
    s->index = index;
    if (rc == 0)
        rc = cert_fingerprint(s->cert, FINGERPRINT_SHA256, &s->fp);
    if (rc != 0)
        return rc;
    dtls_config_init(&config, s->cert);
    config.handshake_timeout_ms = TIME_LIMIT_MS;
    if (w->options->is_resumed) {
        s->sessions = dtls_sessions_create(64, UINT32_MAX);
        config.sessions = s->sessions;
    }
    return dtls_ctx_create(&config, &s->ctx);
}

static int make_world(struct world *w, const struct bench_dtls_options *options)
{
    int rc = addr_parse("192.0.2.1:4000", &w->addr[0]);

    w->options = options;
    w->now = 1000;
    w->seed = options->seed;
    w->queue = calloc(QUEUE_MAX, sizeof(*w->queue));
    if (rc == 0)
        rc = w->queue != NULL ? addr_parse("192.0.2.2:4000", &w->addr[1]) : ERR_NOMEM;
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = make_side(w, i);
    return rc;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int run_all(struct world *w, uint32_t *took, struct bench_dtls_result *out)
{
    double begun = cpu_seconds();

    for (unsigned i = 0; i < w->options->handshakes; i++) {
        uint64_t from = w->now;
        int rc = open_pair(w);

        if (rc != 0)
            return rc;
        if (run_pair(w))
            took[out->completed++] = (uint32_t)(w->now - from);
        out->resumed += w->side[0].is_established && w->side[0].info.is_resumed;
        close_pair(w);
    }
    out->handshakes_per_s = (double)out->completed / (cpu_seconds() - begun);
    out->client_per_s = (double)out->completed / w->side[0].seconds;
    out->server_per_s = (double)out->completed / w->side[1].seconds;
    out->datagrams = (double)w->sent / w->options->handshakes;
    return 0;
}

/* Heap of established pairs, half of it for each end; then of the same, parked. */
static int measure_memory(struct world *w, struct bench_dtls_result *out)
{
    struct dtls_assoc *pairs[MEMORY_PAIRS][2];
    size_t before = mallinfo2().uordblks, count = 0;
    int rc = 0;

    for (; rc == 0 && count < MEMORY_PAIRS; count++) {
        rc = open_pair(w);
        if (rc == 0 && !run_pair(w))
            rc = ERR_CRYPTO;
        pairs[count][0] = w->side[0].assoc;
        pairs[count][1] = w->side[1].assoc;
        w->side[0].assoc = w->side[1].assoc = NULL;
    }
    out->heap_bytes = (mallinfo2().uordblks - before) / (2 * count);
    w->now += 60000;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 2; k++)
            if (pairs[i][k] != NULL)
                dtls_assoc_on_timer(pairs[i][k], w->now);
    out->parked_bytes = (mallinfo2().uordblks - before) / (2 * count);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 2; k++)
            dtls_assoc_destroy(pairs[i][k]);
    return rc;
}

int bench_dtls_run(const struct bench_dtls_options *options, struct bench_dtls_result *out)
{
    struct bench_dtls_options clean = {.handshakes = MEMORY_PAIRS, .delay_ms = 1};
    uint32_t *took = calloc(options->handshakes, sizeof(*took));
    struct world w = {0};
    int rc = took != NULL ? make_world(&w, options) : ERR_NOMEM;

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = run_all(&w, took, out);
    if (rc == 0 && out->completed > 0) {
        qsort(took, out->completed, sizeof(*took), by_value);
        out->p50_ms = took[(out->completed - 1) / 2];
        out->p99_ms = took[(size_t)(out->completed - 1) * 99 / 100];
        out->max_ms = took[out->completed - 1];
        w.options = &clean;
        rc = measure_memory(&w, out);
    }
    free_world(&w);
    free(took);
    return rc;
}
