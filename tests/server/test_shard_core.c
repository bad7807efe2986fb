/* A shard without thread and network: two of them handshake with each other through their io, the
 * data plane being this file. */
#include "server/dtls/shard_core.h"

#include <string.h>

#include "base/err.h"
#include "crypto/cert.h"
#include "server/media/link_addr.h"
#include "tests/suite.h"

#define QUEUE 64
#define ALERT 21 /* the type of its record */

/* One side: a shard, its certificate, and what left it. */
struct side {
    struct shard_core *core;
    struct cert *cert;
    struct fingerprint fp;
    struct addr addr;
    struct link_id transport;
    struct link_msg sent[QUEUE];
    size_t sent_count;
    struct shard_report reports[QUEUE];
    size_t report_count;
    int send_result;
    unsigned early_alerts; /* that went out before the failure was reported */
};

static struct side left, right;
static uint64_t now;

static const struct shard_report *reported(const struct side *s, enum shard_report_kind kind)
{
    for (size_t i = 0; i < s->report_count; i++)
        if (s->reports[i].kind == kind)
            return &s->reports[i];
    return NULL;
}

static int on_send(void *user, const struct link_msg *msg)
{
    struct side *s = user;

    if (s->send_result != 0)
        return s->send_result;
    if (msg->type == LINK_DTLS_TX && msg->u.dtls.data[0] == ALERT)
        s->early_alerts += reported(s, SHARD_FAILED) == NULL;
    if (s->sent_count < QUEUE)
        s->sent[s->sent_count++] = *msg;
    return 0;
}

static void on_report(void *user, const struct shard_report *r)
{
    struct side *s = user;

    if (s->report_count < QUEUE)
        s->reports[s->report_count++] = *r;
}

static const struct shard_io io = {.send = on_send, .report = on_report};

static void side_begin(struct side *s, uint32_t index, uint16_t port)
{
    const uint8_t ip[4] = {192, 0, 2, (uint8_t)index};
    struct dtls_config config;

    memset(s, 0, sizeof(*s));
    CU_ASSERT_EQUAL_FATAL(cert_generate(1, &s->cert), 0);
    CU_ASSERT_EQUAL(cert_fingerprint(s->cert, FINGERPRINT_SHA256, &s->fp), 0);
    dtls_config_init(&config, s->cert);
    CU_ASSERT_EQUAL_FATAL(shard_core_create(&config, 8, &io, s, &s->core), 0);
    s->addr = addr_from_ip4(ip, port);
    s->transport = (struct link_id){index, 1};
}

static void side_end(struct side *s)
{
    shard_core_destroy(s->core);
    cert_destroy(s->cert);
}

static void begin(void)
{
    now = 1000;
    side_begin(&left, 1, 4000);
    side_begin(&right, 2, 5000);
}

static void end(void)
{
    side_end(&left);
    side_end(&right);
}

static struct shard_command open_command(const struct side *self, const struct side *peer,
                                         bool is_active)
{
    struct shard_command c;

    memset(&c, 0, sizeof(c));
    c.kind = SHARD_OPEN;
    c.id = 77;
    c.transport = self->transport;
    c.is_active = is_active;
    c.is_lab = true;
    c.has_fingerprint = true;
    c.fingerprint = peer->fp;
    c.remote = peer->addr;
    return c;
}

static void command(struct side *s, enum shard_command_kind kind)
{
    struct shard_command c;

    memset(&c, 0, sizeof(c));
    c.kind = kind;
    c.id = 77;
    c.transport = s->transport;
    shard_core_on_command(s->core, now, &c);
}

static size_t sent(const struct side *s, enum link_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < s->sent_count; i++)
        n += s->sent[i].type == type;
    return n;
}

/* The data plane's answer to a command. */
static void reply(struct side *s, const struct link_msg *to, int error)
{
    struct link_msg msg;

    memset(&msg, 0, sizeof(msg));
    msg.type = LINK_REPLY;
    msg.error = error;
    msg.transport = to->transport;
    msg.generation = to->generation;
    msg.cookie = to->cookie;
    msg.u.reply.command = to->type;
    msg.u.reply.stats.rtp_in = 42;
    shard_core_on_link(s->core, now, &msg);
}

