#include "bench/bench_load.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "bench/bench_load_priv.h"
#include "bench/bench_machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAD          64u /* of a slot: the frame's length, room for headers; RTP begins a line */
#define MAKE_BURST    64u
#define LOOK_AT       8u           /* every eighth frame is looked at */
#define SAMPLE_AT     16u          /* and every sixteenth of these is kept for the judge */
#define GRACE_NS      20000000u    /* after the last packet was sent */
#define SILENCE_NS    50000000u    /* nothing more will come */
#define DRAIN_NS      10000000000u /* but no longer than this */
#define FASTEST_PPS   6e6 /* more than a core can relay: what is made ahead for full speed */
#define FORGIVE       (8u * BENCH_WIRE_BURST)
#define WARM_UPS      5u
#define WARM_UP_MS    500u
#define NOBODY        UINT32_MAX
#define FRAME_SAMPLES 160u /* RTP time of a packet */

void bench_load_payload(uint8_t *payload, size_t length, uint64_t k)
{
    memset(payload, 0x5a, length);
    memcpy(payload, &k, length < sizeof(k) ? length : sizeof(k));
}

/* ---- making packets ahead ---- */

static uint8_t *slot_of(const struct bench_load *load, uint64_t k)
{
    return load->store + (k % load->slots) * load->stride;
}

static void put_rtp(const struct bench_load *load, uint64_t k, uint8_t *rtp)
{
    uint32_t leg = load->order[k % load->senders];
    uint64_t visit = k / load->senders;

    rtp[0] = 0x80;
    rtp[1] = 8;
    wire_put16(rtp + 2, (uint16_t)(load->sender[leg].first + visit));
    wire_put32(rtp + 4, (uint32_t)visit * FRAME_SAMPLES);
    wire_put32(rtp + 8, load->leg[leg].ssrc);
    bench_load_payload(rtp + 12, load->c.bytes - 12u, k);
}

static int make_burst(struct bench_load *load, unsigned n)
{
    struct srtp_job jobs[MAKE_BURST];
    uint16_t length[MAKE_BURST];
    unsigned secure = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t k = load->made + i;
        uint8_t *rtp = slot_of(load, k) + HEAD;
        const struct sender *s = &load->sender[load->order[k % load->senders]];

        put_rtp(load, k, rtp);
        length[i] = load->c.bytes;
        if (!s->stream)
            continue;
        length[i] = s->length;
        jobs[secure++] =
            (struct srtp_job){.stream = s->stream,
                              .src = rtp,
                              .dst = rtp,
                              .len = load->c.bytes,
                              .dst_cap = (uint16_t)(load->c.bytes + SRTP_RTP_OVERHEAD_MAX)};
    }
    if (srtp_protect_burst(load->engine, jobs, secure) != secure)
        return ERR_CRYPTO;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *slot = slot_of(load, load->made + i);
        uint32_t leg = load->order[(load->made + i) % load->senders];
        struct packet p = {.data = slot + HEAD, .length = length[i], .head = HEAD};

        header_stamp(&load->sender[leg].header, &p);
        memcpy(slot, &p.length, sizeof(p.length));
    }
    load->made += n;
    return 0;
}

/* So that `n` packets can be sent without a pause. */
static int make_ahead(struct bench_load *load, uint64_t n)
{
    uint64_t until = load->used + (n < load->slots ? n : load->slots);
    int rc = 0;

    while (load->made < until && rc == 0) {
        uint64_t left = until - load->made;

        rc = make_burst(load, left < MAKE_BURST ? (unsigned)left : MAKE_BURST);
        if (bench_machine_interrupted())
            return ERR_CLOSED;
    }
    return rc;
}

/* ---- looking at what came back ---- */

/* Which packet of the sender it is: the latest that was sent and has these 16 bits. */
static bool find_visit(const struct bench_load *load, uint32_t sender, uint16_t sequence,
                       uint64_t *visit)
{
    const struct sender *s = &load->sender[sender];
    uint64_t last;

    if (load->used <= s->place)
        return false;
    last = (load->used - 1 - s->place) / load->senders;
    *visit = last - (uint16_t)((uint16_t)last - (uint16_t)(sequence - s->first));
    return *visit <= last;
}

