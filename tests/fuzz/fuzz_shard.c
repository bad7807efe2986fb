/* The way of a DTLS datagram from the demultiplexer to an association (H-RACE, M-DEMUX), while the
 * true peer shakes hands: its datagrams come, are lost, repeated, changed on their way, and forged
 * ones come between, from its address and from others. Nothing may make the shard take other keys
 * than the peer has, or another fingerprint than was signalled.
 *
 * Input: a byte of choices (1: we are DTLS client; 2: the transport is opened after the first
 * datagrams; 4: the fingerprint is told late), then steps, a byte each (low three bits: what). */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/secret.h"
#include "crypto/cert.h"
#include "dpdk-app/dtls_gate.h"
#include "dpdk-app/media.h"
#include "server/dtls/shard_core.h"
#include "server/media/link_addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)   \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

#define WAITING   32u
#define STEPS_MAX 96u
#define ID        7u

enum step {
    STEP_TO_SHARD, /* the oldest datagram of the peer arrives, once more if there is no other */
    STEP_TO_PEER,
    STEP_LOSE,   /* the peer's oldest datagram does not arrive */
    STEP_CHANGE, /* it arrives with an octet changed, and then as it was */
    STEP_FORGE,  /* the next octets of the input arrive: flags, length (2), octets */
    STEP_TIME,   /* so many times 50 ms pass */
    STEP_COMMAND,
    STEP_ALL /* everything that waits arrives, both ways */
};

struct datagram {
    uint8_t data[LINK_DTLS_MAX];
    size_t len;
};

struct queue {
    struct datagram all[WAITING];
    size_t first, count;
};

static struct dtls_ctx *peer_ctx;
static struct cert *peer_cert, *our_cert;
static struct fingerprint peer_print, our_print;
static struct addr peer_addr, our_addr, other_addr;

static struct shard_core *core;
static struct dtls_assoc *peer;
static struct queue to_shard, to_peer;
static struct datagram last;
static struct dtls_established peer_keys;
static struct srtp_master our_local, our_remote;
static bool is_peer_done, is_done, is_opened, is_ours_active, is_disturbed;
static uint64_t now;

static void put(struct queue *q, const uint8_t *data, size_t len)
{
    struct datagram *d = &q->all[(q->first + q->count) % WAITING];

    if (q->count == WAITING || len > sizeof(d->data))
        return;
    memcpy(d->data, data, len);
    d->len = len;
    q->count++;
}

static struct datagram *next(struct queue *q)
{
    struct datagram *d = &q->all[q->first];

    if (q->count == 0)
        return NULL;
    q->first = (q->first + 1) % WAITING;
    q->count--;
    return d;
}

static void on_peer_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    (void)user;
    (void)to;
    put(&to_shard, data, len);
}

static void on_peer_established(void *user, const struct dtls_established *result)
{
    (void)user;
    peer_keys = *result;
    is_peer_done = true;
}

static void on_peer_failed(void *user, enum dtls_failure reason, const char *text)
{
    (void)user;
    (void)reason;
    (void)text;
}

static void on_peer_closed(void *user)
{
    (void)user;
}

static const struct dtls_callbacks peer_callbacks = {.on_send = on_peer_send,
                                                     .on_established = on_peer_established,
                                                     .on_failed = on_peer_failed,
                                                     .on_closed = on_peer_closed};

static int on_send(void *user, const struct link_msg *msg)
{
    (void)user;
    if (msg->type == LINK_DTLS_TX)
        put(&to_peer, msg->u.dtls.data, msg->u.dtls.length);
    return 0;
}

static void on_report(void *user, const struct shard_report *r)
{
    (void)user;
    if (r->kind != SHARD_ESTABLISHED)
        return;
    MUST(!is_done && r->id == ID); /* once */
    MUST(fingerprint_equal(&r->peer, &peer_print));
    MUST(r->has_keys);
    our_local = r->u.keys.local;
    our_remote = r->u.keys.remote;
    is_done = true;
}

static const struct shard_io io = {.send = on_send, .report = on_report};

static void make_side(struct cert **cert, struct fingerprint *print)
{
    MUST(cert_generate(30, cert) == 0 && cert_fingerprint(*cert, FINGERPRINT_SHA256, print) == 0);
}

static void begin(void)
{
    struct dtls_config config;

    make_side(&peer_cert, &peer_print);
    make_side(&our_cert, &our_print);
    dtls_config_init(&config, peer_cert);
    MUST(dtls_ctx_create(&config, &peer_ctx) == 0);
    MUST(addr_parse("192.0.2.1:4000", &our_addr) == 0);
    MUST(addr_parse("192.0.2.2:5000", &peer_addr) == 0);
    MUST(addr_parse("192.0.2.3:5000", &other_addr) == 0);
}

static void command(enum shard_command_kind kind, bool has_fingerprint)
{
    struct shard_command c = {.kind = kind,
                              .id = ID,
                              .transport = {1, 1},
                              .is_active = is_ours_active,
                              .is_lab = true,
                              .has_fingerprint = has_fingerprint,
                              .fingerprint = peer_print,
                              .remote = peer_addr};

    shard_core_on_command(core, now, &c);
}

