/* H.265 between SDP's parameters (RFC 7798 section 7) and those of H.245
 * (signalling/h245/video.h). */
#ifndef SIGNALLING_SDP_H265_H
#define SIGNALLING_SDP_H265_H

#include <stddef.h>

#include "signalling/h245/video.h"

/* From an a=fmtp value; what is missing has RFC 7798's defaults (Main, main tier, level 3.1). The
 * rate is the level's. ERR_MALFORMED: no such level; ERR_UNSUPPORTED: a profile that H.245 peers
 * are not told, several RTP streams (tx-mode), or units out of order (sprop-max-don-diff), whose
 * packets have a field that nobody else would expect. */
int sdp_h265_read(const char *fmtp, struct h245_video_set *out);

/* Writes such a value, of the least profile of the set; nothing when it does not fit. */
void sdp_h265_write(const struct h245_video_set *h265, char *fmtp, size_t room);

/* The answer's value to an offered one, by RFC 7798 section 7.2.2: what configures the format as it
 * was offered, the level no higher than either side's. `fmtp` may be the offered text itself.
 * ERR_MALFORMED, ERR_UNSUPPORTED as above, or our side takes no such profile or tier; ERR_RANGE. */
int sdp_h265_answer(const char *offered, const struct h245_video_set *ours, char *fmtp,
                    size_t room);

#endif
