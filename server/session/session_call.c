/* H.225.0 side of a session: Setup is answered, the call's end is the session's end. */
#include "server/session/session_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/conference/dialplan.h"

/* Facility(startH245) that one call may have us follow. */
#define START_REQUESTS_MAX 3

void session_copy_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from != NULL ? from : "");
}

static void remember_peer(struct session *s, const struct h225_setup *setup)
{
    memcpy(s->call_id, setup->call_id, sizeof(s->call_id));
    memcpy(s->conference_guid, setup->conference_id, sizeof(s->conference_guid));
    s->h225_version = setup->version;
    s->source = setup->source_address;
    session_copy_text(s->peer_display, sizeof(s->peer_display), setup->display);
    session_copy_text(s->peer_product, sizeof(s->peer_product), setup->product);
    session_copy_text(s->peer_version, sizeof(s->peer_version), setup->product_version);
    /* Aliases are the peer's: as many as fit, each cut to its room. */
    for (size_t i = 0; i < setup->source.count && s->peer_alias_count < SESSION_ALIASES_MAX; i++)
        session_copy_text(s->peer_aliases[s->peer_alias_count++], SESSION_TEXT_MAX,
                          setup->source.list[i].text);
    if (setup->destination.count > 0)
        session_copy_text(s->alias, sizeof(s->alias), setup->destination.list[0].text);
}

/* The first called alias that is a conference, or can become one by the dial plan. */
static int find_conference(struct session *s, const struct h225_setup *setup,
                           const struct settings_conference **row)
{
    for (size_t i = 0; i < setup->destination.count; i++) {
        const char *alias = setup->destination.list[i].text;
        /* The first that means something: peers send E.164 and H.323 id of the same thing. */
        const char *name = NULL;

        if (conferences_resolve_call(s->env->conferences, alias, row, &name) != 0)
            continue;
        session_copy_text(s->alias, sizeof(s->alias), alias);
        session_copy_text(s->conference_name, sizeof(s->conference_name), name);
        return 0;
    }
    return ERR_NOTFOUND;
}

json_t *session_created_data(const struct session *s)
{
    char peer[ADDR_TEXT_MAX];

    return json_pack("{s:s,s:s,s:o,s:s,s:s,s:o}", "direction", s->config.is_caller ? "out" : "in",
                     "peer", addr_format(&s->config.peer, peer), "alias",
                     session_text_json(s->alias), "conference", s->conference_name, "listener",
                     s->config.listener->name, "tls",
                     session_tls_json(s->config.is_tls, &s->config.tls));
}

/* Who names nobody (H.323 8.1.1: an address is enough for an endpoint) is for the configured
 * conference, if there is one. */
static int find_default(struct session *s, const struct h225_setup *setup,
                        const struct settings_conference **row)
{
    const char *alias = s->env->settings->signalling.default_conference;

    /* An address of ours is no alias: it says nothing about whom the call is for. */
    for (size_t i = 0; i < setup->destination.count; i++)
        if (setup->destination.list[i].kind != H225_ALIAS_TRANSPORT)
            return ERR_NOTFOUND;
    if (alias[0] == '\0' || dialplan_find(s->env->settings, alias, row) != 0)
        return ERR_NOTFOUND;
    session_copy_text(s->conference_name, sizeof(s->conference_name), dialplan_name(*row, alias));
    return 0;
}

/* H.323 8.4.3: what the caller wants of the conference. `join` names one that runs by its
 * identifier; who names it by its alias as well is content with that. */
static int find_by_goal(struct session *s, const struct h225_setup *setup,
                        const struct settings_conference **row)
{
    const char *name = NULL;

    switch (setup->goal) {
    /* Not calls at all: answered with the reason that says so. */
    case H225_GOAL_CAPABILITIES:
    case H225_GOAL_SUPPLEMENTARY:
        session_end(s, SESSION_END_UNSUPPORTED_GOAL, h225_goal_to_str(setup->goal));
        return ERR_UNSUPPORTED;
    /* By GUID (H.323 8.4.3.2): an invitation names the conference that runs. */
    case H225_GOAL_JOIN:
        if (conferences_find_guid(s->env->conferences, setup->conference_id, row, &name) == 0) {
            session_copy_text(s->conference_name, sizeof(s->conference_name), name);
            return 0;
        }
        break;
    default:
        break;
    }
    /* A join that names an alias as well is a call to it. */
    if (find_conference(s, setup, row) == 0 || find_default(s, setup, row) == 0)
        return 0;
    session_end(s,
                setup->goal == H225_GOAL_JOIN && setup->destination.count == 0
                    ? SESSION_END_UNKNOWN_CONFERENCE
                    : SESSION_END_UNKNOWN_ALIAS,
                s->alias);
    return ERR_NOTFOUND;
}