/* As sluice-dp does: by the first byte, then by what a record is. */
static void arrive(const uint8_t *data, size_t len, const struct addr *from, uint32_t transport)
{
    struct link_msg msg = {.type = LINK_DTLS_RX, .transport = transport, .generation = 1};
    uint8_t *exact = malloc(len > 0 ? len : 1);

    MUST(exact != NULL);
    memcpy(exact, data, len);
    if (media_classify(exact, len) == MEDIA_DTLS && len <= LINK_DTLS_MAX) {
        MUST(dtls_gate_kind(exact, len) < DTLS_KIND_STRANGER);
        msg.u.dtls.peer = link_of_addr(from);
        msg.u.dtls.length = (uint16_t)len;
        memcpy(msg.u.dtls.data, exact, len);
        shard_core_on_link(core, now, &msg);
    }
    free(exact);
}

static void deliver(void)
{
    const struct datagram *d = next(&to_shard);

    if (d != NULL)
        last = *d;
    if (last.len > 0)
        arrive(last.data, last.len, &peer_addr, 1);
}

static void deliver_to_peer(void)
{
    const struct datagram *d = next(&to_peer);

    if (d != NULL)
        (void)dtls_assoc_input(peer, now, &our_addr, d->data, d->len);
}

static void deliver_all(void)
{
    for (unsigned i = 0; i < 4 * WAITING && to_shard.count + to_peer.count > 0; i++) {
        if (to_shard.count > 0)
            deliver();
        deliver_to_peer();
    }
}

static size_t change(const uint8_t *data, size_t size)
{
    struct datagram d = to_shard.count > 0 ? to_shard.all[to_shard.first] : last;

    if (size < 3 || d.len == 0)
        return size < 3 ? size : 3;
    d.data[((size_t)data[0] << 8 | data[1]) % d.len] ^= data[2] != 0 ? data[2] : 1;
    arrive(d.data, d.len, &peer_addr, 1);
    deliver();
    return 3;
}

static size_t forge(const uint8_t *data, size_t size)
{
    size_t len;

    if (size < 3)
        return size;
    len = (size_t)data[1] << 8 | data[2];
    if (len > size - 3)
        len = size - 3;
    arrive(data + 3, len, data[0] & 1 ? &other_addr : &peer_addr, data[0] & 2 ? 2 : 1);
    return 3 + len;
}

static size_t pass_time(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    now += data[0] * 50u;
    if (now >= shard_core_next_deadline(core))
        shard_core_on_timer(core, now);
    if (now >= dtls_assoc_next_deadline(peer))
        dtls_assoc_on_timer(peer, now);
    return 1;
}

static void open_once(bool has_fingerprint)
{
    if (!is_opened)
        command(SHARD_OPEN, has_fingerprint);
    is_opened = true;
}

static size_t step(const uint8_t *data, size_t size, bool tells_late)
{
    if ((data[0] & 7) != STEP_ALL && (data[0] & 7) != STEP_TO_PEER)
        is_disturbed = true;
    switch ((enum step)(data[0] & 7)) {
    case STEP_TO_SHARD:
        deliver();
        return 1;
    case STEP_TO_PEER:
        deliver_to_peer();
        return 1;
    case STEP_LOSE:
        (void)next(&to_shard);
        return 1;
    case STEP_CHANGE:
        return 1 + change(data + 1, size - 1);
    case STEP_FORGE:
        return 1 + forge(data + 1, size - 1);
    case STEP_TIME:
        return 1 + pass_time(data + 1, size - 1);
    case STEP_COMMAND:
        open_once(!tells_late);
        command(data[0] & 0x80 ? SHARD_CLOSE : SHARD_FINGERPRINT, true);
        return 1;
    case STEP_ALL:
        break;
    }
    open_once(!tells_late);
    deliver_all();
    if (!is_disturbed && !tells_late)
        MUST(is_done && is_peer_done); /* nobody was in the way */
    return 1;
}

static void judge(void)
{
    if (is_done && is_peer_done) {
        MUST(memcmp(our_local.key, peer_keys.remote.key, sizeof(our_local.key)) == 0);
        MUST(memcmp(our_remote.key, peer_keys.local.key, sizeof(our_remote.key)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dtls_options options = {.callbacks = &peer_callbacks, .fingerprint = &our_print};
    struct dtls_config config;
    size_t at = 1;

    if (peer_ctx == NULL)
        begin();
    if (size < 1)
        return 0;
    dtls_config_init(&config, our_cert);
    now = 100000;
    is_done = is_peer_done = is_opened = is_disturbed = false;
    is_ours_active = data[0] & 1;
    memset(&to_shard, 0, sizeof(to_shard));
    memset(&to_peer, 0, sizeof(to_peer));
    last.len = 0;
    options.role = is_ours_active ? DTLS_SERVER : DTLS_CLIENT;
    options.remote = &our_addr;
    MUST(shard_core_create(&config, 4, &io, NULL, &core) == 0);
    MUST(dtls_assoc_create(peer_ctx, &options, &peer) == 0 && dtls_assoc_start(peer, now) == 0);
    if (!(data[0] & 2))
        open_once(!(data[0] & 4));
    for (unsigned i = 0; i < STEPS_MAX && at < size; i++)
        at += step(data + at, size - at, data[0] & 4);
    judge();
    dtls_assoc_destroy(peer);
    shard_core_destroy(core);
    secret_wipe(&peer_keys, sizeof(peer_keys));
    return 0;
}
