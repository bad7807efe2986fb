/* Media ports that are sockets of ours: data channels over TCP and over SCTP. The socket is made
 * here, so that its address is known at once, and given to the hub's thread (wires.h). */
#include "server/media/media_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "settings/settings.h"

/* Connections that the kernel keeps until the signalling has said that they may come. */
#define BACKLOG 8
/* Ports of the range that are tried for one wire. */
#define PORT_TRIES 256

bool media_is_wire(enum media_kind kind)
{
    return kind == MEDIA_DATA_TCP || kind == MEDIA_DATA_SCTP;
}

static int bind_at(int fd, const struct addr *at)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(at, &sa);

    return bind(fd, (struct sockaddr *)&sa, len) == 0 ? 0
           : errno == EADDRINUSE                      ? ERR_AGAIN
                                                      : ERR_IO;
}

/* The next port of the configured range that is free, or any. */
static int bind_one(struct media_link *m, int fd, const struct addr *ip)
{
    const struct settings_ports *range = &m->config.settings->media.data_ports;
    unsigned count = (unsigned)range->last - range->first + 1;
    int err = ERR_AGAIN;

    if (range->first == 0) {
        const struct addr any = addr_with_port(*ip, 0);

        return bind_at(fd, &any);
    }
    for (unsigned i = 0; i < count && i < PORT_TRIES && err == ERR_AGAIN; i++) {
        const struct addr at =
            addr_with_port(*ip, (uint16_t)(range->first + m->next_wire_port++ % count));

        err = bind_at(fd, &at);
    }
    return err == ERR_AGAIN ? ERR_LIMIT : err;
}

static int make_socket(struct media_link *m, const struct media_request *r, struct addr *local,
                       int *out)
{
    const bool is_tcp = r->kind == MEDIA_DATA_TCP;
    const int on = 1;
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    int err, fd = socket(r->local.family == ADDR_IP6 ? AF_INET6 : AF_INET,
                         (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return ERR_IO;
    if (is_tcp)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    err = bind_one(m, fd, &r->local);
    if (err == 0 && ((is_tcp && listen(fd, BACKLOG) != 0) ||
                     getsockname(fd, (struct sockaddr *)&sa, &len) != 0))
        err = ERR_IO;
    if (err == 0)
        err = addr_from_sockaddr((struct sockaddr *)&sa, len, local);
    if (err != 0)
        close(fd);
    else
        *out = fd;
    return err;
}

static int give_socket(struct media_port *p, int fd)
{
    const struct wire_command command = {.kind = WIRE_OPEN,
                                         .id = p->leg[0].id,
                                         .wire = p->kind == MEDIA_DATA_TCP ? WIRE_TCP : WIRE_SCTP,
                                         .fd = fd,
                                         .local = p->local};

    return data_thread_wire(p->m->data, &command);
}

int media_wire_open(struct media_link *m, const struct media_request *r,
                    const struct media_callbacks *callbacks, void *owner, struct media_port **out)
{
    struct media_port *p;
    struct addr local;
    int fd = -1, err = make_socket(m, r, &local, &fd);

    if (err != 0)
        return err;
    p = media_port_make(m, r, callbacks, owner);
    if (p == NULL) {
        close(fd);
        return ERR_NOMEM;
    }
    p->local = local;
    p->number = local.port;
    p->shard = WIRES_SHARD;
    err = give_socket(p, fd);
    if (err != 0) {
        close(fd);
        media_port_free(p);
        return err;
    }
    p->leg[0].is_open = true;
    timer_start(m->config.timers, &p->timer, clock_mono_ms()); /* on_opened never comes from here */
    *out = p;
    return 0;
}

int media_wire_start(struct media_port *p)
{
    const struct wire_command command = {.kind = WIRE_START,
                                         .id = p->leg[0].id,
                                         .is_active = p->is_active,
                                         .remote = p->leg[0].remote,
                                         .fingerprint = p->fingerprint,
                                         .sctp_local = p->sctp_local,
                                         .sctp_remote = p->sctp_remote};

    return data_thread_wire(p->m->data, &command);
}

int media_wire_close(struct media_port *p)
{
    const struct wire_command command = {.kind = WIRE_CLOSE, .id = p->leg[0].id};

    return data_thread_wire(p->m->data, &command);
}

int media_sctp_ports(struct media_port *p, uint16_t local, uint16_t remote)
{
    if (p->kind != MEDIA_DATA_SCTP || local == 0 || remote == 0)
        return ERR_INVAL;
    p->sctp_local = local;
    p->sctp_remote = remote;
    return 0;
}
