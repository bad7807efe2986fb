/* Video of a mix: not mixed, but that of one member at a time.
 *
 * Each member sees one other; which one follows from the layout and from who speaks. All members
 * send in one codec, with the profile and level that all the others can take, so that whoever is
 * chosen can be seen by all. The receiver has one stream for all of it: the data plane keeps SSRC,
 * sequence numbers and timestamps going over a switch (media_ops.switch_source) and asks the new
 * source for a key frame by RTCP; we ask by H.245, for endpoints that hear only that. H.224 of a
 * member goes to whom it sees: far-end camera control moves the camera that one is looking at. */
#include "server/conference/conference_mix.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "server/conference/h243.h"
#include "server/session/session_mix.h"
#include "server/session/session_video.h"
#include "signalling/h245/video.h"

#define VIDEO_CLOCK 90000
#define H263_STATIC 34
/* Lanes of H.224 are those of who sends it, since several may look at one camera. */
#define H224_LANE         32
#define VIDEO_LANE        1
#define PRESENTATION_LANE 2

/* ---- codec ---- */

static const char *const video_names[] = {
    [SETTINGS_VIDEO_H264] = "H264",
    [SETTINGS_VIDEO_H265] = "H265",
    [SETTINGS_VIDEO_H263] = "H263",
    [SETTINGS_VIDEO_H261] = "H261",
};

static const struct h245_relayed *find_cap(const struct session *s, enum h245_media media,
                                           const char *name)
{
    const struct h245_peer_caps *caps = session_peer_caps(s);

    for (size_t i = 0; caps != NULL && i < caps->relayed_count; i++)
        if (caps->relayed[i].media == media && strcmp(caps->relayed[i].name, name) == 0)
            return &caps->relayed[i];
    return NULL;
}

/* What everybody but `s` can receive of this codec, or as much as any of them: `takers` tells how
 * many. The arena is the caller's. */
static int common_cap(const struct conference *c, const struct session *s, enum h245_media medium,
                      const char *name, struct arena *a, struct h245_relayed *out, unsigned *takers)
{
    int err = h245_relayed_usual(a, name, out);

    *takers = 0;
    if (err == 0)
        out->media = medium;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        const struct h245_relayed *cap =
            m->session != s && !m->is_waiting ? find_cap(m->session, medium, name) : NULL;
        struct h245_relayed common;

        if (err == 0 && cap != NULL && h245_video_common(a, out, cap, &common) == 0) {
            *out = common;
            (*takers)++;
        }
    }
    return err;
}

bool conference_video_common(const struct conference *c, const struct session *s, const char *name,
                             struct h245_relayed *out)
{
    struct session_env *env = c->all->env;
    unsigned takers = 0;
    int err;

    arena_reset(&env->scratch);
    err = common_cap(c, s, H245_MEDIA_VIDEO, name, &env->scratch, out, &takers);
    arena_reset(&env->scratch);
    return err == 0 && takers > 0;
}

/* One codec for all: the one that most can receive, of equals the first of the configuration. But
 * one that `s` has itself comes first, for who receives a codec mostly is who can send it: to offer
 * it what the many have would only mean that nobody sees it. */
static int choose_codec(const struct conference *c, const struct session *s, enum h245_media medium,
                        struct h245_relayed *out)
{
    struct session_env *env = c->all->env;
    const struct settings_media *media = &env->settings->media;
    unsigned best = 0;
    int err = ERR_NOTFOUND;

    for (uint32_t i = 0; i < media->video_count; i++) {
        struct h245_relayed cap;
        const char *name = video_names[media->video[i]];
        unsigned takers, rank;

        arena_reset(&env->scratch);
        if (common_cap(c, s, medium, name, &env->scratch, &cap, &takers) != 0 || takers == 0)
            continue;
        rank = takers + (find_cap(s, medium, name) != NULL ? H243_MEMBERS_MAX : 0);
        if (rank <= best)
            continue;
        best = rank;
        *out = cap;
        err = 0;
    }
    arena_reset(&env->scratch);
    return err;
}

