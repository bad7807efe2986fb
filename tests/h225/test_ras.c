/* Registration: retries, keep-alive, rejections, alternates, both unregistrations. */
#include "base/err.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

static struct h225_AlternateGK *alternate(struct gk *g, const char *address, bool need_register,
                                          uint8_t priority, struct h225_AlternateGK *a)
{
    struct h225_TransportAddress_ipAddress *ip = arena_zalloc(&g->arena, sizeof(*ip));
    struct addr at;

    CU_ASSERT_EQUAL_FATAL(addr_parse(address, &at), 0);
    memset(a, 0, sizeof(*a));
    memcpy(ip->ip, at.ip, 4);
    ip->port = at.port;
    a->rasAddress.kind = h225_TransportAddress_ipAddress;
    a->rasAddress.u.ipAddress = ip;
    a->needToRegister = need_register;
    a->priority = priority;
    return a;
}

static int reject_registration(struct gk *g, enum h225_RegistrationRejectReason_kind reason,
                               struct h225_AltGKInfo *alternatives)
{
    static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};
    const struct h225_RegistrationRequest *rrq = gk_expect(g, h225_RasMessage_registrationRequest);
    struct h225_RegistrationReject rrj = {.requestSeqNum = rrq->requestSeqNum,
                                          .protocolIdentifier = {6, arcs},
                                          .rejectReason = {.kind = reason},
                                          .altGKInfo = alternatives};

    return gk_say(g, h225_RasMessage_registrationReject, &rrj);
}

static void start_sends_mcu_with_prefix_and_alias(void)
{
    const struct h225_RegistrationRequest *rrq;
    const struct h225_SupportedPrefix_list *prefixes;
    struct gk g;

    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), ERR_STATE);
    gk_confirm_discovery(&g);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->discoveryComplete && !rrq->keepAlive && rrq->has_supportsAltGK);
    CU_ASSERT_EQUAL(rrq->timeToLive, 60);
    CU_ASSERT_EQUAL(rrq->terminalAlias.n, 1);
    CU_ASSERT_EQUAL(rrq->callSignalAddress.v[0].u.ipAddress->port, 1720);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rrq->terminalType.mcu);
    prefixes = &rrq->terminalType.mcu->protocol.v[0].u.h323->supportedPrefixes;
    CU_ASSERT_EQUAL_FATAL(prefixes->n, 1);
    CU_ASSERT_STRING_EQUAL(prefixes->v[0].prefix.u.dialledDigits.p, "77");
    gk_fini(&g);
}

static void silence_is_asked_three_times_then_a_pause(void)
{
    struct gk g;

    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    for (int i = 0; i < 3; i++) {
        gk_expect(&g, h225_RasMessage_gatekeeperRequest);
        CU_ASSERT_TRUE(gk_is_quiet(&g));
        gk_wait(&g, 5000);
    }
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    CU_ASSERT_FALSE(g.seen.was_registered);
    CU_ASSERT_STRING_EQUAL(g.seen.why, "no answer");
    CU_ASSERT_EQUAL(ras_stats(g.ras)->repeated, 2);
    gk_wait(&g, 29999);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_wait(&g, 1);
    gk_confirm_discovery(&g);
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(g.seen.registered, 1);
    gk_fini(&g);
}

static void group_is_asked_and_anybody_may_answer(void)
{
    struct ras_config config = {0};
    struct addr to;
    struct gk g;

    CU_ASSERT_EQUAL(addr_parse("224.0.1.41", &config.gatekeeper), 0);
    gk_init_with(&g, 1, config);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &to));
    CU_ASSERT_EQUAL(to.port, RAS_DISCOVERY_PORT);
    CU_ASSERT_TRUE(addr_is_multicast(&to));
    g.head--;
    gk_confirm_discovery(&g);
    CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &to));
    CU_ASSERT_TRUE(addr_is_equal(&to, &g.address));
    gk_fini(&g);
}

static void other_gatekeeper_than_configured_is_ignored(void)
{
    struct gk g;

    gk_init_with(&g, 1, (struct ras_config){.gatekeeper_id = "othergk"});
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    {
        static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};
        const struct h225_GatekeeperRequest *grq = gk_expect(&g, h225_RasMessage_gatekeeperRequest);
        struct h225_GatekeeperConfirm gcf = {.requestSeqNum = grq->requestSeqNum,
                                             .protocolIdentifier = {6, arcs},
                                             .has_gatekeeperIdentifier = true,
                                             .gatekeeperIdentifier = gk_text(&g, "labgk"),
                                             .rasAddress = grq->rasAddress};

        CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_gatekeeperConfirm, &gcf), ERR_NOTFOUND);
    }
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_DISCOVERING);
    gk_fini(&g);
}

static void keep_alive_is_light_and_in_time(void)
{
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    gk_wait(&g, 50999); /* 60 s less three tries of 3 s */
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_wait(&g, 1);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->keepAlive && rrq->has_endpointIdentifier && !rrq->has_terminalAlias);
    g.head--;
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(g.seen.registered, 1); /* told once */
    gk_wait(&g, 51000);
    CU_ASSERT_FALSE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void silent_keep_alive_loses_the_registration(void)
{
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    gk_wait(&g, 60000);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    CU_ASSERT_TRUE(g.seen.was_registered);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->lost, 1);
    gk_fini(&g);
}

