/* Calls of a benchmark, set up over the link with the commands that sluiced uses. */
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "bench/bench_dp_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RECORDS_S 1000000u /* a leg; the most that the link allows */
#define REPLY_MS  10000u   /* without a reply for so long: it hangs */

void bench_dp_on_reply(struct bench_dp *dp, const struct link_msg *msg)
{
    dp->answered++;
    if (msg->error != 0) {
        if (dp->refused++ == 0) {
            dp->error = msg->error;
            dp->error_command = msg->u.reply.command;
        }
        return;
    }
    if (msg->u.reply.command == LINK_TRANSPORT_OPEN && dp->id)
        dp->id[msg->cookie] = (struct link_id){msg->transport, msg->generation};
}

/* Legs of a call, and which of them this is. */
static uint32_t size_of(const struct bench_calls *calls)
{
    return calls->receivers > 0 ? calls->receivers + 1 : 2;
}

uint32_t bench_calls_legs(const struct bench_calls *calls)
{
    return calls->calls * size_of(calls);
}

static bool is_secure(const struct bench_calls *calls, uint32_t leg)
{
    return calls->path == BENCH_PIPELINE_SRTP_SRTP ||
           (calls->path == BENCH_PIPELINE_RTP_SRTP && leg % size_of(calls) != 0);
}

/* ---- one command of each kind ---- */

struct set_up {
    struct bench_dp *dp;
    const struct bench_calls *calls;
    struct bench_leg *legs;
};

typedef int (*send_fn)(const struct set_up *s, uint32_t leg);
typedef bool (*which_fn)(const struct set_up *s, uint32_t leg);

/* Both legs of a call on one worker, as sluiced places them. */
static int send_open(const struct set_up *s, uint32_t leg)
{
    struct link_open open = {.mode = is_secure(s->calls, leg) ? LINK_MODE_DTLS_SRTP : LINK_MODE_RTP,
                             .producer = s->calls->records_to,
                             .port = s->legs[leg].far.port,
                             .remote = s->legs[leg].near};

    snprintf(open.session, sizeof(open.session), "leg %u", leg);
    snprintf(open.conference, sizeof(open.conference), "call %u", leg / size_of(s->calls));
    return link_port_open(s->dp->port, leg / size_of(s->calls) % s->dp->config.workers, &open, leg);
}

static int send_keys(const struct set_up *s, uint32_t leg)
{
    const struct bench_leg *l = &s->legs[leg];
    const struct srtp_profile_info *profile = srtp_profile_find(l->send.profile);
    struct link_msg msg;
    int rc;

    link_msg_init(&msg, LINK_KEYS_SET, s->dp->id[leg], leg);
    msg.u.keys.profile = (uint16_t)profile->id;
    msg.u.keys.key_length = profile->key_len;
    msg.u.keys.salt_length = profile->salt_len;
    memcpy(msg.u.keys.rx_key, l->send.key, profile->key_len);
    memcpy(msg.u.keys.rx_salt, l->send.salt, profile->salt_len);
    memcpy(msg.u.keys.tx_key, l->receive.key, profile->key_len);
    memcpy(msg.u.keys.tx_salt, l->receive.salt, profile->salt_len);
    rc = link_port_send(s->dp->port, &msg);
    secret_wipe(&msg, sizeof(msg));
    return rc;
}

static int send_route(const struct set_up *s, uint32_t leg)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_ROUTE_SET, s->dp->id[leg], leg);
    msg.u.routes.count = 1;
    msg.u.routes.row[0] =
        (struct link_route){s->dp->id[s->legs[leg].peer], LINK_PT_ANY, LINK_PT_ANY, {0, 0}};
    return link_port_send(s->dp->port, &msg);
}

/* As many records as the wire brings: sluiced allows them when a data channel is open. */
static int send_data(const struct set_up *s, uint32_t leg)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_TRANSPORT_DATA, s->dp->id[leg], leg);
    msg.u.data.records_s = RECORDS_S;
    return link_port_send(s->dp->port, &msg);
}

/* A row in the source's list: this leg hears it, as one stream of its own. */
static int send_receiver(const struct set_up *s, uint32_t leg)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_RECEIVER_ADD, s->dp->id[s->legs[leg].peer], leg);
    msg.u.receiver = (struct link_receiver){.to = s->dp->id[leg],
                                            .ssrc_out = s->legs[leg].ssrc,
                                            .pt_in = LINK_PT_ANY,
                                            .pt_out = LINK_PT_ANY};
    return link_port_send(s->dp->port, &msg);
}

