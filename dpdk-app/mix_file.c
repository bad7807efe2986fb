/* Announcements, recordings and captures of a worker: between control, the rooms and the writer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dpdk-app/mix.h"
#include "dpdk-app/report.h"

/* ---- life ---- */

static struct mix_file *make_file(struct worker *worker, unsigned producer,
                                  const struct link_msg *msg)
{
    struct mix_file *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->worker = worker;
    f->command = msg->type; /* by which event_of knows how to tell the end */
    f->producer = (uint8_t)producer;
    f->owner = (struct link_id){msg->transport, msg->generation};
    f->cookie = msg->cookie;
    /* The tag, not the pointer, goes to the writer: its answer may come when f is long gone. */
    f->tag = ++worker->next_tag;
    memcpy(f->name, msg->u.file.name, sizeof(f->name) - 1);
    list_init(&f->link);
    return f;
}

/* The slot is where the owner looks; a file without a slot waits for its result only. */
static void keep(struct worker *worker, struct mix_file *f, struct mix_file **slot)
{
    f->slot = slot;
    *slot = f;
    list_push_back(&worker->files, &f->link);
}

static void let_go(struct mix_file *f)
{
    if (f->slot != NULL)
        *f->slot = NULL;
    f->slot = NULL;
}

static unsigned event_of(const struct mix_file *f)
{
    return f->command == LINK_MIX_PLAY     ? LINK_MIX_PLAYED
           : f->command == LINK_MIX_RECORD ? LINK_MIX_RECORDED
                                           : LINK_CAPTURED;
}

/* Tells the one who asked for it, and forgets it. `why`: of one without a result, for people. */
static void end_file(struct worker *worker, struct mix_file *f, const struct writer_result *result,
                     const char *why)
{
    struct link_msg *up = &worker->up;
    struct link_mix_event *e = &up->u.mix_event;

    memset(up, 0, offsetof(struct link_msg, u) + sizeof(*e));
    up->type = (uint16_t)event_of(f);
    up->transport = f->owner.index;
    up->generation = f->owner.generation;
    up->cookie = f->cookie;
    e->time_ms = worker->now_ms;
    e->member = f->member;
    /* A result knows the true length; without one it is what was known when it began. */
    e->duration_ms = result != NULL ? result->duration_ms : f->duration_ms;
    memcpy(e->name, f->name, sizeof(e->name));
    snprintf(e->text, sizeof(e->text), "%s", why);
    if (result != NULL) {
        e->error = result->error;
        e->bytes = result->bytes;
        e->dropped = result->dropped;
        memcpy(e->text, result->text, sizeof(e->text));
    }
    /* Told or not, it ends: nobody may wait for a ring. */
    if (!link_worker_send(worker->link, f->producer, up))
        worker_count(worker, LINK_COUNTER_events_full, 1);
    if (f->command != LINK_MIX_PLAY)
        worker_count(worker, LINK_COUNTER_files_open, (uint64_t)-1);
    let_go(f);
    list_remove(&f->link);
    free(f);
}

void mix_forget_files(struct worker *worker)
{
    struct list *it;

    /* At the end of the worker: nobody is left to tell. */
    while ((it = list_pop_front(&worker->files)) != NULL) {
        struct mix_file *f = LIST_ENTRY(it, struct mix_file, link);

        let_go(f);
        if (f->pcm != NULL)
            writer_free(worker->lane, f->pcm);
        free(f);
    }
}

/* ---- targets ---- */

/* The whole mix (generation 0) or a member of it. ERR_NOTFOUND. */
static int find_target(struct worker *worker, struct mix *mix, struct link_id id,
                       struct mix_member **member)
{
    *member = NULL;
    if (id.generation == 0)
        return 0;
    *member = mix_find_member(worker, mix, id);
    return *member != NULL ? 0 : ERR_NOTFOUND;
}

static struct mix_file **play_slot(struct mix *mix, struct mix_member *member)
{
    return member != NULL ? &member->play : &mix->play;
}

