/* Where a key frame begins, by the first bytes of an RTP payload. Pure functions of peer input. */
#ifndef DPDK_APP_KEYFRAME_H
#define DPDK_APP_KEYFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link_msg.h"

/* Is it the first packet from which a decoder that knows nothing can begin? Parameter sets count:
 * without them the picture behind them is of no use. */
bool keyframe_begins(enum link_key format, const uint8_t *payload, size_t length);

#endif
