#include "tests/fuzz/fuzz_h245_user.h"

#include "signalling/h245/h239.h"
#include "signalling/h245/media.h"
#include "signalling/h245/summary.h"
#include "signalling/schema/h245.h"

#include <stdlib.h>
#include <string.h>

/* ---- callbacks ---- */

static void on_send(void *arg, const uint8_t *pdu, size_t len)
{
    struct user *u = arg;

    if (pdu == NULL || len == 0)
        abort();
    u->sent++;
    if (!u->keeps || u->queued == USER_QUEUE || len > USER_PDU_MAX)
        return;
    memcpy(u->queue[u->queued].data, pdu, len);
    u->queue[u->queued++].len = len;
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

static bool takes(struct user *u)
{
    maybe_leave(u);
    return (u->mood & 32) != 0;
}

static enum h245_tcs_answer on_tcs(void *arg, const struct h245_TerminalCapabilitySet *tcs)
{
    struct user *u = arg;
    struct h245_peer_caps caps;
    struct h239_caps h239;
    uint16_t protects[8];
    size_t count = 0;

    h245_read_tcs(tcs, &caps);
    h239_read_tcs(tcs, &h239);
    h23510_on_peer_tcs(&u->n, tcs, protects, 8, &count);
    if (caps.audio_count > H245_CAPS_MAX || count > 8 || h239.roles > 255)
        abort();
    maybe_leave(u);
    return (enum h245_tcs_answer)(u->mood % 5);
}

static void accept_channel(struct user *u, uint16_t lcn, bool both_ways, uint16_t reverse_lcn)
{
    struct h245_OpenLogicalChannelAck_reverseLogicalChannelParameters reverse = {
        .reverseLogicalChannelNumber = reverse_lcn};
    struct h245_channel_ack ack = {.session_id = 1};
    struct h245_OpenLogicalChannelAck *m = NULL;

    ack.media = addr_from_ip4((const uint8_t[]){192, 0, 2, 1}, 5004);
    if (u->engine == NULL || h245_build_olc_ack(&u->arena, &ack, &m) != 0)
        return;
    if (both_ways)
        m->reverseLogicalChannelParameters = &reverse;
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
    if (h245_channel_count(u->engine, H245_INCOMING) > USER_CHANNELS_MAX)
        abort();
    if ((u->mood & 3) == 0)
        accept_channel(u, lcn, olc->reverseLogicalChannelParameters != NULL, 0);
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
    if (!h245_channel_is_open(u->engine, lcn, H245_OUTGOING))
        abort();
    if ((u->mood & 4) != 0)
        h245_channel_close(u->engine, lcn, H245_OUTGOING, u->now);
    maybe_leave(u);
}

static void on_confirmed(void *arg, uint16_t lcn)
{
    struct user *u = arg;

    if (h245_channel_reverse(u->engine, lcn, H245_INCOMING) == 0)
        abort();
    maybe_leave(u);
}

static bool on_conflict(void *arg, uint16_t ours, const struct h245_OpenLogicalChannel *theirs,
                        bool usual)
{
    struct user *u = arg;

    (void)theirs;
    if ((u->mood & 16) != 0)
        h245_channel_close(u->engine, ours, H245_OUTGOING, u->now);
    maybe_leave(u);
    return (u->mood & 2) != 0 ? !usual : usual;
}

static void open_channel(struct user *u, bool both_ways, uint16_t replaces)
{
    struct h245_OpenLogicalChannel_reverseLogicalChannelParameters reverse = {
        .dataType.kind = h245_DataType_nullData};
    struct h245_channel channel = {.session_id = 1, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_OpenLogicalChannel *olc = NULL;

    if (u->engine == NULL || h245_channel_number(u->engine, &channel.lcn) != 0 ||
        h245_build_olc(&u->arena, &channel, &olc) != 0)
        return;
    if (both_ways)
        olc->reverseLogicalChannelParameters = &reverse;
    olc->forwardLogicalChannelParameters.has_replacementFor = replaces != 0;
    olc->forwardLogicalChannelParameters.replacementFor = replaces;
    h23510_fill_olc(&u->n, &u->arena, olc);
    h245_channel_open(u->engine, olc, u->now);
}

static void on_closed(void *arg, uint16_t lcn, enum h245_direction direction, enum h245_closer by)
{
    struct user *u = arg;

    (void)by;
    if (h245_channel_is_open(u->engine, lcn, direction))
        abort();
    if ((u->mood & 8) != 0)
        open_channel(u, (u->mood & 1) != 0, 0);
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
    if (strlen(input->text) > 65536)
        abort();
    maybe_leave(arg);
}

static void on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    struct user *u = arg;

    if (request->requestedModes.n == 0)
        abort();
    if ((u->mood & 3) != 2)
        h245_mode_answer(u->engine, (enum h245_mode_answer)(u->mood % H245_MODE_ANSWER_COUNT));
    maybe_leave(u);
}

static void on_mode_withdrawn(void *arg)
{
    struct user *u = arg;

    h245_mode_answer(u->engine, H245_MODE_DENIED);
    maybe_leave(u);
}

static void on_mode_answer(void *arg, enum h245_mode_answer answer)
{
    if (answer >= H245_MODE_ANSWER_COUNT)
        abort();
    maybe_leave(arg);
}

static void on_loop_request(void *arg, enum h245_loop loop, uint16_t lcn)
{
    struct user *u = arg;

    if ((u->mood & 3) != 2)
        h245_loop_answer(u->engine, loop, lcn, (u->mood & 1) != 0);
    maybe_leave(u);
}

static void on_loop_ended(void *arg, enum h245_loop loop, uint16_t lcn)
{
    struct user *u = arg;

    h245_loop_answer(u->engine, loop, lcn, true);
    maybe_leave(u);
}

static void on_loop(void *arg, enum h245_loop loop, uint16_t lcn, bool is_on)
{
    struct user *u = arg;

    (void)lcn;
    (void)is_on;
    if (loop > H245_LOOP_CHANNEL)
        abort();
    if ((u->mood & 16) != 0)
        h245_loop_off(u->engine);
    maybe_leave(u);
}

static void on_rate_request(void *arg, uint16_t lcn, enum h245_direction direction, uint32_t rate)
{
    struct user *u = arg;

    if (!h245_channel_is_open(u->engine, lcn, direction))
        abort();
    if ((u->mood & 3) != 2)
        h245_rate_answer(u->engine, lcn, direction, (u->mood & 1) != 0, rate / 2);
    maybe_leave(u);
}

static void on_rate_answer(void *arg, uint16_t lcn, enum h245_direction direction, bool is_granted,
                           uint32_t rate)
{
    (void)lcn;
    (void)direction;
    (void)is_granted;
    (void)rate;
    maybe_leave(arg);
}

static bool on_communication_mode_request(void *arg)
{
    return takes(arg);
}

static bool on_communication_mode(void *arg,
                                  const struct h245_CommunicationModeTableEntry_list *table,
                                  bool is_command)
{
    (void)is_command;
    if (table->n == 0)
        abort();
    return takes(arg);
}

static bool on_conference_request(void *arg, const struct h245_ConferenceRequest *request)
{
    (void)request;
    return takes(arg);
}

static bool on_conference_command(void *arg, const struct h245_ConferenceCommand *command)
{
    (void)command;
    return takes(arg);
}

static void on_conference_response(void *arg, const struct h245_ConferenceResponse *response)
{
    (void)response;
    maybe_leave(arg);
}

static bool on_generic(void *arg, enum h245_generic_class class,
                       const struct h245_GenericMessage *message)
{
    struct user *u = arg;
    struct h239_message m;

    if (class > H245_GENERIC_INDICATION)
        abort();
    if (h239_read(message, &m) == 0 && (u->mood & 1) != 0 && class == H245_GENERIC_REQUEST) {
        m.kind = (enum h239_kind)(m.kind + 1);
        h239_send(u->engine, &u->arena, &m, u->now);
    }
    return takes(u);
}

static void on_indication(void *arg, const struct h245_IndicationMessage *indication)
{
    (void)indication;
    maybe_leave(arg);
}

static void on_not_supported(void *arg, const struct h245_MultimediaSystemControlMessage *ours)
{
    (void)ours;
    maybe_leave(arg);
}

static const struct h245_engine_ops ops = {
    .send = on_send,
    .on_pdu = on_pdu,
    .on_peer_capabilities = on_tcs,
    .on_channel_open_request = on_open,
    .on_channel_opened = on_opened,
    .on_channel_confirmed = on_confirmed,
    .on_channel_conflict = on_conflict,
    .on_channel_closed = on_closed,
    .on_channel_close_request = on_close_request,
    .on_user_input = on_text,
    .on_mode_request = on_mode_request,
    .on_mode_withdrawn = on_mode_withdrawn,
    .on_mode_answer = on_mode_answer,
    .on_loop_request = on_loop_request,
    .on_loop_ended = on_loop_ended,
    .on_loop = on_loop,
    .on_rate_request = on_rate_request,
    .on_rate_answer = on_rate_answer,
    .on_communication_mode_request = on_communication_mode_request,
    .on_communication_mode = on_communication_mode,
    .on_conference_request = on_conference_request,
    .on_conference_command = on_conference_command,
    .on_conference_response = on_conference_response,
    .on_generic = on_generic,
    .on_indication = on_indication,
    .on_not_supported = on_not_supported,
    .on_failed = on_failed,
};

/* ---- actions ---- */

static void send_caps(struct user *u)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}};
    struct h245_caps_offer offer = {.audio = audio,
                                    .audio_count = 1,
                                    .telephone_event_pt = 101,
                                    .has_chair_control = true,
                                    .has_h239 = true};
    struct h245_TerminalCapabilitySet *tcs = NULL;

    if (h245_build_tcs(&u->arena, &offer, &tcs) != 0 || h23510_offer(&u->n, &u->arena, tcs) != 0)
        abort();
    h245_ces_send(u->engine, tcs, u->now);
}