static void forgotten_registration_is_made_anew(void)
{
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    gk_wait(&g, 51000);
    CU_ASSERT_EQUAL(
        reject_registration(&g, h225_RegistrationRejectReason_fullRegistrationRequired, NULL), 0);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    gk_confirm_discovery(&g);
    gk_confirm_registration(&g, 60, "ep2");
    CU_ASSERT_EQUAL(g.seen.registered, 2);
    gk_fini(&g);
}

static void endless_demands_end_in_a_pause(void)
{
    struct gk g;

    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    for (int i = 0; i < 3; i++) {
        gk_confirm_discovery(&g);
        CU_ASSERT_EQUAL(
            reject_registration(&g, h225_RegistrationRejectReason_discoveryRequired, NULL), 0);
    }
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void rejection_names_its_reason_and_tries_alternates(void)
{
    struct h225_AlternateGK list[2];
    struct h225_AltGKInfo info = {.alternateGatekeeper = {2, list}};
    struct addr to;
    char text[ADDR_TEXT_MAX];
    struct gk g;

    gk_init(&g, 1, NULL);
    alternate(&g, "198.18.0.5:1719", true, 9, &list[0]);
    alternate(&g, "198.18.0.4:1719", true, 1, &list[1]);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gk_confirm_discovery(&g);
    CU_ASSERT_EQUAL(
        reject_registration(&g, h225_RegistrationRejectReason_resourceUnavailable, &info), 0);
    CU_ASSERT_STRING_EQUAL(g.seen.why, "resourceUnavailable");
    CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &to));
    CU_ASSERT_STRING_EQUAL(addr_format(&to, text), "198.18.0.4:1719"); /* the lower number */
    gk_wait(&g, 15000);
    g.head = g.tail - 1;
    CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &to));
    CU_ASSERT_STRING_EQUAL(addr_format(&to, text), "198.18.0.5:1719");
    gk_fini(&g);
}

static void alternate_without_registration_takes_over(void)
{
    static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};
    struct h225_AlternateGK list[1];
    struct h225_RegistrationConfirm rcf = {.protocolIdentifier = {6, arcs},
                                           .has_timeToLive = true,
                                           .timeToLive = 60,
                                           .has_alternateGatekeeper = true,
                                           .alternateGatekeeper = {1, list}};
    const struct h225_RegistrationRequest *rrq;
    struct addr to;
    char text[ADDR_TEXT_MAX];
    struct gk g;

    gk_init(&g, 1, NULL);
    alternate(&g, "198.18.0.4:1719", false, 1, &list[0]);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gk_confirm_discovery(&g);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    rcf.requestSeqNum = rrq->requestSeqNum;
    rcf.endpointIdentifier = gk_text(&g, "ep1");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_registrationConfirm, &rcf), 0);
    gk_wait(&g, 60000); /* 51 s, and three unanswered keep-alives */
    g.head = g.tail - 1;
    CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &to));
    CU_ASSERT_STRING_EQUAL(addr_format(&to, text), "198.18.0.4:1719");
    CU_ASSERT_EQUAL(g.seen.lost, 0);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    g.address = to;
    g.head--;
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    gk_fini(&g);
}

static void progress_prolongs_the_wait(void)
{
    struct h225_RequestInProgress rip = {.delay = 20000};
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gk_confirm_discovery(&g);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    rip.requestSeqNum = rrq->requestSeqNum;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_requestInProgress, &rip), 0);
    gk_wait(&g, 19999);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_wait(&g, 1);
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(g.seen.registered, 1);
    gk_fini(&g);
}

static void unregistered_by_gatekeeper_registers_again(void)
{
    struct h225_UnregistrationRequest urq = {.requestSeqNum = 77};
    struct h225_TransportAddress at = {.kind = h225_TransportAddress_ipAddress};
    struct h225_TransportAddress_ipAddress ip = {.port = 1720};
    const struct h225_UnregistrationConfirm *ucf;
    struct gk g;

    at.u.ipAddress = &ip;
    urq.callSignalAddress.n = 1;
    urq.callSignalAddress.v = &at;
    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_unregistrationRequest, &urq), 0);
    ucf = gk_expect(&g, h225_RasMessage_unregistrationConfirm);
    CU_ASSERT_EQUAL(ucf->requestSeqNum, 77);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    gk_confirm_discovery(&g);
    gk_confirm_registration(&g, 60, "ep2");
    CU_ASSERT_EQUAL(g.seen.registered, 2);
    gk_fini(&g);
}

