#include "tests/suite.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "link/link.h"
#include "link/link_client_priv.h"
#include "link/link_shm.h"
#include "tests/link/fake_dp.h"

static char path[64];
static struct fake_dp dp;

struct heard {
    int attached, detached, error;
    char text[512];
    unsigned messages, state_up, state_down;
    struct link_msg last;
    uint64_t cookies; /* sum */
};

static void on_attached(void *context, const struct link_info *info)
{
    struct heard *heard = context;

    heard->attached++;
    CU_ASSERT_EQUAL(info->workers, dp.workers);
}

static void on_detached(void *context, int error, const char *text)
{
    struct heard *heard = context;

    heard->detached++;
    heard->error = error;
    snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void on_msg(void *context, const struct link_msg *msg)
{
    struct heard *heard = context;

    heard->messages++;
    heard->last = *msg;
    heard->cookies += msg->cookie;
}

static void on_state(void *context, int attached)
{
    struct heard *heard = context;

    if (attached)
        heard->state_up++;
    else
        heard->state_down++;
}

static int setup(void)
{
    snprintf(path, sizeof(path), "/tmp/sluice-test-link-%d.sock", (int)getpid());
    return 0;
}

static struct link_client *client_make(struct heard *heard, unsigned producers, unsigned slots,
                                       unsigned queue)
{
    struct link_client_config config = {.path = path,
                                        .program = "test",
                                        .producers = producers,
                                        .ring_slots = slots,
                                        .queue_max = queue,
                                        .retry_ms = 100,
                                        .on_attached = on_attached,
                                        .on_detached = on_detached,
                                        .context = heard};
    struct link_client *client = NULL;

    memset(heard, 0, sizeof(*heard));
    CU_ASSERT_EQUAL_FATAL(link_client_create(&config, &client), 0);
    for (unsigned i = 0; i < producers; i++)
        link_port_listen(link_client_port(client, i), on_msg, on_state, heard);
    return client;
}

/* Both sides, in turns, in this thread. */
static void pump(struct link_client *client, unsigned producers, uint64_t now)
{
    for (int i = 0; i < 4; i++) {
        link_client_poll(client, now);
        if (dp.server != NULL)
            fake_dp_pump(&dp, now);
        for (unsigned p = 0; p < producers; p++)
            link_port_poll(link_client_port(client, p), 0);
    }
}

static struct link_open an_open(uint16_t port)
{
    struct link_open open = {
        .mode = LINK_MODE_DTLS_SRTP, .port = port, .session = "session-7", .conference = "demo"};

    return open;
}

static void attach_then_open_gives_reply_with_cookie(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 2, 0, 0);
    struct link_open open = an_open(20000);

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 2), 0);
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 0), 0, &open, 1), ERR_CLOSED);
    pump(client, 2, 1000);
    CU_ASSERT_EQUAL(heard.attached, 1);
    CU_ASSERT_EQUAL(heard.state_up, 2);
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 1), 1, &open, 77), 0);
    pump(client, 2, 1000);
    CU_ASSERT_EQUAL(heard.messages, 1);
    CU_ASSERT_EQUAL(heard.last.type, LINK_REPLY);
    CU_ASSERT_EQUAL(heard.last.cookie, 77);
    CU_ASSERT_EQUAL(heard.last.error, 0);
    CU_ASSERT_EQUAL(heard.last.u.reply.command, LINK_TRANSPORT_OPEN);
    CU_ASSERT_EQUAL(heard.last.transport >> 24, 1);
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 1), 2, &open, 78), ERR_INVAL);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void dtls_datagram_travels_both_ways_unchanged(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 1, 0, 0);
    struct link_addr peer = {.family = 4, .port = 4000, .ip = {198, 51, 100, 9}};
    unsigned char data[LINK_DTLS_MAX + 1];
    struct link_msg up;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7);
    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(link_port_dtls(link_client_port(client, 0), (struct link_id){0, 1}, &peer, data,
                                   LINK_DTLS_MAX),
                    0);
    CU_ASSERT_EQUAL(link_port_dtls(link_client_port(client, 0), (struct link_id){0, 1}, &peer, data,
                                   LINK_DTLS_MAX + 1),
                    ERR_INVAL);
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(dp.datagrams, 1);
    CU_ASSERT_EQUAL(dp.dtls.u.dtls.length, LINK_DTLS_MAX);
    CU_ASSERT_EQUAL(memcmp(dp.dtls.u.dtls.data, data, LINK_DTLS_MAX), 0);
    CU_ASSERT_EQUAL(memcmp(&dp.dtls.u.dtls.peer, &peer, sizeof(peer)), 0);
    link_msg_init(&up, LINK_DTLS_RX, (struct link_id){0, 1}, 0);
    up.u.dtls.length = 1;
    up.u.dtls.data[0] = 22;
    CU_ASSERT_TRUE(fake_dp_send(&dp, 0, 0, &up));
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(heard.last.type, LINK_DTLS_RX);
    CU_ASSERT_EQUAL(heard.last.u.dtls.data[0], 22);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void full_ring_queues_commands_then_says_again(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 1, 8, 5);
    struct link_port *port = link_client_port(client, 0);
    struct link_open open = an_open(20000);
    uint64_t sum = 0;

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 0);
    for (uint64_t i = 1; i <= 13; i++) {
        CU_ASSERT_EQUAL(link_port_open(port, 0, &open, i), 0);
        sum += i;
    }
    CU_ASSERT_EQUAL(link_port_queued(port), 5);
    CU_ASSERT_EQUAL(link_port_open(port, 0, &open, 14), ERR_AGAIN);
    CU_ASSERT_EQUAL(link_port_dtls(port, (struct link_id){0, 1}, NULL, "x", 1), ERR_AGAIN);
    CU_ASSERT_EQUAL(link_port_dropped(port), 1);
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(link_port_queued(port), 0);
    CU_ASSERT_EQUAL(heard.messages, 13);
    CU_ASSERT_EQUAL(heard.cookies, sum);
    CU_ASSERT_EQUAL(dp.commands, 13);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void full_up_ring_keeps_room_for_replies(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 1, 8, 0);
    struct link_open open = an_open(20000);
    struct link_msg up;
    unsigned sent = 0;

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 0);
    link_msg_init(&up, LINK_DTLS_RX, (struct link_id){0, 1}, 0);
    while (sent < 100 && fake_dp_send(&dp, 0, 0, &up))
        sent++;
    CU_ASSERT_EQUAL(sent, 6); /* of 8, a quarter is kept */
    for (uint64_t i = 1; i <= 4; i++)
        CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 0), 0, &open, i), 0);
    fake_dp_pump(&dp, 0);
    CU_ASSERT_EQUAL(dp.commands, 2); /* the others wait for room for their replies */
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(dp.commands, 4);
    CU_ASSERT_EQUAL(heard.messages, 10);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void data_plane_restart_detaches_and_attaches_again(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 1, 0, 0);
    struct link_open open = an_open(20000);

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 0);
    fake_dp_stop(&dp);
    pump(client, 1, 10);
    CU_ASSERT_EQUAL(heard.detached, 1);
    CU_ASSERT_EQUAL(heard.error, ERR_CLOSED);
    CU_ASSERT_EQUAL(heard.state_down, 1);
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 0), 0, &open, 1), ERR_CLOSED);
    pump(client, 1, 200); /* nobody listens: said once */
    pump(client, 1, 400);
    CU_ASSERT_EQUAL(heard.detached, 2);
    CU_ASSERT_EQUAL(heard.error, ERR_IO);
    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 600);
    CU_ASSERT_EQUAL(heard.attached, 2);
    CU_ASSERT_EQUAL(heard.state_up, 2);
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 0), 0, &open, 1), 0);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static int remember(void *context, const struct link_transport_info *info,
                    const struct link_transport_stats *stats)
{
    (void)stats;
    *(struct link_transport_info *)context = *info;
    return 0;
}

