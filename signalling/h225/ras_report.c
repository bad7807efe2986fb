/* What the gatekeeper is told of calls: InfoRequestResponse, asked for (in segments when there are
 * many calls) or not, with the call signalling messages and the times that it wants to know. */
#include "signalling/h225/ras_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- usage information (H.225.0 §7.11.3, RasUsageSpecification) ---- */

void ras_read_usage(struct ras_usage *usage, const struct h225_RasUsageSpecification_list *list)
{
    for (uint32_t i = 0; list != NULL && i < list->n; i++) {
        const struct h225_RasUsageSpecification *spec = &list->v[i];
        /* Without a wanted time there is nothing to report. */
        bool times = spec->required.has_startTime || spec->required.has_endTime;

        usage->at_start |= times && spec->when.has_start;
        usage->at_end |= times && spec->when.has_end;
        usage->in_irr |= times && spec->when.has_inIrr;
        usage->start_time |= spec->required.has_startTime;
        usage->end_time |= spec->required.has_endTime;
    }
}

static uint32_t unix_time(const struct ras *ras)
{
    return ras->ops->unix_time != NULL ? ras->ops->unix_time(ras->arg) : 0;
}

int ras_build_usage(struct ras *ras, const struct ras_call *call, bool is_over,
                    struct h225_RasUsageInformation **out)
{
    struct h225_RasUsageInformation *u = arena_zalloc(&ras->out, sizeof(*u));

    if (u == NULL)
        return ERR_NOMEM;
    /* 0: not yet. */
    u->has_alertingTime = call->usage.start_time && call->alerting_time != 0;
    u->alertingTime = call->alerting_time;
    u->has_connectTime = call->usage.start_time && call->connect_time != 0;
    u->connectTime = call->connect_time;
    u->endTime = is_over && call->usage.end_time ? unix_time(ras) : 0;
    u->has_endTime = u->endTime != 0;
    *out = u;
    return 0;
}

/* ---- building ---- */

/* What a report says of one call. */
static int build_call(struct ras *ras, const struct ras_call *call,
                      struct h225_InfoRequestResponse_perCallInfo *info)
{
    struct arena *a = &ras->out;
    int err;

    info->callReferenceValue = call->call_ref;
    memcpy(info->conferenceID, call->conference_id, H225_GUID_LEN);
    info->has_originator = true;
    info->originator = !call->is_answer;
    info->callType.kind = h225_CallType_pointToPoint;
    info->bandWidth = call->bandwidth;
    info->callModel.kind =
        call->is_routed ? h225_CallModel_gatekeeperRouted : h225_CallModel_direct;
    err = ras_build_call_id(ras, call->call_id, &info->callIdentifier);
    if (err == 0)
        err = h225_build_address(a, &call->peer, &info->callSignalling.sendAddress);
    if (err == 0)
        err = h225_build_address(a, &ras->config.signalling[0], &info->callSignalling.recvAddress);
    if (err == 0 && call->usage.in_irr)
        err = ras_build_usage(ras, call, false, &info->usageInformation);
    return err;
}

static int build_calls(struct ras *ras, struct h225_InfoRequestResponse *u,
                       struct ras_call *const *calls, size_t count)
{
    int err = 0;

    u->perCallInfo.v = arena_array(&ras->out, count, sizeof(*u->perCallInfo.v));
    if (u->perCallInfo.v == NULL)
        return ERR_NOMEM;
    for (; u->perCallInfo.n < count && err == 0; u->perCallInfo.n++)
        err = build_call(ras, calls[u->perCallInfo.n], &u->perCallInfo.v[u->perCallInfo.n]);
    u->has_perCallInfo = true;
    return err;
}

/* A report of some calls: by timer, by event, or asked for. */
static int build_irr(struct ras *ras, struct h225_RasMessage *m, struct ras_call *const *calls,
                     size_t count)
{
    struct h225_InfoRequestResponse *u = ras_begin(ras, m, h225_RasMessage_infoRequestResponse);
    int err;

    if (u == NULL)
        return ERR_NOMEM;
    /* Both said: present and false unless set below. */
    u->has_needResponse = u->has_unsolicited = true;
    err = ras_build_ourselves(ras, u);
    return err == 0 && count > 0 ? build_calls(ras, u, calls, count) : err;
}

