/* What a Setup or an answer says, in small structs. */
#include "signalling/h225/internal.h"

#include <stdio.h>
#include <string.h>

#include "signalling/per/bmp.h"

struct addr h225_read_address(const struct h225_TransportAddress *address)
{
    if (address == NULL)
        return (struct addr){0};
    if (address->kind == h225_TransportAddress_ipAddress)
        return addr_from_ip4(address->u.ipAddress->ip, address->u.ipAddress->port);
    if (address->kind == h225_TransportAddress_ip6Address)
        return addr_from_ip6(address->u.ip6Address->ip, address->u.ip6Address->port);
    /* IPX, NSAP and the like: no address for us. */
    return (struct addr){0};
}

/* A zero ends the text. */
const char *h225_read_unicode(struct arena *a, const struct per_bmp *s)
{
    /* Three octets of UTF-8 for a unit at most. */
    char *text = arena_alloc(a, s->len * 3 + 1);
    size_t at = 0;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < s->len && s->p[i] != 0;)
        at += per_utf8_put(text + at, per_bmp_next(s, &i));
    text[at] = '\0';
    return text;
}

/* Octets of a peer as printable text: what is not becomes a question mark, a zero ends it. */
static const char *octet_text(struct arena *a, const void *data, size_t len)
{
    char *text = arena_alloc(a, len + 1);
    const unsigned char *from = data;
    size_t at = 0;

    if (text == NULL)
        return NULL;
    while (at < len && from[at] != 0) {
        text[at] = from[at] >= 0x20 && from[at] < 0x7f ? (char)from[at] : '?';
        at++;
    }
    text[at] = '\0';
    return text;
}

static const char *party_text(struct arena *a, const struct h225_PartyNumber *party)
{
    if (party->kind == h225_PartyNumber_e164Number)
        return octet_text(a, party->u.e164Number->publicNumberDigits.p,
                          party->u.e164Number->publicNumberDigits.len);
    if (party->kind == h225_PartyNumber_privateNumber)
        return octet_text(a, party->u.privateNumber->privateNumberDigits.p,
                          party->u.privateNumber->privateNumberDigits.len);
    /* Parties of other plans (data, telex) cannot be called here. */
    return NULL;
}

static const char *transport_text(struct arena *a, const struct h225_TransportAddress *t)
{
    struct addr address = h225_read_address(t);
    char text[ADDR_TEXT_MAX];

    if (address.family == ADDR_NONE)
        return NULL;
    return arena_strdup(a, addr_format(&address, text));
}

/* text NULL: a kind that we cannot use. */
static struct h225_alias read_alias(struct arena *a, const struct h225_AliasAddress *alias)
{
    switch (alias->kind) {
    case h225_AliasAddress_dialledDigits:
        return (struct h225_alias){
            H225_ALIAS_DIGITS, octet_text(a, alias->u.dialledDigits.p, alias->u.dialledDigits.len)};
    case h225_AliasAddress_h323_ID:
        return (struct h225_alias){H225_ALIAS_H323_ID, h225_read_unicode(a, &alias->u.h323_ID)};
    case h225_AliasAddress_url_ID:
        return (struct h225_alias){H225_ALIAS_URL,
                                   octet_text(a, alias->u.url_ID.p, alias->u.url_ID.len)};
    case h225_AliasAddress_email_ID:
        return (struct h225_alias){H225_ALIAS_EMAIL,
                                   octet_text(a, alias->u.email_ID.p, alias->u.email_ID.len)};
    case h225_AliasAddress_transportID:
        return (struct h225_alias){H225_ALIAS_TRANSPORT, transport_text(a, alias->u.transportID)};
    case h225_AliasAddress_partyNumber:
        return (struct h225_alias){H225_ALIAS_PARTY, party_text(a, alias->u.partyNumber)};
    default:
        return (struct h225_alias){H225_ALIAS_COUNT, NULL};
    }
}

