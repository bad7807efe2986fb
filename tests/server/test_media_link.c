/* Media ports over the real link and real shards, with a data plane that has no packets: two ports
 * shake hands with each other through it. Threads are real here; run it under TSan too. */
#include "server/media/media_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/cert.h"
#include "server/loop.h"
#include "server/media/link_addr.h"
#include "settings/settings.h"
#include "tests/link/fake_dp.h"
#include "tests/suite.h"

#define PORTS    12
#define PATIENCE 20000 /* milliseconds until a wait is given up */
#define PUMP_MS  1

/* What a port's owner has heard. */
struct owner {
    struct media_port *port;
    unsigned opened, established, keyed, failed, peer_closed, stranger, event, gone, closed;
    int open_error;
    enum dtls_failure why;
    char keys[2][32]; /* of a lab port: local, remote */
};

static struct loop loop;
static struct fake_dp dp;
static bool is_dp_up;
static uv_timer_t pump;
static char path[64];
static struct settings *settings;
static struct cert *cert;
static struct fingerprint fp;
static struct media_link *media;
static unsigned attached, detached;
static bool is_stopped;
static struct owner owners[PORTS];
static bool alert_before_close; /* hook: the order in which they came */
static unsigned alerts, closes;
static unsigned failed_at_alert; /* hook: owner 0 had heard by the time the first alert came out */
static int open_answer;

/* ---- owner's callbacks ---- */

static void on_opened(void *user, int err)
{
    struct owner *o = user;

    o->opened++;
    o->open_error = err;
}

static void on_established(void *user, const struct media_established *e)
{
    struct owner *o = user;

    o->established++;
    CU_ASSERT(fingerprint_equal(e->peer, &fp));
    if (e->local != NULL) {
        memcpy(o->keys[0], e->local->key, 16);
        memcpy(o->keys[1], e->remote->key, 16);
    }
}

static void on_keyed(void *user)
{
    ((struct owner *)user)->keyed++;
}

static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    struct owner *o = user;

    (void)text;
    o->failed++;
    o->why = why;
}

static void on_peer_closed(void *user)
{
    ((struct owner *)user)->peer_closed++;
}

static void on_stranger(void *user, const struct addr *from, uint64_t count)
{
    (void)from;
    (void)count;
    ((struct owner *)user)->stranger++;
}

static void on_event(void *user, unsigned type, const struct link_event *event)
{
    (void)type;
    (void)event;
    ((struct owner *)user)->event++;
}

static void on_gone(void *user, const char *why)
{
    (void)why;
    ((struct owner *)user)->gone++;
}

static void on_closed(void *user, const struct link_transport_stats *final)
{
    struct owner *o = user;

    (void) final;
    o->closed++;
    o->port = NULL;
}

static const struct media_callbacks callbacks = {
    .on_opened = on_opened,
    .on_established = on_established,
    .on_keyed = on_keyed,
    .on_failed = on_failed,
    .on_peer_closed = on_peer_closed,
    .on_stranger = on_stranger,
    .on_event = on_event,
    .on_gone = on_gone,
    .on_closed = on_closed,
};

/* ---- the data plane: what one transport sends to another's address arrives there ---- */

static const struct link_transport_info *transport_of_port(uint16_t port, unsigned *worker)
{
    for (unsigned w = 0; w < dp.workers; w++)
        for (unsigned i = 0; i < FAKE_DP_TRANSPORTS; i++)
            if (dp.info[w][i].id.generation != 0 && dp.info[w][i].local.port == port) {
                *worker = w;
                return &dp.info[w][i];
            }
    return NULL;
}

static void carry(unsigned from_worker, const struct link_msg *msg)
{
    const struct link_transport_info *from =
        &dp.info[from_worker][(msg->transport & 0xffffff) % FAKE_DP_TRANSPORTS];
    unsigned worker = 0;
    const struct link_transport_info *to = transport_of_port(msg->u.dtls.peer.port, &worker);
    struct link_msg up = *msg;

    if (to == NULL)
        return;
    up.type = LINK_DTLS_RX;
    up.transport = to->id.index;
    up.generation = to->id.generation;
    memset(&up.u.dtls.peer, 0, sizeof(up.u.dtls.peer));
    up.u.dtls.peer.family = 4;
    up.u.dtls.peer.port = from->local.port;
    memcpy(up.u.dtls.peer.ip, (const uint8_t[]){192, 0, 2, 1}, 4);
    (void)fake_dp_send(&dp, worker, to->producer, &up);
}

