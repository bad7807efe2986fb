/* session.call on the control socket: the server calls. */
#include <string.h>

#include "base/err.h"
#include "server/conference/dialplan.h"
#include "server/server.h"

/* A registered server calls as one of the aliases that its gatekeeper knows. */
static const char *own_alias(const struct settings *s)
{
    return s->gatekeeper.address.family != ADDR_NONE && s->gatekeeper.alias_count > 0
               ? s->gatekeeper.aliases[0]
               : s->node.name;
}

bool server_read_policy(const char *text, enum settings_dtls *out)
{
    static const enum settings_dtls all[] = {SETTINGS_DTLS_REQUIRED, SETTINGS_DTLS_PREFERRED,
                                             SETTINGS_DTLS_OFF};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(settings_dtls_to_str(all[i]), text) == 0) {
            *out = all[i];
            return true;
        }
    return false;
}

/* 0, or the error was answered. */
static int read_request(struct server *s, const json_t *params, struct dialplan_target *target,
                        struct h323_request *r, struct rpc_reply *reply)
{
    const char *to = rpc_param_string(params, "to", "");
    const char *conference = rpc_param_string(params, "conference", "");
    const char *policy = rpc_param_string(params, "dtls", NULL);
    struct session_dial *d = &r->dial;
    int err = dialplan_parse_target(to, target);

    if (err != 0) {
        rpc_reply_error(
            reply, err,
            "to: expected ADDRESS[:PORT] of a host, ALIAS@ADDRESS or ALIAS, found \"%s\"", to);
        return err;
    }
    err = conferences_resolve(s->conferences, conference, &d->row, &d->conference);
    if (err != 0) {
        rpc_reply_error(reply, err,
                        "conference: expected one that runs, or an alias of the dial "
                        "plan, found \"%s\"",
                        conference);
        return err;
    }
    r->has_dtls = policy != NULL;
    if (policy != NULL && !server_read_policy(policy, &r->dtls)) {
        rpc_reply_error(reply, ERR_INVAL, "dtls: expected required, preferred or off");
        return ERR_INVAL;
    }
    r->has_tls = json_object_get(params, "tls") != NULL;
    r->tls = rpc_param_bool(params, "tls", false);
    r->listener = rpc_param_string(params, "listener", NULL);
    d->alias = target->alias;
    d->address = target->address;
    d->source = rpc_param_string(params, "alias", own_alias(s->settings));
    d->display = rpc_param_string(params, "display", s->settings->node.name);
    d->tunnelling = rpc_param_bool(params, "tunnelling", s->settings->signalling.tunnelling);
    d->is_invite = rpc_param_bool(params, "invite", false);
    d->fast_connect = rpc_param_bool(params, "fast_connect", false);
    return 0;
}

static void method_session_call(void *ctx, void *peer, const json_t *params,
                                struct rpc_reply *reply)
{
    struct server *s = ctx;
    struct dialplan_target target;
    struct h323_request r;
    struct session *session = NULL;
    const char *why = "";
    int err;

    (void)peer;
    memset(&r, 0, sizeof(r));
    if (read_request(s, params, &target, &r, reply) != 0)
        return;
    err = h323_call(s->h323, &r, &session, &why);
    if (err != 0) {
        rpc_reply_error(reply, err, "%s", why);
        return;
    }
    rpc_reply_result(reply, json_pack("{s:I,s:s,s:s}", "id", (json_int_t)session_id(session),
                                      "state", session_state_to_str(session_state(session)),
                                      "conference", r.dial.conference));
}

static const struct rpc_param call_params[] = {
    {"to", RPC_STRING, true, 1, 200, "ADDRESS[:PORT], ALIAS@ADDRESS[:PORT], or ALIAS (gatekeeper)"},
    {"conference", RPC_STRING, true, 1, 127, "alias of the dial plan whose conference it joins"},
    {"alias", RPC_STRING, false, 1, 127, "the caller's; default: gatekeeper.aliases or node.name"},
    {"display", RPC_STRING, false, 1, 82, "what the callee shows; default node.name"},
    {"dtls", RPC_STRING, false, 1, 16, "required, preferred or off; default: the listener's"},
    {"listener", RPC_STRING, false, 1, 63, "whose addresses it has; default: first that fits"},
    {"tunnelling", RPC_BOOL, false, 0, 0, "offer H.245 tunnelling; default signalling.tunnelling"},
    {"tls", RPC_BOOL, false, 0, 0, "call signalling by TLS, port 1300; default: the listener's"},
    {"fast_connect", RPC_BOOL, false, 0, 0, "propose the channels in the Setup; default false"},
    {"invite", RPC_BOOL, false, 0, 0, "conferenceGoal invite instead of create"},
};
static const struct rpc_method methods[] = {
    {"conference.call", "the same as session.call: dial out into a conference", call_params,
     sizeof(call_params) / sizeof(call_params[0]), method_session_call},
    {"session.call", "call somebody into a conference; events tell what becomes of it", call_params,
     sizeof(call_params) / sizeof(call_params[0]), method_session_call},
};

int server_call_register(struct server *s)
{
    return rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);
}
