/* The fan-out part of the relay's end-to-end test. */
#ifndef TESTS_DPDK_APP_RELAY_FAN_H
#define TESTS_DPDK_APP_RELAY_FAN_H

#include "tests/dpdk-app/relay_peer.h"

/* Sources and receivers of its own on an attached control; ends the test when something is wrong.
 */
void test_fan_out(struct control *control);

#endif
