/* The gate before the library: collects the unprotected messages of a handshake, proves by their
 * signatures which of them belong together, and feeds only those. Why it exists and what it gives
 * up is in dtls_gate.h. */
#include "crypto/dtls_gate_priv.h"

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/dtls_proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_REQUEST       0
#define CLIENT_HELLO        1
#define SERVER_HELLO        2
#define CERTIFICATE         11
#define SERVER_KEY_EXCHANGE 12
#define CERTIFICATE_REQUEST 13
#define SERVER_HELLO_DONE   14
#define CERTIFICATE_VERIFY  15
#define CLIENT_KEY_EXCHANGE 16
#define ALERT_FATAL         2
#define ALERT_CLOSE_NOTIFY  0
#define EXT_MASTER_SECRET   23    /* RFC 7627 §5.1 */
#define TRANSCRIPT_MAX      65536 /* beyond it no proof can be made, and none is owed */
/* Checks of signatures: so many for one datagram, so many at once, so many a second. A forger
 * must not buy more of our time with his datagrams than any other flood would. */
#define PROOFS_A_DATAGRAM 16
#define PROOFS_BURST      64
#define PROOFS_A_SECOND   500

struct dtls_gate *dtls_gate_create(enum dtls_role role, struct dtls_stats *stats)
{
    struct dtls_gate *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    g->role = role;
    g->stats = stats;
    g->unmirrored_at = DTLS_NO_DEADLINE;
    g->proofs = PROOFS_BURST;
    return g;
}

void dtls_gate_destroy(struct dtls_gate *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < FLIGHT_MAX; i++)
        dtls_shelf_free(&g->shelf[i]);
    free(g->said);
    secret_wipe(g, sizeof(*g)); /* it may hold a session id */
    free(g);
}

static void set_hint(struct dtls_gate *g, enum dtls_failure reason, const char *text)
{
    g->hint = reason;
    snprintf(g->hint_text, sizeof(g->hint_text), "%s", text);
}

static bool say(struct dtls_gate *g, const uint8_t *data, size_t len)
{
    uint8_t *grown = NULL;

    /* Written as a difference, as everywhere: said_len never exceeds the bound. */
    if (len <= TRANSCRIPT_MAX - g->said_len)
        grown = realloc(g->said, g->said_len + len);
    if (grown == NULL)
        return false; /* no proof will hold, the handshake times out */
    g->said = grown;
    memcpy(g->said + g->said_len, data, len);
    g->said_len += len;
    return true;
}

/* --- Reading ------------------------------------------------------------------------------- */

static bool read_fragment(struct bytes_reader *r, struct dtls_fragment *f)
{
    f->type = bytes_read_u8(r);
    f->length = bytes_read_u24(r);
    f->seq = bytes_read_u16(r);
    f->offset = bytes_read_u24(r);
    f->size = bytes_read_u24(r);
    f->body = bytes_read_span(r, f->size);
    /* Overlong fragments end here; whoever goes on may use offset and size as they stand. */
    return f->body != NULL && !r->err && f->offset <= f->length && f->size <= f->length - f->offset;
}

/* The next record of a datagram that dtls_record_parse has looked over. */
static bool read_record(struct bytes_reader *r, uint8_t *type, uint16_t *epoch, uint64_t *number,
                        struct bytes_reader *body)
{
    *type = bytes_read_u8(r);
    bytes_skip(r, 2);
    /* The record numbers of the clear epoch are only looked at, never trusted: HelloVerifyRequest
     * mirrors them, nothing else. */
    *epoch = bytes_read_u16(r);
    *number = bytes_read_u48(r);
    *body = bytes_read_sub(r, bytes_read_u16(r));
    return !r->err;
}

/* --- What we send -------------------------------------------------------------------------- */

