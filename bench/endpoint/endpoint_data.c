#include "bench/endpoint/endpoint_data.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_histogram.h"
#include "sctp/dcep.h"
#include "sctp/sctp.h"

#define STREAMS     64
#define MTU         1200
#define BUFFER      (1u << 20)
#define MESSAGE_MAX (256u << 10)
#define HEAD        20 /* magic, number, time */
#define MAGIC       0x534c4443u
#define FLOOD_BURST 200
#define FLOOD_TICKS 200
#define ECHO_QUEUE  64 /* echoes that wait for room; beyond them reading stops to count */

struct waiting {
    struct waiting *next;
    uint16_t stream;
    uint32_t ppid;
    bool is_unordered;
    size_t len;
    uint8_t data[];
};

struct data_end {
    struct data_options options;
    const struct data_ops *ops;
    void *arg;
    uv_timer_t tick;
    bool is_ticking, is_closed;
    uint64_t ticked_ms;
    struct sctp *sctp;
    struct data_pipe pipe; /* in its place, with a function */
    bool is_client, is_up, is_open, is_done;
    uint16_t stream;
    struct dcep_open open; /* of our channel */
    struct dcep_open theirs[STREAMS];
    uint8_t *buffer;
    uint64_t started_us, ended_us;
    uint32_t sent, back, next_expected;
    struct waiting *first, **last;
    size_t waiting;
    unsigned ticks;
    uint32_t chance; /* of loss: the same in each run */
    struct {
        uint64_t received, octets, echoed, reordered, corrupted, foreign, resets, opened, opens_in,
            acks_in, noise, lost, ups, downs, echoes_dropped;
    } n;
    char down[64];
    struct bench_histogram latency;
};

/* ---- messages ---- */

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t pattern(uint32_t number, size_t at)
{
    return (uint8_t)(number * 31u + at * 7u);
}

static void make(struct data_end *d, uint32_t number)
{
    uint64_t now = clock_mono_us();
    put32(d->buffer, MAGIC);
    put32(d->buffer + 4, number);
    put32(d->buffer + 8, (uint32_t)(now >> 32));
    put32(d->buffer + 12, (uint32_t)now);
    put32(d->buffer + 16, d->options.size);
    for (size_t i = HEAD; i < d->options.size; i++)
        d->buffer[i] = pattern(number, i);
}

static bool is_whole(const struct data_end *d, const struct sctp_message *m)
{
    uint32_t number = get32(m->data + 4);
    if (m->len != d->options.size || get32(m->data + 16) != m->len)
        return false;
    for (size_t i = HEAD; i < m->len; i++)
        if (m->data[i] != pattern(number, i))
            return false;
    return true;
}

static struct sctp_message message_of(const struct data_end *d, const uint8_t *data, size_t len)
{
    const struct data_options *o = &d->options;
    return (struct sctp_message){.stream = d->stream,
                                 .ppid = o->ppid ? o->ppid : DCEP_PPID_BINARY,
                                 .is_unordered = o->is_unordered,
                                 .has_retransmits = o->has_retransmits,
                                 .retransmits = o->retransmits,
                                 .lifetime_ms = o->lifetime_ms,
                                 .data = data,
                                 .len = len};
}

static int carry(struct data_end *d, const struct sctp_message *m)
{
    return d->pipe.send ? d->pipe.send(d->pipe.arg, m) : sctp_send(d->sctp, m);
}

static void finish(struct data_end *d)
{
    if (d->is_done)
        return;
    d->is_done = true;
    d->ended_us = clock_mono_us();
    d->ops->on_done(d->arg);
}

static bool is_reliable(const struct data_end *d)
{
    return !d->options.has_retransmits && d->options.lifetime_ms == 0;
}

