#include "signalling/h225/summary.h"

#include "signalling/h225/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define MEMORY_MAX 262144u

struct line {
    char *text;
    size_t cap;
    size_t at;
};

static void put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct line *l, const char *format, ...)
{
    va_list ap;
    int n;

    if (l->at + 1 >= l->cap)
        return;
    va_start(ap, format);
    n = vsnprintf(l->text + l->at, l->cap - l->at, format, ap);
    va_end(ap);
    if (n > 0)
        l->at += (size_t)n < l->cap - l->at ? (size_t)n : l->cap - l->at - 1;
}

/* Control characters of a peer must not reach a terminal. */
static void put_text(struct line *l, const char *name, const char *text)
{
    size_t from;

    put(l, " %s=", name);
    from = l->at;
    put(l, "%.64s", text);
    for (size_t i = from; i < l->at; i++)
        if ((unsigned char)l->text[i] < 0x20 || l->text[i] == 0x7f)
            l->text[i] = '?';
}

static void put_address(struct line *l, const char *name, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];

    if (address->family != ADDR_NONE)
        put(l, " %s=%s", name, addr_format(address, text));
}

static void put_setup(struct line *l, struct arena *a, const struct q931_msg *msg,
                      const struct h225_H323_UU_PDU *pdu)
{
    struct h225_setup setup;

    if (h225_read_setup(a, msg, pdu, &setup) != 0)
        return;
    if (setup.source.count > 0)
        put_text(l, "from", setup.source.list[0].text);
    if (setup.destination.count > 0)
        put_text(l, "to", setup.destination.list[0].text);
    put_address(l, "h245", &setup.h245_address);
    if (setup.fast_start_count > 0)
        put(l, " fastStart=%zu", setup.fast_start_count);
}

static void put_facility(struct line *l, const struct h225_Facility_UUIE *facility)
{
    struct addr address = h225_read_address(facility->h245Address);

    if (facility->reason.kind == h225_FacilityReason_startH245)
        put(l, " startH245");
    put_address(l, "h245", &address);
}

static void put_body(struct line *l, struct arena *a, const struct q931_msg *msg,
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
            put(l, " reason=%s",
                h225_reason_to_str(
                    h225_reason_from_asn1(pdu->h323_message_body.u.releaseComplete->reason)));
        break;
    default:
        if (h225_read_answer(a, &in, &answer) == 0)
            put_address(l, "h245", &answer.h245_address);
        break;
    }
    if (pdu->has_h245Tunnelling && pdu->h245Tunnelling)
        put(l, " tunnelling");
    if (pdu->has_h245Control)
        put(l, " h245=%u", pdu->h245Control.n);
}

const char *h225_summary(const uint8_t *message, size_t len, char *text, size_t cap)
{
    struct line l = {text, cap, 0};
    struct per_limits limits = {.max_memory = MEMORY_MAX};
    struct q931_msg msg;
    struct arena a;
    void *info = NULL;

    if (cap == 0)
        return text;
    text[0] = '\0';
    if (q931_decode(message, len, &msg) != 0) {
        put(&l, "malformed Q.931 message of %zu octets", len);
        return text;
    }
    put(&l, "%s ref=%u", q931_type_to_str(msg.type), msg.call_ref);
    if (q931_cause_of(&msg) != Q931_CAUSE_NONE)
        put(&l, " cause=%u (%s)", q931_cause_of(&msg), q931_cause_to_str(q931_cause_of(&msg)));
    arena_init(&a, 0, MEMORY_MAX);
    if (msg.user_user.data != NULL) {
        if (per_decode(&h225_H323_UserInformation_type, msg.user_user.data, msg.user_user.len,
                       &limits, &a, &info, NULL) == 0)
            put_body(&l, &a, &msg, &((struct h225_H323_UserInformation *)info)->h323_uu_pdu);
        else
            put(&l, " malformed user information");
    }
    arena_fini(&a);
    return text;
}
