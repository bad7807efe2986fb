/* The PIN in front of a conference. Who waits for it has its call, its channels and its place
 * within max_sessions, but no part in the conference. */
#include "server/conference/conference_priv.h"

#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "server/conference/h243.h"
#include "server/session/session_control.h"

static void tell(struct conference *c, const struct member *m, const char *result)
{
    json_int_t left = (json_int_t)c->settings->pin_tries - (json_int_t)m->pin_failures;

    log_info(LOG_AREA_CONFERENCE, session_id(m->session), "PIN", LOG_S("conference", c->name),
             LOG_S("result", result));
    if (conference_is_watched(c))
        conference_event(c, m, "conference.pin",
                         json_pack("{s:s,s:I}", "result", result, "tries_left", left));
}

/* Whether it was too slow or has spent its tries: the same counter, as it is the same suspicion. */
static void on_timer(struct timer *timer, void *ctx, uint64_t now)
{
    struct member *m = ctx;
    struct conference *c = m->conference;

    (void)timer;
    c->all->stats.pin_failed++;
    tell(c, m, "timeout");
    session_close(m->session, SESSION_END_WRONG_PIN, now);
}

/* Whom the server calls has been chosen by an operator, and whoever brings a leg by SDP has asked
 * its own questions: only callers of H.323 need the PIN. */
void conference_pin_begin(struct conference *c, struct member *m)
{
    m->conference = c;
    timer_init(&m->pin_timer, on_timer, m);
    m->is_waiting = c->settings->pin[0] != '\0' && !session_is_caller(m->session) &&
                    !session_is_sdp(m->session);
}

/* The clock starts when it could press keys, not when its call began to be set up. */
void conference_pin_update(struct conference *c, struct member *m)
{
    if (!m->is_waiting || timer_is_running(&m->pin_timer) || !session_has_channels(m->session))
        return;
    timer_start(c->all->env->timers, &m->pin_timer,
                conference_now(c->all) + c->settings->pin_timeout_ms);
    tell(c, m, "asked");
}

void conference_pin_forget(struct conference *c, struct member *m)
{
    timer_cancel(c->all->env->timers, &m->pin_timer);
    /* Half a PIN is worth guessing from. */
    secret_wipe(m->digits, sizeof(m->digits));
    m->digit_count = 0;
}

static void let_in(struct conference *c, struct member *m)
{
    conference_pin_forget(c, m);
    m->is_waiting = false;
    c->all->stats.pin_accepted++;
    tell(c, m, "accepted");
    /* Asked for while it waited. */
    if (m->may_take_seat)
        session_take_seat(m->session);
    conference_update(c);
}

void conference_admit(struct conference *c, struct session *s)
{
    struct member *m = conference_member(c, s);

    if (m == NULL || !m->is_waiting)
        return;
    /* An operator's word in its place. */
    conference_pin_forget(c, m);
    m->is_waiting = false;
}

static enum conference_pin check(struct conference *c, struct member *m)
{
    size_t len = strlen(c->settings->pin);
    /* In constant time; the length is no secret. */
    bool is_right = m->digit_count == len && secret_equal(m->digits, c->settings->pin, len);

    /* Right or wrong: it is not needed again. */
    secret_wipe(m->digits, sizeof(m->digits));
    m->digit_count = 0;
    if (is_right) {
        let_in(c, m);
        return CONFERENCE_PIN_TAKEN;
    }
    m->pin_failures++;
    c->all->stats.pin_wrong++;
    if (m->pin_failures < c->settings->pin_tries) {
        tell(c, m, "wrong");
        return CONFERENCE_PIN_TAKEN;
    }
    timer_cancel(c->all->env->timers, &m->pin_timer);
    c->all->stats.pin_failed++;
    tell(c, m, "failed");
    return CONFERENCE_PIN_FAILED;
}

/* Either `#` ends the PIN, or its length does; `*` takes back what was pressed. A `#` after a PIN
 * that its length has ended already is not one more, empty, try. */
static enum conference_pin take(struct conference *c, struct member *m, char digit)
{
    if (digit == '*') {
        m->digit_count = 0;
        return CONFERENCE_PIN_TAKEN;
    }
    if (digit == '#')
        return m->digit_count > 0 ? check(c, m) : CONFERENCE_PIN_TAKEN;
    if (digit < '0' || digit > '9')
        return CONFERENCE_PIN_TAKEN;
    /* No more than the PIN has: the array has room for the longest that can be configured. */
    m->digits[m->digit_count++] = digit;
    return m->digit_count >= strlen(c->settings->pin) ? check(c, m) : CONFERENCE_PIN_TAKEN;
}

enum conference_pin conference_on_digits(struct conference *c, struct session *s,
                                         const char *digits)
{
    struct member *m = conference_member(c, s);
    enum conference_pin result = CONFERENCE_PIN_NOT_TAKEN;

    /* One text may bring several digits (userInputIndication): those after the end of the PIN are
     * the conference's. */
    for (; m != NULL && m->is_waiting && *digits != '\0'; digits++) {
        result = take(c, m, *digits);
        if (result == CONFERENCE_PIN_FAILED)
            break;
    }
    return result;
}
