/* Data channels of a fake peer: for fake_peer.c. True: the channel is one for data. */
#ifndef TESTS_SERVER_FAKE_DATA_H
#define TESTS_SERVER_FAKE_DATA_H

#include "fake_world.h"

bool fake_data_on_request(struct peer *p, uint16_t lcn, const struct h245_OpenLogicalChannel *olc);
bool fake_data_on_opened(struct peer *p, uint16_t lcn,
                         const struct h245_OpenLogicalChannelAck *ack);
bool fake_data_on_rejected(struct peer *p, uint16_t lcn, enum h245_olc_cause cause);
void fake_data_on_confirmed(void *arg, uint16_t lcn);
void fake_data_on_closed(struct peer *p, uint16_t lcn);

#endif
