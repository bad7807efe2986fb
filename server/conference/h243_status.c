/* What the MC of a conference says without being asked: that this is a multipoint conference and
 * who is alone in it, whom one sees and who is seen, that a chair is one no more; and what it asks
 * terminals for. */
#include "server/conference/h243_priv.h"

#include <string.h>

#include "base/err.h"
#include "signalling/h245/engine.h"
#include "signalling/per/per.h"

/* What is said of the conference has to name a channel, and is about none: H.245 has no number that
 * means so, and 1 is what other MCs put there. */
#define ANY_CHANNEL 1

const char *h243_question_to_str(enum h243_question what)
{
    static const char *const names[] = {
#define QUESTION_TEXT(name, text) [name] = text,
        H243_QUESTION_LIST(QUESTION_TEXT)
#undef QUESTION_TEXT
    };

    return (unsigned)what < H243_QUESTIONS ? names[what] : "unknown";
}

const char *h243_own_name(const struct h243_member *m)
{
    return m->own_name;
}

/* ---- the conference as such ---- */

static void say_status(struct h243_member *to, enum h245_MiscellaneousIndication_type_kind kind)
{
    struct h245_MiscellaneousIndication body = {.logicalChannelNumber = ANY_CHANNEL,
                                                .type.kind = kind};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_miscellaneousIndication,
                                       .u.miscellaneousIndication = &body};

    (void)h245_send_indication(to->engine, &m);
    to->h->ops->touched(to->user);
}

/* Without multipointModeCommand a terminal is free to refuse a mode that the MC asks for. */
static void command_modes(struct h243_member *to)
{
    struct h245_MiscellaneousCommand body = {
        .logicalChannelNumber = ANY_CHANNEL,
        .type.kind = h245_MiscellaneousCommand_type_multipointModeCommand};
    struct h245_CommandMessage m = {.kind = h245_CommandMessage_miscellaneousCommand,
                                    .u.miscellaneousCommand = &body};

    (void)h245_send_command(to->engine, &m);
    to->h->ops->touched(to->user);
}

void h243_welcome(struct h243_member *m)
{
    if (!m->h->is_multipoint)
        return;
    say_status(m, h245_MiscellaneousIndication_type_multipointConference);
    command_modes(m);
}

void h243_tell_company(struct h243 *h)
{
    unsigned here = 0;

    LIST_FOREACH (it, &h->members)
        here += LIST_ENTRY(it, struct h243_member, link)->engine != NULL;
    LIST_FOREACH (it, &h->members) {
        struct h243_member *m = LIST_ENTRY(it, struct h243_member, link);
        bool is_alone = here == 1;

        if (!h->is_multipoint || m->engine == NULL || m->is_told_alone == is_alone)
            continue;
        m->is_told_alone = is_alone;
        say_status(m, is_alone ? h245_MiscellaneousIndication_type_multipointZeroComm
                               : h245_MiscellaneousIndication_type_cancelMultipointZeroComm);
    }
}

/* ---- the chair ---- */

bool h243_withdraw_chair(struct h243 *h)
{
    struct h243_member *chair = h->chair;

    if (chair == NULL)
        return false;
    h->chair = NULL;
    h243_indicate(chair, h245_ConferenceIndication_withdrawChairToken, NULL);
    h->ops->changed(chair->user, "chair", false);
    return true;
}

/* ---- who sees whom ---- */

/* That nobody is seen any more has no message: the picture stops. */
void h243_tell_seeing(struct h243_member *m, const struct h243_member *source)
{
    uint8_t number = source != NULL ? source->number : 0;

    if (m->engine == NULL || m->told_seeing == number)
        return;
    m->told_seeing = number;
    if (source != NULL)
        h243_indicate(m, h245_ConferenceIndication_terminalYouAreSeeing, source);
}

static void tell(struct h243_member *m, bool *told, bool is_so,
                 enum h245_ConferenceIndication_kind yes, enum h245_ConferenceIndication_kind no)
{
    if (*told == is_so)
        return;
    *told = is_so;
    h243_indicate(m, is_so ? yes : no, NULL);
}

void h243_tell_seen(struct h243_member *m, unsigned viewers, unsigned others)
{
    if (m->engine == NULL)
        return;
    tell(m, &m->is_told_seen, viewers > 0, h245_ConferenceIndication_seenByAtLeastOneOther,
         h245_ConferenceIndication_cancelSeenByAtLeastOneOther);
    tell(m, &m->is_told_seen_by_all, viewers > 0 && viewers == others,
         h245_ConferenceIndication_seenByAll, h245_ConferenceIndication_cancelSeenByAll);
}

void h243_forget_show(struct h243 *h)
{
    h->shown = NULL;
}

/* ---- questions ---- */

int h243_ask(struct h243_member *m, enum h243_question what, uint64_t now)
{
    static const enum h245_ConferenceRequest_kind kinds[] = {
        [H243_ASK_TERMINAL_ID] = h245_ConferenceRequest_enterH243TerminalID,
        [H243_ASK_CONFERENCE_ID] = h245_ConferenceRequest_enterH243ConferenceID,
    };
    struct h245_ConferenceRequest request = {.kind = kinds[what]};
    int err;

    if (m->engine == NULL)
        return ERR_STATE;
    err = h245_conference_request(m->engine, &request, now);
    m->h->ops->touched(m->user);
    return err;
}

/* A name is for people: what is behind a zero octet is not shown to anybody. */
static void learn_name(struct h243_member *m, const struct per_octets *id)
{
    size_t len = id->len < H243_NAME_MAX ? id->len : H243_NAME_MAX;

    memcpy(m->own_name, id->p, len);
    m->own_name[len] = '\0';
}

static void identified(const struct h243_member *m, enum h243_question what,
                       const struct per_octets *text)
{
    if (m->h->ops->identified != NULL)
        m->h->ops->identified(m->user, what, (const char *)text->p, text->len);
}

/* The engine lets through what was asked for, and videoCommandReject: we command no video. */
void h243_on_response(struct h243_member *m, const struct h245_ConferenceResponse *response)
{
    if (m->engine == NULL)
        return;
    if (response->kind == h245_ConferenceResponse_terminalIDResponse) {
        learn_name(m, &response->u.terminalIDResponse->terminalID);
        identified(m, H243_ASK_TERMINAL_ID, &response->u.terminalIDResponse->terminalID);
    } else if (response->kind == h245_ConferenceResponse_conferenceIDResponse) {
        identified(m, H243_ASK_CONFERENCE_ID, &response->u.conferenceIDResponse->conferenceID);
    }
}
