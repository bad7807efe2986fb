/* Logical channels beyond the plain case: both tables of C.4 and C.5 walked through cell by cell,
 * bidirectional channels between two engines, requests that cross, channels that replace others. */
#include "base/err.h"
#include "signalling/h245/lcse.h"
#include "tests/h245/peer.h"
#include "tests/suite.h"

static struct peer a, b;
static struct h245_engine_ops ops;

/* What the callbacks of this file saw. */
static struct {
    int confirmed;
    uint16_t confirmed_lcn;
    int asked; /* on_channel_conflict */
    bool usual;
    bool verdict; /* what it answers, if `decide` */
    bool decide;
} seen;

static void on_confirmed(void *arg, uint16_t lcn)
{
    (void)arg;
    seen.confirmed++;
    seen.confirmed_lcn = lcn;
}

static bool on_conflict(void *arg, uint16_t ours, const struct h245_OpenLogicalChannel *theirs,
                        bool usual)
{
    (void)arg;
    CU_ASSERT_TRUE(ours != 0);
    CU_ASSERT_TRUE(theirs->forwardLogicalChannelNumber != 0);
    seen.asked++;
    seen.usual = usual;
    return seen.decide ? seen.verdict : usual;
}

/* What a user does who has both halves: each end of the reverse half gets the engine's number. */
static int accept_both_ways(struct peer *p, uint16_t lcn, uint16_t reverse_lcn)
{
    struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters reverse = {
        .reverseLogicalChannelNumber = reverse_lcn};
    struct h245_channel_ack ack = {.session_id = 3};
    struct h245_OpenLogicalChannelAck *message = NULL;

    ack.media = addr_from_ip4((const uint8_t[]){192, 0, 2, 7}, 5004);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc_ack(&p->arena, &ack, &message), 0);
    message->reverseLogicalChannelParameters = &reverse;
    return h245_channel_accept(p->engine, lcn, message, p->now);
}

static void on_open(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct peer *p = arg;

    p->seen.open_requests++;
    p->seen.lcn = lcn;
    if (p->hold)
        return;
    if (!p->accept)
        CU_ASSERT_EQUAL(h245_channel_reject(p->engine, lcn, p->reject_cause), 0)
    else if (olc->reverseLogicalChannelParameters != NULL)
        CU_ASSERT_EQUAL(accept_both_ways(p, lcn, 0), 0)
    else
        CU_ASSERT_EQUAL(
            h245_channel_accept(p->engine, lcn, &(struct h245_OpenLogicalChannelAck){0}, p->now), 0)
}

static void start_with(const struct h245_engine_config *config)
{
    memset(&seen, 0, sizeof(seen));
    ops = peer_ops;
    ops.on_channel_confirmed = on_confirmed;
    ops.on_channel_conflict = on_conflict;
    ops.on_channel_open_request = on_open;
    peer_init_with(&a, config, 1, &ops);
    peer_init_with(&b, config, 2, &ops);
}

static void start(void)
{
    start_with(NULL);
}

static void stop(void)
{
    peer_fini(&a);
    peer_fini(&b);
}

/* a is master (its number 1 against 2). */
static void begin_session(void)
{
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    CU_ASSERT_EQUAL(peer_send_caps(&b), 0);
    CU_ASSERT_EQUAL(h245_msd_start(b.engine, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_TRUE_FATAL(h245_msd_is_master(a.engine) && !h245_msd_is_master(b.engine));
}

static struct h245_OpenLogicalChannel *build(struct peer *p, uint16_t lcn, bool both_ways)
{
    static struct h245_OpenLogicalChannel_reverseLogicalChannelParameters reverse = {
        .dataType.kind = h245_DataType_nullData};
    struct h245_channel channel = {.lcn = lcn, .session_id = 3, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_OpenLogicalChannel *olc = NULL;

    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&p->arena, &channel, &olc), 0);
    if (both_ways)
        olc->reverseLogicalChannelParameters = &reverse;
    return olc;
}

static int open_one(struct peer *p, uint16_t lcn, bool both_ways)
{
    return h245_channel_open(p->engine, build(p, lcn, both_ways), p->now);
}

/* ---- every state and every event of the four tables ---- */

#define LCN 7

static void feed_open(bool both_ways)
{
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_openLogicalChannel,
                                    .u.openLogicalChannel = build(&a, LCN, both_ways)};

    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
}