static int join(struct session *s, const struct h225_setup *setup)
{
    const struct settings_conference *row = NULL;
    int err = find_by_goal(s, setup, &row);

    if (err != 0)
        return err;
    /* Not ours to serve: the caller is sent on before it takes a place. */
    if (row->forward_to[0] != '\0') {
        session_forward_caller(s, row);
        return ERR_CLOSED;
    }
    err = conference_join(s->env->conferences, row, s->conference_name, s, &s->conference);
    if (err != 0)
        session_end(s, conference_refusal(err), s->conference_name);
    return err;
}

/* Capabilities and master-slave determination go in one message: the Connect, or a Facility. */
void session_begin_tunnel(struct session *s)
{
    s->is_tunnelled = true;
    s->is_h245_up = true;
    s->h245_peer = s->config.peer;
    session_stop_timer(s, SESSION_TIMER_H245);
    /* A caller's own capabilities go with its next message. */
    if (s->config.is_caller)
        h225_call_hold_h245(s->call, true);
    session_h245_begin(s);
    if (s->config.is_caller)
        h225_call_hold_h245(s->call, false);
}

/* Ours are made before the peer's are read, which may be in the Setup, and wait for the Connect.
 * After fast connect the tunnel waits for the peer to use it. */
static void prepare_tunnel(struct session *s)
{
    s->is_tunnelled = true;
    /* Early messages of the peer are in the Setup itself; ours wait. */
    h225_call_hold_h245(s->call, true);
    if (!s->is_fast)
        session_begin_tunnel(s);
}

void session_tell_progress(struct session *s, enum session_progress progress)
{
    if (s->is_admission_asked && s->env->ops->progress != NULL)
        s->env->ops->progress(s->env->user, s, progress);
}

void session_connect(struct session *s)
{
    struct addr at;
    int err;

    memset(&at, 0, sizeof(at));
    /* A port first: the Connect names it. */
    if (!s->is_tunnelled && s->env->ops->h245_listen(s->env->user, s, &at) != 0) {
        session_end(s, SESSION_END_RESOURCES, "no port for H.245");
        return;
    }
    err = h225_call_connect(s->call, &at, s->now);
    if (err != 0) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
        return;
    }
    /* In this order: from here on the peer may speak H.245. */
    s->env->stats.connected++;
    session_step_now(s, SESSION_STEP_CONNECT);
    session_tell_progress(s, SESSION_PROGRESS_CONNECTED);
    /* Fast: media are there already, H.245 comes if the peer wants it. */
    if (s->is_fast) {
        session_active(s);
    } else if (!s->is_tunnelled) {
        s->state = SESSION_CONNECTED;
        session_set_timer(s, SESSION_TIMER_H245,
                          s->env->settings->signalling.timers.h245_connect_ms);
    }
    /* The Connect went out: what was held for it is in it. */
    h225_call_hold_h245(s->call, false);
    log_info(LOG_AREA_SESSION, s->id, "call connected", LOG_S("conference", s->conference_name),
             LOG_B("tunnelled", s->is_tunnelled), LOG_ADDR("h245", &at));
    if (session_wants_events(s))
        session_event(s, "session.connected", json_pack("{s:s}", "conference", s->conference_name));
}

/* With fast connect the answer has the port in it, and the port takes its time. */
static void answer(struct session *s)
{
    int err;

    s->is_answered = true;
    if (!s->is_fast) {
        session_connect(s);
        return;
    }
    err = session_fast_begin(s);
    if (err != 0)
        session_end(s, err == ERR_CLOSED ? SESSION_END_NO_DATA_PLANE : SESSION_END_RESOURCES,
                    err_to_str(err));
}

/* CallProceeding first: ports and gatekeepers may take longer than the caller's first timer. What
 * the peer says in H.245 meanwhile is answered with the Connect or after it. */
static int prepare(struct session *s, const struct h225_setup *setup)
{
    int err;

    /* No TLS for H.245 where policy demands it: refused with its reason. */
    if (!session_secure_h245(s, setup))
        return ERR_CLOSED;
    /* The engine holds what we can do; without it there is nothing to choose a fast connect by. */
    err = session_h245_create(s); /* with it the policy that fast connect asks */
    h225_call_refuse_fast_connect(s->call, err != 0 || !session_fast_choose(s, setup));
    /* Before the gatekeeper is asked: its answer may take longer than the caller's T303. */
    (void)h225_call_proceeding(s->call, s->now);
    session_step_now(s, SESSION_STEP_PROCEEDING);
    if (err != 0)
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
    else if (h225_call_is_tunnelling(s->call))
        prepare_tunnel(s);
    return session_is_alive(s) ? 0 : ERR_CLOSED;
}

