/* How the endpoint finds a gatekeeper and stays registered: the table and its actions. */
#include "signalling/h225/ras_internal.h"

#include <stdio.h>
#include <string.h>

static void give_up_for_now(struct ras *ras);
static void next(struct ras *ras);

/* ---- steps ---- */

/* One GatekeeperRequest; its answer, or its absence, is an event. */
static void discover(struct ras *ras)
{
    static const struct ras_pending what;
    struct h225_RasMessage m;

    ras->state = RAS_STATE_DISCOVERING;
    /* Nothing could be sent: as if nobody had answered. */
    if (ras_build_grq(ras, &m) != 0 || ras_send_request(ras, &m, &what) != 0)
        give_up_for_now(ras);
}

/* From the first name on: a new registration knows none of them. */
static void enrol(struct ras *ras)
{
    struct ras_pending what = {.purpose = RAS_FULL};
    struct h225_RasMessage m;

    ras->state = RAS_STATE_REGISTERING;
    /* A new one is given; the old one would be a lightweight registration for another endpoint. */
    ras->endpoint_id.len = 0;
    ras_names_forget(ras);
    what.names_to = ras_names_of(ras, RAS_FULL).to;
    if (ras_build_rrq(ras, &m, RAS_FULL) != 0 || ras_send_request(ras, &m, &what) != 0)
        give_up_for_now(ras);
}

/* A discovery that the configuration spares is made all the same where a gatekeeper has asked for
 * it. */
static void begin(struct ras *ras)
{
    bool is_group = addr_is_multicast(&ras->address);

    /* A group is always asked first: nobody registers with it. */
    if (ras->config.skip_discovery && !ras->must_discover && !is_group)
        enrol(ras);
    else
        discover(ras);
}

/* A light registration: we are still here. */
static void keep_alive(struct ras *ras)
{
    static const struct ras_pending what = {.purpose = RAS_KEEP_ALIVE};
    struct h225_RasMessage m;

    timer_cancel(&ras->timers, &ras->keep_alive);
    /* Only one at a time, whoever asks. */
    ras->is_asking =
        ras_build_rrq(ras, &m, RAS_KEEP_ALIVE) == 0 && ras_send_request(ras, &m, &what) == 0;
    if (!ras->is_asking)
        /* Memory, or too many requests: soon again. */
        timer_start(&ras->timers, &ras->keep_alive, ras->now + ras->config.request_ms);
}

static void give_up_for_now(struct ras *ras)
{
    ras->state = RAS_STATE_WAITING;
    ras->attempts = 0;
    /* The configured one is where the next try begins. */
    ras_turn_to(ras, 0);
    timer_start(&ras->timers, &ras->retry, ras->now + ras->config.retry_ms);
}

/* What every loss has in common; what comes next is the caller's to choose. */
static void lose(struct ras *ras, const char *why)
{
    bool was_registered = ras->endpoint_id.len > 0;

    timer_cancel(&ras->timers, &ras->keep_alive);
    ras->registration++; /* calls admitted so far are nobody's any more */
    ras->endpoint_id.len = 0;
    ras->is_asking = ras->is_switching = false;
    ras_names_forget(ras);
    ras->stats.lost += was_registered;
    /* Answers to what was asked in the old registration mean nothing. */
    ras_pending_abort(ras);
    RAS_CALL(ras, on_lost, was_registered, why);
}

/* The next gatekeeper that is known, or a pause. */
static void next(struct ras *ras)
{
    unsigned which = ras_next_gatekeeper(ras);

    if (which == RAS_NO_GATEKEEPER)
        give_up_for_now(ras);
    else
        ras_register_with(ras, which);
}

void ras_register_with(struct ras *ras, unsigned which)
{
    ras_turn_to(ras, which);
    begin(ras);
}

/* ---- actions ---- */

static void do_start(void *machine, const void *input)
{
    struct ras *ras = machine;

    (void)input;
    ras->attempts = 0;
    timer_cancel(&ras->timers, &ras->retry);
    ras->current = 0;
    ras_try_all(ras);
    ras_register_with(ras, 0);
}

