/* The smaller procedures between two engines, or with a peer played by hand: what the user sees,
 * what is refused and how, what is counted. The machines' tables: test_tables.c; conference control
 * and H.239: test_conference.c. */
#include "base/err.h"
#include "tests/h245/users.h"
#include "tests/suite.h"

static struct h245_TerminalLabel label = {.mcuNumber = 1, .terminalNumber = 2};

/* ---- mode request ---- */

static void mode_request_gets_each_answer(void)
{
    for (int i = 0; i < H245_MODE_ANSWER_COUNT; i++) {
        users_start();
        CU_ASSERT_EQUAL(h245_mode_request(a.engine, users_mode(), 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.mode_requests, 1);
        CU_ASSERT_EQUAL(seen.mode_answers, 0); /* he thinks */
        CU_ASSERT_EQUAL(h245_mode_answer(b.engine, (enum h245_mode_answer)i), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.mode_answers, 1);
        CU_ASSERT_EQUAL(seen.mode_answer, (enum h245_mode_answer)i);
        CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_DENIED), ERR_STATE);
        CU_ASSERT_STRING_NOT_EQUAL(h245_mode_answer_to_str((enum h245_mode_answer)i),
                                   "unknown answer");
        users_stop();
    }
    users_start();
    CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_ANSWER_COUNT), ERR_INVAL);
    users_stop();
}

static void mode_request_without_user_is_denied(void)
{
    users_start_plain();
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, users_mode(), 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_MODE), 1);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    CU_ASSERT_EQUAL(a.seen.failed, 0);
    users_stop();
}

static void mode_request_renewed_replaces_the_first(void)
{
    users_start();
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, users_mode(), 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, users_mode(), 100), 0);
    peer_run(&a, &b, 100);
    CU_ASSERT_EQUAL(seen.mode_withdrawn, 1);
    CU_ASSERT_EQUAL(seen.mode_requests, 2);
    CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_LESS_PREFERRED), 0);
    peer_run(&a, &b, 100);
    CU_ASSERT_EQUAL(seen.mode_answer, H245_MODE_LESS_PREFERRED);
    users_stop();
}

static void mode_request_unanswered_is_withdrawn(void)
{
    users_start();
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, users_mode(), 0), 0);
    peer_run(&a, &b, 0);
    peer_elapse(&a, &b, 10000);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_MODE_OUT);
    CU_ASSERT_EQUAL(seen.mode_withdrawn, 1);
    CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_DENIED), ERR_STATE);
    users_stop();
}

/* ---- loops ---- */

static void loop_on_a_channel_goes_on_and_off(void)
{
    users_start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 6, 0), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 0, 0), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 5, 0), 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_CHANNEL, 5, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.loop_requests, 2);
    CU_ASSERT_EQUAL(seen.loop_lcn, 5);
    CU_ASSERT_EQUAL(h245_loop_answer(b.engine, H245_LOOP_MEDIA, 5, true), 0);
    CU_ASSERT_EQUAL(h245_loop_answer(b.engine, H245_LOOP_CHANNEL, 5, false), 0);
    CU_ASSERT_EQUAL(h245_loop_answer(b.engine, H245_LOOP_SYSTEM, 0, true), ERR_NOTFOUND);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.loops_on, 1);
    CU_ASSERT_EQUAL(seen.loops_off, 1);
    CU_ASSERT_EQUAL(h245_loop_off(a.engine), 0);
    CU_ASSERT_EQUAL(h245_loop_off(a.engine), ERR_STATE);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.loops_ended, 1);
    users_stop();
}

static void loop_request_for_no_channel_too_many_or_no_user_is_rejected(void)
{
    static const enum h245_loop kinds[] = {H245_LOOP_SYSTEM, H245_LOOP_MEDIA, H245_LOOP_CHANNEL};

    for (size_t i = 0; i < 3; i++) { /* no user */
        users_start_plain();
        CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(h245_loop_request(a.engine, kinds[i], i == 0 ? 0 : 5, 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_LOOP), 1);
        CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
        users_stop();
    }
    users_start();
    for (uint16_t lcn = 5; lcn < 10; lcn++)
        CU_ASSERT_EQUAL(peer_open(&a, lcn), 0);
    peer_run(&a, &b, 0);
    for (uint16_t lcn = 5; lcn < 9; lcn++)
        CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, lcn, 0), 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 9, 0), ERR_LIMIT);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 8, 0), ERR_EXISTS);
    users_stop();
}

