/* The fake world itself: what surrounds the server, the wires, and time. */
#include "tests/server/fake_mix.h"
#include "tests/server/fake_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

#define QUEUE_MAX  1024
#define PACKET_MAX 8192

struct packet {
    enum packet_kind kind;
    struct peer *peer;
    size_t len;
    uint8_t data[PACKET_MAX];
};

void world_post(struct world *w, enum packet_kind kind, struct peer *p, const void *data,
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

static int server_h225_send(void *user, struct session *s, const uint8_t *data, size_t len)
{
    world_post(user, TO_PEER_H225, session_owner(s), data, len);
    return 0;
}

static int server_h245_send(void *user, struct session *s, const uint8_t *data, size_t len)
{
    world_post(user, TO_PEER_H245, session_owner(s), data, len);
    return 0;
}

static int server_h245_connect(void *user, struct session *s, const struct addr *to)
{
    struct world *w = user;
    struct peer *p = session_owner(s);

    w->connects++;
    w->connected_to = *to;
    if (p->answers_calls && addr_is_equal(to, &p->h245_at))
        world_post(w, H245_UP, p, "", 0);
    return 0;
}

static int server_h225_connect(void *user, struct session *s, const struct addr *to)
{
    struct world *w = user;
    struct peer *p = session_owner(s);

    w->dials++;
    w->dialled = *to;
    if (!p->is_unreachable)
        world_post(w, p->is_refused_tcp ? SIGNALLING_FAILED : SIGNALLING_UP, p, "", 0);
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
    ((struct peer *)session_owner(s))->h245_closed = true;
}

static void server_h225_close(void *user, struct session *s)
{
    (void)user;
    ((struct peer *)session_owner(s))->h225_closed = true;
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
    w->env.media_ops = fake_ports_ops();
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

    fake_call_begin(p);
    return session_dial(p->session, &dial, w->now);
}

/* ---- the wires, and time ---- */

static void deliver(struct world *w, struct packet *k)
{
    struct peer *p = k->peer;

    const uint8_t ip[4] = {192, 0, 2, 1};
    const struct addr local = addr_from_ip4(ip, 41000);

    if (w->tap != NULL && (k->kind == TO_SERVER_H245 || k->kind == TO_PEER_H245))
        w->tap(p, k->kind == TO_SERVER_H245, k->data, k->len);
    if (k->kind == SIGNALLING_UP) {
        if (h225_call_state(p->call) != H225_STATE_NULL)
            fake_call_begin(p); /* somebody else, after a forward */
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
        has_moved = fake_ports_move(w) || has_moved;
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

/* ---- what was told ---- */

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
