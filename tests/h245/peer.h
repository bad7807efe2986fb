/* Two H.245 engines back to back, or one engine and a test that plays its peer. Virtual time, a
 * wire that can lose, everything that happened written down. */
#ifndef TESTS_H245_PEER_H
#define TESTS_H245_PEER_H

#include "base/arena.h"
#include "signalling/h245/engine.h"
#include "signalling/h245/media.h"
#include "signalling/schema/h245.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_QUEUE   64
#define PEER_PDU_MAX 4096

struct peer_pdu {
    uint8_t data[PEER_PDU_MAX];
    size_t len;
};

/* What the callbacks saw, in numbers and the last value of each. */
struct peer_seen {
    int msd_done, is_master;
    int tcs, acked, rejected, ready, wanted;
    int open_requests, opened, channel_rejected, closed, close_requests;
    int round_trips, lost, user_inputs, misc, flow, ended, failed;
    uint32_t round_trip_ms;
    unsigned lost_in_a_row;
    uint16_t lcn;
    enum h245_direction direction;
    enum h245_closer by;
    enum h245_olc_cause cause;
    enum h245_procedure procedure;
    enum h245_error error;
    char text[64]; /* of `input` */
    struct h245_user_input input;
    struct h245_channel olc;
    struct h245_channel_ack ack;
    struct h245_peer_caps caps;
};

struct peer {
    struct h245_engine *engine;
    struct peer_pdu queue[PEER_QUEUE]; /* sent, not yet delivered */
    size_t queue_len;
    struct peer_seen seen;
    uint32_t random; /* what `random` gives next; then it is advanced */
    uint32_t random_step;
    /* how it behaves */
    enum h245_tcs_answer tcs_answer;
    bool accept; /* channels, at once */
    enum h245_olc_cause reject_cause;
    bool hold; /* neither accept nor reject */
    bool allow_close;
    bool destroy_in_callback;
    struct arena arena;
    uint64_t now;
};

extern const struct h245_engine_ops peer_ops;

/* `config` may be NULL. */
void peer_init(struct peer *p, const struct h245_engine_config *config, uint32_t random);
/* With callbacks of the test's own, mostly peer_ops and some more. */
void peer_init_with(struct peer *p, const struct h245_engine_config *config, uint32_t random,
                    const struct h245_engine_ops *ops);
void peer_fini(struct peer *p);

/* Delivers all that is queued, both ways, until nothing moves (bounded). `lose` says how many of
 * the first messages from a get lost. */
void peer_run(struct peer *a, struct peer *b, uint64_t now);
void peer_lose_all(struct peer *p);

/* Advances time in both to `until`, running timers at their deadlines and the wire in between. */
void peer_elapse(struct peer *a, struct peer *b, uint64_t until);

/* Encodes a PDU as the peer would and gives it to the engine. Returns h245_engine_input's. */
int peer_feed(struct peer *p, const struct h245_MultimediaSystemControlMessage *pdu);
int peer_feed_request(struct peer *p, struct h245_RequestMessage *m);
int peer_feed_response(struct peer *p, struct h245_ResponseMessage *m);
int peer_feed_command(struct peer *p, struct h245_CommandMessage *m);
int peer_feed_indication(struct peer *p, struct h245_IndicationMessage *m);

/* Takes the oldest PDU that the engine sent, decoded into p->arena; NULL if there is none. */
struct h245_MultimediaSystemControlMessage *peer_take(struct peer *p);

/* Sends a usual capability set. */
int peer_send_caps(struct peer *p);

/* Opens a channel with number `lcn` (0: engine's choice). */
int peer_open(struct peer *p, uint16_t lcn);

#endif
