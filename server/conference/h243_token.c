/* The presentation token of H.239 in a conference: one member at most may present. Who has it keeps
 * it until it gives it back; when another one asks, it is asked to give way, and its answer is the
 * other's answer. */
#include "base/err.h"
#include "server/conference/h243_priv.h"
#include "signalling/h245/engine.h"
#include "signalling/h245/h239.h"

bool h243_is_presenter(const struct h243_member *m)
{
    return m->h->token.owner == m;
}

/* `now` matters for requests only: they start a timer. */
static int send(struct h243_member *to, const struct h239_message *message, uint64_t now)
{
    int err;

    arena_reset(&to->h->arena);
    err = h239_send(to->engine, &to->h->arena, message, now);
    arena_reset(&to->h->arena);
    /* H.245 has something to send now. */
    to->h->ops->touched(to->user);
    return err;
}

static struct h239_message about(const struct h243_member *who, enum h239_kind kind,
                                 uint16_t channel)
{
    return (struct h239_message){
        .kind = kind, .mcu = H243_MCU_NUMBER, .terminal = who->number, .channel = channel};
}

static void respond(struct h243_member *to, bool is_ack, uint16_t channel)
{
    struct h239_message answer = about(to, H239_TOKEN_RESPONSE, channel);

    answer.is_ack = is_ack;
    (void)send(to, &answer, 0);
}

static void set_owner(struct h243 *h, struct h243_member *owner)
{
    struct h243_member *before = h->token.owner;

    h->token.owner = owner;
    /* Loss before gain: there is never a moment with two presenters. */
    if (before != NULL && before != owner)
        h->ops->changed(before->user, "presenter", false);
    if (owner != NULL && before != owner)
        h->ops->changed(owner->user, "presenter", true);
}

/* The others that know H.239 learn who presents. */
static void grant(struct h243_member *m, uint16_t channel)
{
    struct h239_message owner = about(m, H239_TOKEN_OWNER, channel);

    set_owner(m->h, m);
    m->h->token.owner_channel = channel;
    respond(m, true, channel);
    LIST_FOREACH (it, &m->h->members) {
        struct h243_member *other = LIST_ENTRY(it, struct h243_member, link);

        /* Those without it would answer with functionNotUnderstood, each time. */
        if (other != m && other->engine != NULL && other->has_h239)
            (void)send(other, &owner, 0);
    }
}

static void settle_asking(struct h243 *h, bool is_granted)
{
    struct h243_member *asking = h->token.asking;

    h->token.asking = NULL;
    if (asking == NULL)
        return;
    if (is_granted)
        grant(asking, h->token.channel);
    else
        respond(asking, false, h->token.channel);
}

/* An owner that cannot be asked keeps the token: the peers' own answer is no. */
static void ask_owner(struct h243_member *m, const struct h239_message *request, uint64_t now)
{
    struct h243 *h = m->h;
    struct h239_message forward = about(m, H239_TOKEN_REQUEST, request->channel);

    forward.symmetry = request->symmetry;
    /* One request at a time: H.239 has no queue, and its answer would be for whom? */
    if (h->token.asking != NULL || send(h->token.owner, &forward, now) != 0) {
        respond(m, false, request->channel);
        return;
    }
    h->token.asking = m;
    h->token.channel = request->channel;
}

static void on_token_request(struct h243_member *m, const struct h239_message *request,
                             uint64_t now)
{
    /* Who uses it has it, said or not. */
    m->has_h239 = true;
    /* Who has it is told so again. */
    if (m->h->token.owner == NULL || m->h->token.owner == m)
        grant(m, request->channel);
    else
        ask_owner(m, request, now);
}

bool h243_on_generic_request(struct h243_member *m, const struct h245_GenericMessage *message,
                             uint64_t now)
{
    struct h239_message request;

    if (m->engine == NULL || h239_read(message, &request) != 0)
        return false;
    if (request.kind == H239_TOKEN_REQUEST) {
        on_token_request(m, &request, now);
        return true;
    }
    if (request.kind != H239_FLOW_RELEASE_REQUEST)
        return false; /* a response or a command in a request's clothes */
    /* No rate of a channel was lowered by us: there is nothing to release. */
    request.kind = H239_FLOW_RELEASE_RESPONSE;
    request.is_ack = false;
    (void)send(m, &request, 0);
    return true;
}

/* The owner's answer. If it is gone from the token meanwhile, its answer means nothing any more. */
bool h243_on_generic_response(struct h243_member *m, const struct h245_GenericMessage *message)
{
    struct h239_message response;
    int err = h239_read(message, &response);

    if (err == ERR_UNSUPPORTED)
        return false;
    if (m == m->h->token.owner && (err != 0 || response.kind == H239_TOKEN_RESPONSE)) {
        /* The owner gives it up before the next one has it. */
        if (err == 0 && response.is_ack)
            set_owner(m->h, NULL);
        settle_asking(m->h, err == 0 && response.is_ack);
    }
    return true;
}

void h243_on_generic_failed(struct h243_member *m)
{
    if (m == m->h->token.owner)
        settle_asking(m->h, false);
}

bool h243_on_generic_command(struct h243_member *m, const struct h245_GenericMessage *message)
{
    struct h239_message command;

    if (h239_read(message, &command) != 0)
        return false;
    if (command.kind == H239_TOKEN_RELEASE) {
        if (m->h->token.owner == m) {
            set_owner(m->h, NULL);
            settle_asking(m->h, true);
        } else if (m->h->token.asking == m) {
            m->h->token.asking = NULL; /* thought better of it */
        }
        return true;
    }
    /* Who owns it is for us to say; who repeats it to us is right or out of date. */
    return command.kind == H239_TOKEN_OWNER;
}

void h243_token_enter(struct h243_member *m)
{
    const struct h243 *h = m->h;
    struct h239_message owner;

    if (h->token.owner == NULL || !m->has_h239)
        return;
    owner = about(h->token.owner, H239_TOKEN_OWNER, h->token.owner_channel);
    (void)send(m, &owner, 0);
}

/* Called when it is out of the list already. What it had is the next one's. */
void h243_token_leave(struct h243_member *m)
{
    struct h243 *h = m->h;

    if (h->token.asking == m)
        h->token.asking = NULL;
    if (h->token.owner != m)
        return;
    h->token.owner = NULL; /* nobody is told of one who has left */
    /* Who waited for the leaving owner's answer has it now. */
    settle_asking(h, true);
}
