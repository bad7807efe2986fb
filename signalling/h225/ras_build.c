/* The requests of an endpoint. */
#include "signalling/h225/ras_internal.h"

#include <string.h>

static const uint32_t protocol_arcs[] = {0, 0, 8, 2250, 0, H225_VERSION};
static const struct per_oid protocol = {FSM_COUNT(protocol_arcs), protocol_arcs};
#define ALIAS_LEN_MAX 128 /* dialledDigits holds no more; of the others it is enough */

static const uint32_t hmac_sha1_96_arcs[] = {0, 0, 8, 235, 0, 2, 6};
static const struct ras_range no_names; /* the registration told them */

void *ras_begin(struct ras *ras, struct h225_RasMessage *m, enum h225_RasMessage_kind kind)
{
    void *body;

    /* One message at a time: what was built before has been sent. */
    arena_reset(&ras->out);
    memset(m, 0, sizeof(*m));
    m->kind = kind;
    body = arena_zalloc(&ras->out, ras_kind_of(kind)->size);
    memcpy(&m->u, &body, sizeof(body));
    return body;
}

int ras_build_identifier(struct ras *ras, const struct ras_id *id, struct per_bmp *out)
{
    out->p = arena_copy(&ras->out, id->text, id->len * sizeof(id->text[0]));
    out->len = id->len;
    return out->p == NULL ? ERR_NOMEM : 0;
}

/* For fields that have to be there. */
static int build_address(struct ras *ras, const struct addr *address,
                         struct h225_TransportAddress *out)
{
    struct h225_TransportAddress *made = NULL;
    int err = h225_build_address(&ras->out, address, &made);

    /* Mandatory here, though optional elsewhere. */
    if (err == 0 && made == NULL)
        err = ERR_INVAL;
    if (err == 0)
        *out = *made;
    return err;
}

/* All listeners: the gatekeeper gives one of them to callers. */
static int build_signalling(struct ras *ras, struct h225_TransportAddress_list *out)
{
    int err = 0;

    out->v = arena_array(&ras->out, ras->config.signalling_count, sizeof(*out->v));
    if (out->v == NULL)
        return ERR_NOMEM;
    for (; out->n < ras->config.signalling_count && err == 0; out->n++)
        err = build_address(ras, &ras->config.signalling[out->n], &out->v[out->n]);
    return err;
}

static void build_vendor(const struct ras *ras, struct h225_VendorIdentifier *vendor)
{
    vendor->has_productId = vendor->has_versionId = true;
    vendor->productId = per_octets_of(ras->config.product, strlen(ras->config.product));
    vendor->versionId = per_octets_of(ras->config.version, strlen(ras->config.version));
}

/* An MCU serves H.323; its prefixes are what the gatekeeper routes here (H.225.0 §7.8.1). */
static int build_protocols(struct ras *ras, struct ras_range names,
                           struct h225_SupportedProtocols_list *out)
{
    struct h225_H323Caps *caps = arena_zalloc(&ras->out, sizeof(*caps));

    out->v = arena_zalloc(&ras->out, sizeof(*out->v));
    if (caps == NULL || out->v == NULL)
        return ERR_NOMEM;
    out->n = 1;
    out->v->kind = h225_SupportedProtocols_h323;
    out->v->u.h323 = caps;
    /* Prefixes even if none: gatekeepers distinguish an empty list from an absent one. */
    caps->has_supportedPrefixes = true;
    return ras_names_build_prefixes(ras, names, &caps->supportedPrefixes);
}

/* Who we are, to gatekeepers: an MCU, with the prefixes of its conferences. */
static int build_endpoint(struct ras *ras, struct ras_range names, struct h225_EndpointType *type)
{
    type->vendor = arena_zalloc(&ras->out, sizeof(*type->vendor));
    type->mcu = arena_zalloc(&ras->out, sizeof(*type->mcu));
    if (type->vendor == NULL || type->mcu == NULL)
        return ERR_NOMEM;
    build_vendor(ras, type->vendor);
    /* Conferences are ours: an MCU with its MC. */
    type->mc = true;
    type->mcu->has_protocol = true;
    return build_protocols(ras, names, &type->mcu->protocol);
}

int ras_build_call_id(struct ras *ras, const uint8_t guid[H225_GUID_LEN],
                      struct h225_CallIdentifier **out)
{
    *out = arena_zalloc(&ras->out, sizeof(**out));
    if (*out == NULL)
        return ERR_NOMEM;
    memcpy((*out)->guid, guid, H225_GUID_LEN);
    return 0;
}

