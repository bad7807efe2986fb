/* Sessions as members of a conference (H.243, H.239), and what they say and obey in H.245 beside
 * their channels. The rules of the conference themselves: test_h243.c. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "signalling/h245/h239.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

static struct world *w;
static struct peer *a, *b;

static struct peer *caller(void)
{
    struct peer *p = world_peer(w);

    peer_call(p, "demo");
    world_run(w);
    world_keyed(w, p);
    return p;
}

/* Two sessions in one relay, each hears the other. */
static void begin(void)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    a = caller();
    b = caller();
    CU_ASSERT_PTR_NOT_NULL_FATAL(world_port(w, a)->to);
}

static void end(void)
{
    world_destroy(w);
}

static void ask(struct peer *p, struct h245_ConferenceRequest request)
{
    CU_ASSERT_EQUAL(h245_conference_request(p->h245, &request, w->now), 0);
    world_run(w);
}

static int number_in_json(const struct peer *p, const char *what)
{
    json_t *j = session_to_json(p->session, w->now);
    const json_t *terminal = json_object_get(j, "terminal");
    const json_t *v = json_object_get(terminal, what);
    int n = json_is_integer(v) ? (int)json_integer_value(v) : json_is_true(v);

    CU_ASSERT_TRUE(json_is_object(terminal));
    json_decref(j);
    return n;
}

/* ---- H.243, H.239 ---- */

static void members_get_numbers_and_hear_who_comes_and_goes(void)
{
    begin();
    CU_ASSERT_EQUAL(a->heard.number, 1);
    CU_ASSERT_EQUAL(b->heard.number, 2);
    CU_ASSERT_EQUAL(a->heard.joined, 1);
    CU_ASSERT_EQUAL(b->heard.joined, 0);
    CU_ASSERT_EQUAL(number_in_json(b, "mcu"), 1);
    CU_ASSERT_EQUAL(number_in_json(b, "number"), 2);
    CU_ASSERT_EQUAL(number_in_json(b, "chair"), 0);
    ask(a, (struct h245_ConferenceRequest){.kind = h245_ConferenceRequest_terminalListRequest});
    CU_ASSERT_EQUAL(a->heard.list, 2);
    peer_hang_up(b);
    world_run(w);
    CU_ASSERT_EQUAL(a->heard.left, 1);
    end();
}

static void chair_drops_the_other(void)
{
    struct h245_TerminalLabel label = {.mcuNumber = 1, .terminalNumber = 2};
    struct h245_ConferenceRequest drop = {.kind = h245_ConferenceRequest_dropTerminal,
                                          .u.dropTerminal = &label};

    begin();
    ask(a, drop); /* not the chair yet */
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    ask(a, (struct h245_ConferenceRequest){.kind = h245_ConferenceRequest_makeMeChair});
    ask(b, (struct h245_ConferenceRequest){.kind = h245_ConferenceRequest_makeMeChair});
    CU_ASSERT_TRUE(a->heard.is_chair);
    CU_ASSERT_EQUAL(b->heard.chair_answers, 1);
    CU_ASSERT_FALSE(b->heard.is_chair);
    CU_ASSERT_EQUAL(number_in_json(a, "chair"), 1);
    CU_ASSERT_TRUE(world_has_event(w, "session.token"));
    ask(a, drop);
    CU_ASSERT_EQUAL(session_end_reason(b->session), SESSION_END_DROPPED);
    CU_ASSERT_TRUE(b->is_released);
    CU_ASSERT_EQUAL(a->heard.left, 1);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.ended[SESSION_END_DROPPED], 1);
    label.terminalNumber = 1; /* itself, from inside its own message */
    ask(a, drop);
    CU_ASSERT_EQUAL(session_end_reason(a->session), SESSION_END_DROPPED);
    CU_ASSERT_TRUE(a->is_released);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    end();
}

static void chair_ends_the_conference(void)
{
    struct h245_ConferenceCommand drop = {.kind = h245_ConferenceCommand_dropConference};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_conferenceCommand,
                                    .u.conferenceCommand = &drop};

    begin();
    ask(b, (struct h245_ConferenceRequest){.kind = h245_ConferenceRequest_makeMeChair});
    CU_ASSERT_EQUAL(h245_send_command(b->h245, &m), 0);
    world_run(w);
    CU_ASSERT_TRUE(a->is_released);
    CU_ASSERT_TRUE(b->is_released);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    end();
}

static void say_h239(struct peer *p, struct h239_message m)
{
    struct arena arena;

    arena_init(&arena, 0, 0);
    CU_ASSERT_EQUAL(h239_send(p->h245, &arena, &m, w->now), 0);
    arena_fini(&arena);
    world_run(w);
}