int session_ask_admission(struct session *s, const struct session_admission *a)
{
    int err;

    if (s->env->ops->admit == NULL)
        return ERR_NOTFOUND;
    /* Before it is asked: the answer may come while we ask. */
    s->is_admission_asked = true;
    s->bandwidth.asked = a->bandwidth;
    err = s->env->ops->admit(s->env->user, s, a);
    if (err != 0)
        s->is_admission_asked = false;
    return err;
}

static void admit(struct session *s, const struct h225_setup *setup)
{
    struct session_admission a = {.call_ref = setup->call_ref,
                                  .call_id = s->call_id,
                                  .conference_id = s->conference_guid,
                                  .source = setup->source.list,
                                  .source_count = setup->source.count,
                                  .destination = setup->destination.list,
                                  .destination_count = setup->destination.count,
                                  .peer = s->config.peer,
                                  .local = s->config.local,
                                  .bandwidth = SESSION_AUDIO_BANDWIDTH,
                                  .setup = s->received};
    int err = session_ask_admission(s, &a);

    if (err == ERR_NOTFOUND)
        answer(s);
    else if (err != 0)
        session_end(s, SESSION_END_NO_GATEKEEPER, err_to_str(err));
}

void session_on_admitted(struct session *s, const struct session_admitted *a, uint64_t now)
{
    s->now = now;
    if (!session_is_alive(s))
        return;
    /* 0: no limit was set. */
    s->bandwidth.has_limit = a->bandwidth > 0;
    s->bandwidth.limit = a->bandwidth;
    if (s->bandwidth.has_limit && a->bandwidth < s->bandwidth.asked)
        s->bandwidth.asked = a->bandwidth; /* channels that need more ask again */
    if (a->verdict != SESSION_END_NONE) {
        /* It has refused and needs no disengage. */
        s->is_admission_asked = false; /* it knows */
        /* H.225.0 lets an ARJ name where the call should go (routeCallToGatekeeper). */
        if (a->destination.family != ADDR_NONE && !s->config.is_caller)
            session_forward_to_gatekeeper(s, &a->destination);
        else
            session_end(s, a->verdict, a->text);
    } else if (s->config.is_caller) {
        session_dial_on_admitted(s, a);
    } else if (!s->is_answered) {
        /* An answer after the call was answered changes the limit only. */
        answer(s);
    }
    session_check_closed(s);
    session_arm(s);
}

static void on_setup(void *arg, const struct h225_setup *setup)
{
    struct session *s = arg;

    session_stop_timer(s, SESSION_TIMER_SETUP);
    session_step_now(s, SESSION_STEP_SETUP);
    remember_peer(s, setup);
    log_info(LOG_AREA_SESSION, s->id, "call received", LOG_ADDR("peer", &s->config.peer),
             LOG_S("alias", s->alias), LOG_S("listener", s->config.listener->name),
             LOG_S("product", s->peer_product), LOG_U("h225_version", s->h225_version));
    /* remember_peer and the log first: a refused call has left its traces. */
    if (!session_is_alive(s))
        return;
    if (join(s, setup) != 0)
        return;
    if (session_wants_events(s))
        session_event(s, "session.created", session_created_data(s));
    if (prepare(s, setup) == 0)
        admit(s, setup);
}

static void on_send(void *arg, const uint8_t *message, size_t len)
{
    struct session *s = arg;

    /* The connection may be gone while the engine still speaks. */
    if (s->is_signalling_up)
        (void)s->env->ops->h225_send(s->env->user, s, message, len);
    if (s->is_admission_asked && s->env->ops->signalling != NULL)
        s->env->ops->signalling(s->env->user, s, true, message, len);
}

static void on_h245_pdu(void *arg, const uint8_t *pdu, size_t len)
{
    struct session *s = arg;

    /* Who called or was called by fast connect waits for the peer to begin; and a callee of ours
     * may begin before it answers. Early H.245 in a tunnel (H.323 8.2.4). */
    if ((s->is_fast || s->config.is_caller) && !s->is_h245_up && session_is_alive(s))
        session_begin_tunnel(s);
    session_h245_input(s, pdu, len);
}

/* An address that a peer names makes us knock at a door: it must be its own, or the server could be
 * sent to look around in the networks behind it. */
static bool may_connect(const struct session *s, const struct addr *to)
{
    switch (s->env->settings->signalling.start_h245) {
    case SETTINGS_START_H245_ANY:
        return to->port != 0;
    case SETTINGS_START_H245_PEER:
        return to->port != 0 && addr_is_same_ip(to, &s->config.peer);
    case SETTINGS_START_H245_NEVER:
        break;
    }
    return false;
}

