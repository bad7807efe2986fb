/* Members of mixes in the rig: each says a tone of its own, and what it hears is kept as PCM. */
#ifndef TESTS_DPDK_APP_MIX_RIG_H
#define TESTS_DPDK_APP_MIX_RIG_H

#include "dpdk-app/mix.h"
#include "tests/dpdk-app/rig.h"

#define PARTIES  8u
#define HEARD    (8000u * 4) /* samples kept */
#define FAR_SSRC 0x1000u     /* + number: of what a party says */
#define OUR_SSRC 0x80000000u /* likewise, of what it hears */

struct party {
    struct link_id id;
    bool is_secure, is_silent, is_absent; /* says silence; sends nothing */
    bool is_ulaw;
    struct rig_far say, hear;
    unsigned hertz;
    double amplitude;
    uint16_t sequence;
    uint32_t timestamp;
    double phase;
    /* What came to it. */
    int16_t pcm[HEARD];
    unsigned n, packets, foreign; /* samples, packets, and those that do not authenticate */
    uint16_t last_sequence;
    uint32_t last_timestamp;
    unsigned gaps, jumps; /* in sequence numbers, in timestamps */
    bool was_marked;
    /* Of the last sender report on what it hears. */
    unsigned reports;
    uint32_t report_packets, report_timestamp, heard_then;
};

extern struct rig rig;
extern struct party party[PARTIES];
extern uint16_t party_flags; /* of their transports: LINK_FLAG_… */

/* Parties 0…n-1 with open transports: even ones secure and A-law, odd ones plain and u-law. */
void parties_start(unsigned n);
void parties_stop(unsigned n);
/* 8 kHz; replies are in rig.reply if rig_attach was called. {0, 0}: refused. */
struct link_id mix_make(unsigned worker, unsigned members_max, unsigned loudest);
/* Sends through worker_on_command; the error is returned (needs rig_attach). */
int mix_ask(struct link_msg *msg);
/* What party i would send and can hear. */
struct link_mix_member mix_member_of(unsigned i);
int mix_join(struct link_id mix, unsigned i);
int mix_leave(struct link_id mix, unsigned i);
int mix_close(struct link_id mix);
/* A file of LINK_MIX_PLAY, LINK_MIX_RECORD (party -1: all). Cookie as given. */
int mix_file(unsigned type, struct link_id mix, int i, const char *name, uint64_t cookie);

/* Time passes in turns of a millisecond, everybody says their tone every 20 ms. */
void talk(unsigned n, unsigned ms);
/* Forget what was heard. */
void hush(unsigned n);
/* Power of a tone in what party i heard in the last `samples`, in dB below full scale. */
double level_of(unsigned i, unsigned hertz, unsigned samples);
/* A packet of a party's own making. */
void say_packet(unsigned i, const uint8_t *rtp, unsigned length);

#endif
