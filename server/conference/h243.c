#include "server/conference/h243.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/h243_priv.h"
#include "signalling/h245/engine.h"
#include "signalling/per/per.h"
#include "signalling/schema/h245.h"

int h243_create(const struct h243_ops *ops, bool is_multipoint, struct h243 **out)
{
    struct h243 *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return ERR_NOMEM;
    h->ops = ops;
    h->is_multipoint = is_multipoint;
    arena_init(&h->arena, 1024, 65536);
    list_init(&h->members);
    *out = h;
    return 0;
}

void h243_destroy(struct h243 *h)
{
    if (h == NULL)
        return;
    LIST_FOREACH_SAFE (it, &h->members)
        free(LIST_ENTRY(it, struct h243_member, link));
    arena_fini(&h->arena);
    free(h);
}

struct h243_member *h243_add(struct h243 *h, void *user)
{
    struct h243_member *m = calloc(1, sizeof(*m));

    /* The lowest that is free: 0 is no terminal (H.243). */
    for (unsigned n = 1; m != NULL && n <= H243_MEMBERS_MAX; n++) {
        if (h->by_number[n] != NULL)
            continue;
        m->h = h;
        m->user = user;
        m->number = (uint8_t)n;
        h->by_number[n] = m;
        list_push_back(&h->members, &m->link);
        return m;
    }
    free(m);
    return NULL;
}

void h243_set_h239(struct h243_member *m, bool has_h239)
{
    m->has_h239 = has_h239;
}

uint8_t h243_number(const struct h243_member *m)
{
    return m->number;
}

bool h243_is_chair(const struct h243_member *m)
{
    return m->h->chair == m;
}

/* ---- sending ---- */

static struct h245_TerminalLabel label_of(const struct h243_member *m)
{
    return (struct h245_TerminalLabel){.mcuNumber = H243_MCU_NUMBER, .terminalNumber = m->number};
}

static struct per_octets name_of(const struct h243_member *m)
{
    const char *name = m->own_name[0] != '\0' ? m->own_name : m->h->ops->name(m->user);
    size_t len = strlen(name);

    return per_octets_of(name, len < H243_NAME_MAX ? len : H243_NAME_MAX);
}

static bool has_label(enum h245_ConferenceIndication_kind kind)
{
    return kind == h245_ConferenceIndication_terminalNumberAssign ||
           kind == h245_ConferenceIndication_terminalJoinedConference ||
           kind == h245_ConferenceIndication_terminalLeftConference ||
           kind == h245_ConferenceIndication_terminalYouAreSeeing ||
           kind == h245_ConferenceIndication_floorRequested;
}

/* What cannot be sent is lost with the connection that it was for. */
void h243_indicate(struct h243_member *to, enum h245_ConferenceIndication_kind kind,
                   const struct h243_member *about)
{
    struct h245_TerminalLabel label = about != NULL ? label_of(about) : label_of(to);
    struct h245_ConferenceIndication body = {.kind = kind};
    struct h245_IndicationMessage m = {.kind = h245_IndicationMessage_conferenceIndication,
                                       .u.conferenceIndication = &body};

    if (has_label(kind))
        body.u.terminalNumberAssign = &label; /* all of them have it in the same place */
    (void)h245_send_indication(to->engine, &m);
    to->h->ops->touched(to->user);
}

static void tell_others(struct h243_member *about, enum h245_ConferenceIndication_kind kind)
{
    LIST_FOREACH (it, &about->h->members) {
        struct h243_member *to = LIST_ENTRY(it, struct h243_member, link);

        if (to != about && to->engine != NULL)
            h243_indicate(to, kind, about);
    }
}

static void respond(struct h243_member *to, const struct h245_ConferenceResponse *response)
{
    (void)h245_conference_respond(to->engine, response);
}

/* ---- coming and going ---- */

void h243_enter(struct h243_member *m, struct h245_engine *engine)
{
    if (m->engine != NULL)
        /* Told once for each engine. */
        return;
    m->engine = engine;
    h243_indicate(m, h245_ConferenceIndication_terminalNumberAssign, NULL);
    tell_others(m, h245_ConferenceIndication_terminalJoinedConference);
    h243_welcome(m);
    h243_token_enter(m);
    h243_tell_company(m->h);
}

