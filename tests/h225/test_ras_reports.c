/* What the gatekeeper learns of calls: acknowledged reports, segments, call signalling messages,
 * times; and calls that it need not be asked for. */
#include "base/err.h"
#include "signalling/per/per.h"
#include "signalling/schema/h225.h"
#include "tests/h225/gatekeeper.h"
#include "tests/suite.h"

/* ---- acknowledged reports ---- */

static void report_is_repeated_until_acknowledged(void)
{
    const struct h225_InfoRequestResponse *irr;
    struct h225_InfoRequestAck iack = {0};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register_with(&g, (struct h225_RegistrationConfirm){.has_willRespondToIRR = true,
                                                           .willRespondToIRR = true});
    gk_admit(&g, 3, (struct h225_AdmissionConfirm){.has_irrFrequency = true, .irrFrequency = 20});
    gk_wait(&g, 20000);
    irr = gk_expect(&g, h225_RasMessage_infoRequestResponse);
    CU_ASSERT_TRUE(irr->unsolicited && irr->needResponse);
    gk_wait(&g, 3000);
    iack.requestSeqNum =
        ((struct h225_InfoRequestResponse *)gk_expect(&g, h225_RasMessage_infoRequestResponse))
            ->requestSeqNum;
    CU_ASSERT_EQUAL(iack.requestSeqNum, irr->requestSeqNum);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequestAck, &iack), 0);
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequestAck, &iack), ERR_NOTFOUND); /* again */
    gk_wait(&g, 3000);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_stats(g.ras)->reports, 1);
    gk_fini(&g);
}

/* ACF has the last word for its call. */
static void confirmation_may_want_no_acknowledgement(void)
{
    const struct h225_InfoRequestResponse *irr;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register_with(&g, (struct h225_RegistrationConfirm){.has_willRespondToIRR = true,
                                                           .willRespondToIRR = true});
    gk_admit(&g, 3,
             (struct h225_AdmissionConfirm){
                 .has_irrFrequency = true, .irrFrequency = 20, .has_willRespondToIRR = true});
    gk_wait(&g, 20000);
    irr = gk_expect(&g, h225_RasMessage_infoRequestResponse);
    CU_ASSERT_FALSE(irr->needResponse);
    gk_wait(&g, 19999);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void refused_report_of_a_stranger_registers_anew(void)
{
    struct h225_InfoRequestNak inak = {0};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register_with(&g, (struct h225_RegistrationConfirm){.has_willRespondToIRR = true,
                                                           .willRespondToIRR = true});
    gk_admit(&g, 3, (struct h225_AdmissionConfirm){.has_irrFrequency = true, .irrFrequency = 20});
    gk_wait(&g, 20000);
    inak.requestSeqNum =
        ((struct h225_InfoRequestResponse *)gk_expect(&g, h225_RasMessage_infoRequestResponse))
            ->requestSeqNum;
    inak.nakReason.kind = h225_InfoRequestNakReason_notRegistered;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequestNak, &inak), 0);
    CU_ASSERT_EQUAL(g.seen.lost, 1);
    CU_ASSERT_STRING_EQUAL(g.seen.why, "notRegistered");
    gk_expect(&g, h225_RasMessage_gatekeeperRequest);
    gk_fini(&g);
}

/* ---- segments ---- */

#define CALLS 60 /* three messages of 24, 24 and 12 */

static void admit_many(struct gk *g)
{
    for (uint64_t key = 1; key <= CALLS; key++)
        gk_admit(g, key, (struct h225_AdmissionConfirm){.requestSeqNum = 0});
}

static const struct h225_InfoRequestResponse *ask(struct gk *g, uint16_t seq, int segment)
{
    struct h225_InfoRequest irq = {.requestSeqNum = seq,
                                   .has_segmentedResponseSupported = segment >= 0,
                                   .has_nextSegmentRequested = segment > 0,
                                   .nextSegmentRequested = (uint16_t)(segment > 0 ? segment : 0)};

    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_infoRequest, &irq), 0);
    return gk_expect(g, h225_RasMessage_infoRequestResponse);
}

