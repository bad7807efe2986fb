/* RFC 8866 descriptions with DTLS: what SIP servers and browsers send, and what nobody should. */
#include "base/err.h"
#include "signalling/sdp/sdp.h"
#include "tests/suite.h"

#define FP256                                                                  \
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:" \
    "7D:46:3F:54:42:CD:54:F1"

static struct sdp sdp, back;
static struct sdp_error error;

static int parse(const char *text)
{
    return sdp_parse(text, strlen(text), &sdp, &error);
}

static void check_addr(const struct addr *a, const char *text)
{
    char buf[ADDR_TEXT_MAX];

    CU_ASSERT_STRING_EQUAL(addr_format(a, buf), text);
}

/* RFC 5763 section 7.1's kind of offer, as SIP servers with DTLS-SRTP send it. */
static const char sip_offer[] =
    "v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\n"
    "t=0 0\r\nm=audio 54113 UDP/TLS/RTP/SAVP 8 0 96\r\na=rtpmap:96 opus/48000/2\r\n"
    "a=fmtp:96 useinbandfec=1; maxaveragebitrate=20000\r\na=ptime:20\r\na=sendrecv\r\n"
    "a=setup:actpass\r\na=connection:new\r\na=fingerprint:SHA-256 " FP256 "\r\na=rtcp-mux\r\n";

static void offer_of_a_sip_server_is_read(void)
{
    const struct sdp_media *m = &sdp.media[0];

    CU_ASSERT_EQUAL_FATAL(parse(sip_offer), 0);
    CU_ASSERT_STRING_EQUAL(sdp.user, "alice");
    CU_ASSERT_EQUAL(sdp.id, 2890844526u);
    CU_ASSERT_EQUAL(sdp.version, 2890844527u);
    CU_ASSERT_EQUAL_FATAL(sdp.media_count, 1);
    CU_ASSERT_EQUAL(m->kind, SDP_KIND_AUDIO);
    CU_ASSERT_EQUAL(m->proto, SDP_PROTO_DTLS_SAVP);
    check_addr(&m->address, "192.0.2.101:54113");
    check_addr(&m->rtcp, "192.0.2.101:54113");
    CU_ASSERT_TRUE(m->rtcp_mux);
    CU_ASSERT_EQUAL(m->direction, SDP_SENDRECV);
    CU_ASSERT_EQUAL(m->ptime_ms, 20);
    CU_ASSERT_EQUAL_FATAL(m->format_count, 3);
    CU_ASSERT_STRING_EQUAL(m->format[2].name, "opus");
    CU_ASSERT_EQUAL(m->format[2].clock, 48000);
    CU_ASSERT_EQUAL(m->format[2].channels, 2);
    CU_ASSERT_STRING_EQUAL(m->format[2].fmtp, "useinbandfec=1; maxaveragebitrate=20000");
    CU_ASSERT_PTR_EQUAL(sdp_find_format(m, "pcma", 8000), &m->format[0]);
    CU_ASSERT_PTR_EQUAL(sdp_find_format(m, "OPUS", 48000), &m->format[2]);
    CU_ASSERT_PTR_NULL(sdp_find_format(m, "G722", 8000));
    CU_ASSERT_EQUAL_FATAL(m->dtls.fingerprint_count, 1);
    CU_ASSERT_EQUAL(m->dtls.fingerprint[0].hash, FINGERPRINT_SHA256);
    CU_ASSERT_EQUAL(m->dtls.fingerprint[0].digest[0], 0x4a);
    CU_ASSERT_EQUAL(m->dtls.fingerprint[0].digest[31], 0xf1);
    CU_ASSERT_TRUE(m->dtls.has_setup && m->dtls.setup == H23510_SETUP_ACTPASS);
    CU_ASSERT_TRUE(m->dtls.has_connection && m->dtls.connection == H23510_CONNECTION_NEW);
}

