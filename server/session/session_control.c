/* What a session does in H.245 beside opening channels and its seat in the conference
 * (session_seat.c) and modes (session_modes.c): flow control, miscellaneous commands, user input
 * that we send. */
#include "server/session/session_control.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/conference/h243.h"
#include "server/session/session_data.h"
#include "server/session/session_priv.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

/* ---- indications ---- */

/* Many endpoints name their product in call signalling; the others do it here. What call signalling
 * said already stays: it came first and is more exact. */
static void on_vendor(struct session *s, const struct h245_VendorIdentification *vendor)
{
    if (vendor->has_productNumber && s->peer_product[0] == '\0')
        session_copy_octets(s->peer_product, sizeof(s->peer_product), &vendor->productNumber);
    if (vendor->has_versionNumber && s->peer_version[0] == '\0')
        session_copy_octets(s->peer_version, sizeof(s->peer_version), &vendor->versionNumber);
}

void session_control_on_indication(void *arg, const struct h245_IndicationMessage *indication)
{
    struct session *s = arg;
    struct h243_member *seat = session_seat(s);

    if (indication->kind == h245_IndicationMessage_vendorIdentification)
        on_vendor(s, indication->u.vendorIdentification);
    else if (indication->kind == h245_IndicationMessage_conferenceIndication && seat != NULL)
        h243_on_indication(seat, indication->u.conferenceIndication);
}

/* ---- requests that cross ---- */

/* Both halves of a call have one codec here. A slave that is told of the conflict opens again with
 * the master's codec; "not available" would leave it to guess. As slave we judge as usual. */
bool session_control_on_conflict(void *arg, uint16_t ours,
                                 const struct h245_OpenLogicalChannel *theirs, bool usual)
{
    struct session *s = arg;
    const struct session_channel *c = session_channel_find(s, ours, H245_OUTGOING);
    struct h245_channel offered;

    /* Data conflicts are solved by roles, see session_data_conflicts. */
    if (c != NULL && session_data_conflicts(s, c, theirs))
        return true;
    /* As slave, or for anything but the first audio channel, the engine's own judgement holds
     * (H.245 C.4.1.3). */
    if (c == NULL || c->kind != H245_MEDIA_AUDIO || c->index != 0 || !h245_msd_is_master(s->h245) ||
        h245_read_olc(theirs, &offered) != 0 || offered.kind != H245_MEDIA_AUDIO ||
        offered.session_id > SESSION_AUDIO_ID || offered.audio.codec == c->audio.codec)
        return usual;
    s->env->stats.channels_rejected++;
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245,
                 "channel %u rejected: it crossed with ours, which has %s", offered.lcn,
                 h245_codec_to_str(c->audio.codec));
    return true;
}

/* ---- flow control ---- */

/* Bit rate of what is in the RTP packets, in 100 bit/s: that is what flow control limits in
 * H.225.0. Unknown ones need anything at all; so do pictures, which their source makes smaller. */
static uint32_t need_of(const struct session_channel *c)
{
    if (c->kind != H245_MEDIA_AUDIO)
        return 1;
    switch (c->audio.codec) {
    case H245_CODEC_PCMA:
    case H245_CODEC_PCMU:
    case H245_CODEC_G722:
        return 640;
    case H245_CODEC_G728:
        return 160;
    default:
        return 1;
    }
}

/* A stream that cannot be made smaller is either sent or not (H.245 B.15: the limit is a command).
 */
static void limit(struct session *s, struct session_channel *c, bool is_limited, uint32_t rate)
{
    /* G.711 under a limit of 64 kbit/s would be noise. */
    bool is_stopped = is_limited && rate < need_of(c);

    if (c->is_stopped == is_stopped)
        return;
    c->is_stopped = is_stopped;
    log_info(LOG_AREA_H245, s->id, is_stopped ? "flow control stops a channel" : "it goes on",
             LOG_U("lcn", c->lcn), LOG_U("max_rate", rate));
    if (session_wants_events(s))
        session_event(s, "session.flow_control",
                      json_pack("{s:i,s:b}", "lcn", (int)c->lcn, "is_stopped", is_stopped));
}

