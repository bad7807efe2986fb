/* A conference of H.245 engines without sessions: numbers, lists, chair, dropping, and the token of
 * H.239 with everybody who can be in its way. */
#include "server/conference/h243.h"

#include "base/err.h"
#include "signalling/h245/h239.h"
#include "tests/h245/peer.h"
#include "tests/suite.h"

#define MEMBERS 3

/* One seat: the conference's end (`mc`) and the terminal's (`t`) of an H.245 session. */
static struct seat {
    struct peer mc, t;
    struct h243_member *member;
    int index;
    /* what the terminal heard */
    struct h245_TerminalLabel own;
    int joined, left, floor;
    uint8_t about; /* terminal of the last joined, left, floor */
    int responses;
    unsigned response; /* its kind */
    bool is_chair_granted;
    uint32_t list_size;
    char name[16];
    struct h239_message h239; /* last */
    int h239_requests, h239_answers, h239_owners, h239_refused;
    bool gives_way; /* answers a token request with yes */
    bool is_mute;   /* does not answer one at all */
    /* what the conference's user heard */
    int dropped, chair, presenter;
} seats[MEMBERS];

static struct h243 *conference;
static struct h245_engine_ops mc_ops, terminal_ops;

static const char *name_of(void *user)
{
    static const char *const names[MEMBERS] = {"anna", "bert", "carl"};
    const struct seat *s = user;

    return names[s->index];
}

static void leave(struct seat *s)
{
    h243_leave(s->member);
    s->member = NULL;
}

static void on_drop(void *user, bool is_self)
{
    struct seat *s = user;

    (void)is_self;
    s->dropped++;
    leave(s);
}

static void on_touched(void *user)
{
    CU_ASSERT_PTR_NOT_NULL(user);
}

static void on_changed(void *user, const char *what, bool is_owner)
{
    struct seat *s = user;

    if (strcmp(what, "chair") == 0)
        s->chair += is_owner ? 1 : -1;
    else
        s->presenter += is_owner ? 1 : -1;
}

static const struct h243_ops h243_ops = {
    .name = name_of, .drop = on_drop, .touched = on_touched, .changed = on_changed};

/* ---- the conference's engines: what server/session/session_control.c does ---- */

static struct seat *seat_of(struct peer *mc)
{
    for (int i = 0; i < MEMBERS; i++)
        if (mc == &seats[i].mc)
            return &seats[i];
    return NULL;
}

static bool mc_on_request(void *arg, const struct h245_ConferenceRequest *request)
{
    struct seat *s = seat_of(arg);

    return s->member != NULL && h243_on_request(s->member, request);
}

static bool mc_on_command(void *arg, const struct h245_ConferenceCommand *command)
{
    struct seat *s = seat_of(arg);

    return s->member != NULL && h243_on_command(s->member, command);
}

static void mc_on_indication(void *arg, const struct h245_IndicationMessage *m)
{
    struct seat *s = seat_of(arg);

    if (s->member != NULL && m->kind == h245_IndicationMessage_conferenceIndication)
        h243_on_indication(s->member, m->u.conferenceIndication);
}

static bool mc_on_generic(void *arg, enum h245_generic_class class,
                          const struct h245_GenericMessage *message)
{
    struct seat *s = seat_of(arg);

    if (s->member == NULL)
        return false;
    if (class == H245_GENERIC_REQUEST)
        return h243_on_generic_request(s->member, message, s->mc.now);
    return class == H245_GENERIC_RESPONSE ? h243_on_generic_response(s->member, message)
                                          : h243_on_generic_command(s->member, message);
}

static void mc_on_failed(void *arg, enum h245_procedure procedure, enum h245_error error,
                         uint16_t lcn)
{
    struct seat *s = seat_of(arg);

    (void)error;
    (void)lcn;
    if (s->member != NULL && procedure == H245_PROC_GENERIC)
        h243_on_generic_failed(s->member);
}

/* ---- the terminals ---- */

