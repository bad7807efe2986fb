#include "tests/audio/talk.h"

#include "tests/suite.h"

#include <math.h>
#include <spandsp/telephony.h>

#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
#include <stdlib.h>

#define RATE    8000
#define TICK    160
#define SPEECH  (31 * RATE) /* ten phrases, then all over again */
#define SAMPLED 7           /* one in so many samples is looked at to find the delay */
#define LAG_MAX 8000        /* samples of delay that talk_match looks for */

static void on_mix(void *user, struct audio_member *member, const int16_t *pcm, size_t samples)
{
    struct talk *t = user;

    CU_ASSERT_PTR_NULL(member);
    if (t->out_count + samples > t->out_room) {
        t->out_room = 2 * t->out_room + 100 * TICK;
        t->out = realloc(t->out, t->out_room * sizeof(*t->out));
    }
    for (size_t i = 0; i < samples; i++)
        t->out[t->out_count++] = pcm != NULL ? pcm[i] : 0;
}

void talk_start(struct talk *t)
{
    struct audio_room_config room = {.rate = RATE, .loudest = 3, .max_members = 4};
    struct audio_member_config member = {.rx = {{8, AUDIO_CODEC_PCMA}},
                                         .event_payload_type = 101,
                                         .tx_codec = AUDIO_CODEC_PCMA,
                                         .tx_payload_type = 8,
                                         .jitter_min_ms = t->jitter_min_ms};

    t->ptime_ms = t->ptime_ms > 0 ? t->ptime_ms : 20;
    t->now_us = t->begin_us = 5000000;
    CU_ASSERT_EQUAL_FATAL(audio_room_create(&room, &t->room), 0);
    CU_ASSERT_EQUAL_FATAL(audio_member_add(t->room, &member, NULL, &t->talker), 0);
    CU_ASSERT_EQUAL_FATAL(audio_member_add(t->room, &member, NULL, &t->ear), 0);
    CU_ASSERT_EQUAL_FATAL(audio_room_tap(t->room, NULL, on_mix, t), 0);
}

/* When the packet is complete at the sender: its clock may be another than ours. */
static uint64_t sent_us(const struct talk *t, uint64_t packet)
{
    return t->begin_us + t->phase_us +
           (uint64_t)((double)((packet + 1) * t->ptime_ms) * 1000 / (1 + t->ppm * 1e-6));
}

static void send_one(struct talk *t)
{
    size_t samples = t->ptime_ms * RATE / 1000;
    int delay = t->delay_us != NULL ? t->delay_us(t, t->packet) : 0;
    struct talk_packet p = {.arrival_us = sent_us(t, t->packet) + (uint64_t)(delay > 0 ? delay : 0),
                            .sequence = t->sequence,
                            .timestamp = t->timestamp,
                            .ssrc = t->ssrc,
                            .length = samples};

    for (size_t i = 0; i < samples; i++)
        p.bytes[i] = linear_to_alaw(t->signal(t->said + i));
    t->said += samples;
    t->timestamp += (uint32_t)samples;
    if (t->is_paused)
        return;
    t->sequence++;
    CU_ASSERT_FATAL(t->pending_count < TALK_PENDING);
    if (delay != TALK_LOST)
        t->pending[t->pending_count++] = p;
}

static void send_due(struct talk *t, uint64_t until_us)
{
    for (; sent_us(t, t->packet) <= until_us; t->packet++)
        for (unsigned i = 0; i < (t->times > 1 ? t->times : 1); i++)
            send_one(t);
}

/* The packets that have come by then, in the order of arrival. */
static void deliver(struct talk *t, uint64_t until_us)
{
    for (;;) {
        struct talk_packet *first = NULL, p;
        struct audio_packet packet;

        for (unsigned i = 0; i < t->pending_count; i++)
            if (t->pending[i].arrival_us <= until_us &&
                (first == NULL || t->pending[i].arrival_us < first->arrival_us))
                first = &t->pending[i];
        if (first == NULL)
            return;
        p = *first;
        memmove(first, first + 1,
                (size_t)(t->pending + --t->pending_count - first) * sizeof(*first));
        packet = (struct audio_packet){.payload = p.bytes,
                                       .length = p.length,
                                       .sequence = p.sequence,
                                       .timestamp = p.timestamp,
                                       .ssrc = p.ssrc,
                                       .payload_type = 8};
        t->verdicts[audio_member_packet(t->talker, &packet, p.arrival_us)]++;
    }
}

