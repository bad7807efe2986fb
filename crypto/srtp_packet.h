/* What can be said about a packet without keys: is its header whole, is it the stream's, is there
 * room for the result. Shared by all back ends; inline, because it is run for every packet.
 * Private to crypto/. */
#ifndef CRYPTO_SRTP_PACKET_H
#define CRYPTO_SRTP_PACKET_H

#include "crypto/srtp_backend.h"

#include <string.h>

#define RTP_HEADER_MIN   12
#define RTCP_HEADER_MIN  8
#define RTP_VERSION      2
#define SRTCP_INDEX_SIZE 4

static inline uint32_t srtp_read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Bytes of the RTP header with CSRCs and extension (RFC 3550 §5.1, §5.3.1), 0 if it is not whole
 * within len bytes. */
static inline size_t srtp_rtp_header_size(const uint8_t *p, size_t len)
{
    size_t size = RTP_HEADER_MIN;

    if (len < RTP_HEADER_MIN || p[0] >> 6 != RTP_VERSION)
        return 0;
    if (__builtin_expect((p[0] & 0x1f) == 0, 1)) /* neither CSRC nor extension */
        return size;
    size += (size_t)(p[0] & 0x0f) * 4;
    if (p[0] & 0x10) {
        if (len < size + 4)
            return 0;
        size += 4 + ((size_t)p[size + 2] << 8 | p[size + 3]) * 4;
    }
    return size <= len ? size : 0;
}

/* The header at p is whole and names the stream's SSRC; `rest` is what must follow it at least.
 * *size: what of it stays in the clear, written on SRTP_OK. */
static inline enum srtp_status srtp_check_header(const struct srtp_job *job, const uint8_t *p,
                                                 size_t len, size_t rest, size_t *size)
{
    size_t head = RTCP_HEADER_MIN;

    if (__builtin_expect(job->is_rtcp, 0)) {
        if (len < RTCP_HEADER_MIN || p[0] >> 6 != RTP_VERSION)
            return SRTP_MALFORMED;
    } else {
        head = srtp_rtp_header_size(p, len);
        if (head == 0)
            return SRTP_MALFORMED;
    }
    if (len < head + rest)
        return SRTP_MALFORMED;
    if (srtp_read_u32(p + (job->is_rtcp ? 4 : 8)) != job->stream->ssrc)
        return SRTP_WRONG_SSRC;
    *size = head;
    return SRTP_OK;
}

/* overhead: bytes that protection adds under the stream's profile. */
static inline enum srtp_status srtp_check_protect(const struct srtp_engine *engine,
                                                  const struct srtp_job *job, size_t overhead,
                                                  size_t *size)
{
    const uint8_t *head = job->hdr ? job->hdr : job->src;
    size_t head_len = job->hdr ? job->hdr_len : job->len;
    size_t total = (size_t)(job->hdr ? job->hdr_len : 0) + job->len + overhead;

    if (!srtp_engine_owns(engine, job->stream) || job->stream->dir != SRTP_OUTBOUND)
        return SRTP_FAILED;
    if (total > job->dst_cap)
        return SRTP_NO_ROOM;
    return srtp_check_header(job, head, head_len, 0, size);
}

static inline enum srtp_status srtp_check_unprotect(const struct srtp_engine *engine,
                                                    const struct srtp_job *job, size_t overhead,
                                                    size_t *size)
{
    if (!srtp_engine_owns(engine, job->stream) || job->stream->dir != SRTP_INBOUND)
        return SRTP_FAILED;
    /* The library may use the room of the tag while it works, so demand it all. */
    if (job->len > job->dst_cap)
        return SRTP_NO_ROOM;
    return srtp_check_header(job, job->src, job->len, overhead, size);
}

#endif
