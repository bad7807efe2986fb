/* The rows of `media`: RTP, video, and what stands below data channels. */
#include "settings/table.h"

#define AT   SETTINGS_AT
#define LIST SETTINGS_LIST

static const struct settings_choice video_choices[] = {{"h264", SETTINGS_VIDEO_H264},
                                                       {"h265", SETTINGS_VIDEO_H265},
                                                       {"h263", SETTINGS_VIDEO_H263},
                                                       {"h261", SETTINGS_VIDEO_H261},
                                                       {NULL, 0}};

static const struct settings_choice stack_choices[] = {
    {"udp-dtls-sctp", SETTINGS_STACK_UDP_DTLS_SCTP},
    {"tcp-dtls-sctp", SETTINGS_STACK_TCP_DTLS_SCTP},
    {"sctp-dtls", SETTINGS_STACK_SCTP_DTLS},
    {NULL, 0},
};

static const struct settings_row data_ports_rows[] = {
    {"first", SETTINGS_UINT, AT(settings_ports, first), .min = 0, .max = 65535, .fallback = "0",
     .help = "First port; 0 = the system chooses."},
    {"last", SETTINGS_UINT, AT(settings_ports, last), .min = 0, .max = 65535, .fallback = "0",
     .help = "Last port; 0 = the system chooses."},
};
static const struct settings_table data_ports_table =
    SETTINGS_TABLE("Ports of data channels over TCP and SCTP.", data_ports_rows);

static const struct settings_row media_rows[] = {
    {"dscp", SETTINGS_UINT, AT(settings_media, dscp), .min = 0, .max = 63, .fallback = "46",
     .help = "Code point of the media packets that are sent (46 = expedited forwarding)."},
    {"dscp_video", SETTINGS_UINT, AT(settings_media, dscp_video), .min = 0, .max = 63,
     .fallback = "34",
     .help = "The same for transports of video (34 = assured forwarding 41, RFC 4594). What shares "
             "an association with audio is marked as audio."},
    {"no_media_timeout_ms", SETTINGS_UINT, AT(settings_media, no_media_timeout_ms), .min = 0,
     .max = 86400000, .unit = "ms", .fallback = "60000",
     .help = "A session from which nothing came for so long is ended. 0 = never."},
    {"key_frame_wait_ms", SETTINGS_UINT, AT(settings_media, key_frame_wait_ms), .min = 0,
     .max = 10000, .unit = "ms", .fallback = "2000",
     .help =
         "Where another source of video is to be seen, the one before is until the first packet "
         "of the new one's key frame, so long at most. 0 = switched at once."},
    {"video", SETTINGS_CHOICES, LIST(settings_media, video, video_count), .min = 0,
     .max = SETTINGS_CODECS_MAX, .choices = video_choices,
     .fallback = "[\"h264\", \"h265\", \"h263\", \"h261\"]",
     .help = "Video codecs that relays pass on and mixes switch, best first; empty = no video."},
    {"opus_identifier", SETTINGS_TEXT, AT(settings_media, opus_identifier), .min = 1, .max = 63,
     .fallback = "\"opus-codec.org\"",
     .help =
         "Identifier of Opus as a generic audio capability in H.245, which has registered none: "
         "an object identifier in dotted form, or a domain-based text. Endpoints have to be "
         "told the same."},
    {"h265_identifier", SETTINGS_TEXT, AT(settings_media, h265_identifier), .min = 1, .max = 63,
     .fallback = "\"h265.rfc7798\"",
     .help = "The same for H.265 as a generic video capability: no number for it within H.241 is "
             "taken for granted, and a wrong one could be another codec's."},
    {"pass_unknown", SETTINGS_BOOL, AT(settings_media, pass_unknown), .fallback = "true",
     .help = "Relays also pass on other video codecs and data channels over RTP (H.224, T.140) "
             "that both sessions have."},
    {"data_stacks", SETTINGS_CHOICES, LIST(settings_media, data_stacks, data_stack_count), .min = 1,
     .max = SETTINGS_STACK_COUNT, .choices = stack_choices, .fallback = "[\"udp-dtls-sctp\"]",
     .help = "Stacks of data channels that are offered and taken, best first. `udp-dtls-sctp` goes "
             "through the data plane, beside audio and video; `tcp-dtls-sctp` and `sctp-dtls` "
             "(SCTP in UDP) are sockets of sluiced at the address that the call came to, and end "
             "there."},
    {"data_ports", SETTINGS_OBJECT, AT(settings_media, data_ports), .table = &data_ports_table,
     .fallback = "{}", .help = "Ports of those sockets."},
    {"ttl", SETTINGS_UINT, AT(settings_media, ttl), .min = 1, .max = 255, .fallback = "64",
     .help = "Time to live (IPv6: hop limit) of the packets that the data plane sends."},
    {"own_rtcp", SETTINGS_BOOL, AT(settings_media, own_rtcp), .fallback = "false",
     .help =
         "`true`: RTCP of each session ends at the data plane, which reports to the peer itself "
         "and gives what it sends SSRCs, sequence numbers and timestamps of its own; the round "
         "trip is measured. `false`: the two parties of a relay see each other's."},
    {"latch", SETTINGS_BOOL, AT(settings_media, latch), .fallback = "false",
     .help =
         "`true`: SRTP from another address than the signalled one moves a transport's remote "
         "there, "
         "once, if its tag is good and it is no replay (event `media.latched`): for peers whose "
         "translated address changes in a call. The DTLS handshake comes from the signalled "
         "address "
         "all the same. Legs by SDP have ICE for it, plain RTP has nothing to authenticate by."},
    {"rtcp_interval_ms", SETTINGS_UINT, AT(settings_media, rtcp_interval_ms), .min = 0,
     .max = 600000, .unit = "ms", .fallback = "5000",
     .help = "RTCP reports of our own are sent so often on the average (RFC 3550 section 6.2). "
             "0 = none."},
};
const struct settings_table settings_media_table = SETTINGS_TABLE("RTP and SRTP.", media_rows);