static void note_hello(struct dtls_gate *g, const struct dtls_fragment *f, uint64_t number)
{
    struct bytes_reader r = bytes_reader(f->body, f->size);

    bytes_skip(&r, 2);
    /* Only the first fragment has what is wanted. Our own hello fits one unless somebody chose a
     * tiny MTU. */
    if (f->offset != 0 || bytes_left(&r) < RANDOM_BYTES + 1)
        return;
    if (g->hello_last == 0)
        g->hello_first = number;
    g->hello_last = number;
    bytes_read_copy(&r, g->random, RANDOM_BYTES);
    g->session_id_len = bytes_read_u8(&r);
    if (g->session_id_len > SESSION_ID_MAX) /* cannot be: the hello is our own library's */
        g->session_id_len = 0;
    bytes_read_copy(&r, g->session_id, g->session_id_len);
}

/* The library sends messages and their fragments in order; what comes again is a retransmission. */
static void note_message(struct dtls_gate *g, const struct dtls_fragment *f)
{
    uint8_t header[DTLS_HANDSHAKE_HEADER];
    struct bytes_writer w = bytes_writer(header, sizeof(header));

    /* What the transcript has already, or has not reached: the library repeats whole flights. */
    if (f->seq != g->said_seq)
        return;
    if (f->offset == 0) {
        bytes_write_u8(&w, f->type);
        bytes_write_u24(&w, f->length);
        bytes_write_u16(&w, f->seq);
        /* RFC 6347 §4.2.6: hashed as if the message had never been fragmented. */
        bytes_write_u24(&w, 0);
        bytes_write_u24(&w, f->length);
        g->said_missing = f->length;
        if (!say(g, header, sizeof(header)))
            return;
    }
    if (f->size > g->said_missing || !say(g, f->body, f->size))
        return;
    g->said_missing -= f->size;
    if (g->said_missing == 0)
        g->said_seq++;
}

void dtls_gate_begin(struct dtls_gate *g, const uint8_t *data, size_t len)
{
    struct bytes_reader r = bytes_reader(data, len), body;
    struct dtls_fragment f;
    uint16_t epoch;
    uint8_t type;

    if (!read_record(&r, &type, &epoch, &g->record, &body) || !read_fragment(&body, &f))
        return;
    g->record++;
    /* Our hello bears the number of the client's, and its next message follows that. RFC 6347
     * §4.2.2: a server's first message continues the numbering of the hello with the cookie. */
    g->said_seq = f.seq;
    note_message(g, &f);
    g->hello_len = g->said_len;
    g->said_seq = f.seq; /* our own first message bears the number of the hello, see above */
    g->first_seq = (uint16_t)(f.seq + 1);
}

void dtls_gate_sent(struct dtls_gate *g, const uint8_t *data, size_t len)
{
    struct bytes_reader r = bytes_reader(data, len), body;
    struct dtls_fragment f;
    uint64_t number;
    uint16_t epoch;
    uint8_t type;

    while (bytes_left(&r) > 0 && read_record(&r, &type, &epoch, &number, &body)) {
        /* Only the clear epoch: what is encrypted is no input to any signature. */
        while (type == DTLS_HANDSHAKE_RECORD && epoch == 0 && bytes_left(&body) > 0 &&
               read_fragment(&body, &f)) {
            if (g->role == DTLS_CLIENT && f.type == CLIENT_HELLO)
                note_hello(g, &f, number);
            else if (g->role == DTLS_SERVER && !g->is_finishing)
                note_message(g, &f);
        }
    }
}

void dtls_gate_set_resumed(struct dtls_gate *g)
{
    /* A resumed handshake has no certificates and so nothing to prove here: the Finished messages
     * prove the session's secret (RFC 5246 §7.3). */
    g->is_finishing = true;
}

/* --- Proof --------------------------------------------------------------------------------- */

static bool find_leaf(const struct dtls_message *m, const uint8_t **der, size_t *len)
{
    struct bytes_reader r = bytes_reader(dtls_message_body(m), m->length);

    /* RFC 5246 §7.4.2: the sender's own certificate is the first of the list. */
    bytes_skip(&r, 3); /* length of the list */
    *len = bytes_read_u24(&r);
    *der = bytes_read_span(&r, *len);
    return *der != NULL && !r.err && *len > 0;
}

