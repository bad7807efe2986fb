/* H.225.0 calls between two engines, their timers, and messages that nobody expects. */
#include "base/err.h"
#include "signalling/h225/summary.h"
#include "signalling/per/per.h"
#include "tests/h225/leg.h"
#include "tests/suite.h"

static struct leg a, b; /* caller, callee */

static void start(const struct h225_call_config *ca, const struct h225_call_config *cb)
{
    leg_init(&a, ca, 0x1234);
    leg_init(&b, cb, 0);
}

static void stop(void)
{
    leg_fini(&a);
    leg_fini(&b);
}

static void connect_both(void)
{
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, a.now);
    CU_ASSERT_EQUAL(h225_call_connect(b.call, &b.listen, b.now), 0);
    leg_run(&a, &b, a.now);
}

static void call_runs_from_setup_to_release(void)
{
    start(NULL, NULL);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    CU_ASSERT_EQUAL(h225_call_state(a.call), H225_STATE_INITIATED);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.setup, 1);
    CU_ASSERT_EQUAL(h225_call_ref(b.call), 0x1234);
    CU_ASSERT_EQUAL(b.seen.version, 7);
    CU_ASSERT_EQUAL(b.seen.destinations, 2); /* the Called party number says the same digits */
    CU_ASSERT_STRING_EQUAL(b.seen.destination[0], "demo");
    CU_ASSERT_STRING_EQUAL(b.seen.destination[1], "4711");
    CU_ASSERT_EQUAL(b.seen.kind[1], H225_ALIAS_DIGITS);
    CU_ASSERT_STRING_EQUAL(b.seen.source, "J\xc3\xb6rg \xf0\x9f\x8e\xa4");
    CU_ASSERT_STRING_EQUAL(b.seen.display, "Test");
    CU_ASSERT_STRING_EQUAL(b.seen.product, "Leg");
    CU_ASSERT_EQUAL(b.seen.call_id[15], 16);
    CU_ASSERT_FALSE(b.seen.tunnelling);
    CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), 0);
    CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), ERR_STATE);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.proceeding, 1);
    CU_ASSERT_EQUAL(h225_call_alerting(b.call, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.alerting, 1);
    CU_ASSERT_EQUAL(h225_call_connect(b.call, &b.listen, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.connect, 1);
    CU_ASSERT_TRUE(addr_is_equal(&a.seen.h245_address, &b.listen));
    CU_ASSERT_EQUAL(memcmp(a.seen.conference_id, b.seen.conference_id, H225_GUID_LEN), 0);
    CU_ASSERT_EQUAL(h225_call_next_deadline(a.call), H225_NEVER);
    CU_ASSERT_EQUAL(h225_call_next_deadline(b.call), H225_NEVER);
    CU_ASSERT_EQUAL(h225_call_release(a.call, H225_REASON_NORMAL, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.released, 1);
    CU_ASSERT_FALSE(a.seen.release.by_peer);
    CU_ASSERT_EQUAL(b.seen.released, 1);
    CU_ASSERT_TRUE(b.seen.release.by_peer);
    CU_ASSERT_EQUAL(b.seen.release.cause, Q931_CAUSE_NORMAL);
    CU_ASSERT_EQUAL(b.seen.release.reason, H225_REASON_NORMAL);
    CU_ASSERT_EQUAL(h225_call_stats(b.call)->unexpected + h225_call_stats(a.call)->unexpected, 0);
    stop();
}

static void ip6_h245_address_survives(void)
{
    start(NULL, NULL);
    CU_ASSERT_EQUAL(addr_parse("[2001:db8::9]:30001", &b.listen), 0);
    connect_both();
    CU_ASSERT_TRUE(addr_is_equal(&a.seen.h245_address, &b.listen));
    stop();
}

static void every_reason_reaches_the_peer(void)
{
    for (unsigned reason = 0; reason < H225_REASON_COUNT; reason++) {
        start(NULL, NULL);
        CU_ASSERT_EQUAL(leg_dial(&a), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(h225_call_release(b.call, (enum h225_reason)reason, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.released, 1);
        CU_ASSERT_EQUAL(a.seen.release.cause, h225_reason_to_cause((enum h225_reason)reason));
        if (reason < H225_REASON_REPLACED) /* the rest tell nothing but their causes */
            CU_ASSERT_EQUAL(a.seen.release.reason, reason);
        CU_ASSERT_STRING_NOT_EQUAL(h225_reason_to_str((enum h225_reason)reason), "unknown");
        stop();
    }
    start(NULL, NULL);
    CU_ASSERT_EQUAL(h225_call_release(a.call, H225_REASON_COUNT, 0), ERR_INVAL);
    stop();
}

static void release_waits_for_the_peers_when_told_to(void)
{
    struct h225_call_config config = {.release_timeout_ms = 2000};

    start(&config, NULL);
    connect_both();
    CU_ASSERT_EQUAL(h225_call_release(a.call, H225_REASON_NORMAL, 10), 0);
    CU_ASSERT_EQUAL(a.seen.released, 0);
    CU_ASSERT_EQUAL(h225_call_state(a.call), H225_STATE_RELEASING);
    CU_ASSERT_EQUAL(h225_call_release(a.call, H225_REASON_NORMAL, 10), ERR_STATE);
    CU_ASSERT_EQUAL(h225_call_next_deadline(a.call), 2010);
    h225_call_on_timer(a.call, 2009);
    CU_ASSERT_EQUAL(a.seen.released, 0);
    h225_call_on_timer(a.call, 2010);
    CU_ASSERT_EQUAL(a.seen.released, 1);
    stop();
}

struct timer_case {
    int stage; /* 0 Setup sent, 1 CallProceeding heard, 2 Alerting heard */
    uint64_t expiry;
    enum h225_reason reason;
};

static void caller_gives_up_at_each_stage(void)
{
    static const struct timer_case cases[] = {{0, 100, H225_REASON_TIMEOUT},
                                              {1, 200, H225_REASON_TIMEOUT},
                                              {2, 300, H225_REASON_NO_ANSWER}};
    struct h225_call_config config = {
        .setup_timeout_ms = 100, .proceeding_timeout_ms = 200, .alerting_timeout_ms = 300};

    for (size_t i = 0; i < 3; i++) {
        start(&config, NULL);
        CU_ASSERT_EQUAL(leg_dial(&a), 0);
        leg_run(&a, &b, 0);
        if (cases[i].stage >= 1)
            CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), 0);
        if (cases[i].stage >= 2)
            CU_ASSERT_EQUAL(h225_call_alerting(b.call, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(h225_call_next_deadline(a.call), cases[i].expiry);
        h225_call_on_timer(a.call, cases[i].expiry - 1);
        CU_ASSERT_EQUAL(a.seen.released, 0);
        h225_call_on_timer(a.call, cases[i].expiry);
        CU_ASSERT_EQUAL(a.seen.released, 1);
        CU_ASSERT_EQUAL(a.seen.release.reason, cases[i].reason);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(b.seen.released, 1);
        stop();
    }
}

static void callee_that_never_answers_is_released(void)
{
    struct h225_call_config config = {.answer_timeout_ms = 500};

    start(NULL, &config);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    h225_call_on_timer(b.call, 500);
    leg_run(&a, &b, 500);
    CU_ASSERT_EQUAL(b.seen.released, 1);
    CU_ASSERT_EQUAL(a.seen.release.reason, H225_REASON_NO_ANSWER);
    CU_ASSERT_EQUAL(a.seen.release.cause, Q931_CAUSE_NO_ANSWER);
    stop();
}

static void lost_connection_releases_once(void)
{
    start(NULL, NULL);
    connect_both();
    h225_call_lost(a.call, 5);
    h225_call_lost(a.call, 6);
    CU_ASSERT_EQUAL(a.seen.released, 1);
    CU_ASSERT_EQUAL(a.queue_len, 0);
    CU_ASSERT_STRING_EQUAL(a.seen.release.text, "connection lost");
    stop();
}

static void keypad_and_start_h245_arrive(void)
{
    struct addr listen = addr_from_ip4((const uint8_t[]){192, 0, 2, 3}, 40000);

    start(NULL, NULL);
    connect_both();
    CU_ASSERT_EQUAL(h225_call_send_keypad(a.call, "15#", 0), 0);
    CU_ASSERT_EQUAL(h225_call_send_keypad(a.call, "", 0), ERR_RANGE);
    CU_ASSERT_EQUAL(h225_call_start_h245(a.call, &listen, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_STRING_EQUAL(b.seen.digits, "15#");
    CU_ASSERT_EQUAL(b.seen.start_h245, 1);
    CU_ASSERT_TRUE(addr_is_equal(&b.seen.h245_address, &listen));
    stop();
}

static void fast_start_is_shown_and_refusal_is_told(void)
{
    static const uint8_t olc[] = {0x00, 0x01, 0x02};
    struct h225_octets offers[] = {{olc, 3}, {olc, 2}};
    struct h225_call_config refusing = {.refuse_fast_connect = true};
    struct h225_outgoing o = {.fast_start = offers, .fast_start_count = 2};

    start(NULL, &refusing);
    CU_ASSERT_EQUAL(h225_call_start(a.call, &o, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.fast_start, 2);
    CU_ASSERT_EQUAL(h225_call_proceeding(b.call, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_TRUE(a.seen.fast_connect_refused);
    stop();
}

/* ---- tunnelling ---- */

static const struct h225_call_config tunnel = {.tunnelling = true};
static const uint8_t pdu_one[] = {1, 2, 3};
static const uint8_t pdu_two[] = {4, 5};

static void tunnel_carries_both_ways_once_agreed(void)
{
    struct h225_H323_UserInformation *info;

    start(&tunnel, &tunnel);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_one, 3), 0);
    CU_ASSERT_EQUAL(a.queue_len, 1); /* nobody knows yet that the peer takes it */
    leg_run(&a, &b, 0);
    CU_ASSERT_TRUE(h225_call_is_tunnelling(b.call));
    CU_ASSERT_EQUAL(h225_call_send_h245(b.call, pdu_one, 3), 0);
    CU_ASSERT_EQUAL(h225_call_send_h245(b.call, pdu_two, 2), 0);
    CU_ASSERT_EQUAL(b.queue_len, 0); /* they ride in the answer */
    CU_ASSERT_EQUAL(h225_call_connect(b.call, NULL, 0), 0);
    CU_ASSERT_EQUAL(b.queue_len, 1);
    leg_run(&a, &b, 0);
    CU_ASSERT_TRUE(a.seen.tunnelling);
    CU_ASSERT_EQUAL(a.seen.h245, 2);
    CU_ASSERT_EQUAL(a.seen.pdu_len, 2);
    CU_ASSERT_EQUAL(b.seen.h245, 1);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_two, 2), 0);
    info = leg_take(&a, NULL);
    CU_ASSERT_EQUAL(info->h323_uu_pdu.h323_message_body.kind,
                    h225_H323_UU_PDU_h323_message_body_empty);
    CU_ASSERT_EQUAL(info->h323_uu_pdu.h245Control.n, 1);
    stop();
}

static void tunnel_h245_in_setup_is_delivered(void)
{
    start(&tunnel, &tunnel);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_one, 3), 0);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.h245, 1);
    CU_ASSERT_EQUAL(b.seen.setup, 1);
    stop();
}

static void tunnel_parallel_h245_is_delivered(void)
{
    struct h225_octets offers[] = {{pdu_one, 3}};
    struct h225_outgoing o = {.fast_start = offers, .fast_start_count = 1};

    start(&tunnel, &tunnel);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_two, 2), 0);
    CU_ASSERT_EQUAL(h225_call_start(a.call, &o, 0), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.h245, 1);
    CU_ASSERT_EQUAL(b.seen.fast_start, 1);
    stop();
}

