#include "bench/bench_srtp.h"

#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_srtp_lane.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Packets of a turn at least: one session alone must be measured too. */
#define TURN_PACKETS 4096
/* An engine comes to its turn with cold caches: this many passes are not counted. */
#define WARM_PASSES 1
#define PASSES      3

struct bench {
    const struct bench_srtp_case *c;
    struct bench_srtp_lane lanes[BENCH_SRTP_ENGINES];
    bool is_open[BENCH_SRTP_ENGINES];
    uint32_t *order; /* sessions as they are visited */
    uint32_t order_len;
    double *times[BENCH_SRTP_ENGINES][2]; /* [round] */
    double *ratios;
    double *bursts[2]; /* [burst of a turn] */
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof(*values), compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* All sessions, shuffled, repeated until a turn is long enough to be timed. */
static int make_order(struct bench *b)
{
    uint32_t sessions = b->c->sessions, repeat = (TURN_PACKETS + sessions - 1) / sessions;
    unsigned seed = 1;

    b->order_len = sessions * repeat;
    b->order = calloc(b->order_len, sizeof(*b->order));
    if (!b->order)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < sessions; i++)
        b->order[i] = i;
    for (uint32_t i = sessions - 1; i > 0; i--) {
        uint32_t k = (uint32_t)rand_r(&seed) % (i + 1), t = b->order[i];

        b->order[i] = b->order[k];
        b->order[k] = t;
    }
    for (uint32_t i = sessions; i < b->order_len; i++)
        b->order[i] = b->order[i - sessions];
    return 0;
}

/* One pass over the order; appends nanoseconds a packet of every burst, both ways. */
static bool pass(struct bench *b, const struct bench_srtp_lane *lane, unsigned *count)
{
    for (uint32_t at = 0; at < b->order_len; at += BENCH_SRTP_BURST) {
        uint32_t left = b->order_len - at;
        size_t n = left < BENCH_SRTP_BURST ? left : BENCH_SRTP_BURST;
        uint64_t start, middle, end;

        lane->prepare(lane->state, b->order + at, n);
        start = clock_mono_ns();
        if (!lane->protect(lane->state, n))
            return false;
        middle = clock_mono_ns();
        if (!lane->unprotect(lane->state, n))
            return false;
        end = clock_mono_ns();
        b->bursts[0][*count] = (double)(middle - start) / (double)n;
        b->bursts[1][*count] = (double)(end - middle) / (double)n;
        ++*count;
    }
    return true;
}

/* The median burst of a turn is its result: bursts in which the machine did something else are
 * few, but long. */
static bool turn(struct bench *b, unsigned engine, unsigned round)
{
    unsigned count = 0;

    for (unsigned i = 0; i < WARM_PASSES + PASSES; i++) {
        if (i == WARM_PASSES)
            count = 0;
        if (!pass(b, &b->lanes[engine], &count))
            return false;
    }
    for (unsigned way = 0; way < 2; way++)
        b->times[engine][way][round] = median(b->bursts[way], count);
    return true;
}

/* Median over the rounds of (other's time / mb's time). */
static double ratio(struct bench *b, unsigned other)
{
    for (unsigned r = 0; r < b->c->rounds; r++)
        b->ratios[r] = (b->times[other][0][r] + b->times[other][1][r]) /
                       (b->times[BENCH_SRTP_MB][0][r] + b->times[BENCH_SRTP_MB][1][r]);
    return median(b->ratios, b->c->rounds);
}

static int measure(struct bench *b, struct bench_srtp_result *out)
{
    for (unsigned r = 0; r < b->c->rounds; r++)
        for (unsigned i = 0; i < BENCH_SRTP_ENGINES; i++) {
            unsigned engine = (i + r) % BENCH_SRTP_ENGINES;

            if (b->is_open[engine] && !turn(b, engine, r))
                return ERR_CRYPTO;
        }
    if (b->is_open[BENCH_SRTP_MB] && b->is_open[BENCH_SRTP_RAW]) {
        out->mb_over_libsrtp = ratio(b, BENCH_SRTP_LIBSRTP);
        out->mb_over_raw = ratio(b, BENCH_SRTP_RAW);
    }
    for (unsigned i = 0; i < BENCH_SRTP_ENGINES; i++) {
        if (!b->is_open[i])
            continue;
        out->cost[i].protect_ns = median(b->times[i][0], b->c->rounds);
        out->cost[i].unprotect_ns = median(b->times[i][1], b->c->rounds);
    }
    return 0;
}

static int open_bench(struct bench *b, struct bench_srtp_result *out)
{
    int mb, raw, rc = make_order(b);

    b->ratios = calloc(b->c->rounds, sizeof(*b->ratios));
    for (unsigned way = 0; way < 2 && rc == 0; way++) {
        b->bursts[way] = calloc((size_t)(WARM_PASSES + PASSES) * b->order_len, sizeof(double));
        rc = b->bursts[way] ? 0 : ERR_NOMEM;
    }
    for (unsigned i = 0; i < BENCH_SRTP_ENGINES && rc == 0; i++)
        for (unsigned way = 0; way < 2; way++) {
            b->times[i][way] = calloc(b->c->rounds, sizeof(double));
            rc = b->times[i][way] && b->ratios ? rc : ERR_NOMEM;
        }
    if (rc != 0)
        return rc;
    rc = bench_srtp_open_engine("libsrtp", b->c, NULL, 0, &b->lanes[BENCH_SRTP_LIBSRTP]);
    b->is_open[BENCH_SRTP_LIBSRTP] = rc == 0;
    if (rc != 0)
        return rc;
    mb = bench_srtp_open_engine("mb", b->c, out->paths, sizeof(out->paths),
                                &b->lanes[BENCH_SRTP_MB]);
    b->is_open[BENCH_SRTP_MB] = mb == 0;
    raw = bench_srtp_open_raw(b->c, &b->lanes[BENCH_SRTP_RAW]);
    b->is_open[BENCH_SRTP_RAW] = raw == 0;
    return mb != 0 ? mb : raw;
}

static void close_bench(struct bench *b)
{
    for (unsigned i = 0; i < BENCH_SRTP_ENGINES; i++) {
        if (b->is_open[i])
            b->lanes[i].close(b->lanes[i].state);
        free(b->times[i][0]);
        free(b->times[i][1]);
    }
    free(b->bursts[0]);
    free(b->bursts[1]);
    free(b->ratios);
    free(b->order);
}

int bench_srtp_run(const struct bench_srtp_case *c, struct bench_srtp_result *out)
{
    struct bench b = {.c = c};
    int opened, rc;

    if (!srtp_profile_find(c->profile) || c->sessions == 0 || c->rounds == 0 || c->bytes < 13 ||
        c->bytes > BENCH_SRTP_SLOT - 64)
        return ERR_INVAL;
    memset(out, 0, sizeof(*out));
    rc = opened = open_bench(&b, out);
    if (opened == 0 || opened == ERR_UNSUPPORTED)
        rc = measure(&b, out);
    close_bench(&b);
    return rc != 0 ? rc : opened;
}

const char *bench_srtp_engine_to_str(enum bench_srtp_engine engine)
{
    static const char *const names[BENCH_SRTP_ENGINES] = {"mb", "libsrtp", "raw"};

    return engine < BENCH_SRTP_ENGINES ? names[engine] : "unknown";
}
