/* Calls that the server makes: a gatekeeper is asked where there is one, the signalling connection
 * is opened, Setup sent, and the answers lead to H.245. From there a call of ours is like any
 * other: who called plays no part in master and slave, in channels or in the roles of DTLS. */
#include "server/session/session_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"

#define SIGNALLING_PORT     1720
#define SIGNALLING_PORT_TLS 1300
/* Octets of a gatekeeper's answer that go into our Setup. */
#define ROUTE_MAX 65536

/* ---- who is called, and as whom ---- */

static void fresh_guid(struct session *s, uint8_t guid[H225_GUID_LEN])
{
    /* From the server's source of random numbers, so that tests repeat. */
    for (size_t i = 0; i < H225_GUID_LEN; i += sizeof(uint32_t)) {
        uint32_t r = s->env->random(s->env->user);

        memcpy(guid + i, &r, sizeof(r));
    }
}

static void add_alias(struct h225_aliases *to, const char *text)
{
    if (text[0] != '\0')
        to->list[to->count++] = h225_alias_from_text(text);
}

/* ---- admission ---- */

static void fail(struct session *s, enum session_end why, const char *text)
{
    session_end(s, why, text);
}

static uint16_t standard_port(const struct session *s)
{
    return s->config.is_tls ? SIGNALLING_PORT_TLS : SIGNALLING_PORT;
}

static void reach(struct session *s, const struct addr *to)
{
    int err;

    s->config.peer = to->port != 0 ? *to : addr_with_port(*to, standard_port(s));
    /* One timer for the connection; from the Setup on the call's own timers run. */
    session_set_timer(s, SESSION_TIMER_SETUP, s->env->settings->signalling.timers.tcp_connect_ms);
    err = s->env->ops->h225_connect(s->env->user, s, &s->config.peer);
    /* A kept connection to this peer: the Setup leaves at once, and may find it dead
     * (session_forward_retry). */
    s->dial.is_reused = err > 0;
    if (err < 0)
        fail(s, err == ERR_LIMIT ? SESSION_END_RESOURCES : SESSION_END_UNREACHABLE,
             err_to_str(err));
}

/* Nobody was asked, or has said more than yes. */
static void reach_directly(struct session *s)
{
    if (s->dial.address.family == ADDR_NONE)
        fail(s, SESSION_END_NO_GATEKEEPER, "an alias without an address needs one");
    else
        reach(s, &s->dial.address);
}

/* H.323 8.1: a registered endpoint asks before each call, even when it knows the address. */
static void ask(struct session *s)
{
    struct h225_aliases to = {.count = 0}, from = {.count = 0};
    struct session_admission a = {.is_outgoing = true,
                                  .call_ref = h225_call_ref(s->call),
                                  .call_id = s->call_id,
                                  .conference_id = s->conference_guid,
                                  .source = from.list,
                                  .destination = to.list,
                                  .peer = s->dial.address,
                                  .bandwidth = SESSION_AUDIO_BANDWIDTH};
    int err;

    add_alias(&to, s->alias);
    add_alias(&from, s->dial.source);
    a.source_count = from.count;
    a.destination_count = to.count;
    if (a.peer.family != ADDR_NONE && a.peer.port == 0)
        /* The gatekeeper is told an address that can be called. */
        a.peer.port = standard_port(s);
    err = session_ask_admission(s, &a);
    if (err == ERR_NOTFOUND)
        reach_directly(s);
    else if (err != 0)
        fail(s, SESSION_END_NO_GATEKEEPER, err_to_str(err));
}

/* What an AdmissionConfirm changes in our Setup (H.225.0 7.11.2), kept until the connection is up.
 */
struct dial_route {
    struct arena arena;
    bool is_routed;
    struct h225_aliases destination, extra, extension, source;
    struct h225_octets *tokens;
    size_t token_count;
};

void session_dial_forget(struct session *s)
{
    if (s->dial.route != NULL)
        arena_fini(&s->dial.route->arena);
    free(s->dial.route);
    s->dial.route = NULL;
}

static int copy_aliases(struct arena *a, const struct h225_aliases *from, struct h225_aliases *to)
{
    if (from == NULL)
        return 0;
    *to = *from;
    /* The texts point into the answer, which dies with the callback. */
    for (size_t i = 0; i < to->count; i++) {
        to->list[i].text = arena_strdup(a, from->list[i].text);
        if (to->list[i].text == NULL)
            return ERR_NOMEM;
    }
    return 0;
}

