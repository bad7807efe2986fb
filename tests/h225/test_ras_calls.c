/* Calls: admission, bandwidth, reports, disengagement by both sides, service control, resources. */
#include "base/err.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

/* Admits call `key` with irrFrequency; returns with a quiet gatekeeper. */
static void admit(struct gk *g, uint64_t key, uint16_t irr_frequency)
{
    struct ras_admission call = gk_call(key);
    struct h225_TransportAddress_ipAddress ip = {.ip = {198, 18, 0, 1}, .port = 1720};
    struct h225_AdmissionConfirm acf = {
        .bandWidth = 640, .has_irrFrequency = irr_frequency > 0, .irrFrequency = irr_frequency};
    const struct h225_AdmissionRequest *arq;

    CU_ASSERT_EQUAL(ras_admit(g->ras, &call, g->now), 0);
    arq = gk_expect(g, h225_RasMessage_admissionRequest);
    CU_ASSERT_TRUE(arq->answerCall);
    CU_ASSERT_EQUAL(arq->bandWidth, 1280);
    CU_ASSERT_EQUAL(arq->callIdentifier->guid[0], (uint8_t)key);
    CU_ASSERT_STRING_EQUAL(arq->destinationInfo.v[0].u.dialledDigits.p, "771234");
    acf.requestSeqNum = arq->requestSeqNum;
    acf.callModel.kind = h225_CallModel_direct;
    acf.destCallSignalAddress.kind = h225_TransportAddress_ipAddress;
    acf.destCallSignalAddress.u.ipAddress = &ip;
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_admissionConfirm, &acf), 0);
    CU_ASSERT_EQUAL(g->seen.admitted.err, 0);
    CU_ASSERT_EQUAL(g->seen.admitted.key, key);
    CU_ASSERT_EQUAL(g->seen.admitted.bandwidth, 640);
    CU_ASSERT_TRUE(gk_is_quiet(g));
}

static void admission_needs_a_registration_and_a_key(void)
{
    struct ras_admission call = gk_call(1);
    struct gk g;

    gk_init(&g, 1, NULL);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), ERR_STATE);
    gk_register(&g);
    admit(&g, 1, 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), ERR_EXISTS);
    call.key = 0;
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), ERR_INVAL);
    gk_fini(&g);
}

static void silent_admission_times_out_and_asks_for_life(void)
{
    struct ras_admission call = gk_call(1);
    const struct h225_RegistrationRequest *rrq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    gk_wait(&g, 9000);
    CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_TIMEOUT);
    CU_ASSERT_EQUAL(ras_call_count(g.ras), 0);
    g.head = g.tail - 1;
    rrq = gk_expect(&g, h225_RasMessage_registrationRequest);
    CU_ASSERT_TRUE(rrq->keepAlive);
    gk_wait(&g, 9000);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    gk_fini(&g);
}

static void lost_gatekeeper_ends_waiting_admissions(void)
{
    struct h225_UnregistrationRequest urq = {.requestSeqNum = 5};
    struct h225_TransportAddress at = {.kind = h225_TransportAddress_ipAddress};
    struct h225_TransportAddress_ipAddress ip = {.port = 1720};
    struct ras_admission call = gk_call(1);
    struct gk g;

    at.u.ipAddress = &ip;
    urq.callSignalAddress.n = 1;
    urq.callSignalAddress.v = &at;
    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_unregistrationRequest, &urq), 0);
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_CLOSED);
    gk_fini(&g);
}

static void call_of_an_old_registration_is_not_disengaged(void)
{
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit(&g, 1, 0);
    gk_wait(&g, 60000 + 30000);
    g.head = g.tail - 1;
    gk_confirm_discovery(&g);
    gk_confirm_registration(&g, 60, "ep2");
    CU_ASSERT_EQUAL(ras_call_count(g.ras), 1);
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 1, 16, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 1, 16, g.now), ERR_NOTFOUND);
    gk_fini(&g);
}

static void disengage_tells_the_cause(void)
{
    const struct h225_DisengageRequest *drq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit(&g, 3, 0);
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 3, 17, g.now), 0);
    drq = gk_expect(&g, h225_RasMessage_disengageRequest);
    CU_ASSERT_TRUE(drq->answeredCall);
    CU_ASSERT_EQUAL(drq->callReferenceValue, 103);
    CU_ASSERT_EQUAL(drq->callIdentifier->guid[0], 3);
    CU_ASSERT_PTR_NOT_NULL_FATAL(drq->terminationCause);
    CU_ASSERT_EQUAL(drq->terminationCause->u.releaseCompleteCauseIE.p[1] & 0x7f, 17);
    gk_fini(&g);
}

