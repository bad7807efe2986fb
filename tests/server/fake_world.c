#include "tests/server/fake_mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/media/link_addr.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

#define QUEUE_MAX  1024
#define PACKET_MAX 8192

enum packet_kind {
    TO_SERVER_H225,
    TO_SERVER_H245,
    TO_PEER_H225,
    TO_PEER_H245,
    SIGNALLING_UP, /* the connection of a call of the server's */
    SIGNALLING_FAILED,
    H245_UP, /* the H.245 connection that the server opened */
};

struct packet {
    enum packet_kind kind;
    struct peer *peer;
    size_t len;
    uint8_t data[PACKET_MAX];
};

static void post(struct world *w, enum packet_kind kind, struct peer *p, const void *data,
                 size_t len)
{
    struct packet *slot = &w->queue[w->queue_tail % QUEUE_MAX];

    if (len > PACKET_MAX || w->queue_tail - w->queue_head >= QUEUE_MAX) {
        CU_FAIL("queue of the fake world is full");
        return;
    }
    slot->kind = kind;
    slot->peer = p;
    slot->len = len;
    memcpy(slot->data, data, len);
    w->queue_tail++;
}

/* ---- the server's surroundings ---- */

static struct peer *peer_of(struct session *s)
{
    return session_owner(s);
}

static int server_h225_send(void *user, struct session *s, const uint8_t *data, size_t len)
{
    post(user, TO_PEER_H225, peer_of(s), data, len);
    return 0;
}

static int server_h245_send(void *user, struct session *s, const uint8_t *data, size_t len)
{
    post(user, TO_PEER_H245, peer_of(s), data, len);
    return 0;
}

static int server_h245_connect(void *user, struct session *s, const struct addr *to)
{
    struct world *w = user;
    struct peer *p = peer_of(s);

    w->connects++;
    w->connected_to = *to;
    if (p->answers_calls && addr_is_equal(to, &p->h245_at))
        post(w, H245_UP, p, "", 0);
    return 0;
}

static int server_h225_connect(void *user, struct session *s, const struct addr *to)
{
    struct world *w = user;
    struct peer *p = peer_of(s);

    w->dials++;
    w->dialled = *to;
    if (!p->is_unreachable)
        post(w, p->is_refused_tcp ? SIGNALLING_FAILED : SIGNALLING_UP, p, "", 0);
    return w->keeps_connections ? 1 : 0;
}

static int server_h245_listen(void *user, struct session *s, struct addr *at)
{
    const uint8_t ip[4] = {192, 0, 2, 1};
    struct world *w = user;

    (void)s;
    w->listens++;
    if (w->listen_result == 0)
        *at = addr_from_ip4(ip, 30000);
    return w->listen_result;
}

static void server_h245_close(void *user, struct session *s)
{
    (void)user;
    peer_of(s)->h245_closed = true;
}

static void server_h225_close(void *user, struct session *s)
{
    (void)user;
    peer_of(s)->h225_closed = true;
}

static void server_event(void *user, struct session *s, const char *type, json_t *data)
{
    struct world *w = user;
    char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);

    (void)s;
    if (w->event_count < WORLD_EVENTS_MAX) {
        snprintf(w->events_data[w->event_count], sizeof(w->events_data[0]), "%s",
                 text != NULL ? text : "");
        snprintf(w->events[w->event_count++], sizeof(w->events[0]), "%s", type);
    }
    snprintf(w->last_event_data, sizeof(w->last_event_data), "%s", text != NULL ? text : "");
    CU_ASSERT_PTR_NOT_NULL(text);
    free(text);
    json_decref(data);
}

static bool server_wants_events(void *user)
{
    (void)user;
    return true;
}

static void server_closed(void *user, struct session *s)
{
    (void)user;
    (void)s;
}

static uint32_t server_random(void *user)
{
    struct world *w = user;

    w->random = w->random * 1664525u + 1013904223u;
    return w->random;
}

static uint64_t server_now(void *user)
{
    return ((struct world *)user)->now;
}

/* ---- the data plane ---- */

