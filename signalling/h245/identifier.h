/* Identifiers of generic capabilities as text, within this folder: an object identifier in dotted
 * form, or a domain-based one. What has none registered in H.245 (Opus, H.265) is known by a text
 * that the configuration says. Pure functions. */
#ifndef SIGNALLING_H245_IDENTIFIER_H
#define SIGNALLING_H245_IDENTIFIER_H

#include <stddef.h>

struct arena;
struct h245_CapabilityIdentifier;

#define H245_IDENTIFIER_MAX 64 /* with its end; ASN.1 has a domain-based one of 64 at most */

/* A copy of a text that could be one. ERR_INVAL: empty, longer than 63 octets, or no printable
 * ASCII. */
int h245_identifier_set(char out[H245_IDENTIFIER_MAX], const char *text);
/* ERR_UNSUPPORTED: of another kind, or longer than `cap`, thus none of ours. */
int h245_identifier_read(const struct h245_CapabilityIdentifier *id, char *text, size_t cap);
/* Points into the arena. ERR_INVAL, ERR_RANGE: dots that are no object identifier; ERR_NOMEM. */
int h245_identifier_build(struct arena *a, const char *text, struct h245_CapabilityIdentifier *id);

#endif