static void control_restart_reads_back_open_transports(void)
{
    struct heard heard, second;
    struct link_client *client = client_make(&heard, 1, 0, 0);
    struct link_open open = an_open(20002);
    struct link_transport_info info;
    struct link_counters counters;
    struct link_id id;

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 0), 0, &open, 1), 0);
    pump(client, 1, 0);
    id = (struct link_id){heard.last.transport, heard.last.generation};
    link_client_destroy(client);
    fake_dp_pump(&dp, 0);
    CU_ASSERT_EQUAL(dp.last_change, ERR_CLOSED);

    client = client_make(&second, 3, 16, 0);
    pump(client, 3, 10);
    CU_ASSERT_EQUAL(second.attached, 1);
    CU_ASSERT_EQUAL(link_client_transports(client, remember, &info), 1);
    CU_ASSERT_EQUAL(info.local.port, 20002);
    CU_ASSERT_STRING_EQUAL(info.session, "session-7");
    CU_ASSERT_EQUAL(info.id.index, id.index);
    CU_ASSERT_EQUAL(link_client_transport(client, id, &info, NULL), 0);
    CU_ASSERT_EQUAL(link_client_counters(client, 0, &counters), 0);
    CU_ASSERT_EQUAL(counters.value[LINK_COUNTER_transports], 1);
    id.generation++;
    CU_ASSERT_EQUAL(link_client_transport(client, id, &info, NULL), ERR_NOTFOUND);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void second_control_is_refused_while_one_is_attached(void)
{
    struct heard heard, second;
    struct link_client *client = client_make(&heard, 1, 0, 0), *other;

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    pump(client, 1, 0);
    other = client_make(&second, 1, 0, 0);
    pump(other, 1, 0);
    CU_ASSERT_EQUAL(second.attached, 0);
    CU_ASSERT_EQUAL(second.error, ERR_EXISTS);
    link_client_destroy(other);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

/* A connection that is not our client: send bytes, read the answer. */
static ssize_t raw_hello(const void *data, size_t length, struct link_welcome *answer)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    ssize_t got;

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    CU_ASSERT_EQUAL_FATAL(connect(sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
    CU_ASSERT_EQUAL(send(sock, data, length, 0), (ssize_t)length);
    for (int i = 0; i < 3; i++)
        fake_dp_pump(&dp, 0);
    got = recv(sock, answer, sizeof(*answer), MSG_DONTWAIT);
    close(sock);
    return got;
}

static void other_version_is_refused_naming_both(void)
{
    struct link_hello hello = {.magic = LINK_MAGIC, .sizes = LINK_SIZES_OURS, .producers = 1};
    struct link_welcome answer;
    char ours[64];

    snprintf(ours, sizeof(ours), "speaks link version %u (message 2048", LINK_VERSION);
    hello.sizes.version = 99;
    hello.sizes.msg = 4096;
    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    CU_ASSERT_EQUAL(raw_hello(&hello, sizeof(hello), &answer), (ssize_t)sizeof(answer));
    CU_ASSERT_EQUAL(answer.error, ERR_VERSION);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.text, ours));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.text, "speaks link version 99 (message 4096"));
    CU_ASSERT_STRING_EQUAL(dp.last_text, answer.text);
    fake_dp_stop(&dp);
}

