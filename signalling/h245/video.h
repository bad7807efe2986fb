/* What two video capabilities have in common, where both sides must be able to take the same
 * pictures: H.264 (H.241: profiles, level, bit rate). Pure functions, any thread. */
#ifndef SIGNALLING_H245_VIDEO_H
#define SIGNALLING_H245_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "signalling/h245/relayed.h"

struct arena;
struct h245_VideoMode;

/* As H.241 says it: a set of profiles, not one (compare struct h245_h264). */
struct h245_h264_set {
    uint8_t profiles;  /* H.241 table 8-1: 64 baseline, 32 main, 16 extended, 8 high … */
    uint16_t level;    /* H.241 table 8-4: 71 is level 3.1 */
    uint32_t bit_rate; /* 100 bit/s; 0: not said */
};

/* ERR_UNSUPPORTED: no H.264; ERR_MALFORMED; ERR_NOMEM. */
int h245_h264_set_read(struct arena *a, const struct h245_relayed *r, struct h245_h264_set *out);
/* The capability of just these values. ERR_NOMEM. */
int h245_h264_set_build(struct arena *a, const struct h245_h264_set *h264,
                        struct h245_relayed *out);

/* Both can take what it says: for H.264 the profiles of both, the lower level and rate, without the
 * options that go beyond them; of any other codec `a` itself. ERR_UNSUPPORTED: codecs differ, or
 * there is no common profile; ERR_MALFORMED, ERR_NOMEM. */
int h245_video_common(struct arena *arena, const struct h245_relayed *a,
                      const struct h245_relayed *b, struct h245_relayed *out);

/* Can who `receives` take what is sent under `sends`, the dataType of a channel? For H.264 there is
 * a profile that both name, and the level is no higher; a rate that is too high is for flow
 * control. Of any other codec: it is the same. What cannot be read does not fit. */
bool h245_video_fits(struct arena *arena, const struct h245_relayed *sends,
                     const struct h245_relayed *receives);

/* A mode to be asked for (RequestMode), pointing into the arena, and back. H.264 alone: the modes
 * of the older codecs say other things than their capabilities. ERR_UNSUPPORTED, ERR_MALFORMED. */
int h245_video_to_mode(struct arena *arena, const struct h245_relayed *r,
                       struct h245_VideoMode *mode);
int h245_video_of_mode(const struct h245_VideoMode *mode, struct h245_relayed *out);

#endif
