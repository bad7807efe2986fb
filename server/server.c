#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/cert.h"
#include "server/conference/dialplan.h"
#include "server/dtls/key_log.h"

/* How often the shutdown looks whether its step is done. */
#define STOP_POLL_MS 10
/* A polite close waits so long for the peer to close its end. */
#define FLUSH_MS 1000
/* Octets that may wait for a peer that does not read. */
#define BACKLOG_BYTES 262144
/* What the shards and the control socket get of the time for the shutdown, at least. */
#define STOP_REST_MS 500

/* ---- what sessions ask for ---- */

static int h225_send(void *user, struct session *s, const uint8_t *message, size_t len)
{
    return h323_h225_send(((struct server *)user)->h323, s, message, len);
}

static int h225_connect(void *user, struct session *s, const struct addr *to)
{
    return h323_h225_connect(((struct server *)user)->h323, s, to);
}

static int h245_send(void *user, struct session *s, const uint8_t *pdu, size_t len)
{
    return h323_h245_send(((struct server *)user)->h323, s, pdu, len);
}

static int h245_connect(void *user, struct session *s, const struct addr *to)
{
    return h323_h245_connect(((struct server *)user)->h323, s, to);
}

static int h245_listen(void *user, struct session *s, struct addr *at)
{
    return h323_h245_listen(((struct server *)user)->h323, s, at);
}

static void h245_close(void *user, struct session *s)
{
    h323_h245_close(((struct server *)user)->h323, s);
}

static void h225_close(void *user, struct session *s)
{
    h323_h225_close(((struct server *)user)->h323, s);
}

static void on_session_closed(void *user, struct session *s)
{
    h323_closed(((struct server *)user)->h323, s);
}

static void on_session_event(void *user, struct session *s, const char *type, json_t *data)
{
    control_publish(((struct server *)user)->control, type, s != NULL ? session_id(s) : 0, data);
}

static int admit(void *user, struct session *s, const struct session_admission *admission)
{
    return gatekeeper_admit(((struct server *)user)->gatekeeper, s, admission);
}

static void disengage(void *user, struct session *s, unsigned cause)
{
    gatekeeper_disengage(((struct server *)user)->gatekeeper, s, cause);
}

static void bandwidth(void *user, struct session *s, uint32_t needed)
{
    gatekeeper_bandwidth(((struct server *)user)->gatekeeper, s, needed);
}

static void signalling(void *user, struct session *s, bool is_sent, const uint8_t *message,
                       size_t len)
{
    gatekeeper_signalling(((struct server *)user)->gatekeeper, s, is_sent, message, len);
}

static void progress(void *user, struct session *s, enum session_progress progress)
{
    gatekeeper_progress(((struct server *)user)->gatekeeper, s, progress);
}

static bool wants_events(void *user)
{
    return control_stats(((struct server *)user)->control)->clients != 0;
}

static uint32_t random_u32(void *user)
{
    const struct server *s = user;
    uint32_t r = 0;

    /* The device directly: there is no state in this process that a fork or a core could give
     * away. */
    if (read(s->urandom, &r, sizeof(r)) != (ssize_t)sizeof(r))
        /* Never seen; numbers that only have to differ are had from the clock, then. Keys are
         * OpenSSL's. */
        r = (uint32_t)clock_mono_ns();
    return r;
}

static uint64_t now_ms(void *user)
{
    (void)user;
    return clock_mono_ms();
}

static const struct session_ops session_ops = {
    .h225_send = h225_send,
    .h225_connect = h225_connect,
    .h245_send = h245_send,
    .h245_listen = h245_listen,
    .h245_connect = h245_connect,
    .h245_close = h245_close,
    .h225_close = h225_close,
    .admit = admit,
    .disengage = disengage,
    .bandwidth = bandwidth,
    .signalling = signalling,
    .progress = progress,
    .event = on_session_event,
    .wants_events = wants_events,
    .closed = on_session_closed,
};