static struct seat *terminal(struct peer *t)
{
    for (int i = 0; i < MEMBERS; i++)
        if (t == &seats[i].t)
            return &seats[i];
    return NULL;
}

static void t_on_indication(void *arg, const struct h245_IndicationMessage *m)
{
    struct seat *s = terminal(arg);
    const struct h245_ConferenceIndication *c = m->u.conferenceIndication;

    CU_ASSERT_EQUAL_FATAL(m->kind, h245_IndicationMessage_conferenceIndication);
    switch (c->kind) {
    case h245_ConferenceIndication_terminalNumberAssign:
        s->own = *c->u.terminalNumberAssign;
        return;
    case h245_ConferenceIndication_terminalJoinedConference:
        s->joined++;
        break;
    case h245_ConferenceIndication_terminalLeftConference:
        s->left++;
        break;
    case h245_ConferenceIndication_floorRequested:
        s->floor++;
        break;
    default:
        CU_FAIL("an indication that nobody sends");
        return;
    }
    s->about = c->u.terminalNumberAssign->terminalNumber;
}

static void keep_name(struct seat *s, const struct per_octets *id)
{
    size_t n = id->len < sizeof(s->name) - 1 ? id->len : sizeof(s->name) - 1;

    memcpy(s->name, id->p, n);
    s->name[n] = '\0';
}

static void t_on_response(void *arg, const struct h245_ConferenceResponse *r)
{
    struct seat *s = terminal(arg);

    s->responses++;
    s->response = r->kind;
    if (r->kind == h245_ConferenceResponse_makeMeChairResponse)
        s->is_chair_granted = r->u.makeMeChairResponse->kind ==
                              h245_ConferenceResponse_makeMeChairResponse_grantedChairToken;
    if (r->kind == h245_ConferenceResponse_terminalListResponse)
        s->list_size = r->u.terminalListResponse.n;
    if (r->kind == h245_ConferenceResponse_mCTerminalIDResponse)
        keep_name(s, &r->u.mCTerminalIDResponse->terminalID);
    if (r->kind == h245_ConferenceResponse_chairTokenOwnerResponse) {
        keep_name(s, &r->u.chairTokenOwnerResponse->terminalID);
        s->about = r->u.chairTokenOwnerResponse->terminalLabel.terminalNumber;
    }
    if (r->kind == h245_ConferenceResponse_requestAllTerminalIDsResponse)
        s->list_size = r->u.requestAllTerminalIDsResponse->terminalInformation.n;
}

static bool t_on_generic(void *arg, enum h245_generic_class class,
                         const struct h245_GenericMessage *message)
{
    struct seat *s = terminal(arg);
    struct h239_message answer = {.kind = H239_TOKEN_RESPONSE, .is_ack = s->gives_way};

    (void)class;
    CU_ASSERT_EQUAL(h239_read(message, &s->h239), 0);
    if (s->h239.kind == H239_TOKEN_REQUEST) {
        s->h239_requests++;
        if (!s->is_mute)
            CU_ASSERT_EQUAL(h239_send(s->t.engine, &s->t.arena, &answer, 0), 0);
    } else if (s->h239.kind == H239_TOKEN_OWNER) {
        s->h239_owners++;
    } else {
        s->h239_answers++;
    }
    return true;
}

/* ---- the room ---- */

static void run_all(void)
{
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < MEMBERS; i++)
            peer_run(&seats[i].mc, &seats[i].t, 0);
}

static void sit_down(int i)
{
    struct seat *s = &seats[i];

    s->index = i;
    peer_init_with(&s->mc, NULL, 1, &mc_ops);
    peer_init_with(&s->t, NULL, 2, &terminal_ops);
    s->member = h243_add(conference, s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->member);
}

