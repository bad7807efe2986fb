/* Every state machine of the signalling: its table is sound, docs/state-machines.md is what the
 * tables say, and every message in every state of a call does what its row says - or, without a
 * row, nothing but to be counted and answered.
 *
 * SLUICE_WRITE_DOCS=1 writes the page anew instead of comparing it. */
#include "signalling/h225/ras_internal.h"
#include "signalling/h245/internal.h"
#include "tests/h225/leg.h"
#include "tests/suite.h"

#include <stdlib.h>

static const struct fsm *const machines[] = {
    &h225_call_fsm,     &h245_msd_fsm,     &h245_ces_out_fsm,     &h245_ces_in_fsm,
    &h245_lcse_out_fsm, &h245_lcse_in_fsm, &h245_blcse_out_fsm,   &h245_blcse_in_fsm,
    &h245_clc_out_fsm,  &h245_rtd_fsm,     &h245_mode_out_fsm,    &h245_mode_in_fsm,
    &h245_loop_out_fsm, &h245_loop_in_fsm, &h245_rate_out_fsm,    &h245_rate_in_fsm,
    &h245_ask_fsm,      &h245_session_fsm, &ras_registration_fsm,
};

static void tables_are_sound(void)
{
    for (size_t m = 0; m < FSM_COUNT(machines); m++) {
        const struct fsm *f = machines[m];

        for (unsigned i = 0; i < f->row_count; i++) {
            const struct fsm_row *r = &f->rows[i];

            CU_ASSERT_TRUE(r->state < f->state_count && r->event < f->event_count);
            CU_ASSERT_TRUE(r->next == FSM_DECIDES || r->next < f->state_count);
            CU_ASSERT_PTR_NOT_NULL(r->text);
            CU_ASSERT_PTR_EQUAL(fsm_find(f, r->state, r->event), r); /* no second row */
        }
        for (unsigned e = 0; e < f->event_count; e++)
            CU_ASSERT_PTR_NOT_NULL(f->events[e]);
    }
}

static void pair_without_row_does_nothing(void)
{
    for (size_t m = 0; m < FSM_COUNT(machines); m++) {
        const struct fsm *f = machines[m];

        for (unsigned s = 0; s < f->state_count; s++) {
            for (unsigned e = 0; e < f->event_count; e++) {
                uint8_t state = (uint8_t)s;

                if (fsm_find(f, s, e) != NULL)
                    continue;
                CU_ASSERT_EQUAL(fsm_run(f, &state, e, NULL, NULL), 0);
                CU_ASSERT_EQUAL(state, s);
            }
        }
    }
}

/* ---- the page ---- */

static void print_machine(FILE *out, const struct fsm *f)
{
    fprintf(out, "\n## %s (%s)\n\n| state | event | next | what happens |\n|---|---|---|---|\n",
            f->name, f->clause);
    for (unsigned i = 0; i < f->row_count; i++) {
        const struct fsm_row *r = &f->rows[i];

        fprintf(out, "| %s | %s | %s | %s |\n", f->states[r->state], f->events[r->event],
                r->next == FSM_DECIDES ? "(see right)" : f->states[r->next], r->text);
    }
}

static char *print_page(size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fprintf(out, "# State machines of the signalling\n\n"
                 "Made from the tables in `signalling/` by `tests/h225/test_machines.c`, which "
                 "fails when this page and the tables\ndiffer (`SLUICE_WRITE_DOCS=1` writes it). "
                 "A message in a state that is not listed is counted; call signalling answers\n"
                 "it with Status (cause 101), H.245 as each procedure of the Recommendation "
                 "says.\n");
    for (size_t m = 0; m < FSM_COUNT(machines); m++)
        print_machine(out, machines[m]);
    fclose(out);
    return text;
}

static void docs_say_what_the_tables_say(void)
{
    size_t len = 0, have;
    char *page = print_page(&len);
    char *file = calloc(1, len + 2);
    FILE *f = fopen(DOCS, getenv("SLUICE_WRITE_DOCS") != NULL ? "w+" : "r");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    if (getenv("SLUICE_WRITE_DOCS") != NULL) {
        CU_ASSERT_EQUAL(fwrite(page, 1, len, f), len);
        rewind(f);
    }
    have = fread(file, 1, len + 1, f);
    CU_ASSERT_EQUAL(have, len);
    CU_ASSERT_EQUAL(memcmp(file, page, len), 0);
    fclose(f);
    free(file);
    free(page);
}

