/* Frames into a worker, frames out: the whole receive path with open transports of every mode,
 * keys installed and routes in place, so that what passes the checks is also sent on.
 *
 * Input: records of {flags, length / 8, frame bytes}. Flag 1: make the checksums right before the
 * frame goes in (or most inputs would end there); 2: turn the clock a second; 4: other worker;
 * 8: UDP to the transport that the bits of 0x70 choose, from its remote; 0x80: no frame but a
 * command that changes who receives what. What leaves must be a whole frame of ours whose
 * checksums hold.
 *
 * Transports 0 and 3 are secure, 1 and 2 plain, passed through. 4 (RTCP: 5) is a plain source with
 * receivers in the clear, secure and on the other worker, unchanged and translated; 6 (RTCP: 7) is
 * one of them and a source itself. Their RTCP ends here. 0, 1 and 6 are members of a mix: payload
 * types 0 and 8 are heard there, 101 is digits; the byte behind a command's kind may make them
 * leave, join again with another codec, or close the room. */
#include <stdlib.h>
#include <string.h>

#include "dpdk-app/mix.h"
#include "dpdk-app/parse.h"
#include "dpdk-app/wire.h"
#include "tests/dpdk-app/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig rig;
#define TRANSPORTS 8u
#define STREAM     0x12345678u /* as receivers know it */

static struct link_id id[TRANSPORTS];
static struct link_id room;

static void join(unsigned i, unsigned how)
{
    static const uint8_t codec[] = {LINK_CODEC_PCMU, LINK_CODEC_PCMA, LINK_CODEC_G722,
                                    LINK_CODEC_OPUS};
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_JOIN, room, 1);
    msg.u.member = (struct link_mix_member){
        .member = id[i],
        .ssrc = STREAM + 9,
        .rx = {{0, LINK_CODEC_PCMU}, {8, LINK_CODEC_PCMA}, {9, codec[how & 3]}},
        .rx_count = (uint8_t)(3 + (how >> 7)),
        .event = 101,
        .tx_codec = codec[how >> 2 & 3],
        .tx_type = 96,
        .ptime_ms = (uint8_t)(20 * (1 + (how >> 4 & 3))),
        .gain_db = (int8_t)(how >> 3),
        .flags = how >> 5 & 3};
    rig_command(&rig, &msg);
}

static void open_room(void)
{
    struct link_msg msg;
    const struct mix *mix = rig.worker[0]->mix[0];

    if (mix == NULL) {
        link_msg_init(&msg, LINK_MIX_OPEN, (struct link_id){0, 0}, 1);
        msg.u.mix = (struct link_mix_open){.rate = 8000, .members_max = 3};
        rig_command(&rig, &msg);
        mix = rig.worker[0]->mix[0];
    }
    if (mix == NULL)
        abort();
    room = mix->id;
}

/* What sluiced could ask of a mix, and some that it would not. */
static void change_room(const uint8_t *data)
{
    static const uint16_t types[] = {LINK_MIX_LEAVE, LINK_MIX_CLOSE, LINK_MIX_PLAY_STOP,
                                     LINK_MIX_CLAIM};
    struct link_msg msg;

    if (data[1] & 0x80) {
        open_room();
        join(data[2] % TRANSPORTS, data[3]);
        return;
    }
    link_msg_init(&msg, types[data[1] & 3], room, 1);
    if (msg.type == LINK_MIX_CLAIM)
        msg.u.claim.producer = data[2];
    else
        msg.u.target.member = id[data[2] % TRANSPORTS];
    rig_command(&rig, &msg);
}

/* Its socket must not stay in /tmp. */
static void end_rig(void)
{
    rig_stop(&rig);
}

static struct link_id open_one(unsigned worker, unsigned i, uint8_t mode, uint16_t flags)
{
    struct link_open open = {.mode = mode,
                             .flags = flags,
                             .port = (uint16_t)(RIG_PORT + 2 * i),
                             .remote = {.family = 4,
                                        .port = (uint16_t)(4000 + i),
                                        .ip = {192, 0, 2, (uint8_t)(10 + i)}}};
    struct link_id one = rig_open(&rig, worker, &open);