static void record(struct side *to, const struct addr *from, const struct link_dtls *dtls)
{
    struct link_msg msg;

    memset(&msg, 0, sizeof(msg));
    msg.type = LINK_DTLS_RX;
    msg.transport = to->transport.index;
    msg.generation = to->transport.generation;
    msg.u.dtls = *dtls;
    msg.u.dtls.peer = link_of_addr(from);
    shard_core_on_link(to->core, now, &msg);
}

/* Carries what `from` has sent to `to` and answers its commands; true when there was something. */
static bool carry(struct side *from, struct side *to)
{
    static struct link_msg batch[QUEUE];
    size_t n = from->sent_count;

    memcpy(batch, from->sent, n * sizeof(batch[0]));
    from->sent_count = 0;
    for (size_t i = 0; i < n; i++) {
        if (batch[i].type == LINK_DTLS_TX)
            record(to, &from->addr, &batch[i].u.dtls);
        else
            reply(from, &batch[i], 0);
    }
    return n != 0;
}

static void handshake(void)
{
    for (int i = 0; i < 50; i++)
        if (!carry(&left, &right) && !carry(&right, &left))
            return;
}

static void connect_both(void)
{
    struct shard_command a = open_command(&left, &right, true);
    struct shard_command b = open_command(&right, &left, false);

    shard_core_on_command(right.core, now, &b);
    shard_core_on_command(left.core, now, &a);
    handshake();
}

