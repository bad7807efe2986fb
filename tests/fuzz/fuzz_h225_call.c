/* A peer that says anything on a call, a clock, and a user who acts at any time. The first octet
 * says whose call it is. on_released must come at most once, and only what was released is over. */
#include "signalling/h225/call.h"
#include "tests/fuzz/fuzz_records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct user {
    struct h225_call *call;
    uint64_t now;
    uint8_t mood;
    int released;
    uint64_t sent;
};

static void on_send(void *arg, const uint8_t *message, size_t len)
{
    struct user *u = arg;
    struct q931_msg msg;

    if (q931_decode(message, len, &msg) != 0) /* ours are always well formed */
        abort();
    u->sent++;
}

static void maybe_leave(struct user *u)
{
    if ((u->mood & 0xc0) != 0xc0)
        return;
    h225_call_destroy(u->call);
    u->call = NULL;
}

static void on_setup(void *arg, const struct h225_setup *setup)
{
    struct user *u = arg;

    for (size_t i = 0; i < setup->destination.count; i++)
        if (strlen(setup->destination.list[i].text) > 4096)
            abort();
    if ((u->mood & 1) != 0)
        h225_call_connect(u->call, NULL, u->now);
    if ((u->mood & 2) != 0)
        h225_call_release(u->call, H225_REASON_REJECTED, u->now);
    maybe_leave(u);
}

static void on_answer(void *arg, const struct h225_answer *answer)
{
    if (strlen(answer->product) > 256)
        abort();
    maybe_leave(arg);
}

static void on_h245(void *arg, const uint8_t *pdu, size_t len)
{
    struct user *u = arg;

    if ((u->mood & 4) != 0)
        h225_call_send_h245(u->call, pdu, len);
    maybe_leave(u);
}

static void on_start(void *arg, const struct addr *address)
{
    if (address->family == ADDR_NONE)
        abort();
    maybe_leave(arg);
}

static void on_keypad(void *arg, const char *digits)
{
    if (strlen(digits) > 32)
        abort();
    maybe_leave(arg);
}

static void on_released(void *arg, const struct h225_release *release)
{
    struct user *u = arg;

    if (++u->released > 1 || release->reason >= H225_REASON_COUNT || release->text == NULL)
        abort();
    maybe_leave(u);
}

static const struct h225_call_ops ops = {.send = on_send,
                                         .on_setup = on_setup,
                                         .on_proceeding = on_answer,
                                         .on_alerting = on_answer,
                                         .on_connect = on_answer,
                                         .on_start_h245 = on_start,
                                         .on_h245_pdu = on_h245,
                                         .on_keypad = on_keypad,
                                         .on_released = on_released};

static void dial(struct user *u)
{
    struct h225_alias to = {H225_ALIAS_H323_ID, "demo"};
    struct h225_outgoing o = {.destination = &to, .destination_count = 1};

    h225_call_start(u->call, &o, u->now);
}

static void act(struct user *u, const struct fuzz_step *step)
{
    switch (step->what & 15) {
    case 8:
        u->mood = step->len > 0 ? step->data[0] : 0;
        break;
    case 9:
        u->now += step->len > 1 ? (uint64_t)step->data[0] << 8 | step->data[1] : 5000;
        h225_call_on_timer(u->call, u->now);
        break;
    case 10:
        h225_call_proceeding(u->call, u->now);
        break;
    case 11:
        h225_call_alerting(u->call, u->now);
        break;
    case 12:
        h225_call_connect(u->call, NULL, u->now);
        break;
    case 13:
        h225_call_release(u->call, (enum h225_reason)(step->len % H225_REASON_COUNT), u->now);
        break;
    case 14:
        h225_call_send_h245(u->call, step->data, step->len);
        break;
    case 15:
        dial(u);
        break;
    default:
        h225_call_input(u->call, step->data, step->len, u->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h225_call_config config = {
        .tunnelling = true, .memory_limit = 65536, .tunnel_queue_max = 4};
    struct user u = {0};
    struct fuzz_step step;

    if (size == 0)
        return 0;
    config.release_timeout_ms = (data[0] & 2) != 0 ? 1000 : 0;
    u.call = h225_call_create(&config, &ops, &u, (data[0] & 1) != 0 ? 0x1da6 : 0);
    if (u.call == NULL)
        return 0;
    data++;
    size--;
    for (int i = 0; i < FUZZ_STEPS_MAX && u.call != NULL && fuzz_next(&data, &size, &step); i++) {
        uint64_t sent = u.sent;

        act(&u, &step);
        if (u.sent - sent > 8)
            abort();
        if (u.call != NULL && (u.released > 0) != (h225_call_state(u.call) == H225_STATE_RELEASED))
            abort();
    }
    h225_call_destroy(u.call);
    return 0;
}