static void on_start_h245(void *arg, const struct addr *at)
{
    struct session *s = arg;
    char text[ADDR_TEXT_MAX];
    int err;

    bool is_early = s->config.is_caller && s->state == SESSION_SETUP;

    if ((s->state != SESSION_CONNECTED && s->state != SESSION_ACTIVE && !is_early) ||
        s->is_h245_up || s->is_tunnelled)
        return;
    /* Three are enough for an honest peer; each makes us connect somewhere. */
    if (!may_connect(s, at) || s->start_requests >= START_REQUESTS_MAX) {
        s->env->stats.h245_start_refused++;
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "no H.245 connection is opened to %s",
                     addr_format(at, text));
        return;
    }
    s->start_requests++;
    err = s->env->ops->h245_connect(s->env->user, s, at);
    if (err != 0)
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "H.245 connection to %s: %s",
                     addr_format(at, text), err_to_str(err));
}

static void on_facility(void *arg, const struct h225_facility *facility)
{
    if (session_is_alive(arg))
        session_on_facility(arg, facility);
}

static void on_keypad(void *arg, const char *digits)
{
    if (session_is_alive(arg))
        session_user_input(arg, digits, 0, "h225");
}

static void on_released(void *arg, const struct h225_release *release)
{
    struct session *s = arg;
    char text[SESSION_TEXT_MAX];

    /* The next attempt begins: the released call is not the session's. */
    if (s->dial.is_moving)
        return; /* the next call begins at once */
    s->is_released = true;
    /* By the peer: with its connection the tunnel is gone. */
    if (s->is_tunnelled && release->by_peer)
        s->is_h245_ended = true; /* its carrier is gone */
    if (!session_is_alive(s))
        return;
    snprintf(text, sizeof(text), "%s (cause %u, %s)", h225_reason_to_str(release->reason),
             release->cause, release->text != NULL ? release->text : "");
    /* A caller's release may mean "busy": told by its cause. */
    if (s->config.is_caller)
        session_end(s, session_dial_end(s, release), text);
    else
        session_end(s, release->by_peer ? SESSION_END_PEER : SESSION_END_PROTOCOL, text);
}

static void on_proceeding(void *arg, const struct h225_answer *answer)
{
    if (session_is_alive(arg))
        session_dial_on_answer(arg, answer);
}

static void on_alerting(void *arg, const struct h225_answer *answer)
{
    if (session_is_alive(arg))
        session_dial_on_alerting(arg, answer);
}

static void on_connect(void *arg, const struct h225_answer *answer)
{
    if (session_is_alive(arg))
        session_dial_on_connect(arg, answer);
}

static const struct h225_call_ops ops = {
    .send = on_send,
    .on_setup = on_setup,
    .on_proceeding = on_proceeding,
    .on_alerting = on_alerting,
    .on_connect = on_connect,
    .on_start_h245 = on_start_h245,
    .on_h245_pdu = on_h245_pdu,
    .on_facility = on_facility,
    .on_keypad = on_keypad,
    .on_released = on_released,
};

/* A call of ours makes another one for each attempt, and with it forgets the last. */
int session_call_create(struct session *s)
{
    const struct settings *settings = s->env->settings;
    const struct settings_timers *t = &settings->signalling.timers;
    bool is_caller = s->config.is_caller;
    const struct h225_call_config config = {
        .product = settings->node.product,
        .version = settings->node.version,
        .t35_country = settings->node.t35_country,
        .t35_extension = settings->node.t35_extension,
        .manufacturer = settings->node.manufacturer,
        .display = is_caller && s->dial.display[0] != '\0' ? s->dial.display : settings->node.name,
        .is_mcu = true,
        .tunnelling = is_caller ? s->dial.tunnelling : settings->signalling.tunnelling,
        .h245_tls = is_caller && s->config.is_tls,
        .refuse_fast_connect = !is_caller,
        /* H.323 says who is the caller's H.245 server by the security that the Setup asks for. */
        .answer_timeout_ms = t->connect_ms,
        .setup_timeout_ms = t->call_response_ms,
        .max_depth = settings->signalling.limits.decoder_depth,
        .max_elements = settings->signalling.limits.decoder_elements,
        .memory_limit = settings->signalling.limits.decoder_bytes,
        .multiple_calls = settings->signalling.multiple_calls,
        .maintain_connection = settings->signalling.maintain_connection,
        .proceeding_timeout_ms = t->call_proceeding_ms,
        .alerting_timeout_ms = t->call_alerting_ms,
    };

    /* A call of ours makes a new one for each attempt. */
    h225_call_destroy(s->call);
    s->call = h225_call_create(&config, &ops, s, s->config.call_ref);
    return s->call != NULL ? 0 : ERR_NOMEM;
}
