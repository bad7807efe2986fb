/* H.235.10 §7.3.2 and §8 without a capability exchange: the OLCs of fast connect. */
#include "signalling/h23510/fast.h"
#include "signalling/h23510/internal.h"

#include <string.h>

#define REVERSE_LCN 1 /* says nothing: the callee numbers its channel in the answer */

/* Puts what the OLC carries into an h235Media that names its protection. */
static int wrap(struct arena *a, struct h245_OpenLogicalChannel *olc,
                struct h245_DTLSSecurityCapability *dtls)
{
    struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    struct h245_H235Media *media = arena_zalloc(a, sizeof(*media));

    if (media == NULL || dtls == NULL)
        return ERR_NOMEM;
    media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability = dtls;
    /* Data are not proposed in fast connect. */
    if (type->kind == h245_DataType_data || h23510_wrap(type, media) != 0)
        return ERR_UNSUPPORTED;
    return 0;
}

/* NULL: `*verdict` says why. */
static const struct h245_DTLSSecurityCapability *dtls_of(const struct h245_OpenLogicalChannel *olc,
                                                         enum h23510_verdict *verdict)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    const struct h245_DTLSSecurityCapability *dtls;

    *verdict = H23510_NOT_PROTECTED;
    if (type->kind != h245_DataType_h235Media)
        return NULL;
    dtls = type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability;
    *verdict = dtls != NULL ? H23510_OK : H23510_NO_DTLS;
    return dtls;
}

/* ---- callee ---- */

/* Both sides' setup decide; where both leave it open, the one who answers does (RFC 4145 §4.1). A
 * proposal that says nothing is `active` (RFC 4145 §4). */
static enum h23510_role role_of_proposal(const struct h23510 *n, enum h23510_setup peer)
{
    enum h23510_role role = h23510_role_of(n->policy.setup, peer);

    if (role != H23510_ROLE_OPEN)
        return role;
    return n->policy.open_role == H23510_SETUP_ACTIVE ? H23510_ROLE_ACTIVE : H23510_ROLE_PASSIVE;
}

static enum h23510_verdict judge_proposal(const struct h23510 *n,
                                          const struct h245_OpenLogicalChannel *olc,
                                          struct h23510_agreement *agreement)
{
    bool known[FINGERPRINT_HASH_COUNT] = {false};
    const struct h245_DTLSSecurityCapability *dtls;
    struct h23510_binding b;
    enum h23510_verdict verdict;
    enum h23510_role role;

    dtls = dtls_of(olc, &verdict);
    if (dtls == NULL)
        return verdict;
    if (n->policy.mode == H23510_MODE_OFF)
        return H23510_NO_CAPABILITY;
    /* The peer supports the hash that it used; with our own list that is the intersection. */
    for (size_t i = 0; i < n->policy.hash_count; i++)
        known[n->policy.hashes[i]] = true;
    /* By our own list: no capabilities have been exchanged. */
    verdict = h23510_read_binding(dtls, known, &b);
    if (verdict != H23510_OK)
        return verdict;
    /* There is no connection before the first call. */
    if (b.connection == H23510_CONNECTION_EXISTING)
        return H23510_NO_CONNECTION;
    role = role_of_proposal(n, b.setup);
    if (role == H23510_ROLE_IMPOSSIBLE)
        return H23510_ROLE_CONFLICT;
    *agreement = (struct h23510_agreement){
        .is_set = true,
        .role = role,
        .local_hash = b.fingerprint.hash,
        .peer_fingerprint = b.fingerprint,
        .connection = b.connection,
        /* The callee's first OLC begins it. */
        .is_new = true,
    };
    return H23510_OK;
}

int h23510_fast_read(struct h23510 *n, struct arena *a, const uint8_t *data, size_t len,
                     struct h23510_fast_offer *out)
{
    struct h245_fast_olc found;
    /* Unreadable ones are skipped by the caller: one strange proposal must not end fast connect. */
    int err = h245_read_fast_olc(a, data, len, &found);

