/* Generic messages (H.245 B.19): procedures of other Recommendations travel in them, H.239 as one.
 */
#include "signalling/h245/internal.h"

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
    /* Equal messages give equal numbers; a clash of two would mix up two procedures that nobody
     * uses together. */
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 1099511628211u; /* FNV-1a */
    return h;
}

/* What a message is about, in a number: requests and their answers have the same identifier. */
static uint64_t identity_of(const struct h245_GenericMessage *message)
{
    const struct h245_CapabilityIdentifier *id = &message->messageIdentifier;
    uint64_t h = mix(14695981039346656037u, &id->kind, sizeof(id->kind));

    if (id->kind == h245_CapabilityIdentifier_standard)
        h = mix(h, id->u.standard.arc, id->u.standard.n * sizeof(id->u.standard.arc[0]));
    else if (id->kind == h245_CapabilityIdentifier_uuid)
        h = mix(h, id->u.uuid, sizeof(id->u.uuid));
    else if (id->kind == h245_CapabilityIdentifier_domainBased)
        h = mix(h, id->u.domainBased.p, id->u.domainBased.len);
    else if (id->kind == h245_CapabilityIdentifier_h221NonStandard)
        h = mix(h, id->u.h221NonStandard->data.p, id->u.h221NonStandard->data.len);
    return h;
}

void h245_generic_on_request(struct h245_engine *e, const void *body)
{
    if (H245_TAKES(e, on_generic, H245_GENERIC_REQUEST, body))
        return;
    h245_refused(e, H245_REFUSED_GENERIC);
    h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

void h245_generic_on_response(struct h245_engine *e, const void *body)
{
    /* The user sees only answers to what was asked. */
    if (h245_ask_answered(e, ASK_GENERIC, identity_of(body)))
        (void)H245_TAKES(e, on_generic, H245_GENERIC_RESPONSE, body);
}

void h245_generic_on_command(struct h245_engine *e, const void *body)
{
    if (H245_TAKES(e, on_generic, H245_GENERIC_COMMAND, body))
        return;
    h245_refused(e, H245_REFUSED_GENERIC);
    h245_refuse_function(e, h245_FunctionNotSupported_cause_unknownFunction);
}

void h245_generic_on_indication(struct h245_engine *e, const void *body)
{
    (void)H245_TAKES(e, on_generic, H245_GENERIC_INDICATION, body);
}

bool h245_generic_not_supported(struct h245_engine *e, const struct h245_GenericMessage *message)
{
    return h245_ask_not_supported(e, ASK_GENERIC, identity_of(message));
}

int h245_generic_request(struct h245_engine *e, const struct h245_GenericMessage *message,
                         uint64_t now)
{
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_genericRequest,
                                    .u.genericRequest = (void *)(uintptr_t)message};

    return h245_ask(e, ASK_GENERIC, identity_of(message), false, &m, now);
}

int h245_generic_respond(struct h245_engine *e, const struct h245_GenericMessage *message)
{
    struct h245_ResponseMessage m = {.kind = h245_ResponseMessage_genericResponse,
                                     .u.genericResponse = (void *)(uintptr_t)message};

    return h245_send_response(e, &m);
}
