/* H.264 between SDP's parameters (RFC 6184 section 8.1) and H.241's (signalling/h245/relayed.h). */
#ifndef SIGNALLING_SDP_H264_H
#define SIGNALLING_SDP_H264_H

#include "signalling/h245/relayed.h"

/* From an a=fmtp value; what is missing has RFC 6184's defaults (Baseline, level 1). ERR_MALFORMED:
 * profile-level-id is not six hex digits; ERR_UNSUPPORTED: a profile or level that H.241 cannot
 * say.
 */
int sdp_h264_read(const char *fmtp, struct h245_h264 *out);

/* Writes such a value; nothing when it does not fit. */
void sdp_h264_write(const struct h245_h264 *h264, char *fmtp, size_t room);

#endif
