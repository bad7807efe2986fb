#include "tests/dpdk-app/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dpdk-app/parse.h"
#include "dpdk-app/wire.h"
#include "dpdk-app/writer.h"

#define HEAD 128u
#define ROOM 2048u

/* A packet with its buffer in a block of its own, both ends guarded by the sanitizer. References of
 * chained packets keep a buffer alive as those of DPDK do. */
struct rig_packet {
    struct packet p;
    uint8_t *buffer;
    struct rig_packet *owner; /* of the chained payload */
    unsigned references;
};

static struct packet *new_packet(struct rig *rig)
{
    struct rig_packet *r;

    if (rig->no_buffers)
        return NULL;
    r = aligned_alloc(64, (sizeof(*r) + 63) & ~(size_t)63);
    if (r == NULL)
        abort();
    memset(r, 0, sizeof(*r));
    r->buffer = malloc(HEAD + ROOM);
    if (r->buffer == NULL)
        abort();
    r->references = 1;
    r->p.data = r->buffer + HEAD;
    r->p.head = HEAD;
    r->p.tail = ROOM;
    rig->buffers++;
    return &r->p;
}

static void free_packet(struct rig *rig, struct packet *p)
{
    struct rig_packet *r = (struct rig_packet *)(void *)p;

    if (--r->references > 0)
        return;
    if (r->owner != NULL)
        free_packet(rig, &r->owner->p);
    free(r->buffer);
    free(r);
    rig->buffers--;
}

static unsigned rig_receive(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    (void)io;
    (void)device;
    (void)p;
    (void)n;
    return 0;
}

static unsigned rig_send(struct io *io, unsigned device, struct packet **p, unsigned n)
{
    struct rig *rig = ((struct rig_io *)(void *)io)->rig;

    (void)device;
    for (unsigned i = 0; i < n; i++) {
        unsigned more = p[i]->bits & PACKET_CHAINED ? p[i]->more : 0;

        if (rig->sent_n < RIG_SENT && p[i]->length + more <= RIG_FRAME) {
            memcpy(rig->sent[rig->sent_n], p[i]->data, p[i]->length);
            if (more > 0)
                memcpy(rig->sent[rig->sent_n] + p[i]->length, p[i]->shared, more);
            rig->sent_length[rig->sent_n++] = p[i]->length + more;
        }
        free_packet(rig, p[i]);
    }
    return n;
}

static struct packet *rig_alloc(struct io *io)
{
    return new_packet(((struct rig_io *)(void *)io)->rig);
}

static void rig_release(struct io *io, struct packet **p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free_packet(((struct rig_io *)(void *)io)->rig, p[i]);
}

static unsigned rig_hand_over(struct io *io, unsigned worker, struct packet **p, unsigned n)
{
    struct rig_io *to = &((struct rig_io *)(void *)io)->rig->io[worker];
    unsigned taken = 0;

    while (taken < n && to->over_n < PACKET_BURST)
        to->over[to->over_n++] = p[taken++];
    return taken;
}

static unsigned rig_take_over(struct io *io, struct packet **p, unsigned n)
{
    struct rig_io *from = (struct rig_io *)(void *)io;
    unsigned got = from->over_n < n ? from->over_n : n;

    memcpy(p, from->over, got * sizeof(*p));
    from->over_n = 0;
    return got;
}

static bool rig_alloc_many(struct io *io, struct packet **p, unsigned n)
{
    struct rig *rig = ((struct rig_io *)(void *)io)->rig;

    if (rig->no_buffers)
        return false;
    for (unsigned i = 0; i < n; i++)
        p[i] = new_packet(rig);
    return true;
}

static bool rig_chain(struct io *io, struct packet *p, struct packet *owner)
{
    struct rig_packet *to = (struct rig_packet *)(void *)owner;

    if (((struct rig_io *)(void *)io)->rig->no_chains)
        return false;
    ((struct rig_packet *)(void *)p)->owner = to;
    to->references++;
    p->bits |= PACKET_CHAINED;
    ((struct rig_io *)(void *)io)->rig->chained++;
    return true;
}

