#include "bench/bench_records.h"

#include "base/clock.h"
#include "base/err.h"
#include "bench/bench_dp.h"
#include "bench/bench_machine.h"
#include "bench/bench_wire.h"
#include "crypto/cert.h"
#include "crypto/dtls.h"
#include "dpdk-app/header.h"
#include "server/dtls/shard.h"
#include "server/media/link_addr.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD        64u /* of a slot: room for headers */
#define SLOT        2048u
#define KEPT        16384u /* records made ahead */
#define UP_MS       20000u
#define STALL_MS    300u /* nothing came back for so long: what is missing is lost */
#define LOOK_AT     64u  /* every so manieth record that comes back is opened */
#define REPORTS_MAX 4096u
#define SHARD       1u /* producer on the link */
#define CERT_DAYS   1u

struct peer {
    struct records *r;
    struct bench_leg *leg;
    struct header header;
    struct dtls_assoc *dtls;
    bool is_up;
};

struct records {
    struct bench_records_config c;
    struct bench_dp *dp;
    struct bench_wire *wire;
    struct bench_leg *legs;
    struct peer *peers;
    unsigned count;
    struct cert *cert;
    struct fingerprint fp;
    struct dtls_ctx *ctx;
    struct shard_queue *reports;
    struct shard *shard;
    struct shard_ways ways;
    pid_t thread; /* the shard's */
    unsigned established;
    bool has_failed;
    /* Records made ahead: a slot each, behind HEAD octets for headers. */
    bool is_making;
    uint8_t *kept;
    uint16_t *kept_len;
    unsigned made;
    uint8_t *message;
    uint64_t sent, back, checked;
    bool is_other; /* one came back changed */
    uint16_t cpus[BENCH_CPUS_MAX];
    unsigned cpu_count;
};

/* ---- the peers ---- */

static void send_frame(struct records *r, const uint8_t *bytes, uint32_t len)
{
    const struct bench_frame frame = {bytes, len};

    (void)r->wire->send(r->wire, &frame, 1); /* of a handshake: sent again if it is lost */
}

static void on_send(void *user, const struct addr *to, const uint8_t *data, size_t len)
{
    struct peer *peer = user;
    struct records *r = peer->r;
    uint8_t single[SLOT];
    uint8_t *slot = r->is_making ? r->kept + (size_t)r->made * SLOT : single;
    struct packet p = {.data = slot + HEAD, .length = (uint16_t)len, .head = HEAD};

    (void)to;
    if (len > SLOT - HEAD)
        return;
    memcpy(p.data, data, len);
    header_stamp(&peer->header, &p);
    if (r->is_making)
        r->kept_len[r->made++] = p.length;
    else
        send_frame(r, p.data, p.length);
}

static void on_established(void *user, const struct dtls_established *result)
{
    (void)result;
    ((struct peer *)user)->is_up = true;
}

static void on_failed(void *user, enum dtls_failure why, const char *text)
{
    struct peer *peer = user;

    fprintf(stderr, "sluice-bench: a peer's handshake failed: %s, %s\n", dtls_failure_to_str(why),
            text);
    peer->r->has_failed = true;
}

static void on_closed(void *user)
{
    ((struct peer *)user)->r->has_failed = true;
}

/* All records of a run say the same but for the sender's number. */
static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct records *r = ((struct peer *)user)->r;
    unsigned from = data[0], here = (unsigned)((struct peer *)user - r->peers);

    r->checked++;
    if (len != r->c.size || from != (here ^ 1u) || memcmp(data + 1, r->message + 1, len - 1) != 0)
        r->is_other = true;
}

static const struct dtls_callbacks callbacks = {.on_send = on_send,
                                                .on_established = on_established,
                                                .on_failed = on_failed,
                                                .on_closed = on_closed,
                                                .on_data = on_data};

