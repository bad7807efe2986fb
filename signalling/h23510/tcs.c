/* H.235.10 §7.3.1 and §8.1: the capability exchange. */
#include "signalling/h23510/internal.h"

#include <string.h>

#define ENTRY_OFFSET 100u /* entry n is protected by entry 100 + n, as the field does */

/* What travels over RTP and can be received: audio, video and data alike share one connection, so
 * that all of them have to carry the capability (T-SAME). */
static bool is_receive_media(const struct h245_CapabilityTableEntry *entry)
{
    /* An entry without capability removes one: nothing to protect. */
    if (entry->capability == NULL)
        return false;
    switch (entry->capability->kind) {
    case h245_Capability_receiveAudioCapability:
    case h245_Capability_receiveAndTransmitAudioCapability:
    case h245_Capability_receiveVideoCapability:
    case h245_Capability_receiveAndTransmitVideoCapability:
    case h245_Capability_receiveDataApplicationCapability:
    case h245_Capability_receiveAndTransmitDataApplicationCapability:
        return true;
    default:
        return false;
    }
}

static bool has_entry(const struct h245_TerminalCapabilitySet *tcs, uint32_t number)
{
    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++)
        if (tcs->capabilityTable.v[i].capabilityTableEntryNumber == number)
            return true;
    return false;
}

/* 100 + n, or the next number that nobody uses; 0: none is left. */
static uint16_t free_entry(const struct h245_TerminalCapabilitySet *tcs, uint16_t n)
{
    /* Entry numbers are 16 bits; a table of 256 leaves some free. */
    for (uint32_t number = n + ENTRY_OFFSET; number <= UINT16_MAX; number++)
        if (!has_entry(tcs, number))
            return (uint16_t)number;
    return 0;
}

static int add_entry(struct arena *a, struct h245_TerminalCapabilitySet *tcs, uint16_t media,
                     uint16_t number, struct h245_DTLSSecurityCapability *dtls)
{
    struct h245_CapabilityTableEntry *entry = &tcs->capabilityTable.v[tcs->capabilityTable.n];
    struct h245_Capability *cap = arena_zalloc(a, sizeof(*cap));
    struct h245_H235SecurityCapability *security = arena_zalloc(a, sizeof(*security));

    if (cap == NULL || security == NULL)
        return ERR_NOMEM;
    cap->kind = h245_Capability_h235SecurityCapability;
    cap->u.h235SecurityCapability = security;
    /* The entry is bound to its medium by number (H.235.10 7.3.1). */
    security->mediaCapability = media;
    security->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability = dtls;
    entry->capabilityTableEntryNumber = number;
    entry->capability = cap;
    tcs->capabilityTable.n++;
    return 0;
}

/* One protected entry: numbers of the medium and of its protection. */
struct pair {
    uint16_t media;
    uint16_t protection;
};

static const struct pair *find_pair(const struct pair *pairs, size_t count, uint16_t media)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[i].media == media)
            return &pairs[i];
    return NULL;
}

/* Protected ways first; the clear ones stay behind them where the policy lets them. */
static int extend_alternatives(const struct h23510 *n, struct arena *a, const struct pair *pairs,
                               size_t count, struct h245_AlternativeCapabilitySet *set)
{
    struct h245_AlternativeCapabilitySet to = {0};

    to.v = arena_array(a, (size_t)set->n * 2, sizeof(*to.v));
    if (to.v == NULL)
        return ERR_NOMEM;
    /* Protection before the medium itself: alternatives are in order of preference. */
    for (uint32_t i = 0; i < set->n; i++) {
        const struct pair *pair = find_pair(pairs, count, set->v[i]);

        if (pair != NULL)
            to.v[to.n++] = pair->protection;
    }
    for (uint32_t i = 0; i < set->n; i++)
        /* With policy "required" the clear way is not offered at all. */
        if (n->policy.mode != H23510_MODE_REQUIRED || find_pair(pairs, count, set->v[i]) == NULL)
            to.v[to.n++] = set->v[i];
    if (to.n > 256) /* SIZE of AlternativeCapabilitySet */
        return ERR_LIMIT;
    *set = to;
    return 0;
}

