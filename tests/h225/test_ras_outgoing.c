/* Calls of ours: what the AdmissionRequest says, and what its answer tells about the Setup. */
#include "base/err.h"
#include "signalling/per/per.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

static const struct h225_alias us = {H225_ALIAS_H323_ID, "alice"};
static const struct h225_alias them = {H225_ALIAS_DIGITS, "4711"};

static struct ras_admission outgoing(uint64_t key)
{
    struct ras_admission a = gk_call(key);

    a.is_answer = false;
    a.source = &us;
    a.destination = &them;
    CU_ASSERT_EQUAL(addr_parse("198.18.0.1:1720", &a.source_address), 0);
    return a;
}

static void translated_call_is_told_where_to_go(void)
{
    struct ras_admission call = outgoing(5);
    struct h225_TransportAddress_ipAddress ip = {.ip = {198, 18, 0, 9}, .port = 1721};
    struct h225_AliasAddress to = {.kind = h225_AliasAddress_h323_ID};
    struct h225_AliasAddress extension = {.kind = h225_AliasAddress_dialledDigits};
    static const uint32_t arcs[] = {0, 0, 8, 235, 0, 2, 5};
    struct h235_ClearToken token = {.tokenOID = {7, arcs}, .has_timeStamp = true, .timeStamp = 99};
    struct h225_AdmissionConfirm acf = {.bandWidth = 1280,
                                        .has_destinationInfo = true,
                                        .destinationInfo = {1, &to},
                                        .has_remoteExtensionAddress = true,
                                        .remoteExtensionAddress = {1, &extension},
                                        .has_tokens = true,
                                        .tokens = {1, &token}};
    const struct h225_AdmissionRequest *arq;
    struct h235_ClearToken *told;
    char text[ADDR_TEXT_MAX];
    void *value = NULL;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    arq = gk_expect(&g, h225_RasMessage_admissionRequest);
    CU_ASSERT_TRUE(!arq->answerCall && arq->canMapAlias && !arq->activeMC);
    CU_ASSERT_STRING_EQUAL(arq->destinationInfo.v[0].u.dialledDigits.p, "4711");
    CU_ASSERT_PTR_NULL(arq->destCallSignalAddress);
    CU_ASSERT_PTR_NOT_NULL(arq->srcCallSignalAddress);
    acf.requestSeqNum = arq->requestSeqNum;
    acf.callModel.kind = h225_CallModel_gatekeeperRouted;
    acf.destCallSignalAddress.kind = h225_TransportAddress_ipAddress;
    acf.destCallSignalAddress.u.ipAddress = &ip;
    to.u.h323_ID = gk_text(&g, "bert");
    extension.u.dialledDigits = per_string_of("12");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL(g.seen.admitted.err, 0);
    CU_ASSERT_TRUE(g.seen.admitted.is_routed);
    CU_ASSERT_STRING_EQUAL(addr_format(&g.seen.admitted.destination, text), "198.18.0.9:1721");
    CU_ASSERT_EQUAL_FATAL(g.seen.admitted.destination_info.count, 1);
    CU_ASSERT_STRING_EQUAL(g.seen.admitted.destination_info.list[0].text, "bert");
    CU_ASSERT_EQUAL_FATAL(g.seen.admitted.extension.count, 1);
    CU_ASSERT_STRING_EQUAL(g.seen.admitted.extension.list[0].text, "12");
    CU_ASSERT_EQUAL(g.seen.admitted.extra.count, 0);
    CU_ASSERT_EQUAL_FATAL(g.seen.admitted.token_count, 1);
    CU_ASSERT_EQUAL_FATAL(per_decode(&h235_ClearToken_type, g.seen.admitted.tokens[0].data,
                                     g.seen.admitted.tokens[0].len, NULL, &g.arena, &value, NULL),
                          0);
    told = value;
    CU_ASSERT_EQUAL(told->timeStamp, 99);
    gk_fini(&g);
}

static void call_to_an_address_is_asked_for_with_it(void)
{
    struct ras_admission call = outgoing(5);
    const struct h225_AdmissionRequest *arq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    call.destination_count = 0;
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), ERR_INVAL); /* to nowhere */
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(addr_parse("198.18.0.9:1720", &call.destination_address), 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    arq = gk_expect(&g, h225_RasMessage_admissionRequest);
    CU_ASSERT_FALSE(arq->has_destinationInfo);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arq->destCallSignalAddress);
    CU_ASSERT_EQUAL(arq->destCallSignalAddress->u.ipAddress->ip[3], 9);
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 5, 16, g.now), 0);
    CU_ASSERT_FALSE(
        ((struct h225_DisengageRequest *)gk_expect(&g, h225_RasMessage_disengageRequest))
            ->answeredCall);
    gk_fini(&g);
}

/* What a caller puts into its Calling party number must not keep its call from being asked for. */
static void aliases_that_nobody_can_say_are_left_out(void)
{
    static const struct h225_alias odd[] = {{H225_ALIAS_DIGITS, "12ab"},
                                            {H225_ALIAS_PARTY, "4989"},
                                            {H225_ALIAS_H323_ID, ""},
                                            {H225_ALIAS_H323_ID, "bob"}};
    struct ras_admission call = gk_call(5);
    const struct h225_AdmissionRequest *arq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    call.source = odd;
    call.source_count = 4;
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    arq = gk_expect(&g, h225_RasMessage_admissionRequest);
    CU_ASSERT_EQUAL_FATAL(arq->srcInfo.n, 2);
    CU_ASSERT_STRING_EQUAL(arq->srcInfo.v[0].u.dialledDigits.p, "4989");
    CU_ASSERT_EQUAL(arq->srcInfo.v[1].kind, h225_AliasAddress_h323_ID);
    gk_fini(&g);
}

SUITE("h225/ras_outgoing", TEST(translated_call_is_told_where_to_go),
      TEST(call_to_an_address_is_asked_for_with_it), TEST(aliases_that_nobody_can_say_are_left_out))
