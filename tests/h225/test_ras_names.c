/* Many names: additive registrations, and gatekeepers that do not take them. */
#include "base/err.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

#include <stdio.h>

#define PREFIXES 70 /* with the alias: three messages of 32, 32 and 7 names */

static char texts[PREFIXES][8];
static const char *prefixes[PREFIXES];

static void init(struct gk *g)
{
    static const struct h225_alias alias = {H225_ALIAS_H323_ID, "alice"};
    struct ras_config config = {.gatekeeper = {0}};

    for (int i = 0; i < PREFIXES; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%d", 7000 + i);
        prefixes[i] = texts[i];
    }
    gk_init_with(g, 1, config);
    CU_ASSERT_EQUAL(ras_add_names(g->ras, &alias, 0, prefixes, PREFIXES, g->now), 0);
}

static const struct h225_SupportedPrefix_list *
prefixes_of(const struct h225_RegistrationRequest *rrq)
{
    return &rrq->terminalType.mcu->protocol.v[0].u.h323->supportedPrefixes;
}

static void confirm(struct gk *g, const struct h225_RegistrationRequest *rrq, bool additive)
{
    (void)rrq;
    g->head--;
    gk_confirm_with(
        g, "ep1",
        (struct h225_RegistrationConfirm){.has_timeToLive = true,
                                          .timeToLive = 60,
                                          .has_supportsAdditiveRegistration = additive});
}

static void reject(struct gk *g, const struct h225_RegistrationRequest *rrq,
                   enum h225_RegistrationRejectReason_kind reason)
{
    static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};
    struct h225_RegistrationReject rrj = {.requestSeqNum = rrq->requestSeqNum,
                                          .protocolIdentifier = {6, arcs},
                                          .rejectReason = {.kind = reason}};
    struct h225_AliasAddress_list none = {0};

    if (reason == h225_RegistrationRejectReason_duplicateAlias)
        rrj.rejectReason.u.duplicateAlias = none;
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_registrationReject, &rrj), 0);
}

static size_t told(struct gk *g)
{
    struct ras_registration r = {0};

    CU_ASSERT_EQUAL(ras_registration(g->ras, &r), 0);
    CU_ASSERT_EQUAL(r.names, PREFIXES + 2);
    return r.names_told;
}

static const struct h225_RegistrationRequest *start(struct gk *g)
{
    init(g);
    CU_ASSERT_EQUAL(ras_start(g->ras, g->now), 0);
    gk_confirm_discovery(g);
    return gk_expect(g, h225_RasMessage_registrationRequest);
}

static void names_are_told_in_three_messages(void)
{
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    rrq = start(&g);
    CU_ASSERT_FALSE(rrq->has_additiveRegistration);
    CU_ASSERT_EQUAL(rrq->terminalAlias.n, 1);
    CU_ASSERT_EQUAL(prefixes_of(rrq)->n, 31);
    confirm(&g, rrq, true);
    CU_ASSERT_EQUAL(told(&g), 32);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->has_additiveRegistration && rrq->has_endpointIdentifier && !rrq->keepAlive);
    CU_ASSERT_EQUAL_FATAL(prefixes_of(rrq)->n, 32);
    CU_ASSERT_STRING_EQUAL(prefixes_of(rrq)->v[0].prefix.u.dialledDigits.p, "7030");
    CU_ASSERT_TRUE(gk_is_quiet(&g)); /* one after the other */
    confirm(&g, rrq, true);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_EQUAL(prefixes_of(rrq)->n, 8);
    confirm(&g, rrq, true);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(told(&g), PREFIXES + 2);
    CU_ASSERT_EQUAL(g.seen.registered, 1);
    gk_wait(&g, 51000);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->keepAlive && prefixes_of(rrq)->n == 0);
    gk_fini(&g);
}

