/* Kinds with one codec for all, when somebody comes who cannot receive it: the others change if
 * they can, and only then; if not, the newcomer alone ends. */
#include "fake_world.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "signalling/h245/procedures.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

static struct world *w;

static void begin(enum settings_conference_kind kind)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->settings->media.video_count = 0; /* what is offered of it depends on who is there */
    w->settings->conferences[0].kind = kind;
    w->settings->conferences[0].max_sessions = kind == SETTINGS_CONFERENCE_RELAY ? 2 : 5;
}

static void end(void)
{
    for (size_t i = 0; i < w->peer_count; i++)
        if (session_state(w->peers[i].session) == SESSION_ACTIVE)
            session_close(w->peers[i].session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_destroy(w);
}

static void settle(void)
{
    world_run(w);
    world_pass(w, 1); /* others follow by their timers */
    world_run(w);
}

static struct peer *enter(struct peer *p)
{
    peer_call(p, "demo");
    world_run(w);
    if (session_state(p->session) == SESSION_ACTIVE)
        world_keyed(w, p);
    settle();
    return p;
}

/* Both laws of G.711. */
static struct peer *any_law(void)
{
    return enter(world_peer(w));
}

static struct peer *one_law(enum h245_codec codec)
{
    struct peer *p = world_peer(w);

    p->audio[0].codec = codec;
    p->audio_count = 1;
    return enter(p);
}

/* What a terminal does that has said yes. */
static void follow(struct peer *p)
{
    peer_close(p);
    settle();
    p->out_lcn = 0;
    peer_open(p, p->heard.audio_mode);
    settle();
}

/* By the primary lane; the others of a forward follow their sources. */
static enum h245_codec codec_to(const struct peer *p)
{
    for (size_t i = 0; i < PEER_CHANNELS_MAX; i++)
        if (p->channels[i].lcn != 0 && p->channels[i].kind == H245_MEDIA_AUDIO &&
            p->channels[i].session_id == 1 && p->channels[i].direction == H245_INCOMING)
            return p->channels[i].audio.codec;
    return H245_CODEC_UNKNOWN;
}

static void alone_one_changes_for_who_comes(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMA);
    a->follows_modes = true;
    b = one_law(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(session_state(b->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(a->heard.audio_mode, H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->caps.audio_count, 1); /* and told by capabilities, too */
    CU_ASSERT_EQUAL(a->caps.audio[0].audio.codec, H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMU); /* our own channel is changed already */
    CU_ASSERT_EQUAL(codec_to(b), H245_CODEC_PCMU);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    CU_ASSERT_PTR_NULL(world_port(w, a)->to); /* what a still sends is nothing for b */
    follow(a);
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_EQUAL(b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    end();
}

static void nothing_is_changed_for_who_can_do_with_what_there_is(void)
{
    struct peer *a;
    size_t sets;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    sets = a->tcs_count;
    (void)one_law(H245_CODEC_PCMA);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(a->tcs_count, sets);
    CU_ASSERT_EQUAL(a->closed_in, 0);
    CU_ASSERT_PTR_NOT_NULL(world_port(w, a)->to);
    end();
}

static void who_refuses_the_mode_has_its_channel_closed(void)
{
    struct peer *a;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    (void)one_law(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    settle();
    CU_ASSERT_PTR_NULL(peer_channel(a, H245_MEDIA_AUDIO, H245_OUTGOING));
    CU_ASSERT_EQUAL(session_state(a->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMU); /* it hears, at least */
    end();
}

static void newcomer_without_a_common_codec_ends_and_nobody_notices(void)
{
    struct peer *a, *b, *c;
    size_t sets;

    begin(SETTINGS_CONFERENCE_FORWARD);
    a = one_law(H245_CODEC_PCMA);
    b = any_law();
    sets = a->tcs_count + b->tcs_count;
    c = one_law(H245_CODEC_PCMU); /* a cannot */
    CU_ASSERT_TRUE(c->is_released);
    CU_ASSERT_EQUAL(session_end_reason(c->session), SESSION_END_NO_CODEC);
    CU_ASSERT_EQUAL(a->tcs_count + b->tcs_count, sets);
    CU_ASSERT_EQUAL(a->heard.mode_requests + b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 1);
    CU_ASSERT_EQUAL(world_port(w, b)->receivers, 1);
    CU_ASSERT_EQUAL(a->closed_in + b->closed_in, 0);
    end();
}

static void all_of_a_forward_change_together(void)
{
    struct peer *a, *b, *c;

    begin(SETTINGS_CONFERENCE_FORWARD);
    a = any_law();
    b = any_law();
    a->follows_modes = b->follows_modes = true;
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 1);
    c = one_law(H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(b->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 0); /* A-law is nobody's any more */
    follow(a);
    follow(b);
    world_pass(w, 1);
    settle();
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 2);
    CU_ASSERT_EQUAL(world_port(w, b)->receivers, 2);
    CU_ASSERT_EQUAL(world_port(w, c)->receivers, 2);
    end();
}

/* ---- wishes ---- */

static int ask(struct peer *p, enum h245_codec codec, struct session_refusal *why)
{
    int err = session_request_mode(p->session, codec, why, w->now);

    settle();
    return err;
}

static void mode_that_all_can_do_is_one_for_all(void)
{
    struct session_refusal why;
    struct peer *p[3];

    begin(SETTINGS_CONFERENCE_FORWARD);
    for (size_t i = 0; i < 3; i++) {
        p[i] = any_law();
        p[i]->follows_modes = true;
    }
    CU_ASSERT_EQUAL(ask(p[1], H245_CODEC_PCMU, &why), 0);
    CU_ASSERT_TRUE(world_has_event(w, "conference.codec"));
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(p[i]->heard.mode_requests, 1);
        CU_ASSERT_EQUAL(p[i]->heard.audio_mode, H245_CODEC_PCMU);
        CU_ASSERT_EQUAL(codec_to(p[i]), H245_CODEC_PCMU);
        follow(p[i]);
        CU_ASSERT_FALSE(p[i]->was_refused);
    }
    world_pass(w, 1);
    settle();
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(world_port(w, p[i])->receivers, 2);
    end();
}

static void mode_that_one_cannot_do_is_refused_before_anything_is_sent(void)
{
    struct session_refusal why;
    struct peer *a, *b, *c;
    char number[32];

    begin(SETTINGS_CONFERENCE_FORWARD);
    a = any_law();
    b = one_law(H245_CODEC_PCMA);
    c = any_law();
    CU_ASSERT_EQUAL(ask(a, H245_CODEC_PCMU, &why), ERR_REFUSED);
    snprintf(number, sizeof(number), "session %llu ", (unsigned long long)session_id(b->session));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, number)); /* which one it is */
    CU_ASSERT_EQUAL(ask(a, H245_CODEC_G722, &why), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "the conference has no G722"));
    CU_ASSERT_EQUAL(a->heard.mode_requests + b->heard.mode_requests + c->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMA);
    CU_ASSERT_EQUAL(world_port(w, a)->receivers, 2);
    end();
}

static void request_mode(struct peer *p, enum h245_AudioMode_kind kind)
{
    struct h245_AudioMode audio = {.kind = kind};
    struct h245_ModeElement element = {
        .type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio}};
    struct h245_ModeDescription mode = {1, &element};
    struct h245_RequestMode request = {.requestedModes = {1, &mode}};

    CU_ASSERT_EQUAL(h245_mode_request(p->h245, &request, w->now), 0);
    settle();
}