bool conference_video_best(const struct conference *c, const struct session *s,
                           struct h245_relayed *out)
{
    return choose_codec(c, s, H245_MEDIA_VIDEO, out) == 0;
}

int conference_present_offer(const struct conference *c, const struct session *s,
                             struct h245_relayed *out)
{
    return choose_codec(c, s, H245_MEDIA_PRESENTATION, out);
}

static const struct h245_relayed *h224_of_others(const struct conference *c,
                                                 const struct session *s)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        const struct h245_relayed *cap = m->session != s && !m->is_waiting
                                             ? find_cap(m->session, H245_MEDIA_DATA, "h224")
                                             : NULL;

        if (cap != NULL)
            return cap;
    }
    return NULL;
}

size_t conference_video_offer(const struct conference *c, const struct session *s,
                              struct h245_relayed *offer, size_t max)
{
    struct session_env *env = c->all->env;
    const struct settings_media *media = &env->settings->media;
    const struct h245_relayed *h224 = h224_of_others(c, s);
    size_t n = 0;

    if (max > 0 && choose_codec(c, s, H245_MEDIA_VIDEO, &offer[0]) == 0) {
        n = 1;
    } else { /* nobody is there to be sent to: anything may come */
        arena_reset(&env->scratch);
        for (uint32_t i = 0; i < media->video_count && n < max; i++)
            if (h245_relayed_usual(&env->scratch, video_names[media->video[i]], &offer[n]) == 0)
                n++;
        arena_reset(&env->scratch);
    }
    /* Without anybody who could see it nobody needs to know that it could present. */
    if (n < max && conference_present_offer(c, s, &offer[n]) == 0)
        n++;
    if (h224 != NULL && media->pass_unknown && n < max)
        offer[n++] = *h224;
    return n;
}

bool conference_video_relays(const struct conference *c, const struct session *s,
                             const struct h245_relayed *relayed)
{
    struct h245_relayed offer[H245_RELAYED_CAPS_MAX];
    size_t n = conference_video_offer(c, s, offer, H245_RELAYED_CAPS_MAX);

    for (size_t i = 0; i < n; i++)
        if (h245_relayed_is_same(&offer[i], relayed))
            return true;
    return false;
}

/* ---- who sees whom ---- */

bool conference_video_is_source(const struct member *m, const struct member *to)
{
    return m != to && !m->is_waiting && !m->is_muted &&
           session_sends(m->session, H245_MEDIA_VIDEO) != NULL;
}

static bool is_showable(const struct member *m, const struct member *to)
{
    return m != NULL && conference_video_is_source(m, to) &&
           conference_video_fits(m, to, H245_MEDIA_VIDEO);
}

/* The codec in which `to` is shown others: that of whom it sees, so that its channel is not closed
 * and opened with each word that is spoken in a conference of two codecs. NULL: nobody can be. */
static const char *shown_in(const struct member *to)
{
    if (is_showable(to->sees, to))
        return session_sends(to->sees->session, H245_MEDIA_VIDEO)->name;
    CONFERENCE_EACH_MEMBER(to->conference, m)
    {
        if (is_showable(m, to))
            return session_sends(m->session, H245_MEDIA_VIDEO)->name;
    }
    return NULL;
}

/* Can `m` be shown to `to`? */
static bool is_candidate(const struct member *m, const struct member *to)
{
    return is_showable(m, to) &&
           strcmp(session_sends(m->session, H245_MEDIA_VIDEO)->name, shown_in(to)) == 0;
}

/* Where what `source` sends goes to `m`. */
static struct session_flow flow_between(const struct member *source, const struct member *m)
{
    return session_flow_like(m->session, session_sends(source->session, H245_MEDIA_VIDEO));
}

