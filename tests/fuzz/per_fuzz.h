/* What each fuzz target of the codec does; the target names the type in FUZZ_TYPE before it
 * includes this. Octets are decoded; what is accepted must survive encoding, printing and JSON. The
 * mutator decodes, changes the value and encodes it, so that inputs get deep into the types. */
#ifndef TESTS_FUZZ_PER_FUZZ_H
#define TESTS_FUZZ_PER_FUZZ_H

#include "base/err.h"
#include "signalling/per/json.h"
#include "tests/fuzz/per_value.h"

#include <stdio.h>
#include <stdlib.h>

enum { PER_FUZZ_ROOM = 1 << 20 };

static struct arena per_fuzz_arena;
static uint8_t per_fuzz_a[PER_FUZZ_ROOM];
static uint8_t per_fuzz_b[PER_FUZZ_ROOM];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static void per_fuzz_expect(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "not so: %s\n", what);
        abort();
    }
}

static int per_fuzz_count(void *user, const char *text, size_t len)
{
    (void)text;
    *(size_t *)user += len;
    return 0;
}

/* Without what only we received: through JSON and back, the value stays the same. */
static void per_fuzz_json(const struct per_type *t, const void *value)
{
    json_t *first = per_to_json(t, value);
    json_t *second;
    struct per_error err;
    void *again;
    size_t n;

    per_fuzz_expect(first != NULL, "a decoded value has a JSON form");
    per_fuzz_expect(per_from_json(t, first, &per_fuzz_arena, &again, &err) == 0,
                    "JSON is read back");
    if (per_encode(t, again, per_fuzz_a, PER_FUZZ_ROOM, &n, &err) == 0) {
        per_fuzz_expect(per_decode(t, per_fuzz_a, n, NULL, &per_fuzz_arena, &again, &err) == 0,
                        "a strict encoding is decoded");
        second = per_to_json(t, again);
        per_fuzz_expect(json_equal(first, second), "the strict encoding holds the same value");
        json_decref(second);
    } else {
        /* lone surrogates have no JSON form, and their replacement may lengthen nothing */
        per_fuzz_expect(err.code == ERR_RANGE, "a decoded value can be encoded strictly");
    }
    json_decref(first);
}

static void per_fuzz_one(const struct per_type *t, const uint8_t *data, size_t size)
{
    struct per_error err = {0};
    void *value;
    void *again;
    size_t printed = 0;
    size_t n;
    size_t m;

    if (per_fuzz_arena.block == 0)
        arena_init(&per_fuzz_arena, 1 << 16, 0);
    arena_reset(&per_fuzz_arena);
    if (per_decode(t, data, size, NULL, &per_fuzz_arena, &value, &err) != 0) {
        per_fuzz_expect(err.code < 0 && err.what[0] != '\0', "a refusal has a reason");
        return;
    }
    per_fuzz_expect(per_print(t, value, per_fuzz_count, &printed) == 0 && printed > 0,
                    "a decoded value is printed");
    per_fuzz_expect(per_encode(t, value, per_fuzz_a, PER_FUZZ_ROOM, &n, &err) == 0,
                    "a decoded value is encoded");
    per_fuzz_expect(per_decode(t, per_fuzz_a, n, NULL, &per_fuzz_arena, &again, &err) == 0,
                    "our encoding is decoded");
    per_fuzz_expect(per_encode(t, again, per_fuzz_b, PER_FUZZ_ROOM, &m, &err) == 0 && m == n &&
                        memcmp(per_fuzz_a, per_fuzz_b, n) == 0,
                    "our encoding comes out equal");
    per_fuzz_json(t, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    per_fuzz_one(FUZZ_TYPE, data, size);
    return 0;
}

#ifdef FUZZ_MUTATOR
static size_t per_fuzz_make(const struct per_type *t, uint8_t *data, size_t size, size_t max,
                            struct per_random *random)
{
    struct per_error err;
    void *value;
    size_t n;

    if (per_random_next(random) % 16 == 0 ||
        per_decode(t, data, size, NULL, &per_fuzz_arena, &value, &err) != 0) {
        value = arena_zalloc(&per_fuzz_arena, per_type_size(t));
        if (value == NULL || per_random_fill(random, t, value, per_random_next(random) % 8) != 0)
            return 0;
    }
    for (uint32_t i = 1 + per_random_next(random) % 3; i > 0; i--)
        if (per_random_change(random, t, value) != 0)
            return 0;
    if (per_encode(t, value, per_fuzz_a, PER_FUZZ_ROOM, &n, &err) != 0 || n > max)
        return 0;
    memcpy(data, per_fuzz_a, n);
    return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    struct per_random random = {&per_fuzz_arena, seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    size_t n = 0;

    if (per_fuzz_arena.block == 0)
        arena_init(&per_fuzz_arena, 1 << 16, 0);
    arena_reset(&per_fuzz_arena);
    if (per_random_next(&random) % 3 != 0)
        n = per_fuzz_make(FUZZ_TYPE, data, size, max, &random);
    return n ? n : LLVMFuzzerMutate(data, size, max);
}
#endif

#endif
