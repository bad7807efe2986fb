#include "tests/dpdk-app/mix_rig.h"

#include <math.h>
#include <string.h>

#include "audio/g711.h"
#include "dpdk-app/wire.h"
#include <CUnit/CUnit.h>
#include <stdio.h>

#include "dpdk-app/media.h"

#define AMPLITUDE 6000.0
#define SYLLABLES 4.0 /* a second: a steady tone is no speech */
#define FRAME     160u

struct rig rig;
struct party party[PARTIES];
uint16_t party_flags;

static struct link_id open_party(unsigned i, unsigned mode)
{
    struct link_open open = {.mode = (uint8_t)mode,
                             .flags = party_flags,
                             .port = (uint16_t)(RIG_PORT + 2 * i),
                             .remote = {.family = 4,
                                        .port = (uint16_t)(4000 + i),
                                        .ip = {192, 0, 2, (uint8_t)(10 + i)}}};
    struct link_id id = rig_open(&rig, 0, &open);

    rig_resolve(&rig, id);
    return id;
}

void parties_start(unsigned n)
{
    /* Far enough from each other and from each other's harmonics. */
    static const unsigned hertz[PARTIES] = {410, 530, 690, 870, 1130, 1370, 1610, 1930};

    for (unsigned i = 0; i < n; i++) {
        struct party *p = &party[i];

        memset(p, 0, sizeof(*p));
        p->is_secure = i % 2 == 0;
        p->is_ulaw = i % 2 == 1;
        p->hertz = hertz[i];
        p->amplitude = AMPLITUDE;
        p->sequence = (uint16_t)(65530 + i); /* wraps soon */
        p->timestamp = 1000 * i;
        p->id = open_party(i, p->is_secure ? LINK_MODE_DTLS_SRTP : LINK_MODE_RTP);
        CU_ASSERT_NOT_EQUAL_FATAL(p->id.generation, 0);
        if (!p->is_secure)
            continue;
        rig_keys(&rig, p->id, (uint8_t)(0x20 + i), (uint8_t)(0x40 + i));
        CU_ASSERT_EQUAL_FATAL(
            rig_far_start(&p->say, (uint8_t)(0x20 + i), (uint8_t)(0x40 + i), FAR_SSRC + i), 0);
        CU_ASSERT_EQUAL_FATAL(
            rig_far_start(&p->hear, (uint8_t)(0x20 + i), (uint8_t)(0x40 + i), OUR_SSRC + i), 0);
    }
    rig.sent_n = 0;
}

void parties_stop(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!party[i].is_secure)
            continue;
        rig_far_stop(&party[i].say);
        rig_far_stop(&party[i].hear);
    }
}

/* ---- commands ---- */

int mix_ask(struct link_msg *msg)
{
    unsigned before;

    link_port_poll(link_client_port(rig.client, 0), 0); /* of commands before */
    before = rig.replies;
    rig_command(&rig, msg);
    link_worker_flush(rig.worker[msg->transport >> 24]->link);
    link_port_poll(link_client_port(rig.client, 0), 0);
    CU_ASSERT_EQUAL_FATAL(rig.replies, before + 1);
    CU_ASSERT_EQUAL(rig.reply.cookie, msg->cookie);
    CU_ASSERT_EQUAL(rig.reply.u.reply.command, msg->type);
    return rig.reply.error;
}

struct link_id mix_make(unsigned worker, unsigned members_max, unsigned loudest)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_OPEN, (struct link_id){worker << 24, 0}, 77);
    msg.u.mix = (struct link_mix_open){.rate = 8000,
                                       .members_max = (uint16_t)members_max,
                                       .loudest = (uint8_t)loudest,
                                       .conference = "room"};
    if (mix_ask(&msg) != 0)
        return (struct link_id){0, 0};
    return (struct link_id){rig.reply.transport, rig.reply.generation};
}

struct link_mix_member mix_member_of(unsigned i)
{
    const struct party *p = &party[i];

    return (struct link_mix_member){.member = p->id,
                                    .ssrc = OUR_SSRC + i,
                                    .rx = {{0, LINK_CODEC_PCMU}, {8, LINK_CODEC_PCMA}},
                                    .rx_count = 2,
                                    .event = 101,
                                    .tx_codec = p->is_ulaw ? LINK_CODEC_PCMU : LINK_CODEC_PCMA,
                                    .tx_type = p->is_ulaw ? 0 : 8,
                                    .ptime_ms = 20};
}

int mix_join(struct link_id mix, unsigned i)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_JOIN, mix, 78);
    msg.u.member = mix_member_of(i);
    return mix_ask(&msg);
}

int mix_leave(struct link_id mix, unsigned i)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_LEAVE, mix, 79);
    msg.u.target.member = party[i].id;
    return mix_ask(&msg);
}

int mix_close(struct link_id mix)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_CLOSE, mix, 80);
    return mix_ask(&msg);
}