/* The confirmation says where to register, which may be elsewhere. */
static void do_register(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct h225_GatekeeperConfirm *gcf = input;
    struct addr said = h225_read_address(&gcf->rasAddress);

    /* Another address than it answers from is fine, a group or "any" is not. */
    if (said.family != ADDR_NONE && said.port != 0 && !addr_is_unspecified(&said) &&
        !addr_is_multicast(&said))
        ras->address = said;
    if (gcf->has_gatekeeperIdentifier)
        ras_id_set(&ras->gatekeeper_id, true, &gcf->gatekeeperIdentifier);
    if (gcf->has_alternateGatekeeper || gcf->assignedGatekeeper != NULL)
        ras_learn_alternates(ras, gcf->has_alternateGatekeeper ? &gcf->alternateGatekeeper : NULL,
                             gcf->assignedGatekeeper);
    ras->must_discover = false;
    enrol(ras);
}

static void do_refused(void *machine, const void *input)
{
    struct ras *ras = machine;

    (void)input;
    ras_pending_abort(ras);
    RAS_CALL(ras, on_lost, false, ras->why);
    if (ras->state != RAS_STATE_OFF) /* unless the user had enough */
        next(ras);
}

/* What calls need not be asked for any more. */
static void read_pregrant(struct ras *ras, const struct h225_RegistrationConfirm *rcf)
{
    /* Cleared each time: what is not repeated no longer holds. */
    const struct h225_RegistrationConfirm_preGrantedARQ *p = rcf->preGrantedARQ;

    memset(&ras->pregrant, 0, sizeof(ras->pregrant));
    /* Where routed calls go. */
    if (rcf->callSignalAddress.n > 0)
        ras->pregrant.signalling = h225_read_address(&rcf->callSignalAddress.v[0]);
    if (p == NULL)
        return;
    ras->pregrant.make = p->makeCall;
    ras->pregrant.make_by_gatekeeper = p->useGKCallSignalAddressToMakeCall;
    ras->pregrant.answer = p->answerCall;
    ras->pregrant.answer_by_gatekeeper = p->useGKCallSignalAddressToAnswer;
    ras->pregrant.report_s = p->has_irrFrequencyInCall ? p->irrFrequencyInCall : 0;
    ras->pregrant.has_total = p->has_totalBandwidthRestriction;
    ras->pregrant.total = p->totalBandwidthRestriction;
}

/* Confirmations of every sort: each of them may change what was agreed. */
static void read_confirm(struct ras *ras, const struct h225_RegistrationConfirm *rcf)
{
    ras_id_set(&ras->endpoint_id, true, &rcf->endpointIdentifier);
    if (rcf->has_gatekeeperIdentifier)
        ras_id_set(&ras->gatekeeper_id, true, &rcf->gatekeeperIdentifier);
    if (rcf->has_alternateGatekeeper || rcf->assignedGatekeeper != NULL)
        ras_learn_alternates(ras, rcf->has_alternateGatekeeper ? &rcf->alternateGatekeeper : NULL,
                             rcf->assignedGatekeeper);
    ras->takes_additive = rcf->has_supportsAdditiveRegistration;
    ras->answers_irr = rcf->has_willRespondToIRR && rcf->willRespondToIRR;
    ras_read_usage(&ras->usage, rcf->has_usageSpec ? &rcf->usageSpec : NULL);
    read_pregrant(ras, rcf);
}

/* Early enough that all repetitions come before the end, but not in the first half. */
static void start_keep_alive(struct ras *ras, const struct h225_RegistrationConfirm *rcf)
{
    uint64_t ttl = rcf->has_timeToLive ? (uint64_t)rcf->timeToLive * 1000 : 0;
    uint64_t margin = (uint64_t)ras->config.request_ms * ras->config.tries;

    /* 0: no time to live, so nothing to keep alive. */
    ras->ttl_s = rcf->has_timeToLive ? rcf->timeToLive : 0;
    timer_cancel(&ras->timers, &ras->keep_alive);
    if (ttl > 0)
        timer_start(&ras->timers, &ras->keep_alive,
                    ras->now + (ttl > 2 * margin ? ttl - margin : ttl / 2));
}

