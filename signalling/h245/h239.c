#include "signalling/h245/h239.h"

#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/engine.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

#include <string.h>

/* itu-t recommendation h 239: generic-message(2), generic-capabilities(1) control, extended video
 */
static const uint32_t message_oid[] = {0, 0, 8, 239, 2};
static const uint32_t control_oid[] = {0, 0, 8, 239, 1, 1};
static const uint32_t video_oid[] = {0, 0, 8, 239, 1, 2};

#define OID_OF(arcs) ((struct per_oid){sizeof(arcs) / sizeof((arcs)[0]), arcs})

/* Parameters of the messages (H.239 tables 6 to 13) and of the video capability (table 2). */
enum {
    PARAM_BIT_RATE = 41,
    PARAM_CHANNEL = 42,
    PARAM_SYMMETRY = 43,
    PARAM_TERMINAL = 44,
    PARAM_ACKNOWLEDGE = 126,
    PARAM_REJECT = 127,
    PARAM_ROLES = 1,
};

#define PARAMS_MAX 5

/* Compared arc by arc: both are in the numeric form. */
static bool is_id(const struct h245_CapabilityIdentifier *id, struct per_oid oid)
{
    return id->kind == h245_CapabilityIdentifier_standard && id->u.standard.n == oid.n &&
           memcmp(id->u.standard.arc, oid.arc, oid.n * sizeof(oid.arc[0])) == 0;
}

/* Endpoints differ in which of the numeric forms they choose. */
static uint32_t number_of(const struct h245_ParameterValue *value)
{
    switch (value->kind) {
    case h245_ParameterValue_booleanArray:
        return value->u.booleanArray;
    case h245_ParameterValue_unsignedMin:
        return value->u.unsignedMin;
    case h245_ParameterValue_unsignedMax:
        return value->u.unsignedMax;
    case h245_ParameterValue_unsigned32Min:
        return value->u.unsigned32Min;
    case h245_ParameterValue_unsigned32Max:
        return value->u.unsigned32Max;
    default:
        return 0;
    }
}

static bool is_standard(const struct h245_GenericParameter *p, unsigned number)
{
    return p->parameterIdentifier.kind == h245_ParameterIdentifier_standard &&
           p->parameterIdentifier.u.standard == number;
}

/* ---- messages ---- */

static void read_parameter(const struct h245_GenericParameter *p, struct h239_message *m,
                           bool *is_answered)
{
    uint32_t value = number_of(&p->parameterValue);

    if (is_standard(p, PARAM_BIT_RATE)) {
        m->bit_rate = value;
    } else if (is_standard(p, PARAM_CHANNEL)) {
        m->channel = (uint16_t)value;
    } else if (is_standard(p, PARAM_SYMMETRY)) {
        /* The top bit is reserved. */
        m->symmetry = (uint8_t)(value & 0x7f);
    } else if (is_standard(p, PARAM_TERMINAL)) { /* M and T octets of the label */
        m->mcu = (uint8_t)(value >> 8);
        m->terminal = (uint8_t)value;
    } else if (is_standard(p, PARAM_ACKNOWLEDGE)) {
        m->is_ack = *is_answered = true;
    } else if (is_standard(p, PARAM_REJECT)) {
        *is_answered = true;
    }
}

static bool is_response(enum h239_kind kind)
{
    return kind == H239_FLOW_RELEASE_RESPONSE || kind == H239_TOKEN_RESPONSE;
}

int h239_read(const struct h245_GenericMessage *message, struct h239_message *out)
{
    struct h239_message m = {0};
    bool is_answered = false;

    /* Other generic messages have their own procedures: not ours, not wrong. */
    if (!is_id(&message->messageIdentifier, OID_OF(message_oid)) ||
        !message->has_subMessageIdentifier ||
        message->subMessageIdentifier < H239_FLOW_RELEASE_REQUEST ||
        /* Kinds that a later H.239 may have. */
        message->subMessageIdentifier > H239_TOKEN_OWNER)
        return ERR_UNSUPPORTED;
    m.kind = (enum h239_kind)message->subMessageIdentifier;
    for (uint32_t i = 0; message->has_messageContent && i < message->messageContent.n; i++)
        read_parameter(&message->messageContent.v[i], &m, &is_answered);
    /* A response that is neither is none. */
    if (is_response(m.kind) && !is_answered)
        return ERR_MALFORMED;
    *out = m;
    return 0;
}

