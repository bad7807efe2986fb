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

/* 0: without a limit. */
static bool is_more_rate(uint32_t before, uint32_t now)
{
    return before != 0 && (now == 0 || now > before);
}

/* Is more possible than it was asked for, or told by capabilities when it began? */
static bool is_more(const struct h245_video_set *asked, const struct h245_video_set *wanted)
{
    return wanted->codec != asked->codec || wanted->level > asked->level ||
           is_more_rate(asked->bit_rate, wanted->bit_rate);
}

/* Does it send less for that? What it has chosen itself is not to be taken back by us. */
static bool is_held_back(const struct h245_video_set *sent, const struct h245_video_set *asked,
                         const struct h245_video_set *wanted)
{
    return sent->level < wanted->level ||
           (sent->bit_rate == asked->bit_rate && is_more_rate(sent->bit_rate, wanted->bit_rate));
}

/* What was asked for once is not asked for again, whatever the answer was. Who begins with just
 * what our capabilities allowed may have been held back by them: it is treated as if it had been
 * asked.
 */
static void update_source(struct conference *c, struct member *m)
{
    const struct h245_relayed *sends = session_sends(m->session, H245_MEDIA_VIDEO);
    struct h245_video_set sent, wanted;
    struct h245_relayed common;

    if (sends == NULL || !find_wanted(c, m, sends, &common) || !read_set(sends, &sent) ||
        !read_set(&common, &wanted))
        return;
    if (!h245_video_set_fits(&sent, &wanted)) {
        if (m->is_told || !is_same_set(&m->asked_mode, &wanted))
            ask(c, m, &common, wanted.codec, true);
        m->asked_mode = wanted;
        m->is_told = false;
    } else if (m->asked_mode.level != 0 && is_more(&m->asked_mode, &wanted)) {
        struct h245_video_set asked = m->asked_mode;

        m->asked_mode = wanted;
        m->is_told = true;
        if (is_held_back(&sent, &asked, &wanted)) /* else there is nothing to take back */
            ask(c, m, &common, wanted.codec, false);
    } else if (m->asked_mode.level == 0 && sent.level == wanted.level) {
        m->asked_mode = wanted;
        m->is_told = true;
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
