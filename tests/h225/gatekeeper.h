/* A gatekeeper for tests, and the user of one RAS engine: what was sent to it, what the engine
 * told, and messages made by hand. Time and randomness are variables. */
#ifndef TESTS_H225_GATEKEEPER_H
#define TESTS_H225_GATEKEEPER_H

#include "base/arena.h"
#include "signalling/h225/ras.h"
#include "signalling/schema/h225.h"

#define GK_QUEUE 64

struct gk_datagram {
    struct addr to;
    uint8_t data[RAS_DATAGRAM_MAX];
    size_t len;
};

struct gk_seen {
    int registered, lost, stopped, switched, admissions, bandwidths, wanted, disengaged;
    struct ras_registration registration; /* its texts are not kept */
    bool was_registered;
    char why[96];
    struct ras_admitted admitted;
    char reason[64];
    uint64_t key;
    int err;
    uint32_t bandwidth;
};

struct gk {
    struct ras *ras;
    struct gk_datagram queue[GK_QUEUE];
    size_t head, tail;
    struct gk_seen seen;
    struct addr address; /* the gatekeeper's */
    uint64_t now;
    uint32_t unix_time, random;
    bool refuse_bandwidth;
    struct arena arena;
};

/* 198.18.0.3:1719, our alias is "alice", prefix 77. `password` may be NULL. */
void gk_init(struct gk *g, uint32_t random, const char *password);
void gk_init_with(struct gk *g, uint32_t random, struct ras_config config);
void gk_fini(struct gk *g);

/* The oldest message that the engine sent, decoded; NULL: none. *to may be NULL. Fails the test if
 * it does not decode. */
struct h225_RasMessage *gk_take(struct gk *g, struct addr *to);
/* The same, which has to be of that kind. */
void *gk_expect(struct gk *g, enum h225_RasMessage_kind kind);
bool gk_is_quiet(const struct gk *g);

/* Encodes and gives it in, as from the gatekeeper. */
int gk_say(struct gk *g, enum h225_RasMessage_kind kind, void *body);
int gk_say_from(struct gk *g, struct addr from, enum h225_RasMessage_kind kind, void *body);

/* Time goes by, timer by timer. */
void gk_wait(struct gk *g, uint64_t ms);

/* Answers the waiting GRQ, RRQ: then the engine is registered for ttl_s. */
void gk_confirm_discovery(struct gk *g);
void gk_confirm_registration(struct gk *g, uint32_t ttl_s, const char *endpoint_id);
/* The same with what else it says; number, identifiers and protocol are filled in. */
void gk_confirm_with(struct gk *g, const char *endpoint_id, struct h225_RegistrationConfirm rcf);
void gk_register(struct gk *g);
void gk_register_with(struct gk *g, struct h225_RegistrationConfirm rcf);

/* Admits the call of that key with what the confirm says; number and addresses are filled in. */
void gk_admit(struct gk *g, uint64_t key, struct h225_AdmissionConfirm acf);

/* An entry of an alternate gatekeeper list. */
struct h225_AlternateGK gk_alternate(struct gk *g, const char *address, bool need_register,
                                     uint8_t priority);
struct h225_TransportAddress gk_transport(struct gk *g, const char *address);

/* An incoming call's admission; the key is also in its identifiers. */
struct ras_admission gk_call(uint64_t key);

struct per_bmp gk_text(struct gk *g, const char *text);

#endif
