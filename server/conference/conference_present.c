/* Presentations in a mix (H.239): a second video stream of one member, seen by all others that can
 * receive one, beside whatever they see of each other.
 *
 * The token says who (h243_token.c arbitrates it); a channel of role presentation says what. They
 * come in any order and go separately: who has only one of them presents nothing. Without the token
 * its packets stop at the server, whatever the endpoint believes. */
#include "server/conference/conference_mix.h"

#include "server/conference/h243.h"
#include "server/session/session_video.h"

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

struct member *conference_presented_to(const struct conference *c, const struct member *m)
{
    struct member *presenter = conference_presenter(c);

    return presenter == m || m->is_waiting || m->is_deaf ? NULL : presenter;
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
    }
}