    rig_resolve(&rig, one);
    return one;
}

static void pair(struct link_id rtp, struct link_id rtcp)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_TRANSPORT_PAIR, rtp, 1);
    msg.u.pair.rtcp = rtcp;
    rig_command(&rig, &msg);
}

/* Any change of receivers that sluiced could ask for, and some that it would not. */
static void change(const uint8_t *data, unsigned n)
{
    static const uint16_t types[] = {LINK_RECEIVER_ADD, LINK_RECEIVER_REMOVE, LINK_SOURCE_SWITCH,
                                     LINK_ROUTE_CLEAR};
    struct link_receiver receiver;
    struct link_msg msg;

    if (n < 8)
        return;
    if (data[0] & 0x80) {
        change_room(data);
        return;
    }
    link_msg_init(&msg, types[data[0] & 3], id[data[1] % TRANSPORTS], 1);
    receiver = (struct link_receiver){.to = id[data[2] % TRANSPORTS],
                                      .ssrc_in = data[3] & 1 ? data[4] : 0,
                                      .ssrc_out = data[3] & 2 ? STREAM + (data[3] >> 6) : 0,
                                      .clock_rate = data[5] * 1000u,
                                      .pt_in = data[6],
                                      .pt_out = data[7],
                                      .flags = data[3] >> 3 & 1};
    if (msg.type == LINK_SOURCE_SWITCH)
        msg.u.change = (struct link_switch){.from = id[data[4] % TRANSPORTS], .receiver = receiver};
    else
        msg.u.receiver = receiver;
    rig_command(&rig, &msg);
}

/* The workers live on, their transports and what they know of neighbours are new each time. */
static void start(void)
{
    static const uint8_t modes[] = {LINK_MODE_DTLS_SRTP, LINK_MODE_RTP, LINK_MODE_RTCP,
                                    LINK_MODE_DTLS_SRTP, LINK_MODE_RTP, LINK_MODE_RTCP,
                                    LINK_MODE_RTP,       LINK_MODE_RTCP};

    if (rig.server == NULL && (rig_start(&rig, 2) != 0 || atexit(end_rig) != 0))
        abort();
    neighbour_init(&rig.plane.neighbours);
    rig.plane.report_ms = 2000;
    rig.now = 1000;
    for (unsigned i = 0; i < TRANSPORTS; i++)
        id[i] = open_one(i == 3, i, modes[i], i >= 4 ? LINK_FLAG_REPORTS : 0);
    rig_keys(&rig, id[0], 1, 2);
    rig_keys(&rig, id[3], 3, 4);
    rig_route(&rig, id[0], id[1]);
    rig_route(&rig, id[1], id[0]);
    rig_route(&rig, id[2], id[3]);
    rig_route(&rig, id[3], id[0]);
    pair(id[4], id[5]);
    pair(id[6], id[7]);
    rig_receiver(&rig, id[4], id[6], STREAM);
    rig_receiver(&rig, id[4], id[0], STREAM);
    rig_receiver(&rig, id[4], id[1], 0);
    rig_receiver(&rig, id[4], id[3], 0);
    rig_receiver(&rig, id[6], id[4], STREAM + 1);
    open_room();
    join(0, 0x04);
    join(1, 0x00);
    join(6, 0x00);
    rig.sent_n = 0;
}