static void gatekeeper_disengages_once(void)
{
    struct h225_CallIdentifier id = {.guid = {3}};
    struct h225_DisengageRequest drq = {.requestSeqNum = 9, .callReferenceValue = 103};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit(&g, 3, 0);
    drq.endpointIdentifier = gk_text(&g, "ep1");
    drq.disengageReason.kind = h225_DisengageReason_forcedDrop;
    drq.callIdentifier = &id;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_disengageRequest, &drq), 0);
    gk_expect(&g, h225_RasMessage_disengageConfirm);
    CU_ASSERT_EQUAL(g.seen.disengaged, 1);
    CU_ASSERT_EQUAL(g.seen.key, 3);
    /* the confirm was lost: the same again */
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_disengageRequest, &drq), 0);
    gk_expect(&g, h225_RasMessage_disengageConfirm);
    CU_ASSERT_EQUAL(g.seen.disengaged, 1);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->duplicates, 1);
    /* another request for a call that is not there */
    drq.requestSeqNum = 10;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_disengageRequest, &drq), 0);
    gk_expect(&g, h225_RasMessage_disengageReject);
    gk_fini(&g);
}

/* The caller should have asked first: it is sent to the gatekeeper that RCF or ARJ names. */
static void refused_caller_learns_where_to_call(void)
{
    struct h225_TransportAddress at;
    struct h225_AdmissionReject arj = {
        .rejectReason = {.kind = h225_AdmissionRejectReason_routeCallToGatekeeper}};
    char text[ADDR_TEXT_MAX];
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    at = gk_transport(&g, "198.18.0.8:1721");
    for (int named = 0; named < 2; named++) {
        struct ras_admission call = gk_call((uint64_t)(3 + named));

        CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
        arj.requestSeqNum =
            ((struct h225_AdmissionRequest *)gk_expect(&g, h225_RasMessage_admissionRequest))
                ->requestSeqNum;
        arj.has_callSignalAddress = named;
        arj.callSignalAddress.n = 1;
        arj.callSignalAddress.v = &at;
        CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionReject, &arj), 0);
        CU_ASSERT_EQUAL(g.seen.admitted.err, ERR_REFUSED);
        CU_ASSERT_STRING_EQUAL(addr_format(&g.seen.admitted.destination, text),
                               named ? "198.18.0.8:1721" : "198.18.0.3:1719");
    }
    arj.rejectReason.kind = h225_AdmissionRejectReason_requestDenied;
    {
        struct ras_admission call = gk_call(9);

        CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
        arj.requestSeqNum =
            ((struct h225_AdmissionRequest *)gk_expect(&g, h225_RasMessage_admissionRequest))
                ->requestSeqNum;
        CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_admissionReject, &arj), 0);
        CU_ASSERT_EQUAL(g.seen.admitted.destination.family, ADDR_NONE);
    }
    gk_fini(&g);
}

static void bandwidth_is_asked_for(void)
{
    const struct h225_BandwidthRequest *brq;
    struct h225_BandwidthReject brj = {.allowedBandWidth = 500};
    struct h225_BandwidthConfirm bcf = {.bandWidth = 2000};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_set_bandwidth(g.ras, 3, 2000, g.now), ERR_NOTFOUND);
    admit(&g, 3, 0);
    CU_ASSERT_EQUAL(ras_set_bandwidth(g.ras, 3, 4000, g.now), 0);
    brq = gk_expect(&g, h225_RasMessage_bandwidthRequest);
    CU_ASSERT_EQUAL(brq->bandWidth, 4000);
    brj.requestSeqNum = brq->requestSeqNum;
    brj.rejectReason.kind = h225_BandRejectReason_insufficientResources;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_bandwidthReject, &brj), 0);
    CU_ASSERT_EQUAL(g.seen.err, ERR_REFUSED);
    CU_ASSERT_EQUAL(g.seen.bandwidth, 500);
    CU_ASSERT_EQUAL(ras_set_bandwidth(g.ras, 3, 2000, g.now), 0);
    brq = gk_expect(&g, h225_RasMessage_bandwidthRequest);
    bcf.requestSeqNum = brq->requestSeqNum;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_bandwidthConfirm, &bcf), 0);
    CU_ASSERT_EQUAL(g.seen.err, 0);
    CU_ASSERT_EQUAL(g.seen.bandwidth, 2000);
    gk_fini(&g);
}

static void bandwidth_of_the_gatekeeper_is_the_users_choice(void)
{
    struct h225_CallIdentifier id = {.guid = {3}};
    struct h225_BandwidthRequest brq = {.requestSeqNum = 9, .bandWidth = 320};
    const struct h225_BandwidthReject *brj;
    const struct h225_BandwidthConfirm *bcf;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit(&g, 3, 0);
    brq.endpointIdentifier = gk_text(&g, "ep1");
    brq.callIdentifier = &id;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_bandwidthRequest, &brq), 0);
    bcf = gk_expect(&g, h225_RasMessage_bandwidthConfirm);
    CU_ASSERT_EQUAL(bcf->bandWidth, 320);
    g.refuse_bandwidth = true;
    brq.requestSeqNum = 10;
    brq.bandWidth = 100;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_bandwidthRequest, &brq), 0);
    brj = gk_expect(&g, h225_RasMessage_bandwidthReject);
    CU_ASSERT_EQUAL(brj->allowedBandWidth, 320);
    CU_ASSERT_EQUAL(g.seen.wanted, 2);
    gk_fini(&g);
}