static int extend_descriptors(const struct h23510 *n, struct arena *a, const struct pair *pairs,
                              size_t count, struct h245_TerminalCapabilitySet *tcs)
{
    int err = 0;

    for (uint32_t i = 0; i < tcs->capabilityDescriptors.n; i++) {
        struct h245_CapabilityDescriptor *d = &tcs->capabilityDescriptors.v[i];

        if (!d->has_simultaneousCapabilities)
            continue;
        for (uint32_t k = 0; k < d->simultaneousCapabilities.n && err == 0; k++)
            err = extend_alternatives(n, a, pairs, count, &d->simultaneousCapabilities.v[k]);
    }
    return err;
}

static int grow_table(struct arena *a, struct h245_TerminalCapabilitySet *tcs)
{
    struct h245_CapabilityTableEntry *v;

    if (tcs->capabilityTable.n > 128) /* twice as many must fit into SIZE(1..256) */
        return ERR_LIMIT;
    v = arena_array(a, (size_t)tcs->capabilityTable.n * 2, sizeof(*v));
    if (v == NULL)
        return ERR_NOMEM;
    /* The old table is the arena's: it goes with the message. */
    memcpy(v, tcs->capabilityTable.v, tcs->capabilityTable.n * sizeof(*v));
    tcs->capabilityTable.v = v;
    return 0;
}

/* C-HASH: with nothing in common the capability is not offered; a policy that insists offers it
 * all the same, so that the peer sees why the call cannot be. */
static bool wants_offer(const struct h23510 *n)
{
    if (n->policy.mode == H23510_MODE_OFF)
        return false;
    /* As long as nothing is known of the peer the offer is made: it is how the peer learns of
     * it. */
    return n->policy.mode == H23510_MODE_REQUIRED || !n->peer_known || !n->peer_offers ||
           n->last_verdict != H23510_NO_COMMON_HASH;
}

/* What runs already cannot become something else by a set that comes later (D-ONCE). */
static enum h23510_setup setup_to_offer(const struct h23510 *n)
{
    if (n->agreement.is_set && n->agreement.role == H23510_ROLE_ACTIVE)
        return H23510_SETUP_ACTIVE;
    if (n->agreement.is_set && n->agreement.role == H23510_ROLE_PASSIVE)
        return H23510_SETUP_PASSIVE;
    return n->policy.setup;
}

static void intersect(struct h23510 *n)
{
    bool is_chosen = false;

    memset(n->common, 0, sizeof(n->common));
    /* In our order: the first in common is the one that we bind with. */
    for (size_t i = 0; i < n->policy.hash_count; i++) {
        enum fingerprint_hash hash = n->policy.hashes[i];

        if (!n->peer.hashes[hash])
            continue;
        n->common[hash] = true;
        if (!is_chosen)
            n->chosen = hash;
        is_chosen = true;
    }
}

static enum h23510_verdict judge(struct h23510 *n)
{
    bool any = false;

    intersect(n);
    for (unsigned i = 0; i < FINGERPRINT_HASH_COUNT; i++)
        any = any || n->common[i];
    if (!any)
        return H23510_NO_COMMON_HASH;
    /* From offers on both sides, whatever is master in H.245. */
    n->tcs_role = h23510_role_of(n->offered, n->peer.setup);
    /* By fast connect there is a connection before there are capabilities. It lives on whatever
     * they say: both sides have proved themselves on it, and nobody renegotiates it. */
    if (n->agreement.is_set && n->tcs_role != H23510_ROLE_OPEN &&
        n->tcs_role != n->agreement.role) {
        n->stats.roles_disagree++;
        n->tcs_role = n->agreement.role;
    }
    return n->tcs_role == H23510_ROLE_IMPOSSIBLE ? H23510_ROLE_CONFLICT : H23510_OK;
}

