/* H.245 engines under fire. One engine against a peer who says anything; or, where the first step
 * has bit 7, two engines against each other over a wire that loses, repeats and damages what the
 * input says. Either way: bounds hold, nothing is amplified, and two engines left alone come to
 * rest with no timer running. */
#include "tests/fuzz/fuzz_h245_user.h"
#include "tests/fuzz/fuzz_records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TWO_ENGINES 0x80 /* in the first step */
#define MORE        0x40 /* the other table of actions */
#define SECOND      0x20 /* of two: whose action it is */

static void one_step(struct user *u, const struct fuzz_step *step)
{
    if ((step->what & MORE) != 0)
        user_act_more(u, step->what, step->data, step->len);
    else if ((step->what & 15) < 8)
        h245_engine_input(u->engine, step->data, step->len, u->now);
    else
        user_act(u, step->what, step->data, step->len);
}

static void run_one(const uint8_t *data, size_t size)
{
    static struct user u;
    struct fuzz_step step;

    user_init(&u, 1);
    for (int i = 0; i < FUZZ_STEPS_MAX && u.engine != NULL && fuzz_next(&data, &size, &step); i++) {
        uint64_t sent = u.sent;

        one_step(&u, &step);
        if (u.sent - sent > 64) /* one step never makes us chatter: no amplifier */
            abort();
        arena_reset(&u.arena);
    }
    user_fini(&u);
}

/* ---- two ---- */

static struct user pair[2];

/* The oldest message of `from` arrives, as the octets say: whole, twice, damaged, or not at all. */
static void deliver(struct user *from, struct user *to, const uint8_t *how, size_t how_len)
{
    static uint8_t pdu[USER_PDU_MAX];
    size_t len = from->queue[0].len;

    if (from->queued == 0)
        return;
    memcpy(pdu, from->queue[0].data, len);
    from->queued--;
    memmove(&from->queue[0], &from->queue[1], from->queued * sizeof(from->queue[0]));
    if (to->engine == NULL || (how_len > 0 && how[0] == 1))
        return;
    if (how_len > 2 && how[0] == 3)
        pdu[how[1] % len] ^= how[2];
    h245_engine_input(to->engine, pdu, len, to->now);
    if (how_len > 0 && how[0] == 2 && to->engine != NULL)
        h245_engine_input(to->engine, pdu, len, to->now);
}

static void two_step(const struct fuzz_step *step)
{
    int side = (step->what & SECOND) != 0;
    struct user *u = &pair[side];

    if ((step->what & MORE) == 0 && (step->what & 15) < 8)
        deliver(&pair[1 - side], u, step->data, step->len);
    else if (u->engine != NULL)
        one_step(u, step);
}

#define MESSAGES_MAX 4000

/* Users that accept and take, a wire that loses nothing: whatever was going on ends. */
static void settle(void)
{
    for (int round = 0; round < 8; round++) {
        int messages = 0;

        for (; pair[0].queued + pair[1].queued > 0; messages++) {
            if (messages == MESSAGES_MAX) /* for ever */
                abort();
            deliver(&pair[0], &pair[1], NULL, 0);
            deliver(&pair[1], &pair[0], NULL, 0);
            arena_reset(&pair[0].arena);
            arena_reset(&pair[1].arena);
        }
        for (int i = 0; i < 2; i++) {
            pair[i].now += 60000;
            if (pair[i].engine != NULL)
                h245_engine_on_timer(pair[i].engine, pair[i].now);
        }
    }
    for (int i = 0; i < 2; i++)
        if (pair[i].engine != NULL && h245_engine_next_deadline(pair[i].engine) != H245_NEVER)
            abort();
}

static void run_two(const uint8_t *data, size_t size)
{
    struct fuzz_step step;

    user_init(&pair[0], 1);
    user_init(&pair[1], 2);
    pair[0].keeps = pair[1].keeps = true;
    for (int i = 0; i < FUZZ_STEPS_MAX && fuzz_next(&data, &size, &step); i++) {
        two_step(&step);
        arena_reset(&pair[0].arena);
        arena_reset(&pair[1].arena);
    }
    pair[0].mood = pair[1].mood = 32;
    settle();
    user_fini(&pair[0]);
    user_fini(&pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && (data[0] & TWO_ENGINES) != 0)
        run_two(data, size);
    else
        run_one(data, size);
    return 0;
}