/* ---- every message in every state of a call ---- */

static const struct message {
    uint8_t type;
    enum h225_event event;
    enum h225_H323_UU_PDU_h323_message_body_kind kind;
} messages[] = {
    {Q931_SETUP, H225_ON_SETUP, h225_H323_UU_PDU_h323_message_body_setup},
    {Q931_SETUP_ACK, H225_ON_SETUP_ACK, h225_H323_UU_PDU_h323_message_body_setupAcknowledge},
    {Q931_CALL_PROCEEDING, H225_ON_PROCEEDING, h225_H323_UU_PDU_h323_message_body_callProceeding},
    {Q931_PROGRESS, H225_ON_PROGRESS, h225_H323_UU_PDU_h323_message_body_progress},
    {Q931_ALERTING, H225_ON_ALERTING, h225_H323_UU_PDU_h323_message_body_alerting},
    {Q931_CONNECT, H225_ON_CONNECT, h225_H323_UU_PDU_h323_message_body_connect},
    {Q931_RELEASE_COMPLETE, H225_ON_RELEASE_COMPLETE,
     h225_H323_UU_PDU_h323_message_body_releaseComplete},
    {Q931_FACILITY, H225_ON_FACILITY, h225_H323_UU_PDU_h323_message_body_facility},
    {Q931_INFORMATION, H225_ON_INFORMATION, h225_H323_UU_PDU_h323_message_body_information},
    {Q931_NOTIFY, H225_ON_NOTIFY, h225_H323_UU_PDU_h323_message_body_notify},
    {Q931_STATUS, H225_ON_STATUS, h225_H323_UU_PDU_h323_message_body_status},
    {Q931_STATUS_INQUIRY, H225_ON_STATUS_INQUIRY, h225_H323_UU_PDU_h323_message_body_statusInquiry},
};

/* The first member of every body is the protocol identifier; what else is mandatory is zeroed or
 * set here. */
static void fill_body(const struct message *m, void *body)
{
    static const uint32_t version[] = {0, 0, 8, 2250, 0, 7};

    *(struct per_oid *)body = (struct per_oid){6, version};
    if (m->type == Q931_SETUP) {
        ((struct h225_Setup_UUIE *)body)->conferenceGoal.kind =
            h225_Setup_UUIE_conferenceGoal_create;
        ((struct h225_Setup_UUIE *)body)->callType.kind = h225_CallType_pointToPoint;
    }
    if (m->type == Q931_FACILITY)
        ((struct h225_Facility_UUIE *)body)->reason.kind = h225_FacilityReason_undefinedReason;
}

static int feed(struct leg *l, const struct message *m)
{
    union {
        struct h225_Setup_UUIE setup;
        struct h225_Connect_UUIE connect;
        struct h225_Alerting_UUIE alerting;
        struct h225_Facility_UUIE facility;
        struct h225_ReleaseComplete_UUIE release;
        struct h225_Progress_UUIE progress;
        struct h225_Notify_UUIE notify;
    } body;
    void *pointer = &body;
    struct h225_H323_UserInformation info;
    struct q931_msg msg = {
        .type = m->type, .call_ref = 0x1234, .from_destination = h225_call_is_caller(l->call)};

    memset(&body, 0, sizeof(body));
    memset(&info, 0, sizeof(info));
    fill_body(m, &body);
    info.h323_uu_pdu.h323_message_body.kind = m->kind;
    memcpy(&info.h323_uu_pdu.h323_message_body.u, &pointer, sizeof(pointer));
    return leg_feed(l, &msg, &info);
}

static const struct message *message_of(uint8_t type)
{
    for (size_t i = 0; i < FSM_COUNT(messages); i++)
        if (messages[i].type == type)
            return &messages[i];
    return NULL;
}

