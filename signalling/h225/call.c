#include "signalling/h225/internal.h"

#include <stdlib.h>
#include <string.h>

/* The call: Q.931 messages in, the machine's steps, and the user's actions. What each message does
 * is in machine.c. */
static void enter(struct h225_call *call, uint64_t now)
{
    call->depth++;
    call->now = now;
}

static void forget_fast_start(struct h225_call *call)
{
    for (size_t i = 0; i < call->fast_start_count; i++)
        /* Copies of ours, whatever their type says. */
        free((void *)(uintptr_t)call->fast_start[i].data);
    call->fast_start_count = 0;
}

static void call_free(struct h225_call *call)
{
    forget_fast_start(call);
    h225_tunnel_fini(call);
    arena_fini(&call->in);
    arena_fini(&call->out);
    free(call);
}

static void leave(struct h225_call *call)
{
    /* Destroyed by a callback: the last one on the stack frees it. */
    if (--call->depth == 0 && call->destroyed)
        call_free(call);
}

/* ---- input ---- */

static const struct type_row {
    uint8_t type;
    enum h225_event event;
} types[] = {
    {Q931_SETUP, H225_ON_SETUP},
    {Q931_SETUP_ACK, H225_ON_SETUP_ACK},
    {Q931_CALL_PROCEEDING, H225_ON_PROCEEDING},
    {Q931_PROGRESS, H225_ON_PROGRESS},
    {Q931_ALERTING, H225_ON_ALERTING},
    {Q931_CONNECT, H225_ON_CONNECT},
    {Q931_RELEASE_COMPLETE, H225_ON_RELEASE_COMPLETE},
    {Q931_FACILITY, H225_ON_FACILITY},
    {Q931_INFORMATION, H225_ON_INFORMATION},
    {Q931_NOTIFY, H225_ON_NOTIFY},
    {Q931_STATUS, H225_ON_STATUS},
    {Q931_STATUS_INQUIRY, H225_ON_STATUS_INQUIRY},
};

/* The machine's event for a message type. */
static enum h225_event event_of(uint8_t type)
{
    for (unsigned i = 0; i < FSM_COUNT(types); i++)
        if (types[i].type == type)
            return types[i].event;
    /* Not one of H.225.0's: Q.931 has more. */
    return H225_EVENT_COUNT;
}

static bool is_alive(const struct h225_call *call)
{
    return call->state != H225_STATE_NULL && call->state != H225_STATE_RELEASING &&
           call->state != H225_STATE_RELEASED;
}

/* The User-user part. A message that has none, or a broken one, still counts as a Q.931 message: a
 * ReleaseComplete releases whatever its contents. */
static int decode_uuie(struct h225_call *call, const struct q931_msg *msg,
                       const struct h225_H323_UU_PDU **pdu)
{
    struct per_limits limits = h225_limits(call);
    void *info = NULL;
    int err;

    /* The reason of an end is told by Q.931's cause, too. */
    *pdu = NULL;
    if (msg->user_user.data == NULL)
        return 0;
    err = per_decode(&h225_H323_UserInformation_type, msg->user_user.data, msg->user_user.len,
                     &limits, &call->in, &info, NULL);
    if (err == 0)
        *pdu = &((const struct h225_H323_UserInformation *)info)->h323_uu_pdu;
    return err;
}

static void refuse(struct h225_call *call, unsigned cause, uint8_t type)
{
    /* Never an answer to Status: two ends would tell each other for ever (Q.931 5.8.10). */
    if (is_alive(call) && type != Q931_STATUS)
        h225_call_send_status(call, cause);
}

/* Another call's reference, or our own flag come back: whoever routed it here was wrong. */
static bool is_foreign(const struct h225_call *call, const struct q931_msg *msg)
{
    if (call->state == H225_STATE_NULL)
        /* Before Setup there is no reference to compare. */
        return msg->from_destination;
    return msg->call_ref != call->call_ref || msg->from_destination != call->is_caller;
}

/* The call reference is ours, but the callIdentifier is another call's: a gatekeeper that mixed up
 * two calls, or somebody who guesses. Version 1 has no identifier, and zeros are as good as none.
 */