static int port_open(void *media, const struct media_request *r,
                     const struct media_callbacks *callbacks, void *owner, struct media_port **out)
{
    const uint8_t ip[4] = {192, 0, 2, 2};
    struct world *w = media;
    struct media_port *p;

    if (w->open_result != 0 || w->port_count >= WORLD_PORTS_MAX)
        return w->open_result != 0 ? w->open_result : ERR_LIMIT;
    p = &w->ports[w->port_count];
    memset(p, 0, sizeof(*p));
    p->is_used = true;
    p->request = *r;
    p->callbacks = callbacks;
    p->owner = owner;
    p->world = w;
    p->session = strtoull(r->session, NULL, 10);
    p->local = addr_from_ip4(ip, (uint16_t)(20000 + 2 * w->port_count));
    w->port_count++;
    *out = p;
    return 0;
}

static struct addr port_local(const struct media_port *p)
{
    return p->local;
}

static int port_set_remote(struct media_port *p, const struct addr *rtp, const struct addr *rtcp)
{
    p->remote = *rtp;
    if (rtcp != NULL)
        p->remote_control = *rtcp;
    return 0;
}

static int port_associate(struct media_port *p, bool is_active, const struct fingerprint *peer,
                          size_t count)
{
    p->associations++;
    if (p->is_associated)
        return ERR_EXISTS;
    p->is_associated = true;
    p->is_active = is_active;
    p->fingerprint = *peer;
    p->fingerprints = count;
    return 0;
}

static int port_route(struct media_port *from, const struct media_route *rows, size_t count)
{
    CU_ASSERT_FALSE(from->is_closing);
    CU_ASSERT(count <= MEDIA_ROUTES_MAX);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT(rows[i].to->is_announced && !rows[i].to->is_closing);
    memcpy(from->route, rows, count * sizeof(*rows));
    from->routes = count;
    from->receivers = 0; /* one or the other */
    from->to = count > 0 ? rows[0].to : NULL;
    return 0;
}

static int port_ice(struct media_port *p, const struct media_ice *ice)
{
    CU_ASSERT_FALSE(p->is_closing);
    CU_ASSERT(strlen(ice->ufrag) >= 4 && strlen(ice->password) >= 22);
    p->ice = *ice;
    p->ices++;
    return 0;
}

static int port_stats(struct media_port *p, struct link_transport_stats *stats)
{
    (void)p;
    memset(stats, 0, sizeof(*stats));
    stats->rtp_in = 7;
    return 0;
}

static void port_close(struct media_port *p)
{
    CU_ASSERT_FALSE(p->is_closing);
    p->is_closing = true;
    fake_mix_port_gone(p->world, p);
}

static int port_data(struct media_port *p, const struct media_data *data)
{
    if (p->request.kind != MEDIA_DTLS_SRTP)
        return ERR_INVAL;
    p->data = *data;
    return 0;
}

static struct media_ops media = {
    .open = port_open,
    .local = port_local,
    .set_remote = port_set_remote,
    .associate = port_associate,
    .ice = port_ice,
    .route = port_route,
    .data = port_data,
    .stats = port_stats,
    .close = port_close,
};

static bool move_port(struct world *w, struct media_port *p)
{
    struct link_transport_stats final;

    if (p->is_closed || !p->is_used)
        return false;
    if (p->is_closing) {
        memset(&final, 0, sizeof(final));
        final.rtp_in = 11;
        p->is_closed = true;
        p->callbacks->on_closed(p->owner, &final);
        return true;
    }
    if (p->is_announced || w->hold_ports)
        return false;
    p->is_announced = true;
    p->callbacks->on_opened(p->owner, 0);
    return true;
}

/* ---- the peer: H.225.0 ---- */

static void peer_call_send(void *arg, const uint8_t *data, size_t len)
{
    struct peer *p = arg;

    if (!p->is_mute)
        post(p->world, TO_SERVER_H225, p, data, len);
}

static void peer_on_connect(void *arg, const struct h225_answer *answer)
{
    struct peer *p = arg;

    p->is_connected = true;
    p->h245_at = answer->h245_address;
    p->fast_answers = answer->fast_start_count;
    p->fast_refused = answer->fast_connect_refused;
    for (size_t i = 0; i < p->fast_answers && i < 4; i++) {
        CU_ASSERT_FATAL(answer->fast_start[i].len <= sizeof(p->fast_answer[i].data));
        memcpy(p->fast_answer[i].data, answer->fast_start[i].data, answer->fast_start[i].len);
        p->fast_answer[i].len = answer->fast_start[i].len;
    }
    if (!p->has_h245 && p->fast_answers == 0 &&
        (answer->tunnelling || p->h245_at.family != ADDR_NONE))
        peer_h245_begin(p);
}

