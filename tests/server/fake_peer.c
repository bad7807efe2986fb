/* The H.245 side of a fake peer: the engine of the server itself, with a peer's answers. */
#include "fake_data.h"
#include "fake_heard.h"
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

static void peer_h245_send(void *arg, const uint8_t *data, size_t len)
{
    struct peer *p = arg;

    if (h225_call_is_tunnelling(p->call) || p->is_early)
        (void)h225_call_send_h245(p->call, data, len);
    else if (!p->is_mute)
        peer_send_h245(p, data, len);
}

static uint32_t peer_random(void *arg)
{
    struct peer *p = arg;

    return p->world->env.random(p->world);
}

static void maybe_open(struct peer *p)
{
    if (p->opens && p->msd_done && p->has_caps && p->caps_acked && p->out_lcn == 0)
        peer_open(p, p->audio[0].codec);
}

static void peer_msd_done(void *arg, bool is_master)
{
    struct peer *p = arg;

    p->msd_done = true;
    p->is_master = is_master;
    maybe_open(p);
}

static enum h245_tcs_answer peer_on_caps(void *arg, const struct h245_TerminalCapabilitySet *tcs)
{
    struct peer *p = arg;
    uint16_t protects[32];

    p->tcs_count++;
    memset(&p->caps, 0, sizeof(p->caps));
    CU_ASSERT_EQUAL(h245_read_tcs(tcs, &p->caps), 0);
    (void)h23510_on_peer_tcs(&p->dtls, tcs, protects, 32, &p->protected_entries);
    p->has_caps = !p->caps.is_empty; /* an empty set says: wait */
    maybe_open(p);
    return H245_TCS_ACK;
}

static void peer_caps_acked(void *arg)
{
    struct peer *p = arg;

    p->caps_acked = true;
    maybe_open(p);
}

static struct peer_channel *find_channel(struct peer *p, uint16_t lcn,
                                         enum h245_direction direction)
{
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        if (p->channels[i].lcn == lcn && p->channels[i].direction == direction)
            return &p->channels[i];
    return NULL;
}

static struct peer_channel *add_channel(struct peer *p, const struct h245_channel *c,
                                        enum h245_direction direction)
{
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++) {
        if (p->channels[i].lcn != 0)
            continue;
        p->channels[i] = (struct peer_channel){.lcn = c->lcn,
                                               .direction = direction,
                                               .kind = c->kind,
                                               .audio = c->audio,
                                               .relayed = c->relayed,
                                               .session_id = c->session_id,
                                               .payload_type = c->payload_type,
                                               .has_port_number = c->has_port_number,
                                               .port_number = c->port_number,
                                               .replaces = c->replaces};
        return &p->channels[i];
    }
    CU_FAIL("peer has too many channels");
    return NULL;
}

struct peer_channel *peer_channel(struct peer *p, enum h245_media kind,
                                  enum h245_direction direction)
{
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        if (p->channels[i].lcn != 0 && p->channels[i].kind == kind &&
            p->channels[i].direction == direction)
            return &p->channels[i];
    return NULL;
}

/* Where it wants media of a kind: one port for all with DTLS, else one a medium. */
static struct addr media_of(const struct peer *p, enum h245_media kind, bool is_protected)
{
    if (is_protected && kind == H245_MEDIA_VIDEO && p->video_media.family != ADDR_NONE)
        return p->video_media;
    return is_protected ? p->media : addr_with_port(p->media, (uint16_t)(p->media.port + 2 * kind));
}

/* A terminal with one decoder, or one that is busy. */
static bool refuses_second(struct peer *p, const struct h245_channel *c)
{
    if (c->kind != H245_MEDIA_AUDIO || c->session_id != 1 || !p->in_open)
        return false;
    p->seconds++;
    if (p->refuses_second == 0)
        return false;
    p->refuses_second--;
    return true;
}

