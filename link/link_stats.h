/* What the data plane counts, and the part of shared memory where sluiced reads it.
 *
 * Eight counters of 64 bits make a group = one cache line; a worker owns its lines and is the only
 * writer. Readers never stop it: every value is whole, the set is not a snapshot. */
#ifndef LINK_LINK_STATS_H
#define LINK_LINK_STATS_H

#include "link/link_msg.h"

/* X(name, number, text). Number = group * 8 + place; keep the groups together. */
#define LINK_COUNTER_LIST(X)                                                                   \
    X(rx_frames, 0, "frames received")                                                         \
    X(rx_bytes, 1, "bytes received")                                                           \
    X(tx_frames, 2, "frames sent")                                                             \
    X(tx_bytes, 3, "bytes sent")                                                               \
    X(tx_dropped, 4, "frames that the device refused")                                         \
    X(handed_over, 5, "packets handed to another worker")                                      \
    X(handover_full, 6, "packets dropped: ring to the other worker full")                      \
    X(no_buffer, 7, "packets dropped: buffer pool empty")                                      \
    X(eth_truncated, 8, "frames dropped: shorter than their headers")                          \
    X(eth_foreign, 9, "frames dropped: not for our Ethernet address")                          \
    X(eth_type, 10, "frames dropped: Ethernet type not served")                                \
    X(ip_foreign, 11, "packets dropped: not for a local address")                              \
    X(arp_in, 12, "ARP packets received")                                                      \
    X(nd_in, 13, "neighbour discovery messages received")                                      \
    X(echo_in, 14, "echo requests answered")                                                   \
    X(icmp_other, 15, "ICMP messages ignored or malformed")                                    \
    X(ip_malformed, 16, "packets dropped: IP header or length wrong")                          \
    X(ip_checksum, 17, "packets dropped: IPv4 header checksum wrong")                          \
    X(ip_fragment, 18, "packets dropped: IP fragment")                                         \
    X(ip_options, 19, "packets dropped: IPv4 options or IPv6 extension headers")               \
    X(ip_protocol, 20, "packets dropped: neither UDP nor ICMP")                                \
    X(udp_malformed, 21, "packets dropped: UDP length wrong")                                  \
    X(udp_checksum, 22, "packets dropped: UDP checksum wrong or (IPv6) missing")               \
    X(l4_checksum, 23, "packets dropped: ICMP checksum wrong")                                 \
    X(no_transport, 24, "datagrams dropped: no transport on the port")                         \
    X(remote_mismatch, 25, "media dropped: source is not the signalled address")               \
    X(stun_in, 26, "STUN datagrams dropped: no ICE on the transport")                          \
    X(dtls_in, 27, "DTLS datagrams received")                                                  \
    X(rtp_in, 28, "RTP or SRTP packets received")                                              \
    X(rtcp_in, 29, "RTCP or SRTCP packets received")                                           \
    X(first_byte, 30, "datagrams dropped: first byte is no protocol of ours (RFC 7983)")       \
    X(wrong_mode, 31, "datagrams dropped: protocol does not belong on this transport")         \
    X(rtp_malformed, 32, "RTP dropped: shorter than its header")                               \
    X(rtcp_malformed, 33, "RTCP dropped: compound packet malformed")                           \
    X(no_keys_in, 34, "media dropped: arrived before the keys")                                \
    X(no_keys_out, 35, "media dropped: destination has no keys yet")                           \
    X(no_route, 36, "media dropped: no route for it")                                          \
    X(no_destination, 37, "media dropped: destination closed or without remote address")       \
    X(route_mode, 38, "media dropped: RTP routed to an RTCP transport or the reverse")         \
    X(too_long, 39, "packets dropped: longer than a frame can be")                             \
    X(auth_failed, 40, "SRTP dropped: authentication failed")                                  \
    X(replayed, 41, "SRTP dropped: replayed or too old")                                       \
    X(streams_full, 42, "media dropped: too many SSRCs")                                       \
    X(streams_created, 43, "SRTP streams created")                                             \
    X(streams_evicted, 44, "SRTP streams freed when idle")                                     \
    X(key_expired, 45, "SRTP dropped: key used up (RFC 3711 9.2)")                             \
    X(crypto_failed, 46, "SRTP dropped: cryptographic library failed")                         \
    X(index_reused, 47, "media dropped: would use an SRTP index twice")                        \
    X(link_commands, 48, "commands received from sluiced")                                     \
    X(link_refused, 49, "commands refused")                                                    \
    X(dtls_up, 50, "DTLS datagrams handed to sluiced")                                         \
    X(dtls_up_full, 51, "DTLS datagrams dropped: ring to sluiced full or sluiced away")        \
    X(dtls_rate, 52, "DTLS datagrams dropped: rate of strangers exceeded")                     \
    X(dtls_down, 53, "DTLS datagrams sent for sluiced")                                        \
    X(dtls_down_refused, 54, "DTLS datagrams of sluiced dropped: no transport or destination") \
    X(events_full, 55, "events dropped: ring to sluiced full")                                 \
    X(rtp_out, 56, "RTP or SRTP packets sent")                                                 \
    X(rtcp_out, 57, "RTCP or SRTCP packets sent")                                              \
    X(no_neighbour, 58, "packets dropped: neighbour not resolved yet")                         \
    X(neighbour_asked, 59, "ARP requests and neighbour solicitations sent")                    \
    X(neighbours_full, 60, "packets dropped: neighbour cache full")                            \
    X(transports, 61, "transports open now")                                                   \
    X(streams, 62, "SRTP streams in use now")                                                  \
    X(sleeps, 63, "times the idle worker slept")                                               \
    X(fanout_in, 64, "packets that go to several receivers")                                   \
    X(fanout_out, 65, "copies of them made")                                                   \
    X(source_switches, 66, "times a receiver's stream got another source")                     \
    X(source_late, 67, "media dropped: from before the switch of source")                      \
    X(source_other, 68, "media dropped: another SSRC is followed")                             \
    X(mtu_exceeded, 69, "packets dropped: protected they exceed the path's MTU")               \
    X(frame_jumbo, 70, "frames dropped: longer than a buffer")                                 \
    X(vlan_tagged, 71, "frames dropped: VLAN tag")                                             \
    X(rtp_version, 72, "media dropped: RTP version 0, 1 or 3")                                 \
    X(rtp_csrc, 73, "RTP dropped: CSRC list beyond the packet")                                \
    X(rtp_extension, 74, "RTP dropped: header extension beyond the packet")                    \
    X(rtp_padding, 75, "RTP dropped: padding longer than the payload")                         \
    X(rtcp_taken, 76, "RTCP packets taken in by the data plane itself")                        \
    X(rtcp_reports, 77, "RTCP reports of our own sent")                                        \
    X(rtcp_failed, 78, "RTCP of our own not sent: no buffer, keys or remote")                  \
    X(rtcp_unserved, 79, "RTCP messages dropped: APP, XR or unknown type")                     \
    X(feedback_in, 80, "RTCP feedback messages received")                                      \
    X(feedback_passed, 81, "feedback messages sent on to the source")                          \
    X(feedback_merged, 82, "feedback dropped: the source was asked just before")               \
    X(feedback_stray, 83, "feedback dropped: names no stream that we send")                    \
    X(feedback_gone, 84, "feedback dropped: about a source that is gone")                      \
    X(feedback_unserved, 85, "feedback dropped: kind not served here")                         \
    X(keyframes_asked, 86, "key frames asked for after a switch of source")                    \
    X(rtcp_collisions, 87, "times a peer took our own SSRC")                                   \
    X(dtls_passed, 88, "DTLS datagrams passed on unopened")                                    \
    X(media_passed, 89, "SRTP and SRTCP packets passed on unopened")                           \
    X(stun_answered, 90, "STUN checks answered")                                               \
    X(stun_malformed, 91, "STUN dropped: no well-formed binding request")                      \
    X(stun_foreign, 92, "STUN dropped: not the transport's user name or password")             \
    X(stun_refused, 93, "STUN checks answered by an error: role, unknown attribute")           \
    X(stun_rate, 94, "STUN dropped: rate exceeded")                                            \
    X(ice_selected, 95, "times a check selected the remote address")                           \
    X(mixes, 96, "mixes open now")                                                             \
    X(mix_members, 97, "members of mixes now")                                                 \
    X(mix_in, 98, "RTP packets given to mixers")                                               \
    X(mix_refused, 99, "RTP refused by mixers: duplicate, empty, too fast, codec error")       \
    X(mix_late, 100, "RTP refused by mixers: after its turn to be played")                     \
    X(mix_out, 101, "RTP packets made by mixers")                                              \
    X(mix_ticks, 102, "rooms mixed, each 20 ms")                                               \
    X(mix_ticks_late, 103, "rooms mixed more than half a tick after their time")               \
    X(mix_ticks_lost, 104, "rooms not mixed: the worker was away too long")                    \
    X(mix_digits, 105, "telephone-events recognised by mixers")                                \
    X(mix_played, 106, "announcements begun")                                                  \
    X(files_open, 107, "recordings and captures open now")                                     \
    X(record_blocks, 108, "blocks of 20 ms given to the writer")                               \
    X(record_dropped, 109, "blocks of 20 ms dropped: the writer was behind")                   \
    X(capture_packets, 110, "packets given to the writer")                                     \
    X(capture_dropped, 111, "packets not captured: the writer was behind")                     \
    X(source_waits, 112, "media dropped: before the key frame of a new source")                \
    X(source_blind, 113, "switches of source without a key frame: it did not come in time")

