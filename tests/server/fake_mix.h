/* The fake data plane's mixes and lists of receivers, for fake_world.c. */
#ifndef TESTS_SERVER_FAKE_MIX_H
#define TESTS_SERVER_FAKE_MIX_H

#include "tests/server/fake_world.h"

/* Fills in the operations about receivers, captures and mixes. */
void fake_mix_ops(struct media_ops *ops);
/* A port closes: it leaves its mix and everybody's receivers. */
void fake_mix_port_gone(struct world *w, struct media_port *p);
/* Says what is due; true when something was. */
bool fake_mix_move(struct world *w);
/* Tells the owners that the data plane is gone. */
void fake_mix_lose(struct world *w);

#endif