static void loop_ends_with_its_channel(void)
{
    users_start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 5, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 5, H245_OUTGOING, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_answer(b.engine, H245_LOOP_MEDIA, 5, true), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(h245_loop_off(a.engine), ERR_STATE);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    users_stop();
}

static void loop_time_out_ends_the_others_too(void)
{
    users_start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 5, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_answer(b.engine, H245_LOOP_MEDIA, 5, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_SYSTEM, 0, 0), 0);
    peer_elapse(&a, &b, 10000);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_LOOP_OUT);
    CU_ASSERT_EQUAL(seen.loops_off, 1);
    CU_ASSERT_EQUAL(h245_loop_off(a.engine), ERR_STATE);
    users_stop();
}

/* ---- rate ---- */

static void rate_is_granted_or_refused_on_either_end_of_a_channel(void)
{
    for (int granted = 0; granted < 2; granted++) {
        users_start();
        CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(h245_rate_request(a.engine, 6, H245_OUTGOING, 640, 0), ERR_NOTFOUND);
        CU_ASSERT_EQUAL(h245_rate_request(a.engine, 5, H245_OUTGOING, 640, 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.rate_requests, 1);
        CU_ASSERT_EQUAL(seen.rate_direction, H245_INCOMING);
        CU_ASSERT_EQUAL(seen.rate, 640);
        CU_ASSERT_EQUAL(h245_rate_answer(b.engine, 5, H245_INCOMING, granted == 1, 320), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.rate_answers, 1);
        CU_ASSERT_EQUAL(seen.is_granted, granted == 1);
        CU_ASSERT_EQUAL(seen.rate, granted == 1 ? 640 : 320);
        CU_ASSERT_EQUAL(h245_rate_answer(b.engine, 5, H245_INCOMING, true, 0), ERR_STATE);
        /* and asked by the receiver */
        CU_ASSERT_EQUAL(h245_rate_request(b.engine, 5, H245_INCOMING, 100, 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.rate_requests, 2);
        CU_ASSERT_EQUAL(seen.rate_direction, H245_OUTGOING);
        users_stop();
    }
}

static void rate_without_user_or_channel_is_rejected(void)
{
    users_start_plain();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_rate_request(a.engine, 5, H245_OUTGOING, 640, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_RATE), 1);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    users_stop();

    users_start();
    CU_ASSERT_EQUAL(h245_channel_adopt(a.engine, 5, H245_OUTGOING), 0); /* b knows of none */
    CU_ASSERT_EQUAL(h245_rate_request(a.engine, 5, H245_OUTGOING, 640, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.rate_requests, 0);
    CU_ASSERT_EQUAL(seen.rate_answers, 1);
    CU_ASSERT_FALSE(seen.is_granted);
    users_stop();
}

/* ---- user input ---- */

static void user_input_arrives_in_every_form(void)
{
    struct h245_UserInputIndication_signal_rtp rtp = {
        .has_timestamp = true, .timestamp = 123456, .logicalChannelNumber = 5};
    struct h245_UserInputIndication_signal signal = {
        .signalType = {1, (char[]){'#', 0}}, .rtp = &rtp, .has_rtpPayloadIndication = true};
    struct h245_UserInputIndication_extendedAlphanumeric extended = {
        .alphanumeric = {2, (char[]){'4', '2', 0}}};
    struct h245_UserInputIndication input = {.kind = h245_UserInputIndication_signal,
                                             .u.signal = &signal};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_userInput,
                                       .u.userInput = &input};

    users_start();
    CU_ASSERT_EQUAL(h245_send_user_input(a.engine, "12#"), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.input.kind, H245_INPUT_ALPHANUMERIC);
    CU_ASSERT_EQUAL(h245_send_signal(a.engine, 'D', 250), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.input.kind, H245_INPUT_SIGNAL);
    CU_ASSERT_EQUAL(b.seen.input.duration_ms, 250);
    CU_ASSERT_EQUAL(b.seen.text[0], 'D');
    CU_ASSERT_EQUAL(h245_send_signal_update(a.engine, 90), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.input.kind, H245_INPUT_SIGNAL_UPDATE);
    CU_ASSERT_EQUAL(b.seen.input.duration_ms, 90);
    CU_ASSERT_EQUAL(h245_send_indication(a.engine, &m), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.input.lcn, 5);
    CU_ASSERT_TRUE(b.seen.input.has_timestamp);
    CU_ASSERT_EQUAL(b.seen.input.timestamp, 123456);
    CU_ASSERT_TRUE(b.seen.input.is_in_rtp);
    input.kind = h245_UserInputIndication_extendedAlphanumeric;
    input.u.extendedAlphanumeric = &extended;
    CU_ASSERT_EQUAL(h245_send_indication(a.engine, &m), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(b.seen.input.kind, H245_INPUT_EXTENDED);
    CU_ASSERT_STRING_EQUAL(b.seen.text, "42");
    CU_ASSERT_EQUAL(b.seen.user_inputs, 5);
    CU_ASSERT_EQUAL(h245_send_signal(a.engine, 'x', 1), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_send_signal(a.engine, '\0', 1), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_send_signal_update(a.engine, 0), ERR_INVAL);
    CU_ASSERT_EQUAL(h245_send_user_input(a.engine, ""), ERR_INVAL);
    users_stop();
}

static void user_input_that_is_encrypted_is_counted_not_shown(void)
{
    static const uint32_t oid[] = {0, 0, 8, 235, 0, 3};
    struct h245_UserInputIndication_encryptedAlphanumeric secret = {
        .algorithmOID = {6, oid}, .encrypted = {1, (uint8_t[]){7}}};
    struct h245_UserInputIndication_signal signal = {.signalType = {1, (char[]){'!', 0}},
                                                     .has_encryptedSignalType = true};
    struct h245_UserInputIndication input = {.kind = h245_UserInputIndication_encryptedAlphanumeric,
                                             .u.encryptedAlphanumeric = &secret};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_userInput,
                                       .u.userInput = &input};

    users_start();
    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
    input.kind = h245_UserInputIndication_signal;
    input.u.signal = &signal;
    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
    CU_ASSERT_EQUAL(a.seen.user_inputs, 0);
    CU_ASSERT_EQUAL(users_refused(&a, H245_REFUSED_USER_INPUT), 2);
    CU_ASSERT_EQUAL(a.queue_len, 0); /* an indication is not answered */
    users_stop();
}

/* ---- commands for channels, indications, what is not ours ---- */

static void send_misc(struct peer *p, uint16_t lcn, enum h245_MiscellaneousCommand_type_kind kind)
{
    struct h245_MiscellaneousCommand misc = {.logicalChannelNumber = lcn, .type.kind = kind};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                    .u.miscellaneousCommand = &misc};

    CU_ASSERT_EQUAL(h245_send_command(p->engine, &m), 0);
}

