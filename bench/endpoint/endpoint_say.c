/* What the endpoint says and hears in H.245 beside its channels: keys, and whatever it is told to
 * say (endpoint_commands.h). */
#include "bench/endpoint/endpoint_h245.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "signalling/per/json.h"
#include "signalling/schema/h245.h"

int leg_say(struct leg *l, const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    struct per_error why;
    void *pdu = NULL;
    int rc = json ? 0 : ERR_INVAL;

    if (rc == 0 && (!l->have_caps_ack || l->is_ended))
        rc = ERR_STATE;
    arena_reset(&l->arena);
    if (rc == 0)
        rc = per_from_json(&h245_MultimediaSystemControlMessage_type, json, &l->arena, &pdu, &why);
    if (rc == 0)
        rc = h245_engine_send(l->engine, pdu);
    json_decref(json);
    return rc;
}

void leg_press(struct leg *l, char key)
{
    const char text[2] = {key, '\0'};
    int rc = l->options->keys_by == ENDPOINT_KEYS_TEXT
                 ? h245_send_user_input(l->engine, text)
                 : h245_send_signal(l->engine, key, KEYS_HELD_MS);

    if (rc)
        report_fail(l->report, "key %c: %s", key, err_to_str(rc));
    else
        report_event(l->report, EV_KEY, "%c", key);
}

/* Who reads the messages answers them. */
bool leg_on_conference_request(void *arg, const struct h245_ConferenceRequest *request)
{
    const struct leg *l = arg;

    (void)request;
    return l->options->messages;
}

void leg_on_pdu(void *arg, bool sent, const struct h245_MultimediaSystemControlMessage *pdu,
                size_t len)
{
    const struct leg *l = arg;
    json_t *message;

    (void)len;
    if (sent || !l->options->messages)
        return;
    message = per_to_json(&h245_MultimediaSystemControlMessage_type, pdu);
    if (message)
        report_print(json_pack("{s:s,s:s,s:o}", "event", "message", "alias", l->options->alias,
                               "message", message));
}
