/* Tokens of RFC 4572 and RFC 4145 as H.235.10 carries them (P-HASH, P-SETUP, P-CONN, P-FP): a
 * DTLSSecurityCapability whose strings hold any octets, as PER hands them over (counted, not
 * terminated). What is taken must be made of tokens that we would write ourselves.
 *
 * Input: a byte of choices (bits 0-2: setup, connection, fingerprint are there; 3: extensions are),
 * then strings behind one byte of length each: setup, connection, fingerprint, hashes up to the
 * end. */
#include <stdlib.h>
#include <string.h>

#include "signalling/h23510/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HASHES_MAX 16

#define MUST(condition)   \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

/* Exactly as long as it says, so that a sanitizer sees a read behind it. */
static struct per_string take(const uint8_t **data, size_t *size)
{
    struct per_string s = {0};
    size_t len = *size > 0 ? **data : 0;
    char *copy;

    if (*size > 0) {
        (*data)++;
        (*size)--;
    }
    if (len > *size)
        len = *size;
    copy = malloc(len > 0 ? len : 1);
    MUST(copy != NULL);
    memcpy(copy, *data, len);
    *data += len;
    *size -= len;
    s.p = copy;
    s.len = len;
    return s;
}

static void drop(struct per_string *s)
{
    free((void *)(uintptr_t)s->p);
}

static void check_params(const struct h245_DTLSSecurityCapability *cap)
{
    struct h23510_params params = {0};
    unsigned known = 0;

    if (h23510_read_params(cap, &params) != H23510_OK)
        return;
    for (unsigned i = 0; i < FINGERPRINT_HASH_COUNT; i++)
        known += params.hashes[i];
    MUST(params.hashes_listed == cap->hashFunction.n && params.hashes_listed > 0);
    MUST(known + params.hashes_unknown + params.hashes_forbidden <= params.hashes_listed);
    MUST(params.has_fingerprint == cap->has_fingerprint); /* T-NOFP: told, not read */
    MUST(!params.has_setup ||
         strlen(h23510_setup_to_str(params.setup)) == cap->setupInformation.len);
}

static void check_binding(const struct h245_DTLSSecurityCapability *cap)
{
    bool common[FINGERPRINT_HASH_COUNT];
    struct h23510_binding binding;
    struct fingerprint again;
    char text[FINGERPRINT_TEXT_MAX];

    for (unsigned i = 0; i < FINGERPRINT_HASH_COUNT; i++)
        common[i] = true;
    if (h23510_read_binding(cap, common, &binding) != H23510_OK)
        return;
    MUST(cap->hashFunction.n == 1 && cap->has_fingerprint); /* T-OLC */
    MUST(fingerprint_format(&binding.fingerprint, text, sizeof(text)) == 0);
    MUST(fingerprint_parse(binding.fingerprint.hash, text, strlen(text), &again) == 0);
    MUST(fingerprint_equal(&binding.fingerprint, &again));
    memset(common, 0, sizeof(common));
    MUST(h23510_read_binding(cap, common, &binding) == H23510_HASH_NOT_COMMON);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h245_DTLSSecurityCapability cap = {0};
    struct per_string hashes[HASHES_MAX];

    if (size < 1)
        return 0;
    cap.has_setupInformation = data[0] & 1;
    cap.has_connectionInformation = data[0] >> 1 & 1;
    cap.has_fingerprint = data[0] >> 2 & 1;
    data++;
    size--;
    cap.setupInformation = take(&data, &size);
    cap.connectionInformation = take(&data, &size);
    cap.fingerprint = take(&data, &size);
    cap.hashFunction.v = hashes;
    while (size > 0 && cap.hashFunction.n < HASHES_MAX)
        hashes[cap.hashFunction.n++] = take(&data, &size);
    check_params(&cap);
    check_binding(&cap);
    drop(&cap.setupInformation);
    drop(&cap.connectionInformation);
    drop(&cap.fingerprint);
    for (uint32_t i = 0; i < cap.hashFunction.n; i++)
        drop(&hashes[i]);
    return 0;
}
