/* H.245 between two engines: the usual course, loss, time-outs, and every way to be rude. */
#include "base/err.h"
#include "signalling/h245/h239.h"
#include "signalling/h245/summary.h"
#include "tests/h245/peer.h"
#include "tests/suite.h"

static struct peer a, b;

static void start(const struct h245_engine_config *config, uint32_t random_a, uint32_t random_b)
{
    peer_init(&a, config, random_a);
    peer_init(&b, config, random_b);
}

static void stop(void)
{
    peer_fini(&a);
    peer_fini(&b);
}

/* Capabilities and roles of both sides, as every session begins. */
static void begin_session(void)
{
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    CU_ASSERT_EQUAL(peer_send_caps(&b), 0);
    CU_ASSERT_EQUAL(h245_msd_start(b.engine, 0), 0);
    peer_run(&a, &b, 0);
}

/* ---- master-slave determination ---- */

static void msd_crossing_numbers_decide(void)
{
    /* (mine, theirs, I am master): the rule of H.245 C.2 as real endpoints show it */
    static const uint32_t cases[][3] = {
        {1, 2, 1},        {2, 1, 0},        {0, 0x7fffff, 1},        {0x7fffff, 0, 0},
        {0, 0x800001, 0}, {0xffffff, 0, 1}, {0x8ddaca, 0x629ca0, 0}, {0x629ca0, 0x8ddaca, 1},
        {5, 0x800004, 1}, {5, 0x800006, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(NULL, cases[i][0], cases[i][1]);
        begin_session();
        CU_ASSERT_EQUAL(a.seen.msd_done, 1);
        CU_ASSERT_EQUAL(b.seen.msd_done, 1);
        CU_ASSERT_EQUAL(a.seen.is_master, (int)cases[i][2]);
        CU_ASSERT_EQUAL(b.seen.is_master, !(int)cases[i][2]);
        CU_ASSERT_TRUE(h245_msd_is_done(a.engine));
        CU_ASSERT_EQUAL(h245_msd_is_master(a.engine), cases[i][2] != 0);
        CU_ASSERT_EQUAL(a.seen.failed + b.seen.failed, 0);
        stop();
    }
}

static void msd_larger_terminal_type_wins(void)
{
    struct h245_engine_config mcu = {.terminal_type = 190};

    peer_init(&a, &mcu, 9);
    peer_init(&b, NULL, 1); /* the numbers alone would say b's peer is slave */
    begin_session();
    CU_ASSERT_EQUAL(a.seen.is_master, 1);
    CU_ASSERT_EQUAL(b.seen.is_master, 0);
    stop();
}

static void msd_one_sided_start_suffices(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), ERR_STATE);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.msd_done, 1);
    CU_ASSERT_EQUAL(b.seen.msd_done, 1);
    CU_ASSERT_EQUAL(a.seen.is_master + b.seen.is_master, 1);
    stop();
}

static void msd_identical_numbers_retry_until_they_differ(void)
{
    start(NULL, 7, 7);
    a.random_step = 3;
    b.random_step = 3;
    b.random = 7;
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0); /* b rejects 7, draws 10 for the next */
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.msd_done + b.seen.msd_done, 0);
    CU_ASSERT_EQUAL(a.seen.failed, 1); /* both always in step: N100 ends it */
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_RETRIES);
    stop();

    start(NULL, 7, 7);
    a.random_step = 3;
    b.random_step = 5;
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.msd_done, 1);
    CU_ASSERT_EQUAL(b.seen.msd_done, 1);
    CU_ASSERT_EQUAL(a.seen.failed + b.seen.failed, 0);
    stop();
}

static void msd_opposite_numbers_are_undecided(void)
{
    struct h245_engine_config config = {.msd_retries = 3};

    start(&config, 0, 0x800000);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.failed, 1);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_MSD);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->pdus_out, 3);
    stop();
}