static void peer_on_open_request(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct peer *p = arg;
    struct arena a;
    struct h245_channel c;
    struct h245_channel_ack fields;
    struct h245_OpenLogicalChannelAck *ack = NULL;
    struct h23510_agreement agreement;
    enum h23510_verdict verdict;

    if (fake_data_on_request(p, lcn, olc))
        return;
    memset(&fields, 0, sizeof(fields));
    CU_ASSERT_EQUAL(h245_read_olc(olc, &c), 0);
    if (refuses_second(p, &c)) {
        CU_ASSERT_EQUAL(h245_channel_reject(p->h245, lcn, p->refuses_with), 0);
        return;
    }
    verdict = h23510_check_olc(&p->dtls, olc, &agreement);
    add_channel(p, &c, H245_INCOMING)->is_open = true;
    if (c.kind == H245_MEDIA_AUDIO) {
        p->in_lcn = lcn;
        p->in_audio = c.audio;
        p->in_open = true;
    }
    fields.lcn = lcn;
    fields.media = fields.media_control = media_of(p, c.kind, c.is_protected);
    if (p->ack_other_address)
        fields.media.port = fields.media_control.port = 9998;
    if (!c.is_protected)
        fields.media_control.port++;
    fields.session_id = c.session_id == 0 ? 77 : 0;
    fields.payload_type = p->ack_payload_type;
    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_build_olc_ack(&a, &fields, &ack), 0);
    if (c.is_protected) {
        CU_ASSERT_EQUAL(verdict, H23510_OK);
        CU_ASSERT_EQUAL(h23510_fill_ack(&p->dtls, &a, ack), 0);
        if (p->tamper_ack != NULL)
            p->tamper_ack(ack->dtlsSecurityCapability);
    }
    CU_ASSERT_EQUAL(h245_channel_accept(p->h245, lcn, ack, p->world->now), 0);
    arena_fini(&a);
}

static void peer_on_opened(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct peer *p = arg;
    struct peer_channel *c = find_channel(p, lcn, H245_OUTGOING);
    struct h245_channel_ack fields;
    struct h23510_agreement agreement;

    if (fake_data_on_opened(p, lcn, ack))
        return;
    memset(&fields, 0, sizeof(fields));
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(h245_read_olc_ack(ack, &fields), 0);
    c->is_open = true;
    c->server_media = fields.media;
    c->has_port_number = fields.has_port_number;
    c->port_number = fields.port_number;
    if (c->session_id == 0)
        c->session_id = fields.session_id;
    if (c->kind == H245_MEDIA_AUDIO) {
        p->server_media = fields.media;
        p->out_open = true;
    }
    if (ack->dtlsSecurityCapability != NULL)
        CU_ASSERT_EQUAL(h23510_check_ack(&p->dtls, ack, &agreement), H23510_OK);
}

static void peer_on_rejected(void *arg, uint16_t lcn, enum h245_olc_cause cause)
{
    struct peer *p = arg;
    struct peer_channel *c = find_channel(p, lcn, H245_OUTGOING);

    if (fake_data_on_rejected(p, lcn, cause))
        return;
    p->was_refused = true;
    p->refused_cause = cause;
    if (p->out_lcn == lcn)
        p->out_lcn = 0;
    if (c != NULL)
        c->lcn = 0;
}

static void peer_on_closed(void *arg, uint16_t lcn, enum h245_direction direction,
                           enum h245_closer by)
{
    struct peer *p = arg;
    struct peer_channel *c = find_channel(p, lcn, direction);

    (void)by;
    fake_data_on_closed(p, lcn);
    if (c != NULL)
        c->lcn = 0;
    if (direction == H245_INCOMING) {
        p->closed_in++;
        if (p->in_lcn == lcn)
            p->in_open = false;
    } else {
        p->closed_out++;
        if (p->out_lcn == lcn) {
            p->out_open = false;
            p->out_lcn = 0;
        }
    }
}

static void peer_on_misc(void *arg, const struct h245_MiscellaneousCommand *command)
{
    struct peer *p = arg;

    if (command->type.kind != h245_MiscellaneousCommand_type_videoFastUpdatePicture)
        return;
    p->fast_updates++;
    p->updated_lcn = command->logicalChannelNumber;
}

static void peer_on_flow(void *arg, const struct h245_FlowControlCommand *command)
{
    struct peer *p = arg;

    p->flow_rate = command->restriction.kind == h245_FlowControlCommand_restriction_maximumBitRate
                       ? command->restriction.u.maximumBitRate
                       : UINT32_MAX;
    p->flow_lcn = command->scope.u.logicalChannelNumber;
}

static bool peer_on_close_request(void *arg, uint16_t lcn)
{
    (void)arg;
    (void)lcn;
    return true;
}

static void peer_on_end_session(void *arg)
{
    ((struct peer *)arg)->end_session = true;
}