static int copy_tokens(struct dial_route *r, const struct session_admitted *a)
{
    r->tokens = arena_array(&r->arena, a->token_count, sizeof(*r->tokens));
    if (a->token_count > 0 && r->tokens == NULL)
        return ERR_NOMEM;
    for (; r->token_count < a->token_count; r->token_count++) {
        const struct h225_octets *from = &a->tokens[r->token_count];
        uint8_t *copy = arena_alloc(&r->arena, from->len);

        if (copy == NULL)
            return ERR_NOMEM;
        memcpy(copy, from->data, from->len);
        r->tokens[r->token_count] = (struct h225_octets){copy, from->len};
    }
    return 0;
}

static int keep_route(struct session *s, const struct session_admitted *a)
{
    struct dial_route *r = calloc(1, sizeof(*r));
    int err;

    session_dial_forget(s);
    s->dial.route = r;
    if (r == NULL)
        return ERR_NOMEM;
    arena_init(&r->arena, 1024, ROUTE_MAX);
    r->is_routed = a->is_routed;
    err = copy_aliases(&r->arena, a->destination_info, &r->destination);
    if (err == 0)
        err = copy_aliases(&r->arena, a->extra, &r->extra);
    if (err == 0)
        err = copy_aliases(&r->arena, a->extension, &r->extension);
    if (err == 0)
        err = copy_aliases(&r->arena, a->source_info, &r->source);
    return err == 0 ? copy_tokens(r, a) : err;
}

void session_dial_on_admitted(struct session *s, const struct session_admitted *a)
{
    /* It said yes and nothing else: by the address that we have. */
    if (a->destination.family == ADDR_NONE || a->destination.port == 0)
        reach_directly(s);
    else if (keep_route(s, a) != 0)
        fail(s, SESSION_END_RESOURCES, "gatekeeper's answer is too long");
    else
        reach(s, &a->destination);
}

/* ---- Setup ---- */

int session_dial(struct session *s, const struct session_dial *d, uint64_t now)
{
    int err;

    s->now = now;
    s->dial.address = d->address;
    s->dial.tunnelling = d->tunnelling;
    s->dial.fast_connect = d->fast_connect;
    s->dial.goal = d->is_invite ? H225_GOAL_INVITE : H225_GOAL_CREATE;
    session_copy_text(s->dial.source, sizeof(s->dial.source), d->source);
    session_copy_text(s->dial.display, sizeof(s->dial.display), d->display);
    session_copy_text(s->alias, sizeof(s->alias), d->alias);
    session_copy_text(s->conference_name, sizeof(s->conference_name), d->conference);
    s->config.peer = d->address; /* shown until the connection says better */
    err = session_call_create(s);
    if (err == 0)
        err = session_h245_create(s);
    if (err == 0)
        /* In before the call: a conference that is full makes no calls. */
        err = conference_join(s->env->conferences, d->row, s->conference_name, s, &s->conference);
    if (err != 0)
        return err;
    fresh_guid(s, s->call_id);
    fresh_guid(s, s->conference_guid);
    s->env->stats.dialled++;
    log_info(LOG_AREA_SESSION, s->id, "call begins", LOG_S("alias", s->alias),
             LOG_ADDR("address", &s->dial.address), LOG_S("conference", s->conference_name),
             LOG_S("listener", s->config.listener->name));
    if (session_wants_events(s))
        session_event(s, "session.created", session_created_data(s));
    ask(s);
    session_check_closed(s);
    session_arm(s);
    return 0;
}

int session_dial_again(struct session *s)
{
    int err = session_call_create(s);

    if (err != 0)
        return err;
    session_dial_forget(s);
    s->dial.h245 = (struct addr){0};
    s->dial.has_listened = false;
    /* A new call for everybody who counts calls; the conference's identifier stays. */
    fresh_guid(s, s->call_id);
    ask(s);
    return 0;
}

/* Where the peer may reach this server by itself: the listener, as seen from there. */
static struct addr own_address(const struct session *s)
{
    /* "0.0.0.0" is no address to be called at: the one that the connection has here. */
    const struct addr *at = &s->config.listener->address;

    return addr_is_unspecified(at) || at->family != s->config.local.family
               ? addr_with_port(s->config.local, at->port)
               : *at;
}