void user_act(struct user *u, unsigned what, const uint8_t *data, size_t len)
{
    uint16_t lcn = len > 0 ? data[0] : 101;

    switch (what & 15) {
    case 8:
        u->mood = (uint8_t)lcn;
        break;
    case 9:
        u->now += len > 1 ? (uint64_t)data[0] << 8 | data[1] : 1000;
        h245_engine_on_timer(u->engine, u->now);
        break;
    case 10:
        h245_msd_start(u->engine, u->now);
        break;
    case 11:
        send_caps(u);
        break;
    case 12:
        open_channel(u, false, 0);
        break;
    case 13:
        h245_channel_close(u->engine, lcn, (enum h245_direction)(len & 1), u->now);
        break;
    case 14:
        h245_rtd_start(u->engine, u->now);
        break;
    case 15:
        h245_end_session(u->engine, u->now);
        break;
    default:
        break;
    }
}

static void request_mode(struct user *u)
{
    struct h245_AudioMode audio = {.kind = h245_AudioMode_g711Alaw64k};
    struct h245_ModeElement element = {
        .type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio}};
    struct h245_ModeDescription description = {1, &element};
    struct h245_RequestMode mode = {.requestedModes = {1, &description}};

    h245_mode_request(u->engine, &mode, u->now);
}

