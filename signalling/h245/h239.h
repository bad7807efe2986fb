/* H.239: a second video channel with a role, and the token that says who may send a presentation.
 *
 * Its messages are generic messages of H.245 (engine.h: on_generic, h245_generic_request...) under
 * one object identifier; its capabilities are a generic control capability and video capabilities
 * wrapped with a role. Pure functions over both; memory comes from the arena. Any thread. */
#ifndef SIGNALLING_H245_H239_H
#define SIGNALLING_H245_H239_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct h245_engine;
struct h245_Capability;
struct h245_GenericMessage;
struct h245_TerminalCapabilitySet;
struct h245_VideoCapability;

/* subMessageIdentifier (H.239 table 5); the class of generic message each travels in. */
#define H239_MESSAGE_LIST(X)                                                      \
    X(H239_FLOW_RELEASE_REQUEST, 1, "flowControlReleaseRequest")   /* request */  \
    X(H239_FLOW_RELEASE_RESPONSE, 2, "flowControlReleaseResponse") /* response */ \
    X(H239_TOKEN_REQUEST, 3, "presentationTokenRequest")           /* request */  \
    X(H239_TOKEN_RESPONSE, 4, "presentationTokenResponse")         /* response */ \
    X(H239_TOKEN_RELEASE, 5, "presentationTokenRelease")           /* command */  \
    X(H239_TOKEN_OWNER, 6, "presentationTokenIndicateOwner")       /* command */

enum h239_kind {
#define H239_KIND_ENUM(name, number, text) name = number,
    H239_MESSAGE_LIST(H239_KIND_ENUM)
#undef H239_KIND_ENUM
};

struct h239_message {
    enum h239_kind kind;
    bool is_ack;           /* responses: acknowledge, else reject */
    uint16_t channel;      /* logical channel of the presentation; 0: not said */
    uint8_t mcu, terminal; /* terminalLabel; both 0: not said */
    uint8_t symmetry;      /* token request: 1..127, the larger one wins; 0: not said */
    uint32_t bit_rate;     /* flow control release, in 100 bit/s; 0: not said */
};

/* ERR_UNSUPPORTED: another Recommendation's message, or a subMessageIdentifier that H.239 does not
 * have; ERR_MALFORMED: a response that says neither yes nor no. */
int h239_read(const struct h245_GenericMessage *message, struct h239_message *out);
int h239_build(struct arena *a, const struct h239_message *message,
               struct h245_GenericMessage **out);

/* Builds and sends as the right class. Of requests the answer comes by on_generic, or on_failed.
 * Errors as of the sending functions. */
int h239_send(struct h245_engine *e, struct arena *a, const struct h239_message *message,
              uint64_t now);

const char *h239_kind_to_str(enum h239_kind kind);

/* Roles of a video capability or channel (H.239 table 2), a mask. */
#define H239_ROLE_PRESENTATION 1u
#define H239_ROLE_LIVE         2u

/* The control capability: "I know H.239's messages". */
int h239_build_control(struct arena *a, struct h245_Capability **out);
/* A video capability with roles; `video` is pointed to, not copied. */
int h239_build_video(struct arena *a, struct h245_VideoCapability *video, unsigned roles,
                     struct h245_VideoCapability **out);
/* The roles of a video capability; 0: it has none. `*video` is the capability inside (may be NULL
 * when nobody wants it). */
unsigned h239_video_roles(const struct h245_VideoCapability *capability,
                          const struct h245_VideoCapability **video);

/* What a peer's set says. */
struct h239_caps {
    bool has_control; /* may be sent the messages */
    unsigned roles;   /* that it can receive, of all its extended video capabilities */
};

void h239_read_tcs(const struct h245_TerminalCapabilitySet *tcs, struct h239_caps *caps);

#endif