static void info_request_tells_calls(void)
{
    struct h225_CallIdentifier nobody = {.guid = {99}};
    struct h225_InfoRequest irq = {.requestSeqNum = 40};
    const struct h225_InfoRequestResponse *irr;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit(&g, 3, 0);
    admit(&g, 4, 0);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequest, &irq), 0);
    irr = gk_expect(&g, h225_RasMessage_infoRequestResponse);
    CU_ASSERT_EQUAL(irr->requestSeqNum, 40);
    CU_ASSERT_FALSE(irr->unsolicited);
    CU_ASSERT_EQUAL(irr->perCallInfo.n, 2);
    CU_ASSERT_EQUAL(irr->irrStatus->kind, h225_InfoRequestResponseStatus_complete);
    irq.requestSeqNum = 41;
    irq.callReferenceValue = 199;
    irq.callIdentifier = &nobody;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequest, &irq), 0);
    irr = gk_expect(&g, h225_RasMessage_infoRequestResponse);
    CU_ASSERT_EQUAL(irr->irrStatus->kind, h225_InfoRequestResponseStatus_invalidCall);
    gk_fini(&g);
}

static void info_reply_goes_to_no_other_host(void)
{
    struct h225_TransportAddress_ipAddress ip = {.ip = {198, 18, 0, 99}, .port = 9};
    struct h225_TransportAddress at = {.kind = h225_TransportAddress_ipAddress};
    struct h225_InfoRequest irq = {.requestSeqNum = 40, .replyAddress = &at};
    struct addr to;
    struct gk g;

    at.u.ipAddress = &ip;
    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequest, &irq), 0);
    CU_ASSERT_PTR_NOT_NULL(gk_take(&g, &to));
    CU_ASSERT_TRUE(addr_is_equal(&to, &g.address));
    gk_fini(&g);
}

static void reports_come_as_often_as_wanted(void)
{
    const struct h225_InfoRequestResponse *irr;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit(&g, 3, 20);
    for (int i = 0; i < 2; i++) {
        gk_wait(&g, 20000);
        irr = gk_expect(&g, h225_RasMessage_infoRequestResponse);
        CU_ASSERT_TRUE(irr->unsolicited);
        CU_ASSERT_EQUAL(irr->perCallInfo.n, 1);
        CU_ASSERT_EQUAL(irr->perCallInfo.v[0].bandWidth, 640);
    }
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 3, 16, g.now), 0);
    gk_expect(&g, h225_RasMessage_disengageRequest);
    gk_fini(&g);
}

static void service_control_is_declined(void)
{
    struct h225_ServiceControlIndication sci = {.requestSeqNum = 8};
    const struct h225_ServiceControlResponse *scr;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_serviceControlIndication, &sci), 0);
    scr = gk_expect(&g, h225_RasMessage_serviceControlResponse);
    CU_ASSERT_EQUAL(scr->requestSeqNum, 8);
    CU_ASSERT_EQUAL(scr->result->kind, h225_ServiceControlResponse_result_notAvailable);
    gk_fini(&g);
}

static void resources_are_told_when_they_change(void)
{
    const struct h225_ResourcesAvailableIndicate *rai;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    CU_ASSERT_EQUAL(ras_set_resources(g.ras, false, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_set_resources(g.ras, true, g.now), 0);
    rai = gk_expect(&g, h225_RasMessage_resourcesAvailableIndicate);
    CU_ASSERT_TRUE(rai->almostOutOfResources);
    CU_ASSERT_EQUAL(rai->protocols.n, 1);
    CU_ASSERT_EQUAL(ras_set_resources(g.ras, true, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

SUITE("h225/ras_calls", TEST(admission_needs_a_registration_and_a_key),
      TEST(silent_admission_times_out_and_asks_for_life),
      TEST(lost_gatekeeper_ends_waiting_admissions),
      TEST(call_of_an_old_registration_is_not_disengaged), TEST(disengage_tells_the_cause),
      TEST(gatekeeper_disengages_once), TEST(refused_caller_learns_where_to_call),
      TEST(bandwidth_is_asked_for), TEST(bandwidth_of_the_gatekeeper_is_the_users_choice),
      TEST(info_request_tells_calls), TEST(info_reply_goes_to_no_other_host),
      TEST(reports_come_as_often_as_wanted), TEST(service_control_is_declined),
      TEST(resources_are_told_when_they_change))
