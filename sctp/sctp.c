/* The one door to usrsctp. What one would not guess:
 * - Associations are known to it by an address that is handed back in callbacks, even after an
 *   association has been closed: it gets numbers, never pointers.
 * - Its receive callback owns the message, and comes with locks of the library held in places:
 *   messages and notifications are kept and handed out when the call into it is over. */
#include "sctp/sctp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include <usrsctp.h>

#include "base/err.h"
#include "sctp/crc32c.h"
#include "sctp/sctp_priv.h"

#define HEADER_OCTETS 12 /* of every SCTP packet */
/* The library bounds what waits by its octets: around short messages it would keep a hundred times
 * as much. So many messages may wait. */
#define WAITING_MAX 2048

enum event_kind { EVENT_UP, EVENT_DOWN, EVENT_MESSAGE, EVENT_RESET, EVENT_ROOM, EVENT_DRY };

/* What happened inside the library, in order. */
struct event {
    struct event *next;
    uintptr_t number;
    enum event_kind kind;
    uint16_t stream, streams_in;
    uint32_t ppid;
    bool is_unordered;
    const char *why;
    size_t len;
    uint8_t *data; /* the library's, by free */
};

struct sctp {
    uintptr_t number; /* its address in the library; never used twice */
    struct socket *socket;
    struct sctp_options options;
    bool is_up, is_over, is_blocked, wants_dry;
    /* Lengths of the messages that the library has, oldest first, as far as one can tell from the
     * room that it says is left: which of them is on its way, and which is done, it tells nobody.
     */
    uint32_t *sent;
    uint32_t sent_first, sent_count;
    size_t sent_octets;
    /* A message that comes in parts (RFC 6458 6.2.. partial delivery). */
    uint8_t *part;
    size_t part_len;
    bool is_part_dropped;
    UT_hash_handle hh;
};

static struct {
    bool is_started;
    uintptr_t next;
    struct sctp *all;
    struct event *first, **last;
    bool is_summing; /* check sums are made and compared here */
    unsigned depth;  /* of calls into the library */
    bool is_draining;
    struct sctp_stats stats;
} state;

static struct sctp *find(uintptr_t number)
{
    struct sctp *s = NULL;

    HASH_FIND(hh, state.all, &number, sizeof(number), s);
    return s;
}

/* ---- events ---- */

/* Out of memory: the event is lost and counted. For messages that is a loss behind the
 * acknowledgement, in a process that is about to fail anyway. */
static struct event *add_event(const struct sctp *s, enum event_kind kind)
{
    struct event *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        state.stats.events_lost++;
        return NULL;
    }
    e->number = s->number;
    e->kind = kind;
    *state.last = e;
    state.last = &e->next;
    return e;
}

static bool take_accepted(struct sctp *s);

static void deliver_up(struct sctp *s, const struct event *e)
{
    const struct sctp_callbacks *cb = s->options.callbacks;

    if (s->is_over || s->is_up || (s->options.is_passive && !take_accepted(s)))
        return;
    if (s->options.is_authenticated && !sctp_keys_are_peers(s->socket)) {
        s->is_over = true;
        state.stats.down++;
        cb->on_down(s->options.user, "peer does not authenticate its data");
        return;
    }
    s->is_up = true;
    state.stats.up++;
    cb->on_up(s->options.user, e->stream, e->streams_in);
}

static void deliver(struct sctp *s, const struct event *e)
{
    const struct sctp_callbacks *cb = s->options.callbacks;
    /* The message lives until the callback returns: the event owns it. */
    const struct sctp_message message = {.stream = e->stream,
                                         .ppid = e->ppid,
                                         .is_unordered = e->is_unordered,
                                         .data = e->data,
                                         .len = e->len};

    switch (e->kind) {
    case EVENT_UP:
        /* A second COMM_UP after the end, or of one that is up, is a fault of the library: not
         * passed on. */
        deliver_up(s, e);
        break;
    case EVENT_DOWN:
        if (s->is_over)
            break;
        s->is_over = true;
        s->is_up = false;
        state.stats.down++;
        cb->on_down(s->options.user, e->why);
        break;
    case EVENT_MESSAGE:
        /* Also after the end: what arrived before it belongs to the user. */
        state.stats.messages_in++;
        state.stats.octets_in += e->len;
        cb->on_message(s->options.user, &message);
        break;
    case EVENT_RESET:
        cb->on_stream_reset(s->options.user, e->stream);
        break;
    case EVENT_ROOM:
        if (!s->is_over && cb->on_room != NULL)
            cb->on_room(s->options.user);
        break;
    case EVENT_DRY:
        if (!s->is_over && cb->on_dry != NULL && s->wants_dry) {
            s->wants_dry = false;
            cb->on_dry(s->options.user);
        }
        break;
    }
}