static int open_peer(struct records *r, unsigned i)
{
    struct peer *peer = &r->peers[i];
    struct locals locals = {.count = 1, .devices = 1};
    struct addr remote = addr_of_link(&r->legs[i].far);
    const struct dtls_options options = {.role = DTLS_CLIENT,
                                         .remote = &remote,
                                         .fingerprint = &r->fp,
                                         .without_srtp = true,
                                         .callbacks = &callbacks,
                                         .user = peer};
    int rc;

    peer->r = r;
    peer->leg = &r->legs[i];
    locals.local[0].family = 4;
    memcpy(locals.local[0].ip, peer->leg->near.ip, sizeof(locals.local[0].ip));
    memcpy(locals.device[0].mac, bench_dp_near_mac, 6);
    header_build(&peer->header, &locals, 0, peer->leg->near.port, &peer->leg->far, bench_dp_far_mac,
                 0);
    rc = dtls_assoc_create(r->ctx, &options, &peer->dtls);
    if (rc == 0)
        dtls_assoc_carry_data(peer->dtls, clock_mono_ms());
    return rc == 0 ? dtls_assoc_start(peer->dtls, clock_mono_ms()) : rc;
}

static struct peer *peer_of(struct records *r, const struct bench_frame *frame)
{
    uint16_t port;

    if (frame->length < HEADER_SIZE_IP4)
        return NULL;
    port = (uint16_t)wire_get16(frame->bytes + ETH_SIZE + IP4_SIZE + 2);
    for (unsigned i = 0; i < r->count; i++)
        if (r->legs[i].near.port == port)
            return &r->peers[i];
    return NULL;
}

static void hear(struct records *r, const struct bench_frame *frame)
{
    struct peer *peer = peer_of(r, frame);
    struct addr from;

    if (peer == NULL)
        return;
    from = addr_of_link(&peer->leg->far);
    (void)dtls_assoc_input(peer->dtls, clock_mono_ms(), &from, frame->bytes + HEADER_SIZE_IP4,
                           frame->length - HEADER_SIZE_IP4);
}

/* ---- the shard ---- */

static int open_association(struct records *r, unsigned i)
{
    struct shard_command command;

    memset(&command, 0, sizeof(command));
    command.kind = SHARD_OPEN;
    command.id = i + 1;
    command.transport = bench_dp_leg(r->dp, i);
    command.has_fingerprint = true;
    command.fingerprint = r->fp;
    command.remote = addr_of_link(&r->legs[i].near);
    command.has_data = true;
    command.data = (struct shard_data){.mode = SHARD_DATA_RELAY, .to = (i ^ 1u) + 1};
    return shard_command(r->shard, &command);
}

static void take_reports(struct records *r)
{
    struct shard_report report;

    shard_queue_clear(r->reports);
    while (shard_queue_take(r->reports, &report) == 0) {
        r->established += report.kind == SHARD_ESTABLISHED;
        if (report.kind == SHARD_FAILED) {
            fprintf(stderr, "sluice-bench: an association failed: %s\n", report.text);
            r->has_failed = true;
        }
    }
}

/* Its thread, by its name. */
static pid_t find_thread(void)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;
    pid_t found = 0;

    while (dir && (entry = readdir(dir)) != NULL && found == 0) {
        char path[320], comm[32] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        file = fopen(path, "re");
        if (file && fgets(comm, sizeof(comm), file) && strncmp(comm, "shard-", 6) == 0)
            found = atoi(entry->d_name);
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
    return found;
}

static int start_shard(struct records *r)
{
    struct shard_config config = {.number = SHARD,
                                  .port = bench_dp_port(r->dp, SHARD),
                                  .associations_max = r->count,
                                  .ways = &r->ways};
    int rc = shard_queue_create(sizeof(struct shard_report), REPORTS_MAX, &r->reports);

    if (rc == 0)
        rc = data_queue_create(1u << 16, &r->ways.shard[SHARD - 1]);
    config.reports = r->reports;
    dtls_config_init(&config.dtls, r->cert);
    if (rc == 0)
        rc = shard_start(&config, &r->shard);
    for (unsigned i = 0; i < r->count && rc == 0; i++)
        rc = open_association(r, i);
    return rc;
}

/* ---- up ---- */

static unsigned count_up(const struct records *r)
{
    unsigned up = 0;

    for (unsigned i = 0; i < r->count; i++)
        up += r->peers[i].is_up;
    return up;
}

static bool is_all_up(const struct records *r)
{
    return count_up(r) == r->count && r->established == r->count;
}

