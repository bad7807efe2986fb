/* OLCs of fast connect with H.235.10 in them: a callee reads, chooses and answers, and the caller
 * whose proposals the others are reads that answer and whatever else is in the input. First octet:
 * policy and roles; then steps (fuzz_records.h), each an OLC for the one or the other. */
#include "base/arena.h"
#include "signalling/h23510/fast.h"
#include "tests/fuzz/fuzz_records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct h23510 caller, callee;
static struct h23510_fast_proposal list[H23510_FAST_MAX];
static size_t proposals;
static struct h23510_fast_offer offers[H23510_FAST_MAX];

static bool accepts(void *arg, const struct h245_channel *channel)
{
    (void)arg;
    return channel->audio.codec != H245_CODEC_UNKNOWN;
}

static void init(struct h23510 *n, uint8_t bits, uint8_t seed)
{
    const struct h23510_policy policy = {.mode = (enum h23510_mode)(bits % 3),
                                         .setup = (enum h23510_setup)(bits / 3 % 4),
                                         .open_role = H23510_SETUP_PASSIVE};
    struct h23510_identity identity;

    memset(&identity, 0, sizeof(identity));
    for (unsigned h = 0; h < FINGERPRINT_HASH_COUNT; h++) {
        identity.fingerprints[h].hash = (enum fingerprint_hash)h;
        memset(identity.fingerprints[h].digest, seed, sizeof(identity.fingerprints[h].digest));
    }
    if (h23510_init(n, &policy, &identity) != 0)
        abort();
}

static void propose(void)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}, {H245_CODEC_PCMU, 20, ""}};
    const uint8_t ip[4] = {192, 0, 2, 1};
    const struct h23510_fast_medium medium = {.session_id = 1,
                                              .audio = audio,
                                              .audio_count = 2,
                                              .media = addr_from_ip4(ip, 5000),
                                              .media_control = addr_from_ip4(ip, 5001)};
    uint16_t lcn = 101;

    proposals = 0;
    if (h23510_fast_propose(&caller, &arena, &medium, &lcn, list, H23510_FAST_MAX, &proposals) != 0)
        abort();
}

/* What is taken must be answerable, and the answer must be readable; a clear one of a callee that
 * insists must never be taken. */
static void choose(size_t n)
{
    const uint8_t ip[4] = {192, 0, 2, 2};
    const struct addr media = addr_from_ip4(ip, 6000);
    struct h23510_fast_choice choice;
    struct h245_fast_olc found;
    enum h23510_verdict why;
    const uint8_t *out = NULL;
    size_t len = 0;

    if (!h23510_fast_choose(&callee, offers, n, 1, accepts, NULL, &choice, &why))
        return;
    if (!choice.is_protected && callee.policy.mode == H23510_MODE_REQUIRED)
        abort();
    if (choice.is_protected && h23510_fast_take(&callee, &offers[choice.forward]) != 0)
        return; /* an earlier input has agreed on another connection */
    if (h23510_fast_answer(&callee, &arena, &offers[choice.forward], 0, &media, &media, &out,
                           &len) != 0)
        return;
    if (h245_read_fast_olc(&arena, out, len, &found) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_step step;
    size_t n = 0, which;

    if (size < 1)
        return 0;
    arena_init(&arena, 0, 1u << 24);
    init(&caller, data[0], 1);
    init(&callee, (uint8_t)(data[0] / 12), 2);
    propose();
    data++;
    size--;
    for (int i = 0; i < 16 && fuzz_next(&data, &size, &step); i++) {
        struct h23510_fast_offer found;

        if (step.what % 2 == 0 && n < H23510_FAST_MAX) {
            if (h23510_fast_read(&callee, &arena, step.data, step.len, &offers[n]) == 0)
                n++;
            choose(n);
        } else {
            bool had = caller.agreement.is_set;

            if (h23510_fast_read_answer(&caller, &arena, step.data, step.len, list, proposals,
                                        &found, &which) == 0 &&
                found.verdict != H23510_OK && !had && caller.agreement.is_set)
                abort(); /* T-BAD agrees on nothing */
        }
    }
    arena_fini(&arena);
    return 0;
}
