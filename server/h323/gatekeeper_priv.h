/* Inside of server/gatekeeper*.c. */
#ifndef SERVER_GATEKEEPER_PRIV_H
#define SERVER_GATEKEEPER_PRIV_H

#include "server/h323/gatekeeper.h"
#include "signalling/h225/ras.h"

#define GATEKEEPER_DATAGRAM_MAX 4096

struct gatekeeper {
    struct gatekeeper_config config;
    const struct settings_gatekeeper *settings;
    struct ras *ras;
    uv_udp_t socket;
    struct timer timer; /* the engine's */
    struct timer watch; /* looks how busy the server is */
    struct addr local;
    struct addr last; /* where the last registration was; ADDR_NONE: none yet */
    bool is_stopped;
    bool is_almost_out;
    uint8_t in[GATEKEEPER_DATAGRAM_MAX];
    char last_loss[96];
    uint64_t asked, admitted, refused, unasked;
    uint64_t bandwidth_asked, bandwidth_limited; /* by us; below what the channels need */
};

/* The engine's deadline becomes the loop's: after every call into it. */
void gatekeeper_arm(struct gatekeeper *g);

/* gatekeeper_call.c: what the engine tells of calls. */
void gatekeeper_on_admission(void *arg, const struct ras_admitted *a);
void gatekeeper_on_disengage(void *arg, uint64_t key);
void gatekeeper_on_bandwidth(void *arg, uint64_t key, int err, uint32_t bandwidth);
bool gatekeeper_on_bandwidth_wanted(void *arg, uint64_t key, uint32_t bandwidth);

#endif