static void keep(struct bench_load *load, const struct bench_frame *frame, uint32_t leg,
                 uint64_t visit)
{
    struct sample *sample;

    if (load->samples == BENCH_SAMPLES)
        return;
    sample = &load->sample[load->samples++];
    sample->leg = leg;
    sample->visit = visit;
    sample->length = (uint16_t)(frame->length - HEADER_SIZE_IP4);
    memcpy(sample->rtp, frame->bytes + HEADER_SIZE_IP4, sample->length);
}

static uint32_t leg_of(const struct bench_load *load, const struct bench_frame *frame)
{
    return load->leg_of_port[wire_get16(frame->bytes + ETH_SIZE + IP4_SIZE + 2)];
}

static void look(struct bench_load *load, const struct bench_frame *frame, uint64_t now)
{
    uint32_t leg = leg_of(load, frame), sender;
    uint64_t visit, k;
    uint32_t stamp;

    if (leg == NOBODY || !load->receiver[leg].heard)
        return;
    sender = load->leg[leg].peer;
    if (!find_visit(
            load, sender,
            (uint16_t)(wire_get16(frame->bytes + HEADER_SIZE_IP4 + 2) - load->receiver[leg].delta),
            &visit))
        return;
    if (load->touched++ % SAMPLE_AT == 0)
        keep(load, frame, leg, visit);
    k = bench_load_number(load, sender, visit);
    if (load->used - k > BENCH_STAMPS)
        return;
    stamp = load->stamp[k % BENCH_STAMPS];
    bench_histogram_add(load->delay, (uint32_t)(now - load->base_ns) - stamp);
    if (load->timeline && stamp / 1000000 < BENCH_LOAD_TIMELINE_MS)
        load->timeline->received[stamp / 1000000]++;
}

static bool is_media(const struct bench_load *load, const struct bench_frame *frame)
{
    for (unsigned i = 0; i < load->kinds; i++)
        if (frame->length == load->lengths[i])
            return true;
    return false;
}

static unsigned collect(struct bench_load *load, struct bench_trial_result *r)
{
    struct bench_frame frames[BENCH_WIRE_BURST];
    unsigned n = load->c.wire->receive(load->c.wire, frames, BENCH_WIRE_BURST);
    unsigned step = load->timeline ? 1 : LOOK_AT;
    uint64_t now;

    if (n == 0)
        return 0;
    /* The other core has just written them. */
    for (unsigned i = 0; i < n; i += step)
        __builtin_prefetch(frames[i].bytes);
    now = clock_mono_ns();
    for (unsigned i = 0; i < n; i++) {
        if (!is_media(load, &frames[i])) {
            r->foreign++;
            continue;
        }
        r->received++;
        if (i % step == 0)
            look(load, &frames[i], now);
    }
    return n;
}

/* ---- sending ---- */

static unsigned send_some(struct bench_load *load, unsigned n, uint64_t now)
{
    struct bench_frame frames[BENCH_WIRE_BURST];
    unsigned sent;

    for (unsigned i = 0; i < n; i++) {
        const uint8_t *slot = slot_of(load, load->used + i);
        uint16_t length;

        memcpy(&length, slot, sizeof(length));
        frames[i] = (struct bench_frame){slot + HEAD - HEADER_SIZE_IP4, length};
    }
    sent = load->c.wire->send(load->c.wire, frames, n);
    for (unsigned i = 0; i < sent; i++)
        load->stamp[(load->used + i) % BENCH_STAMPS] = (uint32_t)(now - load->base_ns);
    load->used += sent;
    return sent;
}

struct pace {
    uint64_t start, end;
    uint64_t last; /* packets from here on are kept for the next phase */
    double per_ns;
    uint64_t before;   /* offered in an earlier phase */
    uint64_t forgiven; /* due, but we were held up ourselves */
    uint64_t bursts, full;
};

/* What is due by now. A refused packet is lost: there was no room at the server. */
static void offer(struct bench_load *load, struct pace *pace, uint64_t now,
                  struct bench_trial_result *r)
{
    uint64_t due = (uint64_t)((double)(now - pace->start) * pace->per_ns) - pace->forgiven;
    uint64_t n = pace->per_ns > 0 ? due - (r->offered - pace->before) : BENCH_WIRE_BURST;
    unsigned sent;