/* ---- without being asked ---- */

/* Kept and repeated until acknowledged when the gatekeeper said that it acknowledges
 * (willRespondToIRR), else said once. */
static void send_report(struct ras *ras, struct ras_call *call, struct h225_RasMessage *m)
{
    struct ras_pending what = {.key = call->key};
    struct h225_InfoRequestResponse *u = m->u.infoRequestResponse;
    bool is_answered = call->has_irr_answer ? call->irr_answer : ras->answers_irr;
    int err;

    u->unsolicited = true;
    u->needResponse = is_answered;
    err = is_answered ? ras_send_request(ras, m, &what) : ras_send_indication(ras, m);
    ras->stats.reports += err == 0;
    ras->stats.reports_dropped += err != 0; /* too long for a datagram, or too many waiting */
}

static bool may_report(const struct ras_call *call)
{
    return call->is_admitted && call->ras->state == RAS_STATE_REGISTERED &&
           call->registration == call->ras->registration;
}

/* One call, unasked. */
static void report(struct ras_call *call)
{
    struct h225_RasMessage m;

    if (build_irr(call->ras, &m, &call, 1) == 0)
        send_report(call->ras, call, &m);
}

/* Every so many seconds (irrFrequency). */
void ras_on_report_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct ras_call *call = ctx;

    if (!may_report(call))
        return;
    /* First: the report may fail. */
    timer_start(&call->ras->timers, timer, now + (uint64_t)call->report_s * 1000);
    report(call);
}

void ras_report_start(struct ras_call *call)
{
    if (call->report_s > 0)
        timer_start(&call->ras->timers, &call->report,
                    call->ras->now + (uint64_t)call->report_s * 1000);
}

/* ---- call signalling that the gatekeeper does not see (UUIEsRequested) ---- */

uint32_t ras_read_uuies(const struct h225_UUIEsRequested *u)
{
    const struct {
        bool is_wanted;
        enum h225_H323_UU_PDU_h323_message_body_kind kind;
    } rows[] = {
        {u->setup, h225_H323_UU_PDU_h323_message_body_setup},
        {u->callProceeding, h225_H323_UU_PDU_h323_message_body_callProceeding},
        {u->connect, h225_H323_UU_PDU_h323_message_body_connect},
        {u->alerting, h225_H323_UU_PDU_h323_message_body_alerting},
        {u->information, h225_H323_UU_PDU_h323_message_body_information},
        {u->releaseComplete, h225_H323_UU_PDU_h323_message_body_releaseComplete},
        {u->facility, h225_H323_UU_PDU_h323_message_body_facility},
        {u->progress, h225_H323_UU_PDU_h323_message_body_progress},
        {u->empty, h225_H323_UU_PDU_h323_message_body_empty},
        /* Fields of later versions may be absent. */
        {u->has_status && u->status, h225_H323_UU_PDU_h323_message_body_status},
        {u->has_statusInquiry && u->statusInquiry,
         h225_H323_UU_PDU_h323_message_body_statusInquiry},
        {u->has_setupAcknowledge && u->setupAcknowledge,
         h225_H323_UU_PDU_h323_message_body_setupAcknowledge},
        {u->has_notify && u->notify, h225_H323_UU_PDU_h323_message_body_notify},
    };
    uint32_t mask = 0;

    for (unsigned i = 0; i < FSM_COUNT(rows); i++)
        /* A bit for each kind of body. */
        mask |= (uint32_t)rows[i].is_wanted << rows[i].kind;
    return mask;
}