/* The one way of authentication that we have; a gatekeeper that wants another says so here. */
static int offer_authentication(struct ras *ras, struct h225_GatekeeperRequest *u)
{
    u->authenticationCapability.v = arena_zalloc(&ras->out, sizeof(*u->authenticationCapability.v));
    u->algorithmOIDs.v = arena_zalloc(&ras->out, sizeof(*u->algorithmOIDs.v));
    if (u->authenticationCapability.v == NULL || u->algorithmOIDs.v == NULL)
        return ERR_NOMEM;
    u->has_authenticationCapability = u->has_algorithmOIDs = true;
    u->authenticationCapability.n = u->algorithmOIDs.n = 1;
    u->authenticationCapability.v->kind = h235_AuthenticationMechanism_pwdHash;
    u->algorithmOIDs.v[0] = (struct per_oid){FSM_COUNT(hmac_sha1_96_arcs), hmac_sha1_96_arcs};
    return 0;
}

/* GatekeeperRequest: who is there, and will you have us? */
int ras_build_grq(struct ras *ras, struct h225_RasMessage *m)
{
    struct h225_GatekeeperRequest *u = ras_begin(ras, m, h225_RasMessage_gatekeeperRequest);
    const struct ras_id *wanted = ras_wanted_id(ras);
    struct ras_range names = ras_names_of(ras, RAS_FULL);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    u->protocolIdentifier = protocol;
    /* Alternates and assigned gatekeepers are followed (ras_alternates.c). */
    u->has_supportsAltGK = true;
    u->has_supportsAssignedGK = true;
    err = build_address(ras, &ras->config.ras_address, &u->rasAddress);
    if (err == 0)
        err = build_endpoint(ras, names, &u->endpointType);
    if (err == 0)
        err = ras_names_build_aliases(ras, names, &u->has_endpointAlias, &u->endpointAlias);
    /* Only where the configuration, or a gatekeeper, named one. */
    u->has_gatekeeperIdentifier = wanted->len > 0;
    if (err == 0 && u->has_gatekeeperIdentifier)
        err = ras_build_identifier(ras, wanted, &u->gatekeeperIdentifier);
    if (err == 0 && ras->config.password != NULL)
        err = offer_authentication(ras, u);
    return err;
}

/* Named where they are known: the gatekeeper finds its entry by them. */
static int rrq_identifiers(struct ras *ras, struct h225_RegistrationRequest *u)
{
    int err = 0;

    u->has_gatekeeperIdentifier = ras->gatekeeper_id.len > 0;
    if (u->has_gatekeeperIdentifier)
        err = ras_build_identifier(ras, &ras->gatekeeper_id, &u->gatekeeperIdentifier);
    u->has_endpointIdentifier = ras->endpoint_id.len > 0; /* enrol() has forgotten an old one */
    if (err == 0 && u->has_endpointIdentifier)
        err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);
    return err;
}

/* The times of a call, and why it ended, are what we can tell (usageReportingCapability). */
static int offer_usage(struct ras *ras, struct h225_RegistrationRequest *u)
{
    u->usageReportingCapability = arena_zalloc(&ras->out, sizeof(*u->usageReportingCapability));
    if (u->usageReportingCapability == NULL)
        return ERR_NOMEM;
    u->usageReportingCapability->has_startTime = true;
    u->usageReportingCapability->has_endTime = true;
    u->usageReportingCapability->has_terminationCause = true;
    return 0;
}

/* RegistrationRequest in its three sorts: all, more names, or still there. */
int ras_build_rrq(struct ras *ras, struct h225_RasMessage *m, enum ras_purpose purpose)
{
    struct h225_RegistrationRequest *u = ras_begin(ras, m, h225_RasMessage_registrationRequest);
    struct ras_range names = ras_names_of(ras, purpose); /* a keep-alive has none (§7.9.1) */
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    u->protocolIdentifier = protocol;
    /* Told truly: some gatekeepers refuse who has not asked. */
    u->discoveryComplete = !ras->config.skip_discovery;
    u->has_keepAlive = u->has_willSupplyUUIEs = u->has_maintainConnection = true;
    u->has_supportsAltGK = u->has_supportsAssignedGK = true;
    u->keepAlive = purpose == RAS_KEEP_ALIVE;
    /* Ras_report.c does it. */
    u->willSupplyUUIEs = true;
    u->has_additiveRegistration = purpose == RAS_ADDITIVE;
    u->has_timeToLive = true;
    /* Wanted; the gatekeeper's answer counts. */
    u->timeToLive = ras->config.ttl_s;
    build_vendor(ras, &u->endpointVendor);
    u->rasAddress.v = arena_zalloc(&ras->out, sizeof(*u->rasAddress.v));
    if (u->rasAddress.v == NULL)
        return ERR_NOMEM;
    u->rasAddress.n = 1;
    err = build_address(ras, &ras->config.ras_address, u->rasAddress.v);
    if (err == 0)
        err = build_signalling(ras, &u->callSignalAddress);
    if (err == 0)
        err = build_endpoint(ras, names, &u->terminalType);
    if (err == 0)
        err = ras_names_build_aliases(ras, names, &u->has_terminalAlias, &u->terminalAlias);
    /* Times need a clock. */
    if (err == 0 && purpose == RAS_FULL && ras->ops->unix_time != NULL)
        err = offer_usage(ras, u);
    return err == 0 ? rrq_identifiers(ras, u) : err;
}

