/* Every alternative of H.245's conference messages as a terminal would send it, octet by octet
 * through the engine of a session: what comes back, and that the call goes on. The table in
 * docs/conferences.md says the same in words. And what the MC says and asks of its own accord. */
#include "fake_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "signalling/per/json.h"
#include "signalling/per/type.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

#define HEARD_MAX 32768

static struct world *w;
static struct peer *a, *b, *c;
/* All that the server has said to `a` since `listen`, one JSON text a line. */
static char heard[HEARD_MAX];

static void on_message(struct peer *p, bool to_server, const uint8_t *data, size_t len)
{
    struct arena arena;
    void *pdu = NULL;
    json_t *json = NULL;
    char *text;

    if (to_server || p != a)
        return;
    arena_init(&arena, 0, 0);
    if (per_decode(&h245_MultimediaSystemControlMessage_type, data, len, NULL, &arena, &pdu,
                   NULL) == 0)
        json = per_to_json(&h245_MultimediaSystemControlMessage_type, pdu);
    text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    if (strlen(heard) + strlen(text) + 2 < sizeof(heard)) {
        strcat(heard, text);
        strcat(heard, "\n");
    }
    free(text);
    json_decref(json);
    arena_fini(&arena);
}

/* Any message, in the JSON form of signalling/per/json.h. */
static void say(struct peer *p, const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    struct per_error why;
    struct arena arena;
    void *pdu = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    arena_init(&arena, 0, 0);
    if (per_from_json(&h245_MultimediaSystemControlMessage_type, json, &arena, &pdu, &why) != 0 ||
        h245_engine_send(p->h245, pdu) != 0) {
        printf("%s: cannot be sent\n", text);
        CU_FAIL("message of the test");
    }
    json_decref(json);
    arena_fini(&arena);
    world_run(w);
}

static struct peer *enter(struct peer *p, bool has_video)
{
    if (has_video)
        peer_add_video(p, "H264");
    peer_call(p, "demo");
    world_run(w);
    world_keyed(w, p);
    world_run(w);
    if (has_video)
        (void)peer_open_relayed(p, "H264");
    world_run(w);
    world_pass(w, 1);
    return p;
}

static void begin(enum settings_conference_kind kind)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->settings->conferences[0].kind = kind;
    w->settings->conferences[0].max_sessions = kind == SETTINGS_CONFERENCE_RELAY ? 2 : 10;
    w->settings->conferences[0].sample_rate = 8000;
}

static void begin_three(void)
{
    begin(SETTINGS_CONFERENCE_MIX);
    a = enter(world_peer(w), true);
    b = enter(world_peer(w), true);
    c = enter(world_peer(w), true);
    w->tap = on_message;
    heard[0] = '\0';
}

static void end(void)
{
    world_destroy(w);
}

static bool was_told(const char *what)
{
    return strstr(heard, what) != NULL;
}

/* ---- every alternative ---- */

#define REQUEST(body)    "{\"request\":{\"conferenceRequest\":" body "}}"
#define RESPONSE(body)   "{\"response\":{\"conferenceResponse\":" body "}}"
#define COMMAND(body)    "{\"command\":{\"conferenceCommand\":" body "}}"
#define INDICATION(body) "{\"indication\":{\"conferenceIndication\":" body "}}"
#define LABEL(n)         "{\"mcuNumber\":1,\"terminalNumber\":" #n "}"

#define NOT_SUPPORTED "functionNotSupported"
#define VIDEO_REJECT  "videoCommandReject"
#define NOTHING       "" /* no message at all */

