/* SCTP associations in user space (RFC 9260 by usrsctp) over anything that carries packets: those
 * of data channels ride in DTLS records (RFC 8261). With streams, partial reliability (RFC 3758)
 * and streams that begin anew (RFC 6525).
 *
 * The library's state is one for a process: all calls come from one thread, between sctp_start and
 * sctp_stop. Sans-I/O: packets go in by sctp_input and come out by on_packet, time goes in by
 * sctp_on_timer. Callbacks but on_packet never come from inside the library, so that they may call
 * anything here, sctp_destroy of their own association too.
 *
 *   sctp_start → sctp_create (sends INIT; so does the other side, and both mean one association)
 *     → on_up → sctp_send, on_message … → sctp_destroy | on_down → sctp_destroy → sctp_stop */
#ifndef SCTP_SCTP_H
#define SCTP_SCTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sctp;

#define SCTP_TICK_MS                                                             \
    10 /* sctp_on_timer wants to be called so often while there are associations \
        */

struct sctp_message {
    uint16_t stream;
    uint32_t ppid; /* host order */
    bool is_unordered;
    /* Partial reliability; both 0: reliable. Only one of them may be set. */
    bool has_retransmits; /* at most so many: */
    uint32_t retransmits;
    uint32_t lifetime_ms; /* given up after so long; 0: never */
    const uint8_t *data;
    size_t len; /* not 0: SCTP has no empty messages (RFC 8831 6.6 has PPIDs for them) */
};

struct sctp_callbacks {
    /* A packet for the peer. Called from inside the library: no function of this header may be
     * called by it. */
    void (*on_packet)(void *user, const uint8_t *packet, size_t len);
    /* Once: streams of both directions are there. */
    void (*on_up)(void *user, uint16_t streams_out, uint16_t streams_in);
    /* Once: the association is over, or never came to be. Only sctp_destroy is left. */
    void (*on_down)(void *user, const char *why);
    /* A whole message; is_unordered is the peer's flag. */
    void (*on_message)(void *user, const struct sctp_message *message);
    /* The peer has ended what it sends on this stream (RFC 8831 6.7): end yours, if it is a
     * channel. */
    void (*on_stream_reset)(void *user, uint16_t stream);
    /* After ERR_AGAIN of sctp_send: there is room again. May be NULL. */
    void (*on_room)(void *user);
    /* After sctp_want_dry: the peer has acknowledged all that was sent. May be NULL. */
    void (*on_dry)(void *user);
};

struct sctp_options {
    uint16_t local_port, remote_port;
    uint16_t streams;   /* that we open and let the peer open; memory grows with them */
    uint16_t mtu;       /* largest packet */
    size_t send_octets; /* that wait in the library; beyond them ERR_AGAIN */
    size_t receive_octets;
    size_t message_max; /* a longer one is dropped and counted */
    /* RFC 4895: chunks of data, of RFC 3758 and of RFC 6525 have to be authenticated, both ways; a
     * peer that does not do so is none (on_down). Begins with key 0, which is empty. */
    bool is_authenticated;
    /* Waits for the peer's INIT. With authenticated chunks one side has to: of two INITs that meet
     * the library keeps the wrong random values, and no chunk verifies. */
    bool is_passive;
    const struct sctp_callbacks *callbacks; /* outlive the association */
    void *user;
};

#define SCTP_STAT_LIST(X)                                                   \
    X(created)                                                              \
    X(up)                                                                   \
    X(down)                                                                 \
    X(packets_in)                                                           \
    X(packets_out)                                                          \
    X(packets_bad) /* shorter than a header, or their check sum is wrong */ \
    X(messages_in)                                                          \
    X(messages_out)                                                         \
    X(octets_in)                                                            \
    X(octets_out)                                                           \
    X(too_long)    /* messages beyond message_max */                        \
    X(abandoned)   /* messages of ours, by partial reliability */           \
    X(refused)     /* messages of ours that found no room */                \
    X(events_lost) /* no memory to tell the caller */

struct sctp_stats {
#define SCTP_STAT_FIELD(name) uint64_t name;
    SCTP_STAT_LIST(SCTP_STAT_FIELD)
#undef SCTP_STAT_FIELD
};

/* ERR_EXISTS: it runs already. */
int sctp_start(void);
/* All associations are gone before. ERR_STATE: not yet, call it again after a while. */
int sctp_stop(void);

/* Begins an association: INIT is sent, or awaited (is_passive); on_up or on_down follows.
 * ERR_NOMEM, ERR_INVAL. */
int sctp_create(const struct sctp_options *options, struct sctp **out);
/* An association that is up is aborted: the peer hears of it at once. NULL is allowed. */
void sctp_destroy(struct sctp *s);

/* One packet from the peer. */
void sctp_input(struct sctp *s, const uint8_t *packet, size_t len);
/* `elapsed_ms` since the call before. */
void sctp_on_timer(uint32_t elapsed_ms);

/* ERR_AGAIN: no room now, on_room follows; ERR_RANGE: longer than the library can queue at once, or
 * no such stream; ERR_CLOSED: not up. */
int sctp_send(struct sctp *s, const struct sctp_message *message);
/* Ends what we send on the stream; its numbers begin anew. ERR_AGAIN: another one is on its way. */
int sctp_reset_stream(struct sctp *s, uint16_t stream);

/* Asks for on_dry, once. */
int sctp_want_dry(struct sctp *s);
/* Ends politely what is up: on_down follows when the peer agrees. */
int sctp_shutdown(struct sctp *s);

/* Keys of an authenticated association: make one known (from then on the peer may use it), send by
 * it from the next message on, forget one that is not in use. ERR_INVAL, ERR_STATE. */
int sctp_key_add(struct sctp *s, uint16_t number, const uint8_t *key, size_t len);
int sctp_key_use(struct sctp *s, uint16_t number);
int sctp_key_forget(struct sctp *s, uint16_t number);

/* Between these no callback but on_packet comes, whatever is called: for walks over what callbacks
 * may change. Go: those that waited come. */
void sctp_hold(void);
void sctp_go(void);

/* Has on_up come, and on_down not? */
bool sctp_is_up(const struct sctp *s);
/* Of all associations since sctp_start. */
const struct sctp_stats *sctp_stats(void);

#endif
