/* H.235.10 §7.3.2 and §8.2: fingerprints and roles in OLC and OLCAck. */
#include "signalling/h23510/internal.h"

#include <string.h>

static size_t usable_hashes(const struct h23510_policy *policy, enum fingerprint_hash *out)
{
    static const enum fingerprint_hash standard[] = {FINGERPRINT_SHA256, FINGERPRINT_SHA384,
                                                     FINGERPRINT_SHA512};
    const enum fingerprint_hash *from = policy->hash_count > 0 ? policy->hashes : standard;
    size_t from_count = policy->hash_count > 0 ? policy->hash_count : 3;
    size_t n = 0;

    for (size_t i = 0; i < from_count && i < FINGERPRINT_HASH_COUNT; i++)
        /* SHA-1 is listed by who needs it for an old peer, and used only where that is allowed,
         * too. */
        if (from[i] < FINGERPRINT_HASH_COUNT && (from[i] != FINGERPRINT_SHA1 || policy->allow_sha1))
            out[n++] = from[i];
    return n;
}

int h23510_init(struct h23510 *n, const struct h23510_policy *policy,
                const struct h23510_identity *identity)
{
    enum fingerprint_hash hashes[FINGERPRINT_HASH_COUNT];
    size_t count = usable_hashes(policy, hashes);

    /* A policy that can never lead to a connection is an error of its writer. */
    if (count == 0 || policy->setup >= H23510_SETUP_COUNT ||
        (policy->open_role != H23510_SETUP_ACTIVE && policy->open_role != H23510_SETUP_PASSIVE))
        return ERR_INVAL;
    memset(n, 0, sizeof(*n));
    n->policy = *policy;
    n->identity = *identity;
    memcpy(n->policy.hashes, hashes, count * sizeof(hashes[0]));
    n->policy.hash_count = count;
    /* Nothing known of the peer: no role fits yet. */
    n->tcs_role = H23510_ROLE_IMPOSSIBLE;
    n->offered = policy->setup;
    return 0;
}

enum h23510_verdict h23510_conclude(struct h23510 *n, enum h23510_verdict verdict)
{
    n->last_verdict = verdict;
    /* A peer without protection has not been refused anything. */
    if (verdict != H23510_OK && verdict != H23510_NOT_PROTECTED)
        n->stats.refused++;
    return verdict;
}

/* Our concrete role where nothing else has decided it yet. */
static enum h23510_role own_choice(const struct h23510 *n)
{
    if (n->tcs_role != H23510_ROLE_OPEN)
        return n->tcs_role;
    return n->policy.open_role == H23510_SETUP_ACTIVE ? H23510_ROLE_ACTIVE : H23510_ROLE_PASSIVE;
}

static enum h23510_role role_for_olc(const struct h23510 *n)
{
    /* One connection, one role: what was said once is said again. */
    if (n->agreement.is_set)
        return n->agreement.role;
    return n->olc_sent ? n->olc_role : own_choice(n);
}

int h23510_wrap(struct h245_DataType *type, struct h245_H235Media *media)
{
    if (type->kind == h245_DataType_audioData) {
        media->mediaType.kind = h245_H235Media_mediaType_audioData;
        media->mediaType.u.audioData = type->u.audioData;
    } else if (type->kind == h245_DataType_videoData) {
        media->mediaType.kind = h245_H235Media_mediaType_videoData;
        media->mediaType.u.videoData = type->u.videoData;
    } else if (type->kind == h245_DataType_data) {
        media->mediaType.kind = h245_H235Media_mediaType_data;
        media->mediaType.u.data = type->u.data;
    } else {
        /* nullData and the like have no media to protect. */
        return ERR_STATE;
    }
    type->kind = h245_DataType_h235Media;
    type->u.h235Media = media;
    return 0;
}

int h23510_fill_olc(struct h23510 *n, struct arena *a, struct h245_OpenLogicalChannel *olc)
{
    struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    enum h23510_role role = role_for_olc(n);
    enum fingerprint_hash hash = n->agreement.is_set ? n->agreement.local_hash : n->chosen;
    struct h245_DTLSSecurityCapability *dtls;
    struct h245_H235Media *media;

    if (!h23510_is_usable(n))
        return ERR_STATE;
    media = arena_zalloc(a, sizeof(*media));
    dtls = h23510_build_binding(
        /* New until the two sides have agreed on one. */
        n, a, hash, role, n->agreement.is_set ? n->agreement.connection : H23510_CONNECTION_NEW);
    if (media == NULL || dtls == NULL)
        return ERR_NOMEM;
    media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability = dtls;
    /* Last of what can fail: a wrapped OLC that is not sent would be no OLC for another try. */
    if (h23510_wrap(type, media) != 0)
        return ERR_STATE;
    /* Remembered: the peer's OLC may be under way with the same idea of its role. */
    n->olc_sent = true;
    n->olc_role = role;
    n->olc_hash = hash;
    return 0;
}