static const struct h245_engine_ops h245_ops = {
    .send = peer_h245_send,
    .on_msd_done = peer_msd_done,
    .on_peer_capabilities = peer_on_caps,
    .on_capabilities_acked = peer_caps_acked,
    .on_channel_open_request = peer_on_open_request,
    .on_channel_opened = peer_on_opened,
    .on_channel_rejected = peer_on_rejected,
    .on_channel_closed = peer_on_closed,
    .on_channel_close_request = peer_on_close_request,
    .on_channel_confirmed = fake_data_on_confirmed,
    .on_indication = peer_on_indication,
    .on_conference_response = peer_on_conference_response,
    .on_conference_request = peer_on_conference_request,
    .on_generic = peer_on_generic,
    .on_mode_answer = peer_on_mode_answer,
    .on_mode_request = peer_on_mode_request,
    .on_user_input = peer_on_keys,
    .on_misc_command = peer_on_misc,
    .on_flow_control = peer_on_flow,
    .on_end_session = peer_on_end_session,
};

void peer_init_dtls(struct peer *p)
{
    const struct h23510_policy policy = {
        .mode = p->mode, .setup = p->setup, .open_role = H23510_SETUP_ACTIVE};

    CU_ASSERT_EQUAL(h23510_init(&p->dtls, &policy, &p->world->peer_id), 0);
    p->has_dtls = true;
}

void peer_h245_begin(struct peer *p)
{
    const struct h245_engine_config config = {.random = peer_random,
                                              .terminal_type = p->terminal_type};

    if (!p->has_dtls)
        peer_init_dtls(p);
    p->h245 = h245_engine_create(&config, &h245_ops, p);
    p->has_h245 = true;
    if (!h225_call_is_tunnelling(p->call) && !p->is_early)
        session_on_h245_up(p->session, &p->signalling, p->world->now);
    peer_send_capabilities(p);
    CU_ASSERT_EQUAL(h245_msd_start(p->h245, p->world->now), 0);
}

uint16_t peer_open_channel(struct peer *p, struct h245_channel *c)
{
    struct h245_OpenLogicalChannel *olc = NULL;
    bool is_protected = h23510_is_usable(&p->dtls) && !p->opens_plain;
    struct arena a;

    CU_ASSERT_EQUAL(h245_channel_number(p->h245, &c->lcn), 0);
    if (c->media_control.family == ADDR_NONE) {
        c->media_control = media_of(p, c->kind, is_protected);
        if (!is_protected)
            c->media_control.port++;
    }
    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_build_olc(&a, c, &olc), 0);
    if (is_protected) {
        CU_ASSERT_EQUAL(h23510_fill_olc(&p->dtls, &a, olc), 0);
        if (p->tamper_olc != NULL)
            p->tamper_olc(olc->forwardLogicalChannelParameters.dataType.u.h235Media
                              ->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability);
    }
    (void)add_channel(p, c, H245_OUTGOING);
    CU_ASSERT_EQUAL(h245_channel_open(p->h245, olc, p->world->now), 0);
    arena_fini(&a);
    return c->lcn;
}

void peer_open(struct peer *p, enum h245_codec codec)
{
    struct h245_channel c = {.session_id = 1, .audio = {.codec = codec, .frames = 20}};

    p->out_lcn = peer_open_channel(p, &c);
}

uint16_t peer_open_relayed(struct peer *p, const char *name)
{
    struct h245_channel c = {.kind = H245_MEDIA_COUNT};

    for (size_t i = 0; i < p->relayed_count; i++)
        if (strcmp(p->relayed[i].name, name) == 0)
            c.relayed = p->relayed[i];
    CU_ASSERT_TRUE_FATAL(c.relayed.len > 0);
    c.kind = c.relayed.media;
    c.session_id = (uint8_t)(c.kind + 1);
    if (c.relayed.payload_type == 0)
        c.payload_type = 96;
    return peer_open_channel(p, &c);
}

void peer_add_video(struct peer *p, const char *name)
{
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_relayed_usual(&a, name, &p->relayed[p->relayed_count++]), 0);
    arena_fini(&a);
}

static void add_replacement(struct arena *a, struct h245_TerminalCapabilitySet *tcs)
{
    uint32_t n = tcs->capabilityTable.n;
    struct h245_CapabilityTableEntry *table =
        arena_array(a, n + 1, sizeof(*tcs->capabilityTable.v));
    struct h245_Capability *cap = arena_zalloc(a, sizeof(*cap));

    CU_ASSERT_FATAL(table != NULL && cap != NULL);
    memcpy(table, tcs->capabilityTable.v, n * sizeof(*table));
    cap->kind = h245_Capability_maxPendingReplacementFor;
    cap->u.maxPendingReplacementFor = 1;
    memset(&table[n], 0, sizeof(*table));
    table[n].capabilityTableEntryNumber = 999;
    table[n].capability = cap;
    tcs->capabilityTable.v = table;
    tcs->capabilityTable.n = n + 1;
}

