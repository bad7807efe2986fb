/* Kind mix: each session in its own codec, with DTLS, plain and by SDP together; who is heard, who
 * speaks, what is recorded and played. The data plane is a fake: what it is told is looked at. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "server/session/session_data.h"
#include "server/session/session_mix.h"
#include "signalling/h245/procedures.h"
#include "signalling/sdp/sdp.h"
#include "tests/suite.h"

static struct world *w;
static struct settings_conference *row;

static void begin(void)
{
    static const enum settings_codec codecs[] = {SETTINGS_CODEC_OPUS, SETTINGS_CODEC_G722,
                                                 SETTINGS_CODEC_G711_ALAW,
                                                 SETTINGS_CODEC_G711_ULAW};

    w = world_create(SETTINGS_DTLS_PREFERRED);
    row = &w->settings->conferences[0]; /* "demo" */
    row->kind = SETTINGS_CONFERENCE_MIX;
    row->max_sessions = 10;
    row->sample_rate = 16000;
    row->loudest = 3;
    memcpy(row->codecs, codecs, sizeof(codecs));
    row->codec_count = 4;
    w->settings->conferences[1] = *row; /* "room*" */
    strcpy(w->settings->conferences[1].alias, "room*");
}

static void end(void)
{
    for (size_t i = 0; i < w->peer_count; i++)
        if (session_state(w->peers[i].session) == SESSION_ACTIVE)
            session_close(w->peers[i].session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    CU_ASSERT_PTR_NULL(world_mix(w, "demo"));
    world_destroy(w);
}

static struct peer *enter(struct peer *p, const char *alias)
{
    peer_call(p, alias);
    world_run(w);
    if (world_port(w, p) != NULL)
        world_keyed(w, p);
    world_run(w);
    return p;
}

static struct peer *caller_with(enum h245_codec codec)
{
    struct peer *p = world_peer(w);

    p->audio[0] = (struct h245_audio){.codec = codec, .frames = codec == H245_CODEC_OPUS ? 1 : 20};
    p->audio_count = 1;
    return enter(p, "demo");
}

static struct peer *caller(void)
{
    return caller_with(H245_CODEC_PCMA);
}

static struct conference *demo(void)
{
    struct conference *c = conferences_find(w->conferences, "demo");

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

static struct media_mix *mix(void)
{
    struct media_mix *m = world_mix(w, "demo");

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

static const struct media_mix_member *part_of(const struct peer *p)
{
    const struct media_port *port = world_port(w, p);

    CU_ASSERT_PTR_EQUAL_FATAL(port->mix, mix());
    return &port->member;
}

static void check_codec(const struct peer *p, enum link_codec codec, int pt)
{
    const struct media_mix_member *part = part_of(p);

    CU_ASSERT_EQUAL_FATAL(part->rx_count, 1);
    CU_ASSERT_EQUAL(part->rx[0].codec, codec);
    CU_ASSERT_EQUAL(part->tx_codec, codec);
    CU_ASSERT_EQUAL(part->event_pt, SESSION_EVENT_PT);
    if (pt >= 0) {
        CU_ASSERT_EQUAL(part->rx[0].pt, pt);
        CU_ASSERT_EQUAL(part->tx_pt, pt);
    }
}

static struct conference_voice voice(bool is_muted, bool is_deaf, int8_t gain_db)
{
    return (struct conference_voice){is_muted, is_deaf, gain_db};
}

/* ---- members ---- */

static void each_session_has_its_own_codec(void)
{
    struct peer *a, *u, *g;

    begin();
    a = caller_with(H245_CODEC_PCMA);
    u = caller_with(H245_CODEC_PCMU);
    g = caller_with(H245_CODEC_G722);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 3);
    CU_ASSERT_EQUAL(mix()->request.rate, 16000);
    CU_ASSERT_EQUAL(mix()->request.loudest, 3);
    check_codec(a, LINK_CODEC_PCMA, 8);
    check_codec(u, LINK_CODEC_PCMU, 0);
    check_codec(g, LINK_CODEC_G722, 9);
    CU_ASSERT_PTR_NULL(world_port(w, a)->to); /* nothing passes beside the mixer */
    CU_ASSERT_TRUE(world_port(w, a)->request.ends_rtcp);
    CU_ASSERT_EQUAL(world_port(w, a)->request.place, mix()->request.place);
    end();
}

static void opus_has_the_numbers_that_each_side_gives(void)
{
    struct peer *p;
    struct h245_channel c;

    begin();
    p = world_peer(w);
    p->opens = false;
    p->audio[0] = (struct h245_audio){.codec = H245_CODEC_OPUS, .frames = 1};
    p->audio_count = 1;
    enter(p, "demo");
    memset(&c, 0, sizeof(c));
    c.session_id = 1;
    c.kind = H245_MEDIA_AUDIO;
    c.audio = p->audio[0];
    c.payload_type = 120;
    peer_open_channel(p, &c);
    world_run(w);
    world_keyed(w, p);
    CU_ASSERT_EQUAL(part_of(p)->rx[0].codec, LINK_CODEC_OPUS);
    CU_ASSERT_EQUAL(part_of(p)->rx[0].pt, 120);
    CU_ASSERT_EQUAL(part_of(p)->tx_codec, LINK_CODEC_OPUS);
    CU_ASSERT(part_of(p)->tx_pt >= 96 && part_of(p)->tx_pt < 128);
    end();
}

static void opus_without_a_payload_type_is_refused(void)
{
    struct peer *p;
    struct h245_channel c;

    begin();
    p = world_peer(w);
    p->opens = false;
    p->audio[0] = (struct h245_audio){.codec = H245_CODEC_OPUS, .frames = 1};
    p->audio_count = 1;
    enter(p, "demo");
    memset(&c, 0, sizeof(c));
    c.session_id = 1;
    c.kind = H245_MEDIA_AUDIO;
    c.audio = p->audio[0];
    peer_open_channel(p, &c);
    world_run(w);
    CU_ASSERT_TRUE(p->was_refused);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    end();
}

static void session_without_a_common_codec_ends_alone(void)
{
    struct peer *a, *b, *none;

    begin();
    a = caller();
    none = world_peer(w);
    none->audio[0] = (struct h245_audio){.codec = H245_CODEC_G7231, .frames = 1};
    none->audio_count = 1;
    enter(none, "demo");
    b = caller();
    world_pass(w, w->settings->signalling.timers.no_channel_ms + 1000);
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(none->session)),
                           "no_common_codec");
    /* One that does not wait for that gave up for the same reason, and so it is told. */
    none = world_peer(w);
    none->audio[0] = (struct h245_audio){.codec = H245_CODEC_G7231, .frames = 1};
    none->audio_count = 1;
    enter(none, "demo");
    CU_ASSERT_EQUAL(session_state(none->session), SESSION_ACTIVE);
    (void)h245_end_session(none->h245, w->now);
    world_run(w);
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(none->session)),
                           "no_common_codec");
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 2);
    end();
}

