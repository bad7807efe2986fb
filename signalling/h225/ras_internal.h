/* What the files of the RAS engine share. Not for anybody else. */
#ifndef SIGNALLING_H225_RAS_INTERNAL_H
#define SIGNALLING_H225_RAS_INTERNAL_H

#include "base/list.h"
#include "base/timer.h"
#include "signalling/h225/internal.h"
#include "signalling/h225/ras.h"

#include <limits.h>

#define RAS_ALTERNATES_MAX  8
#define RAS_NAMES_A_MESSAGE 32    /* aliases and prefixes: a message then fits any path */
#define RAS_REPLIES_MAX     16    /* answers kept for requests that the gatekeeper repeats */
#define RAS_REPLY_MS        30000 /* and for how long */
#define RAS_BUCKETS         1024
#define RAS_IRR_CALLS_MAX   24 /* as many as surely fit a datagram */
#define RAS_EARLY_MAX       4  /* Setup, CallProceeding and what comes with them */
#define RAS_SEEN_MAX        32 /* tokens remembered against replay */
#define RAS_SEEN_S          60 /* nothing so much older than the newest is a late datagram */
#define RAS_HASH_LEN        12 /* HMAC-SHA1-96 */
#define RAS_ATTEMPTS_MAX    3  /* registrations begun anew without one that holds */
#define RAS_REDIRECTS_MAX   4  /* gatekeepers that one request is sent on to */
#define RAS_PROLONGED_MAX   10 /* RequestInProgress for one request */

struct ras_id { /* gatekeeper or endpoint identifier */
    uint16_t text[128];
    size_t len;
};

struct ras_gatekeeper {
    struct addr address;
    struct ras_id id;
    bool need_register;
    bool is_tried; /* since the last registration that held */
    uint8_t priority;
};

#define RAS_NO_GATEKEEPER UINT_MAX

enum ras_purpose { /* of a RegistrationRequest */
                   RAS_FULL,
                   RAS_KEEP_ALIVE,
                   RAS_ADDITIVE,
};

struct ras_name { /* that we are registered by */
    struct h225_alias alias;
    bool is_prefix;
};

struct ras_range { /* of ras->names */
    size_t from, to;
};

/* What RCF lets us do without asking (preGrantedARQ). */
struct ras_pregrant {
    bool make, make_by_gatekeeper, answer, answer_by_gatekeeper;
    uint16_t report_s; /* irrFrequencyInCall, 0: no reports */
    bool has_total;
    uint32_t total;         /* totalBandwidthRestriction, in 100 bit/s */
    struct addr signalling; /* of the gatekeeper, for both by_gatekeeper */
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
    size_t names_to;    /* RegistrationRequest: how many names are told when it is confirmed */
    uint32_t bandwidth; /* asked for */
    uint8_t redirects;  /* of this request, by gatekeepers that named others */
    uint8_t prolonged;  /* by RequestInProgress */
    bool is_refused;    /* by one gatekeeper of a group; others may still take us */
    struct ras_id *via; /* identifier of the gatekeeper asked, NULL: the one in use */
    uint8_t *data;
    size_t len;
};

/* What of a call's times the gatekeeper wants, and when (usageSpec of RCF and ACF). */
struct ras_usage {
    bool at_start, at_end, in_irr;
    bool start_time, end_time;
};

struct ras_early { /* a signalling message from before the admission */
    bool is_sent;
    uint8_t *data;
    size_t len;
};

struct ras_call {
    struct list link; /* in ras->calls[key] */
    struct list age;  /* in ras->by_age */
    uint64_t serial;  /* counts calls */
    struct ras *ras;
    struct timer report; /* unsolicited InfoRequestResponse */
    uint64_t key;
    uint64_t registration; /* that admitted it */
    uint8_t call_id[H225_GUID_LEN];
    uint8_t conference_id[H225_GUID_LEN];
    uint16_t call_ref;
    bool is_answer, is_admitted, is_routed;
    bool is_pregranted; /* the gatekeeper was not asked, and does not hear of the end */
    bool has_irr_answer, irr_answer; /* ACF.willRespondToIRR */
    uint32_t bandwidth;
    uint32_t report_s;
    uint32_t uuies; /* bit: kind of message body that the gatekeeper wants to see */
    struct ras_usage usage;
    uint32_t alerting_time, connect_time; /* seconds since 1970; 0: not yet */
    struct ras_early early[RAS_EARLY_MAX];
    unsigned early_count;
    struct addr peer; /* signalling address, for InfoRequestResponse */
};

