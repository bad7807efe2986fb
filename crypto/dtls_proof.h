/* Who signed that? The one thing in the flights before the keys that a forger cannot make up: the
 * signature over what both sides said (RFC 5246 §7.4.3 and §7.4.8) by the key of the certificate
 * that came with it. Private to crypto/. */
#ifndef CRYPTO_DTLS_PROOF_H
#define CRYPTO_DTLS_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does `proof` (a digitally-signed element of RFC 5246 §4.7: algorithm, length, signature; nothing
 * may follow) hold over `data` by the key of the certificate? False for anything that cannot be
 * read: the certificate's dates, names and own signature are not looked at. */
bool dtls_proof_holds(const uint8_t *der, size_t der_len, const uint8_t *data, size_t len,
                      const uint8_t *proof, size_t proof_len);

#endif
