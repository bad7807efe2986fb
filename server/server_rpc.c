/* Methods and events of sessions, conferences and counters on the control socket. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/server.h"

const struct control_event server_events[] = {
    {"session.created", "a Setup for a known alias came, or session.call began one: direction "
                        "(in, out), peer, alias, conference, listener, tls"},
    {"session.forwarded",
     "a call of ours follows its peer elsewhere: reason, address, alias, times"},
    {"session.alerting", "a call of ours rings: display"},
    {"session.connected", "Connect was sent, or came: conference"},
    {"session.active", "capabilities and roles are known: role, dtls, signalling_secured"},
    {"session.downgraded", "policy preferred, peer without H.235.10: reason"},
    {"session.token", "the session has become owner, or is it no longer: token (chair, presenter), "
                      "is_owner"},
    {"session.mode_requested", "the peer wants to be sent something else: answer"},
    {"session.mode_answer", "to session.request_mode: answer"},
    {"session.flow_control",
     "the peer stops one of our channels, or lets it go on: lcn, is_stopped"},
    {"session.misc_command", "a miscellaneous command of H.245: lcn, command"},
    {"session.identified", "answer to session.ask, or to our question after a name at its coming: "
                           "what (terminal_id, conference_id), text"},
    {"session.user_input", "a key was pressed: text, duration_ms, via (h245, h225)"},
    {"session.described", "a leg by SDP in pass-through: its description can be made now: type "
                          "(answer, offer), sdp"},
    {"session.closed", "all is released: cause, text, conference, duration_ms, packets_in, "
                       "packets_out, lost"},
    {"session.capture",
     "a pcap file of decrypted media: state (started, stopped, failed), transport, "
     "file, bytes, dropped (packets), reason"},
    {"session.paused", "the peer's capabilities are empty: nothing is sent to it any more"},
    {"session.resumed", "the peer has capabilities again: channels are opened"},
    {"channel.opened", "a logical channel is open: lcn, direction, kind, codec, protected"},
    {"channel.rejected", "we rejected the peer's channel: lcn, cause, reason"},
    {"channel.refused", "the peer rejected ours: lcn, cause"},
    {"channel.not_replaced",
     "the peer rejected a channel of ours that was to replace another: lcn (of that), cause, "
     "tries, "
     "then (again: later; reopened: the old one closes first; kept: it stays as it is)"},
    {"channel.closed", "a logical channel is gone: lcn, direction"},
    {"data.up", "SCTP of a data channel that ends here is up"},
    {"data.down", "... is over, or never came to be: reason"},
    {"data.opened", "the peer has opened a channel: stream, label, protocol"},
    {"data.closed", "a channel is closed: stream, label, protocol"},
    {"data.received",
     "a message: stream, label, ppid, unordered, length, text or base64 (at most "
     "4,096 octets of it, then truncated); only for who names this type",
     .is_asked_for = true},
    {"data.unsent", "a message of data.send has not gone out after all: stream (64: none), label, "
                    "reason"},
    {"dtls.established",
     "handshake whole, fingerprint verified: role, cipher, srtp_profile, fingerprint, "
     "handshake_ms, resumed"},
    {"dtls.failed", "association is dead, its channels are being closed: reason, text"},
    {"dtls.closed", "the peer closed the association, its channels are being closed"},
    {"media.keyed", "the data plane has the SRTP keys"},
    {"media.passed", "pass-through: protected media have been seen for the first time"},
    {"media.latched", "media.latch: an authentic packet has moved the remote: transport, remote"},
    {"media.selected", "the peer's ICE check has selected its address: transport, remote"},
    {"media.first_packet", "first media packet: direction (in, out), ssrc"},
    {"conference.created", "a call or conference.create has begun it: conference, kind, "
                           "max_sessions"},
    {"conference.deleted", "it is over: conference, cause (empty, operator, idle, max_duration, "
                           "no_mix), "
                           "duration_ms, joins"},
    {"conference.joined", "a session has joined: conference, number (of the terminal), sessions, "
                          "waiting (for its PIN)"},
    {"conference.left", "a session has left: conference, number, sessions (that are left)"},
    {"conference.locked", "conference, locked"},
    {"conference.codec", "relay, forward: another codec for all: conference, from, to"},
    {"conference.muted", "what others hear of a session, and it of them: conference, muted, deaf, "
                         "gain_db"},
    {"conference.speaker", "who speaks in a mix has changed: conference, session (null: nobody)"},
    {"conference.video", "what a session sees has changed: conference, source (a session; null: "
                         "nobody), reason (no_common_codec: video is there, but none that it can "
                         "take)"},
    {"conference.presentation",
     "what is presented (H.239) has changed: conference, source (the session "
     "that presents; null: nobody); of a session that could see presentations and cannot take "
     "this one: source null, reason no_common_codec"},
    {"conference.layout", "conference, layout, session (null: by voice)"},
    {"conference.recording", "conference, state (started, stopped, failed), file, session (null: "
                             "the whole mix), reason; when it has ended bytes, ms, dropped"},
    {"conference.announcement", "conference, state (started, ended, failed), file, session (null: "
                                "for all), reason (replaced: by another announcement; stopped; "
                                "empty: played to its end; else in words)"},
    {"conference.floor", "a session wants to speak (H.243): conference"},
    {"conference.pin", "conference, result (asked, accepted, wrong, failed, timeout), tries_left"},
    {"dataplane.attached", "sluice-dp is there: text"},
    {"dataplane.lost", "sluice-dp is gone, its sessions end: text"},
    {"session.bandwidth", "the gatekeeper allows less than the channels need: allowed, needed "
                          "(100 bit/s)"},
    {"gatekeeper.registered", "address, identifier, endpoint, ttl_s, alternates"},
    {"gatekeeper.unregistered", "the registration has ended: reason; it goes on trying unless the "
                                "reason is `operator`"},
    {"gatekeeper.unreachable",
     "a gatekeeper did not answer or does not want us: reason; it goes on "
     "trying"},
    {"gatekeeper.switched", "another gatekeeper serves us than before: address, identifier, "
                            "endpoint, ttl_s, alternates, from"},
    {"server.stopping", "shutdown has begun"},
};
const size_t server_event_count = sizeof(server_events) / sizeof(server_events[0]);

/* ---- counters ---- */