static void feed_close(void)
{
    struct h245_CloseLogicalChannel close = {.forwardLogicalChannelNumber = LCN,
                                             .source.kind = h245_CloseLogicalChannel_source_user};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_closeLogicalChannel,
                                    .u.closeLogicalChannel = &close};

    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
}

static void feed_ack(bool both_ways, uint16_t reverse_lcn)
{
    struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters reverse = {
        .reverseLogicalChannelNumber = reverse_lcn};
    struct h245_OpenLogicalChannelAck ack = {.forwardLogicalChannelNumber = LCN};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_openLogicalChannelAck,
                                     .u.openLogicalChannelAck = &ack};

    if (both_ways)
        ack.reverseLogicalChannelParameters = &reverse;
    CU_ASSERT_EQUAL(peer_feed_response(&a, &m), 0);
}

static void feed_reject(void)
{
    struct h245_OpenLogicalChannelReject reject = {
        .forwardLogicalChannelNumber = LCN,
        .cause.kind = h245_OpenLogicalChannelReject_cause_dataTypeNotAvailable};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_openLogicalChannelReject,
                                     .u.openLogicalChannelReject = &reject};

    CU_ASSERT_EQUAL(peer_feed_response(&a, &m), 0);
}

static void feed_close_ack(void)
{
    struct h245_CloseLogicalChannelAck ack = {.forwardLogicalChannelNumber = LCN};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_closeLogicalChannelAck,
                                     .u.closeLogicalChannelAck = &ack};

    CU_ASSERT_EQUAL(peer_feed_response(&a, &m), 0);
}

static void feed_confirm(void)
{
    struct h245_OpenLogicalChannelConfirm confirm = {.forwardLogicalChannelNumber = LCN};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_openLogicalChannelConfirm,
                                       .u.openLogicalChannelConfirm = &confirm};

    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
}

static int accept_one(bool both_ways)
{
    if (both_ways)
        return accept_both_ways(&a, LCN, 0);
    return h245_channel_accept(a.engine, LCN, &(struct h245_OpenLogicalChannelAck){0}, 0);
}

/* True: a user's request, which is refused where the table has no row; else a message or timer. */
static bool inject(enum h245_direction direction, unsigned event, bool both_ways, int *err)
{
    *err = 0;
    if (direction == H245_OUTGOING && event == LC_OUT_ESTABLISH)
        *err = open_one(&a, LCN, both_ways);
    else if (direction == H245_OUTGOING && event == LC_OUT_RELEASE)
        *err = h245_channel_close(a.engine, LCN, H245_OUTGOING, 0);
    else if (direction == H245_INCOMING && event == LC_IN_ACCEPT)
        *err = accept_one(both_ways);
    else if (direction == H245_INCOMING && event == LC_IN_REFUSE)
        *err = h245_channel_reject(a.engine, LCN, H245_OLC_BANDWIDTH);
    else
        return false;
    return true;
}

static void inject_message(enum h245_direction direction, unsigned event, bool both_ways)
{
    if (direction == H245_OUTGOING && event == LC_OUT_ACK)
        feed_ack(both_ways, 900);
    else if (direction == H245_OUTGOING && event == LC_OUT_REJECT)
        feed_reject();
    else if (direction == H245_OUTGOING && event == LC_OUT_CLOSE_ACK)
        feed_close_ack();
    else if (direction == H245_INCOMING && event == LC_IN_OPEN)
        feed_open(both_ways);
    else if (direction == H245_INCOMING && event == LC_IN_CLOSE)
        feed_close();
    else if (direction == H245_INCOMING && event == LC_IN_CONFIRM)
        feed_confirm();
    else
        h245_engine_on_timer(a.engine, 10000);
}

