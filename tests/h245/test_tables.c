/* Every event in every state of every machine of H.245 that has no test of this sort elsewhere
 * (channels: test_channels.c): a cell with a row goes where the row says; one without leaves the
 * state alone, refuses the user and counts the peer. */
#include "base/err.h"
#include "signalling/h245/lcse.h"
#include "tests/h245/peer.h"
#include "tests/suite.h"

#define LCN 7

static struct peer a;
static struct h245_engine_ops ops;

/* These take the request and leave it unanswered, which is a state of its own. */
static void on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    (void)arg;
    CU_ASSERT_TRUE(request->requestedModes.n > 0);
}

static void on_loop_request(void *arg, enum h245_loop loop, uint16_t lcn)
{
    (void)arg;
    CU_ASSERT_EQUAL(loop, H245_LOOP_SYSTEM);
    CU_ASSERT_EQUAL(lcn, 0);
}

static void on_rate_request(void *arg, uint16_t lcn, enum h245_direction direction, uint32_t rate)
{
    (void)arg;
    CU_ASSERT_EQUAL(lcn, LCN);
    CU_ASSERT_EQUAL(direction, H245_INCOMING);
    CU_ASSERT_EQUAL(rate, 640);
}

/* One message from the peer. */
#define FEED(class, Class, field, Type, ...)                                      \
    do {                                                                          \
        struct h245_##Type body_ = {__VA_ARGS__};                                 \
        struct h245_##Class##Message m_ = {.kind = h245_##Class##Message_##field, \
                                           .u.field = &body_};                    \
                                                                                  \
        CU_ASSERT_EQUAL(peer_feed_##class(&a, &m_), 0);                           \
    } while (0)

#define NOT_KNOWN(field, Type, ...)                                                               \
    do {                                                                                          \
        struct h245_##Type ours_ = {__VA_ARGS__};                                                 \
        struct h245_RequestMessage r_ = {.kind = h245_RequestMessage_##field, .u.field = &ours_}; \
                                                                                                  \
        FEED(indication, Indication, functionNotUnderstood, FunctionNotUnderstood,                \
             .kind = h245_FunctionNotUnderstood_request, .u.request = &r_);                       \
    } while (0)

enum sort { BY_USER, BY_PEER, BY_CLOCK };

static enum sort time_passes(void)
{
    h245_engine_on_timer(a.engine, 10000);
    return BY_CLOCK;
}

/* ---- master-slave determination ---- */

static unsigned msd_state(void)
{
    return a.engine->msd.state;
}

static void msd_request(uint32_t number)
{
    FEED(request, Request, masterSlaveDetermination, MasterSlaveDetermination, .terminalType = 50,
         .statusDeterminationNumber = number);
}

static void msd_go(unsigned state)
{
    if (state == 1)
        CU_ASSERT_EQUAL(h245_msd_start(a.engine, 0), 0);
    if (state == 2)
        msd_request(5);
}

static enum sort msd_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        *err = h245_msd_start(a.engine, 0);
        return BY_USER;
    case 1:
        msd_request(5);
        return BY_PEER;
    case 2:
        FEED(response, Response, masterSlaveDeterminationAck, MasterSlaveDeterminationAck,
             .decision.kind = h245_MasterSlaveDeterminationAck_decision_master);
        return BY_PEER;
    case 3:
        FEED(response, Response, masterSlaveDeterminationReject, MasterSlaveDeterminationReject,
             .cause.kind = h245_MasterSlaveDeterminationReject_cause_identicalNumbers);
        return BY_PEER;
    case 4:
        FEED(indication, Indication, masterSlaveDeterminationRelease,
             MasterSlaveDeterminationRelease, .ext_ = NULL);
        return BY_PEER;
    case 5:
        return time_passes();
    default:
        NOT_KNOWN(masterSlaveDetermination, MasterSlaveDetermination, .terminalType = 50);
        return BY_PEER;
    }
}

/* ---- capabilities ---- */

static unsigned ces_state(void)
{
    return a.engine->ces.state;
}

static void ces_go(unsigned state)
{
    if (state == 1)
        CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
}

static enum sort ces_do(unsigned event, int *err)
{
    uint8_t sequence = a.engine->ces.sequence;
    static const uint32_t version[] = {0, 0, 8, 245, 0, 17};