/* Callbacks may come back here by calling the library: what that brings is taken by the loop that
 * runs already, so that nothing overtakes and the stack does not grow. */
static void drain(void)
{
    if (state.depth > 0 || state.is_draining)
        return;
    state.is_draining = true;
    while (state.first != NULL) {
        struct event *e = state.first;
        struct sctp *s = find(e->number);

        state.first = e->next;
        if (state.first == NULL)
            state.last = &state.first;
        /* Destroyed meanwhile: its events find nobody and are freed. */
        if (s != NULL)
            deliver(s, e);
        free(e->data);
        free(e);
    }
    state.is_draining = false;
}

static void enter(void)
{
    state.depth++;
}

static void leave(void)
{
    state.depth--;
    drain();
}

/* ---- from inside the library ---- */

static int on_output(void *address, void *packet, size_t len, uint8_t tos, uint8_t set_df)
{
    struct sctp *s = find((uintptr_t)address);
    uint32_t crc;

    (void)tos;
    (void)set_df;
    if (s == NULL)
        return 0; /* closed: the library has a last word that nobody carries any more */
    /* Called with the library's locks: on_packet may only hand on (see sctp.h). */
    if (state.is_summing && len >= HEADER_OCTETS) {
        crc = crc32c_of_packet(packet, len); /* the packet is a copy for us: it may be written to */
        memcpy((uint8_t *)packet + SCTP_CHECKSUM_AT, &crc, sizeof(crc));
    }
    state.stats.packets_out++;
    s->options.callbacks->on_packet(s->options.user, packet, len);
    return 0;
}

static void down(const struct sctp *s, const char *why)
{
    struct event *e = add_event(s, EVENT_DOWN);

    if (e != NULL)
        e->why = why;
}

static void on_change(const struct sctp *s, const struct sctp_assoc_change *change)
{
    struct event *e;

    switch (change->sac_state) {
    case SCTP_COMM_UP:
        e = add_event(s, EVENT_UP);
        if (e != NULL) {
            e->stream = change->sac_outbound_streams;
            e->streams_in = change->sac_inbound_streams;
        }
        break;
    case SCTP_RESTART:
        /* All that was agreed on streams is void: for channels that is an end (RFC 8831 6.2). */
        down(s, "restarted by the peer");
        break;
    case SCTP_COMM_LOST:
        down(s, "peer is lost, or has aborted");
        break;
    case SCTP_SHUTDOWN_COMP:
        down(s, "shut down");
        break;
    default:
        down(s, "peer does not answer");
        break;
    }
}

