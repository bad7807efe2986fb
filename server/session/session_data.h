/* The data channel of a session (H.235.10 8.2 and 8.3, RFC 8261): session_data.c, _open.c and
 * _route.c. For the session_*.c files and conferences alone. */
#ifndef SERVER_SESSION_DATA_H
#define SERVER_SESSION_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/data/data_hub.h"
#include "server/media/media.h"
#include "signalling/h245/data.h"

/* What we take in one message: RFC 8841 6.1 has this where nobody says a size. */
#define SESSION_DATA_MESSAGE_MAX 65536
#define SESSION_DATA_ID          3 /* H.245 sessionID of the primary data session */

struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct conference;
struct session;
struct session_channel;
struct session_transport;

/* Is the transport a socket of ours, for data alone (tcp-dtls-sctp, sctp-dtls)? */
bool session_data_is_wire(enum media_kind kind);

/* ---- session_data.c: what is served, and which channel it is ---- */

/* Are data channels served to it at all: by its policy, its conference and the kind of its leg? */
bool session_data_is_possible(const struct session *s);
/* What our capabilities say of data; at most `max`. */
size_t session_data_offer(const struct session *s, struct h245_data *offer, size_t max);
/* May there be a channel: served here, and the peer can? */
bool session_data_is_able(const struct session *s);
/* Has the other side of its relay nothing but data, so that no codec has to be common? */
bool session_data_is_all(const struct session *s);

/* The newest that is not on its way out, else one that is; NULL. */
struct session_channel *session_data_channel(const struct session *s);
bool session_data_is_on(const struct session *s, const struct session_transport *t);
/* A leg by SDP: the channel of its m=application line. ERR_LIMIT. */
int session_data_bind(struct session *s, struct session_transport *t, uint16_t sctp_port,
                      uint32_t max_message_size);

/* For session_data_open.c: the kind of port below a stack; is the stack served to this session; the
 * longest message over it, in bytes. */
enum media_kind session_data_kind(const struct session *s, enum h245_data_stack stack);
bool session_data_has_stack(const struct session *s, enum h245_data_stack stack);
uint32_t session_data_message_max(enum h245_data_stack stack);
/* The peer's first capability over the best stack that both have, the session's; NULL. */
const struct h245_data *session_data_common(const struct session *s);
/* Makes a free place the data channel on `t`; its state and direction are the caller's. */
void session_data_fill(struct session_channel *c, const struct h245_data *data,
                       struct session_transport *t, uint16_t lcn, uint8_t session_id);

/* ---- session_data_open.c: how it comes by H.245 ---- */

/* Opens it when we are the one who does, and all is there that it needs. */
void session_data_open(struct session *s);
/* Callbacks of the engine: true when the channel is one for data, and then it is dealt with. */
bool session_data_on_request(struct session *s, uint16_t lcn,
                             const struct h245_OpenLogicalChannel *olc);
bool session_data_on_opened(struct session *s, uint16_t lcn,
                            const struct h245_OpenLogicalChannelAck *ack);
void session_data_on_confirmed(void *arg, uint16_t lcn);
void session_data_on_close_request(struct session *s, uint16_t lcn);
bool session_data_conflicts(const struct session *s, const struct session_channel *ours,
                            const struct h245_OpenLogicalChannel *theirs);
/* The port of a pending one is there. */
void session_data_accept(struct session *s, struct session_channel *c);

/* ---- session_data_route.c: what goes through it ---- */

/* Its packets go to the channel of `to` from now on; NULL: nowhere. Or they end here, as the
 * conference has it. */
void session_data_route(struct session *s, const struct session *to);
/* Is there a channel of data that a message of data.send to its conference would go by? */
bool session_data_may_send(const struct session *s);
uint64_t session_data_room(const struct conference *c); /* of the hub */

/* What the hub says of the transport's member: events, and marks of what was told. */
void session_data_on_report(struct session_transport *t, const struct data_report *r);
/* Its member of the hub goes, by which the hub says no more: data.down, if data.up was told. */
void session_data_lost(struct session_transport *t, const char *why);
/* As media_ops.data_send; ERR_STATE: it has no data channel, or one that is passed on. */
int session_data_send(struct session *s, const struct data_message *message);

#endif
