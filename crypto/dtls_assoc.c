/* Life of an association: what comes from outside, the timers, the end. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_internal.h"
#include "crypto/dtls_join.h"
#include "crypto/dtls_record.h"

#include <stdlib.h>
#include <string.h>

static void free_now(struct dtls_assoc *a)
{
    wolf_session_destroy(a->session);
    dtls_seal_destroy(a->seal);
    /* The result holds master keys from the end of the handshake until the fingerprint is known. */
    if (a->result)
        secret_wipe(a->result, sizeof(*a->result));
    free(a->result);
    free(a->parked);
    dtls_join_free(a->join);
    dtls_gate_destroy(a->gate);
    dtls_flight_free(&a->flight);
    secret_wipe(a, sizeof(*a));
    free(a);
}

static void send_out(struct dtls_assoc *a, const uint8_t *data, size_t len)
{
    /* The transport's callback may call back into the association (a full ring closes it): sends
     * and closes are refused for that moment. */
    a->is_sending = true;
    a->callbacks->on_send(a->user, &a->remote, data, len);
    a->is_sending = false;
}

/* False: it has to go out at once. The context has room for one: another association of it may be
 * inside a call of this one (data that are relayed), and has an alert to send only if it fails. */
static bool hold_alert(struct dtls_assoc *a, const uint8_t *data, size_t len)
{
    struct dtls_held_alert *held = &a->ctx->held;

    if (held->of != NULL || len == 0 || len > sizeof(held->data) || data[0] != DTLS_ALERT)
        return false;
    memcpy(held->data, data, len);
    held->len = len;
    held->of = a;
    return true;
}

static void release_alert(struct dtls_assoc *a)
{
    struct dtls_held_alert *held = &a->ctx->held;

    if (held->of != a)
        return;
    held->of = NULL;
    send_out(a, held->data, held->len);
}

/* Callbacks may destroy the association from inside our own call: the depth says that somebody
 * still stands on this memory, the last one to leave frees it. */
void dtls_assoc_enter(struct dtls_assoc *a, uint64_t now)
{
    a->depth++;
    a->now = now;
}

void dtls_assoc_leave(struct dtls_assoc *a)
{
    if (a->depth == 1 && !a->is_destroyed)
        release_alert(a); /* still inside: a failure of the sending must not come back in here */
    if (--a->depth > 0)
        return;
    /* The library's object cannot go while one of its callbacks runs; dropping waits for the last
     * leave. */
    if (a->drop_session) {
        wolf_session_destroy(a->session);
        a->session = NULL;
        dtls_seal_destroy(a->seal);
        a->seal = NULL;
        dtls_gate_destroy(a->gate);
        a->gate = NULL;
        a->drop_session = false;
    }
    if (a->is_destroyed)
        free_now(a);
}

const struct fingerprint *dtls_find_expected(const struct dtls_assoc *a,
                                             const struct fingerprint *seen)
{
    const struct fingerprint *found = fingerprint_equal(seen, &a->expected) ? &a->expected : NULL;

    for (size_t i = 0; i < a->other_count && found == NULL; i++)
        found = fingerprint_equal(seen, &a->others[i]) ? &a->others[i] : NULL;
    return found;
}

/* One digest of a certificate is made and held against all of them, so that they have one hash. */
static bool are_others_good(const struct dtls_options *options)
{
    if (options->other_count > FINGERPRINT_OTHERS_MAX ||
        (options->other_count > 0 && options->fingerprint == NULL))
        return false;
    for (size_t i = 0; i < options->other_count; i++)
        if (options->others[i].hash != options->fingerprint->hash)
            return false;
    return true;
}

int dtls_assoc_create(struct dtls_ctx *ctx, const struct dtls_options *options,
                      struct dtls_assoc **out)
{
    struct dtls_assoc *a;