static void send_flow(struct peer *p, enum h245_FlowControlCommand_scope_kind scope, uint16_t lcn)
{
    struct h245_FlowControlCommand flow = {
        .scope = {.kind = scope, .u.logicalChannelNumber = lcn},
        .restriction = {.kind = h245_FlowControlCommand_restriction_maximumBitRate,
                        .u.maximumBitRate = 640}};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_flowControlCommand,
                                    .u.flowControlCommand = &flow};

    CU_ASSERT_EQUAL(h245_send_command(p->engine, &m), 0);
}

static void commands_reach_the_user_for_channels_that_exist(void)
{
    users_start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    send_misc(&b, 5, h245_MiscellaneousCommand_type_videoFastUpdatePicture);
    send_flow(&b, h245_FlowControlCommand_scope_logicalChannelNumber, 5);
    send_flow(&b, h245_FlowControlCommand_scope_wholeMultiplex, 0);
    send_misc(&b, 77, h245_MiscellaneousCommand_type_multipointModeCommand);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.misc, 2);
    CU_ASSERT_EQUAL(a.seen.flow, 2);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 0);
    send_misc(&b, 6, h245_MiscellaneousCommand_type_videoFastUpdatePicture);
    send_flow(&b, h245_FlowControlCommand_scope_logicalChannelNumber, 6);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.misc, 2);
    CU_ASSERT_EQUAL(a.seen.flow, 2);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 2);
    users_stop();
}

