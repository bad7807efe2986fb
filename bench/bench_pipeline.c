#include "bench/bench_pipeline.h"

#include "base/err.h"
#include "bench/bench_stats.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    size_t n;
    unsigned rounds;
    struct bench_pipeline_lane *lane[BENCH_PIPELINE_CASES_MAX];
    double *ns[BENCH_PIPELINE_CASES_MAX];                    /* [round] */
    double *stages[BENCH_PIPELINE_CASES_MAX][WORKER_STAGES]; /* [round] */
    double *batches;
    double tick_ns;
};

/* The first pass fills the caches as the others leave them, the last one times the stages. */
static int turn(struct bench *b, size_t i, unsigned round)
{
    struct bench_pipeline_lane *lane = b->lane[i];
    unsigned passes = bench_pipeline_passes(lane), count = 0;
    struct worker_watch watch = {.now = bench_ticks};
    int rc = bench_pipeline_prepare(lane);

    for (unsigned pass = 0; pass < passes && rc == 0; pass++) {
        bool is_last = pass == passes - 1;

        rc = bench_pipeline_pass(lane, pass, is_last ? &watch : NULL, b->batches + count);
        if (pass != 0 && !is_last)
            count += bench_pipeline_pass_batches(lane);
    }
    if (rc != 0)
        return rc;
    b->ns[i][round] = bench_median(b->batches, count);
    for (unsigned s = 0; s < WORKER_STAGES; s++)
        b->stages[i][s][round] =
            (double)watch.spent[s] * b->tick_ns / bench_pipeline_pass_packets(lane);
    return 0;
}

static int open_bench(struct bench *b, const struct bench_pipeline_case *cases)
{
    size_t batches = 0;
    int rc = 0;

    for (size_t i = 0; i < b->n && rc == 0; i++) {
        size_t need;

        rc = bench_pipeline_open(&cases[i], &b->lane[i]);
        if (rc != 0)
            break;
        need = (size_t)bench_pipeline_pass_batches(b->lane[i]) * bench_pipeline_passes(b->lane[i]);
        batches = need > batches ? need : batches;
        b->ns[i] = calloc(b->rounds, sizeof(double));
        rc = b->ns[i] ? 0 : ERR_NOMEM;
        for (unsigned s = 0; s < WORKER_STAGES; s++) {
            b->stages[i][s] = calloc(b->rounds, sizeof(double));
            rc = b->stages[i][s] ? rc : ERR_NOMEM;
        }
    }
    b->batches = calloc(batches + 1, sizeof(double));
    b->tick_ns = bench_tick_ns();
    return b->batches || rc != 0 ? rc : ERR_NOMEM;
}

static void close_bench(struct bench *b)
{
    for (size_t i = 0; i < b->n; i++) {
        bench_pipeline_close(b->lane[i]);
        free(b->ns[i]);
        for (unsigned s = 0; s < WORKER_STAGES; s++)
            free(b->stages[i][s]);
    }
    free(b->batches);
}

static void conclude(struct bench *b, struct bench_pipeline_result *results)
{
    for (size_t i = 0; i < b->n; i++) {
        struct bench_pipeline_result *r = &results[i];

        r->ns_per_packet = bench_median(b->ns[i], b->rounds);
        r->without_crypto_ns = 0;
        for (unsigned s = 0; s < WORKER_STAGES; s++) {
            r->stages[s] = bench_median(b->stages[i][s], b->rounds);
            if (s != WORKER_UNPROTECT && s != WORKER_PROTECT)
                r->without_crypto_ns += r->stages[s];
        }
    }
}

int bench_pipeline_run(const struct bench_pipeline_case *cases, size_t n, unsigned rounds,
                       struct bench_pipeline_result *results)
{
    struct bench b = {.n = n, .rounds = rounds};
    int rc;

    if (n == 0 || n > BENCH_PIPELINE_CASES_MAX || rounds == 0)
        return ERR_INVAL;
    rc = open_bench(&b, cases);
    for (unsigned r = 0; r < rounds && rc == 0; r++)
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = turn(&b, (i + r) % n, r);
    if (rc == 0)
        conclude(&b, results);
    close_bench(&b);
    return rc;
}

const char *bench_pipeline_path_to_str(enum bench_pipeline_path path)
{
    static const char *const names[] = {
#define BENCH_PIPELINE_PATH_TEXT(name, text) text,
        BENCH_PIPELINE_PATH_LIST(BENCH_PIPELINE_PATH_TEXT)
#undef BENCH_PIPELINE_PATH_TEXT
    };

    return path < BENCH_PIPELINE_PATHS ? names[path] : "unknown";
}

const char *bench_pipeline_stage_to_str(enum worker_stage stage)
{
    static const char *const names[] = {
#define WORKER_STAGE_TEXT(name, text) text,
        WORKER_STAGE_LIST(WORKER_STAGE_TEXT)
#undef WORKER_STAGE_TEXT
    };

    return stage < WORKER_STAGES ? names[stage] : "unknown";
}
