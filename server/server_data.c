/* Data channels on the control socket: data.send, and who wants to see data.received. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "sctp/dcep.h"
#include "server/data/data_text.h"
#include "server/server.h"
#include "server/session/session_data.h"

#define TEXT_MAX 65536 /* octets of a message that is sent from here */

/* The octets, and the identifier that RFC 8831 section 8 has for their sort: an empty message has
 * one octet of anything. 0, or an error that has been told. */
static int read_payload(const json_t *params, struct data_message *m, struct rpc_reply *reply)
{
    const char *text = rpc_param_string(params, "text", NULL);
    const char *base64 = rpc_param_string(params, "base64", NULL);
    int err = 0;

    if ((text == NULL) == (base64 == NULL)) {
        rpc_reply_error(reply, ERR_INVAL, "text or base64, one of them");
        return ERR_INVAL;
    }
    if (base64 != NULL) {
        err = data_unbase64(base64, &m->data, &m->len);
    } else {
        m->len = strlen(text);
        m->data = malloc(m->len + 1);
        err = m->data != NULL ? 0 : ERR_NOMEM;
        if (err == 0)
            memcpy(m->data, text, m->len);
    }
    if (err != 0) {
        rpc_reply_error(reply, err, "%s",
                        err == ERR_MALFORMED
                            ? "base64: expected RFC 4648 with its padding, without "
                              "line ends"
                            : err_to_str(err));
        return err;
    }
    if (m->len > TEXT_MAX) {
        rpc_reply_error(reply, ERR_RANGE, "base64: expected at most %d octets, found %zu", TEXT_MAX,
                        m->len);
        free(m->data);
        return ERR_RANGE;
    }
    m->ppid = text != NULL ? 51 : 53;
    if (m->len == 0) {
        m->ppid = text != NULL ? 56 : 57;
        m->data[m->len++] = 0;
    }
    return 0;
}

/* What contradicts itself would be carried out in part: rather not at all. */
static const char *find_contradiction(const json_t *params)
{
    if (json_object_get(params, "label") != NULL && json_object_get(params, "stream") != NULL)
        return "label or stream, one of them";
    if (json_object_get(params, "max_retransmits") != NULL &&
        json_object_get(params, "lifetime_ms") != NULL)
        return "max_retransmits or lifetime_ms, one of them (RFC 8832 5.1)";
    if (rpc_param_uint(params, "ppid", 0) == DCEP_PPID)
        return "ppid: 50 is that of RFC 8832 itself; channels are opened by their label";
    return NULL;
}

static void read_channel(const json_t *params, struct data_message *m)
{
    const char *label = rpc_param_string(params, "label", "");

    m->has_stream = json_object_get(params, "stream") != NULL;
    m->stream = (uint16_t)rpc_param_uint(params, "stream", 0);
    m->ppid = (uint32_t)rpc_param_uint(params, "ppid", m->ppid);
    m->is_unordered = rpc_param_bool(params, "unordered", false);
    m->has_retransmits = json_object_get(params, "max_retransmits") != NULL;
    m->retransmits = (uint32_t)rpc_param_uint(params, "max_retransmits", 0);
    m->lifetime_ms = m->has_retransmits ? 0 : (uint32_t)rpc_param_uint(params, "lifetime_ms", 0);
    memcpy(m->label, label, strlen(label)); /* checked against its maximum; the rest is zero */
}

static int send_to_conference(struct server *s, const char *name, struct data_message *m)
{
    const struct conference *c = conferences_find(s->conferences, name);

    if (c == NULL)
        return ERR_NOTFOUND;
    if (conference_data(c) == CONFERENCE_DATA_RELAY || conference_data(c) == CONFERENCE_DATA_OFF)
        return ERR_STATE;
    if (conference_data_readers(c) == 0)
        return ERR_CLOSED;
    m->room = session_data_room(c);
    return media_link_ops.data_send(s->media, NULL, m);
}

static int send_to_session(struct server *s, uint64_t id, const struct data_message *m)
{
    struct session *session = h323_find(s->h323, id);

    return session != NULL ? session_data_send(session, m) : ERR_NOTFOUND;
}

static const char *text_of(int err)
{
    if (err == ERR_NOTFOUND)
        return "no such session or conference";
    if (err == ERR_STATE)
        return "no data channel that ends here: see conferences[].data";
    if (err == ERR_CLOSED)
        return "nobody in it has a data channel that is open";
    return err == ERR_AGAIN ? "too many messages wait already" : "not sent";
}

static void method_send(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct server *s = ctx;
    const char *conference = rpc_param_string(params, "conference", NULL);
    uint64_t id = rpc_param_uint(params, "id", 0);
    const char *wrong = find_contradiction(params);
    struct data_message m;
    int err;

    (void)peer;
    memset(&m, 0, sizeof(m));
    if ((conference == NULL) == (id == 0)) {
        rpc_reply_error(reply, ERR_INVAL, "id or conference, one of them");
        return;
    }
    if (wrong != NULL) {
        rpc_reply_error(reply, ERR_INVAL, "%s", wrong);
        return;
    }
    if (read_payload(params, &m, reply) != 0)
        return;
    read_channel(params, &m);
    err = conference != NULL ? send_to_conference(s, conference, &m) : send_to_session(s, id, &m);
    if (err != 0) {
        free(m.data);
        rpc_reply_error(reply, err, "%s", text_of(err));
        return;
    }
    rpc_reply_result(reply, json_pack("{s:I}", "octets", (json_int_t)m.len));
}

static const struct rpc_param send_params[] = {
    {"id", RPC_UINT, false, 1, 0, "session id: to its peer"},
    {"conference", RPC_STRING, false, 1, 127, "... or name of a conference: to all that are in it"},
    {"label", RPC_STRING, false, 0, 255,
     "the channel; one is opened (RFC 8832) where none has this label; default \"\""},
    {"stream", RPC_UINT, false, 0, 63, "... or this stream, whatever is on it"},
    {"text", RPC_TEXT, false, 0, TEXT_MAX, "the message, UTF-8"},
    {"base64", RPC_STRING, false, 0, (TEXT_MAX + 2) / 3 * 4, "... or its octets"},
    {"ppid", RPC_UINT, false, 0, UINT32_MAX,
     "payload protocol identifier; default as RFC 8831 has it for text and octets"},
    {"unordered", RPC_BOOL, false, 0, 0, "it may overtake others"},
    {"max_retransmits", RPC_UINT, false, 0, 65535, "it is sent again at most so often (RFC 3758)"},
    {"lifetime_ms", RPC_UINT, false, 1, 3600000, "it is given up after so long"},
};
static const struct rpc_method methods[] = {
    {"data.send", "a message on a data channel that ends here; it waits while there is room",
     send_params, sizeof(send_params) / sizeof(send_params[0]), method_send},
};

static void on_watch(void *ctx)
{
    struct server *s = ctx;

    media_link_watch_data(s->media, control_is_wanted(s->control, "data.received"));
}

int server_data_register(struct server *s)
{
    control_on_watch(s->control, on_watch, s);
    return rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);
}
