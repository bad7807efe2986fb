/* Fingerprint text and hash tokens: what is read is written again in the one form there is. */
#include "crypto/fingerprint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fingerprint fp, back;
    enum fingerprint_hash hash;
    char text[FINGERPRINT_TEXT_MAX];

    if (fingerprint_hash_parse((const char *)data, size, &hash) == 0 &&
        strlen(fingerprint_hash_to_str(hash)) != size)
        abort();
    for (unsigned h = 0; h <= FINGERPRINT_HASH_COUNT; h++) {
        if (fingerprint_parse((enum fingerprint_hash)h, (const char *)data, size, &fp) != 0)
            continue;
        if (fingerprint_format(&fp, text, sizeof(text)) != 0 ||
            fingerprint_parse((enum fingerprint_hash)h, text, strlen(text), &back) != 0 ||
            !fingerprint_equal(&fp, &back))
            abort();
    }
    return 0;
}