static unsigned state_now(enum h245_direction direction)
{
    const struct channel *c = h245_channel_find(a.engine, LCN, direction);

    return c != NULL ? c->state : LC_RELEASED;
}

/* The shortest way into a state. */
static void go_to(enum h245_direction direction, unsigned state, bool both_ways)
{
    a.hold = true;
    if (direction == H245_OUTGOING) {
        if (state != LC_RELEASED)
            CU_ASSERT_EQUAL(open_one(&a, LCN, both_ways), 0);
        if (state == LC_ESTABLISHED || state == LC_AWAITING_RELEASE)
            feed_ack(both_ways, 900);
        if (state == LC_AWAITING_RELEASE)
            CU_ASSERT_EQUAL(h245_channel_close(a.engine, LCN, H245_OUTGOING, 0), 0);
    } else {
        if (state != LC_RELEASED)
            feed_open(both_ways);
        if (state == LC_ESTABLISHED || state == LC_AWAITING_CONFIRMATION)
            CU_ASSERT_EQUAL(accept_one(both_ways), 0);
        if (state == LC_ESTABLISHED && both_ways)
            feed_confirm();
    }
    CU_ASSERT_EQUAL_FATAL(state_now(direction), state);
}

static void check_cell(const struct fsm *f, enum h245_direction direction, unsigned state,
                       unsigned event, bool both_ways)
{
    const struct fsm_row *row = fsm_find(f, state, event);
    uint64_t unexpected;
    bool is_of_user, is_timer;
    int err;

    /* What happens in `released` without a channel is in C.4's table for both. */
    if (row == NULL && state == LC_RELEASED)
        row = fsm_find(direction == H245_OUTGOING ? &h245_lcse_out_fsm : &h245_lcse_in_fsm, state,
                       event);
    start();
    go_to(direction, state, both_ways);
    unexpected = h245_engine_stats(a.engine)->unexpected;
    is_of_user = inject(direction, event, both_ways, &err);
    if (!is_of_user)
        inject_message(direction, event, both_ways);
    is_timer = event == (direction == H245_OUTGOING ? LC_OUT_T103 : LC_IN_T103);
    if (row == NULL) {
        CU_ASSERT_EQUAL(state_now(direction), state);
        CU_ASSERT_EQUAL(err != 0, is_of_user);
        CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected - unexpected,
                        !is_of_user && !is_timer ? 1 : 0);
    } else {
        CU_ASSERT_EQUAL(state_now(direction),
                        row->next == FSM_DECIDES ? LC_ESTABLISHED : row->next);
        CU_ASSERT_EQUAL(err, 0);
        CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, unexpected);
    }
    stop();
}

static void every_event_in_every_state_does_what_the_table_says(void)
{
    static const struct {
        const struct fsm *fsm;
        enum h245_direction direction;
        bool both_ways;
    } tables[] = {
        {&h245_lcse_out_fsm, H245_OUTGOING, false},
        {&h245_lcse_in_fsm, H245_INCOMING, false},
        {&h245_blcse_out_fsm, H245_OUTGOING, true},
        {&h245_blcse_in_fsm, H245_INCOMING, true},
    };

    for (size_t t = 0; t < FSM_COUNT(tables); t++)
        for (unsigned s = 0; s < tables[t].fsm->state_count; s++)
            for (unsigned e = 0; e < tables[t].fsm->event_count; e++)
                check_cell(tables[t].fsm, tables[t].direction, s, e, tables[t].both_ways);
}

/* ---- both ways ---- */