int h23510_fill_ack(struct h23510 *n, struct arena *a, struct h245_OpenLogicalChannelAck *ack)
{
    if (!n->agreement.is_set)
        return ERR_STATE;
    ack->dtlsSecurityCapability = h23510_build_binding(n, a, n->agreement.local_hash,
                                                       n->agreement.role, n->agreement.connection);
    return ack->dtlsSecurityCapability == NULL ? ERR_NOMEM : 0;
}

/* Both OLCs are under way with the same role: the greater fingerprint is active. Both sides see
 * the same two values, so they come to the same answer without asking H.245's master. */
static enum h23510_role break_tie(const struct h23510 *n, const struct fingerprint *peer)
{
    const struct fingerprint *own = &n->identity.fingerprints[n->olc_hash];
    size_t own_len = fingerprint_hash_len(n->olc_hash);
    size_t peer_len = fingerprint_hash_len(peer->hash);
    /* The longer one counts as the greater where it begins with the other. */
    int order = memcmp(own->digest, peer->digest, own_len < peer_len ? own_len : peer_len);

    if (order == 0 && own_len == peer_len)
        return H23510_ROLE_IMPOSSIBLE; /* the same certificate on both sides */
    if (order == 0)
        order = own_len > peer_len ? 1 : -1;
    return order > 0 ? H23510_ROLE_ACTIVE : H23510_ROLE_PASSIVE;
}

/* Our role by what the peer's message says of its own. */
static enum h23510_role role_from_peer(const struct h23510 *n, const struct h23510_binding *b)
{
    switch (b->has_setup ? b->setup : H23510_SETUP_COUNT) {
    case H23510_SETUP_ACTIVE:
        return H23510_ROLE_PASSIVE;
    case H23510_SETUP_PASSIVE:
        return H23510_ROLE_ACTIVE;
    case H23510_SETUP_HOLDCONN:
        return H23510_ROLE_HOLD;
    default: /* still open, or not said: then it is ours to choose */
        return n->olc_sent ? n->olc_role : own_choice(n);
    }
}

/* The role that an OLC of the peer gives us, measured against what was offered. */
static enum h23510_verdict role_of_olc(struct h23510 *n, const struct h23510_binding *b,
                                       enum h23510_role *role)
{
    enum h23510_role ours = role_from_peer(n, b);

    /* H.245's sets have settled the role; an OLC against them is a change that was not asked
     * for. */
    if (ours != H23510_ROLE_HOLD && n->tcs_role != H23510_ROLE_OPEN && ours != n->tcs_role)
        return H23510_ROLE_NOT_OFFERED;
    if (n->agreement.is_set) {
        /* after a tie another OLC may still say what the peer wrote before it knew */
        *role = n->agreement.role;
        return ours == n->agreement.role || n->is_tie_broken ? H23510_OK : H23510_ROLE_CONFLICT;
    }
    if (n->olc_sent && ours != H23510_ROLE_HOLD && ours != n->olc_role) {
        ours = break_tie(n, &b->fingerprint);
        n->is_tie_broken = ours != H23510_ROLE_IMPOSSIBLE;
    }
    *role = ours;
    return ours == H23510_ROLE_IMPOSSIBLE ? H23510_ROLE_CONFLICT : H23510_OK;
}

enum h23510_verdict h23510_agree(struct h23510 *n, const struct h23510_binding *b,
                                 enum h23510_role role, enum fingerprint_hash hash,
                                 struct h23510_agreement *agreement)
{
    if (n->agreement.is_set) {
        /* Another certificate is another peer, or somebody in between: never on a running
         * connection. */
        if (!fingerprint_equal(&n->agreement.peer_fingerprint, &b->fingerprint))
            return H23510_FINGERPRINT_CHANGED;
        *agreement = n->agreement;
        agreement->is_new = false;
        return H23510_OK;
    }
    /* "existing" without one: the peer remembers what we do not (A-REPLACE). */
    if (b->connection == H23510_CONNECTION_EXISTING)
        return H23510_NO_CONNECTION;
    n->agreement = (struct h23510_agreement){
        .is_set = true,
        .role = role,
        .local_hash = hash,
        .peer_fingerprint = b->fingerprint,
        .connection = b->connection,
    };
    *agreement = n->agreement;
    agreement->is_new = true;
    return H23510_OK;
}

/* Our own OLC may have named a hash already. */
static enum fingerprint_hash own_hash(const struct h23510 *n)
{
    return n->olc_sent ? n->olc_hash : n->chosen;
}