    if (err != 0)
        return err;
    memset(out, 0, sizeof(*out));
    out->channel = found.channel;
    out->is_reverse = found.is_reverse;
    out->verdict = judge_proposal(n, found.olc, &out->agreement);
    /* Towards the caller: its addresses are in here already. */
    if (out->verdict == H23510_OK && found.is_reverse)
        out->verdict =
            h23510_check_transport(&found.channel.media, &found.channel.media_control, NULL);
    /* Counted only where protection was wanted at all. */
    if (n->policy.mode != H23510_MODE_OFF)
        (void)h23510_conclude(n, out->verdict);
    return 0;
}

/* One DTLS connection carries both directions: everything about it is said twice and has to be
 * the same. */
static bool is_one_connection(const struct h23510_fast_offer *forward,
                              const struct h23510_fast_offer *reverse)
{
    const struct h23510_agreement *a = &forward->agreement, *b = &reverse->agreement;

    /* One certificate, one role: two different ones cannot share a connection. */
    return a->role == b->role && a->local_hash == b->local_hash &&
           fingerprint_equal(&a->peer_fingerprint, &b->peer_fingerprint);
}

static bool is_one_transport(const struct h23510_fast_offer *forward,
                             const struct h23510_fast_offer *reverse)
{
    return h23510_check_transport(&reverse->channel.media, &forward->channel.media_control, NULL) ==
           H23510_OK;
}

struct search {
    const struct h23510_fast_offer *offers;
    size_t count;
    uint8_t session_id;
    h23510_fast_accepts_fn accepts;
    void *arg;
    enum h23510_verdict want; /* OK: protected ones, NOT_PROTECTED: clear ones */
    enum h23510_verdict why;
};

static bool is_candidate(const struct search *s, size_t i, bool is_reverse)
{
    const struct h23510_fast_offer *o = &s->offers[i];

    if (o->is_reverse != is_reverse || o->verdict != s->want ||
        /* Bidirectional ones need a third step that fast connect has not. */
        o->channel.session_id != s->session_id || o->channel.has_reverse || o->channel.is_null)
        return false;
    /* holdconn opens no DTLS until somebody changes it, which fast connect has no means for. */
    if (o->verdict == H23510_OK && o->agreement.role == H23510_ROLE_HOLD)
        return false;
    if (is_reverse && o->channel.media.family == ADDR_NONE)
        return false; /* where to? */
    return s->accepts(s->arg, &o->channel);
}

static bool is_pair(struct search *s, size_t forward, size_t reverse)
{
    const struct h23510_fast_offer *f = &s->offers[forward], *r = &s->offers[reverse];

    /* One codec for both ways: two are two calls to most endpoints. */
    if (f->channel.audio.codec != r->channel.audio.codec)
        return false;
    if (s->want == H23510_NOT_PROTECTED)
        return true;
    if (!is_one_connection(f, r))
        return false;
    if (is_one_transport(f, r))
        return true;
    s->why = H23510_ADDRESS_DIFFERS;
    return false;
}

static bool find_pair(struct search *s, struct h23510_fast_choice *choice)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!is_candidate(s, i, false))
            continue;
        /* In the caller's order of preference (H.323 8.1.7.1). */
        for (size_t j = 0; j < s->count; j++) {
            if (!is_candidate(s, j, true) || !is_pair(s, i, j))
                continue;
            *choice = (struct h23510_fast_choice){i, j, s->want == H23510_OK};
            return true;
        }
    }
    return false;
}

