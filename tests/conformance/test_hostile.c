/* H-H245: what a peer's nonsense, floods and silence cost: itself the call, the server a bounded
 * amount of memory, and its neighbour nothing; in both directions and H.245 roles. (Octet by octet:
 * server/tcp.)
 */
#include <malloc.h>
#include <string.h>

#include "signalling/per/per.h"
#include "tests/conformance/calls.h"
#include "tests/suite.h"

static struct world *w;

/* The call beside it. */
static struct peer *neighbour(const struct side *side)
{
    struct peer *p = calls_make(w, side);

    world_keyed(w, p);
    return p;
}

static void check_neighbour(const struct peer *p)
{
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT(p->in_open && p->out_open && !world_port(w, p)->is_closing);
}

static size_t heap(void)
{
    return mallinfo2().uordblks;
}

/* ---- 10,000 channels ---- */

#define CHANNELS 10000
#define OLC_MAX  512

/* A protected OLC of its own number, as octets. */
static size_t encode_olc(struct peer *p, uint16_t lcn, uint8_t *out)
{
    struct h245_channel c = {.lcn = lcn, .session_id = 1, .audio = p->audio[0]};
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_RequestMessage request = {.kind = h245_RequestMessage_openLogicalChannel};
    struct h245_MultimediaSystemControlMessage m = {
        .kind = h245_MultimediaSystemControlMessage_request, .u.request = &request};
    struct arena a;
    size_t len = 0;

    c.media_control = p->media;
    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&a, &c, &olc), 0);
    CU_ASSERT_EQUAL_FATAL(h23510_fill_olc(&p->dtls, &a, olc), 0);
    request.u.openLogicalChannel = olc;
    CU_ASSERT_EQUAL_FATAL(
        per_encode(&h245_MultimediaSystemControlMessage_type, &m, out, OLC_MAX, &len, NULL), 0);
    arena_fini(&a);
    return len;
}

static void ten_thousand_channels_are_a_few(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        struct peer *a, *b;
        size_t before, worst = 0;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        w->tap = NULL; /* what is kept of the wire would be ours, not the server's */
        b = neighbour(&sides[i]);
        a = calls_make(w, &sides[i]);
        a->is_mute = true; /* it asks and does not listen */
        before = heap();
        for (unsigned n = 0; n < CHANNELS; n++) {
            uint8_t olc[OLC_MAX];
            size_t len = encode_olc(a, (uint16_t)(1000 + n), olc);

            session_on_h245(a->session, olc, len, w->now);
            world_run(w);
            if (n % 500 == 0 && heap() > before && heap() - before > worst)
                worst = heap() - before;
        }
        CU_ASSERT(worst < 65536);
        CU_ASSERT(w->port_count <= 2);
        CU_ASSERT(w->env.stats.channels_rejected >= CHANNELS - 24 ||
                  session_state(a->session) != SESSION_ACTIVE);
        check_neighbour(b);
        a->is_mute = false;
        session_close(a->session, SESSION_END_OPERATOR, w->now);
        world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
        calls_end(w);
        PROVES_FOR("H-H245", side_text(&sides[i], "part=channels"));
        PROVES_FOR("H-H245", side_text(&sides[i], "part=flood"));
    }
}

/* ---- nonsense ---- */

static uint32_t dice(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void nonsense_loses_its_own_session_at_most(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        uint64_t seed = i + 1;
        struct peer *a, *b;

        w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
        w->tap = NULL;
        b = neighbour(&sides[i]);
        a = calls_make(w, &sides[i]);
        for (unsigned n = 0; n < 2000; n++) {
            uint8_t octets[OLC_MAX];
            size_t len = 1 + dice(&seed) % 200;

            if (n % 2 == 0) /* an OLC with a few octets changed, or noise from the first */
                len = encode_olc(a, (uint16_t)(2000 + n), octets);
            for (size_t k = 0; k < len; k++)
                if (n % 2 != 0 || dice(&seed) % 16 == 0)
                    octets[k] = (uint8_t)dice(&seed);
            session_on_h245(a->session, octets, len, w->now);
            world_run(w);
        }
        world_pass(w, 60000);
        CU_ASSERT(w->env.stats.h245_undecodable > 100);
        check_neighbour(b);
        if (session_state(a->session) != SESSION_CLOSED) {
            session_close(a->session, SESSION_END_OPERATOR, w->now);
            world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
        }
        calls_end(w);
        PROVES_FOR("H-H245", side_text(&sides[i], "part=nonsense"));
    }
}

/* ---- silence ---- */

/* Who stops answering at any step of a call is given up in time, with everything it held. */
static void silence_at_any_step_ends_in_time(void)
{
    for (size_t i = 0; i < SIDES; i++) {
        for (unsigned step = 0; step < 4; step++) {
            struct peer *a, *b;

            w = calls_begin(&sides[i], SETTINGS_DTLS_REQUIRED);
            b = neighbour(&sides[i]);
            a = calls_peer(w, &sides[i]);
            a->opens = step >= 2;
            if (step == 0 && sides[i].is_out)
                a->answers = CALLEE_IS_SILENT;
            if (step == 0) {
                calls_try(w, &sides[i], a);
            } else {
                calls_start(w, &sides[i], a);
                if (step == 3)
                    world_keyed(w, a);
            }
            a->is_mute = true;
            if (step == 0 && !sides[i].is_out) /* a whole call that says nothing more */
                CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
            world_pass(w, 400000);
            CU_ASSERT_EQUAL(session_state(a->session), SESSION_CLOSED);
            CU_ASSERT(world_port(w, a) == NULL || world_port(w, a)->is_closed);
            check_neighbour(b);
            calls_end(w);
        }
        PROVES_FOR("H-H245", side_text(&sides[i], "part=silence"));
    }
}

SUITE("conformance/hostile", TEST(ten_thousand_channels_are_a_few),
      TEST(nonsense_loses_its_own_session_at_most), TEST(silence_at_any_step_ends_in_time))