static bool has_foreign_id(const struct h225_call *call, const struct h225_H323_UU_PDU *pdu)
{
    static const uint8_t none[H225_GUID_LEN];
    const uint8_t *id = h225_read_call_id(pdu);

    return id != NULL && call->state != H225_STATE_NULL && memcmp(id, none, H225_GUID_LEN) != 0 &&
           memcmp(call->call_id, none, H225_GUID_LEN) != 0 &&
           memcmp(id, call->call_id, H225_GUID_LEN) != 0;
}

/* Order matters: what is not a message of this call must change nothing of it, and what cannot be
 * read is told with its own cause. */
static int dispatch(struct h225_call *call, const struct q931_msg *msg)
{
    struct h225_input in = {.msg = msg};
    enum h225_event event = event_of(msg->type);
    int err;

    /* Counted, not refused: elements that we skip are what other versions added. */
    call->stats.elements_skipped += msg->elements_skipped;
    if (event == H225_EVENT_COUNT) {
        call->stats.unknown++;
        refuse(call, Q931_CAUSE_TYPE_UNKNOWN, msg->type);
        return ERR_UNSUPPORTED;
    }
    if (is_foreign(call, msg)) {
        call->stats.unexpected++;
        return ERR_NOTFOUND;
    }
    err = decode_uuie(call, msg, &in.pdu);
    /* These three have a meaning without their contents: they begin, end or change the call in any
     * case. */
    if (err != 0 && event != H225_ON_SETUP && event != H225_ON_RELEASE_COMPLETE &&
        event != H225_ON_CONNECT) {
        call->stats.undecodable++;
        refuse(call, Q931_CAUSE_INVALID_CONTENTS, msg->type);
        return err;
    }
    if (in.pdu != NULL && has_foreign_id(call, in.pdu)) {
        call->stats.foreign_id++;
        /* A ReleaseComplete has no answer. */
        if (event != H225_ON_RELEASE_COMPLETE)
            refuse(call, Q931_CAUSE_INVALID_CALL_REFERENCE, msg->type);
        return ERR_NOTFOUND;
    }
    /* What is said of the connection (multipleCalls, maintainConnection) may be in any message. */
    if (in.pdu != NULL)
        h225_learn_connection(call, in.pdu);
    if (!h225_call_run(call, event, &in)) {
        call->stats.unexpected++;
        /* Only for states that live: see refuse(). */
        refuse(call, Q931_CAUSE_WRONG_STATE, msg->type);
        return ERR_STATE;
    }
    return err;
}

int h225_call_input(struct h225_call *call, const uint8_t *message, size_t len, uint64_t now)
{
    struct q931_msg msg;
    int err;

    /* A callback that feeds another message would reset the arena under this one. */
    if (call->in_input)
        return ERR_STATE;
    enter(call, now);
    call->in_input = true;
    call->stats.messages_in++;
    arena_reset(&call->in);
    err = q931_decode(message, len, &msg);
    if (err != 0)
        call->stats.undecodable++;
    else
        err = dispatch(call, &msg);
    call->in_input = false;
    if (!call->destroyed)
        /* What was tunnelled in answer goes out before control is given back. */
        h225_tunnel_flush(call);
    leave(call);
    return err;
}

/* Without a call: which of a connection's calls is meant. */
int h225_call_peek(const uint8_t *message, size_t len, uint16_t *call_ref, bool *from_destination,
                   uint8_t *type)
{
    struct q931_msg msg;
    int err = q931_decode(message, len, &msg);

    if (err != 0)
        return err;
    *call_ref = msg.call_ref;
    *from_destination = msg.from_destination;
    *type = msg.type;
    return 0;
}

/* ---- actions ---- */

/* Each action of the user's is one event of the machine; whether it fits the state is the table's
 * word. */
static int act(struct h225_call *call, enum h225_event event, const void *input, uint64_t now)
{
    int err = 0;

    enter(call, now);
    /* Before the step: what it builds lives there until it is sent. */
    arena_reset(&call->out);
    if (!h225_call_run(call, event, input))
        err = ERR_STATE;
    else if (!call->destroyed)
        h225_tunnel_flush(call);
    leave(call);
    return err;
}

