/* Commands of control to transports: each is checked, carried out and answered here, on the worker
 * that owns the transport. A command either happens as a whole or not at all. */
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "dpdk-app/ice.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/report.h"
#include "dpdk-app/route.h"

static unsigned place_of(const struct transport *t)
{
    return t->index & 0xffffffu;
}

static void fill_addr(struct link_addr *addr, unsigned family, const uint8_t ip[16], uint16_t port)
{
    memset(addr, 0, sizeof(*addr));
    addr->family = (uint8_t)family;
    addr->port = port;
    memcpy(addr->ip, ip, family == 0 ? 0 : local_ip_size(family));
}

/* What control reads instead of asking: written after each change, so that a sluiced that comes
 * back finds the plane as it is. */
void worker_show(struct worker *worker, const struct transport *t)
{
    const struct local *local = &worker->plane->locals.local[t->local];
    struct link_transport_info info;

    memset(&info, 0, sizeof(info));
    info.id = (struct link_id){t->index, t->generation};
    fill_addr(&info.local, local->family, local->ip, t->port);
    fill_addr(&info.remote, t->remote_family, t->remote_ip, t->remote_port);
    info.mode = t->mode;
    info.producer = t->producer;
    /* false: an orphan until somebody claims it */
    info.claimed = t->epoch == link_worker_epoch(worker->link);
    info.profile = t->rx_key != NULL ? (uint8_t)srtp_key_profile(t->rx_key) : 0;
    info.flags = t->flags;
    info.dscp = t->dscp;
    info.routes = t->route_count;
    memcpy(info.session, t->session, sizeof(info.session));
    memcpy(info.conference, t->conference, sizeof(info.conference));
    info.opened_ms = t->opened_ms;
    link_worker_show(worker->link, place_of(t), &info);
}

int worker_set_remote(struct worker *worker, struct transport *t, const struct link_addr *remote)
{
    const struct local *local = &worker->plane->locals.local[t->local];
    uint8_t next[16];
    int hop = -1;

    /* Port 0 or another family cannot be reached from this socket; better told than dropped packet
     * by packet. */
    if (remote->family != 0 && (remote->family != local->family || remote->port == 0))
        return ERR_INVAL;
    if (remote->family != 0) {
        if (!local_next_hop(local, remote->ip, next))
            /* No way to it by the local prefix and no gateway. */
            return ERR_NOTFOUND;
        /* Held before the old one is let go: of a full table the transport keeps what it had. */
        hop = neighbour_hold(&worker->plane->neighbours, t->local, next, worker->now_ms);
        if (hop < 0)
            return ERR_LIMIT;
    }
    neighbour_release(&worker->plane->neighbours, t->hop);
    t->hop = hop;
    t->header.size = 0; /* built when the neighbour is known */
    t->remote_family = remote->family;
    t->remote_port = remote->port;
    memset(t->remote_ip, 0, sizeof(t->remote_ip));
    if (hop >= 0) {
        memcpy(t->remote_ip, remote->ip, local_ip_size(remote->family));
        /* Asked now, not at the first packet: the answer is usually there before the media. */
        worker_ask(worker, hop);
    }
    return 0;
}

static void clear_keys(struct worker *worker, struct transport *t)
{
    /* Streams carry session keys: with the master keys goes all that was derived of them. */
    if (t->mode == LINK_MODE_DTLS_SRTP)
        worker_drop_streams(worker, t);
    srtp_key_destroy(t->rx_key);
    srtp_key_destroy(t->tx_key);
    t->rx_key = t->tx_key = NULL;
}

void worker_close(struct worker *worker, struct transport *t)
{
    struct plane *plane = worker->plane;
    /* Out of the mix and of the port table first: from here on no packet and no tick can find
     * it. */
    uint32_t place = place_of(t);

    mix_leave_all(worker, t);
    /* Another worker may still hold its index for packets under way; the generation stops those. */
    atomic_store(&plane->port[t->local][t->port], 0);
    clear_keys(worker, t);
    worker_drop_streams(worker, t);
    neighbour_release(&plane->neighbours, t->hop);
    report_close(worker, t);
    route_drop(t);
    ice_drop(t);
    if (t->pair != 0)
        /* its RTCP or RTP half goes on alone */
        worker->transport[(t->pair - 1) & 0xffffffu].pair = 0;
    link_worker_show(worker->link, place, NULL);
    /* Keys, retired SSRCs, statistics pointers: nothing may be left for the next owner of the
     * place. */
    secret_wipe(t, sizeof(*t));
    t->hop = -1;
    t->next_free = worker->free_transport;
    worker->free_transport = place + 1;
    /* counters are modulo 2^64: minus one */
    worker_count(worker, LINK_COUNTER_transports, (uint64_t)-1);
}

