/* A session as JSON: what operators see. Everything of the peer's is escaped or left out; nothing
 * here changes anything. */
#include "server/session/session_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "server/conference/conference.h"
#include "server/session/session_control.h"

static json_t *addr_json(const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    return a->family == ADDR_NONE ? json_null() : json_string(addr_format(a, text));
}

json_t *session_text_json(const char *text)
{
    json_t *j = json_string(text);

    /* What is no UTF-8 (a peer's octets, or a text cut in the middle) is shown as absent. */
    return j != NULL ? j : json_null();
}

static json_t *guid_json(const uint8_t guid[H225_GUID_LEN])
{
    char text[H225_GUID_LEN * 2 + 1];

    for (size_t i = 0; i < H225_GUID_LEN; i++)
        snprintf(text + i * 2, 3, "%02x", guid[i]);
    return json_string(text);
}

static json_t *fingerprint_json(const struct fingerprint *fp)
{
    char text[FINGERPRINT_TEXT_MAX];

    if (fingerprint_format(fp, text, sizeof(text)) != 0)
        return json_null();
    return json_pack("{s:s,s:s}", "hash", fingerprint_hash_to_str(fp->hash), "value", text);
}

static json_t *peer_json(const struct session *s)
{
    json_t *aliases = json_array();

    for (size_t i = 0; i < s->peer_alias_count; i++)
        json_array_append_new(aliases, session_text_json(s->peer_aliases[i]));
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "signalling", addr_json(&s->config.peer), "h245",
                     addr_json(&s->h245_peer), "aliases", aliases, "display",
                     session_text_json(s->peer_display), "product",
                     session_text_json(s->peer_product), "version",
                     session_text_json(s->peer_version));
}

static json_t *transport_ref(const struct session_transport *t)
{
    return t == NULL ? json_null() : json_integer((json_int_t)t->id);
}

static json_t *channel_json(const struct session_channel *c)
{
    return json_pack(
        "{s:i,s:s,s:s,s:s,s:i,s:i,s:i,s:b,s:s,s:o,s:o,s:o}", "lcn", c->lcn, "direction",
        session_direction_to_str(c->direction), "kind", h245_media_to_str(c->kind), "codec",
        session_channel_codec(c), "frames", (int)c->audio.frames, "payload_type", c->payload_type,
        "session_id", (int)c->session_id, "protected", c->is_protected, "state",
        session_channel_state_to_str(c->state), "transport", transport_ref(c->transport), "media",
        addr_json(&c->media), "media_control", addr_json(&c->media_control));
}

static json_t *channels_json(const struct session *s)
{
    json_t *list = json_array();

    SESSION_EACH_CHANNEL (s, c)
        json_array_append_new(list, channel_json(c));
    return list;
}

static json_t *association_json(const struct session_transport *t)
{
    struct fingerprint local;
    json_t *j;

    if (t->kind == MEDIA_PLAIN_RTP || !t->agreement.is_set)
        return json_null();
    /* Ours is the certificate's under the hash of the agreement; in a passthrough it is the other
     * peer's. */
    local = t->session->env->identity->fingerprints[t->agreement.local_hash];
    if (t->kind == MEDIA_PASS && !session_pass_local(t, &local))
        local = (struct fingerprint){.hash = FINGERPRINT_HASH_COUNT};
    j = json_pack("{s:s,s:s,s:b,s:o,s:o,s:I}", "role", h23510_role_to_str(t->agreement.role),
                  "state", session_association_state_to_str(t->association), "fingerprint_verified",
                  t->is_verified, "local_fingerprint",
                  local.hash < FINGERPRINT_HASH_COUNT ? fingerprint_json(&local) : json_null(),
                  "peer_fingerprint", fingerprint_json(&t->agreement.peer_fingerprint), "strangers",
                  (json_int_t)t->strangers);
    if (t->is_verified) {
        json_object_set_new(j, "cipher", json_string(t->cipher));
        json_object_set_new(j, "srtp_profile", json_string(srtp_profile_to_str(t->profile)));
        /* Only what has been verified is told as fact. */
        json_object_set_new(j, "handshake_ms", json_integer((json_int_t)t->handshake_ms));
        json_object_set_new(j, "resumed", json_boolean(t->is_resumed));
    }
    if (t->failure != DTLS_FAIL_NONE) {
        json_object_set_new(j, "failure", json_string(dtls_failure_to_str(t->failure)));
        json_object_set_new(j, "failure_text", session_text_json(t->failure_text));
    }
    return j;
}

