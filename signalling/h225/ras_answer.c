/* Answers to requests of ours, and what happens when none comes. */
#include "signalling/h225/ras_internal.h"

#include <stdio.h>
#include <string.h>

static void set_why(struct ras *ras, const char *why)
{
    snprintf(ras->why, sizeof(ras->why), "%s", why);
}

/* ---- to requests of the registration ---- */

/* A gatekeeper that chose another way of authentication than ours would refuse every message that
 * follows: better to say so, and to try the next, than to register in vain. */
static bool is_other_authentication(const struct ras *ras, const struct h225_GatekeeperConfirm *gcf)
{
    static const uint32_t arcs[] = {0, 0, 8, 235, 0, 2, 6};
    const struct per_oid hmac_sha1_96 = {FSM_COUNT(arcs), arcs};

    /* Without a password there is nothing to agree on. */
    if (ras->config.password == NULL)
        return false;
    return (gcf->authenticationMode != NULL &&
            /* Only that one is made: HMAC-SHA1-96 by H.235.1. */
            gcf->authenticationMode->kind != h235_AuthenticationMechanism_pwdHash) ||
           (gcf->has_algorithmOID && !per_oid_equal(gcf->algorithmOID, hmac_sha1_96));
}

/* Does this answer say no to a GatekeeperRequest? Then `why` is set. */
static bool is_refusal(struct ras *ras, const struct h225_RasMessage *m)
{
    if (m->kind == h225_RasMessage_gatekeeperReject) {
        set_why(ras, ras_choice_name(&h225_GatekeeperRejectReason_type,
                                     m->u.gatekeeperReject->rejectReason.kind));
        return true;
    }
    if (!is_other_authentication(ras, m->u.gatekeeperConfirm))
        return false;
    ras->stats.other_authentication++;
    set_why(ras, "authentication is not by HMAC-SHA1-96");
    return true;
}

static void learn_from(struct ras *ras, const struct h225_AltGKInfo *info,
                       const struct h225_AlternateGK *assigned)
{
    /* Without any list what was known stays. */
    if (info != NULL || assigned != NULL)
        ras_learn_alternates(ras, info != NULL ? &info->alternateGatekeeper : NULL, assigned);
}

static void on_discovery(struct ras *ras, const struct h225_RasMessage *m)
{
    if (!is_refusal(ras, m)) {
        ras_run(ras, RAS_ON_FOUND, m->u.gatekeeperConfirm);
        return;
    }
    if (m->kind == h225_RasMessage_gatekeeperReject)
        learn_from(ras, m->u.gatekeeperReject->altGKInfo, NULL);
    ras_run(ras, RAS_ON_REFUSED, NULL);
}

/* More names were refused. What is registered stays so: RCF did not promise to take them. */
static void on_names_refused(struct ras *ras, const struct ras_pending *p,
                             enum h225_RegistrationRejectReason_kind reason)
{
    ras->is_telling = false;
    /* It said no to additions as such: all names go in one message from now on. */
    if (p->purpose == RAS_ADDITIVE &&
        reason == h225_RegistrationRejectReason_additiveRegistrationNotSupported) {
        ras->takes_additive = false;
    } else if (p->purpose == RAS_ADDITIVE) { /* these it will not have; perhaps the next */
        ras->names_refused += p->names_to - ras->names_told;
        ras->names_told = p->names_to;
    } else {
        ras->names_refused = ras->name_count - ras->names_told;
        ras->is_names_refused = true;
    }
    (void)ras_names_tell(ras);
}

/* Which refusal it is decides: discover anew, register anew, go on to the next, or let the names
 * be. */
static void on_rejected(struct ras *ras, const struct ras_pending *p,
                        const struct h225_RegistrationReject *rrj)
{
    enum h225_RegistrationRejectReason_kind reason = rrj->rejectReason.kind;
    bool again = reason == h225_RegistrationRejectReason_discoveryRequired ||
                 reason == h225_RegistrationRejectReason_fullRegistrationRequired;

    set_why(ras, ras_choice_name(&h225_RegistrationRejectReason_type, reason));
    if (reason == h225_RegistrationRejectReason_discoveryRequired)
        ras->must_discover = true;
    /* A keep-alive that is refused is the end of the registration; names that are refused are
     * not. */
    if (!again && ras->state == RAS_STATE_REGISTERED && p->purpose != RAS_KEEP_ALIVE) {
        on_names_refused(ras, p, reason);
        return;
    }
    learn_from(ras, rrj->altGKInfo, rrj->assignedGatekeeper);
    ras_run(ras, again ? RAS_ON_AGAIN : RAS_ON_REJECTED, NULL);
}

