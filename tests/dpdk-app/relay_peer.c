#include "tests/dpdk-app/relay_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

void need(bool ok, const char *file, int line, const char *format, ...)
{
    va_list list;

    if (ok)
        return;
    va_start(list, format);
    fprintf(stderr, "%s:%d: FAILED: ", file, line);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

/* ---- control ---- */

static void on_attached(void *context, const struct link_info *info)
{
    struct control *control = context;

    control->attached = true;
    control->info = *info;
}

static void on_detached(void *context, int error, const char *text)
{
    ((struct control *)context)->attached = false;
    fprintf(stderr, "link: %s (%s)\n", text, err_to_str(error));
}

static void on_msg(void *context, const struct link_msg *msg)
{
    struct control *control = context;

    if (msg->type == LINK_REPLY) {
        control->reply = *msg;
        return;
    }
    if (msg->type == LINK_DTLS_RX) {
        control->dtls = *msg;
        control->dtls_n++;
    }
    control->last_event = (struct link_id){msg->transport, msg->generation};
    if (msg->type < 80)
        control->event_n[msg->type]++;
}

static void serve(struct control *control, int wait_ms)
{
    struct pollfd pfd[2] = {{.fd = link_client_fd(control->client), .events = POLLIN},
                            {.fd = link_port_fd(control->port), .events = POLLIN}};

    poll(pfd, 2, wait_ms);
    link_client_poll(control->client, clock_mono_ms());
    link_port_poll(control->port, 0);
}

void control_start(struct control *control, const char *path)
{
    struct link_client_config config = {.path = path,
                                        .program = "relay test",
                                        .producers = 1,
                                        .retry_ms = 50,
                                        .on_attached = on_attached,
                                        .on_detached = on_detached,
                                        .context = control};
    uint64_t until = clock_mono_ms() + WAIT_MS;

    memset(control, 0, sizeof(*control));
    NEED(link_client_create(&config, &control->client) == 0, "link client");
    control->port = link_client_port(control->client, 0);
    link_port_listen(control->port, on_msg, NULL, control);
    while (!control->attached && clock_mono_ms() < until)
        serve(control, 20);
    NEED(control->attached, "no attach to %s", path);
}

void control_stop(struct control *control)
{
    link_client_destroy(control->client);
    control->client = NULL;
}

void control_wait(struct control *control, const unsigned *what, unsigned n, const char *name)
{
    uint64_t until = clock_mono_ms() + WAIT_MS;

    while (*what < n && clock_mono_ms() < until)
        serve(control, 50);
    NEED(*what >= n, "%s: %u of %u", name, *what, n);
}

int control_call(struct control *control, struct link_msg *msg)
{
    uint64_t until = clock_mono_ms() + WAIT_MS;
    int err;

    msg->cookie = ++control->cookie;
    control->reply.cookie = 0;
    if (msg->type == LINK_TRANSPORT_OPEN)
        err = link_port_open(control->port, msg->transport, &msg->u.open, msg->cookie);
    else
        err = link_port_send(control->port, msg);
    NEED(err == 0, "%s: %s", link_type_to_str(msg->type), err_to_str(err));
    while (control->reply.cookie != msg->cookie && clock_mono_ms() < until)
        serve(control, 50);
    NEED(control->reply.cookie == msg->cookie, "%s: no reply", link_type_to_str(msg->type));
    return control->reply.error;
}

/* Transports are spread over the workers, so that packets and routes cross between them. */
struct link_id control_open(struct control *control, unsigned local, unsigned mode, uint16_t port,
                            const struct link_addr *remote, const char *session)
{
    struct link_msg msg;
    int err;

    link_msg_init(&msg, LINK_TRANSPORT_OPEN, (struct link_id){0, 0}, 0);
    msg.transport = port / 2 % control->info.workers;
    msg.u.open.local = (uint8_t)local;
    msg.u.open.mode = (uint8_t)mode;
    msg.u.open.port = port;
    msg.u.open.dscp = 46;
    msg.u.open.remote = *remote;
    snprintf(msg.u.open.session, LINK_TAG_SIZE, "%s", session);
    snprintf(msg.u.open.conference, LINK_TAG_SIZE, "demo");
    err = control_call(control, &msg);
    NEED(err == 0, "open port %u: %s", port, err_to_str(err));
    return (struct link_id){control->reply.transport, control->reply.generation};
}

void control_route(struct control *control, struct link_id from, struct link_id to,
                   struct link_id rtcp_to, unsigned pt_in, unsigned pt_out)
{
    struct link_msg msg;

    link_msg_init(&msg, LINK_ROUTE_SET, from, 0);
    msg.u.routes.count = 1;
    msg.u.routes.rtcp = rtcp_to;
    msg.u.routes.row[0].to = to;
    msg.u.routes.row[0].pt_in = (uint8_t)pt_in;
    msg.u.routes.row[0].pt_out = (uint8_t)pt_out;
    NEED(control_call(control, &msg) == 0, "route");
}

uint64_t control_counter(struct control *control, unsigned counter)
{
    struct link_counters counters;
    uint64_t sum = 0;

    for (unsigned w = 0; w < control->info.workers; w++) {
        NEED(link_client_counters(control->client, w, &counters) == 0, "counters");
        sum += counters.value[counter];
    }
    return sum;
}

void control_count(struct control *control, unsigned counter, uint64_t n, uint64_t *since)
{
    uint64_t until = clock_mono_ms() + WAIT_MS, now;

    while ((now = control_counter(control, counter)) < *since + n && clock_mono_ms() < until)
        serve(control, 5);
    NEED(now == *since + n, "%s: grew by %llu, not %llu", link_counter_name(counter),
         (unsigned long long)(now - *since), (unsigned long long)n);
    *since = now;
}

/* ---- peers ---- */

static socklen_t to_sockaddr(const struct link_addr *from, struct sockaddr_storage *ss)
{
    struct addr addr = link_addr_to(from);

    return addr_to_sockaddr(&addr, ss);
}

static struct link_addr parse(const char *ip, uint16_t port)
{
    struct addr addr;

    NEED(addr_parse(ip, &addr) == 0, "address %s", ip);
    addr.port = port;
    return link_addr_from(&addr);
}

/* The profile's own policy in libsrtp's words. */
static void set_policy(srtp_policy_t *policy, unsigned profile)
{
    static const srtp_profile_t names[] = {[1] = srtp_profile_aes128_cm_sha1_80,
                                           [2] = srtp_profile_aes128_cm_sha1_32,
                                           [7] = srtp_profile_aead_aes_128_gcm,
                                           [8] = srtp_profile_aead_aes_256_gcm};

    srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, names[profile]);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy->rtcp, names[profile]);
    policy->window_size = 1024;
}

