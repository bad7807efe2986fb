/* From the first flight to the verified peer. */
#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_internal.h"
#include "crypto/dtls_join.h"
#include "crypto/dtls_record.h"

#include <stdlib.h>
#include <string.h>

/* No honest client's records in the clear are numbered so high; what we number above must not run
 * out of its 48 bits. */
#define HELLO_NUMBER_MAX (UINT64_C(1) << 47)
/* Of a ClientHello: behind the headers of record and message. */
#define HELLO_VERSION_AT 25
#define DTLS_VERSION     0xfefd

/* Called by the library in the middle of the handshake: a wrong certificate ends it there with an
 * alert, before any key exists. */
static bool on_certificate(void *user, const uint8_t *der, size_t len)
{
    struct dtls_assoc *a = user;
    struct fingerprint seen;

    if (!a->has_fingerprint)
        return true; /* dtls_verify decides once it is known */
    return fingerprint_of_der(a->expected.hash, der, len, &seen) == 0 &&
           dtls_find_expected(a, &seen) != NULL;
}

/* Our flight's records are numbered on from the hello that began it, but above all that we have
 * answered before with its number on: who sends hellos by the peer's address could have had the
 * peer's window against replays moved by our own answers to them. */
static void begin_above_answers(struct dtls_assoc *a)
{
    /* answers to earlier hellos have used numbers from hello_base on */
    if (a->hello_number < a->answered_below)
        wolf_session_shift_records(a->ctx->listener, a->answered_below - a->hello_base);
}

static bool on_hello(void *user)
{
    struct dtls_assoc *a = user;
    const enum srtp_profile *ours;

    /* The cookie was good: the address is proven, from here on the answer may be longer than the
     * question. */
    a->is_probing = false; /* the answer is for the peer, whatever it is */
    /* Who names another version cannot be served; refuse_hello says so once the cookie is
     * proven. */
    if (a->hello_version != DTLS_VERSION)
        return false;
    if (dtls_assoc_profiles(a, &ours) > 0 && a->hello_profile == SRTP_PROFILE_NONE &&
        !a->may_lack_srtp)
        return false;
    /* Before the answer goes out: the gate hears both sides. Gate and transcript begin with the
     * hello that the cookie came in, as the library's do. */
    a->gate = dtls_gate_create(DTLS_SERVER, &a->ctx->stats);
    if (!a->gate)
        return false;
    dtls_gate_begin(a->gate, a->hello, a->hello_len);
    a->is_hello_good = true;
    begin_above_answers(a);
    return true;
}

/* D-VERIFY: not a byte before the peer is known to be who was signalled. */
void dtls_hand_out(struct dtls_assoc *a, const uint8_t *data, size_t len)
{
    /* The peer may send data before we know its fingerprint: it is dropped, SCTP repeats itself. */
    if (a->state != DTLS_ESTABLISHED || a->is_destroyed || !a->callbacks->on_data) {
        a->ctx->stats.data_dropped++;
        return;
    }
    a->ctx->stats.data_in++;
    a->callbacks->on_data(a->user, data, len);
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    dtls_hand_out(user, data, len);
}

static bool on_resume(void *user, const uint8_t *id, size_t id_len, uint8_t *blob, size_t *len)
{
    return dtls_resume_find(user, id, id_len, blob, len);
}

const struct wolf_callbacks dtls_wolf_callbacks = {
    .on_send = dtls_assoc_emit,
    .on_certificate = on_certificate,
    .on_hello = on_hello,
    .on_data = on_data,
    .on_resume = on_resume,
};

size_t dtls_assoc_profiles(const struct dtls_assoc *a, const enum srtp_profile **out)
{
    *out = a->ctx->config.profiles;
    /* Legs without SRTP (data only) offer no use_srtp at all: an empty list would be malformed. */
    return a->without_srtp ? 0 : a->ctx->config.profile_count;
}