/* Every RegistrationConfirm and Reject, of whichever of our three sorts of request. */
static void on_registration(struct ras *ras, const struct ras_pending *p,
                            const struct h225_RasMessage *m)
{
    struct ras_confirmed confirmed = {m->u.registrationConfirm, p->purpose, p->names_to};

    /* Before the machine runs: it may send the next. */
    if (p->purpose == RAS_KEEP_ALIVE)
        ras->is_asking = false;
    if (m->kind == h225_RasMessage_registrationConfirm)
        ras_run(ras, RAS_ON_REGISTERED, &confirmed);
    else
        on_rejected(ras, p, m->u.registrationReject);
}

/* ---- to requests for calls ---- */

/* Not in all answers, and in each at another place. */
static const struct h225_AltGKInfo *alternates_of(const struct h225_RasMessage *m)
{
    switch (m->kind) {
    case h225_RasMessage_admissionReject:
        return m->u.admissionReject->altGKInfo;
    case h225_RasMessage_bandwidthReject:
        return m->u.bandwidthReject->altGKInfo;
    case h225_RasMessage_disengageReject:
        return m->u.disengageReject->altGKInfo;
    default:
        return NULL;
    }
}

/* The best of the list that takes a request of somebody who is not registered with it. */
static const struct h225_AlternateGK *choose(const struct h225_AlternateGK_list *list,
                                             const struct addr *but)
{
    const struct h225_AlternateGK *best = NULL;

    for (uint32_t i = 0; i < list->n; i++) {
        struct addr at = h225_read_address(&list->v[i].rasAddress);

        /* Nobody may send us to a group, to itself, or round in a circle. */
        if (list->v[i].needToRegister || at.family == ADDR_NONE || at.port == 0 ||
            addr_is_multicast(&at) || addr_is_unspecified(&at) || addr_is_equal(&at, but))
            continue;
        if (best == NULL || list->v[i].priority < best->priority)
            best = &list->v[i];
    }
    return best;
}

/* A rejection that names alternate gatekeepers (H.323 §7.2.6): permanent ones take us over, and the
 * request goes to the one that holds then; others get this request only. true: the request has
 * gone elsewhere, its answer is still to come. */
static bool redirect(struct ras *ras, const struct ras_pending *p, const struct h225_RasMessage *m)
{
    const struct h225_AltGKInfo *info = alternates_of(m);
    const struct h225_AlternateGK *to;
    struct ras_id id;
    struct addr at;

    /* Bounded: gatekeepers that name each other would hand the request to and fro. */
    if (info == NULL || ras->state != RAS_STATE_REGISTERED || p->redirects >= RAS_REDIRECTS_MAX)
        return false;
    to = choose(&info->alternateGatekeeper, &p->to);
    if (info->altGKisPermanent)
        ras_learn_alternates(ras, &info->alternateGatekeeper, NULL);
    if (to == NULL)
        return false;
    at = h225_read_address(&to->rasAddress);
    ras_id_set(&id, to->has_gatekeeperIdentifier, &to->gatekeeperIdentifier);
    if (info->altGKisPermanent)
        ras_run(ras, RAS_ON_MOVED, NULL);
    ras->stats.redirected++;
    return ras_send_again(ras, p, &at, &id) == 0;
}

/* Permanent alternates which all want to be registered with: the answer stands, then we move. */
static void move_after(struct ras *ras, const struct h225_RasMessage *m)
{
    const struct h225_AltGKInfo *info = alternates_of(m);

    if (info != NULL && info->altGKisPermanent && ras->state == RAS_STATE_REGISTERED)
        ras_run(ras, RAS_ON_MOVED, NULL);
}

/* Where a caller that should come by the gatekeeper has to go: what the rejection says, else where
 * RCF said that the gatekeeper takes calls. */