static int turn(struct records *r)
{
    struct bench_frame frames[BENCH_WIRE_BURST];
    unsigned n = r->wire->receive(r->wire, frames, BENCH_WIRE_BURST);
    uint64_t now = clock_mono_ms();

    for (unsigned i = 0; i < n; i++)
        hear(r, &frames[i]);
    for (unsigned i = 0; i < r->count; i++)
        if (dtls_assoc_next_deadline(r->peers[i].dtls) <= now)
            dtls_assoc_on_timer(r->peers[i].dtls, now);
    take_reports(r);
    if (r->has_failed)
        return ERR_STATE;
    return bench_dp_idle(r->dp, n == 0 ? 1 : 0);
}

static int shake_hands(struct records *r)
{
    uint64_t until = clock_mono_ms() + UP_MS;
    int rc = 0;

    for (unsigned i = 0; i < r->count && rc == 0; i++)
        rc = open_peer(r, i);
    while (rc == 0 && !is_all_up(r))
        rc = clock_mono_ms() < until ? turn(r) : ERR_TIMEOUT;
    if (rc == ERR_TIMEOUT) {
        fprintf(stderr, "sluice-bench: handshakes: %u of %u here, %u at the shard\n", count_up(r),
                r->count, r->established);
        bench_dp_print_counters(r->dp, stderr);
    }
    r->thread = find_thread();
    return rc == 0 && r->thread == 0 ? ERR_STATE : rc;
}

/* The worker has a core for itself; the peers and the shard share what is left, where there are two
 * one and the same: the CPU time of each is its own in any case. */
static int start_server(struct records *r)
{
    const struct bench_calls calls = {
        .path = BENCH_PIPELINE_SRTP_SRTP, .calls = r->c.relays, .records_to = SHARD};
    struct bench_dp_config config = {.program = r->c.program,
                                     .engine = "auto",
                                     .idle = "adaptive",
                                     .workers = 1,
                                     .producers = SHARD + 1,
                                     .transports = r->count};
    int rc;

    r->cpu_count = bench_machine_cpus(r->cpus);
    if (r->cpu_count == 0)
        return ERR_IO;
    config.cpus[0] = r->cpus[r->cpu_count - 1];
    rc = bench_dp_start(&config, &r->dp);
    if (rc == 0)
        rc = bench_calls_open(r->dp, &calls, &r->legs);
    if (rc == 0)
        rc = bench_dp_wire(r->dp, BENCH_FRAME_MAX, &r->wire); /* handshakes have large ones */
    if (rc == 0 && r->cpu_count > 1)
        bench_machine_unpin(r->cpus, r->cpu_count - 1);
    return rc;
}

static int begin(struct records *r)
{
    struct dtls_config config;
    int rc = cert_generate(CERT_DAYS, &r->cert);

    r->count = 2 * r->c.relays;
    r->peers = calloc(r->count, sizeof(*r->peers));
    r->kept = malloc((size_t)KEPT * SLOT);
    r->kept_len = calloc(KEPT, sizeof(*r->kept_len));
    r->message = malloc(r->c.size);
    if (rc == 0 && (!r->peers || !r->kept || !r->kept_len || !r->message))
        rc = ERR_NOMEM;
    if (rc == 0)
        rc = cert_fingerprint(r->cert, FINGERPRINT_SHA256, &r->fp);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < r->c.size; i++)
        r->message[i] = (uint8_t)(i * 167);
    dtls_config_init(&config, r->cert);
    rc = dtls_ctx_create(&config, &r->ctx);
    if (rc == 0)
        rc = start_server(r);
    if (rc == 0)
        rc = start_shard(r);
    return rc == 0 ? shake_hands(r) : rc;
}

/* sluice-dp before its wire: see bench_lane_close. The shard before the link that it uses. */
static void end(struct records *r)
{
    for (unsigned i = 0; r->peers && i < r->count; i++)
        dtls_assoc_destroy(r->peers[i].dtls);
    shard_destroy(r->shard);
    bench_dp_stop(r->dp);
    if (r->wire)
        r->wire->destroy(r->wire);
    shard_queue_destroy(r->reports);
    data_queue_destroy(r->ways.shard[SHARD - 1]);
    bench_calls_free(r->legs, r->count);
    dtls_ctx_destroy(r->ctx);
    cert_destroy(r->cert);
    free(r->peers);
    free(r->kept);
    free(r->kept_len);
    free(r->message);
    bench_machine_unpin(r->cpus, r->cpu_count);
}