    /* A client speaks first and must know to whom; a server learns it from the hello. */
    if (!options->callbacks || (options->role == DTLS_CLIENT && !options->remote) ||
        !are_others_good(options))
        return ERR_INVAL;
    /* A hash that policy forbids is refused before a packet is sent, not found out afterwards. */
    if (options->fingerprint && !dtls_ctx_takes_hash(ctx, options->fingerprint->hash))
        return ERR_REFUSED;
    a = calloc(1, sizeof(*a));
    if (!a)
        return ERR_NOMEM;
    a->ctx = ctx;
    a->callbacks = options->callbacks;
    a->user = options->user;
    a->role = (uint8_t)options->role;
    a->state = DTLS_IDLE;
    a->without_srtp = options->without_srtp || options->is_over_sctp;
    a->is_over_sctp = options->is_over_sctp;
    a->may_lack_srtp = options->may_lack_srtp;
    /* a server owes nobody anything before a hello came */
    a->retransmit_at = a->fail_at = a->park_at = DTLS_NO_DEADLINE;
    if (options->remote) {
        a->remote = *options->remote;
        a->has_remote = true;
    }
    if (options->fingerprint) {
        a->expected = *options->fingerprint;
        a->has_fingerprint = true;
        a->other_count = (uint8_t)options->other_count;
        if (a->other_count > 0)
            memcpy(a->others, options->others, a->other_count * sizeof(a->others[0]));
    }
    ctx->stats.created++;
    *out = a;
    return 0;
}

void dtls_assoc_destroy(struct dtls_assoc *a)
{
    if (!a || a->is_destroyed)
        return;
    release_alert(a);
    a->is_destroyed = true;
    if (a->depth == 0)
        free_now(a);
}

int dtls_assoc_start(struct dtls_assoc *a, uint64_t now)
{
    int rc = 0;

    if (a->state == DTLS_FAILED || a->state == DTLS_CLOSED)
        return ERR_STATE;
    /* fail_at is set by the first start: a second one would push the end of the handshake further
     * out. */
    if (a->state != DTLS_IDLE || a->fail_at != DTLS_NO_DEADLINE)
        return 0;
    dtls_assoc_enter(a, now);
    if (a->role == DTLS_CLIENT)
        rc = dtls_client_begin(a);
    else
        /* The server's clock runs from the call's start although nothing was sent: a peer that
         * never speaks must end in a reason too. */
        a->fail_at = now + a->ctx->config.handshake_timeout_ms;
    dtls_assoc_leave(a);
    return rc;
}

int dtls_assoc_set_fingerprint(struct dtls_assoc *a, uint64_t now, const struct fingerprint *fp)
{
    /* Signalling may repeat itself (a re-offer, a second OLC), or come late: what was promised once
     * stays promised, and another fingerprint after the peer was accepted is a new association. */
    if (!dtls_ctx_takes_hash(a->ctx, fp->hash))
        return ERR_REFUSED;
    if (a->has_fingerprint && fingerprint_equal(&a->expected, fp))
        return 0;
    if (a->state != DTLS_IDLE && a->state != DTLS_HANDSHAKE && a->state != DTLS_UNVERIFIED)
        return ERR_STATE;
    dtls_assoc_enter(a, now);
    a->expected = *fp;
    a->other_count = 0;
    a->has_fingerprint = true;
    /* The handshake had ended and waited for exactly this (D-VERIFY). */
    if (a->state == DTLS_UNVERIFIED && a->result)
        dtls_verify(a);
    dtls_assoc_leave(a);
    return 0;
}

int dtls_assoc_set_remote(struct dtls_assoc *a, const struct addr *remote)
{
    /* From the first packet on the DTLS state belongs to one address; moving it is a new
     * transport's business. */
    if (a->state != DTLS_IDLE)
        return ERR_STATE;
    a->remote = *remote;
    a->has_remote = true;
    return 0;
}

void dtls_assoc_emit(void *user, const uint8_t *data, size_t len)
{
    struct dtls_assoc *a = user;

    /* is_probing: a hello tried under the old cookie secret, whose question nobody may see */
    if (a->is_destroyed || a->is_probing)
        return;
    a->ctx->stats.datagrams_out++;
    /* Later records (alerts, data) are no part of a flight and must never be sent twice. */
    if (a->state == DTLS_IDLE || a->state == DTLS_HANDSHAKE)
        dtls_flight_add(&a->flight, data, len);
    if (a->gate)
        dtls_gate_sent(a->gate, data, len);
    release_alert(a); /* the order stays */
    if (!hold_alert(a, data, len))
        send_out(a, data, len);
}

