#include "tests/suite.h"

#include <stdlib.h>

#include "dpdk-app/parse.h"
#include "dpdk-app/wire.h"
#include "link/link_stats.h"
#include "tests/dpdk-app/rig.h"

static struct locals locals;
static const struct link_addr far4 = {.family = 4, .port = 4000, .ip = {192, 0, 2, 10}};
static const struct link_addr us4 = {.family = 4, .port = 20000, .ip = {192, 0, 2, 1}};
static const struct link_addr far6 = {
    .family = 6, .port = 4000, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 9}};
static const struct link_addr us6 = {
    .family = 6, .port = 20000, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 1}};
static uint8_t frame[RIG_FRAME];
static unsigned length;

static int setup(void)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

    locals.count = 2;
    locals.devices = 1;
    memcpy(locals.device[0].mac, mac, 6);
    locals.local[0].family = 4;
    memcpy(locals.local[0].ip, us4.ip, 16);
    locals.local[1].family = 6;
    memcpy(locals.local[1].ip, us6.ip, 16);
    return 0;
}

/* Parse a copy of exactly `n` bytes on the heap, so that the sanitizer sees each byte too many. */
static int parse_n(unsigned n, struct packet *p)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    int result;

    memcpy(copy, frame, n);
    *p = (struct packet){.data = copy, .length = (uint16_t)n};
    result = parse_frame(&locals, p);
    if (result == PARSE_UDP)
        CU_ASSERT_TRUE(p->data >= copy && p->data + p->length <= copy + n);
    free(copy);
    return result;
}

static int parse(struct packet *p)
{
    return parse_n(length, p);
}

static void good4(void)
{
    length = rig_udp_from(frame, &far4, &us4, "payload", 7);
}

static void good6(void)
{
    length = rig_udp_from(frame, &far6, &us6, "payload", 7);
}

/* The IPv4 header's checksum again, after a change. */
static void fix_ip(void)
{
    uint8_t *ip = frame + ETH_SIZE;
    uint16_t check;

    memset(ip + 10, 0, 2);
    check = wire_fold(wire_sum(ip, (ip[0] & 15u) * 4u, 0));
    memcpy(ip + 10, &check, 2);
}

static void udp_over_ip4_is_taken(void)
{
    struct packet p;

    good4();
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    CU_ASSERT_EQUAL(p.length, 7);
    CU_ASSERT_EQUAL(p.source_port, 4000);
    CU_ASSERT_EQUAL(p.dest_port, 20000);
    CU_ASSERT_EQUAL(p.family, 4);
    CU_ASSERT_EQUAL(p.local, 0);
    CU_ASSERT_EQUAL(memcmp(p.source_ip, far4.ip, 16), 0);
}

static void udp_over_ip6_is_taken(void)
{
    struct packet p;

    good6();
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    CU_ASSERT_EQUAL(p.length, 7);
    CU_ASSERT_EQUAL(p.local, 1);
    CU_ASSERT_EQUAL(memcmp(p.source_ip, far6.ip, 16), 0);
}

static void ethernet_padding_is_cut(void)
{
    struct packet p;

    good4();
    memset(frame + length, 0xee, 11);
    length += 11;
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    CU_ASSERT_EQUAL(p.length, 7);
}

static void truncated_at_every_byte_is_refused(void)
{
    struct packet p;

    good4();
    for (unsigned n = 0; n < length; n++)
        CU_ASSERT_TRUE(parse_n(n, &p) >= 0);
    good6();
    for (unsigned n = 0; n < length; n++)
        CU_ASSERT_TRUE(parse_n(n, &p) >= 0);
}

static void every_flipped_bit_is_refused_or_harmless(void)
{
    struct packet p;

    for (int family = 4; family <= 6; family += 2) {
        unsigned bits, passed = 0;

        family == 4 ? good4() : good6();
        bits = length * 8;
        for (unsigned bit = ETH_SIZE * 8; bit < bits; bit++) {
            frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
            passed += parse(&p) == PARSE_UDP;
            frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        /* Traffic class, flow label and hop limit of IPv6 are covered by no checksum. */
        CU_ASSERT_EQUAL(passed, family == 4 ? 0 : 8 + 20 + 8);
    }
}

static void fragments_are_refused(void)
{
    struct packet p;

    good4();
    frame[ETH_SIZE + 6] = 0x20; /* more fragments */
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_fragment);
    frame[ETH_SIZE + 6] = 0;
    frame[ETH_SIZE + 7] = 1; /* offset */
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_fragment);
    good6();
    frame[ETH_SIZE + 6] = 44;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_fragment);
}

static void options_are_refused(void)
{
    struct packet p;

    good4();
    memmove(frame + ETH_SIZE + 24, frame + ETH_SIZE + 20, length - ETH_SIZE - 20);
    memset(frame + ETH_SIZE + 20, 1, 4); /* no-operation options */
    length += 4;
    frame[ETH_SIZE] = 0x46;
    wire_put16(frame + ETH_SIZE + 2, length - ETH_SIZE);
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_options);
    good6();
    frame[ETH_SIZE + 6] = 0; /* hop-by-hop */
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_options);
}

static void wrong_checksums_are_refused(void)
{
    struct packet p;

    good4();
    frame[ETH_SIZE + 10] ^= 1;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_checksum);
    good4();
    frame[length - 1] ^= 1;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_udp_checksum);
    good6();
    frame[length - 1] ^= 1;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_udp_checksum);
}

static void missing_udp_checksum_passes_on_ip4_alone(void)
{
    struct packet p;

    good4();
    memset(frame + ETH_SIZE + IP4_SIZE + 6, 0, 2);
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    good6();
    memset(frame + ETH_SIZE + IP6_SIZE + 6, 0, 2);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_udp_checksum);
}