int h23510_offer(struct h23510 *n, struct arena *a, struct h245_TerminalCapabilitySet *tcs)
{
    struct h245_DTLSSecurityCapability *dtls;
    struct pair pairs[128];
    size_t count = 0;
    uint32_t entries = tcs->capabilityTable.n;
    enum h23510_setup before = n->offered;
    int err;

    /* An empty set means "stop": nothing is offered in it. */
    if (!wants_offer(n) || !tcs->has_capabilityTable || entries == 0)
        return 0;
    err = grow_table(a, tcs);
    if (err != 0)
        return err;
    n->offered = setup_to_offer(n);
    if (n->offered != before && n->peer_offers)
        (void)judge(n);              /* the role follows from the newest sets of both sides */
    dtls = h23510_build_offer(n, a); /* one value for all of them: T-SAME */
    if (dtls == NULL)
        return ERR_NOMEM;
    /* The entries as they were: those that are added have no protection of their own. */
    for (uint32_t i = 0; i < entries && err == 0; i++) {
        uint16_t media = tcs->capabilityTable.v[i].capabilityTableEntryNumber;

        if (!is_receive_media(&tcs->capabilityTable.v[i]))
            continue;
        pairs[count] = (struct pair){media, free_entry(tcs, media)};
        if (pairs[count].protection == 0)
            return ERR_LIMIT;
        err = add_entry(a, tcs, media, pairs[count].protection, dtls);
        count++;
    }
    if (err == 0)
        err = extend_descriptors(n, a, pairs, count, tcs);
    return err;
}

/* ---- another peer in our place ---- */

enum h23510_verdict h23510_stand_for(struct h23510 *n, const enum fingerprint_hash *hashes,
                                     size_t count, enum h23510_setup setup)
{
    n->policy.mode = H23510_MODE_REQUIRED; /* clear media have no way through */
    n->policy.hash_count = count < FINGERPRINT_HASH_COUNT ? count : FINGERPRINT_HASH_COUNT;
    /* Theirs is what is announced: this side's peer negotiates with the other's. */
    memcpy(n->policy.hashes, hashes, n->policy.hash_count * sizeof(hashes[0]));
    n->policy.setup = n->offered = setup;
    return n->peer_offers ? h23510_conclude(n, judge(n)) : H23510_OK;
}

int h23510_stand_with(struct h23510 *n, const struct fingerprint *fingerprints, size_t count)
{
    const struct fingerprint *found = NULL;

    /* By this side's order; the hash has to be one that its peer knows. */
    for (size_t i = 0; i < n->policy.hash_count && found == NULL; i++)
        for (size_t k = 0; k < count && found == NULL; k++)
            if (fingerprints[k].hash == n->policy.hashes[i] && n->common[fingerprints[k].hash])
                found = &fingerprints[k];
    if (found == NULL)
        return ERR_NOTFOUND;
    /* Our own certificate is not in this call. */
    memset(&n->identity, 0, sizeof(n->identity));
    n->identity.fingerprints[found->hash] = *found;
    n->chosen = found->hash;
    /* The peer's OLC may have come first; nothing was said about it yet. */
    if (n->agreement.is_set && !n->olc_sent)
        n->agreement.local_hash = found->hash;
    return 0;
}

/* ---- the peer's ---- */

static const struct h245_H235SecurityCapability *
dtls_entry(const struct h245_CapabilityTableEntry *entry)
{
    const struct h245_H235SecurityCapability *security;

    if (entry->capability == NULL ||
        entry->capability->kind != h245_Capability_h235SecurityCapability)
        return NULL;
    security = entry->capability->u.h235SecurityCapability;
    return security->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability == NULL ? NULL
                                                                                         : security;
}

