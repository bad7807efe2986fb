/* Our own certificate: made at start or read from files, checked as a peer would check it, and
 * handed to the library. A fault that only showed in handshakes would cost calls instead of a
 * start. */
#include "crypto/cert.h"

#include "base/err.h"
#include "base/secret.h"
#include "crypto/wolf.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GENERATED_MAX  1024 /* a P-256 certificate has about 380 octets, its key 121 */
#define FILE_MAX_BYTES (256 * 1024)
#define SERIAL_BYTES   16
#define P256_KEY_BYTES 32

struct cert {
    uint8_t *der;
    size_t der_len;
    uint8_t *pem; /* the whole file, chain included; NULL when made by ourselves */
    size_t pem_len;
    uint8_t *key; /* in memory that is not dumped */
    size_t key_len;
    size_t key_room;
    int key_type; /* WOLFSSL_FILETYPE_ASN1 or _PEM */
};

static struct cert *cert_alloc(size_t der_room, size_t key_room)
{
    struct cert *cert = calloc(1, sizeof(*cert));

    if (!cert)
        return NULL;
    /* calloc serves certificates as well as loading needs it: both kinds have one struct, so that
     * whoever installs one need not know where it came from. */
    cert->der = calloc(1, der_room);
    cert->key = secret_alloc(key_room);
    cert->key_room = key_room;
    if (!cert->der || !cert->key) {
        cert_destroy(cert);
        return NULL;
    }
    return cert;
}

void cert_destroy(struct cert *cert)
{
    if (!cert)
        return;
    secret_free(cert->key, cert->key_room);
    free(cert->der);
    free(cert->pem);
    free(cert);
}

/* Random name and serial number: nothing about the installation, nothing that stays over starts. A
 * certificate that named the machine would let peers tell callers apart. */
static int fill_request(Cert *request, WC_RNG *rng, unsigned validity_days)
{
    uint8_t name[8];

    if (wc_InitCert(request) != 0 ||
        wc_RNG_GenerateBlock(rng, request->serial, SERIAL_BYTES) != 0 ||
        wc_RNG_GenerateBlock(rng, name, sizeof(name)) != 0)
        return ERR_CRYPTO;
    request->serial[0] = (uint8_t)((request->serial[0] & 0x3f) | 0x40); /* positive, full length */
    request->serialSz = SERIAL_BYTES;
    for (size_t i = 0; i < sizeof(name); i++)
        snprintf(request->subject.commonName + 2 * i, 3, "%02x", name[i]);
    request->sigType = CTC_SHA256wECDSA; /* what every DTLS 1.2 peer of H.235.10 knows */
    request->daysValid = (int)validity_days;
    request->selfSigned = 1;
    return 0;
}

/* Self-signed is what the protocol wants: trust comes from the fingerprint in signalling (RFC 5763
 * §5), not from an authority. */
static int make_self_signed(struct cert *cert, ecc_key *key, WC_RNG *rng, unsigned validity_days)
{
    Cert request;
    int n;

    if (fill_request(&request, rng, validity_days) != 0)
        return ERR_CRYPTO;
    if (wc_MakeCert(&request, cert->der, GENERATED_MAX, NULL, key, rng) <= 0)
        return ERR_CRYPTO;
    n = wc_SignCert(request.bodySz, request.sigType, cert->der, GENERATED_MAX, NULL, key, rng);
    if (n <= 0)
        return ERR_CRYPTO;
    cert->der_len = (size_t)n;
    n = wc_EccKeyToDer(key, cert->key, (word32)cert->key_room);
    if (n <= 0)
        return ERR_CRYPTO;
    cert->key_len = (size_t)n;
    cert->key_type = WOLFSSL_FILETYPE_ASN1;
    return 0;
}

int cert_generate(unsigned validity_days, struct cert **out)
{
    struct cert *cert;
    int rc = ERR_CRYPTO;
    WC_RNG rng;
    ecc_key key;

    if (validity_days == 0 || validity_days > CERT_VALIDITY_DAYS_MAX)
        return ERR_INVAL;
    /* libraries before their first use, or RNG and self-tests are missing */
    if (wolf_start() != 0 || wc_InitRng(&rng) != 0)
        return ERR_CRYPTO;
    if (wc_ecc_init(&key) != 0) {
        wc_FreeRng(&rng);
        return ERR_CRYPTO;
    }
    cert = cert_alloc(GENERATED_MAX, GENERATED_MAX);
    if (!cert)
        rc = ERR_NOMEM;
    /* P-256: hand-shakes cost a third of RSA-2048's time, and all peers have the curve. */
    else if (wc_ecc_make_key_ex(&rng, P256_KEY_BYTES, &key, ECC_SECP256R1) == 0)
        rc = make_self_signed(cert, &key, &rng, validity_days);
    wc_ecc_free(&key);
    wc_FreeRng(&rng);
    if (rc != 0) {
        cert_destroy(cert);
        return rc;
    }
    *out = cert;
    return 0;
}