static json_t *drops_json(const struct link_transport_stats *st)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "remote", (json_int_t)st->drop_remote,
                     "keys", (json_int_t)st->drop_keys, "auth", (json_int_t)st->drop_auth, "replay",
                     (json_int_t)st->drop_replay, "malformed", (json_int_t)st->drop_malformed,
                     "route", (json_int_t)st->drop_route, "other", (json_int_t)st->drop_other,
                     "source", (json_int_t)st->drop_source);
}

/* What a member of a mix says and hears; nothing for those that are in none. */
static void add_mix(json_t *j, const struct link_transport_stats *st)
{
    if (st->mix_in == 0 && st->mix_out == 0)
        return;
    json_object_set_new(
        j, "mix",
        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "packets_in", (json_int_t)st->mix_in,
                  "refused", (json_int_t)st->mix_refused, "late", (json_int_t)st->mix_late,
                  "concealed", (json_int_t)st->mix_concealed, "delay_ms",
                  (json_int_t)st->mix_delay_ms, "talk_ms", (json_int_t)st->mix_talk_ms, "level",
                  (json_int_t)st->mix_level, "digits", (json_int_t)st->mix_digits, "packets_out",
                  (json_int_t)st->mix_out, "lost_out", (json_int_t)st->mix_out_lost));
}

static void add_counters(json_t *j, const struct link_transport_stats *st)
{
    const struct {
        const char *name;
        uint64_t value;
    } row[] = {
        {"packets_in", st->rtp_in},
        {"bytes_in", st->rtp_in_bytes},
        {"packets_out", st->rtp_out},
        {"bytes_out", st->rtp_out_bytes},
        {"rtcp_in", st->rtcp_in},
        {"rtcp_out", st->rtcp_out},
        {"dtls_in", st->dtls_in},
        {"dtls_out", st->dtls_out},
        {"lost", st->lost},
        {"jitter", st->jitter},
        {"ssrc_in", st->ssrc_in},
        {"ssrc_out", st->ssrc_out},
        {"reports_in", st->reports_in},
        {"reports_out", st->reports_out},
        {"rtt_us", st->rtt_us},
        {"peer_lost", st->peer_lost},
        {"peer_fraction", st->peer_fraction},
        {"peer_jitter", st->peer_jitter},
        {"source_switches", st->switches},
        {"feedback_in", st->feedback_in},
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        json_object_set_new(j, row[i].name, json_integer((json_int_t)row[i].value));
    json_object_set_new(j, "drops", drops_json(st));
    add_mix(j, st);
}

static const char *mode_of(const struct session_transport *t)
{
    switch (t->kind) {
    case MEDIA_PASS:
        return "pass";
    case MEDIA_DTLS_SRTP:
        return "dtls-srtp";
    case MEDIA_DATA_TCP:
        return h245_data_stack_to_str(H245_DATA_TCP_DTLS_SCTP);
    case MEDIA_DATA_SCTP:
        return h245_data_stack_to_str(H245_DATA_SCTP_DTLS);
    case MEDIA_PLAIN_RTP:
        break;
    }
    return "rtp";
}

static json_t *transport_json(const struct session_transport *t)
{
    struct link_transport_stats st;
    json_t *j = json_pack("{s:I,s:o,s:o,s:s,s:b,s:o}", "id", (json_int_t)t->id, "local",
                          addr_json(&t->local), "remote", addr_json(&t->remote), "mode", mode_of(t),
                          "open", t->is_open, "association", association_json(t));

    session_transport_stats(t, &st);
    add_counters(j, &st);
    return j;
}

/* Those that live come first: who looks for "the" transport of a session finds it at the top. */
static json_t *transports_json(const struct session *s)
{
    json_t *list = json_array();

    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL)
            json_array_append_new(list, transport_json(t));
    }
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port == NULL && t->has_final)
            json_array_append_new(list, transport_json(t));
    }
    return list;
}