/* Decoded again for the report: what is reported are the octets of the wire. */
static const struct h225_H323_UU_PDU *decode(struct ras *ras, const uint8_t *message, size_t len)
{
    struct per_limits limits = {.max_depth = ras->config.max_depth,
                                .max_elements = ras->config.max_elements,
                                .max_memory = ras->config.memory_limit};
    struct q931_msg q931;
    void *info = NULL;

    /* An arena of its own: the message that asks is in the other. */
    arena_reset(&ras->uuie);
    if (q931_decode(message, len, &q931) != 0 || q931.user_user.data == NULL ||
        per_decode(&h225_H323_UserInformation_type, q931.user_user.data, q931.user_user.len,
                   &limits, &ras->uuie, &info, NULL) != 0)
        return NULL;
    return &((const struct h225_H323_UserInformation *)info)->h323_uu_pdu;
}

/* Only kinds that were asked for (UUIEsRequested). */
static void report_message(struct ras_call *call, bool is_sent, const uint8_t *message, size_t len)
{
    struct ras *ras = call->ras;
    const struct h225_H323_UU_PDU *pdu = decode(ras, message, len);
    struct h225_InfoRequestResponse_perCallInfo_pdu one = {.sent = is_sent};
    struct h225_InfoRequestResponse_perCallInfo *info;
    struct h225_RasMessage m;

    if (pdu == NULL || (call->uuies >> pdu->h323_message_body.kind & 1) == 0 ||
        build_irr(ras, &m, &call, 1) != 0)
        return;
    /* The decoded message goes out as it is: the arena keeps it until it is sent. */
    one.h323pdu = *pdu;
    info = m.u.infoRequestResponse->perCallInfo.v;
    info->has_pdu = true;
    info->pdu.n = 1;
    info->pdu.v = &one;
    send_report(ras, call, &m);
}

/* Before the answer to the AdmissionRequest nobody knows what the gatekeeper will want. */
static void keep_early(struct ras_call *call, bool is_sent, const uint8_t *message, size_t len)
{
    struct ras_early *early = &call->early[call->early_count];

    /* Longer ones would not fit a report. */
    if (call->early_count == RAS_EARLY_MAX || len > RAS_DATAGRAM_MAX)
        return;
    early->data = malloc(len);
    if (early->data == NULL)
        return;
    memcpy(early->data, message, len);
    early->len = len;
    early->is_sent = is_sent;
    call->early_count++;
}

void ras_drop_early(struct ras_call *call)
{
    while (call->early_count > 0)
        free(call->early[--call->early_count].data);
}

void ras_report_early(struct ras_call *call)
{
    /* None wanted: they are dropped. */
    for (unsigned i = 0; i < call->early_count && call->uuies != 0; i++)
        report_message(call, call->early[i].is_sent, call->early[i].data, call->early[i].len);
    ras_drop_early(call);
}

/* Every message of a call comes through here, most of them for nothing: the test is a bit. */
int ras_on_signalling(struct ras *ras, uint64_t key, bool is_sent, const uint8_t *message,
                      size_t len, uint64_t now)
{
    struct ras_call *call = ras_call_find(ras, key);

    ras->now = now;
    if (call == NULL)
        return ERR_NOTFOUND;
    if (!call->is_admitted)
        keep_early(call, is_sent, message, len);
    else if (call->uuies != 0 && may_report(call))
        report_message(call, is_sent, message, len);
    return 0;
}

int ras_on_progress(struct ras *ras, uint64_t key, enum ras_progress progress, uint64_t now)
{
    struct ras_call *call = ras_call_find(ras, key);

    ras->now = now;
    if (call == NULL)
        return ERR_NOTFOUND;
    if (progress == RAS_PROGRESS_ALERTING)
        call->alerting_time = unix_time(ras);
    else
        call->connect_time = unix_time(ras);
    /* At the start, once. */
    if (progress == RAS_PROGRESS_CONNECTED && call->usage.at_start && may_report(call)) {
        bool in_irr = call->usage.in_irr;

        call->usage.in_irr = true; /* in this one in any case */
        report(call);
        call->usage.in_irr = in_irr;
    }
    return 0;
}

/* ---- asked for ---- */

