#include "bench/bench_scale.h"

#include "base/err.h"
#include "bench/bench_machine.h"
#include "bench/bench_stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct team {
    const struct bench_pipeline_case *c;
    unsigned workers, rounds;
    pthread_barrier_t barrier;
    pthread_mutex_t lock; /* engines measure the processor when they are made: one at a time */
    atomic_int error;     /* the first */
};

struct member {
    struct team *team;
    unsigned cpu;
    pthread_t thread;
    struct bench_pipeline_lane *lane;
    double *ns; /* by round */
};

static void fail(struct team *team, int rc)
{
    int none = 0;

    if (rc != 0)
        atomic_compare_exchange_strong(&team->error, &none, rc);
}

/* In the thread, so that the memory is that of its core. */
static int open_member(struct member *m)
{
    int rc = bench_machine_pin(m->cpu);

    pthread_mutex_lock(&m->team->lock);
    if (rc == 0)
        rc = bench_pipeline_open(m->team->c, &m->lane);
    pthread_mutex_unlock(&m->team->lock);
    if (rc == 0 && !(m->ns = calloc(m->team->rounds, sizeof(*m->ns))))
        rc = ERR_NOMEM;
    return rc;
}

/* The first pass fills the caches; the others are measured while the others' are. */
static int run_round(struct member *m, unsigned round)
{
    unsigned passes = bench_pipeline_passes(m->lane), count = 0;
    double *batch = calloc((size_t)passes * bench_pipeline_pass_batches(m->lane), sizeof(*batch));
    int rc = batch ? bench_pipeline_prepare(m->lane) : ERR_NOMEM;

    pthread_barrier_wait(&m->team->barrier);
    for (unsigned pass = 0; pass < passes && rc == 0; pass++) {
        rc = bench_pipeline_pass(m->lane, pass, NULL, batch + count);
        if (pass > 0)
            count += bench_pipeline_pass_batches(m->lane);
    }
    if (rc == 0)
        m->ns[round] = bench_median(batch, count);
    free(batch);
    return rc;
}

/* Every member passes every barrier, whatever failed: nobody is left waiting. */
static void *member_main(void *context)
{
    struct member *m = context;
    struct team *team = m->team;
    int rc = open_member(m);

    fail(team, rc);
    for (unsigned round = 0; round < team->rounds; round++) {
        pthread_barrier_wait(&team->barrier);
        if (rc == 0)
            rc = run_round(m, round);
        else
            pthread_barrier_wait(&team->barrier);
        fail(team, rc);
    }
    return NULL;
}

static void conclude(struct member *members, unsigned workers, unsigned rounds,
                     struct bench_scale_row *row)
{
    double ns[BENCH_SCALE_WORKERS_MAX];

    row->workers = workers;
    row->mpps = 0;
    for (unsigned i = 0; i < workers; i++) {
        ns[i] = bench_median(members[i].ns, rounds);
        row->mpps += 1000 / ns[i];
    }
    row->ns_per_packet = bench_median(ns, workers);
}

int bench_scale_run(const struct bench_pipeline_case *c, unsigned workers, unsigned rounds,
                    struct bench_scale_row *row)
{
    struct team team = {.c = c, .workers = workers, .rounds = rounds};
    struct member *members;
    uint16_t cpus[BENCH_CPUS_MAX];
    unsigned started = 0;
    int rc;

    if (workers == 0 || rounds == 0 || workers > BENCH_SCALE_WORKERS_MAX)
        return ERR_INVAL;
    if (workers > bench_machine_cpus(cpus))
        return ERR_RANGE;
    members = calloc(workers, sizeof(*members));
    if (!members)
        return ERR_NOMEM;
    pthread_barrier_init(&team.barrier, NULL, workers);
    pthread_mutex_init(&team.lock, NULL);
    for (; started < workers; started++) {
        members[started] = (struct member){.team = &team, .cpu = cpus[started]};
        /* The others wait for it at a barrier and cannot be told: there is no way back. */
        if (pthread_create(&members[started].thread, NULL, member_main, &members[started]) != 0) {
            fprintf(stderr, "sluice-bench: cannot start a thread\n");
            exit(1);
        }
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(members[i].thread, NULL);
    rc = atomic_load(&team.error);
    if (rc == 0)
        conclude(members, workers, rounds, row);
    for (unsigned i = 0; i < workers; i++) {
        bench_pipeline_close(members[i].lane);
        free(members[i].ns);
    }
    pthread_barrier_destroy(&team.barrier);
    pthread_mutex_destroy(&team.lock);
    free(members);
    return rc;
}

/* ---- the model ---- */

/* With y = w one / mpps(w) - 1 the law is linear: y = sigma (w - 1) + kappa w (w - 1). A negative
 * coefficient is noise; the other one is fitted alone then. */
void bench_scale_fit(const struct bench_scale_row *rows, unsigned n, struct bench_scale_model *m)
{
    double aa = 0, ab = 0, bb = 0, ay = 0, by = 0, det;

    *m = (struct bench_scale_model){.one_mpps = rows[0].mpps / rows[0].workers, .points = n};
    for (unsigned i = 1; i < n; i++) {
        double w = rows[i].workers, a = w - 1, b = w * (w - 1);
        double y = w * m->one_mpps / rows[i].mpps - 1;

        aa += a * a;
        ab += a * b;
        bb += b * b;
        ay += a * y;
        by += b * y;
    }
    if (n < 2)
        return;
    det = aa * bb - ab * ab;
    if (n > 2 && det > 0) {
        m->sigma = (ay * bb - by * ab) / det;
        m->kappa = (by * aa - ay * ab) / det;
    }
    if (n == 2 || m->kappa < 0) {
        m->kappa = 0;
        m->sigma = ay / aa;
    } else if (m->sigma < 0) {
        m->sigma = 0;
        m->kappa = by / bb;
    }
    m->sigma = m->sigma > 0 ? m->sigma : 0;
    m->kappa = m->kappa > 0 ? m->kappa : 0;
}

double bench_scale_predict(const struct bench_scale_model *m, unsigned workers)
{
    double w = workers;

    return w * m->one_mpps / (1 + m->sigma * (w - 1) + m->kappa * w * (w - 1));
}
