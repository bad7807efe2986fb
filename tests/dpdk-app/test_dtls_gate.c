/* How many DTLS datagrams go up (H-RACE, H-COOKIE): floods of one kind leave the others their room.
 */
#include <string.h>

#include "dpdk-app/dtls_gate.h"
#include "tests/suite.h"

#define NOW 100000u

static struct dtls_gate gate, other;
static struct dtls_gate_all all;

static void fresh(void)
{
    memset(&gate, 0, sizeof(gate));
    memset(&other, 0, sizeof(other));
    memset(&all, 0, sizeof(all));
}

static unsigned admitted(struct dtls_gate *g, uint64_t now, enum dtls_kind kind, unsigned asked)
{
    unsigned n = 0;

    for (unsigned i = 0; i < asked; i++)
        n += dtls_gate_admit(g, &all, now, kind);
    return n;
}

static void kind_of_every_length_is_told_within_bounds(void)
{
    uint8_t hello[80] = {22};

    hello[13] = 1;
    hello[59] = 0; /* no session id */
    for (size_t len = 0; len <= 13; len++)
        CU_ASSERT_EQUAL(dtls_gate_kind(hello, len), DTLS_KIND_OTHER);
    for (size_t len = 14; len <= sizeof(hello); len++)
        CU_ASSERT_EQUAL(dtls_gate_kind(hello, len), DTLS_KIND_HELLO);
    hello[60] = 20;
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, 60), DTLS_KIND_HELLO);
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, 61), DTLS_KIND_COOKIE);
    hello[59] = 8; /* the cookie's length stands behind the session id */
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, sizeof(hello)), DTLS_KIND_HELLO);
    hello[68] = 1;
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, sizeof(hello)), DTLS_KIND_COOKIE);
    hello[59] = 255; /* points behind the datagram */
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, sizeof(hello)), DTLS_KIND_HELLO);
    hello[13] = 16;
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, sizeof(hello)), DTLS_KIND_OTHER);
    hello[0] = 21;
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, sizeof(hello)), DTLS_KIND_OTHER);
    hello[0] = 23;
    CU_ASSERT_EQUAL(dtls_gate_kind(hello, 1), DTLS_KIND_DATA);
}

static void flood_of_one_kind_leaves_the_others_alone(void)
{
    for (int flooded = 0; flooded < DTLS_KINDS; flooded++) {
        fresh();
        CU_ASSERT(admitted(&gate, NOW, (enum dtls_kind)flooded, 50000) < 50000);
        for (int kind = 0; kind < DTLS_KINDS; kind++)
            CU_ASSERT_EQUAL(dtls_gate_admit(&gate, &all, NOW, (enum dtls_kind)kind),
                            kind != flooded);
    }
}

static void span_ends_and_room_is_there_again(void)
{
    fresh();
    CU_ASSERT_EQUAL(admitted(&gate, NOW, DTLS_KIND_OTHER, 1000), DTLS_GATE_REMOTE);
    CU_ASSERT_EQUAL(admitted(&gate, NOW + DTLS_GATE_MS - 1, DTLS_KIND_OTHER, 10), 0);
    CU_ASSERT_EQUAL(admitted(&gate, NOW + DTLS_GATE_MS, DTLS_KIND_OTHER, 1000), DTLS_GATE_REMOTE);
    CU_ASSERT_EQUAL(admitted(&gate, NOW, DTLS_KIND_STRANGER, 1000), DTLS_GATE_STRANGER);
    CU_ASSERT_EQUAL(admitted(&gate, NOW + 900, DTLS_KIND_STRANGER, 1000), 0);
    CU_ASSERT_EQUAL(admitted(&gate, NOW + 1000, DTLS_KIND_STRANGER, 1000), DTLS_GATE_STRANGER);
    CU_ASSERT_EQUAL(admitted(&gate, NOW, DTLS_KIND_DATA, 5000), DTLS_GATE_DATA);
}

/* H-COOKIE: the bound of all transports together is a share, not a wall. */
static void worker_full_of_hellos_gives_each_transport_a_few(void)
{
    struct dtls_gate flooded[DTLS_GATE_HELLOS / DTLS_GATE_REMOTE] = {0};

    fresh();
    for (size_t i = 0; i < sizeof(flooded) / sizeof(flooded[0]); i++)
        CU_ASSERT_EQUAL(admitted(&flooded[i], NOW, DTLS_KIND_HELLO, 10000), DTLS_GATE_REMOTE);
    CU_ASSERT_EQUAL(admitted(&flooded[0], NOW, DTLS_KIND_HELLO, 100), 0);
    CU_ASSERT_EQUAL(admitted(&gate, NOW, DTLS_KIND_HELLO, 100), DTLS_GATE_HELLOS_OWN);
    CU_ASSERT_EQUAL(admitted(&other, NOW, DTLS_KIND_HELLO, 1), 1);
    CU_ASSERT_EQUAL(admitted(&gate, NOW, DTLS_KIND_COOKIE, 1), 1);
    CU_ASSERT_EQUAL(admitted(&gate, NOW + DTLS_GATE_MS, DTLS_KIND_HELLO, 100), 100);
}

SUITE("dpdk-app/dtls_gate", TEST(kind_of_every_length_is_told_within_bounds),
      TEST(flood_of_one_kind_leaves_the_others_alone), TEST(span_ends_and_room_is_there_again),
      TEST(worker_full_of_hellos_gives_each_transport_a_few))
