/* The calls that the gatekeeper let in, or is asked to. */
#include "signalling/h225/ras_internal.h"

#include <stdlib.h>
#include <string.h>

static struct list *bucket(struct ras *ras, uint64_t key)
{
    /* Keys are counted: multiplied so that neighbours come apart. */
    return &ras->calls[(key * 0x9e3779b97f4a7c15u >> 32) % RAS_BUCKETS];
}

struct ras_call *ras_call_find(struct ras *ras, uint64_t key)
{
    LIST_FOREACH (it, bucket(ras, key)) {
        struct ras_call *call = LIST_ENTRY(it, struct ras_call, link);

        if (call->key == key)
            return call;
    }
    return NULL;
}

/* By call identifier; a gatekeeper of version 1 has only the call reference. */
struct ras_call *ras_call_find_id(struct ras *ras, const uint8_t call_id[H225_GUID_LEN],
                                  uint16_t call_ref)
{
    static const uint8_t none[H225_GUID_LEN];
    bool by_ref = memcmp(call_id, none, H225_GUID_LEN) == 0;

    /* Linear: a gatekeeper asks for one call in a while. */
    for (size_t i = 0; i < RAS_BUCKETS; i++)
        LIST_FOREACH (it, &ras->calls[i]) {
            struct ras_call *call = LIST_ENTRY(it, struct ras_call, link);

            if (by_ref ? call->call_ref == call_ref
                       : memcmp(call->call_id, call_id, H225_GUID_LEN) == 0)
                return call;
        }
    return NULL;
}

void ras_call_free(struct ras_call *call)
{
    timer_cancel(&call->ras->timers, &call->report);
    ras_drop_early(call);
    list_remove(&call->link);
    /* From both lists. */
    list_remove(&call->age);
    call->ras->call_count--;
    free(call);
}

/* Remembered from the question on: a gatekeeper may ask about a call before it has admitted it. */
static struct ras_call *call_create(struct ras *ras, const struct ras_admission *admission)
{
    struct ras_call *call = calloc(1, sizeof(*call));

    if (call == NULL)
        return NULL;
    call->ras = ras;
    call->key = admission->key;
    /* Calls of an earlier registration are none of the new gatekeeper's. */
    call->registration = ras->registration;
    memcpy(call->call_id, admission->call_id, H225_GUID_LEN);
    memcpy(call->conference_id, admission->conference_id, H225_GUID_LEN);
    call->call_ref = admission->call_ref;
    call->is_answer = admission->is_answer;
    call->bandwidth = admission->bandwidth;
    call->peer = admission->is_answer ? admission->source_address : admission->destination_address;
    /* As the registration said; the admission may say more. */
    call->usage = ras->usage;
    call->serial = ++ras->call_serial;
    timer_init(&call->report, ras_on_report_timer, call);
    list_push_back(bucket(ras, call->key), &call->link);
    list_push_back(&ras->by_age, &call->age);
    ras->call_count++;
    return call;
}

/* ---- what the registration granted beforehand (preGrantedARQ) ---- */

/* The gatekeeper has promised so much in all, whatever the calls are. */
static bool is_within_total(const struct ras *ras, const struct ras_call *call, uint32_t bandwidth)
{
    /* 64 bits: 32-bit bandwidths of many calls. */
    uint64_t sum = bandwidth;

    if (!ras->pregrant.has_total)
        return true;
    LIST_FOREACH (it, &ras->by_age) {
        const struct ras_call *other = LIST_ENTRY(it, struct ras_call, age);

        /* Only those that this gatekeeper knows of. */
        if (other != call && other->registration == ras->registration)
            sum += other->bandwidth;
    }
    return sum <= ras->pregrant.total;
}

/* A call of ours to an alias is asked for all the same: somebody has to say where that is. */
static bool is_pregranted(const struct ras *ras, const struct ras_call *call,
                          const struct ras_admission *admission)
{
    const struct ras_pregrant *p = &ras->pregrant;

    if (!(admission->is_answer ? p->answer : p->make) ||
        !is_within_total(ras, call, admission->bandwidth))
        return false;
    if (admission->is_answer)
        return !p->answer_by_gatekeeper ||
               addr_is_same_ip(&admission->source_address, &p->signalling);
    /* Without an address nothing could be called. */
    return p->make_by_gatekeeper ? p->signalling.family != ADDR_NONE
                                 : admission->destination_address.family != ADDR_NONE;
}

