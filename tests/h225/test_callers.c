/* Recorded callers (h323plus) against a callee of ours: call signalling and H.245, on their own
 * connection or tunnelled, from Setup to ReleaseComplete. The recorded octets go in unchanged:
 * our side draws the determination number that lets the recorded answers fit. */
#include "base/arena.h"
#include "signalling/h225/call.h"
#include "signalling/h245/engine.h"
#include "signalling/h245/media.h"
#include "signalling/per/per.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

#include <stdlib.h>

#define LINES_MAX 32
#define PDU_MAX   4096

struct line {
    bool is_h245;
    uint8_t data[PDU_MAX];
    size_t len;
};

/* The callee, and what it saw. */
struct callee {
    struct h225_call *call;
    struct h245_engine *h245;
    struct arena arena;
    bool tunnelling, caps_sent;
    uint32_t number; /* statusDeterminationNumber to draw */
    int setup, released, ready, msd_done, is_master, in, out, closed, ended, keypad, inputs;
    int start_h245, misc, fast_start;
    unsigned cause;
    struct h245_peer_caps caps;
};

static struct line lines[LINES_MAX];
static size_t line_count;
static struct callee me;

static size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = 0;
    unsigned octet;

    while (n < cap && sscanf(hex + 2 * n, "%2x", &octet) == 1)
        out[n++] = (uint8_t)octet;
    return n;
}

static void load(const char *capture)
{
    FILE *f = fopen(CALLERS, "r");
    static char text[2 * PDU_MAX + 64];
    char name[64], proto[8];
    int at = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    line_count = 0;
    while (fgets(text, sizeof(text), f) != NULL && line_count < LINES_MAX) {
        struct line *l = &lines[line_count];

        if (text[0] == '#' || sscanf(text, "%63s %7s %n", name, proto, &at) != 2 ||
            strcmp(name, capture) != 0)
            continue;
        l->is_h245 = strcmp(proto, "h245") == 0;
        l->len = unhex(text + at, l->data, sizeof(l->data));
        line_count++;
    }
    fclose(f);
    CU_ASSERT_FATAL(line_count > 0);
}

/* ---- which number makes the recorded MasterSlaveDeterminationAck true ---- */

struct recorded {
    bool has_number, has_ack, we_are_master;
    uint32_t number;
};

static void look_at_pdu(struct recorded *r, const uint8_t *data, size_t len)
{
    const struct h245_MultimediaSystemControlMessage *m;
    void *out = NULL;

    CU_ASSERT_EQUAL_FATAL(per_decode(&h245_MultimediaSystemControlMessage_type, data, len, NULL,
                                     &me.arena, &out, NULL),
                          0);
    m = out;
    if (m->kind == h245_MultimediaSystemControlMessage_request &&
        m->u.request->kind == h245_RequestMessage_masterSlaveDetermination) {
        r->has_number = true;
        r->number = m->u.request->u.masterSlaveDetermination->statusDeterminationNumber;
    }
    if (m->kind == h245_MultimediaSystemControlMessage_response &&
        m->u.response->kind == h245_ResponseMessage_masterSlaveDeterminationAck) {
        r->has_ack = true;
        r->we_are_master = m->u.response->u.masterSlaveDeterminationAck->decision.kind ==
                           h245_MasterSlaveDeterminationAck_decision_master;
    }
}

static void look_at_list(struct recorded *r, bool present, const struct per_octets_list *list)
{
    for (uint32_t i = 0; present && i < list->n; i++)
        look_at_pdu(r, list->v[i].p, list->v[i].len);
}

static void look_at_message(struct recorded *r, const struct line *l)
{
    struct q931_msg msg;
    const struct h225_H323_UU_PDU *pdu;
    void *out = NULL;

    CU_ASSERT_EQUAL_FATAL(q931_decode(l->data, l->len, &msg), 0);
    CU_ASSERT_EQUAL_FATAL(per_decode(&h225_H323_UserInformation_type, msg.user_user.data,
                                     msg.user_user.len, NULL, &me.arena, &out, NULL),
                          0);
    pdu = &((const struct h225_H323_UserInformation *)out)->h323_uu_pdu;
    if (pdu->h323_message_body.kind == h225_H323_UU_PDU_h323_message_body_setup)
        look_at_list(r, pdu->h323_message_body.u.setup->has_parallelH245Control,
                     &pdu->h323_message_body.u.setup->parallelH245Control);
    look_at_list(r, pdu->has_h245Control, &pdu->h245Control);
}

