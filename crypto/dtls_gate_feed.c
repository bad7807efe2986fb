/* What the library gets of a handshake, in which order: the proven messages in records of our own,
 * then the peer's records with keys. */
#include "base/bytes.h"
#include "crypto/dtls_gate_priv.h"

#include <string.h>

static void drop_held(struct dtls_gate *g, size_t at)
{
    g->held_count--;
    memmove(&g->held[at], &g->held[at + 1], (g->held_count - at) * sizeof(g->held[0]));
}

/* Records with keys wait until the library can read them; the oldest gives way, data before the
 * Finished that all of them wait for. */
void dtls_gate_hold(struct dtls_gate *g, const uint8_t *record, size_t len)
{
    size_t victim = 0;

    if (len > HELD_BYTES) {
        g->stats->data_dropped++;
        return;
    }
    /* The newest stays: the peer repeats its Finished, and data before it is worth less still. */
    while (victim < g->held_count && g->held[victim].data[0] != DTLS_APPLICATION_DATA)
        victim++;
    if (g->held_count == HELD_MAX) {
        g->stats->data_dropped++;
        drop_held(g, victim < HELD_MAX ? victim : 0);
    }
    g->held[g->held_count].len = (uint16_t)len;
    memcpy(g->held[g->held_count++].data, record, len);
}

/* A record of our own around `len` octets that follow its header in g->out. */
static void wrap(struct dtls_gate *g, uint8_t type, size_t size, const uint8_t **data, size_t *len)
{
    struct bytes_writer w = bytes_writer(g->out, DTLS_RECORD_HEADER);

    bytes_write_u8(&w, type);
    bytes_write_u16(&w, VERSION_DTLS_12);
    bytes_write_u16(&w, 0);
    /* Numbered by us: forged records must not move the library's window against replays. */
    bytes_write_u48(&w, g->record++);
    bytes_write_u16(&w, (uint16_t)size);
    *data = g->out;
    *len = DTLS_RECORD_HEADER + size;
}

static void write_fragment(struct dtls_gate *g, const uint8_t *header, uint32_t offset,
                           const uint8_t *body, uint32_t size)
{
    struct bytes_writer w =
        bytes_writer(g->out + DTLS_RECORD_HEADER, DTLS_HANDSHAKE_HEADER + FEED_MAX);

    /* The header of the flight's own message, so that the transcript equals the peer's. */
    bytes_write_copy(&w, header, 6); /* type, length, number */
    bytes_write_u24(&w, offset);
    bytes_write_u24(&w, size);
    bytes_write_copy(&w, body, size);
}

static void next_verify(struct dtls_gate *g, const uint8_t **data, size_t *len)
{
    const uint8_t header[6] = {HELLO_VERIFY, 0, 0, (uint8_t)g->verify_len, 0, 0};

    g->is_verify_due = false;
    /* RFC 6347 §4.2.2: the messages of the cookie exchange have the number 0 each way, and that of
     * the flight to come is 1. */
    g->first_seq = 1;
    write_fragment(g, header, 0, g->verify, (uint32_t)g->verify_len);
    wrap(g, DTLS_HANDSHAKE_RECORD, DTLS_HANDSHAKE_HEADER + g->verify_len, data, len);
    for (size_t i = 0; i < FLIGHT_MAX; i++)
        dtls_shelf_free(&g->shelf[i]); /* who asks for a cookie has said nothing else */
}

static void next_of_flight(struct dtls_gate *g, const uint8_t **data, size_t *len)
{
    const struct dtls_message *m = g->flight[g->flight_at];
    uint32_t size = m->length - g->flight_offset;

    /* Whole messages may exceed a record; the library joins fragments like those from a path. */
    size = size > FEED_MAX ? FEED_MAX : size;
    write_fragment(g, m->data, g->flight_offset, dtls_message_body(m) + g->flight_offset, size);
    wrap(g, DTLS_HANDSHAKE_RECORD, DTLS_HANDSHAKE_HEADER + size, data, len);
    g->flight_offset += size;
    if (g->flight_offset == m->length) {
        g->flight_at++;
        g->flight_offset = 0;
    }
}

bool dtls_gate_next(struct dtls_gate *g, const uint8_t **data, size_t *len)
{
    size_t at = 0;

    if (g->is_verify_due) {
        next_verify(g, data, len);
        return true;
    }
    if (!g->is_finishing)
        return false;
    if (g->flight_at < g->flight_count) {
        next_of_flight(g, data, len);
        return true;
    }
    /* Data that overtook the Finished, or came instead of a lost one: the library dies of them. */
    while (at < g->held_count && !g->is_done && g->held[at].data[0] == DTLS_APPLICATION_DATA)
        at++;
    /* Nothing before the Finished, or a ChangeCipherSpec would be fed for records that never
     * come. */
    if (at == g->held_count)
        return false;
    if (!g->is_ccs_fed) {
        g->is_ccs_fed = true;
        g->out[DTLS_RECORD_HEADER] = 1;
        wrap(g, DTLS_CHANGE_CIPHER_SPEC, 1, data, len);
        return true;
    }
    *data = memcpy(g->out, g->held[at].data, g->held[at].len);
    *len = g->held[at].len;
    drop_held(g, at);
    return true;
}

void dtls_gate_done(struct dtls_gate *g)
{
    g->is_done = true;
}
