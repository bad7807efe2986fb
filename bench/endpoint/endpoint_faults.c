#include "bench/endpoint/endpoint_faults.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "bench/endpoint/endpoint_dtls.h"
#include "signalling/schema/h245.h"

static const struct {
    const char *name, *help;
} fault_rows[] = {
#define FAULT_ROW(name, text, help) {text, help},
    ENDPOINT_FAULT_LIST(FAULT_ROW)
#undef FAULT_ROW
};

int endpoint_fault_parse(const char *name, enum endpoint_fault *out)
{
    for (unsigned i = 0; i < ENDPOINT_FAULT_COUNT; i++)
        if (strcmp(name, fault_rows[i].name) == 0) {
            *out = (enum endpoint_fault)i;
            return 0;
        }
    return ERR_NOTFOUND;
}

const char *endpoint_fault_to_str(enum endpoint_fault fault)
{
    return (unsigned)fault < ENDPOINT_FAULT_COUNT ? fault_rows[fault].name : "unknown";
}

const char *endpoint_fault_help(enum endpoint_fault fault)
{
    return (unsigned)fault < ENDPOINT_FAULT_COUNT ? fault_rows[fault].help : "";
}

static int set_text(struct arena *a, struct per_string *s, const char *text)
{
    char *copy = arena_strdup(a, text);
    if (!copy)
        return ERR_NOMEM;
    s->p = copy;
    s->len = strlen(copy);
    return 0;
}

static int set_hashes(struct arena *a, struct h245_DTLSSecurityCapability *cap, const char *first,
                      const char *second)
{
    unsigned n = second ? 2 : 1;
    struct per_string *v = arena_array(a, n, sizeof(*v));
    if (!v)
        return ERR_NOMEM;
    int rc = set_text(a, &v[0], first);
    if (rc == 0 && second)
        rc = set_text(a, &v[1], second);
    cap->hashFunction.n = n;
    cap->hashFunction.v = v;
    return rc;
}

static int use_foreign_hash(struct arena *a, const struct dtls_identity *id,
                            struct h245_DTLSSecurityCapability *cap)
{
    char text[DTLS_FINGERPRINT_TEXT];
    int rc = dtls_identity_fingerprint(id, "sha-512", text);
    if (rc == 0)
        rc = set_text(a, &cap->fingerprint, text);
    return rc ? rc : set_hashes(a, cap, "sha-512", NULL);
}

static int spoil(unsigned faults, struct arena *a, const struct dtls_identity *id,
                 struct h245_DTLSSecurityCapability *cap)
{
    int rc = 0;
    if (FAULT_IS_SET(faults, FAULT_NO_FINGERPRINT))
        cap->has_fingerprint = false;
    if (FAULT_IS_SET(faults, FAULT_BAD_FINGERPRINT))
        rc = set_text(a, &cap->fingerprint, "not:hex:at:all");
    if (rc == 0 && FAULT_IS_SET(faults, FAULT_TWO_HASHES))
        rc = set_hashes(a, cap, "sha-256", "sha-384");
    if (rc == 0 && FAULT_IS_SET(faults, FAULT_FOREIGN_HASH))
        rc = use_foreign_hash(a, id, cap);
    if (FAULT_IS_SET(faults, FAULT_BAD_ROLE) || FAULT_IS_SET(faults, FAULT_OPEN_ROLE))
        cap->has_setupInformation = true;
    if (rc == 0 && FAULT_IS_SET(faults, FAULT_BAD_ROLE))
        rc = set_text(a, &cap->setupInformation, "sideways");
    if (rc == 0 && FAULT_IS_SET(faults, FAULT_OPEN_ROLE))
        rc = set_text(a, &cap->setupInformation, "actpass");
    return rc;
}

int endpoint_fault_spoil_olc(unsigned faults, struct arena *a, const struct dtls_identity *id,
                             struct h245_OpenLogicalChannel *olc)
{
    struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    if (type->kind != h245_DataType_h235Media ||
        !type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability)
        return 0;
    return spoil(faults, a, id,
                 type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability);
}

int endpoint_fault_spoil_ack(unsigned faults, struct arena *a, const struct dtls_identity *id,
                             struct h245_OpenLogicalChannelAck *ack)
{
    return ack->dtlsSecurityCapability ? spoil(faults, a, id, ack->dtlsSecurityCapability) : 0;
}

/* xorshift32: repeatable, and quality does not matter here. */
static uint32_t next_random(struct garbage *g)
{
    uint32_t x = g->state ? g->state : 0x9e3779b9;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    g->state = x;
    return x;
}

size_t garbage_next(struct garbage *g, uint8_t *out, size_t cap)
{
    /* RFC 7983: STUN, nothing, DTLS alert, handshake, data, channel, RTP, RTCP, nothing. */
    static const uint8_t first[] = {0, 3, 16, 21, 22, 23, 63, 64, 128, 144, 191, 192, 255};
    size_t len = next_random(g) % 1401;
    unsigned round = g->round++;
    if (round % 8 == 0)
        len = round / 8 % 16; /* the short ones, where parsers stumble */
    if (len > cap)
        len = cap;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(next_random(g) >> 11);
    if (len > 0)
        out[0] = first[round % sizeof(first)];
    if (len > 2 && round % 3 == 0) {
        out[1] = out[0] == 128 ? 200 : 254; /* RTCP, or DTLS 1.2's version bytes */
        out[2] = 253;
    }
    return len;
}
