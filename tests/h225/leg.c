#include "tests/h225/leg.h"

#include "signalling/per/per.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

static void on_send(void *arg, const uint8_t *message, size_t len)
{
    struct leg *l = arg;

    CU_ASSERT_FATAL(l->queue_len < LEG_QUEUE && len <= LEG_MESSAGE_MAX);
    memcpy(l->queue[l->queue_len].data, message, len);
    l->queue[l->queue_len++].len = len;
}

static void maybe_destroy(struct leg *l)
{
    if (!l->destroy_in_callback)
        return;
    h225_call_destroy(l->call);
    l->call = NULL;
}

static void on_setup(void *arg, const struct h225_setup *setup)
{
    struct leg *l = arg;

    l->seen.setup++;
    l->seen.destinations = setup->destination.count;
    for (size_t i = 0; i < setup->destination.count && i < 8; i++) {
        snprintf(l->seen.destination[i], 64, "%s", setup->destination.list[i].text);
        l->seen.kind[i] = setup->destination.list[i].kind;
    }
    l->seen.sources = setup->source.count;
    if (setup->source.count > 0)
        snprintf(l->seen.source, 64, "%s", setup->source.list[0].text);
    snprintf(l->seen.display, 64, "%s", setup->display);
    snprintf(l->seen.product, 64, "%s", setup->product);
    memcpy(l->seen.call_id, setup->call_id, H225_GUID_LEN);
    memcpy(l->seen.conference_id, setup->conference_id, H225_GUID_LEN);
    l->seen.tunnelling = setup->tunnelling;
    l->seen.version = setup->version;
    l->seen.fast_start = setup->fast_start_count;
    if (l->connect_in_callback)
        CU_ASSERT_EQUAL(h225_call_connect(l->call, &l->listen, l->now), 0);
    maybe_destroy(l);
}

static void read_answer(struct leg *l, const struct h225_answer *answer)
{
    l->seen.h245_address = answer->h245_address;
    l->seen.tunnelling = answer->tunnelling;
    l->seen.fast_start = answer->fast_start_count;
    l->seen.fast_connect_refused = answer->fast_connect_refused;
    snprintf(l->seen.product, 64, "%s", answer->product);
    snprintf(l->seen.display, 64, "%s", answer->display);
}

static void on_proceeding(void *arg, const struct h225_answer *answer)
{
    struct leg *l = arg;

    l->seen.proceeding++;
    read_answer(l, answer);
    maybe_destroy(l);
}

static void on_alerting(void *arg, const struct h225_answer *answer)
{
    struct leg *l = arg;

    l->seen.alerting++;
    read_answer(l, answer);
    maybe_destroy(l);
}

static void on_connect(void *arg, const struct h225_answer *answer)
{
    struct leg *l = arg;

    l->seen.connect++;
    read_answer(l, answer);
    memcpy(l->seen.conference_id, answer->conference_id, H225_GUID_LEN);
    maybe_destroy(l);
}

static void on_facility(void *arg, const struct h225_facility *facility)
{
    struct leg *l = arg;

    l->seen.facility++;
    l->seen.last_facility = *facility;
    l->seen.alternatives = facility->aliases.count;
    if (facility->aliases.count > 0)
        snprintf(l->seen.alternative, 64, "%s", facility->aliases.list[0].text);
}

static void on_start_h245(void *arg, const struct addr *address)
{
    struct leg *l = arg;

    l->seen.start_h245++;
    l->seen.h245_address = *address;
    maybe_destroy(l);
}

static void on_h245_pdu(void *arg, const uint8_t *pdu, size_t len)
{
    struct leg *l = arg;

    l->seen.h245++;
    l->seen.pdu_len = len;
    memcpy(l->seen.pdu, pdu, len < sizeof(l->seen.pdu) ? len : sizeof(l->seen.pdu));
    maybe_destroy(l);
}

static void on_keypad(void *arg, const char *digits)
{
    struct leg *l = arg;

    l->seen.keypad++;
    snprintf(l->seen.digits, sizeof(l->seen.digits), "%s", digits);
    maybe_destroy(l);
}

static void on_released(void *arg, const struct h225_release *release)
{
    struct leg *l = arg;

    l->seen.released++;
    l->seen.release = *release;
    maybe_destroy(l);
}