static bool is_among(const struct dtls_gate *g, const struct fingerprint *seen)
{
    bool is_found = fingerprint_equal(seen, g->expected);

    for (size_t i = 0; i < g->other_count; i++)
        is_found = fingerprint_equal(seen, &g->others[i]) || is_found;
    return is_found;
}

static bool is_expected(const struct dtls_gate *g, const struct dtls_message *certificate)
{
    struct fingerprint seen;
    const uint8_t *der;
    size_t len;

    /* Before signalling has spoken (expected NULL) every certificate will do: dtls_verify holds the
     * handshake until it is known. */
    return g->expected == NULL ||
           (find_leaf(certificate, &der, &len) &&
            fingerprint_of_der(g->expected->hash, der, len, &seen) == 0 && is_among(g, &seen));
}

/* RFC 5246 §7.4.8: CertificateVerify signs all messages before it. */
static bool is_signed_by_client(struct dtls_gate *g, struct dtls_message *const set[3])
{
    size_t first = DTLS_HANDSHAKE_HEADER + set[0]->length;
    size_t second = DTLS_HANDSHAKE_HEADER + set[1]->length;
    /* One buffer instead of a running hash: the algorithm is known only after the signature was
     * read, and this happens once a handshake. */
    uint8_t *all = malloc(g->said_len + first + second);
    const uint8_t *der;
    size_t len;
    bool holds;

    if (all == NULL)
        return false;
    memcpy(all, g->said, g->said_len);
    memcpy(all + g->said_len, set[0]->data, first);
    memcpy(all + g->said_len + first, set[1]->data, second);
    holds = find_leaf(set[0], &der, &len) &&
            dtls_proof_holds(der, len, all, g->said_len + first + second, dtls_message_body(set[2]),
                             set[2]->length);
    free(all);
    return holds;
}

/* RFC 8422 §5.4: ServerKeyExchange signs both randoms and the server's parameters. */
static bool is_signed_by_server(struct dtls_gate *g, struct dtls_message *const set[3])
{
    /* RFC 8422 §5.4: kind 3 (named curve), two octets of name, a point of at most 255. Another kind
     * is laid out otherwise, and no signature holds over what is cut out of it here. */
    uint8_t data[2 * RANDOM_BYTES + 4 + 255];
    struct bytes_reader r = bytes_reader(dtls_message_body(set[2]), set[2]->length);
    const uint8_t *params = dtls_message_body(set[2]), *der;
    size_t n, len;

    bytes_skip(&r, 3); /* kind and name of the curve */
    n = 4 + (size_t)bytes_read_u8(&r);
    bytes_skip(&r, n - 4);
    if (r.err || !find_leaf(set[1], &der, &len))
        return false;
    memcpy(data, g->random, RANDOM_BYTES);
    memcpy(data + RANDOM_BYTES, dtls_message_body(set[0]) + 2, RANDOM_BYTES);
    memcpy(data + 2 * RANDOM_BYTES, params, n);
    return dtls_proof_holds(der, len, data, 2 * RANDOM_BYTES + n, params + n, bytes_left(&r));
}

static bool take_proof(struct dtls_gate *g, unsigned *left)
{
    /* proofs is a bucket that fills with time (see look): one datagram cannot empty it alone. */
    if (*left == 0 || g->proofs < 1) {
        g->stats->proofs_left_out++;
        return false;
    }
    (*left)--;
    g->proofs--;
    return true;
}

/* A set that was tried before cannot hold now: of each combination one message must be new. */
static bool is_new(const struct dtls_gate *g, struct dtls_message *const set[3])
{
    return set[0]->datagram > g->looked || set[1]->datagram > g->looked ||
           set[2]->datagram > g->looked;
}

/* The version with number n of every shelf, for n counted through all combinations; newest first,
 * so that a flight that came in one datagram is the first to be tried. */
static bool nth_set(struct dtls_gate *g, size_t n, struct dtls_message *set[3])
{
    for (size_t i = 0; i < 3; i++) {
        set[i] = g->shelf[i].kept[n % DTLS_SHELF_KEPT];
        n /= DTLS_SHELF_KEPT;
        if (set[i] == NULL || set[i]->missing != 0)
            return false;
    }
    return true;
}

