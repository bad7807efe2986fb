/* Q.931 messages: elements, bounds, strange orders. */
#include "base/err.h"
#include "signalling/h225/q931.h"
#include "tests/suite.h"

#include <stdlib.h>

/* From a real endpoint: ReleaseComplete, cause 16, the User-user element cut to three octets. */
static const uint8_t release[] = {0x08, 0x02, 0x9d, 0xa6, 0x5a, 0x08, 0x02, 0x80,
                                  0x90, 0x7e, 0x00, 0x04, 0x05, 0x25, 0x80, 0x06};

static void message_of_real_endpoint_is_read(void)
{
    struct q931_msg msg;
    uint8_t again[64];
    size_t len = 0;

    CU_ASSERT_EQUAL(q931_decode(release, sizeof(release), &msg), 0);
    CU_ASSERT_EQUAL(msg.type, Q931_RELEASE_COMPLETE);
    CU_ASSERT_EQUAL(msg.call_ref, 0x1da6);
    CU_ASSERT_TRUE(msg.from_destination);
    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_NORMAL);
    CU_ASSERT_EQUAL(msg.user_user.len, 3);
    CU_ASSERT_EQUAL(msg.elements_skipped, 0);
    CU_ASSERT_EQUAL(q931_encode(&msg, again, sizeof(again), &len), 0);
    CU_ASSERT_EQUAL(len, sizeof(release));
    CU_ASSERT_EQUAL(memcmp(again, release, len), 0);
}

static void every_truncation_is_refused_or_shorter(void)
{
    for (size_t len = 0; len < sizeof(release); len++) {
        uint8_t *copy = malloc(len + 1); /* exact size: a sanitizer sees a read behind it */
        struct q931_msg msg;
        int err;

        memcpy(copy, release, len);
        err = q931_decode(copy, len, &msg);
        /* cuts between elements leave a valid shorter message */
        CU_ASSERT_EQUAL(err, len == 5 || len == 9 ? 0 : ERR_TRUNCATED);
        free(copy);
    }
}

static void unknown_elements_are_stepped_over(void)
{
    static const uint8_t message[] = {
        0x08, 0x02, 0x00, 0x05, 0x05, 0xa1,            /* sending complete: one octet */
        0x96, 0x7e, 0x02, 0x00, 0x00,                  /* locked code set 6: not our 0x7e */
        0x08, 0x01, 0x55,                              /* nor our Cause */
        0x98, 0x70, 0x03, 0x81, '1',  '2',             /* code set 0 for one element */
        0x90, 0x55, 0x02, 0x01, 0x02,                  /* locked 0: an unknown element */
        0x28, 0x02, 'h',  'i',  0x28, 0x02, 'h', 'o'}; /* Display twice: the first counts */
    struct q931_msg msg;
    char digits[8];

    CU_ASSERT_EQUAL(q931_decode(message, sizeof(message), &msg), 0);
    CU_ASSERT_EQUAL(msg.elements_skipped, 5);
    CU_ASSERT_PTR_NULL(msg.cause.data);
    CU_ASSERT_PTR_NULL(msg.user_user.data);
    CU_ASSERT_EQUAL(msg.display.len, 2);
    CU_ASSERT_EQUAL(msg.display.data[1], 'i');
    CU_ASSERT_EQUAL(q931_number_of(msg.called, digits, sizeof(digits)), 0);
    CU_ASSERT_STRING_EQUAL(digits, "12");
}

static void bad_headers_are_refused(void)
{
    struct q931_msg msg;

    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x09\x02\x00\x05\x05", 5, &msg), ERR_MALFORMED);
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x03\x00\x05\x05\x05", 6, &msg),
                    ERR_MALFORMED);
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x12\x00\x05\x05", 5, &msg), ERR_MALFORMED);
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x02\x00\x05\x85", 5, &msg), ERR_MALFORMED);
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x01\x85\x05", 4, &msg), 0);
    CU_ASSERT_TRUE(msg.from_destination);
    CU_ASSERT_EQUAL(msg.call_ref, 5);
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x00\x05", 3, &msg), 0);
    /* a User-user element without its discriminator, and with another one */
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x02\x00\x05\x05\x7e\x00\x00", 8, &msg),
                    ERR_MALFORMED);
    CU_ASSERT_EQUAL(q931_decode((const uint8_t *)"\x08\x02\x00\x05\x05\x7e\x00\x01\x04", 9, &msg),
                    0);
    CU_ASSERT_PTR_NULL(msg.user_user.data);
}

