/* Pass-through (C-PASS): the peers of two sessions are the two ends of one DTLS connection, and
 * each verifies the other's certificate. The server has no key and no part in it: on each leg it
 * says in signalling what the other leg's peer has said - hashes, role, fingerprint -, by H.245 or
 * SDP, and the data plane passes the datagrams on unopened (LINK_MODE_PASS).
 *
 * A leg is told of the other's capabilities when both are known, and of its fingerprint when that
 * is: an H.323 peer gets an empty capability set until then (H.323 8.4.6: wait), its OLC is
 * acknowledged later, an SDP offer is answered later. DTLS roles are settled here, for both legs at
 * once and without regard to who is H.245's master. When one leg ends, so does the other: there is
 * nobody left to be connected with. */
#include "server/session/session_sdp.h"

#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"

/* What one leg's peer has said of itself, in whichever signalling. */
struct face {
    bool has_caps;    /* hashes and setup */
    bool has_binding; /* and fingerprints */
    bool hashes[FINGERPRINT_HASH_COUNT];
    enum h23510_setup setup;
    struct fingerprint fingerprint[SDP_FINGERPRINTS_MAX];
    size_t fingerprint_count;
};

bool session_is_passed(const struct session *s)
{
    return s->conference != NULL && conference_is_passed(s->conference);
}

enum media_kind session_secure_kind(const struct session *s)
{
    return session_is_passed(s) ? MEDIA_PASS : MEDIA_DTLS_SRTP;
}

static struct session *other_of(const struct session *s)
{
    return s->conference != NULL ? conference_other(s->conference, s) : NULL;
}

static struct session_transport *transport_of(const struct session *s)
{
    /* A-REPLACE may have left an older one behind; what is said of now is the newest. */
    struct session_transport *newest = NULL;

    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL && t->kind == MEDIA_PASS && (newest == NULL || t->id > newest->id))
            newest = t;
    }
    return newest;
}

/* ---- who says what ---- */

static void add_fingerprint(struct face *f, const struct fingerprint *fp)
{
    f->hashes[fp->hash] = true;
    f->fingerprint[f->fingerprint_count++] = *fp;
}

static void face_by_sdp(const struct session *s, struct face *f)
{
    const struct session_leg *leg = s->leg;

    if (leg->has_remote) {
        /* RFC 4145 section 4: who says nothing is active. */
        f->has_caps = f->has_binding = true;
        f->setup = leg->remote.has_setup ? leg->remote.setup : H23510_SETUP_ACTIVE;
        for (size_t i = 0; i < leg->remote.fingerprint_count; i++)
            add_fingerprint(f, &leg->remote.fingerprint[i]);
    } else if (leg->is_offer_wanted) {
        /* Nobody knows yet who will answer; RFC 5763 section 5 has them all do this. The SIP side
         * may ask us for an offer while its peer is not known: then it can only be described as
         * what any answerer must be able to do. */
        f->has_caps = true;
        f->setup = H23510_SETUP_ACTPASS;
        for (size_t i = 0; i < s->dtls.policy.hash_count; i++)
            f->hashes[s->dtls.policy.hashes[i]] = true;
    }
}

static void face_by_h245(const struct session *s, struct face *f)
{
    const struct session_transport *t = transport_of(s);

    /* An H.323 peer without H.235.10 has no capabilities to pass on, and the call ends for want of
     * them. */
    f->has_caps = s->has_peer_caps && s->dtls.peer_offers;
    memcpy(f->hashes, s->dtls.peer.hashes, sizeof(f->hashes));
    f->setup = s->dtls.peer.setup;
    if (t == NULL || !t->agreement.is_set)
        return;
    f->has_binding = true;
    f->fingerprint[f->fingerprint_count++] = t->agreement.peer_fingerprint;
}

static struct face face_of(const struct session *s)
{
    struct face f = {.has_caps = false};

    if (s->config.is_by_sdp)
        face_by_sdp(s, &f);
    else
        face_by_h245(s, &f);
    return f;
}

