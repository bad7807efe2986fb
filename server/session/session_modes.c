/* Mode requests (H.245 C.9), both ways: which codec the peer shall send, and which one it would
 * like to be sent.
 *
 * Nothing is promised or asked for that a channel would be refused for afterwards: where all have
 * one codec (relay, forward) a mode is one for all, or for nobody; in a mix it is this session's
 * alone. Who sends what in the end is told by channels, not by modes. */
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_control.h"
#include "server/session/session_mix.h"
#include "server/session/session_priv.h"
#include "signalling/schema/h245.h"

static const struct {
    enum h245_codec codec;
    enum h245_AudioMode_kind mode;
} modes[] = {
    {H245_CODEC_PCMA, h245_AudioMode_g711Alaw64k}, {H245_CODEC_PCMU, h245_AudioMode_g711Ulaw64k},
    {H245_CODEC_G722, h245_AudioMode_g722_64k},    {H245_CODEC_G728, h245_AudioMode_g728},
    {H245_CODEC_G729, h245_AudioMode_g729},        {H245_CODEC_G729A, h245_AudioMode_g729AnnexA},
};

bool session_audio_mode(struct arena *a, enum h245_codec codec, struct h245_AudioMode *mode)
{
    const struct h245_audio opus = {.codec = H245_CODEC_OPUS, .frames = 1};
    struct h245_AudioCapability *cap = NULL;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (modes[i].codec == codec) {
            mode->kind = modes[i].mode;
            return true;
        }
    /* Generic modes have the same shape as generic capabilities. */
    if (codec != H245_CODEC_OPUS || h245_build_audio(a, &opus, &cap) != 0)
        return false;
    mode->kind = h245_AudioMode_genericAudioMode;
    mode->u.genericAudioMode = cap->u.genericAudioCapability;
    return true;
}

static enum h245_codec read_audio(const struct h245_AudioMode *mode)
{
    struct h245_audio audio = {.codec = H245_CODEC_UNKNOWN};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (modes[i].mode == mode->kind)
            return modes[i].codec;
    if (mode->kind == h245_AudioMode_genericAudioMode) {
        const struct h245_AudioCapability cap = {
            .kind = h245_AudioCapability_genericAudioCapability,
            .u.genericAudioCapability = mode->u.genericAudioMode};

        if (h245_read_audio(&cap, &audio) != 0)
            return H245_CODEC_UNKNOWN;
    }
    return audio.codec;
}

/* Only whole modes: what is more than one audio stream is nothing we send. */
static enum h245_codec read_mode(const struct h245_ModeDescription *mode)
{
    if (mode->n != 1 || mode->v[0].type.kind != h245_ModeElementType_audioMode)
        return H245_CODEC_UNKNOWN;
    return read_audio(mode->v[0].type.u.audioMode);
}

/* ---- what the peer would like to be sent ---- */

/* Where media are passed on as they come, the codec of all members. */
static bool sent_codec(const struct session *s, enum h245_codec *codec)
{
    const struct session_channel *out = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_OUTGOING);

    if (s->conference == NULL || !conference_has_mix(s->conference))
        return s->conference != NULL && conference_codec(s->conference, codec);
    if (out != NULL)
        *codec = out->audio.codec;
    return out != NULL;
}

static bool may_be_sent(const struct session *s, enum h245_codec codec)
{
    if (conference_has_mix(s->conference))
        return s->has_peer_caps && session_can_receive(s, codec) &&
               conference_accepts(s->conference, s, codec);
    return conference_may_follow(s->conference, s, codec);
}

/* The first of the list that is possible: it is in the order of preference (H.245 7.9.1). */
static enum h245_mode_answer judge(const struct session *s, const struct h245_RequestMode *request,
                                   enum h245_codec *wanted)
{
    enum h245_codec sent;

    if (!sent_codec(s, &sent))
        return H245_MODE_UNAVAILABLE;
    for (uint32_t i = 0; i < request->requestedModes.n; i++) {
        *wanted = read_mode(&request->requestedModes.v[i]);
        if (*wanted != H245_CODEC_UNKNOWN && (*wanted == sent || may_be_sent(s, *wanted)))
            return i == 0 ? H245_MODE_MOST_PREFERRED : H245_MODE_LESS_PREFERRED;
    }
    /* The reason that says best why: others are in the call. */
    return H245_MODE_MULTIPOINT;
}

void session_control_on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    struct session *s = arg;
    enum h245_codec wanted = H245_CODEC_UNKNOWN;
    enum h245_mode_answer answer = judge(s, request, &wanted);

    (void)h245_mode_answer(s->h245, answer);
    if (session_wants_events(s))
        session_event(s, "session.mode_requested",
                      json_pack("{s:s}", "answer", h245_mode_answer_to_str(answer)));
    if (answer != H245_MODE_MOST_PREFERRED && answer != H245_MODE_LESS_PREFERRED)
        return;
    if (conference_has_mix(s->conference))
        session_send_codec(s, wanted);
    else
        conference_change_codec(s->conference, s, wanted);
}

/* ---- what the peer shall send ---- */

void session_control_on_mode_answer(void *arg, enum h245_mode_answer answer)
{
    if (answer != H245_MODE_MOST_PREFERRED && answer != H245_MODE_LESS_PREFERRED)
        session_close_outdated(arg);
    if (session_wants_events(arg))
        session_event(arg, "session.mode_answer",
                      json_pack("{s:s}", "answer", h245_mode_answer_to_str(answer)));
}

int session_ask_mode(struct session *s, enum h245_codec codec)
{
    struct h245_AudioMode audio = {.kind = h245_AudioMode_UNSET};
    struct h245_ModeElement element = {
        .type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio}};
    struct h245_ModeDescription description = {1, &element};
    struct h245_RequestMode request = {.requestedModes = {1, &description}};
    struct arena a;
    int err = ERR_UNSUPPORTED;

    arena_init(&a, 512, 4096);
    if (session_audio_mode(&a, codec, &audio))
        err = h245_mode_request(s->h245, &request, s->now);
    arena_fini(&a);
    return err;
}

static bool has_mode(enum h245_codec codec)
{
    bool is_there = codec == H245_CODEC_OPUS;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        is_there = is_there || modes[i].codec == codec;
    return is_there;
}

int session_request_mode(struct session *s, enum h245_codec codec, struct session_refusal *why,
                         uint64_t now)
{
    int err;

    snprintf(why->text, sizeof(why->text), "the session is not active, or has no H.245");
    if (s->state != SESSION_ACTIVE || s->h245 == NULL || s->conference == NULL)
        return ERR_STATE;
    snprintf(why->text, sizeof(why->text), "codec: H.245 has no mode for it");
    if (!has_mode(codec))
        return ERR_UNSUPPORTED;
    err = conference_check_codec(s->conference, s, codec, why);
    if (err != 0)
        return err;
    s->now = now;
    conference_change_codec(s->conference, s, codec);
    /* Where all change, each is asked by its own timer if its channel has the codec of before; who
     * is meant here is asked in any case, and at once: its answer is awaited. */
    err = session_ask_mode(s, codec);
    s->is_mode_asked = err == 0 && s->is_codec_new;
    session_arm(s);
    if (err != 0)
        snprintf(why->text, sizeof(why->text), "not sent: %s", err_to_str(err));
    return err;
}
