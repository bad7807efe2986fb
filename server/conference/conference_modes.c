/* What sources of video in a mix are asked to send, so that those who came later can see them.
 *
 * Everybody is told by capabilities what all others can take (conference_video.c). That holds for
 * channels to come; one that is open already is asked for by RequestMode, which a terminal has to
 * follow in a multipoint conference, when somebody is there who cannot take it: that one alone is
 * not shown it meanwhile, the others go on seeing it. Who was asked to send less is asked for more
 * when there is nobody any more for whom that was. */
#include "server/conference/conference_mix.h"

#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "server/session/session_video.h"
#include "signalling/h245/video.h"

/* A source that follows closes its channel and opens another. Who sees it keeps its own channel so
 * long, instead of being made to close and open it as well. */
#define CHANGE_MS 5000

bool conference_video_fits(const struct member *source, const struct member *to,
                           enum h245_media medium)
{
    const struct h245_relayed *sends = session_sends(source->session, medium);
    const struct h245_peer_caps *caps = session_peer_caps(to->session);
    bool is_fitting = caps == NULL; /* it has not said, as a leg by SDP never does */
    struct arena a;

    if (sends == NULL)
        return false;
    arena_init(&a, 1024, 16384);
    for (size_t i = 0; !is_fitting && i < caps->relayed_count; i++) {
        arena_reset(&a);
        is_fitting = h245_video_fits(&a, sends, &caps->relayed[i]);
    }
    arena_fini(&a);
    return is_fitting;
}

static bool read_set(const struct h245_relayed *r, struct h245_video_set *out)
{
    struct arena a;
    int err;

    arena_init(&a, 1024, 16384);
    err = h245_video_set_read(&a, r, out);
    arena_fini(&a);
    return err == 0;
}

/* What is sent may come at a rate that its channel allows and the viewer's capability does not. */
uint32_t conference_video_rate(const struct member *source, const struct member *to,
                               enum h245_media medium)
{
    const struct h245_relayed *sends = session_sends(source->session, medium);
    const struct h245_peer_caps *caps = session_peer_caps(to->session);
    struct h245_video_set sent, taken;
    uint32_t best = 0;

    if (sends == NULL || caps == NULL || !read_set(sends, &sent))
        return SESSION_RATE_ANY;
    for (size_t i = 0; i < caps->relayed_count; i++) {
        if (!h245_relayed_is_same(&caps->relayed[i], sends) || !read_set(&caps->relayed[i], &taken))
            continue;
        if (taken.bit_rate == 0)
            return SESSION_RATE_ANY;
        best = taken.bit_rate > best ? taken.bit_rate : best;
    }
    return best == 0 || (sent.bit_rate != 0 && sent.bit_rate <= best) ? SESSION_RATE_ANY : best;
}

static bool is_same_set(const struct h245_video_set *a, const struct h245_video_set *b)
{
    return a->codec == b->codec && a->profiles == b->profiles && a->level == b->level &&
           a->is_high_tier == b->is_high_tier;
}

static void ask(struct conference *c, struct member *m, const struct h245_relayed *mode,
                enum h245_video_codec codec, bool is_lower)
{
    log_info(LOG_AREA_CONFERENCE, session_id(m->session),
             is_lower ? "asked to send video that all can take" : "may send more video again",
             LOG_S("conference", c->name));
    session_request_video(m->session, mode, conference_now(c->all));
    m->mode_codec = codec;
    timer_start(c->all->env->timers, &m->mode_timer, conference_now(c->all) + CHANGE_MS);
}

/* What all others can take of what the member sends; where that is nothing, of another codec that
 * it can receive itself: who has both is not left talking to the wall in the one. */
static bool find_wanted(const struct conference *c, const struct member *m,
                        const struct h245_relayed *sends, struct h245_relayed *common)
{
    const struct h245_peer_caps *caps = session_peer_caps(m->session);

    if (conference_video_common(c, m->session, sends->name, common))
        return true;
    if (caps == NULL || !conference_video_best(c, m->session, common))
        return false;
    for (size_t i = 0; i < caps->relayed_count; i++)
        if (h245_relayed_is_same(&caps->relayed[i], common))
            return true;
    return false;
}

/* What was asked for once is not asked for again, whatever the answer was. */
static void update_source(struct conference *c, struct member *m)
{
    const struct h245_relayed *sends = session_sends(m->session, H245_MEDIA_VIDEO);
    struct h245_video_set sent, wanted;
    struct h245_relayed common;

    if (sends == NULL || !find_wanted(c, m, sends, &common) || !read_set(sends, &sent) ||
        !read_set(&common, &wanted))
        return;
    if (!h245_video_set_fits(&sent, &wanted)) {
        if (!is_same_set(&m->asked_mode, &wanted))
            ask(c, m, &common, wanted.codec, true);
        m->asked_mode = wanted;
    } else if (m->asked_mode.level != 0 &&
               (wanted.codec != m->asked_mode.codec || wanted.level > m->asked_mode.level)) {
        memset(&m->asked_mode, 0, sizeof(m->asked_mode));
        if (sent.level < wanted.level) /* else it has not followed: there is nothing to take back */
            ask(c, m, &common, wanted.codec, false);
    }
}

/* ---- while a source changes ---- */

static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct member *m = ctx;

    (void)timer;
    (void)now;
    conference_update(m->conference);
}

void conference_modes_begin(struct member *m)
{
    timer_init(&m->mode_timer, on_timer, m);
}

void conference_modes_leave(struct conference *c, struct member *gone)
{
    timer_cancel(c->all->env->timers, &gone->mode_timer);
}

const char *conference_modes_coming(const struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (timer_is_running(&m->mode_timer))
            return h245_video_codec_to_str(m->mode_codec);
    }
    return NULL;
}

void conference_modes_update(struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    update_source(c, m);
}
