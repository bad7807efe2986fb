/* Announcements and taps. */
#include "audio/room_priv.h"

#include "base/err.h"

#include <string.h>

static void free_resamplers(struct audio_resampler **list)
{
    for (unsigned i = 0; i < AUDIO_RATES; i++) {
        audio_resampler_destroy(list[i]);
        list[i] = NULL;
    }
}

void audio_play_end(struct audio_play *p)
{
    free_resamplers(p->to);
    memset(p, 0, sizeof(*p));
}

void audio_tap_end(struct audio_tap *t)
{
    free_resamplers(t->from);
    memset(t, 0, sizeof(*t));
}

bool audio_play_tick(struct audio_room *room, struct audio_member *member, struct audio_play *p)
{
    size_t n = audio_rate_samples(room->rate);
    struct audio_event event = {.kind = AUDIO_EVENT_PLAYED, .member = member};

    p->now = NULL;
    if (p->pcm == NULL)
        return false;
    /* Told one tick later than its last sample: it has been heard by then. */
    if (p->at == p->samples) { /* its last part was heard in the tick before */
        event.user = member != NULL ? member->user : NULL;
        event.pcm = p->pcm;
        audio_play_end(p);
        audio_push_event(room, &event);
        return false;
    }
    p->now = p->pcm + p->at;
    p->now_samples = p->samples - p->at < n ? p->samples - p->at : n;
    p->at += p->now_samples;
    return true;
}

/* Resamplers from the room's rate to those that are heard: one for a member, all for a room. */
static int make_resamplers(struct audio_room *room, struct audio_member *member,
                           struct audio_play *p)
{
    for (unsigned i = 0; i < room->rate; i++) {
        if (member != NULL && i != member->tx_rate)
            continue;
        if (audio_resampler_create(room->config.rate, audio_rate_of(i), &p->to[i]) != 0) {
            audio_play_end(p);
            return ERR_NOMEM;
        }
    }
    return 0;
}

void audio_play_fit(struct audio_member *member)
{
    free_resamplers(member->play.to);
    if (member->play.pcm != NULL)
        make_resamplers(member->room, member, &member->play);
}

int audio_room_play(struct audio_room *room, struct audio_member *member, const int16_t *pcm,
                    size_t samples)
{
    /* Prepared apart and then put in place: what plays now goes on if the new one cannot. */
    struct audio_play fresh = {.pcm = pcm, .samples = samples};
    struct audio_play *p = member != NULL ? &member->play : &room->play;
    int rc;

    if (pcm == NULL || samples == 0)
        return ERR_INVAL;
    rc = make_resamplers(room, member, &fresh);
    if (rc != 0)
        return rc;
    audio_play_end(p);
    *p = fresh;
    return 0;
}

void audio_room_stop(struct audio_room *room, struct audio_member *member)
{
    audio_play_end(member != NULL ? &member->play : &room->play);
}

int audio_room_tap(struct audio_room *room, struct audio_member *member, audio_tap_fn fn,
                   void *user)
{
    struct audio_tap fresh = {.fn = fn, .user = user};
    struct audio_tap *t = member != NULL ? &member->tap : &room->tap;

    /* A member's frame may have any rate of its codecs: one resampler for each. */
    for (unsigned i = 0; fn != NULL && member != NULL && i < AUDIO_RATES; i++) {
        if (i == room->rate)
            continue;
        if (audio_resampler_create(audio_rate_of(i), room->config.rate, &fresh.from[i]) != 0) {
            audio_tap_end(&fresh);
            return ERR_NOMEM;
        }
    }
    audio_tap_end(t);
    *t = fresh;
    return 0;
}