static struct member *any_candidate(const struct conference *c, const struct member *to)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (is_candidate(m, to))
            return m;
    }
    return NULL;
}

/* Who speaks, to the others; who speaks sees who spoke before. */
static struct member *by_voice(const struct conference *c, const struct member *to)
{
    const struct mixer *mixer = c->mixer;

    if (mixer != NULL && is_candidate(mixer->speaker, to))
        return mixer->speaker;
    if (mixer != NULL && mixer->speaker == to && is_candidate(mixer->spoke_before, to))
        return mixer->spoke_before;
    return is_candidate(to->sees, to) ? to->sees : any_candidate(c, to);
}

static struct member *choose(const struct conference *c, const struct member *to)
{
    bool is_shown = c->layout != SETTINGS_LAYOUT_VOICE && is_candidate(c->shown, to);

    if (to->is_waiting || to->is_deaf)
        return NULL;
    if (is_candidate(to->wants, to))
        return to->wants;
    return is_shown ? c->shown : by_voice(c, to);
}

/* The name of what would come by a lane of `m`; NULL: nothing. */
static const char *coming(const struct conference *c, struct member *m, enum h245_media medium)
{
    const struct member *source =
        medium == H245_MEDIA_PRESENTATION ? conference_presented_to(c, m) : any_candidate(c, m);
    /* While a source changes its mode, what comes is what it was asked for. */
    const char *kept = medium != H245_MEDIA_PRESENTATION && m->video_transport != 0
                           ? conference_modes_coming(c)
                           : NULL;

    if (m->is_waiting || (source == NULL && kept == NULL))
        return NULL;
    if (medium == H245_MEDIA_DATA)
        return h224_of_others(c, m->session) != NULL ? "h224" : NULL;
    return source != NULL ? session_sends(source->session, medium)->name : kept;
}

bool conference_wants(const struct conference *c, const struct session *s, enum h245_media medium,
                      struct h245_relayed *as)
{
    struct member *m = conference_member(c, s);
    /* In a forward all else comes by lanes of its own. */
    bool is_ours =
        conference_has_mix(c) || (conference_is_fanout(c) && medium == H245_MEDIA_PRESENTATION);
    const char *name = m != NULL && is_ours ? coming(c, m, medium) : NULL;
    const struct h245_relayed *own = name != NULL ? find_cap(s, medium, name) : NULL;

    if (own == NULL)
        return false;
    *as = *own;
    return true;
}

/* ---- flows ---- */

/* How the data plane finds a key frame in what the member sends. H.261 has none that a packet's
 * first octets would tell: it is switched at once. */
enum link_key conference_key_of(const struct member *source, enum h245_media medium,
                                const struct session_flow *in)
{
    const struct h245_relayed *cap = session_sends(source->session, medium);

    if (cap == NULL)
        return LINK_KEY_NONE;
    if (strcmp(cap->name, "H264") == 0)
        return LINK_KEY_H264;
    if (strcmp(cap->name, "H265") == 0)
        return LINK_KEY_H265;
    if (strcmp(cap->name, "H263") == 0) /* RFC 4629 section 8: RFC 2190 is the static type's */
        return in->payload_type == H263_STATIC ? LINK_KEY_H263 : LINK_KEY_H263_PLUS;
    return LINK_KEY_NONE;
}

static struct media_receiver video_row(const struct member *source, const struct session_flow *in,
                                       const struct session_flow *out)
{
    return (struct media_receiver){.to = out->port,
                                   .pt_in = in->payload_type,
                                   .pt_out = out->payload_type,
                                   .lane = VIDEO_LANE,
                                   .is_video = true,
                                   .clock_rate = VIDEO_CLOCK,
                                   .key = conference_key_of(source, H245_MEDIA_VIDEO, in)};
}