void dtls_assoc_arm_retransmit(struct dtls_assoc *a)
{
    a->retransmit_ms = a->ctx->config.retransmit_initial_ms;
    a->retransmit_at = a->now + a->retransmit_ms;
}

void dtls_assoc_fail(struct dtls_assoc *a, enum dtls_failure reason, const char *text)
{
    if (a->state == DTLS_FAILED || a->state == DTLS_CLOSED)
        return;
    a->state = DTLS_FAILED;
    a->failure = (uint8_t)reason;
    /* Keys first, then the callback: whoever is told of the failure finds nothing left to take. */
    a->retransmit_at = a->fail_at = a->park_at = DTLS_NO_DEADLINE;
    if (a->result)
        secret_wipe(a->result, sizeof(*a->result));
    a->ctx->stats.failed++;
    a->ctx->stats.failed_by[reason]++;
    /* A resumed session that fails is not offered again, or the same pair would fail for ever. */
    dtls_resume_forget(a);
    if (!a->is_destroyed)
        a->callbacks->on_failed(a->user, reason, text);
    a->drop_session = true; /* text may have been in it */
}

static void resend_one(void *user, const uint8_t *data, size_t len)
{
    dtls_assoc_emit(user, data, len);
}

/* The peer repeats its flight: ours, the last, was lost. */
static void resend_last_flight(struct dtls_assoc *a)
{
    /* RFC 6347 §4.2.4: the last flight has no answer that could confirm it. Bounded in number and
     * rate, since anybody can replay the peer's Finished at us. */
    if (a->flight.len == 0 || a->resends >= DTLS_RESEND_MAX || a->now < a->resend_next)
        return;
    a->resend_next = a->now + DTLS_RESEND_INTERVAL_MS;
    a->resends++;
    a->ctx->stats.last_flight_resent++;
    dtls_flight_each(&a->flight, resend_one, a);
}

static void input_records(struct dtls_assoc *a, const struct dtls_record *first,
                          const uint8_t *data, size_t len)
{
    /* The gate is gone by now. Marks tell a true repetition from records that merely look like
     * one. */
    if (first->type == DTLS_HANDSHAKE_RECORD || first->type == DTLS_CHANGE_CIPHER_SPEC) {
        if (dtls_gate_is_marked(&a->marks, data, len))
            resend_last_flight(a);
        return;
    }
    if (first->epoch == 0) {
        a->ctx->stats.data_dropped++; /* in the clear: nobody we know */
        return;
    }
    if (a->seal) {
        dtls_open_records(a, data, len);
        return;
    }
    if (a->parked) {
        /* Unparking costs 11 KB and 30 us; a forger with any record of epoch 1 could ask for it.
         * Ten a second are plenty for alerts and close_notify, which is all that comes here. */
        if (a->now < a->unpark_next || dtls_unpark(a) != 0) {
            a->ctx->stats.data_dropped++;
            return;
        }
        a->unpark_next = a->now + DTLS_UNPARK_INTERVAL_MS;
    }
    if (a->park_at != DTLS_NO_DEADLINE) /* data keeps it awake */
        a->park_at = a->now + a->ctx->config.park_after_ms;
    dtls_handle_result(a, wolf_session_input(a->session, data, len));
}

static void dispatch(struct dtls_assoc *a, const struct addr *from, const struct dtls_record *first,
                     const uint8_t *data, size_t len)
{
    switch ((enum dtls_state)a->state) {
    case DTLS_IDLE:
        if (a->role == DTLS_SERVER)
            dtls_server_hello(a, from, data, len);
        else
            /* A client in IDLE has not spoken: whatever comes cannot be an answer. */
            a->ctx->stats.dropped_hello++;
        break;
    case DTLS_HANDSHAKE:
        dtls_handshake_input(a, data, len);
        break;
    case DTLS_UNVERIFIED:
    case DTLS_ESTABLISHED:
        input_records(a, first, data, len);
        break;
    case DTLS_CLOSED: /* input() refused it already */
    case DTLS_FAILED:
        break;
    }
}

