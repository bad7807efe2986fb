/* How the endpoint finds a gatekeeper and stays registered: the table and its actions. */
#include "signalling/h225/ras_internal.h"

#include <stdio.h>
#include <string.h>

static void give_up_for_now(struct ras *ras);

/* ---- alternates ---- */

static void add_alternate(struct ras *ras, const struct h225_AlternateGK *from)
{
    struct ras_gatekeeper g = {.address = h225_read_address(&from->rasAddress),
                               .need_register = from->needToRegister,
                               .priority = from->priority};
    unsigned at = ras->gatekeeper_count;

    if (g.address.family == ADDR_NONE || g.address.port == 0 || at > RAS_ALTERNATES_MAX ||
        addr_is_multicast(&g.address) || addr_is_unspecified(&g.address))
        return;
    ras_id_set(&g.id, from->has_gatekeeperIdentifier, &from->gatekeeperIdentifier);
    for (; at > 1 && ras->gatekeepers[at - 1].priority > g.priority; at--)
        ras->gatekeepers[at] = ras->gatekeepers[at - 1];
    ras->gatekeepers[at] = g;
    ras->gatekeeper_count++;
}

void ras_learn_alternates(struct ras *ras, const struct h225_AlternateGK_list *list)
{
    ras->gatekeeper_count = 1;
    ras->current = 0;
    for (uint32_t i = 0; i < list->n; i++)
        add_alternate(ras, &list->v[i]);
}

/* ---- steps ---- */

static void turn_to(struct ras *ras, unsigned which)
{
    ras->current = which;
    ras->address = ras->gatekeepers[which].address;
    ras->gatekeeper_id = ras->gatekeepers[which].id;
}

static void discover(struct ras *ras)
{
    static const struct ras_pending what;
    struct h225_RasMessage m;

    ras->state = RAS_STATE_DISCOVERING;
    if (ras_build_grq(ras, &m) != 0 || ras_send_request(ras, &m, &what) != 0)
        give_up_for_now(ras);
}

static void enrol(struct ras *ras)
{
    static const struct ras_pending what = {.purpose = RAS_FULL};
    struct h225_RasMessage m;

    ras->state = RAS_STATE_REGISTERING;
    ras->endpoint_id.len = 0;
    if (ras_build_rrq(ras, &m, RAS_FULL) != 0 || ras_send_request(ras, &m, &what) != 0)
        give_up_for_now(ras);
}

static void begin(struct ras *ras)
{
    bool is_group = addr_is_multicast(&ras->address);

    if (ras->config.skip_discovery && !is_group)
        enrol(ras);
    else
        discover(ras);
}

static void keep_alive(struct ras *ras)
{
    static const struct ras_pending what = {.purpose = RAS_KEEP_ALIVE};
    struct h225_RasMessage m;

    timer_cancel(&ras->timers, &ras->keep_alive);
    if (ras_build_rrq(ras, &m, RAS_KEEP_ALIVE) != 0 || ras_send_request(ras, &m, &what) != 0)
        timer_start(&ras->timers, &ras->keep_alive, ras->now + ras->config.request_ms);
}

static void give_up_for_now(struct ras *ras)
{
    ras->state = RAS_STATE_WAITING;
    ras->attempts = 0;
    turn_to(ras, 0);
    timer_start(&ras->timers, &ras->retry, ras->now + ras->config.retry_ms);
}

static void lose(struct ras *ras, const char *why)
{
    bool was_registered = ras->endpoint_id.len > 0;

    timer_cancel(&ras->timers, &ras->keep_alive);
    ras->registration++; /* calls admitted so far are nobody's any more */
    ras->endpoint_id.len = 0;
    ras->aliases_told = 0;
    ras->stats.lost += was_registered;
    ras_pending_abort(ras);
    RAS_CALL(ras, on_lost, was_registered, why);
}

/* The next gatekeeper that is known, or a pause. */
static void next(struct ras *ras)
{
    if (ras->current + 1 >= ras->gatekeeper_count) {
        give_up_for_now(ras);
        return;
    }
    turn_to(ras, ras->current + 1);
    discover(ras);
}

/* ---- actions ---- */

static void do_start(void *machine, const void *input)
{
    struct ras *ras = machine;

    (void)input;
    ras->attempts = 0;
    timer_cancel(&ras->timers, &ras->retry);
    turn_to(ras, 0);
    begin(ras);
}

static void do_register(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct h225_GatekeeperConfirm *gcf = input;
    struct addr said = h225_read_address(&gcf->rasAddress);

    if (said.family != ADDR_NONE && said.port != 0 && !addr_is_unspecified(&said) &&
        !addr_is_multicast(&said))
        ras->address = said;
    if (gcf->has_gatekeeperIdentifier)
        ras_id_set(&ras->gatekeeper_id, true, &gcf->gatekeeperIdentifier);
    if (gcf->has_alternateGatekeeper && ras->current == 0)
        ras_learn_alternates(ras, &gcf->alternateGatekeeper);
    enrol(ras);
}