/* What `a`, terminal 1 of three with video, hears after it. %u: its video channel's number. */
static const struct row {
    bool as_chair;
    const char *message, *answer;
} rows[] = {
    {false, REQUEST("{\"terminalListRequest\":null}"),
     "\"terminalListResponse\":[{\"mcuNumber\":1,\"terminalNumber\":1},"
     "{\"mcuNumber\":1,\"terminalNumber\":2},{\"mcuNumber\":1,\"terminalNumber\":3}]"},
    {false, REQUEST("{\"makeMeChair\":null}"), "grantedChairToken"},
    {true, REQUEST("{\"cancelMakeMeChair\":null}"), NOTHING},
    {false, REQUEST("{\"cancelMakeMeChair\":null}"), NOTHING},
    {false, REQUEST("{\"dropTerminal\":" LABEL(2) "}"), "terminalDropReject"},
    {true, REQUEST("{\"dropTerminal\":" LABEL(9) "}"), "terminalDropReject"},
    {true, REQUEST("{\"dropTerminal\":" LABEL(2) "}"),
     "\"terminalLeftConference\":{\"mcuNumber\":1,\"terminalNumber\":2}"},
    {false, REQUEST("{\"requestTerminalID\":" LABEL(2) "}"),
     "\"mCTerminalIDResponse\":{\"terminalLabel\":{\"mcuNumber\":1,\"terminalNumber\":2}"},
    {false, REQUEST("{\"requestTerminalID\":" LABEL(9) "}"), NOT_SUPPORTED},
    {false, REQUEST("{\"enterH243Password\":null}"), NOT_SUPPORTED},
    {false, REQUEST("{\"enterH243TerminalID\":null}"), NOT_SUPPORTED},
    {false, REQUEST("{\"enterH243ConferenceID\":null}"), NOT_SUPPORTED},
    {false, REQUEST("{\"enterExtensionAddress\":null}"), NOT_SUPPORTED},
    {false, REQUEST("{\"requestChairTokenOwner\":null}"),
     "\"chairTokenOwnerResponse\":{\"terminalLabel\":{\"mcuNumber\":0,\"terminalNumber\":0}"},
    {true, REQUEST("{\"requestChairTokenOwner\":null}"),
     "\"chairTokenOwnerResponse\":{\"terminalLabel\":{\"mcuNumber\":1,\"terminalNumber\":1}"},
    {false, REQUEST("{\"requestTerminalCertificate\":{\"terminalLabel\":" LABEL(2) "}}"),
     "\"terminalCertificateResponse\":{}"},
    {false, REQUEST("{\"broadcastMyLogicalChannel\":%u}"), "grantedBroadcastMyLogicalChannel"},
    {false, REQUEST("{\"broadcastMyLogicalChannel\":999}"), "deniedBroadcastMyLogicalChannel"},
    {false, REQUEST("{\"makeTerminalBroadcaster\":" LABEL(2) "}"), "deniedMakeTerminalBroadcaster"},
    {true, REQUEST("{\"makeTerminalBroadcaster\":" LABEL(2) "}"), "grantedMakeTerminalBroadcaster"},
    {false, REQUEST("{\"sendThisSource\":" LABEL(3) "}"), "grantedSendThisSource"},
    {false, REQUEST("{\"sendThisSource\":" LABEL(1) "}"), "deniedSendThisSource"},
    {false, REQUEST("{\"sendThisSource\":" LABEL(9) "}"), "deniedSendThisSource"},
    {false, REQUEST("{\"requestAllTerminalIDs\":null}"),
     "\"requestAllTerminalIDsResponse\":{\"terminalInformation\":[{\"terminalLabel\""},
    {false, REQUEST("{\"remoteMCRequest\":{\"masterActivate\":null}}"),
     "\"remoteMCResponse\":{\"reject\":{\"functionNotSupported\":null}}"},
    {false, REQUEST("{\"remoteMCRequest\":{\"slaveActivate\":null}}"),
     "\"remoteMCResponse\":{\"reject\":{\"functionNotSupported\":null}}"},
    {true, REQUEST("{\"remoteMCRequest\":{\"deActivate\":null}}"),
     "\"remoteMCResponse\":{\"reject\":{\"functionNotSupported\":null}}"},
    /* To nothing that was asked: no answer, whatever it says. */
    {false,
     RESPONSE(
         "{\"mCTerminalIDResponse\":{\"terminalLabel\":" LABEL(2) ",\"terminalID\":\"6162\"}}"),
     NOTHING},
    {false,
     RESPONSE("{\"terminalIDResponse\":{\"terminalLabel\":" LABEL(2) ",\"terminalID\":\"6162\"}}"),
     NOTHING},
    {false,
     RESPONSE(
         "{\"conferenceIDResponse\":{\"terminalLabel\":" LABEL(2) ",\"conferenceID\":\"6162\"}}"),
     NOTHING},
    {false, RESPONSE("{\"passwordResponse\":{\"terminalLabel\":" LABEL(2) ",\"password\":\"31\"}}"),
     NOTHING},
    {false, RESPONSE("{\"terminalListResponse\":[" LABEL(7) "]}"), NOTHING},
    {false, RESPONSE("{\"videoCommandReject\":null}"), NOTHING},
    {false, RESPONSE("{\"terminalDropReject\":null}"), NOTHING},
    {false, RESPONSE("{\"makeMeChairResponse\":{\"grantedChairToken\":null}}"), NOTHING},
    {false, RESPONSE("{\"extensionAddressResponse\":{\"extensionAddress\":\"6162\"}}"), NOTHING},
    {false,
     RESPONSE(
         "{\"chairTokenOwnerResponse\":{\"terminalLabel\":" LABEL(1) ",\"terminalID\":\"6162\"}}"),
     NOTHING},
    {false, RESPONSE("{\"terminalCertificateResponse\":{}}"), NOTHING},
    {false,
     RESPONSE(
         "{\"broadcastMyLogicalChannelResponse\":{\"grantedBroadcastMyLogicalChannel\":null}}"),
     NOTHING},
    {false,
     RESPONSE("{\"makeTerminalBroadcasterResponse\":{\"grantedMakeTerminalBroadcaster\":null}}"),
     NOTHING},
    {false, RESPONSE("{\"sendThisSourceResponse\":{\"grantedSendThisSource\":null}}"), NOTHING},
    {false, RESPONSE("{\"requestAllTerminalIDsResponse\":{\"terminalInformation\":[]}}"), NOTHING},
    {false, RESPONSE("{\"remoteMCResponse\":{\"accept\":null}}"), NOTHING},
    {false, COMMAND("{\"broadcastMyLogicalChannel\":%u}"), NOTHING}, /* all see it already */
    {false, COMMAND("{\"broadcastMyLogicalChannel\":999}"), VIDEO_REJECT},
    {false, COMMAND("{\"cancelBroadcastMyLogicalChannel\":%u}"), NOT_SUPPORTED},
    {false, COMMAND("{\"makeTerminalBroadcaster\":" LABEL(2) "}"), VIDEO_REJECT},
    {true, COMMAND("{\"makeTerminalBroadcaster\":" LABEL(3) "}"),
     "\"terminalYouAreSeeing\":{\"mcuNumber\":1,\"terminalNumber\":3}"},
    {false, COMMAND("{\"cancelMakeTerminalBroadcaster\":null}"), NOT_SUPPORTED},
    {true, COMMAND("{\"cancelMakeTerminalBroadcaster\":null}"), NOTHING},
    {false, COMMAND("{\"sendThisSource\":" LABEL(3) "}"),
     "\"terminalYouAreSeeing\":{\"mcuNumber\":1,\"terminalNumber\":3}"},
    {false, COMMAND("{\"sendThisSource\":" LABEL(9) "}"), VIDEO_REJECT},
    {false, COMMAND("{\"cancelSendThisSource\":null}"), NOTHING},
    {false, COMMAND("{\"dropConference\":null}"), NOT_SUPPORTED},
    {false,
     COMMAND("{\"substituteConferenceIDCommand\":{\"conferenceIdentifier\":"
             "\"00112233445566778899aabbccddeeff\"}}"),
     NOT_SUPPORTED},
    /* An indication has no answer; all but two are the MC's to say. */
    {false, INDICATION("{\"sbeNumber\":7}"), NOTHING},
    {false, INDICATION("{\"terminalNumberAssign\":" LABEL(2) "}"), NOTHING},
    {false, INDICATION("{\"terminalJoinedConference\":" LABEL(9) "}"), NOTHING},
    {false, INDICATION("{\"terminalLeftConference\":" LABEL(2) "}"), NOTHING},
    {false, INDICATION("{\"seenByAtLeastOneOther\":null}"), NOTHING},
    {false, INDICATION("{\"cancelSeenByAtLeastOneOther\":null}"), NOTHING},
    {false, INDICATION("{\"seenByAll\":null}"), NOTHING},
    {false, INDICATION("{\"cancelSeenByAll\":null}"), NOTHING},
    {false, INDICATION("{\"terminalYouAreSeeing\":" LABEL(2) "}"), NOTHING},
    {false, INDICATION("{\"requestForFloor\":null}"), NOTHING},
    {true, INDICATION("{\"withdrawChairToken\":null}"), NOTHING},
    {false, INDICATION("{\"floorRequested\":" LABEL(2) "}"), NOTHING},
    {false,
     INDICATION("{\"terminalYouAreSeeingInSubPictureNumber\":{\"terminalNumber\":2,"
                "\"subPictureNumber\":1}}"),
     NOTHING},
    {false, INDICATION("{\"videoIndicateCompose\":{\"compositionNumber\":1}}"), NOTHING},
    {false, INDICATION("{\"masterMCU\":null}"), NOTHING},
    {false, INDICATION("{\"cancelMasterMCU\":null}"), NOTHING},
};