/* Only a response of H.245 shows that the callee reads parallelH245Control. */
static void tunnel_parallel_h245_is_sent_again_unless_answered(void)
{
    static const uint8_t response[] = {0x21, 0x80}, request[] = {0x01, 0x00};
    struct h225_octets offers[] = {{pdu_one, 3}};
    struct h225_outgoing o = {.fast_start = offers, .fast_start_count = 1};

    for (int answers = 0; answers < 2; answers++) {
        start(&tunnel, &tunnel);
        CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_two, 2), 0);
        CU_ASSERT_EQUAL(h225_call_start(a.call, &o, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(b.seen.h245, 1);
        CU_ASSERT_EQUAL(h225_call_send_h245(b.call, answers ? response : request, 2), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(h225_call_connect(b.call, NULL, 0), 0);
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.h245, 1);
        CU_ASSERT_EQUAL(b.seen.h245, answers ? 1 : 2);
        CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_two, 2),
                        0); /* what comes later goes out once */
        leg_run(&a, &b, 0);
        CU_ASSERT_EQUAL(b.seen.h245, answers ? 2 : 3);
        stop();
    }
}

static void tunnel_one_side_alone_falls_back(void)
{
    start(&tunnel, NULL);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_one, 3), 0);
    connect_both();
    CU_ASSERT_FALSE(a.seen.tunnelling);
    CU_ASSERT_FALSE(h225_call_is_tunnelling(a.call));
    CU_ASSERT_EQUAL(b.seen.h245, 0);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_one, 3), ERR_STATE);
    CU_ASSERT_EQUAL(h225_call_stats(b.call)->tunnel_refused, 1);
    stop();
    start(NULL, &tunnel);
    connect_both();
    CU_ASSERT_FALSE(h225_call_is_tunnelling(b.call));
    stop();
}

