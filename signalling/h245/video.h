/* What two video capabilities have in common, where both sides must be able to take the same
 * pictures: H.264 (H.241: profiles, level, bit rate) and H.265. Pure functions, any thread. */
#ifndef SIGNALLING_H245_VIDEO_H
#define SIGNALLING_H245_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "signalling/h245/relayed.h"

struct arena;
struct h245_VideoMode;

enum h245_video_codec { H245_VIDEO_H264, H245_VIDEO_H265 };

const char *h245_video_codec_to_str(enum h245_video_codec codec); /* as capabilities call it */

/* H.265's profiles as bits, like H.241's of H.264. */
#define H245_H265_MAIN      64
#define H245_H265_MAIN_10   32
#define H245_H265_LEVEL_3_1 93

/* H.264 as H.241 says it: a set of profiles, not one (compare struct h245_h264). H.265 likewise, in
 * collapsing parameters of H.264's kinds: 41 profiles (booleanArray), 42 level (unsignedMin), 43
 * tier (unsignedMin: 0 main, 1 high; main if absent). What is missing there is as RFC 7798 7.1 has
 * it, Main at level 3.1, so that endpoints with other words of their own are understood that far.
 */
struct h245_video_set {
    enum h245_video_codec codec;
    uint8_t profiles;  /* H.241 table 8-1: 64 baseline, 32 main, 16 extended, 8 high …; H.265's */
    bool is_high_tier; /* H.265 alone; who takes the high tier of a level takes its main one */
    uint16_t level;    /* H.241 table 8-4: 71 is level 3.1; H.265: general_level_idc, 93 is 3.1 */
    uint32_t bit_rate; /* 100 bit/s; 0: not said */
};

/* ERR_UNSUPPORTED: neither H.264 nor H.265; ERR_MALFORMED; ERR_NOMEM. */
int h245_video_set_read(struct arena *a, const struct h245_relayed *r, struct h245_video_set *out);
/* The capability of just these values. ERR_NOMEM. */
int h245_video_set_build(struct arena *a, const struct h245_video_set *set,
                         struct h245_relayed *out);
/* Can who `receives` this take what is sent as `sends`, but for its rate? Of one codec. */
bool h245_video_set_fits(const struct h245_video_set *sends, const struct h245_video_set *receives);

/* Both can take what it says: for H.264 and H.265 the profiles of both, the lower tier, level and
 * rate, without the options that go beyond them; of any other codec `a` itself. ERR_UNSUPPORTED:
 * codecs differ, or there is no common profile; ERR_MALFORMED, ERR_NOMEM. */
int h245_video_common(struct arena *arena, const struct h245_relayed *a,
                      const struct h245_relayed *b, struct h245_relayed *out);

/* Can who `receives` take what is sent under `sends`, the dataType of a channel? For H.264 and
 * H.265 there is a profile that both name, and tier and level are no higher; a rate that is too
 * high is for flow control. Of any other codec: it is the same. What cannot be read does not fit.
 */
bool h245_video_fits(struct arena *arena, const struct h245_relayed *sends,
                     const struct h245_relayed *receives);

/* A mode to be asked for (RequestMode), pointing into the arena, and back. H.264, H.265: the modes
 * of the older codecs say other things than their capabilities. ERR_UNSUPPORTED, ERR_MALFORMED. */
int h245_video_to_mode(struct arena *arena, const struct h245_relayed *r,
                       struct h245_VideoMode *mode);
int h245_video_of_mode(const struct h245_VideoMode *mode, struct h245_relayed *out);

#endif