static void protected_and_plain_sessions_meet(void)
{
    struct peer *dtls, *plain;

    begin();
    dtls = caller();
    plain = world_peer(w);
    plain->mode = H23510_MODE_OFF;
    peer_call(plain, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(world_port(w, dtls)->request.kind, MEDIA_DTLS_SRTP);
    CU_ASSERT_EQUAL(world_port(w, plain)->request.kind, MEDIA_PLAIN_RTP);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 2);
    end();
}

#define SDP_OFFER                                                                 \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n" \
    "m=audio 40000 RTP/AVP 109 8 110\r\na=rtpmap:109 opus/48000/2\r\n"            \
    "a=rtpmap:110 telephone-event/8000\r\na=fmtp:110 0-15\r\n"

/* A peer of the fake world without H.323: its session is one by SDP. */
static struct peer *sdp_leg(void)
{
    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};
    const struct session_sdp_options options = {.mode = SESSION_SDP_ANY};
    struct peer *p = world_callee(w);
    const char *why = "";

    session_destroy(p->session);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = p;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &p->session), 0);
    CU_ASSERT_EQUAL_FATAL(session_sdp_begin(p->session, "demo", &options, &why), 0);
    return p;
}

static void leg_by_sdp_is_in_the_mix_with_its_own_numbers(void)
{
    struct sdp_error error;
    const char *why = "";
    struct peer *a, *leg;
    struct sdp sdp;

    begin();
    strcpy(row->pin, "99"); /* nobody asks a leg that its own server has let through */
    a = caller();
    leg = sdp_leg();
    CU_ASSERT_EQUAL_FATAL(sdp_parse(SDP_OFFER, strlen(SDP_OFFER), &sdp, &error), 0);
    CU_ASSERT_EQUAL(session_sdp_answer(leg->session, &sdp, &why, w->now), 0);
    world_run(w);
    CU_ASSERT_EQUAL(sdp.media[0].format_count, 2);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].payload_type, 109);
    CU_ASSERT_EQUAL(sdp.media[0].format[0].channels, 2);
    CU_ASSERT_EQUAL(sdp.media[0].format[1].payload_type, 110);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 2);
    CU_ASSERT_EQUAL(part_of(leg)->rx[0].codec, LINK_CODEC_OPUS);
    CU_ASSERT_EQUAL(part_of(leg)->rx[0].pt, 109);
    CU_ASSERT_EQUAL(part_of(leg)->tx_pt, 109);
    CU_ASSERT_EQUAL(part_of(leg)->event_pt, 110);
    CU_ASSERT_FALSE(part_of(leg)->is_muted);
    CU_ASSERT_TRUE(part_of(a)->is_muted);
    end();
}

