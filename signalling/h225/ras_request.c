/* What the gatekeeper asks of us. */
#include "signalling/h225/ras_internal.h"

#include <string.h>

/* One request while it is handled. */
struct ask {
    const struct h225_RasMessage *m;
    const struct addr *from;
    const uint8_t *data;
    size_t len;
    uint16_t seq;
};

bool ras_is_gatekeeper(const struct ras *ras, const struct addr *from)
{
    return ras->endpoint_id.len > 0 && addr_is_same_ip(&ras->address, from);
}

static void answer(struct ras *ras, const struct ask *ask, struct h225_RasMessage *m)
{
    (void)ras_send_answer(ras, m, ask->seq, ask->m->kind, ask->from);
}

static const uint8_t *guid_of(const struct h225_CallIdentifier *id)
{
    static const uint8_t none[H225_GUID_LEN];

    return id != NULL ? id->guid : none;
}

/* ---- UnregistrationRequest ---- */

static void on_urq(struct ras *ras, const struct ask *ask)
{
    const struct h225_UnregistrationRequest *urq = ask->m->u.unregistrationRequest;
    struct h225_RasMessage m;

    if (urq->has_endpointIdentifier && !ras_id_equal(&ras->endpoint_id, &urq->endpointIdentifier)) {
        struct h225_UnregistrationReject *urj =
            ras_begin(ras, &m, h225_RasMessage_unregistrationReject);

        if (urj == NULL)
            return;
        urj->rejectReason.kind = h225_UnregRejectReason_notCurrentlyRegistered;
        answer(ras, ask, &m);
        return;
    }
    if (ras_begin(ras, &m, h225_RasMessage_unregistrationConfirm) != NULL)
        answer(ras, ask, &m);
    if (urq->has_alternateGatekeeper && ras->current == 0)
        ras_learn_alternates(ras, &urq->alternateGatekeeper);
    strcpy(ras->why, "unregistered by the gatekeeper");
    ras_run(ras, RAS_ON_UNREGISTERED, NULL);
}

/* ---- DisengageRequest ---- */

static void on_drq(struct ras *ras, const struct ask *ask)
{
    const struct h225_DisengageRequest *drq = ask->m->u.disengageRequest;
    struct ras_call *call =
        ras_call_find_id(ras, guid_of(drq->callIdentifier), drq->callReferenceValue);
    struct h225_RasMessage m;
    uint64_t key;

    if (call == NULL) {
        struct h225_DisengageReject *drj = ras_begin(ras, &m, h225_RasMessage_disengageReject);

        if (drj == NULL)
            return;
        drj->rejectReason.kind = h225_DisengageRejectReason_requestToDropOther;
        answer(ras, ask, &m);
        return;
    }
    key = call->key;
    ras_call_free(call);
    if (ras_begin(ras, &m, h225_RasMessage_disengageConfirm) != NULL)
        answer(ras, ask, &m);
    RAS_CALL(ras, on_disengage, key);
}

/* ---- BandwidthRequest ---- */

static void refuse_bandwidth(struct ras *ras, const struct ask *ask, const struct ras_call *call)
{
    struct h225_RasMessage m;
    struct h225_BandwidthReject *brj = ras_begin(ras, &m, h225_RasMessage_bandwidthReject);

    if (brj == NULL)
        return;
    brj->rejectReason.kind = call != NULL ? h225_BandRejectReason_insufficientResources
                                          : h225_BandRejectReason_invalidConferenceID;
    brj->allowedBandWidth = call != NULL ? call->bandwidth : 0;
    answer(ras, ask, &m);
}

static void on_brq(struct ras *ras, const struct ask *ask)
{
    const struct h225_BandwidthRequest *brq = ask->m->u.bandwidthRequest;
    struct ras_call *call =
        ras_call_find_id(ras, guid_of(brq->callIdentifier), brq->callReferenceValue);
    struct h225_BandwidthConfirm *bcf;
    struct h225_RasMessage m;
    uint64_t key = call != NULL ? call->key : 0;

    if (call != NULL && ras->ops->on_bandwidth_wanted != NULL &&
        !ras->ops->on_bandwidth_wanted(ras->arg, key, brq->bandWidth)) {
        refuse_bandwidth(ras, ask, ras_call_find(ras, key));
        return;
    }
    call = call != NULL ? ras_call_find(ras, key) : NULL; /* the user may have ended it */
    bcf = call != NULL ? ras_begin(ras, &m, h225_RasMessage_bandwidthConfirm) : NULL;
    if (bcf == NULL) {
        refuse_bandwidth(ras, ask, call);
        return;
    }
    call->bandwidth = bcf->bandWidth = brq->bandWidth;
    answer(ras, ask, &m);
}

/* ---- InfoRequest ---- */

