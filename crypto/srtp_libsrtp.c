/* Back end `libsrtp`: one libsrtp session a stream. It derives the session keys again for every
 * stream and works in place only, so what comes from elsewhere is copied first. Slow and simple:
 * the judge of the faster back ends. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/srtp_backend.h"

#include <srtp2/srtp.h>

#include <pthread.h>
#include <string.h>

struct libsrtp_stream {
    srtp_t session;
    uint32_t pending_roc; /* set by the caller, not used by a packet yet */
    bool has_pending_roc;
};

_Static_assert(SRTP_RTP_OVERHEAD_MAX <= SRTP_MAX_TRAILER_LEN, "libsrtp's trailer is larger");

/* srtp_init is for the process, engines are several: once. */
static pthread_once_t started = PTHREAD_ONCE_INIT;
static srtp_err_status_t start_status;

static struct libsrtp_stream *priv(struct srtp_stream *stream)
{
    return (struct libsrtp_stream *)(void *)stream->priv;
}

static void start_once(void)
{
    start_status = srtp_init();
}

static int libsrtp_start(struct srtp_engine *engine)
{
    (void)engine;
    pthread_once(&started, start_once);
    return start_status == srtp_err_status_ok ? 0 : ERR_CRYPTO;
}

static int libsrtp_key_init(struct srtp_key *key)
{
    (void)key; /* sessions are made from the master key */
    return 0;
}

static void libsrtp_key_fini(struct srtp_key *key)
{
    (void)key;
}

static void set_policy(enum srtp_profile profile, srtp_policy_t *policy)
{
    switch (profile) {
    case SRTP_PROFILE_AEAD_AES_128_GCM:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
        break;
    case SRTP_PROFILE_AEAD_AES_256_GCM:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
        break;
    case SRTP_PROFILE_AES128_CM_SHA1_32:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
        /* RFC 5764 §4.1.2: the short tag is for RTP alone. */
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    case SRTP_PROFILE_AES128_CM_SHA1_80:
    case SRTP_PROFILE_NONE: /* srtp_key_create let no other through */
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    }
}

static int libsrtp_stream_init(struct srtp_stream *stream)
{
    const struct srtp_master *master = &stream->key->master;
    const struct srtp_profile_info *info = stream->key->info;
    uint8_t key[SRTP_MASTER_KEY_MAX + SRTP_MASTER_SALT_MAX];
    srtp_policy_t policy;
    srtp_err_status_t status;

    memcpy(key, master->key, info->key_len);
    memcpy(key + info->key_len, master->salt, info->salt_len);
    memset(&policy, 0, sizeof(policy));
    set_policy(master->profile, &policy);
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = stream->ssrc;
    policy.key = key;
    policy.window_size = SRTP_REPLAY_WINDOW;
    /* also when srtp_create fails: fini would deallocate rubbish */
    memset(priv(stream), 0, sizeof(struct libsrtp_stream));
    status = srtp_create(&priv(stream)->session, &policy);
    /* libsrtp copied it; this is the last place where it lies unwrapped. */
    secret_wipe(key, sizeof(key));
    if (status == srtp_err_status_alloc_fail)
        return ERR_NOMEM;
    return status == srtp_err_status_ok ? 0 : ERR_CRYPTO;
}

static void libsrtp_stream_fini(struct srtp_stream *stream)
{
    (void)srtp_dealloc(priv(stream)->session); /* wipes its keys */
}

static int libsrtp_get_roc(const struct srtp_stream *stream, uint32_t *out)
{
    const struct libsrtp_stream *p = (const struct libsrtp_stream *)(const void *)stream->priv;

    if (p->has_pending_roc) {
        /* libsrtp gives the new ROC only after the first packet that uses it. */
        *out = p->pending_roc;
        return 0;
    }
    if (srtp_get_stream_roc(p->session, stream->ssrc, out) != srtp_err_status_ok)
        return ERR_CRYPTO;
    return 0;
}

static int libsrtp_set_roc(struct srtp_stream *stream, uint32_t roc)
{
    struct libsrtp_stream *p = priv(stream);

    if (srtp_set_stream_roc(p->session, stream->ssrc, roc) != srtp_err_status_ok)
        return ERR_CRYPTO;
    p->pending_roc = roc;
    p->has_pending_roc = true;
    return 0;
}

static enum srtp_status status_of(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return SRTP_OK;
    case srtp_err_status_auth_fail:
        return SRTP_AUTH_FAIL;
    case srtp_err_status_replay_fail:
        return SRTP_REPLAY;
    case srtp_err_status_replay_old:
        return SRTP_TOO_OLD;
    case srtp_err_status_key_expired:
        return SRTP_KEY_EXPIRED;
    case srtp_err_status_no_ctx:
        return SRTP_WRONG_SSRC;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
        return SRTP_MALFORMED;
    default:
        return SRTP_FAILED;
    }
}

static void finish(struct srtp_job *job, srtp_err_status_t status, int len)
{
    job->status = (uint8_t)status_of(status);
    if (status != srtp_err_status_ok)
        return;
    job->out_len = (uint16_t)len;
    /* From the first good packet on libsrtp's own count holds. */
    if (!job->is_rtcp)
        priv(job->stream)->has_pending_roc = false;
}

static void protect_one(struct srtp_job *job)
{
    srtp_t session = priv(job->stream)->session;
    size_t hdr_len = job->hdr ? job->hdr_len : 0;
    int len = (int)(hdr_len + job->len);
    srtp_err_status_t status;

    /* The payload first: src may lie where the header goes. */
    if (job->src != job->dst + hdr_len)
        memmove(job->dst + hdr_len, job->src, job->len);
    if (hdr_len && job->hdr != job->dst)
        memcpy(job->dst, job->hdr, hdr_len);
    if (job->is_rtcp)
        status = srtp_protect_rtcp(session, job->dst, &len);
    else
        status = srtp_protect(session, job->dst, &len);
    finish(job, status, len);
}

static void unprotect_one(struct srtp_job *job)
{
    srtp_t session = priv(job->stream)->session;
    int len = job->len;
    srtp_err_status_t status;

    if (job->src != job->dst)
        memcpy(job->dst, job->src, job->len);
    if (job->is_rtcp)
        status = srtp_unprotect_rtcp(session, job->dst, &len);
    else
        /* trial: libsrtp knows no index guess without a change of state */
        status = srtp_unprotect(session, job->dst, &len);
    finish(job, status, len);
}

static void libsrtp_protect(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    (void)engine;
    for (size_t i = 0; i < n; i++)
        /* Jobs that srtp.c refused keep their verdict. */
        if (jobs[i].status == SRTP_OK)
            protect_one(&jobs[i]);
}

static void libsrtp_unprotect(struct srtp_engine *engine, struct srtp_job *jobs, size_t n)
{
    (void)engine;
    for (size_t i = 0; i < n; i++)
        if (jobs[i].status == SRTP_OK)
            unprotect_one(&jobs[i]);
}

const struct srtp_backend srtp_backend_libsrtp = {
    .name = "libsrtp",
    .key_size = 0,
    .stream_size = sizeof(struct libsrtp_stream),
    .start = libsrtp_start,
    .key_init = libsrtp_key_init,
    .key_fini = libsrtp_key_fini,
    .stream_init = libsrtp_stream_init,
    .stream_fini = libsrtp_stream_fini,
    .get_roc = libsrtp_get_roc,
    .set_roc = libsrtp_set_roc,
    .protect = libsrtp_protect,
    .unprotect = libsrtp_unprotect,
};
