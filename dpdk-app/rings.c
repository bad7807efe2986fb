/* How long af_packet's rings may be: they are locked memory, and a process that may not lock enough
 * would fail at start with an error that nobody understands. */
#include "dpdk-app/rings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FRAME_BYTES 2048u /* af_packet's framesz unless told */

/* Value of "name=" among the device's arguments. */
static size_t argument(const char *eal, const char *name, size_t otherwise)
{
    const char *at = strstr(eal, name);

    /* What the user wrote counts as it will count for DPDK. */
    return at != NULL ? strtoul(at + strlen(name), NULL, 10) : otherwise;
}

/* Bytes of the rings of all devices, one to receive and one to send a pair. */
static size_t all_rings(const struct settings_data_plane *config, unsigned frames)
{
    size_t sum = 0;

    for (uint32_t d = 0; d < config->device_count; d++) {
        const char *eal = config->devices[d].eal;

        if (strncmp(eal, "net_af_packet", 13) == 0)
            sum += 2 * argument(eal, "qpairs=", config->workers) *
                   argument(eal, "framecnt=", frames) * argument(eal, "framesz=", FRAME_BYTES);
    }
    return sum;
}

unsigned rings_frames(const struct settings_data_plane *config, bool (*can_lock)(size_t bytes))
{
    unsigned frames = RINGS_FRAMES_BEST;

    /* Half as much again: the pools of keys are locked too. Halved until it fits: shorter rings
     * lose the tail of bursts, no rings lose all. */
    while (frames > RINGS_FRAMES_MIN && !can_lock(all_rings(config, frames) * 3 / 2))
        frames /= 2;
    return frames;
}

bool rings_can_lock(size_t bytes)
{
    void *at;

    if (bytes == 0)
        return true;
    /* Asked of the kernel itself: limits, capabilities and what is locked already all count.
     * PROT_NONE: the pages are accounted for but need not be there. */
    at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    if (at == MAP_FAILED)
        return false;
    munmap(at, bytes);
    return true;
}
