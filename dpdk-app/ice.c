/* ICE-lite of one transport (RFC 8445 §2.5): answers checks and follows the peer's nomination. Only
 * who knows the password gets an answer, and only a nominated address becomes the remote. */
#include "dpdk-app/ice.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/stun.h"

/* RFC 8445 section 5.3: at least 24 and 128 bits. */
#define UFRAG_MIN    4u
#define PASSWORD_MIN 22u
/* Checks a second and transport, pacing is 50 ms for each pair of a peer (section 14): a peer with
 * a dozen candidates stays below, and a flood costs a hundred hashes. */
#define CHECKS    100u
#define CHECKS_MS 1000u
/* A selected address that has not checked for so long has lost its consent (RFC 7675 section 5.1):
 * another one of less priority may follow it. */
#define CONSENT_MS 30000u

struct ice {
    struct link_ice credentials;
    bool is_nominated;
    uint32_t priority; /* of the selected address's check */
    uint64_t seen_ms;  /* last check from it */
    uint64_t tokens_ms;
    uint32_t tokens;
};

int ice_set(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    const struct link_ice *new = &msg->u.ice;

    (void)worker;
    /* Latching and ICE are two ways to find the remote; both at once would let the weaker
     * decide. */
    if ((t->mode != LINK_MODE_DTLS_SRTP && t->mode != LINK_MODE_PASS) ||
        (t->flags & LINK_FLAG_LATCH) || new->ufrag_length < UFRAG_MIN ||
        new->ufrag_length > LINK_UFRAG_MAX || new->password_length < PASSWORD_MIN ||
        new->password_length > LINK_PASSWORD_MAX)
        return ERR_INVAL;
    if (t->ice == NULL)
        t->ice = calloc(1, sizeof(*t->ice));
    if (t->ice == NULL)
        return ERR_NOMEM;
    t->ice->credentials = *new;
    t->ice->is_nominated = false; /* a restart selects anew; until it does media stay (section 9) */
    return 0;
}

void ice_drop(struct transport *t)
{
    if (t->ice != NULL)
        /* The password keyed the checks of a call: gone with it. */
        secret_wipe(t->ice, sizeof(*t->ice));
    free(t->ice);
    t->ice = NULL;
}

static bool take_token(struct ice *ice, uint64_t now_ms)
{
    /* A bucket refilled at once each second: coarse, and enough against a flood of hashes. */
    if (now_ms - ice->tokens_ms >= CHECKS_MS) {
        ice->tokens_ms = now_ms;
        ice->tokens = CHECKS;
    }
    if (ice->tokens == 0)
        return false;
    ice->tokens--;
    return true;
}

static bool is_selected(const struct transport *t, const struct link_addr *from)
{
    return t->remote_family == from->family && t->remote_port == from->port &&
           memcmp(t->remote_ip, from->ip, sizeof(from->ip)) == 0;
}

/* Does the check move the remote? Only when the peer nominates its pair: one that merely works may
 * be left again, and an association that began there would be with nobody. Of several nominated
 * ones that with the highest priority holds (RFC 8445 section 8.1.1, for peers that nominate every
 * pair), while it keeps checking. */
static bool selects(const struct worker *worker, const struct transport *t,
                    const struct stun_request *request)
{
    const struct ice *ice = t->ice;

    return request->use_candidate && (!ice->is_nominated || request->priority > ice->priority ||
                                      worker->now_ms - ice->seen_ms >= CONSENT_MS);
}

static void follow(struct worker *worker, struct transport *t, const struct packet *p,
                   const struct stun_request *request, const struct link_addr *from)
{
    struct ice *ice = t->ice;
    bool is_same = is_selected(t, from);

    /* A check from the selected address keeps its consent fresh, whether it nominates or not. */
    if (is_same || selects(worker, t, request)) {
        if (!is_same) {
            /* No way there (another family, no route): the check is answered, media stay. */
            if (worker_set_remote(worker, t, from) != 0)
                return;
            worker_show(worker, t);
            worker_count(worker, LINK_COUNTER_ice_selected, 1);
            worker_event(worker, t, LINK_ICE_SELECTED, 0, p);
        }
        ice->is_nominated = ice->is_nominated || request->use_candidate;
        /* Also of later checks: a peer may raise its priority. */
        ice->priority = request->priority;
        ice->seen_ms = worker->now_ms;
    }
}

static void answer(struct worker *worker, struct transport *t, const struct stun_request *request,
                   unsigned error, const struct link_addr *to)
{
    const struct link_ice *own = &t->ice->credentials;
    struct addr from = {.family = to->family, .port = to->port};
    uint8_t bytes[STUN_ANSWER_MAX];
    struct packet *p = worker->io->alloc(worker->io);
    size_t length;

    if (p == NULL) {
        worker_count(worker, LINK_COUNTER_no_buffer, 1);
        return;
    }
    memcpy(from.ip, to->ip, sizeof(from.ip));
    /* The address that we saw, not the one of the transport: that is what the peer wants to
     * learn. */
    length = stun_answer(request, error, &from, own->password, own->password_length, bytes);
    packet_resize(p, (uint16_t)length);
    memcpy(p->data, bytes, length);
    p->kind = PACKET_STUN;
    worker_send_dtls(worker, t, p, to);
    worker_count(worker, error == 0 ? LINK_COUNTER_stun_answered : LINK_COUNTER_stun_refused, 1);
}

/* The counter of what is wrong, 0 for nothing. Without the password nothing is answered: neither
 * amplifier nor oracle. */
static unsigned judge(struct worker *worker, struct transport *t, const struct packet *p,
                      struct stun_request *request)
{
    const struct link_ice *own = &t->ice->credentials;

    /* Cheap tests first: format, our name, the rate, and only then the hash. */
    if (stun_read(p->data, p->length, request) != 0)
        return LINK_COUNTER_stun_malformed;
    if (!stun_is_for(request, own->ufrag, own->ufrag_length))
        return LINK_COUNTER_stun_foreign;
    if (!take_token(t->ice, worker->now_ms))
        return LINK_COUNTER_stun_rate;
    if (!stun_is_authentic(p->data, request, own->password, own->password_length))
        return LINK_COUNTER_stun_foreign;
    /* RFC 8445 section 7.1, 7.1.1: no check goes without them. */
    return request->has_priority && request->has_fingerprint ? 0 : LINK_COUNTER_stun_malformed;
}

void ice_receive(struct worker *worker, struct transport *t, struct packet *p)
{
    struct link_addr from = {.family = p->family, .port = p->source_port};
    struct stun_request request;
    unsigned fault = judge(worker, t, p, &request);
    unsigned error = 0;

    /* Refused checks are silent (see judge); errors below go to somebody who knows the password. */
    if (fault != 0) {
        worker_drop(worker, p, fault);
        return;
    }
    memcpy(from.ip, p->source_ip, sizeof(from.ip));
    if (request.unknown != 0)
        error = STUN_BAD_ATTRIBUTE;
    else if (request.is_controlled) /* a lite agent is never the one that nominates */
        error = STUN_ROLE_CONFLICT;
    else
        follow(worker, t, p, &request, &from);
    answer(worker, t, &request, error, &from);
    worker_release(worker, p);
}