static void keep(char *to, size_t cap, const struct h225_aliases *from)
{
    snprintf(to, cap, "%s", from->count > 0 ? from->list[0].text : "");
}

static void peer_note_setup(struct peer *p, const struct h225_setup *setup)
{
    p->seen.came = true;
    p->seen.setups++;
    memcpy(p->seen.conference_id, setup->conference_id, sizeof(p->seen.conference_id));
    keep(p->seen.alias, sizeof(p->seen.alias), &setup->destination);
    keep(p->seen.source, sizeof(p->seen.source), &setup->source);
    snprintf(p->seen.display, sizeof(p->seen.display), "%s", setup->display);
    p->seen.goal = setup->goal;
    p->seen.destination = setup->destination_address;
    p->seen.source_address = setup->source_address;
    p->seen.h245 = setup->h245_address;
    memcpy(p->seen.call_id, setup->call_id, sizeof(p->seen.call_id));
}

static void peer_answer(struct peer *p)
{
    const uint8_t ip[4] = {198, 51, 100, 200};
    struct world *w = p->world;

    p->h245_at = addr_from_ip4(ip, 5000);
    CU_ASSERT_EQUAL(h225_call_proceeding(p->call, w->now), 0);
    CU_ASSERT_EQUAL(h225_call_alerting(p->call, w->now), 0);
    CU_ASSERT_EQUAL(h225_call_connect(p->call, p->hides_h245 ? NULL : &p->h245_at, w->now), 0);
    p->is_connected = true;
    if (p->asks_h245)
        CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &p->h245_at, w->now), 0);
    /* After fast connect, H.245 is begun by the test. */
    if (h225_call_is_tunnelling(p->call) && p->fast_answers == 0)
        peer_h245_begin(p);
}

static void peer_on_setup(void *arg, const struct h225_setup *setup)
{
    struct peer *p = arg;
    uint64_t now = p->world->now;

    peer_note_setup(p, setup);
    if (p->on_setup != NULL)
        p->on_setup(p, setup);
    switch (p->answers) {
    case CALLEE_CONNECTS:
        peer_answer(p);
        break;
    case CALLEE_IS_BUSY:
        (void)h225_call_release(p->call, H225_REASON_BUSY, now);
        break;
    case CALLEE_REFUSES:
        (void)h225_call_release(p->call, H225_REASON_SECURITY_DENIED, now);
        break;
    case CALLEE_RINGS:
        (void)h225_call_alerting(p->call, now);
        break;
    case CALLEE_PROCEEDS:
        (void)h225_call_proceeding(p->call, now);
        break;
    case CALLEE_IS_SILENT:
        break;
    case CALLEE_FORWARDS:
        if (p->forwards == 0) {
            peer_answer(p);
            break;
        }
        p->forwards--;
        CU_ASSERT_EQUAL(h225_call_facility(p->call, &p->forward, now), 0);
        break;
    }
}

static void peer_on_facility(void *arg, const struct h225_facility *facility)
{
    struct peer *p = arg;

    p->facilities++;
    p->facility = *facility;
    p->facility.aliases.list[0].text = NULL;
}

static void peer_on_start_h245(void *arg, const struct addr *at)
{
    struct peer *p = arg;

    (void)at;
    if (p->answers_calls && !p->has_h245)
        peer_h245_begin(p);
}

static void peer_on_h245_pdu(void *arg, const uint8_t *pdu, size_t len)
{
    struct peer *p = arg;

    CU_ASSERT_TRUE(p->has_h245);
    (void)h245_engine_input(p->h245, pdu, len, p->world->now);
}

static void peer_on_released(void *arg, const struct h225_release *release)
{
    struct peer *p = arg;

    p->is_released = true;
    p->release = *release;
    p->release.text = NULL;
}

static const struct h225_call_ops call_ops = {
    .send = peer_call_send,
    .on_setup = peer_on_setup,
    .on_start_h245 = peer_on_start_h245,
    .on_facility = peer_on_facility,
    .on_connect = peer_on_connect,
    .on_h245_pdu = peer_on_h245_pdu,
    .on_released = peer_on_released,
};

