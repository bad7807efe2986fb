/* Recordings and announcements of a mix. The files are the data plane's: it has a directory for
 * each, and a thread that writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/conference/conference_mix.h"
#include "server/session/session_mix.h"

/* ---- files ---- */

/* A conference may be called anything, a file may not. */
static void append_name(char *to, size_t cap, const char *name)
{
    size_t n = strlen(to);

    /* ASCII by hand: isalnum() would ask the locale. */
    for (; *name != '\0' && n + 1 < cap; name++) {
        bool is_fine = (*name >= '0' && *name <= '9') || (*name >= 'a' && *name <= 'z') ||
                       (*name >= 'A' && *name <= 'Z') || *name == '-';

        to[n++] = is_fine ? *name : '_';
    }
    to[n] = '\0';
}

/* "demo-20261123T110203.456Z.wav", "…-s17.wav" of a member. */
static void name_file(const struct conference *c, const struct member *m, char *file, size_t cap)
{
    uint64_t us = clock_wall_us();
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    size_t n;

    file[0] = '\0';
    /* Half of it at most: time and session must fit. */
    append_name(file, cap / 2, c->name);
    n = strlen(file);
    /* UTC: a server's recordings sort by name across summer time. */
    (void)gmtime_r(&seconds, &tm);
    n += strftime(file + n, cap - n, "-%Y%m%dT%H%M%S", &tm);
    /* Milliseconds: two that begin in one second must not have one name; the data plane overwrites
     * nothing. */
    n += (size_t)snprintf(file + n, cap - n, ".%03uZ", (unsigned)(us / 1000 % 1000));
    if (m != NULL)
        n += (size_t)snprintf(file + n, cap - n, "-s%llu",
                              (unsigned long long)session_id(m->session));
    (void)snprintf(file + n, cap - n, ".wav");
}

static struct media_port *port_of(const struct member *m)
{
    return session_port_of(m->session, m->mix_transport);
}

/* ---- what has begun and not ended ---- */

static struct mixer_file *begin_file(struct mixer *mixer, const struct member *m, const char *name,
                                     bool is_recording)
{
    struct mixer_file *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->is_recording = is_recording;
    f->session = m != NULL ? session_id(m->session) : 0;
    snprintf(f->name, sizeof(f->name), "%s", name);
    list_init(&f->link);
    list_push_back(&mixer->files, &f->link);
    return f;
}

static void forget_file(struct mixer_file *f)
{
    list_remove(&f->link);
    free(f);
}

/* The session that a file was about; 0: the whole mix. A recording has a name of its own, since no
 * file is overwritten; of announcements the one that began first ends first. */
static uint64_t take_file(struct mixer *mixer, const char *name, bool is_recording)
{
    uint64_t session = 0;

    LIST_FOREACH_SAFE (it, &mixer->files) {
        struct mixer_file *f = LIST_ENTRY(it, struct mixer_file, link);

        if (f->is_recording != is_recording || strcmp(f->name, name) != 0)
            continue;
        session = f->session;
        forget_file(f);
        break;
    }
    return session;
}

/* ---- events ---- */

static json_t *session_json(uint64_t session)
{
    return session != 0 ? json_integer((json_int_t)session) : json_null();
}

static uint64_t id_of(const struct member *m)
{
    return m != NULL ? session_id(m->session) : 0;
}

/* Of a conference that may be gone, about a session that may be gone: nothing but the mixer is
 * looked at. */
static void tell(const struct mixer *mixer, uint64_t session, const char *type, json_t *data)
{
    const struct session_env *env = mixer->all->env;
    const struct member *m = NULL;

    if (mixer->conference != NULL && session != 0)
        CONFERENCE_EACH_MEMBER(mixer->conference, each)
        {
            if (session_id(each->session) == session)
                m = each;
        }
    json_object_set_new(data, "conference", json_string(mixer->name));
    env->ops->event(env->user, m != NULL ? m->session : NULL, type, data);
}

static bool is_watched(const struct mixer *mixer)
{
    const struct session_env *env = mixer->all->env;

    return env->ops->wants_events(env->user);
}

static void tell_start(const struct conference *c, const struct member *m, const char *type,
                       const char *file, const char *state, const char *why)
{
    log_info(LOG_AREA_CONFERENCE, id_of(m), type, LOG_S("conference", c->name), LOG_S("file", file),
             LOG_S("state", state), LOG_S("reason", why));
    if (conference_is_watched(c))
        conference_event(c, m, type,
                         json_pack("{s:s,s:s,s:o,s:s}", "state", state, "file", file, "session",
                                   session_json(id_of(m)), "reason", why));
}

static void tell_recorded(struct mixer *mixer, uint64_t session, const struct media_file_end *end)
{
    log_info(LOG_AREA_CONFERENCE, session, "recording has ended", LOG_S("conference", mixer->name),
             LOG_S("file", end->file), LOG_U("bytes", end->bytes), LOG_U("ms", end->ms),
             LOG_U("dropped", end->dropped), LOG_S("reason", end->why));
    if (session == 0)
        mixer->is_recording = false;
    if (is_watched(mixer))
        tell(mixer, session, "conference.recording",
             json_pack("{s:s,s:s,s:o,s:I,s:I,s:I,s:s}", "state",
                       end->err == 0 ? "stopped" : "failed", "file", end->file, "session",
                       session_json(session), "bytes", (json_int_t)end->bytes, "ms",
                       (json_int_t)end->ms, "dropped", (json_int_t)end->dropped, "reason",
                       end->why));
}

/* The conference may be gone, the file is there all the same. */
void conference_on_recorded(void *owner, struct media_port *port, const struct media_file_end *end)
{
    struct mixer *mixer = owner;

    (void)port; /* it may have closed: the file tells whose it was */
    tell_recorded(mixer, take_file(mixer, end->file, true), end);
}