/* UnregistrationRequest: we are going. */
int ras_build_urq(struct ras *ras, struct h225_RasMessage *m)
{
    struct h225_UnregistrationRequest *u = ras_begin(ras, m, h225_RasMessage_unregistrationRequest);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    u->has_endpointIdentifier = true;
    u->reason = arena_zalloc(&ras->out, sizeof(*u->reason));
    if (u->reason == NULL)
        return ERR_NOMEM;
    /* We go for now; "reregistrationRequired" would be a promise. */
    u->reason->kind = h225_UnregRequestReason_maintenance;
    err = build_signalling(ras, &u->callSignalAddress);
    if (err == 0)
        err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);
    u->has_gatekeeperIdentifier = ras->gatekeeper_id.len > 0;
    if (err == 0 && u->has_gatekeeperIdentifier)
        err = ras_build_identifier(ras, &ras->gatekeeper_id, &u->gatekeeperIdentifier);
    return err;
}

/* What a caller says of itself must not keep the ARQ from being made: a number with letters in it
 * (out of a Calling party number) or an alias of a kind that we only read is left out, a party
 * number goes as the digits that it is. */
static size_t usable_aliases(const struct h225_alias *from, size_t count,
                             struct h225_alias to[H225_ALIASES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < count && n < H225_ALIASES_MAX; i++) {
        size_t len = strlen(from[i].text);
        bool is_number = from[i].kind == H225_ALIAS_DIGITS || from[i].kind == H225_ALIAS_PARTY;

        if (len == 0 || from[i].kind >= H225_ALIAS_COUNT || len > ALIAS_LEN_MAX ||
            (is_number && from[i].text[strspn(from[i].text, "0123456789#*,")] != '\0'))
            continue;
        to[n].kind = is_number ? H225_ALIAS_DIGITS : from[i].kind;
        to[n++].text = from[i].text;
    }
    return n;
}

static int build_usable(struct ras *ras, const struct h225_alias *from, size_t count, bool *present,
                        struct h225_AliasAddress_list *out)
{
    struct h225_alias usable[H225_ALIASES_MAX];

    count = usable_aliases(from, count, usable);
    return h225_build_aliases(&ras->out, usable, count, present, out);
}

/* Both sides by name and by address: gatekeepers route by either. */
static int arq_parties(struct ras *ras, struct h225_AdmissionRequest *u,
                       const struct ras_admission *admission)
{
    struct arena *a = &ras->out;
    bool has_source = false;
    int err =
        build_usable(ras, admission->source, admission->source_count, &has_source, &u->srcInfo);

    if (err == 0)
        err = build_usable(ras, admission->destination, admission->destination_count,
                           &u->has_destinationInfo, &u->destinationInfo);
    /* A call of ours to nowhere is the user's mistake, not the gatekeeper's to find out. */
    if (err == 0 && !admission->is_answer && !u->has_destinationInfo &&
        admission->destination_address.family == ADDR_NONE)
        err = ERR_INVAL;
    if (err == 0)
        err = h225_build_address(a, &admission->source_address, &u->srcCallSignalAddress);
    if (err == 0)
        err = h225_build_address(a, &admission->destination_address, &u->destCallSignalAddress);
    return err;
}

/* AdmissionRequest: may this call be, and where is the callee? */
int ras_build_arq(struct ras *ras, struct h225_RasMessage *m, const struct ras_admission *admission)
{
    struct h225_AdmissionRequest *u = ras_begin(ras, m, h225_RasMessage_admissionRequest);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    u->callType.kind = h225_CallType_pointToPoint;
    u->bandWidth = admission->bandwidth;
    u->callReferenceValue = admission->call_ref;
    memcpy(u->conferenceID, admission->conference_id, H225_GUID_LEN);
    u->activeMC = admission->is_answer; /* as callee we are the MC of the conference */
    u->answerCall = admission->is_answer;
    u->has_canMapAlias = u->has_canMapSrcAlias = u->has_willSupplyUUIEs = true;
    /* As caller we take other aliases than we asked for. */
    u->canMapAlias = !admission->is_answer;
    u->willSupplyUUIEs = true; /* ras_on_signalling */
    err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);
    if (err == 0)
        err = arq_parties(ras, u, admission);
    if (err == 0)
        err = ras_build_call_id(ras, admission->call_id, &u->callIdentifier);
    u->has_gatekeeperIdentifier = ras->gatekeeper_id.len > 0;
    if (err == 0 && u->has_gatekeeperIdentifier)
        err = ras_build_identifier(ras, &ras->gatekeeper_id, &u->gatekeeperIdentifier);
    return err;
}