    /* Catching up in one go would be a burst that nobody asked for. */
    if (n > FORGIVE && pace->per_ns > 0) {
        pace->forgiven += n - FORGIVE;
        n = FORGIVE;
    }
    if (n > BENCH_WIRE_BURST)
        n = BENCH_WIRE_BURST;
    if (n > pace->last - load->used)
        n = pace->last - load->used;
    if (n == 0)
        return;
    sent = send_some(load, (unsigned)n, now);
    pace->bursts++;
    pace->full += sent < n;
    if (pace->per_ns > 0) {
        r->refused += n - sent;
        r->offered += n;
    } else {
        r->offered += sent;
    }
    if (load->timeline && (now - load->base_ns) / 1000000 < BENCH_LOAD_TIMELINE_MS)
        load->timeline->offered[(now - load->base_ns) / 1000000] += (uint32_t)n;
}

/* What comes later is lost to a listener. It is still taken away, as long as something comes: a
 * server with seconds of packets in its sockets must not pay its debts in the next trial. */
static void drain(struct bench_load *load, struct bench_trial_result *r)
{
    uint64_t wanted = (r->offered - r->refused) * load->copies;
    uint64_t start = clock_mono_ns(), now = start, last = start;
    struct bench_trial_result late = {.received = 0};

    while (r->received < wanted && now - start < GRACE_NS) {
        collect(load, r);
        now = clock_mono_ns();
    }
    load->timeline = NULL;
    load->delay = &late.delay;
    while (r->received + late.received < wanted && now - last < SILENCE_NS &&
           now - start < DRAIN_NS && !bench_machine_interrupted()) {
        if (collect(load, &late) > 0)
            last = now;
        now = clock_mono_ns();
    }
    r->late = late.received;
}

static void run(struct bench_load *load, struct pace *pace, struct bench_trial_result *r)
{
    uint64_t now = pace->start;

    while (now < pace->end && load->used < pace->last && !bench_machine_interrupted()) {
        offer(load, pace, now, r);
        collect(load, r);
        now = clock_mono_ns();
    }
    r->seconds += (double)(now - pace->start) / 1e9;
}

static uint64_t busy_ns(const struct bench_load *load)
{
    return load->c.busy_ns ? load->c.busy_ns(load->c.context) : 0;
}

static void run_phases(struct bench_load *load, const struct bench_trial *trial,
                       struct bench_trial_result *r)
{
    uint64_t kept = (uint64_t)(trial->after_pps * trial->after_seconds);
    struct pace pace = {.per_ns = trial->pps / 1e9,
                        .last = load->made - load->used > kept ? load->made - kept : load->used};
    uint64_t busy = busy_ns(load);

    load->base_ns = pace.start = clock_mono_ns();
    pace.end = pace.start + (uint64_t)(trial->seconds * 1e9);
    run(load, &pace, r);
    if (trial->after_pps > 0) {
        pace.start = clock_mono_ns();
        pace.end = pace.start + (uint64_t)(trial->after_seconds * 1e9);
        pace.per_ns = trial->after_pps / 1e9;
        pace.before = r->offered;
        pace.forgiven = 0;
        pace.last = load->made;
        r->after_ms = (uint32_t)((pace.start - load->base_ns) / 1000000);
        run(load, &pace, r);
    }
    r->busy_ns = busy_ns(load) - busy;
    r->full = pace.bursts ? (double)pace.full / (double)pace.bursts : 0;
}

int bench_load_trial(struct bench_load *load, const struct bench_trial *trial,
                     struct bench_trial_result *r)
{
    double pps = trial->taken_pps > 0 ? trial->taken_pps : trial->pps;
    double expected =
        (pps > 0 ? pps : FASTEST_PPS) * trial->seconds + trial->after_pps * trial->after_seconds;
    uint64_t wanted;
    int rc;

    memset(r, 0, sizeof(*r));
    rc = make_ahead(load, (uint64_t)(expected * 1.001) + 2 * BENCH_WIRE_BURST);
    if (rc != 0)
        return rc;
    load->timeline = trial->timeline;
    load->delay = &r->delay;
    run_phases(load, trial, r);
    /* At full speed a ring is full at the end: draining it takes time that is not in the seconds.
     * At a given rate what is under way belongs to them. */
    r->pps = (double)r->received / r->seconds;
    drain(load, r);
    if (trial->pps > 0)
        r->pps = (double)r->received / r->seconds;
    r->offered_pps = (double)r->offered / r->seconds;
    wanted = r->offered * load->copies;
    if (r->received < wanted)
        r->loss = 1 - (double)r->received / (double)wanted;
    return bench_machine_interrupted() ? ERR_CLOSED : 0;
}