static void empty_element_is_not_an_absent_one(void)
{
    struct q931_msg msg = {.type = Q931_FACILITY, .call_ref = 1, .facility = {release, 0}};
    struct q931_msg back;
    uint8_t out[16];
    size_t len = 0;

    CU_ASSERT_EQUAL(q931_encode(&msg, out, sizeof(out), &len), 0);
    CU_ASSERT_EQUAL(len, 7);
    CU_ASSERT_EQUAL(q931_decode(out, len, &back), 0);
    CU_ASSERT_PTR_NOT_NULL(back.facility.data);
    CU_ASSERT_EQUAL(back.facility.len, 0);
    CU_ASSERT_PTR_NULL(back.keypad.data);
}

static void encoder_refuses_what_does_not_fit(void)
{
    static const uint8_t long_text[300];
    struct q931_msg msg = {.type = Q931_SETUP, .call_ref = 1, .display = {long_text, 256}};
    uint8_t out[400];
    size_t len = 0;

    CU_ASSERT_EQUAL(q931_encode(&msg, out, sizeof(out), &len), ERR_RANGE);
    msg.display.len = 255;
    CU_ASSERT_EQUAL(q931_encode(&msg, out, sizeof(out), &len), 0);
    for (size_t cap = 0; cap < len; cap++) {
        size_t got = 0;

        CU_ASSERT_EQUAL(q931_encode(&msg, out, cap, &got), ERR_RANGE);
    }
    msg.call_ref = 0x8000;
    CU_ASSERT_EQUAL(q931_encode(&msg, out, sizeof(out), &len), ERR_RANGE);
    msg.call_ref = 1;
    msg.user_user = (struct q931_bytes){long_text, 65535};
    CU_ASSERT_EQUAL(q931_encode(&msg, out, sizeof(out), &len), ERR_RANGE);
}

static void cause_is_read_in_all_its_forms(void)
{
    struct q931_msg msg = {0};

    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_NONE);
    msg.cause = (struct q931_bytes){(const uint8_t *)"\x80\x95", 2};
    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_REJECTED);
    msg.cause = (struct q931_bytes){(const uint8_t *)"\x00\x80\x91", 3}; /* with octet 3a */
    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_BUSY);
    msg.cause = (struct q931_bytes){(const uint8_t *)"\x00\x80", 2};
    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_NONE);
    msg.cause = (struct q931_bytes){(const uint8_t *)"\x80", 1};
    CU_ASSERT_EQUAL(q931_cause_of(&msg), Q931_CAUSE_NONE);
    CU_ASSERT_STRING_EQUAL(q931_cause_to_str(Q931_CAUSE_REJECTED), "call rejected");
    CU_ASSERT_STRING_EQUAL(q931_cause_to_str(126), "unknown cause");
    CU_ASSERT_STRING_EQUAL(q931_type_to_str(Q931_SETUP), "Setup");
}

static void numbers_survive_both_ways(void)
{
    uint8_t octets[32];
    struct q931_bytes element;
    char digits[8];

    CU_ASSERT_EQUAL(q931_number_make("4711", octets, sizeof(octets), &element), 0);
    CU_ASSERT_EQUAL(q931_number_of(element, digits, sizeof(digits)), 0);
    CU_ASSERT_STRING_EQUAL(digits, "4711");
    CU_ASSERT_EQUAL(q931_number_of(element, digits, 4), ERR_RANGE);
    CU_ASSERT_EQUAL(q931_number_make("4711", octets, 4, &element), ERR_RANGE);
    element = (struct q931_bytes){(const uint8_t *)"\x01\x80"
                                                   "12",
                                  4}; /* octet 3a present */
    CU_ASSERT_EQUAL(q931_number_of(element, digits, sizeof(digits)), 0);
    CU_ASSERT_STRING_EQUAL(digits, "12");
    element.len = 2;
    CU_ASSERT_EQUAL(q931_number_of(element, digits, sizeof(digits)), ERR_NOTFOUND);
    element = (struct q931_bytes){(const uint8_t *)"\x81"
                                                   "1\n",
                                  3};
    CU_ASSERT_EQUAL(q931_number_of(element, digits, sizeof(digits)), ERR_MALFORMED);
    element = (struct q931_bytes){NULL, 0};
    CU_ASSERT_EQUAL(q931_number_of(element, digits, sizeof(digits)), ERR_NOTFOUND);
}

SUITE("h225/q931", TEST(message_of_real_endpoint_is_read),
      TEST(every_truncation_is_refused_or_shorter), TEST(unknown_elements_are_stepped_over),
      TEST(bad_headers_are_refused), TEST(empty_element_is_not_an_absent_one),
      TEST(encoder_refuses_what_does_not_fit), TEST(cause_is_read_in_all_its_forms),
      TEST(numbers_survive_both_ways))
