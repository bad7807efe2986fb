/* The hub with members that are associations of the same library: packets are carried by hand, time
 * is a number. */
#include "server/data/data_hub.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sctp/dcep.h"
#include "server/data/data_queue.h"
#include "server/data/data_text.h"
#include "tests/sctp/clock.h"
#include "tests/suite.h"

#define PACKETS 16384
#define PEERS   4

struct peer {
    uint64_t id;
    struct sctp *sctp;
    bool is_up, is_deaf, has_opened;
    unsigned downs, opens, acks, messages, resets, disorder;
    uint32_t next;
    struct dcep_open open; /* the last that the hub opened, and where */
    uint16_t stream;
    struct sctp_message last;
    char text[32];
};

struct packet {
    uint64_t from, to; /* 0: the hub */
    size_t len;
    uint8_t data[1400];
};

static struct data_hub *hub;
static struct peer peers[PEERS + 1];
static struct packet *queue;
static size_t first, count;
static uint64_t now;
static struct data_report reports[64];
static size_t report_count;

static void post(uint64_t from, uint64_t to, const uint8_t *packet, size_t len)
{
    struct packet *p;

    if (count == PACKETS || len > sizeof(queue->data))
        return;
    p = &queue[(first + count++) % PACKETS];
    *p = (struct packet){.from = from, .to = to, .len = len};
    memcpy(p->data, packet, len);
}

static int hub_sends(void *user, uint32_t shard, uint64_t id, const uint8_t *packet, size_t len)
{
    (void)user;
    CU_ASSERT_EQUAL(shard, 3);
    post(0, id, packet, len);
    return 0;
}

static void hub_reports(void *user, const struct data_report *r)
{
    (void)user;
    if (report_count < sizeof(reports) / sizeof(reports[0]))
        reports[report_count++] = *r;
}

static unsigned reported(enum data_report_kind kind)
{
    unsigned n = 0;

    for (size_t i = 0; i < report_count; i++)
        n += reports[i].kind == kind;
    return n;
}

static const struct data_report *last_report(enum data_report_kind kind)
{
    for (size_t i = report_count; i > 0; i--)
        if (reports[i - 1].kind == kind)
            return &reports[i - 1];
    return NULL;
}

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    const struct peer *p = user;

    post(p->id, 0, packet, len);
}

static void on_up(void *user, uint16_t out, uint16_t in)
{
    struct peer *p = user;

    (void)out;
    (void)in;
    p->is_up = true;
}

static void on_down(void *user, const char *why)
{
    struct peer *p = user;

    (void)why;
    p->downs++;
}

static void answer_open(struct peer *p, const struct sctp_message *m)
{
    enum dcep_kind kind;
    uint8_t ack[1];
    struct sctp_message out = {.stream = m->stream, .ppid = DCEP_PPID, .data = ack};

    CU_ASSERT_EQUAL_FATAL(dcep_parse(m->data, m->len, &kind, &p->open), 0);
    if (kind == DCEP_ACK) {
        p->acks++;
        return;
    }
    p->opens++;
    p->stream = m->stream;
    out.len = dcep_build_ack(ack, sizeof(ack));
    CU_ASSERT_EQUAL(sctp_send(p->sctp, &out), 0);
}

static void on_message(void *user, const struct sctp_message *m)
{
    struct peer *p = user;
    uint32_t number = 0;

    if (m->ppid == DCEP_PPID) {
        answer_open(p, m);
        return;
    }
    p->messages++;
    p->last = *m;
    memset(p->text, 0, sizeof(p->text));
    memcpy(p->text, m->data, m->len < sizeof(p->text) - 1 ? m->len : sizeof(p->text) - 1);
    memcpy(&number, m->data, m->len < 4 ? m->len : 4);
    p->disorder += number != p->next;
    p->next = number + 1;
}

static void on_reset(void *user, uint16_t stream)
{
    struct peer *p = user;

    p->resets++;
    (void)sctp_reset_stream(p->sctp, stream);
}