int dtls_assoc_input(struct dtls_assoc *a, uint64_t now, const struct addr *from,
                     const uint8_t *data, size_t len)
{
    struct dtls_stats *stats = &a->ctx->stats;
    struct dtls_record first;

    /* A callback that feeds us again would reorder records inside the library. */
    if (a->depth > 0)
        return ERR_STATE;
    stats->datagrams_in++;
    if (a->state == DTLS_FAILED || a->state == DTLS_CLOSED) {
        stats->dropped_dead++;
        return ERR_CLOSED;
    }
    /* Everything is parsed before the library sees any of it: a datagram with one bad record is
     * dropped whole, as RFC 6347 §4.1.2.7 allows. */
    if (len > (a->is_over_sctp ? DTLS_SCTP_MESSAGE_MAX : DTLS_DATAGRAM_MAX) ||
        !dtls_record_parse(data, len, &first)) {
        stats->dropped_not_dtls++;
        return ERR_MALFORMED;
    }
    /* Address first of all: it is cheap, and a handshake moves nowhere (see
     * dtls_assoc_set_remote). */
    if (a->has_remote && !addr_is_equal(&a->remote, from)) {
        stats->dropped_address++;
        return ERR_REFUSED;
    }
    dtls_assoc_enter(a, now);
    dtls_take_over(a);
    dispatch(a, from, &first, data, len);
    dtls_assoc_leave(a);
    return 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t dtls_assoc_next_deadline(const struct dtls_assoc *a)
{
    uint64_t gate = a->gate ? dtls_gate_deadline(a->gate) : DTLS_NO_DEADLINE;

    return earlier(earlier(a->retransmit_at, gate), earlier(a->fail_at, a->park_at));
}

static void retransmit(struct dtls_assoc *a)
{
    uint32_t max = a->ctx->config.retransmit_max_ms;

    /* RFC 6347 §4.2.4.1 doubles without bound up to 60 s. A caller who hears nothing for so long
     * has hung up: retransmit_max_ms bounds it. */
    a->retransmit_ms = a->retransmit_ms > max / 2 ? max : a->retransmit_ms * 2;
    a->retransmit_at = a->now + a->retransmit_ms;
    a->ctx->stats.retransmits++;
    dtls_handle_result(a, wolf_session_retransmit(a->session));
}

void dtls_assoc_on_timer(struct dtls_assoc *a, uint64_t now)
{
    if (a->depth > 0)
        return;
    dtls_assoc_enter(a, now);
    /* One thing a call, most urgent first: each may end the association, and the next call is at
     * once due when more has expired. */
    if (now >= a->fail_at) {
        /* Handshake complete, and signalling never said whom to expect: nothing of it may be
         * used. */
        if (a->state == DTLS_UNVERIFIED) {
            wolf_session_shutdown(a->session);
            dtls_assoc_fail(a, DTLS_FAIL_NO_FINGERPRINT,
                            "the signalling named no fingerprint in time");
        } else {
            dtls_handshake_expire(a);
        }
        /* A HelloVerifyRequest that nobody better came for (dtls_gate.h). */
    } else if (a->gate && dtls_gate_on_timer(a->gate, now)) {
        dtls_handshake_feed(a);
    } else if (now >= a->retransmit_at && a->state == DTLS_HANDSHAKE) {
        retransmit(a);
    } else if (now >= a->park_at) {
        dtls_park(a);
    }
    dtls_assoc_leave(a);
}

void dtls_assoc_close(struct dtls_assoc *a, uint64_t now)
{
    if (a->state == DTLS_CLOSED || a->state == DTLS_FAILED || a->is_sending)
        return;
    dtls_assoc_enter(a, now);
    dtls_say_goodbye(a);
    a->state = DTLS_CLOSED;
    a->retransmit_at = a->fail_at = a->park_at = DTLS_NO_DEADLINE;
    a->drop_session = true; /* not freed at once: we may stand inside one of its callbacks */
    a->ctx->stats.closed++;
    dtls_assoc_leave(a);
}

enum dtls_state dtls_assoc_state(const struct dtls_assoc *a)
{
    return (enum dtls_state)a->state;
}

enum dtls_failure dtls_assoc_failure(const struct dtls_assoc *a)
{
    return (enum dtls_failure)a->failure;
}

bool dtls_assoc_is_parked(const struct dtls_assoc *a)
{
    return a->parked != NULL;
}
