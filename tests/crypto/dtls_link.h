/* Two DTLS peers on a lossy link, all in memory and with a clock of its own. A peer is anything
 * that takes datagrams and names its next deadline: our associations (dtls_link.c) and OpenSSL's
 * (dtls_openssl.c). */
#ifndef TESTS_CRYPTO_DTLS_LINK_H
#define TESTS_CRYPTO_DTLS_LINK_H

#include "base/addr.h"
#include "crypto/cert.h"
#include "crypto/dtls.h"

#define LINK_DELAY_MS   10
#define LINK_QUEUE      256
#define LINK_STEPS_MAX  20000
#define LINK_FAILED_MAX 64

struct link_peer {
    void *self;
    void (*input)(void *self, uint64_t now, const uint8_t *data, size_t len);
    uint64_t (*deadline)(void *self);
    void (*on_timer)(void *self, uint64_t now);
};

struct link_packet {
    uint8_t *data;
    size_t len;
    uint64_t at;
    int to; /* index of the receiver */
};

struct link {
    struct link_peer peer[2];
    struct link_packet queue[LINK_QUEUE];
    size_t queued;
    uint64_t now;
    unsigned loss_percent;
    unsigned duplicate_percent, reorder_percent; /* of what is not lost */
    uint64_t seed;
    uint64_t sent;
    size_t largest;     /* datagram */
    bool is_coalescing; /* a flight's datagrams arrive as one */
    /* Sees each datagram before it is queued; false drops it. May be NULL. */
    bool (*filter)(struct link *link, int to, const uint8_t *data, size_t len);
    void *filter_user;
};

void link_init(struct link *link, unsigned loss_percent, unsigned seed);
void link_fini(struct link *link);
void link_send(struct link *link, int to, const uint8_t *data, size_t len);

/* Delivers and fires timers until `done` says so, nothing is left or `until` has come. */
void link_run(struct link *link, uint64_t until, bool (*done)(void *), void *user);

/* One of ours on the link. */
struct end {
    struct link *link;
    int index;
    struct addr addr, other;
    struct dtls_ctx *ctx;
    struct dtls_assoc *assoc;
    enum dtls_role role;
    struct dtls_established info; /* copy, cipher stays valid */
    int established, failed, closed;
    enum dtls_failure reason;
    char text[128];
    uint8_t data[2048]; /* last record */
    size_t data_len;
    int data_count;
    bool destroy_when_established;
};

extern const struct dtls_callbacks end_callbacks;

/* Makes the context from config and the association; index 0 or 1 on the link. */
void end_init(struct end *end, struct link *link, int index, enum dtls_role role,
              const struct dtls_config *config, const struct fingerprint *expected);
/* The same on a context that exists already. */
void end_init_on(struct end *end, struct link *link, int index, enum dtls_role role,
                 struct dtls_ctx *ctx, const struct fingerprint *expected);
void end_fini(struct end *end);

#endif
