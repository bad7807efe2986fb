/* Who is heard: level, automatic gain, the choice of the loudest, and the active speaker. Per
 * member a few floats and no history: this runs for all members of all rooms every 20 ms. */
#include "audio/choose.h"

#include "audio/mix.h"

#include <math.h>

#define FULL_SCALE_DB 90.309F /* 20 log10(32768) */
#define FLOOR_START   (-60.0F)
#define FLOOR_LOWEST  (-72.0F)
/* With these bounds a floor can neither vanish (everything would be speech) nor rise over speech
 * itself. */
#define FLOOR_HIGHEST (-35.0F)
#define FLOOR_FALL    0.2F /* share of the way down in a tick: noise that ends is gone at once */
#define FLOOR_RISE                                                                 \
    0.04F /* dB a tick, 2 dB a second: speech has pauses before it counts as noise \
           */
#define SPEECH_OVER   9.0F /* dB above the floor */
#define SPEECH_LOWEST (-50.0F)
#define AGC_LEVEL     (-20.0F) /* of speech while it is loud: G.169, and what telephones send */
#define AGC_MOST      12.0F
#define AGC_LEARN     0.02F /* of the difference in a tick: a second of speech */
#define AGC_UP        0.06F /* dB a tick, 3 dB a second: nobody shall hear it work */
#define AGC_DOWN      0.2F  /* dB a tick: too loud is worse than too quiet */
#define HANG_TICKS    15    /* 300 ms: pauses inside words and between them */
#define SCORE_FALL    1.0F  /* dB a tick: 50 dB a second */
#define SCORE_SPEECH  30.0F
#define SCORE_MIXED   6.0F
#define HOLD_TICKS    25 /* half a second */
/* The active speaker: after 300 ms of being the loudest, not before the last one was quiet for a
 * second or was talked over for two, and each stays for at least 1.5 s. */
#define ATTACK_TICKS  15
#define QUIET_TICKS   50
#define TALKED_OVER   100
#define SPEAKER_TICKS 75

void audio_voice_init(struct audio_voice *v)
{
    *v = (struct audio_voice){.level = AUDIO_LEVEL_SILENT,
                              /* Everybody begins as silent, so that nobody is chosen by what was
                               * never heard. */
                              .score = AUDIO_LEVEL_SILENT,
                              .floor = FLOOR_START,
                              .speech = AGC_LEVEL};
}

static float measure(const int16_t *pcm, size_t n)
{
    uint64_t energy = pcm != NULL ? audio_mix_energy(pcm, n) : 0;
    float level;

    if (energy == 0) /* log of zero is no number */
        return AUDIO_LEVEL_SILENT;
    level = 10.0F * log10f((float)energy / (float)n) - FULL_SCALE_DB;
    return level > AUDIO_LEVEL_SILENT ? level : AUDIO_LEVEL_SILENT;
}

/* Only speech teaches the gain: in pauses it stays, or it would bring up the noise. */
static void learn_gain(struct audio_voice *v)
{
    float wanted;

    v->speech += AGC_LEARN * (v->level - v->speech);
    wanted = fminf(fmaxf(AGC_LEVEL - v->speech, -AGC_MOST), AGC_MOST);
    v->agc += fminf(fmaxf(wanted - v->agc, -AGC_DOWN), AGC_UP);
}

void audio_voice_tick(struct audio_voice *v, const int16_t *pcm, size_t n)
{
    v->level = measure(pcm, n);
    /* Falls fast and rises slowly: the quietest of the last seconds, without keeping them. */
    if (v->level < v->floor)
        v->floor += FLOOR_FALL * (v->level - v->floor);
    else
        v->floor += FLOOR_RISE;
    v->floor = fminf(fmaxf(v->floor, FLOOR_LOWEST), FLOOR_HIGHEST);
    /* Above the floor and above an absolute level: in a dead-quiet room a chair is 9 dB over the
     * floor too. */
    v->is_loud = v->level > v->floor + SPEECH_OVER && v->level > SPEECH_LOWEST;
    if (v->is_loud)
        v->hang = HANG_TICKS;
    /* Speaking lasts over pauses between words; loud does not. */
    else if (v->hang > 0)
        v->hang--;
    v->is_speaking = v->hang > 0;
    if (v->is_loud)
        learn_gain(v);
    /* Peak with decay: one loud word counts for as long as a sentence has pauses. */
    v->score = fmaxf(v->level, v->score - SCORE_FALL);
}

