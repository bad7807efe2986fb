/* A gatekeeper that says anything, a clock, and a user who acts at any time, also from within
 * callbacks. The first octet says whether there is a password, two more are the first sequence
 * number, so that recorded answers fit. What the engine sends must decode, and one step must not
 * make it send without end. */
#include "crypto/sha1.h"
#include "signalling/h225/ras.h"
#include "signalling/per/per.h"
#include "signalling/schema/h225.h"
#include "tests/fuzz/fuzz_records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct user {
    struct ras *ras;
    uint64_t now;
    uint32_t random;
    uint8_t mood;
    uint64_t sent;
    int admissions, asked;
    struct addr gatekeeper;
};

static const struct ras_crypto crypto = {sha1_digest, sha1_hmac};

static void on_send(void *arg, const struct addr *to, const uint8_t *data, size_t len)
{
    struct user *u = arg;
    struct arena a;
    void *m = NULL;

    arena_init(&a, 0, 0);
    if (to->family == ADDR_NONE ||
        per_decode(&h225_RasMessage_type, data, len, NULL, &a, &m, NULL) != 0)
        abort();
    arena_fini(&a);
    u->sent++;
}

static uint32_t on_random(void *arg)
{
    struct user *u = arg;
    uint32_t r = u->random;

    u->random = u->random * 1664525u + 1013904223u;
    return r;
}

static uint32_t on_unix_time(void *arg)
{
    return 1795402636u + (uint32_t)(((struct user *)arg)->now / 1000);
}

static void admit(struct user *u, uint64_t key)
{
    static const struct h225_alias called = {H225_ALIAS_DIGITS, "771234"};
    struct ras_admission call = {.key = key,
                                 .is_answer = (key & 1) != 0,
                                 .bandwidth = 1280,
                                 .destination = &called,
                                 .destination_count = 1};

    call.call_id[0] = (uint8_t)key;
    call.call_ref = (uint16_t)key;
    u->asked++; /* before: a call that is granted beforehand is answered from within */
    if (ras_admit(u->ras, &call, u->now) != 0)
        u->asked--;
}

static void on_registered(void *arg, const struct ras_registration *registration)
{
    struct user *u = arg;

    if (strlen(registration->endpoint_id) > 511)
        abort();
    if ((u->mood & 1) != 0)
        admit(u, 200);
}

static void on_lost(void *arg, bool was_registered, const char *why)
{
    struct user *u = arg;

    (void)was_registered;
    if (strlen(why) > 95)
        abort();
    if ((u->mood & 2) != 0)
        ras_stop(u->ras, u->now);
}

static void on_switched(void *arg, const struct ras_registration *registration)
{
    struct user *u = arg;

    if (registration->gatekeeper.family == ADDR_NONE)
        abort();
    if ((u->mood & 128) != 0)
        admit(u, 201);
}

static void on_stopped(void *arg)
{
    struct user *u = arg;

    if ((u->mood & 4) != 0)
        ras_start(u->ras, u->now);
}

static void on_admission(void *arg, const struct ras_admitted *admitted)
{
    struct user *u = arg;

    if (++u->admissions > u->asked)
        abort();
    if ((u->mood & 8) != 0)
        ras_disengage(u->ras, admitted->key, 16, u->now);
}

static bool on_bandwidth_wanted(void *arg, uint64_t key, uint32_t bandwidth)
{
    struct user *u = arg;

    (void)bandwidth;
    if ((u->mood & 16) != 0)
        ras_disengage(u->ras, key, 16, u->now);
    return (u->mood & 32) == 0;
}

static void on_disengage(void *arg, uint64_t key)
{
    struct user *u = arg;

    if ((u->mood & 64) != 0)
        admit(u, key);
}

static const struct ras_ops ops = {
    .send = on_send,
    .random = on_random,
    .unix_time = on_unix_time,
    .on_registered = on_registered,
    .on_lost = on_lost,
    .on_switched = on_switched,
    .on_stopped = on_stopped,
    .on_admission = on_admission,
    .on_bandwidth_wanted = on_bandwidth_wanted,
    .on_disengage = on_disengage,
};

static void act(struct user *u, const struct fuzz_step *step)
{
    static const struct h225_alias more = {H225_ALIAS_DIGITS, "4711"};
    struct addr stranger = addr_from_ip4((const uint8_t[]){203, 0, 113, 1}, 1719);
    uint64_t key = step->len > 0 ? step->data[0] : 1;

    switch (step->what & 15) {
    case 5:
        ras_on_progress(u->ras, key,
                        (key & 1) != 0 ? RAS_PROGRESS_CONNECTED : RAS_PROGRESS_ALERTING, u->now);
        break;
    case 6: /* the octets are a Q.931 message of call 1 */
        ras_on_signalling(u->ras, 1, (step->what & 16) != 0, step->data, step->len, u->now);
        break;
    case 7: { /* one, or so many that they take several messages */
        static const char *const prefixes[40] = {[0 ... 39] = "991"};

        ras_add_names(u->ras, &more, 1, prefixes, key < 100 ? 0 : 40, u->now);
        break;
    }
    case 8:
        u->mood = (uint8_t)key;
        break;
    case 9:
        u->now += step->len > 1 ? (uint64_t)step->data[0] << 8 | step->data[1] : 5000;
        ras_on_timer(u->ras, u->now);
        break;
    case 10:
        admit(u, key);
        break;
    case 11:
        ras_disengage(u->ras, key, 16, u->now);
        break;
    case 12:
        ras_set_bandwidth(u->ras, key, (uint32_t)key * 100, u->now);
        break;
    case 13:
        if (ras_stop(u->ras, u->now) != 0)
            ras_start(u->ras, u->now);
        break;
    case 14:
        ras_input(u->ras, &stranger, step->data, step->len, u->now);
        break;
    case 15:
        ras_set_resources(u->ras, (key & 1) != 0, u->now);
        break;
    default:
        ras_input(u->ras, &u->gatekeeper, step->data, step->len, u->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h225_alias alias = {H225_ALIAS_H323_ID, "alice"};
    struct user u = {.gatekeeper = addr_from_ip4((const uint8_t[]){198, 18, 0, 3}, 1719)};
    struct addr here = addr_from_ip4((const uint8_t[]){198, 18, 0, 1}, 1720);
    struct ras_config config = {.gatekeeper = u.gatekeeper,
                                .ras_address = here,
                                .signalling = &here,
                                .signalling_count = 1,
                                .aliases = &alias,
                                .alias_count = 1,
                                .crypto = &crypto,
                                .max_requests = 64};
    struct fuzz_step step;

    if (size < 3)
        return 0;
    config.password = (data[0] & 1) != 0 ? "alicepw" : NULL;
    u.random = (uint32_t)data[1] << 8 | data[2];
    if (ras_create(&config, &ops, &u, &u.ras) != 0)
        return 0;
    ras_start(u.ras, u.now);
    data += 3;
    size -= 3;
    for (int i = 0; i < FUZZ_STEPS_MAX && fuzz_next(&data, &size, &step); i++) {
        uint64_t sent = u.sent;

        act(&u, &step);
        if (u.sent - sent > 256)
            abort();
        if (ras_call_count(u.ras) > 256)
            abort();
    }
    ras_destroy(u.ras);
    return 0;
}
