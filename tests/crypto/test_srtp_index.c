/* Packet index guess and replay window: RFC 3711 §3.3.1, §3.3.2 and appendix A. */
#include "crypto/srtp_index.h"
#include "tests/suite.h"

#include <stdlib.h>

/* Guess, check, accept as for an authentic packet; UINT64_MAX when it is refused. */
static uint64_t take(struct packet_index *index, uint16_t seq)
{
    uint64_t guess = packet_index_guess(index, seq);

    if (packet_index_check(index, guess) != SRTP_OK)
        return UINT64_MAX;
    packet_index_accept(index, guess);
    return guess;
}

static struct packet_index at(uint32_t roc, uint16_t seq)
{
    struct packet_index index;

    packet_index_init(&index, roc);
    (void)take(&index, seq);
    return index;
}

static void first_packet_any_number_has_given_roc(void)
{
    static const uint16_t seqs[] = {0, 1, 32767, 32768, 32769, 65534, 65535};
    static const uint32_t rocs[] = {0, 1, 0xffffffff};

    for (size_t r = 0; r < sizeof(rocs) / sizeof(rocs[0]); r++)
        for (size_t s = 0; s < sizeof(seqs) / sizeof(seqs[0]); s++) {
            struct packet_index index = at(rocs[r], seqs[s]);

            CU_ASSERT_EQUAL(index.highest, (uint64_t)rocs[r] << 16 | seqs[s]);
            CU_ASSERT_EQUAL(packet_index_roc(&index), rocs[r]);
            CU_ASSERT_FALSE(packet_index_is_fresh(&index));
        }
}

static void sequence_wraps_roc_counts_up(void)
{
    struct packet_index index = at(0, 65534);

    CU_ASSERT_EQUAL(take(&index, 65535), 65535);
    CU_ASSERT_EQUAL(take(&index, 0), 65536);
    CU_ASSERT_EQUAL(packet_index_roc(&index), 1);
    CU_ASSERT_EQUAL(take(&index, 1), 65537);
}

static void sequence_wraps_many_times_follows(void)
{
    struct packet_index index = at(0, 0);

    for (uint64_t i = 1; i < 3000; i++)
        CU_ASSERT_EQUAL(take(&index, (uint16_t)(i * 997)), i * 997);
}

static void first_packet_near_wrap_next_before_and_after(void)
{
    struct packet_index index = at(0, 65535);

    CU_ASSERT_EQUAL(take(&index, 2), 65538); /* 0 and 1 come later */
    CU_ASSERT_EQUAL(take(&index, 65533), 65533);
    CU_ASSERT_EQUAL(take(&index, 1), 65537);
    CU_ASSERT_EQUAL(take(&index, 0), 65536);
    CU_ASSERT_EQUAL(take(&index, 65534), 65534);
    CU_ASSERT_EQUAL(take(&index, 65534), UINT64_MAX);
}

static void reordered_over_wrap_gets_previous_roc(void)
{
    struct packet_index index = at(5, 3);

    CU_ASSERT_EQUAL(take(&index, 65530), (UINT64_C(4) << 16) + 65530);
    CU_ASSERT_EQUAL(packet_index_roc(&index), 5);
    CU_ASSERT_EQUAL(take(&index, 65530), UINT64_MAX);
}

static void roc_zero_has_no_predecessor(void)
{
    struct packet_index index = at(0, 100);

    /* RFC 3711 appendix A would say ROC 2^32 - 1; nobody can have sent that. */
    CU_ASSERT_EQUAL(packet_index_guess(&index, 65000), 65000);
    index = at(1, 100);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 65000), 65000);
    index = at(2, 100);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 65000), 65536 + 65000);
}

static void half_way_decides_as_appendix_a(void)
{
    struct packet_index index = at(7, 1000);

    CU_ASSERT_EQUAL(packet_index_guess(&index, 1000 + 32768) >> 16, 7);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 1000 + 32769) >> 16, 6);
    index = at(7, 40000);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 40000 - 32768) >> 16, 7);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 40000 - 32769) >> 16, 8);
    index = at(7, 32768);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 0) >> 16, 7);
    index = at(7, 32767);
    CU_ASSERT_EQUAL(packet_index_guess(&index, 65535) >> 16, 7);
}