static void garbage_hello_is_refused_and_the_next_served(void)
{
    struct link_hello hello = {
        .magic = LINK_MAGIC, .sizes = LINK_SIZES_OURS, .producers = 4000, .slots = 7};
    struct link_welcome answer;
    struct heard heard;
    struct link_client *client;

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    raw_hello("?", 1, &answer);
    CU_ASSERT_EQUAL(answer.error, ERR_MALFORMED);
    raw_hello(&hello, sizeof(hello), &answer);
    CU_ASSERT_EQUAL(answer.error, ERR_RANGE);
    client = client_make(&heard, 1, 0, 0);
    pump(client, 1, 0);
    CU_ASSERT_EQUAL(heard.attached, 1);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void garbled_indices_detach_without_touching_memory(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 1, 8, 0);
    struct link_ring_shared shared = {0};
    struct link_msg slot[8], msg;
    struct link_ring ring;

    link_ring_init(&ring, &shared, slot, 8);
    shared.tail = 9; /* more than the ring holds */
    CU_ASSERT_FALSE(link_ring_pop(&ring, &msg));
    CU_ASSERT_TRUE(ring.broken);
    memset(&shared, 0, sizeof(shared));
    link_ring_init(&ring, &shared, slot, 8);
    shared.tail = 1;
    memset(&slot[0], 0xff, sizeof(slot[0]));
    slot[0].type = LINK_DTLS_RX; /* length 65535 */
    CU_ASSERT_TRUE(link_ring_pop(&ring, &msg));
    CU_ASSERT_EQUAL(msg.u.dtls.length, 0);
    link_ring_init(&ring, &shared, slot, 8);
    shared.head = 100; /* ahead of the tail */
    for (int i = 0; i < 8; i++)
        link_ring_push(&ring, &msg);
    CU_ASSERT_FALSE(link_ring_push(&ring, &msg));
    CU_ASSERT_TRUE(ring.broken);
    CU_ASSERT_EQUAL(link_ring_room(&ring, 1), 0);
    link_client_destroy(client);
}