void peer_send_h225(struct peer *p, const void *data, size_t len)
{
    post(p->world, TO_SERVER_H225, p, data, len);
}

void peer_send_h245(struct peer *p, const void *data, size_t len)
{
    post(p->world, TO_SERVER_H245, p, data, len);
}

/* ---- the world ---- */

static const char config_format[] =
    "{\"data_plane\":{\"devices\":[{\"name\":\"m\",\"eal\":\"net_null0\"}],"
    "\"addresses\":[{\"address\":\"192.0.2.2/24\"}]},"
    "\"signalling\":{\"listeners\":[{\"name\":\"l\",\"address\":\"192.0.2.1:1720\","
    "\"dtls\":\"%s\"}]},"
    "\"conferences\":[{\"alias\":\"demo\",\"kind\":\"relay\"},"
    "{\"alias\":\"room*\",\"kind\":\"relay\"}]}";

static struct settings *load(enum settings_dtls dtls)
{
    struct settings *s = malloc(sizeof(*s));
    struct settings_report *report = malloc(sizeof(*report));
    char text[1024];
    int n = snprintf(text, sizeof(text), config_format, settings_dtls_to_str(dtls));
    int err = settings_load_text(text, (size_t)n, s, report);

    if (err != 0)
        settings_report_print(report, "test", stderr);
    CU_ASSERT_EQUAL_FATAL(err, 0);
    free(report);
    return s;
}

static void make_identity(struct h23510_identity *id, uint8_t seed)
{
    memset(id, 0, sizeof(*id));
    for (int h = 0; h < FINGERPRINT_HASH_COUNT; h++) {
        id->fingerprints[h].hash = (enum fingerprint_hash)h;
        memset(id->fingerprints[h].digest, seed + h,
               fingerprint_hash_len((enum fingerprint_hash)h));
    }
}

struct world *world_create(enum settings_dtls dtls)
{
    struct world *w = calloc(1, sizeof(*w));

    w->queue = calloc(QUEUE_MAX, sizeof(*w->queue));
    w->now = 100000;
    timer_set_init(&w->timers);
    w->settings = load(dtls);
    make_identity(&w->server_id, 0x10);
    make_identity(&w->peer_id, 0xa0);
    CU_ASSERT_EQUAL_FATAL(conferences_create(&w->env, &w->conferences), 0);
    w->ops = (struct session_ops){
        .h225_send = server_h225_send,
        .h225_connect = server_h225_connect,
        .h245_send = server_h245_send,
        .h245_listen = server_h245_listen,
        .h245_connect = server_h245_connect,
        .h245_close = server_h245_close,
        .h225_close = server_h225_close,
        .event = server_event,
        .wants_events = server_wants_events,
        .closed = server_closed,
    };
    w->env.ops = &w->ops;
    w->env.user = w;
    fake_mix_ops(&media);
    w->env.media_ops = &media;
    w->env.media = w;
    w->env.timers = &w->timers;
    w->env.settings = w->settings;
    w->env.identity = &w->server_id;
    w->env.conferences = w->conferences;
    w->env.random = server_random;
    w->env.now = server_now;
    arena_init(&w->env.scratch, 8192, 262144);
    log_set_level_all(LOG_LEVEL_OFF);
    return w;
}

void world_destroy(struct world *w)
{
    for (size_t i = 0; i < w->peer_count; i++) {
        session_destroy(w->peers[i].session);
        h245_engine_destroy(w->peers[i].h245);
        h225_call_destroy(w->peers[i].call);
    }
    CU_ASSERT_EQUAL(conferences_count(w->conferences), 0);
    CU_ASSERT_EQUAL(w->timers.count, 0);
    conferences_destroy(w->conferences);
    arena_fini(&w->env.scratch);
    free(w->settings);
    free(w->queue);
    free(w);
}

static struct peer *make_peer(struct world *w, bool is_callee)
{
    const uint8_t ip[4] = {198, 51, 100, (uint8_t)(w->peer_count + 1)};
    struct peer *p = &w->peers[w->peer_count++];
    struct session_config config = {.listener = &w->settings->signalling.listeners[0]};

