/* Why calls end: ReleaseCompleteReason, Q.931 cause and our own names side by side. */
#include "signalling/h225/internal.h"

static const struct reason {
    enum q931_cause cause;
    const char *text;
} reasons[] = {
#define REASON_ROW(name, cause, text) [name] = {cause, text},
    H225_REASON_LIST(REASON_ROW)
#undef REASON_ROW
};

/* Reasons that have no member here (and UNSET) are told by the Cause element alone. */
static const enum h225_ReleaseCompleteReason_kind asn1[H225_REASON_COUNT] = {
    [H225_REASON_BUSY] = h225_ReleaseCompleteReason_inConf,
    [H225_REASON_NO_BANDWIDTH] = h225_ReleaseCompleteReason_noBandwidth,
    [H225_REASON_GATEKEEPER_RESOURCES] = h225_ReleaseCompleteReason_gatekeeperResources,
    [H225_REASON_UNREACHABLE] = h225_ReleaseCompleteReason_unreachableDestination,
    [H225_REASON_REJECTED] = h225_ReleaseCompleteReason_destinationRejection,
    [H225_REASON_INVALID_REVISION] = h225_ReleaseCompleteReason_invalidRevision,
    [H225_REASON_NO_PERMISSION] = h225_ReleaseCompleteReason_noPermission,
    [H225_REASON_UNREACHABLE_GATEKEEPER] = h225_ReleaseCompleteReason_unreachableGatekeeper,
    [H225_REASON_GATEWAY_RESOURCES] = h225_ReleaseCompleteReason_gatewayResources,
    [H225_REASON_BAD_ADDRESS] = h225_ReleaseCompleteReason_badFormatAddress,
    [H225_REASON_ADAPTIVE_BUSY] = h225_ReleaseCompleteReason_adaptiveBusy,
    [H225_REASON_UNDEFINED] = h225_ReleaseCompleteReason_undefinedReason,
    [H225_REASON_DEFLECTED] = h225_ReleaseCompleteReason_facilityCallDeflection,
    [H225_REASON_SECURITY_DENIED] = h225_ReleaseCompleteReason_securityDenied,
    [H225_REASON_CALLED_NOT_REGISTERED] = h225_ReleaseCompleteReason_calledPartyNotRegistered,
    [H225_REASON_CALLER_NOT_REGISTERED] = h225_ReleaseCompleteReason_callerNotRegistered,
    [H225_REASON_NEW_CONNECTION] = h225_ReleaseCompleteReason_newConnectionNeeded,
    [H225_REASON_FEATURE_NEEDED] = h225_ReleaseCompleteReason_neededFeatureNotSupported,
    [H225_REASON_INVALID_CID] = h225_ReleaseCompleteReason_invalidCID,
    [H225_REASON_HOP_COUNT] = h225_ReleaseCompleteReason_hopCountExceeded,
    [H225_REASON_GENERIC_DATA] = h225_ReleaseCompleteReason_genericDataReason,
    [H225_REASON_TUNNEL_REJECTED] = h225_ReleaseCompleteReason_tunnelledSignallingRejected,
    [H225_REASON_REPLACED] = h225_ReleaseCompleteReason_replaceWithConferenceInvite,
    [H225_REASON_SECURITY_ERROR] = h225_ReleaseCompleteReason_securityError,
    [H225_REASON_NON_STANDARD] = h225_ReleaseCompleteReason_nonStandardReason,
};

/* Reasons with contents, which we have none of to tell: read, never written. */
static bool has_contents(enum h225_reason reason)
{
    return reason == H225_REASON_REPLACED || reason == H225_REASON_SECURITY_ERROR ||
           reason == H225_REASON_NON_STANDARD;
}

/* A cause that several reasons share means the first of them; the rest are told apart only by
 * the reason itself. */