static void msd_no_answer_times_out_and_releases(void)
{
    struct h245_engine_config config = {.msd_timeout_ms = 500};

    start(&config, 1, 2);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 100), 0);
    peer_lose_all(&a);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), 600);
    h245_engine_on_timer(a.engine, 599);
    CU_ASSERT_EQUAL(a.seen.failed, 0);
    h245_engine_on_timer(a.engine, 600);
    CU_ASSERT_EQUAL(a.seen.failed, 1);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_TIMEOUT);
    CU_ASSERT_EQUAL(peer_take(&a)->u.indication->kind,
                    h245_IndicationMessage_masterSlaveDeterminationRelease);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 700), 0); /* and may be tried again */
    stop();
}

static void msd_lost_ack_fails_both_sides(void)
{
    struct h245_engine_config config = {.msd_timeout_ms = 500};

    start(&config, 1, 2);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_engine_input(b.engine, a.queue[0].data, a.queue[0].len, 0), 0);
    peer_lose_all(&a);
    peer_lose_all(&b); /* b's Ack */
    peer_elapse(&a, &b, 2000);
    CU_ASSERT_EQUAL(a.seen.failed, 1);
    CU_ASSERT_EQUAL(b.seen.failed, 1);
    CU_ASSERT_EQUAL(a.seen.msd_done + b.seen.msd_done, 0);
    stop();
}

static void msd_repeated_request_is_acknowledged_again(void)
{
    struct peer_pdu request;

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    request = a.queue[0];
    CU_ASSERT_EQUAL(h245_engine_input(b.engine, request.data, request.len, 0), 0);
    CU_ASSERT_EQUAL(h245_engine_input(b.engine, request.data, request.len, 0), 0);
    CU_ASSERT_EQUAL(b.queue_len, 2);
    CU_ASSERT_EQUAL(b.seen.failed, 0);
    peer_lose_all(&a);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.msd_done, 1);
    CU_ASSERT_EQUAL(b.seen.msd_done, 1);
    stop();
}

static void msd_contradicting_ack_is_inconsistent(void)
{
    struct h245_MasterSlaveDeterminationAck ack = {
        .decision.kind = h245_MasterSlaveDeterminationAck_decision_master};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_masterSlaveDeterminationAck,
                                     .u.masterSlaveDeterminationAck = &ack};

    start(NULL, 2, 1); /* b (1) sees a's 2: b is master, a slave; a is told "master" */
    CU_ASSERT_EQUAL(h245_msd_start(b.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_engine_input(a.engine, b.queue[0].data, b.queue[0].len, 0), 0);
    CU_ASSERT_EQUAL(peer_feed_response(&a, &m), 0);
    CU_ASSERT_EQUAL(a.seen.failed, 1);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_INCONSISTENT);
    stop();
}

/* ---- capability exchange ---- */

static void ces_both_directions_are_read_and_acked(void)
{
    start(NULL, 1, 2);
    begin_session();
    CU_ASSERT_EQUAL(a.seen.tcs, 1);
    CU_ASSERT_EQUAL(a.seen.acked, 1);
    CU_ASSERT_EQUAL(b.seen.acked, 1);
    CU_ASSERT_EQUAL(a.seen.ready, 1);
    CU_ASSERT_EQUAL(b.seen.ready, 1);
    CU_ASSERT_EQUAL(b.seen.caps.audio_count, 2);
    CU_ASSERT_EQUAL(b.seen.caps.audio[0].audio.codec, H245_CODEC_PCMA);
    CU_ASSERT_EQUAL(b.seen.caps.audio[0].audio.frames, 20);
    CU_ASSERT_EQUAL(b.seen.caps.telephone_event_pt, 101);
    CU_ASSERT_TRUE(b.seen.caps.user_input);
    CU_ASSERT_EQUAL(b.seen.caps.skipped, 0);
    stop();
}