static void send_more(struct data_end *d)
{
    const struct data_options *o = &d->options;
    if (o->mode != DATA_SEND || !d->is_open || o->fault != DATA_FAULT_NONE)
        return;
    while (d->sent < o->count && (o->window == 0 || d->sent - d->back < o->window)) {
        make(d, d->sent);
        struct sctp_message m = message_of(d, d->buffer, o->size);
        if (carry(d, &m) != 0)
            return; /* on_room comes */
        d->sent++;
    }
}

static void came_back(struct data_end *d, const struct sctp_message *m)
{
    uint32_t number;
    if (m->len < HEAD || get32(m->data) != MAGIC) {
        d->n.foreign++;
        return;
    }
    number = get32(m->data + 4);
    if (!is_whole(d, m))
        d->n.corrupted++;
    if (number != d->next_expected && !(number > d->next_expected && !is_reliable(d)))
        d->n.reordered++;
    d->next_expected = number + 1;
    uint64_t then = (uint64_t)get32(m->data + 8) << 32 | get32(m->data + 12);
    uint64_t late_ns = (clock_mono_us() - then) * 1000;
    bench_histogram_add(&d->latency, late_ns < UINT32_MAX ? (uint32_t)late_ns : UINT32_MAX);
    d->back++;
    if (d->back == d->options.count)
        finish(d);
    else
        send_more(d);
}

/* What finds no room is kept, for a moment: the sender has a window. */
static void echo(struct data_end *d, const struct sctp_message *m)
{
    struct sctp_message back = *m;
    const struct dcep_open *how = m->stream < STREAMS ? &d->theirs[m->stream] : &d->open;
    back.has_retransmits = how->has_retransmits;
    back.retransmits = how->retransmits;
    back.lifetime_ms = how->has_lifetime ? how->lifetime_ms : 0;
    if (!d->first && carry(d, &back) == 0) {
        d->n.echoed++;
        return;
    }
    struct waiting *w = d->waiting < BUFFER ? malloc(sizeof(*w) + m->len) : NULL;
    if (!w) {
        d->n.echoes_dropped++;
        return;
    }
    *w = (struct waiting){.stream = back.stream,
                          .ppid = back.ppid,
                          .is_unordered = back.is_unordered,
                          .len = back.len};
    memcpy(w->data, m->data, m->len);
    *d->last = w;
    d->last = &w->next;
    d->waiting++;
}

static void echo_more(struct data_end *d)
{
    while (d->first) {
        struct waiting *w = d->first;
        struct sctp_message m = {.stream = w->stream,
                                 .ppid = w->ppid,
                                 .is_unordered = w->is_unordered,
                                 .data = w->data,
                                 .len = w->len};
        if (d->is_up && carry(d, &m) == ERR_AGAIN)
            return;
        d->n.echoed++;
        d->first = w->next;
        if (!d->first)
            d->last = &d->first;
        d->waiting--;
        free(w);
    }
}

/* ---- channels ---- */

static void open_channel(struct data_end *d)
{
    uint8_t out[DCEP_OPEN_MAX];
    size_t len = dcep_build_open(&d->open, out, sizeof(out));
    struct sctp_message m = {.stream = d->stream, .ppid = DCEP_PPID, .data = out, .len = len};
    if (len > 0 && carry(d, &m) == 0)
        d->n.opened++;
}

static void on_dcep(struct data_end *d, const struct sctp_message *m)
{
    struct dcep_open open;
    enum dcep_kind kind;
    uint8_t ack[4];
    if (dcep_parse(m->data, m->len, &kind, &open) != 0) {
        d->n.corrupted++;
        return;
    }
    if (kind == DCEP_ACK) {
        d->n.acks_in++;
        d->is_open = true;
        send_more(d);
        return;
    }
    d->n.opens_in++;
    if (m->stream < STREAMS)
        d->theirs[m->stream] = open;
    struct sctp_message answer = {.stream = m->stream,
                                  .ppid = DCEP_PPID,
                                  .data = ack,
                                  .len = dcep_build_ack(ack, sizeof(ack))};
    (void)carry(d, &answer);
}

