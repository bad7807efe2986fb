/* Our messages. Every body carries the protocol identifier and the call identifier. */
#include "signalling/h225/internal.h"

#include <string.h>

/* itu-t recommendation h 2250 version(0): the version that the tables were made from. */
static const uint32_t protocol_arcs[] = {0, 0, 8, 2250, 0, H225_VERSION};
const struct per_oid h225_protocol = {FSM_COUNT(protocol_arcs), protocol_arcs};

/* Bearer capability: unrestricted digital information, circuit mode, 64 kbit/s, H.221 and H.242
 * layer 1 (H.225.0 §7.2.2.1 for a call that starts on packets). */
static const uint8_t bearer[] = {0x88, 0x90, 0xa5};

int h225_build_unicode(struct arena *a, const char *text, struct per_bmp *out)
{
    size_t len = strlen(text);
    const unsigned char *s = (const unsigned char *)text;

    /* One unit for each octet is more than enough: the length is known without a look. */
    out->p = arena_array(a, len + 1, sizeof(*out->p));
    out->len = 0;
    if (out->p == NULL)
        return ERR_NOMEM;
    while (*s != 0) {
        uint32_t c = *s++;
        /* As much as the first octet says; what follows is checked to be a continuation. */
        unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

        if (more > 0)
            c &= 0x3fu >> more;
        while (more-- > 0) {
            if ((*s & 0xc0) != 0x80)
                return ERR_MALFORMED;
            c = c << 6 | (*s++ & 0x3f);
        }
        if (c >= 0x10000) {
            out->p[out->len++] = (uint16_t)(0xd7c0 + (c >> 10));
            c = 0xdc00 | (c & 0x3ff);
        }
        out->p[out->len++] = (uint16_t)c;
    }
    /* SIZE(1..256): an empty name is none. */
    return out->len == 0 ? ERR_INVAL : 0;
}

/* ERR_MALFORMED of a text that is no UTF-8 is the configuration's fault, told when the Setup is
 * made. */
int h225_build_address(struct arena *a, const struct addr *address,
                       struct h225_TransportAddress **out)
{
    struct h225_TransportAddress *t;

    /* Absent: the field is optional wherever this is used. */
    if (address == NULL || address->family == ADDR_NONE)
        return 0;
    t = arena_zalloc(a, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    if (address->family == ADDR_IP4) {
        t->kind = h225_TransportAddress_ipAddress;
        t->u.ipAddress = arena_zalloc(a, sizeof(*t->u.ipAddress));
        if (t->u.ipAddress == NULL)
            return ERR_NOMEM;
        memcpy(t->u.ipAddress->ip, address->ip, 4);
        t->u.ipAddress->port = address->port;
    } else {
        t->kind = h225_TransportAddress_ip6Address;
        t->u.ip6Address = arena_zalloc(a, sizeof(*t->u.ip6Address));
        if (t->u.ip6Address == NULL)
            return ERR_NOMEM;
        memcpy(t->u.ip6Address->ip, address->ip, 16);
        t->u.ip6Address->port = address->port;
    }
    *out = t;
    return 0;
}

/* By the kind that the caller has given it; h225_alias_from_text guesses one for plain text. */
static int build_alias(struct arena *a, const struct h225_alias *alias,
                       struct h225_AliasAddress *out)
{
    struct per_string text = {strlen(alias->text), arena_strdup(a, alias->text)};
    struct addr address;

