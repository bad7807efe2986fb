/* What can be read of a DTLS datagram without keys: record headers (RFC 6347 §4.1), and of a
 * ClientHello the profiles in its use_srtp extension (RFC 5764 §4.1.1). Private to crypto/. */
#ifndef CRYPTO_DTLS_RECORD_H
#define CRYPTO_DTLS_RECORD_H

#include "crypto/srtp_profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_CHANGE_CIPHER_SPEC 20
#define DTLS_ALERT              21
#define DTLS_HANDSHAKE_RECORD   22
#define DTLS_APPLICATION_DATA   23
#define DTLS_RECORD_HEADER      13
#define DTLS_PLAIN_ALERT_BYTES  (DTLS_RECORD_HEADER + 2)
#define DTLS_ALERT_HANDSHAKE    40 /* handshake_failure */

/* First record of a datagram. */
struct dtls_record {
    uint8_t type;
    uint16_t epoch;
};

/* More than any client has use for; what follows in a longer list is not looked at. */
#define DTLS_HELLO_PROFILES_MAX 32

struct dtls_hello {
    bool has_cookie;
    bool has_use_srtp;
    bool has_master_secret;                     /* extended_master_secret, RFC 7627 */
    uint16_t profiles[DTLS_HELLO_PROFILES_MAX]; /* IANA numbers in the client's order */
    size_t profile_count;
};

/* Is the datagram a sequence of whole DTLS 1.x records and nothing else? Fills `first`. */
bool dtls_record_parse(const uint8_t *data, size_t len, struct dtls_record *first);

/* Reads a ClientHello that is whole in the first record (dtls_join.h makes one of fragments).
 * ERR_MALFORMED: no ClientHello, or not a well-formed one. */
int dtls_hello_parse(const uint8_t *data, size_t len, struct dtls_hello *out);

/* The first of ours that the client has too, SRTP_PROFILE_NONE if there is none. */
enum srtp_profile dtls_hello_choose(const struct dtls_hello *hello, const enum srtp_profile *ours,
                                    size_t n);

/* A fatal alert in the clear, DTLS_PLAIN_ALERT_BYTES long, for a handshake that ends before keys.
 */
void dtls_record_alert(uint8_t *out, uint8_t description);

#endif
