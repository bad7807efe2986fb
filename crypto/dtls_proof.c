/* Checks one signature over handshake messages, in all the schemes that a DTLS 1.2 peer may use.
 * Runs before the library sees a message (dtls_gate.c), thus on input from anybody: all that is
 * read is bounded and every failure is the same "no". */
#include "crypto/dtls_proof.h"

#include "base/bytes.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#include <string.h>

/* SignatureAlgorithm of RFC 5246 §7.4.1.4.1, and the schemes of RFC 8422 §5.1.3 and RFC 8446
 * §4.2.3 that a DTLS 1.2 peer may use as well. */
#define SIGN_RSA      1
#define SIGN_ECDSA    3
#define SCHEME_PSS    0x0804 /* rsa_pss_rsae_sha256, then sha384, sha512 */
#define SCHEME_ED     0x0807
#define SCHEME_PSSKEY 0x0809 /* rsa_pss_pss_sha256, then sha384, sha512 */

struct proof {
    const uint8_t *key; /* SubjectPublicKeyInfo */
    uint32_t key_len;
    const uint8_t *data;
    uint32_t len;
    const uint8_t *signature;
    uint16_t signature_len;
};

/* RFC 5246 §7.4.1.4.1 numbers hashes 1 (MD5) to 6 (SHA-512). */
static bool hash_of(unsigned id, enum wc_HashType *hash, int *mgf)
{
    switch (id) {
    case 4:
        *hash = WC_HASH_TYPE_SHA256;
        *mgf = WC_MGF1SHA256;
        return true;
    case 5:
        *hash = WC_HASH_TYPE_SHA384;
        *mgf = WC_MGF1SHA384;
        return true;
    case 6:
        *hash = WC_HASH_TYPE_SHA512;
        *mgf = WC_MGF1SHA512;
        return true;
    default:
        return false; /* SHA-1 and below prove nothing any more */
    }
}

static bool check_ecdsa(const struct proof *p, enum wc_HashType hash)
{
    uint8_t digest[WC_MAX_DIGEST_SIZE];
    int digest_len = wc_HashGetDigestSize(hash);
    word32 at = 0;
    int good = 0;
    ecc_key key;

    if (wc_Hash(hash, p->data, p->len, digest, (word32)digest_len) != 0 || wc_ecc_init(&key) != 0)
        return false;
    if (wc_EccPublicKeyDecode(p->key, &at, &key, p->key_len) != 0 ||
        wc_ecc_verify_hash(p->signature, p->signature_len, digest, (word32)digest_len, &good,
                           &key) != 0)
        good = 0;
    wc_ecc_free(&key);
    return good == 1;
}

static bool check_rsa(const struct proof *p, enum wc_HashType hash, int mgf, bool is_pss)
{
    /* RSA_MAX_SIZE is in bits; a certificate's key may not exceed what the library was built
     * with. */
    uint8_t digest[WC_MAX_DIGEST_SIZE], plain[RSA_MAX_SIZE / 8], copy[RSA_MAX_SIZE / 8];
    int digest_len = wc_HashGetDigestSize(hash);
    bool is_good = false;
    word32 at = 0;
    RsaKey key;

    if (p->signature_len > sizeof(copy) || wc_InitRsaKey(&key, NULL) != 0)
        return false;
    memcpy(copy, p->signature, p->signature_len); /* the library's is not const */
    if (wc_RsaPublicKeyDecode(p->key, &at, &key, p->key_len) != 0)
        is_good = false;
    else if (!is_pss)
        is_good = wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_RSA_W_ENC, p->data, p->len, copy,
                                     p->signature_len, &key, sizeof(key)) == 0;
    else
        is_good = wc_Hash(hash, p->data, p->len, digest, (word32)digest_len) == 0 &&
                  wc_RsaPSS_VerifyCheck(copy, p->signature_len, plain, sizeof(plain), digest,
                                        (word32)digest_len, hash, mgf, &key) > 0;
    wc_FreeRsaKey(&key);
    return is_good;
}

