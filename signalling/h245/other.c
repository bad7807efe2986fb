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

    /* What came goes back whole, unless our answer would then be too big to send. */
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

    e->stats.unsupported++;
    if (n > ENTRIES_MAX)
        n = ENTRIES_MAX;
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

    e->stats.unsupported++;
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

void h245_other_on_request_mode(struct h245_engine *e, const void *body)
{
    const struct h245_RequestMode *request = body;
    struct h245_RequestModeReject reject = {.sequenceNumber = request->sequenceNumber,
                                            .cause.kind =
                                                h245_RequestModeReject_cause_requestDenied};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_requestModeReject,
                                     .u.requestModeReject = &reject};

    e->stats.unsupported++;
    h245_emit_response(e, &m);
}

void h245_other_on_maintenance_loop(struct h245_engine *e, const void *body)
{
    const struct h245_MaintenanceLoopRequest *request = body;
    struct h245_MaintenanceLoopReject reject = {
        .cause.kind = h245_MaintenanceLoopReject_cause_canNotPerformLoop};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_maintenanceLoopReject,
                                     .u.maintenanceLoopReject = &reject};

    e->stats.unsupported++;
    switch (request->type.kind) {
    case h245_MaintenanceLoopRequest_type_systemLoop:
        reject.type.kind = h245_MaintenanceLoopReject_type_systemLoop;
        break;
    case h245_MaintenanceLoopRequest_type_mediaLoop:
        reject.type.kind = h245_MaintenanceLoopReject_type_mediaLoop;
        reject.type.u.mediaLoop = request->type.u.mediaLoop;
        break;
    case h245_MaintenanceLoopRequest_type_logicalChannelLoop:
        reject.type.kind = h245_MaintenanceLoopReject_type_logicalChannelLoop;
        reject.type.u.logicalChannelLoop = request->type.u.logicalChannelLoop;
        break;
    default:
        h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
        return;
    }
    h245_emit_response(e, &m);
}

void h245_other_on_channel_rate(struct h245_engine *e, const void *body)
{
    const struct h245_LogicalChannelRateRequest *request = body;
    struct h245_LogicalChannelRateReject reject = {
        .sequenceNumber = request->sequenceNumber,
        .logicalChannelNumber = request->logicalChannelNumber,
        .rejectReason.kind = h245_LogicalChannelRateRejectReason_undefinedReason};
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_logicalChannelRateReject,
                                     .u.logicalChannelRateReject = &reject};

    e->stats.unsupported++;
    h245_emit_response(e, &m);
}

/* Decoded strings end in a zero octet (see per/value.h); an embedded one cuts the text. */
void h245_other_on_user_input(struct h245_engine *e, const void *body)
{
    const struct h245_UserInputIndication *input = body;

    switch (input->kind) {
    case h245_UserInputIndication_alphanumeric:
        H245_CALL(e, on_user_input, input->u.alphanumeric.p, 0);
        break;
    case h245_UserInputIndication_signal:
        H245_CALL(e, on_user_input, input->u.signal->signalType.p,
                  input->u.signal->has_duration ? input->u.signal->duration : 0);
        break;
    case h245_UserInputIndication_extendedAlphanumeric:
        H245_CALL(e, on_user_input, input->u.extendedAlphanumeric->alphanumeric.p, 0);
        break;
    default:
        break;
    }
}

void h245_other_on_misc_command(struct h245_engine *e, const void *body)
{
    H245_CALL(e, on_misc_command, body);
}

void h245_other_on_flow_control(struct h245_engine *e, const void *body)
{
    H245_CALL(e, on_flow_control, body);
}

void h245_other_on_send_capabilities(struct h245_engine *e, const void *body)
{
    (void)body;
    H245_CALL(e, on_capabilities_wanted);
}

/* Which of our procedures the peer does not know; its timer must not run out for nothing. */
static void refused(struct h245_engine *e, enum h245_RequestMessage_kind kind)
{
    switch (kind) {
    case h245_RequestMessage_masterSlaveDetermination:
        h245_fail(e, H245_PROC_MSD, H245_ERROR_REFUSED, 0);
        break;
    case h245_RequestMessage_terminalCapabilitySet:
        h245_fail(e, H245_PROC_CES_OUT, H245_ERROR_REFUSED, 0);
        break;
    case h245_RequestMessage_openLogicalChannel:
        h245_fail(e, H245_PROC_LCSE_OUT, H245_ERROR_REFUSED, 0);
        break;
    case h245_RequestMessage_requestChannelClose:
        h245_fail(e, H245_PROC_CLC, H245_ERROR_REFUSED, 0);
        break;
    case h245_RequestMessage_roundTripDelayRequest:
        h245_fail(e, H245_PROC_RTD, H245_ERROR_REFUSED, 0);
        break;
    default:
        break;
    }
}

void h245_other_on_not_understood(struct h245_engine *e, const void *body)
{
    const struct h245_FunctionNotUnderstood *f = body;

    if (f->kind == h245_FunctionNotUnderstood_request)
        refused(e, f->u.request->kind);
}

void h245_other_on_not_supported(struct h245_engine *e, const void *body)
{
    const struct h245_FunctionNotSupported *f = body;
    struct per_limits limits = {.max_memory = e->config.memory_limit};
    void *out = NULL;
    struct h245_MultimediaSystemControlMessage *ours;

    if (!f->has_returnedFunction ||
        per_decode(&h245_MultimediaSystemControlMessage_type, f->returnedFunction.p,
                   f->returnedFunction.len, &limits, &e->arena, &out, NULL) != 0)
        return;
    ours = out;
    if (ours->kind == h245_MultimediaSystemControlMessage_request)
        refused(e, ours->u.request->kind);
}

void h245_other_ignore(struct h245_engine *e, const void *body)
{
    (void)e;
    (void)body;
}

void h245_other_unexpected(struct h245_engine *e, const void *body)
{
    (void)body;
    h245_unexpected(e);
}
