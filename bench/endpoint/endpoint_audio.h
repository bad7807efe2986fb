/* What an endpoint says and what it hears: a player that cuts a file into frames, a recorder that
 * places what arrives by RTP timestamp, and a matcher that finds the expected file in the
 * recording, sample for sample (through G.711 alone; no other codec leaves samples as they are).
 *
 * A call of two of our endpoints starts its file when both directions are known to work. That is
 * told in the audio itself, so that it works through any server: a side that hears nothing yet
 * sends AUDIO_IDLE samples, one that hears something sends AUDIO_HEARING. */
#ifndef BENCH_ENDPOINT_AUDIO_H
#define BENCH_ENDPOINT_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/endpoint/endpoint_g711.h"

#define AUDIO_FRAME     160 /* samples in 20 ms at 8 kHz */
#define AUDIO_FRAME_MS  20
#define AUDIO_REC_LIMIT (8000u * 600u) /* samples kept of one call: ten minutes */

/* Linear values of "I am here" and "I am here and hear you". Both laws of G.711 carry them
 * unchanged. */
#define AUDIO_IDLE    0
#define AUDIO_HEARING (-8)

enum player_state { PLAYER_WAITING, PLAYER_PLAYING, PLAYER_DONE };

struct player {
    const int16_t *samples; /* the file; not owned */
    size_t count, at;
    bool loop;    /* begin again at the end */
    bool hearing; /* our side has heard a packet */
    enum player_state state;
};

/* `samples` (NULL: nothing to play) must outlive the player. */
void player_init(struct player *p, const int16_t *samples, size_t count);
/* From the file's beginning; nothing while it plays. */
void player_start(struct player *p);
/* The next 20 ms. */
void player_next(struct player *p, int16_t frame[AUDIO_FRAME]);

struct recorder {
    int16_t *samples;
    size_t count, cap;
    bool started;
    uint32_t first_ts;     /* RTP timestamp of sample 0 */
    uint64_t gap_samples;  /* samples that never came, filled with 0 */
    const int16_t *expect; /* what should be heard; not owned */
    size_t expect_count;
    size_t searched; /* the recording was searched up to here */
    bool located;    /* the file's first samples were found ... */
    size_t at;       /* ... here */
    bool complete;   /* the whole file was heard; `match` is final */
    bool match;      /* every sample equal */
    size_t first_difference;
};

void recorder_init(struct recorder *r);
void recorder_fini(struct recorder *r);
/* The samples to look for; they must be what G.711 makes of the file, and outlive the recorder. */
void recorder_expect(struct recorder *r, const int16_t *samples, size_t count);
/* Places the samples of a packet, `units` of RTP timestamp each. Late packets are placed too; what
 * lies beyond AUDIO_REC_LIMIT is ignored. Returns true when they tell that the far side hears us.
 */
bool recorder_put(struct recorder *r, uint32_t ts, unsigned units, const int16_t *samples,
                  size_t count);

/* Turns a file into what G.711 leaves of it, in place: the truth that recordings compare to. */
void audio_through_g711(enum law law, int16_t *samples, size_t count);

#endif
