#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

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

void *secret_alloc(size_t size)
{
    void *p;

    if (size == 0)
        return NULL;
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
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
