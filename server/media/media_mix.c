/* Mixes of the data plane as sluiced sees them: life, members, and what the data plane says of
 * them.
 *
 * The data plane names a mix in its answer to OPEN. Until then commands wait here, so that a
 * conference need not: its first member joins as soon as its port is open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/media/media_priv.h"

/* No room for CLOSE: tried again after so long. */
#define RETRY_MS 10
/* The ends of recordings are waited for so long: a disk may be slow, an event may be lost. */
#define DRAIN_MS    3000
#define WAITING_MAX 1024 /* commands before the answer: more is a caller that does not listen */
#define MEMBERS_MAX 1024

/* ---- life ---- */

static void wake(struct media_mix *mix, uint32_t in_ms)
{
    timer_start(mix->m->config.timers, &mix->timer, clock_mono_ms() + in_ms);
}

static void free_member(struct mix_member *member)
{
    member->port->member = NULL;
    list_remove(&member->link);
    free(member);
}

static void forget_all(struct media_mix *mix)
{
    struct list *it;

    while ((it = list_first(&mix->members)) != NULL)
        /* Members first: ports must not point at them. */
        free_member(LIST_ENTRY(it, struct mix_member, link));
    while ((it = list_pop_front(&mix->waiting)) != NULL)
        free(LIST_ENTRY(it, struct mix_waiting, link));
    mix->waiting_count = 0;
}

static void forget_files(struct media_mix *mix)
{
    struct list *it;

    while ((it = list_first(&mix->files)) != NULL)
        media_file_free(LIST_ENTRY(it, struct media_file, link));
}

void media_mix_free(struct media_mix *mix)
{
    forget_all(mix);
    forget_files(mix);
    timer_cancel(mix->m->config.timers, &mix->timer);
    list_remove(&mix->link);
    free(mix);
}

/* Announcements end with their room and nobody waits for that; recordings are worth it. An
 * announcement's end interests nobody when the room is gone. */
static bool has_recordings(struct media_mix *mix)
{
    LIST_FOREACH (it, &mix->files)
        if (LIST_ENTRY(it, struct media_file, link)->command == LINK_MIX_RECORD)
            return true;
    return false;
}

static void drain(struct media_mix *mix)
{
    bool has_more = has_recordings(mix) && !mix->is_void;

    /* DRAINING ends with the last recording's event, or by the timer. */
    mix->state = has_more ? MIX_DRAINING : MIX_CLOSED;
    wake(mix, has_more ? DRAIN_MS : 0);
}

static void send_close(struct media_mix *mix)
{
    struct link_msg msg;
    int err;

    link_msg_init(&msg, LINK_MIX_CLOSE, mix->name, mix->id);
    err = link_port_send(mix->m->port, &msg);
    /* No room: as for transports, since a mix that is not closed is a place that is lost. */
    if (err == ERR_AGAIN) {
        wake(mix, RETRY_MS);
        return;
    }
    mix->is_waiting = err == 0;
    if (err != 0)
        drain(mix);
}

static void on_mix_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct media_mix *mix = ctx;

    (void)timer;
    (void)now;
    if (mix->state == MIX_CLOSING && !mix->is_waiting) {
        send_close(mix);
    } else if (mix->state == MIX_FAILED && !mix->was_told_open) {
        mix->was_told_open = true;
        mix->callbacks->on_opened(mix->owner, mix->error);
    } else if (mix->state == MIX_DRAINING || mix->state == MIX_CLOSED) {
        mix->callbacks->on_closed(mix->owner);
        media_mix_free(mix);
    }
}

void media_mix_close(struct media_mix *mix)
{
    bool is_known = mix->state == MIX_OPEN || mix->is_waiting;

    /* Closing twice is one close. */
    if (mix->state >= MIX_CLOSING)
        return;
    mix->was_told_open = true; /* no other callback than the recordings' and the last */
    forget_all(mix);
    if (mix->state == MIX_OPENING)
        /* Their commands are still here, in the queue that forget_all has emptied. */
        forget_files(mix); /* never asked for */
    if (mix->is_void || !is_known) {
        drain(mix);
        return;
    }
    mix->state = MIX_CLOSING;
    if (!mix->is_waiting) /* else OPEN's answer comes first */
        send_close(mix);
}