/* The whole shared memory becomes noise, as from a process that runs wild: the data plane lets go
 * of it, and the next attachment works. */
static void garbled_shared_memory_ends_the_attachment_only(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 2, 16, 0);
    struct link_attachment *a;
    struct link_open open = an_open(20000);
    uint32_t seed = 7;

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 2), 0);
    pump(client, 2, 0);
    CU_ASSERT_EQUAL_FATAL(heard.attached, 1);
    a = client->attachment;
    for (size_t i = 0; i < a->layout.size; i++) {
        seed = seed * 1664525u + 1013904223u;
        ((unsigned char *)a->rings)[i] = (unsigned char)(seed >> 24);
    }
    pump(client, 2, 0);
    CU_ASSERT_EQUAL(heard.detached, 1);
    pump(client, 2, 200);
    CU_ASSERT_EQUAL(heard.attached, 2);
    heard.messages = 0;
    CU_ASSERT_EQUAL(link_port_open(link_client_port(client, 0), 1, &open, 9), 0);
    pump(client, 2, 200);
    CU_ASSERT_EQUAL(heard.messages, 1);
    CU_ASSERT_EQUAL(heard.last.cookie, 9);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

static void keys_are_wiped_from_the_ring(void)
{
    struct link_ring_shared shared = {0};
    static struct link_msg slot[8], msg, out;
    struct link_ring producer, consumer;
    unsigned char sum = 0;

    link_ring_init(&producer, &shared, slot, 8);
    link_ring_init(&consumer, &shared, slot, 8);
    link_msg_init(&msg, LINK_KEYS_SET, (struct link_id){1, 2}, 3);
    memset(msg.u.keys.rx_key, 0xa5, sizeof(msg.u.keys.rx_key));
    CU_ASSERT_TRUE(link_ring_push(&producer, &msg));
    CU_ASSERT_TRUE(link_ring_pop(&consumer, &out));
    CU_ASSERT_EQUAL(memcmp(&out.u.keys, &msg.u.keys, sizeof(out.u.keys)), 0);
    for (size_t i = 0; i < sizeof(slot[0]); i++)
        sum |= ((unsigned char *)&slot[0])[i];
    CU_ASSERT_EQUAL(sum, 0);
}

static void counters_have_names_and_texts(void)
{
    for (unsigned i = 0; i < LINK_COUNTERS; i++) {
        CU_ASSERT_STRING_NOT_EQUAL(link_counter_name(i), "unknown");
        CU_ASSERT_TRUE(strlen(link_counter_text(i)) > 3);
    }
    CU_ASSERT_STRING_EQUAL(link_counter_name(LINK_COUNTERS), "unknown");
    CU_ASSERT_STRING_EQUAL(link_type_to_str(LINK_KEYS_SET), "keys_set");
    CU_ASSERT_STRING_EQUAL(link_type_to_str(40), "unknown");
    CU_ASSERT_STRING_EQUAL(link_mode_to_str(LINK_MODE_RTCP), "rtcp");
}

/* ---- both ends in threads of their own, woken through their fds alone ---- */

#define THREAD_COMMANDS 5000u

static atomic_bool stop_worker;

static void answer_command(void *context, unsigned producer, const struct link_msg *msg)
{
    if (msg->type != LINK_DTLS_TX)
        link_worker_reply(context, producer, msg, 0, NULL, NULL);
}

