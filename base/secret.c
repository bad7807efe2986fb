#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define SMALL_PAGE 4096u
#define HUGE_PAGE  (2u * 1024 * 1024)

void secret_wipe(void *data, size_t len)
{
    if (len == 0)
        return;
    memset(data, 0, len);
    /* The barrier makes the compiler believe that somebody reads the zeros. */
    __asm__ __volatile__("" : : "r"(data) : "memory");
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < len; i++)
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* Pools of keys are read all over, packet by packet: with pages of 4 KB thousands of them would not
 * fit the TLB. Where the system has no huge pages to give, the advice does nothing. */
static void *map_huge(size_t size)
{
    uint8_t *p = map(size + HUGE_PAGE);
    size_t before;

    if (!p)
        return NULL;
    size = (size + SMALL_PAGE - 1) & ~(size_t)(SMALL_PAGE - 1);
    before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before != 0)
        (void)munmap(p, before);
    if (before != HUGE_PAGE)
        (void)munmap(p + before + size, HUGE_PAGE - before);
    (void)madvise(p + before, size, MADV_HUGEPAGE);
    return p + before;
}

void *secret_alloc(size_t size)
{
    void *p;

    if (size == 0 || size > SIZE_MAX / 2)
        return NULL;
    p = size >= HUGE_PAGE ? map_huge(size) : map(size);
    if (!p)
        return NULL;
    /* Both are hardening: RLIMIT_MEMLOCK is 8 MB for an unprivileged user, and a server that
     * refused to start over it would be worse than one whose keys may reach an encrypted swap. */
    (void)madvise(p, size, MADV_DONTDUMP);
    (void)mlock(p, size);
    return p;
}

void secret_free(void *data, size_t size)
{
    if (!data)
        return;
    secret_wipe(data, size);
    (void)munmap(data, size);
}
