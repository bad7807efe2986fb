/* A peer that says anything, a clock, and a user who acts at any time: the H.245 engine must stay
 * within its bounds and end cleanly. H.235.10's judgement runs on whatever arrives, too. */
#include "signalling/h23510/h23510.h"
#include "signalling/h245/engine.h"
#include "signalling/h245/media.h"
#include "signalling/h245/summary.h"
#include "signalling/schema/h245.h"
#include "tests/fuzz/fuzz_records.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANNELS_MAX 4

struct user {
    struct h245_engine *engine;
    struct h23510 n;
    struct arena arena;
    uint64_t now;
    uint32_t random;
    uint8_t mood; /* how it answers: changed by the input */
    uint64_t sent;
};

static void on_send(void *arg, const uint8_t *pdu, size_t len)
{
    struct user *u = arg;

    if (pdu == NULL || len == 0)
        abort();
    u->sent++;
}

static void on_pdu(void *arg, bool sent, const struct h245_MultimediaSystemControlMessage *pdu,
                   size_t len)
{
    char text[H245_SUMMARY_MAX];

    (void)arg;
    (void)sent;
    (void)len;
    h245_summary(pdu, text, sizeof(text));
    for (const char *c = text; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            abort();
}

static void maybe_leave(struct user *u)
{
    if ((u->mood & 0xc0) != 0xc0)
        return;
    h245_engine_destroy(u->engine);
    u->engine = NULL;
}

static enum h245_tcs_answer on_tcs(void *arg, const struct h245_TerminalCapabilitySet *tcs)
{
    struct user *u = arg;
    struct h245_peer_caps caps;
    uint16_t protects[8];
    size_t count = 0;

    h245_read_tcs(tcs, &caps);
    h23510_on_peer_tcs(&u->n, tcs, protects, 8, &count);
    if (caps.audio_count > H245_CAPS_MAX || count > 8)
        abort();
    maybe_leave(u);
    return (enum h245_tcs_answer)(u->mood % 5);
}

static void accept_channel(struct user *u, uint16_t lcn)
{
    struct h245_channel_ack ack = {.session_id = 1};
    struct h245_OpenLogicalChannelAck *m = NULL;

    ack.media = addr_from_ip4((const uint8_t[]){192, 0, 2, 1}, 5004);
    if (h245_build_olc_ack(&u->arena, &ack, &m) != 0)
        return;
    h23510_fill_ack(&u->n, &u->arena, m);
    h245_channel_accept(u->engine, lcn, m, u->now);
}

static void on_open(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct user *u = arg;
    struct h245_channel channel;
    struct h23510_agreement agreement;

    h245_read_olc(olc, &channel);
    h23510_check_olc(&u->n, olc, &agreement);
    if (h245_channel_count(u->engine, H245_INCOMING) > CHANNELS_MAX)
        abort();
    if ((u->mood & 3) == 0)
        accept_channel(u, lcn);
    else if ((u->mood & 3) == 1)
        h245_channel_reject(u->engine, lcn, (enum h245_olc_cause)(u->mood % 16));
    maybe_leave(u);
}

static void on_opened(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct user *u = arg;
    struct h245_channel_ack params;
    struct h23510_agreement agreement;

    h245_read_olc_ack(ack, &params);
    h23510_check_ack(&u->n, ack, &agreement);
    if ((u->mood & 4) != 0)
        h245_channel_close(u->engine, lcn, H245_OUTGOING, u->now);
    maybe_leave(u);
}

static void open_channel(struct user *u)
{
    struct h245_channel channel = {.session_id = 1, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_OpenLogicalChannel *olc = NULL;

    if (h245_channel_number(u->engine, &channel.lcn) != 0 ||
        h245_build_olc(&u->arena, &channel, &olc) != 0)
        return;
    h23510_fill_olc(&u->n, &u->arena, olc);
    h245_channel_open(u->engine, olc, u->now);
}

static void on_closed(void *arg, uint16_t lcn, enum h245_direction direction, enum h245_closer by)
{
    struct user *u = arg;

    (void)lcn;
    (void)direction;
    (void)by;
    if ((u->mood & 8) != 0)
        open_channel(u);
    maybe_leave(u);
}

static bool on_close_request(void *arg, uint16_t lcn)
{
    struct user *u = arg;

    if ((u->mood & 16) != 0)
        h245_channel_close(u->engine, lcn, H245_OUTGOING, u->now);
    return (u->mood & 1) != 0;
}

static void on_failed(void *arg, enum h245_procedure procedure, enum h245_error error, uint16_t lcn)
{
    (void)lcn;
    if (procedure >= H245_PROC_COUNT || error >= H245_ERROR_COUNT)
        abort();
    maybe_leave(arg);
}

static void on_text(void *arg, const struct h245_user_input *input)
{
    (void)arg;
    if (strlen(input->text) > 65536)
        abort();
}

static const struct h245_engine_ops ops = {.send = on_send,
                                           .on_pdu = on_pdu,
                                           .on_peer_capabilities = on_tcs,
                                           .on_channel_open_request = on_open,
                                           .on_channel_opened = on_opened,
                                           .on_channel_closed = on_closed,
                                           .on_channel_close_request = on_close_request,
                                           .on_user_input = on_text,
                                           .on_failed = on_failed};

static uint32_t next_random(void *arg)
{
    struct user *u = arg;

    u->random = u->random * 1103515245u + 12345u;
    return u->random;
}

static void send_caps(struct user *u)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}};
    struct h245_caps_offer offer = {.audio = audio, .audio_count = 1, .telephone_event_pt = 101};
    struct h245_TerminalCapabilitySet *tcs = NULL;

    if (h245_build_tcs(&u->arena, &offer, &tcs) != 0 || h23510_offer(&u->n, &u->arena, tcs) != 0)
        abort();
    h245_ces_send(u->engine, tcs, u->now);
}