static void do_refused(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct h225_AltGKInfo *alternatives = input;

    if (alternatives != NULL && ras->current == 0)
        ras_learn_alternates(ras, &alternatives->alternateGatekeeper);
    ras_pending_abort(ras);
    RAS_CALL(ras, on_lost, false, ras->why);
    if (ras->state != RAS_STATE_OFF) /* unless the user had enough */
        next(ras);
}

static void read_confirm(struct ras *ras, const struct h225_RegistrationConfirm *rcf)
{
    ras_id_set(&ras->endpoint_id, true, &rcf->endpointIdentifier);
    if (rcf->has_gatekeeperIdentifier)
        ras_id_set(&ras->gatekeeper_id, true, &rcf->gatekeeperIdentifier);
    if (rcf->has_alternateGatekeeper && ras->current == 0)
        ras_learn_alternates(ras, &rcf->alternateGatekeeper);
    ras->takes_additive = rcf->has_supportsAdditiveRegistration;
    ras->answers_irr = rcf->has_willRespondToIRR && rcf->willRespondToIRR;
}

/* Early enough that all repetitions come before the end, but not in the first half. */
static void start_keep_alive(struct ras *ras, const struct h225_RegistrationConfirm *rcf)
{
    uint64_t ttl = rcf->has_timeToLive ? (uint64_t)rcf->timeToLive * 1000 : 0;
    uint64_t margin = (uint64_t)ras->config.request_ms * ras->config.tries;

    ras->ttl_s = rcf->has_timeToLive ? rcf->timeToLive : 0;
    timer_cancel(&ras->timers, &ras->keep_alive);
    if (ttl > 0)
        timer_start(&ras->timers, &ras->keep_alive,
                    ras->now + (ttl > 2 * margin ? ttl - margin : ttl / 2));
}

static void do_registered(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct ras_confirmed *confirmed = input;
    struct ras_registration r;

    ras->attempts = 0;
    ras->registration++;
    ras->stats.registrations++;
    ras->aliases_told = ras->aliases.count;
    read_confirm(ras, confirmed->rcf);
    start_keep_alive(ras, confirmed->rcf);
    ras->almost_out_told = false;
    if (ras_registration(ras, &r) == 0)
        RAS_CALL(ras, on_registered, &r);
    if (ras->state == RAS_STATE_REGISTERED && ras->almost_out)
        (void)ras_set_resources(ras, true, ras->now);
}

static void do_renewed(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct ras_confirmed *confirmed = input;

    read_confirm(ras, confirmed->rcf);
    if (confirmed->purpose == RAS_ADDITIVE)
        ras->aliases_told = ras->aliases.count;
    start_keep_alive(ras, confirmed->rcf);
}

/* A gatekeeper that answers every registration with "do it again" gets a pause. */
static void do_again(void *machine, const void *input)
{
    struct ras *ras = machine;

    (void)input;
    lose(ras, ras->why);
    if (ras->state == RAS_STATE_OFF)
        return;
    if (++ras->attempts >= RAS_ATTEMPTS_MAX)
        give_up_for_now(ras);
    else
        begin(ras);
}

static void do_rejected(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct h225_AltGKInfo *alternatives = input;

    if (alternatives != NULL && ras->current == 0)
        ras_learn_alternates(ras, &alternatives->alternateGatekeeper);
    lose(ras, ras->why);
    if (ras->state != RAS_STATE_OFF)
        next(ras);
}

/* An alternate that needs no registration takes over the one that holds. */
static void do_keep_alive_lost(void *machine, const void *input)
{
    struct ras *ras = machine;
    unsigned to = ras->current + 1;

    (void)input;
    if (to < ras->gatekeeper_count && !ras->gatekeepers[to].need_register) {
        turn_to(ras, to);
        keep_alive(ras);
        return;
    }
    lose(ras, "no answer");
    if (ras->state == RAS_STATE_OFF)
        return;
    if (ras->current > 0) { /* it was an alternate: the first one may be back */
        turn_to(ras, 0);
        begin(ras);
    } else {
        next(ras);
    }
}

static void do_keep_alive(void *machine, const void *input)
{
    (void)input;
    keep_alive(machine);
}

static void do_unregister(void *machine, const void *input)
{
    static const struct ras_pending what;
    struct ras *ras = machine;
    struct h225_RasMessage m;

    (void)input;
    timer_cancel(&ras->timers, &ras->keep_alive);
    ras_pending_abort(ras);
    if (ras_build_urq(ras, &m) == 0 && ras_send_request(ras, &m, &what) == 0)
        return;
    ras->state = RAS_STATE_OFF;
    RAS_CALL(ras, on_stopped);
}

static void do_off(void *machine, const void *input)
{
    struct ras *ras = machine;

    (void)input;
    timer_cancel(&ras->timers, &ras->retry);
    timer_cancel(&ras->timers, &ras->keep_alive);
    ras->endpoint_id.len = 0;
    ras->aliases_told = 0;
    ras->registration++;
    ras_pending_abort(ras);
    RAS_CALL(ras, on_stopped);
}