static json_t *timeline_json(const struct session *s)
{
    json_t *j = json_object();

    for (size_t i = 0; i < SESSION_STEP_COUNT; i++)
        if (s->step[i] != 0)
            json_object_set_new(j, session_step_to_str((enum session_step)i),
                                json_integer((json_int_t)(s->step[i] - s->began)));
    return j;
}

static json_t *errors_json(const struct session *s)
{
    json_t *list = json_array();
    /* A ring of the last ones. */
    size_t first = s->error_count > SESSION_ERRORS_MAX ? s->error_count - SESSION_ERRORS_MAX : 0;

    for (size_t i = first; i < s->error_count; i++) {
        const struct session_error *e = &s->errors[i % SESSION_ERRORS_MAX];

        json_array_append_new(list, json_pack("{s:I,s:o}", "ms", (json_int_t)e->at, "text",
                                              session_text_json(e->text)));
    }
    return list;
}

static json_t *role_json(const struct session *s)
{
    if (s->h245 == NULL || !h245_msd_is_done(s->h245))
        return json_null();
    return json_string(h245_msd_is_master(s->h245) ? "master" : "slave");
}

static const char *srtp_of(const struct session *s)
{
    const struct session_transport *newest = NULL;

    /* The newest verified one is what the call uses. */
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->is_verified && (newest == NULL || t->id > newest->id))
            newest = t;
    }
    return newest != NULL ? srtp_profile_to_str(newest->profile) : "";
}

json_t *session_to_json_short(const struct session *s, uint64_t now)
{
    struct link_transport_stats st;

    session_stats_sum(s, &st);
    return json_pack(
        "{s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:I,s:I,s:I,s:I}", "id", (json_int_t)s->id, "state",
        session_state_to_str(s->state), "direction", s->config.is_caller ? "out" : "in",
        "conference", session_text_json(s->conference_name), "peer", addr_json(&s->config.peer),
        "alias", session_text_json(s->alias), "role", role_json(s), "srtp_profile", srtp_of(s),
        "duration_ms", (json_int_t)(now - s->began), "packets_in", (json_int_t)st.rtp_in,
        "packets_out", (json_int_t)st.rtp_out, "lost", (json_int_t)st.lost);
}

json_t *session_to_json(const struct session *s, uint64_t now)
{
    json_t *j = session_to_json_short(s, now);
    char began[CLOCK_TEXT_MAX];
    json_t *more;

    more = json_pack("{s:s,s:s,s:o,s:o,s:o,s:i,s:i,s:s,s:b,s:b,s:b,s:s,s:b,s:o,s:o,s:o,s:o}",
                     "began", clock_wall_format(s->wall_began_us, began), "listener",
                     s->config.listener->name, "peer", peer_json(s), "call_id",
                     guid_json(s->call_id), "conference_id", guid_json(s->conference_guid),
                     "h225_version", (int)s->h225_version, "h245_version", (int)s->h245_version,
                     "signalling", s->config.is_by_sdp ? "sdp" : "h323", "signalling_secured",
                     session_is_secured(s), "h245_tunnelled", s->is_tunnelled, "fast_connect",
                     s->is_fast, "policy", settings_dtls_to_str(s->config.listener->dtls),
                     "downgraded", s->is_downgraded, "channels", channels_json(s), "transports",
                     transports_json(s), "timeline", timeline_json(s), "errors", errors_json(s));
    /* One pack of seventeen: NULL when any part of it could not be made. */
    if (more == NULL) {
        json_decref(j);
        return NULL;
    }
    json_object_update(j, more);
    json_decref(more);
    json_object_set_new(j, "terminal", session_terminal_json(s));
    json_object_set_new(j, "paused", json_boolean(s->is_paused));
    json_object_set_new(j, "signalling_tls", session_tls_json(s->config.is_tls, &s->config.tls));
    json_object_set_new(j, "h245_tls", session_tls_json(s->has_h245_tls, &s->h245_tls));
    if (s->end != SESSION_END_NONE) {
        json_object_set_new(j, "cause", json_string(session_end_to_str(s->end)));
        json_object_set_new(j, "cause_text", session_text_json(s->end_text));
    }
    return j;
}
