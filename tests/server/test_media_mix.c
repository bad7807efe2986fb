/* Mixes, files and lists of receivers as the server asks for them, through the real link to real
 * workers that have arrays for devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/cert.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/route.h"
#include "server/loop.h"
#include "server/media/media_link.h"
#include "settings/settings.h"
#include "tests/dpdk-app/rig.h"
#include "tests/suite.h"

#define PORTS    4
#define PATIENCE 20000 /* milliseconds until a wait is given up */

struct owner {
    struct media_port *port;
    unsigned opened, closed, gone, captured;
    int capture_error;
};

struct room {
    struct media_mix *mix;
    unsigned opened, closed, gone, played, recorded, refused, spoke, digits;
    int open_error, play_error, record_error, refuse_error;
    enum link_type refused_what;
    struct media_port *refused_port, *recorded_port;
    uint64_t bytes;
};

static struct loop loop;
static uv_timer_t pump;
static struct rig rig;
static bool is_rig_up, is_stopped;
static char folder[64];
static struct settings *settings;
static struct cert *cert;
static struct media_link *media;
static unsigned attached;
static struct owner owners[PORTS];
static struct room room;

#define WAIT(condition)                                    \
    do {                                                   \
        uint64_t wait_end = clock_mono_ms() + PATIENCE;    \
        while (!(condition) && clock_mono_ms() < wait_end) \
            uv_run(&loop.uv, UV_RUN_ONCE);                 \
        CU_ASSERT_FATAL(condition);                        \
    } while (0)

/* ---- callbacks ---- */

static void on_port_opened(void *user, int err)
{
    ((struct owner *)user)->opened++;
    CU_ASSERT_EQUAL(err, 0);
}

static void on_port_event(void *user, unsigned type, const struct link_event *event)
{
    (void)user;
    (void)type;
    (void)event;
}

static void on_port_gone(void *user, const char *why)
{
    (void)why;
    ((struct owner *)user)->gone++;
}

static void on_port_closed(void *user, const struct link_transport_stats *final)
{
    (void) final;
    ((struct owner *)user)->closed++;
}

static void on_captured(void *user, const struct media_file_end *end)
{
    ((struct owner *)user)->captured++;
    ((struct owner *)user)->capture_error = end->err;
}

static const struct media_callbacks port_callbacks = {.on_opened = on_port_opened,
                                                      .on_event = on_port_event,
                                                      .on_gone = on_port_gone,
                                                      .on_closed = on_port_closed,
                                                      .on_captured = on_captured};

static void on_opened(void *user, int err)
{
    ((struct room *)user)->opened++;
    ((struct room *)user)->open_error = err;
}

static void on_speaker(void *user, struct media_port *port)
{
    ((struct room *)user)->spoke++;
    CU_ASSERT(port == NULL || port == owners[0].port);
}

static void on_digit(void *user, struct media_port *port, char digit, uint32_t ms)
{
    ((struct room *)user)->digits++;
    CU_ASSERT_PTR_EQUAL(port, owners[0].port);
    CU_ASSERT_EQUAL(digit, '7');
    CU_ASSERT_EQUAL(ms, 60);
}

static void on_played(void *user, struct media_port *port, const char *file, int err,
                      const char *why)
{
    struct room *r = user;

    (void)port;
    CU_ASSERT(file[0] != '\0' && why != NULL);
    r->played++;
    r->play_error = err;
}

static void on_recorded(void *user, struct media_port *port, const struct media_file_end *end)
{
    struct room *r = user;

    r->recorded++;
    r->recorded_port = port;
    r->record_error = end->err;
    r->bytes = end->bytes;
    CU_ASSERT_EQUAL(r->closed, 0);
}

static void on_refused(void *user, struct media_port *port, enum link_type what, int err)
{
    struct room *r = user;

    r->refused++;
    r->refused_port = port;
    r->refused_what = what;
    r->refuse_error = err;
}

static void on_gone(void *user, const char *why)
{
    (void)why;
    ((struct room *)user)->gone++;
}

static void on_closed(void *user)
{
    ((struct room *)user)->closed++;
    ((struct room *)user)->mix = NULL;
}

