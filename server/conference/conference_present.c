/* Presentations in a mix and in a forward (H.239): a second video stream of one member, seen by all
 * others that can receive one, beside whatever they see of each other.
 *
 * The token says who (h243_token.c arbitrates it); a channel of role presentation says what. They
 * come in any order and go separately: who has only one of them presents nothing. Without the token
 * its packets stop at the server, whatever the endpoint believes. */
#include "server/conference/conference_mix.h"

#include "base/log.h"
#include "server/conference/h243.h"
#include "server/session/session_video.h"

#define VIDEO_CLOCK 90000

struct member *conference_presenter(const struct conference *c)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        if (h243_is_presenter(m->seat) && !m->is_waiting && !m->is_muted &&
            session_sends(m->session, H245_MEDIA_PRESENTATION) != NULL)
            return m;
    }
    return NULL;
}

/* A presentation is seen by those who can take it as it is: there is no mode of H.245 by which it
 * could be asked to be less (VideoMode knows no role), and slower is what flow control does. */
struct member *conference_presented_to(const struct conference *c, const struct member *m)
{
    struct member *presenter = conference_presenter(c);

    return presenter == NULL || presenter == m || m->is_waiting || m->is_deaf ||
                   !conference_video_fits(presenter, m, H245_MEDIA_PRESENTATION)
               ? NULL
               : presenter;
}

size_t conference_present_rows(const struct conference *c, const struct member *source,
                               uint32_t transport, uint8_t lane, struct media_receiver *rows)
{
    struct session_flow in = session_flow_in(source->session, H245_MEDIA_PRESENTATION);
    size_t n = 0;

    if (in.transport != transport || source != conference_presenter(c))
        return 0;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        struct session_flow out = session_flow_out(m->session, H245_MEDIA_PRESENTATION);

        if (out.transport == 0 || conference_presented_to(c, m) != source)
            continue;
        rows[n++] = (struct media_receiver){
            .to = out.port,
            .pt_in = in.payload_type,
            .pt_out = out.payload_type,
            .lane = lane,
            .is_video = true,
            .clock_rate = VIDEO_CLOCK,
            .key = conference_key_of(source, H245_MEDIA_PRESENTATION, &in),
        };
    }
    return n;
}

static void tell(const struct conference *c)
{
    const struct member *m = c->presenting;

    if (conference_is_watched(c))
        conference_event(
            c, m, "conference.presentation",
            json_pack("{s:o}", "source",
                      m != NULL ? json_integer((json_int_t)session_id(m->session)) : json_null()));
}

static bool has_capability(const struct member *m)
{
    const struct h245_peer_caps *caps = session_peer_caps(m->session);

    for (size_t i = 0; caps != NULL && i < caps->relayed_count; i++)
        if (caps->relayed[i].media == H245_MEDIA_PRESENTATION)
            return true;
    return false;
}

/* It could see presentations, and cannot take this one. Said once for each that begins. */
static void tell_left_out(const struct conference *c, struct member *m)
{
    const struct member *presenter = c->presenting;
    bool is_left_out = presenter != NULL && presenter != m && !m->is_waiting && !m->is_deaf &&
                       has_capability(m) &&
                       !conference_video_fits(presenter, m, H245_MEDIA_PRESENTATION);

    if (m->is_left_out == is_left_out)
        return;
    m->is_left_out = is_left_out;
    if (!is_left_out)
        return;
    log_info(LOG_AREA_CONFERENCE, session_id(m->session), "cannot take what is presented",
             LOG_S("conference", c->name));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.presentation",
                         json_pack("{s:n,s:s}", "source", "reason", "no_common_codec"));
}

void conference_present_leave(struct conference *c, const struct member *gone)
{
    if (c->presenting != gone)
        return;
    c->presenting = NULL;
    tell(c);
}

void conference_present_update(struct conference *c)
{
    struct member *presenter = conference_presenter(c);
    bool is_new = presenter != c->presenting;

    c->presenting = presenter;
    if (is_new)
        tell(c);
    CONFERENCE_EACH_MEMBER(c, m)
    {
        uint32_t transport = session_flow_out(m->session, H245_MEDIA_PRESENTATION).transport;

        /* Each who begins to see it needs a whole picture. */
        if (presenter != NULL && m != presenter && transport != 0 &&
            (is_new || transport != m->presentation_transport))
            conference_ask_picture(c, &presenter->presented);
        m->presentation_transport = transport;
        tell_left_out(c, m);
    }
}