static int on_command(void *context, unsigned worker, unsigned producer, const struct link_msg *msg)
{
    (void)context;
    (void)producer;
    if (msg->type == LINK_DTLS_TX) {
        if (msg->u.dtls.data[0] == 21 && alerts++ == 0) {
            media_link_take_reports(media);
            failed_at_alert = owners[0].failed;
        }
        carry(worker, msg);
    }
    if (msg->type == LINK_TRANSPORT_CLOSE) {
        closes++;
        alert_before_close = alerts >= closes;
    }
    return msg->type == LINK_TRANSPORT_OPEN ? open_answer : 0;
}

static void on_pump(uv_timer_t *timer)
{
    (void)timer;
    if (is_dp_up)
        fake_dp_pump(&dp, clock_mono_ms());
}

static void dp_up(void)
{
    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 2), 0);
    dp.on_command = on_command;
    is_dp_up = true;
}

static void dp_down(void)
{
    is_dp_up = false;
    fake_dp_stop(&dp);
}

/* ---- the stage ---- */

static void on_state(void *user, bool is_attached, const char *text)
{
    (void)user;
    (void)text;
    attached += is_attached;
    detached += !is_attached;
}

static void on_stopped(void *user)
{
    (void)user;
    is_stopped = true;
}

/* Runs the loop until the condition holds. */
#define WAIT(condition)                                    \
    do {                                                   \
        uint64_t wait_end = clock_mono_ms() + PATIENCE;    \
        while (!(condition) && clock_mono_ms() < wait_end) \
            uv_run(&loop.uv, UV_RUN_ONCE);                 \
        CU_ASSERT_FATAL(condition);                        \
    } while (0)

static void load_settings(void)
{
    static const char text[] =
        "{\"data_plane\":{\"devices\":[{\"name\":\"m\",\"eal\":\"net_null0\"}],"
        "\"addresses\":[{\"address\":\"192.0.2.1/24\"}]},"
        "\"dtls\":{\"shards\":2,\"handshake_timeout_ms\":3000},\"link\":{\"path\":\"/tmp/"
        "x\",\"retry_ms\":10},"
        "\"signalling\":{\"listeners\":[{\"name\":\"l\",\"address\":\"127.0.0.1\"}]},"
        "\"conferences\":[{\"alias\":\"demo\"}]}";
    static struct settings_report report;

    settings = malloc(sizeof(*settings));
    CU_ASSERT_EQUAL_FATAL(settings_load_text(text, sizeof(text) - 1, settings, &report), 0);
    snprintf(settings->link.path, sizeof(settings->link.path), "%s", path);
}

static void make_media(void)
{
    const struct media_link_config config = {
        .loop = &loop.uv,
        .timers = &loop.timers,
        .settings = settings,
        .cert = cert,
        .close_orphans = true,
        .on_state = on_state,
    };

    is_stopped = false;
    CU_ASSERT_EQUAL_FATAL(media_link_create(&config, &media), 0);
}

static void begin(void)
{
    log_set_level_all(LOG_LEVEL_OFF);
    memset(owners, 0, sizeof(owners));
    attached = detached = alerts = closes = failed_at_alert = 0;
    open_answer = 0;
    snprintf(path, sizeof(path), "/tmp/sluice-test-media-%d.sock", (int)getpid());
    load_settings();
    CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
    CU_ASSERT_EQUAL_FATAL(cert_generate(1, &cert), 0);
    CU_ASSERT_EQUAL(cert_fingerprint(cert, FINGERPRINT_SHA256, &fp), 0);
    uv_timer_init(&loop.uv, &pump);
    uv_timer_start(&pump, on_pump, 0, PUMP_MS);
    dp_up();
    make_media();
    WAIT(attached == 1);
}

static void end_media(void)
{
    media_link_stop(media, 5000, on_stopped, NULL);
    WAIT(is_stopped);
}

static void end(void)
{
    end_media();
    uv_close((uv_handle_t *)&pump, NULL);
    loop_fini(&loop);
    media_link_destroy(media);
    dp_down();
    cert_destroy(cert);
    free(settings);
}

static struct owner *open_port(size_t i, enum media_kind kind)
{
    const struct media_request r = {.kind = kind,
                                    .family = ADDR_IP4,
                                    .place = (uint32_t)(i / 2),
                                    .is_lab = true,
                                    .session = "7",
                                    .conference = "demo"};

    CU_ASSERT_EQUAL_FATAL(media_link_ops.open(media, &r, &callbacks, &owners[i], &owners[i].port),
                          0);
    return &owners[i];
}

static uint64_t open_now(void)
{
    struct media_link_stats st;

    media_link_stats_of(media, &st);
    return st.ports_open + st.numbers_in_use;
}

