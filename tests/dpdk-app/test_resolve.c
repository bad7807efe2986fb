#include "tests/suite.h"

#include "dpdk-app/parse.h"
#include "dpdk-app/resolve.h"
#include "dpdk-app/wire.h"
#include "link/link_stats.h"
#include "tests/dpdk-app/rig.h"

static struct rig rig;
static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, far_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t us6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
static const uint8_t far6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 9};

static int setup(void)
{
    return rig_start(&rig, 1);
}

static int teardown(void)
{
    rig_stop(&rig);
    return rig.buffers;
}

static unsigned arp(uint8_t *frame, unsigned operation, const uint8_t sender[4],
                    const uint8_t target[4])
{
    static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 0};

    memset(frame, 0xff, 6);
    memcpy(frame + 6, far_mac, 6);
    wire_put16(frame + 12, ETHERTYPE_ARP);
    memcpy(frame + 14, head, 8);
    wire_put16(frame + 20, operation);
    memcpy(frame + 22, far_mac, 6);
    memcpy(frame + 28, sender, 4);
    memset(frame + 32, 0, 6);
    memcpy(frame + 38, target, 4);
    return 42;
}

static void arp_request_for_us_is_answered(void)
{
    uint8_t frame[64];
    const uint8_t *reply = rig.sent[0];

    rig.sent_n = 0;
    rig_frame(&rig, 0, frame,
              arp(frame, 1, (const uint8_t[]){192, 0, 2, 10}, (const uint8_t[]){192, 0, 2, 1}));
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig.sent_length[0], 42);
    CU_ASSERT_EQUAL(memcmp(reply, far_mac, 6), 0);
    CU_ASSERT_EQUAL(memcmp(reply + 6, our_mac, 6), 0);
    CU_ASSERT_EQUAL(wire_get16(reply + 20), 2);
    CU_ASSERT_EQUAL(memcmp(reply + 22, our_mac, 6), 0);
    CU_ASSERT_EQUAL(memcmp(reply + 28, (const uint8_t[]){192, 0, 2, 1}, 4), 0);
    CU_ASSERT_EQUAL(memcmp(reply + 38, (const uint8_t[]){192, 0, 2, 10}, 4), 0);
}

static void arp_for_others_and_short_ones_are_not(void)
{
    uint8_t frame[64];

    rig.sent_n = 0;
    arp(frame, 1, (const uint8_t[]){192, 0, 2, 10}, (const uint8_t[]){192, 0, 2, 2});
    rig_frame(&rig, 0, frame, 42);
    arp(frame, 1, (const uint8_t[]){192, 0, 2, 10}, (const uint8_t[]){192, 0, 2, 1});
    for (unsigned n = 14; n < 42; n++)
        rig_frame(&rig, 0, frame, n);
    frame[16] = 9; /* not IPv4 */
    rig_frame(&rig, 0, frame, 42);
    CU_ASSERT_EQUAL(rig.sent_n, 0);
}

static void answers_count_only_for_addresses_that_we_asked(void)
{
    uint8_t frame[64], ip[16] = {192, 0, 2, 50}, mac[6];
    uint32_t version;
    int hop;

    arp(frame, 2, (const uint8_t[]){192, 0, 2, 51}, (const uint8_t[]){192, 0, 2, 1});
    rig_frame(&rig, 0, frame, 42);
    for (unsigned i = 0; i < NEIGHBOURS; i++)
        CU_ASSERT_NOT_EQUAL(rig.plane.neighbours.entry[i].state, NEIGHBOUR_KNOWN);
    hop = neighbour_hold(&rig.plane.neighbours, 0, ip, rig.now);
    CU_ASSERT_FALSE(neighbour_mac(&rig.plane.neighbours, hop, mac, &version));
    arp(frame, 2, (const uint8_t[]){192, 0, 2, 50}, (const uint8_t[]){192, 0, 2, 1});
    rig_frame(&rig, 0, frame, 42);
    CU_ASSERT_TRUE(neighbour_mac(&rig.plane.neighbours, hop, mac, &version));
    CU_ASSERT_EQUAL(memcmp(mac, far_mac, 6), 0);
    neighbour_release(&rig.plane.neighbours, hop);
}

