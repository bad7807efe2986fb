/* Values of parameters in an a=fmtp text ("name=value;name=value"), within this folder. */
#ifndef SIGNALLING_SDP_FMTP_H
#define SIGNALLING_SDP_FMTP_H

#include <stddef.h>
#include <stdint.h>

/* Names in any case; NULL: it is not there. */
const char *sdp_fmtp_find(const char *fmtp, const char *name, size_t *len);
/* What is missing or begins with no digit is `missing`; what is above `max` is `max`. */
uint32_t sdp_fmtp_number(const char *fmtp, const char *name, uint32_t missing, uint32_t max);

#endif