/* Finds three messages that are proven to belong together and to us. Those with the expected
 * certificate are tried first. If others hold, they come from somebody who reads what we send and
 * shows another certificate: that is a mismatch, and the library will say so. */
static bool find_proof(struct dtls_gate *g,
                       /* Four versions of three messages: 64 sets at most, and the checks left
                        * bound it again. */
                       struct dtls_message *set[3])
{
    const size_t all = DTLS_SHELF_KEPT * DTLS_SHELF_KEPT * DTLS_SHELF_KEPT;
    size_t certificate = g->role == DTLS_SERVER ? 0 : 1;
    unsigned left = PROOFS_A_DATAGRAM;

    /* Without an expectation there is one pass over everything. */
    for (int pass = 0; pass < (g->expected != NULL ? 2 : 1); pass++) {
        for (size_t n = 0; n < all; n++) {
            if (!nth_set(g, n, set) || !is_new(g, set) ||
                is_expected(g, set[certificate]) != (pass == 0))
                continue;
            if (!take_proof(g, &left))
                return false;
            if (g->role == DTLS_SERVER ? is_signed_by_client(g, set) : is_signed_by_server(g, set))
                return true;
            g->stats->proofs_failed++;
        }
    }
    return false;
}

/* What follows a server's ServerKeyExchange is not signed. The versions that came in the same
 * datagram with it are the peer's most likely, then the oldest. Forging these two gains nothing:
 * the Finished message covers them, and a handshake that fails of it was reachable for the forger
 * by dropping packets as well. */
static struct dtls_message *pick(const struct dtls_shelf *shelf, uint16_t seq, uint64_t datagram)
{
    struct dtls_message *found = NULL;

    for (size_t i = 0; i < DTLS_SHELF_KEPT && shelf->kept[i] != NULL; i++) {
        struct dtls_message *m = shelf->kept[i];

        if (m->seq != seq || m->missing != 0)
            continue;
        found = m;
        if (m->datagram == datagram)
            break;
    }
    return found;
}

/* --- The flight ---------------------------------------------------------------------------- */

static void accept_flight(struct dtls_gate *g, struct dtls_message *const *set, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* Owned by the shelf still. is_fed keeps them there: by them repetitions are known. */
        g->flight[i] = set[i];
        set[i]->is_fed = true;
    }
    g->flight_count = count;
    g->is_finishing = true; /* from here on only records with keys mean anything */
}

/* A ServerHello that takes up the session we asked for. Who has not seen our hello does not know
 * its id; the Finished message proves the rest. */
static struct dtls_message *find_resumed(const struct dtls_gate *g)
{
    for (size_t i = 0; g->session_id_len > 0 && i < DTLS_SHELF_KEPT; i++) {
        struct dtls_message *m = g->shelf[0].kept[i];
        struct bytes_reader r;
        const uint8_t *id;
        size_t len;

        /* Only a whole message: a fragment of another one could complete it. */
        if (m == NULL || m->missing != 0)
            continue;
        r = bytes_reader(dtls_message_body(m), m->length);
        bytes_skip(&r, 2 + RANDOM_BYTES);
        len = bytes_read_u8(&r);
        id = bytes_read_span(&r, len);
        if (id != NULL && len == g->session_id_len && memcmp(id, g->session_id, len) == 0)
            return m;
    }
    return NULL;
}