static void peers_wish_is_followed_by_all_but_not_all_the_time(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    b = any_law();
    a->follows_modes = b->follows_modes = true;
    request_mode(a, h245_AudioMode_g711Ulaw64k);
    CU_ASSERT_EQUAL(a->heard.mode, H245_MODE_MOST_PREFERRED);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(codec_to(b), H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(b->heard.audio_mode, H245_CODEC_PCMU);
    follow(a);
    follow(b);
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    request_mode(b, h245_AudioMode_g711Alaw64k); /* not yet */
    CU_ASSERT_EQUAL(b->heard.mode, H245_MODE_MULTIPOINT);
    CU_ASSERT_EQUAL(codec_to(b), H245_CODEC_PCMU);
    world_pass(w, 5000);
    request_mode(b, h245_AudioMode_g711Alaw64k);
    CU_ASSERT_EQUAL(b->heard.mode, H245_MODE_MOST_PREFERRED);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMA);
    end();
}

static void peer_that_opens_another_codec_in_a_call_takes_all_along(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    b = any_law();
    a->follows_modes = b->follows_modes = true;
    peer_close(a);
    settle();
    peer_open(a, H245_CODEC_PCMU);
    settle();
    CU_ASSERT_FALSE(a->was_refused);
    CU_ASSERT_EQUAL(a->heard.mode_requests, 0); /* it sends what all do now */
    CU_ASSERT_EQUAL(b->heard.mode_requests, 1);
    CU_ASSERT_EQUAL(codec_to(a), H245_CODEC_PCMU);
    CU_ASSERT_EQUAL(codec_to(b), H245_CODEC_PCMU);
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    follow(b);
    CU_ASSERT_PTR_EQUAL(world_port(w, b)->to, world_port(w, a));
    end();
}