static struct media_receiver h224_row(const struct member *source, const struct session_flow *in,
                                      const struct session_flow *out)
{
    return (struct media_receiver){.to = out->port,
                                   .pt_in = in->payload_type,
                                   .pt_out = out->payload_type,
                                   .lane = (uint8_t)(H224_LANE + h243_number(source->seat)),
                                   .clock_rate = 8000};
}

/* All that the port of `source` sends to: those who see it or what it presents, and, with its own
 * H.224, whom it sees. */
static size_t collect(const struct conference *c, const struct member *source, uint32_t transport,
                      struct media_receiver *rows)
{
    struct session_flow video = session_flow_in(source->session, H245_MEDIA_VIDEO);
    struct session_flow h224 = session_flow_in(source->session, H245_MEDIA_DATA);
    size_t n = conference_present_rows(c, source, transport, PRESENTATION_LANE, rows);

    CONFERENCE_EACH_MEMBER(c, m)
    {
        struct session_flow out = flow_between(source, m);

        if (m->sees == source && out.transport != 0 && video.transport == transport)
            rows[n++] = video_row(source, &video, &out);
    }
    if (source->sees != NULL && h224.transport == transport) {
        struct session_flow out = session_flow_out(source->sees->session, H245_MEDIA_DATA);

        if (out.transport != 0)
            rows[n++] = h224_row(source, &h224, &out);
    }
    return n;
}

static void set_rows(struct conference *c, const struct member *source, uint32_t transport)
{
    struct media_receiver rows[2 * H243_MEMBERS_MAX + 1];
    struct media_port *port = session_port_of(source->session, transport);
    size_t n;

    if (transport == 0 || port == NULL)
        return;
    n = collect(c, source, transport, rows);
    if (c->all->env->media_ops->forward(port, rows, n) != 0 && n > 0)
        log_error(LOG_AREA_CONFERENCE, session_id(source->session), "video not forwarded",
                  LOG_S("conference", c->name));
}

/* Who may not be seen any more (muted, say) is not seen until its successor's key frame either. */
static void let_go(struct conference *c, struct member *m)
{
    struct session_flow out, in;
    struct media_receiver row;

    if (m->held == NULL || m->held == m->sees || is_candidate(m->held, m))
        return;
    in = session_flow_in(m->held->session, H245_MEDIA_VIDEO);
    out = flow_between(m->held, m);
    if (in.transport != 0 && out.transport != 0 && conference_now(c->all) < m->held_until) {
        row = video_row(m->held, &in, &out);
        (void)c->all->env->media_ops->let_go(in.port, &row);
    }
    m->held = NULL;
}

/* The new source's key frame comes or is not waited for any more; the one before is seen meanwhile.
 */
static void hold(struct conference *c, struct member *m, struct member *before)
{
    m->held = before;
    m->held_until = conference_now(c->all) + c->all->env->settings->media.key_frame_wait_ms;
}

/* One step where both are there, so that the receiver's stream goes on without a gap. */
static void switch_to(struct conference *c, struct member *m, struct member *next)
{
    struct session_flow out = {0}, in = {0}, before = {0};
    struct media_receiver row;

    /* Who may not be seen any more is not handed over from: its rows are taken out (set_rows). */
    if (is_candidate(m->sees, m)) {
        before = session_flow_in(m->sees->session, H245_MEDIA_VIDEO);
        hold(c, m, m->sees);
    }
    m->sees = next;
    if (next != NULL) {
        in = session_flow_in(next->session, H245_MEDIA_VIDEO);
        out = flow_between(next, m);
    }
    if (in.transport == 0 || out.transport == 0)
        return;
    row = video_row(next, &in, &out);
    if (in.port != before.port)
        (void)c->all->env->media_ops->switch_source(
            in.port, before.transport != 0 ? before.port : NULL, &row);
    conference_ask_picture(c, &next->video);
}

static void tell(const struct conference *c, const struct member *m)
{
    if (conference_is_watched(c))
        conference_event(c, m, "conference.video",
                         json_pack("{s:o}", "source",
                                   m->sees != NULL
                                       ? json_integer((json_int_t)session_id(m->sees->session))
                                       : json_null()));
}