static void *worker_thread(void *context)
{
    struct link_worker *worker = context;

    while (!stop_worker) {
        struct pollfd pfd = {.fd = link_worker_fd(worker), .events = POLLIN};

        link_worker_poll(worker, 64, answer_command, worker);
        link_worker_flush(worker);
        if (link_worker_sleep_begin(worker))
            poll(&pfd, 1, 5000);
        link_worker_sleep_end(worker);
    }
    return NULL;
}

struct producer_run {
    struct link_port *port;
    unsigned sent, replies;
    uint64_t sent_sum, reply_sum;
    bool up, timed_out;
};

static void count_reply(void *context, const struct link_msg *msg)
{
    struct producer_run *run = context;

    run->replies++;
    run->reply_sum += msg->cookie;
}

static void producer_up(void *context, int attached)
{
    ((struct producer_run *)context)->up = attached != 0;
}

static void *producer_thread(void *context)
{
    struct producer_run *run = context;
    struct link_msg msg;

    link_port_listen(run->port, count_reply, producer_up, run);
    link_msg_init(&msg, LINK_KEYS_CLEAR, (struct link_id){0, 1}, 0);
    while (run->replies < THREAD_COMMANDS) {
        struct pollfd pfd = {.fd = link_port_fd(run->port), .events = POLLIN};

        link_port_poll(run->port, 0);
        while (run->up && run->sent < THREAD_COMMANDS) {
            msg.cookie = run->sent + 1;
            if (link_port_send(run->port, &msg) != 0)
                break;
            run->sent++;
            run->sent_sum += msg.cookie;
        }
        if (run->replies < THREAD_COMMANDS && poll(&pfd, 1, 20000) == 0) {
            run->timed_out = true;
            break;
        }
    }
    return NULL;
}

static void threads_lose_no_command_and_no_wakeup(void)
{
    struct heard heard;
    struct link_client *client = client_make(&heard, 2, 16, 20);
    struct producer_run run[2] = {{0}, {0}};
    pthread_t worker, producer[2];

    CU_ASSERT_EQUAL_FATAL(fake_dp_start(&dp, path, 1), 0);
    stop_worker = false;
    for (int i = 0; i < 2; i++) {
        run[i].port = link_client_port(client, (unsigned)i);
        pthread_create(&producer[i], NULL, producer_thread, &run[i]);
    }
    pthread_create(&worker, NULL, worker_thread, link_server_worker(dp.server, 0));
    for (int i = 0; i < 10 && heard.attached == 0; i++) {
        link_client_poll(client, 0);
        link_server_poll(dp.server, 0);
        link_client_poll(client, 0);
    }
    CU_ASSERT_EQUAL(heard.attached, 1);
    for (int i = 0; i < 2; i++) {
        pthread_join(producer[i], NULL);
        CU_ASSERT_FALSE(run[i].timed_out);
        CU_ASSERT_EQUAL(run[i].replies, THREAD_COMMANDS);
        CU_ASSERT_EQUAL(run[i].reply_sum, run[i].sent_sum);
    }
    stop_worker = true;
    link_server_wake(dp.server, 0);
    pthread_join(worker, NULL);
    link_client_destroy(client);
    fake_dp_stop(&dp);
}

SUITE_SETUP("link/link", setup, NULL, TEST(attach_then_open_gives_reply_with_cookie),
            TEST(dtls_datagram_travels_both_ways_unchanged),
            TEST(full_ring_queues_commands_then_says_again),
            TEST(full_up_ring_keeps_room_for_replies),
            TEST(data_plane_restart_detaches_and_attaches_again),
            TEST(control_restart_reads_back_open_transports),
            TEST(second_control_is_refused_while_one_is_attached),
            TEST(other_version_is_refused_naming_both),
            TEST(garbage_hello_is_refused_and_the_next_served),
            TEST(garbled_indices_detach_without_touching_memory),
            TEST(garbled_shared_memory_ends_the_attachment_only),
            TEST(keys_are_wiped_from_the_ring), TEST(counters_have_names_and_texts),
            TEST(threads_lose_no_command_and_no_wakeup))