static void handshake_gives_both_sides_the_same_keys(void)
{
    const struct shard_report *a, *b;

    begin();
    connect_both();
    a = reported(&left, SHARD_ESTABLISHED);
    b = reported(&right, SHARD_ESTABLISHED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT(fingerprint_equal(&a->peer, &right.fp));
    CU_ASSERT(fingerprint_equal(&b->peer, &left.fp));
    CU_ASSERT_EQUAL(a->profile, b->profile);
    CU_ASSERT_EQUAL(memcmp(a->u.keys.local.key, b->u.keys.remote.key, 16), 0);
    CU_ASSERT_EQUAL(memcmp(a->u.keys.remote.key, b->u.keys.local.key, 16), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(a->u.keys.remote.key, a->u.keys.local.key, 16), 0);
    CU_ASSERT_PTR_NOT_NULL(reported(&left, SHARD_KEYED));
    CU_ASSERT_PTR_NOT_NULL(reported(&right, SHARD_KEYED));
    end();
}

static void wrong_fingerprint_installs_no_keys(void)
{
    struct shard_command a, b;
    const struct shard_report *r;

    begin();
    a = open_command(&left, &right, true);
    b = open_command(&right, &left, false);
    b.fingerprint.digest[3] ^= 1;
    shard_core_on_command(right.core, now, &b);
    shard_core_on_command(left.core, now, &a);
    for (int i = 0; i < 50 && (left.sent_count != 0 || right.sent_count != 0); i++) {
        carry(&left, &right);
        CU_ASSERT_EQUAL(sent(&right, LINK_KEYS_SET), 0);
        carry(&right, &left);
    }
    r = reported(&right, SHARD_FAILED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->failure, DTLS_FAIL_FINGERPRINT);
    CU_ASSERT_EQUAL(right.early_alerts, 0); /* or the peer's hang-up may overtake the report */
    CU_ASSERT_PTR_NULL(reported(&right, SHARD_ESTABLISHED));
    CU_ASSERT_PTR_NULL(reported(&right, SHARD_KEYED));
    /* H-RACE: the refusal that comes in the clear is the cause when the time is over, no sooner. */
    CU_ASSERT_PTR_NULL(reported(&left, SHARD_FAILED));
    now = shard_core_next_deadline(left.core);
    for (int i = 0; i < 50 && now != UINT64_MAX; i++) {
        shard_core_on_timer(left.core, now);
        now = shard_core_next_deadline(left.core);
    }
    r = reported(&left, SHARD_FAILED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->failure, DTLS_FAIL_PEER_ALERT);
    end();
}

static void hello_before_open_is_kept_for_it(void)
{
    struct shard_command a, b;

    begin();
    a = open_command(&left, &right, true);
    b = open_command(&right, &left, false);
    shard_core_on_command(left.core, now, &a);
    carry(&left, &right); /* nobody is there yet */
    CU_ASSERT_EQUAL(right.sent_count, 0);
    now += 100;
    shard_core_on_command(right.core, now, &b);
    CU_ASSERT(right.sent_count > 0);
    handshake();
    CU_ASSERT_PTR_NOT_NULL(reported(&left, SHARD_ESTABLISHED));
    end();
}

static void record_of_third_address_is_dropped_and_told(void)
{
    const uint8_t ip[4] = {198, 51, 100, 9};
    const struct addr stranger = addr_from_ip4(ip, 5000);
    struct shard_command b;
    struct link_dtls hello;

    begin();
    b = open_command(&left, &right, true);
    shard_core_on_command(left.core, now, &b);
    CU_ASSERT_EQUAL_FATAL(sent(&left, LINK_DTLS_TX), 1);
    hello = left.sent[0].u.dtls;
    b = open_command(&right, &left, false);
    shard_core_on_command(right.core, now, &b);
    for (int i = 0; i < 5; i++)
        record(&right, &stranger, &hello);
    CU_ASSERT_EQUAL(right.sent_count, 0);
    CU_ASSERT_EQUAL(right.report_count, 1); /* told once a second */
    CU_ASSERT_EQUAL(right.reports[0].kind, SHARD_STRANGER);
    CU_ASSERT(addr_is_equal(&right.reports[0].from, &stranger));
    right.report_count = 0;
    handshake();
    CU_ASSERT_PTR_NOT_NULL(reported(&right, SHARD_ESTABLISHED));
    end();
}

static void close_sends_alert_before_transport_close(void)
{
    begin();
    connect_both();
    left.report_count = 0;
    command(&left, SHARD_CLOSE);
    CU_ASSERT_EQUAL_FATAL(left.sent_count, 2);
    CU_ASSERT_EQUAL(left.sent[0].type, LINK_DTLS_TX);
    CU_ASSERT_EQUAL(left.sent[0].u.dtls.data[0], 21); /* alert */
    CU_ASSERT_EQUAL(left.sent[1].type, LINK_TRANSPORT_CLOSE);
    carry(&left, &right);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reported(&left, SHARD_CLOSED));
    CU_ASSERT_EQUAL(reported(&left, SHARD_CLOSED)->u.final.rtp_in, 42);
    CU_ASSERT_PTR_NOT_NULL(reported(&right, SHARD_PEER_CLOSED));
    command(&left, SHARD_STATS);
    CU_ASSERT_EQUAL(reported(&left, SHARD_STATS_REPORT)->u.stats.associations, 0);
    end();
}

static void close_after_failure_still_closes_the_transport(void)
{
    begin();
    command(&left, SHARD_CLOSE);
    CU_ASSERT_EQUAL_FATAL(left.sent_count, 1);
    CU_ASSERT_EQUAL(left.sent[0].type, LINK_TRANSPORT_CLOSE);
    carry(&left, &right);
    CU_ASSERT_PTR_NOT_NULL(reported(&left, SHARD_CLOSED));
    end();
}

static void close_waits_for_room_on_the_link(void)
{
    begin();
    left.send_result = ERR_AGAIN;
    command(&left, SHARD_CLOSE);
    CU_ASSERT_EQUAL(left.report_count, 0);
    left.send_result = 0;
    now = shard_core_next_deadline(left.core);
    shard_core_on_timer(left.core, now);
    CU_ASSERT_EQUAL(sent(&left, LINK_TRANSPORT_CLOSE), 1);
    carry(&left, &right);
    CU_ASSERT_PTR_NOT_NULL(reported(&left, SHARD_CLOSED));
    end();
}