static void start(void)
{
    memset(seats, 0, sizeof(seats));
    mc_ops = terminal_ops = peer_ops;
    mc_ops.on_conference_request = mc_on_request;
    mc_ops.on_conference_command = mc_on_command;
    mc_ops.on_indication = mc_on_indication;
    mc_ops.on_generic = mc_on_generic;
    mc_ops.on_failed = mc_on_failed;
    terminal_ops.on_indication = t_on_indication;
    terminal_ops.on_conference_response = t_on_response;
    terminal_ops.on_generic = t_on_generic;
    CU_ASSERT_EQUAL_FATAL(h243_create(&h243_ops, false, &conference), 0);
    for (int i = 0; i < MEMBERS; i++)
        sit_down(i);
}

static void start_entered(void)
{
    start();
    for (int i = 0; i < MEMBERS; i++) {
        h243_enter(seats[i].member, seats[i].mc.engine);
        h243_set_h239(seats[i].member, true);
    }
    run_all();
}

static void stop(void)
{
    h243_destroy(conference);
    for (int i = 0; i < MEMBERS; i++) {
        peer_fini(&seats[i].mc);
        peer_fini(&seats[i].t);
    }
}

static void ask(int i, enum h245_ConferenceRequest_kind kind, uint8_t mcu, uint8_t number)
{
    struct h245_TerminalLabel label = {.mcuNumber = mcu, .terminalNumber = number};
    struct h245_ConferenceRequest r = {.kind = kind};

    if (kind == h245_ConferenceRequest_dropTerminal ||
        kind == h245_ConferenceRequest_requestTerminalID)
        r.u.dropTerminal = &label; /* the same place in the union */
    seats[i].responses = 0;
    CU_ASSERT_EQUAL(h245_conference_request(seats[i].t.engine, &r, 0), 0);
    run_all();
}

static void say(int i, struct h239_message message)
{
    CU_ASSERT_EQUAL(h239_send(seats[i].t.engine, &seats[i].t.arena, &message, 0), 0);
    run_all();
}

/* ---- numbers and lists ---- */

static void members_learn_numbers_and_of_each_other(void)
{
    start();
    h243_enter(seats[0].member, seats[0].mc.engine);
    run_all();
    CU_ASSERT_EQUAL(seats[0].own.mcuNumber, H243_MCU_NUMBER);
    CU_ASSERT_EQUAL(seats[0].own.terminalNumber, 1);
    CU_ASSERT_EQUAL(seats[0].joined, 0);
    h243_enter(seats[1].member, seats[1].mc.engine);
    h243_enter(seats[1].member, seats[1].mc.engine); /* again: nothing new */
    run_all();
    CU_ASSERT_EQUAL(seats[0].joined, 1);
    CU_ASSERT_EQUAL(seats[0].about, 2);
    CU_ASSERT_EQUAL(seats[1].joined, 0);
    ask(0, h245_ConferenceRequest_terminalListRequest, 0, 0);
    CU_ASSERT_EQUAL(seats[0].list_size, 2); /* the third has not entered */
    leave(&seats[1]);
    run_all();
    CU_ASSERT_EQUAL(seats[0].left, 1);
    CU_ASSERT_EQUAL(seats[0].about, 2);
    CU_ASSERT_EQUAL(seats[2].left, 0);
    seats[1].member = h243_add(conference, &seats[1]);
    CU_ASSERT_EQUAL(h243_number(seats[1].member), 2); /* the number is free again */
    stop();
}

