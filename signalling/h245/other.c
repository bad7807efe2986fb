/* Messages of procedures that this server does not run: each gets the reject that its
 * Recommendation has for it, and what is news to the user becomes an event. */
#include "signalling/h245/internal.h"

#include <string.h>

#define ENTRIES_MAX 15 /* MultiplexTableEntryNumber */

void h245_refuse_function(struct h245_engine *e, enum h245_FunctionNotSupported_cause_kind cause)
{
    struct h245_FunctionNotSupported refusal = {.cause.kind = cause};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_functionNotSupported,
                                       .u.functionNotSupported = &refusal};

    /* What came goes back whole, unless our answer would then be too big to send. 64: the
     * indication's own octets round it, generously. */
    if (e->in != NULL && e->in_len + 64 < e->config.pdu_max) {
        refusal.has_returnedFunction = true;
        refusal.returnedFunction = per_octets_of(e->in, e->in_len);
    }
    h245_emit_indication(e, &m);
}

/* H.223's multiplex tables have no meaning on packets. */
void h245_other_on_multiplex_entry_send(struct h245_engine *e, const void *body)
{
    const struct h245_MultiplexEntrySend *send = body;
    struct h245_MultiplexEntryRejectionDescriptions why[ENTRIES_MAX] = {0};
    struct h245_MultiplexEntrySendReject reject = {.sequenceNumber = send->sequenceNumber};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_multiplexEntrySendReject,
                                     .u.multiplexEntrySendReject = &reject};
    uint32_t n = send->multiplexEntryDescriptors.n;

    h245_refused(e, H245_REFUSED_MULTIPLEX_ENTRY);
    /* ASN.1 allows no more; a decoder of ours lets none pass. */
    if (n > ENTRIES_MAX)
        n = ENTRIES_MAX;
    /* Each entry has its own refusal. */
    for (uint32_t i = 0; i < n; i++) {
        why[i].multiplexTableEntryNumber =
            send->multiplexEntryDescriptors.v[i].multiplexTableEntryNumber;
        why[i].cause.kind = h245_MultiplexEntryRejectionDescriptions_cause_unspecifiedCause;
    }
    reject.rejectionDescriptions.n = n;
    reject.rejectionDescriptions.v = why;
    h245_emit_response(e, &m);
}

void h245_other_on_request_multiplex_entry(struct h245_engine *e, const void *body)
{
    const struct h245_RequestMultiplexEntry *request = body;
    struct h245_RequestMultiplexEntryRejectionDescriptions why[ENTRIES_MAX] = {0};
    struct h245_RequestMultiplexEntryReject reject = {.entryNumbers = request->entryNumbers};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_requestMultiplexEntryReject,
                                     .u.requestMultiplexEntryReject = &reject};
    uint32_t n = request->entryNumbers.n;

    h245_refused(e, H245_REFUSED_REQUEST_ENTRY);
    if (n > ENTRIES_MAX)
        n = ENTRIES_MAX;
    for (uint32_t i = 0; i < n; i++) {
        why[i].multiplexTableEntryNumber = request->entryNumbers.v[i];
        why[i].cause.kind = h245_RequestMultiplexEntryRejectionDescriptions_cause_unspecifiedCause;
    }
    reject.rejectionDescriptions.n = n;
    reject.rejectionDescriptions.v = why;
    h245_emit_response(e, &m);
}

/* More channels of a circuit-switched network: only the request for one has a refusal. */
void h245_other_on_multilink(struct h245_engine *e, const void *body)
{
    const struct h245_MultilinkRequest *request = body;
    struct h245_MultilinkResponse_addConnection_responseCode_rejected why = {
        .kind = h245_MultilinkResponse_addConnection_responseCode_rejected_connectionsNotAvailable};
    struct h245_MultilinkResponse_addConnection answer = {
        .responseCode.kind = h245_MultilinkResponse_addConnection_responseCode_rejected,
        .responseCode.u.rejected = &why};
    struct h245_MultilinkResponse response = {.kind = h245_MultilinkResponse_addConnection,
                                              .u.addConnection = &answer};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_multilinkResponse,
                                     .u.multilinkResponse = &response};

    /* Counted by kind: what peers ask for shows what is missing. */
    h245_refused(e, H245_REFUSED_MULTILINK);
    /* The rest is told not to be a function of ours. */
    if (request->kind != h245_MultilinkRequest_addConnection) {
        h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
        return;
    }
    answer.sequenceNumber = request->u.addConnection->sequenceNumber;
    h245_emit_response(e, &m);
}

