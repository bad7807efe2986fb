/* Our certificate and private key: made at start (ECDSA P-256, self-signed) or read from PEM
 * files. H.235.10 trusts fingerprints only, so nothing but the bytes of the certificate counts.
 * Immutable once made: any thread may read it. */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "crypto/fingerprint.h"

#include <stddef.h>
#include <stdint.h>

struct cert;

#define CERT_VALIDITY_DAYS_DEFAULT 30
#define CERT_VALIDITY_DAYS_MAX     3650

/* Makes a P-256 key and a certificate of its own with random serial number and random common name
 * (it shall tell nothing about us), valid from now for `validity_days`. ERR_INVAL, ERR_CRYPTO. */
int cert_generate(unsigned validity_days, struct cert **out);

/* What was wrong with a file, for people. */
struct cert_problem {
    const char *path; /* the file at fault: one of the caller's pointers; NULL: none */
    char text[160];
};

/* Shortest RSA key of our own (NIST SP 800-131A: less is not allowed any more). */
#define CERT_RSA_BITS_MIN 2048

/* Reads a certificate and its key (ECDSA, Ed25519, RSA) from PEM files; certificates behind the
 * first are its chain, which TLS sends (DTLS sends the first alone: its fingerprint is all that
 * counts). ERR_IO: a file cannot be read; ERR_MALFORMED: no PEM certificate or key in it;
 * ERR_UNSUPPORTED: another kind of key, or an RSA key that is too short; ERR_REFUSED: the key does
 * not belong to the certificate. Then *problem tells the file and the reason; `problem` may be
 * NULL. */
int cert_load(const char *cert_path, const char *key_path, struct cert **out,
              struct cert_problem *problem);

/* Wipes the key and frees; NULL is allowed. */
void cert_destroy(struct cert *cert);

/* The certificate's DER; lives as long as the certificate. */
const uint8_t *cert_der(const struct cert *cert, size_t *len);

/* Fingerprint of our certificate, to be signalled. ERR_CRYPTO. */
int cert_fingerprint(const struct cert *cert, enum fingerprint_hash hash, struct fingerprint *out);

#endif