/* Looks for a flight that may be given to the library. */
static void look(struct dtls_gate *g, uint64_t now)
{
    struct dtls_message *set[FLIGHT_MAX], *request, *done;
    size_t count = 3;

    /* Time in milliseconds, 500 checks a second: in doubles, since half a check must not be lost at
     * each call. */
    g->proofs += (double)(now - g->proofs_at) * PROOFS_A_SECOND / 1000;
    g->proofs = g->proofs > PROOFS_BURST ? PROOFS_BURST : g->proofs;
    g->proofs_at = now;
    if (g->role == DTLS_CLIENT) {
        set[0] = find_resumed(g);
        if (set[0] != NULL) {
            accept_flight(g, set, 1);
            return;
        }
        /* ServerHelloDone may come in any order; before it is here the search would only burn
         * checks. */
        if (g->shelf[4].kept[0] == NULL)
            return; /* not whole yet */
    }
    if (!find_proof(g, set)) {
        /* All that was there is tried: only sets with something newer are worth another look. */
        g->looked = g->datagrams;
        return;
    }
    if (g->role == DTLS_CLIENT) {
        request = pick(&g->shelf[3], (uint16_t)(g->first_seq + 3), set[2]->datagram);
        /* The number is one less where the server asked for no certificate (RFC 5246 §7.4.4 is
         * optional). */
        done = pick(&g->shelf[4], (uint16_t)(g->first_seq + (request ? 4 : 3)), set[2]->datagram);
        if (done == NULL)
            return; /* the three are found again when it comes */
        if (request != NULL)
            set[count++] = request;
        set[count++] = done;
    }
    accept_flight(g, set, count);
}

/* Its place in the flight, and the number that it must bear there. */
static bool find_place(const struct dtls_gate *g, const struct dtls_fragment *f, size_t *at)
{
    static const uint8_t client[] = {SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE,
                                     CERTIFICATE_REQUEST, SERVER_HELLO_DONE};
    static const uint8_t server[] = {CERTIFICATE, CLIENT_KEY_EXCHANGE, CERTIFICATE_VERIFY};
    const uint8_t *order = g->role == DTLS_CLIENT ? client : server;
    size_t count = g->role == DTLS_CLIENT ? sizeof(client) : sizeof(server);

    for (size_t i = 0; i < count; i++) {
        if (order[i] != f->type)
            continue;
        *at = i;
        /* ServerHelloDone takes the place of CertificateRequest when there is none. */
        return f->seq == g->first_seq + i ||
               (f->type == SERVER_HELLO_DONE && f->seq == g->first_seq + 3);
    }
    return false;
}

/* What the peer says of itself that cannot be gone on with, and that cannot be proven either. */
static bool is_refusal(struct dtls_gate *g, const struct dtls_fragment *f)
{
    struct bytes_reader r = bytes_reader(f->body, f->size);

    if (f->offset != 0)
        return false;
    /* Nobody can sign "I have no certificate": it is believed only if nothing better comes in
     * time. */
    if (f->type == CERTIFICATE && f->size >= 3 && bytes_read_u24(&r) == 0) {
        set_hint(g, DTLS_FAIL_NO_CERTIFICATE, "the peer has no certificate");
        return true;
    }
    if (f->type == SERVER_HELLO && f->size >= 2 && bytes_read_u16(&r) != VERSION_DTLS_12) {
        set_hint(g, DTLS_FAIL_VERSION, "the peer chose another version than DTLS 1.2");
        return true;
    }
    /* Shorter than any ServerHello: kept, it would read beyond its end later. */
    return f->type == SERVER_HELLO && f->size == f->length && f->length < 2 + RANDOM_BYTES + 1;
}

static void take_verify(struct dtls_gate *g, uint64_t now, uint64_t number,
                        const struct dtls_fragment *f)
{
    /* RFC 6347 §4.2.1: the question bears the record number of the hello it answers. Who has not
     * seen our hello must guess it. */
    bool is_mirrored = number >= g->hello_first && number <= g->hello_last;

    if (f->size != f->length || f->length < 3 || f->length > COOKIE_MESSAGE_MAX ||
        f->length != 3 + (uint32_t)f->body[2] || g->is_finishing)
        return;
    /* Maybe a server that does not mirror, maybe a forger: it waits for a better one
     * (dtls_gate_on_timer). */
    if (!is_mirrored) {
        g->stats->verify_unmirrored++;
        if (g->is_verified)
            return;
        memcpy(g->unmirrored, f->body, f->length);
        g->unmirrored_len = f->length;
        if (g->unmirrored_at == DTLS_NO_DEADLINE)
            g->unmirrored_at = now + DTLS_GATE_VERIFY_MS;
        return;
    }
    if (g->is_verified) {
        /* The server asks again: it knows no cookie of ours. The same one is only a repetition. */
        g->wants_restart |=
            f->length != g->verify_len || memcmp(f->body, g->verify, f->length) != 0;
        return;
    }
    memcpy(g->verify, f->body, f->length);
    g->verify_len = f->length;
    g->is_verified = g->is_verify_due = true;
    g->unmirrored_at = DTLS_NO_DEADLINE;
}