static struct h245_GenericParameter *add(struct h245_GenericMessage *m, uint8_t id,
                                         enum h245_ParameterValue_kind kind)
{
    struct h245_GenericParameter *p = &m->messageContent.v[m->messageContent.n++];

    m->has_messageContent = true;
    p->parameterIdentifier.kind = h245_ParameterIdentifier_standard;
    p->parameterIdentifier.u.standard = id;
    p->parameterValue.kind = kind;
    return p;
}

static void add_number(struct h245_GenericMessage *m, uint8_t id, uint16_t value)
{
    /* Absent means 0 in all of these. */
    if (value != 0)
        add(m, id, h245_ParameterValue_unsignedMin)->parameterValue.u.unsignedMin = value;
}

int h239_build(struct arena *a, const struct h239_message *message,
               struct h245_GenericMessage **out)
{
    struct h245_GenericMessage *m = arena_zalloc(a, sizeof(*m));

    if (m == NULL)
        return ERR_NOMEM;
    /* As many as the longest message has. */
    m->messageContent.v = arena_array(a, PARAMS_MAX, sizeof(*m->messageContent.v));
    if (m->messageContent.v == NULL)
        return ERR_NOMEM;
    m->messageIdentifier.kind = h245_CapabilityIdentifier_standard;
    m->messageIdentifier.u.standard = OID_OF(message_oid);
    m->has_subMessageIdentifier = true;
    m->subMessageIdentifier = (uint8_t)message->kind;
    /* The word itself is the answer: its value says nothing. */
    if (is_response(message->kind))
        add(m, message->is_ack ? PARAM_ACKNOWLEDGE : PARAM_REJECT, h245_ParameterValue_logical);
    add_number(m, PARAM_TERMINAL, (uint16_t)(message->mcu << 8 | message->terminal));
    add_number(m, PARAM_CHANNEL, message->channel);
    add_number(m, PARAM_SYMMETRY, message->symmetry);
    if (message->bit_rate != 0)
        add(m, PARAM_BIT_RATE, h245_ParameterValue_unsigned32Min)->parameterValue.u.unsigned32Min =
            message->bit_rate;
    *out = m;
    return 0;
}

int h239_send(struct h245_engine *e, struct arena *a, const struct h239_message *message,
              uint64_t now)
{
    struct h245_GenericMessage *m = NULL;
    struct h245_CommandMessage command = {.kind = h245_CommandMessage_genericCommand};
    int err = h239_build(a, message, &m);

    if (err != 0)
        return err;
    if (is_response(message->kind))
        return h245_generic_respond(e, m);
    /* Requests wait for an answer, with a timer; commands do not. */
    if (message->kind == H239_TOKEN_REQUEST || message->kind == H239_FLOW_RELEASE_REQUEST)
        return h245_generic_request(e, m, now);
    command.u.genericCommand = m;
    return h245_send_command(e, &command);
}

const char *h239_kind_to_str(enum h239_kind kind)
{
    static const char *const text[] = {
#define KIND_TEXT(name, number, words) [name] = words,
        H239_MESSAGE_LIST(KIND_TEXT)
#undef KIND_TEXT
    };

    return kind >= H239_FLOW_RELEASE_REQUEST && kind <= H239_TOKEN_OWNER ? text[kind] : "unknown";
}

/* ---- capabilities ---- */

int h239_build_control(struct arena *a, struct h245_Capability **out)
{
    struct h245_Capability *cap = arena_zalloc(a, sizeof(*cap));
    struct h245_GenericCapability *control = arena_zalloc(a, sizeof(*control));

    if (cap == NULL || control == NULL)
        return ERR_NOMEM;
    cap->kind = h245_Capability_genericControlCapability;
    cap->u.genericControlCapability = control;
    control->capabilityIdentifier.kind = h245_CapabilityIdentifier_standard;
    control->capabilityIdentifier.u.standard = OID_OF(control_oid);
    *out = cap;
    return 0;
}