static void begin(struct dtls_assoc *a)
{
    a->state = DTLS_HANDSHAKE;
    a->started_at = a->now;
    a->fail_at = a->now + a->ctx->config.handshake_timeout_ms;
    dtls_assoc_arm_retransmit(a); /* the clock of the first flight */
}

/* A session of the library that has sent nothing yet, and its gate. */
static int prepare_client(struct dtls_assoc *a)
{
    const enum srtp_profile *ours;
    size_t n = dtls_assoc_profiles(a, &ours);
    int rc = wolf_session_create(a->ctx->wolf[DTLS_CLIENT], &dtls_wolf_callbacks, &a->session);

    if (rc == 0)
        rc = wolf_session_set_peer(a->session, &a->remote);
    if (rc != 0)
        return rc;
    a->gate = dtls_gate_create(DTLS_CLIENT, &a->ctx->stats);
    if (!a->gate)
        return ERR_NOMEM;
    wolf_session_set_user(a->session, a);
    /* Set each time: the profiles of a restart must equal those of the first hello. */
    wolf_session_set_profiles(a->session, ours, n);
    dtls_resume_offer(a);
    return 0;
}

int dtls_client_begin(struct dtls_assoc *a)
{
    int rc = prepare_client(a);

    if (rc != 0)
        return rc;
    begin(a);
    /* NULL: begin, there is nothing to read yet */
    dtls_handle_result(a, wolf_session_input(a->session, NULL, 0));
    return 0;
}

/* The server asks for a cookie again and so holds no state for us: the one we gave it was a
 * forger's. A new hello, within the time of the handshake that ran. Bounded by DTLS_RESTART_MAX: a
 * forger who mirrors well could keep us starting for ever. */
static void restart_client(struct dtls_assoc *a)
{
    if (a->restarts++ >= DTLS_RESTART_MAX)
        return;
    wolf_session_destroy(a->session);
    a->session = NULL;
    dtls_gate_destroy(a->gate);
    a->gate = NULL;
    a->ctx->stats.restarts++;
    if (prepare_client(a) != 0) {
        dtls_assoc_fail(a, DTLS_FAIL_INTERNAL, "out of memory");
        return;
    }
    dtls_flight_reset(&a->flight); /* what was sent before belongs to a handshake that is void */
    dtls_handle_result(a, wolf_session_input(a->session, NULL, 0));
}

static bool is_feeding(const struct dtls_assoc *a)
{
    /* Every feed may end in a callback that destroys the association or drops its session: asked
     * again before each next one. */
    return !a->is_destroyed && !a->drop_session && a->session && a->gate;
}

void dtls_handshake_feed(struct dtls_assoc *a)
{
    const uint8_t *data;
    size_t len;

    while (is_feeding(a) && a->state == DTLS_HANDSHAKE && dtls_gate_next(a->gate, &data, &len)) {
        /* A new answer begins: the flight kept for repetition is the one after the last input. */
        dtls_flight_reset(&a->flight);
        dtls_handle_result(a, wolf_session_input(a->session, data, len));
    }
    if (!is_feeding(a) || a->state == DTLS_HANDSHAKE)
        return;
    /* The gate goes, its knowledge of the peer's last flight stays in a few words. */
    dtls_gate_mark(a->gate, &a->marks);
    dtls_gate_done(a->gate);
    /* Records that came before or with the last of the handshake. */
    while (is_feeding(a) && dtls_gate_next(a->gate, &data, &len))
        dtls_handle_result(a, wolf_session_input(a->session, data, len));
    dtls_gate_destroy(a->gate);
    a->gate = NULL;
}