static const struct h225_call_ops ops = {
    .send = on_send,
    .on_setup = on_setup,
    .on_proceeding = on_proceeding,
    .on_alerting = on_alerting,
    .on_connect = on_connect,
    .on_start_h245 = on_start_h245,
    .on_facility = on_facility,
    .on_h245_pdu = on_h245_pdu,
    .on_keypad = on_keypad,
    .on_released = on_released,
};

void leg_init(struct leg *l, const struct h225_call_config *config, uint16_t call_ref)
{
    struct h225_call_config standard = {.product = "Leg", .display = "Test"};

    memset(l, 0, sizeof(*l));
    arena_init(&l->arena, 0, 0);
    l->listen = addr_from_ip4((const uint8_t[]){192, 0, 2, 9}, 30000);
    l->call = h225_call_create(config != NULL ? config : &standard, &ops, l, call_ref);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l->call);
}

void leg_fini(struct leg *l)
{
    h225_call_destroy(l->call);
    arena_fini(&l->arena);
}

int leg_dial(struct leg *l)
{
    static const struct h225_alias destination[] = {{H225_ALIAS_H323_ID, "demo"},
                                                    {H225_ALIAS_DIGITS, "4711"}};
    static const struct h225_alias source[] = {
        {H225_ALIAS_H323_ID, "J\xc3\xb6rg \xf0\x9f\x8e\xa4"}};
    struct h225_outgoing o = {
        .destination = destination, .destination_count = 2, .source = source, .source_count = 1};

    for (uint8_t i = 0; i < H225_GUID_LEN; i++) {
        o.call_id[i] = (uint8_t)(i + 1);
        o.conference_id[i] = (uint8_t)(0xf0 - i);
    }
    o.destination_address = addr_from_ip4((const uint8_t[]){192, 0, 2, 9}, 1720);
    return h225_call_start(l->call, &o, l->now);
}

static bool deliver_one(struct leg *from, struct leg *to)
{
    struct leg_message m;

    if (from->queue_len == 0)
        return false;
    m = from->queue[0];
    from->queue_len--;
    memmove(&from->queue[0], &from->queue[1], from->queue_len * sizeof(m));
    if (to->call != NULL)
        h225_call_input(to->call, m.data, m.len, to->now);
    return true;
}

void leg_run(struct leg *a, struct leg *b, uint64_t now)
{
    a->now = b->now = now;
    for (int i = 0; i < 200; i++) {
        bool moved = deliver_one(a, b);

        moved = deliver_one(b, a) || moved;
        if (!moved)
            return;
    }
    CU_FAIL("two calls never come to rest");
}

struct h225_H323_UserInformation *leg_take(struct leg *l, struct q931_msg *msg)
{
    struct leg_message *m = arena_alloc(&l->arena, sizeof(*m));
    struct q931_msg local;
    void *out = NULL;

    if (l->queue_len == 0)
        return NULL;
    *m = l->queue[0];
    l->queue_len--;
    memmove(&l->queue[0], &l->queue[1], l->queue_len * sizeof(*m));
    CU_ASSERT_EQUAL_FATAL(q931_decode(m->data, m->len, &local), 0);
    CU_ASSERT_EQUAL_FATAL(per_decode(&h225_H323_UserInformation_type, local.user_user.data,
                                     local.user_user.len, NULL, &l->arena, &out, NULL),
                          0);
    if (msg != NULL)
        *msg = local;
    return out;
}

int leg_feed(struct leg *l, struct q931_msg *msg, struct h225_H323_UserInformation *info)
{
    uint8_t uuie[LEG_MESSAGE_MAX], out[LEG_MESSAGE_MAX];
    size_t len = 0;

    if (info != NULL) {
        CU_ASSERT_EQUAL_FATAL(
            per_encode(&h225_H323_UserInformation_type, info, uuie, sizeof(uuie), &len, NULL), 0);
        msg->user_user = (struct q931_bytes){uuie, len};
    }
    CU_ASSERT_EQUAL_FATAL(q931_encode(msg, out, sizeof(out), &len), 0);
    return h225_call_input(l->call, out, len, l->now);
}
