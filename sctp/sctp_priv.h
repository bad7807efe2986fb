/* Inside of sctp/: sctp.c (associations), sctp_socket.c (their sockets), sctp_keys.c (RFC 4895). */
#ifndef SCTP_SCTP_PRIV_H
#define SCTP_SCTP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sctp;
struct sctp_options;
struct sockaddr_conn;
struct socket;

struct socket *sctp_socket(const struct sctp *s);

/* false: the library refuses. `len` octets of the option's own struct. */
bool sctp_set_option(struct socket *socket, int option, const void *value, size_t len);
/* All but the path: before it is bound. */
bool sctp_configure(struct socket *socket, const struct sctp_options *o);
/* `mtu` octets for SCTP's packets; behind connect, which makes the path. */
bool sctp_set_path(struct socket *socket, const struct sockaddr_conn *peer, uint16_t mtu);

/* Before it is connected: we ask for authenticated chunks. */
bool sctp_keys_require(struct socket *socket);
/* It is up: does the peer ask for ours, and can it authenticate its own? */
bool sctp_keys_are_peers(struct socket *socket);

#endif