static void bidirectional_channel_opens_confirms_and_closes(void)
{
    start();
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 1);
    CU_ASSERT_EQUAL(seen.confirmed, 1);
    CU_ASSERT_EQUAL(seen.confirmed_lcn, 5);
    CU_ASSERT_TRUE(h245_channel_is_open(a.engine, 5, H245_OUTGOING));
    CU_ASSERT_TRUE(h245_channel_is_open(b.engine, 5, H245_INCOMING));
    CU_ASSERT_EQUAL(h245_channel_reverse(a.engine, 5, H245_OUTGOING), 101); /* b's first number */
    CU_ASSERT_EQUAL(h245_channel_reverse(b.engine, 5, H245_INCOMING), 101);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(b.engine), H245_NEVER);
    /* The number of the reverse half is in use, on both sides. */
    CU_ASSERT_EQUAL(open_one(&b, 101, false), ERR_EXISTS);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 5, H245_OUTGOING, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(b.seen.closed, 1);
    CU_ASSERT_EQUAL(h245_channel_count(a.engine, H245_OUTGOING), 0);
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_INCOMING), 0);
    CU_ASSERT_EQUAL(open_one(&b, 101, false), 0);
    stop();
}

static void bidirectional_channel_without_confirm_is_given_up(void)
{
    start();
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    CU_ASSERT_EQUAL(h245_engine_input(b.engine, a.queue[0].data, a.queue[0].len, 0), 0);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(b.engine), 10000);
    h245_engine_on_timer(b.engine, 10000);
    CU_ASSERT_EQUAL(b.seen.procedure, H245_PROC_BLCSE_IN);
    CU_ASSERT_EQUAL(b.seen.error, H245_ERROR_TIMEOUT);
    CU_ASSERT_EQUAL(b.seen.by, H245_CLOSED_BY_TIMEOUT);
    CU_ASSERT_EQUAL(b.seen.direction, H245_INCOMING);
    stop();
}

static void bidirectional_channel_without_ack_is_closed(void)
{
    start();
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    peer_lose_all(&a);
    h245_engine_on_timer(a.engine, 10000);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_BLCSE_OUT);
    CU_ASSERT_EQUAL(a.seen.by, H245_CLOSED_BY_TIMEOUT);
    CU_ASSERT_EQUAL(peer_take(&a)->u.request->kind, h245_RequestMessage_closeLogicalChannel);
    stop();
}

static void ack_without_usable_reverse_half_ends_the_channel(void)
{
    /* none named; a number that the peer has for a channel of its own */
    for (int used = 0; used < 2; used++) {
        start();
        CU_ASSERT_EQUAL(open_one(&b, 900, false), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(open_one(&a, LCN, true), 0);
        peer_lose_all(&a);
        feed_ack(used == 1, 900);
        CU_ASSERT_EQUAL(a.seen.opened, 0);
        CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_INCONSISTENT);
        CU_ASSERT_EQUAL(a.seen.closed, 1);
        CU_ASSERT_EQUAL(peer_take(&a)->u.request->kind, h245_RequestMessage_closeLogicalChannel);
        feed_close_ack();
        CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 0);
        stop();
    }
}

static void user_must_answer_with_the_halves_that_were_asked_for(void)
{
    start();
    b.hold = true;
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    CU_ASSERT_EQUAL(open_one(&a, 6, false), 0);
    CU_ASSERT_EQUAL(open_one(&b, 300, false), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_channel_accept(b.engine, 5, &(struct h245_OpenLogicalChannelAck){0}, 0),
                    ERR_INVAL);
    CU_ASSERT_EQUAL(accept_both_ways(&b, 6, 0), ERR_INVAL);
    CU_ASSERT_EQUAL(accept_both_ways(&b, 5, 300), ERR_EXISTS);
    CU_ASSERT_EQUAL(accept_both_ways(&b, 5, 301), 0);
    CU_ASSERT_EQUAL(h245_channel_reverse(b.engine, 5, H245_INCOMING), 301);
    stop();
}