    if (text.p == NULL)
        return ERR_NOMEM;
    switch (alias->kind) {
    case H225_ALIAS_DIGITS:
        out->kind = h225_AliasAddress_dialledDigits;
        out->u.dialledDigits = text;
        return 0;
    case H225_ALIAS_H323_ID:
        out->kind = h225_AliasAddress_h323_ID;
        return h225_build_unicode(a, alias->text, &out->u.h323_ID);
    case H225_ALIAS_URL:
        out->kind = h225_AliasAddress_url_ID;
        out->u.url_ID = text;
        return 0;
    case H225_ALIAS_EMAIL:
        out->kind = h225_AliasAddress_email_ID;
        out->u.email_ID = text;
        return 0;
    case H225_ALIAS_TRANSPORT:
        out->kind = h225_AliasAddress_transportID;
        if (addr_parse(alias->text, &address) != 0)
            return ERR_MALFORMED;
        /* An address as an alias: for calls to an IP address by way of a gatekeeper. */
        return h225_build_address(a, &address, &out->u.transportID);
    default:
        return ERR_UNSUPPORTED;
    }
}

int h225_build_aliases(struct arena *a, const struct h225_alias *aliases, size_t count,
                       bool *present, struct h225_AliasAddress_list *out)
{
    int err = 0;

    *present = count > 0;
    if (count == 0)
        return 0;
    /* More than any message needs; the encoder would refuse it later with less to say. */
    if (count > H225_ALIASES_MAX)
        return ERR_RANGE;
    out->v = arena_array(a, count, sizeof(*out->v));
    if (out->v == NULL)
        return ERR_NOMEM;
    for (; out->n < count && err == 0; out->n++)
        err = build_alias(a, &aliases[out->n], &out->v[out->n]);
    return err;
}

/* Who we are: an MCU with its MC, or a terminal. Callers show the product to their users. */
static int build_endpoint(struct h225_call *call, struct h225_EndpointType *type)
{
    struct h225_VendorIdentifier *vendor = arena_zalloc(&call->out, sizeof(*vendor));

    if (vendor == NULL)
        /* Mandatory, and the first thing that is looked for when two endpoints do not understand
         * each other. */
        return ERR_NOMEM;
    vendor->vendor.t35CountryCode = call->config.t35_country;
    vendor->vendor.t35Extension = call->config.t35_extension;
    vendor->vendor.manufacturerCode = call->config.manufacturer;
    vendor->has_productId = call->product[0] != '\0';
    vendor->productId = per_octets_of(call->product, strlen(call->product));
    vendor->has_versionId = call->version[0] != '\0';
    vendor->versionId = per_octets_of(call->version, strlen(call->version));
    type->vendor = vendor;
    if (call->config.is_mcu) {
        type->mcu = arena_zalloc(&call->out, sizeof(*type->mcu));
        /* Mc: conferences here have their MC in the MCU. */
        type->mc = true;
        return type->mcu == NULL ? ERR_NOMEM : 0;
    }
    type->terminal = arena_zalloc(&call->out, sizeof(*type->terminal));
    return type->terminal == NULL ? ERR_NOMEM : 0;
}

/* Version 2 and later know the call by this, whatever its references are on the way. */
struct h225_CallIdentifier *h225_build_call_id(struct h225_call *call)
{
    struct h225_CallIdentifier *id = arena_zalloc(&call->out, sizeof(*id));

    if (id != NULL)
        memcpy(id->guid, call->call_id, H225_GUID_LEN);
    return id;
}

/* What all messages have in common. The body's type is the caller's, its size all that is needed
 * here. */
void *h225_build_begin(struct h225_call *call, struct h225_output *o, enum q931_type type,
                       enum h225_H323_UU_PDU_h323_message_body_kind kind, size_t size)
{
    void *body = arena_zalloc(&call->out, size);

    memset(o, 0, sizeof(*o));
    /* Call reference and flag are the same in every message of a call. */
    o->msg.type = (uint8_t)type;
    o->msg.call_ref = call->call_ref;
    o->msg.from_destination = !call->is_caller;
    o->info.h323_uu_pdu.h323_message_body.kind = kind;
    /* all alternatives but NULL ones are pointers to structs: one member stands for each */
    memcpy(&o->info.h323_uu_pdu.h323_message_body.u, &body, sizeof(body));
    /* Display only where somebody may look at it. */
    if (type != Q931_RELEASE_COMPLETE && type != Q931_FACILITY && type != Q931_STATUS &&
        call->display[0] != '\0')
        o->msg.display = (struct q931_bytes){(const uint8_t *)call->display, strlen(call->display)};
    return body;
}

/* Proposals go as they were encoded: nobody in between needs to understand them. */
static int build_fast_start(struct arena *a, const struct h225_octets *from, size_t count,
                            struct per_octets_list *to)
{
    to->v = arena_array(a, count, sizeof(*to->v));
    if (to->v == NULL)
        return ERR_NOMEM;
    for (; to->n < count; to->n++)
        /* As they were made: an OLC in fastStart is an octet string (H.323 8.1.7). */
        to->v[to->n] = per_octets_of(from[to->n].data, from[to->n].len);
    return 0;
}

/* TLS with the services that it has by itself (H.235.0 §7: "default"). */
static void security_of_h245(struct h225_H245Security *security,
                             struct h225_SecurityCapabilities *c)
{
    c->encryption.kind = c->authenticaton.kind = c->integrity.kind =
        h225_SecurityServiceMode_default;
    security->kind = h225_H245Security_tls;
    security->u.tls = c;
}

/* h245SecurityMode beside an h245Address; nothing without one. */
static int build_security_mode(struct h225_call *call, const struct h225_TransportAddress *address,
                               struct h225_H245Security **out)
{
    struct h225_SecurityCapabilities *c;