/* What a confirmation would have said, from the registration. */
static void grant(struct ras *ras, struct ras_call *call, const struct ras_admission *admission)
{
    struct ras_admitted a = {.key = call->key, .bandwidth = call->bandwidth};

    a.is_routed = admission->is_answer ? ras->pregrant.answer_by_gatekeeper
                                       : ras->pregrant.make_by_gatekeeper;
    a.destination = a.is_routed ? ras->pregrant.signalling : admission->destination_address;
    /* Admitted before the callback. */
    call->is_admitted = call->is_pregranted = true;
    call->is_routed = a.is_routed;
    call->report_s = ras->pregrant.report_s;
    ras->stats.calls_pregranted++;
    ras_report_start(call);
    RAS_CALL(ras, on_admission, &a);
}

/* ---- admission ---- */

/* The answer comes by on_admission, at once if the registration has granted it. */
int ras_admit(struct ras *ras, const struct ras_admission *admission, uint64_t now)
{
    struct ras_pending what = {.key = admission->key, .bandwidth = admission->bandwidth};
    struct h225_RasMessage m;
    struct ras_call *call;
    int err;

    ras->now = now;
    /* 0 is "none" in requests that are not about a call. */
    if (admission->key == 0)
        return ERR_INVAL;
    if (ras->state != RAS_STATE_REGISTERED || ras->endpoint_id.len == 0)
        return ERR_STATE;
    if (ras_call_find(ras, admission->key) != NULL)
        return ERR_EXISTS;
    call = call_create(ras, admission);
    if (call == NULL)
        return ERR_NOMEM;
    /* Without a message: the RCF has said yes in advance. */
    if (is_pregranted(ras, call, admission)) {
        grant(ras, call, admission);
        return 0;
    }
    err = ras_build_arq(ras, &m, admission);
    if (err == 0)
        err = ras_send_request(ras, &m, &what);
    if (err != 0)
        ras_call_free(call);
    /* The Setup came before the call was asked for: it is the first that the gatekeeper may
     * want. */
    else if (admission->setup != NULL)
        (void)ras_on_signalling(ras, admission->key, !admission->is_answer, admission->setup,
                                admission->setup_len, now);
    return err;
}

/* Only where the gatekeeper counts the call: of this registration, and asked for. */
static void disengage(struct ras *ras, const struct ras_call *call, unsigned cause)
{
    struct ras_pending what = {.key = call->key};
    struct h225_RasMessage m;

    /* A pre-granted call is not known there. */
    if (ras->state == RAS_STATE_REGISTERED && call->registration == ras->registration &&
        !call->is_pregranted && ras_build_drq(ras, &m, call, cause) == 0)
        (void)ras_send_request(ras, &m, &what);
}

/* Tokens go on to the Setup as they came: each alone and encoded, so that their copy outlives this
 * message. One that does not encode again (it came in, so memory is short) is left out. */
static void read_tokens(struct ras *ras, const struct h235_ClearToken_list *list,
                        struct ras_admitted *a)
{
    struct h225_octets *tokens = arena_array(&ras->in, list->n + 1, sizeof(*tokens));
    /* On the stack: one token at a time. */
    uint8_t data[RAS_DATAGRAM_MAX];

    a->tokens = tokens;
    for (uint32_t i = 0; tokens != NULL && i < list->n; i++) {
        struct h225_octets *to = &tokens[a->token_count];

        if (per_encode(&h235_ClearToken_type, &list->v[i], data, sizeof(data), &to->len, NULL) != 0)
            continue;
        to->data = arena_copy(&ras->in, data, to->len);
        a->token_count += to->data != NULL;
    }
}

