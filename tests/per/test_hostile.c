/* What a hostile or broken peer may send, and what happens when memory is short: refusals with a
 * reason, never a crash, never more memory than allowed. */
#include "base/err.h"
#include "signalling/per/json.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h235.h"
#include "signalling/schema/h245.h"
#include "tests/per/vectors.h"
#include "tests/suite.h"

#include <stdlib.h>

enum { ROOM = 1 << 16 };

static struct arena arena;
static uint8_t room[ROOM];

/* Decode a copy of exactly len octets, so that a sanitizer sees any read behind them; encode and
 * print what comes out of it. */
static int try_octets(const struct per_type *t, const uint8_t *octets, size_t len,
                      const struct per_limits *limits)
{
    uint8_t *copy = malloc(len ? len : 1);
    struct per_error err = {.bit = SIZE_MAX};
    void *value = NULL;
    size_t n;
    int rc;

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, octets, len);
    arena_reset(&arena);
    rc = per_decode(t, copy, len, limits, &arena, &value, &err);
    free(copy);
    CU_ASSERT(rc <= 0);
    if (rc != 0) {
        CU_ASSERT_PTR_NULL(value);
        CU_ASSERT_EQUAL(err.code, rc);
        CU_ASSERT(err.bit <= len * 8 || err.bit == 0);
        CU_ASSERT(err.what[0] != '\0');
        return rc;
    }
    CU_ASSERT_EQUAL(per_encode(t, value, room, ROOM, &n, &err), 0);
    return 0;
}

static void cut_everywhere(void *user, const char *file, unsigned number, json_t *line,
                           const uint8_t *octets, size_t len)
{
    const struct per_type *t = per_find(json_string_value(json_object_get(line, "type")));
    unsigned *accepted = user;

    for (size_t n = 0; n < len; n++) {
        if (try_octets(t, octets, n, NULL) != 0)
            continue;
        (*accepted)++; /* a prefix that is a value of its own */
        CU_ASSERT(n > 0);
        fprintf(stderr, "%s:%u: %zu of %zu octets are a value\n", file, number, n, len);
    }
}

/* Every octet of an encoding counts: a shorter one lacks something that its start announced. */
static void realistic_message_cut_at_every_octet_is_refused(void)
{
    unsigned accepted = 0;

    CU_ASSERT(vectors_each("realistic.jsonl", cut_everywhere, &accepted) >= 40);
    CU_ASSERT_EQUAL(accepted, 0);
}

/* xorshift: the same run every time. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void mutate_line(void *user, const char *file, unsigned number, json_t *line,
                        const uint8_t *octets, size_t len)
{
    const struct per_type *t = per_find(json_string_value(json_object_get(line, "type")));
    uint32_t *random = user;
    uint8_t *copy = malloc(len + 4);

    (void)file;
    (void)number;
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    for (int run = 0; run < 400; run++) {
        unsigned changes = 1 + next_random(random) % 4;
        size_t n = len;

        memcpy(copy, octets, len);
        while (changes-- > 0) {
            size_t at = next_random(random) % len;
            uint32_t v = next_random(random);

            switch (v % 3) {
            case 0:
                copy[at] ^= (uint8_t)(1U << (v >> 8) % 8);
                break;
            case 1:
                copy[at] = (uint8_t)(v >> 16);
                break;
            default:
                copy[at] = 0xff;
                break;
            }
        }
        try_octets(t, copy, n, NULL);
    }
    free(copy);
}

static void mutated_messages_never_harm(void)
{
    uint32_t random = 0x5eed1234;

    CU_ASSERT(vectors_each("realistic.jsonl", mutate_line, &random) > 0);
    CU_ASSERT(vectors_each("DTLSSecurityCapability.jsonl", mutate_line, &random) > 0);
}

static void random_octets_never_harm(void)
{
    static const struct per_type *const types[] = {
        &h245_MultimediaSystemControlMessage_type, &h225_H323_UserInformation_type,
        &h225_RasMessage_type, &h245_OpenLogicalChannel_type, &h235_ClearToken_type};
    uint32_t random = 0xc0ffee;
    uint8_t octets[96];

    for (int run = 0; run < 40000; run++) {
        size_t len = next_random(&random) % sizeof(octets);

        for (size_t i = 0; i < len; i++)
            octets[i] = (uint8_t)next_random(&random);
        try_octets(types[run % 5], octets, len, NULL);
    }
}

/* Fail the first, second, ... allocation until decoding passes. */
static void starve(void *user, const char *file, unsigned number, json_t *line,
                   const uint8_t *octets, size_t len)
{
    const struct per_type *t = per_find(json_string_value(json_object_get(line, "type")));
    long n = 0;
    int rc;

    (void)user;
    (void)file;
    (void)number;
    do {
        struct per_error err = {0};
        void *value = NULL;

        arena_reset(&arena);
        arena_fail_after(&arena, n);
        rc = per_decode(t, octets, len, NULL, &arena, &value, &err);
        arena_fail_after(&arena, -1);
        CU_ASSERT(rc == 0 || (rc == ERR_NOMEM && err.code == ERR_NOMEM && value == NULL));
    } while (rc != 0 && ++n < 10000);
    CU_ASSERT(n > 0 && n < 10000);
}