static void session_level_values_hold_for_silent_media(void)
{
    CU_ASSERT_EQUAL_FATAL(
        parse("v=0\no=- 1 1 IN IP6 2001:db8::1\ns=x\nc=IN IP6 2001:db8::1\nt=0 0\n"
              "a=setup:active\na=fingerprint:sha-256 " FP256 "\na=recvonly\n"
              "m=audio 5000 UDP/TLS/RTP/SAVPF 0\n"
              "m=video 6000 UDP/TLS/RTP/SAVPF 97\nc=IN IP6 2001:db8::2\n"
              "a=setup:passive\na=sendonly\na=rtcp:7001\n"
              "m=audio 7000 RTP/AVP 8\na=rtcp:9000 IN IP6 2001:db8::9\n"),
        0);
    CU_ASSERT_EQUAL_FATAL(sdp.media_count, 3);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.setup, H23510_SETUP_ACTIVE);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint_count, 1);
    CU_ASSERT_EQUAL(sdp.media[0].direction, SDP_RECVONLY);
    check_addr(&sdp.media[0].address, "[2001:db8::1]:5000");
    check_addr(&sdp.media[0].rtcp, "[2001:db8::1]:5001");
    CU_ASSERT_EQUAL(sdp.media[1].dtls.setup, H23510_SETUP_PASSIVE);
    CU_ASSERT_EQUAL(sdp.media[1].dtls.fingerprint_count, 1);
    CU_ASSERT_EQUAL(sdp.media[1].direction, SDP_SENDONLY);
    check_addr(&sdp.media[1].address, "[2001:db8::2]:6000");
    check_addr(&sdp.media[1].rtcp, "[2001:db8::2]:7001");
    check_addr(&sdp.media[2].rtcp, "[2001:db8::9]:9000");
}

static void offer_of_a_browser_is_read(void)
{
    const struct sdp_media *m = sdp.media;

    CU_ASSERT_EQUAL_FATAL(
        parse(
            "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
            "a=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n"
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8\r\nc=IN IP4 0.0.0.0\r\n"
            "a=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlys\r\n"
            "a=fingerprint:sha-256 " FP256 "\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\n"
            "a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
            "a=ice-ufrag:4ZcD\r\na=fingerprint:sha-256 " FP256 "\r\na=setup:actpass\r\n"
            "a=mid:1\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"),
        0);
    CU_ASSERT_EQUAL_FATAL(sdp.media_count, 2);
    CU_ASSERT_TRUE(m[0].ice.is_set);
    CU_ASSERT_EQUAL(m[0].format_count, 5);
    CU_ASSERT_STRING_EQUAL(m[0].mid, "0");
    CU_ASSERT_EQUAL(m[1].proto, SDP_PROTO_DTLS_SCTP);
    CU_ASSERT_EQUAL(m[1].kind, SDP_KIND_APP);
    CU_ASSERT_STRING_EQUAL(m[1].format_text, "webrtc-datachannel");
    CU_ASSERT_EQUAL(m[1].sctp_port, 5000);
    CU_ASSERT_EQUAL(m[1].max_message_size, 262144);
}

static void bundle_ice_and_tls_id_are_read(void)
{
    const struct sdp_media *m = sdp.media;
    uint64_t mark;

    CU_ASSERT_EQUAL_FATAL(
        parse("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\na=ice-lite\n"
              "a=group:LS a c\na=group:BUNDLE a b\na=tls-id:abcdefghijklmnopqrst\n"
              "a=ice-ufrag:sess\na=ice-pwd:passwordpasswordpassword\n"
              "m=audio 5000 UDP/TLS/RTP/SAVPF 0\na=mid:a\n"
              "m=video 5000 UDP/TLS/RTP/SAVPF 97 98\na=mid:b\na=rtcp-fb:* nack\n"
              "a=rtcp-fb:98 nack pli\na=rtcp-fb:97 ccm fir\na=rtcp-fb:97 goog-remb\n"
              "m=audio 6000 UDP/TLS/RTP/SAVPF 0\na=mid:c\na=ice-ufrag:own\n"),
        0);
    CU_ASSERT_TRUE(sdp.is_ice_lite && sdp.has_bundle);
    CU_ASSERT_TRUE(m[0].is_bundled && m[1].is_bundled && !m[2].is_bundled);
    CU_ASSERT_STRING_EQUAL(m[1].dtls.tls_id, "abcdefghijklmnopqrst");
    CU_ASSERT_TRUE(m[0].ice.is_set && m[0].ice.mark == m[1].ice.mark);
    CU_ASSERT_NOT_EQUAL(m[0].ice.mark, m[2].ice.mark);
    CU_ASSERT_EQUAL(m[0].format[0].feedback, 0);
    CU_ASSERT_EQUAL(m[1].format[0].feedback, SDP_FEEDBACK_NACK | SDP_FEEDBACK_FIR);
    CU_ASSERT_EQUAL(m[1].format[1].feedback, SDP_FEEDBACK_NACK | SDP_FEEDBACK_PLI);
    mark = m[0].ice.mark;
    CU_ASSERT_EQUAL_FATAL(parse("v=0\nm=audio 5000 UDP/TLS/RTP/SAVPF 0\na=ice-ufrag:sess\n"
                                "a=ice-pwd:passwordpasswordpassworx\n"),
                          0);
    CU_ASSERT_NOT_EQUAL(sdp.media[0].ice.mark, mark); /* a restart */
}