static void add_alias(struct h225_aliases *to, struct h225_alias alias)
{
    /* Empty and unusable ones are left out; more than a message needs, too. */
    if (alias.text == NULL || alias.text[0] == '\0' || to->count == H225_ALIASES_MAX)
        return;
    /* Once each: the number of an alias often stands in Q.931 as well. */
    for (size_t i = 0; i < to->count; i++)
        if (to->list[i].kind == alias.kind && strcmp(to->list[i].text, alias.text) == 0)
            return;
    to->list[to->count++] = alias;
}

void h225_read_aliases(struct arena *a, const struct h225_AliasAddress_list *list,
                       struct h225_aliases *to)
{
    for (uint32_t i = 0; i < list->n; i++)
        add_alias(to, read_alias(a, &list->v[i]));
}

static void read_aliases(struct arena *a, bool present, const struct h225_AliasAddress_list *list,
                         struct q931_bytes number, struct h225_aliases *to)
{
    char digits[256];

    if (present)
        h225_read_aliases(a, list, to);
    /* Gateways give the number there alone. */
    if (q931_number_of(number, digits, sizeof(digits)) == 0)
        add_alias(to, (struct h225_alias){H225_ALIAS_DIGITS, arena_strdup(a, digits)});
}

static const char *display_of(struct arena *a, const struct q931_msg *msg)
{
    const char *text = octet_text(a, msg->display.data, msg->display.data ? msg->display.len : 0);

    return text != NULL ? text : "";
}

static void read_vendor(struct arena *a, const struct h225_EndpointType *type, const char **product,
                        const char **version)
{
    const struct h225_VendorIdentifier *vendor = type->vendor;
    const char *text;

    *product = *version = "";
    if (vendor == NULL)
        return;
    if (vendor->has_productId) {
        text = octet_text(a, vendor->productId.p, vendor->productId.len);
        *product = text != NULL ? text : "";
    }
    if (vendor->has_versionId) {
        text = octet_text(a, vendor->versionId.p, vendor->versionId.len);
        *version = text != NULL ? text : "";
    }
}

static int read_octets(struct arena *a, bool present, const struct per_octets_list *list,
                       const struct h225_octets **out, size_t *count)
{
    struct h225_octets *to;

    *out = NULL;
    *count = 0;
    if (!present || list->n == 0)
        return 0;
    to = arena_array(a, list->n, sizeof(*to));
    if (to == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < list->n; i++)
        /* Not copied: they live as long as the message. */
        to[i] = (struct h225_octets){list->v[i].p, list->v[i].len};
    *out = to;
    *count = list->n;
    return 0;
}

static unsigned version_of(const struct per_oid *id)
{
    /* The last arc is the version. */
    return id->n > 0 ? id->arc[id->n - 1] : 0;
}

static bool has_tls(const struct h225_H245Security_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (list->v[i].kind == h225_H245Security_tls)
            return true;
    return false;
}

int h225_read_setup(struct arena *a, const struct q931_msg *msg, const struct h225_H323_UU_PDU *pdu,
                    struct h225_setup *setup)
{
    const struct h225_Setup_UUIE *u = pdu->h323_message_body.u.setup;

