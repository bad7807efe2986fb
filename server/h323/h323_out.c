/* Calls of ours: the leg, its call reference, and the connection that it goes out on. */
#include "server/h323/h323_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

/* The door whose name, policy and H.245 ports a call of ours has: the one of that name, or one of
 * the address's family, with TLS if that is asked for and there is such a door. */
static struct door *door_for(struct h323 *h, const struct h323_request *r)
{
    struct door *found = NULL;

    for (size_t i = 0; i < h->door_count; i++) {
        const struct settings_listener *s = h->doors[i].settings;

        if (r->listener != NULL) {
            if (strcmp(s->name, r->listener) == 0)
                return &h->doors[i];
            continue;
        }
        if (r->dial.address.family != ADDR_NONE && s->address.family != r->dial.address.family)
            continue;
        /* Policy and addresses of a TLS door are meant for calls by TLS. */
        if (!r->has_tls || s->tls == r->tls)
            return &h->doors[i];
        /* One of the family at least, whatever it has in common with the wish. */
        if (found == NULL)
            found = &h->doors[i];
    }
    return found;
}

/* 15 bits, never 0. Two calls of one connection differ, as it takes no more than a few. */
static uint16_t next_ref(struct h323 *h)
{
    h->next_ref = (uint16_t)(h->next_ref % 0x7fff + 1);
    return h->next_ref;
}

int h323_call(struct h323 *h, const struct h323_request *r, struct session **out, const char **why)
{
    struct door *door = door_for(h, r);
    struct session_config config = {.is_caller = true, .call_ref = next_ref(h)};
    struct leg *leg = NULL;
    int err;

    *why = door == NULL ? "no listener of that name or address family" : h323_admit_locally(h);
    if (*why != NULL)
        return door == NULL ? ERR_NOTFOUND : ERR_LIMIT;
    *why = "session not made";
    config.is_tls = r->has_tls ? r->tls : door->settings->tls;
    err = leg_create_own(h, door, &config, r->has_dtls ? &r->dtls : NULL, &leg);
    if (err != 0)
        return err;
    err = session_dial(leg->session, &r->dial, clock_mono_ms());
    if (err != 0) {
        *why = err == ERR_LIMIT ? "conference is full" : "session not made";
        /* Nothing was sent yet: nobody has to be told. */
        leg_free(leg);
        return err;
    }
    *out = leg->session;
    return 0;
}

static bool is_shared(const struct line *l)
{
    LIST_FOREACH (it, &l->legs)
        if (!session_shares_connection(LIST_ENTRY(it, struct leg, in_line)->session))
            return false;
    return true;
}

/* A connection of ours to the same place that may carry one more call (H.323 7.3): an idle one that
 * was kept, or one that both sides share. */
static struct line *line_to(struct h323 *h, const struct leg *leg, const struct addr *to)
{
    uint16_t ref = session_call_ref(leg->session);

    if (!h->settings->signalling.maintain_connection && !h->settings->signalling.multiple_calls)
        return NULL;
    LIST_FOREACH (it, &h->lines) {
        struct line *l = LIST_ENTRY(it, struct line, link);

        /* Up: one that is being made has its own first call to think of. */
        if (!l->is_out || !l->is_up || l->conn == NULL || l->door != leg->door ||
            (tcp_conn_tls(l->conn) != NULL) != session_is_tls(leg->session) ||
            !addr_is_equal(tcp_conn_peer(l->conn), to))
            continue;
        /* The peer tells its calls apart by the reference: no two of one connection have the
         * same. */
        if (l->leg_count < LINE_CALLS_MAX && line_leg_of_ref(l, ref, true) == NULL &&
            (l->leg_count == 0 ? l->is_kept : is_shared(l)))
            return l;
    }
    return NULL;
}

int h323_h225_connect(struct h323 *h, struct session *s, const struct addr *to)
{
    struct leg *leg = session_owner(s);
    struct addr from = addr_with_port(leg->door->settings->address, 0);
    /* A listener on "any" leaves the choice to the system. */
    bool is_bound = from.family == to->family && !addr_is_unspecified(&from);
    struct line *l;
    int err;

    /* A call that is forwarded comes from another line. */
    leg_leave_line(leg);
    l = line_to(h, leg, to);
    if (l != NULL) {
        h->stats.reused++;
        line_add_leg(l, leg);
        session_on_h225_up(s, tcp_conn_local(l->conn), clock_mono_ms());
        /* No waiting: 1 tells the caller that "up" has been told already. */
        return 1;
    }
    l = line_new(h, leg->door);
    if (l == NULL)
        return ERR_NOMEM;
    l->is_out = true;
    err = tcp_connect_tls(h->tcp, to, is_bound ? &from : NULL, session_is_tls(s) ? h->keys : NULL,
                          &h323_line_callbacks, l, &l->conn);
    if (err != 0) {
        l->conn = NULL;
        line_free_if_idle(l);
        return err;
    }
    h->stats.dialled++;
    line_add_leg(l, leg);
    return 0;
}
