/* The generator counts what it should: over a wire that stands for a server, honest or not. */
#include "base/err.h"
#include "bench/bench_load.h"
#include "bench/bench_relay.h"
#include "bench/bench_scale.h"
#include "crypto/srtp.h"
#include "dpdk-app/wire.h"
#include "tests/suite.h"

#include <stdlib.h>

#define LEGS    4u
#define BYTES   60u
#define WAITING 4096u
#define HEADERS 42u

/* A server of plain RTP in one function: what leg i sends comes out at its peer. */
struct mirror {
    struct bench_wire wire;
    uint8_t frame[WAITING][BENCH_FRAME_MAX];
    uint32_t length[WAITING];
    unsigned head, tail;
    unsigned lose_each, spoil_each, room; /* 0: never; room 0: all there is */
    uint16_t shift;                       /* added to sequence numbers, as a relay may do */
    unsigned seen;
};

static unsigned mirror_send(struct bench_wire *wire, const struct bench_frame *frames, unsigned n)
{
    struct mirror *m = (struct mirror *)(void *)wire;
    unsigned taken = m->room != 0 && n > m->room ? m->room : n;

    for (unsigned i = 0; i < taken; i++) {
        uint8_t *out = m->frame[m->head % WAITING];
        uint8_t *port = out + ETH_SIZE + IP4_SIZE + 2;

        m->seen++;
        if (m->lose_each != 0 && m->seen % m->lose_each == 0)
            continue;
        memcpy(out, frames[i].bytes, frames[i].length);
        wire_put16(port, (wire_get16(port) - 1000u) ^ 1u);
        wire_put16(out + HEADERS + 2, (uint16_t)(wire_get16(out + HEADERS + 2) + m->shift));
        if (m->spoil_each != 0 && m->seen % m->spoil_each == 0)
            out[HEADERS + 30] ^= 1;
        m->length[m->head++ % WAITING] = frames[i].length;
    }
    return taken;
}

static unsigned mirror_receive(struct bench_wire *wire, struct bench_frame *frames, unsigned n)
{
    struct mirror *m = (struct mirror *)(void *)wire;
    unsigned got = 0;

    for (; got < n && m->tail != m->head; got++, m->tail++)
        frames[got] =
            (struct bench_frame){m->frame[m->tail % WAITING], m->length[m->tail % WAITING]};
    return got;
}

static struct mirror *mirror;
static struct bench_load *load;

/* Leg i: near port 2000 + i, far port 3000 + i. */
static void open_load(void)
{
    struct bench_leg legs[LEGS];
    struct bench_load_config config = {
        .legs = legs, .count = LEGS, .bytes = BYTES, .engine = "libsrtp", .memory_bytes = 4u << 20};

    memset(legs, 0, sizeof(legs));
    for (uint32_t i = 0; i < LEGS; i++) {
        legs[i].near = (struct link_addr){4, 0, (uint16_t)(2000 + i), {198, 18, 1, 1}};
        legs[i].far = (struct link_addr){4, 0, (uint16_t)(3000 + i), {198, 18, 0, 2}};
        legs[i].ssrc = 100 + i;
        legs[i].peer = i ^ 1;
        legs[i].sends = true;
    }
    mirror = calloc(1, sizeof(*mirror));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mirror);
    mirror->wire = (struct bench_wire){mirror_send, mirror_receive, NULL};
    config.wire = &mirror->wire;
    CU_ASSERT_EQUAL_FATAL(bench_load_create(&config, &load), 0);
}

static void close_load(void)
{
    bench_load_destroy(load);
    free(mirror);
}

static void warm_up(void)
{
    uint32_t silent = 99;

    CU_ASSERT_EQUAL(bench_load_warm_up(load, 100000, &silent), 0);
    CU_ASSERT_EQUAL(silent, 0);
}

static void honest_server_loses_nothing_and_is_verified(void)
{
    struct bench_trial trial = {.pps = 20000, .seconds = 0.05};
    struct bench_trial_result *r = calloc(1, sizeof(*r));
    struct bench_verdict verdict = {0, 0};

    open_load();
    mirror->shift = 60000; /* wraps: a translated sequence number is learnt */
    warm_up();
    CU_ASSERT_EQUAL(bench_load_trial(load, &trial, r), 0);
    CU_ASSERT_TRUE(r->offered > 0);
    CU_ASSERT_EQUAL(r->received, r->offered);
    CU_ASSERT_EQUAL(r->loss, 0);
    CU_ASSERT_EQUAL(r->refused, 0);
    CU_ASSERT_TRUE(r->delay.samples > 0);
    CU_ASSERT_EQUAL(bench_load_verify(load, &verdict), 0);
    CU_ASSERT_TRUE(verdict.checked > 0);
    CU_ASSERT_EQUAL(verdict.wrong, 0);
    free(r);
    close_load();
}

static void losses_and_refusals_are_counted(void)
{
    struct bench_trial trial = {.pps = 100000, .seconds = 0.05};
    struct bench_trial_result *r = calloc(1, sizeof(*r));

    open_load();
    warm_up();
    mirror->lose_each = 10;
    CU_ASSERT_EQUAL(bench_load_trial(load, &trial, r), 0);
    CU_ASSERT_DOUBLE_EQUAL(r->loss, 0.1, 0.01);
    CU_ASSERT_EQUAL(r->refused, 0);
    mirror->lose_each = 0;
    mirror->room = 1;
    trial = (struct bench_trial){.pps = 50e6, .seconds = 0.01};
    CU_ASSERT_EQUAL(bench_load_trial(load, &trial, r), 0);
    CU_ASSERT_TRUE(r->refused > 0);
    CU_ASSERT_EQUAL(r->received, r->offered - r->refused);
    CU_ASSERT_TRUE(r->loss > 0.5);
    free(r);
    close_load();
}