static void ask_conference(struct user *u, unsigned kind)
{
    struct h245_TerminalLabel label = {.mcuNumber = 1, .terminalNumber = 1};
    struct h245_ConferenceRequest r = {.kind = (enum h245_ConferenceRequest_kind)(
                                           h245_ConferenceRequest_terminalListRequest +
                                           kind % h245_ConferenceRequest_enterExtensionAddress)};

    if (r.kind == h245_ConferenceRequest_dropTerminal ||
        r.kind == h245_ConferenceRequest_requestTerminalID)
        r.u.dropTerminal = &label; /* the same place in the union */
    h245_conference_request(u->engine, &r, u->now);
}

static void answer_conference(struct user *u, unsigned kind)
{
    struct h245_TerminalLabel label = {.mcuNumber = 1, .terminalNumber = 1};
    struct h245_ConferenceResponse_makeMeChairResponse chair = {
        .kind = h245_ConferenceResponse_makeMeChairResponse_grantedChairToken};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_terminalDropReject};

    if (kind % 3 == 1) {
        r.kind = h245_ConferenceResponse_makeMeChairResponse;
        r.u.makeMeChairResponse = &chair;
    } else if (kind % 3 == 2) {
        r.kind = h245_ConferenceResponse_terminalListResponse;
        r.u.terminalListResponse.n = 1;
        r.u.terminalListResponse.v = &label;
    }
    h245_conference_respond(u->engine, &r);
}

static void send_h239(struct user *u, unsigned kind, uint16_t channel)
{
    struct h239_message m = {.kind = (enum h239_kind)(1 + kind % 6),
                             .is_ack = (kind & 8) != 0,
                             .mcu = 1,
                             .terminal = 1,
                             .channel = channel,
                             .symmetry = 5};

    h239_send(u->engine, &u->arena, &m, u->now);
}

