#include "tests/e2e/attacks/attack_target.h"

#include <string.h>

/* A signalling connection between a peer and the server, and what was named on it. */
struct flow {
    struct end peer, server;
    struct end peer_media;
    uint16_t port;
};

#define FLOWS_MAX 4096u

static struct flow flows[FLOWS_MAX];
static size_t flow_count;

struct target *target_find(struct targets *targets, struct end peer, uint16_t port)
{
    size_t n = targets->count < TARGETS_MAX ? targets->count : TARGETS_MAX;

    for (size_t i = 1; i <= n; i++) {
        struct target *t = &targets->all[(targets->count - i) % TARGETS_MAX];

        if (t->port == port && t->peer.ip == peer.ip && t->peer.port == peer.port)
            return t;
    }
    return NULL;
}

struct target *target_add(struct targets *targets, struct end peer, uint16_t port, uint64_t now)
{
    struct target *t = &targets->all[targets->count++ % TARGETS_MAX];

    *t = (struct target){.peer = peer, .port = port, .seen_ms = now};
    return t;
}

static struct flow *find_flow(struct end peer, struct end server)
{
    size_t n = flow_count < FLOWS_MAX ? flow_count : FLOWS_MAX;
    struct flow *f;

    for (size_t i = 1; i <= n; i++) {
        f = &flows[(flow_count - i) % FLOWS_MAX];
        if (f->peer.ip == peer.ip && f->peer.port == peer.port && f->server.port == server.port)
            return f;
    }
    f = &flows[flow_count++ % FLOWS_MAX];
    *f = (struct flow){.peer = peer, .server = server};
    return f;
}

/* H.245 in aligned PER has a transport address as six bytes: the address, the port. */
static uint16_t port_behind(const struct seen *seen, uint32_t ip, size_t *at)
{
    const uint8_t pattern[4] = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
                                (uint8_t)ip};

    for (; *at + 6 <= seen->len; (*at)++)
        if (memcmp(seen->data + *at, pattern, 4) == 0) {
            *at += 6;
            return (uint16_t)(seen->data[*at - 2] << 8 | seen->data[*at - 1]);
        }
    return 0;
}

struct target *target_of_segment(struct targets *targets, const struct seen *seen, uint64_t now)
{
    /* Segments of the server leave by our side of its cable as incoming ones. */
    bool is_servers = !seen->is_outgoing;
    struct end peer = is_servers ? seen->to : seen->from;
    struct flow *f = find_flow(peer, is_servers ? seen->from : seen->to);
    uint32_t ip = is_servers ? targets->media_ip : peer.ip;
    size_t at = 0;
    uint16_t port;

    while ((port = port_behind(seen, ip, &at)) != 0) {
        if (is_servers && port >= targets->port_first && port <= targets->port_last)
            f->port = port;
        else if (!is_servers && port != peer.port && port % 2 == 0)
            f->peer_media = (struct end){peer.ip, port};
    }
    if (f->port == 0 || f->peer_media.port == 0 ||
        target_find(targets, f->peer_media, f->port) != NULL)
        return NULL;
    return target_add(targets, f->peer_media, f->port, now);
}
