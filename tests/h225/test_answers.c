/* Where fast connect's answer and the H.245 address may stand (H.323 8.1.7, 8.2): in any message of
 * the callee up to Connect, also in one that comes again behind a gatekeeper's; and what takes fast
 * connect back. */
#include "base/err.h"
#include "signalling/per/per.h"
#include "tests/h225/leg.h"
#include "tests/suite.h"

#include <string.h>

static struct leg a, b; /* caller, callee */

static void start(void)
{
    leg_init(&a, NULL, 0x1234);
    leg_init(&b, NULL, 0);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
}

static void stop(void)
{
    leg_fini(&a);
    leg_fini(&b);
}

static const uint8_t olc[] = {1, 2, 3};

/* A Progress of the callee's, with an OLC in it or with nothing. */
static int feed_progress(bool has_olc)
{
    static const uint32_t version[] = {0, 0, 8, 2250, 0, 7};
    struct per_octets list = per_octets_of(olc, sizeof(olc));
    struct q931_msg msg = {.type = Q931_PROGRESS, .call_ref = 0x1234, .from_destination = true};
    struct h225_Progress_UUIE u = {.protocolIdentifier = {6, version}};
    struct h225_H323_UserInformation info;

    memset(&info, 0, sizeof(info));
    u.has_fastStart = has_olc;
    u.fastStart.n = 1;
    u.fastStart.v = &list;
    memcpy(u.callIdentifier.guid, b.seen.call_id, H225_GUID_LEN);
    info.h323_uu_pdu.h323_message_body.kind = h225_H323_UU_PDU_h323_message_body_progress;
    info.h323_uu_pdu.h323_message_body.u.progress = &u;
    return leg_feed(&a, &msg, &info);
}

static void answer_in_a_progress_behind_alerting_counts(void)
{
    start();
    CU_ASSERT_EQUAL(h225_call_alerting(b.call, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h225_call_state(a.call), H225_STATE_DELIVERED);
    CU_ASSERT_EQUAL(feed_progress(false), 0);
    CU_ASSERT_EQUAL(a.seen.proceeding, 0); /* it says nothing new */
    CU_ASSERT_EQUAL(feed_progress(true), 0);
    CU_ASSERT_EQUAL(a.seen.proceeding, 1);
    CU_ASSERT_EQUAL(a.seen.fast_start, 1);
    CU_ASSERT_EQUAL(h225_call_state(a.call), H225_STATE_DELIVERED);
    stop();
}

/* T301 waits for the one who is rung, whatever tones a gateway plays meanwhile. */
static void progress_behind_alerting_does_not_prolong_the_wait(void)
{
    uint64_t before;

    start();
    CU_ASSERT_EQUAL(h225_call_alerting(b.call, 0), 0);
    leg_run(&a, &b, 0);
    before = h225_call_next_deadline(a.call);
    a.now = 5000;
    CU_ASSERT_EQUAL(feed_progress(true), 0);
    CU_ASSERT_EQUAL(h225_call_next_deadline(a.call), before);
    stop();
}

static void answer_of_the_callee_behind_a_gatekeepers_counts(void)
{
    struct leg_message first;

    start();
    CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), 0);
    first = b.queue[0]; /* what a gatekeeper says at once; the callee's own comes behind it */
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.proceeding, 1);
    CU_ASSERT_EQUAL(h225_call_input(a.call, first.data, first.len, 0), 0);
    CU_ASSERT_EQUAL(a.seen.proceeding, 1);
    leg_fini(&b);
    leg_init(&b, NULL, 0);
    leg_fini(&a);
    leg_init(&a, NULL, 0x1234);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    h225_call_announce_h245(b.call, &b.listen);
    CU_ASSERT_EQUAL(h225_call_input(a.call, first.data, first.len, 0), 0);
    CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.proceeding, 2);
    CU_ASSERT(addr_is_equal(&a.seen.h245_address, &b.listen));
    stop();
}

static void h245_address_may_come_early(void)
{
    start();
    h225_call_announce_h245(b.call, &b.listen);
    CU_ASSERT_EQUAL(h225_call_alerting(b.call, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.alerting, 1);
    CU_ASSERT(addr_is_equal(&a.seen.h245_address, &b.listen));
    stop();
}

static void fast_start_stands_where_it_is_told_to_and_behind(void)
{
    const struct h225_octets list = {olc, sizeof(olc)};

    for (int early = 0; early < 2; early++) {
        start();
        CU_ASSERT_EQUAL(h225_call_set_fast_start(b.call, &list, 1), 0);
        if (early)
            h225_call_fast_start_from(b.call, Q931_ALERTING);
        CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.fast_start, 0);
        CU_ASSERT_EQUAL(h225_call_alerting(b.call, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.fast_start, early ? 1 : 0);
        CU_ASSERT_EQUAL(h225_call_connect(b.call, &b.listen, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.fast_start, 1);
        stop();
    }
}

/* H.323 8.2.4: H.245 in the tunnel of the Setup overrides its fastStart; beside it in
 * parallelH245Control, which is where our engine puts it, it does not. */
static void tunnelled_h245_in_setup_takes_fast_connect_back(void)
{
    const struct h225_call_config config = {.tunnelling = true};
    const struct h225_octets list = {olc, sizeof(olc)};
    struct h225_H323_UserInformation *info;
    struct h225_outgoing out;
    struct q931_msg msg;

    for (int moved = 0; moved < 2; moved++) {
        leg_init(&a, &config, 0x1234);
        leg_init(&b, &config, 0);
        memset(&out, 0, sizeof(out));
        out.fast_start = &list;
        out.fast_start_count = 1;
        CU_ASSERT_EQUAL(h225_call_send_h245(a.call, olc, sizeof(olc)), 0);
        CU_ASSERT_EQUAL(h225_call_start(a.call, &out, 0), 0);
        info = leg_take(&a, &msg);
        CU_ASSERT_PTR_NOT_NULL_FATAL(info);
        if (moved) {
            struct h225_Setup_UUIE *u = info->h323_uu_pdu.h323_message_body.u.setup;

            CU_ASSERT_TRUE(u->has_parallelH245Control);
            info->h323_uu_pdu.has_h245Control = true;
            info->h323_uu_pdu.h245Control = u->parallelH245Control;
            u->has_parallelH245Control = false;
        }
        CU_ASSERT_EQUAL(leg_feed(&b, &msg, info), 0);
        CU_ASSERT_EQUAL(b.seen.setup, 1);
        CU_ASSERT_EQUAL(b.seen.fast_start, moved ? 0 : 1);
        CU_ASSERT_EQUAL(b.seen.h245, 1); /* either way it is heard */
        stop();
    }
}

SUITE("h225/answers", TEST(answer_in_a_progress_behind_alerting_counts),
      TEST(progress_behind_alerting_does_not_prolong_the_wait),
      TEST(answer_of_the_callee_behind_a_gatekeepers_counts), TEST(h245_address_may_come_early),
      TEST(fast_start_stands_where_it_is_told_to_and_behind),
      TEST(tunnelled_h245_in_setup_takes_fast_connect_back))