static void number_reopened_the_other_way_becomes_the_new_sort(void)
{
    start();
    feed_open(true);
    CU_ASSERT_EQUAL(state_now(H245_INCOMING), LC_AWAITING_CONFIRMATION);
    feed_open(false);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(state_now(H245_INCOMING), LC_ESTABLISHED);
    CU_ASSERT_EQUAL(h245_channel_reverse(a.engine, LCN, H245_INCOMING), 0);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER); /* no confirmation awaited */
    feed_open(true);
    CU_ASSERT_EQUAL(a.seen.closed, 2);
    CU_ASSERT_EQUAL(state_now(H245_INCOMING), LC_AWAITING_CONFIRMATION);
    stop();
}

/* ---- requests that cross ---- */

static void crossing_bidirectional_requests_are_decided_by_the_master(void)
{
    start();
    begin_session();
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    CU_ASSERT_EQUAL(open_one(&b, 6, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 1);
    CU_ASSERT_EQUAL(a.seen.open_requests, 0); /* the user never hears of the slave's */
    CU_ASSERT_EQUAL(b.seen.open_requests, 1);
    CU_ASSERT_EQUAL(b.seen.channel_rejected, 1);
    CU_ASSERT_EQUAL(b.seen.cause, H245_OLC_CONFLICT);
    CU_ASSERT_TRUE(h245_channel_is_open(b.engine, 5, H245_INCOMING));
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_OUTGOING), 0);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->conflicts, 1);
    CU_ASSERT_EQUAL(a.seen.failed + b.seen.failed, 0);
    stop();
}

static void crossing_requests_one_way_are_no_conflict_unless_the_user_says_so(void)
{
    for (int decide = 0; decide < 2; decide++) {
        start();
        begin_session();
        seen.decide = seen.verdict = decide == 1;
        CU_ASSERT_EQUAL(open_one(&a, 5, false), 0);
        CU_ASSERT_EQUAL(open_one(&b, 6, false), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_TRUE(seen.asked > 0);
        CU_ASSERT_FALSE(seen.usual);
        CU_ASSERT_EQUAL(a.seen.opened, 1);
        CU_ASSERT_EQUAL(b.seen.opened, decide == 0 ? 1 : 0);
        CU_ASSERT_EQUAL(b.seen.channel_rejected, decide);
        if (decide == 1)
            CU_ASSERT_EQUAL(b.seen.cause, H245_OLC_CONFLICT);
        stop();
    }
}

static void crossing_requests_of_other_data_or_session_are_no_conflict(void)
{
    struct h245_OpenLogicalChannel *olc;

    start();
    begin_session();
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    olc = build(&b, 6, true);
    olc->forwardLogicalChannelParameters.multiplexParameters.u.h2250LogicalChannelParameters
        ->sessionID = 9;
    CU_ASSERT_EQUAL(h245_channel_open(b.engine, olc, 0), 0);
    olc = build(&b, 7, true);
    olc->forwardLogicalChannelParameters.dataType.kind = h245_DataType_nullData;
    CU_ASSERT_EQUAL(h245_channel_open(b.engine, olc, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 1);
    CU_ASSERT_EQUAL(b.seen.opened, 2);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->conflicts, 0);
    stop();
}

static void crossing_requests_without_roles_go_to_the_user(void)
{
    start();
    CU_ASSERT_EQUAL(open_one(&a, 5, true), 0);
    CU_ASSERT_EQUAL(open_one(&b, 6, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.open_requests, 1);
    CU_ASSERT_EQUAL(b.seen.open_requests, 1);
    stop();
}

/* ---- replacementFor ---- */

static int replace(struct peer *p, uint16_t lcn, uint16_t old)
{
    struct h245_OpenLogicalChannel *olc = build(p, lcn, false);

    olc->forwardLogicalChannelParameters.has_replacementFor = true;
    olc->forwardLogicalChannelParameters.replacementFor = old;
    return h245_channel_open(p->engine, olc, p->now);
}

static void replacement_closes_the_old_channel_when_it_is_open(void)
{
    start();
    CU_ASSERT_EQUAL(open_one(&a, 5, false), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(replace(&a, 6, 5), 0);
    CU_ASSERT_EQUAL(replace(&a, 7, 5), ERR_NOTFOUND); /* is being replaced */
    CU_ASSERT_EQUAL(replace(&a, 7, 99), ERR_NOTFOUND);
    CU_ASSERT_TRUE(h245_channel_is_open(a.engine, 5, H245_OUTGOING));
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 2);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(a.seen.lcn, 5);
    CU_ASSERT_EQUAL(a.seen.by, H245_CLOSED_BY_US);
    CU_ASSERT_EQUAL(b.seen.closed, 1);
    CU_ASSERT_TRUE(h245_channel_is_open(b.engine, 6, H245_INCOMING));
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_INCOMING), 1);
    stop();
}

