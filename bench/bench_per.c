#include "bench/bench_per.h"

#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h225.h"
#include "signalling/schema/h245.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_OCTETS = 1024, BATCH = 64 };

/* One that carries DTLS parameters and one that does not, of what a call is made of. */
static const struct message {
    const char *name;
    const struct per_type *type;
    const char *hex;
} messages[] = {
    {"TerminalCapabilitySet", &h245_MultimediaSystemControlMessage_type,
     "02700106000881750011800d00003c000115000115000115000680000020c0138000012140138000020c"
     "001560000700088171000001404e200202914002a2004780000a8119401414400100067368612d323536"
     "000661637470617373000080000b8119401414400100067368612d323536000661637470617373000180"
     "000c8119401414400100067368612d32353600066163747061737300028000138301400080000203000a"
     "000b0000000101000c0002000013"},
    {"TerminalCapabilitySet (plain)", &h245_MultimediaSystemControlMessage_type,
     "0270010600088175000f80138000fa000100000100000100000cc0010001800580000020401380000120"
     "c0138000028301508000038301108000048301408000058a061404302d31360080010201000000010000"
     "0202000300040005"},
    {"OpenLogicalChannel", &h245_MultimediaSystemControlMessage_type,
     "0300006420407f40147a700100067368612d32353600066163747061737300026e6577005e30423a3330"
     "3a35353a37413a39463a43343a45393a30453a33333a35383a37443a41323a43373a45433a31313a3336"
     "3a35423a38303a41353a43413a45463a31343a33393a35453a38333a41383a43443a46323a31373a3343"
     "3a36313a38364313800b0d000100c000020a138900"},
    {"OpenLogicalChannel (plain)", &h245_MultimediaSystemControlMessage_type,
     "030000630c2013800b05000100c000020a138900"},
    {"OpenLogicalChannelAck", &h245_MultimediaSystemControlMessage_type,
     "22c000640890145c0000c63364071b5800c63364071b590500010079700100067368612d323536000561"
     "637469766500026e6577005e43383a30333a33453a37393a42343a45463a32413a36353a41303a44423a"
     "31363a35313a38433a43373a30323a33443a37383a42333a45453a32393a36343a39463a44413a31353a"
     "35303a38423a43363a30313a33433a37373a42323a4544"},
    {"Setup", &h225_H323_UserInformation_type,
     "20f8060008914a000700c000020a06c20240040061006c0069006300650300888433422cb500534c0f65"
     "78616d706c6520656e64706f696e7402312e300001030088843350c633640706b8000f1e2d3c4b5a6978"
     "8796a5b4c3d2e1f000dd8d8000000700c000020a06b8110000112233445566778899aabbccddeeff0201"
     "20010001000100010010800180"},
    {"Setup (fast start)", &h225_H323_UserInformation_type,
     "20a8060008914a00070140040061006c00690063006522c00900003d1048333233506c75732073696d70"
     "6c6500001a312e32382e30202848333233706c75732076312e32382e3029000000c612000206b800749f"
     "15c155e5f1119b48eeefaf23a534006d1da00700c6120001c9241100229215c155e5f1119b48eeefaf23"
     "a5348099042a400000060401004c2013801e9c000100c6120001138800c61200011389010b300080b080"
     "018001fc0040200000640c201380188d000100c6120001138900800b300080b080018001fc00402a4000"
     "00060401004c6013801e9c000100c6120001138800c61200011389010b300080b080018001fc00402000"
     "00650c601380188d000100c6120001138900800b300080b080018001fc00400100010001000100070120"
     "656e2d757302800100"},
    {"AdmissionRequest", &h225_RasMessage_type,
     "27800002006000650070002d00300030003000310140020062006f00620140040061006c006900630065"
     "40050010010f1e2d3c4b5a69788796a5b4c3d2e1f0096020000180110000112233445566778899aabbcc"
     "ddeeff0100"},
};

struct work {
    const struct message *message;
    uint8_t octets[MAX_OCTETS];
    uint8_t again[MAX_OCTETS];
    size_t len;
    struct arena arena;
    void *value;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int read_hex(struct work *w)
{
    size_t n = strlen(w->message->hex) / 2;

    if (n > sizeof(w->octets))
        return ERR_LIMIT;
    for (size_t i = 0; i < n; i++)
        if (sscanf(w->message->hex + 2 * i, "%2hhx", &w->octets[i]) != 1)
            return ERR_INVAL;
    w->len = n;
    return 0;
}

static int decode(struct work *w)
{
    arena_reset(&w->arena);
    return per_decode(w->message->type, w->octets, w->len, NULL, &w->arena, &w->value, NULL);
}

static int encode(struct work *w)
{
    size_t n;

    return per_encode(w->message->type, w->value, w->again, sizeof(w->again), &n, NULL);
}

/* Nanoseconds of one call: the best of as many batches as fit into the time. */
static int measure(struct work *w, int (*run)(struct work *), unsigned ms, double *ns)
{
    uint64_t start = now_ns();
    uint64_t end = start + ms * UINT64_C(1000000);
    uint64_t best = UINT64_MAX;

    while (start < end) {
        uint64_t stop;

        for (int i = 0; i < BATCH; i++) {
            int rc = run(w);

            if (rc != 0)
                return rc;
        }
        stop = now_ns();
        if (stop - start < best)
            best = stop - start;
        start = stop;
    }
    *ns = (double)best / BATCH;
    return 0;
}

static int measure_message(struct work *w, unsigned ms, struct bench_per_result *result)
{
    int rc = read_hex(w);

    *result = (struct bench_per_result){
        .message = w->message->name, .type = per_type_name(w->message->type), .bytes = w->len};
    if (rc == 0)
        rc = measure(w, decode, ms, &result->decode_ns);
    if (rc == 0)
        rc = measure(w, encode, ms, &result->encode_ns);
    if (rc == 0 && memcmp(w->octets, w->again, w->len) != 0)
        rc = ERR_MALFORMED;
    if (rc == 0)
        result->decode_mb_s = (double)w->len * 1e3 / result->decode_ns;
    return rc;
}

int bench_per_run(unsigned ms, void (*on_result)(void *user, const struct bench_per_result *result),
                  void *user)
{
    struct work w;
    int rc = 0;

    arena_init(&w.arena, 1 << 14, 0);
    for (size_t i = 0; rc == 0 && i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct bench_per_result result;

        w.message = &messages[i];
        rc = measure_message(&w, ms ? ms : 1, &result);
        if (rc == 0)
            on_result(user, &result);
    }
    arena_fini(&w.arena);
    return rc;
}