static void many_calls_come_in_segments(void)
{
    const struct h225_InfoRequestResponse *irr;
    bool seen[CALLS + 1] = {false};
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit_many(&g);
    for (int segment = 0; segment < 3; segment++) {
        irr = ask(&g, (uint16_t)(50 + segment), segment);
        CU_ASSERT_EQUAL(irr->perCallInfo.n, segment < 2 ? 24 : 12);
        CU_ASSERT_EQUAL(irr->irrStatus->kind, segment < 2
                                                  ? h225_InfoRequestResponseStatus_segment
                                                  : h225_InfoRequestResponseStatus_complete);
        if (segment < 2)
            CU_ASSERT_EQUAL(irr->irrStatus->u.segment, segment);
        for (uint32_t i = 0; i < irr->perCallInfo.n; i++)
            seen[irr->perCallInfo.v[i].callReferenceValue - 100] = true;
        /* a call that ended meanwhile makes none of the others be forgotten */
        CU_ASSERT_EQUAL(ras_disengage(g.ras, (uint64_t)(1 + segment), 16, g.now), 0);
        gk_expect(&g, h225_RasMessage_disengageRequest);
    }
    for (int i = 1; i <= CALLS; i++)
        CU_ASSERT_TRUE(seen[i]);
    gk_fini(&g);
}

static void without_segments_the_rest_is_missing_and_said_so(void)
{
    const struct h225_InfoRequestResponse *irr;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit_many(&g);
    irr = ask(&g, 50, -1);
    CU_ASSERT_EQUAL(irr->perCallInfo.n, 24);
    CU_ASSERT_EQUAL(irr->irrStatus->kind, h225_InfoRequestResponseStatus_incomplete);
    irr = ask(&g, 51, 7); /* a segment that was never announced */
    CU_ASSERT_FALSE(irr->has_perCallInfo);
    gk_fini(&g);
}

/* ---- call signalling ---- */

/* A recorded Setup would do as well; this one is short. */
static size_t message(uint8_t type, enum h225_H323_UU_PDU_h323_message_body_kind kind, void *body,
                      uint8_t out[512])
{
    struct h225_H323_UserInformation info = {.h323_uu_pdu.h323_message_body.kind = kind};
    struct q931_msg m = {.type = type, .call_ref = 103};
    uint8_t uuie[400];
    size_t len = 0;

    memcpy(&info.h323_uu_pdu.h323_message_body.u, &body, sizeof(body));
    CU_ASSERT_EQUAL_FATAL(
        per_encode(&h225_H323_UserInformation_type, &info, uuie, sizeof(uuie), &len, NULL), 0);
    m.user_user = (struct q931_bytes){uuie, len};
    CU_ASSERT_EQUAL_FATAL(q931_encode(&m, out, 512, &len), 0);
    return len;
}

static const uint32_t arcs[] = {0, 0, 8, 2250, 0, 7};

static size_t setup_message(uint8_t out[512])
{
    struct h225_Setup_UUIE setup = {.protocolIdentifier = {6, arcs}};

    setup.conferenceGoal.kind = h225_Setup_UUIE_conferenceGoal_create;
    setup.callType.kind = h225_CallType_pointToPoint;
    return message(Q931_SETUP, h225_H323_UU_PDU_h323_message_body_setup, &setup, out);
}

static size_t connect_message(uint8_t out[512])
{
    struct h225_Connect_UUIE connect = {.protocolIdentifier = {6, arcs}};

    return message(Q931_CONNECT, h225_H323_UU_PDU_h323_message_body_connect, &connect, out);
}