    /* Without TLS nothing is said of security: peers of before 2003 do not know the field. */
    if (!call->config.h245_tls || address == NULL)
        return 0;
    c = arena_zalloc(&call->out, sizeof(*c));
    *out = arena_zalloc(&call->out, sizeof(**out));
    if (c == NULL || *out == NULL)
        return ERR_NOMEM;
    security_of_h245(*out, c);
    return 0;
}

/* A caller that wants TLS offers nothing else: an answer in the clear is none. */
static int build_security_capability(struct h225_call *call, struct h225_Setup_UUIE *u)
{
    struct h225_SecurityCapabilities *c;

    if (!call->config.h245_tls)
        return 0;
    c = arena_zalloc(&call->out, sizeof(*c));
    u->h245SecurityCapability.v = arena_zalloc(&call->out, sizeof(*u->h245SecurityCapability.v));
    if (c == NULL || u->h245SecurityCapability.v == NULL)
        return ERR_NOMEM;
    security_of_h245(u->h245SecurityCapability.v, c);
    u->h245SecurityCapability.n = 1;
    u->has_h245SecurityCapability = true;
    return 0;
}

/* Addresses and aliases of both sides: a gatekeeper in between routes by either. */
static int setup_addresses(struct h225_call *call, const struct h225_outgoing *outgoing,
                           struct h225_Setup_UUIE *u)
{
    struct arena *a = &call->out;
    int err;

    err = h225_build_address(a, &outgoing->destination_address, &u->destCallSignalAddress);
    if (err == 0)
        err = h225_build_address(a, &outgoing->source_address, &u->sourceCallSignalAddress);
    if (err == 0)
        err = h225_build_address(a, &outgoing->h245_address, &u->h245Address);
    if (err == 0)
        err = h225_build_aliases(a, outgoing->destination, outgoing->destination_count,
                                 &u->has_destinationAddress, &u->destinationAddress);
    if (err == 0)
        err = h225_build_aliases(a, outgoing->source, outgoing->source_count, &u->has_sourceAddress,
                                 &u->sourceAddress);
    return err;
}

/* The first destination that is a number also goes into the Called party number, for the
 * gateways that look nowhere else. */
static int setup_called_number(struct h225_call *call, const struct h225_outgoing *outgoing,
                               struct h225_output *o)
{
    for (size_t i = 0; i < outgoing->destination_count; i++) {
        uint8_t *octets;

        /* Only the first: the element may be there once. */
        if (outgoing->destination[i].kind != H225_ALIAS_DIGITS)
            continue;
        octets = arena_alloc(&call->out, 256);
        if (octets == NULL)
            return ERR_NOMEM;
        return q931_number_make(outgoing->destination[i].text, octets, 256, &o->msg.called);
    }
    return 0;
}

static int read_token(struct h225_call *call, const struct h225_octets *from,
                      struct h235_ClearToken *out)
{
    const struct per_limits limits = h225_limits(call);
    /* From the arena of what goes out: it lives until the message is encoded. */
    void *token = NULL;
    int err =
        per_decode(&h235_ClearToken_type, from->data, from->len, &limits, &call->out, &token, NULL);

    if (err == 0)
        *out = *(const struct h235_ClearToken *)token;
    return err;
}

/* What the gatekeeper has said of the callee (ACF) goes on to it in the Setup. */
static int setup_routing(struct h225_call *call, const struct h225_outgoing *outgoing,
                         struct h225_Setup_UUIE *u)
{
    struct arena *a = &call->out;
    int err = h225_build_aliases(a, outgoing->extra, outgoing->extra_count,
                                 &u->has_destExtraCallInfo, &u->destExtraCallInfo);