    memset(setup, 0, sizeof(*setup));
    setup->call_ref = msg->call_ref;
    /* Version 1 has none. */
    if (u->callIdentifier != NULL)
        memcpy(setup->call_id, u->callIdentifier->guid, H225_GUID_LEN);
    memcpy(setup->conference_id, u->conferenceID, H225_GUID_LEN);
    setup->version = version_of(&u->protocolIdentifier);
    read_aliases(a, u->has_destinationAddress, &u->destinationAddress, msg->called,
                 &setup->destination);
    read_aliases(a, u->has_sourceAddress, &u->sourceAddress, msg->calling, &setup->source);
    setup->display = display_of(a, msg);
    read_vendor(a, &u->sourceInfo, &setup->product, &setup->product_version);
    setup->destination_address = h225_read_address(u->destCallSignalAddress);
    setup->source_address = h225_read_address(u->sourceCallSignalAddress);
    setup->h245_address = h225_read_address(u->h245Address);
    /* Absent means no (H.323 8.2.1). */
    setup->tunnelling = pdu->has_h245Tunnelling && pdu->h245Tunnelling;
    /* TLS among what it offers; others are for other stacks. */
    setup->h245_tls = u->has_h245SecurityCapability && has_tls(&u->h245SecurityCapability);
    setup->media_wait_for_connect = u->has_mediaWaitForConnect && u->mediaWaitForConnect;
    setup->goal = h225_goal_from_asn1(u->conferenceGoal.kind);
    /* H.245 in the tunnel of the same message takes fast connect back (H.323 8.2.4); beside it, in
     * parallelH245Control, it does not. */
    if (setup->tunnelling && pdu->has_h245Control && pdu->h245Control.n > 0)
        return 0;
    return read_octets(a, u->has_fastStart, &u->fastStart, &setup->fast_start,
                       &setup->fast_start_count);
}

/* What the four answers have in common, taken from whichever it is. */
struct answer_parts {
    const struct per_oid *protocol;
    const struct h225_TransportAddress *h245_address;
    const struct h225_H245Security *h245_security;
    const struct h225_EndpointType *destination;
    bool has_fast_start;
    const struct per_octets_list *fast_start;
    bool refused;
};

#define ANSWER_PARTS(body)                                                          \
    (struct answer_parts)                                                           \
    {                                                                               \
        &(body)->protocolIdentifier, (body)->h245Address, (body)->h245SecurityMode, \
            &(body)->destinationInfo, (body)->has_fastStart, &(body)->fastStart,    \
            (body)->has_fastConnectRefused                                          \
    }

static int parts_of(const struct h225_H323_UU_PDU_h323_message_body *body,
                    struct answer_parts *parts)
{
    switch (body->kind) {
    case h225_H323_UU_PDU_h323_message_body_callProceeding:
        *parts = ANSWER_PARTS(body->u.callProceeding);
        return 0;
    case h225_H323_UU_PDU_h323_message_body_progress:
        *parts = ANSWER_PARTS(body->u.progress);
        return 0;
    case h225_H323_UU_PDU_h323_message_body_alerting:
        *parts = ANSWER_PARTS(body->u.alerting);
        return 0;
    case h225_H323_UU_PDU_h323_message_body_connect:
        *parts = ANSWER_PARTS(body->u.connect);
        return 0;
    default:
        return ERR_MALFORMED;
    }
}

int h225_read_answer(struct arena *a, const struct h225_input *in, struct h225_answer *answer)
{
    struct answer_parts parts;
    int err;

    memset(answer, 0, sizeof(*answer));
    answer->type = in->msg->type;
    answer->display = display_of(a, in->msg);
    answer->product = answer->product_version = "";
    /* An answer without User-user is one all the same. */
    if (in->pdu == NULL)
        return 0;
    err = parts_of(&in->pdu->h323_message_body, &parts);
    if (err != 0)
        return err;
    /* Only Connect has one. */
    if (in->pdu->h323_message_body.kind == h225_H323_UU_PDU_h323_message_body_connect)
        memcpy(answer->conference_id, in->pdu->h323_message_body.u.connect->conferenceID,
               H225_GUID_LEN);
    answer->h245_address = h225_read_address(parts.h245_address);
    answer->version = version_of(parts.protocol);
    answer->h245_tls =
        parts.h245_security != NULL && parts.h245_security->kind == h225_H245Security_tls;
    answer->fast_connect_refused = parts.refused;
    read_vendor(a, parts.destination, &answer->product, &answer->product_version);
    return read_octets(a, parts.has_fast_start, parts.fast_start, &answer->fast_start,
                       &answer->fast_start_count);
}