    switch (event) {
    case 0:
        *err = peer_send_caps(&a);
        return BY_USER;
    case 1:
        FEED(response, Response, terminalCapabilitySetAck, TerminalCapabilitySetAck,
             .sequenceNumber = sequence);
        return BY_PEER;
    case 2:
        FEED(response, Response, terminalCapabilitySetReject, TerminalCapabilitySetReject,
             .sequenceNumber = sequence,
             .cause.kind = h245_TerminalCapabilitySetReject_cause_unspecified);
        return BY_PEER;
    case 3:
        return time_passes();
    default:
        NOT_KNOWN(terminalCapabilitySet, TerminalCapabilitySet, .sequenceNumber = sequence,
                  .protocolIdentifier = {6, version});
        return BY_PEER;
    }
}

/* ---- request channel close ---- */

static struct channel *incoming(void)
{
    struct channel *c = h245_channel_find(a.engine, LCN, H245_INCOMING);

    if (c == NULL) {
        CU_ASSERT_EQUAL_FATAL(h245_channel_adopt(a.engine, LCN, H245_INCOMING), 0);
        c = h245_channel_find(a.engine, LCN, H245_INCOMING);
    }
    return c;
}

static unsigned clc_state(void)
{
    return incoming()->clc_state;
}

static void clc_go(unsigned state)
{
    (void)incoming();
    if (state == 1)
        CU_ASSERT_EQUAL(h245_channel_close(a.engine, LCN, H245_INCOMING, 0), 0);
}

static enum sort clc_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        *err = h245_channel_close(a.engine, LCN, H245_INCOMING, 0);
        return BY_USER;
    case 1:
        FEED(response, Response, requestChannelCloseAck, RequestChannelCloseAck,
             .forwardLogicalChannelNumber = LCN);
        return BY_PEER;
    case 2:
        FEED(response, Response, requestChannelCloseReject, RequestChannelCloseReject,
             .forwardLogicalChannelNumber = LCN,
             .cause.kind = h245_RequestChannelCloseReject_cause_unspecified);
        return BY_PEER;
    case 3:
        return time_passes();
    default:
        NOT_KNOWN(requestChannelClose, RequestChannelClose, .forwardLogicalChannelNumber = LCN);
        return BY_PEER;
    }
}

/* ---- round trip ---- */

static unsigned rtd_state(void)
{
    return a.engine->rtd.state;
}

static void rtd_go(unsigned state)
{
    if (state == 1)
        CU_ASSERT_EQUAL(h245_rtd_start(a.engine, 0), 0);
}

static enum sort rtd_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        *err = h245_rtd_start(a.engine, 0);
        return BY_USER;
    case 1:
        FEED(response, Response, roundTripDelayResponse, RoundTripDelayResponse,
             .sequenceNumber = a.engine->rtd.sequence);
        return BY_PEER;
    case 2:
        return time_passes();
    default:
        NOT_KNOWN(roundTripDelayRequest, RoundTripDelayRequest, .sequenceNumber = 1);
        return BY_PEER;
    }
}

/* ---- mode request ---- */

static struct h245_RequestMode *some_mode(void)
{
    static struct h245_AudioMode audio = {.kind = h245_AudioMode_g711Alaw64k};
    static struct h245_ModeElement element = {
        .type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio}};
    static struct h245_ModeDescription description = {1, &element};
    static struct h245_RequestMode mode;

    mode = (struct h245_RequestMode){.requestedModes = {1, &description}};
    return &mode;
}

static unsigned mode_out_state(void)
{
    return a.engine->mode_out.state;
}

static void mode_out_go(unsigned state)
{
    if (state == 1)
        CU_ASSERT_EQUAL(h245_mode_request(a.engine, some_mode(), 0), 0);
}

static enum sort mode_out_do(unsigned event, int *err)
{
    uint8_t sequence = a.engine->mode_out.sequence;

