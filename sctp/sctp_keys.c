/* Authenticated chunks (RFC 4895) for DTLS over SCTP. What one would not guess of the library: an
 * association whose peer knows no AUTH comes up all the same, and takes its data as they are. */
#include "sctp/sctp_priv.h"

#include <stdlib.h>
#include <string.h>

#include <usrsctp.h>

#include "base/err.h"
#include "base/secret.h"
#include "sctp/sctp.h"

#define CHUNK_DATA          0
#define CHUNK_I_DATA        64
#define CHUNK_RE_CONFIG     130
#define CHUNK_FORWARD_TSN   192
#define CHUNK_I_FORWARD_TSN 194
#define KEY_MAX             256
#define CHUNKS_MAX          256

bool sctp_keys_require(struct socket *socket)
{
    /* RFC 6083 4.5 wants data and FORWARD-TSN; a stream that somebody else resets is as bad. */
    static const uint8_t chunks[] = {CHUNK_DATA, CHUNK_I_DATA, CHUNK_RE_CONFIG, CHUNK_FORWARD_TSN,
                                     CHUNK_I_FORWARD_TSN};
    const struct sctp_assoc_value on = {.assoc_id = SCTP_FUTURE_ASSOC, .assoc_value = 1};

    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_AUTH_SUPPORTED, &on, sizeof(on)) != 0)
        return false;
    for (size_t i = 0; i < sizeof(chunks); i++) {
        struct sctp_authchunk chunk = {.sauth_chunk = chunks[i]};

        if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_AUTH_CHUNK, &chunk, sizeof(chunk)) != 0)
            return false;
    }
    return true;
}

bool sctp_keys_are_peers(struct socket *socket)
{
    union {
        struct sctp_authchunks list;
        uint8_t room[sizeof(struct sctp_authchunks) + CHUNKS_MAX];
    } peer;
    socklen_t len = sizeof(peer);

    memset(&peer, 0, sizeof(peer));
    if (usrsctp_getsockopt(socket, IPPROTO_SCTP, SCTP_PEER_AUTH_CHUNKS, &peer, &len) != 0)
        return false;
    for (size_t i = sizeof(peer.list); i < len && i < sizeof(peer); i++)
        if (peer.room[i] == CHUNK_DATA)
            return true;
    return false;
}

int sctp_key_add(struct sctp *s, uint16_t number, const uint8_t *key, size_t len)
{
    union {
        struct sctp_authkey key;
        uint8_t room[sizeof(struct sctp_authkey) + KEY_MAX];
    } k;
    int err;

    if (len > KEY_MAX || !sctp_is_up(s))
        return len > KEY_MAX ? ERR_INVAL : ERR_STATE;
    memset(&k, 0, sizeof(k));
    k.key.sca_keynumber = number;
    k.key.sca_keylength = (uint16_t)len;
    memcpy(k.key.sca_key, key, len);
    sctp_hold();
    err = usrsctp_setsockopt(sctp_socket(s), IPPROTO_SCTP, SCTP_AUTH_KEY, &k,
                             (socklen_t)(sizeof(k.key) + len)) == 0
              ? 0
              : ERR_INVAL;
    sctp_go();
    secret_wipe(&k, sizeof(k));
    return err;
}

static int act(struct sctp *s, int option, uint16_t number)
{
    const struct sctp_authkeyid id = {.scact_keynumber = number};
    int err;

    if (!sctp_is_up(s))
        return ERR_STATE;
    sctp_hold();
    err = usrsctp_setsockopt(sctp_socket(s), IPPROTO_SCTP, option, &id, sizeof(id)) == 0
              ? 0
              : ERR_INVAL;
    sctp_go();
    return err;
}

int sctp_key_use(struct sctp *s, uint16_t number)
{
    return act(s, SCTP_AUTH_ACTIVE_KEY, number);
}

/* One that messages on their way still have is kept by the library until they have arrived. */
int sctp_key_forget(struct sctp *s, uint16_t number)
{
    int err = act(s, SCTP_AUTH_DELETE_KEY, number);

    return err == ERR_INVAL ? act(s, SCTP_AUTH_DEACTIVATE_KEY, number) : err;
}