static void offer_to_a_leg_by_sdp_has_all_codecs_and_keys(void)
{
    const char *why = "";
    struct peer *leg;
    struct sdp sdp;

    begin();
    leg = sdp_leg();
    CU_ASSERT_EQUAL(session_sdp_offer(leg->session, &sdp, &why, w->now), 0);
    CU_ASSERT_EQUAL_FATAL(sdp.media[0].format_count, 5);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].format[0].name, "opus");
    CU_ASSERT_EQUAL(sdp.media[0].format[0].payload_type, SESSION_OPUS_PT);
    CU_ASSERT_STRING_EQUAL(sdp.media[0].format[4].name, "telephone-event");
    session_close(leg->session, SESSION_END_OPERATOR, w->now);
    end();
}

static void who_leaves_is_out_and_the_mix_goes_with_the_last(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    peer_hang_up(a);
    world_run(w);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 1);
    peer_hang_up(b);
    world_run(w);
    CU_ASSERT_PTR_NULL(world_mix(w, "demo"));
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    end();
}

static void who_waits_for_the_pin_is_neither_heard_nor_hears(void)
{
    struct peer *a;

    begin();
    strcpy(row->pin, "42");
    a = caller();
    CU_ASSERT_TRUE(part_of(a)->is_muted && part_of(a)->is_deaf);
    world_digit(mix(), world_port(w, a), '4');
    world_digit(mix(), world_port(w, a), '2');
    world_run(w);
    CU_ASSERT_FALSE(part_of(a)->is_muted || part_of(a)->is_deaf);
    CU_ASSERT_EQUAL(conferences_stats_of(w->conferences)->pin_accepted, 1);
    world_digit(mix(), world_port(w, a), '7');
    CU_ASSERT_EQUAL(world_events(w, "session.user_input"), 1);
    end();
}