/* ---- open ---- */

static int check_open(const struct worker *worker, const struct link_open *open)
{
    const struct plane *plane = worker->plane;

    /* All that a later packet relies on is refused here, once, instead of being asked per
     * packet. */
    if (open->mode < LINK_MODE_DTLS_SRTP || open->mode > LINK_MODE_PASS || open->dscp > 63 ||
        open->producer >= LINK_PRODUCERS_MAX ||
        (open->flags & ~(LINK_FLAG_LATCH | LINK_FLAG_REPORTS)) != 0)
        return ERR_INVAL;
    if ((open->flags & LINK_FLAG_LATCH) && open->mode != LINK_MODE_DTLS_SRTP)
        return ERR_INVAL; /* nothing authenticates plain RTP, or for us what only passes */
    if ((open->flags & LINK_FLAG_REPORTS) && open->mode == LINK_MODE_PASS)
        return ERR_INVAL; /* SRTCP that we have no keys for */
    if (open->local >= plane->locals.count || open->port < plane->port_min ||
        open->port > plane->port_max)
        return ERR_RANGE;
    return worker->free_transport == 0 ? ERR_LIMIT : 0;
}

static void fill_transport(struct worker *worker, struct transport *t, uint32_t place,
                           const struct link_open *open)
{
    memset(t, 0, sizeof(*t));
    /* Never 0: control says 0 for "whatever is there". */
    if (++worker->generation == 0)
        /* Counted over all places of the worker: an id that was ever given out does not come back
         * for 2^32 opens. */
        worker->generation = 1;
    t->generation = t->send_generation = worker->generation;
    /* The worker's number in the id: every part of the server finds the owner without a table. */
    t->index = worker->number << 24 | place;
    t->mode = t->send_mode = open->mode;
    t->local = open->local;
    t->producer = open->producer;
    t->port = open->port;
    t->dscp = open->dscp;
    t->flags = (uint8_t)open->flags;
    /* cleared by the first packet that proves itself */
    t->bits = (open->flags & LINK_FLAG_LATCH) ? TRANSPORT_LATCH : 0;
    t->hop = -1;
    t->epoch = link_worker_epoch(worker->link);
    t->opened_ms = worker->now_ms;
    memcpy(t->session, open->session, LINK_TAG_SIZE - 1);
    /* the last byte stays zero: it is text */
    memcpy(t->conference, open->conference, LINK_TAG_SIZE - 1);
    t->stats = t->send_stats = link_worker_stats(worker->link, place);
    /* The place's old statistics end here; control fetched them with the close. */
    for (size_t i = 0; i < sizeof(*t->stats) / sizeof(uint64_t); i++)
        link_stat_set((uint64_t *)t->stats + i, 0);
}

static int do_open(struct worker *worker, const struct link_open *open, struct link_id *id)
{
    int err = check_open(worker, open);
    uint32_t place, none = 0;
    struct transport *t;

    if (err != 0)
        return err;
    place = worker->free_transport - 1;
    t = &worker->transport[place];
    /* The port table is the one thing that all workers share: taken by compare and swap, so that of
     * two workers one gets the port. */
    if (!atomic_compare_exchange_strong(&worker->plane->port[open->local][open->port], &none,
                                        (worker->number << 24 | place) + 1))
        return ERR_EXISTS;
    worker->free_transport = t->next_free;
    fill_transport(worker, t, place, open);
    worker_count(worker, LINK_COUNTER_transports, 1);
    err = worker_set_remote(worker, t, &open->remote);
    if (err == 0)
        err = report_open(worker, t);
    /* Once it is in the table everything is undone by the same way as a close. */
    if (err != 0) {
        worker_close(worker, t);
        return err;
    }
    worker_show(worker, t);
    *id = (struct link_id){t->index, t->generation};
    return 0;
}

/* ---- changes of an open transport ---- */

static int do_claim(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    if (msg->u.claim.producer >= LINK_PRODUCERS_MAX)
        return ERR_INVAL;
    t->producer = msg->u.claim.producer;
    /* The present attachment's: not an orphan any more. */
    t->epoch = link_worker_epoch(worker->link);
    return 0;
}

