#include "signalling/h245/summary.h"

#include "base/addr.h"
#include "base/text_line.h"
#include "signalling/h245/h239.h"
#include "signalling/h245/media.h"
#include "signalling/per/per.h"
#include "signalling/per/type.h"
#include "signalling/schema/h245.h"

#include <string.h>

/* Alternatives are numbered from 1 in C and from 0 in the tables; what the tables do not have is
 * UNKNOWN or UNSET. */
static const char *alternative_name(const struct per_type *type, unsigned kind)
{
    return kind >= 1 && kind <= type->n_members ? type->members[kind - 1].name : "unknown";
}

const char *h245_message_name(const struct h245_MultimediaSystemControlMessage *pdu)
{
    switch (pdu->kind) {
    case h245_MultimediaSystemControlMessage_request:
        return alternative_name(&h245_RequestMessage_type, pdu->u.request->kind);
    case h245_MultimediaSystemControlMessage_response:
        return alternative_name(&h245_ResponseMessage_type, pdu->u.response->kind);
    case h245_MultimediaSystemControlMessage_command:
        return alternative_name(&h245_CommandMessage_type, pdu->u.command->kind);
    case h245_MultimediaSystemControlMessage_indication:
        return alternative_name(&h245_IndicationMessage_type, pdu->u.indication->kind);
    default:
        return "unknown";
    }
}

/* The peer's strings go into logs: only what is harmless there. */
static void put_string(struct text_line *l, const char *name, const struct per_string *s)
{
    text_line_put(l, " %s=", name);
    /* 24 are enough to tell one from another in a trace. */
    for (size_t i = 0; i < s->len && i < 24; i++)
        text_line_put(l, "%c", s->p[i] > 0x20 && s->p[i] < 0x7f ? s->p[i] : '?');
    if (s->len > 24)
        text_line_put(l, "...");
}

static void put_dtls(struct text_line *l, const struct h245_DTLSSecurityCapability *dtls)
{
    if (dtls == NULL)
        return;
    text_line_put(l, " dtls");
    if (dtls->hashFunction.n > 0)
        put_string(l, "hash", &dtls->hashFunction.v[0]);
    if (dtls->has_setupInformation)
        put_string(l, "setup", &dtls->setupInformation);
    if (dtls->has_fingerprint)
        put_string(l, "fingerprint", &dtls->fingerprint);
}

static void put_olc(struct text_line *l, const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    struct h245_channel c;

    text_line_put(l, " lcn=%u", olc->forwardLogicalChannelNumber);
    if (olc->reverseLogicalChannelParameters != NULL)
        text_line_put(l, " bothWays");
    if (olc->forwardLogicalChannelParameters.has_replacementFor)
        text_line_put(l, " replaces=%u", olc->forwardLogicalChannelParameters.replacementFor);
    /* Not of media that we can read: the number alone. */
    if (h245_read_olc(olc, &c) != 0)
        return;
    text_line_put(l, " session=%u %s", c.session_id,
                  /* What kind it is, before its parameters. */
                  c.is_null          ? "nullData"
                  : c.is_other_media ? "other media"
                                     : h245_codec_to_str(c.audio.codec));
    if (c.audio.frames != 0)
        text_line_put(l, ":%u", c.audio.frames);
    text_line_put_addr(l, "media", &c.media);
    text_line_put_addr(l, "control", &c.media_control);
    if (c.payload_type != 0)
        text_line_put(l, " pt=%u", c.payload_type);
    if (type->kind == h245_DataType_h235Media)
        put_dtls(l, type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability);
}

static void put_olc_ack(struct text_line *l, const struct h245_OpenLogicalChannelAck *ack)
{
    struct h245_channel_ack c;

    text_line_put(l, " lcn=%u", ack->forwardLogicalChannelNumber);
    if (ack->reverseLogicalChannelParameters != NULL)
        text_line_put(l, " reverse=%u",
                      ack->reverseLogicalChannelParameters->reverseLogicalChannelNumber);
    if (h245_read_olc_ack(ack, &c) == 0) {
        text_line_put(l, " session=%u", c.session_id);
        text_line_put_addr(l, "media", &c.media);
        text_line_put_addr(l, "control", &c.media_control);
    }
    put_dtls(l, ack->dtlsSecurityCapability);
}

