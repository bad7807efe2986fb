/* Inside of sctp/: sctp.c (associations), sctp_keys.c (RFC 4895). */
#ifndef SCTP_SCTP_PRIV_H
#define SCTP_SCTP_PRIV_H

#include <stdbool.h>

struct sctp;
struct socket;

struct socket *sctp_socket(const struct sctp *s);

/* Before it is connected: we ask for authenticated chunks. */
bool sctp_keys_require(struct socket *socket);
/* It is up: does the peer ask for ours, and can it authenticate its own? */
bool sctp_keys_are_peers(struct socket *socket);

#endif