void conference_on_played(void *owner, struct media_port *port, const char *file, int err,
                          const char *why)
{
    struct mixer *mixer = owner;
    uint64_t session = take_file(mixer, file, false);

    (void)port;
    if (mixer->conference == NULL)
        return;
    if (err != 0)
        log_warn(LOG_AREA_CONFERENCE, session, "announcement not played",
                 LOG_S("conference", mixer->name), LOG_S("file", file), LOG_S("reason", why));
    if (is_watched(mixer))
        tell(mixer, session, "conference.announcement",
             json_pack("{s:s,s:s,s:o,s:s}", "state", err == 0 ? "ended" : "failed", "file", file,
                       "session", session_json(session), "reason", why != NULL ? why : ""));
}

void conference_files_end(struct mixer *mixer, bool is_told)
{
    LIST_FOREACH_SAFE (it, &mixer->files) {
        struct mixer_file *f = LIST_ENTRY(it, struct mixer_file, link);
        const struct media_file_end end = {
            .file = f->name, .err = ERR_CLOSED, .why = "the mix closed before the file was there"};

        if (f->is_recording && is_told)
            tell_recorded(mixer, f->session, &end);
        forget_file(f);
    }
}

/* ---- operations ---- */

static int check_mix(const struct conference *c, const char **why)
{
    if (c->kind != &conference_mix)
        *why = "expected a conference of kind mix";
    /* A mix is opened with its first member: there would be nothing to record into, or play to. */
    else if (c->mixer == NULL && c->count == 0)
        *why = "expected a conference that somebody is in";
    else if (c->mixer == NULL)
        *why = "expected a session whose audio is open: none of it is yet";
    else
        return 0;
    return ERR_STATE;
}

static int check_member(const struct conference *c, const struct session *s, struct member **m,
                        const char **why)
{
    int err = check_mix(c, why);

    *m = s != NULL && err == 0 ? conference_member(c, s) : NULL;
    /* A port is what the data plane takes for a member. */
    if (err == 0 && s != NULL && (*m == NULL || port_of(*m) == NULL)) {
        *why = "expected a session whose audio is open";
        return ERR_STATE;
    }
    return err;
}

#define BAD_NAME "expected the name of a file, without \"/\" and not beginning with \".\""

static int record(struct conference *c, struct member *m, const char *file, const char **why)
{
    struct mixer_file *f = begin_file(c->mixer, m, file, true);
    int err = f == NULL ? ERR_NOMEM
                        : c->all->env->media_ops->mix_record(
                              c->mixer->mix, m != NULL ? port_of(m) : NULL, file, 0);

    if (err == ERR_EXISTS)
        *why = "it is being recorded already";
    else if (err != 0)
        *why = err == ERR_INVAL ? BAD_NAME : err_to_str(err);
    if (err != 0) {
        if (f != NULL)
            forget_file(f);
        return err;
    }
    if (m == NULL)
        c->mixer->is_recording = true;
    tell_start(c, m, "conference.recording", file, "started", "");
    return 0;
}

int conference_record_start(struct conference *c, struct session *s, const char *file,
                            const char **used, const char **why)
{
    /* Static: *used is read before the next request, on the same thread. */
    static char named[LINK_FILE_SIZE];
    struct member *m = NULL;
    int err = check_member(c, s, &m, why);

    if (err == 0 && file != NULL && strlen(file) >= sizeof(named)) {
        *why = "expected a shorter name of the file";
        err = ERR_INVAL;
    }
    if (err != 0)
        return err;
    if (file == NULL)
        name_file(c, m, named, sizeof(named));
    else
        memcpy(named, file, strlen(file) + 1);
    *used = named;
    return record(c, m, named, why);
}

int conference_record_stop(struct conference *c, struct session *s, const char **why)
{
    struct member *m = NULL;
    int err = check_member(c, s, &m, why);

    if (err != 0)
        return err;
    err = c->all->env->media_ops->mix_stop_record(c->mixer->mix, m != NULL ? port_of(m) : NULL);
    if (err != 0)
        *why = "it is not being recorded";
    return err;
}

int conference_announce(struct conference *c, struct session *s, const char *file, const char **why)
{
    struct mixer_file *f;
    struct member *m = NULL;
    int err = check_member(c, s, &m, why);

    if (err != 0)
        return err;
    f = begin_file(c->mixer, m, file, false);
    err = f == NULL ? ERR_NOMEM
                    : c->all->env->media_ops->mix_play(c->mixer->mix, m != NULL ? port_of(m) : NULL,
                                                       file);
    if (err != 0) {
        *why = err == ERR_INVAL ? BAD_NAME : err_to_str(err);
        if (f != NULL)
            forget_file(f);
        return err;
    }
    tell_start(c, m, "conference.announcement", file, "started", "");
    return 0;
}

int conference_stop_announce(struct conference *c, struct session *s, const char **why)
{
    struct member *m = NULL;
    int err = check_member(c, s, &m, why);

    if (err != 0)
        return err;
    err = c->all->env->media_ops->mix_stop_play(c->mixer->mix, m != NULL ? port_of(m) : NULL);
    if (err != 0)
        *why = "nothing is being played there";
    return err;
}

void conference_record_by_policy(struct conference *c, struct member *m)
{
    enum settings_record least = m == NULL ? SETTINGS_RECORD_CONFERENCE : SETTINGS_RECORD_MEMBERS;
    char file[LINK_FILE_SIZE];
    const char *why = "";

    /* The values are in order: who records members records the conference, too. */
    if (c->settings->record < least)
        return;
    name_file(c, m, file, sizeof(file));
    if (record(c, m, file, &why) != 0)
        tell_start(c, m, "conference.recording", file, "failed", why);
}
