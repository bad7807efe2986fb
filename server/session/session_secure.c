/* What TLS is worth to a session: how H.245 is carried, and which fingerprints are believed. */
#include "server/session/session_priv.h"

#include "base/err.h"

/* H.245 of a call by TLS is in the tunnel, or has a TLS connection of its own: in the clear it
 * would give away what TLS is there for. Where the peer can do neither, the configuration decides.
 */
static bool judge_h245(struct session *s, bool is_tunnelled, bool has_tls)
{
    const struct settings *settings = s->env->settings;

    if (!s->config.is_tls || is_tunnelled || has_tls)
        return true;
    /* A call of ours has been set up as a secured one: what L-CERT would not have let begin in the
     * clear must not go on so. */
    if (settings->tls.clear_h245 && (!s->config.is_caller || settings->dtls.cleartext_signalling !=
                                                                 SETTINGS_CLEARTEXT_REFUSE)) {
        s->has_clear_h245 = true;
        return true;
    }
    s->env->stats.h245_clear_refused++;
    session_end(s, SESSION_END_H245_CLEAR, "neither a tunnel nor TLS for H.245");
    return false;
}

bool session_secure_h245(struct session *s, const struct h225_setup *setup)
{
    if (s->config.is_tls && setup->h245_tls)
        h225_call_secure_h245(s->call);
    return judge_h245(s, h225_call_is_tunnelling(s->call), setup->h245_tls);
}

bool session_judge_answer(struct session *s, const struct h225_answer *answer)
{
    return judge_h245(s, answer->tunnelling, answer->h245_tls);
}

bool session_is_tls(const struct session *s)
{
    return s->config.is_tls;
}

void session_set_signalling_tls(struct session *s, const struct tls_info *info)
{
    if (info != NULL)
        s->config.tls = *info;
}

void session_set_h245_tls(struct session *s, const struct tls_info *info)
{
    s->has_h245_tls = info != NULL;
    if (info != NULL)
        s->h245_tls = *info;
}

bool session_is_secured(const struct session *s)
{
    return s->config.is_tls && !s->has_clear_h245;
}

/* H.235.10 8.2: identities prove nothing that anybody on the way could have put there. */
void session_note_cleartext(struct session *s)
{
    bool is_used = h23510_is_usable(&s->dtls) || session_fast_is_protected(s);

    if (!session_is_secured(s) && is_used &&
        s->env->settings->dtls.cleartext_signalling == SETTINGS_CLEARTEXT_WARN)
        log_warn(LOG_AREA_H23510, s->id, "fingerprints travel in an H.245 that is not secured");
}

json_t *session_tls_json(bool is_tls, const struct tls_info *info)
{
    /* Until the connection of a call of ours is up there is nothing to tell. */
    if (!is_tls || info->cipher == NULL)
        return json_null();
    return json_pack("{s:s,s:s,s:b,s:o}", "version", tls_version_to_str(info->version), "cipher",
                     info->cipher, "peer_verified", info->is_peer_verified, "peer",
                     session_text_json(info->peer));
}