    switch (event) {
    case 0:
        *err = h245_mode_request(a.engine, some_mode(), 0);
        return BY_USER;
    case 1:
        FEED(response, Response, requestModeAck, RequestModeAck, .sequenceNumber = sequence,
             .response.kind = h245_RequestModeAck_response_willTransmitLessPreferredMode);
        return BY_PEER;
    case 2:
        FEED(response, Response, requestModeReject, RequestModeReject, .sequenceNumber = sequence,
             .cause.kind = h245_RequestModeReject_cause_multipointConstraint);
        return BY_PEER;
    case 3:
        return time_passes();
    default: {
        struct h245_RequestMessage m = {.kind = h245_RequestMessage_requestMode,
                                        .u.requestMode = some_mode()};

        FEED(indication, Indication, functionNotUnderstood, FunctionNotUnderstood,
             .kind = h245_FunctionNotUnderstood_request, .u.request = &m);
        return BY_PEER;
    }
    }
}

static unsigned mode_in_state(void)
{
    return a.engine->mode_in.state;
}

static void feed_mode(void)
{
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_requestMode,
                                    .u.requestMode = some_mode()};

    CU_ASSERT_EQUAL(peer_feed_request(&a, &m), 0);
}

static void mode_in_go(unsigned state)
{
    if (state == 1)
        feed_mode();
}

static enum sort mode_in_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        feed_mode();
        return BY_PEER;
    case 1:
        FEED(indication, Indication, requestModeRelease, RequestModeRelease, .ext_ = NULL);
        return BY_PEER;
    case 2:
        *err = h245_mode_answer(a.engine, H245_MODE_MOST_PREFERRED);
        return BY_USER;
    default:
        *err = h245_mode_answer(a.engine, H245_MODE_UNAVAILABLE);
        return BY_USER;
    }
}

/* ---- loops ---- */

static unsigned loop_state(enum h245_direction side)
{
    return a.engine->loops[side][0].state;
}

static unsigned loop_out_state(void)
{
    return loop_state(H245_OUTGOING);
}

static unsigned loop_in_state(void)
{
    return loop_state(H245_INCOMING);
}

static void feed_loop_ack(void)
{
    FEED(response, Response, maintenanceLoopAck, MaintenanceLoopAck,
         .type.kind = h245_MaintenanceLoopAck_type_systemLoop);
}

static void loop_out_go(unsigned state)
{
    if (state != 0)
        CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_SYSTEM, 0, 0), 0);
    if (state == 2)
        feed_loop_ack();
}

static enum sort loop_out_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        *err = h245_loop_request(a.engine, H245_LOOP_SYSTEM, 0, 0);
        return BY_USER;
    case 1:
        *err = h245_loop_off(a.engine);
        return BY_USER;
    case 2:
        feed_loop_ack();
        return BY_PEER;
    case 3:
        FEED(response, Response, maintenanceLoopReject, MaintenanceLoopReject,
             .type.kind = h245_MaintenanceLoopReject_type_systemLoop,
             .cause.kind = h245_MaintenanceLoopReject_cause_canNotPerformLoop);
        return BY_PEER;
    case 4:
        return time_passes();
    default:
        NOT_KNOWN(maintenanceLoopRequest, MaintenanceLoopRequest,
                  .type.kind = h245_MaintenanceLoopRequest_type_systemLoop);
        return BY_PEER;
    }
}

static void feed_loop_request(void)
{
    FEED(request, Request, maintenanceLoopRequest, MaintenanceLoopRequest,
         .type.kind = h245_MaintenanceLoopRequest_type_systemLoop);
}

static void loop_in_go(unsigned state)
{
    if (state != 0)
        feed_loop_request();
    if (state == 2)
        CU_ASSERT_EQUAL(h245_loop_answer(a.engine, H245_LOOP_SYSTEM, 0, true), 0);
}

static enum sort loop_in_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        feed_loop_request();
        return BY_PEER;
    case 1:
        FEED(command, Command, maintenanceLoopOffCommand, MaintenanceLoopOffCommand, .ext_ = NULL);
        return BY_PEER;
    default:
        *err = h245_loop_answer(a.engine, H245_LOOP_SYSTEM, 0, event == 2);
        return BY_USER;
    }
}

/* ---- rate ---- */

static unsigned rate_out_state(void)
{
    return incoming()->rate_out.state;
}

static unsigned rate_in_state(void)
{
    return incoming()->rate_in.state;
}

static void rate_out_go(unsigned state)
{
    (void)incoming();
    if (state == 1)
        CU_ASSERT_EQUAL(h245_rate_request(a.engine, LCN, H245_INCOMING, 640, 0), 0);
}