/* One request of the gatekeeper while it is handled. */
struct ras_ask {
    const struct h225_RasMessage *m;
    const struct addr *from;
    const uint8_t *data;
    size_t len;
    uint16_t seq;
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
    struct arena in, out, uuie;
    struct timer_set timers;
    struct timer keep_alive, retry;
    uint64_t now;
    uint8_t state; /* enum ras_state */
    uint8_t key[RAS_SHA1_LEN];
    struct ras_name names[RAS_NAMES_MAX];
    size_t name_count;
    size_t names_told;     /* by full and additive registrations, in order */
    bool is_telling;       /* a registration that tells more waits for its answer */
    bool is_all_at_once;   /* the gatekeeper takes no additive ones */
    bool is_names_refused; /* what is not told stays so until the next registration */
    uint16_t seq;
    uint32_t token_random;

    struct ras_gatekeeper gatekeepers[1 + RAS_ALTERNATES_MAX]; /* [0]: the configured one */
    unsigned gatekeeper_count;
    unsigned current; /* the one we deal with; RAS_NO_GATEKEEPER: it is no longer in the list */
    unsigned attempts;
    struct addr address; /* its RAS address as it said itself */
    struct ras_id gatekeeper_id, endpoint_id;
    uint32_t ttl_s;
    bool takes_additive, answers_irr;
    bool must_discover; /* whatever config.skip_discovery says */
    bool is_asking;     /* a keep-alive waits for its answer */
    size_t names_refused;
    bool is_switching; /* the user is told where the next registration is */
    struct ras_pregrant pregrant;
    uint64_t registration; /* counts them, so that calls know whose they are */
    bool almost_out, almost_out_told;
    char why[96]; /* reason of the last rejection */

    struct list pending[256];
    size_t pending_count;
    struct list calls[RAS_BUCKETS];
    size_t call_count;
    struct list by_age;
    uint64_t call_serial;
    unsigned segment_next;  /* of an InfoRequestResponse in segments */
    uint64_t segment_after; /* serial of the last call in the one before */
    struct ras_usage usage; /* of all calls */
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
    X(RAS_ON_MOVED, "permanent alternate gatekeepers in a rejection")              \
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
    size_t names_to;
};
void ras_register_with(struct ras *ras, unsigned which);

/* Alternates (ras_alternates.c). Learning replaces what we know, but for the configured gatekeeper;
 * both arguments may be NULL. */
void ras_learn_alternates(struct ras *ras, const struct h225_AlternateGK_list *list,
                          const struct h225_AlternateGK *assigned);
void ras_turn_to(struct ras *ras, unsigned which);
void ras_try_all(struct ras *ras);                   /* but for the one in use */
unsigned ras_next_gatekeeper(const struct ras *ras); /* not tried yet, or RAS_NO_GATEKEEPER */
unsigned ras_next_without_registration(const struct ras *ras); /* takes over the one that holds */

/* What each kind of message is made of. (ras_kind.c) */
struct ras_kind {
    size_t size, seq, has_tokens, tokens; /* of its struct, and offsets in it */
    const char *name;
};
const struct ras_kind *ras_kind_of(enum h225_RasMessage_kind kind); /* NULL: we do not use it */
void *ras_body(const struct h225_RasMessage *m);                    /* of a kind that has a row */
uint16_t ras_seq_of(const struct h225_RasMessage *m);
const char *ras_choice_name(const struct per_type *choice, unsigned kind);