static const struct cause_row {
    enum q931_cause cause;
    enum h225_reason reason;
} causes[] = {
    {Q931_CAUSE_NORMAL, H225_REASON_NORMAL},
    {Q931_CAUSE_BUSY, H225_REASON_BUSY},
    {Q931_CAUSE_NO_RESPONSE, H225_REASON_NO_ANSWER},
    {Q931_CAUSE_NO_ANSWER, H225_REASON_NO_ANSWER},
    {Q931_CAUSE_TIMER_EXPIRY, H225_REASON_TIMEOUT},
    {Q931_CAUSE_PROTOCOL_ERROR, H225_REASON_PROTOCOL_ERROR},
    {Q931_CAUSE_INVALID_CONTENTS, H225_REASON_PROTOCOL_ERROR},
    {Q931_CAUSE_MANDATORY_MISSING, H225_REASON_PROTOCOL_ERROR},
    {Q931_CAUSE_NO_CIRCUIT, H225_REASON_NO_BANDWIDTH},
    {Q931_CAUSE_NO_RESOURCE, H225_REASON_GATEKEEPER_RESOURCES},
    {Q931_CAUSE_UNALLOCATED, H225_REASON_UNREACHABLE},
    {Q931_CAUSE_NO_ROUTE_NETWORK, H225_REASON_UNREACHABLE},
    {Q931_CAUSE_NO_ROUTE, H225_REASON_UNREACHABLE},
    {Q931_CAUSE_REJECTED, H225_REASON_REJECTED},
    {Q931_CAUSE_INCOMPATIBLE, H225_REASON_INVALID_REVISION},
    {Q931_CAUSE_INTERWORKING, H225_REASON_NO_PERMISSION},
    {Q931_CAUSE_NETWORK_OUT_OF_ORDER, H225_REASON_UNREACHABLE_GATEKEEPER},
    {Q931_CAUSE_CONGESTION, H225_REASON_GATEWAY_RESOURCES},
    {Q931_CAUSE_INVALID_FORMAT, H225_REASON_BAD_ADDRESS},
    {Q931_CAUSE_TEMPORARY_FAILURE, H225_REASON_ADAPTIVE_BUSY},
    {Q931_CAUSE_NORMAL_UNSPECIFIED, H225_REASON_UNDEFINED},
    {Q931_CAUSE_SUBSCRIBER_ABSENT, H225_REASON_CALLED_NOT_REGISTERED},
    {Q931_CAUSE_NOT_IMPLEMENTED, H225_REASON_FEATURE_NEEDED},
    {Q931_CAUSE_INVALID_CALL_REFERENCE, H225_REASON_INVALID_CID},
};

enum q931_cause h225_reason_to_cause(enum h225_reason reason)
{
    return reason < H225_REASON_COUNT ? reasons[reason].cause : Q931_CAUSE_NORMAL_UNSPECIFIED;
}

enum h225_reason h225_cause_to_reason(unsigned cause)
{
    for (unsigned i = 0; i < FSM_COUNT(causes); i++)
        if (causes[i].cause == cause)
            return causes[i].reason;
    /* No name for it: the cause alone goes on. */
    return H225_REASON_OTHER;
}

enum h225_reason h225_reason_from_asn1(const struct h225_ReleaseCompleteReason *reason)
{
    for (unsigned i = 0; i < H225_REASON_COUNT; i++)
        if (asn1[i] != h225_ReleaseCompleteReason_UNSET && asn1[i] == reason->kind)
            return (enum h225_reason)i;
    return H225_REASON_OTHER;
}

int h225_reason_to_asn1(enum h225_reason reason, struct h225_ReleaseCompleteReason *out)
{
    if (reason >= H225_REASON_COUNT || asn1[reason] == h225_ReleaseCompleteReason_UNSET ||
        has_contents(reason))
        return ERR_NOTFOUND;
    out->kind = asn1[reason];
    return 0;
}

const char *h225_reason_to_str(enum h225_reason reason)
{
    return reason < H225_REASON_COUNT ? reasons[reason].text : "unknown";
}
