/* H.245 inside call signalling, H.323 §8.2.1: who wants it, what waits, what came. */
#include "signalling/h225/internal.h"

#include <stdlib.h>
#include <string.h>

void h225_tunnel_clear(struct h225_call *call)
{
    for (size_t i = 0; i < call->queue_len; i++)
        free(call->queue[i].data);
    call->queue_len = call->queue_offered = 0;
}

/* What stood in parallelH245Control is kept, since a callee may skip that field (H.323 §8.2.4). A
 * response (the second alternative of four, H.245) shows that it did not: sent again, a
 * masterSlaveDetermination would be an error to it. */
static void heed_response(struct h225_call *call, const struct per_octets *pdu)
{
    size_t n = call->queue_offered;

    if (n == 0 || pdu->len == 0 || (pdu->p[0] & 0xe0) != 0x20)
        return;
    for (size_t i = 0; i < n; i++)
        free(call->queue[i].data);
    call->queue_len -= n;
    memmove(call->queue, call->queue + n, call->queue_len * sizeof(*call->queue));
    call->queue_offered = 0;
}

void h225_tunnel_fini(struct h225_call *call)
{
    h225_tunnel_clear(call);
    free(call->queue);
    call->queue = NULL;
}

/* A peer that says FALSE has decided, unless it adds that it has not yet (a gatekeeper that has
 * not heard from the callee). What waited for the tunnel then has no carrier. */
void h225_tunnel_learn(struct h225_call *call, const struct h225_H323_UU_PDU *pdu)
{
    /* Decided once: a later TRUE would meet an H.245 connection of its own. */
    if (pdu == NULL || call->tunnel == H225_TUNNEL_OFF || pdu->has_provisionalRespToH245Tunnelling)
        return;
    if (pdu->has_h245Tunnelling && pdu->h245Tunnelling) {
        call->tunnel = H225_TUNNEL_ON;
        return;
    }
    call->tunnel = H225_TUNNEL_OFF;
    call->stats.tunnel_refused += call->queue_len;
    h225_tunnel_clear(call);
}

static void deliver(struct h225_call *call, bool present, const struct per_octets_list *list)
{
    for (uint32_t i = 0; present && i < list->n && !call->is_over; i++) {
        /* H.245 of a peer that does not tunnel is nobody's. */
        if (call->tunnel != H225_TUNNEL_ON)
            call->stats.tunnel_refused++;
        else {
            heed_response(call, &list->v[i]);
            H225_CALL(call, on_h245_pdu, list->v[i].p, list->v[i].len);
        }
    }
}

void h225_tunnel_deliver(struct h225_call *call, const struct h225_H323_UU_PDU *pdu)
{
    if (pdu == NULL)
        return;
    /* Before the common field: it is older within the message. */
    if (pdu->h323_message_body.kind == h225_H323_UU_PDU_h323_message_body_setup)
        deliver(call, pdu->h323_message_body.u.setup->has_parallelH245Control,
                &pdu->h323_message_body.u.setup->parallelH245Control);
    deliver(call, pdu->has_h245Control, &pdu->h245Control);
}

/* With fast start in the same Setup, H.245 must stand in the Setup itself: in h245Control it
 * would end the fast start (H.323 §8.2.4). */
static void place(struct h225_H323_UU_PDU *pdu, const struct per_octets_list *list)
{
    struct h225_Setup_UUIE *setup = pdu->h323_message_body.u.setup;

    if (pdu->h323_message_body.kind == h225_H323_UU_PDU_h323_message_body_setup &&
        setup->has_fastStart) {
        setup->has_parallelH245Control = true;
        setup->parallelH245Control = *list;
        return;
    }
    pdu->has_h245Control = true;
    pdu->h245Control = *list;
}

int h225_tunnel_attach(struct h225_call *call, struct h225_H323_UU_PDU *pdu)
{
    struct per_octets_list list = {0};

    pdu->has_h245Tunnelling = true;
    /* "Unknown" offers: the callee decides. */
    pdu->h245Tunnelling = call->tunnel != H225_TUNNEL_OFF;
    if (call->queue_len == 0 || call->tunnel == H225_TUNNEL_OFF)
        return 0;
    list.v = arena_array(&call->out, call->queue_len, sizeof(*list.v));
    if (list.v == NULL)
        return ERR_NOMEM;
    for (; list.n < call->queue_len; list.n++)
        list.v[list.n] = per_octets_of(call->queue[list.n].data, call->queue[list.n].len);
    place(pdu, &list);
    return 0;
}

/* A callee that has not answered yet lets the PDUs ride in its first answer; a caller has to
 * know first that the peer takes them. */
static bool may_carry(const struct h225_call *call)
{
    /* In the middle of input more may come: all of it goes in one message. */
    if (call->tunnel != H225_TUNNEL_ON || call->tunnel_hold || call->in_input)
        return false;
    return call->state == H225_STATE_ACTIVE || call->state == H225_STATE_OUT_PROCEEDING ||
           call->state == H225_STATE_DELIVERED || call->state == H225_STATE_IN_PROCEEDING ||
           call->state == H225_STATE_RECEIVED;
}

void h225_tunnel_flush(struct h225_call *call)
{
    struct h225_output o;

    if (call->queue_len == 0 || !may_carry(call))
        return;
    arena_reset(&call->out);
    if (h225_build_empty_facility(call, &o) == 0)
        h225_transmit(call, &o);
}

int h225_call_send_h245(struct h225_call *call, const uint8_t *pdu, size_t len)
{
    struct h225_pdu copy = {malloc(len > 0 ? len : 1), len};

    if (copy.data == NULL)
        return ERR_NOMEM;
    if (call->tunnel == H225_TUNNEL_OFF || call->is_over ||
        /* Refused rather than dropped later: the engine hears of it. */
        call->queue_len == call->config.tunnel_queue_max) {
        free(copy.data);
        call->stats.tunnel_refused++;
        return call->queue_len == call->config.tunnel_queue_max ? ERR_LIMIT : ERR_STATE;
    }
    memcpy(copy.data, pdu, len);
    call->queue[call->queue_len++] = copy;
    h225_tunnel_flush(call);
    return 0;
}

void h225_call_hold_h245(struct h225_call *call, bool hold)
{
    call->tunnel_hold = hold;
    h225_tunnel_flush(call);
}

bool h225_call_is_tunnelling(const struct h225_call *call)
{
    return call->tunnel == H225_TUNNEL_ON;
}
