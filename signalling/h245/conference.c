/* Conference control (H.245 B.14, as H.243 uses it) and communication mode: what the user takes is
 * his, everything else gets the refusal that it has. */
#include "signalling/h245/internal.h"

/* ---- what comes from the peer ---- */

static void respond(struct h245_engine *e, struct h245_ConferenceResponse *response)
{
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_conferenceResponse,
                                     .u.conferenceResponse = response};

    h245_emit_response(e, &m);
}

/* Nobody is told of a refusal: counters have it (h245_refused). */
static void refuse_remote_mc(struct h245_engine *e)
{
    /* As "function not supported": a conference without a remote MC. */
    struct h245_RemoteMCResponse_reject why = {
        .kind = h245_RemoteMCResponse_reject_functionNotSupported};
    struct h245_RemoteMCResponse body = {.kind = h245_RemoteMCResponse_reject, .u.reject = &why};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_remoteMCResponse,
                                        .u.remoteMCResponse = &body};

    respond(e, &r);
}

static void refuse_chair(struct h245_engine *e)
{
    struct h245_ConferenceResponse_makeMeChairResponse body = {
        .kind = h245_ConferenceResponse_makeMeChairResponse_deniedChairToken};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_makeMeChairResponse,
                                        .u.makeMeChairResponse = &body};

    respond(e, &r);
}

/* An answer without a certificate says that there is none. */
static void refuse_certificate(struct h245_engine *e)
{
    struct h245_ConferenceResponse_terminalCertificateResponse body = {0};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_terminalCertificateResponse,
                                        .u.terminalCertificateResponse = &body};

    respond(e, &r);
}

static void refuse_broadcast(struct h245_engine *e)
{
    struct h245_ConferenceResponse_broadcastMyLogicalChannelResponse body = {
        .kind =
            h245_ConferenceResponse_broadcastMyLogicalChannelResponse_deniedBroadcastMyLogicalChannel};
    struct h245_ConferenceResponse r = {
        .kind = h245_ConferenceResponse_broadcastMyLogicalChannelResponse,
        .u.broadcastMyLogicalChannelResponse = &body};

    respond(e, &r);
}

static void refuse_broadcaster(struct h245_engine *e)
{
    struct h245_ConferenceResponse_makeTerminalBroadcasterResponse body = {
        .kind =
            h245_ConferenceResponse_makeTerminalBroadcasterResponse_deniedMakeTerminalBroadcaster};
    struct h245_ConferenceResponse r = {.kind =
                                            h245_ConferenceResponse_makeTerminalBroadcasterResponse,
                                        .u.makeTerminalBroadcasterResponse = &body};

    respond(e, &r);
}

static void refuse_source(struct h245_engine *e)
{
    struct h245_ConferenceResponse_sendThisSourceResponse body = {
        .kind = h245_ConferenceResponse_sendThisSourceResponse_deniedSendThisSource};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_sendThisSourceResponse,
                                        .u.sendThisSourceResponse = &body};

    respond(e, &r);
}

static void refuse_drop(struct h245_engine *e)
{
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_terminalDropReject};

    respond(e, &r);
}