static void refused_keys_fail_the_association(void)
{
    struct shard_command a, b;
    const struct shard_report *r;

    begin();
    a = open_command(&left, &right, true);
    b = open_command(&right, &left, false);
    shard_core_on_command(right.core, now, &b);
    shard_core_on_command(left.core, now, &a);
    for (int i = 0; i < 50 && sent(&right, LINK_KEYS_SET) == 0; i++) {
        carry(&left, &right);
        if (sent(&right, LINK_KEYS_SET) == 0)
            carry(&right, &left);
    }
    for (size_t i = 0; i < right.sent_count; i++)
        if (right.sent[i].type == LINK_KEYS_SET)
            reply(&right, &right.sent[i], ERR_NOTFOUND);
    r = reported(&right, SHARD_FAILED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->failure, DTLS_FAIL_INTERNAL);
    CU_ASSERT_PTR_NULL(reported(&right, SHARD_KEYED));
    end();
}

static void passive_side_gives_up_after_a_time(void)
{
    struct shard_command b;

    begin();
    b = open_command(&right, &left, false);
    shard_core_on_command(right.core, now, &b);
    for (int i = 0; i < 100 && shard_core_next_deadline(right.core) != UINT64_MAX; i++) {
        now = shard_core_next_deadline(right.core);
        shard_core_on_timer(right.core, now);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(reported(&right, SHARD_FAILED));
    CU_ASSERT_EQUAL(reported(&right, SHARD_FAILED)->failure, DTLS_FAIL_TIMEOUT);
    CU_ASSERT(now >= 1000 + 1000 && now <= 1000 + 120000);
    end();
}

static void limit_of_associations_is_kept(void)
{
    struct shard_command c;

    begin();
    c = open_command(&right, &left, false);
    for (uint32_t i = 0; i < 9; i++) {
        c.id = 100 + i;
        c.transport.index = 100 + i;
        shard_core_on_command(right.core, now, &c);
    }
    CU_ASSERT_EQUAL(right.report_count, 1);
    CU_ASSERT_EQUAL(right.reports[0].kind, SHARD_FAILED);
    CU_ASSERT_EQUAL(right.reports[0].id, 108);
    end();
}

static void detach_frees_all_and_answers_closes(void)
{
    begin();
    connect_both();
    left.report_count = 0;
    command(&left, SHARD_CLOSE);
    shard_core_on_detached(left.core);
    CU_ASSERT_PTR_NOT_NULL(reported(&left, SHARD_CLOSED));
    shard_core_on_detached(right.core);
    command(&right, SHARD_STATS);
    CU_ASSERT_EQUAL(reported(&right, SHARD_STATS_REPORT)->u.stats.associations, 0);
    end();
}

static void stop_says_goodbye_to_all(void)
{
    begin();
    connect_both();
    command(&left, SHARD_STOP);
    CU_ASSERT_FALSE(shard_core_is_stopped(left.core));
    carry(&left, &right);
    CU_ASSERT_TRUE(shard_core_is_stopped(left.core));
    CU_ASSERT_PTR_NOT_NULL(reported(&left, SHARD_STOPPED));
    CU_ASSERT_PTR_NOT_NULL(reported(&right, SHARD_PEER_CLOSED));
    end();
}

static void names_are_there_for_all(void)
{
    CU_ASSERT_STRING_EQUAL(shard_command_to_str(SHARD_STOP), "stop");
    CU_ASSERT_STRING_EQUAL(shard_report_to_str(SHARD_STOPPED), "stopped");
    CU_ASSERT_STRING_EQUAL(shard_command_to_str((enum shard_command_kind)99), "unknown");
}

SUITE("server/shard_core", TEST(handshake_gives_both_sides_the_same_keys),
      TEST(wrong_fingerprint_installs_no_keys), TEST(hello_before_open_is_kept_for_it),
      TEST(record_of_third_address_is_dropped_and_told),
      TEST(close_sends_alert_before_transport_close),
      TEST(close_after_failure_still_closes_the_transport), TEST(close_waits_for_room_on_the_link),
      TEST(refused_keys_fail_the_association), TEST(passive_side_gives_up_after_a_time),
      TEST(limit_of_associations_is_kept), TEST(detach_frees_all_and_answers_closes),
      TEST(stop_says_goodbye_to_all), TEST(names_are_there_for_all))