static float rank(const struct audio_voice *v)
{
    /* Who is mixed already has an advantage: two equals must not change places in every tick. */
    return v->score + (v->is_speaking ? SCORE_SPEECH : 0) + (v->is_mixed ? SCORE_MIXED : 0);
}

/* The next best that is not taken yet: those that may not leave yet first. */
static struct audio_voice *find_best(struct audio_candidate *all, size_t n, const bool *taken,
                                     size_t *which)
{
    struct audio_voice *best = NULL;

    for (size_t i = 0; i < n; i++) {
        struct audio_voice *v = all[i].voice;

        if (taken[i])
            continue;
        /* Within its hold time nobody is pushed out by somebody louder: half-heard words are worse
         * than a late one. */
        if (best != NULL && (best->hold > 0) > (v->hold > 0))
            continue;
        if (best == NULL || (v->hold > 0) > (best->hold > 0) || rank(v) > rank(best)) {
            best = v;
            *which = i;
        }
    }
    return best;
}

void audio_choose_loudest(struct audio_candidate *all, size_t n, size_t loudest)
{
    bool taken[AUDIO_MEMBERS_MAX];
    size_t which = 0;

    for (size_t i = 0; i < n; i++) {
        taken[i] = false;
        if (all[i].voice->hold > 0)
            all[i].voice->hold--;
    }
    /* 0 or room for all: nobody is chosen, everybody is heard. */
    if (loudest == 0 || loudest >= n) {
        for (size_t i = 0; i < n; i++)
            all[i].voice->is_mixed = true;
        return;
    }
    for (size_t chosen = 0; chosen < loudest; chosen++) {
        struct audio_voice *v = find_best(all, n, taken, &which);

        taken[which] = true;
        /* New among the chosen: it stays for at least the hold time. */
        if (!v->is_mixed)
            v->hold = HOLD_TICKS;
    }
    for (size_t i = 0; i < n; i++) {
        all[i].voice->is_mixed = taken[i];
        if (!taken[i])
            all[i].voice->hold = 0;
    }
}

static bool may_change(const struct audio_speaker *s, const struct audio_voice *next)
{
    if (next->run < ATTACK_TICKS)
        return false;
    if (s->member == NULL)
        return true;
    return s->since >= SPEAKER_TICKS && (s->quiet >= QUIET_TICKS || next->run >= TALKED_OVER);
}

bool audio_choose_speaker(struct audio_speaker *s, struct audio_candidate *all, size_t n)
{
    struct audio_candidate *best = NULL;

    s->since++;
    s->quiet++;
    for (size_t i = 0; i < n; i++) {
        if (all[i].member == s->member && all[i].voice->is_loud)
            s->quiet = 0;
        /* By score, not by level: the pause of who speaks must not make a cougher the speaker. */
        if (all[i].voice->is_speaking && (best == NULL || all[i].voice->score > best->voice->score))
            best = &all[i];
    }
    for (size_t i = 0; i < n; i++)
        if (&all[i] != best)
            all[i].voice->run = 0; /* the run is uninterrupted or it is none */
    if (best == NULL)
        return false;
    if (best->voice->run < UINT16_MAX)
        best->voice->run++;
    if (best->member == s->member || !may_change(s, best->voice))
        return false;
    *s = (struct audio_speaker){.member = best->member};
    return true;
}
