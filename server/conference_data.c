/* Data channels of a conference's sessions: where they lead is the row's business, or the kind's.
 */
#include "server/conference_priv.h"

enum conference_data conference_data(const struct conference *c)
{
    bool is_relay = c->settings->kind == SETTINGS_CONFERENCE_RELAY;

    /* Their records pass with the others, on a connection that media have made; channels of their
     * own are not mirrored yet. */
    if (conference_is_passed(c))
        return CONFERENCE_DATA_OFF;
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