    if (err == 0 && outgoing->extension != NULL) {
        u->remoteExtensionAddress = arena_zalloc(a, sizeof(*u->remoteExtensionAddress));
        err = u->remoteExtensionAddress == NULL
                  ? ERR_NOMEM
                  : build_alias(a, outgoing->extension, u->remoteExtensionAddress);
    }
    /* Tokens of the gatekeeper's go on to the callee unread. */
    if (err != 0 || outgoing->token_count == 0)
        return err;
    u->has_tokens = true;
    u->tokens.v = arena_array(a, outgoing->token_count, sizeof(*u->tokens.v));
    if (u->tokens.v == NULL)
        return ERR_NOMEM;
    for (; err == 0 && u->tokens.n < outgoing->token_count; u->tokens.n++)
        err = read_token(call, &outgoing->tokens[u->tokens.n], &u->tokens.v[u->tokens.n]);
    return err;
}

int h225_build_setup(struct h225_call *call, const struct h225_outgoing *outgoing,
                     struct h225_output *o)
{
    struct h225_Setup_UUIE *u =
        h225_build_begin(call, o, Q931_SETUP, h225_H323_UU_PDU_h323_message_body_setup, sizeof(*u));
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    /* Mandatory in Setup; endpoints on packets do not look at it. */
    o->msg.bearer = (struct q931_bytes){bearer, sizeof(bearer)};
    u->protocolIdentifier = h225_protocol;
    memcpy(u->conferenceID, call->conference_id, H225_GUID_LEN);
    u->conferenceGoal.kind = h225_goal_to_asn1(outgoing->goal);
    u->callType.kind = h225_CallType_pointToPoint;
    u->callIdentifier = h225_build_call_id(call);
    /* Both absent otherwise: present and false, as a Setup of version 4 has them. */
    u->has_mediaWaitForConnect = u->has_canOverlapSend = true;
    H225_BUILD_CONNECTION(call, u);
    err = u->callIdentifier == NULL ? ERR_NOMEM : build_endpoint(call, &u->sourceInfo);
    if (err == 0)
        err = setup_addresses(call, outgoing, u);
    if (err == 0)
        err = setup_routing(call, outgoing, u);
    if (err == 0)
        err = build_security_capability(call, u);
    if (err == 0)
        err = setup_called_number(call, outgoing, o);
    u->has_fastStart = outgoing->fast_start_count > 0;
    if (err == 0 && u->has_fastStart)
        /* The copy is the caller's, for the time of the call. */
        err = build_fast_start(&call->out, outgoing->fast_start, outgoing->fast_start_count,
                               &u->fastStart);
    return err;
}

/* A callee's answer to fast connect, in a message that may carry it already. */
static int answer_fast_start(struct h225_call *call, uint8_t type, bool *present,
                             struct per_octets_list *to)
{
    /* What CallProceeding has said may be said again in Alerting: some callers look there first. */
    bool is_early = call->fast_start_from == type ||
                    (call->fast_start_from == Q931_CALL_PROCEEDING && type == Q931_ALERTING);

    /* Connect has it always: it is the last message that may. */
    *present = call->fast_start_count > 0 && (type == Q931_CONNECT || is_early);
    return *present ? build_fast_start(&call->out, call->fast_start, call->fast_start_count, to)
                    : 0;
}

/* An H.245 address before Connect, for who wants to talk early (H.323 8.2.3). */
static int early_h245(struct h225_call *call, struct h225_TransportAddress **address,
                      struct h225_H245Security **mode)
{
    int err = h225_build_address(&call->out, &call->h245_early, address);

