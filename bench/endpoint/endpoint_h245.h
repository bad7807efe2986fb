/* H.245 and H.235.10 of one call: our engines, a TCP connection, and the media they lead to. */
#ifndef BENCH_ENDPOINT_H245_H
#define BENCH_ENDPOINT_H245_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "bench/endpoint/endpoint_fast.h"
#include "bench/endpoint/endpoint_media.h"
#include "bench/endpoint/endpoint_wire.h"
#include "signalling/h23510/h23510.h"
#include "signalling/h245/engine.h"

struct leg_ops {
    /* endSession from both sides, or the connection is lost. `peer_releases`: the peer began. */
    void (*on_ended)(void *arg, bool peer_releases);
    void (*on_failed)(void *arg, const char *why);           /* no hope for media: hang up */
    void (*send)(void *arg, const uint8_t *pdu, size_t len); /* after leg_tunnel */
};

/* Caller's storage; alive until the loop has run after leg_close. Members may be read. */
struct leg {
    const struct endpoint_options *options;
    struct report *report;
    struct media *media;
    const struct dtls_identity *identity, *other_identity;
    const struct leg_ops *ops;
    void *arg;
    struct wire wire, second; /* the other one of two that cross */
    struct wire *carrier;     /* the one that is used; NULL: not decided */
    struct addr cross_own, cross_peer;
    struct wire_listener listener;
    const struct endpoint_tls *tls; /* of its connection; NULL: in the clear */
    struct h245_engine *engine;
    struct h23510 security;
    struct arena arena;
    struct h245_peer_caps peer_caps;
    struct addr media_address; /* used when set, else that of the connection */
    uv_timer_t timer;
    bool is_tunnelled; /* carried by the call's messages, not by `wire` */
    bool is_started, have_msd, have_peer_caps, have_caps_ack, channel_asked, is_protected;
    bool is_ending, is_ended, is_closed;
    uint16_t lcn, in_lcn; /* of audio */
    bool has_refused;     /* by FAULT_BUSY_DECODER */
    enum h245_codec tx_codec;
    bool is_audio_closed; /* at the time that the options name */
    struct leg_video {
        uint16_t lcn, in_lcn; /* 0: none */
        bool is_asked;
    } video, presentation, camera; /* camera: the channel that moves it */
    struct h245_relayed camera_cap;
    struct h245_relayed presented; /* the video's codec in the role of H.239 */
    bool has_token;
    struct {
        uint16_t lcn, in_lcn; /* ours or the peer's; 0: not that way */
        bool is_asked, is_open, has_security;
        struct h23510 security; /* of a connection of their own */
    } data;
    struct { /* that the peer has asked for; its channels are being opened anew */
        enum h245_codec codec;
        struct h245_relayed video; /* len 0: as it was */
        bool is_audio_new, is_video_new;
    } mode;
    enum h23510_verdict refused;
    enum h245_olc_cause reject_cause; /* of our OLC */
    bool is_rejected;
    struct fast fast;
};

/* `other_identity`: a certificate that is never shown, for the wrong-fingerprint fault. */
int leg_init(struct leg *l, uv_loop_t *loop, const struct endpoint_options *options,
             struct report *report, struct media *media, const struct dtls_identity *identity,
             const struct dtls_identity *other_identity, const struct leg_ops *ops, void *arg);
/* Connects to the peer's H.245 address; once only, later calls do nothing. */
void leg_connect(struct leg *l, const struct addr *remote);
/* The address of media, unless the options say another. */
void leg_use_address(struct leg *l, const struct addr *local);
/* Listens for the peer's connection. */
int leg_listen(struct leg *l, const struct addr *address, struct addr *bound);
/* Call signalling carries it: PDUs leave by leg_ops.send and come in by leg_input. `local` is the
 * address that media use unless the options say another. */
