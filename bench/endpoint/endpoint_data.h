/* The data channel of an endpoint: SCTP by usrsctp, and what is said on it.
 *
 * One side sends numbered messages with a pattern that follows from the number; the other echoes
 * them as they are, on the stream that they came on. The sender counts what came back, in which
 * order and how late. Packets go by the functions of its user; the clock is a timer of the loop.
 * One per process. */
#ifndef BENCH_ENDPOINT_DATA_H
#define BENCH_ENDPOINT_DATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct sctp_message;

enum data_mode { DATA_OFF, DATA_ECHO, DATA_SEND, DATA_SINK };

#define DATA_FAULT_LIST(X)                                                          \
    X(DATA_FAULT_NONE, "none")                                                      \
    X(DATA_FAULT_INIT_FLOOD, "init-flood") /* INITs with all sorts of tags */       \
    X(DATA_FAULT_GARBAGE, "garbage")       /* records full of noise */              \
    X(DATA_FAULT_STREAMS, "streams")       /* messages on streams of all numbers */ \
    X(DATA_FAULT_DEAF, "deaf")             /* takes packets, never answers */

enum data_fault {
#define DATA_FAULT_ENUM(name, text) name,
    DATA_FAULT_LIST(DATA_FAULT_ENUM)
#undef DATA_FAULT_ENUM
        DATA_FAULT_COUNT
};

struct data_options {
    enum data_mode mode;
    enum data_fault fault;
    unsigned count, size; /* messages of the sender, octets each */
    unsigned window;      /* of them in flight: sent and not echoed; 0: as many as fit */
    bool is_unordered;
    bool has_retransmits;
    unsigned retransmits, lifetime_ms;
    const char *label;    /* of the channel; "" is one too */
    const char *protocol; /* its subprotocol */
    bool no_dcep;         /* stream `stream`, without a word before */
    unsigned stream;
    unsigned ppid;         /* 0: binary */
    unsigned loss_percent; /* of packets, each way, before they are sent and after they came */
    unsigned until_ms;     /* the H.245 channel is closed that long after the association is up */
};

struct data_ops {
    void (*send)(void *arg, const uint8_t *packet, size_t len);
    void (*on_up)(void *arg);
    void (*on_done)(void *arg); /* all was sent and echoed */
    void (*on_down)(void *arg, const char *why);
};

struct data_end;

/* Whose SCTP is not its own: below DTLS (RFC 6083). As sctp_send and sctp_reset_stream. */
struct data_pipe {
    int (*send)(void *arg, const struct sctp_message *message);
    int (*reset)(void *arg, uint16_t stream);
    void *arg;
};

int data_end_create(uv_loop_t *loop, const struct data_options *options, const struct data_ops *ops,
                    void *arg, struct data_end **out);
/* The DTLS connection is there, and the H.245 channel: `is_client` decides who opens which
 * streams. */
int data_end_start(struct data_end *d, bool is_client, uint16_t local_port, uint16_t remote_port);
/* SCTP's clock, for who begins it elsewhere. */
void data_end_tick(struct data_end *d);
/* The same where it is up already; what it says comes by the functions below. */
void data_end_start_pipe(struct data_end *d, bool is_client, const struct data_pipe *pipe);
void data_end_message(struct data_end *d, const struct sctp_message *message);
void data_end_reset(struct data_end *d, uint16_t stream);
void data_end_room(struct data_end *d);
void data_end_down(struct data_end *d, const char *why);
void data_end_input(struct data_end *d, const uint8_t *packet, size_t len);
/* The H.245 channel is gone: no packet from now on. It may start again. */
void data_end_stop(struct data_end *d);
void data_end_close(struct data_end *d); /* its timer; the loop runs once more */
void data_end_destroy(struct data_end *d);

bool data_end_is_done(const struct data_end *d);
/* Did what came back agree with what was sent? Text of the first reason, NULL: yes. */
const char *data_end_failure(const struct data_end *d);
json_t *data_end_report(const struct data_end *d);

int data_mode_parse(const char *text, enum data_mode *out);
int data_fault_parse(const char *text, enum data_fault *out);

#endif