static void roc_jump_by_init_forgets_window(void)
{
    struct packet_index index = at(0, 500);

    packet_index_init(&index, 70000);
    CU_ASSERT_TRUE(packet_index_is_fresh(&index));
    CU_ASSERT_EQUAL(packet_index_roc(&index), 70000);
    CU_ASSERT_EQUAL(take(&index, 500), (UINT64_C(70000) << 16) + 500);
    CU_ASSERT_EQUAL(take(&index, 500), UINT64_MAX);
}

static void last_roc_ends_with_index_end(void)
{
    struct packet_index index = at(0xffffffff, 65535);

    CU_ASSERT_EQUAL(index.highest, SRTP_INDEX_END - 1);
    CU_ASSERT_TRUE(packet_index_guess(&index, 0) >= SRTP_INDEX_END);
    CU_ASSERT_EQUAL(take(&index, 65534), SRTP_INDEX_END - 2);
}

static void window_edges_late_and_too_old(void)
{
    struct packet_index index = at(0, 1000);

    CU_ASSERT_EQUAL(packet_index_check(&index, 1000), SRTP_REPLAY);
    CU_ASSERT_EQUAL(packet_index_check(&index, 1000 - 127), SRTP_OK);
    CU_ASSERT_EQUAL(packet_index_check(&index, 1000 - 128), SRTP_TOO_OLD);
    CU_ASSERT_EQUAL(packet_index_check(&index, 0), SRTP_TOO_OLD);
    packet_index_accept(&index, 1000 - 127);
    CU_ASSERT_EQUAL(packet_index_check(&index, 1000 - 127), SRTP_REPLAY);
    packet_index_accept(&index, 1001);
    CU_ASSERT_EQUAL(packet_index_check(&index, 1000 - 127), SRTP_TOO_OLD);
    CU_ASSERT_EQUAL(packet_index_check(&index, 1000), SRTP_REPLAY);
    CU_ASSERT_EQUAL(packet_index_check(&index, 999), SRTP_OK);
}

static void window_shifts_of_every_width_keep_what_is_inside(void)
{
    for (uint64_t step = 1; step < 300; step++) {
        struct packet_index index = at(0, 1000);

        packet_index_accept(&index, 990);
        packet_index_accept(&index, 920);
        packet_index_accept(&index, 1000 + step);
        for (uint64_t i = 880; i < 1000 + step; i++) {
            enum srtp_status want = i == 1000 || i == 990 || i == 920 ? SRTP_REPLAY : SRTP_OK;

            if (1000 + step - i >= SRTP_INDEX_WINDOW)
                want = SRTP_TOO_OLD;
            CU_ASSERT_EQUAL(packet_index_check(&index, i), want);
        }
        CU_ASSERT_EQUAL(packet_index_check(&index, 1000 + step), SRTP_REPLAY);
    }
}

/* SRTCP: explicit indices from 0 on. */
static void explicit_index_starts_at_zero(void)
{
    struct packet_index index;

    packet_index_init(&index, 0);
    CU_ASSERT_EQUAL(packet_index_check(&index, 0), SRTP_OK);
    packet_index_accept(&index, 0);
    CU_ASSERT_EQUAL(packet_index_check(&index, 0), SRTP_REPLAY);
    packet_index_accept(&index, 0x7fffffff);
    CU_ASSERT_EQUAL(packet_index_check(&index, 0), SRTP_TOO_OLD);
}

