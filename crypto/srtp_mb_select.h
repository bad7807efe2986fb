/* Which of intel-ipsec-mb's code paths computes what: measured at start, not looked up by CPU
 * generation (SSE with SHA-NI beats AVX2 at HMAC-SHA1 on some CPUs and loses on others, and what
 * is best for 64 packets at once is worst for one). Private to crypto/. */
#ifndef CRYPTO_SRTP_MB_SELECT_H
#define CRYPTO_SRTP_MB_SELECT_H

#include <intel-ipsec-mb.h>
#include <stddef.h>
#include <stdint.h>

#define MB_PATH_LIST(X)                                                        \
    /* id, name, init, flags, what the CPU must have */                        \
    X(MB_PATH_SSE, "sse", init_mb_mgr_sse, 0, IMB_CPUFLAGS_SSE)                \
    X(MB_PATH_SSE_NOSHANI, "sse-noshani", init_mb_mgr_sse, IMB_FLAG_SHANI_OFF, \
      IMB_CPUFLAGS_SSE_T2)                                                     \
    X(MB_PATH_AVX, "avx", init_mb_mgr_avx, 0, IMB_CPUFLAGS_AVX)                \
    X(MB_PATH_AVX2, "avx2", init_mb_mgr_avx2, 0, IMB_CPUFLAGS_AVX2)            \
    X(MB_PATH_AVX512, "avx512", init_mb_mgr_avx512, 0, IMB_CPUFLAGS_AVX512)

enum mb_path {
#define MB_PATH_ENUM(id, name, init, flags, needs) id,
    MB_PATH_LIST(MB_PATH_ENUM)
#undef MB_PATH_ENUM
        MB_PATH_COUNT
};

/* HMAC-SHA1 runs over many packets at once; the best path depends on how many: up to 1, 2, 4, ...
 * 64 of them. */
#define MB_CLASS_COUNT 7

struct mb_select {
    IMB_MGR *managers[MB_PATH_COUNT]; /* NULL: not usable here, or not chosen for anything */
    uint8_t ctr;                      /* enum mb_path for AES counter mode, */
    uint8_t gcm[2];                   /* AES-GCM with 128 and 256 bits, */
    uint8_t hmac[MB_CLASS_COUNT];     /* HMAC-SHA1 by number of packets */
    char text[192];                   /* the choice, for people */
};

/* Makes the managers that this CPU can run and measures them; takes some milliseconds. pin: name of
 * the only path to use, or NULL. ERR_UNSUPPORTED: no AES-NI here, or the pinned path needs what the
 * CPU lacks (a log line says what); ERR_INVAL: unknown name; ERR_NOMEM; ERR_CRYPTO: a self-test of
 * the library failed. */
int mb_select_init(struct mb_select *select, const char *pin);

/* Frees the managers; they hold keys and packets, so they are wiped first. */
void mb_select_fini(struct mb_select *select);

static inline IMB_MGR *mb_select_ctr(const struct mb_select *select)
{
    return select->managers[select->ctr];
}

/* n: 1 to 64. */
static inline IMB_MGR *mb_select_hmac(const struct mb_select *select, uint32_t n)
{
    unsigned size_class = n <= 1 ? 0 : 32 - (unsigned)__builtin_clz(n - 1);

    return select->managers[select->hmac[size_class]];
}

/* __builtin_prefetch, but gcc removes calls of functions that do nothing else (it takes them for
 * pure): 104 ns a GCM packet instead of 53 with
 * 4,000 sessions. */
static inline void mb_prefetch(const void *p)
{
    __asm__ volatile("prefetcht0 %0" : : "m"(*(const uint8_t *)p));
}

/* Measures: fills in everything but managers; exported for srtp_mb_select.c. */
void mb_calibrate(struct mb_select *select);

#endif
