#include "tests/server/fake_mix.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* ---- receivers ---- */

static bool is_same_row(const struct media_receiver *a, const struct media_receiver *b)
{
    return a->to == b->to && a->lane == b->lane && a->pt_in == b->pt_in;
}

static void remove_receiver(struct media_port *from, size_t i)
{
    memmove(&from->receiver[i], &from->receiver[i + 1],
            (from->receivers - i - 1) * sizeof(from->receiver[0]));
    from->receivers--;
}

static int port_forward(struct media_port *from, const struct media_receiver *rows, size_t count)
{
    CU_ASSERT_FALSE(from->is_closing);
    CU_ASSERT_FATAL(count <= WORLD_RECEIVERS_MAX);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT(rows[i].to->is_announced && !rows[i].to->is_closing);
        CU_ASSERT(rows[i].lane <= MEDIA_LANE_MAX);
    }
    from->routes = 0;
    from->to = NULL;
    if (count > 0)
        memcpy(from->receiver, rows, count * sizeof(*rows));
    from->receivers = count;
    return 0;
}

static int port_switch_source(struct media_port *from, struct media_port *before,
                              const struct media_receiver *row)
{
    CU_ASSERT(from->is_announced && !from->is_closing);
    CU_ASSERT(row->to->is_announced && !row->to->is_closing);
    for (size_t i = 0; before != NULL && before != from && i < before->receivers;) {
        if (before->receiver[i].to == row->to && before->receiver[i].lane == row->lane)
            remove_receiver(before, i);
        else
            i++;
    }
    from->switches++;
    for (size_t i = 0; i < from->receivers; i++) {
        if (is_same_row(&from->receiver[i], row)) {
            from->receiver[i] = *row;
            return 0;
        }
    }
    CU_ASSERT_FATAL(from->receivers < WORLD_RECEIVERS_MAX);
    from->receiver[from->receivers++] = *row;
    return 0;
}

static int port_let_go(struct media_port *from, const struct media_receiver *row)
{
    CU_ASSERT(from->is_announced && !from->is_closing);
    CU_ASSERT(row->to->is_announced && !row->to->is_closing);
    from->let_go++;
    return 0;
}

/* ---- files ---- */

static bool is_bad_name(const char *file)
{
    return file[0] == '\0' || file[0] == '.' || strchr(file, '/') != NULL ||
           strlen(file) >= LINK_FILE_SIZE;
}

static int port_capture(struct media_port *p, const char *file, uint32_t seconds)
{
    (void)seconds;
    if (is_bad_name(file))
        return ERR_INVAL;
    if (!p->is_announced || p->is_closing)
        return ERR_STATE;
    if (p->capture[0] != '\0')
        return ERR_EXISTS;
    snprintf(p->capture, sizeof(p->capture), "%s", file);
    return 0;
}

static int port_stop_capture(struct media_port *p)
{
    if (p->capture[0] == '\0')
        return ERR_NOTFOUND;
    p->is_capture_ending = true;
    return 0;
}

static bool move_capture(struct media_port *p)
{
    char file[LINK_FILE_SIZE];
    struct media_file_end end = {.file = file, .bytes = 24, .why = ""};

    if (!p->is_capture_ending)
        return false;
    p->is_capture_ending = false;
    memcpy(file, p->capture, sizeof(file));
    p->capture[0] = '\0';
    if (p->callbacks->on_captured != NULL && !p->is_closed)
        p->callbacks->on_captured(p->owner, &end);
    return true;
}

static size_t find_file(const struct media_mix *mix, const struct media_port *port,
                        bool is_recording)
{
    size_t i = 0;

    while (i < mix->files && (mix->file[i].is_orphan || mix->file[i].port != port ||
                              mix->file[i].is_recording != is_recording))
        i++;
    return i;
}

static int add_file(struct media_mix *mix, struct media_port *port, const char *file,
                    bool is_recording)
{
    if (is_bad_name(file))
        return ERR_INVAL;
    if (mix->is_closing)
        return ERR_STATE;
    if (port != NULL && port->mix != mix)
        return ERR_NOTFOUND;
    if (is_recording && find_file(mix, port, true) < mix->files)
        return ERR_EXISTS;
    if (mix->files == WORLD_FILES_MAX)
        return ERR_LIMIT;
    mix->file[mix->files].port = port;
    mix->file[mix->files].is_recording = is_recording;
    mix->file[mix->files].is_ending = mix->file[mix->files].is_orphan = false;
    snprintf(mix->file[mix->files].name, LINK_FILE_SIZE, "%s", file);
    mix->files++;
    mix->plays += !is_recording;
    mix->records += is_recording;
    return 0;
}