static void apply_route(const struct dial_route *r, struct h225_aliases *to,
                        struct h225_aliases *from, struct h225_outgoing *out)
{
    if (r->destination.count > 0)
        *to = r->destination;
    if (r->source.count > 0)
        *from = r->source;
    out->extra = r->extra.list;
    out->extra_count = r->extra.count;
    out->extension = r->extension.count > 0 ? &r->extension.list[0] : NULL;
    out->tokens = r->tokens;
    out->token_count = r->token_count;
    /* The gatekeeper carries the call on: the address of the callee is its own business. */
    if (r->is_routed)
        out->destination_address = (struct addr){0}; /* it is the gatekeeper's */
}

static int send_setup(struct session *s)
{
    struct h225_aliases to = {.count = 0}, from = {.count = 0};
    struct h225_octets fast_start[H23510_FAST_MAX];
    struct h225_outgoing out;
    int err;

    memset(&out, 0, sizeof(out));
    add_alias(&to, s->alias);
    add_alias(&from, s->dial.source);
    memcpy(out.call_id, s->call_id, sizeof(out.call_id));
    memcpy(out.conference_id, s->conference_guid, sizeof(out.conference_id));
    out.goal = s->dial.goal;
    out.destination_address = s->config.peer;
    out.source_address = own_address(s);
    if (s->dial.route != NULL)
        apply_route(s->dial.route, &to, &from, &out);
    out.destination = to.list;
    out.destination_count = to.count;
    out.source = from.list;
    out.source_count = from.count;
    /* H.323 8.2.1: a callee that wants H.245 early may connect at once. */
    if (s->env->settings->signalling.h245_in_setup &&
        s->env->ops->h245_listen(s->env->user, s, &out.h245_address) == 0)
        s->dial.has_listened = true;
    out.fast_start = fast_start;
    err = session_fast_propose(s, fast_start, &out.fast_start_count);
    if (err == 0)
        err = h225_call_start(s->call, &out, s->now);
    arena_reset(&s->env->scratch);
    return err;
}

void session_dial_send_setup(struct session *s)
{
    int err = send_setup(s);

    /* From here on T303 and T310 watch the call. */
    session_stop_timer(s, SESSION_TIMER_SETUP);
    if (err == 0)
        session_step_now(s, SESSION_STEP_SETUP);
    else
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
}

void session_on_h225_up(struct session *s, const struct addr *local, uint64_t now)
{
    s->now = now;
    session_stop_timer(s, SESSION_TIMER_SETUP);
    if (session_is_alive(s)) {
        s->is_signalling_up = true;
        s->config.local = *local;
        if (session_fast_prepare(s))
            session_set_timer(s, SESSION_TIMER_SETUP,
                              s->env->settings->signalling.timers.tcp_connect_ms);
        else
            session_dial_send_setup(s);
    }
    session_check_closed(s);
    session_arm(s);
}

/* ---- answers ---- */

static void remember_answer(struct session *s, const struct h225_answer *answer)
{
    if (answer->product[0] != '\0') {
        session_copy_text(s->peer_product, sizeof(s->peer_product), answer->product);
        session_copy_text(s->peer_version, sizeof(s->peer_version), answer->product_version);
    }
    if (answer->display[0] != '\0')
        session_copy_text(s->peer_display, sizeof(s->peer_display), answer->display);
    if (answer->h245_address.family != ADDR_NONE)
        /* The last address that was said holds. */
        s->dial.h245 = answer->h245_address;
    if (answer->version != 0)
        s->h225_version = answer->version;
}

/* H.323 8.2: a callee that tells its H.245 address before it answers can be connected to at once,
 * so that channels are there when somebody picks up. Not while fast connect may still open them,
 * and not where Connect has to say first that it will be by TLS. What fails here is tried again at
 * Connect. */
static void open_h245_early(struct session *s, const struct h225_answer *answer)
{
    if (!session_is_alive(s) || s->dial.is_connected || answer->tunnelling || s->is_tunnelled ||
        s->is_h245_up || s->is_fast || s->proposed != NULL || session_is_tls(s) ||
        answer->h245_address.family == ADDR_NONE || answer->h245_address.port == 0)
        return;
    /* A failure is no event: Connect will say it again. */
    (void)s->env->ops->h245_connect(s->env->user, s, &answer->h245_address);
}

void session_dial_on_answer(struct session *s, const struct h225_answer *answer)
{
    session_step_now(s, SESSION_STEP_PROCEEDING);
    remember_answer(s, answer);
    session_fast_on_answer(s, answer);
    open_h245_early(s, answer);
}

