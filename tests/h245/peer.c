#include "tests/h245/peer.h"

#include "signalling/per/per.h"

#include <CUnit/CUnit.h>
#include <string.h>

static void on_send(void *arg, const uint8_t *pdu, size_t len)
{
    struct peer *p = arg;

    CU_ASSERT_FATAL(p->queue_len < PEER_QUEUE && len <= PEER_PDU_MAX);
    memcpy(p->queue[p->queue_len].data, pdu, len);
    p->queue[p->queue_len++].len = len;
}

/* A user that gives up in the middle of things. */
static void maybe_destroy(struct peer *p)
{
    if (!p->destroy_in_callback)
        return;
    h245_engine_destroy(p->engine);
    p->engine = NULL;
}

static void on_msd_done(void *arg, bool is_master)
{
    struct peer *p = arg;

    p->seen.msd_done++;
    p->seen.is_master = is_master;
    maybe_destroy(p);
}

static enum h245_tcs_answer on_peer_capabilities(void *arg,
                                                 const struct h245_TerminalCapabilitySet *tcs)
{
    struct peer *p = arg;

    p->seen.tcs++;
    h245_read_tcs(tcs, &p->seen.caps);
    maybe_destroy(p);
    return p->tcs_answer;
}

static void on_acked(void *arg)
{
    struct peer *p = arg;

    p->seen.acked++;
    maybe_destroy(p);
}

static void on_rejected(void *arg)
{
    struct peer *p = arg;

    p->seen.rejected++;
    maybe_destroy(p);
}

static void on_ready(void *arg)
{
    ((struct peer *)arg)->seen.ready++;
}

static void on_wanted(void *arg)
{
    ((struct peer *)arg)->seen.wanted++;
}

static void accept_channel(struct peer *p, uint16_t lcn)
{
    struct h245_channel_ack ack = {.session_id = 1};
    struct h245_OpenLogicalChannelAck *message = NULL;

    ack.media = ack.media_control = addr_from_ip4((const uint8_t[]){192, 0, 2, 7}, 5004);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc_ack(&p->arena, &ack, &message), 0);
    CU_ASSERT_EQUAL(h245_channel_accept(p->engine, lcn, message, p->now), 0);
}

static void on_open_request(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct peer *p = arg;

    p->seen.open_requests++;
    p->seen.lcn = lcn;
    CU_ASSERT_EQUAL(h245_read_olc(olc, &p->seen.olc), 0);
    if (p->destroy_in_callback)
        maybe_destroy(p);
    else if (p->accept)
        accept_channel(p, lcn);
    else if (!p->hold)
        CU_ASSERT_EQUAL(h245_channel_reject(p->engine, lcn, p->reject_cause), 0);
}

static void on_opened(void *arg, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct peer *p = arg;

    p->seen.opened++;
    p->seen.lcn = lcn;
    h245_read_olc_ack(ack, &p->seen.ack);
    maybe_destroy(p);
}

static void on_channel_rejected(void *arg, uint16_t lcn, enum h245_olc_cause cause)
{
    struct peer *p = arg;

    p->seen.channel_rejected++;
    p->seen.lcn = lcn;
    p->seen.cause = cause;
    maybe_destroy(p);
}

static void on_closed(void *arg, uint16_t lcn, enum h245_direction direction, enum h245_closer by)
{
    struct peer *p = arg;

    p->seen.closed++;
    p->seen.lcn = lcn;
    p->seen.direction = direction;
    p->seen.by = by;
    maybe_destroy(p);
}

static bool on_close_request(void *arg, uint16_t lcn)
{
    struct peer *p = arg;

    p->seen.close_requests++;
    p->seen.lcn = lcn;
    maybe_destroy(p);
    return p->allow_close;
}

static void on_round_trip(void *arg, uint32_t ms)
{
    struct peer *p = arg;

    p->seen.round_trips++;
    p->seen.round_trip_ms = ms;
    maybe_destroy(p);
}

