/* Sessions and the gatekeeper: who may call, how much they may use, and that they are over. */
#include "server/h323/gatekeeper_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/* ---- what the gatekeeper says ---- */

void gatekeeper_on_admission(void *arg, const struct ras_admitted *a)
{
    struct gatekeeper *g = arg;
    /* The call may have ended meanwhile: it is looked up, never kept. */
    struct session *s = g->config.find(g->config.user, a->key);
    struct session_admitted told = {.verdict = SESSION_END_NONE,
                                    .text = a->reason,
                                    .bandwidth = a->bandwidth,
                                    .destination = a->destination,
                                    .is_routed = a->is_routed,
                                    .destination_info = &a->destination_info,
                                    .extra = &a->extra,
                                    .extension = &a->extension,
                                    .source_info = &a->source_info,
                                    .tokens = a->tokens,
                                    .token_count = a->token_count};

    if (a->err == ERR_REFUSED)
        told.verdict = SESSION_END_NOT_ADMITTED;
    /* Where a gatekeeper is not required its silence lets the call pass. */
    else if (a->err != 0 && g->settings->required)
        told.verdict = SESSION_END_NO_GATEKEEPER;
    g->admitted += a->err == 0;
    g->refused += told.verdict != SESSION_END_NONE;
    /* Apart from those that it admitted: an operator sees how many calls it knew nothing of. */
    g->unasked += a->err != 0 && told.verdict == SESSION_END_NONE;
    if (s != NULL)
        session_on_admitted(s, &told, clock_mono_ms());
}

void gatekeeper_on_disengage(void *arg, uint64_t key)
{
    struct gatekeeper *g = arg;
    struct session *s = g->config.find(g->config.user, key);

    if (s != NULL)
        /* A gatekeeper's DRQ is not to be refused (H.225.0). */
        session_close(s, SESSION_END_DISENGAGED, clock_mono_ms());
}

/* A request that nobody answered changes nothing: what was granted last holds. */
void gatekeeper_on_bandwidth(void *arg, uint64_t key, int err, uint32_t bandwidth)
{
    struct gatekeeper *g = arg;
    struct session *s = g->config.find(g->config.user, key);

    /* Refused with less: that is what we have. */
    g->bandwidth_limited += err == ERR_REFUSED;
    if (s != NULL && (err == 0 || err == ERR_REFUSED))
        session_on_bandwidth(s, bandwidth, clock_mono_ms());
}

/* Always agreed to: a session that cannot live with it ends. */
bool gatekeeper_on_bandwidth_wanted(void *arg, uint64_t key, uint32_t bandwidth)
{
    struct gatekeeper *g = arg;
    struct session *s = g->config.find(g->config.user, key);

    if (s != NULL)
        session_on_bandwidth(s, bandwidth, clock_mono_ms());
    return true;
}

/* ---- what sessions ask ---- */

int gatekeeper_admit(struct gatekeeper *g, struct session *s,
                     const struct session_admission *admission)
{
    struct ras_admission a = {.key = session_id(s),
                              .call_ref = admission->call_ref,
                              .is_answer = !admission->is_outgoing,
                              .bandwidth = admission->bandwidth,
                              .source = admission->source,
                              .source_count = admission->source_count,
                              .destination = admission->destination,
                              .destination_count = admission->destination_count,
                              .source_address = admission->peer,
                              .destination_address = admission->local,
                              .setup = admission->setup.data,
                              .setup_len = admission->setup.len};
    int err;

    if (g == NULL)
        return ERR_NOTFOUND;
    /* The same two addresses from the other side's view. */
    if (admission->is_outgoing) {
        a.source_address = admission->local;
        a.destination_address = admission->peer;
    }
    memcpy(a.call_id, admission->call_id, H225_GUID_LEN);
    memcpy(a.conference_id, admission->conference_id, H225_GUID_LEN);
    err = ras_admit(g->ras, &a, clock_mono_ms());
    gatekeeper_arm(g);
    if (err == 0) {
        g->asked++;
        return 0;
    }
    /* It is not there, and nobody else may admit. */
    if (g->settings->required) {
        g->refused++;
        return err;
    }
    g->unasked++;
    return ERR_NOTFOUND;
}

void gatekeeper_disengage(struct gatekeeper *g, struct session *s, unsigned cause)
{
    if (g == NULL)
        return;
    (void)ras_disengage(g->ras, session_id(s), cause, clock_mono_ms());
    gatekeeper_arm(g);
}

void gatekeeper_bandwidth(struct gatekeeper *g, struct session *s, uint32_t needed)
{
    /* Unknown to the engine: a call that was let pass unasked. */
    if (g == NULL || ras_set_bandwidth(g->ras, session_id(s), needed, clock_mono_ms()) != 0)
        return;
    g->bandwidth_asked++;
    gatekeeper_arm(g);
}

void gatekeeper_signalling(struct gatekeeper *g, struct session *s, bool is_sent,
                           const uint8_t *message, size_t len)
{
    if (g == NULL)
        return;
    /* The engine picks out what its gatekeeper has asked to be shown. */
    (void)ras_on_signalling(g->ras, session_id(s), is_sent, message, len, clock_mono_ms());
    gatekeeper_arm(g);
}

void gatekeeper_progress(struct gatekeeper *g, struct session *s, enum session_progress progress)
{
    if (g == NULL)
        return;
    (void)ras_on_progress(g->ras, session_id(s),
                          progress == SESSION_PROGRESS_ALERTING ? RAS_PROGRESS_ALERTING
                                                                : RAS_PROGRESS_CONNECTED,
                          clock_mono_ms());
    gatekeeper_arm(g);
}