/* DTLS role of the peer of `s`, by what both peers have said. Where both leave it open the leg that
 * was there first is passive: both legs are told the same, whatever H.245's masters are. */
static enum h23510_role role_of(const struct session *s, const struct session *other,
                                const struct face *own, const struct face *theirs)
{
    enum h23510_role role = h23510_role_of(own->setup, theirs->setup);

    if (role != H23510_ROLE_OPEN)
        return role;
    /* Ids grow, and never repeat: the comparison is the same asked from either leg. */
    return s->id < other->id ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE;
}

static bool is_decided(enum h23510_role role)
{
    return role == H23510_ROLE_ACTIVE || role == H23510_ROLE_PASSIVE;
}

static enum h23510_setup setup_of(enum h23510_role role)
{
    return role == H23510_ROLE_ACTIVE ? H23510_SETUP_ACTIVE : H23510_SETUP_PASSIVE;
}

/* ---- ends ---- */

static void refuse(struct session *s, enum session_end why, const char *text)
{
    session_note(s, LOG_LEVEL_WARN, LOG_AREA_H23510, "pass-through is not possible: %s", text);
    session_end(s, why, text);
}

void session_pass_ending(struct session *s)
{
    struct session *other = session_is_passed(s) ? other_of(s) : NULL;

    /* Our end is told by what is noted here: the other reads it in its own step, as it may be in
     * the middle of something. */
    if (other == NULL || !session_is_alive(other))
        return;
    /* Copied, for the ending session is gone when the other is looked at. */
    other->pass.had_other = true;
    other->pass.why = s->end;
    session_copy_text(other->pass.text, sizeof(other->pass.text), s->end_text);
}

/* ---- an H.323 leg stands for the other's peer ---- */

/* What the peer of the other leg can do, as far as the configuration goes along. */
static size_t hashes_of(const struct session *s, const struct face *theirs,
                        enum fingerprint_hash *list)
{
    const struct settings *settings = s->env->settings;
    /* In our configuration's order of preference: the first one is what the H.323 peer will be
     * told. */
    size_t n = 0;

    for (uint32_t i = 0; i < settings->dtls.hash_count && i < FINGERPRINT_HASH_COUNT; i++) {
        enum fingerprint_hash hash = (enum fingerprint_hash)settings->dtls.hashes[i];

        /* SHA-1 only where the configuration has it, and last: for what has nothing better. */
        if (theirs->hashes[hash] && (hash != FINGERPRINT_SHA1 || settings->dtls.allow_sha1))
            list[n++] = hash;
    }
    if (settings->dtls.allow_sha1 && theirs->hashes[FINGERPRINT_SHA1] && n == 0)
        list[n++] = FINGERPRINT_SHA1;
    return n;
}

/* The real capabilities go out in the place of the empty set. */
static void present(struct session *s, const struct session *other, const struct face *own,
                    const struct face *theirs)
{
    enum h23510_role role = role_of(other, s, theirs, own);
    enum fingerprint_hash list[FINGERPRINT_HASH_COUNT];
    /* Both checks are made before a word is sent: what is said in a capability set cannot be taken
     * back. */
    size_t n = hashes_of(s, theirs, list);
    enum h23510_verdict verdict;
    int err;

    if (n == 0) {
        refuse(s, SESSION_END_DTLS_REQUIRED, "no hash function in common with the other side");
        return;
    }
    if (!is_decided(role)) {
        refuse(s, SESSION_END_DTLS_REQUIRED, "setup roles of both sides exclude each other");
        return;
    }
    verdict = h23510_stand_for(&s->dtls, list, n, setup_of(role));
    if (verdict != H23510_OK) {
        refuse(s, SESSION_END_DTLS_REQUIRED, h23510_verdict_to_str(verdict));
        return;
    }
    /* Set before the send: its answer may come back in the same step. */
    s->pass.is_presented = s->pass.has_sent = true;
    err = session_send_capabilities(s);
    if (err == ERR_STATE) {
        /* ERR_STATE: our last set is not acknowledged; H.245 has one TerminalCapabilitySet under
         * way at a time. */
        s->pass.is_presented = false; /* the empty set is not acknowledged yet: then again */
        return;
    }
    if (err != 0) {
        refuse(s, err == ERR_UNSUPPORTED ? SESSION_END_NO_CODEC : SESSION_END_RESOURCES,
               err == ERR_UNSUPPORTED ? "no audio codec in common with the other side"
                                      : err_to_str(err));
        return;
    }
    /* Active in the meantime, and its channels have waited for this. */
    if (s->state == SESSION_ACTIVE)
        session_media_on_active(s);
}

