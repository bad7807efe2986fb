/* Inside of legs by SDP: shared by session_sdp.c (turns: whose offer, whose answer),
 * session_sdp_media.c (what descriptions say, and ours), session_sdp_lines.c (m= lines to
 * transports and channels) and session_pass.c. */
#ifndef SERVER_SESSION_SDP_H
#define SERVER_SESSION_SDP_H

#include "server/session/session_priv.h"
#include "signalling/sdp/sdp.h"

/* An m= line of the leg, in the place that it has had since it was first offered (RFC 3264 section
 * 8: lines never go away). */
struct sdp_line {
    enum sdp_kind kind;
    enum sdp_proto proto;
    char kind_text[SDP_NAME_MAX], proto_text[SDP_NAME_MAX], format_text[SDP_NAME_MAX];
    char mid[SDP_MID_MAX];
    enum h245_media medium;
    bool is_taken; /* it is a lane of the session, over: */
    struct session_transport *transport;
    struct sdp_format format;
    bool is_bundled;
    enum sdp_direction direction; /* of theirs, last */
};

struct session_leg {
    struct sdp_line line[SDP_MEDIA_MAX];
    size_t lines;
    bool is_offer_out; /* our offer is not answered yet */
    uint64_t version;  /* of our description */
    bool wants_ice;    /* our offers have ICE in them */
    bool wants_video;  /* and video */
    bool wants_data;   /* and data channels */
    /* Pass-through. */
    bool is_offer_wanted; /* session.create without SDP: made when the other side can be told of */
    bool has_remote;
    struct sdp_dtls remote; /* what their description says of DTLS */
    struct sdp *pending;    /* their offer, not answered yet */
    size_t pending_line;
};

/* What is made of one line of theirs, before anything is done. */
struct sdp_choice {
    const char *why; /* refused: static text */
    enum h245_media medium;
    struct h245_audio audio;
    struct h245_relayed relayed;
    struct sdp_format format;
    bool has_event; /* telephone-events too, with */
    uint8_t event_pt;
    uint16_t event_clock;
    struct h23510_agreement agreement; /* is_set: protected */
    bool has_ice;
    int shared_with; /* the line whose transport it is on; -1: its own */
};

struct sdp_plan {
    struct sdp_choice line[SDP_MEDIA_MAX];
    size_t count;
};

/* ---- session_sdp_media.c ---- */

int session_sdp_refuse(const char **why, const char *text);
/* What the describer can receive, in the form that conferences ask for. */
void session_sdp_read_caps(struct session *s, const struct sdp *sdp);
/* Of one medium, into `choice`; the lane's own codec. ERR_REFUSED, *why set. */
int session_sdp_choose(struct session *s, const struct sdp_media *m, struct sdp_choice *choice,
                       const char **why);
/* May media of this protocol be used under the listener's policy? */
int session_sdp_judge_proto(const struct session *s, const struct sdp_media *m, const char **why);
/* An address to send to; with ICE it comes by a check. */
bool session_sdp_is_reachable(const struct sdp_media *m);
bool session_sdp_has_ice(const struct sdp *sdp, const struct sdp_media *m);

/* Our description: o= and s=; a medium's address and port, its ICE; DTLS by our own certificate. */
void session_sdp_say_ourselves(struct session *s, const struct session_transport *t,
                               struct sdp *sdp);
void session_sdp_say_transport(const struct session_transport *t, struct sdp_media *m);
void session_sdp_say_dtls(const struct session *s, struct sdp_media *m, enum fingerprint_hash hash,
                          enum h23510_setup setup);
void session_sdp_say_codec(const struct h245_audio *audio, struct sdp_media *m);
#define SESSION_SDP_EVENT_CLOCK 8000 /* what our own offers have: every peer knows it */

/* Keys; the clock is 8000, or that of Opus where the peer has them by no other. */
void session_sdp_say_event(uint8_t payload_type, uint16_t clock, struct sdp_media *m);
int session_sdp_say_video(struct session *s, struct sdp_media *m); /* ERR_NOTFOUND: none to offer */

/* The line of data channels: our SCTP port, and what we take in one message. */
void session_sdp_say_data(struct sdp_media *m);

/* ---- session_sdp_lines.c ---- */

/* Which lines are taken and how; no port is opened yet. `ours` is the setup that we said. */
int session_sdp_plan(struct session *s, const struct sdp *sdp, enum h23510_setup ours,
                     struct sdp_plan *plan, const char **why);
/* Is one of the description's fingerprints among those that were agreed on? */
bool session_sdp_names(const struct sdp_dtls *d, const struct h23510_agreement *agreement);
/* Line `i` with what it has of its group's first. */
struct sdp_media session_sdp_effective(const struct sdp *sdp, size_t i);
/* Does it: transports, associations, channels; `theirs` is their description. */
int session_sdp_apply(struct session *s, const struct sdp *theirs, const struct sdp_plan *plan,
                      const char **why);
/* A transport for a lane with what ICE needs, on an announced address. */
int session_sdp_transport(struct session *s, enum media_kind kind, enum h245_media medium,
                          bool has_ice, struct session_transport **out, const char **why);
/* Channels as the describer's direction has them: SDP_SENDONLY of theirs is our incoming one. */
int session_sdp_channels(struct session *s, struct session_transport *t, enum sdp_direction theirs,
                         const struct sdp_choice *choice);
/* Both descriptions are known: the leg is active from the first time on. */
void session_sdp_active(struct session *s, bool is_protected);
/* Fresh credentials of ours for a transport. ERR_CRYPTO. */
int session_sdp_ice(struct session_transport *t);

/* ---- session_sdp.c ---- */

/* Nobody waits for the other side for ever. */
void session_sdp_wait(struct session *s);
/* The offer becomes the answer in place, as the plan has it. */
void session_sdp_turn_around(struct session *s, const struct sdp_plan *plan, struct sdp *sdp);
int session_sdp_make_offer(struct session *s, struct sdp *sdp, const char **why);

/* A check has selected the remote address of a transport. */
void session_sdp_selected(struct session_transport *t, const struct link_event *event);
/* The other leg of a pass-through has changed: is our description due? */
void session_sdp_follow(struct session *s);
void session_sdp_forget(struct session *s);

/* ---- session_sdp_pass.c ---- */

/* Their offer, ours, their answer. ERR_AGAIN: when the other side is known, by an event. */
int session_sdp_pass_answer(struct session *s, struct sdp *sdp, const char **why);
int session_sdp_pass_offer(struct session *s, struct sdp *sdp, const char **why);
int session_sdp_pass_accept(struct session *s, struct sdp *sdp, const char **why);
/* Has the other side something of this medium that could pass to an SDP peer? */
bool session_sdp_pass_has(struct session *s, enum h245_media medium);
/* The payload type by which the SDP peer takes video; -1: not known. */
int session_sdp_pass_number(struct session *s);
/* Does what the description says of this line share the connection of its audio? */
bool session_sdp_is_with_audio(const struct sdp *sdp, const struct sdp_media *m);

/* ---- session_pass.c ---- */

/* What an SDP peer is told of the other side's: fingerprints, setup; and the role that it has
 * itself. False: not known yet, or not decided. */
bool session_pass_sdp(const struct session *s, struct sdp_dtls *out, enum h23510_role *peer_role);
/* Why it can never be, by what is known; NULL. */
const char *session_pass_objection(const struct session *s);

#endif
