/* Rooms under arbitrary packets: payload types, lengths, sequence numbers, timestamps, sources,
 * times, changes of members. Nothing may crash, hang or come out that is no frame; counters must
 * add up.
 *
 * The input is a list of commands, a byte each with what it needs behind it; see step(). */
#include "audio/room.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS  4
#define COMMANDS 400

struct input {
    const uint8_t *at, *end;
};

struct rig {
    struct audio_room *room;
    struct audio_member *member[MEMBERS];
    uint64_t packets[MEMBERS];
    uint16_t sequence[MEMBERS];
    uint32_t timestamp[MEMBERS];
    uint64_t now_us;
    bool has_opus;
};

static unsigned take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static void check(bool is_good)
{
    if (!is_good)
        abort();
}

/* Opus is by far the slowest: some inputs do without it and come twenty times as far. */
static struct audio_member_config make_config(struct rig *r, struct input *in)
{
    enum audio_codec slow = r->has_opus ? AUDIO_CODEC_OPUS : AUDIO_CODEC_PCMU;
    const enum audio_codec codecs[] = {AUDIO_CODEC_PCMA, AUDIO_CODEC_PCMU, AUDIO_CODEC_G722, slow};
    unsigned bits = take(in), tx = take(in);

    return (struct audio_member_config){
        .rx = {{8, codecs[bits & 3]}, {9, codecs[bits >> 2 & 3]}, {96, slow}},
        .event_payload_type = 101,
        .tx_codec = codecs[tx & 3],
        .tx_payload_type = 8,
        .ptime_ms = tx & 16 && (tx & 3) != 3 ? 40 : 20,
        .gain_db = (int)(tx >> 5) * 8 - 40,
        .is_muted = bits & 16,
        .is_deaf = bits & 32,
        .jitter_min_ms = bits & 64 ? 40 : 0,
        .jitter_max_ms = bits & 128 ? 60 : 200};
}

static void send(struct rig *r, struct input *in, unsigned i, unsigned kind)
{
    static const uint8_t types[] = {8, 9, 96, 101, 13, 77, 8, 96};
    uint8_t payload[AUDIO_PAYLOAD_MAX + 1];
    size_t wanted = take(in) * (kind & 8 ? 6U : 1U), left;
    struct audio_packet p = {.payload = payload,
                             .length = wanted,
                             .sequence = r->sequence[i]++,
                             .timestamp = r->timestamp[i],
                             .ssrc = kind & 16 ? take(in) : 1,
                             .payload_type = types[kind & 7],
                             .marker = kind & 1};

    r->timestamp[i] += p.payload_type == 96 ? 960 : 160;
    memset(payload, (int)take(in), sizeof(payload));
    left = (size_t)(in->end - in->at);
    left = left < 16 ? left : 16;
    memcpy(payload, in->at, left);
    in->at += left;
    check((unsigned)audio_member_packet(r->member[i], &p, r->now_us) < AUDIO_VERDICTS);
    r->packets[i]++;
}

static void hear(struct rig *r)
{
    uint8_t payload[AUDIO_FRAME_MAX];
    struct audio_frame frame;
    struct audio_event event;

    r->now_us += AUDIO_TICK_US;
    audio_room_tick(r->room, r->now_us);
    for (unsigned i = 0; i < MEMBERS; i++)
        if (r->member[i] != NULL &&
            audio_member_frame(r->member[i], payload, sizeof(payload), &frame))
            check(frame.length > 0 && frame.length <= sizeof(payload) && frame.timestamp_step > 0);
    while (audio_room_next_event(r->room, &event))
        check(event.kind <= AUDIO_EVENT_PLAYED);
}

static void change(struct rig *r, struct input *in, unsigned i)
{
    struct audio_member_config config = make_config(r, in);

    if (r->member[i] == NULL) {
        (void)audio_member_add(r->room, &config, r, &r->member[i]);
        r->packets[i] = 0;
    } else {
        (void)audio_member_set(r->member[i], &config);
    }
}

static void leave(struct rig *r, unsigned i)
{
    struct audio_member_stats stats;
    uint64_t sum = 0;

    audio_member_get_stats(r->member[i], &stats);
    for (unsigned v = 0; v < AUDIO_VERDICTS; v++)
        sum += stats.packets[v];
    check(sum == r->packets[i]);
    audio_member_remove(r->member[i]);
    r->member[i] = NULL;
}

static void step(struct rig *r, struct input *in)
{
    static const int16_t announcement[700] = {1000, -1000, 30000, -30000};
    unsigned command = take(in), i = command & 3;

    switch (command >> 2 & 7) {
    case 0:
    case 1:
        if (r->member[i] != NULL)
            send(r, in, i, command >> 3);
        break;
    case 2:
        hear(r);
        break;
    case 3:
        change(r, in, i);
        break;
    case 4:
        r->sequence[i] = (uint16_t)(r->sequence[i] + (int8_t)take(in) * (int)(command >> 5) * 7);
        break;
    case 5:
        r->timestamp[i] += (uint32_t)(int8_t)take(in) << (command >> 5) * 4;
        break;
    case 6:
        r->now_us += (uint64_t)take(in) << (command >> 5) * 3;
        break;
    default:
        if (r->member[i] != NULL && command & 32)
            leave(r, i);
        else
            (void)audio_room_play(r->room, command & 64 ? r->member[i] : NULL, announcement,
                                  1 + take(in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned rates[] = {8000, 16000, 48000, 8000};
    struct input in = {data, data + size};
    unsigned first = take(&in);
    struct rig r = {.now_us = 1000000, .has_opus = !(first & 32)};
    struct audio_room_config config = {.rate = rates[first & 3],
                                       .loudest = first >> 2 & 3,
                                       .max_members = MEMBERS,
                                       .has_agc = first & 16};

    if (audio_room_create(&config, &r.room) != 0)
        abort();
    for (unsigned n = 0; in.at < in.end && n < COMMANDS; n++)
        step(&r, &in);
    for (unsigned i = 0; i < MEMBERS; i++)
        if (r.member[i] != NULL)
            leave(&r, i);
    audio_room_destroy(r.room);
    return 0;
}
