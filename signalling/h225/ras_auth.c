/* H.235.1, procedure I: a hash over the whole encoded message, under a key made of the password,
 * in a token within the message. While it is computed the hash's place holds zeros, so the message
 * is encoded with a random mark there first, which shows where the place is. */
#include "signalling/h225/ras_internal.h"

#include "base/secret.h"

#include <string.h>

static const uint32_t procedure_arcs[] = {0, 0, 8, 235, 0, 2, 1}; /* "A": whole message */
static const uint32_t clear_arcs[] = {0, 0, 8, 235, 0, 2, 5};     /* "T" */
static const uint32_t hmac_arcs[] = {0, 0, 8, 235, 0, 2, 6};      /* "U": HMAC-SHA1-96 */
static const struct per_oid procedure = {FSM_COUNT(procedure_arcs), procedure_arcs};
static const struct per_oid clear = {FSM_COUNT(clear_arcs), clear_arcs};
static const struct per_oid hmac = {FSM_COUNT(hmac_arcs), hmac_arcs};

/* Who we are to this gatekeeper: our identifier once it gave one, our name before. */
static int sender(struct ras *ras, const struct h225_RasMessage *m, struct per_bmp *out)
{
    /* GRQ and the first RRQ have no identifier, whatever an earlier registration gave. */
    bool is_first = m->kind == h225_RasMessage_gatekeeperRequest ||
                    (m->kind == h225_RasMessage_registrationRequest &&
                     !m->u.registrationRequest->has_endpointIdentifier);

    if (!is_first && ras->endpoint_id.len > 0)
        return ras_build_identifier(ras, &ras->endpoint_id, out);
    return h225_build_unicode(&ras->out, ras->config.user, out);
}

/* What the hash covers besides the message: time and number against replay, both names against use
 * with others. */
static int fill_clear(struct ras *ras, const struct h225_RasMessage *m,
                      struct h235_ClearToken *token)
{
    token->tokenOID = clear;
    token->has_timeStamp = token->has_random = true;
    token->timeStamp = ras->ops->unix_time(ras->arg);
    /* 31 bits, counted from a random start: time and number together come only once. */
    token->random = (int64_t)(++ras->token_random & 0x7fffffff);
    token->has_generalID = ras->gatekeeper_id.len > 0;
    token->has_sendersID = true;
    if (token->has_generalID &&
        ras_build_identifier(ras, &ras->gatekeeper_id, &token->generalID) != 0)
        return ERR_NOMEM;
    return sender(ras, m, &token->sendersID);
}

/* The token with the mark in the place of the hash; encoded, the mark shows where the hash goes. */
int ras_auth_attach(struct ras *ras, struct h225_RasMessage *m, const uint8_t mark[RAS_HASH_LEN])
{
    const struct ras_kind *kind = ras_kind_of(m->kind);
    struct h225_CryptoH323Token_list *tokens = (void *)((char *)ras_body(m) + kind->tokens);
    struct h225_CryptoH323Token *outer = arena_zalloc(&ras->out, sizeof(*outer));
    struct h235_CryptoToken *nested = arena_zalloc(&ras->out, sizeof(*nested));
    struct h235_CryptoToken_cryptoHashedToken *hashed = arena_zalloc(&ras->out, sizeof(*hashed));
    uint8_t *hash = arena_copy(&ras->out, mark, RAS_HASH_LEN);

    if (outer == NULL || nested == NULL || hashed == NULL || hash == NULL)
        return ERR_NOMEM;
    outer->kind = h225_CryptoH323Token_nestedcryptoToken;
    outer->u.nestedcryptoToken = nested;
    nested->kind = h235_CryptoToken_cryptoHashedToken;
    nested->u.cryptoHashedToken = hashed;
    hashed->tokenOID = procedure;
    hashed->token.algorithmOID = hmac;
    /* In bits: a BIT STRING in the schema. */
    hashed->token.hash = (struct per_bits){RAS_HASH_LEN * 8, hash};
    *(bool *)((char *)ras_body(m) + kind->has_tokens) = true;
    tokens->n = 1;
    tokens->v = outer;
    return fill_clear(ras, m, &hashed->hashedVals);
}

static uint8_t *find(uint8_t *data, size_t len, const uint8_t *what)
{
    return memmem(data, len, what, RAS_HASH_LEN);
}

/* After encoding: from here on not an octet of the message may change. */
int ras_auth_seal(const struct ras_crypto *crypto, const uint8_t key[RAS_SHA1_LEN], uint8_t *data,
                  size_t len, const uint8_t mark[RAS_HASH_LEN])
{
    uint8_t *at = find(data, len, mark);
    uint8_t hash[RAS_SHA1_LEN];
    int err;

    if (at == NULL)
        return ERR_NOTFOUND;
    /* The mark twice: by chance never; the hash would go into the wrong place. */
    if (find(at + 1, len - (size_t)(at + 1 - data), mark) != NULL)
        return ERR_EXISTS;
    /* Zeros, as the receiver will put them (H.235.1 clause 8). */
    memset(at, 0, RAS_HASH_LEN);
    err = crypto->hmac_sha1(key, RAS_SHA1_LEN, data, len, hash);
    if (err == 0)
        memcpy(at, hash, RAS_HASH_LEN);
    return err;
}

/* Procedure I with HMAC-SHA1-96 is all that we speak: tokens of other kinds, procedures and
 * algorithms (cryptoEPPwdHash with MD5, procedure II with signatures, AES) are none. */
