/* The smaller procedures between two engines, or with a peer played by hand: what the user sees,
 * what is refused and how, what is counted. The machines' tables: test_tables.c. */
#include "base/err.h"
#include "signalling/h245/engine.h"
#include "signalling/h245/h239.h"
#include "tests/h245/peer.h"
#include "tests/suite.h"

static struct peer a, b;
static struct h245_engine_ops ops;

static struct {
    int mode_requests, mode_withdrawn, mode_answers;
    enum h245_mode_answer mode_answer;
    int loop_requests, loops_ended, loops_on, loops_off;
    enum h245_loop loop;
    uint16_t loop_lcn;
    int rate_requests, rate_answers;
    bool is_granted;
    uint32_t rate;
    uint16_t rate_lcn;
    enum h245_direction rate_direction;
    int conference_requests, conference_commands, conference_responses, communication_modes;
    int communication_mode_requests;
    unsigned conference_kind;
    uint32_t table_size;
    int generic[4];
    struct h239_message h239;
    int indications, not_supported;
    unsigned indication_kind;
    bool takes; /* what the callbacks that return bool say */
} seen;

static void on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    (void)arg;
    CU_ASSERT_EQUAL(request->requestedModes.n, 1);
    seen.mode_requests++;
}

static void on_mode_withdrawn(void *arg)
{
    (void)arg;
    seen.mode_withdrawn++;
}

static void on_mode_answer(void *arg, enum h245_mode_answer answer)
{
    (void)arg;
    seen.mode_answers++;
    seen.mode_answer = answer;
}

static void on_loop_request(void *arg, enum h245_loop loop, uint16_t lcn)
{
    (void)arg;
    seen.loop_requests++;
    seen.loop = loop;
    seen.loop_lcn = lcn;
}

static void on_loop_ended(void *arg, enum h245_loop loop, uint16_t lcn)
{
    (void)arg;
    (void)loop;
    (void)lcn;
    seen.loops_ended++;
}

static void on_loop(void *arg, enum h245_loop loop, uint16_t lcn, bool is_on)
{
    (void)arg;
    (void)loop;
    (void)lcn;
    if (is_on)
        seen.loops_on++;
    else
        seen.loops_off++;
}

static void on_rate_request(void *arg, uint16_t lcn, enum h245_direction direction, uint32_t rate)
{
    (void)arg;
    seen.rate_requests++;
    seen.rate_lcn = lcn;
    seen.rate_direction = direction;
    seen.rate = rate;
}

static void on_rate_answer(void *arg, uint16_t lcn, enum h245_direction direction, bool is_granted,
                           uint32_t rate)
{
    (void)arg;
    seen.rate_answers++;
    seen.rate_lcn = lcn;
    seen.rate_direction = direction;
    seen.is_granted = is_granted;
    seen.rate = rate;
}

static bool on_communication_mode_request(void *arg)
{
    (void)arg;
    seen.communication_mode_requests++;
    return seen.takes;
}

static bool on_communication_mode(void *arg,
                                  const struct h245_CommunicationModeTableEntry_list *table,
                                  bool is_command)
{
    (void)arg;
    (void)is_command;
    seen.communication_modes++;
    seen.table_size = table->n;
    return seen.takes;
}

static bool on_conference_request(void *arg, const struct h245_ConferenceRequest *request)
{
    (void)arg;
    seen.conference_requests++;
    seen.conference_kind = request->kind;
    return seen.takes;
}

static bool on_conference_command(void *arg, const struct h245_ConferenceCommand *command)
{
    (void)arg;
    seen.conference_commands++;
    seen.conference_kind = command->kind;
    return seen.takes;
}

static void on_conference_response(void *arg, const struct h245_ConferenceResponse *response)
{
    (void)arg;
    seen.conference_responses++;
    seen.conference_kind = response->kind;
}

static bool on_generic(void *arg, enum h245_generic_class class,
                       const struct h245_GenericMessage *message)
{
    (void)arg;
    seen.generic[class]++;
    (void)h239_read(message, &seen.h239);
    return seen.takes;
}

static void on_indication(void *arg, const struct h245_IndicationMessage *indication)
{
    (void)arg;
    seen.indications++;
    seen.indication_kind = indication->kind;
}