static void check_row(const struct row *row)
{
    char text[512];
    bool is_ok;

    begin_three();
    if (row->as_chair)
        say(a, REQUEST("{\"makeMeChair\":null}"));
    heard[0] = '\0';
    snprintf(text, sizeof(text), row->message,
             (unsigned)peer_channel(a, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn);
    say(a, text);
    is_ok = row->answer[0] == '\0' ? heard[0] == '\0' : was_told(row->answer);
    if (!is_ok)
        printf("\n%s%s: heard %s\n", row->as_chair ? "chair: " : "", text, heard);
    CU_ASSERT_TRUE(is_ok);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(w->env.stats.h245_undecodable, 0);
    end();
}

static void every_alternative_has_its_answer(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(&rows[i]);
}

/* So that an alternative cannot be forgotten: all that the schema has are in the table. */
static void the_table_is_complete(void)
{
    static const struct {
        const char *class;
        const struct per_type *type;
        unsigned count;
    } classes[] = {
        {"conferenceRequest", &h245_ConferenceRequest_type, h245_ConferenceRequest_UNKNOWN - 1},
        {"conferenceResponse", &h245_ConferenceResponse_type, h245_ConferenceResponse_UNKNOWN - 1},
        {"conferenceCommand", &h245_ConferenceCommand_type, h245_ConferenceCommand_UNKNOWN - 1},
        {"conferenceIndication", &h245_ConferenceIndication_type,
         h245_ConferenceIndication_UNKNOWN - 1},
    };

    for (size_t k = 0; k < 4; k++) {
        for (unsigned n = 0; n < classes[k].count; n++) {
            char wanted[128];
            bool is_there = false;

            snprintf(wanted, sizeof(wanted), "\"%s\":{\"%s\":", classes[k].class,
                     classes[k].type->members[n].name);
            for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                is_there = is_there || strstr(rows[i].message, wanted) != NULL;
            if (!is_there)
                printf("\nmissing: %s\n", wanted);
            CU_ASSERT_TRUE(is_there);
        }
    }
}

static void chair_drops_the_conference(void)
{
    begin_three();
    say(a, REQUEST("{\"makeMeChair\":null}"));
    say(a, COMMAND("{\"dropConference\":null}"));
    CU_ASSERT_TRUE(a->is_released && b->is_released && c->is_released);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    end();
}

/* ---- what the MC says ---- */

#define MULTIPOINT   "\"multipointConference\":null"
#define MODE_COMMAND "\"multipointModeCommand\":null"
#define ALONE        "\"multipointZeroComm\":null"
#define NOT_ALONE    "\"cancelMultipointZeroComm\":null"

static void members_of_a_mix_are_told_that_it_is_one_and_who_is_alone(void)
{
    begin(SETTINGS_CONFERENCE_MIX);
    a = &w->peers[0];
    heard[0] = '\0';
    w->tap = on_message;
    (void)enter(world_peer(w), false);
    CU_ASSERT_TRUE(was_told(MULTIPOINT) && was_told(MODE_COMMAND) && was_told(ALONE));
    heard[0] = '\0';
    b = enter(world_peer(w), false);
    CU_ASSERT_TRUE(was_told(NOT_ALONE));
    CU_ASSERT_FALSE(was_told(MULTIPOINT)); /* once is enough */
    heard[0] = '\0';
    peer_hang_up(b);
    world_run(w);
    CU_ASSERT_TRUE(was_told(ALONE));
    end();
}

static void two_in_a_relay_are_told_nothing_of_it(void)
{
    begin(SETTINGS_CONFERENCE_RELAY);
    a = &w->peers[0];
    heard[0] = '\0';
    w->tap = on_message;
    (void)enter(world_peer(w), false);
    (void)enter(world_peer(w), false);
    CU_ASSERT_TRUE(was_told("terminalNumberAssign"));
    CU_ASSERT_FALSE(was_told(MULTIPOINT) || was_told(MODE_COMMAND) || was_told(ALONE));
    end();
}

static void modes_commanded_by_a_terminal_are_an_event_and_no_more(void)
{
    begin_three();
    say(a, "{\"command\":{\"miscellaneousCommand\":{\"logicalChannelNumber\":1,\"type\":"
           "{\"multipointModeCommand\":null}}}}");
    say(a, "{\"command\":{\"miscellaneousCommand\":{\"logicalChannelNumber\":1,\"type\":"
           "{\"cancelMultipointModeCommand\":null}}}}");
    CU_ASSERT_EQUAL(world_events(w, "session.misc_command"), 2);
    say(a, "{\"indication\":{\"miscellaneousIndication\":{\"logicalChannelNumber\":1,\"type\":"
           "{\"multipointConference\":null}}}}");
    say(a, "{\"indication\":{\"miscellaneousIndication\":{\"logicalChannelNumber\":1,\"type\":"
           "{\"multipointZeroComm\":null}}}}");
    CU_ASSERT_EQUAL(heard[0], '\0');
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

static void speak(const struct peer *p)
{
    world_speaker(world_mix(w, "demo"), world_port(w, p));
    world_run(w);
}

static void viewers_learn_whom_they_see_and_sources_that_they_are_seen(void)
{
    begin_three();
    speak(b);
    heard[0] = '\0';
    speak(c);
    CU_ASSERT_TRUE(was_told("\"terminalYouAreSeeing\":{\"mcuNumber\":1,\"terminalNumber\":3}"));
    heard[0] = '\0';
    speak(a);
    CU_ASSERT_TRUE(was_told("\"seenByAtLeastOneOther\":null") || was_told("\"seenByAll\":null"));
    CU_ASSERT_TRUE(was_told("\"seenByAll\":null")); /* by b and c */
    heard[0] = '\0';
    speak(b);
    CU_ASSERT_TRUE(was_told("\"cancelSeenByAll\":null"));
    heard[0] = '\0';
    speak(c);
    CU_ASSERT_TRUE(was_told("\"cancelSeenByAtLeastOneOther\":null"));
    heard[0] = '\0';
    speak(c); /* nothing new */
    CU_ASSERT_EQUAL(heard[0], '\0');
    end();
}

static unsigned lcn_of(struct peer *p)
{
    return peer_channel(p, H245_MEDIA_VIDEO, H245_OUTGOING)->lcn;
}

static void broadcast(struct peer *p, bool is_on)
{
    char text[256];

    snprintf(text, sizeof(text), "{\"command\":{\"conferenceCommand\":{\"%s\":%u}}}",
             is_on ? "broadcastMyLogicalChannel" : "cancelBroadcastMyLogicalChannel", lcn_of(p));
    say(p, text);
}

static void who_shows_itself_is_seen_by_all_until_it_takes_that_back(void)
{
    const char *why;

    begin_three();
    speak(b);
    broadcast(c, true);
    CU_ASSERT_TRUE(was_told("\"terminalNumber\":3"));
    speak(b);
    heard[0] = '\0';
    broadcast(a, true); /* c has the picture */
    CU_ASSERT_TRUE(was_told(VIDEO_REJECT));
    broadcast(c, false);
    heard[0] = '\0';
    broadcast(a, true);
    CU_ASSERT_TRUE(was_told("seenByAll"));
    /* What an operator chooses is nobody's to take back. */
    CU_ASSERT_EQUAL(conference_set_layout(conferences_find(w->conferences, "demo"),
                                          SETTINGS_LAYOUT_FIXED, b->session, &why),
                    0);
    world_run(w);
    heard[0] = '\0';
    broadcast(a, false);
    CU_ASSERT_TRUE(was_told(NOT_SUPPORTED));
    broadcast(a, true);
    CU_ASSERT_TRUE(was_told(VIDEO_REJECT));
    end();
}

static void with_a_chair_nobody_else_shows_itself(void)
{
    begin_three();
    say(b, REQUEST("{\"makeMeChair\":null}"));
    speak(c);
    heard[0] = '\0';
    broadcast(a, true);
    CU_ASSERT_TRUE(was_told(VIDEO_REJECT));
    broadcast(b, true);
    CU_ASSERT_TRUE(was_told("\"terminalYouAreSeeing\":{\"mcuNumber\":1,\"terminalNumber\":2}"));
    end();
}

static void the_chair_can_be_taken_away(void)
{
    struct h245_ConferenceRequest request = {.kind = h245_ConferenceRequest_makeMeChair};
    struct conference *demo;

    begin_three();
    demo = conferences_find(w->conferences, "demo");
    CU_ASSERT_FALSE(conference_withdraw_chair(demo));
    say(a, REQUEST("{\"makeMeChair\":null}"));
    CU_ASSERT_TRUE(conference_withdraw_chair(demo));
    world_run(w);
    CU_ASSERT_TRUE(was_told("\"withdrawChairToken\":null"));
    CU_ASSERT_EQUAL(world_events(w, "session.token"), 2);
    CU_ASSERT_EQUAL(h245_conference_request(b->h245, &request, w->now), 0);
    world_run(w);
    CU_ASSERT_TRUE(b->heard.is_chair);
    end();
}

static void a_number_of_h230_is_a_key(void)
{
    begin_three();
    say(a, INDICATION("{\"sbeNumber\":7}"));
    CU_ASSERT_EQUAL(world_events(w, "session.user_input"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "\"7\""));
    end();
}

/* ---- what the MC asks ---- */

static const char own_id[] = RESPONSE(
    "{\"terminalIDResponse\":{\"terminalLabel\":" LABEL(1) ",\"terminalID\":\"416e6e61\"}}");

static void a_terminal_is_asked_and_its_answer_told(void)
{
    begin_three();
    CU_ASSERT_EQUAL(session_ask(a->session, "terminal_id", w->now), 0);
    CU_ASSERT_EQUAL(session_ask(a->session, "terminal_id", w->now), ERR_STATE);
    CU_ASSERT_EQUAL(session_ask(a->session, "shoe_size", w->now), ERR_UNSUPPORTED);
    a->answers_nothing = true;
    world_run(w);
    CU_ASSERT_TRUE(was_told("\"enterH243TerminalID\":null"));
    say(a, own_id);
    CU_ASSERT_TRUE(world_has_event(w, "session.identified"));
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "Anna"));
    heard[0] = '\0';
    say(a, REQUEST("{\"requestTerminalID\":" LABEL(1) "}")); /* the others are told that name */
    CU_ASSERT_TRUE(was_told("\"terminalID\":\"416e6e61\""));
    CU_ASSERT_EQUAL(session_ask(a->session, "conference_id", w->now), 0);
    world_run(w);
    CU_ASSERT_TRUE(was_told("\"enterH243ConferenceID\":null"));
    say(a, RESPONSE("{\"conferenceIDResponse\":{\"terminalLabel\":" LABEL(
               1) ",\"conferenceID\":\"626f617264\"}}"));
    CU_ASSERT_EQUAL(world_events(w, "session.identified"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->last_event_data, "board"));
    end();
}

