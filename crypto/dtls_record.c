/* Looks at datagrams from outside: is it DTLS at all, and what does a ClientHello offer. RFC 6347;
 * written for input from anybody, it answers yes or no and keeps nothing. */
#include "crypto/dtls_record.h"

#include "base/bytes.h"
#include "base/err.h"

#include <string.h>

#define RECORD_MAX      (16384 + 2048) /* RFC 5246 §6.2.3 */
#define CLIENT_HELLO    1
#define RANDOM_BYTES    32
#define EXT_USE_SRTP    14
#define EXT_MASTER      23
#define ALERT_FATAL     2
#define VERSION_DTLS_10 0xfeff
#define VERSION_DTLS_12 0xfefd

static bool read_header(struct bytes_reader *r, struct dtls_record *out, uint16_t *len)
{
    uint16_t version;

    out->type = bytes_read_u8(r);
    version = bytes_read_u16(r); /* a first ClientHello may bear 1.0 */
    out->epoch = bytes_read_u16(r);
    bytes_skip(r, 6);
    *len = bytes_read_u16(r);
    /* 1.3's unified header (RFC 9147 §4) has other first octets: dropped, we speak 1.2. */
    return !r->err && out->type >= DTLS_CHANGE_CIPHER_SPEC && out->type <= DTLS_APPLICATION_DATA &&
           (version == VERSION_DTLS_10 || version == VERSION_DTLS_12) && *len > 0 &&
           *len <= RECORD_MAX;
}

bool dtls_record_parse(const uint8_t *data, size_t len, struct dtls_record *first)
{
    struct bytes_reader r = bytes_reader(data, len);
    struct dtls_record record;
    bool is_first = true;
    uint16_t size;

    /* All records of the datagram or none: the caller may walk them without asking again. */
    do {
        if (!read_header(&r, &record, &size) || bytes_left(&r) < size)
            return false;
        bytes_skip(&r, size);
        if (is_first)
            *first = record;
        is_first = false;
    } while (bytes_left(&r) > 0);
    return true;
}

/* The handshake header and all before the extensions. */
static int read_hello_head(struct bytes_reader *r, bool *has_cookie)
{
    uint32_t length, offset, fragment;
    size_t n;

    if (bytes_read_u8(r) != CLIENT_HELLO)
        return ERR_MALFORMED;
    length = bytes_read_u24(r);
    bytes_skip(r, 2); /* message_seq */
    offset = bytes_read_u24(r);
    fragment = bytes_read_u24(r);
    /* A whole message in one record; fragments were joined before (dtls_join.c). */
    if (r->err || offset != 0 || fragment != length || bytes_left(r) < length)
        return ERR_MALFORMED;
    bytes_skip(r, 2 + RANDOM_BYTES);
    n = bytes_read_u8(r); /* session id */
    if (n > 32)
        return ERR_MALFORMED;
    bytes_skip(r, n);
    n = bytes_read_u8(r);
    *has_cookie = n > 0;
    bytes_skip(r, n);
    /* Suites and methods are the library's to judge; here they are only stepped over. */
    n = bytes_read_u16(r); /* cipher suites */
    if (n < 2 || n % 2 != 0)
        return ERR_MALFORMED;
    bytes_skip(r, n);
    n = bytes_read_u8(r); /* compression methods */
    if (n < 1)
        return ERR_MALFORMED;
    bytes_skip(r, n);
    return r->err ? ERR_MALFORMED : 0;
}

static int read_use_srtp(struct bytes_reader r, struct dtls_hello *out)
{
    struct bytes_reader list = bytes_read_sub(&r, bytes_read_u16(&r));

    if (r.err || list.size < 2 || list.size % 2 != 0)
        return ERR_MALFORMED;
    /* An MKI of the peer's is ignored by leaving it out of the answer. */
    bytes_skip(&r, bytes_read_u8(&r)); /* MKI: we use none, RFC 5764 §4.1.3 lets us ignore it */
    if (r.err || bytes_left(&r) != 0)
        return ERR_MALFORMED;
    out->has_use_srtp = true;
    out->profile_count = 0;
    /* Further ones are cut: nobody has more than a handful, and ours come first in no list. */
    while (bytes_left(&list) > 0 && out->profile_count < DTLS_HELLO_PROFILES_MAX)
        out->profiles[out->profile_count++] = bytes_read_u16(&list);
    return 0;
}

int dtls_hello_parse(const uint8_t *data, size_t len, struct dtls_hello *out)
{
    struct bytes_reader r = bytes_reader(data, len);
    struct dtls_hello hello = {0};
    struct bytes_reader extensions;
    struct dtls_record record;
    uint16_t size;

    if (!read_header(&r, &record, &size) || record.type != DTLS_HANDSHAKE_RECORD ||
        record.epoch != 0)
        return ERR_MALFORMED;
    r = bytes_read_sub(&r, size);
    if (r.err || read_hello_head(&r, &hello.has_cookie) != 0)
        return ERR_MALFORMED;
    /* A ClientHello without extensions is legal, but has neither curves nor use_srtp. Only use_srtp
     * and extended_master_secret interest us; the library reads the rest again. */
    extensions = bytes_read_sub(&r, bytes_read_u16(&r));
    while (bytes_left(&extensions) > 0) {
        uint16_t type = bytes_read_u16(&extensions);
        struct bytes_reader body = bytes_read_sub(&extensions, bytes_read_u16(&extensions));

        if (extensions.err || (type == EXT_USE_SRTP && read_use_srtp(body, &hello) != 0))
            return ERR_MALFORMED;
        hello.has_master_secret |= type == EXT_MASTER;
    }
    if (extensions.err || r.err)
        return ERR_MALFORMED;
    *out = hello;
    return 0;
}

/* Our preference decides, in the order of the configuration: the client's list is only what may be
 * had. */
enum srtp_profile dtls_hello_choose(const struct dtls_hello *hello, const enum srtp_profile *ours,
                                    size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < hello->profile_count; k++)
            if (hello->profiles[k] == (unsigned)ours[i])
                return ours[i];
    return SRTP_PROFILE_NONE;
}

void dtls_record_alert(uint8_t *out, uint8_t description)
{
    struct bytes_writer w = bytes_writer(out, DTLS_PLAIN_ALERT_BYTES);

    bytes_write_u8(&w, DTLS_ALERT);
    bytes_write_u16(&w, VERSION_DTLS_12);
    bytes_write_u16(&w, 0); /* epoch */
    /* Far above what the handshake has used, so that no replay window drops it. 1000: below 2^48
     * and above every number that a handshake of ours has reached. */
    bytes_write_u48(&w, 1000);
    bytes_write_u16(&w, 2);
    bytes_write_u8(&w, ALERT_FATAL);
    bytes_write_u8(&w, description);
}