static enum sort rate_out_do(unsigned event, int *err)
{
    uint8_t sequence = incoming()->rate_out.sequence;

    switch (event) {
    case 0:
        *err = h245_rate_request(a.engine, LCN, H245_INCOMING, 640, 0);
        return BY_USER;
    case 1:
        FEED(response, Response, logicalChannelRateAcknowledge, LogicalChannelRateAcknowledge,
             .sequenceNumber = sequence, .logicalChannelNumber = LCN, .maximumBitRate = 640);
        return BY_PEER;
    case 2:
        FEED(response, Response, logicalChannelRateReject, LogicalChannelRateReject,
             .sequenceNumber = sequence, .logicalChannelNumber = LCN,
             .rejectReason.kind = h245_LogicalChannelRateRejectReason_insufficientResources);
        return BY_PEER;
    case 3:
        return time_passes();
    default:
        NOT_KNOWN(logicalChannelRateRequest, LogicalChannelRateRequest, .sequenceNumber = sequence,
                  .logicalChannelNumber = LCN, .maximumBitRate = 640);
        return BY_PEER;
    }
}

static void feed_rate_request(void)
{
    FEED(request, Request, logicalChannelRateRequest, LogicalChannelRateRequest,
         .sequenceNumber = 9, .logicalChannelNumber = LCN, .maximumBitRate = 640);
}

static void rate_in_go(unsigned state)
{
    (void)incoming();
    if (state == 1)
        feed_rate_request();
}

static enum sort rate_in_do(unsigned event, int *err)
{
    switch (event) {
    case 0:
        feed_rate_request();
        return BY_PEER;
    case 1:
        FEED(indication, Indication, logicalChannelRateRelease, LogicalChannelRateRelease,
             .ext_ = NULL);
        return BY_PEER;
    default:
        *err = h245_rate_answer(a.engine, LCN, H245_INCOMING, event == 2, 320);
        return BY_USER;
    }
}

/* ---- conference requests ---- */

static unsigned ask_state(void)
{
    return a.engine->asks[0].state;
}

static int ask_for_chair(void)
{
    struct h245_ConferenceRequest request = {.kind = h245_ConferenceRequest_makeMeChair};

    return h245_conference_request(a.engine, &request, 0);
}

static void ask_go(unsigned state)
{
    if (state == 1)
        CU_ASSERT_EQUAL(ask_for_chair(), 0);
}

static enum sort ask_do(unsigned event, int *err)
{
    struct h245_ConferenceResponse_makeMeChairResponse granted = {
        .kind = h245_ConferenceResponse_makeMeChairResponse_grantedChairToken};

    switch (event) {
    case 0:
        *err = ask_for_chair();
        return BY_USER;
    case 1:
        FEED(response, Response, conferenceResponse, ConferenceResponse,
             .kind = h245_ConferenceResponse_makeMeChairResponse,
             .u.makeMeChairResponse = &granted);
        return BY_PEER;
    case 2:
        NOT_KNOWN(conferenceRequest, ConferenceRequest, .kind = h245_ConferenceRequest_makeMeChair);
        return BY_PEER;
    default:
        return time_passes();
    }
}

/* ---- end of session ---- */

static unsigned session_state(void)
{
    return a.engine->session.state;
}

static void feed_end(void)
{
    FEED(command, Command, endSessionCommand, EndSessionCommand,
         .kind = h245_EndSessionCommand_disconnect);
}

static void session_go(unsigned state)
{
    if (state != 0)
        CU_ASSERT_EQUAL(h245_end_session(a.engine, 0), 0);
    if (state == 2)
        feed_end();
}

static enum sort session_do(unsigned event, int *err)
{
    if (event == 0) {
        *err = h245_end_session(a.engine, 0);
        return BY_USER;
    }
    if (event == 1) {
        feed_end();
        return BY_PEER;
    }
    return time_passes();
}

/* ---- the walk ---- */

