/* Methods of the control socket itself: who is there, and how much it logs. */
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "server/control/control_internal.h"

static void on_info(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const struct control *c = ctx;
    uint64_t uptime = clock_mono_ms() - c->started_ms;
    (void)peer;
    (void)params;
    json_t *info =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "name", c->node.name, "product",
                  c->node.product, "version", SLUICE_VERSION, "pid", (json_int_t)getpid(),
                  "uptime_ms", (json_int_t)uptime, "started", c->started);
    /* Each part of the server tells of itself, so that this file need not know them. */
    for (size_t i = 0; info != NULL && i < c->info_count; i++)
        json_object_set_new(info, c->infos[i].name, c->infos[i].fn(c->infos[i].ctx));
    rpc_reply_result(reply, info);
}

static json_t *levels_to_json(void)
{
    json_t *areas = json_object();
    for (int i = 0; i < LOG_AREA_COUNT; i++)
        json_object_set_new(areas, log_area_to_str((enum log_area)i),
                            json_string(log_level_to_str(log_get_level((enum log_area)i))));
    return json_pack("{s:o, s:I}", "areas", areas, "lost", (json_int_t)log_lost());
}

static void on_log_get(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)ctx;
    (void)peer;
    (void)params;
    rpc_reply_result(reply, levels_to_json());
}

static void on_log_set(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const struct control_client *client = peer;
    const char *level_text = rpc_param_string(params, "level", "");
    const char *area_text = rpc_param_string(params, "area", NULL);
    enum log_level level;
    enum log_area area;
    (void)ctx;
    if (log_level_from_str(level_text, &level) != 0) {
        rpc_reply_error(reply, ERR_INVAL,
                        "no level \"%s\": trace, debug, info, warning, error, off", level_text);
        return;
    }
    /* Told which is wrong, rather than that something is. */
    if (area_text != NULL && log_area_from_str(area_text, &area) != 0) {
        rpc_reply_error(reply, ERR_NOTFOUND, "no area \"%s\": see log.get", area_text);
        return;
    }
    if (area_text != NULL)
        log_set_level(area, level);
    else
        log_set_level_all(level);
    /* A warning's or an error's disappearance must be explicable later: who did it is in the
     * log. */
    log_info(LOG_AREA_CONTROL, 0, "log level changed", LOG_S("log_area", area_text),
             LOG_S("log_level", level_text), LOG_U("uid", client != NULL ? client->uid : 0));
    rpc_reply_result(reply, levels_to_json());
}

static const struct rpc_param log_set_params[] = {
    {"level", RPC_STRING, .is_required = true, .help = "trace, debug, info, warning, error or off"},
    {"area", RPC_STRING, .help = "one area; default all of them"},
};
const struct rpc_method control_own_methods[] = {
    {"server.info", "name, version, process and uptime", NULL, 0, on_info},
    {"log.get", "levels of the log areas, and lines that were lost", NULL, 0, on_log_get},
    {"log.set", "set the level of one area, or of all", log_set_params, 2, on_log_set},
};
const size_t control_own_method_count =
    sizeof(control_own_methods) / sizeof(control_own_methods[0]);
