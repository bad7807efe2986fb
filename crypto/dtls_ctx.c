/* What all associations of one shard share: configuration, the library's contexts, the secrets of
 * cookies and seals. One thread owns it; nothing in it is locked. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/dtls_internal.h"

#include <stdlib.h>
#include <string.h>

#define MTU_MIN        256           /* below, a flight of certificates takes dozens of datagrams */
#define RETRANSMIT_MIN 20            /* a millisecond or two would be a flood of our own */
#define TIME_MAX       (600u * 1000) /* ten minutes: a longer handshake is a typing error */

void dtls_config_init(struct dtls_config *config, const struct cert *cert)
{
    memset(config, 0, sizeof(*config));
    config->cert = cert;
    memcpy(config->profiles, srtp_profile_preference, sizeof(config->profiles));
    config->profile_count = SRTP_PROFILE_COUNT;
    config->park = true;
    /* 1200 octets pass every path that carries IPv6, tunnels included. */
    config->mtu = 1200;
    /* 200 ms and not the RFC's 1 s: media wait behind the handshake, and the paths are those of a
     * call: at 30 % loss the slowest handshake in a hundred took 13.9 s with the RFC's timers and
     * takes 7.3 s with these. */
    config->retransmit_initial_ms = 200;
    config->retransmit_max_ms = 1600;
    /* A handshake may begin long before its peer is ready (ringing): half a minute is also what
     * signalling grants. */
    config->handshake_timeout_ms = 30000;
    /* Long enough for the peer's late retransmissions, short enough that 50,000 calls need 17 MB
     * and not 1 GB. */
    config->park_after_ms = 10000;
}

static int check_config(const struct dtls_config *c)
{
    if (!c->cert || c->profile_count > SRTP_PROFILE_COUNT || c->mtu < MTU_MIN ||
        c->mtu > DTLS_DATAGRAM_MAX)
        return ERR_INVAL;
    if (c->retransmit_initial_ms < RETRANSMIT_MIN ||
        c->retransmit_max_ms < c->retransmit_initial_ms || c->retransmit_max_ms > TIME_MAX ||
        c->handshake_timeout_ms < c->retransmit_initial_ms || c->handshake_timeout_ms > TIME_MAX)
        return ERR_INVAL;
    for (unsigned i = 0; i < c->profile_count; i++)
        if (!srtp_profile_find(c->profiles[i]))
            return ERR_UNSUPPORTED;
    return 0;
}

int dtls_ctx_create(const struct dtls_config *config, struct dtls_ctx **out)
{
    struct dtls_ctx *ctx;
    int rc = check_config(config);

    if (rc != 0)
        return rc;
    ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        return ERR_NOMEM;
    ctx->config = *config;
    /* Cookie secrets and the seal in one locked allocation: none of them may reach a core file. */
    ctx->secrets = secret_alloc(DTLS_SECRETS_BYTES);
    rc = ctx->secrets ? wolf_random(ctx->secrets, DTLS_SECRETS_BYTES) : ERR_NOMEM;
    /* Both roles always: which one a call has is settled call by call. */
    for (int role = DTLS_CLIENT; rc == 0 && role <= DTLS_SERVER; role++)
        rc = wolf_ctx_create((enum dtls_role)role, config->cert, config->mtu,
                             config->sessions != NULL, &ctx->wolf[role]);
    if (rc != 0) {
        dtls_ctx_destroy(ctx);
        return rc;
    }
    *out = ctx;
    return 0;
}

void dtls_ctx_destroy(struct dtls_ctx *ctx)
{
    if (!ctx)
        return;
    wolf_session_destroy(ctx->listener);
    wolf_ctx_destroy(ctx->wolf[DTLS_CLIENT]);
    wolf_ctx_destroy(ctx->wolf[DTLS_SERVER]);
    secret_free(ctx->secrets, DTLS_SECRETS_BYTES);
    free(ctx);
}

const struct dtls_stats *dtls_ctx_stats(const struct dtls_ctx *ctx)
{
    return &ctx->stats;
}

/* Looked after when a ClientHello comes, which is when it matters. Who has collected cookies from
 * many addresses (behind a router of its own, say) must not be able to spend them all at once, much
 * later; who has got one a moment ago must. */
void dtls_ctx_age_cookies(struct dtls_ctx *ctx, uint64_t now)
{
    uint8_t *secret = ctx->secrets;
    /* now - since with since 0 is meaningless, and the first hello starts the clock. */
    uint64_t age = now - ctx->cookie_since;

    if (ctx->cookie_since == 0) {
        ctx->cookie_since = now > 0 ? now : 1;
        return;
    }
    if (age >= DTLS_COOKIE_OVERLAP_MS)
        ctx->has_old_cookie = false;
    if (age < DTLS_COOKIE_MS)
        return;
    memcpy(secret + WOLF_COOKIE_SECRET_BYTES, secret, WOLF_COOKIE_SECRET_BYTES);
    if (wolf_random(secret, WOLF_COOKIE_SECRET_BYTES) != 0)
        return; /* the one there is stays; again at the next hello */
    /* Old only if it was in use lately: after a quiet hour nobody can hold a fresh cookie from
     * it. */
    ctx->has_old_cookie = age < DTLS_COOKIE_MS + DTLS_COOKIE_OVERLAP_MS;
    ctx->cookie_since = now;
    ctx->stats.cookie_secrets++;
}

const uint8_t *dtls_ctx_cookie_secret(const struct dtls_ctx *ctx)
{
    return ctx->secrets;
}

const uint8_t *dtls_ctx_old_cookie_secret(const struct dtls_ctx *ctx)
{
    return ctx->has_old_cookie ? ctx->secrets + WOLF_COOKIE_SECRET_BYTES : NULL;
}

const uint8_t *dtls_ctx_seal_key(const struct dtls_ctx *ctx)
{
    return ctx->secrets + 2 * WOLF_COOKIE_SECRET_BYTES;
}

/* SHA-1 can be forged with effort: only an operator who must talk to old equipment lets it in. */
bool dtls_ctx_takes_hash(const struct dtls_ctx *ctx, enum fingerprint_hash hash)
{
    if (fingerprint_hash_len(hash) == 0)
        return false;
    return hash != FINGERPRINT_SHA1 || ctx->config.allow_sha1;
}

const char *dtls_state_to_str(enum dtls_state state)
{
    switch (state) {
#define STATE_TEXT(name, text) \
    case name:                 \
        return text;
        DTLS_STATE_LIST(STATE_TEXT)
#undef STATE_TEXT
    }
    return "unknown";
}

const char *dtls_failure_to_str(enum dtls_failure reason)
{
    switch (reason) {
#define FAILURE_TEXT(name, text) \
    case name:                   \
        return text;
        DTLS_FAILURE_LIST(FAILURE_TEXT)
#undef FAILURE_TEXT
    case DTLS_FAILURE_COUNT:
        break;
    }
    return "unknown";
}
