/* Call signalling by TLS: how H.245 has to be carried, and whose fingerprints are believed (L-CERT:
 * H.235.10 8.2, H.235.0). */
#include "fake_world.h"

#include <string.h>

#include "tests/suite.h"

static struct world *w;

static void begin(bool is_tls, enum settings_cleartext cleartext)
{
    w = world_create(SETTINGS_DTLS_REQUIRED);
    w->is_tls = is_tls;
    w->settings->dtls.cleartext_signalling = cleartext;
}

static struct peer *caller(bool tunnels, bool has_h245_tls)
{
    struct peer *p = world_peer(w);

    p->tunnels = tunnels;
    p->has_h245_tls = has_h245_tls;
    peer_call(p, "demo");
    world_run(w);
    return p;
}

static struct peer *callee(bool tunnels, bool has_h245_tls)
{
    struct peer *p = world_callee(w);

    p->tunnels = tunnels;
    p->has_h245_tls = has_h245_tls;
    CU_ASSERT_EQUAL(world_dial(w, p), 0);
    world_run(w);
    return p;
}

static bool says_secured(const struct peer *p)
{
    json_t *j = session_to_json(p->session, w->now);
    bool is_secured = json_is_true(json_object_get(j, "signalling_secured"));

    CU_ASSERT_EQUAL(json_is_object(json_object_get(j, "signalling_tls")), w->is_tls);
    json_decref(j);
    return is_secured;
}

/* Media are keyed by a DTLS whose fingerprints were believed. */
static void is_whole(const struct peer *p, bool is_secured)
{
    CU_ASSERT(p->in_open && p->out_open);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(world_port(w, p)->associations, 1);
    CU_ASSERT_EQUAL(says_secured(p), is_secured);
}

static void is_refused(const struct peer *p, enum session_end why)
{
    CU_ASSERT_EQUAL(session_end_reason(p->session), why);
    CU_ASSERT_EQUAL(p->release.reason, H225_REASON_SECURITY_DENIED);
    CU_ASSERT_FALSE(p->in_open || p->out_open);
}

static void tls_with_a_tunnel_needs_no_policy(void)
{
    begin(true, SETTINGS_CLEARTEXT_REFUSE);
    is_whole(caller(true, false), true);
    CU_ASSERT_EQUAL(w->listens, 0);
    world_destroy(w);
}

static void tls_for_h245_needs_no_policy(void)
{
    begin(true, SETTINGS_CLEARTEXT_REFUSE);
    is_whole(caller(false, true), true);
    CU_ASSERT_EQUAL(w->listens, 1);
    world_destroy(w);
}

static void tls_without_any_for_h245_is_refused(void)
{
    begin(true, SETTINGS_CLEARTEXT_ALLOW);
    is_refused(caller(false, false), SESSION_END_H245_CLEAR);
    CU_ASSERT_EQUAL(w->env.stats.h245_clear_refused, 1);
    CU_ASSERT_EQUAL(w->listens, 0);
    world_destroy(w);
}

/* Allowed, it is a call in the clear like any other: the policy for those holds. */
static void tls_with_clear_h245_falls_under_the_policy(void)
{
    begin(true, SETTINGS_CLEARTEXT_WARN);
    w->settings->tls.clear_h245 = true;
    is_whole(caller(false, false), false);
    world_destroy(w);

    begin(true, SETTINGS_CLEARTEXT_REFUSE);
    w->settings->tls.clear_h245 = true;
    is_refused(caller(false, false), SESSION_END_DTLS_REQUIRED);
    world_destroy(w);
}

static void call_in_the_clear_falls_under_the_policy(void)
{
    begin(false, SETTINGS_CLEARTEXT_ALLOW);
    is_whole(caller(true, true), false);
    world_destroy(w);

    begin(false, SETTINGS_CLEARTEXT_REFUSE);
    is_refused(caller(true, true), SESSION_END_DTLS_REQUIRED);
    CU_ASSERT_EQUAL(w->env.stats.h245_clear_refused, 0);
    world_destroy(w);
}

static void call_of_ours_takes_a_tunnel_or_tls(void)
{
    begin(true, SETTINGS_CLEARTEXT_REFUSE);
    is_whole(callee(true, false), true);
    world_destroy(w);

    begin(true, SETTINGS_CLEARTEXT_REFUSE);
    is_whole(callee(false, true), true);
    world_destroy(w);
}

static void call_of_ours_does_not_fall_back_to_the_clear(void)
{
    struct peer *p;

    begin(true, SETTINGS_CLEARTEXT_ALLOW);
    p = callee(false, false);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_H245_CLEAR);
    CU_ASSERT_EQUAL(w->env.stats.h245_clear_refused, 1);
    CU_ASSERT_FALSE(p->in_open || p->out_open);
    world_destroy(w);

    begin(true, SETTINGS_CLEARTEXT_REFUSE);
    w->settings->tls.clear_h245 = true;
    p = callee(false, false);
    CU_ASSERT_EQUAL(session_end_reason(p->session), SESSION_END_H245_CLEAR);
    world_destroy(w);

    begin(true, SETTINGS_CLEARTEXT_ALLOW);
    w->settings->tls.clear_h245 = true;
    is_whole(callee(false, false), false);
    world_destroy(w);
}

SUITE("server/session_secure", TEST(tls_with_a_tunnel_needs_no_policy),
      TEST(tls_for_h245_needs_no_policy), TEST(tls_without_any_for_h245_is_refused),
      TEST(tls_with_clear_h245_falls_under_the_policy),
      TEST(call_in_the_clear_falls_under_the_policy), TEST(call_of_ours_takes_a_tunnel_or_tls),
      TEST(call_of_ours_does_not_fall_back_to_the_clear))
