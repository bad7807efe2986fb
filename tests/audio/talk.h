/* One talker, one listener, a network between them that a test invents, and time that passes only
 * here. What the listener's room mixes is kept, sample by sample. */
#ifndef TESTS_AUDIO_TALK_H
#define TESTS_AUDIO_TALK_H

#include "audio/room.h"

#define TALK_PENDING 128 /* packets under way at a time */
#define TALK_LOST    (-1)

struct talk_packet {
    uint64_t arrival_us;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    size_t length;
    uint8_t bytes[480];
};

struct talk {
    /* To be set before talk_start; 0 is a good value for all but these two. */
    int (*delay_us)(const struct talk *t, uint64_t packet); /* of the network, or TALK_LOST */
    int16_t (*signal)(uint64_t sample);                     /* at 8000 Hz */
    unsigned ptime_ms;                                      /* 0: 20 */
    double ppm;        /* how much faster the sender's clock is */
    unsigned phase_us; /* of the sender's packets in our ticks */
    unsigned times;    /* each packet is sent as so many different ones: 0, 1: once */
    unsigned jitter_min_ms;
    uint16_t sequence;  /* of the next packet */
    uint32_t timestamp; /* same */
    uint32_t ssrc;
    bool is_paused; /* sends nothing; time and timestamps go on */

    struct audio_room *room;
    struct audio_member *talker, *ear;
    uint64_t begin_us, now_us, packet; /* packets sent so far, paused ones too */
    uint64_t said;                     /* samples of the signal that were sent */
    struct talk_packet pending[TALK_PENDING];
    unsigned pending_count;
    uint64_t verdicts[AUDIO_VERDICTS];
    int16_t *out; /* all that was mixed since talk_listen */
    size_t out_count, out_room;
};

void talk_start(struct talk *t);

/* Lets so much time pass. */
void talk_run(struct talk *t, unsigned ms);

/* The same, but the worker does nothing: packets come, no tick is done. */
void talk_stall(struct talk *t, unsigned ms);

/* Forgets what was mixed so far. */
void talk_listen(struct talk *t);

/* How many of the samples of `out` are those of the signal with one and the same delay, the most
 * frequent one, in parts of 1; *delay_us: from the moment when the talker's packet was complete
 * (all that a network could have at the earliest) to the tick that mixed it. */
double talk_match(const struct talk *t, double *delay_us);

struct audio_member_stats talk_stats(const struct talk *t);

void talk_end(struct talk *t);

/* Something like speech: voiced syllables and pauses between phrases, the same in each run. */
int16_t talk_speech(uint64_t sample);

#endif