/* Fields that matter, compared as read: spelling and unknown tokens may differ. */
static bool is_same_offer(const struct h23510_params *a, const struct h23510_params *b)
{
    return memcmp(a->hashes, b->hashes, sizeof(a->hashes)) == 0 && a->setup == b->setup &&
           a->connection == b->connection && a->use_srtp == b->use_srtp;
}

static enum h23510_verdict take_entry(struct h23510 *n,
                                      const struct h245_DTLSSecurityCapability *cap, bool *is_same)
{
    struct h23510_params params;
    enum h23510_verdict verdict = h23510_read_params(cap, &params);

    *is_same = false;
    /* Fingerprints belong into OLCs: in a set there is no telling which connection they are for. */
    if (cap->has_fingerprint)
        n->stats.tcs_fingerprints_ignored++; /* T-NOFP */
    if (verdict != H23510_OK)
        return verdict;
    n->stats.hashes_unknown += params.hashes_unknown;
    n->stats.hashes_forbidden += params.hashes_forbidden;
    /* The first that can be read is what the peer says; T-SAME has all the others equal. */
    if (!n->peer_offers)
        n->peer = params;
    n->peer_offers = true;
    *is_same = is_same_offer(&n->peer, &params);
    return H23510_OK;
}

enum h23510_verdict h23510_on_peer_tcs(struct h23510 *n,
                                       const struct h245_TerminalCapabilitySet *tcs,
                                       uint16_t *protects, size_t protects_max,
                                       size_t *protects_count)
{
    enum h23510_verdict verdict = H23510_NO_DTLS;
    size_t count = 0;

    n->peer_known = true;
    /* Each set is whole: what an older one said is over. */
    n->peer_offers = false;
    memset(n->common, 0, sizeof(n->common));
    for (uint32_t i = 0; tcs->has_capabilityTable && i < tcs->capabilityTable.n; i++) {
        const struct h245_H235SecurityCapability *security = dtls_entry(&tcs->capabilityTable.v[i]);
        enum h23510_verdict entry;
        bool is_same;

        if (security == NULL || n->policy.mode == H23510_MODE_OFF)
            continue;
        entry = take_entry(n, security->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability,
                           &is_same);
        if (!n->peer_offers)
            verdict = entry; /* why it is not usable, unless another entry is */
        /* Only those that say the same as the first: another's parameters would be another
         * connection. */
        if (is_same && protects != NULL && count < protects_max)
            protects[count++] = security->mediaCapability;
    }
    if (n->peer_offers)
        verdict = judge(n);
    if (protects_count != NULL)
        *protects_count = count;
    if (verdict == H23510_NO_DTLS) { /* an endpoint like most others: nothing was refused */
        n->last_verdict = verdict;
        return verdict;
    }
    return h23510_conclude(n, verdict);
}

bool h23510_is_held(const struct h23510 *n)
{
    return n->policy.mode != H23510_MODE_OFF && n->peer_known && n->peer_offers &&
           /* Everything is there but the permission to begin (RFC 4145 holdconn). */
           n->common[n->chosen] && n->tcs_role == H23510_ROLE_HOLD;
}

bool h23510_release(struct h23510 *n, const struct h23510 *newest)
{
    if (!n->agreement.is_set || n->agreement.role != H23510_ROLE_HOLD ||
        /* By a newer set: hold is over when both have a role again. */
        (newest->tcs_role != H23510_ROLE_ACTIVE && newest->tcs_role != H23510_ROLE_PASSIVE))
        return false;
    n->peer = newest->peer;
    n->tcs_role = newest->tcs_role;
    n->agreement.role = newest->tcs_role;
    return true;
}

bool h23510_is_usable(const struct h23510 *n)
{
    return n->policy.mode != H23510_MODE_OFF && n->peer_known && n->peer_offers &&
           n->common[n->chosen] &&
           (n->tcs_role == H23510_ROLE_OPEN || n->tcs_role == H23510_ROLE_ACTIVE ||
            n->tcs_role == H23510_ROLE_PASSIVE);
}