static bool end_file_at(struct media_mix *mix, size_t i, int err)
{
    struct media_file_end end = {.bytes = 44, .err = err, .why = err != 0 ? err_to_str(err) : ""};
    char name[LINK_FILE_SIZE];

    struct media_port *port;
    bool is_recording;

    if (i == mix->files)
        return false;
    port = mix->file[i].is_orphan ? NULL : mix->file[i].port;
    is_recording = mix->file[i].is_recording;
    memcpy(name, mix->file[i].name, sizeof(name));
    memmove(&mix->file[i], &mix->file[i + 1], (mix->files - i - 1) * sizeof(mix->file[0]));
    mix->files--;
    end.file = name;
    if (is_recording)
        mix->callbacks->on_recorded(mix->owner, port, &end);
    else
        mix->callbacks->on_played(mix->owner, port, name, err, end.why);
    return true;
}

static bool end_file(struct media_mix *mix, struct media_port *port, bool is_recording, int err)
{
    return end_file_at(mix, find_file(mix, port, is_recording), err);
}

static int mix_play(struct media_mix *mix, struct media_port *port, const char *file)
{
    return add_file(mix, port, file, false);
}

static int mix_record(struct media_mix *mix, struct media_port *port, const char *file,
                      uint32_t seconds)
{
    (void)seconds;
    return add_file(mix, port, file, true);
}

static int stop_file(struct media_mix *mix, struct media_port *port, bool is_recording)
{
    size_t i = find_file(mix, port, is_recording);

    if (i == mix->files)
        return ERR_NOTFOUND;
    mix->file[i].is_ending = true;
    return 0;
}

static int mix_stop_play(struct media_mix *mix, struct media_port *port)
{
    return stop_file(mix, port, false);
}

static int mix_stop_record(struct media_mix *mix, struct media_port *port)
{
    return stop_file(mix, port, true);
}

static bool move_files(struct media_mix *mix)
{
    for (size_t i = 0; i < mix->files; i++)
        if (mix->file[i].is_ending)
            return end_file_at(mix, i, 0);
    return false;
}

/* ---- mixes ---- */

static int mix_open(void *media, const struct media_mix_request *r,
                    const struct media_mix_callbacks *callbacks, void *owner,
                    struct media_mix **out)
{
    struct world *w = media;
    struct media_mix *mix = NULL;

    if (w->open_result != 0)
        return w->open_result;
    for (size_t i = 0; i < WORLD_MIXES_MAX && mix == NULL; i++)
        if (!w->mixes[i].is_used || w->mixes[i].is_closed)
            mix = &w->mixes[i];
    if (mix == NULL)
        return ERR_LIMIT;
    CU_ASSERT(r->members_max > 0 && r->members_max <= 1024);
    CU_ASSERT(r->rate == 8000 || r->rate == 16000 || r->rate == 48000);
    memset(mix, 0, sizeof(*mix));
    mix->is_used = true;
    mix->request = *r;
    snprintf(mix->conference, sizeof(mix->conference), "%s",
             r->conference != NULL ? r->conference : "");
    mix->callbacks = callbacks;
    mix->owner = owner;
    mix->world = w;
    w->mix_count++;
    *out = mix;
    return 0;
}

static bool port_is_near(const struct media_port *port, uint32_t place)
{
    unsigned workers = port->world->workers;

    return workers == 0 || port->request.place % workers == place % workers;
}

static int mix_join(struct media_mix *mix, struct media_port *port,
                    const struct media_mix_member *member)
{
    CU_ASSERT(member->rx_count <= LINK_CODECS_MAX);
    if (mix->is_closing || !port->is_announced || port->is_closing)
        return ERR_STATE;
    if (port->mix != NULL && port->mix != mix)
        return ERR_EXISTS;
    CU_ASSERT_TRUE(port_is_near(port, mix->request.place));
    if (port->mix == NULL && world_mix_members(mix) >= mix->request.members_max) {
        mix->refused = port;
        return 0;
    }
    port->mix = mix;
    port->member = *member;
    return 0;
}

static void orphan_files(struct media_mix *mix, const struct media_port *port)
{
    for (size_t i = 0; i < mix->files; i++)
        if (mix->file[i].port == port)
            mix->file[i].is_orphan = mix->file[i].is_ending = true;
}

static int mix_leave(struct media_mix *mix, struct media_port *port)
{
    if (port->mix != mix)
        return ERR_NOTFOUND;
    port->mix = NULL;
    for (size_t i = 0; i < mix->files; i++)
        if (mix->file[i].port == port)
            mix->file[i].is_ending = true;
    return 0;
}