static void ces_rejection_reaches_the_sender(void)
{
    static const enum h245_tcs_answer answers[] = {H245_TCS_UNSPECIFIED, H245_TCS_UNDEFINED_ENTRY,
                                                   H245_TCS_DESCRIPTORS_FULL, H245_TCS_TABLE_FULL};

    for (size_t i = 0; i < 4; i++) {
        start(NULL, 1, 2);
        b.tcs_answer = answers[i];
        CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
        CU_ASSERT_EQUAL(peer_send_caps(&a), ERR_STATE);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.rejected, 1);
        CU_ASSERT_EQUAL(a.seen.acked, 0);
        CU_ASSERT_EQUAL(a.seen.ready, 0);
        CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
        stop();
    }
}

static void ces_no_answer_times_out_and_releases(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    peer_lose_all(&a);
    h245_engine_on_timer(a.engine, 10000);
    CU_ASSERT_EQUAL(a.seen.failed, 1);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_CES_OUT);
    CU_ASSERT_EQUAL(peer_take(&a)->u.indication->kind,
                    h245_IndicationMessage_terminalCapabilitySetRelease);
    stop();
}

static void ces_answer_to_an_older_set_is_ignored(void)
{
    struct h245_TerminalCapabilitySetAck ack = {.sequenceNumber = 77};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_terminalCapabilitySetAck,
                                     .u.terminalCapabilitySetAck = &ack};

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    CU_ASSERT_EQUAL(peer_feed_response(&a, &m), 0);
    CU_ASSERT_EQUAL(a.seen.acked, 0);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 1);
    stop();
}

static void ces_empty_set_is_recognised(void)
{
    struct h245_TerminalCapabilitySet *tcs = NULL;

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL_FATAL(h245_build_empty_tcs(&a.arena, &tcs), 0);
    CU_ASSERT_EQUAL(h245_ces_send(a.engine, tcs, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_TRUE(b.seen.caps.is_empty);
    CU_ASSERT_EQUAL(a.seen.acked, 1);
    stop();
}

/* ---- logical channels ---- */

static void channel_opens_and_closes_in_both_directions(void)
{
    start(NULL, 1, 2);
    begin_session();
    CU_ASSERT_EQUAL(peer_open(&a, 0), 0);
    CU_ASSERT_EQUAL(peer_open(&b, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 1);
    CU_ASSERT_EQUAL(b.seen.opened, 1);
    CU_ASSERT_TRUE(h245_channel_is_open(a.engine, 101, H245_OUTGOING));
    CU_ASSERT_TRUE(h245_channel_is_open(a.engine, 101, H245_INCOMING));
    CU_ASSERT_EQUAL(a.seen.ack.media.port, 5004);
    CU_ASSERT_EQUAL(b.seen.olc.audio.codec, H245_CODEC_PCMA);
    CU_ASSERT_EQUAL(b.seen.olc.media_control.port, 5001);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 101, H245_OUTGOING, 0), 0);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 101, H245_OUTGOING, 0), ERR_STATE);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(a.seen.by, H245_CLOSED_BY_US);
    CU_ASSERT_EQUAL(b.seen.closed, 1);
    CU_ASSERT_EQUAL(b.seen.by, H245_CLOSED_BY_PEER);
    CU_ASSERT_EQUAL(b.seen.direction, H245_INCOMING);
    CU_ASSERT_EQUAL(h245_channel_count(a.engine, H245_OUTGOING), 0);
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_OUTGOING), 1);
    stop();
}

static void channel_rejection_carries_its_cause(void)
{
    for (unsigned cause = 0; cause < H245_OLC_CAUSE_COUNT; cause++) {
        start(NULL, 1, 2);
        b.accept = false;
        b.reject_cause = (enum h245_olc_cause)cause;
        CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
        CU_ASSERT_EQUAL(peer_open(&a, 5), ERR_EXISTS);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(a.seen.channel_rejected, 1);
        CU_ASSERT_EQUAL(a.seen.cause, cause);
        CU_ASSERT_EQUAL(h245_channel_count(a.engine, H245_OUTGOING), 0);
        CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_INCOMING), 0);
        stop();
    }
}