void dtls_handshake_input(struct dtls_assoc *a, const uint8_t *data, size_t len)
{
    struct dtls_stats *stats = &a->ctx->stats;
    uint64_t sent_before = stats->datagrams_out;

    /* Records with keys and of the flight alike: the gate sorts them. */
    if (a->has_fingerprint)
        dtls_gate_expect(a->gate, &a->expected, a->others, a->other_count);
    dtls_gate_add(a->gate, a->now, data, len);
    if (dtls_gate_wants_restart(a->gate))
        restart_client(a);
    else
        dtls_handshake_feed(a);
    if (a->state != DTLS_HANDSHAKE || !a->gate)
        return;
    /* RFC 6347 §4.2.4: a flight that comes again says that our answer did not arrive. */
    if (dtls_gate_is_repeated(a->gate) && a->now >= a->resend_next) {
        stats->retransmits++;
        dtls_handle_result(a, wolf_session_retransmit(a->session));
    }
    /* Our own timer starts anew whenever we have just spoken: two repetitions of one flight within
     * a round trip only cost the path. */
    if (a->state == DTLS_HANDSHAKE && stats->datagrams_out != sent_before) {
        a->resend_next = a->now + DTLS_RESEND_INTERVAL_MS;
        dtls_assoc_arm_retransmit(a);
    }
}

void dtls_handshake_expire(struct dtls_assoc *a)
{
    const char *text;
    /* A hint is what somebody unproven said (an alert, a missing certificate). It is a better text
     * than "timeout", never a reason to stop early. */
    enum dtls_failure hint = a->gate ? dtls_gate_hint(a->gate, &text) : DTLS_FAIL_NONE;

    if (hint == DTLS_FAIL_NONE)
        dtls_assoc_fail(a, DTLS_FAIL_TIMEOUT, "no end of the handshake in time");
    else
        dtls_assoc_fail(a, hint, text);
}

/* Makes the listener ready for a question to this association. */
static struct wolf_session *prepare_listener(struct dtls_assoc *a, const struct dtls_hello *hello,
                                             const struct addr *from, const uint8_t *secret)
{
    struct dtls_ctx *ctx = a->ctx;
    const enum srtp_profile *ours;
    size_t n = dtls_assoc_profiles(a, &ours);
    /* Ours in our order, of what the hello has: the server decides (RFC 5764 §4.1.2). */
    enum srtp_profile chosen = dtls_hello_choose(hello, ours, n);

    /* One listener a context, reused by hello after hello: a forged hello costs 2 us and no
     * memory. */
    if (!ctx->listener &&
        wolf_session_create(ctx->wolf[DTLS_SERVER], &dtls_wolf_callbacks, &ctx->listener) != 0)
        return NULL;
    wolf_session_set_user(ctx->listener, a);
    wolf_session_shift_records(ctx->listener, a->hello_shift);
    if (wolf_session_set_peer(ctx->listener, from) != 0 ||
        wolf_session_set_cookie(ctx->listener, secret) != 0)
        return NULL;
    /* The library would take the client's order: it gets to see our choice alone. */
    wolf_session_set_profiles(ctx->listener, &chosen, chosen == SRTP_PROFILE_NONE ? 0 : 1);
    a->hello_profile = (uint8_t)chosen;
    return ctx->listener;
}

/* The library refused a ClientHello. What it looks at after the cookie only is the peer's last
 * word; anything else may come from anybody and is dropped. Everything before the cookie is said by
 * nobody: answering with alerts would end true handshakes on a forger's word. */
static void refuse_hello(struct dtls_assoc *a, struct wolf_session *listener, uint64_t sent_before)
{
    const char *text;
    enum dtls_failure reason = wolf_session_failure(listener, &text);
    uint8_t alert[DTLS_PLAIN_ALERT_BYTES];

    if (reason == DTLS_FAIL_NO_PROFILE && a->hello_version != DTLS_VERSION) {
        reason = DTLS_FAIL_VERSION;
        text = "the peer does not speak DTLS 1.2";
    } else if (reason == DTLS_FAIL_NO_PROFILE)
        text = "no SRTP profile in common";
    else if (reason != DTLS_FAIL_NO_CIPHER && reason != DTLS_FAIL_VERSION) {
        a->ctx->stats.dropped_hello++;
        return;
    }
    /* The library is silent for some refusals, and a peer that hears nothing tries for a minute. */
    if (a->ctx->stats.datagrams_out == sent_before) {
        dtls_record_alert(alert, DTLS_ALERT_HANDSHAKE);
        dtls_assoc_emit(a, alert, sizeof(alert));
    }
    a->has_remote = true;
    dtls_assoc_fail(a, reason, text);
}

