/* A worker with rooms and calls, and memory for its network. */
#include "audio/g711.h"
#include "base/err.h"
#include "bench/bench_mix_priv.h"
#include "dpdk-app/media.h"
#include "dpdk-app/wire.h"
#include "link/link.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD       128u
#define STRIDE     2176u /* a buffer of sluice-dp's pool */
#define BUFFERS    4096u
#define PORT_FIRST 1024u
#define HOSTS      200u
#define PCMA       8u

/* ---- packets ---- */

struct packet *bench_mix_take(struct bench_mix_load *l)
{
    struct packet *p;
    uint8_t *data;

    if (l->free_packets == 0)
        return NULL;
    p = l->free_packet[--l->free_packets];
    data = l->buffer + (size_t)(p - l->packet) * STRIDE + HEAD;
    memset(p, 0, sizeof(*p));
    p->data = data;
    p->head = HEAD;
    p->tail = STRIDE - HEAD;
    return p;
}

static struct bench_mix_load *load_of(struct io *io)
{
    return ((struct bench_mix_io *)(void *)io)->load;
}

static void release(struct io *io, struct packet **p, unsigned n)
{
    struct bench_mix_load *l = load_of(io);

    for (unsigned i = 0; i < n; i++)
        l->free_packet[l->free_packets++] = p[i];
}

static struct packet *alloc(struct io *io)
{
    return bench_mix_take(load_of(io));
}

static bool alloc_many(struct io *io, struct packet **p, unsigned n)
{
    struct bench_mix_load *l = load_of(io);

    if (l->free_packets < n)
        return false;
    for (unsigned i = 0; i < n; i++)
        p[i] = bench_mix_take(l);
    return true;
}

static unsigned no_hand_over(struct io *io, unsigned worker, struct packet **p, unsigned n)
{
    (void)io;
    (void)worker;
    (void)p;
    (void)n;
    return 0;
}

static unsigned no_take_over(struct io *io, struct packet **p, unsigned n)
{
    (void)io;
    (void)p;
    (void)n;
    return 0;
}

static bool chain(struct io *io, struct packet *p, struct packet *owner)
{
    (void)io;
    (void)p;
    (void)owner;
    return false; /* nothing here goes to several receivers */
}

static void unchain(struct io *io, struct packet *p)
{
    (void)io;
    (void)p;
}

/* The frame that source `i` sends in tick `tick`. */
int bench_mix_make_frame(struct bench_mix_load *l, unsigned i, const uint8_t *payload,
                         struct packet *p)
{
    struct bench_mix_port *port = &l->port[i];
    uint8_t *rtp = p->data;

    rtp[0] = 0x80;
    rtp[1] = PCMA;
    wire_put16(rtp + 2, port->sequence);
    wire_put32(rtp + 4, port->sequence * BENCH_MIX_FRAME);
    wire_put32(rtp + 8, BENCH_MIX_THEIRS + i);
    port->sequence++;
    memcpy(rtp + RTP_SIZE, payload, BENCH_MIX_FRAME);
    packet_resize(p, RTP_SIZE + BENCH_MIX_FRAME);
    if (port->stream != NULL) {
        struct srtp_job job = {.stream = port->stream,
                               .src = rtp,
                               .dst = rtp,
                               .len = p->length,
                               .dst_cap = (uint16_t)(p->length + p->tail)};

        if (srtp_protect_burst(l->far_engine, &job, 1) != 1)
            return ERR_CRYPTO;
        packet_resize(p, job.out_len);
    }
    header_stamp(&port->header, p);
    return 0;
}

static unsigned receive(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    struct bench_mix_load *l = load_of(io);

    (void)device;
    return l->on_receive != NULL ? l->on_receive(l, p, n) : 0;
}

static unsigned transmit(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    struct bench_mix_load *l = load_of(io);

    (void)device;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *rtp = p[i]->data + ETH_SIZE + IP4_SIZE + UDP_SIZE;
        uint32_t ssrc = wire_get32(rtp + 8);

        l->sent += ssrc >= BENCH_MIX_OURS;
        if (l->on_send != NULL)
            l->on_send(l, ssrc, rtp + RTP_SIZE);
    }
    release(io, p, n);
    return n;
}

/* ---- setting up ---- */