static uint32_t fitting_number(void)
{
    struct recorded r = {0};

    for (size_t i = 0; i < line_count; i++) {
        if (lines[i].is_h245)
            look_at_pdu(&r, lines[i].data, lines[i].len);
        else
            look_at_message(&r, &lines[i]);
    }
    if (!r.has_number || !r.has_ack)
        return 1;
    return (r.we_are_master ? r.number - 1 : r.number + 1) & 0xffffff;
}

/* ---- the callee's user ---- */

static void call_send(void *arg, const uint8_t *message, size_t len)
{
    struct q931_msg msg;

    (void)arg;
    CU_ASSERT_EQUAL(q931_decode(message, len, &msg), 0);
    CU_ASSERT_TRUE(msg.from_destination);
    CU_ASSERT_NOT_EQUAL(msg.type, Q931_STATUS); /* a real endpoint gives no cause for one */
}

static void start_h245(void)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}, {H245_CODEC_PCMU, 20, ""}};
    struct h245_caps_offer offer = {.audio = audio, .audio_count = 2, .user_input = true};
    struct h245_TerminalCapabilitySet *tcs = NULL;

    if (me.caps_sent)
        return;
    me.caps_sent = true;
    CU_ASSERT_EQUAL_FATAL(h245_build_tcs(&me.arena, &offer, &tcs), 0);
    CU_ASSERT_EQUAL(h245_ces_send(me.h245, tcs, 0), 0);
    h245_msd_start(me.h245, 0); /* ERR_STATE where the peer's has begun it already */
}

static void on_setup(void *arg, const struct h225_setup *setup)
{
    (void)arg;
    me.setup++;
    me.fast_start = (int)setup->fast_start_count;
    CU_ASSERT_STRING_EQUAL(setup->source.list[0].text, "alice");
    CU_ASSERT_EQUAL(setup->version, 7);
}

static void on_call_pdu(void *arg, const uint8_t *pdu, size_t len)
{
    (void)arg;
    CU_ASSERT_EQUAL(h245_engine_input(me.h245, pdu, len, 0), 0);
}

static void on_start(void *arg, const struct addr *address)
{
    (void)arg;
    CU_ASSERT_EQUAL(address->family, ADDR_IP4);
    me.start_h245++;
}

static void on_keypad(void *arg, const char *digits)
{
    (void)arg;
    CU_ASSERT_EQUAL(strlen(digits), 1);
    me.keypad++;
}

static void on_released(void *arg, const struct h225_release *release)
{
    (void)arg;
    me.released++;
    me.cause = release->cause;
}

static const struct h225_call_ops call_ops = {.send = call_send,
                                              .on_setup = on_setup,
                                              .on_h245_pdu = on_call_pdu,
                                              .on_start_h245 = on_start,
                                              .on_keypad = on_keypad,
                                              .on_released = on_released};

static void h245_send(void *arg, const uint8_t *pdu, size_t len)
{
    (void)arg;
    if (me.tunnelling)
        h225_call_send_h245(me.call, pdu, len);
}

static void on_msd_done(void *arg, bool is_master)
{
    (void)arg;
    me.msd_done++;
    me.is_master = is_master;
}

static enum h245_tcs_answer on_tcs(void *arg, const struct h245_TerminalCapabilitySet *tcs)
{
    (void)arg;
    h245_read_tcs(tcs, &me.caps);
    return H245_TCS_ACK;
}

static void on_ready(void *arg)
{
    struct h245_channel channel = {.lcn = 101, .session_id = 1, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_OpenLogicalChannel *olc = NULL;

    (void)arg;
    me.ready++;
    if (me.caps.audio_count < 2)
        return; /* the mismatch: nothing that we could send */
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&me.arena, &channel, &olc), 0);
    CU_ASSERT_EQUAL(h245_channel_open(me.h245, olc, 0), 0);
}

