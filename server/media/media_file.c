/* Files of the data plane: announcements, recordings and captures, from the command to the event
 * that each of them ends with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "server/media/media_priv.h"

/* ---- life ---- */

static int check_name(const char *name)
{
    size_t n = name != NULL ? strlen(name) : 0;

    /* Directories are the operator's: no name leads out of them, none is hidden. Checked again by
     * the data plane: it must not trust us either. */
    return n == 0 || n >= LINK_FILE_SIZE || name[0] == '.' || strchr(name, '/') != NULL ? ERR_INVAL
                                                                                        : 0;
}

static struct media_file *make_file(struct media_link *m, enum link_type command,
                                    struct media_port *port, const char *name)
{
    struct media_file *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    list_init(&f->link);
    f->cookie = ++m->next_id;
    f->command = command;
    f->port = port;
    snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

void media_file_free(struct media_file *f)
{
    list_remove(&f->link);
    free(f);
}

struct media_file *media_file_find(struct media_mix *mix, uint64_t cookie)
{
    LIST_FOREACH (it, &mix->files) {
        struct media_file *f = LIST_ENTRY(it, struct media_file, link);

        if (f->cookie == cookie)
            return f;
    }
    return NULL;
}

static struct media_file *find_on(struct media_mix *mix, enum link_type command,
                                  const struct media_port *port)
{
    LIST_FOREACH (it, &mix->files) {
        struct media_file *f = LIST_ENTRY(it, struct media_file, link);

        if (f->command == command && f->port == port && !f->is_orphan)
            return f;
    }
    return NULL;
}

static void end_of(struct media_file_end *end, const struct media_file *f,
                   const struct link_mix_event *e, char text[LINK_FILE_SIZE])
{
    /* The text is another process's: it need not end. */
    memcpy(text, e->text, LINK_FILE_SIZE);
    text[LINK_FILE_SIZE - 1] = '\0';
    *end = (struct media_file_end){.file = f->name,
                                   .bytes = e->bytes,
                                   .ms = e->duration_ms,
                                   .dropped = e->dropped,
                                   .err = e->error,
                                   .why = text};
}

void media_file_end(struct media_mix *mix, struct media_file *f, const struct link_mix_event *e)
{
    struct media_file file = *f;
    struct media_file_end end;
    char text[LINK_FILE_SIZE];

    media_file_free(f); /* the callback may ask for the same again */
    end_of(&end, &file, e, text);
    if (file.is_orphan)
        file.port = NULL; /* who asked for it has to know it by the file */
    if (file.command == LINK_MIX_RECORD)
        mix->callbacks->on_recorded(mix->owner, file.port, &end);
    else
        mix->callbacks->on_played(mix->owner, file.port, file.name, end.err, end.why);
}

/* What an operator has to change when the data plane does not take a file. */
const char *media_file_refusal(enum link_type command, int err)
{
    if (err == ERR_UNSUPPORTED && command == LINK_MIX_PLAY)
        return "no directory: data_plane.announcements is not set";
    if (err == ERR_UNSUPPORTED)
        return "no directory: data_plane.recording.directory is not set";
    if (err == ERR_REFUSED && command == LINK_CAPTURE)
        return "data_plane.recording.captures is off in the data plane";
    if (err == ERR_LIMIT && command != LINK_MIX_PLAY)
        return "data_plane.recording.max_files are open already";
    return err_to_str(err);
}

void media_file_lose(struct media_mix *mix, struct media_file *f, int err, const char *why)
{
    /* As if the data plane had said it. */
    struct link_mix_event e;

    memset(&e, 0, sizeof(e));
    e.error = err;
    snprintf(e.text, sizeof(e.text), "%s", why);
    media_file_end(mix, f, &e);
}

/* ---- commands ---- */

static bool is_member(const struct media_mix *mix, const struct media_port *port)
{
    return port == NULL || (port->member != NULL && port->member->mix == mix);
}

static void name_target(struct link_id *to, const struct media_port *port)
{
    if (port != NULL)
        *to = port->leg[0].transport;
}

static int ask(struct media_mix *mix, enum link_type command, struct media_port *port,
               const char *name, uint32_t seconds)
{
    struct media_file *f;
    struct link_msg msg;
    int err = check_name(name);

    if (err != 0)
        return err;
    if (!is_member(mix, port))
        return ERR_NOTFOUND;
    f = make_file(mix->m, command, port, name);
    if (f == NULL)
        return ERR_NOMEM;
    link_msg_init(&msg, command, mix->name, f->cookie);
    name_target(&msg.u.file.member, port);
    msg.u.file.max_seconds = seconds;
    memcpy(msg.u.file.name, f->name, sizeof(f->name));
    err = media_mix_send(mix, &msg);
    if (err != 0) {
        media_file_free(f);
        return err;
    }
    /* Only now: a command that could not be sent has no file. */
    list_push_back(&mix->files, &f->link);
    return 0;
}

static int stop(struct media_mix *mix, enum link_type command, enum link_type begun_by,
                struct media_port *port)
{
    struct link_msg msg;