static void on_reset(const struct sctp *s, const struct sctp_stream_reset_event *reset)
{
    size_t n = (reset->strreset_length - sizeof(*reset)) / sizeof(uint16_t);

    /* An incoming reset that the peer did: ours come back as confirmations, which nobody waits
     * for. */
    if ((reset->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) == 0 ||
        (reset->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        struct event *e = add_event(s, EVENT_RESET);

        if (e != NULL)
            e->stream = reset->strreset_stream_list[i];
    }
}

static void on_notification(const struct sctp *s, const union sctp_notification *n, size_t len)
{
    /* The lengths inside are the library's own, yet cheap to check. */
    if (len < sizeof(n->sn_header) || n->sn_header.sn_length != len)
        return;
    switch (n->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        if (len >= sizeof(n->sn_assoc_change))
            on_change(s, &n->sn_assoc_change);
        break;
    case SCTP_STREAM_RESET_EVENT:
        if (len >= sizeof(n->sn_strreset_event))
            on_reset(s, &n->sn_strreset_event);
        break;
    case SCTP_SEND_FAILED_EVENT:
        /* Abandoned by its lifetime or retransmissions (RFC 3758): what the channel asked for, no
         * fault. */
        state.stats.abandoned++;
        break;
    case SCTP_SENDER_DRY_EVENT:
        (void)add_event(s, EVENT_DRY);
        break;
    default:
        break;
    }
}

/* Takes over `data`; the message that it ends, or NULL: more is to come, or it was dropped. */
static uint8_t *join(struct sctp *s, uint8_t *data, size_t len, bool is_last, size_t *whole)
{
    uint8_t *grown;

    /* The usual case, without a copy: the library's own memory goes up. */
    if (s->part == NULL && is_last && !s->is_part_dropped && len <= s->options.message_max) {
        *whole = len;
        return data;
    }
    if (!s->is_part_dropped && len <= s->options.message_max &&
        /* A difference of lengths, not a sum: both are bounded by message_max. */
        s->part_len <= s->options.message_max - len &&
        (grown = realloc(s->part, s->part_len + len)) != NULL) {
        s->part = grown;
        memcpy(s->part + s->part_len, data, len);
        s->part_len += len;
    } else {
        /* The rest of a message that is too long is swallowed up to its end, so that the next one
         * begins clean. */
        s->is_part_dropped = true;
    }
    free(data);
    if (!is_last)
        return NULL;
    if (s->is_part_dropped) {
        state.stats.too_long++;
        free(s->part);
        grown = NULL;
    } else {
        grown = s->part;
        *whole = s->part_len;
    }
    s->part = NULL;
    s->part_len = 0;
    s->is_part_dropped = false;
    return grown;
}

static int on_receive(struct socket *socket, union sctp_sockstore from, void *data, size_t len,
                      struct sctp_rcvinfo info, int flags, void *number)
{
    struct sctp *s = find((uintptr_t)number);
    size_t whole = 0;
    uint8_t *message;
    struct event *e;

    (void)socket;
    (void)from;
    /* data NULL: the socket is gone in the library's view. */
    if (data == NULL || s == NULL) {
        if (s != NULL)
            down(s, "closed");
        free(data);
        return 1;
    }
    if ((flags & MSG_NOTIFICATION) != 0) {
        on_notification(s, data, len);
        free(data);
        return 1;
    }
    message = join(s, data, len, (flags & MSG_EOR) != 0, &whole);
    if (message == NULL)
        return 1;
    e = add_event(s, EVENT_MESSAGE);
    if (e == NULL) {
        free(message);
        return 1;
    }
    e->data = message;
    e->len = whole;
    e->stream = info.rcv_sid;
    e->ppid = ntohl(info.rcv_ppid);
    e->is_unordered = (info.rcv_flags & SCTP_UNORDERED) != 0;
    return 1;
}

static int on_send_room(struct socket *socket, uint32_t room, void *number)
{
    /* How much of the send buffer is free says which messages are done: oldest first, as far as one
     * can tell. */
    struct sctp *s = find((uintptr_t)number);
    size_t used;

    (void)socket;
    if (s == NULL)
        return 1;
    used = s->options.send_octets > room ? s->options.send_octets - room : 0;
    while (s->sent_count > 0 && s->sent_octets > used) {
        s->sent_octets -= s->sent[s->sent_first];
        s->sent_first = (s->sent_first + 1) % WAITING_MAX;
        s->sent_count--;
    }
    /* Half, not one: a user woken for each place would be woken for each message. */
    if (s->is_blocked && s->sent_count < WAITING_MAX / 2) {
        s->is_blocked = false;
        (void)add_event(s, EVENT_ROOM);
    }
    return 1;
}

/* ---- the library ---- */

int sctp_start(void)
{
    if (state.is_started)
        return ERR_EXISTS;
    memset(&state, 0, sizeof(state));
    state.last = &state.first;
    state.is_started = true;
    /* No threads of its own: all of SCTP happens inside our calls, on the thread of data
     * channels. */
    usrsctp_init_nothreads(0, on_output, NULL);
    /* A fifth of all the time of a full packet is its check sum, which every peer wants to see
     * though DTLS has authenticated it (RFC 8261 section 5). */
    state.is_summing = crc32c_is_fast();
    if (state.is_summing)
        usrsctp_enable_crc32c_offload();
    /* Below us is DTLS: it authenticates, and its packets have no ECN bits and one address. */
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auto_asconf(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_blackhole(2); /* no word to packets of associations that are none */
    usrsctp_sysctl_set_sctp_pr_enable(1);
    usrsctp_sysctl_set_sctp_reconfig_enable(1);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    /* Times of a conversation, not of a transfer between continents: RFC 9260 16 has 1 s and 60 s.
     * Above a LAN's round trips and below what people notice; a lost packet of a small message is
     * repeated within this, as there is no fast retransmit without followers. */
    usrsctp_sysctl_set_sctp_rto_initial_default(500);
    usrsctp_sysctl_set_sctp_rto_min_default(200);
    usrsctp_sysctl_set_sctp_rto_max_default(5000);
    usrsctp_sysctl_set_sctp_init_rto_max_default(3000);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
    usrsctp_sysctl_set_sctp_heartbeat_interval_default(10000);
    usrsctp_sysctl_set_sctp_init_rtx_max_default(8);
    usrsctp_sysctl_set_sctp_assoc_rtx_max_default(8);
    usrsctp_sysctl_set_sctp_path_rtx_max_default(8);
    /* no bound on a burst: the window is bound enough */
    usrsctp_sysctl_set_sctp_max_burst_default(0);
    usrsctp_sysctl_set_sctp_initial_cwnd(10); /* packets, as TCP does since RFC 6928 */
    /* Caches of freed resources are of no use to a process that is bounded elsewhere. */
    usrsctp_sysctl_set_sctp_system_free_resc_limit(0);
    usrsctp_sysctl_set_sctp_asoc_free_resc_limit(0);
    return 0;
}

int sctp_stop(void)
{
    /* usrsctp_finish fails as long as anything is open: then the caller has forgotten something. */
    if (!state.is_started || state.all != NULL || usrsctp_finish() != 0)
        return ERR_STATE;
    drain();
    state.is_started = false;
    return 0;
}

/* The library names an association by a pointer, which it never follows: ours is a number, so that
 * a callback for one that is gone finds nobody. */
static void *name_of(const struct sctp *s)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): nothing is read through it */
    return (void *)s->number;
}

