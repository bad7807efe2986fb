/* ICE-lite on a transport: its one candidate answers the peer's connectivity checks, and the peer's
 * check says where media come from and go to (RFC 8445 sections 2.7 and 7.3).
 *
 * The remote address is then not what signalling named (H-LATCH): a check carries a
 * MESSAGE-INTEGRITY by the password that only signalling has told, so that an address is taken from
 * it and from nothing else. We never check ourselves: a lite agent does not, and consent (RFC 7675)
 * is the peer's to ask for by the same checks. */
#ifndef DPDK_APP_ICE_H
#define DPDK_APP_ICE_H

#include "dpdk-app/worker.h"

/* LINK_ICE_SET. ERR_INVAL, ERR_NOMEM. */
int ice_set(struct worker *worker, struct transport *t, const struct link_msg *msg);

/* Forget and wipe the credentials. */
void ice_drop(struct transport *t);

/* A STUN datagram for a transport with credentials; takes p. */
void ice_receive(struct worker *worker, struct transport *t, struct packet *p);

#endif