static void lengths_that_lie_are_refused(void)
{
    struct packet p;

    good4();
    wire_put16(frame + ETH_SIZE + IP4_SIZE + 4, 7);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_udp_malformed);
    wire_put16(frame + ETH_SIZE + IP4_SIZE + 4, 16);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_udp_malformed);
    good4();
    wire_put16(frame + ETH_SIZE + 2, length - ETH_SIZE + 1);
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_malformed);
    wire_put16(frame + ETH_SIZE + 2, 19);
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_malformed);
    good4();
    frame[ETH_SIZE] = 0x44; /* header of 16 bytes */
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_malformed);
    good6();
    wire_put16(frame + ETH_SIZE + 4, 65535);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_malformed);
}

static void foreign_frames_are_refused(void)
{
    struct packet p;

    good4();
    frame[5] = 9;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_eth_foreign);
    good4();
    frame[ETH_SIZE + 19] = 77;
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_foreign);
    good4();
    wire_put16(frame + 12, 0x88cc);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_eth_type);
    good4();
    frame[ETH_SIZE + 9] = 6; /* TCP */
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_protocol);
}

static void vlan_0_is_stripped_others_refused(void)
{
    struct packet p;

    good4();
    memmove(frame + 16, frame + 12, length - 12);
    wire_put16(frame + 12, ETHERTYPE_VLAN);
    wire_put16(frame + 14, 0xa000); /* priority 5 */
    length += 4;
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    CU_ASSERT_EQUAL(p.length, 7);
    wire_put16(frame + 14, 0xa007);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_vlan_tagged);
    wire_put16(frame + 12, ETHERTYPE_QINQ);
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_vlan_tagged);
    wire_put16(frame + 12, ETHERTYPE_VLAN);
    wire_put16(frame + 14, 0);
    wire_put16(frame + 16, ETHERTYPE_VLAN); /* a tag behind the priority */
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_vlan_tagged);
    length = ETH_SIZE + 1;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_eth_truncated);
}

/* A device that cuts jumbo frames leaves a header that promises more than came. */
static void frames_that_were_cut_are_jumbo(void)
{
    struct packet p;

    good4();
    wire_put16(frame + ETH_SIZE + 2, 3000);
    fix_ip();
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_ip_malformed); /* that one lies */
    length = ETH_SIZE + 1510;
    CU_ASSERT_EQUAL(parse(&p), LINK_COUNTER_frame_jumbo);
}

/* RFC 1071 as it is written: 16 bits at a time. */
static uint16_t plain_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void sums_of_any_length_and_place_are_right(void)
{
    static const uint8_t fill[] = {0xff, 0x00, 0xa5};

    for (unsigned f = 0; f < 3; f++)
        for (unsigned n = 0; n < 300; n++) {
            uint8_t *data = malloc(n + 1), bytes[2];
            uint16_t sum;

            /* At an odd address, and up to the block's last byte: the sanitizer watches. */
            memset(data, fill[f], n + 1);
            for (unsigned i = 0; f == 2 && i < n; i++)
                data[1 + i] = (uint8_t)(i * 37 + n);
            sum = wire_fold(wire_sum(data + 1, n, 0));
            memcpy(bytes, &sum, 2);
            CU_ASSERT_EQUAL(bytes[0] << 8 | bytes[1], plain_sum(data + 1, n));
            free(data);
        }
}

static void replaced_word_gives_the_sum_of_the_new_data(void)
{
    uint8_t data[6] = {0x80, 0x08, 0xff, 0xff, 0x12, 0x34};
    uint32_t sum = (uint32_t)wire_sum(data, 6, 0);

    for (unsigned type = 0; type < 256; type++) {
        uint16_t before, after;

        memcpy(&before, data, 2);
        data[1] = (uint8_t)type;
        memcpy(&after, data, 2);
        sum = wire_replace(sum, before, after);
        CU_ASSERT_EQUAL(wire_fold(sum), wire_fold(wire_sum(data, 6, 0)));
    }
    CU_ASSERT_EQUAL(wire_fold(wire_replace(0xffffffffu, 0, 0xffff)),
                    wire_fold((uint64_t)0xffffffffu + 0xffff));
}

static void sum_stays_with_the_payload(void)
{
    struct packet p;

    good4();
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    CU_ASSERT_TRUE(p.summed);
    CU_ASSERT_EQUAL(wire_fold(p.sum), wire_fold(wire_sum("payload", 7, 0)));
    wire_put16(frame + 40, 0); /* none: nobody has summed it up */
    CU_ASSERT_EQUAL(parse(&p), PARSE_UDP);
    CU_ASSERT_FALSE(p.summed);
}

SUITE_SETUP("dpdk-app/parse", setup, NULL, TEST(udp_over_ip4_is_taken), TEST(udp_over_ip6_is_taken),
            TEST(ethernet_padding_is_cut), TEST(truncated_at_every_byte_is_refused),
            TEST(every_flipped_bit_is_refused_or_harmless), TEST(fragments_are_refused),
            TEST(options_are_refused), TEST(wrong_checksums_are_refused),
            TEST(missing_udp_checksum_passes_on_ip4_alone), TEST(lengths_that_lie_are_refused),
            TEST(foreign_frames_are_refused), TEST(vlan_0_is_stripped_others_refused),
            TEST(frames_that_were_cut_are_jumbo), TEST(sums_of_any_length_and_place_are_right),
            TEST(replaced_word_gives_the_sum_of_the_new_data), TEST(sum_stays_with_the_payload))