static void replacement_refused_leaves_the_old_channel(void)
{
    start();
    CU_ASSERT_EQUAL(open_one(&a, 5, false), 0);
    peer_run(&a, &b, 0);
    b.accept = false;
    b.reject_cause = H245_OLC_REPLACEMENT;
    CU_ASSERT_EQUAL(replace(&a, 6, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.cause, H245_OLC_REPLACEMENT);
    CU_ASSERT_TRUE(h245_channel_is_open(a.engine, 5, H245_OUTGOING));
    CU_ASSERT_EQUAL(replace(&a, 6, 5), 0); /* may be tried again */
    stop();
}

static void replacement_of_nothing_or_too_many_at_once_is_rejected(void)
{
    struct h245_engine_config one = {.replacements_max = 1};
    struct h245_OpenLogicalChannel *olc;
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_openLogicalChannel};

    start();
    olc = build(&a, LCN, false);
    olc->forwardLogicalChannelParameters.has_replacementFor = true;
    olc->forwardLogicalChannelParameters.replacementFor = 3;
    m.u.openLogicalChannel = olc;
    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
    CU_ASSERT_EQUAL(peer_take(&a)->u.response->u.openLogicalChannelReject->cause.kind,
                    h245_OpenLogicalChannelReject_cause_replacementForRejected);
    CU_ASSERT_EQUAL(a.seen.open_requests, 0);
    stop();

    start_with(NULL);
    peer_fini(&b);
    peer_init_with(&b, &one, 2, &ops);
    CU_ASSERT_EQUAL(open_one(&a, 5, false), 0);
    CU_ASSERT_EQUAL(open_one(&a, 6, false), 0);
    peer_run(&a, &b, 0);
    b.hold = true;
    CU_ASSERT_EQUAL(replace(&a, 15, 5), 0);
    CU_ASSERT_EQUAL(replace(&a, 16, 6), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.channel_rejected, 1);
    CU_ASSERT_EQUAL(a.seen.lcn, 16);
    CU_ASSERT_EQUAL(a.seen.cause, H245_OLC_REPLACEMENT);
    stop();
}

SUITE("h245/channels", TEST(every_event_in_every_state_does_what_the_table_says),
      TEST(bidirectional_channel_opens_confirms_and_closes),
      TEST(bidirectional_channel_without_confirm_is_given_up),
      TEST(bidirectional_channel_without_ack_is_closed),
      TEST(ack_without_usable_reverse_half_ends_the_channel),
      TEST(user_must_answer_with_the_halves_that_were_asked_for),
      TEST(number_reopened_the_other_way_becomes_the_new_sort),
      TEST(crossing_bidirectional_requests_are_decided_by_the_master),
      TEST(crossing_requests_one_way_are_no_conflict_unless_the_user_says_so),
      TEST(crossing_requests_of_other_data_or_session_are_no_conflict),
      TEST(crossing_requests_without_roles_go_to_the_user),
      TEST(replacement_closes_the_old_channel_when_it_is_open),
      TEST(replacement_refused_leaves_the_old_channel),
      TEST(replacement_of_nothing_or_too_many_at_once_is_rejected))