void h243_ask_password(struct h243_member *m, struct h245_engine *engine, uint64_t now)
{
    static const struct h245_ConferenceRequest ask = {.kind =
                                                          h245_ConferenceRequest_enterH243Password};

    /* Not entered yet: the member's own engine is not set. */
    (void)h245_conference_request(engine, &ask, now);
    m->h->ops->touched(m->user);
}

/* Out of the list and of what a member may hold besides the token. */
static void unseat(struct h243_member *m)
{
    struct h243 *h = m->h;

    list_remove(&m->link);
    h->by_number[m->number] = NULL;
    if (h->chair == m)
        h->chair = NULL;
    if (h->shown == m)
        h->shown = NULL;
}

void h243_forget(struct h243_member *m)
{
    struct h243 *h = m->h;

    unseat(m);
    if (h->token.asking == m)
        h->token.asking = NULL;
    if (h->token.owner == m)
        h->token.owner = NULL;
    free(m);
}

void h243_leave(struct h243_member *m)
{
    struct h243 *h = m->h;

    unseat(m);
    h243_token_leave(m);
    if (m->engine != NULL) {
        tell_others(m, h245_ConferenceIndication_terminalLeftConference);
        h243_tell_company(h);
    }
    free(m);
}

/* ---- requests ---- */

static void send_list(struct h243_member *m)
{
    struct h245_TerminalLabel labels[H243_MEMBERS_MAX];
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_terminalListResponse};
    uint32_t n = 0;

    LIST_FOREACH (it, &m->h->members) {
        const struct h243_member *one = LIST_ENTRY(it, struct h243_member, link);

        /* Without an engine it cannot be addressed: it is in the conference, and not in H.243. */
        if (one->engine != NULL)
            labels[n++] = label_of(one);
    }
    r.u.terminalListResponse.n = n;
    r.u.terminalListResponse.v = labels;
    respond(m, &r);
}

static void answer_chair(struct h243_member *m, bool is_granted)
{
    struct h245_ConferenceResponse_makeMeChairResponse body = {
        .kind = is_granted ? h245_ConferenceResponse_makeMeChairResponse_grantedChairToken
                           : h245_ConferenceResponse_makeMeChairResponse_deniedChairToken};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_makeMeChairResponse,
                                        .u.makeMeChairResponse = &body};

    respond(m, &r);
}

/* First come, first served; who has it may ask again. */
static void make_chair(struct h243_member *m)
{
    bool is_new = m->h->chair == NULL;

    if (is_new)
        m->h->chair = m;
    /* Who has it is granted it again: the answer may have been lost. */
    answer_chair(m, m->h->chair == m);
    if (is_new)
        m->h->ops->changed(m->user, "chair", true);
}

static void give_up_chair(struct h243_member *m)
{
    if (m->h->chair != m)
        return; /* gives back what it has not: nothing changes, and there is no answer */
    m->h->chair = NULL;
    m->h->ops->changed(m->user, "chair", false);
}

/* Without a chair the answer names nobody: label 0/0 is no terminal's. */
static void send_chair_owner(struct h243_member *m)
{
    static const char nobody[] = "none";
    const struct h243_member *chair = m->h->chair;
    struct h245_ConferenceResponse_chairTokenOwnerResponse body = {0};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_chairTokenOwnerResponse,
                                        .u.chairTokenOwnerResponse = &body};

    body.terminalID = per_octets_of(nobody, sizeof(nobody) - 1);
    if (chair != NULL) {
        body.terminalLabel = label_of(chair);
        body.terminalID = name_of(chair);
    }
    respond(m, &r);
}

static struct h243_member *find(const struct h243 *h, const struct h245_TerminalLabel *label)
{
    struct h243_member *m = NULL;

    if (label->mcuNumber == H243_MCU_NUMBER && label->terminalNumber <= H243_MEMBERS_MAX)
        m = h->by_number[label->terminalNumber];
    return m != NULL && m->engine != NULL ? m : NULL;
}

static bool send_name(struct h243_member *m, const struct h245_TerminalLabel *label)
{
    const struct h243_member *who = find(m->h, label);
    struct h245_ConferenceResponse_mCTerminalIDResponse body = {0};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_mCTerminalIDResponse,
                                        .u.mCTerminalIDResponse = &body};

    if (who == NULL)
        return false; /* there is no answer that says so: functionNotSupported */
    body.terminalLabel = label_of(who);
    body.terminalID = name_of(who);
    respond(m, &r);
    return true;
}

