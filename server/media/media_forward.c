/* Lists of receivers: what media_ops.forward and .switch_source said, compared with what is to be,
 * and the difference as commands of the data plane. */
#include <stdlib.h>

#include "base/err.h"
#include "server/media/media_priv.h"

static struct link_receiver receiver_of(const struct media_receiver *row)
{
    return (struct link_receiver){.to = row->to->leg[0].transport,
                                  .ssrc_out = row->to->ssrc + row->lane,
                                  .clock_rate = row->clock_rate,
                                  .pt_in = row->pt_in,
                                  .pt_out = row->pt_out,
                                  .flags = (uint16_t)((row->is_video ? LINK_RECEIVER_VIDEO : 0) |
                                                      LINK_RECEIVER_KEY(row->key))};
}

static int send_row(struct media_port *from, enum link_type type, const struct media_receiver *row)
{
    struct link_msg msg;

    link_msg_init(&msg, type, from->leg[0].transport, from->leg[0].id);
    msg.u.receiver = receiver_of(row);
    return link_port_send(from->m->port, &msg);
}

/* ---- what is remembered ---- */

static void drop_node(struct port_receiver *r)
{
    list_remove(&r->link);
    list_remove(&r->fed_link);
    free(r);
}

static struct port_receiver *keep_node(struct media_port *from, const struct media_receiver *row)
{
    struct port_receiver *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->from = from;
    r->row = *row;
    list_init(&r->link);
    list_init(&r->fed_link);
    /* In the list of each side, as either port may close first. */
    list_push_back(&from->receivers, &r->link);
    list_push_back(&row->to->fed, &r->fed_link);
    return r;
}

static bool is_same_stream(const struct media_receiver *a, const struct media_receiver *b)
{
    /* The SSRC at the receiver is made of these two: what it plays as one stream. */
    return a->to == b->to && a->lane == b->lane;
}

static struct port_receiver *find_node(struct media_port *from, const struct media_receiver *row)
{
    LIST_FOREACH (it, &from->receivers) {
        struct port_receiver *r = LIST_ENTRY(it, struct port_receiver, link);

        if (is_same_stream(&r->row, row) && r->row.pt_in == row->pt_in)
            return r;
    }
    return NULL;
}

/* All rows of a stream, as LINK_RECEIVER_REMOVE takes them out. */
static void drop_stream(struct media_port *from, const struct media_receiver *row)
{
    LIST_FOREACH_SAFE (it, &from->receivers) {
        struct port_receiver *r = LIST_ENTRY(it, struct port_receiver, link);

        if (is_same_stream(&r->row, row))
            drop_node(r);
    }
}

void media_forward_forget(struct media_port *from)
{
    while (!list_is_empty(&from->receivers))
        drop_node(LIST_ENTRY(list_first(&from->receivers), struct port_receiver, link));
}

void media_forward_leave(struct media_port *p)
{
    media_forward_forget(p);
    /* Each turn takes out at least the row that it looks at. */
    while (!list_is_empty(&p->fed)) {
        struct port_receiver *r = LIST_ENTRY(list_first(&p->fed), struct port_receiver, fed_link);

        /* A row to a transport that is no more costs the packets of its source a look each. */
        if (r->from->state == PORT_OPEN && !p->is_void)
            (void)send_row(r->from, LINK_RECEIVER_REMOVE, &r->row);
        if (r->from->state == PORT_OPEN && !p->is_void)
            drop_stream(r->from, &r->row);
        else
            drop_node(r);
    }
}

/* ---- forward ---- */

static int check_rows(const struct media_receiver *rows, size_t count)
{
    if (count > LINK_RECEIVERS_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        /* The lane above is the mix's: two sources of one SSRC would be noise. */
        if (rows[i].lane > MEDIA_LANE_MAX)
            return ERR_INVAL;
        if (rows[i].to->state != PORT_OPEN)
            return ERR_STATE;
    }
    return 0;
}

static bool is_wanted(const struct port_receiver *r, const struct media_receiver *rows,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_stream(&r->row, &rows[i]) && r->row.pt_in == rows[i].pt_in)
            return true;
    return false;
}

/* A stream that loses one of its rows loses all of them for a moment: the data plane takes them out
 * together, and those that stay are put in again below. */
