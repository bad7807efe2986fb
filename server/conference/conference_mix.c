/* Kind `mix`: each session has codecs of its own; the data plane decodes, mixes and encodes.
 *
 * The mix of the data plane is opened when the first session has a port to join with. Its owner is
 * a mixer, which may outlive the conference: recordings are told to the end. */
#include "server/conference/conference_mix.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "server/session/session_mix.h"

static bool is_served(enum h245_codec codec)
{
    /* What the data plane has decoders for. */
    return codec == H245_CODEC_PCMA || codec == H245_CODEC_PCMU || codec == H245_CODEC_G722 ||
           codec == H245_CODEC_OPUS;
}

/* ---- what the data plane says ---- */

struct member *conference_mix_member_of(const struct conference *c, const struct media_port *port)
{
    CONFERENCE_EACH_MEMBER(c, m)
    {
        /* By port: the data plane knows neither sessions nor members. */
        if (port != NULL && session_has_port(m->session, port))
            return m;
    }
    return NULL;
}

/* A conference whose mix is refused has nothing to offer: better to end than to be silent. */
static void on_opened(void *owner, int err)
{
    struct mixer *mixer = owner;
    struct conference *c = mixer->conference;

    if (err == 0 || c == NULL)
        return;
    log_error(LOG_AREA_CONFERENCE, 0, "the data plane refuses a mix", LOG_S("conference", c->name),
              LOG_E("error", err));
    /* Dropped before the end, so that nobody leaves a mix that never was. */
    conference_mix_drop(c);
    conference_finish(c, CONFERENCE_END_NO_MIX, SESSION_END_RESOURCES);
}

static void on_speaker(void *owner, struct media_port *port)
{
    struct mixer *mixer = owner;
    struct conference *c = mixer->conference;
    struct member *m = c != NULL ? conference_mix_member_of(c, port) : NULL;

    /* The same again is no news: silence between two sentences is told by the data plane, too. */
    if (c == NULL || mixer->speaker == m)
        return;
    /* Whom the speaker himself sees from now on. */
    if (mixer->speaker != NULL)
        mixer->spoke_before = mixer->speaker;
    mixer->speaker = m;
    if (conference_is_watched(c))
        conference_event(
            c, m, "conference.speaker",
            json_pack("{s:o}", "session",
                      m != NULL ? json_integer((json_int_t)session_id(m->session)) : json_null()));
    /* The layout by voice follows. */
    conference_video_update(c);
}

static void on_digit(void *owner, struct media_port *port, char digit, uint32_t ms)
{
    const struct mixer *mixer = owner;
    const struct member *m =
        mixer->conference != NULL ? conference_mix_member_of(mixer->conference, port) : NULL;

    if (m != NULL)
        session_on_digit(m->session, digit, ms);
}

/* Files that are refused end by themselves. Mute, gain and codecs are within what was asked for
 * when it joined; to be refused at the door is the end of the session, which would hear nothing. */
static void on_refused(void *owner, struct media_port *port, enum link_type what, int err)
{
    const struct mixer *mixer = owner;
    struct conference *c = mixer->conference;
    const struct member *m = c != NULL ? conference_mix_member_of(c, port) : NULL;

    if (c == NULL)
        return;
    log_error(LOG_AREA_CONFERENCE, m != NULL ? session_id(m->session) : 0,
              "the data plane refuses a command of a mix", LOG_S("conference", c->name),
              LOG_S("command", link_type_to_str(what)), LOG_E("error", err));
    /* A recording that is refused ends nothing. */
    if (what == LINK_MIX_JOIN && m != NULL)
        session_close(m->session, SESSION_END_RESOURCES, conference_now(c->all));
}

/* The ports are gone as well, and their sessions end by that. */
static void on_gone(void *owner, const char *why)
{
    struct mixer *mixer = owner;

    if (mixer->conference == NULL)
        return;
    log_warn(LOG_AREA_CONFERENCE, 0, "the mix is gone", LOG_S("reason", why),
             LOG_S("conference", mixer->conference->name));
    conference_mix_drop(mixer->conference);
}

static void on_closed(void *owner)
{
    struct mixer *mixer = owner;

    conference_files_end(mixer, true);
    /* Only now: until the data plane has closed the mix, its answers name the mixer. */
    list_remove(&mixer->link);
    free(mixer);
}

static const struct media_mix_callbacks callbacks = {
    .on_opened = on_opened,
    .on_speaker = on_speaker,
    .on_digit = on_digit,
    .on_played = conference_on_played,
    .on_recorded = conference_on_recorded,
    .on_refused = on_refused,
    .on_gone = on_gone,
    .on_closed = on_closed,
};

/* ---- life ---- */

static void open_mix(struct conference *c)
{
    struct session_env *env = c->all->env;
    const struct media_mix_request request = {
        .place = c->place,
        .conference = c->name,
        .rate = c->settings->sample_rate,
        /* Room for all that the conference takes: the data plane allocates once. */
        .members_max = c->settings->max_sessions,
        .loudest = c->settings->loudest,
    };
    struct mixer *mixer = calloc(1, sizeof(*mixer));
    int err = mixer != NULL
                  ? env->media_ops->mix_open(env->media, &request, &callbacks, mixer, &mixer->mix)
                  : ERR_NOMEM;

    if (err != 0) {
        log_error(LOG_AREA_CONFERENCE, 0, "no mix", LOG_S("conference", c->name),
                  LOG_E("error", err));
        free(mixer);
        return;
    }
    mixer->conference = c;
    memcpy(mixer->name, c->name, sizeof(mixer->name));
    mixer->all = c->all;
    list_init(&mixer->link);
    list_init(&mixer->files);
    list_push_back(&c->all->mixers, &mixer->link);
    c->mixer = mixer;
    /* From the first moment, where the configuration wants it. */
    conference_record_by_policy(c, NULL);
}

