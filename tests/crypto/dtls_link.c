#include "tests/crypto/dtls_link.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

void link_init(struct link *link, unsigned loss_percent, unsigned seed)
{
    memset(link, 0, sizeof(*link));
    link->loss_percent = loss_percent;
    link->seed = seed;
    link->now = 1000;
}

void link_fini(struct link *link)
{
    for (size_t i = 0; i < link->queued; i++)
        free(link->queue[i].data);
    link->queued = 0;
}

/* splitmix64. With rand_r the same message was lost eight times running: its values a few steps
 * apart are not independent, and a flight has few datagrams. */
static unsigned next_percent(struct link *link)
{
    uint64_t z = link->seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ z >> 31) % 100);
}

/* In the order of arrival: what is delayed is overtaken. */
static void enqueue(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct link_packet p = {.len = len, .to = to, .at = link->now + LINK_DELAY_MS};
    size_t i = link->queued++;

    if (link->reorder_percent > 0 && next_percent(link) < link->reorder_percent)
        p.at += 1 + next_percent(link) % (3 * LINK_DELAY_MS);
    p.data = malloc(len);
    memcpy(p.data, data, len);
    for (; i > 0 && link->queue[i - 1].at > p.at; i--)
        link->queue[i] = link->queue[i - 1];
    link->queue[i] = p;
}

void link_send(struct link *link, int to, const uint8_t *data, size_t len)
{
    struct link_packet *p;

    link->sent++;
    if (len > link->largest)
        link->largest = len;
    if (link->filter && !link->filter(link, to, data, len))
        return;
    if (next_percent(link) < link->loss_percent || link->queued == LINK_QUEUE)
        return;
    p = link->queued > 0 ? &link->queue[link->queued - 1] : NULL;
    if (link->is_coalescing && p && p->to == to && p->at == link->now + LINK_DELAY_MS) {
        p->data = realloc(p->data, p->len + len);
        memcpy(p->data + p->len, data, len);
        p->len += len;
        return;
    }
    enqueue(link, to, data, len);
    if (link->duplicate_percent > 0 && link->queued < LINK_QUEUE &&
        next_percent(link) < link->duplicate_percent)
        enqueue(link, to, data, len);
}

static void deliver_first(struct link *link)
{
    struct link_packet p = link->queue[0];

    link->queued--;
    memmove(link->queue, link->queue + 1, link->queued * sizeof(link->queue[0]));
    if (link->peer[p.to].input)
        link->peer[p.to].input(link->peer[p.to].self, link->now, p.data, p.len);
    free(p.data);
}

static uint64_t deadline_of(const struct link_peer *peer)
{
    return peer->deadline ? peer->deadline(peer->self) : DTLS_NO_DEADLINE;
}

void link_run(struct link *link, uint64_t until, bool (*done)(void *), void *user)
{
    for (int step = 0; step < LINK_STEPS_MAX && !(done && done(user)); step++) {
        uint64_t next = link->queued ? link->queue[0].at : DTLS_NO_DEADLINE;

        for (int i = 0; i < 2; i++)
            if (deadline_of(&link->peer[i]) < next)
                next = deadline_of(&link->peer[i]);
        if (next > until)
            break;
        if (next > link->now)
            link->now = next;
        if (link->queued && link->queue[0].at <= link->now) {
            deliver_first(link);
            continue;
        }
        for (int i = 0; i < 2; i++)
            if (deadline_of(&link->peer[i]) <= link->now)
                link->peer[i].on_timer(link->peer[i].self, link->now);
    }
}

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct end *end = user;

    CU_ASSERT_TRUE(addr_is_equal(to, &end->other));
    link_send(end->link, 1 - end->index, data, len);
}

static void on_established(void *user, const struct dtls_established *info)
{
    struct end *end = user;

    end->info = *info;
    end->established++;
    if (end->destroy_when_established) {
        dtls_assoc_destroy(end->assoc);
        end->assoc = NULL;
    }
}

static void on_failed(void *user, enum dtls_failure reason, const char *text)
{
    struct end *end = user;

    end->reason = reason;
    snprintf(end->text, sizeof(end->text), "%s", text);
    end->failed++;
}

static void on_closed(void *user)
{
    ((struct end *)user)->closed++;
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct end *end = user;

    end->data_count++;
    end->data_len = len < sizeof(end->data) ? len : sizeof(end->data);
    memcpy(end->data, data, end->data_len);
}

const struct dtls_callbacks end_callbacks = {
    .on_send = on_send,
    .on_established = on_established,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .on_data = on_data,
};

static void end_input(void *self, uint64_t now, const uint8_t *data, size_t len)
{
    struct end *end = self;

    if (end->assoc)
        (void)dtls_assoc_input(end->assoc, now, &end->other, data, len);
}

static uint64_t end_deadline(void *self)
{
    struct end *end = self;

    return end->assoc ? dtls_assoc_next_deadline(end->assoc) : DTLS_NO_DEADLINE;
}

static void end_on_timer(void *self, uint64_t now)
{
    dtls_assoc_on_timer(((struct end *)self)->assoc, now);
}

void end_init_on(struct end *end, struct link *link, int index, enum dtls_role role,
                 struct dtls_ctx *ctx, const struct fingerprint *expected)
{
    struct dtls_options options = {.role = role, .callbacks = &end_callbacks, .user = end};

    memset(end, 0, sizeof(*end));
    end->link = link;
    end->index = index;
    end->role = role;
    (void)addr_parse(index ? "127.0.0.2:5002" : "127.0.0.1:5001", &end->addr);
    (void)addr_parse(index ? "127.0.0.1:5001" : "127.0.0.2:5002", &end->other);
    options.remote = role == DTLS_CLIENT ? &end->other : NULL;
    options.fingerprint = expected;
    CU_ASSERT_EQUAL_FATAL(dtls_assoc_create(ctx, &options, &end->assoc), 0);
    link->peer[index] = (struct link_peer){
        .self = end, .input = end_input, .deadline = end_deadline, .on_timer = end_on_timer};
}

void end_init(struct end *end, struct link *link, int index, enum dtls_role role,
              const struct dtls_config *config, const struct fingerprint *expected)
{
    struct dtls_ctx *ctx = NULL;

    CU_ASSERT_EQUAL_FATAL(dtls_ctx_create(config, &ctx), 0);
    end_init_on(end, link, index, role, ctx, expected);
    end->ctx = ctx;
}

void end_fini(struct end *end)
{
    dtls_assoc_destroy(end->assoc);
    end->assoc = NULL;
    dtls_ctx_destroy(end->ctx);
    end->ctx = NULL;
}