static struct addr route_of(const struct ras *ras, const struct h225_AdmissionReject *arj)
{
    if (arj->rejectReason.kind != h225_AdmissionRejectReason_routeCallToGatekeeper)
        return (struct addr){0};
    if (arj->has_callSignalAddress && arj->callSignalAddress.n > 0)
        return h225_read_address(&arj->callSignalAddress.v[0]);
    return ras->pregrant.signalling;
}

/* A gatekeeper that does not know us any more says so here first. */
static void on_admission(struct ras *ras, const struct ras_pending *p,
                         const struct h225_RasMessage *m)
{
    const struct h225_AdmissionReject *arj;
    struct addr where;

    if (m->kind == h225_RasMessage_admissionConfirm) {
        ras_call_confirmed(ras, p->key, m->u.admissionConfirm);
        return;
    }
    if (redirect(ras, p, m))
        return;
    arj = m->u.admissionReject;
    set_why(ras, ras_choice_name(&h225_AdmissionRejectReason_type, arj->rejectReason.kind));
    where = route_of(ras, arj);
    ras_call_refused(ras, p->key, ERR_REFUSED, ras->why, &where);
    /* Told to the call first: it need not wait for the registration. */
    if ((arj->rejectReason.kind == h225_AdmissionRejectReason_callerNotRegistered ||
         arj->rejectReason.kind == h225_AdmissionRejectReason_invalidEndpointIdentifier) &&
        ras->state == RAS_STATE_REGISTERED)
        ras_run(ras, RAS_ON_AGAIN, NULL);
    else
        move_after(ras, m);
}

/* A call that is over meanwhile has nobody to be told. */
static void on_bandwidth(struct ras *ras, const struct ras_pending *p,
                         const struct h225_RasMessage *m)
{
    struct ras_call *call = ras_call_find(ras, p->key);

    if (m->kind == h225_RasMessage_bandwidthReject && redirect(ras, p, m))
        return;
    if (call == NULL)
        return;
    if (m->kind == h225_RasMessage_bandwidthConfirm) {
        /* Granted may be less than what was asked for. */
        call->bandwidth = m->u.bandwidthConfirm->bandWidth;
        RAS_CALL(ras, on_bandwidth, p->key, 0, m->u.bandwidthConfirm->bandWidth);
    } else {
        ras->stats.bandwidth_refused++;
        /* What is allowed instead. */
        RAS_CALL(ras, on_bandwidth, p->key, ERR_REFUSED, m->u.bandwidthReject->allowedBandWidth);
        move_after(ras, m);
    }
}

/* A report that is refused is told by counters; one for which we are not registered is a sign. */
static void on_report_answered(struct ras *ras, const struct h225_RasMessage *m)
{
    if (m->kind == h225_RasMessage_infoRequestAck)
        return;
    ras->stats.reports_refused++;
    if (m->u.infoRequestNak->nakReason.kind == h225_InfoRequestNakReason_notRegistered &&
        ras->state == RAS_STATE_REGISTERED) {
        set_why(ras, "notRegistered");
        ras_run(ras, RAS_ON_AGAIN, NULL);
    }
}

/* By what was asked, as answers of one request have two kinds. */
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
        ras_run(ras, RAS_ON_RELEASED, NULL);
        break;
    case h225_RasMessage_admissionRequest:
        on_admission(ras, p, m);
        break;
    case h225_RasMessage_bandwidthRequest:
        on_bandwidth(ras, p, m);
        break;
    case h225_RasMessage_disengageRequest:
        if (m->kind == h225_RasMessage_disengageReject)
            (void)redirect(ras, p, m);
        break;
    case h225_RasMessage_infoRequestResponse:
        on_report_answered(ras, m);
        break;
    default: /* ResourcesAvailable: it is enough that the answer came */
        break;
    }
}

/* ---- without an answer ---- */

/* Is the gatekeeper there at all? The answer restarts the keep-alive, silence ends it all. */
static void probe(struct ras *ras)
{
    /* One question at a time. */
    if (ras->state == RAS_STATE_REGISTERED && !ras->is_asking)
        ras_run(ras, RAS_ON_KEEP_ALIVE, NULL);
}

/* A call should not pay for a gatekeeper that has just died: where an alternate takes over without
 * a registration, the request goes there at once. */
