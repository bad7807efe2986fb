/* The last steps of every message of ours: tunnel, PER, Q.931. */
#include "signalling/h225/internal.h"

#define UUIE_FIRST_GUESS 2048u  /* nearly every message fits; PDUs of a tunnel may not */
#define UUIE_MAX         65000u /* what a User-user element and a TPKT can carry */
#define ELEMENTS_MAX     1024u  /* all other information elements */

static int encode_uuie(struct h225_call *call, struct h225_output *o)
{
    /* Two tries: the second is as large as a message can be. */
    size_t caps[] = {UUIE_FIRST_GUESS, UUIE_MAX};
    size_t len = 0;
    int err = ERR_AGAIN;

    for (unsigned i = 0; i < FSM_COUNT(caps) && err == ERR_AGAIN; i++) {
        uint8_t *buf = arena_alloc(&call->out, caps[i]);

        if (buf == NULL)
            return ERR_NOMEM;
        err = per_encode(&h225_H323_UserInformation_type, &o->info, buf, caps[i], &len, NULL);
        if (err == 0)
            o->msg.user_user = (struct q931_bytes){buf, len};
    }
    return err;
}

int h225_transmit(struct h225_call *call, struct h225_output *o)
{
    size_t len = 0, cap;
    uint8_t *buf;
    int err;

    if (call->destroyed)
        return ERR_CLOSED;
    /* PDUs that wait ride on whatever goes out. */
    err = h225_tunnel_attach(call, &o->info.h323_uu_pdu);
    if (err == 0)
        err = encode_uuie(call, o);
    if (err != 0)
        return err;
    cap = o->msg.user_user.len + ELEMENTS_MAX;
    buf = arena_alloc(&call->out, cap);
    if (buf == NULL)
        return ERR_NOMEM;
    err = q931_encode(&o->msg, buf, cap, &len);
    if (err != 0)
        return err;
    /* Sent: not again. */
    if (o->info.h323_uu_pdu.has_h245Control)
        h225_tunnel_clear(call);
    else if (o->info.h323_uu_pdu.h323_message_body.kind ==
                 h225_H323_UU_PDU_h323_message_body_setup &&
             o->info.h323_uu_pdu.h323_message_body.u.setup->has_parallelH245Control)
        call->queue_offered = call->queue_len;
    call->stats.messages_out++;
    call->ops->send(call->arg, buf, len);
    return 0;
}

int h225_build_refusal(uint16_t call_ref, bool to_caller, enum q931_cause cause, uint8_t *out,
                       size_t cap, size_t *len)
{
    uint8_t octets[2];
    struct q931_msg msg = {.type = Q931_RELEASE_COMPLETE,
                           .call_ref = call_ref,
                           .from_destination = to_caller,
                           .cause = q931_cause_make(cause, octets)};

    /* Without User-user: it answers what we know nothing of. */
    return q931_encode(&msg, out, cap, len);
}

int h225_build_refusal_reason(uint16_t call_ref, enum h225_reason reason, uint8_t *out, size_t cap,
                              size_t *len)
{
    struct h225_ReleaseCompleteReason why = {0};
    struct h225_ReleaseComplete_UUIE u = {.protocolIdentifier = h225_protocol};
    struct h225_H323_UserInformation info = {0};
    struct q931_msg msg = {
        .type = Q931_RELEASE_COMPLETE, .call_ref = call_ref, .from_destination = true};
    /* A refusal is small: no arena, as there is no call. */
    uint8_t octets[2], uuie[64];
    size_t n = 0;
    int err;

    if (h225_reason_to_asn1(reason, &why) == 0)
        u.reason = &why;
    info.h323_uu_pdu.h323_message_body.kind = h225_H323_UU_PDU_h323_message_body_releaseComplete;
    info.h323_uu_pdu.h323_message_body.u.releaseComplete = &u;
    err = per_encode(&h225_H323_UserInformation_type, &info, uuie, sizeof(uuie), &n, NULL);
    if (err != 0)
        return err;
    msg.user_user = (struct q931_bytes){uuie, n};
    msg.cause = q931_cause_make(h225_reason_to_cause(reason), octets);
    return q931_encode(&msg, out, cap, len);
}