/* Short, as it is written in each of the lists below by an X macro: a counter that is added to its
 * list is told here without a word more. */
static void set(json_t *j, const char *name, uint64_t value)
{
    json_object_set_new(j, name, json_integer((json_int_t)value));
}

static json_t *sessions_json(struct server *s)
{
    const struct session_stats *st = &s->env.stats;
    json_t *j = json_object();
    json_t *ended = json_object();
    json_t *refused = json_object();
    json_t *failures = json_object();
    json_t *not_done = json_object();

#define SESSION_STAT_SET(name) set(j, #name, st->name);
    SESSION_STAT_LIST(SESSION_STAT_SET)
#undef SESSION_STAT_SET
    /* From 1: 0 is "none" in each of these. */
    for (int i = 1; i < SESSION_END_COUNT; i++)
        set(ended, session_end_to_str((enum session_end)i), st->ended[i]);
    for (int i = 1; i < H23510_VERDICT_COUNT; i++)
        /* Zeros are left out: there are some forty verdicts. */
        if (st->refused[i] != 0)
            set(refused, h23510_verdict_to_str((enum h23510_verdict)i), st->refused[i]);
    for (int i = 0; i < H245_REFUSAL_COUNT; i++)
        if (st->h245_refused[i] != 0)
            set(not_done, h245_refusal_to_str((enum h245_refusal)i), st->h245_refused[i]);
    for (int i = 1; i < DTLS_FAILURE_COUNT; i++)
        set(failures, dtls_failure_to_str((enum dtls_failure)i), st->dtls_failures[i]);
    json_object_set_new(j, "ended", ended);
    json_object_set_new(j, "h235_refused_by", refused);
    json_object_set_new(j, "dtls_failed_by", failures);
    json_object_set_new(j, "h245_refused_by", not_done);
    return j;
}

static json_t *conference_stats_json(struct server *s)
{
    const struct conferences_stats *st = conferences_stats_of(s->conferences);
    json_t *j = json_object();

#define CONFERENCES_STAT_SET(name) set(j, #name, st->name);
    CONFERENCES_STAT_LIST(CONFERENCES_STAT_SET)
#undef CONFERENCES_STAT_SET
    return j;
}

