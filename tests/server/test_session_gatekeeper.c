/* A session and its gatekeeper: admission, bandwidth with its limits, what is reported, and the
 * order of good-byes. */
#include "fake_world.h"

#include <string.h>

#include "base/err.h"
#include "server/session/session_priv.h"
#include "tests/suite.h"

static struct world *w;

static struct {
    int admit_result;
    bool answers_at_once;
    struct session_admitted answer;
    unsigned admissions, disengagements, bandwidths, sent, received, connected, alerted;
    uint32_t asked_first, needed;
    bool had_setup, was_released_first;
    uint8_t last_sent;
} gk;

static int admit(void *user, struct session *s, const struct session_admission *a)
{
    (void)user;
    gk.admissions++;
    gk.asked_first = a->bandwidth;
    gk.had_setup = a->setup.len > 0;
    if (gk.admit_result == 0 && gk.answers_at_once)
        session_on_admitted(s, &gk.answer, w->now);
    return gk.admit_result;
}

static void disengage(void *user, struct session *s, unsigned cause)
{
    (void)user;
    (void)s;
    (void)cause;
    gk.disengagements++;
    gk.was_released_first = gk.last_sent == Q931_RELEASE_COMPLETE;
}

static void bandwidth(void *user, struct session *s, uint32_t needed)
{
    (void)user;
    (void)s;
    gk.bandwidths++;
    gk.needed = needed;
}

static void signalling(void *user, struct session *s, bool is_sent, const uint8_t *message,
                       size_t len)
{
    uint16_t ref;
    bool flag;

    (void)user;
    (void)s;
    gk.sent += is_sent;
    gk.received += !is_sent;
    if (is_sent)
        CU_ASSERT_EQUAL(h225_call_peek(message, len, &ref, &flag, &gk.last_sent), 0);
}

static void progress(void *user, struct session *s, enum session_progress p)
{
    (void)user;
    (void)s;
    gk.connected += p == SESSION_PROGRESS_CONNECTED;
    gk.alerted += p == SESSION_PROGRESS_ALERTING;
}

/* A world whose gatekeeper lets calls in with that bandwidth, 0: as asked for. */
static void begin(uint32_t granted)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    memset(&gk, 0, sizeof(gk));
    gk.answers_at_once = true;
    gk.answer.bandwidth = granted > 0 ? granted : SESSION_AUDIO_BANDWIDTH;
    w->ops.admit = admit;
    w->ops.disengage = disengage;
    w->ops.bandwidth = bandwidth;
    w->ops.signalling = signalling;
    w->ops.progress = progress;
}

static void end(void)
{
    world_destroy(w);
}

static struct peer *whole_call(void)
{
    struct peer *p = world_peer(w);

    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_TRUE_FATAL(p->in_open && p->out_open);
    return p;
}

static void call_waits_for_its_admission(void)
{
    struct peer *p;

    begin(0);
    gk.answers_at_once = false;
    p = world_peer(w);
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_EQUAL(gk.admissions, 1);
    CU_ASSERT_TRUE(gk.had_setup);
    CU_ASSERT_EQUAL(gk.asked_first, SESSION_AUDIO_BANDWIDTH);
    CU_ASSERT_FALSE(p->is_connected);
    session_on_admitted(p->session, &gk.answer, w->now);
    world_run(w);
    CU_ASSERT_TRUE(p->is_connected && p->in_open && p->out_open);
    CU_ASSERT_EQUAL(gk.connected, 1);
    CU_ASSERT_EQUAL(gk.bandwidths, 0); /* two G.711 channels are what was asked for */
    end();
}

static void refused_call_is_not_disengaged(void)
{
    struct peer *p;

    begin(0);
    gk.answer.verdict = SESSION_END_NOT_ADMITTED;
    p = world_peer(w);
    peer_call(p, "demo");
    world_run(w);
    CU_ASSERT_TRUE(p->is_released);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_NO_PERMISSION);
    CU_ASSERT_EQUAL(gk.disengagements, 0);
    end();
}

static void caller_is_sent_to_the_gatekeeper(void)
{
    struct peer *p;

    begin(0);
    gk.answers_at_once = false;
    p = world_peer(w);
    peer_call(p, "demo");
    world_run(w);
    gk.answer.verdict = SESSION_END_NOT_ADMITTED;
    CU_ASSERT_EQUAL(addr_parse("192.0.2.9:1720", &gk.answer.destination), 0);
    session_on_admitted(p->session, &gk.answer, w->now);
    world_run(w);
    CU_ASSERT_TRUE(p->is_released);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_DEFLECTED);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_FORWARDED);
    CU_ASSERT_EQUAL(w->env.stats.forwarded_away, 1);
    CU_ASSERT_EQUAL(gk.disengagements, 0);
    end();
}

