/* A lane of sluice-bench pipeline: a worker with calls, and memory for its network. */
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "bench/bench_pipeline_priv.h"
#include "link/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD         128u
#define TAIL         64u
#define STRIDE       (2048u + HEAD)     /* a buffer of sluice-dp's pool */
#define POOL_BYTES   (4u * 1024 * 1024) /* whole huge pages, as DPDK's are */
#define PASSES       4u
#define PASS_PACKETS 2048u /* of a pass at least: ten calls must be measured too */
#define PORT_FIRST   1024u
#define HOSTS        200u /* remotes share so many Ethernet addresses */
#define FRAME_MS     20u

/* ---- the network ---- */

static unsigned no_packets(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    (void)io;
    (void)device;
    (void)p;
    (void)n;
    return 0;
}

static unsigned send_packets(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    (void)device;
    (void)p;
    ((struct lane_io *)(void *)io)->lane->sent += n;
    return n;
}

static struct packet *no_packet(struct io *io)
{
    (void)io;
    return NULL;
}

static void release_packets(struct io *io, struct packet **p, unsigned n)
{
    (void)io;
    (void)p;
    (void)n;
}

static unsigned no_other_worker(struct io *io, unsigned worker, struct packet **p, unsigned n)
{
    (void)io;
    (void)worker;
    (void)p;
    (void)n;
    return 0;
}

static unsigned nothing_over(struct io *io, struct packet **p, unsigned n)
{
    (void)io;
    (void)p;
    (void)n;
    return 0;
}

static struct link_addr remote_of(uint32_t i)
{
    return (struct link_addr){.family = 4,
                              .port = (uint16_t)(2000 + i),
                              .ip = {192, 0, 2, (uint8_t)(10 + i / 2 % HOSTS)}};
}

/* ---- calls ---- */

/* The second leg of a rtp-srtp call is the secure one. */
static bool is_secure(const struct bench_pipeline_lane *lane, uint32_t i)
{
    return lane->c.path == BENCH_PIPELINE_SRTP_SRTP ||
           (lane->c.path == BENCH_PIPELINE_RTP_SRTP && (i & 1));
}

static void master_of(const struct bench_pipeline_lane *lane, uint32_t i, uint8_t way,
                      struct srtp_master *master)
{
    memset(master, 0, sizeof(*master));
    master->profile = lane->c.profile;
    memset(master->key, 0x11, sizeof(master->key));
    memset(master->salt, 0x22, sizeof(master->salt));
    memcpy(master->key, &i, sizeof(i));
    master->key[4] = way;
}

static int set_keys(struct bench_pipeline_lane *lane, uint32_t i)
{
    const struct srtp_profile_info *profile = srtp_profile_find(lane->c.profile);
    struct far *far = &lane->far[i];
    struct srtp_master rx, tx;
    struct link_msg msg;
    int rc;

    link_msg_init(&msg, LINK_KEYS_SET, far->id, 0);
    master_of(lane, i, 0, &rx);
    master_of(lane, i, 1, &tx);
    msg.u.keys.profile = (uint16_t)profile->id;
    msg.u.keys.key_length = profile->key_len;
    msg.u.keys.salt_length = profile->salt_len;
    memcpy(msg.u.keys.rx_key, rx.key, profile->key_len);
    memcpy(msg.u.keys.rx_salt, rx.salt, profile->salt_len);
    memcpy(msg.u.keys.tx_key, tx.key, profile->key_len);
    memcpy(msg.u.keys.tx_salt, tx.salt, profile->salt_len);
    worker_on_command(lane->worker, 0, &msg);
    rc = srtp_key_create(lane->far_engine, &rx, &far->key);
    return rc != 0 ? rc : srtp_stream_create(far->key, SRTP_OUTBOUND, far->ssrc, &far->stream);
}