static void rig_unchain(struct io *io, struct packet *p)
{
    struct rig_packet *r = (struct rig_packet *)(void *)p;

    free_packet(((struct rig_io *)(void *)io)->rig, &r->owner->p);
    r->owner = NULL;
}

static void fill_plane(struct plane *plane, unsigned workers, unsigned transports)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct local *local = plane->locals.local;

    plane->locals.count = 2;
    plane->locals.devices = 1;
    memcpy(plane->locals.device[0].mac, mac, 6);
    plane->locals.device[0].mtu = 1500;
    local[0] = (struct local){.family = 4,
                              .prefix_bits = 24,
                              .has_gateway = true,
                              .ip = {192, 0, 2, 1},
                              .gateway = {192, 0, 2, 254}};
    local[1] =
        (struct local){.family = 6, .prefix_bits = 64, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 1}};
    plane->port_min = RIG_PORT;
    plane->port_max = RIG_PORT + 999;
    plane->workers = workers;
    plane->transports = transports;
    plane->streams = 4 * transports;
    plane->mixes = RIG_MIXES;
    plane->media_timeout_ms = 5000;
    plane->orphan_timeout_ms = 10000;
}

static int start_worker(struct rig *rig, unsigned w)
{
    uint32_t n = rig->plane.transports;
    struct srtp_limits limits = {.keys = 2 * n + 2, .streams = 4 * n};
    struct rig_io *io = &rig->io[w];
    int err = srtp_engine_create("auto", &limits, &rig->engine[w]);

    io->rig = rig;
    io->number = w;
    io->io = (struct io){.receive = rig_receive,
                         .send = rig_send,
                         .alloc = rig_alloc,
                         .release = rig_release,
                         .hand_over = rig_hand_over,
                         .take_over = rig_take_over,
                         .alloc_many = rig_alloc_many,
                         .chain = rig_chain,
                         .unchain = rig_unchain};
    if (err != 0)
        return err;
    return worker_create(&rig->plane, w, &io->io, link_server_worker(rig->server, w),
                         rig->engine[w], &rig->worker[w]);
}

static char recordings[128], announcements[128];

void rig_directories(const char *to, const char *from)
{
    snprintf(recordings, sizeof(recordings), "%s", to);
    snprintf(announcements, sizeof(announcements), "%s", from);
}

static int start_writer(struct rig *rig, unsigned workers)
{
    struct writer_config config = {.recordings = recordings,
                                   .announcements = announcements,
                                   .max_seconds = 60,
                                   .max_bytes = 1 << 20,
                                   .files = 4,
                                   .lanes = workers,
                                   .captures = true};
    int err;

    if (recordings[0] == '\0' && announcements[0] == '\0')
        return 0;
    err = writer_create(&config, &rig->writer);
    rig->plane.writer = rig->writer;
    return err;
}

const struct link_msg *rig_heard(const struct rig *rig, unsigned type, unsigned since)
{
    for (unsigned n = rig->events; n > since && n + RIG_HEARD > rig->events; n--)
        if (rig->heard[(n - 1) % RIG_HEARD].type == type)
            return &rig->heard[(n - 1) % RIG_HEARD];
    return NULL;
}

static void path_of(char *out, size_t size)
{
    snprintf(out, size, "/tmp/sluice-rig-%d.sock", (int)getpid());
}

int rig_start(struct rig *rig, unsigned workers)
{
    return rig_start_sized(rig, workers, 32);
}

