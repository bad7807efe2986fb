/* H.264 between SDP's parameters (RFC 6184 section 8.1) and H.241's (signalling/h245/relayed.h). */
#ifndef SIGNALLING_SDP_H264_H
#define SIGNALLING_SDP_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signalling/h245/relayed.h"

/* From an a=fmtp value; what is missing has RFC 6184's defaults (Baseline, level 1). ERR_MALFORMED:
 * profile-level-id is not six hex digits; ERR_UNSUPPORTED: a profile or level that H.241 cannot
 * say.
 */
int sdp_h264_read(const char *fmtp, struct h245_h264 *out);

/* Can who takes these profiles (H.241's set: struct h245_video_set) decode what is described? */
bool sdp_h264_fits(const struct h245_h264 *theirs, uint8_t profiles);

/* The answer's value to an offered one, by RFC 6184 section 8.2.2: profile and packetization as
 * they were offered; the level no higher than either side's, since without level-asymmetry-allowed
 * it is that of both directions; beyond the level what our side (`ours`) takes, and nothing of what
 * the offerer said about itself. `fmtp` may be the offered text itself. ERR_MALFORMED,
 * ERR_UNSUPPORTED as above; ERR_RANGE: no room. */
int sdp_h264_answer(const char *offered, const struct h245_h264 *ours, char *fmtp, size_t room);

/* Writes such a value; nothing when it does not fit. */
void sdp_h264_write(const struct h245_h264 *h264, char *fmtp, size_t room);

#endif
