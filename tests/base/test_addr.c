#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/err.h"
#include "tests/suite.h"

static void check_round_trip(const char *text, const char *expected)
{
    struct addr a, b;
    char buf[ADDR_TEXT_MAX];
    CU_ASSERT_EQUAL_FATAL(addr_parse(text, &a), 0);
    CU_ASSERT_STRING_EQUAL(addr_format(&a, buf), expected);
    CU_ASSERT_EQUAL_FATAL(addr_parse(buf, &b), 0);
    CU_ASSERT(addr_is_equal(&a, &b));
    CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
}

static void parse_good_text_formats_back(void)
{
    check_round_trip("198.18.0.1:1720", "198.18.0.1:1720");
    check_round_trip("198.18.0.1", "198.18.0.1");
    check_round_trip("[2001:db8::1]:1720", "[2001:db8::1]:1720");
    check_round_trip("2001:db8::1", "2001:db8::1");
    check_round_trip("[2001:0DB8:0::1]", "2001:db8::1");
    check_round_trip("[fe80::1%3]:65535", "[fe80::1%3]:65535");
    check_round_trip("::", "::");
    check_round_trip("0.0.0.0:1", "0.0.0.0:1");
    check_round_trip("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    check_round_trip("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
                     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

static void parse_bad_text_is_refused_and_leaves_result(void)
{
    static const char *const bad[] = {
        "",
        ":",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:65536",
        "1.2.3.4:-1",
        "1.2.3.4: 1",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4:1:2",
        "[1.2.3.4]:5",
        "[::1",
        "[::1]5",
        "[::1]:",
        "[]:1",
        "::1%",
        "::1%eth0",
        "::1%4294967296",
        "1.2.3.4%1",
        "256.1.1.1",
        "example.net",
        "1.2.3.4:00000000001",
        "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct addr a = {.family = 99};
        CU_ASSERT_EQUAL(addr_parse(bad[i], &a), ERR_MALFORMED);
        CU_ASSERT_EQUAL(a.family, 99);
    }
}

static void equality_heeds_port_and_scope(void)
{
    struct addr a, b;
    addr_parse("[fe80::1%1]:5000", &a);
    addr_parse("[fe80::1%1]:5001", &b);
    CU_ASSERT(!addr_is_equal(&a, &b));
    CU_ASSERT(addr_is_same_ip(&a, &b));
    b = addr_with_port(b, 5000);
    CU_ASSERT(addr_is_equal(&a, &b));
    b.scope = 2;
    CU_ASSERT(!addr_is_same_ip(&a, &b));
    CU_ASSERT(addr_compare(&a, &b) < 0);
    CU_ASSERT_NOT_EQUAL(addr_hash(&a, 1), addr_hash(&b, 1));
}

static void order_is_total_over_families(void)
{
    static const char *const sorted[] = {"1.2.3.4:1", "1.2.3.4:2", "1.2.3.5:1", "::1", "::2"};
    struct addr a, b;
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            addr_parse(sorted[i], &a);
            addr_parse(sorted[j], &b);
            int order = addr_compare(&a, &b);
            CU_ASSERT_EQUAL((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

static void hash_depends_on_every_part(void)
{
    struct addr a = addr_from_ip4((const uint8_t[]){10, 0, 0, 1}, 1000);
    uint64_t h = addr_hash(&a, 7);
    CU_ASSERT_EQUAL(addr_hash(&a, 7), h);
    CU_ASSERT_NOT_EQUAL(addr_hash(&a, 8), h);
    for (size_t bit = 0; bit < 32; bit++) {
        struct addr b = a;
        b.ip[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_NOT_EQUAL(addr_hash(&b, 7), h);
    }
    struct addr c = addr_with_port(a, 1001);
    CU_ASSERT_NOT_EQUAL(addr_hash(&c, 7), h);
}

static void sockaddr_round_trip_keeps_all(void)
{
    static const char *const texts[] = {"198.18.0.1:1720", "[fe80::1%7]:1720", "[2001:db8::1]:9"};
    for (size_t i = 0; i < 3; i++) {
        struct addr a, b;
        struct sockaddr_storage ss;
        addr_parse(texts[i], &a);
        socklen_t len = addr_to_sockaddr(&a, &ss);
        CU_ASSERT_EQUAL(len, a.family == ADDR_IP4 ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6));
        CU_ASSERT_EQUAL(addr_from_sockaddr((struct sockaddr *)&ss, len, &b), 0);
        CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
        CU_ASSERT_EQUAL(addr_from_sockaddr((struct sockaddr *)&ss, len - 1, &b), ERR_INVAL);
    }
    struct addr none = {0};
    struct sockaddr_storage ss;
    CU_ASSERT_EQUAL(addr_to_sockaddr(&none, &ss), 0);
}

static void sockaddr_mapped_becomes_ip4(void)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(5)};
    struct addr a;
    char buf[ADDR_TEXT_MAX];
    inet_pton(AF_INET6, "::ffff:192.0.2.9", &in.sin6_addr);
    CU_ASSERT_EQUAL(addr_from_sockaddr((struct sockaddr *)&in, sizeof(in), &a), 0);
    CU_ASSERT_STRING_EQUAL(addr_format(&a, buf), "192.0.2.9:5");
}

static void sockaddr_foreign_family_is_unsupported(void)
{
    struct sockaddr_storage ss = {.ss_family = AF_UNIX};
    struct addr a;
    CU_ASSERT_EQUAL(addr_from_sockaddr((struct sockaddr *)&ss, sizeof(ss), &a), ERR_UNSUPPORTED);
}

static void prefix_holds_what_it_should(void)
{
    struct addr_prefix p;
    struct addr a;
    CU_ASSERT_EQUAL_FATAL(addr_parse_prefix("198.18.3.9/23", &p), 0);
    addr_parse("198.18.2.0", &a);
    CU_ASSERT(addr_is_in_prefix(&a, &p));
    addr_parse("198.18.4.0", &a);
    CU_ASSERT(!addr_is_in_prefix(&a, &p));
    addr_parse("2001:db8::1", &a);
    CU_ASSERT(!addr_is_in_prefix(&a, &p));
    CU_ASSERT_EQUAL_FATAL(addr_parse_prefix("2001:db8::/32", &p), 0);
    CU_ASSERT(addr_is_in_prefix(&a, &p));
    CU_ASSERT_EQUAL_FATAL(addr_parse_prefix("0.0.0.0/0", &p), 0);
    addr_parse("255.1.2.3", &a);
    CU_ASSERT(addr_is_in_prefix(&a, &p));
    CU_ASSERT_EQUAL_FATAL(addr_parse_prefix("255.1.2.3", &p), 0);
    CU_ASSERT_EQUAL(p.bits, 32);
    CU_ASSERT(addr_is_in_prefix(&a, &p));
    CU_ASSERT_EQUAL(addr_parse_prefix("1.2.3.4/33", &p), ERR_RANGE);
    CU_ASSERT_EQUAL(addr_parse_prefix("::/129", &p), ERR_RANGE);
    CU_ASSERT_EQUAL(addr_parse_prefix("1.2.3.4/", &p), ERR_MALFORMED);
    CU_ASSERT_EQUAL(addr_parse_prefix("1.2.3.4:5/8", &p), ERR_MALFORMED);
}

static void kinds_of_addresses_are_told_apart(void)
{
    struct addr a;
    addr_parse("127.9.9.9", &a);
    CU_ASSERT(addr_is_loopback(&a));
    addr_parse("::1", &a);
    CU_ASSERT(addr_is_loopback(&a));
    CU_ASSERT(!addr_is_unspecified(&a));
    addr_parse("239.1.1.1", &a);
    CU_ASSERT(addr_is_multicast(&a));
    addr_parse("ff02::1", &a);
    CU_ASSERT(addr_is_multicast(&a));
    addr_parse("[::]:5", &a);
    CU_ASSERT(addr_is_unspecified(&a));
    CU_ASSERT(!addr_is_multicast(&a) && !addr_is_loopback(&a));
    char buf[ADDR_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(addr_format(&(struct addr){0}, buf), "none");
}

SUITE("base/addr", TEST(parse_good_text_formats_back),
      TEST(parse_bad_text_is_refused_and_leaves_result), TEST(equality_heeds_port_and_scope),
      TEST(order_is_total_over_families), TEST(hash_depends_on_every_part),
      TEST(sockaddr_round_trip_keeps_all), TEST(sockaddr_mapped_becomes_ip4),
      TEST(sockaddr_foreign_family_is_unsupported), TEST(prefix_holds_what_it_should),
      TEST(kinds_of_addresses_are_told_apart))
