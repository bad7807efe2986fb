/* Presentations (H.239): who wants to present asks for the token, and opens its channel when it has
 * it; who is asked for it gives way, unless the options say otherwise. */
#include "bench/endpoint/endpoint_h245.h"

#include "base/clock.h"
#include "base/err.h"
#include "signalling/h245/h239.h"

static int say(struct leg *l, const struct h239_message *message)
{
    int rc;

    arena_reset(&l->arena);
    rc = h239_send(l->engine, &l->arena, message, clock_mono_ms());
    leg_arm(l);
    return rc;
}

int leg_present(struct leg *l)
{
    const struct h239_message request = {.kind = H239_TOKEN_REQUEST};

    if (!l->options->h239 || !l->have_caps_ack || l->is_ending)
        return ERR_STATE;
    report_event(l->report, EV_TOKEN, "%s", "asked for");
    return say(l, &request);
}

int leg_present_end(struct leg *l)
{
    const struct h239_message release = {.kind = H239_TOKEN_RELEASE};

    if (!l->has_token || l->is_ending)
        return ERR_STATE;
    l->has_token = false;
    leg_presentation_close(l);
    report_event(l->report, EV_TOKEN, "%s", "given back");
    return say(l, &release);
}

static void on_answer(struct leg *l, const struct h239_message *m)
{
    int rc;

    l->has_token = m->is_ack;
    report_event(l->report, EV_TOKEN, "%s", m->is_ack ? "ours" : "refused");
    if (!m->is_ack)
        return;
    rc = leg_presentation_open(l);
    if (rc)
        report_event(l->report, EV_PROTOCOL, "no presentation: %s", err_to_str(rc));
}

/* Its answer names what the request did. */
static void on_request(struct leg *l, const struct h239_message *m)
{
    struct h239_message answer = *m;

    answer.kind = H239_TOKEN_RESPONSE;
    answer.is_ack = !l->has_token || !l->options->keep_token;
    report_event(l->report, EV_TOKEN, "%s", answer.is_ack ? "given away" : "kept");
    if (answer.is_ack && l->has_token) {
        l->has_token = false;
        leg_presentation_close(l);
    }
    (void)say(l, &answer);
}

bool leg_on_generic(void *arg, enum h245_generic_class class,
                    const struct h245_GenericMessage *message)
{
    struct leg *l = arg;
    struct h239_message m;

    (void)class;
    if (!l->options->h239 || h239_read(message, &m) != 0)
        return false;
    switch (m.kind) {
    case H239_TOKEN_RESPONSE:
        on_answer(l, &m);
        return true;
    case H239_TOKEN_REQUEST:
        on_request(l, &m);
        return true;
    case H239_TOKEN_OWNER:
        report_event(l->report, EV_TOKEN, "owner %u/%u", m.mcu, m.terminal);
        return true;
    default:
        return false;
    }
}