    p->world = w;
    p->signalling = addr_from_ip4(ip, 40000);
    p->media = addr_from_ip4(ip, 6000);
    p->mode = H23510_MODE_PREFERRED;
    p->setup = H23510_SETUP_ACTPASS;
    p->audio[0] = (struct h245_audio){.codec = H245_CODEC_PCMA, .frames = 20};
    p->audio[1] = (struct h245_audio){.codec = H245_CODEC_PCMU, .frames = 20};
    p->audio_count = 2;
    p->opens = true;
    if (!is_callee)
        config.peer = p->signalling;
    config.owner = p;
    config.is_caller = is_callee;
    config.call_ref = is_callee ? (uint16_t)(100 + w->peer_count) : 0;
    config.is_tls = w->is_tls;
    config.tls = (struct tls_info){.version = TLS_VERSION_1_3, .cipher = "TLS_AES_128_GCM_SHA256"};
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &p->session), 0);
    return p;
}

struct peer *world_peer(struct world *w)
{
    return make_peer(w, false);
}

struct peer *world_callee(struct world *w)
{
    struct peer *p = make_peer(w, true);

    p->answers_calls = true;
    return p;
}

static void make_callee_call(struct peer *p)
{
    const struct h225_call_config config = {.product = "fake callee",
                                            .version = "2",
                                            .tunnelling = p->tunnels,
                                            .h245_tls = p->has_h245_tls};

    h225_call_destroy(p->call);
    p->call = h225_call_create(&config, &call_ops, p, 0);
}

int world_dial(struct world *w, struct peer *p)
{
    const struct session_dial dial = {.alias = "bert",
                                      .address = p->signalling,
                                      .row = &w->settings->conferences[0],
                                      .conference = "demo",
                                      .source = "4711",
                                      .display = "Sluice",
                                      .tunnelling = true,
                                      .fast_connect = p->dials_fast};

    make_callee_call(p);
    return session_dial(p->session, &dial, w->now);
}

void peer_call(struct peer *p, const char *alias)
{
    const struct h225_call_config config = {.product = "fake \"peer\"",
                                            .version = "1",
                                            .tunnelling = p->tunnels,
                                            .h245_tls = p->has_h245_tls};
    const struct h225_alias to = {H225_ALIAS_H323_ID, alias};
    const struct h225_alias from = {H225_ALIAS_H323_ID, "caller"};
    static const uint8_t none[H225_GUID_LEN];
    struct h225_outgoing out = {
        .call_id = {1, 2, 3},
        .conference_id = {4, 5, 6},
        .goal = p->goal,
        .destination = &to,
        .destination_count = alias[0] != '\0' ? 1 : 0,
        .source = &from,
        .source_count = p->is_nameless ? 0 : 1,
        .fast_start = p->fast_start,
        .fast_start_count = p->fast_start_count,
    };

    if (memcmp(p->conference_id, none, sizeof(none)) != 0)
        memcpy(out.conference_id, p->conference_id, sizeof(out.conference_id));
    p->call = h225_call_create(&config, &call_ops, p, 7);
    if (p->is_early)
        peer_h245_begin(p);
    CU_ASSERT_EQUAL(h225_call_start(p->call, &out, p->world->now), 0);
}

static void deliver(struct world *w, struct packet *k)
{
    struct peer *p = k->peer;

    const uint8_t ip[4] = {192, 0, 2, 1};
    const struct addr local = addr_from_ip4(ip, 41000);

    if (w->tap != NULL && (k->kind == TO_SERVER_H245 || k->kind == TO_PEER_H245))
        w->tap(p, k->kind == TO_SERVER_H245, k->data, k->len);
    if (k->kind == SIGNALLING_UP) {
        if (h225_call_state(p->call) != H225_STATE_NULL)
            make_callee_call(p); /* somebody else, after a forward */
        session_on_h225_up(p->session, &local, w->now);
    } else if (k->kind == SIGNALLING_FAILED)
        session_on_h225_lost(p->session, "connection refused", w->now);
    else if (k->kind == H245_UP)
        peer_h245_begin(p);
    else if (k->kind == TO_SERVER_H225)
        session_on_h225(p->session, k->data, k->len, w->now);
    else if (k->kind == TO_SERVER_H245)
        session_on_h245(p->session, k->data, k->len, w->now);
    else if (p->is_mute || p->call == NULL)
        return;
    else if (k->kind == TO_PEER_H225)
        (void)h225_call_input(p->call, k->data, k->len, w->now);
    else if (p->h245 != NULL)
        (void)h245_engine_input(p->h245, k->data, k->len, w->now);
}

