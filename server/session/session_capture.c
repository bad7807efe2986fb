/* Captures: decrypted RTP and RTCP of a session, both ways, in a pcap file of the data plane, for
 * looking for faults. They show what people say, so that the configuration has to allow them
 * (data_plane.recording.captures), in both processes. */
#include "server/session/session_priv.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/conference/conference.h"

/* "session-17-t1-20261123T110203.456Z.pcap": no two of one millisecond can be meant. */
static void name_file(const struct session_transport *t, char *file, size_t cap)
{
    uint64_t us = clock_wall_us();
    time_t seconds = (time_t)(us / 1000000);
    char time[32];
    struct tm tm;

    (void)gmtime_r(&seconds, &tm);
    (void)strftime(time, sizeof(time), "%Y%m%dT%H%M%S", &tm);
    (void)snprintf(file, cap, "session-%llu-t%u-%s.%03uZ.pcap", (unsigned long long)t->session->id,
                   t->id, time, (unsigned)(us / 1000 % 1000));
}

static void tell(struct session_transport *t, const char *state, const struct media_file_end *end)
{
    struct session *s = t->session;

    log_info(LOG_AREA_MEDIA, s->id, "capture", LOG_S("state", state), LOG_S("file", end->file),
             LOG_U("transport", t->id), LOG_U("bytes", end->bytes), LOG_U("dropped", end->dropped),
             LOG_S("reason", end->why));
    if (session_wants_events(s))
        session_event(s, "session.capture",
                      json_pack("{s:s,s:I,s:s,s:I,s:I,s:s}", "state", state, "transport",
                                (json_int_t)t->id, "file", end->file, "bytes",
                                (json_int_t)end->bytes, "dropped", (json_int_t)end->dropped,
                                "reason", end->why));
}

void session_on_captured(struct session_transport *t, const struct media_file_end *end)
{
    t->is_captured = false;
    tell(t, end->err == 0 ? "stopped" : "failed", end);
}

/* The transport of that number; 0: that of the audio, else the first that is open. NULL. */
static struct session_transport *find(struct session *s, uint32_t id)
{
    struct session_transport *first = NULL;
    const struct session_channel *audio = session_channel_of(s, H245_MEDIA_AUDIO, 0, H245_INCOMING);

    if (id == 0 && audio != NULL && audio->transport != NULL && audio->transport->is_open &&
        audio->transport->port != NULL)
        return audio->transport;
    SESSION_EACH_TRANSPORT (s, t) {
        if (t->port != NULL && t->is_open && (id == 0 ? first == NULL : t->id == id))
            first = t;
    }
    return first;
}

int session_capture_start(struct session *s, const struct session_capture *wanted,
                          struct session_capture *out, const char **why)
{
    static char named[LINK_FILE_SIZE];
    struct session_transport *t = find(s, wanted->transport);
    struct media_file_end begun = {.file = wanted->file, .why = ""};
    int err;

    if (!s->env->settings->data_plane.recording.captures) {
        *why = "captures show what people say: expected data_plane.recording.captures true";
        return ERR_REFUSED;
    }
    if (t == NULL) {
        *why = "transport: expected an open one (session.get: transports)";
        return ERR_STATE;
    }
    if (s->conference != NULL && conference_is_passed(s->conference)) {
        *why = "media pass through unopened: there is nothing that could be decrypted";
        return ERR_STATE;
    }
    if (begun.file == NULL) {
        name_file(t, named, sizeof(named));
        begun.file = named;
    }
    err = s->env->media_ops->capture(t->port, begun.file, wanted->seconds);
    if (err != 0) {
        *why = err == ERR_EXISTS  ? "transport: it is being captured already"
               : err == ERR_INVAL ? "file: expected a name without \"/\" and not beginning with "
                                    "\".\""
                                  : err_to_str(err);
        return err;
    }
    t->is_captured = true;
    *out = (struct session_capture){t->id, begun.file, wanted->seconds};
    tell(t, "started", &begun);
    return 0;
}

int session_capture_stop(struct session *s, uint32_t transport, const char **why)
{
    int err = ERR_NOTFOUND;

    SESSION_EACH_TRANSPORT (s, t) {
        if (t->is_captured && t->port != NULL && (transport == 0 || t->id == transport))
            err = s->env->media_ops->stop_capture(t->port);
    }
    if (err != 0)
        *why = err == ERR_NOTFOUND ? "it is not being captured" : err_to_str(err);
    return err;
}
