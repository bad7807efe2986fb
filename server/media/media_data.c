/* Data channels of media ports: what the shards do with their records, and the members of the hub.
 *
 * A port is a member of the hub while its channel is terminated and its DTLS connection is
 * established: before that SCTP would talk to nobody, after that it would talk about the past. */
#include "server/media/media_priv.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "settings/settings.h"

/* Records of data a second and transport: 2 Gbit/s of full ones. SCTP is slowed down by loss, a
 * peer without manners is stopped here. */
#define DATA_RECORDS_S 200000
/* Reports that wait for the main thread: most are a message that somebody looks at. */
#define REPORTS_MAX 256
/* Packets that wait for the hub, as those for a shard. */
#define QUEUE_OCTETS (1u << 20)

int media_data_allow(struct media_port *p)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_TRANSPORT_DATA, p->leg[0].transport, p->leg[0].id);
    msg.u.data.records_s = p->data.mode != SHARD_DATA_NONE ? DATA_RECORDS_S : 0;
    return link_port_send(p->m->port, &msg);
}

static int send_command(struct media_port *p)
{
    struct shard_command command;

    memset(&command, 0, sizeof(command));
    /* The shard has the DTLS connection; the data plane only lets the records through to it. */
    command.kind = SHARD_DATA;
    command.id = p->leg[0].id;
    command.transport = p->leg[0].transport;
    command.data = p->data;
    return shard_command(p->m->shards[p->shard], &command);
}

static bool is_same(const struct shard_data *a, const struct shard_data *b)
{
    return a->mode == b->mode && a->to == b->to && a->shard == b->shard;
}

/* ---- the hub's members ---- */

/* But for the room: that may change while the association goes on (conference.move). */
static bool is_same_member(const struct data_member_config *a, const struct data_member_config *b)
{
    return a->is_client == b->is_client && a->use == b->use && a->local_port == b->local_port &&
           a->remote_port == b->remote_port;
}

static void leave(struct media_port *p)
{
    if (!p->is_member)
        return;
    p->is_member = false;
    if (data_thread_leave(p->m->data, p->leg[0].id) != 0)
        log_error(LOG_AREA_MEDIA, 0, "hub of data takes no commands", LOG_U("port", p->number));
}

static void move(struct media_port *p, uint64_t room)
{
    if (data_thread_move(p->m->data, p->leg[0].id, room) != 0)
        log_error(LOG_AREA_MEDIA, 0, "hub of data takes no commands", LOG_U("port", p->number));
}

static void join(struct media_port *p)
{
    if (p->is_member || !p->is_established || p->data.mode != SHARD_DATA_UP)
        return;
    /* The leg's id is the member's: what the hub sends finds its way back by it. */
    p->sctp.id = p->leg[0].id;
    p->sctp.shard = p->shard;
    p->is_member = data_thread_join(p->m->data, &p->sctp) == 0;
    if (!p->is_member)
        log_error(LOG_AREA_MEDIA, 0, "hub of data takes no commands", LOG_U("port", p->number));
}

void media_data_on_established(struct media_port *p)
{
    p->is_established = true;
    join(p);
}

void media_data_on_lost(struct media_port *p)
{
    p->is_established = false;
    leave(p);
}

/* ---- operations ---- */

static struct shard_data mode_of(const struct media_data *data)
{
    struct shard_data mode = {.mode = SHARD_DATA_NONE};

    if (data->mode == MEDIA_DATA_RELAY) {
        mode.mode = SHARD_DATA_RELAY;
        mode.to = data->to != NULL ? data->to->leg[0].id : 0;
        mode.shard = data->to != NULL ? data->to->shard : 0;
    } else if (data->mode == MEDIA_DATA_TERMINATE) {
        mode.mode = SHARD_DATA_UP;
    }
    return mode;
}

static int change_mode(struct media_port *p, const struct shard_data *mode)
{
    bool had_data = p->data.mode != SHARD_DATA_NONE;
    int err = 0;

    if (is_same(mode, &p->data))
        return 0;
    p->data = *mode;
    /* Stays: a connection that began for data may have come without SRTP. */
    p->has_data = p->has_data || mode->mode != SHARD_DATA_NONE;
    if (media_is_wire(p->kind))
        return 0; /* its records go nowhere but to the hub */
    if (p->state != PORT_OPEN)
        return 0; /* told when it is */
    if (had_data != (mode->mode != SHARD_DATA_NONE))
        err = media_data_allow(p);
    return err == 0 && p->is_associated ? send_command(p) : err;
}

int media_data_set(struct media_port *p, const struct media_data *data)
{
    const struct shard_data mode = mode_of(data);
    int err;

    if (p->kind != MEDIA_DTLS_SRTP && !media_is_wire(p->kind))
        return ERR_INVAL;
    /* Other ports of SCTP or another room: an association cannot be moved, only begun anew. */
    if (data->mode != MEDIA_DATA_TERMINATE || !is_same_member(&data->member, &p->sctp))
        leave(p);
    else if (p->is_member && data->member.room != p->sctp.room)
        move(p, data->member.room);
    p->sctp = data->member;
    err = change_mode(p, &mode);
    join(p);
    return err;
}

int media_data_send(void *media, const struct media_port *port, const struct data_message *message)
{
    struct media_link *m = media;
    struct data_message out = *message;

    if (port != NULL) {
        if (!port->is_member)
            return ERR_STATE;
        /* To one member; without a port the room of the message has it. */
        out.room = 0;
        out.member = port->leg[0].id;
    }
    return data_thread_send(m->data, &out);
}

/* ---- what the hub says ---- */

static void on_report(struct media_link *m, const struct data_report *r)
{
    struct port_leg *leg = media_leg_find(m, r->id);

    /* Of a member that we have taken out: whoever did that has told its end. */
    if (r->kind == DATA_DOWN && leg != NULL && !leg->port->is_member)
        return;
    if (leg != NULL && leg->port->state == PORT_OPEN && leg->port->callbacks->on_data != NULL)
        leg->port->callbacks->on_data(leg->port->owner, r);
}

void media_data_take_reports(struct media_link *m)
{
    struct data_report r;

    shard_queue_clear(m->data_reports);
    while (shard_queue_take(m->data_reports, &r) == 0) {
        on_report(m, &r);
        /* What people write to each other does not lie about on the stack. */
        secret_wipe(&r, sizeof(r));
    }
}

void media_link_watch_data(struct media_link *m, bool is_watched)
{
    if (m->data != NULL)
        (void)data_thread_watch(m->data, is_watched);
}

int media_data_start(struct media_link *m, const struct dtls_config *dtls)
{
    struct data_thread_config config = {
        .dtls = *dtls,
        .wires_max = (size_t)m->config.settings->signalling.limits.max_sessions * 2 + 64,
        .ways = &m->ways,
        .wire_reports = m->reports,
    };
    int err = data_queue_create(QUEUE_OCTETS, &m->ways.up);

    if (err == 0)
        /* Before the thread, which fills them from its first moment on. */
        err = shard_queue_create(sizeof(struct data_report), REPORTS_MAX, &m->data_reports);
    config.reports = m->data_reports;
    return err == 0 ? data_thread_start(&config, &m->data) : err;
}

void media_data_stop(struct media_link *m)
{
    data_thread_destroy(m->data);
    m->data = NULL;
}

void media_data_free(struct media_link *m)
{
    for (unsigned i = 0; i < LINK_PRODUCERS_MAX; i++)
        data_queue_destroy(m->ways.shard[i]);
    data_queue_destroy(m->ways.up);
    shard_queue_destroy(m->data_reports);
}
