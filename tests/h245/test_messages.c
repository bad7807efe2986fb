/* Every kind of H.245 message there is, from the codec's vectors, into the engine: requests and
 * commands are answered as H.245 says, nothing is fatal. And what the codec refuses. */
#include "base/err.h"
#include "signalling/per/per.h"
#include "tests/h245/peer.h"
#include "tests/suite.h"

#include <stdlib.h>

#define HEX_MAX 65536

static struct peer p;

/* One vector a line: {"type":..., "value":..., "hex":"..."} */
static size_t hex_of(const char *line, uint8_t *out, size_t cap)
{
    const char *hex = strstr(line, "\"hex\"");
    size_t n = 0;
    unsigned octet;

    if (hex == NULL)
        return 0;
    hex += 5;
    hex += strspn(hex, ": \"");
    while (n < cap && sscanf(hex + 2 * n, "%2x", &octet) == 1)
        out[n++] = (uint8_t)octet;
    return n;
}

static void for_each_vector(void (*run)(const uint8_t *pdu, size_t len))
{
    FILE *f = fopen(VECTORS, "r");
    char *line = NULL;
    size_t cap = 0, count = 0;
    uint8_t *pdu = malloc(HEX_MAX);

    CU_ASSERT_FATAL(f != NULL && pdu != NULL);
    while (getline(&line, &cap, f) > 0) {
        size_t len = hex_of(line, pdu, HEX_MAX);

        if (len > 0 && len < PEER_PDU_MAX) {
            run(pdu, len);
            count++;
        }
    }
    CU_ASSERT_TRUE(count > 100);
    free(pdu);
    free(line);
    fclose(f);
}

/* What the last message was answered with. */
static const struct h245_MultimediaSystemControlMessage *last_answer(void)
{
    const struct h245_MultimediaSystemControlMessage *last = NULL, *m;

    while ((m = peer_take(&p)) != NULL)
        last = m;
    return last;
}

static bool is_indication(const struct h245_MultimediaSystemControlMessage *m,
                          enum h245_IndicationMessage_kind kind)
{
    return m != NULL && m->kind == h245_MultimediaSystemControlMessage_indication &&
           m->u.indication->kind == kind;
}

static enum h245_MultimediaSystemControlMessage_kind class_of(const uint8_t *pdu, size_t len,
                                                              unsigned *kind)
{
    void *out = NULL;
    const struct h245_MultimediaSystemControlMessage *m;

    CU_ASSERT_EQUAL_FATAL(
        per_decode(&h245_MultimediaSystemControlMessage_type, pdu, len, NULL, &p.arena, &out, NULL),
        0);
    m = out;
    if (m->kind == h245_MultimediaSystemControlMessage_request)
        *kind = (unsigned)m->u.request->kind;
    if (m->kind == h245_MultimediaSystemControlMessage_command)
        *kind = (unsigned)m->u.command->kind;
    return m->kind;
}

static void answer_one(const uint8_t *pdu, size_t len)
{
    enum h245_MultimediaSystemControlMessage_kind class;
    unsigned kind = 0;

    peer_init(&p, NULL, 1);
    p.accept = false;
    p.hold = true; /* random OLCs cannot all be read as channels of ours */
    class = class_of(pdu, len, &kind);
    if (class == h245_MultimediaSystemControlMessage_request &&
        kind == h245_RequestMessage_openLogicalChannel) {
        peer_fini(&p); /* test_engine's business */
        return;
    }
    CU_ASSERT_EQUAL(h245_engine_input(p.engine, pdu, len, 0), 0);
    if (class == h245_MultimediaSystemControlMessage_request)
        CU_ASSERT_PTR_NOT_NULL(last_answer());
    if (class == h245_MultimediaSystemControlMessage_command &&
        kind == h245_CommandMessage_nonStandard)
        CU_ASSERT_TRUE(is_indication(last_answer(), h245_IndicationMessage_functionNotUnderstood));
    if (class == h245_MultimediaSystemControlMessage_command &&
        kind == h245_CommandMessage_conferenceCommand)
        CU_ASSERT_TRUE(is_indication(last_answer(), h245_IndicationMessage_functionNotSupported));
    if (class == h245_MultimediaSystemControlMessage_indication)
        CU_ASSERT_EQUAL(p.queue_len, 0); /* nobody answers an indication: no ping-pong */
    peer_fini(&p);
}

static void every_request_is_answered_and_no_indication(void)
{
    for_each_vector(answer_one);
}

static void after_end_one(const uint8_t *pdu, size_t len)
{
    peer_init(&p, NULL, 1);
    CU_ASSERT_EQUAL(h245_end_session(p.engine, 0), 0);
    peer_lose_all(&p);
    CU_ASSERT_EQUAL(h245_engine_input(p.engine, pdu, len, 0), 0);
    CU_ASSERT_EQUAL(p.queue_len, 0);
    CU_ASSERT_EQUAL(p.seen.open_requests + p.seen.tcs, 0);
    peer_fini(&p);
}

static void nothing_is_answered_after_end_session(void)
{
    for_each_vector(after_end_one);
}