/* The other's fingerprint is known: what waited for it goes on. */
static void bind_to(struct session *s, const struct face *theirs)
{
    /* Each transport has its own negotiation, made as copy of the session's; both must name the
     * other peer's certificate. */
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL && t->kind == MEDIA_PASS)
            /* The same arguments decide below, for the session. */
            (void)h23510_stand_with(&t->dtls, theirs->fingerprint, theirs->fingerprint_count);
    }
    if (h23510_stand_with(&s->dtls, theirs->fingerprint, theirs->fingerprint_count) != 0) {
        refuse(s, SESSION_END_DTLS_REQUIRED,
               "the other side's fingerprint is by a hash that this one does not have");
        return;
    }
    s->pass.is_bound = true;
    /* An OLC of the peer's that waits for its acknowledgement is answered now. */
    SESSION_EACH_TRANSPORT (s, t)
        session_media_progress(s, t);
    /* Progress may have ended it. */
    if (session_is_alive(s))
        session_open_outgoing(s);
}

/* Where all but the peer's own set is known, that comes in a moment, and the empty one is spared:
 * not every endpoint likes it. Two that wait for each other do so no longer than this. */
#define HOLD_MS 1000

bool session_pass_holds(struct session *s)
{
    const struct session *other = session_is_passed(s) ? other_of(s) : NULL;

    if (other == NULL || s->pass.has_sent || !face_of(other).has_caps)
        return false;
    s->pass.hold_until = s->now + HOLD_MS;
    session_set_timer(s, SESSION_TIMER_FOLLOW, HOLD_MS);
    return true;
}

bool session_pass_may_present(const struct session *s)
{
    return !session_is_passed(s) || s->pass.is_presented;
}

bool session_pass_may_bind(const struct session *s)
{
    return !session_is_passed(s) || s->pass.is_bound;
}

/* ---- an SDP leg ---- */

bool session_pass_sdp(const struct session *s, struct sdp_dtls *out, enum h23510_role *peer_role)
{
    const struct session *other = other_of(s);
    struct face own, theirs;
    enum h23510_role role;

    if (other == NULL)
        return false;
    own = face_of(s);
    theirs = face_of(other);
    if (!theirs.has_binding)
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(out->fingerprint, theirs.fingerprint, sizeof(theirs.fingerprint));
    /* What the other leg's peer will present; an SDP peer needs to see the very same set. */
    out->fingerprint_count = theirs.fingerprint_count;
    out->has_setup = out->has_connection = true;
    out->connection = H23510_CONNECTION_NEW;
    /* Without our peer's word no role is decided: an offer says what the other side left open. */
    role = own.has_caps ? role_of(s, other, &own, &theirs) : H23510_ROLE_OPEN;
    *peer_role = role;
    /* RFC 8842: the id goes through as it is, as the association is between the two peers. */
    if (other->config.is_by_sdp)
        memcpy(out->tls_id, other->leg->remote.tls_id, sizeof(out->tls_id));
    /* In an answer the complement of what the peer will be, which for an offer of ours to SDP is
     * still as open as the other side left it. */
    if (!s->leg->has_remote)
        out->setup =
            other->config.is_by_sdp
                ? theirs.setup
                : setup_of(role == H23510_ROLE_ACTIVE ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE);
    else
        out->setup =
            setup_of(role == H23510_ROLE_ACTIVE ? H23510_ROLE_PASSIVE : H23510_ROLE_ACTIVE);
    return !s->leg->has_remote || is_decided(role);
}