static void on_not_supported(void *arg, const struct h245_MultimediaSystemControlMessage *ours)
{
    (void)arg;
    (void)ours;
    seen.not_supported++;
}

/* b's user takes everything; a's is the plain one, but hears answers. */
static void start(void)
{
    memset(&seen, 0, sizeof(seen));
    seen.takes = true;
    ops = peer_ops;
    ops.on_mode_request = on_mode_request;
    ops.on_mode_withdrawn = on_mode_withdrawn;
    ops.on_mode_answer = on_mode_answer;
    ops.on_loop_request = on_loop_request;
    ops.on_loop_ended = on_loop_ended;
    ops.on_loop = on_loop;
    ops.on_rate_request = on_rate_request;
    ops.on_rate_answer = on_rate_answer;
    ops.on_communication_mode_request = on_communication_mode_request;
    ops.on_communication_mode = on_communication_mode;
    ops.on_conference_request = on_conference_request;
    ops.on_conference_command = on_conference_command;
    ops.on_conference_response = on_conference_response;
    ops.on_generic = on_generic;
    ops.on_indication = on_indication;
    ops.on_not_supported = on_not_supported;
    peer_init_with(&a, NULL, 1, &ops);
    peer_init_with(&b, NULL, 2, &ops);
}

/* Both users know none of the procedures. */
static void start_plain(void)
{
    memset(&seen, 0, sizeof(seen));
    peer_init(&a, NULL, 1);
    peer_init(&b, NULL, 2);
}

static void stop(void)
{
    peer_fini(&a);
    peer_fini(&b);
}

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

static uint64_t refused(const struct peer *p, enum h245_refusal what)
{
    return h245_engine_stats(p->engine)->refused[what];
}

/* ---- mode request ---- */

static void mode_request_gets_each_answer(void)
{
    for (int i = 0; i < H245_MODE_ANSWER_COUNT; i++) {
        start();
        CU_ASSERT_EQUAL(h245_mode_request(a.engine, some_mode(), 0), 0);
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
        stop();
    }
    start();
    CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_ANSWER_COUNT), ERR_INVAL);
    stop();
}

static void mode_request_without_user_is_denied(void)
{
    start_plain();
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, some_mode(), 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_MODE), 1);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    CU_ASSERT_EQUAL(a.seen.failed, 0);
    stop();
}

static void mode_request_renewed_replaces_the_first(void)
{
    start();
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, some_mode(), 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, some_mode(), 100), 0);
    peer_run(&a, &b, 100);
    CU_ASSERT_EQUAL(seen.mode_withdrawn, 1);
    CU_ASSERT_EQUAL(seen.mode_requests, 2);
    CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_LESS_PREFERRED), 0);
    peer_run(&a, &b, 100);
    CU_ASSERT_EQUAL(seen.mode_answer, H245_MODE_LESS_PREFERRED);
    stop();
}

static void mode_request_unanswered_is_withdrawn(void)
{
    start();
    CU_ASSERT_EQUAL(h245_mode_request(a.engine, some_mode(), 0), 0);
    peer_run(&a, &b, 0);
    peer_elapse(&a, &b, 10000);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_MODE_OUT);
    CU_ASSERT_EQUAL(seen.mode_withdrawn, 1);
    CU_ASSERT_EQUAL(h245_mode_answer(b.engine, H245_MODE_DENIED), ERR_STATE);
    stop();
}

/* ---- loops ---- */

static void loop_on_a_channel_goes_on_and_off(void)
{
    start();
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
    stop();
}

static void loop_request_for_no_channel_too_many_or_no_user_is_rejected(void)
{
    static const enum h245_loop kinds[] = {H245_LOOP_SYSTEM, H245_LOOP_MEDIA, H245_LOOP_CHANNEL};

    for (size_t i = 0; i < 3; i++) { /* no user */
        start_plain();
        CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(h245_loop_request(a.engine, kinds[i], i == 0 ? 0 : 5, 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_LOOP), 1);
        CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
        stop();
    }
    start();
    for (uint16_t lcn = 5; lcn < 10; lcn++)
        CU_ASSERT_EQUAL(peer_open(&a, lcn), 0);
    peer_run(&a, &b, 0);
    for (uint16_t lcn = 5; lcn < 9; lcn++)
        CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, lcn, 0), 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 9, 0), ERR_LIMIT);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 8, 0), ERR_EXISTS);
    stop();
}

