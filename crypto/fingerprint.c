/* Fingerprints of certificates, as signalling writes them (RFC 8122 §5) and as they compare. */
#include "crypto/fingerprint.h"

#include "base/err.h"
#include "base/secret.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *token;
    size_t len;
} hashes[FINGERPRINT_HASH_COUNT] = {
#define HASH_ROW(name, token, len) [name] = {token, len},
    FINGERPRINT_HASH_LIST(HASH_ROW)
#undef HASH_ROW
};

static bool is_known(enum fingerprint_hash hash)
{
    return (unsigned)hash < FINGERPRINT_HASH_COUNT;
}

const char *fingerprint_hash_to_str(enum fingerprint_hash hash)
{
    return is_known(hash) ? hashes[hash].token : "unknown";
}

size_t fingerprint_hash_len(enum fingerprint_hash hash)
{
    return is_known(hash) ? hashes[hash].len : 0;
}

static bool token_is(const char *token, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(token, name, len) == 0;
}

int fingerprint_hash_parse(const char *token, size_t len, enum fingerprint_hash *out)
{
    for (unsigned i = 0; i < FINGERPRINT_HASH_COUNT; i++) {
        if (token_is(token, len, hashes[i].token)) {
            *out = (enum fingerprint_hash)i;
            return 0;
        }
    }
    /* Named, so that the caller can say "refused" and not "unknown": RFC 8122 §5 forbids both. */
    if (token_is(token, len, "md2") || token_is(token, len, "md5"))
        return ERR_REFUSED;
    return ERR_NOTFOUND;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Skips a leading "hash-func SP" that agrees with the hash. H.235.10 carries name and value in
 * fields of their own; a peer that copies the whole SDP value into the second is understood, as
 * long as both agree. */
static int skip_hash_name(enum fingerprint_hash hash, const char **text, size_t *len)
{
    const char *space = memchr(*text, ' ', *len);
    size_t name_len;

    if (!space)
        return 0;
    name_len = (size_t)(space - *text);
    if (!token_is(*text, name_len, hashes[hash].token))
        return ERR_MALFORMED;
    *text += name_len + 1;
    *len -= name_len + 1;
    return 0;
}

int fingerprint_parse(enum fingerprint_hash hash, const char *text, size_t len,
                      struct fingerprint *out)
{
    struct fingerprint fp = {.hash = hash};
    size_t n = 0;

    if (!is_known(hash))
        return ERR_INVAL;
    if (len == 0 || skip_hash_name(hash, &text, &len) != 0)
        return ERR_MALFORMED;
    /* Two digits and a colon each: no other form is in use, and a lenient reader would make equal
     * values look different elsewhere. */
    for (size_t i = 0; i < len; i += 3) {
        int high, low;

        if (len - i < 2 || (len - i > 2 && text[i + 2] != ':') || len - i == 3)
            return ERR_MALFORMED;
        high = hex_digit(text[i]);
        low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return ERR_MALFORMED;
        if (n == hashes[hash].len)
            return ERR_RANGE;
        fp.digest[n++] = (uint8_t)(high << 4 | low);
    }
    if (n == 0)
        return ERR_MALFORMED;
    if (n != hashes[hash].len)
        return ERR_RANGE;
    *out = fp;
    return 0;
}

int fingerprint_format(const struct fingerprint *fp, char *text, size_t cap)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = fingerprint_hash_len(fp->hash);

    if (len == 0)
        return ERR_INVAL;
    if (cap < len * 3)
        return ERR_RANGE;
    for (size_t i = 0; i < len; i++) {
        *text++ = digits[fp->digest[i] >> 4];
        *text++ = digits[fp->digest[i] & 0x0f];
        *text++ = i + 1 < len ? ':' : '\0';
    }
    return 0;
}

/* Constant time though the digest is public: one comparison for everything of this kind. */
bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
    return is_known(a->hash) && a->hash == b->hash &&
           secret_equal(a->digest, b->digest, hashes[a->hash].len);
}
