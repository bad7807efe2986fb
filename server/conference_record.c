/* Recordings and announcements of a mix. The files are the data plane's: it has a directory for
 * each, and a thread that writes. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/conference_mix.h"
#include "server/session_mix.h"

/* ---- files ---- */

/* A conference may be called anything, a file may not. */
static void append_name(char *to, size_t cap, const char *name)
{
    size_t n = strlen(to);

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
    append_name(file, cap / 2, c->name);
    n = strlen(file);
    (void)gmtime_r(&seconds, &tm);
    n += strftime(file + n, cap - n, "-%Y%m%dT%H%M%S", &tm);
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

/* ---- events ---- */

static json_t *session_json(const struct member *m)
{
    return m != NULL ? json_integer((json_int_t)session_id(m->session)) : json_null();
}

static void tell_recording(const struct conference *c, const struct member *m, const char *file,
                           const char *state, const char *why)
{
    log_info(LOG_AREA_CONFERENCE, m != NULL ? session_id(m->session) : 0, "recording",
             LOG_S("conference", c->name), LOG_S("file", file), LOG_S("state", state),
             LOG_S("reason", why));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.recording",
                         json_pack("{s:s,s:s,s:o,s:s}", "state", state, "file", file, "session",
                                   session_json(m), "reason", why));
}

void conference_record_refused(struct conference *c, const struct member *m, int err)
{
    if (m == NULL && c->mixer != NULL)
        c->mixer->is_recording = false;
    tell_recording(c, m, "", "failed", err_to_str(err));
}

/* The conference may be gone, the file is there all the same. */
void conference_on_recorded(void *owner, struct media_port *port, const struct media_file_end *end)
{
    struct mixer *mixer = owner;
    const struct conference *c = mixer->conference;
    const struct member *m = c != NULL ? conference_mix_member_of(c, port) : NULL;
    const struct session_env *env = mixer->all->env;

    if (port == NULL)
        mixer->is_recording = false;
    log_info(LOG_AREA_CONFERENCE, 0, "recording has ended", LOG_S("conference", mixer->name),
             LOG_S("file", end->file), LOG_U("bytes", end->bytes), LOG_U("ms", end->ms),
             LOG_U("dropped", end->dropped), LOG_S("reason", end->why));
    if (!env->ops->wants_events(env->user))
        return;
    env->ops->event(env->user, m != NULL ? m->session : NULL, "conference.recording",
                    json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:I,s:s}", "conference", mixer->name,
                              "state", end->err == 0 ? "stopped" : "failed", "file", end->file,
                              "session", session_json(m), "bytes", (json_int_t)end->bytes, "ms",
                              (json_int_t)end->ms, "dropped", (json_int_t)end->dropped, "reason",
                              end->why));
}

void conference_on_played(void *owner, struct media_port *port, const char *file, int err,
                          const char *why)
{
    const struct mixer *mixer = owner;
    const struct conference *c = mixer->conference;
    const struct member *m = c != NULL ? conference_mix_member_of(c, port) : NULL;

    if (c == NULL)
        return;
    if (err != 0)
        log_warn(LOG_AREA_CONFERENCE, m != NULL ? session_id(m->session) : 0,
                 "announcement not played", LOG_S("conference", c->name), LOG_S("file", file),
                 LOG_S("reason", why));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.announcement",
                         json_pack("{s:s,s:s,s:o,s:s}", "state", err == 0 ? "ended" : "failed",
                                   "file", file, "session", session_json(m), "reason",
                                   why != NULL ? why : ""));
}

/* ---- operations ---- */

static int check_mix(const struct conference *c, const char **why)
{
    if (c->kind != &conference_mix)
        *why = "expected a conference of kind mix";
    else if (c->mixer == NULL)
        *why = "expected a conference that somebody is in";
    else
        return 0;
    return ERR_STATE;
}

static int check_member(const struct conference *c, const struct session *s, struct member **m,
                        const char **why)
{
    int err = check_mix(c, why);

    *m = s != NULL && err == 0 ? conference_member(c, s) : NULL;
    if (err == 0 && s != NULL && (*m == NULL || port_of(*m) == NULL)) {
        *why = "expected a session whose audio is open";
        return ERR_STATE;
    }
    return err;
}

static int record(struct conference *c, struct member *m, const char *file, const char **why)
{
    int err =
        c->all->env->media_ops->mix_record(c->mixer->mix, m != NULL ? port_of(m) : NULL, file, 0);

    if (err == ERR_EXISTS)
        *why = "it is being recorded already";
    else if (err == ERR_INVAL)
        *why = "expected the name of a file without \"/\"";
    else if (err != 0)
        *why = err_to_str(err);
    if (err != 0)
        return err;
    if (m == NULL)
        c->mixer->is_recording = true;
    tell_recording(c, m, file, "started", "");
    return 0;
}

int conference_record_start(struct conference *c, struct session *s, const char *file,
                            const char **used, const char **why)
{
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
    struct member *m = NULL;
    int err = check_member(c, s, &m, why);

    if (err != 0)
        return err;
    err = c->all->env->media_ops->mix_play(c->mixer->mix, m != NULL ? port_of(m) : NULL, file);
    if (err != 0) {
        *why = err == ERR_INVAL ? "expected the name of a file without \"/\"" : err_to_str(err);
        return err;
    }
    if (conference_is_watched(c))
        conference_event(c, m, "conference.announcement",
                         json_pack("{s:s,s:s,s:o,s:s}", "state", "started", "file", file, "session",
                                   session_json(m), "reason", ""));
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

    if (c->settings->record < least)
        return;
    name_file(c, m, file, sizeof(file));
    if (record(c, m, file, &why) != 0)
        tell_recording(c, m, file, "failed", why);
}