static int take_out(struct media_port *from, const struct media_receiver *rows, size_t count)
{
    struct list *it = from->receivers.next;

    /* By hand: a removal takes other rows than the one that is looked at. */
    while (it != &from->receivers) {
        const struct port_receiver *r = LIST_ENTRY(it, struct port_receiver, link);
        struct media_receiver row = r->row;
        int err;

        it = it->next;
        if (is_wanted(r, rows, count))
            continue;
        err = send_row(from, LINK_RECEIVER_REMOVE, &row);
        if (err != 0)
            return err;
        drop_stream(from, &row);
        it = from->receivers.next; /* any of them may have gone */
    }
    return 0;
}

static int put_in(struct media_port *from, const struct media_receiver *row)
{
    struct port_receiver *r = find_node(from, row);
    bool is_new = r == NULL;
    int err;

    /* A row that is there already is not sent: the data plane would take it for a new one, and a
     * video receiver would be given a key frame for nothing. */
    if (r != NULL && r->row.pt_out == row->pt_out && r->row.is_video == row->is_video &&
        r->row.clock_rate == row->clock_rate && r->row.key == row->key)
        return 0;
    if (is_new)
        r = keep_node(from, row);
    if (r == NULL)
        return ERR_NOMEM;
    err = send_row(from, LINK_RECEIVER_ADD, row);
    /* What was not sent must differ from what is wanted, or no later call would send it. */
    if (err == 0)
        r->row = *row;
    else if (is_new)
        drop_node(r);
    return err;
}

/* The port had a table: its rows (as receivers, where RTCP ends here) go first. */
static int leave_table(struct media_port *from)
{
    struct link_msg msg;
    int err;

    if (from->routes == 0 && !from->is_table_unsent)
        return 0;
    link_msg_init(&msg, LINK_ROUTE_CLEAR, from->leg[0].transport, from->leg[0].id);
    err = link_port_send(from->m->port, &msg);
    if (err == 0) {
        media_forget_routes(from);
        from->is_table_unsent = false;
    }
    return err;
}

int media_forward(struct media_port *from, const struct media_receiver *rows, size_t count)
{
    int err = check_rows(rows, count);

    if (err == 0 && from->state != PORT_OPEN)
        err = ERR_STATE;
    if (err == 0)
        err = leave_table(from);
    if (err == 0)
        /* Out before in: the data plane's list has a limit, which both together could be over. */
        err = take_out(from, rows, count);
    for (size_t i = 0; i < count && err == 0; i++)
        err = put_in(from, &rows[i]);
    return err;
}

/* ---- switch ---- */

/* Without a common worker nobody can do it in one step: the new one first, so that the stream never
 * has no source. Nobody can hold the other until the key frame either: its last picture stays. */
static int switch_apart(struct media_port *from, struct media_port *before,
                        const struct media_receiver *row)
{
    int err = send_row(from, LINK_RECEIVER_ADD, row);

    return err != 0 ? err : send_row(before, LINK_RECEIVER_REMOVE, row);
}

static int send_switch(struct media_port *from, struct media_port *before,
                       const struct media_receiver *row)
{
    struct link_msg msg;

    if (before != NULL && before->worker != from->worker)
        return switch_apart(from, before, row);
    link_msg_init(&msg, LINK_SOURCE_SWITCH, from->leg[0].transport, from->leg[0].id);
    if (before != NULL)
        msg.u.change.from = before->leg[0].transport;
    msg.u.change.receiver = receiver_of(row);
    return link_port_send(from->m->port, &msg);
}

int media_switch_source(struct media_port *from, struct media_port *before,
                        const struct media_receiver *row)
{
    struct port_receiver *r;
    bool is_new;
    int err = check_rows(row, 1);

    if (err == 0 && from->state != PORT_OPEN)
        err = ERR_STATE;
    /* Nothing to be switched away from: it is an addition then. */
    if (before == from || (before != NULL && before->state != PORT_OPEN))
        before = NULL;
    if (err == 0)
        err = leave_table(from);
    r = find_node(from, row);
    is_new = r == NULL;
    if (err == 0 && is_new) {
        r = keep_node(from, row);
        err = r != NULL ? 0 : ERR_NOMEM;
    }
    if (err != 0)
        return err;
    err = send_switch(from, before, row);
    if (err == 0)
        r->row = *row;
    else if (is_new)
        drop_node(r);
    if (err == 0 && before != NULL)
        drop_stream(before, row);
    return err;
}

int media_let_go(struct media_port *from, const struct media_receiver *row)
{
    if (from->state != PORT_OPEN || row->to->state != PORT_OPEN)
        return ERR_STATE;
    return send_row(from, LINK_RECEIVER_REMOVE, row);
}