static void on_link_state(void *user, bool is_attached, const char *text)
{
    struct server *s = user;

    /* Calls are refused while there is nowhere to put their media. */
    h323_set_ready(s->h323, is_attached);
    if (is_attached)
        log_info(LOG_AREA_MAIN, 0, "ready", LOG_S("data_plane", text));
    /* The first state comes before the control socket is made. */
    if (s->control != NULL)
        control_publish(s->control, is_attached ? "dataplane.attached" : "dataplane.lost", 0,
                        json_pack("{s:s}", "text", text));
}

/* ---- making ---- */

static int make_identity(struct server *s)
{
    const struct settings_dtls_section *d = &s->settings->dtls;
    struct cert_problem problem = {NULL, ""};
    int err = d->certificate[0] != '\0' ? cert_load(d->certificate, d->key, &s->cert, &problem)
                                        /* Made for this run: a fingerprint that nobody can have
                                         * recorded. */
                                        : cert_generate(CERT_VALIDITY_DAYS_DEFAULT, &s->cert);

    if (err != 0) {
        log_error(LOG_AREA_CRYPTO, 0, "no certificate for media",
                  LOG_S("file", problem.path != NULL ? problem.path : ""),
                  LOG_S("reason", problem.text), LOG_E("error", err));
        return err;
    }
    /* By every hash: which of them is told is negotiated with each peer. */
    for (int h = 0; h < FINGERPRINT_HASH_COUNT && err == 0; h++)
        err = cert_fingerprint(s->cert, (enum fingerprint_hash)h, &s->identity.fingerprints[h]);
    return err;
}

static int make_tls(struct server *s)
{
    char text[TLS_KEYS_TEXT_MAX] = "";
    int err = tls_keys_create(&s->settings->tls, &s->tls, text);

    if (err != 0)
        log_error(LOG_AREA_CRYPTO, 0, "no certificate for signalling", LOG_S("reason", text),
                  LOG_E("error", err));
    return err;
}

struct tcp_config server_tcp_config(const struct server *s)
{
    const struct settings_limits *l = &s->settings->signalling.limits;

    return (struct tcp_config){
        .connections_max = l->max_connections,
        .per_address_max = l->max_connections_per_address,
        .packet_max = l->max_message_bytes,
        .backlog_max = BACKLOG_BYTES,
        /* A peer that has begun a packet has as long as for a Setup to end it. */
        .packet_ms = s->settings->signalling.timers.setup_ms,
        .flush_ms = FLUSH_MS,
        .tls_ms = s->settings->tls.handshake_timeout_ms,
    };
}

/* A peer that got our alert hangs up at once. The shard had reported the failure before it sent the
 * alert, but which of the two the loop would hand us first is chance; an ordinary end would hide
 * from the operator that the certificate was wrong (D-MISMATCH). */
static void before_input(void *user)
{
    struct server *s = user;

    media_link_take_reports(s->media);
}

static int make_tcp(struct server *s)
{
    struct tcp_config config = server_tcp_config(s);

    config.loop = &s->loop.uv;
    config.timers = &s->loop.timers;
    config.before_input = before_input;
    config.user = s;
    return tcp_create(&config, &s->tcp);
}

static int make_key_log(struct server *s)
{
    const char *path = s->settings->dtls.key_log;
    int err = path[0] != '\0' ? key_log_open(path, &s->key_log) : 0;

    if (err != 0)
        log_error(LOG_AREA_CRYPTO, 0, "dtls.key_log cannot be written", LOG_S("file", path),
                  LOG_S("reason", strerror(errno)), LOG_E("error", err));
    else if (s->key_log != NULL)
        log_warn(LOG_AREA_CRYPTO, 0,
                 "THE SECRETS OF ALL DTLS CONNECTIONS ARE WRITTEN TO A FILE: for a lab alone",
                 /* Told at each start, in capitals: it makes every recording of the network
                  * readable. */
                 LOG_S("file", path));
    return err;
}

static int make_media(struct server *s)
{
    const struct media_link_config config = {
        .loop = &s->loop.uv,
        .timers = &s->loop.timers,
        .settings = s->settings,
        .cert = s->cert,
        .key_log = s->key_log,
        .close_orphans = s->settings->link.close_orphans,
        .on_state = on_link_state,
        .user = s,
    };

    return media_link_create(&config, &s->media);
}