static const struct h225_InfoRequestResponse_perCallInfo_pdu *expect_pdu(struct gk *g)
{
    const struct h225_InfoRequestResponse *irr = gk_expect(g, h225_RasMessage_infoRequestResponse);

    CU_ASSERT_EQUAL_FATAL(irr->perCallInfo.n, 1);
    CU_ASSERT_TRUE_FATAL(irr->perCallInfo.v[0].has_pdu && irr->perCallInfo.v[0].pdu.n == 1);
    return &irr->perCallInfo.v[0].pdu.v[0];
}

static void admit_with_setup(struct gk *g, const uint8_t *setup, size_t len,
                             struct h225_UUIEsRequested *wanted)
{
    struct ras_admission call = gk_call(3);
    const struct h225_AdmissionRequest *arq;
    struct h225_AdmissionConfirm acf = {.uuiesRequested = wanted};

    call.setup = setup;
    call.setup_len = len;
    CU_ASSERT_EQUAL(ras_admit(g->ras, &call, g->now), 0);
    arq = gk_expect(g, h225_RasMessage_admissionRequest);
    CU_ASSERT_TRUE(arq->willSupplyUUIEs);
    acf.requestSeqNum = arq->requestSeqNum;
    acf.callModel.kind = h225_CallModel_direct;
    acf.destCallSignalAddress = gk_transport(g, "198.18.0.1:1720");
    CU_ASSERT_EQUAL(gk_say(g, h225_RasMessage_admissionConfirm, &acf), 0);
}

static void wanted_messages_are_shown_and_no_others(void)
{
    struct h225_UUIEsRequested wanted = {.setup = true, .connect = true};
    const struct h225_InfoRequestResponse_perCallInfo_pdu *pdu;
    uint8_t octets[512];
    size_t len = setup_message(octets);
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit_with_setup(&g, octets, len, &wanted);
    pdu = expect_pdu(&g); /* the Setup from before the admission */
    CU_ASSERT_EQUAL(pdu->h323pdu.h323_message_body.kind, h225_H323_UU_PDU_h323_message_body_setup);
    CU_ASSERT_FALSE(pdu->sent);
    len = connect_message(octets);
    CU_ASSERT_EQUAL(ras_on_signalling(g.ras, 3, true, octets, len, g.now), 0);
    pdu = expect_pdu(&g);
    CU_ASSERT_EQUAL(pdu->h323pdu.h323_message_body.kind,
                    h225_H323_UU_PDU_h323_message_body_connect);
    CU_ASSERT_TRUE(pdu->sent);
    wanted.connect = false;
    len = message(Q931_FACILITY, h225_H323_UU_PDU_h323_message_body_empty, NULL, octets);
    CU_ASSERT_EQUAL(ras_on_signalling(g.ras, 3, false, octets, len, g.now), 0);
    CU_ASSERT_EQUAL(ras_on_signalling(g.ras, 3, false, octets, 3, g.now), 0); /* cut off */
    CU_ASSERT_EQUAL(ras_on_signalling(g.ras, 4, false, octets, len, g.now), ERR_NOTFOUND);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    gk_fini(&g);
}

static void info_request_may_ask_for_messages_later(void)
{
    struct h225_UUIEsRequested wanted = {.connect = true};
    struct h225_CallIdentifier id = {.guid = {3}};
    struct h225_InfoRequest irq = {
        .requestSeqNum = 5, .callReferenceValue = 103, .callIdentifier = &id};
    uint8_t octets[512];
    size_t len = setup_message(octets);
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    admit_with_setup(&g, octets, len, NULL);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    irq.uuiesRequested = &wanted;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_infoRequest, &irq), 0);
    gk_expect(&g, h225_RasMessage_infoRequestResponse);
    len = connect_message(octets);
    CU_ASSERT_EQUAL(ras_on_signalling(g.ras, 3, true, octets, len, g.now), 0);
    CU_ASSERT_TRUE(expect_pdu(&g)->sent);
    gk_fini(&g);
}

/* ---- times ---- */

