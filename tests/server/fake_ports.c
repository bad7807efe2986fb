/* Ports of the fake data plane, and what tests make them say. */
#include "tests/server/fake_mix.h"
#include "tests/server/fake_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/media/link_addr.h"
#include "tests/suite.h"

static int port_open(void *media, const struct media_request *r,
                     const struct media_callbacks *callbacks, void *owner, struct media_port **out)
{
    const uint8_t ip[4] = {192, 0, 2, 2};
    struct world *w = media;
    struct media_port *p;

    if (w->open_result != 0 || w->port_count >= WORLD_PORTS_MAX)
        return w->open_result != 0 ? w->open_result : ERR_LIMIT;
    p = &w->ports[w->port_count];
    memset(p, 0, sizeof(*p));
    p->is_used = true;
    p->request = *r;
    p->callbacks = callbacks;
    p->owner = owner;
    p->world = w;
    p->session = strtoull(r->session, NULL, 10);
    p->local = addr_from_ip4(ip, (uint16_t)(20000 + 2 * w->port_count));
    w->port_count++;
    *out = p;
    return 0;
}

static struct addr port_local(const struct media_port *p)
{
    return p->local;
}

static int port_set_remote(struct media_port *p, const struct addr *rtp, const struct addr *rtcp)
{
    p->remote = *rtp;
    if (rtcp != NULL)
        p->remote_control = *rtcp;
    return 0;
}

static int port_associate(struct media_port *p, bool is_active, const struct fingerprint *peer,
                          size_t count)
{
    p->associations++;
    if (p->is_associated)
        return ERR_EXISTS;
    p->is_associated = true;
    p->is_active = is_active;
    p->fingerprint = *peer;
    p->fingerprints = count;
    return 0;
}

static int port_route(struct media_port *from, const struct media_route *rows, size_t count)
{
    CU_ASSERT_FALSE(from->is_closing);
    CU_ASSERT(count <= MEDIA_ROUTES_MAX);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT(rows[i].to->is_announced && !rows[i].to->is_closing);
    memcpy(from->route, rows, count * sizeof(*rows));
    from->routes = count;
    from->receivers = 0; /* one or the other */
    from->to = count > 0 ? rows[0].to : NULL;
    return 0;
}

static int port_ice(struct media_port *p, const struct media_ice *ice)
{
    CU_ASSERT_FALSE(p->is_closing);
    CU_ASSERT(strlen(ice->ufrag) >= 4 && strlen(ice->password) >= 22);
    p->ice = *ice;
    p->ices++;
    return 0;
}

static int port_stats(struct media_port *p, struct link_transport_stats *stats)
{
    (void)p;
    memset(stats, 0, sizeof(*stats));
    stats->rtp_in = 7;
    return 0;
}

static void port_close(struct media_port *p)
{
    CU_ASSERT_FALSE(p->is_closing);
    p->is_closing = true;
    fake_mix_port_gone(p->world, p);
}

static int port_data(struct media_port *p, const struct media_data *data)
{
    if (p->request.kind != MEDIA_DTLS_SRTP)
        return ERR_INVAL;
    p->data = *data;
    return 0;
}

static struct media_ops media = {
    .open = port_open,
    .local = port_local,
    .set_remote = port_set_remote,
    .associate = port_associate,
    .ice = port_ice,
    .route = port_route,
    .data = port_data,
    .stats = port_stats,
    .close = port_close,
};

const struct media_ops *fake_ports_ops(void)
{
    fake_mix_ops(&media);
    return &media;
}

static bool move_port(struct world *w, struct media_port *p)
{
    struct link_transport_stats final;

    if (p->is_closed || !p->is_used)
        return false;
    if (p->is_closing) {
        memset(&final, 0, sizeof(final));
        final.rtp_in = 11;
        p->is_closed = true;
        p->callbacks->on_closed(p->owner, &final);
        return true;
    }
    if (p->is_announced || w->hold_ports)
        return false;
    p->is_announced = true;
    p->callbacks->on_opened(p->owner, 0);
    return true;
}

bool fake_ports_move(struct world *w)
{
    bool has_moved = false;

    for (size_t i = 0; i < w->port_count; i++)
        has_moved = move_port(w, &w->ports[i]) || has_moved;
    return has_moved;
}

/* ---- what a shard would report ---- */

struct media_port *world_port(struct world *w, const struct peer *p)
{
    for (size_t i = w->port_count; i > 0; i--)
        if (w->ports[i - 1].session == session_id(p->session))
            return &w->ports[i - 1];
    return NULL;
}

void world_keyed(struct world *w, struct peer *p)
{
    struct media_port *port = world_port(w, p);
    const struct media_established e = {
        .profile = SRTP_PROFILE_AEAD_AES_128_GCM,
        .cipher = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        .peer = &port->fingerprint,
        .handshake_ms = 12,
    };

    CU_ASSERT_TRUE_FATAL(port->is_associated && !port->is_closing);
    port->callbacks->on_established(port->owner, &e);
    port->callbacks->on_keyed(port->owner);
    world_run(w);
}

void world_dtls_failed(struct world *w, struct peer *p, enum dtls_failure why)
{
    struct media_port *port = world_port(w, p);

    port->callbacks->on_failed(port->owner, why, "test");
    world_run(w);
}

void world_first_packet(struct world *w, struct peer *p, unsigned direction)
{
    struct media_port *port = world_port(w, p);
    const struct link_event event = {.time_ms = w->now, .direction = (uint8_t)direction, .ssrc = 5};

    port->callbacks->on_event(port->owner, LINK_FIRST_PACKET, &event);
}

void world_selected(struct world *w, struct peer *p, const char *from)
{
    struct media_port *port = world_port(w, p);
    struct link_event event = {.time_ms = w->now};
    struct addr addr;

    CU_ASSERT_EQUAL_FATAL(addr_parse(from, &addr), 0);
    event.source = link_of_addr(&addr);
    port->callbacks->on_event(port->owner, LINK_ICE_SELECTED, &event);
    world_run(w);
}

void world_lose_data_plane(struct world *w)
{
    w->open_result = ERR_CLOSED;
    fake_mix_lose(w);
    for (size_t i = 0; i < w->port_count; i++)
        if (!w->ports[i].is_closing)
            w->ports[i].callbacks->on_gone(w->ports[i].owner, "data plane lost");
    world_run(w);
}

size_t world_open_ports(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->port_count; i++)
        n += !w->ports[i].is_closed;
    return n;
}