/* Two ports that shake hands. */
static void pair(size_t i, const struct fingerprint *expected)
{
    struct owner *a = open_port(i, MEDIA_DTLS_SRTP);
    struct owner *b = open_port(i + 1, MEDIA_DTLS_SRTP);
    struct addr to_a = media_link_ops.local(a->port);
    struct addr to_b = media_link_ops.local(b->port);

    CU_ASSERT_EQUAL(media_link_ops.associate(a->port, true, &fp, 1), ERR_STATE); /* no remote yet */
    CU_ASSERT_EQUAL(media_link_ops.set_remote(a->port, &to_b, NULL), 0);
    CU_ASSERT_EQUAL(media_link_ops.set_remote(b->port, &to_a, NULL), 0);
    CU_ASSERT_EQUAL(media_link_ops.associate(a->port, true, expected, 1), 0);
    CU_ASSERT_EQUAL(media_link_ops.associate(b->port, false, &fp, 1), 0);
    CU_ASSERT_EQUAL(media_link_ops.associate(b->port, false, &fp, 1), ERR_EXISTS);
}

static int route_all(struct media_port *from, struct media_port *to)
{
    const struct media_route row = {to, MEDIA_PT_ANY, MEDIA_PT_ANY};

    return media_link_ops.route(from, &row, 1);
}

/* ---- tests ---- */

static void pairs_on_two_shards_are_keyed_and_closed(void)
{
    begin();
    for (size_t i = 0; i < PORTS; i += 2)
        pair(i, &fp);
    for (size_t i = 0; i < PORTS; i++)
        WAIT(owners[i].keyed == 1);
    for (size_t i = 0; i < PORTS; i += 2) {
        CU_ASSERT_EQUAL(owners[i].opened, 1);
        CU_ASSERT_EQUAL(memcmp(owners[i].keys[0], owners[i + 1].keys[1], 16), 0);
        CU_ASSERT_EQUAL(route_all(owners[i].port, owners[i + 1].port), 0);
    }
    WAIT(dp.routes.count == 1);
    for (size_t i = 0; i < PORTS; i += 2)
        media_link_ops.close(owners[i].port);
    for (size_t i = 0; i < PORTS; i += 2) {
        WAIT(owners[i].closed == 1);
        WAIT(owners[i + 1].peer_closed == 1); /* the alert had left before the transport closed */
    }
    CU_ASSERT(alert_before_close);
    for (size_t i = 1; i < PORTS; i += 2) {
        media_link_ops.close(owners[i].port);
        WAIT(owners[i].closed == 1);
    }
    CU_ASSERT_EQUAL(open_now(), 0);
    end();
}

static void mismatch_gives_no_keys_to_the_data_plane(void)
{
    struct fingerprint wrong;

    begin();
    wrong = fp;
    wrong.digest[0] ^= 0x80;
    pair(0, &wrong);
    WAIT(owners[0].failed == 1);
    CU_ASSERT_EQUAL(owners[0].why, DTLS_FAIL_FINGERPRINT);
    WAIT(alerts >= 1);                   /* the report may be here before it */
    CU_ASSERT_EQUAL(failed_at_alert, 1); /* whatever the peer does about the alert, it is later */
    WAIT(owners[1].failed == 1 || owners[1].peer_closed == 1);
    CU_ASSERT_EQUAL(owners[0].keyed + owners[0].established, 0);
    CU_ASSERT_EQUAL(dp.info[0][0].profile, 0);
    media_link_ops.close(owners[0].port);
    media_link_ops.close(owners[1].port);
    WAIT(owners[0].closed == 1 && owners[1].closed == 1);
    CU_ASSERT_EQUAL(open_now(), 0);
    end();
}

static void plain_port_is_two_transports(void)
{
    struct owner *o;
    struct addr remote;

    begin();
    o = open_port(0, MEDIA_PLAIN_RTP);
    remote = media_link_ops.local(o->port);
    CU_ASSERT_EQUAL(remote.port % 2, 0);
    CU_ASSERT_EQUAL(media_link_ops.associate(o->port, true, &fp, 1), ERR_INVAL);
    WAIT(o->opened == 1);
    CU_ASSERT_EQUAL(o->open_error, 0);
    CU_ASSERT_EQUAL(dp.info[0][0].mode, LINK_MODE_RTP);
    CU_ASSERT_EQUAL(dp.info[0][1].mode, LINK_MODE_RTCP);
    CU_ASSERT_EQUAL(dp.info[0][1].local.port, remote.port + 1);
    CU_ASSERT_EQUAL(route_all(o->port, o->port), 0);
    WAIT(dp.routes.count == 1);
    CU_ASSERT_EQUAL(dp.routes.rtcp.index, dp.info[0][1].id.index);
    media_link_ops.close(o->port);
    WAIT(o->closed == 1);
    CU_ASSERT_EQUAL(closes, 2);
    CU_ASSERT_EQUAL(open_now(), 0);
    end();
}