static void make_session(srtp_t *session, unsigned profile, uint8_t *key, srtp_ssrc_type_t type)
{
    srtp_policy_t policy;

    memset(&policy, 0, sizeof(policy));
    set_policy(&policy, profile);
    policy.ssrc.type = type;
    policy.key = key;
    NEED(srtp_create(session, &policy) == srtp_err_status_ok, "srtp_create");
}

void peer_start(struct peer *peer, const char *us, uint16_t port, const char *them,
                uint16_t their_port, unsigned profile, uint32_t ssrc)
{
    struct sockaddr_storage ss;
    socklen_t length;

    memset(peer, 0, sizeof(*peer));
    peer->us = parse(us, port);
    peer->them = parse(them, their_port);
    peer->profile = profile;
    peer->ssrc = ssrc;
    peer->sequence = 65500; /* wraps soon: the roll-over counter is tested too */
    length = to_sockaddr(&peer->us, &ss);
    peer->sock = socket(ss.ss_family, SOCK_DGRAM, 0);
    NEED(peer->sock >= 0 && bind(peer->sock, (struct sockaddr *)&ss, length) == 0, "bind %s %u", us,
         port);
    if (profile == 0)
        return;
    peer->key_length = profile == 8 ? 32 : 16;
    peer->salt_length = profile >= 7 ? 12 : 14;
    NEED(getrandom(peer->key, sizeof(peer->key), 0) == sizeof(peer->key), "random");
    make_session(&peer->out, profile, peer->key[0], ssrc_any_outbound);
    make_session(&peer->in, profile, peer->key[1], ssrc_any_inbound);
}

