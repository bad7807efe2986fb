/* Inside of conferences of kind `mix`: conference_mix.c (members), conference_record.c (recordings
 * and announcements); and what `forward` shares of it, presentations (conference_present.c). */
#ifndef SERVER_CONFERENCE_MIX_H
#define SERVER_CONFERENCE_MIX_H

#include "server/conference/conference_priv.h"
#include "server/session/session_video.h"

/* Owner of a mix of the data plane. Lives until the mix's on_closed, the conference perhaps not. */
struct mixer {
    struct list link; /* in conferences.mixers */
    struct conferences *all;
    struct conference *conference; /* NULL: it is gone, or has no use for the mix any more */
    char name[SETTINGS_TEXT_MAX];  /* of the conference, for what is told after its end */
    struct media_mix *mix;
    struct member *speaker;      /* NULL: nobody */
    struct member *spoke_before; /* NULL: nobody that is still there */
    bool is_recording;           /* the whole mix */
    struct list files;           /* of struct mixer_file: what has begun and not ended */
};

/* A recording or an announcement from its beginning to its end, which may come when the member, or
 * the conference, is gone: what is told then must still say whose it was. */
struct mixer_file {
    struct list link;
    bool is_recording;
    uint64_t session; /* 0: the whole mix */
    char name[LINK_FILE_SIZE];
};

/* Gives the mix up; another is opened when somebody is there. */
void conference_mix_drop(struct conference *c);
/* NULL: nobody that is still in it. */
struct member *conference_mix_member_of(const struct conference *c, const struct media_port *port);

/* conference_video.c */
void conference_video_begin(struct member *m);
void conference_video_leave(struct conference *c, struct member *gone);
void conference_video_update(struct conference *c);

/* What all the others can take of the codec, if anybody can (conference_video.c). */
bool conference_video_common(const struct conference *c, const struct session *s, const char *name,
                             struct h245_relayed *out);
/* And of the codec that most of them can take. False: nobody takes any. */
bool conference_video_best(const struct conference *c, const struct session *s,
                           struct h245_relayed *out);
bool conference_video_is_source(const struct member *m, const struct member *to);

/* conference_modes.c: can `to` take what the source sends (video, or presents), and at which rate
 * at most (SESSION_RATE_ANY: as it comes)? Sources of video are asked for what all can take. */
bool conference_video_fits(const struct member *source, const struct member *to,
                           enum h245_media medium);
uint32_t conference_video_rate(const struct member *source, const struct member *to,
                               enum h245_media medium);
void conference_modes_begin(struct member *m);
void conference_modes_leave(struct conference *c, struct member *gone);
void conference_modes_update(struct conference *c);
/* The codec in which a source is about to send, since it was asked just now; NULL: none was. */
const char *conference_modes_coming(const struct conference *c);

/* conference_show.c: to members, what they see and who sees them. */
void conference_show_tell(struct conference *c);

/* conference_present.c. Whose presentation is to be seen, by `m`; NULL. */
struct member *conference_presenter(const struct conference *c);
struct member *conference_presented_to(const struct conference *c, const struct member *m);
/* Who presents has changed, or may have; then the rows are set by conference_video_update, or in a
 * forward by its own. */
void conference_present_update(struct conference *c);
void conference_present_leave(struct conference *c, const struct member *gone);
/* Rows of those who see what `source` presents by its port of `transport`, by this lane of theirs;
 * how many. */
size_t conference_present_rows(const struct conference *c, const struct member *source,
                               uint32_t transport, uint8_t lane, struct media_receiver *rows);
/* How the data plane finds a key frame in what comes (conference_video.c). */
enum link_key conference_key_of(const struct member *source, enum h245_media medium,
                                const struct session_flow *in);
/* The codec of a presentation that `s` may be offered; ERR_NOTFOUND: nobody could see it. */
int conference_present_offer(const struct conference *c, const struct session *s,
                             struct h245_relayed *out);

/* conference_picture.c. Key frames that a source is asked for, rates that it is told. */
void conference_pictures_begin(struct member *m);
void conference_pictures_leave(struct conference *c, struct member *gone);
void conference_ask_picture(struct conference *c, struct member_pictures *p);
void conference_update_rates(struct conference *c);

/* conference_record.c. What the row's `record` says of the conference, or of a member. */
void conference_record_by_policy(struct conference *c, struct member *m);
/* The mix has said its last word: nothing more comes of what is still open. `is_told`: there is
 * somebody to be told. */
void conference_files_end(struct mixer *mixer, bool is_told);
void conference_on_recorded(void *owner, struct media_port *port, const struct media_file_end *end);
void conference_on_played(void *owner, struct media_port *port, const char *file, int err,
                          const char *why);

#endif