/* As an answer, what a Facility has of one: no protocolIdentifier that counts, no endpoint. */
int h225_read_elements(struct arena *a, const struct h225_input *in, struct h225_answer *answer)
{
    const struct h225_Facility_UUIE *u = in->pdu->h323_message_body.u.facility;

    memset(answer, 0, sizeof(*answer));
    answer->type = in->msg->type;
    answer->display = answer->product = answer->product_version = "";
    answer->h245_address = h225_read_address(u->h245Address);
    answer->fast_connect_refused = u->has_fastConnectRefused;
    if (u->destinationInfo != NULL)
        read_vendor(a, u->destinationInfo, &answer->product, &answer->product_version);
    return read_octets(a, u->has_fastStart, &u->fastStart, &answer->fast_start,
                       &answer->fast_start_count);
}

/* What nearly every body has, taken from whichever it is. */
struct common_parts {
    const struct h225_CallIdentifier *call_id;
    bool has_multiple, multiple, has_maintain, maintain;
};

#define COMMON_PARTS(body, id)                                                                  \
    (struct common_parts)                                                                       \
    {                                                                                           \
        (id), (body)->has_multipleCalls, (body)->multipleCalls, (body)->has_maintainConnection, \
            (body)->maintainConnection                                                          \
    }

static struct common_parts common_of(const struct h225_H323_UU_PDU_h323_message_body *body)
{
    struct common_parts parts = {0};

    switch (body->kind) {
    case h225_H323_UU_PDU_h323_message_body_setup:
        return COMMON_PARTS(body->u.setup, body->u.setup->callIdentifier);
    case h225_H323_UU_PDU_h323_message_body_callProceeding:
        return COMMON_PARTS(body->u.callProceeding, body->u.callProceeding->callIdentifier);
    case h225_H323_UU_PDU_h323_message_body_progress:
        return COMMON_PARTS(body->u.progress, &body->u.progress->callIdentifier);
    case h225_H323_UU_PDU_h323_message_body_alerting:
        return COMMON_PARTS(body->u.alerting, body->u.alerting->callIdentifier);
    case h225_H323_UU_PDU_h323_message_body_connect:
        return COMMON_PARTS(body->u.connect, body->u.connect->callIdentifier);
    case h225_H323_UU_PDU_h323_message_body_facility:
        return COMMON_PARTS(body->u.facility, body->u.facility->callIdentifier);
    case h225_H323_UU_PDU_h323_message_body_releaseComplete:
        parts.call_id = body->u.releaseComplete->callIdentifier;
        return parts;
    case h225_H323_UU_PDU_h323_message_body_information:
        parts.call_id = body->u.information->callIdentifier;
        return parts;
    case h225_H323_UU_PDU_h323_message_body_status:
        parts.call_id = &body->u.status->callIdentifier;
        return parts;
    case h225_H323_UU_PDU_h323_message_body_statusInquiry:
        parts.call_id = &body->u.statusInquiry->callIdentifier;
        return parts;
    case h225_H323_UU_PDU_h323_message_body_notify:
        parts.call_id = &body->u.notify->callIdentifier;
        return parts;
    case h225_H323_UU_PDU_h323_message_body_setupAcknowledge:
        parts.call_id = &body->u.setupAcknowledge->callIdentifier;
        return parts;
    /* What has no body says nothing. */
    default:
        return parts;
    }
}

const uint8_t *h225_read_call_id(const struct h225_H323_UU_PDU *pdu)
{
    const struct h225_CallIdentifier *id = common_of(&pdu->h323_message_body).call_id;

    return id != NULL ? id->guid : NULL;
}

void h225_learn_connection(struct h225_call *call, const struct h225_H323_UU_PDU *pdu)
{
    struct common_parts parts = common_of(&pdu->h323_message_body);

    /* Kept from the last message that said something of it. */
    if (parts.has_multiple)
        call->peer_multiple = parts.multiple;
    if (parts.has_maintain)
        call->peer_maintains = parts.maintain;
}