static void act(struct user *u, const struct fuzz_step *step)
{
    uint16_t lcn = step->len > 0 ? step->data[0] : 101;

    switch (step->what & 15) {
    case 8:
        u->mood = (uint8_t)lcn;
        break;
    case 9:
        u->now += step->len > 1 ? (uint64_t)step->data[0] << 8 | step->data[1] : 1000;
        h245_engine_on_timer(u->engine, u->now);
        break;
    case 10:
        h245_msd_start(u->engine, u->now);
        break;
    case 11:
        send_caps(u);
        break;
    case 12:
        open_channel(u);
        break;
    case 13:
        h245_channel_close(u->engine, lcn, (enum h245_direction)(step->len & 1), u->now);
        break;
    case 14:
        h245_rtd_start(u->engine, u->now);
        break;
    case 15:
        h245_end_session(u->engine, u->now);
        break;
    default:
        h245_engine_input(u->engine, step->data, step->len, u->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h245_engine_config config = {
        .random = next_random, .channels_max = CHANNELS_MAX, .memory_limit = 65536};
    struct h23510_policy policy = {.mode = H23510_MODE_PREFERRED,
                                   .setup = H23510_SETUP_ACTPASS,
                                   .open_role = H23510_SETUP_ACTIVE};
    struct h23510_identity identity;
    struct fuzz_step step;
    struct user u = {.random = 1};

    memset(&identity, 0x5a, sizeof(identity));
    for (int i = 0; i < FINGERPRINT_HASH_COUNT; i++)
        identity.fingerprints[i].hash = (enum fingerprint_hash)i;
    arena_init(&u.arena, 0, 0);
    u.engine = h245_engine_create(&config, &ops, &u);
    if (u.engine == NULL || h23510_init(&u.n, &policy, &identity) != 0)
        abort();
    for (int i = 0; i < FUZZ_STEPS_MAX && u.engine != NULL && fuzz_next(&data, &size, &step); i++) {
        uint64_t sent = u.sent;

        act(&u, &step);
        if (u.sent - sent > 64) /* one step never makes us chatter: no amplifier */
            abort();
        arena_reset(&u.arena);
    }
    h245_engine_destroy(u.engine);
    arena_fini(&u.arena);
    return 0;
}