static void tunnel_queue_is_bounded_and_held(void)
{
    struct h225_call_config small = {.tunnelling = true, .tunnel_queue_max = 2};

    start(&small, &tunnel);
    connect_both();
    h225_call_hold_h245(a.call, true);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_one, 3), 0);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_two, 2), 0);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_two, 2), ERR_LIMIT);
    CU_ASSERT_EQUAL(a.queue_len, 0);
    CU_ASSERT_EQUAL(h225_call_release(a.call, H225_REASON_NORMAL, 0), 0); /* endSession rides */
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.h245, 2);
    CU_ASSERT_EQUAL(b.seen.released, 1);
    stop();
}

/* ---- rudeness ---- */

static void unreadable_setup_is_released(void)
{
    struct q931_msg msg = {.type = Q931_SETUP, .call_ref = 5};
    struct q931_msg answer;

    start(NULL, NULL);
    CU_ASSERT_EQUAL(leg_feed(&b, &msg, NULL), 0); /* no User-user element */
    CU_ASSERT_EQUAL(b.seen.released, 1);
    CU_ASSERT_EQUAL(b.seen.setup, 0);
    leg_take(&b, &answer);
    CU_ASSERT_EQUAL(answer.type, Q931_RELEASE_COMPLETE);
    CU_ASSERT_EQUAL(q931_cause_of(&answer), Q931_CAUSE_PROTOCOL_ERROR);
    CU_ASSERT_TRUE(answer.from_destination);
    stop();

    start(NULL, NULL);
    msg.user_user = (struct q931_bytes){(const uint8_t *)"\xff\xff", 2};
    CU_ASSERT_NOT_EQUAL(leg_feed(&b, &msg, NULL), 0);
    CU_ASSERT_EQUAL(b.seen.released, 1);
    stop();
}