static const struct sctp_callbacks callbacks = {.on_packet = on_packet,
                                                .on_up = on_up,
                                                .on_down = on_down,
                                                .on_message = on_message,
                                                .on_stream_reset = on_reset};

static void carry(void)
{
    while (count > 0) {
        struct packet p = queue[first];

        first = (first + 1) % PACKETS;
        count--;
        if (p.to == 0)
            data_hub_input(hub, now, p.from, p.data, p.len);
        else if (peers[p.to].sctp != NULL && !peers[p.to].is_deaf)
            sctp_input(peers[p.to].sctp, p.data, p.len);
    }
}

static void pass(unsigned ms)
{
    carry();
    for (unsigned t = 0; t < ms; t += SCTP_TICK_MS) {
        now += SCTP_TICK_MS;
        clock_us += SCTP_TICK_MS * 1000;
        data_hub_on_timer(hub, now); /* the peers' clock as well: it is one library */
        carry();
    }
}

static void begin(const struct data_hub_config *config)
{
    static const struct data_hub_io io = {.send = hub_sends, .report = hub_reports};
    const struct data_hub_config usual = {.message_max = 0};

    memset(peers, 0, sizeof(peers));
    queue = calloc(PACKETS, sizeof(*queue));
    first = count = report_count = 0;
    now = 1000;
    CU_ASSERT_EQUAL_FATAL(data_hub_create(config != NULL ? config : &usual, &io, NULL, &hub), 0);
}

static void join(uint64_t id, uint64_t room, enum data_use use)
{
    const struct data_member_config member = {
        .id = id, .shard = 3, .room = room, .use = use, .local_port = 5000, .remote_port = 5000};
    const struct sctp_options options = {.local_port = 5000,
                                         .remote_port = 5000,
                                         .streams = 64,
                                         .mtu = 1200,
                                         .send_octets = 262144,
                                         .receive_octets = 131072,
                                         .message_max = 262144,
                                         .callbacks = &callbacks,
                                         .user = &peers[id]};

    peers[id].id = id;
    CU_ASSERT_EQUAL_FATAL(sctp_create(&options, &peers[id].sctp), 0);
    CU_ASSERT_EQUAL(data_hub_join(hub, now, &member), 0);
}

static void end(void)
{
    struct data_hub_stats stats;

    for (uint64_t id = 1; id <= PEERS; id++) {
        data_hub_leave(hub, now, id);
        sctp_destroy(peers[id].sctp);
        peers[id].sctp = NULL;
    }
    pass(100);
    data_hub_stats(hub, &stats);
    CU_ASSERT_EQUAL(stats.members, 0);
    CU_ASSERT_EQUAL(stats.rooms, 0);
    CU_ASSERT_EQUAL(stats.channels, 0);
    data_hub_destroy(hub);
    free(queue);
}

/* We are the hub's clients: even streams are ours. */
static void open_channel(struct peer *p, uint16_t stream, const char *label, struct dcep_open open)
{
    uint8_t out[DCEP_OPEN_MAX];
    struct sctp_message m = {.stream = stream, .ppid = DCEP_PPID, .data = out};

    strcpy(open.label, label);
    m.len = dcep_build_open(&open, out, sizeof(out));
    CU_ASSERT_EQUAL(sctp_send(p->sctp, &m), 0);
}

static int say(struct peer *p, uint16_t stream, uint32_t ppid, const void *data, size_t len)
{
    const struct sctp_message m = {.stream = stream, .ppid = ppid, .data = data, .len = len};

    return sctp_send(p->sctp, &m);
}

static struct data_hub_stats stats_now(void)
{
    struct data_hub_stats stats;

    data_hub_stats(hub, &stats);
    return stats;
}

/* Three in a room, a channel of the first's. */
static void three(void)
{
    begin(NULL);
    for (uint64_t id = 1; id <= 3; id++)
        join(id, 9, DATA_USE_DCEP);
    pass(200);
    open_channel(&peers[1], 0, "chat", (struct dcep_open){.is_unordered = false});
    pass(200);
}

