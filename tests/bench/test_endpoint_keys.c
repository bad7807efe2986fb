/* Keys of the endpoint: when each begins and ends, and its packets octet by octet. */
#include "tests/suite.h"

#include "base/err.h"
#include "bench/endpoint/endpoint_keys.h"

/* Steps until no key is left; how many frames had an event, and the keys that began. */
static unsigned run(struct keys *k, char *began)
{
    struct keys_step s;
    unsigned events = 0;
    size_t n = 0;

    for (unsigned i = 0; i < 10000 && keys_step(k, &s); i++) {
        events += s.has_event;
        if (s.is_begin)
            began[n++] = s.key;
    }
    began[n] = '\0';
    return events;
}

static void a_key_is_told_as_rfc_4733_has_it(void)
{
    static const uint8_t packets[7][4] = {
        {11, 0x0a, 0, 160}, {11, 0x0a, 1, 64}, {11, 0x0a, 1, 224},
        {11, 0x0a, 2, 128}, {11, 0x8a, 3, 32}, /* 800 units: 100 ms; its end, three times */
        {11, 0x8a, 3, 32},  {11, 0x8a, 3, 32},
    };
    struct keys k = {0};
    struct keys_step s;

    CU_ASSERT_EQUAL(keys_press(&k, "#"), 0);
    for (unsigned i = 0; i < 7; i++) {
        CU_ASSERT_TRUE_FATAL(keys_step(&k, &s));
        CU_ASSERT_EQUAL(s.is_begin, i == 0);
        CU_ASSERT_TRUE(s.has_event);
        CU_ASSERT_EQUAL(s.since_frames, i); /* one timestamp for all */
        CU_ASSERT_EQUAL(memcmp(s.event, packets[i], 4), 0);
    }
    for (unsigned i = 0; i < 3; i++) { /* audio between two keys */
        CU_ASSERT_FALSE(keys_are_done(&k));
        CU_ASSERT_EQUAL(keys_waiting(&k), 0);
        CU_ASSERT_TRUE(keys_step(&k, &s));
        CU_ASSERT_FALSE(s.has_event);
    }
    CU_ASSERT_TRUE(keys_are_done(&k));
    CU_ASSERT_FALSE(keys_step(&k, &s));
}

static void keys_are_pressed_in_order_and_more_can_follow(void)
{
    struct keys k = {0};
    char began[KEYS_MAX + 1];

    CU_ASSERT_EQUAL(keys_press(&k, "12"), 0);
    CU_ASSERT_EQUAL(keys_press(&k, "*A"), 0);
    CU_ASSERT_EQUAL(keys_waiting(&k), 4);
    CU_ASSERT_EQUAL(run(&k, began), 4 * 7);
    CU_ASSERT_STRING_EQUAL(began, "12*A");
    CU_ASSERT_EQUAL(keys_press(&k, "0"), 0);
    CU_ASSERT_EQUAL(run(&k, began), 7);
    CU_ASSERT_STRING_EQUAL(began, "0");
}

static void what_is_no_key_is_refused(void)
{
    struct keys k = {0};
    char many[KEYS_MAX + 2];

    CU_ASSERT_EQUAL(keys_press(&k, ""), ERR_INVAL);
    CU_ASSERT_EQUAL(keys_press(&k, "12x"), ERR_INVAL);
    CU_ASSERT_TRUE(keys_are_done(&k)); /* nothing of it */
    memset(many, '5', sizeof(many));
    many[KEYS_MAX + 1] = '\0';
    CU_ASSERT_EQUAL(keys_press(&k, many), ERR_LIMIT);
    many[KEYS_MAX] = '\0';
    CU_ASSERT_EQUAL(keys_press(&k, many), 0);
    CU_ASSERT_EQUAL(keys_press(&k, "1"), ERR_LIMIT);
}

SUITE("bench/endpoint_keys", TEST(a_key_is_told_as_rfc_4733_has_it),
      TEST(keys_are_pressed_in_order_and_more_can_follow), TEST(what_is_no_key_is_refused))
