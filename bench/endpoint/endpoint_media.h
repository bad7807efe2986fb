/* Media of one call: the UDP sockets, DTLS, SRTP, the 20 ms clock, and what is said and heard.
 *
 * Secured media use one port for everything (M-RTCPMUX); plain media an even port for RTP and the
 * next one for RTCP. Packets that do not come from the signalled address are counted and dropped.
 * Sending starts when the channel is acknowledged and (secured) the keys are there. */
#ifndef BENCH_ENDPOINT_MEDIA_H
#define BENCH_ENDPOINT_MEDIA_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "bench/endpoint/endpoint_audio.h"
#include "bench/endpoint/endpoint_camera.h"
#include "bench/endpoint/endpoint_data.h"
#include "bench/endpoint/endpoint_dtls.h"
#include "bench/endpoint/endpoint_faults.h"
#include "bench/endpoint/endpoint_keys.h"
#include "bench/endpoint/endpoint_options.h"
#include "bench/endpoint/endpoint_report.h"
#include "bench/endpoint/endpoint_rtp.h"
#include "bench/endpoint/endpoint_sctp.h"
#include "bench/endpoint/endpoint_srtp.h"
#include "bench/endpoint/endpoint_stream.h"
#include "bench/endpoint/endpoint_video.h"
#include "bench/endpoint/endpoint_voice.h"

#define MEDIA_STREAMS_MAX 16 /* of audio that are told apart */

#define MEDIA_COUNTER_LIST(X)                                 \
    X(packets_out) /* RTP sent */                             \
    X(packets_in)  /* RTP received and good */                \
    X(rtcp_out)                                               \
    X(rtcp_in)                                                \
    X(dtls_out) /* datagrams */                               \
    X(dtls_in)                                                \
    X(foreign_address) /* came from elsewhere */              \
    X(early)           /* protected media before the keys */  \
    X(bad_auth)                                               \
    X(replayed)                                               \
    X(malformed)                                              \
    X(unknown_first_byte)                                     \
    X(plain_when_secured) /* RTCP or RTP of the wrong kind */ \
    X(send_errors)                                            \
    X(data_in) /* records of data */                          \
    X(data_out)                                               \
    X(faults_out)    /* packets that a fault sent */          \
    X(third_answers) /* what came back to the third address */

struct media_counters {
#define MEDIA_COUNTER_MEMBER(name) uint64_t name;
    MEDIA_COUNTER_LIST(MEDIA_COUNTER_MEMBER)
#undef MEDIA_COUNTER_MEMBER
};

struct media_ops {
    void (*on_done)(void *arg);                     /* played and heard, as far as asked for */
    void (*on_failed)(void *arg, const char *what); /* DTLS failed */
    void (*on_flowing)(void *arg);                  /* the first packet went out; for drop faults */
    void (*on_clock)(void *arg, unsigned ms);       /* each frame; since the media began */
    void (*on_data_up)(void *arg);                  /* the SCTP association */
    void (*on_key)(void *arg, char key);            /* is pressed, not in the audio's stream */
};

struct media_socket {
    uv_udp_t udp;
    struct media *media;
    struct addr local, remote;
    bool is_used;
};