static void channel_of_one_is_opened_to_all_others(void)
{
    three();
    CU_ASSERT_EQUAL(peers[1].acks, 1);
    CU_ASSERT_EQUAL(peers[1].opens, 0);
    CU_ASSERT_EQUAL(peers[2].opens, 1);
    CU_ASSERT_EQUAL(peers[3].opens, 1);
    CU_ASSERT_STRING_EQUAL(peers[3].open.label, "chat");
    CU_ASSERT_EQUAL(peers[3].stream % 2, 1); /* the hub is a DTLS server there */
    CU_ASSERT_EQUAL(reported(DATA_UP), 3);
    CU_ASSERT_EQUAL(reported(DATA_OPENED), 1);
    CU_ASSERT_STRING_EQUAL(last_report(DATA_OPENED)->label, "chat");
    end();
}

static void message_reaches_all_others_and_not_its_sender(void)
{
    three();
    CU_ASSERT_EQUAL(say(&peers[1], 0, 51, "hello", 5), 0);
    pass(100);
    CU_ASSERT_EQUAL(peers[1].messages, 0);
    CU_ASSERT_EQUAL(peers[2].messages, 1);
    CU_ASSERT_STRING_EQUAL(peers[3].text, "hello");
    CU_ASSERT_EQUAL(peers[3].last.ppid, 51);
    CU_ASSERT_EQUAL(say(&peers[3], peers[3].stream, 51, "you", 3), 0);
    pass(100);
    CU_ASSERT_STRING_EQUAL(peers[1].text, "you");
    CU_ASSERT_EQUAL(peers[1].last.stream, 0);
    CU_ASSERT_EQUAL(reported(DATA_RECEIVED), 0); /* nobody watches */
    data_hub_watch(hub, true);
    CU_ASSERT_EQUAL(say(&peers[1], 0, 53, "bin", 3), 0);
    pass(100);
    CU_ASSERT_EQUAL(reported(DATA_RECEIVED), 1);
    CU_ASSERT_EQUAL(last_report(DATA_RECEIVED)->len, 3);
    end();
}

static void rooms_do_not_hear_each_other(void)
{
    three();
    join(4, 10, DATA_USE_DCEP);
    pass(200);
    CU_ASSERT_EQUAL(say(&peers[1], 0, 51, "hello", 5), 0);
    pass(100);
    CU_ASSERT_EQUAL(peers[4].opens + peers[4].messages, 0);
    end();
}

static void who_comes_later_gets_the_channels(void)
{
    three();
    join(4, 9, DATA_USE_DCEP);
    CU_ASSERT_EQUAL(say(&peers[1], 0, 51, "early", 5), 0);
    pass(300);
    CU_ASSERT_EQUAL(peers[4].opens, 1);
    CU_ASSERT_STRING_EQUAL(peers[4].text, "early"); /* it waited for SCTP to come up */
    end();
}

static void channel_ends_with_its_opener(void)
{
    three();
    data_hub_leave(hub, now, 1);
    pass(300);
    CU_ASSERT_EQUAL(peers[2].resets, 1);
    CU_ASSERT_EQUAL(peers[3].resets, 1);
    CU_ASSERT_EQUAL(peers[1].downs, 1);
    CU_ASSERT_EQUAL(stats_now().channels, 0);
    CU_ASSERT_TRUE(reported(DATA_CLOSED) >= 2);
    end();
}

static void stream_may_be_used_again_after_its_close(void)
{
    three();
    CU_ASSERT_EQUAL(sctp_reset_stream(peers[1].sctp, 0), 0);
    pass(500);
    CU_ASSERT_EQUAL(stats_now().channels, 0);
    open_channel(&peers[1], 0, "again", (struct dcep_open){.is_unordered = true});
    pass(500);
    CU_ASSERT_EQUAL(stats_now().channels, 1);
    CU_ASSERT_STRING_EQUAL(peers[2].open.label, "again");
    CU_ASSERT_TRUE(peers[2].open.is_unordered);
    end();
}

/* A session goes to another conference: its SCTP stays up, the channels are those of the new room.
 */