static int open_transport(struct bench_pipeline_lane *lane, uint32_t i)
{
    static const uint8_t far_mac[6] = {2, 0, 0, 0, 0, 2};
    struct locals far_locals = {.count = 1, .devices = 1};
    struct link_addr remote = remote_of(i), us = {.family = 4, .ip = {192, 0, 2, 1}};
    struct far *far = &lane->far[i];
    struct link_msg msg;
    uint32_t entry;

    link_msg_init(&msg, LINK_TRANSPORT_OPEN, (struct link_id){0, 0}, 0);
    us.port = (uint16_t)(PORT_FIRST + i);
    msg.u.open =
        (struct link_open){.mode = is_secure(lane, i) ? LINK_MODE_DTLS_SRTP : LINK_MODE_RTP,
                           .port = us.port,
                           .remote = remote};
    worker_on_command(lane->worker, 0, &msg);
    entry = atomic_load(&lane->plane.port[0][us.port]);
    if (entry == 0)
        return ERR_STATE;
    far->id = (struct link_id){entry - 1, lane->worker->transport[entry - 1].generation};
    far->ssrc = 0x5eed0000u + i;
    neighbour_learn(&lane->plane.neighbours, 0, remote.ip, far_mac, lane->now_ms);
    far_locals.local[0].family = 4;
    memcpy(far_locals.local[0].ip, remote.ip, 16);
    memcpy(far_locals.device[0].mac, far_mac, 6);
    header_build(&far->header, &far_locals, 0, remote.port, &us, lane->plane.locals.device[0].mac,
                 0);
    return is_secure(lane, i) ? set_keys(lane, i) : 0;
}

static int open_calls(struct bench_pipeline_lane *lane)
{
    int rc = 0;

    for (uint32_t i = 0; i < lane->transports && rc == 0; i++)
        rc = open_transport(lane, i);
    for (uint32_t i = 0; i < lane->transports && rc == 0; i++) {
        struct link_msg msg;

        link_msg_init(&msg, LINK_ROUTE_SET, lane->far[i].id, 0);
        msg.u.routes.count = 1;
        msg.u.routes.row[0] =
            (struct link_route){lane->far[i ^ 1].id, LINK_PT_ANY, LINK_PT_ANY, {0, 0}};
        worker_on_command(lane->worker, 0, &msg);
    }
    return rc;
}

/* ---- life ---- */

static int open_worker(struct bench_pipeline_lane *lane)
{
    struct srtp_limits limits = {.keys = 2 * lane->transports + 2,
                                 .streams = 2 * lane->transports + 2};
    struct srtp_limits few = {.keys = 1, .streams = 2};
    bool secure = lane->c.path != BENCH_PIPELINE_RTP_RTP;
    const char *name = secure ? lane->c.engine : "libsrtp";
    char path[64];
    struct link_server_config config = {.path = path,
                                        .program = "sluice-bench",
                                        .workers = 1,
                                        .transports = lane->transports,
                                        .locals = 1,
                                        .port_min = PORT_FIRST,
                                        .port_max = 65534,
                                        .huge_pages = true};
    int rc;

    snprintf(path, sizeof(path), "/tmp/sluice-bench-%d-%p", (int)getpid(), (void *)lane);
    rc = link_server_create(&config, &lane->server);
    if (rc == 0)
        rc = srtp_engine_create(name, secure ? &limits : &few, &lane->engine);
    if (rc == 0)
        rc = srtp_engine_create(name, secure ? &limits : &few, &lane->far_engine);
    lane->io = (struct lane_io){
        {no_packets, send_packets, no_packet, release_packets, no_other_worker, nothing_over},
        lane};
    if (rc == 0)
        rc = worker_create(&lane->plane, 0, &lane->io.io, link_server_worker(lane->server, 0),
                           lane->engine, &lane->worker);
    return rc;
}

static void fill_plane(struct bench_pipeline_lane *lane)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct plane *plane = &lane->plane;

    plane->locals.count = plane->locals.devices = 1;
    memcpy(plane->locals.device[0].mac, mac, 6);
    plane->locals.device[0].mtu = 1500;
    plane->locals.local[0] = (struct local){.family = 4, .prefix_bits = 24, .ip = {192, 0, 2, 1}};
    plane->port_min = PORT_FIRST;
    plane->port_max = 65534;
    plane->workers = 1;
    plane->transports = lane->transports;
    plane->streams = 2 * lane->transports;
}

