/* DTLSSecurityCapability: what its strings mean, and how we write ours. */
#include "signalling/h23510/internal.h"

#include <string.h>
#include <strings.h>

static int connection_parse(const char *token, size_t len, enum h23510_connection *connection)
{
    static const enum h23510_connection all[] = {H23510_CONNECTION_NEW, H23510_CONNECTION_EXISTING};

    /* Tokens are compared without case (RFC 4145 uses SDP's rules). */
    for (unsigned i = 0; i < 2; i++) {
        const char *text = h23510_connection_to_str(all[i]);

        if (strlen(text) == len && strncasecmp(text, token, len) == 0) {
            *connection = all[i];
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

enum h23510_verdict h23510_read_hashes(const struct h245_DTLSSecurityCapability *cap,
                                       struct h23510_params *params)
{
    for (uint32_t i = 0; i < cap->hashFunction.n; i++) {
        const struct per_string *token = &cap->hashFunction.v[i];
        enum fingerprint_hash hash;
        int err = fingerprint_hash_parse(token->p, token->len, &hash);

        params->hashes_listed++;
        if (err == 0)
            /* MD2 and MD5 (RFC 8122 5: must not be used). */
            params->hashes[hash] = true;
        else if (err == ERR_REFUSED)
            params->hashes_forbidden++;
        else
            params->hashes_unknown++;
    }
    return params->hashes_listed == 0 ? H23510_NO_HASH : H23510_OK;
}

static enum h23510_verdict read_setup(const struct h245_DTLSSecurityCapability *cap, bool *has,
                                      enum h23510_setup *setup)
{
    *has = cap->has_setupInformation;
    /* RFC 4145 4: who says nothing is active. */
    *setup = H23510_SETUP_ACTIVE;
    if (*has && h23510_setup_parse(cap->setupInformation.p, cap->setupInformation.len, setup) != 0)
        return H23510_BAD_SETUP;
    return H23510_OK;
}

static enum h23510_verdict read_connection(const struct h245_DTLSSecurityCapability *cap,
                                           enum h23510_connection *connection)
{
    *connection = H23510_CONNECTION_NEW;
    if (cap->has_connectionInformation &&
        connection_parse(cap->connectionInformation.p, cap->connectionInformation.len,
                         connection) != 0)
        return H23510_BAD_CONNECTION;
    return H23510_OK;
}

enum h23510_verdict h23510_read_params(const struct h245_DTLSSecurityCapability *cap,
                                       struct h23510_params *params)
{
    struct h23510_params found = {0};
    enum h23510_verdict verdict = h23510_read_hashes(cap, &found);

    if (verdict == H23510_OK)
        verdict = read_setup(cap, &found.has_setup, &found.setup);
    found.has_connection = cap->has_connectionInformation;
    if (verdict == H23510_OK)
        verdict = read_connection(cap, &found.connection);
    found.has_fingerprint = cap->has_fingerprint;
    found.has_extensions = cap->has_extensionsType;
    for (uint32_t i = 0; found.has_extensions && i < cap->extensionsType.n; i++)
        if (cap->extensionsType.v[i] == H23510_USE_SRTP)
            found.use_srtp = true; /* the others say nothing to us (P-EXT) */
    if (verdict == H23510_OK)
        *params = found;
    return verdict;
}

static enum h23510_verdict read_fingerprint(const struct h245_DTLSSecurityCapability *cap,
                                            enum fingerprint_hash hash, struct fingerprint *out)
{
    int err;

    if (!cap->has_fingerprint || cap->fingerprint.len == 0)
        return H23510_NO_FINGERPRINT;
    err = fingerprint_parse(hash, cap->fingerprint.p, cap->fingerprint.len, out);
    if (err == ERR_RANGE)
        return H23510_FINGERPRINT_LENGTH;
    return err == 0 ? H23510_OK : H23510_BAD_FINGERPRINT;
}

static enum h23510_verdict read_one_hash(const struct h245_DTLSSecurityCapability *cap,
                                         const bool *common, enum fingerprint_hash *hash)
{
    int err;

    if (cap->hashFunction.n == 0)
        /* A binding without a hash cannot be compared with anything. */
        return H23510_NO_HASH;
    /* Several hashes with one fingerprint: nobody could say by which it was made. */
    if (cap->hashFunction.n > 1)
        return H23510_MANY_HASHES;
    err = fingerprint_hash_parse(cap->hashFunction.v[0].p, cap->hashFunction.v[0].len, hash);
    if (err != 0)
        return err == ERR_REFUSED ? H23510_HASH_FORBIDDEN : H23510_HASH_UNKNOWN;
    /* One that the peer never announced, or that our policy has not. */
    return common[*hash] ? H23510_OK : H23510_HASH_NOT_COMMON;
}

enum h23510_verdict h23510_read_binding(const struct h245_DTLSSecurityCapability *cap,
                                        const bool *common, struct h23510_binding *binding)
{
    struct h23510_binding found = {0};
    enum fingerprint_hash hash = FINGERPRINT_SHA1;
    enum h23510_verdict verdict = read_one_hash(cap, common, &hash);

    if (verdict == H23510_OK)
        verdict = read_fingerprint(cap, hash, &found.fingerprint);
    if (verdict == H23510_OK)
        verdict = read_setup(cap, &found.has_setup, &found.setup);
    if (verdict == H23510_OK)
        verdict = read_connection(cap, &found.connection);
    if (verdict == H23510_OK)
        *binding = found;
    return verdict;
}

/* Copies a text into a string; *err is set when memory is short. */
static struct per_string text_of(struct arena *a, const char *text, int *err)
{
    /* In the arena: the message may be encoded later than this call. */
    struct per_string s = {strlen(text), arena_strdup(a, text)};

    if (s.p == NULL)
        *err = ERR_NOMEM;
    return s;
}

static struct h245_DTLSSecurityCapability *build(const struct h23510 *n, struct arena *a,
                                                 const enum fingerprint_hash *hashes, size_t count,
                                                 const char *setup, const char *connection)
{
    struct h245_DTLSSecurityCapability *cap = arena_zalloc(a, sizeof(*cap));
    int err = 0;

    if (cap == NULL)
        return NULL;
    cap->hashFunction.v = arena_array(a, count, sizeof(*cap->hashFunction.v));
    if (cap->hashFunction.v == NULL)
        return NULL;
    for (; cap->hashFunction.n < count; cap->hashFunction.n++)
        cap->hashFunction.v[cap->hashFunction.n] =
            text_of(a, fingerprint_hash_to_str(hashes[cap->hashFunction.n]), &err);
    /* Both are optional and said all the same: silence has a meaning that differs between RFCs. */
    cap->has_setupInformation = cap->has_connectionInformation = true;
    cap->setupInformation = text_of(a, setup, &err);
    cap->connectionInformation = text_of(a, connection, &err);
    /* Some endpoints do not know the field, and refuse the whole. */
    if (!n->policy.no_extensions_type) {
        cap->has_extensionsType = true;
        cap->extensionsType.v = arena_array(a, 1, sizeof(*cap->extensionsType.v));
        if (cap->extensionsType.v == NULL)
            return NULL;
        cap->extensionsType.v[0] = H23510_USE_SRTP;
        cap->extensionsType.n = 1;
    }
    return err == 0 ? cap : NULL;
}

struct h245_DTLSSecurityCapability *h23510_build_offer(const struct h23510 *n, struct arena *a)
{
    return build(n, a, n->policy.hashes, n->policy.hash_count, h23510_setup_to_str(n->offered),
                 h23510_connection_to_str(H23510_CONNECTION_NEW));
}

static const char *setup_of(enum h23510_role role)
{
    if (role == H23510_ROLE_ACTIVE)
        return h23510_setup_to_str(H23510_SETUP_ACTIVE);
    if (role == H23510_ROLE_PASSIVE)
        return h23510_setup_to_str(H23510_SETUP_PASSIVE);
    return h23510_setup_to_str(H23510_SETUP_HOLDCONN);
}

/* Exactly one hash, and our certificate's fingerprint made with it. */
static struct h245_DTLSSecurityCapability *bind_to(const struct h23510 *n, struct arena *a,
                                                   enum fingerprint_hash hash, const char *setup,
                                                   enum h23510_connection connection)
{
    struct h245_DTLSSecurityCapability *cap =
        build(n, a, &hash, 1, setup, h23510_connection_to_str(connection));
    char text[FINGERPRINT_TEXT_MAX];
    int err = 0;

    /* Formatted once for each message: certificates do not change in a call. */
    if (cap == NULL || fingerprint_format(&n->identity.fingerprints[hash], text, sizeof(text)) != 0)
        return NULL;
    cap->has_fingerprint = true;
    cap->fingerprint = text_of(a, text, &err);
    return err == 0 ? cap : NULL;
}

struct h245_DTLSSecurityCapability *h23510_build_binding(const struct h23510 *n, struct arena *a,
                                                         enum fingerprint_hash hash,
                                                         enum h23510_role role,
                                                         enum h23510_connection connection)
{
    return bind_to(n, a, hash, setup_of(role), connection);
}

struct h245_DTLSSecurityCapability *h23510_build_proposal(const struct h23510 *n, struct arena *a,
                                                          enum fingerprint_hash hash)
{
    return bind_to(n, a, hash, h23510_setup_to_str(n->policy.setup), H23510_CONNECTION_NEW);
}