static void decode_with_nth_allocation_failing_is_refused(void)
{
    CU_ASSERT(vectors_each("realistic.jsonl", starve, NULL) > 0);
}

static void starve_json(void *user, const char *file, unsigned number, json_t *line,
                        const uint8_t *octets, size_t len)
{
    const struct per_type *t = per_find(json_string_value(json_object_get(line, "type")));
    long n = 0;
    int rc;

    (void)user;
    (void)file;
    (void)number;
    (void)octets;
    (void)len;
    do {
        struct per_error err = {0};
        void *value = NULL;

        arena_reset(&arena);
        arena_fail_after(&arena, n);
        rc = per_from_json(t, json_object_get(line, "value"), &arena, &value, &err);
        arena_fail_after(&arena, -1);
        CU_ASSERT(rc == 0 || (rc == ERR_NOMEM && value == NULL));
    } while (rc != 0 && ++n < 10000);
    CU_ASSERT(n > 0 && n < 10000);
}

static void json_with_nth_allocation_failing_is_refused(void)
{
    CU_ASSERT(vectors_each("realistic.jsonl", starve_json, NULL) > 0);
}

/* genericParameter within genericParameter; each level costs the decoder four levels of depth. */
static size_t nested_generic(unsigned levels)
{
    struct h245_GenericParameter *inner = NULL;
    struct h245_GenericParameter parameter = {0};
    size_t n = 0;
    struct per_error err;

    arena_reset(&arena);
    for (unsigned i = 0; i < levels; i++) {
        struct h245_GenericParameter *p = arena_zalloc(&arena, sizeof(*p));

        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        p->parameterIdentifier.kind = h245_ParameterIdentifier_standard;
        p->parameterIdentifier.u.standard = 1;
        p->parameterValue.kind = h245_ParameterValue_logical;
        if (inner != NULL) {
            p->parameterValue.kind = h245_ParameterValue_genericParameter;
            p->parameterValue.u.genericParameter.n = 1;
            p->parameterValue.u.genericParameter.v = inner;
        }
        inner = p;
    }
    parameter = *inner;
    CU_ASSERT_EQUAL(per_encode(&h245_GenericParameter_type, &parameter, room, ROOM, &n, &err), 0);
    return n;
}

static void nesting_beyond_limit_is_refused(void)
{
    const struct per_limits shallow = {.max_depth = 10};
    static uint8_t copy[ROOM];
    size_t n = nested_generic(4);

    memcpy(copy, room, n);
    CU_ASSERT_EQUAL(try_octets(&h245_GenericParameter_type, copy, n, NULL), 0);
    CU_ASSERT_EQUAL(try_octets(&h245_GenericParameter_type, copy, n, &shallow), ERR_LIMIT);
    n = nested_generic(60);
    memcpy(copy, room, n);
    CU_ASSERT_EQUAL(try_octets(&h245_GenericParameter_type, copy, n, NULL), ERR_LIMIT);
}