int mix_file(unsigned type, struct link_id mix, int i, const char *name, uint64_t cookie)
{
    struct link_msg msg;

    link_msg_init(&msg, type, mix, cookie);
    if (i >= 0)
        msg.u.file.member = party[i].id;
    snprintf(msg.u.file.name, sizeof(msg.u.file.name), "%s", name);
    return mix_ask(&msg);
}

/* ---- sound ---- */

static const struct audio_g711 *law_of(const struct party *p)
{
    return p->is_ulaw ? audio_g711_ulaw() : audio_g711_alaw();
}

void say_packet(unsigned i, const uint8_t *rtp, unsigned length)
{
    uint8_t data[400], frame[RIG_FRAME];

    memcpy(data, rtp, length);
    if (party[i].is_secure)
        length = rig_far_protect(&party[i].say, data, length);
    rig_frame(&rig, 0, frame, rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), data, length));
}

static void say(unsigned i)
{
    struct party *p = &party[i];
    uint8_t data[RTP_SIZE + FRAME];
    int16_t pcm[FRAME];

    for (unsigned k = 0; k < FRAME; k++) {
        double envelope = 0.8 + 0.2 * sin(2 * M_PI * SYLLABLES * (p->timestamp + k) / 8000);

        pcm[k] = (int16_t)(p->is_silent ? 0 : lround(p->amplitude * envelope * sin(p->phase)));
        p->phase += 2 * M_PI * p->hertz / 8000;
    }
    data[0] = 0x80;
    data[1] = p->is_ulaw ? 0 : 8;
    wire_put16(data + 2, p->sequence++);
    wire_put32(data + 4, p->timestamp);
    wire_put32(data + 8, FAR_SSRC + i);
    p->timestamp += FRAME;
    audio_g711_encode(law_of(p), data + RTP_SIZE, pcm, FRAME);
    if (!p->is_absent)
        say_packet(i, data, sizeof(data));
}

static void hear_report(unsigned i, uint8_t *data, unsigned n)
{
    struct party *p = &party[i];

    if (p->is_secure)
        n = rig_far_unprotect_rtcp(&p->hear, data, n);
    if (n < 28 || data[1] != 200 || wire_get32(data + 4) != OUR_SSRC + i)
        return;
    p->reports++;
    p->report_timestamp = wire_get32(data + 16);
    p->report_packets = wire_get32(data + 20);
    p->heard_then = p->packets;
}

static void hear(unsigned i, uint8_t *data, unsigned n)
{
    struct party *p = &party[i];
    uint16_t sequence;
    uint32_t timestamp;

    if (data[1] >= 192 && data[1] <= 223) {
        hear_report(i, data, n);
        return;
    }
    if (p->is_secure)
        n = rig_far_unprotect(&p->hear, data, n);
    if (n != RTP_SIZE + FRAME || wire_get32(data + 8) != OUR_SSRC + i ||
        (data[1] & 0x7f) != (p->is_ulaw ? 0 : 8)) {
        p->foreign++;
        return;
    }
    sequence = wire_get16(data + 2);
    timestamp = wire_get32(data + 4);
    /* RFC 3711 §3.3.1: not near the end of its circle. */
    if (p->packets == 0)
        CU_ASSERT(sequence > 0 && sequence <= 0x8000);
    p->gaps += p->packets > 0 && sequence != (uint16_t)(p->last_sequence + 1);
    p->jumps += p->packets > 0 && timestamp != p->last_timestamp + FRAME;
    p->was_marked = data[1] >> 7;
    p->last_sequence = sequence;
    p->last_timestamp = timestamp;
    p->packets++;
    if (p->n + FRAME > HEARD) {
        memmove(p->pcm, p->pcm + HEARD / 2, (p->n - HEARD / 2) * sizeof(p->pcm[0]));
        p->n -= HEARD / 2;
    }
    audio_g711_decode(law_of(p), p->pcm + p->n, data + RTP_SIZE, FRAME);
    p->n += FRAME;
}

static void deliver(unsigned n)
{
    uint8_t data[RIG_FRAME];

    for (unsigned k = 0; k < rig.sent_n; k++) {
        unsigned length = rig_payload(&rig, k, data), to = rig_sent_to(&rig, k) - 4000u;

        if (length > 0 && to < n)
            hear(to, data, length);
    }
    rig.sent_n = 0;
}

void talk(unsigned n, unsigned ms)
{
    for (unsigned k = 0; k < ms; k++) {
        if (rig.now % 20 == 0)
            for (unsigned i = 0; i < n; i++)
                say(i);
        rig.now++;
        rig_turn(&rig);
        deliver(n);
    }
}

void hush(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        party[i].n = 0;
}

double level_of(unsigned i, unsigned hertz, unsigned samples)
{
    const struct party *p = &party[i];
    double re = 0, im = 0;

    if (samples == 0 || samples > p->n)
        return -200;
    for (unsigned k = 0; k < samples; k++) {
        double at = 2 * M_PI * hertz * k / 8000, x = p->pcm[p->n - samples + k];

        re += x * cos(at);
        im += x * sin(at);
    }
    return 20 * log10((2 * sqrt(re * re + im * im) / samples + 1e-3) / 32768);
}
