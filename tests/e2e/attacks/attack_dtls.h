/* Forged DTLS datagrams, as somebody makes them who knows addresses and ports but no secret. */
#ifndef ATTACK_DTLS_H
#define ATTACK_DTLS_H

#include <stddef.h>
#include <stdint.h>

#define FORGE_LIST(X)                                                                             \
    X(FORGE_HELLO, "hello")               /* a whole, good ClientHello without a cookie */        \
    X(FORGE_HELLO_COOKIE, "hello-cookie") /* with a cookie that nobody gave out */                \
    X(FORGE_HELLO_BAD, "hello-bad")       /* no version, suite or profile in common, bad sizes */ \
    X(FORGE_HELLO_HALF, "hello-half")     /* the first or a later fragment, never the rest */     \
    X(FORGE_HELLO_CUT, "hello-cut")       /* a datagram that ends early */                        \
    X(FORGE_ALERT, "alert")               /* fatal or closing, in the clear */                    \
    X(FORGE_ALERT_SEALED, "alert-sealed") /* the same as if of epoch 1, tag made up */            \
    X(FORGE_SERVER_HELLO, "server-hello") /* good by itself, with each likely number */           \
    X(FORGE_VERIFY, "hello-verify")       /* HelloVerifyRequest with a cookie made up */          \
    X(FORGE_CCS, "ccs")                   /* ChangeCipherSpec before its time */                  \
    X(FORGE_FINISHED, "finished")         /* a record of epoch 1, tag made up */                  \
    X(FORGE_MESSAGE, "message")           /* every other message, right number, made-up body */   \
    X(FORGE_NUMBER, "number")             /* record numbers far ahead: replay windows */          \
    X(FORGE_DATA, "data")                 /* application data in the clear */

enum forge {
#define FORGE_ENUM(name, text) name,
    FORGE_LIST(FORGE_ENUM)
#undef FORGE_ENUM
        FORGE_COUNT
};

#define FORGE_MAX 1400u

extern const char *const forge_names[FORGE_COUNT];

/* Kinds of `list` (names between commas, or "all") as bits; 0: one is unknown. */
uint32_t forge_kinds(const char *list);

/* One datagram of that kind; `turn` walks through its variants. Returns the length. */
size_t forge_make(enum forge kind, unsigned turn, uint8_t out[FORGE_MAX]);

/* A good ClientHello as FORGE_HELLO, padded with an extension to `size` bytes (0: as it is). */
size_t forge_hello(uint8_t out[FORGE_MAX], size_t size);

#endif