static void send_keys(struct user *u, uint8_t what)
{
    static const char keys[] = "0123456789#*ABCD!";

    if ((what & 0xc0) == 0)
        h245_send_user_input(u->engine, keys + what % (sizeof(keys) - 1));
    else if ((what & 0x40) != 0)
        h245_send_signal(u->engine, keys[what % sizeof(keys)], what);
    else
        h245_send_signal_update(u->engine, what);
}

static void send_command(struct user *u, uint8_t what, uint16_t lcn)
{
    struct h245_MiscellaneousCommand misc = {
        .logicalChannelNumber = lcn != 0 ? lcn : 1,
        .type.kind = h245_MiscellaneousCommand_type_videoFastUpdatePicture};
    struct h245_FlowControlCommand flow = {
        .scope = {.kind = h245_FlowControlCommand_scope_logicalChannelNumber,
                  .u.logicalChannelNumber = lcn != 0 ? lcn : 1},
        .restriction = {.kind = h245_FlowControlCommand_restriction_noRestriction}};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                    .u.miscellaneousCommand = &misc};

    if ((what & 1) != 0) {
        m.kind = h245_CommandMessage_flowControlCommand;
        m.u.flowControlCommand = &flow;
    }
    h245_send_command(u->engine, &m);
}

void user_act_more(struct user *u, unsigned what, const uint8_t *data, size_t len)
{
    uint8_t first = len > 0 ? data[0] : 0, second = len > 1 ? data[1] : 0;
    enum h245_direction direction = (enum h245_direction)(first >> 7);

    switch (what & 15) {
    case 0:
        request_mode(u);
        break;
    case 1:
        h245_mode_answer(u->engine, (enum h245_mode_answer)(first % 6));
        break;
    case 2:
        h245_loop_request(u->engine, (enum h245_loop)(first % 3), second, u->now);
        break;
    case 3:
        h245_loop_off(u->engine);
        break;
    case 4:
        h245_loop_answer(u->engine, (enum h245_loop)(first % 3), second, (first & 16) != 0);
        break;
    case 5:
        h245_rate_request(u->engine, second, direction, first, u->now);
        break;
    case 6:
        h245_rate_answer(u->engine, second, direction, (first & 1) != 0, first);
        break;
    case 7:
        ask_conference(u, first);
        break;
    case 8:
        answer_conference(u, first);
        break;
    case 9:
        send_h239(u, first, second);
        break;
    case 10:
        send_keys(u, first);
        break;
    case 11:
        open_channel(u, (first & 1) != 0, second);
        break;
    case 12:
        h245_communication_mode_request(u->engine, u->now);
        break;
    case 13:
        send_command(u, first, second);
        break;
    case 14:
        accept_channel(u, second, (first & 1) != 0, (uint16_t)(first >> 1));
        break;
    default:
        h245_channel_adopt(u->engine, second, direction);
        break;
    }
}

/* ---- life ---- */

static uint32_t next_random(void *arg)
{
    struct user *u = arg;

    u->random = u->random * 1103515245u + 12345u;
    return u->random;
}

void user_init(struct user *u, uint32_t random)
{
    struct h245_engine_config config = {
        .random = next_random, .channels_max = USER_CHANNELS_MAX, .memory_limit = 65536};
    struct h23510_policy policy = {.mode = H23510_MODE_PREFERRED,
                                   .setup = H23510_SETUP_ACTPASS,
                                   .open_role = H23510_SETUP_ACTIVE};
    static struct h23510_identity identity;

    memset(&identity, 0x5a, sizeof(identity));
    for (int i = 0; i < FINGERPRINT_HASH_COUNT; i++)
        identity.fingerprints[i].hash = (enum fingerprint_hash)i;
    u->now = 0;
    u->mood = 0;
    u->sent = 0;
    u->keeps = false;
    u->queued = 0;
    u->random = random;
    arena_init(&u->arena, 0, 0);
    u->engine = h245_engine_create(&config, &ops, u);
    if (u->engine == NULL || h23510_init(&u->n, &policy, &identity) != 0)
        abort();
}

void user_fini(struct user *u)
{
    h245_engine_destroy(u->engine);
    arena_fini(&u->arena);
}
