/* Legs by SDP on the control socket: session.create, session.answer, session.update. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/server.h"
#include "signalling/sdp/sdp.h"

/* Work space: a description is too large for a stack that callbacks nest on. */
struct work {
    struct sdp sdp;
    struct sdp_error error;
    char text[SDP_TEXT_MAX];
};

/* Reads the parameter into work->sdp; false: refused, and said so. */
static bool read_sdp(struct work *work, const char *text, struct rpc_reply *reply)
{
    int err = sdp_parse(text, strlen(text), &work->sdp, &work->error);

    if (err == ERR_LIMIT)
        rpc_reply_error(reply, err, "sdp: more than %d media or %d octets", SDP_MEDIA_MAX,
                        SDP_TEXT_MAX);
    else if (err != 0)
        rpc_reply_error(reply, err, "sdp line %u: %s expected", work->error.line,
                        work->error.wanted);
    return err == 0;
}

static void reply_sdp(struct work *work, struct session *session, struct rpc_reply *reply)
{
    /* Written before it is promised: an answer without its description would be no use. */
    size_t len;

    if (sdp_write(&work->sdp, work->text, sizeof(work->text), &len) != 0)
        rpc_reply_error(reply, ERR_LIMIT, "sdp: no room");
    else
        rpc_reply_result(reply, json_pack("{s:I,s:s#}", "id", (json_int_t)session_id(session),
                                          "sdp", work->text, len));
}

/* Offer and answer for a session: with `text` theirs is answered, without it ours is made. */
static int negotiate(struct work *work, struct session *session, bool is_offered, const char **why)
{
    uint64_t now = clock_mono_ms();

    return is_offered ? session_sdp_answer(session, &work->sdp, why, now)
                      : session_sdp_offer(session, &work->sdp, why, now);
}

/* Made, or (pass-through) to be made when the other leg is known. */
static void reply_made(struct work *work, struct session *session, int err, const char *why,
                       struct rpc_reply *reply)
{
    if (err == 0)
        reply_sdp(work, session, reply);
    /* ERR_AGAIN is no error here: the session is made, and goes on by itself. */
    else if (err == ERR_AGAIN)
        rpc_reply_result(reply, json_pack("{s:I,s:n,s:s}", "id", (json_int_t)session_id(session),
                                          "sdp", "waits", why));
    else
        rpc_reply_error(reply, err, "%s", why);
}

static bool read_mode(const char *text, enum session_sdp_mode *mode)
{
    static const struct {
        const char *text;
        enum session_sdp_mode mode;
    } rows[] = {{"terminate", SESSION_SDP_TERMINATE}, {"passthrough", SESSION_SDP_PASS}};

    *mode = SESSION_SDP_ANY;
    for (size_t i = 0; text != NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(text, rows[i].text) == 0)
            *mode = rows[i].mode;
    return text == NULL || *mode != SESSION_SDP_ANY;
}

static struct work *new_work(struct rpc_reply *reply)
{
    struct work *work = calloc(1, sizeof(*work));

    if (work == NULL)
        rpc_reply_error(reply, ERR_NOMEM, "out of memory");
    return work;
}

static void create(struct server *s, struct work *work, const json_t *params,
                   struct rpc_reply *reply)
{
    const char *text = rpc_param_string(params, "sdp", NULL);
    struct h323_sdp_request request = {
        .alias = rpc_param_string(params, "conference", ""),
        .listener = rpc_param_string(params, "listener", NULL),
        .family = rpc_param_bool(params, "ipv6", false) ? ADDR_IP6 : ADDR_IP4,
        .options = {.ice = rpc_param_bool(params, "ice", false),
                    .video = rpc_param_bool(params, "video", false),
                    .data = rpc_param_bool(params, "data", false)},
    };
    const char *policy = rpc_param_string(params, "dtls", NULL);
    struct session *session = NULL;
    const char *why = "";
    int err;