/* Asks the listener. NULL: out of memory. */
static struct wolf_session *ask_listener(struct dtls_assoc *a, const struct dtls_hello *hello,
                                         const uint8_t *secret, const uint8_t *data, size_t len,
                                         enum wolf_result *result)
{
    struct wolf_session *listener = prepare_listener(a, hello, &a->remote, secret);

    a->is_hello_good = false;
    if (listener != NULL)
        *result = wolf_session_input(listener, data, len);
    return listener;
}

/* The secret may have changed while the peer had our question: a cookie made with the one before is
 * tried first, for a while. The library would ask again, so it is not heard then. */
static struct wolf_session *ask_with_both(struct dtls_assoc *a, const struct dtls_hello *hello,
                                          const uint8_t *data, size_t len, enum wolf_result *result)
{
    struct dtls_ctx *ctx = a->ctx;
    const uint8_t *old = dtls_ctx_old_cookie_secret(ctx);
    struct wolf_session *listener;

    if (old != NULL && hello->has_cookie) {
        a->is_probing = true;
        listener = ask_listener(a, hello, old, data, len, result);
        if (listener == NULL || !a->is_probing) {
            a->is_probing = false;
            ctx->stats.cookie_old += listener != NULL;
            return listener;
        }
        a->is_probing = false;
        if (*result == WOLF_ERROR) {
            /* A listener that failed is spent: the next question gets a new one. */
            wolf_session_destroy(listener);
            ctx->listener = NULL;
        }
    }
    return ask_listener(a, hello, dtls_ctx_cookie_secret(ctx), data, len, result);
}

/* The listener hears many clients, whose records have numbers of their own. Its guard against
 * replays must not drop one client's because another's were higher: each hello gets the next number
 * of a row of ours, and the answer the client's back (RFC 6347 §4.2.1). Returns the client's.
 * Ctx->hello is one buffer: valid until the next hello, which is long enough for a call that is all
 * one turn of the loop. */
static uint64_t renumber_hello(struct dtls_ctx *ctx, const uint8_t *data, size_t *len)
{
    struct bytes_reader r = bytes_reader(data, *len);
    struct bytes_writer w = bytes_writer(ctx->hello, sizeof(ctx->hello));
    uint64_t number;
    uint16_t size;

    bytes_write_copy(&w, data, 5);
    bytes_skip(&r, 5);
    number = bytes_read_u48(&r);
    bytes_write_u48(&w, ctx->hello_number++);
    size = bytes_read_u16(&r);
    bytes_write_u16(&w, size);
    bytes_write_copy(&w, data + DTLS_RECORD_HEADER, size);
    *len = w.pos;
    return number;
}

/* Into ctx->hello, as the library shall read it. ERR_MALFORMED, ERR_RANGE: dropped and counted. */
static int prepare_hello(struct dtls_assoc *a, const uint8_t *data, size_t *len,
                         struct dtls_hello *hello)
{
    struct dtls_ctx *ctx = a->ctx;
    uint64_t number;