    if (find_on(mix, begun_by, port) == NULL)
        return ERR_NOTFOUND;
    link_msg_init(&msg, command, mix->name, 0);
    name_target(&msg.u.target.member, port);
    return media_mix_send(mix, &msg);
}

int media_mix_play(struct media_mix *mix, struct media_port *port, const char *file)
{
    return ask(mix, LINK_MIX_PLAY, port, file, 0);
}

int media_mix_stop_play(struct media_mix *mix, struct media_port *port)
{
    return stop(mix, LINK_MIX_PLAY_STOP, LINK_MIX_PLAY, port);
}

int media_mix_record(struct media_mix *mix, struct media_port *port, const char *file,
                     uint32_t seconds)
{
    /* One recording of each thing: find_on knows which. */
    if (find_on(mix, LINK_MIX_RECORD, port) != NULL)
        return ERR_EXISTS;
    return ask(mix, LINK_MIX_RECORD, port, file, seconds);
}

int media_mix_stop_record(struct media_mix *mix, struct media_port *port)
{
    return stop(mix, LINK_MIX_RECORD_STOP, LINK_MIX_RECORD, port);
}

/* ---- captures ---- */

int media_capture(struct media_port *p, const char *file, uint32_t seconds)
{
    struct link_msg msg;
    int err = check_name(file);

    if (err != 0)
        return err;
    if (p->state != PORT_OPEN || media_is_wire(p->kind)) /* no packets of media on a connection */
        return ERR_STATE;
    if (p->capture != NULL)
        return ERR_EXISTS;
    p->capture = make_file(p->m, LINK_CAPTURE, p, file);
    if (p->capture == NULL)
        return ERR_NOMEM;
    link_msg_init(&msg, LINK_CAPTURE, p->leg[0].transport, p->capture->cookie);
    msg.u.file.max_seconds = seconds;
    memcpy(msg.u.file.name, p->capture->name, sizeof(p->capture->name));
    err = link_port_send(p->m->port, &msg);
    if (err != 0) {
        media_file_free(p->capture);
        p->capture = NULL;
    }
    return err;
}

int media_stop_capture(struct media_port *p)
{
    struct link_msg msg;

    if (p->state != PORT_OPEN || p->capture == NULL)
        return ERR_NOTFOUND;
    link_msg_init(&msg, LINK_CAPTURE_STOP, p->leg[0].transport, p->leg[0].id);
    return link_port_send(p->m->port, &msg);
}

void media_capture_end(struct media_port *p, const struct link_mix_event *e)
{
    struct media_file file = *p->capture;
    struct media_file_end end;
    char text[LINK_FILE_SIZE];

    media_file_free(p->capture);
    p->capture = NULL;
    end_of(&end, &file, e, text);
    if (p->callbacks->on_captured != NULL)
        p->callbacks->on_captured(p->owner, &end);
    if (p->state == PORT_CLOSED) /* it was waiting for this alone */
        timer_start(p->m->config.timers, &p->timer, clock_mono_ms());
}

void media_capture_lose(struct media_port *p, int err, const char *why)
{
    struct link_mix_event e;

    memset(&e, 0, sizeof(e));
    e.error = err;
    snprintf(e.text, sizeof(e.text), "%s", why);
    media_capture_end(p, &e);
}
