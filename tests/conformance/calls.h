/* Calls of every kind that the requirements ask for: the server is called or calls, and is H.245
 * master or slave; what goes over the wire is kept, decoded. On the fake world of tests/server: the
 * server's own session, H.245 and H.235.10 code against peers that speak through the same engines.
 */
#ifndef TESTS_CONFORMANCE_CALLS_H
#define TESTS_CONFORMANCE_CALLS_H

#include "signalling/schema/h245.h"
#include "tests/server/fake_world.h"

struct side {
    bool is_out;    /* the server calls */
    bool is_master; /* the server is H.245 master */
};

#define SIDES 4
extern const struct side sides[SIDES];

/* "dir=in h245=slave", with `more` behind it ("": nothing). Valid until the next call. */
const char *side_text(const struct side *side, const char *more);

/* A world whose server gets that role; what its wires carry is kept from now on. `dtls`: policy. */
struct world *calls_begin(const struct side *side, enum settings_dtls dtls);
/* Ends it; every port is closed and every timer gone by then. */
void calls_end(struct world *w);

/* A peer, not called yet. */
struct peer *calls_peer(struct world *w, const struct side *side);
/* The call, whatever becomes of it. */
void calls_try(struct world *w, const struct side *side, struct peer *p);
/* The call, up to where nothing moves any more; the server's H.245 role is as the side says. */
void calls_start(struct world *w, const struct side *side, struct peer *p);
/* Both. */
struct peer *calls_make(struct world *w, const struct side *side);
/* What is due at once: timers of 0 ms too. */
void calls_settle(struct world *w);
/* The peer releases the call; the server has nothing left of it. */
void calls_hang_up(struct world *w, struct peer *p);

/* The n-th message of a kind that passed between server and peer, NULL: there are not so many.
 * `from_server` tells the way. Valid until calls_end. */
const struct h245_TerminalCapabilitySet *wire_tcs(const struct peer *p, bool from_server, size_t n);
const struct h245_OpenLogicalChannel *wire_olc(const struct peer *p, bool from_server, size_t n);
const struct h245_OpenLogicalChannelAck *wire_ack(const struct peer *p, bool from_server, size_t n);
const struct h245_OpenLogicalChannelReject *wire_reject(const struct peer *p, bool from_server,
                                                        size_t n);
const struct h245_CloseLogicalChannel *wire_close(const struct peer *p, bool from_server, size_t n);

/* The capability in a protected OLC; NULL: it is none. */
const struct h245_DTLSSecurityCapability *olc_dtls(const struct h245_OpenLogicalChannel *olc);

bool string_is(const struct per_string *s, const char *text);
/* For tampering: nobody writes to a string that is encoded. */
void string_set(struct per_string *s, const char *text);

/* Do the errors in the session's JSON say this? */
bool errors_say(const struct peer *p, const char *part);

#endif
