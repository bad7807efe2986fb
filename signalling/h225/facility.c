/* Facility (H.225.0 7.4.1): where a call shall go instead, what was forwarded out of other
 * messages, and the request to connect for H.245. */
#include "signalling/h225/internal.h"

#include <string.h>

/* In the order of our own enumeration. */
static const enum h225_FacilityReason_kind asn1[H225_FACILITY_COUNT] = {
    [H225_FACILITY_ROUTE_TO_GATEKEEPER] = h225_FacilityReason_routeCallToGatekeeper,
    [H225_FACILITY_FORWARDED] = h225_FacilityReason_callForwarded,
    [H225_FACILITY_ROUTE_TO_MC] = h225_FacilityReason_routeCallToMC,
    [H225_FACILITY_UNDEFINED] = h225_FacilityReason_undefinedReason,
    [H225_FACILITY_CONFERENCE_LIST] = h225_FacilityReason_conferenceListChoice,
    [H225_FACILITY_START_H245] = h225_FacilityReason_startH245,
    [H225_FACILITY_NO_H245] = h225_FacilityReason_noH245,
    [H225_FACILITY_NEW_TOKENS] = h225_FacilityReason_newTokens,
    [H225_FACILITY_FEATURE_SET] = h225_FacilityReason_featureSetUpdate,
    [H225_FACILITY_FORWARDED_ELEMENTS] = h225_FacilityReason_forwardedElements,
    [H225_FACILITY_TRANSPORTED] = h225_FacilityReason_transportedInformation,
};

const char *h225_facility_to_str(enum h225_facility_reason reason)
{
    static const char *const text[] = {
#define FACILITY_TEXT(name, words) [name] = words,
        H225_FACILITY_LIST(FACILITY_TEXT)
#undef FACILITY_TEXT
    };

    return reason < H225_FACILITY_COUNT ? text[reason] : "unknown";
}

/* A reason of a later version says nothing that we could act on. */
static enum h225_facility_reason reason_of(const struct h225_FacilityReason *reason)
{
    for (unsigned i = 0; i < H225_FACILITY_COUNT; i++)
        if (asn1[i] == reason->kind)
            return (enum h225_facility_reason)i;
    return H225_FACILITY_UNDEFINED;
}

/* A Facility may redirect the call, ask for H.245, or only carry: which it is decides on what of it
 * counts. */
static void read_facility(struct arena *a, const struct h225_Facility_UUIE *u,
                          struct h225_facility *f)
{
    memset(f, 0, sizeof(*f));
    f->reason = reason_of(&u->reason);
    f->address = h225_read_address(u->alternativeAddress);
    if (u->has_alternativeAliasAddress)
        h225_read_aliases(a, &u->alternativeAliasAddress, &f->aliases);
    f->has_conference_id = u->has_conferenceID;
    memcpy(f->conference_id, u->conferenceID, H225_GUID_LEN);
    f->h245_address = h225_read_address(u->h245Address);
}

/* A gatekeeper that has answered Setup by itself passes on what the callee's own answer said (H.323
 * 8.1.7.3): for the caller that is one more answer before Connect. */
static void forwarded_elements(struct h225_call *call, const struct h225_input *in)
{
    struct h225_answer answer;

    if (!call->is_caller || call->state == H225_STATE_ACTIVE ||
        h225_read_elements(&call->in, in, &answer) != 0)
        /* An answer of no use for who has connected already. */
        return;
    answer.tunnelling = call->tunnel == H225_TUNNEL_ON;
    H225_CALL(call, on_proceeding, &answer);
}

void h225_do_facility(void *machine, const void *input)
{
    struct h225_call *call = machine;
    const struct h225_input *in = input;
    struct h225_facility f;

    if (in->pdu == NULL)
        return;
    /* First: H.245 in a Facility is its only content for most. */
    h225_tunnel_deliver(call, in->pdu);
    if (in->pdu->h323_message_body.kind != h225_H323_UU_PDU_h323_message_body_facility ||
        call->is_over)
        return;
    read_facility(&call->in, in->pdu->h323_message_body.u.facility, &f);
    if (f.reason == H225_FACILITY_FORWARDED_ELEMENTS)
        forwarded_elements(call, in);
    /* startH245 has a callback of its own; without an address it says nothing. */
    else if (f.reason != H225_FACILITY_START_H245)
        H225_CALL(call, on_facility, &f);
    else if (f.h245_address.family != ADDR_NONE)
        H225_CALL(call, on_start_h245, &f.h245_address);
}

/* The Facility element is mandatory in a FACILITY message and empty in H.225.0. */
static struct q931_bytes empty_element(void)
{
    return (struct q931_bytes){(const uint8_t *)"", 0};
}

int h225_build_facility(struct h225_call *call, const struct h225_facility *f,
                        struct h225_output *o)
{
    struct h225_Facility_UUIE *u = h225_build_begin(
        call, o, Q931_FACILITY, h225_H323_UU_PDU_h323_message_body_facility, sizeof(*u));
    struct arena *a = &call->out;
    int err;

    if (u == NULL || f->reason >= H225_FACILITY_COUNT)
        return u == NULL ? ERR_NOMEM : ERR_INVAL;
    o->msg.facility = empty_element();
    u->protocolIdentifier = h225_protocol;
    u->reason.kind = asn1[f->reason];
    u->callIdentifier = h225_build_call_id(call);
    if (u->callIdentifier == NULL)
        return ERR_NOMEM;
    u->has_conferenceID = true;
    memcpy(u->conferenceID, f->has_conference_id ? f->conference_id : call->conference_id,
           H225_GUID_LEN);
    H225_BUILD_CONNECTION(call, u);
    err = h225_build_aliases(a, f->aliases.list, f->aliases.count, &u->has_alternativeAliasAddress,
                             &u->alternativeAliasAddress);
    if (err == 0)
        err = h225_build_address(a, &f->address, &u->alternativeAddress);
    return err == 0 ? h225_build_address(a, &f->h245_address, &u->h245Address) : err;
}

int h225_build_start_h245(struct h225_call *call, const struct addr *h245_address,
                          struct h225_output *o)
{
    struct h225_facility f;

    memset(&f, 0, sizeof(f));
    f.reason = H225_FACILITY_START_H245;
    f.h245_address = *h245_address;
    return h225_build_facility(call, &f, o);
}

int h225_build_empty_facility(struct h225_call *call, struct h225_output *o)
{
    /* Empty body: H.323-UU-PDU has one for what only carries a tunnel. */
    h225_build_begin(call, o, Q931_FACILITY, h225_H323_UU_PDU_h323_message_body_empty, 1);
    o->msg.facility = empty_element();
    return 0;
}
