/* Events: who hears of what, and what happens when somebody does not listen fast enough. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/control/control_internal.h"

static size_t find_type(const struct control *c, const char *type)
{
    size_t i = 0;
    while (i < c->event_count && strcmp(c->events[i]->type, type) != 0)
        i++;
    return i;
}

int control_register_events(struct control *c, const struct control_event *events, size_t n)
{
    if (n > CONTROL_EVENTS_MAX - c->event_count)
        return ERR_LIMIT;
    /* Both loops: either all of them are known after this, or none. */
    for (size_t i = 0; i < n; i++)
        if (find_type(c, events[i].type) < c->event_count)
            return ERR_EXISTS;
    for (size_t i = 0; i < n; i++)
        c->events[c->event_count++] = &events[i];
    return 0;
}

static bool is_wanted(const struct control_client *client, size_t type, uint64_t session)
{
    for (size_t i = 0; i < CONTROL_SUBSCRIPTIONS_MAX; i++) {
        const struct control_subscription *s = &client->subscriptions[i];
        /* A bit for each type, session 0 for all sessions. */
        if (s->id != 0 && (s->types[type / 64] >> (type % 64) & 1) != 0 &&
            (s->session == 0 || s->session == session))
            return true;
    }
    return false;
}

bool control_is_watched(const struct control *c, const char *type, uint64_t session)
{
    size_t i = find_type(c, type);
    if (i == c->event_count)
        return false;
    /* Asked before an event is built at all: most have no listener. */
    LIST_FOREACH (it, &c->clients)
        if (is_wanted(LIST_ENTRY(it, struct control_client, link), i, session))
            return true;
    return false;
}

bool control_is_wanted(const struct control *c, const char *type)
{
    size_t i = find_type(c, type);
    if (i == c->event_count)
        return false;
    LIST_FOREACH (it, &c->clients) {
        const struct control_client *client = LIST_ENTRY(it, struct control_client, link);
        /* Of any session: the question is whether anybody at all would look. */
        for (size_t k = 0; k < CONTROL_SUBSCRIPTIONS_MAX; k++)
            if (client->subscriptions[k].id != 0 &&
                (client->subscriptions[k].types[i / 64] >> (i % 64) & 1) != 0)
                return true;
    }
    return false;
}

void control_on_watch(struct control *c, void (*on_watch)(void *ctx), void *ctx)
{
    c->on_watch = on_watch;
    c->watch_ctx = ctx;
}

void control_events_changed(struct control *c)
{
    if (c->on_watch != NULL)
        c->on_watch(c->watch_ctx);
}

/* The notification as a line; takes over the reference of data. */
static char *make_line(struct control *c, const char *type, uint64_t session, json_t *data,
                       size_t *len)
{
    char time[CLOCK_TEXT_MAX];
    json_t *params =
        /* One sequence for all types and clients, so that a gap shows that something was lost, or
         * not asked for. */
        json_pack("{s:s, s:I, s:s}", "type", type, "seq", (json_int_t)++c->event_sequence, "time",
                  clock_wall_format(clock_wall_us(), time));
    if (session != 0)
        json_object_set_new(params, "session", json_integer((json_int_t)session));
    if (data != NULL)
        json_object_set_new(params, "data", data);
    json_t *event =
        json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event", "params", params);
    char *text = event != NULL ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    if (text == NULL)
        return NULL;
    *len = strlen(text) + 1;
    text[*len - 1] = '\n'; /* where the terminating zero was: lines are counted, not terminated */
    return text;
}

static void send_event(struct control_client *client, const char *line, size_t len)
{
    struct control *c = client->control;
    char *copy = NULL;
    /* The notice of loss first: the events after it then have a gap that is explained. */
    if (control_client_backlog(client) == 0) /* else on_written does it */
        control_events_recover(client);
    /* Once one is lost all are until the client has read: what is there has no holes. */
    if (client->events_lost == 0 &&
        control_client_backlog(client) + len <= c->settings.max_backlog_bytes)
        /* A copy for each: clients read at their own speed. */
        copy = malloc(len);
    if (copy == NULL) {
        client->events_lost++;
        c->stats.events_lost++;
        return;
    }
    memcpy(copy, line, len);
    c->stats.events++;
    control_client_send(client, copy, len);
}

void control_publish(struct control *c, const char *type, uint64_t session, json_t *data)
{
    size_t index = find_type(c, type);
    char *line = NULL;
    size_t len = 0;
    if (index == c->event_count)
        log_error(LOG_AREA_CONTROL, session, "event of a type that was not registered",
                  LOG_S("type", type));
    /* Dropped unbuilt; the reference is ours in every case. */
    if (index == c->event_count || !control_is_watched(c, type, session)) {
        json_decref(data);
        return;
    }
    line = make_line(c, type, session, data, &len);
    if (line == NULL)
        log_error(LOG_AREA_CONTROL, session, "event lost: out of memory", LOG_S("type", type));
    /* a failing write closes its client, which leaves the list */
    LIST_FOREACH_SAFE (it, &c->clients) {
        struct control_client *client = LIST_ENTRY(it, struct control_client, link);
        if (line != NULL && is_wanted(client, index, session))
            send_event(client, line, len);
    }
    free(line);
}