static void on_open(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct h245_channel channel;
    struct h245_channel_ack params = {.session_id = 1};
    struct h245_OpenLogicalChannelAck *ack = NULL;

    (void)arg;
    CU_ASSERT_EQUAL(h245_read_olc(olc, &channel), 0);
    CU_ASSERT_EQUAL(channel.media_control.family, ADDR_IP4);
    params.media = addr_from_ip4((const uint8_t[]){198, 18, 0, 2}, 5000);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc_ack(&me.arena, &params, &ack), 0);
    CU_ASSERT_EQUAL(h245_channel_accept(me.h245, lcn, ack, 0), 0);
    me.in++;
}

static void on_opened(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct h245_channel_ack params;

    (void)arg;
    CU_ASSERT_EQUAL(lcn, 101);
    CU_ASSERT_EQUAL(h245_read_olc_ack(ack, &params), 0);
    CU_ASSERT_EQUAL(params.media.family, ADDR_IP4);
    CU_ASSERT_EQUAL(params.media.port + 1, params.media_control.port);
    me.out++;
}

static void on_input(void *arg, const struct h245_user_input *input)
{
    (void)arg;
    CU_ASSERT_EQUAL(strlen(input->text), 1);
    me.inputs++;
}

static void on_misc(void *arg, const struct h245_MiscellaneousCommand *command)
{
    (void)arg;
    CU_ASSERT_EQUAL(command->type.kind, h245_MiscellaneousCommand_type_videoFastUpdatePicture);
    me.misc++;
}

static void on_end(void *arg)
{
    (void)arg;
    me.ended++;
}

static const struct h245_engine_ops h245_ops = {.send = h245_send,
                                                .on_msd_done = on_msd_done,
                                                .on_peer_capabilities = on_tcs,
                                                .on_ready = on_ready,
                                                .on_channel_open_request = on_open,
                                                .on_channel_opened = on_opened,
                                                .on_user_input = on_input,
                                                .on_misc_command = on_misc,
                                                .on_end_session = on_end};

static uint32_t draw(void *arg)
{
    (void)arg;
    return me.number;
}

/* ---- the play ---- */

static void answer(void)
{
    static const struct addr listen = {ADDR_IP4, 0, 40000, 0, {198, 18, 0, 2}};

    CU_ASSERT_EQUAL(h225_call_proceeding(me.call, 0), 0);
    if (me.tunnelling)
        start_h245(); /* rides in Connect, as h323plus does it */
    CU_ASSERT_EQUAL(h225_call_connect(me.call, me.tunnelling ? NULL : &listen, 0), 0);
}

static void play(const char *capture, bool tunnelling, bool connects)
{
    struct h225_call_config call_config = {.tunnelling = tunnelling};
    struct h245_engine_config h245_config = {.random = draw};

    memset(&me, 0, sizeof(me));
    arena_init(&me.arena, 0, 0);
    load(capture);
    me.tunnelling = tunnelling;
    me.number = fitting_number();
    me.call = h225_call_create(&call_config, &call_ops, NULL, 0);
    me.h245 = h245_engine_create(&h245_config, &h245_ops, NULL);
    CU_ASSERT_FATAL(me.call != NULL && me.h245 != NULL);
    for (size_t i = 0; i < line_count; i++) {
        if (lines[i].is_h245) {
            start_h245();
            CU_ASSERT_EQUAL(h245_engine_input(me.h245, lines[i].data, lines[i].len, 0), 0);
        } else {
            CU_ASSERT_EQUAL(h225_call_input(me.call, lines[i].data, lines[i].len, 0), 0);
        }
        if (i == 0 && connects)
            answer();
    }
    CU_ASSERT_EQUAL(me.setup, 1);
    CU_ASSERT_EQUAL(me.released, 1);
    CU_ASSERT_EQUAL(h225_call_stats(me.call)->unexpected, 0);
    CU_ASSERT_EQUAL(h225_call_stats(me.call)->undecodable, 0);
    CU_ASSERT_EQUAL(h245_engine_stats(me.h245)->undecodable, 0);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(me.h245), H245_NEVER);
    h245_engine_destroy(me.h245);
    h225_call_destroy(me.call);
    arena_fini(&me.arena);
}

