#include "bench/bench_mix.h"

#include "audio/encoder.h"
#include "audio/room.h"
#include "base/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_UP    50
#define LOOP       250 /* frames of the recording that all send: five seconds */
#define PT         96
#define FRAME_ROOM 400 /* bytes of a payload: Opus at 40 kbit/s needs 100 to 200 */

struct payload {
    size_t length;
    uint8_t bytes[FRAME_ROOM];
};

struct rig {
    const struct bench_mix_case *c;
    struct payload *loop; /* LOOP of talking */
    struct payload *low;  /* LOOP of line noise */
    struct audio_room **rooms;
    struct audio_member **members; /* of all rooms, room by room */
    unsigned room_count, ports;
    uint64_t now_us;
    uint16_t sequence;
    uint32_t timestamp;
    double *packet_ns, *tick_ns, *frame_ns; /* by tick */
};

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Something with the level, the pitch and the syllables of speech; no two runs differ. */
static int16_t sample_at(uint64_t i, double rate, bool is_talking)
{
    double t = (double)i / rate, syllable = 0.5 + 0.5 * sin(2 * M_PI * 4 * t), sum = 0;

    for (int h = 1; h < 12; h++)
        sum += sin(2 * M_PI * 140 * h * t + h * h) / h;
    sum = 2500 * syllable * sum * is_talking;
    return (int16_t)(sum + 60 * sin((double)(i * i % 9973)));
}

static int make_loop(const struct bench_mix_case *c, struct payload *loop, bool is_talking)
{
    unsigned rate = audio_encoder_rate(c->codec, c->rate);
    size_t n = rate / 50;
    int16_t pcm[960];
    void *memory = aligned_alloc(64, audio_encoder_size(c->codec));
    struct audio_encoder *e;

    if (memory == NULL)
        return ERR_NOMEM;
    e = audio_encoder_init(memory, c->codec, c->rate);
    for (size_t f = 0; f < LOOP; f++) {
        for (size_t i = 0; i < n; i++)
            pcm[i] = sample_at(f * n + i, rate, is_talking);
        loop[f].length = audio_encode(e, pcm, n, false, loop[f].bytes, FRAME_ROOM);
    }
    free(memory);
    return 0;
}