static void who_came_without_a_name_is_asked_for_one(void)
{
    for (int is_nameless = 0; is_nameless < 2; is_nameless++) {
        begin(SETTINGS_CONFERENCE_MIX);
        a = &w->peers[0];
        heard[0] = '\0';
        w->tap = on_message;
        (void)world_peer(w);
        a->is_nameless = is_nameless == 1;
        (void)enter(a, false);
        CU_ASSERT_EQUAL(was_told("\"enterH243TerminalID\":null"), is_nameless == 1);
        CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE); /* it knows no such question */
        end();
    }
}

static void nobody_is_asked_before_it_has_entered(void)
{
    struct peer *early;

    begin(SETTINGS_CONFERENCE_MIX);
    early = world_peer(w);
    CU_ASSERT_EQUAL(session_ask(early->session, "terminal_id", w->now), ERR_STATE);
    end();
}

SUITE("server/session_seat", TEST(every_alternative_has_its_answer), TEST(the_table_is_complete),
      TEST(chair_drops_the_conference),
      TEST(members_of_a_mix_are_told_that_it_is_one_and_who_is_alone),
      TEST(two_in_a_relay_are_told_nothing_of_it),
      TEST(modes_commanded_by_a_terminal_are_an_event_and_no_more),
      TEST(viewers_learn_whom_they_see_and_sources_that_they_are_seen),
      TEST(who_shows_itself_is_seen_by_all_until_it_takes_that_back),
      TEST(with_a_chair_nobody_else_shows_itself), TEST(the_chair_can_be_taken_away),
      TEST(a_number_of_h230_is_a_key), TEST(a_terminal_is_asked_and_its_answer_told),
      TEST(who_came_without_a_name_is_asked_for_one), TEST(nobody_is_asked_before_it_has_entered))