static void token_is_one_members_at_a_time(void)
{
    begin();
    say_h239(a, (struct h239_message){.kind = H239_TOKEN_REQUEST, .symmetry = 3});
    CU_ASSERT_TRUE(a->heard.has_token);
    CU_ASSERT_EQUAL(b->heard.owners, 0); /* its capabilities say nothing of H.239 */
    CU_ASSERT_EQUAL(number_in_json(a, "presenter"), 1);
    /* a is asked for it and does not understand: no */
    say_h239(b, (struct h239_message){.kind = H239_TOKEN_REQUEST, .symmetry = 3});
    CU_ASSERT_EQUAL(b->heard.tokens, 1);
    CU_ASSERT_FALSE(b->heard.has_token);
    peer_hang_up(a);
    world_run(w);
    say_h239(b, (struct h239_message){.kind = H239_TOKEN_REQUEST, .symmetry = 3});
    CU_ASSERT_TRUE(b->heard.has_token);
    end();
}

/* ---- what is not done, and how it counts ---- */

static void what_is_not_done_is_refused_and_counted_by_kind(void)
{
    begin();
    CU_ASSERT_EQUAL(h245_communication_mode_request(a->h245, w->now), 0);
    CU_ASSERT_EQUAL(h245_loop_request(a->h245, H245_LOOP_SYSTEM, 0, w->now), 0);
    ask(a, (struct h245_ConferenceRequest){.kind = h245_ConferenceRequest_enterH243Password});
    CU_ASSERT_EQUAL(w->env.stats.h245_refused[H245_REFUSED_COMMUNICATION_MODE], 1);
    CU_ASSERT_EQUAL(w->env.stats.h245_refused[H245_REFUSED_LOOP], 1);
    CU_ASSERT_EQUAL(w->env.stats.h245_refused[H245_REFUSED_CONFERENCE], 1);
    CU_ASSERT_EQUAL(w->env.stats.h245_unexpected, 0);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

/* ---- requests that cross ---- */

static void crossing_channels_of_two_codecs_are_the_masters(void)
{
    struct peer *p;

    w = world_create(SETTINGS_DTLS_REQUIRED);
    p = world_peer(w);
    p->opens = false;
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_FALSE_FATAL(p->is_master);
    p->is_mute = true; /* our request for a channel is out, not answered ... */
    world_pass(w, w->settings->signalling.timers.mirror_ms);
    CU_ASSERT_EQUAL(world_open_ports(w), 1);
    p->is_mute = false; /* ... when its own one arrives */
    peer_open(p, H245_CODEC_PCMU);
    world_run(w);
    CU_ASSERT_TRUE(p->was_refused);
    CU_ASSERT_EQUAL(p->refused_cause, H245_OLC_CONFLICT);
    CU_ASSERT_EQUAL(w->env.stats.channels_rejected, 1);
    peer_open(p, H245_CODEC_PCMA); /* now as the master wants it */
    world_run(w);
    CU_ASSERT_TRUE(p->out_open);
    end();
}

/* ---- modes ---- */

static enum h245_mode_answer mode_answer_to(enum h245_AudioMode_kind first,
                                            enum h245_AudioMode_kind second)
{
    struct h245_AudioMode audio[2] = {{.kind = first}, {.kind = second}};
    struct h245_ModeElement element[2] = {
        {.type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio[0]}},
        {.type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio[1]}}};
    struct h245_ModeDescription modes[2] = {{1, &element[0]}, {1, &element[1]}};
    struct h245_RequestMode request = {.requestedModes = {2, modes}};
    unsigned before = a->heard.modes;

    CU_ASSERT_EQUAL(h245_mode_request(a->h245, &request, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(a->heard.modes, before + 1);
    return a->heard.mode;
}

static void mode_request_is_judged_by_the_conferences_codec(void)
{
    begin(); /* its codec is A-law, and there is u-law, which all can do */
    CU_ASSERT_EQUAL(mode_answer_to(h245_AudioMode_g711Alaw64k, h245_AudioMode_g728),
                    H245_MODE_MOST_PREFERRED);
    CU_ASSERT_EQUAL(mode_answer_to(h245_AudioMode_g728, h245_AudioMode_g711Alaw64k),
                    H245_MODE_LESS_PREFERRED);
    CU_ASSERT_EQUAL(mode_answer_to(h245_AudioMode_g728, h245_AudioMode_g722_64k),
                    H245_MODE_MULTIPOINT);
    CU_ASSERT_EQUAL(mode_answer_to(h245_AudioMode_g728, h245_AudioMode_g711Ulaw64k),
                    H245_MODE_LESS_PREFERRED);
    CU_ASSERT_TRUE(world_has_event(w, "session.mode_requested"));
    end();
}

static void mode_is_requested_of_the_peer(void)
{
    struct session_refusal why;

    begin();
    CU_ASSERT_EQUAL(session_request_mode(a->session, H245_CODEC_GENERIC, &why, w->now),
                    ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(session_request_mode(a->session, H245_CODEC_PCMA, &why, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    CU_ASSERT_TRUE(world_has_event(w, "session.mode_answer"));
    end();
}

/* ---- flow control, commands, keys ---- */

static void flow(struct peer *p, enum h245_FlowControlCommand_scope_kind scope, uint32_t rate,
                 bool is_limited)
{
    struct h245_FlowControlCommand command = {.scope.kind = scope};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_flowControlCommand,
                                    .u.flowControlCommand = &command};

    command.scope.u.logicalChannelNumber = p->in_lcn;
    command.restriction.kind = is_limited ? h245_FlowControlCommand_restriction_maximumBitRate
                                          : h245_FlowControlCommand_restriction_noRestriction;
    command.restriction.u.maximumBitRate = rate;
    CU_ASSERT_EQUAL(h245_send_command(p->h245, &m), 0);
    world_run(w);
}

static void flow_control_stops_what_cannot_be_made_smaller(void)
{
    begin();
    flow(a, h245_FlowControlCommand_scope_logicalChannelNumber, 639, true);
    CU_ASSERT_PTR_NULL(world_port(w, b)->to); /* nothing to a any more */
    CU_ASSERT_PTR_NOT_NULL(world_port(w, a)->to);
    CU_ASSERT_EQUAL(world_events(w, "session.flow_control"), 1);
    flow(a, h245_FlowControlCommand_scope_logicalChannelNumber, 640, true);
    CU_ASSERT_PTR_NOT_NULL(world_port(w, b)->to);
    flow(a, h245_FlowControlCommand_scope_wholeMultiplex, 0, true);
    CU_ASSERT_PTR_NULL(world_port(w, b)->to);
    flow(a, h245_FlowControlCommand_scope_wholeMultiplex, 0, false);
    CU_ASSERT_PTR_NOT_NULL(world_port(w, b)->to);
    CU_ASSERT_EQUAL(world_events(w, "session.flow_control"), 4);
    end();
}

static void commands_go_out_for_channels_that_exist(void)
{
    begin();
    CU_ASSERT_EQUAL(session_misc_command(a->session, "videoFastUpdatePicture", a->out_lcn, w->now),
                    0);
    CU_ASSERT_EQUAL(session_misc_command(a->session, "zeroDelay", 9999, w->now), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(session_misc_command(a->session, "lostPicture", a->out_lcn, w->now),
                    ERR_UNSUPPORTED);
    world_run(w);
    CU_ASSERT_EQUAL(a->fast_updates, 1);
    end();
}

static void keys_go_out_as_text_or_as_a_signal(void)
{
    struct session_refusal why;
    struct peer *early;

    begin();
    CU_ASSERT_EQUAL(session_send_user_input(a->session, "12", 0, w->now), 0);
    CU_ASSERT_EQUAL(session_send_user_input(a->session, "#", 120, w->now), 0);
    CU_ASSERT_EQUAL(session_send_user_input(a->session, "12", 120, w->now), ERR_INVAL);
    CU_ASSERT_EQUAL(session_send_user_input(a->session, "x", 120, w->now), ERR_INVAL);
    world_run(w);
    CU_ASSERT_STRING_EQUAL(a->heard.keys, "12#");
    peer_hang_up(a);
    world_run(w);
    CU_ASSERT_EQUAL(session_send_user_input(a->session, "1", 0, w->now), ERR_STATE);
    early = world_peer(w);
    CU_ASSERT_EQUAL(session_misc_command(early->session, "zeroDelay", 1, w->now), ERR_STATE);
    CU_ASSERT_EQUAL(session_request_mode(early->session, H245_CODEC_PCMA, &why, w->now), ERR_STATE);
    end();
}

SUITE("server/session_control", TEST(members_get_numbers_and_hear_who_comes_and_goes),
      TEST(chair_drops_the_other), TEST(chair_ends_the_conference),
      TEST(token_is_one_members_at_a_time), TEST(what_is_not_done_is_refused_and_counted_by_kind),
      TEST(crossing_channels_of_two_codecs_are_the_masters),
      TEST(mode_request_is_judged_by_the_conferences_codec), TEST(mode_is_requested_of_the_peer),
      TEST(flow_control_stops_what_cannot_be_made_smaller),
      TEST(commands_go_out_for_channels_that_exist), TEST(keys_go_out_as_text_or_as_a_signal))