    if (dtls_hello_parse(data, *len, hello) != 0 ||
        /* The message must fit the buffer in which it is numbered anew. */
        DTLS_RECORD_HEADER + (size_t)(data[11] << 8 | data[12]) > sizeof(ctx->hello)) {
        ctx->stats.dropped_hello++;
        return ERR_MALFORMED;
    }
    number = renumber_hello(ctx, data, len);
    /* Our answers number on from here; at the end of 48 bits the peer would drop them. */
    if (number > HELLO_NUMBER_MAX) {
        ctx->stats.dropped_hello++;
        return ERR_RANGE;
    }
    /* The library's cookie covers the version that a hello names. Ours must be the same for all
     * hellos of an address: a forged one of another version would otherwise give the peer a cookie
     * that its own hello cannot show. What was really named is looked at when reachability is
     * proven. */
    a->hello_version = (uint16_t)(data[HELLO_VERSION_AT] << 8 | data[HELLO_VERSION_AT + 1]);
    ctx->hello[HELLO_VERSION_AT] = DTLS_VERSION >> 8;
    ctx->hello[HELLO_VERSION_AT + 1] = DTLS_VERSION & 0xff;
    a->hello = ctx->hello;
    a->hello_len = *len;
    a->hello_number = number;
    a->hello_base = ctx->hello_number - 1;
    /* So that the answer to a hello of number n is numbered n, though the listener counts its
     * own. */
    a->hello_shift = number - a->hello_base;
    return 0;
}

/* The cookie was good. The listener is this association's now; the context makes another at the
 * next hello. */
static void adopt_listener(struct dtls_assoc *a, struct wolf_session *listener,
                           const struct dtls_hello *hello, enum wolf_result result)
{
    a->ctx->listener = NULL;
    a->ctx->stats.cookie_good++;
    a->has_master_secret = hello->has_master_secret;
    a->session = listener;
    dtls_join_free(a->join); /* whole hellos only from here on */
    a->join = NULL;
    a->has_remote = true;
    if (wolf_session_is_resumed(a->session))
        dtls_gate_set_resumed(a->gate);
    begin(a);
    dtls_handle_result(a, result);
}

/* A server's first datagrams: the context's listener answers until the cookie is good, then it
 * becomes this association's session and the context makes another when it needs one. */
void dtls_server_hello(struct dtls_assoc *a, const struct addr *from, const uint8_t *data,
                       size_t len)
{
    struct dtls_ctx *ctx = a->ctx;
    uint64_t sent_before = ctx->stats.datagrams_out;
    enum wolf_result result = WOLF_WANT;
    struct wolf_session *listener;
    struct dtls_hello hello;

    if (dtls_join_is_fragment(data, len) && !dtls_join_add(&a->join, data, len, &data, &len))
        /* Bounded by the association's join buffer; a fragment from nobody only delays its own
         * kind. */
        return; /* the rest is on its way */
    if (prepare_hello(a, data, &len, &hello) != 0)
        return;
    dtls_ctx_age_cookies(ctx, a->now);
    /* Before the cookie is good: the question must go back where the hello came from. has_remote is
     * set later. */
    a->remote = *from;
    listener = ask_with_both(a, &hello, ctx->hello, len, &result);
    if (!listener)
        return;
    if (a->is_hello_good) {
        adopt_listener(a, listener, &hello, result);
        return;
    }
    if (result == WOLF_ERROR) {
        refuse_hello(a, listener, sent_before);
        wolf_session_destroy(listener);
        ctx->listener = NULL;
    } else if (ctx->stats.datagrams_out != sent_before) {
        ctx->stats.hello_verify_sent++;
        /* The flight must start above every number that an answer to this address has had. */
        if (a->hello_number >= a->answered_below)
            a->answered_below = a->hello_number + 1;
    }
    dtls_flight_reset(&a->flight); /* questions are no flight */
}

static void fail_by_library(struct dtls_assoc *a)
{
    const char *text;
    enum dtls_failure reason = wolf_session_failure(a->session, &text);

    dtls_assoc_fail(a, reason, text);
}

/* Says goodbye, then fails: for what only we know to be wrong. */
static void fail_with_alert(struct dtls_assoc *a, enum dtls_failure reason, const char *text)
{
    wolf_session_shutdown(a->session);
    dtls_assoc_fail(a, reason, text);
}