static struct sockaddr_conn address_of(const struct sctp *s, uint16_t port)
{
    /* memset: the library compares addresses byte by byte. */
    struct sockaddr_conn a;

    memset(&a, 0, sizeof(a));
    a.sconn_family = AF_CONN;
    a.sconn_port = htons(port);
    a.sconn_addr = name_of(s);
    return a;
}

static int begin(struct sctp *s)
{
    struct sockaddr_conn local = address_of(s, s->options.local_port);
    struct sockaddr_conn peer = address_of(s, s->options.remote_port);

    s->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, on_send_room,
                               /* Told when half of the buffer is free again. */
                               (uint32_t)(s->options.send_octets / 2), name_of(s));
    if (s->socket == NULL)
        return ERR_NOMEM;
    if (!sctp_configure(s->socket, &s->options) ||
        usrsctp_bind(s->socket, (struct sockaddr *)&local, sizeof(local)) != 0)
        return ERR_INVAL;
    if (s->options.is_passive)
        return usrsctp_listen(s->socket, 1) == 0 ? 0 : ERR_INVAL;
    /* Both sides connect (RFC 8261 §6.1 leaves roles to the protocol above): simultaneous INITs
     * meet in the middle. */
    if (usrsctp_connect(s->socket, (struct sockaddr *)&peer, sizeof(peer)) != 0 &&
        errno != EINPROGRESS)
        return ERR_INVAL;
    return sctp_set_path(s->socket, &peer, s->options.mtu) ? 0 : ERR_INVAL;
}