/* The client's hello again: our answer was lost. Another one is nobody's whom we talk to. */
static void take_hello(struct dtls_gate *g, const struct dtls_fragment *f)
{
    size_t whole = DTLS_HANDSHAKE_HEADER + (size_t)f->length;

    /* Longer than the header up to the random, and the same: only who has seen the hello can repeat
     * it. */
    if (whole == g->hello_len && f->size > RANDOM_BYTES &&
        memcmp(g->said + DTLS_HANDSHAKE_HEADER + f->offset, f->body, f->size) == 0)
        g->is_repeated = true;
    else
        g->stats->hellos_ignored++;
}

static void take_fragment(struct dtls_gate *g, uint64_t now, uint64_t number,
                          const struct dtls_fragment *f)
{
    bool contradicts = false;
    size_t at;

    /* Messages of the other side's role fall through to find_place, which knows none of them. */
    if (g->role == DTLS_SERVER && f->type == CLIENT_HELLO) {
        take_hello(g, f);
        return;
    }
    if (g->role == DTLS_CLIENT && f->type == HELLO_VERIFY) {
        take_verify(g, now, number, f);
        return;
    }
    if (!find_place(g, f, &at) || is_refusal(g, f) ||
        f->length > (f->type == CERTIFICATE ? DTLS_CERTIFICATE_MAX : DTLS_MESSAGE_MAX)) {
        g->stats->messages_ignored++;
        return;
    }
    /* A repetition of what the library has: our answer was lost (RFC 6347 §4.2.4). */
    if (dtls_shelf_add(&g->shelf[at], f, g->datagrams, &contradicts))
        g->is_repeated = true;
    g->stats->messages_contradicted += contradicts;
}

static void take_alert(struct dtls_gate *g, struct bytes_reader *body)
{
    uint8_t level = bytes_read_u8(body), code = bytes_read_u8(body);
    char text[sizeof(g->hint_text)];

    /* Counted as ignored even if remembered: alerts in the clear are unsigned, they end nothing by
     * themselves. At most they give a better reason when time runs out. */
    g->stats->alerts_ignored++;
    if (body->err || (level != ALERT_FATAL && code != ALERT_CLOSE_NOTIFY))
        return;
    snprintf(text, sizeof(text), "peer sent alert %u before any keys", code);
    set_hint(g, DTLS_FAIL_PEER_ALERT, text);
}

void dtls_gate_expect(struct dtls_gate *g, const struct fingerprint *first,
                      const struct fingerprint *others, size_t other_count)
{
    g->expected = first;
    g->others = others;
    g->other_count = other_count;
}

void dtls_gate_add(struct dtls_gate *g, uint64_t now, const uint8_t *data, size_t len)
{
    struct bytes_reader r = bytes_reader(data, len), body;
    struct dtls_fragment f;
    uint64_t number;
    uint16_t epoch;
    uint8_t type;

    g->datagrams++; /* also the clock of the shelves */
    /* The records' own ChangeCipherSpec is not looked at: we make one up when keys are due, so that
     * a forged one cannot move the library on (wolfSSL 5.5.4 answers an early one with a fatal
     * alert). */
    while (bytes_left(&r) > 0) {
        const uint8_t *record = data + r.pos;

        /* dtls_record_parse has seen it whole: never here */
        if (!read_record(&r, &type, &epoch, &number, &body))
            break;
        if (epoch > 0)
            dtls_gate_hold(g, record, (size_t)(data + r.pos - record));
        else if (type == DTLS_ALERT)
            take_alert(g, &body);
        /* Data without keys: from nobody (RFC 6347 §4.1). */
        else if (type == DTLS_APPLICATION_DATA)
            g->stats->data_dropped++;
        else if (type == DTLS_HANDSHAKE_RECORD)
            while (bytes_left(&body) > 0 && read_fragment(&body, &f))
                take_fragment(g, now, number, &f);
    }
    if (!g->is_finishing)
        look(g, now);
}

