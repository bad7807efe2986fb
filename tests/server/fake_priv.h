/* Between the parts of the fake world: fake_world.c (the wires, time), fake_ports.c (ports of its
 * data plane), fake_call.c (H.225.0 of its peers). */
#ifndef TESTS_SERVER_FAKE_PRIV_H
#define TESTS_SERVER_FAKE_PRIV_H

#include "tests/server/fake_world.h"

enum packet_kind {
    TO_SERVER_H225,
    TO_SERVER_H245,
    TO_PEER_H225,
    TO_PEER_H245,
    SIGNALLING_UP, /* the connection of a call of the server's */
    SIGNALLING_FAILED,
    H245_UP, /* the H.245 connection that the server opened */
};

/* Puts a message on the wire; world_run delivers it. */
void world_post(struct world *w, enum packet_kind kind, struct peer *p, const void *data,
                size_t len);

/* What sessions ask of the data plane. */
const struct media_ops *fake_ports_ops(void);
/* The port says what is due; true when something was. */
bool fake_ports_move(struct world *w);

/* A called peer begins to listen to call signalling, whatever call it was in. */
void fake_call_begin(struct peer *p);

#endif