static void refused_open_is_told_and_leaves_nothing(void)
{
    struct owner *o;

    begin();
    open_answer = ERR_LIMIT;
    o = open_port(0, MEDIA_DTLS_SRTP);
    WAIT(o->opened == 1);
    CU_ASSERT_EQUAL(o->open_error, ERR_LIMIT);
    media_link_ops.close(o->port);
    WAIT(o->closed == 1);
    CU_ASSERT_EQUAL(open_now(), 0);
    end();
}

static void close_before_open_is_answered_closes_in_the_end(void)
{
    struct owner *o;

    begin();
    o = open_port(0, MEDIA_DTLS_SRTP);
    media_link_ops.close(o->port);
    CU_ASSERT_EQUAL(o->closed, 0);
    WAIT(o->closed == 1);
    CU_ASSERT_EQUAL(o->opened, 0);
    CU_ASSERT_EQUAL(closes, 1);
    CU_ASSERT_EQUAL(open_now(), 0);
    end();
}

static void lost_data_plane_is_told_and_the_next_one_serves(void)
{
    struct owner *o;

    begin();
    pair(0, &fp);
    WAIT(owners[0].keyed == 1 && owners[1].keyed == 1);
    o = open_port(2, MEDIA_PLAIN_RTP); /* its OPEN is never answered */
    dp_down();
    WAIT(detached == 1);
    CU_ASSERT(owners[0].gone == 1 && owners[1].gone == 1);
    WAIT(o->opened == 1);
    CU_ASSERT_EQUAL(o->open_error, ERR_CLOSED);
    for (size_t i = 0; i < 3; i++)
        media_link_ops.close(owners[i].port);
    WAIT(owners[0].closed == 1 && owners[1].closed == 1 && o->closed == 1);
    memset(owners, 0, sizeof(owners));
    dp_up();
    WAIT(attached == 2);
    pair(0, &fp);
    WAIT(owners[0].keyed == 1 && owners[1].keyed == 1);
    media_link_ops.close(owners[0].port);
    media_link_ops.close(owners[1].port);
    WAIT(owners[0].closed == 1 && owners[1].closed == 1);
    CU_ASSERT_EQUAL(open_now(), 0);
    end();
}

static size_t transports_open(void)
{
    size_t n = 0;

    for (unsigned w = 0; w < dp.workers; w++)
        for (unsigned i = 0; i < FAKE_DP_TRANSPORTS; i++)
            n += dp.info[w][i].id.generation != 0;
    return n;
}

static void orphans_of_an_earlier_server_are_closed(void)
{
    begin();
    open_port(0, MEDIA_PLAIN_RTP);
    open_port(1, MEDIA_DTLS_SRTP);
    WAIT(owners[0].opened == 1 && owners[1].opened == 1);
    CU_ASSERT_EQUAL(transports_open(), 3);
    media_link_abort(media); /* dies without a word */
    for (int i = 0; i < 10; i++)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    media_link_destroy(media);
    make_media();
    WAIT(attached == 2);
    WAIT(transports_open() == 0);
    WAIT(open_now() == 0); /* and their numbers are free again */
    end();
}

static void stop_says_goodbye_to_open_ports(void)
{
    begin();
    pair(0, &fp);
    WAIT(owners[0].keyed == 1 && owners[1].keyed == 1);
    alerts = closes = 0;
    end_media();
    WAIT(closes == 2);
    CU_ASSERT(alerts >= 1);
    uv_close((uv_handle_t *)&pump, NULL);
    loop_fini(&loop);
    media_link_destroy(media);
    dp_down();
    cert_destroy(cert);
    free(settings);
}

static void no_data_plane_refuses_ports(void)
{
    const struct media_request r = {.kind = MEDIA_DTLS_SRTP, .family = ADDR_IP4};
    const struct media_request six = {.kind = MEDIA_DTLS_SRTP, .family = ADDR_IP6};
    struct media_port *port = NULL;

    begin();
    CU_ASSERT_EQUAL(media_link_ops.open(media, &six, &callbacks, &owners[0], &port), ERR_NOTFOUND);
    dp_down();
    WAIT(detached == 1);
    CU_ASSERT_EQUAL(media_link_ops.open(media, &r, &callbacks, &owners[0], &port), ERR_CLOSED);
    CU_ASSERT_PTR_NULL(port);
    dp_up();
    WAIT(attached == 2);
    end();
}

SUITE("server/media_link", TEST(pairs_on_two_shards_are_keyed_and_closed),
      TEST(mismatch_gives_no_keys_to_the_data_plane), TEST(plain_port_is_two_transports),
      TEST(refused_open_is_told_and_leaves_nothing),
      TEST(close_before_open_is_answered_closes_in_the_end),
      TEST(lost_data_plane_is_told_and_the_next_one_serves),
      TEST(orphans_of_an_earlier_server_are_closed), TEST(stop_says_goodbye_to_open_ports),
      TEST(no_data_plane_refuses_ports))
