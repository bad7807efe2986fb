/* Conference control (H.243), communication mode, generic messages and H.239 between two engines.
 */
#include "base/err.h"
#include "tests/h245/users.h"
#include "tests/suite.h"

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

        users_start();
        seen.takes = false;
        CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.conference_requests, 1);
        CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_CONFERENCE), 1);
        if (refusal_of(kind) != 0) {
            CU_ASSERT_EQUAL(seen.conference_responses, 1);
            CU_ASSERT_EQUAL(seen.conference_kind, refusal_of(kind));
        } else {
            CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_CONFERENCE);
            CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
            CU_ASSERT_EQUAL(seen.not_supported, 1);
        }
        CU_ASSERT_EQUAL(h245_engine_next_deadline(a.engine), H245_NEVER);
        users_stop();
    }
}

static void conference_request_is_answered_by_the_user(void)
{
    struct h245_ConferenceRequest r = {.kind = h245_ConferenceRequest_terminalListRequest};
    struct h245_ConferenceResponse list = {.kind = h245_ConferenceResponse_terminalListResponse,
                                           .u.terminalListResponse = {1, &label}};
    struct h245_ConferenceResponse other = {.kind = h245_ConferenceResponse_terminalDropReject};

    users_start();
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
    users_stop();
}

static void conference_request_with_silent_success_does_not_fail(void)
{
    struct h245_ConferenceRequest r = request_of(h245_ConferenceRequest_dropTerminal);

    users_start();
    CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0);
    CU_ASSERT_EQUAL(h245_conference_request(a.engine, &r, 0), 0); /* the next one to drop */
    peer_elapse(&a, &b, 20000);
    CU_ASSERT_EQUAL(a.seen.failed, 0);
    CU_ASSERT_EQUAL(h245_engine_stats(a.engine)->timeouts, 0);
    users_stop();
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
        users_start();
        seen.takes = false;
        CU_ASSERT_EQUAL(h245_send_command(a.engine, &m), 0);
        peer_run(&a, &b, 0);
        CU_ASSERT_EQUAL(seen.conference_commands, 1);
        CU_ASSERT_EQUAL(seen.conference_responses, i < 2 ? 1 : 0); /* videoCommandReject */
        CU_ASSERT_EQUAL(seen.not_supported, i < 2 ? 0 : 1);
        CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_CONFERENCE), 1);
        users_stop();
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

    users_start();
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
    users_stop();

    users_start_plain();
    CU_ASSERT_EQUAL(h245_communication_mode_request(a.engine, 0), 0);
    CU_ASSERT_EQUAL(h245_communication_mode_send(b.engine, &table, true), 0);
    peer_run(&a, &b, 0);
    CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_COMMUNICATION_MODE), 1);
    CU_ASSERT_EQUAL(users_refused(&a, H245_REFUSED_COMMUNICATION_MODE), 1);
    CU_ASSERT_EQUAL(a.seen.procedure, H245_PROC_COMMUNICATION_MODE);
    CU_ASSERT_EQUAL(a.seen.error, H245_ERROR_REFUSED);
    users_stop();
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

    users_start();
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
    users_stop();
}

static void generic_request_unanswered_unknown_or_twice_is_told(void)
{
    struct h239_message request = {.kind = H239_TOKEN_REQUEST, .symmetry = 5};
    struct h239_message answer = {.kind = H239_TOKEN_RESPONSE, .is_ack = true};

    users_start();
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
    CU_ASSERT_EQUAL(users_refused(&b, H245_REFUSED_GENERIC), 1);
    request.kind = H239_TOKEN_OWNER; /* a command, not taken: comes back whole */
    CU_ASSERT_EQUAL(h239_send(a.engine, &a.arena, &request, 10000), 0);
    peer_run(&a, &b, 10000);
    CU_ASSERT_EQUAL(seen.not_supported, 2);
    users_stop();
}

static void h239_reads_only_its_own_and_whole_messages(void)
{
    struct h239_message message = {.kind = H239_TOKEN_RESPONSE, .is_ack = true}, out;
    static const uint32_t other[] = {0, 0, 8, 239, 3};
    struct h245_GenericMessage *m = NULL;

    users_start();
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
    users_stop();
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

    users_start();
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
    users_stop();
}

SUITE("h245/conference", TEST(conference_request_not_taken_gets_its_refusal),
      TEST(conference_request_is_answered_by_the_user),
      TEST(conference_request_with_silent_success_does_not_fail),
      TEST(conference_command_not_taken_is_refused),
      TEST(communication_mode_is_asked_answered_and_commanded),
      TEST(h239_messages_arrive_as_sent_in_their_class),
      TEST(generic_request_unanswered_unknown_or_twice_is_told),
      TEST(h239_reads_only_its_own_and_whole_messages), TEST(h239_capabilities_survive_the_wire))
