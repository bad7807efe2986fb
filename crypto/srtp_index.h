/* The packet index of one SSRC and its replay window (RFC 3711 §3.3.1, §3.3.2, appendix A).
 *
 * A 48-bit RTP index is roll-over counter * 2^16 + sequence number; the packet carries the latter
 * alone, the rest is guessed from the highest index accepted so far. SRTCP carries its 31-bit index
 * whole and uses check and accept only. No I/O, no keys; any thread that owns the struct. (The
 * prefix srtp_index_ belongs to libsrtp.)
 *
 * Order: guess (RTP), check, verify the packet's tag, check again if other packets of the SSRC were
 * accepted in between, accept. Inline, because it is run for every packet. */
#ifndef CRYPTO_SRTP_INDEX_H
#define CRYPTO_SRTP_INDEX_H

#include "crypto/srtp.h"

#define SRTP_INDEX_WINDOW 128                 /* packets: the highest index and 127 below it */
#define SRTP_INDEX_END    (UINT64_C(1) << 48) /* first index that does not exist */

struct packet_index {
    uint64_t highest; /* accepted; before the first packet: roll-over counter * 2^16 */
    uint64_t seen[2]; /* bit k: highest - k was accepted; bit 0 is set from the first packet on */
};

/* Forgets everything and starts with this roll-over counter. */
void packet_index_init(struct packet_index *index, uint32_t roc);

/* Roll-over counter of the highest index. */
static inline uint32_t packet_index_roc(const struct packet_index *index)
{
    return (uint32_t)(index->highest >> 16);
}

/* No packet accepted yet? */
static inline bool packet_index_is_fresh(const struct packet_index *index)
{
    return (index->seen[0] & 1) == 0;
}

/* The index that a packet with this sequence number most likely has: of the three candidates (same,
 * next and previous roll-over counter) the nearest to the highest one; at a distance of exactly
 * 2^15 as RFC 3711 appendix A decides. There is no roll-over counter before 0: where the RFC's
 * arithmetic gives 2^32 - 1, the packet counts as a jump ahead. SRTP_INDEX_END or more means that
 * the key is used up. */
static inline uint64_t packet_index_guess(const struct packet_index *index, uint16_t seq)
{
    uint64_t guess = (index->highest & ~UINT64_C(0xffff)) | seq;
    int32_t last = (int32_t)(index->highest & 0xffff);
    int32_t ahead = (int32_t)seq - last;

    if (packet_index_is_fresh(index))
        return guess;
    if (last < 0x8000) {
        if (ahead > 0x8000 && guess > 0xffff)
            guess -= 0x10000;
    } else if (ahead < -0x8000) {
        guess += 0x10000;
    }
    return guess;
}

/* SRTP_OK, SRTP_REPLAY or SRTP_TOO_OLD. */
static inline enum srtp_status packet_index_check(const struct packet_index *index,
                                                  uint64_t candidate)
{
    uint64_t behind = index->highest - candidate;

    if (__builtin_expect(candidate > index->highest, 1))
        return SRTP_OK;
    if (behind >= SRTP_INDEX_WINDOW)
        return SRTP_TOO_OLD;
    return index->seen[behind >> 6] >> (behind & 63) & 1 ? SRTP_REPLAY : SRTP_OK;
}

/* Notes an index that check let pass. */
static inline void packet_index_accept(struct packet_index *index, uint64_t candidate)
{
    uint64_t ahead = candidate - index->highest;

    if (__builtin_expect(ahead == 1, 1)) { /* the next packet: nearly always */
        index->seen[1] = index->seen[1] << 1 | index->seen[0] >> 63;
        index->seen[0] = index->seen[0] << 1 | 1;
        index->highest = candidate;
        return;
    }
    if (candidate <= index->highest) {
        uint64_t behind = index->highest - candidate;

        index->seen[behind >> 6] |= UINT64_C(1) << (behind & 63);
        return;
    }
    if (ahead < 64) {
        index->seen[1] = index->seen[1] << ahead | index->seen[0] >> (64 - ahead);
        index->seen[0] = index->seen[0] << ahead | 1;
    } else {
        index->seen[1] = ahead < SRTP_INDEX_WINDOW ? index->seen[0] << (ahead - 64) : 0;
        index->seen[0] = 1;
    }
    index->highest = candidate;
}

/* Would the guess for any packet near `candidate` come out the same whether or not `candidate` has
 * been accepted? True while it is within 2^14 of the highest index: then no guess near it changes,
 * so that packets of one SSRC may be verified side by side. */
static inline bool packet_index_is_near(const struct packet_index *index, uint64_t candidate)
{
    return !packet_index_is_fresh(index) && candidate - index->highest + 0x4000 < 0x8000;
}

#endif