static void moved_member_keeps_its_association_and_changes_its_channels(void)
{
    three(); /* a channel of the first's, stream 0 there */
    join(4, 7, DATA_USE_DCEP);
    pass(200);
    open_channel(&peers[4], 2, "seven", (struct dcep_open){.is_unordered = false});
    pass(200);
    report_count = 0;
    CU_ASSERT_EQUAL(data_hub_move(hub, now, 77, 7), ERR_NOTFOUND);
    CU_ASSERT_EQUAL(data_hub_move(hub, now, 2, 7), 0);
    CU_ASSERT_EQUAL(data_hub_move(hub, now, 2, 7), 0); /* is there already */
    pass(500);
    CU_ASSERT_EQUAL(peers[2].downs, 0);
    CU_ASSERT_EQUAL(reported(DATA_DOWN) + reported(DATA_UP), 0);
    CU_ASSERT_EQUAL(reported(DATA_CLOSED), 1); /* its stream of the old channel */
    CU_ASSERT(peers[2].resets > 0);
    CU_ASSERT_STRING_EQUAL(peers[2].open.label, "seven");
    CU_ASSERT_EQUAL(stats_now().rooms, 2);
    CU_ASSERT_EQUAL(stats_now().channels, 2);
    peers[2].messages = peers[3].messages = 0;
    CU_ASSERT_EQUAL(say(&peers[1], 0, 1000, "old", 3), 0);
    CU_ASSERT_EQUAL(say(&peers[4], 2, 1000, "new", 3), 0);
    pass(300);
    CU_ASSERT_EQUAL(peers[2].messages, 1);
    CU_ASSERT_STRING_EQUAL(peers[2].text, "new");
    CU_ASSERT_EQUAL(peers[3].messages, 1);
    CU_ASSERT_STRING_EQUAL(peers[3].text, "old");
    /* The opener itself goes: its channel is no more, the other room is as it was. */
    CU_ASSERT_EQUAL(data_hub_move(hub, now, 1, 7), 0);
    pass(500);
    CU_ASSERT_EQUAL(stats_now().channels, 1);
    CU_ASSERT_EQUAL(peers[1].downs + peers[3].downs, 0);
    CU_ASSERT_STRING_EQUAL(peers[1].open.label, "seven");
    end();
}

static void streams_without_permission_are_counted(void)
{
    three();
    for (uint16_t i = 1; i < 64; i++)
        CU_ASSERT_EQUAL(say(&peers[1], i, 1000, "x", 1), 0);
    pass(300);
    CU_ASSERT_EQUAL(stats_now().unopened, 63);
    CU_ASSERT_EQUAL(peers[2].messages, 0);
    open_channel(&peers[1], 5, "odd",
                 (struct dcep_open){.is_unordered = false});     /* free, if the hub's */
    CU_ASSERT_EQUAL(say(&peers[1], 2, DCEP_PPID, "\x03", 1), 0); /* cut off */
    pass(300);
    CU_ASSERT_EQUAL(stats_now().refused_open, 1);
    CU_ASSERT_EQUAL(stats_now().channels, 2);
    end();
}

static void channels_of_a_room_are_bounded(void)
{
    const struct data_hub_config config = {.channels = 4};

    begin(&config);
    join(1, 9, DATA_USE_DCEP);
    pass(200);
    for (uint16_t i = 0; i < 20; i = (uint16_t)(i + 2))
        open_channel(&peers[1], i, "c", (struct dcep_open){.is_unordered = false});
    pass(300);
    CU_ASSERT_EQUAL(stats_now().channels, 4);
    CU_ASSERT_EQUAL(stats_now().refused_open, 6);
    end();
}

static void t140_needs_no_word_before(void)
{
    begin(NULL);
    join(1, 9, DATA_USE_T140);
    join(2, 9, DATA_USE_T140);
    pass(200);
    CU_ASSERT_EQUAL(say(&peers[1], 0, 51, "k", 1), 0);
    pass(100);
    CU_ASSERT_STRING_EQUAL(peers[2].text, "k");
    CU_ASSERT_EQUAL(peers[2].last.stream, 0);
    CU_ASSERT_EQUAL(peers[2].opens, 0);
    CU_ASSERT_EQUAL(say(&peers[2], 0, 51, "l", 1), 0);
    pass(100);
    CU_ASSERT_STRING_EQUAL(peers[1].text, "l");
    end();
}

