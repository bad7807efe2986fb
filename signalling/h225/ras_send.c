/* The last steps of every message of ours, and the requests that wait for an answer. */
#include "signalling/h225/ras_internal.h"

#include <stdlib.h>
#include <string.h>

static void random_fill(struct ras *ras, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        /* The low bits of some generators are the poorer ones. */
        to[i] = (uint8_t)(ras->ops->random(ras->arg) >> 8);
}

/* Number and token are put in at the last moment: a repetition has the same octets. */
static int encode(struct ras *ras, struct h225_RasMessage *m, uint16_t seq, uint8_t *data,
                  size_t *len)
{
    /* A GatekeeperRequest does not know yet whom to convince. */
    bool sealed = ras->config.password != NULL && m->kind != h225_RasMessage_gatekeeperRequest;
    uint8_t mark[RAS_HASH_LEN];
    int err = 0;

    memcpy((char *)ras_body(m) + ras_kind_of(m->kind)->seq, &seq, sizeof(seq));
    if (sealed) {
        random_fill(ras, mark, sizeof(mark));
        err = ras_auth_attach(ras, m, mark);
    }
    if (err == 0)
        err = per_encode(&h225_RasMessage_type, m, data, RAS_DATAGRAM_MAX, len, NULL);
    if (err == 0 && sealed)
        err = ras_auth_seal(ras->config.crypto, ras->key, data, *len, mark);
    return err;
}

static void transmit(struct ras *ras, const struct addr *to, const uint8_t *data, size_t len)
{
    ras->stats.messages_out++;
    ras->ops->send(ras->arg, to, data, len);
}

/* ---- requests ---- */

static struct list *bucket(struct ras *ras, uint16_t seq)
{
    return &ras->pending[seq % FSM_COUNT(ras->pending)];
}

struct ras_pending *ras_pending_find(struct ras *ras, uint16_t seq)
{
    LIST_FOREACH (it, bucket(ras, seq)) {
        struct ras_pending *p = LIST_ENTRY(it, struct ras_pending, link);

        if (p->seq == seq)
            return p;
    }
    return NULL;
}

static uint16_t next_seq(struct ras *ras)
{
    do
        ras->seq++;
    /* 0 is no number of a request (1..65535). */
    while (ras->seq == 0 || ras_pending_find(ras, ras->seq) != NULL);
    return ras->seq;
}

/* Freed, but for what the copy holds. */
void ras_pending_take(struct ras_pending *p)
{
    timer_cancel(&p->ras->timers, &p->timer);
    list_remove(&p->link);
    p->ras->pending_count--;
    free(p);
}

void ras_pending_drop(struct ras_pending *copy)
{
    free(copy->via);
    free(copy->data);
}

void ras_pending_free(struct ras_pending *p)
{
    struct ras_pending copy = *p;

    ras_pending_take(p);
    ras_pending_drop(&copy);
}

/* The next try, or the end of all tries. */
static void on_expiry(struct timer *timer, void *ctx, uint64_t now)
{
    struct ras_pending *p = ctx;
    struct ras *ras = p->ras;

    if (p->tries_left == 0) {
        ras->stats.given_up++;
        ras_on_silence(ras, p);
        return;
    }
    /* The same octets: a gatekeeper tells a repetition by the number. */
    p->tries_left--;
    ras->stats.repeated++;
    timer_start(&ras->timers, timer, now + p->wait_ms);
    transmit(ras, &p->to, p->data, p->len);
}

/* A request that waits: the octets to repeat, and what its answer is for. */
static struct ras_pending *pending_create(struct ras *ras, const struct ras_pending *what,
                                          const uint8_t *data, size_t len)
{
    struct ras_pending *p = malloc(sizeof(*p));

    if (p == NULL)
        return NULL;
    /* All but what is its own. */
    *p = *what;
    p->data = malloc(len);
    if (p->data == NULL) {
        free(p);
        return NULL;
    }
    memcpy(p->data, data, len);
    p->len = len;
    p->ras = ras;
    p->tries_left = ras->config.tries - 1;
    p->wait_ms = p->kind == h225_RasMessage_gatekeeperRequest ? ras->config.discovery_ms
                                                              : ras->config.request_ms;
    timer_init(&p->timer, on_expiry, p);
    timer_start(&ras->timers, &p->timer, ras->now + p->wait_ms);
    list_push_back(bucket(ras, p->seq), &p->link);
    ras->pending_count++;
    return p;
}

/* From here on the answer comes by ras_on_answer, silence by ras_on_silence. */
int ras_send_request(struct ras *ras, struct h225_RasMessage *m, const struct ras_pending *what)
{
    uint8_t data[RAS_DATAGRAM_MAX];
    struct ras_pending row = *what, *p;
    size_t len = 0;
    int err;

    /* Bounded: requests that nobody answers would fill memory. */
    if (ras->pending_count >= ras->config.max_requests)
        return ERR_LIMIT;
    row.seq = next_seq(ras);
    row.kind = m->kind;
    /* By default the gatekeeper that holds. */
    if (row.to.family == ADDR_NONE)
        row.to = ras->address;
    err = encode(ras, m, row.seq, data, &len);
    if (err != 0)
        return err;
    /* Before it is sent: the answer may be there at once. */
    p = pending_create(ras, &row, data, len);
    if (p == NULL)
        return ERR_NOMEM;
    transmit(ras, &p->to, data, len);
    return 0;
}