    return err == 0 ? build_security_mode(call, *address, mode) : err;
}

int h225_build_proceeding(struct h225_call *call, struct h225_output *o)
{
    struct h225_CallProceeding_UUIE *u =
        h225_build_begin(call, o, Q931_CALL_PROCEEDING,
                         h225_H323_UU_PDU_h323_message_body_callProceeding, sizeof(*u));

    if (u == NULL)
        return ERR_NOMEM;
    u->protocolIdentifier = h225_protocol;
    u->callIdentifier = h225_build_call_id(call);
    H225_BUILD_CONNECTION(call, u);
    u->has_fastConnectRefused = call->config.refuse_fast_connect;
    if (u->callIdentifier == NULL ||
        answer_fast_start(call, Q931_CALL_PROCEEDING, &u->has_fastStart, &u->fastStart) != 0 ||
        early_h245(call, &u->h245Address, &u->h245SecurityMode) != 0)
        return ERR_NOMEM;
    return build_endpoint(call, &u->destinationInfo);
}

int h225_build_alerting(struct h225_call *call, struct h225_output *o)
{
    struct h225_Alerting_UUIE *u = h225_build_begin(
        call, o, Q931_ALERTING, h225_H323_UU_PDU_h323_message_body_alerting, sizeof(*u));

    if (u == NULL)
        return ERR_NOMEM;
    u->protocolIdentifier = h225_protocol;
    u->callIdentifier = h225_build_call_id(call);
    H225_BUILD_CONNECTION(call, u);
    u->has_fastConnectRefused = call->config.refuse_fast_connect;
    if (u->callIdentifier == NULL ||
        answer_fast_start(call, Q931_ALERTING, &u->has_fastStart, &u->fastStart) != 0 ||
        early_h245(call, &u->h245Address, &u->h245SecurityMode) != 0)
        return ERR_NOMEM;
    return build_endpoint(call, &u->destinationInfo);
}

/* Connect ends what the earlier messages could leave open: here H.245's address has to be. */
int h225_build_connect(struct h225_call *call, const struct addr *h245_address,
                       struct h225_output *o)
{
    struct h225_Connect_UUIE *u = h225_build_begin(
        call, o, Q931_CONNECT, h225_H323_UU_PDU_h323_message_body_connect, sizeof(*u));
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    u->protocolIdentifier = h225_protocol;
    memcpy(u->conferenceID, call->conference_id, H225_GUID_LEN);
    u->callIdentifier = h225_build_call_id(call);
    H225_BUILD_CONNECTION(call, u);
    u->has_fastConnectRefused = call->config.refuse_fast_connect;
    err = u->callIdentifier == NULL ? ERR_NOMEM : build_endpoint(call, &u->destinationInfo);
    if (err == 0)
        err = h225_build_address(&call->out, h245_address, &u->h245Address);
    if (err == 0)
        err = build_security_mode(call, u->h245Address, &u->h245SecurityMode);
    if (err == 0)
        err = answer_fast_start(call, Q931_CONNECT, &u->has_fastStart, &u->fastStart);
    return err;
}

/* Reason and cause both: gateways to the telephone network read the cause alone. */
int h225_build_release(struct h225_call *call, enum h225_reason reason, struct h225_output *o)
{
    struct h225_ReleaseComplete_UUIE *u =
        h225_build_begin(call, o, Q931_RELEASE_COMPLETE,
                         h225_H323_UU_PDU_h323_message_body_releaseComplete, sizeof(*u));
    struct h225_ReleaseCompleteReason *why = arena_zalloc(&call->out, sizeof(*why));
    uint8_t *cause = arena_alloc(&call->out, 2);

    /* Two octets: cause without diagnostics. */
    if (u == NULL || why == NULL || cause == NULL)
        return ERR_NOMEM;
    o->msg.cause = q931_cause_make(h225_reason_to_cause(reason), cause);
    u->protocolIdentifier = h225_protocol;
    u->callIdentifier = h225_build_call_id(call);
    /* Some of ours have no word in H.225.0: then the cause says it alone. */
    if (h225_reason_to_asn1(reason, why) == 0)
        u->reason = why;
    return u->callIdentifier == NULL ? ERR_NOMEM : 0;
}

int h225_build_keypad(struct h225_call *call, const char *digits, struct h225_output *o)
{
    struct h225_Information_UUIE *u = h225_build_begin(
        call, o, Q931_INFORMATION, h225_H323_UU_PDU_h323_message_body_information, sizeof(*u));

    if (u == NULL)
        return ERR_NOMEM;
    o->msg.keypad = (struct q931_bytes){(const uint8_t *)digits, strlen(digits)};
    u->protocolIdentifier = h225_protocol;
    u->callIdentifier = h225_build_call_id(call);
    return u->callIdentifier == NULL ? ERR_NOMEM : 0;
}

int h225_build_status(struct h225_call *call, unsigned cause, struct h225_output *o)
{
    struct h225_Status_UUIE *u = h225_build_begin(
        call, o, Q931_STATUS, h225_H323_UU_PDU_h323_message_body_status, sizeof(*u));
    uint8_t *octets = arena_alloc(&call->out, 3);

    if (u == NULL || octets == NULL)
        return ERR_NOMEM;
    o->msg.cause = q931_cause_make(cause, octets);
    /* Status tells the state, so that the other side may see where the two differ. */
    octets[2] = (uint8_t)h225_state_to_q931((enum h225_state)call->state);
    o->msg.call_state = (struct q931_bytes){octets + 2, 1};
    u->protocolIdentifier = h225_protocol;
    memcpy(u->callIdentifier.guid, call->call_id, H225_GUID_LEN);
    return 0;
}
