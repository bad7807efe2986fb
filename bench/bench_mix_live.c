/* Rooms and calls in a worker by the clock: how long sound takes, and how long relayed packets. */
#include "audio/g711.h"
#include "base/err.h"
#include "bench/bench_mix_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PING_TICKS 50u  /* a sound to be measured once a second, a room */
#define LOUD       4000 /* a sample of such a sound; all else is below a tenth of that */
#define SAMPLES    (1u << 22)

struct live {
    uint64_t start_ns, end_ns, next; /* next: number of the packet that comes next */
    uint64_t *ping_ns;               /* by room: the sound under way, 0 = none */
    float *delay, *relay;
    unsigned delays, relays;
};

/* The clock is the CPU time of this thread, which never waits: the same as real time on a core of
 * its own, and on a shared one what others do there does not count. */
static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_us(void)
{
    return now_ns() / 1000;
}

/* ---- packets by the clock ---- */

/* Members are quiet but for the sounds of each room's first. */
static const uint8_t *payload_of(const struct bench_mix_load *l, unsigned i, uint64_t tick,
                                 uint64_t due_ns)
{
    struct live *live = l->user;
    unsigned room = i / l->members;

    if (i % l->members != 0 || (tick + room) % PING_TICKS != 0 || tick < BENCH_MIX_WARM_UP)
        return l->quiet;
    live->ping_ns[room] = due_ns;
    return l->ping;
}

/* All sources, evenly spread over the 20 ms. */
static uint64_t due_of(const struct bench_mix_load *l, uint64_t number)
{
    const struct live *live = l->user;
    uint64_t tick = number / l->sources, place = number % l->sources;

    return live->start_ns + tick * BENCH_MIX_TICK_NS + place * BENCH_MIX_TICK_NS / l->sources;
}

/* In an order in which rooms and calls alternate: 7919 is prime and no divisor of their number. */
static unsigned source_of(const struct bench_mix_load *l, uint64_t number)
{
    return (unsigned)(number % l->sources * 7919u % l->sources);
}

static unsigned receive(struct bench_mix_load *l, struct packet **p, unsigned n)
{
    struct live *live = l->user;
    uint64_t now = now_ns();
    unsigned got = 0;

    while (got < n) {
        uint64_t due = due_of(l, live->next);
        unsigned i = source_of(l, live->next);
        struct packet *packet =
            due <= now && due < live->end_ns && live->start_ns != 0 ? bench_mix_take(l) : NULL;
        uint8_t stamped[BENCH_MIX_FRAME];
        const uint8_t *payload = stamped;

        if (packet == NULL)
            break;
        memcpy(stamped, l->quiet, sizeof(stamped));
        memcpy(stamped, &due, sizeof(due)); /* a relayed packet says when it was there */
        if (i < l->ports)
            payload = payload_of(l, i, live->next / l->sources, due);
        (void)bench_mix_make_frame(l, i, payload, packet);
        live->next++;
        p[got++] = packet;
    }
    return got;
}

static void keep(float *list, unsigned *n, double value)
{
    if (*n < SAMPLES)
        list[(*n)++] = (float)value;
}

/* A mixed frame for each room's second member: is it the first with the sound of the first? */
static void listen(struct bench_mix_load *l, uint32_t ssrc, const uint8_t *payload)
{
    const int16_t *linear = audio_g711_alaw()->to_linear;
    struct live *live = l->user;
    unsigned i = ssrc - BENCH_MIX_OURS, room = i / l->members;

    if (i >= l->ports || i % l->members != 1 || live->ping_ns[room] == 0)
        return;
    for (unsigned k = 0; k < BENCH_MIX_FRAME; k++) {
        if (abs(linear[payload[k]]) < LOUD)
            continue;
        keep(live->delay, &live->delays, (double)(now_ns() - live->ping_ns[room]) / 1e6);
        live->ping_ns[room] = 0;
        return;
    }
}