static int do_remote(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    return worker_set_remote(worker, t, &msg->u.remote);
}

/* The union's bytes to what the engine takes. False: lengths do not fit the profile. */
static bool get_master(const struct link_keys *keys, const uint8_t *key, const uint8_t *salt,
                       struct srtp_master *master)
{
    const struct srtp_profile_info *profile = srtp_profile_find(keys->profile);

    /* Padding and unused bytes too: install_keys compares whole structs. */
    memset(master, 0, sizeof(*master));
    if (profile == NULL || keys->key_length != profile->key_len ||
        keys->salt_length != profile->salt_len)
        return false;
    master->profile = profile->id;
    memcpy(master->key, key, profile->key_len);
    memcpy(master->salt, salt, profile->salt_len);
    return true;
}

static int install_keys(struct worker *worker, struct transport *t, const struct srtp_master *rx,
                        const struct srtp_master *tx)
{
    struct srtp_key *rx_key, *tx_key;
    int err;

    /* The same key twice would start its streams at index 0 again and repeat key stream: the worst
     * that can happen to a stream cipher (RFC 3711 §9.1). Control asks for it only by a fault. */
    if (secret_equal(&t->tx_used, tx, sizeof(*tx)))
        return ERR_EXISTS;
    /* Both or none: a half-keyed transport would send what it cannot receive an answer to. */
    err = srtp_key_create(worker->engine, rx, &rx_key);
    if (err != 0)
        return err;
    err = srtp_key_create(worker->engine, tx, &tx_key);
    if (err != 0) {
        srtp_key_destroy(rx_key);
        return err;
    }
    /* Old streams end with old keys; what is under way with them is lost for the time of a
     * re-key. */
    clear_keys(worker, t);
    t->header.size = 0; /* other tags, other room */
    t->rx_key = rx_key;
    t->tx_key = tx_key;
    t->retired_count = 0; /* they were sent under the old key */
    t->tx_used = *tx;
    return 0;
}

static int do_keys_set(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    const struct link_keys *keys = &msg->u.keys;
    struct srtp_master rx, tx;
    int err = ERR_INVAL;

    /* Only here are keys of any use; elsewhere they would make somebody believe in encryption. */
    if (t->mode == LINK_MODE_DTLS_SRTP && get_master(keys, keys->rx_key, keys->rx_salt, &rx) &&
        get_master(keys, keys->tx_key, keys->tx_salt, &tx))
        err = install_keys(worker, t, &rx, &tx);
    secret_wipe(&rx, sizeof(rx));
    secret_wipe(&tx, sizeof(tx));
    return err;
}

static int do_keys_clear(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    (void)msg;
    clear_keys(worker, t);
    return 0;
}

/* The reports of a plain RTP transport leave by its RTCP transport. The last figures travel with
 * the answer: after it the place shows another transport. */
static int do_pair(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    struct transport *other;
    /* Both halves are written by this worker; across workers that would need a lock. */

    if (msg->u.pair.rtcp.index >> 24 != worker->number)
        return ERR_RANGE;
    other = worker_transport(worker, msg->u.pair.rtcp.index, msg->u.pair.rtcp.generation);
    if (other == NULL || msg->u.pair.rtcp.generation == 0)
        return ERR_NOTFOUND;
    if (t->mode != LINK_MODE_RTP || other->mode != LINK_MODE_RTCP || t->pair != 0 ||
        other->pair != 0)
        return ERR_INVAL;
    t->pair = other->index + 1;
    other->pair = t->index + 1;
    return 0;
}

static int do_data(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    (void)worker;
    if (t->mode != LINK_MODE_DTLS_SRTP)
        /* Data channels: SCTP brings more records a second than any handshake. */
        return ERR_INVAL;
    dtls_gate_open(&t->dtls, msg->u.data.records_s);
    return 0;
}

