/* RFC 4572 §5 syntax as H.235.10 §7.2 uses it. */
#include "base/err.h"
#include "crypto/cert.h"
#include "crypto/fingerprint.h"
#include "tests/suite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA1_HEX "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB"

struct parse_row {
    const char *text;
    enum fingerprint_hash hash;
    int rc;
};

static const struct parse_row parse_table[] = {
    {SHA1_HEX, FINGERPRINT_SHA1, 0},
    {"4a:ad:b9:b1:3f:82:18:3b:54:02:12:df:3e:5d:49:6b:19:e5:7c:ab", FINGERPRINT_SHA1, 0},
    {"4a:AD:b9:B1:3f:82:18:3b:54:02:12:df:3e:5d:49:6b:19:e5:7c:ab", FINGERPRINT_SHA1, 0},
    {"sha-1 " SHA1_HEX, FINGERPRINT_SHA1, 0},
    {"SHA-1 " SHA1_HEX, FINGERPRINT_SHA1, 0},
    {"sha-256 " SHA1_HEX, FINGERPRINT_SHA1, ERR_MALFORMED}, /* names another hash */
    {"md5 " SHA1_HEX, FINGERPRINT_SHA1, ERR_MALFORMED},
    {" " SHA1_HEX, FINGERPRINT_SHA1, ERR_MALFORMED},
    {SHA1_HEX " ", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"sha-1  " SHA1_HEX, FINGERPRINT_SHA1, ERR_MALFORMED},
    {"sha-1 ", FINGERPRINT_SHA1, ERR_MALFORMED},
    {SHA1_HEX ":", FINGERPRINT_SHA1, ERR_MALFORMED},
    {":" SHA1_HEX, FINGERPRINT_SHA1, ERR_MALFORMED},
    {SHA1_HEX ":00", FINGERPRINT_SHA1, ERR_RANGE},
    {SHA1_HEX, FINGERPRINT_SHA256, ERR_RANGE},
    {"4A:AD", FINGERPRINT_SHA1, ERR_RANGE},
    {"", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"4", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"4A:", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"4A:A", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"4AAD", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"4A-AD", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"GG:AD", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"0x:4A", FINGERPRINT_SHA1, ERR_MALFORMED},
    {"4A:AD\n", FINGERPRINT_SHA1, ERR_MALFORMED},
    {SHA1_HEX, FINGERPRINT_HASH_COUNT, ERR_INVAL},
};

static void parse_table_gives_expected_codes(void)
{
    for (size_t i = 0; i < sizeof(parse_table) / sizeof(parse_table[0]); i++) {
        const struct parse_row *row = &parse_table[i];
        struct fingerprint fp;
        int rc = fingerprint_parse(row->hash, row->text, strlen(row->text), &fp);

        if (rc != row->rc)
            printf("\n    row %zu: '%s' gives %d ", i, row->text, rc);
        CU_ASSERT_EQUAL(rc, row->rc);
        if (rc == 0) {
            char text[FINGERPRINT_TEXT_MAX];

            CU_ASSERT_EQUAL(fingerprint_format(&fp, text, sizeof(text)), 0);
            CU_ASSERT_STRING_EQUAL(text, SHA1_HEX);
        }
    }
}

/* The text need not end in a zero, and nothing behind its length is read. */
static void parse_unterminated_text_reads_length_only(void)
{
    size_t len = strlen(SHA1_HEX);
    char *exact = malloc(len);
    struct fingerprint fp;

    memcpy(exact, SHA1_HEX, len);
    for (size_t n = 0; n < len; n++)
        CU_ASSERT_NOT_EQUAL(fingerprint_parse(FINGERPRINT_SHA1, exact, n, &fp), 0);
    CU_ASSERT_EQUAL(fingerprint_parse(FINGERPRINT_SHA1, exact, len, &fp), 0);
    free(exact);
}

static void format_every_hash_round_trips(void)
{
    for (unsigned h = 0; h < FINGERPRINT_HASH_COUNT; h++) {
        struct fingerprint fp = {.hash = (enum fingerprint_hash)h}, back;
        char text[FINGERPRINT_TEXT_MAX];
        size_t len = fingerprint_hash_len(fp.hash);

        for (size_t i = 0; i < len; i++)
            fp.digest[i] = (uint8_t)(i * 37 + h);
        CU_ASSERT_EQUAL(fingerprint_format(&fp, text, len * 3 - 1), ERR_RANGE);
        CU_ASSERT_EQUAL(fingerprint_format(&fp, text, len * 3), 0);
        CU_ASSERT_EQUAL(strlen(text), len * 3 - 1);
        for (const char *p = text; *p; p++)
            CU_ASSERT_TRUE(isdigit((unsigned char)*p) || *p == ':' || (*p >= 'A' && *p <= 'F'));
        CU_ASSERT_EQUAL(fingerprint_parse(fp.hash, text, strlen(text), &back), 0);
        CU_ASSERT_TRUE(fingerprint_equal(&fp, &back));
        back.digest[len - 1] ^= 1;
        CU_ASSERT_FALSE(fingerprint_equal(&fp, &back));
    }
}