static void indications_without_a_procedure_reach_the_user(void)
{
    struct h245_MiscellaneousIndication misc = {
        .logicalChannelNumber = 5,
        .type.kind = h245_MiscellaneousIndication_type_logicalChannelActive};
    struct h245_VendorIdentification vendor = {
        .vendor = {.kind = h245_NonStandardIdentifier_h221NonStandard,
                   .u.h221NonStandard = &(struct h245_NonStandardIdentifier_h221NonStandard){
                       .t35CountryCode = 181}}};
    struct h245_ConferenceIndication joined = {
        .kind = h245_ConferenceIndication_terminalJoinedConference,
        .u.terminalJoinedConference = &label};
    struct h245_JitterIndication jitter = {
        .scope = {.kind = h245_JitterIndication_scope_wholeMultiplex}};
    struct h245_IndicationMessage m[] = {
        {.kind = h245_IndicationMessage_miscellaneousIndication,
         .u.miscellaneousIndication = &misc},
        {.kind = h245_IndicationMessage_vendorIdentification, .u.vendorIdentification = &vendor},
        {.kind = h245_IndicationMessage_conferenceIndication, .u.conferenceIndication = &joined},
        {.kind = h245_IndicationMessage_jitterIndication, .u.jitterIndication = &jitter},
    };

    users_start();
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(h245_send_indication(a.engine, &m[i]), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.indications, i + 1);
        CU_ASSERT_EQUAL(seen.indication_kind, m[i].kind);
    }
    users_stop();
}

static void multilink_is_refused_by_name(void)
{
    struct h245_MultilinkRequest_addConnection add = {.sequenceNumber = 9};
    struct h245_MultilinkRequest_callInformation call = {.maxNumberOfAdditionalConnections = 1};
    struct h245_MultilinkRequest request = {.kind = h245_MultilinkRequest_addConnection,
                                            .u.addConnection = &add};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_multilinkRequest,
                                    .u.multilinkRequest = &request};
    const struct h245_MultilinkResponse *answer;

    add.dialingInformation.kind = h245_DialingInformation_infoNotAvailable;
    add.dialingInformation.u.infoNotAvailable = 1;
    users_start();
    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
    answer = peer_take(&a)->u.response->u.multilinkResponse;
    CU_ASSERT_EQUAL_FATAL(answer->kind, h245_MultilinkResponse_addConnection);
    CU_ASSERT_EQUAL(answer->u.addConnection->sequenceNumber, 9);
    CU_ASSERT_EQUAL(answer->u.addConnection->responseCode.kind,
                    h245_MultilinkResponse_addConnection_responseCode_rejected);
    request.kind = h245_MultilinkRequest_callInformation;
    request.u.callInformation = &call;
    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
    CU_ASSERT_EQUAL(peer_take(&a)->u.indication->kind, h245_IndicationMessage_functionNotSupported);
    CU_ASSERT_EQUAL(users_refused(&a, H245_REFUSED_MULTILINK), 2);
    users_stop();
}

static void refusals_have_names_and_add_up(void)
{
    struct h245_EncryptionCommand encryption = {.kind = h245_EncryptionCommand_encryptionIVRequest};
    struct h245_H223MultiplexReconfiguration_h223ModeChange change = {
        .kind = h245_H223MultiplexReconfiguration_h223ModeChange_toLevel0};
    struct h245_H223MultiplexReconfiguration h223 = {
        .kind = h245_H223MultiplexReconfiguration_h223ModeChange, .u.h223ModeChange = &change};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_encryptionCommand,
                                    .u.encryptionCommand = &encryption};
    const struct h245_engine_stats *stats;
    uint64_t sum = 0;

    users_start();
    CU_ASSERT_EQUAL(h245_send_command(b.engine, &m), 0);
    m.kind = h245_CommandMessage_h223MultiplexReconfiguration;
    m.u.h223MultiplexReconfiguration = &h223;
    CU_ASSERT_EQUAL(h245_send_command(b.engine, &m), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(users_refused(&a, H245_REFUSED_ENCRYPTION), 1);
    CU_ASSERT_EQUAL(users_refused(&a, H245_REFUSED_H223), 1);
    CU_ASSERT_EQUAL(seen.not_supported, 2);
    stats = h245_engine_stats(a.engine);
    for (int i = 0; i < H245_REFUSAL_COUNT; i++) {
        CU_ASSERT_STRING_NOT_EQUAL(h245_refusal_to_str((enum h245_refusal)i), "unknown");
        sum += stats->refused[i];
    }
    CU_ASSERT_EQUAL(sum, stats->unsupported + stats->unknown);
    CU_ASSERT_STRING_EQUAL(h245_refusal_to_str(H245_REFUSAL_COUNT), "unknown");
    users_stop();
}

