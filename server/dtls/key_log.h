/* A file with the secrets of all DTLS connections, for tshark and Wireshark (NSS key log format):
 *
 *   tshark -o tls.keylog_file:FILE -r calls.pcap
 *
 * For a lab alone: who has the file reads, and forges, everything. */
#ifndef SERVER_KEY_LOG_H
#define SERVER_KEY_LOG_H

#include <stdint.h>

#include "crypto/dtls.h"

struct key_log;

/* Appends to the file, which is made for its owner alone (0600) if it is not there. ERR_REFUSED: it
 * is no plain file, or others may read it; ERR_IO, ERR_NOMEM; errno says more. */
int key_log_open(const char *path, struct key_log **out);
void key_log_close(struct key_log *log); /* NULL is allowed */

/* struct dtls_config.on_secret; any thread. */
void key_log_write(void *user, const uint8_t client_random[DTLS_RANDOM_BYTES],
                   const uint8_t master[DTLS_SECRET_BYTES]);

#endif