/* index: the message type; absent: not for a transport */
static int (*const handler[])(struct worker *, struct transport *, const struct link_msg *) = {
    [LINK_TRANSPORT_CLAIM] = do_claim,
    [LINK_TRANSPORT_REMOTE] = do_remote,
    [LINK_KEYS_SET] = do_keys_set,
    [LINK_KEYS_CLEAR] = do_keys_clear,
    [LINK_ROUTE_SET] = route_set,
    [LINK_ROUTE_CLEAR] = route_clear,
    [LINK_RECEIVER_ADD] = route_add,
    [LINK_RECEIVER_REMOVE] = route_remove,
    [LINK_SOURCE_SWITCH] = route_switch,
    [LINK_TRANSPORT_PAIR] = do_pair,
    [LINK_ICE_SET] = ice_set,
    [LINK_TRANSPORT_DATA] = do_data,
    [LINK_CAPTURE] = mix_capture,
    [LINK_CAPTURE_STOP] = mix_capture_stop,
};

static int do_change(struct worker *worker, const struct link_msg *msg)
{
    struct transport *t;
    int err;

    if (msg->type >= sizeof(handler) / sizeof(handler[0]) || handler[msg->type] == NULL)
        return ERR_UNSUPPORTED;
    t = worker_transport(worker, msg->transport, msg->generation);
    /* Before the handler: none of them has to ask whether its transport lives. */
    if (t == NULL || msg->generation == 0)
        return ERR_NOTFOUND;
    /* Shown also where only keys or routes changed: their presence is part of the info. */
    err = handler[msg->type](worker, t, msg);
    if (err == 0)
        worker_show(worker, t);
    return err;
}

static int do_close(struct worker *worker, const struct link_msg *msg,
                    struct link_transport_stats *stats)
{
    struct transport *t = worker_transport(worker, msg->transport, msg->generation);

    if (t == NULL || msg->generation == 0)
        /* BYE while the keys are still there (RFC 3550 §6.3.7). */
        return ERR_NOTFOUND;
    report_leave(worker, t);
    *stats = *t->stats; /* we are its only writer */
    worker_close(worker, t);
    return 0;
}

/* ---- DTLS of sluiced ---- */

static void on_dtls(struct worker *worker, const struct link_msg *msg)
{
    struct transport *t = worker_transport(worker, msg->transport, msg->generation);
    const struct link_dtls *dtls = &msg->u.dtls;
    struct link_addr to = dtls->peer;
    struct packet *p;

    /* Usually sent where the association is; a HelloVerifyRequest goes to whoever asked. */
    if (t != NULL && to.family == 0)
        fill_addr(&to, t->remote_family, t->remote_ip, t->remote_port);
    /* Late answers to a transport that is gone are normal at the end of a call. */
    if (t == NULL || msg->generation == 0 || t->mode != LINK_MODE_DTLS_SRTP || to.port == 0 ||
        to.family != worker->plane->locals.local[t->local].family || dtls->length == 0) {
        worker_count(worker, LINK_COUNTER_dtls_down_refused, 1);
        return;
    }
    p = worker->io->alloc(worker->io);
    if (p == NULL || p->tail < dtls->length) {
        worker_count(worker, LINK_COUNTER_no_buffer, 1);
        if (p != NULL)
            worker->io->release(worker->io, &p, 1);
        return;
    }
    /* At the packet's front: room for the headers lies before it. */
    packet_resize(p, dtls->length);
    memcpy(p->data, dtls->data, dtls->length);
    p->kind = PACKET_DTLS;
    worker_send_dtls(worker, t, p, &to);
}

void worker_on_command(void *context, unsigned producer, const struct link_msg *msg)
{
    struct worker *worker = context;
    struct link_transport_stats stats;
    struct link_id id = {msg->transport, msg->generation};
    int err;

    if (msg->type == LINK_DTLS_TX) {
        on_dtls(worker, msg);
        return;
    }
    memset(&stats, 0, sizeof(stats));
    worker->asking = producer; /* mix_capture answers to it later */
    if (msg->type >= LINK_MIX_OPEN && msg->type <= LINK_MIX_RECORD_STOP)
        err = mix_command(worker, producer, msg, &id);
    else if (msg->type == LINK_TRANSPORT_OPEN)
        err = do_open(worker, &msg->u.open, &id);
    else if (msg->type == LINK_TRANSPORT_CLOSE)
        err = do_close(worker, msg, &stats);
    else
        err = do_change(worker, msg);
    /* Every command has an answer, refused ones too: control counts what it waits for. */
    worker_count(worker, LINK_COUNTER_link_commands, 1);
    if (err != 0)
        worker_count(worker, LINK_COUNTER_link_refused, 1);
    link_worker_reply(worker->link, producer, msg, err, &id, &stats);
}