static void make_env(struct server *s)
{
    s->env.ops = &session_ops;
    s->env.user = s;
    s->env.media_ops = &media_link_ops;
    s->env.media = s->media;
    s->env.timers = &s->loop.timers;
    s->env.settings = s->settings;
    s->env.identity = &s->identity;
    s->env.conferences = s->conferences;
    s->env.random = random_u32;
    s->env.now = now_ms;
    arena_init(&s->env.scratch, 16384, 262144);
}

/* Before the first message: capabilities are built and read with it. */
static int set_codecs(const struct settings *settings)
{
    const struct {
        const char *key, *value;
        int (*set)(const char *identifier);
    } row[] = {
        {"media.opus_identifier", settings->media.opus_identifier, h245_set_opus_identifier},
        {"media.h265_identifier", settings->media.h265_identifier, h245_set_h265_identifier},
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int err = row[i].set(row[i].value);

        if (err != 0) {
            log_error(
                LOG_AREA_MAIN, 0, "not an identifier", LOG_S("key", row[i].key),
                LOG_S("expected", "1 to 63 characters of ASCII; digits and dots: an identifier"),
                LOG_S("found", row[i].value));
            return err;
        }
    }
    return 0;
}

static int make_control(struct server *s)
{
    const char *text = "";
    int err = control_create(&s->loop.uv, &s->settings->control, &s->settings->node, &s->control);

    /* Events before methods: a subscription by name must find them. */
    if (err == 0)
        err = control_register_events(s->control, server_events, server_event_count);
    if (err == 0)
        err = server_rpc_register(s);
    if (err == 0 && s->settings->control.lab_methods) {
        err = lab_create(&media_link_ops, s->media, &s->identity, &s->lab);
        if (err == 0)
            err = lab_register(s->lab, control_rpc(s->control));
        /* In the log of every start: with these, SRTP keys leave the process. */
        log_warn(LOG_AREA_CONTROL, 0, "lab methods are on: they tell keying material");
    }
    if (err == 0)
        /* Last: who connects finds all methods. */
        err = control_start(s->control, &text);
    if (err != 0)
        log_error(LOG_AREA_CONTROL, 0, "control socket not opened",
                  LOG_S("path", s->settings->control.path), LOG_S("reason", text),
                  LOG_E("error", err));
    return err;
}

static void publish(void *user, const char *type, json_t *data)
{
    control_publish(((struct server *)user)->control, type, 0, data);
}

static struct session *find_session(void *user, uint64_t id)
{
    return h323_find(((struct server *)user)->h323, id);
}

static unsigned percent(uint64_t used, uint64_t of)
{
    return of == 0 ? 0 : (unsigned)(used * 100 / of);
}

/* Whichever runs out first: sessions, or ports for their media. */
static unsigned load_percent(void *user)
{
    const struct server *s = user;
    unsigned sessions =
        percent(h323_stats_of(s->h323)->sessions, s->settings->signalling.limits.max_sessions);
    struct media_link_stats m;
    unsigned ports;

    media_link_stats_of(s->media, &m);
    ports = percent(m.numbers_in_use, m.numbers_capacity);
    /* The gatekeeper is told of the scarcer of the two (H.225.0 RAI), before a call fails for
     * it. */
    return sessions > ports ? sessions : ports;
}

static int make_gatekeeper(struct server *s)
{
    const struct gatekeeper_config config = {
        .loop = &s->loop.uv,
        .timers = &s->loop.timers,
        .settings = s->settings,
        .random = random_u32,
        .publish = publish,
        .find = find_session,
        .load = load_percent,
        .user = s,
    };
    int err = gatekeeper_create(&config, &s->gatekeeper);

    if (err != 0)
        log_error(LOG_AREA_H225, 0, "no way to the gatekeeper",
                  LOG_ADDR("address", &s->settings->gatekeeper.address), LOG_E("error", err));
    return err;
}

/* ---- signals ---- */

static void stop_begin(struct server *s);