static int build_roles(struct arena *a, struct h245_GenericCapability *extension, unsigned roles)
{
    struct h245_GenericParameter *p = arena_zalloc(a, sizeof(*p));

    if (p == NULL)
        return ERR_NOMEM;
    p->parameterIdentifier.kind = h245_ParameterIdentifier_standard;
    p->parameterIdentifier.u.standard = PARAM_ROLES;
    p->parameterValue.kind = h245_ParameterValue_booleanArray;
    /* One octet of bits: live and presentation (H.239 table 2). */
    p->parameterValue.u.booleanArray = (uint8_t)roles;
    extension->capabilityIdentifier.kind = h245_CapabilityIdentifier_standard;
    extension->capabilityIdentifier.u.standard = OID_OF(video_oid);
    /* Collapsing: a peer that takes the capability may answer with fewer roles. */
    extension->has_collapsing = true;
    extension->collapsing.n = 1;
    extension->collapsing.v = p;
    return 0;
}

int h239_build_video(struct arena *a, struct h245_VideoCapability *video, unsigned roles,
                     struct h245_VideoCapability **out)
{
    struct h245_VideoCapability *cap = arena_zalloc(a, sizeof(*cap));
    struct h245_ExtendedVideoCapability *extended = arena_zalloc(a, sizeof(*extended));
    struct h245_GenericCapability *extension = arena_zalloc(a, sizeof(*extension));
    int err;

    if (cap == NULL || extended == NULL || extension == NULL)
        return ERR_NOMEM;
    err = build_roles(a, extension, roles);
    if (err != 0)
        return err;
    cap->kind = h245_VideoCapability_extendedVideoCapability;
    cap->u.extendedVideoCapability = extended;
    extended->videoCapability.n = 1;
    extended->videoCapability.v = video;
    extended->has_videoCapabilityExtension = true;
    extended->videoCapabilityExtension.n = 1;
    extended->videoCapabilityExtension.v = extension;
    *out = cap;
    return 0;
}

static unsigned roles_in(const struct h245_GenericParameter_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (is_standard(&list->v[i], PARAM_ROLES))
            /* One octet; higher forms of numbers may carry more. */
            return number_of(&list->v[i].parameterValue) & 0xff;
    return 0;
}

unsigned h239_video_roles(const struct h245_VideoCapability *capability,
                          const struct h245_VideoCapability **video)
{
    const struct h245_ExtendedVideoCapability *extended;

    if (capability->kind != h245_VideoCapability_extendedVideoCapability)
        return 0;
    extended = capability->u.extendedVideoCapability;
    /* Without a codec in it the extension says nothing. */
    for (uint32_t i = 0;
         extended->has_videoCapabilityExtension && extended->videoCapability.n > 0 &&
         i < extended->videoCapabilityExtension.n;
         i++) {
        /* Other extensions may stand beside H.239's. */
        const struct h245_GenericCapability *extension = &extended->videoCapabilityExtension.v[i];

        if (!is_id(&extension->capabilityIdentifier, OID_OF(video_oid)))
            continue;
        if (video != NULL)
            *video = &extended->videoCapability.v[0];
        /* Some write it as one kind of parameter, some as the other. */
        return (extension->has_collapsing ? roles_in(&extension->collapsing) : 0) |
               (extension->has_nonCollapsing ? roles_in(&extension->nonCollapsing) : 0);
    }
    return 0;
}

void h239_read_tcs(const struct h245_TerminalCapabilitySet *tcs, struct h239_caps *caps)
{
    *caps = (struct h239_caps){0};
    for (uint32_t i = 0; tcs->has_capabilityTable && i < tcs->capabilityTable.n; i++) {
        const struct h245_Capability *cap = tcs->capabilityTable.v[i].capability;

        if (cap == NULL)
            continue;
        if (cap->kind == h245_Capability_genericControlCapability)
            /* In any entry: some repeat it. */
            caps->has_control |=
                is_id(&cap->u.genericControlCapability->capabilityIdentifier, OID_OF(control_oid));
        else if (cap->kind == h245_Capability_receiveVideoCapability)
            caps->roles |= h239_video_roles(cap->u.receiveVideoCapability, NULL);
        else if (cap->kind == h245_Capability_receiveAndTransmitVideoCapability)
            caps->roles |= h239_video_roles(cap->u.receiveAndTransmitVideoCapability, NULL);
    }
}