/* Digests of the peer's certificate under every hash that may yet be signalled. */
static int collect_fingerprints(struct dtls_assoc *a, struct dtls_result *result)
{
    uint8_t *der;
    size_t len;
    int rc;

    /* Nobody showed a certificate, the session's bond stands for it: it was equal to what this call
     * had signalled when the session was taken out (dtls_resume.c). What is signalled anew since is
     * compared like any other. A certificate would be a second opinion; none was sent. */
    if (a->is_resumed) {
        result->peer[a->bound.hash] = a->bound;
        return 0;
    }
    rc = wolf_session_peer_der(a->session, &der, &len);

    /* All hashes now: which one signalling will name may not be known yet, and the DER is
     * dropped. */
    for (unsigned hash = 0; rc == 0 && hash < FINGERPRINT_HASH_COUNT; hash++)
        rc = fingerprint_of_der((enum fingerprint_hash)hash, der, len, &result->peer[hash]);
    if (rc != ERR_NOTFOUND && rc != ERR_NOMEM)
        free(der);
    return rc;
}

/* SSLKEYLOGFILE-like diagnostics of the lab, never on unless configured. */
static void tell_secret(struct dtls_assoc *a)
{
    const struct dtls_config *config = &a->ctx->config;
    const uint8_t *client_random, *master;

    if (config->on_secret != NULL && wolf_session_secret(a->session, &client_random, &master) == 0)
        config->on_secret(config->secret_user, client_random, master);
}

static void finish_handshake(struct dtls_assoc *a)
{
    struct dtls_result *result = calloc(1, sizeof(*result));
    size_t len = sizeof(result->material);
    const enum srtp_profile *ours;
    int rc;

    /* over: what is repeated now is the last flight (input_records) */
    a->retransmit_at = DTLS_NO_DEADLINE;
    tell_secret(a);
    if (!result) {
        dtls_assoc_fail(a, DTLS_FAIL_INTERNAL, "out of memory");
        return;
    }
    a->result = result;
    /* Not ESTABLISHED: no key leaves before the fingerprint is compared. */
    a->state = DTLS_UNVERIFIED;
    a->is_resumed = wolf_session_is_resumed(a->session);
    if (a->role == DTLS_CLIENT && a->gate)
        a->has_master_secret = dtls_gate_has_master_secret(a->gate);
    a->cipher = wolf_session_cipher(a->session);
    rc = collect_fingerprints(a, result);
    if (rc != 0) {
        fail_with_alert(a, rc == ERR_NOTFOUND ? DTLS_FAIL_NO_CERTIFICATE : DTLS_FAIL_INTERNAL,
                        err_to_str(rc));
        return;
    }
    /* The exporter before anything else: wolfSSL frees what it needs with the first application
     * record. */
    if (dtls_assoc_profiles(a, &ours) > 0) {
        rc = wolf_session_export(a->session, &result->profile, result->material, &len);
        if (rc == ERR_NOTFOUND && a->may_lack_srtp) {
            result->profile = SRTP_PROFILE_NONE;
        } else if (rc != 0) {
            fail_with_alert(a, rc == ERR_NOTFOUND ? DTLS_FAIL_NO_PROFILE : DTLS_FAIL_INTERNAL,
                            rc == ERR_NOTFOUND ? "peer chose no SRTP profile" : err_to_str(rc));
            return;
        }
    }
    if (a->has_fingerprint)
        dtls_verify(a);
}

/* Cuts the exporter's output as RFC 5764 §4.2 lays it out. */
static void split_material(const struct dtls_assoc *a, struct dtls_established *out)
{
    /* client_write_key, server_write_key, client_write_salt, server_write_salt, in this order. */
    const struct srtp_profile_info *info = srtp_profile_find(a->result->profile);
    const uint8_t *p = a->result->material;
    struct srtp_master *client = a->role == DTLS_CLIENT ? &out->local : &out->remote;
    struct srtp_master *server = a->role == DTLS_CLIENT ? &out->remote : &out->local;

    client->profile = server->profile = out->profile = a->result->profile;
    /* No profile: data only, nothing to cut. */
    if (!info)
        return;
    memcpy(client->key, p, info->key_len);
    memcpy(server->key, p + info->key_len, info->key_len);
    p += 2 * (size_t)info->key_len;
    memcpy(client->salt, p, info->salt_len);
    memcpy(server->salt, p + info->salt_len, info->salt_len);
}