static struct h225_RasUsageSpecification wanted_times(void)
{
    struct h225_RasUsageSpecification spec = {.when = {.has_start = true, .has_end = true}};

    spec.required.has_startTime = spec.required.has_endTime = true;
    return spec;
}

static void times_of_a_call_are_told_where_asked(void)
{
    struct h225_RasUsageSpecification spec = wanted_times();
    const struct h225_InfoRequestResponse *irr;
    const struct h225_DisengageRequest *drq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    gk_admit(&g, 3, (struct h225_AdmissionConfirm){.has_usageSpec = true, .usageSpec = {1, &spec}});
    CU_ASSERT_EQUAL(ras_on_progress(g.ras, 3, RAS_PROGRESS_CONNECTED, g.now), 0);
    irr = gk_expect(&g, h225_RasMessage_infoRequestResponse);
    CU_ASSERT_PTR_NOT_NULL_FATAL(irr->perCallInfo.v[0].usageInformation);
    CU_ASSERT_EQUAL(irr->perCallInfo.v[0].usageInformation->connectTime, g.unix_time);
    CU_ASSERT_FALSE(irr->perCallInfo.v[0].usageInformation->has_endTime);
    g.unix_time += 60;
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 3, 16, g.now), 0);
    drq = gk_expect(&g, h225_RasMessage_disengageRequest);
    CU_ASSERT_PTR_NOT_NULL_FATAL(drq->usageInformation);
    CU_ASSERT_EQUAL(drq->usageInformation->connectTime, g.unix_time - 60);
    CU_ASSERT_EQUAL(drq->usageInformation->endTime, g.unix_time);
    gk_fini(&g);
}

static void times_are_not_told_unasked(void)
{
    const struct h225_DisengageRequest *drq;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register(&g);
    gk_admit(&g, 3, (struct h225_AdmissionConfirm){.requestSeqNum = 0});
    CU_ASSERT_EQUAL(ras_on_progress(g.ras, 3, RAS_PROGRESS_CONNECTED, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 3, 16, g.now), 0);
    drq = gk_expect(&g, h225_RasMessage_disengageRequest);
    CU_ASSERT_PTR_NULL(drq->usageInformation);
    gk_fini(&g);
}

/* The gatekeeper ends a call: the times ride in our confirmation (asked for in RCF). */
static void times_ride_in_the_confirmation(void)
{
    struct h225_RasUsageSpecification spec = wanted_times();
    struct h225_CallIdentifier id = {.guid = {3}};
    struct h225_DisengageRequest drq = {
        .requestSeqNum = 9, .callReferenceValue = 103, .callIdentifier = &id};
    const struct h225_DisengageConfirm *dcf;
    struct gk g;

    gk_init(&g, 1, NULL);
    gk_register_with(
        &g, (struct h225_RegistrationConfirm){.has_usageSpec = true, .usageSpec = {1, &spec}});
    gk_admit(&g, 3, (struct h225_AdmissionConfirm){.requestSeqNum = 0});
    drq.endpointIdentifier = gk_text(&g, "ep1");
    drq.disengageReason.kind = h225_DisengageReason_forcedDrop;
    CU_ASSERT_EQUAL(gk_say(&g, h225_RasMessage_disengageRequest, &drq), 0);
    dcf = gk_expect(&g, h225_RasMessage_disengageConfirm);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dcf->usageInformation);
    CU_ASSERT_EQUAL(dcf->usageInformation->endTime, g.unix_time);
    CU_ASSERT_EQUAL(ras_stats(g.ras)->calls_ended, 1);
    gk_fini(&g);
}

/* ---- granted beforehand ---- */

static void register_pregranted(struct gk *g, struct h225_RegistrationConfirm_preGrantedARQ p)
{
    gk_register_with(g, (struct h225_RegistrationConfirm){.preGrantedARQ = &p});
}