static void neighbours_are_asked_once_a_second_and_again_when_old(void)
{
    struct neighbours *table = &rig.plane.neighbours;
    uint8_t ip[16] = {192, 0, 2, 60}, mac[6];
    uint32_t version;
    int hop = neighbour_hold(table, 0, ip, 1000);

    CU_ASSERT_TRUE(neighbour_take_turn(table, hop, 1000));
    CU_ASSERT_FALSE(neighbour_take_turn(table, hop, 1999));
    CU_ASSERT_TRUE(neighbour_take_turn(table, hop, 2000));
    neighbour_learn(table, 0, ip, far_mac, 2001);
    CU_ASSERT_FALSE(neighbour_take_turn(table, hop, 2001 + NEIGHBOUR_CONFIRM_MS - 1));
    /* It falls silent: known until the last probe has gone unanswered. */
    for (unsigned i = 0; i < NEIGHBOUR_PROBES; i++) {
        CU_ASSERT_TRUE(neighbour_take_turn(table, hop, 40000 + 1000 * i));
        CU_ASSERT_TRUE(neighbour_mac(table, hop, mac, &version));
    }
    CU_ASSERT_TRUE(neighbour_take_turn(table, hop, 44000));
    CU_ASSERT_FALSE(neighbour_mac(table, hop, mac, &version));
    neighbour_release(table, hop);
}

static void full_table_gives_up_unused_entries_only(void)
{
    struct neighbours *table = &rig.plane.neighbours;
    uint8_t ip[16] = {10};
    int hop[NEIGHBOURS + 1], n = 0;

    for (unsigned i = 0; i <= NEIGHBOURS; i++) {
        wire_put16(ip + 2, i);
        hop[i] = neighbour_hold(table, 0, ip, 1000 + i);
        n += hop[i] >= 0;
    }
    CU_ASSERT_EQUAL(n, NEIGHBOURS);
    CU_ASSERT_EQUAL(hop[NEIGHBOURS], -1);
    for (unsigned i = 0; i < NEIGHBOURS; i++)
        neighbour_release(table, hop[i]);
    hop[0] = neighbour_hold(table, 0, ip, 9000);
    CU_ASSERT_TRUE(hop[0] >= 0);
    neighbour_release(table, hop[0]);
    neighbour_init(table);
}

static void echo_is_answered_with_right_checksums(void)
{
    uint8_t frame[128];
    uint8_t *ip = frame + 14, *icmp = ip + 20;
    uint16_t check;

    memset(frame, 0, sizeof(frame));
    memcpy(frame, our_mac, 6);
    memcpy(frame + 6, far_mac, 6);
    wire_put16(frame + 12, ETHERTYPE_IP4);
    ip[0] = 0x45;
    wire_put16(ip + 2, 20 + 40);
    ip[8] = 3;
    ip[9] = PROTO_ICMP;
    memcpy(ip + 12, (const uint8_t[]){192, 0, 2, 10, 192, 0, 2, 1}, 8);
    check = wire_fold(wire_sum(ip, 20, 0));
    memcpy(ip + 10, &check, 2);
    icmp[0] = 8;
    memset(icmp + 8, 0xab, 32);
    check = wire_fold(wire_sum(icmp, 40, 0));
    memcpy(icmp + 2, &check, 2);
    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, 74);
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(memcmp(rig.sent[0], far_mac, 6), 0);
    CU_ASSERT_EQUAL(wire_fold(wire_sum(rig.sent[0] + 14, 20, 0)), 0);
    CU_ASSERT_EQUAL(wire_fold(wire_sum(rig.sent[0] + 34, 40, 0)), 0);
    CU_ASSERT_EQUAL(rig.sent[0][34], 0);
    CU_ASSERT_EQUAL(memcmp(rig.sent[0] + 42, icmp + 8, 32), 0);
    icmp[9] ^= 1;
    rig_frame(&rig, 0, frame, 74);
    CU_ASSERT_EQUAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 0, LINK_COUNTER_l4_checksum), 1);
}

/* An ICMPv6 frame with `n` bytes of message at frame + 54; sets lengths and checksum. */
static unsigned icmp6(uint8_t *frame, unsigned n, unsigned hops, const uint8_t to[16])
{
    uint8_t *ip = frame + 14;
    uint16_t check;

    memcpy(frame, our_mac, 6);
    if (to[0] == 0xff)
        memcpy(frame, (const uint8_t[]){0x33, 0x33, 0xff, 0, 0, 1}, 6);
    memcpy(frame + 6, far_mac, 6);
    wire_put16(frame + 12, ETHERTYPE_IP6);
    wire_put32(ip, 0x60000000);
    wire_put16(ip + 4, n);
    ip[6] = PROTO_ICMP6;
    ip[7] = (uint8_t)hops;
    memcpy(ip + 8, far6, 16);
    memcpy(ip + 24, to, 16);
    memset(ip + 42, 0, 2);
    check = wire_fold(wire_sum(ip + 40, n, wire_pseudo(ip + 8, 32, PROTO_ICMP6, n)));
    memcpy(ip + 42, &check, 2);
    return 54 + n;
}

