/* Versions of one handshake message, as datagrams from anybody made them. Bounded: a forger can
 * displace versions, but the true one comes again with every repetition of the peer, and newest
 * first. */
#include "crypto/dtls_shelf.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

static bool has(const struct dtls_message *m, uint32_t at)
{
    return m->have[at / 8] & 1u << at % 8;
}

static struct dtls_message *make(const struct dtls_fragment *f, uint64_t number)
{
    size_t body = DTLS_HANDSHAKE_HEADER + f->length;
    /* One allocation: head, message with its header, and a bit for each octet received. */
    struct dtls_message *m = calloc(1, sizeof(*m) + body + f->length / 8 + 1);
    struct bytes_writer w;

    if (m == NULL)
        return NULL;
    m->length = m->missing = f->length;
    m->seq = f->seq;
    m->type = f->type;
    m->datagram = number;
    m->have = m->data + body;
    /* The header as if the message had never been in fragments (RFC 6347 §4.2.6): so it is hashed
     * and signed. */
    w = bytes_writer(m->data, DTLS_HANDSHAKE_HEADER);
    bytes_write_u8(&w, f->type);
    bytes_write_u24(&w, f->length);
    bytes_write_u16(&w, f->seq);
    bytes_write_u24(&w, 0);
    bytes_write_u24(&w, f->length);
    return m;
}

/* Writes the fragment over whatever is there. */
static void put(struct dtls_message *m, const struct dtls_fragment *f)
{
    for (uint32_t i = 0; i < f->size; i++) {
        uint32_t at = f->offset + i;

        m->missing -= !has(m, at); /* first: has() asks for what the next line sets */
        m->have[at / 8] |= (uint8_t)(1u << at % 8);
        m->data[DTLS_HANDSHAKE_HEADER + at] = f->body[i];
    }
}

static bool is_of(const struct dtls_message *m, const struct dtls_fragment *f)
{
    return m->seq == f->seq && m->length == f->length && m->type == f->type;
}

static bool fits(const struct dtls_message *m, const struct dtls_fragment *f)
{
    const uint8_t *there = dtls_message_body(m) + f->offset;

    /* Whole messages are compared at once; repetitions of certificates are the common case. */
    if (m->missing == 0)
        return f->size == 0 || memcmp(there, f->body, f->size) == 0;
    for (uint32_t i = 0; i < f->size; i++)
        if (has(m, f->offset + i) && there[i] != f->body[i])
            return false;
    return true;
}

static bool is_there(const struct dtls_shelf *shelf, const struct dtls_message *m)
{
    /* Octets and their bits: two versions that differ only in what is missing are different. */
    for (size_t i = 0; i < DTLS_SHELF_KEPT && shelf->kept[i] != NULL; i++) {
        const struct dtls_message *k = shelf->kept[i];

        if (k->seq == m->seq && k->length == m->length && k->type == m->type &&
            memcmp(k->data, m->data, DTLS_HANDSHAKE_HEADER + m->length + m->length / 8 + 1) == 0)
            return true;
    }
    return false;
}

/* To the front. The last one goes, unless the library has it: that one tells repetitions. */
static void insert(struct dtls_shelf *shelf, struct dtls_message *m)
{
    size_t last = DTLS_SHELF_KEPT - 1;

    if (shelf->kept[last] != NULL && shelf->kept[last]->is_fed)
        last--;
    free(shelf->kept[last]);
    memmove(&shelf->kept[1], &shelf->kept[0], last * sizeof(shelf->kept[0]));
    shelf->kept[0] = m;
}

/* A version like `of` (NULL: of nothing) but for the fragment. */
static void add_version(struct dtls_shelf *shelf, const struct dtls_message *of,
                        const struct dtls_fragment *f, uint64_t number)
{
    struct dtls_message *m = make(f, number);

    if (m == NULL)
        return; /* the peer repeats it */
    /* Begin from the version that it contradicts: all octets but the fragment's are shared. */
    if (of != NULL) {
        memcpy(m->data, of->data, DTLS_HANDSHAKE_HEADER + of->length + of->length / 8 + 1);
        m->missing = of->missing;
    }
    put(m, f);
    if (is_there(shelf, m))
        free(m);
    else
        insert(shelf, m);
}

/* Who forges a fragment must not spoil the message for good, whether his comes before or after the
 * true one: a fragment goes into every version that it fits, and of every version that it does not
 * fit there will be one more in which it replaces what was there. */
bool dtls_shelf_add(struct dtls_shelf *shelf, const struct dtls_fragment *f, uint64_t number,
                    bool *contradicts)
{
    /* A copy of the pointers: insertions move them, and what this fragment made must not be looked
     * at again for it. */
    struct dtls_shelf before = *shelf;
    bool is_repeat = false, is_placed = false;

    for (size_t i = 0; i < DTLS_SHELF_KEPT && before.kept[i] != NULL; i++) {
        struct dtls_message *m = before.kept[i];

        if (!is_of(m, f) || !fits(m, f))
            continue;
        is_repeat |= m->is_fed;
        is_placed = true;
        m->datagram = number;
        put(m, f);
    }
    for (size_t i = 0; i < DTLS_SHELF_KEPT && before.kept[i] != NULL; i++) {
        bool is_gone = true;

        /* The insertions of this very loop may have pushed it out. */
        for (size_t k = 0; k < DTLS_SHELF_KEPT; k++)
            is_gone &= shelf->kept[k] != before.kept[i];
        if (is_gone || (is_of(before.kept[i], f) && fits(before.kept[i], f)))
            continue;
        *contradicts = true;
        if (is_of(before.kept[i], f)) {
            add_version(shelf, before.kept[i], f, number);
            is_placed = true;
        }
    }
    if (!is_placed)
        add_version(shelf, NULL, f, number);
    return is_repeat;
}

void dtls_shelf_free(struct dtls_shelf *shelf)
{
    for (size_t i = 0; i < DTLS_SHELF_KEPT; i++) {
        free(shelf->kept[i]);
        shelf->kept[i] = NULL;
    }
}