void peer_stop(struct peer *peer)
{
    close(peer->sock);
    if (peer->profile == 0)
        return;
    srtp_dealloc(peer->out);
    srtp_dealloc(peer->in);
}

void peer_keys(struct control *control, struct peer *peer, struct link_id id)
{
    struct link_msg msg;
    struct link_keys *keys = &msg.u.keys;

    link_msg_init(&msg, LINK_KEYS_SET, id, 0);
    keys->profile = (uint16_t)peer->profile;
    keys->key_length = (uint8_t)peer->key_length;
    keys->salt_length = (uint8_t)peer->salt_length;
    memcpy(keys->rx_key, peer->key[0], peer->key_length);
    memcpy(keys->rx_salt, peer->key[0] + peer->key_length, peer->salt_length);
    memcpy(keys->tx_key, peer->key[1], peer->key_length);
    memcpy(keys->tx_salt, peer->key[1] + peer->key_length, peer->salt_length);
    NEED(control_call(control, &msg) == 0, "keys: %s", err_to_str(control->reply.error));
}

int peer_rtp(struct peer *peer, unsigned payload_type, uint8_t *out)
{
    uint16_t sequence = htons(peer->sequence++);
    uint32_t timestamp = htonl(peer->timestamp), ssrc = htonl(peer->ssrc);

    out[0] = 0x80;
    out[1] = (uint8_t)payload_type;
    memcpy(out + 2, &sequence, 2);
    memcpy(out + 4, &timestamp, 4);
    memcpy(out + 8, &ssrc, 4);
    for (int i = 0; i < 160; i++)
        out[12 + i] = (uint8_t)(i * 3 + peer->sequence);
    peer->timestamp += 160;
    return 172;
}

int peer_rtcp(struct peer *peer, uint8_t *out)
{
    uint32_t ssrc = htonl(peer->ssrc);

    /* Sender report without blocks, then CNAME. */
    memset(out, 0x11, 28);
    memcpy(out, (const uint8_t[]){0x80, 200, 0, 6}, 4);
    memcpy(out + 4, &ssrc, 4);
    memcpy(out + 28, (const uint8_t[]){0x81, 202, 0, 3}, 4);
    memcpy(out + 32, &ssrc, 4);
    memcpy(out + 36, (const uint8_t[]){1, 4, 't', 'e', 's', 't', 0, 0}, 8);
    return 44;
}

int peer_protect(struct peer *peer, bool rtcp, uint8_t *data, int length)
{
    srtp_err_status_t status = srtp_err_status_ok;

    if (peer->profile != 0)
        status = rtcp ? srtp_protect_rtcp(peer->out, data, &length)
                      : srtp_protect(peer->out, data, &length);
    NEED(status == srtp_err_status_ok, "protect: %d", (int)status);
    return length;
}

void peer_send(struct peer *peer, const void *data, int length)
{
    struct sockaddr_storage ss;
    socklen_t size = to_sockaddr(&peer->them, &ss);

    NEED(sendto(peer->sock, data, (size_t)length, 0, (struct sockaddr *)&ss, size) == length,
         "send to port %u", peer->them.port);
}

int peer_receive(struct peer *peer, bool rtcp, uint8_t *data, int size)
{
    struct pollfd pfd = {.fd = peer->sock, .events = POLLIN};
    struct sockaddr_storage ss;
    socklen_t ss_size = sizeof(ss);
    struct addr from;
    srtp_err_status_t status = srtp_err_status_ok;
    int length;

    NEED(poll(&pfd, 1, WAIT_MS) == 1, "nothing came to port %u", peer->us.port);
    length = (int)recvfrom(peer->sock, data, (size_t)size, 0, (struct sockaddr *)&ss, &ss_size);
    NEED(length > 0 && addr_from_sockaddr((struct sockaddr *)&ss, ss_size, &from) == 0, "receive");
    NEED(from.port == peer->them.port, "from port %u, not %u", from.port, peer->them.port);
    if (peer->profile == 0)
        return length;
    status = rtcp ? srtp_unprotect_rtcp(peer->in, data, &length)
                  : srtp_unprotect(peer->in, data, &length);
    NEED(status == srtp_err_status_ok, "unprotect at port %u: %d", peer->us.port, (int)status);
    return length;
}
