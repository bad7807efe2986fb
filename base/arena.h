/* Bump allocator: many small objects that die together, such as one decoded message.
 *
 * Memory comes in blocks from malloc and is given out from front to back; nothing is freed alone.
 * `limit` bounds the bytes given out, so that hostile input cannot make a message grow without
 * end. A reset keeps the first block, so a decoder that is fed message after message soon stops
 * calling malloc. One arena belongs to one thread. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Caller's storage; the members are the arena's own business. */
struct arena {
    struct arena_block *first; /* kept by reset */
    struct arena_block *current;
    unsigned char *at;  /* next free byte of the current block */
    unsigned char *end; /* one past the current block */
    size_t used;        /* bytes given out since init or reset, padding included */
    size_t limit;       /* refuse to give out more than this; 0 = no limit */
    size_t block;       /* size of a new block */
    long fail_after;    /* test hook: < 0 never, otherwise allocations left until one fails */
};

/* Prepare an arena; allocates nothing. `block` is the size of its blocks in bytes (0 = 4096),
 * `limit` the most bytes that it gives out (0 = no limit). */
void arena_init(struct arena *a, size_t block, size_t limit);

/* Free all memory. Everything that came from the arena is dead; the arena may be used again. */
void arena_fini(struct arena *a);

/* Forget everything that was given out, keep the first block for the next round. */
void arena_reset(struct arena *a);

/* `size` bytes (0 counts as 1) aligned for any type; not cleared. NULL when memory is short or
 * the limit would be passed: the arena stays as it was. */
void *arena_alloc(struct arena *a, size_t size);

/* As arena_alloc, cleared. */
void *arena_zalloc(struct arena *a, size_t size);

/* `n` cleared objects of `size` bytes; an overflowing product is refused. */
void *arena_array(struct arena *a, size_t n, size_t size);

/* Copy of `len` bytes (len 0 gives a valid pointer). */
void *arena_copy(struct arena *a, const void *data, size_t len);

/* Copy of a zero-terminated string. */
char *arena_strdup(struct arena *a, const char *s);

/* Tests: let `n` more allocations pass and the next one fail (then all); n < 0 switches it off. */
void arena_fail_after(struct arena *a, long n);

#endif