static json_t *tcp_json(struct server *s)
{
    const struct tcp_stats *st = tcp_stats_of(s->tcp);
    json_t *failed = json_object();
    json_t *j = json_object();

#define TCP_STAT_SET(name) set(j, #name, st->name);
    TCP_STAT_LIST(TCP_STAT_SET)
#undef TCP_STAT_SET
    for (int i = 1; i < TLS_FAILURE_COUNT; i++)
        set(failed, tls_failure_to_str((enum tls_failure)i), st->tls_failures[i]);
    json_object_set_new(j, "tls_failed_by", failed);
    return j;
}

static json_t *h323_json(struct server *s)
{
    const struct h323_stats *st = h323_stats_of(s->h323);
    json_t *j = json_object();

#define H323_STAT_SET(name) set(j, #name, st->name);
    H323_STAT_LIST(H323_STAT_SET)
#undef H323_STAT_SET
    return j;
}

static json_t *shards_json(const struct media_link_stats *m)
{
    const struct shard_stats *st = &m->shards;
    json_t *j = json_object();
    json_t *failed = json_object();

    set(j, "count", m->shard_count);
#define SHARD_STAT_SET(name) set(j, #name, st->name);
    SHARD_STAT_LIST(SHARD_STAT_SET)
#undef SHARD_STAT_SET
#define DTLS_STAT_SET(name) set(j, "dtls_" #name, st->dtls.name);
    DTLS_STAT_LIST(DTLS_STAT_SET)
#undef DTLS_STAT_SET
    for (int i = 1; i < DTLS_FAILURE_COUNT; i++)
        set(failed, dtls_failure_to_str((enum dtls_failure)i), st->dtls.failed_by[i]);
    json_object_set_new(j, "dtls_failed_by", failed);
    return j;
}

/* What ends here: the hub, its SCTP, and the connections that are sockets of ours. */
static json_t *data_json(const struct media_link_stats *m)
{
    json_t *j = json_object(), *sctp = json_object(), *wires = json_object();

#define DATA_STAT_SET(name) set(j, #name, m->data.name);
    DATA_STAT_LIST(DATA_STAT_SET)
#undef DATA_STAT_SET
#define SCTP_STAT_SET(name) set(sctp, #name, m->data.sctp.name);
    SCTP_STAT_LIST(SCTP_STAT_SET)
#undef SCTP_STAT_SET
#define WIRE_STAT_SET(name) set(wires, #name, m->wires.name);
    WIRE_STAT_LIST(WIRE_STAT_SET)
#undef WIRE_STAT_SET
    json_object_set_new(j, "sctp", sctp);
    json_object_set_new(j, "wires", wires);
    return j;
}

static json_t *media_json(struct server *s)
{
    struct media_link_stats m;
    json_t *j = json_object();

    media_link_stats_of(s->media, &m);
    json_object_set_new(j, "attached", json_boolean(media_link_is_attached(s->media)));
    set(j, "ports_open", m.ports_open);
    set(j, "numbers_in_use", m.numbers_in_use);
    set(j, "numbers_capacity", m.numbers_capacity);
    set(j, "opened", m.opened);
    set(j, "open_failed", m.open_failed);
    set(j, "orphans", m.orphans);
    json_object_set_new(j, "shards", shards_json(&m));
    json_object_set_new(j, "data", data_json(&m));
    return j;
}

static json_t *counters_json(const uint64_t value[LINK_COUNTERS])
{
    json_t *j = json_object();

    for (unsigned i = 0; i < LINK_COUNTERS; i++)
        set(j, link_counter_name(i), value[i]);
    return j;
}

/* Sum over the workers, and each of them in `workers`. */
static json_t *data_plane_json(struct server *s)
{
    const struct link_info *info = media_link_info(s->media);
    uint64_t sum[LINK_COUNTERS] = {0};
    struct link_counters c;
    json_t *j, *workers;

    /* Detached: counters are in the rings' memory, which is gone. */
    if (info == NULL)
        return json_null();
    workers = json_array();
    for (unsigned w = 0; w < info->workers; w++) {
        /* Detached in the middle: the next answer has none of them. */
        if (link_client_counters(media_link_client(s->media), w, &c) != 0)
            continue;
        for (unsigned i = 0; i < LINK_COUNTERS; i++)
            sum[i] += c.value[i];
        json_array_append_new(workers, counters_json(c.value));
    }
    j = counters_json(sum);
    json_object_set_new(j, "workers", workers);
    return j;
}