static void release_goes_out_before_the_gatekeeper_hears_of_it(void)
{
    struct peer *p;

    begin(0);
    p = whole_call();
    session_close(p->session, SESSION_END_OPERATOR, w->now);
    world_run(w);
    CU_ASSERT_EQUAL(gk.disengagements, 1);
    CU_ASSERT_TRUE(gk.was_released_first);
    CU_ASSERT_TRUE(gk.sent >= 2); /* Connect, ReleaseComplete */
    end();
}

static void closed_channel_is_told_when_it_stays_closed(void)
{
    struct peer *p;

    begin(0);
    p = whole_call();
    peer_close(p);
    world_run(w);
    world_pass(w, 1900);
    CU_ASSERT_EQUAL(gk.bandwidths, 0);
    world_pass(w, 200);
    world_run(w);
    CU_ASSERT_EQUAL(gk.bandwidths, 1);
    CU_ASSERT_EQUAL(gk.needed, session_bandwidth(p->session));
    CU_ASSERT_TRUE(gk.needed < SESSION_AUDIO_BANDWIDTH);
    peer_open(p, H245_CODEC_PCMA);
    world_run(w);
    CU_ASSERT_EQUAL(gk.bandwidths, 2);
    CU_ASSERT_TRUE(gk.needed > 0);
    end();
}

static void less_than_audio_ends_the_call(void)
{
    struct peer *p;

    begin(0);
    p = whole_call();
    session_on_bandwidth(p->session, 640, w->now);
    CU_ASSERT_FALSE(p->is_released); /* not from within the gatekeeper's engine */
    world_pass(w, 1);
    world_run(w);
    CU_ASSERT_TRUE(world_has_event(w, "session.bandwidth"));
    CU_ASSERT_TRUE(p->is_released);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_NO_BANDWIDTH);
    CU_ASSERT_EQUAL(gk.disengagements, 1);
    end();
}

static void grant_below_what_channels_need_asks_for_more(void)
{
    struct peer *p;

    begin(640);
    gk.answer.bandwidth = 640;
    p = whole_call();
    CU_ASSERT_FALSE(p->is_released);
    CU_ASSERT_EQUAL(gk.bandwidths, 1);
    CU_ASSERT_EQUAL(gk.needed, SESSION_AUDIO_BANDWIDTH);
    session_on_bandwidth(p->session, 1280, w->now);
    world_pass(w, 1);
    world_run(w);
    CU_ASSERT_FALSE(p->is_released);
    end();
}

/* The peer's channel as if it carried a picture: the engines at both ends know its number. */
static void becomes_video(struct session *s, uint32_t rate)
{
    struct session_channel *c = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    c->kind = H245_MEDIA_VIDEO;
    c->rate = rate;
    session_channel_is_open(s, c);
}

static void video_asks_for_more_and_yields_when_refused(void)
{
    struct peer *p;

    begin(0);
    p = whole_call();
    becomes_video(p->session, 7680);
    CU_ASSERT_EQUAL(gk.needed, 640 + 7680);
    session_on_bandwidth(p->session, 4640, w->now); /* BandwidthReject: that much and no more */
    world_pass(w, 1);
    world_run(w);
    CU_ASSERT_FALSE(p->is_released);
    CU_ASSERT_EQUAL(p->flow_lcn, p->out_lcn);
    CU_ASSERT_EQUAL(p->flow_rate, 4000);
    CU_ASSERT_EQUAL(session_bandwidth(p->session), 4640);
    CU_ASSERT_EQUAL(gk.bandwidths, 1);              /* it knows what it said */
    session_on_bandwidth(p->session, 9000, w->now); /* a BandwidthRequest of its own: more again */
    world_pass(w, 1);
    world_run(w);
    CU_ASSERT_EQUAL(p->flow_rate, UINT32_MAX);
    CU_ASSERT_EQUAL(session_bandwidth(p->session), 640 + 7680);
    end();
}

SUITE("server/session_gatekeeper", TEST(call_waits_for_its_admission),
      TEST(refused_call_is_not_disengaged), TEST(caller_is_sent_to_the_gatekeeper),
      TEST(release_goes_out_before_the_gatekeeper_hears_of_it),
      TEST(closed_channel_is_told_when_it_stays_closed), TEST(less_than_audio_ends_the_call),
      TEST(grant_below_what_channels_need_asks_for_more),
      TEST(video_asks_for_more_and_yields_when_refused))
