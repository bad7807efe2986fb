/* A data plane without packets: the server's end of the link, pumped by the test's own thread.
 *
 * It opens and closes transports, remembers keys and routes, and hands every message to the test.
 * Deterministic: nothing happens but inside fake_dp_pump. */
#ifndef TESTS_LINK_FAKE_DP_H
#define TESTS_LINK_FAKE_DP_H

#include "link/link_server.h"

#define FAKE_DP_TRANSPORTS 16

struct fake_dp {
    struct link_server *server;
    unsigned workers;
    struct link_transport_info info[LINK_WORKERS_MAX][FAKE_DP_TRANSPORTS]; /* generation 0: free */
    struct link_keys keys;                                                 /* last KEYS_SET */
    struct link_routes routes;                                             /* last ROUTE_SET */
    struct link_msg dtls;                                                  /* last DTLS_TX */
    unsigned commands, datagrams;
    unsigned current; /* worker that is being pumped */
    uint32_t generation;
    int last_change; /* what the server said last */
    char last_text[256];
    /* Test's hook, called before the answer is made; non-zero replaces the answer's error. */
    int (*on_command)(void *context, unsigned worker, unsigned producer,
                      const struct link_msg *msg);
    void *context;
};

/* Listen on `path` with one local address 192.0.2.1 and ports 20000–20999. 0 or enum err. */
int fake_dp_start(struct fake_dp *dp, const char *path, unsigned workers);
void fake_dp_stop(struct fake_dp *dp);

/* One turn of the server and of every worker. */
void fake_dp_pump(struct fake_dp *dp, uint64_t now);

/* Send a datagram or an event up from a worker to a producer. */
bool fake_dp_send(struct fake_dp *dp, unsigned worker, unsigned producer,
                  const struct link_msg *msg);

#endif