int h225_call_start(struct h225_call *call, const struct h225_outgoing *outgoing, uint64_t now)
{
    int err;

    /* 15 bits; 0 is the global call reference, which no call has. */
    if (call->call_ref == 0 || call->call_ref > 0x7fff)
        return ERR_INVAL;
    err = act(call, H225_DO_START, outgoing, now);
    /* The Setup could not be made: told by the return value, no callback. */
    return err == 0 && call->state == H225_STATE_NULL ? ERR_INVAL : err;
}

int h225_call_proceeding(struct h225_call *call, uint64_t now)
{
    return act(call, H225_DO_PROCEEDING, NULL, now);
}

int h225_call_alerting(struct h225_call *call, uint64_t now)
{
    return act(call, H225_DO_ALERTING, NULL, now);
}

void h225_call_refuse_fast_connect(struct h225_call *call, bool refuse)
{
    call->config.refuse_fast_connect = refuse;
}

void h225_call_secure_h245(struct h225_call *call)
{
    call->config.h245_tls = true;
}

int h225_call_set_fast_start(struct h225_call *call, const struct h225_octets *list, size_t count)
{
    /* After Connect it would come too late. */
    if (call->is_caller || !is_alive(call) || call->state == H225_STATE_ACTIVE)
        return ERR_STATE;
    if (count > H225_FAST_START_MAX)
        return ERR_LIMIT;
    forget_fast_start(call);
    for (; call->fast_start_count < count; call->fast_start_count++) {
        const struct h225_octets *from = &list[call->fast_start_count];
        /* malloc(0) may be NULL. */
        uint8_t *copy = malloc(from->len > 0 ? from->len : 1);

        if (copy == NULL)
            return ERR_NOMEM;
        memcpy(copy, from->data, from->len);
        call->fast_start[call->fast_start_count] = (struct h225_octets){copy, from->len};
    }
    /* Answered: it cannot be refused as well. */
    call->config.refuse_fast_connect = false;
    return 0;
}

void h225_call_fast_start_from(struct h225_call *call, uint8_t type)
{
    call->fast_start_from = type;
}

void h225_call_announce_h245(struct h225_call *call, const struct addr *h245_address)
{
    call->h245_early = *h245_address;
}

int h225_call_connect(struct h225_call *call, const struct addr *h245_address, uint64_t now)
{
    return act(call, H225_DO_CONNECT, h245_address, now);
}

int h225_call_release(struct h225_call *call, enum h225_reason reason, uint64_t now)
{
    if (reason >= H225_REASON_COUNT)
        return ERR_INVAL;
    return act(call, H225_DO_RELEASE, &reason, now);
}

void h225_call_lost(struct h225_call *call, uint64_t now)
{
    act(call, H225_ON_LOST, NULL, now);
}

/* Any state of a living call: H.245 may be asked for late. */
int h225_call_start_h245(struct h225_call *call, const struct addr *h245_address, uint64_t now)
{
    struct h225_output o;
    int err;

    if (!is_alive(call))
        return ERR_STATE;
    enter(call, now);
    arena_reset(&call->out);
    err = h225_build_start_h245(call, h245_address, &o);
    if (err == 0)
        err = h225_transmit(call, &o);
    leave(call);
    return err;
}

int h225_call_facility(struct h225_call *call, const struct h225_facility *facility, uint64_t now)
{
    struct h225_output o;
    int err;

    if (!is_alive(call))
        return ERR_STATE;
    enter(call, now);
    arena_reset(&call->out);
    err = h225_build_facility(call, facility, &o);
    if (err == 0)
        err = h225_transmit(call, &o);
    leave(call);
    return err;
}