/* One association: who listens hears no other. Before its cookie an INIT has cost nothing. */
static bool take_accepted(struct sctp *s)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    const struct sockaddr_conn peer = address_of(s, s->options.remote_port);
    const uint32_t on = 1;
    struct socket *listener = s->socket, *accepted;

    enter();
    accepted = usrsctp_accept(listener, NULL, NULL);
    if (accepted != NULL) {
        s->socket = accepted;
        (void)usrsctp_set_non_blocking(accepted, 1);
        (void)usrsctp_setsockopt(accepted, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        (void)sctp_set_option(accepted, SCTP_NODELAY, &on, sizeof(on));
        (void)sctp_set_path(accepted, &peer, s->options.mtu);
        usrsctp_close(listener);
    }
    state.depth--; /* from inside the loop that hands events out: what came waits for its turn */
    return accepted != NULL;
}

int sctp_create(const struct sctp_options *options, struct sctp **out)
{
    struct sctp *s;
    int err;

    /* Ports of the SDP and H.245; 0 stands for "none" there. Below 256 octets there is no room for
     * a chunk. */
    if (!state.is_started || options->streams == 0 || options->local_port == 0 ||
        options->remote_port == 0 || options->mtu < 256 || options->send_octets < 4096 ||
        options->send_octets > INT32_MAX || options->receive_octets > INT32_MAX)
        return ERR_INVAL;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->sent = calloc(WAITING_MAX, sizeof(*s->sent));
    if (s->sent == NULL) {
        free(s);
        return ERR_NOMEM;
    }
    s->options = *options;
    /* Never reused: a late callback for a dead number finds nobody. */
    s->number = ++state.next;
    HASH_ADD(hh, state.all, number, sizeof(s->number), s);
    usrsctp_register_address(name_of(s));
    enter();
    err = begin(s);
    state.depth--; /* the user does not know it yet: events wait for the next call */
    if (err != 0) {
        sctp_destroy(s);
        return err;
    }
    state.stats.created++;
    *out = s;
    return 0;
}

void sctp_destroy(struct sctp *s)
{
    if (s == NULL)
        return;
    /* Closing makes the library say ABORT: on_output still finds us. */
    enter();
    if (s->socket != NULL)
        usrsctp_close(s->socket);
    usrsctp_deregister_address(name_of(s));
    HASH_DELETE(hh, state.all, s);
    free(s->part);
    free(s->sent);
    free(s);
    leave();
}

/* ---- packets and time ---- */

static bool is_right(const uint8_t *packet, size_t len)
{
    uint32_t crc;

    if (!state.is_summing)
        return true; /* the library looks for itself */
    crc = crc32c_of_packet(packet, len);
    return memcmp(packet + SCTP_CHECKSUM_AT, &crc, sizeof(crc)) == 0;
}

void sctp_input(struct sctp *s, const uint8_t *packet, size_t len)
{
    state.stats.packets_in++;
    if (s->is_over)
        return;
    if (len < HEADER_OCTETS || !is_right(packet, len)) {
        state.stats.packets_bad++;
        return;
    }
    enter();
    usrsctp_conninput(name_of(s), packet, len, 0);
    leave();
}

void sctp_on_timer(uint32_t elapsed_ms)
{
    enter();
    usrsctp_handle_timers(elapsed_ms);
    leave();
}

/* ---- messages ---- */

static void fill_info(struct sctp_sendv_spa *info, const struct sctp_message *m)
{
    memset(info, 0, sizeof(*info));
    info->sendv_flags = SCTP_SEND_SNDINFO_VALID;
    info->sendv_sndinfo.snd_sid = m->stream;
    info->sendv_sndinfo.snd_ppid = htonl(m->ppid);
    /* EOR: the message is whole; explicit EOR mode would cut what is larger than the buffer. */
    info->sendv_sndinfo.snd_flags = (uint16_t)(SCTP_EOR | (m->is_unordered ? SCTP_UNORDERED : 0));
    if (m->has_retransmits) {
        info->sendv_flags |= SCTP_SEND_PRINFO_VALID;
        info->sendv_prinfo.pr_policy = SCTP_PR_SCTP_RTX;
        info->sendv_prinfo.pr_value = m->retransmits;
    } else if (m->lifetime_ms != 0) {
        info->sendv_flags |= SCTP_SEND_PRINFO_VALID;
        info->sendv_prinfo.pr_policy = SCTP_PR_SCTP_TTL;
        info->sendv_prinfo.pr_value = m->lifetime_ms;
    }
}

