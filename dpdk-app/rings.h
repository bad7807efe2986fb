/* How long the packet rings of af_packet may be. The kernel counts them as locked memory, of which
 * a user has 8 MiB on most systems (RLIMIT_MEMLOCK); where they do not fit, the device does not
 * start. No DPDK. */
#ifndef DPDK_APP_RINGS_H
#define DPDK_APP_RINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/settings.h"

#define RINGS_FRAMES_BEST 4096u /* no loss at the tail of a burst */
#define RINGS_FRAMES_MIN  256u

/* Frames of each ring of the af_packet devices that do not say it themselves (framecnt=), a power
 * of two: the most for which can_lock says that this many bytes may be locked, RINGS_FRAMES_BEST at
 * most. RINGS_FRAMES_MIN when nothing fits: the device will say so. */
unsigned rings_frames(const struct settings_data_plane *config, bool (*can_lock)(size_t bytes));

/* Asks the kernel by locking for a moment, without touching the memory. */
bool rings_can_lock(size_t bytes);

#endif