/* Checksums of IPv4, UDP and ICMPv6 as a polite sender would have made them. */
static void fix(uint8_t *frame, unsigned n)
{
    uint8_t *ip = frame + ETH_SIZE, *l4;
    unsigned header, length;
    uint16_t check;

    if (n < ETH_SIZE + IP6_SIZE + UDP_SIZE)
        return;
    if (ip[0] >> 4 == 4) {
        header = (ip[0] & 15u) * 4;
        length = wire_get16(ip + 2);
        if (header < IP4_SIZE || length < header + UDP_SIZE || length > n - ETH_SIZE)
            return;
        memset(ip + 10, 0, 2);
        check = wire_fold(wire_sum(ip, header, 0));
        memcpy(ip + 10, &check, 2);
        l4 = ip + header;
        length -= header;
        if (ip[9] == PROTO_UDP)
            memset(l4 + 6, 0, 2); /* none */
        if (ip[9] == PROTO_ICMP) {
            memset(l4 + 2, 0, 2);
            check = wire_fold(wire_sum(l4, length, 0));
            memcpy(l4 + 2, &check, 2);
        }
        return;
    }
    l4 = ip + IP6_SIZE;
    length = wire_get16(ip + 4);
    if (length < UDP_SIZE || length > n - ETH_SIZE - IP6_SIZE)
        return;
    header = ip[6] == PROTO_UDP ? 6 : 2;
    memset(l4 + header, 0, 2);
    check = wire_fold(wire_sum(l4, length, wire_pseudo(ip + 8, 32, ip[6], length)));
    memcpy(l4 + header, &check, 2);
}

static void check_sent(void)
{
    for (unsigned i = 0; i < rig.sent_n; i++) {
        const uint8_t *frame = rig.sent[i];
        unsigned length = rig.sent_length[i];

        if (length < 42 || length > 1514 ||
            memcmp(frame + 6, rig.plane.locals.device[0].mac, 6) != 0)
            abort();
        if (wire_get16(frame + 12) == ETHERTYPE_IP4 &&
            (wire_fold(wire_sum(frame + 14, 20, 0)) != 0 ||
             wire_get16(frame + 16) != length - ETH_SIZE))
            abort();
        if (wire_get16(frame + 12) == ETHERTYPE_IP4 && frame[23] == PROTO_UDP &&
            wire_fold(wire_sum(frame + 34, length - 34,
                               wire_pseudo(frame + 26, 8, PROTO_UDP, length - 34))) != 0)
            abort();
        if (wire_get16(frame + 12) == ETHERTYPE_IP6 &&
            wire_get16(frame + 18) != length - ETH_SIZE - IP6_SIZE)
            abort();
    }
    rig.sent_n = 0;
}

static void one(unsigned flags, const uint8_t *data, unsigned n)
{
    uint8_t frame[RIG_FRAME];
    unsigned i = flags >> 4 & 7;

    if (flags & 0x80) {
        change(data, n);
        return;
    }
    if (flags & 8) {
        n = rig_udp(frame, i, (uint16_t)(RIG_PORT + 2 * i), data, n);
    } else {
        memcpy(frame, data, n);
        if (flags & 1)
            fix(frame, n);
    }
    rig_frame(&rig, flags >> 2 & 1, frame, n);
    if (flags & 2) {
        rig.now += 1000;
        rig_turn(&rig);
    }
    check_sent();
}

static void finish(void)
{
    struct link_msg msg;

    rig.now += 40; /* the room is mixed */
    rig_turn(&rig);
    rig_turn(&rig);
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        link_msg_init(&msg, LINK_TRANSPORT_CLOSE, id[i], 1);
        rig_command(&rig, &msg);
    }
    open_room();
    link_msg_init(&msg, LINK_MIX_CLOSE, room, 1);
    rig_command(&rig, &msg);
    check_sent();
    for (unsigned w = 0; w < 2; w++)
        if (rig_count(&rig, w, LINK_COUNTER_streams) != 0 ||
            rig_count(&rig, w, LINK_COUNTER_transports) != 0 ||
            rig_count(&rig, w, LINK_COUNTER_mixes) != 0 ||
            rig_count(&rig, w, LINK_COUNTER_mix_members) != 0)
            abort();
    rig_turn(&rig);
    if (rig.buffers != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    while (size >= 2) {
        unsigned flags = data[0], n = data[1] * 8u;

        data += 2;
        size -= 2;
        if (n > size)
            n = (unsigned)size;
        if (n > 1500)
            n = 1500;
        one(flags, data, n);
        data += n;
        size -= n;
    }
    finish();
    return 0;
}