/* The sender is held back, nothing is lost: at last all has arrived in order. */
static void slow_reader_holds_the_senders_back(void)
{
    const struct data_hub_config config = {
        .queue_octets = 65536, .send_octets = 65536, .stall_ms = 60000};
    uint8_t data[1000] = {0};
    uint32_t sent = 0;

    begin(&config);
    join(1, 9, DATA_USE_DCEP);
    join(2, 9, DATA_USE_DCEP);
    pass(200);
    open_channel(&peers[1], 0, "c", (struct dcep_open){.is_unordered = false});
    pass(200);
    peers[2].is_deaf = true;
    for (unsigned i = 0; i < 100; i++) {
        for (memcpy(data, &sent, 4); sent < 3000 && say(&peers[1], 0, 53, data, 1000) == 0;
             memcpy(data, &sent, 4))
            sent++;
        pass(SCTP_TICK_MS);
    }
    CU_ASSERT_TRUE(sent < 800); /* buffers of both, and the queue */
    CU_ASSERT_TRUE(stats_now().held > 0);
    CU_ASSERT_EQUAL(peers[2].messages, 0);
    peers[2].is_deaf = false;
    for (unsigned i = 0; i < 3000 && peers[2].messages < 3000; i++) {
        for (memcpy(data, &sent, 4); sent < 3000 && say(&peers[1], 0, 53, data, 1000) == 0;
             memcpy(data, &sent, 4))
            sent++;
        pass(SCTP_TICK_MS);
    }
    CU_ASSERT_EQUAL(peers[2].messages, 3000);
    CU_ASSERT_EQUAL(peers[2].disorder, 0);
    CU_ASSERT_EQUAL(stats_now().stalled, 0);
    end();
}

static void dead_reader_is_given_up_and_the_others_go_on(void)
{
    const struct data_hub_config config = {.queue_octets = 65536, .send_octets = 65536};
    uint8_t data[1000] = {0};
    uint32_t sent = 0;

    begin(&config);
    for (uint64_t id = 1; id <= 3; id++)
        join(id, 9, DATA_USE_DCEP);
    pass(200);
    open_channel(&peers[1], 0, "c", (struct dcep_open){.is_unordered = false});
    pass(200);
    peers[2].is_deaf = true;
    for (unsigned i = 0; i < 3000 && peers[3].messages < 2000; i++) {
        for (memcpy(data, &sent, 4); sent < 2000 && say(&peers[1], 0, 53, data, 1000) == 0;
             memcpy(data, &sent, 4))
            sent++;
        pass(SCTP_TICK_MS);
    }
    CU_ASSERT_EQUAL(peers[3].messages, 2000);
    CU_ASSERT_EQUAL(peers[3].disorder, 0);
    CU_ASSERT_EQUAL(stats_now().stalled, 1);
    CU_ASSERT_EQUAL(reported(DATA_DOWN), 1);
    CU_ASSERT_EQUAL(last_report(DATA_DOWN)->id, 2);
    end();
}

static struct data_message message_to(uint64_t member, uint64_t room, const char *label)
{
    struct data_message m;

    memset(&m, 0, sizeof(m));
    m.member = member;
    m.room = room;
    m.ppid = 51;
    strcpy(m.label, label);
    m.data = malloc(5);
    memcpy(m.data, "12345", 5);
    m.len = 5;
    return m;
}

static void ten_thousand_messages_to_a_dead_reader_are_bounded(void)
{
    const struct data_hub_config config = {.queue_octets = 65536, .send_octets = 65536};
    struct data_hub_stats stats;

    begin(&config);
    join(1, 9, DATA_USE_DCEP);
    pass(200);
    peers[1].is_deaf = true;
    for (unsigned i = 0; i < 10000; i++) {
        struct data_message m = message_to(1, 0, "c");

        data_hub_send(hub, now, &m);
        CU_ASSERT_PTR_NULL(m.data);
    }
    stats = stats_now();
    CU_ASSERT_EQUAL(stats.sent + stats.not_sent, 10000);
    CU_ASSERT_TRUE(stats.not_sent > 1000);
    pass(10000);
    CU_ASSERT_EQUAL(stats_now().stalled, 1);
    end();
}