static void password_of_h243_is_as_good_as_keys(void)
{
    struct peer *a, *b, *c;

    begin();
    strcpy(row->pin, "42");
    row->pin_tries = 1;
    a = world_peer(w);
    a->password = "42";
    enter(a, "demo");
    CU_ASSERT_EQUAL(a->heard.passwords, 1);
    CU_ASSERT_FALSE(part_of(a)->is_muted);
    CU_ASSERT_NOT_EQUAL(a->heard.number, 0);
    b = world_peer(w);
    b->password = "4"; /* too short is wrong, not a beginning */
    peer_call(b, "demo");
    world_run(w);
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(b->session)), "wrong_pin");
    c = caller(); /* knows no H.243 and has keys */
    CU_ASSERT_TRUE(part_of(c)->is_muted);
    CU_ASSERT_EQUAL(h245_send_user_input(c->h245, "42"), 0);
    world_run(w);
    CU_ASSERT_FALSE(part_of(c)->is_muted);
    end();
}

static void wrong_pin_by_telephone_events_ends_the_session(void)
{
    struct peer *a, *b;

    begin();
    strcpy(row->pin, "42");
    row->pin_tries = 1;
    a = caller();
    b = caller();
    world_digit(mix(), world_port(w, a), '4');
    world_digit(mix(), world_port(w, a), '3');
    world_run(w);
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(a->session)), "wrong_pin");
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    end();
}

/* ---- voices ---- */

static void mute_deafness_and_gain_reach_the_mixer(void)
{
    struct peer *a;
    struct conference_voice v = voice(true, true, -6);

    begin();
    a = caller();
    CU_ASSERT_EQUAL(conference_set_voice(demo(), a->session, &v), 0);
    CU_ASSERT_TRUE(part_of(a)->is_muted && part_of(a)->is_deaf);
    CU_ASSERT_EQUAL(part_of(a)->gain_db, -6);
    CU_ASSERT_TRUE(world_has_event(w, "conference.muted"));
    v = voice(false, false, 0);
    CU_ASSERT_EQUAL(conference_set_voice(demo(), a->session, &v), 0);
    CU_ASSERT_FALSE(part_of(a)->is_muted || part_of(a)->is_deaf);
    CU_ASSERT_EQUAL(world_events(w, "conference.muted"), 2);
    CU_ASSERT_EQUAL(conference_set_voice(demo(), a->session, &v), 0); /* no change, no event */
    CU_ASSERT_EQUAL(world_events(w, "conference.muted"), 2);
    end();
}

static void speaker_is_told_once_and_forgotten_when_it_leaves(void)
{
    struct peer *a, *b;
    json_t *j;

    begin();
    a = caller();
    b = caller();
    world_speaker(mix(), world_port(w, b));
    world_speaker(mix(), world_port(w, b));
    CU_ASSERT_EQUAL(world_events(w, "conference.speaker"), 1);
    j = conference_get_json(demo(), w->now);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "speaker")),
                    (json_int_t)session_id(b->session));
    json_decref(j);
    peer_hang_up(b);
    world_run(w);
    j = conference_get_json(demo(), w->now);
    CU_ASSERT_TRUE(json_is_null(json_object_get(j, "speaker")));
    json_decref(j);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

static void channel_that_closes_takes_its_direction_out_of_the_mix(void)
{
    struct peer *a;

    begin();
    a = caller();
    peer_close_channel(a, a->out_lcn);
    world_run(w);
    CU_ASSERT_EQUAL(part_of(a)->rx_count, 0);
    CU_ASSERT_EQUAL(part_of(a)->tx_codec, LINK_CODEC_PCMA);
    end();
}

/* ---- moving ---- */

static void moved_session_goes_on_in_the_other_mix(void)
{
    struct peer *a, *b, *c;
    const char *why = "";

    begin();
    a = caller();
    b = caller();
    c = enter(world_peer(w), "room7");
    CU_ASSERT_EQUAL(session_move(b->session, &w->settings->conferences[1], "room7", &why, w->now),
                    0);
    world_run(w);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 1);
    CU_ASSERT_EQUAL(world_mix_members(world_mix(w, "room7")), 2);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->mix, world_port(w, c)->mix);
    CU_ASSERT_EQUAL(a->heard.left, 1);
    CU_ASSERT_EQUAL(c->heard.joined, 1);
    CU_ASSERT_EQUAL(session_move(b->session, &w->settings->conferences[1], "room7", &why, w->now),
                    ERR_EXISTS);
    end();
}

