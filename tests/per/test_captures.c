/* Messages of real endpoints: decode to the values that another codec gives, and encode again to
 * the octets that came (these stacks cut extension bitmaps short). */
#include "signalling/per/json.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h245.h"
#include "tests/per/vectors.h"
#include "tests/suite.h"

#include <stdlib.h>

static struct arena arena;

struct text {
    char *p;
    size_t len;
    size_t room;
};

static int collect(void *user, const char *piece, size_t len)
{
    struct text *t = user;

    if (t->len + len + 1 > t->room)
        return -1;
    memcpy(t->p + t->len, piece, len);
    t->len += len;
    t->p[t->len] = '\0';
    return 0;
}

/* The H.225.0 part of a Q.931 message: information element 0x7e, two octets of length, then 5. */
static const uint8_t *find_user_user(const uint8_t *p, size_t len, size_t *n)
{
    size_t at = 3 + (len > 1 ? p[1] & 15U : 0);

    while (at + 4 <= len) {
        if (p[at] == 0x7e) {
            *n = ((size_t)p[at + 1] << 8 | p[at + 2]) - 1;
            return at + 4 + *n <= len && p[at + 3] == 5 ? p + at + 4 : NULL;
        }
        at += p[at] & 0x80 ? 1 : 2 + (size_t)p[at + 1];
    }
    return NULL;
}

static const struct per_type *type_of(const char *proto)
{
    if (proto == NULL || strcmp(proto, "olc") == 0)
        return &h245_OpenLogicalChannel_type;
    if (strcmp(proto, "h245") == 0)
        return &h245_MultimediaSystemControlMessage_type;
    return strcmp(proto, "ras") == 0 ? &h225_RasMessage_type : &h225_H323_UserInformation_type;
}

/* The other codec adds readable octets as ASN.1 comments; compare without them. */
static void drop_comments(char *text)
{
    char *start;

    while ((start = strstr(text, " -- ")) != NULL) {
        char *end = strstr(start + 4, " --");

        if (end == NULL)
            return;
        memmove(start, end + 3, strlen(end + 3) + 1);
    }
}

static void decodes_and_returns(void *user, const char *file, unsigned number, json_t *line,
                                const uint8_t *octets, size_t len)
{
    const char *proto = json_string_value(json_object_get(line, "proto"));
    static char expected[1 << 16];
    static char notation[1 << 16];
    struct text text = {.p = notation, .room = sizeof(notation)};
    static uint8_t again[1 << 14];
    struct per_error err = {0};
    char why[512];
    void *value;
    size_t n = 0;

    (void)user;
    snprintf(expected, sizeof(expected), "%s", json_string_value(json_object_get(line, "value")));
    drop_comments(expected);
    if (proto != NULL && strcmp(proto, "h225") == 0)
        octets = find_user_user(octets, len, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(octets);
    arena_reset(&arena);
    if (per_decode(type_of(proto), octets, len, NULL, &arena, &value, &err) != 0) {
        CU_FAIL("not decoded");
        fprintf(stderr, "%s:%u: %s\n", file, number, per_error_to_str(&err, why, sizeof(why)));
        return;
    }
    CU_ASSERT_EQUAL(per_print(type_of(proto), value, collect, &text), 0);
    CU_ASSERT_STRING_EQUAL(notation, expected);
    if (strcmp(notation, expected) != 0)
        fprintf(stderr, "%s:%u: other value: %s\n", file, number, notation);
    CU_ASSERT_EQUAL(per_encode(type_of(proto), value, again, sizeof(again), &n, &err), 0);
    CU_ASSERT_EQUAL(n, len);
    CU_ASSERT_EQUAL(memcmp(again, octets, n), 0);
    if (n != len || memcmp(again, octets, n) != 0)
        fprintf(stderr, "%s:%u: other octets\n", file, number);
}

static void captured_messages_in_tree_return_as_received(void)
{
    CU_ASSERT(vectors_each_in(CAPTURES_IN_TREE "/messages.jsonl", decodes_and_returns, NULL) > 0);
}

/* The whole set lies next to the tree where the project is developed. */
static void captured_messages_beside_tree_return_as_received(void)
{
    unsigned n = vectors_each_in(CAPTURES_BESIDE "/decoded_asn1.jsonl", decodes_and_returns, NULL);

    n += vectors_each_in(CAPTURES_BESIDE "/faststart_olc.jsonl", decodes_and_returns, NULL);
    if (n == 0)
        CU_PASS("the full set is not there");
}

static int setup(void)
{
    arena_init(&arena, 1 << 14, 0);
    return 0;
}

static int teardown(void)
{
    arena_fini(&arena);
    return 0;
}

SUITE_SETUP("per/captures", setup, teardown, TEST(captured_messages_in_tree_return_as_received),
            TEST(captured_messages_beside_tree_return_as_received))