static void setup_cut_at_every_octet_never_connects(void)
{
    struct leg_message setup;

    start(NULL, NULL);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    setup = a.queue[0];
    stop();
    for (size_t len = 0; len < setup.len; len++) {
        leg_init(&b, NULL, 0);
        h225_call_input(b.call, setup.data, len, 0);
        CU_ASSERT_EQUAL(b.seen.setup, 0);
        leg_fini(&b);
    }
}

static void strange_messages_are_answered_with_status(void)
{
    struct q931_msg unknown = {.type = 0x33, .call_ref = 0x1234};
    struct q931_msg early = {.type = Q931_CONNECT, .call_ref = 0x1234};
    struct q931_msg status = {.type = Q931_STATUS, .call_ref = 0x1234};
    struct q931_msg broken = {.type = Q931_FACILITY, .call_ref = 0x1234};
    struct q931_msg other = {.type = Q931_FACILITY, .call_ref = 0x4321};
    struct q931_msg answer;

    start(NULL, NULL);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(leg_feed(&b, &unknown, NULL), ERR_UNSUPPORTED);
    leg_take(&b, &answer);
    CU_ASSERT_EQUAL(answer.type, Q931_STATUS);
    CU_ASSERT_EQUAL(q931_cause_of(&answer), Q931_CAUSE_TYPE_UNKNOWN);
    CU_ASSERT_EQUAL(answer.call_state.data[0], 6);
    CU_ASSERT_EQUAL(leg_feed(&b, &early, NULL), ERR_STATE); /* a callee gets no Connect */
    leg_take(&b, &answer);
    CU_ASSERT_EQUAL(q931_cause_of(&answer), Q931_CAUSE_WRONG_STATE);
    broken.user_user = (struct q931_bytes){(const uint8_t *)"\x7f", 1};
    CU_ASSERT_NOT_EQUAL(leg_feed(&b, &broken, NULL), 0);
    leg_take(&b, &answer);
    CU_ASSERT_EQUAL(q931_cause_of(&answer), Q931_CAUSE_INVALID_CONTENTS);
    CU_ASSERT_EQUAL(leg_feed(&b, &other, NULL), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(leg_feed(&b, &status, NULL), 0); /* never answered: no ping-pong */
    CU_ASSERT_EQUAL(b.queue_len, 0);
    CU_ASSERT_EQUAL(h225_call_state(b.call), H225_STATE_PRESENT);
    stop();
}

static void status_of_null_state_releases(void)
{
    struct q931_msg status = {
        .type = Q931_STATUS, .call_ref = 0x1234, .call_state = {(const uint8_t *)"\0", 1}};

    start(NULL, NULL);
    connect_both();
    CU_ASSERT_EQUAL(leg_feed(&b, &status, NULL), 0);
    CU_ASSERT_EQUAL(b.seen.released, 1);
    stop();
}

static void status_inquiry_tells_our_state(void)
{
    struct q931_msg inquiry = {.type = Q931_STATUS_INQUIRY, .call_ref = 0x1234};
    struct q931_msg answer;

    start(NULL, NULL);
    connect_both();
    CU_ASSERT_EQUAL(leg_feed(&b, &inquiry, NULL), 0);
    leg_take(&b, &answer);
    CU_ASSERT_EQUAL(answer.type, Q931_STATUS);
    CU_ASSERT_EQUAL(q931_cause_of(&answer), Q931_CAUSE_STATUS_RESPONSE);
    CU_ASSERT_EQUAL(answer.call_state.data[0], 10);
    stop();
}

static void connect_without_contents_is_a_protocol_error(void)
{
    struct q931_msg connect = {.type = Q931_CONNECT, .call_ref = 0x1234, .from_destination = true};

    start(NULL, NULL);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    CU_ASSERT_EQUAL(leg_feed(&a, &connect, NULL), 0);
    CU_ASSERT_EQUAL(a.seen.connect, 0);
    CU_ASSERT_EQUAL(a.seen.released, 1);
    CU_ASSERT_EQUAL(a.seen.release.reason, H225_REASON_PROTOCOL_ERROR);
    stop();
}

static void release_with_broken_contents_still_releases(void)
{
    struct q931_msg release = {.type = Q931_RELEASE_COMPLETE,
                               .call_ref = 0x1234,
                               .cause = {(const uint8_t *)"\x80\x91", 2},
                               .user_user = {(const uint8_t *)"\xff", 1}};

    start(NULL, NULL);
    connect_both();
    leg_feed(&b, &release, NULL);
    CU_ASSERT_EQUAL(b.seen.released, 1);
    CU_ASSERT_EQUAL(b.seen.release.cause, Q931_CAUSE_BUSY);
    CU_ASSERT_EQUAL(b.seen.release.reason, H225_REASON_BUSY);
    stop();
}

static void destroy_inside_callback_is_safe(void)
{
    start(&tunnel, &tunnel);
    b.destroy_in_callback = true;
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_PTR_NULL(b.call);
    a.destroy_in_callback = true;
    h225_call_on_timer(a.call, 100000);
    CU_ASSERT_PTR_NULL(a.call);
    stop();
}

static void connect_from_within_on_setup_works(void)
{
    start(NULL, NULL);
    b.connect_in_callback = true;
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.connect, 1);
    stop();
}