/* What a gatekeeper may change about a call: where it goes, as whom, and what it carries. */
static void read_destination(struct ras *ras, const struct h225_AdmissionConfirm *acf,
                             struct ras_admitted *a)
{
    if (acf->has_destinationInfo)
        h225_read_aliases(&ras->in, &acf->destinationInfo, &a->destination_info);
    if (acf->has_destExtraCallInfo)
        h225_read_aliases(&ras->in, &acf->destExtraCallInfo, &a->extra);
    if (acf->has_remoteExtensionAddress)
        h225_read_aliases(&ras->in, &acf->remoteExtensionAddress, &a->extension);
    if (acf->has_modifiedSrcInfo)
        h225_read_aliases(&ras->in, &acf->modifiedSrcInfo, &a->source_info);
    if (acf->has_tokens)
        read_tokens(ras, &acf->tokens, a);
}

/* From here on the call counts for reports and bandwidth. */
static void admitted(struct ras *ras, struct ras_call *call,
                     const struct h225_AdmissionConfirm *acf)
{
    struct ras_admitted a = {.key = call->key,
                             .is_routed = acf->callModel.kind == h225_CallModel_gatekeeperRouted,
                             .destination = h225_read_address(&acf->destCallSignalAddress),
                             .bandwidth = acf->bandWidth};

    read_destination(ras, acf, &a);
    ras->stats.calls_admitted++;
    call->is_admitted = true;
    call->is_routed = a.is_routed;
    call->bandwidth = acf->bandWidth;
    /* Said for this call, over what the registration said. */
    call->has_irr_answer = acf->has_willRespondToIRR;
    call->irr_answer = acf->willRespondToIRR;
    call->report_s = acf->has_irrFrequency ? acf->irrFrequency : 0;
    ras_read_usage(&call->usage, acf->has_usageSpec ? &acf->usageSpec : NULL);
    if (acf->uuiesRequested != NULL)
        call->uuies = ras_read_uuies(acf->uuiesRequested);
    ras_report_start(call);
    ras_report_early(call);
    RAS_CALL(ras, on_admission, &a);
}

void ras_call_confirmed(struct ras *ras, uint64_t key, const struct h225_AdmissionConfirm *acf)
{
    struct ras_call *call = ras_call_find(ras, key);

    /* Twice admitted is once: a repeated ACF. */
    if (call != NULL && !call->is_admitted)
        admitted(ras, call, acf);
}

/* By reject, by silence or by the end of the registration: for the caller it is the same. */
void ras_call_refused(struct ras *ras, uint64_t key, int err, const char *reason,
                      const struct addr *route_to)
{
    struct ras_admitted a = {.key = key, .err = err, .reason = reason};
    struct ras_call *call = ras_call_find(ras, key);

    /* Late: it goes on under what was granted. */
    if (call == NULL || call->is_admitted)
        return;
    if (route_to != NULL && call->is_answer)
        a.destination = *route_to;
    ras->stats.calls_refused++;
    /* First: the callback may ask for it again. */
    ras_call_free(call);
    RAS_CALL(ras, on_admission, &a);
}

/* More is asked for; less is told by the same message. */
int ras_set_bandwidth(struct ras *ras, uint64_t key, uint32_t bandwidth, uint64_t now)
{
    struct ras_pending what = {.key = key, .bandwidth = bandwidth};
    struct ras_call *call = ras_call_find(ras, key);
    struct h225_RasMessage m;
    int err;

    ras->now = now;
    if (call == NULL)
        return ERR_NOTFOUND;
    if (!call->is_admitted || ras->state != RAS_STATE_REGISTERED ||
        call->registration != ras->registration)
        return ERR_STATE;
    if (call->is_pregranted && is_within_total(ras, call, bandwidth)) {
        call->bandwidth = bandwidth;
        RAS_CALL(ras, on_bandwidth, key, 0, bandwidth);
        return 0;
    }
    /* More than the total: somebody has to be asked. */
    err = ras_build_brq(ras, &m, call, bandwidth);
    return err == 0 ? ras_send_request(ras, &m, &what) : err;
}

/* While the admission runs nobody knows whether the gatekeeper has counted the call: the
 * DisengageRequest goes out anyway, behind the AdmissionRequest, and the answer finds no call. */
int ras_disengage(struct ras *ras, uint64_t key, unsigned cause, uint64_t now)
{
    struct ras_call *call = ras_call_find(ras, key);

    ras->now = now;
    if (call == NULL)
        return ERR_NOTFOUND;
    disengage(ras, call, cause);
    ras_call_free(call);
    return 0;
}

size_t ras_call_count(const struct ras *ras)
{
    return ras->call_count;
}