/* ---- warming up ---- */

static void learn(struct bench_load *load, const struct bench_frame *frame, uint64_t visit)
{
    const uint8_t *rtp = frame->bytes + HEADER_SIZE_IP4;
    uint32_t leg = leg_of(load, frame);
    struct receiver *receiver;

    if (leg == NOBODY || load->receiver[leg].heard)
        return;
    receiver = &load->receiver[leg];
    receiver->heard = true;
    receiver->ssrc = wire_get32(rtp + 8);
    receiver->delta =
        (uint16_t)(wire_get16(rtp + 2) - load->sender[load->leg[leg].peer].first - visit);
}

static uint32_t count_silent(const struct bench_load *load)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < load->c.count; i++)
        n += !load->receiver[i].heard;
    return n;
}

/* One packet of every leg; what comes back by then is number `visit` of its sender. */
static int warm_up_once(struct bench_load *load, double pps, uint64_t visit)
{
    uint64_t start = clock_mono_ns(), now = start, sent = 0, last = start;
    int rc = make_ahead(load, load->senders);

    load->base_ns = start;
    while (rc == 0 && (sent < load->senders || now - last < WARM_UP_MS * 1000000ull)) {
        struct bench_frame frames[BENCH_WIRE_BURST];
        unsigned n = load->c.wire->receive(load->c.wire, frames, BENCH_WIRE_BURST);

        for (unsigned i = 0; i < n; i++)
            if (is_media(load, &frames[i]))
                learn(load, &frames[i], visit);
        if (n > 0 && sent == load->senders && count_silent(load) == 0)
            break;
        if (sent < load->senders && (double)(now - start) * pps / 1e9 >= (double)sent) {
            sent += send_some(load, 1, now);
            last = now;
        }
        now = clock_mono_ns();
        if (bench_machine_interrupted())
            rc = ERR_CLOSED;
    }
    return rc;
}

int bench_load_warm_up(struct bench_load *load, double pps, uint32_t *silent)
{
    int rc = 0;

    *silent = load->c.count;
    for (unsigned i = 0; i < WARM_UPS && rc == 0 && *silent > 0; i++) {
        rc = warm_up_once(load, pps, load->used / load->senders);
        *silent = count_silent(load);
    }
    return rc == 0 && *silent > 0 ? ERR_TIMEOUT : rc;
}

/* ---- life ---- */

static int open_sender(struct bench_load *load, uint32_t i)
{
    struct locals locals = {.count = 1, .devices = 1};
    const struct bench_leg *leg = &load->leg[i];
    const struct srtp_profile_info *profile = srtp_profile_find(leg->send.profile);
    struct sender *s = &load->sender[i];
    int rc;

    locals.local[0].family = 4;
    memcpy(locals.local[0].ip, leg->near.ip, sizeof(locals.local[0].ip));
    memcpy(locals.device[0].mac, load->c.near_mac, 6);
    header_build(&s->header, &locals, 0, leg->near.port, &leg->far, load->c.far_mac, 0);
    /* Below 2^15, so that the first packets cannot be taken for late ones (RFC 3711, 3.3.1). */
    s->first = (uint16_t)(leg->ssrc * 2654435761u >> 18);
    s->length = load->c.bytes;
    if (!profile || !leg->sends)
        return 0;
    s->length = (uint16_t)(load->c.bytes + profile->rtp_tag_len);
    rc = srtp_key_create(load->engine, &leg->send, &s->key);
    return rc != 0 ? rc : srtp_stream_create(s->key, SRTP_OUTBOUND, leg->ssrc, &s->stream);
}

static int make_order(struct bench_load *load)
{
    uint32_t n = 0;
    unsigned seed = 1;

    for (uint32_t i = 0; i < load->c.count; i++)
        if (load->leg[i].sends)
            load->order[n++] = i;
    if (n == 0)
        return ERR_INVAL;
    load->senders = n;
    load->copies = n == load->c.count ? 1 : load->c.count / n - 1;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t k = (uint32_t)rand_r(&seed) % (i + 1), t = load->order[i];

        load->order[i] = load->order[k];
        load->order[k] = t;
    }
    for (uint32_t i = 0; i < n; i++)
        load->sender[load->order[i]].place = i;
    return 0;
}

