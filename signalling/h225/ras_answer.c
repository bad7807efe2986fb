/* Answers to requests of ours, and what happens when none comes. */
#include "signalling/h225/ras_internal.h"

#include <stdio.h>
#include <string.h>

static void set_why(struct ras *ras, const char *why)
{
    snprintf(ras->why, sizeof(ras->why), "%s", why);
}

/* ---- by request ---- */

static void on_discovery(struct ras *ras, const struct h225_RasMessage *m)
{
    if (m->kind == h225_RasMessage_gatekeeperConfirm) {
        ras_run(ras, RAS_ON_FOUND, m->u.gatekeeperConfirm);
        return;
    }
    set_why(ras, ras_choice_name(&h225_GatekeeperRejectReason_type,
                                 m->u.gatekeeperReject->rejectReason.kind));
    ras_run(ras, RAS_ON_REFUSED, m->u.gatekeeperReject->altGKInfo);
}

static void on_rejected(struct ras *ras, const struct h225_RegistrationReject *rrj,
                        enum ras_purpose purpose)
{
    bool again = rrj->rejectReason.kind == h225_RegistrationRejectReason_discoveryRequired ||
                 rrj->rejectReason.kind == h225_RegistrationRejectReason_fullRegistrationRequired;

    set_why(ras, ras_choice_name(&h225_RegistrationRejectReason_type, rrj->rejectReason.kind));
    /* What was registered stays so when more is refused: RCF did not promise to take it. */
    if (purpose == RAS_ADDITIVE && !again)
        ras->takes_additive = false;
    else if (again)
        ras_run(ras, RAS_ON_AGAIN, NULL);
    else
        ras_run(ras, RAS_ON_REJECTED, rrj->altGKInfo);
}

static void on_registration(struct ras *ras, const struct ras_pending *p,
                            const struct h225_RasMessage *m)
{
    if (m->kind == h225_RasMessage_registrationConfirm)
        ras_run(ras, RAS_ON_REGISTERED,
                &(struct ras_confirmed){m->u.registrationConfirm, p->purpose});
    else
        on_rejected(ras, m->u.registrationReject, p->purpose);
}

static void on_unregistration(struct ras *ras)
{
    ras_run(ras, RAS_ON_RELEASED, NULL);
}

/* A gatekeeper that does not know us any more says so here first. */
static void on_admission(struct ras *ras, const struct ras_pending *p,
                         const struct h225_RasMessage *m)
{
    const struct h225_AdmissionReject *arj;

    if (m->kind == h225_RasMessage_admissionConfirm) {
        ras_call_answered(ras, p->key, m->u.admissionConfirm, 0, NULL);
        return;
    }
    arj = m->u.admissionReject;
    set_why(ras, ras_choice_name(&h225_AdmissionRejectReason_type, arj->rejectReason.kind));
    ras_call_answered(ras, p->key, NULL, ERR_REFUSED, ras->why);
    if ((arj->rejectReason.kind == h225_AdmissionRejectReason_callerNotRegistered ||
         arj->rejectReason.kind == h225_AdmissionRejectReason_invalidEndpointIdentifier) &&
        ras->state == RAS_STATE_REGISTERED)
        ras_run(ras, RAS_ON_AGAIN, NULL);
}

static void on_bandwidth(struct ras *ras, const struct ras_pending *p,
                         const struct h225_RasMessage *m)
{
    struct ras_call *call = ras_call_find(ras, p->key);

    if (call == NULL)
        return;
    if (m->kind == h225_RasMessage_bandwidthConfirm) {
        call->bandwidth = m->u.bandwidthConfirm->bandWidth;
        RAS_CALL(ras, on_bandwidth, p->key, 0, m->u.bandwidthConfirm->bandWidth);
    } else {
        RAS_CALL(ras, on_bandwidth, p->key, ERR_REFUSED, m->u.bandwidthReject->allowedBandWidth);
    }
}

static void answered(struct ras *ras, const struct ras_pending *p, const struct h225_RasMessage *m)
{
    switch (p->kind) {
    case h225_RasMessage_gatekeeperRequest:
        on_discovery(ras, m);
        break;
    case h225_RasMessage_registrationRequest:
        on_registration(ras, p, m);
        break;
    case h225_RasMessage_unregistrationRequest:
        on_unregistration(ras);
        break;
    case h225_RasMessage_admissionRequest:
        on_admission(ras, p, m);
        break;
    case h225_RasMessage_bandwidthRequest:
        on_bandwidth(ras, p, m);
        break;
    default: /* Disengage, ResourcesAvailable: it is enough that the answer came */
        break;
    }
}

/* ---- without an answer ---- */

/* Is the gatekeeper there at all? The answer restarts the keep-alive, silence ends it all. */
static void probe(struct ras *ras)
{
    if (ras->state == RAS_STATE_REGISTERED && timer_is_running(&ras->keep_alive))
        ras_run(ras, RAS_ON_KEEP_ALIVE, NULL);
}

