/* Two associations of usrsctp in one process, packets carried by hand, time a number. */
#include "sctp/sctp.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sctp/crc32c.h"
#include "tests/sctp/clock.h"
#include "tests/suite.h"

#define PACKETS 8192

struct packet {
    struct side *to;
    size_t len;
    uint8_t data[1400];
};

struct side {
    struct side *peer;
    struct sctp *sctp;
    unsigned ups, downs, rooms, resets;
    uint16_t reset_stream;
    unsigned messages, disorder;
    uint32_t next;
    size_t last_len;
    uint32_t last_ppid;
    uint16_t last_stream;
    bool last_unordered;
    bool is_echo;
};

static struct side left, right;
static struct packet *queue;
static size_t first, count;
static unsigned loss_percent, damage_percent;
static unsigned damaged;
static uint32_t seed;

static unsigned chance(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 16;
}

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    struct side *s = user;
    struct packet *p;

    if (count == PACKETS || len > sizeof(queue->data) || chance() % 100 < loss_percent)
        return;
    p = &queue[(first + count++) % PACKETS];
    p->to = s->peer;
    p->len = len;
    memcpy(p->data, packet, len);
    if (damage_percent > 0 && chance() % 100 < damage_percent) {
        p->data[chance() % len] ^= (uint8_t)(1u << chance() % 8);
        damaged++;
    }
}

static void on_up(void *user, uint16_t out, uint16_t in)
{
    struct side *s = user;

    CU_ASSERT_EQUAL(out, 16);
    CU_ASSERT_EQUAL(in, 16);
    s->ups++;
}

static void on_down(void *user, const char *why)
{
    struct side *s = user;

    CU_ASSERT_PTR_NOT_NULL(why);
    s->downs++;
}

static void on_message(void *user, const struct sctp_message *m)
{
    struct side *s = user;
    uint32_t number = 0;

    s->messages++;
    s->last_len = m->len;
    s->last_ppid = m->ppid;
    s->last_stream = m->stream;
    s->last_unordered = m->is_unordered;
    if (m->len >= sizeof(number))
        memcpy(&number, m->data, sizeof(number));
    s->disorder += number != s->next;
    s->next = number + 1;
    if (s->is_echo)
        CU_ASSERT_EQUAL(sctp_send(s->sctp, m), 0);
}

static void on_reset(void *user, uint16_t stream)
{
    struct side *s = user;

    s->resets++;
    s->reset_stream = stream;
}

static void on_room(void *user)
{
    struct side *s = user;

    s->rooms++;
}

static const struct sctp_callbacks callbacks = {.on_packet = on_packet,
                                                .on_up = on_up,
                                                .on_down = on_down,
                                                .on_message = on_message,
                                                .on_stream_reset = on_reset,
                                                .on_room = on_room};

static void carry(void)
{
    while (count > 0) {
        struct packet p = queue[first];

        first = (first + 1) % PACKETS;
        count--;
        if (p.to->sctp != NULL)
            sctp_input(p.to->sctp, p.data, p.len);
    }
}

static void pass(unsigned ms)
{
    carry();
    for (unsigned t = 0; t < ms; t += SCTP_TICK_MS) {
        clock_us += SCTP_TICK_MS * 1000;
        sctp_on_timer(SCTP_TICK_MS);
        carry();
    }
}

static void open_side(struct side *s, struct side *peer)
{
    const struct sctp_options options = {.local_port = 5000,
                                         .remote_port = 5000,
                                         .streams = 16,
                                         .mtu = 1200,
                                         .send_octets = 65536,
                                         .receive_octets = 65536,
                                         .message_max = 40000,
                                         .callbacks = &callbacks,
                                         .user = s};

    memset(s, 0, sizeof(*s));
    s->peer = peer;
    CU_ASSERT_EQUAL_FATAL(sctp_create(&options, &s->sctp), 0);
}

static void begin(unsigned loss)
{
    queue = calloc(PACKETS, sizeof(*queue));
    first = count = 0;
    loss_percent = loss;
    seed = 1;
    CU_ASSERT_EQUAL_FATAL(sctp_start(), 0);
    open_side(&left, &right);
    open_side(&right, &left);
    pass(loss == 0 ? 50 : 10000);
    CU_ASSERT_EQUAL(left.ups, 1);
    CU_ASSERT_EQUAL(right.ups, 1);
}