static void control_opens_a_channel_once(void)
{
    struct data_message m;

    begin(NULL);
    join(1, 9, DATA_USE_DCEP);
    join(2, 9, DATA_USE_DCEP);
    pass(200);
    m = message_to(0, 9, "news");
    data_hub_send(hub, now, &m);
    m = message_to(2, 0, "news");
    data_hub_send(hub, now, &m);
    m = message_to(77, 0, "news");
    data_hub_send(hub, now, &m);
    m = message_to(0, 77, "news");
    data_hub_send(hub, now, &m);
    pass(200);
    CU_ASSERT_EQUAL(peers[1].opens, 1);
    CU_ASSERT_EQUAL(peers[1].messages, 1);
    CU_ASSERT_EQUAL(peers[2].messages, 2);
    CU_ASSERT_STRING_EQUAL(peers[2].text, "12345");
    CU_ASSERT_EQUAL(stats_now().sent, 3);
    CU_ASSERT_EQUAL(stats_now().not_sent, 2);
    end();
}

/* Whoever has sent something is told when it does not go out after all, and why. */
static void message_of_control_that_cannot_go_is_told(void)
{
    const struct data_hub_config config = {.channels = 2};
    struct data_message m;

    begin(&config);
    join(1, 9, DATA_USE_DCEP);
    pass(200);
    for (unsigned i = 0; i < 3; i++) {
        char label[2] = {(char)('a' + i), '\0'};

        m = message_to(1, 0, label);
        data_hub_send(hub, now, &m);
    }
    pass(200);
    CU_ASSERT_EQUAL(peers[1].messages, 2);
    CU_ASSERT_EQUAL(stats_now().not_sent, 1);
    CU_ASSERT_EQUAL(reported(DATA_UNSENT), 1);
    CU_ASSERT_EQUAL_FATAL(last_report(DATA_UNSENT) != NULL, true);
    CU_ASSERT_STRING_EQUAL(last_report(DATA_UNSENT)->label, "c");
    CU_ASSERT_PTR_NOT_NULL(strstr(last_report(DATA_UNSENT)->text, "no more can be opened"));
    end();
}

/* ---- floods ---- */

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

/* RFC 9260 3.3.2, right to the last bit, so that no check sum stops it. */
static void make_init(uint8_t p[32], uint32_t number)
{
    uint32_t crc;

    memset(p, 0, 32);
    memcpy(p, "\x13\x88\x13\x88", 4);
    memcpy(p + 12, "\x01\x00\x00\x14", 4);
    memcpy(p + 16, &number, 4);            /* tag, not zero */
    memcpy(p + 20, "\x00\x02\x00\x00", 4); /* window */
    memcpy(p + 24, "\x00\x40\x00\x40", 4); /* streams each way */
    memcpy(p + 28, &number, 4);            /* TSN */
    crc = crc32c(p, 32);
    for (unsigned i = 0; i < 4; i++) /* RFC 9260 appendix A: least octet first */
        p[8 + i] = (uint8_t)(crc >> (8 * i));
}

/* Each INIT is answered at most once by a cookie, and nothing of it is kept: neither memory nor a
 * second association. The association that runs, and those of the others, go on. */