static struct mix_file **record_slot(struct mix *mix, struct mix_member *member)
{
    return member != NULL ? &member->record : &mix->record;
}

/* ---- announcements ---- */

static void stop_play(struct worker *worker, struct mix *mix, struct mix_member *member,
                      struct mix_file *f, const char *why)
{
    /* Off the room before the memory goes: the room reads it in its next tick. */
    if (f->pcm != NULL) {
        audio_room_stop(mix->room, member != NULL ? member->audio : NULL);
        writer_free(worker->lane, f->pcm);
        f->pcm = NULL;
    }
    /* One that is still being read is thrown away when it comes. */
    end_file(worker, f, NULL, why);
}

void mix_end_play(struct worker *worker, struct mix *mix, struct mix_member *member,
                  const char *why)
{
    struct mix_file *f = *play_slot(mix, member);

    if (f != NULL)
        stop_play(worker, mix, member, f, why);
}

int mix_play(struct worker *worker, unsigned producer, struct mix *mix, const struct link_msg *msg)
{
    struct mix_member *member;
    struct mix_file *f;
    int err = find_target(worker, mix, msg->u.file.member, &member);

    if (err != 0)
        return err;
    if (worker->lane == NULL)
        return ERR_UNSUPPORTED;
    f = make_file(worker, producer, msg);
    if (f == NULL)
        return ERR_NOMEM;
    /* Asked for before what plays now is stopped: a name that does not exist stops nothing. */
    err = writer_load(worker->lane, f->name, mix->config.rate, f->tag);
    if (err != 0) {
        free(f);
        return err;
    }
    f->member = msg->u.file.member;
    f->is_loading = true;
    mix_end_play(worker, mix, member, "replaced"); /* what plays now makes room at once */
    keep(worker, f, play_slot(mix, member));
    return 0;
}

int mix_stop_play(struct worker *worker, struct mix *mix, const struct link_msg *msg)
{
    struct mix_member *member;
    int err = find_target(worker, mix, msg->u.target.member, &member);

    if (err != 0)
        return err;
    if (*play_slot(mix, member) == NULL)
        return ERR_NOTFOUND;
    mix_end_play(worker, mix, member, "stopped");
    return 0;
}

void mix_played(struct worker *worker, struct mix *mix, struct mix_member *member)
{
    mix_end_play(worker, mix, member, "");
}

/* The mix that an announcement is for; NULL: it has gone, or the announcement was replaced. A mix
 * that was closed has let go of its files, hence slot is NULL: the place may be another's. */
static struct mix *mix_of(struct worker *worker, const struct mix_file *f)
{
    return f->slot != NULL ? worker->mix[f->owner.index & 0xffffffu] : NULL;
}

static void on_loaded(struct worker *worker, struct mix_file *f, struct writer_result *result)
{
    struct mix *mix = f != NULL ? mix_of(worker, f) : NULL;
    struct mix_member *member = NULL;
    int err = result->error;

    if (mix != NULL && err == 0)
        err = find_target(worker, mix, f->member, &member);
    if (mix != NULL && err == 0)
        err = audio_room_play(mix->room, member != NULL ? member->audio : NULL, result->pcm,
                              result->samples);
    /* Too late or not to be had: the memory goes back to the thread that made it. */
    if (mix == NULL || err != 0) {
        writer_free(worker->lane, result->pcm);
        result->error = err;
        if (f != NULL)
            end_file(worker, f, result, "");
        return;
    }
    f->is_loading = false;
    f->pcm = result->pcm;
    f->duration_ms = result->duration_ms;
    worker_count(worker, LINK_COUNTER_mix_played, 1);
}

/* ---- recordings ---- */