static void numbers_end_at_192(void)
{
    struct h243_member *last = NULL;

    start();
    for (int i = MEMBERS; i < H243_MEMBERS_MAX; i++)
        last = h243_add(conference, &seats[0]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    CU_ASSERT_EQUAL(h243_number(last), 192);
    CU_ASSERT_PTR_NULL(h243_add(conference, &seats[0]));
    stop();
}

static void names_are_told_of_one_and_of_all(void)
{
    start_entered();
    ask(0, h245_ConferenceRequest_requestTerminalID, 1, 2);
    CU_ASSERT_EQUAL(seats[0].response, h245_ConferenceResponse_mCTerminalIDResponse);
    CU_ASSERT_STRING_EQUAL(seats[0].name, "bert");
    ask(0, h245_ConferenceRequest_requestTerminalID, 1, 9);
    CU_ASSERT_EQUAL(seats[0].responses, 0);
    CU_ASSERT_EQUAL(seats[0].t.seen.error, H245_ERROR_REFUSED);
    ask(0, h245_ConferenceRequest_requestAllTerminalIDs, 0, 0);
    CU_ASSERT_EQUAL(seats[0].list_size, 3);
    ask(0, h245_ConferenceRequest_enterH243Password, 0, 0); /* the MC's to ask */
    CU_ASSERT_EQUAL(seats[0].responses, 0);
    stop();
}

/* ---- chair ---- */

static void chair_is_one_at_a_time(void)
{
    start_entered();
    ask(0, h245_ConferenceRequest_requestChairTokenOwner, 0, 0);
    CU_ASSERT_EQUAL(seats[0].about, 0);
    CU_ASSERT_STRING_EQUAL(seats[0].name, "none");
    ask(0, h245_ConferenceRequest_makeMeChair, 0, 0);
    CU_ASSERT_TRUE(seats[0].is_chair_granted);
    CU_ASSERT_TRUE(h243_is_chair(seats[0].member));
    ask(1, h245_ConferenceRequest_makeMeChair, 0, 0);
    CU_ASSERT_EQUAL(seats[1].response, h245_ConferenceResponse_makeMeChairResponse);
    CU_ASSERT_FALSE(seats[1].is_chair_granted);
    ask(0, h245_ConferenceRequest_makeMeChair, 0, 0); /* has it already */
    CU_ASSERT_TRUE(seats[0].is_chair_granted);
    ask(2, h245_ConferenceRequest_requestChairTokenOwner, 0, 0);
    CU_ASSERT_EQUAL(seats[2].about, 1);
    CU_ASSERT_STRING_EQUAL(seats[2].name, "anna");
    ask(1, h245_ConferenceRequest_cancelMakeMeChair, 0, 0); /* not his to give */
    CU_ASSERT_TRUE(h243_is_chair(seats[0].member));
    ask(0, h245_ConferenceRequest_cancelMakeMeChair, 0, 0);
    CU_ASSERT_EQUAL(seats[0].chair, 0);
    ask(1, h245_ConferenceRequest_makeMeChair, 0, 0);
    CU_ASSERT_TRUE(seats[1].is_chair_granted);
    leave(&seats[1]);
    ask(2, h245_ConferenceRequest_makeMeChair, 0, 0); /* free with who had it */
    CU_ASSERT_TRUE(seats[2].is_chair_granted);
    stop();
}

static void drop_is_for_the_chair_and_for_who_is_there(void)
{
    start_entered();
    ask(0, h245_ConferenceRequest_dropTerminal, 1, 2);
    CU_ASSERT_EQUAL(seats[0].response, h245_ConferenceResponse_terminalDropReject);
    CU_ASSERT_EQUAL(seats[1].dropped, 0);
    ask(0, h245_ConferenceRequest_makeMeChair, 0, 0);
    ask(0, h245_ConferenceRequest_dropTerminal, 1, 9);
    CU_ASSERT_EQUAL(seats[0].response, h245_ConferenceResponse_terminalDropReject);
    ask(0, h245_ConferenceRequest_dropTerminal, 2, 2); /* another MCU's */
    CU_ASSERT_EQUAL(seats[0].response, h245_ConferenceResponse_terminalDropReject);
    ask(0, h245_ConferenceRequest_dropTerminal, 1, 2);
    CU_ASSERT_EQUAL(seats[0].responses, 0);
    CU_ASSERT_EQUAL(seats[1].dropped, 1);
    CU_ASSERT_EQUAL(seats[0].left, 1);
    CU_ASSERT_EQUAL(seats[2].left, 1);
    ask(0, h245_ConferenceRequest_dropTerminal, 1, 1); /* itself */
    CU_ASSERT_EQUAL(seats[0].dropped, 1);
    stop();
}

static void conference_is_dropped_by_the_chair_alone(void)
{
    struct h245_ConferenceCommand command = {.kind = h245_ConferenceCommand_dropConference};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_conferenceCommand,
                                    .u.conferenceCommand = &command};

    start_entered();
    CU_ASSERT_EQUAL(h245_send_command(seats[1].t.engine, &m), 0);
    run_all();
    CU_ASSERT_EQUAL(h245_engine_stats(seats[1].mc.engine)->refused[H245_REFUSED_CONFERENCE], 1);
    ask(1, h245_ConferenceRequest_makeMeChair, 0, 0);
    CU_ASSERT_EQUAL(h245_send_command(seats[1].t.engine, &m), 0);
    run_all();
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT_EQUAL(seats[i].dropped, 1);
    stop();
}