static const struct h235_CryptoToken_cryptoHashedToken *
our_profile(const struct h225_CryptoH323Token *token)
{
    const struct h235_CryptoToken_cryptoHashedToken *hashed;

    if (token->kind != h225_CryptoH323Token_nestedcryptoToken ||
        token->u.nestedcryptoToken->kind != h235_CryptoToken_cryptoHashedToken)
        return NULL;
    hashed = token->u.nestedcryptoToken->u.cryptoHashedToken;
    if (!per_oid_equal(hashed->token.algorithmOID, hmac) ||
        /* Truncated ones only (96 bits). */
        !per_oid_equal(hashed->tokenOID, procedure) || hashed->token.hash.n != RAS_HASH_LEN * 8)
        return NULL;
    return hashed;
}

/* Meant for us, said by our gatekeeper? Before RCF we do not know how it calls us. */
static bool is_for_us(struct ras *ras, const struct h235_ClearToken *token)
{
    struct per_bmp user;

    /* Before the first answer no name is known to compare with. */
    if (token->has_sendersID && ras->gatekeeper_id.len > 0 &&
        !ras_id_equal(&ras->gatekeeper_id, &token->sendersID))
        return false;
    /* Before RCF it may call us by our name, or by nothing. */
    if (!token->has_generalID || ras->state != RAS_STATE_REGISTERED || ras->endpoint_id.len == 0)
        return true;
    if (ras_id_equal(&ras->endpoint_id, &token->generalID))
        return true;
    if (h225_build_unicode(&ras->in, ras->config.user, &user) != 0)
        return false;
    return user.len == token->generalID.len &&
           memcmp(user.p, token->generalID.p, user.len * sizeof(user.p[0])) == 0;
}

/* The time stamp must be near ours, not far behind the newest one, and with its random new. */
static bool is_fresh(struct ras *ras, const struct h235_ClearToken *token)
{
    uint32_t now = ras->ops->unix_time(ras->arg);
    /* Unsigned: the smaller of two differences, both ways. */
    uint32_t t = token->timeStamp, off = t > now ? t - now : now - t;

    if (!token->has_timeStamp || !token->has_random || off > ras->config.clock_skew_s) {
        ras->stats.token_time++;
        return false;
    }
    /* Older than what is remembered: it cannot be told from one that was seen. */
    if (ras->seen_newest > t && ras->seen_newest - t > RAS_SEEN_S) {
        ras->stats.token_replayed++;
        return false;
    }
    for (unsigned i = 0; i < RAS_SEEN_MAX; i++)
        if (ras->seen[i].time == t && ras->seen[i].random == token->random) {
            ras->stats.token_replayed++;
            return false;
        }
    /* Only forward: an old message must not make the window wider. */
    if (t > ras->seen_newest)
        ras->seen_newest = t;
    /* A ring: as many as can come within the window. */
    ras->seen[ras->seen_next].time = t;
    ras->seen[ras->seen_next].random = token->random;
    ras->seen_next = (ras->seen_next + 1) % RAS_SEEN_MAX;
    return true;
}

/* Over a copy, as the message's own octets may be needed for a refusal. */
static int check_hash(struct ras *ras, const struct per_bits *hash, const uint8_t *data, size_t len)
{
    uint8_t *copy = arena_copy(&ras->in, data, len);
    uint8_t good[RAS_SHA1_LEN], *at;
    int err;

    if (copy == NULL)
        return ERR_NOMEM;
    at = find(copy, len, hash->p);
    /* A hash that is in the message twice is nobody's bad luck. */
    if (at == NULL || find(at + 1, len - (size_t)(at + 1 - copy), hash->p) != NULL)
        return ERR_AUTH;
    memset(at, 0, RAS_HASH_LEN);
    err = ras->config.crypto->hmac_sha1(ras->key, RAS_SHA1_LEN, copy, len, good);
    if (err != 0)
        return err;
    /* In constant time. */
    return secret_equal(good, hash->p, RAS_HASH_LEN) ? 0 : ERR_AUTH;
}

/* What is counted tells an operator which side's clock, name or password is wrong. */
static int check_token(struct ras *ras, const struct h235_CryptoToken_cryptoHashedToken *hashed,
                       const uint8_t *data, size_t len)
{
    /* The hash first: all that follows is believed only then. */
    int err = check_hash(ras, &hashed->token.hash, data, len);

    if (err != 0) {
        ras->stats.token_hash++;
        return err;
    }
    if (!is_for_us(ras, &hashed->hashedVals)) {
        ras->stats.token_party++;
        return ERR_AUTH;
    }
    return is_fresh(ras, &hashed->hashedVals) ? 0 : ERR_REPLAY;
}

bool ras_has_token(const struct h225_RasMessage *m)
{
    const struct ras_kind *kind = ras_kind_of(m->kind);

    return *(const bool *)((const char *)ras_body(m) + kind->has_tokens);
}

/* The first token of our profile decides; others are not tried. */
int ras_auth_check(struct ras *ras, const struct h225_RasMessage *m, const uint8_t *data,
                   size_t len)
{
    const struct ras_kind *kind = ras_kind_of(m->kind);
    const char *body = ras_body(m);
    const struct h225_CryptoH323Token_list *tokens = (const void *)(body + kind->tokens);

    if (!ras_has_token(m) || tokens->n == 0) {
        ras->stats.token_none++;
        return ERR_NOTFOUND;
    }
    /* One of our profile a message: more hashes would cost us, not the sender. */
    for (uint32_t i = 0; i < tokens->n; i++)
        if (our_profile(&tokens->v[i]) != NULL)
            return check_token(ras, our_profile(&tokens->v[i]), data, len);
    ras->stats.token_other++;
    return ERR_UNSUPPORTED;
}
