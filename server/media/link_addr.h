/* Between the two shapes of an address: base/addr.h and the link's fixed layout. */
#ifndef SERVER_LINK_ADDR_H
#define SERVER_LINK_ADDR_H

#include <string.h>

#include "base/addr.h"
#include "link/link_msg.h"

static inline struct addr addr_of_link(const struct link_addr *l)
{
    struct addr a;

    memset(&a, 0, sizeof(a));
    if (l->family == ADDR_IP4)
        a = addr_from_ip4(l->ip, l->port);
    else if (l->family == ADDR_IP6)
        a = addr_from_ip6(l->ip, l->port);
    return a;
}

static inline struct link_addr link_of_addr(const struct addr *a)
{
    struct link_addr l;

    memset(&l, 0, sizeof(l));
    l.family = a->family;
    l.port = a->port;
    memcpy(l.ip, a->ip, sizeof(l.ip));
    return l;
}

#endif