static void on_round_trip_lost(void *arg, unsigned in_a_row)
{
    struct peer *p = arg;

    p->seen.lost++;
    p->seen.lost_in_a_row = in_a_row;
    maybe_destroy(p);
}

static void on_user_input(void *arg, const struct h245_user_input *input)
{
    struct peer *p = arg;

    p->seen.user_inputs++;
    p->seen.input = *input;
    p->seen.input.text = NULL; /* gone after the callback */
    strncpy(p->seen.text, input->text, sizeof(p->seen.text) - 1);
    maybe_destroy(p);
}

static void on_misc(void *arg, const struct h245_MiscellaneousCommand *command)
{
    struct peer *p = arg;

    p->seen.misc++;
    p->seen.lcn = command->logicalChannelNumber;
    maybe_destroy(p);
}

static void on_flow(void *arg, const struct h245_FlowControlCommand *command)
{
    (void)command;
    ((struct peer *)arg)->seen.flow++;
}

static void on_end(void *arg)
{
    struct peer *p = arg;

    p->seen.ended++;
    maybe_destroy(p);
}

static void on_failed(void *arg, enum h245_procedure procedure, enum h245_error error, uint16_t lcn)
{
    struct peer *p = arg;

    p->seen.failed++;
    p->seen.procedure = procedure;
    p->seen.error = error;
    p->seen.lcn = lcn;
    maybe_destroy(p);
}

const struct h245_engine_ops peer_ops = {
    .send = on_send,
    .on_msd_done = on_msd_done,
    .on_peer_capabilities = on_peer_capabilities,
    .on_capabilities_acked = on_acked,
    .on_capabilities_rejected = on_rejected,
    .on_ready = on_ready,
    .on_capabilities_wanted = on_wanted,
    .on_channel_open_request = on_open_request,
    .on_channel_opened = on_opened,
    .on_channel_rejected = on_channel_rejected,
    .on_channel_closed = on_closed,
    .on_channel_close_request = on_close_request,
    .on_round_trip = on_round_trip,
    .on_round_trip_lost = on_round_trip_lost,
    .on_user_input = on_user_input,
    .on_misc_command = on_misc,
    .on_flow_control = on_flow,
    .on_end_session = on_end,
    .on_failed = on_failed,
};

static uint32_t next_random(void *arg)
{
    struct peer *p = arg;
    uint32_t value = p->random;

    p->random += p->random_step;
    return value;
}

void peer_init(struct peer *p, const struct h245_engine_config *config, uint32_t random)
{
    peer_init_with(p, config, random, &peer_ops);
}

void peer_init_with(struct peer *p, const struct h245_engine_config *config, uint32_t random,
                    const struct h245_engine_ops *ops)
{
    struct h245_engine_config c = config != NULL ? *config : (struct h245_engine_config){0};

    memset(p, 0, sizeof(*p));
    p->random = random;
    p->accept = p->allow_close = true;
    arena_init(&p->arena, 0, 0);
    c.random = next_random;
    p->engine = h245_engine_create(&c, ops, p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p->engine);
}

void peer_fini(struct peer *p)
{
    h245_engine_destroy(p->engine);
    arena_fini(&p->arena);
}

void peer_lose_all(struct peer *p)
{
    p->queue_len = 0;
}

static bool deliver_one(struct peer *from, struct peer *to)
{
    struct peer_pdu pdu;

    if (from->queue_len == 0)
        return false;
    pdu = from->queue[0];
    from->queue_len--;
    memmove(&from->queue[0], &from->queue[1], from->queue_len * sizeof(from->queue[0]));
    if (to->engine != NULL)
        CU_ASSERT_EQUAL(h245_engine_input(to->engine, pdu.data, pdu.len, to->now), 0);
    return true;
}

void peer_run(struct peer *a, struct peer *b, uint64_t now)
{
    a->now = b->now = now;
    for (int i = 0; i < 1000; i++) {
        bool moved = deliver_one(a, b);

        moved = deliver_one(b, a) || moved;
        if (!moved)
            return;
    }
    CU_FAIL("two engines never come to rest");
}