static void wrong_payload_is_found(void)
{
    struct bench_trial trial = {.pps = 50000, .seconds = 0.05};
    struct bench_trial_result *r = calloc(1, sizeof(*r));
    struct bench_verdict verdict = {0, 0};

    open_load();
    warm_up();
    mirror->spoil_each = 1;
    CU_ASSERT_EQUAL(bench_load_trial(load, &trial, r), 0);
    CU_ASSERT_EQUAL(bench_load_verify(load, &verdict), 0);
    CU_ASSERT_TRUE(verdict.checked > 0);
    CU_ASSERT_EQUAL(verdict.wrong, verdict.checked);
    free(r);
    close_load();
}

static void deaf_server_is_told(void)
{
    uint32_t silent = 0;

    open_load();
    mirror->lose_each = 1;
    CU_ASSERT_EQUAL(bench_load_warm_up(load, 100000, &silent), ERR_TIMEOUT);
    CU_ASSERT_EQUAL(silent, LEGS);
    close_load();
}

static void timeline_shows_when_it_was_lost(void)
{
    struct bench_trial trial = {
        .pps = 100000, .seconds = 0.02, .after_pps = 50000, .after_seconds = 0.02};
    struct bench_trial_result *r = calloc(1, sizeof(*r));
    struct bench_timeline *t = calloc(1, sizeof(*t));
    uint64_t offered = 0, received = 0;

    open_load();
    warm_up();
    trial.timeline = t;
    mirror->lose_each = 4;
    CU_ASSERT_EQUAL(bench_load_trial(load, &trial, r), 0);
    for (unsigned i = 0; i < BENCH_LOAD_TIMELINE_MS; i++) {
        offered += t->offered[i];
        received += t->received[i];
    }
    CU_ASSERT_EQUAL(offered, r->offered);
    CU_ASSERT_EQUAL(received, r->received);
    CU_ASSERT_TRUE(r->after_ms >= 20);
    free(t);
    free(r);
    close_load();
}

static void recovery_is_when_a_calm_begins(void)
{
    struct bench_timeline *t = calloc(1, sizeof(*t));

    for (unsigned i = 0; i < 400; i++)
        t->offered[i] = t->received[i] = 10;
    CU_ASSERT_EQUAL(bench_relay_recovery(t, 100, 400), 0);
    t->received[130] = 9;
    CU_ASSERT_EQUAL(bench_relay_recovery(t, 100, 400), 31);
    t->received[250] = 9; /* a calm of 119 ms lies before it */
    CU_ASSERT_EQUAL(bench_relay_recovery(t, 100, 400), 31);
    t->received[200] = 9;
    CU_ASSERT_EQUAL(bench_relay_recovery(t, 100, 400), 151);
    t->received[320] = 9;
    CU_ASSERT_EQUAL(bench_relay_recovery(t, 100, 350), -1);
    free(t);
}

static void percentiles_are_right_to_two_percent(void)
{
    struct bench_histogram *h = calloc(1, sizeof(*h));

    CU_ASSERT_EQUAL(bench_histogram_us(h, 0.5), 0);
    for (uint32_t ns = 1; ns <= 1000000; ns++)
        bench_histogram_add(h, ns);
    CU_ASSERT_EQUAL(h->samples, 1000000);
    CU_ASSERT_DOUBLE_EQUAL(bench_histogram_us(h, 0.5), 500, 10);
    CU_ASSERT_DOUBLE_EQUAL(bench_histogram_us(h, 0.99), 990, 20);
    CU_ASSERT_DOUBLE_EQUAL(bench_histogram_us(h, 0.00002), 0.02, 0.001);
    bench_histogram_add(h, UINT32_MAX);
    CU_ASSERT_TRUE(bench_histogram_us(h, 1) > 4e6);
    free(h);
}

static void model_finds_the_law_it_was_made_from(void)
{
    struct bench_scale_model law = {2, 0.03, 0.001, 4}, found;
    struct bench_scale_row rows[4];

    for (unsigned i = 0; i < 4; i++) {
        rows[i].workers = i + 1;
        rows[i].mpps = bench_scale_predict(&law, i + 1);
    }
    bench_scale_fit(rows, 4, &found);
    CU_ASSERT_DOUBLE_EQUAL(found.sigma, 0.03, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(found.kappa, 0.001, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(bench_scale_predict(&found, 16), bench_scale_predict(&law, 16), 1e-6);
    bench_scale_fit(rows, 2, &found); /* one unknown, one equation */
    CU_ASSERT_EQUAL(found.kappa, 0);
    CU_ASSERT_TRUE(found.sigma > 0.03);
    CU_ASSERT_DOUBLE_EQUAL(bench_scale_predict(&found, 2), rows[1].mpps, 1e-6);
    rows[1].mpps = 5; /* better than perfect is noise */
    bench_scale_fit(rows, 2, &found);
    CU_ASSERT_EQUAL(found.sigma, 0);
    bench_scale_fit(rows, 1, &found);
    CU_ASSERT_DOUBLE_EQUAL(bench_scale_predict(&found, 8), 16, 1e-6);
}

SUITE("bench/load", TEST(honest_server_loses_nothing_and_is_verified),
      TEST(losses_and_refusals_are_counted), TEST(wrong_payload_is_found),
      TEST(deaf_server_is_told), TEST(timeline_shows_when_it_was_lost),
      TEST(recovery_is_when_a_calm_begins), TEST(percentiles_are_right_to_two_percent),
      TEST(model_finds_the_law_it_was_made_from))
