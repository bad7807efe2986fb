/* Kind `forward`: every stream goes to every other session on a channel of its own.
 *
 * Each member has fifteen slots, one for each other member that there can be; who is in slot k
 * comes by lane k of audio and of video (lane 0 is the primary channel, which every endpoint has).
 * A slot keeps its member until that leaves, so that nobody changes channels because somebody else
 * hangs up. The codec is common, as in a relay. Beside that there is one lane for presentations
 * (H.239). Data channels over RTP are not forwarded, and a leg by SDP, which has one audio line,
 * gets its first slot alone. */
#include "server/conference/conference_mix.h"

#include "base/log.h"
#include "server/session/session_fanout.h"
#include "server/session/session_mix.h"
#include "server/session/session_video.h"

#define MEDIA_FORWARDED 3 /* audio, video, what is presented */
/* Beyond the lanes of audio and video: one presents at a time, and all see it by the same. */
#define PRESENTATION_LANE ((uint8_t)H245_MEDIA_PRESENTATION * CONFERENCE_SLOTS)

static size_t find_slot(const struct member *m, const struct member *other)
{
    size_t k = 0;

    while (k < CONFERENCE_SLOTS && m->slot[k] != other)
        k++;
    return k;
}

/* settings has no room for more members than there are slots. */
static void fill_slots(struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        CONFERENCE_EACH_MEMBER(c, other)
        {
            size_t k;

            if (other == m || find_slot(m, other) < CONFERENCE_SLOTS)
                continue;
            k = find_slot(m, NULL);
            if (k < CONFERENCE_SLOTS)
                m->slot[k] = other;
        }
    }
}

struct session *conference_fanout_source(const struct conference *c, const struct session *s,
                                         uint8_t slot)
{
    const struct member *m = conference_member(c, s);
    const struct member *source =
        /* Both: who waits neither sees nor is seen. */
        m != NULL && slot < CONFERENCE_SLOTS && !m->is_waiting ? m->slot[slot] : NULL;

    return source != NULL && !source->is_waiting ? source->session : NULL;
}

/* One medium of `source`, if it comes by this transport, to all others. */
static size_t collect(const struct conference *c, const struct member *source,
                      enum h245_media medium, uint32_t transport, struct media_receiver *rows)
{
    struct session_flow in = session_flow_in(source->session, medium);
    size_t n = 0;

    /* Muted by the operator: the rows go away, and the data plane has nothing to drop. */
    if (in.transport != transport || source->is_muted || source->is_waiting ||
        (medium == H245_MEDIA_AUDIO && session_is_outdated(source->session)))
        return 0;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        /* No row to itself: nobody wants to hear himself late. */
        size_t k = m != source ? find_slot(m, source) : CONFERENCE_SLOTS;
        struct session_flow out;

        if (k == CONFERENCE_SLOTS || m->is_waiting || m->is_deaf)
            continue;
        out = session_flow_lane(m->session, medium, (uint8_t)k);
        /* An operator's move may have brought in more than the settings admit: those hear nothing.
         */
        if (n == CONFERENCE_SLOTS)
            break;
        /* No channel yet: the row comes with its opening (session_kick). */
        if (out.transport == 0)
            continue;
        rows[n++] = (struct media_receiver){
            .to = out.port,
            .pt_in = in.payload_type,
            .pt_out = out.payload_type,
            /* The receiver's SSRC is told apart by it: each source has its own in each medium. */
            .lane = (uint8_t)((unsigned)medium * CONFERENCE_SLOTS + k),
            .is_video = medium == H245_MEDIA_VIDEO,
            .clock_rate = medium == H245_MEDIA_VIDEO ? 90000 : 0,
        };
    }
    return n;
}

static void forward(const struct conference *c, const struct member *source, uint32_t transport)
{
    struct media_receiver rows[CONFERENCE_SLOTS * MEDIA_FORWARDED];
    struct media_port *port = session_port_of(source->session, transport);
    size_t n;

    if (transport == 0 || port == NULL)
        return;
    n = collect(c, source, H245_MEDIA_AUDIO, transport, rows);
    /* After audio, in one list: the data plane replaces it in one step. */
    n += collect(c, source, H245_MEDIA_VIDEO, transport, rows + n);
    n += conference_present_rows(c, source, transport, PRESENTATION_LANE, rows + n);
    /* An empty list that could not be sent belongs to a port that is going. */
    if (c->all->env->media_ops->forward(port, rows, n) != 0 && n > 0)
        log_error(LOG_AREA_CONFERENCE, session_id(source->session), "media not forwarded",
                  LOG_S("conference", c->name));
}

/* With DTLS all may come by one transport (L-SHARE), whose one list has all then. */
static void forward_all(const struct conference *c, const struct member *m)
{
    uint32_t audio = session_flow_in(m->session, H245_MEDIA_AUDIO).transport;
    uint32_t video = session_flow_in(m->session, H245_MEDIA_VIDEO).transport;
    uint32_t presented = session_flow_in(m->session, H245_MEDIA_PRESENTATION).transport;

    forward(c, m, audio);
    if (video != audio)
        forward(c, m, video);
    if (presented != audio && presented != video)
        forward(c, m, presented);
}

static void update(struct conference *c)
{
    if (c->is_ending)
        return;
    fill_slots(c);
    conference_present_update(c);
    CONFERENCE_EACH_MEMBER(c, m)
    {
        forward_all(c, m);
        /* Its channels may have to follow. */
        session_kick(m->session);
    }
    conference_update_rates(c);
}

static void leave(struct conference *c, struct member *gone)
{
    conference_pictures_leave(c, gone);
    conference_present_leave(c, gone);
    CONFERENCE_EACH_MEMBER(c, m)
    {
        size_t k = find_slot(m, gone);

        if (k < CONFERENCE_SLOTS)
            /* The slot is free; those after it stay where they are. */
            m->slot[k] = NULL;
    }
}

static void add_json(const struct conference *c, json_t *j)
{
    const struct member *m = c->presenting;

    json_object_set_new(j, "presenting",
                        m != NULL ? json_integer((json_int_t)session_id(m->session)) : json_null());
}

const struct conference_kind conference_forward = {
    .accepts = conference_common_accepts,
    .is_common_codec = true,
    .is_served = conference_common_is_served,
    .update = update,
    .leave = leave,
    .add_json = add_json,
};