static void peer_that_opens_what_another_cannot_hear_is_rejected(void)
{
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_RELAY);
    a = any_law();
    b = one_law(H245_CODEC_PCMA);
    peer_close(a);
    settle();
    peer_open(a, H245_CODEC_PCMU);
    settle();
    CU_ASSERT_TRUE(a->was_refused);
    CU_ASSERT_EQUAL(a->refused_cause, H245_OLC_TYPE_NOT_AVAILABLE);
    CU_ASSERT_EQUAL(b->heard.mode_requests, 0);
    CU_ASSERT_EQUAL(codec_to(b), H245_CODEC_PCMA);
    peer_open(a, H245_CODEC_PCMA);
    settle();
    CU_ASSERT_PTR_EQUAL(world_port(w, a)->to, world_port(w, b));
    end();
}

static void mix_does_any_codec_that_it_has(void)
{
    static const enum settings_codec codecs[] = {SETTINGS_CODEC_G711_ALAW, SETTINGS_CODEC_G722,
                                                 SETTINGS_CODEC_OPUS};
    struct session_refusal why;
    struct peer *a, *b;

    begin(SETTINGS_CONFERENCE_MIX);
    w->settings->conferences[0].sample_rate = 16000;
    w->settings->conferences[0].codec_count = 3;
    memcpy(w->settings->conferences[0].codecs, codecs, sizeof(codecs));
    a = world_peer(w);
    a->audio[1].codec = H245_CODEC_G722;
    a->follows_modes = true;
    (void)enter(a);
    b = one_law(H245_CODEC_PCMA);
    CU_ASSERT_EQUAL(ask(a, H245_CODEC_PCMU, &why), ERR_REFUSED); /* not in its row */
    CU_ASSERT_EQUAL(ask(a, H245_CODEC_OPUS, &why), 0);
    CU_ASSERT_EQUAL(a->heard.audio_mode, H245_CODEC_OPUS);
    CU_ASSERT_EQUAL(ask(a, H245_CODEC_G722, &why), 0);
    CU_ASSERT_EQUAL(a->heard.audio_mode, H245_CODEC_G722);
    follow(a);
    CU_ASSERT_FALSE(a->was_refused);
    CU_ASSERT_EQUAL(world_port(w, a)->member.rx[0].codec, LINK_CODEC_G722);
    CU_ASSERT_EQUAL(world_port(w, a)->member.tx_codec, LINK_CODEC_PCMA); /* was not meant */
    request_mode(a, h245_AudioMode_g722_64k);
    CU_ASSERT_EQUAL(a->heard.mode, H245_MODE_MOST_PREFERRED);
    CU_ASSERT_EQUAL(world_port(w, a)->member.tx_codec, LINK_CODEC_G722);
    CU_ASSERT_EQUAL(world_port(w, b)->member.tx_codec, LINK_CODEC_PCMA);
    CU_ASSERT_EQUAL(b->heard.mode_requests, 0);
    request_mode(b, h245_AudioMode_g722_64k); /* which it has not said that it can receive */
    CU_ASSERT_EQUAL(b->heard.mode, H245_MODE_MULTIPOINT);
    end();
}

SUITE("server/conference_codec", TEST(alone_one_changes_for_who_comes),
      TEST(nothing_is_changed_for_who_can_do_with_what_there_is),
      TEST(who_refuses_the_mode_has_its_channel_closed),
      TEST(newcomer_without_a_common_codec_ends_and_nobody_notices),
      TEST(all_of_a_forward_change_together), TEST(mode_that_all_can_do_is_one_for_all),
      TEST(mode_that_one_cannot_do_is_refused_before_anything_is_sent),
      TEST(peers_wish_is_followed_by_all_but_not_all_the_time),
      TEST(peer_that_opens_another_codec_in_a_call_takes_all_along),
      TEST(peer_that_opens_what_another_cannot_hear_is_rejected),
      TEST(mix_does_any_codec_that_it_has))