/* All transports, shuffled, repeated until a pass is long enough. */
static void make_order(struct bench_pipeline_lane *lane)
{
    uint32_t n = lane->transports;
    unsigned seed = 1;

    for (uint32_t i = 0; i < n; i++)
        lane->order[i] = i;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t k = (uint32_t)rand_r(&seed) % (i + 1), t = lane->order[i];

        lane->order[i] = lane->order[k];
        lane->order[k] = t;
    }
    for (uint32_t i = n; i < lane->pass_packets; i++)
        lane->order[i] = lane->order[i - n];
}

static int open_memory(struct bench_pipeline_lane *lane)
{
    size_t frames = (size_t)PASSES * lane->pass_packets;

    lane->slot = (HEADER_SIZE_MAX + lane->c.bytes + SRTP_RTP_OVERHEAD_MAX + 63u) & ~63u;
    lane->far = calloc(lane->transports, sizeof(*lane->far));
    lane->order = calloc(lane->pass_packets, sizeof(*lane->order));
    lane->frame = calloc(frames, sizeof(*lane->frame));
    lane->frames = aligned_alloc(64, frames * lane->slot);
    lane->packet = secret_alloc(POOL_BYTES);
    lane->buffer = (uint8_t *)lane->packet + BENCH_PIPELINE_BATCH * sizeof(*lane->packet);
    if (!lane->far || !lane->order || !lane->frame || !lane->frames || !lane->packet)
        return ERR_NOMEM;
    make_order(lane);
    return 0;
}

int bench_pipeline_open(const struct bench_pipeline_case *c, struct bench_pipeline_lane **out)
{
    struct bench_pipeline_lane *lane;
    uint32_t repeat;
    int rc;

    if (c->calls == 0 || c->calls > BENCH_PIPELINE_CALLS_MAX ||
        c->bytes < BENCH_PIPELINE_BYTES_MIN || c->bytes > BENCH_PIPELINE_BYTES_MAX ||
        c->path >= BENCH_PIPELINE_PATHS ||
        (c->path != BENCH_PIPELINE_RTP_RTP && !srtp_profile_find(c->profile)))
        return ERR_INVAL;
    lane = aligned_alloc(64, (sizeof(*lane) + 63) & ~(size_t)63);
    if (!lane)
        return ERR_NOMEM;
    memset(lane, 0, sizeof(*lane));
    lane->c = *c;
    lane->now_ms = 1000;
    lane->transports = 2 * c->calls;
    repeat = (PASS_PACKETS + lane->transports - 1) / lane->transports;
    lane->pass_packets = repeat * lane->transports;
    fill_plane(lane);
    rc = open_memory(lane);
    if (rc == 0)
        rc = plane_init(&lane->plane);
    if (rc == 0)
        rc = open_worker(lane);
    if (rc == 0)
        rc = open_calls(lane);
    if (rc != 0) {
        bench_pipeline_close(lane);
        return rc;
    }
    *out = lane;
    return 0;
}

void bench_pipeline_close(struct bench_pipeline_lane *lane)
{
    if (!lane)
        return;
    worker_destroy(lane->worker);
    for (uint32_t i = 0; lane->far && i < lane->transports; i++) {
        srtp_stream_destroy(lane->far[i].stream);
        srtp_key_destroy(lane->far[i].key);
    }
    srtp_engine_destroy(lane->engine);
    srtp_engine_destroy(lane->far_engine);
    link_server_destroy(lane->server);
    plane_fini(&lane->plane);
    free(lane->far);
    free(lane->order);
    free(lane->frame);
    free(lane->frames);
    secret_free(lane->packet, POOL_BYTES);
    free(lane);
}

unsigned bench_pipeline_passes(const struct bench_pipeline_lane *lane)
{
    (void)lane;
    return PASSES;
}

uint32_t bench_pipeline_pass_packets(const struct bench_pipeline_lane *lane)
{
    return lane->pass_packets;
}