static bool ask_alternate(struct ras *ras, const struct ras_pending *p)
{
    if (p->redirects >= RAS_REDIRECTS_MAX || ras->state != RAS_STATE_REGISTERED)
        return false;
    if (addr_is_equal(&p->to, &ras->address)) { /* unless another request found it out before */
        if (ras_next_without_registration(ras) == RAS_NO_GATEKEEPER)
            return false;
        ras_run(ras, RAS_ON_MOVED, NULL);
    }
    return ras->state == RAS_STATE_REGISTERED &&
           ras_send_again(ras, p, &ras->address, &ras->gatekeeper_id) == 0;
}

/* A registration without an answer: the next gatekeeper. Additional names: these are given up, the
 * rest stands. */
static void registration_failed(struct ras *ras, const struct ras_pending *p)
{
    if (p->purpose == RAS_KEEP_ALIVE)
        ras->is_asking = false;
    if (p->purpose != RAS_ADDITIVE) {
        ras_run(ras, RAS_ON_SILENCE, NULL);
        return;
    }
    ras->is_telling = false;
    ras->is_names_refused = true;
    probe(ras);
}

/* The same for silence and for "not understood", which is as good as no answer. */
static void failed(struct ras *ras, const struct ras_pending *p, int err, const char *why)
{
    if (!p->is_refused) /* a gatekeeper of the group said more than silence does */
        set_why(ras, why);
    switch (p->kind) {
    case h225_RasMessage_gatekeeperRequest:
    case h225_RasMessage_unregistrationRequest:
        ras_run(ras, RAS_ON_SILENCE, NULL);
        break;
    case h225_RasMessage_registrationRequest:
        registration_failed(ras, p);
        break;
    case h225_RasMessage_admissionRequest:
        /* Silence alone: a refusal would be the same elsewhere. */
        if (err == ERR_TIMEOUT && ask_alternate(ras, p))
            return;
        ras_call_refused(ras, p->key, err, why, NULL);
        probe(ras);
        break;
    case h225_RasMessage_bandwidthRequest:
        RAS_CALL(ras, on_bandwidth, p->key, err, 0);
        probe(ras);
        break;
    case h225_RasMessage_infoRequestResponse:
        /* Never answered: from now on reports do not ask for an answer. */
        if (err == ERR_UNSUPPORTED)
            ras->answers_irr = false;
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

    /* Out of the list before callbacks: they may send the same request again. */
    ras_pending_take(p);
    failed(ras, &what, ERR_TIMEOUT, "no answer");
    ras_pending_drop(&what);
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
    /* ResourcesAvailable has no reject, and reports have words of their own. */
    PAIR(gatekeeper),
    PAIR(registration),
    PAIR(unregistration),
    PAIR(admission),
    PAIR(bandwidth),
    PAIR(disengage),
#undef PAIR
    {h225_RasMessage_resourcesAvailableIndicate, h225_RasMessage_resourcesAvailableConfirm,
     h225_RasMessage_resourcesAvailableConfirm},
    {h225_RasMessage_infoRequestResponse, h225_RasMessage_infoRequestAck,
     h225_RasMessage_infoRequestNak},
};

/* A confirm or a reject of the same procedure; anything else is not for this request. */
static bool is_pair(enum h225_RasMessage_kind request, enum h225_RasMessage_kind answer)
{
    for (unsigned i = 0; i < FSM_COUNT(pairs); i++)
        if (pairs[i].request == request)
            /* An answer to another request with the same number is none. */
            return pairs[i].confirm == answer || pairs[i].reject == answer;
    return false;
}

/* Whoever is asked at a group answers from an address of its own. */
static bool is_asked(const struct ras_pending *p, const struct addr *from)
{
    return addr_is_multicast(&p->to) || addr_is_same_ip(&p->to, from);
}

static bool may_be_bare(enum h225_RasMessage_kind kind)
{
    return kind == h225_RasMessage_gatekeeperConfirm || kind == h225_RasMessage_gatekeeperReject ||
           kind == h225_RasMessage_registrationReject;
}

/* What may come without a token: see ras.h. A RegistrationReject at worst makes us register
 * again; a confirm without one would hand us to anybody. */
static int check_token(struct ras *ras, const struct h225_RasMessage *m, const uint8_t *data,
                       size_t len)
{
    int err;

    /* Who registers without a password believes everybody. */
    if (ras->config.password == NULL || (may_be_bare(m->kind) && !ras_has_token(m)))
        return 0;
    err = ras_auth_check(ras, m, data, len);
    /* Bare ones are taken as if they had no token: the token of another endpoint's, perhaps. */
    if (err != 0 && may_be_bare(m->kind))
        return 0;
    ras->stats.unauthentic += err != 0;
    return err;
}

/* With a name configured, only the gatekeeper of that name may answer a discovery. */
static bool is_wanted_gatekeeper(const struct ras *ras, const struct h225_RasMessage *m)
{
    const struct ras_id *wanted = ras_wanted_id(ras);
    const struct h225_GatekeeperConfirm *gcf = m->u.gatekeeperConfirm;

    if (m->kind != h225_RasMessage_gatekeeperConfirm || wanted->len == 0)
        return true;
    /* A gatekeeper that was not asked for by name is not the one that was. */
    return gcf->has_gatekeeperIdentifier && ras_id_equal(wanted, &gcf->gatekeeperIdentifier);
}

/* The gatekeeper works on it: the wait begins anew with the time that it asks for. Not for ever: a
 * call hangs on it. */
static void prolong(struct ras *ras, struct ras_pending *p, const struct h225_RasMessage *m)
{
    if (p->prolonged >= RAS_PROLONGED_MAX)
        return;
    p->prolonged++;
    ras->stats.progress++;
    timer_start(&ras->timers, &p->timer, ras->now + m->u.requestInProgress->delay);
}

/* Of a group everybody may answer. One that does not want us is no reason to stop waiting for one
 * that does (H.225.0 §7.8). */
static bool is_one_refusal_of_many(struct ras *ras, struct ras_pending *p,
                                   const struct h225_RasMessage *m)
{
    if (p->kind != h225_RasMessage_gatekeeperRequest || !addr_is_multicast(&p->to) ||
        !is_refusal(ras, m))
        return false;
    p->is_refused = true;
    return true;
}

/* By number, kind, name and address: each answer has to fit in all four. */
static int find_request(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                        struct ras_pending **out)
{
    struct ras_pending *p = ras_pending_find(ras, ras_seq_of(m));
    bool is_general = m->kind == h225_RasMessage_requestInProgress ||
                      /* These two fit any request. */
                      m->kind == h225_RasMessage_unknownMessageResponse;

    if (p == NULL || !(is_general || is_pair(p->kind, m->kind)) || !is_wanted_gatekeeper(ras, m)) {
        ras->stats.unmatched++;
        return ERR_NOTFOUND;
    }
    /* By address, not by port: gatekeepers answer from wherever they like. */
    if (!is_asked(p, from)) {
        ras->stats.strangers++;
        return ERR_REFUSED;
    }
    *out = p;
    return 0;
}

/* A request that was redirected is answered in the name of another gatekeeper. */
static int check_sender(struct ras *ras, const struct ras_pending *p,
                        const struct h225_RasMessage *m, const uint8_t *data, size_t len)
{
    struct ras_id ours = ras->gatekeeper_id;
    int err;

    /* Tokens are made in the name of the gatekeeper that answers. */
    if (p->via != NULL)
        ras->gatekeeper_id = *p->via;
    err = check_token(ras, m, data, len);
    ras->gatekeeper_id = ours;
    return err;
}

/* In this order: whose answer it is costs nothing, a token costs a hash. */
int ras_on_answer(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                  const uint8_t *data, size_t len)
{
    struct ras_pending *p = NULL, what;
    int err = find_request(ras, from, m, &p);

    if (err == 0)
        err = check_sender(ras, p, m, data, len);
    if (err != 0)
        return err;
    if (m->kind == h225_RasMessage_requestInProgress) {
        prolong(ras, p, m);
        return 0;
    }
    if (m->kind != h225_RasMessage_unknownMessageResponse && is_one_refusal_of_many(ras, p, m))
        return 0;
    /* A copy: callbacks may ask the same again. */
    what = *p;
    ras_pending_take(p);
    if (m->kind == h225_RasMessage_unknownMessageResponse)
        failed(ras, &what, ERR_UNSUPPORTED, "request not understood");
    else
        answered(ras, &what, m);
    ras_pending_drop(&what);
    return 0;
}
