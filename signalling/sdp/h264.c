#include "signalling/sdp/h264.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

#define CONSTRAINT_SET1 0x40u /* of Baseline: Constrained Baseline, which all decode */
#define CONSTRAINT_SET3 0x10u /* with level 11: level 1b */

/* The value of a parameter; NULL: it is not there. */
static const char *find(const char *fmtp, const char *name, size_t *len)
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

static uint32_t number(const char *fmtp, const char *name, uint32_t max)
{
    size_t len;
    const char *value = find(fmtp, name, &len);
    uint64_t n = 0;

    for (size_t i = 0; value != NULL && i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            break;
        n = n * 10 + (uint64_t)(value[i] - '0');
        if (n > max)
            return max;
    }
    return (uint32_t)n;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int profile_level(const char *fmtp, uint8_t out[3])
{
    size_t len;
    const char *value = find(fmtp, "profile-level-id", &len);

    memcpy(out, "\x42\x00\x0a", 3);
    if (value == NULL)
        return 0;
    if (len < 6)
        return ERR_MALFORMED;
    for (size_t i = 0; i < 3; i++) {
        int high = hex_digit(value[2 * i]), low = hex_digit(value[2 * i + 1]);

        if (high < 0 || low < 0)
            return ERR_MALFORMED;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int sdp_h264_read(const char *fmtp, struct h245_h264 *out)
{
    struct h245_h264 h;
    uint8_t id[3];
    int err = profile_level(fmtp, id);

    if (err != 0)
        return err;
    memset(&h, 0, sizeof(h));
    h.profile_idc = id[0];
    h.is_constrained = (id[1] & CONSTRAINT_SET1) != 0;
    h.level_idc = id[2];
    if (id[0] != 100 && id[2] == 11 && (id[1] & CONSTRAINT_SET3) != 0)
        h.level_idc = H245_H264_LEVEL_1B;
    h.packetization = (uint8_t)number(fmtp, "packetization-mode", 2);
    h.max_mbps = number(fmtp, "max-mbps", 10000000);
    h.max_fs = number(fmtp, "max-fs", 1000000);
    if (!h245_h264_is_known(&h))
        return ERR_UNSUPPORTED;
    *out = h;
    return 0;
}

void sdp_h264_write(const struct h245_h264 *h, char *fmtp, size_t room)
{
    unsigned constraints = h->profile_idc == 66 ? 0x80u : 0;
    unsigned level = h->level_idc;
    int n;

    if (h->is_constrained)
        constraints |= CONSTRAINT_SET1;
    if (level == H245_H264_LEVEL_1B && h->profile_idc != 100) { /* High says it as 9 */
        level = 11;
        constraints |= CONSTRAINT_SET3;
    }
    n = snprintf(fmtp, room, "profile-level-id=%02x%02x%02x;packetization-mode=%u", h->profile_idc,
                 constraints, level, h->packetization);
    if (n > 0 && (size_t)n < room && h->max_mbps != 0)
        n += snprintf(fmtp + n, room - (size_t)n, ";max-mbps=%u", h->max_mbps);
    if (n > 0 && (size_t)n < room && h->max_fs != 0)
        n += snprintf(fmtp + n, room - (size_t)n, ";max-fs=%u", h->max_fs);
    if (n < 0 || (size_t)n >= room)
        fmtp[0] = '\0'; /* half of it would lie */
}