/* The two are on one worker for its sake, and yet two conferences: what is said on data channels of
 * the one is nobody's business in the other. */
static void moved_session_takes_no_data_channels_along(void)
{
    const char *why = "";
    struct peer *a;

    begin();
    a = caller();
    (void)caller();
    CU_ASSERT_EQUAL(session_move(a->session, &w->settings->conferences[1], "room8", &why, w->now),
                    0);
    world_run(w);
    CU_ASSERT_EQUAL(conference_place(demo()),
                    conference_place(conferences_find(w->conferences, "room8")));
    CU_ASSERT_NOT_EQUAL(session_data_room(demo()),
                        session_data_room(conferences_find(w->conferences, "room8")));
    end();
}

static void session_does_not_move_where_it_does_not_fit(void)
{
    struct peer *a;
    const char *why = "";
    struct settings_conference relay, other;

    begin();
    a = caller();
    relay = other = *row;
    relay.kind = SETTINGS_CONFERENCE_RELAY;
    CU_ASSERT_EQUAL(session_move(a->session, &relay, "r", &why, w->now), ERR_STATE);
    other.codec_count = 1;
    other.codecs[0] = SETTINGS_CODEC_G722;
    CU_ASSERT_EQUAL(session_move(a->session, &other, "o", &why, w->now), ERR_UNSUPPORTED);
    world_run(w);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 1);
    CU_ASSERT_EQUAL(world_mix_members(mix()), 1);
    w->workers = 2; /* places go round: the next conference is on the other worker */
    (void)enter(world_peer(w), "room7");
    CU_ASSERT_EQUAL(session_move(a->session, row, "room7", &why, w->now), ERR_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "another worker"));
    CU_ASSERT_EQUAL(session_move(a->session, row, "room8", &why, w->now), 0);
    end();
}

/* ---- files ---- */

static void recording_is_told_from_its_start_to_its_end(void)
{
    const char *used = NULL, *why = "";
    struct peer *a;

    begin();
    a = caller();
    CU_ASSERT_EQUAL(conference_record_start(demo(), NULL, NULL, &used, &why), 0);
    CU_ASSERT_EQUAL(strncmp(used, "demo-", 5), 0);
    CU_ASSERT_EQUAL(conference_record_start(demo(), NULL, NULL, &used, &why), ERR_EXISTS);
    CU_ASSERT_EQUAL(conference_record_start(demo(), a->session, "../x", &used, &why), ERR_INVAL);
    CU_ASSERT_EQUAL(conference_record_start(demo(), a->session, "a.wav", &used, &why), 0);
    CU_ASSERT_EQUAL(mix()->records, 2);
    CU_ASSERT_EQUAL(conference_record_stop(demo(), NULL, &why), 0);
    world_run(w);
    CU_ASSERT_EQUAL(world_events(w, "conference.recording"), 3);
    CU_ASSERT_EQUAL(conference_record_stop(demo(), NULL, &why), ERR_NOTFOUND);
    end();
}

/* Its end comes when the session is gone; the event still says whose it was, and the recording of
 * the conference goes on. */
static void recording_of_a_member_that_has_left_is_told(void)
{
    const char *used = NULL, *why = "";
    struct peer *a;
    char told[64];

    begin();
    a = caller();
    (void)caller();
    CU_ASSERT_EQUAL(conference_record_start(demo(), NULL, "all.wav", &used, &why), 0);
    CU_ASSERT_EQUAL(conference_record_start(demo(), a->session, "a.wav", &used, &why), 0);
    snprintf(told, sizeof(told), "\"session\":%u,\"state\":\"stopped\"",
             (unsigned)session_id(a->session));
    session_close(a->session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(world_events(w, "conference.recording"), 3);
    CU_ASSERT_EQUAL(conference_record_start(demo(), NULL, NULL, &used, &why), ERR_EXISTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "already"));
    CU_ASSERT_EQUAL(world_mix(w, "demo")->files, 1); /* that of the conference */
    CU_ASSERT_TRUE(world_said(w, "conference.recording", told));
    end();
}

