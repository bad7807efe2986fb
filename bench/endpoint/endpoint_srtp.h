/* SRTP of the endpoint, straight on libsrtp2: one context to send, one to receive. */
#ifndef BENCH_ENDPOINT_SRTP_H
#define BENCH_ENDPOINT_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "bench/endpoint/endpoint_dtls.h"

struct srtp_pair;

#define SRTP_PAIR_TRAILER 32 /* room that protect may need behind a packet */

/* Starts libsrtp, whose self-tests take some milliseconds. Once, before any pair. 0 or ERR_CRYPTO.
 */
int srtp_pair_prepare(void);
/* Makes both contexts. 0, ERR_UNSUPPORTED (profile) or ERR_CRYPTO. */
int srtp_pair_create(const struct dtls_srtp_keys *keys, struct srtp_pair **out);
void srtp_pair_destroy(struct srtp_pair *p);
/* In place; *len is updated. ERR_AUTH or ERR_REPLAY from unprotect, ERR_CRYPTO from protect. */
int srtp_pair_protect_rtp(struct srtp_pair *p, uint8_t *bytes, size_t *len);
int srtp_pair_unprotect_rtp(struct srtp_pair *p, uint8_t *bytes, size_t *len);
int srtp_pair_protect_rtcp(struct srtp_pair *p, uint8_t *bytes, size_t *len);
int srtp_pair_unprotect_rtcp(struct srtp_pair *p, uint8_t *bytes, size_t *len);

#endif
