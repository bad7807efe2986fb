#include "bench/endpoint/endpoint_srtp.h"

#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

#include "base/err.h"

struct srtp_pair {
    srtp_t send, receive;
};

static int set_profile(unsigned profile, srtp_policy_t *policy)
{
    static const struct {
        unsigned iana;
        srtp_profile_t profile;
    } rows[] = {{1, srtp_profile_aes128_cm_sha1_80},
                {2, srtp_profile_aes128_cm_sha1_32},
                {7, srtp_profile_aead_aes_128_gcm},
                {8, srtp_profile_aead_aes_256_gcm}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].iana == profile)
            return srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, rows[i].profile) ==
                               srtp_err_status_ok &&
                           srtp_crypto_policy_set_from_profile_for_rtcp(
                               &policy->rtcp, rows[i].profile) == srtp_err_status_ok
                       ? 0
                       : ERR_UNSUPPORTED;
    return ERR_UNSUPPORTED;
}

static int make_context(const struct dtls_srtp_keys *keys, bool outbound, srtp_t *out)
{
    uint8_t master[DTLS_KEY_MAX + DTLS_SALT_MAX];
    srtp_policy_t policy;
    memset(&policy, 0, sizeof(policy));
    int rc = set_profile(keys->profile, &policy);
    if (rc)
        return rc;
    memcpy(master, outbound ? keys->local_key : keys->remote_key, keys->key_len);
    memcpy(master + keys->key_len, outbound ? keys->local_salt : keys->remote_salt, keys->salt_len);
    policy.key = master;
    policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy.window_size = 1024;
    rc = srtp_create(out, &policy) == srtp_err_status_ok ? 0 : ERR_CRYPTO;
    explicit_bzero(master, sizeof(master));
    return rc;
}

int srtp_pair_prepare(void)
{
    return srtp_init() == srtp_err_status_ok ? 0 : ERR_CRYPTO;
}

int srtp_pair_create(const struct dtls_srtp_keys *keys, struct srtp_pair **out)
{
    struct srtp_pair *p = calloc(1, sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    int rc = make_context(keys, true, &p->send);
    if (rc == 0)
        rc = make_context(keys, false, &p->receive);
    if (rc) {
        srtp_pair_destroy(p);
        return rc;
    }
    *out = p;
    return 0;
}

void srtp_pair_destroy(struct srtp_pair *p)
{
    if (!p)
        return;
    if (p->send)
        srtp_dealloc(p->send);
    if (p->receive)
        srtp_dealloc(p->receive);
    free(p);
}

/* `n` is a pointer so that it is read after the call that sets it. */
static int finish(srtp_err_status_t status, const int *n, size_t *len, int otherwise)
{
    if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
        return ERR_REPLAY;
    if (status != srtp_err_status_ok)
        return otherwise;
    *len = (size_t)*n;
    return 0;
}

int srtp_pair_protect_rtp(struct srtp_pair *p, uint8_t *bytes, size_t *len)
{
    int n = (int)*len;
    return finish(srtp_protect(p->send, bytes, &n), &n, len, ERR_CRYPTO);
}

int srtp_pair_unprotect_rtp(struct srtp_pair *p, uint8_t *bytes, size_t *len)
{
    int n = (int)*len;
    return finish(srtp_unprotect(p->receive, bytes, &n), &n, len, ERR_AUTH);
}

int srtp_pair_protect_rtcp(struct srtp_pair *p, uint8_t *bytes, size_t *len)
{
    int n = (int)*len;
    return finish(srtp_protect_rtcp(p->send, bytes, &n), &n, len, ERR_CRYPTO);
}

int srtp_pair_unprotect_rtcp(struct srtp_pair *p, uint8_t *bytes, size_t *len)
{
    int n = (int)*len;
    return finish(srtp_unprotect_rtcp(p->receive, bytes, &n), &n, len, ERR_AUTH);
}