/* Lists, passwords and names have no refusal of their own. */
static void refuse_request(struct h245_engine *e, enum h245_ConferenceRequest_kind kind)
{
    /* Those that the Recommendation gives an answer for; the rest has FunctionNotSupported. */
    static void (*const refusals[h245_ConferenceRequest_UNKNOWN])(struct h245_engine *) = {
        [h245_ConferenceRequest_makeMeChair] = refuse_chair,
        [h245_ConferenceRequest_dropTerminal] = refuse_drop,
        [h245_ConferenceRequest_requestTerminalCertificate] = refuse_certificate,
        [h245_ConferenceRequest_broadcastMyLogicalChannel] = refuse_broadcast,
        [h245_ConferenceRequest_makeTerminalBroadcaster] = refuse_broadcaster,
        [h245_ConferenceRequest_sendThisSource] = refuse_source,
        [h245_ConferenceRequest_remoteMCRequest] = refuse_remote_mc,
    };

    h245_refused(e, H245_REFUSED_CONFERENCE);
    if (kind < h245_ConferenceRequest_UNKNOWN && refusals[kind] != NULL)
        refusals[kind](e);
    else
        h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

void h245_conference_on_request(struct h245_engine *e, const void *body)
{
    const struct h245_ConferenceRequest *request = body;
    enum h245_ConferenceRequest_kind kind = request->kind;

    /* `request` may be gone after the callback: only the kind is used then. */
    if (!H245_TAKES(e, on_conference_request, request))
        refuse_request(e, kind);
}

/* Commands for video have a refusal in H.230 (VCR); the others do not. */
void h245_conference_on_command(struct h245_engine *e, const void *body)
{
    /* Video commands: these three are about whose picture is sent. */
    const struct h245_ConferenceCommand *command = body;
    struct h245_ConferenceResponse reject = {.kind = h245_ConferenceResponse_videoCommandReject};
    bool is_video = command->kind == h245_ConferenceCommand_broadcastMyLogicalChannel ||
                    command->kind == h245_ConferenceCommand_makeTerminalBroadcaster ||
                    command->kind == h245_ConferenceCommand_sendThisSource;

    if (H245_TAKES(e, on_conference_command, command))
        return;
    h245_refused(e, H245_REFUSED_CONFERENCE);
    if (is_video)
        respond(e, &reject);
    else
        h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

/* Which request each response answers; 0: none, it comes for a command. An answer that fits no
 * question is out of place, and told as such. */
static const enum h245_ConferenceRequest_kind answers[h245_ConferenceResponse_UNKNOWN] = {
    [h245_ConferenceResponse_mCTerminalIDResponse] = h245_ConferenceRequest_requestTerminalID,
    [h245_ConferenceResponse_terminalIDResponse] = h245_ConferenceRequest_enterH243TerminalID,
    [h245_ConferenceResponse_conferenceIDResponse] = h245_ConferenceRequest_enterH243ConferenceID,
    [h245_ConferenceResponse_passwordResponse] = h245_ConferenceRequest_enterH243Password,
    [h245_ConferenceResponse_terminalListResponse] = h245_ConferenceRequest_terminalListRequest,
    [h245_ConferenceResponse_terminalDropReject] = h245_ConferenceRequest_dropTerminal,
    [h245_ConferenceResponse_makeMeChairResponse] = h245_ConferenceRequest_makeMeChair,
    [h245_ConferenceResponse_extensionAddressResponse] =
        h245_ConferenceRequest_enterExtensionAddress,
    [h245_ConferenceResponse_chairTokenOwnerResponse] =
        h245_ConferenceRequest_requestChairTokenOwner,
    [h245_ConferenceResponse_terminalCertificateResponse] =
        h245_ConferenceRequest_requestTerminalCertificate,
    [h245_ConferenceResponse_broadcastMyLogicalChannelResponse] =
        h245_ConferenceRequest_broadcastMyLogicalChannel,
    [h245_ConferenceResponse_makeTerminalBroadcasterResponse] =
        h245_ConferenceRequest_makeTerminalBroadcaster,
    [h245_ConferenceResponse_sendThisSourceResponse] = h245_ConferenceRequest_sendThisSource,
    [h245_ConferenceResponse_requestAllTerminalIDsResponse] =
        h245_ConferenceRequest_requestAllTerminalIDs,
    [h245_ConferenceResponse_remoteMCResponse] = h245_ConferenceRequest_remoteMCRequest,
};

void h245_conference_on_response(struct h245_engine *e, const void *body)
{
    const struct h245_ConferenceResponse *response = body;

    if (response->kind >= h245_ConferenceResponse_UNKNOWN)
        h245_unexpected(e);
    /* Broadcast commands and the like are answered without a request of ours. */
    else if (answers[response->kind] == 0 ||
             h245_ask_answered(e, ASK_CONFERENCE, answers[response->kind]))
        H245_CALL(e, on_conference_response, response);
}

/* ---- what the user asks ---- */

int h245_conference_request(struct h245_engine *e, const struct h245_ConferenceRequest *request,
                            uint64_t now)
{
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_conferenceRequest,
                                    .u.conferenceRequest = (void *)(uintptr_t)request};
    /* Both are seen by what happens (B.14): no answer is no error. */
    bool is_silent = request->kind == h245_ConferenceRequest_dropTerminal ||
                     request->kind == h245_ConferenceRequest_cancelMakeMeChair;

    return h245_ask(e, ASK_CONFERENCE, request->kind, is_silent, &m, now);
}

int h245_conference_respond(struct h245_engine *e, const struct h245_ConferenceResponse *response)
{
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_conferenceResponse,
                                     .u.conferenceResponse = (void *)(uintptr_t)response};

    return h245_send_response(e, &m);
}

/* ---- communication mode ---- */

void h245_communication_mode_on_request(struct h245_engine *e, const void *body)
{
    (void)body;
    if (H245_TAKES(e, on_communication_mode_request))
        /* The user answers by h245_communication_mode_send. */
        return;
    h245_refused(e, H245_REFUSED_COMMUNICATION_MODE);
    h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

void h245_communication_mode_on_response(struct h245_engine *e, const void *body)
{
    const struct h245_CommunicationModeResponse *response = body;

    if (response->kind == h245_CommunicationModeResponse_UNKNOWN)
        /* A later version's answer is none that we could give to the user. */
        h245_unexpected(e);
    else if (h245_ask_answered(e, ASK_COMMUNICATION_MODE, 0))
        (void)H245_TAKES(e, on_communication_mode, &response->u.communicationModeTable, false);
}

void h245_communication_mode_on_command(struct h245_engine *e, const void *body)
{
    const struct h245_CommunicationModeCommand *command = body;

    if (H245_TAKES(e, on_communication_mode, &command->communicationModeTable, true))
        return;
    h245_refused(e, H245_REFUSED_COMMUNICATION_MODE);
    h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

int h245_communication_mode_request(struct h245_engine *e, uint64_t now)
{
    struct h245_CommunicationModeRequest request = {0};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_communicationModeRequest,
                                    .u.communicationModeRequest = &request};

    return h245_ask(e, ASK_COMMUNICATION_MODE, 0, false, &m, now);
}

int h245_communication_mode_send(struct h245_engine *e,
                                 const struct h245_CommunicationModeTableEntry_list *table,
                                 bool is_command)
{
    /* An MC may tell modes unasked (command), or because it was asked (response). */
    struct h245_CommunicationModeCommand command = {.communicationModeTable = *table};
    struct h245_CommandMessage c = {.kind = h245_CommandMessage_communicationModeCommand,
                                    .u.communicationModeCommand = &command};
    struct h245_CommunicationModeResponse response = {
        .kind = h245_CommunicationModeResponse_communicationModeTable,
        .u.communicationModeTable = *table};
    struct h245_ResponseMessage r = {.kind = h245_ResponseMessage_communicationModeResponse,
                                     /* A command needs no answer, a response has been asked for. */
                                     .u.communicationModeResponse = &response};

    return is_command ? h245_send_command(e, &c) : h245_send_response(e, &r);
}