int rig_start_sized(struct rig *rig, unsigned workers, unsigned transports)
{
    struct link_server_config config = {.program = "rig",
                                        .workers = workers,
                                        .transports = transports,
                                        .mixes = RIG_MIXES,
                                        .locals = 2,
                                        .port_min = RIG_PORT,
                                        .port_max = RIG_PORT + 999};
    char path[64];
    int err;

    memset(rig, 0, sizeof(*rig));
    fill_plane(&rig->plane, workers, transports);
    path_of(path, sizeof(path));
    config.path = path;
    for (unsigned i = 0; i < 2; i++) {
        config.local[i].family = rig->plane.locals.local[i].family;
        memcpy(config.local[i].ip, rig->plane.locals.local[i].ip, 16);
    }
    rig->now = 1000;
    err = plane_init(&rig->plane);
    if (err == 0)
        err = start_writer(rig, workers);
    if (err == 0)
        err = link_server_create(&config, &rig->server);
    for (unsigned w = 0; err == 0 && w < workers; w++)
        err = start_worker(rig, w);
    rig_turn(rig);
    return err;
}

void rig_stop(struct rig *rig)
{
    if (rig->client != NULL)
        rig_detach(rig);
    for (unsigned w = 0; w < rig->plane.workers; w++) {
        for (unsigned i = 0; i < rig->io[w].over_n; i++)
            free_packet(rig, rig->io[w].over[i]);
        worker_destroy(rig->worker[w]);
        srtp_engine_destroy(rig->engine[w]);
    }
    writer_destroy(rig->writer);
    link_server_destroy(rig->server);
    plane_fini(&rig->plane);
}

static void on_msg(void *context, const struct link_msg *msg)
{
    struct rig *rig = context;

    if (msg->type == LINK_REPLY) {
        rig->reply = *msg;
        rig->replies++;
    } else {
        rig->event = *msg;
        rig->heard[rig->events++ % RIG_HEARD] = *msg;
    }
}

void rig_attach(struct rig *rig)
{
    struct link_client_config config = {.producers = 1};
    char path[64];

    path_of(path, sizeof(path));
    config.path = path;
    if (link_client_create(&config, &rig->client) != 0)
        return;
    link_port_listen(link_client_port(rig->client, 0), on_msg, NULL, rig);
    for (int i = 0; i < 4; i++)
        rig_turn(rig);
}

void rig_detach(struct rig *rig)
{
    link_client_destroy(rig->client);
    rig->client = NULL;
    rig_turn(rig);
}

void rig_turn(struct rig *rig)
{
    if (rig->client != NULL)
        link_client_poll(rig->client, rig->now);
    link_server_poll(rig->server, rig->now);
    for (unsigned w = 0; w < rig->plane.workers; w++)
        if (rig->worker[w] != NULL)
            worker_turn(rig->worker[w], rig->now);
    if (rig->client != NULL)
        link_port_poll(link_client_port(rig->client, 0), 0);
}

void rig_frame(struct rig *rig, unsigned worker, const uint8_t *frame, unsigned length)
{
    struct packet *p = new_packet(rig);

    memcpy(p->data, frame, length);
    packet_resize(p, (uint16_t)length);
    worker_receive(rig->worker[worker], 0, &p, 1);
    worker_flush(rig->worker[worker]);
}

void rig_resolve(struct rig *rig, struct link_id id)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};
    struct transport *t = worker_transport(rig->worker[id.index >> 24], id.index, id.generation);
    struct neighbour *entry;

    if (t == NULL || t->hop < 0)
        return;
    entry = &rig->plane.neighbours.entry[t->hop];
    neighbour_learn(&rig->plane.neighbours, entry->local, entry->ip, mac, rig->now);
}

void rig_command(struct rig *rig, const struct link_msg *msg)
{
    worker_on_command(rig->worker[msg->transport >> 24], 0, msg);
    worker_flush(rig->worker[msg->transport >> 24]);
}

struct link_id rig_open(struct rig *rig, unsigned worker, const struct link_open *open)
{
    struct link_msg msg;
    uint32_t entry;

    link_msg_init(&msg, LINK_TRANSPORT_OPEN, (struct link_id){worker << 24, 0}, 1);
    msg.u.open = *open;
    rig_command(rig, &msg);
    if (open->local >= rig->plane.locals.count)
        return (struct link_id){0, 0};
    entry = atomic_load(&rig->plane.port[open->local][open->port]);
    if (entry == 0 || (entry - 1) >> 24 != worker)
        return (struct link_id){0, 0};
    return (struct link_id){entry - 1,
                            rig->worker[worker]->transport[(entry - 1) & 0xffffff].generation};
}

