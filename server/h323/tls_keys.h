/* What signalling by TLS is done with: our certificate, our authorities, versions and ciphers, as
 * ready contexts for both roles. New files can be taken over at any time; connections that are
 * there keep what they were made with. Main thread. */
#ifndef SERVER_TLS_KEYS_H
#define SERVER_TLS_KEYS_H

#include <jansson.h>

#include "crypto/tls.h"
#include "settings/settings.h"

struct tls_keys;

#define TLS_KEYS_TEXT_MAX 512

/* Reads the files of the settings; without a certificate there one is made. `text` (of at least
 * TLS_KEYS_TEXT_MAX) then says which key of the configuration and which file is at fault, in one
 * line. ERR_IO, ERR_MALFORMED, ERR_UNSUPPORTED, ERR_REFUSED, ERR_CRYPTO, ERR_NOMEM. */
int tls_keys_create(const struct settings_tls *settings, struct tls_keys **out, char *text);

/* Again, for connections from now on. What does not load changes nothing. */
int tls_keys_reload(struct tls_keys *keys, const struct settings_tls *settings, char *text);

/* NULL is allowed. Connections live on. */
void tls_keys_destroy(struct tls_keys *keys);

/* The context for a new connection; valid until the next reload. */
struct tls_ctx *tls_keys_ctx(const struct tls_keys *keys, enum tls_role role);

/* For server.info: fingerprint of the certificate, where it came from, how often it was read.
 * Without keys: null. A new reference. */
json_t *tls_keys_to_json(const struct tls_keys *keys);

#endif
