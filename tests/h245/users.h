/* Two engines whose users take part in every procedure and remember what they were told. */
#ifndef TESTS_H245_USERS_H
#define TESTS_H245_USERS_H

#include "signalling/h245/engine.h"
#include "signalling/h245/h239.h"
#include "tests/h245/peer.h"

struct users_seen {
    int mode_requests, mode_withdrawn, mode_answers;
    enum h245_mode_answer mode_answer;
    int loop_requests, loops_ended, loops_on, loops_off;
    enum h245_loop loop;
    uint16_t loop_lcn;
    int rate_requests, rate_answers;
    bool is_granted;
    uint32_t rate;
    uint16_t rate_lcn;
    enum h245_direction rate_direction;
    int conference_requests, conference_commands, conference_responses, communication_modes;
    int communication_mode_requests;
    unsigned conference_kind;
    uint32_t table_size;
    int generic[4];
    struct h239_message h239;
    int indications, not_supported;
    unsigned indication_kind;
    bool takes; /* what the callbacks that return bool say */
};

extern struct peer a, b;
extern struct users_seen seen;

/* Both users take everything while seen.takes is set. */
void users_start(void);
/* Both users know none of the procedures. */
void users_start_plain(void);
void users_stop(void);

/* A mode of one G.711 channel; static storage. */
struct h245_RequestMode *users_mode(void);
uint64_t users_refused(const struct peer *p, enum h245_refusal what);

#endif