static void channel_without_answer_is_given_up_and_closed(void)
{
    struct h245_engine_config config = {.channel_timeout_ms = 700};
    struct h245_MultimediaSystemControlMessage *m;

    start(&config, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_lose_all(&a);
    h245_engine_on_timer(a.engine, 700);
    CU_ASSERT_EQUAL(a.seen.failed, 1);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(a.seen.by, H245_CLOSED_BY_TIMEOUT);
    m = peer_take(&a);
    CU_ASSERT_EQUAL_FATAL(m->u.request->kind, h245_RequestMessage_closeLogicalChannel);
    CU_ASSERT_EQUAL(m->u.request->u.closeLogicalChannel->source.kind,
                    h245_CloseLogicalChannel_source_lcse);
    CU_ASSERT_EQUAL(h245_channel_count(a.engine, H245_OUTGOING), 0);
    stop();
}

static void channel_close_without_answer_ends_all_the_same(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 5, H245_OUTGOING, 0), 0);
    peer_lose_all(&a);
    h245_engine_on_timer(a.engine, 10000);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(a.seen.by, H245_CLOSED_BY_US);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    stop();
}

static void channel_closed_while_opening_ignores_the_late_ack(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 5, H245_OUTGOING, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 0);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(b.seen.closed, 1);
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_INCOMING), 0);
    stop();
}

static void channel_opened_twice_by_peer_replaces_the_first(void)
{
    struct peer_pdu olc;

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    olc = a.queue[0];
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_engine_input(b.engine, olc.data, olc.len, 0), 0);
    CU_ASSERT_EQUAL(b.seen.closed, 1);
    CU_ASSERT_EQUAL(b.seen.open_requests, 2);
    CU_ASSERT_TRUE(h245_channel_is_open(b.engine, 5, H245_INCOMING));
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_INCOMING), 1);
    stop();
}

static void channel_flood_stops_at_the_limit(void) /* H-H245 */
{
    struct h245_engine_config few = {.channels_max = 4};
    struct h245_engine_config many = {.channels_max = 20};

    peer_init(&a, &many, 1);
    peer_init(&b, &few, 2);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(peer_open(&a, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.opened, 4);
    CU_ASSERT_EQUAL(a.seen.channel_rejected, 6);
    CU_ASSERT_EQUAL(h245_channel_count(b.engine, H245_INCOMING), 4);
    CU_ASSERT_EQUAL(h245_engine_stats(b.engine)->channels_refused, 6);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(peer_open(&b, 0), 0);
    CU_ASSERT_EQUAL(peer_open(&b, 200), ERR_LIMIT);
    stop();
}

static void channel_bidirectional_request_is_rejected(void)
{
    struct h245_OpenLogicalChannel_reverseLogicalChannelParameters reverse = {
        .dataType.kind = h245_DataType_nullData};
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_channel channel = {.lcn = 9, .session_id = 1, .audio = {H245_CODEC_PCMU, 20, ""}};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_openLogicalChannel};
    struct h245_MultimediaSystemControlMessage *answer;

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&a.arena, &channel, &olc), 0);
    olc->reverseLogicalChannelParameters = &reverse;
    m.u.openLogicalChannel = olc;
    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
    answer = peer_take(&a);
    CU_ASSERT_EQUAL_FATAL(answer->u.response->kind, h245_ResponseMessage_openLogicalChannelReject);
    CU_ASSERT_EQUAL(answer->u.response->u.openLogicalChannelReject->cause.kind,
                    h245_OpenLogicalChannelReject_cause_unsuitableReverseParameters);
    stop();
}

static void close_request_makes_the_sender_close(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_channel_close(b.engine, 5, H245_INCOMING, 0), 0);
    CU_ASSERT_EQUAL(h245_channel_close(b.engine, 5, H245_INCOMING, 0), ERR_STATE);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.close_requests, 1);
    CU_ASSERT_EQUAL(a.seen.closed, 1);
    CU_ASSERT_EQUAL(b.seen.closed, 1);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(b.engine), H245_NEVER);
    stop();
}