void dtls_verify(struct dtls_assoc *a)
{
    struct dtls_established info = {0};
    const struct fingerprint *found = dtls_find_expected(a, &a->result->peer[a->expected.hash]);

    /* Every digest of the peer was taken, those that signalling named decide. */
    if (found == NULL) {
        fail_with_alert(a, DTLS_FAIL_FINGERPRINT,
                        "the peer's certificate has another fingerprint than was signalled");
        return;
    }
    /* From here on the peer is this certificate, and no other one of its. */
    a->expected = *found;
    a->other_count = 0;
    split_material(a, &info);
    /* The halves are in info, the original is needed no more: one copy less of the keys. */
    secret_wipe(a->result, sizeof(*a->result));
    free(a->result);
    a->result = NULL;
    a->state = DTLS_ESTABLISHED;
    a->fail_at = DTLS_NO_DEADLINE;
    /* RFC 5246 §7.3: the client's flight is the last of an abbreviated handshake, the server's of a
     * full one. Only the last may have to be sent again from now on. */
    if ((a->role == DTLS_CLIENT) != a->is_resumed)
        dtls_flight_free(&a->flight);
    if (a->has_data)
        dtls_ready_for_data(a);
    else if (a->ctx->config.park)
        a->park_at = a->now + a->ctx->config.park_after_ms;
    a->ctx->stats.established++;
    if (a->is_resumed)
        a->ctx->stats.handshakes_resumed++;
    else
        a->ctx->stats.handshakes_full++;
    a->ctx->stats.without_master_secret += !a->has_master_secret;
    /* RFC 7627 §5.4: a session without it may not be taken up again, its secret is not bound to the
     * handshake that it came of. */
    if (!a->is_resumed && a->has_master_secret)
        dtls_resume_keep(a);
    info.cipher = a->cipher;
    info.peer = &a->expected;
    info.handshake_ms = (uint32_t)(a->now - a->started_at);
    info.is_resumed = a->is_resumed;
    /* The callee copies what it needs; info dies with this frame. */
    a->callbacks->on_established(a->user, &info);
    secret_wipe(&info, sizeof(info));
}

void dtls_handle_close(struct dtls_assoc *a)
{
    /* close_notify without a verified peer proves nothing and gives nothing: it is a failure. */
    if (a->state != DTLS_ESTABLISHED) {
        dtls_assoc_fail(a, DTLS_FAIL_PEER_ALERT, "peer closed before it was verified");
        return;
    }
    dtls_say_goodbye(a); /* in kind, RFC 5246 §7.2.1 */
    a->state = DTLS_CLOSED;
    a->park_at = DTLS_NO_DEADLINE;
    a->drop_session = true;
    a->ctx->stats.closed++;
    if (!a->is_destroyed)
        a->callbacks->on_closed(a->user);
}

void dtls_handle_result(struct dtls_assoc *a, enum wolf_result result)
{
    /* The association may have ended in a callback of the very call whose result this is. */
    if (a->is_destroyed || a->state == DTLS_FAILED || a->state == DTLS_CLOSED)
        return;
    switch (result) {
    case WOLF_WANT:
        break;
    case WOLF_DONE:
        if (a->state != DTLS_HANDSHAKE)
            break;
        finish_handshake(a);
        /* Records that came in the datagram of the Finished message. NULL: let the library go on
         * with what it has buffered. */
        if (!a->is_destroyed && (a->state == DTLS_ESTABLISHED || a->state == DTLS_UNVERIFIED))
            dtls_handle_result(a, wolf_session_input(a->session, NULL, 0));
        break;
    case WOLF_CLOSED:
        dtls_handle_close(a);
        break;
    case WOLF_ERROR:
        fail_by_library(a);
        break;
    }
}