void conference_mix_drop(struct conference *c)
{
    struct mixer *mixer = c->mixer;

    if (mixer == NULL)
        return;
    c->mixer = NULL;
    mixer->conference = NULL;
    /* Members of a conference that may be gone before the mixer. */
    mixer->speaker = mixer->spoke_before = NULL;
    c->all->env->media_ops->mix_close(mixer->mix);
    CONFERENCE_EACH_MEMBER(c, m)
    m->mix_transport = 0;
}

void conference_mixers_free(struct conferences *all)
{
    LIST_FOREACH_SAFE (it, &all->mixers) {
        conference_files_end(LIST_ENTRY(it, struct mixer, link), false);
        free(LIST_ENTRY(it, struct mixer, link));
    }
}

/* ---- members ---- */

/* A port that was closed has left by itself. */
static void leave_mix(struct conference *c, struct member *m)
{
    struct media_port *port = session_port_of(m->session, m->mix_transport);

    if (c->mixer != NULL && port != NULL)
        (void)c->all->env->media_ops->mix_leave(c->mixer->mix, port);
    m->mix_transport = 0;
}

/* Who waits for the PIN is in the mix as well, since its keys may come as telephone-events; it says
 * nothing and hears nothing. */
static void join_mix(struct conference *c, struct member *m)
{
    struct media_mix_member part;
    struct media_port *port = NULL;
    uint32_t transport;

    memset(&part, 0, sizeof(part));
    transport = session_mix_part(m->session, &part, &port);
    /* It has moved to a new connection (A-REPLACE): out of the mix by the old port, in by the new
     * one. */
    if (m->mix_transport != 0 && m->mix_transport != transport)
        leave_mix(c, m);
    if (transport == 0)
        return;
    part.is_muted = m->is_muted || m->is_waiting;
    part.is_deaf = m->is_deaf || m->is_waiting;
    part.gain_db = m->gain_db;
    if (c->mixer == NULL)
        open_mix(c);
    if (c->mixer == NULL ||
        /* What the data plane knows is not told again: an update comes with every channel of the
         * conference. */
        (m->mix_transport == transport && memcmp(&m->mix_part, &part, sizeof(part)) == 0))
        return;
    if (c->all->env->media_ops->mix_join(c->mixer->mix, port, &part) != 0) {
        log_error(LOG_AREA_CONFERENCE, session_id(m->session), "not in the mix",
                  LOG_S("conference", c->name));
        return;
    }
    m->mix_transport = transport;
    m->mix_part = part;
    if (m->is_waiting || m->was_recorded)
        return;
    m->was_recorded = true; /* or not, as the policy says; once */
    conference_record_by_policy(c, m);
}

static void update(struct conference *c)
{
    if (c->is_ending)
        return; /* each of its sessions is on its way out */
    CONFERENCE_EACH_MEMBER(c, m)
    {
        join_mix(c, m);
        session_kick(m->session);
    }
    conference_video_update(c);
}

static void leave(struct conference *c, struct member *m)
{
    leave_mix(c, m);
    conference_video_leave(c, m);
    if (c->mixer != NULL && c->mixer->speaker == m)
        /* The member is about to be freed. */
        c->mixer->speaker = NULL;
    /* Codecs and encoders cost something even where nobody hears them. */
    if (c->count == 0)
        conference_mix_drop(c);
}

static json_t *member_json(const struct member *m)
{
    return m != NULL ? json_integer((json_int_t)session_id(m->session)) : json_null();
}

static json_t *mix_json(const struct conference *c)
{
    struct link_mix_stats st;

    if (c->mixer == NULL || c->all->env->media_ops->mix_stats(c->mixer->mix, &st) != 0)
        return json_null();
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "members", (json_int_t)st.members,
                     "ticks", (json_int_t)st.ticks, "ticks_late", (json_int_t)st.ticks_late,
                     "ticks_lost", (json_int_t)st.ticks_lost, "packets_in",
                     (json_int_t)st.packets_in, "packets_out", (json_int_t)st.packets_out,
                     "speakers", (json_int_t)st.speakers, "record_dropped",
                     (json_int_t)st.record_dropped);
}

static void add_json(const struct conference *c, json_t *j)
{
    const struct member *speaker = c->mixer != NULL ? c->mixer->speaker : NULL;
    json_t *more =
        json_pack("{s:I,s:I,s:b,s:s,s:o,s:o,s:o}", "sample_rate",
                  (json_int_t)c->settings->sample_rate, "loudest", (json_int_t)c->settings->loudest,
                  "recording", c->mixer != NULL && c->mixer->is_recording, "layout",
                  settings_layout_to_str(c->layout), "shown", member_json(c->shown), "speaker",
                  member_json(speaker), "presenting", member_json(c->presenting));

    json_object_update(j, more);
    json_decref(more);
    json_object_set_new(j, "mix", mix_json(c));
}

const struct conference_kind conference_mix = {
    .is_served = is_served,
    .update = update,
    .leave = leave,
    .end = conference_mix_drop,
    .add_json = add_json,
};
