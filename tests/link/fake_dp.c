#include "tests/link/fake_dp.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static void on_change(void *context, int error, const char *text)
{
    struct fake_dp *dp = context;

    dp->last_change = error;
    snprintf(dp->last_text, sizeof(dp->last_text), "%s", text);
}

int fake_dp_start(struct fake_dp *dp, const char *path, unsigned workers)
{
    struct link_server_config config = {.path = path,
                                        .huge_pages = true, /* small ones where there are none */
                                        .program = "fake-dp",
                                        .workers = workers,
                                        .transports = FAKE_DP_TRANSPORTS,
                                        .locals = 1,
                                        .local = {{.family = 4, .ip = {192, 0, 2, 1}}},
                                        .port_min = 20000,
                                        .port_max = 20999,
                                        .orphan_timeout_ms = 10000,
                                        .on_change = on_change,
                                        .context = dp};

    memset(dp, 0, sizeof(*dp));
    dp->workers = workers;
    return link_server_create(&config, &dp->server);
}

void fake_dp_stop(struct fake_dp *dp)
{
    link_server_destroy(dp->server);
    dp->server = NULL;
}

static int open_transport(struct fake_dp *dp, unsigned producer, const struct link_open *open,
                          struct link_id *id)
{
    struct link_worker *worker = link_server_worker(dp->server, dp->current);

    for (unsigned i = 0; i < FAKE_DP_TRANSPORTS; i++) {
        struct link_transport_info *info = &dp->info[dp->current][i];

        if (info->id.generation != 0)
            continue;
        memset(info, 0, sizeof(*info));
        info->id = (struct link_id){dp->current << 24 | i, ++dp->generation};
        info->local.family = 4;
        info->local.port = open->port;
        info->remote = open->remote;
        info->mode = open->mode;
        info->producer = open->producer;
        info->claimed = 1;
        memcpy(info->session, open->session, sizeof(info->session));
        memset(link_worker_stats(worker, i), 0, sizeof(struct link_transport_stats));
        link_worker_show(worker, i, info);
        link_stat_add(&link_worker_counters(worker)->value[LINK_COUNTER_transports], 1);
        *id = info->id;
        (void)producer;
        return 0;
    }
    return ERR_LIMIT;
}

static int change_transport(struct fake_dp *dp, const struct link_msg *msg)
{
    struct link_worker *worker = link_server_worker(dp->server, dp->current);
    unsigned place = msg->transport & 0xffffff;
    struct link_transport_info *info = &dp->info[dp->current][place % FAKE_DP_TRANSPORTS];

    if (place >= FAKE_DP_TRANSPORTS || msg->generation == 0 ||
        info->id.generation != msg->generation)
        return ERR_NOTFOUND;
    switch (msg->type) {
    case LINK_TRANSPORT_CLOSE:
        info->id.generation = 0;
        link_worker_show(worker, place, NULL);
        link_stat_add(&link_worker_counters(worker)->value[LINK_COUNTER_transports], (uint64_t)-1);
        return 0;
    case LINK_KEYS_SET:
        dp->keys = msg->u.keys;
        info->profile = (uint8_t)msg->u.keys.profile;
        break;
    case LINK_ROUTE_SET:
        dp->routes = msg->u.routes;
        info->routes = (uint8_t)msg->u.routes.count;
        break;
    case LINK_TRANSPORT_REMOTE:
        info->remote = msg->u.remote;
        break;
    case LINK_TRANSPORT_CLAIM:
        info->producer = msg->u.claim.producer;
        break;
    default:
        break;
    }
    link_worker_show(worker, place, info);
    return 0;
}

static void on_command(void *context, unsigned producer, const struct link_msg *msg)
{
    struct fake_dp *dp = context;
    struct link_id id = {msg->transport, msg->generation};
    int err = 0;

    if (dp->on_command != NULL)
        err = dp->on_command(dp->context, dp->current, producer, msg);
    if (msg->type == LINK_DTLS_TX) {
        dp->dtls = *msg;
        dp->datagrams++;
        return;
    }
    dp->commands++;
    if (err == 0)
        err = msg->type == LINK_TRANSPORT_OPEN ? open_transport(dp, producer, &msg->u.open, &id)
                                               : change_transport(dp, msg);
    link_worker_reply(link_server_worker(dp->server, dp->current), producer, msg, err, &id, NULL);
}

void fake_dp_pump(struct fake_dp *dp, uint64_t now)
{
    link_server_poll(dp->server, now);
    for (dp->current = 0; dp->current < dp->workers; dp->current++) {
        struct link_worker *worker = link_server_worker(dp->server, dp->current);

        link_worker_poll(worker, 1000, on_command, dp);
        link_worker_flush(worker);
    }
}

bool fake_dp_send(struct fake_dp *dp, unsigned worker, unsigned producer,
                  const struct link_msg *msg)
{
    bool sent = link_worker_send(link_server_worker(dp->server, worker), producer, msg);

    link_worker_flush(link_server_worker(dp->server, worker));
    return sent;
}
