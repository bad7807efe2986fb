#include "fake_data.h"

#include <string.h>

#include "base/err.h"
#include "signalling/schema/h245.h"
#include "tests/suite.h"

void peer_add_data(struct peer *p, enum h245_data_stack stack)
{
    p->has_data = true;
    p->data = (struct h245_data){.use = H245_DATA_CHANNEL,
                                 .stack = stack,
                                 .sctp_port = 5001,
                                 .max_message_size = 1000,
                                 .max_rate = 640};
}

static struct h245_data_channel ours(const struct peer *p, uint16_t lcn)
{
    return (struct h245_data_channel){.lcn = lcn,
                                      .session_id = 3,
                                      .data = p->data,
                                      .media = p->ack_other_address ? addr_with_port(p->media, 9998)
                                                                    : p->media,
                                      .has_port_number = false};
}

bool fake_data_on_request(struct peer *p, uint16_t lcn, const struct h245_OpenLogicalChannel *olc)
{
    struct h245_OpenLogicalChannelAck *ack = NULL;
    struct h23510_agreement agreement;
    struct h245_data_channel c = ours(p, lcn);
    struct arena a;

    if (h245_read_data_olc(olc, &p->dc.server) != 0)
        return false;
    CU_ASSERT_TRUE(p->dc.server.has_reverse);
    CU_ASSERT_EQUAL(h23510_check_olc(&p->dtls, olc, &agreement), H23510_OK);
    p->dc.is_shared = !agreement.is_new;
    p->dc.lcn = lcn;
    p->dc.opened++;
    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_build_data_ack(&a, &c, &ack), 0);
    CU_ASSERT_EQUAL(h23510_fill_ack(&p->dtls, &a, ack), 0);
    CU_ASSERT_EQUAL(h245_channel_accept(p->h245, lcn, ack, p->world->now), 0);
    arena_fini(&a);
    return true;
}

bool fake_data_on_opened(struct peer *p, uint16_t lcn, const struct h245_OpenLogicalChannelAck *ack)
{
    struct h23510_agreement agreement;

    if (lcn != p->dc.lcn || lcn == 0)
        return false;
    CU_ASSERT_EQUAL(h245_read_data_ack(ack, &p->dc.server), 0);
    CU_ASSERT_EQUAL(h23510_check_ack(&p->dtls, ack, &agreement), H23510_OK);
    p->dc.is_shared = !agreement.is_new;
    p->dc.opened++;
    return true;
}

bool fake_data_on_rejected(struct peer *p, uint16_t lcn, enum h245_olc_cause cause)
{
    if (lcn != p->dc.lcn || lcn == 0)
        return false;
    p->dc.lcn = 0;
    p->dc.refused++;
    p->dc.cause = cause;
    return true;
}

void fake_data_on_confirmed(void *arg, uint16_t lcn)
{
    struct peer *p = arg;

    CU_ASSERT_EQUAL(lcn, p->dc.lcn);
    p->dc.confirmed++;
}

void fake_data_on_closed(struct peer *p, uint16_t lcn)
{
    if (lcn != 0 && lcn == p->dc.lcn) {
        p->dc.lcn = 0;
        p->dc.closed++;
    }
}

void peer_open_data(struct peer *p, bool is_protected, bool has_reverse)
{
    struct h245_OpenLogicalChannel *olc = NULL;
    struct h245_data_channel c;
    struct arena a;

    CU_ASSERT_EQUAL(h245_channel_number(p->h245, &p->dc.lcn), 0);
    c = ours(p, p->dc.lcn);
    arena_init(&a, 4096, 0);
    CU_ASSERT_EQUAL(h245_build_data_olc(&a, &c, &olc), 0);
    if (is_protected)
        CU_ASSERT_EQUAL(h23510_fill_olc(&p->dtls, &a, olc), 0);
    h245_data_seal_olc(olc);
    if (!has_reverse)
        olc->reverseLogicalChannelParameters = NULL;
    CU_ASSERT_EQUAL(h245_channel_open(p->h245, olc, p->world->now), 0);
    arena_fini(&a);
}

void peer_close_data(struct peer *p, enum h245_direction direction)
{
    CU_ASSERT_EQUAL(h245_channel_close(p->h245, p->dc.lcn, direction, p->world->now), 0);
}