/* Is a medium of this session offered with protection, good or bad? */
static bool offers_protection(const struct search *s, enum h23510_verdict *why)
{
    bool any = false;

    /* Any at all, of this medium: it makes a clear answer a downgrade. */
    for (size_t i = 0; i < s->count; i++) {
        const struct h23510_fast_offer *o = &s->offers[i];

        if (o->channel.session_id != s->session_id || o->verdict == H23510_NOT_PROTECTED)
            continue;
        any = true;
        if (o->verdict != H23510_OK && *why == H23510_OK)
            *why = o->verdict;
    }
    return any;
}

bool h23510_fast_choose(const struct h23510 *n, const struct h23510_fast_offer *offers,
                        size_t count, uint8_t session_id, h23510_fast_accepts_fn accepts, void *arg,
                        struct h23510_fast_choice *choice, enum h23510_verdict *why)
{
    struct search s = {.offers = offers,
                       .count = count,
                       .session_id = session_id,
                       .accepts = accepts,
                       .arg = arg,
                       .want = H23510_OK,
                       .why = H23510_OK};

    *why = H23510_OK;
    /* Protected pairs first, whatever the order: preference is the policy's here. */
    if (n->policy.mode != H23510_MODE_OFF) {
        if (find_pair(&s, choice))
            return true;
        *why = s.why;
        /* Whoever offers protection and gets it wrong is not answered in the clear: that would be
         * what an attacker wants. */
        if (offers_protection(&s, why) || n->policy.mode == H23510_MODE_REQUIRED)
            return false;
    }
    s.want = H23510_NOT_PROTECTED;
    return find_pair(&s, choice);
}

int h23510_fast_take(struct h23510 *n, const struct h23510_fast_offer *offer)
{
    const struct h23510_agreement *a = &offer->agreement;

    if (offer->verdict != H23510_OK)
        return ERR_STATE;
    if (!n->agreement.is_set) {
        n->agreement = *a;
        return 0;
    }
    /* another medium that joins the connection (A-ADD) */
    return n->agreement.role == a->role &&
                   fingerprint_equal(&n->agreement.peer_fingerprint, &a->peer_fingerprint)
               ? 0
               : ERR_STATE;
}

int h23510_fast_answer(struct h23510 *n, struct arena *a, const struct h23510_fast_offer *offer,
                       uint16_t lcn, const struct addr *media, const struct addr *control,
                       const uint8_t **data, size_t *len)
{
    struct h245_channel c = offer->channel;
    struct h245_OpenLogicalChannel *olc = NULL;
    int err;

    /* The agreement is what the answer says. */
    if (offer->verdict == H23510_OK && !n->agreement.is_set)
        return ERR_STATE;
    /* Towards the caller our own address is not asked for: it is where we send from. */
    c.media = offer->is_reverse ? (struct addr){0} : *media;
    c.media_control = *control;
    /* A number of ours: the reverse channel is opened by us. */
    if (offer->is_reverse)
        c.lcn = lcn;
    err = h245_build_olc(a, &c, &olc);
    if (err == 0 && offer->verdict == H23510_OK)
        err = wrap(a, olc,
                   h23510_build_binding(n, a, n->agreement.local_hash, n->agreement.role,
                                        n->agreement.connection));
    return err == 0 ? h245_encode_fast_olc(a, olc, offer->is_reverse, data, len) : err;
}

/* ---- copies ---- */

void h23510_fast_pin(struct h23510 *session, const struct h23510_agreement *agreement)
{
    if (agreement->role == H23510_ROLE_ACTIVE)
        session->policy.setup = H23510_SETUP_ACTIVE;
    else if (agreement->role == H23510_ROLE_PASSIVE)
        session->policy.setup = H23510_SETUP_PASSIVE;
    /* As pinned: a later set of ours must not open the role again. */
    session->offered = session->policy.setup;
}

void h23510_fast_learn(struct h23510 *connection, const struct h23510 *session)
{
    connection->peer_known = session->peer_known;
    connection->peer_offers = session->peer_offers;
    connection->peer = session->peer;
    memcpy(connection->common, session->common, sizeof(connection->common));
    connection->chosen = session->chosen;
    connection->tcs_role = session->tcs_role;
    /* The connection is older than the capabilities and stays what it is. */
    if (connection->agreement.is_set && connection->tcs_role != H23510_ROLE_OPEN)
        connection->tcs_role = connection->agreement.role;
}