static int error_of(int number)
{
    switch (number) {
    case EWOULDBLOCK:
    case ENOBUFS:
        return ERR_AGAIN;
    case EMSGSIZE:
    case EINVAL:
        return ERR_RANGE;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_CLOSED;
    }
}

static int push(struct sctp *s, const struct sctp_message *m, struct sctp_sendv_spa *info)
{
    ssize_t n =
        usrsctp_sendv(s->socket, m->data, m->len, NULL, 0, info, sizeof(*info), SCTP_SENDV_SPA, 0);

    if (n < 0)
        return error_of(errno);
    /* Counted when the library took it: its room callback speaks of these. */
    s->sent[(s->sent_first + s->sent_count++) % WAITING_MAX] = (uint32_t)m->len;
    s->sent_octets += m->len;
    return 0;
}

int sctp_send(struct sctp *s, const struct sctp_message *m)
{
    struct sctp_sendv_spa info;
    int err;

    if (!s->is_up)
        return ERR_CLOSED;
    if (m->len == 0 || m->len > s->options.send_octets)
        return ERR_RANGE;
    fill_info(&info, m);
    enter();
    /* WAITING_MAX bounds small messages, of which the buffer would take ten thousand. */
    err = s->sent_count < WAITING_MAX ? push(s, m, &info) : ERR_AGAIN;
    s->is_blocked = err == ERR_AGAIN;
    if (err == ERR_AGAIN) {
        state.stats.refused++;
    } else if (err == 0) {
        state.stats.messages_out++;
        state.stats.octets_out += m->len;
    }
    leave();
    return err;
}

int sctp_reset_stream(struct sctp *s, uint16_t stream)
{
    union {
        struct sctp_reset_streams reset;
        uint8_t room[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
    } r;
    int err = 0;

    if (!s->is_up)
        return ERR_CLOSED;
    memset(&r, 0, sizeof(r));
    /* Outgoing: ours. The peer resets its own when it sees that (RFC 8831 §6.7). */
    r.reset.srs_flags = SCTP_STREAM_RESET_OUTGOING;
    r.reset.srs_number_streams = 1;
    r.reset.srs_stream_list[0] = stream;
    enter();
    if (!sctp_set_option(s->socket, SCTP_RESET_STREAMS, &r, sizeof(r.room)))
        /* One reset at a time (RFC 6525 §5.1.2): the others wait for their turn with the caller. */
        err = errno == EALREADY || errno == EAGAIN ? ERR_AGAIN : ERR_INVAL;
    leave();
    return err;
}

/* The library tells it at once where nothing is on its way. */
int sctp_want_dry(struct sctp *s)
{
    struct sctp_event event = {
        .se_assoc_id = SCTP_ALL_ASSOC, .se_type = SCTP_SENDER_DRY_EVENT, .se_on = 0};
    bool is_set;

    if (!s->is_up)
        return ERR_CLOSED;
    s->wants_dry = true;
    enter();
    (void)sctp_set_option(s->socket, SCTP_EVENT, &event, sizeof(event));
    event.se_on = 1;
    is_set = sctp_set_option(s->socket, SCTP_EVENT, &event, sizeof(event));
    leave();
    return is_set ? 0 : ERR_INVAL;
}

int sctp_shutdown(struct sctp *s)
{
    int err;

    if (!s->is_up)
        return ERR_CLOSED;
    enter();
    err = usrsctp_shutdown(s->socket, SHUT_WR) == 0 ? 0 : ERR_STATE;
    leave();
    return err;
}

struct socket *sctp_socket(const struct sctp *s)
{
    return s->socket;
}

/* Between hold and go nothing is delivered: a caller that walks its channels does not want them
 * changed under it. */
void sctp_hold(void)
{
    enter();
}

void sctp_go(void)
{
    leave();
}

bool sctp_is_up(const struct sctp *s)
{
    return s->is_up;
}

const struct sctp_stats *sctp_stats(void)
{
    return &state.stats;
}
