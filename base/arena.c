#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN         alignof(max_align_t)
#define ARENA_DEFAULT_BLOCK 4096

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    alignas(max_align_t) unsigned char data[];
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
    free_chain(a->first->next);
    a->first->next = NULL;
    a->current = a->first;
    a->at = a->first->data;
    a->end = a->at + a->first->size;
    a->used = 0;
}

static int new_block(struct arena *a, size_t size)
{
    struct arena_block *b;

    if (size < a->block)
        size = a->block;
    if (size > SIZE_MAX - sizeof(*b))
        return -1;
    b = malloc(sizeof(*b) + size);
    if (b == NULL)
        return -1;
    b->next = NULL;
    b->size = size;
    if (a->current != NULL)
        a->current->next = b;
    else
        a->first = b;
    a->current = b;
    a->at = b->data;
    a->end = b->data + size;
    return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *p;

    if (size == 0)
        size = 1;
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (a->limit != 0 && (size > a->limit || a->used > a->limit - size))
        return NULL;
    if (a->fail_after >= 0) {
        if (a->fail_after == 0)
            return NULL;
        a->fail_after--;
    }
    if ((size_t)(a->end - a->at) < size && new_block(a, size) != 0)
        return NULL;
    p = a->at;
    a->at += size;
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
