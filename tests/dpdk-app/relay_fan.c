/* Fan-out through a running sluice-dp: chained buffers and references on a real device, receivers
 * of every kind on all workers, a switch of source while media flow. */
#include <stdio.h>
#include <string.h>

#include "tests/dpdk-app/relay_fan.h"

#define DP4       "198.18.0.2"
#define DP6       "2001:db8:18::2"
#define RECEIVERS 12u
#define STREAM \
    0x77000000u /* receiver i sees STREAM + i; the first of each kind sees the source's */
#define PACKETS 80

struct fan_legs {
    struct peer source[2];
    struct link_id source_id[2];
    struct peer to[RECEIVERS];
    struct link_id to_id[RECEIVERS];
    uint16_t sequence[RECEIVERS]; /* last seen */
    uint32_t timestamp[RECEIVERS];
};

static const unsigned profiles[] = {0, 1, 7, 8};

static bool is_translated(unsigned i)
{
    return i >= 4;
}

static void start(struct control *control, struct fan_legs *l)
{
    for (unsigned i = 0; i < 2; i++) {
        peer_start(&l->source[i], "198.18.0.3", (uint16_t)(4200 + i), DP4,
                   (uint16_t)(20200 + 2 * i), i == 0 ? 7 : 0, 0x2001 + i);
        l->source_id[i] = control_open(control, 0, i == 0 ? LINK_MODE_DTLS_SRTP : LINK_MODE_RTP,
                                       (uint16_t)(20200 + 2 * i), &l->source[i].us, "source");
        if (i == 0)
            peer_keys(control, &l->source[i], l->source_id[i]);
    }
    for (unsigned i = 0; i < RECEIVERS; i++) {
        unsigned profile = profiles[i % 4];
        bool is_ip6 = i >= 8;
        uint16_t port = (uint16_t)(20210 + i);

        peer_start(&l->to[i], is_ip6 ? "2001:db8:18::4" : "198.18.0.4", (uint16_t)(4210 + i),
                   is_ip6 ? DP6 : DP4, port, profile, 0x3001 + i);
        l->to_id[i] =
            control_open(control, is_ip6, profile != 0 ? LINK_MODE_DTLS_SRTP : LINK_MODE_RTP, port,
                         &l->to[i].us, "receiver");
        if (profile != 0)
            peer_keys(control, &l->to[i], l->to_id[i]);
    }
}

static void listen_to(struct control *control, struct fan_legs *l, unsigned i, unsigned source,
                      unsigned type)
{
    struct link_msg msg;

    link_msg_init(&msg, type, l->source_id[source], 0);
    msg.u.receiver = (struct link_receiver){.to = l->to_id[i],
                                            .ssrc_out = is_translated(i) ? STREAM + i : 0,
                                            .clock_rate = 8000,
                                            .pt_in = LINK_PT_ANY,
                                            .pt_out = LINK_PT_ANY};
    NEED(control_call(control, &msg) == 0, "%s", link_type_to_str(type));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* What receiver i got is what was sent, under its own numbers if it is translated. */
static void judge(struct fan_legs *l, unsigned i, const uint8_t *sent, int length, bool is_first)
{
    uint8_t got[300];
    int n = peer_receive(&l->to[i], false, got, sizeof(got));

    NEED(n == length && memcmp(got + 12, sent + 12, (size_t)length - 12) == 0,
         "payload at receiver %u differs (%d bytes)", i, n);
    if (!is_translated(i)) {
        NEED(memcmp(got, sent, 12) == 0, "header at receiver %u differs", i);
        return;
    }
    NEED(get32(got + 8) == STREAM + i, "SSRC at receiver %u", i);
    NEED(is_first || get16(got + 2) == (uint16_t)(l->sequence[i] + 1), "gap at receiver %u", i);
    NEED(is_first || get32(got + 4) - l->timestamp[i] < 8 * WAIT_MS, "time at receiver %u", i);
    l->sequence[i] = get16(got + 2);
    l->timestamp[i] = get32(got + 4);
}

static void send_some(struct fan_legs *l, unsigned source, unsigned first, unsigned last,
                      bool begins)
{
    for (unsigned k = 0; k < PACKETS; k++) {
        uint8_t sent[300], wire[300];
        int length = peer_rtp(&l->source[source], 8, sent);

        memcpy(wire, sent, (size_t)length);
        peer_send(&l->source[source], wire, peer_protect(&l->source[source], false, wire, length));
        for (unsigned i = first; i < last; i++)
            judge(l, i, sent, length, begins && k == 0);
    }
}

void test_fan_out(struct control *control)
{
    static struct fan_legs l;
    struct link_msg msg;

    start(control, &l);
    for (unsigned i = 0; i < RECEIVERS; i++)
        listen_to(control, &l, i, 0, LINK_RECEIVER_ADD);
    send_some(&l, 0, 0, RECEIVERS, true);
    NEED(control_counter(control, LINK_COUNTER_fanout_out) == PACKETS * RECEIVERS, "copies: %llu",
         (unsigned long long)control_counter(control, LINK_COUNTER_fanout_out));
    printf("ok: one source to %u receivers, clear and secure, IPv4 and IPv6\n", RECEIVERS);
    /* Those that are translated follow another source, a plain one, without noticing. */
    for (unsigned i = 0; i < RECEIVERS; i++) {
        if (is_translated(i))
            listen_to(control, &l, i, 1, LINK_RECEIVER_ADD);
        listen_to(control, &l, i, 0, LINK_RECEIVER_REMOVE);
    }
    send_some(&l, 1, 4, RECEIVERS, false);
    NEED(control_counter(control, LINK_COUNTER_index_reused) == 0 &&
             control_counter(control, LINK_COUNTER_no_buffer) == 0,
         "something was dropped");
    printf("ok: another source, no gap\n");
    for (unsigned i = 0; i < RECEIVERS; i++) {
        link_msg_init(&msg, LINK_TRANSPORT_CLOSE, l.to_id[i], 0);
        NEED(control_call(control, &msg) == 0, "close");
        peer_stop(&l.to[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        link_msg_init(&msg, LINK_TRANSPORT_CLOSE, l.source_id[i], 0);
        NEED(control_call(control, &msg) == 0, "close");
        peer_stop(&l.source[i]);
    }
}