static void equal_same_bytes_other_hash_differs(void)
{
    struct fingerprint a = {.hash = FINGERPRINT_SHA256}, b = {.hash = FINGERPRINT_SHA384};

    CU_ASSERT_FALSE(fingerprint_equal(&a, &b));
    a.hash = b.hash = FINGERPRINT_HASH_COUNT;
    CU_ASSERT_FALSE(fingerprint_equal(&a, &b));
}

static void hash_tokens_any_case_known(void)
{
    enum fingerprint_hash hash = FINGERPRINT_HASH_COUNT;

    CU_ASSERT_EQUAL(fingerprint_hash_parse("sha-256", 7, &hash), 0);
    CU_ASSERT_EQUAL(hash, FINGERPRINT_SHA256);
    CU_ASSERT_EQUAL(fingerprint_hash_parse("SHA-512", 7, &hash), 0);
    CU_ASSERT_EQUAL(hash, FINGERPRINT_SHA512);
    CU_ASSERT_EQUAL(fingerprint_hash_parse("md5", 3, &hash), ERR_REFUSED);
    CU_ASSERT_EQUAL(fingerprint_hash_parse("MD2", 3, &hash), ERR_REFUSED);
    CU_ASSERT_EQUAL(fingerprint_hash_parse("sha-224", 7, &hash), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(fingerprint_hash_parse("sha-25", 6, &hash), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(fingerprint_hash_parse("", 0, &hash), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(hash, FINGERPRINT_SHA512);
    for (unsigned h = 0; h < FINGERPRINT_HASH_COUNT; h++) {
        const char *token = fingerprint_hash_to_str((enum fingerprint_hash)h);

        CU_ASSERT_EQUAL(fingerprint_hash_parse(token, strlen(token), &hash), 0);
        CU_ASSERT_EQUAL((unsigned)hash, h);
    }
}

/* FIPS 180-4 digests of "abc". */
static void of_der_abc_gives_known_digests(void)
{
    static const struct {
        enum fingerprint_hash hash;
        const char *start;
    } rows[] = {{FINGERPRINT_SHA1, "A9:99:3E:36:47:06:81:6A"},
                {FINGERPRINT_SHA256, "BA:78:16:BF:8F:01:CF:EA"},
                {FINGERPRINT_SHA384, "CB:00:75:3F:45:A3:5E:8B"},
                {FINGERPRINT_SHA512, "DD:AF:35:A1:93:61:7A:BA"}};

    for (size_t i = 0; i < 4; i++) {
        struct fingerprint fp;
        char text[FINGERPRINT_TEXT_MAX];

        CU_ASSERT_EQUAL(fingerprint_of_der(rows[i].hash, (const uint8_t *)"abc", 3, &fp), 0);
        CU_ASSERT_EQUAL(fingerprint_format(&fp, text, sizeof(text)), 0);
        CU_ASSERT_EQUAL(strncmp(text, rows[i].start, strlen(rows[i].start)), 0);
    }
}

static void generate_two_certificates_differ(void)
{
    struct cert *a = NULL, *b = NULL;
    struct fingerprint fa, fb;
    size_t len;

    CU_ASSERT_EQUAL(cert_generate(0, &a), ERR_INVAL);
    CU_ASSERT_EQUAL(cert_generate(CERT_VALIDITY_DAYS_MAX + 1, &a), ERR_INVAL);
    CU_ASSERT_EQUAL(cert_generate(30, &a), 0);
    CU_ASSERT_EQUAL(cert_generate(30, &b), 0);
    CU_ASSERT_EQUAL(cert_fingerprint(a, FINGERPRINT_SHA256, &fa), 0);
    CU_ASSERT_EQUAL(cert_fingerprint(b, FINGERPRINT_SHA256, &fb), 0);
    CU_ASSERT_FALSE(fingerprint_equal(&fa, &fb));
    CU_ASSERT_EQUAL(cert_der(a, &len)[0], 0x30);
    CU_ASSERT_TRUE(len > 200);
    cert_destroy(a);
    cert_destroy(b);
}

static int shell(const char *format, const char *dir)
{
    char command[1024];

    snprintf(command, sizeof(command), format, dir, dir, dir);
    return system(command);
}

/* Keys and certificates as openssl writes them; its own digest is the judge. */
static void load_pem_of_openssl_gives_its_fingerprint(void)
{
    static const char *const kinds[] = {
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=t"
        " -keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
        "openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=t"
        " -keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
        /* "EC PARAMETERS" and "EC PRIVATE KEY", the older form. */
        "openssl ecparam -name prime256v1 -genkey -out %s/key.pem && openssl req -x509 -days 3"
        " -subj /CN=t -key %s/key.pem -out %s/cert.pem 2>/dev/null",
        "openssl req -x509 -newkey ed25519 -nodes -days 3 -subj /CN=t"
        " -keyout %s/key.pem -out %s/cert.pem 2>/dev/null"};
    char dir[] = "/tmp/sluice-cert-XXXXXX", cert_path[64], key_path[64];

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct cert *cert = NULL;
        struct fingerprint fp;
        char mine[FINGERPRINT_TEXT_MAX], line[256] = "";
        FILE *pipe;

        CU_ASSERT_EQUAL_FATAL(shell(kinds[i], dir), 0);
        CU_ASSERT_EQUAL(cert_load(cert_path, key_path, &cert, NULL), 0);
        if (!cert)
            continue;
        CU_ASSERT_EQUAL(cert_fingerprint(cert, FINGERPRINT_SHA256, &fp), 0);
        CU_ASSERT_EQUAL(fingerprint_format(&fp, mine, sizeof(mine)), 0);
        snprintf(line, sizeof(line), "openssl x509 -in %s -noout -fingerprint -sha256", cert_path);
        pipe = popen(line, "r");
        CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
        CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), pipe));
        pclose(pipe);
        CU_ASSERT_PTR_NOT_NULL(strstr(line, mine));
        cert_destroy(cert);
    }
    (void)shell("rm -rf %s", dir);
}