static void stop_unregisters_and_gives_up_waiting(void)
{
    const struct h225_UnregistrationRequest *urq;
    struct gk g;

    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_stop(g.ras, g.now), ERR_STATE);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_stop(g.ras, g.now), 0);
    urq = gk_expect(&g, h225_RasMessage_unregistrationRequest);
    CU_ASSERT_TRUE(urq->has_endpointIdentifier);
    CU_ASSERT_EQUAL(g.seen.stopped, 0);
    gk_wait(&g, 9000);
    CU_ASSERT_EQUAL(g.seen.stopped, 1);
    CU_ASSERT_EQUAL(g.seen.lost, 0);
    CU_ASSERT_EQUAL(ras_next_deadline(g.ras), RAS_NEVER);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    gk_fini(&g);
}

static void alias_is_added_to_the_registration(void)
{
    static const struct h225_alias more = {H225_ALIAS_DIGITS, "4711"};
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_add_names(g.ras, &more, 1, NULL, 0, g.now), 0);
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->has_additiveRegistration && rrq->has_endpointIdentifier);
    CU_ASSERT_EQUAL_FATAL(rrq->terminalAlias.n, 1);
    CU_ASSERT_STRING_EQUAL(rrq->terminalAlias.v[0].u.dialledDigits.p, "4711");
    g.head--;
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    gk_fini(&g);
}

static void strangers_and_noise_change_nothing(void)
{
    struct h225_UnregistrationRequest urq = {.requestSeqNum = 77};
    struct h225_TransportAddress at = {.kind = h225_TransportAddress_ipAddress};
    struct h225_TransportAddress_ipAddress ip = {.port = 1720};
    struct h225_DisengageConfirm dcf = {.requestSeqNum = 4};
    static const uint8_t noise[] = {0xff, 0xff, 0xff};
    struct addr stranger;
    struct gk g;

    at.u.ipAddress = &ip;
    urq.callSignalAddress.n = 1;
    urq.callSignalAddress.v = &at;
    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(addr_parse("198.18.0.66:1719", &stranger), 0);
    CU_ASSERT_EQUAL(gk_say_from(&g, stranger, h225_RasMessage_unregistrationRequest, &urq),
                    ERR_REFUSED);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_disengageConfirm, &dcf), ERR_NOTFOUND);
    CU_ASSERT_NOT_EQUAL(ras_input(g.ras, &g.address, noise, sizeof(noise), g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERED);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->strangers, 1);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->unmatched, 1);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->undecodable, 1);
    gk_fini(&g);
}

/* An alternative of a later version (extension index 60) and a message that endpoints do not get:
 * both come back in an UnknownMessageResponse. */
static void unknown_messages_are_answered(void)
{
    static const uint8_t later[] = {0xbc, 0x02, 0x40, 0x00};
    struct h225_LocationRequest lrq = {.requestSeqNum = 12};
    struct h225_AliasAddress alias = {.kind = h225_AliasAddress_h323_ID};
    struct h225_NonStandardMessage nsm = {.requestSeqNum = 13};
    const struct h225_UnknownMessageResponse *xrs;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_input(g.ras, &g.address, later, sizeof(later), g.now), ERR_UNSUPPORTED);
    xrs = gk_expect(&g, h225_RasMessage_unknownMessageResponse);
    CU_ASSERT_EQUAL_FATAL(xrs->messageNotUnderstood.len, sizeof(later));
    CU_ASSERT_EQUAL(memcmp(xrs->messageNotUnderstood.p, later, sizeof(later)), 0);
    nsm.nonStandardData.nonStandardIdentifier.kind = h225_NonStandardIdentifier_h221NonStandard;
    nsm.nonStandardData.nonStandardIdentifier.u.h221NonStandard =
        arena_zalloc(&g.arena, sizeof(struct h225_H221NonStandard));
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_nonStandardMessage, &nsm), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g)); /* not ours to answer */
    CU_ASSERT_EQUAL(ras_stats(g.ras)->non_standard, 1);
    alias.u.h323_ID = gk_text(&g, "anybody");
    lrq.destinationInfo.n = 1;
    lrq.destinationInfo.v = &alias;
    lrq.replyAddress = gk_transport(&g, "198.18.0.3:1719");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_locationRequest, &lrq), ERR_UNSUPPORTED);
    xrs = gk_expect(&g, h225_RasMessage_unknownMessageResponse);
    CU_ASSERT_EQUAL(xrs->requestSeqNum, 12);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->unknown, 2);
    gk_fini(&g);
}

SUITE("h225/ras", TEST(start_sends_mcu_with_prefix_and_alias),
      TEST(silence_is_asked_three_times_then_a_pause), TEST(group_is_asked_and_anybody_may_answer),
      TEST(other_gatekeeper_than_configured_is_ignored), TEST(keep_alive_is_light_and_in_time),
      TEST(silent_keep_alive_loses_the_registration), TEST(forgotten_registration_is_made_anew),
      TEST(endless_demands_end_in_a_pause), TEST(rejection_names_its_reason_and_tries_alternates),
      TEST(alternate_without_registration_takes_over), TEST(progress_prolongs_the_wait),
      TEST(unregistered_by_gatekeeper_registers_again), TEST(stop_unregisters_and_gives_up_waiting),
      TEST(alias_is_added_to_the_registration), TEST(strangers_and_noise_change_nothing),
      TEST(unknown_messages_are_answered))