struct link_id rig_open_usual(struct rig *rig, unsigned worker, unsigned i, unsigned mode)
{
    struct link_open open = {.mode = (uint8_t)mode,
                             .port = (uint16_t)(RIG_PORT + 2 * i),
                             .remote = {.family = 4,
                                        .port = (uint16_t)(4000 + i),
                                        .ip = {192, 0, 2, (uint8_t)(10 + i)}}};
    struct link_id id = rig_open(rig, worker, &open);

    rig_resolve(rig, id);
    return id;
}

void rig_keys(struct rig *rig, struct link_id id, uint8_t rx, uint8_t tx)
{
    struct link_msg msg;
    struct link_keys *keys = &msg.u.keys;

    link_msg_init(&msg, LINK_KEYS_SET, id, 2);
    keys->profile = LINK_PROFILE_CM_SHA1_80;
    keys->key_length = 16;
    keys->salt_length = 14;
    memset(keys->rx_key, rx, 16);
    memset(keys->rx_salt, rx, 14);
    memset(keys->tx_key, tx, 16);
    memset(keys->tx_salt, tx, 14);
    rig_command(rig, &msg);
}

void rig_route(struct rig *rig, struct link_id from, struct link_id to)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_ROUTE_SET, from, 3);
    msg.u.routes.count = 1;
    msg.u.routes.rtcp = to;
    msg.u.routes.row[0] = (struct link_route){to, LINK_PT_ANY, LINK_PT_ANY, {0, 0}};
    rig_command(rig, &msg);
}

static void row_command(struct rig *rig, unsigned type, struct link_id from, struct link_id to,
                        uint32_t ssrc_out)
{
    struct link_msg msg;

    link_msg_init(&msg, type, from, 4);
    msg.u.receiver = (struct link_receiver){.to = to,
                                            .ssrc_out = ssrc_out,
                                            .clock_rate = 8000,
                                            .pt_in = LINK_PT_ANY,
                                            .pt_out = LINK_PT_ANY};
    rig_command(rig, &msg);
}

void rig_receiver(struct rig *rig, struct link_id from, struct link_id to, uint32_t ssrc_out)
{
    row_command(rig, LINK_RECEIVER_ADD, from, to, ssrc_out);
}

void rig_unreceive(struct rig *rig, struct link_id from, struct link_id to, uint32_t ssrc_out)
{
    row_command(rig, LINK_RECEIVER_REMOVE, from, to, ssrc_out);
}

unsigned rig_payload(const struct rig *rig, unsigned i, uint8_t *out)
{
    struct locals far = {.count = 1, .devices = 1};
    uint8_t frame[RIG_FRAME];
    struct packet p = {.data = frame};
    bool is_ip4;

    if (i >= rig->sent_n)
        return 0;
    memcpy(frame, rig->sent[i], rig->sent_length[i]);
    p.length = (uint16_t)rig->sent_length[i];
    memcpy(far.device[0].mac, frame, 6);
    is_ip4 = wire_get16(frame + 12) == ETHERTYPE_IP4;
    far.local[0].family = is_ip4 ? 4 : 6;
    memcpy(far.local[0].ip, frame + (is_ip4 ? 30 : 38), is_ip4 ? 4 : 16);
    if (parse_frame(&far, &p) != PARSE_UDP)
        return 0;
    memcpy(out, p.data, p.length);
    return p.length;
}

uint16_t rig_sent_to(const struct rig *rig, unsigned i)
{
    const uint8_t *frame = rig->sent[i];

    return wire_get16(frame + (wire_get16(frame + 12) == ETHERTYPE_IP4 ? 36 : 56));
}