/* Both have said all that they have: can it ever be? NULL: yes, or not known yet. */
const char *session_pass_objection(const struct session *s)
{
    /* One of ours, by the policy: the pass must not be looser than what ends here. */
    const struct session *other = other_of(s);
    enum fingerprint_hash list[FINGERPRINT_HASH_COUNT];
    struct face own = face_of(s), theirs;

    if (own.has_caps && hashes_of(s, &own, list) == 0)
        return "no a=fingerprint by a hash that the policy allows";
    if (other == NULL)
        return NULL;
    theirs = face_of(other);
    if (!own.has_caps || !theirs.has_caps)
        return NULL;
    if (!is_decided(role_of(s, other, &own, &theirs)))
        return "a=setup roles of both sides exclude each other";
    for (size_t i = 0; i < FINGERPRINT_HASH_COUNT; i++)
        if (own.hashes[i] && theirs.hashes[i])
            return NULL;
    return "no hash function in common with the other side";
}

/* ---- what is beside the audio ---- */

bool session_pass_data(const struct session *s, uint16_t *sctp_port, uint32_t *max_message_size)
{
    const struct session *other = session_is_passed(s) ? other_of(s) : NULL;
    const struct session_channel *c = other != NULL ? session_data_channel(other) : NULL;
    const struct h245_data *data = c != NULL       ? &c->data
                                   : other != NULL ? session_data_common(other)
                                                   : NULL;

    if (data == NULL)
        return false;
    /* RFC 8841 5.2, 6.1: 5000 and 64 K where nothing is said. */
    *sctp_port = data->sctp_port != 0 ? data->sctp_port : H245_DATA_SCTP_PORT;
    *max_message_size =
        data->max_message_size != 0 ? data->max_message_size : SESSION_DATA_MESSAGE_MAX;
    return true;
}

/* An SDP peer has one of each medium, and all of it on one connection: its descriptions have
 * promised nothing else, and what comes beside that would come as noise. */
const char *session_pass_lane(const struct session *s, enum h245_media medium, uint8_t index,
                              bool is_joined)
{
    const struct session *other = session_is_passed(s) ? other_of(s) : NULL;
    bool is_data = medium == H245_MEDIA_DATA && index == SESSION_LANE_DATA;
    /* The first makes the connection, whichever it is; the audio may move all to another one. */
    bool is_beside = !is_joined && transport_of(s) != NULL && medium != H245_MEDIA_AUDIO;

    if (other == NULL || !other->config.is_by_sdp)
        return NULL;
    if (is_data && session_peer_caps(other) != NULL && !session_data_is_able(other))
        return "the other side has no data channel";
    if (!is_data && (index > 0 || (medium != H245_MEDIA_AUDIO && medium != H245_MEDIA_VIDEO)))
        return "the other side has one audio and one video";
    if (is_beside)
        return "the other side has one connection for all media";
    return NULL;
}

int session_pass_number(const struct session *s, const struct session_channel *in)
{
    struct session *other = session_is_passed(s) ? other_of(s) : NULL;

    if (other == NULL || !other->config.is_by_sdp || in->kind != H245_MEDIA_VIDEO)
        return in->payload_type;
    return session_sdp_pass_number(other);
}

/* ---- both ---- */