static bool check_ed25519(const struct proof *p)
{
    /* Ed25519 hashes by itself, twice: the message goes in whole (RFC 8032 §5.1). */
    word32 at = 0;
    int good = 0;
    ed25519_key key;

    if (wc_ed25519_init(&key) != 0)
        return false;
    if (wc_Ed25519PublicKeyDecode(p->key, &at, &key, p->key_len) != 0 ||
        wc_ed25519_verify_msg(p->signature, p->signature_len, p->data, p->len, &good, &key) != 0)
        good = 0;
    wc_ed25519_free(&key);
    return good == 1;
}

static bool check(const struct proof *p, uint16_t scheme)
{
    /* The RSA-PSS schemes come in two rows of three (RFC 8446 §4.2.3); the hash counts from
     * SHA-256, which hash_of calls 4. */
    unsigned first = scheme >= SCHEME_PSSKEY ? SCHEME_PSSKEY : SCHEME_PSS;
    enum wc_HashType hash;
    int mgf;

    if (scheme == SCHEME_ED)
        return check_ed25519(p);
    if (scheme >> 8 == SCHEME_PSS >> 8)
        /* 0x0803 and below is EdDSA's and Ed448's half of the byte: none that we know. */
        return scheme >= SCHEME_PSS && hash_of(4u + scheme - first, &hash, &mgf) &&
               check_rsa(p, hash, mgf, true);
    if (!hash_of(scheme >> 8, &hash, &mgf))
        return false;
    if ((scheme & 0xff) == SIGN_ECDSA)
        return check_ecdsa(p, hash);
    return (scheme & 0xff) == SIGN_RSA && check_rsa(p, hash, mgf, false);
}

/* One element of DER: its tag, and a reader of what is in it. False: it is not there whole. */
static bool read_element(struct bytes_reader *r, uint8_t *tag, struct bytes_reader *inside)
{
    size_t len;

    *tag = bytes_read_u8(r);
    len = bytes_read_u8(r);
    if (len == 0x81)
        len = bytes_read_u8(r);
    else if (len == 0x82)
        len = bytes_read_u16(r);
    else if (len >= 0x80)
        return false; /* none is longer in a datagram */
    *inside = bytes_read_sub(r, len);
    return !r->err;
}

#define DER_SEQUENCE 0x30
#define DER_VERSION  0xa0

/* The key with its algorithm, as it stands in the certificate. RFC 5280 §4.1: the TBSCertificate
 * has it behind version (if any), serialNumber, signature, issuer, validity and subject. The
 * library's own parser gives some kinds of keys without the algorithm, and refuses certificates
 * for things that nobody asks here. */
static bool find_key(const uint8_t *der, size_t len, struct proof *p)
{
    struct bytes_reader r = bytes_reader(der, len), certificate, tbs, part;
    uint8_t tag;

    if (!read_element(&r, &tag, &certificate) || tag != DER_SEQUENCE ||
        !read_element(&certificate, &tag, &tbs) || tag != DER_SEQUENCE ||
        !read_element(&tbs, &tag, &part))
        return false;
    /* Five elements lie before the key, six with the optional version. */
    for (int i = tag == DER_VERSION ? 0 : 1; i < 5; i++)
        if (!read_element(&tbs, &tag, &part))
            return false;
    p->key = tbs.data + tbs.pos;
    if (!read_element(&tbs, &tag, &part) || tag != DER_SEQUENCE)
        return false;
    p->key_len = (uint32_t)(tbs.data + tbs.pos - p->key);
    return true;
}

bool dtls_proof_holds(const uint8_t *der, size_t der_len, const uint8_t *data, size_t len,
                      const uint8_t *proof, size_t proof_len)
{
    struct bytes_reader r = bytes_reader(proof, proof_len);
    struct proof p = {.data = data, .len = (uint32_t)len};
    uint16_t scheme = bytes_read_u16(&r);

    p.signature_len = bytes_read_u16(&r);
    p.signature = bytes_read_span(&r, p.signature_len);
    /* Octets behind the signature: not what RFC 5246 §4.7 describes. */
    if (p.signature == NULL || r.err || bytes_left(&r) != 0)
        return false;
    return find_key(der, der_len, &p) && check(&p, scheme);
}