static void message_cut_at_every_octet_is_refused_and_answered(void)
{
    struct peer_pdu tcs;

    peer_init(&p, NULL, 1);
    CU_ASSERT_EQUAL(peer_send_caps(&p), 0);
    tcs = p.queue[0];
    peer_fini(&p);
    for (size_t len = 0; len < tcs.len; len++) {
        uint8_t *copy = malloc(len + 1); /* a sanitizer sees a read behind it */
        const struct h245_MultimediaSystemControlMessage *answer;

        peer_init(&p, NULL, 1);
        memcpy(copy, tcs.data, len);
        CU_ASSERT_NOT_EQUAL(h245_engine_input(p.engine, copy, len, 0), 0);
        CU_ASSERT_EQUAL(p.seen.tcs, 0);
        CU_ASSERT_EQUAL(h245_engine_stats(p.engine)->undecodable, 1);
        answer = last_answer();
        CU_ASSERT_TRUE(is_indication(answer, h245_IndicationMessage_functionNotSupported));
        if (answer != NULL)
            CU_ASSERT_EQUAL(answer->u.indication->u.functionNotSupported->cause.kind,
                            h245_FunctionNotSupported_cause_syntaxError);
        CU_ASSERT_EQUAL(h245_engine_input(p.engine, tcs.data, tcs.len, 0), 0); /* lives on */
        CU_ASSERT_EQUAL(p.seen.tcs, 1);
        free(copy);
        peer_fini(&p);
    }
}

static void message_above_memory_limit_is_refused(void)
{
    struct h245_engine_config config = {.memory_limit = 512};
    struct peer_pdu tcs;

    peer_init(&p, NULL, 1);
    CU_ASSERT_EQUAL(peer_send_caps(&p), 0);
    tcs = p.queue[0];
    peer_fini(&p);
    peer_init(&p, &config, 1);
    CU_ASSERT_EQUAL(h245_engine_input(p.engine, tcs.data, tcs.len, 0), ERR_LIMIT);
    CU_ASSERT_EQUAL(p.seen.tcs, 0);
    peer_fini(&p);
}

static void request_of_later_version_is_not_understood(void)
{
    static uint8_t contents[] = {1, 2, 3};
    struct per_unknown unknown = {.index = 20, .data = {3, contents}};
    struct h245_RequestMessage m = {.kind = h245_RequestMessage_UNKNOWN, .u.unknown_ = &unknown};
    const struct h245_MultimediaSystemControlMessage *answer;
    const struct h245_FunctionNotUnderstood *f;

    peer_init(&p, NULL, 1);
    CU_ASSERT_EQUAL(peer_feed_request(&p, &m), 0);
    answer = last_answer();
    CU_ASSERT_TRUE_FATAL(is_indication(answer, h245_IndicationMessage_functionNotUnderstood));
    f = answer->u.indication->u.functionNotUnderstood;
    CU_ASSERT_EQUAL(f->kind, h245_FunctionNotUnderstood_request);
    CU_ASSERT_EQUAL(f->u.request->kind, h245_RequestMessage_UNKNOWN);
    CU_ASSERT_EQUAL(f->u.request->u.unknown_->index, 20);
    CU_ASSERT_EQUAL(h245_engine_stats(p.engine)->unknown, 1);
    peer_fini(&p);
}

static void our_request_not_known_to_peer_is_told(void)
{
    struct h245_RoundTripDelayRequest rtd = {.sequenceNumber = 1};
    struct h245_RequestMessage request = {.kind = h245_RequestMessage_roundTripDelayRequest,
                                          .u.roundTripDelayRequest = &rtd};
    struct h245_FunctionNotUnderstood f = {.kind = h245_FunctionNotUnderstood_request,
                                           .u.request = &request};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_functionNotUnderstood,
                                       .u.functionNotUnderstood = &f};

    peer_init(&p, NULL, 1);
    CU_ASSERT_EQUAL(peer_feed_indication(&p, &m), 0); /* we have not asked yet */
    CU_ASSERT_EQUAL(p.seen.failed, 0);
    CU_ASSERT_EQUAL(h245_engine_stats(p.engine)->unexpected, 1);
    CU_ASSERT_EQUAL(h245_rtd_start(p.engine, 0), 0);
    CU_ASSERT_EQUAL(peer_feed_indication(&p, &m), 0);
    CU_ASSERT_EQUAL(p.seen.failed, 1);
    CU_ASSERT_EQUAL(p.seen.procedure, H245_PROC_RTD);
    CU_ASSERT_EQUAL(p.seen.error, H245_ERROR_REFUSED);
    CU_ASSERT_EQUAL(h245_engine_next_deadline(p.engine), H245_NEVER); /* nothing is awaited */
    peer_fini(&p);
}

static void capabilities_wanted_becomes_an_event(void)
{
    struct h245_SendTerminalCapabilitySet send = {
        .kind = h245_SendTerminalCapabilitySet_genericRequest};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_sendTerminalCapabilitySet,
                                    .u.sendTerminalCapabilitySet = &send};

    peer_init(&p, NULL, 1);
    CU_ASSERT_EQUAL(peer_feed_command(&p, &m), 0);
    CU_ASSERT_EQUAL(p.seen.wanted, 1);
    peer_fini(&p);
}

SUITE("h245/messages", TEST(every_request_is_answered_and_no_indication),
      TEST(nothing_is_answered_after_end_session),
      TEST(message_cut_at_every_octet_is_refused_and_answered),
      TEST(message_above_memory_limit_is_refused), TEST(request_of_later_version_is_not_understood),
      TEST(our_request_not_known_to_peer_is_told), TEST(capabilities_wanted_becomes_an_event))