static void on_message(void *user, const struct sctp_message *m)
{
    struct data_end *d = user;
    if (m->ppid == DCEP_PPID) {
        on_dcep(d, m);
        return;
    }
    d->n.received++;
    d->n.octets += m->len;
    if (d->options.mode == DATA_ECHO)
        echo(d, m);
    else if (d->options.mode == DATA_SEND)
        came_back(d, m);
}

/* Numbers that nobody has opened, up to the last that there can be. */
static void try_streams(struct data_end *d)
{
    uint8_t junk[32] = {0};
    for (unsigned i = 0; i < STREAMS; i++) {
        struct sctp_message m = {.stream = (uint16_t)i,
                                 .ppid = i % 3 == 0 ? DCEP_PPID : 1000 + i,
                                 .data = junk,
                                 .len = sizeof(junk)};
        d->n.noise += carry(d, &m) == 0;
    }
}

static void on_up(void *user, uint16_t out, uint16_t in)
{
    struct data_end *d = user;
    (void)out, (void)in;
    d->is_up = true;
    d->n.ups++;
    d->started_us = clock_mono_us();
    d->ops->on_up(d->arg);
    if (d->options.fault == DATA_FAULT_STREAMS)
        try_streams(d);
    if (d->options.mode != DATA_SEND)
        return;
    d->is_open = d->options.no_dcep;
    if (!d->is_open)
        open_channel(d);
    send_more(d);
}

static void on_down(void *user, const char *why)
{
    struct data_end *d = user;
    d->is_up = d->is_open = false;
    d->n.downs++;
    strncpy(d->down, why, sizeof(d->down) - 1);
    d->ops->on_down(d->arg, why);
}

static void on_stream_reset(void *user, uint16_t stream)
{
    struct data_end *d = user;
    d->n.resets++;
    if (d->pipe.reset)
        (void)d->pipe.reset(d->pipe.arg, stream);
    else
        (void)sctp_reset_stream(d->sctp, stream);
}

static void on_room(void *user)
{
    struct data_end *d = user;
    echo_more(d);
    send_more(d);
}

/* As good as on the way: SCTP sees the same. */
static bool is_lost(struct data_end *d)
{
    d->chance = d->chance * 1664525u + 1013904223u;
    bool lost = (d->chance >> 16) % 100 < d->options.loss_percent;
    d->n.lost += lost;
    return lost;
}

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    struct data_end *d = user;
    if (is_lost(d))
        return;
    if (d->options.fault != DATA_FAULT_DEAF || !d->is_up)
        d->ops->send(d->arg, packet, len);
}

static const struct sctp_callbacks callbacks = {.on_packet = on_packet,
                                                .on_up = on_up,
                                                .on_down = on_down,
                                                .on_message = on_message,
                                                .on_stream_reset = on_stream_reset,
                                                .on_room = on_room};

/* ---- faults ---- */