static void end(void)
{
    sctp_destroy(left.sctp);
    sctp_destroy(right.sctp);
    left.sctp = right.sctp = NULL;
    for (int i = 0; i < 200 && sctp_stop() != 0; i++)
        sctp_on_timer(SCTP_TICK_MS);
    CU_ASSERT_EQUAL(sctp_start(), 0); /* it could: nothing was left behind */
    CU_ASSERT_EQUAL(sctp_stop(), 0);
    free(queue);
}

static int say(struct side *s, struct sctp_message m, uint32_t number, size_t len)
{
    static uint8_t data[50000];

    memcpy(data, &number, sizeof(number));
    m.data = data;
    m.len = len;
    return sctp_send(s->sctp, &m);
}

static void both_sides_begin_and_one_association_comes_of_it(void)
{
    begin(0);
    CU_ASSERT_TRUE(sctp_is_up(left.sctp));
    CU_ASSERT_EQUAL(sctp_stats()->up, 2);
    end();
}

static void message_keeps_stream_ppid_and_flag(void)
{
    begin(0);
    CU_ASSERT_EQUAL(
        say(&left, (struct sctp_message){.stream = 7, .ppid = 51, .is_unordered = true}, 0, 30), 0);
    pass(50);
    CU_ASSERT_EQUAL(right.messages, 1);
    CU_ASSERT_EQUAL(right.last_len, 30);
    CU_ASSERT_EQUAL(right.last_ppid, 51);
    CU_ASSERT_EQUAL(right.last_stream, 7);
    CU_ASSERT_TRUE(right.last_unordered);
    end();
}

static void nothing_is_lost_or_reordered_at_10_percent_loss(void)
{
    uint32_t sent = 0;

    begin(10);
    for (unsigned i = 0; i < 20000 && right.messages < 500; i++) {
        while (sent < 500 &&
               say(&left, (struct sctp_message){.stream = 1, .ppid = 53}, sent, 900) == 0)
            sent++;
        pass(SCTP_TICK_MS);
    }
    CU_ASSERT_EQUAL(right.messages, 500);
    CU_ASSERT_EQUAL(right.disorder, 0);
    end();
}

/* Below is DTLS; a relay of another make, or a pass-through, may be in between. */
static void packets_that_are_damaged_are_dropped_and_sent_again(void)
{
    uint32_t sent = 0;

    begin(0);
    damage_percent = 10;
    damaged = 0;
    for (unsigned i = 0; i < 20000 && right.messages < 500; i++) {
        while (sent < 500 &&
               say(&left, (struct sctp_message){.stream = 1, .ppid = 53}, sent, 900) == 0)
            sent++;
        pass(SCTP_TICK_MS);
    }
    damage_percent = 0;
    CU_ASSERT_EQUAL(right.messages, 500);
    CU_ASSERT_EQUAL(right.disorder, 0);
    CU_ASSERT_TRUE(damaged > 20);
    if (crc32c_is_fast()) /* the library does not tell */
        CU_ASSERT_EQUAL(sctp_stats()->packets_bad, damaged);
    end();
}

static void what_need_not_arrive_is_given_up(void)
{
    const struct sctp_message m = {.stream = 1, .ppid = 53, .has_retransmits = true};

    begin(0);
    loss_percent = 100;
    CU_ASSERT_EQUAL(say(&left, m, 0, 500), 0);
    pass(1000);
    loss_percent = 0;
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 1, .ppid = 53}, 1, 500), 0);
    pass(4000);
    CU_ASSERT_EQUAL(right.messages, 1); /* the second alone */
    CU_ASSERT_TRUE(sctp_stats()->abandoned > 0);
    end();
}

static void full_buffer_says_again_and_tells_when_there_is_room(void)
{
    unsigned taken = 0;

    begin(0);
    loss_percent = 100; /* the reader is dead */
    while (taken < 10000 && say(&left, (struct sctp_message){.stream = 1}, taken, 1000) == 0)
        taken++;
    CU_ASSERT_TRUE(taken > 10 && taken < 200);
    CU_ASSERT_EQUAL(left.rooms, 0);
    loss_percent = 0;
    pass(4000);
    CU_ASSERT_TRUE(left.rooms > 0);
    CU_ASSERT_EQUAL(right.messages, taken);
    end();
}

