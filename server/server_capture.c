/* session.capture_start and session.capture_stop on the control socket. */
#include "base/err.h"
#include "server/server.h"

static struct session *session_of(struct server *s, const json_t *params, struct rpc_reply *reply)
{
    uint64_t id = rpc_param_uint(params, "id", 0);
    struct session *session = h323_find(s->h323, id);

    if (session == NULL)
        rpc_reply_error(reply, ERR_NOTFOUND, "no session %llu", (unsigned long long)id);
    return session;
}

static void method_start(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct session *session = session_of(ctx, params, reply);
    const struct session_capture wanted = {
        .transport = (uint32_t)rpc_param_uint(params, "transport", 0),
        .file = rpc_param_string(params, "file", NULL),
        .seconds = (uint32_t)rpc_param_uint(params, "seconds", 0),
    };
    struct session_capture got;
    const char *why = "";
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = session_capture_start(session, &wanted, &got, &why);
    if (err != 0)
        rpc_reply_error(reply, err, "%s", why);
    else
        rpc_reply_result(reply,
                         json_pack("{s:I,s:I,s:s}", "id", (json_int_t)session_id(session),
                                   "transport", (json_int_t)got.transport, "file", got.file));
}

static void method_stop(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct session *session = session_of(ctx, params, reply);
    const char *why = "";
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = session_capture_stop(session, (uint32_t)rpc_param_uint(params, "transport", 0), &why);
    if (err != 0)
        rpc_reply_error(reply, err, "%s", why);
    else
        rpc_reply_result(reply, json_pack("{s:I}", "id", (json_int_t)session_id(session)));
}

static const struct rpc_param start_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"transport", RPC_UINT, false, 1, UINT32_MAX,
     "one of its transports (session.get); default: that of its audio"},
    {"file", RPC_STRING, false, 1, 95,
     "in data_plane.recording.directory; default: session, transport and time"},
    {"seconds", RPC_UINT, false, 1, 86400, "it ends then; default data_plane.recording"},
};
static const struct rpc_param stop_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
    {"transport", RPC_UINT, false, 1, UINT32_MAX, "one of its transports; default: all of them"},
};
static const struct rpc_method methods[] = {
    {"session.capture_start",
     "write decrypted RTP and RTCP, both ways, into a new pcap file (mode 0600); needs "
     "data_plane.recording.captures; session.capture tells the end",
     start_params, sizeof(start_params) / sizeof(start_params[0]), method_start},
    {"session.capture_stop", "stop it", stop_params, sizeof(stop_params) / sizeof(stop_params[0]),
     method_stop},
};

int server_capture_register(struct server *s)
{
    return rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);
}