static void loop_ends_with_its_channel(void)
{
    start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_request(a.engine, H245_LOOP_MEDIA, 5, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_channel_close(a.engine, 5, H245_OUTGOING, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_loop_answer(b.engine, H245_LOOP_MEDIA, 5, true), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(h245_loop_off(a.engine), ERR_STATE);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    stop();
}

static void loop_time_out_ends_the_others_too(void)
{
    start();
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
    stop();
}

/* ---- rate ---- */

static void rate_is_granted_or_refused_on_either_end_of_a_channel(void)
{
    for (int granted = 0; granted < 2; granted++) {
        start();
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
        stop();
    }
}

static void rate_without_user_or_channel_is_rejected(void)
{
    start_plain();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_rate_request(a.engine, 5, H245_OUTGOING, 640, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_RATE), 1);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    stop();

    start();
    CU_ASSERT_EQUAL(h245_channel_adopt(a.engine, 5, H245_OUTGOING), 0); /* b knows of none */
    CU_ASSERT_EQUAL(h245_rate_request(a.engine, 5, H245_OUTGOING, 640, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.rate_requests, 0);
    CU_ASSERT_EQUAL(seen.rate_answers, 1);
    CU_ASSERT_FALSE(seen.is_granted);
    stop();
}

/* ---- conference control ---- */

static struct h245_TerminalLabel label = {.mcuNumber = 1, .terminalNumber = 2};

static struct h245_ConferenceRequest request_of(enum h245_ConferenceRequest_kind kind)
{
    static struct h245_ConferenceRequest_requestTerminalCertificate certificate;
    static struct h245_RemoteMCRequest remote = {.kind = h245_RemoteMCRequest_masterActivate};
    struct h245_ConferenceRequest r = {.kind = kind};

    switch (kind) {
    case h245_ConferenceRequest_requestTerminalCertificate:
        r.u.requestTerminalCertificate = &certificate;
        break;
    case h245_ConferenceRequest_broadcastMyLogicalChannel:
        r.u.broadcastMyLogicalChannel = 5;
        break;
    case h245_ConferenceRequest_remoteMCRequest:
        r.u.remoteMCRequest = &remote;
        break;
    case h245_ConferenceRequest_dropTerminal:
    case h245_ConferenceRequest_requestTerminalID:
    case h245_ConferenceRequest_makeTerminalBroadcaster:
    case h245_ConferenceRequest_sendThisSource:
        r.u.dropTerminal = &label; /* the same place in the union */
        break;
    default:
        break;
    }
    return r;
}

/* A refusal that a request has of its own, 0: functionNotSupported. */
static unsigned refusal_of(enum h245_ConferenceRequest_kind kind)
{
    switch (kind) {
    case h245_ConferenceRequest_makeMeChair:
        return h245_ConferenceResponse_makeMeChairResponse;
    case h245_ConferenceRequest_dropTerminal:
        return h245_ConferenceResponse_terminalDropReject;
    case h245_ConferenceRequest_requestTerminalCertificate:
        return h245_ConferenceResponse_terminalCertificateResponse;
    case h245_ConferenceRequest_broadcastMyLogicalChannel:
        return h245_ConferenceResponse_broadcastMyLogicalChannelResponse;
    case h245_ConferenceRequest_makeTerminalBroadcaster:
        return h245_ConferenceResponse_makeTerminalBroadcasterResponse;
    case h245_ConferenceRequest_sendThisSource:
        return h245_ConferenceResponse_sendThisSourceResponse;
    case h245_ConferenceRequest_remoteMCRequest:
        return h245_ConferenceResponse_remoteMCResponse;
    default:
        return 0;
    }
}

static void conference_request_not_taken_gets_its_refusal(void)
{
    for (int k = h245_ConferenceRequest_terminalListRequest; k < h245_ConferenceRequest_UNKNOWN;
         k++) {
        enum h245_ConferenceRequest_kind kind = (enum h245_ConferenceRequest_kind)k;
        struct h245_ConferenceRequest r = request_of(kind);

        start();
        seen.takes = false;
        CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.conference_requests, 1);
        CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_CONFERENCE), 1);
        if (refusal_of(kind) != 0) {
            CU_ASSERT_EQUAL(seen.conference_responses, 1);
            CU_ASSERT_EQUAL(seen.conference_kind, refusal_of(kind));
        } else {
            CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_CONFERENCE);
            CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
            CU_ASSERT_EQUAL(seen.not_supported, 1);
        }
        CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
        stop();
    }
}