static json_t *control_json(struct server *s)
{
    const struct control_stats *st = control_stats(s->control);

    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "clients", (json_int_t)st->clients, "accepted",
                     (json_int_t)st->accepted, "refused",
                     (json_int_t)(st->refused_credentials + st->refused_full), "oversize",
                     (json_int_t)st->oversize, "events", (json_int_t)st->events, "events_lost",
                     (json_int_t)st->events_lost);
}

static void method_stats(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct server *s = ctx;

    (void)peer;
    (void)params;
    rpc_reply_result(
        reply,
        json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I}", "uptime_ms",
                  (json_int_t)(clock_mono_ms() - s->began), "sessions_now",
                  (json_int_t)h323_stats_of(s->h323)->sessions, "conferences_now",
                  (json_int_t)conferences_count(s->conferences), "sessions", sessions_json(s),
                  "conferences", conference_stats_json(s), "signalling", h323_json(s), "tcp",
                  tcp_json(s), "media", media_json(s), "data_plane", data_plane_json(s), "control",
                  control_json(s), "gatekeeper", gatekeeper_stats_json(s->gatekeeper),
                  "log_lines_lost", (json_int_t)log_lost(), "reloads", (json_int_t)s->reloads,
                  "reloads_refused", (json_int_t)s->reloads_refused));
}

static void method_reload(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)peer;
    (void)params;
    rpc_reply_result(reply, server_reload(ctx));
}

/* ---- sessions and conferences ---- */

struct listing {
    json_t *list;
    uint64_t now;
    const char *conference; /* NULL: all */
    uint64_t limit;
};

static int add_session(void *ctx, struct session *s)
{
    struct listing *l = ctx;
    /* Filtered by what the session itself would tell. */
    json_t *j = session_to_json_short(s, l->now);

    if (l->conference != NULL &&
        strcmp(json_string_value(json_object_get(j, "conference")), l->conference) != 0) {
        json_decref(j);
        return 0;
    }
    json_array_append_new(l->list, j);
    /* More than nothing stops the walk. */
    return json_array_size(l->list) >= l->limit;
}

static void method_session_list(void *ctx, void *peer, const json_t *params,
                                struct rpc_reply *reply)
{
    struct server *s = ctx;
    struct listing l = {.list = json_array(), .now = clock_mono_ms()};

    (void)peer;
    l.conference = rpc_param_string(params, "conference", NULL);
    l.limit = rpc_param_uint(params, "limit", 1000);
    h323_each(s->h323, add_session, &l);
    rpc_reply_result(reply,
                     json_pack("{s:I,s:o}", "total", (json_int_t)h323_stats_of(s->h323)->sessions,
                               "sessions", l.list));
}

struct session *server_session_of(struct server *s, const json_t *params, struct rpc_reply *reply)
{
    uint64_t id = rpc_param_uint(params, "id", 0);
    struct session *session = h323_find(s->h323, id);

    if (session == NULL)
        rpc_reply_error(reply, ERR_NOTFOUND, "no session %llu", (unsigned long long)id);
    return session;
}

static void method_session_get(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);

    (void)peer;
    if (session != NULL)
        rpc_reply_result(reply, session_to_json(session, clock_mono_ms()));
}

static void method_session_close(void *ctx, void *peer, const json_t *params,
                                 struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);

    (void)peer;
    if (session == NULL)
        return;
    /* A goodbye takes time: the answer says "closing", the event comes later. */
    session_close(session, SESSION_END_OPERATOR, clock_mono_ms());
    rpc_reply_result(reply, json_pack("{s:I,s:s}", "id", (json_int_t)session_id(session), "state",
                                      session_state_to_str(session_state(session))));
}

static void method_session_rekey(void *ctx, void *peer, const json_t *params,
                                 struct rpc_reply *reply)
{
    struct session *session = server_session_of(ctx, params, reply);
    const char *why = NULL;
    int err;