void session_control_on_flow_control(void *arg, const struct h245_FlowControlCommand *command)
{
    struct session *s = arg;
    bool is_limited =
        command->restriction.kind == h245_FlowControlCommand_restriction_maximumBitRate;
    uint32_t rate = is_limited ? command->restriction.u.maximumBitRate : 0;

    /* Nothing of ours has a resource id. */
    if (command->scope.kind == h245_FlowControlCommand_scope_resourceID)
        return;                          /* of ATM: we have none, and a command is not answered */
    session_on_flow_control(s, command); /* whose media it is can make them smaller */
    SESSION_EACH_CHANNEL (s, c) {
        /* Ours: limits are about what we send. */
        if (c->direction == H245_OUTGOING &&
            (command->scope.kind == h245_FlowControlCommand_scope_wholeMultiplex ||
             command->scope.u.logicalChannelNumber == c->lcn))
            limit(s, c, is_limited, rate);
    }
    /* What is stopped is not routed. */
    if (s->conference != NULL)
        conference_update(s->conference);
}

/* ---- miscellaneous commands ---- */

#define COMMAND_LIST(X)              \
    X(equaliseDelay)                 \
    X(zeroDelay)                     \
    X(multipointModeCommand)         \
    X(cancelMultipointModeCommand)   \
    X(videoFreezePicture)            \
    X(videoFastUpdatePicture)        \
    X(videoSendSyncEveryGOB)         \
    X(videoSendSyncEveryGOBCancel)   \
    X(switchReceiveMediaOff)         \
    X(switchReceiveMediaOn)          \
    X(progressiveRefinementAbortOne) \
    X(progressiveRefinementAbortContinuous)

/* Those that consist of their name. */
static const struct {
    const char *name;
    enum h245_MiscellaneousCommand_type_kind kind;
} commands[] = {
#define COMMAND_ROW(name) {#name, h245_MiscellaneousCommand_type_##name},
    COMMAND_LIST(COMMAND_ROW)
#undef COMMAND_ROW
};

static const char *command_name(enum h245_MiscellaneousCommand_type_kind kind)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (commands[i].kind == kind)
            return commands[i].name;
    return "other";
}

void session_control_on_misc_command(void *arg, const struct h245_MiscellaneousCommand *command)
{
    struct session *s = arg;

    /* First what it means for media, then whoever listens. */
    session_on_misc_command(s, command);
    if (session_wants_events(s))
        session_event(s, "session.misc_command",
                      json_pack("{s:i,s:s}", "lcn", (int)command->logicalChannelNumber, "command",
                                command_name(command->type.kind)));
}

static int send_misc(struct session *s, uint16_t lcn, enum h245_MiscellaneousCommand_type_kind kind)
{
    struct h245_MiscellaneousCommand misc = {.logicalChannelNumber = lcn, .type.kind = kind};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                    .u.miscellaneousCommand = &misc};

    return h245_send_command(s->h245, &m);
}

int session_misc_command(struct session *s, const char *command, uint16_t lcn, uint64_t now)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, command) != 0)
            continue;
        if (s->state != SESSION_ACTIVE || s->h245 == NULL)
            return ERR_STATE;
        /* In either direction: commands may name channels of both sides. */
        if (session_channel_find(s, lcn, H245_INCOMING) == NULL &&
            session_channel_find(s, lcn, H245_OUTGOING) == NULL)
            return ERR_NOTFOUND;
        s->now = now;
        return send_misc(s, lcn, commands[i].kind);
    }
    return ERR_UNSUPPORTED;
}

/* ---- user input ---- */

int session_send_user_input(struct session *s, const char *text, uint32_t duration_ms, uint64_t now)
{
    if (s->state != SESSION_ACTIVE || s->h245 == NULL)
        return ERR_STATE;
    s->now = now;
    if (duration_ms == 0)
        /* Without a duration the text as it is, in the way that the peer can take. */
        return h245_send_user_input(s->h245, text);
    /* Only a signal can say how long, and it is one key. */
    if (text[0] == '\0' || text[1] != '\0' || duration_ms > UINT16_MAX)
        return ERR_INVAL;
    return h245_send_signal(s->h245, text[0], (uint16_t)duration_ms);
}