/* A new registration. */
static void do_registered(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct ras_confirmed *confirmed = input;
    struct ras_registration r;

    ras->attempts = 0;
    ras->registration++;
    ras->stats.registrations++;
    ras->names_told = confirmed->names_to;
    memset(&ras->usage, 0, sizeof(ras->usage)); /* what an earlier gatekeeper wanted */
    read_confirm(ras, confirmed->rcf);
    ras_try_all(ras);
    start_keep_alive(ras, confirmed->rcf);
    /* A new registration knows nothing of our load. */
    ras->almost_out_told = false;
    if (ras_registration(ras, &r) == 0)
        RAS_CALL(ras, on_registered, &r);
    /* The callback may have ended it. */
    if (ras->state == RAS_STATE_REGISTERED)
        (void)ras_names_tell(ras);
    if (ras->state == RAS_STATE_REGISTERED && ras->almost_out)
        (void)ras_set_resources(ras, true, ras->now);
}

/* A switch without a registration is through when the alternate has answered. */
static void tell_switched(struct ras *ras)
{
    struct ras_registration r;

    if (!ras->is_switching)
        return;
    ras->is_switching = false;
    ras->stats.switched++;
    ras->almost_out_told = false; /* the other one was told */
    if (ras_registration(ras, &r) == 0)
        RAS_CALL(ras, on_switched, &r);
    if (ras->state == RAS_STATE_REGISTERED && ras->almost_out)
        (void)ras_set_resources(ras, true, ras->now);
}