static void gatekeeper_without_additive_gets_all_at_once(void)
{
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    rrq = start(&g);
    confirm(&g, rrq, false);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_FALSE(rrq->has_additiveRegistration);
    CU_ASSERT_EQUAL(prefixes_of(rrq)->n, PREFIXES + 1);
    CU_ASSERT_EQUAL(rrq->terminalAlias.n, 1);
    confirm(&g, rrq, false);
    CU_ASSERT_EQUAL(told(&g), PREFIXES + 2);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void additive_promise_that_does_not_hold_ends_in_one_message(void)
{
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    rrq = start(&g);
    confirm(&g, rrq, true);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    reject(&g, rrq, h225_RegistrationRejectReason_additiveRegistrationNotSupported);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_FALSE(rrq->has_additiveRegistration);
    CU_ASSERT_EQUAL(prefixes_of(rrq)->n, PREFIXES + 1);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    gk_fini(&g);
}

/* What the gatekeeper gave to others does not cost us the registration, nor the names behind. */
static void refused_names_are_counted_and_passed_over(void)
{
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    rrq = start(&g);
    confirm(&g, rrq, true);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    reject(&g, rrq, h225_RegistrationRejectReason_duplicateAlias);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_EQUAL(prefixes_of(rrq)->n, 8);
    confirm(&g, rrq, true);
    CU_ASSERT_EQUAL(told(&g), 32 + 8);
    CU_ASSERT_EQUAL(g.seen.lost, 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void all_at_once_refused_keeps_what_is_registered(void)
{
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    rrq = start(&g);
    confirm(&g, rrq, false);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    reject(&g, rrq, h225_RegistrationRejectReason_resourceUnavailable);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void too_many_names_are_refused_whole(void)
{
    static const char *many[RAS_NAMES_MAX];
    static const char *const one[] = {"1"};
    static const char *const empty[] = {"2", ""};
    struct gk g;

    static char digits[RAS_NAMES_MAX][8];

    for (int i = 0; i < RAS_NAMES_MAX; i++) {
        snprintf(digits[i], sizeof(digits[i]), "%d", 1000 + i);
        many[i] = digits[i];
    }
    init(&g);
    CU_ASSERT_EQUAL(ras_add_names(g.ras, NULL, 0, many, RAS_NAMES_MAX, g.now), ERR_LIMIT);
    CU_ASSERT_EQUAL(ras_add_names(g.ras, NULL, 0, empty, 2, g.now), ERR_INVAL);
    CU_ASSERT_EQUAL(ras_add_names(g.ras, NULL, 0, many, RAS_NAMES_MAX - PREFIXES - 2, g.now), 0);
    CU_ASSERT_EQUAL(ras_add_names(g.ras, NULL, 0, one, 1, g.now), ERR_LIMIT);
    for (int i = 0; i < 300; i++) /* what is refused, or there already, takes no room */
        CU_ASSERT_EQUAL_FATAL(ras_add_names(g.ras, NULL, 0, many, 100, g.now), 0);
    gk_fini(&g);
}

/* 255 names fill more than a datagram of ours: the registration holds with the first of them. */
static void more_than_a_datagram_holds_stays_untold(void)
{
    static char names[RAS_NAMES_MAX][64];
    static const char *list[RAS_NAMES_MAX];
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    for (int i = 0; i < RAS_NAMES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "1234567890123456789012345678901234567890%d", i);
        list[i] = names[i];
    }
    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_add_names(g.ras, NULL, 0, list, RAS_NAMES_MAX - 2, g.now), 0);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gk_confirm_discovery(&g);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    confirm(&g, rrq, false);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    gk_fini(&g);
}

SUITE("h225/ras_names", TEST(names_are_told_in_three_messages),
      TEST(gatekeeper_without_additive_gets_all_at_once),
      TEST(additive_promise_that_does_not_hold_ends_in_one_message),
      TEST(refused_names_are_counted_and_passed_over),
      TEST(all_at_once_refused_keeps_what_is_registered), TEST(too_many_names_are_refused_whole),
      TEST(more_than_a_datagram_holds_stays_untold))