/* --- The rest ------------------------------------------------------------------------------ */

uint64_t dtls_gate_deadline(const struct dtls_gate *g)
{
    /* Only the question without a mirror waits for time; all else waits for packets. */
    return g->unmirrored_at;
}

bool dtls_gate_on_timer(struct dtls_gate *g, uint64_t now)
{
    if (now < g->unmirrored_at)
        return false;
    g->unmirrored_at = DTLS_NO_DEADLINE;
    if (g->is_verified || g->is_finishing)
        return false;
    memcpy(g->verify, g->unmirrored, g->unmirrored_len);
    g->verify_len = g->unmirrored_len;
    g->is_verified = g->is_verify_due = true;
    return true;
}

bool dtls_gate_is_repeated(struct dtls_gate *g)
{
    bool is_repeated = g->is_repeated; /* asked once: the answer is for one datagram */

    g->is_repeated = false;
    return is_repeated;
}

bool dtls_gate_wants_restart(const struct dtls_gate *g)
{
    return g->wants_restart;
}

/* A client cannot ask wolfSSL 5.5.4 whether the server agreed to RFC 7627: the ServerHello says
 * it. */
bool dtls_gate_has_master_secret(const struct dtls_gate *g)
{
    const struct dtls_message *hello = g->flight_count > 0 ? g->flight[0] : NULL;
    struct bytes_reader r, extensions;
    bool has = false;

    if (hello == NULL || hello->type != SERVER_HELLO)
        return false;
    r = bytes_reader(dtls_message_body(hello), hello->length);
    bytes_skip(&r, 2 + RANDOM_BYTES);
    bytes_skip(&r, bytes_read_u8(&r));
    bytes_skip(&r, 3); /* suite, compression */
    extensions = bytes_read_sub(&r, bytes_read_u16(&r));
    while (bytes_left(&extensions) > 0) {
        has |= bytes_read_u16(&extensions) == EXT_MASTER_SECRET;
        bytes_skip(&extensions, bytes_read_u16(&extensions));
    }
    return has;
}

enum dtls_failure dtls_gate_hint(const struct dtls_gate *g, const char **text)
{
    *text = g->hint_text;
    return g->hint;
}

/* FNV-1a. No secret: who can make up the same message has seen it, and wins one repetition. Not the
 * messages themselves are kept after the handshake, 8 octets each are enough to know them. */
static uint64_t mark_of(uint8_t type, const uint8_t *body, size_t len)
{
    uint64_t mark = (0xcbf29ce484222325u ^ type) * 0x100000001b3u;

    for (size_t i = 0; i < len; i++)
        mark = (mark ^ body[i]) * 0x100000001b3u;
    return mark;
}

void dtls_gate_mark(const struct dtls_gate *g, struct dtls_gate_marks *out)
{
    out->count = 0;
    /* What follows the first three is the same for everybody. */
    for (size_t i = 0; i < g->flight_count && i < 3; i++)
        out->mark[out->count++] =
            mark_of(g->flight[i]->type, dtls_message_body(g->flight[i]), g->flight[i]->length);
}

bool dtls_gate_is_marked(const struct dtls_gate_marks *marks, const uint8_t *data, size_t len)
{
    struct bytes_reader r = bytes_reader(data, len), body;
    struct dtls_fragment f;
    uint64_t number;
    uint16_t epoch;
    uint8_t type;

    while (bytes_left(&r) > 0 && read_record(&r, &type, &epoch, &number, &body)) {
        while (type == DTLS_HANDSHAKE_RECORD && epoch == 0 && bytes_left(&body) > 0 &&
               read_fragment(&body, &f)) {
            /* Whole messages only: a fragment has no mark, and a peer that repeats fragments
             * repeats all. */
            for (size_t i = 0; f.size == f.length && i < marks->count; i++)
                if (marks->mark[i] == mark_of(f.type, f.body, f.size))
                    return true;
        }
    }
    return false;
}