/* A source of a fan-out hears nothing; nobody waits for it. */
static void expect_nothing(struct bench_load *load)
{
    for (uint32_t i = 0; i < load->c.count; i++)
        if (load->leg[i].peer == i)
            load->receiver[i].heard = true;
}

static int open_memory(struct bench_load *load)
{
    uint32_t n = load->c.count;
    size_t size;

    load->leg = malloc(n * sizeof(*load->leg));
    load->sender = calloc(n, sizeof(*load->sender));
    load->receiver = calloc(n, sizeof(*load->receiver));
    load->order = calloc(n, sizeof(*load->order));
    load->leg_of_port = malloc(65536 * sizeof(*load->leg_of_port));
    load->sample = malloc(BENCH_SAMPLES * sizeof(*load->sample));
    load->stride = (HEAD + load->c.bytes + SRTP_RTP_OVERHEAD_MAX + 63u) & ~(size_t)63;
    load->slots = load->c.memory_bytes / load->stride;
    size = load->slots * load->stride;
    if (!load->leg || !load->sender || !load->receiver || !load->order || !load->leg_of_port ||
        !load->sample || load->slots < n + MAKE_BURST)
        return ERR_NOMEM;
    load->store = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (load->store == MAP_FAILED) {
        load->store = NULL;
        return ERR_NOMEM;
    }
    (void)madvise(load->store, size, MADV_HUGEPAGE);
    memcpy(load->leg, load->c.legs, n * sizeof(*load->leg));
    load->c.legs = NULL; /* the caller's, from here on only ours counts */
    memset(load->leg_of_port, 0xff, 65536 * sizeof(*load->leg_of_port)); /* NOBODY */
    return 0;
}

static void add_length(struct bench_load *load, enum srtp_profile profile)
{
    const struct srtp_profile_info *info = srtp_profile_find(profile);
    uint32_t length = HEADER_SIZE_IP4 + load->c.bytes + (info ? info->rtp_tag_len : 0u);

    for (unsigned i = 0; i < load->kinds; i++)
        if (load->lengths[i] == length)
            return;
    if (load->kinds < BENCH_LOAD_KINDS)
        load->lengths[load->kinds++] = length;
}

static int open_legs(struct bench_load *load)
{
    struct srtp_limits limits = {.keys = load->c.count + 1, .streams = load->c.count + 2};
    int rc = srtp_engine_create(load->c.engine, &limits, &load->engine);

    for (uint32_t i = 0; i < load->c.count && rc == 0; i++) {
        add_length(load, load->leg[i].receive.profile);
        load->leg_of_port[load->leg[i].near.port] = i;
        rc = open_sender(load, i);
    }
    return rc;
}

int bench_load_create(const struct bench_load_config *config, struct bench_load **out)
{
    struct bench_load *load;
    int rc;

    if (config->count == 0 || config->count > BENCH_LOAD_LEGS_MAX ||
        config->bytes < BENCH_LOAD_BYTES_MIN || config->bytes > BENCH_LOAD_BYTES_MAX)
        return ERR_INVAL;
    load = calloc(1, sizeof(*load));
    if (!load)
        return ERR_NOMEM;
    load->c = *config;
    rc = open_memory(load);
    if (rc == 0)
        rc = open_legs(load);
    if (rc == 0)
        rc = make_order(load);
    if (rc != 0) {
        bench_load_destroy(load);
        return rc;
    }
    expect_nothing(load);
    *out = load;
    return 0;
}

void bench_load_destroy(struct bench_load *load)
{
    if (!load)
        return;
    for (uint32_t i = 0; load->sender && i < load->c.count; i++) {
        srtp_stream_destroy(load->sender[i].stream);
        srtp_key_destroy(load->sender[i].key);
    }
    if (load->engine)
        srtp_engine_destroy(load->engine);
    if (load->store)
        munmap(load->store, load->slots * load->stride);
    if (load->leg)
        secret_wipe(load->leg, load->c.count * sizeof(*load->leg));
    free(load->leg);
    free(load->sender);
    free(load->receiver);
    free(load->order);
    free(load->leg_of_port);
    free(load->sample);
    free(load);
}