/* RFC 9260 appendix A, bit by bit. */
static uint32_t crc32c(const uint8_t *data, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* An INIT that is right to the last bit, so that each costs the server what an INIT can cost. */
static void make_init(uint8_t p[32])
{
    memcpy(p, "\x13\x88\x13\x88\0\0\0\0\0\0\0\0\x01\x00\x00\x14", 16);
    p[16] |= 1;                                            /* the tag is not zero */
    memcpy(p + 20, "\x00\x02\x00\x00\x00\x40\x00\x40", 8); /* window, streams */
    uint32_t crc = crc32c(p, 32);
    for (unsigned i = 0; i < 4; i++)
        p[8 + i] = (uint8_t)(crc >> (8 * i));
}

/* INITs with a fresh tag each (RFC 9260 3.3.2), or noise. */
static void flood(struct data_end *d)
{
    uint8_t packet[64];
    for (unsigned i = 0; i < FLOOD_BURST; i++) {
        if (getrandom(packet, sizeof(packet), 0) != (ssize_t)sizeof(packet))
            return;
        if (d->options.fault == DATA_FAULT_INIT_FLOOD)
            make_init(packet);
        d->ops->send(d->arg, packet,
                     i % 7 == 0 && d->options.fault == DATA_FAULT_GARBAGE ? i % 12 + 1 : 32);
        d->n.noise++;
    }
    if (++d->ticks >= FLOOD_TICKS)
        finish(d);
}

/* ---- life ---- */

static void on_tick(uv_timer_t *timer)
{
    struct data_end *d = timer->data;
    uint64_t now = clock_mono_ms();
    sctp_on_timer((uint32_t)(now - d->ticked_ms));
    d->ticked_ms = now;
    if (d->options.fault == DATA_FAULT_INIT_FLOOD || d->options.fault == DATA_FAULT_GARBAGE)
        flood(d);
}

int data_end_create(uv_loop_t *loop, const struct data_options *options, const struct data_ops *ops,
                    void *arg, struct data_end **out)
{
    struct data_end *d = calloc(1, sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    d->options = *options;
    d->ops = ops;
    d->arg = arg;
    d->last = &d->first;
    d->open = (struct dcep_open){.is_unordered = options->is_unordered,
                                 .has_retransmits = options->has_retransmits,
                                 .retransmits = options->retransmits,
                                 .has_lifetime = options->lifetime_ms != 0,
                                 .lifetime_ms = options->lifetime_ms};
    strncpy(d->open.label, options->label, DCEP_LABEL_MAX);
    strncpy(d->open.protocol, options->protocol, DCEP_PROTOCOL_MAX);
    d->buffer = malloc(options->size > HEAD ? options->size : HEAD);
    if (!d->buffer || sctp_start() != 0) {
        free(d->buffer);
        free(d);
        return ERR_NOMEM;
    }
    uv_timer_init(loop, &d->tick);
    d->tick.data = d;
    *out = d;
    return 0;
}

int data_end_start(struct data_end *d, bool is_client, uint16_t local_port, uint16_t remote_port)
{
    const struct sctp_options options = {.local_port = local_port,
                                         .remote_port = remote_port,
                                         .streams = STREAMS,
                                         .mtu = MTU,
                                         .send_octets = BUFFER,
                                         .receive_octets = BUFFER,
                                         .message_max = MESSAGE_MAX,
                                         .callbacks = &callbacks,
                                         .user = d};
    if (d->sctp || d->is_closed)
        return 0;
    d->is_client = is_client;
    d->stream = (uint16_t)(d->options.no_dcep ? d->options.stream : is_client ? 0 : 1);
    data_end_tick(d);
    if (d->options.fault == DATA_FAULT_INIT_FLOOD || d->options.fault == DATA_FAULT_GARBAGE)
        return 0;
    return sctp_create(&options, &d->sctp);
}

void data_end_tick(struct data_end *d)
{
    d->ticked_ms = clock_mono_ms();
    if (!d->is_ticking && !d->is_closed)
        uv_timer_start(&d->tick, on_tick, SCTP_TICK_MS, SCTP_TICK_MS);
    d->is_ticking = true;
}

void data_end_start_pipe(struct data_end *d, bool is_client, const struct data_pipe *pipe)
{
    if (d->pipe.send || d->is_closed)
        return;
    d->pipe = *pipe;
    d->is_client = is_client;
    /* Stream 0 is the handshake's (RFC 6083 4.4). */
    d->stream = (uint16_t)(d->options.no_dcep ? d->options.stream : is_client ? 2 : 1);
    on_up(d, STREAMS, STREAMS);
}

void data_end_message(struct data_end *d, const struct sctp_message *message)
{
    if (d->is_up)
        on_message(d, message);
}

void data_end_reset(struct data_end *d, uint16_t stream)
{
    if (d->is_up)
        on_stream_reset(d, stream);
}

void data_end_room(struct data_end *d)
{
    if (d->is_up)
        on_room(d);
}

void data_end_down(struct data_end *d, const char *why)
{
    if (d->is_up)
        on_down(d, why);
}

void data_end_input(struct data_end *d, const uint8_t *packet, size_t len)
{
    if (d->sctp && !is_lost(d))
        sctp_input(d->sctp, packet, len);
}

void data_end_stop(struct data_end *d)
{
    sctp_destroy(d->sctp);
    d->sctp = NULL;
    d->pipe = (struct data_pipe){.send = NULL};
    d->n.downs += d->is_up;
    d->is_up = d->is_open = false;
}

void data_end_close(struct data_end *d)
{
    if (!d || d->is_closed)
        return;
    data_end_stop(d);
    d->is_closed = true;
    uv_close((uv_handle_t *)&d->tick, NULL);
}

void data_end_destroy(struct data_end *d)
{
    if (!d)
        return;
    while (d->first) {
        struct waiting *w = d->first;
        d->first = w->next;
        free(w);
    }
    (void)sctp_stop();
    free(d->buffer);
    free(d);
}

/* ---- what came of it ---- */

bool data_end_is_done(const struct data_end *d)
{
    /* Who answers is done when the one who asks has gone. */
    return d->is_done || (d->options.mode != DATA_SEND && d->n.downs > 0 && !d->is_up);
}

const char *data_end_failure(const struct data_end *d)
{
    if (d->options.fault != DATA_FAULT_NONE)
        return NULL;
    if (!d->n.ups)
        return "the SCTP association never came up";
    if (d->options.mode != DATA_SEND || !is_reliable(d))
        return NULL;
    if (d->n.corrupted)
        return "a message came back changed";
    if (d->n.reordered && !d->options.is_unordered)
        return "messages came back in another order";
    return d->back == d->options.count ? NULL : "not all messages came back";
}

json_t *data_end_report(const struct data_end *d)
{
    const struct sctp_stats *s = sctp_stats();
    double seconds =
        d->ended_us > d->started_us ? (double)(d->ended_us - d->started_us) / 1e6 : 0.0;
    double messages = seconds > 0 ? d->back / seconds : 0.0;
    json_t *o = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"sent", d->sent},
        {"returned", d->back},
        {"received", d->n.received},
        {"octets", d->n.octets},
        {"echoed", d->n.echoed},
        {"echoes_dropped", d->n.echoes_dropped},
        {"reordered", d->n.reordered},
        {"corrupted", d->n.corrupted},
        {"foreign", d->n.foreign},
        {"resets", d->n.resets},
        {"opens_out", d->n.opened},
        {"opens_in", d->n.opens_in},
        {"acks_in", d->n.acks_in},
        {"noise", d->n.noise},
        {"packets_lost", d->n.lost},
        {"ups", d->n.ups},
        {"downs", d->n.downs},
        {"packets_in", s->packets_in},
        {"packets_out", s->packets_out},
        {"abandoned", s->abandoned},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
    json_object_set_new(o, "seconds", json_real(seconds));
    json_object_set_new(o, "messages_s", json_real(messages));
    json_object_set_new(o, "mbit_s", json_real(messages * d->options.size * 8 / 1e6));
    json_object_set_new(o, "p50_ms", json_real(bench_histogram_us(&d->latency, 0.5) / 1e3));
    json_object_set_new(o, "p99_ms", json_real(bench_histogram_us(&d->latency, 0.99) / 1e3));
    json_object_set_new(o, "down", json_string(d->down));
    return o;
}

int data_mode_parse(const char *text, enum data_mode *out)
{
    static const char *const names[] = {"off", "echo", "send", "sink"};
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum data_mode)i;
            return 0;
        }
    return ERR_NOTFOUND;
}

int data_fault_parse(const char *text, enum data_fault *out)
{
    static const char *const names[] = {
#define DATA_FAULT_TEXT(name, words) words,
        DATA_FAULT_LIST(DATA_FAULT_TEXT)
#undef DATA_FAULT_TEXT
    };
    for (unsigned i = 0; i < DATA_FAULT_COUNT; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum data_fault)i;
            return 0;
        }
    return ERR_NOTFOUND;
}
