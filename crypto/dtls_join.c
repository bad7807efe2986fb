/* Puts a ClientHello in fragments together, for the library ignores them (wolfSSL 5.5.4 answers
 * only whole ones). Before the cookie: the memory is bounded by one hello an association. */
#include "crypto/dtls_join.h"

#include "base/bytes.h"
#include "crypto/dtls_record.h"

#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_HEADER 12
#define CLIENT_HELLO     1
#define HEADERS          (DTLS_RECORD_HEADER + HANDSHAKE_HEADER)

struct dtls_join {
    uint16_t message_seq;
    uint32_t length;  /* of the message, 0: none is begun */
    uint32_t missing; /* octets of it */
    /* A bit for each octet: fragments may overlap and come in any order. */
    uint8_t have[DTLS_JOIN_MAX / 8];
    uint8_t datagram[HEADERS + DTLS_JOIN_MAX]; /* made up of record, header, message */
};

/* One record with one fragment of a ClientHello. */
struct fragment {
    const uint8_t *record; /* its header */
    const uint8_t *body;
    uint32_t length, offset, size;
    uint16_t message_seq;
};

/* The next record of the datagram; false: it is not one, or the end. */
static bool next_fragment(struct bytes_reader *r, struct fragment *f)
{
    struct bytes_reader record;

    if (bytes_left(r) < HEADERS)
        return false;
    f->record = r->data + r->pos;
    if (bytes_read_u8(r) != DTLS_HANDSHAKE_RECORD)
        return false;
    bytes_skip(r, 2);
    /* Epoch 0 only. */
    if (bytes_read_u16(r) != 0)
        return false; /* no ClientHello is encrypted */
    bytes_skip(r, 6);
    record = bytes_read_sub(r, bytes_read_u16(r));
    if (bytes_read_u8(&record) != CLIENT_HELLO)
        return false;
    f->length = bytes_read_u24(&record);
    f->message_seq = bytes_read_u16(&record);
    f->offset = bytes_read_u24(&record);
    f->size = bytes_read_u24(&record);
    f->body = bytes_read_span(&record, f->size);
    /* Everything that take() indexes with is bounded here. */
    return f->body != NULL && !r->err && f->length > 0 && f->length <= DTLS_JOIN_MAX &&
           f->offset <= f->length && f->size <= f->length - f->offset;
}

bool dtls_join_is_fragment(const uint8_t *data, size_t len)
{
    struct bytes_reader r = bytes_reader(data, len);
    struct fragment f;

    return next_fragment(&r, &f) && f.size < f.length;
}

static void begin(struct dtls_join *join, const struct fragment *f)
{
    join->message_seq = f->message_seq;
    join->length = join->missing = f->length;
    memset(join->have, 0, sizeof(join->have));
}

static void take(struct dtls_join *join, const struct fragment *f)
{
    /* Another message: the client began anew. The old one can only be garbage. */
    if (join->length != f->length || join->message_seq != f->message_seq)
        begin(join, f);
    for (uint32_t i = 0; i < f->size; i++) {
        uint32_t at = f->offset + i;

        /* What is there stays: a later fragment may not change it. */
        if (join->have[at / 8] & 1u << at % 8)
            continue;
        join->have[at / 8] |= (uint8_t)(1u << at % 8);
        join->datagram[HEADERS + at] = f->body[i];
        join->missing--;
    }
}

/* RFC 6347 §4.2.6: the transcript hashes the message as if it had come whole, so that it may be
 * handed on as if it had. The record's number is that of the last fragment. The last fragment's
 * record number stands for the hello: it is the one that a HelloVerifyRequest must mirror. */
static void write_headers(struct dtls_join *join, const uint8_t *record)
{
    struct bytes_writer w = bytes_writer(join->datagram, HEADERS);

    bytes_write_copy(&w, record, DTLS_RECORD_HEADER - 2);
    bytes_write_u16(&w, (uint16_t)(HANDSHAKE_HEADER + join->length));
    bytes_write_u8(&w, CLIENT_HELLO);
    bytes_write_u24(&w, join->length);
    bytes_write_u16(&w, join->message_seq);
    bytes_write_u24(&w, 0);
    bytes_write_u24(&w, join->length);
}

bool dtls_join_add(struct dtls_join **join, const uint8_t *data, size_t len, const uint8_t **out,
                   size_t *out_len)
{
    struct bytes_reader r = bytes_reader(data, len);
    const uint8_t *record = NULL;
    struct fragment f;

    if (*join == NULL)
        *join = calloc(1, sizeof(**join));
    if (*join == NULL)
        return false;
    while (next_fragment(&r, &f)) {
        take(*join, &f);
        record = f.record;
    }
    /* Nothing else is told while octets are missing; the client repeats the whole by itself. */
    if (record == NULL || (*join)->missing > 0)
        return false;
    write_headers(*join, record);
    *out = (*join)->datagram;
    *out_len = HEADERS + (*join)->length;
    (*join)->length = 0; /* the same hello again (a retransmission) is a new one */
    return true;
}

void dtls_join_free(struct dtls_join *join)
{
    free(join);
}