void leg_tunnel(struct leg *l, const struct addr *local);
void leg_input(struct leg *l, const uint8_t *pdu, size_t len);
/* Any H.245 message in the JSON form of signalling/per/json.h. ERR_INVAL, ERR_RANGE, ERR_STATE. */
int leg_say(struct leg *l, const char *json);
/* A key, as UserInputIndication. */
void leg_press(struct leg *l, char key);
/* Closes the channel, then the session; on_ended follows. */
void leg_end(struct leg *l);
/* The connection is dropped without a word. */
void leg_drop(struct leg *l);
void leg_close(struct leg *l);
void leg_fini(struct leg *l);

/* For endpoint_cross.c: the connection that is used is up; it is gone. */
void leg_begin(struct leg *l, const char *how);
void leg_lost(struct leg *l, const char *why);

/* For endpoint_fast.c, which opens the same channels by another way. */
#define LEG_DYNAMIC_TYPE 111 /* payload type of what has none of its own */

/* False: not a codec of ours. */
bool leg_voice_of(enum h245_codec codec, enum voice_codec *out);
/* Sends tx_codec from now on. */
void leg_open_tx(struct leg *l, uint8_t payload_type);
int leg_bind_media(struct leg *l);
void leg_follow_agreement(struct leg *l, const struct h23510_agreement *agreement);
void leg_fail(struct leg *l, const char *why);
void leg_arm(struct leg *l); /* after the engine was called outside of its input */

/* endpoint_video_leg.c: true when the channel is video's, and then it is dealt with. */
void leg_video_open(struct leg *l);
bool leg_has_video(const struct leg *l, const struct h245_relayed *codec);
bool leg_video_opened(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack);
bool leg_video_rejected(struct leg *l, uint16_t lcn, enum h245_olc_cause cause);
bool leg_video_requested(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc);
bool leg_video_closed(struct leg *l, uint16_t lcn, enum h245_direction direction);
int leg_limit_video(struct leg *l, uint32_t rate);
void leg_on_flow_control(void *arg, const struct h245_FlowControlCommand *command);
/* The channel of role presentation. ERR_UNSUPPORTED: the peer cannot receive it. */
int leg_presentation_open(struct leg *l);
void leg_presentation_close(struct leg *l);
/* endpoint_camera_leg.c: the same for camera control. */
int leg_camera_capability(struct h245_relayed *out);
void leg_camera_open(struct leg *l);
bool leg_camera_opened(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack);
bool leg_camera_requested(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc);
bool leg_camera_gone(struct leg *l, uint16_t lcn);
/* endpoint_present.c: the token of H.239, and the channel with it. ERR_STATE. */
int leg_present(struct leg *l);
int leg_present_end(struct leg *l);
bool leg_on_generic(void *arg, enum h245_generic_class class,
                    const struct h245_GenericMessage *message);
/* endpoint_data_leg.c: the same for data. */
size_t leg_data_offer(const struct leg *l, struct h245_data *offer); /* 0 or 1 */
void leg_data_open(struct leg *l);
bool leg_data_opened(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack);
bool leg_data_rejected(struct leg *l, uint16_t lcn, enum h245_olc_cause cause);
bool leg_data_requested(struct leg *l, uint16_t lcn, const struct h245_OpenLogicalChannel *olc);
bool leg_data_closed(struct leg *l, uint16_t lcn, enum h245_direction direction);
void leg_data_confirmed(void *arg, uint16_t lcn);
void leg_data_close(struct leg *l);
void leg_on_misc_command(struct leg *l, const struct h245_MiscellaneousCommand *command);
/* endpoint_modes.c */
void leg_on_mode_request(void *arg, const struct h245_RequestMode *request);
/* endpoint_say.c: conference requests are left to who writes commands; all that comes is told. */
bool leg_on_conference_request(void *arg, const struct h245_ConferenceRequest *request);
void leg_on_pdu(void *arg, bool sent, const struct h245_MultimediaSystemControlMessage *pdu,
                size_t len);
/* Milliseconds since the media began: opens and closes what the options name. */
void leg_on_clock(struct leg *l, unsigned ms);

#endif
