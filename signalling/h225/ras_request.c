/* What the gatekeeper asks of us. */
#include "signalling/h225/ras_internal.h"

#include <string.h>

bool ras_is_gatekeeper(const struct ras *ras, const struct addr *from)
{
    return ras->endpoint_id.len > 0 && addr_is_same_ip(&ras->address, from);
}

/* To whoever asked, with his number. */
static void answer(struct ras *ras, const struct ras_ask *ask, struct h225_RasMessage *m)
{
    (void)ras_send_answer(ras, m, ask->seq, ask->m->kind, ask->from);
}

static const uint8_t *guid_of(const struct h225_CallIdentifier *id)
{
    static const uint8_t none[H225_GUID_LEN];

    return id != NULL ? id->guid : none;
}

/* ---- UnregistrationRequest ---- */

/* The gatekeeper ends our registration. */
static void on_urq(struct ras *ras, const struct ras_ask *ask)
{
    const struct h225_UnregistrationRequest *urq = ask->m->u.unregistrationRequest;
    struct h225_RasMessage m;

    /* Another endpoint's, or of an earlier registration. */
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
    strcpy(ras->why, "unregistered by the gatekeeper");
    ras_run(ras, RAS_ON_UNREGISTERED,
            urq->has_alternateGatekeeper ? &urq->alternateGatekeeper : NULL);
}

/* ---- DisengageRequest ---- */

/* The gatekeeper ends a call. */
static void on_drq(struct ras *ras, const struct ras_ask *ask)
{
    const struct h225_DisengageRequest *drq = ask->m->u.disengageRequest;
    struct ras_call *call =
        ras_call_find_id(ras, guid_of(drq->callIdentifier), drq->callReferenceValue);
    struct h225_DisengageConfirm *dcf;
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
    dcf = ras_begin(ras, &m, h225_RasMessage_disengageConfirm);
    if (dcf != NULL &&
        /* Confirmed even where times cannot be told. */
        (!call->usage.at_end || ras_build_usage(ras, call, true, &dcf->usageInformation) == 0))
        answer(ras, ask, &m);
    ras_call_free(call);
    ras->stats.calls_ended++;
    RAS_CALL(ras, on_disengage, key);
}

/* ---- BandwidthRequest ---- */

static void refuse_bandwidth(struct ras *ras, const struct ras_ask *ask,
                             const struct ras_call *call)
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

/* The gatekeeper changes what a call may use: the user decides whether it can live with it. */
static void on_brq(struct ras *ras, const struct ras_ask *ask)
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

/* ---- the rest ---- */

/* No service is controlled here: "not available". */
static void on_sci(struct ras *ras, const struct ras_ask *ask)
{
    /* Static: it is the same for all. */
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

/* Others' extensions are no mistake of theirs, and none of ours to answer. */
static void on_nsm(struct ras *ras, const struct ras_ask *ask)
{
    (void)ask;
    ras->stats.non_standard++;
}

static void on_other(struct ras *ras, const struct ras_ask *ask)
{
    struct h225_RasMessage m;
    struct h225_UnknownMessageResponse *xrs =
        ras_begin(ras, &m, h225_RasMessage_unknownMessageResponse);

    ras->stats.unknown++;
    if (xrs == NULL)
        return;
    /* Half a datagram: what is returned is wrapped in a message of ours. */
    if (ask->len <= RAS_DATAGRAM_MAX / 2) {
        xrs->has_messageNotUnderstood = true;
        xrs->messageNotUnderstood = per_octets_of(ask->data, ask->len);
    }
    answer(ras, ask, &m);
}

static const struct ask_row {
    enum h225_RasMessage_kind kind;
    void (*on)(struct ras *ras, const struct ras_ask *ask);
} asks[] = {
    {h225_RasMessage_unregistrationRequest, on_urq},
    {h225_RasMessage_disengageRequest, on_drq},
    {h225_RasMessage_bandwidthRequest, on_brq},
    {h225_RasMessage_infoRequest, ras_on_irq},
    {h225_RasMessage_serviceControlIndication, on_sci},
    {h225_RasMessage_nonStandardMessage, on_nsm},
};

/* Strangers, repetitions and forgeries are sorted out before anything is decoded into action. */
int ras_on_request(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                   const uint8_t *data, size_t len)
{
    /* A message of a later version hides its number; 1 is as good as any. */
    struct ras_ask ask = {m, from, data, len, ras_seq_of(m)};
    int err;

    if (ask.seq == 0)
        ask.seq = 1;
    /* First of all: nothing of a stranger's is answered. */
    if (!ras_is_gatekeeper(ras, from)) {
        ras->stats.strangers++;
        return ERR_REFUSED;
    }
    /* Answered already: the same answer again, before any work. */
    if (ras_repeat_answer(ras, m->kind, ask.seq, from))
        return 0;
    /* Messages without tokens in our tables cannot be checked, and have no effect either. */
    err = ras->config.password != NULL && ras_kind_of(m->kind) != NULL
              ? ras_auth_check(ras, m, data, len)
              : 0;
    ras->stats.unauthentic += err != 0;
    if (err != 0)
        return err;
    for (unsigned i = 0; i < FSM_COUNT(asks); i++)
        if (asks[i].kind == m->kind) {
            asks[i].on(ras, &ask);
            return 0;
        }
    on_other(ras, &ask);
    return ERR_UNSUPPORTED;
}
