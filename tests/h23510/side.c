#include "tests/h23510/side.h"

#include "signalling/per/per.h"

#include <CUnit/CUnit.h>
#include <string.h>

void side_init(struct side *s, const struct h23510_policy *policy, uint8_t seed)
{
    static const struct h23510_policy usual = {.mode = H23510_MODE_PREFERRED,
                                               .setup = H23510_SETUP_ACTPASS,
                                               .open_role = H23510_SETUP_ACTIVE};
    struct h23510_identity identity;

    memset(s, 0, sizeof(*s));
    memset(&identity, 0, sizeof(identity));
    for (unsigned h = 0; h < FINGERPRINT_HASH_COUNT; h++) {
        identity.fingerprints[h].hash = (enum fingerprint_hash)h;
        memset(identity.fingerprints[h].digest, seed + (int)h,
               fingerprint_hash_len((enum fingerprint_hash)h));
    }
    s->policy = policy != NULL ? *policy : usual;
    arena_init(&s->arena, 0, 0);
    CU_ASSERT_EQUAL_FATAL(h23510_init(&s->n, &s->policy, &identity), 0);
}

void side_fini(struct side *s)
{
    arena_fini(&s->arena);
}

struct h245_TerminalCapabilitySet *side_tcs(struct side *s)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}, {H245_CODEC_PCMU, 20, ""}};
    static const uint32_t version[] = {0, 0, 8, 245, 0, 17};
    struct h245_caps_offer offer = {
        .audio = audio, .audio_count = 2, .telephone_event_pt = 101, .user_input = true};
    struct h245_TerminalCapabilitySet *tcs = NULL;

    CU_ASSERT_EQUAL_FATAL(h245_build_tcs(&s->arena, &offer, &tcs), 0);
    CU_ASSERT_EQUAL_FATAL(h23510_offer(&s->n, &s->arena, tcs), 0);
    tcs->protocolIdentifier = (struct per_oid){6, version};
    return tcs;
}

/* Encoded and decoded again: what the other side gets. */
static void *over_the_wire(const struct per_type *type, const void *value, struct arena *a)
{
    uint8_t buf[4096];
    size_t len = 0;
    void *out = NULL;

    CU_ASSERT_EQUAL_FATAL(per_encode(type, value, buf, sizeof(buf), &len, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(per_decode(type, buf, len, NULL, a, &out, NULL), 0);
    return out;
}

enum h23510_verdict side_exchange(struct side *from, struct side *to)
{
    return h23510_on_peer_tcs(
        &to->n, over_the_wire(&h245_TerminalCapabilitySet_type, side_tcs(from), &to->arena), NULL,
        0, NULL);
}

struct h245_OpenLogicalChannel *side_olc(struct side *from, struct side *to)
{
    struct h245_channel channel = {.lcn = 101, .session_id = 1, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_OpenLogicalChannel *olc = NULL;

    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&from->arena, &channel, &olc), 0);
    if (h23510_fill_olc(&from->n, &from->arena, olc) != 0)
        return NULL;
    return over_the_wire(&h245_OpenLogicalChannel_type, olc, &to->arena);
}

struct h245_OpenLogicalChannelAck *side_ack(struct side *from, struct side *to)
{
    struct h245_channel_ack params = {.lcn = 101, .session_id = 1};
    struct h245_OpenLogicalChannelAck *ack = NULL;

    CU_ASSERT_EQUAL_FATAL(h245_build_olc_ack(&from->arena, &params, &ack), 0);
    if (h23510_fill_ack(&from->n, &from->arena, ack) != 0)
        return NULL;
    return over_the_wire(&h245_OpenLogicalChannelAck_type, ack, &to->arena);
}

struct h245_DTLSSecurityCapability *side_dtls(struct h245_OpenLogicalChannel *olc)
{
    CU_ASSERT_EQUAL_FATAL(olc->forwardLogicalChannelParameters.dataType.kind,
                          h245_DataType_h235Media);
    return olc->forwardLogicalChannelParameters.dataType.u.h235Media
        ->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability;
}

struct side_result side_open(struct side *from, struct side *to)
{
    struct side_result r = {.olc = H23510_VERDICT_COUNT, .ack = H23510_VERDICT_COUNT};
    struct h245_OpenLogicalChannel *olc = side_olc(from, to);
    struct h245_OpenLogicalChannelAck *ack;

    if (olc == NULL)
        return r;
    r.olc = h23510_check_olc(&to->n, olc, &r.answerer);
    if (r.olc != H23510_OK)
        return r;
    ack = side_ack(to, from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ack);
    r.ack = h23510_check_ack(&from->n, ack, &r.offerer);
    return r;
}