static const struct media_mix_callbacks mix_callbacks = {.on_opened = on_opened,
                                                         .on_speaker = on_speaker,
                                                         .on_digit = on_digit,
                                                         .on_played = on_played,
                                                         .on_recorded = on_recorded,
                                                         .on_refused = on_refused,
                                                         .on_gone = on_gone,
                                                         .on_closed = on_closed};

/* ---- the stage ---- */

static void on_pump(uv_timer_t *timer)
{
    (void)timer;
    if (!is_rig_up)
        return;
    rig.now = clock_mono_ms();
    rig_turn(&rig);
    rig.sent_n = 0;
}

static void on_state(void *user, bool is_attached, const char *text)
{
    (void)user;
    (void)text;
    attached += is_attached;
}

static void on_stopped(void *user)
{
    (void)user;
    is_stopped = true;
}

static void load_settings(void)
{
    static const char text[] =
        "{\"data_plane\":{\"devices\":[{\"name\":\"m\",\"eal\":\"net_null0\"}],"
        "\"addresses\":[{\"address\":\"192.0.2.1/24\"}]},"
        "\"link\":{\"path\":\"/tmp/x\",\"retry_ms\":10},"
        "\"signalling\":{\"listeners\":[{\"name\":\"l\",\"address\":\"127.0.0.1\"}]},"
        "\"conferences\":[{\"alias\":\"demo\"}]}";
    static struct settings_report report;

    settings = malloc(sizeof(*settings));
    CU_ASSERT_EQUAL_FATAL(settings_load_text(text, sizeof(text) - 1, settings, &report), 0);
    snprintf(settings->link.path, sizeof(settings->link.path), "/tmp/sluice-rig-%d.sock",
             (int)getpid());
}

static void rig_up(void)
{
    CU_ASSERT_EQUAL_FATAL(rig_start(&rig, 2), 0);
    is_rig_up = true;
}

static void rig_down(void)
{
    is_rig_up = false;
    rig_stop(&rig);
    CU_ASSERT_EQUAL(rig.buffers, 0);
}

static void begin(void)
{
    struct media_link_config config = {
        .loop = &loop.uv, .timers = &loop.timers, .close_orphans = true, .on_state = on_state};

    log_set_level_all(LOG_LEVEL_OFF);
    memset(owners, 0, sizeof(owners));
    memset(&room, 0, sizeof(room));
    attached = 0;
    is_stopped = false;
    snprintf(folder, sizeof(folder), "/tmp/sluice-mix-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    rig_directories(folder, folder);
    load_settings();
    CU_ASSERT_EQUAL_FATAL(loop_init(&loop), 0);
    CU_ASSERT_EQUAL_FATAL(cert_generate(1, &cert), 0);
    uv_timer_init(&loop.uv, &pump);
    uv_timer_start(&pump, on_pump, 0, 1);
    rig_up();
    config.settings = settings;
    config.cert = cert;
    CU_ASSERT_EQUAL_FATAL(media_link_create(&config, &media), 0);
    WAIT(attached == 1);
}

static void end(void)
{
    media_link_stop(media, 5000, on_stopped, NULL);
    WAIT(is_stopped);
    uv_close((uv_handle_t *)&pump, NULL);
    loop_fini(&loop);
    media_link_destroy(media);
    rig_down();
    cert_destroy(cert);
    free(settings);
    rig_directories("", "");
}

static void remove_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
}

