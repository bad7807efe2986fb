/* What the endpoint does when it is asked for another mode (H.245 C.9): the first of those that are
 * asked for, or none. A channel whose codec or parameters change is closed and opened anew. */
#include "bench/endpoint/endpoint_h245.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "signalling/h245/video.h"
#include "signalling/schema/h245.h"

static bool read_audio(const struct leg *l, const struct h245_AudioMode *mode,
                       enum h245_codec *codec)
{
    static const struct {
        enum h245_AudioMode_kind kind;
        enum h245_codec codec;
    } known[] = {{h245_AudioMode_g711Alaw64k, H245_CODEC_PCMA},
                 {h245_AudioMode_g711Ulaw64k, H245_CODEC_PCMU},
                 {h245_AudioMode_g722_64k, H245_CODEC_G722}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        for (size_t k = 0; known[i].kind == mode->kind && k < l->options->codec_count; k++)
            if (l->options->codecs[k].codec == known[i].codec) {
                *codec = known[i].codec;
                return true;
            }
    return false;
}

static bool read_element(struct leg *l, const struct h245_ModeElementType *type)
{
    if (type->kind == h245_ModeElementType_audioMode)
        return read_audio(l, type->u.audioMode, &l->mode.codec);
    return type->kind == h245_ModeElementType_videoMode && l->options->video.len > 0 &&
           h245_video_of_mode(type->u.videoMode, &l->mode.video) == 0 &&
           leg_has_video(l, &l->mode.video);
}

void leg_on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    struct leg *l = arg;
    const struct h245_ModeDescription *first = &request->requestedModes.v[0];
    bool is_able = !l->options->refuse_modes && !l->is_ending;
    uint64_t now = clock_mono_ms();

    memset(&l->mode, 0, sizeof(l->mode));
    l->mode.codec = l->tx_codec;
    for (uint32_t i = 0; is_able && i < first->n; i++)
        is_able = read_element(l, &first->v[i].type);
    report_event(l->report, EV_MODE, "%s", is_able ? "followed" : "refused");
    (void)h245_mode_answer(l->engine, is_able ? H245_MODE_MOST_PREFERRED : H245_MODE_DENIED);
    if (!is_able)
        return;
    l->mode.is_audio_new = l->lcn != 0 && l->mode.codec != l->tx_codec;
    l->mode.is_video_new = l->video.lcn != 0 && l->mode.video.len > 0;
    if (l->mode.is_audio_new)
        (void)h245_channel_close(l->engine, l->lcn, H245_OUTGOING, now);
    if (l->mode.is_video_new) {
        l->media->video.tx_open = false;
        (void)h245_channel_close(l->engine, l->video.lcn, H245_OUTGOING, now);
    }
}