static void on_send(struct bench_mix_load *l, uint32_t ssrc, const uint8_t *payload)
{
    struct live *live = l->user;
    uint64_t due;

    if (ssrc >= BENCH_MIX_OURS) {
        listen(l, ssrc, payload);
        return;
    }
    memcpy(&due, payload, sizeof(due));
    if (due > live->start_ns + BENCH_MIX_WARM_UP * BENCH_MIX_TICK_NS)
        keep(live->relay, &live->relays, (double)(now_ns() - due) / 1e3);
}

/* ---- a run ---- */

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static double quantile(const float *sorted, unsigned n, double q)
{
    return n > 0 ? (double)sorted[(unsigned)((n - 1) * q)] : 0;
}

static void sum_up(const struct bench_mix_load *l, struct bench_mix_live *r)
{
    struct live *live = l->user;

    qsort(live->delay, live->delays, sizeof(*live->delay), compare);
    qsort(live->relay, live->relays, sizeof(*live->relay), compare);
    r->ports = l->ports;
    r->sounds = live->delays;
    r->delay_p50_ms = quantile(live->delay, live->delays, 0.5);
    r->delay_p99_ms = quantile(live->delay, live->delays, 0.99);
    r->delay_max_ms = quantile(live->delay, live->delays, 1);
    r->relayed = live->relays;
    r->relay_p50_us = quantile(live->relay, live->relays, 0.5);
    r->relay_p99_us = quantile(live->relay, live->relays, 0.99);
    r->relay_p999_us = quantile(live->relay, live->relays, 0.999);
    r->ticks_late = l->worker->count[LINK_COUNTER_mix_ticks_late];
    r->ticks_lost = l->worker->count[LINK_COUNTER_mix_ticks_lost];
}

/* As the loop of sluice-dp with `idle: poll`. Share of the time with something to do. */
static double run(struct bench_mix_load *l, unsigned seconds)
{
    struct live *live = l->user;
    uint64_t busy = 0, before = now_ns(), now;

    live->start_ns = before;
    live->end_ns = before + seconds * 1000000000ull;
    for (; before < live->end_ns; before = now) {
        unsigned work = worker_turn(l->worker, before / 1000000);

        now = now_ns();
        busy += work > 0 ? now - before : 0;
    }
    return (double)busy / (seconds * 1e9);
}

static int measure(struct bench_mix_load *l, const struct bench_mix_live_case *c,
                   struct bench_mix_live *result)
{
    struct live *live = l->user;
    int rc = bench_mix_load_open(l);

    if (rc != 0)
        return rc;
    result->load = run(l, c->seconds);
    sum_up(l, result);
    if ((l->ports > 0 && live->delays == 0) || (l->calls > 0 && live->relays == 0))
        return ERR_STATE;
    return 0;
}

int bench_mix_live(const struct bench_mix_live_case *c, struct bench_mix_live *result)
{
    struct live live = {0};
    struct bench_mix_load *l = calloc(1, sizeof(*l));
    int rc = ERR_NOMEM;

    if (l == NULL || c->members == 0)
        return l == NULL ? ERR_NOMEM : (free(l), ERR_INVAL);
    l->members = c->members;
    l->ports = c->ports / c->members * c->members;
    l->loudest = c->loudest;
    l->calls = c->calls;
    l->engine_name = "libsrtp"; /* plain RTP: the far ends are in this thread */
    l->clock_us = now_us;
    l->on_receive = receive;
    l->on_send = on_send;
    l->user = &live;
    live.ping_ns = calloc(l->ports / l->members + 1, sizeof(*live.ping_ns));
    live.delay = malloc(SAMPLES * sizeof(*live.delay));
    live.relay = malloc(SAMPLES * sizeof(*live.relay));
    if (live.ping_ns != NULL && live.delay != NULL && live.relay != NULL)
        rc = measure(l, c, result);
    bench_mix_load_close(l);
    free(l);
    free(live.ping_ns);
    free(live.delay);
    free(live.relay);
    return rc;
}
