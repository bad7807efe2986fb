/* Rooms of data channels, SCTP on each member's DTLS connection, and what waits for members that
 * are slow. One thread runs all of it, that of data_thread.c. */
#include "server/data/data_hub_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define COMMON_HEADER 12 /* of an SCTP packet */
#define CHUNK_HEADER  4
#define CHUNK_DATA    0
#define CHUNK_I_DATA  64

const char *data_report_to_str(enum data_report_kind kind)
{
    static const char *const text[] = {
#define DATA_REPORT_TEXT(name, words) [name] = (words),
        DATA_REPORT_LIST(DATA_REPORT_TEXT)
#undef DATA_REPORT_TEXT
    };

    return (size_t)kind < sizeof(text) / sizeof(text[0]) ? text[kind] : "unknown";
}

struct data_member *data_member_find(const struct data_hub *hub, uint64_t id)
{
    struct data_member *m = NULL;

    HASH_FIND(hh, hub->members, &id, sizeof(id), m);
    return m;
}

void data_report(const struct data_member *m, enum data_report_kind kind,
                 const struct data_channel *channel, uint16_t stream,
                 const struct sctp_message *message, const char *text)
{
    struct data_report r;

    /* Without `data`, whose 4 KiB are written as far as they are shown. */
    memset(&r, 0, offsetof(struct data_report, data));
    r.kind = kind;
    r.id = m->config.id;
    r.stream = stream;
    if (channel != NULL) {
        snprintf(r.label, sizeof(r.label), "%s", channel->open.label);
        snprintf(r.protocol, sizeof(r.protocol), "%s", channel->open.protocol);
    }
    if (text != NULL)
        snprintf(r.text, sizeof(r.text), "%s", text);
    if (message != NULL) {
        r.ppid = message->ppid;
        r.is_unordered = message->is_unordered;
        r.len = message->len;
        r.shown = message->len < DATA_SHOWN_MAX ? message->len : DATA_SHOWN_MAX;
        memcpy(r.data, message->data, r.shown);
    }
    m->hub->io.report(m->hub->user, &r);
}

/* ---- messages that wait ---- */

bool data_member_is_blocked(const struct data_member *m)
{
    return m->waiting_octets >= m->hub->config.queue_octets;
}

static void add_waiting(struct data_member *m, size_t octets)
{
    bool was_blocked = data_member_is_blocked(m);

    /* From the first that waits: a member is stalled by not taking anything, not by being idle. */
    if (m->waiting_octets == 0)
        m->progress_at = m->hub->now;
    m->waiting_octets += octets;
    /* Counted in the room, so that is_held() is one comparison for each packet. */
    m->room->blocked += !was_blocked && data_member_is_blocked(m);
}

static void take_waiting(struct data_member *m, size_t octets)
{
    bool was_blocked = data_member_is_blocked(m);

    m->waiting_octets -= octets;
    m->progress_at = m->hub->now;
    m->room->blocked -= was_blocked && !data_member_is_blocked(m);
}

static size_t cost(const struct sctp_message *message)
{
    /* With the node: many empty messages cost memory, too. */
    return message->len + sizeof(struct sctp_kept);
}

static int keep(struct data_member *m, const struct sctp_message *message)
{
    int err = sctp_keep(&m->waiting, message);

    if (err == 0)
        add_waiting(m, cost(message));
    return err;
}

static void drop_first(struct data_member *m)
{
    struct sctp_kept *w = sctp_kept_first(&m->waiting);

    take_waiting(m, cost(&w->message));
    sctp_kept_drop(w);
}

static int carry(struct data_member *m, const struct sctp_message *message)
{
    const struct data_hub_io *io = &m->hub->io;

    return m->config.has_pipe ? io->pipe_send(m->hub->user, m->config.id, message)
                              : sctp_send(m->sctp, message);
}

int data_member_reset(struct data_member *m, uint16_t stream)
{
    const struct data_hub_io *io = &m->hub->io;

    return m->config.has_pipe ? io->pipe_reset(m->hub->user, m->config.id, stream)
                              : sctp_reset_stream(m->sctp, stream);
}