unsigned rig_udp_from(uint8_t *frame, const struct link_addr *from, const struct link_addr *to,
                      const void *payload, unsigned length)
{
    static const uint8_t far_mac[6] = {2, 0, 0, 0, 0, 2}, our_mac[6] = {2, 0, 0, 0, 0, 1};
    struct locals locals = {.count = 1, .devices = 1};
    uint8_t space[HEADER_SIZE_MAX + RIG_FRAME];
    struct packet p = {
        .data = space + HEADER_SIZE_MAX, .length = (uint16_t)length, .head = HEADER_SIZE_MAX};
    struct header header;

    locals.local[0].family = from->family;
    memcpy(locals.local[0].ip, from->ip, 16);
    memcpy(locals.device[0].mac, far_mac, 6);
    memcpy(p.data, payload, length);
    header_build(&header, &locals, 0, from->port, to, our_mac, 0);
    header_stamp(&header, &p);
    memcpy(frame, p.data, p.length);
    return p.length;
}

unsigned rig_udp(uint8_t *frame, unsigned i, uint16_t to_port, const void *payload, unsigned length)
{
    struct link_addr from = {
        .family = 4, .port = (uint16_t)(4000 + i), .ip = {192, 0, 2, (uint8_t)(10 + i)}};
    struct link_addr to = {.family = 4, .port = to_port, .ip = {192, 0, 2, 1}};

    return rig_udp_from(frame, &from, &to, payload, length);
}

uint64_t rig_count(const struct rig *rig, unsigned worker, unsigned counter)
{
    return rig->worker[worker]->count[counter];
}

int rig_far_start(struct rig_far *far, uint8_t rx, uint8_t tx, uint32_t ssrc)
{
    struct srtp_limits limits = {.keys = 2, .streams = 2};
    const uint8_t fill[2] = {rx, tx};
    int err = srtp_engine_create("libsrtp", &limits, &far->engine);

    for (int i = 0; err == 0 && i < 2; i++) {
        struct srtp_master master = {.profile = SRTP_PROFILE_AES128_CM_SHA1_80};

        memset(master.key, fill[i], 16);
        memset(master.salt, fill[i], 14);
        err = srtp_key_create(far->engine, &master, &far->key[i]);
        if (err == 0)
            err = srtp_stream_create(far->key[i], i == 0 ? SRTP_OUTBOUND : SRTP_INBOUND, ssrc,
                                     &far->stream[i]);
    }
    return err;
}

void rig_far_stop(struct rig_far *far)
{
    for (int i = 0; i < 2; i++) {
        srtp_stream_destroy(far->stream[i]);
        srtp_key_destroy(far->key[i]);
    }
    srtp_engine_destroy(far->engine);
}

static unsigned run(struct rig_far *far, int way, bool is_rtcp, uint8_t *data, unsigned length)
{
    struct srtp_job job = {.stream = far->stream[way],
                           .src = data,
                           .dst = data,
                           .len = (uint16_t)length,
                           .dst_cap = (uint16_t)(length + 32),
                           .is_rtcp = is_rtcp};

    if (way == 0)
        srtp_protect_burst(far->engine, &job, 1);
    else
        srtp_unprotect_burst(far->engine, &job, 1);
    return job.status == SRTP_OK ? job.out_len : 0;
}

unsigned rig_far_protect(struct rig_far *far, uint8_t *data, unsigned length)
{
    return run(far, 0, false, data, length);
}

unsigned rig_far_unprotect(struct rig_far *far, uint8_t *data, unsigned length)
{
    return run(far, 1, false, data, length);
}

unsigned rig_far_protect_rtcp(struct rig_far *far, uint8_t *data, unsigned length)
{
    return run(far, 0, true, data, length);
}

unsigned rig_far_unprotect_rtcp(struct rig_far *far, uint8_t *data, unsigned length)
{
    return run(far, 1, true, data, length);
}

unsigned rig_rtp(uint8_t *data, uint32_t ssrc, uint16_t sequence, uint8_t payload_type)
{
    memset(data, 0x5a, 172);
    data[0] = 0x80;
    data[1] = payload_type;
    wire_put16(data + 2, sequence);
    wire_put32(data + 4, sequence * 160u);
    wire_put32(data + 8, ssrc);
    return 172;
}
