/* The H.225.0 side of a fake peer: the engine of the server itself, with a peer's answers. */
#include "tests/server/fake_priv.h"

#include <stdio.h>
#include <string.h>

#include "tests/suite.h"

static void peer_call_send(void *arg, const uint8_t *data, size_t len)
{
    struct peer *p = arg;

    if (!p->is_mute)
        world_post(p->world, TO_SERVER_H225, p, data, len);
}

static void peer_on_connect(void *arg, const struct h225_answer *answer)
{
    struct peer *p = arg;

    p->is_connected = true;
    p->h245_at = answer->h245_address;
    p->fast_answers = answer->fast_start_count;
    p->fast_refused = answer->fast_connect_refused;
    for (size_t i = 0; i < p->fast_answers && i < 4; i++) {
        CU_ASSERT_FATAL(answer->fast_start[i].len <= sizeof(p->fast_answer[i].data));
        memcpy(p->fast_answer[i].data, answer->fast_start[i].data, answer->fast_start[i].len);
        p->fast_answer[i].len = answer->fast_start[i].len;
    }
    if (!p->has_h245 && p->fast_answers == 0 &&
        (answer->tunnelling || p->h245_at.family != ADDR_NONE))
        peer_h245_begin(p);
}

static void keep(char *to, size_t cap, const struct h225_aliases *from)
{
    snprintf(to, cap, "%s", from->count > 0 ? from->list[0].text : "");
}

static void peer_note_setup(struct peer *p, const struct h225_setup *setup)
{
    p->seen.came = true;
    p->seen.setups++;
    memcpy(p->seen.conference_id, setup->conference_id, sizeof(p->seen.conference_id));
    keep(p->seen.alias, sizeof(p->seen.alias), &setup->destination);
    keep(p->seen.source, sizeof(p->seen.source), &setup->source);
    snprintf(p->seen.display, sizeof(p->seen.display), "%s", setup->display);
    p->seen.goal = setup->goal;
    p->seen.destination = setup->destination_address;
    p->seen.source_address = setup->source_address;
    p->seen.h245 = setup->h245_address;
    memcpy(p->seen.call_id, setup->call_id, sizeof(p->seen.call_id));
}

static void peer_answer(struct peer *p)
{
    const uint8_t ip[4] = {198, 51, 100, 200};
    struct world *w = p->world;

    p->h245_at = addr_from_ip4(ip, 5000);
    CU_ASSERT_EQUAL(h225_call_proceeding(p->call, w->now), 0);
    CU_ASSERT_EQUAL(h225_call_alerting(p->call, w->now), 0);
    CU_ASSERT_EQUAL(h225_call_connect(p->call, p->hides_h245 ? NULL : &p->h245_at, w->now), 0);
    p->is_connected = true;
    if (p->asks_h245)
        CU_ASSERT_EQUAL(h225_call_start_h245(p->call, &p->h245_at, w->now), 0);
    /* After fast connect, H.245 is begun by the test. */
    if (h225_call_is_tunnelling(p->call) && p->fast_answers == 0)
        peer_h245_begin(p);
}

static void peer_on_setup(void *arg, const struct h225_setup *setup)
{
    struct peer *p = arg;
    uint64_t now = p->world->now;

    peer_note_setup(p, setup);
    if (p->on_setup != NULL)
        p->on_setup(p, setup);
    switch (p->answers) {
    case CALLEE_CONNECTS:
        peer_answer(p);
        break;
    case CALLEE_IS_BUSY:
        (void)h225_call_release(p->call, H225_REASON_BUSY, now);
        break;
    case CALLEE_REFUSES:
        (void)h225_call_release(p->call, H225_REASON_SECURITY_DENIED, now);
        break;
    case CALLEE_RINGS:
        (void)h225_call_alerting(p->call, now);
        break;
    case CALLEE_PROCEEDS:
        (void)h225_call_proceeding(p->call, now);
        break;
    case CALLEE_IS_SILENT:
        break;
    case CALLEE_FORWARDS:
        if (p->forwards == 0) {
            peer_answer(p);
            break;
        }
        p->forwards--;
        CU_ASSERT_EQUAL(h225_call_facility(p->call, &p->forward, now), 0);
        break;
    }
}

static void peer_on_facility(void *arg, const struct h225_facility *facility)
{
    struct peer *p = arg;

    p->facilities++;
    p->facility = *facility;
    p->facility.aliases.list[0].text = NULL;
}

static void peer_on_start_h245(void *arg, const struct addr *at)
{
    struct peer *p = arg;

    (void)at;
    if (p->answers_calls && !p->has_h245)
        peer_h245_begin(p);
}

static void peer_on_h245_pdu(void *arg, const uint8_t *pdu, size_t len)
{
    struct peer *p = arg;

    CU_ASSERT_TRUE(p->has_h245);
    (void)h245_engine_input(p->h245, pdu, len, p->world->now);
}

static void peer_on_released(void *arg, const struct h225_release *release)
{
    struct peer *p = arg;

    p->is_released = true;
    p->release = *release;
    p->release.text = NULL;
}

static const struct h225_call_ops call_ops = {
    .send = peer_call_send,
    .on_setup = peer_on_setup,
    .on_start_h245 = peer_on_start_h245,
    .on_facility = peer_on_facility,
    .on_connect = peer_on_connect,
    .on_h245_pdu = peer_on_h245_pdu,
    .on_released = peer_on_released,
};

void fake_call_begin(struct peer *p)
{
    const struct h225_call_config config = {.product = "fake callee",
                                            .version = "2",
                                            .tunnelling = p->tunnels,
                                            .h245_tls = p->has_h245_tls};

    h225_call_destroy(p->call);
    p->call = h225_call_create(&config, &call_ops, p, 0);
}

void peer_call(struct peer *p, const char *alias)
{
    const struct h225_call_config config = {.product = "fake \"peer\"",
                                            .version = "1",
                                            .tunnelling = p->tunnels,
                                            .h245_tls = p->has_h245_tls};
    const struct h225_alias to = {H225_ALIAS_H323_ID, alias};
    const struct h225_alias from = {H225_ALIAS_H323_ID, "caller"};
    static const uint8_t none[H225_GUID_LEN];
    struct h225_outgoing out = {
        .call_id = {1, 2, 3},
        .conference_id = {4, 5, 6},
        .goal = p->goal,
        .destination = &to,
        .destination_count = alias[0] != '\0' ? 1 : 0,
        .source = &from,
        .source_count = p->is_nameless ? 0 : 1,
        .fast_start = p->fast_start,
        .fast_start_count = p->fast_start_count,
    };

    if (memcmp(p->conference_id, none, sizeof(none)) != 0)
        memcpy(out.conference_id, p->conference_id, sizeof(out.conference_id));
    p->call = h225_call_create(&config, &call_ops, p, 7);
    if (p->is_early)
        peer_h245_begin(p);
    CU_ASSERT_EQUAL(h225_call_start(p->call, &out, p->world->now), 0);
}

void peer_send_h225(struct peer *p, const void *data, size_t len)
{
    world_post(p->world, TO_SERVER_H225, p, data, len);
}

void peer_send_h245(struct peer *p, const void *data, size_t len)
{
    world_post(p->world, TO_SERVER_H245, p, data, len);
}
