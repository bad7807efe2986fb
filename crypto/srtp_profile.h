/* SRTP protection profiles: the table of what RFC 5764 §4.1.2 and RFC 7714 §14.2 register and
 * Sluice speaks, and the master key of one direction. Shared by the DTLS side, which makes the
 * keys, and the SRTP side, which uses them. */
#ifndef CRYPTO_SRTP_PROFILE_H
#define CRYPTO_SRTP_PROFILE_H

#include <stddef.h>
#include <stdint.h>

/* In the server's order of preference. id: IANA "DTLS-SRTP Protection Profiles"; key and salt:
 * master lengths in bytes; rtp_tag, rtcp_tag: bytes of authentication tag (the _32 profile keeps
 * 80 bits for SRTCP, RFC 5764 §4.1.2). */
#define SRTP_PROFILE_LIST(X)                                                       \
    /* name, id, text, key, salt, rtp_tag, rtcp_tag */                             \
    X(SRTP_PROFILE_AEAD_AES_128_GCM, 7, "SRTP_AEAD_AES_128_GCM", 16, 12, 16, 16)   \
    X(SRTP_PROFILE_AEAD_AES_256_GCM, 8, "SRTP_AEAD_AES_256_GCM", 32, 12, 16, 16)   \
    X(SRTP_PROFILE_AES128_CM_SHA1_80, 1, "SRTP_AES128_CM_SHA1_80", 16, 14, 10, 10) \
    X(SRTP_PROFILE_AES128_CM_SHA1_32, 2, "SRTP_AES128_CM_SHA1_32", 16, 14, 4, 10)

enum srtp_profile {
    SRTP_PROFILE_NONE = 0,
#define SRTP_PROFILE_ENUM(name, id, text, key, salt, tag, ctag) name = (id),
    SRTP_PROFILE_LIST(SRTP_PROFILE_ENUM)
#undef SRTP_PROFILE_ENUM
};

#define SRTP_PROFILE_COUNT   4
#define SRTP_MASTER_KEY_MAX  32
#define SRTP_MASTER_SALT_MAX 14
/* What protection adds at most: to RTP the tag; to RTCP the index word and the tag. */
#define SRTP_RTP_OVERHEAD_MAX  16
#define SRTP_RTCP_OVERHEAD_MAX 20

struct srtp_profile_info {
    enum srtp_profile id;
    const char *name;     /* IANA name with the SRTP_ prefix, as OpenSSL and wolfSSL write it */
    uint8_t key_len;      /* master key, bytes */
    uint8_t salt_len;     /* master salt, bytes */
    uint8_t rtp_tag_len;  /* bytes appended to an RTP packet */
    uint8_t rtcp_tag_len; /* bytes of tag in an SRTCP packet (besides the 4 of E and index) */
};

/* Master key and salt of one direction. Plain secret: wipe with secret_wipe when done. */
struct srtp_master {
    enum srtp_profile profile;
    uint8_t key[SRTP_MASTER_KEY_MAX];
    uint8_t salt[SRTP_MASTER_SALT_MAX];
};

/* Row of a profile, NULL for one that we do not speak (any 16-bit number may be asked). */
const struct srtp_profile_info *srtp_profile_find(unsigned id);

/* Name of a profile, "none" or "unknown". Static storage. */
const char *srtp_profile_to_str(enum srtp_profile profile);

/* Profile of a name in any case, with or without the leading "SRTP_"; ERR_NOTFOUND. */
int srtp_profile_parse(const char *name, enum srtp_profile *out);

/* The list in order of preference, SRTP_PROFILE_COUNT entries. */
extern const enum srtp_profile srtp_profile_preference[SRTP_PROFILE_COUNT];

#endif