/* Names (ras_names.c), each once. ERR_INVAL, ERR_LIMIT: none was added; ERR_NOMEM. */
int ras_names_add(struct ras *ras, const struct h225_alias *aliases, size_t alias_count,
                  const char *const *prefixes, size_t prefix_count);
/* Which of them such a request tells. */
struct ras_range ras_names_of(const struct ras *ras, enum ras_purpose purpose);
int ras_names_build_aliases(struct ras *ras, struct ras_range range, bool *present,
                            struct h225_AliasAddress_list *out);
int ras_names_build_prefixes(struct ras *ras, struct ras_range range,
                             struct h225_SupportedPrefix_list *out);
/* Registered: tells the next ones if any are left. */
int ras_names_tell(struct ras *ras);
void ras_names_forget(struct ras *ras); /* nothing is told any more */

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
int ras_build_ourselves(struct ras *ras, struct h225_InfoRequestResponse *u);
int ras_build_call_id(struct ras *ras, const uint8_t guid[H225_GUID_LEN],
                      struct h225_CallIdentifier **out);
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
/* The same, but a copy of it made before keeps its buffers until it is dropped. */
void ras_pending_take(struct ras_pending *p);
void ras_pending_drop(struct ras_pending *copy);
/* A request that was answered or given up, now to another gatekeeper, with its name in it. */
int ras_send_again(struct ras *ras, const struct ras_pending *p, const struct addr *to,
                   const struct ras_id *id);
/* Forgets all; calls that wait for their admission are told ERR_CLOSED. */
void ras_pending_abort(struct ras *ras);

/* H.235.1 (ras_auth.c). */
int ras_auth_attach(struct ras *ras, struct h225_RasMessage *m, const uint8_t mark[RAS_HASH_LEN]);
/* Puts the hash where the mark is: ERR_NOTFOUND, ERR_EXISTS (the mark is there twice). */
int ras_auth_seal(const struct ras_crypto *crypto, const uint8_t key[RAS_SHA1_LEN], uint8_t *data,
                  size_t len, const uint8_t mark[RAS_HASH_LEN]);
bool ras_has_token(const struct h225_RasMessage *m); /* of any kind */
/* 0: authentic and fresh; else counted by reason: ERR_NOTFOUND: no token; ERR_UNSUPPORTED: none of
 * this profile; ERR_AUTH, ERR_REPLAY. */
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

/* What is told of calls (ras_report.c). */
void ras_read_usage(struct ras_usage *usage, const struct h225_RasUsageSpecification_list *list);
uint32_t ras_read_uuies(const struct h225_UUIEsRequested *u);
int ras_build_usage(struct ras *ras, const struct ras_call *call, bool is_over,
                    struct h225_RasUsageInformation **out);
void ras_on_irq(struct ras *ras, const struct ras_ask *ask);
void ras_on_report_timer(struct timer *timer, void *ctx, uint64_t now);
void ras_report_start(struct ras_call *call);
void ras_report_early(struct ras_call *call); /* admitted: what came before goes out now */
void ras_drop_early(struct ras_call *call);

/* Calls (ras_call.c). */
struct ras_call *ras_call_find(struct ras *ras, uint64_t key);
struct ras_call *ras_call_find_id(struct ras *ras, const uint8_t call_id[H225_GUID_LEN],
                                  uint16_t call_ref);
void ras_call_free(struct ras_call *call);
/* The end of an admission: it may be, or err says why not, and the call is gone. `route_to` may be
 * NULL. */
void ras_call_confirmed(struct ras *ras, uint64_t key, const struct h225_AdmissionConfirm *acf);
void ras_call_refused(struct ras *ras, uint64_t key, int err, const char *reason,
                      const struct addr *route_to);

const struct ras_id *ras_wanted_id(const struct ras *ras); /* of the gatekeeper asked; "": any */
void ras_id_set(struct ras_id *id, bool present, const struct per_bmp *text);
bool ras_id_equal(const struct ras_id *id, const struct per_bmp *text);
void ras_id_text(const struct ras_id *id, char *text, size_t cap);

#endif