/* BandwidthRequest: more or less than was granted. */
int ras_build_brq(struct ras *ras, struct h225_RasMessage *m, const struct ras_call *call,
                  uint32_t bandwidth)
{
    struct h225_BandwidthRequest *u = ras_begin(ras, m, h225_RasMessage_bandwidthRequest);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    memcpy(u->conferenceID, call->conference_id, H225_GUID_LEN);
    u->callReferenceValue = call->call_ref;
    u->bandWidth = bandwidth;
    /* The gatekeeper has both sides' calls: whose reference it is has to be said. */
    u->has_answeredCall = true;
    u->answeredCall = call->is_answer;
    err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);
    if (err == 0 && call->usage.at_start && call->connect_time != 0)
        err = ras_build_usage(ras, call, false, &u->usageInformation);
    if (err == 0)
        err = ras_build_call_id(ras, call->call_id, &u->callIdentifier);
    u->has_gatekeeperIdentifier = ras->gatekeeper_id.len > 0;
    if (err == 0 && u->has_gatekeeperIdentifier)
        err = ras_build_identifier(ras, &ras->gatekeeper_id, &u->gatekeeperIdentifier);
    return err;
}

/* As Q.931 has it: gatekeepers write it into their records. */
static int drq_cause(struct ras *ras, struct h225_DisengageRequest *u, unsigned cause)
{
    uint8_t *octets = arena_alloc(&ras->out, 2);

    u->terminationCause = arena_zalloc(&ras->out, sizeof(*u->terminationCause));
    if (octets == NULL || u->terminationCause == NULL)
        return ERR_NOMEM;
    q931_cause_make(cause, octets);
    u->terminationCause->kind = h225_CallTerminationCause_releaseCompleteCauseIE;
    u->terminationCause->u.releaseCompleteCauseIE = per_octets_of(octets, 2);
    return 0;
}

/* DisengageRequest: the call is over. */
int ras_build_drq(struct ras *ras, struct h225_RasMessage *m, const struct ras_call *call,
                  unsigned cause)
{
    struct h225_DisengageRequest *u = ras_begin(ras, m, h225_RasMessage_disengageRequest);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    memcpy(u->conferenceID, call->conference_id, H225_GUID_LEN);
    u->callReferenceValue = call->call_ref;
    /* The cause beside it says more. */
    u->disengageReason.kind = h225_DisengageReason_normalDrop;
    u->has_answeredCall = true;
    u->answeredCall = call->is_answer;
    err = drq_cause(ras, u, cause);
    if (err == 0 && call->usage.at_end)
        err = ras_build_usage(ras, call, true, &u->usageInformation);
    if (err == 0)
        err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);
    if (err == 0)
        err = ras_build_call_id(ras, call->call_id, &u->callIdentifier);
    u->has_gatekeeperIdentifier = ras->gatekeeper_id.len > 0;
    if (err == 0 && u->has_gatekeeperIdentifier)
        err = ras_build_identifier(ras, &ras->gatekeeper_id, &u->gatekeeperIdentifier);
    return err;
}

int ras_build_rai(struct ras *ras, struct h225_RasMessage *m)
{
    struct h225_ResourcesAvailableIndicate *u =
        ras_begin(ras, m, h225_RasMessage_resourcesAvailableIndicate);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    u->protocolIdentifier = protocol;
    u->almostOutOfResources = ras->almost_out;
    err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);
    return err == 0 ? build_protocols(ras, no_names, &u->protocols) : err;
}

/* The frame of every InfoRequestResponse; one name is enough to know us by. */
int ras_build_ourselves(struct ras *ras, struct h225_InfoRequestResponse *u)
{
    struct ras_range first = {0, ras->name_count > 0};
    int err = ras_build_identifier(ras, &ras->endpoint_id, &u->endpointIdentifier);

    if (err == 0)
        err = build_endpoint(ras, no_names, &u->endpointType);
    if (err == 0)
        err = build_address(ras, &ras->config.ras_address, &u->rasAddress);
    if (err == 0)
        err = build_signalling(ras, &u->callSignalAddress);
    if (err == 0)
        err = ras_names_build_aliases(ras, first, &u->has_endpointAlias, &u->endpointAlias);
    return err;
}