static int refuse(struct cert_problem *problem, const char *path, int err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int refuse(struct cert_problem *problem, const char *path, int err, const char *format, ...)
{
    va_list args;

    if (!problem)
        return err;
    problem->path = path;
    va_start(args, format);
    vsnprintf(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    return err;
}

/* Reads a whole file into room bytes; ERR_IO when it is not there, empty or too large. */
static int read_file(const char *path, uint8_t *data, size_t room, size_t *len,
                     struct cert_problem *problem)
{
    FILE *file = fopen(path, "rbe");
    size_t n;

    if (!file)
        return refuse(problem, path, ERR_IO, "cannot be read: %s", strerror(errno));
    /* fread would otherwise leave the key in a heap block that nobody wipes. */
    setvbuf(file, NULL, _IONBF, 0); /* no copy of a key in a buffer of the C library */
    errno = 0;
    n = fread(data, 1, room, file);
    fclose(file);
    if (n == 0)
        return refuse(problem, path, ERR_IO, errno ? "cannot be read: %s" : "is empty%.0s",
                      strerror(errno));
    /* A full buffer may be a cut file: better refused than half a chain installed. */
    if (n == room)
        return refuse(problem, path, ERR_IO, "is longer than %zu octets", room - 1);
    *len = n;
    return 0;
}

int cert_read_authorities(const char *path, struct WOLFSSL_CTX *ctx, struct cert_problem *problem)
{
    uint8_t *pem = malloc(FILE_MAX_BYTES);
    size_t len = 0;
    int rc = pem ? read_file(path, pem, FILE_MAX_BYTES, &len, problem) : ERR_NOMEM;

    if (rc == 0 && wolfSSL_CTX_load_verify_buffer(ctx, pem, (long)len, WOLFSSL_FILETYPE_PEM) !=
                       /* For TLS of signalling alone; media trust no authority. */
                       WOLFSSL_SUCCESS)
        rc = refuse(problem, path, ERR_MALFORMED,
                    "expected CA certificates in PEM that are valid today");
    free(pem);
    return rc;
}

/* Bits of an RSA key as it stands in a certificate; 0: it makes no sense. */
static int rsa_bits(const uint8_t *der, word32 len)
{
    word32 at = 0;
    RsaKey key;
    int bits = 0;

    /* The certificate's own word for its size is not asked: the modulus decides. */
    if (wc_InitRsaKey(&key, NULL) != 0)
        return 0;
    if (wc_RsaPublicKeyDecode(der, &at, &key, len) == 0)
        bits = 8 * wc_RsaEncryptSize(&key);
    wc_FreeRsaKey(&key);
    return bits;
}

/* What the library would take at start and then fail with in every handshake is refused here. */
static int check_kind(const struct cert *cert, const char *path, struct cert_problem *problem)
{
    DecodedCert decoded;
    int rc = 0, bits;

    wc_InitDecodedCert(&decoded, cert->der, (word32)cert->der_len, NULL);
    if (wc_ParseCert(&decoded, CERT_TYPE, NO_VERIFY, NULL) != 0) {
        rc = refuse(problem, path, ERR_MALFORMED, "the first certificate cannot be read");
    } else if (decoded.keyOID == RSAk) {
        bits = rsa_bits(decoded.publicKey, decoded.pubKeySize);
        /* The library would take a shorter key and peers would refuse it, call by call. */
        if (bits < CERT_RSA_BITS_MIN)
            rc = refuse(problem, path, ERR_UNSUPPORTED,
                        "an RSA key of %d bits, expected at least %d", bits, CERT_RSA_BITS_MIN);
    } else if (decoded.keyOID != ECDSAk && decoded.keyOID != ED25519k) {
        rc = refuse(problem, path, ERR_UNSUPPORTED,
                    "expected a certificate for ECDSA, Ed25519 or RSA");
    }
    wc_FreeDecodedCert(&decoded);
    return rc;
}

static int cert_install_key(const struct cert *cert, WOLFSSL_CTX *ctx)
{
    return wolfSSL_CTX_use_PrivateKey_buffer(ctx, cert->key, (long)cert->key_len, cert->key_type) ==
                   WOLFSSL_SUCCESS
               ? 0
               : ERR_MALFORMED;
}

static int check_pair(const struct cert *cert, const char *cert_path, const char *key_path,
                      struct cert_problem *problem)
{
    /* A context of its own: whether key and certificate fit is for the library to say, and the
     * context of the running server must not be the place to try it out. */
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfDTLSv1_2_server_method());
    int rc;

    if (!ctx)
        return ERR_NOMEM;
    if (wolfSSL_CTX_use_certificate_buffer(ctx, cert->der, (long)cert->der_len,
                                           WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
        rc = refuse(problem, cert_path, ERR_MALFORMED, "the first certificate cannot be used");
    else if (cert_install_key(cert, ctx) != 0)
        rc = refuse(problem, key_path, ERR_MALFORMED,
                    "expected a private key in PEM, not encrypted, of the certificate's kind");
    /* Two files from two calls: an operator who renewed one of them learns it here, by name. */
    else if (wolfSSL_CTX_check_private_key(ctx) != WOLFSSL_SUCCESS)
        rc = refuse(problem, key_path, ERR_REFUSED, "is not the key of the certificate in %s",
                    cert_path);
    else
        rc = 0;
    wolfSSL_CTX_free(ctx);
    return rc;
}

static int load(struct cert *cert, const char *cert_path, const char *key_path,
                struct cert_problem *problem)
{
    int n, rc = read_file(cert_path, cert->pem, FILE_MAX_BYTES, &cert->pem_len, problem);

    if (rc != 0)
        return rc;
    n = wc_CertPemToDer(cert->pem, (int)cert->pem_len, cert->der, FILE_MAX_BYTES, CERT_TYPE);
    if (n <= 0)
        return refuse(problem, cert_path, ERR_MALFORMED, "expected a certificate in PEM");
    cert->der_len = (size_t)n;
    rc = check_kind(cert, cert_path, problem);
    if (rc == 0)
        rc = read_file(key_path, cert->key, cert->key_room, &cert->key_len, problem);
    cert->key_type = WOLFSSL_FILETYPE_PEM; /* also for a key that fails: fini wipes either kind */
    return rc == 0 ? check_pair(cert, cert_path, key_path, problem) : rc;
}

int cert_load(const char *cert_path, const char *key_path, struct cert **out,
              struct cert_problem *problem)
{
    struct cert *cert;
    int rc;

    if (wolf_start() != 0)
        return ERR_CRYPTO;
    cert = cert_alloc(FILE_MAX_BYTES, FILE_MAX_BYTES);
    if (!cert)
        return ERR_NOMEM;
    cert->pem = malloc(FILE_MAX_BYTES);
    rc = cert->pem ? load(cert, cert_path, key_path, problem) : ERR_NOMEM;
    if (rc != 0) {
        cert_destroy(cert);
        return rc;
    }
    *out = cert;
    return 0;
}

int cert_install(const struct cert *cert, WOLFSSL_CTX *ctx)
{
    /* Leaf only: DTLS peers compare the leaf's fingerprint, a chain would cost datagrams for
     * nothing. */
    if (wolfSSL_CTX_use_certificate_buffer(ctx, cert->der, (long)cert->der_len,
                                           WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
        return ERR_MALFORMED;
    return cert_install_key(cert, ctx);
}

int cert_install_chain(const struct cert *cert, WOLFSSL_CTX *ctx)
{
    /* TLS clients of signalling want to build a path, hence the chain there. */
    if (!cert->pem)
        return cert_install(cert, ctx);
    if (wolfSSL_CTX_use_certificate_chain_buffer(ctx, cert->pem, (long)cert->pem_len) !=
        WOLFSSL_SUCCESS)
        return ERR_MALFORMED;
    return cert_install_key(cert, ctx);
}

const uint8_t *cert_der(const struct cert *cert, size_t *len)
{
    *len = cert->der_len;
    return cert->der;
}

int fingerprint_of_der(enum fingerprint_hash hash, const uint8_t *der, size_t len,
                       struct fingerprint *out)
{
    static const enum wc_HashType types[FINGERPRINT_HASH_COUNT] = {
        [FINGERPRINT_SHA1] = WC_HASH_TYPE_SHA,
        /* MD5 and MD2 have no row: RFC 8122 §5 forbids them even where a peer offers them. */
        [FINGERPRINT_SHA256] = WC_HASH_TYPE_SHA256,
        [FINGERPRINT_SHA384] = WC_HASH_TYPE_SHA384,
        [FINGERPRINT_SHA512] = WC_HASH_TYPE_SHA512,
    };
    /* Zeroed, so that digests compare alike whatever their length. */
    struct fingerprint fp = {.hash = hash};

    if (fingerprint_hash_len(hash) == 0 || !der || len == 0 || len > UINT32_MAX)
        return ERR_INVAL;
    if (wc_Hash(types[hash], der, (word32)len, fp.digest, (word32)fingerprint_hash_len(hash)) != 0)
        return ERR_CRYPTO;
    *out = fp;
    return 0;
}

int cert_fingerprint(const struct cert *cert, enum fingerprint_hash hash, struct fingerprint *out)
{
    return fingerprint_of_der(hash, cert->der, cert->der_len, out);
}