void peer_send_capabilities(struct peer *p)
{
    const struct h245_caps_offer offer = {.audio = p->audio,
                                          .audio_count = p->audio_count,
                                          .relayed = p->relayed,
                                          .relayed_count = p->relayed_count,
                                          .data = &p->data,
                                          .data_count = p->has_data};
    struct h245_TerminalCapabilitySet *tcs = NULL;
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_build_tcs(&a, &offer, &tcs), 0);
    CU_ASSERT_EQUAL(h23510_offer(&p->dtls, &a, tcs), 0);
    if (p->knows_replacement)
        add_replacement(&a, tcs);
    if (p->tamper_tcs != NULL)
        p->tamper_tcs(tcs);
    CU_ASSERT_EQUAL(h245_ces_send(p->h245, tcs, p->world->now), 0);
    arena_fini(&a);
}

void peer_send_empty_capabilities(struct peer *p)
{
    struct h245_TerminalCapabilitySet *tcs = NULL;
    struct arena a;

    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_build_empty_tcs(&a, &tcs), 0);
    CU_ASSERT_EQUAL(h245_ces_send(p->h245, tcs, p->world->now), 0);
    arena_fini(&a);
}

static void send_command(struct peer *p, struct h245_CommandMessage *command)
{
    const struct h245_MultimediaSystemControlMessage pdu = {
        .kind = h245_MultimediaSystemControlMessage_command, .u.command = command};

    CU_ASSERT_EQUAL(h245_engine_send(p->h245, &pdu), 0);
}

void peer_send_fast_update(struct peer *p, uint16_t lcn)
{
    struct h245_MiscellaneousCommand update = {
        .logicalChannelNumber = lcn,
        .type.kind = h245_MiscellaneousCommand_type_videoFastUpdatePicture};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                    .u.miscellaneousCommand = &update};

    send_command(p, &m);
}

void peer_send_flow_control(struct peer *p, uint16_t lcn, uint32_t rate)
{
    struct h245_FlowControlCommand flow = {
        .scope = {h245_FlowControlCommand_scope_logicalChannelNumber,
                  .u.logicalChannelNumber = lcn},
        .restriction = {h245_FlowControlCommand_restriction_maximumBitRate,
                        .u.maximumBitRate = rate}};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_flowControlCommand,
                                    .u.flowControlCommand = &flow};

    send_command(p, &m);
}

void peer_unknown_video(struct h245_relayed *out, unsigned levels)
{
    static const uint32_t arcs[] = {0, 0, 8, 265, 0, 0, 1};
    struct h245_GenericParameter level[4];
    struct h245_GenericCapability generic = {
        .capabilityIdentifier = {h245_CapabilityIdentifier_standard,
                                 .u.standard = {sizeof(arcs) / sizeof(arcs[0]), arcs}},
        .has_maxBitRate = true,
        .maxBitRate = 10000,
        .has_collapsing = levels > 0,
        .collapsing = {levels, level},
    };
    const struct h245_VideoCapability video = {.kind = h245_VideoCapability_genericVideoCapability,
                                               .u.genericVideoCapability = &generic};

    memset(level, 0, sizeof(level));
    for (unsigned i = 0; i < levels && i < 4; i++) {
        level[i].parameterIdentifier.kind = h245_ParameterIdentifier_standard;
        level[i].parameterIdentifier.u.standard = (uint8_t)i;
        level[i].parameterValue.kind = h245_ParameterValue_unsignedMin;
        level[i].parameterValue.u.unsignedMin = (uint16_t)(100 + i);
    }
    CU_ASSERT_EQUAL_FATAL(h245_relayed_of_video(&video, out), 0);
}

void peer_ask_to_close(struct peer *p, uint16_t lcn)
{
    CU_ASSERT_EQUAL(h245_channel_close(p->h245, lcn, H245_INCOMING, p->world->now), 0);
}

void peer_close_channel(struct peer *p, uint16_t lcn)
{
    CU_ASSERT_EQUAL(h245_channel_close(p->h245, lcn, H245_OUTGOING, p->world->now), 0);
}

void peer_close(struct peer *p)
{
    peer_close_channel(p, p->out_lcn);
}

void peer_hang_up(struct peer *p)
{
    (void)h245_end_session(p->h245, p->world->now);
    (void)h225_call_release(p->call, H225_REASON_NORMAL, p->world->now);
}