static void on_tap(void *user, struct audio_member *audio, const int16_t *pcm, size_t samples)
{
    struct mix_file *f = user;
    struct worker *worker = f->worker;
    /* Called in the room's tick: a block that finds no room is counted, and the file shows silence
     * there. */
    bool is_kept = writer_pcm(worker->lane, f->file, pcm, (unsigned)samples);
    struct mix *mix = worker->mix[f->owner.index & 0xffffffu];

    (void)audio;
    worker_count(worker, is_kept ? LINK_COUNTER_record_blocks : LINK_COUNTER_record_dropped, 1);
    if (!is_kept && mix != NULL)
        link_stat_add(&mix->stats->record_dropped, 1);
}

int mix_record(struct worker *worker, unsigned producer, struct mix *mix,
               const struct link_msg *msg)
{
    struct mix_member *member;
    struct mix_file *f;
    struct writer_file what = {.kind = WRITER_WAV, .rate = mix->config.rate};
    int err = find_target(worker, mix, msg->u.file.member, &member);

    if (err != 0)
        return err;
    if (worker->lane == NULL)
        return ERR_UNSUPPORTED;
    /* Two recordings of one thing would be a waste; the second wants to know of the first. */
    if (*record_slot(mix, member) != NULL)
        return ERR_EXISTS;
    f = make_file(worker, producer, msg);
    if (f == NULL)
        return ERR_NOMEM;
    what.name = f->name;
    what.max_seconds = msg->u.file.max_seconds;
    what.tag = f->tag;
    err = writer_open(worker->lane, &what, &f->file);
    if (err != 0) {
        free(f);
        return err;
    }
    f->member = msg->u.file.member;
    keep(worker, f, record_slot(mix, member));
    worker_count(worker, LINK_COUNTER_files_open, 1);
    /* After the file is open: the first block finds it. */
    audio_room_tap(mix->room, member != NULL ? member->audio : NULL, on_tap, f);
    return 0;
}

/* No more comes; the file waits for the writer's result. */
void mix_end_record(struct worker *worker, struct mix *mix, struct mix_member *member)
{
    struct mix_file *f = *record_slot(mix, member);

    if (f == NULL)
        return;
    audio_room_tap(mix->room, member != NULL ? member->audio : NULL, NULL, NULL);
    writer_stop(worker->lane, f->file);
    let_go(f);
}

int mix_stop_record(struct worker *worker, struct mix *mix, const struct link_msg *msg)
{
    struct mix_member *member;
    int err = find_target(worker, mix, msg->u.target.member, &member);

    if (err != 0)
        return err;
    if (*record_slot(mix, member) == NULL)
        return ERR_NOTFOUND;
    mix_end_record(worker, mix, member);
    return 0;
}

/* ---- captures ---- */

static struct transport *pair_of(struct worker *worker, const struct transport *t)
{
    /* pair counts from one, 0 being none. */
    return t->pair != 0 ? worker_transport(worker, t->pair - 1, 0) : NULL;
}

static void mark_captured(struct transport *t, bool is_captured)
{
    if (is_captured) {
        t->bits |= TRANSPORT_CAPTURE;
        t->is_sending |= TRANSPORT_SEND_CAPTURE;
    } else {
        t->bits &= (uint8_t)~TRANSPORT_CAPTURE;
        t->is_sending &= (uint8_t)~TRANSPORT_SEND_CAPTURE;
    }
}

int mix_capture(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    struct writer_file what = {.kind = WRITER_PCAP, .max_seconds = msg->u.file.max_seconds};
    struct transport *pair = pair_of(worker, t);
    struct mix_file *f;
    int err;

    /* What passes has no plain text to show. */
    if (worker->lane == NULL || t->mode == LINK_MODE_PASS)
        return ERR_UNSUPPORTED;
    if (t->capture != NULL)
        return ERR_EXISTS;
    f = make_file(worker, worker->asking, msg);
    if (f == NULL)
        return ERR_NOMEM;
    what.name = f->name;
    what.tag = f->tag;
    err = writer_open(worker->lane, &what, &f->file);
    if (err != 0) {
        free(f);
        return err;
    }
    keep(worker, f, &t->capture);
    worker_count(worker, LINK_COUNTER_files_open, 1);
    mark_captured(t, true);
    if (pair != NULL) /* RTP and its RTCP are one conversation */
        mark_captured(pair, true);
    return 0;
}