static void alias_that_cannot_be_written_is_told(void)
{
    struct h225_alias bad = {H225_ALIAS_DIGITS, "12ab"};
    struct h225_outgoing o = {.destination = &bad, .destination_count = 1};

    start(NULL, NULL);
    CU_ASSERT_EQUAL(h225_call_start(a.call, &o, 0), ERR_INVAL);
    CU_ASSERT_EQUAL(h225_call_state(a.call), H225_STATE_NULL);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    CU_ASSERT_EQUAL(leg_dial(&a), ERR_STATE);
    stop();
}

static void refusal_of_unknown_call_is_a_release(void)
{
    uint8_t out[64];
    size_t len = 0;
    struct q931_msg msg;
    uint16_t ref;
    bool from_destination;
    uint8_t type;

    CU_ASSERT_EQUAL(
        h225_build_refusal(77, true, Q931_CAUSE_INVALID_CALL_REFERENCE, out, sizeof(out), &len), 0);
    CU_ASSERT_EQUAL(q931_decode(out, len, &msg), 0);
    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_INVALID_CALL_REFERENCE);
    CU_ASSERT_EQUAL(h225_call_peek(out, len, &ref, &from_destination, &type), 0);
    CU_ASSERT_EQUAL(ref, 77);
    CU_ASSERT_TRUE(from_destination);
    CU_ASSERT_EQUAL(type, Q931_RELEASE_COMPLETE);
}