static void floor_is_asked_of_the_chair(void)
{
    struct h245_ConferenceIndication body = {.kind = h245_ConferenceIndication_requestForFloor};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_conferenceIndication,
                                       .u.conferenceIndication = &body};

    start_entered();
    CU_ASSERT_EQUAL(h245_send_indication(seats[1].t.engine, &m), 0);
    run_all();
    CU_ASSERT_EQUAL(seats[0].floor + seats[1].floor + seats[2].floor, 0);
    ask(0, h245_ConferenceRequest_makeMeChair, 0, 0);
    CU_ASSERT_EQUAL(h245_send_indication(seats[1].t.engine, &m), 0);
    CU_ASSERT_EQUAL(h245_send_indication(seats[0].t.engine, &m), 0); /* the chair himself */
    run_all();
    CU_ASSERT_EQUAL(seats[0].floor, 1);
    CU_ASSERT_EQUAL(seats[0].about, 2);
    stop();
}

/* ---- presentation token ---- */

static const struct h239_message request = {
    .kind = H239_TOKEN_REQUEST, .channel = 7, .symmetry = 55};

static void token_goes_to_the_first_and_others_are_told(void)
{
    start_entered();
    h243_set_h239(seats[2].member, false);
    say(0, request);
    CU_ASSERT_EQUAL(seats[0].h239.kind, H239_TOKEN_RESPONSE);
    CU_ASSERT_TRUE(seats[0].h239.is_ack);
    CU_ASSERT_EQUAL(seats[0].h239.terminal, 1);
    CU_ASSERT_EQUAL(seats[0].h239.channel, 7);
    CU_ASSERT_EQUAL(seats[0].presenter, 1);
    CU_ASSERT_EQUAL(seats[1].h239_owners, 1);
    CU_ASSERT_EQUAL(seats[1].h239.terminal, 1);
    CU_ASSERT_EQUAL(seats[2].h239_owners, 0); /* knows no H.239 */
    say(0, request);                          /* once more */
    CU_ASSERT_EQUAL(seats[0].h239_answers, 2);
    CU_ASSERT_EQUAL(seats[0].presenter, 1);
    say(0, (struct h239_message){.kind = H239_TOKEN_RELEASE, .channel = 7});
    CU_ASSERT_EQUAL(seats[0].presenter, 0);
    CU_ASSERT_FALSE(h243_is_presenter(seats[0].member));
    stop();
}

static void token_changes_hands_if_the_owner_gives_way(void)
{
    for (int yes = 0; yes < 2; yes++) {
        start_entered();
        seats[0].gives_way = yes == 1;
        say(0, request);
        say(1, request);
        CU_ASSERT_EQUAL(seats[0].h239_requests, 1);
        CU_ASSERT_EQUAL(seats[1].h239_answers, 1);
        CU_ASSERT_EQUAL(seats[1].presenter, yes);
        CU_ASSERT_EQUAL(seats[0].presenter, 1 - yes);
        CU_ASSERT_EQUAL(h243_is_presenter(seats[1].member), yes == 1);
        stop();
    }
}