static void conference_request_is_answered_by_the_user(void)
{
    struct h245_ConferenceRequest r = {.kind = h245_ConferenceRequest_terminalListRequest};
    struct h245_ConferenceResponse list = {.kind = h245_ConferenceResponse_terminalListResponse,
                                           .u.terminalListResponse = {1, &label}};
    struct h245_ConferenceResponse other = {.kind = h245_ConferenceResponse_terminalDropReject};

    start();
    CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0);
    CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), ERR_STATE);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(h245_conference_respond(b.engine, &other), 0); /* to nothing that was asked */
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.conference_responses, 0);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 1);
    CU_ASSERT_EQUAL(h245_conference_respond(b.engine, &list), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.conference_responses, 1);
    CU_ASSERT_EQUAL(seen.conference_kind, h245_ConferenceResponse_terminalListResponse);
    CU_ASSERT_EQUAL(h245_conference_respond(b.engine, &list), 0); /* once more */
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.conference_responses, 1);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 2);
    stop();
}

static void conference_request_with_silent_success_does_not_fail(void)
{
    struct h245_ConferenceRequest r = request_of(h245_ConferenceRequest_dropTerminal);

    start();
    CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0);
    CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0); /* the next one to drop */
    peer_elapse(&a, &b, 20000);
    CU_ASSERT_EQUAL(a.seen.failed, 0);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->timeouts, 0);
    stop();
}

static void conference_command_not_taken_is_refused(void)
{
    static const enum h245_ConferenceCommand_kind kinds[] = {
        h245_ConferenceCommand_broadcastMyLogicalChannel, h245_ConferenceCommand_sendThisSource,
        h245_ConferenceCommand_dropConference, h245_ConferenceCommand_cancelSendThisSource};

    for (size_t i = 0; i < 4; i++) {
        struct h245_ConferenceCommand body = {.kind = kinds[i]};
        struct h245_CommandMessage m = {.kind = h245_CommandMessage_conferenceCommand,
                                        .u.conferenceCommand = &body};

        if (i == 0)
            body.u.broadcastMyLogicalChannel = 5;
        if (i == 1)
            body.u.sendThisSource = &label;
        start();
        seen.takes = false;
        CU_ASSERT_EQUAL(h245_send_command(a.engine, &m), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.conference_commands, 1);
        CU_ASSERT_EQUAL(seen.conference_responses, i < 2 ? 1 : 0); /* videoCommandReject */
        CU_ASSERT_EQUAL(seen.not_supported, i < 2 ? 0 : 1);
        CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_CONFERENCE), 1);
        stop();
    }
}