void control_events_recover(struct control_client *client)
{
    size_t len;
    if (client->events_lost == 0)
        return;
    char *line = make_line(client->control, "events.lost", 0,
                           json_pack("{s:I}", "count", (json_int_t)client->events_lost), &len);
    if (line == NULL)
        return;
    /* Counted anew before it is sent: this send may fail into another loss. */
    client->events_lost = 0;
    control_client_send(client, line, len);
}

/* "session.closed" itself, "session.*" all below it, "*" everything. */
static bool is_match(const char *pattern, const char *type)
{
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*')
        /* The star stands at the end only. */
        return strncmp(pattern, type, len - 1) == 0;
    return strcmp(pattern, type) == 0;
}

static size_t select_types(const struct control *c, const char *pattern,
                           struct control_subscription *s)
{
    size_t n = 0;
    for (size_t i = 0; i < c->event_count; i++) {
        if (!is_match(pattern, c->events[i]->type) ||
            /* A type that costs much (data.received) has to be named: "*" is for what is happening,
             * not for what is being said. */
            (c->events[i]->is_asked_for && strcmp(pattern, "*") == 0))
            continue;
        s->types[i / 64] |= UINT64_C(1) << (i % 64);
        n++;
    }
    return n;
}

static struct control_subscription *find_subscription(struct control_client *client, uint64_t id)
{
    for (size_t i = 0; i < CONTROL_SUBSCRIPTIONS_MAX; i++)
        if (client->subscriptions[i].id == id)
            return &client->subscriptions[i];
    return NULL;
}

static void on_subscribe(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct control *c = ctx;
    const json_t *types = json_object_get(params, "types");
    struct control_subscription wanted = {.session = rpc_param_uint(params, "session", 0)};
    struct control_subscription *slot = find_subscription(peer, 0);
    /* No list: all, as an operator who is new to it expects. */
    size_t selected = types == NULL ? select_types(c, "*", &wanted) : 0;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *pattern = json_string_value(json_array_get(types, i));
        size_t n = select_types(c, pattern, &wanted);
        /* One that means nothing is an error, as a misspelt one would be silence. */
        if (n == 0) {
            rpc_reply_error(reply, ERR_NOTFOUND, "no event type \"%s\": see events.types", pattern);
            return;
        }
        selected += n;
    }
    if (selected == 0) {
        rpc_reply_error(reply, ERR_INVAL, "the list of types is empty");
        return;
    }
    if (slot == NULL) {
        rpc_reply_error(reply, ERR_LIMIT, "%d subscriptions already", CONTROL_SUBSCRIPTIONS_MAX);
        return;
    }
    wanted.id = c->next_subscription++;
    *slot = wanted;
    /* Something may be worth producing now. */
    control_events_changed(c);
    rpc_reply_result(reply, json_pack("{s:I}", "subscription", (json_int_t)wanted.id));
}

static void on_unsubscribe(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct control_client *client = peer;
    uint64_t id = rpc_param_uint(params, "subscription", 0);
    struct control_subscription *s = id != 0 ? find_subscription(client, id) : NULL;
    if (id != 0 && s == NULL) {
        rpc_reply_error(reply, ERR_NOTFOUND, "no subscription %llu", (unsigned long long)id);
        return;
    }
    /* By overwriting: id 0 is free. */
    if (s != NULL)
        memset(s, 0, sizeof(*s));
    else
        memset(client->subscriptions, 0, sizeof(client->subscriptions));
    control_events_changed(ctx);
    rpc_reply_result(reply, json_object());
}

static void on_types(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const struct control *c = ctx;
    json_t *list = json_array();
    (void)peer;
    (void)params;
    for (size_t i = 0; i < c->event_count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "type", c->events[i]->type, "help", c->events[i]->help));
    rpc_reply_result(reply, json_pack("{s:o}", "types", list));
}

static const struct rpc_param subscribe_params[] = {
    {"types", RPC_STRINGS, .help = "event types; \"session.*\" takes all below, default all"},
    {"session", RPC_UINT, .min = 1, .help = "only events of this session"},
};
static const struct rpc_param unsubscribe_params[] = {
    {"subscription", RPC_UINT, .min = 1, .help = "which; default all of this connection"},
};
const struct rpc_method control_event_methods[] = {
    {"events.subscribe", "send events to this connection as they happen", subscribe_params, 2,
     on_subscribe},
    {"events.unsubscribe", "send them no more", unsubscribe_params, 1, on_unsubscribe},
    {"events.types", "list the event types and their data", NULL, 0, on_types},
};
const size_t control_event_method_count =
    sizeof(control_event_methods) / sizeof(control_event_methods[0]);