static void message_beyond_the_bound_is_dropped_whole(void)
{
    begin(0);
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 1}, 0, 40001), 0);
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 1}, 1, 100), 0);
    pass(500);
    CU_ASSERT_EQUAL(right.messages, 1);
    CU_ASSERT_EQUAL(right.last_len, 100);
    CU_ASSERT_EQUAL(sctp_stats()->too_long, 1);
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 1}, 1, 0), ERR_RANGE);
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 16}, 1, 100), ERR_RANGE);
    end();
}

static void stream_that_is_reset_is_told_to_the_peer(void)
{
    begin(0);
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 4}, 0, 100), 0);
    pass(100);
    CU_ASSERT_EQUAL(sctp_reset_stream(left.sctp, 4), 0);
    pass(500);
    CU_ASSERT_EQUAL(right.resets, 1);
    CU_ASSERT_EQUAL(right.reset_stream, 4);
    end();
}

static void peer_that_goes_is_told_at_once(void)
{
    begin(0);
    sctp_destroy(left.sctp);
    left.sctp = NULL;
    pass(20);
    CU_ASSERT_EQUAL(right.downs, 1);
    CU_ASSERT_EQUAL(say(&right, (struct sctp_message){.stream = 1}, 0, 10), ERR_CLOSED);
    end();
}

static void peer_that_is_silent_is_given_up(void)
{
    begin(0);
    loss_percent = 100;
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 1}, 0, 10), 0);
    pass(60000);
    CU_ASSERT_EQUAL(left.downs, 1);
    end();
}

static void noise_does_no_harm(void)
{
    uint8_t noise[1200];

    begin(0);
    for (unsigned i = 0; i < 3000; i++) {
        size_t len = chance() % sizeof(noise);

        for (size_t k = 0; k < len; k++)
            noise[k] = (uint8_t)chance();
        if (i % 2 == 0 && len > 16)
            memcpy(noise, "\x13\x88\x13\x88\0\0\0\0\0\0\0\0\x01\0\0\x14", 16);
        sctp_input(right.sctp, noise, len);
    }
    pass(100);
    CU_ASSERT_EQUAL(say(&left, (struct sctp_message){.stream = 1}, 0, 10), 0);
    pass(100);
    CU_ASSERT_EQUAL(right.messages, 1);
    CU_ASSERT_EQUAL(right.downs + left.downs, 0);
    end();
}

static void options_out_of_range_are_refused(void)
{
    struct sctp_options o = {.local_port = 5000,
                             .remote_port = 5000,
                             .mtu = 1200,
                             .send_octets = 65536,
                             .callbacks = &callbacks};
    struct sctp *s = NULL;

    CU_ASSERT_EQUAL(sctp_create(&o, &s), ERR_INVAL); /* not started, and no streams */
    CU_ASSERT_EQUAL(sctp_start(), 0);
    CU_ASSERT_EQUAL(sctp_start(), ERR_EXISTS);
    CU_ASSERT_EQUAL(sctp_create(&o, &s), ERR_INVAL);
    CU_ASSERT_EQUAL(sctp_stop(), 0);
}

SUITE("sctp/sctp", TEST(both_sides_begin_and_one_association_comes_of_it),
      TEST(message_keeps_stream_ppid_and_flag),
      TEST(nothing_is_lost_or_reordered_at_10_percent_loss),
      TEST(packets_that_are_damaged_are_dropped_and_sent_again),
      TEST(what_need_not_arrive_is_given_up),
      TEST(full_buffer_says_again_and_tells_when_there_is_room),
      TEST(message_beyond_the_bound_is_dropped_whole),
      TEST(stream_that_is_reset_is_told_to_the_peer), TEST(peer_that_goes_is_told_at_once),
      TEST(peer_that_is_silent_is_given_up), TEST(noise_does_no_harm),
      TEST(options_out_of_range_are_refused))