/* Nothing overtakes what waits: the order of a reliable channel is that of its messages. */
int data_member_send(struct data_member *m, const struct sctp_message *message, bool must_arrive)
{
    int err = ERR_AGAIN;

    if (m->is_over)
        return ERR_CLOSED;
    /* The peer's limit (RFC 8841 6): it would end the association over a longer one. */
    if (m->config.peer_message_max != 0 && message->len > m->config.peer_message_max)
        return ERR_RANGE;
    if (m->is_up && list_is_empty(&m->waiting))
        err = carry(m, message);
    if (err != ERR_AGAIN)
        return err;
    /* What must arrive is what keeps the sides' ideas of the channels equal; there is little of
     * it. */
    if (!must_arrive && data_member_is_blocked(m))
        return ERR_AGAIN;
    return keep(m, message);
}

static void send_waiting(struct data_member *m)
{
    const struct sctp_kept *w;

    while ((w = sctp_kept_first(&m->waiting)) != NULL) {
        /* Not up any more: it is dropped with the rest. */
        if (m->is_up && carry(m, &w->message) == ERR_AGAIN)
            return;
        drop_first(m);
    }
}

/* ---- what SCTP says ---- */

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
    struct data_member *m = user;

    /* A queue that is full loses packets as a network does; SCTP sends them again. */
    if (m->hub->io.send(m->hub->user, m->config.shard, m->config.id, packet, len) != 0)
        m->hub->stats.packets_lost++;
}

static void on_up(void *user, uint16_t streams_out, uint16_t streams_in)
{
    struct data_member *m = user;

    (void)streams_out;
    (void)streams_in;
    m->is_up = true;
    data_report(m, DATA_UP, NULL, 0, NULL, NULL);
    send_waiting(m);
}

/* What the association was used for ends; the member itself goes when its channel of H.245 does. */
static void end(struct data_member *m, const char *why)
{
    if (m->is_over)
        return;
    m->is_over = true;
    /* First the marks: what is closed below asks whether it is still up. */
    m->is_up = false;
    while (!list_is_empty(&m->waiting))
        drop_first(m);
    data_channel_on_leave(m);
    data_report(m, DATA_DOWN, NULL, 0, NULL, why);
}

static void on_down(void *user, const char *why)
{
    end(user, why);
}

static void on_message(void *user, const struct sctp_message *message)
{
    data_channel_on_message(user, message);
}

static void on_stream_reset(void *user, uint16_t stream)
{
    data_channel_on_reset(user, stream);
}

static void on_room(void *user)
{
    send_waiting(user);
}

static const struct sctp_callbacks callbacks = {
    .on_packet = on_packet,
    .on_up = on_up,
    .on_down = on_down,
    .on_message = on_message,
    .on_stream_reset = on_stream_reset,
    .on_room = on_room,
};

/* ---- rooms ---- */

static struct data_room *take_room(struct data_hub *hub, uint64_t number)
{
    struct data_room *room = NULL;

    HASH_FIND(hh, hub->rooms, &number, sizeof(number), room);
    if (room != NULL)
        return room;
    room = calloc(1, sizeof(*room));
    if (room == NULL)
        return NULL;
    room->number = number;
    list_init(&room->members);
    list_init(&room->channels);
    HASH_ADD(hh, hub->rooms, number, sizeof(room->number), room);
    hub->stats.rooms++;
    return room;
}

static void leave_room(struct data_hub *hub, struct data_room *room)
{
    if (!list_is_empty(&room->members))
        return;
    /* Nobody is left to be told of each. */
    hub->stats.channels -= room->channel_count;
    data_channel_forget_all(room);
    HASH_DELETE(hh, hub->rooms, room);
    hub->stats.rooms--;
    free(room);
}

/* ---- members ---- */

static int begin(struct data_member *m)
{
    const struct data_hub_config *c = &m->hub->config;
    const struct sctp_options options = {.local_port = m->config.local_port,
                                         .remote_port = m->config.remote_port,
                                         .streams = DATA_STREAMS,
                                         .mtu = c->mtu,
                                         .send_octets = c->send_octets,
                                         .receive_octets = c->send_octets,
                                         .message_max = c->message_max,
                                         .callbacks = &callbacks,
                                         .user = m};

    if (m->config.has_pipe) {
        on_up(m, DATA_STREAMS, DATA_STREAMS);
        return 0;
    }
    return sctp_create(&options, &m->sctp);
}