void session_dial_on_alerting(struct session *s, const struct h225_answer *answer)
{
    session_step_now(s, SESSION_STEP_ALERTING);
    /* Gatekeepers that were asked count alerting too. */
    session_tell_progress(s, SESSION_PROGRESS_ALERTING);
    remember_answer(s, answer);
    if (session_wants_events(s))
        session_event(s, "session.alerting",
                      json_pack("{s:o}", "display", session_text_json(s->peer_display)));
    session_fast_on_answer(s, answer);
    open_h245_early(s, answer);
}

/* H.323 8.2.3: who has heard no address of the other side says its own in a Facility. */
static void ask_for_connection(struct session *s)
{
    struct addr at;
    int err;

    if (s->dial.has_listened)
        /* Once is enough: two ports would only wait. */
        return; /* the Setup had it */
    memset(&at, 0, sizeof(at));
    err = s->env->ops->h245_listen(s->env->user, s, &at);
    if (err == 0)
        err = h225_call_start_h245(s->call, &at, s->now);
    if (err != 0)
        session_end(s, SESSION_END_RESOURCES, "no port for H.245");
    s->dial.has_listened = true;
}

void session_dial_on_h245_failed(struct session *s)
{
    if (s->dial.is_connected && s->is_signalling_up)
        ask_for_connection(s);
}

/* Whatever stands in an answer of the callee we have called ourselves: its H.245 address needs no
 * permission of start_h245. */
static void open_h245(struct session *s)
{
    int err;

    if (s->dial.h245.family == ADDR_NONE || s->dial.h245.port == 0) {
        ask_for_connection(s);
        return;
    }
    err = s->env->ops->h245_connect(s->env->user, s, &s->dial.h245);
    if (err == ERR_EXISTS)
        return; /* the peer asked for one before it answered */
    if (err != 0) {
        session_note(s, LOG_LEVEL_WARN, LOG_AREA_H245, "H.245 connection: %s", err_to_str(err));
        ask_for_connection(s);
    }
}

void session_dial_on_connect(struct session *s, const struct h225_answer *answer)
{
    remember_answer(s, answer);
    s->dial.is_connected = true;
    s->env->stats.connected++;
    session_step_now(s, SESSION_STEP_CONNECT);
    session_tell_progress(s, SESSION_PROGRESS_CONNECTED);
    log_info(LOG_AREA_SESSION, s->id, "call connected", LOG_S("conference", s->conference_name),
             LOG_B("tunnelled", answer->tunnelling), LOG_ADDR("h245", &s->dial.h245));
    if (session_wants_events(s))
        session_event(s, "session.connected", json_pack("{s:s}", "conference", s->conference_name));
    /* Messages in it may be lost: nobody knows what the peer has read. */
    if (s->is_tunnelled && !answer->tunnelling) {
        session_end(s, SESSION_END_PROTOCOL, "the tunnel was given up with messages in it");
        return;
    }
    session_fast_on_answer(s, answer);
    if (!session_is_alive(s))
        return;
    /* The media run; H.245 is the peer's to begin, as with endpoints in the field. */
    if (s->is_fast) {
        if (s->state != SESSION_ACTIVE)
            session_active(s);
        return;
    }
    /* Capabilities may have run before the Connect. */
    if (s->is_h245_up || !session_judge_answer(s, answer))
        return;
    s->state = SESSION_CONNECTED;
    if (answer->tunnelling) {
        session_begin_tunnel(s);
        return;
    }
    session_set_timer(s, SESSION_TIMER_H245, s->env->settings->signalling.timers.h245_connect_ms);
    open_h245(s);
}

/* ---- failure ---- */

enum session_end session_dial_end(const struct session *s, const struct h225_release *r)
{
    /* After Connect an end is an end, however it is called. */
    if (s->dial.is_connected)
        return r->by_peer ? SESSION_END_PEER : SESSION_END_PROTOCOL;
    if (r->reason == H225_REASON_NO_ANSWER)
        return SESSION_END_NO_ANSWER; /* T301 of ours, or the peer's */
    if (!r->by_peer)
        return r->reason == H225_REASON_TIMEOUT ? SESSION_END_NO_RESPONSE : SESSION_END_PROTOCOL;
    /* Endpoints say "busy" by inConf, by the cause of Q.850, or by both. */
    if (r->reason == H225_REASON_BUSY || r->cause == Q931_CAUSE_BUSY)
        return SESSION_END_BUSY;
    if (r->reason == H225_REASON_UNREACHABLE || r->reason == H225_REASON_CALLED_NOT_REGISTERED)
        return SESSION_END_UNREACHABLE;
    return SESSION_END_REJECTED;
}