/* Against a model that remembers every index: random walks with loss, reordering and replays. */
static void random_walk_agrees_with_model(void)
{
    enum { SPAN = 400000 };
    uint8_t *was_seen = calloc(SPAN, 1);
    unsigned seed = 11;

    CU_ASSERT_PTR_NOT_NULL_FATAL(was_seen);
    for (unsigned round = 0; round < 20; round++) {
        struct packet_index index;
        uint64_t highest = (uint64_t)(rand_r(&seed) % 65536), next = highest;

        memset(was_seen, 0, SPAN);
        packet_index_init(&index, 0);
        for (unsigned i = 0; i < 20000 && next < SPAN - 200; i++) {
            uint64_t real = next, guess;
            enum srtp_status want = SRTP_OK;

            if (rand_r(&seed) % 4 == 0 && real > 250)
                real -= (uint64_t)(rand_r(&seed) % 250);
            else
                next += 1 + (uint64_t)(rand_r(&seed) % 30 == 0 ? rand_r(&seed) % 200 : 0);
            if (i == 0)
                real = highest;
            guess = packet_index_guess(&index, (uint16_t)real);
            CU_ASSERT_EQUAL(guess, real);
            if (real <= highest && i > 0)
                want = highest - real >= SRTP_INDEX_WINDOW ? SRTP_TOO_OLD
                       : was_seen[real]                    ? SRTP_REPLAY
                                                           : SRTP_OK;
            CU_ASSERT_EQUAL(packet_index_check(&index, guess), want);
            if (want != SRTP_OK)
                continue;
            packet_index_accept(&index, guess);
            was_seen[real] = 1;
            highest = real > highest ? real : highest;
        }
    }
    free(was_seen);
}

/* What is_near promises: accepting a near packet changes no guess for near packets. */
static void near_packets_do_not_change_guesses(void)
{
    static const uint16_t starts[] = {0, 100, 16383, 16384, 32767, 32768, 50000, 65535};

    for (uint32_t roc = 0; roc < 3; roc++)
        for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
            const struct packet_index index = at(roc, starts[s]);

            for (int32_t d = -0x4000; d < 0x4000; d += 97)
                for (int32_t e = -0x4000; e < 0x4000; e += 1013) {
                    uint64_t first = packet_index_guess(&index, (uint16_t)(starts[s] + d));
                    uint64_t second = packet_index_guess(&index, (uint16_t)(starts[s] + e));
                    struct packet_index later = index;

                    if (!packet_index_is_near(&index, first) ||
                        !packet_index_is_near(&index, second) ||
                        packet_index_check(&index, first) != SRTP_OK)
                        continue;
                    packet_index_accept(&later, first);
                    if (packet_index_guess(&later, (uint16_t)(starts[s] + e)) != second)
                        CU_FAIL("guess changed");
                }
        }
}

static void near_needs_a_packet_and_nearness(void)
{
    struct packet_index index;

    packet_index_init(&index, 1);
    CU_ASSERT_FALSE(packet_index_is_near(&index, 65536));
    index = at(1, 30000);
    CU_ASSERT_TRUE(packet_index_is_near(&index, index.highest - 0x4000));
    CU_ASSERT_FALSE(packet_index_is_near(&index, index.highest - 0x4001));
    CU_ASSERT_TRUE(packet_index_is_near(&index, index.highest + 0x3fff));
    CU_ASSERT_FALSE(packet_index_is_near(&index, index.highest + 0x4000));
}

SUITE("crypto/srtp_index", TEST(first_packet_any_number_has_given_roc),
      TEST(sequence_wraps_roc_counts_up), TEST(sequence_wraps_many_times_follows),
      TEST(first_packet_near_wrap_next_before_and_after),
      TEST(reordered_over_wrap_gets_previous_roc), TEST(roc_zero_has_no_predecessor),
      TEST(half_way_decides_as_appendix_a), TEST(roc_jump_by_init_forgets_window),
      TEST(last_roc_ends_with_index_end), TEST(window_edges_late_and_too_old),
      TEST(window_shifts_of_every_width_keep_what_is_inside), TEST(explicit_index_starts_at_zero),
      TEST(random_walk_agrees_with_model), TEST(near_packets_do_not_change_guesses),
      TEST(near_needs_a_packet_and_nearness))