static void on_stop_signal(uv_signal_t *handle, int signum)
{
    struct server *s = handle->data;

    log_info(LOG_AREA_MAIN, 0, "stopping", LOG_I("signal", signum));
    stop_begin(s);
}

static void on_hangup(uv_signal_t *handle, int signum)
{
    (void)signum;
    /* The answer is for the control socket; the log has said the same. */
    json_decref(server_reload(handle->data));
}

static int watch_signals(struct server *s)
{
    struct {
        uv_signal_t *handle;
        int signum;
        uv_signal_cb cb;
    } row[] = {
        {&s->sig_term, SIGTERM, on_stop_signal},
        {&s->sig_int, SIGINT, on_stop_signal},
        {&s->sig_hup, SIGHUP, on_hangup},
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (uv_signal_init(&s->loop.uv, row[i].handle) != 0)
            return ERR_IO;
        row[i].handle->data = s;
        if (uv_signal_start(row[i].handle, row[i].cb, row[i].signum) != 0)
            return ERR_IO;
    }
    return 0;
}

static void unwatch_signals(struct server *s)
{
    uv_signal_t *handles[] = {&s->sig_term, &s->sig_int, &s->sig_hup};

    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        /* data is set where init was reached: closing a handle that was never made would crash. */
        if (handles[i]->data != NULL && !uv_is_closing((uv_handle_t *)handles[i]))
            uv_close((uv_handle_t *)handles[i], NULL);
}

/* ---- shutdown: sessions, then media, then connections, then the control socket ---- */

enum stop_step {
    STOP_SESSIONS,
    STOP_MEDIA,
    STOP_CONNECTIONS,
    STOP_CONTROL,
    STOP_DONE,
};

static void on_media_stopped(void *user)
{
    struct server *s = user;

    s->stop_step = STOP_CONNECTIONS;
}

static void on_control_stopped(void *ctx)
{
    struct server *s = ctx;

    s->is_control_stopped = true;
}

static uint32_t stop_rest(const struct server *s, uint64_t now)
{
    uint64_t rest = s->stop_deadline > now ? s->stop_deadline - now : 0;

    /* However late it is: without a moment no close alert leaves. */
    return rest < STOP_REST_MS ? STOP_REST_MS : (uint32_t)rest;
}

static void stop_next(struct server *s, uint64_t now)
{
    bool is_late = now >= s->stop_deadline;

    /* In order: calls say goodbye while there is signalling, DTLS its close_notify while there are
     * ports, TCP its last octets. */
    if (s->stop_step == STOP_SESSIONS &&
        (is_late || (h323_stats_of(s->h323)->sessions == 0 && lab_is_idle(s->lab)))) {
        if (is_late)
            log_warn(LOG_AREA_MAIN, 0, "sessions did not end in time",
                     LOG_U("sessions", h323_stats_of(s->h323)->sessions));
        s->stop_step = STOP_MEDIA;
        gatekeeper_stop(s->gatekeeper); /* after the calls' disengagements */
        media_link_stop(s->media, stop_rest(s, now), on_media_stopped, s);
    }
    if (s->stop_step == STOP_CONNECTIONS && (is_late || (tcp_stats_of(s->tcp)->connections == 0 &&
                                                         gatekeeper_is_stopped(s->gatekeeper)))) {
        s->stop_step = STOP_CONTROL;
        tcp_stop(s->tcp);
        /* Last, so that an operator sees how it ends. */
        control_stop(s->control, on_control_stopped, s);
    }
    if (s->stop_step == STOP_CONTROL && s->is_control_stopped) {
        s->stop_step = STOP_DONE;
        /* The loop, and with it server_run, is left. */
        loop_stop(&s->loop);
    }
}

static void on_stop_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct server *s = ctx;

    stop_next(s, now);
    /* It may have freed nothing yet: `timer` is part of the server. */
    if (s->stop_step != STOP_DONE)
        timer_start(&s->loop.timers, timer, now + STOP_POLL_MS);
}