/* ---- caller ---- */

/* One proposal of both directions: what it offers and how. */
struct pattern {
    const struct h23510_fast_medium *medium;
    const struct h245_audio *audio;
    bool is_protected;
    enum fingerprint_hash hash;
};

static int encode_proposal(struct h23510 *n, struct arena *a, const struct pattern *p,
                           struct h23510_fast_proposal *out)
{
    struct h245_OpenLogicalChannel *olc = NULL;
    int err = h245_build_olc(a, &out->channel, &olc);

    if (err == 0 && p->is_protected)
        err = wrap(a, olc, h23510_build_proposal(n, a, p->hash));
    if (err == 0)
        err = h245_encode_fast_olc(a, olc, out->is_reverse, &out->data, &out->len);
    if (err == 0 && p->is_protected)
        /* Only what was proposed may be answered (judge_answer). */
        n->proposed[p->hash] = true;
    return err;
}

/* The channel towards us first, as endpoints in the field do. */
static int propose_pair(struct h23510 *n, struct arena *a, const struct pattern *p, uint16_t *lcn,
                        struct h23510_fast_proposal *list, size_t max, size_t *count)
{
    const struct h23510_fast_medium *m = p->medium;
    int err = 0;

    /* Half a proposal would be one-way media. */
    if (max - *count < 2)
        return ERR_LIMIT;
    for (int k = 0; k < 2 && err == 0; k++) {
        struct h23510_fast_proposal *out = &list[*count];

        memset(out, 0, sizeof(*out));
        out->is_reverse = k == 0;
        out->hash = p->hash;
        /* 1 each time: the callee gives the number that counts. */
        out->channel.lcn = out->is_reverse ? REVERSE_LCN : (*lcn)++;
        out->channel.session_id = m->session_id;
        out->channel.audio = *p->audio;
        out->channel.is_protected = p->is_protected;
        if (out->is_reverse)
            out->channel.media = m->media;
        /* Protected: RTCP on the same port. */
        out->channel.media_control = p->is_protected ? m->media : m->media_control;
        err = encode_proposal(n, a, p, out);
        if (err == 0)
            (*count)++;
    }
    return err;
}

int h23510_fast_propose(struct h23510 *n, struct arena *a, const struct h23510_fast_medium *medium,
                        uint16_t *lcn, struct h23510_fast_proposal *list, size_t max, size_t *count)
{
    /* Without an address for RTCP there is no clear port either. */
    bool is_clear =
        n->policy.mode != H23510_MODE_REQUIRED && medium->media_control.family != ADDR_NONE;
    /* One hash is enough for most: each one more is a copy of every codec. */
    size_t hashes = n->policy.mode == H23510_MODE_OFF ? 0
                    : medium->all_hashes              ? n->policy.hash_count
                                                      : 1;
    struct pattern p = {.medium = medium};
    int err = 0;

    p.is_protected = true;
    for (size_t h = 0; h < hashes && err == 0; h++) {
        p.hash = n->policy.hashes[h];
        for (size_t i = 0; i < medium->audio_count && err == 0; i++) {
            p.audio = &medium->audio[i];
            err = propose_pair(n, a, &p, lcn, list, max, count);
        }
    }
    /* Clear ones last, as the least preferred. */
    p.is_protected = false;
    for (size_t i = 0; is_clear && i < medium->audio_count && err == 0; i++) {
        p.audio = &medium->audio[i];
        err = propose_pair(n, a, &p, lcn, list, max, count);
    }
    return err;
}

