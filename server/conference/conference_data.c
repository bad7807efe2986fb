/* Data channels of a conference's sessions: where they lead is the row's business, or the kind's.
 */
#include "server/conference/conference_priv.h"
#include "server/session/session_data.h"

enum conference_data conference_data(const struct conference *c)
{
    /* Two can be led to each other; with more of them data have to end here. */
    bool is_relay = c->settings->kind == SETTINGS_CONFERENCE_RELAY;

    /* Their records pass with the others, unopened: nothing of them could end here. */
    if (conference_is_passed(c))
        return c->settings->data == SETTINGS_DATA_OFF ? CONFERENCE_DATA_OFF : CONFERENCE_DATA_RELAY;
    switch (c->settings->data) {
    case SETTINGS_DATA_OFF:
        return CONFERENCE_DATA_OFF;
    case SETTINGS_DATA_RELAY:
        return is_relay ? CONFERENCE_DATA_RELAY : CONFERENCE_DATA_TERMINATE;
    case SETTINGS_DATA_AUTO:
        return is_relay ? CONFERENCE_DATA_AUTO : CONFERENCE_DATA_TERMINATE;
    case SETTINGS_DATA_TERMINATE:
        break;
    }
    return CONFERENCE_DATA_TERMINATE;
}

bool conference_data_flows(const struct conference *c, const struct session *s)
{
    const struct member *m = conference_member(c, s);

    /* Who waits for a PIN sees nothing of what is being written. */
    return m != NULL && !m->is_waiting;
}

size_t conference_data_readers(const struct conference *c)
{
    size_t n = 0;

    CONFERENCE_EACH_MEMBER(c, m)
    {
        n += session_data_may_send(m->session);
    }
    return n;
}

/* A relay leads each to the other (conference_relay.c); elsewhere there is nobody in particular. */
void conference_data_update(struct conference *c)
{
    if (c->kind == &conference_relay || c->is_ending)
        return;
    CONFERENCE_EACH_MEMBER(c, m)
    {
        session_data_route(m->session, NULL);
    }
}