static void check_media(int in, int out)
{
    CU_ASSERT_EQUAL(me.msd_done, 1);
    CU_ASSERT_EQUAL(me.ready, 1);
    CU_ASSERT_EQUAL(me.in, in);
    CU_ASSERT_EQUAL(me.out, out);
    CU_ASSERT_EQUAL(me.ended, 1);
    CU_ASSERT_EQUAL(me.cause, Q931_CAUSE_NORMAL);
}

static void separate_h245_opens_both_channels(void)
{
    play("a_noFS_noTun", false, true);
    check_media(1, 1);
    CU_ASSERT_EQUAL(me.caps.audio_count, 2);
    CU_ASSERT_EQUAL(me.caps.telephone_event_pt, 101);
}

static void tunnelled_h245_opens_both_channels(void)
{
    play("c_noFS_Tun", true, true);
    check_media(1, 1);
}

static void h245_in_setup_opens_both_channels(void)
{
    play("f3_simple_h245setup", true, true);
    check_media(1, 1);
}

static void tunnelling_caller_falls_back_to_separate(void)
{
    play("h1_callerTun_calleeNoTun", false, true);
    check_media(1, 1);
}

static void media_encryption_of_h2356_is_read_as_protected(void)
{
    play("d1_enc128_noFS_noTun", false, true);
    check_media(1, 1);
}

static void video_caller_opens_two_channels(void)
{
    play("v1_video_h261_noFS_Tun", true, true);
    check_media(2, 1);
    CU_ASSERT_EQUAL(me.misc, 1);
}

static void mcu_caller_is_master(void)
{
    play("n1_callerMCU", false, true);
    check_media(1, 1);
    CU_ASSERT_EQUAL(me.is_master, 0);
}

static void dtmf_arrives_as_user_input(void)
{
    play("f1_simple_dtmf_noFS_noTun", false, true);
    check_media(1, 1);
    CU_ASSERT_EQUAL(me.inputs, 3);
}

static void codec_mismatch_opens_nothing_and_ends_cleanly(void)
{
    play("j1_codecMismatch", false, true);
    check_media(0, 0);
}

static void fast_start_callers_are_served_without_h245(void)
{
    play("b1_FS_noTun", false, true);
    CU_ASSERT_EQUAL(me.fast_start, 4);
    CU_ASSERT_EQUAL(me.start_h245, 1);
    play("b5_FS_noTun_dtmf", false, true);
    CU_ASSERT_EQUAL(me.keypad, 2);
    CU_ASSERT_EQUAL(me.start_h245, 1);
}

static void parallel_h245_in_setup_completes_exchange(void)
{
    play("b3_FS_Tun_h245setup", true, true);
    CU_ASSERT_EQUAL(me.msd_done, 1);
    CU_ASSERT_EQUAL(me.ready, 1);
    CU_ASSERT_EQUAL(me.ended, 1);
}

static void caller_that_gives_up_releases(void)
{
    play("g2_callerAbort", false, false);
    CU_ASSERT_EQUAL(me.cause, Q931_CAUSE_NORMAL);
}

SUITE("h225/callers", TEST(separate_h245_opens_both_channels),
      TEST(tunnelled_h245_opens_both_channels), TEST(h245_in_setup_opens_both_channels),
      TEST(tunnelling_caller_falls_back_to_separate),
      TEST(media_encryption_of_h2356_is_read_as_protected), TEST(video_caller_opens_two_channels),
      TEST(mcu_caller_is_master), TEST(dtmf_arrives_as_user_input),
      TEST(codec_mismatch_opens_nothing_and_ends_cleanly),
      TEST(fast_start_callers_are_served_without_h245),
      TEST(parallel_h245_in_setup_completes_exchange), TEST(caller_that_gives_up_releases))
