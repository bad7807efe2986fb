/* The gatekeeper on the control socket. */
#include "server/h323/gatekeeper_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"

json_t *gatekeeper_to_json(const struct gatekeeper *g)
{
    struct ras_registration r;
    char text[ADDR_TEXT_MAX];
    json_t *j;

    if (g == NULL)
        return json_null();
    j = json_pack("{s:s,s:s,s:b,s:b,s:I,s:I,s:I,s:I,s:s}", "state",
                  ras_state_to_str(ras_state(g->ras)), "last_loss", g->last_loss, "required",
                  g->settings->required, "almost_out_of_resources", g->is_almost_out, "asked",
                  (json_int_t)g->asked, "admitted", (json_int_t)g->admitted, "refused",
                  (json_int_t)g->refused, "unasked", (json_int_t)g->unasked, "local",
                  addr_format(&g->local, text));
    if (j == NULL || ras_registration(g->ras, &r) != 0)
        return j;
    json_object_set_new(j, "address", json_string(addr_format(&r.gatekeeper, text)));
    json_object_set_new(j, "identifier", json_string(r.gatekeeper_id));
    json_object_set_new(j, "endpoint", json_string(r.endpoint_id));
    json_object_set_new(j, "ttl_s", json_integer(r.ttl_s));
    json_object_set_new(j, "alternates", json_integer((json_int_t)r.alternates));
    json_object_set_new(j, "names", json_integer((json_int_t)r.names));
    json_object_set_new(j, "names_told", json_integer((json_int_t)r.names_told));
    return j;
}

json_t *gatekeeper_stats_json(const struct gatekeeper *g)
{
    const struct ras_stats *st;
    json_t *j;

    if (g == NULL)
        return json_null();
    st = ras_stats(g->ras);
    j = json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "registered",
                  ras_state(g->ras) == RAS_STATE_REGISTERED, "calls_now",
                  (json_int_t)ras_call_count(g->ras), "asked", (json_int_t)g->asked, "admitted",
                  (json_int_t)g->admitted, "refused", (json_int_t)g->refused, "unasked",
                  (json_int_t)g->unasked, "bandwidth_asked", (json_int_t)g->bandwidth_asked,
                  "bandwidth_limited", (json_int_t)g->bandwidth_limited);
#define STAT_SET(name) json_object_set_new(j, "ras_" #name, json_integer((json_int_t)st->name));
    RAS_STAT_LIST(STAT_SET)
#undef STAT_SET
    return j;
}

/* ---- methods ---- */

static struct gatekeeper *gatekeeper_of(void *ctx, struct rpc_reply *reply)
{
    /* The pointer's place: registered before the gatekeeper is made. */
    struct gatekeeper *g = *(struct gatekeeper **)ctx;

    if (g == NULL)
        rpc_reply_error(reply, ERR_NOTFOUND, "no gatekeeper in the settings");
    return g;
}

static void method_get(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct gatekeeper *g = gatekeeper_of(ctx, reply);
    json_t *j;

    (void)peer;
    (void)params;
    if (g == NULL)
        return;
    j = gatekeeper_to_json(g);
    json_object_set_new(j, "counters", gatekeeper_stats_json(g));
    rpc_reply_result(reply, j);
}

static int add_names(struct gatekeeper *g, const json_t *aliases, const json_t *prefixes)
{
    struct h225_alias list[RAS_NAMES_MAX];
    const char *digits[RAS_NAMES_MAX];
    size_t n = 0, m = 0, i;
    const json_t *value;

    if (json_array_size(aliases) > RAS_NAMES_MAX || json_array_size(prefixes) > RAS_NAMES_MAX)
        return ERR_LIMIT;
    json_array_foreach (aliases, i, value)
        list[n++] = h225_alias_from_text(json_string_value(value));
    json_array_foreach (prefixes, i, value) {
        digits[m] = json_string_value(value);
        /* Digits, # and *: what may be dialled (H.225.0 supportedPrefixes); a comma is a pause. */
        if (digits[m][strspn(digits[m], "0123456789#*,")] != '\0')
            return ERR_INVAL;
        m++;
    }
    return ras_add_names(g->ras, list, n, digits, m, clock_mono_ms());
}

static void method_register(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct gatekeeper *g = gatekeeper_of(ctx, reply);
    int err;

    (void)peer;
    if (g == NULL)
        return;
    err = add_names(g, json_object_get(params, "aliases"), json_object_get(params, "prefixes"));
    if (err != 0) {
        rpc_reply_error(reply, err, "names not taken: %s", err_to_str(err));
        return;
    }
    /* Running already: the names alone were what was wanted. */
    if (ras_start(g->ras, clock_mono_ms()) == 0)
        g->is_stopped = false;
    gatekeeper_arm(g);
    rpc_reply_result(reply, gatekeeper_to_json(g));
}

static void method_unregister(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    struct gatekeeper *g = gatekeeper_of(ctx, reply);

    (void)peer;
    (void)params;
    if (g == NULL)
        return;
    gatekeeper_stop(g);
    rpc_reply_result(reply, gatekeeper_to_json(g));
}

static const struct rpc_param register_params[] = {
    {"aliases", RPC_STRINGS, false, 0, RAS_NAMES_MAX, "aliases to add to those of the settings"},
    {"prefixes", RPC_STRINGS, false, 0, RAS_NAMES_MAX, "prefixes of numbers to add"},
};

static const struct rpc_method methods[] = {
    {"gatekeeper.get", "registration with the gatekeeper, and its counters", NULL, 0, method_get},
    {"gatekeeper.register",
     "register (again, or without waiting any longer); a registration that holds stays, and gets "
     "the names that are added",
     register_params, 2, method_register},
    {"gatekeeper.unregister",
     "unregister and stay so until gatekeeper.register; calls live on, new ones are refused where "
     "gatekeeper.required is true",
     NULL, 0, method_unregister},
};

int gatekeeper_rpc_register(struct rpc *rpc, struct gatekeeper **g)
{
    return rpc_register(rpc, methods, sizeof(methods) / sizeof(methods[0]), g);
}