static void put_tcs(struct text_line *l, const struct h245_TerminalCapabilitySet *tcs)
{
    struct h245_peer_caps caps;

    text_line_put(l, " seq=%u entries=%u", tcs->sequenceNumber,
                  /* 0 entries: a set without a table. */
                  tcs->has_capabilityTable ? tcs->capabilityTable.n : 0);
    if (h245_read_tcs(tcs, &caps) != 0)
        return;
    for (size_t i = 0; i < caps.audio_count; i++)
        text_line_put(l, "%s%s:%u", i == 0 ? " audio=" : ",",
                      h245_codec_to_str(caps.audio[i].audio.codec), caps.audio[i].audio.frames);
    for (uint32_t i = 0; tcs->has_capabilityTable && i < tcs->capabilityTable.n; i++) {
        const struct h245_Capability *cap = tcs->capabilityTable.v[i].capability;

        if (cap != NULL && cap->kind == h245_Capability_h235SecurityCapability &&
            cap->u.h235SecurityCapability->encryptionAuthenticationAndIntegrity
                    .dtlsSecurityCapability != NULL) {
            put_dtls(l, cap->u.h235SecurityCapability->encryptionAuthenticationAndIntegrity
                            .dtlsSecurityCapability);
            return; /* the others say the same */
        }
    }
}

static void put_generic(struct text_line *l, const struct h245_GenericMessage *m)
{
    struct h239_message h239;

    /* Not H.239: the name of the message has to do. */
    if (h239_read(m, &h239) != 0)
        return;
    text_line_put(l, " %s", h239_kind_to_str(h239.kind));
    if (h239.kind == H239_TOKEN_RESPONSE || h239.kind == H239_FLOW_RELEASE_RESPONSE)
        text_line_put(l, h239.is_ack ? " ack" : " reject");
    if (h239.terminal != 0)
        text_line_put(l, " terminal=%u/%u", h239.mcu, h239.terminal);
    if (h239.channel != 0)
        text_line_put(l, " lcn=%u", h239.channel);
}

static void put_label(struct text_line *l, const struct h245_TerminalLabel *label)
{
    text_line_put(l, " terminal=%u/%u", label->mcuNumber, label->terminalNumber);
}

static void put_other_request(struct text_line *l, const struct h245_RequestMessage *m)
{
    switch (m->kind) {
    case h245_RequestMessage_requestMode:
        text_line_put(l, " seq=%u modes=%u", m->u.requestMode->sequenceNumber,
                      m->u.requestMode->requestedModes.n);
        break;
    case h245_RequestMessage_maintenanceLoopRequest:
        text_line_put(l, " %s",
                      alternative_name(&h245_MaintenanceLoopRequest_type_type,
                                       m->u.maintenanceLoopRequest->type.kind));
        break;
    case h245_RequestMessage_logicalChannelRateRequest:
        text_line_put(l, " lcn=%u rate=%u", m->u.logicalChannelRateRequest->logicalChannelNumber,
                      m->u.logicalChannelRateRequest->maximumBitRate);
        break;
    case h245_RequestMessage_conferenceRequest:
        text_line_put(l, " %s",
                      alternative_name(&h245_ConferenceRequest_type, m->u.conferenceRequest->kind));
        if (m->u.conferenceRequest->kind == h245_ConferenceRequest_dropTerminal)
            put_label(l, m->u.conferenceRequest->u.dropTerminal);
        break;
    case h245_RequestMessage_genericRequest:
        put_generic(l, m->u.genericRequest);
        break;
    default:
        break;
    }
}

