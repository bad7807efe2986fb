/* The channel of far-end camera control of a leg: opened beside the video, on the same port; so
 * only with protected media. */
#include "bench/endpoint/endpoint_h245.h"

#include "base/clock.h"
#include "base/err.h"
#include "signalling/schema/h245.h"

#define SESSION_DATA 3
#define CAMERA_TYPE  100

int leg_camera_capability(struct h245_relayed *out)
{
    struct h245_DataProtocolCapability protocol = {
        .kind = h245_DataProtocolCapability_hdlcFrameTunnelling};
    struct h245_DataApplicationCapability cap = {
        .application = {.kind = h245_DataApplicationCapability_application_h224,
                        .u.h224 = &protocol},
        .maxBitRate = 64};

    return h245_relayed_of_data(&cap, out);
}

static bool is_receivable(const struct leg *l)
{
    for (size_t i = 0; i < l->peer_caps.relayed_count; i++)
        if (h245_relayed_is_same(&l->peer_caps.relayed[i], &l->camera_cap))
            return true;
    return false;
}

/* Asked again while the peer has nobody who could be moved. */
void leg_camera_open(struct leg *l)
{
    struct h245_OpenLogicalChannel *olc;
    struct h245_channel c = {.kind = H245_MEDIA_DATA,
                             .session_id = SESSION_DATA,
                             .relayed = l->camera_cap,
                             .payload_type = CAMERA_TYPE,
                             .media_control = l->media->rtp.local};
    int rc;

    if (!l->options->camera || l->camera.lcn != 0 || !l->media->is_secured || !is_receivable(l))
        return;
    rc = h245_channel_number(l->engine, &l->camera.lcn);
    c.lcn = l->camera.lcn;
    arena_reset(&l->arena);
    if (rc == 0)
        rc = h245_build_olc(&l->arena, &c, &olc);
    if (rc == 0)
        rc = h23510_fill_olc(&l->security, &l->arena, olc);
    if (rc == 0)
        rc = h245_channel_open(l->engine, olc, clock_mono_ms());
    l->media->camera.tx_type = CAMERA_TYPE;
    if (rc)
        report_event(l->report, EV_PROTOCOL, "no camera channel: %s", err_to_str(rc));
    leg_arm(l);
}

bool leg_camera_opened(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct h23510_agreement agreement = {0};

    if (lcn == 0 || lcn != l->camera.lcn)
        return false;
    if (h23510_check_ack(&l->security, ack, &agreement) != H23510_OK) {
        leg_fail(l, "Ack of the camera's channel with other values than the connection's");
        return true;
    }
    l->media->camera.tx_open = true;
    report_event(l->report, EV_CAMERA_OPEN, "channel %u", lcn);
    return true;
}

bool leg_camera_requested(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct h245_OpenLogicalChannelAck *ack;
    struct h23510_agreement agreement = {0};
    struct h245_channel_ack build = {.lcn = lcn, .session_id = SESSION_DATA};
    struct h245_channel c;
    int rc;

    if (!l->options->camera || h245_read_olc(olc, &c) != 0 || c.kind != H245_MEDIA_DATA ||
        !h245_relayed_is_same(&c.relayed, &l->camera_cap))
        return false;
    if (h23510_check_olc(&l->security, olc, &agreement) != H23510_OK) {
        h245_channel_reject(l->engine, lcn, H245_OLC_SECURITY_DENIED);
        return true;
    }
    build.media = build.media_control = l->media->rtp.local;
    arena_reset(&l->arena);
    rc = h245_build_olc_ack(&l->arena, &build, &ack);
    if (rc == 0)
        rc = h23510_fill_ack(&l->security, &l->arena, ack);
    if (rc == 0)
        rc = h245_channel_accept(l->engine, lcn, ack, clock_mono_ms());
    if (rc)
        leg_fail(l, err_to_str(rc));
    l->media->camera.rx_type = c.payload_type;
    l->media->camera.has_rx_type = true;
    return true;
}

/* A refusal is for good. */
bool leg_camera_gone(struct leg *l, uint16_t lcn)
{
    if (lcn == 0 || lcn != l->camera.lcn)
        return false;
    l->media->camera.tx_open = false;
    report_event(l->report, EV_CHANNEL_CLOSED, "camera channel %u", lcn);
    return true;
}