static void communication_mode_is_asked_answered_and_commanded(void)
{
    struct h245_AudioCapability audio = {.kind = h245_AudioCapability_g711Alaw64k,
                                         .u.g711Alaw64k = 20};
    uint16_t text[] = {'a'};
    struct h245_CommunicationModeTableEntry entry = {
        .sessionID = 1,
        .sessionDescription = {1, text},
        .dataType = {.kind = h245_CommunicationModeTableEntry_dataType_audioData,
                     .u.audioData = &audio}};
    struct h245_CommunicationModeTableEntry_list table = {1, &entry};

    start();
    CU_ASSERT_EQUAL(h245_communication_mode_request(a.engine, 0), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.communication_mode_requests, 1);
    CU_ASSERT_EQUAL(h245_communication_mode_send(b.engine, &table, false), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.communication_modes, 1);
    CU_ASSERT_EQUAL(seen.table_size, 1);
    CU_ASSERT_EQUAL(h245_communication_mode_send(b.engine, &table, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(seen.communication_modes, 2);
    stop();

    start_plain();
    CU_ASSERT_EQUAL(h245_communication_mode_request(a.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_communication_mode_send(b.engine, &table, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_COMMUNICATION_MODE), 1);
    CU_ASSERT_EQUAL(refused(&a, H245_REFUSED_COMMUNICATION_MODE), 1);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_COMMUNICATION_MODE);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
    stop();
}

/* ---- H.239 ---- */

static void h239_messages_arrive_as_sent_in_their_class(void)
{
    static const struct h239_message messages[] = {
        {.kind = H239_FLOW_RELEASE_REQUEST, .channel = 101, .bit_rate = 70000},
        {.kind = H239_FLOW_RELEASE_RESPONSE, .is_ack = true},
        {.kind = H239_TOKEN_REQUEST, .mcu = 1, .terminal = 2, .channel = 65535, .symmetry = 127},
        {.kind = H239_TOKEN_RESPONSE, .mcu = 1, .terminal = 2, .channel = 7},
        {.kind = H239_TOKEN_RELEASE, .mcu = 192, .terminal = 192, .channel = 7},
        {.kind = H239_TOKEN_OWNER, .mcu = 1, .terminal = 3, .channel = 7},
    };
    static const enum h245_generic_class class[] = {H245_GENERIC_REQUEST, H245_GENERIC_RESPONSE,
                                                    H245_GENERIC_REQUEST, H245_GENERIC_RESPONSE,
                                                    H245_GENERIC_COMMAND, H245_GENERIC_COMMAND};

    start();
    for (size_t i = 0; i < 6; i++) {
        struct peer *from = class[i] == H245_GENERIC_RESPONSE ? &b : &a;
        int before = seen.generic[class[i]];

        memset(&seen.h239, 0, sizeof(seen.h239));
        CU_ASSERT_EQUAL(h239_send(from->engine, &from->arena, &messages[i], 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.generic[class[i]], before + 1);
        CU_ASSERT_EQUAL(seen.h239.kind, messages[i].kind);
        CU_ASSERT_EQUAL(seen.h239.is_ack, messages[i].is_ack);
        CU_ASSERT_EQUAL(seen.h239.channel, messages[i].channel);
        CU_ASSERT_EQUAL(seen.h239.mcu, messages[i].mcu);
        CU_ASSERT_EQUAL(seen.h239.terminal, messages[i].terminal);
        CU_ASSERT_EQUAL(seen.h239.symmetry, messages[i].symmetry);
        CU_ASSERT_EQUAL(seen.h239.bit_rate, messages[i].bit_rate);
        CU_ASSERT_STRING_NOT_EQUAL(h239_kind_to_str(messages[i].kind), "unknown");
    }
    CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
    CU_ASSERT_STRING_EQUAL(h239_kind_to_str((enum h239_kind)7), "unknown");
    stop();
}

static void generic_request_unanswered_unknown_or_twice_is_told(void)
{
    struct h239_message request = {.kind = H239_TOKEN_REQUEST, .symmetry = 5};
    struct h239_message answer = {.kind = H239_TOKEN_RESPONSE, .is_ack = true};

    start();
    CU_ASSERT_EQUAL(h239_send(a.engine, &a.arena, &request, 0), 0);
    CU_ASSERT_EQUAL(h239_send(a.engine, &a.arena, &request, 0), ERR_STATE);
    peer_elapse(&a, &b, 10000);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_GENERIC);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_TIMEOUT);
    CU_ASSERT_EQUAL(h239_send(b.engine, &b.arena, &answer, 0), 0); /* too late */
    peer_run(&a, &b, 10000);
    CU_ASSERT_EQUAL(seen.generic[H245_GENERIC_RESPONSE], 0);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 1);
    seen.takes = false;
    CU_ASSERT_EQUAL(h239_send(a.engine, &a.arena, &request, 10000), 0);
    peer_run(&a, &b, 10000);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
    CU_ASSERT_EQUAL(refused(&b, H245_REFUSED_GENERIC), 1);
    request.kind = H239_TOKEN_OWNER; /* a command, not taken: comes back whole */
    CU_ASSERT_EQUAL(h239_send(a.engine, &a.arena, &request, 10000), 0);
    peer_run(&a, &b, 10000);
    CU_ASSERT_EQUAL(seen.not_supported, 2);
    stop();
}

