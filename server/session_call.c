/* H.225.0 side of a session: Setup is answered, the call's end is the session's end. */
#include "server/session_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "server/conference.h"
#include "server/dialplan.h"

static void copy_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from != NULL ? from : "");
}

static void remember_peer(struct session *s, const struct h225_setup *setup)
{
    memcpy(s->call_id, setup->call_id, sizeof(s->call_id));
    memcpy(s->conference_guid, setup->conference_id, sizeof(s->conference_guid));
    s->h225_version = setup->version;
    s->source = setup->source_address;
    copy_text(s->peer_display, sizeof(s->peer_display), setup->display);
    copy_text(s->peer_product, sizeof(s->peer_product), setup->product);
    copy_text(s->peer_version, sizeof(s->peer_version), setup->product_version);
    for (size_t i = 0; i < setup->source.count && s->peer_alias_count < SESSION_ALIASES_MAX; i++)
        copy_text(s->peer_aliases[s->peer_alias_count++], SESSION_TEXT_MAX,
                  setup->source.list[i].text);
    if (setup->destination.count > 0)
        copy_text(s->alias, sizeof(s->alias), setup->destination.list[0].text);
}

/* The first called alias that the dial plan knows. */
static int find_conference(struct session *s, const struct h225_setup *setup,
                           const struct settings_conference **row)
{
    for (size_t i = 0; i < setup->destination.count; i++) {
        const char *alias = setup->destination.list[i].text;

        if (dialplan_find(s->env->settings, alias, row) != 0)
            continue;
        copy_text(s->alias, sizeof(s->alias), alias);
        copy_text(s->conference_name, sizeof(s->conference_name),
                  strcasecmp((*row)->alias, alias) == 0 ? (*row)->alias : alias);
        return 0;
    }
    return ERR_NOTFOUND;
}

static json_t *created_data(const struct session *s)
{
    char peer[ADDR_TEXT_MAX];

    return json_pack("{s:s,s:o,s:s,s:s}", "peer", addr_format(&s->config.peer, peer), "alias",
                     session_text_json(s->alias), "conference", s->conference_name, "listener",
                     s->config.listener->name);
}

static int join(struct session *s, const struct h225_setup *setup)
{
    const struct settings_conference *row = NULL;
    int err;

    if (find_conference(s, setup, &row) != 0) {
        session_end(s, SESSION_END_UNKNOWN_ALIAS, s->alias);
        return ERR_NOTFOUND;
    }
    err = conference_join(s->env->conferences, row, s->conference_name, s, &s->conference);
    if (err != 0)
        session_end(s, err == ERR_LIMIT ? SESSION_END_CONFERENCE_FULL : SESSION_END_RESOURCES,
                    s->conference_name);
    return err;
}

static void answer(struct session *s)
{
    struct addr at;
    int err;

    (void)h225_call_proceeding(s->call, s->now);
    session_step_now(s, SESSION_STEP_PROCEEDING);
    memset(&at, 0, sizeof(at));
    err = session_h245_create(s);
    if (err == 0)
        err = s->env->ops->h245_listen(s->env->user, s, &at);
    if (err != 0) {
        session_end(s, SESSION_END_RESOURCES, "no port for H.245");
        return;
    }
    err = h225_call_connect(s->call, &at, s->now);
    if (err != 0) {
        session_end(s, SESSION_END_RESOURCES, err_to_str(err));
        return;
    }
    s->state = SESSION_CONNECTED;
    s->env->stats.connected++;
    session_step_now(s, SESSION_STEP_CONNECT);
    session_set_timer(s, SESSION_TIMER_H245, s->env->settings->signalling.timers.h245_connect_ms);
    log_info(LOG_AREA_SESSION, s->id, "call connected", LOG_S("conference", s->conference_name),
             LOG_ADDR("h245", &at));
    if (session_wants_events(s))
        session_event(s, "session.connected", json_pack("{s:s}", "conference", s->conference_name));
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
    if (!session_is_alive(s))
        return;
    if (join(s, setup) != 0)
        return;
    if (session_wants_events(s))
        session_event(s, "session.created", created_data(s));
    answer(s);
}

static void on_send(void *arg, const uint8_t *message, size_t len)
{
    struct session *s = arg;

    if (s->is_signalling_up)
        (void)s->env->ops->h225_send(s->env->user, s, message, len);
}

static void on_released(void *arg, const struct h225_release *release)
{
    struct session *s = arg;
    char text[SESSION_TEXT_MAX];

    s->is_released = true;
    if (!session_is_alive(s))
        return;
    snprintf(text, sizeof(text), "%s (cause %u, %s)", h225_reason_to_str(release->reason),
             release->cause, release->text != NULL ? release->text : "");
    session_end(s, release->by_peer ? SESSION_END_PEER : SESSION_END_PROTOCOL, text);
}

static const struct h225_call_ops ops = {
    .send = on_send,
    .on_setup = on_setup,
    .on_released = on_released,
};

int session_call_create(struct session *s)
{
    const struct settings *settings = s->env->settings;
    const struct h225_call_config config = {
        .product = settings->node.product,
        .version = settings->node.version,
        .display = settings->node.name,
        .is_mcu = true,
        .tunnelling = false,
        .refuse_fast_connect = true,
        .answer_timeout_ms = settings->signalling.timers.connect_ms,
    };

    s->call = h225_call_create(&config, &ops, s, 0);
    return s->call != NULL ? 0 : ERR_NOMEM;
}