static void follow_h323(struct session *s, const struct session *other)
{
    struct face own = face_of(s), theirs = face_of(other);

    /* One set at a time; and none of ours while the peer has not acknowledged the empty one. */
    bool is_free = s->is_h245_up && (s->is_capable || !s->pass.has_sent); /* no set is under way */

    /* The set goes out once: a later change of the other leg is a new call for H.323. */
    if (is_free && !s->pass.is_presented && own.has_caps && theirs.has_caps) {
        present(s, other, &own, &theirs);
    } else if (s->is_h245_up && !s->pass.has_sent && s->now < s->pass.hold_until) {
        session_set_timer(s, SESSION_TIMER_FOLLOW, s->pass.hold_until - s->now);
    } else if (s->is_h245_up && !s->pass.has_sent && session_send_capabilities(s) != 0) {
        refuse(s, SESSION_END_RESOURCES, "capabilities not sent");
    }
    if (session_is_alive(s) && s->pass.is_presented && !s->pass.is_bound && theirs.has_binding)
        bind_to(s, &theirs);
}

void session_pass_follow(struct session *s)
{
    struct session *other;

    if (!session_is_passed(s) || !session_is_alive(s))
        return;
    other = other_of(s);
    if (other == NULL || !session_is_alive(other)) {
        /* Had_other tells a partner that left from one that has not come yet. */
        if (s->pass.had_other)
            session_end(s, s->pass.why != SESSION_END_NONE ? s->pass.why : SESSION_END_PEER,
                        s->pass.text[0] != '\0' ? s->pass.text : "the other side has left");
        return;
    }
    s->pass.had_other = true;
    /* An SDP leg has no messages of its own to wait for: it answers or offers now. */
    if (s->config.is_by_sdp)
        session_sdp_follow(s);
    else
        follow_h323(s, other);
}

/* Something that the other leg may wait for: both look at it soon. */
void session_pass_changed(struct session *s)
{
    struct session *other = session_is_passed(s) ? other_of(s) : NULL;

    if (!session_is_passed(s))
        return;
    /* Through the timer and not by a call: the caller is in the middle of a message of this leg's,
     * and the other's follow may end both. */
    session_set_timer(s, SESSION_TIMER_FOLLOW, 0);
    session_arm(s);
    if (other == NULL || !session_is_alive(other))
        return;
    session_set_timer(other, SESSION_TIMER_FOLLOW, 0);
    session_arm(other);
}

/* A handshake that fails between the peers is seen by them alone; what the server can see is that
 * no media follow it. */
void session_pass_watch(struct session_transport *t)
{
    struct session *s = t->session;

    /* Watched already, or nothing to watch yet. */
    if (t->kind != MEDIA_PASS || s->pass.is_passing || !t->agreement.is_set ||
        t->remote.family == ADDR_NONE || t->remote_deadline != SESSION_NEVER)
        return;
    t->remote_deadline = s->now + s->env->settings->dtls.handshake_timeout_ms;
    if (s->deadline[SESSION_TIMER_DTLS] > t->remote_deadline)
        s->deadline[SESSION_TIMER_DTLS] = t->remote_deadline;
    session_arm(s);
}

/* From here the timeout of media is what ends a call. */
static void passing(struct session *s)
{
    s->pass.is_passing = true;
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->kind == MEDIA_PASS && t->port != NULL) {
            t->remote_deadline = SESSION_NEVER;
            t->association = ASSOCIATION_PASSED;
        }
    }
}

void session_pass_media(struct session *s)
{
    struct session *other = other_of(s);

    /* Packets of either direction prove the handshake: there are no SRTP packets without keys. */
    if (!session_is_passed(s) || s->pass.is_passing)
        return;
    passing(s);
    if (other != NULL)
        passing(other); /* it may be one that only listens */
    session_step_now(s, SESSION_STEP_KEYS);
    log_info(LOG_AREA_MEDIA, s->id, "protected media pass");
    if (session_wants_events(s))
        session_event(s, "media.passed", json_object());
}

bool session_pass_local(const struct session_transport *t, struct fingerprint *out)
{
    const struct session *other = other_of(t->session);
    struct face theirs;

    if (other == NULL)
        return false;
    theirs = face_of(other);
    if (theirs.has_binding)
        *out = theirs.fingerprint[0];
    return theirs.has_binding;
}