void mix_end_capture(struct worker *worker, struct transport *t)
{
    struct transport *pair = pair_of(worker, t);
    struct mix_file *f = t->capture;

    if (f == NULL)
        return;
    mark_captured(t, false);
    if (pair != NULL)
        mark_captured(pair, false);
    writer_stop(worker->lane, f->file);
    let_go(f);
}

int mix_capture_stop(struct worker *worker, struct transport *t, const struct link_msg *msg)
{
    (void)msg;
    if (t->capture == NULL)
        return ERR_NOTFOUND;
    mix_end_capture(worker, t);
    return 0;
}

static struct mix_file *capture_of(struct worker *worker, const struct transport *t)
{
    /* A pair shares one file: it hangs at the half that was asked for. */
    const struct transport *pair = t->capture == NULL ? pair_of(worker, t) : NULL;

    return pair != NULL ? pair->capture : t->capture;
}

void mix_captured(struct worker *worker, const struct transport *t, const struct packet *p,
                  bool is_sent)
{
    const struct local *local = &worker->plane->locals.local[t->local];
    struct mix_file *f = capture_of(worker, t);
    /* The wall clock by the offset of the start: asking for it per packet would be a system
     * call. */
    struct writer_packet w = {.wall_us = report_now_us(worker) + worker->plane->wall_offset_us,
                              .family = local->family,
                              .data = {p->data, NULL},
                              .length = {p->length, 0}};
    uint8_t *here = is_sent ? w.source : w.destination;
    uint8_t *there = is_sent ? w.destination : w.source;
    bool is_kept;

    if (f == NULL)
        return;
    memcpy(here, local->ip, sizeof(local->ip));
    memcpy(there, t->remote_ip, sizeof(t->remote_ip));
    w.source_port = is_sent ? t->port : t->remote_port;
    w.destination_port = is_sent ? t->remote_port : t->port;
    /* A copy of a conference: its header here, its payload where it came in. */
    if (p->bits & PACKET_SHARED) {
        w.data[1] = p->shared;
        w.length[1] = p->more;
    }
    is_kept = writer_packet(worker->lane, f->file, &w);
    worker_count(worker, is_kept ? LINK_COUNTER_capture_packets : LINK_COUNTER_capture_dropped, 1);
}

/* ---- what the writer says ---- */

static struct mix_file *find_tag(struct worker *worker, uint64_t tag)
{
    /* A worker has a few files at once: a list is enough. */
    LIST_FOREACH (it, &worker->files) {
        struct mix_file *f = LIST_ENTRY(it, struct mix_file, link);

        if (f->tag == tag)
            return f;
    }
    return NULL;
}

/* The writer has ended a file by itself: nobody is to give it more. */
static void detach(struct worker *worker, struct mix_file *f)
{
    struct transport *t;
    struct mix *mix;
    struct mix_member *member;

    if (f->slot == NULL)
        return;
    /* For a capture the owner is a transport, else a mix. */
    if (f->command == LINK_CAPTURE) {
        t = worker_transport(worker, f->owner.index, f->owner.generation);
        if (t != NULL)
            mix_end_capture(worker, t);
        return;
    }
    mix = mix_of(worker, f);
    if (mix != NULL && find_target(worker, mix, f->member, &member) == 0)
        mix_end_record(worker, mix, member);
}

void mix_take_results(struct worker *worker)
{
    struct writer_result result;

    while (worker->lane != NULL && writer_next_result(worker->lane, &result)) {
        struct mix_file *f = find_tag(worker, result.tag);

        if (result.is_load) {
            on_loaded(worker, f, &result);
        } else if (f != NULL) {
            detach(worker, f);
            end_file(worker, f, &result, "");
        }
    }
}