static int make_rooms(struct rig *r)
{
    struct audio_room_config room = {
        .rate = r->c->rate, .loudest = r->c->loudest, .max_members = r->c->members};
    struct audio_member_config member = {.rx = {{PT, r->c->codec}},
                                         .event_payload_type = 101,
                                         .tx_codec = r->c->codec,
                                         .tx_payload_type = PT};

    for (unsigned i = 0; i < r->room_count; i++) {
        int rc = audio_room_create(&room, &r->rooms[i]);

        for (unsigned k = 0; rc == 0 && k < r->c->members; k++)
            rc = audio_member_add(r->rooms[i], &member, NULL, &r->members[i * r->c->members + k]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Each talks for a second in turn with its neighbours, three of a room at a time. */
static const struct payload *payload_of(const struct rig *r, unsigned port, unsigned tick)
{
    unsigned k = port % r->c->members, turn = tick / 50;
    bool is_talking = (k + turn) % r->c->members < 3;

    return &(is_talking ? r->loop : r->low)[(tick + 7 * port) % LOOP];
}

static bool send_all(struct rig *r, unsigned tick)
{
    bool is_good = true;

    for (unsigned i = 0; i < r->ports; i++) {
        const struct payload *p = payload_of(r, i, tick);
        struct audio_packet packet = {.payload = p->bytes,
                                      .length = p->length,
                                      .sequence = r->sequence,
                                      .timestamp = r->timestamp,
                                      .ssrc = i + 1,
                                      .payload_type = PT};

        is_good &= audio_member_packet(r->members[i], &packet, r->now_us) == AUDIO_PACKET_KEPT;
    }
    r->sequence++;
    r->timestamp += audio_codec_clock(r->c->codec) / 50;
    return is_good;
}

static bool fetch_all(struct rig *r)
{
    uint8_t payload[AUDIO_FRAME_MAX];
    struct audio_frame frame;
    bool is_good = true;

    for (unsigned i = 0; i < r->ports; i++)
        is_good &= audio_member_frame(r->members[i], payload, sizeof(payload), &frame);
    return is_good;
}

static bool one_tick(struct rig *r, unsigned tick, unsigned at)
{
    struct audio_event event;
    double begin, sent, mixed, end;
    bool is_good;

    begin = cpu_ns();
    is_good = r->c->is_silent || send_all(r, tick);
    sent = cpu_ns();
    for (unsigned i = 0; i < r->room_count; i++)
        audio_room_tick(r->rooms[i], r->now_us + 5000);
    mixed = cpu_ns();
    is_good &= fetch_all(r);
    end = cpu_ns();
    for (unsigned i = 0; i < r->room_count; i++)
        while (audio_room_next_event(r->rooms[i], &event))
            continue;
    r->now_us += AUDIO_TICK_US;
    r->packet_ns[at] = (sent - begin) / r->ports;
    r->tick_ns[at] = (mixed - sent) / r->ports;
    r->frame_ns[at] = (end - mixed) / r->ports;
    return is_good;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare);
    return values[n / 2];
}

static void sum_up(struct rig *r, struct bench_mix_result *result)
{
    struct audio_room_config room = {
        .rate = r->c->rate, .loudest = r->c->loudest, .max_members = r->c->members};
    struct audio_member_config member = {.rx = {{PT, r->c->codec}},
                                         .event_payload_type = AUDIO_PT_NONE,
                                         .tx_codec = r->c->codec,
                                         .tx_payload_type = PT};
    double own = 0;

    for (unsigned i = 0; i < r->ports; i++) {
        struct audio_member_stats stats;

        audio_member_get_stats(r->members[i], &stats);
        own += (double)stats.encodings;
    }
    *result = (struct bench_mix_result){.ports = r->ports,
                                        .packet_ns = median(r->packet_ns, r->c->ticks),
                                        .tick_ns = median(r->tick_ns, r->c->ticks),
                                        .frame_ns = median(r->frame_ns, r->c->ticks),
                                        .own_encodings = own / r->ports / (WARM_UP + r->c->ticks),
                                        .member_bytes = audio_member_size(&room, &member),
                                        .room_bytes = audio_room_size(&room)};
    result->ports_per_core =
        AUDIO_TICK_US * 1e3 / (result->packet_ns + result->tick_ns + result->frame_ns);
}

static int measure(struct rig *r, struct bench_mix_result *result)
{
    int rc = make_loop(r->c, r->loop, true);

    if (rc == 0)
        rc = make_loop(r->c, r->low, false);
    if (rc == 0)
        rc = make_rooms(r);
    for (unsigned t = 0; rc == 0 && t < WARM_UP + r->c->ticks; t++)
        if (!one_tick(r, t, t < WARM_UP ? 0 : t - WARM_UP))
            rc = ERR_STATE;
    if (rc == 0)
        sum_up(r, result);
    return rc;
}

int bench_mix_run(const struct bench_mix_case *c, struct bench_mix_result *result)
{
    struct rig r = {.c = c, .now_us = 1000000};
    int rc = ERR_NOMEM;

    if (c->members == 0 || c->ticks == 0 || c->codec == AUDIO_CODEC_NONE)
        return ERR_INVAL;
    r.room_count = c->ports / c->members > 0 ? c->ports / c->members : 1;
    r.ports = r.room_count * c->members;
    r.loop = calloc(LOOP, sizeof(*r.loop));
    r.low = calloc(LOOP, sizeof(*r.low));
    r.rooms = calloc(r.room_count, sizeof(struct audio_room *));
    r.members = calloc(r.ports, sizeof(struct audio_member *));
    r.packet_ns = calloc(c->ticks, sizeof(double));
    r.tick_ns = calloc(c->ticks, sizeof(double));
    r.frame_ns = calloc(c->ticks, sizeof(double));
    if (r.loop && r.low && r.rooms && r.members && r.packet_ns && r.tick_ns && r.frame_ns)
        rc = measure(&r, result);
    for (unsigned i = 0; r.rooms != NULL && i < r.room_count; i++)
        audio_room_destroy(r.rooms[i]);
    free(r.loop);
    free(r.low);
    free(r.rooms);
    free(r.members);
    free(r.packet_ns);
    free(r.tick_ns);
    free(r.frame_ns);
    return rc;
}
