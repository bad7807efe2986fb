/* Transports without a call, for tests of DTLS with foreign peers (control.lab_methods).
 *
 * `lab.transport.open` takes a media port, tells it the peer's fingerprint and address as an OLC
 * would, and starts the association; `lab.transport.get` says how it stands and, once established,
 * tells the keying material. That is for comparison with what the peer exports, and the reason why
 * these methods do not exist unless the configuration asks for them. Main thread. */
#ifndef SERVER_LAB_H
#define SERVER_LAB_H

#include "server/control/rpc.h"
#include "server/media/media.h"

struct lab;
struct h23510_identity;

/* All that is given outlives it. ERR_NOMEM. */
int lab_create(const struct media_ops *ops, void *media, const struct h23510_identity *identity,
               struct lab **out);
int lab_register(struct lab *lab, struct rpc *rpc);

/* Closes all transports; lab_is_idle when that is done. */
void lab_stop(struct lab *lab);
bool lab_is_idle(const struct lab *lab);
void lab_destroy(struct lab *lab);

#endif