/* Up to `cap` admitted calls; *all says whether that is every one. */
static size_t collect(struct ras *ras, struct ras_call **calls, size_t cap, bool *all)
{
    size_t n = 0;

    *all = true;
    for (size_t i = 0; i < RAS_BUCKETS; i++)
        LIST_FOREACH (it, &ras->calls[i]) {
            struct ras_call *call = LIST_ENTRY(it, struct ras_call, link);

            if (!call->is_admitted)
                continue;
            if (n == cap) {
                *all = false;
                return n;
            }
            calls[n++] = call;
        }
    return n;
}

static bool is_zero(const uint8_t guid[H225_GUID_LEN])
{
    static const uint8_t none[H225_GUID_LEN];

    return memcmp(guid, none, H225_GUID_LEN) == 0;
}

static void on_irq(struct ras *ras, const struct ask *ask)
{
    const struct h225_InfoRequest *irq = ask->m->u.infoRequest;
    const uint8_t *guid = guid_of(irq->callIdentifier);
    struct ras_call *calls[RAS_IRR_CALLS_MAX];
    struct addr to = h225_read_address(irq->replyAddress);
    struct h225_InfoRequestResponseStatus status = {.kind =
                                                        h225_InfoRequestResponseStatus_complete};
    struct h225_RasMessage m;
    bool all = true;
    size_t n;

    if (irq->callReferenceValue == 0 && is_zero(guid)) {
        n = collect(ras, calls, RAS_IRR_CALLS_MAX, &all);
        if (!all)
            status.kind = h225_InfoRequestResponseStatus_incomplete;
    } else {
        calls[0] = ras_call_find_id(ras, guid, irq->callReferenceValue);
        n = calls[0] != NULL ? 1 : 0;
        if (n == 0)
            status.kind = h225_InfoRequestResponseStatus_invalidCall;
    }
    if (ras_build_irr(ras, &m, calls, n, false) != 0)
        return;
    m.u.infoRequestResponse->irrStatus = &status;
    /* Another host's address would make us flood it at the word of a datagram. */
    if (to.port == 0 || !addr_is_same_ip(&to, ask->from))
        to = *ask->from;
    (void)ras_send_answer(ras, &m, ask->seq, ask->m->kind, &to);
}

/* ---- the rest ---- */

static void on_sci(struct ras *ras, const struct ask *ask)
{
    static struct h225_ServiceControlResponse_result result = {
        .kind = h225_ServiceControlResponse_result_notAvailable};
    struct h225_RasMessage m;
    struct h225_ServiceControlResponse *scr =
        ras_begin(ras, &m, h225_RasMessage_serviceControlResponse);

    if (scr == NULL)
        return;
    scr->result = &result;
    answer(ras, ask, &m);
}

static void on_other(struct ras *ras, const struct ask *ask)
{
    struct h225_RasMessage m;
    struct h225_UnknownMessageResponse *xrs =
        ras_begin(ras, &m, h225_RasMessage_unknownMessageResponse);

    ras->stats.unknown++;
    if (xrs == NULL)
        return;
    if (ask->len <= RAS_DATAGRAM_MAX / 2) {
        xrs->has_messageNotUnderstood = true;
        xrs->messageNotUnderstood = per_octets_of(ask->data, ask->len);
    }
    answer(ras, ask, &m);
}

static const struct ask_row {
    enum h225_RasMessage_kind kind;
    void (*on)(struct ras *ras, const struct ask *ask);
} asks[] = {
    {h225_RasMessage_unregistrationRequest, on_urq},    {h225_RasMessage_disengageRequest, on_drq},
    {h225_RasMessage_bandwidthRequest, on_brq},         {h225_RasMessage_infoRequest, on_irq},
    {h225_RasMessage_serviceControlIndication, on_sci},
};

int ras_on_request(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                   const uint8_t *data, size_t len)
{
    /* A message of a later version hides its number; 1 is as good as any. */
    struct ask ask = {m, from, data, len, ras_seq_of(m)};
    int err;

    if (ask.seq == 0)
        ask.seq = 1;
    if (!ras_is_gatekeeper(ras, from)) {
        ras->stats.strangers++;
        return ERR_REFUSED;
    }
    if (ras_repeat_answer(ras, m->kind, ask.seq, from))
        return 0;
    err = ras->config.password != NULL && ras_kind_of(m->kind) != NULL
              ? ras_auth_check(ras, m, data, len)
              : 0;
    if (err != 0) {
        ras->stats.unauthentic++;
        return err;
    }
    for (unsigned i = 0; i < FSM_COUNT(asks); i++)
        if (asks[i].kind == m->kind) {
            asks[i].on(ras, &ask);
            return 0;
        }
    on_other(ras, &ask);
    return ERR_UNSUPPORTED;
}