enum link_counter {
#define LINK_COUNTER_ENUM(name, number, text) LINK_COUNTER_##name = (number),
    LINK_COUNTER_LIST(LINK_COUNTER_ENUM)
#undef LINK_COUNTER_ENUM
        LINK_COUNTERS = 114
};

struct link_counters {
    uint64_t value[LINK_COUNTERS]; /* by enum link_counter */
    uint64_t reserved[6];          /* whole cache lines a worker */
};

/* Name ("rx_frames") and text of a counter; "unknown" beyond the list. */
const char *link_counter_name(unsigned counter);
const char *link_counter_text(unsigned counter);

/* What a transport is, for lists and for a sluiced that comes back. */
struct link_transport_info {
    struct link_id id;
    struct link_addr local;
    struct link_addr remote;
    uint8_t mode; /* enum link_mode */
    uint8_t producer;
    uint8_t claimed; /* 0: opened by an earlier sluiced and not claimed since */
    uint8_t profile; /* enum link_profile, 0 = no keys */
    uint16_t flags;
    uint8_t dscp;
    uint8_t routes; /* rows of its routing table */
    char session[LINK_TAG_SIZE];
    char conference[LINK_TAG_SIZE];
    uint64_t opened_ms; /* CLOCK_MONOTONIC */
};

/* What a mix is, for lists and for a sluiced that comes back. */
struct link_mix_info {
    struct link_id id;
    uint32_t rate;
    uint16_t members_max;
    uint8_t loudest;
    uint8_t producer;
    uint8_t claimed; /* 0: opened by an earlier sluiced and not claimed since */
    uint8_t reserved[7];
    char conference[LINK_TAG_SIZE];
    uint64_t opened_ms; /* CLOCK_MONOTONIC */
};

_Static_assert(sizeof(struct link_counters) == 960, "fifteen cache lines");
_Static_assert(sizeof(struct link_mix_info) == 80, "whole words, no padding");
_Static_assert(sizeof(struct link_transport_info) == 160, "whole words, no padding");

#endif