static void fill_sounds(struct bench_mix_load *l)
{
    const struct audio_g711 *law = audio_g711_alaw();
    int16_t talk[BENCH_MIX_FRAME], quiet[BENCH_MIX_FRAME], ping[BENCH_MIX_FRAME];

    for (unsigned k = 0; k < BENCH_MIX_FRAME; k++) {
        talk[k] = (int16_t)(3000 * sin(2 * M_PI * 450 * k / 8000));
        quiet[k] = (int16_t)(40 * sin(2 * M_PI * 50 * k / 8000));
        ping[k] = (int16_t)(16000 * sin(2 * M_PI * 800 * k / 8000));
    }
    audio_g711_encode(law, l->talk, talk, BENCH_MIX_FRAME);
    audio_g711_encode(law, l->quiet, quiet, BENCH_MIX_FRAME);
    audio_g711_encode(law, l->ping, ping, BENCH_MIX_FRAME);
}

static struct link_addr remote_of(uint32_t i)
{
    return (struct link_addr){
        .family = 4, .port = (uint16_t)(2000 + i), .ip = {192, 0, 2, (uint8_t)(10 + i % HOSTS)}};
}

static int set_keys(struct bench_mix_load *l, unsigned i)
{
    const struct srtp_profile_info *profile = srtp_profile_find(l->profile);
    struct srtp_master master = {.profile = l->profile};
    struct link_msg msg;
    int rc;

    memset(master.key, 0x11, profile->key_len);
    memcpy(master.key, &i, sizeof(i));
    link_msg_init(&msg, LINK_KEYS_SET, l->port[i].id, 0);
    msg.u.keys.profile = (uint16_t)profile->id;
    msg.u.keys.key_length = profile->key_len;
    msg.u.keys.salt_length = profile->salt_len;
    memcpy(msg.u.keys.rx_key, master.key, profile->key_len);
    memcpy(msg.u.keys.tx_key, master.key, profile->key_len);
    msg.u.keys.tx_key[5] = 1;
    worker_on_command(l->worker, 0, &msg);
    rc = srtp_key_create(l->far_engine, &master, &l->port[i].key);
    return rc != 0 ? rc
                   : srtp_stream_create(l->port[i].key, SRTP_OUTBOUND, BENCH_MIX_THEIRS + i,
                                        &l->port[i].stream);
}

static int open_port(struct bench_mix_load *l, unsigned i)
{
    static const uint8_t far_mac[6] = {2, 0, 0, 0, 0, 2};
    struct locals far_locals = {.count = 1, .devices = 1};
    struct link_addr remote = remote_of(i), us = {.family = 4, .ip = {192, 0, 2, 1}};
    bool is_secure = i < l->ports && l->profile != SRTP_PROFILE_NONE;
    struct link_msg msg;
    uint32_t entry;

    us.port = (uint16_t)(PORT_FIRST + i);
    link_msg_init(&msg, LINK_TRANSPORT_OPEN, (struct link_id){0, 0}, 0);
    msg.u.open = (struct link_open){
        .mode = is_secure ? LINK_MODE_DTLS_SRTP : LINK_MODE_RTP, .port = us.port, .remote = remote};
    worker_on_command(l->worker, 0, &msg);
    entry = atomic_load(&l->plane.port[0][us.port]);
    if (entry == 0)
        return ERR_STATE;
    l->port[i].id = (struct link_id){entry - 1, l->worker->transport[entry - 1].generation};
    neighbour_learn(&l->plane.neighbours, 0, remote.ip, far_mac, l->worker->now_ms);
    far_locals.local[0].family = 4;
    memcpy(far_locals.local[0].ip, remote.ip, 16);
    memcpy(far_locals.device[0].mac, far_mac, 6);
    header_build(&l->port[i].header, &far_locals, 0, remote.port, &us,
                 l->plane.locals.device[0].mac, 0);
    return is_secure ? set_keys(l, i) : 0;
}

static int open_rooms(struct bench_mix_load *l)
{
    struct link_msg msg;

    for (unsigned i = 0; i < l->ports; i++) {
        unsigned room = i / l->members;

        if (i % l->members == 0) {
            link_msg_init(&msg, LINK_MIX_OPEN, (struct link_id){0, 0}, 0);
            msg.u.mix = (struct link_mix_open){
                .rate = 8000, .members_max = (uint16_t)l->members, .loudest = (uint8_t)l->loudest};
            worker_on_command(l->worker, 0, &msg);
            if (l->worker->mix[room] == NULL)
                return ERR_NOMEM;
        }
        link_msg_init(&msg, LINK_MIX_JOIN, l->worker->mix[room]->id, 0);
        msg.u.member = (struct link_mix_member){.member = l->port[i].id,
                                                .ssrc = BENCH_MIX_OURS + i,
                                                .rx = {{PCMA, LINK_CODEC_PCMA}},
                                                .rx_count = 1,
                                                .event = LINK_PT_ANY,
                                                .tx_codec = LINK_CODEC_PCMA,
                                                .tx_type = PCMA,
                                                .ptime_ms = 20};
        worker_on_command(l->worker, 0, &msg);
        if (l->worker->mix[room]->count != i % l->members + 1)
            return ERR_STATE;
    }
    return 0;
}