static void init_flood_costs_no_memory_and_others_go_on(void)
{
    uint8_t init[32];
    struct mallinfo2 before;
    uint64_t created, out;

    three();
    created = stats_now().sctp.created;
    out = stats_now().sctp.packets_out;
    before = mallinfo2();
    for (uint32_t i = 1; i <= 20000; i++) {
        make_init(init, i);
        data_hub_input(hub, now, 1, init, sizeof(init));
        first = count = 0; /* the cookies are not taken */
    }
    CU_ASSERT(stats_now().sctp.packets_out - out <= 20000);
    CU_ASSERT(stats_now().sctp.packets_out - out > 1000); /* they did get so far */
    CU_ASSERT_EQUAL(stats_now().sctp.packets_bad, 0);
    CU_ASSERT_EQUAL(stats_now().sctp.created, created);
    CU_ASSERT(mallinfo2().uordblks < before.uordblks + 65536);
    CU_ASSERT_EQUAL(say(&peers[1], 0, 1000, "still", 5), 0);
    pass(300);
    CU_ASSERT_EQUAL(peers[2].messages, 1);
    CU_ASSERT_STRING_EQUAL(peers[2].text, "still");
    CU_ASSERT_EQUAL(reported(DATA_DOWN), 0);
    end();
}

static size_t taken;

static void on_taken(void *user, uint64_t id, uint32_t kind, const uint8_t *data, size_t len)
{
    (void)user;
    CU_ASSERT_EQUAL(id, taken);
    CU_ASSERT_EQUAL(kind, 4);
    CU_ASSERT_EQUAL(len, taken % 100);
    for (size_t i = 0; i < len; i++)
        CU_ASSERT_EQUAL(data[i], (uint8_t)taken);
    taken++;
}

static void queue_is_bounded_and_keeps_the_order(void)
{
    struct data_queue *q = NULL;
    uint8_t data[100];
    size_t put = 0;

    CU_ASSERT_EQUAL_FATAL(data_queue_create(4096, &q), 0);
    taken = 0;
    for (unsigned round = 0; round < 5; round++) {
        for (memset(data, (int)put, sizeof(data)); data_queue_put(q, put, 4, data, put % 100) == 0;
             memset(data, (int)put, sizeof(data)))
            put++;
        CU_ASSERT_TRUE(put > taken + 20 && put < taken + 300);
        (void)data_queue_take(q, on_taken, NULL);
        CU_ASSERT_EQUAL(taken, put);
    }
    CU_ASSERT_EQUAL(data_queue_take(q, on_taken, NULL), 0);
    data_queue_destroy(q);
}

static void base64_is_rfc_4648(void)
{
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    static const char *const bad[] = {"Z", "Zg=", "Zg!=", "Z===", "Zm9v\xc3\xa9..", "=Zg="};
    uint8_t *data = NULL;
    size_t len = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = data_base64((const uint8_t *)rows[i][0], strlen(rows[i][0]));

        CU_ASSERT_STRING_EQUAL(text, rows[i][1]);
        free(text);
        CU_ASSERT_EQUAL_FATAL(data_unbase64(rows[i][1], &data, &len), 0);
        CU_ASSERT_EQUAL(len, strlen(rows[i][0]));
        CU_ASSERT_EQUAL(memcmp(data, rows[i][0], len), 0);
        free(data);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_EQUAL(data_unbase64(bad[i], &data, &len), ERR_MALFORMED);
}

/* The dead reader comes first: usrsctp begun a second time in a process sometimes keeps an endpoint
 * whose peer had gone silent, and then does not end (never seen in its first life, which is the
 * only one that a server has). */
SUITE("server/data_hub", TEST(dead_reader_is_given_up_and_the_others_go_on),
      TEST(channel_of_one_is_opened_to_all_others),
      TEST(message_reaches_all_others_and_not_its_sender), TEST(rooms_do_not_hear_each_other),
      TEST(who_comes_later_gets_the_channels), TEST(channel_ends_with_its_opener),
      TEST(stream_may_be_used_again_after_its_close), TEST(streams_without_permission_are_counted),
      TEST(moved_member_keeps_its_association_and_changes_its_channels),
      TEST(channels_of_a_room_are_bounded), TEST(t140_needs_no_word_before),
      TEST(slow_reader_holds_the_senders_back),
      TEST(ten_thousand_messages_to_a_dead_reader_are_bounded), TEST(control_opens_a_channel_once),
      TEST(message_of_control_that_cannot_go_is_told),
      TEST(init_flood_costs_no_memory_and_others_go_on), TEST(queue_is_bounded_and_keeps_the_order),
      TEST(base64_is_rfc_4648))