void world_run(struct world *w)
{
    bool has_moved = true;

    for (int round = 0; round < 10000 && has_moved; round++) {
        has_moved = false;
        while (w->queue_head != w->queue_tail) {
            struct packet *k = malloc(sizeof(*k));

            *k = w->queue[w->queue_head++ % QUEUE_MAX];
            deliver(w, k);
            free(k);
            has_moved = true;
        }
        for (size_t i = 0; i < w->port_count; i++)
            has_moved = move_port(w, &w->ports[i]) || has_moved;
        has_moved = fake_mix_move(w) || has_moved;
    }
    CU_ASSERT_FALSE(has_moved);
}

size_t world_take(struct world *w, uint8_t *data, size_t cap)
{
    const struct packet *k;

    if (w->queue_head == w->queue_tail)
        return 0;
    k = &w->queue[--w->queue_tail % QUEUE_MAX];
    if (k->len > cap)
        return 0;
    memcpy(data, k->data, k->len);
    return k->len;
}

void world_pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now + ms;

    for (int i = 0; i < 100000; i++) {
        uint64_t next = timer_set_next(&w->timers);

        if (next > end)
            break;
        w->now = next > w->now ? next : w->now;
        timer_set_run(&w->timers, w->now);
        world_run(w);
    }
    w->now = end;
}

struct media_port *world_port(struct world *w, const struct peer *p)
{
    for (size_t i = w->port_count; i > 0; i--)
        if (w->ports[i - 1].session == session_id(p->session))
            return &w->ports[i - 1];
    return NULL;
}

void world_keyed(struct world *w, struct peer *p)
{
    struct media_port *port = world_port(w, p);
    const struct media_established e = {
        .profile = SRTP_PROFILE_AEAD_AES_128_GCM,
        .cipher = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        .peer = &port->fingerprint,
        .handshake_ms = 12,
    };

    CU_ASSERT_TRUE_FATAL(port->is_associated && !port->is_closing);
    port->callbacks->on_established(port->owner, &e);
    port->callbacks->on_keyed(port->owner);
    world_run(w);
}

void world_dtls_failed(struct world *w, struct peer *p, enum dtls_failure why)
{
    struct media_port *port = world_port(w, p);

    port->callbacks->on_failed(port->owner, why, "test");
    world_run(w);
}

void world_first_packet(struct world *w, struct peer *p, unsigned direction)
{
    struct media_port *port = world_port(w, p);
    const struct link_event event = {.time_ms = w->now, .direction = (uint8_t)direction, .ssrc = 5};

    port->callbacks->on_event(port->owner, LINK_FIRST_PACKET, &event);
}

void world_selected(struct world *w, struct peer *p, const char *from)
{
    struct media_port *port = world_port(w, p);
    struct link_event event = {.time_ms = w->now};
    struct addr addr;

    CU_ASSERT_EQUAL_FATAL(addr_parse(from, &addr), 0);
    event.source = link_of_addr(&addr);
    port->callbacks->on_event(port->owner, LINK_ICE_SELECTED, &event);
    world_run(w);
}

void world_lose_data_plane(struct world *w)
{
    w->open_result = ERR_CLOSED;
    fake_mix_lose(w);
    for (size_t i = 0; i < w->port_count; i++)
        if (!w->ports[i].is_closing)
            w->ports[i].callbacks->on_gone(w->ports[i].owner, "data plane lost");
    world_run(w);
}

size_t world_events(const struct world *w, const char *type)
{
    size_t n = 0;

    for (size_t i = 0; i < w->event_count; i++)
        n += strcmp(w->events[i], type) == 0;
    return n;
}

bool world_said(const struct world *w, const char *type, const char *text)
{
    for (size_t i = 0; i < w->event_count; i++)
        if (strcmp(w->events[i], type) == 0 && strstr(w->events_data[i], text) != NULL)
            return true;
    return false;
}

bool world_has_event(const struct world *w, const char *type)
{
    return world_events(w, type) != 0;
}

size_t world_open_ports(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->port_count; i++)
        n += !w->ports[i].is_closed;
    return n;
}