    request.has_dtls = policy != NULL;
    if (policy != NULL && !server_read_policy(policy, &request.dtls)) {
        rpc_reply_error(reply, ERR_INVAL, "dtls: expected required, preferred or off");
        return;
    }
    if (!read_mode(rpc_param_string(params, "mode", NULL), &request.options.mode)) {
        rpc_reply_error(reply, ERR_INVAL, "mode: expected terminate or passthrough");
        return;
    }
    if (text != NULL && !read_sdp(work, text, reply))
        return;
    /* The family of the first address that is offered decides where our ports are. */
    for (size_t i = 0; text != NULL && i < work->sdp.media_count; i++)
        if (work->sdp.media[i].address.family != ADDR_NONE)
            request.family = work->sdp.media[i].address.family;
    err = h323_sdp(s->h323, &request, &session, &why);
    if (err == 0) {
        err = negotiate(work, session, text != NULL, &why);
        /* A leg that could not be described is no leg; who retries makes another. */
        if (err != 0 && err != ERR_AGAIN)
            session_refuse(session,
                           err == ERR_UNSUPPORTED ? SESSION_END_NO_CODEC : SESSION_END_NEGOTIATION,
                           why, clock_mono_ms());
    } else if (err == ERR_AGAIN) {
        err = ERR_LIMIT; /* too many conferences: nothing is being waited for */
    }
    reply_made(work, session, err, why, reply);
}

static void method_create(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct work *work = new_work(reply);

    (void)peer;
    if (work == NULL)
        return;
    create(ctx, work, params, reply);
    free(work);
}

static void method_answer(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);
    struct work *work = session != NULL ? new_work(reply) : NULL;
    const char *why = "";
    int err;

    (void)peer;
    /* The error has been told. */
    if (work == NULL)
        return;
    if (read_sdp(work, rpc_param_string(params, "sdp", ""), reply)) {
        err = session_sdp_accept(session, &work->sdp, &why, clock_mono_ms());
        if (err != 0)
            rpc_reply_error(reply, err, "%s", why);
        else
            rpc_reply_result(reply, json_pack("{s:I}", "id", (json_int_t)session_id(session)));
    }
    free(work);
}

static void method_update(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const char *text = rpc_param_string(params, "sdp", NULL);
    struct session *session = server_session_of(ctx, params, reply);
    struct work *work = session != NULL ? new_work(reply) : NULL;
    const char *why = "";
    int err;

    (void)peer;
    if (work == NULL)
        return;
    if (text == NULL || read_sdp(work, text, reply)) {
        err = negotiate(work, session, text != NULL, &why);
        reply_made(work, session, err, why, reply);
    }
    free(work);
}

static const struct rpc_param create_params[] = {
    {"conference", RPC_STRING, true, 1, 127, "alias as it would be called"},
    {"sdp", RPC_TEXT, false, 1, SDP_TEXT_MAX, "their offer; without it an offer is made"},
    {"listener", RPC_STRING, false, 1, 63, "whose policy and addresses hold, default the first"},
    {"dtls", RPC_STRING, false, 1, 16, "required, preferred or off; default: the listener's"},
    {"ipv6", RPC_BOOL, false, 0, 0, "family of an offer of ours, default IPv4"},
    {"mode", RPC_STRING, false, 1, 16,
     "terminate or passthrough (for a relay that this session makes); default: the conference's"},
    {"ice", RPC_BOOL, false, 0, 0, "offers of ours have ICE (lite) in them, default false"},
    {"video", RPC_BOOL, false, 0, 0, "our offer has video, default false"},
    {"data", RPC_BOOL, false, 0, 0, "our offer has a data channel, default false"},
};
static const struct rpc_param answer_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"sdp", RPC_TEXT, true, 1, SDP_TEXT_MAX, "their answer to our offer"},
};
static const struct rpc_param update_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"sdp", RPC_TEXT, false, 1, SDP_TEXT_MAX, "their new offer; without it one of ours is made"},
};
static const struct rpc_method methods[] = {
    {"session.create",
     "a leg by SDP: answers their offer, or makes one (sdp null: event session.described brings "
     "it)",
     create_params, 9, method_create},
    {"session.answer", "their answer to the offer of session.create or session.update",
     answer_params, 2, method_answer},
    {"session.update", "a new offer on a leg by SDP: hold, resume, other media or addresses",
     update_params, 2, method_update},
};

int server_sdp_register(struct server *s)
{
    return rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);
}