static unsigned solicit(uint8_t *frame, unsigned hops, unsigned option_length)
{
    static const uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff, [15] = 1};

    memset(frame, 0, 128);
    frame[54] = 135;
    memcpy(frame + 62, us6, 16);
    frame[78] = 1;
    frame[79] = (uint8_t)option_length;
    memcpy(frame + 80, far_mac, 6);
    return icmp6(frame, 32, hops, group);
}

static void solicitation_is_answered(void)
{
    uint8_t frame[128];
    const uint8_t *ip = rig.sent[0] + 14;

    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, solicit(frame, 255, 1));
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig.sent_length[0], 86);
    CU_ASSERT_EQUAL(ip[7], 255);
    CU_ASSERT_EQUAL(ip[40], 136);
    CU_ASSERT_EQUAL(memcmp(ip + 24, far6, 16), 0);
    CU_ASSERT_EQUAL(memcmp(ip + 48, us6, 16), 0);
    CU_ASSERT_EQUAL(memcmp(ip + 66, our_mac, 6), 0);
    CU_ASSERT_EQUAL(wire_fold(wire_sum(ip + 40, 32, wire_pseudo(ip + 8, 32, PROTO_ICMP6, 32))), 0);
}

static void solicitation_from_off_link_is_ignored(void)
{
    uint8_t frame[128];

    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, solicit(frame, 64, 1));
    CU_ASSERT_EQUAL(rig.sent_n, 0);
    rig_frame(&rig, 0, frame, solicit(frame, 255, 0)); /* an option that would never end */
    CU_ASSERT_EQUAL(rig.sent_n, 1);
}

static void echo6_is_answered(void)
{
    uint8_t frame[128];

    memset(frame, 0x77, sizeof(frame));
    frame[54] = 128;
    frame[55] = 0;
    rig.sent_n = 0;
    rig_frame(&rig, 0, frame, icmp6(frame, 40, 64, us6));
    CU_ASSERT_EQUAL_FATAL(rig.sent_n, 1);
    CU_ASSERT_EQUAL(rig.sent[0][54], 129);
    CU_ASSERT_EQUAL(memcmp(rig.sent[0] + 58, frame + 58, 36), 0);
}

static void announcements_name_each_address(void)
{
    rig.sent_n = 0;
    worker_announce(rig.worker[0]);
    CU_ASSERT_EQUAL(rig.sent_n, 2);
    CU_ASSERT_EQUAL(memcmp(rig.sent[0] + 28, rig.sent[0] + 38, 4), 0);
    CU_ASSERT_EQUAL(rig.sent[1][54], 136);
}

static void next_hop_is_the_neighbour_on_link_else_the_gateway(void)
{
    struct local local = {.family = 4,
                          .prefix_bits = 22,
                          .has_gateway = true,
                          .ip = {10, 1, 4, 1},
                          .gateway = {10, 1, 7, 254}};
    struct local six = {.family = 6, .prefix_bits = 64, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 1}};
    uint8_t next[16], link_local[16] = {0xfe, 0x80, [15] = 5};
    static const struct {
        uint8_t ip[16];
        bool direct;
    } row[] = {{{10, 1, 4, 0}, true},
               {{10, 1, 7, 255}, true},
               {{10, 1, 8, 0}, false},
               {{10, 1, 3, 255}, false}};

    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_TRUE(local_next_hop(&local, row[i].ip, next));
        CU_ASSERT_EQUAL(memcmp(next, row[i].direct ? row[i].ip : local.gateway, 16), 0);
    }
    local.has_gateway = false;
    CU_ASSERT_FALSE(local_next_hop(&local, row[2].ip, next));
    CU_ASSERT_TRUE(local_next_hop(&six, far6, next));
    CU_ASSERT_TRUE(local_next_hop(&six, link_local, next));
    CU_ASSERT_EQUAL(memcmp(next, link_local, 16), 0);
    six.prefix_bits = 128;
    CU_ASSERT_FALSE(local_next_hop(&six, far6, next));
}

SUITE_SETUP("dpdk-app/resolve", setup, teardown, TEST(arp_request_for_us_is_answered),
            TEST(arp_for_others_and_short_ones_are_not),
            TEST(answers_count_only_for_addresses_that_we_asked),
            TEST(neighbours_are_asked_once_a_second_and_again_when_old),
            TEST(full_table_gives_up_unused_entries_only),
            TEST(echo_is_answered_with_right_checksums), TEST(solicitation_is_answered),
            TEST(solicitation_from_off_link_is_ignored), TEST(echo6_is_answered),
            TEST(announcements_name_each_address),
            TEST(next_hop_is_the_neighbour_on_link_else_the_gateway))