static void channel_not_known_to_peer_counts_as_rejected(void)
{
    struct h245_FunctionNotUnderstood f = {.kind = h245_FunctionNotUnderstood_request};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_functionNotUnderstood,
                                       .u.functionNotUnderstood = &f};

    users_start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    f.u.request = peer_take(&a)->u.request;
    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_LCSE_OUT);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
    CU_ASSERT_EQUAL(a.seen.channel_rejected, 1);
    CU_ASSERT_EQUAL(a.seen.cause, H245_OLC_UNKNOWN_CAUSE);
    CU_ASSERT_EQUAL(h245_channel_count(a.engine, H245_OUTGOING), 0);
    users_stop();
}

/* ---- capabilities again ---- */

static void capabilities_are_replaced_while_channels_are_open(void)
{
    struct h245_TerminalCapabilitySet *empty = NULL;

    users_start();
    CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
    CU_ASSERT_EQUAL(peer_send_caps(&b), 0); /* both directions at once */
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(a.seen.acked, 1);
    CU_ASSERT_EQUAL(b.seen.acked, 1);
    CU_ASSERT_EQUAL(h245_build_empty_tcs(&b.arena, &empty), 0);
    CU_ASSERT_EQUAL(h245_ces_send(b.engine, empty, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_TRUE(a.seen.caps.is_empty);
    CU_ASSERT_TRUE(h245_channel_is_open(a.engine, 5, H245_OUTGOING)); /* the user's to close */
    CU_ASSERT_EQUAL(peer_send_caps(&b), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_FALSE(a.seen.caps.is_empty);
    CU_ASSERT_EQUAL(b.seen.acked, 3);
    users_stop();
}

static void capability_numbers_wrap_after_256_sets(void)
{
    users_start();
    for (int i = 0; i < 300; i++) {
        CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
        CU_ASSERT_EQUAL(peer_send_caps(&a), ERR_STATE);
        peer_run(&a, &b, 0);
        arena_reset(&a.arena);
    }
    CU_ASSERT_EQUAL(a.seen.acked, 300);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 0);
    users_stop();
}

static void set_without_table_is_empty_only_if_nothing_else_is_in_it(void)
{
    struct h245_H2250Capability h2250 = {.maximumAudioDelayJitter = 60};
    struct h245_MultiplexCapability multiplex = {.kind = h245_MultiplexCapability_h2250Capability,
                                                 .u.h2250Capability = &h2250};
    struct h245_TerminalCapabilitySet tcs = {.multiplexCapability = &multiplex};
    struct h245_peer_caps caps;

    CU_ASSERT_EQUAL(h245_read_tcs(&tcs, &caps), 0);
    CU_ASSERT_FALSE(caps.is_empty);
    CU_ASSERT_EQUAL(caps.audio_count, 0);
    CU_ASSERT_FALSE(caps.has_table);
    tcs.multiplexCapability = NULL;
    CU_ASSERT_EQUAL(h245_read_tcs(&tcs, &caps), 0);
    CU_ASSERT_TRUE(caps.is_empty);
}

SUITE("h245/procedures", TEST(mode_request_gets_each_answer),
      TEST(mode_request_without_user_is_denied), TEST(mode_request_renewed_replaces_the_first),
      TEST(mode_request_unanswered_is_withdrawn), TEST(loop_on_a_channel_goes_on_and_off),
      TEST(loop_request_for_no_channel_too_many_or_no_user_is_rejected),
      TEST(loop_ends_with_its_channel), TEST(loop_time_out_ends_the_others_too),
      TEST(rate_is_granted_or_refused_on_either_end_of_a_channel),
      TEST(rate_without_user_or_channel_is_rejected), TEST(user_input_arrives_in_every_form),
      TEST(user_input_that_is_encrypted_is_counted_not_shown),
      TEST(commands_reach_the_user_for_channels_that_exist),
      TEST(indications_without_a_procedure_reach_the_user), TEST(multilink_is_refused_by_name),
      TEST(refusals_have_names_and_add_up), TEST(channel_not_known_to_peer_counts_as_rejected),
      TEST(capabilities_are_replaced_while_channels_are_open),
      TEST(capability_numbers_wrap_after_256_sets),
      TEST(set_without_table_is_empty_only_if_nothing_else_is_in_it))