static void remove_folder(void)
{
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* Ports 0…n-1, plain, open, with remotes. */
static void open_ports(unsigned n)
{
    const struct media_request r = {.kind = MEDIA_PLAIN_RTP,
                                    .family = ADDR_IP4,
                                    .place = 1,
                                    .ends_rtcp = true,
                                    .session = "7",
                                    .conference = "room"};

    for (unsigned i = 0; i < n; i++) {
        const uint8_t ip[4] = {192, 0, 2, (uint8_t)(10 + i)};
        struct addr rtp = addr_from_ip4(ip, (uint16_t)(4000 + i));
        struct addr rtcp = addr_from_ip4(ip, (uint16_t)(5000 + i));

        CU_ASSERT_EQUAL_FATAL(
            media_link_ops.open(media, &r, &port_callbacks, &owners[i], &owners[i].port), 0);
        CU_ASSERT_EQUAL(media_link_ops.set_remote(owners[i].port, &rtp, &rtcp), 0);
    }
    for (unsigned i = 0; i < n; i++)
        WAIT(owners[i].opened == 1);
}

static struct media_mix_member member(void)
{
    return (struct media_mix_member){.rx = {{8, LINK_CODEC_PCMA}},
                                     .rx_count = 1,
                                     .event_pt = 101,
                                     .event_clock = 48000,
                                     .tx_codec = LINK_CODEC_PCMA,
                                     .tx_pt = 8,
                                     .ptime = 20};
}

static void open_room(unsigned members_max)
{
    const struct media_mix_request r = {
        .place = 1, .conference = "room", .rate = 8000, .members_max = members_max};

    CU_ASSERT_EQUAL_FATAL(media_link_ops.mix_open(media, &r, &mix_callbacks, &room, &room.mix), 0);
}

static unsigned members_now(void)
{
    struct link_mix_stats s;

    return room.mix != NULL && media_link_ops.mix_stats(room.mix, &s) == 0 ? (unsigned)s.members
                                                                           : 99;
}

/* A packet of port i's peer. */
static void say(unsigned i, const uint8_t *rtp, unsigned length)
{
    uint8_t frame[RIG_FRAME];

    rig_frame(&rig, 1, frame,
              rig_udp(frame, i, media_link_ops.local(owners[i].port).port, rtp, length));
}

static struct transport *transport_of(unsigned i)
{
    uint32_t entry = atomic_load(&rig.plane.port[0][media_link_ops.local(owners[i].port).port]) - 1;

    return &rig.worker[entry >> 24]->transport[entry & 0xffffff];
}

/* ---- tests ---- */

static void members_that_join_before_the_room_is_there(void)
{
    struct media_mix_member m = member();
    struct link_transport_stats stats;
    uint8_t rtp[172];

    begin();
    open_ports(3);
    open_room(2);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[0].port, &m), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[1].port, &m), 0);
    CU_ASSERT_EQUAL(room.opened, 0); /* no callback from inside */
    WAIT(room.opened == 1);
    CU_ASSERT_EQUAL(room.open_error, 0);
    WAIT(members_now() == 2);
    say(0, rtp, rig_rtp(rtp, 7, 1, 8));
    WAIT(media_link_ops.stats(owners[0].port, &stats) == 0 && stats.mix_in == 1);
    /* One too many is refused, and may try again. */
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[2].port, &m), 0);
    WAIT(room.refused == 1);
    CU_ASSERT_EQUAL(room.refuse_error, ERR_LIMIT);
    CU_ASSERT_EQUAL(room.refused_what, LINK_MIX_JOIN);
    CU_ASSERT_PTR_EQUAL(room.refused_port, owners[2].port);
    CU_ASSERT_EQUAL(media_link_ops.mix_leave(room.mix, owners[2].port), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(media_link_ops.mix_leave(room.mix, owners[1].port), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[2].port, &m), 0);
    WAIT(members_now() == 2);
    /* A change that is refused leaves the member as it is. */
    m.ptime = 30;
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[2].port, &m), 0);
    WAIT(room.refused == 2);
    CU_ASSERT_EQUAL(room.refuse_error, ERR_UNSUPPORTED);
    CU_ASSERT_EQUAL(members_now(), 2);
    media_link_ops.close(owners[2].port);
    WAIT(owners[2].closed == 1 && members_now() == 1);
    media_link_ops.mix_close(room.mix);
    WAIT(room.closed == 1);
    CU_ASSERT_EQUAL(rig_count(&rig, 1, LINK_COUNTER_mixes), 0);
    end();
    remove_folder();
}

static void speakers_and_digits_are_told(void)
{
    struct media_mix_member m = member();
    uint8_t rtp[172], event[16] = {0x80, 0x80 | 101, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 7};
    uint16_t sequence = 1;

    begin();
    open_ports(2);
    open_room(8);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[0].port, &m), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[1].port, &m), 0);
    WAIT(members_now() == 2);
    for (uint64_t until = clock_mono_ms() + PATIENCE, next = 0;
         room.spoke == 0 && clock_mono_ms() < until;) {
        if (clock_mono_ms() >= next) {
            unsigned n = rig_rtp(rtp, 7, sequence++, 8);

            for (unsigned k = 12; k < n; k++) /* a loud square wave */
                rtp[k] = k / 8 % 2 ? 0xaa : 0x2a;
            say(0, rtp, n);
            next = clock_mono_ms() + 20;
        }
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
    CU_ASSERT_EQUAL(room.spoke, 1);
    event[12] = 7;
    event[13] = 0x8a;
    event[15] = 0x40; /* 2880 at 48000: 60 ms */
    event[14] = 0x0b;
    for (unsigned k = 0; k < 3; k++) {
        event[2] = (uint8_t)(sequence >> 8);
        event[3] = (uint8_t)sequence++;
        say(0, event, sizeof(event));
    }
    WAIT(room.digits == 1);
    media_link_ops.mix_close(room.mix);
    WAIT(room.closed == 1);
    CU_ASSERT_EQUAL(room.digits, 1);
    end();
    remove_folder();
}