static const struct fsm_row rows[] = {
    {RAS_STATE_OFF, RAS_DO_START, FSM_DECIDES, do_start,
     "send GatekeeperRequest: discovering; or RegistrationRequest: registering"},

    {RAS_STATE_DISCOVERING, RAS_ON_FOUND, FSM_DECIDES, do_register,
     "send RegistrationRequest: registering"},
    {RAS_STATE_DISCOVERING, RAS_ON_REFUSED, FSM_DECIDES, do_refused,
     "on_lost; next alternate: discovering, none: waiting"},
    {RAS_STATE_DISCOVERING, RAS_ON_SILENCE, FSM_DECIDES, do_refused,
     "on_lost; next alternate: discovering, none: waiting"},
    {RAS_STATE_DISCOVERING, RAS_DO_STOP, RAS_STATE_OFF, do_off, "on_stopped"},

    {RAS_STATE_REGISTERING, RAS_ON_REGISTERED, RAS_STATE_REGISTERED, do_registered,
     "on_registered, start the keep-alive timer"},
    {RAS_STATE_REGISTERING, RAS_ON_REJECTED, FSM_DECIDES, do_rejected,
     "on_lost; next alternate: discovering, none: waiting"},
    {RAS_STATE_REGISTERING, RAS_ON_AGAIN, FSM_DECIDES, do_again,
     "on_lost, begin anew: discovering or registering; the third time: waiting"},
    {RAS_STATE_REGISTERING, RAS_ON_SILENCE, FSM_DECIDES, do_rejected,
     "on_lost; next alternate: discovering, none: waiting"},
    {RAS_STATE_REGISTERING, RAS_DO_STOP, RAS_STATE_OFF, do_off, "on_stopped"},

    {RAS_STATE_REGISTERED, RAS_ON_REGISTERED, RAS_STATE_REGISTERED, do_renewed,
     "restart the keep-alive timer"},
    {RAS_STATE_REGISTERED, RAS_ON_REJECTED, FSM_DECIDES, do_rejected,
     "on_lost; next alternate: discovering, none: waiting"},
    {RAS_STATE_REGISTERED, RAS_ON_AGAIN, FSM_DECIDES, do_again,
     "on_lost, begin anew: discovering or registering"},
    {RAS_STATE_REGISTERED, RAS_ON_UNREGISTERED, FSM_DECIDES, do_again,
     "UnregistrationConfirm was sent; on_lost, begin anew: discovering or registering"},
    {RAS_STATE_REGISTERED, RAS_ON_SILENCE, FSM_DECIDES, do_keep_alive_lost,
     "next alternate needs no registration: keep alive there; else on_lost, next alternate: "
     "discovering, none: waiting"},
    {RAS_STATE_REGISTERED, RAS_ON_KEEP_ALIVE, RAS_STATE_REGISTERED, do_keep_alive,
     "send RegistrationRequest(keepAlive)"},
    {RAS_STATE_REGISTERED, RAS_DO_STOP, RAS_STATE_UNREGISTERING, do_unregister,
     "send UnregistrationRequest"},

    {RAS_STATE_UNREGISTERING, RAS_ON_RELEASED, RAS_STATE_OFF, do_off, "on_stopped"},
    {RAS_STATE_UNREGISTERING, RAS_ON_UNREGISTERED, RAS_STATE_OFF, do_off, "on_stopped"},
    {RAS_STATE_UNREGISTERING, RAS_ON_SILENCE, RAS_STATE_OFF, do_off, "on_stopped"},
    {RAS_STATE_UNREGISTERING, RAS_DO_STOP, RAS_STATE_UNREGISTERING, NULL, "goes on already"},

    {RAS_STATE_WAITING, RAS_ON_RETRY, FSM_DECIDES, do_start,
     "send GatekeeperRequest: discovering; or RegistrationRequest: registering"},
    {RAS_STATE_WAITING, RAS_DO_STOP, RAS_STATE_OFF, do_off, "on_stopped"},
};

static const char *const state_names[] = {
#define STATE_NAME(name, text) text,
    RAS_STATE_LIST(STATE_NAME)
#undef STATE_NAME
};

static const char *const event_names[] = {
#define EVENT_NAME(name, text) text,
    RAS_EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
};

const struct fsm ras_registration_fsm = {
    .name = "Registration with a gatekeeper",
    .clause = "H.225.0 7.8 to 7.10, H.323 7.2",
    .states = state_names,
    .state_count = RAS_STATE_COUNT,
    .events = event_names,
    .event_count = RAS_EVENT_COUNT,
    .rows = rows,
    .row_count = FSM_COUNT(rows),
};

int ras_run(struct ras *ras, enum ras_event event, const void *input)
{
    int ran = fsm_run(&ras_registration_fsm, &ras->state, event, ras, input);

    ras->stats.unexpected += !ran;
    return ran;
}

const char *ras_state_to_str(enum ras_state state)
{
    return state < RAS_STATE_COUNT ? state_names[state] : "unknown";
}
