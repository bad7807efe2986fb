/* What TLS is worth to a session: how H.245 is carried, and which fingerprints are believed. */
#include "server/session_priv.h"

#include "base/err.h"

/* A caller that came by TLS expects its H.245 to be protected as well: a tunnel is, a connection of
 * its own only with TLS, which the Setup must have offered (h245SecurityCapability). */
bool session_secure_h245(struct session *s, const struct h225_setup *setup)
{
    if (!s->config.is_tls)
        return true;
    s->has_h245_tls_offer = setup->h245_tls;
    if (setup->h245_tls)
        h225_call_secure_h245(s->call);
    if (session_is_secured(s) || s->env->settings->tls.clear_h245)
        return true;
    s->env->stats.h245_clear_refused++;
    session_end(s, SESSION_END_H245_CLEAR, "neither a tunnel nor TLS for H.245 is offered");
    return false;
}

bool session_h245_needs_tls(const struct session *s)
{
    return s->config.is_tls && (s->has_h245_tls_offer || !s->env->settings->tls.clear_h245);
}

void session_set_h245_tls(struct session *s, const struct tls_info *info)
{
    s->has_h245_tls = info != NULL;
    if (info != NULL)
        s->h245_tls = *info;
}

bool session_is_secured(const struct session *s)
{
    return s->config.is_tls && (s->has_h245_tls_offer || h225_call_is_tunnelling(s->call));
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
    if (!is_tls)
        return json_null();
    return json_pack("{s:s,s:s,s:b,s:o}", "version", tls_version_to_str(info->version), "cipher",
                     info->cipher, "peer_verified", info->is_peer_verified, "peer",
                     session_text_json(info->peer));
}