static int check_request(const struct media_mix_request *r)
{
    if ((r->rate != 8000 && r->rate != 16000 && r->rate != 48000) || r->members_max == 0 ||
        r->members_max > MEMBERS_MAX || r->loudest > MEMBERS_MAX)
        return ERR_INVAL;
    return 0;
}

/* The worker in the top byte: the mix has no name yet. */
static int send_open(struct media_mix *mix, const struct media_mix_request *r)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_MIX_OPEN, (struct link_id){mix->worker << 24, 0}, mix->id);
    msg.u.mix.rate = r->rate;
    msg.u.mix.members_max = (uint16_t)r->members_max;
    msg.u.mix.loudest = (uint8_t)(r->loudest < 255 ? r->loudest : 0);
    snprintf(msg.u.mix.conference, sizeof(msg.u.mix.conference), "%s",
             r->conference != NULL ? r->conference : "");
    return link_port_send(mix->m->port, &msg);
}

int media_mix_open(void *media, const struct media_mix_request *r,
                   const struct media_mix_callbacks *callbacks, void *owner, struct media_mix **out)
{
    struct media_link *m = media;
    struct media_mix *mix;
    int err = check_request(r);

    if (err != 0)
        return err;
    if (!m->is_attached || m->is_stopping || m->info.workers == 0)
        return ERR_CLOSED;
    mix = calloc(1, sizeof(*mix));
    if (mix == NULL)
        return ERR_NOMEM;
    mix->m = m;
    mix->callbacks = callbacks;
    mix->owner = owner;
    mix->worker = r->place % m->info.workers;
    mix->id = ++m->next_id;
    list_init(&mix->members);
    list_init(&mix->files);
    list_init(&mix->waiting);
    list_init(&mix->link);
    list_push_back(&m->mixes, &mix->link);
    timer_init(&mix->timer, on_mix_timer, mix);
    err = send_open(mix, r);
    mix->is_waiting = err == 0;
    if (err != 0) {
        /* As with ports: told by timer, never from inside the call. */
        mix->state = MIX_FAILED;
        mix->error = err;
        wake(mix, 0);
    }
    *out = mix;
    return 0;
}

/* ---- commands ---- */

