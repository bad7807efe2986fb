#include "base/text_line.h"

#include <string.h>

#include "tests/suite.h"

static void puts_follow_each_other(void)
{
    const uint8_t ip[4] = {192, 0, 2, 1};
    const struct addr at = addr_from_ip4(ip, 1720), none = {0};
    struct text_line l;
    char text[64];

    text_line_init(&l, text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, "");
    text_line_put(&l, "setup %d", 7);
    text_line_put_addr(&l, "h245", &at);
    text_line_put_addr(&l, "none", &none);
    CU_ASSERT_STRING_EQUAL(text, "setup 7 h245=192.0.2.1:1720");
    CU_ASSERT_EQUAL(l.at, strlen(text));
}

static void what_does_not_fit_is_cut_off(void)
{
    for (size_t cap = 0; cap <= 8; cap++) {
        char text[10];
        struct text_line l;

        memset(text, '#', sizeof(text));
        text_line_init(&l, text, cap);
        text_line_put(&l, "abc");
        text_line_put(&l, "%s", "defghi");
        text_line_put(&l, "j");
        if (cap > 0) {
            CU_ASSERT_EQUAL(strlen(text), cap - 1);
            CU_ASSERT_EQUAL(memcmp(text, "abcdefghi", cap - 1), 0);
            CU_ASSERT_EQUAL(l.at, cap - 1);
        }
        CU_ASSERT_EQUAL(text[cap], '#');
    }
}

SUITE("base/text_line", TEST(puts_follow_each_other), TEST(what_does_not_fit_is_cut_off))
