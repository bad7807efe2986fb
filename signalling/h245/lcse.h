/* Logical channels inside the engine: what channels.c (the table of them), lcse.c (one way, H.245
 * C.4) and blcse.c (both ways, C.5) share. Not for anybody else. */
#ifndef SIGNALLING_H245_LCSE_H
#define SIGNALLING_H245_LCSE_H

#include "signalling/h245/internal.h"

enum {
    LC_RELEASED,
    LC_AWAITING_ESTABLISHMENT,
    LC_ESTABLISHED,
    LC_AWAITING_RELEASE, /* outgoing only: who opened a channel closes it */
    LC_AWAITING_CONFIRMATION = LC_AWAITING_RELEASE, /* incoming and both ways only */
};

/* Events of the side that opens, the same for both machines, and of the side that answers. */
enum { LC_OUT_ESTABLISH, LC_OUT_RELEASE, LC_OUT_ACK, LC_OUT_REJECT, LC_OUT_CLOSE_ACK, LC_OUT_T103 };
enum { LC_IN_OPEN, LC_IN_CLOSE, LC_IN_ACCEPT, LC_IN_REFUSE, LC_IN_CONFIRM, LC_IN_T103 };

/* What an action works on; the channel's state is kept in it. */
struct h245_lc_step {
    struct h245_engine *e;
    struct channel *c; /* NULL in state released */
    uint16_t lcn;
    enum h245_olc_cause cause;
};

/* channels.c */
void h245_channel_remove(struct h245_engine *e, struct channel *c);
void h245_channel_note(struct channel *c, const struct h245_OpenLogicalChannel *olc);
/* May the peer's request go to the user? H245_OLC_CAUSE_COUNT: yes; else the cause to reject it
 * with. The user may be asked, so the channel can be gone afterwards. */
enum h245_olc_cause h245_channel_judge(struct h245_engine *e, const struct channel *theirs,
                                       const struct h245_OpenLogicalChannel *olc);

/* lcse.c: actions that both machines have. */
void h245_lc_do_establish(void *machine, const void *input);
void h245_lc_do_rejected(void *machine, const void *input);
void h245_lc_do_close(void *machine, const void *input);
void h245_lc_do_no_answer(void *machine, const void *input);
void h245_lc_do_broken(void *machine, const void *input);
void h245_lc_do_close_done(void *machine, const void *input);
void h245_lc_do_close_lost(void *machine, const void *input);
void h245_lc_do_offered(void *machine, const void *input);
void h245_lc_do_reopened(void *machine, const void *input);
void h245_lc_do_accept(void *machine, const void *input);
void h245_lc_do_refuse(void *machine, const void *input);
void h245_lc_do_closed_by_peer(void *machine, const void *input);
void h245_lc_opened(struct h245_lc_step *s, const struct h245_OpenLogicalChannelAck *ack);
void h245_lc_send_close(struct h245_lc_step *s, bool by_user);
void h245_lc_send_reject(struct h245_engine *e, uint16_t lcn, enum h245_olc_cause cause);

/* The machine of a channel, `c` NULL: of one way. */
const struct fsm *h245_lc_fsm(const struct channel *c, enum h245_direction direction);

#endif
