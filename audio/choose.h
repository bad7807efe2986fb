/* Who is heard: level and voice activity of a member, the loudest of a room, the active speaker. */
#ifndef AUDIO_CHOOSE_H
#define AUDIO_CHOOSE_H

#include "audio/room.h"

/* Level and voice activity of one member, tick by tick. */
struct audio_voice {
    float level;      /* dBov of this tick */
    float score;      /* level that falls slowly: what the loudest are chosen by */
    float floor;      /* noise of the line, dBov */
    float speech;     /* mean level of its speech, dBov */
    float agc;        /* gain that brings it to the level of all, dB */
    uint16_t hang;    /* ticks for which speech goes on behind its last sound */
    uint16_t hold;    /* ticks for which it stays among the loudest in any case */
    uint16_t run;     /* ticks it has been the loudest speaker without a break */
    bool is_speaking; /* with hangover */
    bool is_loud;     /* this tick is above the noise */
    bool is_mixed;    /* among the loudest */
};

/* A member that has not been heard. */
void audio_voice_init(struct audio_voice *v);

/* A tick with this PCM, NULL = nothing came. */
void audio_voice_tick(struct audio_voice *v, const int16_t *pcm, size_t n);

/* The active speaker of a room. */
struct audio_speaker {
    struct audio_member *member; /* NULL: nobody yet */
    uint32_t quiet;              /* ticks since it was last heard */
    uint32_t since;              /* ticks since it became the one */
};

struct audio_candidate {
    struct audio_member *member;
    struct audio_voice *voice;
};

/* Marks the `loudest` (0 = all) of the candidates as mixed. Who is mixed already is preferred by
 * some decibels and for some time, so that two of equal level do not change places all the time. */
void audio_choose_loudest(struct audio_candidate *all, size_t n, size_t loudest);

/* True: the speaker has changed to s->member. */
bool audio_choose_speaker(struct audio_speaker *s, struct audio_candidate *all, size_t n);

#endif
