/* Alternate gatekeepers: order, fail-over with and without a registration, redirected requests,
 * permanent and not; and what a group answers. */
#include "base/err.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};
static const struct per_oid protocol = {6, arcs};

static void expect_to(struct gk *g, enum h225_RasMessage_kind kind, const char *address)
{
    char text[ADDR_TEXT_MAX];
    struct h225_RasMessage *m;
    struct addr to;

    m = gk_take(g, &to);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_EQUAL(m->kind, kind);
    CU_ASSERT_STRING_EQUAL(addr_format(&to, text), address);
    g->head--;
    g->address = to; /* it answers */
}

/* Takes all but the newest message. */
static void skip(struct gk *g)
{
    CU_ASSERT_FATAL(g->tail > g->head);
    g->head = g->tail - 1;
}

static void register_with_alternates(struct gk *g, struct h225_AlternateGK *list, uint32_t n)
{
    gk_register_with(g, (struct h225_RegistrationConfirm){.has_timeToLive = true,
                                                          .timeToLive = 60,
                                                          .has_alternateGatekeeper = true,
                                                          .alternateGatekeeper = {n, list}});
}

static void alternates_are_tried_by_priority_then_a_pause(void)
{
    struct h225_AlternateGK list[3];
    struct gk g;

    gk_init(&g, 1, NULL);
    list[0] = gk_alternate(&g, "198.18.0.6:1719", true, 90);
    list[1] = gk_alternate(&g, "198.18.0.4:1719", true, 1);
    list[2] = gk_alternate(&g, "198.18.0.5:1719", true, 2);
    register_with_alternates(&g, list, 3);
    gk_wait(&g, 60000);
    skip(&g);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.4:1719");
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    gk_wait(&g, 15000);
    skip(&g);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.5:1719");
    gk_wait(&g, 15000);
    skip(&g);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.6:1719");
    gk_wait(&g, 15000);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    gk_wait(&g, 30000);
    skip(&g);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.3:1719");
    gk_fini(&g);
}

static void lost_alternate_leads_back_to_the_first(void)
{
    struct h225_AlternateGK list[1];
    struct gk g;

    gk_init(&g, 1, NULL);
    list[0] = gk_alternate(&g, "198.18.0.4:1719", true, 1);
    register_with_alternates(&g, list, 1);
    gk_wait(&g, 60000);
    skip(&g);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.4:1719");
    gk_confirm_discovery(&g);
    gk_confirm_registration(&g, 60, "ep2");
    CU_ASSERT_EQUAL(g.seen.registered, 2);
    gk_wait(&g, 60000);
    skip(&g);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.3:1719");
    gk_fini(&g);
}

static void take_over_is_told_and_calls_live_on(void)
{
    struct h225_ResourcesAvailableConfirm rac = {.protocolIdentifier = protocol};
    struct h225_AlternateGK list[1];
    struct gk g;

    gk_init(&g, 1, NULL);
    list[0] = gk_alternate(&g, "198.18.0.4:1719", false, 1);
    register_with_alternates(&g, list, 1);
    gk_admit(&g, 7, (struct h225_AdmissionConfirm){.requestSeqNum = 0});
    CU_ASSERT_EQUAL(ras_set_resources(g.ras, true, g.now), 0);
    rac.requestSeqNum = ((struct h225_ResourcesAvailableIndicate *)gk_expect(
                             &g, h225_RasMessage_resourcesAvailableIndicate))
                            ->requestSeqNum;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_resourcesAvailableConfirm, &rac), 0);
    gk_wait(&g, 60000);
    skip(&g);
    expect_to(&g, h225_RasMessage_registrationRequest, "198.18.0.4:1719");
    CU_ASSERT_EQUAL(g.seen.switched, 0); /* not before it has answered */
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(g.seen.switched, 1);
    CU_ASSERT_EQUAL(g.seen.lost, 0);
    expect_to(&g, h225_RasMessage_resourcesAvailableIndicate, "198.18.0.4:1719"); /* anew */
    g.head = g.tail;
    CU_ASSERT_TRUE(addr_is_equal(&g.seen.registration.gatekeeper, &g.address));
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 7, 16, g.now), 0);
    expect_to(&g, h225_RasMessage_disengageRequest, "198.18.0.4:1719");
    gk_fini(&g);
}