static void failed(struct ras *ras, const struct ras_pending *p, int err, const char *why)
{
    set_why(ras, why);
    switch (p->kind) {
    case h225_RasMessage_gatekeeperRequest:
    case h225_RasMessage_unregistrationRequest:
        ras_run(ras, RAS_ON_SILENCE, NULL);
        break;
    case h225_RasMessage_registrationRequest:
        if (p->purpose != RAS_ADDITIVE)
            ras_run(ras, RAS_ON_SILENCE, NULL);
        break;
    case h225_RasMessage_admissionRequest:
        ras_call_answered(ras, p->key, NULL, err, why);
        probe(ras);
        break;
    case h225_RasMessage_bandwidthRequest:
        RAS_CALL(ras, on_bandwidth, p->key, err, 0);
        probe(ras);
        break;
    default:
        probe(ras);
        break;
    }
}

void ras_on_silence(struct ras *ras, struct ras_pending *p)
{
    struct ras_pending what = *p;

    ras_pending_free(p);
    failed(ras, &what, ERR_TIMEOUT, "no answer");
}

/* ---- matching ---- */

static const struct pair {
    enum h225_RasMessage_kind request, confirm, reject;
} pairs[] = {
#define PAIR(name)                                                        \
    {                                                                     \
        h225_RasMessage_##name##Request, h225_RasMessage_##name##Confirm, \
            h225_RasMessage_##name##Reject                                \
    }
    PAIR(gatekeeper),
    PAIR(registration),
    PAIR(unregistration),
    PAIR(admission),
    PAIR(bandwidth),
    PAIR(disengage),
#undef PAIR
    {h225_RasMessage_resourcesAvailableIndicate, h225_RasMessage_resourcesAvailableConfirm,
     h225_RasMessage_resourcesAvailableConfirm},
};

static bool is_pair(enum h225_RasMessage_kind request, enum h225_RasMessage_kind answer)
{
    for (unsigned i = 0; i < FSM_COUNT(pairs); i++)
        if (pairs[i].request == request)
            return pairs[i].confirm == answer || pairs[i].reject == answer;
    return false;
}

/* Whoever is asked at a group answers from an address of its own. */
static bool is_asked(const struct ras_pending *p, const struct addr *from)
{
    return addr_is_multicast(&p->to) || addr_is_same_ip(&p->to, from);
}

/* What may come without a token: see ras.h. A RegistrationReject at worst makes us register
 * again; a confirm without one would hand us to anybody. */
static int check_token(struct ras *ras, const struct h225_RasMessage *m, const uint8_t *data,
                       size_t len)
{
    int err;

    if (ras->config.password == NULL)
        return 0;
    err = ras_auth_check(ras, m, data, len);
    if (err != 0 && (m->kind == h225_RasMessage_gatekeeperConfirm ||
                     m->kind == h225_RasMessage_gatekeeperReject ||
                     m->kind == h225_RasMessage_registrationReject))
        return 0;
    return err;
}

static bool is_wanted_gatekeeper(const struct ras *ras, const struct h225_RasMessage *m)
{
    const struct ras_id *wanted = &ras->gatekeepers[ras->current].id;
    const struct h225_GatekeeperConfirm *gcf = m->u.gatekeeperConfirm;

    if (m->kind != h225_RasMessage_gatekeeperConfirm || wanted->len == 0)
        return true;
    return gcf->has_gatekeeperIdentifier && ras_id_equal(wanted, &gcf->gatekeeperIdentifier);
}

static void prolong(struct ras *ras, struct ras_pending *p, const struct h225_RasMessage *m)
{
    timer_start(&ras->timers, &p->timer, ras->now + m->u.requestInProgress->delay);
}

static bool is_acknowledgement(enum h225_RasMessage_kind kind)
{
    return kind == h225_RasMessage_infoRequestAck || kind == h225_RasMessage_infoRequestNak;
}

int ras_on_answer(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                  const uint8_t *data, size_t len)
{
    struct ras_pending *p = ras_pending_find(ras, ras_seq_of(m)), what;
    bool is_progress = m->kind == h225_RasMessage_requestInProgress;
    bool is_unknown = m->kind == h225_RasMessage_unknownMessageResponse;
    int err;

    if (is_acknowledgement(m->kind) && ras_is_gatekeeper(ras, from))
        return 0; /* of reports that nobody waits for */
    if (p == NULL || !(is_progress || is_unknown || is_pair(p->kind, m->kind)) ||
        !is_wanted_gatekeeper(ras, m)) {
        ras->stats.unmatched++;
        return ERR_NOTFOUND;
    }
    if (!is_asked(p, from)) {
        ras->stats.strangers++;
        return ERR_REFUSED;
    }
    err = check_token(ras, m, data, len);
    if (err != 0) {
        ras->stats.unauthentic++;
        return err;
    }
    if (is_progress) {
        prolong(ras, p, m);
        return 0;
    }
    what = *p;
    ras_pending_free(p);
    if (is_unknown)
        failed(ras, &what, ERR_UNSUPPORTED, "request not understood");
    else
        answered(ras, &what, m);
    return 0;
}
