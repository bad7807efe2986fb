/* Bump allocator for what lives as long as one message. The limit counts what was given out, not
 * what malloc was asked for: the same message is refused at the same place on every machine. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* With the address sanitizer objects are kept apart and what is not given out is poisoned, so that
 * reading beyond an object is found as it would be with malloc. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ARENA_SANITIZED)
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16U
#else
#define ARENA_GAP                         0U
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_ALIGN         alignof(max_align_t)
#define ARENA_DEFAULT_BLOCK 4096

struct arena_block {
    struct arena_block *next;                  /* growth order: reset keeps the first */
    size_t size;                               /* of data */
    alignas(max_align_t) unsigned char data[]; /* behind the head, so that one malloc makes both */
};

void arena_init(struct arena *a, size_t block, size_t limit)
{
    *a = (struct arena){
        .block = block ? block : ARENA_DEFAULT_BLOCK, .limit = limit, .fail_after = -1};
}

static void free_chain(struct arena_block *b)
{
    while (b != NULL) {
        struct arena_block *next = b->next;

        /* free() of poisoned memory is fine, but what malloc hands out of it next would be poisoned
         * still. */
        ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
        free(b);
        b = next;
    }
}

void arena_fini(struct arena *a)
{
    free_chain(a->first);
    a->first = a->current = NULL;
    a->at = a->end = NULL;
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    if (a->first == NULL)
        return;
    /* One block is kept: the next message is probably as large as the last, and a decoder in its
     * stride then never reaches malloc. More would let one huge message hold memory for ever. */
    free_chain(a->first->next);
    a->first->next = NULL;
    a->current = a->first;
    a->at = a->first->data;
    a->end = a->at + a->first->size;
    a->used = 0;
    ASAN_POISON_MEMORY_REGION(a->at, a->first->size);
}

static int new_block(struct arena *a, size_t size)
{
    struct arena_block *b;

    if (size < a->block)
        size = a->block; /* an object larger than a block gets one of its own */
    if (size > SIZE_MAX - sizeof(*b))
        return -1;
    b = malloc(sizeof(*b) + size);
    if (b == NULL)
        return -1;
    b->next = NULL;
    /* Blocks are only ever appended: what an older block had left is given up. That wastes less
     * than a block a message, and a search for room would cost every allocation. */
    b->size = size;
    if (a->current != NULL)
        a->current->next = b;
    else
        a->first = b;
    a->current = b;
    a->at = b->data;
    a->end = b->data + size;
    ASAN_POISON_MEMORY_REGION(a->at, size);
    return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t asked = size;
    void *p;

    if (size == 0)
        size = 1; /* so that two objects never share an address */
    if (size > SIZE_MAX - ARENA_ALIGN - ARENA_GAP)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    /* Written as a subtraction, because a sum of two lengths that a peer chose may wrap. */
    if (a->limit != 0 && (size > a->limit || a->used > a->limit - size))
        return NULL;
    /* Tests let the n-th allocation fail, for every n: no path behind a failed one goes unseen. */
    if (a->fail_after >= 0) {
        if (a->fail_after == 0)
            return NULL;
        a->fail_after--;
    }
    if ((size_t)(a->end - a->at) < size + ARENA_GAP && new_block(a, size + ARENA_GAP) != 0)
        return NULL;
    p = a->at;
    ASAN_UNPOISON_MEMORY_REGION(p, asked);
    a->at += size + ARENA_GAP;
    a->used += size;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);

    if (p != NULL)
        memset(p, 0, size);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t total;

    /* The count comes from the wire (SEQUENCE OF): its product must not wrap to something small. */
    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    return arena_zalloc(a, total);
}

void *arena_copy(struct arena *a, const void *data, size_t len)
{
    void *p = arena_alloc(a, len);

    if (p != NULL && len != 0)
        memcpy(p, data, len);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_copy(a, s, strlen(s) + 1);
}

void arena_fail_after(struct arena *a, long n)
{
    a->fail_after = n;
}