static int mix_stats(struct media_mix *mix, struct link_mix_stats *stats)
{
    if (!mix->is_announced || mix->is_closing)
        return ERR_NOTFOUND;
    memset(stats, 0, sizeof(*stats));
    stats->members = world_mix_members(mix);
    return 0;
}

static void mix_close(struct media_mix *mix)
{
    CU_ASSERT_FALSE(mix->is_closing);
    mix->is_closing = true;
    for (size_t i = 0; i < mix->world->port_count; i++)
        if (mix->world->ports[i].mix == mix)
            mix->world->ports[i].mix = NULL;
}

void fake_mix_ops(struct media_ops *ops)
{
    ops->forward = port_forward;
    ops->switch_source = port_switch_source;
    ops->let_go = port_let_go;
    ops->capture = port_capture;
    ops->stop_capture = port_stop_capture;
    ops->mix_open = mix_open;
    ops->is_near = port_is_near;
    ops->mix_join = mix_join;
    ops->mix_leave = mix_leave;
    ops->mix_play = mix_play;
    ops->mix_stop_play = mix_stop_play;
    ops->mix_record = mix_record;
    ops->mix_stop_record = mix_stop_record;
    ops->mix_stats = mix_stats;
    ops->mix_close = mix_close;
}

void fake_mix_port_gone(struct world *w, struct media_port *p)
{
    for (size_t k = 0; k < w->port_count; k++)
        for (size_t i = 0; i < w->ports[k].receivers;) {
            if (w->ports[k].receiver[i].to == p)
                remove_receiver(&w->ports[k], i);
            else
                i++;
        }
    p->receivers = 0;
    for (size_t i = 0; i < WORLD_MIXES_MAX; i++)
        if (w->mixes[i].is_used)
            orphan_files(&w->mixes[i], p); /* also of one that it has left before */
    if (p->mix != NULL && p->mix->refused == p)
        p->mix->refused = NULL;
    p->mix = NULL;
}

static bool move_mix(struct world *w, struct media_mix *mix)
{
    if (!mix->is_used || mix->is_closed)
        return false;
    if (mix->is_closing) {
        for (size_t i = mix->files; i > 0; i--)
            if (mix->file[i - 1].is_recording)
                (void)end_file(mix, mix->file[i - 1].port, true, 0);
        mix->is_closed = true;
        mix->callbacks->on_closed(mix->owner);
        return true;
    }
    if (mix->refused != NULL) {
        struct media_port *port = mix->refused;

        mix->refused = NULL;
        mix->callbacks->on_refused(mix->owner, port, LINK_MIX_JOIN, ERR_LIMIT);
        return true;
    }
    if (mix->is_announced)
        return move_files(mix);
    if (w->hold_ports)
        return false;
    mix->is_announced = true;
    mix->callbacks->on_opened(mix->owner, w->mix_result);
    return true;
}

bool fake_mix_move(struct world *w)
{
    bool moved = false;

    for (size_t i = 0; i < WORLD_MIXES_MAX; i++)
        moved |= move_mix(w, &w->mixes[i]);
    for (size_t i = 0; i < w->port_count; i++)
        moved |= move_capture(&w->ports[i]);
    return moved;
}

void fake_mix_lose(struct world *w)
{
    for (size_t i = 0; i < WORLD_MIXES_MAX; i++)
        if (w->mixes[i].is_used && !w->mixes[i].is_closing && !w->mixes[i].is_closed)
            w->mixes[i].callbacks->on_gone(w->mixes[i].owner, "data plane lost");
}

/* ---- what a test says ---- */

void world_speaker(struct media_mix *mix, struct media_port *port)
{
    CU_ASSERT(port == NULL || port->mix == mix);
    mix->callbacks->on_speaker(mix->owner, port);
}

void world_digit(struct media_mix *mix, struct media_port *port, char digit)
{
    CU_ASSERT_PTR_EQUAL(port->mix, mix);
    mix->callbacks->on_digit(mix->owner, port, digit, 100);
}

bool world_played(struct media_mix *mix, struct media_port *port, int err)
{
    return end_file(mix, port, false, err);
}

bool world_recorded(struct media_mix *mix, struct media_port *port, int err)
{
    return end_file(mix, port, true, err);
}

size_t world_mix_members(const struct media_mix *mix)
{
    size_t n = 0;

    for (size_t i = 0; i < mix->world->port_count; i++)
        n += mix->world->ports[i].mix == mix;
    return n;
}

struct media_mix *world_mix(struct world *w, const char *conference)
{
    for (size_t i = 0; i < WORLD_MIXES_MAX; i++)
        if (w->mixes[i].is_used && !w->mixes[i].is_closing && !w->mixes[i].is_closed &&
            strcmp(w->mixes[i].conference, conference) == 0)
            return &w->mixes[i];
    return NULL;
}
