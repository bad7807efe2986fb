/* The packet index of RFC 3711 §3.3.1 and its replay window; all of the fast part is inline in
 * srtp_index.h. */
#include "crypto/srtp_index.h"

#include "crypto/srtp_backend.h"

_Static_assert(SRTP_INDEX_WINDOW == SRTP_REPLAY_WINDOW, "all back ends agree on what is too old");
_Static_assert(sizeof(((struct packet_index *)0)->seen) * 8 == SRTP_INDEX_WINDOW,
               "one bit a packet");

void packet_index_init(struct packet_index *index, uint32_t roc)
{
    /* Behind every possible packet of this ROC: sequence number 0 of it is the first to be new. */
    index->highest = (uint64_t)roc << 16;
    index->seen[0] = 0;
    index->seen[1] = 0;
}