static void pregranted_call_is_not_asked_for(void)
{
    struct ras_admission call = gk_call(3);
    struct gk g;

    gk_init(&g, 1, NULL);
    register_pregranted(
        &g, (struct h225_RegistrationConfirm_preGrantedARQ){
                .answerCall = true, .has_irrFrequencyInCall = true, .irrFrequencyInCall = 30});
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(g.seen.admissions, 1);
    CU_ASSERT_EQUAL(g.seen.admitted.err, 0);
    CU_ASSERT_EQUAL(g.seen.admitted.bandwidth, 1280);
    gk_wait(&g, 30000);
    gk_expect(&g, h225_RasMessage_infoRequestResponse);
    CU_ASSERT_EQUAL(ras_disengage(g.ras, 3, 16, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g)); /* it never knew */
    gk_fini(&g);
}

static void pregranted_only_for_calls_through_the_gatekeeper(void)
{
    struct ras_admission call = gk_call(3);
    struct gk g;

    gk_init(&g, 1, NULL);
    register_pregranted(&g, (struct h225_RegistrationConfirm_preGrantedARQ){
                                .answerCall = true, .useGKCallSignalAddressToAnswer = true});
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0); /* from 198.18.0.2 */
    gk_expect(&g, h225_RasMessage_admissionRequest);
    call = gk_call(4);
    call.source_address = g.address;
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_TRUE(g.seen.admitted.is_routed);
    gk_fini(&g);
}

static void pregranted_bandwidth_has_its_limit(void)
{
    struct ras_admission call = gk_call(3);
    struct gk g;

    gk_init(&g, 1, NULL);
    register_pregranted(
        &g, (struct h225_RegistrationConfirm_preGrantedARQ){.answerCall = true,
                                                            .has_totalBandwidthRestriction = true,
                                                            .totalBandwidthRestriction = 2000});
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_EQUAL(ras_set_bandwidth(g.ras, 3, 1800, g.now), 0);
    CU_ASSERT_EQUAL(g.seen.bandwidths, 1);
    CU_ASSERT_EQUAL(g.seen.bandwidth, 1800);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    call = gk_call(4);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    gk_expect(&g, h225_RasMessage_admissionRequest);
    gk_fini(&g);
}

static void pregranted_call_of_ours_needs_an_address(void)
{
    struct ras_admission call = gk_call(3);
    struct gk g;

    gk_init(&g, 1, NULL);
    register_pregranted(&g, (struct h225_RegistrationConfirm_preGrantedARQ){.makeCall = true});
    call.is_answer = false;
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    gk_expect(&g, h225_RasMessage_admissionRequest); /* where is 771234? */
    call = gk_call(4);
    call.is_answer = false;
    CU_ASSERT_EQUAL(addr_parse("198.18.0.9:1720", &call.destination_address), 0);
    CU_ASSERT_EQUAL(ras_admit(g.ras, &call, g.now), 0);
    CU_ASSERT_TRUE(gk_is_quiet(&g));
    CU_ASSERT_TRUE(addr_is_equal(&g.seen.admitted.destination, &call.destination_address));
    gk_fini(&g);
}

SUITE("h225/ras_reports", TEST(report_is_repeated_until_acknowledged),
      TEST(confirmation_may_want_no_acknowledgement),
      TEST(refused_report_of_a_stranger_registers_anew), TEST(many_calls_come_in_segments),
      TEST(without_segments_the_rest_is_missing_and_said_so),
      TEST(wanted_messages_are_shown_and_no_others), TEST(info_request_may_ask_for_messages_later),
      TEST(times_of_a_call_are_told_where_asked), TEST(times_are_not_told_unasked),
      TEST(times_ride_in_the_confirmation), TEST(pregranted_call_is_not_asked_for),
      TEST(pregranted_only_for_calls_through_the_gatekeeper),
      TEST(pregranted_bandwidth_has_its_limit), TEST(pregranted_call_of_ours_needs_an_address))