static void token_asked_for_by_a_third_meanwhile_is_denied(void)
{
    start_entered();
    seats[0].is_mute = true;
    say(0, request);
    say(1, request);
    CU_ASSERT_EQUAL(seats[1].h239_answers, 0); /* the owner is being asked */
    say(2, request);
    CU_ASSERT_EQUAL(seats[2].h239_answers, 1);
    CU_ASSERT_FALSE(seats[2].h239.is_ack);
    /* the owner never answers: no */
    h245_engine_on_timer(seats[0].mc.engine, 10000);
    run_all();
    CU_ASSERT_EQUAL(seats[1].h239_answers, 1);
    CU_ASSERT_FALSE(seats[1].h239.is_ack);
    CU_ASSERT_TRUE(h243_is_presenter(seats[0].member));
    stop();
}

static void token_of_a_leaving_owner_goes_to_who_asked(void)
{
    start_entered();
    seats[0].is_mute = true;
    say(0, request);
    say(1, request);
    leave(&seats[0]);
    run_all();
    CU_ASSERT_TRUE(h243_is_presenter(seats[1].member));
    CU_ASSERT_TRUE(seats[1].h239.is_ack);
    CU_ASSERT_EQUAL(seats[2].h239_owners, 2);
    stop();
}

static void token_given_back_while_asked_for_goes_on(void)
{
    start_entered();
    seats[0].is_mute = true;
    say(0, request);
    say(1, request);
    say(0, (struct h239_message){.kind = H239_TOKEN_RELEASE});
    CU_ASSERT_TRUE(h243_is_presenter(seats[1].member));
    stop();
}

static void token_is_not_granted_to_who_left_or_gave_up(void)
{
    for (int gave_up = 0; gave_up < 2; gave_up++) {
        start_entered();
        seats[0].is_mute = true;
        say(0, request);
        say(1, request);
        if (gave_up == 1)
            say(1, (struct h239_message){.kind = H239_TOKEN_RELEASE});
        else
            leave(&seats[1]);
        say(0, (struct h239_message){.kind = H239_TOKEN_RESPONSE, .is_ack = true});
        CU_ASSERT_FALSE(h243_is_presenter(seats[0].member));
        CU_ASSERT_EQUAL(seats[1].h239_answers, 0);
        CU_ASSERT_EQUAL(seats[2].h239_owners, 1); /* the first one only */
        stop();
    }
}

static void token_messages_out_of_place_change_nothing(void)
{
    start_entered();
    say(0, request);
    say(1, (struct h239_message){.kind = H239_TOKEN_RELEASE}); /* not his */
    CU_ASSERT_TRUE(h243_is_presenter(seats[0].member));
    say(1, (struct h239_message){.kind = H239_TOKEN_RESPONSE, .is_ack = true}); /* not asked */
    CU_ASSERT_TRUE(h243_is_presenter(seats[0].member));
    say(1, (struct h239_message){.kind = H239_TOKEN_OWNER, .mcu = 1, .terminal = 2});
    CU_ASSERT_TRUE(h243_is_presenter(seats[0].member));
    say(1, (struct h239_message){.kind = H239_FLOW_RELEASE_REQUEST, .bit_rate = 10});
    CU_ASSERT_EQUAL(seats[1].h239.kind, H239_FLOW_RELEASE_RESPONSE);
    CU_ASSERT_FALSE(seats[1].h239.is_ack);
    stop();
}

SUITE("server/h243", TEST(members_learn_numbers_and_of_each_other), TEST(numbers_end_at_192),
      TEST(names_are_told_of_one_and_of_all), TEST(chair_is_one_at_a_time),
      TEST(drop_is_for_the_chair_and_for_who_is_there),
      TEST(conference_is_dropped_by_the_chair_alone), TEST(floor_is_asked_of_the_chair),
      TEST(token_goes_to_the_first_and_others_are_told),
      TEST(token_changes_hands_if_the_owner_gives_way),
      TEST(token_asked_for_by_a_third_meanwhile_is_denied),
      TEST(token_of_a_leaving_owner_goes_to_who_asked),
      TEST(token_given_back_while_asked_for_goes_on),
      TEST(token_is_not_granted_to_who_left_or_gave_up),
      TEST(token_messages_out_of_place_change_nothing))