/* Most conferences are for the ears alone. */
static bool has_video(const struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (m->sees != NULL || session_sends(m->session, H245_MEDIA_VIDEO) != NULL ||
            session_sends(m->session, H245_MEDIA_PRESENTATION) != NULL)
            return true;
    }
    return false;
}

/* All ports of a member, each once. */
static void set_all_rows(struct conference *c, const struct member *m)
{
    static const enum h245_media media[] = {H245_MEDIA_VIDEO, H245_MEDIA_PRESENTATION,
                                            H245_MEDIA_DATA};
    uint32_t done[3];

    for (size_t i = 0; i < 3; i++) {
        bool is_done = false;

        done[i] = session_flow_in(m->session, media[i]).transport;
        for (size_t k = 0; k < i; k++)
            is_done = is_done || done[k] == done[i];
        if (!is_done)
            set_rows(c, m, done[i]);
    }
}

void conference_video_update(struct conference *c)
{
    if (!has_video(c) && c->presenting == NULL)
        return;
    conference_present_update(c);
    CONFERENCE_EACH_MEMBER(c, m)
    {
        struct session_flow out = session_flow_out(m->session, H245_MEDIA_VIDEO);
        struct member *next = choose(c, m);

        let_go(c, m);
        if (m->sees != next) {
            switch_to(c, m, next);
            tell(c, m);
        } else if (next != NULL && out.transport != 0 && out.transport != m->video_transport) {
            conference_ask_picture(c, &next->video); /* it has just begun to see */
        }
        m->video_transport = out.transport;
    }
    CONFERENCE_EACH_MEMBER(c, m)
    set_all_rows(c, m);
    conference_update_rates(c);
    conference_modes_update(c);
    conference_show_tell(c);
}

/* ---- members, layouts ---- */

void conference_video_begin(struct member *m)
{
    conference_pictures_begin(m);
    conference_modes_begin(m);
}

void conference_video_leave(struct conference *c, struct member *gone)
{
    conference_pictures_leave(c, gone);
    conference_present_leave(c, gone);
    conference_modes_leave(c, gone);
    if (c->shown == gone)
        c->shown = NULL;
    if (c->mixer != NULL && c->mixer->spoke_before == gone)
        c->mixer->spoke_before = NULL;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        m->sees = m->sees == gone ? NULL : m->sees;
        m->held = m->held == gone ? NULL : m->held;
        m->wants = m->wants == gone ? NULL : m->wants;
    }
}

int conference_watch(struct conference *c, struct session *s, struct session *source)
{
    struct member *m = conference_member(c, s);
    struct member *wanted = source != NULL ? conference_member(c, source) : NULL;

    if (m == NULL || !conference_has_mix(c) || (source != NULL && !is_candidate(wanted, m)))
        return ERR_NOTFOUND;
    m->wants = wanted;
    conference_update(c);
    return 0;
}

int conference_set_layout(struct conference *c, enum settings_layout layout, struct session *shown,
                          const char **why)
{
    struct member *m = shown != NULL ? conference_member(c, shown) : NULL;

    *why = "expected a conference of kind mix";
    if (!conference_has_mix(c))
        return ERR_STATE;
    *why = "expected a session for layouts fixed and lecture, and none for voice";
    if ((layout == SETTINGS_LAYOUT_VOICE) != (m == NULL))
        return ERR_INVAL;
    c->layout = layout;
    c->shown = m;
    h243_forget_show(c->control);
    if (conference_is_watched(c))
        conference_event(
            c, m, "conference.layout",
            json_pack("{s:s,s:o}", "layout", settings_layout_to_str(layout), "session",
                      m != NULL ? json_integer((json_int_t)session_id(m->session)) : json_null()));
    conference_update(c);
    return 0;
}
