/* User input: keys and text in the forms that H.245 has for them (B.16, RFC 4733's companion). */
#include "signalling/h245/internal.h"

#include <string.h>

/* Decoded strings end in a zero octet (see per/value.h); an embedded one cuts the text. */
static void tell(struct h245_engine *e, const struct h245_user_input *input)
{
    H245_CALL(e, on_user_input, input);
}

static void on_signal(struct h245_engine *e, const struct h245_UserInputIndication_signal *signal)
{
    struct h245_user_input input = {.kind = H245_INPUT_SIGNAL,
                                    /* Where it stands beside RTP the user takes it once. */
                                    .text = signal->signalType.p,
                                    .duration_ms = signal->has_duration ? signal->duration : 0,
                                    .is_in_rtp = signal->has_rtpPayloadIndication};

    if (signal->has_encryptedSignalType) { /* the key that stands there is a placeholder */
        h245_refused(e, H245_REFUSED_USER_INPUT);
        return;
    }
    if (signal->rtp != NULL) {
        /* The channel whose RTP carries the key as well. */
        input.lcn = signal->rtp->logicalChannelNumber;
        input.has_timestamp = signal->rtp->has_timestamp;
        input.timestamp = signal->rtp->timestamp;
    }
    tell(e, &input);
}

static void on_update(struct h245_engine *e,
                      const struct h245_UserInputIndication_signalUpdate *update)
{
    struct h245_user_input input = {
        .kind = H245_INPUT_SIGNAL_UPDATE, .text = "", .duration_ms = update->duration};

    /* Empty, not NULL: a length belongs to the key before. */
    if (update->rtp != NULL)
        input.lcn = update->rtp->logicalChannelNumber;
    tell(e, &input);
}

static void on_extended(struct h245_engine *e,
                        const struct h245_UserInputIndication_extendedAlphanumeric *extended)
{
    struct h245_user_input input = {.kind = H245_INPUT_EXTENDED,
                                    .text = extended->alphanumeric.p,
                                    .is_in_rtp = extended->has_rtpPayloadIndication};

    /* H.235's encrypted digits: without its keys there is nothing to tell. */
    if (extended->encryptedAlphanumeric != NULL)
        h245_refused(e, H245_REFUSED_USER_INPUT);
    else
        tell(e, &input);
}

void h245_user_input_on_indication(struct h245_engine *e, const void *body)
{
    const struct h245_UserInputIndication *m = body;
    struct h245_user_input input = {.kind = H245_INPUT_ALPHANUMERIC};

    switch (m->kind) {
    case h245_UserInputIndication_alphanumeric:
        input.text = m->u.alphanumeric.p;
        tell(e, &input);
        break;
    case h245_UserInputIndication_signal:
        on_signal(e, m->u.signal);
        break;
    case h245_UserInputIndication_signalUpdate:
        on_update(e, m->u.signalUpdate);
        break;
    case h245_UserInputIndication_extendedAlphanumeric:
        on_extended(e, m->u.extendedAlphanumeric);
        break;
    case h245_UserInputIndication_encryptedAlphanumeric:
        h245_refused(e, H245_REFUSED_USER_INPUT);
        break;
    default: /* which forms the peer supports stands in its capabilities too */
        break;
    }
}

static int send(struct h245_engine *e, struct h245_UserInputIndication *input)
{
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_userInput,
                                       .u.userInput = input};

    return h245_send_indication(e, &m);
}

int h245_send_user_input(struct h245_engine *e, const char *text)
{
    struct h245_UserInputIndication input = {.kind = h245_UserInputIndication_alphanumeric,
                                             .u.alphanumeric = per_string_of(text)};

    /* An empty string is no key. */
    return text[0] != '\0' ? send(e, &input) : ERR_INVAL;
}

int h245_send_signal(struct h245_engine *e, char key, uint16_t duration_ms)
{
    /* A string of one: signalType is one character. */
    const char text[2] = {key, '\0'};
    struct h245_UserInputIndication_signal signal = {.signalType = per_string_of(text),
                                                     .has_duration = duration_ms != 0,
                                                     .duration = duration_ms};
    struct h245_UserInputIndication input = {.kind = h245_UserInputIndication_signal,
                                             .u.signal = &signal};

    /* The alphabet of H.245's signalType, ! for hook flash. */
    if (key == '\0' || strchr("0123456789#*ABCD!", key) == NULL)
        return ERR_INVAL;
    return send(e, &input);
}

/* How long the key is held, after it was told. */
int h245_send_signal_update(struct h245_engine *e, uint16_t duration_ms)
{
    struct h245_UserInputIndication_signalUpdate update = {.duration = duration_ms};
    struct h245_UserInputIndication input = {.kind = h245_UserInputIndication_signalUpdate,
                                             .u.signalUpdate = &update};

    /* 0 would say that the key was not pressed. */
    return duration_ms != 0 ? send(e, &input) : ERR_INVAL;
}