static void policy_records_without_being_asked(void)
{
    begin();
    row->record = SETTINGS_RECORD_MEMBERS;
    (void)caller();
    (void)caller();
    CU_ASSERT_EQUAL(mix()->records, 3);
    end();
}

static void recording_is_told_after_the_conference_has_ended(void)
{
    begin();
    row->record = SETTINGS_RECORD_CONFERENCE;
    (void)caller();
    conference_delete(demo());
    world_run(w);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT_EQUAL(world_events(w, "conference.recording"), 2); /* started, stopped */
    end();
}

static void announcement_plays_for_one_or_for_all(void)
{
    const char *why = "";
    struct peer *a;

    begin();
    a = caller();
    CU_ASSERT_EQUAL(conference_announce(demo(), NULL, "hello.wav", &why), 0);
    CU_ASSERT_EQUAL(conference_announce(demo(), a->session, "you.wav", &why), 0);
    CU_ASSERT_EQUAL(mix()->plays, 2);
    CU_ASSERT_TRUE(world_played(mix(), NULL, 0));
    CU_ASSERT_EQUAL(world_events(w, "conference.announcement"), 3);
    CU_ASSERT_EQUAL(conference_announce(demo(), NULL, "a/b.wav", &why), ERR_INVAL);
    CU_ASSERT_EQUAL(conference_stop_announce(demo(), a->session, &why), 0);
    world_run(w);
    end();
}

/* ---- what goes wrong ---- */

static void conference_ends_when_the_data_plane_has_no_mix(void)
{
    struct peer *a;

    begin();
    w->mix_result = ERR_LIMIT;
    a = world_peer(w);
    peer_call(a, "demo");
    world_run(w);
    CU_ASSERT_STRING_EQUAL(session_end_to_str(session_end_reason(a->session)), "no_resources");
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    end();
}

static void lost_data_plane_leaves_nothing_behind(void)
{
    struct peer *a, *b;

    begin();
    a = caller();
    b = caller();
    world_lose_data_plane(w);
    world_run(w);
    CU_ASSERT_NOT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_NOT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    end();
}

SUITE("server/conference_mix", TEST(each_session_has_its_own_codec),
      TEST(opus_has_the_numbers_that_each_side_gives), TEST(opus_without_a_payload_type_is_refused),
      TEST(session_without_a_common_codec_ends_alone), TEST(protected_and_plain_sessions_meet),
      TEST(leg_by_sdp_is_in_the_mix_with_its_own_numbers),
      TEST(offer_to_a_leg_by_sdp_has_all_codecs_and_keys),
      TEST(who_leaves_is_out_and_the_mix_goes_with_the_last),
      TEST(who_waits_for_the_pin_is_neither_heard_nor_hears),
      TEST(password_of_h243_is_as_good_as_keys),
      TEST(wrong_pin_by_telephone_events_ends_the_session),
      TEST(mute_deafness_and_gain_reach_the_mixer),
      TEST(speaker_is_told_once_and_forgotten_when_it_leaves),
      TEST(channel_that_closes_takes_its_direction_out_of_the_mix),
      TEST(moved_session_goes_on_in_the_other_mix),
      TEST(moved_session_takes_no_data_channels_along),
      TEST(session_does_not_move_where_it_does_not_fit),
      TEST(recording_is_told_from_its_start_to_its_end), TEST(policy_records_without_being_asked),
      TEST(recording_of_a_member_that_has_left_is_told),
      TEST(recording_is_told_after_the_conference_has_ended),
      TEST(announcement_plays_for_one_or_for_all),
      TEST(conference_ends_when_the_data_plane_has_no_mix),
      TEST(lost_data_plane_leaves_nothing_behind))