static void send_all_names(struct h243_member *m)
{
    struct h245_TerminalInformation all[H243_MEMBERS_MAX];
    struct h245_RequestAllTerminalIDsResponse body = {0};
    struct h245_ConferenceResponse r = {.kind =
                                            h245_ConferenceResponse_requestAllTerminalIDsResponse,
                                        .u.requestAllTerminalIDsResponse = &body};
    uint32_t n = 0;

    LIST_FOREACH (it, &m->h->members) {
        const struct h243_member *one = LIST_ENTRY(it, struct h243_member, link);

        if (one->engine != NULL)
            all[n++] = (struct h245_TerminalInformation){.terminalLabel = label_of(one),
                                                         .terminalID = name_of(one)};
    }
    body.terminalInformation.n = n;
    body.terminalInformation.v = all;
    respond(m, &r);
}

/* Only the chair may, and only who is there; success is seen by the terminal leaving. The member
 * may be gone afterwards. */
static void drop(struct h243_member *m, const struct h245_TerminalLabel *label)
{
    struct h245_ConferenceResponse no = {.kind = h245_ConferenceResponse_terminalDropReject};
    struct h243_member *who = find(m->h, label);

    if (m->h->chair != m || who == NULL)
        respond(m, &no);
    else
        m->h->ops->drop(who->user, who == m);
}

/* ---- whom one sees ---- */

static bool watch(struct h243_member *m, const struct h245_TerminalLabel *label)
{
    struct h243_member *source = label != NULL ? find(m->h, label) : NULL;

    /* Oneself is no source. */
    if (m->h->ops->watch == NULL || (label != NULL && (source == NULL || source == m)))
        return false;
    return m->h->ops->watch(m->user, source != NULL ? source->user : NULL);
}

/* Only the chair may choose for all (H.243 section 9.3.5). */
static bool broadcast(struct h243_member *m, const struct h245_TerminalLabel *label)
{
    struct h243_member *source = find(m->h, label);

    /* The owner decides whether the conference can do so at all. */
    return m->h->chair == m && source != NULL && m->h->ops->broadcast != NULL &&
           m->h->ops->broadcast(source->user, true);
}

/* Without a chair everybody may show itself; with one the choice is the chair's. */
static bool show(struct h243_member *m, uint16_t lcn)
{
    struct h243 *h = m->h;

    if ((h->chair != NULL && h->chair != m) || (h->shown != NULL && h->shown != m) ||
        h->ops->show == NULL || !h->ops->show(m->user, lcn))
        return false;
    h->shown = m;
    return true;
}

static bool show_no_more(struct h243_member *m)
{
    if (m->h->shown != m || !m->h->ops->broadcast(m->user, false))
        /* Before terminalNumberAssign it has no say. */
        return false;
    m->h->shown = NULL;
    return true;
}

static void answer_watch(struct h243_member *m, const struct h245_TerminalLabel *label)
{
    struct h245_ConferenceResponse_sendThisSourceResponse body = {
        .kind = watch(m, label)
                    ? h245_ConferenceResponse_sendThisSourceResponse_grantedSendThisSource
                    : h245_ConferenceResponse_sendThisSourceResponse_deniedSendThisSource};
    struct h245_ConferenceResponse r = {.kind = h245_ConferenceResponse_sendThisSourceResponse,
                                        .u.sendThisSourceResponse = &body};

    respond(m, &r);
}

static void answer_show(struct h243_member *m, uint16_t lcn)
{
    struct h245_ConferenceResponse_broadcastMyLogicalChannelResponse body = {
        .kind =
            show(m, lcn)
                ? h245_ConferenceResponse_broadcastMyLogicalChannelResponse_grantedBroadcastMyLogicalChannel
                : h245_ConferenceResponse_broadcastMyLogicalChannelResponse_deniedBroadcastMyLogicalChannel};
    struct h245_ConferenceResponse r = {
        .kind = h245_ConferenceResponse_broadcastMyLogicalChannelResponse,
        .u.broadcastMyLogicalChannelResponse = &body};

    respond(m, &r);
}

static void answer_broadcast(struct h243_member *m, const struct h245_TerminalLabel *label)
{
    bool is_granted = broadcast(m, label);
    struct h245_ConferenceResponse_makeTerminalBroadcasterResponse body = {
        .kind =
            is_granted
                ? h245_ConferenceResponse_makeTerminalBroadcasterResponse_grantedMakeTerminalBroadcaster
                : h245_ConferenceResponse_makeTerminalBroadcasterResponse_deniedMakeTerminalBroadcaster};
    struct h245_ConferenceResponse r = {.kind =
                                            h245_ConferenceResponse_makeTerminalBroadcasterResponse,
                                        .u.makeTerminalBroadcasterResponse = &body};

    respond(m, &r);
}