static const struct walk {
    const struct fsm *fsm;
    void (*go)(unsigned state);
    enum sort (*inject)(unsigned event, int *err);
    unsigned (*state)(void);
} walks[] = {
    {&h245_msd_fsm, msd_go, msd_do, msd_state},
    {&h245_ces_out_fsm, ces_go, ces_do, ces_state},
    {&h245_clc_out_fsm, clc_go, clc_do, clc_state},
    {&h245_rtd_fsm, rtd_go, rtd_do, rtd_state},
    {&h245_mode_out_fsm, mode_out_go, mode_out_do, mode_out_state},
    {&h245_mode_in_fsm, mode_in_go, mode_in_do, mode_in_state},
    {&h245_loop_out_fsm, loop_out_go, loop_out_do, loop_out_state},
    {&h245_loop_in_fsm, loop_in_go, loop_in_do, loop_in_state},
    {&h245_rate_out_fsm, rate_out_go, rate_out_do, rate_out_state},
    {&h245_rate_in_fsm, rate_in_go, rate_in_do, rate_in_state},
    {&h245_ask_fsm, ask_go, ask_do, ask_state},
    {&h245_session_fsm, session_go, session_do, session_state},
};

static void start(void)
{
    ops = peer_ops;
    ops.on_mode_request = on_mode_request;
    ops.on_loop_request = on_loop_request;
    ops.on_rate_request = on_rate_request;
    peer_init_with(&a, NULL, 1, &ops);
}

static void check_cell(const struct walk *w, unsigned state, unsigned event)
{
    const struct fsm_row *row = fsm_find(w->fsm, state, event);
    uint64_t unexpected;
    enum sort sort;
    int err = 0;

    start();
    w->go(state);
    CU_ASSERT_EQUAL_FATAL(w->state(), state);
    unexpected = h245_engine_stats(a.engine)->unexpected;
    sort = w->inject(event, &err);
    unexpected = h245_engine_stats(a.engine)->unexpected - unexpected;
    if (row == NULL) {
        CU_ASSERT_EQUAL(w->state(), state);
        CU_ASSERT_EQUAL(err != 0, sort == BY_USER);
        CU_ASSERT_EQUAL(unexpected, sort == BY_PEER ? 1 : 0);
    } else {
        if (row->next != FSM_DECIDES)
            CU_ASSERT_EQUAL(w->state(), row->next);
        CU_ASSERT_EQUAL(err, 0);
        CU_ASSERT_EQUAL(unexpected, 0);
    }
    /* A machine that waits for nothing runs no timer (a session that ended has none at all). */
    if (w->state() == 0)
        CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    peer_fini(&a);
}

static void every_event_in_every_state_does_what_the_table_says(void)
{
    unsigned cells = 0;

    for (size_t i = 0; i < FSM_COUNT(walks); i++)
        for (unsigned s = 0; s < walks[i].fsm->state_count; s++)
            for (unsigned e = 0; e < walks[i].fsm->event_count; e++, cells++)
                check_cell(&walks[i], s, e);
    CU_ASSERT_TRUE(cells > 130);
}

/* The procedure that failed is named, whatever the machine. */
static void every_timer_names_its_procedure(void)
{
    static const enum h245_procedure expected[] = {
        H245_PROC_MSD,      H245_PROC_CES_OUT,  H245_PROC_CLC,       H245_PROC_MODE_OUT,
        H245_PROC_LOOP_OUT, H245_PROC_RATE_OUT, H245_PROC_CONFERENCE};
    static void (*const go[])(unsigned) = {msd_go,      ces_go,      clc_go, mode_out_go,
                                           loop_out_go, rate_out_go, ask_go};

    for (size_t i = 0; i < FSM_COUNT(go); i++) {
        start();
        go[i](1);
        peer_lose_all(&a);
        CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), 10000);
        h245_engine_on_timer(a.engine, 9999);
        CU_ASSERT_EQUAL(a.seen.failed, 0);
        h245_engine_on_timer(a.engine, 10000);
        CU_ASSERT_EQUAL(a.seen.failed, 1);
        CU_ASSERT_EQUAL(a.seen.procedure, expected[i]);
        CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_TIMEOUT);
        CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->timeouts, 1);
        h245_engine_on_timer(a.engine, 99999);
        CU_ASSERT_EQUAL(a.seen.failed, 1);
        peer_fini(&a);
    }
}

SUITE("h245/tables", TEST(every_event_in_every_state_does_what_the_table_says),
      TEST(every_timer_names_its_procedure))
