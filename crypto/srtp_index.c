#include "crypto/srtp_index.h"

#include "crypto/srtp_backend.h"

_Static_assert(SRTP_INDEX_WINDOW == SRTP_REPLAY_WINDOW, "all back ends agree on what is too old");
_Static_assert(sizeof(((struct packet_index *)0)->seen) * 8 == SRTP_INDEX_WINDOW,
               "one bit a packet");

void packet_index_init(struct packet_index *index, uint32_t roc)
{
    index->highest = (uint64_t)roc << 16;
    index->seen[0] = 0;
    index->seen[1] = 0;
}