unsigned bench_pipeline_pass_batches(const struct bench_pipeline_lane *lane)
{
    return (lane->pass_packets + BENCH_PIPELINE_BATCH - 1) / BENCH_PIPELINE_BATCH;
}

/* ---- frames ---- */

int bench_pipeline_make_frame(struct bench_pipeline_lane *lane, struct far *far,
                              struct frame *frame, uint8_t *slot)
{
    uint8_t *rtp = slot + far->header.size;
    struct packet p = {.data = rtp, .length = lane->c.bytes, .head = far->header.size};

    memset(rtp, 0x5a, lane->c.bytes);
    rtp[0] = 0x80;
    rtp[1] = 0;
    wire_put16(rtp + 2, far->sequence);
    wire_put32(rtp + 4, far->sequence * 160u);
    wire_put32(rtp + 8, far->ssrc);
    far->sequence++;
    if (far->stream) {
        struct srtp_job job = {.stream = far->stream,
                               .src = rtp,
                               .dst = rtp,
                               .len = lane->c.bytes,
                               .dst_cap = (uint16_t)(lane->c.bytes + SRTP_RTP_OVERHEAD_MAX)};

        if (srtp_protect_burst(lane->far_engine, &job, 1) != 1)
            return ERR_CRYPTO;
        p.length = job.out_len;
    }
    header_stamp(&far->header, &p);
    *frame = (struct frame){p.data, p.length};
    return 0;
}

int bench_pipeline_prepare(struct bench_pipeline_lane *lane)
{
    size_t frames = (size_t)PASSES * lane->pass_packets;
    int rc = 0;

    for (size_t i = 0; i < frames && rc == 0; i++)
        rc = bench_pipeline_make_frame(lane, &lane->far[lane->order[i % lane->pass_packets]],
                                       &lane->frame[i], lane->frames + i * lane->slot);
    return rc;
}

/* What a device does: a frame into each buffer. */
static void fill_buffers(struct bench_pipeline_lane *lane, const struct frame *frame, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *data = lane->buffer + (size_t)i * STRIDE + HEAD;

        memcpy(data, frame[i].bytes, frame[i].length);
        lane->packet[i].data = data;
        lane->packet[i].length = frame[i].length;
        lane->packet[i].head = HEAD;
        lane->packet[i].tail = (uint16_t)(STRIDE - HEAD - frame[i].length);
    }
}

double bench_pipeline_batch(struct bench_pipeline_lane *lane, const struct frame *frame, uint32_t n,
                            struct worker_watch *watch)
{
    struct packet *p[PACKET_BURST];
    uint64_t start;

    fill_buffers(lane, frame, n);
    lane->sent = 0;
    lane->worker->watch = watch;
    start = clock_mono_ns();
    for (uint32_t at = 0; at < n; at += PACKET_BURST) {
        uint32_t count = n - at < PACKET_BURST ? n - at : PACKET_BURST;

        for (uint32_t i = 0; i < count; i++)
            p[i] = &lane->packet[at + i];
        if (watch)
            watch->since = watch->now();
        worker_receive(lane->worker, 0, p, count);
        worker_flush(lane->worker);
    }
    lane->worker->watch = NULL;
    return (double)(clock_mono_ns() - start) / n;
}

int bench_pipeline_pass(struct bench_pipeline_lane *lane, unsigned pass, struct worker_watch *watch,
                        double *batch)
{
    const struct frame *frame = lane->frame + (size_t)pass * lane->pass_packets;
    int rc = 0;

    lane->now_ms += FRAME_MS;
    lane->worker->now_ms = lane->now_ms;
    for (uint32_t at = 0; at < lane->pass_packets && rc == 0; at += BENCH_PIPELINE_BATCH) {
        uint32_t left = lane->pass_packets - at,
                 n = left < BENCH_PIPELINE_BATCH ? left : BENCH_PIPELINE_BATCH;

        *batch++ = bench_pipeline_batch(lane, frame + at, n, watch);
        rc = lane->sent == n ? 0 : ERR_STATE;
    }
    return rc;
}