static void stop_begin(struct server *s)
{
    uint64_t now = clock_mono_ms();

    if (s->is_stopping)
        /* A second signal does not restart the clock. */
        return;
    s->is_stopping = true;
    s->stop_deadline = now + s->settings->signalling.timers.shutdown_ms;
    /* While there are listeners for it. */
    control_publish(s->control, "server.stopping", 0, json_object());
    h323_stop(s->h323, SESSION_END_SHUTDOWN);
    lab_stop(s->lab);
    timer_start(&s->loop.timers, &s->stop_timer, now);
}

/* ---- the whole ---- */

/* What the loader of the configuration cannot know: the dial plan's own language. */
static int check_dialplan(const struct settings *settings)
{
    const char *what = "";
    int err = dialplan_check(settings, &what);

    if (err != 0)
        log_error(LOG_AREA_MAIN, 0, "dial plan refused", LOG_S("key", what));
    return err;
}

int server_init(struct server *s, struct settings *settings, const char *settings_path)
{
    int err;

    memset(s, 0, sizeof(*s));
    s->settings = settings;
    s->settings_path = settings_path;
    s->began = clock_mono_ms();
    timer_init(&s->stop_timer, on_stop_timer, s);
    /* Before anything that draws from it. */
    s->urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    err = s->urandom >= 0 ? loop_init(&s->loop) : ERR_IO;
    s->is_loop_up = err == 0;
    if (err == 0)
        /* First what depends on the file alone: nothing has to be undone. */
        err = check_dialplan(settings);
    if (err == 0)
        err = set_codecs(settings);
    if (err == 0)
        err = make_identity(s);
    if (err == 0)
        err = make_tls(s);
    if (err == 0)
        err = make_tcp(s);
    if (err == 0)
        err = conferences_create(&s->env, &s->conferences);
    if (err == 0)
        err = make_key_log(s);
    if (err == 0)
        err = make_media(s);
    /* Sessions are made of all above it. */
    if (err == 0) {
        make_env(s);
        err = h323_create(&s->env, s->tcp, &s->h323);
    }
    if (err == 0)
        h323_use_tls(s->h323, s->tls);
    if (err == 0)
        err = make_control(s);
    if (err == 0)
        err = make_gatekeeper(s);
    if (err == 0)
        /* Last: the first call must find everything. */
        err = h323_listen(s->h323);
    if (err == 0)
        err = watch_signals(s);
    if (err != 0) {
        log_error(LOG_AREA_MAIN, 0, "not started", LOG_E("error", err));
        server_fini(s);
    }
    return err;
}

void server_run(struct server *s)
{
    log_info(LOG_AREA_MAIN, 0, "sluiced runs", LOG_S("version", SLUICE_VERSION),
             LOG_S("node", s->settings->node.name), LOG_S("control", s->settings->control.path),
             LOG_U("shards", s->settings->dtls.shards));
    loop_run(&s->loop);
    log_info(LOG_AREA_MAIN, 0, "sluiced has stopped",
             LOG_U("uptime_ms", clock_mono_ms() - s->began));
}

void server_fini(struct server *s)
{
    if (s->is_loop_up) {
        /* The reverse of the making; each is NULL where it was not reached. */
        unwatch_signals(s);
        h323_destroy(s->h323);
        gatekeeper_destroy(s->gatekeeper);
        conferences_destroy(s->conferences);
        if (s->media != NULL)
            media_link_abort(s->media);
        /* Their handles are the loop's: it runs until they are closed. */
        if (s->tcp != NULL)
            tcp_stop(s->tcp);
        if (s->control != NULL && !s->is_control_stopped)
            control_stop(s->control, NULL, NULL);
        loop_fini(&s->loop);
    }
    /* After the loop: callbacks of theirs have run. */
    media_link_destroy(s->media);
    lab_destroy(s->lab);
    tcp_destroy(s->tcp);
    cert_destroy(s->cert);
    tls_keys_destroy(s->tls);
    key_log_close(s->key_log);
    arena_fini(&s->env.scratch);
    if (s->urandom >= 0)
        close(s->urandom);
    /* Sessions, shards and lists point into it. */
    free(s->settings);
    s->settings = NULL;
}