/* Where a request about a call has the gatekeeper's identifier. */
static struct per_bmp *gatekeeper_of(const struct h225_RasMessage *m, bool **present)
{
    switch (m->kind) {
    case h225_RasMessage_admissionRequest:
        *present = &m->u.admissionRequest->has_gatekeeperIdentifier;
        return &m->u.admissionRequest->gatekeeperIdentifier;
    case h225_RasMessage_bandwidthRequest:
        *present = &m->u.bandwidthRequest->has_gatekeeperIdentifier;
        return &m->u.bandwidthRequest->gatekeeperIdentifier;
    case h225_RasMessage_disengageRequest:
        *present = &m->u.disengageRequest->has_gatekeeperIdentifier;
        return &m->u.disengageRequest->gatekeeperIdentifier;
    default:
        return NULL;
    }
}

/* Decoded from what was sent, given the other name, numbered and signed anew. */
static int send_renamed(struct ras *ras, const struct ras_pending *p, struct ras_pending *what)
{
    struct h225_RasMessage *m;
    void *message = NULL;
    struct per_bmp *id;
    bool *present = NULL;
    int err;
    /* The arena of what goes out: the old message's structures are changed in it and sent. */

    arena_reset(&ras->out);
    err = per_decode(&h225_RasMessage_type, p->data, p->len, NULL, &ras->out, &message, NULL);
    m = message;
    /* Others than these three are not about a call: nobody redirects them. */
    id = err == 0 ? gatekeeper_of(m, &present) : NULL;
    if (id == NULL)
        return err != 0 ? err : ERR_UNSUPPORTED;
    *present = ras->gatekeeper_id.len > 0;
    err = ras_build_identifier(ras, &ras->gatekeeper_id, id);
    return err == 0 ? ras_send_request(ras, m, what) : err;
}

int ras_send_again(struct ras *ras, const struct ras_pending *p, const struct addr *to,
                   const struct ras_id *id)
{
    struct ras_pending what = {.purpose = p->purpose,
                               .key = p->key,
                               .bandwidth = p->bandwidth,
                               /* Counted, so that a redirection ends. */
                               .to = *to,
                               .redirects = (uint8_t)(p->redirects + 1)};
    struct ras_id ours = ras->gatekeeper_id;
    int err;

    what.via = malloc(sizeof(*what.via));
    if (what.via == NULL)
        return ERR_NOMEM;
    /* For the token, too, which names whom it is for. */
    *what.via = ras->gatekeeper_id = *id;
    err = send_renamed(ras, p, &what);
    ras->gatekeeper_id = ours;
    if (err != 0)
        free(what.via);
    return err;
}

int ras_send_indication(struct ras *ras, struct h225_RasMessage *m)
{
    uint8_t data[RAS_DATAGRAM_MAX];
    size_t len = 0;
    /* A number of its own, though nobody answers it. */
    int err = encode(ras, m, next_seq(ras), data, &len);

    if (err == 0)
        transmit(ras, &ras->address, data, len);
    return err;
}

/* The user must not hear of an admission while the lists are walked: he may begin another. */
void ras_pending_abort(struct ras *ras)
{
    for (size_t i = 0; i < FSM_COUNT(ras->pending); i++) {
        struct list *it;

        while ((it = list_first(&ras->pending[i])) != NULL) {
            struct ras_pending p = *LIST_ENTRY(it, struct ras_pending, link);

            ras_pending_free(LIST_ENTRY(it, struct ras_pending, link));
            /* Freed already with the entry. */
            p.data = NULL;
            p.via = NULL;
            if (p.kind == h225_RasMessage_admissionRequest)
                ras_call_refused(ras, p.key, ERR_CLOSED, "gatekeeper lost", NULL);
            else if (p.kind == h225_RasMessage_bandwidthRequest)
                RAS_CALL(ras, on_bandwidth, p.key, ERR_CLOSED, 0);
        }
    }
}

/* ---- answers ---- */

static struct ras_reply *find_reply(struct ras *ras, enum h225_RasMessage_kind kind, uint16_t seq,
                                    const struct addr *to)
{
    for (unsigned i = 0; i < RAS_REPLIES_MAX; i++) {
        struct ras_reply *r = &ras->replies[i];

        /* All of it: another gatekeeper may use the same number. */
        if (r->data != NULL && r->seq == seq && r->kind == kind && ras->now < r->until &&
            addr_is_equal(&r->to, to))
            return r;
    }
    return NULL;
}

bool ras_repeat_answer(struct ras *ras, enum h225_RasMessage_kind kind, uint16_t seq,
                       const struct addr *to)
{
    /* The same octets, token and all: a new token for an old answer would be an answer twice. */
    const struct ras_reply *r = find_reply(ras, kind, seq, to);

    if (r == NULL)
        return false;
    ras->stats.duplicates++;
    transmit(ras, to, r->data, r->len);
    return true;
}

int ras_send_answer(struct ras *ras, struct h225_RasMessage *m, uint16_t seq,
                    enum h225_RasMessage_kind to_kind, const struct addr *to)
{
    struct ras_reply *r = &ras->replies[ras->reply_next];
    uint8_t data[RAS_DATAGRAM_MAX];
    size_t len = 0;
    int err = encode(ras, m, seq, data, &len);

    if (err != 0)
        return err;
    /* A ring: the oldest answer is the least likely to be asked for again. */
    free(r->data);
    *r = (struct ras_reply){ras->now + RAS_REPLY_MS, seq, to_kind, *to, malloc(len), len};
    /* Without memory it is answered all the same, only not a second time. */
    if (r->data != NULL)
        memcpy(r->data, data, len);
    ras->reply_next = (ras->reply_next + 1) % RAS_REPLIES_MAX;
    transmit(ras, to, data, len);
    return 0;
}
