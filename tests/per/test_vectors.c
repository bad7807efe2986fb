/* X.691 aligned: encodings made by two independent codecs, and malformed ones. */
#include "base/err.h"
#include "signalling/per/json.h"
#include "tests/per/vectors.h"
#include "tests/suite.h"

#include <stdlib.h>

enum { ROOM = 1 << 18 };

static struct arena arena;
static uint8_t room[ROOM];

/* Say which vector it is; CUnit alone would only name this file. */
static void check(bool ok, const char *file, unsigned number, const char *what,
                  const struct per_error *err)
{
    char text[512] = "";

    if (!ok)
        fprintf(stderr, "%s:%u: %s %s\n", file, number, what,
                err ? per_error_to_str(err, text, sizeof(text)) : "");
    CU_ASSERT(ok);
}

static const struct per_type *type_of(const json_t *line)
{
    const struct per_type *t = per_find(json_string_value(json_object_get(line, "type")));

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

static void decode_gives_value(const char *file, unsigned number, json_t *line,
                               const uint8_t *octets, size_t len)
{
    const struct per_type *t = type_of(line);
    struct per_error err = {0};
    void *value;
    json_t *j;
    size_t n = 0;

    arena_reset(&arena);
    if (per_decode(t, octets, len, NULL, &arena, &value, &err) != 0) {
        check(false, file, number, "decode", &err);
        return;
    }
    j = per_to_json(t, value);
    check(json_equal(j, json_object_get(line, "value")) == 1, file, number, "other value", NULL);
    json_decref(j);
    check(per_encode(t, value, room, ROOM, &n, &err) == 0, file, number, "re-encode", &err);
    check(n == len && memcmp(room, octets, n) == 0, file, number, "re-encode: other octets", NULL);
}

static void encode_gives_octets(const char *file, unsigned number, json_t *line,
                                const uint8_t *octets, size_t len)
{
    const struct per_type *t = type_of(line);
    struct per_error err = {0};
    void *value;
    size_t n = 0;
    int rc;

    arena_reset(&arena);
    rc = per_from_json(t, json_object_get(line, "value"), &arena, &value, &err);
    check(rc == 0, file, number, "from JSON", &err);
    if (rc != 0)
        return;
    rc = per_encode(t, value, room, ROOM, &n, &err);
    check(rc == 0, file, number, "encode", &err);
    check(n == len && memcmp(room, octets, n) == 0, file, number, "encode: other octets", NULL);
}

static void both_ways(void *user, const char *file, unsigned number, json_t *line,
                      const uint8_t *octets, size_t len)
{
    (void)user;
    decode_gives_value(file, number, line, octets, len);
    encode_gives_octets(file, number, line, octets, len);
}

static void one_way(void *user, const char *file, unsigned number, json_t *line,
                    const uint8_t *octets, size_t len)
{
    (void)user;
    decode_gives_value(file, number, line, octets, len);
}

static void refused(void *user, const char *file, unsigned number, json_t *line,
                    const uint8_t *octets, size_t len)
{
    const char *expect = json_string_value(json_object_get(line, "expect"));
    struct per_error err = {0};
    void *value = NULL;
    int rc;

    (void)user;
    arena_reset(&arena);
    rc = per_decode(type_of(line), octets, len, NULL, &arena, &value, &err);
    if (strcmp(expect, "reject") == 0)
        check(rc < 0, file, number, "accepted", NULL);
    check(rc == 0 || (rc == err.code && value == NULL && err.what[0] != '\0'), file, number,
          "refused without a reason", &err);
    check(err.bit <= len * 8, file, number, "offset beyond the input", &err);
}

static void run(const char *name, vectors_on_line_fn on_line)
{
    CU_ASSERT(vectors_each(name, on_line, NULL) > 0);
}

#define VECTORS(test, name, on_line) \
    static void test(void)           \
    {                                \
        run(name, on_line);          \
    }

VECTORS(realistic_messages_both_ways_equal, "realistic.jsonl", both_ways)
VECTORS(h245_messages_both_ways_equal, "MultimediaSystemControlMessage.jsonl", both_ways)
VECTORS(h225_messages_both_ways_equal, "H323-UserInformation.jsonl", both_ways)
VECTORS(ras_messages_both_ways_equal, "RasMessage.jsonl", both_ways)
VECTORS(capability_sets_both_ways_equal, "TerminalCapabilitySet.jsonl", both_ways)
VECTORS(channels_both_ways_equal, "OpenLogicalChannel.jsonl", both_ways)
VECTORS(channel_acks_both_ways_equal, "OpenLogicalChannelAck.jsonl", both_ways)
VECTORS(dtls_capabilities_both_ways_equal, "DTLSSecurityCapability.jsonl", both_ways)
VECTORS(extensions_type_both_ways_equal, "extensions-type.jsonl", both_ways)
VECTORS(large_values_both_ways_equal, "large.jsonl", both_ways)
VECTORS(other_versions_decode_and_reencode, "decode-only.jsonl", one_way)
VECTORS(malformed_messages_refused, "malformed.jsonl", refused)

static int setup(void)
{
    arena_init(&arena, 1 << 16, 0);
    return 0;
}

static int teardown(void)
{
    arena_fini(&arena);
    return 0;
}

SUITE_SETUP("per/vectors", setup, teardown, TEST(realistic_messages_both_ways_equal),
            TEST(h245_messages_both_ways_equal), TEST(h225_messages_both_ways_equal),
            TEST(ras_messages_both_ways_equal), TEST(capability_sets_both_ways_equal),
            TEST(channels_both_ways_equal), TEST(channel_acks_both_ways_equal),
            TEST(dtls_capabilities_both_ways_equal), TEST(extensions_type_both_ways_equal),
            TEST(large_values_both_ways_equal), TEST(other_versions_decode_and_reencode),
            TEST(malformed_messages_refused))