bool h243_on_request(struct h243_member *m, const struct h245_ConferenceRequest *request)
{
    if (m->engine == NULL)
        return false;
    switch (request->kind) {
    case h245_ConferenceRequest_terminalListRequest:
        send_list(m);
        return true;
    case h245_ConferenceRequest_makeMeChair:
        make_chair(m);
        return true;
    case h245_ConferenceRequest_cancelMakeMeChair:
        give_up_chair(m);
        return true;
    case h245_ConferenceRequest_requestChairTokenOwner:
        send_chair_owner(m);
        return true;
    case h245_ConferenceRequest_dropTerminal:
        drop(m, request->u.dropTerminal);
        return true;
    case h245_ConferenceRequest_requestTerminalID:
        return send_name(m, request->u.requestTerminalID);
    case h245_ConferenceRequest_requestAllTerminalIDs:
        send_all_names(m);
        return true;
    case h245_ConferenceRequest_sendThisSource:
        answer_watch(m, request->u.sendThisSource);
        return true;
    case h245_ConferenceRequest_makeTerminalBroadcaster:
        answer_broadcast(m, request->u.makeTerminalBroadcaster);
        return true;
    case h245_ConferenceRequest_broadcastMyLogicalChannel:
        answer_show(m, request->u.broadcastMyLogicalChannel);
        return true;
    default:
        return false; /* passwords and names are the MC's to ask for, others have a refusal */
    }
}

/* Everybody leaves, the chair last: the conference may be gone with him. */
static void drop_all(struct h243_member *chair)
{
    const struct h243_ops *ops = chair->h->ops;
    void *chair_user = chair->user;
    void *users[H243_MEMBERS_MAX];
    size_t n = 0;

    LIST_FOREACH (it, &chair->h->members) {
        struct h243_member *one = LIST_ENTRY(it, struct h243_member, link);

        /* A copy: each drop takes one out. */
        if (one != chair)
            users[n++] = one->user;
    }
    for (size_t i = 0; i < n; i++)
        ops->drop(users[i], false);
    ops->drop(chair_user, true);
}

bool h243_on_command(struct h243_member *m, const struct h245_ConferenceCommand *command)
{
    if (m->engine == NULL)
        return false;
    switch (command->kind) {
    case h245_ConferenceCommand_broadcastMyLogicalChannel:
        return show(m, command->u.broadcastMyLogicalChannel);
    case h245_ConferenceCommand_cancelBroadcastMyLogicalChannel:
        return show_no_more(m);
    case h245_ConferenceCommand_sendThisSource:
        return watch(m, command->u.sendThisSource);
    case h245_ConferenceCommand_cancelSendThisSource:
        return watch(m, NULL);
    case h245_ConferenceCommand_makeTerminalBroadcaster:
        return broadcast(m, command->u.makeTerminalBroadcaster);
    case h245_ConferenceCommand_cancelMakeTerminalBroadcaster:
        return m->h->chair == m && m->h->ops->broadcast != NULL &&
               m->h->ops->broadcast(m->user, false);
    case h245_ConferenceCommand_dropConference:
        if (m->h->chair != m)
            return false;
        drop_all(m);
        return true;
    default:
        return false;
    }
}

/* Who wants to speak tells the chair, if there is one that is somebody else. */
static void ask_for_floor(struct h243_member *m)
{
    if (m->h->ops->floor != NULL)
        m->h->ops->floor(m->user);
    if (m->h->chair != NULL && m->h->chair != m && m->h->chair->engine != NULL)
        h243_indicate(m->h->chair, h245_ConferenceIndication_floorRequested, m);
}

/* All others are the MC's to say: numbers, who came and went, who is seen. From a terminal they
 * mean nothing, and an indication is not answered. */
void h243_on_indication(struct h243_member *m, const struct h245_ConferenceIndication *indication)
{
    if (m->engine == NULL)
        return;
    if (indication->kind == h245_ConferenceIndication_requestForFloor)
        ask_for_floor(m);
    else if (indication->kind == h245_ConferenceIndication_sbeNumber && m->h->ops->number != NULL)
        m->h->ops->number(m->user, (char)('0' + indication->u.sbeNumber));
}