/* The gatekeeper dies just before a call: the call is asked for at the alternate. */
static void silent_admission_goes_to_the_alternate(void)
{
    struct h225_AdmissionConfirm acf = {.bandWidth = 640};
    const struct h225_AdmissionRequest *arq;
    struct ras_admission call = gk_call(7);
    struct h225_AlternateGK list[1];
    struct gk g;

    gk_init(&g, 1, NULL);
    list[0] = gk_alternate(&g, "198.18.0.4:1719", false, 1);
    list[0].has_gatekeeperIdentifier = true;
    list[0].gatekeeperIdentifier = gk_text(&g, "othergk");
    register_with_alternates(&g, list, 1);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    gk_wait(&g, 9000);
    g.head = g.tail - 2;
    expect_to(&g, h225_RasMessage_registrationRequest, "198.18.0.4:1719");
    gk_confirm_registration(&g, 60, "ep1");
    expect_to(&g, h225_RasMessage_admissionRequest, "198.18.0.4:1719");
    arq = gk_expect(&g, h225_RasMessage_admissionRequest);
    CU_ASSERT_EQUAL(arq->gatekeeperIdentifier.len, 7);
    acf.requestSeqNum = arq->requestSeqNum;
    acf.callModel.kind = h225_CallModel_direct;
    acf.destCallSignalAddress = gk_transport(&g, "198.18.0.1:1720");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(g.seen.admitted.err, 0);
    gk_fini(&g);
}

static const struct h225_AdmissionRequest *refuse_call(struct gk *g, struct h225_AltGKInfo *info)
{
    struct h225_AdmissionReject arj = {.altGKInfo = info};
    const struct h225_AdmissionRequest *arq = gk_expect(g, h225_RasMessage_admissionRequest);

    arj.requestSeqNum = arq->requestSeqNum;
    arj.rejectReason.kind = h225_AdmissionRejectReason_resourceUnavailable;
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_admissionReject, &arj), 0);
    return arq;
}

static void temporary_redirection_is_of_one_request(void)
{
    struct h225_AdmissionConfirm acf = {.bandWidth = 640};
    struct ras_admission call = gk_call(7);
    struct h225_AlternateGK list[2];
    struct h225_AltGKInfo info = {.alternateGatekeeper = {2, list}};
    const struct h225_AdmissionRequest *first, *again;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    list[0] = gk_alternate(&g, "198.18.0.5:1719", true, 0); /* would have to know us */
    list[1] = gk_alternate(&g, "198.18.0.4:1719", false, 3);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    first = refuse_call(&g, &info);
    CU_ASSERT_EQUAL(g.seen.admissions, 0);
    expect_to(&g, h225_RasMessage_admissionRequest, "198.18.0.4:1719");
    again = gk_expect(&g, h225_RasMessage_admissionRequest);
    CU_ASSERT_NOT_EQUAL(first->requestSeqNum, again->requestSeqNum);
    CU_ASSERT_EQUAL(
        memcmp(first->callIdentifier, again->callIdentifier, sizeof(*again->callIdentifier)), 0);
    acf.requestSeqNum = again->requestSeqNum;
    acf.callModel.kind = h225_CallModel_direct;
    acf.destCallSignalAddress = gk_transport(&g, "198.18.0.1:1720");
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL(g.seen.admitted.err, 0);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->redirected, 1);
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 7, 16, g.now), 0);
    expect_to(&g, h225_RasMessage_disengageRequest, "198.18.0.3:1719");
    gk_fini(&g);
}

static void redirections_in_a_circle_end(void)
{
    struct ras_admission call = gk_call(7);
    struct h225_AlternateGK list[2];
    struct h225_AltGKInfo info = {.alternateGatekeeper = {2, list}};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    list[0] = gk_alternate(&g, "198.18.0.5:1719", false, 0);
    list[1] = gk_alternate(&g, "198.18.0.4:1719", false, 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(g.seen.admissions, 0);
        CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &g.address));
        g.head--;
        (void)refuse_call(&g, &info);
    }
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_REFUSED);
    CU_ASSERT_STRING_EQUAL(g.seen.reason, "resourceUnavailable");
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void permanent_redirection_moves_the_registration(void)
{
    struct ras_admission call = gk_call(7);
    struct h225_AlternateGK list[1];
    struct h225_AltGKInfo info = {.alternateGatekeeper = {1, list}, .altGKisPermanent = true};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    list[0] = gk_alternate(&g, "198.18.0.4:1719", false, 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    (void)refuse_call(&g, &info);
    expect_to(&g, h225_RasMessage_registrationRequest, "198.18.0.4:1719");
    gk_confirm_registration(&g, 60, "ep1");
    CU_ASSERT_EQUAL(g.seen.switched, 1);
    expect_to(&g, h225_RasMessage_admissionRequest, "198.18.0.4:1719");
    gk_fini(&g);
}

static void permanent_redirection_may_need_a_registration(void)
{
    struct ras_admission call = gk_call(7);
    struct h225_AlternateGK list[1];
    struct h225_AltGKInfo info = {.alternateGatekeeper = {1, list}, .altGKisPermanent = true};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    list[0] = gk_alternate(&g, "198.18.0.4:1719", true, 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    (void)refuse_call(&g, &info);
    CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_REFUSED);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.4:1719");
    gk_fini(&g);
}

static void two_that_name_each_other_end_in_a_pause(void)
{
    struct h225_AlternateGK list[1];
    struct h225_AltGKInfo info = {.alternateGatekeeper = {1, list}};
    struct h225_GatekeeperReject grj = {.protocolIdentifier = protocol, .altGKInfo = &info};
    int asked = 0;
    struct gk g;

    gk_init(&g, 1, NULL);
    grj.rejectReason.kind = h225_GatekeeperRejectReason_resourceUnavailable;
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    while (!gk_is_quiet(&g) && asked < 10) {
        const struct h225_GatekeeperRequest *grq;

        CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &g.address));
        g.head--;
        grq = gk_expect(&g, h225_RasMessage_gatekeeperRequest);
        grj.requestSeqNum = grq->requestSeqNum;
        list[0] = gk_alternate(&g, asked % 2 == 0 ? "198.18.0.4:1719" : "198.18.0.3:1719", true, 0);
        CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_gatekeeperReject, &grj), 0);
        asked++;
    }
    CU_ASSERT_EQUAL(asked, 2);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    CU_ASSERT_STRING_EQUAL(g.seen.why, "resourceUnavailable");
    gk_fini(&g);
}