static void h239_reads_only_its_own_and_whole_messages(void)
{
    struct h239_message message = {.kind = H239_TOKEN_RESPONSE, .is_ack = true}, out;
    static const uint32_t other[] = {0, 0, 8, 239, 3};
    struct h245_GenericMessage *m = NULL;

    start();
    CU_ASSERT_EQUAL(h239_build(&a.arena, &message, &m), 0);
    CU_ASSERT_EQUAL(h239_read(m, &out), 0);
    m->messageContent.n = 0; /* neither yes nor no */
    CU_ASSERT_EQUAL(h239_read(m, &out), ERR_MALFORMED);
    m->subMessageIdentifier = 7;
    CU_ASSERT_EQUAL(h239_read(m, &out), ERR_UNSUPPORTED);
    m->subMessageIdentifier = H239_TOKEN_RELEASE;
    CU_ASSERT_EQUAL(h239_read(m, &out), 0);
    m->messageIdentifier.u.standard.arc = other;
    CU_ASSERT_EQUAL(h239_read(m, &out), ERR_UNSUPPORTED);
    m->messageIdentifier.kind = h245_CapabilityIdentifier_uuid;
    CU_ASSERT_EQUAL(h239_read(m, &out), ERR_UNSUPPORTED);
    stop();
}

static void h239_capabilities_survive_the_wire(void)
{
    struct h245_H261VideoCapability h261 = {.has_cifMPI = true, .cifMPI = 1, .maxBitRate = 3840};
    struct h245_VideoCapability video = {.kind = h245_VideoCapability_h261VideoCapability,
                                         .u.h261VideoCapability = &h261};
    const struct h245_VideoCapability *inside = NULL;
    struct h245_VideoCapability *extended = NULL;
    struct h245_Capability *control = NULL,
                           receive = {.kind = h245_Capability_receiveVideoCapability};
    struct h245_CapabilityTableEntry table[2] = {{.capabilityTableEntryNumber = 1},
                                                 {.capabilityTableEntryNumber = 2}};
    struct h245_TerminalCapabilitySet tcs = {.has_capabilityTable = true,
                                             .capabilityTable = {2, table}};
    struct h239_caps caps;
    const struct h245_TerminalCapabilitySet *arrived;

    start();
    CU_ASSERT_EQUAL(h239_build_control(&a.arena, &control), 0);
    CU_ASSERT_EQUAL(
        h239_build_video(&a.arena, &video, H239_ROLE_PRESENTATION | H239_ROLE_LIVE, &extended), 0);
    table[0].capability = control;
    receive.u.receiveVideoCapability = extended;
    table[1].capability = &receive;
    CU_ASSERT_EQUAL(h245_ces_send(a.engine, &tcs, 0), 0);
    arrived = peer_take(&a)->u.request->u.terminalCapabilitySet;
    h239_read_tcs(arrived, &caps);
    CU_ASSERT_TRUE(caps.has_control);
    CU_ASSERT_EQUAL(caps.roles, H239_ROLE_PRESENTATION | H239_ROLE_LIVE);
    CU_ASSERT_EQUAL(
        h239_video_roles(arrived->capabilityTable.v[1].capability->u.receiveVideoCapability,
                         &inside),
        3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(inside);
    CU_ASSERT_EQUAL(inside->kind, h245_VideoCapability_h261VideoCapability);
    CU_ASSERT_EQUAL(h239_video_roles(&video, NULL), 0);
    stop();
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

    start();
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
    stop();
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

    start();
    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
    input.kind = h245_UserInputIndication_signal;
    input.u.signal = &signal;
    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
    CU_ASSERT_EQUAL(a.seen.user_inputs, 0);
    CU_ASSERT_EQUAL(refused(&a, H245_REFUSED_USER_INPUT), 2);
    CU_ASSERT_EQUAL(a.queue_len, 0); /* an indication is not answered */
    stop();
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
    start();
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
    stop();
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

    start();
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(h245_send_indication(a.engine, &m[i]), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.indications, i + 1);
        CU_ASSERT_EQUAL(seen.indication_kind, m[i].kind);
    }
    stop();
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
    start();
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
    CU_ASSERT_EQUAL(refused(&a, H245_REFUSED_MULTILINK), 2);
    stop();
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

    start();
    CU_ASSERT_EQUAL(h245_send_command(b.engine, &m), 0);
    m.kind = h245_CommandMessage_h223MultiplexReconfiguration;
    m.u.h223MultiplexReconfiguration = &h223;
    CU_ASSERT_EQUAL(h245_send_command(b.engine, &m), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(refused(&a, H245_REFUSED_ENCRYPTION), 1);
    CU_ASSERT_EQUAL(refused(&a, H245_REFUSED_H223), 1);
    CU_ASSERT_EQUAL(seen.not_supported, 2);
    stats = h245_engine_stats(a.engine);
    for (int i = 0; i < H245_REFUSAL_COUNT; i++) {
        CU_ASSERT_STRING_NOT_EQUAL(h245_refusal_to_str((enum h245_refusal)i), "unknown");
        sum += stats->refused[i];
    }
    CU_ASSERT_EQUAL(sum, stats->unsupported + stats->unknown);
    CU_ASSERT_STRING_EQUAL(h245_refusal_to_str(H245_REFUSAL_COUNT), "unknown");
    stop();
}

static void channel_not_known_to_peer_counts_as_rejected(void)
{
    struct h245_FunctionNotUnderstood f = {.kind = h245_FunctionNotUnderstood_request};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_functionNotUnderstood,
                                       .u.functionNotUnderstood = &f};

    start();
    CU_ASSERT_EQUAL(peer_open(&a, 5), 0);
    f.u.request = peer_take(&a)->u.request;
    CU_ASSERT_EQUAL(peer_feed_indication(&a, &m), 0);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_LCSE_OUT);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
    CU_ASSERT_EQUAL(a.seen.channel_rejected, 1);
    CU_ASSERT_EQUAL(a.seen.cause, H245_OLC_UNKNOWN_CAUSE);
    CU_ASSERT_EQUAL(h245_channel_count(a.engine, H245_OUTGOING), 0);
    stop();
}

