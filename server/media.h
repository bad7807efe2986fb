/* Media ports: a session's place on the data plane, and the DTLS association that keys it.
 *
 * A port is one transport of sluice-dp (mode DTLS-SRTP or pass), or a pair of them (plain RTP and
 * RTCP on an even port and the next). The session sees only this interface; the real one
 * (media_link.c) speaks to the data plane and to the shards, tests bring their own.
 *
 *   open → on_opened → set_remote, associate → on_established, on_keyed → close → on_closed
 *
 * The local address is known from open on. close may come at any time; on_closed follows once, and
 * no other callback after it. Callbacks never come from inside the operations. Main thread. */
#ifndef SERVER_MEDIA_H
#define SERVER_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "crypto/dtls.h"
#include "link/link_msg.h"

struct media_port;

enum media_kind {
    MEDIA_DTLS_SRTP,
    MEDIA_PLAIN_RTP,
    MEDIA_PASS, /* DTLS and SRTP of two peers, unopened: no association, no keys (C-PASS) */
};

struct media_request {
    enum media_kind kind;
    uint8_t family; /* enum addr_family of the peer */
    uint32_t place; /* ports with the same number live on one worker while it has room */
    uint8_t dscp;
    bool is_lab;         /* report the keys: lab transports only */
    const char *session; /* ids as text, for a sluiced that comes back */
    const char *conference;
};

/* What the peer's ICE checks are made with; texts. */
struct media_ice {
    char ufrag[16];
    char password[32];
};

#define MEDIA_ROUTES_MAX LINK_ROUTES_MAX
#define MEDIA_PT_ANY     LINK_PT_ANY

struct media_route {
    struct media_port *to;
    uint8_t pt_in;  /* MEDIA_PT_ANY: all that no row before it took */
    uint8_t pt_out; /* MEDIA_PT_ANY: as it came */
    uint8_t lane;   /* rows of one lane are one stream to the receiver */
    bool is_video;
    uint32_t clock_rate; /* Hz, 0: as the payload type says */
};

struct media_established {
    enum srtp_profile profile;
    const char *cipher;
    const struct fingerprint *peer;
    uint32_t handshake_ms;
    const struct srtp_master *local, *remote; /* lab transports; else NULL */
};

struct media_callbacks {
    void (*on_opened)(void *owner, int err); /* err != 0: close it */
    void (*on_established)(void *owner, const struct media_established *e);
    void (*on_keyed)(void *owner);
    /* The association is dead; the port is not: close it. */
    void (*on_failed)(void *owner, enum dtls_failure why, const char *text);
    void (*on_peer_closed)(void *owner);
    void (*on_stranger)(void *owner, const struct addr *from, uint64_t count);
    void (*on_event)(void *owner, unsigned link_type, const struct link_event *event);
    /* The data plane went away, or closed the transport by itself; close the port. */
    void (*on_gone)(void *owner, const char *why);
    /* After close; `final` may be all zero. The port is freed afterwards. */
    void (*on_closed)(void *owner, const struct link_transport_stats *final);
};

struct media_ops {
    /* ERR_CLOSED: no data plane; ERR_LIMIT: no port free; ERR_NOTFOUND: no address of the family;
     * ERR_NOMEM. */
    int (*open)(void *media, const struct media_request *request,
                const struct media_callbacks *callbacks, void *owner, struct media_port **out);
    /* Address of the port; media_control of a plain one is the port above. */
    struct addr (*local)(const struct media_port *port);
    /* Where the peer's media come from and go to. `rtcp` is used by plain ports alone. */
    int (*set_remote)(struct media_port *port, const struct addr *rtp, const struct addr *rtcp);
    /* Start DTLS, once (D-ONCE): ERR_EXISTS when done before. set_remote comes first. */
    int (*associate)(struct media_port *port, bool is_active, const struct fingerprint *peer);
    /* Answer ICE's checks with these credentials, for ports that are not plain; on_event says
     * LINK_ICE_SELECTED, with the address that is the remote from then on. Again: a restart. */
    int (*ice)(struct media_port *port, const struct media_ice *ice);
    /* Where the media that arrive on `from` go: by the first row that fits, in the place of the
     * rows of before; no row: nowhere. RTCP goes to the port of the first row. ERR_STATE: a port is
     * not open; ERR_LIMIT: more than MEDIA_ROUTES_MAX. */
    int (*route)(struct media_port *from, const struct media_route *rows, size_t count);
    /* Counters now. ERR_CLOSED, ERR_NOTFOUND. */
    int (*stats)(struct media_port *port, struct link_transport_stats *stats);
    void (*close)(struct media_port *port);
};

#endif