static void summary_names_message_and_facts(void)
{
    char text[H225_SUMMARY_MAX];

    start(&tunnel, &tunnel);
    CU_ASSERT_EQUAL(h225_call_send_h245(a.call, pdu_one, 3), 0);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    CU_ASSERT_STRING_EQUAL(h225_summary(a.queue[0].data, a.queue[0].len, text, sizeof(text)),
                           "Setup ref=4660 from=J\xc3\xb6rg \xf0\x9f\x8e\xa4 to=demo "
                           "tunnelling h245=1");
    CU_ASSERT_STRING_EQUAL(h225_summary(a.queue[0].data, a.queue[0].len, text, 6), "Setup");
    CU_ASSERT_STRING_EQUAL(h225_summary(a.queue[0].data, 3, text, sizeof(text)),
                           "malformed Q.931 message of 3 octets");
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h225_call_release(b.call, H225_REASON_SECURITY_DENIED, 0), 0);
    CU_ASSERT_STRING_EQUAL(h225_summary(b.queue[0].data, b.queue[0].len, text, sizeof(text)),
                           "ReleaseComplete ref=4660 cause=31 (normal, unspecified) "
                           "reason=securityDenied tunnelling");
    stop();
    start(NULL, NULL);
    CU_ASSERT_EQUAL(leg_dial(&a), 0);
    leg_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h225_call_connect(b.call, &b.listen, 0), 0);
    CU_ASSERT_STRING_EQUAL(h225_summary(b.queue[0].data, b.queue[0].len, text, sizeof(text)),
                           "Connect ref=4660 h245=192.0.2.9:30000");
    stop();
}

SUITE("h225/call", TEST(summary_names_message_and_facts), TEST(call_runs_from_setup_to_release),
      TEST(ip6_h245_address_survives), TEST(every_reason_reaches_the_peer),
      TEST(release_waits_for_the_peers_when_told_to), TEST(caller_gives_up_at_each_stage),
      TEST(callee_that_never_answers_is_released), TEST(lost_connection_releases_once),
      TEST(keypad_and_start_h245_arrive), TEST(fast_start_is_shown_and_refusal_is_told),
      TEST(tunnel_carries_both_ways_once_agreed), TEST(tunnel_h245_in_setup_is_delivered),
      TEST(tunnel_parallel_h245_is_delivered),
      TEST(tunnel_parallel_h245_is_sent_again_unless_answered),
      TEST(tunnel_one_side_alone_falls_back), TEST(tunnel_queue_is_bounded_and_held),
      TEST(unreadable_setup_is_released), TEST(setup_cut_at_every_octet_never_connects),
      TEST(strange_messages_are_answered_with_status), TEST(status_of_null_state_releases),
      TEST(status_inquiry_tells_our_state), TEST(connect_without_contents_is_a_protocol_error),
      TEST(release_with_broken_contents_still_releases), TEST(destroy_inside_callback_is_safe),
      TEST(connect_from_within_on_setup_works), TEST(alias_that_cannot_be_written_is_told),
      TEST(refusal_of_unknown_call_is_a_release))