int h225_call_send_keypad(struct h225_call *call, const char *digits, uint64_t now)
{
    struct h225_output o;
    int err;

    if (!is_alive(call))
        return ERR_STATE;
    /* The element has one octet of length, and keypads send few keys at a time. */
    if (digits[0] == '\0' || strlen(digits) > 32)
        return ERR_RANGE;
    enter(call, now);
    arena_reset(&call->out);
    err = h225_build_keypad(call, digits, &o);
    if (err == 0)
        err = h225_transmit(call, &o);
    leave(call);
    return err;
}

uint64_t h225_call_next_deadline(const struct h225_call *call)
{
    return call->deadline;
}

void h225_call_on_timer(struct h225_call *call, uint64_t now)
{
    if (call->deadline > now)
        return;
    /* NEVER first: the step may set it anew. */
    call->deadline = H225_NEVER;
    act(call, H225_ON_TIMER, NULL, now);
}

/* ---- life ---- */

static void copy_text(char *to, size_t cap, const char *from, const char *standard)
{
    size_t len;

    if (from == NULL)
        from = standard;
    /* Cut, not refused: it is for people. */
    len = strnlen(from, cap - 1);
    memcpy(to, from, len);
    to[len] = '\0';
}

static void set_default(uint32_t *value, uint32_t standard)
{
    if (*value == 0)
        *value = standard;
}

/* Texts are copied into the call, as they outlive the configuration. */
static void configure(struct h225_call *call, const struct h225_call_config *config)
{
    call->config = *config;
    copy_text(call->product, sizeof(call->product), config->product, "Sluice");
    copy_text(call->version, sizeof(call->version), config->version, SLUICE_VERSION);
    copy_text(call->display, sizeof(call->display), config->display, "");
    call->config.product = call->product;
    call->config.version = call->version;
    call->config.display = call->display;
    /* T303, T310, T301 of Q.931 (9.5), the third longer, as people look for their phones. */
    set_default(&call->config.setup_timeout_ms, 4000);
    set_default(&call->config.proceeding_timeout_ms, 10000);
    set_default(&call->config.alerting_timeout_ms, 180000);
    set_default(&call->config.answer_timeout_ms, 180000);
    if (call->config.memory_limit == 0)
        call->config.memory_limit = 262144;
    if (call->config.tunnel_queue_max == 0)
        call->config.tunnel_queue_max = 32;
    /* Unknown until the peer has said. */
    call->tunnel = config->tunnelling ? H225_TUNNEL_UNKNOWN : H225_TUNNEL_OFF;
}

struct h225_call *h225_call_create(const struct h225_call_config *config,
                                   const struct h225_call_ops *ops, void *arg, uint16_t call_ref)
{
    struct h225_call *call;

    /* Nothing can be done without it; all other callbacks may be absent. */
    if (ops->send == NULL)
        return NULL;
    call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    configure(call, config);
    call->ops = ops;
    call->arg = arg;
    call->call_ref = call_ref;
    call->deadline = H225_NEVER;
    arena_init(&call->in, 4096, call->config.memory_limit);
    arena_init(&call->out, 4096, 0);
    /* As many PDUs as may wait, taken once: waiting costs no memory. */
    call->queue = calloc(call->config.tunnel_queue_max, sizeof(*call->queue));
    if (call->queue == NULL) {
        call_free(call);
        return NULL;
    }
    return call;
}

void h225_call_destroy(struct h225_call *call)
{
    if (call == NULL || call->destroyed)
        return;
    if (call->depth == 0)
        call_free(call);
    else
        call->destroyed = true;
}

enum h225_state h225_call_state(const struct h225_call *call)
{
    return (enum h225_state)call->state;
}

bool h225_call_is_caller(const struct h225_call *call)
{
    return call->is_caller;
}

uint16_t h225_call_ref(const struct h225_call *call)
{
    return call->call_ref;
}

const struct h225_call_stats *h225_call_stats(const struct h225_call *call)
{
    return &call->stats;
}

bool h225_call_shares_connection(const struct h225_call *call)
{
    /* Both sides have to have said it (H.323 7.3). */
    return call->config.multiple_calls && call->peer_multiple;
}

bool h225_call_keeps_connection(const struct h225_call *call)
{
    return call->config.maintain_connection && call->peer_maintains;
}
