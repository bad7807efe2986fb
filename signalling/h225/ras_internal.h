/* What the files of the RAS engine share. Not for anybody else. */
#ifndef SIGNALLING_H225_RAS_INTERNAL_H
#define SIGNALLING_H225_RAS_INTERNAL_H

#include "base/list.h"
#include "base/timer.h"
#include "signalling/h225/internal.h"
#include "signalling/h225/ras.h"

#define RAS_ALTERNATES_MAX 8
#define RAS_REPLIES_MAX    16    /* answers kept for requests that the gatekeeper repeats */
#define RAS_REPLY_MS       30000 /* and for how long */
#define RAS_BUCKETS        1024
#define RAS_IRR_CALLS_MAX  24 /* as many as surely fit a datagram */
#define RAS_SEEN_MAX       32 /* tokens remembered against replay */
#define RAS_SEEN_S         60 /* nothing so much older than the newest is a late datagram */
#define RAS_HASH_LEN       12 /* HMAC-SHA1-96 */
#define RAS_ATTEMPTS_MAX   3  /* registrations begun anew without one that holds */

struct ras_id { /* gatekeeper or endpoint identifier */
    uint16_t text[128];
    size_t len;
};

struct ras_gatekeeper {
    struct addr address;
    struct ras_id id;
    bool need_register;
    uint8_t priority;
};

enum ras_purpose { /* of a RegistrationRequest */
                   RAS_FULL,
                   RAS_KEEP_ALIVE,
                   RAS_ADDITIVE,
};

/* A request of ours that waits for its answer. */
struct ras_pending {
    struct list link; /* in ras->pending[seq] */
    struct ras *ras;
    struct timer timer;
    uint16_t seq;
    enum h225_RasMessage_kind kind;
    enum ras_purpose purpose;
    uint64_t key; /* of the call */
    struct addr to;
    uint32_t wait_ms, tries_left;
    uint32_t bandwidth; /* asked for */
    uint8_t *data;
    size_t len;
};

struct ras_call {
    struct list link; /* in ras->calls[key] */
    struct ras *ras;
    struct timer report; /* unsolicited InfoRequestResponse */
    uint64_t key;
    uint64_t registration; /* that admitted it */
    uint8_t call_id[H225_GUID_LEN];
    uint8_t conference_id[H225_GUID_LEN];
    uint16_t call_ref;
    bool is_answer, is_admitted, is_routed;
    uint32_t bandwidth;
    uint32_t report_s;
    struct addr peer; /* signalling address, for InfoRequestResponse */
};

struct ras_reply {
    uint64_t until;
    uint16_t seq;
    enum h225_RasMessage_kind kind;
    struct addr to;
    uint8_t *data;
    size_t len;
};

struct ras {
    struct ras_config config;
    const struct ras_ops *ops;
    void *arg;
    struct ras_stats stats;
    struct arena own; /* copies of the configuration's texts */
    struct arena in, out;
    struct timer_set timers;
    struct timer keep_alive, retry;
    uint64_t now;
    uint8_t state; /* enum ras_state */
    uint8_t key[RAS_SHA1_LEN];
    struct h225_aliases aliases;
    uint16_t seq;
    uint32_t token_random;

    struct ras_gatekeeper gatekeepers[1 + RAS_ALTERNATES_MAX]; /* [0]: the configured one */
    unsigned gatekeeper_count;
    unsigned current; /* the one we deal with */
    unsigned attempts;
    struct addr address; /* its RAS address as it said itself */
    struct ras_id gatekeeper_id, endpoint_id;
    uint32_t ttl_s;
    bool takes_additive, answers_irr;
    uint64_t registration; /* counts them, so that calls know whose they are */
    size_t aliases_told;   /* by full and additive registrations */
    bool almost_out, almost_out_told;
    char why[96]; /* reason of the last rejection */

    struct list pending[256];
    size_t pending_count;
    struct list calls[RAS_BUCKETS];
    size_t call_count;
    struct ras_reply replies[RAS_REPLIES_MAX];
    unsigned reply_next;
    struct {
        uint32_t time;
        int64_t random;
    } seen[RAS_SEEN_MAX];
    unsigned seen_next;
    uint32_t seen_newest;
    char gatekeeper_text[512], endpoint_text[512]; /* for ras_registration */
};

#define RAS_CALL(ras, op, ...)                                     \
    do {                                                           \
        if ((ras)->ops->op != NULL)                                \
            (ras)->ops->op((ras)->arg __VA_OPT__(, ) __VA_ARGS__); \
    } while (0)

/* Events of the registration. */
#define RAS_EVENT_LIST(X)                                                          \
    X(RAS_DO_START, "user: start")                                                 \
    X(RAS_DO_STOP, "user: stop")                                                   \
    X(RAS_ON_FOUND, "GatekeeperConfirm")                                           \
    X(RAS_ON_REFUSED, "GatekeeperReject")                                          \
    X(RAS_ON_REGISTERED, "RegistrationConfirm")                                    \
    X(RAS_ON_REJECTED, "RegistrationReject")                                       \
    X(RAS_ON_AGAIN, "RegistrationReject: full registration or discovery required") \
    X(RAS_ON_UNREGISTERED, "UnregistrationRequest")                                \
    X(RAS_ON_RELEASED, "UnregistrationConfirm or Reject")                          \
    X(RAS_ON_SILENCE, "no answer")                                                 \
    X(RAS_ON_KEEP_ALIVE, "time to keep alive")                                     \
    X(RAS_ON_RETRY, "retry timer expires")