static void bundle_with_ice_is_written(void)
{
    char text[4096];
    size_t len;

    CU_ASSERT_EQUAL_FATAL(parse("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
                                "a=group:BUNDLE a b c\na=fingerprint:sha-256 " FP256
                                "\na=setup:actpass\n"
                                "m=audio 5000 UDP/TLS/RTP/SAVPF 0\na=mid:a\na=rtcp-mux\n"
                                "m=video 5000 UDP/TLS/RTP/SAVPF 97\na=mid:b\na=rtcp-mux\n"
                                "m=audio 5000 UDP/TLS/RTP/SAVPF 0\na=mid:c\n"),
                          0);
    sdp.is_ice_lite = true;
    sdp.media[0].ice.is_set = sdp.media[1].ice.is_set = true;
    strcpy(sdp.media[0].ice.ufrag, "ours");
    strcpy(sdp.media[0].ice.password, "secretsecretsecretsecret");
    sdp.media[1].is_silent = true;
    sdp.media[1].format[0].feedback = SDP_FEEDBACK_PLI | SDP_FEEDBACK_FIR | SDP_FEEDBACK_NACK;
    sdp.media[2].port = 0;
    CU_ASSERT_EQUAL_FATAL(sdp_write(&sdp, text, sizeof(text), &len), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "a=ice-lite\r\na=group:BUNDLE a b\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "a=ice-ufrag:ours\r\na=ice-pwd:secretsecretsecretsecret\r\n"
                                        "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\r\n"
                                        "a=end-of-candidates\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "a=rtcp-fb:97 nack\r\na=rtcp-fb:97 nack pli\r\n"
                                        "a=rtcp-fb:97 ccm fir\r\n"));
    /* The transport is told of once (RFC 8843 section 7.1.3). */
    CU_ASSERT_PTR_NULL(strstr(strstr(text, "m=video"), "a=fingerprint"));
    CU_ASSERT_PTR_NULL(strstr(strstr(text, "m=video"), "a=ice-ufrag"));
    CU_ASSERT_PTR_NOT_NULL(strstr(strstr(text, "m=video"), "a=rtcp-mux"));
}

static void unknown_hashes_and_attributes_are_skipped(void)
{
    CU_ASSERT_EQUAL_FATAL(parse("v=0\ns=-\nm=audio 5000 UDP/TLS/RTP/SAVP 0\na=x-future:1\n"
                                "a=fingerprint:sha3-256 AA:BB\na=fingerprint:md5 AA\n"
                                "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\nz=0 0\n"),
                          0);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint_count, 0);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.unknown_hashes, 1);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.forbidden_hashes, 1);
    CU_ASSERT_EQUAL(sdp.media[0].address.family, ADDR_NONE);
}

/* RFC 8122 section 5: the session's hold where a medium has none of its own, however many. */
static void several_fingerprints_are_kept_and_media_have_their_own(void)
{
    CU_ASSERT_EQUAL_FATAL(
        parse("v=0\ns=-\nc=IN IP4 192.0.2.1\na=fingerprint:sha-256 " FP256
              "\na=fingerprint:sha-256 " FP256 "\nm=audio 5000 UDP/TLS/RTP/SAVP 0\n"
              "m=video 5002 UDP/TLS/RTP/SAVP 97\na=fingerprint:sha-256 " FP256
              "\nm=audio 5004 UDP/TLS/RTP/SAVP 0\na=fingerprint:sha3-256 AA:BB\n"),
        0);
    CU_ASSERT_EQUAL(sdp.media[0].dtls.fingerprint_count, 2);
    CU_ASSERT_EQUAL(sdp.media[1].dtls.fingerprint_count, 1);
    /* By a hash that we do not know: the session's would be another certificate's. */
    CU_ASSERT_EQUAL(sdp.media[2].dtls.fingerprint_count, 0);
    CU_ASSERT_EQUAL(sdp.media[2].dtls.unknown_hashes, 1);
}

