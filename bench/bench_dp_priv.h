/* What bench_dp.c and bench_dp_calls.c share. */
#ifndef BENCH_BENCH_DP_PRIV_H
#define BENCH_BENCH_DP_PRIV_H

#include "bench/bench_dp.h"

#define BENCH_DP_PORT_FIRST 1024u /* of sluice-dp's transports */
#define BENCH_DP_NEAR_PORT  2000u /* of the endpoints */
#define BENCH_DP_HOSTS      32u   /* endpoints share so many addresses: static neighbours */

struct bench_dp {
    struct bench_dp_config config;
    char dir[64], engine[192];
    pid_t pid;
    pid_t worker[BENCH_DP_WORKERS_MAX];
    unsigned workers_found;
    struct link_client *client;
    struct link_port *port;
    bool is_attached;
    /* Commands under way (bench_dp_calls.c). */
    struct link_id *id; /* by leg */
    uint32_t answered, refused;
    int error; /* the first refusal */
    unsigned error_command;
};

struct link_addr bench_dp_near(uint32_t leg);
struct link_addr bench_dp_far(uint32_t leg);

/* A reply. */
void bench_dp_on_reply(struct bench_dp *dp, const struct link_msg *msg);

/* Read what the link brought, waiting for it at most `ms`. ERR_CLOSED: the process ended or
 * somebody asked us to stop. */
int bench_dp_poll(struct bench_dp *dp, int ms);

#endif