enum ras_event {
#define RAS_EVENT_ENUM(name, text) name,
    RAS_EVENT_LIST(RAS_EVENT_ENUM)
#undef RAS_EVENT_ENUM
        RAS_EVENT_COUNT
};

extern const struct fsm ras_registration_fsm;

/* Runs one event; 0: the state has no place for it (counted). (ras_registration.c) */
int ras_run(struct ras *ras, enum ras_event event, const void *input);
/* A confirm that is read in REGISTERING and REGISTERED. */
struct ras_confirmed {
    const struct h225_RegistrationConfirm *rcf;
    enum ras_purpose purpose;
};
/* Replaces what we know of alternates, but for the configured gatekeeper. */
void ras_learn_alternates(struct ras *ras, const struct h225_AlternateGK_list *list);

/* What each kind of message is made of. (ras_kind.c) */
struct ras_kind {
    size_t size, seq, has_tokens, tokens; /* of its struct, and offsets in it */
    const char *name;
};
const struct ras_kind *ras_kind_of(enum h225_RasMessage_kind kind); /* NULL: we do not use it */
void *ras_body(const struct h225_RasMessage *m);                    /* of a kind that has a row */
uint16_t ras_seq_of(const struct h225_RasMessage *m);
const char *ras_choice_name(const struct per_type *choice, unsigned kind);

/* Building (ras_build.c): into ras->out, which ras_begin resets. */
void *ras_begin(struct ras *ras, struct h225_RasMessage *m, enum h225_RasMessage_kind kind);
int ras_build_grq(struct ras *ras, struct h225_RasMessage *m);
int ras_build_rrq(struct ras *ras, struct h225_RasMessage *m, enum ras_purpose purpose);
int ras_build_urq(struct ras *ras, struct h225_RasMessage *m);
int ras_build_arq(struct ras *ras, struct h225_RasMessage *m,
                  const struct ras_admission *admission);
int ras_build_brq(struct ras *ras, struct h225_RasMessage *m, const struct ras_call *call,
                  uint32_t bandwidth);
int ras_build_drq(struct ras *ras, struct h225_RasMessage *m, const struct ras_call *call,
                  unsigned cause);
int ras_build_rai(struct ras *ras, struct h225_RasMessage *m);
int ras_build_irr(struct ras *ras, struct h225_RasMessage *m, struct ras_call *const *calls,
                  size_t count, bool is_unsolicited);
int ras_build_identifier(struct ras *ras, const struct ras_id *id, struct per_bmp *out);

/* Sending (ras_send.c). A built message gets its number, its token and goes out; a request is kept
 * until answered. `what` says which request: purpose, key, bandwidth. */
int ras_send_request(struct ras *ras, struct h225_RasMessage *m, const struct ras_pending *what);
int ras_send_answer(struct ras *ras, struct h225_RasMessage *m, uint16_t seq,
                    enum h225_RasMessage_kind to_kind, const struct addr *to);
bool ras_repeat_answer(struct ras *ras, enum h225_RasMessage_kind kind, uint16_t seq,
                       const struct addr *to);
int ras_send_indication(struct ras *ras, struct h225_RasMessage *m);
struct ras_pending *ras_pending_find(struct ras *ras, uint16_t seq);
void ras_pending_free(struct ras_pending *p);
/* Forgets all; calls that wait for their admission are told ERR_CLOSED. */
void ras_pending_abort(struct ras *ras);

/* H.235.1 (ras_auth.c). */
int ras_auth_attach(struct ras *ras, struct h225_RasMessage *m, const uint8_t mark[RAS_HASH_LEN]);
/* Puts the hash where the mark is: ERR_NOTFOUND, ERR_EXISTS (the mark is there twice). */
int ras_auth_seal(const struct ras_crypto *crypto, const uint8_t key[RAS_SHA1_LEN], uint8_t *data,
                  size_t len, const uint8_t mark[RAS_HASH_LEN]);
/* 0: authentic and fresh; ERR_NOTFOUND: no token of this profile; ERR_AUTH, ERR_REPLAY. */
int ras_auth_check(struct ras *ras, const struct h225_RasMessage *m, const uint8_t *data,
                   size_t len);

/* Answers and requests of the gatekeeper (ras_answer.c, ras_request.c). */
int ras_on_answer(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                  const uint8_t *data, size_t len);
void ras_on_silence(struct ras *ras, struct ras_pending *p);
int ras_on_request(struct ras *ras, const struct addr *from, const struct h225_RasMessage *m,
                   const uint8_t *data, size_t len);
bool ras_is_answer(enum h225_RasMessage_kind kind);
bool ras_is_gatekeeper(const struct ras *ras, const struct addr *from);

/* Calls (ras_call.c). */
struct ras_call *ras_call_find(struct ras *ras, uint64_t key);
struct ras_call *ras_call_find_id(struct ras *ras, const uint8_t call_id[H225_GUID_LEN],
                                  uint16_t call_ref);
void ras_call_free(struct ras_call *call);
/* The end of an admission; `acf` NULL: err says why, and the call is gone. */
void ras_call_answered(struct ras *ras, uint64_t key, const struct h225_AdmissionConfirm *acf,
                       int err, const char *reason);

void ras_id_set(struct ras_id *id, bool present, const struct per_bmp *text);
bool ras_id_equal(const struct ras_id *id, const struct per_bmp *text);
void ras_id_text(const struct ras_id *id, char *text, size_t cap);

#endif