/* Commands for networks and ciphers that are not ours. */
static void refuse_command(struct h245_engine *e, enum h245_refusal what)
{
    h245_refused(e, what);
    h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

void h245_other_on_encryption(struct h245_engine *e, const void *body)
{
    (void)body; /* H.233: keys of media travel in OLCs and DTLS, never here */
    refuse_command(e, H245_REFUSED_ENCRYPTION);
}

void h245_other_on_h223(struct h245_engine *e, const void *body)
{
    (void)body;
    refuse_command(e, H245_REFUSED_H223);
}

void h245_other_on_atm(struct h245_engine *e, const void *body)
{
    (void)body;
    refuse_command(e, H245_REFUSED_ATM);
}

void h245_other_on_mobile(struct h245_engine *e, const void *body)
{
    (void)body;
    refuse_command(e, H245_REFUSED_MOBILE);
}

static bool is_channel(const struct h245_engine *e, uint16_t lcn)
{
    /* In either direction: commands name channels of both. */
    return h245_channel_number_is_taken(e, lcn, H245_OUTGOING) ||
           h245_channel_number_is_taken(e, lcn, H245_INCOMING);
}

/* Multipoint mode concerns the conference: peers put any number there. The others mean a channel,
 * which may have been closed while they were on the way. */
void h245_other_on_misc_command(struct h245_engine *e, const void *body)
{
    const struct h245_MiscellaneousCommand *command = body;

    if (command->type.kind == h245_MiscellaneousCommand_type_multipointModeCommand ||
        command->type.kind == h245_MiscellaneousCommand_type_cancelMultipointModeCommand ||
        is_channel(e, command->logicalChannelNumber))
        /* For a channel that is gone it is late, and no fault. */
        H245_CALL(e, on_misc_command, command);
    else
        h245_unexpected(e);
}

void h245_other_on_flow_control(struct h245_engine *e, const void *body)
{
    const struct h245_FlowControlCommand *command = body;

    /* Of the whole multiplex, or of a channel that exists. */
    if (command->scope.kind != h245_FlowControlCommand_scope_logicalChannelNumber ||
        is_channel(e, command->scope.u.logicalChannelNumber))
        H245_CALL(e, on_flow_control, command);
    else
        h245_unexpected(e);
}

void h245_other_on_send_capabilities(struct h245_engine *e, const void *body)
{
    (void)body;
    /* The user sends a set anew: the engine keeps none. */
    H245_CALL(e, on_capabilities_wanted);
}

/* Which of our procedures the peer does not know: its timer must not run out for nothing. False:
 * we have not asked for that. */
static bool stop_procedure(struct h245_engine *e, const struct h245_RequestMessage *ours)
{
    switch (ours->kind) {
    /* Each machine judges for itself whether it is waiting. */
    case h245_RequestMessage_masterSlaveDetermination:
        return h245_msd_not_supported(e);
    case h245_RequestMessage_terminalCapabilitySet:
        return h245_ces_not_supported(e);
    case h245_RequestMessage_openLogicalChannel:
        return h245_lcse_not_supported(e, ours->u.openLogicalChannel->forwardLogicalChannelNumber);
    case h245_RequestMessage_requestChannelClose:
        return h245_clc_not_supported(e, ours->u.requestChannelClose->forwardLogicalChannelNumber);
    case h245_RequestMessage_roundTripDelayRequest:
        return h245_rtd_not_supported(e);
    case h245_RequestMessage_requestMode:
        return h245_mode_not_supported(e);
    case h245_RequestMessage_maintenanceLoopRequest:
        return h245_loop_not_supported(e);
    case h245_RequestMessage_logicalChannelRateRequest:
        return h245_rate_not_supported(e);
    case h245_RequestMessage_communicationModeRequest:
        return h245_ask_not_supported(e, ASK_COMMUNICATION_MODE, 0);
    case h245_RequestMessage_conferenceRequest:
        return h245_ask_not_supported(e, ASK_CONFERENCE, ours->u.conferenceRequest->kind);
    case h245_RequestMessage_genericRequest:
        return h245_generic_not_supported(e, ours->u.genericRequest);
    default:
        /* Requests that we never send. */
        return false;
    }
}

static void not_supported(struct h245_engine *e,
                          const struct h245_MultimediaSystemControlMessage *ours)
{
    /* Only requests have a timer that could run for nothing. */
    if (ours != NULL && ours->kind == h245_MultimediaSystemControlMessage_request &&
        !stop_procedure(e, ours->u.request))
        h245_unexpected(e);
    /* Told even where no machine was waiting: NULL when nobody can say what it was about. */
    H245_CALL(e, on_not_supported, ours);
}

void h245_other_on_not_understood(struct h245_engine *e, const void *body)
{
    const struct h245_FunctionNotUnderstood *f = body;
    struct h245_MultimediaSystemControlMessage ours = {0};

    /* The message came back itself, wrapped by its class. */
    switch (f->kind) {
    case h245_FunctionNotUnderstood_request:
        ours.kind = h245_MultimediaSystemControlMessage_request;
        ours.u.request = f->u.request;
        break;
    case h245_FunctionNotUnderstood_response:
        ours.kind = h245_MultimediaSystemControlMessage_response;
        ours.u.response = f->u.response;
        break;
    case h245_FunctionNotUnderstood_command:
        ours.kind = h245_MultimediaSystemControlMessage_command;
        ours.u.command = f->u.command;
        break;
    /* A class of a later version. */
    default:
        return;
    }
    not_supported(e, &ours);
}

/* What comes back is as good as anything that a peer sends: it is decoded under the same limits,
 * and without it nobody knows what was meant. */
void h245_other_on_not_supported(struct h245_engine *e, const void *body)
{
    const struct h245_FunctionNotSupported *f = body;
    struct per_limits limits = {.max_depth = e->config.max_depth,
                                .max_elements = e->config.max_elements,
                                .max_memory = e->config.memory_limit};
    void *out = NULL;

    if (f->has_returnedFunction &&
        per_decode(&h245_MultimediaSystemControlMessage_type, f->returnedFunction.p,
                   f->returnedFunction.len, &limits, &e->arena, &out, NULL) != 0)
        /* What cannot be decoded is no better than nothing. */
        out = NULL;
    not_supported(e, out);
}

void h245_other_unexpected(struct h245_engine *e, const void *body)
{
    (void)body;
    h245_unexpected(e);
}