static void route_calls(struct bench_mix_load *l)
{
    for (unsigned i = l->ports; i < l->sources; i++) {
        unsigned other = l->ports + ((i - l->ports) ^ 1);
        struct link_msg msg;

        link_msg_init(&msg, LINK_ROUTE_SET, l->port[i].id, 0);
        msg.u.routes.count = 1;
        msg.u.routes.row[0] =
            (struct link_route){l->port[other].id, LINK_PT_ANY, LINK_PT_ANY, {0, 0}};
        worker_on_command(l->worker, 0, &msg);
    }
}

static int open_memory(struct bench_mix_load *l)
{
    l->port = calloc(l->sources, sizeof(*l->port));
    l->packet = aligned_alloc(64, BUFFERS * sizeof(*l->packet));
    l->buffer = aligned_alloc(64, (size_t)BUFFERS * STRIDE);
    l->free_packet = calloc(BUFFERS, sizeof(struct packet *));
    if (l->port == NULL || l->packet == NULL || l->buffer == NULL || l->free_packet == NULL)
        return ERR_NOMEM;
    for (unsigned i = 0; i < BUFFERS; i++)
        l->free_packet[l->free_packets++] = &l->packet[i];
    return 0;
}

static int open_worker(struct bench_mix_load *l)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct srtp_limits limits = {.keys = 2 * l->sources + 2, .streams = 2 * l->sources + 2};
    struct plane *plane = &l->plane;
    char path[64];
    struct link_server_config config = {.path = path,
                                        .program = "sluice-bench",
                                        .workers = 1,
                                        .transports = l->sources,
                                        .mixes = l->ports / l->members + 1,
                                        .locals = 1,
                                        .port_min = PORT_FIRST,
                                        .port_max = 65534,
                                        .huge_pages = true};
    int rc;

    plane->locals.count = plane->locals.devices = 1;
    memcpy(plane->locals.device[0].mac, mac, 6);
    plane->locals.device[0].mtu = 1500;
    plane->locals.local[0] = (struct local){.family = 4, .prefix_bits = 24, .ip = {192, 0, 2, 1}};
    plane->port_min = PORT_FIRST;
    plane->port_max = 65534;
    plane->workers = 1;
    plane->transports = l->sources;
    plane->streams = 2 * l->sources;
    plane->mixes = config.mixes;
    plane->clock_us = l->clock_us;
    snprintf(path, sizeof(path), "/tmp/sluice-bench-%d-%p", (int)getpid(), (void *)l);
    rc = plane_init(plane);
    if (rc == 0)
        rc = link_server_create(&config, &l->server);
    if (rc == 0)
        rc = srtp_engine_create(l->engine_name, &limits, &l->engine);
    if (rc == 0)
        rc = srtp_engine_create(l->engine_name, &limits, &l->far_engine);
    l->io = (struct bench_mix_io){{.receive = receive,
                                   .send = transmit,
                                   .alloc = alloc,
                                   .release = release,
                                   .hand_over = no_hand_over,
                                   .take_over = no_take_over,
                                   .alloc_many = alloc_many,
                                   .chain = chain,
                                   .unchain = unchain},
                                  l};
    return rc != 0 ? rc
                   : worker_create(plane, 0, &l->io.io, link_server_worker(l->server, 0), l->engine,
                                   &l->worker);
}

int bench_mix_load_open(struct bench_mix_load *l)
{
    int rc;

    l->sources = l->ports + 2 * l->calls;
    if (l->members < 2 || l->sources == 0 || l->sources > 60000 || l->ports % l->members != 0)
        return ERR_INVAL;
    fill_sounds(l);
    rc = open_memory(l);
    if (rc == 0)
        rc = open_worker(l);
    if (rc == 0)
        l->worker->now_ms = l->plane.clock_us() / 1000;
    for (unsigned i = 0; i < l->sources && rc == 0; i++)
        rc = open_port(l, i);
    if (rc == 0)
        rc = open_rooms(l);
    if (rc == 0)
        route_calls(l);
    return rc;
}

void bench_mix_load_close(struct bench_mix_load *l)
{
    worker_destroy(l->worker);
    for (unsigned i = 0; l->port != NULL && i < l->sources; i++) {
        srtp_stream_destroy(l->port[i].stream);
        srtp_key_destroy(l->port[i].key);
    }
    srtp_engine_destroy(l->engine);
    srtp_engine_destroy(l->far_engine);
    link_server_destroy(l->server);
    plane_fini(&l->plane);
    free(l->port);
    free(l->packet);
    free(l->buffer);
    free(l->free_packet);
}
