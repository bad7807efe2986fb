/* H.245 connections that cross (H.323 8.2.3): each side opens one to the address that the other has
 * told. To have that happen whenever it is asked for, the endpoint waits for the peer's, says
 * nothing on it, opens its own, and then chooses by the rule - or against it, with FAULT_STUBBORN.
 */
#ifndef BENCH_ENDPOINT_CROSS_H
#define BENCH_ENDPOINT_CROSS_H

#include "base/addr.h"

struct leg;

/* Listens on `address` (its port is not used; *bound tells where), and will connect to `remote`. */
int cross_begin(struct leg *l, const struct addr *address, const struct addr *remote,
                struct addr *bound);

#endif