/* ---- records ---- */

static void make(struct records *r)
{
    r->is_making = true;
    r->made = 0;
    for (unsigned i = 0; i < KEPT; i++) {
        unsigned from = i % r->count;

        r->message[0] = (uint8_t)from;
        if (dtls_assoc_send(r->peers[from].dtls, clock_mono_ms(), r->message, r->c.size) != 0)
            break;
    }
    r->is_making = false;
}

static unsigned push(struct records *r, unsigned at, unsigned room)
{
    struct bench_frame frames[BENCH_WIRE_BURST];
    unsigned n = 0;

    while (n < BENCH_WIRE_BURST && n < room && at + n < r->made) {
        const uint8_t *slot = r->kept + (size_t)(at + n) * SLOT + HEAD - HEADER_SIZE_IP4;

        frames[n] = (struct bench_frame){slot, r->kept_len[at + n]};
        n++;
    }
    return n > 0 ? r->wire->send(r->wire, frames, n) : 0;
}

static unsigned pull(struct records *r)
{
    struct bench_frame frames[BENCH_WIRE_BURST];
    unsigned n = r->wire->receive(r->wire, frames, BENCH_WIRE_BURST), back = 0;

    for (unsigned i = 0; i < n; i++) {
        /* Not what the shard says for itself (nothing, in this time). */
        if (frames[i].length < HEADER_SIZE_IP4 + r->c.size)
            continue;
        back++;
        if ((r->back + back) % LOOK_AT == 0)
            hear(r, &frames[i]);
    }
    return back;
}

/* All that was made, with at most a window of them on their way. */
static int blast(struct records *r)
{
    uint64_t heard_at = clock_mono_ns();
    unsigned sent = 0, back = 0;

    while (back < r->made && clock_mono_ns() - heard_at < STALL_MS * 1000000ull) {
        unsigned n = push(r, sent, r->c.window - (sent - back)), got = pull(r);

        sent += n;
        back += got;
        r->back += got;
        if (got > 0)
            heard_at = clock_mono_ns();
        else if (n == 0)
            sched_yield(); /* the shard may be on this core */
    }
    r->sent += sent;
    if (bench_machine_interrupted() || !bench_dp_alive(r->dp))
        return ERR_CLOSED;
    return back == 0 ? ERR_IO : 0;
}

static int measure(struct records *r, struct bench_records_result *out)
{
    uint64_t spent = 0, shard = 0, worker = 0, before;
    int rc;

    make(r);
    rc = blast(r); /* warms up */
    r->sent = r->back = r->checked = 0;
    while (rc == 0 && spent < r->c.ms * 1000000ull) {
        uint64_t shard_before, worker_before;

        make(r);
        shard_before = bench_machine_thread_ns(getpid(), r->thread);
        worker_before = bench_dp_busy_ns(r->dp);
        before = clock_mono_ns();
        rc = blast(r);
        spent += clock_mono_ns() - before;
        shard += bench_machine_thread_ns(getpid(), r->thread) - shard_before;
        worker += bench_dp_busy_ns(r->dp) - worker_before;
        take_reports(r);
    }
    if (rc != 0 || r->is_other)
        return rc != 0 ? rc : ERR_MALFORMED;
    out->records = r->back;
    out->checked = r->checked;
    out->records_s = (double)r->back * 1e9 / (double)spent;
    out->shard_ns = (double)shard / (double)r->back;
    out->worker_ns = (double)worker / (double)r->back;
    out->lost = 1 - (double)r->back / (double)r->sent;
    return 0;
}

int bench_records_run(const struct bench_records_config *config,
                      struct bench_records_result *result)
{
    struct records *r = calloc(1, sizeof(*r));
    int rc;

    if (r == NULL)
        return ERR_NOMEM;
    r->c = *config;
    rc = begin(r);
    if (rc == 0)
        rc = measure(r, result);
    end(r);
    free(r);
    return rc;
}
