/* State of one decoding and what its two halves (values, structure) offer each other. */
#ifndef SIGNALLING_PER_DECODER_H
#define SIGNALLING_PER_DECODER_H

#include "base/err.h"
#include "signalling/per/error.h"
#include "signalling/per/per.h"
#include "signalling/per/reader.h"
#include "signalling/per/type.h"

struct per_decoder {
    struct per_reader in;
    struct arena *arena;
    size_t memory_start; /* arena->used when we began */
    size_t max_memory;
    uint32_t elements_left;
    uint32_t depth_left;
    const struct per_frame *at;
    struct per_error *err;
};

#define per_decoder_fail(d, code, ...) per_fail((d)->err, (d)->at, (d)->in.pos, (code), __VA_ARGS__)

int per_decoder_short(struct per_decoder *d) __attribute__((cold));

/* `size` bytes from the arena within the message's budget; cleared if `clear`. */
int per_decoder_alloc(struct per_decoder *d, size_t size, bool clear, void **out);

/* A whole number within bounds (X.691 clause 11.5, 11.7, 11.8). */
int per_read_number(struct per_decoder *d, const struct per_bound *b, int64_t *value);

/* A length or, with *more set, the length of a fragment that others follow. The caller checks it
 * against the bound (PER_FORM_LENGTH may come in pieces). */
int per_read_length(struct per_decoder *d, const struct per_bound *b, size_t *n, bool *more);

/* A length in its general form (clause 11.9.3); *more tells that it is a fragment. */
int per_read_general_length(struct per_decoder *d, size_t *n, bool *more);

/* Walk over all pieces of something of `unit` bits an item; in.pos ends behind it. Gives the total
 * and checks it against the bound. */
int per_measure_pieces(struct per_decoder *d, const struct per_bound *b, unsigned unit,
                       size_t *total);

/* Gather at `to` the pieces that were measured before. */
void per_copy_pieces(struct per_decoder *d, const struct per_bound *b, unsigned unit, uint8_t *to);

/* A normally small number (clause 11.6): index of an extension. */
int per_read_small(struct per_decoder *d, uint32_t *value);

/* The octets of an open type, which may be fragmented: in place if they are in one piece, else
 * gathered in the arena. */
int per_read_open(struct per_decoder *d, const uint8_t **p, size_t *len);

/* Any type but SEQUENCE, CHOICE, SEQUENCE OF and open types. */
int per_read_simple(struct per_decoder *d, const struct per_type *t, void *value);

/* OCTET STRING: into `fixed`, an array of the type's size, or if that is NULL into *out. */
int per_read_octets(struct per_decoder *d, const struct per_type *t, uint8_t *fixed,
                    struct per_octets *out);

int per_read_bits(struct per_decoder *d, const struct per_type *t, struct per_bits *out);
int per_read_string(struct per_decoder *d, const struct per_type *t, struct per_string *out);
int per_read_bmp(struct per_decoder *d, const struct per_type *t, struct per_bmp *out);
int per_read_oid(struct per_decoder *d, struct per_oid *out);

#endif