/* Calls that began after `after`, oldest first; *more: there are others behind them. */
static size_t collect(struct ras *ras, uint64_t after, struct ras_call **calls, bool *more)
{
    size_t n = 0;

    *more = false;
    LIST_FOREACH (it, &ras->by_age) {
        struct ras_call *call = LIST_ENTRY(it, struct ras_call, age);

        /* Serials grow: a call that ends leaves no gap in the order. */
        if (!call->is_admitted || call->serial <= after)
            continue;
        if (n == RAS_IRR_CALLS_MAX) {
            *more = true;
            break;
        }
        calls[n++] = call;
    }
    return n;
}

/* A segment goes on behind the last call of the one before, so that calls which end meanwhile do
 * not make others be left out. Segments in another order than we gave them are not there. */
static size_t collect_segment(struct ras *ras, const struct h225_InfoRequest *irq,
                              struct ras_call **calls,
                              struct h225_InfoRequestResponseStatus *status)
{
    unsigned number = irq->has_nextSegmentRequested ? irq->nextSegmentRequested : 0;
    bool more = false;
    size_t n = 0;

    /* A new question begins at the beginning. */
    if (number == 0)
        ras->segment_after = 0;
    if (number == 0 || number == ras->segment_next)
        n = collect(ras, ras->segment_after, calls, &more);
    status->kind = h225_InfoRequestResponseStatus_complete;
    if (!more)
        return n;
    status->kind = h225_InfoRequestResponseStatus_incomplete;
    /* Without segments the rest stays untold, and "incomplete" says so. */
    if (irq->has_segmentedResponseSupported) {
        status->kind = h225_InfoRequestResponseStatus_segment;
        status->u.segment = (uint16_t)number;
        ras->segment_next = number + 1;
        ras->segment_after = calls[n - 1]->serial;
    }
    return n;
}

/* One call, and from now on its messages if the gatekeeper names some. */
static size_t collect_one(struct ras *ras, const struct h225_InfoRequest *irq, const uint8_t *guid,
                          struct ras_call **calls, struct h225_InfoRequestResponseStatus *status)
{
    struct ras_call *call = ras_call_find_id(ras, guid, irq->callReferenceValue);

    status->kind = call != NULL ? h225_InfoRequestResponseStatus_complete
                                : h225_InfoRequestResponseStatus_invalidCall;
    if (call == NULL)
        return 0;
    if (irq->uuiesRequested != NULL)
        call->uuies = ras_read_uuies(irq->uuiesRequested);
    calls[0] = call;
    return 1;
}

/* InfoRequest: of one call, or of all. */
void ras_on_irq(struct ras *ras, const struct ras_ask *ask)
{
    static const uint8_t none[H225_GUID_LEN];
    const struct h225_InfoRequest *irq = ask->m->u.infoRequest;
    const uint8_t *guid = irq->callIdentifier != NULL ? irq->callIdentifier->guid : none;
    struct ras_call *calls[RAS_IRR_CALLS_MAX] = {NULL};
    struct addr to = h225_read_address(irq->replyAddress);
    struct h225_InfoRequestResponseStatus status = {0};
    struct h225_RasMessage m;
    size_t n;

    /* No call named: all of them. */
    if (irq->callReferenceValue == 0 && memcmp(guid, none, H225_GUID_LEN) == 0)
        n = collect_segment(ras, irq, calls, &status);
    else
        n = collect_one(ras, irq, guid, calls, &status);
    if (build_irr(ras, &m, calls, n) != 0)
        return;
    /* Times asked for in one call's question. */
    if (irq->usageInfoRequested != NULL && n == 1 &&
        ras_build_usage(ras, calls[0], false,
                        &m.u.infoRequestResponse->perCallInfo.v[0].usageInformation) != 0)
        return;
    m.u.infoRequestResponse->irrStatus = &status;
    /* Another host's address would make us flood it at the word of a datagram. */
    if (to.port == 0 || !addr_is_same_ip(&to, ask->from))
        to = *ask->from;
    (void)ras_send_answer(ras, &m, ask->seq, ask->m->kind, &to);
}
