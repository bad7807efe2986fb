/* The data channel of a session (H.235.10 8.2 and 8.3, RFC 8261); see session_data.c. For the
 * session_*.c files and conferences alone. */
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

struct h245_OpenLogicalChannel;
struct h245_OpenLogicalChannelAck;
struct conference;
struct session;
struct session_channel;
struct session_transport;

/* Is the transport a socket of ours, for data alone (tcp-dtls-sctp, sctp-dtls)? */
bool session_data_is_wire(enum media_kind kind);

/* What our capabilities say of data; at most `max`. */
size_t session_data_offer(const struct session *s, struct h245_data *offer, size_t max);
/* May there be a channel: served here, and the peer can? */
bool session_data_is_able(const struct session *s);
/* Has the other side of its relay nothing but data, so that no codec has to be common? */
bool session_data_is_all(const struct session *s);

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

/* A leg by SDP: are they served, and the channel of its m=application line. ERR_LIMIT. */
bool session_data_is_possible(const struct session *s);
int session_data_bind(struct session *s, struct session_transport *t, uint16_t sctp_port,
                      uint32_t max_message_size);

/* The newest that is not on its way out, else one that is; NULL. */
struct session_channel *session_data_channel(const struct session *s);
bool session_data_is_on(const struct session *s, const struct session_transport *t);

/* Its packets go to the channel of `to` from now on; NULL: nowhere. Or they end here, as the
 * conference has it. */
void session_data_route(struct session *s, const struct session *to);
/* Is there a channel of data that a message of data.send to its conference would go by? */
bool session_data_may_send(const struct session *s);
uint64_t session_data_room(const struct conference *c); /* of the hub */

void session_data_on_report(struct session *s, const struct data_report *r);
/* As media_ops.data_send; ERR_STATE: it has no data channel, or one that is passed on. */
int session_data_send(struct session *s, const struct data_message *message);

#endif
