#include "signalling/sdp/fmtp.h"

#include <string.h>
#include <strings.h>

const char *sdp_fmtp_find(const char *fmtp, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    while (*fmtp != '\0') {
        size_t n;

        fmtp += strspn(fmtp, "; \t");
        n = strcspn(fmtp, ";");
        if (n > name_len && strncasecmp(fmtp, name, name_len) == 0 && fmtp[name_len] == '=') {
            *len = n - name_len - 1;
            return fmtp + name_len + 1;
        }
        fmtp += n;
    }
    return NULL;
}

uint32_t sdp_fmtp_number(const char *fmtp, const char *name, uint32_t missing, uint32_t max)
{
    size_t len;
    const char *value = sdp_fmtp_find(fmtp, name, &len);
    uint64_t n = 0;

    if (value == NULL || len == 0 || value[0] < '0' || value[0] > '9')
        return missing;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            break;
        n = n * 10 + (uint64_t)(value[i] - '0');
        /* Clamped: a limit above ours is no limit. */
        if (n > max)
            return max;
    }
    return (uint32_t)n;
}