static void put_request(struct text_line *l, const struct h245_RequestMessage *m)
{
    switch (m->kind) {
    case h245_RequestMessage_masterSlaveDetermination:
        text_line_put(l, " type=%u number=%u", m->u.masterSlaveDetermination->terminalType,
                      m->u.masterSlaveDetermination->statusDeterminationNumber);
        break;
    case h245_RequestMessage_terminalCapabilitySet:
        put_tcs(l, m->u.terminalCapabilitySet);
        break;
    case h245_RequestMessage_openLogicalChannel:
        put_olc(l, m->u.openLogicalChannel);
        break;
    case h245_RequestMessage_closeLogicalChannel:
        text_line_put(l, " lcn=%u", m->u.closeLogicalChannel->forwardLogicalChannelNumber);
        break;
    case h245_RequestMessage_requestChannelClose:
        text_line_put(l, " lcn=%u", m->u.requestChannelClose->forwardLogicalChannelNumber);
        break;
    case h245_RequestMessage_roundTripDelayRequest:
        text_line_put(l, " seq=%u", m->u.roundTripDelayRequest->sequenceNumber);
        break;
    default:
        put_other_request(l, m);
        break;
    }
}

static void put_other_response(struct text_line *l, const struct h245_ResponseMessage *m)
{
    switch (m->kind) {
    case h245_ResponseMessage_requestModeAck:
        text_line_put(l, " seq=%u %s", m->u.requestModeAck->sequenceNumber,
                      alternative_name(&h245_RequestModeAck_response_type,
                                       m->u.requestModeAck->response.kind));
        break;
    case h245_ResponseMessage_requestModeReject:
        text_line_put(l, " seq=%u cause=%s", m->u.requestModeReject->sequenceNumber,
                      alternative_name(&h245_RequestModeReject_cause_type,
                                       m->u.requestModeReject->cause.kind));
        break;
    case h245_ResponseMessage_conferenceResponse:
        text_line_put(
            l, " %s",
            alternative_name(&h245_ConferenceResponse_type, m->u.conferenceResponse->kind));
        if (m->u.conferenceResponse->kind == h245_ConferenceResponse_makeMeChairResponse)
            text_line_put(l, " %s",
                          alternative_name(&h245_ConferenceResponse_makeMeChairResponse_type,
                                           m->u.conferenceResponse->u.makeMeChairResponse->kind));
        break;
    case h245_ResponseMessage_genericResponse:
        put_generic(l, m->u.genericResponse);
        break;
    default:
        break;
    }
}

static void put_response(struct text_line *l, const struct h245_ResponseMessage *m)
{
    switch (m->kind) {
    case h245_ResponseMessage_masterSlaveDeterminationAck:
        text_line_put(l, " decision=%s",
                      alternative_name(&h245_MasterSlaveDeterminationAck_decision_type,
                                       m->u.masterSlaveDeterminationAck->decision.kind));
        break;
    case h245_ResponseMessage_terminalCapabilitySetAck:
        text_line_put(l, " seq=%u", m->u.terminalCapabilitySetAck->sequenceNumber);
        break;
    case h245_ResponseMessage_terminalCapabilitySetReject:
        text_line_put(l, " seq=%u cause=%s", m->u.terminalCapabilitySetReject->sequenceNumber,
                      alternative_name(&h245_TerminalCapabilitySetReject_cause_type,
                                       m->u.terminalCapabilitySetReject->cause.kind));
        break;
    case h245_ResponseMessage_openLogicalChannelAck:
        put_olc_ack(l, m->u.openLogicalChannelAck);
        break;
    case h245_ResponseMessage_openLogicalChannelReject:
        text_line_put(l, " lcn=%u cause=%s",
                      m->u.openLogicalChannelReject->forwardLogicalChannelNumber,
                      alternative_name(&h245_OpenLogicalChannelReject_cause_type,
                                       m->u.openLogicalChannelReject->cause.kind));
        break;
    case h245_ResponseMessage_closeLogicalChannelAck:
        text_line_put(l, " lcn=%u", m->u.closeLogicalChannelAck->forwardLogicalChannelNumber);
        break;
    case h245_ResponseMessage_roundTripDelayResponse:
        text_line_put(l, " seq=%u", m->u.roundTripDelayResponse->sequenceNumber);
        break;
    default:
        put_other_response(l, m);
        break;
    }
}

