/* Command line of sluice-endpoint. */
#ifndef BENCH_ENDPOINT_OPTIONS_H
#define BENCH_ENDPOINT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "bench/endpoint/endpoint_data.h"
#include "bench/endpoint/endpoint_faults.h"
#include "signalling/h23510/h23510.h"
#include "signalling/h245/media.h"

#define ENDPOINT_CODECS_MAX 4

/* When the player begins: both sides hear each other; we hear something; at once; when told. */
enum endpoint_start {
    ENDPOINT_START_MUTUAL,
    ENDPOINT_START_HEARD,
    ENDPOINT_START_NOW,
    ENDPOINT_START_SIGNAL,
};

/* What a listening endpoint does with a call. */
#define ENDPOINT_ANSWER_LIST(X)                                       \
    X(ENDPOINT_ANSWER_CONNECT, "connect")                             \
    X(ENDPOINT_ANSWER_BUSY, "busy")     /* ReleaseComplete, inConf */ \
    X(ENDPOINT_ANSWER_REJECT, "reject") /* destinationRejection */    \
    X(ENDPOINT_ANSWER_RING, "ring")     /* Alerting, never Connect */ \
    X(ENDPOINT_ANSWER_SILENT, "silent") /* nothing at all */          \
    X(ENDPOINT_ANSWER_DROP, "drop")     /* rings, then is gone */

enum endpoint_answer {
#define ENDPOINT_ANSWER_ENUM(name, text) name,
    ENDPOINT_ANSWER_LIST(ENDPOINT_ANSWER_ENUM)
#undef ENDPOINT_ANSWER_ENUM
        ENDPOINT_ANSWER_COUNT
};

/* Who opens the H.245 connection of a call that came in: the caller, told in Connect or in a
 * Facility behind it; or we, to the address in its Setup. */
#define ENDPOINT_H245_LIST(X)                                                               \
    X(ENDPOINT_H245_CONNECT, "connect")                                                     \
    X(ENDPOINT_H245_FACILITY, "facility")                                                   \
    X(ENDPOINT_H245_NEVER, "never") /* no address is told: the caller has to say its own */ \
    X(ENDPOINT_H245_SETUP, "setup")                                                         \
    X(ENDPOINT_H245_EARLY, "early") /* told in CallProceeding already */                    \
    X(ENDPOINT_H245_CROSS, "cross") /* both at once, also for a call that we make */

enum endpoint_h245 {
#define ENDPOINT_H245_ENUM(name, text) name,
    ENDPOINT_H245_LIST(ENDPOINT_H245_ENUM)
#undef ENDPOINT_H245_ENUM
        ENDPOINT_H245_COUNT
};

/* How keys travel. */
enum endpoint_keys_by {
    ENDPOINT_KEYS_H245, /* UserInputIndication signal, one a key */
    ENDPOINT_KEYS_TEXT, /* alphanumeric, one a key */
    ENDPOINT_KEYS_RTP,  /* RFC 4733 events in the stream of the audio */
};

struct endpoint_options {
    struct addr target; /* ADDR_NONE with --listen */
    const char *called; /* alias to call */
    bool listen;
    bool sdp;          /* no H.323: an offer is printed, the answer comes as a command */
    struct addr local; /* ADDR_NONE: the system chooses */
    struct addr media; /* ADDR_NONE: the address of the signalling connection */
    const char *alias;
    struct h245_audio codecs[ENDPOINT_CODECS_MAX];
    size_t codec_count;
    const char *play, *expect, *record, *record_each;
    const char *keys; /* to be pressed at the beginning; NULL: none */
    enum endpoint_keys_by keys_by;
    const char *commands; /* FIFO, see endpoint_commands.h */
    bool messages;        /* tell each H.245 message that comes */
    bool loop;
    enum endpoint_start start;
    unsigned duration_s; /* after Connect; 0: until done, or the peer hangs up */
    unsigned timeout_s;  /* of the whole run */
    bool stay;           /* do not hang up when played and heard */
    enum endpoint_answer answer;
    enum endpoint_h245 h245;
    bool tunnel;               /* offer and accept H.245 tunnelling */
    bool fast_start;           /* propose and accept channels in call signalling */
    bool no_h245;              /* after fast connect: no H.245 of our own accord */
    uint8_t fast_answer;       /* message (enum q931_type) from which on a callee's answer stands */
    struct h245_relayed video; /* len 0: none */
    /* A second codec, taken and sent where the first is not wanted; len 0: none. */
    struct h245_relayed video_second;
    bool h239;            /* presentations in the video's codec; media protected */
    bool camera;          /* far-end camera control; media protected */
    bool keep_token;      /* who presents does not give way */
    unsigned video_level; /* H.264: that of H.241; 0: 71, which is level 3.1 */
    bool patient;         /* no codec in common: wait for other capabilities, or to be sent away */
    bool refuse_modes;    /* RequestMode is denied */
    bool video_first;     /* its channel is opened before that of the audio */
    unsigned video_from_ms, video_until_ms,
        audio_until_ms;       /* after the first packet; 0: whole call */
    struct data_options data; /* mode DATA_OFF: none */
    enum h245_data_use data_use;
    enum h245_data_stack data_stack;
    uint16_t data_port;
    bool data_only;         /* no audio channel of ours */
    bool data_by_slave;     /* ask for it without being master: to be refused */
    unsigned terminal_type; /* 0: as a terminal; who has the greater one is H.245 master */
    bool survive;           /* lost signalling connections do not end the media */
    struct h23510_policy policy;
    char profiles[160]; /* OpenSSL's names, colon-separated */
    bool tls;           /* call signalling and H.245 by TLS */
    const char *tls_cert, *tls_key, *tls_ca, *tls_version;
    unsigned faults;   /* bits of enum endpoint_fault */
    uint32_t seed;     /* of garbage */
    unsigned sequence; /* of the first RTP packet; above UINT16_MAX: at random */
    bool json, stats;
};

/* Reads the arguments. 0: go on; 1: help was printed; ERR_INVAL: a sentence is on stderr. */
int endpoint_options_parse(int argc, char **argv, struct endpoint_options *out);
void endpoint_options_help(FILE *out);

#endif