static uint64_t deadline_of(const struct peer *p)
{
    return p->engine != NULL ? h245_engine_next_deadline(p->engine) : H245_NEVER;
}

void peer_elapse(struct peer *a, struct peer *b, uint64_t until)
{
    for (int i = 0; i < 1000; i++) {
        uint64_t da = deadline_of(a), db = deadline_of(b);
        uint64_t next = da < db ? da : db;

        if (next > until)
            break;
        a->now = b->now = next;
        if (da <= next)
            h245_engine_on_timer(a->engine, next);
        if (db <= next && b->engine != NULL)
            h245_engine_on_timer(b->engine, next);
        peer_run(a, b, next);
    }
    a->now = b->now = until;
}

int peer_feed(struct peer *p, const struct h245_MultimediaSystemControlMessage *pdu)
{
    uint8_t buf[PEER_PDU_MAX];
    size_t len = 0;

    CU_ASSERT_EQUAL_FATAL(
        per_encode(&h245_MultimediaSystemControlMessage_type, pdu, buf, sizeof(buf), &len, NULL),
        0);
    return h245_engine_input(p->engine, buf, len, p->now);
}

int peer_feed_request(struct peer *p, struct h245_RequestMessage *m)
{
    return peer_feed(p, &(struct h245_MultimediaSystemControlMessage){
                            .kind = h245_MultimediaSystemControlMessage_request, .u.request = m});
}

int peer_feed_response(struct peer *p, struct h245_ResponseMessage *m)
{
    return peer_feed(p, &(struct h245_MultimediaSystemControlMessage){
                            .kind = h245_MultimediaSystemControlMessage_response, .u.response = m});
}

int peer_feed_command(struct peer *p, struct h245_CommandMessage *m)
{
    return peer_feed(p, &(struct h245_MultimediaSystemControlMessage){
                            .kind = h245_MultimediaSystemControlMessage_command, .u.command = m});
}

int peer_feed_indication(struct peer *p, struct h245_IndicationMessage *m)
{
    return peer_feed(
        p, &(struct h245_MultimediaSystemControlMessage){
               .kind = h245_MultimediaSystemControlMessage_indication, .u.indication = m});
}

struct h245_MultimediaSystemControlMessage *peer_take(struct peer *p)
{
    struct peer_pdu pdu;
    void *out = NULL;

    if (p->queue_len == 0)
        return NULL;
    pdu = p->queue[0];
    p->queue_len--;
    memmove(&p->queue[0], &p->queue[1], p->queue_len * sizeof(p->queue[0]));
    CU_ASSERT_EQUAL_FATAL(per_decode(&h245_MultimediaSystemControlMessage_type, pdu.data, pdu.len,
                                     NULL, &p->arena, &out, NULL),
                          0);
    return out;
}

int peer_send_caps(struct peer *p)
{
    static const struct h245_audio audio[] = {{H245_CODEC_PCMA, 20, ""}, {H245_CODEC_PCMU, 20, ""}};
    struct h245_caps_offer offer = {.audio = audio,
                                    .audio_count = 2,
                                    .telephone_event_pt = 101,
                                    .user_input = true,
                                    .is_mcu = true};
    struct h245_TerminalCapabilitySet *tcs = NULL;

    CU_ASSERT_EQUAL_FATAL(h245_build_tcs(&p->arena, &offer, &tcs), 0);
    return h245_ces_send(p->engine, tcs, p->now);
}

int peer_open(struct peer *p, uint16_t lcn)
{
    struct h245_channel channel = {.lcn = lcn, .session_id = 1, .audio = {H245_CODEC_PCMA, 20, ""}};
    struct h245_OpenLogicalChannel *olc = NULL;

    channel.media_control = addr_from_ip4((const uint8_t[]){192, 0, 2, 1}, 5001);
    if (lcn == 0)
        CU_ASSERT_EQUAL_FATAL(h245_channel_number(p->engine, &channel.lcn), 0);
    CU_ASSERT_EQUAL_FATAL(h245_build_olc(&p->arena, &channel, &olc), 0);
    return h245_channel_open(p->engine, olc, p->now);
}