/* The same registration goes on. */
static void do_renewed(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct ras_confirmed *confirmed = input;

    read_confirm(ras, confirmed->rcf);
    /* Additive ones answer, too. */
    if (confirmed->purpose != RAS_KEEP_ALIVE) {
        ras->is_telling = false;
        ras->names_told = confirmed->names_to;
    }
    /* It works: all of them may be tried the next time. */
    ras_try_all(ras);
    start_keep_alive(ras, confirmed->rcf);
    tell_switched(ras);
    if (ras->state == RAS_STATE_REGISTERED)
        (void)ras_names_tell(ras);
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

/* One that sends us to others (URQ.alternateGatekeeper) does not want us back. */
static void do_unregistered(void *machine, const void *input)
{
    struct ras *ras = machine;
    const struct h225_AlternateGK_list *alternates = input;

    if (alternates == NULL || alternates->n == 0) {
        do_again(machine, NULL);
        return;
    }
    ras_learn_alternates(ras, alternates, NULL);
    lose(ras, ras->why);
    if (ras->state != RAS_STATE_OFF)
        next(ras);
}

static void do_rejected(void *machine, const void *input)
{
    struct ras *ras = machine;

    (void)input;
    lose(ras, ras->why);
    if (ras->state != RAS_STATE_OFF)
        next(ras);
}

/* An alternate that needs no registration takes over the one that holds. */
static void do_keep_alive_lost(void *machine, const void *input)
{
    struct ras *ras = machine;
    unsigned to = ras_next_without_registration(ras);

    (void)input;
    if (to != RAS_NO_GATEKEEPER) {
        ras->is_switching = true;
        ras_turn_to(ras, to);
        keep_alive(ras);
        return;
    }
    lose(ras, "no answer");
    if (ras->state != RAS_STATE_OFF)
        next(ras); /* of an alternate: the configured one may be back */
}

/* A rejection said that others serve us from now on (altGKisPermanent); they are learned. Whose
 * registration holds on them goes on without a break. */
static void do_moved(void *machine, const void *input)
{
    struct ras *ras = machine;
    unsigned to = ras_next_without_registration(ras);

    (void)input;
    if (to != RAS_NO_GATEKEEPER) {
        ras->is_switching = true;
        ras_turn_to(ras, to);
        keep_alive(ras);
        return;
    }
    if (ras_next_gatekeeper(ras) == RAS_NO_GATEKEEPER)
        return; /* to nowhere: stay */
    lose(ras, ras->why);
    if (ras->state != RAS_STATE_OFF)
        next(ras);
}

static void do_keep_alive(void *machine, const void *input)
{
    (void)input;
    keep_alive(machine);
}

/* Said to the gatekeeper; calls live on without it. */
static void do_unregister(void *machine, const void *input)
{
    static const struct ras_pending what;
    struct ras *ras = machine;
    struct h225_RasMessage m;

    (void)input;
    timer_cancel(&ras->timers, &ras->keep_alive);
    /* What waits would be answered in a registration that is over. */
    ras_pending_abort(ras);
    if (ras_build_urq(ras, &m) == 0 && ras_send_request(ras, &m, &what) == 0)
        return;
    /* Nothing could be sent: gone all the same. */
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
    ras_names_forget(ras);
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
     "on_lost; next alternate: discovering or registering; none: waiting"},
    {RAS_STATE_DISCOVERING, RAS_ON_SILENCE, FSM_DECIDES, do_refused,
     "on_lost; next alternate: discovering or registering; none: waiting"},
    {RAS_STATE_DISCOVERING, RAS_DO_STOP, RAS_STATE_OFF, do_off, "on_stopped"},

    {RAS_STATE_REGISTERING, RAS_ON_REGISTERED, RAS_STATE_REGISTERED, do_registered,
     "on_registered, start the keep-alive timer"},
    {RAS_STATE_REGISTERING, RAS_ON_REJECTED, FSM_DECIDES, do_rejected,
     "on_lost; next alternate: discovering or registering; none: waiting"},
    {RAS_STATE_REGISTERING, RAS_ON_AGAIN, FSM_DECIDES, do_again,
     "on_lost, begin anew: discovering or registering; the third time: waiting"},
    {RAS_STATE_REGISTERING, RAS_ON_SILENCE, FSM_DECIDES, do_rejected,
     "on_lost; next alternate: discovering or registering; none: waiting"},
    {RAS_STATE_REGISTERING, RAS_DO_STOP, RAS_STATE_OFF, do_off, "on_stopped"},

    {RAS_STATE_REGISTERED, RAS_ON_REGISTERED, RAS_STATE_REGISTERED, do_renewed,
     "restart the keep-alive timer"},
    {RAS_STATE_REGISTERED, RAS_ON_REJECTED, FSM_DECIDES, do_rejected,
     "on_lost; next alternate: discovering or registering; none: waiting"},
    {RAS_STATE_REGISTERED, RAS_ON_AGAIN, FSM_DECIDES, do_again,
     "on_lost, begin anew: discovering or registering"},
    {RAS_STATE_REGISTERED, RAS_ON_MOVED, FSM_DECIDES, do_moved,
     "an alternate needs no registration: keep alive there; else on_lost, next alternate: "
     "discovering or registering; none: registered"},
    {RAS_STATE_REGISTERED, RAS_ON_UNREGISTERED, FSM_DECIDES, do_unregistered,
     "UnregistrationConfirm was sent; on_lost, begin anew, or with an alternate that it names: "
     "discovering or registering"},
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
    {RAS_STATE_WAITING, RAS_DO_START, FSM_DECIDES, do_start,
     "does not wait any longer: discovering or registering"},
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
    /* An answer in a state that does not want it: counted, no harm. */
    int ran = fsm_run(&ras_registration_fsm, &ras->state, event, ras, input);

    ras->stats.unexpected += !ran;
    return ran;
}

const char *ras_state_to_str(enum ras_state state)
{
    return state < RAS_STATE_COUNT ? state_names[state] : "unknown";
}