static void files_end_with_their_reasons(void)
{
    struct media_mix_member m = member();

    begin();
    open_ports(2);
    open_room(8);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[0].port, &m), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, NULL, "a/b.wav", 0), ERR_INVAL);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, owners[1].port, "b.wav", 0), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, NULL, "all.wav", 0), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, NULL, "more.wav", 0), ERR_EXISTS);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, owners[0].port, "one.wav", 0), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_play(room.mix, owners[0].port, "missing.wav"), 0);
    WAIT(room.played == 1);
    CU_ASSERT_EQUAL(room.play_error, ERR_NOTFOUND);
    CU_ASSERT_EQUAL(media_link_ops.mix_stop_play(room.mix, owners[0].port), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(media_link_ops.mix_stop_record(room.mix, owners[0].port), 0);
    WAIT(room.recorded == 1);
    CU_ASSERT_PTR_EQUAL(room.recorded_port, owners[0].port);
    CU_ASSERT_EQUAL(room.record_error, 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_stop_record(room.mix, owners[0].port), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(media_link_ops.capture(owners[1].port, "t.pcap", 0), 0);
    CU_ASSERT_EQUAL(media_link_ops.capture(owners[1].port, "u.pcap", 0), ERR_EXISTS);
    CU_ASSERT_EQUAL(media_link_ops.stop_capture(owners[1].port), 0);
    WAIT(owners[1].captured == 1);
    CU_ASSERT_EQUAL(owners[1].capture_error, 0);
    CU_ASSERT_EQUAL(media_link_ops.capture(owners[1].port, "t.pcap", 0), 0);
    WAIT(owners[1].captured == 2);
    CU_ASSERT_EQUAL(owners[1].capture_error, ERR_EXISTS); /* nothing is overwritten */
    /* The port takes the capture along, and its end is told before that of the port. */
    CU_ASSERT_EQUAL(media_link_ops.capture(owners[1].port, "v.pcap", 0), 0);
    media_link_ops.close(owners[1].port);
    WAIT(owners[1].closed == 1);
    CU_ASSERT_EQUAL(owners[1].captured, 3);
    CU_ASSERT_EQUAL(owners[1].capture_error, 0);
    /* The recording of the room ends with it, and is told before. */
    media_link_ops.mix_close(room.mix);
    WAIT(room.closed == 1);
    CU_ASSERT_EQUAL(room.recorded, 2);
    CU_ASSERT_PTR_NULL(room.recorded_port);
    CU_ASSERT(room.bytes >= 44);
    end();
    remove_file("all.wav");
    remove_file("one.wav");
    remove_file("t.pcap");
    remove_file("v.pcap");
    remove_folder();
}

/* What a member was recorded to ends when its call does: who asked for it wants to know that. */
static void recording_of_a_port_that_closes_is_told(void)
{
    struct media_mix_member m = member();

    begin();
    open_ports(2);
    open_room(8);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[0].port, &m), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, owners[0].port, "gone.wav", 0), 0);
    WAIT(members_now() == 1);
    media_link_ops.close(owners[0].port);
    WAIT(room.recorded == 1);
    CU_ASSERT_EQUAL(room.record_error, 0);
    CU_ASSERT_PTR_NULL(room.recorded_port);
    CU_ASSERT(room.bytes >= 44);
    media_link_ops.mix_close(room.mix);
    WAIT(room.closed == 1);
    CU_ASSERT_EQUAL(room.recorded, 1);
    end();
    remove_file("gone.wav");
    remove_folder();
}

