/* How a socket of usrsctp is set before its association begins. */
#include <string.h>

#include <usrsctp.h>

#include "sctp/sctp.h"
#include "sctp/sctp_priv.h"

bool sctp_set_option(struct socket *socket, int option, const void *value, size_t len)
{
    return usrsctp_setsockopt(socket, IPPROTO_SCTP, option, value, (socklen_t)len) == 0;
}

static bool subscribe(struct socket *socket)
{
    static const uint16_t types[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT,
                                     SCTP_SEND_FAILED_EVENT};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        /* For associations of all kinds: one-to-one sockets have one only. */
        struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = types[i], .se_on = 1};

        if (!sctp_set_option(socket, SCTP_EVENT, &event, sizeof(event)))
            return false;
    }
    return true;
}

static bool set_sizes(struct socket *socket, const struct sctp_options *o)
{
    /* The buffers are the only bound of what waits in the library, in octets; WAITING_MAX is ours,
     * in messages. */
    int send = (int)o->send_octets, receive = (int)o->receive_octets;

    return usrsctp_setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send)) == 0 &&
           usrsctp_setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive)) == 0;
}

bool sctp_configure(struct socket *socket, const struct sctp_options *o)
{
    /* A close must not keep timers in a library that outlives the association. */
    const struct linger linger = {.l_onoff = 1, .l_linger = 0}; /* close aborts, nothing lingers */
    const struct sctp_initmsg init = {.sinit_num_ostreams = o->streams,
                                      .sinit_max_instreams = o->streams};
    /* Either side may close a channel (RFC 8831 §6.7): streams are reset one by one. */
    const struct sctp_assoc_value reset = {.assoc_id = SCTP_ALL_ASSOC,
                                           .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
    const uint32_t on = 1;

    return usrsctp_set_non_blocking(socket, 1) == 0 &&
           usrsctp_setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0 &&
           sctp_set_option(socket, SCTP_NODELAY, &on, sizeof(on)) &&
           sctp_set_option(socket, SCTP_INITMSG, &init, sizeof(init)) &&
           sctp_set_option(socket, SCTP_ENABLE_STREAM_RESET, &reset, sizeof(reset)) &&
           subscribe(socket) && set_sizes(socket, o) &&
           (!o->is_authenticated || sctp_keys_require(socket));
}

/* The path is what DTLS leaves of it: no discovery (RFC 8261 5). */
bool sctp_set_path(struct socket *socket, const struct sockaddr_conn *peer, uint16_t mtu)
{
    struct sctp_paddrparams params;

    memset(&params, 0, sizeof(params));
    memcpy(&params.spp_address, peer, sizeof(*peer));
    /* DTLS fragments nothing and its overhead is taken off already: mtu is what SCTP may fill. */
    params.spp_flags = SPP_PMTUD_DISABLE;
    params.spp_pathmtu = mtu;
    return sctp_set_option(socket, SCTP_PEER_ADDR_PARAMS, &params, sizeof(params));
}