static bool any_leg(const struct set_up *s, uint32_t leg)
{
    (void)s;
    (void)leg;
    return true;
}

static bool secure_leg(const struct set_up *s, uint32_t leg)
{
    return is_secure(s->calls, leg);
}

static bool receiving_leg(const struct set_up *s, uint32_t leg)
{
    return leg % size_of(s->calls) != 0;
}

/* ---- all of a kind ---- */

static int await_answers(struct bench_dp *dp, uint32_t wanted)
{
    uint64_t end = clock_mono_ms() + REPLY_MS;
    uint32_t seen = dp->answered;
    int rc = 0;

    while (rc == 0 && dp->answered < wanted) {
        rc = bench_dp_poll(dp, 10);
        if (dp->answered != seen)
            end = clock_mono_ms() + REPLY_MS;
        else if (clock_mono_ms() > end)
            return ERR_TIMEOUT;
        seen = dp->answered;
    }
    return rc;
}

/* ERR_AGAIN is the link's way to say that its queue is full: answers make room. */
static int send_all(const struct set_up *s, which_fn which, send_fn send)
{
    struct bench_dp *dp = s->dp;
    uint32_t sent = 0;
    int rc = 0;

    dp->answered = dp->refused = 0;
    for (uint32_t leg = 0; leg < bench_calls_legs(s->calls) && rc == 0; leg++) {
        if (!which(s, leg))
            continue;
        while ((rc = send(s, leg)) == ERR_AGAIN)
            if ((rc = await_answers(dp, dp->answered + 1)) != 0)
                return rc;
        sent++;
    }
    if (rc == 0)
        rc = await_answers(dp, sent);
    if (rc == 0 && dp->refused > 0) {
        fprintf(stderr, "sluice-bench: sluice-dp refused %u of %u %s: %s\n", dp->refused, sent,
                link_type_to_str(dp->error_command), err_to_str(dp->error));
        rc = ERR_REFUSED;
    }
    return rc;
}

static int draw_keys(struct srtp_master *master, enum srtp_profile profile)
{
    master->profile = profile;
    return getrandom(master->key, sizeof(master->key), 0) == (ssize_t)sizeof(master->key) &&
                   getrandom(master->salt, sizeof(master->salt), 0) == (ssize_t)sizeof(master->salt)
               ? 0
               : ERR_CRYPTO;
}

static int make_leg(const struct bench_calls *calls, uint32_t i, struct bench_leg *leg)
{
    uint32_t place = i % size_of(calls);
    enum srtp_profile profile =
        place != 0 && calls->other != SRTP_PROFILE_NONE ? calls->other : calls->profile;
    int rc;

    leg->near = bench_dp_near(i);
    leg->far = bench_dp_far(i);
    leg->ssrc = 0x5eed0000u + i;
    leg->peer = calls->receivers > 0 ? i - place : i ^ 1;
    leg->sends = calls->receivers == 0 || place == 0;
    if (!is_secure(calls, i))
        return 0;
    rc = draw_keys(&leg->send, profile);
    return rc == 0 ? draw_keys(&leg->receive, profile) : rc;
}

int bench_calls_open(struct bench_dp *dp, const struct bench_calls *calls, struct bench_leg **out)
{
    uint32_t n = bench_calls_legs(calls);
    struct set_up s = {dp, calls, calloc(n, sizeof(struct bench_leg))};
    int rc = 0;

    free(dp->id);
    dp->id = calloc(n, sizeof(*dp->id));
    if (!s.legs || !dp->id) {
        free(s.legs);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n && rc == 0; i++)
        rc = make_leg(calls, i, &s.legs[i]);
    if (rc == 0)
        rc = send_all(&s, any_leg, send_open);
    if (rc == 0)
        rc = calls->records_to != 0 ? send_all(&s, any_leg, send_data)
                                    : send_all(&s, secure_leg, send_keys);
    if (rc == 0 && calls->records_to == 0)
        rc = calls->receivers > 0 ? send_all(&s, receiving_leg, send_receiver)
                                  : send_all(&s, any_leg, send_route);
    if (rc != 0) {
        bench_calls_free(s.legs, n);
        return rc;
    }
    *out = s.legs;
    return 0;
}

struct link_id bench_dp_leg(const struct bench_dp *dp, uint32_t leg)
{
    return dp->id[leg];
}

void bench_calls_free(struct bench_leg *legs, uint32_t count)
{
    if (legs)
        secret_wipe(legs, count * sizeof(*legs));
    free(legs);
}