static void unregistration_with_alternates_goes_there(void)
{
    struct h225_TransportAddress at;
    struct h225_AlternateGK list[1];
    struct h225_UnregistrationRequest urq = {.requestSeqNum = 77,
                                             .callSignalAddress = {1, &at},
                                             .has_alternateGatekeeper = true,
                                             .alternateGatekeeper = {1, list}};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    at = gk_transport(&g, "198.18.0.1:1720");
    list[0] = gk_alternate(&g, "198.18.0.4:1719", true, 0);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_unregistrationRequest, &urq), 0);
    gk_expect(&g, h225_RasMessage_unregistrationConfirm);
    expect_to(&g, h225_RasMessage_gatekeeperRequest, "198.18.0.4:1719");
    gk_fini(&g);
}

/* H.225.0 §7.8: of a group the first that takes us counts, whoever said no before. */
static void group_may_refuse_before_it_accepts(void)
{
    struct ras_config config = {0};
    struct h225_GatekeeperReject grj = {.protocolIdentifier = protocol};
    const struct h225_GatekeeperRequest *grq;
    struct addr other;
    struct gk g;

    CU_ASSERT_EQUAL(addr_parse("224.0.1.41", &config.gatekeeper), 0);
    gk_init_with(&g, 1, config);
    CU_ASSERT_EQUAL(addr_parse("198.18.0.9:1719", &other), 0);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    grq = gk_expect(&g, h225_RasMessage_gatekeeperRequest);
    g.head--;
    grj.requestSeqNum = grq->requestSeqNum;
    grj.rejectReason.kind = h225_GatekeeperRejectReason_terminalExcluded;
    CU_ASSERT_EQUAL(gk_say_from(&g, other, h225_RasMessage_gatekeeperReject, &grj), 0);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_DISCOVERING);
    gk_confirm_discovery(&g);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_REGISTERING);
    gk_fini(&g);
}

static void group_that_only_refuses_says_why(void)
{
    struct ras_config config = {0};
    struct h225_GatekeeperReject grj = {.protocolIdentifier = protocol};
    const struct h225_GatekeeperRequest *grq;
    struct gk g;

    CU_ASSERT_EQUAL(addr_parse("224.0.1.41", &config.gatekeeper), 0);
    gk_init_with(&g, 1, config);
    CU_ASSERT_EQUAL(ras_start(g.ras, g.now), 0);
    grq = gk_expect(&g, h225_RasMessage_gatekeeperRequest);
    grj.requestSeqNum = grq->requestSeqNum;
    grj.rejectReason.kind = h225_GatekeeperRejectReason_terminalExcluded;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_gatekeeperReject, &grj), 0);
    gk_wait(&g, 15000);
    CU_ASSERT_EQUAL(ras_state(g.ras), RAS_STATE_WAITING);
    CU_ASSERT_STRING_EQUAL(g.seen.why, "terminalExcluded");
    gk_fini(&g);
}

SUITE("h225/ras_alternates", TEST(alternates_are_tried_by_priority_then_a_pause),
      TEST(lost_alternate_leads_back_to_the_first), TEST(take_over_is_told_and_calls_live_on),
      TEST(silent_admission_goes_to_the_alternate), TEST(temporary_redirection_is_of_one_request),
      TEST(redirections_in_a_circle_end), TEST(permanent_redirection_moves_the_registration),
      TEST(permanent_redirection_may_need_a_registration),
      TEST(two_that_name_each_other_end_in_a_pause),
      TEST(unregistration_with_alternates_goes_there), TEST(group_may_refuse_before_it_accepts),
      TEST(group_that_only_refuses_says_why))