/* Caller's storage; alive until the loop has run after media_close. Members may be read. */
struct media {
    const struct endpoint_options *options;
    struct report *report;
    const struct dtls_identity *identity;
    const struct media_ops *ops;
    void *arg;
    uv_loop_t *loop;
    struct media_socket rtp, rtcp, third;
    struct media_socket video_rtp, video_rtcp; /* plain video; secured video shares `rtp` */
    uv_timer_t pace, dtls_timer;
    bool is_secured, dtls_client, tx_open, rx_open, is_running, is_paused, is_stopped, is_closed,
        flowing_told, done_told;
    bool play_asked; /* the player may start, after its lead */
    struct dtls_peer *dtls, *third_dtls;
    struct srtp_pair *srtp;
    struct data_end *data;   /* NULL: none is wanted */
    struct stream *stream;   /* of data over TCP, */
    struct secured *secured; /* or DTLS over SCTP; both NULL: on the media's transport */
    bool data_client;        /* DTLS role where the data are */
    bool data_open;          /* its H.245 channel */
    uint16_t data_port, data_remote_port; /* of SCTP */
    struct dtls_srtp_keys keys;
    enum voice_codec tx_codec, rx_codec;
    uint8_t tx_type, rx_type; /* RTP payload types */
    struct voice_encoder *encoder;
    struct voice_decoder *decoder;
    struct player player;
    struct recorder recorder;
    struct heard_stream { /* told apart by SSRC; further ones are in the common recording alone */
        uint32_t ssrc;
        uint64_t packets;
        struct recorder recorder; /* with --record-each */
    } streams[MEDIA_STREAMS_MAX];
    size_t stream_count;
    int16_t *play_samples, *expect_samples;
    size_t play_count, expect_count;
    struct rtp_sender sender;
    struct keys keypad;
    uint8_t event_type; /* payload type of telephone-events; 0: the peer takes none */
    struct video video, presentation;
    struct camera camera;
    struct rtp_reception reception;
    struct rtcp_seen rtcp_seen;
    struct media_counters counters;
    struct garbage garbage;
    uint64_t next_frame_us;
    unsigned frames, lead_frames, tail_frames;
    char cname[64];
    uint8_t buffer[65536];
};

/* Loads the files and prepares; binds nothing yet. Errors are on stderr. */
int media_init(struct media *m, uv_loop_t *loop, const struct endpoint_options *options,
               const struct dtls_identity *identity, struct report *report,
               const struct media_ops *ops, void *arg);
/* An even port and the next on `address` (its port is ignored). */
int media_bind(struct media *m, const struct addr *address);
void media_set_remote(struct media *m, const struct addr *rtp, const struct addr *rtcp);
/* Agreed on DTLS; `peer_fingerprint` is what the certificate has to hash to. */
void media_start_dtls(struct media *m, bool is_client, const char *peer_hash,
                      const char *peer_fingerprint);
/* `payload_type` of a codec that has none of its own, else VOICE_PT_DYNAMIC. */
void media_open_tx(struct media *m, enum voice_codec codec, uint8_t payload_type);
void media_open_rx(struct media *m, enum voice_codec codec, uint8_t payload_type);
/* Play the file now, again if it was played. */
void media_play(struct media *m);
/* Their payload type is known. */
void media_open_video(struct media *m);
void media_open_presentation(struct media *m);
/* Of the one that is seen. ERR_STATE: no channel; ERR_INVAL. */
int media_move_camera(struct media *m, const char *direction);
void media_close_tx(struct media *m);
/* The data channel of H.245 is open; SCTP begins when DTLS is there. And it is closed. */
void media_open_data(struct media *m, uint16_t port, uint16_t remote_port);
void media_close_data(struct media *m);
/* A transport of their own for data (tcp-dtls-sctp, sctp-dtls), at the address; and what was agreed
 * for it. */
int media_bind_data(struct media *m, const struct addr *address);
struct dtls_peer *media_data_dtls(const struct media *m); /* its DTLS; NULL: none yet */
bool media_has_data_transport(const struct media *m);
/* DTLS is there, verified, and (where that was wanted) with keys for SRTP. */
bool media_is_verified(const struct media *m);
struct addr media_data_local(const struct media *m);
void media_start_data(struct media *m, const struct addr *remote, bool is_client,
                      const char *peer_hash, const char *peer_fingerprint);
/* BYE, and no packet of ours from then on; DTLS stays. Idempotent. */
void media_pause(struct media *m);
/* As media_pause, then close_notify, and no packet from then on. Idempotent. */
void media_stop(struct media *m);
/* Writes the recording, frees everything. */
void media_close(struct media *m);
void media_fini(struct media *m);

/* Members of the report, new reference. */
json_t *media_report(const struct media *m);
/* A line for --stats. */
json_t *media_stats(const struct media *m);

#endif
