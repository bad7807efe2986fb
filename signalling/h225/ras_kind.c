/* The RAS messages that we deal with, side by side: where their common members are. */
#include "signalling/h225/ras_internal.h"
#include "signalling/per/type.h"

#include <string.h>

#define KIND(member, type)                                                        \
    [h225_RasMessage_##member] = {sizeof(struct h225_##type),                     \
                                  offsetof(struct h225_##type, requestSeqNum),    \
                                  offsetof(struct h225_##type, has_cryptoTokens), \
                                  offsetof(struct h225_##type, cryptoTokens), #member}

static const struct ras_kind kinds[] = {
    KIND(gatekeeperRequest, GatekeeperRequest),
    KIND(gatekeeperConfirm, GatekeeperConfirm),
    KIND(gatekeeperReject, GatekeeperReject),
    KIND(registrationRequest, RegistrationRequest),
    KIND(registrationConfirm, RegistrationConfirm),
    KIND(registrationReject, RegistrationReject),
    KIND(unregistrationRequest, UnregistrationRequest),
    KIND(unregistrationConfirm, UnregistrationConfirm),
    KIND(unregistrationReject, UnregistrationReject),
    KIND(admissionRequest, AdmissionRequest),
    KIND(admissionConfirm, AdmissionConfirm),
    KIND(admissionReject, AdmissionReject),
    KIND(bandwidthRequest, BandwidthRequest),
    KIND(bandwidthConfirm, BandwidthConfirm),
    KIND(bandwidthReject, BandwidthReject),
    KIND(disengageRequest, DisengageRequest),
    KIND(disengageConfirm, DisengageConfirm),
    KIND(disengageReject, DisengageReject),
    KIND(locationRequest, LocationRequest),
    KIND(locationConfirm, LocationConfirm),
    KIND(locationReject, LocationReject),
    KIND(infoRequest, InfoRequest),
    KIND(infoRequestResponse, InfoRequestResponse),
    KIND(nonStandardMessage, NonStandardMessage),
    KIND(unknownMessageResponse, UnknownMessageResponse),
    KIND(requestInProgress, RequestInProgress),
    KIND(resourcesAvailableIndicate, ResourcesAvailableIndicate),
    KIND(resourcesAvailableConfirm, ResourcesAvailableConfirm),
    KIND(infoRequestAck, InfoRequestAck),
    KIND(infoRequestNak, InfoRequestNak),
    KIND(serviceControlIndication, ServiceControlIndication),
    KIND(serviceControlResponse, ServiceControlResponse),
};

const struct ras_kind *ras_kind_of(enum h225_RasMessage_kind kind)
{
    /* Others (extensions, nonStandard) have no common members. */
    return (unsigned)kind < FSM_COUNT(kinds) && kinds[kind].size > 0 ? &kinds[kind] : NULL;
}

/* Every alternative with a row is a pointer to a struct: one member stands for each. */
void *ras_body(const struct h225_RasMessage *m)
{
    void *body;

    memcpy(&body, &m->u, sizeof(body));
    return body;
}

/* 0 for kinds that we have no row for. */
uint16_t ras_seq_of(const struct h225_RasMessage *m)
{
    const struct ras_kind *kind = ras_kind_of(m->kind);
    uint16_t seq = 0;

    if (kind != NULL)
        memcpy(&seq, (const char *)ras_body(m) + kind->seq, sizeof(seq));
    return seq;
}

const char *ras_choice_name(const struct per_type *choice, unsigned kind)
{
    return kind >= 1 && kind <= choice->n_members ? choice->members[kind - 1].name : "unknown";
}

bool ras_is_answer(enum h225_RasMessage_kind kind)
{
    switch (kind) {
    case h225_RasMessage_gatekeeperConfirm:
    case h225_RasMessage_gatekeeperReject:
    case h225_RasMessage_registrationConfirm:
    case h225_RasMessage_registrationReject:
    case h225_RasMessage_unregistrationConfirm:
    case h225_RasMessage_unregistrationReject:
    case h225_RasMessage_admissionConfirm:
    case h225_RasMessage_admissionReject:
    case h225_RasMessage_bandwidthConfirm:
    case h225_RasMessage_bandwidthReject:
    case h225_RasMessage_disengageConfirm:
    case h225_RasMessage_disengageReject:
    case h225_RasMessage_unknownMessageResponse:
    case h225_RasMessage_requestInProgress:
    case h225_RasMessage_resourcesAvailableConfirm:
    case h225_RasMessage_infoRequestAck:
    case h225_RasMessage_infoRequestNak:
        return true;
    default:
        return false;
    }
}

/* Units of two octets, compared as they are: no two spellings of one identifier. */
void ras_id_set(struct ras_id *id, bool present, const struct per_bmp *text)
{
    memset(id, 0, sizeof(*id));
    /* Longer than ours: kept as none, and every comparison fails. */
    if (!present || text->len > FSM_COUNT(id->text))
        return;
    memcpy(id->text, text->p, text->len * sizeof(id->text[0]));
    id->len = text->len;
}

bool ras_id_equal(const struct ras_id *id, const struct per_bmp *text)
{
    return id->len == text->len && memcmp(id->text, text->p, id->len * sizeof(id->text[0])) == 0;
}

/* For people: messages use the units themselves. */
void ras_id_text(const struct ras_id *id, char *text, size_t cap)
{
    struct per_bmp bmp = {id->len, (uint16_t *)id->text};
    const char *utf8;
    struct arena a;
    size_t len;

    arena_init(&a, 1024, 4096);
    /* A small arena on the stack: texts are asked for by operators. */
    utf8 = h225_read_unicode(&a, &bmp);
    len = utf8 != NULL ? strlen(utf8) : 0;
    if (len >= cap)
        len = 0; /* a cut might end within a character */
    memcpy(text, utf8 != NULL ? utf8 : "", len);
    text[len] = '\0';
    arena_fini(&a);
}