/* The proposal that an OLC of the answer accepts; our own channel keeps its number. */
static const struct h23510_fast_proposal *accepted(const struct h23510_fast_proposal *list,
                                                   size_t count, const struct h245_fast_olc *found)
{
    for (size_t i = 0; i < count; i++) {
        const struct h23510_fast_proposal *p = &list[i];

        if (p->is_reverse == found->is_reverse &&
            p->channel.session_id == found->channel.session_id &&
            p->channel.audio.codec == found->channel.audio.codec &&
            p->channel.is_protected == found->channel.is_protected &&
            /* By its number where it is ours; the reverse channel has one of the callee's. */
            (p->is_reverse || p->channel.lcn == found->channel.lcn))
            return p;
    }
    return NULL;
}

/* An answer is concrete. Where it says nothing of its role, it is the complement of ours, `passive`
 * to an open offer (RFC 4145 §4). */
static enum h23510_verdict role_of_answer(const struct h23510 *n, const struct h23510_binding *b,
                                          enum h23510_role *role)
{
    enum h23510_setup peer = b->setup;

    if (b->has_setup && peer == H23510_SETUP_ACTPASS)
        return H23510_ROLE_UNDECIDED;
    if (!b->has_setup)
        peer = n->policy.setup == H23510_SETUP_PASSIVE ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE;
    *role = h23510_role_of(n->policy.setup, peer);
    /* Two active ends, two passive ones, or an answer that leaves it open. */
    return *role == H23510_ROLE_IMPOSSIBLE || *role == H23510_ROLE_OPEN ? H23510_ROLE_CONFLICT
                                                                        : H23510_OK;
}

static enum h23510_verdict agree(struct h23510 *n, const struct h23510_binding *b,
                                 enum h23510_role role, struct h23510_agreement *agreement)
{
    if (n->agreement.is_set && n->agreement.role != role &&
        fingerprint_equal(&n->agreement.peer_fingerprint, &b->fingerprint))
        return H23510_ROLE_CONFLICT;
    return h23510_agree(n, b, role, b->fingerprint.hash, agreement);
}

static enum h23510_verdict judge_answer(struct h23510 *n, const struct h245_fast_olc *found,
                                        struct h23510_agreement *agreement)
{
    enum h23510_role role = H23510_ROLE_IMPOSSIBLE;
    const struct h245_DTLSSecurityCapability *dtls;
    struct h23510_binding b;
    enum h23510_verdict verdict;

    dtls = dtls_of(found->olc, &verdict);
    if (dtls == NULL)
        return verdict;
    /* A hash that was not proposed is one that we did not offer to verify. */
    verdict = h23510_read_binding(dtls, n->proposed, &b);
    if (verdict == H23510_OK)
        verdict = role_of_answer(n, &b, &role);
    /* Where the callee receives is where its DTLS is, RTCP included (M-RTCPMUX). */
    if (verdict == H23510_OK)
        verdict =
            h23510_check_transport(&found->channel.media, &found->channel.media_control, NULL);
    return verdict == H23510_OK ? agree(n, &b, role, agreement) : verdict;
}

int h23510_fast_read_answer(struct h23510 *n, struct arena *a, const uint8_t *data, size_t len,
                            const struct h23510_fast_proposal *list, size_t count,
                            struct h23510_fast_offer *out, size_t *out_index)
{
    const struct h23510_fast_proposal *proposal;
    struct h245_fast_olc found;
    int err = h245_read_fast_olc(a, data, len, &found);

    if (err != 0)
        return err;
    proposal = accepted(list, count, &found);
    /* Not one of ours: the answer chooses, it does not propose. */
    if (proposal == NULL)
        return ERR_NOTFOUND;
    memset(out, 0, sizeof(*out));
    out->channel = found.channel;
    out->is_reverse = found.is_reverse;
    out->verdict = judge_answer(n, &found, &out->agreement);
    (void)h23510_conclude(n, out->verdict);
    *out_index = (size_t)(proposal - list);
    return 0;
}