static void table_and_list_take_turns(const struct media_receiver *row)
{
    struct media_route route = {.to = owners[1].port, .pt_in = 8, .pt_out = 8, .lane = 1};

    CU_ASSERT_EQUAL(media_link_ops.route(owners[0].port, &route, 1), 0);
    WAIT(transport_of(0)->fan != NULL && transport_of(0)->fan->row[0].pt_in == 8);
    CU_ASSERT_EQUAL(transport_of(0)->fan->count, 1);
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, row, 1), 0);
    WAIT(transport_of(0)->fan != NULL && transport_of(0)->fan->row[0].to == transport_of(2)->index);
    CU_ASSERT_EQUAL(transport_of(0)->fan->count, 1);
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, NULL, 0), 0);
    WAIT(transport_of(0)->fan == NULL);
}

static void lists_of_receivers_change_without_touching_the_rest(void)
{
    struct media_receiver rows[3];
    const struct fan *fan;
    uint32_t order;

    begin();
    open_ports(4);
    rows[0] =
        (struct media_receiver){owners[1].port, MEDIA_PT_ANY, MEDIA_PT_ANY, 3, true, 90000, 0};
    rows[1] = (struct media_receiver){owners[2].port, MEDIA_PT_ANY, 97, 3, true, 90000, 0};
    rows[2] =
        (struct media_receiver){owners[3].port, MEDIA_PT_ANY, MEDIA_PT_ANY, 255, true, 90000, 0};
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, rows, 3),
                    ERR_INVAL); /* the mix's lane */
    rows[2].lane = 3;
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, rows, 3), 0);
    WAIT(transport_of(0)->fan != NULL && transport_of(0)->fan->count == 3);
    fan = transport_of(0)->fan;
    order = fan->row[1].order;
    CU_ASSERT_EQUAL(fan->row[0].to, transport_of(1)->index);
    CU_ASSERT_EQUAL(fan->row[1].pt_out, 97);
    CU_ASSERT_EQUAL(fan->row[0].ssrc_out & 0xff, 3);
    /* The first one goes; the second stays as it is, so that nobody is asked for a key frame. */
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, rows + 1, 2), 0);
    WAIT(transport_of(0)->fan->count == 2);
    CU_ASSERT_EQUAL(transport_of(0)->fan->row[0].order, order);
    /* Another source for the stream of the last. */
    CU_ASSERT_EQUAL(media_link_ops.switch_source(owners[1].port, owners[0].port, &rows[2]), 0);
    WAIT(transport_of(1)->fan != NULL && transport_of(0)->fan->count == 1);
    CU_ASSERT_EQUAL(transport_of(1)->fan->row[0].to, transport_of(3)->index);
    /* A video source takes over with its key frame: told again otherwise, the row is the same. */
    rows[2].key = LINK_KEY_H264;
    order = transport_of(1)->fan->row[0].order;
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[1].port, &rows[2], 1), 0);
    WAIT(transport_of(1)->fan->row[0].key == LINK_KEY_H264);
    CU_ASSERT_EQUAL(transport_of(1)->fan->row[0].order, order);
    /* What was told of the others still holds: nothing changes. */
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, rows + 1, 1), 0);
    CU_ASSERT_EQUAL(media_link_ops.switch_source(owners[0].port, NULL, &rows[2]), 0);
    WAIT(transport_of(0)->fan->count == 2);
    CU_ASSERT_EQUAL(media_link_ops.let_go(owners[1].port, &rows[2]), 0);
    WAIT(transport_of(1)->fan == NULL);
    /* A receiver that closes is nobody's any more. */
    media_link_ops.close(owners[3].port);
    CU_ASSERT_EQUAL(media_link_ops.let_go(owners[1].port, &rows[2]), ERR_STATE);
    WAIT(owners[3].closed == 1);
    WAIT(transport_of(0)->fan->count == 1);
    table_and_list_take_turns(&rows[1]);
    end();
    remove_folder();
}

