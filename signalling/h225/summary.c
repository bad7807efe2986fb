#include "signalling/h225/summary.h"

#include "base/text_line.h"
#include "signalling/h225/internal.h"

#define MEMORY_MAX 262144u

/* Control characters of a peer must not reach a terminal. */
static void put_text(struct text_line *l, const char *name, const char *text)
{
    size_t from;

    text_line_put(l, " %s=", name);
    from = l->at;
    /* Enough to tell calls apart. */
    text_line_put(l, "%.64s", text);
    for (size_t i = from; i < l->at; i++)
        if ((unsigned char)l->text[i] < 0x20 || l->text[i] == 0x7f)
            l->text[i] = '?';
}

static void put_setup(struct text_line *l, struct arena *a, const struct q931_msg *msg,
                      const struct h225_H323_UU_PDU *pdu)
{
    struct h225_setup setup;

    if (h225_read_setup(a, msg, pdu, &setup) != 0)
        /* A Setup that cannot be read has its name all the same. */
        return;
    if (setup.source.count > 0)
        put_text(l, "from", setup.source.list[0].text);
    if (setup.destination.count > 0)
        put_text(l, "to", setup.destination.list[0].text);
    text_line_put_addr(l, "h245", &setup.h245_address);
    if (setup.fast_start_count > 0)
        text_line_put(l, " fastStart=%zu", setup.fast_start_count);
}

static void put_facility(struct text_line *l, const struct h225_Facility_UUIE *facility)
{
    struct addr address = h225_read_address(facility->h245Address);

    if (facility->reason.kind == h225_FacilityReason_startH245)
        text_line_put(l, " startH245");
    text_line_put_addr(l, "h245", &address);
}

static void put_body(struct text_line *l, struct arena *a, const struct q931_msg *msg,
                     const struct h225_H323_UU_PDU *pdu)
{
    struct h225_input in = {.msg = msg, .pdu = pdu};
    struct h225_answer answer;

    switch (pdu->h323_message_body.kind) {
    case h225_H323_UU_PDU_h323_message_body_setup:
        put_setup(l, a, msg, pdu);
        break;
    case h225_H323_UU_PDU_h323_message_body_facility:
        put_facility(l, pdu->h323_message_body.u.facility);
        break;
    case h225_H323_UU_PDU_h323_message_body_releaseComplete:
        if (pdu->h323_message_body.u.releaseComplete->reason != NULL)
            text_line_put(l, " reason=%s",
                          h225_reason_to_str(h225_reason_from_asn1(
                              pdu->h323_message_body.u.releaseComplete->reason)));
        break;
    default:
        if (h225_read_answer(a, &in, &answer) == 0)
            text_line_put_addr(l, "h245", &answer.h245_address);
        break;
    }
    if (pdu->has_h245Tunnelling && pdu->h245Tunnelling)
        text_line_put(l, " tunnelling");
    if (pdu->has_h245Control)
        text_line_put(l, " h245=%u", pdu->h245Control.n);
}

const char *h225_summary(const uint8_t *message, size_t len, char *text, size_t cap)
{
    struct text_line l;
    /* A trace of a hostile message must not cost more than the message itself. */
    struct per_limits limits = {.max_memory = MEMORY_MAX};
    struct q931_msg msg;
    struct arena a;
    void *info = NULL;

    if (cap == 0)
        return text;
    text_line_init(&l, text, cap);
    if (q931_decode(message, len, &msg) != 0) {
        text_line_put(&l, "malformed Q.931 message of %zu octets", len);
        return text;
    }
    text_line_put(&l, "%s ref=%u", q931_type_to_str(msg.type), msg.call_ref);
    if (q931_cause_of(&msg) != Q931_CAUSE_NONE)
        text_line_put(&l, " cause=%u (%s)", q931_cause_of(&msg),
                      q931_cause_to_str(q931_cause_of(&msg)));
    /* 0: nothing is taken unless there is something to decode. */
    arena_init(&a, 0, MEMORY_MAX);
    if (msg.user_user.data != NULL) {
        if (per_decode(&h225_H323_UserInformation_type, msg.user_user.data, msg.user_user.len,
                       &limits, &a, &info, NULL) == 0)
            put_body(&l, &a, &msg, &((struct h225_H323_UserInformation *)info)->h323_uu_pdu);
        else
            text_line_put(&l, " malformed user information");
    }
    arena_fini(&a);
    return text;
}