/* ---- capabilities again ---- */

static void capabilities_are_replaced_while_channels_are_open(void)
{
    struct h245_TerminalCapabilitySet *empty = NULL;

    start();
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
    stop();
}

static void capability_numbers_wrap_after_256_sets(void)
{
    start();
    for (int i = 0; i < 300; i++) {
        CU_ASSERT_EQUAL(peer_send_caps(&a), 0);
        CU_ASSERT_EQUAL(peer_send_caps(&a), ERR_STATE);
        peer_run(&a, &b, 0);
        arena_reset(&a.arena);
    }
    CU_ASSERT_EQUAL(a.seen.acked, 300);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->unexpected, 0);
    stop();
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
      TEST(rate_without_user_or_channel_is_rejected),
      TEST(conference_request_not_taken_gets_its_refusal),
      TEST(conference_request_is_answered_by_the_user),
      TEST(conference_request_with_silent_success_does_not_fail),
      TEST(conference_command_not_taken_is_refused),
      TEST(communication_mode_is_asked_answered_and_commanded),
      TEST(h239_messages_arrive_as_sent_in_their_class),
      TEST(generic_request_unanswered_unknown_or_twice_is_told),
      TEST(h239_reads_only_its_own_and_whole_messages), TEST(h239_capabilities_survive_the_wire),
      TEST(user_input_arrives_in_every_form),
      TEST(user_input_that_is_encrypted_is_counted_not_shown),
      TEST(commands_reach_the_user_for_channels_that_exist),
      TEST(indications_without_a_procedure_reach_the_user), TEST(multilink_is_refused_by_name),
      TEST(refusals_have_names_and_add_up), TEST(channel_not_known_to_peer_counts_as_rejected),
      TEST(capabilities_are_replaced_while_channels_are_open),
      TEST(capability_numbers_wrap_after_256_sets),
      TEST(set_without_table_is_empty_only_if_nothing_else_is_in_it))