static void element_count_beyond_limit_is_refused(void)
{
    static uint8_t octets[200] = {0x7f};
    const struct per_limits few = {.max_elements = 100};
    const struct per_limits enough = {.max_elements = 127};
    struct per_type const *t = &h245_DTLSSecurityCapability_type;

    /* hashFunction of 127 strings cannot fit, so it is refused either way, for its own reason */
    octets[0] = 0x00;
    octets[1] = 0x7f;
    CU_ASSERT_EQUAL(try_octets(t, octets, sizeof(octets), &few), ERR_LIMIT);
    CU_ASSERT_EQUAL(try_octets(t, octets, sizeof(octets), &enough), ERR_TRUNCATED);
}

static void memory_beyond_limit_is_refused(void)
{
    static uint8_t octets[4100] = {0x90, 0x00};
    const struct per_limits small = {.max_memory = 2000};
    struct h245_DTLSSecurityCapability dtls = {0};
    struct per_error err;
    char text[3000];
    size_t n = 0;

    memset(text, 'a', sizeof(text));
    dtls.has_fingerprint = true;
    dtls.fingerprint = (struct per_string){sizeof(text), text};
    CU_ASSERT_EQUAL(
        per_encode(&h245_DTLSSecurityCapability_type, &dtls, octets, sizeof(octets), &n, &err), 0);
    CU_ASSERT_EQUAL(try_octets(&h245_DTLSSecurityCapability_type, octets, n, NULL), 0);
    CU_ASSERT_EQUAL(try_octets(&h245_DTLSSecurityCapability_type, octets, n, &small), ERR_LIMIT);
    CU_ASSERT(arena.used <= 2000);
}

/* A count that the rest of the input cannot hold is refused before memory is taken for it. */
static void large_count_in_short_input_takes_no_memory(void)
{
    /* multiplexElement lists, capability tables: SET SIZE (1..65535) with count ffff */
    static const uint8_t octets[] = {0x44, 0x28, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01};

    CU_ASSERT(try_octets(&h245_MultimediaSystemControlMessage_type, octets, sizeof(octets), NULL) <
              0);
    CU_ASSERT(arena.used < 4096);
}

static void cyclic_value_is_refused_by_encoder(void)
{
    struct h245_GenericParameter p = {0};
    struct per_error err = {0};
    size_t n;

    p.parameterIdentifier.kind = h245_ParameterIdentifier_standard;
    p.parameterValue.kind = h245_ParameterValue_genericParameter;
    p.parameterValue.u.genericParameter.n = 1;
    p.parameterValue.u.genericParameter.v = &p;
    CU_ASSERT_EQUAL(per_encode(&h245_GenericParameter_type, &p, room, ROOM, &n, &err), ERR_LIMIT);
}

/* Every buffer smaller than the message is refused, and nothing is written behind it. */
static void too_small(void *user, const char *file, unsigned number, json_t *line,
                      const uint8_t *octets, size_t len)
{
    const struct per_type *t = per_find(json_string_value(json_object_get(line, "type")));
    struct per_error err = {0};
    void *value;
    size_t n = 0;

    (void)user;
    (void)file;
    (void)number;
    arena_reset(&arena);
    CU_ASSERT_EQUAL_FATAL(per_decode(t, octets, len, NULL, &arena, &value, &err), 0);
    for (size_t cap = 0; cap < len; cap++) {
        uint8_t *buf = malloc(cap ? cap : 1);

        CU_ASSERT_PTR_NOT_NULL_FATAL(buf);
        CU_ASSERT_EQUAL(per_encode(t, value, buf, cap, &n, &err), ERR_AGAIN);
        free(buf);
    }
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(per_encode(t, value, room, len, &n, &err), 0);
    CU_ASSERT_EQUAL(n, len);
}

static void encode_into_smaller_buffer_is_refused(void)
{
    CU_ASSERT(vectors_each("realistic.jsonl", too_small, NULL) > 0);
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

SUITE_SETUP("per/hostile", setup, teardown, TEST(realistic_message_cut_at_every_octet_is_refused),
            TEST(mutated_messages_never_harm), TEST(random_octets_never_harm),
            TEST(decode_with_nth_allocation_failing_is_refused),
            TEST(json_with_nth_allocation_failing_is_refused),
            TEST(nesting_beyond_limit_is_refused), TEST(element_count_beyond_limit_is_refused),
            TEST(memory_beyond_limit_is_refused), TEST(large_count_in_short_input_takes_no_memory),
            TEST(cyclic_value_is_refused_by_encoder), TEST(encode_into_smaller_buffer_is_refused))