/* Each with the file at fault and a reason that a person can act on. */
static void load_broken_files_are_refused(void)
{
    char dir[] = "/tmp/sluice-cert-XXXXXX", cert_path[64], key_path[64];
    struct cert_problem problem = {NULL, ""};
    struct cert *cert = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
    CU_ASSERT_EQUAL(cert_load(cert_path, key_path, &cert, &problem), ERR_IO);
    CU_ASSERT_PTR_EQUAL(problem.path, cert_path);
    CU_ASSERT_STRING_EQUAL(problem.text, "cannot be read: No such file or directory");
    CU_ASSERT_EQUAL_FATAL(shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
                                "-nodes -days 3 -subj /CN=t -keyout %s/key.pem -out %s/cert.pem "
                                "2>/dev/null",
                                dir),
                          0);
    CU_ASSERT_EQUAL(cert_load(cert_path, "/nowhere/key.pem", &cert, &problem), ERR_IO);
    CU_ASSERT_STRING_EQUAL(problem.path, "/nowhere/key.pem");
    CU_ASSERT_EQUAL(cert_load(cert_path, "/dev/null", &cert, &problem), ERR_IO);
    CU_ASSERT_STRING_EQUAL(problem.text, "is empty");
    CU_ASSERT_EQUAL(cert_load(key_path, key_path, &cert, &problem), ERR_MALFORMED);
    CU_ASSERT_EQUAL(cert_load(cert_path, cert_path, &cert, NULL), ERR_MALFORMED);
    CU_ASSERT_EQUAL_FATAL(
        shell("openssl ecparam -name prime256v1 -genkey -noout -out %s/key.pem", dir), 0);
    CU_ASSERT_EQUAL(cert_load(cert_path, key_path, &cert, &problem), ERR_REFUSED);
    CU_ASSERT_PTR_EQUAL(problem.path, key_path);
    CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, cert_path));
    CU_ASSERT_PTR_NULL(cert);
    (void)shell("rm -rf %s", dir);
}

/* A key that every peer of today refuses must not look fine until the first call. */
static void load_short_rsa_key_is_refused(void)
{
    char dir[] = "/tmp/sluice-cert-XXXXXX", cert_path[64], key_path[64];
    struct cert_problem problem = {NULL, ""};
    struct cert *cert = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
    CU_ASSERT_EQUAL_FATAL(shell("openssl req -x509 -newkey rsa:1024 -nodes -days 3 -subj /CN=t "
                                "-keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
                                dir),
                          0);
    CU_ASSERT_EQUAL(cert_load(cert_path, key_path, &cert, &problem), ERR_UNSUPPORTED);
    CU_ASSERT_PTR_EQUAL(problem.path, cert_path);
    CU_ASSERT_STRING_EQUAL(problem.text, "an RSA key of 1024 bits, expected at least 2048");
    CU_ASSERT_PTR_NULL(cert);
    (void)shell("rm -rf %s", dir);
}

SUITE("crypto/fingerprint", TEST(parse_table_gives_expected_codes),
      TEST(parse_unterminated_text_reads_length_only), TEST(format_every_hash_round_trips),
      TEST(equal_same_bytes_other_hash_differs), TEST(hash_tokens_any_case_known),
      TEST(of_der_abc_gives_known_digests), TEST(generate_two_certificates_differ),
      TEST(load_pem_of_openssl_gives_its_fingerprint), TEST(load_broken_files_are_refused),
      TEST(load_short_rsa_key_is_refused))