    (void)peer;
    if (session == NULL)
        return;
    err = session_rekey(session, &why, clock_mono_ms());
    if (err != 0)
        rpc_reply_error(reply, err, "%s", why);
    else
        rpc_reply_result(reply, json_pack("{s:I}", "id", (json_int_t)session_id(session)));
}

static const struct rpc_param list_params[] = {
    {"conference", RPC_STRING, false, 1, 127, "only sessions of this conference"},
    {"limit", RPC_UINT, false, 1, 100000, "at most so many, default 1000"},
};
static const struct rpc_param id_params[] = {
    {"id", RPC_UINT, true, 1, 0, "session id"},
};
static const struct rpc_method methods[] = {
    {"server.stats", "all counters", NULL, 0, method_stats},
    {"server.reload", "read the configuration again, as SIGHUP does", NULL, 0, method_reload},
    {"session.list", "sessions, a line each", list_params, 2, method_session_list},
    {"session.get", "everything about a session", id_params, 1, method_session_get},
    {"session.close", "end a session: EndSession, ReleaseComplete, close alert", id_params, 1,
     method_session_close},
    {"session.rekey",
     "new DTLS connections and keys beside those that run, which then end (A-REPLACE)", id_params,
     1, method_session_rekey},
};

/* ---- server.info ---- */

static json_t *info_data_plane(void *ctx)
{
    const struct server *s = ctx;
    const struct link_info *info = media_link_info(s->media);

    if (info == NULL)
        return json_pack("{s:b}", "attached", 0);
    return json_pack("{s:b,s:s,s:i,s:I,s:i,s:i}", "attached", 1, "program", info->program, "pid",
                     (int)info->pid, "workers", (json_int_t)info->workers, "port_first",
                     (int)info->port_min, "port_last", (int)info->port_max);
}

static json_t *info_listeners(void *ctx)
{
    const struct server *s = ctx;
    const struct settings_signalling *sig = &s->settings->signalling;
    json_t *list = json_array();
    char text[ADDR_TEXT_MAX];

    for (uint32_t i = 0; i < sig->listener_count; i++)
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:b}", "name", sig->listeners[i].name,
                                        "address", addr_format(&sig->listeners[i].address, text),
                                        "dtls", settings_dtls_to_str(sig->listeners[i].dtls), "tls",
                                        sig->listeners[i].tls));
    return list;
}

static json_t *info_fingerprints(void *ctx)
{
    const struct server *s = ctx;
    json_t *j = json_object();
    char text[FINGERPRINT_TEXT_MAX];

    for (int h = FINGERPRINT_SHA256; h < FINGERPRINT_HASH_COUNT; h++)
        if (fingerprint_format(&s->identity.fingerprints[h], text, sizeof(text)) == 0)
            json_object_set_new(j, fingerprint_hash_to_str((enum fingerprint_hash)h),
                                json_string(text));
    return j;
}

static json_t *info_tls(void *ctx)
{
    return tls_keys_to_json(((const struct server *)ctx)->tls);
}

static json_t *info_gatekeeper(void *ctx)
{
    return gatekeeper_to_json(((const struct server *)ctx)->gatekeeper);
}

int server_rpc_register(struct server *s)
{
    /* The parts are registered by their own files; here is only the order of the help. */
    int err =
        rpc_register(control_rpc(s->control), methods, sizeof(methods) / sizeof(methods[0]), s);

    if (err == 0)
        err = server_call_register(s);
    if (err == 0)
        err = server_capture_register(s);
    if (err == 0)
        err = server_conference_register(s);
    if (err == 0)
        err = server_h245_register(s);
    if (err == 0)
        err = server_sdp_register(s);
    if (err == 0)
        err = server_data_register(s);
    if (err == 0)
        err = control_register_info(s->control, "data_plane", info_data_plane, s);
    if (err == 0)
        err = control_register_info(s->control, "listeners", info_listeners, s);
    if (err == 0)
        err = gatekeeper_rpc_register(control_rpc(s->control), &s->gatekeeper);
    if (err == 0)
        err = control_register_info(s->control, "gatekeeper", info_gatekeeper, s);
    if (err == 0)
        err = control_register_info(s->control, "tls", info_tls, s);
    if (err == 0)
        err = control_register_info(s->control, "fingerprints", info_fingerprints, s);
    return err;
}