static void close_request_refused_or_lost_is_told(void)
{
    start(NULL, 1, 2);
    a.allow_close = false;
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_channel_close(b.engine, 5, H245_INCOMING, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.failed, 1);
    CU_ASSERT_EQUAL(b.seen.error, H245_ERROR_REFUSED);
    CU_ASSERT_TRUE(h245_channel_is_open(b.engine, 5, H245_INCOMING));
    CU_ASSERT_EQUAL(h245_channel_close(b.engine, 5, H245_INCOMING, 0), 0);
    peer_lose_all(&b);
    h245_engine_on_timer(b.engine, 10000);
    CU_ASSERT_EQUAL(b.seen.failed, 2);
    CU_ASSERT_EQUAL(b.seen.error, H245_ERROR_TIMEOUT);
    CU_ASSERT_EQUAL(b.seen.procedure, H245_PROC_CLC);
    stop();
}

/* ---- round trip, end of session ---- */

static void round_trip_measures_and_repeats_as_keepalive(void)
{
    struct h245_engine_config config = {.rtd_interval_ms = 1000, .rtd_timeout_ms = 300};

    peer_init(&a, &config, 1);
    peer_init(&b, NULL, 2);
    begin_session();
    peer_elapse(&a, &b, 3500);
    CU_ASSERT_EQUAL(a.seen.round_trips, 3);
    CU_ASSERT_EQUAL(h245_rtd_start(a.engine, 3500), 0);
    a.now = b.now = 3520;
    CU_ASSERT_EQUAL(h245_rtd_start(a.engine, 3520), ERR_STATE);
    peer_run(&a, &b, 3545);
    CU_ASSERT_EQUAL(a.seen.round_trip_ms, 45);
    stop();
}

static void round_trip_unanswered_counts_in_a_row(void)
{
    struct h245_engine_config config = {.rtd_interval_ms = 1000, .rtd_timeout_ms = 300};

    peer_init(&a, &config, 1);
    peer_init(&b, NULL, 2);
    begin_session();
    for (uint64_t t = 0; t <= 5000; t += 100) {
        h245_engine_on_timer(a.engine, t);
        peer_lose_all(&a);
    }
    CU_ASSERT_EQUAL(a.seen.lost, 3); /* 1300, 2600, 3900 */
    CU_ASSERT_EQUAL(a.seen.lost_in_a_row, 3);
    peer_elapse(&a, &b, 7000);
    CU_ASSERT_TRUE(a.seen.round_trips > 0);
    stop();
}

static void end_session_is_said_once_by_each_side(void)
{
    start(NULL, 1, 2);
    begin_session();
    CU_ASSERT_EQUAL(h245_end_session(a.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_end_session(a.engine, 0), ERR_STATE);
    CU_ASSERT_EQUAL(a.seen.ended, 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.ended, 1);
    CU_ASSERT_EQUAL(b.seen.ended, 1);
    CU_ASSERT_TRUE(h245_is_ended(b.engine));
    CU_ASSERT_EQUAL(peer_open(&a, 7), ERR_CLOSED);
    CU_ASSERT_EQUAL(peer_send_caps(&b), ERR_CLOSED);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(b.engine), H245_NEVER);
    stop();
}

static void end_session_without_answer_ends_by_timer(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(h245_end_session(a.engine, 50), 0);
    h245_engine_on_timer(a.engine, 3050);
    CU_ASSERT_EQUAL(a.seen.ended, 1);
    stop();
}

