/* Memory for keys: wiped so that the compiler cannot drop it, compared in constant time, kept out
 * of core files and, where the limits allow it, out of swap. */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (2u * 1024 * 1024) /* what x86-64 and aarch64 with 4 KB pages call huge */

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
    /* volatile: the compiler may otherwise see that the first difference decides and stop there,
     * and the time of a comparison would tell an attacker how much of a tag was right. */
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
    /* The kernel uses a huge page only where address and length are multiples of one: take a page
     * more and give both ends back. */
    uint8_t *p = map(size + HUGE_PAGE);
    size_t before, page = (size_t)sysconf(_SC_PAGESIZE);

    if (!p)
        return NULL;
    /* the kernel's own page: 4 KB on x86-64, up to 64 KB on aarch64, and munmap takes no less */
    size = (size + page - 1) & ~(page - 1);
    before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before != 0)
        (void)munmap(p, before);
    (void)munmap(p + before + size, HUGE_PAGE - before);
    (void)madvise(p + before, size, MADV_HUGEPAGE);
    return p + before;
}

void *secret_alloc(size_t size)
{
    void *p;

    if (size == 0 || size > SIZE_MAX / 2)
        return NULL;
    /* mmap even for small objects: wiping and DONTDUMP work on whole pages, and a page that is
     * shared with malloc's other objects would drag them along. */
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
    /* the map ends at the next page boundary in both cases: munmap rounds as mmap did */
    (void)munmap(data, size);
}