int media_mix_send(struct media_mix *mix, struct link_msg *msg)
{
    struct mix_waiting *w;

    if (mix->state == MIX_OPEN)
        return link_port_send(mix->m->port, msg);
    /* FAILED or closing: the caller hears of that by callback. */
    if (mix->state != MIX_OPENING)
        return ERR_STATE;
    if (mix->waiting_count == WAITING_MAX)
        return ERR_AGAIN;
    w = malloc(sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    w->msg = *msg;
    list_init(&w->link);
    list_push_back(&mix->waiting, &w->link);
    mix->waiting_count++;
    return 0;
}

static int fill_member(struct link_mix_member *to, const struct media_port *port,
                       const struct media_mix_member *from)
{
    if (from->rx_count > LINK_CODECS_MAX)
        return ERR_INVAL;
    to->member = port->leg[0].transport;
    /* The lane of mixes in the port's own SSRC space. */
    to->ssrc = port->ssrc + MEDIA_LANE_MIX;
    for (unsigned i = 0; i < from->rx_count; i++)
        to->rx[i] = (struct link_codec_row){from->rx[i].pt, (uint8_t)from->rx[i].codec};
    to->rx_count = (uint8_t)from->rx_count;
    to->event = from->event_pt;
    to->event_clock = from->event_clock;
    to->tx_codec = (uint8_t)from->tx_codec;
    to->tx_type = from->tx_pt;
    to->ptime_ms = from->ptime != 0 ? from->ptime : 20;
    to->gain_db = from->gain_db;
    to->flags = (uint16_t)((from->is_muted ? LINK_MEMBER_MUTED : 0) |
                           (from->is_deaf ? LINK_MEMBER_DEAF : 0));
    to->jitter_min_ms = from->jitter_min_ms;
    to->jitter_max_ms = from->jitter_max_ms;
    return 0;
}

static struct mix_member *make_member(struct media_mix *mix, struct media_port *port)
{
    struct mix_member *member = calloc(1, sizeof(*member));

    if (member == NULL)
        return NULL;
    member->mix = mix;
    member->port = port;
    list_init(&member->link);
    list_push_back(&mix->members, &member->link);
    port->member = member;
    return member;
}

bool media_is_near(const struct media_port *port, uint32_t place)
{
    unsigned workers = port->m->info.workers;

    return workers != 0 && port->worker == place % workers;
}

int media_mix_join(struct media_mix *mix, struct media_port *port,
                   const struct media_mix_member *config)
{
    bool is_new = port->member == NULL;
    struct mix_member *member;
    struct link_msg msg;
    int err;

    if (port->state != PORT_OPEN)
        return ERR_STATE;
    if (!is_new && port->member->mix != mix)
        /* One mix a port: moving is leaving and joining. */
        return ERR_EXISTS;
    link_msg_init(&msg, LINK_MIX_JOIN, mix->name, ++mix->m->next_id);
    err = fill_member(&msg.u.member, port, config);
    if (err != 0)
        return err;
    member = is_new ? make_member(mix, port) : port->member;
    if (member == NULL)
        return ERR_NOMEM;
    /* The newest JOIN's: answers of older ones are ignored. */
    member->cookie = msg.cookie;
    err = media_mix_send(mix, &msg);
    if (err != 0 && is_new)
        free_member(member);
    return err;
}

static void leave_files(struct media_mix *mix, const struct media_port *port)
{
    LIST_FOREACH (it, &mix->files) {
        struct media_file *f = LIST_ENTRY(it, struct media_file, link);

        if (f->port == port)
            /* A file of a port that leaves goes on in the data plane; nobody here is told of its
             * end. */
            f->is_orphan = true;
    }
}

int media_mix_leave(struct media_mix *mix, struct media_port *port)
{
    struct link_msg msg;

    if (port->member == NULL || port->member->mix != mix)
        return ERR_NOTFOUND;
    link_msg_init(&msg, LINK_MIX_LEAVE, mix->name, 0);
    msg.u.target.member = port->leg[0].transport;
    /* First here, then there: the port is free for another mix at once. */
    free_member(port->member);
    return media_mix_send(mix, &msg);
}

void media_mix_port_gone(struct media_port *p)
{
    /* The data plane takes the member out when the transport closes. Recordings that were begun
     * while it was in another mix know its port too. */
    LIST_FOREACH (it, &p->m->mixes)
        leave_files(LIST_ENTRY(it, struct media_mix, link), p);
    if (p->member != NULL)
        free_member(p->member);
}

int media_mix_stats(struct media_mix *mix, struct link_mix_stats *stats)
{
    if (mix->state != MIX_OPEN)
        return ERR_NOTFOUND;
    return link_client_mix(mix->m->client, mix->name, NULL, stats);
}

/* ---- what the data plane says ---- */

static struct media_mix *find_mix(struct media_link *m, struct link_id name)
{
    LIST_FOREACH (it, &m->mixes) {
        struct media_mix *mix = LIST_ENTRY(it, struct media_mix, link);

        /* generation 0: not answered yet, it has no name to be found by. */
        if (!mix->is_void && mix->name.generation != 0 && mix->name.index == name.index &&
            mix->name.generation == name.generation)
            return mix;
    }
    return NULL;
}

static struct media_mix *find_number(struct media_link *m, uint64_t id)
{
    LIST_FOREACH (it, &m->mixes)
        if (LIST_ENTRY(it, struct media_mix, link)->id == id)
            return LIST_ENTRY(it, struct media_mix, link);
    return NULL;
}

static void send_waiting(struct media_mix *mix)
{
    struct list *it;

    while ((it = list_pop_front(&mix->waiting)) != NULL) {
        struct mix_waiting *w = LIST_ENTRY(it, struct mix_waiting, link);

        /* What waited was meant for a name that is known only now. */
        w->msg.transport = mix->name.index;
        w->msg.generation = mix->name.generation;
        if (link_port_send(mix->m->port, &w->msg) != 0)
            log_error(LOG_AREA_LINK, 0, "command to the data plane lost: queue full",
                      LOG_S("command", link_type_to_str(w->msg.type)));
        free(w);
    }
    mix->waiting_count = 0;
}

static void on_open_reply(struct media_mix *mix, const struct link_msg *msg)
{
    mix->is_waiting = false;
    if (msg->error == 0)
        mix->name = (struct link_id){msg->transport, msg->generation};
    /* Closed before it was answered: close what has come of it. */
    if (mix->state == MIX_CLOSING) {
        if (msg->error == 0)
            send_close(mix);
        else
            drain(mix);
        return;
    }
    mix->was_told_open = true;
    if (msg->error != 0) {
        mix->state = MIX_FAILED;
        forget_all(mix);
    } else {
        mix->state = MIX_OPEN;
        send_waiting(mix);
    }
    mix->callbacks->on_opened(mix->owner, msg->error);
}

static struct mix_member *member_by_cookie(struct media_mix *mix, uint64_t cookie)
{
    LIST_FOREACH (it, &mix->members)
        if (LIST_ENTRY(it, struct mix_member, link)->cookie == cookie)
            return LIST_ENTRY(it, struct mix_member, link);
    return NULL;
}

static void on_join_reply(struct media_mix *mix, const struct link_msg *msg)
{
    struct mix_member *member = member_by_cookie(mix, msg->cookie);
    struct media_port *port;

    if (member == NULL)
        return; /* left again, or a newer JOIN is on its way */
    if (msg->error == 0) {
        member->is_joined = true;
        return;
    }
    port = member->port;
    /* A change that is refused leaves the member as it was; a first JOIN leaves none. */
    if (!member->is_joined)
        free_member(member);
    mix->callbacks->on_refused(mix->owner, port, LINK_MIX_JOIN, msg->error);
}

static void on_file_reply(struct media_mix *mix, const struct link_msg *msg)
{
    struct media_file *f = media_file_find(mix, msg->cookie);

    if (f == NULL || msg->error == 0)
        return;
    if (f->command == LINK_MIX_RECORD || mix->state == MIX_OPEN)
        media_file_lose(mix, f, msg->error, media_file_refusal(f->command, msg->error));
    else
        media_file_free(f);
    if (mix->state == MIX_DRAINING)
        drain(mix);
}

static void on_reply(struct media_link *m, const struct link_msg *msg)
{
    unsigned command = msg->u.reply.command;
    struct media_mix *mix = command == LINK_MIX_OPEN
                                ? find_number(m, msg->cookie)
                                : find_mix(m, (struct link_id){msg->transport, msg->generation});

    if (mix == NULL)
        return;
    if (command == LINK_MIX_OPEN) {
        on_open_reply(mix, msg);
    } else if (command == LINK_MIX_CLOSE) {
        mix->is_waiting = false;
        if (mix->state == MIX_CLOSING)
            drain(mix);
    } else if (command == LINK_MIX_JOIN) {
        on_join_reply(mix, msg);
    } else if (command == LINK_MIX_PLAY || command == LINK_MIX_RECORD) {
        on_file_reply(mix, msg);
    }
    /* LEAVE and the stops fail only when what they end has ended. */
}

static struct media_port *port_named(struct media_mix *mix, struct link_id name)
{
    struct port_leg *leg = name.generation != 0 ? media_leg_of_transport(mix->m, name) : NULL;

    if (leg == NULL || leg->port->member == NULL || leg->port->member->mix != mix)
        return NULL;
    return leg->port;
}

static void on_file_event(struct media_mix *mix, const struct link_msg *msg)
{
    struct media_file *f = media_file_find(mix, msg->cookie);

    if (f == NULL)
        return;
    /* Closing: only recordings are waited for. */
    if (mix->state >= MIX_CLOSING && f->command == LINK_MIX_PLAY)
        media_file_free(f);
    else
        media_file_end(mix, f, &msg->u.mix_event);
    if (mix->state == MIX_DRAINING)
        drain(mix);
}

static void on_event(struct media_mix *mix, const struct link_msg *msg)
{
    const struct link_mix_event *e = &msg->u.mix_event;
    struct media_port *port = port_named(mix, e->member);

    if (msg->type == LINK_MIX_PLAYED || msg->type == LINK_MIX_RECORDED) {
        on_file_event(mix, msg);
    } else if (mix->state != MIX_OPEN) {
        /* Events of a room that is going: nobody listens. */
        return;
    } else if (msg->type == LINK_MIX_SPEAKER) {
        mix->callbacks->on_speaker(mix->owner, port);
    } else if (msg->type == LINK_MIX_DIGIT && port != NULL) {
        mix->callbacks->on_digit(mix->owner, port, e->digit, e->duration_ms);
    } else if (msg->type == LINK_MIX_GONE) {
        mix->state = MIX_FAILED;
        mix->is_void = true; /* there is nothing left to close */
        mix->callbacks->on_gone(mix->owner, "mix closed by the data plane");
    }
}

/* The event, or the refusal, of a capture: the port may have closed meanwhile. */
static void on_capture(struct media_link *m, const struct link_msg *msg, bool is_reply)
{
    struct port_leg *leg =
        media_leg_of_transport(m, (struct link_id){msg->transport, msg->generation});

    /* The cookie: another capture may have begun on the port. */
    if (leg == NULL || leg->port->capture == NULL || leg->port->capture->cookie != msg->cookie)
        return;
    if (!is_reply) {
        media_capture_end(leg->port, &msg->u.mix_event);
    } else if (msg->error != 0) {
        media_capture_lose(leg->port, msg->error, media_file_refusal(LINK_CAPTURE, msg->error));
    }
}

bool media_mix_on_msg(struct media_link *m, const struct link_msg *msg)
{
    unsigned command = msg->u.reply.command;
    struct media_mix *mix;

    /* Ours are told by type and command; the rest is media_link.c's. */
    if (msg->type == LINK_REPLY) {
        if (command == LINK_CAPTURE || command == LINK_CAPTURE_STOP)
            on_capture(m, msg, true);
        else if (command >= LINK_MIX_OPEN && command <= LINK_MIX_RECORD_STOP)
            on_reply(m, msg);
        else
            return false;
        return true;
    }
    if (msg->type == LINK_CAPTURED) {
        on_capture(m, msg, false);
        return true;
    }
    if (msg->type < LINK_MIX_SPEAKER || msg->type > LINK_MIX_GONE)
        return false;
    mix = find_mix(m, (struct link_id){msg->transport, msg->generation});
    if (mix != NULL)
        on_event(mix, msg);
    return true;
}

static void lose(struct media_mix *mix)
{
    struct list *it;
    bool was_open = mix->state == MIX_OPEN;

    mix->is_void = true;
    mix->is_waiting = false;
    /* Closing ones stay so: their end is what is still owed. */
    if (mix->state < MIX_FAILED)
        mix->state = MIX_FAILED;
    forget_all(mix);
    /* Every recording ends with a result, here too. */
    while ((it = list_first(&mix->files)) != NULL)
        media_file_lose(mix, LIST_ENTRY(it, struct media_file, link), ERR_CLOSED,
                        "data plane lost");
    if (was_open) {
        mix->callbacks->on_gone(mix->owner, "data plane lost");
    } else if (mix->state == MIX_FAILED && !mix->was_told_open) {
        mix->error = ERR_CLOSED;
        wake(mix, 0);
    } else if (mix->state == MIX_CLOSING || mix->state == MIX_DRAINING) {
        drain(mix);
    }
}

void media_mix_lose_all(struct media_link *m)
{
    LIST_FOREACH_SAFE (it, &m->mixes)
        lose(LIST_ENTRY(it, struct media_mix, link));
}