static void bad_lines_are_named(void)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *wanted;
    } rows[] = {
        {"", 0, "v=0"},
        {"x=0\n", 1, "v=0"},
        {"v=1\n", 1, "v=0"},
        {"v=0\nhello\n", 2, "a letter"},
        {"v=0\n\nm=audio 1 RTP/AVP 0\n", 2, "a letter"},
        {"v=0\no=- x 1 IN IP4 192.0.2.1\n", 2, "o="},
        {"v=0\nc=IN IP5 192.0.2.1\n", 2, "IN IP4"},
        {"v=0\nc=IN IP6 192.0.2.1\n", 2, "family"},
        {"v=0\nc=IN IP4 192.0.2.1:80\n", 2, "family"},
        {"v=0\ns=-\nm=audio 65536 RTP/AVP 0\n", 3, "m="},
        {"v=0\ns=-\nm=audio -1 RTP/AVP 0\n", 3, "m="},
        {"v=0\ns=-\nm=audio 1 RTP/AVP\n", 3, "a format"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 128\n", 3, "payload types"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 0\na=rtpmap:0 PCMU\n", 4, "a payload type"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 0\na=setup:both\n", 4, "active"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 0\na=connection:old\n", 4, "new or"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 0\na=fingerprint:sha-256 AA:BB\n", 4, "a fingerprint"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 0\na=rtcp:x\n", 4, "a port"},
        {"v=0\ns=-\nm=audio 1 RTP/AVP 0\na=sctp-port:70000\n", 4, "a number"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(parse(rows[i].text), ERR_MALFORMED);
        CU_ASSERT_EQUAL(error.line, rows[i].line);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.wanted, rows[i].wanted));
    }
    CU_ASSERT_EQUAL(sdp_parse("v=0\n\0", 5, &sdp, &error), ERR_MALFORMED);
}

static void sizes_are_bounded(void)
{
    static char big[SDP_TEXT_MAX + 2];
    size_t len = 0;

    memset(big, 'x', sizeof(big));
    memcpy(big, "v=0\ns=", 6);
    CU_ASSERT_EQUAL(sdp_parse(big, SDP_TEXT_MAX + 1, &sdp, &error), ERR_LIMIT);
    len = (size_t)sprintf(big, "v=0\n");
    for (unsigned i = 0; i <= SDP_MEDIA_MAX; i++)
        len += (size_t)sprintf(big + len, "m=audio %u RTP/AVP 0\n", 5000 + i);
    CU_ASSERT_EQUAL(sdp_parse(big, len, &sdp, &error), ERR_LIMIT);
    len = (size_t)sprintf(big, "v=0\nm=audio 1 RTP/AVP");
    for (unsigned i = 0; i < 100; i++)
        len += (size_t)sprintf(big + len, " %u", i);
    CU_ASSERT_EQUAL(sdp_parse(big, len, &sdp, &error), 0);
    CU_ASSERT_EQUAL(sdp.media[0].format_count, SDP_FORMATS_MAX);
    CU_ASSERT_EQUAL(sdp_write(&sdp, big, 20, &len), ERR_LIMIT);
}

static void what_is_written_is_read_again(void)
{
    char text[4096];
    size_t len = 0;

    CU_ASSERT_EQUAL_FATAL(parse(sip_offer), 0);
    CU_ASSERT_EQUAL_FATAL(sdp_write(&sdp, text, sizeof(text), &len), 0);
    CU_ASSERT_EQUAL(len, strlen(text));
    CU_ASSERT_EQUAL_FATAL(sdp_parse(text, len, &back, &error), 0);
    CU_ASSERT_EQUAL(memcmp(&sdp, &back, sizeof(sdp)), 0);
    sdp.media[0].port = 0; /* refused */
    CU_ASSERT_EQUAL_FATAL(sdp_write(&sdp, text, sizeof(text), &len), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "m=audio 0 UDP/TLS/RTP/SAVP 8 0 96\r\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "fingerprint"));
}

static void direction_is_mirrored(void)
{
    CU_ASSERT_EQUAL(sdp_mirror(SDP_SENDRECV), SDP_SENDRECV);
    CU_ASSERT_EQUAL(sdp_mirror(SDP_SENDONLY), SDP_RECVONLY);
    CU_ASSERT_EQUAL(sdp_mirror(SDP_RECVONLY), SDP_SENDONLY);
    CU_ASSERT_EQUAL(sdp_mirror(SDP_INACTIVE), SDP_INACTIVE);
}

SUITE("sdp/sdp", TEST(offer_of_a_sip_server_is_read),
      TEST(session_level_values_hold_for_silent_media), TEST(offer_of_a_browser_is_read),
      TEST(bundle_ice_and_tls_id_are_read), TEST(bundle_with_ice_is_written),
      TEST(unknown_hashes_and_attributes_are_skipped),
      TEST(several_fingerprints_are_kept_and_media_have_their_own), TEST(bad_lines_are_named),
      TEST(sizes_are_bounded), TEST(what_is_written_is_read_again), TEST(direction_is_mirrored))
