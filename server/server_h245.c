/* Methods of the control socket that make a session say something in H.245. */
#include "base/clock.h"
#include "base/err.h"
#include "server/server.h"

static void answer(struct rpc_reply *reply, const struct session *session, int err,
                   const char *what)
{
    if (err != 0)
        rpc_reply_error(reply, err, "%s", what);
    else
        rpc_reply_result(reply, json_pack("{s:I}", "id", (json_int_t)session_id(session)));
}

static const char *text_of(int err, const char *of_inval, const char *of_unsupported)
{
    if (err == ERR_STATE || err == ERR_CLOSED)
        return "the session is not active, or has no H.245";
    return err == ERR_UNSUPPORTED ? of_unsupported : of_inval;
}

static void method_send_user_input(void *ctx, void *peer, const json_t *params,
                                   struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = session_send_user_input(session, rpc_param_string(params, "text", ""),
                                  (uint32_t)rpc_param_uint(params, "duration_ms", 0),
                                  clock_mono_ms());
    answer(reply, session, err,
           text_of(err, "text: with duration_ms, one key of 0-9 # * A-D !", ""));
}

static void method_misc_command(void *ctx, void *peer, const json_t *params,
                                struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = session_misc_command(session, rpc_param_string(params, "command", ""),
                               (uint16_t)rpc_param_uint(params, "lcn", 0), clock_mono_ms());
    answer(reply, session, err,
           text_of(err, "lcn: the session has no such channel",
                   "command: not a miscellaneous command without parameters"));
}

static void method_request_mode(void *ctx, void *peer, const json_t *params,
                                struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);
    struct session_refusal why = {"codec: not known"};
    enum h245_codec codec;
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = h245_codec_from_str(rpc_param_string(params, "codec", ""), &codec);
    if (err == 0)
        err = session_request_mode(session, codec, &why, clock_mono_ms());
    answer(reply, session, err, why.text);
}

static void method_ask(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = session_ask(session, rpc_param_string(params, "what", ""), clock_mono_ms());
    answer(reply, session, err,
           err == ERR_STATE ? "the session has not entered its conference, or is asked just now"
                            : "what: expected terminal_id or conference_id");
}

static const struct rpc_param input_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"text", RPC_STRING, true, 1, 127, "keys or text"},
    {"duration_ms", RPC_UINT, false, 1, 65535, "sends one key as a signal of this length"},
};
static const struct rpc_param misc_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"command", RPC_STRING, true, 1, 63, "as in H.245: videoFastUpdatePicture, zeroDelay, ..."},
    {"lcn", RPC_UINT, true, 1, 65535, "the channel that it is about, of either direction"},
};
static const struct rpc_param mode_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"codec", RPC_STRING, true, 1, 63, "audio that the peer shall send: PCMA, PCMU, G722, ..."},
};
static const struct rpc_param ask_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"what", RPC_STRING, true, 1, 63,
     "terminal_id (its own name) or conference_id (which conference it wants)"},
};
static const struct rpc_method methods[] = {
    {"session.send_user_input", "send keys to the peer by H.245", input_params, 3,
     method_send_user_input},
    {"session.misc_command", "send a miscellaneous command of H.245", misc_params, 3,
     method_misc_command},
    {"session.request_mode",
     "ask the peer to send another codec; session.mode_answer tells. "
     "Where all have one codec (relay, forward), all change with it; "
     "refused with the session that cannot",
     mode_params, 2, method_request_mode},
    {"session.ask", "ask the terminal by H.243; session.identified tells its answer, if it has one",
     ask_params, 2, method_ask},
};

int server_h245_register(struct server *s)
{
    return rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);
}