void talk_run(struct talk *t, unsigned ms)
{
    uint8_t payload[AUDIO_FRAME_MAX];
    struct audio_frame frame;
    uint64_t end = t->now_us + ms * 1000ULL;

    while (t->now_us < end) {
        send_due(t, t->now_us);
        deliver(t, t->now_us);
        audio_room_tick(t->room, t->now_us);
        CU_ASSERT_TRUE(audio_member_frame(t->ear, payload, sizeof(payload), &frame));
        t->now_us += AUDIO_TICK_US;
    }
}

void talk_stall(struct talk *t, unsigned ms)
{
    for (uint64_t end = t->now_us + ms * 1000ULL; t->now_us < end; t->now_us += AUDIO_TICK_US) {
        send_due(t, t->now_us);
        deliver(t, t->now_us);
    }
}

void talk_listen(struct talk *t)
{
    t->out_count = 0;
}

static size_t count_equal(const struct talk *t, const int16_t *said, size_t count, size_t from,
                          size_t lag, size_t step)
{
    size_t equal = 0;

    for (size_t i = 0; i < t->out_count; i += step)
        if (from + i >= lag && from + i - lag < count)
            equal += t->out[i] == said[from + i - lag];
    return equal;
}

double talk_match(const struct talk *t, double *delay_us)
{
    /* out[i] is the signal's sample of this index, if nothing needs time. */
    size_t from = (size_t)((t->now_us - t->begin_us) * RATE / 1000000) - t->out_count;
    size_t count = t->said, best = 0, best_lag = 0;
    int16_t *said = malloc(count * sizeof(*said) + 1);

    for (size_t i = 0; i < count; i++)
        said[i] = alaw_to_linear(linear_to_alaw(t->signal(i)));
    for (size_t lag = 0; lag < LAG_MAX; lag++) {
        size_t equal = count_equal(t, said, count, from, lag, SAMPLED);

        if (equal > best) {
            best = equal;
            best_lag = lag;
        }
    }
    best = count_equal(t, said, count, from, best_lag, 1);
    free(said);
    /* The packet of sample 0 was complete one ptime behind the beginning of that sample. */
    *delay_us = (double)best_lag * 1e6 / RATE - t->ptime_ms * 1e3 - t->phase_us;
    return t->out_count > 0 ? (double)best / (double)t->out_count : 0;
}

struct audio_member_stats talk_stats(const struct talk *t)
{
    struct audio_member_stats stats;

    audio_member_get_stats(t->talker, &stats);
    return stats;
}

void talk_end(struct talk *t)
{
    audio_room_destroy(t->room);
    free(t->out);
}

static int16_t speak(unsigned sample)
{
    double s = (double)sample / RATE, phrase = fmod(s, 3.1), sum = 0;
    double pitch = 120 + 25 * sin(2 * M_PI * 0.7 * s), level;
    uint32_t noise = sample * 2654435761U;

    level = phrase < 2.4 ? 0.15 + 0.85 * fabs(sin(2 * M_PI * 2.3 * s)) : 0;
    for (int h = 1; h <= 8; h++)
        sum += sin(2 * M_PI * pitch * h * s + h) / h;
    return (int16_t)(3000 * level * sum + (double)(noise >> 24) / 4 - 32);
}

int16_t talk_speech(uint64_t sample)
{
    static int16_t loop[SPEECH];

    if (loop[0] == 0 && loop[1] == 0)
        for (unsigned i = 0; i < SPEECH; i++)
            loop[i] = speak(i);
    return loop[sample % SPEECH];
}