int data_hub_join(struct data_hub *hub, uint64_t now, const struct data_member_config *config)
{
    struct data_member *m;
    int err;

    hub->now = now;
    if (data_member_find(hub, config->id) != NULL)
        return ERR_EXISTS;
    if (config->has_pipe && hub->io.pipe_send == NULL)
        return ERR_INVAL;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    m->hub = hub;
    m->config = *config;
    list_init(&m->waiting);
    m->room = take_room(hub, config->room);
    if (m->room == NULL) {
        free(m);
        return ERR_NOMEM;
    }
    list_push_back(&m->room->members, &m->link);
    HASH_ADD(hh, hub->members, config.id, sizeof(m->config.id), m);
    /* Time stood still while nobody was there: usrsctp must not be told of all of it at once. */
    if (hub->stats.members++ == 0)
        hub->ticked = now;
    err = begin(m);
    if (err == 0)
        data_channel_on_join(m);
    else
        data_hub_leave(hub, now, config->id);
    return err;
}

void data_hub_leave(struct data_hub *hub, uint64_t now, uint64_t id)
{
    struct data_member *m = data_member_find(hub, id);
    struct data_room *room;

    hub->now = now;
    if (m == NULL)
        return;
    room = m->room;
    /* The library's callbacks are kept back until the member is out of all lists. */
    sctp_hold();
    if (!m->is_over) {
        m->is_over = true;
        m->is_up = false;
        while (!list_is_empty(&m->waiting))
            drop_first(m);
        data_channel_on_leave(m);
    }
    HASH_DELETE(hh, hub->members, m);
    list_remove(&m->link);
    hub->stats.members--;
    sctp_destroy(m->sctp); /* its last callback finds the member still */
    free(m);
    leave_room(hub, room);
    sctp_go();
}

int data_hub_move(struct data_hub *hub, uint64_t now, uint64_t id, uint64_t room)
{
    struct data_member *m = data_member_find(hub, id);
    struct data_room *from, *to;

    hub->now = now;
    if (m == NULL)
        return ERR_NOTFOUND;
    from = m->room;
    if (from->number == room)
        return 0;
    to = take_room(hub, room);
    if (to == NULL)
        return ERR_NOMEM;
    sctp_hold();
    while (!list_is_empty(&m->waiting)) /* what was said there is not for whoever it is now */
        drop_first(m);
    data_channel_on_part(m);
    list_remove(&m->link);
    m->room = to;
    m->config.room = room;
    list_push_back(&to->members, &m->link);
    data_channel_on_join(m);
    leave_room(hub, from);
    sctp_go();
    return 0;
}

/* ---- packets and time ---- */

/* Is there a chunk of data in the packet? Lengths are the peer's word: the walk ends where they
 * make no sense, the library judges them again. */
static bool has_data(const uint8_t *packet, size_t len)
{
    /* Bundled chunks (RFC 4960 6.10): DATA may come after a SACK. */
    size_t at = COMMON_HEADER;

    while (at + CHUNK_HEADER <= len) {
        size_t chunk = (size_t)packet[at + 2] << 8 | packet[at + 3];

        if (packet[at] == CHUNK_DATA || packet[at] == CHUNK_I_DATA)
            return true;
        if (chunk < CHUNK_HEADER)
            return false;
        at += (chunk + 3) & ~(size_t)3;
    }
    return false;
}

/* Does a reader of the room other than this member keep the senders back? */
static bool is_held(const struct data_member *m)
{
    /* Its own fullness does not keep its own sending back: what it says goes to others. */
    return m->room->blocked > (data_member_is_blocked(m) ? 1u : 0u);
}

void data_hub_input(struct data_hub *hub, uint64_t now, uint64_t id, const uint8_t *packet,
                    size_t len)
{
    struct data_member *m = data_member_find(hub, id);

    hub->now = now;
    if (m == NULL || m->is_over || m->config.has_pipe)
        return;
    /* Dropped, and so not acknowledged: SCTP's own flow control slows the sender down. Chunks that
     * carry no data have to pass, or the association dies of it. */
    if (is_held(m) && has_data(packet, len)) {
        hub->stats.held++;
        return;
    }
    sctp_input(m->sctp, packet, len);
}

bool data_hub_is_held(struct data_hub *hub, uint64_t id, const uint8_t *packet, size_t len)
{
    const struct data_member *m = data_member_find(hub, id);
    bool is = m != NULL && !m->is_over && is_held(m) && has_data(packet, len);

    hub->stats.held += is;
    return is;
}