static void end_session_crossing_ends_both(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(h245_end_session(a.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_end_session(b.engine, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.ended, 1);
    CU_ASSERT_EQUAL(b.seen.ended, 1);
    stop();
}

static void user_input_arrives_as_text(void)
{
    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(h245_send_user_input(a.engine, "12#"), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_STRING_EQUAL(b.seen.text, "12#");
    stop();
}

/* ---- a user that destroys the engine from each callback ---- */

static void destroy_inside_callback_is_safe(void)
{
    start(NULL, 1, 2);
    b.destroy_in_callback = true;
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_PTR_NULL(b.engine);
    CU_ASSERT_EQUAL(b.queue_len, 0); /* no Ack from the dead */
    stop();

    start(NULL, 1, 2);
    begin_session();
    b.destroy_in_callback = true;
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_PTR_NULL(b.engine);
    stop();

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    CU_ASSERT_EQUAL(peer_open(&a, 6), 0);
    a.destroy_in_callback = true;
    h245_engine_on_timer(a.engine, 10000); /* two timers, one engine */
    CU_ASSERT_PTR_NULL(a.engine);
    stop();
}

static void summary_names_message_and_facts(void)
{
    char text[H245_SUMMARY_MAX];
    char tiny[8];
    struct h245_MultimediaSystemControlMessage *m;

    start(NULL, 1, 2);
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    m = peer_take(&a);
    CU_ASSERT_STRING_EQUAL(h245_summary(m, text, sizeof(text)),
                           "openLogicalChannel lcn=5 session=1 PCMA:20 control=192.0.2.1:5001");
    CU_ASSERT_STRING_EQUAL(h245_summary(m, tiny, sizeof(tiny)), "openLog");
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    CU_ASSERT_STRING_EQUAL(h245_summary(peer_take(&a), text, sizeof(text)),
                           "terminalCapabilitySet seq=1 entries=5 audio=PCMA:20,PCMU:20");
    CU_ASSERT_EQUAL(h245_send_signal(a.engine, '#', 100), 0);
    CU_ASSERT_STRING_EQUAL(h245_summary(peer_take(&a), text, sizeof(text)), "userInput signal=#");
    CU_ASSERT_EQUAL(
        h239_send(a.engine, &a.arena,
                  &(struct h239_message){
                      .kind = H239_TOKEN_RELEASE, .mcu = 1, .terminal = 2, .channel = 7},
                  0),
        0);
    CU_ASSERT_STRING_EQUAL(h245_summary(peer_take(&a), text, sizeof(text)),
                           "genericCommand presentationTokenRelease terminal=1/2 lcn=7");
    CU_ASSERT_EQUAL(
        h245_conference_request(
            a.engine, &(struct h245_ConferenceRequest){.kind = h245_ConferenceRequest_makeMeChair},
            0),
        0);
    CU_ASSERT_STRING_EQUAL(h245_summary(peer_take(&a), text, sizeof(text)),
                           "conferenceRequest makeMeChair");
    stop();
}

SUITE("h245/engine", TEST(msd_crossing_numbers_decide), TEST(msd_larger_terminal_type_wins),
      TEST(msd_one_sided_start_suffices), TEST(msd_identical_numbers_retry_until_they_differ),
      TEST(msd_opposite_numbers_are_undecided), TEST(msd_no_answer_times_out_and_releases),
      TEST(msd_lost_ack_fails_both_sides), TEST(msd_repeated_request_is_acknowledged_again),
      TEST(msd_contradicting_ack_is_inconsistent), TEST(ces_both_directions_are_read_and_acked),
      TEST(ces_rejection_reaches_the_sender), TEST(ces_no_answer_times_out_and_releases),
      TEST(ces_answer_to_an_older_set_is_ignored), TEST(ces_empty_set_is_recognised),
      TEST(channel_opens_and_closes_in_both_directions), TEST(channel_rejection_carries_its_cause),
      TEST(channel_without_answer_is_given_up_and_closed),
      TEST(channel_close_without_answer_ends_all_the_same),
      TEST(channel_closed_while_opening_ignores_the_late_ack),
      TEST(channel_opened_twice_by_peer_replaces_the_first), TEST(channel_flood_stops_at_the_limit),
      TEST(channel_bidirectional_request_is_rejected), TEST(close_request_makes_the_sender_close),
      TEST(close_request_refused_or_lost_is_told),
      TEST(round_trip_measures_and_repeats_as_keepalive),
      TEST(round_trip_unanswered_counts_in_a_row), TEST(end_session_is_said_once_by_each_side),
      TEST(end_session_without_answer_ends_by_timer), TEST(end_session_crossing_ends_both),
      TEST(user_input_arrives_as_text), TEST(destroy_inside_callback_is_safe),
      TEST(summary_names_message_and_facts))
