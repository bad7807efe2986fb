/* Datagrams on a byte stream, each behind its length in two octets (RFC 4571 section 2): the
 * records of `tcp-dtls-sctp` (RFC 8841). Sans-I/O.
 *
 * The peer says how long a frame is; what it may say is bounded by frames_init, and so is the
 * memory: one frame and the beginning of the next. */
#ifndef SCTP_FRAMES_H
#define SCTP_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define FRAMES_HEADER 2

struct frames {
    uint8_t *buffer;
    size_t size;
    size_t begin, end; /* what came and was not handed out */
    size_t frame_max;
};

/* ERR_NOMEM. */
int frames_init(struct frames *f, size_t frame_max);
/* Wipes: data of an application may have been in it. Zeroed memory is allowed. */
void frames_fini(struct frames *f);

/* Where the next octets of the stream go, and how many of them there is room for (never 0 after
 * frames_next has said that there is nothing more); then how many came. */
uint8_t *frames_room(struct frames *f, size_t *room);
void frames_add(struct frames *f, size_t n);

/* The next whole frame; `*data` is valid until frames_room. Empty frames are skipped (RFC 4571
 * section 2 has them as null packets). ERR_AGAIN: not there yet; ERR_RANGE: longer than is allowed,
 * and nothing that follows can be read. */
int frames_next(struct frames *f, const uint8_t **data, size_t *len);

/* The header of a frame of `len` octets. */
void frames_header(uint8_t out[FRAMES_HEADER], uint16_t len);

#endif
