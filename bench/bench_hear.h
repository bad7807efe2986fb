/* Who is heard in a recording? Each second of a talker's file is looked for in it by normalised
 * cross-correlation, at any place: loudness, delay and a codec's changes do not matter, and other
 * voices around it only make the figure smaller. Samples are linear, 8 kHz. Pure functions. */
#ifndef BENCH_BENCH_HEAR_H
#define BENCH_BENCH_HEAR_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_HEAR_RATE 8000u

struct bench_hear {
    unsigned seconds;  /* whole ones of the talker that are loud enough to be looked for */
    unsigned found;    /* of these, correlated by more than BENCH_HEAR_FOUND */
    double mean;       /* correlation of all of them, -1..1 */
    double best;       /* of the best one: of a talker who must not be heard this is the judge */
    uint64_t first_ms; /* where the talker begins in the recording, by the best second */
};

/* Between the two: another talker's speech was seen to reach 0.3 at its best place, one who speaks
 * alone keeps more than 0.8 through a codec and a mixer. */
#define BENCH_HEAR_FOUND 0.65

/* ERR_RANGE: the talker has no loud second, or the recording is shorter than one. ERR_NOMEM. */
int bench_hear(const int16_t *recording, size_t recording_count, const int16_t *talker,
               size_t talker_count, struct bench_hear *out);

#endif
