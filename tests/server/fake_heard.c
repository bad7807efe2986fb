#include "fake_heard.h"

#include <string.h>

#include "base/arena.h"
#include "fake_world.h"
#include "signalling/h245/h239.h"
#include "signalling/h245/video.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

void peer_on_indication(void *arg, const struct h245_IndicationMessage *m)
{
    struct peer *p = arg;
    const struct h245_ConferenceIndication *c = m->u.conferenceIndication;

    if (m->kind != h245_IndicationMessage_conferenceIndication)
        return;
    if (c->kind == h245_ConferenceIndication_terminalNumberAssign)
        p->heard.number = c->u.terminalNumberAssign->terminalNumber;
    if (c->kind == h245_ConferenceIndication_terminalJoinedConference)
        p->heard.joined++;
    if (c->kind == h245_ConferenceIndication_terminalLeftConference)
        p->heard.left++;
}

void peer_on_conference_response(void *arg, const struct h245_ConferenceResponse *r)
{
    struct peer *p = arg;

    if (r->kind == h245_ConferenceResponse_terminalListResponse)
        p->heard.list = r->u.terminalListResponse.n;
    if (r->kind == h245_ConferenceResponse_sendThisSourceResponse) {
        p->heard.watch_answers++;
        p->heard.may_watch = r->u.sendThisSourceResponse->kind ==
                             h245_ConferenceResponse_sendThisSourceResponse_grantedSendThisSource;
    }
    if (r->kind == h245_ConferenceResponse_makeMeChairResponse) {
        p->heard.chair_answers++;
        p->heard.is_chair = r->u.makeMeChairResponse->kind ==
                            h245_ConferenceResponse_makeMeChairResponse_grantedChairToken;
    }
}

/* One without H.243 does not know the request: functionNotSupported. */
bool peer_on_conference_request(void *arg, const struct h245_ConferenceRequest *request)
{
    struct peer *p = arg;
    struct h245_ConferenceResponse_passwordResponse body = {.terminalLabel = {1, 1}};
    const struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_passwordResponse,
                                              .u.passwordResponse = &body};

    if (p->answers_nothing)
        return true;
    if (request->kind != h245_ConferenceRequest_enterH243Password || p->password == NULL)
        return false;
    p->heard.passwords++;
    body.password = per_octets_of(p->password, strlen(p->password));
    (void)h245_conference_respond(p->h245, &r);
    return true;
}

bool peer_on_generic(void *arg, enum h245_generic_class class,
                     const struct h245_GenericMessage *message)
{
    struct peer *p = arg;
    struct h239_message m;

    (void)class;
    if (h239_read(message, &m) != 0)
        return false;
    if (m.kind == H239_TOKEN_RESPONSE) {
        p->heard.tokens++;
        p->heard.has_token = m.is_ack;
    }
    if (m.kind == H239_TOKEN_OWNER)
        p->heard.owners++;
    if (m.kind == H239_TOKEN_REQUEST && p->gives_way) {
        struct arena a;

        m.kind = H239_TOKEN_RESPONSE;
        m.is_ack = true;
        arena_init(&a, 4096, 0);
        (void)h239_send(p->h245, &a, &m, p->world->now);
        arena_fini(&a);
        return true;
    }
    return m.kind != H239_TOKEN_REQUEST; /* whose answer is then that it knows none */
}

void peer_on_mode_answer(void *arg, enum h245_mode_answer answer)
{
    struct peer *p = arg;

    p->heard.modes++;
    p->heard.mode = answer;
}

void peer_on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    struct peer *p = arg;
    const struct h245_ModeDescription *first = &request->requestedModes.v[0];

    p->heard.mode_requests++;
    p->heard.video_mode.len = 0;
    p->heard.audio_mode = H245_CODEC_UNKNOWN;
    for (uint32_t i = 0; i < first->n; i++) {
        const struct h245_ModeElementType *type = &first->v[i].type;

        if (type->kind == h245_ModeElementType_videoMode)
            CU_ASSERT_EQUAL(h245_video_of_mode(type->u.videoMode, &p->heard.video_mode), 0);
        if (type->kind == h245_ModeElementType_audioMode)
            p->heard.audio_mode =
                type->u.audioMode->kind == h245_AudioMode_g711Ulaw64k        ? H245_CODEC_PCMU
                : type->u.audioMode->kind == h245_AudioMode_g722_64k         ? H245_CODEC_G722
                : type->u.audioMode->kind == h245_AudioMode_genericAudioMode ? H245_CODEC_OPUS
                                                                             : H245_CODEC_PCMA;
    }
    (void)h245_mode_answer(p->h245,
                           p->follows_modes ? H245_MODE_MOST_PREFERRED : H245_MODE_UNAVAILABLE);
}

void peer_on_keys(void *arg, const struct h245_user_input *input)
{
    struct peer *p = arg;

    strncat(p->heard.keys, input->text, sizeof(p->heard.keys) - strlen(p->heard.keys) - 1);
}