/* Brings a fresh call into a state by messages and actions alone. */
static void reach(struct leg *l, enum h225_state state)
{
    static const struct h225_call_config config = {.release_timeout_ms = 1000};

    leg_init(l, &config, 0x1234);
    if (state == H225_STATE_NULL)
        return;
    if (state == H225_STATE_INITIATED || state == H225_STATE_OUT_PROCEEDING ||
        state == H225_STATE_DELIVERED) {
        CU_ASSERT_EQUAL(leg_dial(l), 0);
        if (state == H225_STATE_OUT_PROCEEDING)
            feed(l, message_of(Q931_CALL_PROCEEDING));
        if (state == H225_STATE_DELIVERED)
            feed(l, message_of(Q931_ALERTING));
        return;
    }
    feed(l, message_of(Q931_SETUP));
    if (state == H225_STATE_IN_PROCEEDING)
        h225_call_proceeding(l->call, 0);
    if (state == H225_STATE_RECEIVED)
        h225_call_alerting(l->call, 0);
    if (state == H225_STATE_ACTIVE)
        h225_call_connect(l->call, &l->listen, 0);
    if (state == H225_STATE_RELEASING || state == H225_STATE_RELEASED)
        h225_call_release(l->call, H225_REASON_NORMAL, 0);
    if (state == H225_STATE_RELEASED)
        h225_call_on_timer(l->call, 1000);
}

static void check_pair(enum h225_state state, const struct message *m)
{
    struct leg l;
    const struct fsm_row *row = fsm_find(&h225_call_fsm, state, m->event);
    bool answers = state != H225_STATE_NULL && state != H225_STATE_RELEASING &&
                   state != H225_STATE_RELEASED && m->type != Q931_STATUS;
    struct q931_msg status;

    reach(&l, state);
    CU_ASSERT_EQUAL(h225_call_state(l.call), state);
    l.queue_len = 0;
    if (row != NULL) {
        CU_ASSERT_EQUAL(feed(&l, m), 0);
        if (row->next != FSM_DECIDES)
            CU_ASSERT_EQUAL(h225_call_state(l.call), row->next);
        CU_ASSERT_EQUAL(h225_call_stats(l.call)->unexpected, 0);
    } else {
        CU_ASSERT_EQUAL(feed(&l, m), ERR_STATE);
        CU_ASSERT_EQUAL(h225_call_state(l.call), state);
        CU_ASSERT_EQUAL(h225_call_stats(l.call)->unexpected, 1);
        CU_ASSERT_EQUAL(l.queue_len, answers ? 1 : 0);
        if (answers && leg_take(&l, &status) != NULL)
            CU_ASSERT_EQUAL(q931_cause_of(&status), Q931_CAUSE_WRONG_STATE);
    }
    CU_ASSERT_EQUAL(l.seen.released, h225_call_state(l.call) == H225_STATE_RELEASED);
    leg_fini(&l);
}

static void every_message_in_every_state_follows_its_row(void)
{
    for (unsigned state = 0; state < H225_STATE_COUNT; state++)
        for (size_t i = 0; i < FSM_COUNT(messages); i++)
            check_pair((enum h225_state)state, &messages[i]);
}

static void every_action_in_every_state_follows_its_row(void)
{
    for (unsigned state = 0; state < H225_STATE_COUNT; state++) {
        for (unsigned event = H225_DO_PROCEEDING; event < H225_EVENT_COUNT; event++) {
            const struct fsm_row *row = fsm_find(&h225_call_fsm, state, event);
            struct leg l;
            int err = row != NULL ? 0 : ERR_STATE;

            reach(&l, (enum h225_state)state);
            if (event == H225_DO_PROCEEDING)
                CU_ASSERT_EQUAL(h225_call_proceeding(l.call, 0), err);
            if (event == H225_DO_ALERTING)
                CU_ASSERT_EQUAL(h225_call_alerting(l.call, 0), err);
            if (event == H225_DO_CONNECT)
                CU_ASSERT_EQUAL(h225_call_connect(l.call, NULL, 0), err);
            if (event == H225_DO_RELEASE)
                CU_ASSERT_EQUAL(h225_call_release(l.call, H225_REASON_BUSY, 0), err);
            if (event == H225_ON_TIMER)
                h225_call_on_timer(l.call, 1000000000);
            if (event == H225_ON_LOST)
                h225_call_lost(l.call, 0);
            if (row == NULL || state == H225_STATE_NULL)
                CU_ASSERT_EQUAL(h225_call_state(l.call), row == NULL ? state : row->next);
            CU_ASSERT_EQUAL(l.seen.released, h225_call_state(l.call) == H225_STATE_RELEASED);
            leg_fini(&l);
        }
    }
}

SUITE("h225/machines", TEST(tables_are_sound), TEST(pair_without_row_does_nothing),
      TEST(docs_say_what_the_tables_say), TEST(every_message_in_every_state_follows_its_row),
      TEST(every_action_in_every_state_follows_its_row))
