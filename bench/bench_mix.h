/* What mixing costs: rooms of audio/room.h on this thread, packets in and frames out in memory. */
#ifndef BENCH_BENCH_MIX_H
#define BENCH_BENCH_MIX_H

#include "audio/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_mix_case {
    enum audio_codec codec; /* of all members */
    unsigned rate;          /* of the rooms, Hz */
    unsigned ports;         /* members of all rooms; rounded down to whole rooms, at least one */
    unsigned members;       /* of a room */
    unsigned loudest;       /* mixed at a time, 0 = all */
    bool is_silent;         /* nobody sends anything */
    unsigned ticks;         /* measured, 20 ms of life each */
};

struct bench_mix_result {
    unsigned ports;
    double packet_ns;      /* CPU time of a port and tick: its packet into the jitter buffer */
    double tick_ns;        /* decoding, choosing, mixing */
    double frame_ns;       /* encoding and fetching its frame */
    double ports_per_core; /* 20 ms divided by the sum of these */
    double own_encodings;  /* share of frames that were encoded for one member alone */
    size_t member_bytes, room_bytes; /* memory taken for each */
};

/* Runs one case after 50 ticks of warming up; times are medians of a tick. ERR_INVAL, ERR_NOMEM;
 * ERR_STATE: a member got no frame or a packet was not taken, which would make the figures
 * worthless. */
int bench_mix_run(const struct bench_mix_case *c, struct bench_mix_result *result);

#endif