enum h23510_verdict h23510_check_olc(struct h23510 *n, const struct h245_OpenLogicalChannel *olc,
                                     struct h23510_agreement *agreement)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    const struct h245_DTLSSecurityCapability *dtls;
    struct h23510_binding binding;
    enum h23510_role role = H23510_ROLE_IMPOSSIBLE;
    enum h23510_verdict verdict;

    if (type->kind != h245_DataType_h235Media)
        /* In the clear: allowed or not is the caller's policy. */
        return h23510_conclude(n, H23510_NOT_PROTECTED);
    dtls = type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability;
    if (dtls == NULL)
        return h23510_conclude(n, H23510_NO_DTLS);
    /* Protected though it never was negotiated: the hash could not be common. */
    if (n->policy.mode == H23510_MODE_OFF || !n->peer_known || !n->peer_offers)
        return h23510_conclude(n, H23510_NO_CAPABILITY);
    verdict = h23510_read_binding(dtls, n->common, &binding);
    if (verdict == H23510_OK)
        verdict = role_of_olc(n, &binding, &role);
    if (verdict == H23510_OK)
        verdict = h23510_agree(n, &binding, role, own_hash(n), agreement);
    return h23510_conclude(n, verdict);
}

enum h23510_connection h23510_wanted(const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;
    const struct h245_DTLSSecurityCapability *dtls;
    struct h23510_params params;

    if (type->kind != h245_DataType_h235Media)
        return H23510_CONNECTION_NEW;
    dtls = type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability;
    /* What cannot be read is judged elsewhere; here only "which connection" is asked. */
    if (dtls == NULL || h23510_read_params(dtls, &params) != H23510_OK)
        return H23510_CONNECTION_NEW;
    return params.connection;
}

/* An Ack has to be concrete, and to complement our OLC, or to agree with a broken tie. */
static enum h23510_verdict role_of_ack(const struct h23510 *n, const struct h23510_binding *b,
                                       enum h23510_role *role)
{
    enum h23510_role ours = n->olc_role;

    /* actpass in an answer leaves both sides waiting. */
    if (b->has_setup && b->setup == H23510_SETUP_ACTPASS)
        return H23510_ROLE_UNDECIDED;
    /* Silence agrees with our OLC. */
    if (b->has_setup)
        ours = role_from_peer(n, b);
    *role = ours;
    if (n->agreement.is_set)
        return ours == n->agreement.role || (n->is_tie_broken && ours == n->olc_role)
                   ? H23510_OK
                   : H23510_ROLE_CONFLICT;
    if (ours == H23510_ROLE_HOLD || ours == n->olc_role)
        return H23510_OK;
    return H23510_ROLE_CONFLICT;
}

enum h23510_verdict h23510_check_ack(struct h23510 *n, const struct h245_OpenLogicalChannelAck *ack,
                                     struct h23510_agreement *agreement)
{
    struct h23510_binding binding;
    enum h23510_role role = H23510_ROLE_IMPOSSIBLE;
    enum h23510_verdict verdict;

    if (ack->dtlsSecurityCapability == NULL)
        return h23510_conclude(n, H23510_NO_DTLS);
    /* An Ack to an OLC of ours that had no protection. */
    if (!n->olc_sent)
        return h23510_conclude(n, H23510_NO_CAPABILITY);
    verdict = h23510_read_binding(ack->dtlsSecurityCapability, n->common, &binding);
    if (verdict == H23510_OK)
        verdict = role_of_ack(n, &binding, &role);
    if (verdict == H23510_OK)
        verdict = h23510_agree(n, &binding, role, own_hash(n), agreement);
    return h23510_conclude(n, verdict);
}

enum h23510_verdict h23510_check_transport(const struct addr *media, const struct addr *control,
                                           const struct addr *shared)
{
    const struct addr *used = media->family != ADDR_NONE ? media : control;

    /* DTLS has one port: RTCP cannot have one beside (RFC 5764 4.1, M-RTCPMUX). */
    if (media->family != ADDR_NONE && control->family != ADDR_NONE &&
        !addr_is_equal(media, control))
        return H23510_RTCP_NOT_MUXED;
    /* Where the connection runs, all its channels are. */
    if (shared != NULL && shared->family != ADDR_NONE && used->family != ADDR_NONE &&
        !addr_is_equal(used, shared))
        return H23510_ADDRESS_DIFFERS;
    return H23510_OK;
}

void h23510_reset_connection(struct h23510 *n)
{
    /* Capabilities and what follows from them stay. */
    n->agreement = (struct h23510_agreement){0};
    n->olc_sent = n->is_tie_broken = false;
    memset(n->proposed, 0, sizeof(n->proposed));
}