static void put_command(struct text_line *l, const struct h245_CommandMessage *m)
{
    switch (m->kind) {
    case h245_CommandMessage_endSessionCommand:
        text_line_put(l, " %s",
                      alternative_name(&h245_EndSessionCommand_type, m->u.endSessionCommand->kind));
        break;
    case h245_CommandMessage_miscellaneousCommand:
        text_line_put(l, " lcn=%u %s", m->u.miscellaneousCommand->logicalChannelNumber,
                      alternative_name(&h245_MiscellaneousCommand_type_type,
                                       m->u.miscellaneousCommand->type.kind));
        break;
    case h245_CommandMessage_flowControlCommand:
        if (m->u.flowControlCommand->scope.kind ==
            h245_FlowControlCommand_scope_logicalChannelNumber)
            text_line_put(l, " lcn=%u", m->u.flowControlCommand->scope.u.logicalChannelNumber);
        if (m->u.flowControlCommand->restriction.kind ==
            h245_FlowControlCommand_restriction_maximumBitRate)
            text_line_put(l, " rate=%u", m->u.flowControlCommand->restriction.u.maximumBitRate);
        break;
    case h245_CommandMessage_conferenceCommand:
        text_line_put(l, " %s",
                      alternative_name(&h245_ConferenceCommand_type, m->u.conferenceCommand->kind));
        break;
    case h245_CommandMessage_genericCommand:
        put_generic(l, m->u.genericCommand);
        break;
    default:
        break;
    }
}

static bool has_label(enum h245_ConferenceIndication_kind kind)
{
    /* Those whose content is a TerminalLabel: the union's member is the same for all. */
    return kind == h245_ConferenceIndication_terminalNumberAssign ||
           kind == h245_ConferenceIndication_terminalJoinedConference ||
           kind == h245_ConferenceIndication_terminalLeftConference ||
           kind == h245_ConferenceIndication_terminalYouAreSeeing ||
           kind == h245_ConferenceIndication_floorRequested;
}

static void put_user_input(struct text_line *l, const struct h245_UserInputIndication *input)
{
    /* The text goes through put_string: it is the peer's. */
    if (input->kind == h245_UserInputIndication_alphanumeric)
        put_string(l, "text", &input->u.alphanumeric);
    if (input->kind == h245_UserInputIndication_signal)
        put_string(l, "signal", &input->u.signal->signalType);
}

static void put_indication(struct text_line *l, const struct h245_IndicationMessage *m)
{
    switch (m->kind) {
    case h245_IndicationMessage_userInput:
        put_user_input(l, m->u.userInput);
        break;
    case h245_IndicationMessage_functionNotSupported:
        text_line_put(l, " cause=%s",
                      alternative_name(&h245_FunctionNotSupported_cause_type,
                                       m->u.functionNotSupported->cause.kind));
        break;
    case h245_IndicationMessage_openLogicalChannelConfirm:
        text_line_put(l, " lcn=%u", m->u.openLogicalChannelConfirm->forwardLogicalChannelNumber);
        break;
    case h245_IndicationMessage_conferenceIndication:
        text_line_put(
            l, " %s",
            alternative_name(&h245_ConferenceIndication_type, m->u.conferenceIndication->kind));
        if (has_label(m->u.conferenceIndication->kind))
            put_label(l, m->u.conferenceIndication->u.terminalNumberAssign);
        break;
    default:
        break;
    }
}

const char *h245_summary(const struct h245_MultimediaSystemControlMessage *pdu, char *text,
                         size_t cap)
{
    struct text_line l;

    /* No room for a word: nothing is written. */
    if (cap == 0)
        return text;
    text_line_init(&l, text, cap);
    text_line_put(&l, "%s", h245_message_name(pdu));
    if (pdu->kind == h245_MultimediaSystemControlMessage_request)
        put_request(&l, pdu->u.request);
    else if (pdu->kind == h245_MultimediaSystemControlMessage_response)
        put_response(&l, pdu->u.response);
    else if (pdu->kind == h245_MultimediaSystemControlMessage_command)
        put_command(&l, pdu->u.command);
    else if (pdu->kind == h245_MultimediaSystemControlMessage_indication)
        put_indication(&l, pdu->u.indication);
    return text;
}
