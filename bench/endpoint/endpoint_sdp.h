/* A leg without H.323: our offer (RFC 3264) goes out as text, the answer comes in as text, or
 * theirs is answered; audio by DTLS-SRTP (RFC 5763), video and data (RFC 8841) bundled with it (RFC
 * 8843). It reads as much of an answer as it needs, with nothing of the server's parser. Sans I/O
 * but for what media do. */
#ifndef BENCH_ENDPOINT_SDP_H
#define BENCH_ENDPOINT_SDP_H

#include <stddef.h>

#include "bench/endpoint/endpoint_media.h"

#define SDP_TEXT_MAX 4096

/* `m` has its ports. ERR_LIMIT: does not fit. */
int sdp_write_offer(const struct media *m, char *out, size_t size);
/* Sets addresses, codecs and payload types, begins the handshake. ERR_MALFORMED: `why` says what is
 * missing. */
int sdp_take_answer(struct media *m, const char *answer, const char **why);
/* The same by an offer of theirs; our answer into `answer`. */
int sdp_take_offer(struct media *m, const char *offer, char *answer, size_t size, const char **why);

#endif
