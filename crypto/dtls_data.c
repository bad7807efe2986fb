/* Records of data, once an association is established. The library made the keys; from the first
 * record on dtls_seal.h uses them, and the library's session is freed. What is left for it to do on
 * such an association is little: data and alerts are all that still comes with keys, repeated
 * flights are answered from the flight's copy (dtls_assoc.c), renegotiation is refused by silence.
 */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_internal.h"

#include <stdio.h>

/* With the largest overhead: CBC suites pad and authenticate. */
#define RECORD_DATAGRAM_MAX (DTLS_RECORD_MAX + 73)
#define ALERT_BYTES         2
#define ALERT_WARNING       1
#define ALERT_FATAL         2
#define CLOSE_NOTIFY        0
#define ALERT_TEXT_MAX      32

void dtls_assoc_carry_data(struct dtls_assoc *a, uint64_t now)
{
    if (a->has_data || a->state == DTLS_CLOSED || a->state == DTLS_FAILED)
        return;
    dtls_assoc_enter(a, now);
    /* SCTP has its own packets of up to one record, the DTLS overhead comes on top, and parking
     * would cost a thaw a packet. */
    a->has_data = true;
    a->park_at = DTLS_NO_DEADLINE;
    if (a->state == DTLS_ESTABLISHED && (!a->parked || dtls_unpark(a) == 0))
        dtls_ready_for_data(a);
    dtls_assoc_leave(a);
}

void dtls_ready_for_data(struct dtls_assoc *a)
{
    a->park_at = DTLS_NO_DEADLINE;
    wolf_session_set_mtu(a->session, RECORD_DATAGRAM_MAX);
}

void dtls_take_over(struct dtls_assoc *a)
{
    struct dtls_seal_keys keys = {0};

    /* Deeper than 1: the library is at work on this association further up, and may have records
     * that it has not handed out yet. */
    if (a->seal || !a->has_data || a->state != DTLS_ESTABLISHED || a->depth != 1 || !a->session ||
        a->is_library_sealing || a->drop_session)
        return;
    keys.is_unguarded = a->is_over_sctp;
    if (wolf_session_record_keys(a->session, (enum dtls_role)a->role, &keys) == 0 &&
        dtls_seal_create(&keys, &a->seal) == 0) {
        wolf_session_destroy(a->session);
        a->session = NULL;
    } else {
        a->is_library_sealing = true; /* it can go on as it did */
    }
    secret_wipe(&keys, sizeof(keys));
}

static void open_alert(struct dtls_assoc *a, const uint8_t *alert, size_t len)
{
    char text[ALERT_TEXT_MAX];

    if (len != ALERT_BYTES)
        return;
    if (alert[1] == CLOSE_NOTIFY) {
        dtls_handle_close(a);
    } else if (alert[0] == ALERT_FATAL) {
        snprintf(text, sizeof(text), "peer sent alert %u", alert[1]);
        dtls_assoc_fail(a, DTLS_FAIL_PEER_ALERT, text);
    }
}

static void open_record(struct dtls_assoc *a, const uint8_t *record, size_t len)
{
    uint8_t plain[DTLS_SCTP_MESSAGE_MAX];
    size_t n;

    if (len > sizeof(plain) || dtls_seal_open(a->seal, record, len, plain, &n) != DTLS_OPENED) {
        a->ctx->stats.data_dropped++;
        return;
    }
    if (record[0] == DTLS_APPLICATION_DATA && n > 0)
        dtls_hand_out(a, plain, n);
    else if (record[0] == DTLS_ALERT)
        open_alert(a, plain, n);
    secret_wipe(plain, n);
}

void dtls_open_records(struct dtls_assoc *a, const uint8_t *data, size_t len)
{
    size_t size;

    /* dtls_record_parse has seen that they are whole. A callback may end the association. */
    for (size_t at = 0; at < len && a->seal && a->state == DTLS_ESTABLISHED && !a->is_destroyed;
         at += size) {
        size = DTLS_RECORD_HEADER + ((size_t)data[at + 11] << 8 | data[at + 12]);
        open_record(a, data + at, size);
    }
}

int dtls_seal_and_send(struct dtls_assoc *a, uint8_t type, const uint8_t *data, size_t len)
{
    uint8_t record[DTLS_SCTP_RECORD_MAX + DTLS_SEAL_OVERHEAD_MAX];
    size_t n;

    if (len > DTLS_SCTP_RECORD_MAX)
        return ERR_RANGE;
    n = dtls_seal_protect(a->seal, type, data, len, record);
    if (n == 0)
        return ERR_CRYPTO;
    dtls_assoc_emit(a, record, n);
    return 0;
}

void dtls_say_goodbye(struct dtls_assoc *a)
{
    static const uint8_t close_notify[ALERT_BYTES] = {ALERT_WARNING, CLOSE_NOTIFY};

    /* Thawed for one alert: a peer that gets no close_notify would keep its state until a timer
     * ends it. */
    if (a->parked)
        (void)dtls_unpark(a);
    if (a->seal)
        (void)dtls_seal_and_send(a, DTLS_ALERT, close_notify, sizeof(close_notify));
    else if (a->session)
        wolf_session_shutdown(a->session);
}

static int send_record(struct dtls_assoc *a, const uint8_t *data, size_t len)
{
    dtls_take_over(a);
    if (a->seal)
        return dtls_seal_and_send(a, DTLS_APPLICATION_DATA, data, len);
    if (a->parked && dtls_unpark(a) != 0)
        return ERR_CRYPTO;
    return wolf_session_send(a->session, data, len);
}

static size_t record_max(const struct dtls_assoc *a)
{
    if (a->is_over_sctp)
        return DTLS_SCTP_RECORD_MAX;
    return a->has_data ? DTLS_RECORD_MAX : (size_t)a->ctx->config.mtu;
}

int dtls_assoc_export(struct dtls_assoc *a, const char *label, uint8_t *out, size_t len)
{
    if (!a->is_over_sctp || a->session == NULL || a->is_sending)
        return ERR_STATE;
    return wolf_session_exporter(a->session, label, out, len);
}

int dtls_assoc_send(struct dtls_assoc *a, uint64_t now, const uint8_t *data, size_t len)
{
    int rc;

    if (a->state != DTLS_ESTABLISHED || a->is_sending)
        return ERR_STATE;
    /* A record must fit one datagram: DTLS does not fragment application data (RFC 6347 §4.1.1). */
    if (len == 0 || len > record_max(a))
        return ERR_RANGE;
    dtls_assoc_enter(a, now);
    rc = send_record(a, data, len);
    if (rc == 0) {
        a->ctx->stats.data_out++;
        if (a->park_at != DTLS_NO_DEADLINE)
            a->park_at = now + a->ctx->config.park_after_ms;
    }
    dtls_assoc_leave(a);
    return rc;
}
