/* DTLS over SCTP (RFC 6083): what a message of SCTP has to be. */
#ifndef SCTP_RECORD_H
#define SCTP_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct sctp_message;

#define RECORD_HEADER             13
#define RECORD_CHANGE_CIPHER_SPEC 20
#define RECORD_ALERT              21
#define RECORD_HANDSHAKE          22
#define RECORD_DATA               23
/* Of its payload (RFC 5246 6.2.3). */
#define RECORD_PAYLOAD_MAX (16384 + 2048)

/* A message that the peer has sent: exactly one record (4.1), and all but data on stream 0 and in
 * order (4.4). ERR_MALFORMED otherwise. */
int record_of_message(const struct sctp_message *message, uint8_t *type);

/* Length of the first record of what DTLS wants to be sent, which may be several; 0: not whole. */
size_t record_first(const uint8_t *data, size_t len, uint8_t *type);

#endif