static struct data_member *piped(struct data_hub *hub, uint64_t now, uint64_t id)
{
    struct data_member *m = data_member_find(hub, id);

    hub->now = now;
    return m != NULL && m->config.has_pipe && !m->is_over ? m : NULL;
}

void data_hub_on_message(struct data_hub *hub, uint64_t now, uint64_t id,
                         const struct sctp_message *message)
{
    struct data_member *m = piped(hub, now, id);

    if (m != NULL)
        data_channel_on_message(m, message);
}

void data_hub_on_stream_reset(struct data_hub *hub, uint64_t now, uint64_t id, uint16_t stream)
{
    struct data_member *m = piped(hub, now, id);

    if (m != NULL)
        data_channel_on_reset(m, stream);
}

void data_hub_on_room(struct data_hub *hub, uint64_t now, uint64_t id)
{
    struct data_member *m = piped(hub, now, id);

    if (m != NULL)
        send_waiting(m);
}

/* One whose SCTP does not come up is given up like one that has stopped to read: as soon as others
 * would have to wait for it. */
static void watch_over(struct data_member *m)
{
    struct data_hub *hub = m->hub;

    /* Here, as ERR_AGAIN of a reset has no callback that ends it. */
    if (m->is_up)
        data_channel_retry_resets(m);
    if (m->waiting_octets == 0 || hub->now - m->progress_at < hub->config.stall_ms)
        return;
    hub->stats.stalled++;
    end(m, "takes nothing any more");
    /* Outside its own callbacks. */
    sctp_destroy(m->sctp);
    m->sctp = NULL;
}

void data_hub_on_timer(struct data_hub *hub, uint64_t now)
{
    struct data_member *m, *next;

    hub->now = now;
    /* usrsctp has no clock of its own: it is told how much has passed. */
    if (now > hub->ticked)
        sctp_on_timer((uint32_t)(now - hub->ticked));
    hub->ticked = now;
    sctp_hold();
    HASH_ITER(hh, hub->members, m, next) watch_over(m);
    sctp_go();
}

bool data_hub_is_idle(const struct data_hub *hub)
{
    return hub->members == NULL;
}

void data_hub_send(struct data_hub *hub, uint64_t now, struct data_message *message)
{
    hub->now = now;
    sctp_hold();
    data_channel_send(hub, message);
    sctp_go();
    /* The message is ours from the moment that it is given. */
    free(message->data);
    message->data = NULL;
}

void data_hub_watch(struct data_hub *hub, bool is_watched)
{
    hub->is_watched = is_watched;
}

void data_hub_stats(const struct data_hub *hub, struct data_hub_stats *out)
{
    *out = hub->stats;
    out->sctp = *sctp_stats();
}

/* ---- life ---- */

static size_t or_default(size_t value, size_t other)
{
    return value != 0 ? value : other;
}

int data_hub_create(const struct data_hub_config *config, const struct data_hub_io *io, void *user,
                    struct data_hub **out)
{
    struct data_hub *hub = calloc(1, sizeof(*hub));
    int err;

    if (hub == NULL)
        return ERR_NOMEM;
    err = sctp_start();
    if (err != 0) {
        free(hub);
        return err;
    }
    hub->config.message_max = or_default(config->message_max, 262144);
    hub->config.queue_octets = or_default(config->queue_octets, 1048576);
    hub->config.send_octets = or_default(config->send_octets, 262144);
    hub->config.stall_ms = (uint32_t)or_default(config->stall_ms, 5000);
    hub->config.channels = (unsigned)or_default(config->channels, 32);
    /* What is left of IPv6's least 1280 octets under IP, UDP and DTLS, with some to spare. */
    hub->config.mtu = (uint16_t)or_default(config->mtu, 1160);
    hub->io = *io;
    hub->user = user;
    *out = hub;
    return 0;
}

#define STOP_TRIES 100 /* timers of the library that are on their way */

void data_hub_destroy(struct data_hub *hub)
{
    struct data_member *m, *next;

    if (hub == NULL)
        return;
    /* Each leaves as in life, so that the library lets go of it. */
    HASH_ITER(hh, hub->members, m, next) data_hub_leave(hub, hub->now, m->config.id);
    for (int i = 0; i < STOP_TRIES && sctp_stop() != 0; i++)
        sctp_on_timer(SCTP_TICK_MS);
    free(hub);
}