static void rows_refused_by_a_full_queue_are_sent_again(void)
{
    struct media_receiver row;
    struct media_route route;
    struct addr to = {.family = ADDR_NONE};
    unsigned sent = 0;

    begin();
    open_ports(2);
    row = (struct media_receiver){owners[1].port, MEDIA_PT_ANY, MEDIA_PT_ANY, 3, true, 90000};
    route = (struct media_route){.to = owners[0].port, .pt_in = 8, .pt_out = 8, .lane = 1};
    CU_ASSERT_EQUAL_FATAL(addr_parse("127.0.0.1:5004", &to), 0);
    /* Nobody reads while this loop runs. */
    while (sent < 100000 && media_link_ops.set_remote(owners[1].port, &to, &to) == 0)
        sent++;
    CU_ASSERT(sent > 0 && sent < 100000);
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, &row, 1), ERR_AGAIN);
    CU_ASSERT_EQUAL(media_link_ops.switch_source(owners[0].port, NULL, &row), ERR_AGAIN);
    CU_ASSERT_EQUAL(media_link_ops.route(owners[1].port, &route, 1), ERR_AGAIN);
    WAIT(media_link_ops.set_remote(owners[1].port, &to, &to) == 0);
    CU_ASSERT_EQUAL(media_link_ops.forward(owners[0].port, &row, 1), 0);
    CU_ASSERT_EQUAL(media_link_ops.route(owners[1].port, &route, 1), 0);
    WAIT(transport_of(0)->fan != NULL && transport_of(0)->fan->count == 1);
    WAIT(transport_of(1)->fan != NULL && transport_of(1)->fan->count == 1);
    end();
    remove_folder();
}

static void lost_data_plane_is_told_and_rooms_are_limited(void)
{
    struct media_mix_member m = member();
    struct room more[RIG_MIXES + 1];
    const struct media_mix_request r = {.place = 0, .rate = 8000, .members_max = 2};
    const struct media_mix_request bad = {.place = 0, .rate = 44100, .members_max = 2};
    struct media_mix *mix = NULL;

    begin();
    memset(more, 0, sizeof(more));
    CU_ASSERT_EQUAL(media_link_ops.mix_open(media, &bad, &mix_callbacks, &more[0], &mix),
                    ERR_INVAL);
    for (unsigned i = 0; i <= RIG_MIXES; i++)
        CU_ASSERT_EQUAL(media_link_ops.mix_open(media, &r, &mix_callbacks, &more[i], &more[i].mix),
                        0);
    for (unsigned i = 0; i <= RIG_MIXES; i++)
        WAIT(more[i].opened == 1);
    CU_ASSERT_EQUAL(more[0].open_error, 0);
    CU_ASSERT_EQUAL(more[RIG_MIXES].open_error, ERR_LIMIT);
    for (unsigned i = 0; i <= RIG_MIXES; i++)
        media_link_ops.mix_close(more[i].mix);
    for (unsigned i = 0; i <= RIG_MIXES; i++)
        WAIT(more[i].closed == 1);
    open_ports(1);
    open_room(4);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[0].port, &m), 0);
    CU_ASSERT_EQUAL(media_link_ops.mix_record(room.mix, NULL, "lost.wav", 0), 0);
    WAIT(members_now() == 1);
    rig_down();
    WAIT(room.gone == 1 && owners[0].gone == 1);
    CU_ASSERT_EQUAL(room.recorded, 1);
    CU_ASSERT_EQUAL(room.record_error, ERR_CLOSED);
    CU_ASSERT_EQUAL(media_link_ops.mix_join(room.mix, owners[0].port, &m), ERR_STATE);
    media_link_ops.mix_close(room.mix);
    media_link_ops.close(owners[0].port);
    WAIT(room.closed == 1 && owners[0].closed == 1);
    CU_ASSERT_EQUAL(media_link_ops.mix_open(media, &r, &mix_callbacks, &room, &mix), ERR_CLOSED);
    rig_up();
    WAIT(attached == 2);
    /* A room that is closed before it is there, and one that the end finds open. */
    memset(&room, 0, sizeof(room));
    open_room(4);
    media_link_ops.mix_close(room.mix);
    WAIT(room.closed == 1);
    CU_ASSERT_EQUAL(room.opened, 0);
    open_room(4);
    WAIT(rig_count(&rig, 1, LINK_COUNTER_mixes) == 1);
    end();
    remove_file("lost.wav");
    remove_folder();
}

SUITE("server/media_mix", TEST(members_that_join_before_the_room_is_there),
      TEST(speakers_and_digits_are_told), TEST(files_end_with_their_reasons),
      TEST(recording_of_a_port_that_closes_is_told),
      TEST(lists_of_receivers_change_without_touching_the_rest),
      TEST(rows_refused_by_a_full_queue_are_sent_again),
      TEST(lost_data_plane_is_told_and_rooms_are_limited))
